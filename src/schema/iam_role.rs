//! IAM roles, with their trust, their inline policies and their attachments.

use super::policy::{STATEMENT, STATEMENTS, TRUST};
use super::tags::TAGS;
use super::{
    Attr, BlockSchema, Body, Category, Computed, Context, Home, Kind, KindSchema, Nested, Recovery,
    Ty,
};
use crate::diag::Diagnostics;
use crate::value::Attrs;

/// The pure half.
pub(super) struct IamRole;

const INLINE: BlockSchema = BlockSchema {
    attrs: &[Attr::optional(
        "content",
        Ty::Policy,
        "The document, as JSON text or an object; or `statement` blocks.",
    )],
    blocks: &[STATEMENTS],
};

static SCHEMA: KindSchema = KindSchema {
    kind: "iam_role",
    what: "an IAM role",
    category: Category::Iam,
    home: Home::Account,
    block: BlockSchema {
        attrs: &[
            Attr::optional("name", Ty::String, "Its name; the block's label by default.")
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
                Ty::Set(&Ty::Ref { kinds: &["iam_policy"], text: true }),
                "Managed policies attached to it, by reference or ARN.",
            ),
            Attr::optional(
                "permissions_boundary",
                Ty::Ref { kinds: &["iam_policy"], text: true },
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
                doc: "A statement of an inline policy that bears the label's name; statements with the same label share one policy.",
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
    recovery: Recovery::Tags,
    policies: &["assume_role_policy", "inline_policies.*"],
    replace: &["name", "path"],
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html",
    ..KindSchema::BASE
};

impl Kind for IamRole {
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
