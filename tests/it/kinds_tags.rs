//! Tags of every kind that takes them: written with the object, changed one by one, put right when
//! somebody changes them. What stands in AWS is read and changed with the plain SDK.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use palisade::schema::kinds;

use crate::support::cli::Program;
use crate::support::endpoint::{Endpoint, s3};

const ESTATE: &str = r#"
palisade {
  name = "acme"
}
provider "aws" {
  region       = "eu-west-1"
  default_tags = { estate = "acme", stage = "any" }
}
variable "tags" {
  type = map(string)
}
organization "acme" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "TAG_POLICY"]
}
organizational_unit "workloads" {
  tags = var.tags
}
account "dev" {
  name  = "acme-dev"
  email = "aws+dev@acme.example"
  tags  = var.tags
}
service_control_policy "stay" {
  tags = var.tags
  statement "Stay" {
    actions   = ["organizations:LeaveOrganization"]
    resources = ["*"]
  }
}
resource_control_policy "encrypted" {
  tags = var.tags
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
organization_policy "cost" {
  type    = "TAG_POLICY"
  tags    = var.tags
  content = { tags = { cost = { tag_key = { "@@assign" = "Cost" } } } }
}
config_schema "app" {
  key "level" {
    type = string
  }
}
environment "main" {
  accounts = [account.dev]
  tags     = merge({ stage = "main" }, var.tags)
  config "app" {
    values = { level = "info" }
  }
}
iam_policy "limit" {
  environments = [environment.main]
  tags         = var.tags
  statement "S3" {
    actions   = ["s3:*"]
    resources = ["*"]
  }
}
iam_role "deploy" {
  environments = [environment.main]
  tags         = var.tags
  trust {
    services = ["codebuild.amazonaws.com"]
  }
}
iam_oidc_provider "github" {
  environments = [environment.main]
  url          = "https://token.actions.githubusercontent.com"
  audiences    = ["sts.amazonaws.com"]
  tags         = var.tags
}
s3_bucket "data" {
  environments = [environment.main]
  bucket       = "acme-dev-data"
  tags         = var.tags
}
"#;

const PARAMETER: &str = "/acme/main/app/level";
const BUCKET: &str = "acme-dev-data";

type Tags = BTreeMap<String, String>;

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// The accounts behind a program, as somebody else sees them.
struct Aws {
    root: SdkConfig,
    member: SdkConfig,
    account: String,
}

impl Aws {
    async fn behind(p: &Program) -> Self {
        let endpoint = Endpoint::open(&p.path().join(".palisade/sandbox")).await;
        let all = endpoint.accounts().await;
        let account = all.into_iter().find(|a| a.name == "acme-dev").expect("the account").id;
        let member = endpoint.account(&account).await;
        Self { root: endpoint.management(), member, account }
    }

    /// What Organizations knows by an id: kind and id.
    async fn in_organization(&self) -> Vec<(&'static str, String)> {
        let client = aws_sdk_organizations::Client::new(&self.root);
        let roots = client.list_roots().send().await.expect("listed");
        let root = roots.roots()[0].id().expect("an id");
        let units = client.list_organizational_units_for_parent().parent_id(root).send().await;
        let unit = units.expect("listed").organizational_units()[0].id().expect("an id").to_owned();
        let mut all = vec![("organizational_unit", unit), ("account", self.account.clone())];
        for (kind, ty) in [
            ("service_control_policy", "SERVICE_CONTROL_POLICY"),
            ("resource_control_policy", "RESOURCE_CONTROL_POLICY"),
            ("organization_policy", "TAG_POLICY"),
        ] {
            let listed = client.list_policies().filter(ty.into()).send().await.expect("listed");
            let own = listed.policies().iter().find(|p| !p.aws_managed()).expect("a policy");
            all.push((kind, own.id().expect("an id").to_owned()));
        }
        all
    }

    fn arn(&self, what: &str) -> String {
        format!("arn:aws:iam::{}:{what}", self.account)
    }

    /// The tags of everything, but for those that say whose it is.
    async fn tags(&self) -> BTreeMap<&'static str, Tags> {
        let mut all = BTreeMap::new();
        let mut add = |kind, listed: Vec<(String, String)>| {
            let own = listed.into_iter().filter(|(key, _)| !key.starts_with("palisade:"));
            all.insert(kind, own.collect::<Tags>());
        };
        let organizations = aws_sdk_organizations::Client::new(&self.root);
        for (kind, id) in self.in_organization().await {
            let seen = organizations.list_tags_for_resource().resource_id(id).send().await;
            let seen = seen.expect("listed");
            add(kind, seen.tags().iter().map(|t| (t.key().into(), t.value().into())).collect());
        }
        let iam = aws_sdk_iam::Client::new(&self.member);
        let role = iam.list_role_tags().role_name("deploy").send().await.expect("listed");
        let policy = iam.list_policy_tags().policy_arn(self.arn("policy/limit")).send().await;
        let provider = self.arn("oidc-provider/token.actions.githubusercontent.com");
        let provider =
            iam.list_open_id_connect_provider_tags().open_id_connect_provider_arn(provider);
        for (kind, seen) in [
            ("iam_role", role.tags()),
            ("iam_policy", policy.expect("listed").tags()),
            ("iam_oidc_provider", provider.send().await.expect("listed").tags()),
        ] {
            add(kind, seen.iter().map(|t| (t.key().into(), t.value().into())).collect());
        }
        let bucket = s3(&self.member).get_bucket_tagging().bucket(BUCKET).send().await;
        let bucket = bucket.expect("listed");
        let bucket = bucket.tag_set().iter().map(|t| (t.key().into(), t.value().into()));
        add("s3_bucket", bucket.collect());
        let parameter = aws_sdk_ssm::Client::new(&self.member)
            .list_tags_for_resource()
            .resource_type("Parameter".into())
            .resource_id(PARAMETER)
            .send()
            .await
            .expect("listed");
        let parameter = parameter.tag_list().iter().map(|t| (t.key().into(), t.value().into()));
        add("config", parameter.collect());
        all
    }

    /// Somebody gives everything but the parameter a tag of their own, and the bucket no other.
    async fn meddle(&self) {
        let organizations = aws_sdk_organizations::Client::new(&self.root);
        let tag = aws_sdk_organizations::types::Tag::builder().key("hand").value("made");
        let tag = tag.build().expect("a tag");
        for (_, id) in self.in_organization().await {
            let call = organizations.tag_resource().resource_id(id).tags(tag.clone());
            call.send().await.expect("tagged");
        }
        let iam = aws_sdk_iam::Client::new(&self.member);
        let tag = aws_sdk_iam::types::Tag::builder().key("hand").value("made").build();
        let tag = tag.expect("a tag");
        iam.tag_role().role_name("deploy").tags(tag.clone()).send().await.expect("tagged");
        let policy = iam.tag_policy().policy_arn(self.arn("policy/limit")).tags(tag.clone());
        policy.send().await.expect("tagged");
        let provider = self.arn("oidc-provider/token.actions.githubusercontent.com");
        let provider =
            iam.tag_open_id_connect_provider().open_id_connect_provider_arn(provider).tags(tag);
        provider.send().await.expect("tagged");
        let tag = aws_sdk_s3::types::Tag::builder().key("hand").value("made").build();
        let set = aws_sdk_s3::types::Tagging::builder().tag_set(tag.expect("a tag")).build();
        let call = s3(&self.member).put_bucket_tagging().bucket(BUCKET);
        call.tagging(set.expect("a set")).send().await.expect("tagged");
    }
}

