//! Organization policies: service control policies and resource control policies.

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
use crate::schema::meaning::{Meaning, Measure, Naming, Quota, Repair};
use crate::schema::policy;
use crate::schema::policy_blocks::STATEMENTS;
use crate::schema::pure_half::{KindContext, ManagedKind};
use crate::schema::read::{Reader, Rule, assigned, declared, str_attr};
use crate::schema::tags;
use crate::schema::tags::TAGS;
use crate::value::{Attrs, Value};

/// The pure half of both kinds.
pub(in crate::schema) struct OrgPolicy {
    schema: &'static KindSchema,
    role: Use,
}

/// Service control policies.
pub(in crate::schema) static SERVICE_CONTROL_POLICY: OrgPolicy =
    OrgPolicy { schema: &SCP, role: Use::Scp };
/// Resource control policies.
pub(in crate::schema) static RESOURCE_CONTROL_POLICY: OrgPolicy =
    OrgPolicy { schema: &RCP, role: Use::Rcp };

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
                kinds: &[organization::KIND, organizational_unit::KIND, account::KIND],
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

const fn of(
    kind: &'static str,
    what: &'static str,
    limits: Guardrail,
    quotas: &'static [Quota],
) -> KindSchema {
    KindSchema {
        kind,
        what,
        category: Category::Organization,
        home: Home::Organization,
        block: BLOCK,
        computed: COMPUTED,
        recovery: RecoveryMethod::Tags,
        policies: &["content"],
        attachments: Some("targets"),
        after: &[organization::KIND],
        source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreatePolicy.html",
        ..KindSchema::of(Meaning {
            access: AccessPart::Guardrail { limits, document: "content" },
            quotas,
            repair: Repair::Nothing(
                "the management account changes it, which no policy of an organization limits",
            ),
            naming: Naming::by("name", &["name"]),
            rewrite_policy: None,
            arn: None,
        })
    }
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

static SCP: KindSchema =
    of("service_control_policy", "a service control policy", Guardrail::Principals, SCP_QUOTAS);
static RCP: KindSchema =
    of("resource_control_policy", "a resource control policy", Guardrail::Resources, RCP_QUOTAS);

const NAME: Rule = Rule {
    what: "policy name",
    min: 1,
    max: 128,
    allowed: |c| !c.is_control(),
    says: "1 to 128 characters",
};

const DESCRIPTION: Rule = Rule {
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
        let name = reader.name("name", context);
        reader.check("name", &name, &NAME);
        if name.as_str().is_some_and(is_aws_owned) {
            reader.error(
                "name",
                "this name belongs to AWS, and Palisade never touches such a policy",
                "choose another name",
            );
        }
        let description = reader.description(&DESCRIPTION);
        let before = reader.diagnostics.len();
        let content = policy::document(&mut reader, "content", &self.role, context);
        if content.is_none() && reader.diagnostics.len() == before {
            reader.error(
                "content",
                "the policy has no document",
                "add `content` or `statement` blocks",
            );
        }
        let targets =
            reader.set("targets", |reader, value| match organizational_unit::node(value, true) {
                Ok(target) => Some(target),
                Err(problem) => {
                    reader.error("targets", problem, "name the organization, units or accounts");
                    None
                }
            });
        reader.flag("exclusive");
        let tags = tags::read(&mut reader, context);
        reader.diagnostics.with_warnings(Attrs::from([
            ("name".to_owned(), name),
            ("description".to_owned(), description),
            ("content".to_owned(), content.unwrap_or_default()),
            ("targets".to_owned(), targets.unwrap_or_else(|| Value::List(Vec::new()))),
            ("tags".to_owned(), tags),
        ]))
    }

    fn computed(&self, _desired: &Attrs, context: &KindContext) -> Attrs {
        ["id", "arn"].into_iter().map(|name| (name.to_owned(), assigned(context, name))).collect()
    }

    fn meta(&self, body: &Body) -> Attrs {
        let exclusive = body.get("exclusive").and_then(|v| v.value.as_bool()).unwrap_or(false);
        let targets = Reader::new(body)
            .set("targets", |_, value| organizational_unit::node(value, true).ok());
        Attrs::from([
            ("exclusive".to_owned(), exclusive.into()),
            declared([("targets", targets.unwrap_or_default())]),
        ])
    }

    fn reconcile(&self, mut desired: Attrs, live: &Attrs, recorded: &Attrs, meta: &Attrs) -> Attrs {
        let exclusive = meta.get("exclusive").and_then(Value::as_bool).unwrap_or(false);
        if let Some(targets) = desired.get_mut("targets") {
            *targets =
                merge_additive(targets, recorded.get("targets"), live.get("targets"), exclusive);
        }
        desired
    }

    fn natural_key(&self, attrs: &Attrs) -> Option<String> {
        str_attr(attrs, "name").map(str::to_owned)
    }
}

/// Policies that AWS or Control Tower owns.
#[must_use]
pub fn is_aws_owned(name: &str) -> bool {
    name == "FullAWSAccess" || name == "RCPFullAWSAccess" || name.starts_with("aws-guardrails-")
}
