//! Policies compiled for evaluation.

use std::sync::Arc;

use super::condition::CompiledCondition;
use super::document::{Document, Effect, Item, LanguageVersion, Statement};
use super::matching::{ArnPattern, Pattern, Wildcards};
use super::principal::{PrincipalMatcher, PrincipalNaming};
use super::request::{PrincipalNames, RequestFacts};
use super::three_valued::Tri;

/// A policy ready for evaluation.
#[derive(Clone, Debug)]
pub struct Policy {
    name: String,
    statements: Arc<[CompiledStatement]>,
    public: bool,
}

#[derive(Clone, Debug)]
struct CompiledStatement {
    label: String,
    effect: Effect,
    principals: Option<PrincipalMatcher>,
    not_principals: Option<PrincipalMatcher>,
    actions: Vec<Pattern>,
    not_actions: Vec<Pattern>,
    resources: Vec<ArnPattern>,
    not_resources: Vec<ArnPattern>,
    conditions: Vec<CompiledCondition>,
}

/// What every statement of a request is matched against.
pub(super) struct Query<'r> {
    pub(super) caller: &'r PrincipalNames,
    /// In lower case.
    pub(super) action: &'r str,
    pub(super) resource: &'r str,
    /// Whether the caller has a permissions boundary.
    pub(super) bounded: bool,
    /// Whether statements name principals (and may leave out the resource).
    pub(super) resource_side: bool,
    /// Whether AWS completes ARNs with fewer fields than six in such policies.
    pub(super) completes: bool,
}

/// A statement that matches a request under some reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit<'p> {
    pub(super) policy: &'p str,
    pub(super) statement: &'p str,
    pub(super) effect: Effect,
    pub(super) tri: Tri,
    pub(super) naming: PrincipalNaming,
}

/// Why a statement does not match a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// It names other actions.
    Action,
    /// It names other principals.
    Principal,
    /// It names other resources.
    Resource,
    /// Conditions of it on these keys do not hold.
    Conditions(Vec<String>),
}

impl Policy {
    /// Compiles a document under the name that verdicts cite.
    #[must_use]
    pub fn new(name: impl Into<String>, document: &Document) -> Self {
        let version = document.version();
        let statements = document
            .statements
            .iter()
            .enumerate()
            .map(|(index, statement)| CompiledStatement::new(statement, index, version))
            .collect();
        Self {
            name: name.into(),
            statements,
            public: super::bucket_policy::public::is_public(document),
        }
    }

    /// The same policy under another name; what is compiled is shared.
    #[must_use]
    pub fn renamed(&self, name: impl Into<String>) -> Self {
        Self { name: name.into(), statements: Arc::clone(&self.statements), public: self.public }
    }

    /// The name that verdicts cite.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether S3 would call this bucket policy public.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.public
    }

    /// Every statement, by its label, with its effect and why it does not match.
    pub(super) fn considered<'p>(
        &'p self,
        query: &Query<'_>,
        facts: &mut RequestFacts<'_>,
    ) -> Vec<(&'p str, Effect, Option<Mismatch>)> {
        let each = self.statements.iter();
        each.map(|s| (s.label.as_str(), s.effect, s.mismatch(query, facts))).collect()
    }

    /// Adds every statement that matches the query to `hits`.
    pub(super) fn matching<'p>(
        &'p self,
        query: &Query<'_>,
        facts: &mut RequestFacts<'_>,
        hits: &mut Vec<Hit<'p>>,
        notes: &mut Vec<String>,
    ) {
        for statement in self.statements.iter() {
            if let Some((tri, naming)) = statement.matches(query, facts) {
                hits.push(Hit {
                    policy: &self.name,
                    statement: &statement.label,
                    effect: statement.effect,
                    tri,
                    naming,
                });
            } else if query.resource_side && statement.names_canonical_users() {
                notes.push(format!(
                    "policy `{}` statement `{}`: canonical users cannot be compared with the caller",
                    self.name, statement.label
                ));
            }
        }
    }
}

