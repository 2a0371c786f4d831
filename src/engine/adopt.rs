//! Objects of an account, or of the organization, that no state manages and that a configuration could take over.
//! Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::CONFIG_KIND;
use crate::diag::{Diagnostic, did_you_mean};
use crate::ids::Handle;
use crate::live::{Index, Reading};
use crate::plan::model::{DriftStatus, Plan, ResourceChange, Unread};
use crate::schema::resource::in_region;
use crate::schema::{Home, ManagedKind, kinds};
use crate::state::layout;
use crate::value::{Attrs, Value};

use super::adopt_types::{self, AdoptedResource};
use super::error::EngineError;
use super::plan::{self, FailedLookups, PlanRequest};
use super::refresh::{self, PlanInputs};
use super::workspace::{Variables, Workspace};

/// Where objects are looked for.
#[derive(Clone, Debug)]
pub enum AdoptPlace {
    /// In the account with this handle.
    Account(String),
    /// In the organization: its settings, units, accounts and policies.
    Organization,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct AdoptRequest {
    /// Where.
    pub place: AdoptPlace,
    /// Only these kinds; all where the list is empty.
    pub kinds: Vec<String>,
    /// Objects of these AWS resource types; where this is given alone, of no kind.
    pub types: Vec<String>,
    /// Values for variables.
    pub variables: Variables,
}

/// An object that could be adopted.
#[derive(Clone)]
pub struct AdoptableObject {
    /// Its kind.
    pub kind: &'static dyn ManagedKind,
    /// Its natural key.
    pub key: String,
    /// Its attributes as they are in AWS.
    pub attrs: Attrs,
    /// What a block of an AWS resource type says of it.
    pub resource: Option<AdoptedResource>,
}

/// Objects that cannot be adopted.
pub struct LeftOut {
    /// Their kind.
    pub kind: String,
    /// How many there are.
    pub count: usize,
    /// Why.
    pub why: &'static str,
}

/// What could be adopted, and what new blocks may not be called.
pub struct Adoptable {
    /// The objects, in the order of their addresses.
    pub objects: Vec<AdoptableObject>,
    /// The handle of the account that holds them; `None` for those of the organization.
    pub account: Option<String>,
    /// Kinds and labels of the blocks that the configuration has already.
    pub declared: BTreeSet<(String, String)>,
    /// What the configuration declares already, by the id that AWS gave it: how an expression names its block.
    pub blocks: BTreeMap<String, String>,
    /// What nobody manages either, and no block can be written for.
    pub left_out: Vec<LeftOut>,
    /// What of the place could not be read, and may hold more.
    pub unread: Vec<Unread>,
}

/// The adoptable objects of one place.
///
/// # Errors
/// A kind cannot be adopted, there is no such account, or it cannot be read.
pub async fn run(workspace: &Workspace, request: &AdoptRequest) -> Result<Adoptable, EngineError> {
    let home = match request.place {
        AdoptPlace::Account(_) => Home::Account,
        AdoptPlace::Organization => Home::Organization,
    };
    let mut adoptable = adoptable(home);
    check_kinds(&request.kinds, &adoptable, home)?;
    let types = adopt_types::asked(&request.types, home)?;
    adoptable.extend(types.iter().filter_map(|ty| kinds::kind(&ty.name)));
    let mut everything = PlanRequest::everything(&request.variables);
    everything.failed_lookups = FailedLookups::LeftOut;
    everything.resource_policies = false;
    everything.listed_types = types.iter().map(|ty| ty.name.as_str()).collect();
    if let AdoptPlace::Account(account) = &request.place {
        everything.about.accounts.push(handle(account)?);
    }
    let inputs = refresh::load_and_refresh_recovered(workspace, &everything).await?;
    let plan = plan::make(workspace, &inputs, &everything)?;
    let index = index(&inputs, &request.place)?;
    workspace.host.diagnostics(&inputs.warnings);
    let account = match &request.place {
        AdoptPlace::Account(account) => Some(account.clone()),
        AdoptPlace::Organization => None,
    };
    let place = account.as_deref().unwrap_or(layout::ORG);
    let asked_for: Vec<&String> = request.kinds.iter().chain(&request.types).collect();
    let is_asked = |kind: &str| {
        let is_resource = types.iter().any(|ty| ty.name == kind);
        asked_for.is_empty() && !is_resource || asked_for.iter().any(|asked| *asked == kind)
    };
    let unmanaged = || {
        let all = plan.drift.iter();
        all.filter(|d| d.status == DriftStatus::Unmanaged && d.account == place)
    };
    let mut objects: Vec<AdoptableObject> = unmanaged()
        .filter(|drift| is_asked(&drift.kind))
        .filter_map(|drift| {
            let kind = *adoptable.iter().find(|k| k.schema().kind == drift.kind)?;
            let key = drift.address.strip_prefix(&format!("{}/", drift.kind))?;
            let key = key.strip_suffix(&format!("@{place}"))?;
            let object = index.inventory().objects.get(&(kind.schema().kind, key.to_owned()))?;
            let ty = types.iter().find(|ty| ty.name == drift.kind);
            let resource = ty.map(|ty| adopt_types::resource(ty, &object.attrs));
            // Its Region is the account's, which a block has without saying it.
            let key = match &resource {
                Some(_) => in_region(&object.key).0.to_owned(),
                None => object.key.clone(),
            };
            let attrs = object.attrs.clone();
            Some(AdoptableObject { kind, key, attrs, resource })
        })
        .collect();
    let singletons = adoptable.iter().filter(|kind| is_asked(kind.schema().kind));
    let singletons = singletons.filter_map(|kind| singleton(*kind, index, &plan, place));
    objects.splice(0..0, singletons);
    let own = inputs.estate.instances.keys().filter(|address| address.module.is_root());
    let declared = own.map(|address| (address.kind.clone(), address.name.clone())).collect();
    let mut left_out = match asked_for.is_empty() {
        true => left_out(unmanaged().map(|drift| drift.kind.as_str()), &adoptable),
        false => Vec::new(),
    };
    left_out.extend(types.iter().filter_map(|ty| {
        let is_here = |change: &&ResourceChange| {
            change.kind == ty.name
                && change.before.is_some()
                && change.account.as_ref().map(Handle::as_str) == Some(place)
        };
        let count = plan.resource_changes.iter().filter(is_here).count();
        let why = "Palisade manages them already";
        (count > 0).then(|| LeftOut { kind: ty.name.clone(), count, why })
    }));
    let is_wanted =
        |kind: &&String| is_asked(kind) && adoptable.iter().any(|k| k.schema().kind == **kind);
    let parts = plan.unread.iter().filter(|part| part.account == place).map(|part| {
        let kinds = part.kinds.iter().filter(is_wanted).cloned().collect();
        Unread { kinds, ..part.clone() }
    });
    let unread = parts.filter(|part| !part.kinds.is_empty()).collect();
    Ok(Adoptable { objects, account, declared, blocks: blocks(&plan), left_out, unread })
}

fn handle(account: &str) -> Result<Handle, EngineError> {
    account.parse().map_err(|error| EngineError::failed(format!("{error}")))
}

fn check_kinds(
    asked: &[String],
    adoptable: &[&'static dyn ManagedKind],
    home: Home,
) -> Result<(), EngineError> {
    for name in asked {
        if adoptable.iter().any(|k| k.schema().kind == name) {
            continue;
        }
        let names: Vec<&str> = adoptable.iter().map(|k| k.schema().kind).collect();
        let elsewhere = kinds::kind(name).filter(|kind| kind.schema().home != home);
        let help = match (elsewhere, home) {
            (Some(_), Home::Account) => {
                "they belong to the organization: `palisade adopt --organization`".to_owned()
            }
            (Some(_), Home::Organization) => {
                "they belong to an account: `palisade adopt --account ACCOUNT`".to_owned()
            }
            (None, _) => did_you_mean(name, names.iter().copied())
                .unwrap_or_else(|| format!("there are {}", names.join(", "))),
        };
        let text = format!("objects of the kind `{name}` cannot be adopted here");
        return Err(Diagnostic::error(text).help(help).into());
    }
    Ok(())
}

/// What was read of the place.
fn index<'i>(inputs: &'i PlanInputs, place: &AdoptPlace) -> Result<&'i Index, EngineError> {
    let (reading, what) = match place {
        AdoptPlace::Organization => (&inputs.live.organization, "the organization".to_owned()),
        AdoptPlace::Account(account) => {
            let Some(reading) = inputs.live.accounts.get(&handle(account)?) else {
                let names: Vec<&str> = inputs.estate.accounts.keys().map(Handle::as_str).collect();
                let help = did_you_mean(account, names.iter().copied())
                    .unwrap_or_else(|| format!("there are {}", names.join(", ")));
                let text = format!("there is no account `{account}`");
                return Err(Diagnostic::error(text).help(help).into());
            };
            (reading, format!("the account `{account}`"))
        }
    };
    match reading {
        Reading::Read(index) => Ok(index),
        Reading::Absent | Reading::Unread(_) => {
            let text = format!("{what} does not exist yet or was not read");
            Err(EngineError::failed(text))
        }
    }
}

