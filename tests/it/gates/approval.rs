//! `approval`: words of people whom STS tells apart, kept in the backend.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::{SignedDuration, Timestamp};
use palisade::promotion::gate::GateOutcome;
use palisade::promotion::gate::approval::{Consent, Subject, latest_approvals, write};
use palisade::provider::Caller;
use palisade::sandbox::Service;
use serde_json::json;

use super::stage::{DIGEST, Stage};

const GATES: &str = r#"
gate "approval" "board" {
  count         = 2
  expires_after = "8h"
}
gate "approval" "named" {
  principals = ["arn:aws:iam::*:role/board"]
}
gate "approval" "below" {
  principals = ["arn:aws:iam::*:role/board/*"]
}
gate "approval" "one" {}
"#;

fn sdk(stage: &Stage, credentials: Credentials) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(stage.world.sandbox.http_client())
        .build()
}

async fn identity(config: &SdkConfig) -> Caller {
    let answer =
        aws_sdk_sts::Client::new(config).get_caller_identity().send().await.expect("somebody");
    Caller {
        account: answer.account().expect("account").parse().expect("an id"),
        arn: answer.arn().expect("arn").to_owned(),
        user_id: answer.user_id().expect("user id").to_owned(),
    }
}

/// A user of the management account, by an access key of its own.
async fn user(stage: &Stage, name: &str) -> Caller {
    let root = sdk(stage, stage.world.sandbox.management_credentials());
    user_below(stage, &root, "/", name).await
}

/// A user of the account that `by` calls in, below a path.
async fn user_below(stage: &Stage, by: &SdkConfig, path: &str, name: &str) -> Caller {
    let iam = aws_sdk_iam::Client::new(by);
    iam.create_user().path(path).user_name(name).send().await.expect("a user");
    let key = iam.create_access_key().user_name(name).send().await.expect("a key");
    let key = key.access_key().expect("a key").clone();
    let own = Credentials::new(key.access_key_id(), key.secret_access_key(), None, None, "test");
    identity(&sdk(stage, own)).await
}

/// A session of a role of the management account; the role is made when it is not there.
async fn session(stage: &Stage, role: &str, name: &str) -> Caller {
    let root = sdk(stage, stage.world.sandbox.management_credentials());
    let account = stage.world.sandbox.management_account();
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
    }]});
    let made = aws_sdk_iam::Client::new(&root)
        .create_role()
        .role_name(role)
        .assume_role_policy_document(trust.to_string())
        .send()
        .await;
    if let Err(error) = made {
        assert!(error.into_service_error().is_entity_already_exists_exception());
    }
    let answer = aws_sdk_sts::Client::new(&root)
        .assume_role()
        .role_arn(format!("arn:aws:iam::{account}:role/{role}"))
        .role_session_name(name)
        .send()
        .await
        .expect("assumed");
    let given = answer.credentials().expect("credentials");
    let own = Credentials::new(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token().to_owned()),
        None,
        "test",
    );
    identity(&sdk(stage, own)).await
}

async fn say(stage: &mut Stage, consent: Consent, by: &Caller) -> Timestamp {
    let plan = stage.plan_digest().to_owned();
    say_of(stage, consent, by, &plan).await
}

async fn say_of(stage: &mut Stage, consent: Consent, by: &Caller, plan: &str) -> Timestamp {
    let subject = Subject { edge: "up", release: "app", digest: DIGEST, plan, variables: None };
    let said = write(&stage.ledger, &subject, consent, by, None).await.expect("written");
    stage.approvals = latest_approvals(&stage.ledger, "up", DIGEST).await.expect("read");
    // The gate is asked right after.
    stage.now = said.at;
    said.at
}

