//! The SDK's configuration as the AWS CLI would have it: profile, credentials, certificates, proxies.
//!
//! Loaded once a run and shared by everything that calls AWS, so that a credential process runs once and
//! a code is asked for once. What the SDK's own loader leaves out is added here: `AWS_DEFAULT_PROFILE`,
//! `AWS_CA_BUNDLE`, `mfa_serial`, `duration_seconds`, and container credentials that no proxy sees.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::profile::{Profile, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{
    ProvideCredentials, Result as Provided, SharedCredentialsProvider, future,
};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::os_shim_internal::{Env, Fs};
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use hyper_util::client::proxy::matcher::Matcher;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};

use super::profiles::{self, Base, ProfileRole, Profiles, TOKEN_FILE, WebIdentity};
use super::{clients, errors};
use crate::cause::SilentSource;
use crate::diag::Diagnostic;
use crate::ids::Partition;
use crate::patience::Patience;
use crate::provider::ProviderError;
use crate::trace;

/// Credentials are renewed this long before their end.
const MARGIN: Duration = Duration::from_secs(300);
/// A source that was silent is not asked again for so long: others wait for the same silence.
const SILENCE: Duration = Duration::from_secs(30);

/// Answers for the code of a device.
#[async_trait]
pub trait MfaCodes: fmt::Debug + Send + Sync {
    /// The code that `device` shows now, which the role of `profile` asks for.
    ///
    /// # Errors
    /// There is nobody to ask.
    async fn code(&self, device: &str, profile: &str) -> Result<String, Diagnostic>;
}

/// Settings in which an endpoint that is set to nothing is not set, as for the AWS CLI: the SDK takes the text for an
/// address, and stops the program. A variable that is empty leaves what the profile says.
fn without_empty_endpoints(sdk: SdkConfig, of_profile: Option<&str>) -> SdkConfig {
    let told = sdk.endpoint_url().filter(|url| !url.is_empty());
    let endpoint = told.or(of_profile).map(str::to_owned);
    let mut builder = sdk.to_builder();
    builder.set_endpoint_url(endpoint).set_service_config(Some(OfServices(sdk)));
    builder.build()
}

/// What files and environment say of single services.
#[derive(Debug)]
struct OfServices(SdkConfig);

impl LoadServiceConfig for OfServices {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        self.0.service_config()?.load_config(key).filter(|text| !text.is_empty())
    }
}

