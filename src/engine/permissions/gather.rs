//! Who calls what, as the configuration says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use super::{CallingPrincipal, PermissionStatement, PermittedOperation};
use crate::address::ResourceAddr;
use crate::config::Backend;
use crate::eval::ValueSource;
use crate::eval::estate::{Estate, Instance};
use crate::ids::{AccountId, Handle, Partition};
use crate::live::Targets;
use crate::provider::aws::permissions;
use crate::provider::{AccountTarget, PolicyTypes};
use crate::schema::data::Lookup;
use crate::schema::{AccessPart, Home, access_of, kinds};
use crate::state::layout;
use crate::value::{Attrs, Value};

/// Nothing exists, and nothing is looked up: what a `data` block tells is unknown.
#[derive(Debug, Default)]
pub(super) struct UnaskedLookups(Mutex<BTreeSet<Lookup>>);

impl UnaskedLookups {
    /// What was asked for.
    pub(super) fn lookups(&self) -> BTreeSet<Lookup> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ValueSource for UnaskedLookups {
    fn attrs(&self, _address: &ResourceAddr) -> Option<Attrs> {
        None
    }

    fn is_deferred(&self, lookup: &Lookup) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(lookup.clone());
        true
    }
}

/// Somebody who calls: an account's role by its account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NeedyKey {
    pub(super) principal: CallingPrincipal,
    pub(super) account: Option<Handle>,
    /// Whether it reads for those who change, which are others.
    pub(super) only_reads: bool,
}

impl NeedyKey {
    fn of(principal: CallingPrincipal) -> Self {
        Self { principal, account: None, only_reads: false }
    }
}

/// What a statement allows, by everything else that it says.
pub(super) type Needs = BTreeMap<NeedyKey, BTreeMap<StatementKey, BTreeSet<String>>>;

/// A statement without its actions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StatementKey {
    pub(super) sid: &'static str,
    pub(super) resources: BTreeSet<String>,
    pub(super) via_service: Option<String>,
    pub(super) is_upper_bound: bool,
}

impl StatementKey {
    fn on(sid: &'static str, resources: impl IntoIterator<Item = String>) -> Self {
        let resources = resources.into_iter().collect();
        Self { sid, resources, via_service: None, is_upper_bound: false }
    }

    fn anywhere(sid: &'static str) -> Self {
        Self::on(sid, ["*".to_owned()])
    }

    /// The statement with these actions.
    pub(super) fn with(&self, actions: BTreeSet<String>) -> PermissionStatement {
        PermissionStatement {
            sid: self.sid.to_owned(),
            actions: actions.into_iter().collect(),
            resources: self.resources.iter().cloned().collect(),
            via_service: self.via_service.clone(),
            is_upper_bound: self.is_upper_bound,
        }
    }
}

struct Gathering<'a> {
    estate: &'a Estate,
    targets: Targets,
    partition: Partition,
    is_apply: bool,
    /// Types of resources whose policies are read.
    policies: &'a PolicyTypes,
    needs: Needs,
}

/// Everything that is called.
pub(super) fn needs(
    estate: &Estate,
    backend: Option<&Backend>,
    lookups: &BTreeSet<Lookup>,
    policies: &PolicyTypes,
    operation: PermittedOperation,
    notes: &mut Vec<String>,
) -> Needs {
    let management = management_account(estate);
    let targets = Targets::of(estate, management.as_ref());
    let partition = Partition::of_region(estate.provider.region.as_str());
    let is_apply = operation == PermittedOperation::Apply;
    let mut gathering =
        Gathering { estate, targets, partition, is_apply, policies, needs: BTreeMap::new() };
    gathering.state(backend);
    gathering.secrets();
    gathering.organization();
    gathering.accounts();
    gathering.lookups(lookups);
    if is_apply {
        gathering.changes();
        let has_readers = gathering.targets.accounts.values().any(|target| {
            !target.management
                && target.endpoint_url.is_none()
                && target.read_role != target.access_role
        });
        if has_readers {
            notes.push("an apply whose read role does not exist yet reads through the access role: such an apply needs what a plan needs there, too".to_owned());
        }
        notes.push("objects that only the state still knows are deleted with what the configuration that declared them needed: ask before their blocks go".to_owned());
    }
    let mut may_be_management = gathering
        .targets
        .accounts
        .values()
        .filter(|target| target.id.is_some() && target.endpoint_url.is_none());
    if management.is_none()
        && let Some(target) = may_be_management.next()
    {
        notes.push(format!(
            "which account is the management account is not known: write `management_account_id` in the `organization` block if `account.{}` may be it",
            target.handle
        ));
    }
    gathering.needs
}

