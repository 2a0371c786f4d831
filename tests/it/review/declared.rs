//! Environments, rules and exceptions of a review from the blocks of a configuration, of which nothing is managed.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::lab::*;
use crate::support::cli::{Program, Run};

const BLOCKS: &str = r#"
variable "production_id" {
  default = "222222222222"
  validation {
    condition     = length(var.production_id) == 12
    error_message = "an account's id has 12 digits"
  }
}
locals {
  dev_id = "111111111111"
}
account "dev" {
  id = local.dev_id
}
account "live" {
  id = var.production_id
}
environment "dev" {
  accounts = [account.dev]
}
environment "production" {
  accounts = [account.live]
}
"#;

const RULE: &str = r#"
isolation "stages" {
  between = [environment.dev, environment.production]
}
"#;

fn exception(expires: &str) -> String {
    format!(
        r#"
isolation "stages" {{
  from = [environment.dev]
  to   = [environment.production]
  allow "release" {{
    from        = environment.dev
    to          = environment.production
    principals  = ["arn:aws:iam::111111111111:role/builder"]
    actions     = ["sts:AssumeRole"]
    resources   = ["arn:aws:iam::222222222222:role/settle"]
    reason      = "SEC-7, releases"
    expires     = "{expires}"
    owner       = "delivery"
    approved_by = "board"
  }}
}}
"#
    )
}

/// The dumps of the lab, with a plan that lets the development account into a role in production, and a folder of blocks.
struct Estate {
    lab: Lab,
    program: Program,
}

impl Estate {
    fn new(blocks: &str) -> Self {
        let name = json!("settle");
        let body = |trusted: &[String]| {
            let policy = document(json!([
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": trusted}}
            ]));
            json!({
                "arn": format!("arn:aws:iam::{PRODUCTION}:role/settle"), "name": name, "path": "/",
                "assume_role_policy": policy.to_string()
            })
        };
        let lab = Lab::new().plan(&Plan::new(vec![Change {
            address: "aws_iam_role.settle",
            actions: &["update"],
            before: body(&[root(PRODUCTION)]),
            after: body(&[root(PRODUCTION), root(DEV)]),
            ..Change::default()
        }]));
        let program = Program::new("");
        fs::create_dir(program.path().join("walls")).expect("made");
        program.write("walls/main.hcl", blocks);
        Self { lab, program }
    }

    fn run(&self, more: &[&str]) -> Run {
        let folder = |name: &str| self.lab.folder().join(name).display().to_string();
        let (accounts, plan) = (folder(""), folder("plan-0.json"));
        let args = ["review", "--accounts", &accounts, "--terraform-plan", &plan];
        let day = [("PALISADE_SANDBOX_CLOCK", "2026-11-28T00:00:00Z")];
        let all: Vec<&str> = args.iter().chain(more).copied().collect();
        self.program.command(&all).envs(day).output().expect("the program starts").into()
    }

    fn judged(&self, code: i32, more: &[&str]) -> Value {
        self.run(&[&["--estate", "walls", "--json"], more].concat()).code(code).json()
    }

    /// What the blocks are refused with, in one line.
    fn refused(&self, blocks: &str) -> String {
        self.program.write("walls/main.hcl", blocks);
        let run = self.run(&["--estate", "walls"]).code(1);
        run.err.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn row<'v>(review: &'v Value, from: &str, to: &str) -> &'v Value {
    let rows = review.pointer("/isolation/matrix").and_then(Value::as_array).expect("a matrix");
    rows.iter().find(|row| row["from"] == from && row["to"] == to).expect("a wall")
}

fn files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut all: Vec<String> = entries
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![path.display().to_string()],
        })
        .collect();
    all.sort();
    all
}

