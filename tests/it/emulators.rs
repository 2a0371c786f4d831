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
