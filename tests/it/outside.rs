//! What somebody attaches to managed objects by hand: drift that is told, undone where the object owns
//! its attachments, left where it does not. And what the flags of a plan make of it.

use std::collections::BTreeSet;

use crate::support::cli::Program;
use crate::support::endpoint::Endpoint;

const ESTATE: &str = r#"
provider "aws" {
  region = "eu-west-1"
}
variable "exclusive" {
  type    = bool
  default = false
}
organization "acme" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY"]
  trusted_services     = ["cloudtrail.amazonaws.com"]
  exclusive            = var.exclusive
}
organizational_unit "workloads" {}
organizational_unit "other" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
account "live" {
  name  = "acme-live"
  email = "live@acme.example"
}
environment "dev" {
  accounts = [account.dev]
}
environment "live" {
  accounts = [account.live]
}
service_control_policy "stay" {
  targets   = [organizational_unit.workloads]
  exclusive = var.exclusive
  statement "Stay" {
    actions   = ["organizations:LeaveOrganization"]
    resources = ["*"]
  }
}
iam_role "owned" {
  environments = [environment.dev, environment.live]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  statement "own" {
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}
iam_role "shared" {
  environments = [environment.dev]
  exclusive    = var.exclusive
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
"#;

const READ: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// The accounts behind a program, as somebody else sees them.
struct Aws {
    endpoint: Endpoint,
    org: aws_sdk_organizations::Client,
}

impl Aws {
    async fn behind(p: &Program) -> Self {
        let endpoint = Endpoint::open(&p.path().join(".palisade/sandbox")).await;
        let org = aws_sdk_organizations::Client::new(&endpoint.management());
        Self { endpoint, org }
    }

    async fn iam(&self, account: &str) -> aws_sdk_iam::Client {
        let all = self.endpoint.accounts().await;
        let id = all.iter().find(|a| a.name == account).expect("the account").id.clone();
        aws_sdk_iam::Client::new(&self.endpoint.account(&id).await)
    }

    async fn unit(&self, name: &str) -> String {
        let roots = self.org.list_roots().send().await.expect("listed");
        let root = roots.roots()[0].id().expect("an id");
        let units = self.org.list_organizational_units_for_parent().parent_id(root).send().await;
        let units = units.expect("listed");
        let mut units = units.organizational_units().iter();
        units.find(|u| u.name() == Some(name)).and_then(|u| u.id()).expect("the unit").to_owned()
    }

    /// The guardrails of a unit, by name.
    async fn guardrails(&self, unit: &str) -> BTreeSet<String> {
        let call = self.org.list_policies_for_target().target_id(self.unit(unit).await);
        let seen = call.filter("SERVICE_CONTROL_POLICY".into()).send().await.expect("listed");
        seen.policies().iter().map(|p| p.name().expect("a name").to_owned()).collect()
    }

    async fn trusted(&self) -> BTreeSet<String> {
        let seen = self.org.list_aws_service_access_for_organization().send().await;
        let seen = seen.expect("listed");
        let names = seen.enabled_service_principals().iter().filter_map(|s| s.service_principal());
        names.map(str::to_owned).collect()
    }

    /// What hangs on a role: names of its inline policies, and ARNs.
    async fn on_role(&self, account: &str, role: &str) -> BTreeSet<String> {
        let iam = self.iam(account).await;
        let inline = iam.list_role_policies().role_name(role).send().await.expect("listed");
        let attached = iam.list_attached_role_policies().role_name(role).send().await;
        let attached = attached.expect("listed");
        let arns = attached.attached_policies().iter().filter_map(|p| p.policy_arn());
        inline.policy_names().iter().map(String::as_str).chain(arns).map(str::to_owned).collect()
    }

    /// Attaches a policy of AWS and an inline one.
    async fn attach(&self, account: &str, role: &str) {
        let iam = self.iam(account).await;
        iam.attach_role_policy().role_name(role).policy_arn(READ).send().await.expect("attached");
        let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
        let put = iam.put_role_policy().role_name(role).policy_name("hand");
        put.policy_document(document).send().await.expect("put");
    }

    async fn role_id(&self, account: &str, role: &str) -> String {
        let seen = self.iam(account).await.get_role().role_name(role).send().await.expect("there");
        seen.role().expect("a role").role_id().to_owned()
    }
}

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|i| (*i).to_owned()).collect()
}

/// What a plan would do to whom.
fn planned(p: &Program, flags: &[&str]) -> BTreeSet<String> {
    let plan = p.run(&[&["plan", "--json"], flags].concat()).code(0).json();
    let changes = plan["resource_changes"].as_array().expect("a list").iter();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    changes
        .filter(|c| c["action"] != "no_op")
        .map(|c| format!("{} {}", text(&c["action"]), text(&c["display"])))
        .collect()
}

fn made(estate: &str) -> Program {
    let p = Program::new(estate);
    p.run(&["apply", "--auto-approve"]).code(0);
    p
}

