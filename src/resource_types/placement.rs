//! Which resource types one Region serves for the whole partition, from a table.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Where objects of a type can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypePlacement {
    /// In each Region, objects of its own.
    Regional,
    /// The same objects answer in every Region.
    Global,
    /// One Region alone has the type.
    Single,
    /// As [`Self::Global`] where the property has the value.
    GlobalWhere {
        /// The property.
        property: &'static str,
        /// Its value.
        value: &'static str,
    },
}

static ROWS: LazyLock<HashMap<&'static str, TypePlacement>> = LazyLock::new(|| {
    let rows = include_str!("data/placement.txt").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| {
        let (name, place) = row.split_once(' ')?;
        let place = match place {
            "global" => TypePlacement::Global,
            "single" => TypePlacement::Single,
            other => {
                let (property, value) = other.split_once('=')?;
                TypePlacement::GlobalWhere { property, value }
            }
        };
        Some((name, place))
    })
    .collect()
});

/// Where objects of a type can be.
#[must_use]
pub fn placement(kind: &str) -> TypePlacement {
    let name = kind.strip_prefix("AWS::").unwrap_or(kind);
    let service = name.split("::").next().unwrap_or(name);
    let row = ROWS.get(name).or_else(|| ROWS.get(service));
    row.copied().unwrap_or(TypePlacement::Regional)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_name_types_that_there_are() {
        for (name, place) in &*ROWS {
            let of_row = |kind: &str| {
                let kind = kind.strip_prefix("AWS::").unwrap_or(kind);
                kind == *name || kind.starts_with(&format!("{name}::"))
            };
            let types: Vec<_> =
                super::super::entries().iter().filter(|entry| of_row(&entry.name)).collect();
            assert!(!types.is_empty(), "{name}");
            if let TypePlacement::GlobalWhere { property, value } = place {
                for ty in types.iter().filter_map(|entry| entry.load()) {
                    let shape = ty.shape().property(property).expect("it has the property");
                    assert!(shape.choices().contains(value), "{name}");
                }
            }
        }
        let rows = include_str!("data/placement.txt").lines().filter(|l| !l.starts_with('#'));
        assert_eq!(rows.count(), ROWS.len());
    }

    #[test]
    fn a_type_is_found_by_its_service() {
        assert_eq!(placement("AWS::Route53::HostedZone"), TypePlacement::Global);
        assert_eq!(placement("AWS::Route53Resolver::ResolverRule"), TypePlacement::Regional);
        assert_eq!(placement("AWS::ECR::Repository"), TypePlacement::Regional);
        assert_eq!(placement("AWS::ECR::PublicRepository"), TypePlacement::Single);
    }
}
