//! The AWS halves of the kinds against the embedded AWS: each is created, read in bulk and alone,
//! found unchanged, updated in place, changed behind Palisade's back, and deleted. What the endpoint
//! holds is asserted through plain SDK clients.

use palisade::address::ResourceAddr;
use palisade::provider::{Failure, Op, Permit, Provider};
use palisade::schema::Home;
use palisade::value::{Attrs, BlockRef, Value};
use serde_json::Value as Json;

use crate::support::live::{Object, World, target};

fn refer(world: &mut World, kind: &str, name: &str, object: &Object) {
    let address = ResourceAddr::new(kind, name);
    let block = BlockRef { address, attrs: object.attrs.clone().into() };
    world.references.insert(format!("{kind}.{name}"), Value::Block(block));
}

fn no_meta() -> Attrs {
    Attrs::new()
}

#[tokio::test]
async fn an_organization_with_units_and_accounts() {
    let mut world = World::new().await;
    let empty = world.inventory(Home::Organization, &world.management.clone()).await;
    assert!(empty.objects.is_empty() && empty.complete.contains("account"));
    let organization = world
        .create(
            r#"organization "acme" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY"]
  trusted_services     = ["cloudtrail.amazonaws.com"]
}"#,
            None,
        )
        .await;
    refer(&mut world, "organization", "acme", &organization);
    let sdk = world.sdk(&world.management.clone()).await;
    let client = aws_sdk_organizations::Client::new(&sdk);
    // Somebody enables a service by hand: it stays, until the block says otherwise.
    client
        .enable_aws_service_access()
        .service_principal("config.amazonaws.com")
        .send()
        .await
        .expect("enabled");
    let organization = world
        .update(
            &organization,
            r#"organization "acme" {
  enabled_policy_types = ["RESOURCE_CONTROL_POLICY", "SERVICE_CONTROL_POLICY"]
  trusted_services     = ["sso.amazonaws.com"]
}"#,
        )
        .await;
    let services =
        world.live(&organization).await.expect("there").attrs["trusted_services"].clone();
    assert_eq!(services, ["config.amazonaws.com", "sso.amazonaws.com"].into_iter().collect());

    let workloads =
        world.create("organizational_unit \"workloads\" {\n  tags = { a = \"1\" }\n}", None).await;
    refer(&mut world, "organizational_unit", "workloads", &workloads);
    let prod = world
        .create("organizational_unit \"prod\" {\n  parent = organizational_unit.workloads\n}", None)
        .await;
    refer(&mut world, "organizational_unit", "prod", &prod);
    let workloads = world
        .update(&workloads, "organizational_unit \"workloads\" {\n  name = \"Workloads\"\n  tags = { b = \"2\" }\n}")
        .await;

    let account = world
        .create(
            "account \"production\" {\n  email = \"prod@acme.example\"\n  parent = organizational_unit.prod\n  tags = { tier = \"production\" }\n}",
            None,
        )
        .await;
    let id = account.attrs["id"].as_str().expect("id").to_owned();
    let parents = client.list_parents().child_id(&id).send().await.expect("parents");
    assert_eq!(parents.parents()[0].id(), prod.attrs["id"].as_str());
    let account = world
        .update(
            &account,
            "account \"production\" {\n  email = \"prod@acme.example\"\n  parent = organization.acme\n  tags = { tier = \"gold\" }\n}",
        )
        .await;
    assert_eq!(account.attrs["parent"], "root".into());

    // A unit that still holds something is not deleted.
    let refused = world.delete(&workloads, no_meta()).await.expect_err("not empty");
    assert_eq!(refused.failure, Failure::Refused, "{refused}");
    world.delete(&prod, no_meta()).await.expect("deleted");
    world.delete(&workloads, no_meta()).await.expect("deleted");
    assert!(world.live(&prod).await.is_none() && world.live(&workloads).await.is_none());

    // Without a word in the state an account is never closed.
    let refused = world.delete(&account, no_meta()).await.expect_err("retained");
    assert_eq!(refused.failure, Failure::Refused, "{refused}");
    let close = Attrs::from([("on_destroy".to_owned(), "close".into())]);
    world.delete(&account, close).await.expect("closed");
    let closed = client.describe_account().account_id(&id).send().await.expect("there");
    assert_ne!(closed.account().and_then(|a| a.state()).map(|s| s.as_str()), Some("ACTIVE"));
    assert!(world.live(&account).await.expect("still listed").reserved.is_some());
    let refused = world.delete(&organization, no_meta()).await.expect_err("never");
    assert_eq!(refused.failure, Failure::Refused);
}

