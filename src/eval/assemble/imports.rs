//! `import` and `removed` blocks: which instances they mean.

use hcl::edit::expr::Expression;

use crate::address::{InstanceKey, ResourceAddr};
use crate::config::{Expr, ImportTarget, TargetAddr, target_address};
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::estate::{Estate, Import};
use crate::eval::evaluator::Evaluator;
use crate::eval::expr::evaluate_with;
use crate::schema::Spanned;
use crate::value::convert::text_of;
use crate::value::{Attrs, Value};

impl<'c> Evaluator<'c> {
    pub(super) fn imports(&self, estate: &mut Estate, errors: &mut Diagnostics) {
        let root = self.config.root();
        for import in &root.imports {
            match &import.to {
                ImportTarget::One(to) => self.import(to, &import.id, &[], estate, errors),
                ImportTarget::Each { over, to } => {
                    let scope = self.root_scope();
                    let all = match scope.evaluate(over, &[]) {
                        // Of a list too, as in Terraform: the keys are its numbers.
                        Ok(Value::List(list)) => Ok(list
                            .iter()
                            .enumerate()
                            .map(|(index, value)| {
                                let index = i64::try_from(index).unwrap_or(i64::MAX);
                                Attrs::from([
                                    ("key".to_owned(), Value::int(index)),
                                    ("value".to_owned(), value.clone()),
                                ])
                            })
                            .collect::<Vec<Attrs>>()),
                        _ => self.elements(&scope, Some(over), None).map(|(_, elements)| {
                            elements.into_iter().filter_map(|e| Some(e.name?.1)).collect()
                        }),
                    };
                    let all = match all {
                        Ok(all) => all,
                        Err(more) => {
                            errors.extend(more);
                            continue;
                        }
                    };
                    for each in all {
                        let each = Value::Map(each);
                        let names = [("each", &each)];
                        match self.import_target(to, &names) {
                            Ok(to) => self.import(&to, &import.id, &names, estate, errors),
                            Err(more) => errors.extend(more),
                        }
                    }
                }
            }
        }
        for removed in &root.removed {
            let text = removed.from.value.to_string();
            if estate.instances.keys().any(|a| a.is_named_by(&text)) {
                errors.push(
                    Diagnostic::error(format!(
                        "`{text}` is declared, so it cannot be `removed` too"
                    ))
                    .at(removed.from.loc.clone())
                    .help("delete its block; `removed` tells that the object stays in AWS"),
                );
            }
            let loc = removed.from.loc.clone();
            estate.removed.push(Spanned { value: text, loc });
        }
    }

    /// The address of an import with `for_each`, its keys evaluated for one element.
    fn import_target(
        &self,
        to: &Expr,
        names: &[(&str, &Value)],
    ) -> Result<Spanned<ResourceAddr>, Diagnostics> {
        let scope = self.root_scope();
        let mut wrong = std::cell::RefCell::new(Diagnostics::new());
        let key = |key: &Expression| match evaluate_with(key, to.source(), &scope, names) {
            Ok(value) => match value.reveal() {
                Value::Number(_) => {
                    value.as_i64().and_then(|n| u64::try_from(n).ok()).map(InstanceKey::Index)
                }
                other => other.as_str().map(|name| InstanceKey::Name(name.to_owned())),
            },
            Err(more) => {
                wrong.borrow_mut().extend(more);
                None
            }
        };
        let found = target_address(to.node(), &key);
        if wrong.get_mut().has_errors() {
            return Err(wrong.into_inner());
        }
        match found {
            Ok(TargetAddr::Object(value)) => Ok(Spanned { value, loc: to.loc() }),
            Ok(TargetAddr::Module(_)) => {
                Err(Diagnostic::error("a whole module cannot be imported")
                    .at(to.loc())
                    .help("name one object of it")
                    .into())
            }
            Err(rule) => Err(Diagnostic::error("this is not an address")
                .at(to.loc())
                .detail(rule)
                .help("as in `iam_role.deploy[each.key]`, whose key is a known string or number")
                .into()),
        }
    }

    fn import(
        &self,
        to: &Spanned<ResourceAddr>,
        id: &Expr,
        names: &[(&str, &Value)],
        estate: &mut Estate,
        errors: &mut Diagnostics,
    ) {
        let address = match self.find(&to.value, &to.loc, estate) {
            Ok(address) => address,
            Err(error) => {
                // Instances of a block that waits for a lookup are not there yet.
                let waits = errors.iter().any(|e| e.needs_value);
                return errors.push(if waits { error.needing_value() } else { *error });
            }
        };
        match self.root_scope().evaluate(id, names) {
            Ok(value) => match text_of(value.reveal()) {
                Some(text) => estate.imports.push(Import {
                    to: Spanned { value: address, loc: to.loc.clone() },
                    id: Spanned { value: text, loc: id.loc() },
                }),
                None => {
                    let error = Diagnostic::error(format!(
                        "the id of an import must be a known string, not a {}",
                        value.type_name()
                    ))
                    .at(id.loc());
                    errors.push(if value.is_unknown() { error.needing_value() } else { error });
                }
            },
            Err(more) => errors.extend(more),
        }
    }

    /// The instance that an address means; the environment may be left out where that is unambiguous.
    fn find(
        &self,
        address: &ResourceAddr,
        loc: &Loc,
        estate: &Estate,
    ) -> Result<ResourceAddr, Box<Diagnostic>> {
        if estate.instances.contains_key(address) || self.object_at(address).is_some() {
            return Ok(address.clone());
        }
        let block = address.block();
        let candidates: Vec<ResourceAddr> = self
            .all_objects()
            .iter()
            .map(|o| o.address.clone())
            .filter(|a| a.block() == block && a.key == address.key)
            .collect();
        let near: Vec<&ResourceAddr> = candidates
            .iter()
            .filter(|a| address.placement.is_none() || a.account() == address.account())
            .collect();
        if let [only] = near.as_slice() {
            return Ok((*only).clone());
        }
        let shown: Vec<String> = candidates.iter().take(8).map(|a| format!("`{a}`")).collect();
        let help = if shown.is_empty() {
            "add its block first".to_owned()
        } else {
            format!("there are {}", shown.join(", "))
        };
        Err(Box::new(
            Diagnostic::error(format!("there is no instance `{address}`"))
                .at(loc.clone())
                .help(help),
        ))
    }
}
