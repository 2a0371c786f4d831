//! Where secret values come from: the environment of the apply, files, and SSM parameters.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::apply::{SecretValue, Secrets};
use crate::cause::{self, WholeAnswers};
use crate::diag::{Diagnostic, Diagnostics, count};
use crate::eval::estate::ProviderSettings;
use crate::eval::functions::{FunctionContext, filesystem};
use crate::patience::RetryAfter;
use crate::plan::model::Plan;
use crate::redact::Redactions;
use crate::trace::{self, Observer};
use crate::value::Value;

use super::connect::Connection;
use super::error::EngineError;
use super::refresh::PlanInputs;
use super::workspace::Workspace;

/// What the client that reads secrets is watched as.
pub(super) const CALLER: &str = "the caller";

/// `secret("env:NAME")`, `secret("file:path")` within the configuration's directory, and
/// `secret("ssm:/path")`, read with the ambient credentials in the region of `provider "aws"`.
struct Sources {
    /// The configuration's directory: a secret's file lies below it.
    dir: PathBuf,
    /// The environment.
    vars: BTreeMap<String, String>,
    /// For SSM.
    ssm: aws_sdk_ssm::Client,
    /// Who is to know what was read.
    redactions: Redactions,
}

/// Where an apply's secrets come from: the workspace's own source, or those that `secret()` names.
#[must_use]
pub(super) fn sources(
    workspace: &Workspace,
    connection: &Connection,
    provider: &ProviderSettings,
) -> Arc<dyn Secrets> {
    if let Some(own) = &workspace.secrets {
        return Arc::clone(own);
    }
    Arc::new(Sources {
        dir: workspace.dir.clone(),
        vars: workspace.env.clone(),
        ssm: client(connection, provider),
        redactions: workspace.redactions.clone(),
    })
}

/// Makes sure that the secrets a plan writes are there, as far as this machine can tell: variables and
/// files are looked at before the first call, so that no apply stops half way over one that is missing.
///
/// # Errors
/// Each that is missing, with the objects that need it.
pub(super) async fn require(
    workspace: &Workspace,
    inputs: &PlanInputs,
    plan: &Plan,
) -> Result<(), EngineError> {
    let mut needed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for change in plan.resource_changes.iter().filter(|c| c.writes_values()) {
        let Some(instance) = inputs.estate.instances.get(&change.address) else { continue };
        for value in instance.desired.values() {
            if let Value::Secret(reference) = value.reveal() {
                needed.entry(reference).or_default().push(&change.display);
            }
        }
    }
    let sources = sources(workspace, &inputs.store.connection, &inputs.estate.provider);
    let (remote, local): (Vec<_>, Vec<_>) =
        needed.into_iter().partition(|(reference, _)| reference.starts_with("ssm:"));
    let mut missing = Diagnostics::new();
    for (reference, users) in local.into_iter().chain(remote) {
        // Parameters are read when they are written; where the apply stops anyway, all is told at once.
        if reference.starts_with("ssm:") && missing.is_empty() {
            break;
        }
        let Err(mut why) = sources.resolve(reference).await else { continue };
        let first = users.first().copied().unwrap_or_default();
        let needs = match users.len() {
            1 => format!("`{first}` needs it"),
            n => format!("`{first}` and {} need it", count(n - 1, "other", "others")),
        };
        let more = why.detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        why.detail = Some(format!("{needs}, and nothing was changed{more}"));
        missing.push(why);
    }
    Ok(missing.into_result(())?)
}

/// What reads secrets of SSM. The state's bucket may lie in another region than the estate, and
/// elsewhere than what `provider "aws"` calls.
#[must_use]
pub(super) fn client(connection: &Connection, provider: &ProviderSettings) -> aws_sdk_ssm::Client {
    let region = aws_config::Region::new(provider.region.to_string());
    let mut config = aws_sdk_ssm::config::Builder::from(&connection.sdk)
        .region(region)
        .interceptor(Observer::of(CALLER))
        .interceptor(WholeAnswers)
        .retry_classifier(RetryAfter);
    if let (Some(url), None) = (&provider.endpoint_url, &connection.sandbox) {
        config = config.endpoint_url(url);
    }
    aws_sdk_ssm::Client::from_conf(config.build())
}