/// Reads environment and files. Calls AWS only where a code has to be asked for: the code is taken, and
/// shown to be right, before anything else is on the screen.
///
/// # Errors
/// A profile, a variable or a bundle of certificates that cannot be used; a code that is refused.
pub async fn load(
    env: &BTreeMap<String, String>,
    region: Option<&str>,
    codes: Arc<dyn MfaCodes>,
    patience: &mut Patience,
) -> Result<SdkConfig, Diagnostic> {
    let selected = profiles::selected(env)?;
    let from_environment = profiles::environment(env)?;
    let name = selected.clone().unwrap_or_else(|| "default".to_owned());
    let set = files(&EnvConfigFiles::default(), &name).await?;
    let credentials = EnvConfigFiles::builder().include_default_credentials_file(true).build();
    let credentials = files(&credentials, &name).await?;
    profiles::endpoints(env, &set, &name)?;
    let profiles = Profiles { all: &set, credentials: &credentials };
    let chain = profiles::chain(env, profiles, &name, selected.is_some())?;
    if !from_environment {
        begun(env, &set, chain.as_ref().map(|chain| &chain.base))?;
    }
    let bundle = match env.get("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) {
        Some(path) => Some(trust(Path::new(path), "AWS_CA_BUNDLE")?),
        None => match set.get_profile(&name).and_then(|profile| profile.get("ca_bundle")) {
            Some(path) => Some(trust(Path::new(path), "ca_bundle")?),
            None => None,
        },
    };

    if let Some(profile) = set.get_profile(&name) {
        patience.fill(profile.get("max_attempts"), profile.get("retry_mode"));
    }
    // Attempts and mode are read and checked here, so that a wrong value is told by its name.
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .profile_name(&name)
        .no_credentials()
        .retry_config(patience.retries(RetryConfig::standard()))
        .timeout_config(patience.timeouts());
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(context) = &bundle {
        loader = loader.http_client(client(context.clone(), ProxyConfig::from_env()));
    }
    let of_profile = profiles::endpoint_behind_nothing(env, set.get_profile(&name));
    let sdk = without_empty_endpoints(loader.load().await, of_profile);
    trace::behind(Matcher::from_env());

    // The state may lie in no region, and STS answers in any of the partition.
    let partition = chain.as_ref().and_then(|chain| chain.partition).unwrap_or(Partition::Aws);
    let region = sdk.region().cloned().unwrap_or(Region::from_static(partition.global_region()));
    let asking = sdk.to_builder().region(region).build();
    let sources = Sources::new(&asking, bundle.as_ref(), patience);
    let mut asks = false;
    let provider = if from_environment {
        SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())
    } else if let Some(chain) = chain {
        asks = chain.roles.iter().any(|role| role.mfa_serial.is_some());
        let silence = source_of(&chain.base, &set);
        let mut provider = sources.named(sources.base(chain.base), silence);
        for role in chain.roles {
            let from = asking.to_builder().credentials_provider(provider).build();
            let sts = clients::sts(&from, "the caller");
            provider =
                SharedCredentialsProvider::new(Assumed { sts, role, codes: Arc::clone(&codes) });
        }
        provider
    } else {
        let chain = SharedCredentialsProvider::new(
            CredentialsProviderChain::first_try("EcsContainer", sources.container())
                .or_else("Ec2InstanceMetadata", sources.instance()),
        );
        sources.named(chain, default_source(env))
    };
    let provider = SharedCredentialsProvider::new(Kept {
        from: provider,
        kept: tokio::sync::Mutex::default(),
    });
    if asks {
        provider.provide_credentials().await.map_err(|error| explain(&error))?;
    }
    Ok(sdk.to_builder().credentials_provider(provider).build())
}

/// The profiles of the AWS CLI's files.
///
/// # Errors
/// One of them cannot be read.
async fn files(files: &EnvConfigFiles, name: &str) -> Result<ProfileSet, Diagnostic> {
    let name = Some(name.to_owned().into());
    aws_config::profile::load(&Fs::real(), &Env::real(), files, name).await.map_err(|error| {
        let why = std::error::Error::source(&error)
            .map_or_else(|| error.to_string(), ToString::to_string);
        Diagnostic::error("the AWS configuration cannot be read").detail(why).help(
            "correct the files that `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` name, or those in `~/.aws`",
        )
    })
}

/// Makes sure that the file is there which credentials rest on: of one that is not, the SDK tells no path.
///
/// # Errors
/// It cannot be read.
fn begun(
    env: &BTreeMap<String, String>,
    set: &ProfileSet,
    base: Option<&Base>,
) -> Result<(), Diagnostic> {
    let get = |name: &str| env.get(name).filter(|text| !text.is_empty());
    let unreadable = |path: &Path, of: String, help: String| match std::fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(Diagnostic::error(format!("{of} `{}`, which cannot be read", path.display()))
                .detail(error.to_string())
                .help(help))
        }
    };
    let help = "what runs this (a pod, a pipeline) puts the token there; check that it did, and that the path is right";
    let of_web_identity =
        |profile: &str| format!("`web_identity_token_file` of the AWS profile `{profile}` names");
    let profile = match base {
        Some(Base::Profile(name)) => source_profile(set, name),
        Some(Base::WebIdentity(WebIdentity { token_file, profile, .. })) => {
            let of = match profile {
                Some(name) => of_web_identity(name),
                None => format!("`{TOKEN_FILE}` names"),
            };
            return unreadable(Path::new(token_file), of, help.to_owned());
        }
        Some(_) | None => return Ok(()),
    };
    let of_profile = |key: &str| profile.and_then(|p| Some((p.name(), p.get(key)?)));
    if let Some((name, path)) = of_profile("web_identity_token_file") {
        return unreadable(Path::new(path), of_web_identity(name), help.to_owned());
    }
    if let Some((name, session)) = of_profile("login_session") {
        let cache = match get("AWS_LOGIN_CACHE_DIRECTORY") {
            Some(dir) => Path::new(dir).to_owned(),
            None => Path::new(get("HOME").map_or("", String::as_str)).join(".aws/login/cache"),
        };
        let digest = Sha256::digest(session.trim());
        let path = cache.join(format!("{}.json", data_encoding::HEXLOWER.encode(&digest)));
        let of = format!("the login session of the AWS profile `{name}` is kept in");
        return unreadable(&path, of, format!("`aws login --profile {name}` begins one"));
    }
    Ok(())
}

