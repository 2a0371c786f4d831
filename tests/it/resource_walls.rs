//! Walls and the policies on resources: those of blocks of resource types, and those that nobody declares and AWS tells of.

use serde_json::{Value, json};

use crate::support::cli::Program;
use crate::support::endpoint::Endpoint;
use crate::support::wire::{Act, Wire};

/// Two accounts, a role in each; the one in dev may do everything of the services whose resources these tests are about.
pub(crate) const ESTATE: &str = r#"
palisade { name = "acme" }
provider "aws" { region = "eu-west-1" }
organization "acme" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
account "production" {
  name  = "acme-production"
  email = "production@acme.example"
}
environment "dev" { accounts = [account.dev] }
environment "production" { accounts = [account.production] }
isolation "environments" {
  between      = [environment.dev, environment.production]
  on_violation = "warn"
}
iam_role "ci" {
  accounts = [account.dev]
  trust { services = ["codebuild.amazonaws.com"] }
  statement "work" {
    actions   = ["backup:*", "dynamodb:*", "ecr:*", "events:*", "kinesis:*", "kms:*", "lambda:*", "logs:*", "secretsmanager:*", "sns:*", "sqs:*"]
    resources = ["*"]
  }
}
"#;

/// A block whose policy lets somebody in: the policy stands in for `POLICY`.
struct Door {
    name: &'static str,
    /// An action that the policy permits.
    action: &'static str,
    blocks: &'static str,
}

