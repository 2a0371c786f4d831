//! What apply needs to stay able to do, for the lock-out guard.

use std::collections::BTreeSet;

use super::super::access::symbol;
use super::super::sides::{SideObject, Sides};
use crate::access::AccessModel;
use crate::diag::Loc;
use crate::eval::estate::Estate;
use crate::iam::symbolic::Space;
use crate::ids::Handle;
use crate::isolation::crossing::Right;
use crate::isolation::lockout::Safeguards;
use crate::schema::{AccessPart, KindSchema, Repair, access_of, kinds};

/// Apply, and the objects that it manages.
pub(super) struct Apply<'a> {
    pub(super) estate: &'a Estate,
    pub(super) sides: &'a Sides,
}

impl Safeguards for Apply<'_> {
    /// `protect_principals` of the organization.
    fn protected(&self) -> Vec<String> {
        let is_organization = |kind: &str| access_of(kind) == Some(AccessPart::Organization);
        let instances = self.estate.instances.values();
        instances
            .filter(|i| is_organization(&i.address.kind))
            .filter_map(|i| i.body.get("protect_principals")?.value.elements())
            .flatten()
            .map(symbol)
            .collect()
    }

    fn entry_role(&self, account: &Handle) -> Option<&str> {
        let declared = self.estate.accounts.get(account)?;
        let entry = declared.access_role.as_ref().unwrap_or(&self.estate.provider.access_role);
        entry.rsplit('/').next()
    }

    fn needs(&self, model: &AccessModel, account: &Handle) -> Vec<Right> {
        rights(self.estate, self.sides, model, account)
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
    let right = |actions: &[&str], resources: Vec<Space>, region: &str| Right {
        actions: actions.iter().map(|a| (*a).to_owned()).collect(),
        resources,
        policy: None,
        context: vec![
            ("aws:RequestedRegion".to_owned(), region.to_owned()),
            ("aws:SecureTransport".to_owned(), "true".to_owned()),
        ],
        ..Right::default()
    };
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
                    objects.iter().filter_map(|o| Some(symbol(o.attrs.get("arn")?))).collect();
                (actions, arns.into_iter().map(Space::One).collect())
            }
            Repair::Below { service, resource, actions } => {
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

/// Objects by kind, in the order of the kinds' names; what is repaired object by object comes first.
fn by_kind<'o>(objects: &[&'o SideObject]) -> Vec<(&'static KindSchema, Vec<&'o SideObject>)> {
    let mut all: Vec<(&'static KindSchema, Vec<&'o SideObject>)> = kinds()
        .iter()
        .map(|kind| kind.schema())
        .map(|s| (s, objects.iter().filter(|o| o.kind == s.kind).copied().collect::<Vec<_>>()))
        .filter(|(_, objects)| !objects.is_empty())
        .collect();
    let singly = |schema: &KindSchema| matches!(schema.meaning.repair, Repair::Objects(_));
    all.sort_by_key(|(schema, _)| (!singly(schema), schema.kind));
    all
}
