//! OpenID Connect identity providers in IAM (GitHub Actions, GitLab, ...).

use super::tags::TAGS;
use super::{
    Attr, BlockSchema, Body, Category, Computed, Context, Home, Kind, KindSchema, Recovery, Ty,
};
use crate::diag::Diagnostics;
use crate::value::Attrs;

/// The pure half.
pub(super) struct IamOidcProvider;

static SCHEMA: KindSchema = KindSchema {
    kind: "iam_oidc_provider",
    what: "an OIDC identity provider",
    category: Category::Iam,
    home: Home::Account,
    block: BlockSchema {
        attrs: &[
            Attr::required(
                "url",
                Ty::String,
                "The issuer's URL, such as `https://token.actions.githubusercontent.com`.",
            )
            .forces_replacement(),
            Attr::optional(
                "audiences",
                Ty::Set(&Ty::String),
                "Client ids that tokens may be issued for; `sts.amazonaws.com` by default.",
            ),
            Attr::optional(
                "thumbprints",
                Ty::Set(&Ty::String),
                "SHA-1 thumbprints of the issuer's certificate authority; left to AWS when absent.",
            ),
            TAGS,
        ],
        blocks: &[],
    },
    computed: &[Computed { name: "arn", doc: "Its ARN." }],
    recovery: Recovery::Tags,
    replace: &["url"],
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html",
    ..KindSchema::BASE
};

impl Kind for IamOidcProvider {
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
