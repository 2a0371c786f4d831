//! Which file uses which: no large circle of files anywhere, and the order inside the command line.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Graph;
use petgraph::algo::tarjan_scc;
use syn::visit::Visit;

use crate::layers::all;

/// The most files that may use each other in one circle. A circle is read as a whole or not at all.
const LARGEST: usize = 10;

/// What the files of the command line may use of each other, lowest first. A command stands alone.
const CLI: &[(&str, &[&str])] = &[
    ("args", &[]),
    ("clock", &[]),
    ("error", &[]),
    ("interrupt", &[]),
    ("output", &[]),
    ("progress", &["output"]),
    ("log", &["error", "output"]),
    ("terraform", &[]),
    ("environment", &["args", "clock", "error"]),
    ("host", &["clock", "environment", "output", "progress"]),
    ("context", &["args", "clock", "environment", "error", "host", "output"]),
    ("endings", &["context", "error"]),
    ("commands", &["args", "context", "endings", "error", "host", "output"]),
    ("grammar", &["args", "commands", "context", "error"]),
    ("reference", &["grammar"]),
];

/// A module by the path from the crate's root, such as `["engine", "apply"]`.
type Module = Vec<String>;

/// `src/engine/promotion/mod.rs` is `["engine", "promotion"]`.
fn module_of(file: &str) -> Module {
    let inside = file.trim_start_matches("src/").trim_end_matches(".rs");
    let inside = inside.trim_end_matches("/mod").trim_end_matches("lib");
    inside.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The modules that one file uses.
struct Uses<'a> {
    modules: &'a BTreeMap<Module, String>,
    own: Module,
    /// Modules by the names under which the file knows them.
    aliases: BTreeMap<String, Module>,
    found: BTreeSet<Module>,
}

impl Uses<'_> {
    /// The path from the root, where it begins with a word that says where.
    fn absolute(&self, path: &[String]) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.own.clone(),
            "super" => {
                let mut at = self.own.clone();
                at.pop()?;
                let supers = rest.iter().take_while(|part| *part == "super").count();
                at.truncate(at.len().checked_sub(supers)?);
                at.extend(rest.iter().skip(supers).cloned());
                return Some(at);
            }
            name => {
                let mut child = self.own.clone();
                child.push(name.to_owned());
                match self.aliases.get(name) {
                    Some(module) => module.clone(),
                    None if self.modules.contains_key(&child) => child,
                    None => return None,
                }
            }
        };
        at.extend(rest.iter().cloned());
        Some(at)
    }

    fn add(&mut self, path: &[String], name: Option<&str>) {
        let Some(mut at) = self.absolute(path) else { return };
        if let Some(name) = name.filter(|_| self.modules.contains_key(&at)) {
            self.aliases.insert(name.to_owned(), at.clone());
        }
        while !at.is_empty() && !self.modules.contains_key(&at) {
            at.pop();
        }
        if at != self.own && !at.is_empty() {
            self.found.insert(at);
        }
    }

    fn tree(&mut self, tree: &syn::UseTree, path: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.tree(&part.tree, path);
                path.pop();
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.tree(tree, path));
            }
            syn::UseTree::Glob(_) => self.add(path, None),
            syn::UseTree::Name(name) if name.ident == "self" => {
                let last = path.last().cloned();
                self.add(path, last.as_deref());
            }
            syn::UseTree::Name(name) => self.named(path, &name.ident, &name.ident),
            syn::UseTree::Rename(name) => self.named(path, &name.ident, &name.rename),
        }
    }

    fn named(&mut self, path: &mut Vec<String>, ident: &syn::Ident, name: &syn::Ident) {
        path.push(ident.to_string());
        self.add(path, Some(&name.to_string()));
        path.pop();
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg"))
}

impl<'ast> Visit<'ast> for Uses<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&item.tree, &mut Vec::new());
    }

    /// `pub(in crate::eval)` says who may use an item, not what the file uses.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    /// What a macro is given is no syntax before it is expanded; paths are seen in it all the same.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let text = call.tokens.to_string().replace(" :: ", "::");
        let is_of_a_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        for path in text.split(|c| !is_of_a_path(c)).filter(|word| word.contains("::")) {
            let parts = path.split("::").filter(|part| !part.is_empty()).map(str::to_owned);
            self.add(&parts.collect::<Vec<_>>(), None);
        }
        syn::visit::visit_macro(self, call);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if parts.len() > 1 {
            self.add(&parts, None);
        }
        syn::visit::visit_path(self, path);
    }
}

