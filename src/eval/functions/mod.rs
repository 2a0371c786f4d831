//! The function library: Terraform's standard functions under the same names.
//!
//! A function is a row in the table of its file: name, how many arguments, what it copes with
//! itself, and a plain `fn` over evaluated arguments. [`call`] is the only way in. It settles
//! what is unknown and what is sensitive before a function sees its arguments, so most functions
//! only ever receive wholly known, unmarked values.
//!
//! `try`, `can`, `templatefile` and `templatestring` need the evaluator and live beside it, not here.
//!
//! Hostile input: a function whose result can be larger than its arguments checks the size before
//! it builds anything, and [`call`] refuses results beyond [`MAX_RESULT`].

mod args;
mod collection;
mod conversion;
mod cost;
mod datetime;
mod encoding;
pub mod filesystem;
mod format;
mod function;
mod hash;
mod network;
mod numeric;
mod re2;
pub mod reference;
mod regex;
mod set;
mod string;
mod weight;
mod yaml;
mod yaml_text;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::diag::{Diagnostic, Diagnostics, Loc, did_you_mean};
use crate::value::convert::unmark_deep;
use crate::value::{Unknown, Value, normal_form};

use args::concealed;

pub(crate) use cost::{cost, result_cost};
pub use function::{Call, Copes, Function, FunctionContext};
pub(crate) use weight::weight;

/// Every table of the library, by family.
pub const FAMILIES: &[(&str, &[&[Function]])] = &[
    ("Strings", &[string::TABLE, format::TABLE, regex::TABLE]),
    ("Collections", &[collection::TABLE, set::TABLE]),
    ("Numbers", &[numeric::TABLE]),
    ("Encoding", &[encoding::TABLE, yaml::TABLE]),
    ("Files", &[filesystem::TABLE]),
    ("Hashes", &[hash::TABLE]),
    ("Networks and ARNs", &[network::TABLE]),
    ("Dates and times", &[datetime::TABLE]),
    ("Types and sensitivity", &[conversion::TABLE]),
];

/// The largest result of one call: bytes of text plus a fixed cost per value.
pub const MAX_RESULT: usize = 128 * 1024 * 1024;

fn table() -> &'static BTreeMap<&'static str, &'static Function> {
    static TABLE: OnceLock<BTreeMap<&'static str, &'static Function>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let families = FAMILIES.iter().flat_map(|(_, tables)| tables.iter());
        families.flat_map(|t| t.iter()).map(|f| (f.name, f)).collect()
    })
}

/// Names that the evaluator itself provides.
pub const SPECIAL: &[&str] = &["can", "secret", "templatefile", "templatestring", "try"];

/// Names of all functions, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    let mut all: Vec<&'static str> = table().keys().chain(SPECIAL).copied().collect();
    all.sort_unstable();
    all.into_iter()
}

/// The function of that name, for docs.
#[must_use]
pub fn find(name: &str) -> Option<&'static Function> {
    table().get(name).copied()
}

/// Calls a function of the library. `made` is told how many bytes the result has, before it is refused for
/// being too large: what was put together has taken its time.
///
/// # Errors
/// No such function (with a suggestion), a wrong number of arguments, what the function itself refuses, or
/// what `made` does.
pub fn call(
    name: &str,
    args: Vec<Value>,
    arg_locs: Vec<Loc>,
    loc: Loc,
    context: &FunctionContext,
    made: impl FnOnce(usize) -> Result<(), Diagnostics>,
) -> Result<Value, Diagnostics> {
    let Some(function) = find(name) else {
        return Err(unknown_function(name, &loc).into());
    };
    let mut call = Call { function, args, arg_locs, loc, context };
    let (min, max) = function.arity();
    let given = call.args.len();
    if given < min || max.is_some_and(|max| given > max) {
        let wanted = match max {
            Some(max) if max == min => format!("{min}"),
            Some(max) => format!("{min} to {max}"),
            None => format!("at least {min}"),
        };
        let noun = if wanted == "1" || wanted == "at least 1" { "argument" } else { "arguments" };
        let problem = format!("function `{name}` takes {wanted} {noun}, not {given}");
        let help = format!("its form is `{}`", function.signature());
        return Err(call.error(problem).help(help).into());
    }
    let mut sensitive = false;
    if !function.copes.sensitive && call.args.iter().any(Value::has_sensitive) {
        sensitive = true;
        call.args = call.args.into_iter().map(unmark_deep).collect();
    }
    let unknown = !function.copes.unknown && call.args.iter().any(Value::has_unknown);
    let result = if unknown {
        Value::Unknown(Unknown::opaque(call.args.iter().flat_map(Value::unknowns)))
    } else {
        let result = (function.run)(&call);
        let result =
            if sensitive { result.map_err(|error| concealed(&call, error))? } else { result? };
        if function.copes == Copes::ALL { result } else { normalized(result) }
    };
    let bytes = weight(&result);
    made(bytes)?;
    if bytes > MAX_RESULT {
        let most = MAX_RESULT / 1024 / 1024;
        return Err(call.error(format!("the result of `{name}` is larger than {most} MiB")).into());
    }
    Ok(if sensitive { result.sensitive() } else { result })
}

/// The value with all its text in normal form C. Functions that only move values about
/// ([`Copes::ALL`]) need none of this: what they are given is in it already.
fn normalized(value: Value) -> Value {
    let mut other = false;
    value.visit(&mut |v| match v {
        Value::String(text) => other |= !text.is_ascii(),
        Value::Map(map) => other |= map.keys().any(|key| !key.is_ascii()),
        _ => {}
    });
    if !other {
        return value;
    }
    let text = |text: String| normal_form(&text).unwrap_or(text);
    match value {
        Value::String(string) => Value::String(text(string)),
        Value::List(list) => Value::List(list.into_iter().map(normalized).collect()),
        Value::Set(set) => Value::Set(set.into_iter().map(normalized).collect()),
        Value::Map(map) => {
            Value::Map(map.into_iter().map(|(k, v)| (text(k), normalized(v))).collect())
        }
        other => other,
    }
}

/// The error for a name that is no function.
#[must_use]
pub fn unknown_function(name: &str, loc: &Loc) -> Diagnostic {
    let reason = absent(name).map(str::to_owned).or_else(|| did_you_mean(name, names()));
    Diagnostic::error(format!("there is no function `{name}`"))
        .at(loc.clone())
        .help_opt(reason)
        .certain()
}

/// Terraform's functions that are missing here on purpose, and why.
pub const ABSENT: &[(&str, &str)] = &[
    (
        "abspath",
        "plans must not depend on where the configuration lies; paths are relative to the module",
    ),
    ("bcrypt", "`bcrypt` gives another result each time, so that every plan would differ"),
    (
        "ephemeralasnull",
        "there are no ephemeral values; mark what must not be shown with `sensitive`",
    ),
    ("list", "write `[a, b]`"),
    ("map", "write `{ key = value }`"),
    ("pathexpand", "file functions read only the configuration, never the home directory"),
    ("plantimestamp", "`plantimestamp` would make every plan differ; pass the time as a variable"),
    (
        "rsadecrypt",
        "private keys do not belong in a configuration; use `secret(...)` in a config value",
    ),
    ("timestamp", "`timestamp` would make every plan differ; pass the time as a variable"),
    ("uuid", "`uuid` would make every plan differ; `uuidv5` computes one from a name"),
];

fn absent(name: &str) -> Option<&'static str> {
    ABSENT.iter().find(|(absent, _)| *absent == name).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests;