/// Every kind with the tags that it must have: those of the run, over the environment's, over the default ones.
fn wanted(given: &[(&str, &str)]) -> BTreeMap<&'static str, Tags> {
    let outside = tags(&[&[("estate", "acme"), ("stage", "any")], given].concat());
    let placed = tags(&[&[("estate", "acme"), ("stage", "main")], given].concat());
    kinds()
        .iter()
        .map(|k| k.schema())
        .filter(|s| s.block.attr("tags").is_some() || s.kind == "config")
        .map(|s| match s.kind {
            "organizational_unit"
            | "account"
            | "service_control_policy"
            | "resource_control_policy"
            | "organization_policy" => (s.kind, outside.clone()),
            _ => (s.kind, placed.clone()),
        })
        .collect()
}

#[tokio::test]
async fn tags_of_every_kind_are_given_changed_and_put_right() {
    let p = Program::new(ESTATE);
    let apply = |given: &str| {
        p.run(&["apply", "--auto-approve", "--var", &format!("tags={given}")]).code(0);
    };
    apply(r#"{ a = "1", b = "2" }"#);
    assert_eq!(Aws::behind(&p).await.tags().await, wanted(&[("a", "1"), ("b", "2")]));

    // One is changed, one goes, one comes, and one wins over the environment's.
    apply(r#"{ a = "one", c = "3", stage = "own" }"#);
    let now = [("a", "one"), ("c", "3"), ("stage", "own")];
    assert_eq!(Aws::behind(&p).await.tags().await, wanted(&now));

    Aws::behind(&p).await.meddle().await;
    let given = r#"tags={ a = "one", c = "3", stage = "own" }"#;
    let plan = p.run(&["plan", "--json", "--var", given]).code(0).json();
    let changes = plan["resource_changes"].as_array().expect("a list").iter();
    let updated: BTreeSet<&str> = changes
        .filter(|c| c["action"] == "update")
        .map(|c| c["kind"].as_str().expect("a kind"))
        .collect();
    let seen: BTreeSet<&str> = wanted(&now).into_keys().filter(|kind| *kind != "config").collect();
    assert_eq!(updated, seen, "SSM alone tells no tags in bulk");
    p.run(&["apply", "--auto-approve", "--var", given]).code(0);
    assert_eq!(Aws::behind(&p).await.tags().await, wanted(&now));
    p.run(&["plan", "--detailed-exitcode", "--var", given]).code(0);
}
