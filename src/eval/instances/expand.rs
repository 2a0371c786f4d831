//! The expansion of a block: by `for_each` or `count`, and by the places that it has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::{ACCOUNT, AddrParts, InstanceKey, ResourceAddr};
use crate::config::ResourceDecl;
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::environments::reference::environment_value;
use crate::eval::evaluator::Evaluator;
use crate::eval::evaluator::node::{Node, Stored};
use crate::eval::instances::object::{ExpandedInstance, Expansion, InstancePlace, MANY, ObjectIx};
use crate::eval::modules::instance::{ModuleInst, ModuleIx};
use crate::eval::modules::scope::ModuleScope;
use crate::ids::Handle;
use crate::schema::{AccessPart, Home, ManagedKind, kind};
use crate::value::{Attrs, Value};

impl<'c> Evaluator<'c> {
    /// The instances of a block.
    pub(in crate::eval) fn expand_block(
        &self,
        module: &Arc<ModuleInst<'c>>,
        kind_name: &str,
        label: &str,
        loc: Option<&Loc>,
    ) -> Result<Arc<Expansion>, Diagnostics> {
        let key = (kind_name.to_owned(), label.to_owned());
        let (Some(decl), Some(kind)) = (module.module.resources.get(&key), kind(kind_name)) else {
            return Err(Diagnostic::error(format!("there is no `{kind_name}` block `{label}`"))
                .at_opt(loc.cloned())
                .into());
        };
        let stored = self.get(Node::Block(module.ix, key.0, key.1), loc, || {
            self.expansion(module, decl, kind).map(|e| Stored::Objects(Arc::new(e)))
        })?;
        match stored {
            Stored::Objects(objects) => Ok(objects),
            _ => Err(Diagnostics::new()),
        }
    }

    fn expansion(
        &self,
        module: &Arc<ModuleInst<'c>>,
        decl: &'c ResourceDecl,
        kind: &'static dyn ManagedKind,
    ) -> Result<Expansion, Diagnostics> {
        let scope = ModuleScope::new(self, Arc::clone(module), None);
        let (elements, for_each_deps) = self.recorded(|| {
            self.elements(&scope, decl.meta.for_each.as_ref(), decl.meta.count.as_ref())
        });
        let (keyed, elements) = elements?;
        self.room_for_objects(elements.len(), &decl.label.loc)?;
        let placed = kind.schema().home == Home::Account;
        let label = &decl.label.value;
        if let (false, Some(expr)) =
            (placed, decl.meta.accounts.as_ref().or(decl.meta.environments.as_ref()))
        {
            return Err(Diagnostic::error(format!(
                "{} lives in the organization, so it is not placed in accounts",
                kind.schema().what
            ))
            .at(expr.loc())
            .help("remove the argument")
            .into());
        }
        let mut instances: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        let mut errors = Diagnostics::new();
        for element in elements {
            let own = element.name.map(|(name, map)| (name, Value::Map(map)));
            let deps = if for_each_deps.len() > MANY {
                own.as_ref().map(|(_, v)| self.mentioned(v)).unwrap_or_default()
            } else {
                for_each_deps.clone()
            };
            let places: Vec<Option<InstancePlace>> = if placed {
                let names: Vec<(&str, &Value)> = own.iter().map(|(n, v)| (*n, v)).collect();
                match self.recorded(|| self.placed_at(&scope, decl, &names)).0 {
                    Ok(places) => places.into_iter().map(Some).collect(),
                    Err(more) => {
                        errors.extend(more);
                        continue;
                    }
                }
            } else {
                vec![None]
            };
            let mut per_account: BTreeMap<Handle, usize> = BTreeMap::new();
            for place in places.iter().flatten() {
                *per_account.entry(place.placement.account.clone()).or_default() += 1;
            }
            let by_place = instances.entry(element.key.clone()).or_default();
            for place in places {
                let placement = place.as_ref().map(|p| p.placement.clone());
                let address = ResourceAddr::from(AddrParts {
                    module: module.addr.clone(),
                    kind: decl.kind.clone(),
                    name: label.clone(),
                    key: element.key.clone(),
                    short: placement
                        .as_ref()
                        .is_some_and(|p| per_account.get(&p.account).is_some_and(|n| *n == 1)),
                    placement: placement.clone(),
                });
                let handle = match kind.schema().meaning.access {
                    AccessPart::Account(_) => match account_handle(label, element.key.as_ref()) {
                        Ok(handle) => Some(handle),
                        Err(error) => {
                            errors.push(
                                Diagnostic::error(error.to_string()).at(decl.label.loc.clone()).help(
                                    "an account's handle is its label, and its key under `for_each`",
                                ),
                            );
                            continue;
                        }
                    },
                    _ => None,
                };
                let names = self.instance_names(own.as_ref(), place.as_ref());
                let ix = self.add_object(ExpandedInstance {
                    ix: ObjectIx(0),
                    address,
                    module: module.ix,
                    decl,
                    kind,
                    names,
                    place,
                    handle,
                    deps: deps.clone(),
                });
                by_place.insert(placement, ix);
            }
        }
        errors.into_result(Expansion { keyed, placed, instances })
    }

    /// `each` (with `account` and `environment` where the block is placed) or `count`.
    fn instance_names(
        &self,
        own: Option<&(&'static str, Value)>,
        place: Option<&InstancePlace>,
    ) -> Vec<(&'static str, Value)> {
        let mut names = Vec::with_capacity(2);
        let mut each = Attrs::new();
        match own {
            Some(("each", Value::Map(map))) => each = map.clone(),
            Some((name, value)) => names.push((*name, value.clone())),
            None => {}
        }
        if let Some(place) = place {
            if let Ok(account) = self.block_value(place.account, None) {
                each.insert(ACCOUNT.to_owned(), account);
            }
            if let Some(environment) = &place.placement.environment {
                each.insert("environment".to_owned(), environment_value(environment));
            }
        }
        if !each.is_empty() {
            names.push(("each", Value::Map(each)));
        }
        names
    }

    /// The instances that a value itself mentions: blocks, and what its unknowns wait for.
    pub(in crate::eval) fn mentioned(&self, value: &Value) -> BTreeSet<ObjectIx> {
        let mut found = BTreeSet::new();
        value.visit(&mut |v| match v {
            Value::Block(block) => {
                found.extend(self.object_at(&block.address).map(|o| o.ix));
            }
            Value::Unknown(unknown) => {
                for waits in &unknown.waits_for {
                    found.extend(self.object_at(&waits.address).map(|o| o.ix));
                }
            }
            _ => {}
        });
        found
    }

    /// All instances in a module instance and below it.
    pub(in crate::eval) fn objects_within(
        &self,
        ix: ModuleIx,
    ) -> Result<BTreeSet<ObjectIx>, Diagnostics> {
        let mut all = BTreeSet::new();
        let mut queue = vec![ix];
        while let Some(ix) = queue.pop() {
            let module = self.module(ix);
            for (kind_name, label) in module.module.resources.keys() {
                let expansion = self.expand_block(&module, kind_name, label, None)?;
                all.extend(expansion.instances.values().flat_map(|p| p.values().copied()));
            }
            for name in module.module.calls.keys() {
                queue.extend(self.expand_call(&module, name, None)?.instances.values().copied());
            }
        }
        Ok(all)
    }
}

fn account_handle(label: &str, key: Option<&InstanceKey>) -> Result<Handle, crate::ids::IdError> {
    match key {
        None => label.parse(),
        Some(InstanceKey::Name(key)) => format!("{label}.{key}").parse(),
        Some(InstanceKey::Index(index)) => format!("{label}.{index}").parse(),
    }
}
