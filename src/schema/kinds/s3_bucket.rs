//! S3 buckets: versioning, encryption, public access block, policy.

use crate::diag::Diagnostics;
use crate::iam::Use;
use crate::schema::access::{AccessPart, EncryptionDeclaration, ResourceDeclaration};
use crate::schema::block_schema::{Attr, BlockSchema, Nested, Ty};
use crate::schema::body::Body;
use crate::schema::kind_schema::{Category, Computed, Home, KindSchema, RecoveryMethod};
use crate::schema::meaning::{ArnForm, Meaning, Measure, NameSpace, Naming, Quota, Repair};
use crate::schema::policy;
use crate::schema::policy_blocks::STATEMENTS;
use crate::schema::pure_half::{KindContext, ManagedKind};
use crate::schema::read::{Reader, concat, flags, str_attr};
use crate::schema::tags::{self, TAGS, TagKeys};
use crate::value::{Attrs, Value};

/// The pure half.
pub(in crate::schema) struct S3Bucket;

const ENCRYPTION: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional(
            "kms_key_id",
            Ty::String,
            "KMS key (id, ARN or alias ARN) for SSE-KMS; SSE-S3 without it.",
        ),
        Attr::optional(
            "algorithm",
            Ty::String,
            "`aws:kms:dsse` for two layers under the KMS key; `aws:kms` with a key and `AES256` without one by default.",
        ),
        Attr::optional(
            "bucket_key",
            Ty::Bool,
            "Use an S3 bucket key, which saves KMS calls (default true with `aws:kms`).",
        ),
    ],
    blocks: &[],
};

/// S3 User Guide, "Bucket policies".
const QUOTAS: &[Quota] = &[Quota::Size {
    limit: "bucket_policy_size",
    measure: Measure::Document("policy", || Use::Resource("s3".to_owned())),
}];

