//! Names in the crate's sources, resolved as the compiler resolves them: modules in files and inside of them, `use`
//! with its new names, globs and re-exports. What is compiled for some systems alone is seen, tests are not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// A path from the root: `crate` first for what the crate has, and else the name of what another one has.
pub(crate) type Name = Vec<String>;

/// No chain of re-exports is longer; a circle of them ends here.
const LONGEST: usize = 32;

/// One file, parsed.
pub(crate) struct Source {
    /// Below the checkout: `src/plan/mod.rs`.
    pub(crate) file: String,
    pub(crate) syntax: syn::File,
    /// The module that it is: `["crate", "plan"]`.
    pub(crate) module: Name,
}

/// What a module can name without a path.
#[derive(Default)]
struct Module {
    file: String,
    items: BTreeSet<String>,
    /// What `use` makes known, by the name under which it is known.
    uses: BTreeMap<String, Name>,
    globs: Vec<Name>,
}

/// The files of the crate.
pub(crate) struct Sources {
    pub(crate) files: Vec<Source>,
    modules: BTreeMap<Name, Module>,
    /// Layers whose new names for what stands below them count as their own.
    facades: &'static [&'static str],
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(dir: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        fs::read_dir(dir).expect("readable").map(|e| e.expect("entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Every file below a directory of the checkout, with its text.
pub(crate) fn texts(dir: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    rust_files(&root().join(dir), &mut files);
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root()).expect("below").display().to_string();
        (name, fs::read_to_string(&path).expect("readable"))
    };
    files.into_iter().map(read).collect()
}

/// Whether a file holds tests alone.
pub(crate) fn is_test_file(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or_default();
    name == "tests.rs" || name.ends_with("_tests.rs") || file.contains("/tests/")
}

/// Whether an item is compiled for tests alone. What is compiled for one system alone is code like any other.
pub(crate) fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|of| of.is_ident("test"))
    })
}

/// `src/engine/promotion/mod.rs` is `["crate", "engine", "promotion"]`.
fn module_of(file: &str) -> Name {
    let inside = file.trim_start_matches("src/").trim_end_matches(".rs");
    let inside = inside.trim_end_matches("/mod").trim_end_matches("lib");
    let parts = inside.split('/').filter(|part| !part.is_empty()).map(str::to_owned);
    std::iter::once("crate".to_owned()).chain(parts).collect()
}

pub(crate) fn parts(path: &syn::Path) -> Name {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// What one `use` makes known: the name (none for a glob) and the path as it is written.
pub(crate) fn used(item: &syn::ItemUse) -> Vec<(Option<String>, Name)> {
    fn walk(tree: &syn::UseTree, path: &mut Name, into: &mut Vec<(Option<String>, Name)>) {
        match tree {
            syn::UseTree::Path(part) => {
                path.push(part.ident.to_string());
                walk(&part.tree, path, into);
                path.pop();
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| walk(tree, path, into));
            }
            syn::UseTree::Glob(_) => into.push((None, path.clone())),
            syn::UseTree::Name(name) => named(&name.ident, &name.ident, path, into),
            syn::UseTree::Rename(name) => named(&name.ident, &name.rename, path, into),
        }
    }
    fn named(
        ident: &syn::Ident,
        name: &syn::Ident,
        path: &[String],
        into: &mut Vec<(Option<String>, Name)>,
    ) {
        let mut whole = path.to_vec();
        let mut name = name.to_string();
        if ident == "self" {
            if name == "self" {
                name = path.last().cloned().unwrap_or_default();
            }
        } else {
            whole.push(ident.to_string());
        }
        into.push((Some(name), whole));
    }
    let mut into = Vec::new();
    walk(&item.tree, &mut Vec::new(), &mut into);
    into
}

impl Sources {
    /// Of files, each with its text. Tests and the program's `main` are left out.
    pub(crate) fn of(files: Vec<(String, String)>) -> Self {
        let mut all = Self { files: Vec::new(), modules: BTreeMap::new(), facades: &[] };
        for (file, text) in files {
            if !is_test_file(&file) && !file.ends_with("main.rs") {
                all.add(&file, &text);
            }
        }
        all
    }

    /// Of `src/`.
    pub(crate) fn of_the_crate() -> Self {
        Self::of(texts("src"))
    }

