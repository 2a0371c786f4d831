//! Rules about walls from end to end: exceptions that end, rules that only warn, guardrails that change
//! places, and plans that would shut their own way back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value as Json;

use crate::examples::Walk;
use crate::support::cli::{Program, Run};
use crate::support::endpoint::Endpoint;

const ESTATE: &str = r#"
palisade {
  name = "acme"
}
organization "acme" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY"]
}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
account "production" {
  name  = "acme-production"
  email = "production@acme.example"
}
environment "dev" {
  accounts = [account.dev]
}
environment "production" {
  accounts = [account.production]
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
    aws = [TRUSTED]
  }
}
isolation "environments" {
  between = [environment.dev, environment.production]
  MORE
}
"#;

const OPEN: &str = "iam_role.ci.at[\"dev\"].arn";
const SHUT: &str = "account.production.id";

fn estate(trusted: &str, more: &str) -> String {
    ESTATE.replace("TRUSTED", trusted).replace("MORE", more)
}

/// An exception for the role, until the end of a day.
fn until(day: &str) -> String {
    format!(
        "allow \"deploy\" {{\n    from      = environment.dev\n    to        = environment.production\n    actions   = [\"sts:AssumeRole\"]\n    resources = [\"arn:aws:iam::*:role/deploy\"]\n    reason    = \"SEC-1\"\n    expires   = \"{day}\"\n  }}"
    )
}

fn at(program: &Program, moment: &str, args: &[&str]) -> Run {
    let mut command = program.command(args);
    command.env("PALISADE_SANDBOX_CLOCK", moment).output().expect("it starts").into()
}

/// What the accounts hold, as a listing of AWS tells.
fn held(dir: &Path) -> BTreeSet<String> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async { Endpoint::open(dir).await.holds(&[]).await })
}

/// The trust policy of production's role, as IAM tells it.
fn trust(dir: &Path) -> String {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let endpoint = Endpoint::open(&dir.join(".palisade/sandbox")).await;
        let accounts = endpoint.accounts().await;
        let production = accounts.iter().find(|a| a.name == "acme-production").expect("there");
        let iam = aws_sdk_iam::Client::new(&endpoint.account(&production.id).await);
        let answer = iam.get_role().role_name("deploy").send().await.expect("answers");
        let role = answer.role().expect("a role");
        role.assume_role_policy_document().expect("a policy").replace("%2F", "/")
    })
}

const MORNING: &str = "2027-03-31T09:00:00Z";
const NEXT_DAY: &str = "2027-04-01T00:00:01Z";

/// A plan is approved on the last day of an exception and applied on the next: nothing is done.
#[test]
fn an_exception_that_ends_between_plan_and_apply_stops_the_apply() {
    let p = Program::new(&estate(SHUT, ""));
    at(&p, MORNING, &["apply", "--auto-approve"]).code(0);
    p.write("main.hcl", &estate(OPEN, &until("2027-03-31")));
    at(&p, MORNING, &["plan", "--out", "approved.plan"]).code(0);
    let before = trust(p.path());
    let stale = at(&p, NEXT_DAY, &["apply", "approved.plan"]).code(4);
    assert!(stale.err.contains("the exception `deploy` has ended"), "{}", stale.err);
    let fresh = at(&p, NEXT_DAY, &["apply", "--auto-approve"]).code(3);
    assert!(fresh.err.contains("1 path breaks an isolation rule"), "{}", fresh.err);
    assert_eq!(trust(p.path()), before);
    assert!(!before.contains("role/ci"), "{before}");
    at(&p, MORNING, &["apply", "approved.plan"]).code(0);
    assert!(trust(p.path()).contains("role/ci"), "{}", trust(p.path()));
    // What it covered blocks from the next day on, though nothing changes.
    at(&p, MORNING, &["apply", "--auto-approve"]).code(0);
    let ended = at(&p, NEXT_DAY, &["plan", "--json"]).code(3).json();
    let path = &ended["isolation"]["violations"][0];
    assert_eq!(
        (&path["change"], &path["expired_exception"]),
        (&"standing".into(), &"deploy".into())
    );
    at(&p, NEXT_DAY, &["apply", "--auto-approve"]).code(3);
    // It is not called new, and has one word for what became of its exception.
    for format in ["text", "markdown", "html"] {
        let plan = at(&p, NEXT_DAY, &["plan", "--format", format]).code(3).out;
        assert!(
            plan.contains("1 path breaks an isolation rule: its exception has ended."),
            "{plan}"
        );
        assert!(plan.contains("Forbidden, its exception has ended"), "{plan}");
        assert!(!plan.contains("new with this plan") && !plan.contains("xpired"), "{plan}");
    }
    let now = at(&p, NEXT_DAY, &["isolation"]).code(3).out;
    assert!(!now.contains("xpired") && now.contains("has ended"), "{now}");
}

