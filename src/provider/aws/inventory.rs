//! Reads one account in bulk, all its services at once.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};

use super::iam_read;
use super::kind::{Bulk, BulkReading, BulkScope};
use super::kinds::registered;
use super::session::Session;
use crate::provider::{Failure, Inventory, ProviderError};

/// Reads the given kinds, and what is read together with them. A kind that cannot be read is noted; that
/// the account cannot be reached at all is an error.
pub(super) async fn account(
    session: &Session,
    kinds: &BTreeSet<&'static str>,
    scope: &BulkScope<'_>,
) -> Result<Inventory, ProviderError> {
    let (mut iam_kinds, mut iam) = (Vec::new(), Vec::new());
    let mut reads: Vec<(Vec<&'static str>, BoxFuture<'_, BulkReading>)> = Vec::new();
    for (kind, bulk) in registered() {
        match bulk {
            Bulk::Tree | Bulk::Organization(_) => {}
            Bulk::Iam(part) => {
                iam_kinds.push(kind);
                iam.push(part);
            }
            Bulk::Account(reader) => reads.push((vec![kind], reader.everything(session, scope))),
        }
    }
    reads.insert(0, (iam_kinds, iam_read::everything(session, scope, &iam).boxed()));
    reads.retain(|(names, _)| names.iter().any(|name| kinds.contains(name)));
    let (names, reads): (Vec<_>, Vec<_>) = reads.into_iter().unzip();
    let mut inventory = Inventory::default();
    for (names, reading) in names.iter().zip(join_all(reads).await) {
        take(&mut inventory, names, reading)?;
    }
    Ok(inventory)
}

fn take(
    inventory: &mut Inventory,
    names: &[&'static str],
    reading: BulkReading,
) -> Result<(), ProviderError> {
    match reading {
        Ok((objects, unread)) => {
            for object in objects {
                inventory.objects.insert((object.kind, object.key.clone()), object);
            }
            match unread.iter().next() {
                None => inventory.complete.extend(names),
                Some((key, first)) => {
                    let why = format!("`{key}`: {}", first.why);
                    let each = unread.iter().map(|(key, of)| (key.clone(), of.why.clone()));
                    let each: BTreeMap<String, String> = each.collect();
                    for name in names {
                        inventory.unread.insert(name, why.clone());
                        inventory.unread_objects.insert(name, each.clone());
                    }
                    inventory.advice.extend(first.advice.clone().map(|advice| (why, advice)));
                }
            }
            Ok(())
        }
        // Nobody answers, or nobody is let in: then the whole account is unread, and that is said once.
        Err(error) if is_of_the_account(&error) => Err(error),
        Err(error) => {
            let why = error.to_string();
            if error.failure == Failure::NotImplemented {
                inventory.unimplemented.extend(names);
            }
            inventory.unread.extend(names.iter().map(|name| (*name, why.clone())));
            inventory.advice.extend(error.unread_advice().map(|advice| (why, advice)));
            Ok(())
        }
    }
}

/// Whether a failure concerns the account and not what was asked of it. An answer came to be garbled: the
/// others may be understood.
fn is_of_the_account(error: &ProviderError) -> bool {
    !error.is_garbled()
        && matches!(
            error.failure,
            Failure::NoAnswer | Failure::Credentials | Failure::CannotAssume | Failure::Throttled
        )
}
