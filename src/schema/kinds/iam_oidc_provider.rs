//! OpenID Connect identity providers in IAM (GitHub Actions, GitLab, ...).

use crate::diag::Diagnostics;
use crate::schema::access::AccessPart;
use crate::schema::block_schema::{Attr, BlockSchema, Ty};
use crate::schema::body::Body;
use crate::schema::kind_schema::{Category, Computed, Home, KindSchema, RecoveryMethod};
use crate::schema::meaning::{ArnForm, Meaning, Naming, Quota, Repair};
use crate::schema::pure_half::{KindContext, ManagedKind};
use crate::schema::read::{Reader, arn, str_attr};
use crate::schema::tags::{self, TAGS, TagKeys};
use crate::value::{Attrs, Value};

/// Its name.
pub(in crate::schema) const KIND: &str = "iam_oidc_provider";

/// The pure half.
pub(in crate::schema) struct IamOidcProvider;

static SCHEMA: KindSchema = KindSchema {
    kind: KIND,
    what: "an OIDC identity provider",
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
            )
            .says_empty(),
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
    resource_types: &["AWS::IAM::OIDCProvider"],
    stands_for: &[("iam_openid_connect_provider", "")],
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html",
    ..KindSchema::of(
        Category::Iam,
        Home::Account,
        RecoveryMethod::Tags,
        Meaning {
            access: AccessPart::IdentityProvider,
            quotas: &[Quota::PerAccount {
                limit: "oidc_providers_per_account",
                what: "OIDC providers",
            }],
            repair: Repair::Objects(&["iam:GetOpenIDConnectProvider"]),
            naming: Naming { identity: &["url"], ..Naming::NONE },
            rewrite_policy: None,
            arn: Some(ArnForm { service: "iam", resource: "oidc-provider/" }),
        },
    )
};

/// CreateOpenIDConnectProvider: https, at most 255 characters, no port, query or fragment.
fn url_problem(url: &str) -> Option<&'static str> {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    if url.contains("://") && !url.starts_with("https://") {
        return Some("the URL must begin with `https://`");
    }
    if url.chars().count() > 255 {
        return Some("the URL must have at most 255 characters");
    }
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains(':') {
        return Some("the URL must not name a port");
    }
    if !host.contains('.') || rest.contains(['?', '#']) || rest.chars().any(|c| c.is_whitespace()) {
        return Some("write the issuer's URL, as in `https://token.actions.githubusercontent.com`");
    }
    None
}

impl ManagedKind for IamOidcProvider {
    fn schema(&self) -> &'static KindSchema {
        &SCHEMA
    }

    fn desired(
        &self,
        body: &Body,
        context: &KindContext,
    ) -> Result<(Attrs, Diagnostics), Diagnostics> {
        let mut reader = Reader::new(body);
        let url = reader.known("url").unwrap_or_default();
        if let Some(problem) = url_problem(&url) {
            reader.error("url", format!("`{url}` is no issuer's URL"), problem);
        }
        let url = url.strip_prefix("https://").unwrap_or(&url).to_owned();
        let audiences = reader.strings("audiences", |text| {
            (text.is_empty() || text.chars().count() > 255)
                .then(|| "an audience has 1 to 255 characters".to_owned())
        });
        if audiences.as_ref().and_then(Value::elements).is_some_and(|a| a.len() > 100) {
            reader.error("audiences", "an OIDC provider has at most 100 audiences", "");
        }
        let thumbprints = reader.strings("thumbprints", |text| {
            (text.len() != 40 || !text.bytes().all(|b| b.is_ascii_hexdigit()))
                .then(|| format!("`{text}` is no SHA-1 thumbprint of 40 hexadecimal digits"))
        });
        if thumbprints.as_ref().and_then(Value::elements).is_some_and(|t| t.len() > 5) {
            reader.error("thumbprints", "an OIDC provider has at most 5 thumbprints", "");
        }
        let tags = tags::read(&mut reader, context, TagKeys::IgnoreCase);
        let mut attrs = Attrs::from([
            ("url".to_owned(), url.into()),
            (
                "audiences".to_owned(),
                audiences.unwrap_or_else(|| Value::list(vec!["sts.amazonaws.com".into()])),
            ),
            ("tags".to_owned(), tags),
        ]);
        if let Some(thumbprints) = thumbprints {
            attrs.insert("thumbprints".to_owned(), thumbprints);
        }
        reader.diagnostics.with_warnings(attrs)
    }

    fn computed(&self, desired: &Attrs, context: &KindContext) -> Attrs {
        let url = desired.get("url").unwrap_or(&Value::Null);
        Attrs::from([("arn".to_owned(), arn(context, "iam", "", &[&"oidc-provider/".into(), url]))])
    }

    fn natural_key(&self, attrs: &Attrs) -> Option<String> {
        str_attr(attrs, "url").map(str::to_owned)
    }

    fn import_key(&self, id: &str) -> String {
        id.strip_prefix("https://").unwrap_or(id).to_owned()
    }
}
