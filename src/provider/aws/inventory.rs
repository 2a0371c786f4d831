//! Reads one account in bulk, all its services at once.

use std::collections::BTreeSet;

use super::clients::Session;
use super::iam_read::Shared;
use super::kind::KindProvider;
use super::{account_baseline, config, iam_read, s3_bucket};
use crate::provider::{Failure, Inventory, LiveObject, ProviderError};

/// What is read together with IAM: everything there that holds power.
const IAM: [&str; 5] = ["iam_role", "iam_policy", "iam_oidc_provider", "iam_user", "iam_group"];

/// What one service's reading came to.
type Reading = Result<(Vec<LiveObject>, Option<String>), ProviderError>;

/// Reads the given kinds. A kind that cannot be read is noted; that the account cannot be reached
/// at all is an error.
pub(super) async fn account(
    cx: &Session,
    kinds: &BTreeSet<&'static str>,
    config_prefix: &str,
    shared: &Shared,
) -> Result<Inventory, ProviderError> {
    let wants = |names: &[&str]| names.iter().any(|name| kinds.contains(name));
    let nothing = || Ok((Vec::new(), None));
    let iam = async {
        if wants(&IAM) {
            iam_read::everything(cx, shared).await.map(|o| (o, None))
        } else {
            nothing()
        }
    };
    let buckets =
        async { if wants(&["s3_bucket"]) { s3_bucket::everything(cx).await } else { nothing() } };
    let baseline = async {
        if wants(&["account_baseline"]) {
            let read = account_baseline::AccountBaseline.read(cx, "").await;
            read.map(|object| (object.into_iter().collect(), None))
        } else {
            nothing()
        }
    };
    let parameters = async {
        if wants(&["config"]) {
            config::everything(cx, config_prefix).await.map(|o| (o, None))
        } else {
            nothing()
        }
    };
    let (iam, buckets, baseline, parameters) = futures::join!(iam, buckets, baseline, parameters);
    let mut inventory = Inventory::default();
    take(&mut inventory, kinds, &IAM, iam)?;
    take(&mut inventory, kinds, &["s3_bucket"], buckets)?;
    take(&mut inventory, kinds, &["account_baseline"], baseline)?;
    take(&mut inventory, kinds, &["config"], parameters)?;
    Ok(inventory)
}

fn take(
    inventory: &mut Inventory,
    kinds: &BTreeSet<&'static str>,
    names: &[&'static str],
    reading: Reading,
) -> Result<(), ProviderError> {
    if !names.iter().any(|name| kinds.contains(name)) {
        return Ok(());
    }
    match reading {
        Ok((objects, unread)) => {
            for object in objects {
                inventory.objects.insert((object.kind, object.key.clone()), object);
            }
            match unread {
                None => inventory.complete.extend(names),
                Some(why) => {
                    inventory.unread.extend(names.iter().map(|name| (*name, why.clone())));
                }
            }
            Ok(())
        }
        // Nobody answers, or nobody is let in: then the whole account is unread, and that is told once.
        Err(error)
            if matches!(
                error.failure,
                Failure::NoAnswer
                    | Failure::Credentials
                    | Failure::CannotAssume
                    | Failure::Throttled
            ) =>
        {
            Err(error)
        }
        Err(error) => {
            let why = error.to_string();
            inventory.unread.extend(names.iter().map(|name| (*name, why.clone())));
            Ok(())
        }
    }
}
