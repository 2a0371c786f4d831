//! The organization itself: its feature set, enabled policy types and trusted services.

use crate::address::ResourceAddr;
use crate::diag::{Diagnostics, did_you_mean};
use crate::iam::Limits;
use crate::schema::access::{AccessPart, OrganizationDeclaration};
use crate::schema::additive::merge_additive;
use crate::schema::block_schema::{Attr, BlockSchema, Nested, Ty};
use crate::schema::body::Body;
use crate::schema::kind_schema::{Category, Computed, Fixed, Home, KindSchema, RecoveryMethod};
use crate::schema::management_policy::MANAGEMENT_POLICY_TYPES;
use crate::schema::meaning::{Meaning, Naming, Repair};
use crate::schema::pure_half::{KindContext, ManagedKind, OnDestroy};
use crate::schema::read::{Reader, assigned, declared};
use crate::value::{Attrs, Value};

/// Its name.
pub(in crate::schema) const KIND: &str = "organization";

/// The attribute with the id of its root.
const ROOT_ID: &str = "root_id";

/// Whether a reference to `attr` of this object is a reference to the root.
pub(in crate::schema) fn is_root(address: &ResourceAddr, attr: &str) -> bool {
    address.kind == KIND && attr == ROOT_ID
}

/// Whether a block that stands where a node of the organization's tree is wanted means its root.
pub(in crate::schema) fn means_root(address: &ResourceAddr) -> bool {
    address.kind == KIND
}

/// The pure half.
pub(in crate::schema) struct Organization;

const LIMIT_COUNT: usize = Limits::SET_BY_USERS.len();

/// One attribute for each limit that users set, as `iam/limits.rs` declares them.
static LIMIT_ATTRS: [Attr; LIMIT_COUNT] = {
    let mut attrs = [Attr::optional("", Ty::Number, ""); LIMIT_COUNT];
    let (mut slots, mut limits): (&mut [Attr], _) = (&mut attrs, Limits::SET_BY_USERS);
    while let (Some((slot, later)), Some(((name, doc), others))) =
        (slots.split_first_mut(), limits.split_first())
    {
        *slot = Attr::optional(name, Ty::Number, doc);
        (slots, limits) = (later, others);
    }
    attrs
};

static LIMITS: BlockSchema = BlockSchema { attrs: &LIMIT_ATTRS, blocks: &[] };

static SCHEMA: KindSchema = KindSchema {
    kind: KIND,
    what: "the organization",
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
        Computed { name: ROOT_ID, doc: "Id of its root, `r-...`." },
        Computed { name: "management_account_id", doc: "Id of the management account." },
    ],
    adopts: true,
    fixed: &[Fixed {
        name: "management_account_id",
        instead: "use the credentials of that account",
    }],
    resource_types: &["AWS::Organizations::Organization"],
    stands_for: &[("organizations_organization", "")],
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganization.html",
    ..KindSchema::of(
        Category::Organization,
        Home::Organization,
        RecoveryMethod::Singleton,
        Meaning {
            access: AccessPart::Organization(OrganizationDeclaration {
                root: ROOT_ID,
                management_account: "management_account_id",
                policy_types: "enabled_policy_types",
                trusted_services: "trusted_services",
                features: "feature_set",
                protected: "protect_principals",
                limits: "limits",
            }),
            quotas: &[],
            repair: Repair::Nothing(
                "the management account changes it, which no policy of an organization limits",
            ),
            naming: Naming { identity: &["management_account_id"], ..Naming::NONE },
            rewrite_policy: None,
            arn: None,
        },
    )
};

/// Policy types that AWS documents (Organizations API Reference, `EnablePolicyType`).
fn policy_types() -> impl Iterator<Item = &'static str> + Clone {
    let access = ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"];
    access.into_iter().chain(MANAGEMENT_POLICY_TYPES.iter().map(|known| known.name))
}

/// The attributes that hold what others may have enabled too.
const ADDITIVE: [&str; 2] = ["enabled_policy_types", "trusted_services"];

/// What is wrong with the name of a policy type, where it is surely a slip.
pub(super) fn unknown_policy_type(text: &str) -> Option<String> {
    if policy_types().any(|known| known == text) {
        return None;
    }
    // AWS adds types; only what is surely a slip is refused.
    let near = did_you_mean(text, policy_types());
    let shaped = text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    match near {
        Some(near) => Some(format!("unknown policy type `{text}`; {near}")),
        None if !shaped || text.is_empty() => Some(format!("unknown policy type `{text}`")),
        None => None,
    }
}

