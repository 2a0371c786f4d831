//! Member accounts (and the management account, when it is declared).

use super::organization;
use super::organizational_unit::{PARENT, parent};
use crate::address::{ACCOUNT, ResourceAddr};
use crate::diag::Diagnostics;
use crate::schema::access::{AccessPart, AccountDeclaration};
use crate::schema::block_schema::{Attr, BlockSchema, Ty};
use crate::schema::body::Body;
use crate::schema::endpoint::{ENDPOINT, is_endpoint};
use crate::schema::kind_schema::{Category, Computed, Fixed, Home, KindSchema, RecoveryMethod};
use crate::schema::meaning::{Meaning, Naming, Quota, Repair};
use crate::schema::pure_half::{KindContext, ManagedKind, OnDestroy};
use crate::schema::read::{Reader, TextRule, assigned, str_attr};
use crate::schema::tags;
use crate::schema::tags::{TAGS, TagKeys};
use crate::value::{Attrs, Value};

/// Its name.
pub(in crate::schema) const KIND: &str = ACCOUNT;

/// Whether a block is an account.
pub(in crate::schema) fn is_one(address: &ResourceAddr) -> bool {
    address.kind == KIND
}

/// The role that creation makes in an account, through which the management account enters it, where no other
/// is named (Organizations User Guide, "Accessing member accounts").
pub const CREATED_ROLE: &str = "OrganizationAccountAccessRole";

/// The pure half.
pub(in crate::schema) struct Account;

static SCHEMA: KindSchema = KindSchema {
    kind: KIND,
    what: "an AWS account",
    block: BlockSchema {
        attrs: &[
            Attr::optional(
                "name",
                Ty::String,
                "Its name in AWS; the block's label by default, with its key under `for_each` or `count`. Renaming a member takes `account.amazonaws.com` among `trusted_services` of the organization.",
            ),
            Attr::optional(
                "email",
                Ty::String,
                "E-mail address of its root user, used by no other account; needed to create it.",
            ),
            Attr::optional(
                "id",
                Ty::String,
                "Id of an existing account, which is adopted instead of created; in the first plan that of the account that creates the organization.",
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
            Attr::optional("region", Ty::String, "Its Region; the provider's by default."),
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
        Computed {
            name: "state",
            doc: "`PENDING_ACTIVATION`, `ACTIVE`, `SUSPENDED`, `PENDING_CLOSURE` or `CLOSED`.",
        },
    ],
    moves: Some(PARENT.name),
    asynchronous: true,
    fixed: &[
        Fixed {
            name: "id",
            instead: "another id is another account: declare it in a block of its own",
        },
        Fixed {
            name: "email",
            instead: "change it first with `aws account start-primary-email-update`, which asks for a code sent to the new address",
        },
    ],
    after: &[organization::KIND],
    resource_types: &["AWS::Organizations::Account"],
    stands_for: &[("organizations_account", "")],
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html",
    ..KindSchema::of(
        Category::Organization,
        Home::Organization,
        RecoveryMethod::NaturalKey,
        Meaning {
            access: AccessPart::Account(AccountDeclaration {
                parent: PARENT.name,
                name: "name",
                renamed_through: RENAMES_ACCOUNTS,
                known_with_organization: &["name", "email"],
            }),
            quotas: &[Quota::Closures { limit: "account_closures_percent" }],
            repair: Repair::Nothing(
                "the management account changes it, which no policy of an organization limits",
            ),
            naming: Naming::by("name", &["email", "id", "name", "region"]),
            rewrite_policy: None,
            arn: None,
        },
    )
};

/// The service that the organization has to trust before the management account renames members
/// (Account Management Reference Guide, "Enabling trusted access for AWS Account Management").
pub const RENAMES_ACCOUNTS: &str = "account.amazonaws.com";

/// How an account stands in its organization (Organizations User Guide, "Account states").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// Its creation is not through yet.
    PendingActivation,
    /// It works.
    Active,
    /// AWS has restricted it.
    Suspended,
    /// It is being closed.
    PendingClosure,
    /// It is closed: until somebody reopens it, within 90 days, nobody can act in it.
    Closed,
}

impl AccountState {
    const ALL: [Self; 5] = [
        Self::PendingActivation,
        Self::Active,
        Self::Suspended,
        Self::PendingClosure,
        Self::Closed,
    ];

    /// Its name, as Organizations has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PendingActivation => "PENDING_ACTIVATION",
            Self::Active => "ACTIVE",
            Self::Suspended => "SUSPENDED",
            Self::PendingClosure => "PENDING_CLOSURE",
            Self::Closed => "CLOSED",
        }
    }

    /// The same in a sentence: "the account is ...".
    #[must_use]
    pub const fn described(self) -> &'static str {
        match self {
            Self::PendingActivation => "not active yet",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::PendingClosure => "being closed",
            Self::Closed => "closed",
        }
    }

    /// Whether a role in it can be assumed at all.
    #[must_use]
    pub const fn can_be_entered(self) -> bool {
        !matches!(self, Self::PendingActivation | Self::Closed)
    }

    /// The state of that name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The state that goes with a `Status`, which Organizations sent before it sent `State`: there a closed
    /// account was `SUSPENDED`.
    #[must_use]
    pub fn of_status(status: &str) -> Option<Self> {
        match status {
            "SUSPENDED" => Some(Self::Closed),
            other => Self::of_name(other),
        }
    }
}

/// How an account stands, by the attributes that were read of it.
#[must_use]
pub fn account_state(attrs: &Attrs) -> Option<AccountState> {
    let text = |name: &str| attrs.get(name)?.as_str();
    let state = text("state").and_then(AccountState::of_name);
    state.or_else(|| text("status").and_then(AccountState::of_status))
}

