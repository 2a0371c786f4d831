//! What `data` blocks look up in AWS, and what it told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use futures::future::{BoxFuture, Shared};
use futures::stream;

use crate::eval::{Looked, LookupFailure};
use crate::ids::Handle;
use crate::live::Targets;
use crate::provider::{AccessMode, AccountTarget, Caller, Parameter, Provider, ProviderError};
use crate::schema::data::Lookup;
use crate::value::{Attrs, Value};

/// Who calls, asked for once in a run.
pub(super) type CallerReading<'a> = Shared<BoxFuture<'a, Result<Caller, ProviderError>>>;

/// What was looked up so far.
#[derive(Debug, Default)]
pub struct LookupResults {
    results: Mutex<BTreeMap<Lookup, Looked>>,
    /// Whether no more is read.
    complete: AtomicBool,
}

impl LookupResults {
    /// What AWS told, where it was asked.
    pub(super) fn get(&self, lookup: &Lookup) -> Option<Looked> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner).get(lookup).cloned()
    }

    /// Whether what is missing may still be read.
    pub(super) fn is_open(&self) -> bool {
        !self.complete.load(Ordering::Relaxed)
    }

    /// Says that no more is read: what is unknown from now on stays so.
    pub(super) fn close(&self) {
        self.complete.store(true, Ordering::Relaxed);
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
        let mut parameters: BTreeMap<Handle, BTreeSet<String>> = BTreeMap::new();
        let mut single = Vec::new();
        for lookup in lookups {
            match lookup {
                Lookup::Parameter { account, name } => {
                    parameters.entry(account).or_default().insert(name);
                }
                other => single.push(other),
            }
        }
        let single = stream::iter(single)
            .map(|lookup| async {
                let looked = one(provider, caller, targets, &lookup).await;
                vec![(lookup, looked)]
            })
            .buffer_unordered(parallelism.max(1))
            .collect::<Vec<_>>();
        let several = stream::iter(parameters)
            .map(|(account, names)| in_account(provider, targets, account, names))
            .buffer_unordered(parallelism.max(1))
            .collect::<Vec<_>>();
        let (single, several) = futures::join!(single, several);
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.extend(single.into_iter().chain(several).flatten());
    }
}

fn failed(error: &ProviderError) -> LookupFailure {
    LookupFailure { message: error.to_string(), advice: error.advice().map(str::to_owned) }
}

/// How an account is reached, where it is there.
fn target<'t>(targets: &'t Targets, account: &Handle) -> Result<&'t AccountTarget, LookupFailure> {
    let target = targets.accounts.get(account);
    let there = target.filter(|t| t.id.is_some() || t.endpoint_url.is_some() || t.management);
    there.ok_or_else(|| LookupFailure {
        message: format!("the account `{account}` does not exist yet"),
        advice: Some("leave the `data` block out until an apply has made the account".to_owned()),
    })
}

async fn one(
    provider: &dyn Provider,
    caller: &CallerReading<'_>,
    targets: &Targets,
    lookup: &Lookup,
) -> Looked {
    match lookup {
        Lookup::Caller => {
            let caller = caller.clone().await.map_err(|error| failed(&error))?;
            let attrs = [
                ("account_id", Value::string(caller.account.as_str())),
                ("arn", Value::String(caller.arn)),
                ("user_id", Value::String(caller.user_id)),
            ];
            let attrs: Attrs = attrs.map(|(k, v)| (k.to_owned(), v)).into();
            Ok(Some(Arc::new(attrs)))
        }
        Lookup::Object { account, kind, key } => {
            let target = match account {
                Some(account) => target(targets, account)?,
                None => &targets.management,
            };
            let read = provider.read_object(target, AccessMode::Read, kind, key).await;
            let object = read.map_err(|error| failed(&error))?;
            Ok(object.map(|object| Arc::new(object.attrs)))
        }
        Lookup::Parameter { account, name } => {
            let names = BTreeSet::from([name.clone()]);
            let mut all = in_account(provider, targets, account.clone(), names).await;
            all.pop().map_or(Ok(None), |(_, looked)| looked)
        }
    }
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
    let told = |name: &String| -> Looked {
        match read.as_ref().map(|found| found.get(name)) {
            Ok(Some(parameter)) => attrs_of(parameter).map(Some),
            Ok(None) => Ok(None),
            Err(failure) => Err(failure.clone()),
        }
    };
    let lookup = |name: &String| Lookup::Parameter { account: account.clone(), name: name.clone() };
    names.iter().map(|name| (lookup(name), told(name))).collect()
}

/// What a parameter tells. The value of a secret one would go into plans and state in the clear.
fn attrs_of(parameter: &Parameter) -> Result<Arc<Attrs>, LookupFailure> {
    if parameter.is_secure {
        return Err(LookupFailure {
            message: "it is a SecureString, whose value must not go into a plan".to_owned(),
            advice: Some(format!("use `secret(\"ssm:{}\")`", parameter.name)),
        });
    }
    let attrs = [
        ("arn", Value::string(parameter.arn.as_str())),
        ("name", Value::string(parameter.name.as_str())),
        ("type", Value::string(parameter.kind.as_str())),
        ("value", Value::string(parameter.value.as_str())),
        ("version", Value::int(parameter.version)),
    ];
    Ok(Arc::new(attrs.map(|(k, v)| (k.to_owned(), v)).into()))
}