const DOORS: [Door; 11] = [
    Door {
        name: "AWS::KMS::Key",
        action: "kms:Decrypt",
        blocks: r#"resource "AWS::KMS::Key" "door" {
  accounts   = [account.production]
  properties = { KeyPolicy = POLICY }
}"#,
    },
    Door {
        name: "AWS::ECR::Repository",
        action: "ecr:BatchGetImage",
        blocks: r#"resource "AWS::ECR::Repository" "door" {
  accounts   = [account.production]
  properties = { RepositoryName = "door", RepositoryPolicyText = POLICY }
}"#,
    },
    Door {
        name: "AWS::DynamoDB::Table",
        action: "dynamodb:GetItem",
        blocks: r#"resource "AWS::DynamoDB::Table" "door" {
  accounts = [account.production]
  properties = {
    TableName            = "door"
    BillingMode          = "PAY_PER_REQUEST"
    AttributeDefinitions = [{ AttributeName = "id", AttributeType = "S" }]
    KeySchema            = [{ AttributeName = "id", KeyType = "HASH" }]
    ResourcePolicy       = { PolicyDocument = POLICY }
  }
}"#,
    },
    Door {
        name: "AWS::Events::EventBus",
        action: "events:PutEvents",
        blocks: r#"resource "AWS::Events::EventBus" "door" {
  accounts   = [account.production]
  properties = { Name = "door", Policy = POLICY }
}"#,
    },
    Door {
        name: "AWS::Backup::BackupVault",
        action: "backup:CopyIntoBackupVault",
        blocks: r#"resource "AWS::Backup::BackupVault" "door" {
  accounts   = [account.production]
  properties = { BackupVaultName = "door", AccessPolicy = POLICY }
}"#,
    },
    Door {
        name: "AWS::Logs::Destination",
        action: "logs:PutSubscriptionFilter",
        blocks: r#"resource "AWS::Logs::Destination" "door" {
  accounts = [account.production]
  properties = {
    DestinationName   = "door"
    RoleArn           = "arn:aws:iam::111111111111:role/logs"
    TargetArn         = "arn:aws:kinesis:eu-west-1:111111111111:stream/logs"
    DestinationPolicy = jsonencode(POLICY)
  }
}"#,
    },
    Door {
        name: "AWS::SNS::TopicInlinePolicy",
        action: "sns:Publish",
        blocks: r#"resource "AWS::SNS::Topic" "door" {
  accounts   = [account.production]
  properties = { TopicName = "door" }
}
resource "AWS::SNS::TopicInlinePolicy" "door" {
  accounts   = [account.production]
  properties = { TopicArn = resource["AWS::SNS::Topic"].door.TopicArn, PolicyDocument = POLICY }
}"#,
    },
    Door {
        name: "AWS::SQS::QueueInlinePolicy",
        action: "sqs:SendMessage",
        blocks: r#"resource "AWS::SQS::Queue" "door" {
  accounts   = [account.production]
  properties = { QueueName = "door" }
}
resource "AWS::SQS::QueueInlinePolicy" "door" {
  accounts   = [account.production]
  properties = { Queue = resource["AWS::SQS::Queue"].door.QueueUrl, PolicyDocument = POLICY }
}"#,
    },
    Door {
        name: "AWS::SecretsManager::ResourcePolicy",
        action: "secretsmanager:GetSecretValue",
        blocks: r#"resource "AWS::SecretsManager::Secret" "door" {
  accounts   = [account.production]
  properties = { Name = "door", KmsKeyId = "arn:aws:kms:eu-west-1:111111111111:key/12345678-1234-1234-1234-123456789012" }
}
resource "AWS::SecretsManager::ResourcePolicy" "door" {
  accounts   = [account.production]
  properties = { SecretId = resource["AWS::SecretsManager::Secret"].door.Id, ResourcePolicy = POLICY }
}"#,
    },
    Door {
        name: "AWS::Kinesis::ResourcePolicy",
        action: "kinesis:GetRecords",
        blocks: r#"resource "AWS::Kinesis::Stream" "door" {
  accounts   = [account.production]
  properties = { Name = "door", ShardCount = 1 }
}
resource "AWS::Kinesis::ResourcePolicy" "door" {
  accounts   = [account.production]
  properties = { ResourceArn = resource["AWS::Kinesis::Stream"].door.Arn, ResourcePolicy = POLICY }
}"#,
    },
    Door {
        name: "AWS::Lambda::ResourcePolicy",
        action: "lambda:InvokeFunction",
        blocks: r#"resource "AWS::Lambda::Function" "door" {
  accounts = [account.production]
  properties = {
    FunctionName = "door"
    Role         = "arn:aws:iam::111111111111:role/function"
    Code         = { ImageUri = "111111111111.dkr.ecr.eu-west-1.amazonaws.com/door:1" }
    PackageType  = "Image"
  }
}
resource "AWS::Lambda::ResourcePolicy" "door" {
  accounts   = [account.production]
  properties = { ResourceArn = resource["AWS::Lambda::Function"].door.Arn, PolicyDocument = POLICY }
}"#,
    },
];

impl Door {
    /// The blocks with a policy for a principal, under a condition.
    fn blocks(&self, principal: &str, condition: &str) -> String {
        let policy = format!(
            r#"{{
      Version   = "2012-10-17"
      Statement = [{{
        Effect    = "Allow"
        Principal = {{ AWS = {principal} }}
        Action    = "{}"
        Resource  = "*"
        {condition}
      }}]
    }}"#,
            self.action
        );
        self.blocks.replace("POLICY", &policy)
    }
}

const CI: &str = r#"iam_role.ci.at["dev"].arn"#;
const OWN: &str = r#""arn:aws:iam::${account.production.id}:root""#;

/// The verdict on the wall from dev to production after a plan.
pub(crate) fn verdict(plan: &Value) -> &str {
    let walls = plan["isolation"]["matrix"].as_array().expect("walls");
    let wall = walls.iter().find(|w| w["from"] == "dev" && w["to"] == "production");
    wall.expect("the wall")["after"].as_str().expect("a verdict")
}

