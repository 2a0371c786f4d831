//! The commands that ask about access, from end to end: `isolation`, `who-can`, `compare-policies`, `simulate`.

use serde_json::{Value as Json, json};

use crate::support::cli::Program;
use crate::support::estates::two_environments;

/// A role in development that may assume one in production, which does not trust it.
const ACCESS: &str = r#"isolation "environments" {
  between = [environment.dev, environment.production]
}
iam_role "ci" {
  environments = [environment.dev]
  trust {
    services = ["codebuild.amazonaws.com"]
  }
  statement "deploy" {
    actions   = ["sts:AssumeRole"]
    resources = ["arn:aws:iam::*:role/deploy"]
  }
}
iam_role "deploy" {
  environments = [environment.production]
  trust {
    services = ["codebuild.amazonaws.com"]
  }
  statement "read-data" {
    actions   = ["s3:GetObject"]
    resources = ["${s3_bucket.data.arn}/*"]
  }
}
s3_bucket "data" {
  environments = [environment.production]
  bucket       = "acme-production-data"
}
"#;

/// The same with production's role open to dev's.
fn opened() -> String {
    let trust =
        "  trust {\n    services = [\"codebuild.amazonaws.com\"]\n  }\n  statement \"read-data\"";
    let open = "  trust {\n    aws = [iam_role.ci.at[\"dev\"].arn]\n  }\n  statement \"read-data\"";
    assert!(ACCESS.contains(trust));
    two_environments(&ACCESS.replace(trust, open))
}

fn verdict<'a>(walls: &'a Json, side: &str) -> &'a Json {
    let rows = walls["matrix"].as_array().expect("rows");
    &rows.iter().find(|r| r["from"] == "dev" && r["to"] == "production").expect("a row")[side]
}

#[test]
fn the_walls_now_after_apply_and_in_state() {
    let p = Program::new(&two_environments(ACCESS));
    p.run(&["apply", "--auto-approve"]).code(0);
    let now = p.run(&["isolation"]).code(0);
    assert!(
        now.out.contains("0 violations") && now.out.contains("isolated on assumptions"),
        "{}",
        now.out
    );
    p.write("main.hcl", &opened());
    assert_eq!(verdict(&p.run(&["isolation", "--json"]).code(0).json(), "after"), "isolated");
    let planned = p.run(&["isolation", "--plan", "--json"]).code(3).json();
    assert_eq!(verdict(&planned, "before"), "isolated");
    assert_eq!(verdict(&planned, "after"), "reachable");
    assert_eq!(planned["side"], "plan");
    let path = &planned["violations"][0];
    assert_eq!(path["replay"]["after"]["decision"], "allow", "{path}");
    assert_eq!(path["replay"]["before"]["decision"], "implicit_deny", "{path}");
    assert_eq!(path["locations"]["iam_role.deploy@production"], "main.hcl:37", "{path}");
    p.run(&["apply", "--auto-approve", "--fail-on", "none", "--reason", "a test"]).code(0);
    let open = p.run(&["isolation"]).code(3);
    assert!(open.out.contains("1 violation") && open.out.contains("role/ci"), "{}", open.out);
    let state = p.run(&["isolation", "--state", "--json"]).code(3).json();
    assert_eq!(verdict(&state, "after"), "reachable");
    assert_eq!(state["basis"]["live"], false);
    p.run(&["isolation", "--plan", "--state"]).code(1);
}

/// AWS attaches `FullAWSAccess` everywhere when SCPs are switched on, so they close nothing.
#[test]
fn a_plan_that_switches_guardrails_on_still_shows_what_it_opens() {
    let p = Program::new(&two_environments(ACCESS));
    p.run(&["apply", "--auto-approve"]).code(0);
    let switched =
        "organization \"acme\" {\n  enabled_policy_types = [\"SERVICE_CONTROL_POLICY\"]\n}";
    p.write("main.hcl", &opened().replace("organization \"acme\" {}", switched));
    let planned = p.run(&["isolation", "--plan", "--json"]).code(3).json();
    assert_eq!(verdict(&planned, "before"), "isolated");
    assert_eq!(verdict(&planned, "after"), "reachable");
}

