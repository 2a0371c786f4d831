//! Organization policies: service control policies and resource control policies.

use super::policy::STATEMENTS;
use super::tags::TAGS;
use super::{
    Attr, BlockSchema, Body, Category, Computed, Context, Home, Kind, KindSchema, Recovery, Ty,
};
use crate::diag::Diagnostics;
use crate::value::Attrs;

/// The pure half of both kinds.
pub(super) struct OrgPolicy {
    schema: &'static KindSchema,
}

/// Service control policies.
pub(super) static SERVICE_CONTROL_POLICY: OrgPolicy = OrgPolicy { schema: &SCP };
/// Resource control policies.
pub(super) static RESOURCE_CONTROL_POLICY: OrgPolicy = OrgPolicy { schema: &RCP };

const BLOCK: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional(
            "name",
            Ty::String,
            "Its name, unique in the organization; the block's label by default.",
        ),
        Attr::optional("description", Ty::String, "What it is for."),
        Attr::optional(
            "content",
            Ty::Policy,
            "The document, as JSON text or an object; or `statement` blocks.",
        ),
        Attr::optional(
            "targets",
            Ty::Set(&Ty::Ref {
                kinds: &["organization", "organizational_unit", "account"],
                text: true,
            }),
            "The root, units and accounts that it is attached to.",
        ),
        Attr::optional(
            "exclusive",
            Ty::Bool,
            "Also detach it where it was attached outside Palisade (default false).",
        ),
        TAGS,
    ],
    blocks: &[STATEMENTS],
};

const COMPUTED: &[Computed] =
    &[Computed { name: "id", doc: "Its id, `p-...`." }, Computed { name: "arn", doc: "Its ARN." }];

const BASE: KindSchema = KindSchema {
    category: Category::Organization,
    home: Home::Organization,
    block: BLOCK,
    computed: COMPUTED,
    recovery: Recovery::Tags,
    policies: &["content"],
    attachments: Some("targets"),
    after: &["organization"],
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreatePolicy.html",
    ..KindSchema::BASE
};

static SCP: KindSchema =
    KindSchema { kind: "service_control_policy", what: "a service control policy", ..BASE };
static RCP: KindSchema =
    KindSchema { kind: "resource_control_policy", what: "a resource control policy", ..BASE };

impl Kind for OrgPolicy {
    fn schema(&self) -> &'static KindSchema {
        self.schema
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
