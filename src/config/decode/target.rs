//! Addresses as `moved`, `import` and `removed` write them: references, or text in quotes.

use hcl::edit::expr::{Expression, TraversalOperator};

use super::super::expr::Expr;
use super::super::model::TargetAddr;
use super::Decoder;
use crate::address::{CONFIG_KIND, InstanceKey, ModuleAddr, Placement, RESOURCE, ResourceAddr};
use crate::diag::{Diagnostic, did_you_mean};
use crate::schema::{ManagedKind, Spanned};

/// A step of a reference.
enum ReferenceStep {
    Name(String),
    Key(InstanceKey),
}

impl Decoder<'_> {
    /// The address that an expression names.
    pub(super) fn address(
        &mut self,
        expr: &Expr,
        kinds: &'static [&'static dyn ManagedKind],
    ) -> Option<Spanned<TargetAddr>> {
        let address = match expr.node() {
            Expression::String(text) => from_text(text.value()),
            node => steps(node, &literal_key)
                .ok_or_else(|| "it must be a reference or an address in quotes".to_owned())
                .and_then(from_steps),
        };
        let loc = expr.loc();
        match address {
            Ok(value) => {
                if let TargetAddr::Object(object) = &value
                    && crate::schema::kind(&object.kind).is_none()
                {
                    let names = kinds.iter().map(|k| k.schema().kind);
                    self.error(
                        Diagnostic::error(format!(
                            "`{}` is no kind of managed object",
                            object.kind
                        ))
                        .at(loc)
                        .help_opt(did_you_mean(&object.kind, names)),
                    );
                    return None;
                }
                Some(Spanned { value, loc })
            }
            Err(rule) => {
                self.error(
                    Diagnostic::error("this is not an address")
                        .at(loc)
                        .detail(rule)
                        .help("write `iam_role.deploy`, `iam_role.deploy.at[\"production\"]`, `module.name`, or the same in quotes: \"iam_role.deploy@production\""),
                );
                None
            }
        }
    }
}

fn from_text(text: &str) -> Result<TargetAddr, String> {
    match text.parse::<ResourceAddr>() {
        Ok(address) => Ok(TargetAddr::Object(address)),
        Err(error) => {
            // An address parser of its own for `module.a["x"].module.b`: borrow the other one.
            let probe = format!("{text}.x.y").parse::<ResourceAddr>();
            match probe {
                Ok(address) if !address.module.is_root() && address.kind == "x" => {
                    Ok(TargetAddr::Module(address.module.clone()))
                }
                _ => Err(error.rule.to_owned()),
            }
        }
    }
}

/// The address that an expression names whose keys `key` evaluates.
///
/// # Errors
/// Why it is no address, in words.
pub fn target_address(
    node: &Expression,
    key: &dyn Fn(&Expression) -> Option<InstanceKey>,
) -> Result<TargetAddr, String> {
    steps(node, key).ok_or_else(|| "it must be a reference".to_owned()).and_then(from_steps)
}

fn literal_key(key: &Expression) -> Option<InstanceKey> {
    match key {
        Expression::String(key) => Some(InstanceKey::Name(key.value().clone())),
        Expression::Number(n) => n.value().as_u64().map(InstanceKey::Index),
        _ => None,
    }
}

fn steps(
    node: &Expression,
    evaluate: &dyn Fn(&Expression) -> Option<InstanceKey>,
) -> Option<Vec<ReferenceStep>> {
    let Expression::Traversal(traversal) = node else { return None };
    let Expression::Variable(root) = &traversal.expr else { return None };
    let mut steps = vec![ReferenceStep::Name(root.as_str().to_owned())];
    for operator in &traversal.operators {
        steps.push(match operator.value() {
            TraversalOperator::GetAttr(name) => ReferenceStep::Name(name.as_str().to_owned()),
            TraversalOperator::Index(key) => ReferenceStep::Key(evaluate(key)?),
            TraversalOperator::LegacyIndex(n) => ReferenceStep::Key(InstanceKey::Index(*n.value())),
            _ => return None,
        });
    }
    Some(steps)
}

