//! Which file uses which: no large circle of files anywhere, and the order inside the command line.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Graph;
use petgraph::algo::tarjan_scc;

use crate::support::names::{Paths, Source, Sources};

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
    ("stack_args", &[]),
    ("environment", &["args", "clock", "error"]),
    ("host", &["clock", "environment", "output", "progress"]),
    ("context", &["args", "clock", "environment", "error", "host", "output"]),
    ("endings", &["context", "error"]),
    ("commands", &["args", "context", "endings", "error", "host", "output", "stack_args"]),
    ("grammar", &["args", "commands", "context", "error"]),
    ("reference", &["grammar"]),
];

/// Every file of the library, with the files that it uses.
fn uses() -> BTreeMap<String, BTreeSet<String>> {
    uses_among(&Sources::of_the_crate())
}

/// Files, each with those among them that it uses: where what it names is defined, however often it is named anew on
/// the way. Tests are left out, and a file's parent that only declares it uses nothing by that.
pub(crate) fn uses_among(sources: &Sources) -> BTreeMap<String, BTreeSet<String>> {
    sources.files.iter().map(|source| (source.file.clone(), used_by(sources, source))).collect()
}

/// The files that one of them uses.
pub(crate) fn used_by(sources: &Sources, source: &Source) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (module, path) in Paths::of(source) {
        let means = sources.resolve(&module, &path);
        if means.first().is_some_and(|first| first == "crate")
            && let Some(file) = sources.file_of(&means).filter(|file| *file != source.file)
        {
            used.insert(file.to_owned());
        }
    }
    used
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
