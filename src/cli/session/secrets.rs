//! Where secret values come from: the environment of the apply, files, and SSM parameters.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;

use crate::apply::Secrets;
use crate::diag::Diagnostic;
use crate::eval::functions::{FunctionContext, filesystem};
use crate::ids::Region;

/// `secret("env:NAME")`, `secret("file:path")` within the configuration's directory, and
/// `secret("ssm:/path")`, read with the ambient credentials in the region of `provider "aws"`.
pub struct Sources {
    /// The configuration's directory: a secret's file lies below it.
    pub dir: PathBuf,
    /// The environment.
    pub vars: BTreeMap<String, String>,
    /// For SSM.
    pub ssm: aws_sdk_ssm::Client,
}

/// What reads secrets of SSM. The state's bucket may lie in another region than the estate.
#[must_use]
pub fn client(sdk: &aws_config::SdkConfig, region: &Region) -> aws_sdk_ssm::Client {
    let region = aws_config::Region::new(region.to_string());
    let config = aws_sdk_ssm::config::Builder::from(sdk).region(region).build();
    aws_sdk_ssm::Client::from_conf(config)
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
            Some(("file", name)) => self.file(name),
            Some(("ssm", path)) => self.parameter(path).await,
            _ => Err(Diagnostic::error(format!("there is no source of secrets for `{reference}`"))),
        }
    }
}

impl Sources {
    /// A file's content without the line break that editors put at its end.
    fn file(&self, name: &str) -> Result<String, Diagnostic> {
        let cx = FunctionContext {
            root_dir: self.dir.clone(),
            module_dir: self.dir.clone(),
            allowed_dirs: vec![self.dir.clone()],
        };
        let bytes = filesystem::read_file(&cx, name).map_err(|refused| {
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