fn from_steps(steps: Vec<ReferenceStep>) -> Result<TargetAddr, String> {
    let mut steps = steps.into_iter().peekable();
    let mut module = ModuleAddr::root();
    let missing = || "a name is missing".to_owned();
    let name =
        |steps: &mut std::iter::Peekable<std::vec::IntoIter<ReferenceStep>>| match steps.next() {
            Some(ReferenceStep::Name(name)) => Ok(name),
            _ => Err(missing()),
        };
    let key = |steps: &mut std::iter::Peekable<std::vec::IntoIter<ReferenceStep>>| match steps
        .next_if(|s| matches!(s, ReferenceStep::Key(_)))
    {
        Some(ReferenceStep::Key(key)) => Some(key),
        _ => None,
    };
    while matches!(steps.peek(), Some(ReferenceStep::Name(n)) if n == "module") {
        steps.next();
        let call = name(&mut steps)?;
        let instance = key(&mut steps);
        module = module.child(call, instance);
    }
    if steps.peek().is_none() {
        return Ok(TargetAddr::Module(module));
    }
    let mut kind = name(&mut steps)?;
    if kind == RESOURCE
        && let Some(InstanceKey::Name(ty)) = key(&mut steps)
    {
        kind = ty;
    }
    let label = name(&mut steps)?;
    let mut address = ResourceAddr::new(kind, label.clone());
    address.module = module;
    if address.kind == "environment" {
        if name(&mut steps)? != CONFIG_KIND {
            return Err("of an environment only `config` values are managed".to_owned());
        }
        address.kind = CONFIG_KIND.to_owned();
        address.name = format!("{label}.{}", name(&mut steps)?);
    }
    address.key = key(&mut steps);
    match (steps.next(), steps.next(), steps.next()) {
        (None, _, _) => {}
        (
            Some(ReferenceStep::Name(at)),
            Some(ReferenceStep::Key(InstanceKey::Name(place))),
            None,
        ) if at == "at" => {
            let (account, environment) = match place.split_once('/') {
                Some((account, environment)) => (account, Some(environment.to_owned())),
                None => (place.as_str(), None),
            };
            let account =
                account.parse().map_err(|_| format!("`{account}` is no account's handle"))?;
            address.short = environment.is_none();
            let environment = if address.kind == CONFIG_KIND { Some(label) } else { environment };
            address.placement = Some(Placement { account, environment });
        }
        _ => return Err("it names an attribute, not a whole object".to_owned()),
    }
    Ok(TargetAddr::Object(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_expression;
    use crate::diag::Source;

    fn read(text: &str) -> Result<String, String> {
        let node = parse_expression(&Source::new("x", text)).expect(text);
        steps(&node, &literal_key)
            .ok_or_else(String::new)
            .and_then(from_steps)
            .map(|a| a.to_string())
    }

    #[test]
    fn references_become_addresses() {
        for (reference, address) in [
            ("iam_role.a", "iam_role.a"),
            ("iam_role.a[\"k\"].at[\"prod\"]", "iam_role.a[\"k\"]@prod"),
            ("iam_role.a.at[\"dev/dev-aws\"]", "iam_role.a@dev/dev-aws"),
            ("module.m[\"x\"].module.n.iam_role.a[0]", "module.m[\"x\"].module.n.iam_role.a[0]"),
            ("module.m[2]", "module.m[2]"),
            (
                "resource[\"AWS::Logs::LogGroup\"].app.at[\"prod\"]",
                "resource[\"AWS::Logs::LogGroup\"].app@prod",
            ),
            (
                "environment.prod.config.app[\"a/b\"].at[\"prod\"]",
                "environment.prod.config.app[\"a/b\"]@prod",
            ),
        ] {
            assert_eq!(read(reference).as_deref(), Ok(address));
            assert_eq!(from_text(address).map(|a| a.to_string()).as_deref(), Ok(address));
        }
        for bad in ["iam_role", "iam_role.a.arn", "a.b[*]", "f(x)", "environment.x"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
