//! The role in a member account: assumed once, and again before its credentials expire, counted from when it was assumed, so
//! that a wrong clock does no harm.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use super::clients::{AwsOptions, sts};
use super::errors;
use crate::provider::{Failure, MANAGEMENT_ACCOUNT, ProviderError};

/// How long a session lasts; one hour is the most that a chained role may ask for.
const SESSION: Duration = Duration::from_secs(3_600);

/// A session is renewed this long before its end.
const MARGIN: Duration = Duration::from_secs(600);

/// The management account's configuration: the ambient one, or a role's.
pub(super) fn management(options: &AwsOptions, ambient: &SdkConfig) -> SdkConfig {
    match &options.management_role_arn {
        None => ambient.clone(),
        Some(arn) => {
            let role =
                AssumedRole::new(ambient, arn.clone(), &options.session_name, MANAGEMENT_ACCOUNT);
            ambient
                .to_builder()
                .credentials_provider(SharedCredentialsProvider::new(Shared(Arc::new(role))))
                .build()
        }
    }
}

/// A role, assumed when needed and renewed in time.
pub(super) struct AssumedRole {
    sts: aws_sdk_sts::Client,
    arn: String,
    session_name: String,
    account: String,
    current: tokio::sync::Mutex<Option<(Instant, Credentials)>>,
}

impl fmt::Debug for AssumedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AssumedRole({})", self.arn)
    }
}

impl AssumedRole {
    pub(super) fn new(from: &SdkConfig, arn: String, session_name: &str, account: &str) -> Self {
        Self {
            sts: sts(from, account),
            arn,
            session_name: session_name.to_owned(),
            account: account.to_owned(),
            current: tokio::sync::Mutex::default(),
        }
    }

    pub(super) async fn credentials(&self) -> Result<Credentials, ProviderError> {
        let mut current = self.current.lock().await;
        if let Some((since, credentials)) = &*current
            && since.elapsed() + MARGIN < SESSION
        {
            return Ok(credentials.clone());
        }
        let answer = self
            .sts
            .assume_role()
            .role_arn(&self.arn)
            .role_session_name(&self.session_name)
            .send()
            .await
            .map_err(|error| {
                let mut error = errors::translate("sts", "AssumeRole", &self.account, &error);
                let refused = matches!(
                    error.failure,
                    Failure::AccessDenied | Failure::NotFound | Failure::Refused
                );
                // Only an answer of STS's own, which has a code, says anything of the role.
                if refused && error.code.is_some() {
                    error.failure = Failure::CannotAssume;
                    error.message = format!("`{}`: {}", self.arn, error.message);
                } else if refused {
                    error.failure = Failure::NoAnswer;
                }
                error
            })?;
        let entered = answer.assumed_role_user().and_then(|user| user.arn().split(':').nth(4));
        let meant = self.arn.split(':').nth(4);
        if let Some(entered) = entered.filter(|entered| Some(*entered) != meant) {
            return Err(errors::refuse(
                "sts",
                "AssumeRole",
                &self.account,
                format!(
                    "`{}` was asked for, but the session is in the account `{entered}`",
                    self.arn
                ),
            ));
        }
        let Some(given) = answer.credentials() else {
            return Err(errors::refuse(
                "sts",
                "AssumeRole",
                &self.account,
                "the answer holds no credentials",
            ));
        };
        let credentials = Credentials::new(
            given.access_key_id(),
            given.secret_access_key(),
            Some(given.session_token().to_owned()),
            None,
            "palisade",
        );
        *current = Some((Instant::now(), credentials.clone()));
        Ok(credentials)
    }
}

#[derive(Debug)]
pub(super) struct Shared(pub(super) Arc<AssumedRole>);

impl ProvideCredentials for Shared {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.0.credentials().await.map_err(CredentialsError::provider_error)
        })
    }
}
