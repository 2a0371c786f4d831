//! The pure halves of the kinds: what a block means, and what is refused in it at which place.

use palisade::address::ResourceAddr;
use palisade::diag::Diagnostics;
use palisade::schema::kind;
use palisade::value::{Attrs, BlockRef, Unknown, Value};
use serde_json::{Value as Json, json};

use crate::support::bodies::{References, block, context};

const ACCOUNT: &str = "333333333333";

fn references() -> References {
    let account = |name: &str, id: Value| {
        let attrs = Attrs::from([("id".to_owned(), id)]);
        Value::Block(BlockRef { address: ResourceAddr::new("account", name), attrs: attrs.into() })
    };
    let new = Unknown::attr(ResourceAddr::new("account", "new"), "id");
    let policy =
        Attrs::from([("arn".to_owned(), "arn:aws:iam::333333333333:policy/boundary".into())]);
    let github = Attrs::from([
        (
            "arn".to_owned(),
            "arn:aws:iam::333333333333:oidc-provider/token.actions.githubusercontent.com".into(),
        ),
        ("url".to_owned(), "token.actions.githubusercontent.com".into()),
    ]);
    let of = |kind: &str, name: &str, attrs: Attrs| {
        Value::Block(BlockRef { address: ResourceAddr::new(kind, name), attrs: attrs.into() })
    };
    References::from([
        ("account.tooling".to_owned(), account("tooling", "111122223333".into())),
        ("account.new".to_owned(), account("new", Value::Unknown(new))),
        ("organization.acme".to_owned(), of("organization", "acme", Attrs::new())),
        ("organizational_unit.prod".to_owned(), of("organizational_unit", "prod", Attrs::new())),
        ("iam_policy.boundary".to_owned(), of("iam_policy", "boundary", policy)),
        ("iam_oidc_provider.github".to_owned(), of("iam_oidc_provider", "github", github)),
        ("secret.token".to_owned(), Value::Secret("env:TOKEN".to_owned())),
    ])
}

fn desired(text: &str) -> Result<Attrs, Diagnostics> {
    let (kind_name, name, body) = block(text, &references());
    let cx = context(&kind_name, &name, ACCOUNT);
    kind(&kind_name).expect("kind").desired(&body, &cx).map(|(attrs, _)| attrs)
}

fn attrs(text: &str) -> Attrs {
    desired(text).unwrap_or_else(|found| panic!("{found:?}"))
}

fn shown(value: &Value) -> Json {
    match value {
        Value::Unknown(unknown) => unknown.to_string().into(),
        Value::List(list) => list.iter().map(shown).collect(),
        Value::Map(map) => Json::Object(map.iter().map(|(k, v)| (k.clone(), shown(v))).collect()),
        Value::Sensitive(_) => "(sensitive)".into(),
        other => other.to_json(),
    }
}