#[tokio::test(flavor = "multi_thread")]
async fn two_different_people_approve_one_change() {
    let mut stage = Stage::new(GATES).await;
    let (ann, bob) = (user(&stage, "ann").await, user(&stage, "bob").await);
    let none = stage.ask("approval.board").await;
    assert_eq!(none.outcome, GateOutcome::Waiting);
    assert!(
        none.summary.starts_with("0 of 2 approvals: `palisade approve up`"),
        "{}",
        none.summary
    );

    // The same person twice is one person.
    say(&mut stage, Consent::Approve, &ann).await;
    say(&mut stage, Consent::Approve, &ann).await;
    assert_eq!(stage.ask("approval.board").await.outcome, GateOutcome::Waiting);

    // Who promotes does not count.
    let author = stage.author.clone();
    say(&mut stage, Consent::Approve, &author).await;
    let own = stage.ask("approval.board").await;
    assert_eq!(own.outcome, GateOutcome::Waiting);
    assert!(own.summary.contains("it is of who promotes"), "{}", own.summary);

    // Another plan is another change.
    say_of(&mut stage, Consent::Approve, &bob, "sha256:of-yesterday").await;
    let stale = stage.ask("approval.board").await;
    assert_eq!(stale.outcome, GateOutcome::Waiting);
    assert!(stale.summary.contains("it is for another plan"), "{}", stale.summary);

    let at = say(&mut stage, Consent::Approve, &bob).await;
    let both = stage.ask("approval.board").await;
    assert_eq!(both.outcome, GateOutcome::Passed, "{}", both.summary);
    assert_eq!(both.detail["approvals"].as_array().expect("list").len(), 2);

    // None is given in the time to come: such an object was written by hand.
    stage.now = at - SignedDuration::from_hours(1);
    let forged = stage.ask("approval.board").await;
    assert_eq!(forged.outcome, GateOutcome::Waiting);
    assert!(forged.summary.contains("it was forged"), "{}", forged.summary);

    // A promise for a few hours.
    stage.now = at + SignedDuration::from_hours(8);
    let expired = stage.ask("approval.board").await;
    assert_eq!(expired.outcome, GateOutcome::Waiting);
    assert!(expired.summary.contains("it expired at"), "{}", expired.summary);

    say(&mut stage, Consent::Revoke, &ann).await;
    let revoked = stage.ask("approval.board").await;
    assert_eq!(revoked.outcome, GateOutcome::Waiting);
    assert!(revoked.summary.contains("taken back"), "{}", revoked.summary);
    say(&mut stage, Consent::Approve, &ann).await;
    assert_eq!(stage.ask("approval.board").await.outcome, GateOutcome::Passed);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_one_role_are_one_person_and_principals_must_be_named() {
    let mut stage = Stage::new(GATES).await;
    let ann = session(&stage, "board", "ann").await;
    let bob = session(&stage, "board", "bob").await;
    assert_ne!(ann.user_id, bob.user_id);
    say(&mut stage, Consent::Approve, &ann).await;
    say(&mut stage, Consent::Approve, &bob).await;
    let one = stage.ask("approval.board").await;
    assert_eq!(one.outcome, GateOutcome::Waiting);
    assert!(
        one.summary.contains("superseded by a later approval or revocation of the same person"),
        "{}",
        one.summary
    );
    assert_eq!(stage.ask("approval.named").await.outcome, GateOutcome::Passed);

    let other = session(&stage, "developers", "carol").await;
    say(&mut stage, Consent::Approve, &other).await;
    assert_eq!(stage.ask("approval.board").await.outcome, GateOutcome::Passed);
    say(&mut stage, Consent::Revoke, &ann).await;
    say(&mut stage, Consent::Revoke, &bob).await;
    let named = stage.ask("approval.named").await;
    assert_eq!(named.outcome, GateOutcome::Waiting);
    assert!(named.summary.contains("`principals` does not name them"), "{}", named.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_under_a_foreign_name_stops_everything() {
    let mut stage = Stage::new(GATES).await;
    let ann = user(&stage, "ann").await;
    say(&mut stage, Consent::Approve, &ann).await;
    let dir = stage.program.path().join(".palisade/sandbox/palisade-state/approvals/up");
    let of_digest =
        std::fs::read_dir(&dir).expect("read").next().expect("one").expect("one").path();
    let own = of_digest.join(&ann.user_id).join("00000001.json");
    let text = std::fs::read_to_string(&own).expect("an object");
    let foreign = of_digest.join("AIDASOMEBODYELSE");
    std::fs::create_dir(&foreign).expect("made");
    std::fs::write(foreign.join("00000001.json"), &text).expect("written");
    let error = latest_approvals(&stage.ledger, "up", DIGEST).await.expect_err("refused");
    assert!(error.to_string().contains("does not match its key"), "{error}");
    std::fs::write(foreign.join("00000001.json"), "{").expect("written");
    let error = latest_approvals(&stage.ledger, "up", DIGEST).await.expect_err("refused");
    assert!(error.to_string().contains("damaged"), "{error}");

    // Nor one that stands below one's own id, but deeper: a bucket's policy cannot tell that apart.
    std::fs::remove_dir_all(&foreign).expect("removed");
    let deeper = of_digest.join(&ann.user_id).join("AIDASOMEBODYELSE");
    std::fs::create_dir(&deeper).expect("made");
    std::fs::write(deeper.join("00000001.json"), &text).expect("written");
    let error = latest_approvals(&stage.ledger, "up", DIGEST).await.expect_err("refused");
    assert!(error.to_string().contains("does not match its key"), "{error}");
}

/// A role of the account `dev` that users of the management account may assume, and who they are then.
struct Board<'s> {
    stage: &'s Stage,
    arn: String,
}

impl<'s> Board<'s> {
    async fn new(stage: &'s Stage, name: &str, condition: serde_json::Value) -> Self {
        let management = stage.world.sandbox.management_account();
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Condition": condition,
            "Principal": {"AWS": format!("arn:aws:iam::{management}:root")},
        }]});
        let made = aws_sdk_iam::Client::new(&stage.sdk("dev").await)
            .create_role()
            .role_name(name)
            .assume_role_policy_document(trust.to_string())
            .send()
            .await
            .expect("a role");
        Self { stage, arn: made.role().expect("a role").arn().to_owned() }
    }

    /// A user with the right to assume roles, in a session of that name.
    async fn enter(&self, user: &str, session: &str) -> Result<Caller, String> {
        let root = sdk(self.stage, self.stage.world.sandbox.management_credentials());
        let iam = aws_sdk_iam::Client::new(&root);
        let _ = iam.create_user().user_name(user).send().await;
        let allow = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]});
        iam.put_user_policy()
            .user_name(user)
            .policy_name("enter")
            .policy_document(allow.to_string())
            .send()
            .await
            .expect("a policy");
        let key = iam.create_access_key().user_name(user).send().await.expect("a key");
        let key = key.access_key().expect("a key").clone();
        let own =
            Credentials::new(key.access_key_id(), key.secret_access_key(), None, None, "test");
        let answer = aws_sdk_sts::Client::new(&sdk(self.stage, own))
            .assume_role()
            .role_arn(&self.arn)
            .role_session_name(session)
            .send()
            .await
            .map_err(|e| e.into_service_error().to_string());
        // Nobody has more than two.
        let id = key.access_key_id();
        let gone = iam.delete_access_key().user_name(user).access_key_id(id).send().await;
        gone.expect("deleted");
        let answer = answer?;
        let given = answer.credentials().expect("credentials");
        let token = Some(given.session_token().to_owned());
        let own =
            Credentials::new(given.access_key_id(), given.secret_access_key(), token, None, "test");
        Ok(identity(&sdk(self.stage, own)).await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_people_where_the_trust_pins_their_names() {
    let mut stage = Stage::new(GATES).await;
    let pinned = json!({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}});
    let board = Board::new(&stage, "board", pinned).await;
    // AWS keeps to what the trust says: nobody comes in under another's name.
    board.enter("ann", "bob").await.expect_err("refused");
    let ann = board.enter("ann", "ann").await.expect("entered");
    let bob = board.enter("bob", "bob").await.expect("entered");
    // Another role, which lets everybody choose.
    let loose = Board::new(&stage, "loose", json!({})).await;
    let carol = loose.enter("ann", "carol").await.expect("entered");
    let dave = loose.enter("ann", "dave").await.expect("entered");
    stage.look_again().await;

    say(&mut stage, Consent::Approve, &carol).await;
    say(&mut stage, Consent::Approve, &dave).await;
    let one = stage.ask("approval.board").await;
    assert_eq!(one.outcome, GateOutcome::Waiting, "{}", one.summary);
    say(&mut stage, Consent::Revoke, &dave).await;

    say(&mut stage, Consent::Approve, &ann).await;
    assert_eq!(stage.ask("approval.board").await.outcome, GateOutcome::Waiting);
    say(&mut stage, Consent::Approve, &bob).await;
    let both = stage.ask("approval.board").await;
    assert_eq!(both.outcome, GateOutcome::Passed, "{}", both.summary);

    // Who promotes is told apart in the same way.
    stage.author = ann.clone();
    let own = stage.ask("approval.board").await;
    assert_eq!(own.outcome, GateOutcome::Waiting);
    assert!(own.summary.contains("it is of who promotes"), "{}", own.summary);

    // When the trust pins nothing any more, they are one.
    stage.author = user(&stage, "author").await;
    aws_sdk_iam::Client::new(&stage.sdk("dev").await)
        .update_assume_role_policy()
        .role_name("board")
        .policy_document(
            json!({"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"AWS": format!("arn:aws:iam::{}:root", stage.world.sandbox.management_account())},
            }]})
            .to_string(),
        )
        .send()
        .await
        .expect("updated");
    stage.look_again().await;
    // The plan is the same: nobody manages that role.
    let loosened = stage.ask("approval.board").await;
    assert_eq!(loosened.outcome, GateOutcome::Waiting, "{}", loosened.summary);
}