/// Every file of the library, with the files that it uses.
fn uses() -> BTreeMap<String, BTreeSet<String>> {
    uses_among(all("src"))
}

/// Files, each with those among them that it uses. Tests are left out, and a file's parent
/// that only declares it uses nothing by that.
pub(crate) fn uses_among(files: Vec<(String, String)>) -> BTreeMap<String, BTreeSet<String>> {
    let files: Vec<(String, String)> = files
        .into_iter()
        .filter(|(file, _)| {
            let name = file.rsplit('/').next().unwrap_or_default();
            name != "main.rs" && !name.contains("tests") && !file.contains("/tests/")
        })
        .collect();
    let modules: BTreeMap<Module, String> =
        files.iter().map(|(file, _)| (module_of(file), file.clone())).collect();
    let mut all = BTreeMap::new();
    for (file, text) in &files {
        let parsed = syn::parse_file(text).expect("Rust");
        let own = module_of(file);
        let mut uses =
            Uses { modules: &modules, own, aliases: BTreeMap::new(), found: BTreeSet::new() };
        // Names first: a path may come before the `use` that gives it its first word.
        for item in &parsed.items {
            if let syn::Item::Use(item) = item {
                uses.visit_item_use(item);
            }
        }
        uses.visit_file(&parsed);
        let used = uses.found.iter().filter_map(|module| modules.get(module).cloned()).collect();
        all.insert(file.clone(), used);
    }
    all
}

/// Files that use each other, the largest circle first.
fn circles() -> Vec<Vec<String>> {
    let uses = uses();
    let mut graph = Graph::<&str, ()>::new();
    let nodes: BTreeMap<&str, _> =
        uses.keys().map(|file| (file.as_str(), graph.add_node(file))).collect();
    for (file, used) in &uses {
        for other in used {
            graph.add_edge(nodes[file.as_str()], nodes[other.as_str()], ());
        }
    }
    let mut circles: Vec<Vec<String>> = tarjan_scc(&graph)
        .into_iter()
        .filter(|circle| circle.len() > 1)
        .map(|circle| {
            let mut files: Vec<String> =
                circle.into_iter().map(|node| graph[node].to_owned()).collect();
            files.sort();
            files
        })
        .collect();
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    circles
}

#[test]
fn no_large_circle_of_files_uses_itself() {
    let large = circles().into_iter().filter(|circle| circle.len() > LARGEST);
    let wrong: Vec<String> = large
        .map(|circle| format!("{} in one circle:\n  {}", circle.len(), circle.join("\n  ")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_files_of_the_command_line_use_only_what_stands_below_them() {
    let room = |file: &str| -> Option<String> {
        let inside = file.strip_prefix("src/cli/")?.trim_end_matches(".rs");
        Some(inside.split('/').next().unwrap_or_default().to_owned()).filter(|name| name != "mod")
    };
    // A command is a file, or a folder of its subcommands.
    let command = |file: &str| -> Option<String> {
        let inside = file.strip_prefix("src/cli/commands/")?.trim_end_matches(".rs");
        Some(inside.split('/').next().unwrap_or_default().to_owned())
    };
    let mut wrong = Vec::new();
    for (file, used) in uses() {
        let Some(own) = room(&file) else { continue };
        let Some((_, allowed)) = CLI.iter().find(|(name, _)| *name == own) else {
            wrong.push(format!("{file}: `{own}` has no place in the command line"));
            continue;
        };
        for other in used.iter().filter(|other| other.starts_with("src/cli/")) {
            let Some(target) = room(other) else {
                wrong.push(format!("{file} uses {other}"));
                continue;
            };
            let same = target == own && command(&file) == command(other);
            if !same && !allowed.contains(&target.as_str()) {
                wrong.push(format!("{file} uses {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (at, (name, uses)) in CLI.iter().enumerate() {
        for other in *uses {
            let place = CLI.iter().position(|(name, _)| name == other);
            assert!(place.is_some_and(|place| place < at), "`{name}` stands before `{other}`");
        }
    }
}
