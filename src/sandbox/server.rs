//! The HTTP side: takes requests from the SDK, finds service and caller, applies faults, keeps what changed, answers.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use super::caller::{self, Caller};
use super::faults::{
    Arrival, EventualConsistency, Fault, FaultAction, FaultRng, Phase, RequestInfo,
};
use super::incoming::{is_mutating, parse, subject};
use super::params::Params;
use super::state::{DIGITS, SandboxState, UPPER, derive};
use super::store::Change;
use super::store::log::{Log, LogDelta};
use super::wire::{Call, Ctx, Refusal, Reply, Service};
use super::{
    Options, account, authorize, cloudcontrol, cloudformation, cloudwatch, grants, iam, metrics,
    organizations, policies, protocol, s3, s3control, ssm, sts,
};
use crate::diag::Diagnostic;
use crate::ids::AccountId;

/// Everything that requests share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) management: AccountId,
    pub(crate) management_key: (String, String),
    options: Options,
    core: tokio::sync::Mutex<Core>,
    records: Mutex<Vec<RequestInfo>>,
    number: AtomicU64,
    /// Organizations writes in flight.
    writing: AtomicU64,
    halted: AtomicBool,
}

#[derive(Debug, Default)]
struct Core {
    state: SandboxState,
    log: Option<Log>,
    consistency: EventualConsistency,
    fault_rng: FaultRng,
    cloudwatch: cloudwatch::Services,
    faults: super::Faults,
}

/// What is sent back, or why nothing is.
enum Sent {
    Reply(Reply),
    Broken(&'static str),
    Hang,
}

impl Server {
    pub(crate) async fn open(dir: Option<&Path>, options: Options) -> Result<Self, Diagnostic> {
        let mut core = Core {
            consistency: EventualConsistency::new(&options.faults),
            faults: options.faults.clone(),
            ..Core::default()
        };
        if let Some(dir) = dir {
            let generation = derive(&format!("generation/{}", options.seed), DIGITS, 12);
            let (log, changes) = Log::open(dir, &generation).await?;
            core.log = Some(log);
            core.replay(changes, dir).await?;
        }
        let mut server = Self::empty(options);
        server.settle(&mut core).await?;
        server.management = core
            .state
            .meta("management")
            .parse()
            .map_err(|_| Diagnostic::error("the sandbox store names no management account"))?;
        let mut key = core.state.meta("management_key").to_owned();
        if let Some(name) = &server.options.operator {
            let account = server.management.as_str();
            key = organizations::operator_key(&core.state, account, name).unwrap_or(key);
        }
        let secret = core.state.access_keys.get(&key).map(|k| k.secret.clone()).unwrap_or_default();
        server.management_key = (key, secret);
        server.core = tokio::sync::Mutex::new(core);
        Ok(server)
    }

    /// A server without rows: no key of it is valid, so every call is refused.
    pub(crate) fn empty(options: Options) -> Self {
        let management = options.management_account.clone().unwrap_or_else(default_management);
        Self {
            management,
            management_key: (String::new(), String::new()),
            options,
            core: tokio::sync::Mutex::default(),
            records: Mutex::default(),
            number: AtomicU64::new(0),
            writing: AtomicU64::new(0),
            halted: AtomicBool::new(false),
        }
    }

    /// Seeds a new store; compacts an old one.
    async fn settle(&self, core: &mut Core) -> Result<(), Diagnostic> {
        let held = match &core.log {
            Some(log) => Some(log.hold().await?),
            None => None,
        };
        core.catch_up().await?;
        if core.state.meta("management").is_empty() {
            let seed = self.options.seed.to_string();
            core.state.meta.insert("secret", derive(&format!("secret/{seed}"), UPPER, 40));
            core.state.meta.insert("seed", seed);
            core.state.meta.insert("management", self.management.to_string());
            let key = organizations::seed_management(
                &mut core.state,
                &self.management,
                self.options.clock.now(),
            );
            core.state.meta.insert("management_key", key);
            core.keep()?;
        }
        if let Some(name) = &self.options.operator {
            let account = core.state.meta("management").to_owned();
            let now = self.options.clock.now();
            organizations::seed_operator(&mut core.state, &account, name, now);
            core.keep()?;
        }
        drop(held);
        if let Some(mut log) = core.log.take() {
            let compacted = log.compact(|| core.state.dump()).await;
            core.log = Some(log);
            compacted?;
        }
        Ok(())
    }

