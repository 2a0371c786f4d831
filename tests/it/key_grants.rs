//! Walls and the grants on KMS keys, which let in beside the keys' policies.

use std::collections::HashMap;

use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata as _;
use aws_sdk_kms::types::{GrantConstraints, GrantOperation};
use serde_json::{Value, json};

use crate::resource_walls::{Beside, ESTATE, verdict};
use crate::support::wire::Act;

/// A role in dev that may do nothing with keys.
const IDLE: &str = r#"
iam_role "idle" {
  accounts = [account.dev]
  trust { services = ["ec2.amazonaws.com"] }
  statement "look" {
    actions   = ["ec2:DescribeInstances"]
    resources = ["*"]
  }
}
"#;

/// An estate with a key in production that no block declares.
struct Keyed {
    beside: Beside,
    key: String,
    dev: String,
    production: String,
}

impl Keyed {
    fn new(more: &str) -> Self {
        let beside = Beside::new(more);
        let key = beside.make("eu-west-1", "AWS::KMS::Key", &json!({}));
        let (dev, production) = (beside.id("dev"), beside.id("production"));
        Self { beside, key, dev, production }
    }

    /// Grants `Decrypt`, in a context if there is one, and `DescribeKey`; the grant's id.
    fn grant(&self, to: &str, context: Option<(&str, &str)>) -> String {
        self.beside.inside("production", "eu-west-1", async |sdk| {
            let mut call = Client::new(sdk).create_grant().key_id(&self.key);
            call = call.grantee_principal(to).operations(GrantOperation::Decrypt);
            call = call.operations(GrantOperation::DescribeKey);
            if let Some((key, value)) = context {
                let pairs = HashMap::from([(key.to_owned(), value.to_owned())]);
                let constraints = GrantConstraints::builder();
                let constraints = constraints.set_encryption_context_subset(Some(pairs)).build();
                call = call.constraints(constraints);
            }
            call.send().await.expect("granted").grant_id.expect("an id")
        })
    }

    fn revoke(&self, id: &str) {
        self.beside.inside("production", "eu-west-1", async |sdk| {
            let call = Client::new(sdk).revoke_grant().key_id(&self.key).grant_id(id);
            call.send().await.expect("revoked");
        });
    }

    fn role(&self, name: &str) -> String {
        format!("arn:aws:iam::{}:role/{name}", self.dev)
    }

    /// A plan of the estate with something more in it.
    #[track_caller]
    fn plan(&self, more: &str) -> Value {
        self.beside.p.write("main.hcl", &format!("{ESTATE}\n{IDLE}\n{more}"));
        let run = self.beside.wire.run(&self.beside.p, &["plan", "--json"]);
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        run.json()
    }
}

#[test]
fn a_grant_opens_a_wall_and_guardrails_close_it() {
    let keyed = Keyed::new(IDLE);
    let before = keyed.plan("");
    assert_eq!(verdict(&before), "isolated");
    let unseen = before["isolation"]["basis"]["not_modelled"].to_string();
    assert!(!unseen.contains("grants of KMS keys"), "{unseen}");
    // The grantee needs no policy of its own.
    let id = keyed.grant(&keyed.role("idle"), None);
    let open = keyed.plan("");
    assert_eq!(verdict(&open), "reachable");
    let told = open["isolation"].to_string();
    assert!(told.contains(&format!("grant {id}")) && told.contains("kms:Decrypt"), "{told}");
    let key = format!("arn:aws:kms:eu-west-1:{}:key/{}", keyed.production, keyed.key);
    let (wire, p) = (&keyed.beside.wire, &keyed.beside.p);
    let who = wire.run(p, &["who-can", "kms:Decrypt", &key, "--json"]).code(0).out;
    assert!(who.contains("role/idle"), "{who}");
    let guardrail = |kind: &str, targets: &str, rest: &str| {
        format!(
            "{kind} \"no\" {{\n  targets = [account.{targets}]\n  statement \"no\" {{\n    effect    = \"Deny\"\n    actions   = [\"kms:*\"]\n    resources = [\"*\"]\n{rest}  }}\n}}\n"
        )
    };
    let scp = guardrail("service_control_policy", "dev", "");
    assert_eq!(verdict(&keyed.plan(&scp)), "isolated");
    let elsewhere = "    condition {\n      test     = \"NotIpAddress\"\n      variable = \"aws:SourceIp\"\n      values   = [\"203.0.113.0/24\"]\n    }\n";
    let conditional = guardrail("service_control_policy", "dev", elsewhere);
    assert_eq!(verdict(&keyed.plan(&conditional)), "conditional");
    let strangers = "    principals {\n      type        = \"*\"\n      identifiers = [\"*\"]\n    }\n    condition {\n      test     = \"StringNotEquals\"\n      variable = \"aws:PrincipalAccount\"\n      values   = [account.production.id]\n    }\n";
    let rcp = guardrail("resource_control_policy", "production", strangers);
    assert_eq!(verdict(&keyed.plan(&rcp)), "isolated");
    keyed.revoke(&id);
    assert_eq!(verdict(&keyed.plan("")), "isolated");
}

