//! The whole of an instance: its body, its canonical attributes, what it depends on.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::address::ResourceAddr;
use crate::config::IgnoreChanges;
use crate::diag::Diagnostics;
use crate::eval::body::evaluate_body;
use crate::eval::data::until_looked_up;
use crate::eval::estate::{Instance, Lifecycle};
use crate::eval::evaluator::Evaluator;
use crate::eval::instances::object::{ExpandedInstance, ObjectIx};
use crate::eval::modules::conditions::require;
use crate::eval::modules::instance::ModuleIx;
use crate::eval::modules::scope::ModuleScope;
use crate::schema::{self, POLICY_BLOCKS, TRUST_PARTS};
use crate::value::{Attrs, Value};

impl<'c> Evaluator<'c> {
    /// The whole of an instance: its body, its canonical attributes, what it depends on; and what
    /// is doubtful in it.
    pub(in crate::eval) fn instance(
        &self,
        object: &Arc<ExpandedInstance<'c>>,
    ) -> Result<(Instance, Diagnostics), Diagnostics> {
        let decl = object.decl;
        let mut errors = Diagnostics::new();
        let (parts, mut deps) = self.recorded(|| {
            let scope = self.scope_of(object);
            let names = object.names();
            let schema = object.kind.schema();
            let body = evaluate_body(&scope, &names, &decl.body, &schema.block, &mut errors);
            for expr in &decl.meta.depends_on {
                match scope.whole_reference(expr) {
                    Ok(objects) => self.refers_to_all(&objects),
                    Err(more) => errors.extend(more),
                }
            }
            let mut triggers = BTreeSet::new();
            for expr in &decl.meta.lifecycle.replace_triggered_by {
                match self.recorded(|| scope.whole_reference(expr)).0 {
                    Ok(objects) => triggers.extend(objects),
                    Err(more) => errors.extend(more),
                }
            }
            self.refers_to_all(&triggers);
            for condition in &decl.meta.lifecycle.preconditions {
                require(&scope, &names, condition, "precondition", &mut errors);
            }
            (body, triggers)
        });
        let (mut body, triggers) = parts;
        deps.extend(object.deps.iter().copied());
        deps.extend(object.place.as_ref().map(|p| p.account));
        self.module_deps(object.module, &mut deps, &mut errors);
        deps.remove(&object.ix);
        let mut errors = until_looked_up(errors, &body);
        if errors.has_errors() {
            return Err(errors);
        }
        let (context, _) = self.recorded(|| self.context(object, true));
        let context = context?;
        let (desired, warnings) = schema::desired(object.kind, &body, &context)
            .map_err(|errors| until_looked_up(errors, &body))?;
        errors.extend(warnings);
        let computed = self.computed(object, &desired, &context);
        if !decl.meta.lifecycle.postconditions.is_empty() {
            let mut whole: Attrs =
                body.attrs.iter().map(|(k, v)| (k.clone(), v.value.clone())).collect();
            // What the block leaves out is what AWS gets, or null.
            for attr in object.kind.schema().block.attrs {
                if !whole.contains_key(attr.name) {
                    let given = desired.get(attr.name);
                    let given = given.filter(|v| v.elements().is_none() && v.as_map().is_none());
                    whole.insert(attr.name.to_owned(), given.cloned().unwrap_or_default());
                }
            }
            whole.extend(self.computed_attrs(object, computed.clone()));
            let itself = Value::Map(whole);
            let mut names = object.names();
            names.push(("self", &itself));
            let scope = self.scope_of(object);
            let ((), found) = self.recorded(|| {
                for condition in &decl.meta.lifecycle.postconditions {
                    require(&scope, &names, condition, "postcondition", &mut errors);
                }
            });
            deps.extend(found.into_iter().filter(|ix| *ix != object.ix));
        }
        let addresses = |set: BTreeSet<ObjectIx>| -> BTreeSet<ResourceAddr> {
            set.into_iter().filter_map(|ix| Some(self.object(ix)?.address.clone())).collect()
        };
        // What these say stands in the attributes now, and of large estates it is half the memory.
        body.empty(&POLICY_BLOCKS, &TRUST_PARTS);
        let lifecycle = &decl.meta.lifecycle;
        errors.with_warnings(Instance {
            address: object.address.clone(),
            loc: decl.loc.clone(),
            body,
            desired,
            computed,
            depends_on: addresses(deps),
            lifecycle: Lifecycle {
                prevent_destroy: lifecycle.prevent_destroy,
                create_before_destroy: lifecycle.create_before_destroy,
                ignore_changes: match &lifecycle.ignore_changes {
                    IgnoreChanges::None => Vec::new(),
                    IgnoreChanges::All(_) => vec!["all".to_owned()],
                    IgnoreChanges::Some(names) => names.iter().map(|n| n.value.clone()).collect(),
                },
                replace_triggered_by: addresses(triggers),
            },
            environments: object
                .place
                .as_ref()
                .and_then(|p| p.placement.environment.clone())
                .into_iter()
                .collect(),
        })
    }

    /// What the calls of the module instances around an instance depend on.
    fn module_deps(
        &self,
        module: ModuleIx,
        deps: &mut BTreeSet<ObjectIx>,
        errors: &mut Diagnostics,
    ) {
        let mut at = self.module(module);
        while let Some((parent, call)) = at.call {
            let outer = self.module(parent);
            if !call.depends_on.is_empty() {
                let scope = ModuleScope::new(self, Arc::clone(&outer), None);
                for expr in &call.depends_on {
                    match self.recorded(|| scope.whole_reference(expr)).0 {
                        Ok(objects) => deps.extend(objects),
                        Err(more) => errors.extend(more),
                    }
                }
            }
            at = outer;
        }
    }
}
