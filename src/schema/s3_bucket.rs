//! S3 buckets: versioning, encryption, public access block, policy.

use super::policy::STATEMENTS;
use super::tags::TAGS;
use super::{
    Attr, BlockSchema, Body, Category, Computed, Context, Home, Kind, KindSchema, Nested, Recovery,
    Ty,
};
use crate::diag::Diagnostics;
use crate::value::Attrs;

/// The pure half.
pub(super) struct S3Bucket;

const ENCRYPTION: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional(
            "kms_key_id",
            Ty::String,
            "KMS key (id, ARN or alias ARN) for SSE-KMS; SSE-S3 without it.",
        ),
        Attr::optional(
            "bucket_key",
            Ty::Bool,
            "Use an S3 bucket key, which saves KMS calls (default true with a KMS key).",
        ),
    ],
    blocks: &[],
};

static SCHEMA: KindSchema = KindSchema {
    kind: "s3_bucket",
    what: "an S3 bucket",
    category: Category::Data,
    home: Home::Account,
    block: BlockSchema {
        attrs: &[
            Attr::optional(
                "bucket",
                Ty::String,
                "Its name, unique in the world; the block's label by default.",
            )
            .forces_replacement(),
            Attr::optional("region", Ty::String, "Its region; the account's by default.")
                .forces_replacement(),
            Attr::optional("versioning", Ty::Bool, "Keep old versions (default false)."),
            Attr::optional(
                "block_public_access",
                Ty::Bool,
                "Block every kind of public access (default true).",
            ),
            Attr::optional(
                "policy",
                Ty::Policy,
                "Its policy, as JSON text or an object; or `statement` blocks.",
            ),
            TAGS,
        ],
        blocks: &[
            Nested {
                name: "encryption",
                labels: &[],
                min: 0,
                max: 1,
                block: &ENCRYPTION,
                doc: "Default encryption; SSE-S3 when absent.",
            },
            STATEMENTS,
        ],
    },
    computed: &[
        Computed { name: "arn", doc: "Its ARN." },
        Computed { name: "id", doc: "Its name." },
    ],
    recovery: Recovery::NaturalKey,
    policies: &["policy"],
    replace: &["bucket", "region"],
    source: "https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html",
    ..KindSchema::BASE
};

impl Kind for S3Bucket {
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
