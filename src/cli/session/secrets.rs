//! Where secret values come from: the environment of the apply, and SSM parameters.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::apply::Secrets;
use crate::diag::Diagnostic;

/// `secret("env:NAME")` and `secret("ssm:/path")`, the latter read with the ambient credentials.
pub struct Sources {
    /// The environment.
    pub vars: BTreeMap<String, String>,
    /// For SSM.
    pub ssm: aws_sdk_ssm::Client,
}

#[async_trait]
impl Secrets for Sources {
    async fn resolve(&self, reference: &str) -> Result<String, Diagnostic> {
        match reference.split_once(':') {
            Some(("env", name)) => match self.vars.get(name) {
                Some(value) if !value.is_empty() => Ok(value.clone()),
                Some(_) => Err(Diagnostic::error(format!("the environment variable `{name}` is empty"))
                    .help("an empty secret is almost always a mistake in the pipeline; SSM refuses it too")),
                None => Err(Diagnostic::error(format!("the environment variable `{name}` is not set"))
                    .help("apply needs it: a secret's value is in no plan and no state")),
            },
            Some(("ssm", path)) => self.parameter(path).await,
            _ => Err(Diagnostic::error(format!("there is no source of secrets for `{reference}`"))),
        }
    }
}

impl Sources {
    async fn parameter(&self, path: &str) -> Result<String, Diagnostic> {
        let answer = self.ssm.get_parameter().name(path).with_decryption(true).send().await;
        let answer = answer.map_err(|error| {
            let code = aws_sdk_ssm::error::ProvideErrorMetadata::code(&error).unwrap_or("no answer");
            Diagnostic::error(format!("the parameter `{path}` cannot be read"))
                .detail(code.to_owned())
                .help("the applying principal needs ssm:GetParameter on it, and kms:Decrypt on its key")
        })?;
        answer
            .parameter()
            .and_then(|p| p.value())
            .map(str::to_owned)
            .ok_or_else(|| Diagnostic::error(format!("the parameter `{path}` holds no value")))
    }
}
