//! One policy on its own, tried on what the dumps hold.

use palisade::isolation::WallVerdict::{Isolated, Reachable};
use serde_json::{Value, json};

use super::lab::{DEV, Lab, PRODUCTION, allow, document, lets_in, root, trust, wall};
use crate::support::cli::Program;

/// Production's `settle` lets in the development account.
fn open() -> Lab {
    let lab = Lab::new();
    lab.edit_role(PRODUCTION, "settle", |settle| {
        settle["AssumeRolePolicyDocument"] = trust(&root(DEV))
    });
    lab
}

fn deny(action: &str) -> Value {
    document(json!([{"Effect": "Deny", "Action": action, "Resource": "*"}]))
}

/// Nobody of another account becomes a role there.
fn keep_out() -> Value {
    document(
        json!([{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:PrincipalAccount": PRODUCTION}}}]),
    )
}

#[test]
fn a_policy_is_judged_where_it_would_stand() {
    let production = |rest: &str| format!("arn:aws:iam::{PRODUCTION}:{rest}");
    let builder = format!("arn:aws:iam::{DEV}:role/builder");
    let bucket = "arn:aws:s3:::acme-ledger".to_owned();
    let reads = lets_in(&builder, "s3:GetObject", "arn:aws:s3:::acme-ledger/*");
    for (what, lab, policy, target, verdicts) in [
        ("an SCP on the account", open(), deny("sts:*"), DEV.to_owned(), (Reachable, Isolated)),
        ("an SCP on its unit", open(), deny("sts:*"), "ou-build".to_owned(), (Reachable, Isolated)),
        ("an SCP elsewhere", open(), deny("sts:*"), "ou-live".to_owned(), (Reachable, Reachable)),
        ("an SCP of no bearing", open(), deny("ec2:*"), DEV.to_owned(), (Reachable, Reachable)),
        ("an RCP", open(), keep_out(), PRODUCTION.to_owned(), (Reachable, Isolated)),
        ("a policy of a role", open(), deny("sts:*"), builder, (Reachable, Isolated)),
        (
            "a trust policy",
            Lab::new(),
            trust(&root(DEV)),
            production("role/settle"),
            (Isolated, Reachable),
        ),
        ("a bucket's policy", Lab::new(), reads, bucket, (Isolated, Reachable)),
    ] {
        lab.write("new.json", &policy);
        let mut request = lab.request();
        request.policy = Some((lab.folder().join("new.json"), vec![target]));
        let outcome = palisade::engine::review::run(&request).expect(what);
        assert_eq!(wall(&outcome, "dev", "production"), verdicts, "{what}");
        assert_eq!(outcome.change.judged, 1, "{what}");
    }
}

#[test]
fn a_policy_of_the_organization_takes_the_place_of_its_content() {
    let lab = open();
    lab.organize(&[("p-lock", deny("sts:*"), &[DEV])], &[]);
    lab.write("new.json", &document(json!([allow("s3:*", "*")])));
    let mut request = lab.request();
    request.policy = Some((lab.folder().join("new.json"), vec!["p-lock".to_owned()]));
    let outcome = palisade::engine::review::run(&request).expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Reachable));
}

#[test]
fn what_cannot_be_tried_is_said_with_its_place() {
    let lab = open();
    let ids = [format!("dev={DEV}"), format!("production={PRODUCTION}")];
    let program = Program::new("");
    let folder = lab.folder().display().to_string();
    let file = lab.folder().join("new.json").display().to_string();
    let refused = |content: &str, target: &str| {
        lab.write_text("new.json", content);
        let run = program.run(&[
            "review",
            "--accounts",
            &folder,
            "--policy",
            &file,
            "--target",
            target,
            "-e",
            &ids[0],
            "-e",
            &ids[1],
        ]);
        assert!(run.code != 0 && run.out.is_empty(), "{target}: {}", run.out);
        run.err
    };
    let scp = deny("sts:*").to_string();
    let settle = format!("arn:aws:iam::{PRODUCTION}:role/setle");
    for (content, target, told) in [
        (scp.as_str(), "ou-biuld", "did you mean `ou-build`"),
        (&scp, "555555555555", "`organization.json` has no `555555555555`"),
        (&scp, &settle, "no dump has"),
        ("{\n  \"Version\": \"2012-10-17\",\n}", DEV, "new.json:3"),
        ("{\"Statement\": [{\"Effect\": \"Allow\"}]}", DEV, "new.json:1"),
        (&keep_out().to_string().replace("\"*\"", "\"arn:aws:iam::1:root\""), DEV, "Principal"),
    ] {
        let err = refused(content, target);
        assert!(err.contains(told), "{target}: {told}\n{err}");
    }
    lab.remove("organization.json");
    let unread = refused(&scp, DEV);
    assert!(unread.contains("organization.json"), "{unread}");
}
