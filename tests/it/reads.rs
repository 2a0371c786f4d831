//! Who is read, and what the walls make of an account that was not: everything that exists is known by its
//! id, and an account that cannot be read leaves its own walls open to doubt and stops nothing else.

use serde_json::Value;

use crate::support::cli::Program;
use crate::support::endpoint::Endpoint;

/// Three environments; production's role lets in a role of dev, against the rule.
const ESTATE: &str = r#"
palisade {
  name = "acme"
}
provider "aws" {
  region = "eu-west-1"
}
organization "acme" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY"]
}
organizational_unit "workloads" {}
organizational_unit "live" {
  parent = organizational_unit.workloads
}
account "dev" {
  name   = "acme-dev"
  email  = "dev@acme.example"
  parent = organizational_unit.workloads
}
account "staging" {
  name   = "acme-staging"
  email  = "staging@acme.example"
  parent = organizational_unit.workloads
}
account "production" {
  name   = "acme-production"
  email  = "production@acme.example"
  parent = organizational_unit.live
}
environment "dev" {
  accounts = [account.dev]
}
environment "staging" {
  accounts = [account.staging]
}
environment "production" {
  accounts = [account.production]
}
service_control_policy "perimeter" {
  targets = [organizational_unit.workloads]
  statement "StayInside" {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["*"]
    condition {
      test     = "StringNotEquals"
      variable = "aws:PrincipalOrgID"
      values   = [organization.acme.id]
    }
  }
}
iam_role "ci" {
  accounts = [account.dev]
  trust {
    services = ["codebuild.amazonaws.com"]
  }
  inline_policy "assume" {
    statement {
      effect    = "Allow"
      actions   = ["sts:AssumeRole"]
      resources = ["*"]
    }
  }
}
iam_role "deploy" {
  accounts = [account.production]
  trust {
    aws = [iam_role.ci.arn]
  }
}
isolation "environments" {
  between = [environment.dev, environment.staging, environment.production]
}
"#;

/// The estate, applied with the violation that it holds.
fn applied(estate: &str) -> Program {
    let p = Program::new(estate);
    let args = ["apply", "--auto-approve", "--fail-on", "none", "--reason", "the test's own"];
    p.run(&args).code(0);
    p
}

/// The estate without the blocks from the one that begins like `from` to the one that begins like `to`.
fn without(from: &str, to: &str) -> String {
    let (before, rest) = ESTATE.split_once(from).expect("the first block");
    let (_, after) = rest.split_once(to).expect("the block behind");
    format!("{before}{to}{after}")
}

/// The estate without what breaks its rule.
fn obedient() -> String {
    without("iam_role \"deploy\"", "isolation \"environments\"")
}

/// Forgets everything that state tells of, and leaves AWS as it is.
fn forget_state(p: &Program) {
    let listed = p.run(&["state", "list"]).code(0).out;
    let args: Vec<&str> = ["state", "rm"].into_iter().chain(listed.lines()).collect();
    p.run(&args).code(0);
    assert_eq!(p.run(&["state", "list"]).code(0).out, "");
}

/// The verdict after the plan, by origin and environment.
fn verdict<'p>(plan: &'p Value, from: &str, to: &str) -> &'p str {
    let section = if plan["isolation"].is_object() { &plan["isolation"] } else { plan };
    let rows = section["matrix"].as_array().expect("a matrix");
    let row = rows.iter().find(|row| row["from"] == from && row["to"] == to);
    row.expect("a row")["after"].as_str().expect("a word")
}

/// What breaks a rule, by the two ends and the principal.
fn violations(plan: &Value) -> Vec<String> {
    let listed = plan["isolation"]["violations"].as_array().expect("a list");
    let ends = listed.iter().map(|v| {
        format!("{} -> {} {}", v["from"]["environment"], v["to"]["environment"], v["principal"])
    });
    ends.collect()
}

