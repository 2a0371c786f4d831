//! The blocks that make policy documents: `statement`, `trust`, `condition`, `principals`.

use super::block_schema::{Attr, BlockSchema, Nested, Ty};
use super::kinds::{account, iam_oidc_provider, iam_role};

/// Blocks that make up the policies of an object: what they say is in its attributes once it is evaluated.
pub const POLICY_BLOCKS: [&str; 3] = ["inline_policy", "statement", "trust"];

/// Parts of a `trust` block that make a statement each, in the order of the statements.
pub const TRUST_PARTS: [&str; 3] = ["aws", "services", "oidc"];

/// Principals that fit where a principal stands: references, ARNs, account ids.
const PRINCIPAL: Ty = Ty::Ref { kinds: &[account::KIND, iam_role::KIND], text: true };

/// `condition { test, variable, values }`.
pub(super) const CONDITION: BlockSchema = BlockSchema {
    attrs: &[
        Attr::required("test", Ty::String, "Condition operator, such as `StringEquals`."),
        Attr::required("variable", Ty::String, "Condition key, such as `aws:PrincipalOrgID`."),
        Attr::required("values", Ty::List(&Ty::String), "Values, any of which may match."),
    ],
    blocks: &[],
};

const PRINCIPALS: BlockSchema = BlockSchema {
    attrs: &[
        Attr::required(
            "type",
            Ty::String,
            "`AWS`, `Service`, `Federated`, `CanonicalUser`, or `*` for everyone.",
        ),
        Attr::required(
            "identifiers",
            Ty::List(&PRINCIPAL),
            "ARNs, account ids, references, service names.",
        ),
    ],
    blocks: &[],
};

/// `condition` blocks of a statement or trust block.
pub(super) const CONDITIONS: Nested = Nested {
    name: "condition",
    labels: &[],
    min: 0,
    max: 0,
    block: &CONDITION,
    doc: "A condition; all of them must hold.",
};

/// What a `statement` block holds.
pub(super) const STATEMENT: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional(
            "effect",
            Ty::String,
            "`Allow` or `Deny`; without it `Deny` in organization policies, `Allow` elsewhere.",
        ),
        Attr::optional("actions", Ty::List(&Ty::String), "Actions that the statement covers."),
        Attr::optional("not_actions", Ty::List(&Ty::String), "Every action but these."),
        Attr::optional("resources", Ty::List(&Ty::String), "Resources that the statement covers."),
        Attr::optional("not_resources", Ty::List(&Ty::String), "Every resource but these."),
    ],
    blocks: &[
        Nested {
            name: "principals",
            labels: &[],
            min: 0,
            max: 0,
            block: &PRINCIPALS,
            doc: "Principals that the statement covers.",
        },
        Nested {
            name: "not_principals",
            labels: &[],
            min: 0,
            max: 0,
            block: &PRINCIPALS,
            doc: "Every principal but these.",
        },
        CONDITIONS,
    ],
};

/// `statement` blocks of a document; their label is the `Sid`.
pub(super) const STATEMENTS: Nested = Nested {
    name: "statement",
    labels: &["sid?"],
    min: 0,
    max: 0,
    block: &STATEMENT,
    doc: "A statement of the policy; its label is the `Sid`.",
};

const OIDC: BlockSchema = BlockSchema {
    attrs: &[
        Attr::required(
            "provider",
            Ty::Ref { kinds: &[iam_oidc_provider::KIND], text: true },
            "The identity provider, or its ARN.",
        ),
        Attr::optional(
            "subjects",
            Ty::List(&Ty::String),
            "Values of the token's `sub` claim; `*` and `?` are wildcards. Either these or `repository`.",
        ),
        Attr::optional(
            "repository",
            Ty::String,
            "GitHub's repository, `owner/name`: its subjects are written from it.",
        ),
        Attr::optional(
            "repository_id",
            Ty::String,
            "The repository's id, which no other repository ever gets; a condition of its own.",
        ),
        Attr::optional(
            "repository_owner_id",
            Ty::String,
            "The owner's id, which no other owner ever gets; a condition of its own.",
        ),
        Attr::optional(
            "contexts",
            Ty::List(&Ty::String),
            "What may follow `repository` in the subject: `environment:production`, `ref:refs/heads/main`; `*` by default.",
        ),
        Attr::optional(
            "subject_form",
            Ty::String,
            "How the subject names `repository`: `immutable` (with both ids, as GitHub does since 2026-07-15 for repositories created, renamed or transferred), `names`, or `both`; `both` where the ids are given.",
        ),
        Attr::optional(
            "claims",
            Ty::Map(&Ty::List(&Ty::String)),
            "Values of further claims that STS passes on, such as `job_workflow_ref`.",
        ),
        Attr::optional(
            "audiences",
            Ty::List(&Ty::String),
            "Values of the token's `aud` claim; `sts.amazonaws.com` by default.",
        ),
    ],
    blocks: &[],
};

/// What a `trust` block holds.
pub(super) const TRUST: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional(
            "aws",
            Ty::List(&PRINCIPAL),
            "Accounts, roles and users that may assume the role.",
        ),
        Attr::optional(
            "services",
            Ty::List(&Ty::String),
            "AWS services that may assume the role, such as `codebuild.amazonaws.com`.",
        ),
        Attr::optional(
            "external_id",
            Ty::String,
            "Value that `aws` principals must pass as `ExternalId`.",
        ),
        Attr::optional(
            "tag_session",
            Ty::Bool,
            "Also allow `sts:TagSession`, so that callers may pass session tags.",
        ),
    ],
    blocks: &[
        Nested {
            name: "oidc",
            labels: &[],
            min: 0,
            max: 0,
            block: &OIDC,
            doc: "Tokens of an OIDC identity provider that may assume the role.",
        },
        CONDITIONS,
    ],
};
