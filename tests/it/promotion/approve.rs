//! What `palisade approve` says of the approval that it is about to record.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use super::stage::{MAIN, Stage};
use crate::support::cli::{Program, Run};
use crate::support::estates::{release, two_environments};
use crate::support::front::{Front, Way};

/// Who is told in time need not wait for a gate that will never open by their approval.
#[test]
fn approve_says_for_which_gates_it_does_not_count() {
    let board =
        "  gate \"approval\" \"board\" {\n    principals = [\"arn:aws:iam::*:user/bea\"]\n  }\n";
    let main = MAIN.replace("  gate \"parity\" \"same\" {}\n", board);
    let mut stage = Stage::new(&main);
    stage.apply();
    stage.promote("to_dev", 0);
    stage.who = "cem";
    let vain = stage.run(&["approve", "to_deployed", "--auto-approve"], 1);
    for told in
        ["does not count for `approval.board`", "`principals` does not name them", "board\" {"]
    {
        assert!(vain.err.contains(told), "{told}: {}", vain.err);
    }
    let approvals = stage.path(".palisade/sandbox/palisade-state/approvals");
    assert!(!approvals.exists(), "nothing is recorded");
    stage.who = "bea";
    let named = stage.run(&["approve", "to_deployed", "--auto-approve"], 0);
    assert!(!named.err.contains("does not count"), "{}", named.err);
    // Beside a gate for which it counts, it is recorded, and the other one is told.
    let both = main.replace(board, &format!("{board}  gate \"approval\" \"any\" {{}}\n"));
    stage.write("main.hcl", &both);
    stage.who = "cem";
    let some = stage.run(&["approve", "to_deployed", "--auto-approve"], 0);
    assert!(some.err.contains("does not count for `approval.board`"), "{}", some.err);
    assert!(!some.err.contains("`approval.any`"), "{}", some.err);
}

/// The session's name does not tell who of those gives it whom trust policies let become the role.
#[test]
fn approve_says_with_whom_it_counts_as_one() {
    let front = Front::open(Way::default());
    let gate = "  gate \"approval\" \"one\" {}\n";
    let program = Program::new(&two_environments(&release(gate)));
    let run = |credentials: &Credentials, args: &[&str]| -> Run {
        let mut command = program.command(args);
        command
            .env_remove("PALISADE_SANDBOX")
            .env("AWS_ENDPOINT_URL", front.url())
            .env("AWS_ACCESS_KEY_ID", credentials.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key());
        if let Some(token) = credentials.session_token() {
            command.env("AWS_SESSION_TOKEN", token);
        }
        command.output().expect("started").into()
    };
    let management = front.sandbox.management_credentials();
    run(&management, &["apply", "--auto-approve"]).code(0);
    let sdk = |credentials: &Credentials| {
        aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("us-east-1"))
            .http_client(front.sandbox.http_client())
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .build()
    };
    let (ann, session) = front.wait(async {
        let iam = aws_sdk_iam::Client::new(&sdk(&management));
        let ann = iam.create_user().user_name("ann").send().await.expect("a user");
        let ann = ann.user().expect("a user").arn().to_owned();
        let key = iam.create_access_key().user_name("ann").send().await.expect("a key");
        let key = key.access_key().expect("a key").clone();
        let own =
            Credentials::new(key.access_key_id(), key.secret_access_key(), None, None, "test");
        let trust = serde_json::json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ann}}]});
        let role = iam.create_role().role_name("ops");
        let role = role.assume_role_policy_document(trust.to_string()).send().await.expect("one");
        let arn = role.role().expect("a role").arn();
        let sts = aws_sdk_sts::Client::new(&sdk(&own));
        let given = sts.assume_role().role_arn(arn).role_session_name("s1").send().await;
        let given = given.expect("entered");
        let given = given.credentials().expect("credentials");
        let token = Some(given.session_token().to_owned());
        let session =
            Credentials::new(given.access_key_id(), given.secret_access_key(), token, None, "test");
        (ann, session)
    });
    let said = run(&session, &["approve", "to_production", "--auto-approve"]).code(0).err;
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = format!(
        "your approval counts as one with those whom trust policies let become your role: {ann}"
    );
    assert!(said.contains(&told), "{said}");
    assert!(said.contains("it does not count where one of them promotes"), "{said}");
}
