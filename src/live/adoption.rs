//! Existing objects that a block adopts: by an `import`, by their id, or because they are its own.

use std::collections::BTreeMap;

use super::moves;
use super::reading::{Live, LiveLookup};
use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::estate::{Estate, Instance};
use crate::provider::LiveObject;
use crate::schema::ownership::{Ownership, is_of_address, owner, ownership};
use crate::schema::{Home, ManagedKind, kinds};
use crate::state::model::Resources;

/// Objects that exist and that no state records yet, by the address that adopts each: their natural keys.
pub type Adoptions = BTreeMap<ResourceAddr, String>;

/// What a plan of this estate adopts, and what it finds under another address than state does: what AWS
/// assigned to these is known before state holds it. `lineage` is the state's. What is wrong with one is left for
/// the plan to report.
#[must_use]
pub(crate) fn adoptions(
    estate: &Estate,
    prior: &Resources,
    live: &Live,
    lineage: &str,
) -> Adoptions {
    let new = || estate.instances.iter().filter(|(address, _)| !prior.contains_key(*address));
    if new().next().is_none() {
        return Adoptions::new();
    }
    let mut unheard = Diagnostics::new();
    let renames = moves::renames(estate, prior, &mut unheard);
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
        let sought = Sought { address, kind, instance };
        let (object, _) = sought.candidate(estate, live, lineage, &mut unheard)?;
        Some((address.clone(), object.key.clone()))
    });
    taken.collect()
}

/// A block's instance of which state holds nothing, or of which what it holds is gone.
#[derive(Clone, Copy)]
pub(crate) struct Sought<'a> {
    /// Its address.
    pub(crate) address: &'a ResourceAddr,
    /// Its kind.
    pub(crate) kind: &'static dyn ManagedKind,
    /// The instance.
    pub(crate) instance: &'a Instance,
}

/// Who made an object that bears the mark of another address, another estate or an earlier version.
fn creator(mark: &str, lineage: &str) -> String {
    match ownership(mark, lineage) {
        Ownership::Own => "this estate created it under another address".to_owned(),
        Ownership::Other(other) => format!("the estate with the state `{other}` manages it"),
        Ownership::Unnamed => {
            "an earlier version created it, and its tags do not tell for which estate".to_owned()
        }
    }
}

