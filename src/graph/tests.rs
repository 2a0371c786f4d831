//! Tests of the graph over small configurations.

use super::*;
use crate::config::{Configuration, LoadOptions, load};

fn configuration(files: &[(&str, &str)]) -> Configuration {
    let dir = tempfile::tempdir().expect("tempdir");
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("mkdir");
        std::fs::write(path, text).expect("write");
    }
    let loaded = load(dir.path(), &LoadOptions::default());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    loaded.configuration
}

fn summaries(files: &[(&str, &str)]) -> Vec<String> {
    check(&configuration(files)).iter().map(|d| d.summary.clone()).collect()
}

#[test]
fn a_cycle_is_printed_whole() {
    let found = check(&configuration(&[(
        "main.hcl",
        "locals {\n  a = local.b\n  b = [local.c]\n  c = \"${local.a}\"\n  d = local.a\n}\n",
    )]));
    let summaries: Vec<&str> = found.iter().map(|d| d.summary.as_str()).collect();
    assert_eq!(summaries, ["references form a cycle: local.a -> local.b -> local.c -> local.a"]);
    assert_eq!(found.iter().next().map(|d| d.related.len()), Some(2));
}

#[test]
fn references_may_be_longer_than_any_stack() {
    let mut text = String::from("locals {\n");
    for n in 0..50_000 {
        text.push_str(&format!(" v{n} = local.v{}\n", n + 1));
    }
    assert_eq!(summaries(&[("main.hcl", &format!("{text} v50000 = 1\n}}\n"))]), [""; 0]);
    let circle = summaries(&[("main.hcl", &format!("{text} v50000 = local.v0\n}}\n"))]);
    assert!(circle.len() == 1 && circle[0].contains("form a cycle"), "{}", circle.len());
}

#[test]
fn a_module_may_feed_another_call_of_itself() {
    let module = ("m/main.hcl", "variable \"in\" {}\noutput \"out\" {\n  value = var.in\n}\n");
    let call = |name: &str, value: &str| {
        format!("module \"{name}\" {{\n  source = \"./m\"\n  in = {value}\n}}\n")
    };
    let fine = call("a", "1") + &call("b", "module.a.out");
    assert!(summaries(&[("main.hcl", &fine), module]).is_empty());
    let circle = call("a", "module.b.out") + &call("b", "module.a.out");
    let found = summaries(&[("main.hcl", &circle), module]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("module.a.var.in"), "{found:?}");
}

#[test]
fn unknown_references_are_found_everywhere() {
    let found = summaries(&[
        (
            "main.hcl",
            "locals {\n  a = var.nope\n  b = module.m.nope\n  c = local.nope\n  \
             d = iam_role.nope.arn\n  e = [for x in [1] : x]\n  f = environment.nope\n  \
             g = module.nope\n}\nmodule \"m\" {\n  source = \"./m\"\n}\n",
        ),
        ("m/main.hcl", "output \"out\" {\n  value = 1\n}\n"),
    ]);
    assert_eq!(
        found,
        [
            "there is no variable `nope`",
            "the module `m` has no output `nope`",
            "there is no local value `nope`",
            "there is no `iam_role` block `nope`",
            "there is no environment `nope`",
            "there is no module call `nope`",
        ]
    );
}

#[test]
fn bodies_may_name_each_other() {
    let text = "account \"a\" {\n  name = \"a\"\n  email = \"a@example.com\"\n}\n\
        iam_policy \"a\" {\n  accounts = [account.a]\n  content = iam_policy.b.arn\n}\n\
        iam_policy \"b\" {\n  accounts = [account.a]\n  content = iam_policy.a.arn\n}\n";
    assert!(summaries(&[("main.hcl", text)]).is_empty());
    let firm = text
        .replace("content = iam_policy.b.arn", "content = \"{}\"\n  depends_on = [iam_policy.b]");
    let firm = firm
        .replace("content = iam_policy.a.arn", "content = \"{}\"\n  depends_on = [iam_policy.a]");
    assert_eq!(
        summaries(&[("main.hcl", &firm)]),
        ["references form a cycle: iam_policy.a -> iam_policy.b -> iam_policy.a"]
    );
}

const ESTATE: &str = "account \"a\" {\n  name = \"a\"\n  email = \"a@example.com\"\n}\n\
    environment \"dev\" {\n  accounts = [account.a]\n}\n\
    environment \"prod\" {\n  accounts = [account.a]\n}\n\
    release \"app\" {\n  entry = environment.dev\n  values = { v = local.version }\n}\n\
    locals {\n  version = iam_policy.p.arn\n}\n\
    iam_policy \"p\" {\n  environments = [environment.dev]\n  content = \"{}\"\n}\n\
    promotion \"up\" {\n  from = environment.dev\n  to = environment.prod\n  releases = [release.app]\n  \
    gate \"soak\" \"day\" {\n    duration = \"24h\"\n  }\n}\n";

#[test]
fn promotions_in_a_circle_are_refused() {
    assert!(summaries(&[("main.hcl", ESTATE)]).is_empty());
    let back = "promotion \"down\" {\n  from = environment.prod\n  to = environment.dev\n  releases = [release.app]\n}\n";
    assert_eq!(
        summaries(&[("main.hcl", &format!("{ESTATE}{back}"))]),
        ["promotions form a cycle: environment.dev -> environment.prod -> environment.dev"]
    );
}

#[test]
fn drawings_are_stable() {
    let configuration = configuration(&[("main.hcl", ESTATE)]);
    let graph = build(&configuration).expect("small");
    let mermaid = draw(&configuration, &graph, GraphDrawing::Promotion, GraphFormat::Mermaid);
    assert_eq!(
        mermaid,
        "flowchart LR\n  n0[\"dev<br>a\"]\n  n1[\"prod<br>a\"]\n  n0 -->|\"up<br>soak\"| n1\n"
    );
    let dot = draw(&configuration, &graph, GraphDrawing::Blocks, GraphFormat::Dot);
    assert!(dot.contains("\"release.app\" -> \"iam_policy.p\""), "{dot}");
    assert!(dot.contains("\"iam_policy.p\" -> \"environment.dev\""), "{dot}");
}

#[test]
fn doubling_modules_are_stopped() {
    let mut files = Vec::new();
    let twice = |next: &str| {
        format!(
            "module \"a\" {{\n  source = \"{next}\"\n}}\nmodule \"b\" {{\n  source = \"{next}\"\n}}\n"
        )
    };
    files.push(("main.hcl".to_owned(), twice("./m0")));
    for level in 0..20 {
        files.push((format!("m{level}/main.hcl"), twice(&format!("../m{}", level + 1))));
    }
    files.push(("m20/main.hcl".to_owned(), "locals {}\n".to_owned()));
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    assert!(summaries(&files)[0].starts_with("modules calling modules"));
}
