//! The glossary binds: names that it gives up are not used for new definitions, and the pages that
//! state the rules of language keep them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The last column of the table under "Names in code".
fn given_up() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/glossary.md")).expect("the glossary");
    let table = text.split("## Names in code").nth(1).expect("its last section");
    let rows = table.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let cells = rows.map(|row| row.trim_end_matches(" |").rsplit(" | ").next().expect("a cell"));
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

/// The names of the items that a line defines.
fn defines(line: &str) -> impl Iterator<Item = &str> {
    const KEYWORDS: [&str; 8] = ["struct", "enum", "trait", "type", "mod", "fn", "const", "static"];
    let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty());
    let words: Vec<&str> = words.collect();
    let pairs = words.windows(2).filter(|pair| KEYWORDS.contains(&pair[0])).map(|pair| pair[1]);
    pairs.collect::<Vec<_>>().into_iter()
}

#[test]
fn names_that_the_glossary_gives_up_do_not_come_back() {
    let names = given_up();
    assert!(names.contains("World") && names.contains("found"), "the table was read: {names:?}");
    let mut uses = Vec::new();
    for (file, text) in sources() {
        for (at, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for name in defines(line).filter(|name| names.contains(*name)) {
                uses.push(format!("{file}:{}: {name}", at + 1));
            }
        }
    }
    assert!(uses.is_empty(), "names that docs/glossary.md gives up:\n{}", uses.join("\n"));
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