/// A session of a role of the management account below `path`, which lets `principal` in.
async fn of_role(stage: &Stage, role: &str, path: &str, principal: &str, by: &SdkConfig) -> Caller {
    let root = sdk(stage, stage.world.sandbox.management_credentials());
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}}]});
    let made = aws_sdk_iam::Client::new(&root)
        .create_role()
        .role_name(role)
        .path(path)
        .assume_role_policy_document(trust.to_string())
        .send()
        .await
        .expect("a role");
    let arn = made.role().expect("a role").arn().to_owned();
    let request = aws_sdk_sts::Client::new(by).assume_role().role_arn(arn);
    let answer = request.role_session_name("s1").send().await.expect("entered");
    let given = answer.credentials().expect("credentials");
    let token = Some(given.session_token().to_owned());
    let own =
        Credentials::new(given.access_key_id(), given.secret_access_key(), token, None, "test");
    identity(&sdk(stage, own)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_with_a_path_names_roles_below_that_path_alone() {
    let mut stage = Stage::new(GATES).await;
    let root = sdk(&stage, stage.world.sandbox.management_credentials());
    let everybody = format!("arn:aws:iam::{}:root", stage.world.sandbox.management_account());
    let developer = of_role(&stage, "developer", "/", &everybody, &root).await;
    say(&mut stage, Consent::Approve, &developer).await;
    let closed = stage.ask("approval.below").await;
    assert_eq!(closed.outcome, GateOutcome::Waiting, "{}", closed.summary);
    assert!(closed.summary.contains("`principals` does not name them"), "{}", closed.summary);
    let chair = of_role(&stage, "chair", "/board/", &everybody, &root).await;
    say(&mut stage, Consent::Approve, &chair).await;
    let open = stage.ask("approval.below").await;
    assert_eq!(open.outcome, GateOutcome::Passed, "{}", open.summary);
    // Of a role that is gone nobody knows the path.
    let iam = aws_sdk_iam::Client::new(&root);
    iam.delete_role().role_name("chair").send().await.expect("deleted");
    let gone = stage.ask("approval.below").await;
    assert_eq!(gone.outcome, GateOutcome::Unknown, "{}", gone.summary);
    assert!(
        gone.summary.contains("nobody knows who gave it: the role `chair`"),
        "{}",
        gone.summary
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_behind_a_user_and_a_role_counts_once() {
    let mut stage = Stage::new(GATES).await;
    let iam = aws_sdk_iam::Client::new(&sdk(&stage, stage.world.sandbox.management_credentials()));
    let ann = user(&stage, "ann").await;
    let key = iam.create_access_key().user_name("ann").send().await.expect("a key");
    let key = key.access_key().expect("a key").clone();
    let own = Credentials::new(key.access_key_id(), key.secret_access_key(), None, None, "test");
    let ops = of_role(&stage, "ops", "/", &ann.arn, &sdk(&stage, own)).await;
    say(&mut stage, Consent::Approve, &ann).await;
    say(&mut stage, Consent::Approve, &ops).await;
    let both = stage.ask("approval.board").await;
    assert_eq!(both.outcome, GateOutcome::Waiting, "{}", both.summary);
    assert!(both.summary.contains("it may be of the same person as"), "{}", both.summary);
    // With another person there are two.
    let bob = user(&stage, "bob").await;
    say(&mut stage, Consent::Approve, &bob).await;
    assert_eq!(stage.ask("approval.board").await.outcome, GateOutcome::Passed);
    // Who promotes does not open the gate by a role of their own.
    say(&mut stage, Consent::Revoke, &ann).await;
    say(&mut stage, Consent::Revoke, &bob).await;
    assert_eq!(stage.ask("approval.one").await.outcome, GateOutcome::Passed);
    stage.author = ann.clone();
    let own = stage.ask("approval.one").await;
    assert_eq!(own.outcome, GateOutcome::Waiting, "{}", own.summary);
    assert!(own.summary.contains("who promotes may have given it"), "{}", own.summary);
}

/// A role of the management account with this trust, and a session of it as `by`.
async fn entered(stage: &Stage, role: &str, trust: &serde_json::Value, by: &Credentials) -> Caller {
    let root = sdk(stage, stage.world.sandbox.management_credentials());
    let made = aws_sdk_iam::Client::new(&root)
        .create_role()
        .role_name(role)
        .assume_role_policy_document(
            json!({"Version": "2012-10-17", "Statement": [trust]}).to_string(),
        )
        .send()
        .await
        .expect("a role");
    let arn = made.role().expect("a role").arn().to_owned();
    identity(&sdk(stage, assumed(stage, &arn, by).await)).await
}

/// Credentials of a session of a role.
async fn assumed(stage: &Stage, arn: &str, by: &Credentials) -> Credentials {
    let sts = aws_sdk_sts::Client::new(&sdk(stage, by.clone()));
    let answer = sts.assume_role().role_arn(arn).role_session_name("s1").send().await;
    let answer = answer.expect("entered");
    let given = answer.credentials().expect("credentials");
    let token = Some(given.session_token().to_owned());
    Credentials::new(given.access_key_id(), given.secret_access_key(), token, None, "test")
}

/// `one_person_behind_a_user_and_a_role_counts_once`, where the trust policies tell it less directly.
#[tokio::test(flavor = "multi_thread")]
async fn one_person_over_a_chain_of_roles_or_by_a_condition_counts_once() {
    let mut stage = Stage::new(GATES).await;
    let management = stage.world.sandbox.management_account();
    let iam = aws_sdk_iam::Client::new(&sdk(&stage, stage.world.sandbox.management_credentials()));
    let ann = user(&stage, "ann").await;
    let bob = user(&stage, "bob").await;
    let key = iam.create_access_key().user_name("ann").send().await.expect("a key");
    let key = key.access_key().expect("a key").clone();
    let own = Credentials::new(key.access_key_id(), key.secret_access_key(), None, None, "test");
    let may = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]});
    let policy = iam.put_user_policy().user_name("ann").policy_name("may");
    policy.policy_document(may.to_string()).send().await.expect("put");
    let lets_in = |who: &str, condition: serde_json::Value| json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": who}, "Condition": condition});
    let root = format!("arn:aws:iam::{management}:root");

    entered(&stage, "middle", &lets_in(&ann.arn, json!({})), &own).await;
    let middle = format!("arn:aws:iam::{management}:role/middle");
    let through = assumed(&stage, &middle, &own).await;
    let chained = entered(&stage, "chained", &lets_in(&middle, json!({})), &through).await;
    let mut all = vec![("a chain", chained)];
    for (role, condition) in [
        ("by-arn", json!({"ArnEquals": {"aws:PrincipalArn": ann.arn}})),
        ("by-id", json!({"StringLike": {"aws:userid": ann.user_id}})),
        ("by-name", json!({"StringEquals": {"aws:username": "ann"}})),
    ] {
        all.push((role, entered(&stage, role, &lets_in(&root, condition), &own).await));
    }
    for (what, session) in &all {
        stage.author = ann.clone();
        say(&mut stage, Consent::Approve, session).await;
        let own = stage.ask("approval.one").await;
        assert_eq!(own.outcome, GateOutcome::Waiting, "{what}: {}", own.summary);
        assert!(own.summary.contains("who promotes may have given it"), "{what}: {}", own.summary);
        // It is somebody else's where somebody else promotes.
        stage.author = bob.clone();
        let other = stage.ask("approval.one").await;
        assert_eq!(other.outcome, GateOutcome::Passed, "{what}: {}", other.summary);
        say(&mut stage, Consent::Revoke, session).await;
    }
    // Two sessions that the same user may have are one person's, though the user says nothing.
    stage.author = user(&stage, "author").await;
    for (_, session) in all.iter().take(2) {
        say(&mut stage, Consent::Approve, session).await;
    }
    let both = stage.ask("approval.board").await;
    assert_eq!(both.outcome, GateOutcome::Waiting, "{}", both.summary);
    assert!(both.summary.contains("it may be of the same person as"), "{}", both.summary);
}