/// The profile that another one takes its credentials from, or it itself.
fn source_profile<'a>(set: &'a ProfileSet, name: &str) -> Option<&'a Profile> {
    let mut profile = set.get_profile(name);
    for _ in 0..set.profiles().count() {
        let from = profile.and_then(|profile| profile.get("source_profile"));
        match from.filter(|from| Some(*from) != profile.map(Profile::name)) {
            Some(from) => profile = set.get_profile(from),
            None => break,
        }
    }
    profile
}

/// What a failure to get credentials is about: the diagnostic inside it, or its own words.
fn explain(error: &CredentialsError) -> Diagnostic {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(at) = cause {
        if let Some(asked) = at.downcast_ref::<NotAsked>() {
            return asked.0.clone();
        }
        if let Some(refused) = at.downcast_ref::<ProviderError>() {
            return Diagnostic::error("the role of the AWS profile cannot be assumed")
                .detail(refused.message.clone())
                .help("a code counts once and for half a minute; `mfa_serial` must name the device of the user whose keys the source profile holds");
        }
        cause = at.source();
    }
    Diagnostic::error("the AWS profile gives no credentials").detail(error.to_string())
}

/// A code that could not be asked for.
#[derive(Debug)]
struct NotAsked(Diagnostic);

impl fmt::Display for NotAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NotAsked {}

/// The certificates of a bundle, each tried before the HTTP client gets it: an error names the file.
fn trust(path: &Path, named_by: &str) -> Result<TlsContext, Diagnostic> {
    let wrong = |why: String| {
        Diagnostic::error(format!("`{named_by}` names `{}`, which cannot be used", path.display()))
            .detail(why)
            .help("it is a file of certificates in PEM form, which then replaces the system's own")
    };
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let mut store = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        store.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(wrong("it holds no certificate".to_owned()));
    }
    TlsContext::builder()
        .with_trust_store(TrustStore::empty().with_pem_certificate(bytes))
        .build()
        .map_err(|error| wrong(error.to_string()))
}

fn client(context: TlsContext, proxy: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = ConnectorBuilder::default()
            .tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone());
        builder.set_connector_settings(settings.cloned());
        builder.set_proxy_config(Some(proxy.clone()));
        if let Some(components) = components {
            builder.set_sleep_impl(components.sleep_impl());
        }
        builder.build()
    })
}

/// Where credentials come from that no role stands before.
struct Sources {
    /// As the SDK's own loader configures its providers.
    config: ProviderConfig,
    /// Past every proxy: the container's endpoint and the instance's metadata are of this machine.
    near: ProviderConfig,
    /// How long one of them is waited for: it ends before the attempt that needs it does.
    limit: Duration,
}

impl Sources {
    fn new(sdk: &SdkConfig, bundle: Option<&TlsContext>, patience: &Patience) -> Self {
        let base = ProviderConfig::without_region().with_region(sdk.region().cloned());
        let config = match sdk.http_client() {
            Some(http) => base.clone().with_http_client(http.clone()),
            None => base.clone(),
        };
        let context = bundle.cloned().unwrap_or_default();
        let near = base.with_http_client(client(context, ProxyConfig::disabled()));
        Self { config, near, limit: patience.attempt() * 9 / 10 }
    }

    /// A source that is named where it gives nothing in time.
    fn named(
        &self,
        from: SharedCredentialsProvider,
        silence: SilentSource,
    ) -> SharedCredentialsProvider {
        let silent_since = tokio::sync::Mutex::default();
        SharedCredentialsProvider::new(Named { from, silence, limit: self.limit, silent_since })
    }

    fn container(&self) -> EcsCredentialsProvider {
        EcsCredentialsProvider::builder().configure(&self.near).build()
    }

    fn instance(&self) -> Instance {
        Instance(ImdsCredentialsProvider::builder().configure(&self.near).build())
    }

