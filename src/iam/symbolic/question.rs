//! One question, can this principal do anything to this resource, and its answer.

use std::collections::{BTreeMap, BTreeSet};

use super::domain::Domain;
use super::globs::Glob;
use super::keys::DERIVED;
use super::opening::Opening;
use super::variables;
use crate::iam::document::{Document, Item};
use crate::iam::eval::{Policies, evaluate};
use crate::iam::request::{PrincipalNames, Request, RequestFacts};

/// Bounds of one question; past them the answer is [`SymbolicAnswer::Undecided`].
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// States of one automaton.
    pub states: usize,
    /// Combinations of key values for one action on one resource.
    pub combinations: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { states: 20_000, combinations: 20_000 }
    }
}

/// The texts that an action or resource may take.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// This one.
    One(String),
    /// Everything that starts with this and is longer.
    Below(String),
    /// Everything that this pattern matches: `*` is any text without a colon, `?` any character but a colon.
    Shaped(String),
}

impl Space {
    /// The text that it is made of, which starts like all that is in it up to a wildcard.
    #[must_use]
    pub fn text(&self) -> &str {
        let (Self::One(text) | Self::Below(text) | Self::Shaped(text)) = self;
        text
    }

    /// Whether a text is in it.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        match self {
            Self::One(one) => one == text,
            Self::Below(prefix) => text.len() > prefix.len() && text.starts_with(prefix.as_str()),
            Self::Shaped(pattern) => Glob::shaped(pattern).matches(text),
        }
    }

    /// The same in lower case.
    #[must_use]
    pub fn lower(&self) -> Self {
        match self {
            Self::One(text) => Self::One(text.to_ascii_lowercase()),
            Self::Below(prefix) => Self::Below(prefix.to_ascii_lowercase()),
            Self::Shaped(pattern) => Self::Shaped(pattern.to_ascii_lowercase()),
        }
    }
}

/// An action that a request takes too where it carries any of some keys: whoever passes tags as it assumes a role
/// needs `sts:TagSession` as well, under the same context (IAM User Guide, "Pass session tags in AWS STS").
#[derive(Clone, Copy, Debug)]
pub struct Companion {
    /// The action, in lower case.
    pub action: &'static str,
    /// Whether a key, in lower case, needs it; `None` if every request does.
    is_needed_for: Option<fn(&str) -> bool>,
}

impl Companion {
    /// An action, in lower case, that every request needs as well, on the same resource.
    #[must_use]
    pub const fn always(action: &'static str) -> Self {
        Self { action, is_needed_for: None }
    }

    /// An action, in lower case, that a request needs as well if it has one of these keys.
    #[must_use]
    pub const fn with_keys(action: &'static str, is_needed_for: fn(&str) -> bool) -> Self {
        Self { action, is_needed_for: Some(is_needed_for) }
    }

    /// Whether a request with a key, in lower case, needs it.
    #[must_use]
    pub fn is_needed_for(&self, key: &str) -> bool {
        self.is_needed_for.is_none_or(|is_needed_for| is_needed_for(key))
    }

    /// The request for it that goes with another one; `None` if that does not need it.
    #[must_use]
    pub fn beside(&self, request: &Request) -> Option<Request> {
        let is_needed = self.is_needed_for.is_none_or(|is_needed_for| {
            request.context.iter().any(|(key, value)| {
                is_needed_for(&key.to_ascii_lowercase()) && !value.values().is_empty()
            })
        });
        is_needed.then(|| {
            let mut other = request.clone();
            self.action.clone_into(&mut other.action);
            other
        })
    }
}

/// A question.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Principal, accounts, organizations and the context keys that the model fixes; action and
    /// resource are filled in from the spaces.
    pub request: Request,
    /// The policies, compiled for the judge.
    pub policies: &'a Policies,
    /// The same policies as documents: whose predicates cut the regions.
    pub documents: Vec<&'a Document>,
    /// Actions asked about.
    pub actions: Vec<Space>,
    /// Resources asked about.
    pub resources: Vec<Space>,
    /// Keys, in lower case, that a request of this principal can never carry.
    pub never: BTreeSet<String>,
    /// Keys, in lower case, that would follow from the principal and are left open: it stands for
    /// many.
    pub free: BTreeSet<String>,
    /// The same for keys, in lower case, of which it is known what they may be.
    pub domains: BTreeMap<String, Domain>,
    /// Keys, in lower case, that the caller leaves out if it likes.
    pub optional: BTreeSet<String>,
    /// Keys, in lower case, that every request of this caller carries.
    pub always: BTreeSet<String>,
    /// Keys, in lower case, whose value this caller chooses, though others cannot.
    pub chosen: BTreeSet<String>,
    /// Actions, in lower case, that are refused whatever policies say.
    pub refused: BTreeSet<String>,
    /// Actions that some requests take beside the one that is asked about.
    pub beside: Vec<Companion>,
}