#[tokio::test]
async fn what_is_attached_by_hand_is_told_and_undone_where_it_is_owned() {
    let p = made(ESTATE);
    let aws = Aws::behind(&p).await;
    aws.attach("acme-dev", "owned").await;
    aws.attach("acme-dev", "shared").await;
    let enable = aws.org.enable_aws_service_access().service_principal("config.amazonaws.com");
    enable.send().await.expect("enabled");
    let listed = aws.org.list_policies().filter("SERVICE_CONTROL_POLICY".into()).send().await;
    let listed = listed.expect("listed");
    let stay = listed.policies().iter().find(|p| p.name() == Some("stay")).and_then(|p| p.id());
    let call = aws.org.attach_policy().policy_id(stay.expect("there"));
    call.target_id(aws.unit("other").await).send().await.expect("attached");
    drop(aws);

    let drift = p.run(&["drift", "--managed-only", "--json"]).code(2).json();
    let told: BTreeSet<&str> = drift["drift"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|d| d["address"].as_str().expect("an address"))
        .collect();
    let everything = [
        "iam_role.owned@dev",
        "iam_role.shared@dev",
        "organization.acme",
        "service_control_policy.stay",
    ];
    assert_eq!(told, BTreeSet::from(everything));
    assert_eq!(planned(&p, &[]), set(&["update iam_role.owned@dev"]));
    p.run(&["apply", "--auto-approve"]).code(0);
    let aws = Aws::behind(&p).await;
    assert_eq!(aws.on_role("acme-dev", "owned").await, set(&["own"]));
    assert_eq!(aws.on_role("acme-dev", "shared").await, set(&["hand", READ]));
    let services = set(&["cloudtrail.amazonaws.com", "config.amazonaws.com"]);
    assert_eq!(aws.trusted().await, services);
    assert_eq!(aws.guardrails("other").await, set(&["FullAWSAccess", "stay"]));
    drop(aws);
    p.run(&["plan", "--detailed-exitcode"]).code(0);

    let exclusive = ["--var", "exclusive=true"];
    let undone = ["iam_role.shared@dev", "organization.acme", "service_control_policy.stay"];
    let undone = undone.map(|a| format!("update {a}"));
    assert_eq!(planned(&p, &exclusive), BTreeSet::from(undone));
    p.run(&[&["apply", "--auto-approve"][..], &exclusive].concat()).code(0);
    let aws = Aws::behind(&p).await;
    assert_eq!(aws.on_role("acme-dev", "shared").await, set(&[]));
    assert_eq!(aws.trusted().await, set(&["cloudtrail.amazonaws.com"]));
    for (unit, left) in
        [("other", &["FullAWSAccess"][..]), ("workloads", &["FullAWSAccess", "stay"])]
    {
        assert_eq!(aws.guardrails(unit).await, set(left), "AWS's own stays");
    }
}

#[tokio::test]
async fn flags_choose_what_a_plan_looks_at_and_what_it_changes() {
    let p = made(ESTATE);
    let aws = Aws::behind(&p).await;
    for account in ["acme-dev", "acme-live"] {
        aws.attach(account, "owned").await;
    }
    let first = aws.role_id("acme-live", "owned").await;
    drop(aws);
    let (dev, live) = ("update iam_role.owned@dev", "update iam_role.owned@live");
    for (flags, wanted) in [
        (&[][..], &[dev, live][..]),
        (&["--refresh=false"], &[]),
        (&["--environment", "live"], &[live]),
        (&["--account", "dev"], &[dev]),
        (&["--account", "dev", "--environment", "live"], &[dev, live]),
        (&["--target", "iam_role.owned@dev"], &[dev]),
        (&["--target", "iam_role.owned"], &[dev, live]),
        (&["--target", "iam_role.shared"], &[]),
        (&["--destroy", "--target", "iam_role.shared"], &["delete iam_role.shared@dev"]),
        (
            &["--replace", "iam_role.owned@live", "--account", "live"],
            &["replace iam_role.owned@live"],
        ),
    ] {
        assert_eq!(planned(&p, flags), set(wanted), "{flags:?}");
    }

    // One account is put right, and the other one's drift is still there.
    p.run(&["apply", "--auto-approve", "--account", "dev"]).code(0);
    let aws = Aws::behind(&p).await;
    assert_eq!(aws.on_role("acme-dev", "owned").await, set(&["own"]));
    assert_eq!(aws.on_role("acme-live", "owned").await, set(&["hand", "own", READ]));
    drop(aws);

    // Taken into the state: no drift any more, and still not what is declared.
    p.run(&["drift", "--managed-only"]).code(2);
    p.run(&["apply", "--auto-approve", "--refresh-only"]).code(0);
    p.run(&["drift", "--managed-only"]).code(0);
    let aws = Aws::behind(&p).await;
    assert_eq!(aws.on_role("acme-live", "owned").await, set(&["hand", "own", READ]));
    drop(aws);
    assert_eq!(planned(&p, &["--refresh=false"]), set(&[live]), "from state alone");

    // A role made anew, one at a time, is the one that is declared.
    let replace = ["--replace", "iam_role.owned@live", "--parallelism", "1"];
    p.run(&[&["apply", "--auto-approve"][..], &replace].concat()).code(0);
    let aws = Aws::behind(&p).await;
    assert_ne!(aws.role_id("acme-live", "owned").await, first);
    assert_eq!(aws.on_role("acme-live", "owned").await, set(&["own"]));
    drop(aws);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
}
