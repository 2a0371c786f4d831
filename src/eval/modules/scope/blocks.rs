//! References to managed blocks: `KIND.LABEL`, with a key, `.at["..."]`, or bare.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::{collect, no_instance};
use super::{ModuleScope, incomplete};
use crate::address::InstanceKey;
use crate::config::Expr;
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::expr::scope::{EvalResult, RefPath, RefStep, Resolved, suggest};
use crate::eval::instances::object::ObjectIx;
use crate::eval::modules::instance::Keyed;
use crate::value::convert::text_of;
use crate::value::{Unknown, Value};

impl<'e, 'c> ModuleScope<'e, 'c> {
    /// `KIND.LABEL`, with a key, `.at["..."]`, or bare.
    pub(super) fn block_reference(&self, path: &RefPath<'_>) -> Result<Resolved, Diagnostics> {
        let kind_name = path.name();
        let Some(label) = path.attr(0) else {
            let example = format!("{kind_name}.example");
            return Err(incomplete(path, kind_name, "a block's label", &example));
        };
        let resources = &self.module.module.resources;
        if !resources.contains_key(&(kind_name.to_owned(), label.to_owned())) {
            return Err(self.no_block(path, kind_name, label));
        }
        let loc = path.loc_to(1);
        let expansion = self.evaluator.expand_block(&self.module, kind_name, label, Some(&loc))?;
        let mut consumed = 1;
        let (keys, single) = if path.is_key(1) {
            if expansion.keyed == Keyed::No {
                return Err(Diagnostic::error(format!(
                    "`{kind_name}.{label}` has neither `for_each` nor `count`, so it has no keys"
                ))
                .at(path.step_loc(1))
                .help_opt(expansion.placed.then(|| {
                    format!("an account's instance is `{kind_name}.{label}.at[\"ACCOUNT\"]`")
                }))
                .into());
            }
            let key = match self.key_step(path, 1, expansion.keyed)? {
                Ok(key) => key,
                Err(unknown) => return Ok(Resolved::new(Value::Unknown(unknown), path.len())),
            };
            if !expansion.instances.contains_key(&Some(key.clone())) {
                let keys = expansion.instances.keys().flatten();
                let known = || keys.map(|k| k.to_string()).collect();
                return Err(no_instance(path, &format!("{kind_name}.{label}"), &key, known));
            }
            consumed = 2;
            (vec![Some(key)], true)
        } else {
            let keys: Vec<Option<InstanceKey>> = expansion.instances.keys().cloned().collect();
            (keys, expansion.keyed == Keyed::No)
        };
        let at = expansion.placed && path.attr(consumed) == Some("at");
        if at {
            consumed += 1;
            if path.is_key(consumed) {
                let wanted = match path.step(consumed)? {
                    Some(RefStep::Key(Value::Unknown(unknown))) => {
                        let unknown = Value::Unknown(Unknown::opaque([&unknown]));
                        return Ok(Resolved::new(unknown, path.len()));
                    }
                    Some(RefStep::Key(value)) => text_of(&value).unwrap_or_default(),
                    _ => String::new(),
                };
                let mut chosen = Vec::new();
                for key in keys {
                    let ix = expansion.at(key.as_ref(), &wanted).map_err(|problem| {
                        Diagnostics::from(
                            Diagnostic::error(format!(
                                "`{kind_name}.{label}` {} `{wanted}`",
                                problem.summary()
                            ))
                            .at(path.step_loc(consumed))
                            .help(problem.choices(
                                &expansion,
                                key.as_ref(),
                                &wanted,
                            )),
                        )
                    })?;
                    chosen.push((key, self.block(ix, &loc)?));
                }
                let value = one_or_all(expansion.keyed, single, chosen);
                return Ok(Resolved::new(value, consumed + 1));
            }
            let mut by_place: BTreeMap<String, Vec<(Option<InstanceKey>, Value)>> = BTreeMap::new();
            for key in keys {
                for (place, ix) in expansion.places(key.as_ref()) {
                    by_place.entry(place).or_default().push((key.clone(), self.block(ix, &loc)?));
                }
            }
            let map = by_place
                .into_iter()
                .map(|(place, all)| (place, one_or_all(expansion.keyed, single, all)))
                .collect();
            return Ok(Resolved::new(Value::Map(map), consumed));
        }
        if let (false, Some(attr)) = (single, path.attr(consumed)) {
            let named = InstanceKey::Name(attr.to_owned());
            if !keys.contains(&Some(named)) {
                let name = format!("{kind_name}.{label}");
                return Err(Diagnostic::error(format!(
                    "`{name}` has several instances, so it has no attribute `{attr}` of its own"
                ))
                .at(path.step_loc(consumed))
                .help(format!(
                    "name one, as in `{name}[...].{attr}`, or all: `[for x in {name} : x.{attr}]`"
                ))
                .into());
            }
        }
        let mut chosen = Vec::new();
        for key in keys {
            let ix = expansion.bare(key.as_ref(), self.from.as_deref()).map_err(|()| {
                let name = path.text(consumed);
                let choices: Vec<String> = expansion
                    .places(key.as_ref())
                    .into_iter()
                    .map(|(place, _)| format!("`{name}.at[\"{place}\"]`"))
                    .collect();
                let shown: Vec<&str> = choices.iter().take(8).map(String::as_str).collect();
                let more = choices.len().saturating_sub(shown.len());
                let help = match (shown.is_empty(), more) {
                    (true, _) => "it has no instances".to_owned(),
                    (false, 0) => format!("name one: {}", shown.join(", ")),
                    (false, more) => format!("name one: {} and {more} more", shown.join(", ")),
                };
                let why = match &self.from {
                    Some(from) => format!(
                        "none of its instances is in the account of `{}`, or several are",
                        from.address
                    ),
                    None => {
                        "there is no account here that would tell which of its instances is meant"
                            .to_owned()
                    }
                };
                Diagnostics::from(
                    Diagnostic::error(format!(
                        "`{name}` is placed in several accounts or environments"
                    ))
                    .at(path.loc_to(consumed))
                    .detail(why)
                    .help(help),
                )
            })?;
            chosen.push((key, self.block(ix, &loc)?));
        }
        Ok(Resolved::new(one_or_all(expansion.keyed, single, chosen), consumed))
    }

