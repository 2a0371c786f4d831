//! What a function of the library is, and what its body is called with. The tables of functions stand on
//! this file, and the library stands on the tables.

use std::path::PathBuf;

use crate::diag::{Diagnostic, Loc};
use crate::value::Value;

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
    /// The package of a module that was fetched: it reads what was fetched with it, and nothing else.
    pub package: Option<PathBuf>,
}

/// One call with its evaluated arguments.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The function.
    pub function: &'static Function,
    /// Arguments; wholly known and unmarked unless the function's [`Copes`] says otherwise.
    pub args: Vec<Value>,
    /// Where each argument stands (an expanded `list...` repeats its place).
    pub arg_locs: Vec<Loc>,
    /// The whole call.
    pub loc: Loc,
    /// Directories.
    pub context: &'a FunctionContext,
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

/// What a function handles itself instead of [`super::call`] doing it.
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
    pub(super) fn arity(&self) -> (usize, Option<usize>) {
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