#[test]
fn a_policy_of_a_block_opens_a_wall_and_a_guardrail_closes_it() {
    let p = Program::new(ESTATE);
    for door in &DOORS {
        let plan = |more: &str, principal: &str, condition: &str| {
            let blocks = door.blocks(principal, condition);
            p.write("main.hcl", &format!("{ESTATE}\n{more}\n{blocks}\n"));
            let run = p.run(&["plan", "--json"]);
            assert_eq!(run.code, 0, "{}: {}{}", door.name, run.out, run.err);
            run.json()
        };
        let open = plan("", CI, "");
        assert_eq!(verdict(&open), "reachable", "{}", door.name);
        let closed = plan("", OWN, "");
        assert_eq!(verdict(&closed), "isolated", "{}", door.name);
        let conditional =
            plan("", CI, r#"Condition = { IpAddress = { "aws:SourceIp" = "203.0.113.0/24" } }"#);
        assert_eq!(verdict(&conditional), "conditional", "{}", door.name);
        let guarded = format!(
            "service_control_policy \"no\" {{\n  targets = [account.dev]\n  statement \"no\" {{\n    effect    = \"Deny\"\n    actions   = [\"{}\"]\n    resources = [\"*\"]\n  }}\n}}",
            door.action
        );
        let guarded = plan(&guarded, CI, "");
        assert_eq!(verdict(&guarded), "isolated", "{}", door.name);
    }
}

/// An estate that is applied over the wire, and what its production account has beside it.
pub(crate) struct Beside {
    pub(crate) wire: Wire,
    pub(crate) p: Program,
}

impl Beside {
    pub(crate) fn new(more: &str) -> Self {
        let (wire, p) = (Wire::new(), Program::new(&format!("{ESTATE}\n{more}")));
        wire.run(&p, &["apply", "--auto-approve"]).code(0);
        Self { wire, p }
    }

    /// Does something in an account, as the role that Organizations makes there.
    pub(crate) fn inside<T>(
        &self,
        account: &str,
        region: &str,
        act: impl AsyncFnOnce(&aws_config::SdkConfig) -> T,
    ) -> T {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let endpoint = Endpoint::of(self.wire.sandbox.clone());
            let accounts = endpoint.accounts().await;
            let name = format!("acme-{account}");
            let id = &accounts.iter().find(|a| a.name == name).expect("there").id;
            let sdk = endpoint.account(id).await.to_builder();
            act(&sdk.region(aws_config::Region::new(region.to_owned())).build()).await
        })
    }

    /// The id of an account.
    pub(crate) fn id(&self, account: &str) -> String {
        self.inside(account, "eu-west-1", async |sdk| {
            let caller = aws_sdk_sts::Client::new(sdk).get_caller_identity().send().await;
            caller.expect("known").account.expect("an id")
        })
    }

    /// Makes an object in production, which no block declares; returns its identifier.
    pub(crate) fn make(&self, region: &str, ty: &str, properties: &Value) -> String {
        self.inside("production", region, async |sdk| {
            let client = aws_sdk_cloudcontrol::Client::new(sdk);
            let making = client.create_resource().type_name(ty);
            let made = making.desired_state(properties.to_string()).send().await.expect("asked");
            let token = made.progress_event().and_then(|e| e.request_token()).expect("a token");
            let status = client.get_resource_request_status().request_token(token).send().await;
            let event = status.expect("known").progress_event.expect("an event");
            assert_eq!(event.status_message(), None, "{ty}");
            event.identifier().expect("made").to_owned()
        })
    }

    fn plan(&self) -> Value {
        self.wire.run(&self.p, &["plan", "--json"]).json()
    }
}

