//! What `data` blocks look up in AWS, and what it told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, Shared};
use futures::stream;
use futures::{FutureExt as _, StreamExt as _};

use crate::eval::{Looked, LookedUp, LookupFailure};
use crate::ids::Handle;
use crate::live::Targets;
use crate::provider::{
    AccessMode, AccountTarget, Administration, Caller, Failure, Parameter, Provider, ProviderError,
};
use crate::schema::data::Lookup;
use crate::value::Value;

use super::plan_request::FailedLookups;

/// Who calls, asked for once in a run.
pub(super) type CallerReading<'a> = Shared<BoxFuture<'a, Result<Caller, ProviderError>>>;

/// What was looked up so far.
#[derive(Debug, Default)]
pub struct LookupResults {
    results: Mutex<BTreeMap<Lookup, Looked>>,
    /// Those that wait for an apply to make their account.
    deferred: Mutex<BTreeSet<Lookup>>,
    /// What it means that one of them fails.
    failed: FailedLookups,
}

impl LookupResults {
    /// Nothing was looked up yet.
    #[must_use]
    pub(super) fn new(failed: FailedLookups) -> Self {
        Self { failed, ..Self::default() }
    }

    /// Has these wait for an apply, which makes their accounts.
    pub(super) fn defer(&self, lookups: BTreeSet<Lookup>) {
        self.deferred.lock().unwrap_or_else(PoisonError::into_inner).extend(lookups);
    }

    /// Whether it waits for an apply.
    pub(super) fn is_deferred(&self, lookup: &Lookup) -> bool {
        self.deferred.lock().unwrap_or_else(PoisonError::into_inner).contains(lookup)
    }

    /// Whether any waits for an apply.
    pub(super) fn has_deferred(&self) -> bool {
        !self.deferred.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// What AWS told, where it was asked.
    pub(super) fn get(&self, lookup: &Lookup) -> Option<Looked> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner).get(lookup).cloned()
    }

    /// What it means that one of them fails.
    pub(super) fn failed(&self) -> FailedLookups {
        self.failed
    }

    /// Reads what is asked for, all of it at once, parameters of an account ten at a time.
    pub(super) async fn read(
        &self,
        provider: &dyn Provider,
        caller: &CallerReading<'_>,
        targets: &Targets,
        lookups: BTreeSet<Lookup>,
        parallelism: usize,
    ) {
        let at_once = parallelism.max(1);
        let mut parameters: BTreeMap<Handle, BTreeSet<String>> = BTreeMap::new();
        let (mut objects, mut effective) = (Vec::new(), Vec::new());
        let (mut asks_caller, mut asks_administration) = (false, false);
        for lookup in lookups {
            match lookup {
                Lookup::Caller => asks_caller = true,
                Lookup::Administration => asks_administration = true,
                Lookup::Parameter { account, name } => {
                    parameters.entry(account).or_default().insert(name);
                }
                Lookup::EffectivePolicy { account, policy_type } => {
                    effective.push((account, policy_type));
                }
                Lookup::Object { account, kind, key } => objects.push((account, kind, key)),
            }
        }
        let caller = async {
            match asks_caller {
                true => vec![(Lookup::Caller, of_caller(caller).await)],
                false => Vec::new(),
            }
        };
        // Made before they run: a stream that makes them as it goes is not known to be `Send`.
        let mut alone: Vec<BoxFuture<'_, (Lookup, Looked)>> = Vec::new();
        for (account, kind, key) in objects {
            alone.push(Box::pin(async move {
                let looked = object(provider, targets, account.as_ref(), kind, &key).await;
                (Lookup::Object { account, kind, key }, looked)
            }));
        }
        for (account, policy_type) in effective {
            alone.push(Box::pin(async move {
                let looked = effective_policy(provider, targets, &account, &policy_type).await;
                (Lookup::EffectivePolicy { account, policy_type }, looked)
            }));
        }
        if asks_administration {
            alone.push(Box::pin(async move {
                (Lookup::Administration, administration(provider, targets).await)
            }));
        }
        let parameters: Vec<BoxFuture<'_, Vec<(Lookup, Looked)>>> = parameters
            .into_iter()
            .map(|(account, names)| in_account(provider, targets, account, names).boxed())
            .collect();
        let alone = stream::iter(alone).buffer_unordered(at_once).collect::<Vec<_>>();
        let parameters = stream::iter(parameters).buffer_unordered(at_once).collect::<Vec<_>>();
        let (caller, alone, parameters) = futures::join!(caller, alone, parameters);
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        let alone = caller.into_iter().chain(alone);
        results.extend(alone.chain(parameters.into_iter().flatten()));
    }

    /// Says that these are not made, and why.
    pub(super) fn refuse(&self, lookups: BTreeSet<Lookup>, why: impl Fn(&Lookup) -> LookupFailure) {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.extend(lookups.into_iter().map(|lookup| {
            let failure = why(&lookup);
            (lookup, Err(failure))
        }));
    }
}

/// Whether the account of a lookup is there: an account that nobody has found yet may be found, or be made.
pub(super) fn is_reachable(targets: &Targets, lookup: &Lookup) -> bool {
    match lookup.account() {
        Some(account) => target(targets, account).is_ok(),
        None => true,
    }
}

