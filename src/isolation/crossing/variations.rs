//! The same question where something is otherwise: what a wall rests on is found by asking again without it.

use std::sync::Arc;

use crate::access::NamedPolicy;
use crate::iam::symbolic::{Domain, Space, Texts};
use crate::iam::{
    ContextValue, Document, Effect, Item, Policy, Principal, PrincipalType, Principals, Statement,
};

use super::Asked;
use super::keys::{OF_INSTANCES, SOURCE_IDENTITY, is_resource_tag};

impl Asked {
    /// The same question with a source side that permits everything: whether the target side alone
    /// would let it in.
    #[must_use]
    pub fn without_source_side(mut self) -> Self {
        self.policies.identity = vec![Arc::new(Policy::new("everything", &everything()))];
        self.policies.boundary = None;
        self.policies.service_control.clear();
        self.without_tags().without_second_factor().without_session_name().without_name()
    }

    /// The same question of a user that may be given any name.
    fn without_name(mut self) -> Self {
        let Principal::Arn(arn) = &self.request.principal else { return self };
        let Some((head, _)) = arn.split_once(":user/") else { return self };
        let below = |prefix: String| {
            Domain::Texts(Texts { prefixes: vec![prefix], except: Vec::new(), absent: false })
        };
        let names = [
            ("aws:principalarn".to_owned(), below(format!("{head}:user/"))),
            ("aws:username".to_owned(), below(String::new())),
        ];
        self.request.context.remove("aws:PrincipalArn");
        self.knowing(names)
    }

    /// The same question with whatever tags its principal may be given.
    #[must_use]
    pub fn without_tags(mut self) -> Self {
        let is_tag = |key: &str| key.starts_with("aws:principaltag/") || key == SOURCE_IDENTITY;
        let keys: Vec<String> =
            self.request.context.iter().map(|(key, _)| key.to_owned()).collect();
        for key in keys.iter().filter(|key| is_tag(key)) {
            self.request.context.remove(key);
        }
        self.never.retain(|key| !is_tag(key));
        self.domains.retain(|key, _| !is_tag(key));
        self
    }

    /// The same question of a session that is begun with these tags, by key in lower case; `None` where the trust does not speak
    /// of passing any.
    #[must_use]
    pub(in crate::isolation) fn passing(mut self, tags: &[(String, String)]) -> Option<Self> {
        let keys: Vec<String> = tags.iter().map(|(key, _)| key.clone()).collect();
        let named = tags
            .iter()
            .map(|(key, value)| (format!("aws:requesttag/{key}"), value.as_str().into()));
        for (key, value) in named.chain([("aws:tagkeys".to_owned(), ContextValue::Many(keys))]) {
            if self.never.contains(&key) {
                return None;
            }
            self.request.context.set(&key, value);
        }
        Some(self)
    }

    /// The same question of these actions alone, upon objects and not upon the bucket that holds them.
    #[must_use]
    pub(in crate::isolation) fn upon_objects(mut self, actions: &[&str]) -> Option<Self> {
        self.resources.retain(|space| space.text().contains('/'));
        (!self.resources.is_empty()).then(|| self.taking(actions))
    }

    /// The same question of these actions alone.
    #[must_use]
    pub(in crate::isolation) fn taking(mut self, actions: &[&str]) -> Self {
        self.actions = actions.iter().map(|action| Space::One((*action).to_owned())).collect();
        self
    }

    /// The same question of a user that was given another name, by ARN. Policies that name it as their principal follow it:
    /// they hold its unique id (IAM User Guide, "Rename an IAM user").
    #[must_use]
    pub(in crate::isolation) fn called(mut self, name: &str) -> Self {
        self.request.context.set("aws:PrincipalArn", name);
        self.request.context.set("aws:username", name.rsplit('/').next().unwrap_or_default());
        self
    }

