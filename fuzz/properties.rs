//! What must hold of any text. The fuzz targets feed it for as long as they are let; `tests/it/mutants.rs`
//! feeds it a few thousand mutants of the test corpus on every run.

use palisade::config::{fmt, load_sources, parse_body};
use palisade::diag::Source;
use palisade::engine::graph;
use palisade::eval::{NothingKnown, evaluate_configuration};
use palisade::iam::{self, Document, Limits, Use};

/// As a configuration: it is loaded, checked, evaluated and formatted, and nothing panics, hangs or
/// overflows the stack. Every finding stands at a place of the text. What formats keeps its meaning, and
/// stays the same when it is formatted again.
pub(super) fn configuration(text: &str) {
    let source = Source::new("main.hcl", text);
    let loaded = load_sources([source.clone()]);
    for diagnostic in &loaded.diagnostics {
        if let Some(loc) = &diagnostic.loc {
            assert!(loc.source().text().get(loc.span()).is_some(), "{diagnostic:?}");
        }
    }
    if loaded.complete {
        let _ = graph::check(&loaded.configuration);
        let _ = evaluate_configuration(&loaded.configuration, &NothingKnown);
    }
    if let Ok(once) = fmt::format(&source) {
        let again = Source::new("main.hcl", once.as_str());
        assert_eq!(fmt::format(&again).as_deref(), Ok(once.as_str()), "formatting does not settle");
        let meaning = |source| hcl::Body::from(parse_body(source).expect("it was formatted"));
        assert_eq!(meaning(&source), meaning(&again), "formatting changes the meaning");
    }
}

/// As a policy document of every use: it is read or refused, and what is read survives being written
/// and read again with the same meaning.
pub(super) fn policy(text: &str) {
    for role in [Use::Identity, Use::Trust, Use::Resource("s3".to_owned()), Use::Scp, Use::Rcp] {
        let source = Source::new("policy.json", text);
        let Ok((document, _)) = Document::parse(&source, 0, role.clone()) else { continue };
        let _ = iam::validate(&document, &role, &Limits::default());
        let written = document.to_json().to_string();
        let again = Source::new("policy.json", written.as_str());
        let (read, _) = Document::parse(&again, 0, role)
            .unwrap_or_else(|found| panic!("{written} is not read again: {found}"));
        assert!(iam::semantic_eq(&document, &read), "{written} means something else");
    }
}