    pub(crate) fn requests(&self) -> Vec<RequestInfo> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn clear_requests(&self) {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn resume(&self) {
        self.halted.store(false, Ordering::SeqCst);
    }

    pub(crate) async fn set_account_state(
        &self,
        account: &str,
        state: &str,
    ) -> Result<(), Diagnostic> {
        let mut core = self.core.lock().await;
        let held = match &core.log {
            Some(log) => Some(log.hold().await?),
            None => None,
        };
        core.catch_up().await?;
        if let Some(row) = core.state.accounts.get_mut(account) {
            row.state = state.to_owned();
        }
        core.keep()?;
        drop(held);
        Ok(())
    }

    pub(crate) async fn set_faults(&self, faults: super::Faults) {
        let mut core = self.core.lock().await;
        core.consistency = EventualConsistency::new(&faults);
        core.fault_rng = FaultRng::default();
        core.faults = faults;
    }

    async fn serve(&self, call: Call) -> Sent {
        if self.halted.load(Ordering::SeqCst) {
            return Sent::Hang;
        }
        let mutating = is_mutating(&call.operation);
        let organizations_write = call.service == Service::Organizations && mutating;
        let writing = organizations_write.then(|| Writing::begin(&self.writing));
        let (delay, collide) = {
            let core = self.core.lock().await;
            (core.faults.delay.clone(), core.faults.concurrent_modification)
        };
        if let Some(delay) = delay {
            let (service, operation) = (call.service, call.operation.clone());
            delay(Arrival { service, operation, subject: subject(&call) }).await;
        }
        let mut collision = false;
        if let Some(writing) = &writing
            && collide
        {
            // let others that were sent at the same time arrive before this one is done
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
            collision = writing.0 > 0;
        }
        let mut core = self.core.lock().await;
        if self.halted.load(Ordering::SeqCst) {
            drop(core);
            return Sent::Hang;
        }
        let sent = self.process(&mut core, &call, mutating, collision).await;
        drop(core);
        drop(writing);
        sent
    }

    async fn process(&self, core: &mut Core, call: &Call, mutating: bool, collision: bool) -> Sent {
        let held = match &core.log {
            Some(log) => match log.hold().await {
                Ok(held) => Some(held),
                Err(problem) => return internal(call, &problem),
            },
            None => None,
        };
        if let Err(problem) = core.catch_up().await {
            return internal(call, &problem);
        }
        let now = self.options.clock.now();
        let caller = caller::authenticate(&core.state, call, now);
        let number = self.number.fetch_add(1, Ordering::SeqCst) + 1;
        let mut info = RequestInfo {
            number,
            service: call.service,
            operation: call.operation.clone(),
            account: caller.as_ref().map(|c| c.account.clone()).unwrap_or_default(),
            principal: caller.as_ref().map(Caller::arn).unwrap_or_default(),
            region: call.region.clone(),
            mutating,
            actions: match (&caller, self.options.enforce) {
                (Ok(caller), true) => authorize::actions(&core.state, caller, call),
                _ => Vec::new(),
            },
            subject: subject(call),
            status: 0,
        };
        let request = request_id(number);
        let faults = core.faults.clone();
        let action = match &faults.hook {
            Some(hook) => hook(&info, Phase::Before),
            None => FaultAction::Continue,
        };
        if let Some(sent) = self.act(action, call, &request) {
            self.record(info, &sent);
            return sent;
        }
        let (fault, lose) = core.fault_rng.roll(&faults, &info);
        let answer = match (fault, collision, caller) {
            (Some(Fault::Throttled), _, _) => Err(protocol::throttled(call.service)),
            (Some(Fault::Unavailable), _, _) => Err(protocol::unavailable()),
            (None, true, _) => Err(organizations::concurrent_modification()),
            (None, false, Err(refusal)) => Err(refusal),
            (None, false, Ok(caller)) => {
                let token = caller::session_token(call).unwrap_or_default();
                if !token.is_empty() && core.fault_rng.used_up(&faults, token) {
                    Err(caller::expired())
                } else {
                    self.answer(core, call, &caller, &request).await
                }
            }
        };
        let reply = match answer {
            Ok(reply) => reply,
            Err(refusal) => protocol::refuse(call, &refusal, &request),
        };
        if let Err(problem) = core.keep() {
            return internal(call, &problem);
        }
        drop(held);
        info.status = reply.status;
        let action = match &faults.hook {
            Some(hook) => hook(&info, Phase::After),
            None => FaultAction::Continue,
        };
        let sent = match self.act(action, call, &request) {
            Some(sent) => sent,
            None if lose => Sent::Broken("the answer was lost"),
            None => Sent::Reply(reply.with("date", now.http())),
        };
        self.record(info, &sent);
        sent
    }

    fn record(&self, info: RequestInfo, sent: &Sent) {
        let status = match sent {
            Sent::Reply(reply) => reply.status,
            Sent::Broken(_) | Sent::Hang => 0,
        };
        let info = RequestInfo { status, ..info };
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(info);
    }

    fn act(&self, action: FaultAction, call: &Call, request: &str) -> Option<Sent> {
        match action {
            FaultAction::Continue => None,
            FaultAction::Fail { status, code, message } => Some(Sent::Reply(protocol::refuse(
                call,
                &Refusal::new(status, code, message),
                request,
            ))),
            FaultAction::Disconnect => Some(Sent::Broken("the connection was cut")),
            FaultAction::Hang => Some(Sent::Hang),
            FaultAction::Halt => {
                self.halted.store(true, Ordering::SeqCst);
                Some(Sent::Hang)
            }
        }
    }

    async fn answer(
        &self,
        core: &mut Core,
        call: &Call,
        caller: &Caller,
        request: &str,
    ) -> Result<Reply, Refusal> {
        let slow = core.faults.slow_accounts;
        if call.service == Service::CloudWatch {
            authorize::call(
                &core.state,
                caller,
                call,
                self.options.enforce,
                self.options.clock.now(),
            )?;
            let now = self.options.clock.now();
            if let Some(reply) = metrics::serve(&mut core.state, call, &caller.account, now) {
                return reply;
            }
            return core.cloudwatch.serve(&mut core.state, call, caller).await;
        }
        let mut ctx = Ctx {
            state: &mut core.state,
            caller,
            now: self.options.clock.now(),
            region: &call.region,
            consistency: &mut core.consistency,
        };
        let signed = !caller.account.is_empty();
        let open_to_all = matches!(call.service, Service::S3)
            || (call.service == Service::Sts && call.operation == "AssumeRoleWithWebIdentity");
        if !signed && !open_to_all {
            return Err(Refusal::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ));
        }
        authorize::call(ctx.state, caller, call, self.options.enforce, ctx.now)?;
        match call.service {
            Service::Iam => iam::serve(&mut ctx, &call.operation, &Params::parse(&call.body))
                .map(|xml| protocol::query(call, xml, request)),
            Service::Sts => sts::serve(&mut ctx, &call.operation, &Params::parse(&call.body))
                .map(|xml| protocol::query(call, xml, request)),
            Service::CloudFormation => {
                cloudformation::serve(&mut ctx, &call.operation, &Params::parse(&call.body))
                    .map(|xml| protocol::query(call, xml, request))
            }
            Service::Organizations => {
                organizations::serve(&mut ctx, &call.operation, &json_body(call)?, slow)
                    .map(|value| protocol::json(&value, request))
            }
            Service::Ssm => ssm::serve(&mut ctx, &call.operation, &json_body(call)?)
                .map(|value| protocol::json(&value, request)),
            Service::CloudControl => {
                cloudcontrol::serve(&mut ctx, &call.operation, &json_body(call)?)
                    .map(|value| protocol::json(&value, request))
            }
            Service::Kms if grants::serves(&call.operation) => {
                grants::serve(&mut ctx, &call.operation, &json_body(call)?)
                    .map(|value| protocol::json(&value, request))
            }
            Service::Kms
            | Service::SecretsManager
            | Service::Sqs
            | Service::Lambda
            | Service::DynamoDb
            | Service::Ecr => policies::serve(&ctx, call, &json_body(call)?)
                .map(|value| protocol::json(&value, request)),
            Service::Sns => policies::topics(&ctx, &call.operation, &Params::parse(&call.body))
                .map(|xml| protocol::query(call, xml, request)),
            Service::Account => account::serve(&mut ctx, &call.operation, &json_body(call)?)
                .map(|value| protocol::json(&value, request)),
            Service::S3 => s3::serve(&mut ctx, call).map(|r| r.with("x-amz-request-id", request)),
            Service::S3Control => {
                s3control::serve(&mut ctx, call).map(|r| r.with("x-amz-request-id", request))
            }
            Service::CloudWatch => Err(Refusal::not_emulated(call.service, &call.operation)),
        }
    }
}

impl Core {
    async fn replay(&mut self, changes: Vec<Change>, dir: &Path) -> Result<(), Diagnostic> {
        let touched = self.state.load(changes).map_err(|why| {
            Diagnostic::error(format!("the sandbox store in `{}` is damaged", dir.display()))
                .detail(why)
                .help(format!("start over with an empty sandbox: remove `{}`", dir.display()))
        })?;
        if touched.contains("cloudwatch") {
            self.cloudwatch.forget();
        }
        Ok(())
    }

