//! Through which role each account is entered, and which accounts need none: told from the requests
//! that arrive, or do not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aws_config::SdkConfig;
use palisade::config::{LoadOptions, load};
use palisade::diag::Diagnostics;
use palisade::engine::EngineError;
use palisade::engine::read_live::{AccountRequest, judge_failures, read_accounts};
use palisade::eval::{NothingKnown, evaluate_configuration};
use palisade::plan::{Reading, Targets};
use palisade::provider::aws::{self, AwsProvider};
use palisade::sandbox::{RequestInfo, Service};

use crate::recovery::lab::Lab;
use crate::support::cli::Program;
use crate::support::endpoint::Endpoint;

const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// Two accounts, entered as the arguments say.
fn estate(provider: &str, second: &str, description: &str) -> String {
    format!(
        r#"provider "aws" {{
  region = "eu-west-1"
  {provider}
}}
organization "acme" {{}}
account "first" {{
  name  = "acme-first"
  email = "first@acme.example"
}}
account "second" {{
  name  = "acme-second"
  email = "second@acme.example"
  {second}
}}
iam_role "service" {{
  accounts    = [account.first, account.second]
  description = "{description}"
  trust {{
    services = ["ec2.amazonaws.com"]
  }}
}}
"#
    )
}

/// A role that lets the management account in.
async fn role(sdk: &SdkConfig, management: &str, name: &str) {
    let iam = aws_sdk_iam::Client::new(sdk);
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{{"AWS":"{management}"}}}}}}"#
    );
    let made = iam.create_role().role_name(name).assume_role_policy_document(trust);
    made.send().await.expect("created");
    let attached = iam.attach_role_policy().role_name(name).policy_arn(ADMINISTRATOR);
    attached.send().await.expect("attached");
}

/// The roles under which each account was worked in, `-` for none.
fn sessions(requests: &[RequestInfo]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for request in requests {
        // The state's bucket and the way in itself are the caller's own affair.
        if matches!(request.service, Service::Iam | Service::Organizations | Service::Ssm) {
            let role = request.principal.split(":assumed-role/").nth(1);
            let role = role.and_then(|session| session.split('/').next()).unwrap_or("-");
            all.entry(&request.account).or_default().insert(role);
        }
    }
    all
}

#[tokio::test]
async fn plans_enter_by_the_read_role_and_applies_by_the_access_role() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |text: String| std::fs::write(dir.path().join("main.hcl"), text).expect("written");
    write(estate("", "", "before"));
    let lab = Lab::new(dir.path()).await;
    lab.apply("base").await.expect("applied");
    let management = lab.sandbox.management_account().to_string();
    role(&lab.sdk(), &management, "Planner").await;
    let mut ids = Vec::new();
    for (name, roles) in
        [("acme-first", &["Reader"][..]), ("acme-second", &["Auditor", "Deployer"])]
    {
        let sdk = lab.member(name).await;
        for name in roles {
            role(&sdk, &management, name).await;
        }
        let identity = aws_sdk_sts::Client::new(&sdk).get_caller_identity().send().await;
        ids.push(identity.expect("told").account().expect("an account").to_owned());
    }

    let provider = format!(
        "read_role = \"Reader\"\n  management_role_arn = \"arn:aws:iam::{management}:role/Planner\""
    );
    write(estate(&provider, "access_role = \"Deployer\"\n  read_role = \"Auditor\"", "after"));
    lab.sandbox.clear_requests();
    let world = lab.survey().await;
    let seen = lab.sandbox.requests();
    let wanted = [(&management, "Planner"), (&ids[0], "Reader"), (&ids[1], "Auditor")];
    let wanted = wanted.map(|(id, role)| (id.as_str(), BTreeSet::from([role])));
    assert_eq!(sessions(&seen), BTreeMap::from(wanted));

    let plan = lab.plan(&world);
    lab.sandbox.clear_requests();
    let summary = lab.carry_out("change", &world, &plan).await.expect("applied");
    assert_eq!(summary.done.len(), 2, "{summary:#?}");
    let seen = lab.sandbox.requests();
    let wanted = [(&ids[0], "OrganizationAccountAccessRole"), (&ids[1], "Deployer")];
    let wanted = wanted.map(|(id, role)| (id.as_str(), BTreeSet::from([role])));
    assert_eq!(sessions(&seen), BTreeMap::from(wanted));
}