/// Who may make grants on a key lets itself in.
#[test]
fn making_grants_opens_a_wall() {
    let beside = Beside::new("");
    let statement = json!({
        "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{}:role/ci", beside.id("dev")) },
        "Action": "kms:CreateGrant", "Resource": "*",
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
    beside.make("eu-west-1", "AWS::KMS::Key", &json!({ "KeyPolicy": policy }));
    let plan = beside.wire.run(&beside.p, &["plan", "--json"]).json();
    assert_eq!(verdict(&plan), "reachable");
    assert!(plan["isolation"].to_string().contains("kms:CreateGrant"), "{plan}");
}

/// KMS API Reference, `GrantConstraints`: the request has to hold the context, which the caller chooses.
#[test]
fn a_constraint_is_in_the_request() {
    let keyed = Keyed::new(IDLE);
    keyed.grant(&keyed.role("idle"), Some(("team", "billing")));
    let open = keyed.plan("");
    assert_eq!(verdict(&open), "reachable");
    let told = open["isolation"].to_string().to_lowercase();
    assert!(told.contains("kms:encryptioncontext:team") && told.contains("billing"), "{told}");
    let paths = open["isolation"]["violations"].as_array().expect("paths");
    let of_dev = paths.iter().find(|path| path["from"]["environment"] == "dev").expect("a path");
    assert_eq!(of_dev["actions"], json!(["kms:Decrypt", "kms:DescribeKey"]));
}

#[test]
fn what_a_grant_means_is_said_where_it_is_not_known() {
    let keyed = Keyed::new(IDLE);
    // Neither a service nor a principal of the key's own account crosses a wall.
    let own = format!("arn:aws:iam::{}:root", keyed.production);
    keyed.grant(&own, None);
    assert_eq!(verdict(&keyed.plan("")), "isolated");
    // Of an account, those get in whose own policies permit it.
    let id = keyed.grant(&format!("arn:aws:iam::{}:root", keyed.dev), None);
    assert_eq!(verdict(&keyed.plan("")), "reachable");
    keyed.revoke(&id);
    let session = format!("arn:aws:sts::{}:assumed-role/idle/work", keyed.dev);
    let id = keyed.grant(&session, None);
    let plan = keyed.plan("");
    assert_eq!(verdict(&plan), "undetermined");
    let told = plan["isolation"].to_string();
    assert!(told.contains(&format!("the grant `{id}`")) && told.contains(&session), "{told}");
    // AWS does not say whether a boundary limits a grant.
    let bounded = r#"
iam_policy "bounds" {
  accounts = [account.dev]
  statement "look" {
    actions   = ["ec2:*"]
    resources = ["*"]
  }
}
iam_role "bounded" {
  accounts             = [account.dev]
  permissions_boundary = iam_policy.bounds
  trust { services = ["ec2.amazonaws.com"] }
}
"#;
    let keyed = Keyed::new(&format!("{IDLE}{bounded}"));
    keyed.grant(&keyed.role("bounded"), None);
    let plan = keyed.plan(bounded);
    assert_eq!(verdict(&plan), "undetermined");
    assert!(plan["isolation"].to_string().contains("permissions boundary"), "{plan}");
}

