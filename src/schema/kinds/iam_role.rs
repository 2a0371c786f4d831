//! IAM roles, with their trust, their inline policies and their attachments.

use std::collections::BTreeMap;

use super::iam_policy::{self, DESCRIPTION};
use crate::diag::{Diagnostic, Diagnostics};
use crate::iam::Use;
use crate::schema::access::{AccessPart, PrincipalDeclaration};
use crate::schema::additive::merge_additive;
use crate::schema::block_schema::{Attr, BlockSchema, Nested, Ty};
use crate::schema::body::{Body, NestedBody};
use crate::schema::duration;
use crate::schema::kind_schema::{Category, Computed, Home, KindSchema, RecoveryMethod};
use crate::schema::meaning::{ArnForm, Meaning, Measure, Naming, Quota, Repair};
use crate::schema::policy_blocks::{STATEMENT, STATEMENTS, TRUST};
use crate::schema::pure_half::{KindContext, ManagedKind};
use crate::schema::read::{
    Reader, TextRule, arn, assigned, declared, iam_name_char, reference, str_attr,
};
use crate::schema::tags;
use crate::schema::tags::{TAGS, TagKeys};
use crate::schema::{policy, trust};
use crate::value::{Attrs, Value};

/// Its name.
pub(in crate::schema) const KIND: &str = "iam_role";

/// The pure half.
pub(in crate::schema) struct IamRole;

const INLINE: BlockSchema = BlockSchema {
    attrs: &[Attr::optional(
        "content",
        Ty::Policy,
        "The document, as JSON text or an object; or `statement` blocks.",
    )],
    blocks: &[STATEMENTS],
};

/// "IAM and AWS STS quotas".
const QUOTAS: &[Quota] = &[
    Quota::PerAccount { limit: "roles_per_account", what: "roles" },
    Quota::Size {
        limit: "trust_policy_size",
        measure: Measure::Document("assume_role_policy", || Use::Trust),
    },
    Quota::Size {
        limit: "role_inline_size",
        measure: Measure::Documents("inline_policies", || Use::Identity),
    },
    Quota::Size {
        limit: "managed_policies_per_role",
        measure: Measure::Elements("managed_policies"),
    },
];

static SCHEMA: KindSchema = KindSchema {
    kind: KIND,
    what: "an IAM role",
    block: BlockSchema {
        attrs: &[
            Attr::optional(
                "name",
                Ty::String,
                "Its name; the block's label by default, with its key under `for_each` or `count`.",
            )
            .forces_replacement(),
            Attr::optional("path", Ty::String, "Its path; `/` by default.").forces_replacement(),
            Attr::optional("description", Ty::String, "What it is for."),
            Attr::optional(
                "assume_role_policy",
                Ty::Policy,
                "Its trust policy, as JSON text or an object; or `trust` blocks.",
            ),
            Attr::optional(
                "managed_policies",
                Ty::Set(&Ty::Ref { kinds: &[iam_policy::KIND], text: true }),
                "Managed policies attached to it, by reference or ARN.",
            ),
            Attr::optional(
                "permissions_boundary",
                Ty::Ref { kinds: &[iam_policy::KIND], text: true },
                "The managed policy that bounds its permissions, by reference or ARN.",
            ),
            Attr::optional(
                "max_session_duration",
                Ty::Duration,
                "Longest session, `1h` (the default) to `12h`.",
            ),
            Attr::optional(
                "exclusive",
                Ty::Bool,
                "Remove inline policies and attachments that were added outside Palisade (default true).",
            ),
            TAGS,
        ],
        blocks: &[
            Nested {
                name: "trust",
                labels: &[],
                min: 0,
                max: 0,
                block: &TRUST,
                doc: "Who may assume the role.",
            },
            Nested {
                name: "statement",
                labels: &["name"],
                min: 0,
                max: 0,
                block: &STATEMENT,
                doc: "A statement of an inline policy that bears the label's name; those that `dynamic \"statement\"` makes with the same label share one policy.",
            },
            Nested {
                name: "inline_policy",
                labels: &["name"],
                min: 0,
                max: 0,
                block: &INLINE,
                doc: "A whole inline policy.",
            },
        ],
    },
    computed: &[
        Computed { name: "arn", doc: "Its ARN." },
        Computed { name: "unique_id", doc: "The id that AWS gives it, `AROA...`." },
    ],
    policies: &["assume_role_policy", "inline_policies.*"],
    resource_types: &["AWS::IAM::Role", "AWS::IAM::RolePolicy"],
    stands_for: &[
        ("iam_role_policy", "write an `inline_policy` or `statement` block in the `iam_role`"),
        (
            "iam_role_policies_exclusive",
            "an `iam_role` owns its inline policies, unless `exclusive = false`",
        ),
        ("iam_role_policy_attachment", "list the policy in `managed_policies` of the `iam_role`"),
        (
            "iam_role_policy_attachments_exclusive",
            "an `iam_role` owns its attachments, unless `exclusive = false`",
        ),
    ],
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html",
    ..KindSchema::of(
        Category::Iam,
        Home::Account,
        RecoveryMethod::Tags,
        Meaning {
            access: AccessPart::Principal(PrincipalDeclaration {
                trust: Some("assume_role_policy"),
                ..PrincipalDeclaration::IAM
            }),
            quotas: QUOTAS,
            repair: Repair::Objects(&[
                "iam:GetRole",
                "iam:PutRolePolicy",
                "iam:UpdateAssumeRolePolicy",
            ]),
            naming: Naming { defaults: &[("path", "/")], ..Naming::by("name", &["name", "path"]) },
            rewrite_policy: Some(
                "aws iam update-assume-role-policy --role-name KEY --policy-document file://trust.json",
            ),
            arn: Some(ArnForm { service: "iam", resource: "role/" }),
        },
    )
};

