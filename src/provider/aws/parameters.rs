//! Values of SSM parameters by name, for `data` blocks.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::types::ParameterType;
use futures::StreamExt as _;
use futures::stream;

use super::session::Session;
use crate::provider::{Parameter, ProviderError};

/// GetParameters takes at most ten names (Systems Manager API Reference).
const AT_ONCE: usize = 10;
/// Requests under way at the same time.
const CONCURRENT: usize = 4;

/// The parameters of these names, each by what it was asked for as: a name or an ARN, with a version or a label
/// behind a colon where one was given. One that does not exist is not in the answer. A secret one is not decrypted.
pub(super) async fn read(
    session: &Session,
    names: &BTreeSet<String>,
) -> Result<BTreeMap<String, Parameter>, ProviderError> {
    let names: Vec<String> = names.iter().cloned().collect();
    let chunks: Vec<Vec<String>> = names.chunks(AT_ONCE).map(<[String]>::to_vec).collect();
    let pages: Vec<_> = stream::iter(chunks)
        .map(|names| async move {
            let request = session.ssm().get_parameters().set_names(Some(names));
            let answer = request.with_decryption(false).send().await;
            answer.map_err(session.error("ssm", "GetParameters"))
        })
        .buffer_unordered(CONCURRENT)
        .collect()
        .await;
    let mut found = BTreeMap::new();
    for page in pages {
        for parameter in page?.parameters() {
            let Some(name) = parameter.name() else { continue };
            let kind = parameter.r#type().unwrap_or(&ParameterType::String);
            let read = Parameter {
                name: name.to_owned(),
                kind: kind.as_str().to_owned(),
                is_secure: *kind == ParameterType::SecureString,
                value: parameter.value().unwrap_or_default().to_owned(),
                version: parameter.version(),
                arn: parameter.arn().unwrap_or_default().to_owned(),
            };
            // The answer has the selector (`:3`) beside the name.
            // <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Parameter.html>
            let selector = match parameter.selector().unwrap_or_default().trim_start_matches(':') {
                "" => String::new(),
                selector => format!(":{selector}"),
            };
            found.insert(format!("{}{selector}", read.arn), read.clone());
            found.insert(format!("{name}{selector}"), read);
        }
    }
    Ok(found)
}
