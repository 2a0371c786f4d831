//! What is declared in accounts that AWS lets nobody into: it waits, and holds nothing else up.
//!
//! A closed account may be reopened for 90 days, so its objects keep their records until their blocks go; then
//! they are forgotten, for nothing is left that could be deleted. In one that is not active yet nothing can be
//! made so far.

use std::collections::BTreeMap;

use super::model::Action;
use super::object_plan::ObjectPlan;
use crate::diag::{Diagnostic, Diagnostics, Loc, count};
use crate::difference::Difference;
use crate::eval::estate::Estate;
use crate::ids::Handle;
use crate::schema::{AccountState, Home, account_state};

/// Such accounts: their states, and where they are declared.
pub(super) type Shut = BTreeMap<Handle, (AccountState, Option<Loc>)>;

/// The accounts of an estate that nobody may enter.
pub(super) fn accounts(estate: &Estate, decisions: &[ObjectPlan<'_>]) -> Shut {
    let handles: BTreeMap<_, _> =
        estate.accounts.values().map(|account| (&account.address, &account.handle)).collect();
    decisions
        .iter()
        .filter(|d| d.kind.schema().meaning.access.is_account())
        .filter_map(|d| {
            let state =
                account_state(d.before.as_ref()?).filter(|state| !state.can_be_entered())?;
            let handle = *handles.get(&d.address)?;
            Some((handle.clone(), (state, d.instance.map(|i| i.loc.clone()))))
        })
        .collect()
}

/// Whether an object would have to be changed in such an account.
pub(super) fn is_in<'s>(
    shut: &'s Shut,
    decision: &ObjectPlan<'_>,
) -> Option<(&'s Handle, AccountState)> {
    let account = decision.address.account();
    let account = account.filter(|_| decision.kind.schema().home == Home::Account)?;
    shut.get_key_value(account).map(|(handle, (state, _))| (handle, *state))
}

/// Takes back whatever would have to be done in such an account, and says how much waits there.
pub(super) fn hold(
    shut: &Shut,
    decisions: &mut Vec<ObjectPlan<'_>>,
    diagnostics: &mut Diagnostics,
) {
    if shut.is_empty() {
        return;
    }
    let mut waiting: BTreeMap<&Handle, usize> = BTreeMap::new();
    let mut held: BTreeMap<&Handle, usize> = BTreeMap::new();
    decisions.retain_mut(|decision| {
        let Some((handle, state)) = is_in(shut, decision) else { return true };
        match decision.action {
            Action::NoOp => {
                *held.entry(handle).or_default() += 1;
                return true;
            }
            Action::Forget => return true,
            Action::Delete if state == AccountState::Closed => {
                decision.action = Action::Forget;
                decision.account_is_closed = true;
                decision.reason = Some("its account is closed, with all that is in it".to_owned());
                return true;
            }
            _ => {}
        }
        *waiting.entry(handle).or_default() += 1;
        decision.action = Action::NoOp;
        decision.difference = Difference::default();
        decision.replace_because.clear();
        decision.reason = Some(format!("it waits: the account is {}", state.described()));
        decision.after.clone_from(&decision.before);
        // What is not there stays away.
        decision.before.is_some()
    });
    held.retain(|handle, _| !waiting.contains_key(handle));
    for (handle, number) in held {
        let Some((AccountState::Closed, loc)) = shut.get(handle) else { continue };
        diagnostics.push(
            Diagnostic::warning(format!(
                "{} recorded in `{handle}`, which is closed",
                count(number, "object is", "objects are"),
            ))
            .at_opt(loc.clone())
            .detail("AWS Support can reopen it within 90 days of its closing; AWS does not tell when that was")
            .help("remove its block once it is not to come back: one apply then forgets what was in it"),
        );
    }
    for (handle, number) in waiting {
        let Some((state, loc)) = shut.get(handle) else { continue };
        diagnostics.push(
            Diagnostic::warning(format!(
                "{} in `{handle}`, which is {}",
                count(number, "change waits", "changes wait"),
                state.described()
            ))
            .at_opt(loc.clone())
            .detail("AWS lets nobody into the account, and the others go on without it")
            .help(match state {
                AccountState::Closed => {
                    "ask AWS Support to reopen it, or remove its block: one apply then forgets what was in it"
                }
                _ => "apply again once AWS has activated it",
            }),
        );
    }
}
