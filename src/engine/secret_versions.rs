//! Which versions the SSM parameters have that secrets come from, for plans: they ask for no value.

use std::collections::BTreeMap;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::types::ParameterStringFilter;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures::stream::{self, StreamExt as _};

use crate::cause;
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::difference;
use crate::eval::estate::Estate;
use crate::live::selection;
use crate::plan::model::{Plan, Selection};
use crate::trace;
use crate::value::Value;

use super::error::EngineError;
use super::host::Activity;
use super::refresh::PlanInputs;
use super::secrets::{self, CALLER};
use super::workspace::Workspace;

/// How many names one `DescribeParameters` takes.
const DESCRIBED: usize = 50;
/// How many names one `GetParameters` takes.
const GOT: usize = 10;
/// How many sources a warning names.
const NAMED: usize = 3;

/// References of sources, and where the configuration names each first.
type Sources<'a> = BTreeMap<&'a str, &'a Loc>;

/// How the version of a source can be asked for.
#[derive(Debug, PartialEq, Eq)]
enum VersionSource {
    /// By its name: `DescribeParameters` shows no values at all.
    Described,
    /// By a label or an ARN, or as a parameter of AWS's own: only `GetParameters` knows these. It is
    /// called without decryption, and what it says beside the version is dropped.
    Got,
    /// It stands still, because the reference names a version; or it has none (Secrets Manager).
    Still,
}

fn version_source(path: &str) -> VersionSource {
    let selector = path.rsplit_once(':').map(|(_, tail)| tail).filter(|tail| !tail.contains('/'));
    match selector {
        Some(version) if version.bytes().all(|b| b.is_ascii_digit()) => VersionSource::Still,
        _ if path.starts_with("/aws/reference/secretsmanager/") => VersionSource::Still,
        Some(_) => VersionSource::Got,
        None if path.starts_with("arn:") || path.starts_with("/aws/") => VersionSource::Got,
        None => VersionSource::Described,
    }
}

/// Asks for the versions of all SSM sources among what is selected: one call for each 50 of them. A
/// source that does not answer is told of, and is not among the answers.
pub(super) async fn ask(
    workspace: &Workspace,
    client: &Client,
    estate: &Estate,
    selection: &Selection,
    warnings: &mut Diagnostics,
) -> BTreeMap<String, i64> {
    let (mut described, mut got) = (Sources::new(), Sources::new());
    let selected = estate.instances.iter().filter(|(address, instance)| {
        selection::picks(selection, address, |e| instance.environments.contains(e))
    });
    for (_, instance) in selected {
        for (name, value) in instance.desired.iter() {
            let Value::Secret(reference) = value.reveal() else { continue };
            let Some(path) = reference.strip_prefix("ssm:") else { continue };
            let into = match version_source(path) {
                VersionSource::Described => &mut described,
                VersionSource::Got => &mut got,
                VersionSource::Still => continue,
            };
            into.entry(path).or_insert_with(|| instance.body.loc_of(name));
        }
    }
    let mut found = BTreeMap::new();
    if described.is_empty() && got.is_empty() {
        return found;
    }
    let _busy = workspace.begin(Activity::ReadingSecretVersions);
    let describing = chunks(&described, DESCRIBED).into_iter().map(|asked| async move {
        let answer = describe(client, &asked).await;
        (asked, answer)
    });
    let getting = chunks(&got, GOT).into_iter().map(|asked| async move {
        let answer = get(client, &asked).await;
        (asked, answer)
    });
    let (describing, getting): (Vec<_>, Vec<_>) = (describing.collect(), getting.collect());
    let (described, got) = futures::join!(side_by_side(describing), side_by_side(getting));
    for (asked, answer) in described {
        settle(&asked, answer, "DescribeParameters", &mut found, warnings);
    }
    for (asked, answer) in got {
        settle(&asked, answer, "GetParameters", &mut found, warnings);
    }
    found
}

/// What the calls answer, in their order; SSM takes few at a time.
async fn side_by_side<T>(calls: Vec<impl Future<Output = T>>) -> Vec<T> {
    stream::iter(calls).buffered(4).collect().await
}

/// The sources of a plan must have the versions that the plan saw.
///
/// # Errors
/// [`EngineError::Stale`], naming what moved.
pub(super) async fn require_same(
    workspace: &Workspace,
    inputs: &PlanInputs,
    plan: &Plan,
) -> Result<(), EngineError> {
    if plan.secret_sources.is_empty() {
        return Ok(());
    }
    let client = secrets::client(&inputs.store.connection, &inputs.estate.provider);
    let mut told = Diagnostics::new();
    let asking = ask(workspace, &client, &inputs.estate, &plan.selection, &mut told);
    let now = workspace.interruptible(asking).await?;
    let moved = moved(&plan.secret_sources, &now);
    if moved.is_empty() {
        return Ok(());
    }
    Err(EngineError::Stale(
        Diagnostic::error("the plan is stale: a secret has moved since it was made")
            .detail(moved.join("\n"))
            .help("nothing was changed; make and approve a new plan")
            .into(),
    ))
}