/// A rule forbids what it names, at its place, under the configuration's names of accounts; nothing is written.
#[test]
fn a_rule_forbids_and_what_no_rule_names_is_not_broken() {
    let estate = Estate::new(&format!("{BLOCKS}{RULE}"));
    let before = files(estate.program.path());
    let review = estate.judged(3, &[]);
    let wall = row(&review, "dev", "production");
    assert_eq!((&wall["after"], &wall["ruling"]), (&json!("reachable"), &json!("forbidden")));
    let path = &review["isolation"]["violations"][0];
    assert_eq!(path["rule"], "isolation.stages");
    assert_eq!(path["to"]["account"], "live");
    assert_eq!(
        review["change"]["declared"],
        json!({"directory": "walls", "rules": 1, "other_blocks": 0})
    );
    let rules = review["isolation"]["rules"].to_string();
    assert!(rules.contains("walls/main.hcl:"), "{rules}");
    assert_eq!(files(estate.program.path()), before);

    let other =
        "isolation \"back\" {\n  from = [environment.production]\n  to = [environment.dev]\n}\n";
    estate.program.write("walls/main.hcl", &format!("{BLOCKS}{other}"));
    let review = estate.judged(0, &[]);
    assert_eq!(row(&review, "dev", "production")["after"], "reachable");
    assert_eq!(review["isolation"]["violations"], json!([]));
    estate.judged(3, &["--fail-on", "widening"]);

    let warns = "isolation \"stages\" {\n  between = [environment.dev, environment.production]\n  on_violation = \"warn\"\n}\n";
    estate.program.write("walls/main.hcl", &format!("{BLOCKS}{warns}"));
    assert_eq!(estate.judged(0, &[])["isolation"]["violations"][0]["severity"], "warning");
}

/// Without a rule every pair of environments is a wall, as with flags.
#[test]
fn without_a_rule_every_pair_is_a_wall() {
    let estate = Estate::new(BLOCKS);
    let review = estate.judged(3, &[]);
    assert_eq!(review["isolation"]["violations"][0]["rule"], "isolation.environments");
    assert_eq!(review["change"]["declared"]["rules"], 0);
    let flags = ["-e", "dev=111111111111", "-e", "production=222222222222", "--json"];
    let by_flags = estate.run(&flags).code(3).json();
    let verdicts = |review: &Value| -> Vec<Value> {
        let rows = review["isolation"]["matrix"].as_array().expect("a matrix");
        rows.iter()
            .map(|row| json!([row["from"], row["to"], row["before"], row["after"]]))
            .collect()
    };
    assert_eq!(verdicts(&review), verdicts(&by_flags));
    assert!(by_flags["change"].get("declared").is_none());
}

/// An exception permits until its last day; every format says what it is for.
#[test]
fn an_exception_permits_until_it_ends() {
    let estate = Estate::new(&format!("{BLOCKS}{}", exception("2026-12-20")));
    let review = estate.judged(0, &[]);
    let wall = row(&review, "dev", "production");
    assert_eq!((&wall["after"], &wall["ruling"]), (&json!("reachable"), &json!("permitted")));
    let permit = &review["isolation"]["exceptions"][0];
    assert_eq!((&permit["status"], &permit["days_left"]), (&json!("in_force"), &json!(22)));
    for format in ["text", "markdown", "html", "sarif"] {
        let run = estate.run(&["--estate", "walls", "--format", format]).code(0);
        for part in ["isolation.stages", "release", "2026-12-20", "SEC-7, releases", "delivery"] {
            assert!(run.out.contains(part), "{format} does not say `{part}`:\n{}", run.out);
        }
    }
    let text = estate.run(&["--estate", "walls"]).code(0).out;
    assert!(text.contains("Permitted by an exception"), "{text}");
    assert!(text.contains("Walls of `walls`: 1 rule."), "{text}");

    let ended = Estate::new(&format!("{BLOCKS}{}", exception("2026-11-27")));
    let review = ended.judged(3, &[]);
    assert_eq!(review["isolation"]["violations"][0]["expired_exception"], "release");
    assert_eq!(review["isolation"]["exceptions"][0]["status"], "expired");
    let run = ended.run(&["--estate", "walls"]).code(3);
    assert!(run.out.contains("has ended"), "{}", run.out);
    assert!(run.err.contains("give its exception a new end"), "{}", run.err);

    let narrow = exception("2027-01-31").replace("role/settle", "role/other");
    let other = Estate::new(&format!("{BLOCKS}{narrow}"));
    let review = other.judged(3, &[]);
    assert_eq!(review["isolation"]["exceptions"][0]["status"], "unused");
}