static SCHEMA: KindSchema = KindSchema {
    kind: "s3_bucket",
    what: "an S3 bucket",
    block: BlockSchema {
        attrs: &[
            Attr::optional(
                "bucket",
                Ty::String,
                "Its name, unique in the world; the block's label by default, with its key under `for_each` or `count`.",
            )
            .forces_replacement(),
            Attr::optional("region", Ty::String, "Its Region; the account's by default.")
                .forces_replacement(),
            Attr::optional("versioning", Ty::Bool, "Keep old versions (default false)."),
            Attr::optional(
                "block_public_access",
                Ty::Flags(&PUBLIC_ACCESS),
                "Block every kind of public access (default true), or those that an object names; those that it leaves out are off.",
            ),
            Attr::optional(
                "policy",
                Ty::Policy,
                "Its policy, as JSON text or an object; or `statement` blocks.",
            ),
            Attr::optional(
                "blocked_encryption_types",
                Ty::Set(&Ty::String),
                "Encryption that no new object may have: `[\"SSE-C\"]`, or `[\"NONE\"]` to allow all. S3's own choice stays where nothing is said.",
            ),
            Attr::optional(
                "abac",
                Ty::Bool,
                "Whether policies may ask for the bucket's tags (`aws:ResourceTag`, `s3:BucketTag`). S3's own choice, off for a new bucket, stays where nothing is said.",
            ),
            Attr::optional(
                "object_ownership",
                Ty::String,
                "Object Ownership: `BucketOwnerEnforced` turns access control lists off, `BucketOwnerPreferred` and `ObjectWriter` leave them on. If not set, the bucket keeps its setting; new buckets have `BucketOwnerEnforced`.",
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
    policies: &["policy"],
    resource_types: &["AWS::S3::Bucket", "AWS::S3::BucketPolicy"],
    stands_for: &[
        ("s3_bucket_policy", "write `statement` blocks or `policy` in the `s3_bucket`"),
        ("s3_bucket_ownership_controls", "write `object_ownership` in the `s3_bucket`"),
        ("s3_bucket_public_access_block", "write `block_public_access` in the `s3_bucket`"),
        ("s3_bucket_versioning", "write `versioning` in the `s3_bucket`"),
    ],
    source: "https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html",
    ..KindSchema::of(
        Category::Data,
        Home::Account,
        RecoveryMethod::NaturalKey,
        Meaning {
            access: AccessPart::Resource(ResourceDeclaration {
                service: "s3",
                global_name: Some("bucket"),
                policy: Some("policy"),
                public_access_block: Some("block_public_access"),
                ownership: Some("object_ownership"),
                encryption: Some(EncryptionDeclaration {
                    attr: "encryption",
                    algorithm: "algorithm",
                    key: "kms_key_id",
                }),
                tags_count: Some("abac"),
                ..ResourceDeclaration::PLAIN
            }),
            quotas: QUOTAS,
            repair: Repair::Objects(&["s3:GetBucketPolicy", "s3:PutBucketPolicy"]),
            naming: Naming {
                unique_in: NameSpace::Partition,
                ..Naming::by("bucket", &["bucket", "region"])
            },
            rewrite_policy: Some(
                "aws s3api put-bucket-policy --bucket KEY --policy file://policy.json",
            ),
            arn: Some(ArnForm { service: "s3", resource: "" }),
        },
    )
};

/// The four switches of a public access block, of a bucket or an account.
pub(crate) const PUBLIC_ACCESS: [&str; 4] =
    ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"];

/// S3 User Guide, "General purpose bucket naming rules".
fn name_problem(name: &str) -> Option<&'static str> {
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !(3..=63).contains(&name.len()) {
        return Some("a bucket's name has 3 to 63 characters");
    }
    if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
    {
        return Some(
            "a bucket's name holds lower-case letters, digits, hyphens and dots; set `bucket`",
        );
    }
    if !edge(name.bytes().next()) || !edge(name.bytes().last()) {
        return Some("a bucket's name begins and ends with a letter or digit");
    }
    if name.contains("..") || name.parse::<std::net::Ipv4Addr>().is_ok() {
        return Some("a bucket's name has no two dots in a row and is no IP address");
    }
    if ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|p| name.starts_with(p))
        || ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"]
            .iter()
            .any(|s| name.ends_with(s))
    {
        return Some("S3 reserves this prefix or suffix");
    }
    None
}

/// Only names of an account's own regional namespace end in `-an`, and they name the account and the bucket's Region
/// (S3 User Guide, "General purpose bucket naming rules" and "Namespaces for general purpose buckets").
fn namespace_problem(name: &str, region: &str, account: &Value) -> Option<String> {
    let rest = name.strip_suffix("-an")?;
    let Some(rest) = rest.strip_suffix(&format!("-{region}")) else {
        return Some(format!("it ends in `-an`, and its Region is `{region}`"));
    };
    let of = rest.rsplit('-').next().unwrap_or_default();
    match account.as_str() {
        Some(id) if id != of => {
            Some(format!("it ends in `-an`, and its account is `{id}`, not `{of}`"))
        }
        _ => None,
    }
}

/// What S3 can encrypt with by default.
const ALGORITHMS: &[&str] = &["AES256", "aws:kms", "aws:kms:dsse"];

fn encryption(reader: &mut Reader<'_>) -> Value {
    let block = reader.body.nested("encryption").next();
    let mut inner = block.map(|b| Reader::new(&b.body));
    let key = inner.as_mut().and_then(|r| r.string("kms_key_id")).unwrap_or_default();
    let bucket_key = inner.as_mut().and_then(|r| r.flag("bucket_key"));
    let by_key = if key.is_null() { "AES256" } else { "aws:kms" };
    let algorithm = inner.as_mut().and_then(|r| r.known("algorithm"));
    let algorithm = algorithm.unwrap_or_else(|| by_key.to_owned());
    if let Some(inner) = &mut inner {
        if !ALGORITHMS.contains(&algorithm.as_str()) {
            let help = crate::diag::did_you_mean(&algorithm, ALGORITHMS.iter().copied())
                .unwrap_or_else(|| format!("write one of `{}`", ALGORITHMS.join("`, `")));
            inner.error("algorithm", format!("S3 has no encryption `{algorithm}`"), help);
        } else if algorithm == "AES256" && !key.is_null() {
            inner.error(
                "algorithm",
                "`AES256` uses no KMS key, but one is given",
                "leave `kms_key_id` out, or write `aws:kms`",
            );
        } else if algorithm == "aws:kms:dsse" && bucket_key == Some(true) {
            inner.error(
                "bucket_key",
                "S3 has no bucket keys for two layers of encryption",
                "leave `bucket_key` out",
            );
        }
    }
    if let Some(inner) = inner {
        reader.diagnostics.extend(inner.diagnostics);
    }
    Value::Map(Attrs::from([
        ("bucket_key".to_owned(), bucket_key.unwrap_or(algorithm == "aws:kms").into()),
        ("algorithm".to_owned(), algorithm.into()),
        ("kms_key_id".to_owned(), key),
    ]))
}

/// What is declared of the encryption that no new object may have.
fn blocked(reader: &mut Reader<'_>) -> Option<Value> {
    reader.strings("blocked_encryption_types", |text| {
        let known = ["SSE-C", "NONE"].contains(&text);
        (!known).then(|| format!("S3 cannot block `{text}`: write `SSE-C`, or `NONE` to allow all"))
    })
}

/// Values of Object Ownership, the default first (S3 API Reference, `OwnershipControlsRule`).
const OWNERSHIP: [&str; 3] = ["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"];

/// The declared Object Ownership.
fn ownership(reader: &mut Reader<'_>) -> Option<String> {
    let named = reader.known("object_ownership")?;
    if !OWNERSHIP.contains(&named.as_str()) {
        let help = crate::diag::did_you_mean(&named, OWNERSHIP)
            .unwrap_or_else(|| format!("write one of `{}`", OWNERSHIP.join("`, `")));
        reader.error(
            "object_ownership",
            format!("`{named}` is not a valid Object Ownership"),
            help,
        );
    }
    Some(named)
}

impl ManagedKind for S3Bucket {
    fn schema(&self) -> &'static KindSchema {
        &SCHEMA
    }

    fn desired(
        &self,
        body: &Body,
        context: &KindContext,
    ) -> Result<(Attrs, Diagnostics), Diagnostics> {
        let mut reader = Reader::new(body);
        let bucket = reader.name("bucket", context);
        if let Some(problem) = bucket.as_str().and_then(name_problem) {
            let shown = bucket.as_str().unwrap_or_default().to_owned();
            reader.error("bucket", format!("`{shown}` is no valid bucket name"), problem);
        }
        let region = match reader.known("region") {
            Some(region) => {
                if let Err(error) = region.parse::<crate::ids::Region>() {
                    reader.error("region", error.to_string(), "");
                }
                region
            }
            None => context.region.clone(),
        };
        if let Some(problem) =
            bucket.as_str().and_then(|name| namespace_problem(name, &region, &context.account_id))
        {
            let shown = bucket.as_str().unwrap_or_default().to_owned();
            let help = "end it in `-${each.account.id}-REGION-an` with the bucket's own Region, or not in `-an`";
            reader.error("bucket", format!("`{shown}` cannot be a bucket here: {problem}"), help);
        }
        let versioning = reader.flag("versioning").unwrap_or(false);
        let block_public = reader.switches("block_public_access", &PUBLIC_ACCESS);
        let block_public = block_public.unwrap_or_else(|| flags(&PUBLIC_ACCESS, true));
        let encryption = encryption(&mut reader);
        let policy =
            policy::document(&mut reader, "policy", &Use::Resource("s3".to_owned()), context);
        let blocked = blocked(&mut reader);
        let abac = reader.flag("abac");
        let ownership = ownership(&mut reader);
        let tags = tags::read(&mut reader, context, TagKeys::MindCase);
        let mut attrs = Attrs::from([
            ("bucket".to_owned(), bucket),
            ("region".to_owned(), region.into()),
            ("versioning".to_owned(), versioning.into()),
            ("block_public_access".to_owned(), block_public),
            ("encryption".to_owned(), encryption),
            ("policy".to_owned(), policy.unwrap_or_default()),
            ("tags".to_owned(), tags),
        ]);
        attrs.extend(blocked.map(|types| ("blocked_encryption_types".to_owned(), types)));
        attrs.extend(abac.map(|on| ("abac".to_owned(), on.into())));
        attrs.extend(ownership.map(|named| ("object_ownership".to_owned(), named.into())));
        reader.diagnostics.with_warnings(attrs)
    }

    fn computed(&self, desired: &Attrs, context: &KindContext) -> Attrs {
        let bucket = desired.get("bucket").unwrap_or(&Value::Null);
        let head = Value::String(format!("arn:{}:s3:::", context.partition));
        let mut attrs = Attrs::from([
            ("arn".to_owned(), concat([&head, bucket])),
            ("id".to_owned(), bucket.clone()),
        ]);
        // A new bucket has it off (S3 User Guide, "Enabling ABAC in general purpose buckets").
        if !desired.contains_key("abac") {
            attrs.insert("abac".to_owned(), false.into());
        }
        // The default of new buckets since April 2023 (S3 User Guide, "Controlling ownership of objects and disabling ACLs
        // for your bucket").
        if !desired.contains_key("object_ownership") {
            attrs.insert("object_ownership".to_owned(), OWNERSHIP[0].into());
        }
        attrs
    }

    fn natural_key(&self, attrs: &Attrs) -> Option<String> {
        str_attr(attrs, "bucket").map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_regional_namespace() {
        let problem = |name: &str| {
            namespace_problem(name, "eu-west-1", &"111122223333".into()).unwrap_or_default()
        };
        assert_eq!(problem("logs-111122223333-eu-west-1-an"), "");
        assert_eq!(problem("logs-an-1"), "");
        assert!(problem("logs-111122223333-us-east-1-an").contains("Region is `eu-west-1`"));
        assert!(problem("logs-444455556666-eu-west-1-an").contains("not `444455556666`"));
        assert!(problem("logs-an").contains("Region is `eu-west-1`"));
    }

    #[test]
    fn names_that_s3_refuses() {
        for good in ["abc", "acme-production-data", "a.b-c.9", &"a".repeat(63)] {
            assert_eq!(name_problem(good), None, "{good}");
        }
        for bad in [
            "ab",
            "Abc",
            "a_b",
            "-abc",
            "abc.",
            "a..b",
            "10.0.0.1",
            "xn--abc",
            "x--x-s3",
            &"a".repeat(64),
        ] {
            assert!(name_problem(bad).is_some(), "{bad}");
        }
    }
}
