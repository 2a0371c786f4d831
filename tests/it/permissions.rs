//! What `palisade permissions` computes, put to the proof: with exactly these policies every call of plans and applies is
//! allowed in the sandbox, and what each policy allows is called.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use palisade::sandbox;
use serde_json::Value;

use crate::support::cli::{Program, Run};
use crate::support::endpoint::enter;
use crate::support::estates::EVERY_KIND;
use crate::support::front::{Front, Way};

/// Actions that the estate below gives no occasion to call, with what would.
const NO_OCCASION: &[(&str, &str)] = &[
    ("account:PutAccountName", "an account is renamed"),
    ("cloudformation:GetResource", "a list leaves properties out"),
    ("cloudformation:ListResourceRequests", "the answer to a creation is lost"),
    ("cloudformation:ListResources", "the answer to a creation is lost"),
    ("dynamodb:GetResourcePolicy", "there is a table"),
    ("ecr:GetRepositoryPolicy", "there is a repository"),
    ("iam:ListInstanceProfilesForRole", "an instance profile holds a role that is deleted"),
    ("iam:RemoveRoleFromInstanceProfile", "an instance profile holds a role that is deleted"),
    ("iam:UpdateOpenIDConnectProviderThumbprint", "thumbprints change"),
    ("kms:GetKeyPolicy", "there is a key"),
    ("kms:ListGrants", "there is a key"),
    ("lambda:GetPolicy", "there is a function"),
    ("organizations:DeleteOrganization", "the organization goes"),
    ("organizations:ListCreateAccountStatus", "the answer to a creation is lost"),
    ("organizations:ListDelegatedServicesForAccount", "there is a delegated administrator"),
    ("s3:DeleteBucketPolicy", "a bucket's policy goes"),
    ("s3:GetObjectVersion", "a state is damaged"),
    ("s3:ListBucketVersions", "a state is damaged"),
    ("s3:PutBucketAbac", "tags of a bucket count in policies"),
    ("s3:UntagResource", "tags of a bucket count in policies"),
    ("secretsmanager:GetResourcePolicy", "there is a secret"),
    ("sns:GetTopicAttributes", "there is a topic"),
    ("sqs:GetQueueAttributes", "there is a queue"),
    ("ssm:GetParameter", "a block takes a parameter over"),
    ("ssm:ListTagsForResource", "a block takes a parameter over"),
];

/// What is changed in the estate of every kind, so that each step calls more.
const MORE: &[(&str, &str)] = &[
    (
        "  region = \"eu-west-1\"\n",
        r#"  region       = "eu-west-1"
  read_role    = "reader"
  default_tags = { (var.step) = "step" }
"#,
    ),
    (
        r#"  enabled_policy_types = ["RESOURCE_CONTROL_POLICY", "SERVICE_CONTROL_POLICY"]"#,
        r#"  enabled_policy_types = concat(
    ["RESOURCE_CONTROL_POLICY", "SERVICE_CONTROL_POLICY"],
    var.step == "one" ? ["TAG_POLICY"] : []
  )
  trusted_services = var.step == "one" ? ["account.amazonaws.com"] : []"#,
    ),
    ("workloads\" {\n", "workloads\" {\n  name = \"w-${var.step}\"\n"),
    (r#"["sts.amazonaws.com"]"#, r#"var.step == "one" ? ["sts.amazonaws.com"] : ["another"]"#),
    (
        "permissions_boundary = iam_policy.boundary\n  trust {\n    oidc",
        r#"permissions_boundary = var.step == "one" ? iam_policy.boundary.arn : null
  managed_policies     = ["arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"]
  trust {
    oidc"#,
    ),
    ("  password_policy {", "  s3_block_public_access = var.step == \"one\"\n  password_policy {"),
    (
        r#"  versioning   = var.step == "one""#,
        r#"  versioning       = var.step == "one"
  object_ownership = var.step == "one" ? "BucketOwnerEnforced" : "BucketOwnerPreferred"
  encryption {
    algorithm = var.step == "one" ? "AES256" : "aws:kms"
  }"#,
    ),
];

fn estate() -> String {
    let settings = r#"palisade {
  name = "acme"
  backend "s3" {
    bucket = "acme-state"
    prefix = "estate/"
    region = "eu-west-1"
  }
}
"#;
    let begin = EVERY_KIND.find("provider \"aws\"").unwrap();
    let mut rest = EVERY_KIND.get(begin..).unwrap().to_owned();
    for (old, new) in MORE {
        assert!(rest.contains(old), "{old}");
        rest = rest.replacen(old, new, 1);
    }
    let more = r#"
resource "AWS::Logs::LogGroup" "app" {
  environments = [environment.dev]
  properties = {
    LogGroupName    = "/acme/app"
    RetentionInDays = var.step == "one" ? 30 : 60
  }
}
data "organization_administration" "who" {}
output "delegated" {
  value = data.organization_administration.who.delegated_administrators
}
"#;
    format!("{settings}{rest}{more}")
}

