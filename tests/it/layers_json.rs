//! Which layers hold no JSON in what others can use of them: it is made at the edge alone, from their types.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};

use crate::support::names::{Name, Source, Sources, is_test, parts, used};

/// Layers whose types and signatures hold no JSON: it is made at the edge alone, from their types.
const TYPED: &[&str] = &["isolation", "plan", "promotion", "engine"];

/// What may hold JSON nevertheless: documents of which Palisade does not know the shape.
const JSON: &[(&str, &str, &str)] = &[
    ("src/promotion/gate/evidence.rs", "Evidence", "what a gate saw, each in a form of its own"),
    (
        "src/promotion/gate/evidence.rs",
        "GateFinding",
        "the same before it is stamped, among gates alone",
    ),
    ("src/promotion/gate/evidence.rs", "new", "makes a finding"),
];

/// Types of other layers that hold JSON because it is what they are about; who holds one of these holds no JSON by that.
const DOCUMENTS: &[(&str, &str, &str)] = &[
    ("src/resource_types/resource_type.rs", "TypeSchema", "what AWS writes of a resource type"),
    ("src/review/dumps/files.rs", "AccountDump", "what tools print of an account"),
    ("src/review/dumps/files.rs", "OrganizationDump", "the same of an organization"),
    ("src/review/terraform/plan.rs", "TerraformPlan", "what Terraform prints of a plan"),
    ("src/review/terraform/written.rs", "WrittenPolicies", "policies as files write them"),
];

/// What others can use of a file, item by item.
struct Interface<'s> {
    sources: &'s Sources,
    /// The module that is looked at, inside of the file.
    module: Name,
    /// The item that is looked at.
    item: String,
    /// Every path in what others can use, by the item that has it.
    mentions: Vec<Mention>,
}

/// A path in what others can use of an item.
struct Mention {
    /// The module, and the item's name.
    module: Name,
    item: String,
    /// What is named.
    means: Name,
    /// Whether the item is a type that others hold, and this is a part of it that they can reach.
    is_part: bool,
}

/// Whether anything but the module itself can use it.
fn is_open(visibility: &syn::Visibility) -> bool {
    !matches!(visibility, syn::Visibility::Inherited)
}

/// Whether other layers can use it.
fn is_open_to_all(visibility: &syn::Visibility) -> bool {
    match visibility {
        syn::Visibility::Public(_) => true,
        syn::Visibility::Restricted(to) => to.path.is_ident("crate"),
        syn::Visibility::Inherited => false,
    }
}

impl<'s> Interface<'s> {
    fn of(sources: &'s Sources, source: &Source) -> Vec<Mention> {
        let module = source.module.clone();
        let mut all = Self { sources, module, item: String::new(), mentions: Vec::new() };
        all.items(&source.syntax.items);
        all.mentions
    }

    /// Notes the paths in a part of an item.
    fn look(&mut self, item: &syn::Ident, is_part: bool, part: impl FnOnce(&mut Self)) {
        self.item = item.to_string();
        let from = self.mentions.len();
        part(self);
        if is_part {
            self.mentions.iter_mut().skip(from).for_each(|mention| mention.is_part = true);
        }
    }

    fn mention(&mut self, path: &[String]) {
        let means = self.sources.resolve(&self.module, path);
        let (module, item) = (self.module.clone(), self.item.clone());
        self.mentions.push(Mention { module, item, means, is_part: false });
    }

    fn fields(&mut self, item: &syn::Ident, fields: &syn::Fields, all: bool) {
        for field in fields.iter().filter(|field| all || is_open(&field.vis)) {
            let is_part = all || is_open_to_all(&field.vis);
            self.look(item, is_part, |it| it.visit_type(&field.ty));
        }
    }

    fn items(&mut self, items: &[syn::Item]) {
        items.iter().for_each(|item| self.item(item));
    }

