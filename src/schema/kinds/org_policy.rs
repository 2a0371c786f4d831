//! Policies of the organization: service control policies, resource control policies, and those that configure services.

use super::account;
use super::organization;
use super::organizational_unit;
use crate::diag::Diagnostics;
use crate::iam::Use;
use crate::schema::access::{AccessPart, Guardrail};
use crate::schema::additive::merge_additive;
use crate::schema::block_schema::{Attr, BlockSchema, Ty};
use crate::schema::body::Body;
use crate::schema::kind_schema::{Category, Computed, Home, KindSchema, RecoveryMethod};
use crate::schema::management_policy;
use crate::schema::meaning::{Meaning, Measure, Naming, Quota, Repair};
use crate::schema::policy;
use crate::schema::policy_blocks::STATEMENTS;
use crate::schema::pure_half::{KindContext, ManagedKind, OnDestroy};
use crate::schema::read::{Reader, TextRule, assigned, declared, str_attr};
use crate::schema::tags;
use crate::schema::tags::{TAGS, TagKeys};
use crate::value::{Attrs, Value};

/// The pure half of the three kinds.
pub(in crate::schema) struct OrgPolicy {
    schema: &'static KindSchema,
    /// What its document is for; `None` where it is no policy of access and its type says what it holds.
    role: Option<Use>,
}

/// Service control policies.
pub(in crate::schema) static SERVICE_CONTROL_POLICY: OrgPolicy =
    OrgPolicy { schema: &SCP, role: Some(Use::Scp) };
/// Resource control policies.
pub(in crate::schema) static RESOURCE_CONTROL_POLICY: OrgPolicy =
    OrgPolicy { schema: &RCP, role: Some(Use::Rcp) };

/// Policies of every other type.
pub(in crate::schema) static ORGANIZATION_POLICY: OrgPolicy =
    OrgPolicy { schema: &MANAGEMENT, role: None };

const NAMED: Attr = Attr::optional(
    "name",
    Ty::String,
    "Its name, unique in the organization; the block's label by default, with its key under `for_each` or `count`.",
);
const NAMED_OR_AWSS: Attr = Attr::optional(
    "name",
    Ty::String,
    "Its name, unique in the organization; the block's label by default, with its key under `for_each` or `count`. `FullAWSAccess` names AWS's own service control policy: such a block says from where it is detached, and nothing else.",
);
const DESCRIBED: Attr = Attr::optional("description", Ty::String, "What it is for.");
const TARGETS: Attr = Attr::optional(
    "targets",
    Ty::Set(&Ty::Ref {
        kinds: &[organization::KIND, organizational_unit::KIND, account::KIND],
        text: true,
    }),
    "The root, units and accounts that it is attached to.",
);
const DETACHED: Attr = Attr::optional(
    "detached_from",
    Ty::Set(&Ty::Ref {
        kinds: &[organization::KIND, organizational_unit::KIND, account::KIND],
        text: true,
    }),
    "Of `FullAWSAccess` alone: the root, units and accounts from which it is detached on purpose.",
);
const EXCLUSIVE: Attr = Attr::optional(
    "exclusive",
    Ty::Bool,
    "Also detach it where it was attached outside Palisade (default false).",
);

const BLOCK: BlockSchema = BlockSchema {
    attrs: &[
        NAMED_OR_AWSS,
        DESCRIBED,
        Attr::optional(
            "content",
            Ty::Policy,
            "The document, as JSON text or an object; or `statement` blocks.",
        ),
        TARGETS,
        DETACHED,
        EXCLUSIVE,
        TAGS,
    ],
    blocks: &[STATEMENTS],
};

const MANAGEMENT_BLOCK: BlockSchema = BlockSchema {
    attrs: &[
        NAMED,
        DESCRIBED,
        // Of one type it stays for good (Organizations API Reference, `UpdatePolicy`).
        Attr::required(
            "type",
            Ty::String,
            "Its type, enabled in `enabled_policy_types` of the organization: `TAG_POLICY`, `BACKUP_POLICY`, `AISERVICES_OPT_OUT_POLICY`, `CHATBOT_POLICY`, `DECLARATIVE_POLICY_EC2`, `SECURITYHUB_POLICY`, `INSPECTOR_POLICY`, `UPGRADE_ROLLOUT_POLICY`, `BEDROCK_POLICY`, `S3_POLICY`, `GUARDDUTY_POLICY`, `NETWORK_SECURITY_DIRECTOR_POLICY`.",
        )
        .forces_replacement(),
        Attr::required("content", Ty::Any, "What it says, as an object or JSON text."),
        TARGETS,
        EXCLUSIVE,
        TAGS,
    ],
    blocks: &[],
};