#[test]
fn exceptions_are_warned_about_before_they_end_and_where_they_cover_nothing() {
    let p = Program::new(&estate(OPEN, &until("2027-03-31")));
    let kinds = |moment: &str| -> Vec<String> {
        let plan = at(&p, moment, &["plan", "--json"]).code(0).json();
        let findings = plan["isolation"]["findings"].as_array().expect("a list").clone();
        let kind = |f: &Json| f["kind"].as_str().unwrap_or_default().to_owned();
        findings.iter().map(kind).filter(|k| k.starts_with("exception")).collect()
    };
    assert_eq!(kinds("2027-02-28T12:00:00Z"), Vec::<String>::new(), "31 days");
    assert_eq!(kinds("2027-03-01T00:00:00Z"), ["exception_expiring"], "30 days");
    let told = at(&p, "2027-03-01T00:00:00Z", &["plan"]).code(0).out;
    assert!(told.contains("isolation.environments.deploy` expires on 2027-03-31"), "{told}");
    p.write("main.hcl", &estate(SHUT, &until("2027-03-31")));
    assert_eq!(kinds("2027-02-01T00:00:00Z"), ["exception_unused"]);
}

#[test]
fn a_rule_may_only_warn_and_an_exception_may_not_be_for_everything() {
    let p = Program::new(&estate(OPEN, "on_violation = \"warn\""));
    let plan = p.run(&["plan", "--json"]).code(0).json();
    let path = &plan["isolation"]["violations"][0];
    assert_eq!(
        (&path["severity"], &path["rule"]),
        (&"warning".into(), &"isolation.environments".into())
    );
    p.run(&["plan", "--fail-on", "widening"]).code(3);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write(
        "main.hcl",
        &estate(OPEN, &until("2027-03-31").replace("arn:aws:iam::*:role/deploy", "*")),
    );
    let refused = p.run(&["plan"]).code(1);
    assert!(refused.err.contains("an exception cannot allow every resource"), "{}", refused.err);
}

/// On a target without a free slot something has to go before something comes.
#[test]
fn a_window_without_guardrails_is_told() {
    let guarded = |name: &str| {
        estate(SHUT, "").replace(
            "enabled_policy_types",
            "limits {\n    scp_per_target = 2\n  }\n  enabled_policy_types",
        ) + &format!(
            "service_control_policy \"{name}\" {{\n  targets = [account.dev]\n  statement \"no\" {{\n    effect    = \"Deny\"\n    actions   = [\"organizations:LeaveOrganization\"]\n    resources = [\"*\"]\n  }}\n}}\n"
        )
    };
    let p = Program::new(&guarded("first"));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write("main.hcl", &guarded("second"));
    let told = p.run(&["plan"]).code(0);
    let window = "is without the detached policies until the new ones are attached";
    assert!(told.err.contains(&format!("`account.dev` {window}")), "{}{}", told.out, told.err);
    let plan = p.run(&["plan", "--json"]).code(0).json();
    let diagnostics = plan["diagnostics"].as_array().expect("a list");
    let found =
        diagnostics.iter().find(|d| d["summary"].as_str().is_some_and(|s| s.contains(window)));
    let detail = found.expect("told")["detail"].as_str().expect("why").to_owned();
    assert!(detail.contains("leaves no free slot"), "{detail}");
    let order = |op: &str| {
        let operations = plan["operations"].as_array().expect("a list");
        operations.iter().find(|o| o["op"] == op).expect("planned")["id"]
            .as_u64()
            .expect("a number")
    };
    assert!(order("detach") < order("attach"));
    p.run(&["apply", "--auto-approve"]).code(0);
    // With a free slot there is no window.
    p.write("main.hcl", &guarded("third").replace("scp_per_target = 2", "scp_per_target = 3"));
    let plan = p.run(&["plan", "--json"]).code(0).json();
    assert!(!plan["diagnostics"].to_string().contains(window), "{}", plan["diagnostics"]);
}