#[tokio::test]
async fn an_account_creation_is_found_again() {
    let mut world = World::new().await;
    world.create("organization \"acme\" {\n}", None).await;
    let text = "account \"a\" {\n  email = \"a@acme.example\"\n}";
    let (step, target) = world.desired(text, None);
    let after = step.after.clone().expect("after");
    let none = world.provider.find_creation(&target, "account", &after, 0).await.expect("looked");
    assert!(none.is_none());
    let made = world.provider.execute(&target, &step, &Permit::open()).await.expect("asked for");
    let found = world.provider.find_creation(&target, "account", &after, 0).await.expect("looked");
    assert_eq!(found.expect("found")["request_id"], made["request_id"]);
    // The e-mail is taken now: the reason is told.
    let (other, target) = world.desired("account \"b\" {\n  email = \"a@acme.example\"\n}", None);
    let mut wait = step.clone();
    wait.op = Op::Wait;
    wait.target = made["request_id"].as_str().map(str::to_owned);
    world.provider.execute(&target, &wait, &Permit::open()).await.expect("through");
    let error = match world.provider.execute(&target, &other, &Permit::open()).await {
        Err(error) => error,
        Ok(asked) => {
            let mut wait = other.clone();
            wait.op = Op::Wait;
            wait.target = asked["request_id"].as_str().map(str::to_owned);
            world.provider.execute(&target, &wait, &Permit::open()).await.expect_err("refused")
        }
    };
    assert_eq!(error.failure, Failure::AlreadyExists, "{error}");
}

#[tokio::test]
async fn organization_policies_and_their_targets() {
    let mut world = World::new().await;
    let organization = world
        .create(
            "organization \"acme\" {\n  enabled_policy_types = [\"SERVICE_CONTROL_POLICY\", \"RESOURCE_CONTROL_POLICY\"]\n}",
            None,
        )
        .await;
    refer(&mut world, "organization", "acme", &organization);
    let unit = world.create("organizational_unit \"prod\" {\n}", None).await;
    refer(&mut world, "organizational_unit", "prod", &unit);
    let scp = |targets: &str, region: &str| {
        format!(
            "service_control_policy \"region_lock\" {{\n  description = \"{region}\"\n  targets = [{targets}]\n  statement \"deny\" {{\n    effect = \"Deny\"\n    not_actions = [\"iam:*\", \"sts:*\"]\n    resources = [\"*\"]\n    condition {{\n      test = \"StringNotEquals\"\n      variable = \"aws:RequestedRegion\"\n      values = [\"{region}\"]\n    }}\n  }}\n}}"
        )
    };
    let policy =
        world.create(&scp("organization.acme, organizational_unit.prod", "eu-west-1"), None).await;
    let client = aws_sdk_organizations::Client::new(&world.sdk(&world.management.clone()).await);
    let id = policy.attrs["id"].as_str().expect("id").to_owned();
    let targets = client.list_targets_for_policy().policy_id(&id).send().await.expect("targets");
    assert_eq!(targets.targets().len(), 2);
    let policy = world.update(&policy, &scp("organizational_unit.prod", "eu-central-1")).await;
    let described = client.describe_policy().policy_id(&id).send().await.expect("there");
    let content = described.policy().and_then(|p| p.content()).expect("content").to_owned();
    assert!(content.contains("eu-central-1") && !content.contains("eu-west-1"), "{content}");
    let rcp = world
        .create(
            "resource_control_policy \"perimeter\" {\n  targets = [organizational_unit.prod]\n  statement \"x\" {\n    actions = [\"s3:*\"]\n    resources = [\"*\"]\n    condition {\n      test = \"StringNotEqualsIfExists\"\n      variable = \"aws:PrincipalOrgID\"\n      values = [\"o-1234567890\"]\n    }\n  }\n}",
            None,
        )
        .await;
    // AWS's own policies are seen, and nobody may touch them.
    let inventory = world.inventory(Home::Organization, &world.management.clone()).await;
    let full = &inventory.objects[&("service_control_policy", "FullAWSAccess".to_owned())];
    assert!(full.reserved.is_some());
    // Attached by hand elsewhere: seen, and it keeps the policy from being deleted.
    let root = organization.attrs["root_id"].as_str().expect("root");
    client.attach_policy().policy_id(&id).target_id(root).send().await.expect("attached");
    let live = world.live(&policy).await.expect("there");
    assert_eq!(live.attrs["targets"].elements().expect("list").len(), 2);
    for object in [&policy, &rcp] {
        world.delete(object, no_meta()).await.expect("deleted");
        assert!(world.live(object).await.is_none());
    }
}

