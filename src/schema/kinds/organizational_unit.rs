//! Organizational units.

use super::organization;
use crate::address::ResourceAddr;
use crate::diag::Diagnostics;
use crate::ids::{AccountId, OrgUnitId, RootId};
use crate::schema::access::AccessPart;
use crate::schema::block_schema::{Attr, BlockSchema, Ty};
use crate::schema::body::Body;
use crate::schema::kind_schema::{Category, Computed, Home, KindSchema, RecoveryMethod};
use crate::schema::meaning::{Meaning, Naming, Quota, Repair};
use crate::schema::pure_half::{KindContext, ManagedKind};
use crate::schema::read::{Reader, TextRule, assigned, attr_of, str_attr};
use crate::schema::tags;
use crate::schema::tags::{TAGS, TagKeys};
use crate::value::{AttrRef, Attrs, StringPart, Value};

/// Its name.
pub(in crate::schema) const KIND: &str = "organizational_unit";

/// The pure half.
pub(in crate::schema) struct OrganizationalUnit;

/// How the organization's root stands in canonical attributes.
pub const ROOT: &str = "root";

/// Where units and accounts hang: the root or a unit.
pub(in crate::schema) const PARENT: Attr = Attr::optional(
    "parent",
    Ty::Ref { kinds: &[organization::KIND, KIND], text: true },
    "The unit above, or the organization for its root (the default).",
);

static SCHEMA: KindSchema = KindSchema {
    kind: KIND,
    what: "an organizational unit",
    block: BlockSchema {
        attrs: &[
            Attr::optional(
                "name",
                Ty::String,
                "Its name; the block's label by default, with its key under `for_each` or `count`.",
            ),
            PARENT.forces_replacement(),
            TAGS,
        ],
        blocks: &[],
    },
    computed: &[
        Computed { name: "id", doc: "Its id, `ou-...`." },
        Computed { name: "arn", doc: "Its ARN." },
    ],
    after: &[organization::KIND],
    resource_types: &["AWS::Organizations::OrganizationalUnit"],
    stands_for: &[("organizations_organizational_unit", "")],
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganizationalUnit.html",
    ..KindSchema::of(
        Category::Organization,
        Home::Organization,
        RecoveryMethod::Tags,
        Meaning {
            access: AccessPart::OrganizationalUnit { parent: PARENT.name },
            quotas: &[Quota::Depth { limit: "organizational_unit_depth", parent: PARENT.name }],
            repair: Repair::Nothing(
                "the management account changes it, which no policy of an organization limits",
            ),
            naming: Naming::by("name", &["name"]),
            rewrite_policy: None,
            arn: None,
        },
    )
};

const NAME: TextRule = TextRule {
    what: "unit name",
    min: 1,
    max: 128,
    allowed: |c| !c.is_control(),
    says: "1 to 128 characters",
};

/// Whether a block is what stands below the units of the tree, where that is wanted too.
pub(in crate::schema) type IsLeaf = fn(&ResourceAddr) -> bool;

/// The root, a unit or, where `leaf` says which blocks are accounts, an account: its id, `root` for the root.
///
/// # Errors
/// What is wrong with it.
pub(in crate::schema) fn node(value: &Value, leaf: Option<IsLeaf>) -> Result<Value, String> {
    let accounts = leaf.is_some();
    match value.reveal() {
        Value::Block(block) => {
            let address = &block.address;
            if organization::means_root(address) {
                Ok(ROOT.into())
            } else if address.kind == KIND || leaf.is_some_and(|is_leaf| is_leaf(address)) {
                Ok(attr_of(block, "id"))
            } else {
                let kind = &address.kind;
                Err(format!("`{address}` cannot stand here: it is a block of kind `{kind}`"))
            }
        }
        Value::Unknown(unknown) => match unknown.parts.as_slice() {
            [StringPart::Ref(AttrRef { address, attr })]
                if organization::is_root(address, attr) =>
            {
                Ok(ROOT.into())
            }
            _ => Ok(Value::Unknown(unknown.clone())),
        },
        Value::String(text) => {
            if text == ROOT || text.parse::<RootId>().is_ok() {
                Ok(ROOT.into())
            } else if text.parse::<OrgUnitId>().is_ok()
                || (accounts && text.parse::<AccountId>().is_ok())
            {
                Ok(text.as_str().into())
            } else {
                Err(format!(
                    "`{text}` is no id of {}",
                    if accounts { "a root, unit or account" } else { "a root or unit" }
                ))
            }
        }
        other => Err(format!("a reference or an id is needed here, not {}", other.type_name())),
    }
}

/// The unit or root above, `root` when nothing is said.
pub(in crate::schema) fn parent(reader: &mut Reader<'_>) -> Value {
    let Some(given) = reader.body.get("parent").filter(|p| !p.value.is_null()) else {
        return ROOT.into();
    };
    match node(&given.value, None) {
        Ok(parent) => parent,
        Err(problem) => {
            reader.error(
                "parent",
                problem,
                "write `organization.NAME` or `organizational_unit.NAME`",
            );
            Value::Null
        }
    }
}

impl ManagedKind for OrganizationalUnit {
    fn schema(&self) -> &'static KindSchema {
        &SCHEMA
    }

    fn desired(
        &self,
        body: &Body,
        context: &KindContext,
    ) -> Result<(Attrs, Diagnostics), Diagnostics> {
        let mut reader = Reader::new(body);
        let name = reader.name("name", context);
        reader.check("name", &name, &NAME);
        let parent = parent(&mut reader);
        let tags = tags::read(&mut reader, context, TagKeys::MindCase);
        reader.diagnostics.with_warnings(Attrs::from([
            ("name".to_owned(), name),
            ("parent".to_owned(), parent),
            ("tags".to_owned(), tags),
        ]))
    }

    fn computed(&self, _desired: &Attrs, context: &KindContext) -> Attrs {
        ["id", "arn"].into_iter().map(|name| (name.to_owned(), assigned(context, name))).collect()
    }

    /// Names are unique below one parent.
    fn natural_key(&self, attrs: &Attrs) -> Option<String> {
        Some(format!("{}/{}", str_attr(attrs, "parent")?, str_attr(attrs, "name")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::ResourceAddr;
    use crate::value::Unknown;

    #[test]
    fn places_in_the_tree() {
        assert_eq!(node(&"r-ab12".into(), None), Ok("root".into()));
        assert_eq!(node(&"ou-ab12-12345678".into(), None), Ok("ou-ab12-12345678".into()));
        assert!(node(&"111122223333".into(), None).is_err());
        assert!(node(&"111122223333".into(), Some(|_| true)).is_ok());
        assert!(node(&"production".into(), Some(|_| true)).is_err());
        let root = Unknown::attr(ResourceAddr::new("organization", "acme"), "root_id");
        assert_eq!(node(&Value::Unknown(root), None), Ok("root".into()));
    }
}
