//! Module instances as data: what a call makes of a module, and how blocks are multiplied.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::address::{InstanceKey, ModuleAddr};
use crate::config::{CallDecl, Configuration, Module};
use crate::eval::functions::FunctionContext;
use crate::value::{Attrs, Value};

/// A module instance, by its place in the evaluator's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::eval) struct ModuleIx(pub(in crate::eval) usize);

/// One instance of a module.
pub(in crate::eval) struct ModuleInst<'c> {
    pub(in crate::eval) ix: ModuleIx,
    pub(in crate::eval) addr: ModuleAddr,
    pub(in crate::eval) module: &'c Module,
    /// The call that made it, and where from; absent for the root.
    pub(in crate::eval) call: Option<(ModuleIx, &'c CallDecl)>,
    /// `each` or `count` of the call.
    pub(in crate::eval) names: Vec<(&'static str, Value)>,
    pub(in crate::eval) functions: FunctionContext,
    /// `path.module`: the module's directory as seen from the root module's.
    pub(in crate::eval) module_path: String,
}

impl<'c> ModuleInst<'c> {
    pub(in crate::eval) fn root(config: &'c Configuration) -> Self {
        let module = config.root();
        Self {
            ix: ModuleIx(0),
            addr: ModuleAddr::root(),
            module,
            call: None,
            names: Vec::new(),
            functions: FunctionContext {
                root_dir: module.dir.clone(),
                module_dir: module.dir.clone(),
                allowed_dirs: config.modules.iter().map(|m| m.dir.clone()).collect(),
                package: None,
            },
            module_path: ".".to_owned(),
        }
    }
}

/// The instances of a module call.
pub(in crate::eval) struct CallExpansion {
    pub(in crate::eval) keyed: Keyed,
    pub(in crate::eval) instances: BTreeMap<Option<InstanceKey>, ModuleIx>,
}

/// How a block is multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::eval) enum Keyed {
    No,
    Count,
    ForEach,
}

/// One element of an expansion: its key, and the name that its body sees (`each` or `count`).
pub(in crate::eval) struct Element {
    pub(in crate::eval) key: Option<InstanceKey>,
    pub(in crate::eval) name: Option<(&'static str, Attrs)>,
}

/// `to` as seen from `from`; both absolute.
pub(in crate::eval) fn relative(from: &Path, to: &Path) -> String {
    let (mut a, mut b) = (from.components().peekable(), to.components().peekable());
    while a.peek().is_some() && a.peek() == b.peek() {
        a.next();
        b.next();
    }
    let path: PathBuf =
        a.map(|_| Path::new("..")).chain(b.map(|c| Path::new(c.as_os_str()))).collect();
    if path.as_os_str().is_empty() { ".".to_owned() } else { path.display().to_string() }
}
