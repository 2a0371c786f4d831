//! Customer-managed IAM policies.

use super::policy::STATEMENTS;
use super::tags::TAGS;
use super::{
    Attr, BlockSchema, Body, Category, Computed, Context, Home, Kind, KindSchema, Recovery, Ty,
};
use crate::diag::Diagnostics;
use crate::value::Attrs;

/// The pure half.
pub(super) struct IamPolicy;

static SCHEMA: KindSchema = KindSchema {
    kind: "iam_policy",
    what: "an IAM policy",
    category: Category::Iam,
    home: Home::Account,
    block: BlockSchema {
        attrs: &[
            Attr::optional("name", Ty::String, "Its name; the block's label by default.")
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
    recovery: Recovery::Tags,
    policies: &["content"],
    replace: &["name", "path", "description"],
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html",
    ..KindSchema::BASE
};

impl Kind for IamPolicy {
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