const NAME: TextRule = TextRule {
    what: "role name",
    min: 1,
    max: 64,
    allowed: iam_name_char,
    says: "1 to 64 letters, digits or `_+=,.@-`",
};

const INLINE_NAME: TextRule = TextRule { what: "inline policy name", max: 128, ..NAME };

/// The collections that others may have added to.
const ADDITIVE: [&str; 2] = ["inline_policies", "managed_policies"];

/// A managed policy by reference or ARN.
fn managed(reader: &mut Reader<'_>, attr: &str, value: &Value) -> Option<Value> {
    let Some(arn) = reference(value, "arn") else {
        reader.error(
            attr,
            format!("a policy is named by reference or ARN, not by a {}", value.type_name()),
            "",
        );
        return None;
    };
    if let Some(text) = arn.as_str() {
        let valid = text
            .parse::<crate::ids::Arn>()
            .is_ok_and(|a| a.service == "iam" && a.resource.starts_with("policy/"));
        if !valid {
            reader.error(
                attr,
                format!("`{text}` is no policy's ARN"),
                format!(
                    "write `iam_policy.NAME`, or an ARN such as `arn:aws:iam::aws:policy/{text}`"
                )
                .replace("arn:aws:iam::aws:policy/arn:", "arn:"),
            );
        }
    }
    Some(arn)
}

/// The inline policies: by name, from `statement` and `inline_policy` blocks.
fn inline(reader: &mut Reader<'_>, context: &KindContext) -> Value {
    let body = reader.body;
    let mut policies = Attrs::new();
    let mut by_name: BTreeMap<&str, Vec<&NestedBody>> = BTreeMap::new();
    for block in body.nested("statement") {
        if let Some(label) = block.labels.first() {
            by_name.entry(&label.value).or_default().push(block);
        }
    }
    for (name, blocks) in &by_name {
        // Statements that share a policy share a label, which can then be the sid of only one.
        let mut unnamed: Vec<NestedBody> = blocks.iter().map(|b| (*b).clone()).collect();
        for block in unnamed.iter_mut().skip(1) {
            block.labels.clear();
        }
        let blocks: Vec<&NestedBody> = unnamed.iter().collect();
        let loc = blocks.first().map_or(&body.loc, |b| &b.body.loc).clone();
        if let Some(document) =
            policy::of_statements(reader, &blocks, &Use::Identity, &loc, context)
        {
            policies.insert((*name).to_owned(), document);
        }
    }
    for block in body.nested("inline_policy") {
        let Some(label) = block.labels.first() else { continue };
        if policies.contains_key(&label.value) {
            reader.diagnostics.push(
                Diagnostic::error(format!("two inline policies are named `{}`", label.value))
                    .at(label.loc.clone()),
            );
        }
        let before = reader.diagnostics.len();
        match policy::body_document(reader, &block.body, "content", &Use::Identity, context) {
            Some(document) => {
                policies.insert(label.value.clone(), document);
            }
            None if reader.diagnostics.len() == before => reader.diagnostics.push(
                Diagnostic::error(format!("the inline policy `{}` has no document", label.value))
                    .at(block.body.loc.clone())
                    .help("add `content` or `statement` blocks"),
            ),
            None => {}
        }
    }
    for name in policies.keys() {
        let count = name.chars().count();
        if !(1..=INLINE_NAME.max).contains(&count) || !name.chars().all(INLINE_NAME.allowed) {
            let label =
                body.blocks.iter().filter_map(|b| b.labels.first()).find(|l| l.value == *name);
            reader.diagnostics.push(
                Diagnostic::error(format!("`{name}` is no valid {}", INLINE_NAME.what))
                    .at_opt(label.map(|l| l.loc.clone()))
                    .help("1 to 128 letters, digits or `_+=,.@-`"),
            );
        }
    }
    let total: usize = policies.values().map(|p| policy::size(p, &Use::Identity)).sum();
    if total > context.limits.role_inline_size {
        reader.diagnostics.push(
            Diagnostic::error(format!(
                "the inline policies of the role have {total} characters together, but AWS allows {}",
                context.limits.role_inline_size
            ))
            .at(body.loc.clone())
            .help("move a part into an `iam_policy` and attach it"),
        );
    }
    Value::Map(policies)
}

