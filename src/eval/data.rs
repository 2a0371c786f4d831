//! `data` blocks: what each means, from what was read in AWS or from its own arguments.
//!
//! What AWS has to tell is asked for by a [`Lookup`]. While nobody has asked it the values are unknown, and the
//! lookups are collected, so that whoever evaluates reads them all at once and evaluates again. An unknown value that
//! waits for one says so ([`Unknown::of_lookup`]), whatever is computed from it says so too, and what is wrong with
//! the blocks that hold such values is set aside until then ([`until_looked_up`]).

mod policy_document;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::address::ACCOUNT;
use crate::config::DataDecl;
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::body::evaluate_body;
use crate::eval::evaluator::node::Node;
use crate::eval::evaluator::{Evaluator, lock};
use crate::eval::functions;
use crate::eval::instances::object::ExpandedInstance;
use crate::eval::modules::instance::{Element, Keyed, ModuleInst};
use crate::eval::modules::scope::ModuleScope;
use crate::eval::modules::scope::keys::collect;
use crate::ids::{Handle, Partition};
use crate::schema::data::{DataSource, Lookup};
use crate::schema::{Body, ManagedKind};
use crate::value::{Attrs, Unknown, Value};

/// How many instances one block may have: of most types each is a request, or a tenth of one.
const MAX_INSTANCES: usize = 10_000;

impl<'c> Evaluator<'c> {
    /// What `data` blocks ask of AWS that nobody has read yet, as far as this evaluator has met them.
    #[must_use]
    pub fn unread_lookups(&self) -> BTreeSet<Lookup> {
        lock(&self.unread).clone()
    }

    /// Every `data` block of a module instance, so that what is wrong with one that nothing refers to is found too.
    pub(in crate::eval) fn module_data(
        &self,
        module: &Arc<ModuleInst<'c>>,
        errors: &mut Diagnostics,
    ) {
        for ((ty, label), decl) in &module.module.data {
            if let Err(more) = self.data(module, ty, label, decl, None) {
                errors.extend(more);
            }
        }
    }

    /// What a `data` block tells: a map of its attributes, or of as many as it is repeated.
    pub(in crate::eval) fn data(
        &self,
        module: &Arc<ModuleInst<'c>>,
        ty: &str,
        label: &str,
        decl: &'c DataDecl,
        loc: Option<&Loc>,
    ) -> Result<Arc<Value>, Diagnostics> {
        self.value(Node::Data(module.ix, ty.to_owned(), label.to_owned()), loc, || {
            let scope = ModuleScope::new(self, Arc::clone(module), None);
            let repeated = (decl.for_each.as_ref(), decl.count.as_ref());
            let (keyed, elements) = self.elements(&scope, repeated.0, repeated.1)?;
            if elements.len() > MAX_INSTANCES {
                let what = if decl.ty.source.asks_aws() { "lookups" } else { "instances" };
                let made = elements.len();
                return Err(Diagnostic::error(format!(
                    "this makes {made} {what}, more than {MAX_INSTANCES}"
                ))
                .at(decl.loc.clone())
                .into());
            }
            let mut errors = Diagnostics::new();
            let mut all = Vec::new();
            for Element { key, name } in elements {
                let name = name.map(|(name, map)| (name, Value::Map(map)));
                let names = name.iter().map(|(name, map)| (*name, map)).collect();
                let mut own = Diagnostics::new();
                let body = evaluate_body(&scope, &names, &decl.body, &decl.ty.block, &mut own);
                let own = until_looked_up(own, &body);
                if own.has_errors() {
                    errors.extend(own);
                    continue;
                }
                match self.attributes_of(module, decl, &body) {
                    Ok(attributes) => all.push((key, attributes)),
                    Err(more) => errors.extend(until_looked_up(more, &body)),
                }
            }
            errors.into_result(())?;
            Ok(match keyed {
                Keyed::No => all.pop().map(|(_, attributes)| attributes).unwrap_or_default(),
                keyed => collect(keyed, all),
            })
        })
    }

