//! What an account has exactly once: its alias, its password policy, its S3 public access block.

use super::s3_bucket::PUBLIC_ACCESS;
use crate::diag::Diagnostics;
use crate::schema::access::AccessPart;
use crate::schema::block_schema::{Attr, BlockSchema, Nested, Ty};
use crate::schema::body::Body;
use crate::schema::kind_schema::{Category, Computed, Home, KindSchema, RecoveryMethod};
use crate::schema::meaning::{Meaning, Naming, Repair};
use crate::schema::pure_half::{KindContext, ManagedKind};
use crate::schema::read::Reader;
use crate::value::{Attrs, Value};

/// The pure half.
pub(in crate::schema) struct AccountBaseline;

const PASSWORD_POLICY: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional("minimum_length", Ty::Number, "Characters, 6 to 128 (default 14)."),
        Attr::optional(
            "require_lowercase",
            Ty::Bool,
            "Require a lower-case letter (default true).",
        ),
        Attr::optional(
            "require_uppercase",
            Ty::Bool,
            "Require an upper-case letter (default true).",
        ),
        Attr::optional("require_numbers", Ty::Bool, "Require a digit (default true)."),
        Attr::optional("require_symbols", Ty::Bool, "Require a symbol (default true)."),
        Attr::optional("allow_users_to_change", Ty::Bool, "Let users change it (default true)."),
        Attr::optional(
            "max_age",
            Ty::Number,
            "Days until it expires, 1 to 1095; never when absent.",
        ),
        Attr::optional(
            "reuse_prevention",
            Ty::Number,
            "Earlier passwords that cannot be used again, 1 to 24.",
        ),
        Attr::optional(
            "hard_expiry",
            Ty::Bool,
            "An expired password needs an administrator (default false).",
        ),
    ],
    blocks: &[],
};

static SCHEMA: KindSchema = KindSchema {
    kind: "account_baseline",
    what: "an account's baseline",
    block: BlockSchema {
        attrs: &[
            Attr::optional("alias", Ty::String, "Alias for sign-in, unique in the world."),
            Attr::optional(
                "s3_block_public_access",
                Ty::Flags(&PUBLIC_ACCESS),
                "Block public access to every bucket of the account; all kinds of it, or those that an object names.",
            ),
        ],
        blocks: &[Nested {
            name: "password_policy",
            labels: &[],
            min: 0,
            max: 1,
            block: &PASSWORD_POLICY,
            doc: "Password policy of IAM users.",
        }],
    },
    computed: &[Computed { name: "id", doc: "The account's id." }],
    adopts: true,
    stands_for: &[
        ("iam_account_alias", ""),
        ("iam_account_password_policy", ""),
        ("s3_account_public_access_block", ""),
    ],
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html",
    ..KindSchema::of(
        Category::Iam,
        Home::Account,
        RecoveryMethod::Singleton,
        Meaning {
            access: AccessPart::AccountSettings { public_access_block: "s3_block_public_access" },
            quotas: &[],
            repair: Repair::Everywhere(&["iam:UpdateAccountPasswordPolicy"]),
            naming: Naming::NONE,
            rewrite_policy: None,
            arn: None,
        },
    )
};

/// The parts of a baseline, each managed only where the block names it.
const PARTS: [&str; 3] = ["alias", "password_policy", "s3_block_public_access"];

/// CreateAccountAlias: 3 to 63, `^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`, and no account id.
fn is_alias(text: &str) -> bool {
    (3..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
        && text.parse::<crate::ids::AccountId>().is_err()
}

fn password_policy(reader: &mut Reader<'_>) -> Option<Value> {
    let block = reader.body.nested("password_policy").next()?;
    let mut inner = Reader::new(&block.body);
    let mut policy = Attrs::new();
    let length = inner.int("minimum_length", 6..=128).unwrap_or(14);
    policy.insert("minimum_length".to_owned(), length.into());
    for (name, default) in [
        ("require_lowercase", true),
        ("require_uppercase", true),
        ("require_numbers", true),
        ("require_symbols", true),
        ("allow_users_to_change", true),
        ("hard_expiry", false),
    ] {
        policy.insert(name.to_owned(), inner.flag(name).unwrap_or(default).into());
    }
    policy.insert("max_age".to_owned(), inner.int("max_age", 1..=1095).into());
    policy.insert("reuse_prevention".to_owned(), inner.int("reuse_prevention", 1..=24).into());
    reader.diagnostics.extend(inner.diagnostics);
    Some(Value::Map(policy))
}

impl ManagedKind for AccountBaseline {
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
        if let Some(alias) = reader.string("alias") {
            if let Some(text) = alias.as_str().filter(|text| !is_alias(text)) {
                let summary = format!("`{text}` is no valid account alias");
                reader.error(
                    "alias",
                    summary,
                    "3 to 63 lower-case letters, digits and single hyphens, and no account id",
                );
            }
            attrs.insert("alias".to_owned(), alias);
        }
        if let Some(policy) = password_policy(&mut reader) {
            attrs.insert("password_policy".to_owned(), policy);
        }
        if let Some(switches) = reader.switches("s3_block_public_access", &PUBLIC_ACCESS) {
            attrs.insert("s3_block_public_access".to_owned(), switches);
        }
        reader.diagnostics.with_warnings(attrs)
    }

    fn computed(&self, _desired: &Attrs, context: &KindContext) -> Attrs {
        Attrs::from([("id".to_owned(), context.account_id.clone())])
    }

    /// Which parts are Palisade's, so that destroying the block undoes these and no others.
    fn meta(&self, body: &Body) -> Attrs {
        let manages = PARTS
            .into_iter()
            .filter(|part| {
                body.get(part).is_some_and(|v| !v.value.is_null())
                    || body.nested(part).next().is_some()
            })
            .collect();
        Attrs::from([("manages".to_owned(), manages)])
    }

    fn natural_key(&self, _attrs: &Attrs) -> Option<String> {
        Some("baseline".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases() {
        for good in ["abc", "acme-production", "a1b"] {
            assert!(is_alias(good), "{good}");
        }
        for bad in ["ab", "-abc", "abc-", "a--b", "Abc", "111122223333", "a_b"] {
            assert!(!is_alias(bad), "{bad}");
        }
    }
}
