//! A small estate made by hand, and a planner for it that is simple enough to be believed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use palisade::address::ResourceAddr;
use palisade::apply::{
    self, Apply, ApplyEvent, ApplyLimits, ApplySummary, Cancel, Desired, Inspection, Recovery,
    SecretValue, Secrets,
};
use palisade::diag::{Diagnostic, Diagnostics};
use palisade::ids::Handle;
use palisade::plan::Targets;
use palisade::plan::model::{
    Action, InterruptedRun, Operation, OperationKind, OperationTarget, Plan, ResourceChange,
    ScopeBasis, StateBasis,
};
use palisade::provider::{AccountTarget, Provider};
use palisade::schema::kinds;
use palisade::state::layout::scope_of;
use palisade::state::{LeaseHolder, Ledger, Snapshot, StateError, Terms};
use palisade::value::{Attrs, Plain, Value};
use serde_json::{Value as Json, json};

use super::fake::{FakeAws, Power};
use super::store::MemoryStore;
use crate::support::clock::SkippingClock;

pub(crate) const SECRET: &str = "hunter2-correct-horse";

/// A declared object: attributes in which `${ADDRESS}` stands for the id of another.
#[derive(Clone)]
pub(crate) struct Declared {
    pub address: ResourceAddr,
    pub attrs: Json,
    pub after: Vec<ResourceAddr>,
}

pub(crate) fn address(text: &str) -> ResourceAddr {
    text.parse().unwrap()
}

fn declared(text: &str, attrs: Json, after: &[&str]) -> Declared {
    let mut attrs = attrs;
    attrs["tags"] = json!({ "palisade:address": format!("v1:{text}") });
    Declared { address: address(text), attrs, after: after.iter().map(|a| address(a)).collect() }
}

/// A unit, two accounts in it, a guardrail on it, roles and parameters in each account.
pub(crate) fn estate(roles: usize) -> Vec<Declared> {
    let ou = "organizational_unit.prod";
    let mut all = vec![
        declared(ou, json!({"name": "prod", "parent": "root"}), &[]),
        declared(
            "service_control_policy.guard",
            json!({"name": "guard", "content": {"Statement": []}, "targets": [format!("${{{ou}}}")]}),
            &[ou],
        ),
    ];
    for account in ["dev", "live"] {
        let owner = format!("account.{account}");
        all.push(declared(
            &owner,
            json!({"name": account, "email": format!("{account}@example.com"), "parent": format!("${{{ou}}}")}),
            &[ou],
        ));
        for n in 0..roles {
            all.push(declared(
                &format!("iam_role.r{n}@{account}"),
                json!({"name": format!("r{n}"), "path": "/", "assume_role_policy": {"Account": format!("${{{owner}}}")},
                       "inline_policies": {"p": {"Statement": [{"Sid": n.to_string()}]}}}),
                &[&owner],
            ));
        }
        all.push(declared(
            &format!("environment.{account}.config.app[\"token\"]@{account}"),
            json!({"name": format!("/x/{account}/token"), "type": "SecureString", "value": {"secret": "env:TOKEN"}}),
            &[&owner, &format!("iam_role.r0@{account}")],
        ));
    }
    all
}

/// Resolves `${ADDRESS}` by what was learned.
#[derive(Default)]
pub(crate) struct World {
    pub declared: BTreeMap<ResourceAddr, Declared>,
    ids: Mutex<BTreeMap<String, String>>,
}

impl World {
    pub(crate) fn new(declared: &[Declared], snapshot: &Snapshot) -> Self {
        let world = Self {
            declared: declared.iter().map(|d| (d.address.clone(), d.clone())).collect(),
            ids: Mutex::default(),
        };
        for (address, record) in snapshot.resources() {
            if let Some(id) = record.attrs.get("id").and_then(|id| id.as_str()) {
                world.ids.lock().unwrap().insert(address.to_string(), id.to_owned());
            }
        }
        world
    }

    /// Attributes as far as they are known; true when something is not.
    pub(crate) fn known(&self, declared: &Declared) -> (Json, bool) {
        let ids = self.ids.lock().unwrap();
        let mut text = declared.attrs.to_string();
        for (address, id) in ids.iter() {
            text = text.replace(&format!("${{{address}}}"), id);
        }
        let unknown = text.contains("${");
        (serde_json::from_str(&text).unwrap(), unknown)
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Object(o) if o.len() == 1 && o.contains_key("secret") => {
            Value::Secret(o["secret"].as_str().unwrap().to_owned())
        }
        Json::Object(o) => Value::Map(o.iter().map(|(k, v)| (k.clone(), value(v))).collect()),
        other => Value::from_json(other),
    }
}

