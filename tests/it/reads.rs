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
    let start = ESTATE.find("service_control_policy").expect("there");
    let end = ESTATE.find("iam_role \"ci\"").expect("there");
    let p = applied(&format!("{}{}", &ESTATE[..start], &ESTATE[end..]));
    forget_state(&p);
    p.write("main.hcl", ESTATE);
    let plan = p.run(&["plan", "--json"]).code(3);
    assert!(!plan.err.contains("lock"), "{}", plan.err);
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
    for (args, wanted) in [
        (&["plan"][..], "dev -> production: closed"),
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