/// The program before an endpoint that judges every call, as a user of the management account.
struct Judged {
    front: Front,
    program: Program,
    keys: Option<(String, String)>,
}

impl Judged {
    fn new(main: &str) -> Self {
        let options = sandbox::Options { enforce: true, ..sandbox::Options::default() };
        let front = Front::with(options, Way::default());
        Self { front, program: Program::new(main), keys: None }
    }

    fn run(&self, args: &[&str]) -> Run {
        let operator = self.front.sandbox.management_credentials();
        let (id, secret) = match &self.keys {
            Some((id, secret)) => (id.as_str(), secret.as_str()),
            None => (operator.access_key_id(), operator.secret_access_key()),
        };
        let mut command = self.program.command(args);
        command
            .env_remove("PALISADE_SANDBOX")
            .env("TOKEN", "correct-horse")
            .env("AWS_ENDPOINT_URL", self.front.url())
            .env("AWS_ACCESS_KEY_ID", id)
            .env("AWS_SECRET_ACCESS_KEY", secret);
        command.output().expect("the program starts").into()
    }

    /// A run in which nothing is denied; it may go on without what is.
    #[track_caller]
    fn is_allowed(&self, args: &[&str]) {
        let run = self.run(args).code(0);
        assert!(!run.err.contains("not authorized to perform"), "{}", run.err);
        assert!(!run.err.contains("Access Denied"), "{}", run.err);
    }

    fn operator(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("eu-west-1"))
            .http_client(self.front.sandbox.http_client())
            .credentials_provider(SharedCredentialsProvider::new(
                self.front.sandbox.management_credentials(),
            ))
            .build()
    }

    /// The policies that an operation needs, of one principal in one account.
    fn policies(&self, operation: &str, principal: &str, account: Option<&str>) -> Vec<Policy> {
        let told = self.run(&["permissions", operation, "--format", "json"]).code(0).json();
        let all = told["principals"].as_array().unwrap().iter();
        let own = all.filter(|of| {
            let accounts = of["accounts"].as_array().unwrap();
            of["principal"] == principal
                && account.is_none_or(|account| accounts.iter().any(|a| *a == account))
        });
        own.flat_map(|of| of["policies"].as_array().unwrap())
            .map(|policy| Policy {
                name: policy["name"].as_str().unwrap().to_owned(),
                document: policy["document"].clone(),
            })
            .collect()
    }

    /// A user with these policies and no other, who calls from here on.
    fn become_user(&mut self, name: &str, policies: &[Policy]) {
        let root = self.operator();
        let keys = self.front.wait(async {
            let iam = aws_sdk_iam::Client::new(&root);
            iam.create_user().user_name(name).send().await.expect("made");
            for policy in policies {
                let arn = made(&iam, &format!("{name}-{}", policy.name), policy).await;
                iam.attach_user_policy().user_name(name).policy_arn(arn).send().await.expect("");
            }
            let key = iam.create_access_key().user_name(name).send().await.expect("made");
            let key = key.access_key().expect("a key");
            (key.access_key_id().to_owned(), key.secret_access_key().to_owned())
        });
        self.keys = Some(keys);
    }

    /// A role with these policies and no other, which the management account may assume; made when there is none.
    fn set_role(&self, account: &str, name: &str, policies: &[Policy]) {
        let root = self.operator();
        self.front.wait(async {
            let org = aws_sdk_organizations::Client::new(&root);
            let listed = org.list_accounts().send().await.expect("listed");
            let found = listed.accounts().iter().find(|a| a.name() == Some(account));
            let id = found.and_then(|a| a.id()).expect("an id");
            let iam = aws_sdk_iam::Client::new(&enter(&root, id).await);
            let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}]}"#;
            let new = iam.create_role().role_name(name).assume_role_policy_document(trust);
            let is_new = new.send().await.is_ok();
            let held = iam.list_attached_role_policies().role_name(name).send().await.expect("read");
            for policy in policies {
                let arn = made(&iam, &format!("{name}-{}", policy.name), policy).await;
                iam.attach_role_policy().role_name(name).policy_arn(arn).send().await.expect("");
            }
            for policy in held.attached_policies() {
                let arn = policy.policy_arn().expect("an ARN");
                iam.detach_role_policy().role_name(name).policy_arn(arn).send().await.expect("");
            }
            assert!(is_new || !held.attached_policies().is_empty());
        });
    }

    /// The actions that a principal has called since the requests were forgotten.
    fn called(&self, principal: &str) -> BTreeSet<String> {
        let requests = self.front.sandbox.requests();
        let own = requests.iter().filter(|r| r.principal.contains(principal));
        own.flat_map(|request| request.actions.clone()).collect()
    }
}

