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
mod datetime;
mod encoding;
pub mod filesystem;
mod format;
mod hash;
mod network;
mod numeric;
mod re2;
pub mod reference;
mod regex;
mod set;
mod string;
mod yaml;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::diag::{Diagnostic, Loc, did_you_mean};
use crate::value::convert::unmark_deep;
use crate::value::{Unknown, Value, normal_form};

/// What functions may know of the world: directories, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionContext {
    /// Directory of the root module (`path.root`): relative names in file functions start here, in
    /// every module, as in Terraform.
    pub root_dir: PathBuf,
    /// Directory of the module whose expression is evaluated (`path.module`).
    pub module_dir: PathBuf,
    /// The directories that file functions may read below: the root module's and every loaded
    /// module's. Symbolic links are resolved before the comparison.
    pub allowed_dirs: Vec<PathBuf>,
}

/// One call with its evaluated arguments.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The function's name.
    pub name: &'a str,
    /// Arguments; wholly known and unmarked unless the function's [`Copes`] says otherwise.
    pub args: Vec<Value>,
    /// Where each argument stands (an expanded `list...` repeats its place).
    pub arg_locs: Vec<Loc>,
    /// The whole call.
    pub loc: Loc,
    /// Directories.
    pub cx: &'a FunctionContext,
}

impl Call<'_> {
    /// The argument at `index`; null when it was left out.
    #[must_use]
    pub fn arg(&self, index: usize) -> &Value {
        self.args.get(index).unwrap_or(&Value::Null)
    }

    /// Where the argument at `index` stands, else the whole call.
    #[must_use]
    pub fn arg_loc(&self, index: usize) -> Loc {
        self.arg_locs.get(index).unwrap_or(&self.loc).clone()
    }

    /// An error about the argument at `index` (from 0).
    #[must_use]
    pub fn arg_error(&self, index: usize, summary: impl Into<String>) -> Diagnostic {
        Diagnostic::error(summary).at(self.arg_loc(index))
    }

    /// An error about the call as a whole.
    #[must_use]
    pub fn error(&self, summary: impl Into<String>) -> Diagnostic {
        Diagnostic::error(summary).at(self.loc.clone())
    }
}

/// What a function handles itself instead of [`call`] doing it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copes {
    /// Arguments may hold unknown values anywhere (`length`, `concat`, `merge`, `jsonencode`,
    /// which yields [`Unknown::string`] with parts, ...). Without it, any unknown in an argument
    /// makes the result an opaque unknown.
    pub unknown: bool,
    /// Arguments may hold sensitivity marks anywhere, and the result's marks are the function's own
    /// business (`merge`, `nonsensitive`, `issensitive`, ...). Without it, marks are taken off and
    /// the whole result is sensitive when any argument held one.
    pub sensitive: bool,
}

impl Copes {
    /// Only with known, unmarked values.
    pub const NOTHING: Self = Self { unknown: false, sensitive: false };
    /// With unknown values.
    pub const UNKNOWN: Self = Self { unknown: true, sensitive: false };
    /// With unknown and with sensitive values.
    pub const ALL: Self = Self { unknown: true, sensitive: true };
}

/// One function of the library.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Names of its parameters, for messages; a last one that ends in `...` takes any number, one
    /// that ends in `?` may be left out.
    pub params: &'static [&'static str],
    /// What it yields, in a sentence, for docs.
    pub about: &'static str,
    /// What it copes with.
    pub copes: Copes,
    /// Its body.
    pub run: fn(&Call<'_>) -> Result<Value, Diagnostic>,
}

impl Function {
    fn arity(&self) -> (usize, Option<usize>) {
        let optional =
            self.params.iter().filter(|p| p.ends_with('?') || p.ends_with("...")).count();
        let variadic = self.params.iter().any(|p| p.ends_with("..."));
        (self.params.len() - optional, (!variadic).then_some(self.params.len()))
    }

    /// `join(separator, lists...)`, as errors and the docs print it.
    #[must_use]
    pub fn signature(&self) -> String {
        format!("{}({})", self.name, self.params.join(", "))
    }
}

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

/// Calls a function of the library.
///
/// # Errors
/// No such function (with a suggestion), a wrong number of arguments, or what the function itself refuses.
pub fn call(call: Call<'_>) -> Result<Value, Diagnostic> {
    let Some(function) = find(call.name) else {
        return Err(unknown_function(call.name, &call.loc));
    };
    let (min, max) = function.arity();
    let given = call.args.len();
    if given < min || max.is_some_and(|max| given > max) {
        let wanted = match max {
            Some(max) if max == min => format!("{min}"),
            Some(max) => format!("{min} to {max}"),
            None => format!("at least {min}"),
        };
        let noun = if wanted == "1" || wanted == "at least 1" { "argument" } else { "arguments" };
        return Err(Diagnostic::error(format!(
            "function `{}` takes {wanted} {noun}, not {given}",
            call.name
        ))
        .at(call.loc.clone())
        .help(format!("its form is `{}`", function.signature())));
    }
    let mut call = call;
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
    if weight(&result) > MAX_RESULT {
        return Err(call.error(format!(
            "the result of `{}` is larger than {} MiB",
            call.name,
            MAX_RESULT / 1024 / 1024
        )));
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
    Diagnostic::error(format!("there is no function `{name}`")).at(loc.clone()).help_opt(reason)
}

/// An error of a call with sensitive arguments, whose text might quote them.
fn concealed(call: &Call<'_>, error: Diagnostic) -> Diagnostic {
    Diagnostic::error(format!("the call of `{}` fails", call.name))
        .detail("why is not shown, since an argument is sensitive")
        .at_opt(error.loc)
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

/// Bytes of text in a value, plus a fixed cost for each value in it.
pub(crate) fn weight(value: &Value) -> usize {
    let mut total = 0_usize;
    value.visit(&mut |v| {
        let own = match v {
            Value::String(text) => text.len(),
            Value::Map(map) => map.keys().map(|key| key.len().saturating_add(48)).sum(),
            _ => 0,
        };
        total = total.saturating_add(own).saturating_add(std::mem::size_of::<Value>());
    });
    total
}

#[cfg(test)]
mod tests;