/// Whether a plan warns in these words.
fn warns(plan: &Value, summary: &str) -> bool {
    let all = plan["diagnostics"].as_array().expect("a list");
    all.iter().any(|d| d["summary"] == summary && d["severity"] == "warning")
}

async fn endpoint(p: &Program) -> Endpoint {
    Endpoint::open(&p.path().join(".palisade/sandbox")).await
}

async fn account_id(endpoint: &Endpoint, name: &str) -> String {
    let accounts = endpoint.accounts().await;
    accounts.into_iter().find(|a| a.name == name).expect("an account").id
}

/// Takes away the role through which an account is entered.
async fn lock(p: &Program, name: &str) {
    let endpoint = endpoint(p).await;
    let sdk = endpoint.account(&account_id(&endpoint, name).await).await;
    let iam = aws_sdk_iam::Client::new(&sdk);
    let role = "OrganizationAccountAccessRole";
    let attached = iam.list_attached_role_policies().role_name(role).send().await.expect("listed");
    for policy in attached.attached_policies() {
        let arn = policy.policy_arn().expect("an ARN");
        let detached = iam.detach_role_policy().role_name(role).policy_arn(arn).send().await;
        // The first detachment may take the right to the next one away.
        let _ = detached;
    }
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::999999999999:root"}}}"#;
    let _ = iam.update_assume_role_policy().role_name(role).policy_document(trust).send().await;
}

#[test]
fn what_exists_is_known_though_no_state_tells_of_it() {
    let p = applied(ESTATE);
    let before = p.run(&["plan", "--json"]).json();
    let id = before["accounts"].as_array().expect("accounts")[1]["account_id"].clone();
    assert!(id.is_string(), "{id}");
    forget_state(&p);
    let plan = p.run(&["plan", "--json"]).code(3).json();
    assert_eq!(plan["summary"]["create"], 0, "{}", plan["summary"]);
    assert_eq!(plan["summary"]["adopt"], before["summary"]["no_op"]);
    assert_eq!(plan["accounts"].as_array().expect("accounts")[1]["account_id"], id);
    assert_eq!(violations(&plan), violations(&before));
    assert!(!violations(&plan).is_empty());
    assert_eq!(plan["isolation"]["matrix"], before["isolation"]["matrix"]);
    let read = &plan["isolation"]["basis"]["accounts_read"];
    assert_eq!(*read, serde_json::json!(["dev", "production", "staging"]));
    let changes = plan["resource_changes"].as_array().expect("changes");
    let unknown =
        changes.iter().filter(|c| !c["after_unknown"].as_array().expect("a list").is_empty());
    assert_eq!(unknown.count(), 0, "everything is there and was read");
}

#[test]
fn a_new_policy_is_judged_with_the_id_of_the_organization_that_exists() {
    let p = applied(&without("service_control_policy", "iam_role \"ci\""));
    forget_state(&p);
    p.write("main.hcl", ESTATE);
    let plan = p.run(&["plan", "--json"]).code(3);
    assert!(!plan.err.contains("lock out") && !plan.err.contains("locked"), "{}", plan.err);
    let plan = plan.json();
    let made: Vec<&Value> = plan["resource_changes"]
        .as_array()
        .expect("changes")
        .iter()
        .filter(|c| c["action"] == "create")
        .collect();
    assert_eq!(made.len(), 1, "{made:#?}");
    let text = made[0]["after"]["content"].to_string();
    assert!(text.contains("\"o-"), "{text}");
}