/// The management account, where the block of the organization names it.
fn management_account(estate: &Estate) -> Option<AccountId> {
    estate.instances.iter().find_map(|(address, instance)| match access_of(&address.kind) {
        Some(AccessPart::Organization(of)) => {
            instance.desired.get(of.management_account)?.as_str()?.parse().ok()
        }
        _ => None,
    })
}

impl Gathering<'_> {
    fn add<S: Into<String>>(
        &mut self,
        who: &NeedyKey,
        statement: StatementKey,
        actions: impl IntoIterator<Item = S>,
    ) {
        let mut actions = actions.into_iter().map(Into::into).peekable();
        if actions.peek().is_some() {
            let statements = self.needs.entry(who.clone()).or_default();
            statements.entry(statement).or_default().extend(actions);
        }
    }

    fn caller() -> NeedyKey {
        NeedyKey::of(CallingPrincipal::Caller)
    }

    /// Who is the management account's.
    fn manager(&self) -> NeedyKey {
        match &self.estate.provider.management_role_arn {
            Some(arn) => NeedyKey::of(CallingPrincipal::Role(arn.clone())),
            None => Self::caller(),
        }
    }

    /// Who reads an account, or changes it; nobody of AWS's in an emulated one.
    fn role(&self, target: &AccountTarget, changes: bool) -> Option<NeedyKey> {
        if target.endpoint_url.is_some() {
            return None;
        }
        if target.management {
            return Some(self.manager());
        }
        let role = if changes { &target.access_role } else { &target.read_role };
        let principal = CallingPrincipal::AccountRole(role.clone());
        let only_reads = !changes && target.read_role != target.access_role;
        Some(NeedyKey { principal, account: Some(target.handle.clone()), only_reads })
    }

    fn state(&mut self, backend: Option<&Backend>) {
        let Some(Backend::S3 {
            bucket, prefix, region, kms_key_id, role_arn, endpoint_url, ..
        }) = backend
        else {
            return;
        };
        if endpoint_url.is_some() {
            return;
        }
        let caller = Self::caller();
        let who = match role_arn {
            Some(arn) => {
                let assumed = StatementKey::on("StateRole", [arn.clone()]);
                self.add(&caller, assumed, ["sts:AssumeRole"]);
                NeedyKey::of(CallingPrincipal::Role(arn.clone()))
            }
            None => caller,
        };
        let bucket = format!("arn:{}:s3:::{bucket}", self.partition);
        let below = |keys: &[&str]| -> Vec<String> {
            keys.iter().map(|key| format!("{bucket}/{prefix}{key}")).collect()
        };
        let itself = StatementKey::on("StateBucket", [bucket.clone()]);
        self.add(&who, itself.clone(), ["s3:ListBucket", "s3:ListBucketVersions"]);
        let records = StatementKey::on("StateObjects", below(&["*"]));
        self.add(&who, records.clone(), ["s3:GetObject", "s3:GetObjectVersion"]);
        if self.is_apply {
            // A bucket that keeps no versions is not written to.
            self.add(&who, itself, ["s3:GetBucketVersioning"]);
            self.add(&who, records, ["s3:PutObject"]);
            let journals = format!("{}*", layout::journals("*"));
            let journals = StatementKey::on("StateJournals", below(&[&journals]));
            self.add(&who, journals, ["s3:DeleteObject"]);
        }
        if let Some(key) = kms_key_id {
            let region = region.as_deref().unwrap_or(self.estate.provider.region.as_str());
            let statement = of_key("StateKey", key, format!("s3.{region}.amazonaws.com"));
            self.add(&who, statement.clone(), ["kms:Decrypt"]);
            if self.is_apply {
                self.add(&who, statement, ["kms:GenerateDataKey"]);
            }
        }
    }

    /// Where secrets come from: SSM in the account that calls.
    fn secrets(&mut self) {
        let mut paths = BTreeSet::new();
        for instance in self.estate.instances.values() {
            for (_, value) in &instance.desired {
                if let Value::Secret(reference) = value.reveal()
                    && let Some(path) = reference.strip_prefix("ssm:")
                {
                    paths.insert(parameter_arn(self.partition, path));
                }
            }
        }
        if paths.is_empty() {
            return;
        }
        let caller = Self::caller();
        let described = StatementKey::anywhere("SecretVersions");
        self.add(&caller, described, ["ssm:DescribeParameters"]);
        let sources = StatementKey::on("SecretSources", paths);
        self.add(&caller, sources.clone(), ["ssm:GetParameters"]);
        if self.is_apply {
            self.add(&caller, sources, ["ssm:GetParameter"]);
            let region = &self.estate.provider.region;
            let key = of_key("SecretKeys", "*", format!("ssm.{region}.amazonaws.com"));
            self.add(&caller, key, ["kms:Decrypt"]);
        }
    }

    fn organization(&mut self) {
        let manager = self.manager();
        if let Some(arn) = self.estate.provider.management_role_arn.clone() {
            let statement = StatementKey::on("ManagementRole", [arn]);
            self.add(&Self::caller(), statement, ["sts:AssumeRole"]);
        }
        let actions = permissions::of_organization_read();
        self.add(&manager, StatementKey::anywhere("Organization"), actions);
        // What a policy of AWS's permits is read through the management account while no account can be read.
        let all = self.estate.instances.values().flat_map(|instance| &instance.desired);
        if all.into_iter().any(|(_, value)| names_policy_of_aws(value)) {
            let of_aws = format!("arn:{}:iam::aws:policy/*", self.partition);
            let statement = StatementKey::on("PoliciesOfAws", [of_aws]);
            self.add(&manager, statement, ["iam:GetPolicy", "iam:GetPolicyVersion"]);
        }
    }

    fn accounts(&mut self) {
        let targets: Vec<AccountTarget> = self.targets.accounts.values().cloned().collect();
        let mut roles = BTreeSet::new();
        for target in &targets {
            let Some(reader) = self.role(target, false) else { continue };
            self.in_account(&reader, permissions::of_account_read());
            let policies = permissions::of_policy_read(self.policies);
            if target.endpoint_url.is_none() && !policies.is_empty() {
                self.add(&reader, StatementKey::anywhere("ResourcePolicies"), policies);
            }
            if !target.management {
                roles.insert(role_arn(target, &target.read_role));
                if self.is_apply {
                    roles.insert(role_arn(target, &target.access_role));
                }
            }
        }
        // The handlers that read what is declared.
        let placed: Vec<(&ResourceAddr, &Instance)> = self.estate.instances.iter().collect();
        for (address, _) in placed {
            let target = address.account().and_then(|account| self.targets.accounts.get(account));
            let reader = target.and_then(|target| self.role(target, false));
            let (Some(reader), Some(of)) = (reader, permissions::of_kind(&address.kind)) else {
                continue;
            };
            if let Some(service) = of.served_by {
                self.served(&reader, service.reads, of.bulk);
            } else if place_of(address) == Some(Home::Account) {
                self.in_account(&reader, of.marks);
            }
        }
        if !roles.is_empty() {
            let manager = self.manager();
            self.add(&manager, StatementKey::on("Accounts", roles), ["sts:AssumeRole"]);
        }
    }

    fn lookups(&mut self, lookups: &BTreeSet<Lookup>) {
        for lookup in lookups {
            let actions = permissions::of_lookup(lookup);
            let account = match lookup {
                Lookup::Caller | Lookup::Administration | Lookup::EffectivePolicy { .. } => None,
                Lookup::Parameter { account, .. } => Some(account),
                Lookup::Object { account, .. } => account.as_ref(),
            };
            let Some(account) = account else {
                let manager = self.manager();
                self.add(&manager, StatementKey::anywhere("Organization"), actions);
                continue;
            };
            let target = self.targets.accounts.get(account);
            let Some(reader) = target.and_then(|target| self.role(target, false)) else { continue };
            match lookup {
                Lookup::Parameter { name, .. } => {
                    let named = parameter_arn(self.partition, name);
                    self.add(&reader, StatementKey::on("LookedUp", [named]), actions);
                }
                _ => self.in_account(&reader, actions),
            }
        }
    }

    fn changes(&mut self) {
        let instances: Vec<(&ResourceAddr, &Instance)> = self.estate.instances.iter().collect();
        for (address, instance) in instances {
            let Some(of) = permissions::of_kind(&address.kind) else { continue };
            let who = match place_of(address) {
                Some(Home::Organization) => Some(self.manager()),
                Some(Home::Account) => {
                    let target = address.account().and_then(|a| self.targets.accounts.get(a));
                    target.and_then(|target| self.role(target, true))
                }
                None => None,
            };
            let Some(who) = who else { continue };
            if let Some(service) = of.served_by {
                self.served(&who, service.reads, of.reads);
                self.served(&who, service.changes, of.changes);
                continue;
            }
            let mut actions = of.reads;
            actions.extend(of.changes);
            for only in of.conditional {
                let is_so = instance.body.get(only.attr).is_some_and(|given| match only.value {
                    Some(value) => given.value.as_str() == Some(value),
                    None => !given.value.is_null(),
                });
                if is_so {
                    actions.extend(only.actions.iter().map(|action| (*action).to_owned()));
                }
            }
            match place_of(address) {
                Some(Home::Organization) => {
                    self.add(&who, StatementKey::anywhere("Organization"), actions);
                }
                _ => self.in_account(&who, actions),
            }
        }
    }

    /// Actions on what stands in an account. Parameters are the estate's own; keys are those that values are encrypted
    /// under by SSM.
    fn in_account(&mut self, who: &NeedyKey, actions: BTreeSet<String>) {
        // AWS grants it on everything alone.
        const UNNARROWED: &str = "ssm:DescribeParameters";
        let is_narrowed = |action: &String| action.starts_with("ssm:") && action != UNNARROWED;
        let (parameters, others): (BTreeSet<String>, BTreeSet<String>) =
            actions.into_iter().partition(is_narrowed);
        let (keys, others): (BTreeSet<String>, BTreeSet<String>) =
            others.into_iter().partition(|action| action.starts_with("kms:"));
        let path = format!("arn:{}:ssm:*:*:parameter/{}", self.partition, self.estate.name);
        let below = format!("{path}/*");
        self.add(who, StatementKey::on("Parameters", [path, below]), parameters);
        self.add(who, of_key("ParameterKeys", "*", "ssm.*.amazonaws.com".to_owned()), keys);
        self.add(who, StatementKey::anywhere("AccountObjects"), others);
    }

    /// Actions of a service that calls others for the caller.
    fn served(&mut self, who: &NeedyKey, service: &[&str], handlers: BTreeSet<String>) {
        self.add(who, StatementKey::anywhere("CloudControl"), service.iter().copied());
        let statement =
            StatementKey { is_upper_bound: true, ..StatementKey::anywhere("ResourceTypes") };
        self.add(who, statement, handlers);
    }
}

