//! `data` blocks: what each means, from what was read in AWS or from its own arguments.
//!
//! What AWS has to tell is asked for by a [`Lookup`]. While nobody has asked it the values are unknown, and the
//! lookups are collected, so that whoever evaluates reads them all at once and evaluates again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::{ACCOUNT, ResourceAddr};
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
use crate::schema::{Body, KindContext, ManagedKind, document_of_statements};
use crate::value::{Attrs, Unknown, Value};

/// How many lookups one block may make: each is a request, or a tenth of one.
const MAX_LOOKUPS: usize = 10_000;

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
            if elements.len() > MAX_LOOKUPS {
                return Err(Diagnostic::error(format!(
                    "this makes {} lookups, more than {MAX_LOOKUPS}",
                    elements.len()
                ))
                .at(decl.loc.clone())
                .into());
            }
            let mut errors = Diagnostics::new();
            let mut all = Vec::new();
            for Element { key, name } in elements {
                let name = name.map(|(name, map)| (name, Value::Map(map)));
                let names = name.iter().map(|(name, map)| (*name, map)).collect();
                let before = errors.len();
                let body = evaluate_body(&scope, &names, &decl.body, &decl.ty.block, &mut errors);
                if errors.len() > before {
                    continue;
                }
                match self.attributes_of(module, decl, &body) {
                    Ok(attributes) => all.push((key, attributes)),
                    Err(more) => errors.extend(more),
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
                let given = match self.account_of(body) {
                    Some(account) => self.object_attr(&account, "region", &decl.loc)?,
                    None => Value::Null,
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
                one(&[("json", json)])
            }
            DataSource::Caller => self.look_up(Lookup::Caller, decl)?,
            DataSource::Parameter => {
                let account = self.handle_of(body);
                match (account, known_text(body, "name")?) {
                    (Some(account), Some(name)) => {
                        self.look_up(Lookup::Parameter { account, name }, decl)?
                    }
                    _ => not_yet(decl),
                }
            }
            DataSource::Object(kind) => {
                let account = self.handle_of(body);
                let key = natural_key(kind, body)?;
                match key {
                    Some(key) => {
                        let kind = kind.schema().kind;
                        self.look_up(Lookup::Object { account, kind, key }, decl)?
                    }
                    None => not_yet(decl),
                }
            }
        })
    }

    fn look_up(&self, lookup: Lookup, decl: &DataDecl) -> Result<Value, Diagnostics> {
        match self.known.looked_up(&lookup) {
            Some(Ok(Some(attrs))) => {
                let missing = decl.ty.attributes.iter().filter(|name| !attrs.contains_key(name as &str));
                let missing: Vec<String> = missing.map(|name| (*name).to_owned()).collect();
                let mut all = (*attrs).clone();
                for name in missing {
                    all.insert(name, Value::Null);
                }
                Ok(Value::Map(all))
            }
            Some(Ok(None)) => Err(Diagnostic::error(format!("{lookup} does not exist"))
                .at(decl.loc.clone())
                .detail("AWS has nothing by that name there")
                .help("check the name and the account; an object that this configuration makes is referred to by its own block")
                .into()),
            Some(Err(failure)) => Err(Diagnostic::error(format!("cannot look up {lookup}"))
                .at(decl.loc.clone())
                .detail(failure.message)
                .help_opt(failure.advice)
                .into()),
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

    fn account_of(&self, body: &Body) -> Option<Arc<ExpandedInstance<'c>>> {
        match body.get(ACCOUNT)?.value.reveal() {
            Value::Block(block) => self.object_at(&block.address),
            _ => None,
        }
    }

    fn handle_of(&self, body: &Body) -> Option<Handle> {
        self.account_of(body)?.handle.clone()
    }

    /// The statements of the source documents, those of the block, and those that override them.
    fn policy_document(&self, body: &Body, decl: &DataDecl) -> Result<Value, Diagnostics> {
        let region = self.provider()?.region.to_string();
        let context = KindContext {
            address: ResourceAddr::new(decl.ty.name, decl.label.value.as_str()),
            estate: self.estate_name(),
            account_id: self.management_account(),
            partition: Partition::of_region(&region),
            region,
            default_tags: BTreeMap::new(),
            limits: (*self.limits()?).clone(),
            ownership_tags: BTreeMap::new(),
        };
        let own = document_of_statements(body, &context)?;
        let (own, hidden) = match own {
            Value::Sensitive(inner) => ((*inner).clone(), true),
            plain => (plain, false),
        };
        let own = statements_of(&own).unwrap_or_default();
        let mut all: Vec<Value> = Vec::new();
        let names = ["source_policy_documents", "override_policy_documents"];
        let given = names.iter().filter_map(|name| body.get(name));
        let hidden = hidden || given.into_iter().any(|given| given.value.has_sensitive());
        let Some(sources) = documents(body, names[0])? else {
            return Ok(Value::Unknown(Unknown::default()));
        };
        for (statement, loc) in sources {
            if let Some(sid) = sid(&statement)
                && all.iter().any(|other| self::sid(other) == Some(sid))
            {
                return Err(Diagnostic::error(format!(
                    "two source documents have the `Sid` `{sid}`"
                ))
                .at(loc)
                .help("rename one, or put its document under `override_policy_documents`")
                .into());
            }
            all.push(statement);
        }
        let Some(overrides) = documents(body, names[1])? else {
            return Ok(Value::Unknown(Unknown::default()));
        };
        let overrides = overrides.into_iter().map(|(statement, _)| statement);
        for statement in own.into_iter().chain(overrides) {
            let same = sid(&statement)
                .and_then(|sid| all.iter().position(|other| self::sid(other) == Some(sid)));
            match same.and_then(|at| all.get_mut(at)) {
                Some(place) => *place = statement,
                None => all.push(statement),
            }
        }
        let document = Value::Map(Attrs::from([
            ("Statement".to_owned(), Value::List(all.into_iter().collect())),
            ("Version".to_owned(), "2012-10-17".into()),
        ]));
        Ok(if hidden { document.sensitive() } else { document })
    }
}

