//! Nothing that people put into names, descriptions or arguments is a command to a terminal or to the runner of
//! a pipeline, whichever command prints it.

use crate::support::cli::{Program, Run};
use crate::support::estates::two_environments;

/// A description with two lines that runners obey, and their older form.
const ROLE: &str = r###"iam_role "r" {
  accounts    = [account.dev]
  description = "first\n::set-output name=image::evil\n  ::error file=x::no\n##[set-output name=a]b ##vso[task.setvariable variable=x]y"
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
output "o" {
  value = iam_role.r.description
}
"###;

/// What a runner takes for a command, and what steers a terminal.
#[track_caller]
fn quiet(run: &Run, args: &[&str]) {
    for line in run.out.lines().chain(run.err.lines()) {
        assert!(!line.trim_start().starts_with("::"), "{args:?}: {line:?}");
        assert!(!line.contains("##[") && !line.contains("##vso["), "{args:?}: {line:?}");
        assert!(!line.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{args:?}: {line:?}");
    }
}

#[test]
fn no_command_that_shows_an_object_lets_it_speak_to_the_runner() {
    let program = Program::new(&two_environments(ROLE));
    let plan = ["plan", "--out", "a.plan"];
    quiet(&program.run(&plan).code(0), &plan);
    program.run(&["apply", "--auto-approve", "a.plan"]).code(0);
    for args in [
        &["show", "a.plan"][..],
        &["show", "a.plan", "--format", "markdown"],
        &["show", "a.plan", "--format", "html"],
        &["show", "a.plan", "--json"],
        &["show"],
        &["show", "--json"],
        &["state", "show", "iam_role.r@dev"],
        &["state", "pull"],
        &["output"],
        &["console", "--eval", "iam_role.r.description"],
        &["drift"],
    ] {
        let run = program.run(args).code(0);
        quiet(&run, args);
        // Nothing is left out either.
        assert!(args[0] == "drift" || run.out.contains("set-output"), "{args:?}: {}", run.out);
    }
    let shown = program.run(&["show", "--json"]).code(0).json();
    let description = &shown["resources"]["iam_role.r@dev"]["attrs"]["description"];
    assert!(description.as_str().is_some_and(|d| d.contains("##[set-output name=a]b")), "{shown}");
    // A line that stays beside one that changes.
    program.write("main.hcl", &two_environments(&ROLE.replace("first", "second")));
    let run = program.run(&["plan"]).code(0);
    assert!(run.out.contains("second"), "{}", run.out);
    quiet(&run, &["plan"]);
}

#[test]
fn an_argument_that_is_quoted_says_nothing_to_the_runner() {
    let program = Program::new(&two_environments(""));
    let evil = "x\n::error::y ##[error]z\u{1b}[31m\u{202e}";
    for args in [
        &["state", "show", evil][..],
        &["state", "history", evil],
        &["plan", "--environment", evil],
        &["plan", "--target", evil],
        &["plan", evil],
        &["plan", "--parallelism", evil],
        &["show", evil],
        &["output", evil],
        &["who-can", evil, evil],
        &["-C", evil, "plan"],
        &[evil],
    ] {
        let run = program.run(args).code(1);
        assert!(run.err.contains("y "), "{args:?}: {}", run.err);
        quiet(&run, args);
    }
}