fn names_policy_of_aws(value: &Value) -> bool {
    match value.reveal() {
        Value::String(text) => text.contains(":iam::aws:policy/"),
        value => value.elements().into_iter().flatten().any(names_policy_of_aws),
    }
}

fn place_of(address: &ResourceAddr) -> Option<Home> {
    kinds::kind(&address.kind).map(|kind| kind.schema().home)
}

/// A key by its ARN, or every key where its name is none; through the service that uses it.
fn of_key(sid: &'static str, key: &str, service: String) -> StatementKey {
    let is_exact = key.starts_with("arn:") && key.contains(":key/");
    let resource = if is_exact { key.to_owned() } else { "*".to_owned() };
    StatementKey { via_service: Some(service), ..StatementKey::on(sid, [resource]) }
}

fn parameter_arn(partition: Partition, path: &str) -> String {
    // Without the version or label that may follow.
    if path.starts_with("arn:") {
        let parts: Vec<&str> = path.splitn(7, ':').take(6).collect();
        return parts.join(":");
    }
    let name = path.split(':').next().unwrap_or(path).trim_start_matches('/');
    format!("arn:{partition}:ssm:*:*:parameter/{name}")
}

fn role_arn(target: &AccountTarget, role: &str) -> String {
    if role.starts_with("arn:") {
        return role.to_owned();
    }
    let partition = Partition::of_region(target.region.as_str());
    let account = target.id.as_ref().map_or("*", AccountId::as_str);
    format!("arn:{partition}:iam::{account}:role/{}", role.trim_start_matches('/'))
}
