//! Existing objects that a block takes over: by an `import`, by their id, or because they are its own.

use std::collections::BTreeMap;

use super::decision::Decision;
use super::live::{Found, Live};
use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::{Estate, Instance};
use crate::ids::Handle;
use crate::provider::LiveObject;
use crate::schema::{OnDestroy, kinds};
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
            !renames.contains_key(*address) && !super::moves::is_removed(estate, address)
        });
        let deleted = own.filter_map(|(address, recorded)| {
            let kind = kinds::kind(&recorded.kind)?;
            let meta: Attrs =
                recorded.meta.iter().map(|(k, v)| (k.clone(), Value::from_json(v))).collect();
            let place = address.account().cloned();
            let is = (kind.schema().kind, place, recorded.key.clone());
            (kind.on_destroy(&meta) == OnDestroy::Delete).then(|| (is, address.clone()))
        });
        Self(deleted.collect())
    }

    /// Who else has the object.
    fn owner(&self, address: &ResourceAddr, object: &LiveObject) -> Option<&ResourceAddr> {
        let is = (object.kind, address.account().cloned(), object.key.clone());
        self.0.get(&is).filter(|owner| *owner != address)
    }
}

/// Objects that exist and that no state records yet, by the address that takes each over: their natural keys.
pub type Adoptions = BTreeMap<ResourceAddr, String>;

/// What a plan of this estate takes over, and what it finds under another address than state does: what AWS
/// assigned to these is known before state holds it. What is wrong with one is left for
/// [`super::decide`] to report.
#[must_use]
pub fn adoptions(estate: &Estate, prior: &Resources, live: &Live) -> Adoptions {
    let new = || estate.instances.iter().filter(|(address, _)| !prior.contains_key(*address));
    if new().next().is_none() {
        return Adoptions::new();
    }
    let mut unheard = Diagnostics::new();
    let renames = super::moves::renames(estate, prior, &mut unheard);
    let was: BTreeMap<&ResourceAddr, &ResourceAddr> =
        renames.iter().map(|(from, to)| (to, from)).collect();
    let taken = new().filter_map(|(address, instance)| {
        let kind = kinds::kind(&address.kind)?;
        if kind.only_declared(&instance.desired) {
            return None;
        }
        if let Some(recorded) = was.get(address).and_then(|from| prior.get(*from)) {
            let object = live.recorded(address, recorded).object()?;
            return Some((address.clone(), object.key.clone()));
        }
        let decision = Decision::new(address.clone(), kind, Some(instance), None, None);
        let (object, _) = decision.candidate(estate, live, instance, &mut unheard)?;
        Some((address.clone(), object.key.clone()))
    });
    taken.collect()
}

impl Decision<'_> {
    /// An existing object that this instance takes over, and why it may.
    pub(super) fn adoptable<'l>(
        &self,
        estate: &Estate,
        live: &'l Live,
        instance: &Instance,
        owners: &Owners,
        diagnostics: &mut Diagnostics,
    ) -> Option<(&'l LiveObject, String)> {
        let mut problems = Diagnostics::new();
        let taken = self.candidate(estate, live, instance, &mut problems);
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
                    "to rename a block, say so: `moved {{ from = \"{owner}\", to = \"{}\" }}`, one argument to a line",
                    self.address
                )),
        );
        None
    }

    fn candidate<'l>(
        &self,
        estate: &Estate,
        live: &'l Live,
        instance: &Instance,
        diagnostics: &mut Diagnostics,
    ) -> Option<(&'l LiveObject, String)> {
        let schema = self.kind.schema();
        let import = estate.imports.iter().find(|i| i.to.value == self.address);
        let by_id = instance.body.get("id").and_then(|id| id.as_str().map(str::to_owned));
        if let Some(import) = import {
            let id = &import.id.value;
            let object = live
                .by_id(schema, &self.address, id)
                .or_else(|| live.by_key(schema, &self.address, &self.kind.import_key(id)));
            return match object {
                Found::Object(LiveObject { reserved: Some(why), .. }) => {
                    diagnostics.push(
                        Diagnostic::error(format!("`{id}` cannot be managed: {why}"))
                            .at(import.id.loc.clone())
                            .help("remove the import and its block"),
                    );
                    None
                }
                Found::Object(object) => Some((object, format!("import of `{id}`"))),
                Found::Unseen(why) => {
                    diagnostics.push(
                        Diagnostic::error(format!("`{id}` cannot be looked for: {why}"))
                            .at(import.id.loc.clone())
                            .help("import it when its account can be read"),
                    );
                    None
                }
                Found::Missing => {
                    diagnostics.push(
                        Diagnostic::error(format!("there is no {} `{id}` to import", schema.what.trim_start_matches("an ").trim_start_matches("a ")))
                            .at(import.id.loc.clone())
                            .help("check the id and the account; `palisade drift` lists what is unmanaged"),
                    );
                    None
                }
            };
        }
        if let Some(id) = by_id {
            if let Found::Object(object) = live.by_id(schema, &self.address, &id) {
                if let Some(why) = object.reserved {
                    diagnostics.push(
                        Diagnostic::error(format!("`{id}` cannot be managed: {why}"))
                            .at(instance.body.loc_of("id").clone())
                            .help("remove the block; `palisade drift` lists what can be managed"),
                    );
                    return None;
                }
                return Some((object, format!("the block names its id `{id}`")));
            }
            if matches!(live.by_id(schema, &self.address, &id), Found::Missing) {
                diagnostics.push(
                    Diagnostic::error(format!("there is no account `{id}` in the organization"))
                        .at(instance.body.loc_of("id").clone())
                        .help(match super::drift::management(live) {
                            Some(_) => "invite the account into the organization first, or leave `id` out to create one",
                            None => "there is no organization yet: make it without this block first",
                        }),
                );
            }
            return None;
        }
        let key = self.kind.natural_key(&instance.desired)?;
        let object = live.by_key(schema, &self.address, &key).object()?;
        let tag = |attrs: &Attrs| {
            attrs.get("tags")?.as_map()?.get("palisade:address")?.as_str().map(str::to_owned)
        };
        if schema.adopts {
            return Some((object, "it exists already".to_owned()));
        }
        if let (Some(wanted), Some(is)) = (tag(&instance.desired), tag(&object.attrs))
            && wanted == is
        {
            return Some((object, "its tags say that this block created it".to_owned()));
        }
        diagnostics.push(
            Diagnostic::error(format!("`{key}` exists already and is not managed by `{}`", self.address))
                .at(instance.loc.clone())
                .detail(match object.reserved {
                    Some(why) => format!("it cannot be managed: {why}"),
                    None => "something else created it".to_owned(),
                })
                .help(format!(
                    "take it over with `palisade import '{}' '{key}'` or an `import` block, or choose another name",
                    self.address
                )),
        );
        None
    }
}