const NAME: TextRule = TextRule {
    what: "account name",
    min: 1,
    max: 50,
    allowed: |c| matches!(c, ' '..='~'),
    says: "1 to 50 printable ASCII characters",
};

const ON_DESTROY: [&str; 3] = ["retain", "remove_from_organization", "close"];

/// CreateAccount: 6 to 64 characters, `[^\s@]+@[^\s@]+\.[^\s@]+`.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    (6..=64).contains(&text.chars().count())
        && !local.is_empty()
        && !domain.contains('@')
        && !text.chars().any(char::is_whitespace)
        && domain.rsplit_once('.').is_some_and(|(host, top)| !host.is_empty() && !top.is_empty())
}

fn is_role_name(text: &str) -> bool {
    (1..=64).contains(&text.chars().count()) && text.chars().all(crate::schema::read::iam_name_char)
}

impl ManagedKind for Account {
    fn schema(&self) -> &'static KindSchema {
        &SCHEMA
    }

    fn desired(
        &self,
        body: &Body,
        context: &KindContext,
    ) -> Result<(Attrs, Diagnostics), Diagnostics> {
        let mut reader = Reader::new(body);
        let mut attrs = Attrs::new();
        let id = reader.known("id");
        let emulated = reader.known("endpoint_url");
        if let Some(id) = &id {
            if let Err(error) = id.parse::<crate::ids::AccountId>() {
                reader.error("id", error.to_string(), "");
            }
            attrs.insert("id".to_owned(), id.as_str().into());
        }
        if id.is_none() || body.get("name").is_some() {
            let name = reader.name("name", context);
            reader.check("name", &name, &NAME);
            attrs.insert("name".to_owned(), name);
        }
        match reader.string("email") {
            Some(email) => {
                if email.as_str().is_some_and(|text| !is_email(text)) {
                    reader.error(
                        "email",
                        "this is no e-mail address that AWS accepts",
                        "6 to 64 characters, as in `aws+production@example.com`",
                    );
                }
                attrs.insert("email".to_owned(), email);
            }
            None if id.is_none() && emulated.is_none() && body.get("email").is_none() => {
                reader.error(
                    "email",
                    "the account has neither `email` nor `id`",
                    "give `email` to create it, or `id` to adopt an existing account",
                );
            }
            None => {}
        }
        if let Some(url) = emulated {
            if !is_endpoint(&url) {
                reader.error("endpoint_url", format!("`{url}` is no endpoint"), ENDPOINT);
            }
            attrs.insert("endpoint_url".to_owned(), url.into());
        } else {
            attrs.insert("parent".to_owned(), parent(&mut reader));
            let tags = tags::read(&mut reader, context, TagKeys::MindCase);
            attrs.insert("tags".to_owned(), tags);
        }
        for name in ["access_role", "read_role"] {
            if let Some(role) = reader.known(name)
                && !is_role_name(role.rsplit('/').next().unwrap_or(&role))
            {
                reader.error(
                    name,
                    format!("`{role}` is no role name"),
                    "1 to 64 letters, digits or `_+=,.@-`, optionally behind a path",
                );
            }
        }
        if let Some(region) = reader.known("region")
            && let Err(error) = region.parse::<crate::ids::Region>()
        {
            reader.error("region", error.to_string(), "");
        }
        if let Some(choice) = reader.known("on_destroy")
            && !ON_DESTROY.contains(&choice.as_str())
        {
            let help = crate::diag::did_you_mean(&choice, ON_DESTROY)
                .unwrap_or_else(|| format!("write one of `{}`", ON_DESTROY.join("`, `")));
            reader.error("on_destroy", format!("unknown choice `{choice}`"), help);
        }
        reader.diagnostics.with_warnings(attrs)
    }

    fn computed(&self, desired: &Attrs, context: &KindContext) -> Attrs {
        let mut attrs: Attrs =
            ["arn", "state"].into_iter().map(|n| (n.to_owned(), assigned(context, n))).collect();
        if !desired.contains_key("id") {
            attrs.insert("id".to_owned(), assigned(context, "id"));
        }
        attrs
    }

    fn meta(&self, body: &Body) -> Attrs {
        ["on_destroy", "access_role", "read_role", "region"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), body.get(name)?.value.clone())))
            .filter(|(_, value)| !value.is_null())
            .collect()
    }

    /// AWS compares e-mail addresses without case: one that differs in case alone is left as it is.
    fn reconcile(
        &self,
        mut desired: Attrs,
        live: &Attrs,
        _recorded: &Attrs,
        _meta: &Attrs,
    ) -> Attrs {
        if let (Some(wanted), Some(is)) = (str_attr(&desired, "email"), str_attr(live, "email"))
            && wanted.eq_ignore_ascii_case(is)
        {
            let is = is.to_owned();
            desired.insert("email".to_owned(), is.into());
        }
        desired
    }

    fn import_key(&self, id: &str) -> String {
        if id.contains('@') { id.to_lowercase() } else { id.to_owned() }
    }

    fn only_declared(&self, desired: &Attrs) -> bool {
        desired.contains_key("endpoint_url")
    }

    fn on_destroy(&self, meta: &Attrs) -> OnDestroy {
        match meta.get("on_destroy").and_then(Value::as_str) {
            Some("close") => OnDestroy::Close,
            Some("remove_from_organization") => OnDestroy::Leave,
            _ => OnDestroy::Retain,
        }
    }

    /// The e-mail address is unique in all of AWS, whatever its case.
    fn natural_key(&self, attrs: &Attrs) -> Option<String> {
        Some(str_attr(attrs, "email")?.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_aws_accepts() {
        for good in ["a@b.co", "aws+production@acme.example", "x@sub.acme.example"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "a@b", "@b.com.de", "a b@c.de", "a@b@c.de", "a@.", "a@b."] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
