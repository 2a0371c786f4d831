//! The role behind a session: its path and its trust policy, which no answer of STS tells.
//!
//! It is taken from what the plan has read; a role of an account that the estate does not declare, such as
//! the management account, is read by itself.

use std::collections::BTreeSet;

use crate::difference::policies::document;
use crate::iam::Document;
use crate::live::{Reading, Targets};
use crate::plan::Live;
use crate::provider::{AccessMode, Caller, Provider};
use crate::schema::{KindSchema, PrincipalDeclaration, kinds};
use crate::value::{Attrs, Value};

use super::entrance::{Bearer, Entrance, role_named};
use super::person::role_of;

/// Most roles that are followed from one trust policy to the next.
const MOST_ROLES: usize = 1_000;

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
    id: String,
    pub(super) trust: Option<Document>,
}

impl SessionRole {
    /// Of a session; `None` for other callers, and where the role cannot be read or is another one by now.
    pub(super) async fn of(caller: &Caller, source: RoleSource<'_>) -> Option<Self> {
        let (_, name) = role_of(&caller.arn)?;
        let (id, _) = caller.user_id.split_once(':')?;
        let role = source.role(caller.account.as_str(), name).await?;
        (role.id == id).then_some(role)
    }

    fn read(attrs: &Attrs, principal: PrincipalDeclaration) -> Self {
        let text =
            |key: &str| attrs.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            arn: text("arn"),
            path: text("path"),
            id: text(principal.unique_id),
            trust: principal.trust.and_then(|trust| attrs.get(trust)).and_then(document),
        }
    }

    /// Whom the trust policy lets in by name, and whom the trust policies of those roles do: who may become
    /// a role that may become this one, may become this one.
    pub(super) async fn entrances(&self, source: RoleSource<'_>) -> Vec<Entrance> {
        let mut all: Vec<Entrance> = self.trust.iter().flat_map(Entrance::all).collect();
        let mut followed = BTreeSet::from([self.arn.clone()]);
        let mut at = 0;
        while let Some(entrance) = all.get(at).cloned() {
            at += 1;
            for role in source.roles_through(&entrance).await {
                if followed.len() < MOST_ROLES && followed.insert(role.arn.clone()) {
                    all.extend(role.trust.iter().flat_map(Entrance::all));
                }
            }
        }
        all
    }

    fn bearer(&self) -> Bearer {
        Bearer { arns: vec![self.arn.clone()], id: Some(self.id.clone()), session: None }
    }
}

impl RoleSource<'_> {
    /// A role by the account that it is in and its name.
    async fn role(self, account: &str, name: &str) -> Option<SessionRole> {
        let (schema, principal) = assumable()?;
        let mut targets = self.targets.accounts.values();
        let target = targets.find(|t| t.id.as_ref().is_some_and(|id| id.as_str() == account));
        let reading = target.and_then(|target| self.live.accounts.get(&target.handle));
        if let Some(Reading::Read(index)) = reading {
            let object = index.inventory().objects.get(&(schema.kind, name.to_owned()))?;
            return Some(SessionRole::read(&object.attrs, principal));
        }
        let management = Some(&self.targets.management)
            .filter(|t| t.id.as_ref().is_none_or(|id| id.as_str() == account));
        let target = target.or(management)?;
        let found = self.provider.read_object(target, AccessMode::Read, schema.kind, name);
        Some(SessionRole::read(&found.await.ok()??.attrs, principal))
    }

    /// The roles that an entrance lets in: those that it names, and of those that were read each that its
    /// patterns fit. Whoever lets everybody in has no need of more.
    async fn roles_through(self, entrance: &Entrance) -> Vec<SessionRole> {
        let mut found = Vec::new();
        let arns = entrance.arns();
        for (account, name) in arns.iter().filter_map(|arn| role_named(arn)) {
            found.extend(self.role(account, name).await);
        }
        if arns.iter().any(|arn| arn.contains(['*', '?', '$']) && *arn != "*") {
            found.extend(self.read_roles());
        }
        found.retain(|role| entrance.lets_in(&role.bearer()));
        found
    }

    fn read_roles(self) -> Vec<SessionRole> {
        let Some((schema, principal)) = assumable() else { return Vec::new() };
        let indexes = self.live.accounts.values().filter_map(|reading| match reading {
            Reading::Read(index) => Some(index),
            Reading::Absent | Reading::Unread(_) => None,
        });
        let objects = indexes.flat_map(|index| index.inventory().objects.values());
        objects
            .filter(|object| object.kind == schema.kind)
            .map(|object| SessionRole::read(&object.attrs, principal))
            .collect()
    }
}

/// The kind whose objects are assumed, and how it says who they are.
fn assumable() -> Option<(&'static KindSchema, PrincipalDeclaration)> {
    let mut schemas = kinds().iter().map(|kind| kind.schema());
    let schema = schemas.find(|schema| schema.meaning.access.is_assumable())?;
    Some((schema, schema.meaning.access.principal()?))
}