impl Desired for World {
    fn resolve(&self, address: &ResourceAddr) -> Result<Attrs, Diagnostics> {
        let (json, unknown) = self.known(&self.declared[address]);
        if unknown {
            return Err(Diagnostic::error(format!("`{address}` is not known yet")).into());
        }
        Ok(json.as_object().unwrap().iter().map(|(k, v)| (k.clone(), value(v))).collect())
    }

    fn learned(&self, address: &ResourceAddr, attrs: &Attrs) {
        if let Some(id) = attrs.get("id").and_then(Value::as_str) {
            self.ids.lock().unwrap().insert(address.to_string(), id.to_owned());
        }
    }
}

pub(crate) struct Vault;

#[async_trait]
impl Secrets for Vault {
    async fn resolve(&self, reference: &str) -> Result<SecretValue, Diagnostic> {
        assert_eq!(reference, "env:TOKEN");
        Ok(SecretValue::of(SECRET))
    }
}

/// Where a live object stands.
fn place(address: &ResourceAddr, snapshot: &Snapshot) -> String {
    match address.account() {
        None => "org".into(),
        Some(handle) => {
            let account = snapshot
                .resources()
                .get(&super::estate::address(&format!("account.{handle}")))
                .cloned();
            let id = account
                .and_then(|a| a.attrs.get("id").and_then(|id| id.as_str()).map(str::to_owned));
            id.unwrap_or_else(|| "nowhere".into())
        }
    }
}

fn plain(attrs: &Attrs) -> Json {
    Json::Object(attrs.iter().map(|(k, v)| (k.clone(), v.to_json())).collect())
}

/// What is left to do: creates what is declared and not recorded, changes what differs, deletes what
/// is recorded and not declared. `adopt` must stay empty: objects that are there, ours, and unrecorded.
pub(crate) fn plan(declared: &[Declared], snapshot: &Snapshot, aws: &FakeAws) -> Plan {
    let world = World::new(declared, snapshot);
    let resources = snapshot.resources();
    let mut changes: BTreeMap<ResourceAddr, ResourceChange> = BTreeMap::new();
    let mut operations: Vec<Operation> = Vec::new();
    let mut last: BTreeMap<ResourceAddr, u32> = BTreeMap::new();
    let mut add = |op, address: &ResourceAddr, after: Vec<u32>, target| {
        let id = operations.len() as u32 + 1;
        let scope = scope_of(address);
        let address = address.clone();
        operations.push(Operation { id, op, address, scope, after, target, interim: false });
        id
    };
    for object in declared {
        let kind = kinds::kind(&object.address.kind).unwrap();
        let (after, unknown) = world.known(object);
        let recorded = resources.get(&object.address);
        let place = place(&object.address, snapshot);
        let live = recorded.and_then(|r| aws.object(&place, kind.schema().kind, &r.key));
        let before_ids: Vec<u32> =
            object.after.iter().filter_map(|a| last.get(a).copied()).collect();
        let mut action = Action::NoOp;
        let targets = |json: &Json| -> BTreeSet<String> {
            let list = json.get("targets").and_then(Json::as_array).cloned().unwrap_or_default();
            list.iter().filter_map(|t| t.as_str().map(str::to_owned)).collect()
        };
        let wanted_targets = targets(&after);
        let live_json = live.as_ref().map(plain);
        let has_targets = live_json.as_ref().map(&targets).unwrap_or_default();
        match (&live, recorded) {
            (None, _) => {
                action = Action::Create;
                let mut id = add(OperationKind::Create, &object.address, before_ids, None);
                if kind.schema().asynchronous {
                    id = add(OperationKind::Wait, &object.address, vec![id], None);
                }
                last.insert(object.address.clone(), id);
            }
            (Some(_), _) => {
                let differs = after.as_object().unwrap().iter().any(|(name, wanted)| {
                    name != "targets"
                        && wanted.get("secret").is_none()
                        && live_json.as_ref().unwrap().get(name) != Some(wanted)
                });
                let secret_lost = after["value"].get("secret").is_some()
                    && recorded.is_none_or(|r| {
                        r.attrs["value"].as_map().is_none_or(|v| !v.contains_key("fingerprint"))
                    });
                if differs || secret_lost {
                    action = Action::Update;
                    let id = add(OperationKind::Update, &object.address, before_ids, None);
                    last.insert(object.address.clone(), id);
                }
            }
        }
        for target in wanted_targets.difference(&has_targets) {
            let own = last.get(&object.address).copied();
            let unknown = target.strip_prefix("${").and_then(|t| t.strip_suffix('}'));
            let target = match unknown {
                Some(text) => OperationTarget::IdOf(address(text)),
                None => OperationTarget::Id(target.clone()),
            };
            if action == Action::NoOp {
                action = Action::Update;
            }
            let id = add(
                OperationKind::Attach,
                &object.address,
                own.into_iter().collect(),
                Some(target),
            );
            last.insert(object.address.clone(), id);
        }
        let unknown_paths = if unknown { vec!["$.x".to_owned()] } else { vec![] };
        changes.insert(
            object.address.clone(),
            change(
                &object.address,
                action,
                recorded.map(|r| r.key.clone()),
                live_json,
                Some(after),
                unknown_paths,
                &object.after,
            ),
        );
    }
    let names: BTreeSet<&ResourceAddr> = declared.iter().map(|d| &d.address).collect();
    let gone: Vec<_> = resources.iter().filter(|(a, _)| !names.contains(a)).collect();
    let mut deletes: BTreeMap<ResourceAddr, u32> = BTreeMap::new();
    // Dependants first: by falling depth of what was recorded.
    let depth = |a: &ResourceAddr| {
        let mut depth = 0;
        let mut at: BTreeSet<ResourceAddr> = [a.clone()].into();
        while !at.is_empty() {
            at = at
                .iter()
                .filter_map(|x| resources.get(x))
                .flat_map(|r| r.depends_on.clone())
                .collect();
            depth += 1;
        }
        depth
    };
    let mut order = gone.clone();
    order.sort_by_key(|(a, _)| std::cmp::Reverse(depth(a)));
    for (gone_address, record) in order {
        let kind = kinds::kind(&gone_address.kind).unwrap();
        let live = aws.object(&place(gone_address, snapshot), kind.schema().kind, &record.key);
        let before: Vec<u32> = gone
            .iter()
            .filter(|(_, r)| r.depends_on.contains(gone_address))
            .filter_map(|(a, _)| deletes.get(*a).copied())
            .collect();
        let op =
            if kind.schema().asynchronous { OperationKind::Forget } else { OperationKind::Delete };
        let action = if op == OperationKind::Forget { Action::Forget } else { Action::Delete };
        deletes.insert(gone_address.clone(), add(op, gone_address, before, None));
        changes.insert(
            gone_address.clone(),
            change(
                gone_address,
                action,
                Some(record.key.clone()),
                live.as_ref().map(plain),
                None,
                vec![],
                &[],
            ),
        );
    }
    let scopes = snapshot
        .versions()
        .into_iter()
        .map(|(name, (serial, etag))| (name, ScopeBasis { serial, etag }))
        .collect();
    Plan {
        estate: palisade::plan::model::PlanEstate::default(),
        format_version: "1.0".into(),
        palisade_version: "0".into(),
        generated_at: String::new(),
        digest: "sha256:plan".into(),
        principals: Default::default(),
        audit_head: None,
        state: StateBasis { lineage: snapshot.lineage.clone(), scopes },
        selection: Default::default(),
        summary: Default::default(),
        accounts: vec![],
        resource_changes: changes.into_values().collect(),
        operations,
        recovery: vec![],
        secret_sources: Default::default(),
        drift: vec![],
        unread: vec![],
        refreshed: true,
        isolation: Default::default(),
        limits: vec![],
        checks: vec![],
        outputs: BTreeMap::new(),
        outputs_changed: vec![],
        diagnostics: vec![],
        planned: Default::default(),
    }
}