fn service(text: &str) -> Option<String> {
    let label = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    (!text.contains('.') || !text.split('.').all(label))
        .then(|| format!("`{text}` is no service principal, such as `cloudtrail.amazonaws.com`"))
}

impl ManagedKind for Organization {
    fn schema(&self) -> &'static KindSchema {
        &SCHEMA
    }

    fn desired(
        &self,
        body: &Body,
        _context: &KindContext,
    ) -> Result<(Attrs, Diagnostics), Diagnostics> {
        let mut reader = Reader::new(body);
        let mut attrs = Attrs::new();
        if let Some(types) = reader.strings("enabled_policy_types", unknown_policy_type) {
            attrs.insert("enabled_policy_types".to_owned(), types);
        }
        if let Some(services) = reader.strings("trusted_services", service) {
            attrs.insert("trusted_services".to_owned(), services);
        }
        if let Some(id) = reader.known("management_account_id") {
            if let Err(error) = id.parse::<crate::ids::AccountId>() {
                reader.error("management_account_id", error.to_string(), "");
            }
            attrs.insert("management_account_id".to_owned(), id.into());
        }
        reader.flag("exclusive");
        for arn in reader.elements("protect_principals").unwrap_or_default() {
            if let Some(text) = arn.as_str()
                && text.parse::<crate::ids::Arn>().is_err()
            {
                reader.error(
                    "protect_principals",
                    format!("`{text}` is no ARN"),
                    "wildcards are allowed in it",
                );
            }
        }
        limits(&mut reader);
        reader.diagnostics.with_warnings(attrs)
    }

    fn computed(&self, desired: &Attrs, context: &KindContext) -> Attrs {
        let mut attrs: Attrs = ["id", "arn", "root_id"]
            .into_iter()
            .map(|name| (name.to_owned(), assigned(context, name)))
            .collect();
        if !desired.contains_key("management_account_id") {
            attrs.insert("management_account_id".to_owned(), context.account_id.clone());
        }
        attrs
    }

    fn meta(&self, body: &Body) -> Attrs {
        let exclusive = body.get("exclusive").and_then(|v| v.value.as_bool()).unwrap_or(false);
        let mut reader = Reader::new(body);
        let mut list = |name| (name, reader.strings(name, |_| None).unwrap_or_default());
        Attrs::from([("exclusive".to_owned(), exclusive.into()), declared(ADDITIVE.map(&mut list))])
    }

    fn reconcile(&self, mut desired: Attrs, live: &Attrs, recorded: &Attrs, meta: &Attrs) -> Attrs {
        let exclusive = meta.get("exclusive").and_then(Value::as_bool).unwrap_or(false);
        for name in ADDITIVE {
            if let Some(wanted) = desired.get_mut(name) {
                *wanted = merge_additive(wanted, recorded.get(name), live.get(name), exclusive);
            }
        }
        desired
    }

    /// An organization holds everything that AWS bills and guards: Palisade never deletes it.
    fn on_destroy(&self, _meta: &Attrs) -> OnDestroy {
        OnDestroy::Retain
    }

    fn natural_key(&self, _attrs: &Attrs) -> Option<String> {
        Some("organization".to_owned())
    }
}

fn limits(reader: &mut Reader<'_>) {
    for block in reader.body.nested("limits") {
        for (name, given) in &block.body.attrs {
            let known = Limits::default().get(name).is_some();
            if !known || given.value.as_i64().is_none_or(|n| n < 0) {
                reader.diagnostics.push(
                    crate::diag::Diagnostic::error(format!(
                        "`{name}` must be a whole number of at least 0"
                    ))
                    .at(given.loc.clone()),
                );
            }
        }
    }
}

/// The limits in force: AWS's defaults, and what `limits` in the organization's block overrides.
#[must_use]
pub fn limits_of(organization: &Body) -> Limits {
    let mut limits = Limits::default();
    for block in organization.nested("limits") {
        for (name, given) in &block.body.attrs {
            if let Some(value) = given.value.as_i64().and_then(|n| usize::try_from(n).ok()) {
                let _known = limits.set(name, value);
            }
        }
    }
    limits
}