    fn attributes_of(
        &self,
        module: &ModuleInst<'c>,
        decl: &DataDecl,
        body: &Body,
    ) -> Result<Value, Diagnostics> {
        let one = |pairs: &[(&str, Value)]| {
            Value::Map(pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect())
        };
        Ok(match decl.ty.source {
            DataSource::Partition => {
                let partition = Partition::of_region(self.provider()?.region.as_str());
                let suffix = partition.dns_suffix();
                let reversed: Vec<&str> = suffix.rsplit('.').collect();
                one(&[
                    ("partition", partition.as_str().into()),
                    ("dns_suffix", suffix.into()),
                    ("reverse_dns_prefix", reversed.join(".").as_str().into()),
                ])
            }
            DataSource::Region => {
                let given = match self.account_of(body)? {
                    NamedAccount::Known(account) => {
                        self.object_attr(&account, "region", &decl.loc)?
                    }
                    NamedAccount::Missing => Value::Null,
                    NamedAccount::Pending => return Ok(not_yet(decl)),
                };
                let region = match given {
                    Value::Null => Value::string(self.provider()?.region.as_str()),
                    given => given,
                };
                one(&[("name", region.clone()), ("region", region)])
            }
            DataSource::PolicyDocument => {
                let document = self.policy_document(body, decl)?;
                let (loc, context) = (decl.loc.clone(), &module.functions);
                // As much as its statements say, which have been counted.
                let made = |_| Ok(());
                let locs = vec![loc.clone()];
                let json = functions::call("jsonencode", vec![document], locs, loc, context, made)?;
                one(&[("json", json.clone()), ("minified_json", json)])
            }
            DataSource::Caller => self.look_up(module, Lookup::Caller, decl)?,
            DataSource::Administration => self.look_up(module, Lookup::Administration, decl)?,
            DataSource::Parameter => {
                let (account, name) = (self.account_of(body)?, known_text(body, "name")?);
                match (handle_of(&account), name) {
                    (Some(account), Some(name)) => {
                        self.look_up(module, Lookup::Parameter { account, name }, decl)?
                    }
                    _ => not_yet(decl),
                }
            }
            DataSource::EffectivePolicy => {
                let (account, named) = (self.account_of(body)?, known_text(body, "type")?);
                match (handle_of(&account), named) {
                    (Some(account), Some(policy_type)) => {
                        configures_services(body, &policy_type)?;
                        let lookup = Lookup::EffectivePolicy { account, policy_type };
                        self.look_up(module, lookup, decl)?
                    }
                    _ => not_yet(decl),
                }
            }
            DataSource::Object(kind) => {
                let account = self.account_of(body)?;
                let handle = handle_of(&account);
                // Only what the management account alone tells names none.
                let is_known = handle.is_some() || matches!(account, NamedAccount::Missing);
                match natural_key(kind, body)?.filter(|_| is_known) {
                    Some(key) => {
                        let kind = kind.schema().kind;
                        self.look_up(module, Lookup::Object { account: handle, kind, key }, decl)?
                    }
                    None => not_yet(decl),
                }
            }
        })
    }

    fn look_up(
        &self,
        module: &ModuleInst<'c>,
        lookup: Lookup,
        decl: &DataDecl,
    ) -> Result<Value, Diagnostics> {
        match self.known.looked_up(&lookup) {
            Some(Ok(Some(told))) => {
                let mut all = told.attrs.clone();
                // What could not be read is left out: whoever refers to it is told why.
                for name in &decl.ty.attributes {
                    if !all.contains_key(name) && !told.unread.contains_key(*name) {
                        all.insert((*name).to_owned(), Value::Null);
                    }
                }
                for name in told.unread.keys() {
                    all.remove(name);
                }
                if !told.unread.is_empty() {
                    let unread = told.unread.iter().map(|(name, why)| (name.clone(), why.clone()));
                    let key = (module.ix, decl.ty.name.to_owned(), decl.label.value.clone());
                    lock(&self.unread_attributes).entry(key).or_default().extend(unread);
                }
                Ok(Value::Map(all))
            }
            Some(Ok(None)) => self.without(&lookup, decl, Diagnostic::error(format!("{lookup} does not exist"))
                .at(decl.loc.clone())
                .detail("AWS has nothing by that name there")
                .help("check the name and the account; an object that this configuration makes is referred to by its own block")),
            Some(Err(failure)) => self.without(&lookup, decl, Diagnostic::error(format!("cannot look up {lookup}"))
                .at(decl.loc.clone())
                .detail(failure.message)
                .help_opt(failure.advice)),
            None if self.known.is_deferred(&lookup) => Ok(self.after_apply(&lookup, decl)),
            None if self.known.reads_lookups() => {
                lock(&self.unread).insert(lookup);
                Ok(not_yet(decl))
            }
            None => Err(Diagnostic::error(format!("{lookup} was not looked up"))
                .at(decl.loc.clone())
                .help("what a `data` block tells must be known before the plan is made")
                .into()),
        }
    }

    /// What a block will tell once an apply has made the account that it looks into.
    fn after_apply(&self, lookup: &Lookup, decl: &DataDecl) -> Value {
        let objects = self.all_objects();
        let account =
            objects.iter().find(|o| o.handle.is_some() && o.handle.as_ref() == lookup.account());
        let made = account.map(|account| Unknown::attr(account.address.clone(), "id"));
        let unknown = Unknown::opaque(made.as_ref());
        let attributes = decl.ty.attributes.iter();
        Value::Map(
            attributes.map(|name| ((*name).to_owned(), Value::Unknown(unknown.clone()))).collect(),
        )
    }

    /// What a block tells that could not be looked up: nothing, which is an error where a value is required.
    fn without(
        &self,
        lookup: &Lookup,
        decl: &DataDecl,
        error: Diagnostic,
    ) -> Result<Value, Diagnostics> {
        if self.known.requires_lookups() {
            return Err(error.into());
        }
        lock(&self.missing).insert(lookup.clone(), error);
        Ok(not_yet(decl))
    }