#[test]
fn what_nobody_declares_opens_a_wall_in_every_region() {
    let beside = Beside::new("");
    assert_eq!(verdict(&beside.plan()), "isolated");
    let policy = |action: &str| {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": action, "Resource": "*",
            }],
        })
    };
    beside.make("eu-west-1", "AWS::SQS::Queue", &json!({ "QueueName": "own" }));
    assert_eq!(verdict(&beside.plan()), "isolated");
    beside.make("us-east-2", "AWS::KMS::Key", &json!({ "KeyPolicy": policy("kms:Decrypt") }));
    let plan = beside.plan();
    assert_eq!(verdict(&plan), "reachable");
    let told = plan["isolation"].to_string();
    assert!(told.contains("AWS::KMS::Key/us-east-2/"), "{told}");
    // Nobody asked for keys, and the row says so.
    let limited = format!("{ESTATE}\nwalls {{ types = [\"AWS::SQS::Queue\"] }}\n");
    beside.p.write("main.hcl", &limited);
    let plan = beside.plan();
    assert_eq!(verdict(&plan), "isolated");
    let told = plan["isolation"].to_string();
    assert!(told.contains("\"AWS::KMS::Key\"") && !told.contains("\"AWS::SQS::Queue\""), "{told}");
}

#[test]
fn a_policy_that_cannot_be_read_leaves_the_walls_undetermined() {
    let beside = Beside::new("");
    beside.make("eu-west-1", "AWS::KMS::Key", &json!({}));
    assert_eq!(verdict(&beside.plan()), "isolated");
    for operation in ["ListKeys", "GetKeyPolicy", "ListTopics"] {
        beside.wire.rule(move |arrived| match arrived.operation == operation {
            true if operation == "ListTopics" => Act::xml(403, "AuthorizationError", "not for you"),
            true => Act::json(400, "AccessDeniedException", "not for you"),
            false => Act::Pass,
        });
        let plan = beside.plan();
        assert_eq!(verdict(&plan), "undetermined", "{operation}");
        let told = beside.wire.run(&beside.p, &["plan"]);
        let all = format!("{}{}", told.out, told.err);
        assert!(all.contains("not for you"), "{operation}: {all}");
    }
    // A Region that the organization has closed is named, and the rest counts.
    beside.make("us-east-2", "AWS::SQS::Queue", &json!({ "QueueName": "far" }));
    beside.wire.rule(|arrived| match arrived.operation.as_str() {
        "ListKeys" if arrived.region == "us-east-2" => Act::json(
            400,
            "AccessDeniedException",
            "User is not authorized to perform: kms:ListKeys with an explicit deny in a service control policy",
        ),
        _ => Act::Pass,
    });
    let plan = beside.plan();
    assert_eq!(verdict(&plan), "isolated");
    let told = plan["isolation"].to_string();
    assert!(told.contains("AWS::KMS::Key in us-east-2"), "{told}");
    // SecurityAudit lets nobody ask for the Regions.
    beside.wire.rule(|arrived| match arrived.path.contains("listRegions") {
        true => Act::json(403, "AccessDeniedException", "not for you"),
        false => Act::Pass,
    });
    let plan = beside.plan();
    assert_eq!(verdict(&plan), "isolated");
    let told = plan["isolation"].to_string();
    assert!(told.contains("AWS::KMS::Key outside eu-west-1"), "{told}");
}

#[test]
fn a_statement_of_a_block_counts_with_the_policy_that_stands() {
    let function = r#"
resource "AWS::Lambda::Function" "door" {
  accounts = [account.production]
  properties = {
    FunctionName = "door"
    Role         = "arn:aws:iam::111111111111:role/function"
    Code         = { ImageUri = "111111111111.dkr.ecr.eu-west-1.amazonaws.com/door:1" }
    PackageType  = "Image"
  }
}
resource "AWS::Lambda::Permission" "door" {
  accounts = [account.production]
  properties = {
    FunctionName = resource["AWS::Lambda::Function"].door.Arn
    Action       = "lambda:InvokeFunction"
    Principal    = PRINCIPAL
  }
}
"#;
    let bus = r#"
resource "AWS::Events::EventBusPolicy" "door" {
  accounts = [account.production]
  properties = {
    StatementId = "door"
    Statement   = { Effect = "Allow", Principal = { AWS = PRINCIPAL }, Action = "events:PutEvents", Resource = "*" }
  }
}
"#;
    let p = Program::new(ESTATE);
    for blocks in [function, bus] {
        for (principal, expected) in [(CI, "reachable"), ("account.production.id", "isolated")] {
            p.write("main.hcl", &format!("{ESTATE}\n{}", blocks.replace("PRINCIPAL", principal)));
            let run = p.run(&["plan", "--json"]);
            assert_eq!(run.code, 0, "{}{}", run.out, run.err);
            assert_eq!(verdict(&run.json()), expected, "{principal}: {blocks}");
        }
    }
}

