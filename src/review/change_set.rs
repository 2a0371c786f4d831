//! Changes of several plans and templates, carried out together on a snapshot: what the accounts would hold afterwards.
//!
//! Claim: every change of a set is carried out exactly, or leaves each account unread that it may bear on, or is an
//! error of the set's own. The steps are those of an apply, in the order that makes the result right whatever the order
//! in the files: what goes (with everything in it), what holds others (roles, buckets, units), what lies in them
//! (policies, attachments), lists that are exclusive, and at last the principals that are gone from policies that name
//! them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AccountSnapshot, AccountsSnapshot, PolicyText, Tree};

/// What one file changes: a plan, or the template of a stack.
pub(crate) trait ChangeSet {
    /// Gives what the set manages its label, and adds what only the set knows to stand.
    fn prepare(&self, before: &mut AccountsSnapshot);

    /// Carries one step out.
    fn take(&self, step: ApplyStep, after: &mut AccountsSnapshot, notes: &mut ApplyNotes);

    /// What it says that cannot be judged.
    fn not_judged(&self) -> &[NotJudged];

    /// How many of its changes bear on access.
    fn judged(&self) -> usize;

    /// How many bear none.
    fn harmless(&self) -> usize;
}

/// What the accounts hold after the sets, and what was made of the sets.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    /// The accounts after all of them.
    pub after: AccountsSnapshot,
    /// How many changes bear on access and were carried out.
    pub carried_out: usize,
    /// How many bear none.
    pub harmless: usize,
    /// What is not understood, a sentence each with the address.
    pub not_judged: Vec<String>,
}

/// Carries sets out together. `before` gets the labels by which reports call what the sets manage, and what only the sets
/// know to stand.
#[must_use]
pub(crate) fn carry_out(sets: &[&dyn ChangeSet], before: &mut AccountsSnapshot) -> Overlay {
    for set in sets {
        set.prepare(before);
    }
    let mut overlay = Overlay { after: before.clone(), ..Overlay::default() };
    for unclear in sets.iter().flat_map(|set| set.not_judged()) {
        unclear.clone().say(&mut overlay);
    }
    let mut notes = ApplyNotes::default();
    for step in [ApplyStep::Remove, ApplyStep::Hold, ApplyStep::Fill, ApplyStep::Exclude] {
        for set in sets {
            set.take(step, &mut overlay.after, &mut notes);
        }
    }
    notes.sever(&mut overlay.after);
    for set in sets {
        overlay.carried_out += set.judged();
        overlay.harmless += set.harmless();
    }
    if let Tree::Read(tree) = &mut overlay.after.tree {
        tree.unread.clear();
        tree.note_unreadable();
    }
    for unclear in notes.not_judged {
        unclear.say(&mut overlay);
    }
    overlay
}

/// Adds an account of which only a change tells.
pub(super) fn add_account(id: &str, before: &mut AccountsSnapshot) {
    if before.accounts.contains_key(id) {
        return;
    }
    let Ok(parsed) = id.parse::<crate::ids::AccountId>() else { return };
    let mut account = AccountSnapshot::new(&parsed, crate::ids::Handle::from(&parsed));
    account.mark_unread("there is no dump of it");
    before.accounts.insert(id.to_owned(), Arc::new(account));
}

/// The steps of an apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApplyStep {
    /// What is deleted goes, and what is replaced.
    Remove,
    /// What others lie in: roles, users, groups, managed policies, buckets, units.
    Hold,
    /// What lies in them: policies, attachments, memberships.
    Fill,
    /// Lists that leave nothing beside themselves.
    Exclude,
}

/// Something that cannot be told, and the accounts that it bears on.
#[derive(Clone, Debug)]
pub(crate) struct NotJudged {
    /// One account, or all.
    pub(super) account: Option<String>,
    /// A sentence.
    pub(super) why: String,
}

impl NotJudged {
    fn say(self, overlay: &mut Overlay) {
        match &self.account {
            Some(id) => overlay.after.mark_unread(id, self.why.clone()),
            None => overlay.after.mark_all_unread(&self.why),
        }
        if !overlay.not_judged.contains(&self.why) {
            overlay.not_judged.push(self.why);
        }
    }
}

/// What the steps learn on their way.
#[derive(Debug, Default)]
pub(crate) struct ApplyNotes {
    /// Principals that went: ARN and unique id.
    pub(super) gone: Vec<(String, String)>,
    /// Names of the policies that the sets write: they name whom they name anew.
    pub(super) written: BTreeSet<String>,
    /// What cannot be told.
    pub(super) not_judged: Vec<NotJudged>,
}

impl ApplyNotes {
    /// AWS keeps the unique id of a principal that is gone in every policy that named it, and a new one of the same
    /// name is another one.
    fn sever(&self, after: &mut AccountsSnapshot) {
        if self.gone.is_empty() {
            return;
        }
        for account in after.accounts.values_mut() {
            let trusts = account.roles.values().filter_map(|r| Some((&r.arn, r.trust.as_ref()?)));
            let resources =
                account.resources.iter().filter_map(|(arn, r)| Some((arn, r.policy.as_ref()?)));
            let standing = trusts.chain(resources).filter(|(arn, _)| !self.written.contains(*arn));
            let names_one =
                |policy: &PolicyText| self.gone.iter().any(|(arn, _)| policy.names(arn));
            // Most accounts name nobody who is gone: they stay shared.
            if !standing.map(|(_, policy)| policy).any(names_one) {
                continue;
            }
            let account = Arc::make_mut(account);
            let trusts =
                account.roles.values_mut().filter_map(|r| Some((r.arn.clone(), r.trust.as_mut()?)));
            let resources = account
                .resources
                .iter_mut()
                .filter_map(|(arn, r)| Some((arn.clone(), r.policy.as_mut()?)));
            for (holder, policy) in trusts.chain(resources) {
                if !self.written.contains(&holder) {
                    self.gone.iter().for_each(|(arn, id)| policy.sever(arn, id));
                }
            }
        }
    }
}
