//! What tells principals that are made in an account apart. Whoever makes one chooses its name, and a policy that asks for
//! `aws:PrincipalArn` or `aws:username` may let in some names and not others.
//!
//! Claim: of two names that are alike, no policy that bears on principals of the account says anything else. Policies know
//! a principal that does not exist yet by those keys alone: one that names it as its principal is not taken, or holds the id
//! of another one of that name that was deleted (IAM User Guide, "AWS JSON policy elements: Principal").

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::super::crossing::texts_of;
use super::questions::{Questions, below};
use super::renaming::asked_by;
use crate::access::AccountNode;
use crate::iam::Document;
use crate::iam::symbolic::globs::Glob;

/// Names of principals that may be made in an account, by what tells them apart.
#[derive(Debug, Default)]
pub struct NewNames {
    asking: Vec<Glob>,
    /// Whether some policy tells users from roles.
    tells_kinds: bool,
    /// Whether guardrails over the account tell names apart, so that some may do there what others may not.
    pub bear_on_rights: bool,
}

impl NewNames {
    /// What policies answer to a name.
    fn answers(&self, name: &str) -> Vec<bool> {
        let is_user = self.tells_kinds && name.contains(":user/");
        self.asking.iter().map(|glob| glob.matches(name)).chain([is_user]).collect()
    }

    /// Whether nothing tells two names apart.
    #[must_use]
    pub fn are_alike(&self, one: &str, other: &str) -> bool {
        one == other || self.answers(one) == self.answers(other)
    }

    /// Names by what tells them apart.
    #[must_use]
    pub fn alike(&self, names: impl IntoIterator<Item = String>) -> Vec<BTreeSet<String>> {
        let mut groups: BTreeMap<Vec<bool>, BTreeSet<String>> = BTreeMap::new();
        for name in names {
            groups.entry(self.answers(&name)).or_default().insert(name);
        }
        groups.into_values().collect()
    }

    /// Whether anything tells any names apart.
    #[must_use]
    pub fn tell_apart(&self) -> bool {
        self.tells_kinds
    }

    /// The patterns by which policies tell names apart.
    pub(super) fn asking(&self) -> &[Glob] {
        &self.asking
    }
}

/// Whether a document tells users from roles by other keys than their names.
pub(super) fn tells_kinds(document: &Document) -> bool {
    let by_key = |key: &str| {
        let key = key.to_ascii_lowercase();
        matches!(key.as_str(), "aws:principaltype" | "aws:userid" | "aws:tokenissuetime")
            || key.starts_with("aws:multifactorauth")
    };
    let by_session = |statement: &crate::iam::Statement| {
        let mut named = statement.principals.iter().flat_map(|principals| principals.items());
        named.any(|(_, item)| item.text.symbolic().contains(":federated-user/"))
    };
    let mut statements = document.statements.iter();
    statements.any(|s| by_session(s) || s.conditions.iter().any(|c| by_key(&c.key)))
}

impl Questions<'_> {
    /// What tells names of principals of an account apart.
    pub(super) fn new_names(&self, home: &AccountNode) -> Rc<NewNames> {
        if let Some(known) = self.new_names.borrow().get(&home.handle) {
            return Rc::clone(known);
        }
        let (mut all, mut over): (Vec<Arc<Document>>, Vec<Arc<Document>>) = Default::default();
        for model in self.sides() {
            let managed = model.managed_of(home).filter_map(|arn| model.managed(arn));
            all.extend(managed.map(|policy| policy.document));
            let groups = model.groups_of(&home.handle).flat_map(|group| group.identity());
            all.extend(groups.map(|policy| Arc::clone(&policy.document)));
            let own = model.accounts.get(&home.handle).into_iter();
            let own = own.flat_map(|a| a.service_control.iter().flat_map(|(_, all)| all));
            over.extend(own.map(|policy| Arc::clone(&policy.document)));
        }
        let spaces = ["role", "user"].map(|kind| below(home, kind));
        // Patterns of principals elsewhere tell no names apart here.
        let is_here = |glob: &Glob| {
            let mut texts = spaces.iter().flat_map(|space| texts_of([glob.clone()].into(), space));
            texts.any(|name| glob.matches(&name))
        };
        let of = |documents: &[Arc<Document>]| -> BTreeSet<Glob> {
            let statements = documents.iter().flat_map(|d| &d.statements);
            let asked = statements.flat_map(|s| &s.conditions).flat_map(asked_by);
            asked.filter(is_here).collect()
        };
        let of_all = self.asked_of_all();
        let mut asking = of(&all);
        asking
            .extend(of_all.iter().flat_map(|all| all.asking(home)).filter(|g| is_here(g)).cloned());
        let asking: Vec<Glob> = asking.into_iter().collect();
        let by_kind = !asking.is_empty()
            || of_all.iter().any(|all| all.tells_kinds)
            || all.iter().any(|document| tells_kinds(document));
        let bear_on_rights =
            !of(&over).is_empty() || over.iter().any(|document| tells_kinds(document));
        let found = Rc::new(NewNames { asking, tells_kinds: by_kind, bear_on_rights });
        self.new_names.borrow_mut().insert(home.handle.clone(), Rc::clone(&found));
        found
    }
}