/// What a trust policy says that lets this principal in under a condition.
fn lets_in(who: &str, condition: serde_json::Value) -> serde_json::Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": who},
        "Condition": condition}]})
}

async fn made_role(sdk: &SdkConfig, name: &str, trust: &serde_json::Value) -> Caller {
    let iam = aws_sdk_iam::Client::new(sdk);
    let made = iam.create_role().role_name(name).assume_role_policy_document(trust.to_string());
    let role = made.send().await.expect("a role").role().expect("a role").clone();
    let account = role.arn().split(':').nth(4).expect("an account").to_owned();
    Caller {
        arn: format!("arn:aws:sts::{account}:assumed-role/{name}/s1"),
        user_id: format!("{}:s1", role.role_id()),
        account: account.parse().expect("an id"),
    }
}

fn user_arn(stage: &Stage, name: &str) -> String {
    format!("arn:aws:iam::{}:user/{name}", stage.world.sandbox.management_account())
}

/// Both say yes; what the gate that asks for two makes of it.
async fn both_say(stage: &mut Stage, one: &Caller, other: &Caller) -> (GateOutcome, String) {
    say(stage, Consent::Approve, one).await;
    say(stage, Consent::Approve, other).await;
    let asked = stage.ask("approval.board").await;
    (asked.outcome, asked.summary)
}

