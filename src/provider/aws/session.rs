//! A session in an account: its credentials, its region, its endpoint, and the SDK's clients for it.
//!
//! A session lives as long as the provider.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3control::config::endpoint::{EndpointFuture, Params, ResolveEndpoint};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::endpoint::Endpoint;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::origin::Origin;
use tokio::sync::OnceCell;

use super::assumed_role::{AssumedRole, Shared};
use super::clients::{AwsOptions, watched};
use super::errors;
use super::gatekeeper::Gatekeeper;
use crate::cause::WholeAnswers;
use crate::ids::{AccountId, ActingPrincipal, Partition};
use crate::patience::RetryAfter;
use crate::provider::retry::{RetryPolicy, RetryProgress};
use crate::provider::{AccessMode, AccountTarget, Failure, ProviderError};
use crate::trace::Observer;

/// How often a call to an emulator is tried.
const EMULATOR_ATTEMPTS: u32 = 3;

/// Everything that calls in one account need.
pub(super) struct Session {
    /// What messages call the account.
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
    /// Clients by their types and regions: a service that is new here needs no line of its own.
    clients: Mutex<HashMap<(TypeId, String), Box<dyn Any + Send>>>,
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
        let account = target.described();
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
                    "its endpoint is the account `{account}`, but the block has `id = \"{declared}\"`"
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
        self.client_in(&self.region, new)
    }

    /// The same in another region.
    pub(super) fn client_in<C>(
        &self,
        region: &str,
        new: impl FnOnce(&SdkConfig, Observer) -> C,
    ) -> C
    where
        C: Clone + Send + 'static,
    {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (TypeId::of::<C>(), region.to_owned());
        let known = clients.get(&key).and_then(|client| client.downcast_ref::<C>());
        if let Some(client) = known {
            return client.clone();
        }
        let client = match region == self.region {
            true => new(&self.config, self.observer()),
            false => {
                let region = aws_config::Region::new(region.to_owned());
                new(&self.config.to_builder().region(region).build(), self.observer())
            }
        };
        clients.insert(key, Box::new(client.clone()));
        client
    }

    pub(super) fn iam(&self) -> aws_sdk_iam::Client {
        self.client(watched!(aws_sdk_iam))
    }

    pub(super) fn organizations(&self) -> aws_sdk_organizations::Client {
        self.client(watched!(aws_sdk_organizations))
    }

    /// Account Management.
    pub(super) fn accounts(&self) -> aws_sdk_account::Client {
        self.client(watched!(aws_sdk_account))
    }

    /// Cloud Control in a region.
    pub(super) fn cloudcontrol(&self, region: &str) -> aws_sdk_cloudcontrol::Client {
        self.client_in(region, watched!(aws_sdk_cloudcontrol))
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
                .interceptor(WholeAnswers)
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
                    .interceptor(WholeAnswers)
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

/// One endpoint for every call.
#[derive(Debug)]
struct Fixed(String);

impl ResolveEndpoint for Fixed {
    fn resolve_endpoint<'a>(&'a self, _params: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(Endpoint::builder().url(self.0.clone()).build()))
    }
}
