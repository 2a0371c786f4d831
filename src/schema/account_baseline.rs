//! What an account has exactly once: its alias, its password policy, its S3 public access block.

use super::{
    Attr, BlockSchema, Body, Category, Computed, Context, Home, Kind, KindSchema, Nested, Recovery,
    Ty,
};
use crate::diag::Diagnostics;
use crate::value::Attrs;

/// The pure half.
pub(super) struct AccountBaseline;

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
    category: Category::Iam,
    home: Home::Account,
    block: BlockSchema {
        attrs: &[
            Attr::optional("alias", Ty::String, "Alias for sign-in, unique in the world."),
            Attr::optional(
                "s3_block_public_access",
                Ty::Bool,
                "Block public access to every bucket of the account.",
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
    recovery: Recovery::Singleton,
    adopts: true,
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html",
    ..KindSchema::BASE
};

impl Kind for AccountBaseline {
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
        Some("baseline".to_owned())
    }
}