impl CompiledStatement {
    fn new(statement: &Statement, index: usize, version: LanguageVersion) -> Self {
        let actions = |items: &[Item]| {
            items
                .iter()
                .map(|item| {
                    let text = item.text.symbolic().to_ascii_lowercase();
                    Pattern::new(&text, Wildcards::Active, LanguageVersion::V2008)
                })
                .collect()
        };
        let resources = |items: &[Item]| {
            items.iter().map(|item| ArnPattern::resource(&item.text.symbolic(), version)).collect()
        };
        Self {
            label: match &statement.sid {
                Some(sid) if !sid.is_empty() => sid.clone(),
                _ => index.to_string(),
            },
            effect: statement.effect,
            principals: statement.principals.as_ref().map(PrincipalMatcher::new),
            not_principals: statement.not_principals.as_ref().map(PrincipalMatcher::new),
            actions: actions(&statement.actions),
            not_actions: actions(&statement.not_actions),
            resources: resources(&statement.resources),
            not_resources: resources(&statement.not_resources),
            conditions: statement
                .conditions
                .iter()
                .map(|condition| CompiledCondition::new(condition, version))
                .collect(),
        }
    }

    fn names_canonical_users(&self) -> bool {
        self.principals.as_ref().is_some_and(PrincipalMatcher::has_canonical_users)
    }

    fn matches(
        &self,
        query: &Query<'_>,
        facts: &mut RequestFacts<'_>,
    ) -> Option<(Tri, PrincipalNaming)> {
        if !self.action_matches(query.action) {
            return None;
        }
        let (mut tri, naming) = if query.resource_side {
            self.principal_matches(query)?
        } else {
            (Tri::YES, PrincipalNaming::Direct)
        };
        tri = tri.and(self.resource_matches(query, facts));
        if !tri.may {
            return None;
        }
        for condition in &self.conditions {
            // Go on after a failure: every missing key is worth naming.
            tri = tri.and(condition.holds(facts));
        }
        tri.may.then_some((tri, naming))
    }

    /// Why it does not match; nothing where it does under some reading.
    fn mismatch(&self, query: &Query<'_>, facts: &mut RequestFacts<'_>) -> Option<Mismatch> {
        if !self.action_matches(query.action) {
            return Some(Mismatch::Action);
        }
        if query.resource_side && self.principal_matches(query).is_none() {
            return Some(Mismatch::Principal);
        }
        if !self.resource_matches(query, facts).may {
            return Some(Mismatch::Resource);
        }
        let failing = self.conditions.iter().filter(|condition| !condition.holds(facts).may);
        let keys: Vec<String> =
            failing.map(|condition| condition.spelled_key().to_owned()).collect();
        (!keys.is_empty()).then_some(Mismatch::Conditions(keys))
    }

    fn action_matches(&self, action: &str) -> bool {
        if self.not_actions.is_empty() {
            self.actions.iter().any(|pattern| pattern.matches_plain(action))
        } else {
            !self.not_actions.iter().any(|pattern| pattern.matches_plain(action))
        }
    }

    fn principal_matches(&self, query: &Query<'_>) -> Option<(Tri, PrincipalNaming)> {
        match (&self.principals, &self.not_principals) {
            (Some(matcher), _) => matcher.naming(query.caller).map(|naming| (Tri::YES, naming)),
            (None, Some(matcher)) => {
                // "The NotPrincipal element with a Deny effect will always deny any IAM principal
                // that has a permissions boundary policy attached" (IAM User Guide, Boundaries).
                let tri = match self.effect {
                    Effect::Deny if query.bounded => Tri::YES,
                    Effect::Deny => matcher.excludes(query.caller),
                    // For `Allow`, to be named by any name is to be left out.
                    Effect::Allow => match matcher.naming(query.caller) {
                        Some(_) => Tri::NO,
                        None => Tri::YES,
                    },
                };
                tri.may.then_some((tri, PrincipalNaming::Direct))
            }
            // A resource-side statement without principals names nobody.
            (None, None) => None,
        }
    }

    fn resource_matches(&self, query: &Query<'_>, facts: &mut RequestFacts<'_>) -> Tri {
        if !self.not_resources.is_empty() {
            let before = facts.unresolved();
            let outside = self
                .not_resources
                .iter()
                .fold(Tri::NO, |any, p| {
                    any.or(p.matches_resource(query.resource, query.completes, facts))
                })
                .negate();
            // "If AWS cannot resolve a variable this might cause the entire statement to be invalid."
            let sure = facts.unresolved() == before;
            return outside.and(if sure { Tri::YES } else { Tri::DISPUTED });
        }
        if self.resources.is_empty() {
            // Trust and some repository policies apply to what they are attached to.
            return query.resource_side.into();
        }
        self.resources.iter().fold(Tri::NO, |any, p| {
            if any.must {
                any
            } else {
                any.or(p.matches_resource(query.resource, query.completes, facts))
            }
        })
    }
}
