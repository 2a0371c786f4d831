//! Sessions in accounts: credentials, regions, endpoints, and the SDK's clients.
//!
//! A session lives as long as the provider. The role in a member account is assumed once and again
//! before it expires, counted from when it was assumed, so that a wrong clock does no harm.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_s3control::config::endpoint::{EndpointFuture, Params, ResolveEndpoint};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::endpoint::Endpoint;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::origin::Origin;
use tokio::sync::OnceCell;

use super::errors;
use super::gatekeeper::Gatekeeper;
use crate::ids::{AccountId, ActingPrincipal, Partition};
use crate::patience::{Patience, RetryAfter};
use crate::provider::retry::{RetryPolicy, RetryProgress};
use crate::provider::{AccessMode, AccountTarget, Failure, ProviderError};
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
                    .retry_classifier(crate::patience::RetryAfter)
                    .build(),
            )
        }
    };
}
pub(super) use watched;

/// How long a session lasts; one hour is the most that a chained role may ask for.
const SESSION: Duration = Duration::from_secs(3_600);
/// A session is renewed this long before its end.
const MARGIN: Duration = Duration::from_secs(600);

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

/// How often a call to an emulator is tried.
const EMULATOR_ATTEMPTS: u32 = 3;

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

/// Everything that calls in one account need.
pub(super) struct Session {
    /// The account's handle, for messages.
    pub(super) account: String,
    /// The region of regional objects.
    pub(super) region: String,
    /// The role that a created account gets: the one that apply assumes.
    pub(super) access_role: String,
    pub(super) options: Arc<AwsOptions>,
    config: SdkConfig,
    id: OnceCell<AccountId>,
    root: OnceCell<String>,
    role: Option<Arc<AssumedRole>>,
    /// Whether an emulator has said that it is the account that was declared; `None` where nothing is to be
    /// asked.
    emulator: Option<OnceCell<()>>,
    /// Clients by their types: a service that is new here needs no line of its own.
    clients: Mutex<HashMap<TypeId, Box<dyn Any + Send>>>,
    s3control: OnceLock<aws_sdk_s3control::Client>,
    s3: Mutex<BTreeMap<String, aws_sdk_s3::Client>>,
}

impl Session {
    /// A session in `target`; nothing is called yet.
    ///
    /// # Errors
    /// The account has no id, so that no role in it can be named.
    pub(super) fn new(
        options: &Arc<AwsOptions>,
        ambient: &SdkConfig,
        management: &SdkConfig,
        target: &AccountTarget,
        access: AccessMode,
    ) -> Result<Self, ProviderError> {
        let account = target.handle.to_string();
        let region = aws_config::Region::new(target.region.to_string());
        let embedded = options.embedded.is_some();
        let mut role = None;
        let mut emulator = None;
        let config = match (target.principal(access), &target.endpoint_url) {
            (ActingPrincipal::Emulator, url) => {
                // An emulator gets credentials of its own making: real ones never leave for it.
                let id = target.id.as_ref().map_or("000000000000", AccountId::as_str);
                emulator = target.id.is_some().then(OnceCell::new);
                let credentials = Credentials::new(id, "palisade", None, None, "emulated");
                let mut builder = ambient
                    .to_builder()
                    .region(region)
                    .credentials_provider(SharedCredentialsProvider::new(credentials));
                // Without an origin `AWS_ENDPOINT_URL` and profiles would go before the account's own.
                builder.insert_origin("endpoint_url", Origin::shared_config());
                match url {
                    // Emulated accounts are embedded too where everything is.
                    Some(url) if !embedded => {
                        // It is near, and does not throttle: where nobody answers, nobody is there.
                        let retry = RetryConfig::standard()
                            .with_max_attempts(options.attempts.clamp(1, EMULATOR_ATTEMPTS))
                            .with_initial_backoff(options.backoff);
                        let retry = options.patience.retries(retry);
                        builder.retry_config(retry).endpoint_url(url).build()
                    }
                    _ => builder.build(),
                }
            }
            (ActingPrincipal::Caller, _) => management.to_builder().region(region).build(),
            (ActingPrincipal::RoleOfNewAccount(_), _) => {
                return Err(ProviderError {
                    failure: Failure::CannotAssume,
                    service: "sts",
                    operation: "AssumeRole".to_owned(),
                    account,
                    code: None,
                    message: "the account has no id yet".to_owned(),
                    cause: None,
                });
            }
            (ActingPrincipal::Role(arn), _) => {
                let assumed =
                    Arc::new(AssumedRole::new(management, arn, &options.session_name, &account));
                role = Some(Arc::clone(&assumed));
                management
                    .to_builder()
                    .region(region)
                    .credentials_provider(SharedCredentialsProvider::new(Shared(assumed)))
                    .build()
            }
        };
        // One cache for all services, or each client would assume the role for itself.
        let config = config
            .to_builder()
            .identity_cache(aws_config::identity::IdentityCache::lazy().build())
            .build();
        Ok(Self {
            account,
            region: target.region.to_string(),
            access_role: target.access_role.clone(),
            options: Arc::clone(options),
            config,
            id: target.id.clone().map_or_else(OnceCell::new, |id| OnceCell::new_with(Some(id))),
            root: OnceCell::new(),
            role,
            emulator,
            clients: Mutex::default(),
            s3control: OnceLock::new(),
            s3: Mutex::default(),
        })
    }