struct Policy {
    name: String,
    document: Value,
}

async fn made(iam: &aws_sdk_iam::Client, name: &str, policy: &Policy) -> String {
    let text = policy.document.to_string();
    let made = iam.create_policy().policy_name(name).policy_document(text).send().await;
    made.expect("a policy that IAM accepts").policy().and_then(|p| p.arn()).expect("").to_owned()
}

/// The actions that policies allow, without those of statements that are named.
fn allowed(policies: &[Policy], without: &[&str]) -> BTreeSet<String> {
    let statements = policies.iter().flat_map(|p| p.document["Statement"].as_array().unwrap());
    let is_named = |sid: &Value| without.iter().any(|name| sid.as_str().unwrap().starts_with(name));
    let actions = statements.filter(|s| !is_named(&s["Sid"]));
    let actions = actions.flat_map(|s| s["Action"].as_array().unwrap());
    actions.map(|a| a.as_str().unwrap().to_owned()).collect()
}

/// That what is allowed is called, and that asking who one is takes no permission.
fn inexact(what: &str, policies: &[Policy], mut called: BTreeSet<String>) -> Vec<String> {
    called.remove("sts:GetCallerIdentity");
    // The sandbox does what handlers of resource types do, and asks for their permissions in no call. Policies of AWS's are
    // read here only while no account can be.
    let idle: Vec<String> = allowed(policies, &["ResourceTypes", "PoliciesOfAws"])
        .into_iter()
        .filter(|action| !called.contains(action))
        .filter(|action| !NO_OCCASION.iter().any(|(known, _)| known == action))
        .collect();
    let more = called.difference(&allowed(policies, &[])).cloned().collect::<Vec<_>>();
    let idle = idle.iter().map(|action| format!("{what} does not call {action}"));
    idle.chain(more.iter().map(|action| format!("{what} calls {action}"))).collect()
}