#[tokio::test]
async fn an_account_that_cannot_be_entered_stops_nothing_else() {
    let p = applied(ESTATE);
    lock(&p, "acme-production").await;
    let plan = p.run(&["plan", "--json"]).code(3).json();
    assert!(warns(&plan, "cannot read the account `production`"), "{}", plan["diagnostics"]);
    for (from, to) in [
        ("staging", "production"),
        ("production", "staging"),
        ("production", "dev"),
        ("$external", "production"),
    ] {
        assert_eq!(verdict(&plan, from, to), "undetermined", "{from} -> {to}");
    }
    assert_eq!(verdict(&plan, "staging", "dev"), "isolated");
    assert_eq!(plan["isolation"]["basis"]["accounts_unread"], serde_json::json!(["production"]));
    // What cannot be decided breaks the rule, as it did before the plan.
    for (args, code) in [(&["plan", "-e", "dev"][..], 3), (&["drift", "-e", "dev"], 0)] {
        let run = p.run(args).code(code);
        assert!(run.err.contains("cannot read the account `production`"), "{}", run.err);
    }
    let described = "  accounts    = [account.dev]\n  description = \"builds\"\n";
    let ci = "  accounts = [account.dev]\n  trust";
    assert!(ESTATE.contains(ci));
    p.write("main.hcl", &ESTATE.replace(ci, &format!("{described}  trust")));
    let apply = ["apply", "-e", "dev", "--auto-approve"];
    let done = p.run(&apply).code(0);
    assert!(done.out.contains("iam_role.ci@dev"), "{}", done.out);
    for args in [
        &["apply", "--auto-approve"][..],
        &["apply", "-e", "production", "--auto-approve"],
        &["apply", "-t", "iam_role.deploy@production", "--auto-approve"],
    ] {
        let refused = p.run(args).code(1);
        let summary = "cannot read the account `production`";
        assert!(refused.err.contains(summary), "{args:?}: {}", refused.err);
    }
}

#[tokio::test]
async fn the_role_that_reads_an_account_is_made_through_the_one_that_changes_it() {
    let p = applied(ESTATE);
    let reader = r#"
iam_role "reader" {
  accounts = [account.dev, account.staging, account.production]
  trust {
    aws = [MANAGEMENT]
  }
  managed_policies = ["arn:aws:iam::aws:policy/SecurityAudit", "arn:aws:iam::aws:policy/AdministratorAccess"]
}
"#;
    let management = {
        let sdk = endpoint(&p).await.management();
        let identity = aws_sdk_sts::Client::new(&sdk).get_caller_identity().send().await;
        identity.expect("told").account().expect("an account").to_owned()
    };
    let reader = reader.replace("MANAGEMENT", &format!("\"{management}\""));
    let estate = ESTATE.replace(
        "  region = \"eu-west-1\"\n}\norganization",
        "  region    = \"eu-west-1\"\n  read_role = \"reader\"\n}\norganization",
    );
    p.write("main.hcl", &format!("{estate}{reader}"));
    let plan = p.run(&["plan", "--json"]).code(3).json();
    for name in ["dev", "staging", "production"] {
        let text = format!("cannot read the account `{name}`");
        assert!(warns(&plan, &text), "{}", plan["diagnostics"]);
    }
    assert_eq!(verdict(&plan, "staging", "dev"), "undetermined");
    let args =
        ["apply", "-t", "iam_role.reader", "--auto-approve", "--fail-on", "none", "--reason", "x"];
    let done = p.run(&args).code(0);
    assert!(!done.err.contains("cannot read the account"), "{}", done.err);
    let plan = p.run(&["plan", "--json"]).code(3).json();
    assert_eq!(plan["diagnostics"], serde_json::json!([]));
    assert_eq!(verdict(&plan, "staging", "dev"), "isolated");
}

