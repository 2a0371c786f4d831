//! Two processes at once on one state, in a directory and on S3: one of them does the work, and what is
//! recorded is what there is.

use std::collections::BTreeSet;
use std::process::{Child, Output, Stdio};

use crate::support::cli::{Program, Run};
use crate::support::endpoint::Endpoint;

use super::commands::applied;

/// Starts both before it waits for either.
fn at_once(p: &Program, args: [&[&str]; 2]) -> [Run; 2] {
    let start = |args: &[&str]| -> Child {
        let mut command = p.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let running = args.map(start);
    running.map(|child| -> Run {
        let output: Output = child.wait_with_output().expect("it ends");
        output.into()
    })
}

fn whole(name: &str, p: &Program) {
    let listed = p.run(&["state", "list"]).code(0).out;
    let roles = listed.lines().filter_map(|l| l.strip_prefix("iam_role.")?.split('@').next());
    let recorded: BTreeSet<String> = roles.map(str::to_owned).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let held = runtime.block_on(async {
        Endpoint::open(&p.path().join(".palisade/sandbox")).await.holds(&[]).await
    });
    let live = held.iter().filter_map(|l| l.split_once(" role ")).map(|(_, r)| r.to_owned());
    assert_eq!(recorded, live.collect(), "{name}");
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    p.run(&["audit", "verify"]).code(0);
}

#[test]
fn two_applies_at_once_do_the_work_once() {
    for (name, p) in applied() {
        for round in 0..3 {
            let role = |n: usize| {
                format!(
                    "iam_role \"r{round}{n}\" {{\n  environments = [environment.dev]\n  trust {{\n    \
                     services = [\"ec2.amazonaws.com\"]\n  }}\n}}\n"
                )
            };
            p.write("more.hcl", &(0..8).map(role).collect::<String>());
            let apply = &["apply", "--auto-approve"][..];
            let patient = &["apply", "--auto-approve", "--lock-timeout", "1m"][..];
            let ended = at_once(&p, [apply, if round == 0 { apply } else { patient }]);
            let codes = ended.each_ref().map(|run| run.code);
            let told = ended.each_ref().map(|run| run.err.clone()).join("\n---\n");
            assert!(codes.contains(&0), "{name}: {codes:?}\n{told}");
            assert!(codes.iter().all(|code| [0, 4, 5].contains(code)), "{name}: {codes:?}\n{told}");
            assert!(!told.contains("panicked"), "{name}: {told}");
            whole(name, &p);
        }
    }
}

#[test]
fn two_edits_at_once_are_both_told_and_none_is_lost() {
    for (name, p) in applied() {
        let mv = |to: &'static str| ["state", "mv", "iam_role.deploy", to];
        let (one, two) = (mv("iam_role.one"), mv("iam_role.two"));
        let ended = at_once(&p, [&one, &two]);
        let done: Vec<&str> = ["one", "two"]
            .into_iter()
            .zip(&ended)
            .filter(|(_, run)| run.code == 0)
            .map(|(to, _)| to)
            .collect();
        let told = ended.each_ref().map(|run| run.err.clone()).join("\n---\n");
        assert_eq!(done.len(), 1, "{name}: {told}");
        // The other one found it moved (1), or lost the race for it (4), or for the lock (5).
        let codes = ended.each_ref().map(|run| run.code);
        assert!(codes.iter().all(|code| [0, 1, 4, 5].contains(code)), "{name}: {codes:?}\n{told}");
        assert!(!told.contains("moved 0"), "{name}: {told}");
        let listed = p.run(&["state", "list"]).code(0).out;
        assert!(listed.contains(&format!("iam_role.{}@dev", done[0])), "{name}: {listed}");
        assert_eq!(listed.matches("iam_role.").count(), 1, "{name}: {listed}");
        p.run(&["audit", "verify"]).code(0);
    }
}
