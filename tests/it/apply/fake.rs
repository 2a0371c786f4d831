//! A strict AWS in memory behind the provider seam, and a power switch for it and for the state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use palisade::ids::AccountId;
use palisade::provider::{
    AccessMode, AccountTarget, Administration, Alarm, Announcements, Caller, Failure, Inventory,
    LiveObject, MetricQuery, Op, Parameter, Permit, Provider, ProviderError, ProviderStep, REQUEST,
    Stack,
};
use palisade::schema::kinds;
use palisade::value::{Attrs, Value};
use tokio::sync::Notify;

/// Cuts the power at a request, right before it is processed or right after. Requests of AWS and of
/// the state backend are counted together.
#[derive(Default)]
pub(crate) struct Power {
    count: AtomicUsize,
    /// Even numbers: before request n/2; odd: after it.
    cut_at: Mutex<Option<usize>>,
    off: AtomicBool,
    pub cut: Notify,
    pub log: Mutex<Vec<String>>,
    /// Blocks the thread that makes a request, once.
    pub stall: Mutex<Option<Arc<Stall>>>,
}

/// Stops a whole run right before a request, as SIGSTOP does, until it is woken.
pub(crate) struct Stall {
    at: String,
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Stall {
    /// Right before the first request that starts with `at`.
    pub(crate) fn before(at: &str) -> Arc<Self> {
        Arc::new(Self { at: at.to_owned(), state: Mutex::default(), changed: Condvar::new() })
    }

    fn hold(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 = true;
        self.changed.notify_all();
        let _woken = self.changed.wait_while(state, |s| !s.1).unwrap();
    }

    pub(crate) fn wait_until_reached(&self) {
        let state = self.state.lock().unwrap();
        let wait = Duration::from_secs(60);
        let (_state, out) = self.changed.wait_timeout_while(state, wait, |s| !s.0).unwrap();
        assert!(!out.timed_out(), "`{}` was never requested", self.at);
    }

    pub(crate) fn wake(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

impl Power {
    pub(crate) fn cut_at(&self, point: Option<usize>) {
        *self.cut_at.lock().unwrap() = point;
        self.count.store(0, Ordering::SeqCst);
        self.off.store(false, Ordering::SeqCst);
        self.log.lock().unwrap().clear();
    }

    pub(crate) fn requests(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    async fn dead(&self) {
        self.cut.notify_one();
        std::future::pending::<()>().await;
    }

    pub(super) async fn before(&self, what: String) -> usize {
        if self.off.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let stall = {
            let mut stall = self.stall.lock().unwrap();
            stall.take_if(|s| what.starts_with(&s.at))
        };
        if let Some(stall) = stall {
            stall.hold();
        }
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        self.log.lock().unwrap().push(what);
        if *self.cut_at.lock().unwrap() == Some(number * 2) {
            self.off.store(true, Ordering::SeqCst);
            self.dead().await;
        }
        // Others get a turn: several requests are in flight at once.
        tokio::task::yield_now().await;
        number
    }

    pub(super) async fn after(&self, number: usize) {
        if *self.cut_at.lock().unwrap() == Some(number * 2 + 1) {
            self.off.store(true, Ordering::SeqCst);
            self.dead().await;
        }
        if self.off.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}

#[derive(Default)]
struct World {
    objects: BTreeMap<(String, &'static str, String), Attrs>,
    requests: BTreeMap<String, (Attrs, u32)>,
    next: u64,
    created: Vec<String>,
}

type Fault = Box<dyn Fn(&str, usize) -> Option<Failure> + Send + Sync>;

/// AWS.
#[derive(Default)]
pub(crate) struct FakeAws {
    world: Mutex<World>,
    pub power: Arc<Power>,
    /// Asked before each call with its name and number; the failure instead of the call. `NoAnswer` is
    /// carried out all the same.
    pub fault: Mutex<Option<Fault>>,
    calls: AtomicUsize,
    in_org: AtomicUsize,
    /// How often two writes to the organization were in flight at once.
    pub overlaps: AtomicUsize,
    pub widest: AtomicUsize,
    in_flight: AtomicUsize,
}

impl FakeAws {
    pub(crate) fn new(power: Arc<Power>) -> Self {
        Self { power, ..Self::default() }
    }

    /// Everything that exists: place, kind, key.
    pub(crate) fn listing(&self) -> BTreeSet<(String, &'static str, String)> {
        self.world.lock().unwrap().objects.keys().cloned().collect()
    }

    pub(crate) fn object(&self, place: &str, kind: &'static str, key: &str) -> Option<Attrs> {
        self.world.lock().unwrap().objects.get(&(place.into(), kind, key.into())).cloned()
    }

    /// Somebody else changes an object.
    pub(crate) fn meddle(
        &self,
        place: &str,
        kind: &'static str,
        key: &str,
        name: &str,
        value: Value,
    ) {
        let mut world = self.world.lock().unwrap();
        let object = world.objects.get_mut(&(place.to_owned(), kind, key.to_owned())).unwrap();
        object.insert(name.to_owned(), value);
    }

    /// How many objects were ever created, by kind and key.
    pub(crate) fn created(&self) -> Vec<String> {
        self.world.lock().unwrap().created.clone()
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn error(failure: Failure, operation: &str, target: &AccountTarget) -> ProviderError {
        ProviderError {
            failure,
            service: "fake",
            operation: operation.to_owned(),
            account: target.handle.to_string(),
            code: None,
            message: format!("{failure:?}"),
            cause: None,
        }
    }

    /// One request: counted, cut, failed or carried out.
    async fn request<T>(
        &self,
        target: &AccountTarget,
        operation: &str,
        work: impl FnOnce(&mut World) -> Result<T, Failure>,
    ) -> Result<T, ProviderError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let width = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.widest.fetch_max(width, Ordering::SeqCst);
        let number = self.power.before(operation.to_owned()).await;
        let fault = self.fault.lock().unwrap().as_ref().and_then(|f| f(operation, call));
        let result = match fault {
            Some(Failure::NoAnswer) => {
                let _ = work(&mut self.world.lock().unwrap());
                Err(Failure::NoAnswer)
            }
            Some(failure) => Err(failure),
            None => work(&mut self.world.lock().unwrap()),
        };
        self.power.after(number).await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        result.map_err(|failure| Self::error(failure, operation, target))
    }
}

fn place(target: &AccountTarget, kind: &str) -> String {
    let organization = ["account", "organizational_unit", "service_control_policy"];
    if organization.contains(&kind) {
        "org".into()
    } else {
        target.id.as_ref().map_or("nowhere".into(), ToString::to_string)
    }
}

fn key_of(kind: &str, attrs: &Attrs) -> String {
    kinds::kind(kind).unwrap().natural_key(attrs).unwrap()
}

impl World {
    fn enter(&self, place: &str) -> Result<(), Failure> {
        let account = |((_, kind, _), attrs): (&(String, &str, String), &Attrs)| {
            *kind == "account" && attrs.get("id").and_then(Value::as_str) == Some(place)
        };
        if place == "org" || self.objects.iter().any(account) {
            Ok(())
        } else {
            Err(Failure::CannotAssume)
        }
    }

    fn find(
        &mut self,
        place: &str,
        kind: &'static str,
        key: &str,
    ) -> Option<(&(String, &'static str, String), &mut Attrs)> {
        let by_id = |k: &(String, &'static str, String), a: &Attrs| {
            k.0 == place
                && k.1 == kind
                && (k.2 == key
                    || place == "org" && a.get("id").and_then(Value::as_str) == Some(key))
        };
        self.objects.iter_mut().find(|(k, a)| by_id(k, a))
    }
}

#[async_trait]
impl Provider for FakeAws {
    async fn caller(&self) -> Result<Caller, ProviderError> {
        unreachable!("apply is told who it is")
    }

    async fn read_organization(
        &self,
        _: &AccountTarget,
        _: Announcements,
    ) -> Result<Inventory, ProviderError> {
        Ok(Inventory::default())
    }

    async fn read_account(
        &self,
        _: &AccountTarget,
        _: &BTreeSet<&'static str>,
        _: &str,
    ) -> Result<Inventory, ProviderError> {
        Ok(Inventory::default())
    }

    async fn read_object(
        &self,
        target: &AccountTarget,
        _: AccessMode,
        kind: &'static str,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        let place = place(target, kind);
        self.request(target, &format!("Read {kind} {key}"), |world| {
            world.enter(&place)?;
            let found = world.find(&place, kind, key);
            Ok(found.map(|(k, attrs)| LiveObject::new(kind, k.2.clone(), attrs.clone())))
        })
        .await
    }

    async fn parameters(
        &self,
        _: &AccountTarget,
        _: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Parameter>, ProviderError> {
        unreachable!("an apply looks nothing up")
    }

    async fn effective_policy(
        &self,
        _: &AccountTarget,
        _: &AccountId,
        _: &str,
    ) -> Result<Option<String>, ProviderError> {
        unreachable!("an apply looks nothing up")
    }

    async fn stack(&self, _: &AccountTarget, _: &str) -> Result<Option<Stack>, ProviderError> {
        unreachable!("an apply looks nothing up")
    }

    async fn administration(&self, _: &AccountTarget) -> Result<Administration, ProviderError> {
        unreachable!("an apply looks nothing up")
    }

    async fn execute(
        &self,
        target: &AccountTarget,
        step: &ProviderStep,
        permit: &Permit,
    ) -> Result<Attrs, ProviderError> {
        if !permit.admit() {
            return Err(ProviderError {
                failure: Failure::Fenced,
                service: "fake",
                operation: "execute".into(),
                account: target.handle.to_string(),
                code: None,
                message: "the gate is closed".into(),
                cause: None,
            });
        }
        let place = place(target, step.kind);
        if place == "org" && step.op != Op::Wait && self.in_org.fetch_add(1, Ordering::SeqCst) > 0 {
            self.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        let result = self.carry_out(target, step, &place).await;
        if place == "org" && step.op != Op::Wait {
            self.in_org.fetch_sub(1, Ordering::SeqCst);
        }
        result
    }

    async fn find_creation(
        &self,
        target: &AccountTarget,
        _: &'static str,
        after: &Attrs,
        _: i64,
    ) -> Result<Option<Attrs>, ProviderError> {
        self.request(target, "ListCreateAccountStatus", |world| {
            let wanted = after.get("email");
            let found = world.requests.iter().find(|(_, (attrs, _))| attrs.get("email") == wanted);
            Ok(found.map(|(id, _)| [(REQUEST.to_owned(), Value::string(id.clone()))].into()))
        })
        .await
    }

    async fn alarms(
        &self,
        _: &AccountTarget,
        _: &BTreeSet<String>,
    ) -> Result<Vec<Alarm>, ProviderError> {
        unreachable!("apply asks no alarm")
    }

    async fn metric(
        &self,
        _: &AccountTarget,
        _: &MetricQuery,
    ) -> Result<Option<f64>, ProviderError> {
        unreachable!("apply asks no metric")
    }
}

impl FakeAws {
    async fn carry_out(
        &self,
        target: &AccountTarget,
        step: &ProviderStep,
        place: &str,
    ) -> Result<Attrs, ProviderError> {
        let kind = step.kind;
        let name = |op: &str| format!("{op} {}", step.address);
        let after = step.after.clone().unwrap_or_default();
        match step.op {
            Op::Create if kind == "account" => {
                self.request(target, &name("CreateAccount"), |world| {
                    world.next += 1;
                    let id = format!("car-{}", world.next);
                    world.requests.insert(id.clone(), (after.clone(), 0));
                    Ok([(REQUEST.to_owned(), Value::string(id))].into())
                })
                .await
            }
            Op::Wait => {
                let request = step.target.clone().expect("wait names its request");
                self.request(target, &name("DescribeCreateAccountStatus"), |world| {
                    let (attrs, polls) =
                        world.requests.get_mut(&request).ok_or(Failure::NotFound)?;
                    *polls += 1;
                    let attrs = attrs.clone();
                    if *polls < 3 {
                        return Err(Failure::NotYetVisible);
                    }
                    let key = ("org".to_owned(), kind, key_of(kind, &attrs));
                    if let Some(there) = world.objects.get(&key) {
                        let mine = there.get(REQUEST).and_then(Value::as_str) == Some(&request);
                        return if mine { Ok(there.clone()) } else { Err(Failure::AlreadyExists) };
                    }
                    world.next += 1;
                    let mut object = attrs;
                    let id = format!("{:012}", 100_000_000_000_u64 + world.next);
                    object.insert("id".into(), Value::string(id));
                    object.insert(REQUEST.to_owned(), Value::string(request.clone()));
                    world.created.push(format!("{} {kind} {}", key.0, key.2));
                    world.objects.insert(key, object.clone());
                    Ok(object)
                })
                .await
            }
            Op::Create => {
                let key = (place.to_owned(), kind, key_of(kind, &after));
                let inline = after.get("inline_policies").cloned();
                let mut made = self
                    .request(target, &name("Create"), |world| {
                        world.enter(place)?;
                        if world.objects.contains_key(&key) {
                            return Err(Failure::AlreadyExists);
                        }
                        world.next += 1;
                        let mut object = after.clone();
                        object.remove("inline_policies");
                        object.remove("targets");
                        object.insert("id".into(), Value::string(format!("id-{}", world.next)));
                        world.created.push(format!("{} {kind} {}", key.0, key.2));
                        world.objects.insert(key.clone(), object.clone());
                        Ok(object)
                    })
                    .await?;
                if let Some(inline) = inline {
                    self.request(target, &name("PutRolePolicy"), |world| {
                        let object = world.objects.get_mut(&key).ok_or(Failure::NotFound)?;
                        object.insert("inline_policies".into(), inline.clone());
                        Ok(())
                    })
                    .await?;
                    made.insert("inline_policies".into(), inline);
                }
                Ok(made)
            }
            Op::Update | Op::Move => {
                assert!(!step.changed.is_empty(), "{}: nothing to change", step.address);
                let key = key_of(kind, step.before.as_ref().expect("an update has a before"));
                self.request(target, &name("Update"), |world| {
                    let (_, object) = world.find(place, kind, &key).ok_or(Failure::NotFound)?;
                    for path in &step.changed {
                        let root = path.root().unwrap();
                        object
                            .insert(root.to_owned(), after.get(root).cloned().unwrap_or_default());
                    }
                    Ok(object.clone())
                })
                .await
            }
            Op::Attach | Op::Detach => {
                let key = key_of(kind, step.before.as_ref().expect("it is there"));
                let at = Value::string(step.target.clone().expect("a target"));
                self.request(target, &name("Attach"), |world| {
                    let (_, object) = world.find(place, kind, &key).ok_or(Failure::NotFound)?;
                    let mut targets: BTreeSet<Value> = object
                        .get("targets")
                        .and_then(Value::elements)
                        .into_iter()
                        .flatten()
                        .cloned()
                        .collect();
                    let changed = match step.op {
                        Op::Attach => targets.insert(at.clone()),
                        _ => targets.remove(&at),
                    };
                    if !changed {
                        return Err(if step.op == Op::Attach {
                            Failure::AlreadyExists
                        } else {
                            Failure::NotFound
                        });
                    }
                    object.insert("targets".into(), Value::List(targets.into_iter().collect()));
                    Ok(Attrs::new())
                })
                .await
            }
            Op::Delete => {
                let key = key_of(kind, step.before.as_ref().expect("it is there"));
                self.request(target, &name("Delete"), |world| {
                    let found = world.find(place, kind, &key).map(|(k, _)| k.clone());
                    world.objects.remove(&found.ok_or(Failure::NotFound)?);
                    Ok(Attrs::new())
                })
                .await
            }
        }
    }
}
