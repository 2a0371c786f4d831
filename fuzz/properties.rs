//! What must hold of any text. The fuzz targets feed it for as long as they are let; `tests/it/mutants.rs`
//! feeds it a few thousand mutants of the test corpus on every run.

use std::fs;
use std::path::{Path, PathBuf};

use palisade::config::{fmt, load_sources, parse_body};
use palisade::diag::Source;
use palisade::engine::graph;
use palisade::engine::review::{self, ReviewRequest, StackRequest};
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

/// In the place of each file of a review in turn, dumps, a plan, a template and its deployed side: the review judges or
/// refuses it.
pub(super) fn review(text: &str) {
    thread_local! {
        static EXAMPLE: ReviewExample = ReviewExample::new();
    }
    EXAMPLE.with(|example| example.run_with(text));
}

/// A copy of `examples/review`, whose files are replaced one at a time.
struct ReviewExample {
    files: Vec<(PathBuf, String)>,
    request: ReviewRequest,
    _dir: tempfile::TempDir,
}

impl ReviewExample {
    fn new() -> Self {
        let example = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut example = example.ancestors().map(|top| top.join("examples/review"));
        let example = example.find(|dir| dir.is_dir()).expect("the example");
        let dir = tempfile::tempdir().expect("a folder");
        let mut files = Vec::new();
        copy(&example, dir.path(), &mut files);
        let stack = StackRequest {
            name: "release".to_owned(),
            template: dir.path().join("stack/template.yaml"),
            parameter_files: vec![dir.path().join("stack/parameters.json")],
            deployed: vec![dir.path().join("stack/deployed")],
            ..StackRequest::default()
        };
        let [dev, production] =
            ["111111111111", "222222222222"].map(|id| [id.parse().expect("an id")].into());
        let request = ReviewRequest {
            accounts: Some(dir.path().join("dumps")),
            terraform_plans: vec![dir.path().join("plan.json")],
            stacks: vec![stack],
            environments: [("dev".to_owned(), dev), ("production".to_owned(), production)].into(),
            today: "2026-11-28".to_owned(),
            ..ReviewRequest::default()
        };
        assert!(review::run(&request).is_ok(), "the example itself is judged");
        Self { files, request, _dir: dir }
    }

    fn run_with(&self, text: &str) {
        for (file, own) in &self.files {
            fs::write(file, text).expect("written");
            let _ = review::run(&self.request);
            fs::write(file, own).expect("written");
        }
    }
}

/// Copies the JSON and YAML files below a folder.
fn copy(from: &Path, to: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry").path();
        let copy = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            fs::create_dir_all(&copy).expect("made");
            self::copy(&entry, &copy, files);
        } else if entry.extension().is_some_and(|e| e == "json" || e == "yaml") {
            let text = fs::read_to_string(&entry).expect("text");
            fs::write(&copy, &text).expect("written");
            files.push((copy, text));
        }
    }
}