#[tokio::test]
async fn policies_that_configure_services_live() {
    let mut world = World::new().await;
    let organization = world
        .create("organization \"acme\" {\n  enabled_policy_types = [\"TAG_POLICY\"]\n}", None)
        .await;
    refer(&mut world, "organization", "acme", &organization);
    let unit = world.create("organizational_unit \"prod\" {\n}", None).await;
    refer(&mut world, "organizational_unit", "prod", &unit);
    let tags = |targets: &str, key: &str| {
        format!(
            "organization_policy \"tags\" {{\n  type = \"TAG_POLICY\"\n  targets = [{targets}]\n  content = {{\n    tags = {{ team = {{ tag_key = {{ \"@@assign\" = \"{key}\" }} }} }}\n  }}\n  tags = {{ owner = \"platform\" }}\n}}"
        )
    };
    let policy =
        world.create(&tags("organization.acme, organizational_unit.prod", "Team"), None).await;
    let client = aws_sdk_organizations::Client::new(&world.sdk(&world.management.clone()).await);
    let id = policy.attrs["id"].as_str().expect("id").to_owned();
    let described = client.describe_policy().policy_id(&id).send().await.expect("there");
    let described = described.policy().expect("a policy");
    let kind = described.policy_summary().and_then(|s| s.r#type()).expect("a type");
    assert_eq!(kind.as_str(), "TAG_POLICY");
    let content: Json = serde_json::from_str(described.content().expect("content")).expect("JSON");
    assert_eq!(content["tags"]["team"]["tag_key"]["@@assign"], "Team");
    let targets = client.list_targets_for_policy().policy_id(&id).send().await.expect("targets");
    assert_eq!(targets.targets().len(), 2);
    let policy = world.update(&policy, &tags("organizational_unit.prod", "TEAM")).await;
    let described = client.describe_policy().policy_id(&id).send().await.expect("there");
    let content = described.policy().and_then(|p| p.content()).expect("content").to_owned();
    assert!(content.contains("TEAM"), "{content}");
    // Of a type that is not enabled nothing is listed, and nothing is made.
    let backup = "organization_policy \"backup\" {\n  type = \"BACKUP_POLICY\"\n  content = \"{\\\"plans\\\": {}}\"\n}";
    let (step, target) = world.desired(backup, None);
    let made = world.provider.execute(&target, &step, &Permit::open()).await;
    let refused = made.expect_err("the type is off");
    assert!(refused.message.contains("add `BACKUP_POLICY` to `enabled_policy_types`"), "{refused}");
    world.delete(&policy, no_meta()).await.expect("deleted");
    assert!(world.live(&policy).await.is_none());
}

const ROLE: &str = r#"iam_role "deploy" {
  path        = "/ci/"
  description = "Deploys"
  trust {
    services = ["codebuild.amazonaws.com"]
  }
  statement "deploy" {
    actions   = ["s3:PutObject", "s3:GetObject"]
    resources = ["arn:aws:s3:::acme-*/*"]
  }
  managed_policies     = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  max_session_duration = "2h"
  tags                 = { team = "platform", gone = "soon" }
}"#;