#[test]
fn a_role_with_everything() {
    let attrs = attrs(
        r#"
iam_role "deploy" {
  trust {
    aws         = [account.tooling, account.new, "444444444444", "arn:aws:iam::111122223333:role/ci"]
    services    = ["codebuild.amazonaws.com"]
    external_id = "x-1"
    oidc {
      provider = iam_oidc_provider.github
      subjects = ["repo:acme/app:environment:*"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalTag/team"
      values   = ["platform"]
    }
  }
  statement "deploy" {
    actions   = ["s3:PutObject"]
    resources = ["arn:aws:s3:::acme-*/*"]
  }
  statement "no_delete" {
    effect    = "Deny"
    actions   = ["s3:DeleteBucket"]
    resources = ["*"]
  }
  managed_policies     = [iam_policy.boundary, "arn:aws:iam::aws:policy/ReadOnlyAccess"]
  permissions_boundary = iam_policy.boundary
  path                 = "/ci/"
  max_session_duration = "2h"
  tags                 = { team = "platform" }
}"#,
    );
    let shown: Json = shown(&Value::Map(attrs.clone()));
    let team = json!({"aws:PrincipalTag/team": "platform"});
    assert_eq!(
        shown,
        json!({
            "name": "deploy", "path": "/ci/", "description": null, "max_session_duration": 7200,
            "permissions_boundary": "arn:aws:iam::333333333333:policy/boundary",
            "managed_policies": [
                "arn:aws:iam::333333333333:policy/boundary",
                "arn:aws:iam::aws:policy/ReadOnlyAccess"
            ],
            "tags": {
                "palisade:address": "v1:iam_role.deploy", "palisade:name": "iam_role.deploy",
                "team": "platform"
            },
            "inline_policies": {
                "deploy": {"Version": "2012-10-17", "Statement": [{
                    "Sid": "deploy", "Effect": "Allow", "Action": "s3:PutObject",
                    "Resource": "arn:aws:s3:::acme-*/*"}]},
                "no_delete": {"Version": "2012-10-17", "Statement": [{
                    "Sid": "NoDelete", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}]},
            },
            "assume_role_policy": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole",
                 "Principal": {"AWS": [
                    "arn:aws:iam::111122223333:root", "arn:aws:iam::${account.new.id}:root",
                    "arn:aws:iam::444444444444:root", "arn:aws:iam::111122223333:role/ci"]},
                 "Condition": {"StringEquals": {"aws:PrincipalTag/team": "platform", "sts:ExternalId": "x-1"}}},
                {"Effect": "Allow", "Action": "sts:AssumeRole",
                 "Principal": {"Service": "codebuild.amazonaws.com"}, "Condition": {"StringEquals": team}},
                {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
                 "Principal": {"Federated": "arn:aws:iam::333333333333:oidc-provider/token.actions.githubusercontent.com"},
                 "Condition": {
                    "StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                                     "aws:PrincipalTag/team": "platform"},
                    "StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/app:environment:*"}}},
            ]},
        })
    );
    let cx = context("iam_role", "deploy", ACCOUNT);
    let role = kind("iam_role").expect("kind");
    assert_eq!(
        role.computed(&attrs, &cx).get("arn"),
        Some(&"arn:aws:iam::333333333333:role/ci/deploy".into())
    );
    assert_eq!(role.natural_key(&attrs).as_deref(), Some("deploy"));
}

#[test]
fn an_unknown_account_leaves_the_rest_readable() {
    let attrs = attrs(
        r#"
iam_role "a" {
  assume_role_policy = {
    Version   = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole"]
      Principal = { AWS = account.new }
    }]
  }
}"#,
    );
    assert_eq!(
        shown(&attrs["assume_role_policy"])["Statement"][0]["Principal"]["AWS"],
        json!("arn:aws:iam::${account.new.id}:root")
    );
    assert_eq!(attrs["assume_role_policy"].unknowns().len(), 1);
    // The ARN of something in that account is as known as can be.
    let mut cx = context("iam_role", "a", ACCOUNT);
    cx.account_id = Value::Unknown(Unknown::attr(ResourceAddr::new("account", "new"), "id"));
    let arn = &kind("iam_role").expect("kind").computed(&attrs, &cx)["arn"];
    assert_eq!(shown(arn), json!("arn:aws:iam::${account.new.id}:role/a"));
}