#[test]
fn who_can_names_everybody_with_the_way_there() {
    let p = Program::new(&opened());
    p.run(&["apply", "--auto-approve", "--fail-on", "none", "--reason", "a test"]).code(0);
    let data = "arn:aws:s3:::acme-production-data/*";
    let found = p.run(&["who-can", "s3:GetObject", data, "--json"]).code(0).json();
    assert_eq!(found["owner"], "production");
    let holder = |name: &str, found: &Json| -> Json {
        let all = found["principals"].as_array().expect("a list");
        let ends = |h: &&Json| h["principal"].as_str().is_some_and(|p| p.ends_with(name));
        all.iter().find(ends).unwrap_or_else(|| panic!("no {name}: {found:#}")).clone()
    };
    let deploy = holder("role/deploy", &found);
    assert_eq!((&deploy["verdict"], &deploy["managed"]), (&json!("reachable"), &json!(true)));
    assert_eq!(deploy["via"].as_array().map(Vec::len), Some(1));
    assert_eq!(deploy["via"][0]["granted_by"][0]["address"], "iam_role.deploy@production");
    let ci = holder("role/ci", &found);
    assert_eq!(ci["via"].as_array().map(Vec::len), Some(2), "{ci}");
    let born = found["principals"].as_array().expect("a list").iter().find(|h| {
        h["principal"].as_str().is_some_and(|p| p.ends_with("role/OrganizationAccountAccessRole"))
            && h["account"] == "production"
    });
    assert_eq!(born.expect("it is there")["managed"], false);
    // A place is the line of the statement, wherever it is named.
    let granted = &deploy["via"][0]["granted_by"][0];
    let main = opened();
    let statement =
        1 + main.lines().position(|l| l.contains("statement \"read-data\"")).expect("a line");
    assert_eq!(granted["location"], format!("main.hcl:{statement}"), "{granted}");
    let put = p.run(&["who-can", "s3:PutObject", data, "--json"]).code(0).json();
    assert_eq!(holder("role/deploy", &put)["verdict"], "isolated");
    let text = p.run(&["who-can", "s3:GetObject", data]).code(0).out;
    assert!(text.contains("Who can call s3:GetObject") && text.contains("step 2"), "{text}");
    let bus = format!(
        "arn:aws:events:eu-west-1:{}:event-bus/jobs",
        deploy["principal"].as_str().unwrap().split(':').nth(4).unwrap()
    );
    let notes = p.run(&["who-can", "events:PutEvents", &bus, "--json"]).code(0).json();
    assert!(notes["notes"][0].as_str().is_some_and(|n| n.contains("events")), "{notes}");
    for (action, resource) in [
        ("GetObject", data),
        ("s3:*Object", data),
        ("nope:Get", data),
        ("s3:GetObject", "bucket"),
        ("s3:GetObject", "arn:aws:s3:::nobody-knows-it/*"),
        ("sts:AssumeRole", "arn:aws:iam::123456789012:role/x"),
    ] {
        let wrong = p.run(&["who-can", action, resource]).code(1);
        assert!(wrong.err.contains("help"), "{}", wrong.err);
    }
}

#[test]
fn policies_are_compared_offline() {
    let p = Program::new("");
    let policy = |action: &str| {
        json!({"Version": "2012-10-17", "Statement": [{"Sid": "own", "Effect": "Allow",
               "Action": action, "Resource": "arn:aws:s3:::acme/*"}]})
        .to_string()
    };
    p.write("narrow.json", &policy("s3:GetObject"));
    p.write("wide.json", &policy("s3:*Object"));
    let wider = p.run(&["compare-policies", "narrow.json", "wide.json"]).code(3);
    assert!(
        wider.out.contains("New access") && wider.out.contains("s3:DeleteObject"),
        "{}",
        wider.out
    );
    let narrower =
        p.run(&["compare-policies", "wide.json", "narrow.json", "--json"]).code(0).json();
    assert_eq!(narrower["verdict"], "no_new_access");
    assert_eq!(narrower["gained"], json!([]));
    assert_eq!(narrower["lost"][0]["permitted_by"], json!(["own"]));
    p.run(&["compare-policies", "narrow.json", "narrow.json", "--scp"]).code(0);
    p.write("broken.json", "{\"Version\": ");
    let broken = p.run(&["compare-policies", "narrow.json", "broken.json"]).code(1);
    assert!(broken.err.contains("broken.json:1"), "{}", broken.err);
    p.run(&["compare-policies", "narrow.json", "missing.json"]).code(1);
}