impl Question<'_> {
    /// Whether the judge allows a request, and all that it takes beside.
    pub(super) fn allows(&self, request: &Request) -> bool {
        let mut beside = self.beside.iter().filter_map(|other| other.beside(request));
        evaluate(request, self.policies).is_allowed()
            && beside.all(|other| evaluate(&other, self.policies).is_allowed())
    }

    /// Whether a statement is about an action, in lower case, or about one that goes with it.
    pub(super) fn concerns(&self, statement: &crate::iam::Statement, action: &str) -> bool {
        concerns(statement, action)
            || self.beside.iter().any(|other| concerns(statement, other.action))
    }
}

/// The answer to a question.
#[derive(Clone, Debug)]
pub enum SymbolicAnswer {
    /// No request is allowed: so many representatives were judged.
    Closed {
        /// How many.
        judged: usize,
    },
    /// These are.
    Open(Vec<Opening>),
    /// It could not be decided.
    Undecided(String),
}

/// A question asked on both sides of a change, over the same regions.
#[derive(Clone, Debug)]
pub struct Answers {
    /// The answer before.
    pub before: SymbolicAnswer,
    /// The answer after.
    pub after: SymbolicAnswer,
    /// Requests that are allowed after and were not before.
    pub gained: Vec<Opening>,
    /// Requests that were allowed before and are not after.
    pub lost: Vec<Opening>,
    /// Why something may be missing from `gained` and `lost`; `None` when they are complete.
    pub inexact: Option<String>,
}

impl Answers {
    /// The answers if the principal exists on neither side.
    #[must_use]
    pub const fn closed() -> Self {
        const CLOSED: SymbolicAnswer = SymbolicAnswer::Closed { judged: 0 };
        Self { before: CLOSED, after: CLOSED, gained: Vec::new(), lost: Vec::new(), inexact: None }
    }
}

/// The keys that the variables of a statement name, in lower case.
pub fn variable_keys(statement: &crate::iam::Statement) -> BTreeSet<String> {
    let resources = statement.resources.iter().chain(&statement.not_resources);
    let values = statement.conditions.iter().flat_map(|c| &c.values);
    resources.chain(values).flat_map(|item| variables::keys(&item.text.symbolic())).collect()
}

/// The value that a side's request gives a key.
pub(super) fn fixed(side: &Question<'_>, key: &str) -> Option<String> {
    let caller = PrincipalNames::new(&side.request.principal, &side.request.context);
    let account = side.request.resource_account.as_deref();
    RequestFacts::of(&side.request, &caller, account).variable(key).map(str::to_owned)
}

pub(super) fn lower(item: &Item) -> String {
    item.text.symbolic().to_ascii_lowercase()
}

pub(super) fn statements<'a>(
    sides: &'a [&Question<'_>],
) -> impl Iterator<Item = &'a crate::iam::Statement> + 'a {
    sides.iter().flat_map(|side| &side.documents).flat_map(|d| &d.statements)
}

/// Whether a statement is about an action, in lower case.
#[must_use]
pub fn concerns(statement: &crate::iam::Statement, action: &str) -> bool {
    let matches = |item: &Item| {
        crate::iam::matching::Pattern::new(
            &lower(item),
            crate::iam::matching::Wildcards::Active,
            crate::iam::LanguageVersion::V2008,
        )
        .matches_plain(action)
    };
    if statement.actions.is_empty() {
        !statement.not_actions.iter().any(matches)
    } else {
        statement.actions.iter().any(matches)
    }
}

/// The question about a resource that it names, where the region of that settles what the question leaves open.
pub(super) fn in_region<'q>(side: &Question<'q>, resource: &Space) -> Option<Question<'q>> {
    const KEY: &str = "aws:requestedregion";
    let Space::One(arn) = resource else { return None };
    let conditions = side.documents.iter().flat_map(|d| &d.statements).flat_map(|s| &s.conditions);
    let asks = || conditions.clone().any(|c| c.key.eq_ignore_ascii_case(KEY));
    if !side.resources.contains(resource) || is_fixed(side, KEY) || !asks() {
        return None;
    }
    let mut side = side.clone();
    arn.clone_into(&mut side.request.resource);
    let region = side.request.resource_region()?.to_owned();
    side.request.context.set(KEY, region);
    Some(side)
}

/// Keys whose value follows from the request, or was fixed by the model.
pub(super) fn is_fixed(side: &Question<'_>, key: &str) -> bool {
    !side.free.contains(key)
        && !side.domains.contains_key(key)
        && (DERIVED.contains(&key) || side.request.context.get(key).is_some())
}