const COMPUTED: &[Computed] =
    &[Computed { name: "id", doc: "Its id, `p-...`." }, Computed { name: "arn", doc: "Its ARN." }];

const fn of(
    kind: &'static str,
    what: &'static str,
    access: AccessPart,
    quotas: &'static [Quota],
) -> KindSchema {
    KindSchema {
        kind,
        what,
        block: BLOCK,
        computed: COMPUTED,
        policies: &["content"],
        attachments: Some("targets"),
        after: &[organization::KIND],
        source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreatePolicy.html",
        ..KindSchema::of(
            Category::Organization,
            Home::Organization,
            RecoveryMethod::Tags,
            Meaning {
                access,
                quotas,
                repair: Repair::Nothing(
                    "the management account changes it, which no policy of an organization limits",
                ),
                naming: Naming::by("name", &["name"]),
                rewrite_policy: None,
                arn: None,
            },
        )
    }
}

const fn guardrail(limits: Guardrail) -> AccessPart {
    AccessPart::Guardrail { limits, document: "content" }
}

/// AWS Organizations User Guide, "Quotas and service limits".
const SCP_QUOTAS: &[Quota] = &[
    Quota::PerTarget { limit: "scp_per_target", what: "SCPs", keeps_last: true },
    Quota::Size { limit: "scp_size", measure: Measure::Document("content", || Use::Scp) },
];
/// AWS Organizations User Guide, "Quotas and service limits".
const RCP_QUOTAS: &[Quota] = &[
    Quota::PerTarget { limit: "rcp_per_target", what: "RCPs", keeps_last: false },
    Quota::Size { limit: "rcp_size", measure: Measure::Document("content", || Use::Rcp) },
];

static SCP: KindSchema = KindSchema {
    detachments: Some(DETACHED.name),
    resource_types: &["AWS::Organizations::Policy"],
    stands_for: &[
        (
            "organizations_policy",
            "the kind says the type: `service_control_policy`, `resource_control_policy`, and `organization_policy` with `type` for the others",
        ),
        (
            "organizations_policy_attachment",
            "list what it is attached to in `targets` of the policy",
        ),
    ],
    ..of(
        "service_control_policy",
        "a service control policy",
        guardrail(Guardrail::Principals),
        SCP_QUOTAS,
    )
};
static RCP: KindSchema = of(
    "resource_control_policy",
    "a resource control policy",
    guardrail(Guardrail::Resources),
    RCP_QUOTAS,
);
static MANAGEMENT: KindSchema = KindSchema {
    block: MANAGEMENT_BLOCK,
    policies: &[],
    ..of(
        "organization_policy",
        "a policy of the organization that configures services",
        AccessPart::None,
        &[],
    )
};

const NAME: TextRule = TextRule {
    what: "policy name",
    min: 1,
    max: 128,
    allowed: |c| !c.is_control(),
    says: "1 to 128 characters",
};

const DESCRIPTION: TextRule = TextRule {
    what: "description",
    min: 0,
    max: 512,
    allowed: |_| true,
    says: "at most 512 characters",
};