/// Neither a guardrail nor a boundary nor a trust policy may shut out whoever repairs the estate: refused
/// before anything is called, as a listing of AWS shows.
#[test]
fn a_plan_that_would_lock_out_its_own_way_in_changes_nothing() {
    let base = || {
        estate(SHUT, "").replace(
            "enabled_policy_types",
            "protect_principals   = [\"arn:aws:iam::*:role/rescue\"]\n  enabled_policy_types",
        )
    };
    let rescue = |more: &str, trusted: &str| {
        format!(
            "iam_role \"rescue\" {{\n  accounts = [account.dev]\n  {more}\n  trust {{\n    {trusted}\n  }}\n  statement \"all\" {{\n    actions   = [\"iam:*\", \"s3:*\"]\n    resources = [\"*\"]\n  }}\n}}\n"
        )
    };
    let trusted = "aws = [account.production.id]";
    let scp = "service_control_policy \"freeze\" {\n  targets = [account.dev]\n  statement \"iam\" {\n    effect    = \"Deny\"\n    actions   = [\"iam:*\"]\n    resources = [\"*\"]\n  }\n}\n";
    let edge = "iam_policy \"edge\" {\n  accounts = [account.dev]\n  statement \"s3\" {\n    actions   = [\"s3:*\"]\n    resources = [\"*\"]\n  }\n}\n";
    let reaches = "iam_role \"staff\" {\n  accounts = [account.production]\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n  statement \"all\" {\n    actions   = [\"sts:AssumeRole\"]\n    resources = [\"*\"]\n  }\n}\n";
    let rcp = "resource_control_policy \"seal\" {\n  targets = [account.dev]\n  statement \"s3\" {\n    effect    = \"Deny\"\n    actions   = [\"s3:*\"]\n    resources = [\"*\"]\n  }\n}\n";
    let bucket = |policy: &str| {
        format!(
            "s3_bucket \"ledger\" {{\n  accounts = [account.dev]\n  bucket   = \"acme-dev-ledger\"\n  {policy}\n}}\n"
        )
    };
    let sealed = bucket(
        "statement \"all\" {\n    effect    = \"Deny\"\n    actions   = [\"s3:*\"]\n    resources = [\"arn:aws:s3:::acme-dev-ledger\", \"arn:aws:s3:::acme-dev-ledger/*\"]\n    principals {\n      type        = \"*\"\n      identifiers = [\"*\"]\n    }\n  }",
    );
    let rule = |text: String| {
        text.replace(
            "isolation \"environments\" {",
            "isolation \"environments\" {\n  on_violation = \"warn\"",
        )
    };
    let stands = || {
        let both = "[\"SERVICE_CONTROL_POLICY\", \"RESOURCE_CONTROL_POLICY\"]";
        base().replace("[\"SERVICE_CONTROL_POLICY\"]", both)
    };
    let p = Program::new(&rule(stands() + &rescue("", trusted) + edge + reaches + &bucket("")));
    p.run(&["apply", "--auto-approve"]).code(0);
    let sandbox = p.path().join(".palisade/sandbox");
    let before = held(&sandbox);
    let bounded = "permissions_boundary = iam_policy.edge.arn";
    for (what, text, names) in [
        (
            "a guardrail",
            stands() + &rescue("", trusted) + edge + reaches + &bucket("") + scp,
            "role/OrganizationAccountAccessRole`",
        ),
        (
            "a guardrail over resources",
            stands() + &rescue("", trusted) + edge + reaches + &bucket("") + rcp,
            "statement `s3` of `resource_control_policy.seal` denies it",
        ),
        (
            "a bucket policy",
            stands() + &rescue("", trusted) + edge + reaches + &sealed,
            "statement `all` of `s3_bucket.ledger@dev` denies it",
        ),
        (
            "a boundary",
            stands() + &rescue(bounded, trusted) + edge + reaches + &bucket(""),
            "role/rescue`",
        ),
        (
            "a trust policy",
            stands()
                + &rescue("", "services = [\"ec2.amazonaws.com\"]")
                + edge
                + reaches
                + &bucket(""),
            "role/rescue`",
        ),
    ] {
        p.write("main.hcl", &rule(text));
        let refused = p.run(&["apply", "--auto-approve"]).code(1);
        assert!(
            refused.err.contains("would lock out") && refused.err.contains(names),
            "{what}: {}",
            refused.err
        );
        assert_eq!(held(&sandbox), before, "{what}");
    }
}

