//! What AWS does today, and what public bug reports against other tools were about: each through the
//! program, in the sandbox or against an endpoint.

use std::process::Command;

use palisade::sandbox;

use crate::support::cli::{Program, Run};
use crate::support::endpoint::enter;
use crate::support::front::{self, Front, Way};
use crate::support::http::Request;

/// Two environments in an account each, with a role in both.
const ESTATE: &str = r#"
palisade {
  name = "kestrel"
}
provider "aws" {
  region = "us-east-1"
}
organization "kestrel" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY"]
}
organizational_unit "work" {}
account "dev" {
  parent = organizational_unit.work
  name   = "kestrel-dev"
  email  = "aws+dev@kestrel.example"
}
account "prod" {
  parent = organizational_unit.work
  name   = "kestrel-prod"
  email  = "aws+prod@kestrel.example"
}
environment "dev" {
  accounts = [account.dev]
}
environment "prod" {
  accounts = [account.prod]
}
"#;

const ROLES: &str = r#"
iam_role "deploy" {
  environments = [environment.dev, environment.prod]
  trust {
    services = ["codebuild.amazonaws.com"]
  }
}
"#;

/// The program before an endpoint, as the operator of the accounts behind it.
fn command(program: &Program, front: &Front, args: &[&str]) -> Command {
    let keys = front.sandbox.management_credentials();
    let mut command = program.command(args);
    command
        .env_remove("PALISADE_SANDBOX")
        .env("AWS_ENDPOINT_URL", front.url())
        .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key());
    command
}

#[track_caller]
pub(crate) fn run(program: &Program, front: &Front, args: &[&str]) -> Run {
    command(program, front, args).output().expect("the program starts").into()
}

/// The id of an account by its name.
fn id(front: &Front, name: &str) -> String {
    front.wait(async {
        let client = aws_sdk_organizations::Client::new(&management(front));
        let pages = client.list_accounts().into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.expect("listed");
        let found = pages
            .iter()
            .flat_map(|page| page.accounts())
            .find(|a| a.name() == Some(name))
            .expect("it is there");
        found.id().expect("an id").to_owned()
    })
}

fn management(front: &Front) -> aws_config::SdkConfig {
    aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("us-east-1"))
        .http_client(front.sandbox.http_client())
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            front.sandbox.management_credentials(),
        ))
        .build()
}

fn close(front: &Front, name: &str) {
    let id = id(front, name);
    front.wait(async {
        let client = aws_sdk_organizations::Client::new(&management(front));
        client.close_account().account_id(id).send().await.expect("closed");
    });
}

/// As endpoints answer that have not followed AWS: `Status` in place of `State`.
fn with_status(body: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(body).expect("text");
    text.replace("\"State\":\"ACTIVE\"", "\"Status\":\"ACTIVE\"")
        .replace("\"State\":\"CLOSED\"", "\"Status\":\"SUSPENDED\"")
        .into_bytes()
}

#[test]
fn the_state_of_accounts_is_read_where_the_retired_status_is_gone() {
    let old = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let (is_old, order) = (old.clone(), std::sync::atomic::Ordering::SeqCst);
    let front = Front::open(Way::default().after(move |seen, body| {
        let organizations =
            seen.headers.get("x-amz-target").is_some_and(|t| t.contains("Organizations"));
        if organizations && is_old.load(order) { with_status(body) } else { body }
    }));
    let program = Program::new(&format!("{ESTATE}{ROLES}"));
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    // Recorded from `Status`, read as `State`: no drift.
    old.store(false, order);
    run(&program, &front, &["drift"]).code(0);
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    old.store(true, order);
    run(&program, &front, &["drift"]).code(0);
}

