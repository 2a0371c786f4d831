//! The names under which one principal makes a request: its own, that of a session that policies name, and those of a
//! user's federated sessions.
//!
//! Claim: whatever request a principal can make under another name than its own, and that policies tell from its own, one of
//! its guises stands for. A session of `GetFederationToken` has the permissions of its user that a session policy leaves,
//! which its user chooses: all of them. It has another ARN and another id, no user name and no second factor, and tags of
//! its user's choice where that one may call `sts:TagSession`; whether it bears its user's own tags as well is not
//! documented, so both are asked. It calls neither IAM nor STS but from the console, where it switches to a role that lets
//! it. Where no policy of a step tells it from its user, it can do no more than that one and is not asked about.
//!
//! Source: IAM User Guide, "Compare AWS STS credentials", "AWS global condition context keys", "Pass session tags in AWS
//! STS", "Permissions for GetFederationToken"; STS API Reference, `GetFederationToken`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::keys::{TOKEN_ISSUE_TIME, is_of_session, keys_of};
use super::{Asked, Right, StepSource, is_closed};
use crate::access::{AccessModel, AccountNode, PrincipalKind};
use crate::iam::symbolic::question::concerns;
use crate::iam::symbolic::{Domain, Opening, Requirement, Space, Texts};
use crate::iam::{Document, Effect, Principal, Request};

/// A name under which a principal asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Guise {
    /// Its own.
    Itself,
    /// A session of it, by ARN.
    Session(String),
    /// A federated session of it, by ARN.
    Federated(String),
}

/// The federated sessions that a user may begin.
#[derive(Clone, Debug)]
pub(super) struct FederatedSessions {
    /// ARNs that policies name, and one that none does.
    arns: BTreeSet<String>,
    /// The one that none does.
    any: String,
    /// What the ARNs begin with that it may name.
    prefixes: Vec<String>,
    /// Whether it may pass tags.
    may_tag: bool,
}

/// What is known of a request under one name.
pub struct GuiseFacts {
    /// Who asks, with all that follows from that.
    pub request: Request,
    /// Keys, in lower case, that no such request carries.
    pub never: BTreeSet<String>,
    /// Keys, in lower case, that every such request carries.
    pub always: BTreeSet<String>,
    /// Keys, in lower case, of which it is known what they may be.
    pub domains: BTreeMap<String, Domain>,
    /// Keys, in lower case, that the caller leaves out if it likes.
    pub optional: BTreeSet<String>,
    /// Keys, in lower case, whose value the caller chooses, though others cannot.
    pub chosen: BTreeSet<String>,
}

impl Asked {
    /// The names under which it is asked.
    pub(super) fn guises(&self) -> BTreeSet<Guise> {
        let sessions = self.sessions.iter().cloned().map(Guise::Session);
        let federated = self.federated.iter().flat_map(|federated| &federated.arns);
        let federated = federated.cloned().map(Guise::Federated);
        std::iter::once(Guise::Itself).chain(sessions).chain(federated).collect()
    }

    /// Whether the principal has such a name on this side.
    pub(super) fn goes_by(&self, guise: &Guise) -> bool {
        match guise {
            Guise::Itself | Guise::Session(_) => true,
            Guise::Federated(_) => self.federated.is_some(),
        }
    }

    /// What is known of a request under one of its names.
    pub(super) fn facts_as(&self, guise: &Guise) -> GuiseFacts {
        let mut facts = GuiseFacts {
            request: self.request.clone(),
            never: self.never.clone(),
            always: self.always.clone(),
            domains: self.domains.clone(),
            optional: self.optional.clone(),
            chosen: self.chosen.clone(),
        };
        if self.since.is_some_and(|since| self.takes_a_new_session(since)) {
            facts.chosen.insert(TOKEN_ISSUE_TIME.to_owned());
        }
        match (guise, &self.federated) {
            (Guise::Session(arn), _) => facts.request.principal = Principal::Arn(arn.clone()),
            (Guise::Federated(arn), Some(federated)) => {
                facts.federate(arn, federated, &self.documents);
            }
            (Guise::Itself, _) | (Guise::Federated(_), None) => {}
        }
        facts
    }

    /// What is known of a request under each of its names, action and resource left open.
    #[must_use]
    pub fn requests(&self) -> Vec<GuiseFacts> {
        self.guises().iter().map(|guise| self.facts_as(guise)).collect()
    }

    /// The same question where a user may ask as a federated session of its own as well.
    #[must_use]
    pub(super) fn federating(self, model: &AccessModel, source: &StepSource) -> Self {
        let StepSource::Principal(arn) = source else { return self };
        let Some(user) = model.principals.get(arn).filter(|p| p.kind == PrincipalKind::User) else {
            return self;
        };
        let Some(home) = model.accounts.get(&user.account) else { return self };
        let own: Vec<&Document> = user.identity().iter().map(|r| r.document.as_ref()).collect();
        let may = |right: &Right| {
            Self::within(model, source, right).is_some_and(|asked| !is_closed(&asked))
        };
        self.federating_by(home, Some(&own), &may)
    }