    fn base(&self, base: Base) -> SharedCredentialsProvider {
        match base {
            Base::Environment => {
                SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())
            }
            Base::Container => SharedCredentialsProvider::new(self.container()),
            Base::Instance => SharedCredentialsProvider::new(self.instance()),
            Base::Keys(keys) => SharedCredentialsProvider::new(keys),
            Base::WebIdentity(web) => SharedCredentialsProvider::new(
                WebIdentityTokenCredentialsProvider::builder()
                    .configure(&self.config)
                    .static_configuration(StaticConfiguration {
                        web_identity_token_file: web.token_file.into(),
                        role_arn: web.role_arn,
                        session_name: web.session_name.unwrap_or_else(|| "palisade".to_owned()),
                    })
                    .build(),
            ),
            Base::Profile(name) => SharedCredentialsProvider::new(
                ProfileFileCredentialsProvider::builder()
                    .configure(&self.config)
                    .with_custom_provider("EcsContainer", self.container())
                    .with_custom_provider("Ec2InstanceMetadata", self.instance())
                    .profile_name(name)
                    .build(),
            ),
        }
    }
}

/// What the credentials of a profile come from, for the case that it hangs.
fn source_of(base: &Base, set: &ProfileSet) -> SilentSource {
    let name = match base {
        Base::Environment | Base::Keys(_) => return environment_keys(),
        Base::Container => return container(),
        Base::Instance => return instance(),
        Base::WebIdentity(WebIdentity { profile: None, .. }) => {
            return web_identity(&format!(" for the web identity of `{TOKEN_FILE}`"));
        }
        Base::WebIdentity(WebIdentity { profile: Some(name), .. }) => {
            return web_identity(&format!(", for the web identity of the AWS profile `{name}`,"));
        }
        Base::Profile(name) => name,
    };
    let profile = source_profile(set, name);
    let named = profile.map_or(name.as_str(), Profile::name);
    let has = |key: &str| profile.is_some_and(|profile| profile.get(key).is_some());
    let source = |what: String, advice: String| SilentSource { what, advice };
    if has("credential_process") {
        return source(
            format!("the credential process of the AWS profile `{named}`"),
            "run the command that `credential_process` names by itself, and see what it waits for"
                .to_owned(),
        );
    }
    if has("sso_session") || has("sso_start_url") {
        return source(
            format!("IAM Identity Center, for the AWS profile `{named}`,"),
            format!(
                "`aws sso login --profile {named}` shows whether it can be reached; check the network and the proxy settings"
            ),
        );
    }
    if has("web_identity_token_file") {
        return web_identity(&format!(", for the web identity of the AWS profile `{named}`,"));
    }
    if has("credential_source") {
        return source(
            format!("what `credential_source` of the AWS profile `{named}` names"),
            "check that this machine is what the profile takes it for: a container, or an EC2 instance".to_owned(),
        );
    }
    source(
        format!("the source of the AWS profile `{named}`"),
        "`aws sts get-caller-identity` tells whether it works; check the network and the proxy settings".to_owned(),
    )
}

/// The same where no profile says anything: what the environment names, else the instance.
fn default_source(env: &BTreeMap<String, String>) -> SilentSource {
    let has = |name: &str| env.get(name).is_some_and(|value| !value.is_empty());
    let uri = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    if uri.into_iter().any(has) { container() } else { instance() }
}

fn environment_keys() -> SilentSource {
    SilentSource {
        what: "the environment".to_owned(),
        advice: "set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`".to_owned(),
    }
}

fn container() -> SilentSource {
    SilentSource {
        what: "the credentials endpoint of the container".to_owned(),
        advice: "check what `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `AWS_CONTAINER_CREDENTIALS_FULL_URI` names, and the role of the task".to_owned(),
    }
}

fn instance() -> SilentSource {
    SilentSource {
        what: "the metadata service of the EC2 instance".to_owned(),
        advice: "sign in (`aws sso login`) or set `AWS_PROFILE`; on an instance, check its role and the metadata options (hop limit)".to_owned(),
    }
}

fn web_identity(of: &str) -> SilentSource {
    SilentSource {
        what: format!("STS{of}"),
        advice: "check the network and the proxy settings, and the Region that STS is asked in"
            .to_owned(),
    }
}

