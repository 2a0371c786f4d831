//! Which layers hold no JSON in what others can use of them: it is made at the edge alone, from their types.

use std::collections::BTreeSet;

use crate::layers::all;

/// Layers whose types and signatures hold no JSON: it is made at the edge alone, from their types.
const TYPED: &[&str] = &["isolation", "plan", "promotion", "engine"];

/// What may hold JSON nevertheless: documents of which Palisade does not know the shape.
const JSON: &[(&str, &str, &str)] = &[
    ("src/promotion/gate/evidence.rs", "Evidence", "what a gate saw, each in a form of its own"),
    (
        "src/promotion/gate/evidence.rs",
        "Finding",
        "the same before it is stamped, among gates alone",
    ),
    ("src/promotion/gate/evidence.rs", "new", "makes a finding"),
];

/// The items of a file that others can use and that have JSON in their types, by name.
struct JsonItems {
    /// How the file names JSON, such as `Json` after `use serde_json::Value as Json`.
    names: BTreeSet<String>,
    /// The item that is being looked at.
    item: String,
    found: BTreeSet<String>,
}

impl JsonItems {
    /// Where `aliases` are names that some file gives to types with JSON in them.
    fn of(text: &str, aliases: &BTreeSet<String>) -> BTreeSet<String> {
        let file = syn::parse_file(text).expect("Rust");
        let mut items =
            Self { names: aliases.clone(), item: String::new(), found: BTreeSet::new() };
        items.names_in(&file.items);
        syn::visit::Visit::visit_file(&mut items, &file);
        items.found
    }

    fn names_in(&mut self, items: &[syn::Item]) {
        fn walk(tree: &syn::UseTree, inside: bool, names: &mut BTreeSet<String>) {
            let is_json = |name: &syn::Ident| inside && (name == "Value" || name == "Map");
            match tree {
                syn::UseTree::Path(path) => walk(&path.tree, path.ident == "serde_json", names),
                syn::UseTree::Group(group) => {
                    group.items.iter().for_each(|tree| walk(tree, inside, names));
                }
                syn::UseTree::Name(name) if is_json(&name.ident) => {
                    names.insert(name.ident.to_string());
                }
                syn::UseTree::Rename(name) if is_json(&name.ident) => {
                    names.insert(name.rename.to_string());
                }
                _ => {}
            }
        }
        for item in items {
            if let syn::Item::Use(used) = item {
                walk(&used.tree, false, &mut self.names);
            }
        }
    }

    fn is_open(visibility: &syn::Visibility) -> bool {
        !matches!(visibility, syn::Visibility::Inherited)
    }

    fn is_test(attributes: &[syn::Attribute]) -> bool {
        attributes.iter().any(|attribute| attribute.path().is_ident("cfg"))
    }

    /// Looks at the types in a part of an item.
    fn look(&mut self, item: &syn::Ident, part: impl FnOnce(&mut Self)) {
        self.item = item.to_string();
        part(self);
        self.item.clear();
    }

    fn fields(&mut self, item: &syn::Ident, fields: &syn::Fields, all: bool) {
        for field in fields.iter().filter(|field| all || Self::is_open(&field.vis)) {
            self.look(item, |items| syn::visit::visit_type(items, &field.ty));
        }
    }
}