#[test]
fn plans_and_applies_need_exactly_what_is_computed() {
    let mut judged = Judged::new(&estate());
    judged.run(&["init", "--create-backend"]).code(0);
    let caller = judged.policies("apply", "caller", None);
    judged.become_user("applier", &caller);
    // The first apply makes the accounts, which AWS gives a role with all power.
    judged.run(&["apply", "--auto-approve"]).code(0);
    let access = "OrganizationAccountAccessRole";
    let accounts = [("acme-dev", "dev"), ("acme-live", "live")];
    for (name, handle) in accounts {
        judged.set_role(name, "reader", &judged.policies("plan", "reader", Some(handle)));
        judged.set_role(name, access, &judged.policies("apply", access, Some(handle)));
    }
    let change = |to: &str| {
        let (one, two) = ("default = \"one\"", format!("default = \"{to}\""));
        judged.program.write("main.hcl", &estate().replace(one, &two));
    };
    for step in ["two", "one"] {
        change(step);
        judged.is_allowed(&["apply", "--auto-approve"]);
    }
    judged.is_allowed(&["destroy", "--auto-approve"]);
    judged.is_allowed(&["apply", "--auto-approve"]);
    let mut wrong = inexact("the applier", &caller, judged.called(":user/applier"));
    let mut changes = Vec::new();
    for (_, handle) in accounts {
        changes.extend(judged.policies("apply", access, Some(handle)));
    }
    let called = judged.called("assumed-role/OrganizationAccountAccessRole");
    wrong.extend(inexact("the access role", &changes, called));

    judged.front.sandbox.clear_requests();
    let caller = judged.policies("plan", "caller", None);
    judged.become_user("planner", &caller);
    judged.is_allowed(&["plan", "--detailed-exitcode"]);
    wrong.extend(inexact("the planner", &caller, judged.called(":user/planner")));
    let reads = judged.policies("plan", "reader", Some("dev"));
    wrong.extend(inexact("the read role", &reads, judged.called("assumed-role/reader")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// One action less, and something is denied.
#[test]
fn each_part_of_a_policy_is_needed() {
    let mut judged = Judged::new(&estate().replace("  read_role    = \"reader\"\n", ""));
    judged.run(&["init", "--create-backend"]).code(0);
    judged.run(&["apply", "--auto-approve"]).code(0);
    let policies = judged.policies("plan", "caller", None);
    for (number, action) in [
        "sts:AssumeRole",
        "organizations:ListTargetsForPolicy",
        "s3:ListBucket",
        "organizations:DescribePolicy",
    ]
    .iter()
    .enumerate()
    {
        let less: Vec<Policy> = policies.iter().map(|policy| policy.without(action)).collect();
        judged.become_user(&format!("planner-{number}"), &less);
        let said = judged.run(&["plan"]).err;
        let is_denied = said.contains(&format!("not authorized to perform: {action}"))
            || said.contains("Access Denied");
        assert!(is_denied, "without {action}: {said}");
    }
}

impl Policy {
    fn without(&self, action: &str) -> Self {
        let mut less = Self { name: self.name.clone(), document: self.document.clone() };
        let statements = less.document["Statement"].as_array_mut().unwrap();
        for statement in &mut *statements {
            statement["Action"].as_array_mut().unwrap().retain(|own| own != action);
        }
        statements.retain(|statement| !statement["Action"].as_array().unwrap().is_empty());
        less
    }
}

/// What is printed as configuration is valid beside the estate that it is for, and written as `fmt` writes it.
#[test]
fn policies_are_printed_as_configuration() {
    for operation in ["plan", "apply"] {
        let program = Program::new(&estate());
        let text = program.run(&["permissions", operation, "--format", "hcl"]).code(0).out;
        program.write("permissions.hcl", &text);
        program.run(&["fmt", "--check", "permissions.hcl"]).code(0);
        program.run(&["validate"]).code(0);
    }
}

/// Handlers of many types do not fit into one policy.
#[test]
fn large_policies_are_split_below_the_limit_of_iam() {
    let types = [
        ("AWS::EC2::VPC", "CidrBlock = \"10.0.0.0/16\""),
        ("AWS::ECS::Cluster", "ClusterName = \"app\""),
        (
            "AWS::CloudFront::CachePolicy",
            "CachePolicyConfig = { DefaultTTL = 1, MaxTTL = 2, MinTTL = 0, Name = \"app\", ParametersInCacheKeyAndForwardedToOrigin = { CookiesConfig = { CookieBehavior = \"none\" }, EnableAcceptEncodingGzip = true, HeadersConfig = { HeaderBehavior = \"none\" }, QueryStringsConfig = { QueryStringBehavior = \"none\" } } }",
        ),
        (
            "AWS::RDS::DBInstance",
            "DBInstanceClass = \"db.t4g.micro\", Engine = \"postgres\", AllocatedStorage = \"20\"",
        ),
    ];
    let blocks: String = types
        .iter()
        .map(|(ty, properties)| {
            format!("resource \"{ty}\" \"app\" {{\n  environments = [environment.dev]\n  properties = {{ {properties} }}\n}}\n")
        })
        .collect();
    let main = crate::support::estates::two_environments(&blocks);
    let program = Program::new(&main);
    let told = program.run(&["permissions", "apply", "--format", "json"]).code(0).json();
    let of_dev = told["principals"].as_array().unwrap().iter();
    let of_dev: Vec<&Value> =
        of_dev.filter(|of| of["accounts"].as_array().unwrap().iter().any(|a| a == "dev")).collect();
    let [dev] = of_dev.as_slice() else { panic!("{of_dev:?}") };
    let policies = dev["policies"].as_array().unwrap();
    let mut all = BTreeSet::new();
    for policy in policies {
        assert!(policy["document"].to_string().len() <= 6_144, "{}", policy["name"]);
        for statement in policy["document"]["Statement"].as_array().unwrap() {
            for action in statement["Action"].as_array().unwrap() {
                all.insert(action.as_str().unwrap().to_ascii_lowercase());
            }
        }
    }
    for action in [
        "ec2:createvpc",
        "ec2:createtags",
        "rds:createdbinstance",
        "iam:passrole",
        "cloudformation:createresource",
    ] {
        assert!(all.contains(action), "{action}: {all:#?}");
    }
    assert!(!all.contains("s3:rest.put.object") && !all.contains(""));
    let text = program.run(&["permissions", "apply"]).code(0).out;
    assert!(text.contains("an upper bound"), "{text}");
    // A plan changes nothing.
    let plan = program.run(&["permissions", "plan", "--format", "json"]).code(0).out;
    assert!(!plan.contains("CreateResource") && plan.contains("cloudformation:ListResources"));
}