    /// Takes over what other processes did.
    async fn catch_up(&mut self) -> Result<(), Diagnostic> {
        let Some(log) = &mut self.log else { return Ok(()) };
        let changes = match log.delta()? {
            LogDelta::None => return Ok(()),
            LogDelta::Changes(changes) => changes,
            LogDelta::Fresh(changes) => {
                self.state.clear();
                changes
            }
        };
        self.replay(changes, Path::new("the sandbox directory")).await
    }

    /// Keeps what the last request changed; where that fails, takes it back.
    fn keep(&mut self) -> Result<(), Diagnostic> {
        let changes = self.state.drain();
        let Some(log) = &mut self.log else { return Ok(()) };
        if changes.is_empty() {
            return Ok(());
        }
        let Err(problem) = log.append(&changes) else { return Ok(()) };
        if let Ok(kept) = log.reread() {
            self.state.clear();
            self.cloudwatch.forget();
            let _ = self.state.load(kept);
        }
        Err(problem)
    }
}

fn default_management() -> AccountId {
    #[expect(clippy::unwrap_used, reason = "twelve digits are an account id")]
    let id = "111111111111".parse().unwrap();
    id
}

fn json_body(call: &Call) -> Result<serde_json::Value, Refusal> {
    if call.body.is_empty() {
        return Ok(serde_json::Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(&call.body)
        .map_err(|e| Refusal::new(400, "SerializationException", e.to_string()))
}

fn internal(call: &Call, problem: &Diagnostic) -> Sent {
    let message = match &problem.detail {
        Some(detail) => format!("{}: {detail}", problem.summary),
        None => problem.summary.clone(),
    };
    // 400, for it does not help to try again
    let refusal = Refusal::new(400, "SandboxStoreFailure", message);
    Sent::Reply(protocol::refuse(call, &refusal, "00000000-0000-4000-8000-000000000000"))
}

fn request_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// Counts an Organizations write in flight; knows how many there were before it.
struct Writing<'a>(u64, &'a AtomicU64);

impl<'a> Writing<'a> {
    fn begin(count: &'a AtomicU64) -> Self {
        Self(count.fetch_add(1, Ordering::SeqCst), count)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The SDK's side of the server.
#[derive(Clone, Debug)]
pub(crate) struct Client(Arc<Server>);

impl Client {
    pub(crate) fn new(server: Arc<Server>) -> Self {
        Self(server)
    }

    pub(crate) async fn answer(
        &self,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        let call = parse(request).await?;
        match self.0.serve(call).await {
            Sent::Reply(reply) => respond(reply),
            Sent::Broken(why) => Err(ConnectorError::io(why.into())),
            Sent::Hang => std::future::pending().await,
        }
    }
}

impl HttpConnector for Client {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.clone();
        HttpConnectorFuture::new(async move { client.answer(request).await })
    }
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn respond(reply: Reply) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(reply.status).map_err(|e| ConnectorError::user(e.into()))?;
    let length = reply.body.len().to_string();
    let mut response = HttpResponse::new(status, SdkBody::from(reply.body));
    let has_length = reply.headers.iter().any(|(name, _)| name == "content-length");
    for (name, value) in reply.headers {
        // a value that HTTP cannot carry is left out rather than made up
        let _ = response.headers_mut().try_append(name, value);
    }
    if !has_length {
        let _ = response.headers_mut().try_append("content-length", length);
    }
    Ok(response)
}
