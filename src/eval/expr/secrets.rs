//! Secret references: `secret("env:NAME")` makes one, and nothing can be computed from it.

use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::expr::scope::EvalResult;
use crate::value::Value;

/// Functions that move values without reading them: secret references may pass through.
const MOVERS: &[&str] =
    &["concat", "element", "keys", "length", "lookup", "merge", "tomap", "values"];

/// `secret("env:NAME")`: a reference that only apply resolves.
pub(in crate::eval) fn secret(args: &[Value], locs: &[Loc], loc: &Loc) -> EvalResult {
    let ([reference], [arg_loc]) = (args, locs) else {
        return Err(Diagnostic::error(format!(
            "function `secret` takes 1 argument, not {}",
            args.len()
        ))
        .at(loc.clone())
        .help("its form is `secret(\"env:NAME\")`")
        .into());
    };
    let error = |summary: &str| {
        Diagnostics::from(Diagnostic::error(summary).at(arg_loc.clone()).help(
            "a secret is named by its source: `secret(\"env:API_TOKEN\")`, `secret(\"ssm:/path/of/parameter\")` or `secret(\"file:path/of/file\")`",
        ))
    };
    match reference {
        Value::String(text) => match text.split_once(':') {
            Some(("env" | "ssm" | "file", rest)) if !rest.is_empty() => {
                Ok(Value::Secret(text.clone()))
            }
            Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_lowercase()) => {
                Err(error(&format!("there is no source of secrets `{scheme}`")))
            }
            _ => Err(error("this does not name the source of a secret")),
        },
        Value::Sensitive(_) => Err(error("the name of a secret cannot itself be sensitive")),
        // An evaluation after the lookup knows which secret it is.
        Value::Unknown(unknown) if unknown.needs_lookup => Ok(Value::Unknown(unknown.clone())),
        Value::Unknown(_) => Err(error("the name of a secret must be known before apply")),
        other => Err(error(&format!(
            "the name of a secret must be a string, not a {}",
            other.type_name()
        ))),
    }
}

/// Refuses secret references as arguments of functions that would compute from them.
pub(in crate::eval) fn refuse_secrets(
    name: &str,
    args: &[Value],
    locs: &[Loc],
) -> Result<(), Diagnostics> {
    if MOVERS.contains(&name) {
        return Ok(());
    }
    for (arg, loc) in args.iter().zip(locs) {
        let mut secret = false;
        arg.visit(&mut |v| secret |= matches!(v, Value::Secret(_)));
        if secret {
            return Err(Diagnostic::error(format!(
                "function `{name}` cannot compute from a secret reference"
            ))
            .at(loc.clone())
            .help("its value is resolved only at apply, where a config value takes it whole")
            .into());
        }
    }
    Ok(())
}