#[test]
fn grants_that_cannot_be_read_leave_the_walls_undetermined() {
    let keyed = Keyed::new(IDLE);
    keyed.beside.wire.rule(|arrived| match arrived.operation == "ListGrants" {
        true => Act::json(400, "AccessDeniedException", "not for you"),
        false => Act::Pass,
    });
    let plan = keyed.plan("");
    assert_eq!(verdict(&plan), "undetermined");
    assert!(plan["isolation"].to_string().contains("the grants on"), "{plan}");
    let told = keyed.beside.wire.run(&keyed.beside.p, &["plan"]).err;
    assert!(told.contains("could not read the grants on one `AWS::KMS::Key`"), "{told}");
    assert!(told.contains("not for you"), "{told}");
}

/// More grants than a page holds are read to the last one.
#[test]
fn every_page_of_grants_is_read() {
    let keyed = Keyed::new(IDLE);
    keyed.beside.inside("production", "eu-west-1", async |sdk| {
        let client = Client::new(sdk);
        let own = format!("arn:aws:iam::{}:root", keyed.production);
        let make = |to: &str| {
            let call = client.create_grant().key_id(&keyed.key).grantee_principal(to);
            call.operations(GrantOperation::Decrypt).send()
        };
        for _ in 0..120 {
            make(&own).await.expect("granted");
        }
        for _ in 0..2 {
            make(&keyed.role("idle")).await.expect("granted");
        }
        let page = client.list_grants().key_id(&keyed.key).send().await.expect("listed");
        assert_eq!((page.grants().len(), page.truncated()), (50, true));
    });
    assert_eq!(verdict(&keyed.plan("")), "reachable");
}

/// KMS API Reference, `CreateGrant`, `ListGrants`, `RetireGrant`, `RevokeGrant`.
#[test]
fn the_sandbox_takes_grants_as_kms_does() {
    let keyed = Keyed::new(IDLE);
    let (idle, key) = (keyed.role("idle"), keyed.key.as_str());
    keyed.beside.inside("production", "eu-west-1", async |sdk| {
        let client = Client::new(sdk);
        let grant = || client.create_grant().key_id(key).operations(GrantOperation::Decrypt);
        let code = |error: Option<&str>| error.map(str::to_owned);
        let nobody = format!("{idle}-gone");
        let refused = grant().grantee_principal(&nobody).send().await.expect_err("nobody");
        assert_eq!(code(refused.code()), Some("InvalidArnException".to_owned()));
        let refused = client.create_grant().key_id(key).grantee_principal(&idle).send().await;
        assert_eq!(
            code(refused.expect_err("nothing").code()),
            Some("ValidationException".to_owned())
        );
        let sign = client.create_grant().key_id(key).grantee_principal(&idle);
        let refused = sign.operations(GrantOperation::Sign).send().await.expect_err("symmetric");
        assert_eq!(code(refused.code()), Some("ValidationException".to_owned()));
        let named = || grant().grantee_principal(&idle).name("once");
        let first = named().send().await.expect("granted");
        let again = named().send().await.expect("granted");
        assert_eq!(first.grant_id(), again.grant_id(), "a name makes it once");
        let token = first.grant_token().expect("a token");
        let refused = client.retire_grant().grant_token(token).send().await.expect_err("not his");
        assert_eq!(code(refused.code()), Some("AccessDeniedException".to_owned()));
        let id = first.grant_id().expect("an id");
        client.revoke_grant().key_id(key).grant_id(id).send().await.expect("revoked");
        let gone = client.revoke_grant().key_id(key).grant_id(id).send().await.expect_err("gone");
        assert_eq!(code(gone.code()), Some("NotFoundException".to_owned()));
        let own = format!("arn:aws:iam::{}:role/OrganizationAccountAccessRole", keyed.production);
        let made = grant().grantee_principal(&idle).retiring_principal(&own).send().await;
        let made = made.expect("granted");
        let arn = format!("arn:aws:kms:eu-west-1:{}:key/{key}", keyed.production);
        let retire = client.retire_grant().key_id(arn).grant_id(made.grant_id().expect("an id"));
        retire.send().await.expect("retired");
        let left = client.list_grants().key_id(key).send().await.expect("listed");
        assert_eq!(left.grants().len(), 0);
    });
}
