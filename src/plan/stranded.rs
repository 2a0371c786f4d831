//! Objects of the state in accounts that the configuration does not declare any more: nothing says how
//! to reach them, so nobody can look at them or delete them.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::closed_account;
use super::model::Action;
use super::object_plan::ObjectPlan;
use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::Estate;
use crate::live::moves;
use crate::schema::{Home, KindSchema};

/// So many are named in an error.
const NAMED: usize = 5;

/// Whether an object without a block lives in such an account.
pub(super) fn is_stranded(estate: &Estate, schema: &KindSchema, address: &ResourceAddr) -> bool {
    schema.home == Home::Account
        && address.account().is_some_and(|account| !estate.accounts.contains_key(account))
}

/// What a `removed` block names is forgotten, and so is what goes down with an account that is closed.
/// The rest would be out of sight with all that it permits: refused.
pub(super) fn settle(
    estate: &Estate,
    decisions: &mut [ObjectPlan<'_>],
    diagnostics: &mut Diagnostics,
) {
    // One that AWS has closed, or deleted since, holds nothing that somebody could use.
    let is_closed = |d: &&ObjectPlan<'_>| {
        d.kind.schema().meaning.access.is_account()
            && d.action == Action::Forget
            && match &d.before {
                Some(before) => closed_account(d.kind, before).is_some(),
                None => true,
            }
    };
    let closed: BTreeSet<String> = decisions
        .iter()
        .filter(|d| d.closes() || is_closed(d))
        .map(|d| d.address.handle())
        .collect();
    let mut left: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for decision in decisions.iter_mut().filter(|d| d.instance.is_none()) {
        let Some(account) = decision.address.account().map(ToString::to_string) else { continue };
        if !is_stranded(estate, decision.kind.schema(), &decision.address)
            || moves::is_removed(estate, &decision.address)
        {
            continue;
        }
        if closed.contains(&account) {
            decision.reason = Some("its account is closed, with all that is in it".to_owned());
        } else {
            left.entry(account).or_default().push(decision.address.to_string());
        }
    }
    for (account, objects) in left {
        let count = objects.len();
        let are = match count {
            1 => "1 managed object is".to_owned(),
            _ => format!("{count} managed objects are"),
        };
        let mut named: Vec<String> =
            objects.iter().take(NAMED).map(|address| format!("`{address}`")).collect();
        if count > NAMED {
            named.push(format!("and {} more", count - NAMED));
        }
        let first = objects.into_iter().next().unwrap_or_default();
        diagnostics.push(
            Diagnostic::error(format!(
                "the account `{account}` is not declared any more, and {are} still in it"
            ))
            .detail(format!("without its block nothing says how to reach {}", named.join(", ")))
            .help(format!(
                "keep the account's block until an apply has deleted them; or leave them in AWS: `removed {{ from = {} }}` for each",
                serde_json::Value::from(first)
            )),
        );
    }
}