const MANAGEMENT: &str = r#"
provider "aws" {
  region = "eu-west-1"
}
organization "acme" {}
organizational_unit "workloads" {}
account "root" {
  id = "111111111111"
}
iam_role "auditor" {
  accounts = [account.root]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
"#;

#[tokio::test]
async fn the_management_account_is_worked_in_without_a_role_and_stays_where_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let (organization, account) = MANAGEMENT.split_once("account").expect("both");
    let whole = format!("{organization}account{account}");
    let write = |text: &str| std::fs::write(dir.path().join("main.hcl"), text).expect("written");
    write(organization);
    let lab = Lab::new(dir.path()).await;
    let management = lab.sandbox.management_account().to_string();
    lab.apply("organization").await.expect("applied");
    write(&whole.replace("111111111111", &management));
    lab.sandbox.clear_requests();
    lab.apply("account").await.expect("applied");
    let seen = lab.sandbox.requests();
    assert!(!seen.iter().any(|r| r.operation == "AssumeRole"), "{seen:#?}");
    let iam = aws_sdk_iam::Client::new(&lab.sdk());
    iam.get_role().role_name("auditor").send().await.expect("made in the management account");

    // Before there is an organization, its first account is the caller's own, and no other can be in it.
    let id = "id = \"111111111111\"";
    let p = Program::new(&MANAGEMENT.replace(id, "id = \"222222222222\""));
    let early = p.run(&["plan"]).code(1);
    assert!(early.err.contains("apply without this block first"), "{}", early.err);
    p.write("main.hcl", MANAGEMENT);
    let own = p.run(&["plan"]).code(0);
    assert!(own.out.contains("it is your own account"), "{}", own.out);
    p.write("main.hcl", organization);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write("main.hcl", MANAGEMENT);
    p.run(&["apply", "--auto-approve"]).code(0);

    p.write(
        "main.hcl",
        &MANAGEMENT.replace(id, &format!("{id}\n  parent = organizational_unit.workloads")),
    );
    let moved = p.run(&["plan"]).code(1);
    let what = "`account.root` is the management account: it cannot be moved";
    assert!(moved.err.contains(what), "{}", moved.err);
    p.write("main.hcl", &MANAGEMENT.replace(id, &format!("{id}\n  on_destroy = \"close\"")));
    p.run(&["apply", "--auto-approve"]).code(0);
    let closed = p.run(&["destroy", "--auto-approve"]).code(1);
    let what = "`account.root` is the management account: it cannot be closed or removed from the organization";
    assert!(closed.err.contains(what), "{}", closed.err);
    p.write("main.hcl", MANAGEMENT);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["destroy", "--auto-approve"]).code(0);
}

