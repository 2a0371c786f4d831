//! Who calls: from an access key and a session token to a principal and its account.
//!
//! A session token carries its session, sealed with the store's secret: it survives a restart of the
//! process and needs no row of its own, so assuming a role writes nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::clock::Instant;
use super::iam::model::{IdentityKind, identity_key};
use super::state::{SandboxState, Tags, UPPER, derive};
use super::wire::{Call, Refusal};

/// A role session, as its token carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) account: String,
    pub(crate) role: String,
    pub(crate) role_arn: String,
    pub(crate) role_id: String,
    pub(crate) name: String,
    pub(crate) expires: Instant,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub(crate) tags: Tags,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) transitive: Vec<String>,
    /// Session policies, as JSON texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) policies: Vec<String>,
    /// The identity provider, for web identities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) federated: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source_identity: Option<String>,
    /// Makes two sessions of one name differ.
    pub(crate) nonce: u64,
}

impl Session {
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:sts::{}:assumed-role/{}/{}", self.account, self.role, self.name)
    }
}

/// The credentials of a session: key id, secret, token.
pub(crate) fn seal(state: &SandboxState, session: &Session) -> (String, String, String) {
    let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(session).unwrap_or_default());
    let token = format!("{body}.{}", mac(state, &body));
    let key = format!("ASIA{}", derive(&format!("key/{token}"), UPPER, 16));
    let secret = derive(&format!("secret/{}/{token}", state.meta("secret")), UPPER, 40);
    (key, secret, token)
}

fn mac(state: &SandboxState, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(state.meta("secret").as_bytes()) else {
        return String::new();
    };
    mac.update(body.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

fn unseal(state: &SandboxState, token: &str) -> Option<Session> {
    let (body, seal) = token.split_once('.')?;
    if mac(state, body) != seal {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()
}

/// What a caller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// An IAM user: name, ARN, id.
    User { name: String, arn: String, id: String },
    /// A role session.
    Session(Box<Session>),
    /// Nobody: the request is not signed.
    Anonymous,
}

/// A caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The account; empty for an anonymous caller.
    pub(crate) account: String,
    pub(crate) who: Who,
}

impl Caller {
    pub(crate) fn anonymous() -> Self {
        Self { account: String::new(), who: Who::Anonymous }
    }

    /// As GetCallerIdentity tells it.
    pub(crate) fn arn(&self) -> String {
        match &self.who {
            Who::User { arn, .. } => arn.clone(),
            Who::Session(session) => session.arn(),
            Who::Anonymous => "anonymous".to_owned(),
        }
    }

    /// `aws:userid`.
    pub(crate) fn user_id(&self) -> String {
        match &self.who {
            Who::User { id, .. } => id.clone(),
            Who::Session(session) => format!("{}:{}", session.role_id, session.name),
            Who::Anonymous => String::new(),
        }
    }
}

/// The access key id of a signed request.
pub(crate) fn access_key(call: &Call) -> Option<&str> {
    let credential = match call.header("authorization") {
        Some(header) => header.split_once("Credential=")?.1,
        None => call.param("X-Amz-Credential")?,
    };
    credential.split(['/', ',']).next().filter(|key| !key.is_empty())
}

/// The session token that a request carries.
pub(crate) fn session_token(call: &Call) -> Option<&str> {
    call.header("x-amz-security-token").or_else(|| call.param("X-Amz-Security-Token"))
}

/// Finds out who calls.
pub(crate) fn authenticate(
    state: &SandboxState,
    call: &Call,
    now: Instant,
) -> Result<Caller, Refusal> {
    let Some(key) = access_key(call) else { return Ok(Caller::anonymous()) };
    let invalid = || {
        Refusal::new(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        )
    };
    let Some(token) = session_token(call) else {
        // As emulators outside the organization have it: the access key is the account's id.
        if crate::iam::values::is_account_id(key) && state.accounts.get(key).is_none() {
            return Ok(Caller {
                account: key.to_owned(),
                who: Who::User {
                    name: "root".to_owned(),
                    arn: format!("arn:aws:iam::{key}:root"),
                    id: key.to_owned(),
                },
            });
        }
        let row = state.access_keys.get(key).ok_or_else(invalid)?;
        let user = state
            .identities
            .get(&identity_key(&row.account, IdentityKind::User, &row.user))
            .ok_or_else(invalid)?;
        return Ok(Caller {
            account: row.account.clone(),
            who: Who::User { name: user.name.clone(), arn: user.arn.clone(), id: user.id.clone() },
        });
    };
    let session = unseal(state, token).ok_or_else(invalid)?;
    if seal(state, &session).0 != key {
        return Err(invalid());
    }
    if session.expires <= now {
        return Err(expired());
    }
    Ok(Caller { account: session.account.clone(), who: Who::Session(Box::new(session)) })
}

/// What AWS says about credentials past their time.
pub(crate) fn expired() -> Refusal {
    Refusal::new(403, "ExpiredToken", "The security token included in the request is expired")
}