#[tokio::test]
async fn a_role_lives() {
    let (mut world, member) = World::with_member().await;
    world.operations();
    let boundary = world
        .create(
            "iam_policy \"boundary\" {\n  path = \"/b/\"\n  description = \"Bounds\"\n  statement \"all\" {\n    actions = [\"s3:*\"]\n    resources = [\"*\"]\n  }\n}",
            Some(&member),
        )
        .await;
    refer(&mut world, "iam_policy", "boundary", &boundary);
    let role = world.create(ROLE, Some(&member)).await;
    let changed = r#"iam_role "deploy" {
  path = "/ci/"
  trust {
    aws = ["111111111111"]
  }
  statement "deploy" {
    actions   = ["s3:PutObject"]
    resources = ["arn:aws:s3:::acme-*/*"]
  }
  inline_policy "extra" {
    content = { Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sqs:*", Resource = "*" }] }
  }
  managed_policies     = [iam_policy.boundary]
  permissions_boundary = iam_policy.boundary
  tags                 = { team = "core" }
}"#;
    let role = world.update(&role, changed).await;
    let iam = aws_sdk_iam::Client::new(&world.sdk(&member).await);
    let seen = iam.get_role().role_name("deploy").send().await.expect("there");
    let seen = seen.role().expect("role");
    assert_eq!(seen.max_session_duration(), Some(3600));
    assert_eq!(seen.description().unwrap_or_default(), "");
    let arn = seen.permissions_boundary().and_then(|b| b.permissions_boundary_arn());
    assert_eq!(arn, boundary.attrs["arn"].as_str());

    // A second inline policy and a trust by hand: both are seen.
    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    iam.put_role_policy()
        .role_name("deploy")
        .policy_name("door")
        .policy_document(document)
        .send()
        .await
        .expect("put");
    let live = world.live(&role).await.expect("there");
    assert!(live.attrs["inline_policies"].as_map().expect("map").contains_key("door"));
    // Palisade's role owns its policies: the next apply takes the door out.
    let role = world.update(&role, changed).await;
    let names = iam.list_role_policies().role_name("deploy").send().await.expect("listed");
    assert_eq!(names.policy_names(), ["deploy", "extra"]);

    // A policy in use is not deleted, and the refusal names its user.
    let refused = world.delete(&boundary, no_meta()).await.expect_err("in use");
    assert!(refused.message.contains("role `deploy`"), "{refused}");
    world.delete(&role, no_meta()).await.expect("deleted");
    assert!(world.live(&role).await.is_none());
    world.delete(&boundary, no_meta()).await.expect("deleted");
    assert!(world.live(&boundary).await.is_none());
    world.delete(&role, no_meta()).await.expect("gone already");
}

/// The quota of attached policies is the account's, so only AWS knows whether a role is full.
#[tokio::test]
async fn a_full_role_takes_one_policy_in_place_of_another() {
    let (mut world, member) = World::with_member().await;
    for n in 0..11 {
        let text = format!(
            "iam_policy \"p{n}\" {{\n  statement \"all\" {{\n    actions = [\"s3:*\"]\n    resources = [\"*\"]\n  }}\n}}"
        );
        let policy = world.create(&text, Some(&member)).await;
        refer(&mut world, "iam_policy", &format!("p{n}"), &policy);
    }
    let role = |policies: std::ops::Range<usize>| {
        let names: Vec<String> = policies.map(|n| format!("iam_policy.p{n}")).collect();
        format!(
            "iam_role \"full\" {{\n  trust {{\n    aws = [\"111111111111\"]\n  }}\n  managed_policies = [{}]\n}}",
            names.join(", ")
        )
    };
    let full = world.create(&role(0..10), Some(&member)).await;
    let full = world.update(&full, &role(1..11)).await;
    let iam = aws_sdk_iam::Client::new(&world.sdk(&member).await);
    let seen = iam.list_attached_role_policies().role_name("full").send().await.expect("listed");
    let names: Vec<_> =
        seen.attached_policies().iter().filter_map(|policy| policy.policy_name()).collect();
    assert_eq!(names.len(), 10);
    assert!(names.contains(&"p10") && !names.contains(&"p0"), "{names:?}");
    world.delete(&full, no_meta()).await.expect("deleted");
}

