//! What could not be read is not unchanged: commands count it, name it and end with a code of its own, in
//! every format, and an apply changes nothing of it. Shown over HTTP, by answers that are refused, garbled
//! and cut.

use serde_json::Value as Json;

use crate::cli::against_schema;
use crate::support::cli::Program;
use crate::support::wire::{Act, Arrived, Wire};

const ESTATE: &str = r#"
palisade {
  name = "acme"
}
provider "aws" {
  region = "eu-west-1"
}
variable "text" {
  default = "one"
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
account "prod" {
  name  = "acme-prod"
  email = "prod@acme.example"
}
environment "dev" {
  accounts = [account.dev]
}
environment "prod" {
  accounts = [account.prod]
}
iam_role "web" {
  environments = [environment.dev, environment.prod]
  description  = var.text
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
iam_role "job" {
  environments = [environment.prod]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
s3_bucket "logs" {
  environments = [environment.prod]
  bucket       = "acme-prod-logs"
}
s3_bucket "data" {
  environments = [environment.prod]
  bucket       = "acme-prod-data"
}
"#;

const ROLES: [&str; 3] = ["iam_role.job@prod", "iam_role.web@dev", "iam_role.web@prod"];

/// The estate, applied over the wire.
fn applied() -> (Wire, Program) {
    let (wire, p) = (Wire::new(), Program::new(ESTATE));
    wire.run(&p, &["apply", "--auto-approve"]).code(0);
    wire.run(&p, &["plan", "--detailed-exitcode"]).code(0);
    (wire, p)
}

fn reads_iam(arrived: &Arrived) -> bool {
    arrived.service == "iam" && ["Get", "List"].iter().any(|p| arrived.operation.starts_with(p))
}

/// The names of everything that a report says was not read.
fn names(report: &Json) -> Vec<&str> {
    let parts = report["unread"].as_array().expect("what was not read");
    let objects = parts.iter().flat_map(|part| part["objects"].as_array().expect("a list"));
    let mut names: Vec<&str> = objects.map(|name| name.as_str().expect("a name")).collect();
    names.sort_unstable();
    names
}

/// Every command about an estate whose roles cannot be read, for this reason.
#[track_caller]
fn nothing_is_claimed_of_roles(wire: &Wire, p: &Program, reason: &str) {
    let drift = wire.run(p, &["drift"]).code(6);
    assert!(
        drift.out.contains("Nothing differs in what was read; 3 objects not read;"),
        "{}",
        drift.out
    );
    assert!(drift.out.ends_with("62.5% consistent.\n"), "{}", drift.out);
    assert!(drift.out.contains(reason), "{reason}: {}", drift.out);
    let drift = wire.run(p, &["drift", "--json"]).code(6).json();
    assert_eq!(names(&drift), ROLES);
    let prod = &drift["environments"]["prod"];
    assert_eq!((&prod["managed"], &prod["unread"]), (&5.into(), &2.into()), "{prod}");
    assert_eq!((&prod["consistency_percent"], &prod["complete"]), (&60.0.into(), &false.into()));

    let plan = wire.run(p, &["plan", "--detailed-exitcode"]).code(6);
    assert!(plan.out.contains("No changes in what was read; 3 objects not read."), "{}", plan.out);
    wire.run(p, &["plan"]).code(0);
    let plan = wire.run(p, &["plan", "--detailed-exitcode", "--json"]).code(6).json();
    assert_eq!(names(&plan), ROLES);
    assert_eq!(against_schema(&plan), [""; 0]);
    for format in ["text", "markdown", "html"] {
        let plan = wire.run(p, &["plan", "--format", format]).code(0).out;
        assert!(plan.contains("3 objects not read"), "{format}: {plan}");
        assert!(!plan.contains("AWS matches"), "{format}: {plan}");
        let bare = plan.replace("&#64;", "@").replace("&#95;", "_");
        assert!(ROLES.iter().all(|role| bare.contains(role)), "{format}: {plan}");
        assert!(plan.contains(reason), "{format}: {plan}");
    }
    let status = wire.run(p, &["status"]).code(0).out;
    assert!(status.contains("prod  2 not read (60% consistent)"), "{status}");
    assert!(!status.contains("no drift") && status.contains("3 objects not read"), "{status}");
    let status = wire.run(p, &["status", "--json"]).code(0).json();
    assert_eq!(names(&status), ROLES);
}

#[test]
fn what_is_refused_is_unread_in_every_command_and_format() {
    let (wire, p) = applied();
    wire.rule(|a| match reads_iam(a) {
        true => Act::xml(403, "AccessDenied", "you may not look"),
        false => Act::Pass,
    });
    nothing_is_claimed_of_roles(&wire, &p, "you may not look");
    let warned = wire.run(&p, &["plan"]).code(0).err;
    assert!(warned.contains("OrganizationAccountAccessRole` needs read access"), "{warned}");

    // What a change would rest on is refused; what was read goes on.
    let changed = ["--auto-approve", "--var", "text=two"];
    let refused = wire.run(&p, &[&["apply"][..], &changed].concat()).code(1);
    assert!(refused.err.contains("would change 2 objects that were not read"), "{}", refused.err);
    assert!(refused.err.contains("`iam_role.web@prod`"), "{}", refused.err);
    let pending = wire.run(&p, &["plan", "--detailed-exitcode", "--var", "text=two"]).code(6);
    assert!(pending.out.contains("Plan: 2 to update; 3 objects not read."), "{}", pending.out);
    wire.run(&p, &["plan", "--out", "saved.plan", "--var", "text=two"]).code(0);
    wire.run(&p, &["apply", "saved.plan"]).code(1);
    wire.run(&p, &["destroy", "--auto-approve", "--target", "iam_role.job"]).code(1);
    let made = |a: &Arrived| a.service == "iam" && !reads_iam(a);
    assert!(!wire.arrived().iter().any(made), "{:#?}", wire.arrived());
    p.write("main.hcl", &ESTATE.replace("acme-prod-logs", "acme-prod-log"));
    wire.run(&p, &["apply", "--auto-approve", "--target", "s3_bucket.logs"]).code(0);

    // A selection is asked about itself alone.
    p.write("main.hcl", ESTATE);
    wire.calm();
    wire.run(&p, &["apply", "--auto-approve"]).code(0);
    wire.run(&p, &["drift"]).code(0);
}

#[test]
fn a_page_for_people_and_a_listing_that_is_cut_are_unread_too() {
    let (wire, p) = applied();
    wire.rule(|a| match a.operation.as_str() {
        "GetAccountAuthorizationDetails" => Act::html(200, "captive portal"),
        _ => Act::Pass,
    });
    nothing_is_claimed_of_roles(&wire, &p, "GetAccountAuthorizationDetails");
    let warned = wire.run(&p, &["plan"]).code(0).err;
    assert!(warned.contains("a proxy or a captive portal stands between"), "{warned}");
    // It says that more follows, and not where; then that more follows after the same place for ever.
    for marker in ["", "<Marker>again</Marker>"] {
        wire.rule(move |a| match a.operation.as_str() {
            "ListRoles" => {
                let result = format!("<IsTruncated>true</IsTruncated><Roles/>{marker}");
                let body = format!("<ListRolesResponse><ListRolesResult>{result}</ListRolesResult></ListRolesResponse>");
                Act::Say { status: 200, headers: vec![("content-type", "text/xml".into())], body }
            }
            _ => Act::Pass,
        });
        nothing_is_claimed_of_roles(&wire, &p, "the listing is cut");
    }
    // A role that one listing has and the other one lacks is asked for by itself.
    wire.rule(|a| match a.operation.as_str() {
        "ListRoles" => {
            let result = "<IsTruncated>false</IsTruncated><Roles/>";
            let body = format!(
                "<ListRolesResponse><ListRolesResult>{result}</ListRolesResult></ListRolesResponse>"
            );
            Act::Say { status: 200, headers: vec![("content-type", "text/xml".into())], body }
        }
        _ => Act::Pass,
    });
    wire.run(&p, &["plan", "--detailed-exitcode"]).code(0);
}

#[test]
fn an_answer_that_is_cut_and_throttling_in_the_middle_claim_nothing() {
    let (wire, p) = applied();
    for act in [Act::Cut, Act::xml(400, "Throttling", "Rate exceeded")] {
        let word = if matches!(act, Act::Cut) { "` was cut: " } else { "throttled: Rate exceeded" };
        // The first account is read to its end, the second one is not.
        wire.rule(move |a| match a.operation == "GetAccountAuthorizationDetails" && a.nth > 0 {
            true => act.clone(),
            false => Act::Pass,
        });
        let mut command = wire.command(&p, &["drift"]);
        let run = command.env("AWS_MAX_ATTEMPTS", "1").output().expect("the program starts");
        let all =
            [run.stdout, run.stderr].map(|b| String::from_utf8_lossy(&b).into_owned()).concat();
        assert!(matches!(run.status.code(), Some(1 | 6)), "{all}");
        let all = all.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!all.contains("No drift:") && all.contains(word), "{word}: {all}");
    }
}

#[test]
fn one_bucket_that_may_not_be_read_hides_no_other() {
    let (wire, p) = applied();
    let deny = |a: &Arrived| match a.service == "s3" && a.path.contains("acme-prod-data") {
        true => Act::s3(403, "AccessDenied", "you may not look"),
        false => Act::Pass,
    };
    wire.rule(deny);
    let drift = wire.run(&p, &["drift", "--json"]).code(6).json();
    assert_eq!(names(&drift), ["s3_bucket.data@prod"]);
    // Managed by nobody, it is named all the same.
    p.write(
        "main.hcl",
        &ESTATE
            .replace("s3_bucket \"data\"", "s3_bucket \"other\"")
            .replace("acme-prod-data", "acme-prod-other"),
    );
    let plan = wire.run(&p, &["plan", "--json", "--environment", "prod"]).code(0).json();
    assert_eq!(names(&plan), ["s3_bucket.data@prod"], "state knows it still");
    let plan = wire.run(&p, &["plan", "--json", "--detailed-exitcode", "--environment", "dev"]);
    assert_eq!(plan.code(0).json()["unread"], Json::Null, "nothing of dev");
    // And one that is really gone is gone.
    p.write("main.hcl", ESTATE);
    wire.calm();
    wire.run(&p, &["destroy", "--auto-approve", "--target", "s3_bucket.logs"]).code(0);
    wire.rule(deny);
    let plan = wire.run(&p, &["plan", "--json"]).code(0).json();
    assert_eq!(
        (&plan["summary"]["create"], names(&plan)),
        (&1.into(), vec!["s3_bucket.data@prod"])
    );
}

#[test]
fn a_broken_rule_is_told_before_what_is_unread_and_that_before_changes() {
    let (wire, p) = applied();
    wire.rule(|a| match a.service == "s3" && a.path.contains("acme-prod-data") {
        true => Act::s3(403, "AccessDenied", "you may not look"),
        false => Act::Pass,
    });
    let open = r#"
iam_role "open" {
  environments = [environment.prod]
  trust {
    aws = [account.dev]
  }
}
isolation "environments" {
  between = [environment.dev, environment.prod]
}
"#;
    p.write("main.hcl", &format!("{ESTATE}{open}"));
    // It creates a role, which breaks the rule, and one bucket could not be read.
    let plan = wire.run(&p, &["plan", "--detailed-exitcode", "--json"]).code(3).json();
    assert_eq!(
        (&plan["summary"]["create"], names(&plan)),
        (&1.into(), vec!["s3_bucket.data@prod"])
    );
    let regardless = ["--fail-on", "none", "--reason", "a test"];
    wire.run(&p, &[&["plan", "--detailed-exitcode"][..], &regardless].concat()).code(6);
    wire.calm();
    wire.run(&p, &[&["plan", "--detailed-exitcode"][..], &regardless].concat()).code(2);
    wire.run(&p, &["plan", "--detailed-exitcode"]).code(3);
}

#[test]
fn an_undetermined_wall_is_not_called_a_broken_rule() {
    let (wire, p) = applied();
    let rule = "isolation \"environments\" {\n  between = [environment.dev, environment.prod]\n}\n";
    p.write("main.hcl", &format!("{ESTATE}{rule}"));
    wire.rule(|a| match reads_iam(a) {
        true => Act::xml(403, "AccessDenied", "you may not look"),
        false => Act::Pass,
    });
    let isolation = wire.run(&p, &["isolation"]).code(3);
    let all = format!("{}{}", isolation.out, isolation.err);
    assert!(all.contains("that an isolation rule protects are undetermined"), "{all}");
    assert!(all.contains("make readable") && !all.contains("breaks a rule"), "{all}");
    assert!(!all.contains("close the path"), "{all}");
    let status = wire.run(&p, &["status"]).code(0).out;
    assert!(status.contains("that an isolation rule protects are undetermined"), "{status}");
    let log = wire.run(&p, &["plan", "--format", "sarif"]).code(3).json();
    let results = log["runs"][0]["results"].as_array().expect("a list");
    let about = |r: &&Json| r["ruleId"] == "undetermined/isolation.environments";
    let undecided: Vec<&Json> = results.iter().filter(about).collect();
    assert!(!undecided.is_empty(), "{log}");
    for result in undecided {
        let text = result["message"]["text"].as_str().expect("a text");
        assert!(text.contains("is not known") && !text.starts_with("dev can"), "{text}");
    }
}

#[test]
fn a_plan_without_a_refresh_says_that_aws_was_not_read() {
    let (wire, p) = applied();
    let plan = wire.run(&p, &["plan", "--refresh=false", "--detailed-exitcode"]).code(0);
    assert!(plan.out.contains("No changes. The state matches the configuration"), "{}", plan.out);
    assert!(plan.out.contains("AWS was not read"), "{}", plan.out);
    let plan = wire.run(&p, &["plan", "--refresh=false", "--json"]).code(0).json();
    assert_eq!((&plan["refreshed"], &plan["unread"]), (&false.into(), &Json::Null));
    assert_eq!(against_schema(&plan), [""; 0]);
}

#[test]
fn an_attribute_that_may_not_be_read_is_not_as_state_says() {
    let (wire, p) = (
        Wire::new(),
        Program::new(&ESTATE.replace(
            "bucket       = \"acme-prod-data\"",
            "bucket       = \"acme-prod-data\"\n  abac         = true",
        )),
    );
    wire.run(&p, &["apply", "--auto-approve"]).code(0);
    let mute = |a: &Arrived| match a.service == "s3" && a.path.contains("abac") {
        true => Act::s3(403, "AccessDenied", "you may not look"),
        false => Act::Pass,
    };
    wire.rule(mute);
    let drift = wire.run(&p, &["drift", "--json"]).code(6).json();
    assert!(names(&drift).contains(&"s3_bucket.data@prod"), "{drift}");
    assert!(
        drift["unread"][0]["reason"].as_str().expect("why").contains("GetBucketAbac"),
        "{drift}"
    );
    let text = wire.run(&p, &["drift"]).code(6).out;
    assert!(text.contains("2 objects not read") && !text.contains("No drift:"), "{text}");
    let plan = wire.run(&p, &["plan", "--detailed-exitcode"]).code(6);
    assert!(!plan.out.contains("+ abac"), "{}", plan.out);
    // What is to be done to it rests on what was not read.
    p.write(
        "main.hcl",
        &std::fs::read_to_string(p.path().join("main.hcl"))
            .expect("read")
            .replace("abac         = true", "abac         = false"),
    );
    wire.run(&p, &["apply", "--auto-approve"]).code(1);
}

/// A web page, or nothing, in place of what S3 says of a bucket's versions: it does not say that they are off.
#[test]
fn a_bucket_whose_versioning_is_not_told_is_unread() {
    let (wire, p) = applied();
    for act in [
        Act::html(200, "captive portal"),
        Act::Say { status: 200, headers: vec![], body: String::new() },
        Act::Half,
    ] {
        let what = format!("{act:?}");
        wire.rule(move |a| {
            match a.path.contains("acme-prod-data") && a.path.contains("versioning") {
                true => act.clone(),
                false => Act::Pass,
            }
        });
        let drift = wire.run(&p, &["drift", "--json"]).code(6).json();
        assert_eq!(names(&drift), ["s3_bucket.data@prod"], "{what}");
        let plan = wire.run(&p, &["plan", "--detailed-exitcode"]).code(6);
        assert!(plan.out.contains("1 object not read"), "{what}: {}", plan.out);
        let status = wire.run(&p, &["status"]).code(0).out;
        assert!(!status.contains("prod  no drift"), "{what}: {status}");
    }
}

/// An account of which nothing could be read is not one in which nothing is left to adopt.
#[test]
fn nothing_is_said_to_be_left_to_adopt_where_it_was_not_read() {
    let (wire, p) = applied();
    let adopt = ["adopt", "--account", "dev"];
    let all = wire.run(&p, &adopt).code(0);
    assert!(all.err.contains("nothing in `dev` is left to adopt"), "{}", all.err);
    wire.rule(|a| match reads_iam(a) {
        true => Act::xml(403, "AccessDenied", "you may not look"),
        false => Act::Pass,
    });
    let refused = wire.run(&p, &adopt).code(6);
    assert!(refused.err.contains("nothing of what was read in `dev` is left"), "{}", refused.err);
    assert!(refused.err.contains("not read in `dev`: "), "{}", refused.err);
    assert!(refused.err.contains("iam_role") && refused.err.contains("you may not look"));
    // What was asked for was read.
    wire.run(&p, &[&adopt[..], &["--kind", "s3_bucket"]].concat()).code(0);
    wire.run(&p, &[&adopt[..], &["--kind", "iam_role"]].concat()).code(6);
}
