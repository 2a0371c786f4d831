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

    /// Sets a property of an object that no block declares.
    fn set(&self, region: &str, ty: &str, id: &str, property: &str, value: &Value) {
        let patch = json!([{ "op": "add", "path": format!("/{property}"), "value": value }]);
        self.inside("production", region, async |sdk| {
            let client = aws_sdk_cloudcontrol::Client::new(sdk);
            let asked = client.update_resource().type_name(ty).identifier(id);
            asked.patch_document(patch.to_string()).send().await.expect("asked");
        });
    }

    /// Deletes an object that no block declares, or takes its policy from it.
    fn delete(&self, region: &str, ty: &str, id: &str) {
        self.inside("production", region, async |sdk| {
            let client = aws_sdk_cloudcontrol::Client::new(sdk);
            client.delete_resource().type_name(ty).identifier(id).send().await.expect("asked");
        });
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

/// A type, an action upon it, and the properties of one of many objects.
type Listing<'m> = (&'static str, &'static str, &'m dyn Fn(usize) -> Value);

/// Every list of AWS comes in pages; what lets somebody in is on the last.
#[test]
fn every_page_of_a_list_is_read() {
    let beside = Beside::new("");
    let policy = |action: &str| {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": action, "Resource": "*",
            }],
        })
    };
    let table = |name: &str| {
        json!({
            "TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        })
    };
    let function = |name: &str| {
        json!({
            "FunctionName": name, "Role": "arn:aws:iam::111111111111:role/function", "PackageType": "Image",
            "Code": { "ImageUri": "111111111111.dkr.ecr.eu-west-1.amazonaws.com/door:1" },
        })
    };
    let name = |n: usize| format!("own-{n:02}");
    let key = "arn:aws:kms:eu-west-1:111111111111:key/12345678-1234-1234-1234-123456789012";
    let types: [Listing<'_>; 7] = [
        ("AWS::DynamoDB::Table", "dynamodb:GetItem", &|n| table(&name(n))),
        ("AWS::ECR::Repository", "ecr:BatchGetImage", &|n| json!({ "RepositoryName": name(n) })),
        ("AWS::KMS::Key", "kms:Decrypt", &|_| json!({})),
        ("AWS::Lambda::Function", "lambda:InvokeFunction", &|n| function(&name(n))),
        ("AWS::SNS::Topic", "sns:Publish", &|n| json!({ "TopicName": name(n) })),
        ("AWS::SQS::Queue", "sqs:SendMessage", &|n| json!({ "QueueName": name(n) })),
        (
            "AWS::SecretsManager::Secret",
            "secretsmanager:GetSecretValue",
            &|n| json!({ "Name": name(n), "KmsKeyId": key }),
        ),
    ];
    for (ty, action, properties) in types {
        let ids: Vec<String> =
            (0..21).map(|n| beside.make("eu-west-1", ty, &properties(n))).collect();
        assert_eq!(verdict(&beside.plan()), "isolated", "{ty}");
        // In the order in which they are listed.
        let last = ids.iter().max().expect("some");
        let open = policy(action);
        let door = match ty {
            "AWS::SNS::Topic" => Some((
                "AWS::SNS::TopicInlinePolicy",
                json!({ "TopicArn": last, "PolicyDocument": open }),
            )),
            "AWS::SQS::Queue" => Some((
                "AWS::SQS::QueueInlinePolicy",
                json!({ "Queue": last, "PolicyDocument": open }),
            )),
            "AWS::SecretsManager::Secret" => Some((
                "AWS::SecretsManager::ResourcePolicy",
                json!({ "SecretId": last, "ResourcePolicy": open }),
            )),
            "AWS::Lambda::Function" => Some((
                "AWS::Lambda::Permission",
                json!({ "FunctionName": last, "Action": action, "Principal": "*" }),
            )),
            _ => None,
        };
        let property = match ty {
            "AWS::KMS::Key" => "KeyPolicy",
            "AWS::ECR::Repository" => "RepositoryPolicyText",
            _ => "ResourcePolicy",
        };
        let (of, id) = match door {
            Some((of, properties)) => (of, beside.make("eu-west-1", of, &properties)),
            None => {
                let value = match ty {
                    "AWS::DynamoDB::Table" => json!({ "PolicyDocument": open }),
                    _ => open,
                };
                beside.set("eu-west-1", ty, last, property, &value);
                (ty, last.clone())
            }
        };
        assert_eq!(verdict(&beside.plan()), "reachable", "{ty}");
        beside.delete("eu-west-1", of, &id);
        assert_eq!(verdict(&beside.plan()), "isolated", "{ty}, closed again");
    }
}

/// What a plan replaces does not stand beside what takes its place.
#[test]
fn what_is_replaced_lets_nobody_in_any_longer() {
    let permission = |principal: &str| {
        format!(
            r#"{ESTATE}
resource "AWS::Lambda::Function" "door" {{
  accounts = [account.production]
  properties = {{
    FunctionName = "door"
    Role         = "arn:aws:iam::111111111111:role/function"
    Code         = {{ ImageUri = "111111111111.dkr.ecr.eu-west-1.amazonaws.com/door:1" }}
    PackageType  = "Image"
  }}
}}
resource "AWS::Lambda::Permission" "door" {{
  accounts = [account.production]
  properties = {{
    FunctionName = resource["AWS::Lambda::Function"].door.Arn
    Action       = "lambda:InvokeFunction"
    Principal    = {principal}
  }}
}}
"#
        )
    };
    let p = Program::new(&permission(CI));
    p.run(&["apply", "--auto-approve"]).code(0);
    assert_eq!(verdict(&p.run(&["plan", "--json"]).code(0).json()), "reachable");
    p.write("main.hcl", &permission("account.production.id"));
    let plan = p.run(&["plan", "--json"]).json();
    assert_eq!(plan["summary"]["replace"], 1, "{}", plan["summary"]);
    assert_eq!(verdict(&plan), "isolated");
    p.run(&["apply", "--auto-approve"]).code(0);
    assert_eq!(verdict(&p.run(&["plan", "--json"]).code(0).json()), "isolated");
}

/// A resource that a plan makes is known by the ARN that it will have, whatever names it so.
#[test]
fn what_a_plan_makes_is_judged_by_the_arn_that_it_will_have() {
    let queue = |more: &str, resource: &str| {
        format!(
            r#"{ESTATE}
{more}
resource "AWS::SQS::Queue" "door" {{
  accounts   = [account.production]
  properties = {{ QueueName = "door" }}
}}
resource "AWS::SQS::QueueInlinePolicy" "door" {{
  accounts   = [account.production]
  properties = {{
    Queue          = resource["AWS::SQS::Queue"].door.QueueUrl
    PolicyDocument = {{
      Version   = "2012-10-17"
      Statement = [{{
        Effect    = "Allow"
        Principal = {{ AWS = iam_role.ci.at["dev"].arn }}
        Action    = "sqs:SendMessage"
        Resource  = {resource}
      }}]
    }}
  }}
}}
"#
        )
    };
    let named = r#""arn:aws:sqs:eu-west-1:${account.production.id}:door""#;
    let other = r#""arn:aws:sqs:eu-west-1:${account.production.id}:other""#;
    let own = r#"resource["AWS::SQS::Queue"].door.Arn"#;
    let guardrail = |resources: &str| {
        format!(
            "service_control_policy \"only\" {{\n  targets = [account.dev]\n  statement \"only\" {{\n    effect        = \"Deny\"\n    actions       = [\"sqs:*\"]\n    not_resources = [{resources}]\n  }}\n}}"
        )
    };
    let cases = [
        ("its ARN", String::new(), named, "reachable"),
        ("a reference", String::new(), own, "reachable"),
        ("another queue's", String::new(), other, "isolated"),
        ("a guardrail that leaves it", guardrail(named), named, "reachable"),
        ("a guardrail that leaves it, by reference", guardrail(own), named, "reachable"),
        ("a guardrail that leaves another one", guardrail(other), named, "isolated"),
    ];
    for (name, more, resource, expected) in cases {
        let p = Program::new(ESTATE);
        p.run(&["apply", "--auto-approve"]).code(0);
        p.write("main.hcl", &queue(&more, resource));
        let plan = p.run(&["plan", "--json"]).code(0).json();
        assert_eq!(verdict(&plan), expected, "{name}");
        p.run(&["apply", "--auto-approve"]).code(0);
        assert_eq!(verdict(&p.run(&["plan", "--json"]).code(0).json()), expected, "{name}, made");
    }
    // What AWS chooses of an ARN is matched by patterns.
    let key = |resource: &str| {
        format!(
            r#"{}
resource "AWS::KMS::Key" "door" {{
  accounts   = [account.production]
  properties = {{
    KeyPolicy = {{
      Version   = "2012-10-17"
      Statement = [{{ Effect = "Allow", Principal = {{ AWS = iam_role.ci.at["dev"].arn }}, Action = "kms:*", Resource = "*" }}]
    }}
  }}
}}
"#,
            ESTATE.replace("resources = [\"*\"]", &format!("resources = [{resource}]"))
        )
    };
    for (resource, expected) in [
        (r#""arn:aws:kms:eu-west-1:${account.production.id}:key/*""#, "reachable"),
        (r#""arn:aws:kms:us-east-1:${account.production.id}:key/*""#, "isolated"),
    ] {
        let p = Program::new(&key(resource));
        let plan = p.run(&["plan", "--json"]).code(0).json();
        assert_eq!(verdict(&plan), expected, "{resource}");
    }
}

/// Copies of a secret in other Regions have its policy (Secrets Manager User Guide, "Replicate AWS Secrets Manager secrets across
/// Regions").
#[test]
fn copies_of_a_secret_in_other_regions_are_open_as_it_is() {
    let key = "arn:aws:kms:eu-west-1:111111111111:key/12345678-1234-1234-1234-123456789012";
    let secret = |replicas: &str, resource: &str| {
        let estate = ESTATE.replace("resources = [\"*\"]", &format!("resources = [{resource}]"));
        format!(
            r#"{estate}
resource "AWS::SecretsManager::Secret" "door" {{
  accounts   = [account.production]
  properties = {{ Name = "door", KmsKeyId = "{key}"{replicas} }}
}}
resource "AWS::SecretsManager::ResourcePolicy" "door" {{
  accounts   = [account.production]
  properties = {{
    SecretId       = resource["AWS::SecretsManager::Secret"].door.Id
    ResourcePolicy = {{
      Version   = "2012-10-17"
      Statement = [{{ Effect = "Allow", Principal = {{ AWS = iam_role.ci.at["dev"].arn }}, Action = "secretsmanager:GetSecretValue", Resource = "*" }}]
    }}
  }}
}}
"#
        )
    };
    let far = ", ReplicaRegions = [{ Region = \"us-east-1\" }]";
    let there = r#""arn:aws:secretsmanager:us-east-1:${account.production.id}:secret:door-??????""#;
    let here = r#""arn:aws:secretsmanager:eu-west-1:${account.production.id}:secret:door-??????""#;
    for (replicas, resource, expected) in
        [(far, there, "reachable"), ("", there, "isolated"), ("", here, "reachable")]
    {
        let p = Program::new(&secret(replicas, resource));
        let plan = p.run(&["plan", "--json"]).code(0).json();
        assert_eq!(verdict(&plan), expected, "{replicas} {resource}");
    }
}

/// Of two blocks that are the policy of one secret, the one that AWS carries out last counts, which nobody knows.
#[test]
fn two_policies_of_one_resource_are_undetermined() {
    let policy = |name: &str, principal: &str| {
        format!(
            r#"
resource "AWS::SecretsManager::ResourcePolicy" "{name}" {{
  accounts   = [account.production]
  properties = {{
    SecretId       = resource["AWS::SecretsManager::Secret"].door.Id
    ResourcePolicy = {{
      Version   = "2012-10-17"
      Statement = [{{ Effect = "Allow", Principal = {{ AWS = {principal} }}, Action = "secretsmanager:*", Resource = "*" }}]
    }}
  }}
}}
"#
        )
    };
    let secret = r#"
resource "AWS::SecretsManager::Secret" "door" {
  accounts   = [account.production]
  properties = { Name = "door" }
}
"#;
    let p = Program::new(&[ESTATE, secret, &policy("open", CI), &policy("shut", OWN)].concat());
    let plan = p.run(&["plan", "--json"]).code(0).json();
    assert_eq!(verdict(&plan), "undetermined");
    assert!(plan["isolation"].to_string().contains("both the policy of one resource"));
}

/// A guardrail on Regions closes what lies in another one.
#[test]
fn a_region_that_is_closed_holds_nothing_open() {
    let lock = r#"
service_control_policy "lock" {
  targets = [account.dev]
  statement "lock" {
    effect      = "Deny"
    not_actions = ["iam:*", "organizations:*", "sts:*"]
    resources   = ["*"]
    condition {
      test     = "StringNotEquals"
      variable = "aws:RequestedRegion"
      values   = ["eu-west-1", "eu-central-1"]
    }
  }
}
"#;
    let beside = Beside::new(lock);
    let open = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sqs:SendMessage", "Resource": "*" }],
    });
    for (region, expected) in [("us-east-2", "isolated"), ("eu-central-1", "reachable")] {
        let queue = beside.make(region, "AWS::SQS::Queue", &json!({ "QueueName": "door" }));
        let policy = json!({ "Queue": queue, "PolicyDocument": open });
        beside.make(region, "AWS::SQS::QueueInlinePolicy", &policy);
        assert_eq!(verdict(&beside.plan()), expected, "{region}");
    }
}

/// An exception for one key covers a policy that names it by `*`, whatever else bounds the path.
#[test]
fn an_exception_for_one_resource_covers_its_own_policy() {
    let beside = Beside::new("");
    let ci = format!("arn:aws:iam::{}:role/ci", beside.id("dev"));
    let root = format!("arn:aws:iam::{}:root", beside.id("production"));
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": root }, "Action": "kms:*", "Resource": "*" },
            { "Effect": "Allow", "Principal": { "AWS": ci }, "Action": "kms:Decrypt", "Resource": "*" },
        ],
    });
    let key = beside.make("eu-west-1", "AWS::KMS::Key", &json!({ "KeyPolicy": policy }));
    let arn = format!("arn:aws:kms:eu-west-1:{}:key/{key}", beside.id("production"));
    let plan = |arn: &str| {
        let allow = format!(
            "  on_violation = \"error\"\n  allow \"key\" {{\n    from      = environment.dev\n    to        = environment.production\n    actions   = [\"kms:Decrypt\"]\n    resources = [\"{arn}\"]\n    reason    = \"SEC-1\"\n    expires   = \"2027-03-31\"\n  }}"
        );
        let estate = ESTATE.replace("  on_violation = \"warn\"", &allow);
        beside.p.write("main.hcl", &estate);
        beside.wire.run(&beside.p, &["plan", "--json"])
    };
    let permitted = plan(&arn);
    assert_eq!(verdict(&permitted.json()), "reachable");
    assert_eq!(permitted.code, 0, "{}", permitted.err);
    let other = plan(&arn.replace(&key, "12345678-1234-1234-1234-123456789012"));
    assert_eq!(other.code, 3, "{}", other.err);
}

