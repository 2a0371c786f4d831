//! What was evaluated before AWS was there, brought together with what AWS has told.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use tokio::sync::watch;

use super::{EstateRead, EstateReader, KnownAccounts, shut};
use crate::diag::{Diagnostics, Severity};
use crate::engine::error::EngineError;
use crate::engine::known_values::KnownValues;
use crate::engine::read_live::AccountFailure;
use crate::eval::ValueSource as _;
use crate::eval::estate::Estate;
use crate::ids::{AccountId, Handle};
use crate::live::{Adoptions, Reading, Targets, adoptions};
use crate::provider::{AccountListing, AccountTarget};
use crate::schema::{AccountState, account_state};

/// What the first evaluation and the first reading came to.
pub(super) struct Beginning {
    /// The management account that the estate was evaluated with.
    pub(super) assumed: Option<AccountId>,
    /// Accounts that could not be read.
    pub(super) failures: BTreeMap<Handle, AccountFailure>,
    /// Which account each reading is of.
    pub(super) read_as: BTreeMap<Handle, Option<AccountId>>,
}

impl EstateReader<'_> {
    /// Brings what was evaluated before AWS was there together with what AWS has told. Returns the accounts
    /// that could not be read.
    ///
    /// What state knew decided what was read, so the estate was evaluated before AWS was there. Where AWS says
    /// the same of every object, and it nearly always does, that stands. Where it does not (an object is gone,
    /// was replaced, or is about to be taken over; a parameter has a new version), an id, an ARN or a version
    /// that other expressions were evaluated with is another one, or is not known any more, and nothing says
    /// where it went: then, and only then, the estate is evaluated again.
    ///
    /// An account that state did not know, and that exists, is read now: what is in it may be about to be taken
    /// over as well. Each turn learns what the one before made it possible to look for, as units below units
    /// are, so the number of turns is that of the references on the longest way, and bounded.
    pub(super) async fn settle(
        &self,
        read: &mut EstateRead,
        beginning: Beginning,
    ) -> Result<BTreeMap<Handle, AccountFailure>, EngineError> {
        const TURNS: usize = 16;
        let Beginning { assumed, mut failures, mut read_as } = beginning;
        let resources = read.recorded.snapshot.resources();
        let before = KnownValues { management: assumed, ..read.recorded.known(&resources) };
        let mut adopted = Adoptions::new();
        let mut has_read_more = false;
        for turn in 0..TURNS {
            let lineage = &read.recorded.snapshot.lineage;
            let found = adoptions(&read.estate, &resources, &read.live, lineage);
            let now = KnownValues {
                live: Some(&read.live),
                management: read.management.clone(),
                adopted: found.clone(),
                ..read.recorded.known(&resources)
            };
            let is_stale = if turn == 0 {
                let difference = now.difference(&before, &read.estate);
                if let Some((address, attribute)) = difference {
                    tracing::debug!(%address, attribute, "AWS tells something else than state");
                }
                before.management != now.management || difference.is_some()
            } else {
                has_read_more || found != adopted
            };
            if is_stale {
                // Both at once would be held twice.
                drop(std::mem::take(&mut read.estate));
                let caller = read.provider.caller().shared();
                let accounts = KnownAccounts::MayBeFound;
                read.estate =
                    self.evaluate(read.provider.as_ref(), &caller, &now, accounts).await?;
                read.secret_warnings = Diagnostics::new();
                read.secret_versions =
                    self.secret_versions(&read.estate, &mut read.secret_warnings).await;
            }
            adopted = found;
            let shut = shut(&read.estate, &now);
            let mut targets = Targets::of(&read.estate, read.management.as_ref()).accounts;
            let ids = ids(&targets);
            targets.retain(|handle, _| {
                let was_shut = || {
                    matches!(read.live.accounts.get(handle), Some(Reading::Unread(_)))
                        && !failures.contains_key(handle)
                };
                read_as.get(handle) != ids.get(handle) || (was_shut() && !shut.contains_key(handle))
            });
            failures.retain(|handle, _| !shut.contains_key(handle));
            explain(&mut failures, &read.estate, &now);
            for (handle, why) in &shut {
                if let Some(reading @ Reading::Unread(_)) = read.live.accounts.get_mut(handle) {
                    *reading = Reading::Unread(why.clone());
                }
            }
            read_as = ids;
            if targets.is_empty() && !is_stale {
                break;
            }
            has_read_more = !targets.is_empty();
            if has_read_more {
                let provider = read.provider.as_ref();
                // By now the organization has told how each stands.
                let told = watch::channel(AccountListing { ended: true, ..Default::default() }).1;
                let resources = read.recorded.snapshot.resources();
                let known = (&read.estate, &resources);
                let more = self.accounts(provider, &targets, known, &shut, &told);
                let mut more = Box::pin(more).await;
                failures.retain(|handle, _| !more.readings.contains_key(handle));
                failures.append(&mut more.failures);
                read.live.accounts.append(&mut more.readings);
                read.through_access_role.append(&mut more.through_access_role);
                read.warnings.extend(more.warnings);
            }
        }
        if !read.estate.lookups.is_empty() {
            // Whatever accounts there are have been found.
            let now = KnownValues {
                live: Some(&read.live),
                management: read.management.clone(),
                adopted,
                ..read.recorded.known(&resources)
            };
            drop(std::mem::take(&mut read.estate));
            let caller = read.provider.caller().shared();
            let provider = read.provider.as_ref();
            read.estate = self.evaluate(provider, &caller, &now, KnownAccounts::Known).await?;
        }
        read.live.share_with_estate(&mut read.estate, &resources);
        Ok(failures)
    }
}

/// Which account each target is.
pub(super) fn ids(
    targets: &BTreeMap<Handle, AccountTarget>,
) -> BTreeMap<Handle, Option<AccountId>> {
    targets.iter().map(|(handle, target)| (handle.clone(), target.id.clone())).collect()
}

/// Says of accounts that refused the caller that AWS restricts them, where it does: no trust policy is to blame
/// then.
fn explain(
    failures: &mut BTreeMap<Handle, AccountFailure>,
    estate: &Estate,
    known: &KnownValues<'_>,
) {
    for (handle, AccountFailure { is_refusal, diagnostic: failure }) in failures {
        if !*is_refusal {
            continue;
        }
        let Some(account) = estate.accounts.get(handle) else { continue };
        let state = known.attrs(&account.address).and_then(|attrs| account_state(&attrs));
        let Some(state) = state.filter(|state| *state != AccountState::Active) else { continue };
        // Nothing that the user could mend, so it holds nothing else up.
        failure.severity = Severity::Warning;
        failure.summary =
            format!("cannot read the account `{handle}`, which is {}", state.described());
        failure.help = Some(
            "what it holds is taken from the state, and its walls are undetermined; ask AWS Support about the account, or remove its block"
                .to_owned(),
        );
    }
}
