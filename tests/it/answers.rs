//! Answers that lack what AWS always sends are no answers: nothing in them is gone, and nothing is unchanged.

use crate::support::cli::Program;
use crate::support::wire::{Act, Arrived, Wire};

const ESTATE: &str = r#"
palisade {
  name = "acme"
  backend "s3" {
    bucket = "acme-state"
    prefix = "estate"
    region = "eu-west-1"
  }
}
provider "aws" {
  region = "eu-west-1"
}
organization "acme" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY"]
}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
environment "dev" {
  accounts = [account.dev]
  config "app" {
    values = {
      a = "1"
    }
  }
}
config_schema "app" {
  key "a" {}
}
service_control_policy "base" {
  targets = [organization.acme]
  statement "Keep" {
    effect    = "Deny"
    actions   = ["organizations:LeaveOrganization"]
    resources = ["*"]
  }
}
iam_role "web" {
  accounts = [account.dev]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
s3_bucket "data" {
  accounts = [account.dev]
  bucket   = "acme-dev-data"
}
"#;

fn says(kind: &str, body: String) -> Act {
    Act::Say { status: 200, headers: vec![("content-type", kind.to_owned())], body }
}

/// An answer of the query protocol with nothing in it.
fn hollow(operation: &str) -> String {
    format!("<{operation}Response xmlns=\"x\"><{operation}Result/></{operation}Response>")
}

#[test]
fn an_answer_without_its_members_is_not_understood() {
    let (wire, p) = (Wire::new(), Program::new(ESTATE));
    wire.run(&p, &["init", "--create-backend"]).code(0);
    wire.run(&p, &["apply", "--auto-approve"]).code(0);
    wire.run(&p, &["plan", "--detailed-exitcode"]).code(0);

    let json = "application/x-amz-json-1.1";
    let mut cases: Vec<(&'static str, &'static str, String)> = Vec::new();
    for operation in [
        "DescribeOrganization",
        "ListRoots",
        "ListAccountsForParent",
        "ListOrganizationalUnitsForParent",
        "ListPolicies",
        "ListTargetsForPolicy",
        "ListTagsForResource",
        "ListAWSServiceAccessForOrganization",
        "GetParametersByPath",
        "DescribeParameters",
    ] {
        cases.push((operation, json, "{}".to_owned()));
        cases.push((operation, json, String::new()));
    }
    // A page that only says that it is the last.
    cases.push(("ListAccountsForParent", json, "{\"NextToken\": null}".to_owned()));
    for operation in [
        "GetAccountAuthorizationDetails",
        "ListRoles",
        "ListOpenIDConnectProviders",
        "GetCallerIdentity",
        "AssumeRole",
    ] {
        cases.push((operation, "text/xml", hollow(operation)));
    }
    for (operation, kind, body) in cases {
        let answer = says(kind, body);
        wire.rule(move |a| if a.operation == operation { answer.clone() } else { Act::Pass });
        let plan = wire.run(&p, &["plan", "--detailed-exitcode"]);
        let told = format!("{}{}", plan.out, plan.err);
        assert!([1, 6].contains(&plan.code), "{operation}: {}\n{told}", plan.code);
        // What an apply could read is as it was, so it may end well. It changes nothing.
        let apply = wire.run(&p, &["apply", "--auto-approve"]);
        let applied = format!("{}{}", apply.out, apply.err);
        for all in [told, applied] {
            assert!(all.contains("cannot be understood"), "{operation}: {all}");
            assert!(!all.contains("gone from AWS"), "{operation}: {all}");
            assert!(!all.contains("No changes. AWS"), "{operation}: {all}");
        }
        let arrived = wire.arrived();
        assert!(arrived.iter().any(|a| a.operation == operation), "{operation}");
        let changes = |a: &&Arrived| {
            ["Create", "Put", "Attach", "Tag"].iter().any(|v| a.operation.starts_with(v))
        };
        assert_eq!(arrived.iter().find(changes).map(|a| &a.operation), None, "{operation}");
    }

    // The state's own bucket, and the estate's.
    let xml = "application/xml";
    for (query, root) in
        [("list-type=2", "ListBucketResult"), ("x-id=ListBuckets", "ListAllMyBucketsResult")]
    {
        let answer =
            says(xml, format!("<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>"));
        wire.rule(move |a| match a.operation == "GET" && a.path.contains(query) {
            true => answer.clone(),
            false => Act::Pass,
        });
        let ended = wire.run(&p, &["plan", "--detailed-exitcode"]);
        let all = format!("{}{}", ended.out, ended.err);
        assert!([1, 6].contains(&ended.code), "{root}: {}\n{all}", ended.code);
        assert!(all.contains("cannot be understood"), "{root}: {all}");
        assert!(!all.contains("gone from AWS"), "{root}: {all}");
    }
    wire.calm();
    wire.run(&p, &["plan", "--detailed-exitcode"]).code(0);
}