/// Settings are read with two calls, one of which AWS grants on `*` alone.
#[test]
fn a_plan_that_would_lock_out_the_reading_of_settings_is_refused() {
    let settings = "config_schema \"app\" {\n  key \"level\" {\n    type = string\n  }\n}\n";
    let base = estate(SHUT, "").replace(
        "environment \"dev\" {\n  accounts = [account.dev]\n",
        "environment \"dev\" {\n  accounts = [account.dev]\n  config \"app\" {\n    values = { level = \"debug\" }\n  }\n",
    ) + settings;
    let denying = |action: &str| {
        format!(
            "{base}service_control_policy \"freeze\" {{\n  targets = [account.dev]\n  statement \"settings\" {{\n    effect    = \"Deny\"\n    actions   = [\"{action}\"]\n    resources = [\"*\"]\n  }}\n}}\n"
        )
    };
    let p = Program::new(&base);
    p.run(&["apply", "--auto-approve"]).code(0);
    for action in ["ssm:GetParametersByPath", "ssm:DescribeParameters"] {
        p.write("main.hcl", &denying(action));
        let refused = p.run(&["plan"]).code(1);
        let says = |part: &str| assert!(refused.err.contains(part), "{action}: {}", refused.err);
        says("would lock out");
        says(action);
    }
    // What no plan calls may go.
    p.write("main.hcl", &denying("ssm:StartSession"));
    p.run(&["plan"]).code(0);
}

/// Every wall of the examples is decided, and every proof holds before the separate checker.
#[test]
fn every_proof_of_the_examples_is_verified() {
    let regardless = ["--fail-on", "none", "--reason", "a test"];
    // An estate after another one takes over what that has made.
    for dirs in [
        &["examples/five-environments"][..],
        &[
            "examples/shared-dev-account/by-hand",
            "examples/shared-dev-account",
            "examples/shared-dev-account/split",
        ],
    ] {
        let walk = Walk::new();
        for dir in dirs {
            for state in ["planned", "applied"] {
                if state == "applied" {
                    walk.expect(dir, &[&["apply", "--auto-approve"][..], &regardless].concat(), 0);
                }
                let args = [&["plan", "--json"][..], &regardless].concat();
                let plan: Json = serde_json::from_str(&walk.expect(dir, &args, 0)).expect("JSON");
                proved(&plan, &format!("{dir} {state}"));
            }
        }
    }
}

/// Guardrails of a data perimeter ask for a dozen keys at once, and leave no wall undecided: neither those that they
/// close, nor those that they leave open, nor those that depend on the network.
#[test]
fn an_estate_under_a_data_perimeter_is_decided() {
    let p = Program::new(include_str!("../fixtures/perimeter/main.hcl"));
    let open = [
        ("dev", "staging", "reachable"),
        ("tools", "dev", "conditional"),
        // A partner's account is excepted; who carries no account is not.
        ("$external", "prod", "conditional"),
    ];
    // By a bucket for the whole organization, and by one for everybody.
    let shared = ["data", "prod"];
    for state in ["planned", "applied"] {
        if state == "applied" {
            p.run(&["apply", "--auto-approve", "--fail-on", "none", "--reason", "a test"]).code(0);
        }
        let args = ["plan", "--json", "--fail-on", "none", "--reason", "a test"];
        let plan: Json = serde_json::from_str(&p.run(&args).code(0).out).expect("JSON");
        proved(&plan, state);
        for row in plan["isolation"]["matrix"].as_array().expect("rows") {
            let (from, to) = (row["from"].as_str().unwrap(), row["to"].as_str().unwrap());
            let known = open.iter().find(|(a, b, _)| (*a, *b) == (from, to)).map(|known| known.2);
            let inside = !matches!(from, "$external" | "$anonymous" | "$unassigned");
            let by_default = if from == "$management" || inside && shared.contains(&to) {
                "reachable"
            } else {
                "isolated"
            };
            assert_eq!(row["after"], known.unwrap_or(by_default), "{state}: {from} -> {to}");
        }
    }
}

