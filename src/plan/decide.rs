//! For every object: what is, what is wanted, and therefore what happens to it.

mod follow;
mod gone;
mod protect;
mod settled;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::adopt::Owners;
use super::model::Action;
use super::object_plan::ObjectPlan;
use super::options::{ComputeOptions, Mode};
use crate::address::{ResourceAddr, ShortNames};
use crate::diag::{Diagnostic, Diagnostics};
use crate::difference::{SecretComparison, StoredValues, difference};
use crate::eval::estate::{Estate, Instance};
use crate::live::{Live, LiveLookup};
use crate::provider::LiveObject;
use crate::schema::ownership::{self, Ownership};
use crate::schema::{AccessPart, Home, ManagedKind, kinds};
use crate::state::fingerprint::veiled;
use crate::state::model::{ResourceState, Resources};
use crate::value::{Attrs, Value};

use follow::{move_what_stays, replace_what_follows};
use settled::anew;

pub(super) use gone::closed_account;
pub use settled::settled;

/// What decisions are made by, the same for every object.
pub(super) struct Scene<'a> {
    pub(super) estate: &'a Estate,
    pub(super) live: &'a Live,
    /// The lineage of the state; empty before the first apply.
    pub(super) lineage: &'a str,
    pub(super) owners: &'a Owners,
}

/// Decides for every object of configuration and state.
///
/// # Errors
/// Objects that exist and are not ours.
pub fn decide<'a>(
    estate: &'a Estate,
    prior: &'a Resources,
    live: &Live,
    options: &ComputeOptions,
    lineage: &str,
    diagnostics: &mut Diagnostics,
) -> Vec<ObjectPlan<'a>> {
    let renames = crate::live::moves::renames(estate, prior, diagnostics);
    let was: BTreeMap<&ResourceAddr, &ResourceAddr> =
        renames.iter().map(|(from, to)| (to, from)).collect();
    let owners = Owners::of(estate, prior, &renames);
    let mut by_kind: BTreeMap<&str, Vec<&ResourceAddr>> = BTreeMap::new();
    for address in estate.instances.keys() {
        by_kind.entry(&address.kind).or_default().push(address);
    }
    let mut decisions = Vec::with_capacity(estate.instances.len());
    for (address, instance) in &estate.instances {
        let from = was.get(address).copied();
        let recorded = prior.get(from.unwrap_or(address));
        let Some(kind) = kinds::kind(&address.kind) else { continue };
        let mut decision =
            ObjectPlan::new(address.clone(), kind, Some(instance), recorded, from.cloned());
        decision.depends_on = dependencies(estate, &by_kind, kind, address);
        decision.depends_on.extend(instance.depends_on.iter().cloned());
        decision.depends_on.remove(address);
        let mut problems = Diagnostics::new();
        match options.mode {
            Mode::Destroy => decision.gone(live, lineage, &mut problems),
            Mode::Normal | Mode::RefreshOnly => {
                let scene = Scene { estate, live, lineage, owners: &owners };
                decision.wanted(&scene, instance, &options.secrets, &mut problems);
            }
        }
        decision.problems = problems;
        decisions.push(decision);
    }
    let declared = ShortNames::among(estate.instances.keys());
    for (address, recorded) in prior {
        if estate.instances.contains_key(address) || renames.contains_key(address) {
            continue;
        }
        let Some(kind) = kinds::kind(&recorded.kind) else {
            diagnostics.push(Diagnostic::error(format!(
                "state holds `{address}` of the kind `{}`, which this version does not know",
                recorded.kind
            ))
            .help("use the version of Palisade that wrote the state, or `palisade state rm` the object to forget it"));
            continue;
        };
        // Beside an object that the configuration calls the same it bears its full name.
        let is_declared = declared.names(address);
        let address = &if is_declared { address.shortened(false) } else { address.clone() };
        let mut decision = ObjectPlan::new(address.clone(), kind, None, Some(recorded), None);
        decision.depends_on.clone_from(&recorded.depends_on);
        let stranded = super::stranded::is_stranded(estate, kind.schema(), address);
        if crate::live::moves::is_removed(estate, address) {
            if !stranded {
                decision.see(live, None);
            }
            decision.action = Action::Forget;
            decision.reason = Some("a removed block names it: it stays in AWS".to_owned());
        } else if stranded {
            decision.action = Action::Forget;
        } else {
            let mut problems = Diagnostics::new();
            decision.gone(live, lineage, &mut problems);
            decision.problems = problems;
        }
        decisions.push(decision);
    }
    decisions.sort_by(|a, b| a.address.cmp(&b.address));
    super::stranded::settle(estate, &mut decisions, diagnostics);
    move_what_stays(&mut decisions, live);
    let shut = super::shut::accounts(estate, &decisions);
    replace_what_follows(&mut decisions, options, &shut);
    for decision in &mut decisions {
        let mut problems = Diagnostics::new();
        decision.settle_replacement(&mut problems);
        decision.problems.extend(problems);
    }
    super::shut::hold(&shut, &mut decisions, diagnostics);
    super::renewed::hold(&mut decisions, diagnostics);
    super::interim::mark(&mut decisions);
    if options.mode == Mode::Normal {
        super::severed::mark(&mut decisions, &shut);
    }
    decisions
}