#[test]
fn what_is_not_judged_leaves_the_walls_undetermined_and_is_named() {
    let p = Program::new(ESTATE);
    for (address, block) in [
        (
            "AWS::RAM::ResourceShare",
            r#"properties = { Name = "door", Principals = ["222222222222"] }"#,
        ),
        (
            "AWS::CloudFormation::Stack",
            r#"properties = { TemplateURL = "https://s3.amazonaws.com/door/template.json" }"#,
        ),
        (
            "AWS::EFS::FileSystem",
            r#"properties = { FileSystemPolicy = { Version = "2012-10-17", Statement = [] } }"#,
        ),
    ] {
        let block = format!(
            "resource \"{address}\" \"door\" {{\n  accounts = [account.production]\n  {block}\n}}"
        );
        p.write("main.hcl", &format!("{ESTATE}\n{block}\n"));
        let run = p.run(&["plan", "--json"]);
        assert_eq!(run.code, 0, "{address}: {}{}", run.out, run.err);
        let plan = run.json();
        assert_eq!(verdict(&plan), "undetermined", "{address}");
        let told = plan["isolation"].to_string();
        assert!(told.contains(address) && told.contains("not judged yet"), "{told}");
    }
    let plain = "resource \"AWS::EFS::FileSystem\" \"plain\" {\n  accounts = [account.production]\n  properties = { Encrypted = true }\n}";
    p.write("main.hcl", &format!("{ESTATE}\n{plain}\n"));
    assert_eq!(verdict(&p.run(&["plan", "--json"]).code(0).json()), "isolated");
}

#[test]
fn a_policy_that_shuts_out_those_who_keep_it_is_refused() {
    let key = |principal: &str| {
        format!(
            r#"{ESTATE}
resource "AWS::KMS::Key" "main" {{
  accounts = [account.production]
  properties = {{
    KeyPolicy = {{
      Version   = "2012-10-17"
      Statement = [{{ Effect = "Allow", Principal = {{ {principal} }}, Action = "kms:*", Resource = "*" }}]
    }}
  }}
}}
"#
        )
    };
    let p = Program::new(&key(r#"AWS = "arn:aws:iam::${account.production.id}:root""#));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    p.write("main.hcl", &key(r#"Service = "logs.amazonaws.com""#));
    let refused = p.run(&["plan"]).code(1);
    assert!(refused.err.contains("kms:GetKeyPolicy"), "{}", refused.err);
    assert!(refused.err.contains("main.hcl:"), "{}", refused.err);
    // A key that goes takes nothing from anybody.
    p.write("main.hcl", ESTATE);
    p.run(&["apply", "--auto-approve"]).code(0);
}

#[test]
fn walls_reads_what_can_be_read_alone() {
    let p = Program::new(&format!("{ESTATE}\nwalls {{ types = [\"AWS::KMS::Kay\"] }}\n"));
    let refused = p.run(&["validate"]).code(1);
    assert!(refused.err.contains("did you mean `AWS::KMS::Key`"), "{}", refused.err);
    assert!(refused.err.contains("main.hcl:"), "{}", refused.err);
    p.write("main.hcl", &format!("{ESTATE}\nwalls {{ types = [] }}\nwalls {{ types = [] }}\n"));
    p.run(&["validate"]).code(1);
}