/// Each wall that a plan calls isolated has a proof that the checker confirms; none is undecided.
pub(crate) fn proved(plan: &Json, name: &str) {
    let section = &plan["isolation"];
    let rows = section["matrix"].as_array().expect("rows");
    let with = |verdict: &str| rows.iter().filter(|r| r["after"] == verdict).count();
    assert_eq!(with("undetermined"), 0, "{name}: {rows:#?}");
    let proofs = section["proofs"].as_array().expect("proofs");
    assert_eq!(proofs.len(), with("isolated"), "{name}");
    for proof in proofs {
        assert_eq!(proof["verified"], true, "{name}: {proof:#}");
    }
}

/// What is not looked at is named in the guide and in a plan's JSON, and is no line of every plan.
#[test]
fn what_is_not_modelled_is_named_everywhere() {
    let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let guide = include_str!("../../docs/isolation.md");
    let p = Program::new(&estate(SHUT, ""));
    assert!(!p.run(&["plan"]).code(0).out.contains("Not modelled"));
    let json = p.run(&["plan", "--json"]).code(0).json();
    let listed = json["isolation"]["basis"]["not_modelled"].as_array().expect("a list");
    assert!(listed.contains(&"resource policies other than roles' trust and buckets".into()));
    assert_eq!(listed.len(), 12, "{listed:?}");
    for name in listed.iter().filter_map(|name| name.as_str()) {
        assert!(spaced(guide).contains(&spaced(name)), "the guide does not say: {name}");
    }
}

#[test]
fn the_page_about_the_example_says_what_its_plan_says() {
    let page = std::fs::read_to_string(crate::examples::repository().join("docs/example-walls.md"))
        .expect("there");
    let names = |cell: &str| -> Vec<String> {
        cell.split(',').map(|name| name.trim().trim_matches('`').to_owned()).collect()
    };
    let (mut said, mut resting) = (BTreeSet::new(), BTreeMap::new());
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split(" | ").collect();
        if let [from, types, why] = cells[..] {
            assert!(why.len() > 20, "a reason: {row}");
            let types: usize = types.parse().expect("a number of types");
            resting.extend(names(from.trim_start_matches("| ")).into_iter().map(|f| (f, types)));
            continue;
        }
        let (from, verdict) = (cells[0].trim_start_matches("| "), cells[2].trim_matches('`'));
        assert!(cells[3].len() > 20, "a reason: {row}");
        for (from, to) in names(from)
            .iter()
            .flat_map(|f| names(cells[1]).into_iter().map(move |t| (f.clone(), t)))
        {
            assert!(said.insert((from, to, verdict.to_owned())), "twice: {row}");
        }
    }
    let walk = Walk::new();
    let example = "examples/five-environments";
    let text = |row: &Json, key: &str| row[key].as_str().expect("text").to_owned();
    let planned = || {
        let plan = walk.expect(example, &["plan", "--format", "json"], 0);
        let plan: Json = serde_json::from_str(&plan).expect("JSON");
        let rows = plan["isolation"]["matrix"].as_array().expect("rows").clone();
        let verdict = |row: &Json| (text(row, "from"), text(row, "to"), text(row, "after"));
        assert_eq!(said, rows.iter().map(verdict).collect::<BTreeSet<_>>());
        rows
    };
    assert!(planned().iter().all(|row| row["assumptions"].is_null()), "nothing exists yet");
    walk.expect(example, &["apply", "--auto-approve"], 0);
    for row in planned() {
        let (from, is_isolated) = (text(&row, "from"), row["after"] == "isolated");
        let rests = row["assumptions"].as_array().map_or(&[][..], Vec::as_slice);
        let kinds: Vec<&Json> = rests.iter().map(|one| &one["kind"]).collect();
        let of_types = rests.iter().filter(|one| one["kind"] == "resource_policies");
        let types: usize = of_types.filter_map(|one| one["objects"].as_array()).map(Vec::len).sum();
        // Nobody signs as `$anonymous`, and so nobody gets into the management account.
        let beside = (from != "$anonymous").then_some("management_account");
        let expected: Vec<&str> = std::iter::once("resource_policies").chain(beside).collect();
        match is_isolated {
            true => assert_eq!(
                (kinds, Some(&types)),
                (
                    expected.iter().map(|k| Json::from(*k)).collect::<Vec<_>>().iter().collect(),
                    resting.get(&from)
                ),
                "{from}"
            ),
            false => assert!(kinds.is_empty(), "{row}"),
        }
    }
}