/// `ann` may be `middle`, and `middle` may be `chained`. Where `middle` is not told, nobody knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_cannot_be_read_leaves_the_gate_closed() {
    let mut stage = Stage::new(GATES).await;
    let root = sdk(&stage, stage.world.sandbox.management_credentials());
    let (ann, bob) = (user(&stage, "ann").await, user(&stage, "bob").await);
    made_role(&root, "middle", &lets_in(&ann.arn, json!({}))).await;
    let middle = format!("arn:aws:iam::{}:role/middle", stage.world.sandbox.management_account());
    let chained = made_role(&stage.sdk("dev").await, "chained", &lets_in(&middle, json!({}))).await;
    stage.look_again().await;
    let (outcome, summary) = both_say(&mut stage, &ann, &chained).await;
    assert_eq!(outcome, GateOutcome::Waiting, "{summary}");
    assert!(summary.contains("it may be of the same person as"), "{summary}");

    stage.refusing(|service, operation| service == Service::Iam && operation == "GetRole").await;
    let refused = stage.ask("approval.board").await;
    assert_eq!(refused.outcome, GateOutcome::Unknown, "{}", refused.summary);
    for part in [
        "nobody knows who gave it",
        "the role `middle` on the way",
        "not yours",
        // What is lacking, and who lacks it.
        "iam:GetRole in the management account",
        "let the caller call `iam:GetRole`",
    ] {
        assert!(refused.summary.contains(part), "{part}: {}", refused.summary);
    }
    // People whose roles are all read open it.
    say(&mut stage, Consent::Approve, &bob).await;
    let opened = stage.ask("approval.board").await;
    assert_eq!(opened.outcome, GateOutcome::Passed, "{}", opened.summary);
    // Nor is it known what who promotes has given.
    stage.author = chained;
    let author = stage.ask("approval.board").await;
    assert_eq!(author.outcome, GateOutcome::Unknown, "{}", author.summary);
    assert!(author.summary.contains("who promotes may have given it"), "{}", author.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_of_accounts_that_nobody_reads_count_for_nothing() {
    let mut stage = Stage::new(GATES).await;
    let ann = user(&stage, "ann").await;
    let foreign = Caller {
        account: "999999999999".parse().expect("an id"),
        arn: "arn:aws:sts::999999999999:assumed-role/ops/s1".to_owned(),
        user_id: "AROAFOREIGN:s1".to_owned(),
    };
    let (outcome, summary) = both_say(&mut stage, &ann, &foreign).await;
    assert_eq!(outcome, GateOutcome::Unknown, "{summary}");
    assert!(summary.contains("999999999999 is not an account of the estate"), "{summary}");
}

/// Each of 1,002 roles lets in the one before, and the first lets `ann` in.
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_is_too_long_leaves_the_gate_closed() {
    let mut stage = Stage::new(GATES).await;
    let ann = user(&stage, "ann").await;
    let dev = stage.account("dev").id.clone().expect("an id");
    let trusted = |at: usize| match at {
        0 => ann.arn.clone(),
        at => format!("arn:aws:iam::{dev}:role/r{}", at - 1),
    };
    let roles: Vec<_> = (0..1_002)
        .map(|at| (format!("r{at}"), format!("AROAR{at}"), lets_in(&trusted(at), json!({}))))
        .collect();
    stage.add_roles("dev", &roles);
    let session = |at: usize| Caller {
        account: dev.clone(),
        arn: format!("arn:aws:sts::{dev}:assumed-role/r{at}/s1"),
        user_id: format!("AROAR{at}:s1"),
    };
    let (outcome, summary) = both_say(&mut stage, &ann, &session(900)).await;
    assert_eq!(outcome, GateOutcome::Waiting, "{summary}");
    say(&mut stage, Consent::Revoke, &session(900)).await;
    let (outcome, summary) = both_say(&mut stage, &ann, &session(1_001)).await;
    assert_eq!(outcome, GateOutcome::Unknown, "{summary}");
    assert!(summary.contains("more than 1000 roles lead to"), "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_roles_count_once_where_their_patterns_or_ids_meet() {
    let mut stage = Stage::new(GATES).await;
    let dev = stage.sdk("dev").await;
    let management = stage.world.sandbox.management_account().to_string();
    let ann = user(&stage, "ann").await;
    let like = |text: &str| json!({"ArnLike": {"aws:PrincipalArn": user_arn(&stage, text)}});
    let mut roles = Vec::new();
    for (name, condition) in [
        ("a-first", like("a*")),
        ("n-last", like("*n")),
        ("b-first", like("b*")),
        ("any-value", json!({"ForAnyValue:ArnLike": {"aws:PrincipalArn": user_arn(&stage, "*n")}})),
        ("by-name", json!({"StringLike": {"aws:username": "?nn"}})),
        ("by-id", json!({"StringEquals": {"aws:userid": ann.user_id}})),
        ("by-other-id", json!({"StringEquals": {"aws:userid": "AIDASOMEBODY"}})),
    ] {
        roles.push((name, made_role(&dev, name, &lets_in(&management, condition)).await));
    }
    roles.push(("by-arn", made_role(&dev, "by-arn", &lets_in(&ann.arn, json!({}))).await));
    stage.look_again().await;
    for (one, other, reason) in [
        ("a-first", "n-last", "trust policies let one person be"),
        ("a-first", "any-value", "trust policies let one person be"),
        ("by-name", "by-arn", "trust policies let one person be"),
        ("by-id", "by-arn", "the unique id of"),
        ("by-id", "a-first", "it is not known whose unique id"),
        ("a-first", "b-first", ""),
        ("by-id", "by-other-id", ""),
    ] {
        let role = |name| roles.iter().find(|(n, _)| *n == name).expect("a role").1.clone();
        let (one, other) = (role(one), role(other));
        let (outcome, summary) = both_say(&mut stage, &one, &other).await;
        if reason.is_empty() {
            assert_eq!(outcome, GateOutcome::Passed, "{summary}");
        } else {
            assert_eq!(outcome, GateOutcome::Waiting, "{summary}");
            assert!(summary.contains("it may be of the same person as"), "{summary}");
            assert!(summary.contains(reason), "{summary}");
        }
        say(&mut stage, Consent::Revoke, &one).await;
        say(&mut stage, Consent::Revoke, &other).await;
    }
    // Where the id is known, for its user approves as well, it is known who it is not.
    let bob = user(&stage, "bob").await;
    let by_id = roles.iter().find(|(name, _)| *name == "by-id").expect("a role").1.clone();
    let (outcome, summary) = both_say(&mut stage, &bob, &by_id).await;
    assert_eq!(outcome, GateOutcome::Passed, "{summary}");
}

/// The giver's own program writes the ARN into an approval. AWS is asked whose it is.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_bears_the_name_of_another_user_does_not_count() {
    let mut stage = Stage::new(GATES).await;
    let (ann, bob) = (user(&stage, "ann").await, user(&stage, "bob").await);
    let borrowed = Caller { arn: bob.arn.clone(), ..ann.clone() };
    say(&mut stage, Consent::Approve, &borrowed).await;
    let asked = stage.ask("approval.one").await;
    assert_eq!(asked.outcome, GateOutcome::Waiting, "{}", asked.summary);
    let told = format!("`{}` is not the user with the id `{}`", bob.arn, ann.user_id);
    assert!(asked.summary.contains(&told), "{}", asked.summary);
    // Nor does what it says change whose name belongs to whom, which roles are told apart by.
    let dev = stage.sdk("dev").await;
    let by_arn = made_role(&dev, "by-arn", &lets_in(&bob.arn, json!({}))).await;
    let by_id = json!({"StringEquals": {"aws:userid": bob.user_id}});
    let management = stage.world.sandbox.management_account().to_string();
    let by_id = made_role(&dev, "by-id", &lets_in(&management, by_id)).await;
    stage.look_again().await;
    let (outcome, summary) = both_say(&mut stage, &by_arn, &by_id).await;
    assert_eq!(outcome, GateOutcome::Waiting, "{summary}");
    assert!(summary.contains("it may be of the same person as"), "{summary}");

    // Under the own name it counts, and when another user has that name it does not.
    say(&mut stage, Consent::Approve, &ann).await;
    assert_eq!(stage.ask("approval.one").await.outcome, GateOutcome::Passed);
    let root = sdk(&stage, stage.world.sandbox.management_credentials());
    let iam = aws_sdk_iam::Client::new(&root);
    let keys = iam.list_access_keys().user_name("ann").send().await.expect("listed");
    for key in keys.access_key_metadata() {
        let id = key.access_key_id().expect("an id");
        iam.delete_access_key().user_name("ann").access_key_id(id).send().await.expect("deleted");
    }
    iam.delete_user().user_name("ann").send().await.expect("deleted");
    let anew = user(&stage, "ann").await;
    assert_eq!(anew.arn, ann.arn);
    say(&mut stage, Consent::Revoke, &by_arn).await;
    say(&mut stage, Consent::Revoke, &by_id).await;
    let other = stage.ask("approval.one").await;
    assert_eq!(other.outcome, GateOutcome::Waiting, "{}", other.summary);
    assert!(other.summary.contains("it was renamed, or made anew"), "{}", other.summary);
    stage
        .refusing(|service, operation| {
            service == Service::Iam && operation == "GetAccountAuthorizationDetails"
        })
        .await;
    let refused = stage.ask("approval.one").await;
    assert_eq!(refused.outcome, GateOutcome::Unknown, "{}", refused.summary);
    assert!(refused.summary.contains("the user `ann` of"), "{}", refused.summary);
}

/// Whoever goes by a role writes a text that is no session's, so that no role is asked.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_no_callers_arn_was_forged() {
    let mut stage = Stage::new(GATES).await;
    let ann = user(&stage, "ann").await;
    let account = stage.world.sandbox.management_account().to_string();
    let board = session(&stage, "board", "ann").await;
    for (arn, of) in [
        (format!("arn:aws:iam::{account}:assumed-role/board/ann"), &board),
        (format!("arn:aws:sts::{account}:x:assumed-role/board/ann"), &board),
        (format!("arn:aws:sts::{account}:user/ann"), &ann),
        (format!("arn:aws:iam::{account}:x:user/ann"), &ann),
    ] {
        let forged = Caller { arn: arn.clone(), ..of.clone() };
        say(&mut stage, Consent::Approve, &forged).await;
        let asked = stage.ask("approval.one").await;
        assert_eq!(asked.outcome, GateOutcome::Waiting, "{arn}: {}", asked.summary);
        assert!(asked.summary.contains("it was forged"), "{arn}: {}", asked.summary);
    }
}