    pub(super) fn block(&self, ix: ObjectIx, loc: &Loc) -> EvalResult {
        self.evaluator.refers_to(ix);
        self.evaluator.block_value(ix, Some(loc))
    }

    fn no_block(&self, path: &RefPath<'_>, kind_name: &str, label: &str) -> Diagnostics {
        let labels = |module: &'c crate::config::Module| {
            module
                .resources
                .keys()
                .filter(|(k, _)| k == kind_name)
                .map(|(_, l)| l.as_str())
                .collect::<Vec<_>>()
        };
        let here = labels(self.module.module);
        let error = Diagnostic::error(format!("there is no `{kind_name}` block `{label}`"))
            .at(path.step_loc(0));
        let in_root =
            !self.module.addr.is_root() && labels(self.evaluator.config.root()).contains(&label);
        let help = if in_root {
            format!(
                "`{kind_name}.{label}` belongs to the root module; pass it to this module as a variable"
            )
        } else if here.is_empty() {
            format!("this module has no `{kind_name}` blocks")
        } else {
            suggest(label, &here)
        };
        error.help(help).certain().into()
    }

    /// All instances that a reference to a whole block or module names (`depends_on`).
    pub(in crate::eval) fn whole_reference(
        &self,
        expr: &Expr,
    ) -> Result<BTreeSet<ObjectIx>, Diagnostics> {
        use hcl::edit::expr::{Expression, TraversalOperator};
        let steps = match expr.node() {
            Expression::Traversal(traversal) => match &traversal.expr {
                Expression::Variable(root) => Some((root.as_str(), &traversal.operators)),
                _ => None,
            },
            _ => None,
        };
        let label =
            steps.and_then(|(root, operators)| match operators.first().map(|o| o.value()) {
                Some(TraversalOperator::GetAttr(name)) => {
                    Some((root, name.as_str(), operators.len()))
                }
                _ => None,
            });
        match label {
            Some(("module", name, 1)) => {
                let calls = self.evaluator.expand_call(&self.module, name, Some(&expr.loc()))?;
                let mut all = BTreeSet::new();
                for ix in calls.instances.values() {
                    all.extend(self.evaluator.objects_within(*ix)?);
                }
                Ok(all)
            }
            Some((kind_name, label, 1))
                if self
                    .module
                    .module
                    .resources
                    .contains_key(&(kind_name.to_owned(), label.to_owned())) =>
            {
                let loc = expr.loc();
                let expansion =
                    self.evaluator.expand_block(&self.module, kind_name, label, Some(&loc))?;
                // Between blocks placed alike, the same account's instance is meant.
                let mut all = BTreeSet::new();
                for (key, places) in &expansion.instances {
                    match self.from.as_deref().map(|from| expansion.bare(key.as_ref(), Some(from)))
                    {
                        Some(Ok(ix)) => {
                            all.insert(ix);
                        }
                        _ => all.extend(places.values().copied()),
                    }
                }
                Ok(all)
            }
            _ => {
                let (result, found) = self.evaluator.recorded(|| self.evaluate(expr, &[]));
                let value = result?;
                if found.is_empty() {
                    return Err(Diagnostic::error("this refers to no managed block")
                        .at(expr.loc())
                        .help("name a block or a module, as in `iam_role.deploy` or `module.baseline`")
                        .into());
                }
                drop(value);
                Ok(found)
            }
        }
    }
}

fn one_or_all(keyed: Keyed, single: bool, mut all: Vec<(Option<InstanceKey>, Value)>) -> Value {
    if single { all.pop().map(|(_, v)| v).unwrap_or_default() } else { collect(keyed, all) }
}