/// An estate that Palisade manages: what its other blocks need is not asked for, and they are counted.
#[test]
fn other_blocks_are_left_alone() {
    let rest = r#"
palisade {
  name = "acme"
  backend "s3" {
    bucket = "acme-state"
    region = "eu-west-1"
  }
}
provider "aws" {
  region    = "eu-central-1"
  read_role = "SecurityAudit"
}
organization "acme" {}
organizational_unit "work" {}
account "made" {
  parent = organizational_unit.work
  email  = "made@acme.example"
}
data "caller_identity" "who" {}
iam_role "deploy" {
  accounts = [account.live]
  trust {
    aws = [data.caller_identity.who.arn]
  }
}
module "elsewhere" {
  source = "git::https://git.example/modules.git//bucket?ref=v1"
}
output "who" {
  value = data.caller_identity.who.arn
}
"#;
    let estate = Estate::new(&format!("{BLOCKS}{RULE}{rest}"));
    let review = estate.judged(3, &[]);
    assert_eq!(row(&review, "dev", "production")["ruling"], "forbidden");
    assert_eq!(review["change"]["declared"]["other_blocks"], 4);
    let text = estate.run(&["--estate", "walls"]).code(3).out;
    assert!(text.contains("What its other 4 blocks declare is not judged."), "{text}");
}

/// Variables have values as in a plan.
#[test]
fn variables_have_their_values() {
    let estate = Estate::new(&format!("{BLOCKS}{RULE}"));
    let elsewhere = estate.judged(0, &["--var", "production_id=444444444444", "--fail-on", "none"]);
    assert_eq!(row(&elsewhere, "dev", "production")["after"], "undetermined");
    let wrong = estate.run(&["--estate", "walls", "--var", "production_id=4"]).code(1).err;
    assert!(wrong.contains("an account's id has 12 digits"), "{wrong}");
    let alone = estate.run(&["-e", "dev=111111111111", "--var", "production_id=4"]).code(1).err;
    assert!(alone.contains("`--var` and `--var-file` need `--estate`"), "{alone}");
    let both = estate.run(&["--estate", "walls", "-e", "dev=111111111111"]).code(1).err;
    assert!(both.contains("--estate") && both.contains("cannot be used with"), "{both}");
}

