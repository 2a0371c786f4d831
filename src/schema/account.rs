//! Member accounts (and the management account, when it is declared).

use super::organizational_unit::PARENT;
use super::tags::TAGS;
use super::{
    Attr, BlockSchema, Body, Category, Computed, Context, Home, Kind, KindSchema, Recovery, Ty,
};
use crate::diag::Diagnostics;
use crate::value::Attrs;

/// The pure half.
pub(super) struct Account;

static SCHEMA: KindSchema = KindSchema {
    kind: "account",
    what: "an AWS account",
    category: Category::Organization,
    home: Home::Organization,
    block: BlockSchema {
        attrs: &[
            Attr::optional("name", Ty::String, "Its name in AWS; the block's label by default."),
            Attr::optional(
                "email",
                Ty::String,
                "E-mail address of its root user, used by no other account; needed to create it.",
            ),
            Attr::optional(
                "id",
                Ty::String,
                "Id of an existing account, which is adopted instead of created.",
            ),
            PARENT,
            Attr::optional(
                "access_role",
                Ty::String,
                "Role that apply assumes in it; the provider's by default.",
            ),
            Attr::optional(
                "read_role",
                Ty::String,
                "Role that plan and drift assume in it; the provider's by default.",
            ),
            Attr::optional(
                "endpoint_url",
                Ty::String,
                "Endpoint of an emulated account (LocalStack), which stands outside the organization.",
            ),
            Attr::optional("region", Ty::String, "Its region; the provider's by default."),
            Attr::optional(
                "on_destroy",
                Ty::String,
                "What destroying the block does: `retain` (the default), `remove_from_organization` or `close`.",
            ),
            TAGS,
        ],
        blocks: &[],
    },
    computed: &[
        Computed { name: "id", doc: "Its twelve-digit id." },
        Computed { name: "arn", doc: "Its ARN." },
        Computed { name: "status", doc: "`ACTIVE`, `SUSPENDED` or `PENDING_CLOSURE`." },
    ],
    recovery: Recovery::NaturalKey,
    moves: Some("parent"),
    asynchronous: true,
    fixed: &["id", "name", "email"],
    after: &["organization"],
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html",
    ..KindSchema::BASE
};

impl Kind for Account {
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
