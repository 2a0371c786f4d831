//! The glossary binds: names that it gives up are not used for new definitions, and the pages that
//! state the rules of language keep them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The last column of the table under "Names in code".
fn given_up() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/glossary.md")).expect("the glossary");
    let table = text.split("## Names in code").nth(1).expect("its last section");
    let rows = table.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    // A row whose last cell is empty gives nothing up.
    let cells =
        rows.map(|row| row.trim_end().trim_end_matches('|').rsplit('|').next().expect("a cell"));
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.filter(|name| !name.contains(':')).map(str::to_owned).collect()
}

fn rust_files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Every file of `src/`, by its path below the checkout.
fn sources() -> BTreeMap<String, String> {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    let read = |file: PathBuf| {
        let name = file.strip_prefix(root()).expect("below").display().to_string();
        (name, fs::read_to_string(&file).expect("readable"))
    };
    files.into_iter().map(read).collect()
}

/// A type, function, field, module or constant that a file names, and whether it is a public type.
struct Named {
    name: String,
    is_public_type: bool,
}

/// What a file names outside of its tests. Parameters and locals are not among them: they are read beside what
/// they are for.
#[derive(Default)]
struct Names(Vec<Named>);

impl Names {
    fn of(text: &str) -> Vec<Named> {
        let mut names = Self::default();
        names.visit_file(&syn::parse_file(text).expect("a file that compiles"));
        names.0
    }

    fn add(&mut self, ident: &syn::Ident) {
        self.0.push(Named { name: ident.to_string(), is_public_type: false });
    }

    fn add_type(&mut self, ident: &syn::Ident, visibility: &syn::Visibility) {
        let is_public_type = matches!(visibility, syn::Visibility::Public(_));
        self.0.push(Named { name: ident.to_string(), is_public_type });
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            self.add(&item.ident);
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add_type(&item.ident, &item.vis);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add_type(&item.ident, &item.vis);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.add_type(&item.ident, &item.vis);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.add_type(&item.ident, &item.vis);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        field.ident.iter().for_each(|ident| self.add(ident));
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.add(&signature.ident);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.add(&item.ident);
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.add(&item.ident);
    }
}

fn is_test(file: &str) -> bool {
    file.contains("/tests/") || file.ends_with("tests.rs")
}

#[test]
fn names_that_the_glossary_gives_up_do_not_come_back() {
    let names = given_up();
    assert!(names.contains("World") && names.contains("found"), "the table was read: {names:?}");
    let mut uses = Vec::new();
    for (file, text) in sources().iter().filter(|(file, _)| !is_test(file)) {
        let path = file.trim_start_matches("src/").trim_end_matches(".rs").split('/');
        uses.extend(
            path.filter(|part| names.contains(*part)).map(|part| format!("{file}: {part}")),
        );
        let defined = Names::of(text).into_iter().filter(|named| names.contains(&named.name));
        uses.extend(defined.map(|named| format!("{file}: {}", named.name)));
    }
    assert!(uses.is_empty(), "names that docs/glossary.md gives up:\n{}", uses.join("\n"));
}

#[test]
fn the_search_sees_types_functions_fields_and_modules() {
    let text = "//! A file.\nmod puts {}\npub struct World { told: u8 }\nenum Dice { A { found: u8 } }\n\
                impl World { fn look(&self, keeper: u8) { fn survey() {} } }\ntrait Eyes { fn homes(); }\n\
                #[cfg(test)]\nmod tests { struct Shelf; }\n";
    let seen: Vec<String> = Names::of(text).into_iter().map(|named| named.name).collect();
    let wanted = ["puts", "World", "told", "Dice", "found", "look", "survey", "Eyes", "homes"];
    assert_eq!(seen, wanted);
}

/// Where two public types may share a name, and why.
const MAY_SHARE: &[(&str, &str)] = &[
    ("src/cli/", "arguments of commands: the command says which"),
    ("src/sandbox/", "the emulation's own model of what AWS holds"),
    ("src/provider/aws/kinds/", "the other half of a kind"),
    ("src/schema/kinds/", "a half of a kind, named as the kind is"),
];

