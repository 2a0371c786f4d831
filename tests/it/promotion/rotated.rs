//! A secret of the target whose source moves: what a promotion shows, what was approved, and what is
//! refused when it moves while gates are asked.

use std::process::Child;

use aws_sdk_ssm::types::ParameterType;

use super::stage::{MAIN, Stage};
use crate::support::cli::Run;
use crate::support::judge;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work)
}

/// Puts a value to the source, in the account that calls.
fn put(stage: &Stage, value: &str) {
    block_on(async {
        let sandbox = stage.sandbox().await;
        aws_sdk_ssm::Client::new(&judge::sdk(&sandbox, sandbox.management_credentials()))
            .put_parameter()
            .name("/shared/token")
            .r#type(ParameterType::SecureString)
            .overwrite(true)
            .value(value)
            .send()
            .await
            .expect("put");
    });
}

/// What the application in `dev-aws` is told.
fn token(stage: &Stage) -> Option<String> {
    block_on(async {
        let sdk = judge::member(&stage.sandbox().await, "dev").await;
        let found = judge::parameters(&sdk, "/acme/dev-aws/app/").await;
        let token = found.iter().find(|p| p.name() == Some("/acme/dev-aws/app/token"))?;
        token.value().map(str::to_owned)
    })
}

/// `dev-aws` has a secret of SSM; into it leads an edge with an approval and a program.
fn main() -> String {
    let main = MAIN
        .replace(
            "  key \"level\" {",
            "  key \"token\" {\n    secret   = true\n    required = false\n  }\n  key \"level\" {",
        )
        .replacen(
            "    values = { level = \"debug\" }",
            "    values = { level = \"debug\", token = secret(\"ssm:/shared/token\") }",
            1,
        )
        .replacen(
            "  gate \"command\" \"tests\" {",
            "  gate \"approval\" \"board\" {}\n  gate \"command\" \"tests\" {",
            1,
        );
    assert_eq!(main.matches("secret(").count(), 1);
    assert_eq!(main.matches("\"approval\"").count(), 2);
    main
}

fn ended(child: Child) -> Run {
    child.wait_with_output().expect("it ends").into()
}

#[test]
fn a_promotion_shows_a_secret_that_has_moved_and_is_approved_with_it() {
    let mut stage = Stage::new(&main());
    put(&stage, "one-in-the-open");
    stage.apply();
    assert_eq!(token(&stage).as_deref(), Some("one-in-the-open"));
    let approve = |stage: &mut Stage| {
        stage.who = "bea";
        stage.run(&["approve", "to_dev", "--auto-approve"], 0);
        stage.who = "ann";
    };
    approve(&mut stage);

    // It was approved with version 1.
    put(&stage, "two-in-the-open");
    let other = stage.promote("to_dev", 3);
    assert!(other.err.contains("it is for another plan"), "{}", other.err);
    for told in ["# the source ssm:/shared/token moved from version 1 to 2", "1 to update"] {
        assert!(other.out.contains(told), "{told}: {}", other.out);
    }
    approve(&mut stage);

    // While a gate is asked it moves again: nothing is applied, and no move begins.
    stage.script("tests", "touch asked; while [ ! -e go ]; do sleep 0.02; done");
    let child = stage.command(&["promote", "to_dev", "--auto-approve"]).spawn().expect("started");
    while !stage.path("asked").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    put(&stage, "three-in-the-open");
    stage.write("go", "");
    let stale = ended(child);
    assert_eq!(stale.code, 4, "{}", stale.err);
    let told = "the source ssm:/shared/token moved from version 2 to 3";
    assert!(stale.err.contains(told), "{}", stale.err);
    assert_eq!(token(&stage).as_deref(), Some("one-in-the-open"));
    assert!(stage.parameters("dev-aws").is_empty());
    let none = stage.run(&["history", "--environment", "dev-aws"], 1);
    assert!(none.err.contains("there is no history of `dev-aws`"), "{}", none.err);

    // Approved as it is now, it goes through, and the secret with it.
    stage.promote("to_dev", 3);
    approve(&mut stage);
    let done = stage.promote("to_dev", 0);
    assert_eq!(token(&stage).as_deref(), Some("three-in-the-open"));
    for value in ["one", "two", "three"] {
        let value = format!("{value}-in-the-open");
        for run in [&other, &stale, &done] {
            assert!(!run.out.contains(&value) && !run.err.contains(&value), "{value} is shown");
        }
    }
    stage.run(&["plan", "--detailed-exitcode"], 0);
}
