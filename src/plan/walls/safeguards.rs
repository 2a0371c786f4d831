//! What apply needs to stay able to do, for the lock-out guard.

use std::collections::{BTreeMap, BTreeSet};

use super::super::access::symbol;
use super::super::sides::{SideObject, Sides};
use crate::access::{AccessModel, STATE_STORE, queue_arn};
use crate::diag::Loc;
use crate::eval::estate::Estate;
use crate::iam::symbolic::Space;
use crate::ids::Handle;
use crate::isolation::crossing::Right;
use crate::isolation::lockout::Safeguards;
use crate::schema::{AccessPart, KindSchema, Repair, access_of, kind};

/// What an apply needs, and the objects that it manages.
pub(super) struct EstateSafeguards<'a> {
    pub(super) estate: &'a Estate,
    pub(super) sides: &'a Sides,
}

impl Safeguards for EstateSafeguards<'_> {
    /// `protect_principals` of the organization, and the roles through which its management account is entered and
    /// state is kept.
    fn protected(&self) -> Vec<String> {
        let instances = self.estate.instances.values();
        let named = instances
            .filter_map(|i| {
                let organization = access_of(&i.address.kind)?.organization()?;
                i.body.get(organization.protected)?.value.elements()
            })
            .flatten()
            .map(symbol);
        let estate = self.estate;
        let own = estate.provider.management_role_arn.iter().chain(&estate.state_role);
        named.chain(own.cloned()).collect()
    }

    fn entry_roles(&self, account: &Handle) -> Vec<&str> {
        let Some(declared) = self.estate.accounts.get(account) else { return Vec::new() };
        let provider = &self.estate.provider;
        let entry = declared.access_role.as_ref().unwrap_or(&provider.access_role);
        let reading = declared.read_role.as_ref().or(provider.read_role.as_ref());
        [Some(entry), reading]
            .into_iter()
            .flatten()
            .filter_map(|role| role.rsplit('/').next())
            .collect()
    }

    fn needs(&self, model: &AccessModel, account: &Handle) -> Vec<Right> {
        rights(self.estate, self.sides, model, account)
    }

    /// `docs/state.md` lists them; the journal's are left out, of which a run without them complains itself.
    fn keeping_state(&self, bucket: &str) -> Vec<Right> {
        let region = self.estate.provider.region.as_str();
        vec![right(STATE_STORE.writes, vec![Space::Below(format!("{bucket}/"))], region)]
    }

    fn declared(&self, label: &str) -> Option<Loc> {
        let mut instances = self.estate.instances.values();
        instances.find(|i| i.address.to_string() == label).map(|i| i.loc.clone())
    }
}

/// What the rest of an apply, or the next one, does in an account.
fn rights(estate: &Estate, sides: &Sides, model: &AccessModel, account: &Handle) -> Vec<Right> {
    let id = model.accounts.get(account).map_or("", |a| a.id.as_str());
    let region = estate
        .accounts
        .get(account)
        .and_then(|a| a.region.as_ref())
        .unwrap_or(&estate.provider.region)
        .to_string();
    let everywhere = vec![Space::One("*".to_owned())];
    let mut rights =
        vec![right(&["iam:GetAccountAuthorizationDetails"], everywhere.clone(), "us-east-1")];
    let managed: Vec<&SideObject> = sides
        .before
        .objects
        .iter()
        .chain(&sides.after.objects)
        .filter(|o| o.address.is_some() && o.account.as_ref() == Some(account))
        .collect();
    // IAM answers from us-east-1, wherever the account works.
    let region_of = |actions: &[&str]| {
        if actions.iter().all(|a| a.starts_with("iam:")) { "us-east-1" } else { region.as_str() }
    };
    for (schema, objects) in by_kind(&managed) {
        let (actions, resources) = match schema.meaning.repair {
            Repair::Objects(actions) => {
                let arns: BTreeSet<String> =
                    objects.iter().filter_map(|o| repaired(o, model)).collect();
                // Each in its own Region, which its ARN says.
                let mut places: BTreeMap<String, Vec<Space>> = BTreeMap::new();
                for arn in arns {
                    let own = arn.split(':').nth(3).filter(|region| !region.is_empty());
                    let region = own.unwrap_or_else(|| region_of(actions)).to_owned();
                    places.entry(region).or_default().push(Space::One(arn));
                }
                rights.extend(places.into_iter().map(|(at, arns)| right(actions, arns, &at)));
                continue;
            }
            Repair::Below { service, resource, actions, unscoped } => {
                rights.push(right(unscoped, everywhere.clone(), region_of(unscoped)));
                let partition = model.partition_of(account);
                let below = format!("arn:{partition}:{service}:{region}:{id}:{resource}");
                (actions, vec![Space::Below(below)])
            }
            Repair::Everywhere(actions) => (actions, everywhere.clone()),
            Repair::Nothing(_) => continue,
        };
        if !resources.is_empty() {
            rights.push(right(actions, resources, region_of(actions)));
        }
    }
    rights
}

fn right(actions: &[&str], resources: Vec<Space>, region: &str) -> Right {
    Right {
        actions: actions.iter().map(|a| (*a).to_owned()).collect(),
        resources,
        policy: None,
        context: vec![
            ("aws:RequestedRegion".to_owned(), region.to_owned()),
            ("aws:SecureTransport".to_owned(), "true".to_owned()),
        ],
        ..Right::default()
    }
}

/// The ARN of what is repaired with an object: the object, or the resource that it is the policy of.
fn repaired(object: &SideObject, model: &AccessModel) -> Option<String> {
    let attr = |name: &str| object.attrs.get(name).filter(|value| !value.is_null()).map(symbol);
    match access_of(&object.kind) {
        Some(AccessPart::Resource(says)) => attr(says.arn),
        Some(AccessPart::PolicyOf(says)) => {
            let named = attr(says.target)?;
            let account = object.account.as_ref()?;
            queue_arn(&named, model.partition_of(account).as_str()).or(Some(named))
        }
        _ => attr("arn"),
    }
}

/// Objects by kind, in the order of the kinds' names; what is repaired object by object comes first.
fn by_kind<'o>(objects: &[&'o SideObject]) -> Vec<(&'static KindSchema, Vec<&'o SideObject>)> {
    let mut by_name: BTreeMap<&str, Vec<&'o SideObject>> = BTreeMap::new();
    for object in objects {
        by_name.entry(&object.kind).or_default().push(object);
    }
    let all =
        by_name.into_iter().filter_map(|(name, objects)| Some((kind(name)?.schema(), objects)));
    let mut all: Vec<(&'static KindSchema, Vec<&'o SideObject>)> = all.collect();
    let singly = |schema: &KindSchema| matches!(schema.meaning.repair, Repair::Objects(_));
    all.sort_by_key(|(schema, _)| (!singly(schema), schema.kind));
    all
}
