//! Organizational units.

use super::organization;
use super::read::{ROOT, Reader, Rule, assigned, node, str_attr};
use super::tags;
use super::tags::TAGS;
use super::{
    AccessPart, Attr, BlockSchema, Body, Category, Computed, Context, Home, Kind, KindSchema,
    Meaning, Naming, Quota, Recovery, Repair, Ty,
};
use crate::diag::Diagnostics;
use crate::value::{Attrs, Value};

/// Its name.
pub(super) const KIND: &str = "organizational_unit";

/// The pure half.
pub(super) struct OrganizationalUnit;

/// Where units and accounts hang: the root or a unit.
pub(super) const PARENT: Attr = Attr::optional(
    "parent",
    Ty::Ref { kinds: &[organization::KIND, KIND], text: true },
    "The unit above, or the organization for its root (the default).",
);

static SCHEMA: KindSchema = KindSchema {
    kind: KIND,
    what: "an organizational unit",
    category: Category::Organization,
    home: Home::Organization,
    block: BlockSchema {
        attrs: &[
            Attr::optional("name", Ty::String, "Its name; the block's label by default."),
            PARENT.forces_replacement(),
            TAGS,
        ],
        blocks: &[],
    },
    computed: &[
        Computed { name: "id", doc: "Its id, `ou-...`." },
        Computed { name: "arn", doc: "Its ARN." },
    ],
    recovery: Recovery::Tags,
    replace: &["parent"],
    after: &[organization::KIND],
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganizationalUnit.html",
    ..KindSchema::of(Meaning {
        access: AccessPart::OrganizationalUnit,
        quotas: &[Quota::Depth { limit: "organizational_unit_depth" }],
        repair: Repair::Nothing(
            "the management account changes it, which no policy of an organization limits",
        ),
        naming: Naming::by("name", &["name"]),
        arn: None,
    })
};

const NAME: Rule = Rule {
    what: "unit name",
    min: 1,
    max: 128,
    allowed: |c| !c.is_control(),
    says: "1 to 128 characters",
};

/// The unit or root above, `root` when nothing is said.
pub(super) fn parent(reader: &mut Reader<'_>) -> Value {
    let Some(given) = reader.body.get("parent").filter(|p| !p.value.is_null()) else {
        return ROOT.into();
    };
    match node(&given.value, false) {
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

impl Kind for OrganizationalUnit {
    fn schema(&self) -> &'static KindSchema {
        &SCHEMA
    }

    fn desired(&self, body: &Body, cx: &Context) -> Result<(Attrs, Diagnostics), Diagnostics> {
        let mut reader = Reader::new(body);
        let name = reader.name("name", cx);
        reader.check("name", &name, &NAME);
        let parent = parent(&mut reader);
        let tags = tags::read(&mut reader, cx);
        reader.found.with_warnings(Attrs::from([
            ("name".to_owned(), name),
            ("parent".to_owned(), parent),
            ("tags".to_owned(), tags),
        ]))
    }

    fn computed(&self, _desired: &Attrs, cx: &Context) -> Attrs {
        ["id", "arn"].into_iter().map(|name| (name.to_owned(), assigned(cx, name))).collect()
    }

    /// Names are unique below one parent.
    fn natural_key(&self, attrs: &Attrs) -> Option<String> {
        Some(format!("{}/{}", str_attr(attrs, "parent")?, str_attr(attrs, "name")?))
    }
}