#[tokio::test]
async fn an_account_that_aws_has_closed_breaks_no_rule_and_is_told() {
    let p = applied(ESTATE);
    let endpoint = endpoint(&p).await;
    let id = account_id(&endpoint, "acme-dev").await;
    endpoint.set_account_state(&id, "CLOSED").await;
    let plan = p.run(&["plan", "--json"]).code(0).json();
    for (from, to) in [("dev", "production"), ("production", "dev"), ("$anonymous", "dev")] {
        assert_eq!(verdict(&plan, from, to), "closed", "{from} -> {to}");
    }
    assert_eq!(verdict(&plan, "staging", "production"), "isolated");
    assert_eq!(violations(&plan), Vec::<String>::new());
    assert!(!warns(&plan, "cannot read the account `dev`"), "{}", plan["diagnostics"]);
    let findings = plan["isolation"]["findings"].as_array().expect("a list");
    let named = findings.iter().find(|f| f["kind"] == "names_closed_account").expect("a finding");
    assert_eq!(named["addresses"], serde_json::json!(["iam_role.deploy@production"]));
    // Code scanning shows it at the statement that lets the account in.
    let log = p.run(&["plan", "--format", "sarif"]).code(0).json();
    let results = log["runs"][0]["results"].as_array().expect("a list");
    let named = results.iter().find(|r| r["ruleId"] == "finding/names_closed_account");
    let place = &named.expect("a result")["locations"][0]["physicalLocation"];
    let deploy = ESTATE.lines().position(|l| l.starts_with("iam_role \"deploy\"")).expect("a line");
    let line = deploy + ESTATE.lines().skip(deploy).position(|l| l == "  trust {").expect("a line");
    assert_eq!(place["artifactLocation"]["uri"], "main.hcl", "{place}");
    assert_eq!(place["region"]["startLine"], line + 1, "{place}");
    for (args, wanted) in [
        (&["plan"][..], "dev -> production, staging: closed"),
        (&["plan", "--format", "markdown"], "| closed |"),
        (&["plan", "--format", "html"], ">closed<"),
    ] {
        let text = p.run(args).code(0).out;
        assert!(text.contains(wanted) || text.contains("closed  "), "{args:?}: {text}");
    }
    // It is told to be closed by the state from here on, and is not entered at all.
    p.run(&["apply", "--auto-approve", "--refresh-only"]).code(0);
    let again = p.run(&["plan", "--json"]).code(0).json();
    assert_eq!(verdict(&again, "dev", "production"), "closed");
    // Reopened, it is read and judged as before.
    endpoint.set_account_state(&id, "ACTIVE").await;
    let open = p.run(&["plan", "--json"]).code(3).json();
    assert_eq!(verdict(&open, "dev", "production"), "reachable");
    assert_eq!(open["isolation"]["basis"]["accounts_unread"], serde_json::json!([]));
}

#[tokio::test]
async fn a_suspended_account_is_judged_as_live_by_what_can_be_read() {
    let p = applied(ESTATE);
    let endpoint = endpoint(&p).await;
    let id = account_id(&endpoint, "acme-dev").await;
    // Nobody gets into it in the sandbox.
    for state in ["SUSPENDED", "PENDING_CLOSURE", "PENDING_ACTIVATION"] {
        endpoint.set_account_state(&id, state).await;
        let plan = p.run(&["plan", "--json"]).code(3).json();
        assert_eq!(verdict(&plan, "dev", "production"), "reachable", "{state}");
        assert_eq!(verdict(&plan, "dev", "staging"), "undetermined", "{state}");
        assert_eq!(plan["isolation"]["basis"]["accounts_unread"], serde_json::json!(["dev"]));
    }
}

/// Types whose policies the proof of a wall rests on.
fn types(plan: &Value, from: &str, to: &str, field: &str) -> Vec<String> {
    let rows = plan["isolation"]["matrix"].as_array().expect("a matrix");
    let row = rows.iter().find(|row| row["from"] == from && row["to"] == to).expect("a row");
    let listed = row[field].as_array().into_iter().flatten();
    let policies = listed.filter(|a| a["kind"] == "resource_policies");
    let names = policies.flat_map(|a| a["objects"].as_array().expect("a list"));
    names.map(|name| name.as_str().expect("a name").to_owned()).collect()
}