#[test]
fn a_closed_account_is_told_and_holds_up_nothing() {
    let front = Front::open(Way::default());
    let program = Program::new(&format!("{ESTATE}{ROLES}"));
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    let prod = id(&front, "kestrel-prod");
    close(&front, "kestrel-prod");
    front.wait(async {
        let client = aws_sdk_organizations::Client::new(&management(&front));
        let made = client.create_account().account_name("kestrel-old").email("old@kestrel.example");
        made.send().await.expect("asked for");
        client.list_accounts().send().await.expect("listed");
    });
    close(&front, "kestrel-old");

    // The organization says so before anybody enters, though state has seen it active.
    front.forget();
    let told = run(&program, &front, &["plan"]).code(0);
    let entered =
        front.seen().iter().any(|s| s.operation() == "AssumeRole" && s.text().contains(&prod));
    assert!(!entered, "a closed account is not entered");
    assert!(told.err.contains("recorded in `prod`, which is closed"), "{}", told.err);
    assert!(told.err.contains("one apply then forgets what was in it"), "{}", told.err);
    for args in [&["plan"][..], &["plan", "-a", "dev"], &["isolation"]] {
        // Where it is selected it is named; elsewhere its walls say it.
        let plan = run(&program, &front, args);
        assert!(
            plan.out.contains("closed")
                && (args != ["plan"] || plan.out.contains("the account is closed")),
            "{args:?}\n{}\n{}",
            plan.out,
            plan.err
        );
        plan.code(0);
    }
    // A closed account of others is no offer.
    let drift = run(&program, &front, &["drift"]);
    assert!(!drift.out.contains("old@kestrel.example"), "{}", drift.out);
    program.write("import.hcl", "account \"old\" {\n  email = \"old@kestrel.example\"\n}\nimport {\n  to = account.old\n  id = \"old@kestrel.example\"\n}\n");
    let refused = run(&program, &front, &["plan"]).code(1);
    assert!(refused.err.contains("cannot be managed: the account is closed"), "{}", refused.err);
    std::fs::remove_file(program.path().join("import.hcl")).expect("removed");

    // Once state knows, nobody tries to enter; what is declared in it waits, and the others go on.
    run(&program, &front, &["apply", "--auto-approve", "--refresh-only"]).code(0);
    front.forget();
    let wider = format!("{ESTATE}{ROLES}").replace("codebuild", "codedeploy");
    program.write("main.hcl", &wider);
    let applied = run(&program, &front, &["apply", "--auto-approve"]).code(0);
    assert!(
        applied.out.contains("iam_role.deploy@dev")
            && !applied.out.contains("~ iam_role.deploy@prod"),
        "{}",
        applied.out
    );
    let entered =
        front.seen().iter().any(|s| s.operation() == "AssumeRole" && s.text().contains(&prod));
    assert!(!entered, "a closed account is not entered");

    // Its block goes: one apply forgets the account with all that was in it.
    let cut = |text: &str, from: &str, to: &str| {
        let (start, rest) = text.split_once(from).expect("there");
        let (_, end) = rest.split_once(to).expect("there");
        format!("{start}{end}")
    };
    let without = cut(&wider, "account \"prod\" {", "}\n");
    let without = cut(&without, "environment \"prod\" {", "}\n").replace(", environment.prod", "");
    program.write("main.hcl", &without);
    let plan = run(&program, &front, &["plan", "--json"]).code(0).json();
    assert_eq!((&plan["summary"]["forget"], &plan["summary"]["delete"]), (&2.into(), &0.into()));
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    run(&program, &front, &["plan", "--detailed-exitcode"]).code(0);
}

#[test]
fn what_waits_in_a_closed_account_moves_nothing_elsewhere() {
    let roles = |service: &str| {
        format!(
            "{ESTATE}iam_role \"inner\" {{\n  environments = [environment.prod]\n  trust {{\n    services = [\"{service}.amazonaws.com\"]\n  }}\n}}\n\
             iam_role \"outer\" {{\n  environments = [environment.dev]\n  trust {{\n    services = [\"codebuild.amazonaws.com\"]\n  }}\n  lifecycle {{\n    replace_triggered_by = [iam_role.inner]\n  }}\n}}\n"
        )
    };
    let front = Front::open(Way::default());
    let program = Program::new(&roles("codebuild"));
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    close(&front, "kestrel-prod");
    run(&program, &front, &["apply", "--auto-approve", "--refresh-only"]).code(0);

    let more =
        roles("codedeploy") + &ROLES.replace("environment.dev, ", "").replace("deploy", "extra");
    program.write("main.hcl", &more);
    let plan = run(&program, &front, &["plan"]).code(0);
    assert!(plan.err.contains("2 changes wait in `prod`, which is closed"), "{}", plan.err);
    assert!(!plan.out.contains("iam_role.outer"), "nothing follows what waits: {}", plan.out);

    // What waits to be created has an address, too.
    for args in [
        &["plan", "--target", "iam_role.extra@prod"][..],
        &["plan", "--target", "iam_role.extra"],
        &["plan", "--replace", "iam_role.inner@prod"],
    ] {
        let plan = run(&program, &front, args).code(0);
        assert!(plan.err.contains(" in `prod`, which is closed"), "{args:?}: {}", plan.err);
        assert!(!plan.out.contains("iam_role.outer"), "{args:?}: {}", plan.out);
    }
    let refused = run(&program, &front, &["plan", "--target", "iam_role.extar@prod"]).code(1);
    assert!(refused.err.contains("nothing has the address"), "{}", refused.err);
}

/// A role whose trust names one that is made anew would be written again. Not where nobody may enter.
#[test]
fn what_names_a_role_that_is_made_anew_waits_in_a_closed_account() {
    let roles = "iam_role \"outer\" {\n  environments = [environment.dev]\n  trust {\n    services = [\"codebuild.amazonaws.com\"]\n  }\n}\n\
                 iam_role \"inner\" {\n  environments = [environment.dev, environment.prod]\n  trust {\n    aws = [iam_role.outer.at[\"dev\"].arn]\n  }\n}\n";
    let front = Front::open(Way::default());
    let program = Program::new(&format!("{ESTATE}{roles}"));
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    close(&front, "kestrel-prod");
    run(&program, &front, &["apply", "--auto-approve", "--refresh-only"]).code(0);
    let anew = ["--replace", "iam_role.outer@dev"];
    let plan = run(&program, &front, &[&["plan"][..], &anew].concat()).code(0);
    assert!(plan.out.contains("iam_role.inner@dev"), "it is written again: {}", plan.out);
    assert!(!plan.out.contains("~ iam_role.inner@prod"), "{}", plan.out);
    run(&program, &front, &[&["apply", "--auto-approve"][..], &anew].concat()).code(0);
    // What stands in the closed account is not read, and nothing is left to do beside it.
    let plan = run(&program, &front, &["plan", "--detailed-exitcode"]).code(6);
    assert!(plan.out.contains("No changes in what was read"), "{}", plan.out);
}