/// Why a lookup whose account is not there is not made.
pub(super) fn no_account(lookup: &Lookup) -> LookupFailure {
    match lookup.account() {
        Some(account) => does_not_exist(account),
        None => {
            let message = "its account does not exist yet".to_owned();
            LookupFailure { message, advice: None, passes: false }
        }
    }
}

fn does_not_exist(account: &Handle) -> LookupFailure {
    LookupFailure {
        message: format!("the account `{account}` does not exist yet"),
        advice: Some("leave the `data` block out until an apply has made the account".to_owned()),
        passes: false,
    }
}

fn failed(error: &ProviderError) -> LookupFailure {
    LookupFailure {
        message: error.to_string(),
        advice: error.advice().map(str::to_owned),
        passes: error.failure == Failure::CannotAssume || error.failure.is_transient(),
    }
}

/// How an account is reached, where it is there.
fn target<'t>(targets: &'t Targets, account: &Handle) -> Result<&'t AccountTarget, LookupFailure> {
    let target = targets.accounts.get(account);
    let there = target.filter(|t| t.id.is_some() || t.endpoint_url.is_some() || t.management);
    there.ok_or_else(|| does_not_exist(account))
}

async fn of_caller(caller: &CallerReading<'_>) -> Looked {
    let caller = caller.clone().await.map_err(|error| failed(&error))?;
    let attrs = [
        ("account_id", Value::string(caller.account.as_str())),
        ("arn", Value::String(caller.arn)),
        ("user_id", Value::String(caller.user_id)),
    ];
    Ok(Some(with_attrs(attrs)))
}

async fn object(
    provider: &dyn Provider,
    targets: &Targets,
    account: Option<&Handle>,
    kind: &'static str,
    key: &str,
) -> Looked {
    let target = match account {
        Some(account) => target(targets, account)?,
        None => &targets.management,
    };
    let read = provider.read_object(target, AccessMode::Read, kind, key).await;
    let object = read.map_err(|error| failed(&error))?;
    Ok(object.map(|object| {
        let unread = object.unread.into_iter().map(|(name, why)| (name.to_owned(), why));
        Arc::new(LookedUp { attrs: object.attrs, unread: unread.collect() })
    }))
}

/// Who administers the organization, as its management account is told.
async fn administration(provider: &dyn Provider, targets: &Targets) -> Looked {
    let read = provider.administration(&targets.management).await;
    let Administration { attrs, unread } = read.map_err(|error| failed(&error))?;
    let unread = unread.into_iter().map(|(name, why)| (name.to_owned(), why)).collect();
    Ok(Some(Arc::new(LookedUp { attrs, unread })))
}

/// What the management account is told of an account; null where no policy of the type applies to it yet.
async fn effective_policy(
    provider: &dyn Provider,
    targets: &Targets,
    account: &Handle,
    policy_type: &str,
) -> Looked {
    let Some(id) = &target(targets, account)?.id else { return Err(does_not_exist(account)) };
    let read = provider.effective_policy(&targets.management, id, policy_type).await;
    let content = read.map_err(|error| failed(&error))?.map_or(Value::Null, Value::String);
    Ok(Some(with_attrs([("content", content), ("type", Value::string(policy_type))])))
}

fn with_attrs<const N: usize>(attrs: [(&str, Value); N]) -> Arc<LookedUp> {
    let attrs = attrs.map(|(name, value)| (name.to_owned(), value)).into();
    Arc::new(LookedUp { attrs, ..LookedUp::default() })
}

async fn in_account(
    provider: &dyn Provider,
    targets: &Targets,
    account: Handle,
    names: BTreeSet<String>,
) -> Vec<(Lookup, Looked)> {
    let read = match target(targets, &account) {
        Ok(target) => provider.parameters(target, &names).await.map_err(|error| failed(&error)),
        Err(failure) => Err(failure),
    };
    let looked = |name: &String| -> Looked {
        match read.as_ref().map(|found| found.get(name)) {
            Ok(Some(parameter)) => attrs_of(parameter).map(Some),
            Ok(None) => Ok(None),
            Err(failure) => Err(failure.clone()),
        }
    };
    let lookup = |name: &String| Lookup::Parameter { account: account.clone(), name: name.clone() };
    names.iter().map(|name| (lookup(name), looked(name))).collect()
}

/// What a parameter tells. The value of a secret one would go into plans and state in the clear.
fn attrs_of(parameter: &Parameter) -> Result<Arc<LookedUp>, LookupFailure> {
    if parameter.is_secure {
        return Err(LookupFailure {
            message: "it is a SecureString, whose value must not go into a plan".to_owned(),
            // `secret` has no argument for another account or Region.
            advice: Some(format!(
                "use `secret(\"ssm:{}\")`, which reads from the calling account and the provider's Region: copy a \
                 parameter of another account there, or pass its value in a sensitive variable",
                parameter.name
            )),
            passes: false,
        });
    }
    let attrs = [
        ("arn", Value::string(parameter.arn.as_str())),
        ("name", Value::string(parameter.name.as_str())),
        ("type", Value::string(parameter.kind.as_str())),
        ("value", Value::string(parameter.value.as_str())),
        ("version", Value::int(parameter.version)),
    ];
    Ok(with_attrs(attrs))
}