/// A copy of an approval that was taken back stands behind the revocation, and is older.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_behind_a_revocation_brings_no_approval_back() {
    let mut stage = Stage::new(GATES).await;
    let ann = user(&stage, "ann").await;
    say(&mut stage, Consent::Approve, &ann).await;
    assert_eq!(stage.ask("approval.one").await.outcome, GateOutcome::Passed);
    // The backend's clock tells seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    say(&mut stage, Consent::Revoke, &ann).await;
    let approvals = stage.program.path().join(".palisade/sandbox/palisade-state/approvals/up");
    let own = std::fs::read_dir(&approvals).expect("read").next().expect("one").expect("one");
    let own = own.path().join(&ann.user_id);
    std::fs::copy(own.join("00000001.json"), own.join("00000003.json")).expect("copied");
    stage.approvals = latest_approvals(&stage.ledger, "up", DIGEST).await.expect("read");
    assert_eq!(stage.ask("approval.one").await.outcome, GateOutcome::Waiting);
}

/// Who may be either of two people takes neither vote away.
#[tokio::test(flavor = "multi_thread")]
async fn a_further_approval_closes_no_gate() {
    let mut stage = Stage::new(GATES).await;
    let (ann, bob) = (user(&stage, "ann").await, user(&stage, "bob").await);
    let root = sdk(&stage, stage.world.sandbox.management_credentials());
    let both = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": [ann.arn, bob.arn]}}]});
    let ops = made_role(&root, "ops", &both).await;
    let account = ops.account.clone();
    let federated = Caller {
        arn: format!("arn:aws:sts::{account}:federated-user/carol"),
        user_id: format!("{account}:carol"),
        account,
    };
    say(&mut stage, Consent::Approve, &federated).await;
    say(&mut stage, Consent::Approve, &ops).await;
    let (outcome, summary) = both_say(&mut stage, &ann, &bob).await;
    assert_eq!(outcome, GateOutcome::Passed, "{summary}");
}

/// Whom a provider lets in by both roles is one person.
#[tokio::test(flavor = "multi_thread")]
async fn two_roles_of_one_identity_provider_count_once_unless_their_subjects_differ() {
    let mut stage = Stage::new(GATES).await;
    let dev = stage.account("dev").id.clone().expect("an id");
    let issuer = "token.actions.githubusercontent.com";
    let trust = |provider: &str, subject: Option<&str>| {
        let condition = match subject {
            Some(subject) => json!({"StringLike": {format!("{issuer}:sub"): subject}}),
            None => json!({"StringEquals": {format!("{issuer}:aud"): "sts.amazonaws.com"}}),
        };
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": format!("arn:aws:iam::{dev}:{provider}")},
            "Condition": condition}]})
    };
    let oidc = format!("oidc-provider/{issuer}");
    let roles: Vec<_> = [
        ("any", trust(&oidc, None)),
        ("shop", trust(&oidc, Some("repo:acme/shop:*"))),
        ("main", trust(&oidc, Some("repo:acme/shop:ref:refs/heads/main"))),
        ("infra", trust(&oidc, Some("repo:acme/infra:*"))),
        ("okta", trust("saml-provider/okta", None)),
    ]
    .into_iter()
    .map(|(name, trust)| (name.to_owned(), format!("AROA{}", name.to_uppercase()), trust))
    .collect();
    stage.add_roles("dev", &roles);
    let session = |name: &str| Caller {
        account: dev.clone(),
        arn: format!("arn:aws:sts::{dev}:assumed-role/{name}/run"),
        user_id: format!("AROA{}:run", name.to_uppercase()),
    };
    for (one, other, apart) in [
        ("any", "infra", false),
        ("shop", "main", false),
        ("shop", "infra", true),
        ("main", "okta", true),
    ] {
        let (one, other) = (session(one), session(other));
        let (outcome, summary) = both_say(&mut stage, &one, &other).await;
        let wanted = if apart { GateOutcome::Passed } else { GateOutcome::Waiting };
        assert_eq!(outcome, wanted, "{} {}: {summary}", one.arn, other.arn);
        say(&mut stage, Consent::Revoke, &one).await;
        say(&mut stage, Consent::Revoke, &other).await;
    }
}