#[async_trait]
impl Secrets for Sources {
    async fn resolve(&self, reference: &str) -> Result<SecretValue, Diagnostic> {
        let secret = match (local(&self.dir, &self.vars, reference), reference.split_once(':')) {
            (Some(found), _) => SecretValue::of(found?),
            (None, Some(("ssm", path))) => self.parameter(path).await?,
            _ => {
                let text = format!("there is no source of secrets for `{reference}`");
                return Err(Diagnostic::error(text));
            }
        };
        self.redactions.learn([(reference.to_owned(), secret.text.clone())]);
        Ok(secret)
    }
}

/// What a source on this machine holds; `None` for one elsewhere.
pub(super) fn local(
    dir: &Path,
    vars: &BTreeMap<String, String>,
    reference: &str,
) -> Option<Result<String, Diagnostic>> {
    match reference.split_once(':')? {
        ("env", name) => Some(match vars.get(name) {
            Some(value) if !value.is_empty() => Ok(value.clone()),
            Some(_) => Err(Diagnostic::error(format!(
                "the environment variable `{name}` is empty"
            ))
            .help(
                "an empty secret is almost always a mistake in the pipeline; SSM refuses it too",
            )),
            None => Err(Diagnostic::error(format!("the environment variable `{name}` is not set"))
                .help("apply needs it: a secret's value is in no plan and no state")),
        }),
        ("file", name) => Some(file(dir, name)),
        _ => None,
    }
}

/// A file's content without the line break that editors put at its end.
fn file(dir: &Path, name: &str) -> Result<String, Diagnostic> {
    let context = FunctionContext {
        root_dir: dir.to_owned(),
        module_dir: dir.to_owned(),
        allowed_dirs: vec![dir.to_owned()],
        package: None,
    };
    let bytes = filesystem::read_file(&context, name).map_err(|refused| {
        let (why, help) = refused.explain();
        Diagnostic::error(why).help_opt(help.map(str::to_owned))
    })?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Diagnostic::error(format!("the secret in `{name}` is no UTF-8 text"))
            .help("encode it first, for example as base64")
    })?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(Diagnostic::error(format!("the file `{name}` is empty")).help(
            "an empty secret is almost always a mistake in the pipeline; SSM refuses it too",
        ));
    }
    Ok(text.to_owned())
}

impl Sources {
    async fn parameter(&self, path: &str) -> Result<SecretValue, Diagnostic> {
        let answer = self.ssm.get_parameter().name(path).with_decryption(true).send().await;
        let answer = answer.map_err(|error| {
            let unread = Diagnostic::error(format!("the parameter `{path}` cannot be read"));
            match cause::of(&error, trace::destination(CALLER, "ssm").as_ref()) {
                Some(cause) => unread.detail(cause.message).help(cause.advice),
                None => {
                    let code = aws_sdk_ssm::error::ProvideErrorMetadata::code(&error);
                    unread
                        .detail(code.map_or_else(|| cause::words(&error), str::to_owned))
                        .help("the applying principal needs ssm:GetParameter on it, and kms:Decrypt on its key")
                }
            }
        })?;
        let parameter = answer.parameter();
        // What SSM passes on from elsewhere (Secrets Manager) has the version 0.
        let version = parameter.map(|p| p.version()).filter(|version| *version > 0);
        parameter
            .and_then(|p| p.value())
            .map(|text| SecretValue { text: text.to_owned(), version })
            .ok_or_else(|| Diagnostic::error(format!("the parameter `{path}` holds no value")))
    }
}