    /// Enters the account now, so that a role that cannot be assumed is told as such, and that an endpoint
    /// which is another account is told before anything is read or written there.
    ///
    /// # Errors
    /// The role cannot be assumed, or an emulator is another account than the one declared.
    pub(super) async fn enter(&self) -> Result<(), ProviderError> {
        match (&self.role, &self.emulator) {
            (Some(role), _) => role.credentials().await.map(|_| ()),
            (None, Some(asked)) => asked.get_or_try_init(|| self.compare()).await.copied(),
            (None, None) => Ok(()),
        }
    }

    /// Asks an emulator which account it is. One that has no STS cannot tell, and is taken at its word.
    async fn compare(&self) -> Result<(), ProviderError> {
        let Some(declared) = self.id.get() else { return Ok(()) };
        let sts = self.client(watched!(aws_sdk_sts));
        let answer = match sts.get_caller_identity().send().await {
            Ok(answer) => answer,
            Err(error) => {
                let error = self.error("sts", "GetCallerIdentity")(error);
                return match error.failure {
                    Failure::NotImplemented => Ok(()),
                    _ => Err(error),
                };
            }
        };
        match answer.account() {
            Some(account) if account != declared.as_str() => Err(errors::refuse(
                "sts",
                "GetCallerIdentity",
                &self.account,
                format!(
                    "its endpoint is the account `{account}`, but the block has `id = \"{declared}\"`: write the id that the endpoint has"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Translates a failed call.
    pub(super) fn error<E>(
        &self,
        service: &'static str,
        operation: &'static str,
    ) -> impl FnOnce(SdkError<E, HttpResponse>) -> ProviderError + '_
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        move |error| errors::translate(service, operation, &self.account, &error)
    }

    /// The account's id.
    ///
    /// # Errors
    /// The caller's identity could not be read.
    pub(super) async fn id(&self) -> Result<&AccountId, ProviderError> {
        self.id
            .get_or_try_init(|| async {
                let answer = self
                    .client(watched!(aws_sdk_sts))
                    .get_caller_identity()
                    .send()
                    .await
                    .map_err(self.error("sts", "GetCallerIdentity"))?;
                answer.account().unwrap_or_default().parse().map_err(|e: crate::ids::IdError| {
                    errors::refuse("sts", "GetCallerIdentity", &self.account, e.to_string())
                })
            })
            .await
    }

    /// The partition of the session's ARNs.
    pub(super) fn partition(&self) -> Partition {
        Partition::of_region(&self.region)
    }

    /// The id of the organization's root.
    ///
    /// # Errors
    /// It could not be read.
    pub(super) async fn root(&self) -> Result<&str, ProviderError> {
        self.root
            .get_or_try_init(|| async {
                let answer = self
                    .organizations()
                    .list_roots()
                    .send()
                    .await
                    .map_err(self.error("organizations", "ListRoots"))?;
                answer.roots().first().and_then(|root| root.id()).map(str::to_owned).ok_or_else(
                    || {
                        errors::refuse(
                            "organizations",
                            "ListRoots",
                            &self.account,
                            "the organization has no root",
                        )
                    },
                )
            })
            .await
            .map(String::as_str)
    }

    fn observer(&self) -> Observer {
        Observer::of(&*self.account)
    }

    /// The client of a service; made once, by its constructor: `session.client(watched!(aws_sdk_iam))`.
    pub(super) fn client<C>(&self, new: impl FnOnce(&SdkConfig, Observer) -> C) -> C
    where
        C: Clone + Send + 'static,
    {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let known = clients.get(&TypeId::of::<C>()).and_then(|client| client.downcast_ref::<C>());
        if let Some(client) = known {
            return client.clone();
        }
        let client = new(&self.config, self.observer());
        clients.insert(TypeId::of::<C>(), Box::new(client.clone()));
        client
    }

    pub(super) fn iam(&self) -> aws_sdk_iam::Client {
        self.client(watched!(aws_sdk_iam))
    }

    pub(super) fn organizations(&self) -> aws_sdk_organizations::Client {
        self.client(watched!(aws_sdk_organizations))
    }

    pub(super) fn ssm(&self) -> aws_sdk_ssm::Client {
        self.client(watched!(aws_sdk_ssm))
    }

    /// S3 Control puts the account's id in front of the host name, which no emulator's endpoint
    /// resolves: a configured endpoint is used as it stands.
    pub(super) fn s3control(&self) -> &aws_sdk_s3control::Client {
        self.s3control.get_or_init(|| {
            let mut builder = aws_sdk_s3control::config::Builder::from(&self.config)
                .interceptor(self.observer())
                .interceptor(Gatekeeper)
                .retry_classifier(RetryAfter);
            if let Some(url) = self.config.endpoint_url() {
                builder = builder.endpoint_resolver(Fixed(url.to_owned()));
            }
            aws_sdk_s3control::Client::from_conf(builder.build())
        })
    }

    /// S3 in a region: a bucket only answers in its own.
    pub(super) fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        let mut clients = self.s3.lock().unwrap_or_else(PoisonError::into_inner);
        clients
            .entry(region.to_owned())
            .or_insert_with(|| {
                let path_style =
                    self.config.endpoint_url().is_some() || self.options.embedded.is_some();
                let config = aws_sdk_s3::config::Builder::from(&self.config)
                    .region(aws_sdk_s3::config::Region::new(region.to_owned()))
                    .force_path_style(path_style)
                    .interceptor(self.observer())
                    .interceptor(Gatekeeper)
                    .retry_classifier(RetryAfter)
                    .build();
                aws_sdk_s3::Client::from_conf(config)
            })
            .clone()
    }

    /// Repeats a call of which the object was created moments ago, until AWS knows it everywhere.
    ///
    /// # Errors
    /// The last failure, when it is none that time heals or time did not heal it.
    pub(super) async fn settle<T, F>(&self, mut call: impl FnMut() -> F) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let policy = RetryPolicy::WithinStep(self.options.backoff);
        let mut progress = RetryProgress::default();
        loop {
            let answer = call().await;
            let Err(error) = answer else { return answer };
            match policy.pause(error.failure, &mut progress) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
        }
    }
}

/// STS for what concerns an account.
pub(super) fn sts(config: &SdkConfig, account: &str) -> aws_sdk_sts::Client {
    watched!(aws_sdk_sts)(config, Observer::of(account))
}

/// The management account's configuration: the ambient one, or a role's.
pub(super) fn management(options: &AwsOptions, ambient: &SdkConfig) -> SdkConfig {
    match &options.management_role_arn {
        None => ambient.clone(),
        Some(arn) => {
            let role = AssumedRole::new(ambient, arn.clone(), &options.session_name, "management");
            ambient
                .to_builder()
                .credentials_provider(SharedCredentialsProvider::new(Shared(Arc::new(role))))
                .build()
        }
    }
}

/// A role, assumed when needed and renewed in time.
struct AssumedRole {
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
    fn new(from: &SdkConfig, arn: String, session_name: &str, account: &str) -> Self {
        Self {
            sts: sts(from, account),
            arn,
            session_name: session_name.to_owned(),
            account: account.to_owned(),
            current: tokio::sync::Mutex::default(),
        }
    }

    async fn credentials(&self) -> Result<Credentials, ProviderError> {
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
                if matches!(
                    error.failure,
                    Failure::AccessDenied | Failure::NotFound | Failure::Refused
                ) {
                    error.failure = Failure::CannotAssume;
                    error.message = format!("`{}`: {}", self.arn, error.message);
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
struct Shared(Arc<AssumedRole>);

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

/// One endpoint for every call.
#[derive(Debug)]
struct Fixed(String);

impl ResolveEndpoint for Fixed {
    fn resolve_endpoint<'a>(&'a self, _params: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(Endpoint::builder().url(self.0.clone()).build()))
    }
}
