//! What a thousand roles, or the secrets of an estate, cost in requests, counted where they arrive: plans
//! read in bulk, and creating reads nothing back.

use std::collections::BTreeMap;
use std::sync::Arc;

use palisade::sandbox::{FaultAction, Faults, Phase, RequestInfo, Service};

use crate::recovery::lab::Lab;

const ACCOUNTS: usize = 4;

/// What a plan asks an account, whatever is in it.
const BULK: [&str; 17] = [
    "DescribeParameters",
    "DescribeRepositories",
    "GetAccountAuthorizationDetails",
    "GetAccountPasswordPolicy",
    "GetParametersByPath",
    "GetPublicAccessBlock",
    "ListAccountAliases",
    "ListBuckets",
    "ListFunctions",
    "ListKeys",
    "ListOpenIDConnectProviders",
    "ListQueues",
    "ListRegions",
    "ListRoles",
    "ListSecrets",
    "ListTables",
    "ListTopics",
];

/// Roles with an inline policy each, equally many in every account.
fn estate(roles: usize) -> String {
    let account = |at| {
        format!(
            "account \"a{at}\" {{\n  name  = \"acme-{at}\"\n  email = \"a{at}@acme.example\"\n}}\n"
        )
    };
    let accounts: String = (0..ACCOUNTS).map(account).collect();
    let handles = (0..ACCOUNTS).map(|at| format!("account.a{at}")).collect::<Vec<_>>().join(", ");
    format!(
        r#"organization "acme" {{}}
{accounts}
iam_role "service" {{
  accounts = [{handles}]
  for_each = toset([for n in range({roles}) : format("s%03d", n)])
  trust {{
    services = ["ec2.amazonaws.com"]
  }}
  statement "Objects" {{
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::acme-${{each.key}}/*"]
  }}
}}
"#
    )
}

/// An estate's directory and AWS.
struct Stage {
    dir: tempfile::TempDir,
    lab: Lab,
}

impl Stage {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let lab = Lab::new(dir.path()).await;
        Self { dir, lab }
    }

    fn declare(&self, roles: usize) {
        std::fs::write(self.dir.path().join("main.hcl"), estate(roles)).expect("written");
    }

    /// What arrived since the last time.
    fn arrived(&self) -> Vec<RequestInfo> {
        let all = self.lab.sandbox.requests();
        self.lab.sandbox.clear_requests();
        all
    }

    /// Applies: the requests that changed roles, and all that the apply itself made of AWS.
    async fn apply(&self, run: &str) -> (usize, usize) {
        let world = self.lab.survey().await;
        let plan = self.lab.plan(&world);
        self.arrived();
        let summary = self.lab.carry_out(run, &world, &plan).await.expect("applied");
        assert!(summary.is_success(), "{summary:#?}");
        let arrived = self.arrived();
        let of_roles = arrived.iter().filter(|r| r.service == Service::Iam && r.mutating).count();
        (of_roles, arrived.iter().filter(|r| r.service != Service::S3).count())
    }

    /// The reads of a plan without changes: how often each account was asked each thing.
    async fn plan(&self, objects: usize) -> BTreeMap<(String, String), usize> {
        self.arrived();
        let world = self.lab.survey().await;
        let plan = self.lab.plan(&world);
        assert_eq!((plan.summary.no_op, plan.operations.len()), (objects, 0), "{:?}", plan.summary);
        let mut asked = BTreeMap::new();
        for request in self.arrived() {
            assert!(!request.mutating, "{request:?}");
            if request.service != Service::S3 || request.operation == "ListBuckets" {
                *asked.entry((request.account, request.operation)).or_default() += 1;
            }
        }
        asked
    }
}

#[tokio::test]
async fn a_thousand_roles_are_planned_with_the_requests_of_four_and_created_with_two_each() {
    let stage = Stage::new().await;
    stage.declare(1);
    stage.apply("few").await;
    let few = stage.plan(1 + ACCOUNTS + ACCOUNTS).await;

    stage.declare(1000 / ACCOUNTS);
    let (changes, all) = stage.apply("many").await;
    let created = 1000 - ACCOUNTS;
    assert_eq!(changes, 2 * created, "CreateRole and PutRolePolicy");
    assert!(10 * all <= 22 * created, "{all} requests for {created} roles");

    let many = stage.plan(1 + ACCOUNTS + 1000).await;
    let how_often = |asked: &BTreeMap<(String, String), usize>| {
        let mut operations = BTreeMap::new();
        for ((_, operation), times) in asked {
            *operations.entry(operation.clone()).or_insert(0) += times;
        }
        operations
    };
    assert_eq!(how_often(&few), how_often(&many), "no request for each role");
    // Of a member: one paged read of each service that has one, and one of each setting. What AWS's own
    // policies say is asked once for all.
    let management = stage.lab.sandbox.management_account();
    let mut members: BTreeMap<&str, Vec<(&str, usize)>> = BTreeMap::new();
    let mut of_all = 0;
    for ((account, operation), times) in &many {
        let once_for_all = ["GetPolicy", "GetPolicyVersion"].contains(&operation.as_str());
        if once_for_all || account == management.as_str() {
            of_all += times;
        } else {
            members.entry(account).or_default().push((operation, *times));
        }
    }
    let bulk = BULK.map(|operation| (operation, 1));
    assert!(
        members.len() == ACCOUNTS && members.values().all(|asked| *asked == bulk),
        "{members:#?}"
    );
    assert!(of_all <= ACCOUNTS + 20, "{of_all} requests for the organization and the ways in");
}

/// One secret for each source, in one environment.
fn secrets(sources: &[String]) -> String {
    let keys =
        (0..sources.len()).map(|at| format!("  key \"k{at}\" {{\n    secret = true\n  }}\n"));
    let values = sources.iter().enumerate();
    let values = values.map(|(at, source)| format!("      k{at} = secret(\"{source}\")\n"));
    format!(
        r#"palisade {{
  name = "acme"
}}
provider "aws" {{
  region = "eu-west-1"
}}
organization "acme" {{}}
account "dev" {{
  name  = "acme-dev"
  email = "dev@acme.example"
}}
config_schema "app" {{
{}}}
environment "dev" {{
  accounts = [account.dev]
  config "app" {{
    values = {{
{}    }}
  }}
}}
"#,
        keys.collect::<String>(),
        values.collect::<String>()
    )
}

#[tokio::test]
async fn sources_of_secrets_are_asked_fifty_at_a_time_and_for_no_value() {
    let stage = Stage::new().await;
    let management = stage.lab.sandbox.management_account().to_string();
    let ssm = aws_sdk_ssm::Client::new(&stage.lab.sdk());
    for at in 0..60 {
        let put = ssm.put_parameter().name(format!("/shared/{at}")).value("plain-in-the-open");
        // The first ones are no SecureString: what reads them gets their value.
        let kind = if at < 30 { "String" } else { "SecureString" };
        put.r#type(kind.into()).send().await.expect("put");
    }
    let label = ssm.label_parameter_version().name("/shared/1").parameter_version(1).labels("live");
    label.send().await.expect("labelled");
    let named = |count: usize| (0..count).map(|at| format!("ssm:/shared/{at}")).collect::<Vec<_>>();
    let asked = async |sources: &[String]| {
        std::fs::write(stage.dir.path().join("main.hcl"), secrets(sources)).expect("written");
        stage.arrived();
        let world = stage.lab.survey().await;
        let plan = stage.lab.plan(&world);
        let arrived = stage.arrived();
        assert!(arrived.iter().all(|r| !r.mutating), "{arrived:?}");
        let calls = arrived.into_iter().filter(|r| r.service == Service::Ssm);
        let calls = calls.filter(|r| r.account == management).map(|r| r.operation).collect();
        assert!(!format!("{plan:?}").contains("plain-in-the-open"));
        let warnings: Vec<String> = world.warnings.iter().map(ToString::to_string).collect();
        (plan.secret_sources, calls, warnings)
    };
    // None, none; fifty, one call; one more, two.
    let calls = |count| vec!["DescribeParameters".to_owned(); count];
    let (seen, made, _) = asked(&["env:A".to_owned(), "ssm:/shared/1:1".to_owned()]).await;
    assert_eq!((seen.len(), made), (0, calls(0)), "nothing that could move");
    for (sources, expected) in [(1, 1), (50, 1), (51, 2), (60, 2)] {
        let (seen, made, warnings): (_, Vec<String>, _) = asked(&named(sources)).await;
        assert_eq!((seen.len(), made), (sources, calls(expected)));
        assert!(seen.values().all(|version| *version == 1) && warnings.is_empty(), "{warnings:?}");
    }
    // By label and by ARN, of which only `GetParameters` knows.
    let arn = format!("ssm:arn:aws:ssm:eu-west-1:{management}:parameter/shared/2");
    let label = "ssm:/shared/1:live".to_owned();
    let (seen, made, _) = asked(&[label.clone(), arn.clone()]).await;
    assert_eq!(seen, BTreeMap::from([(label, 1), (arn, 1)]));
    assert_eq!(made, ["GetParameters"]);

    // Denied, and not there: a warning, at the line that names the source.
    let (seen, _, warnings) = asked(&["ssm:/nowhere".to_owned()]).await;
    assert!(seen.is_empty() && warnings.len() == 1, "{warnings:?}");
    let hook = |info: &RequestInfo, phase| match (phase, info.operation.as_str()) {
        (Phase::Before, "DescribeParameters") => FaultAction::Fail {
            status: 400,
            code: "AccessDeniedException".to_owned(),
            message: "not yours".to_owned(),
        },
        _ => FaultAction::Continue,
    };
    let faults = Faults { hook: Some(Arc::new(hook)), ..Faults::default() };
    stage.lab.sandbox.set_faults(faults).await;
    let (seen, _, warnings) = asked(&named(5)).await;
    assert!(seen.is_empty() && warnings.len() == 1, "{warnings:?}");
    let world = stage.lab.survey().await;
    let warning = world.warnings.iter().next().expect("a warning");
    assert_eq!(
        warning.summary,
        "secrets are verified at apply alone: `ssm:/shared/0`, `ssm:/shared/1`, `ssm:/shared/2`, 2 more"
    );
    let detail = warning.detail.as_deref().unwrap_or_default();
    assert!(detail.starts_with("ssm:DescribeParameters: AccessDeniedException."), "{detail}");
    assert!(warning.loc.is_some());
}
