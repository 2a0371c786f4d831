//! `graph` on the five environments: every block is drawn, with what it names, and the way of a release.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::support::cli::Program;

/// Blocks that no object and no environment is.
const BESIDE: [&str; 6] = ["check", "config_schema", "module", "output", "provider", "variable"];

fn drawn(args: &[&str]) -> String {
    let p = Program::new("");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/five-environments");
    let at = ["-C", example.to_str().expect("UTF-8"), "graph"];
    p.run(&[&at, args].concat()).code(0).out
}

/// The text between the first quotes, and what follows it.
fn quoted(text: &str) -> (&str, &str) {
    let rest = text.split_once('"').expect("a quote").1;
    rest.split_once('"').expect("its end")
}

/// Nodes with the first lines of their labels, and edges between them, of a Graphviz drawing.
fn dot(text: &str) -> (BTreeMap<&str, &str>, BTreeSet<(&str, &str)>) {
    let (mut nodes, mut edges) = (BTreeMap::new(), BTreeSet::new());
    for line in text.lines().map(str::trim).filter(|line| line.starts_with('"')) {
        let (from, rest) = quoted(line);
        let (to, _) = quoted(rest);
        if rest.starts_with(" -> ") {
            edges.insert((from, to));
        } else {
            let label = to.split("\\n").next().expect("a line");
            assert!(nodes.insert(from, label).is_none(), "{from} is drawn twice");
        }
    }
    (nodes, edges)
}

/// Labels of nodes, and edges between them, of a Mermaid drawing, sorted.
fn mermaid(text: &str) -> (Vec<&str>, Vec<(&str, &str)>) {
    let mut labels = BTreeMap::new();
    let mut edges = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| line.starts_with('n')) {
        if let Some((from, rest)) = line.split_once(" -->") {
            edges.push((labels[from], labels[rest.rsplit(' ').next().expect("a node")]));
        } else {
            let (node, label) = line.split_once("[\"").expect("a label");
            let label = label.strip_suffix("\"]").expect("closed");
            labels.insert(node, label.split("<br>").next().expect("a line"));
        }
    }
    let mut labels: Vec<_> = labels.into_values().collect();
    labels.sort_unstable();
    edges.sort_unstable();
    (labels, edges)
}

/// Asserts that both drawings of something show the same.
fn drawn_alike(args: &[&str], nodes: &BTreeMap<&str, &str>, edges: &BTreeSet<(&str, &str)>) {
    let mut labels: Vec<_> = nodes.values().copied().collect();
    labels.sort_unstable();
    let mut arrows: Vec<_> = edges.iter().map(|(from, to)| (nodes[from], nodes[to])).collect();
    arrows.sort_unstable();
    let text = drawn(&[args, &["--format", "mermaid"]].concat());
    assert_eq!(mermaid(&text), (labels, arrows));
}

#[test]
fn blocks_are_drawn_with_what_they_name() {
    let text = drawn(&[]);
    let (nodes, edges) = dot(&text);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/five-environments");
    let mut blocks = 0;
    for file in std::fs::read_dir(example).expect("the example") {
        let path = file.expect("a file").path();
        if path.extension().is_none_or(|e| e != "hcl") {
            continue;
        }
        for line in std::fs::read_to_string(&path).expect("readable").lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [kind, label, "{" | "{}"] = words[..] else { continue };
            let Some(label) = label.strip_prefix('"').and_then(|l| l.strip_suffix('"')) else {
                continue;
            };
            if line.starts_with(char::is_alphabetic) && !BESIDE.contains(&kind) {
                assert!(
                    nodes.contains_key(format!("{kind}.{label}").as_str()),
                    "{kind} {label}: {text}"
                );
                blocks += 1;
            }
        }
    }
    assert!(blocks > 25, "{blocks} blocks");
    assert_eq!(nodes["module.audit.iam_role.audit"], "iam_role.audit");
    for (from, to) in &edges {
        assert!(nodes.contains_key(from) && nodes.contains_key(to), "{from} -> {to} leads nowhere");
    }
    for edge in [
        ("account.production", "organizational_unit.prod"),
        ("environment.production", "account.production"),
        ("promotion.to_production", "environment.staging"),
    ] {
        assert!(edges.contains(&edge), "{edge:?}: {text}");
    }
    drawn_alike(&[], &nodes, &edges);
}

#[test]
fn the_way_of_a_release_is_drawn() {
    let way = BTreeSet::from([
        ("dev-localstack", "dev-aws"),
        ("dev-aws", "dev-aws-deployed"),
        ("dev-aws-deployed", "staging"),
        ("staging", "production"),
    ]);
    let text = drawn(&["--of", "environments"]);
    let (nodes, edges) = dot(&text);
    assert_eq!((nodes.len(), &edges), (5, &way));
    assert!(text.contains("to_production\\nsoak, no_drift"), "the gates stand at it: {text}");
    drawn_alike(&["--of", "environments"], &nodes, &edges);
}