/// What every object depends on without saying so: one in an account on that account, others on
/// the kinds that their own comes after.
fn dependencies(
    estate: &Estate,
    by_kind: &BTreeMap<&str, Vec<&ResourceAddr>>,
    kind: &dyn ManagedKind,
    address: &ResourceAddr,
) -> BTreeSet<ResourceAddr> {
    let schema = kind.schema();
    let home = address.account().filter(|_| schema.home == Home::Account);
    let account = home.and_then(|handle| estate.accounts.get(handle)).map(|a| &a.address);
    let before = schema.after.iter().filter_map(|kind| by_kind.get(kind)).flatten().copied();
    account.into_iter().chain(before).cloned().collect()
}

/// That another estate has marked what a block of this one manages.
fn taken_over(address: &ResourceAddr, instance: &Instance, other: String) -> Diagnostic {
    Diagnostic::error(format!("another estate has adopted `{address}`"))
        .at(instance.loc.clone())
        .detail(format!("its tag `palisade:address` names the state `{other}`"))
        .help(format!(
            "leave it to the other estate: `palisade state rm '{address}'`, and remove the block; or forget it there, delete its `palisade:` tags, and apply here"
        ))
}

impl<'a> ObjectPlan<'a> {
    fn recorded_attr(&self, name: &str) -> Option<&'a str> {
        self.recorded?.attrs.get(name)?.as_str()
    }

    /// Finds what state records in AWS: by the id that AWS gave it, else by its natural key.
    fn find<'l>(&self, live: &'l Live) -> LiveLookup<'l> {
        let schema = self.kind.schema();
        let by_id = match self.recorded_attr("id") {
            Some(id) => live.by_id(schema, &self.address, id),
            None => LiveLookup::Missing,
        };
        by_id.or_else(|| match self.recorded {
            Some(recorded) => live.by_key(schema, &self.address, &recorded.key),
            None => LiveLookup::Missing,
        })
    }

    /// Takes in what is there, and how it differs from what state recorded.
    fn see(&mut self, live: &Live, desired: Option<&Attrs>) {
        match self.find(live) {
            LiveLookup::Object(object) => match self.hidden(object, desired) {
                Some(why) => self.trust_state(live, why),
                None => self.take(object),
            },
            LiveLookup::Unread(why) => self.trust_state(live, why),
            LiveLookup::Missing => {
                if self.recorded.is_some() {
                    self.drift = Some((super::model::DriftStatus::Missing, Vec::new()));
                }
            }
        }
    }

    /// Why what state or the block says of an object could not be compared with it.
    fn hidden<'o>(&self, object: &'o LiveObject, desired: Option<&Attrs>) -> Option<&'o str> {
        object
            .hides(self.recorded.map(|recorded| recorded.attrs.attrs()).into_iter().chain(desired))
    }

    fn take(&mut self, object: &LiveObject) {
        self.key = Some(object.key.clone());
        self.before = Some(object.attrs.clone());
        if let Some(recorded) = self.recorded {
            let veil = |(name, value): (&String, &Value)| {
                let value = match recorded.attrs.get(name) {
                    Some(recorded) => veiled(recorded, value),
                    None => value.clone(),
                };
                (name.clone(), value)
            };
            self.before = Some(object.attrs.iter().map(veil).collect());
            let seen = self.without_new_places(recorded, &object.attrs);
            let changed = super::drift::since(self.kind.schema(), recorded, &seen);
            if !changed.is_empty() {
                self.drift = Some((super::model::DriftStatus::Changed, changed));
            }
        }
    }

    /// What is live, for a comparison with what was recorded: AWS attaches its own policy to whatever comes into being,
    /// which is no drift unless the block wants it detached there.
    fn without_new_places<'l>(&self, recorded: &ResourceState, live: &'l Attrs) -> Cow<'l, Attrs> {
        let schema = self.kind.schema();
        let (Some(attached), Some(detached), true) =
            (schema.attachments, schema.detachments, self.kind.is_given(live))
        else {
            return Cow::Borrowed(live);
        };
        let listed = |attrs: &Attrs, name: &str| -> BTreeSet<Value> {
            let elements = attrs.get(name).and_then(Value::elements).unwrap_or_default();
            elements.into_iter().cloned().collect()
        };
        let mut known = listed(recorded.attrs.attrs(), attached);
        known.extend(listed(&self.meta, detached));
        let seen = listed(live, attached).into_iter().filter(|target| known.contains(target));
        let mut live = live.clone();
        live.insert(attached.to_owned(), seen.collect());
        Cow::Owned(live)
    }

    /// The lineage of another estate that has marked the object as its own since this one recorded it.
    fn other_estate(&self, lineage: &str) -> Option<String> {
        self.recorded?;
        match ownership::ownership(ownership::owner(self.before.as_ref()?)?, lineage) {
            Ownership::Other(other) => Some(other.to_owned()),
            Ownership::Own | Ownership::Unnamed => None,
        }
    }

    fn trust_state(&mut self, live: &Live, why: &str) {
        self.unread = live.refreshed.then(|| why.to_owned());
        if let Some(recorded) = self.recorded {
            self.key = Some(recorded.key.clone());
            self.before = Some(recorded.attrs.attrs().clone());
            // Which of several refusals came first is no part of what an approval binds to.
            let why = if live.refreshed { "it could not be read" } else { why };
            self.reason = Some(format!("not read ({why}): state is taken for what is there"));
        }
    }

    /// The object has a block.
    fn wanted(
        &mut self,
        scene: &Scene<'_>,
        instance: &'a Instance,
        secrets: &SecretComparison,
        diagnostics: &mut Diagnostics,
    ) {
        if self.kind.only_declared(&instance.desired) {
            self.declared(instance);
            return;
        }
        self.see(scene.live, Some(&instance.desired));
        if let Some(other) = self.other_estate(scene.lineage) {
            diagnostics.push(taken_over(&self.address, instance, other));
        }
        let founder = match self.before {
            None if self.recorded.is_none() => self.founder(scene, instance),
            _ => None,
        };
        let is_founder = founder.is_some();
        if let Some(known) = founder {
            self.key = known.get("id").and_then(Value::as_str).map(str::to_owned);
            self.before = Some(known);
            self.reason =
                Some("it is your own account: the plan creates its organization".to_owned());
            self.action = Action::Adopt;
        } else if self.before.is_none()
            && let Some((object, reason)) = self.adoptable(scene, instance, diagnostics)
        {
            self.unread = self.hidden(object, Some(&instance.desired)).map(str::to_owned);
            self.take(object);
            self.reason = Some(reason);
            self.action = Action::Adopt;
        }
        let mut after = instance.desired.clone();
        let Some(before) = &self.before else {
            self.action = Action::Create;
            if self.kind.is_given(&instance.desired) {
                diagnostics.push(
                    Diagnostic::error(format!("`{}` is not there to be adopted", self.address))
                        .at(instance.loc.clone())
                        .detail("AWS makes it by itself, when the organization and its policy type come into being")
                        .help("apply the organization first, and add this block then"),
                );
            }
            if self.drift.is_some() {
                self.reason = Some("it was deleted outside Palisade".to_owned());
            }
            after.extend(instance.computed.clone());
            self.key = self.kind.natural_key(&after);
            // It may be there all the same: an import could be what is needed, or nothing.
            let unread =
                scene.live.unread_because(self.kind.schema(), &self.address, self.key.as_deref());
            if let Some(why) = unread.filter(|_| scene.live.refreshed) {
                self.unread = Some(why.to_owned());
                self.reason = Some("it could not be read: it may be there already".to_owned());
            }
            self.difference.changed =
                instance.desired.keys().map(crate::value::AttrPath::attr).collect();
            self.after = Some(after);
            return;
        };
        after = settled(self.kind, instance, &self.meta, before, self.recorded);
        let attrs = self.recorded.map(|r| r.attrs.attrs());
        let recorded = StoredValues { attrs, secrets: Some(secrets) };
        self.difference = difference(self.kind.schema(), before, &after, recorded);
        if let AccessPart::Account(account) = self.kind.schema().meaning.access
            && is_founder
        {
            let untold = account.known_with_organization;
            self.difference
                .changed
                .retain(|path| !path.root().is_some_and(|r| untold.contains(&r)));
        }
        if self.action == Action::Adopt {
            // What is never read back and was settled when the object was made is what the block says, for all that anybody
            // can tell.
            self.difference.changed.retain(|path| {
                let is_told = path.value(before).is_some_and(|value| !value.is_null());
                let is_hidden = matches!(path.value(&after), Some(Value::Sensitive(_)));
                is_told || !is_hidden || !self.kind.replaces(path, before, &after)
            });
        }
        self.reason = recorded.reason(&after, &self.difference.changed).or(self.reason.take());
        if self.kind.schema().detachments.is_some_and(|attr| after.contains_key(attr)) {
            self.reason = Some(
                "AWS attaches it to what this plan makes: it is detached there right afterwards"
                    .to_owned(),
            );
        }
        self.replace_because = self
            .difference
            .changed
            .iter()
            .filter(|path| self.kind.replaces(path, before, &after))
            .map(ToString::to_string)
            .collect();
        self.refuse_what_is_fixed(instance, before, &after, diagnostics);
        self.create_before_destroy = instance.lifecycle.create_before_destroy;
        if self.action != Action::Adopt {
            self.action = match (self.difference.is_empty(), self.replace_because.is_empty()) {
                (true, _) => Action::NoOp,
                (false, true) => Action::Update,
                (false, false) => Action::Replace,
            };
            if self.action == Action::NoOp && self.on_destroy_differs() {
                self.action = Action::Adopt;
                self.reason = Some("state takes note of its `on_destroy`".to_owned());
            }
        } else if !self.replace_because.is_empty() {
            diagnostics.push(
                Diagnostic::error(format!("`{}` cannot be adopted as it is", self.address))
                    .at(instance.loc.clone())
                    .detail(format!(
                        "{} differs, which AWS can only change by replacing the object",
                        self.replace_because.join(", ")
                    ))
                    .help("make the block match the object, import it, and change it in a second step"),
            );
        }
        if self.action == Action::Update
            && let Some(caution) = self.kind.caution(before, &after)
        {
            self.reason = Some(match self.reason.take() {
                Some(reason) => format!("{reason}; {caution}"),
                None => caution,
            });
        }
        // What AWS computes stays what it is, unless the object is made anew.
        if self.action == Action::Replace {
            anew(&mut after, instance);
        } else {
            for (name, assigned) in &instance.computed {
                if let Some(value) = before.get(name) {
                    after.insert(name.clone(), value.clone());
                } else if is_founder {
                    after.insert(name.clone(), assigned.clone());
                }
            }
        }
        // So does what the block says nothing of.
        if self.action != Action::Replace {
            for (name, value) in before {
                if !after.contains_key(name) {
                    after.insert(name.clone(), value.clone());
                }
            }
        }
        after.share(before);
        self.after = Some(after);
    }

    /// The block declares something outside AWS: state takes note of it.
    fn declared(&mut self, instance: &'a Instance) {
        let mut attrs = instance.desired.clone();
        attrs.extend(
            instance
                .computed
                .iter()
                .filter(|(_, v)| !v.is_unknown())
                .map(|(k, v)| (k.clone(), v.clone())),
        );
        self.key = self.kind.natural_key(&attrs).or_else(|| Some(self.address.canonical()));
        let known = self.recorded.is_some_and(|r| {
            difference(self.kind.schema(), r.attrs.attrs(), &attrs, StoredValues::default())
                .is_empty()
        });
        if !known {
            self.action = Action::Adopt;
            self.reason = Some("it lies outside AWS: state takes note of it".to_owned());
        }
        self.before = Some(attrs.clone());
        self.after = Some(attrs);
    }
}