    fn item(&mut self, item: &syn::Item) {
        match item {
            syn::Item::Fn(item) if is_open(&item.vis) => {
                self.look(&item.sig.ident, false, |it| it.visit_signature(&item.sig));
            }
            syn::Item::Struct(item) if is_open(&item.vis) => {
                self.look(&item.ident, false, |it| it.visit_generics(&item.generics));
                self.fields(&item.ident, &item.fields, false);
            }
            syn::Item::Union(item) if is_open(&item.vis) => {
                for field in item.fields.named.iter().filter(|field| is_open(&field.vis)) {
                    self.look(&item.ident, true, |it| it.visit_type(&field.ty));
                }
            }
            syn::Item::Enum(item) if is_open(&item.vis) => {
                self.look(&item.ident, false, |it| it.visit_generics(&item.generics));
                for variant in &item.variants {
                    self.fields(&item.ident, &variant.fields, true);
                }
            }
            // A private alias too: signatures name what it stands for.
            syn::Item::Type(item) => {
                self.look(&item.ident, true, |it| {
                    it.visit_generics(&item.generics);
                    it.visit_type(&item.ty);
                });
            }
            syn::Item::Const(item) if is_open(&item.vis) => {
                self.look(&item.ident, false, |it| it.visit_type(&item.ty));
            }
            syn::Item::Static(item) if is_open(&item.vis) => {
                self.look(&item.ident, false, |it| it.visit_type(&item.ty));
            }
            syn::Item::Trait(item) if is_open(&item.vis) => self.trait_(item),
            syn::Item::Impl(item) if !is_test(&item.attrs) => self.impl_(item),
            syn::Item::Use(item) if is_open(&item.vis) => {
                for (known_as, path) in used(item) {
                    self.item = known_as.unwrap_or_else(|| "*".to_owned());
                    self.mention(&path);
                }
            }
            syn::Item::Mod(item) if !is_test(&item.attrs) => {
                if let Some((_, items)) = &item.content {
                    self.module.push(item.ident.to_string());
                    self.items(items);
                    self.module.pop();
                }
            }
            _ => {}
        }
    }

    fn trait_(&mut self, item: &syn::ItemTrait) {
        self.look(&item.ident, false, |it| {
            it.visit_generics(&item.generics);
            item.supertraits.iter().for_each(|bound| it.visit_type_param_bound(bound));
        });
        for part in &item.items {
            match part {
                syn::TraitItem::Fn(method) => {
                    self.look(&method.sig.ident, false, |it| it.visit_signature(&method.sig));
                }
                syn::TraitItem::Type(of) => {
                    self.look(&of.ident, false, |it| visit::visit_trait_item_type(it, of));
                }
                syn::TraitItem::Const(of) => {
                    self.look(&of.ident, false, |it| it.visit_type(&of.ty));
                }
                _ => {}
            }
        }
    }

    fn impl_(&mut self, item: &syn::ItemImpl) {
        let name = syn::Ident::new("impl", item.impl_token.span);
        self.look(&name, false, |it| {
            it.visit_generics(&item.generics);
            if let Some((_, path, _)) = &item.trait_ {
                it.visit_path(path);
                it.visit_type(&item.self_ty);
            }
        });
        let of_a_trait = item.trait_.is_some();
        for part in &item.items {
            match part {
                syn::ImplItem::Fn(method) if of_a_trait || is_open(&method.vis) => {
                    self.look(&method.sig.ident, false, |it| it.visit_signature(&method.sig));
                }
                syn::ImplItem::Type(of) => {
                    self.look(&of.ident, false, |it| it.visit_type(&of.ty));
                }
                syn::ImplItem::Const(of) if of_a_trait || is_open(&of.vis) => {
                    self.look(&of.ident, false, |it| it.visit_type(&of.ty));
                }
                _ => {}
            }
        }
    }
}

