//! Emulated accounts and endpoints that are not quite AWS.

use palisade::sandbox::Options;

use crate::support::cli::{Program, Run};
use crate::support::front::{self, Front, Way};

/// The program before an endpoint, as the operator of the accounts behind it.
#[track_caller]
fn run(program: &Program, front: &Front, args: &[&str]) -> Run {
    let keys = front.sandbox.management_credentials();
    program
        .command(args)
        .env_remove("PALISADE_SANDBOX")
        .env("AWS_ENDPOINT_URL", front.url())
        .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
        .output()
        .expect("the program starts")
        .into()
}

fn estate(id: &str, url: &str) -> String {
    format!(
        r#"palisade {{
  name = "acme"
}}
provider "aws" {{
  region = "eu-west-1"
}}
account "local" {{
  id           = "{id}"
  endpoint_url = "{url}"
}}
environment "local" {{
  accounts = [account.local]
}}
iam_role "deploy" {{
  accounts = [account.local]
  trust {{
    services = ["ec2.amazonaws.com"]
  }}
}}
"#
    )
}

#[test]
fn an_endpoint_that_is_another_account_is_left_alone() {
    let aws = Front::open(Way::default());
    let local = Front::open(Way::default().instead(|seen| {
        (seen.operation() == "GetCallerIdentity").then(|| {
            front::answer(200, "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>arn:aws:iam::000000000000:root</Arn><UserId>A</UserId><Account>000000000000</Account></GetCallerIdentityResult></GetCallerIdentityResponse>")
        }).flatten()
    }));
    let program = Program::new(&estate("222222222222", &local.url()));
    let refused = run(&program, &aws, &["apply", "--auto-approve"]).code(1);
    assert!(refused.err.contains("is the account `000000000000`"), "{}", refused.err);
    assert!(refused.err.contains("id = \"222222222222\""), "{}", refused.err);
    let asked: Vec<String> = local.seen().iter().map(|seen| seen.operation()).collect();
    assert_eq!(asked, ["GetCallerIdentity"], "nothing is read and nothing is written there");

    program.write("main.hcl", &estate("000000000000", &local.url()));
    run(&program, &aws, &["apply", "--auto-approve"]).code(0);
    run(&program, &aws, &["plan", "--detailed-exitcode"]).code(0);
}

#[test]
fn an_endpoint_without_organizations_serves_an_estate_that_declares_none() {
    let unknown = |seen: &mut crate::support::http::Request| {
        let target = seen.headers.get("x-amz-target");
        target
            .is_some_and(|target| target.contains("Organizations"))
            .then(|| front::answer(501, "<html>not here</html>"))
            .flatten()
    };
    let aws = Front::open(Way::default().instead(unknown));
    let local = Front::with(Options::default(), Way::default());
    let program = Program::new(&estate("000000000000", &local.url()));
    run(&program, &aws, &["apply", "--auto-approve"]).code(0);
    run(&program, &aws, &["plan", "--detailed-exitcode"]).code(0);
    run(&program, &aws, &["drift"]).code(0);
}

#[test]
fn an_emulated_account_with_a_members_id_is_kept_apart() {
    let aws = Front::open(Way::default());
    let local = Front::with(Options::default(), Way::default());
    let local_and_more = |estate: String| {
        estate.replace("[account.local]\n}\niam", "[account.local, account.build]\n}\niam")
    };
    let member = "account \"build\" {\n  name  = \"acme-build\"\n  email = \"build@acme.example\"\n}\naccount \"dev\" {\n  name  = \"acme-dev\"\n  email = \"dev@acme.example\"\n}\norganization \"acme\" {}\nenvironment \"dev\" {\n  accounts = [account.dev]\n}\n";
    let first = local_and_more(estate("000000000000", &local.url()));
    let program = Program::new(&format!("{first}{member}"));
    run(&program, &aws, &["apply", "--auto-approve"]).code(0);
    let id = run(&program, &aws, &["state", "show", "account.dev"]).code(0).out;
    let id = id
        .split('"')
        .find(|text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()))
        .expect("an id")
        .to_owned();
    // A role of the member trusts the member, and the emulated account may assume whatever it likes: what an
    // emulator gives out is worth nothing at AWS.
    let roles = format!(
        "iam_role \"inner\" {{\n  accounts = [account.dev]\n  trust {{\n    aws = [\"arn:aws:iam::{id}:root\"]\n  }}\n}}\niam_role \"outer\" {{\n  accounts = [account.local]\n  trust {{\n    services = [\"ec2.amazonaws.com\"]\n  }}\n  statement \"All\" {{\n    actions   = [\"*\"]\n    resources = [\"*\"]\n  }}\n}}\n"
    );
    let other = Front::with(Options::default(), Way::default());
    let second = local_and_more(estate(&id, &other.url()));
    program.write("main.hcl", &format!("{second}{member}{roles}"));
    let plan = run(&program, &aws, &["plan", "--json"]).code(0).json();
    let matrix = plan["isolation"]["matrix"].as_array().expect("a matrix");
    let wall = matrix.iter().find(|row| row["from"] == "local" && row["to"] == "dev");
    assert_eq!(wall.expect("a wall")["after"], "isolated", "{matrix:#?}");
}