/// AWS detaches the last SCP of no unit; one that goes takes it along, whether the policy goes too or stays elsewhere.
#[test]
fn a_unit_that_goes_takes_its_last_scp_with_it() {
    let policy = |targets: &str| {
        format!(
            "service_control_policy \"all\" {{\n  targets = [{targets}]\n  statement \"All\" {{\n    effect    = \"Allow\"\n    actions   = [\"*\"]\n    resources = [\"*\"]\n  }}\n}}\n"
        )
    };
    let (team, work) = ("organizational_unit.team", "organizational_unit.work");
    let with_team = format!(
        "{ESTATE}organizational_unit \"team\" {{}}\n{}",
        policy(&format!("{team}, {work}"))
    );
    for after in [ESTATE.to_owned(), format!("{ESTATE}{}", policy(work))] {
        let front = Front::open(Way::default());
        let program = Program::new(&with_team);
        run(&program, &front, &["apply", "--auto-approve"]).code(0);
        let organizations = aws_sdk_organizations::Client::new(&management(&front));
        front.wait(async {
            let roots = organizations.list_roots().send().await.expect("roots");
            let root = roots.roots()[0].id().expect("an id");
            let units = organizations.list_organizational_units_for_parent().parent_id(root);
            let units = units.send().await.expect("units");
            let team = units.organizational_units().iter().find(|u| u.name() == Some("team"));
            let team = team.expect("a unit").id().expect("an id");
            let detach = organizations.detach_policy().policy_id("p-FullAWSAccess");
            detach.target_id(team).send().await.expect("detached");
        });
        program.write("main.hcl", &after);
        run(&program, &front, &["apply", "--auto-approve"]).code(0);
        run(&program, &front, &["plan", "--detailed-exitcode"]).code(0);
    }
}

/// That an account is restricted explains a refusal, and nothing else.
#[test]
fn what_keeps_a_suspended_account_unread_is_told_by_its_cause() {
    let prod = std::sync::Arc::new(std::sync::Mutex::new((String::new(), 0, "")));
    let (shown, answered) = (prod.clone(), prod.clone());
    let way = Way::default()
        .after(move |_, body| {
            let (id, ..) = shown.lock().expect("whole").clone();
            let text = String::from_utf8_lossy(&body).into_owned();
            if id.is_empty() || !text.contains("\"Accounts\"") {
                return body;
            }
            let mut json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            for account in json["Accounts"].as_array_mut().into_iter().flatten() {
                if account["Id"] == id.as_str() {
                    account["State"] = "SUSPENDED".into();
                }
            }
            json.to_string().into_bytes()
        })
        .instead(move |seen: &mut Request| {
            let (id, status, code) = answered.lock().expect("whole").clone();
            let enters = seen.operation() == "AssumeRole" && seen.text().contains(&id);
            let error = format!("<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>of the test</Message></Error></ErrorResponse>");
            (status != 0 && enters).then(|| front::answer(status, &error)).flatten()
        });
    let front = Front::open(way);
    let program = Program::new(&format!("{ESTATE}{ROLES}"));
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    let account = id(&front, "kestrel-prod");
    let suspended = "which is suspended";
    for (status, code, says) in [
        (403, "AccessDenied", suspended),
        (403, "AccountProblem", suspended),
        (403, "ExpiredToken", "aws sso login"),
        (403, "InvalidClientTokenId", "check the access key"),
        (400, "RequestTimeTooSkewed", "set the clock of this machine"),
        (400, "Throttling", "throttled: "),
        // Whether attempts or time run out first is a matter of the machine.
        (503, "ServiceUnavailable", "ServiceUnavailable"),
    ] {
        *prod.lock().expect("whole") = (account.clone(), status, code);
        let mut plan = command(&program, &front, &["plan"]);
        let plan: Run =
            plan.env("PALISADE_REQUEST_TIMEOUT", "8s").output().expect("started").into();
        let plan = plan.code(0);
        let all = format!("{}{}", plan.out, plan.err);
        assert!(all.contains(says), "{code}\n{all}");
        assert_eq!(all.contains(suspended), says == suspended, "{code}\n{all}");
    }
}