/// What a block will tell once it is looked up.
fn not_yet(decl: &DataDecl) -> Value {
    let unknown = |name: &&str| ((*name).to_owned(), Value::Unknown(Unknown::default()));
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
        Value::Unknown(unknown) if unknown.parts.is_empty() && unknown.waits_for.is_empty() => {
            Ok(None)
        }
        _ => Err(Diagnostic::error(format!("`{name}` must be known while planning"))
            .at(given.loc.clone())
            .detail("AWS assigns it during apply, and lookups are made before the plan")
            .help("refer to the block that makes the object instead")
            .needing_value()
            .into()),
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

fn sid(statement: &Value) -> Option<&str> {
    statement.as_map()?.get("Sid")?.as_str().filter(|sid| !sid.is_empty())
}

/// The statements of a document; `None` where it is no policy document, of which none may be lost.
fn statements_of(document: &Value) -> Option<Vec<Value>> {
    let document = document.as_map()?;
    if document.keys().any(|key| !["Id", "Statement", "Version"].contains(&key.as_str())) {
        return None;
    }
    let all = match document.get("Statement") {
        Some(Value::List(list)) => list.to_vec(),
        Some(one @ Value::Map(_)) => vec![one.clone()],
        Some(_) => return None,
        None => Vec::new(),
    };
    all.iter().all(|statement| statement.as_map().is_some()).then_some(all)
}

/// The statements of the documents that an attribute lists; `None` where one is not known.
fn documents(body: &Body, name: &str) -> Result<Option<Vec<(Value, Loc)>>, Diagnostics> {
    let mut all = Vec::new();
    let Some(given) = body.get(name) else { return Ok(Some(all)) };
    // How many there are may not be known either: then nothing of the document is.
    if given.value.reveal().is_unknown() {
        return Ok(None);
    }
    for text in given.value.elements().unwrap_or_default() {
        match text.reveal() {
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => {
                let document: serde_json::Value = serde_json::from_str(text).map_err(|error| {
                    let said = match given.value.has_sensitive() {
                        true => String::new(),
                        false => format!(": {error}"),
                    };
                    Diagnostic::error(format!("a document of `{name}` is not JSON{said}"))
                        .at(given.loc.clone())
                        .help("pass JSON text, such as `data.iam_policy_document.base.json`")
                })?;
                let statements = statements_of(&Value::from_json(&document)).ok_or_else(|| {
                    Diagnostic::error(format!("a document of `{name}` is no policy document"))
                        .at(given.loc.clone())
                        .detail("beside `Version` and `Id` it has a `Statement`, an object or a list of objects, and nothing else")
                        .help(
                            "pass a policy document, such as `data.iam_policy_document.base.json`",
                        )
                })?;
                all.extend(statements.into_iter().map(|s| (s, given.loc.clone())));
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(all))
}
