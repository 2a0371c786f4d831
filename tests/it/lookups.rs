//! `data` blocks: what is looked up, what it is used for, and what is said where it cannot be.

use palisade::sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::support::cli::Program;
use crate::support::endpoint::Endpoint;
use crate::support::estates::two_environments;

/// The estate with these blocks, applied as it is without them, so that both accounts are there.
fn applied(blocks: &str) -> Program {
    let program = Program::new(&two_environments(""));
    program.run(&["apply", "--auto-approve"]).code(0);
    program.write("main.hcl", &two_environments(blocks));
    program
}

/// What AWS is given in `acme-production` by hand.
async fn by_hand(program: &Program) -> (aws_config::SdkConfig, Endpoint) {
    let dir = program.path().join(".palisade/sandbox");
    let endpoint = Endpoint::of(Sandbox::open(&dir, Options::default()).await.expect("opens"));
    let accounts = endpoint.accounts().await;
    let account = accounts.iter().find(|a| a.name == "acme-production").expect("there");
    (endpoint.account(&account.id).await, endpoint)
}

async fn put(sdk: &aws_config::SdkConfig, name: &str, value: &str, kind: &str) {
    let put = aws_sdk_ssm::Client::new(sdk).put_parameter().name(name).value(value);
    put.r#type(kind.into()).overwrite(true).send().await.expect("put");
}

fn outputs(program: &Program) -> Value {
    let out = program.run(&["output", "--json"]).code(0).out;
    serde_json::from_str(&out).expect("JSON")
}