impl ManagedKind for IamRole {
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
        let path = reader.path();
        let description = reader.description(&DESCRIPTION);
        let trust = trust::assume_role_policy(&mut reader, context);
        let inline = inline(&mut reader, context);
        let attached = reader
            .set("managed_policies", |reader, value| managed(reader, "managed_policies", value));
        let count = attached.as_ref().and_then(Value::elements).map_or(0, |a| a.len());
        if count > context.limits.managed_policies_per_role {
            reader.error(
                "managed_policies",
                format!(
                    "{count} managed policies, but AWS allows {} on one role",
                    context.limits.managed_policies_per_role
                ),
                "where AWS raised your quota, set the limit `managed_policies_per_role`",
            );
        }
        let boundary = body
            .get("permissions_boundary")
            .filter(|b| !b.value.is_null())
            .and_then(|b| managed(&mut reader, "permissions_boundary", &b.value));
        let duration = reader
            .duration("max_session_duration", duration::ROLE_SESSION..=43_200)
            .unwrap_or(duration::ROLE_SESSION);
        reader.flag("exclusive");
        let tags = tags::read(&mut reader, context, TagKeys::IgnoreCase);
        reader.diagnostics.with_warnings(Attrs::from([
            ("name".to_owned(), name),
            ("path".to_owned(), path),
            ("description".to_owned(), description),
            ("assume_role_policy".to_owned(), trust.unwrap_or_default()),
            ("inline_policies".to_owned(), inline),
            ("managed_policies".to_owned(), attached.unwrap_or_else(|| Value::list(Vec::new()))),
            ("permissions_boundary".to_owned(), boundary.unwrap_or_default()),
            ("max_session_duration".to_owned(), duration.into()),
            ("tags".to_owned(), tags),
        ]))
    }

    fn computed(&self, desired: &Attrs, context: &KindContext) -> Attrs {
        let part = |name| desired.get(name).unwrap_or(&Value::Null);
        Attrs::from([
            (
                "arn".to_owned(),
                arn(context, "iam", "", &[&"role".into(), part("path"), part("name")]),
            ),
            ("unique_id".to_owned(), assigned(context, "unique_id")),
        ])
    }

    fn meta(&self, body: &Body) -> Attrs {
        let exclusive = body.get("exclusive").and_then(|v| v.value.as_bool()).unwrap_or(true);
        let attached = Reader::new(body).set("managed_policies", |_, v| reference(v, "arn"));
        let inline = body.nested("statement").chain(body.nested("inline_policy"));
        let names = inline.filter_map(|b| Some((b.labels.first()?.value.clone(), true.into())));
        Attrs::from([
            ("exclusive".to_owned(), exclusive.into()),
            declared([
                ("inline_policies", Value::Map(names.collect())),
                ("managed_policies", attached.unwrap_or_default()),
            ]),
        ])
    }

    fn reconcile(&self, mut desired: Attrs, live: &Attrs, recorded: &Attrs, meta: &Attrs) -> Attrs {
        let exclusive = meta.get("exclusive").and_then(Value::as_bool).unwrap_or(true);
        for name in ADDITIVE {
            if let Some(wanted) = desired.get_mut(name) {
                *wanted = merge_additive(wanted, recorded.get(name), live.get(name), exclusive);
            }
        }
        desired
    }

    /// Names are unique in an account, whatever the path.
    fn natural_key(&self, attrs: &Attrs) -> Option<String> {
        str_attr(attrs, "name").map(str::to_owned)
    }
}
