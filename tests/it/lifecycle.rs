//! Every member of `lifecycle`, from what is written to what the endpoint holds.

use crate::support::cli::Program;
use crate::support::endpoint::Endpoint;

const ESTATE: &str = r#"
provider "aws" {
  region = "eu-west-1"
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
variable "step" {
  default = "one"
}
iam_policy "limit" {
  accounts = [account.dev]
  name     = "limit-${var.step}"
  statement "s3" {
    actions   = ["s3:*"]
    resources = ["*"]
  }
}
iam_role "held" {
  accounts             = [account.dev]
  permissions_boundary = iam_policy.limit
  managed_policies     = [iam_policy.limit]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
iam_role "anew" {
  accounts = [account.dev]
  name     = "anew-${var.step}"
  trust {
    services = ["ec2.amazonaws.com"]
  }
  lifecycle {
    create_before_destroy = true
  }
}
iam_role "some" {
  accounts    = [account.dev]
  description = var.step
  tags        = { stage = var.step, team = var.step }
  trust {
    services = ["ec2.amazonaws.com"]
  }
  lifecycle {
    ignore_changes = [description, tags["stage"]]
  }
}
iam_role "none" {
  accounts    = [account.dev]
  description = var.step
  trust {
    services = ["ec2.amazonaws.com"]
  }
  lifecycle {
    ignore_changes = all
  }
}
iam_role "follows" {
  accounts = [account.dev]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  lifecycle {
    replace_triggered_by = [iam_policy.limit]
    precondition {
      condition     = var.step != "no"
      error_message = "not this step"
    }
    postcondition {
      condition     = self.name == "follows" && self.max_session_duration == 3600 && self.tags == null && endswith(self.arn, "/follows")
      error_message = "it is ${self.name}"
    }
  }
}
iam_role "kept" {
  accounts = [account.dev]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  lifecycle {
    prevent_destroy = true
  }
}
"#;

#[tokio::test]
async fn every_member_of_lifecycle_holds() {
    let p = Program::new(ESTATE);
    p.run(&["apply", "--auto-approve"]).code(0);
    let sandbox = p.path().join(".palisade/sandbox");
    let open = || Endpoint::open(&sandbox);
    let account = |endpoint: Endpoint| async move {
        let all = endpoint.accounts().await;
        let id = all.iter().find(|a| a.name == "acme-dev").expect("there").id.clone();
        aws_sdk_iam::Client::new(&endpoint.account(&id).await)
    };
    let iam = account(open().await).await;
    let role = async |name: &str| {
        let role = iam.get_role().role_name(name).send().await.ok()?;
        role.role().cloned()
    };
    let first = role("follows").await.expect("there").role_id().to_owned();
    drop(iam);

    let two = ["--var", "step=two"];
    let plan = p.run(&[&["plan", "--json"][..], &two].concat()).code(0).json();
    let of = |address: &str| {
        let all = plan["resource_changes"].as_array().expect("a list");
        all.iter().find(|c| c["address"] == address).expect("there")["action"].clone()
    };
    let wanted = [
        ("iam_policy.limit@dev", "replace"),
        ("iam_role.held@dev", "update"),
        ("iam_role.anew@dev", "replace"),
        ("iam_role.some@dev", "update"),
        ("iam_role.none@dev", "no_op"),
        ("iam_role.follows@dev", "replace"),
    ];
    assert_eq!(wanted.map(|(address, _)| of(address)), wanted.map(|(_, action)| action));
    let operations = plan["operations"].as_array().expect("a list");
    let position = |op: &str, address: &str| {
        let is = |o: &&serde_json::Value| o["op"] == op && o["address"] == address;
        let found = operations.iter().find(is);
        found.unwrap_or_else(|| panic!("no {op} {address}"))["id"].as_u64()
    };
    let anew = "iam_role.anew@dev";
    assert!(position("create", anew) < position("delete", anew));
    // A policy in use goes when nobody has it any more.
    let limit = "iam_policy.limit@dev";
    assert!(position("create", limit) < position("update", "iam_role.held@dev"));
    assert!(position("update", "iam_role.held@dev") < position("delete", limit));
    p.run(&[&["apply", "--auto-approve"][..], &two].concat()).code(0);
    p.run(&[&["plan", "--detailed-exitcode"][..], &two].concat()).code(0);

    let iam = account(open().await).await;
    let role = async |name: &str| {
        let role = iam.get_role().role_name(name).send().await.ok()?;
        role.role().cloned()
    };
    assert!(role("anew-one").await.is_none() && role("anew-two").await.is_some());
    assert_ne!(role("follows").await.expect("there").role_id(), first);
    assert_eq!(role("none").await.expect("there").description(), Some("one"));
    let some = role("some").await.expect("there");
    assert_eq!(some.description(), Some("one"));
    let tag = |key: &str| some.tags().iter().find(|t| t.key() == key).map(|t| t.value().to_owned());
    assert_eq!((tag("stage").as_deref(), tag("team").as_deref()), (Some("one"), Some("two")));
    drop(iam);

    let refused = p.run(&["plan", "--var", "step=no"]).code(1);
    assert!(refused.err.contains("not this step"), "{}", refused.err);
    let protected = p.run(&[&["destroy", "--auto-approve"][..], &two].concat()).code(1);
    assert!(protected.err.contains("`iam_role.kept@dev`, which is protected"), "{}", protected.err);
    p.write("main.hcl", &ESTATE.replace("self.name == \"follows\"", "self.name == \"leads\""));
    let refused = p.run(&[&["plan"][..], &two].concat()).code(1);
    assert!(refused.err.contains("it is follows"), "{}", refused.err);
}

#[tokio::test]
async fn accounts_are_kept_closed_or_let_go_as_their_blocks_say() {
    let account = |name: &str, on_destroy: &str| {
        format!(
            "account \"{name}\" {{\n  name       = \"{name}\"\n  email      = \"{name}@acme.example\"\n  parent     = organizational_unit.unit\n  on_destroy = \"{on_destroy}\"\n}}\n"
        )
    };
    let estate = [
        "organization \"acme\" {}\norganizational_unit \"unit\" {}\n".to_owned(),
        account("kept", "retain"),
        account("closed", "close"),
        account("gone", "remove_from_organization"),
    ]
    .concat();
    let p = Program::new(&estate);
    p.run(&["apply", "--auto-approve"]).code(0);
    // A closed account stays where it is, and its unit with it.
    let refused = p.run(&["destroy", "--auto-approve"]).code(1);
    assert!(refused.err.contains("`account.closed` stays in it, closed"), "{}", refused.err);
    let at_root = account("closed", "close")
        .replace("parent     = organizational_unit.unit", "parent     = organization.acme");
    p.write("main.hcl", &estate.replace(&account("closed", "close"), &at_root));
    p.run(&["apply", "--auto-approve"]).code(0);
    let plan = p.run(&["plan", "--destroy"]).code(0);
    for word in ["it is retained", "AWS closes it", "it leaves the organization"] {
        assert!(plan.out.contains(word), "{word}: {}", plan.out);
    }
    // What stays leaves its unit, and with it the unit's guardrails: every format says so, and why.
    for format in [&[][..], &["--full"], &["--format", "markdown"], &["--format", "html"]] {
        let shown = p.run(&[&["plan", "--destroy"], format].concat()).code(0).out;
        let lines: Vec<&str> = shown.lines().filter(|line| line.contains("parent")).collect();
        assert!(lines.iter().any(|line| line.contains("r-")), "{format:?}: {shown}");
        let why = "it moves to the organization's root, because";
        assert!(shown.contains("will be changed, then forgotten"), "{format:?}: {shown}");
        assert!(shown.replace("&#39;", "'").contains(why), "{format:?}: {shown}");
    }
    p.run(&["destroy", "--auto-approve"]).code(0);
    let endpoint = Endpoint::open(&p.path().join(".palisade/sandbox")).await;
    let left: Vec<(String, String, String)> = endpoint
        .accounts()
        .await
        .into_iter()
        .filter(|a| ["kept", "closed", "gone"].contains(&a.name.as_str()))
        .map(|a| (a.name, a.status, a.parent))
        .collect();
    let is = |name: &str, status: &str| (name.to_owned(), status.to_owned(), "root".to_owned());
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(
        left.contains(&is("kept", "ACTIVE")) && left.contains(&is("closed", "CLOSED")),
        "{left:?}"
    );
}

#[tokio::test]
async fn an_account_goes_as_the_last_apply_was_told() {
    let account = |name: &str, on_destroy: &str| {
        format!(
            "account \"{name}\" {{\n  name       = \"{name}\"\n  email      = \"{name}@acme.example\"\n  on_destroy = \"{on_destroy}\"\n}}\n"
        )
    };
    let estate = |spared: &str, closed: &str| {
        [
            "organization \"acme\" {}\n".to_owned(),
            account("spared", spared),
            account("closed", closed),
        ]
        .concat()
    };
    let p = Program::new(&estate("close", "retain"));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write("main.hcl", &estate("retain", "close"));
    let early = p.run(&["destroy", "--auto-approve"]).code(1);
    for name in ["spared", "closed"] {
        let what = format!("`on_destroy` of `account.{name}` is not applied yet");
        assert!(early.err.contains(&what), "{}", early.err);
    }
    // It changes nothing in AWS, and what follows from it later.
    let plan = p.run(&["plan", "--json"]).code(0).json();
    let summary = &plan["summary"];
    assert_eq!((&summary["adopt"], &summary["no_op"]), (&2.into(), &1.into()), "{summary}");
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    p.write("main.hcl", "organization \"acme\" {}\n");
    p.run(&["apply", "--auto-approve"]).code(0);
    let endpoint = Endpoint::open(&p.path().join(".palisade/sandbox")).await;
    let accounts = endpoint.accounts().await;
    let status = |name: &str| {
        accounts.iter().find(|a| a.name == name).map(|a| a.status.clone()).expect("listed")
    };
    assert_eq!((status("spared").as_str(), status("closed").as_str()), ("ACTIVE", "CLOSED"));
}

#[test]
fn the_account_that_creates_the_organization_is_declared_in_the_first_plan() {
    const OWN: &str = "111111111111";
    let estate = |more: &str| {
        format!(
            r#"
organization "acme" {{}}
account "management" {{
  id = "{OWN}"
{more}}}
account "dev" {{
  email = "dev@acme.example"
}}
iam_role "audited" {{
  accounts    = [account.dev]
  description = account.management.arn
  trust {{
    aws = [account.management]
  }}
}}
"#
        )
    };
    let p = Program::new(&estate(""));
    let plan = p.run(&["plan"]).code(0).out;
    assert!(plan.contains("= account.management exists and will be adopted"), "{plan}");
    assert!(plan.contains("it is your own account: the plan creates its organization"), "{plan}");
    assert!(plan.contains("Plan: 3 to create, 1 to adopt."), "{plan}");
    let json = p.run(&["plan", "--json"]).code(0).json();
    let position = |address: &str, op: &str| {
        let all = json["operations"].as_array().expect("a list");
        let found = all.iter().find(|o| o["address"] == address && o["op"] == op);
        found.unwrap_or_else(|| panic!("{op} {address}: {all:#?}"))
    };
    let (adopt, update) =
        (position("account.management", "adopt"), position("account.management", "update"));
    let waits_for = |one: &serde_json::Value, other: &serde_json::Value| {
        one["after"].as_array().expect("a list").contains(&other["id"])
    };
    assert!(waits_for(adopt, position("organization.acme", "create")), "{adopt}");
    assert!(waits_for(update, adopt), "{update}");

    // What AWS tells only then is compared then: the name, which is changed (of its own account without trusted access),
    // and the e-mail address whatever its case.
    p.write("main.hcl", &estate("  name = \"other\"\n"));
    let plan = p.run(&["plan"]).code(0);
    assert!(plan.out.contains("+ name = \"other\""), "{}", plan.out);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    p.write("main.hcl", &estate("  name = \"management\"\n"));
    let renames = p.run(&["plan"]).code(0);
    assert!(renames.out.contains("\"other\" -> \"management\""), "{}", renames.out);
    p.write(
        "main.hcl",
        &estate("  name = \"management\"\n  email = \"Management@Sandbox.example\"\n"),
    );
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    p.run(&["drift", "--managed-only"]).code(0);

    let p = Program::new(&estate("  email = \"Management@Sandbox.example\"\n"));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    p.run(&["drift", "--managed-only"]).code(0);
    let shown = p.run(&["state", "show", "account.management", "--json"]).code(0).json();
    let attrs = &shown["account.management"]["attrs"];
    assert_eq!((&attrs["name"], &attrs["id"]), (&"management".into(), &OWN.into()), "{attrs}");
    let role = p.run(&["state", "show", "iam_role.audited@dev", "--json"]).code(0).json();
    assert_eq!(role["iam_role.audited@dev"]["attrs"]["description"], attrs["arn"], "{role}");
    p.run(&["destroy", "--auto-approve"]).code(0);
}

#[test]
fn an_account_that_cannot_be_in_the_first_plan_is_refused_with_what_to_do() {
    let account = |id: &str, more: &str| format!("account \"x\" {{\n  id = \"{id}\"\n{more}}}\n");
    let unit = "organization \"acme\" {}\norganizational_unit \"unit\" {}\n";
    for (estate, told) in [
        (account("111111111111", ""), "it is your own account: declare the organization too"),
        (
            format!("{unit}{}", account("222222222222", "")),
            "its first account is your own, `111111111111`; apply without this block first",
        ),
        (
            format!("{unit}{}", account("111111111111", "  parent = organizational_unit.unit\n")),
            "`account.x` is the management account: it cannot be moved",
        ),
    ] {
        let refused = Program::new(&estate).run(&["plan"]).code(1).err;
        assert!(refused.contains(told), "{told}: {refused}");
    }
}

const TWO: &str = r#"
provider "aws" {
  region = "eu-west-1"
}
variable "unit" {
  default = "one"
}
organization "acme" {}
organizational_unit "one" {}
organizational_unit "two" {}
account "dev" {
  name   = "acme-dev"
  email  = "dev@acme.example"
  parent = var.unit == "one" ? organizational_unit.one : organizational_unit.two
  tags   = { unit = var.unit }
}
account "prod" {
  name  = "acme-prod"
  email = "prod@acme.example"
}
iam_role "ci" {
  accounts = [account.dev]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
"#;

#[test]
fn an_account_that_moves_gets_its_tags_too() {
    let p = Program::new(TWO);
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["apply", "--auto-approve", "--var", "unit=two"]).code(0);
    let again = p.run(&["plan", "--detailed-exitcode", "--var", "unit=two"]).code(0);
    assert!(again.out.contains("No changes"), "{}", again.out);
}

#[test]
fn an_object_that_moves_nowhere_is_not_lost() {
    let p = Program::new(TWO);
    p.run(&["apply", "--auto-approve"]).code(0);
    let (without, _) = TWO.split_once("iam_role").expect("a role");
    let moved = "moved {\n  from = iam_role.ci\n  to   = iam_role.biuld\n}\n";
    p.write("main.hcl", &format!("{without}{moved}"));
    let plan = p.run(&["plan"]).code(0);
    assert!(plan.out.contains("1 to delete"), "{}", plan.out);
    assert!(plan.err.contains("there is no `iam_role.biuld@dev`"), "{}", plan.err);
}

#[test]
fn no_object_moves_to_another_account() {
    let p = Program::new(TWO);
    p.run(&["apply", "--auto-approve"]).code(0);
    let refused = p.run(&["state", "mv", "iam_role.ci@dev", "iam_role.ci@prod"]).code(1);
    assert!(refused.err.contains("is in the account `dev`"), "{}", refused.err);
    let there = TWO.replace("accounts = [account.dev]", "accounts = [account.prod]");
    let moved = "moved {\n  from = \"iam_role.ci@dev\"\n  to   = \"iam_role.ci@prod\"\n}\n";
    p.write("main.hcl", &format!("{there}{moved}"));
    let refused = p.run(&["plan"]).code(1);
    assert!(refused.err.contains("that is another account"), "{}", refused.err);
    // An account that gets another handle takes along what is in it.
    let renamed = TWO.replace("account \"dev\"", "account \"build\"");
    let renamed = renamed.replace("account.dev", "account.build");
    let moved = "moved {\n  from = account.dev\n  to   = account.build\n}\n";
    p.write("main.hcl", &format!("{renamed}{moved}"));
    let plan = p.run(&["plan"]).code(0);
    assert!(!plan.out.contains("to delete") && !plan.out.contains("to create"), "{}", plan.out);
}

/// AWS keeps a closed account, with its e-mail address and its tags.
#[test]
fn an_account_that_was_closed_is_not_taken_for_a_new_one() {
    let estate = |account: &str| {
        format!(
            "palisade {{\n  name = \"acme\"\n}}\nprovider \"aws\" {{\n  region = \"eu-west-1\"\n}}\norganization \"acme\" {{}}\n{account}"
        )
    };
    let dev = "account \"dev\" {\n  name  = \"acme-dev\"\n  email = \"dev@acme.example\"\n  on_destroy = \"close\"\n}\n";
    let p = Program::new(&estate(dev));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write("main.hcl", &estate(""));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write("main.hcl", &estate(dev));
    let refused = p.run(&["plan"]).code(1);
    assert!(refused.err.contains("cannot be managed: the account is closed"), "{}", refused.err);
    assert!(refused.err.contains("main.hcl:8"), "{}", refused.err);
    assert!(refused.err.contains("e-mail address of a closed account"), "{}", refused.err);
    p.write("main.hcl", &estate(&dev.replace("dev@acme", "dev+2@acme")));
    p.run(&["apply", "--auto-approve"]).code(0);
}

/// As in Terraform: `x` and `x[0]` are one object, and nobody has to say so.
#[tokio::test(flavor = "multi_thread")]
async fn what_gains_or_loses_count_stays_the_same_object() {
    let estate = |count: &str, index: &str, account: &str, at: &str| {
        // Two of what it makes would have one name.
        let once = if count.is_empty() { "" } else { "count = 1" };
        format!(
            r#"
palisade {{
  name = "acme"
}}
organization "acme" {{}}
organizational_unit "prod" {{
  {count}
}}
account "dev" {{
  {account}
  name   = "acme-dev"
  email  = "dev@acme.example"
}}
iam_role "opt" {{
  {count}
  accounts = [account.dev{at}]
  trust {{
    services = ["ec2.amazonaws.com"]
  }}
}}
iam_role "fans" {{
  accounts = [account.dev{at}]
  trust {{
    aws = [iam_role.opt{index}.arn]
  }}
}}
module "inner" {{
  source = "./inner"
  {once}
  account = account.dev{at}
}}
"#
        )
    };
    let program = Program::new(&estate("", "", "", ""));
    std::fs::create_dir(program.path().join("inner")).expect("made");
    program.write(
        "inner/main.hcl",
        r#"
variable "account" {}
iam_role "inside" {
  accounts = [var.account]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
"#,
    );
    program.run(&["apply", "--auto-approve"]).code(0);
    let dir = program.path().join(".palisade/sandbox");
    let ids = async || {
        let endpoint = Endpoint::open(&dir).await;
        let accounts = endpoint.accounts().await;
        let account = accounts.iter().find(|a| a.name == "acme-dev").expect("there");
        let iam = aws_sdk_iam::Client::new(&endpoint.account(&account.id).await);
        let mut ids = vec![account.id.clone()];
        for name in ["opt", "fans", "inside"] {
            let role = iam.get_role().role_name(name).send().await.expect(name).role;
            ids.push(role.expect("told").role_id);
        }
        ids
    };
    let before = ids().await;
    for (count, index, account, at) in [
        ("count = 1", "[0]", "", ""),
        ("count = 2", "[0]", "", ""),
        ("", "", "", ""),
        ("", "", "count = 1", "[0]"),
        ("", "", "", ""),
    ] {
        program.write("main.hcl", &estate(count, index, account, at));
        let plan = program.run(&["plan", "--json"]).code(0).json();
        let deleted = &plan["summary"]["delete"];
        let expected = usize::from(count.is_empty() && account.is_empty()) * 3;
        assert!(deleted.as_u64().is_some_and(|n| n <= expected as u64), "{count}{account}: {plan}");
        assert_eq!(plan["summary"]["replace"], 0, "{count}{account}");
        program.run(&["apply", "--auto-approve"]).code(0);
        assert_eq!(ids().await, before, "{count}{account}");
        program.run(&["plan", "--detailed-exitcode"]).code(0);
    }
    // A block with an index from the beginning has it in its name, and keeps that too.
    program.write(
        "main.hcl",
        &format!("{}\niam_role \"new\" {{\n  count = 1\n  accounts = [account.dev]\n  trust {{\n    services = [\"ec2.amazonaws.com\"]\n  }}\n}}\n", estate("", "", "", "")),
    );
    let plan = program.run(&["plan"]).code(0);
    assert!(plan.out.contains("\"new-0\""), "{}", plan.out);
}