impl Sought<'_> {
    /// Says that an object which is adopted on request bears the mark of another estate.
    fn warn_of_takeover(
        &self,
        object: &LiveObject,
        lineage: &str,
        loc: &Loc,
        diagnostics: &mut Diagnostics,
    ) {
        let Some(mark) = owner(&object.attrs) else { return };
        if matches!(ownership(mark, lineage), Ownership::Other(_)) {
            diagnostics.push(
                Diagnostic::warning(format!(
                    "`{}` is adopted from another estate",
                    self.address
                ))
                .at(loc.clone())
                .detail(format!(
                    "{}; from now on its plans refuse to change it",
                    creator(mark, lineage)
                ))
                .help("where that is another estate, forget it there: `palisade state rm`, and remove its block; where it is this estate's lost state, there is nothing to do"),
            );
        }
    }

    /// An existing object that the instance adopts, and why it may. What is wrong with one is reported.
    pub(crate) fn candidate<'l>(
        &self,
        estate: &Estate,
        live: &'l Live,
        lineage: &str,
        diagnostics: &mut Diagnostics,
    ) -> Option<(&'l LiveObject, String)> {
        let Self { address, kind, instance } = self;
        let schema = kind.schema();
        let import = estate.imports.iter().find(|i| i.to.value == **address);
        let by_id = instance.body.get("id").and_then(|id| id.as_str().map(str::to_owned));
        if let Some(import) = import {
            let id = &import.id.value;
            let object = live.by_id(schema, address, id).or_else(|| {
                live.by_key(schema, address, &kind.import_key_of(id, &instance.desired))
            });
            return match object {
                LiveLookup::Object(LiveObject { reserved: Some(why), .. }) => {
                    diagnostics.push(
                        Diagnostic::error(format!("`{id}` cannot be managed: {why}"))
                            .at(import.id.loc.clone())
                            .help("remove the import and its block"),
                    );
                    None
                }
                LiveLookup::Object(object) => {
                    self.warn_of_takeover(object, lineage, &import.id.loc, diagnostics);
                    Some((object, format!("import of `{id}`")))
                }
                LiveLookup::Unread(why) => {
                    diagnostics.push(
                        Diagnostic::error(format!("`{id}` cannot be looked for: {why}"))
                            .at(import.id.loc.clone())
                            .help("import it when its account can be read"),
                    );
                    None
                }
                LiveLookup::Missing => {
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
            if let LiveLookup::Object(object) = live.by_id(schema, address, &id) {
                if let Some(why) = object.reserved {
                    diagnostics.push(
                        Diagnostic::error(format!("`{id}` cannot be managed: {why}"))
                            .at(instance.body.loc_of("id").clone())
                            .help("remove the block; `palisade drift` lists what can be managed"),
                    );
                    return None;
                }
                self.warn_of_takeover(object, lineage, instance.body.loc_of("id"), diagnostics);
                return Some((object, format!("the block names its id `{id}`")));
            }
            if matches!(live.by_id(schema, address, &id), LiveLookup::Missing) {
                diagnostics.push(
                    Diagnostic::error(format!("there is no account `{id}` in the organization"))
                        .at(instance.body.loc_of("id").clone())
                        .help(match &live.founder {
                            None => "invite the account into the organization first, or leave `id` out to create one".to_owned(),
                            Some(own) if own.as_str() == id => {
                                "there is no organization yet, and it is your own account: declare the organization too (`organization \"NAME\" {}`)".to_owned()
                            }
                            Some(own) => format!(
                                "there is no organization yet: its first account is your own, `{own}`; apply without this block first, then invite the account"
                            ),
                        }),
                );
            }
            return None;
        }
        let key = kind.natural_key(&instance.desired)?;
        let object = live.by_key(schema, address, &key).object()?;
        if kind.is_given(&instance.desired) {
            return Some((object, "AWS made it, and keeps it".to_owned()));
        }
        let (wanted, mark) = (owner(&instance.desired), owner(&object.attrs));
        if let Some(why) = object.reserved.filter(|_| mark.is_some() && mark == wanted) {
            diagnostics.push(
                Diagnostic::error(format!("`{key}` exists already and cannot be managed: {why}"))
                    .at(instance.loc.clone())
                    .detail("its tags say that this block created it")
                    .help("AWS keeps the e-mail address of a closed account: give the block another one, or have AWS Support reopen the account within 90 days"),
            );
            return None;
        }
        match mark {
            Some(_) if mark == wanted => {
                return Some((object, "its tags say that this block created it".to_owned()));
            }
            None if schema.adopts => return Some((object, "it exists already".to_owned())),
            // An estate without a state cannot tell a lost state from another estate's. Accounts and units
            // outlive states, so those that were made at this very address are taken over, with a warning
            // that says so; what stands in accounts has to be asked for.
            Some(mark)
                if lineage.is_empty()
                    // An earlier version's mark does not say whose it is, so nobody could be warned.
                    && matches!(ownership(mark, lineage), Ownership::Other(_))
                    && schema.home == Home::Organization
                    && is_of_address(mark, address) =>
            {
                self.warn_of_takeover(object, lineage, &instance.loc, diagnostics);
                return Some((
                    object,
                    "its tags say that a block at this address created it".to_owned(),
                ));
            }
            _ => {}
        }
        diagnostics.push(
            Diagnostic::error(format!("`{key}` exists already and is not managed by `{}`", address))
                .at(instance.loc.clone())
                .detail(match object.reserved {
                    Some(why) => format!("it cannot be managed: {why}"),
                    None => mark.map_or("something else created it".to_owned(), |mark| {
                        creator(mark, lineage)
                    }),
                })
                .help(format!(
                    "adopt it with `palisade import '{}' '{key}'` or an `import` block, or choose another name",
                    address
                )),
        );
        None
    }
}
