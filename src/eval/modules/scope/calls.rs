//! References to module calls: `module.NAME`, with a key, and their outputs.

use super::keys::{collect, no_instance};
use super::{ModuleScope, incomplete};
use crate::address::InstanceKey;
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::evaluator::node::Node;
use crate::eval::expr::scope::{EvalResult, RefPath, Resolved, suggest};
use crate::eval::modules::instance::{Keyed, ModuleIx};
use crate::value::{Attrs, Value};

impl<'e, 'c> ModuleScope<'e, 'c> {
    pub(super) fn module_reference(&self, path: &RefPath<'_>) -> Result<Resolved, Diagnostics> {
        let Some(name) = path.attr(0) else {
            return Err(incomplete(path, "module", "a module call's name", "module.baseline"));
        };
        if !self.module.module.calls.contains_key(name) {
            let known: Vec<&str> = self.module.module.calls.keys().map(String::as_str).collect();
            return Err(Diagnostic::error(format!("there is no module call `{name}`"))
                .at(path.step_loc(0))
                .help(suggest(name, &known))
                .certain()
                .into());
        }
        let loc = path.loc_to(1);
        let calls = self.evaluator.expand_call(&self.module, name, Some(&loc))?;
        let mut consumed = 1;
        let mut chosen = None;
        match calls.keyed {
            Keyed::No => chosen = calls.instances.get(&None).copied(),
            Keyed::ForEach
                if path.attr(1).is_some_and(|attr| {
                    calls.instances.contains_key(&Some(InstanceKey::Name(attr.to_owned())))
                }) =>
            {
                let key = path.attr(1).map(|attr| InstanceKey::Name(attr.to_owned()));
                consumed = 2;
                chosen = calls.instances.get(&key).copied();
            }
            keyed if path.is_key(1) => {
                let key = match self.key_step(path, 1, keyed)? {
                    Ok(key) => key,
                    Err(unknown) => {
                        return Ok(Resolved::new(Value::Unknown(unknown), path.len()));
                    }
                };
                consumed = 2;
                chosen = calls.instances.get(&Some(key.clone())).copied();
                if chosen.is_none() {
                    let known =
                        || calls.instances.keys().flatten().map(|k| k.to_string()).collect();
                    return Err(no_instance(path, &format!("module.{name}"), &key, known));
                }
            }
            _ => {}
        }
        let Some(ix) = chosen else {
            // The whole of a multiplied module: an object (or list) of its instances' outputs.
            if let Some(attr) = path.attr(1) {
                return Err(Diagnostic::error(format!(
                    "`module.{name}` has several instances, so it has no output `{attr}` of its own"
                ))
                .at(path.step_loc(1))
                .help(format!("name one, as in `module.{name}[...].{attr}`, or all: `[for m in module.{name} : m.{attr}]`"))
                .into());
            }
            let mut all = Vec::new();
            for (key, ix) in &calls.instances {
                all.push((key.clone(), self.all_outputs(*ix, &loc)?));
            }
            return Ok(Resolved::new(collect(calls.keyed, all), consumed));
        };
        let child = self.evaluator.module(ix);
        match path.attr(consumed) {
            Some(output) if child.module.outputs.contains_key(output) => {
                let loc = path.loc_to(consumed + 1);
                let value = self.evaluator.output(&child, output, Some(&loc))?;
                let node = Node::Output(child.ix, output.to_owned());
                self.named(node, value, path, consumed + 1)
            }
            Some(output) => {
                let known: Vec<&str> = child.module.outputs.keys().map(String::as_str).collect();
                Err(Diagnostic::error(format!("the module `{name}` has no output `{output}`"))
                    .at(path.step_loc(consumed))
                    .help(suggest(output, &known))
                    .certain()
                    .into())
            }
            None => Ok(Resolved::new(self.all_outputs(ix, &loc)?, consumed)),
        }
    }

    fn all_outputs(&self, ix: ModuleIx, loc: &Loc) -> EvalResult {
        let child = self.evaluator.module(ix);
        let mut map = Attrs::new();
        for name in child.module.outputs.keys() {
            map.insert(name.clone(), (*self.evaluator.output(&child, name, Some(loc))?).clone());
            self.evaluator.refers_to_part(&Node::Output(child.ix, name.clone()), None);
        }
        Ok(Value::Map(map))
    }
}