#[test]
fn a_name_stands_for_one_public_type() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, text) in sources() {
        if is_test(&file) || MAY_SHARE.iter().any(|(place, _)| file.starts_with(place)) {
            continue;
        }
        for named in Names::of(&text).into_iter().filter(|named| named.is_public_type) {
            places.entry(named.name).or_default().push(file.clone());
        }
    }
    assert!(places.len() > 500, "the sources were read: {}", places.len());
    let shared: Vec<_> = places.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(shared.is_empty(), "one name, several public types: {shared:#?}");
}

/// The column "say" of the table under "Names in code".
fn said() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/glossary.md")).expect("the glossary");
    let table = text.split("## Names in code").nth(1).expect("its last section");
    let rows = table.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let cells = rows.filter_map(|row| row.split(" | ").nth(1));
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.map(|name| name.trim_end_matches("<T>").to_owned()).collect()
}

#[test]
fn names_that_the_glossary_gives_are_in_the_code() {
    let names = said();
    assert!(names.contains("PlanInputs") && names.contains("Versioned"), "read: {names:?}");
    let mut words = BTreeSet::new();
    for text in sources().values() {
        let all = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        words.extend(all.map(str::to_owned));
    }
    let missing: Vec<_> = names.iter().filter(|name| !words.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/glossary.md gives names that the code has not: {missing:?}");
}

/// The names of the items that a line defines.
fn defines(line: &str) -> impl Iterator<Item = &str> {
    const KEYWORDS: [&str; 8] = ["struct", "enum", "trait", "type", "mod", "fn", "const", "static"];
    let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty());
    let words: Vec<&str> = words.collect();
    let pairs = words.windows(2).filter(|pair| KEYWORDS.contains(&pair[0])).map(|pair| pair[1]);
    pairs.collect::<Vec<_>>().into_iter()
}

#[test]
fn no_type_has_a_name_that_says_nothing() {
    const NAMES: [&str; 9] =
        ["Step", "Answer", "Outcome", "Target", "Place", "Verdict", "Kind", "Problem", "Part"];
    const TYPES: [&str; 4] = ["struct ", "enum ", "trait ", "type "];
    let mut uses = Vec::new();
    for (file, text) in sources() {
        for (at, line) in text.lines().enumerate() {
            // The associated type of `Deref` is not named here.
            if line.trim_start().starts_with("type Target = ") && line.starts_with(' ') {
                continue;
            }
            let is_type = TYPES.iter().any(|keyword| {
                let line = line.trim_start().trim_start_matches("pub").trim_start();
                let line = match line.strip_prefix('(') {
                    Some(scope) => scope.split_once(") ").map_or("", |(_, rest)| rest),
                    None => line,
                };
                line.starts_with(keyword)
            });
            let names = defines(line).filter(|name| is_type && NAMES.contains(name));
            uses.extend(names.map(|name| format!("{file}:{}: {name}", at + 1)));
        }
    }
    assert!(uses.is_empty(), "types whose name fits everything:\n{}", uses.join("\n"));
}

/// Pages that say how text is written here; their tables of bad examples excepted.
#[test]
fn the_pages_about_language_keep_its_rules() {
    const BANNED: [&str; 7] =
        ["whoever", "nobody", "somebody", "is none", " told", "of what no ", "in what follows"];
    for page in [
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/README.md",
        "docs/glossary.md",
        "findings/README.md",
    ] {
        let text = fs::read_to_string(root().join(page)).expect("readable");
        let prose =
            text.lines().filter(|line| !line.starts_with('|')).collect::<Vec<_>>().join(" ");
        let prose = prose.to_lowercase();
        for word in BANNED {
            assert!(!prose.contains(word), "{page} says `{}`", word.trim());
        }
    }
}