/// The estate without what breaks its rule, and with an RCP that keeps outsiders from keys and queues.
fn perimeter(rcp: bool) -> String {
    let types = "[\"SERVICE_CONTROL_POLICY\"]";
    let both = "[\"RESOURCE_CONTROL_POLICY\", \"SERVICE_CONTROL_POLICY\"]";
    let estate = obedient().replace(types, both);
    if !rcp {
        return estate;
    }
    format!(
        r#"{estate}
resource_control_policy "inside" {{
  targets = [organization.acme]
  statement "OwnOrganization" {{
    effect    = "Deny"
    actions   = ["kms:*", "sqs:*"]
    resources = ["*"]
    principals {{
      type        = "*"
      identifiers = ["*"]
    }}
    condition {{
      test     = "StringNotEqualsIfExists"
      variable = "aws:PrincipalOrgID"
      values   = [organization.acme.id]
    }}
    condition {{
      test     = "BoolIfExists"
      variable = "aws:PrincipalIsAWSService"
      values   = ["false"]
    }}
  }}
}}
"#
    )
}

#[test]
fn a_proof_names_what_it_rests_on_and_was_not_looked_at() {
    let p = Program::new(&format!("{}\nwalls {{ types = [] }}\n", perimeter(true)));
    let before = p.run(&["plan", "--json"]).code(0).json();
    // What does not exist yet holds nothing.
    assert_eq!(before["summary"]["isolation"]["assumed"], 0);
    assert!(p.run(&["plan"]).code(0).out.contains("proved isolated"));
    p.run(&["apply", "--auto-approve"]).code(0);
    let plan = p.run(&["plan", "--json"]).code(0).json();
    let inside = types(&plan, "dev", "production", "assumptions");
    assert!(inside.contains(&"AWS::SQS::Queue".to_owned()), "{inside:?}");
    assert!(!inside.contains(&"AWS::S3::Bucket".to_owned()), "buckets are listed: {inside:?}");
    let outside = types(&plan, "$external", "production", "assumptions");
    assert!(outside.contains(&"AWS::SNS::Topic".to_owned()), "{outside:?}");
    assert!(!outside.contains(&"AWS::SQS::Queue".to_owned()), "the RCP closes it: {outside:?}");
    // No RCP limits `kms:RetireGrant`, so that a key may let somebody in all the same.
    assert!(outside.contains(&"AWS::KMS::Key".to_owned()), "{outside:?}");
    let unsigned = types(&plan, "$anonymous", "production", "assumptions");
    assert!(!unsigned.contains(&"AWS::DynamoDB::Table".to_owned()), "{unsigned:?}");
    // No account stands outside the environments, so nobody there could be let in.
    for row in plan["isolation"]["matrix"].as_array().expect("rows") {
        let rests = row["assumptions"].is_array();
        assert_eq!(rests, row["after"] == "isolated" && row["from"] != "$unassigned", "{row}");
    }
    let summary = &plan["summary"]["isolation"];
    assert_eq!((&summary["assumed"], &summary["proved"]), (&12.into(), &3.into()));
    assert_eq!(plan["summary"]["isolation"]["assumptions_added"], 0);
    let said = "isolated walls rest on policies that were not looked at: AWS::KMS::Key";
    for (args, closed) in [
        (&["plan", "--full"][..], "3 proved isolated, 12 isolated on assumptions"),
        (&["plan", "--format", "markdown"], "3 proved isolated, 12 isolated on assumptions"),
        (&["plan", "--format", "html"], "3 proved isolated, 12 isolated on assumptions"),
        (&["isolation"], "3 proved isolated, 12 isolated on assumptions"),
    ] {
        let text = p.run(args).code(0).out;
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('\\', "");
        assert_eq!(flat.matches(said).count(), 1, "{args:?}: {text}");
        let marked = flat.contains("isolated*") || flat.contains("isolated&#42;");
        assert!(flat.contains(closed) && marked, "{args:?}: {text}");
    }
    p.run(&["plan", "--fail-on", "widening"]).code(0);

    // Without the RCP the proof rests on more: a change, and a widening.
    let open = format!("{}\nwalls {{ types = [] }}\n", perimeter(false));
    p.write("main.hcl", &open);
    let plan = p.run(&["plan", "--json"]).code(0).json();
    let added = types(&plan, "$external", "production", "assumptions_added");
    assert_eq!(added, ["AWS::SQS::Queue"]);
    assert!(types(&plan, "dev", "production", "assumptions_added").is_empty());
    let told = p.run(&["plan"]).code(0).out;
    assert!(told.contains("New: $external -> dev"), "{told}");
    let refused = p.run(&["plan", "--fail-on", "widening"]).code(3);
    assert!(refused.err.contains("on a new assumption"), "{}", refused.err);
    p.run(&["apply", "--auto-approve", "--fail-on", "widening"]).code(3);

    // A rule that takes no assumption for a wall.
    let rule = "isolation \"environments\" {\n";
    p.write(
        "main.hcl",
        &perimeter(true).replace(rule, &format!("{rule}  assumptions = \"error\"\n")),
    );
    let broken = p.run(&["plan", "--json"]).code(3).json();
    assert_eq!(violations(&broken).len(), 6);
    let violation = &broken["isolation"]["violations"][0];
    assert_eq!(
        (&violation["verdict"], &violation["change"]),
        (&"isolated".into(), &"standing".into())
    );
    assert!(violation["reason"].as_str().expect("a reason").contains("not looked at"));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write("main.hcl", &perimeter(true).replace(rule, &format!("{rule}  assumptions = \"no\"\n")));
    p.run(&["validate"]).code(1);
}