const TWO: &str = r#"
provider "aws" {
  region = "eu-west-1"
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
account "old" {
  name  = "acme-old"
  email = "old@acme.example"
  on_destroy = "ON_DESTROY"
}
iam_role "kept" {
  accounts = [account.dev]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
iam_role "left" {
  accounts = [account.old]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
"#;

/// The same without the account `old` and what is in it.
fn without(estate: &str) -> String {
    let (before, rest) = estate.split_once("account \"old\"").expect("there");
    let kept = &rest[rest.find("iam_role \"kept\"").expect("there")..];
    let kept = &kept[..kept.find("iam_role \"left\"").expect("there")];
    format!("{before}{kept}")
}

#[tokio::test]
async fn nothing_is_lost_from_sight_with_the_block_of_its_account() {
    let estate = TWO.replace("ON_DESTROY", "retain");
    let p = Program::new(&estate);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write("main.hcl", &without(&estate));
    for args in [&["plan"][..], &["drift"], &["apply", "--auto-approve", "--refresh-only"]] {
        let refused = p.run(args).code(1);
        let what =
            "the account `old` is not declared any more, and 1 managed object is still in it";
        assert!(refused.err.contains(what), "{args:?}: {}", refused.err);
        assert!(
            refused.err.contains("removed { from = \"iam_role.left@old\" }"),
            "{}",
            refused.err
        );
    }
    assert!(p.run(&["state", "list"]).code(0).out.contains("iam_role.left@old"));

    // With its account it can be deleted; by name it can be left where it is.
    let left = estate[estate.find("iam_role \"left\"").expect("there")..].to_owned();
    p.write("main.hcl", &estate.replace(&left, ""));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write("main.hcl", &without(&estate));
    p.run(&["apply", "--auto-approve"]).code(0);
    assert!(!p.run(&["state", "list"]).code(0).out.contains("old"));
    p.write(
        "main.hcl",
        &estate.replace(
            "name  = \"acme-old\"\n  email = \"old@acme.example\"",
            "name  = \"acme-next\"\n  email = \"next@acme.example\"",
        ),
    );
    p.run(&["apply", "--auto-approve"]).code(0);
    let named = "removed {\n  from = \"iam_role.left@old\"\n}\n";
    p.write("main.hcl", &format!("{}{named}", without(&estate)));
    let plan = p.run(&["plan", "--json"]).code(0).json();
    assert_eq!(plan["summary"]["forget"], 2);
    let drift = plan["drift"].as_array().expect("a list").iter();
    let missing: Vec<_> = drift.filter(|d| d["status"] == "missing").collect();
    assert!(missing.is_empty(), "nobody has looked: {missing:?}");
    p.run(&["apply", "--auto-approve"]).code(0);
    let endpoint = Endpoint::open(&p.path().join(".palisade/sandbox")).await;
    let held = endpoint.holds(&[]).await;
    let left: Vec<_> = held.iter().filter(|line| line.ends_with("role left")).collect();
    assert_eq!(left.len(), 1, "the second one's: {held:#?}");
}

#[tokio::test]
async fn what_is_in_an_account_goes_with_it_when_it_is_closed() {
    let estate = TWO.replace("ON_DESTROY", "close");
    let p = Program::new(&estate);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write("main.hcl", &without(&estate));
    let plan = p.run(&["plan", "--json"]).code(0).json();
    let summary = &plan["summary"];
    assert_eq!(
        (&summary["delete"], &summary["forget"], &summary["drifted"]),
        (&1.into(), &1.into(), &0.into())
    );
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    let endpoint = Endpoint::open(&p.path().join(".palisade/sandbox")).await;
    let accounts = endpoint.accounts().await;
    let old = accounts.iter().find(|a| a.name == "acme-old").expect("still listed");
    assert_eq!(old.status, "CLOSED");
}

/// An emulator that is not running, read as a run reads it.
async fn emulated(dir: &Path, required: bool) -> (Vec<bool>, Result<(), EngineError>, Diagnostics) {
    let (configuration, _) =
        load(dir, &LoadOptions::default()).into_result().expect("the configuration is right");
    let estate = evaluate_configuration(&configuration, &NothingKnown).expect("an estate");
    let provider = AwsProvider::new(aws::AwsOptions {
        region: "eu-west-1".to_owned(),
        ..aws::AwsOptions::default()
    });
    let required = estate.accounts.keys().filter(|_| required).cloned().collect();
    let targets = Targets::of(&estate, None).accounts;
    let shut = BTreeMap::new();
    let told = tokio::sync::watch::channel(palisade::provider::AccountListing {
        ended: true,
        ..Default::default()
    })
    .1;
    let request = AccountRequest {
        shut: &shut,
        states: &told,
        for_apply: false,
        parallelism: 4,
        recorded: &palisade::state::model::Resources::default(),
        policies: &palisade::provider::PolicyTypes::new(),
        listed: (&[], &[]),
    };
    let read = read_accounts(&provider.await, &targets, &estate, request).await;
    let unread = read.readings.values().map(|r| matches!(r, Reading::Unread(_))).collect();
    let mut warnings = Diagnostics::new();
    let judged = judge_failures(read.failures, &required, &mut warnings);
    (unread, judged, warnings)
}

#[tokio::test]
async fn an_emulator_that_is_not_there_is_a_warning_unless_it_is_asked_for() {
    let dir = tempfile::tempdir().expect("a directory");
    // Nobody listens on the port of a socket that is closed again.
    let port = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
        socket.local_addr().expect("an address").port()
    };
    let account = format!(
        "account \"local\" {{\n  id = \"000000000000\"\n  endpoint_url = \"http://127.0.0.1:{port}\"\n}}\n"
    );
    std::fs::write(dir.path().join("main.hcl"), account).expect("written");
    let (unread, judged, warnings) = emulated(dir.path(), false).await;
    assert_eq!(unread, [true]);
    judged.expect("the rest goes on");
    assert!(warnings.to_string().contains("cannot read the account `local`"), "{warnings}");
    let (_, judged, warnings) = emulated(dir.path(), true).await;
    let refused = judged.expect_err("it was asked for");
    let refused = refused.diagnostics().expect("it says so");
    let found = refused.iter().next().expect("an error");
    assert_eq!(found.summary, "cannot read the account `local`");
    let help = found.help.as_deref().expect("advice");
    assert!(help.starts_with("start the emulator"), "{help}");
    assert!(warnings.is_empty(), "{warnings}");
}