/// Attributes as a plan holds them.
fn plan_form(json: Json) -> Plain {
    serde_json::from_value(json).expect("an object")
}

pub(crate) fn change(
    address: &ResourceAddr,
    action: Action,
    key: Option<String>,
    before: Option<Json>,
    after: Option<Json>,
    unknown: Vec<String>,
    depends_on: &[ResourceAddr],
) -> ResourceChange {
    let schema = kinds::kind(&address.kind).unwrap().schema();
    ResourceChange {
        address: address.clone(),
        display: address.to_string(),
        kind: address.kind.clone(),
        account: address.account().cloned(),
        environments: vec![],
        category: schema.category,
        action,
        reason: None,
        location: None,
        key,
        before: before.map(plan_form),
        after: after.map(plan_form),
        after_unknown: unknown,
        after_partial: BTreeMap::new(),
        sensitive: vec![],
        changed: vec![],
        replace_because: vec![],
        create_before_destroy: false,
        policy_diff: vec![],
        previous_address: None,
        depends_on: depends_on.to_vec(),
    }
}

pub(crate) fn targets(snapshot: &Snapshot) -> Targets {
    let target = |handle: &str, management: bool| {
        let id = match place(&address(&format!("iam_role.x@{handle}")), snapshot).parse() {
            Ok(id) => Some(id),
            Err(_) if management => "111111111111".parse().ok(),
            Err(_) => None,
        };
        AccountTarget {
            handle: handle.parse().unwrap(),
            id,
            management,
            access_role: "Access".into(),
            read_role: "Read".into(),
            region: "eu-west-1".parse().unwrap(),
            endpoint_url: None,
        }
    };
    let accounts = ["dev", "live"].map(|h| (h.parse::<Handle>().unwrap(), target(h, false)));
    Targets { management: target("management", true), accounts: accounts.into() }
}