#[test]
fn an_aws_managed_policy_that_is_not_there_is_told_by_the_plan() {
    let program = Program::new(&crate::support::estates::two_environments(
        "iam_role \"deploy\" {\n  accounts = [account.dev]\n  managed_policies = [\"arn:aws:iam::aws:policy/NoSuchPolicyOfAWS\"]\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n}\n",
    ));
    let refused = program.run(&["apply", "--auto-approve"]).code(1);
    assert!(refused.err.contains("NoSuchPolicyOfAWS"), "{}", refused.err);
    assert!(refused.err.contains("main.hcl"), "{}", refused.err);
    assert!(!refused.out.contains("Apply"), "{}", refused.out);
}

/// An organization with one account and its baseline.
const BASELINE: &str = r#"palisade {
  name = "acme"
}
provider "aws" {
  region = "eu-west-1"
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
"#;

const SETTINGS: &str = r#"account_baseline "dev" {
  accounts = [account.dev]
  alias    = "acme-dev-sign-in"
  password_policy {
    minimum_length = 20
  }
}
"#;

#[test]
fn what_was_made_before_a_creation_was_refused_is_recorded_and_taken_away_with_its_block() {
    let refused = Way::default().instead(|seen| {
        let hit = seen.operation() == "UpdateAccountPasswordPolicy";
        hit.then(|| front::answer(501, "<html>not here</html>")).flatten()
    });
    let aws = Front::open(refused);
    let program = Program::new(&format!("{BASELINE}{SETTINGS}"));
    let half = run(&program, &aws, &["apply", "--auto-approve"]).code(1);
    assert!(half.err.contains("The part of it that was made is recorded"), "{}", half.err);
    let listed = run(&program, &aws, &["state", "list"]).code(0).out;
    assert!(listed.contains("account_baseline.dev"), "{listed}");
    let shown = run(&program, &aws, &["state", "show", "account_baseline.dev"]).code(0).out;
    assert!(shown.contains("acme-dev-sign-in") && !shown.contains("20"), "{shown}");
    // The block goes, and the alias with it.
    program.write("main.hcl", BASELINE);
    aws.forget();
    run(&program, &aws, &["apply", "--auto-approve"]).code(0);
    let deleted = aws.seen().iter().any(|seen| seen.operation() == "DeleteAccountAlias");
    assert!(deleted, "the alias stayed");
    run(&program, &aws, &["plan", "--detailed-exitcode"]).code(0);
}

/// A role in one account; its session may last as long as the variable says.
fn with_role() -> Program {
    let role = "variable \"hours\" {\n  default = 1\n}\niam_role \"deploy\" {\n  accounts = [account.dev]\n  max_session_duration = var.hours * 3600\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n}\n";
    Program::new(&format!("{BASELINE}{role}"))
}

#[test]
fn an_endpoint_whose_single_read_disagrees_with_its_bulk_read_is_told_as_such() {
    // It lists the role as it is, and shows it by itself with another duration.
    let disagrees = Way::default().after(|seen, body| match seen.operation().as_str() {
        "GetRole" => String::from_utf8_lossy(&body)
            .replace("<MaxSessionDuration>3600<", "<MaxSessionDuration>5400<")
            .into_bytes(),
        _ => body,
    });
    let aws = Front::open(disagrees);
    let program = with_role();
    run(&program, &aws, &["apply", "--auto-approve"]).code(0);
    let refused = run(&program, &aws, &["apply", "--auto-approve", "--var", "hours=2"]).code(1);
    for told in [
        "shows `iam_role.deploy@dev` differently in its lists and in a single read",
        "max_session_duration",
    ] {
        assert!(refused.err.contains(told), "`{told}`: {}", refused.err);
    }
    assert!(!refused.err.contains("was changed after the plan was made"), "{}", refused.err);
    assert!(!aws.seen().iter().any(|seen| seen.operation() == "UpdateRole"));
}

#[test]
fn what_equals_the_wanted_already_is_done() {
    // Its list is behind: it shows the role as it was before the last change, for ever.
    let behind = Way::default().after(|seen, body| match seen.operation().as_str() {
        "GetAccountAuthorizationDetails" | "ListRoles" => String::from_utf8_lossy(&body)
            .replace("<MaxSessionDuration>7200<", "<MaxSessionDuration>3600<")
            .into_bytes(),
        _ => body,
    });
    let aws = Front::open(behind);
    let program = with_role();
    run(&program, &aws, &["apply", "--auto-approve"]).code(0);
    run(&program, &aws, &["apply", "--auto-approve", "--var", "hours=2"]).code(0);
    aws.forget();
    let again = run(&program, &aws, &["apply", "--auto-approve", "--var", "hours=2"]).code(0);
    assert!(again.err.contains("Apply complete: 1 updated."), "{}", again.err);
    assert!(!aws.seen().iter().any(|seen| seen.operation() == "UpdateRole"), "it is as wanted");
}