    /// Where what these layers name again is theirs: whoever uses it by their name uses them.
    pub(crate) fn behind(self, facades: &'static [&'static str]) -> Self {
        Self { facades, ..self }
    }

    /// Puts a file among them, in place of one that stands there.
    pub(crate) fn add(&mut self, file: &str, text: &str) {
        self.remove(file);
        let syntax = syn::parse_file(text).expect("Rust");
        let module = module_of(file);
        self.declare(file, &module, &syntax.items);
        self.files.push(Source { file: file.to_owned(), syntax, module });
    }

    /// Takes a file away.
    pub(crate) fn remove(&mut self, file: &str) {
        self.files.retain(|source| source.file != file);
        self.modules.retain(|_, module| module.file != file);
    }

    fn declare(&mut self, file: &str, name: &[String], items: &[syn::Item]) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        let mut inside = Vec::new();
        for item in items {
            let ident = match item {
                syn::Item::Struct(item) => &item.ident,
                syn::Item::Enum(item) => &item.ident,
                syn::Item::Union(item) => &item.ident,
                syn::Item::Type(item) => &item.ident,
                syn::Item::Trait(item) => &item.ident,
                syn::Item::TraitAlias(item) => &item.ident,
                syn::Item::Const(item) => &item.ident,
                syn::Item::Static(item) => &item.ident,
                syn::Item::Fn(item) => &item.sig.ident,
                syn::Item::Mod(item) if !is_test(&item.attrs) => {
                    if let Some((_, items)) = &item.content {
                        inside.push((item.ident.to_string(), items));
                    }
                    continue;
                }
                syn::Item::Use(item) if !is_test(&item.attrs) => {
                    for (known_as, path) in used(item) {
                        match known_as {
                            Some(known_as) => {
                                module.uses.insert(known_as, path);
                            }
                            None => module.globs.push(path),
                        }
                    }
                    continue;
                }
                _ => continue,
            };
            module.items.insert(ident.to_string());
        }
        self.modules.insert(name.to_vec(), module);
        for (ident, items) in inside {
            let mut name = name.to_vec();
            name.push(ident);
            self.declare(file, &name, items);
        }
    }

    /// What a path means in a module.
    pub(crate) fn resolve(&self, at: &[String], path: &[String]) -> Name {
        self.follow(at, path, LONGEST)
    }

    fn follow(&self, at: &[String], path: &[String], depth: usize) -> Name {
        let Some((first, rest)) = path.split_first() else { return at.to_vec() };
        let mut now: Name = match first.as_str() {
            // The library's own name is what the program and the tests call it.
            "crate" | "palisade" => vec!["crate".to_owned()],
            "self" => at.to_vec(),
            "super" => above(at),
            name => self.look_up(at, name, depth).unwrap_or_else(|| vec![name.to_owned()]),
        };
        for part in rest {
            now = match part.as_str() {
                "super" => above(&now),
                "self" => now,
                name => self.look_up(&now, name, depth).unwrap_or_else(|| {
                    now.push(name.to_owned());
                    now
                }),
            };
        }
        now
    }

    /// What a module knows under a name.
    fn look_up(&self, at: &[String], name: &str, depth: usize) -> Option<Name> {
        let module = self.modules.get(at)?;
        let depth = depth.checked_sub(1)?;
        let mut child = at.to_vec();
        child.push(name.to_owned());
        if self.modules.contains_key(&child) || module.items.contains(name) {
            return Some(child);
        }
        if at.get(1).is_some_and(|layer| self.facades.contains(&layer.as_str())) {
            return None;
        }
        if let Some(path) = module.uses.get(name) {
            // `use serde_json;` and `use x::x` name what lies outside of the module.
            let is_own = path.first().is_some_and(|first| first == name);
            return Some(if is_own { path.clone() } else { self.follow(at, path, depth) });
        }
        module.globs.iter().find_map(|glob| {
            let of = self.follow(at, glob, depth);
            match of.first().map(String::as_str) {
                Some("crate") => self.look_up(&of, name, depth),
                // Of all that other crates have, what `serde_json::*` makes known matters here.
                Some("serde_json") if ["Value", "Map", "Number"].contains(&name) => {
                    let mut of = of;
                    of.push(name.to_owned());
                    Some(of)
                }
                _ => None,
            }
        })
    }

    /// The file of the innermost module in a name.
    pub(crate) fn file_of(&self, name: &[String]) -> Option<&str> {
        let mut at = name;
        loop {
            if let Some(module) = self.modules.get(at) {
                return Some(&module.file);
            }
            at = at.split_last()?.1;
        }
    }
}

fn above(at: &[String]) -> Name {
    at.split_last().map(|(_, above)| above.to_vec()).unwrap_or_default()
}

/// Every path of a file outside of its tests, with the module inside of the file in which it stands.
pub(crate) struct Paths {
    module: Name,
    pub(crate) found: Vec<(Name, Name)>,
}

impl Paths {
    pub(crate) fn of(source: &Source) -> Vec<(Name, Name)> {
        let mut paths = Self { module: source.module.clone(), found: Vec::new() };
        paths.visit_file(&source.syntax);
        paths.found
    }

    fn add(&mut self, path: Name) {
        self.found.push((self.module.clone(), path));
    }

    /// What is no syntax before it is expanded: paths are seen in it all the same.
    fn tokens(&mut self, text: &str) {
        let text = text.replace(" :: ", "::");
        let is_of_a_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        for path in text.split(|c| !is_of_a_path(c)).filter(|word| word.contains("::")) {
            self.add(path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect());
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if is_test(&item.attrs) {
            return;
        }
        self.module.push(item.ident.to_string());
        syn::visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for (_, path) in used(item) {
            self.add(path);
        }
    }

    /// `pub(in crate::eval)` says who may use an item, not what the file uses.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(&call.tokens.to_string());
        syn::visit::visit_macro(self, call);
    }

    /// `#[serde(with = "crate::value::text")]` uses what it names.
    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(&list.tokens.to_string());
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(parts(path));
        syn::visit::visit_path(self, path);
    }
}
