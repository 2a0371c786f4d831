//! Why there are no credentials to sign a request with.

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;

use super::{Cause, CauseKind, chain, find, words};

/// A source of credentials that gave none in time.
#[derive(Clone, Debug)]
pub(crate) struct SilentSource {
    /// What it is: `the credential process of the AWS profile `x``.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) advice: String,
}

impl fmt::Display for SilentSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} gave no credentials in time", self.what)
    }
}

impl Error for SilentSource {}

/// The time of a request ran out before there was anything to sign it with.
pub(super) fn silent() -> Cause {
    Cause::new(
        CauseKind::NoCredentials,
        "the source of the credentials gave none in time",
        "check the profile or the role that they come from (`aws sts get-caller-identity` tells whether they work)",
    )
}

/// What a credential process did instead of printing credentials; `told` is what the SDK says of it.
fn of_process(told: &str) -> Option<Cause> {
    const RUN: &str = "run the command that `credential_process` names by itself";
    let (_, failed) = told.split_once("Error retrieving credentials")?;
    if failed.contains("could not parse response") || failed.contains("could not decode output") {
        return Some(Cause::new(
            CauseKind::NoCredentials,
            "the credential process of the AWS profile did not print credentials as JSON",
            format!(
                "{RUN}: it has to print `Version` (1), `AccessKeyId` and `SecretAccessKey` (AWS SDKs and Tools Reference Guide, \"Process credential provider\")"
            ),
        ));
    }
    let (_, exited) = failed.split_once("exited with code ")?;
    let (status, said) = exited.split_once(". Stderr:")?;
    let said = match said.trim() {
        "" => " and said nothing".to_owned(),
        said => format!(" and said `{said}`"),
    };
    Some(Cause::new(
        CauseKind::NoCredentials,
        format!("the credential process of the AWS profile ended with {status}{said}"),
        format!("{RUN}, and mend what it says"),
    ))
}

/// Why there are none, where that is why a call failed.
pub(super) fn of(error: &(dyn Error + 'static)) -> Option<Cause> {
    let credentials = find::<CredentialsError>(error)?;
    if let Some(source) = find::<SilentSource>(error) {
        let (message, advice) = (source.to_string(), source.advice.clone());
        return Some(Cause::new(CauseKind::NoCredentials, message, advice));
    }
    let says = |word: &str| {
        chain(error).any(|error| error.to_string().to_ascii_lowercase().contains(word))
    };
    if let Some(cause) = of_process(&words(error)) {
        return Some(cause);
    }
    // The portal has ended the session (IAM Identity Center Portal API Reference, `GetRoleCredentials`, its errors).
    if says("sso") || says("unauthorizedexception") || says("session token not found") {
        return Some(Cause::new(
            CauseKind::NoCredentials,
            "the SSO session has expired or was never begun",
            "`aws sso login` (with `--profile` where a profile is used) begins a new one",
        ));
    }
    if says("forbiddenexception") {
        return Some(Cause::new(
            CauseKind::NoCredentials,
            "the SSO portal gives no credentials of the profile's role in its account",
            "ask for that role to be assigned in IAM Identity Center, or name another in `sso_role_name` and `sso_account_id`",
        ));
    }
    if matches!(credentials, CredentialsError::CredentialsNotLoaded(_)) {
        return Some(Cause::new(
            CauseKind::NoCredentials,
            "no AWS credentials were found",
            "sign in (`aws sso login`), set `AWS_PROFILE` or `AWS_ACCESS_KEY_ID`, or try without an account: `--sandbox`",
        ));
    }
    Some(Cause::new(
        CauseKind::NoCredentials,
        format!("the credentials cannot be loaded: {}", words(error)),
        "check the profile or the role that they come from (`aws sts get-caller-identity` tells whether they work), or try without an account: `--sandbox`",
    ))
}