/// A source of credentials that may hang: then it is named, and those who wait behind hear of it at once.
#[derive(Debug)]
struct Named {
    from: SharedCredentialsProvider,
    silence: SilentSource,
    limit: Duration,
    silent_since: tokio::sync::Mutex<Option<Instant>>,
}

impl Named {
    async fn credentials(&self) -> Provided {
        let mut silent_since = self.silent_since.lock().await;
        let silence = || CredentialsError::provider_error(self.silence.clone());
        if silent_since.is_some_and(|since| since.elapsed() < SILENCE) {
            return Err(silence());
        }
        match tokio::time::timeout(self.limit, self.from.provide_credentials()).await {
            Ok(Err(CredentialsError::ProviderTimedOut(_))) | Err(_) => {
                *silent_since = Some(Instant::now());
                Err(silence())
            }
            Ok(Err(error)) if errors::within::<SilentSource>(&error).is_some() => {
                *silent_since = Some(Instant::now());
                Err(error)
            }
            Ok(provided) => provided,
        }
    }
}

impl ProvideCredentials for Named {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// The metadata service of an EC2 instance. Of one that takes a connection and says nothing (a hop limit of 1 before a
/// container), the SDK says that there are no credentials, as it does where there is no such service at all.
#[derive(Debug)]
struct Instance(ImdsCredentialsProvider);

impl Instance {
    async fn credentials(&self) -> Provided {
        match self.0.provide_credentials().await {
            Err(error) if keeps_silent(&error) => Err(CredentialsError::provider_error(instance())),
            provided => provided,
        }
    }
}

impl ProvideCredentials for Instance {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// Whether there was a connection, and no answer. The SDK's own type for that is private; its words are not.
fn keeps_silent(error: &CredentialsError) -> bool {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| (*error).source())
        .any(|error| error.to_string().starts_with("HTTP read timeout"))
}

/// Credentials until shortly before their end; one request for them at a time.
#[derive(Debug)]
struct Kept {
    from: SharedCredentialsProvider,
    kept: tokio::sync::Mutex<Option<Credentials>>,
}

impl Kept {
    async fn credentials(&self) -> Provided {
        let mut kept = self.kept.lock().await;
        if let Some(credentials) = &*kept
            && credentials.expiry().is_none_or(|end| SystemTime::now() + MARGIN < end)
        {
            return Ok(credentials.clone());
        }
        let credentials = self.from.provide_credentials().await?;
        *kept = Some(credentials.clone());
        Ok(credentials)
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// A role of a profile, with the code of a device where it asks for one.
#[derive(Debug)]
struct Assumed {
    sts: aws_sdk_sts::Client,
    role: ProfileRole,
    codes: Arc<dyn MfaCodes>,
}

impl Assumed {
    async fn credentials(&self) -> Provided {
        let role = &self.role;
        let code = match &role.mfa_serial {
            None => None,
            Some(device) => Some(
                self.codes
                    .code(device, &role.profile)
                    .await
                    .map_err(|why| CredentialsError::provider_error(NotAsked(why)))?,
            ),
        };
        let answer = self
            .sts
            .assume_role()
            .role_arn(&role.arn)
            .role_session_name(role.session_name.as_deref().unwrap_or("palisade"))
            .set_external_id(role.external_id.clone())
            .set_serial_number(role.mfa_serial.clone())
            .set_token_code(code)
            .set_duration_seconds(role.duration.and_then(|d| i32::try_from(d.as_secs()).ok()))
            .send()
            .await
            .map_err(|error| {
                let mut error = errors::translate("sts", "AssumeRole", "the caller", &error);
                error.message = format!(
                    "`{}` of the AWS profile `{}`: {}",
                    role.arn, role.profile, error.message
                );
                CredentialsError::provider_error(error)
            })?;
        let given = answer
            .credentials()
            .ok_or_else(|| CredentialsError::unhandled("STS answered without credentials"))?;
        Ok(Credentials::new(
            given.access_key_id(),
            given.secret_access_key(),
            Some(given.session_token().to_owned()),
            SystemTime::try_from(*given.expiration()).ok(),
            "profile",
        ))
    }
}

impl ProvideCredentials for Assumed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}
