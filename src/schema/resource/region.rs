//! Where an object is: its Region, in the block and in the object's key.

use crate::diag::did_you_mean;
use crate::ids::{Partition, Region};
use crate::resource_types::{TypePlacement, TypeSchema, placement};
use crate::schema::pure_half::KindContext;
use crate::schema::read::Reader;
use crate::value::{Attrs, Value};

/// The attribute that says it.
pub const REGION: &str = "region";

/// The attribute that says several, for one object each.
pub const REGIONS: &str = "regions";

/// What stands between identifier and Region.
const AT: char = '@';

/// The key of an object: its identifier, and its Region.
#[must_use]
pub fn with_region(id: &str, region: &str) -> String {
    format!("{id}{AT}{region}")
}

/// The identifier and the Region of a key. An identifier alone has none.
#[must_use]
pub fn in_region(key: &str) -> (&str, Option<&str>) {
    match key.rsplit_once(AT) {
        Some((id, region)) if is_code(region) => (id, Some(region)),
        _ => (key, None),
    }
}

/// Whether a text has the form of a Region's code. AWS opens Regions that this build does not list.
fn is_code(text: &str) -> bool {
    text.parse::<Region>().is_ok()
        && text.matches('-').count() >= 2
        && text.ends_with(|c: char| c.is_ascii_digit())
}

/// The Region of a block: what it says, or its account's. What one Region serves for all is there.
pub(super) fn read(
    ty: &TypeSchema,
    attrs: &Attrs,
    reader: &mut Reader<'_>,
    context: &KindContext,
) -> String {
    let partition = Partition::of_region(&context.region);
    let (why, is_pinned) = match placement(&ty.name) {
        TypePlacement::Regional => (String::new(), false),
        TypePlacement::Global => {
            (format!("objects of `{}` are the same in every Region", ty.name), true)
        }
        TypePlacement::Single => (format!("one Region alone has `{}`", ty.name), true),
        TypePlacement::GlobalWhere { property, value } => {
            let is_global = attrs.get(property).and_then(Value::as_str) == Some(value);
            let why = format!(
                "a `{}` with `{property} = \"{value}\"` is the same in every Region",
                ty.name
            );
            (why, is_global)
        }
    };
    let pinned = is_pinned.then(|| partition.global_region());
    let Some(region) = reader.known(REGION) else {
        return pinned.unwrap_or(&context.region).to_owned();
    };
    if !Region::listed().contains(&region.as_str()) {
        let help = did_you_mean(&region, Region::listed().iter().copied());
        let help = help.unwrap_or_else(|| "write its code, as in `eu-west-1`".to_owned());
        reader.error(REGION, format!("there is no Region `{region}`"), help);
    } else if Partition::of_region(&region) != partition {
        let other = Partition::of_region(&region);
        reader.error(
            REGION,
            format!("`{region}` is in the partition `{other}`, and the account in `{partition}`"),
            "an account reaches the Regions of its own partition alone",
        );
    } else if let Some(pinned) = pinned.filter(|pinned| *pinned != region) {
        reader.error(
            REGION,
            format!("{why}, and managed in `{pinned}`"),
            format!("leave `{REGION}` and `{REGIONS}` out"),
        );
    }
    region
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_region() {
        let key = with_region("hello@acme.example|b", "eu-west-1");
        assert_eq!(in_region(&key), ("hello@acme.example|b", Some("eu-west-1")));
        assert_eq!(in_region("hello@acme.example"), ("hello@acme.example", None));
        assert_eq!(in_region("vpc-1"), ("vpc-1", None));
        // One that this build does not list.
        assert_eq!(in_region(&with_region("vpc-1", "xx-north-9")), ("vpc-1", Some("xx-north-9")));
    }
}