#[test]
fn code_that_runs_under_a_role_is_named_where_an_origin_can_speak_to_it() {
    let roles = r#"
account "shared" {
  name  = "acme-shared"
  email = "shared@acme.example"
}
iam_role "hub" {
  accounts = [account.shared]
  trust {
    aws = [iam_role.ci.arn]
  }
  inline_policy "send" {
    statement {
      effect    = "Allow"
      actions   = ["sqs:SendMessage"]
      resources = ["*"]
    }
  }
}
iam_role "bridge" {
  accounts = [account.shared]
  trust {
    services = ["lambda.amazonaws.com"]
  }
  inline_policy "assume" {
    statement {
      effect    = "Allow"
      actions   = ["sts:AssumeRole"]
      resources = ["*"]
    }
  }
}
iam_role "deploy" {
  accounts = [account.production]
  trust {
    aws = [iam_role.bridge.arn]
  }
}
"#;
    let estate = format!("{}{roles}", obedient());
    let p = Program::new(&estate);
    let running = |plan: &Value, from: &str| {
        let rows = plan["isolation"]["matrix"].as_array().expect("a matrix").clone();
        let row = rows.into_iter().find(|r| r["from"] == from && r["to"] == "production");
        let row = row.expect("a row");
        assert_eq!(row["after"], "isolated", "{row}");
        let listed = row["assumptions"].as_array().cloned().unwrap_or_default();
        listed.into_iter().filter(|a| a["kind"] == "running_code").collect::<Vec<_>>()
    };
    let plan = p.run(&["plan", "--json"]).code(0).json();
    let wanted = serde_json::json!([{
        "account": "shared", "kind": "running_code", "objects": ["iam_role.bridge@shared"],
    }]);
    assert_eq!(Value::Array(running(&plan, "dev")), wanted);
    assert!(running(&plan, "staging").is_empty());
    let text = p.run(&["plan", "--full"]).code(0).out;
    assert!(text.contains("isolated*"), "the others are proved: {text}");
    assert!(text.contains("code that runs under iam_role.bridge@shared"), "{text}");
    // Without a way into the account nobody speaks to its code.
    p.write(
        "main.hcl",
        &estate.replace("aws = [iam_role.ci.arn]", "services = [\"ec2.amazonaws.com\"]"),
    );
    let plan = p.run(&["plan", "--json"]).code(0).json();
    assert!(running(&plan, "dev").is_empty());
}