pub(crate) fn accounts() -> BTreeMap<ResourceAddr, Handle> {
    ["dev", "live"].map(|h| (address(&format!("account.{h}")), h.parse().unwrap())).into()
}

/// A machine that runs Palisade against one AWS and one store.
pub(crate) struct Lab {
    pub power: Arc<Power>,
    pub aws: Arc<FakeAws>,
    pub store: Arc<MemoryStore>,
    pub ledger: Ledger,
    pub clock: Arc<SkippingClock>,
    pub dir: tempfile::TempDir,
    pub terms: Terms,
    pub limits: ApplyLimits,
    pub events: Mutex<Vec<ApplyEvent>>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let power = Arc::new(Power::default());
        let store = Arc::new(MemoryStore::new(Arc::clone(&power)));
        let clock = Arc::new(SkippingClock::default());
        let ledger = Ledger::with_clock(
            Arc::clone(&store) as Arc<dyn palisade::state::StateStore>,
            Arc::clone(&clock) as Arc<dyn palisade::state::Clock>,
        );
        Self {
            aws: Arc::new(FakeAws::new(Arc::clone(&power))),
            power,
            store,
            ledger,
            clock,
            dir: tempfile::tempdir().unwrap(),
            terms: Terms::default(),
            limits: ApplyLimits::default(),
            events: Mutex::default(),
        }
    }

    pub(crate) fn holder(run: &str) -> LeaseHolder {
        LeaseHolder {
            who: format!("arn:aws:iam::111111111111:user/{run}"),
            host: "lab".into(),
            pid: 1,
            process: None,
            operation: "apply".into(),
            run: run.into(),
        }
    }

    pub(crate) async fn snapshot(&self) -> Snapshot {
        self.ledger.read_all().await.unwrap()
    }

    pub(crate) async fn apply(
        &self,
        run: &str,
        declared: &[Declared],
        plan: &Plan,
    ) -> Result<ApplySummary, StateError> {
        self.apply_with(run, declared, plan, Cancel::new()).await
    }

    pub(crate) async fn apply_with(
        &self,
        run: &str,
        declared: &[Declared],
        plan: &Plan,
        cancel: Cancel,
    ) -> Result<ApplySummary, StateError> {
        let snapshot = self.snapshot().await;
        let world = World::new(declared, &snapshot);
        let (events, mut inbox) = tokio::sync::mpsc::unbounded_channel();
        let result = apply::apply(Apply {
            plan,
            ledger: self.ledger.clone(),
            provider: Arc::clone(&self.aws) as Arc<dyn Provider>,
            desired: &world,
            secrets: Arc::new(Vault),
            targets: targets(&snapshot),
            accounts: accounts(),
            holder: Self::holder(run),
            terms: self.terms,
            lock_timeout: Duration::ZERO,
            limits: self.limits,
            recheck: None,
            reason: None,
            errored_dir: self.dir.path().to_owned(),
            events,
            cancel,
        })
        .await;
        while let Ok(event) = inbox.try_recv() {
            self.events.lock().unwrap().push(event);
        }
        result
    }

    pub(crate) async fn recover(&self, run: &str) -> Result<apply::recover::Recovered, StateError> {
        let (events, _inbox) = tokio::sync::mpsc::unbounded_channel();
        let snapshot = self.snapshot().await;
        apply::recover(&Recovery {
            ledger: &self.ledger,
            provider: Arc::clone(&self.aws) as Arc<dyn Provider>,
            targets: targets(&snapshot),
            accounts: accounts(),
            holder: Self::holder(run),
            terms: self.terms,
            lock_timeout: Duration::from_secs(3600),
            events,
            cancel: Cancel::new(),
        })
        .await
    }

    /// What a plan shows of runs that were interrupted, and the state as it counts with it.
    pub(crate) async fn inspect(&self) -> (Vec<InterruptedRun>, Snapshot) {
        let mut snapshot = self.snapshot().await;
        let inspection = Inspection {
            ledger: &self.ledger,
            provider: Arc::clone(&self.aws) as Arc<dyn Provider>,
            targets: targets(&snapshot),
            accounts: accounts(),
        };
        let left = apply::inspect(&inspection, &mut snapshot).await.unwrap();
        (left, snapshot)
    }

    /// Plans and applies until nothing is left; asserts that it succeeds.
    pub(crate) async fn converge(&self, run: &str, declared: &[Declared]) -> ApplySummary {
        let plan = plan(declared, &self.snapshot().await, &self.aws);
        let summary = self.apply(run, declared, &plan).await.unwrap();
        assert!(summary.is_success(), "{summary:#?}");
        let left = super::estate::plan(declared, &self.snapshot().await, &self.aws);
        assert_eq!(left.operations, [], "{run}: not converged");
        summary
    }
}