impl ManagedKind for OrgPolicy {
    fn schema(&self) -> &'static KindSchema {
        self.schema
    }

    fn desired(
        &self,
        body: &Body,
        context: &KindContext,
    ) -> Result<(Attrs, Diagnostics), Diagnostics> {
        let mut reader = Reader::new(body);
        if self.is_full_access(body) {
            return self.full_access(reader);
        }
        let name = reader.name("name", context);
        reader.check("name", &name, &NAME);
        if name.as_str().is_some_and(is_aws_owned) {
            reader.error(
                "name",
                "this name belongs to AWS, and Palisade never touches such a policy",
                if name.as_str() == Some(FULL_ACCESS) && self.role == Some(Use::Scp) {
                    "to detach it somewhere, write `name = \"FullAWSAccess\"` and `detached_from`"
                } else {
                    "choose another name"
                },
            );
        }
        let description = reader.description(&DESCRIPTION);
        let (kind, content) = match &self.role {
            Some(role) => (None, document(&mut reader, role, context)),
            None => {
                let kind = reader.string("type");
                let content = management(&mut reader, kind.as_ref());
                (kind, content)
            }
        };
        if body.get(DETACHED.name).is_some_and(|given| !given.value.is_null()) {
            reader.error(
                DETACHED.name,
                format!("`{}` is for AWS's own policy `{FULL_ACCESS}`", DETACHED.name),
                "list under `targets` where this one is attached: elsewhere it is not",
            );
        }
        let targets = nodes(&mut reader, TARGETS.name);
        reader.flag("exclusive");
        let tags = tags::read(&mut reader, context, TagKeys::MindCase);
        let mut attrs = Attrs::from([
            ("name".to_owned(), name),
            ("description".to_owned(), description),
            ("content".to_owned(), content.unwrap_or_default()),
            ("targets".to_owned(), targets),
            ("tags".to_owned(), tags),
        ]);
        attrs.extend(kind.map(|kind| ("type".to_owned(), kind)));
        reader.diagnostics.with_warnings(attrs)
    }

    fn computed(&self, _desired: &Attrs, context: &KindContext) -> Attrs {
        ["id", "arn"].into_iter().map(|name| (name.to_owned(), assigned(context, name))).collect()
    }

    fn meta(&self, body: &Body) -> Attrs {
        let exclusive = body.get("exclusive").and_then(|v| v.value.as_bool()).unwrap_or(false);
        let targets = Reader::new(body).set("targets", |_, value| {
            organizational_unit::node(value, Some(account::is_one)).ok()
        });
        let mut meta = Attrs::from([
            ("exclusive".to_owned(), exclusive.into()),
            declared([("targets", targets.unwrap_or_default())]),
        ]);
        if self.is_full_access(body) {
            let from = Reader::new(body).set(DETACHED.name, |_, value| {
                organizational_unit::node(value, Some(account::is_one)).ok()
            });
            let from = from.unwrap_or_default();
            meta.insert(GIVEN.to_owned(), true.into());
            meta.insert(DETACHED.name.to_owned(), from.clone());
            meta.extend([declared([(DETACHED.name, from)])]);
        }
        meta
    }

    fn is_given(&self, desired: &Attrs) -> bool {
        self.role == Some(Use::Scp) && str_attr(desired, "name") == Some(FULL_ACCESS)
    }

    fn on_destroy(&self, meta: &Attrs) -> OnDestroy {
        match meta.get(GIVEN).and_then(Value::as_bool) {
            Some(true) => OnDestroy::Retain,
            _ => OnDestroy::Delete,
        }
    }

    fn reconcile(&self, mut desired: Attrs, live: &Attrs, recorded: &Attrs, meta: &Attrs) -> Attrs {
        if self.is_given(&desired) {
            let listed = |attrs: &Attrs, name: &str| -> Vec<Value> {
                let elements = attrs.get(name).and_then(Value::elements).unwrap_or_default();
                elements.into_iter().cloned().collect()
            };
            let from = listed(meta, DETACHED.name);
            // What an earlier block detached, and this one does not, gets it back.
            let back = listed(recorded, DETACHED.name);
            let mut targets = listed(live, TARGETS.name);
            targets.extend(back.into_iter().filter(|target| target.as_str().is_some()));
            targets.retain(|target| !from.contains(target));
            targets.sort();
            targets.dedup();
            desired.insert(TARGETS.name.to_owned(), Value::list(targets));
            // AWS attaches it to what this plan makes: there it goes once that exists.
            let new: Vec<Value> = from.into_iter().filter(Value::is_unknown).collect();
            if !new.is_empty() {
                desired.insert(DETACHED.name.to_owned(), Value::list(new));
            }
            return desired;
        }
        let exclusive = meta.get("exclusive").and_then(Value::as_bool).unwrap_or(false);
        if let Some(targets) = desired.get_mut("targets") {
            *targets =
                merge_additive(targets, recorded.get("targets"), live.get("targets"), exclusive);
        }
        desired
    }

    fn policy_type<'a>(&self, attrs: &'a Attrs) -> Option<&'a str> {
        match self.schema.meaning.access {
            AccessPart::Guardrail { limits, .. } => Some(limits.policy_type()),
            _ => str_attr(attrs, "type"),
        }
    }

    fn natural_key(&self, attrs: &Attrs) -> Option<String> {
        str_attr(attrs, "name").map(str::to_owned)
    }
}

