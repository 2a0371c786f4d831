//! Carries out the changes of several plans and templates together on a snapshot of the accounts.
//!
//! Claim: every change is carried out exactly, or marks each account that it may affect as unread, or was reported as an
//! error. The order of changes in the files does not matter, because the steps are ordered: deletions, then principals and
//! resources, then their policies and attachments, then exclusive lists, and last the references to deleted principals.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AccountSnapshot, AccountsSnapshot, Identity, NO_DUMP, PolicyText, Tree};

/// The changes of one file: a plan, or the template of a stack.
pub(crate) trait ChangeSet {
    /// Labels the existing objects that the set manages, and adds those that only the set knows.
    fn prepare(&self, before: &mut AccountsSnapshot);

    /// Carries out one step.
    fn apply_step(&self, step: ApplyStep, after: &mut AccountsSnapshot, notes: &mut ApplyNotes);

    /// Changes that cannot be judged.
    fn not_judged(&self) -> &[NotJudged];

    /// How many of its changes affect access.
    fn judged(&self) -> usize;

    /// How many of its changes do not affect access.
    fn harmless(&self) -> usize;
}

/// The accounts after the changes, and a summary of the changes.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    /// The accounts after the changes.
    pub after: AccountsSnapshot,
    /// How many changes affect access and were carried out.
    pub carried_out: usize,
    /// How many changes do not affect access.
    pub harmless: usize,
    /// Changes that could not be judged: one sentence each, with the address.
    pub not_judged: Vec<String>,
}

/// Carries out sets together. `before` gets labels for the objects that the sets manage, and the existing objects that only
/// the sets know.
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
            set.apply_step(step, &mut overlay.after, &mut notes);
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
    for why in unknown_policies(before, &overlay.after) {
        if !overlay.not_judged.contains(&why) {
            overlay.not_judged.push(why);
        }
    }
    overlay
}

/// Why policies are unknown after the changes. The analysis itself only says that it cannot read them.
fn unknown_policies(before: &AccountsSnapshot, after: &AccountsSnapshot) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (id, account) in &after.accounts {
        let was = before.accounts.get(id);
        // Most accounts are not changed and stay shared.
        if was.is_some_and(|was| Arc::ptr_eq(was, account)) {
            continue;
        }
        let known = was.map(|was| unknown_in(was)).unwrap_or_default();
        all.extend(unknown_in(account).difference(&known).map(|why| (*why).to_owned()));
    }
    all
}

fn unknown_in(account: &AccountSnapshot) -> BTreeSet<&str> {
    fn of_identity(identity: &Identity) -> impl Iterator<Item = &PolicyText> {
        identity.trust.iter().chain(identity.inline.values())
    }
    let identities = account.roles.values().chain(account.users.values()).flat_map(of_identity);
    let groups = account.groups.values().flat_map(|group| group.inline.values());
    let managed = account.policies.values().map(|policy| &policy.content);
    let resources = account.resources.values().filter_map(|resource| resource.policy.as_ref());
    let all = identities.chain(groups).chain(managed).chain(resources);
    all.filter_map(|policy| match policy {
        PolicyText::Unknown(why) => Some(why.as_str()),
        PolicyText::Known(_) => None,
    })
    .collect()
}

/// Adds an account that only a change mentions.
pub(super) fn add_account(id: &str, before: &mut AccountsSnapshot) {
    if before.accounts.contains_key(id) {
        return;
    }
    let Ok(parsed) = id.parse::<crate::ids::AccountId>() else { return };
    let mut account = AccountSnapshot::new(&parsed, crate::ids::Handle::from(&parsed));
    account.mark_unread(NO_DUMP);
    before.accounts.insert(id.to_owned(), Arc::new(account));
}

/// The steps of an apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApplyStep {
    /// Deletes what is deleted or replaced.
    Remove,
    /// Creates or changes roles, users, groups, managed policies, buckets and units.
    Hold,
    /// Creates or changes policies, attachments and memberships in them.
    Fill,
    /// Applies exclusive lists, which remove everything else.
    Exclude,
}

/// A change that cannot be judged, and the accounts that it may affect.
#[derive(Clone, Debug)]
pub(crate) struct NotJudged {
    /// One account, or all if `None`.
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

/// What later steps need to know of earlier ones.
#[derive(Debug, Default)]
pub(crate) struct ApplyNotes {
    /// Deleted principals: ARN and unique id.
    pub(super) gone: Vec<(String, String)>,
    /// ARNs of the roles and resources whose policies the sets write: these refer to the new principals.
    pub(super) written: BTreeSet<String>,
    /// Changes that cannot be judged.
    pub(super) not_judged: Vec<NotJudged>,
}

impl ApplyNotes {
    /// AWS replaces a deleted principal by its unique id in every policy that names it, so a new principal of the same name
    /// gets no access from these.
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
            // Most accounts name no deleted principal and stay shared.
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