    /// The same of a user that has these policies, or every permission, where `may` says which rights it has.
    #[must_use]
    pub(in crate::isolation) fn federating_by(
        mut self,
        home: &AccountNode,
        own: Option<&[&Document]>,
        may: &dyn Fn(&Right) -> bool,
    ) -> Self {
        let prefix = format!("arn:{}:sts::{}:federated-user/", home.partition, home.id);
        let prefixes = match own {
            Some(own) => prefixes(own, &prefix),
            None => vec![prefix.clone()],
        };
        let Some(any) = prefixes.first().map(|prefix| format!("{prefix}any")) else { return self };
        if !tell_federated_apart(&self.documents) {
            return self;
        }
        let may = |action: &str| {
            may(&Right {
                actions: vec![action.to_owned()],
                resources: vec![Space::Below(prefix.clone())],
                ..Right::default()
            })
        };
        if !may("sts:GetFederationToken") {
            return self;
        }
        let named = self.documents.iter().flat_map(|d| &d.statements).flat_map(|s| {
            s.principals.iter().chain(&s.not_principals).flat_map(|principals| principals.items())
        });
        let mut arns: BTreeSet<String> = named
            .map(|(_, item)| item.text.symbolic().into_owned())
            .filter(|arn| prefixes.iter().any(|prefix| arn.starts_with(prefix.as_str())))
            .collect();
        arns.insert(any.clone());
        let may_tag = may("sts:TagSession");
        self.federated = Some(FederatedSessions { arns, any, prefixes, may_tag });
        // The session's own policy is its user's choice.
        self.policies.session = vec![Self::anything()];
        self
    }
}

impl GuiseFacts {
    fn federate(&mut self, arn: &str, federated: &FederatedSessions, documents: &[Arc<Document>]) {
        let texts = |prefixes: Vec<String>| {
            Domain::Texts(Texts { prefixes, except: Vec::new(), absent: false })
        };
        let account = arn.split(':').nth(4).unwrap_or_default();
        let name = arn.split_once(":federated-user/").map_or("", |(_, name)| name);
        self.request.principal = Principal::Arn(arn.to_owned());
        let context = &mut self.request.context;
        if arn == federated.any {
            context.remove("aws:PrincipalArn");
            context.remove("aws:userid");
            self.domains.insert("aws:principalarn".to_owned(), texts(federated.prefixes.clone()));
            self.domains.insert("aws:userid".to_owned(), texts(vec![format!("{account}:")]));
            self.chosen.extend(["aws:principalarn", "aws:userid"].map(str::to_owned));
        } else {
            context.set("aws:PrincipalArn", arn);
            context.set("aws:userid", format!("{account}:{name}"));
            self.domains.remove("aws:userid");
        }
        self.never.extend(["aws:username", "aws:multifactorauthage"].map(str::to_owned));
        let no_factor = Domain::These(vec![None, Some("false".into())]);
        self.domains.insert("aws:multifactorauthpresent".to_owned(), no_factor);
        self.optional.remove(TOKEN_ISSUE_TIME);
        self.always.insert(TOKEN_ISSUE_TIME.to_owned());
        let is_tag = |key: &String| key.starts_with("aws:principaltag/");
        let own: Vec<(String, Option<_>)> = context
            .iter()
            .map(|(key, value)| (key.to_ascii_lowercase(), Some(value.clone())))
            .collect();
        for (key, value) in own.into_iter().filter(|(key, _)| is_tag(key)) {
            context.remove(&key);
            if !federated.may_tag {
                self.domains.insert(key, Domain::These(vec![None, value]));
            }
        }
        if federated.may_tag {
            self.never.retain(|key| !is_tag(key));
            self.chosen.extend(keys_of(documents).filter(is_tag));
        }
    }
}

/// What openings of federated sessions ask for beside what policies say: such a session calls no API of STS, and switches
/// from the console to a role that lets it (IAM User Guide, "Compare AWS STS credentials"). A judge of one request knows
/// nothing of that, so it is added once an opening has been played again.
pub(in crate::isolation) fn from_the_console(openings: &mut [Opening]) {
    let is_federated = |opening: &&mut Opening| {
        opening.witness.action.starts_with("sts:")
            && matches!(&opening.witness.principal, Principal::Arn(arn) if arn.contains(":federated-user/"))
    };
    for opening in openings.iter_mut().filter(is_federated) {
        opening.requirements.push(Requirement {
            key: "sts:GetFederationToken".to_owned(),
            text: "a console session of the federated user, which switches to the role".to_owned(),
            unmet: None,
        });
    }
}

/// What the ARNs begin with of sessions that somebody with these policies may name, as far as their patterns say before
/// their first wildcard; nothing where none of them speaks of such sessions.
fn prefixes(own: &[&Document], all: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    let statements = own.iter().flat_map(|document| &document.statements);
    let allowing =
        statements.filter(|s| s.effect == Effect::Allow && concerns(s, "sts:getfederationtoken"));
    for statement in allowing {
        if statement.resources.is_empty() {
            found.insert(all.to_owned());
        }
        for item in &statement.resources {
            let text = item.text.symbolic();
            let head = text.split(['*', '?', '$']).next().unwrap_or_default();
            found.insert(if head.starts_with(all) { head } else { all }.to_owned());
        }
    }
    found.into_iter().collect()
}

/// Whether some policy tells a federated session from its user.
fn tell_federated_apart(documents: &[Arc<Document>]) -> bool {
    const KEYS: [&str; 5] = [
        "aws:principalarn",
        "aws:principaltype",
        "aws:tokenissuetime",
        "aws:userid",
        "aws:username",
    ];
    let names_one = |s: &crate::iam::Statement| {
        let mut named = s.principals.iter().chain(&s.not_principals).flat_map(|p| p.items());
        named.any(|(_, item)| item.text.symbolic().contains(":federated-user/"))
            || s.not_principals.is_some()
            || (s.effect == Effect::Deny
                && s.principals.as_ref().is_some_and(|principals| !principals.is_everyone()))
    };
    keys_of(documents).any(|key| KEYS.contains(&key.as_str()) || is_of_session(&key))
        || documents.iter().flat_map(|d| &d.statements).any(names_one)
}