#[tokio::test]
async fn creating_roles_needs_few_requests() {
    let (world, member) = World::with_member().await;
    world.inventory(Home::Account, &member).await;
    world.operations();
    let mut requests = 0;
    for at in 0..10 {
        let text = format!(
            "iam_role \"r{at}\" {{\n  trust {{\n    services = [\"ec2.amazonaws.com\"]\n  }}\n  statement \"a\" {{\n    actions = [\"s3:GetObject\"]\n    resources = [\"*\"]\n  }}\n}}"
        );
        let (step, target) = world.desired(&text, Some(&member));
        world.provider.execute(&target, &step, &Permit::open()).await.expect("created");
        requests += world.operations().len();
    }
    assert!(requests <= 22, "{requests} requests for ten roles");
    // And reading them all takes no call per role.
    world.inventory(Home::Account, &member).await;
    let operations = world.operations();
    assert!(!operations.iter().any(|o| o == "GetRole" || o == "GetRolePolicy"), "{operations:?}");
    assert!(operations.len() <= 12, "{operations:?}");
}

#[tokio::test]
async fn reading_many_roles_takes_no_more_requests_than_reading_few() {
    let (world, member) = World::with_member().await;
    // The first look signs in, and learns what AWS's own policies say.
    world.inventory(Home::Account, &member).await;
    let mut requests = Vec::new();
    for (from, to) in [(0, 5), (5, 120)] {
        for at in from..to {
            let text = format!(
                "iam_role \"r{at}\" {{\n  trust {{\n    services = [\"ec2.amazonaws.com\"]\n  }}\n  statement \"a\" {{\n    actions = [\"s3:GetObject\"]\n    resources = [\"*\"]\n  }}\n}}"
            );
            let (step, target) = world.desired(&text, Some(&member));
            world.provider.execute(&target, &step, &Permit::open()).await.expect("created");
        }
        world.operations();
        let found = world.inventory(Home::Account, &member).await;
        let roles = found.objects.keys().filter(|(kind, _)| *kind == "iam_role");
        assert!(roles.count() >= to, "all are read");
        // Services are read side by side: only what was asked is the same every time.
        let mut seen = world.operations();
        seen.sort();
        requests.push(seen);
    }
    // Up to a thousand objects come on one page, so nothing is asked twice.
    assert_eq!(requests[0], requests[1]);
}

#[tokio::test]
async fn a_policy_keeps_five_versions() {
    let (mut world, member) = World::with_member().await;
    let text = |n: usize| {
        format!(
            "iam_policy \"p\" {{\n  tags = {{ n = \"{n}\" }}\n  statement \"a\" {{\n    actions = [\"s3:Get*\"]\n    resources = [\"arn:aws:s3:::b{n}/*\"]\n  }}\n}}"
        )
    };
    let mut policy = world.create(&text(0), Some(&member)).await;
    for n in 1..8 {
        policy = world.update(&policy, &text(n)).await;
    }
    let iam = aws_sdk_iam::Client::new(&world.sdk(&member).await);
    let arn = policy.attrs["arn"].as_str().expect("arn").to_owned();
    let versions = iam.list_policy_versions().policy_arn(&arn).send().await.expect("listed");
    assert_eq!(versions.versions().len(), 5);
    world.delete(&policy, no_meta()).await.expect("deleted with all versions");
    assert!(world.live(&policy).await.is_none());
}