/// What is never read back of a statement is as the block says it.
#[test]
fn a_statement_of_parts_stands_after_it_was_made() {
    let bus = r#"
resource "AWS::Events::EventBusPolicy" "door" {
  accounts   = [account.production]
  properties = { StatementId = "door", Principal = account.dev.id, Action = "events:PutEvents" }
}
"#;
    let p = Program::new(&format!("{ESTATE}\n{bus}"));
    p.run(&["apply", "--auto-approve"]).code(0);
    let plan = p.run(&["plan", "--json"]).code(0).json();
    let walls = plan["isolation"]["matrix"].as_array().expect("walls");
    let wall = walls.iter().find(|w| w["from"] == "dev" && w["to"] == "production");
    let wall = wall.expect("the wall");
    assert_eq!((&wall["before"], &wall["after"]), (&json!("reachable"), &json!("reachable")));
}

/// Two statements of one name, each on the bus of its Region.
#[test]
fn statements_of_two_regions_are_two() {
    let p = Program::new(ESTATE);
    let bus = |region: &str, principal: &str| {
        format!(
            r#"
resource "AWS::Events::EventBusPolicy" "in-{region}" {{
  accounts = [account.production]
  region   = "{region}"
  properties = {{
    StatementId = "door"
    Statement   = {{ Effect = "Allow", Principal = {{ AWS = {principal} }}, Action = "events:PutEvents", Resource = "*" }}
  }}
}}
"#
        )
    };
    for (first, second) in [(CI, OWN), (OWN, CI)] {
        let both = [bus("eu-west-1", first), bus("us-east-1", second)].concat();
        p.write("main.hcl", &format!("{ESTATE}\n{both}"));
        assert_eq!(verdict(&p.run(&["plan", "--json"]).code(0).json()), "reachable", "{both}");
    }
}

#[test]
fn what_is_not_judged_leaves_the_walls_undetermined_and_is_named() {
    let p = Program::new(ESTATE);
    for (address, block) in [
        (
            "AWS::DynamoDB::Table",
            r#"properties = {
    BillingMode          = "PAY_PER_REQUEST"
    AttributeDefinitions = [{ AttributeName = "id", AttributeType = "S" }]
    KeySchema            = [{ AttributeName = "id", KeyType = "HASH" }]
    StreamSpecification  = {
      StreamViewType = "NEW_IMAGE"
      ResourcePolicy = { PolicyDocument = { Version = "2012-10-17", Statement = [] } }
    }
  }"#,
        ),
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
