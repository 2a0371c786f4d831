//! Customer-managed IAM policies.

use crate::diag::Diagnostics;
use crate::iam::Use;
use crate::schema::access::AccessPart;
use crate::schema::block_schema::{Attr, BlockSchema, Ty};
use crate::schema::body::Body;
use crate::schema::kind_schema::{Category, Computed, Home, KindSchema, RecoveryMethod};
use crate::schema::meaning::{ArnForm, Meaning, Measure, Naming, Quota, Repair};
use crate::schema::policy;
use crate::schema::policy_blocks::STATEMENTS;
use crate::schema::pure_half::{KindContext, ManagedKind};
use crate::schema::read::{
    Reader, TextRule, arn, assigned, description_char, iam_name_char, str_attr,
};
use crate::schema::tags;
use crate::schema::tags::{TAGS, TagKeys};
use crate::value::{Attrs, Value};

/// Its name.
pub(in crate::schema) const KIND: &str = "iam_policy";

/// The pure half.
pub(in crate::schema) struct IamPolicy;

/// "IAM and AWS STS quotas".
const QUOTAS: &[Quota] = &[
    Quota::PerAccount { limit: "managed_policies_per_account", what: "managed policies" },
    Quota::Size {
        limit: "managed_policy_size",
        measure: Measure::Document("content", || Use::Managed),
    },
];

static SCHEMA: KindSchema = KindSchema {
    kind: KIND,
    what: "an IAM policy",
    block: BlockSchema {
        attrs: &[
            Attr::optional(
                "name",
                Ty::String,
                "Its name; the block's label by default, with its key under `for_each` or `count`.",
            )
            .forces_replacement(),
            Attr::optional("path", Ty::String, "Its path; `/` by default.").forces_replacement(),
            Attr::optional("description", Ty::String, "What it is for.").forces_replacement(),
            Attr::optional(
                "content",
                Ty::Policy,
                "The document, as JSON text or an object; or `statement` blocks.",
            ),
            TAGS,
        ],
        blocks: &[STATEMENTS],
    },
    computed: &[
        Computed { name: "arn", doc: "Its ARN." },
        Computed { name: "unique_id", doc: "The id that AWS gives it, `ANPA...`." },
    ],
    policies: &["content"],
    resource_types: &["AWS::IAM::ManagedPolicy"],
    stands_for: &[(
        "iam_policy_attachment",
        "list the policy in `managed_policies` of each `iam_role`",
    )],
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html",
    ..KindSchema::of(
        Category::Iam,
        Home::Account,
        RecoveryMethod::Tags,
        Meaning {
            access: AccessPart::ManagedPolicy { document: "content" },
            quotas: QUOTAS,
            repair: Repair::Objects(&["iam:CreatePolicyVersion"]),
            naming: Naming { defaults: &[("path", "/")], ..Naming::by("name", &["name", "path"]) },
            rewrite_policy: None,
            arn: Some(ArnForm { service: "iam", resource: "policy/" }),
        },
    )
};

const NAME: TextRule = TextRule {
    what: "policy name",
    min: 1,
    max: 128,
    allowed: iam_name_char,
    says: "1 to 128 letters, digits or `_+=,.@-`",
};

/// CreatePolicy: at most 1,000 characters.
pub(in crate::schema) const DESCRIPTION: TextRule = TextRule {
    what: "description",
    min: 0,
    max: 1_000,
    allowed: description_char,
    says: "at most 1,000 characters of Latin-1",
};

impl ManagedKind for IamPolicy {
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
        let before = reader.diagnostics.len();
        let content = policy::document(&mut reader, "content", &Use::Managed, context);
        if content.is_none() && reader.diagnostics.len() == before {
            reader.error(
                "content",
                "the policy has no document",
                "add `content` or `statement` blocks",
            );
        }
        // `CreatePolicy` refuses others: "Policy document must be version 2012-10-17 or greater."
        if let Some(document) = content.as_ref().and_then(|content| content.reveal().as_map())
            && document.get("Version").and_then(Value::as_str) != Some("2012-10-17")
        {
            reader.error(
                "content",
                "a managed policy must have the `Version` `2012-10-17`",
                "add `Version = \"2012-10-17\"` to the document",
            );
        }
        let tags = tags::read(&mut reader, context, TagKeys::IgnoreCase);
        reader.diagnostics.with_warnings(Attrs::from([
            ("name".to_owned(), name),
            ("path".to_owned(), path),
            ("description".to_owned(), description),
            ("content".to_owned(), content.unwrap_or_default()),
            ("tags".to_owned(), tags),
        ]))
    }

    fn computed(&self, desired: &Attrs, context: &KindContext) -> Attrs {
        let null = crate::value::Value::Null;
        let part = |name| desired.get(name).unwrap_or(&null);
        Attrs::from([
            (
                "arn".to_owned(),
                arn(context, "iam", "", &[&"policy".into(), part("path"), part("name")]),
            ),
            ("unique_id".to_owned(), assigned(context, "unique_id")),
        ])
    }

    /// Path and name together, without the leading slash: what makes the ARN. An AWS-managed
    /// policy, which may share its name with one of the account's, is known by its ARN.
    fn natural_key(&self, attrs: &Attrs) -> Option<String> {
        if let Some(arn) = str_attr(attrs, "arn").filter(|arn| arn.contains(":iam::aws:")) {
            return Some(arn.to_owned());
        }
        let path = str_attr(attrs, "path")?;
        Some(format!("{}{}", path.trim_start_matches('/'), str_attr(attrs, "name")?))
    }
}