/// What differs between the versions that a plan saw and those of now, a sentence each.
#[must_use]
pub(super) fn moved(seen: &BTreeMap<String, i64>, now: &BTreeMap<String, i64>) -> Vec<String> {
    let sentences = seen.iter().filter_map(|(reference, then)| match now.get(reference) {
        Some(now) if now == then => None,
        Some(now) => Some(difference::moved(reference, *then, *now)),
        None => Some(format!("the source {reference} had version {then}, and cannot be asked now")),
    });
    sentences.collect()
}

fn chunks<'a>(all: &Sources<'a>, size: usize) -> Vec<Sources<'a>> {
    let all: Vec<_> = all.iter().map(|(path, loc)| (*path, *loc)).collect();
    all.chunks(size).map(|chunk| chunk.iter().copied().collect()).collect()
}

/// Versions by path, or the code of what went wrong.
type VersionsAnswer = Result<BTreeMap<String, i64>, String>;

async fn describe(client: &Client, asked: &Sources<'_>) -> VersionsAnswer {
    let names = asked.keys().map(ToString::to_string).collect();
    let filter = ParameterStringFilter::builder().key("Name").option("Equals");
    let filter = filter.set_values(Some(names)).build().map_err(|error| error.to_string())?;
    let pages = client.describe_parameters().parameter_filters(filter).into_paginator();
    let pages = pages.send().try_collect().await.map_err(|error| code(&error))?;
    let all = pages.iter().flat_map(|page| page.parameters());
    Ok(all.filter_map(|p| Some((p.name()?.to_owned(), p.version()))).collect())
}

async fn get(client: &Client, asked: &Sources<'_>) -> VersionsAnswer {
    let names = asked.keys().map(ToString::to_string).collect();
    let answer = client.get_parameters().set_names(Some(names)).with_decryption(false).send().await;
    let answer = answer.map_err(|error| code(&error))?;
    let mut found = BTreeMap::new();
    for parameter in answer.parameters() {
        let selector = parameter.selector().unwrap_or_default();
        for name in [parameter.name(), parameter.arn()].into_iter().flatten() {
            found.insert(format!("{name}{selector}"), parameter.version());
        }
    }
    Ok(found)
}

/// AWS's code, or what kept it from answering.
fn code<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let place = trace::destination(CALLER, "ssm");
    match (error.code(), cause::of(error, place.as_ref())) {
        (Some(code), _) => code.to_owned(),
        (None, Some(cause)) => cause.message,
        (None, None) => cause::words(error),
    }
}

/// Takes in what a call has told, and warns of what it has not.
fn settle(
    asked: &Sources<'_>,
    answer: VersionsAnswer,
    call: &str,
    versions_seen: &mut BTreeMap<String, i64>,
    warnings: &mut Diagnostics,
) {
    let (answer, why) = match answer {
        Ok(answer) => (answer, None),
        Err(code) => (BTreeMap::new(), Some(format!("ssm:{call}: {code}."))),
    };
    let mut silent = Vec::new();
    for (path, loc) in asked {
        match answer.get(*path).filter(|version| **version > 0) {
            Some(version) => {
                versions_seen.insert(format!("ssm:{path}"), *version);
            }
            None => silent.push((*path, *loc)),
        }
    }
    let Some((_, loc)) = silent.first() else { return };
    let mut names: Vec<String> =
        silent.iter().take(NAMED).map(|(path, _)| format!("`ssm:{path}`")).collect();
    let more = silent.len().saturating_sub(NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let one = silent.len() == 1;
    let what = if one { "a secret is" } else { "secrets are" };
    let help = match &why {
        Some(_) => format!(
            "let who plans call `ssm:{call}` where the sources are: in the account that calls, in the Region of `provider \"aws\"`"
        ),
        None => "is it in the account that calls, in the Region of `provider \"aws\"`?".to_owned(),
    };
    let why = why.unwrap_or_else(|| "There is no such parameter.".to_owned());
    warnings.push(
        Diagnostic::warning(format!("{what} verified at apply alone: {}", names.join(", ")))
            .at((*loc).clone())
            .detail(format!(
                "{why} Whether the source has moved since the last apply is not known."
            ))
            .help(help),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_each_kind_of_source_is_asked() {
        for (path, expected) in [
            ("/shared/token", VersionSource::Described),
            ("token", VersionSource::Described),
            ("/shared/token:3", VersionSource::Still),
            ("token:3", VersionSource::Still),
            ("/shared/token:live", VersionSource::Got),
            ("arn:aws:ssm:eu-west-1:111111111111:parameter/shared/token", VersionSource::Got),
            ("arn:aws:ssm:eu-west-1:111111111111:parameter/shared/token:live", VersionSource::Got),
            ("arn:aws:ssm:eu-west-1:111111111111:parameter/shared/token:3", VersionSource::Still),
            ("/aws/service/one", VersionSource::Got),
            ("/aws/reference/secretsmanager/token", VersionSource::Still),
        ] {
            assert_eq!(version_source(path), expected, "{path}");
        }
    }

    #[test]
    fn what_moved_is_named() {
        let seen = BTreeMap::from([("ssm:/a", 1), ("ssm:/b", 2), ("ssm:/c", 3)]);
        let seen = seen.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        let now = BTreeMap::from([("ssm:/a".to_owned(), 1), ("ssm:/b".to_owned(), 3)]);
        assert_eq!(
            moved(&seen, &now),
            [
                "the source ssm:/b moved from version 2 to 3",
                "the source ssm:/c had version 3, and cannot be asked now"
            ]
        );
    }
}
