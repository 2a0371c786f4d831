//! Organizational units.

use super::tags::TAGS;
use super::{
    Attr, BlockSchema, Body, Category, Computed, Context, Home, Kind, KindSchema, Recovery, Ty,
};
use crate::diag::Diagnostics;
use crate::value::Attrs;

/// The pure half.
pub(super) struct OrganizationalUnit;

/// Where units and accounts hang: the root or a unit.
pub(super) const PARENT: Attr = Attr::optional(
    "parent",
    Ty::Ref { kinds: &["organization", "organizational_unit"], text: true },
    "The unit above, or the organization for its root (the default).",
);

static SCHEMA: KindSchema = KindSchema {
    kind: "organizational_unit",
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
    after: &["organization"],
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganizationalUnit.html",
    ..KindSchema::BASE
};

impl Kind for OrganizationalUnit {
    fn schema(&self) -> &'static KindSchema {
        &SCHEMA
    }

    fn desired(&self, _body: &Body, _cx: &Context) -> Result<Attrs, Diagnostics> {
        Ok(Attrs::new())
    }

    fn computed(&self, _desired: &Attrs, _cx: &Context) -> Attrs {
        Attrs::new()
    }

    fn natural_key(&self, _attrs: &Attrs) -> Option<String> {
        None
    }
}
