//! AWS's own managed policies that a block attaches and no principal has yet: what they permit is read, for a plan
//! that gives them to somebody is judged by that. One that is in use somewhere was read with its account.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};

use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::Estate;
use crate::live::{Live, Reading, Targets};
use crate::provider::{AccessMode, AccountTarget, Provider};
use crate::schema::{AccessPart, access_of, kinds};
use crate::value::{Attrs, Value};

/// Reads them, once each, through an account that was read; through the management account where none was.
pub(super) async fn read(
    provider: &dyn Provider,
    targets: &Targets,
    estate: &Estate,
    live: &mut Live,
    parallelism: usize,
) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let wanted = wanted(estate, targets, live);
    let Some(kind) = kind().filter(|_| !wanted.is_empty()) else { return diagnostics };
    let target = asked(targets, live);
    let reads = wanted.into_iter().map(|arn| async move {
        let found = provider.read_object(target, AccessMode::Read, kind, &arn).await;
        (arn, found)
    });
    let mut answers = stream::iter(reads).buffered(parallelism.max(1));
    while let Some((arn, found)) = answers.next().await {
        match found {
            Ok(Some(object)) => live.shared.push(object),
            // What attaches it says so.
            Ok(None) => {}
            Err(error) => diagnostics.push(
                Diagnostic::warning(format!("the policy `{arn}` could not be read"))
                    .detail(format!("{error}; what it permits is not known"))
                    .help("let the read role call iam:GetPolicy and iam:GetPolicyVersion"),
            ),
        }
    }
    diagnostics
}

/// The kind of managed policies.
fn kind() -> Option<&'static str> {
    let mut all = kinds::kinds().iter().map(|kind| kind.schema().kind);
    all.find(|kind| matches!(access_of(kind), Some(AccessPart::ManagedPolicy { .. })))
}

/// Who is asked: the policies are the same in every account of a partition.
fn asked<'t>(targets: &'t Targets, live: &Live) -> &'t AccountTarget {
    let is_read = |reading: &Reading| matches!(reading, Reading::Read(_));
    let read = live.accounts.iter().filter(|(_, reading)| is_read(reading));
    let mut read = read.filter_map(|(handle, _)| targets.accounts.get(handle));
    read.find(|target| target.endpoint_url.is_none()).unwrap_or(&targets.management)
}

/// The ARNs that blocks name and that nothing holds which was read. Accounts of an emulator stand for none of AWS's.
fn wanted(estate: &Estate, targets: &Targets, live: &Live) -> BTreeSet<String> {
    let is_real = |address: &ResourceAddr| {
        let target = address.account().and_then(|account| targets.accounts.get(account));
        target.is_some_and(|target| target.endpoint_url.is_none())
    };
    let instances = estate.instances.iter().filter(|(address, _)| is_real(address));
    let named = instances.flat_map(|(address, instance)| {
        let (policies, boundary) = match access_of(&address.kind) {
            Some(AccessPart::Principal(principal)) => {
                (Some(principal.policies), Some(principal.boundary))
            }
            Some(AccessPart::Group(policies)) => (Some(policies), None),
            _ => (None, None),
        };
        let attached = policies.map(|policies| texts(&instance.desired, policies.attached));
        let bound = boundary.map(|boundary| texts(&instance.desired, boundary));
        attached.into_iter().chain(bound).flatten()
    });
    let mut wanted: BTreeSet<String> = named.filter(|arn| is_of_aws(arn)).collect();
    if wanted.is_empty() {
        return wanted;
    }
    for reading in live.accounts.values() {
        let Reading::Read(index) = reading else { continue };
        for object in index.inventory().objects.values() {
            if let Some(arn) = object.attrs.get("arn").and_then(Value::as_str) {
                wanted.remove(arn);
            }
        }
    }
    wanted
}

fn texts(attrs: &Attrs, attr: &str) -> Vec<String> {
    match attrs.get(attr) {
        Some(Value::String(text)) => vec![text.clone()],
        Some(value) => {
            let all = value.elements().into_iter().flatten();
            all.filter_map(|one| one.as_str().map(str::to_owned)).collect()
        }
        None => Vec::new(),
    }
}

fn is_of_aws(arn: &str) -> bool {
    arn.starts_with("arn:") && arn.split(':').nth(4) == Some("aws")
}