/// AWS's policy that allows everything, which it attaches to every root, unit and account.
const FULL_ACCESS: &str = "FullAWSAccess";
/// In the facts of a block: its object is AWS's own.
const GIVEN: &str = "given";

impl OrgPolicy {
    /// Whether a block names AWS's own policy that allows everything. A policy for resources that is AWS's own cannot
    /// be detached (Organizations User Guide, "Resource control policies").
    fn is_full_access(&self, body: &Body) -> bool {
        self.role == Some(Use::Scp)
            && body.get("name").and_then(|name| name.value.as_str()) == Some(FULL_ACCESS)
    }

    /// From where AWS's own policy is detached; AWS lets nobody change the rest of it.
    fn full_access(&self, mut reader: Reader<'_>) -> Result<(Attrs, Diagnostics), Diagnostics> {
        let body = reader.body;
        for name in ["content", "description", "exclusive", "tags", "targets"] {
            if body.get(name).is_some_and(|given| !given.value.is_null()) {
                reader.error(
                    name,
                    format!("`{FULL_ACCESS}` is AWS's own policy: only `{}` can be declared", DETACHED.name),
                    "remove this argument: it stays attached wherever it is not detached on purpose",
                );
            }
        }
        if body.nested(STATEMENTS.name).next().is_some() {
            reader.error(
                "name",
                format!("`{FULL_ACCESS}` is AWS's own policy, and its statements are AWS's"),
                "remove the `statement` blocks",
            );
        }
        if body.get(DETACHED.name).is_none() {
            reader.error(
                "name",
                format!("the block of `{FULL_ACCESS}` does not say from where it is detached"),
                "add `detached_from`",
            );
        }
        nodes(&mut reader, DETACHED.name);
        // Which targets it keeps follows from those that it has.
        reader.diagnostics.with_warnings(Attrs::from([
            ("name".to_owned(), FULL_ACCESS.into()),
            ("targets".to_owned(), Value::list(Vec::new())),
        ]))
    }
}

/// The root, units and accounts under an argument.
fn nodes(reader: &mut Reader<'_>, name: &'static str) -> Value {
    let nodes = reader.set(name, |reader, value| {
        match organizational_unit::node(value, Some(account::is_one)) {
            Ok(node) => Some(node),
            Err(problem) => {
                reader.error(name, problem, "name the organization, units or accounts");
                None
            }
        }
    });
    nodes.unwrap_or_else(|| Value::list(Vec::new()))
}

/// The document of a policy of access.
fn document(reader: &mut Reader<'_>, role: &Use, context: &KindContext) -> Option<Value> {
    let before = reader.diagnostics.len();
    let content = policy::document(reader, "content", role, context);
    if content.is_none() && reader.diagnostics.len() == before {
        reader.error(
            "content",
            "the policy has no document",
            "add `content` or `statement` blocks",
        );
    }
    content
}

/// What a policy of another type says.
fn management(reader: &mut Reader<'_>, kind: Option<&Value>) -> Option<Value> {
    let kind = kind.and_then(Value::as_str);
    if let Some((of_access, own)) = kind.and_then(|kind| {
        let own = [("SERVICE_CONTROL_POLICY", SCP.kind), ("RESOURCE_CONTROL_POLICY", RCP.kind)];
        own.into_iter().find(|(name, _)| *name == kind)
    }) {
        let summary = format!("a policy of the type `{of_access}` has a kind of its own");
        reader.error("type", summary, format!("declare it as `{own}`"));
        return None;
    }
    if let Some(problem) = kind.and_then(organization::unknown_policy_type) {
        reader.error("type", problem, "");
        return None;
    }
    let given = &reader.body.get("content").filter(|given| !given.value.is_null())?.value;
    match management_policy::content(given, kind) {
        Ok(content) => Some(content),
        Err((problem, help)) => {
            reader.error("content", problem, help);
            None
        }
    }
}

/// Policies that AWS or Control Tower owns.
#[must_use]
pub fn is_aws_owned(name: &str) -> bool {
    name == FULL_ACCESS || name == "RCPFullAWSAccess" || name.starts_with("aws-guardrails-")
}