/// What is wrong with the blocks is told at its place, with advice.
#[test]
fn wrong_blocks_are_refused_at_their_place() {
    let estate = Estate::new("");
    let accounts = "account \"dev\" { id = \"111111111111\" }\nenvironment \"dev\" { accounts = [account.dev] }\n";
    let missing = "account \"dev\" {\n  email = \"dev@acme.example\"\n}\nenvironment \"dev\" { accounts = [account.dev] }\n";
    let looked = "data \"caller_identity\" \"who\" {}\naccount \"dev\" {\n  id = data.caller_identity.who.account_id\n}\nenvironment \"dev\" { accounts = [account.dev] }\n";
    let twice = format!("{accounts}account \"other\" {{ id = \"111111111111\" }}\n");
    let rule = |content: &str| format!("{accounts}isolation \"r\" {{\n{content}\n}}\n");
    let allow = |content: &str| {
        rule(&format!(
            "from = [\"$external\"]\nto = [environment.dev]\nallow \"x\" {{\nfrom = \"$external\"\nto = environment.dev\nactions = [\"s3:GetObject\"]\nresources = [\"arn:aws:s3:::acme/*\"]\n{content}\n}}"
        ))
    };
    for (blocks, says) in [
        (
            missing.to_owned(),
            &["the account `dev` has no `id`", "walls/main.hcl:1", "id = \"222222222222\""][..],
        ),
        (looked.to_owned(), &["the id of the account `dev` is not known", "walls/main.hcl:3"]),
        (twice, &["`dev` and `other` have the same id"]),
        (
            "account \"dev\" { id = \"1\" }\nenvironment \"dev\" { accounts = [account.dev] }"
                .to_owned(),
            &["walls/main.hcl:1", "12 digits"],
        ),
        (
            "account \"dev\" { id = \"111111111111\" }".to_owned(),
            &["`walls` declares no environment"],
        ),
        (rule("from = [environment.prod]\nto = [environment.dev]"), &["walls/main.hcl:4", "prod"]),
        (rule("from = [environment.dev]"), &["`isolation.r` has one side only"]),
        (allow("reason = \"SEC-1\""), &["expires"]),
        (allow("reason = \"SEC-1\"\nexpires = \"soon\""), &["`soon` is no date"]),
        (
            format!(
                "data \"caller_identity\" \"who\" {{}}\n{}",
                allow(
                    "reason = \"SEC-1\"\nexpires = \"2027-01-01\"\nprincipals = [data.caller_identity.who.arn]"
                )
            ),
            &["walls/main.hcl:", "write"],
        ),
        (
            format!(
                "iam_role \"d\" {{\naccounts = [account.dev]\ntrust {{ services = [\"ec2.amazonaws.com\"] }}\n}}\n{}",
                allow(
                    "reason = \"SEC-1\"\nexpires = \"2027-01-01\"\nprincipals = [iam_role.d.unique_id]"
                )
            ),
            &["`principals` of the exception `x` is not known without the state", "write ARNs"],
        ),
        ("environment \"dev\" {".to_owned(), &["walls/main.hcl:1"]),
    ] {
        let said = estate.refused(&blocks);
        for part in says {
            assert!(said.contains(part), "`{part}` is not in: {said}\n{blocks}");
        }
    }
    fs::remove_file(estate.program.path().join("walls/main.hcl")).expect("removed");
    let run = estate.run(&["--estate", "walls"]).code(1);
    assert!(run.err.contains("there is no configuration in `walls`"), "{}", run.err);
    let run = estate.run(&["--estate", "nowhere"]).code(1);
    assert!(run.err.contains("`nowhere` is not a directory"), "{}", run.err);
}

/// Accounts are entered as the `provider` and `account` blocks say, unless flags say it.
#[test]
fn live_accounts_are_entered_as_the_blocks_say() {
    let program = Program::new(
        "palisade { name = \"acme\" }\norganization \"acme\" {}\naccount \"dev\" { email = \"dev@acme.example\" }\nenvironment \"dev\" { accounts = [account.dev] }\noutput \"dev\" { value = account.dev.id }\n",
    );
    program.run(&["apply", "--auto-approve"]).code(0);
    let outputs = program.run(&["output", "--json"]).code(0).json();
    let dev = outputs
        .to_string()
        .split('"')
        .find(|part| part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit()))
        .expect("an id")
        .to_owned();
    fs::create_dir(program.path().join("walls")).expect("made");
    let blocks = |provider: &str, account: &str| {
        format!(
            "provider \"aws\" {{\n{provider}\n}}\naccount \"dev\" {{\n  id = \"{dev}\"\n{account}\n}}\nenvironment \"dev\" {{ accounts = [account.dev] }}\n"
        )
    };
    let dump = |more: &[&str]| {
        let _ = fs::remove_dir_all(program.path().join("dumps"));
        let run =
            program.run(&[&["review", "--dump", "dumps", "--estate", "walls"], more].concat());
        run.code(0).out.contains(&format!("not read: {dev}"))
    };
    for (provider, account, flag, refused) in [
        ("", "", &[][..], false),
        ("read_role = \"nobody\"", "", &[], true),
        ("read_role = \"nobody\"", "read_role = \"OrganizationAccountAccessRole\"", &[], false),
        ("", "read_role = \"nobody\"", &["--read-role", "OrganizationAccountAccessRole"], false),
    ] {
        program.write("walls/main.hcl", &blocks(provider, account));
        assert_eq!(dump(flag), refused, "{provider} {account} {flag:?}");
    }
}