    /// The account that a block names.
    ///
    /// # Errors
    /// Which one it is, AWS tells during apply.
    fn account_of(&self, body: &Body) -> Result<NamedAccount<'c>, Diagnostics> {
        /// What says how an account is entered, and where.
        const REACH: [&str; 5] = ["id", "access_role", "read_role", "region", "endpoint_url"];
        let Some(given) = body.get(ACCOUNT) else { return Ok(NamedAccount::Missing) };
        let object = match given.value.reveal() {
            Value::Block(block) => self.object_at(&block.address),
            Value::Unknown(unknown) if unknown.needs_lookup => return Ok(NamedAccount::Pending),
            _ => None,
        };
        let Some(object) = object else {
            return Err(Diagnostic::error(format!("`{ACCOUNT}` must be known while planning"))
                .at(given.loc.clone())
                .detail("lookups are made before the plan")
                .needing_value()
                .into());
        };
        for name in REACH {
            if self.object_attr(&object, name, &given.loc)?.needs_lookup() {
                return Ok(NamedAccount::Pending);
            }
        }
        Ok(NamedAccount::Known(object))
    }
}

/// Guardrails are evaluated one by one and come to no text of their own (Organizations API Reference,
/// `DescribeEffectivePolicy`).
fn configures_services(body: &Body, policy_type: &str) -> Result<(), Diagnostics> {
    let is_access = ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"].contains(&policy_type);
    let Some(given) = body.get("type").filter(|_| is_access) else { return Ok(()) };
    Err(Diagnostic::error(format!("there is no effective {policy_type}"))
        .at(given.loc.clone())
        .detail("AWS tells it of the types of `organization_policy`, whose texts it merges")
        .help("`palisade isolation` and `palisade who-can` say what guardrails come to")
        .into())
}

/// What the `account` of a block comes to.
enum NamedAccount<'c> {
    /// It names none.
    Missing,
    /// A lookup that is not made yet decides which, or how it is reached.
    Pending,
    Known(Arc<ExpandedInstance<'c>>),
}

/// What is wrong with a block while something in it waits for a lookup is judged again once that is made. So is what
/// may follow from another such error. `body` is what could be evaluated of the block.
pub(in crate::eval) fn until_looked_up(errors: Diagnostics, body: &Body) -> Diagnostics {
    if !body.needs_lookup() && !errors.iter().any(|error| error.needs_value) {
        return errors;
    }
    let mark = |error: Diagnostic| if error.is_error() { error.needing_value() } else { error };
    errors.into_iter().map(mark).collect()
}

/// What a block will tell once it is looked up.
fn not_yet(decl: &DataDecl) -> Value {
    let unknown = |name: &&str| ((*name).to_owned(), Value::Unknown(Unknown::of_lookup()));
    Value::Map(decl.ty.attributes.iter().map(unknown).collect())
}

/// A text that says what is looked up; `None` while a lookup that it rests on is not read.
fn known_text(body: &Body, name: &str) -> Result<Option<String>, Diagnostics> {
    let Some(given) = body.get(name) else { return Ok(None) };
    if given.value.has_sensitive() {
        return Err(Diagnostic::error(format!("`{name}` is sensitive"))
            .at(given.loc.clone())
            .detail("what is looked up is named in errors and in requests")
            .help("use `nonsensitive(...)` on a name that may be shown")
            .into());
    }
    match given.value.reveal() {
        Value::String(text) => Ok(Some(text.clone())),
        Value::Unknown(unknown) if unknown.needs_lookup => Ok(None),
        _ => Err(Diagnostic::error(format!("`{name}` must be known while planning"))
            .at(given.loc.clone())
            .detail("AWS assigns it during apply, and lookups are made before the plan")
            .help("refer to the block that makes the object instead")
            .needing_value()
            .into()),
    }
}

fn handle_of(account: &NamedAccount<'_>) -> Option<Handle> {
    match account {
        NamedAccount::Known(object) => object.handle.clone(),
        NamedAccount::Missing | NamedAccount::Pending => None,
    }
}

/// The natural key of the object that is meant.
fn natural_key(kind: &dyn ManagedKind, body: &Body) -> Result<Option<String>, Diagnostics> {
    let naming = &kind.schema().meaning.naming;
    let mut attrs = Attrs::new();
    for (name, default) in naming.defaults {
        attrs.insert((*name).to_owned(), Value::string(*default));
    }
    for name in naming.label.iter().chain(naming.identity) {
        if body.get(name).is_none() {
            continue;
        }
        match known_text(body, name)? {
            Some(text) => {
                attrs.insert((*name).to_owned(), Value::String(text));
            }
            None => return Ok(None),
        }
    }
    Ok(kind.natural_key(&attrs).map(|key| kind.import_key(&key)))
}