#[test]
fn requests_are_judged_from_a_file_and_from_standard_input() {
    let p = Program::new("");
    let case = |id: u8, resource: &str| {
        json!({"id": id, "request": {"principal": "arn:aws:iam::111111111111:role/ci",
                   "action": "s3:GetObject", "resource": resource, "resource_account": "111111111111"},
               "identity_policies": [{"name": "read", "document": {"Version": "2012-10-17", "Statement": [
                   {"Sid": "Mine", "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::mine/*"}]}}]})
    };
    let lines =
        [case(1, "arn:aws:s3:::mine/a"), json!("nonsense"), case(2, "arn:aws:s3:::other/a")];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    p.write("cases.jsonl", &text);
    let run = p.run(&["simulate", "--cases", "cases.jsonl"]).code(1);
    let wrong = "line 2 of cases.jsonl is not a valid request: the case must be an object";
    assert!(run.err.contains(wrong), "{}", run.err);
    let read = run.out;
    let told: Vec<Json> =
        read.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&told[0]["id"], &told[0]["decision"]), (&json!(1), &json!("allow")));
    assert_eq!(told[0]["matched"][0]["statement"], "Mine");
    assert!(told[1]["error"].is_string(), "{}", told[1]);
    assert_eq!((&told[2]["id"], &told[2]["decision"]), (&json!(2), &json!("implicit_deny")));
    assert_eq!(p.run(&["simulate", "cases.jsonl"]).code(1).out, read);
    for args in [&["simulate"][..], &["simulate", "-"], &["simulate", "--cases", "-"]] {
        assert_eq!(p.feed(args, &text).code(1).out, read, "{args:?}");
    }
    let malformed = p.feed(&["simulate"], "{\"id\": 1\n").code(1);
    let wrong = "line 1 of standard input is not a valid request: invalid JSON: EOF";
    assert!(malformed.err.contains(wrong), "{}", malformed.err);
    assert_eq!(p.feed(&["simulate"], &format!("{}\n", lines[0])).code(0).err, "");
    let missing = p.run(&["simulate", "--cases", "nowhere.jsonl"]).code(1);
    assert!(missing.err.contains("cannot read `nowhere.jsonl`"), "{}", missing.err);
}

/// Behind one provider of identities stand many, told apart by what they need.
#[test]
fn who_can_lists_every_way_of_a_provider() {
    let role = |name: &str| {
        format!(
            r#"iam_role "{name}" {{
  accounts = [account.production]
  trust {{
    oidc {{
      provider = iam_oidc_provider.github
      subjects = ["repo:acme/{name}:ref:refs/heads/main"]
    }}
  }}
  statement "read" {{
    actions   = ["s3:GetObject"]
    resources = ["${{s3_bucket.data.arn}}/*"]
  }}
}}
"#
        )
    };
    let p = Program::new(&two_environments(&format!(
        r#"iam_oidc_provider "github" {{
  accounts  = [account.production]
  url       = "https://token.actions.githubusercontent.com"
  audiences = ["sts.amazonaws.com"]
}}
s3_bucket "data" {{
  accounts = [account.production]
  bucket   = "acme-production-data"
}}
{}{}"#,
        role("shop"),
        role("search"),
    )));
    p.run(&["apply", "--auto-approve"]).code(0);
    let ask = ["who-can", "s3:GetObject", "arn:aws:s3:::acme-production-data/x"];
    let found = p.run(&[&ask[..], &["--json"]].concat()).code(0).json();
    let all = found["principals"].as_array().expect("a list").iter();
    let provider =
        |h: &&Json| h["principal"].as_str().is_some_and(|p| p.contains("oidc-provider/"));
    let ways: Vec<String> = all.filter(provider).map(|h| h["conditions"].to_string()).collect();
    assert_eq!(ways.len(), 2, "{found:#}");
    for name in ["acme/shop:", "acme/search:"] {
        assert!(ways.iter().any(|way| way.contains(name)), "{name}: {ways:?}");
    }
    let text = p.run(&ask).code(0).out;
    assert!(text.contains("acme/shop:") && text.contains("acme/search:"), "{text}");
}
