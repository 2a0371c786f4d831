//! The organization itself: its feature set, enabled policy types and trusted services.

use super::{
    Attr, BlockSchema, Body, Category, Computed, Context, Home, Kind, KindSchema, Nested, Recovery,
    Ty,
};
use crate::diag::Diagnostics;
use crate::value::{Attrs, Value};

/// The pure half.
pub(super) struct Organization;

const LIMITS: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional("scp_per_target", Ty::Number, "Service control policies per target."),
        Attr::optional("scp_size", Ty::Number, "Characters of a service control policy."),
        Attr::optional("rcp_per_target", Ty::Number, "Resource control policies per target."),
        Attr::optional("rcp_size", Ty::Number, "Characters of a resource control policy."),
        Attr::optional("trust_policy_size", Ty::Number, "Characters of a role's trust policy."),
        Attr::optional(
            "managed_policies_per_role",
            Ty::Number,
            "Managed policies attached to one role.",
        ),
        Attr::optional("versions_per_policy", Ty::Number, "Versions of a managed policy."),
    ],
    blocks: &[],
};

static SCHEMA: KindSchema = KindSchema {
    kind: "organization",
    what: "the organization",
    category: Category::Organization,
    home: Home::Organization,
    block: BlockSchema {
        attrs: &[
            Attr::optional(
                "management_account_id",
                Ty::String,
                "Id of the management account; discovered when absent, checked when given.",
            ),
            Attr::optional(
                "enabled_policy_types",
                Ty::Set(&Ty::String),
                "Policy types enabled in the root: `SERVICE_CONTROL_POLICY`, `RESOURCE_CONTROL_POLICY`, `TAG_POLICY`, ...",
            ),
            Attr::optional(
                "trusted_services",
                Ty::Set(&Ty::String),
                "Services with trusted access to the organization, such as `cloudtrail.amazonaws.com`.",
            ),
            Attr::optional(
                "protect_principals",
                Ty::List(&Ty::String),
                "Principals that no planned policy may lock out.",
            ),
            Attr::optional(
                "exclusive",
                Ty::Bool,
                "Also disable policy types and services that were enabled outside Palisade (default false).",
            ),
        ],
        blocks: &[Nested {
            name: "limits",
            labels: &[],
            min: 0,
            max: 1,
            block: &LIMITS,
            doc: "Quotas of this organization where they differ from AWS's defaults.",
        }],
    },
    computed: &[
        Computed { name: "id", doc: "The organization's id, `o-...`." },
        Computed { name: "arn", doc: "Its ARN." },
        Computed { name: "root_id", doc: "Id of its root, `r-...`." },
        Computed { name: "management_account", doc: "Id of the management account." },
    ],
    recovery: Recovery::Singleton,
    adopts: true,
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganization.html",
    ..KindSchema::BASE
};

impl Kind for Organization {
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
        let _ = Value::Null;
        Some("organization".to_owned())
    }
}