#[test]
fn a_suspended_account_is_tried_and_left_unread() {
    let prod = std::sync::Arc::new(std::sync::Mutex::new((String::new(), "ACTIVE")));
    let (shown, denied) = (prod.clone(), prod.clone());
    let way = Way::default()
        .after(move |_, body| {
            let (id, state) = shown.lock().expect("whole").clone();
            let text = String::from_utf8_lossy(&body).into_owned();
            if id.is_empty() || !text.contains("\"Accounts\"") && !text.contains("\"Account\"") {
                return body;
            }
            let mut json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            for account in json["Accounts"].as_array_mut().into_iter().flatten() {
                if account["Id"] == id.as_str() {
                    account["State"] = state.into();
                }
            }
            json.to_string().into_bytes()
        })
        .instead(move |seen: &mut Request| {
            let (id, state) = denied.lock().expect("whole").clone();
            let denies = state != "ACTIVE" && seen.operation() == "AssumeRole" && seen.text().contains(&id);
            denies.then(|| front::answer(403, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>")).flatten()
        });
    let front = Front::open(way);
    let program = Program::new(&format!("{ESTATE}{ROLES}"));
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    let account = id(&front, "kestrel-prod");
    for (state, told) in [
        ("SUSPENDED", "cannot read the account `prod`, which is suspended"),
        ("PENDING_ACTIVATION", "the account is not active yet"),
        ("PENDING_CLOSURE", "cannot read the account `prod`, which is being closed"),
    ] {
        *prod.lock().expect("whole") = (account.clone(), state);
        let plan = run(&program, &front, &["plan"]).code(0);
        let all = format!("{}{}", plan.out, plan.err);
        assert!(all.contains(told), "{state}\n{all}");
    }
    // An account that AWS lists as working again is read again, whatever state remembers of it.
    run(&program, &front, &["apply", "--auto-approve", "--refresh-only"]).code(0);
    *prod.lock().expect("whole") = (account, "ACTIVE");
    let plan = run(&program, &front, &["plan"]).code(0);
    assert!(!plan.err.contains("`prod`"), "{}", plan.err);
}

#[test]
fn a_refused_closure_brings_the_advice_of_its_reason() {
    let front = Front::open(Way::default().instead(|seen| {
        (seen.operation() == "CloseAccount").then(|| front::answer(400, r#"{"__type":"ConstraintViolationException","Message":"You cannot close an account that is registered as a delegated administrator for a service.","Reason":"CANNOT_CLOSE_DELEGATED_ADMIN"}"#)).flatten()
    }));
    let estate = ESTATE.replace(
        "  name   = \"kestrel-prod\"\n",
        "  name   = \"kestrel-prod\"\n  on_destroy = \"close\"\n",
    );
    let program = Program::new(&estate);
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    let (start, rest) = estate.split_once("account \"prod\"").expect("there");
    let (_, rest) = rest.split_once("}\n").expect("there");
    let (dev, _) = rest.split_once("environment \"prod\"").expect("there");
    program.write("main.hcl", &format!("{start}{dev}"));
    let refused = run(&program, &front, &["apply", "--auto-approve"]).code(1);
    let said = format!("{}{}", refused.out, refused.err);
    assert!(said.contains("CANNOT_CLOSE_DELEGATED_ADMIN: deregister it first"), "{said}");
    assert!(!said.contains("10 %"), "{said}");
}

#[test]
fn addresses_of_accounts_are_compared_without_case() {
    let program = Program::new(ESTATE);
    program.run(&["apply", "--auto-approve"]).code(0);
    program
        .write("main.hcl", &ESTATE.replace("aws+prod@kestrel.example", "AWS+Prod@Kestrel.example"));
    program.run(&["plan", "--detailed-exitcode"]).code(0);
    program.write("main.hcl", ESTATE);
    std::fs::remove_dir_all(program.path().join(".palisade/sandbox/palisade-state"))
        .expect("removed");
    program.write(
        "import.hcl",
        "import {\n  to = account.prod\n  id = \"AWS+prod@kestrel.example\"\n}\n",
    );
    let plan = program.run(&["plan"]);
    assert!(!plan.err.contains("to import"), "{}", plan.err);
}

#[test]
fn a_policy_from_json_keeps_every_condition_or_is_refused() {
    let program = Program::new(&format!(
        "{ESTATE}\niam_policy \"p\" {{\n  accounts = [account.prod]\n  content  = jsondecode(file(\"policy.json\"))\n}}\n"
    ));
    program.write(
        "policy.json",
        r#"{"Version": "2012-10-17", "Statement": [{
      "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
      "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}},
      "Condition": {"StringEquals": {"aws:PrincipalTag/team": "web"}}
    }]}"#,
    );
    let refused = program.run(&["validate"]).code(1);
    assert!(
        refused.err.contains("line 4, column")
            && refused.err.contains("the key `Condition` occurs twice"),
        "{}",
        refused.err
    );
}

#[test]
fn an_issuer_keeps_its_slash() {
    let front = Front::open(Way::default());
    let provider = "iam_oidc_provider \"idp\" {\n  accounts  = [account.prod]\n  url       = \"https://kestrel.eu.auth0.example/\"\n  audiences = [\"ci\"]\n}\niam_role \"ci\" {\n  accounts = [account.prod]\n  trust {\n    oidc {\n      provider  = iam_oidc_provider.idp\n      audiences = [\"ci\"]\n      subjects  = [\"client\"]\n    }\n  }\n}\n";
    let program = Program::new(&format!("{ESTATE}{provider}"));
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    let prod = id(&front, "kestrel-prod");
    let (url, trust) = front.wait(async {
        let iam = aws_sdk_iam::Client::new(&enter(&management(&front), &prod).await);
        let listed = iam.list_open_id_connect_providers().send().await.expect("listed");
        let arn = listed.open_id_connect_provider_list()[0].arn().expect("an ARN").to_owned();
        let got = iam.get_open_id_connect_provider().open_id_connect_provider_arn(arn);
        let role = iam.get_role().role_name("ci").send().await.expect("there");
        let trust =
            role.role().and_then(|r| r.assume_role_policy_document()).expect("a trust").to_owned();
        // Another with a slash, made by hand, to be taken over.
        iam.create_open_id_connect_provider()
            .url("https://raven.eu.auth0.example/")
            .send()
            .await
            .expect("made");
        (got.send().await.expect("there").url().expect("a URL").to_owned(), trust)
    });
    assert!(url.ends_with(".example/"), "{url}");
    assert!(
        trust.contains("auth0.example%2F%3Aaud") || trust.contains("auth0.example/:aud"),
        "{trust}"
    );
    run(
        &program,
        &front,
        &["adopt", "--account", "prod", "--kind", "iam_oidc_provider", "--out", "adopted.hcl"],
    )
    .code(0);
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    run(&program, &front, &["plan", "--detailed-exitcode"]).code(0);
}

#[test]
fn a_role_that_trusts_itself_and_two_that_trust_each_other_are_made_in_two_calls() {
    let roles = "iam_role \"self\" {\n  accounts = [account.prod]\n  trust {\n    aws = [iam_role.self]\n  }\n}\niam_role \"a\" {\n  accounts = [account.prod]\n  trust {\n    aws = [iam_role.b]\n  }\n}\niam_role \"b\" {\n  accounts = [account.prod]\n  trust {\n    aws      = [iam_role.a]\n    services = [\"ec2.amazonaws.com\"]\n  }\n}\n";
    let program = Program::new(&format!("{ESTATE}{roles}"));
    let plan = program.run(&["plan", "--json"]).code(0).json();
    let interim: Vec<&str> = plan["operations"]
        .as_array()
        .expect("operations")
        .iter()
        .filter(|o| o["interim"] == true)
        .filter_map(|o| o["address"].as_str())
        .collect();
    assert_eq!(interim, ["iam_role.a@prod", "iam_role.self@prod"]);
    let text = program.run(&["plan"]).code(0).out;
    assert!(text.contains("made in two calls") && text.contains("itself"), "{text}");
    program.run(&["apply", "--auto-approve"]).code(0);
    program.run(&["plan", "--detailed-exitcode"]).code(0);
    // The same where the account is known and the roles are named by their ARNs.
    let id = program.run(&["state", "show", "account.prod"]).code(0).out;
    let id = id
        .split('"')
        .find(|t| t.len() == 12 && t.bytes().all(|b| b.is_ascii_digit()))
        .expect("an id");
    program.write("more.hcl", &format!("iam_role \"c\" {{\n  accounts = [account.prod]\n  trust {{\n    aws = [\"arn:aws:iam::{id}:role/c\"]\n  }}\n}}\n"));
    program.run(&["apply", "--auto-approve"]).code(0);
    program.run(&["plan", "--detailed-exitcode"]).code(0);
}

#[test]
fn a_bucket_bears_its_tags_from_the_first_call() {
    let options = sandbox::Options { enforce: true, ..sandbox::Options::default() };
    let front = Front::with(options, Way::default());
    let guard = r#"
service_control_policy "tags" {
  targets = [organizational_unit.work]
  statement "TagsOnBuckets" {
    effect    = "Deny"
    actions   = ["s3:CreateBucket"]
    resources = ["*"]
    condition {
      test     = "Null"
      variable = "aws:RequestTag/cost-center"
      values   = ["true"]
    }
  }
}
"#;
    let program = Program::new(&format!("{ESTATE}{guard}"));
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    program.write("bucket.hcl", "s3_bucket \"data\" {\n  accounts = [account.prod]\n  bucket   = \"kestrel-prod-data\"\n  tags     = { \"cost-center\" = \"4711\" }\n}\n");
    front.forget();
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    let seen = front.seen();
    let made = seen
        .iter()
        .find(|s| s.method == "PUT" && s.text().contains("CreateBucketConfiguration"))
        .expect("made");
    assert!(made.text().contains("palisade:address"), "the ownership tags too: {}", made.text());
    assert!(
        !seen.iter().any(|s| s.method == "PUT" && s.uri.ends_with("?tagging")),
        "no second call"
    );
    run(&program, &front, &["plan", "--detailed-exitcode"]).code(0);
}

#[test]
fn every_write_of_state_names_its_encryption() {
    let front = Front::open(Way::default());
    let key = "arn:aws:kms:us-east-1:111111111111:key/11111111-2222-3333-4444-555555555555";
    let estate = |settings: &str| {
        ESTATE.replace(
            "name = \"kestrel\"\n",
            &format!("name = \"kestrel\"\n  backend \"s3\" {{\n    bucket = \"kestrel-state\"\n    region = \"us-east-1\"\n{settings}  }}\n"),
        )
    };
    let program = Program::new(&estate(&format!("    kms_key_id = \"{key}\"\n")));
    run(&program, &front, &["init", "--create-backend"]).code(0);
    let encrypted = |front: &Front| -> Vec<(Option<String>, Option<String>)> {
        let header = |s: &Request, name: &str| s.headers.get(name).cloned();
        let written = |s: &&Request| {
            s.method == "PUT" && s.uri.contains("/kestrel-state/") && !s.uri.contains("/?")
        };
        let said = |s: &Request| {
            (
                header(s, "x-amz-server-side-encryption"),
                header(s, "x-amz-server-side-encryption-aws-kms-key-id"),
            )
        };
        front.seen().iter().filter(written).map(said).collect()
    };
    front.forget();
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    let said = encrypted(&front);
    assert!(said.len() > 5, "{said:?}");
    let wanted = (Some("aws:kms".to_owned()), Some(key.to_owned()));
    assert!(said.iter().all(|one| *one == wanted), "{said:?}");

    // The bucket's own default is compared.
    let other = key.replace("1111-2222", "9999-2222");
    program.write("main.hcl", &estate(&format!("    kms_key_id = \"{other}\"\n")));
    let init = run(&program, &front, &["init"]).code(0);
    assert!(init.err.contains(&format!("encrypts under the key `{key}`")), "{}", init.err);

    for (settings, wanted) in
        [("", None), ("    encryption = \"AES256\"\n", Some("AES256".to_owned()))]
    {
        program.write(
            "main.hcl",
            &estate(settings).replace("work\" {}", "work\" {\n  tags = { a = \"b\" }\n}"),
        );
        front.forget();
        run(&program, &front, &["apply", "--auto-approve"]).code(0);
        assert!(encrypted(&front).iter().all(|one| *one == (wanted.clone(), None)));
    }
    program.write("main.hcl", &estate("    encryption = \"DES\"\n"));
    let refused = run(&program, &front, &["validate"]).code(1);
    assert!(refused.err.contains("unknown encryption `DES`"), "{}", refused.err);
}

/// A role that GitHub's tokens may take, with this in its `oidc` block.
fn github(block: &str) -> Program {
    let role = format!(
        "iam_oidc_provider \"github\" {{\n  accounts = [account.prod]\n  url      = \"https://token.actions.githubusercontent.com\"\n}}\niam_role \"ci\" {{\n  accounts = [account.prod]\n  trust {{\n    oidc {{\n      provider = iam_oidc_provider.github\n{block}\n    }}\n  }}\n}}\n"
    );
    Program::new(&format!("{ESTATE}{role}"))
}

/// The conditions of its trust policy.
fn conditions(program: &Program) -> serde_json::Value {
    let plan = program.run(&["plan", "--json"]).code(0).json();
    let changes = plan["resource_changes"].as_array().expect("changes").clone();
    let role = changes.into_iter().find(|c| c["address"] == "iam_role.ci@prod").expect("the role");
    role["after"]["assume_role_policy"]["Statement"][0]["Condition"].clone()
}

#[test]
fn a_repository_is_trusted_by_its_name_and_by_ids_that_nobody_else_gets() {
    let issuer = "token.actions.githubusercontent.com";
    let pinned = "      repository          = \"acme/app\"\n      repository_id       = \"77001\"\n      repository_owner_id = \"42001\"\n      contexts            = [\"environment:production\"]\n      claims              = { job_workflow_ref = [\"acme/flows/.github/workflows/deploy.yml@*\"] }";
    let program = github(pinned);
    let trust = conditions(&program);
    let equals = &trust["StringEquals"];
    assert_eq!(equals[format!("{issuer}:repository_id")], "77001", "{trust}");
    assert_eq!(equals[format!("{issuer}:repository_owner_id")], "42001");
    assert_eq!(
        equals[format!("{issuer}:sub")],
        serde_json::json!([
            "repo:acme@42001/app@77001:environment:production",
            "repo:acme/app:environment:production"
        ])
    );
    assert!(
        trust["StringLike"][format!("{issuer}:job_workflow_ref")]
            .to_string()
            .contains("deploy.yml@*")
    );
    let said = program.run(&["validate"]).code(0);
    assert!(!said.err.contains("warning"), "{}", said.err);

    let immutable = github(&format!("{pinned}\n      subject_form        = \"immutable\""));
    assert_eq!(
        conditions(&immutable)["StringEquals"][format!("{issuer}:sub")],
        "repo:acme@42001/app@77001:environment:production"
    );

    for (block, said) in [
        (
            "      repository = \"acme/app\"\n      contexts = [\"environment:production\"]",
            "names an owner that somebody else can become",
        ),
        ("      subjects = [\"repo:acme*/*\"]", "`acme-evil` matches as well"),
        (
            "      subjects = [\"repo:acme@42001/app@77001:*\"]\n      claims = { run_id = [\"7\"] }",
            "STS does not pass the claim `run_id`: the condition never holds",
        ),
    ] {
        let run = github(block).run(&["plan"]).code(0);
        assert!(
            run.err.contains(said) || run.out.contains(said),
            "{block}\n{}{}",
            run.out,
            run.err
        );
    }
    for (block, said) in [
        ("      repository = \"acme\"", "`repository` must be `owner/name`"),
        (
            "      repository = \"acme/app\"\n      subject_form = \"immutable\"",
            "needs `repository_id` and `repository_owner_id`",
        ),
        ("      audiences = [\"x\"]", "has neither `subjects` nor `repository`"),
        ("      subjects = [\"x\"]\n      repository = \"acme/app\"", "exclude each other"),
    ] {
        let run = github(block).run(&["validate"]).code(1);
        assert!(run.err.contains(said), "{block}\n{}", run.err);
    }
}

/// Ids belong to one repository for ever, a name to the account that has registered it last: the row of the wall says which of the
/// two opens it.
#[test]
fn a_wall_says_that_the_subject_which_opens_it_could_be_somebody_elses() {
    let named = "      repository = \"acme/app\"\n      contexts   = [\"environment:production\"]";
    let ids = "\n      repository_id       = \"77001\"\n      repository_owner_id = \"42001\"";
    let wide = "      subjects = [\"repo:acme*/*\"]";
    let immutable = format!("{named}{ids}\n      subject_form = \"immutable\"");
    for (block, subjects) in [
        (named.to_owned(), &["repo:acme/app:environment:production"][..]),
        (wide.to_owned(), &["repo:acme*/*"]),
        (format!("{named}{ids}"), &[]),
        (immutable, &[]),
    ] {
        let program = github(&block);
        let plan = program.run(&["plan", "--json"]).code(0).json();
        let rows = plan["isolation"]["matrix"].as_array().expect("rows");
        let row = rows.iter().find(|r| r["from"] == "$external" && r["to"] == "prod");
        let row = row.expect("the row");
        assert_eq!(row["after"], "conditional", "{block}");
        let told: Vec<&str> =
            row["squattable"].as_array().into_iter().flatten().filter_map(|s| s.as_str()).collect();
        assert_eq!(told, subjects, "{block}");
        let text = program.run(&["plan"]).code(0).out;
        assert_eq!(text.contains("conditional, unpinned subject"), !subjects.is_empty(), "{text}");
        for subject in subjects {
            let told = format!(
                "Unpinned subject `{subject}`: the next account that registers the name on GitHub crosses $external -> prod"
            );
            assert!(text.contains(&told), "{text}");
        }
    }
}

#[tokio::test]
async fn the_boundary_of_the_baseline_lets_no_workload_become_more_than_it_is() {
    let program = Program::new("");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let sandbox = program.path().join("sandbox");
    let dir = root.join("modules/baseline/example").display().to_string();
    let applied: Run = program
        .command(&["-C", &dir, "apply", "--auto-approve"])
        .env("PALISADE_SANDBOX", &sandbox)
        .output()
        .expect("the program starts")
        .into();
    applied.code(0);
    let endpoint = crate::support::endpoint::Endpoint::open(&sandbox).await;
    let accounts = endpoint.accounts().await;
    let account = accounts.iter().find(|a| a.id != "111111111111").expect("a member");
    let id = &account.id;
    let iam = aws_sdk_iam::Client::new(&endpoint.account(id).await);
    let arn = format!("arn:aws:iam::{id}:policy/boundary/workload");
    let version = iam.get_policy().policy_arn(&arn).send().await.expect("there");
    let version =
        version.policy().and_then(|p| p.default_version_id()).expect("a version").to_owned();
    let document =
        iam.get_policy_version().policy_arn(&arn).version_id(version).send().await.expect("there");
    let document = document.policy_version().and_then(|v| v.document()).expect("text").to_owned();
    let document =
        percent_encoding::percent_decode_str(&document).decode_utf8().expect("text").into_owned();
    let boundary: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    let judge = |action: &str, resource: &str| -> String {
        let line = serde_json::json!({
            "id": action,
            "request": {
                "principal": format!("arn:aws:iam::{id}:role/workload/api"),
                "action": action,
                "resource": resource,
                "context": {"iam:PassedToService": "ec2.amazonaws.com"},
            },
            "identity_policies": [{"document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}],
            "permissions_boundary": boundary,
        });
        let answer: serde_json::Value =
            serde_json::from_str(&palisade::iam::simulate_line(&line.to_string(), false))
                .expect("JSON");
        assert!(answer["error"].is_null(), "{answer}");
        answer["decision"].to_string()
    };
    let user = format!("arn:aws:iam::{id}:user/jo");
    let role = |name: &str| format!("arn:aws:iam::{id}:role/{name}");
    let allowed = judge("s3:GetObject", "arn:aws:s3:::b/k");
    assert_eq!(judge("iam:PassRole", &role("workload/task")), allowed);
    let group = format!("arn:aws:iam::{id}:group/admins");
    let policy = format!("arn:aws:iam::{id}:policy/admin");
    for (action, on) in [
        ("iam:UpdateLoginProfile", &user),
        ("iam:PutUserPolicy", &user),
        ("iam:AttachUserPolicy", &user),
        ("iam:AddUserToGroup", &group),
        ("iam:PutGroupPolicy", &group),
        ("iam:CreatePolicyVersion", &policy),
        ("iam:SetDefaultPolicyVersion", &policy),
        ("iam:CreateServiceSpecificCredential", &user),
        ("iam:UploadSSHPublicKey", &user),
        ("iam:DeactivateMFADevice", &user),
        ("iam:PutUserPermissionsBoundary", &user),
        ("iam:DeleteUserPermissionsBoundary", &user),
        ("iam:UpdateAccountPasswordPolicy", &"*".to_owned()),
        ("iam:CreateRole", &role("workload/new")),
        ("iam:PassRole", &role("admin")),
        ("iam:PutRolePermissionsBoundary", &role("OrganizationAccountAccessRole")),
        ("sso:CreateAccountAssignment", &"*".to_owned()),
        ("identitystore:CreateGroupMembership", &"*".to_owned()),
        ("iam:UpdateAssumeRolePolicy", &role("admin")),
        ("sts:AssumeRole", &role("admin")),
        ("sts:AssumeRole", &"arn:aws:iam::999999999999:role/workload/api".to_owned()),
    ] {
        assert_ne!(judge(action, on), allowed, "{action}");
    }
    // Its trust policy has the last word: the boundary alone denies nothing.
    assert_eq!(judge("sts:AssumeRole", &role("workload/task")), "\"implicit_deny\"");
    assert_eq!(judge("sts:AssumeRole", &role("admin")), "\"explicit_deny\"");
    // A role with `iam:*` and `sts:*`: of all that changes anything, this alone is left to it. What a new version of
    // the catalogue brings is decided on, here or in the module.
    const LEFT: [&str; 27] = [
        "iam:AddRoleToInstanceProfile",
        "iam:CreateInstanceProfile",
        "iam:CreatePolicy",
        "iam:CreateServiceLinkedRole",
        "iam:DeleteCloudFrontPublicKey",
        "iam:DeleteInstanceProfile",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:DeleteServerCertificate",
        "iam:DeleteServiceLinkedRole",
        "iam:RemoveRoleFromInstanceProfile",
        "iam:TagInstanceProfile",
        "iam:TagPolicy",
        "iam:TagServerCertificate",
        "iam:UntagInstanceProfile",
        "iam:UntagPolicy",
        "iam:UntagServerCertificate",
        "iam:UpdateCloudFrontPublicKey",
        "iam:UpdateServerCertificate",
        "iam:UploadCloudFrontPublicKey",
        "iam:UploadServerCertificate",
        // Calls of nobody yet, and what goes with a call that is denied.
        "sts:AssumeRoleWithSAML",
        "sts:AssumeRoleWithWebIdentity",
        "sts:DecodeAuthorizationMessage",
        "sts:SetContext",
        "sts:SetSourceIdentity",
        "sts:GetServiceBearerToken",
    ];
    let catalogue = palisade::iam::catalogue();
    let mut open = Vec::new();
    for service in ["iam", "sts"] {
        let service = catalogue.find_service(service).expect("known");
        for action in catalogue.actions_of(service) {
            let level = catalogue.action(action).expect("known").access;
            let name = catalogue.full_name(action).expect("named");
            let denied = [&user, &group, &policy, &role("admin"), &"*".to_owned()]
                .into_iter()
                .any(|on| judge(&name, on) != allowed);
            if level.contains("Write") && !denied && !LEFT.contains(&name.as_str()) {
                open.push(name);
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// Who is let in by these is nobody of the organization yet; of `sts` the module names single calls.
#[test]
fn the_perimeter_covers_every_service_that_policies_for_resources_reach() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("modules/data-perimeter/variables.hcl"));
    let text = text.expect("the module");
    let (_, list) = text.split_once("variable \"services\"").expect("the variable");
    let (_, list) = list.split_once("default = [").expect("its default");
    let (list, _) = list.split_once(']').expect("its end");
    let named: std::collections::BTreeSet<&str> = list.split('"').skip(1).step_by(2).collect();
    let reached = palisade::iam::eval::rcp_services();
    let left_out: Vec<&str> = reached.difference(&named).copied().collect();
    assert_eq!(left_out, ["rolesanywhere", "signin", "sts"]);
    assert!(named.is_subset(reached));
}

#[test]
fn a_bucket_of_the_accounts_regional_namespace_is_made_as_such() {
    let front = Front::open(Way::default());
    let program = Program::new(ESTATE);
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    let prod = id(&front, "kestrel-prod");
    let name = format!("data-{prod}-us-east-1-an");
    program.write(
        "bucket.hcl",
        &format!(
            "s3_bucket \"data\" {{\n  accounts = [account.prod]\n  bucket   = \"{name}\"\n}}\n"
        ),
    );
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    let seen = front.seen();
    let asked = seen
        .iter()
        .find(|s| s.headers.contains_key("x-amz-bucket-namespace"))
        .expect("asked for by name");
    assert!(
        asked.uri.contains(&name) && asked.headers["x-amz-bucket-namespace"] == "account-regional"
    );
    run(&program, &front, &["plan", "--detailed-exitcode"]).code(0);
}

/// What somebody adds to a parameter beside its value is drift, also where state recorded nothing of it.
#[test]
fn what_is_added_to_a_parameter_by_hand_shows_in_drift() {
    let config = ESTATE.replace(
        "environment \"dev\" {\n  accounts = [account.dev]\n}",
        "config_schema \"app\" {\n  key \"level\" {\n    type = string\n  }\n}\nenvironment \"dev\" {\n  accounts = [account.dev]\n  config \"app\" {\n    values = { level = \"info\" }\n  }\n}",
    );
    assert_ne!(config, ESTATE);
    let front = Front::open(Way::default());
    let program = Program::new(&config);
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    run(&program, &front, &["drift"]).code(0);
    let dev = id(&front, "kestrel-dev");
    front.wait(async {
        let sdk = enter(&management(&front), &dev).await;
        let put = aws_sdk_ssm::Client::new(&sdk).put_parameter().name("/kestrel/dev/app/level");
        let put = put.value("info").r#type(aws_sdk_ssm::types::ParameterType::String);
        let put = put.tier(aws_sdk_ssm::types::ParameterTier::Advanced).overwrite(true);
        put.description("by hand").send().await.expect("put");
    });
    let drift = run(&program, &front, &["drift"]).code(2);
    for name in ["description", "tier"] {
        assert!(drift.out.contains(name), "{name}: {}", drift.out);
    }
}

#[test]
fn every_dated_fact_has_a_place_and_a_probe() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("tests/facts/facts.json")).expect("the table");
    let facts: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for fact in facts.as_array().expect("rows") {
        for name in ["fact", "where", "source", "date"] {
            assert!(fact[name].as_str().is_some_and(|t| !t.is_empty()), "{fact}");
        }
        assert!(root.join(fact["where"].as_str().expect("a place")).exists(), "{fact}");
        assert_eq!(fact["probe"].as_object().map(serde_json::Map::len), Some(1), "{fact}");
    }
}
