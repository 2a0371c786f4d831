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

/// A page of a captive portal in place of the answer to a change is no success: the request is made again.
#[test]
fn a_page_in_place_of_a_change_is_no_success() {
    let (wire, p) = (Wire::new(), Program::new(ESTATE));
    wire.run(&p, &["init", "--create-backend"]).code(0);
    wire.run(&p, &["apply", "--auto-approve"]).code(0);
    let page = "<html><body>Sign in to the guest network</body></html>";
    let is_it = |a: &Arrived| match a.service.as_str() {
        "iam" => a.operation == "DeleteRole",
        "s3" => a.operation == "DELETE" && !a.path.contains("/estate/"),
        _ => false,
    };
    let pages = std::sync::Mutex::new(std::collections::BTreeMap::new());
    wire.rule(move |a| {
        if !is_it(a) {
            return Act::Pass;
        }
        let mut pages = pages.lock().unwrap();
        let sent = pages.entry(a.service.clone()).or_insert(0);
        *sent += 1;
        if *sent <= 2 { says("text/html", page.to_owned()) } else { Act::Pass }
    });
    let targets = ["--target", "iam_role.web@dev", "--target", "s3_bucket.data@dev"];
    let args = [&["destroy", "--auto-approve"][..], &targets].concat();
    let ended = wire.run(&p, &args).code(0);
    let asked = wire.arrived().iter().filter(|a| is_it(a)).count();
    assert_eq!(asked, 6, "two pages and an answer each: {}{}", ended.out, ended.err);
}

/// AWS names what is not there. Whoever else answers with 404 says nothing about it.
#[test]
fn a_404_without_a_word_of_aws_takes_nothing_away() {
    let (wire, p) = (Wire::new(), Program::new(ESTATE));
    wire.run(&p, &["init", "--create-backend"]).code(0);
    wire.run(&p, &["apply", "--auto-approve"]).code(0);
    // An operation, or a bucket's part.
    let asks = |what: &str, a: &Arrived| match what.starts_with('?') {
        true => a.operation == "GET" && a.path.contains(what),
        false => a.operation == what,
    };
    for name in [
        "?encryption",
        "?policy",
        "?publicAccessBlock",
        "?tagging",
        "GetAccountAuthorizationDetails",
        "GetParametersByPath",
    ] {
        for body in ["", "404 page not found"] {
            wire.rule(move |a| match asks(name, a) {
                true => Act::Say {
                    status: 404,
                    headers: vec![("content-type", "text/plain".to_owned())],
                    body: body.to_owned(),
                },
                false => Act::Pass,
            });
            for args in [&["plan", "--detailed-exitcode"][..], &["drift"]] {
                let ended = wire.run(&p, args);
                let all = format!("{}{}", ended.out, ended.err);
                assert!([1, 6].contains(&ended.code), "{name} `{body}`: {}\n{all}", ended.code);
                assert!(all.contains("cannot be understood"), "{name} `{body}`: {all}");
                for word in ["gone from AWS", "No drift", "No changes. AWS"] {
                    assert!(!all.contains(word), "{name} `{body}`: `{word}`: {all}");
                }
            }
            assert!(wire.arrived().iter().any(|a| asks(name, a)), "{name}");
        }
    }
}