#[test]
fn organization_kinds() {
    let scp = attrs(
        r#"
service_control_policy "region_lock" {
  targets = [organization.acme, organizational_unit.prod, account.tooling]
  statement "deny_elsewhere" {
    not_actions = ["iam:*"]
    resources   = ["*"]
    condition {
      test     = "StringNotEquals"
      variable = "aws:RequestedRegion"
      values   = ["eu-west-1", "eu-central-1"]
    }
  }
}"#,
    );
    assert_eq!(
        shown(&scp["targets"]),
        json!(["111122223333", "root", "${organizational_unit.prod.id}"])
    );
    assert_eq!(shown(&scp["content"])["Statement"][0]["Effect"], json!("Deny"));
    assert_eq!(shown(&scp["content"])["Statement"][0]["Sid"], json!("DenyElsewhere"));
    let rcp = attrs(
        r#"
resource_control_policy "perimeter" {
  statement "x" {
    actions   = ["s3:*"]
    resources = ["*"]
  }
}"#,
    );
    assert_eq!(shown(&rcp["content"])["Statement"][0]["Principal"], json!("*"));
    let unit = attrs("organizational_unit \"workloads\" {\n}");
    assert_eq!(unit["parent"], "root".into());
    let ou = kind("organizational_unit").expect("kind");
    assert_eq!(ou.natural_key(&unit).as_deref(), Some("root/workloads"));
    let account = attrs(
        "account \"a\" {\n  email = \"AWS+a@acme.example\"\n  parent = organizational_unit.prod\n}",
    );
    assert_eq!(shown(&account["parent"]), json!("${organizational_unit.prod.id}"));
    let key = kind("account").expect("kind").natural_key(&account);
    assert_eq!(key.as_deref(), Some("aws+a@acme.example"));
}

#[test]
fn additive_lists_keep_what_others_added() {
    let organization = kind("organization").expect("kind");
    let (_, _, body) = block(
        "organization \"acme\" {\n  trusted_services = [\"sso.amazonaws.com\"]\n}",
        &references(),
    );
    let cx = context("organization", "acme", ACCOUNT);
    let (wanted, _) = organization.desired(&body, &cx).expect("valid");
    let list = |items: &[&str]| items.iter().copied().collect::<Value>();
    let live = Attrs::from([(
        "trusted_services".to_owned(),
        list(&["cloudtrail.amazonaws.com", "config.amazonaws.com", "sso.amazonaws.com"]),
    )]);
    let recorded = Attrs::from([("trusted_services".to_owned(), list(&["config.amazonaws.com"]))]);
    let after = organization.reconcile(wanted, &live, &recorded, &organization.meta(&body));
    assert_eq!(after["trusted_services"], list(&["cloudtrail.amazonaws.com", "sso.amazonaws.com"]));
}

#[test]
fn buckets_baselines_and_config() {
    let bucket = attrs(
        "s3_bucket \"acme-data\" {\n  versioning = true\n  encryption {\n    kms_key_id = \"alias/x\"\n  }\n}",
    );
    assert_eq!(
        shown(&bucket["encryption"]),
        json!({"algorithm": "aws:kms", "kms_key_id": "alias/x", "bucket_key": true})
    );
    assert_eq!(
        bucket["block_public_access"].as_map().expect("map")["restrict_public_buckets"],
        true.into()
    );
    let baseline = attrs(
        "account_baseline \"b\" {\n  alias = \"acme-prod\"\n  password_policy {\n    max_age = 90\n  }\n}",
    );
    assert_eq!(baseline.keys().collect::<Vec<_>>(), ["alias", "password_policy"]);
    let config = |value: &str, secret: bool| {
        attrs(&format!(
            "config \"x\" {{\n  environment = \"production\"\n  schema = \"app\"\n  key = \"db/x\"\n  secret = {secret}\n  value = {value}\n}}"
        ))
    };
    let text = config("true", false);
    assert_eq!(
        (&text["name"], &text["type"], &text["value"]),
        (&"/acme/production/app/db/x".into(), &"String".into(), &"true".into())
    );
    assert_eq!(config("[\"a\", \"b\"]", false)["type"], "StringList".into());
    let secret = config("secret.token", true);
    assert_eq!(
        (&secret["type"], &secret["value"]),
        (&"SecureString".into(), &Value::Secret("env:TOKEN".to_owned()))
    );
}

