//! Everything that ships as configuration is written in the canonical style, and the corpus of
//! wrong configurations, as far as it can be parsed, keeps its meaning when it is formatted.

use std::fs;
use std::path::Path;

use palisade::config::{fmt, parse_body, read_source};
use palisade::diag::Source;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn examples_and_modules_are_in_canonical_style() {
    let mut differences = String::new();
    let mut count = 0;
    for top in ["examples", "modules"] {
        for path in fmt::files(&root().join(top), true).expect("readable") {
            let name = path.strip_prefix(root()).expect("below").display().to_string();
            let source = read_source(&path, &name).expect("readable");
            match fmt::format(&source) {
                Ok(formatted) => {
                    differences.push_str(&fmt::diff(&name, source.text(), &formatted));
                }
                Err(error) => differences.push_str(&format!("{name}: {error}\n")),
            }
            count += 1;
        }
    }
    assert!(count > 0, "there are no examples");
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn formatting_the_corpus_keeps_its_meaning() {
    let mut formatted = 0;
    for path in fmt::files(&root().join("tests/bad"), true).expect("readable") {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            // One of them is there because it is no text.
            Err(_) => continue,
        };
        let source = Source::new("x.hcl", text.as_str());
        let Ok(once) = fmt::format(&source) else { continue };
        let again = Source::new("x.hcl", once.as_str());
        assert_eq!(fmt::format(&again).as_deref(), Ok(once.as_str()), "{path:?} does not settle");
        let plain = |source| hcl::Body::from(parse_body(&source).expect("parsed before"));
        assert_eq!(plain(source), plain(again), "{path:?} means something else");
        formatted += 1;
    }
    assert!(formatted > 50, "only {formatted} were formatted");
}
