//! Wrong configurations, each with what Palisade says about it.
//!
//! Every file of `tests/bad/` is a configuration of one file, every directory one of several. What
//! is printed for it is kept in `snapshots/bad/`. A new mistake is added as a new file there:
//! `cargo insta test --accept`, and read the message as its user would.

use std::fs;
use std::path::Path;

use palisade::config::{LoadOptions, load};
use palisade::diag::Diagnostics;
use palisade::engine::{graph, names};
use palisade::eval::{NothingKnown, evaluate_configuration};
use palisade::render::{Style, diagnostics};

use crate::support;

/// Everything that is wrong with the configuration of a directory, as `validate` finds it.
fn diagnose(dir: &Path) -> Diagnostics {
    let loaded = load(dir, &LoadOptions::default());
    let mut found = loaded.diagnostics.clone();
    if loaded.complete
        && let Err(more) = evaluate_configuration(&loaded.configuration, &NothingKnown)
    {
        found.extend(loaded.not_reported(more));
    }
    if loaded.complete {
        found.extend(names::wrong_names(&loaded.configuration, &found.clone()));
        found.extend(graph::check_beyond(&loaded.configuration, &found.clone()));
    }
    found
}

fn shown(found: &Diagnostics) -> String {
    let mut out = Vec::new();
    diagnostics::write(found, &Style::terminal(100), &mut out).expect("writing to memory");
    support::without_escapes(&String::from_utf8(out).expect("UTF-8"))
}

#[test]
fn every_wrong_configuration_is_explained() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let mut cases: Vec<_> =
        fs::read_dir(&corpus).expect("the corpus").map(|e| e.expect("entry").path()).collect();
    cases.sort();
    assert!(cases.len() >= 60, "only {} wrong configurations", cases.len());
    let mut silent = Vec::new();
    for case in cases {
        let name = case.file_stem().expect("a name").to_string_lossy().into_owned();
        let found = if case.is_dir() {
            diagnose(&case)
        } else {
            let dir = tempfile::tempdir().expect("tempdir");
            fs::copy(&case, dir.path().join("main.hcl")).expect("copy");
            diagnose(dir.path())
        };
        if !found.has_errors() {
            silent.push(name);
            continue;
        }
        for diagnostic in &found {
            let text = &diagnostic.summary;
            // Messages that a configuration brings along are its own affair.
            if name == "eval-precondition" || name == "eval-variable-validation" {
                continue;
            }
            assert!(diagnostic.loc.is_some(), "{name}: no place: {text}");
            assert!(
                !text.starts_with(|c: char| c.is_uppercase()) && !text.ends_with('.'),
                "{name}: {text}"
            );
            for rust in ["Some(", "None", "String(", "Value::", "Err(", "::new"] {
                assert!(!text.contains(rust), "{name}: {text}");
            }
        }
        support::snapshots("bad").bind(|| insta::assert_snapshot!(name, shown(&found)));
    }
    assert!(silent.is_empty(), "nothing is found wrong with {silent:?}");
}