/// Every case: a block, the summary of its finding, and the text that is underlined.
#[test]
fn what_aws_refuses_is_refused_at_its_place() {
    let cases: &[(&str, &str, &str)] = &[
        ("iam_role \"x\" {\n}", "the role trusts nobody", "iam_role \"x\""),
        (
            "iam_role \"x\" {\n  name = \"a b\"\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n}",
            "`a b` is no valid role name",
            "\"a b\"",
        ),
        (
            "iam_role \"x\" {\n  path = \"ci\"\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n}",
            "the path `ci` must begin and end with a slash",
            "\"ci\"",
        ),
        (
            "iam_role \"x\" {\n  max_session_duration = \"13h\"\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n}",
            "`max_session_duration` is 13h, which AWS does not allow",
            "\"13h\"",
        ),
        (
            "iam_role \"x\" {\n  managed_policies = [\"ReadOnlyAccess\"]\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n}",
            "`ReadOnlyAccess` is no policy's ARN",
            "[\"ReadOnlyAccess\"]",
        ),
        (
            "iam_role \"x\" {\n  trust {\n    services = [\"ec2\"]\n  }\n}",
            "malformed principal `ec2`",
            "\"ec2\"",
        ),
        ("iam_role \"x\" {\n  trust {\n  }\n}", "the trust block names nobody", "trust"),
        (
            "iam_role \"x\" {\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n  statement \"s\" {\n    actions = [\"GetObject\"]\n    resources = [\"*\"]\n  }\n}",
            "malformed action `GetObject`",
            "\"GetObject\"",
        ),
        (
            "iam_role \"x\" {\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n  statement \"s\" {\n    actions = [\"s3:GetObject\"]\n  }\n}",
            "the statement has no `Resource`",
            "s",
        ),
        ("iam_policy \"x\" {\n  content = \"{\"\n}", "", ""),
        ("iam_policy \"x\" {\n}", "the policy has no document", "iam_policy \"x\""),
        (
            "service_control_policy \"FullAWSAccess\" {\n  statement \"s\" {\n    actions = [\"s3:*\"]\n    resources = [\"*\"]\n  }\n}",
            "this name belongs to AWS, and Palisade never touches such a policy",
            "service_control_policy \"FullAWSAccess\"",
        ),
        (
            "service_control_policy \"x\" {\n  targets = [\"prod\"]\n  statement \"s\" {\n    actions = [\"s3:*\"]\n    resources = [\"*\"]\n  }\n}",
            "`prod` is no id of a root, unit or account",
            "[\"prod\"]",
        ),
        ("account \"x\" {\n}", "the account has neither `email` nor `id`", "account \"x\""),
        (
            "account \"x\" {\n  email = \"nobody\"\n}",
            "this is no e-mail address that AWS accepts",
            "\"nobody\"",
        ),
        (
            "account \"x\" {\n  id = \"123\"\n}",
            "`123` is not an account id: it must be 12 digits",
            "\"123\"",
        ),
        (
            "account \"x\" {\n  email = \"a@b.example\"\n  on_destroy = \"clos\"\n}",
            "unknown choice `clos`",
            "\"clos\"",
        ),
        (
            "account \"x\" {\n  email = \"a@b.example\"\n  parent = account.tooling\n}",
            "`account.tooling` cannot stand here: it is a block of kind `account`",
            "account.tooling",
        ),
        (
            "organization \"x\" {\n  enabled_policy_types = [\"SERVICE_CONTROL_POLICIES\"]\n}",
            "unknown policy type `SERVICE_CONTROL_POLICIES`; did you mean `SERVICE_CONTROL_POLICY`?",
            "[\"SERVICE_CONTROL_POLICIES\"]",
        ),
        (
            "organization_policy \"x\" {\n  type = \"TAG_POLICIES\"\n  content = {}\n}",
            "unknown policy type `TAG_POLICIES`; did you mean `TAG_POLICY`?",
            "\"TAG_POLICIES\"",
        ),
        (
            "organization_policy \"x\" {\n  type = \"SERVICE_CONTROL_POLICY\"\n  content = {}\n}",
            "a policy of the type `SERVICE_CONTROL_POLICY` has a kind of its own",
            "\"SERVICE_CONTROL_POLICY\"",
        ),
        (
            "organization_policy \"x\" {\n  type = \"TAG_POLICY\"\n  content = { plans = {} }\n}",
            "the content of a TAG_POLICY has `tags` at its top and nothing else; it has `plans`",
            "{ plans = {} }",
        ),
        (
            "organization_policy \"x\" {\n  type = \"TAG_POLICY\"\n  content = { tags = { a = { \"@@assing\" = 1 } } }\n}",
            "`@@assing` is no inheritance operator",
            "{ tags = { a = { \"@@assing\" = 1 } } }",
        ),
        (
            "organization \"x\" {\n  trusted_services = [\"cloudtrail\"]\n}",
            "`cloudtrail` is no service principal, such as `cloudtrail.amazonaws.com`",
            "[\"cloudtrail\"]",
        ),
        (
            "iam_oidc_provider \"x\" {\n  url = \"http://x.example\"\n}",
            "`http://x.example` is no issuer's URL",
            "\"http://x.example\"",
        ),
        (
            "iam_oidc_provider \"x\" {\n  url = \"https://x.example\"\n  thumbprints = [\"abc\"]\n}",
            "`abc` is no SHA-1 thumbprint of 40 hexadecimal digits",
            "[\"abc\"]",
        ),
        ("s3_bucket \"a_b\" {\n}", "`a_b` is no valid bucket name", "s3_bucket \"a_b\""),
        (
            "s3_bucket \"abc\" {\n  tags = { \"aws:x\" = \"y\" }\n}",
            "the tag `aws:x` is reserved to AWS",
            "{ \"aws:x\" = \"y\" }",
        ),
        (
            "s3_bucket \"abc\" {\n  tags = { a = \"x;y\" }\n}",
            "the tag `a` has a value that AWS refuses",
            "{ a = \"x;y\" }",
        ),
        (
            "account_baseline \"x\" {\n  alias = \"a--b\"\n}",
            "`a--b` is no valid account alias",
            "\"a--b\"",
        ),
        (
            "account_baseline \"x\" {\n  password_policy {\n    max_age = 0\n  }\n}",
            "`max_age` is 0, but must be 1 to 1095",
            "0",
        ),
        (
            "config \"x\" {\n  environment = \"p\"\n  schema = \"a\"\n  key = \"k\"\n  value = \"\"\n}",
            "the value is empty, which a parameter cannot be",
            "\"\"",
        ),
        (
            "config \"x\" {\n  environment = \"p\"\n  schema = \"a\"\n  key = \"k\"\n  value = [\"a,b\"]\n}",
            "the list's item `a,b` holds a comma",
            "[\"a,b\"]",
        ),
    ];
    let mut elsewhere = Vec::new();
    for (text, summary, underlined) in cases {
        let found = desired(text).expect_err(text);
        if summary.is_empty() {
            assert!(found.iter().all(|d| d.loc.is_some()), "{text}: {found:?}");
            continue;
        }
        let at = found.iter().find(|d| d.summary == *summary);
        let at = at.unwrap_or_else(|| panic!("{text}\n{found:#?}"));
        let loc = at.loc.as_ref().expect("a place");
        let span = loc.span();
        let shown = &loc.source().text()[span];
        if !shown.starts_with(underlined) {
            elsewhere.push(format!("{summary}: {shown}, not {underlined}"));
        }
    }
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
}

#[test]
fn a_malformed_document_is_shown_in_its_own_lines() {
    let found = desired(
        "iam_policy \"x\" {\n  content = \"{\\n  \\\"Version\\\": \\\"2012-10-17\\\",\\n  \\\"Statement\\\": [{\\\"Effect\\\": \\\"Alow\\\", \\\"Action\\\": \\\"s3:*\\\", \\\"Resource\\\": \\\"*\\\"}]\\n}\"\n}",
    )
    .expect_err("malformed");
    let first = found.iter().next().expect("one");
    let loc = first.loc.as_ref().expect("a place");
    assert_eq!((loc.file(), loc.line()), ("test.hcl:2 (content)", 3), "{first:?}");
}
