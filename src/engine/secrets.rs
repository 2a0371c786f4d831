//! Where secret values come from: the environment of the apply, files, and SSM parameters.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::apply::{SecretValue, Secrets};
use crate::cause;
use crate::diag::Diagnostic;
use crate::eval::estate::ProviderSettings;
use crate::eval::functions::{FunctionContext, filesystem};
use crate::patience::RetryAfter;
use crate::trace::{self, Observer};

use super::connect::Connection;
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
}

/// Where an apply's secrets come from: the workspace's own source, or those that `secret()` names.
#[must_use]
pub fn sources(
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
    })
}

/// What reads secrets of SSM. The state's bucket may lie in another region than the estate, and
/// elsewhere than what `provider "aws"` calls.
#[must_use]
pub fn client(connection: &Connection, provider: &ProviderSettings) -> aws_sdk_ssm::Client {
    let region = aws_config::Region::new(provider.region.to_string());
    let mut config = aws_sdk_ssm::config::Builder::from(&connection.sdk)
        .region(region)
        .interceptor(Observer::of(CALLER))
        .retry_classifier(RetryAfter);
    if let (Some(url), None) = (&provider.endpoint_url, &connection.sandbox) {
        config = config.endpoint_url(url);
    }
    aws_sdk_ssm::Client::from_conf(config.build())
}

#[async_trait]
impl Secrets for Sources {
    async fn resolve(&self, reference: &str) -> Result<SecretValue, Diagnostic> {
        match reference.split_once(':') {
            Some(("env", name)) => match self.vars.get(name) {
                Some(value) if !value.is_empty() => Ok(SecretValue::of(value)),
                Some(_) => Err(Diagnostic::error(format!("the environment variable `{name}` is empty"))
                    .help("an empty secret is almost always a mistake in the pipeline; SSM refuses it too")),
                None => Err(Diagnostic::error(format!("the environment variable `{name}` is not set"))
                    .help("apply needs it: a secret's value is in no plan and no state")),
            },
            Some(("file", name)) => self.file(name).map(SecretValue::of),
            Some(("ssm", path)) => self.parameter(path).await,
            _ => Err(Diagnostic::error(format!("there is no source of secrets for `{reference}`"))),
        }
    }
}

impl Sources {
    /// A file's content without the line break that editors put at its end.
    fn file(&self, name: &str) -> Result<String, Diagnostic> {
        let context = FunctionContext {
            root_dir: self.dir.clone(),
            module_dir: self.dir.clone(),
            allowed_dirs: vec![self.dir.clone()],
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