impl<'a> Visit<'a> for Interface<'_> {
    fn visit_path(&mut self, path: &'a syn::Path) {
        self.mention(&parts(path));
        visit::visit_path(self, path);
    }

    /// What an item does is its own affair.
    fn visit_block(&mut self, _: &'a syn::Block) {}

    fn visit_visibility(&mut self, _: &'a syn::Visibility) {}

    fn visit_attribute(&mut self, _: &'a syn::Attribute) {}
}

/// The items of layers that have JSON in what others can use of them: file, item, and what it names.
fn with_json(
    sources: &Sources,
    excused: &[(&str, &str, &str)],
) -> BTreeSet<(String, String, String)> {
    let files: Vec<(&Source, Vec<Mention>)> =
        sources.files.iter().map(|source| (source, Interface::of(sources, source))).collect();
    let is_excused =
        |file: &str, item: &str| excused.iter().any(|(at, name, _)| *at == file && *name == item);
    // Types with JSON that others can reach, to a fixed point: who holds one of them holds JSON.
    let mut json: BTreeSet<Name> = BTreeSet::new();
    let is_json = |json: &BTreeSet<Name>, means: &Name| {
        means.first().is_some_and(|first| first == "serde_json") || json.contains(means)
    };
    loop {
        let before = json.len();
        for (source, mentions) in &files {
            for mention in mentions.iter().filter(|mention| mention.is_part) {
                if is_json(&json, &mention.means) && !is_excused(&source.file, &mention.item) {
                    let mut of = mention.module.clone();
                    of.push(mention.item.clone());
                    json.insert(of);
                }
            }
        }
        if json.len() == before {
            break;
        }
    }
    let mut found = BTreeSet::new();
    for (source, mentions) in files {
        for mention in mentions.into_iter().filter(|mention| is_json(&json, &mention.means)) {
            found.insert((source.file.clone(), mention.item, mention.means.join("::")));
        }
    }
    found
}

#[test]
fn json_is_made_at_the_edge_alone() {
    let sources = Sources::of_the_crate();
    let excused: Vec<_> = JSON.iter().chain(DOCUMENTS).copied().collect();
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for (file, item, means) in with_json(&sources, &excused) {
        if excused.iter().any(|(at, name, _)| **at == *file && *name == item) {
            used.insert((file, item));
            continue;
        }
        let layer = file.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default();
        // A private alias is no item that others can use: who names it is found.
        if TYPED.contains(&layer) {
            wrong.push(format!("{file}: `{item}` has JSON in its type or signature ({means})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (file, item, _) in excused {
        let entry = (file.to_owned(), item.to_owned());
        assert!(used.contains(&entry), "`{item}` of {file} holds no JSON any more");
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
        ("use serde_json::value::Value; pub fn f(_: Value) {}", &["f"]),
        ("use serde_json::*; pub fn f(_: Value) {}", &["f"]),
        ("use serde_json as j; pub fn f(_: j::Value) {}", &["f"]),
        ("use serde_json::{self as j}; pub fn f(_: j::Map<String, u8>) {}", &["f"]),
        ("pub use serde_json::Value;", &["Value"]),
        ("pub use serde_json::Value as Doc; pub fn f(_: Doc) {}", &["Doc", "f"]),
        (
            "use serde_json::Value; type V = Vec<Value>; type W = V; pub fn f(_: W) {}",
            &["V", "W", "f"],
        ),
        ("pub mod m { use serde_json::Value; pub fn f(_: Value) {} }", &["f"]),
        (
            "mod m { pub(super) use serde_json::Value as V; } use m::V; pub fn f(_: V) {}",
            &["V", "f"],
        ),
        (
            "pub trait T { type A: Into<serde_json::Value>; const C: Option<serde_json::Value>; }",
            &["A", "C"],
        ),
        ("struct S; impl Iterator for S { type Item = serde_json::Value; }", &["Item"]),
        ("pub trait T: From<serde_json::Value> {}", &["T"]),
        ("pub fn f<T: From<serde_json::Value>>(_: T) {}", &["f"]),
        ("pub fn f<T>(_: T) where T: Into<serde_json::Value> {}", &["f"]),
        ("pub struct S<T: Into<serde_json::Value>>(T);", &["S"]),
        ("pub static S: Option<serde_json::Value> = None;", &["S"]),
        ("pub trait T {} impl T for serde_json::Value {}", &["impl"]),
        ("#[cfg(unix)] pub fn f(_: serde_json::Value) {}", &["f"]),
        ("#[cfg(not(test))] pub mod m { pub fn f(_: serde_json::Value) {} }", &["f"]),
        (
            "use serde_json::Value; pub struct S { pub a: Value } pub struct T { pub s: Vec<S> } pub fn f(_: &T) {}",
            &["S", "T", "f"],
        ),
        ("use serde_json::Value; pub struct S { a: Value } pub fn f(_: S) {}", &[]),
        ("use crate::value::Value; pub fn f(_: Value) {}", &[]),
        ("use serde_json::Value; fn f(_: Value) {} pub fn g() { let _: Value; }", &[]),
        ("use serde_json::Value; #[cfg(test)] mod tests { pub fn f(_: super::Value) {} }", &[]),
    ] {
        let sources = Sources::of(vec![("src/planted.rs".to_owned(), text.to_owned())]);
        let found: BTreeSet<String> =
            with_json(&sources, &[]).into_iter().map(|(_, item, _)| item).collect();
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), items, "{text}");
    }
}

/// What another layer gives a name is JSON where it is used, whatever it is called on the way.
#[test]
fn json_of_another_layer_is_json() {
    let below = "use serde_json::Value as Json; pub type Values = Vec<Json>; pub type Ids = Vec<u8>; \
                 pub struct Kept { pub values: Values } pub struct Shut { values: Values }";
    for (uses, items) in [
        ("use crate::eval::Values; pub struct S { pub a: Values }", &["S"][..]),
        ("use crate::eval::*; pub fn f(_: Kept) {}", &["f"]),
        ("use crate::again::Other; pub fn f(_: Other) {}", &["f"]),
        ("use crate::eval::{Ids, Shut}; pub struct T { pub a: Ids, pub b: Shut }", &[]),
    ] {
        let sources = Sources::of(vec![
            ("src/eval/mod.rs".to_owned(), below.to_owned()),
            ("src/again.rs".to_owned(), "pub use crate::eval::Kept as Other;".to_owned()),
            ("src/plan/planted.rs".to_owned(), uses.to_owned()),
        ]);
        let found = with_json(&sources, &[]).into_iter();
        let found: Vec<String> =
            found.filter(|(file, ..)| file.contains("planted")).map(|(_, item, _)| item).collect();
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), items, "{uses}");
    }
}
