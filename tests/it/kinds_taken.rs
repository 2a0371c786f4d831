//! Every kind through the program: taken over by a configuration that did not make it, and replaced
//! where AWS changes nothing in place. What the endpoint holds is read with the plain SDK.

use crate::support::cli::Program;
use crate::support::endpoint::{Endpoint, s3};

/// An object of every kind; `LABEL` is part of every address, and of no name in AWS.
const ESTATE: &str = r#"
palisade {
  name = "acme"
}
provider "aws" {
  region = "eu-west-1"
}
organization "LABEL" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
}
organizational_unit "LABEL" {
  name = "workloads"
}
organizational_unit "LABEL_inner" {
  name   = "inner"
  parent = organizational_unit.LABEL
}
account "LABEL" {
  name   = "acme-dev"
  email  = "aws+dev@acme.example"
  parent = organizational_unit.LABEL
  ID
}
service_control_policy "LABEL" {
  name    = "stay"
  targets = [organizational_unit.LABEL]
  statement "Stay" {
    actions   = ["organizations:LeaveOrganization"]
    resources = ["*"]
  }
}
resource_control_policy "LABEL" {
  name    = "encrypted"
  targets = [organizational_unit.LABEL]
  statement "Encrypted" {
    actions   = ["s3:*"]
    resources = ["*"]
    principals {
      type        = "*"
      identifiers = []
    }
    condition {
      test     = "BoolIfExists"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}
config_schema "app" {
  key "level" {
    type = string
  }
}
environment "main" {
  accounts = [account.LABEL]
  config "app" {
    values = { level = "info" }
  }
}
iam_policy "LABEL" {
  accounts    = [account.LABEL]
  name        = "limit"
  description = "Bounds"
  statement "S3" {
    actions   = ["s3:*"]
    resources = ["*"]
  }
}
iam_role "LABEL" {
  accounts             = [account.LABEL]
  name                 = "deploy"
  path                 = "/ci/"
  permissions_boundary = iam_policy.LABEL
  managed_policies     = [iam_policy.LABEL]
  trust {
    services = ["codebuild.amazonaws.com"]
  }
  statement "deploy" {
    actions   = ["s3:PutObject"]
    resources = ["*"]
  }
}
iam_oidc_provider "LABEL" {
  accounts  = [account.LABEL]
  url       = "https://token.actions.githubusercontent.com"
  audiences = ["sts.amazonaws.com"]
}
s3_bucket "LABEL" {
  accounts   = [account.LABEL]
  bucket     = "acme-dev-data"
  versioning = true
}
account_baseline "LABEL" {
  accounts = [account.LABEL]
  alias    = "acme-dev"
  password_policy {
    minimum_length = 16
  }
}
"#;

/// The parameter, as an import names it.
const PARAMETER: &str = r#""environment.main.config.app[\"level\"]@taken""#;

fn estate(label: &str, id: &str) -> String {
    ESTATE.replace("LABEL", label).replace("  ID\n", id)
}

async fn member(endpoint: &Endpoint) -> String {
    let all = endpoint.accounts().await;
    all.into_iter().find(|a| a.name == "acme-dev").expect("the account").id
}

/// What `adopt` writes for two accounts that hold the same, beside each other: it passes `validate`, and its plan changes
/// nothing but ownership tags.
#[test]
fn what_adopt_writes_for_several_accounts_is_adopted_as_it_is() {
    const BARE: &str = r#"palisade {
  name = "acme"
}
provider "aws" {
  region = "eu-west-1"
}
organization "acme" {}
account "one" {
  name  = "acme-one"
  email = "one@acme.example"
}
account "two" {
  name  = "acme-two"
  email = "two@acme.example"
}
"#;
    const MADE: &str = r#"
iam_policy "limit" {
  accounts = [account.one, account.two]
  path     = "/team/"
  tags     = { Team = "a" }
  statement "All" {
    actions   = ["s3:*"]
    resources = ["*"]
  }
}
iam_oidc_provider "ci" {
  accounts  = [account.one, account.two]
  url       = "https://ci.acme.example/"
  audiences = ["one", "two"]
}
iam_role "deploy" {
  accounts             = [account.one, account.two]
  permissions_boundary = iam_policy.limit.at[each.account.handle].arn
  max_session_duration = "2h"
  tags                 = { Owner = "x" }
  trust {
    oidc {
      provider = iam_oidc_provider.ci.at[each.account.handle]
      subjects = ["job"]
    }
  }
  statement "data" {
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}
iam_oidc_provider "bare" {
  accounts  = [account.one, account.two]
  url       = "https://bare.acme.example"
  audiences = []
}
s3_bucket "site" {
  accounts            = [account.one, account.two]
  bucket              = "acme-adopt-site-${each.account.handle}"
  block_public_access = { block_public_acls = true, ignore_public_acls = true }
}
s3_bucket "data" {
  accounts                 = [account.one, account.two]
  bucket                   = "acme-adopt-${each.account.handle}"
  versioning               = true
  tags                     = { Team = "a", team = "b" }
  blocked_encryption_types = ["SSE-C"]
  encryption {
    kms_key_id = "arn:aws:kms:eu-west-1:111111111111:key/k"
    algorithm  = "aws:kms:dsse"
  }
}
"#;
    let maker = Program::new(&format!("{BARE}{MADE}"));
    maker.run(&["apply", "--auto-approve"]).code(0);
    let at = format!("--sandbox={}", maker.path().join(".palisade/sandbox").display());
    let own = "name = \"acme\"\n  backend \"local\" {\n    path = \"taken\"\n  }\n}";
    let taker = Program::new(&BARE.replacen("name = \"acme\"\n}", own, 1));
    for account in ["one", "two"] {
        let out = format!("{account}.hcl");
        taker.run(&["adopt", "--account", account, "--out", &out, &at]).code(0);
        taker.run(&["validate"]).code(0);
        let text = std::fs::read_to_string(taker.path().join(&out)).expect("written");
        assert!(text.contains("audiences = []"), "{text}");
        assert!(text.contains("block_public_policy     = false"), "{text}");
    }
    let plan = taker.run(&["plan", "--json", &at]).code(0).json();
    for change in plan["resource_changes"].as_array().expect("changes") {
        assert!(["adopt", "no_op"].contains(&change["action"].as_str().expect("one")), "{change}");
        let changed = change["changed"].as_array().expect("paths");
        let tags =
            |path: &serde_json::Value| path.as_str().is_some_and(|path| path.contains("palisade:"));
        assert!(changed.iter().all(tags), "{change}");
    }
    taker.run(&["apply", "--auto-approve", &at]).code(0);
    taker.run(&["plan", "--detailed-exitcode", &at]).code(0);
}

/// What `adopt` writes for an organization and then for an account, from nothing but a provider block: it passes
/// `validate`, and its plans change nothing but ownership tags.
#[tokio::test(flavor = "multi_thread")]
async fn what_adopt_writes_for_an_organization_is_adopted_as_it_is() {
    let policies = r#"
organization_policy "LABEL" {
  name    = "cost tags"
  type    = "TAG_POLICY"
  targets = [organization.LABEL, account.LABEL]
  tags    = { Team = "a" }
  content = {
    tags = { cost = { tag_key = { "@@assign" = "Cost" } } }
  }
}
"#;
    let types = "enabled_policy_types = [\"SERVICE_CONTROL_POLICY\"";
    let wider = "trusted_services     = [\"cloudtrail.amazonaws.com\"]\n  enabled_policy_types = [\"TAG_POLICY\", \"SERVICE_CONTROL_POLICY\"";
    let made = format!("{ESTATE}{policies}").replace(types, wider);
    let made = made.replace("LABEL", "made").replace("  ID\n", "  tags = { Owner = \"x\" }\n");
    let maker = Program::new(&made);
    maker.run(&["apply", "--auto-approve"]).code(0);
    let sandbox = maker.path().join(".palisade/sandbox");
    let endpoint = Endpoint::open(&sandbox).await;
    let (held, id) = (endpoint.holds(&[]).await, member(&endpoint).await);
    let iam = aws_sdk_iam::Client::new(&endpoint.account(&id).await);
    iam.create_user().user_name("by-hand").send().await.expect("made");
    drop((endpoint, iam));
    let at = format!("--sandbox={}", sandbox.display());
    let taker = Program::new(
        "palisade {\n  name = \"acme\"\n  backend \"local\" {\n    path = \"taken\"\n  }\n}\nprovider \"aws\" {\n  region = \"eu-west-1\"\n}\n",
    );
    let adopted = |taker: &Program, args: &[&str]| {
        let all = [&["adopt"][..], args, &[at.as_str()][..]].concat();
        let said = taker.run(&all).code(0);
        taker.run(&["validate"]).code(0);
        taker.run(&["fmt", "--check"]).code(0);
        let plan = taker.run(&["plan", "--json", &at]).code(0).json();
        for change in plan["resource_changes"].as_array().expect("changes") {
            let action = change["action"].as_str().expect("one");
            assert!(["adopt", "no_op"].contains(&action), "{change}");
            let changed = change["changed"].as_array().expect("paths");
            let tags = |path: &serde_json::Value| {
                path.as_str().is_some_and(|path| path.contains("palisade:"))
            };
            assert!(changed.iter().all(tags), "{change}");
        }
        taker.run(&["apply", "--auto-approve", &at]).code(0);
        taker.run(&["plan", "--detailed-exitcode", &at]).code(0);
        said
    };
    adopted(&taker, &["--organization", "--out", "organization.hcl"]);
    let text = std::fs::read_to_string(taker.path().join("organization.hcl")).expect("written");
    for part in [
        "organization \"organization\" {",
        "organizational_unit \"workloads\" {",
        "parent = organizational_unit.workloads",
        "account \"acme-dev\" {",
        "service_control_policy \"stay\" {",
        "resource_control_policy \"encrypted\" {",
        "organization_policy \"cost_tags\" {",
        "targets = [account.acme-dev, \"root\"]",
    ] {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(part), "{part}: {text}");
    }
    let said = adopted(&taker, &["--account", "acme-dev", "--out", "acme-dev.hcl"]);
    for (kind, why) in [("config", "`config_schema`"), ("iam_user", "does not manage")] {
        let told = format!("1 object of the kind `{kind}` not written: ");
        assert!(said.err.contains(&told) && said.err.contains(why), "{kind}: {}", said.err);
    }
    let text = std::fs::read_to_string(taker.path().join("acme-dev.hcl")).expect("written");
    for part in ["account_baseline \"baseline\" {", "alias", "password_policy {"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for place in ["--organization", "--account=acme-dev"] {
        let again = taker.run(&["adopt", place, &at]).code(0);
        assert!(again.err.contains("is left to adopt"), "{}", again.err);
    }
    let refused = taker.run(&["adopt", "--account", "acme-dev", "--kind", "account", &at]).code(1);
    assert!(refused.err.contains("`palisade adopt --organization`"), "{}", refused.err);
    taker.run(&["adopt", &at]).code(1);
    let endpoint = Endpoint::open(&sandbox).await;
    let mut now = endpoint.holds(&[]).await;
    now.retain(|line| !line.contains("by-hand"));
    assert_eq!(now, held, "nothing was made anew");
}

#[tokio::test]
async fn every_kind_is_taken_over() {
    let maker = Program::new(&estate("made", ""));
    maker.run(&["apply", "--auto-approve"]).code(0);
    let sandbox = maker.path().join(".palisade/sandbox");
    let endpoint = Endpoint::open(&sandbox).await;
    let (held, id) = (endpoint.holds(&[]).await, member(&endpoint).await);
    let client = aws_sdk_organizations::Client::new(&endpoint.management());
    let mut units = Vec::new();
    let roots = client.list_roots().send().await.expect("listed");
    let mut parents = vec![roots.roots()[0].id().expect("an id").to_owned()];
    while let Some(parent) = parents.pop() {
        let below = client.list_organizational_units_for_parent().parent_id(parent).send().await;
        for unit in below.expect("listed").organizational_units() {
            units.push(unit.id().expect("an id").to_owned());
            parents.push(units.last().expect("one").clone());
        }
    }
    drop(endpoint);

    // Its configuration names what is there, and its state holds none of it.
    let own_account = format!("  id = \"{id}\"\n");
    let own_state = "name = \"acme\"\n  backend \"local\" {\n    path = \"taken\"\n  }\n}";
    let taken = estate("taken", &own_account).replacen("name = \"acme\"\n}", own_state, 1);
    let taker = Program::new(&taken);
    let at = format!("--sandbox={}", sandbox.display());
    let refused = taker.run(&["plan", &at]).code(1);
    assert!(refused.err.contains("`deploy` exists already"), "{}", refused.err);
    assert!(
        refused.err.contains("palisade import 'iam_role.taken@taken' 'deploy'"),
        "{}",
        refused.err
    );
    let iam = format!("arn:aws:iam::{id}");
    let imports = [
        ("organizational_unit.taken", units[0].clone()),
        ("organizational_unit.taken_inner", units[1].clone()),
        ("service_control_policy.taken", "stay".to_owned()),
        ("resource_control_policy.taken", "encrypted".to_owned()),
        ("iam_policy.taken", format!("{iam}:policy/limit")),
        ("iam_role.taken", "deploy".to_owned()),
        (
            "iam_oidc_provider.taken",
            format!("{iam}:oidc-provider/token.actions.githubusercontent.com"),
        ),
        ("s3_bucket.taken", "acme-dev-data".to_owned()),
        (PARAMETER, "/acme/main/app/level".to_owned()),
    ];
    let blocks =
        imports.iter().map(|(to, id)| format!("import {{\n  to = {to}\n  id = \"{id}\"\n}}\n"));
    taker.write("import.hcl", &blocks.collect::<String>());
    let plan = taker.run(&["plan", "--json", &at]).code(0).json();
    let counts = &plan["summary"];
    // The organization, the account and the baseline need no import.
    assert_eq!((&counts["adopt"], &counts["create"]), (&12.into(), &0.into()), "{counts}");
    taker.run(&["apply", "--auto-approve", &at]).code(0);
    taker.run(&["plan", "--detailed-exitcode", &at]).code(0);

    let endpoint = Endpoint::open(&sandbox).await;
    assert_eq!(endpoint.holds(&[]).await, held, "nothing was made anew");
    let sdk = endpoint.account(&id).await;
    // Tags name the new owner.
    let tags = aws_sdk_iam::Client::new(&sdk).list_role_tags().role_name("deploy").send().await;
    let tags = tags.expect("listed");
    let owner = tags.tags().iter().find(|t| t.key() == "palisade:name").expect("an owner");
    assert_eq!(owner.value(), "iam_role.taken@taken");
    let tags = s3(&sdk).get_bucket_tagging().bucket("acme-dev-data").send().await.expect("tags");
    assert!(tags.tag_set().iter().any(|t| t.value() == "s3_bucket.taken@taken"), "{tags:?}");
    let tags = client_tags(&endpoint, &units[0]).await;
    assert!(tags.contains(&"organizational_unit.taken".to_owned()), "{tags:?}");
    drop(endpoint);

    // What the state holds at one address is renamed, never taken over at another and deleted at the first.
    let renamed = taken.replace("s3_bucket \"taken\"", "s3_bucket \"other\"");
    let renamed = renamed.replace("account_baseline \"taken\"", "account_baseline \"other\"");
    taker.write("main.hcl", &renamed);
    taker.write("import.hcl", "import {\n  to = s3_bucket.other\n  id = \"acme-dev-data\"\n}\n");
    let refused = taker.run(&["plan", &at]).code(1);
    for kind in ["s3_bucket", "account_baseline"] {
        for line in
            [format!("from = \"{kind}.taken@taken\""), format!("to   = \"{kind}.other@taken\"")]
        {
            assert!(refused.err.contains(&line), "{line}: {}", refused.err);
        }
    }
    let kinds = ["s3_bucket", "account_baseline"];
    let moved = kinds.map(|k| format!("moved {{\n  from = {k}.taken\n  to   = {k}.other\n}}\n"));
    taker.write("import.hcl", &moved.concat());
    let plan = taker.run(&["plan", "--json", &at]).code(0).json();
    assert_eq!((&plan["summary"]["delete"], &plan["summary"]["create"]), (&0.into(), &0.into()));
    taker.write("main.hcl", &taken);
    taker.write("import.hcl", "");

    // What AWS keeps for itself is nobody's.
    taker.write(
        "more.hcl",
        "service_control_policy \"full\" {\n  statement \"a\" {\n    effect = \"Allow\"\n    actions = [\"*\"]\n    resources = [\"*\"]\n  }\n}\nimport {\n  to = service_control_policy.full\n  id = \"p-FullAWSAccess\"\n}\n",
    );
    let refused = taker.run(&["plan", &at]).code(1);
    assert!(refused.err.contains("cannot be managed"), "{}", refused.err);
}

async fn client_tags(endpoint: &Endpoint, id: &str) -> Vec<String> {
    let client = aws_sdk_organizations::Client::new(&endpoint.management());
    let tags = client.list_tags_for_resource().resource_id(id).send().await.expect("listed");
    tags.tags().iter().map(|t| t.value().to_owned()).collect()
}

#[tokio::test]
async fn what_aws_does_not_change_in_place_is_replaced() {
    let first = estate("a", "");
    let p = Program::new(&first);
    p.run(&["apply", "--auto-approve"]).code(0);
    let sandbox = p.path().join(".palisade/sandbox");
    let second = first
        .replace("\"/ci/\"", "\"/deploy/\"")
        .replace("\"Bounds\"", "\"Limits\"")
        .replace("token.actions.githubusercontent.com", "gitlab.example.com")
        .replace("acme-dev-data", "acme-dev-files")
        .replace("type = string", "type = list(string)")
        .replace("level = \"info\"", "level = [\"info\", \"debug\"]")
        .replace(
            "parent = organizational_unit.a\n}\naccount",
            "parent = organization.a\n}\naccount",
        );
    p.write("main.hcl", &second);
    let plan = p.run(&["plan", "--json"]).code(0).json();
    let replaced: Vec<(&str, String)> = plan["resource_changes"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|c| c["action"] == "replace")
        .map(|c| (c["address"].as_str().expect("text"), c["replace_because"].to_string()))
        .collect();
    let wanted = [
        ("iam_oidc_provider.a@a", "[\"$.url\"]"),
        ("iam_policy.a@a", "[\"$.description\"]"),
        ("iam_role.a@a", "[\"$.path\"]"),
        ("organizational_unit.a_inner", "[\"$.parent\"]"),
        ("s3_bucket.a@a", "[\"$.bucket\"]"),
    ];
    assert_eq!(replaced, wanted.map(|(a, b)| (a, b.to_owned())));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);

    let endpoint = Endpoint::open(&sandbox).await;
    let id = member(&endpoint).await;
    let held = endpoint.holds(&[]).await;
    assert!(held.contains(&format!("{id} bucket acme-dev-files")), "{held:?}");
    assert!(!held.contains(&format!("{id} bucket acme-dev-data")), "{held:?}");
    let provider = format!("{id} provider arn:aws:iam::{id}:oidc-provider/");
    assert!(held.contains(&format!("{provider}gitlab.example.com")), "{held:?}");
    assert!(!held.contains(&format!("{provider}token.actions.githubusercontent.com")), "{held:?}");
    let sdk = endpoint.account(&id).await;
    let iam = aws_sdk_iam::Client::new(&sdk);
    let role = iam.get_role().role_name("deploy").send().await.expect("there");
    let role = role.role().expect("a role");
    assert_eq!(role.path(), "/deploy/");
    let bound = role.permissions_boundary().and_then(|b| b.permissions_boundary_arn());
    assert_eq!(bound, Some(format!("arn:aws:iam::{id}:policy/limit").as_str()));
    let attached =
        iam.list_attached_role_policies().role_name("deploy").send().await.expect("listed");
    assert_eq!(attached.attached_policies().len(), 1);
    let policy =
        iam.get_policy().policy_arn(format!("arn:aws:iam::{id}:policy/limit")).send().await;
    assert_eq!(policy.expect("there").policy().and_then(|p| p.description()), Some("Limits"));
    let ssm = aws_sdk_ssm::Client::new(&sdk);
    let seen = ssm.get_parameter().name("/acme/main/app/level").send().await.expect("there");
    let seen = seen.parameter().expect("a parameter");
    assert_eq!(
        (seen.r#type().map(|t| t.as_str()), seen.value()),
        (Some("StringList"), Some("info,debug"))
    );
    let client = aws_sdk_organizations::Client::new(&endpoint.management());
    let root =
        client.list_roots().send().await.expect("listed").roots()[0].id().expect("id").to_owned();
    let units =
        client.list_organizational_units_for_parent().parent_id(root).send().await.expect("listed");
    let mut names: Vec<&str> =
        units.organizational_units().iter().filter_map(|u| u.name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["inner", "workloads"]);
}