/// A user of Identity Center has one name in all roles that permission sets make.
#[tokio::test(flavor = "multi_thread")]
async fn two_permission_sets_of_one_user_are_one_person() {
    let mut stage = Stage::new(GATES).await;
    let dev = stage.account("dev").id.clone().expect("an id");
    let saml = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
        "Principal": {"Federated": format!("arn:aws:iam::{dev}:saml-provider/AWSSSO_1_DO_NOT_DELETE")},
        "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}}]});
    let named = |set: &str| format!("AWSReservedSSO_{set}_0123456789abcdef");
    let roles = ["Board", "Audit"].map(|set| {
        let path = "aws-reserved/sso.amazonaws.com/eu-west-1";
        (format!("{path}/{}", named(set)), format!("AROA{set}"), saml.clone())
    });
    stage.add_roles("dev", &roles);
    let session = |set: &str, name: &str| Caller {
        account: dev.clone(),
        arn: format!("arn:aws:sts::{dev}:assumed-role/{}/{name}", named(set)),
        user_id: format!("AROA{set}:{name}"),
    };
    let ann = [session("Board", "ann@example.com"), session("Audit", "ann@example.com")];
    let (outcome, summary) = both_say(&mut stage, &ann[0], &ann[1]).await;
    assert_eq!(outcome, GateOutcome::Waiting, "{summary}");
    assert!(summary.contains("of the same person"), "{summary}");
    let bob = session("Audit", "bob@example.com");
    say(&mut stage, Consent::Approve, &bob).await;
    assert_eq!(stage.ask("approval.board").await.outcome, GateOutcome::Passed);
    stage.author = ann[0].clone();
    let own = stage.ask("approval.board").await;
    assert!(own.summary.contains("it is of who promotes"), "{}", own.summary);
}

/// A pattern names roles of the management account, which the plan does not read.
#[tokio::test(flavor = "multi_thread")]
async fn roles_behind_a_pattern_are_followed_in_the_management_account() {
    let mut stage = Stage::new(GATES).await;
    let root = sdk(&stage, stage.world.sandbox.management_credentials());
    let management = stage.world.sandbox.management_account().to_string();
    let ann = user(&stage, "ann").await;
    made_role(&root, "ops-1", &lets_in(&ann.arn, json!({}))).await;
    let ops = format!("arn:aws:iam::{management}:role/ops-*");
    let like = json!({"ArnLike": {"aws:PrincipalArn": ops}});
    let dev = stage.sdk("dev").await;
    let behind = made_role(&dev, "behind", &lets_in(&management, like)).await;
    let anywhere = json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ops-*"}});
    let open = made_role(&dev, "open", &lets_in("*", anywhere)).await;
    stage.look_again().await;
    let (outcome, summary) = both_say(&mut stage, &ann, &behind).await;
    assert_eq!(outcome, GateOutcome::Waiting, "{summary}");
    assert!(summary.contains("it may be of the same person as"), "{summary}");
    stage.refusing(|service, _| service == Service::Iam).await;
    let refused = stage.ask("approval.board").await;
    assert_eq!(refused.outcome, GateOutcome::Unknown, "{}", refused.summary);
    assert!(refused.summary.contains("could not be listed"), "{}", refused.summary);
    stage.world.sandbox.set_faults(palisade::sandbox::Faults::default()).await;
    say(&mut stage, Consent::Revoke, &behind).await;
    let (outcome, summary) = both_say(&mut stage, &ann, &open).await;
    assert_eq!(outcome, GateOutcome::Unknown, "{summary}");
    assert!(summary.contains("accounts outside the estate"), "{summary}");
}

