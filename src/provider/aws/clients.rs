//! How AWS is reached: options, the configuration that every session starts from, and clients that are watched.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::origin::Origin;

use crate::patience::Patience;
use crate::trace::Observer;

/// What makes the client of a service that tells of its requests and lets changes leave only with a lease.
/// (The SDK's configuration holds no interceptors, and its services' builders have no trait in common.)
macro_rules! watched {
    ($sdk:ident) => {
        |config: &aws_config::SdkConfig, observer: crate::trace::Observer| {
            $sdk::Client::from_conf(
                $sdk::config::Builder::from(config)
                    .interceptor(observer)
                    .interceptor(crate::provider::aws::gatekeeper::Gatekeeper)
                    .interceptor(crate::cause::WholeAnswers)
                    .retry_classifier(crate::patience::RetryAfter)
                    .build(),
            )
        }
    };
}
pub(super) use watched;

/// How AWS is reached.
#[derive(Clone, Debug)]
pub struct AwsOptions {
    /// The default region.
    pub region: String,
    /// The configuration that every session starts from; what the SDK finds by itself where it is absent.
    pub ambient: Option<SdkConfig>,
    /// Endpoint of an emulator; `AWS_ENDPOINT_URL` is obeyed where this is absent.
    pub endpoint_url: Option<String>,
    /// Role to assume for the management account, instead of the ambient credentials.
    pub management_role_arn: Option<String>,
    /// Name of the role sessions, which CloudTrail shows.
    pub session_name: String,
    /// An embedded AWS in place of the network: then no environment variable, file or endpoint counts.
    pub embedded: Option<Embedded>,
    /// Attempts of one call when AWS throttles or the network fails.
    pub attempts: u32,
    /// First pause before such a repetition.
    pub backoff: Duration,
    /// How long AWS is waited for.
    pub patience: Patience,
    /// Pause between looks at an asynchronous creation.
    pub poll: Duration,
    /// Calls in flight where AWS has no bulk call.
    pub concurrency: usize,
}

impl Default for AwsOptions {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            ambient: None,
            endpoint_url: None,
            management_role_arn: None,
            session_name: "palisade".to_owned(),
            embedded: None,
            attempts: 8,
            backoff: Duration::from_millis(500),
            patience: Patience::default(),
            poll: Duration::from_secs(3),
            concurrency: 12,
        }
    }
}

/// An embedded AWS: what stands in for the network, and who calls.
#[derive(Clone, Debug)]
pub struct Embedded {
    /// The SDK's HTTP client.
    pub http_client: SharedHttpClient,
    /// The ambient credentials.
    pub credentials: Credentials,
}

/// The SDK's configuration that every session starts from.
pub(super) async fn ambient(options: &AwsOptions) -> SdkConfig {
    if let Some(embedded) = &options.embedded {
        return SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(aws_config::Region::new(options.region.clone()))
            .http_client(embedded.http_client.clone())
            .credentials_provider(SharedCredentialsProvider::new(embedded.credentials.clone()))
            // No rate limiter: it would pace calls to a service that has no rate.
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(options.attempts.max(1))
                    .with_initial_backoff(options.backoff)
                    .with_max_backoff(options.backoff.saturating_mul(4)),
            )
            .build();
    }
    let base = match &options.ambient {
        Some(sdk) => sdk.clone(),
        None => {
            aws_config::defaults(BehaviorVersion::latest())
                .region(aws_config::Region::new(options.region.clone()))
                .retry_config(RetryConfig::standard())
                .load()
                .await
        }
    };
    let retry = RetryConfig::adaptive()
        .with_max_attempts(options.attempts.max(1))
        .with_initial_backoff(options.backoff);
    let mut builder = base
        .to_builder()
        .region(aws_config::Region::new(options.region.clone()))
        .retry_config(options.patience.retries(retry))
        .timeout_config(options.patience.timeouts());
    if let Some(url) = &options.endpoint_url {
        builder = builder.endpoint_url(url);
        // Without an origin `AWS_ENDPOINT_URL` and profiles would go before the configuration's own.
        builder.insert_origin("endpoint_url", Origin::shared_config());
    }
    builder.build()
}

/// STS for what concerns an account.
pub(super) fn sts(config: &SdkConfig, account: &str) -> aws_sdk_sts::Client {
    watched!(aws_sdk_sts)(config, Observer::of(account))
}