#[test]
fn what_needs_no_object_is_known_at_once() {
    let program = applied(
        r#"data "partition" "this" {}
data "region" "this" {}
data "region" "there" {
  account = account.production
}
data "caller_identity" "me" {}
data "organization" "ours" {}
output "all" {
  value = {
    partition = data.partition.this.partition
    suffix    = data.partition.this.dns_suffix
    reverse   = data.partition.this.reverse_dns_prefix
    region    = data.region.this.name
    there     = data.region.there.region
    caller    = data.caller_identity.me.account_id
    same      = data.organization.ours.management_account_id == data.caller_identity.me.account_id
    id        = data.organization.ours.id == organization.acme.id
  }
}"#,
    );
    program.run(&["validate"]).code(0);
    program.run(&["apply", "--auto-approve"]).code(0);
    let all = outputs(&program)["all"]["value"].clone();
    let caller = all["caller"].as_str().expect("an id").to_owned();
    assert_eq!(caller.len(), 12, "{caller}");
    let wanted = json!({
        "partition": "aws", "suffix": "amazonaws.com", "reverse": "com.amazonaws",
        "region": "eu-west-1", "there": "eu-west-1", "caller": caller, "same": true, "id": true,
    });
    assert_eq!(all, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_say_how_many_objects_there_are() {
    let program = applied(
        r#"data "ssm_parameter" "teams" {
  account = account.production
  name    = "/shared/teams"
}
data "ssm_parameter" "first" {
  account = account.production
  name    = "/shared/${split(",", data.ssm_parameter.teams.value)[0]}"
}
iam_role "team" {
  for_each = toset(split(",", data.ssm_parameter.teams.value))
  accounts = [account.production]
  name     = "team-${each.key}"
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
output "first" {
  value = data.ssm_parameter.first.value
}
output "kind" {
  value = data.ssm_parameter.teams.type
}"#,
    );
    let (sdk, _open) = by_hand(&program).await;
    put(&sdk, "/shared/teams", "red,blue", "StringList").await;
    put(&sdk, "/shared/red", "apples", "String").await;
    // How many there are cannot be told without AWS, and is no fault.
    program.run(&["validate"]).code(0);
    program.run(&["apply", "--auto-approve"]).code(0);
    let told = outputs(&program);
    assert_eq!(
        (told["first"]["value"].as_str(), told["kind"]["value"].as_str()),
        (Some("apples"), Some("StringList"))
    );
    let iam = aws_sdk_iam::Client::new(&sdk);
    for team in ["red", "blue"] {
        iam.get_role().role_name(format!("team-{team}")).send().await.expect("a role for each");
    }
    program.run(&["plan", "--detailed-exitcode"]).code(0);
    // What is read decides, whatever was read the last time; a plan that was saved before is out of date.
    program.run(&["plan", "--out", "saved.plan"]).code(0);
    put(&sdk, "/shared/teams", "red", "StringList").await;
    let plan = program.run(&["plan", "--detailed-exitcode"]).code(2);
    assert!(plan.out.contains("1 to delete"), "{}", plan.out);
    let plan = program.run(&["plan", "--refresh=false", "--detailed-exitcode"]).code(2);
    assert!(plan.out.contains("1 to delete"), "{}", plan.out);
}

/// Which instances there are is known only once the parameter is read; imports name them already.
#[tokio::test(flavor = "multi_thread")]
async fn imports_name_instances_that_wait_for_a_lookup() {
    const TEAMS: &str = r#"data "ssm_parameter" "teams" {
  account = account.production
  name    = "/shared/teams"
}
locals {
  teams = toset(split(",", data.ssm_parameter.teams.value))
}
iam_role "team" {
  for_each = local.teams
  accounts = [account.production]
  name     = "team-${each.key}"
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
"#;
    let import = |over: &str, to: &str| {
        let over = if over.is_empty() { String::new() } else { format!("  for_each = {over}\n") };
        let key = if over.is_empty() { "red" } else { "${each.key}" };
        format!("{TEAMS}import {{\n{over}  to = iam_role.team[{to}]\n  id = \"team-{key}\"\n}}\n")
    };
    let program = applied("");
    let (sdk, _open) = by_hand(&program).await;
    put(&sdk, "/shared/teams", "red,blue", "StringList").await;
    let iam = aws_sdk_iam::Client::new(&sdk);
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]});
    for (over, to, adopted) in [
        ("toset([\"red\"])", "each.key", 1),
        ("", "\"red\"", 1),
        ("local.teams", "each.key", 2),
        ("{ for team in local.teams : team => team }", "each.value", 2),
    ] {
        let team = if adopted == 1 { "red" } else { "blue" };
        let make = iam.create_role().role_name(format!("team-{team}"));
        // Each is made once, before the first plan that imports it.
        let _ = make.assume_role_policy_document(trust.to_string()).send().await;
        program.write("main.hcl", &two_environments(&import(over, to)));
        program.run(&["validate"]).code(0);
        let plan = program.run(&["plan"]).code(0);
        let told = plan.out.matches("import of `team-").count();
        assert_eq!(told, adopted, "{over}: {}{}", plan.out, plan.err);
    }
    // A key that the parameter does not hold is no instance, once it is read.
    program.write("main.hcl", &two_environments(&import("toset([\"green\"])", "each.key")));
    program.run(&["validate"]).code(0);
    let refused = program.run(&["plan"]).code(1);
    assert!(
        refused.err.contains("there is no instance `iam_role.team[\"green\"]`"),
        "{}",
        refused.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_was_saved_on_other_values_is_out_of_date() {
    let program = applied(
        r#"data "ssm_parameter" "path" {
  account = account.production
  name    = "/shared/name"
}
iam_role "named" {
  accounts = [account.production]
  name     = data.ssm_parameter.path.value
  trust {
    services = ["ec2.amazonaws.com"]
  }
}"#,
    );
    let (sdk, _open) = by_hand(&program).await;
    put(&sdk, "/shared/name", "one", "String").await;
    program.run(&["plan", "--out", "saved.plan"]).code(0);
    put(&sdk, "/shared/name", "two", "String").await;
    let refused = program.run(&["apply", "saved.plan"]).code(4);
    assert!(refused.err.contains("stale"), "{}", refused.err);
    let iam = aws_sdk_iam::Client::new(&sdk);
    for name in ["one", "two"] {
        assert!(iam.get_role().role_name(name).send().await.is_err(), "{name} was made");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_others_are_found_by_name() {
    let program = applied(
        r#"data "iam_role" "theirs" {
  account = account.production
  name    = "theirs"
}
output "arn" {
  value = data.iam_role.theirs.arn
}
output "unique_id" {
  value = data.iam_role.theirs.unique_id
}"#,
    );
    let missing = program.run(&["plan"]).code(1);
    assert!(missing.err.contains("`theirs` in `production` does not exist"), "{}", missing.err);
    assert!(missing.err.contains("main.hcl"), "{}", missing.err);
    let (sdk, _open) = by_hand(&program).await;
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]});
    let iam = aws_sdk_iam::Client::new(&sdk);
    let made = iam.create_role().role_name("theirs").path("/team/");
    let made = made.assume_role_policy_document(trust.to_string()).send().await.expect("made");
    program.run(&["apply", "--auto-approve"]).code(0);
    let role = made.role.expect("a role");
    let told = outputs(&program);
    assert_eq!(told["arn"]["value"], json!(role.arn));
    assert_eq!(told["unique_id"]["value"], json!(role.role_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_looked_up_is_said_at_its_block() {
    let program = applied(
        r#"data "ssm_parameter" "secret" {
  account = account.production
  name    = "/shared/secret"
}
output "value" {
  value = data.ssm_parameter.secret.value
}"#,
    );
    let (sdk, _open) = by_hand(&program).await;
    put(&sdk, "/shared/secret", "hunter2-hunter2", "SecureString").await;
    let refused = program.run(&["plan"]).code(1);
    for part in [
        "SecureString",
        "use `secret(\"ssm:/shared/secret\")`, which reads from the calling account",
        "main.hcl",
    ] {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
    assert!(!refused.err.contains("hunter2"), "{}", refused.err);
    let cases = [
        ("data \"aws_caller_identity\" \"me\" {}", "types have no prefix here"),
        ("data \"iam_rol\" \"r\" {}", "did you mean `iam_role`?"),
        ("data \"iam_role\" \"r\" {}", "`account`"),
        (
            "data \"iam_policy\" \"p\" {\n  account = account.dev\n}",
            "`name`: Name of the object to look up.",
        ),
        (
            "data \"ssm_parameter\" \"p\" {\n  account = account.dev\n  name = sensitive(\"/hidden-name\")\n}",
            "`name` is sensitive",
        ),
        (
            "data \"partition\" \"p\" {\n  count = 10001\n}",
            "makes 10001 instances, more than 10000",
        ),
        (
            "data \"iam_role\" \"p\" {\n  count = 10001\n  account = account.dev\n  name = \"r\"\n}",
            "makes 10001 lookups, more than 10000",
        ),
        (
            "data \"partition\" \"p\" {\n  provider   = aws.other\n}",
            "accounts take the place of aliases",
        ),
        (
            "data \"partition\" \"p\" {\n  depends_on = [account.dev]\n}",
            "lookups are read before the plan",
        ),
        (
            "iam_role \"r\" {\n  provider = aws.other\n  trust { services = [\"ec2.amazonaws.com\"] }\n}",
            "accounts take the place of provider aliases",
        ),
        (
            "data \"caller_identity\" \"me\" {}\noutput \"x\" { value = data.caller_identity.me.accountid }",
            "did you mean `account_id`?",
        ),
        (
            "output \"x\" { value = data.caller_identity.me.arn }",
            "this module has no `data` blocks",
        ),
        (
            "data \"iam_role\" \"r\" {\n account = account.production\n name = iam_role.other.unique_id\n}\niam_role \"other\" {\n accounts = [account.production]\n trust { services = [\"ec2.amazonaws.com\"] }\n}",
            "must be known while planning",
        ),
    ];
    for (blocks, wanted) in cases {
        program.write("main.hcl", &two_environments(blocks));
        let run = program.run(&["plan"]).code(1);
        assert!(run.err.contains(wanted), "{blocks}\n{}", run.err);
    }
}

/// A Deny that nobody finds is a door that stands open.
#[test]
fn no_statement_of_a_source_document_is_lost() {
    let sources = [
        r#"{ Statements = [{ Effect = "Deny", Action = "s3:*", Resource = "*" }] }"#,
        r#"{ Statement = "Deny" }"#,
        r#"{ Statement = ["Deny"] }"#,
        r#"[{ Effect = "Deny", Action = "s3:*", Resource = "*" }]"#,
    ];
    for source in sources {
        let program = Program::new(&format!(
            "palisade {{\n  name = \"acme\"\n}}\ndata \"iam_policy_document\" \"d\" {{\n  \
             source_policy_documents = [jsonencode({source})]\n}}\noutput \"d\" {{\n  \
             value = data.iam_policy_document.d.json\n}}\n"
        ));
        let refused = program.run(&["validate"]).code(1);
        assert!(refused.err.contains("is no policy document"), "{source}: {}", refused.err);
    }
}

#[test]
fn documents_are_put_together_as_terraform_does() {
    let program = applied(
        r#"data "iam_policy_document" "base" {
  statement "Read" {
    actions   = ["s3:GetObject"]
    resources = ["arn:${data.partition.this.partition}:s3:::acme-a/*"]
  }
  statement "Keep" {
    actions   = ["s3:ListBucket"]
    resources = ["*"]
  }
}
data "partition" "this" {}
data "iam_policy_document" "whole" {
  source_policy_documents = [data.iam_policy_document.base.json]
  statement "Read" {
    actions   = ["s3:GetObjectVersion"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalOrgID"
      values   = [organization.acme.id]
    }
  }
  override_policy_documents = [jsonencode({ Statement = { Sid = "Keep", Effect = "Deny", Action = "s3:*", Resource = "*" } })]
}
iam_policy "whole" {
  accounts = [account.production]
  content  = data.iam_policy_document.whole.json
}
data "iam_policy_document" "each" {
  for_each = toset(["a", "b"])
  statement {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::acme-${each.key}/*"]
  }
}
output "each" {
  value = [for key, doc in data.iam_policy_document.each : "${key} ${jsondecode(doc.json).Statement[0].Resource[0]}"]
}
output "one" {
  value = jsondecode(data.iam_policy_document.each["b"].json).Statement[0].Resource
}
data "iam_policy_document" "trust" {
  statement "Assume" {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [account.dev]
    }
  }
}
output "whole" {
  value = jsondecode(data.iam_policy_document.whole.json)
}
output "trust" {
  value = jsondecode(data.iam_policy_document.trust.json)
}"#,
    );
    program.run(&["apply", "--auto-approve"]).code(0);
    let told = outputs(&program);
    assert_eq!(
        told["each"]["value"],
        json!(["a arn:aws:s3:::acme-a/*", "b arn:aws:s3:::acme-b/*"])
    );
    assert_eq!(told["one"]["value"], json!(["arn:aws:s3:::acme-b/*"]));
    let whole = &told["whole"]["value"];
    assert_eq!(whole["Version"], "2012-10-17");
    let sids: Vec<_> = whole["Statement"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|s| (s["Sid"].clone(), s["Effect"].clone()))
        .collect();
    assert_eq!(sids, [(json!("Read"), json!("Allow")), (json!("Keep"), json!("Deny"))]);
    assert_eq!(whole["Statement"][0]["Action"], json!(["s3:GetObjectVersion"]));
    let principal = told["trust"]["value"]["Statement"][0]["Principal"]["AWS"].to_string();
    assert!(principal.contains(":root"), "{principal}");
    program.run(&["plan", "--detailed-exitcode"]).code(0);
}

#[test]
fn a_document_hides_and_waits_for_what_its_sources_do() {
    let program = applied(
        r#"variable "hidden" {
  sensitive = true
  default   = "{\"Statement\": [{\"Sid\": \"battery\", \"Effect\": \"Allow\", \"Action\": \"s3:GetObject\", \"Resource\": \"*\"}]}"
}
data "iam_policy_document" "hidden" {
  source_policy_documents = [var.hidden]
}
iam_role "r" {
  accounts = [account.dev]
  trust { services = ["ec2.amazonaws.com"] }
}
data "iam_policy_document" "later" {
  source_policy_documents = iam_role.r.unique_id == "x" ? ["{}"] : [jsonencode({ Statement = [{ Sid = "Later", Effect = "Deny", Action = "s3:*", Resource = "*" }] })]
}
iam_policy "p" {
  accounts = [account.dev]
  content  = data.iam_policy_document.hidden.json
}
iam_policy "later" {
  accounts = [account.dev]
  content  = data.iam_policy_document.later.json
}"#,
    );
    let plan = program.run(&["plan", "--full"]).code(0);
    assert!(!plan.out.contains("battery"), "{}", plan.out);
    assert!(!program.run(&["plan", "--json"]).code(0).out.contains("battery"));
    program.run(&["apply", "--auto-approve"]).code(0);
    let state = program.path().join(".palisade/state");
    for file in walk(&state) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).expect("read")).into_owned();
        assert!(!text.contains("battery"), "{}", file.display());
    }
    // What was not known when it was planned is whole when it is applied.
    program.run(&["plan", "--detailed-exitcode"]).code(0);
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => all.extend(walk(&path)),
            path => all.push(path),
        }
    }
    all
}

#[test]
fn the_page_of_the_language_lists_every_type() {
    let page = include_str!("../../docs/language.md");
    let (_, section) = page.split_once("## Lookups").expect("a section");
    let (section, _) = section.split_once("## Settings").expect("its end");
    for ty in palisade::schema::data::data_types() {
        let row =
            section.lines().find(|l| l.starts_with('|') && l.contains(&format!("`{}`", ty.name)));
        let row = row.unwrap_or_else(|| panic!("`{}` is not in the table", ty.name));
        for attr in ty.block.attrs {
            assert!(row.contains(&format!("`{}`", attr.name)), "{}: {}", ty.name, attr.name);
        }
    }
}

/// What waits for a lookup is evaluated again once it is made, wherever it stands; `validate` leaves it open.
#[test]
fn a_lookup_may_stand_wherever_a_value_may() {
    let program = applied(
        r#"data "caller_identity" "c" {}
locals {
  one    = data.caller_identity.c.account_id == "1"
  source = "env:TOKEN_${local.one ? "A" : "B"}"
}
iam_role "r" {
  accounts             = [account.dev]
  managed_policies     = local.one ? [] : ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  max_session_duration = local.one ? "1h" : "2h"
  exclusive            = !local.one
  trust {
    services = local.one ? [] : ["ec2.amazonaws.com"]
  }
  dynamic "inline_policy" {
    for_each = toset(["a"])
    labels   = ["p-${data.caller_identity.c.account_id}"]
    content {
      statement {
        actions   = ["s3:GetObject"]
        resources = ["*"]
      }
    }
  }
  dynamic "inline_policy" {
    for_each = local.one ? [] : ["b"]
    labels   = ["b"]
    content {
      statement {
        actions   = ["s3:PutObject"]
        resources = ["*"]
      }
    }
  }
}
config_schema "app" {
  key "token" {
    secret = true
  }
}
environment "third" {
  accounts = []
  region   = local.one ? "eu-west-1" : "eu-central-1"
  config "app" {
    values = {
      token = secret(local.source)
    }
  }
}
isolation "i" {
  from         = [environment.dev]
  to           = [environment.production]
  on_violation = local.one ? "error" : "warn"
}
release "app" {
  entry  = environment.dev
  values = { image = "v1" }
}
promotion "up" {
  from     = environment.dev
  to       = environment.production
  releases = [release.app]
  gate "approval" "board" {
    count = local.one ? 1 : 2
  }
}"#,
    );
    program.run(&["validate"]).code(0);
    let plan = program.run(&["plan", "--full"]).code(0);
    for part in ["ReadOnlyAccess", "7200", "s3:PutObject"] {
        assert!(plan.out.contains(part), "{part}: {}", plan.out);
    }
    // What is wrong in another block is wrong at once.
    let wrong = format!(
        "data \"caller_identity\" \"c\" {{}}\noutput \"x\" {{\n  value = data.caller_identity.c.arn\n}}\n{}",
        "iam_role \"w\" {\n  accounts = [account.dev]\n  max_session_duration = \"30h\"\n  trust { services = [\"ec2.amazonaws.com\"] }\n}"
    );
    program.write("main.hcl", &two_environments(&wrong));
    let refused = program.run(&["validate"]).code(1);
    assert!(refused.err.contains("`max_session_duration`"), "{}", refused.err);
}

/// A document that waits for what AWS assigns is not known before the plan, so nothing is looked up by it.
#[test]
fn what_aws_assigns_names_no_lookup() {
    let program = applied(
        r#"iam_role "r" {
  accounts = [account.dev]
  trust { services = ["ec2.amazonaws.com"] }
}
data "iam_policy_document" "later" {
  source_policy_documents = iam_role.r.unique_id == "x" ? ["{}"] : [jsonencode({ Statement = [] })]
}
data "ssm_parameter" "p" {
  account = account.dev
  name    = "/x/${sha1(data.iam_policy_document.later.json)}"
}
output "p" {
  value = data.ssm_parameter.p.value
}"#,
    );
    let refused = program.run(&["plan"]).code(1);
    assert!(refused.err.contains("`name` must be known while planning"), "{}", refused.err);
    program.run(&["apply", "--auto-approve"]).code(1);
    let roles = program.run(&["state", "list"]).code(0);
    assert!(!roles.out.contains("iam_role.r"), "{}", roles.out);
}

/// Which account is meant a lookup may decide as well: until then it is none, and not the management account.
#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_decides_in_which_account_another_is_made() {
    let program = applied(
        r#"data "caller_identity" "c" {}
locals {
  accounts  = { a = account.production, b = account.dev }
  chosen    = local.accounts[data.caller_identity.c.account_id == "1" ? "b" : "a"]
  by_region = { "eu-west-3" = "there" }
}
data "region" "r" {
  account = local.chosen
}
data "iam_role" "theirs" {
  account = local.chosen
  name    = "theirs"
}
output "r" {
  value = local.by_region[data.region.r.name]
}
output "arn" {
  value = data.iam_role.theirs.arn
}"#,
    );
    let text = std::fs::read_to_string(program.path().join("main.hcl")).expect("read");
    let there = text
        .replace("account \"production\" {", "account \"production\" {\n  region = \"eu-west-3\"");
    assert_ne!(text, there);
    program.write("main.hcl", &there);
    let (sdk, _open) = by_hand(&program).await;
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]});
    let iam = aws_sdk_iam::Client::new(&sdk);
    let made = iam.create_role().role_name("theirs");
    let made = made.assume_role_policy_document(trust.to_string()).send().await.expect("made");
    program.run(&["validate"]).code(0);
    program.run(&["apply", "--auto-approve"]).code(0);
    let told = outputs(&program);
    assert_eq!(told["r"]["value"], "there");
    assert_eq!(told["arn"]["value"], json!(made.role.expect("a role").arn));
}

/// An account that state does not know may be there: lookups in it wait until AWS has told.
#[tokio::test(flavor = "multi_thread")]
async fn lookups_wait_for_an_account_that_is_adopted() {
    let program = applied(
        r#"data "ssm_parameter" "p" {
  account = account.production
  name    = "/shared/name"
}
output "p" {
  value = data.ssm_parameter.p.value
}"#,
    );
    let (sdk, open) = by_hand(&program).await;
    put(&sdk, "/shared/name", "found", "String").await;
    drop((sdk, open));
    let state = program.path().join(".palisade/sandbox/palisade-state");
    std::fs::remove_dir_all(&state).expect("removed");
    let plan = program.run(&["plan"]).code(0);
    assert!(plan.out.contains("to adopt"), "{}", plan.out);
    program.run(&["apply", "--auto-approve"]).code(0);
    assert_eq!(outputs(&program)["p"]["value"], "found");
    // In one that the plan makes, nothing can be read before.
    let new = "account \"new\" {\n  email = \"new@acme.example\"\n  name = \"acme-new\"\n  parent = organization.acme\n}\ndata \"ssm_parameter\" \"p\" {\n  account = account.new\n  name = \"/shared/name\"\n}\noutput \"p\" {\n  value = data.ssm_parameter.p.value\n}";
    program.write("main.hcl", &two_environments(new));
    let plan = program.run(&["plan"]).code(0);
    assert!(plan.out.contains("1 to create"), "{}", plan.out);
    let refused = program.run(&["apply", "--auto-approve"]).code(1);
    let told = "the parameter `/shared/name` in `new` does not exist";
    assert!(refused.err.contains(told), "{}", refused.err);
    let made = program.run(&["state", "list"]).code(0);
    assert!(made.out.contains("account.new"), "{}", made.out);
}

/// As Terraform does it: unknown in the plan, read by the apply once it has made the account.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_account_of_this_plan_holds_is_looked_up_once_it_is_made() {
    let new = r#"account "new" {
  email  = "new@acme.example"
  name   = "acme-new"
  parent = organization.acme
}
data "iam_role" "entry" {
  account = account.new
  name    = "OrganizationAccountAccessRole"
}
iam_role "support" {
  accounts    = [account.new]
  description = data.iam_role.entry.unique_id
  trust {
    aws = [data.iam_role.entry.arn]
  }
}
output "entry" {
  value = data.iam_role.entry.arn
}"#;
    let program = applied(new);
    let plan = program.run(&["plan", "--json"]).code(0).json();
    assert_eq!(plan["summary"]["create"], 2, "{}", plan["summary"]);
    program.run(&["apply", "--auto-approve"]).code(0);
    let arn = outputs(&program)["entry"]["value"].as_str().expect("an ARN").to_owned();
    assert!(arn.ends_with(":role/OrganizationAccountAccessRole"), "{arn}");
    program.run(&["plan", "--detailed-exitcode"]).code(0);
    let dir = program.path().join(".palisade/sandbox");
    let endpoint = Endpoint::of(Sandbox::open(&dir, Options::default()).await.expect("opens"));
    let accounts = endpoint.accounts().await;
    let id = &accounts.iter().find(|a| a.name == "acme-new").expect("made").id;
    let iam = aws_sdk_iam::Client::new(&endpoint.account(id).await);
    let entry = iam.get_role().role_name("OrganizationAccountAccessRole").send().await;
    let entry = entry.expect("read").role.expect("there");
    let made = iam.get_role().role_name("support").send().await.expect("read").role.expect("made");
    assert_eq!(made.description(), Some(entry.role_id()));
    assert_eq!(entry.arn(), arn);
    let trust = made.assume_role_policy_document().expect("a trust");
    assert!(trust.contains("OrganizationAccountAccessRole"), "{trust}");

    // How many objects there are must be known before.
    let many = new.replace("\"new\"", "\"newer\"").replace("account.new\n", "account.newer\n");
    let many = many.replace("[account.new]", "[account.newer]").replace("acme-new", "acme-newer");
    let many = many.replace("new@", "newer@").replace(
        "iam_role \"support\" {",
        "iam_role \"support\" {\n  for_each = toset([data.iam_role.entry.arn])",
    );
    program.write("main.hcl", &two_environments(&many));
    let refused = program.run(&["plan"]).code(1);
    assert!(refused.err.contains("is not known until apply"), "{}", refused.err);
}

/// What `dynamic` makes with one label twice is no replacement of the first by the second.
#[test]
fn statements_of_one_sid_are_refused_also_where_they_are_made() {
    let program = applied(
        r#"data "iam_policy_document" "made" {
  dynamic "statement" {
    for_each = ["s3:GetObject", "s3:PutObject"]
    labels   = ["same"]
    content {
      actions   = [statement.value]
      resources = ["*"]
    }
  }
}"#,
    );
    let refused = program.run(&["validate"]).code(1);
    assert!(refused.err.contains("two statements have the `Sid` `same`"), "{}", refused.err);
}

/// In HCL `${` begins an expression: statements may write IAM's variables as Terraform's documents do.
#[test]
fn variables_of_iam_are_written_in_statements() {
    let program = applied(
        r#"data "iam_policy_document" "home" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::home/&{aws:username}/*"]
    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["&{aws:username}/*"]
    }
  }
}
s3_bucket "both" {
  accounts = [account.dev]
  bucket   = "acme-both"
  statement "Both" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::acme-both/*"]
    principals {
      type        = "AWS"
      identifiers = ["222222222222"]
    }
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::333333333333:root"]
    }
  }
}
iam_policy "home" {
  accounts = [account.dev]
  statement "Home" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::home-${account.dev.id}/&{aws:username}/*"]
  }
}
output "home" {
  value = jsondecode(data.iam_policy_document.home.json).Statement[0]
}"#,
    );
    let plan = program.run(&["plan", "--json"]).code(0).json();
    let mut change = plan["resource_changes"].as_array().expect("changes").iter();
    let change = change.find(|c| c["kind"] == "iam_policy").expect("the policy");
    let resource = change["after"]["content"]["Statement"][0]["Resource"].to_string();
    assert!(resource.ends_with("/${aws:username}/*\""), "{resource}");
    let buckets = plan["resource_changes"].as_array().expect("changes").iter();
    let bucket =
        buckets.clone().find(|c| c["address"] == "s3_bucket.both@dev").expect("the bucket");
    let both = bucket["after"]["policy"]["Statement"][0]["Principal"]["AWS"].clone();
    let both = both.as_array().expect("a list").len();
    assert_eq!(both, 2, "{bucket}");
    program.run(&["apply", "--auto-approve"]).code(0);
    let told = outputs(&program)["home"]["value"].clone();
    assert_eq!(told["Resource"], json!(["arn:aws:s3:::home/${aws:username}/*"]));
    assert_eq!(told["Condition"]["StringLike"]["s3:prefix"], json!(["${aws:username}/*"]));
}

/// Central root access, the delegation policy and the administrators of services: section 2.1 of the CIS AWS
/// Foundations Benchmark 7.0.0.
#[tokio::test(flavor = "multi_thread")]
async fn who_administers_the_organization_is_told() {
    let program = applied(
        r#"data "organization_administration" "ours" {}
output "ours" {
  value = data.organization_administration.ours
}
check "cis_2_1_1" {
  assert {
    condition     = contains(data.organization_administration.ours.root_features, "RootCredentialsManagement")
    error_message = "root credentials of members are not managed centrally"
  }
}"#,
    );
    program.run(&["validate"]).code(0);
    let told = program.run(&["apply", "--auto-approve"]).code(0);
    let said = format!("{}{}", told.out, told.err);
    assert!(said.contains("root credentials of members are not managed"), "{said}");
    let none =
        json!({"root_features": [], "delegation_policy": null, "delegated_administrators": {}});
    assert_eq!(outputs(&program)["ours"]["value"], none);

    let dir = program.path().join(".palisade/sandbox");
    let endpoint = Endpoint::of(Sandbox::open(&dir, Options::default()).await.expect("opens"));
    let accounts = endpoint.accounts().await;
    let id = accounts.iter().find(|a| a.name == "acme-dev").expect("there").id.clone();
    let management = endpoint.management();
    let organizations = aws_sdk_organizations::Client::new(&management);
    for service in ["iam.amazonaws.com", "cloudtrail.amazonaws.com"] {
        let trust = organizations.enable_aws_service_access().service_principal(service);
        trust.send().await.expect("trusted");
    }
    let register = organizations.register_delegated_administrator().account_id(&id);
    let register = register.service_principal("cloudtrail.amazonaws.com");
    register.send().await.expect("registered");
    let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
    organizations.put_resource_policy().content(policy).send().await.expect("put");
    let iam = aws_sdk_iam::Client::new(&management);
    iam.enable_organizations_root_credentials_management().send().await.expect("enabled");
    drop(endpoint);
    let told = program.run(&["apply", "--auto-approve"]).code(0);
    let said = format!("{}{}", told.out, told.err);
    assert!(!said.contains("root credentials of members"), "{said}");
    let wanted = json!({
        "root_features": ["RootCredentialsManagement"],
        "delegation_policy": policy,
        "delegated_administrators": {"cloudtrail.amazonaws.com": [id]},
    });
    assert_eq!(outputs(&program)["ours"]["value"], wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_may_be_named_by_version_label_or_arn() {
    let program = applied(
        r#"data "ssm_parameter" "p" {
  for_each = toset(["/shared/name", "/shared/name:1", "/shared/name:old", var.arn])
  account  = account.production
  name     = each.key
}
variable "arn" {
  default = "/shared/name:2"
}
output "values" {
  value = { for name, p in data.ssm_parameter.p : name => p.value }
}"#,
    );
    let (sdk, _open) = by_hand(&program).await;
    put(&sdk, "/shared/name", "one", "String").await;
    put(&sdk, "/shared/name", "two", "String").await;
    let ssm = aws_sdk_ssm::Client::new(&sdk);
    let label = ssm.label_parameter_version().name("/shared/name").parameter_version(1);
    label.labels("old").send().await.expect("labelled");
    program.run(&["apply", "--auto-approve"]).code(0);
    assert_eq!(
        outputs(&program)["values"]["value"],
        json!({"/shared/name": "two", "/shared/name:1": "one", "/shared/name:2": "two", "/shared/name:old": "one"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_lookups_that_is_too_long_is_said_to_be() {
    let mut blocks = String::new();
    for at in 0..9 {
        let name = match at {
            0 => "\"/chain/0\"".to_owned(),
            at => format!("data.ssm_parameter.p{}.value", at - 1),
        };
        blocks.push_str(&format!(
            "data \"ssm_parameter\" \"p{at}\" {{\n  account = account.production\n  name = {name}\n}}\n"
        ));
    }
    let program = applied(&blocks);
    let (sdk, _open) = by_hand(&program).await;
    for at in 0..9 {
        put(&sdk, &format!("/chain/{at}"), &format!("/chain/{}", at + 1), "String").await;
    }
    let refused = program.run(&["plan"]).code(1);
    for part in
        ["`/chain/8` in `production`", "more than 8 lookups", "data \"ssm_parameter\" \"p8\""]
    {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
    let shorter = blocks.rsplit_once("data \"ssm_parameter\" \"p8\"").expect("the last").0;
    program.write("main.hcl", &two_environments(shorter));
    program.run(&["plan"]).code(0);
}

/// What is gone is no reason to keep what was made with it, or to see nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_estate_goes_though_what_it_looked_up_is_gone() {
    let blocks = |lifecycle: &str| {
        format!(
            r#"data "ssm_parameter" "teams" {{
  account = account.production
  name    = "/shared/teams"
}}
iam_role "team" {{
  for_each    = toset(split(",", data.ssm_parameter.teams.value))
  accounts    = [account.production]
  name        = "team-${{each.key}}"
  trust {{
    services = ["ec2.amazonaws.com"]
  }}
  {lifecycle}
}}
isolation "walls" {{
  between      = [environment.dev, environment.production]
  on_violation = data.ssm_parameter.teams.value == "red,blue" ? "warn" : "error"
}}
iam_role "other" {{
  accounts    = [account.production]
  description = data.ssm_parameter.teams.value
  trust {{
    services = ["ec2.amazonaws.com"]
  }}
}}"#
        )
    };
    let program = applied(&blocks(""));
    let (sdk, _open) = by_hand(&program).await;
    put(&sdk, "/shared/teams", "red,blue", "StringList").await;
    program.run(&["apply", "--auto-approve"]).code(0);
    let ssm = aws_sdk_ssm::Client::new(&sdk);
    ssm.delete_parameter().name("/shared/teams").send().await.expect("deleted");
    let missing = "`/shared/teams` in `production` does not exist";
    let refused = program.run(&["plan"]).code(1);
    assert!(refused.err.contains(missing), "{}", refused.err);
    for (command, code) in [("drift", 6), ("status", 0)] {
        let told = program.run(&[command]).code(code);
        assert!(told.err.contains(missing), "{command}: {}", told.err);
        // What is left out is not unchanged.
        for says in [
            "1 object not read",
            "iam_role.other@production",
            "data ssm_parameter in production",
            "left out, at main.hcl:",
        ] {
            assert!(told.out.contains(says), "{command}: {says}\n{}", told.out);
        }
        for not in ["No drift", "no isolation rule is broken"] {
            assert!(!told.out.contains(not), "{command}: {not}\n{}", told.out);
        }
    }
    // A block that protects its objects may be the one that cannot be evaluated.
    program.write(
        "main.hcl",
        &two_environments(&blocks("lifecycle {\n    prevent_destroy = true\n  }")),
    );
    let protected = program.run(&["destroy", "--auto-approve"]).code(1);
    assert!(protected.err.contains("prevent_destroy"), "{}", protected.err);
    let iam = aws_sdk_iam::Client::new(&sdk);
    iam.get_role().role_name("team-red").send().await.expect("it stays");
    program.write("main.hcl", &two_environments(&blocks("")));
    let gone = program.run(&["destroy", "--auto-approve"]).code(0);
    assert!(gone.err.contains(missing), "{}", gone.err);
    for name in ["team-red", "team-blue", "other"] {
        assert!(iam.get_role().role_name(name).send().await.is_err(), "{name} is there");
    }
}

/// A lookup that fails stops what needs it and nothing else, and is not taken for a yes.
#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_that_fails_stops_what_needs_it_alone() {
    let program = applied(
        r#"variable "team" {
  default = "one"
}
data "ssm_parameter" "team" {
  account = account.production
  name    = "/shared/team"
}
iam_role "needs" {
  accounts    = [account.production]
  description = data.ssm_parameter.team.value
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
iam_role "plain" {
  accounts    = [account.production]
  description = var.team
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
output "team" {
  value = data.ssm_parameter.team.value
}
output "upper" {
  value = upper(data.ssm_parameter.team.value)
}
output "plain" {
  value = iam_role.plain.arn
}"#,
    );
    let (sdk, _open) = by_hand(&program).await;
    put(&sdk, "/shared/team", "red", "String").await;
    program.run(&["apply", "--auto-approve"]).code(0);
    let before = outputs(&program);
    let ssm = aws_sdk_ssm::Client::new(&sdk);
    ssm.delete_parameter().name("/shared/team").send().await.expect("deleted");
    let missing = "`/shared/team` in `production` does not exist";
    program.run(&["plan"]).code(1);

    // Nothing is left out, and nobody can say whether the role is as it should be.
    let drift = program.run(&["drift"]).code(6);
    for says in ["1 object not read", "data ssm_parameter in production", "iam_role.needs"] {
        assert!(drift.out.contains(says), "{says}\n{}", drift.out);
    }
    for not in ["No drift", "not applied yet"] {
        assert!(!drift.out.contains(not), "{not}\n{}", drift.out);
    }
    let status = program.run(&["status"]).code(0);
    assert!(status.out.contains("1 object not read"), "{}", status.out);

    // What is in AWS is there whatever the configuration looks up.
    for command in
        [&["isolation", "--live"][..], &["who-can", "s3:GetObject", "*"], &["adopt", "-a", "dev"]]
    {
        let told = program.run(command).code(0);
        assert!(told.err.contains(missing), "{command:?}: {}", told.err);
    }

    // A plan of what needs it is refused, one of the rest is carried out.
    let refused = program.run(&["plan", "-t", "iam_role.needs"]).code(1);
    assert!(refused.err.contains(missing), "{}", refused.err);
    program.run(&["plan", "--account", "production"]).code(1);
    let plain = ["apply", "-t", "iam_role.plain", "--auto-approve", "--var", "team=two"];
    let done = program.run(&plain).code(0);
    assert!(!done.out.contains("iam_role.needs"), "{}", done.out);
    let iam = aws_sdk_iam::Client::new(&sdk);
    let of = async |name: &str| {
        let role = iam.get_role().role_name(name).send().await.expect("there");
        role.role.and_then(|role| role.description)
    };
    assert_eq!(of("plain").await.as_deref(), Some("two"));
    assert_eq!(of("needs").await.as_deref(), Some("red"));
    assert_eq!(outputs(&program), before, "outputs stay what they were");
    let saved = ["plan", "-t", "iam_role.plain", "--out", "saved", "--var", "team=three"];
    program.run(&saved).code(0);
    program.run(&["apply", "saved", "--auto-approve"]).code(0);
    assert_eq!(of("plain").await.as_deref(), Some("three"));
    assert_eq!(outputs(&program), before, "outputs stay what they were");
}

/// Which of two counts, readers of JSON do not agree on.
#[test]
fn a_key_that_stands_twice_in_a_source_document_is_refused() {
    let program = Program::new(
        "palisade {\n  name = \"acme\"\n}\ndata \"iam_policy_document\" \"d\" {\n  \
         source_policy_documents = [\"{\\\"Statement\\\": [], \\\"Statement\\\": [{\\\"Effect\\\": \\\"Deny\\\", \\\"Action\\\": \\\"s3:*\\\", \\\"Resource\\\": \\\"*\\\"}]}\"]\n}\n\
         output \"d\" {\n  value = data.iam_policy_document.d.json\n}\n",
    );
    let refused = program.run(&["validate"]).code(1);
    assert!(refused.err.contains("cannot be read"), "{}", refused.err);
}

/// What AWS knows of a bucket, one setting of which it does not tell.
struct Refused;

impl palisade::eval::ValueSource for Refused {
    fn attrs(&self, _: &palisade::address::ResourceAddr) -> Option<palisade::value::Attrs> {
        None
    }

    fn looked_up(&self, _: &palisade::schema::data::Lookup) -> Option<palisade::eval::Looked> {
        let attrs =
            [("bucket".to_owned(), "b".into()), ("arn".to_owned(), "arn:aws:s3:::b".into())];
        let unread = [("abac".to_owned(), "access denied".to_owned())];
        Some(Ok(Some(std::sync::Arc::new(palisade::eval::LookedUp {
            attrs: attrs.into(),
            unread: unread.into(),
        }))))
    }
}

/// A setting that AWS refuses to tell is not `null`.
#[test]
fn an_attribute_that_could_not_be_read_is_an_error_where_it_is_used() {
    let estate = |value: &str| {
        let program = Program::new(&two_environments(&format!(
            "data \"s3_bucket\" \"b\" {{\n  account = account.dev\n  bucket = \"b\"\n}}\noutput \"b\" {{\n  value = {value}\n}}"
        )));
        let options = palisade::config::LoadOptions::default();
        let loaded = palisade::config::load(program.path(), &options);
        palisade::eval::Evaluator::new(&loaded.configuration, &Refused).estate()
    };
    let told = estate("data.s3_bucket.b.arn").expect("it is known");
    assert_eq!(told.outputs["b"].value.as_str(), Some("arn:aws:s3:::b"));
    let errors = estate("data.s3_bucket.b.abac").expect_err("it is not known");
    let error = errors.iter().next().expect("an error");
    assert_eq!(error.summary, "`abac` of `data.s3_bucket.b` could not be read");
    assert_eq!(error.detail.as_deref(), Some("access denied"));
}

const TAGGING: &str = r#"
organization_policy "tagging" {
  type = "TAG_POLICY"
  content = {
    tags = {
      cost = {
        tag_key   = { "@@assign" = "Cost", "@@operators_allowed_for_child_policies" = ["@@none"] }
        tag_value = { "@@assign" = ["a", "b"] }
      }
    }
  }
  targets = [organization.acme]
}
organization_policy "own" {
  type    = "TAG_POLICY"
  content = { tags = { cost = { tag_key = { "@@assign" = "cost" }, tag_value = { "@@append" = ["c"] } } } }
  targets = [account.production]
}
"#;

/// What the policies of the root, of the units and of the account itself come to, AWS tells.
#[test]
fn the_effective_policy_of_an_account_is_told() {
    let asked = |ty: &str| {
        format!(
            "data \"effective_policy\" \"there\" {{\n  account = account.production\n  type = \"{ty}\"\n}}
output \"there\" {{\n  value = data.effective_policy.there.content == null ? null : jsondecode(data.effective_policy.there.content)\n}}\n"
        )
    };
    let program = applied("");
    let main = two_environments(&asked("TAG_POLICY")).replacen(
        "organization \"acme\" {",
        "organization \"acme\" {\n  enabled_policy_types = [\"SERVICE_CONTROL_POLICY\", \"TAG_POLICY\"]\n",
        1,
    );
    // There is none yet, and the type is off: what is to make it is no error.
    program.write("main.hcl", &format!("{main}{TAGGING}"));
    program.run(&["validate"]).code(0);
    program.run(&["apply", "--auto-approve"]).code(0);
    assert_eq!(outputs(&program)["there"]["value"], Value::Null);
    program.run(&["apply", "--auto-approve"]).code(0);
    let wanted = json!({"tags": {"cost": {"tag_key": "Cost", "tag_value": ["a", "b", "c"]}}});
    assert_eq!(outputs(&program)["there"]["value"], wanted);
    program.run(&["plan", "--detailed-exitcode"]).code(0);

    program.write("main.hcl", &two_environments(&asked("SERVICE_CONTROL_POLICY")));
    let refused = program.run(&["plan"]).code(1).err;
    assert!(refused.contains("there is no effective SERVICE_CONTROL_POLICY"), "{refused}");
    assert!(refused.contains("palisade isolation"), "{refused}");
}