/// Any user of an account chooses the name of a federated user.
#[tokio::test(flavor = "multi_thread")]
async fn a_federated_user_may_be_any_user_of_its_account() {
    let mut stage = Stage::new(GATES).await;
    let ann = user(&stage, "ann").await;
    let account = stage.world.sandbox.management_account().clone();
    let dev = stage.account("dev").id.clone().expect("an id");
    stage.author = Caller {
        arn: format!("arn:aws:iam::{dev}:user/author"),
        user_id: "AIDAAUTHOR".to_owned(),
        account: dev,
    };
    let federated = Caller {
        arn: format!("arn:aws:sts::{account}:federated-user/carol"),
        user_id: format!("{account}:carol"),
        account,
    };
    let (outcome, summary) = both_say(&mut stage, &ann, &federated).await;
    assert_eq!(outcome, GateOutcome::Waiting, "{summary}");
    assert!(summary.contains("it may be of the same person as"), "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_trust_each_other_are_read_once_each() {
    const ROLES: usize = 6;
    let mut stage = Stage::new(GATES).await;
    let root = sdk(&stage, stage.world.sandbox.management_credentials());
    let ann = user(&stage, "ann").await;
    let mut sessions = Vec::new();
    for at in 0..ROLES {
        let trust = lets_in(&ann.arn, json!({}));
        sessions.push(made_role(&root, &format!("r{at}"), &trust).await);
    }
    let account = stage.world.sandbox.management_account();
    let all: Vec<String> =
        (0..ROLES).map(|at| format!("arn:aws:iam::{account}:role/r{at}")).collect();
    let everyone = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": all}}]});
    let iam = aws_sdk_iam::Client::new(&root);
    for at in 0..ROLES {
        let update = iam.update_assume_role_policy().role_name(format!("r{at}"));
        update.policy_document(everyone.to_string()).send().await.expect("updated");
    }
    let reads = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = reads.clone();
    let hook = move |info: &palisade::sandbox::RequestInfo, phase| {
        if phase == palisade::sandbox::Phase::Before && info.operation == "GetRole" {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        palisade::sandbox::FaultAction::Continue
    };
    let faults = palisade::sandbox::Faults {
        hook: Some(std::sync::Arc::new(hook)),
        ..palisade::sandbox::Faults::default()
    };
    let (one, other) = (sessions[0].clone(), sessions[1].clone());
    say(&mut stage, Consent::Approve, &one).await;
    say(&mut stage, Consent::Approve, &other).await;
    stage.world.sandbox.set_faults(faults).await;
    let asked = stage.ask("approval.board").await;
    assert_eq!(asked.outcome, GateOutcome::Waiting, "{}", asked.summary);
    assert_eq!(reads.load(std::sync::atomic::Ordering::Relaxed), ROLES);
}

/// The listing of users is not whole: of whom it holds it is known who they are.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_was_listed_is_known_whatever_else_was_not() {
    let mut stage = Stage::new(GATES).await;
    let dev = stage.sdk("dev").await;
    let ann = user_below(&stage, &dev, "/team:a/", "ann").await;
    assert!(ann.arn.ends_with(":user/team:a/ann"), "{}", ann.arn);
    stage.look_again().await;
    stage.unread("dev", "iam_user", "iam:GetAccountAuthorizationDetails in dev: not yours");
    say(&mut stage, Consent::Approve, &ann).await;
    let asked = stage.ask("approval.one").await;
    assert_eq!(asked.outcome, GateOutcome::Passed, "{}", asked.summary);
    // That this is another user is known as well.
    let borrowed = Caller { user_id: "AIDASOMEBODY".to_owned(), ..ann.clone() };
    say(&mut stage, Consent::Revoke, &ann).await;
    say(&mut stage, Consent::Approve, &borrowed).await;
    let other = stage.ask("approval.one").await;
    assert_eq!(other.outcome, GateOutcome::Waiting, "{}", other.summary);
    assert!(other.summary.contains("is not the user with the id"), "{}", other.summary);
    // Of who was not listed nothing is.
    say(&mut stage, Consent::Revoke, &borrowed).await;
    let late = user_below(&stage, &dev, "/", "late").await;
    say(&mut stage, Consent::Approve, &late).await;
    let unread = stage.ask("approval.one").await;
    assert_eq!(unread.outcome, GateOutcome::Unknown, "{}", unread.summary);
    let id = stage.account("dev").id.clone().expect("an id");
    let told =
        format!("not yours, asked as `arn:aws:iam::{id}:role/{}`", stage.account("dev").read_role);
    assert!(unread.summary.contains(&told), "{}", unread.summary);
}

/// A session under a user's name is that user's as long as there is one: who was renamed comes under another name.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_a_user_who_was_renamed_counts_for_nobody() {
    let mut stage = Stage::new(GATES).await;
    let pinned = json!({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}});
    let board = Board::new(&stage, "board", pinned).await;
    let ann = board.enter("ann", "ann").await.expect("entered");
    let anna = board.enter("anna", "anna").await.expect("entered");
    stage.look_again().await;
    let (outcome, summary) = both_say(&mut stage, &ann, &anna).await;
    assert_eq!(outcome, GateOutcome::Passed, "{summary}");
    let root = sdk(&stage, stage.world.sandbox.management_credentials());
    let iam = aws_sdk_iam::Client::new(&root);
    iam.delete_user_policy().user_name("ann").policy_name("enter").send().await.expect("deleted");
    iam.delete_user().user_name("ann").send().await.expect("deleted");
    let one = stage.ask("approval.board").await;
    assert_eq!(one.outcome, GateOutcome::Unknown, "{}", one.summary);
    let told = "the user whose name the session `ann` bears was renamed or removed since";
    assert!(one.summary.contains(told), "{}", one.summary);
    // Where users cannot be listed, nobody knows.
    stage
        .refusing(|service, operation| {
            service == Service::Iam && operation == "GetAccountAuthorizationDetails"
        })
        .await;
    let unread = stage.ask("approval.board").await;
    assert_eq!(unread.outcome, GateOutcome::Unknown, "{}", unread.summary);
    assert!(unread.summary.contains("the user `anna` of"), "{}", unread.summary);
}

/// Palisade calls the management account so where no block declares it, and a block may call an emulator so.
#[tokio::test(flavor = "multi_thread")]
async fn an_emulator_named_management_is_not_the_management_account() {
    let emulator = r#"
account "management" {
  id           = "000000000000"
  endpoint_url = "http://localhost:4566"
}
"#;
    let mut stage = Stage::beside(GATES, emulator).await;
    let ann = user(&stage, "ann").await;
    let board = session(&stage, "board", "s1").await;
    let (outcome, summary) = both_say(&mut stage, &ann, &board).await;
    assert_eq!(outcome, GateOutcome::Passed, "{summary}");
}

/// Backends are far away: what many people said is read side by side.
#[tokio::test(flavor = "multi_thread")]
async fn approvals_are_read_side_by_side() {
    use crate::state::stores::Wrapped;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    let stage = Stage::new(GATES).await;
    let kept = stage.program.path().join(".palisade/sandbox/palisade-state");
    let store = Arc::new(Wrapped::new(Arc::new(palisade::state::LocalStore::new(kept))));
    let ledger = palisade::state::Ledger::new(store.clone());
    let mut people = Vec::new();
    for name in ["ann", "bob", "cem", "dora"] {
        let by = user(&stage, name).await;
        let plan = stage.plan_digest();
        let subject = Subject { edge: "up", release: "app", digest: DIGEST, plan, variables: None };
        write(&ledger, &subject, Consent::Approve, &by, None).await.expect("written");
        people.push(by.user_id);
    }
    store.most_reading.store(0, Ordering::SeqCst);
    let read = latest_approvals(&ledger, "up", DIGEST).await.expect("read");
    assert_eq!(store.most_reading.load(Ordering::SeqCst), people.len());
    let mut givers: Vec<String> = read.into_iter().map(|approval| approval.by.user_id).collect();
    people.sort();
    givers.sort();
    assert_eq!(givers, people);
}