    /// The same question where sessions of its principal are begun with a second factor or without, by whomever.
    #[must_use]
    pub(in crate::isolation) fn without_second_factor(mut self) -> Self {
        self.domains.remove("aws:multifactorauthpresent");
        self.never.remove("aws:multifactorauthage");
        OF_INSTANCES.iter().for_each(|key| {
            self.never.remove(*key);
        });
        self
    }

    /// The same question where the source's account does as it likes and only the organization
    /// still holds it.
    #[must_use]
    pub fn without_own_policies(mut self) -> Self {
        self.policies.identity = vec![Arc::new(Policy::new("everything", &everything()))];
        self.policies.boundary = None;
        self
    }

    /// A policy that permits everything.
    pub(in crate::isolation) fn anything() -> Arc<Policy> {
        Arc::new(Policy::new("everything", &everything()))
    }

    /// Puts other identity policies in the place of the principal's own.
    pub(in crate::isolation) fn put_identity(&mut self, policies: Vec<Arc<Policy>>) {
        self.policies.identity = policies;
    }

    /// Puts another boundary in the place of the principal's own.
    pub(in crate::isolation) fn put_boundary(&mut self, boundary: Option<NamedPolicy>) {
        self.policies.boundary = boundary.as_ref().map(|rule| Arc::clone(&rule.policy));
        self.unread_bound = None;
        self.documents.extend(boundary.iter().map(|rule| Arc::clone(&rule.document)));
        self.rules.extend(boundary);
    }

    /// The same question where this is known of some keys, in lower case.
    #[must_use]
    pub(in crate::isolation) fn knowing(
        mut self,
        keys: impl IntoIterator<Item = (String, Domain)>,
    ) -> Self {
        self.domains.extend(keys);
        self
    }

    /// The same question of a resource that may be given whatever tags.
    #[must_use]
    pub(in crate::isolation) fn without_resource_tags(mut self) -> Self {
        self.request.context.retain(|key| !is_resource_tag(key));
        self.never.retain(|key| !is_resource_tag(key));
        self
    }

    /// The same question where its principal has these policies too.
    #[must_use]
    pub fn with_policies(mut self, more: &[NamedPolicy]) -> Self {
        self.policies.identity.extend(more.iter().map(|rule| Arc::clone(&rule.policy)));
        self.documents.extend(more.iter().map(|rule| Arc::clone(&rule.document)));
        self.rules.extend(more.iter().cloned());
        self
    }

    /// The same question without the organization's guardrails on either side.
    #[must_use]
    pub fn without_guardrails(mut self) -> Self {
        self.policies.service_control.clear();
        self.policies.resource_control.clear();
        self
    }

    /// Whether a resource is among those that are asked for.
    #[must_use]
    pub fn asks_for(&self, resource: &str) -> bool {
        self.resources.iter().any(|space| space.contains(resource))
    }

    /// The same question without the guardrails over what is asked for.
    #[must_use]
    pub fn without_resource_control(mut self) -> Self {
        self.policies.resource_control.clear();
        self
    }

    /// The same question once the source's account has left the organization.
    #[must_use]
    pub fn outside_organization(mut self) -> Self {
        self.policies.service_control.clear();
        self.request.principal_organization = None;
        self.request.context.remove("aws:PrincipalOrgPaths");
        self.never.extend(["aws:principalorgid", "aws:principalorgpaths"].map(str::to_owned));
        self
    }
}

/// A resource's policy that permits everybody everything.
pub(in crate::isolation) fn open_to_all() -> Document {
    let principals = Some(Principals::of(PrincipalType::Aws, ["*"]));
    Document::new([Statement { principals, ..allowing_everything() }])
}

pub(super) fn everything() -> Document {
    Document::new([allowing_everything()])
}

fn allowing_everything() -> Statement {
    let mut statement = Statement::new(Effect::Allow);
    statement.actions = vec![Item::new("*")];
    statement.resources = vec![Item::new("*")];
    statement
}