#[tokio::test]
async fn an_oidc_provider_lives() {
    let (mut world, member) = World::with_member().await;
    let first = "iam_oidc_provider \"github\" {\n  url = \"https://token.actions.githubusercontent.com\"\n  thumbprints = [\"6938fd4d98bab03faadb97b34396831e3780aea1\"]\n}";
    let provider = world.create(first, Some(&member)).await;
    let second = "iam_oidc_provider \"github\" {\n  url = \"https://token.actions.githubusercontent.com\"\n  audiences = [\"acme\", \"sts.amazonaws.com\"]\n  thumbprints = [\"1c58a3a8518e8759bf075b76b750d4f2df264fcd\"]\n  tags = { x = \"y\" }\n}";
    let provider = world.update(&provider, second).await;
    let iam = aws_sdk_iam::Client::new(&world.sdk(&member).await);
    let arn = provider.attrs["arn"].as_str().expect("arn").to_owned();
    let seen = iam
        .get_open_id_connect_provider()
        .open_id_connect_provider_arn(&arn)
        .send()
        .await
        .expect("there");
    assert_eq!(seen.client_id_list().len(), 2);
    world.delete(&provider, no_meta()).await.expect("deleted");
    assert!(world.live(&provider).await.is_none());
}

#[tokio::test]
async fn a_bucket_lives() {
    let (mut world, member) = World::with_member().await;
    let bucket = world
        .create(
            "s3_bucket \"acme-data\" {\n  versioning = true\n  tags = { a = \"1\" }\n}",
            Some(&member),
        )
        .await;
    let text = r#"s3_bucket "acme-data" {
  block_public_access = false
  encryption {
    kms_key_id = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }
  statement "tls" {
    effect  = "Deny"
    actions = ["s3:*"]
    resources = ["arn:aws:s3:::acme-data", "arn:aws:s3:::acme-data/*"]
    principals {
      type        = "*"
      identifiers = []
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}"#;
    let bucket = world.update(&bucket, text).await;
    let config =
        aws_sdk_s3::config::Builder::from(&world.sdk(&member).await).force_path_style(true);
    let s3 = aws_sdk_s3::Client::from_conf(config.build());
    let policy = s3.get_bucket_policy().bucket("acme-data").send().await.expect("policy");
    assert!(policy.policy().expect("text").contains("aws:SecureTransport"));
    // Nothing of the policy is left when the block no longer has one.
    let bucket = world.update(&bucket, "s3_bucket \"acme-data\" {\n}").await;
    assert!(s3.get_bucket_policy().bucket("acme-data").send().await.is_err());
    s3.put_object()
        .bucket("acme-data")
        .key("k")
        .body(b"x".to_vec().into())
        .send()
        .await
        .expect("put");
    let refused = world.delete(&bucket, no_meta()).await.expect_err("not empty");
    assert!(refused.message.contains("empty it first"), "{refused}");
    s3.delete_object().bucket("acme-data").key("k").send().await.expect("deleted");
    let versions = s3.list_object_versions().bucket("acme-data").send().await.expect("listed");
    let ids = versions.versions().iter().map(|v| v.version_id());
    for id in ids.chain(versions.delete_markers().iter().map(|m| m.version_id())) {
        s3.delete_object()
            .bucket("acme-data")
            .key("k")
            .set_version_id(id.map(str::to_owned))
            .send()
            .await
            .expect("deleted");
    }
    world.delete(&bucket, no_meta()).await.expect("deleted");
    assert!(world.live(&bucket).await.is_none());
}

#[tokio::test]
async fn an_account_baseline_lives() {
    let (mut world, member) = World::with_member().await;
    let text = |alias: &str, age: u32, public: bool| {
        format!(
            "account_baseline \"b\" {{\n  alias = \"{alias}\"\n  s3_block_public_access = {public}\n  password_policy {{\n    max_age = {age}\n  }}\n}}"
        )
    };
    let baseline = world.create(&text("acme-prod", 90, true), Some(&member)).await;
    let baseline = world.update(&baseline, &text("acme-production", 60, true)).await;
    let iam = aws_sdk_iam::Client::new(&world.sdk(&member).await);
    let aliases = iam.list_account_aliases().send().await.expect("listed");
    assert_eq!(aliases.account_aliases(), ["acme-production"]);
    // Only what the block managed is undone.
    let meta = Attrs::from([("manages".to_owned(), ["password_policy"].into_iter().collect())]);
    world.delete(&baseline, meta).await.expect("undone");
    assert_eq!(iam.list_account_aliases().send().await.expect("listed").account_aliases().len(), 1);
    assert!(iam.get_account_password_policy().send().await.is_err());
    let left = world.live(&baseline).await.expect("an account always has one");
    assert_eq!(left.attrs["password_policy"], Value::Null);
}

#[tokio::test]
async fn config_values_live() {
    let (mut world, member) = World::with_member().await;
    let text = |value: &str, secret: bool| {
        format!(
            "config \"app\" {{\n  environment = \"production\"\n  schema = \"app\"\n  key = \"db/x\"\n  value = {value}\n  secret = {secret}\n}}"
        )
    };
    let plain = world.create(&text("\"warn\"", false), Some(&member)).await;
    assert_eq!(plain.attrs["version"], 1.into());
    let plain = world.update(&plain, &text("\"debug\"", false)).await;
    assert_eq!(plain.attrs["version"], 2.into());
    world.delete(&plain, no_meta()).await.expect("deleted");
    let list = world.create(&text("[\"a\", \"b\"]", false), Some(&member)).await;
    let list = world.update(&list, &text("[\"b\"]", false)).await;
    world.delete(&list, no_meta()).await.expect("deleted");
    let long = format!("\"{}\"", "x".repeat(5_000));
    let long = world.create(&text(&long, false), Some(&member)).await;
    world.delete(&long, no_meta()).await.expect("deleted");
    // A secret is written, and never read back.
    let secret = world.create(&text("\"hunter2\"", true), Some(&member)).await;
    let live = world.live(&secret).await.expect("there");
    assert_eq!(live.attrs["type"], "SecureString".into());
    assert!(!format!("{live:?}").contains("hunter2"));
    assert!(!live.attrs.contains_key("value"));
    let ssm = aws_sdk_ssm::Client::new(&world.sdk(&member).await);
    let seen = ssm
        .get_parameter()
        .name("/acme/production/app/db/x")
        .with_decryption(true)
        .send()
        .await
        .expect("there");
    assert_eq!(seen.parameter().and_then(|p| p.value()), Some("hunter2"));
    world.delete(&secret, no_meta()).await.expect("deleted");
    assert!(world.live(&secret).await.is_none());
}

#[tokio::test]
async fn what_is_not_managed_is_seen_too() {
    let (world, member) = World::with_member().await;
    let iam = aws_sdk_iam::Client::new(&world.sdk(&member).await);
    iam.create_user().user_name("eve").send().await.expect("created");
    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    iam.put_user_policy()
        .user_name("eve")
        .policy_name("all")
        .policy_document(document)
        .send()
        .await
        .expect("put");
    iam.create_group().group_name("staff").send().await.expect("created");
    iam.add_user_to_group().group_name("staff").user_name("eve").send().await.expect("added");
    let inventory = world.inventory(Home::Account, &member).await;
    let eve = &inventory.objects[&("iam_user", "eve".to_owned())];
    assert_eq!(eve.attrs["groups"], ["staff"].into_iter().collect());
    assert!(eve.attrs["inline_policies"].as_map().expect("map").contains_key("all"));
    assert!(inventory.objects.contains_key(&("iam_group", "staff".to_owned())));
    // The policy that gives the access role its power comes with its document, and is not ours.
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess".to_owned();
    let admin = &inventory.objects[&("iam_policy", admin)];
    assert!(admin.reserved.is_some() && admin.attrs["content"].as_map().is_some());
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_told_as_such() {
    let (world, member) = World::with_member().await;
    let mut closed = member.clone();
    closed.read_role = "NoSuchRole".to_owned();
    let kinds = ["iam_role"].into_iter().collect();
    let error = world.provider.read_account(&closed, &kinds, "/acme/").await.expect_err("closed");
    assert_eq!(error.failure, Failure::CannotAssume, "{error}");
    assert!(error.message.contains("role/NoSuchRole"), "{error}");
    let nowhere = target("new", None, false);
    let error = world.provider.read_account(&nowhere, &kinds, "/acme/").await.expect_err("no id");
    assert_eq!(error.failure, Failure::CannotAssume, "{error}");
}
