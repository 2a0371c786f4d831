//! The example of a review, as its reader sees it, in every format; and the mark by which its comment is found again.

use crate::examples::repository;
use crate::support;
use crate::support::cli::Program;

/// The README's own arguments.
const ARGS: [&str; 6] = [
    "review",
    "--accounts=examples/review/dumps",
    "--terraform-plan=examples/review/plan.json",
    "--environment=dev=111111111111",
    "--environment=production=222222222222",
    "--fail-on=none",
];

fn review(more: &[&str]) -> String {
    let p = Program::new("");
    let mut command = p.command(&[&ARGS, more].concat());
    let run = command.current_dir(repository()).output().expect("the program starts");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(0), "{said}");
    String::from_utf8(run.stdout).expect("UTF-8")
}

#[test]
fn the_example_is_kept_in_every_format() {
    for (format, suffix) in [("text", "txt"), ("markdown", "md"), ("json", "json")] {
        let text = review(&["--format", format]);
        // Of the JSON the verdicts, without the proofs.
        let text = match format {
            "json" => {
                let mut json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                json["isolation"]["proofs"] = serde_json::Value::Null;
                json["isolation"]["basis"] = serde_json::Value::Null;
                serde_json::to_string_pretty(&json).expect("JSON")
            }
            _ => text,
        };
        support::snapshots("review")
            .bind(|| insta::assert_snapshot!(format!("example.{suffix}"), text));
    }
}

/// The same change as a template, as the guide has it.
#[test]
fn the_example_of_a_stack_shows_its_lines() {
    let stack = [
        "review",
        "--accounts=examples/review/dumps",
        "--cloudformation=release=examples/review/stack/template.yaml",
        "--parameters=examples/review/stack/parameters.json",
        "--deployed=examples/review/stack/deployed",
        "--environment=dev=111111111111",
        "--environment=production=222222222222",
        "--fail-on=none",
    ];
    for (format, shows) in [
        ("text", &["1 path crosses a wall", "release/Release"][..]),
        ("markdown", &["1 path crosses a wall", "release/Release"]),
        (
            "json",
            &[
                "\"cloudformation_templates\"",
                "examples/review/stack/template.yaml:7",
                "examples/review/stack/template.yaml:17",
            ],
        ),
    ] {
        let p = Program::new("");
        let mut command = p.command(&[&stack[..], &["--format", format]].concat());
        let run = command.current_dir(repository()).output().expect("the program starts");
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(0), "{said}");
        let text = String::from_utf8(run.stdout).expect("UTF-8");
        for part in shows {
            assert!(text.contains(part), "{format} has no `{part}`: {text}");
        }
    }
}

/// Flags for an unknown stack, or without the name of one, are refused with advice.
#[test]
fn flags_about_stacks_name_one() {
    let refused = |more: &[&str]| {
        let p = Program::new("");
        let template = "--cloudformation=examples/review/stack/template.yaml";
        let args = [&ARGS[..2], &ARGS[3..5], &[template], more].concat();
        let run = p.command(&args).current_dir(repository()).output().expect("the program starts");
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(matches!(run.status.code(), Some(1 | 2)), "{said}");
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let two = "--cloudformation=release=examples/review/stack/template.yaml";
    for (more, says) in [
        (&["--new-stack=templat"][..], "did you mean `template`?"),
        (&[two, "--deployed=x"], "begin its value with the name of a stack: template, release"),
        (&["--parameter=s3cr3t"], "a `--parameter` has no `=`"),
        (&["--stack=template=1"], "12 digits"),
        (&["--new-stack=template", "--deployed=x"], "cannot be new and deployed"),
        (&["--cloudformation=other/template.yaml"], "two templates are given for the stack"),
        (&[], "--stack template=111111111111/REGION"),
    ] {
        let said = refused(more);
        assert!(said.contains(says) && !said.contains("s3cr3t"), "{says}: {said}");
    }
}

#[test]
fn reviews_of_one_repository_keep_a_comment_each() {
    let mark = |more: &[&str]| {
        let text = review(&[&["--format", "markdown"], more].concat());
        text.lines().next().expect("a line").to_owned()
    };
    let one = mark(&[]);
    assert_eq!(
        one,
        "<!-- palisade review environments=dev,production plans=examples%2Freview%2Fplan.json -->"
    );
    assert_ne!(one, mark(&["--environment=staging=333333333333"]));
    assert_eq!(one, mark(&[]));
}

#[test]
fn a_wall_of_which_no_dump_was_given_is_undecided_and_not_crossed() {
    let p = Program::new("");
    let args = [&ARGS[..5], &["--environment=staging=333333333333"]].concat();
    let run = p.command(&args).current_dir(repository()).output().expect("the program starts");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert_eq!(run.status.code(), Some(3), "{out}{err}");
    // The plan opens one wall; the four of staging are not known.
    let verdict = "1 path crosses a wall, 4 walls cannot be decided: 1 path added.";
    assert!(out.lines().next().is_some_and(|line| line.contains(verdict)), "{out}");
    assert!(
        err.contains("1 path crosses a wall between environments, 4 walls cannot be decided"),
        "{err}"
    );
    assert!(out.contains("333333333333: there is no dump of it"), "{out}");
    assert!(!out.contains("could not be read"), "{out}");
}
