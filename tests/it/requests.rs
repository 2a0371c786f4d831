//! What a thousand roles cost in requests, counted where they arrive: plans read in bulk, and creating
//! reads nothing back.

use std::collections::BTreeMap;

use palisade::sandbox::{RequestInfo, Service};

use crate::recovery::lab::Lab;

const ACCOUNTS: usize = 4;

/// What a plan asks an account, whatever is in it.
const BULK: [&str; 8] = [
    "GetAccountAuthorizationDetails",
    "GetAccountPasswordPolicy",
    "GetParametersByPath",
    "GetPublicAccessBlock",
    "ListAccountAliases",
    "ListBuckets",
    "ListOpenIDConnectProviders",
    "ListRoles",
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