/// What a proxy on the way cut in its middle, with the length that it then had. The SDK reads as much as is there.
#[test]
fn half_of_an_answer_is_none() {
    let (wire, p) = (Wire::new(), Program::new(ESTATE));
    wire.run(&p, &["init", "--create-backend"]).code(0);
    wire.run(&p, &["apply", "--auto-approve"]).code(0);
    let s3 = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
    let plan: &[&str] = &["plan", "--detailed-exitcode"];
    let audit: &[&str] = &["audit", "verify"];
    let init: &[&str] = &["init"];
    let cases = [
        (
            "GET",
            "list-type=2",
            format!("<ListBucketResult {s3}><IsTruncated>false</IsTruncated>"),
            plan,
        ),
        ("GET", "x-id=ListBuckets", format!("<ListAllMyBucketsResult {s3}><Buckets>"), plan),
        (
            "GET",
            "versions",
            format!("<ListVersionsResult {s3}><IsTruncated>false</IsTruncated>"),
            audit,
        ),
        ("GET", "versioning", format!("<VersioningConfiguration {s3}>"), init),
        ("GET", "versioning", format!("<VersioningConfiguration {s3}><Status>Suspen"), init),
        ("GET", "versioning", "Access to this site is blocked".to_owned(), init),
        (
            "GetAccountAuthorizationDetails",
            "",
            "<GetAccountAuthorizationDetailsResponse><GetAccountAuthorizationDetailsResult>\
             <IsTruncated>false</IsTruncated><RoleDetailList>"
                .to_owned(),
            plan,
        ),
    ];
    for (operation, query, body, args) in cases {
        let answer = says("application/xml", format!("<?xml version=\"1.0\"?>{body}"));
        wire.rule(move |a| match a.operation == operation && a.path.contains(query) {
            true => answer.clone(),
            false => Act::Pass,
        });
        let ended = wire.run(&p, args);
        let all = format!("{}{}", ended.out, ended.err);
        assert!([1, 6].contains(&ended.code), "{query}: {}\n{all}", ended.code);
        assert!(all.contains("cannot be understood"), "{operation} {query}: {all}");
        for word in
            ["gone from AWS", "was removed", "is missing", "keep versions", "No changes. AWS"]
        {
            assert!(!all.contains(word), "{operation} {query}: `{word}`: {all}");
        }
    }
    // Every other answer, whatever it is and in whatever order its parts come.
    for (service, args) in [("iam", plan), ("sts", plan), ("s3", audit)] {
        let xml = move |a: &Arrived| {
            a.service == service && (service != "s3" || a.path.contains("list-type"))
        };
        wire.rule(move |a| if xml(a) { Act::Half } else { Act::Pass });
        let ended = wire.run(&p, args);
        let all = format!("{}{}", ended.out, ended.err);
        assert!([1, 6].contains(&ended.code), "{service}: {}\n{all}", ended.code);
        assert!(all.contains("cannot be understood"), "{service}: {all}");
        assert!(!all.contains("gone from AWS"), "{service}: {all}");
    }
    // What was done is done, whatever became of its answer.
    p.write("more.hcl", "iam_role \"more\" {\n  accounts = [account.dev]\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n}\n");
    wire.rule(|a| if a.operation == "CreateRole" && a.nth == 0 { Act::Half } else { Act::Pass });
    wire.run(&p, &["apply", "--auto-approve"]);
    wire.calm();
    wire.run(&p, &["apply", "--auto-approve"]).code(0);
    wire.run(&p, plan).code(0);
    let listed = wire.run(&p, &["state", "list"]).code(0);
    assert_eq!(listed.out.matches("iam_role.more").count(), 1, "{}", listed.out);
}

/// What an inspecting proxy makes of single objects of the state: each is told as what it is, with the next step.
#[test]
fn what_is_no_answer_about_the_state_is_told_with_the_next_step() {
    let (wire, p) = (Wire::new(), Program::new(ESTATE));
    wire.run(&p, &["init", "--create-backend"]).code(0);
    wire.run(&p, &["apply", "--auto-approve"]).code(0);
    let text = || says("text/plain", "Access to this site is blocked".to_owned());
    let altered = Act::Say {
        status: 200,
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("etag", "\"5d8c72a5edda8\"".to_owned()),
            ("x-amz-checksum-crc32", "AAAAAA==".to_owned()),
        ],
        body: "{\"format\":".to_owned(),
    };
    let garbled: &[&str] = &["cannot be understood", "no proxy changes its answers"];
    let page: &[&str] =
        &["a web page came in place of an answer", "captive portal", "sign in to it"];
    let plan: &[&str] = &["plan"];
    let apply: &[&str] = &["apply", "--auto-approve", "--lock-timeout", "1s"];
    p.write("more.hcl", "iam_role \"more\" {\n  accounts = [account.dev]\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n}\n");
    for (method, path, act, args, words) in [
        ("GET", "/state.json", text(), plan, garbled),
        (
            "GET",
            "/state.json",
            altered.clone(),
            plan,
            &["its checksum differs", "no proxy on the way"][..],
        ),
        ("GET", "/state.json", Act::Cut, plan, &["was cut", "check the network"][..]),
        ("GET", "palisade.json", text(), plan, garbled),
        ("GET", "/lock.json", text(), apply, garbled),
        ("PUT", "", text(), apply, garbled),
        ("PUT", "", Act::html(200, "Blocked by policy"), apply, page),
        ("PUT", "", Act::html(403, "Blocked by policy"), apply, page),
        ("HEAD", "", Act::html(403, "Blocked by policy"), apply, page),
    ] {
        let what = format!("{method} {path} {act:?}");
        wire.rule(move |a| {
            let met = a.service == "s3" && a.operation == method && a.path.contains(path);
            if met { act.clone() } else { Act::Pass }
        });
        let mut command = wire.command(&p, args);
        let ended = command.env("PALISADE_REQUEST_TIMEOUT", "5s").output().expect("it starts");
        let all = format!(
            "{}{}",
            String::from_utf8_lossy(&ended.stdout),
            String::from_utf8_lossy(&ended.stderr)
        );
        assert_eq!(ended.status.code(), Some(1), "{what}: {all}");
        let all = all.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(all.contains(word), "{what}: `{word}` is not said: {all}");
        }
        for word in ["no ETag", "streaming error", "needs s3:GetObject", "is damaged"] {
            assert!(!all.contains(word), "{what}: `{word}`: {all}");
        }
        let changes = |a: &Arrived| a.operation == "CreateRole";
        assert!(!wire.arrived().iter().any(changes), "{what}");
    }
    wire.calm();
    wire.run(&p, &["apply", "--auto-approve"]).code(0);
    wire.run(&p, &["audit", "verify"]).code(0);
}