/// The one object of its kind in a place, where no block and no state has it and it says anything.
fn singleton(
    kind: &'static dyn ManagedKind,
    index: &Index,
    plan: &Plan,
    place: &str,
) -> Option<AdoptableObject> {
    let schema = kind.schema();
    let of_place = |account: Option<&Handle>| account.map_or(layout::ORG, Handle::as_str) == place;
    let mut changes = plan.resource_changes.iter();
    if !schema.adopts || changes.any(|c| c.kind == schema.kind && of_place(c.account.as_ref())) {
        return None;
    }
    let mut objects = index.inventory().objects.values();
    let object = objects.find(|o| o.kind == schema.kind && o.reserved.is_none())?;
    let declarable = |name: &str| schema.computed.iter().all(|c| c.name != name);
    let says = object.attrs.iter().any(|(name, value)| declarable(name) && !is_nothing(value));
    says.then(|| AdoptableObject {
        kind,
        key: object.key.clone(),
        attrs: object.attrs.clone(),
        resource: None,
    })
}

/// Whether a value is what AWS has where nobody ever set anything.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::List(items) => items.iter().all(is_nothing),
        Value::Map(map) => map.values().all(is_nothing),
        _ => false,
    }
}

/// How expressions name what the configuration declares and AWS has.
fn blocks(plan: &Plan) -> BTreeMap<String, String> {
    let of_organization = plan.resource_changes.iter().filter(|c| c.account.is_none());
    let named = of_organization.filter(|c| c.address.module.is_root()).filter_map(|change| {
        let id = change.before.as_ref()?.get("id")?.as_str()?.to_owned();
        Some((id, change.address.to_string()))
    });
    named.collect()
}

/// What nobody manages and no block can be written for, by kind.
fn left_out<'k>(
    unmanaged: impl Iterator<Item = &'k str>,
    adoptable: &[&'static dyn ManagedKind],
) -> Vec<LeftOut> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for kind in unmanaged.filter(|kind| adoptable.iter().all(|k| k.schema().kind != *kind)) {
        *counts.entry(kind).or_default() += 1;
    }
    let why = |kind: &str| match kinds::kind(kind) {
        Some(_) => {
            "an environment declares it under `config`, by a key of a `config_schema`: declare the key there and import its value"
        }
        None => "Palisade reads objects of this kind and does not manage them",
    };
    let of =
        |(kind, count): (&str, usize)| LeftOut { kind: kind.to_owned(), count, why: why(kind) };
    counts.into_iter().map(of).collect()
}

/// The kinds of a home whose objects can be declared by hand.
fn adoptable(home: Home) -> Vec<&'static dyn ManagedKind> {
    let all = kinds::kinds().iter().copied();
    all.filter(|k| k.schema().home == home && k.schema().kind != CONFIG_KIND).collect()
}
