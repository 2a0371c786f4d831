//! The role behind a session: its path and its trust policy, which no answer of STS tells.
//!
//! It is taken from what the plan has read; a role of an account that the estate does not declare, such as
//! the management account, is read by itself.

use crate::difference::policies::document;
use crate::iam::{Document, Effect, PrincipalType, Principals};
use crate::plan::Live;
use crate::plan::live::Reading;
use crate::plan::targets::Targets;
use crate::provider::{AccessMode, Caller, Provider};
use crate::schema::kinds;
use crate::value::{Attrs, Value};

use super::person::role_of;
use super::pinned::only_beside;

/// Where roles are looked up.
#[derive(Clone, Copy)]
pub struct RoleSource<'a> {
    /// What reads AWS.
    pub provider: &'a dyn Provider,
    /// How accounts are reached.
    pub targets: &'a Targets,
    /// What was read already.
    pub live: &'a Live,
}

/// A role as AWS holds it.
#[derive(Clone, Debug)]
pub(super) struct SessionRole {
    /// With its path.
    pub(super) arn: String,
    pub(super) path: String,
    pub(super) trust: Option<Document>,
}

impl SessionRole {
    /// Of a session; `None` for other callers, and where the role cannot be read or is another one by now.
    pub(super) async fn of(caller: &Caller, source: RoleSource<'_>) -> Option<Self> {
        let (_, name) = role_of(&caller.arn)?;
        let (id, _) = caller.user_id.split_once(':')?;
        let mut schemas = kinds().iter().map(|kind| kind.schema());
        let schema = schemas.find(|schema| schema.meaning.access.is_assumable())?;
        let target =
            source.targets.accounts.values().find(|t| t.id.as_ref() == Some(&caller.account));
        let reading = target.and_then(|target| source.live.accounts.get(&target.handle));
        let attrs = match reading {
            Some(Reading::Read(index)) => {
                let object = index.inventory().objects.get(&(schema.kind, name.to_owned()))?;
                object.attrs.clone()
            }
            _ => {
                let management = Some(&source.targets.management)
                    .filter(|t| t.id.as_ref().is_none_or(|id| *id == caller.account));
                let target = target.or(management)?;
                let found =
                    source.provider.read_object(target, AccessMode::Read, schema.kind, name);
                found.await.ok()??.attrs
            }
        };
        let text = |attrs: &Attrs, key: &str| {
            attrs.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let principal = schema.meaning.access.principal()?;
        (text(&attrs, principal.unique_id) == id).then(|| Self {
            arn: text(&attrs, "arn"),
            path: text(&attrs, "path"),
            trust: principal.trust.and_then(|trust| attrs.get(trust)).and_then(document),
        })
    }

    /// Whom the trust policy lets in by name: ARNs and unique ids of users and roles, `*` for everybody. An
    /// account that it lets in as a whole decides by its own policies who comes, which is not told here.
    pub(super) fn admits(&self) -> Vec<String> {
        let statements = self.trust.iter().flat_map(|trust| &trust.statements);
        let ways = statements.filter(|s| s.effect == Effect::Allow && !only_beside(s));
        let mut all = Vec::new();
        for principals in ways.filter_map(|s| s.principals.as_ref()) {
            match principals {
                Principals::All => all.push("*".to_owned()),
                Principals::ByType(types) => {
                    let named = types.get(&PrincipalType::Aws).into_iter().flatten();
                    let texts = named.filter_map(|item| item.text.known());
                    all.extend(texts.filter(|text| !is_account(text)).map(str::to_owned));
                }
            }
        }
        all
    }
}

fn is_account(text: &str) -> bool {
    text.ends_with(":root") || text.bytes().all(|b| b.is_ascii_digit())
}