impl<'a> syn::visit::Visit<'a> for JsonItems {
    fn visit_item(&mut self, item: &'a syn::Item) {
        match item {
            syn::Item::Fn(item) if Self::is_open(&item.vis) => {
                self.look(&item.sig.ident, |items| syn::visit::visit_signature(items, &item.sig));
            }
            syn::Item::Struct(item) if Self::is_open(&item.vis) => {
                self.fields(&item.ident, &item.fields, false);
            }
            syn::Item::Enum(item) if Self::is_open(&item.vis) => {
                for variant in &item.variants {
                    self.fields(&item.ident, &variant.fields, true);
                }
            }
            syn::Item::Type(item) if Self::is_open(&item.vis) => {
                self.look(&item.ident, |items| syn::visit::visit_type(items, &item.ty));
            }
            syn::Item::Const(item) if Self::is_open(&item.vis) => {
                self.look(&item.ident, |items| syn::visit::visit_type(items, &item.ty));
            }
            syn::Item::Trait(item) if Self::is_open(&item.vis) => {
                for part in &item.items {
                    if let syn::TraitItem::Fn(method) = part {
                        let sig = &method.sig;
                        self.look(&sig.ident, |items| syn::visit::visit_signature(items, sig));
                    }
                }
            }
            syn::Item::Impl(item) if !Self::is_test(&item.attrs) => {
                if let Some((_, path, _)) = &item.trait_ {
                    let name = syn::Ident::new("impl", item.impl_token.span);
                    self.look(&name, |items| items.visit_path(path));
                }
                for part in &item.items {
                    if let syn::ImplItem::Fn(method) = part
                        && (item.trait_.is_some() || Self::is_open(&method.vis))
                    {
                        let sig = &method.sig;
                        self.look(&sig.ident, |items| syn::visit::visit_signature(items, sig));
                    }
                }
            }
            syn::Item::Mod(item) if !Self::is_test(&item.attrs) => {
                for inner in item.content.iter().flat_map(|(_, items)| items) {
                    self.visit_item(inner);
                }
            }
            _ => {}
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let first = path.segments.first().map(|segment| segment.ident.to_string());
        let first = first.unwrap_or_default();
        let named = path.segments.len() == 1 && self.names.contains(&first);
        if !self.item.is_empty() && (named || first == "serde_json") {
            self.found.insert(self.item.clone());
        }
        syn::visit::visit_path(self, path);
    }
}

/// Names that files give to types with JSON in them: they are JSON where others use them.
fn aliases<'t>(texts: impl Iterator<Item = &'t str>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in texts.filter(|text| text.contains("serde_json")) {
        let file = syn::parse_file(text).expect("Rust");
        let is_alias =
            |item: &&syn::Item| matches!(item, syn::Item::Type(t) if JsonItems::is_open(&t.vis));
        let named: BTreeSet<String> = file
            .items
            .iter()
            .filter(is_alias)
            .filter_map(|item| match item {
                syn::Item::Type(alias) => Some(alias.ident.to_string()),
                _ => None,
            })
            .collect();
        let with_json = JsonItems::of(text, &BTreeSet::new());
        names.extend(named.intersection(&with_json).cloned());
    }
    names
}

#[test]
fn json_under_another_name_is_json() {
    let declares =
        "use serde_json::Value as Json; pub type Values = Vec<Json>; pub type Ids = Vec<u8>;";
    let aliases = aliases([declares].into_iter());
    assert_eq!(aliases, BTreeSet::from(["Values".to_owned()]));
    let uses = "use crate::eval::{Ids, Values}; pub struct S { pub a: Values } pub struct T { pub a: Ids }";
    assert_eq!(JsonItems::of(uses, &aliases), BTreeSet::from(["S".to_owned()]));
}

#[test]
fn json_is_made_at_the_edge_alone() {
    let mut wrong = Vec::new();
    let mut excused = BTreeSet::new();
    let files = all("src");
    let aliases = aliases(files.iter().map(|(_, text)| text.as_str()));
    for (file, text) in &files {
        let inside = file.trim_start_matches("src/").trim_end_matches(".rs");
        let module = inside.split('/').next().unwrap_or_default();
        if !TYPED.contains(&module) || inside.split('/').any(|part| part == "tests") {
            continue;
        }
        for item in JsonItems::of(text, &aliases) {
            if JSON.iter().any(|(at, name, _)| **at == *file && *name == item) {
                excused.insert((file.clone(), item));
            } else {
                wrong.push(format!("{file}: `{item}` has JSON in its type or signature"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (file, item, _) in JSON {
        let entry = ((*file).to_owned(), (*item).to_owned());
        assert!(excused.contains(&entry), "`{item}` of {file} holds no JSON any more");
    }
}

#[test]
fn json_is_found_under_each_of_its_names() {
    for (text, items) in [
        ("use serde_json::Value as Json; pub fn f(_: &[Json]) {}", &["f"][..]),
        ("pub(crate) fn f() -> Option<serde_json::Value> { None }", &["f"]),
        ("use serde_json::{Map, Value}; pub struct S { pub a: Vec<Map<String, u8>> }", &["S"]),
        (
            "use serde_json::Value; pub enum E { A { inner: Value } } pub type T = Value;",
            &["E", "T"],
        ),
        ("use serde_json::Value; struct S; impl S { pub(super) fn m(&self, _: Value) {} }", &["m"]),
        ("use serde_json::Value; pub trait T { fn m(&self) -> Value; }", &["m"]),
        ("use serde_json::Value; struct S; impl From<Value> for S {}", &["impl"]),
        ("use crate::value::Value; pub fn f(_: Value) {}", &[]),
        ("use serde_json::Value; fn f(_: Value) {} pub fn g() { let _: Value; }", &[]),
        ("use serde_json::Value; #[cfg(test)] mod tests { pub fn f(_: super::Value) {} }", &[]),
    ] {
        let found = JsonItems::of(text, &BTreeSet::new());
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), items, "{text}");
    }
}
