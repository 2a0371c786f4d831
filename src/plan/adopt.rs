//! What a plan adopts: the existing object that a block names, unless state has it under another address; and the account
//! of whoever creates the organization.

use std::collections::BTreeMap;

use super::decide::Scene;
use super::object_plan::ObjectPlan;
use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::{Estate, Instance};
use crate::ids::Handle;
use crate::live::adoption::Sought;
use crate::live::moves;
use crate::provider::LiveObject;
use crate::schema::{AccessPart, ROOT, access_of, kinds};
use crate::state::model::Resources;
use crate::value::{Attrs, Value};

/// What state holds, by what it is in AWS, as far as it would be deleted where its block is gone.
pub(super) struct Owners(BTreeMap<(&'static str, Option<Handle>, String), ResourceAddr>);

impl Owners {
    /// Of what no `moved` or `removed` block names.
    pub(super) fn of(
        estate: &Estate,
        prior: &Resources,
        renames: &BTreeMap<ResourceAddr, ResourceAddr>,
    ) -> Self {
        let own = prior.iter().filter(|(address, _)| {
            !renames.contains_key(*address) && !moves::is_removed(estate, address)
        });
        let deleted = own.filter_map(|(address, recorded)| {
            let kind = kinds::kind(&recorded.kind)?;
            let place = address.account().cloned();
            let is = (kind.schema().kind, place, recorded.key.clone());
            kind.on_destroy(recorded.meta.facts()).deletes().then(|| (is, address.clone()))
        });
        Self(deleted.collect())
    }

    /// Who else has the object.
    fn owner(&self, address: &ResourceAddr, object: &LiveObject) -> Option<&ResourceAddr> {
        let is = (object.kind, address.account().cloned(), object.key.clone());
        self.0.get(&is).filter(|owner| *owner != address)
    }
}

impl ObjectPlan<'_> {
    /// What is known of the account that calls before the organization exists that this plan creates: it will
    /// stand in the root, without tags. Its name and its e-mail address AWS tells when the organization is
    /// there; an apply compares them with the block then.
    pub(super) fn founder(&self, scene: &Scene<'_>, instance: &Instance) -> Option<Attrs> {
        let own = scene.live.founder.as_ref()?;
        let id = instance.body.get("id")?.as_str()?;
        let AccessPart::Account(account) = self.kind.schema().meaning.access else { return None };
        let mut kinds = scene.estate.instances.keys().map(|address| address.kind.as_str());
        let mut has_organization =
            || kinds.any(|kind| access_of(kind).is_some_and(AccessPart::is_organization));
        if id != own.as_str() || !has_organization() {
            return None;
        }
        Some(Attrs::from([
            ("id".to_owned(), id.into()),
            (account.parent.to_owned(), ROOT.into()),
            ("tags".to_owned(), Value::Map(Attrs::new())),
        ]))
    }

    /// An existing object that this instance adopts, and why it may.
    pub(super) fn adoptable<'l>(
        &self,
        scene: &Scene<'l>,
        instance: &Instance,
        diagnostics: &mut Diagnostics,
    ) -> Option<(&'l LiveObject, String)> {
        let Scene { estate, live, lineage, owners } = *scene;
        let mut problems = Diagnostics::new();
        let sought = Sought { address: &self.address, kind: self.kind, instance };
        let taken = sought.candidate(estate, live, lineage, &mut problems);
        let object = match &taken {
            Some((object, _)) => Some(*object),
            None => {
                let key = self.kind.natural_key(&instance.desired);
                key.and_then(|k| live.by_key(self.kind.schema(), &self.address, &k).object())
            }
        };
        let Some(owner) = object.and_then(|object| owners.owner(&self.address, object)) else {
            diagnostics.extend(problems);
            return taken;
        };
        diagnostics.push(
            Diagnostic::error(format!("`{}` names the object that the state has as `{owner}`", self.address))
                .at(instance.loc.clone())
                .detail("the plan would adopt and delete the same object")
                .help(format!(
                    "where the block was renamed, say so, or move the record with `palisade state mv`:\nmoved {{\n  from = {:?}\n  to   = {:?}\n}}",
                    owner.to_string(),
                    self.address.to_string()
                )),
        );
        None
    }
}
