//! Each CloudFormation type that can grant access: a change of a stack opens or closes the wall from `dev` to
//! `production`, and the same change in a Terraform plan has the same verdict.

use palisade::engine::review::{ReviewOutcome, StackRequest};
use palisade::isolation::WallVerdict::{self, Isolated, Reachable, Undetermined};
use palisade::isolation::section::{AssumptionKind, MatrixRow};
use serde_json::{Value, json};

use super::lab::{
    Change, DEV, Lab, PRODUCTION, Plan, TOOLS, allow, document, lets_in, role, root, trust, wall,
};

pub(super) const BUILDER: &str = "arn:aws:iam::111111111111:role/builder";
const HOP: &str = "arn:aws:iam::333333333333:role/hop";

/// A stack in an account: its deployed resources with their physical ids, and the new ones.
#[derive(Clone, Default)]
pub(super) struct Stack {
    pub(super) account: &'static str,
    /// Resources of the deployed template; `None` for a new stack.
    pub(super) before: Option<Value>,
    /// Logical and physical ids.
    pub(super) physical: Vec<(&'static str, String)>,
    pub(super) after: Value,
}

impl Stack {
    pub(super) fn new(account: &'static str, after: Value) -> Self {
        Self { account, after, ..Self::default() }
    }

    pub(super) fn from(mut self, before: Value, physical: &[(&'static str, &str)]) -> Self {
        self.before = Some(before);
        self.physical = physical.iter().map(|(id, name)| (*id, (*name).to_owned())).collect();
        self
    }
}

/// Adds a stack called `app` to what is reviewed.
pub(super) fn add(lab: &mut Lab, stack: &Stack) {
    let template = |resources: &Value| json!({"Resources": resources});
    let nothing = json!({"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}});
    let mut all = stack.after.clone();
    if all == json!({}) {
        all = nothing.clone();
    }
    lab.write("app.json", &template(&all));
    let mut deployed = Vec::new();
    if let Some(before) = &stack.before {
        let before = if *before == json!({}) { &nothing } else { before };
        lab.write("deployed/template.json", &json!({"TemplateBody": template(before)}));
        let arn = format!("arn:aws:cloudformation:us-east-1:{}:stack/app/1", stack.account);
        let resources: Vec<Value> = stack
            .physical
            .iter()
            .map(|(id, name)| {
                json!({"StackId": arn, "LogicalResourceId": id, "PhysicalResourceId": name, "ResourceStatus": "CREATE_COMPLETE"})
            })
            .collect();
        lab.write("deployed/resources.json", &json!({"StackResources": resources}));
        lab.write(
            "deployed/stack.json",
            &json!({"Stacks": [{"StackId": arn, "StackName": "app", "Parameters": []}]}),
        );
        deployed.push(lab.folder().join("deployed"));
    }
    lab.stacks.push(StackRequest {
        name: "app".to_owned(),
        template: lab.folder().join("app.json"),
        account: Some(stack.account.parse().expect("an id")),
        region: Some("us-east-1".to_owned()),
        is_new: stack.before.is_none(),
        deployed,
        ..StackRequest::default()
    });
}

#[track_caller]
fn review(mut lab: Lab, stack: &Stack) -> ReviewOutcome {
    add(&mut lab, stack);
    lab.review().unwrap_or_else(|error| panic!("{:?}", error.diagnostics()))
}

#[track_caller]
fn becomes(lab: Lab, stack: &Stack, expected: (WallVerdict, WallVerdict)) {
    let outcome = review(lab, stack);
    assert_eq!(wall(&outcome, "dev", "production"), expected, "{:#?}", outcome.change);
}

fn settle_trusts(principal: &str) -> Lab {
    let lab = Lab::new();
    lab.edit_role(PRODUCTION, "settle", |settle| {
        settle["AssumeRolePolicyDocument"] = trust(principal)
    });
    lab
}

fn hop_has_the_right() -> Lab {
    let lab = settle_trusts(HOP);
    lab.edit_role(TOOLS, "hop", |hop| {
        *hop = role(TOOLS, "hop", trust(BUILDER), may_become_any());
    });
    lab
}

fn may_become_any() -> Value {
    document(json!([allow("sts:AssumeRole", "*")]))
}

fn resource(kind: &str, properties: Value) -> Value {
    json!({"Type": kind, "Properties": properties})
}

fn a_role(properties: Value) -> Value {
    resource("AWS::IAM::Role", properties)
}

#[test]
fn roles_are_created_changed_and_deleted() {
    // A role without a name, made by a new stack.
    let new = json!({"New": a_role(json!({"AssumeRolePolicyDocument": trust(&root(DEV))}))});
    becomes(Lab::new(), &Stack::new(PRODUCTION, new), (Isolated, Reachable));
    let settle = |principal: &str| json!({"Settle": a_role(json!({"AssumeRolePolicyDocument": trust(principal)}))});
    let physical: &[(&str, &str)] = &[("Settle", "settle")];
    let own = root(PRODUCTION);
    let opens = Stack::new(PRODUCTION, settle(BUILDER)).from(settle(&own), physical);
    becomes(Lab::new(), &opens, (Isolated, Reachable));
    let gone = Stack::new(PRODUCTION, json!({})).from(settle(BUILDER), physical);
    becomes(settle_trusts(BUILDER), &gone, (Reachable, Isolated));
    for (policy, verdict) in [
        ("Retain", Reachable),
        ("RetainExceptOnCreate", Reachable),
        ("Delete", Isolated),
        ("Snapshot", Isolated),
    ] {
        let mut before = settle(BUILDER);
        before["Settle"]["DeletionPolicy"] = json!(policy);
        let gone = Stack::new(PRODUCTION, json!({})).from(before, physical);
        becomes(settle_trusts(BUILDER), &gone, (Reachable, verdict));
    }
    let same = Stack::new(PRODUCTION, settle(BUILDER)).from(settle(BUILDER), physical);
    let outcome = review(settle_trusts(BUILDER), &same);
    assert_eq!(wall(&outcome, "dev", "production"), (Reachable, Reachable));
    assert_eq!((outcome.change.judged, outcome.isolation.changes.len()), (0, 0));
}

/// A replaced role is a new principal: trust policies keep the id of the old one.
#[test]
fn a_replaced_role_loses_its_trusts() {
    let builder = |more: Value| {
        let mut properties = json!({
            "AssumeRolePolicyDocument": trust("ec2.amazonaws.com"),
            "Policies": [{"PolicyName": "work", "PolicyDocument": may_become_any()}]
        });
        for (key, value) in more.as_object().expect("an object") {
            properties[key] = value.clone();
        }
        json!({"Builder": a_role(properties)})
    };
    let physical: &[(&str, &str)] = &[("Builder", "builder")];
    let by_name = builder(json!({"RoleName": "builder-2"}));
    for after in [by_name, builder(json!({"Path": "/ci/"}))] {
        let stack = Stack::new(DEV, after).from(builder(json!({})), physical);
        becomes(settle_trusts(BUILDER), &stack, (Reachable, Isolated));
    }
    // `/` is the default path.
    let stack = Stack::new(DEV, builder(json!({"Path": "/"}))).from(builder(json!({})), physical);
    becomes(settle_trusts(BUILDER), &stack, (Reachable, Reachable));
    // Another type for the same logical id.
    let other = json!({"Builder": resource("AWS::SNS::Topic", json!({}))});
    let stack = Stack::new(DEV, other).from(builder(json!({})), physical);
    becomes(settle_trusts(BUILDER), &stack, (Reachable, Isolated));
    // A retained role keeps its trusts.
    let mut retained = builder(json!({"RoleName": "builder-2"}));
    retained["Builder"]["UpdateReplacePolicy"] = json!("Retain");
    let stack = Stack::new(DEV, retained).from(builder(json!({})), physical);
    becomes(settle_trusts(BUILDER), &stack, (Reachable, Reachable));
}

#[test]
fn policies_of_roles_users_and_groups() {
    let walk = format!("arn:aws:iam::{TOOLS}:policy/walk");
    let policy = |more: Value| {
        let mut all = json!({"PolicyName": "walk", "PolicyDocument": may_become_any()});
        for (key, value) in more.as_object().expect("an object") {
            all[key] = value.clone();
        }
        all
    };
    for made in [
        resource("AWS::IAM::Policy", policy(json!({"Roles": ["hop"]}))),
        resource("AWS::IAM::RolePolicy", policy(json!({"RoleName": "hop"}))),
        resource(
            "AWS::IAM::ManagedPolicy",
            json!({"PolicyDocument": may_become_any(), "Roles": ["hop"]}),
        ),
    ] {
        let stack = Stack::new(TOOLS, json!({"Walk": made}));
        becomes(settle_trusts(HOP), &stack, (Isolated, Reachable));
    }
    let work = json!({"Work": resource("AWS::IAM::Policy", json!({"PolicyName": "work", "PolicyDocument": may_become_any(), "Roles": ["hop"]}))});
    let gone = Stack::new(TOOLS, json!({})).from(work, &[("Work", "app-Work-1")]);
    becomes(hop_has_the_right(), &gone, (Reachable, Isolated));
    // The role's own lists: policies that leave the template are deleted, and others stay.
    let hop = |more: Value| {
        let mut properties = json!({"AssumeRolePolicyDocument": trust(BUILDER)});
        for (key, value) in more.as_object().expect("an object") {
            properties[key] = value.clone();
        }
        json!({"Hop": a_role(properties)})
    };
    let physical: &[(&str, &str)] = &[("Hop", "hop")];
    let own = json!({"Policies": [{"PolicyName": "work", "PolicyDocument": may_become_any()}]});
    let gone = Stack::new(TOOLS, hop(json!({}))).from(hop(own), physical);
    becomes(hop_has_the_right(), &gone, (Reachable, Isolated));
    let other = json!({"Policies": [{"PolicyName": "other", "PolicyDocument": may_become_any()}]});
    let stays = Stack::new(TOOLS, hop(json!({}))).from(hop(other), physical);
    becomes(hop_has_the_right(), &stays, (Reachable, Reachable));
    let attached =
        Stack::new(TOOLS, hop(json!({"ManagedPolicyArns": [walk]}))).from(hop(json!({})), physical);
    becomes(settle_trusts(HOP), &attached, (Isolated, Reachable));
    // A policy of the same stack, attached by reference.
    let mut both = hop(json!({"ManagedPolicyArns": [{"Ref": "Walk"}]}));
    both["Walk"] = resource("AWS::IAM::ManagedPolicy", json!({"PolicyDocument": may_become_any()}));
    let stack = Stack::new(TOOLS, both).from(hop(json!({})), physical);
    becomes(settle_trusts(HOP), &stack, (Isolated, Reachable));
    // Users and groups: `settle` trusts `ann`.
    let ann = || {
        let mut lab = settle_trusts(&format!("arn:aws:iam::{TOOLS}:user/ann"));
        lab.environments = vec![("dev", TOOLS), ("production", PRODUCTION)];
        lab
    };
    let crew = resource("AWS::IAM::GroupPolicy", policy(json!({"GroupName": "crew"})));
    let joins =
        resource("AWS::IAM::UserToGroupAddition", json!({"GroupName": "crew", "Users": ["ann"]}));
    for made in [
        json!({"Walk": resource("AWS::IAM::UserPolicy", policy(json!({"UserName": "ann"})))}),
        json!({"Walk": resource("AWS::IAM::ManagedPolicy", json!({"PolicyDocument": may_become_any(), "Users": ["ann"]}))}),
        json!({"Walk": crew, "Joins": joins}),
    ] {
        becomes(ann(), &Stack::new(TOOLS, made), (Isolated, Reachable));
    }
    let user = |groups: Value| json!({"Ann": resource("AWS::IAM::User", json!({"Groups": groups})), "Walk": crew});
    let stack = Stack::new(TOOLS, user(json!(["crew"])))
        .from(user(json!([])), &[("Ann", "ann"), ("Walk", "w")]);
    let lab = ann();
    lab.edit(&format!("accounts/{TOOLS}/account-authorization-details.json"), |details| {
        details["GroupDetailList"][0]["GroupPolicyList"] =
            json!([{"PolicyName": "walk", "PolicyDocument": may_become_any()}]);
    });
    becomes(lab, &stack, (Isolated, Reachable));
    // A group of the stack, with a user of it.
    let made = json!({
        "Crew": resource("AWS::IAM::Group", json!({"Policies": [{"PolicyName": "walk", "PolicyDocument": may_become_any()}]})),
        "Joins": resource("AWS::IAM::UserToGroupAddition", json!({"GroupName": {"Ref": "Crew"}, "Users": ["ann"]}))
    });
    becomes(ann(), &Stack::new(TOOLS, made), (Isolated, Reachable));
}

#[test]
fn boundaries_and_managed_policies() {
    let fence = format!("arn:aws:iam::{TOOLS}:policy/fence");
    let hop = |boundary: Value| {
        let mut hop = json!({"AssumeRolePolicyDocument": trust(BUILDER)});
        if !boundary.is_null() {
            hop["PermissionsBoundary"] = boundary;
        }
        json!({"Hop": a_role(hop)})
    };
    let physical: &[(&str, &str)] = &[("Hop", "hop")];
    let fenced = hop_has_the_right();
    fenced.edit_role(TOOLS, "hop", |hop| {
        hop["PermissionsBoundary"] =
            json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": fence});
    });
    let removed = Stack::new(TOOLS, hop(Value::Null)).from(hop(json!(fence)), physical);
    becomes(fenced, &removed, (Isolated, Reachable));
    let set = Stack::new(TOOLS, hop(json!(fence))).from(hop(Value::Null), physical);
    becomes(hop_has_the_right(), &set, (Reachable, Isolated));
    let policy = |content: Value| json!({"Fence": resource("AWS::IAM::ManagedPolicy", json!({"PolicyDocument": content}))});
    let lab = settle_trusts(HOP);
    lab.edit_role(TOOLS, "hop", |hop| {
        hop["AttachedManagedPolicies"] = json!([{"PolicyName": "fence", "PolicyArn": fence}]);
    });
    let stack = Stack::new(TOOLS, policy(may_become_any()))
        .from(policy(document(json!([allow("s3:*", "*")]))), &[("Fence", fence.as_str())]);
    becomes(lab, &stack, (Isolated, Reachable));
}

/// `builder` may do everything with these services anywhere.
fn services() -> Lab {
    let lab = Lab::new();
    lab.edit_role(DEV, "builder", |builder| {
        let services = [
            "s3",
            "sqs",
            "kms",
            "secretsmanager",
            "sns",
            "lambda",
            "dynamodb",
            "ecr",
            "kinesis",
            "events",
            "backup",
            "logs",
        ];
        let all: Vec<Value> = services.iter().map(|s| allow(&format!("{s}:*"), "*")).collect();
        builder["RolePolicyList"][0]["PolicyDocument"] = document(json!(all));
    });
    lab
}

fn holding(arn: &str, policy: Value) -> Lab {
    let lab = services();
    lab.edit(&format!("accounts/{PRODUCTION}/resource-policies.json"), |dump| {
        let all = dump["resources"].as_array_mut().expect("resources");
        all.retain(|one| one["arn"] != json!(arn));
        all.push(json!({"arn": arn, "policy": policy}));
    });
    lab
}

#[test]
fn resources_with_their_policies() {
    const QUEUE: &str = "arn:aws:sqs:us-east-1:222222222222:orders";
    const SECRET: &str = "arn:aws:secretsmanager:us-east-1:222222222222:secret:pin-AbCdEf";
    const TOPIC: &str = "arn:aws:sns:us-east-1:222222222222:orders";
    const STREAM: &str = "arn:aws:kinesis:us-east-1:222222222222:stream/orders";
    const URL: &str = "https://sqs.us-east-1.amazonaws.com/222222222222/orders";
    for (arn, kind, names, named, document, action) in [
        (
            QUEUE,
            "AWS::SQS::QueuePolicy",
            "Queues",
            json!([URL]),
            "PolicyDocument",
            "sqs:SendMessage",
        ),
        (
            QUEUE,
            "AWS::SQS::QueueInlinePolicy",
            "Queue",
            json!(URL),
            "PolicyDocument",
            "sqs:SendMessage",
        ),
        (TOPIC, "AWS::SNS::TopicPolicy", "Topics", json!([TOPIC]), "PolicyDocument", "sns:Publish"),
        (
            TOPIC,
            "AWS::SNS::TopicInlinePolicy",
            "TopicArn",
            json!(TOPIC),
            "PolicyDocument",
            "sns:Publish",
        ),
        (
            SECRET,
            "AWS::SecretsManager::ResourcePolicy",
            "SecretId",
            json!(SECRET),
            "ResourcePolicy",
            "secretsmanager:GetSecretValue",
        ),
        (
            STREAM,
            "AWS::Kinesis::ResourcePolicy",
            "ResourceArn",
            json!(STREAM),
            "ResourcePolicy",
            "kinesis:GetRecords",
        ),
    ] {
        let open = lets_in(&root(DEV), action, "*");
        let policy = json!({"P": resource(kind, json!({names: named, document: open}))});
        becomes(
            holding(arn, Value::Null),
            &Stack::new(PRODUCTION, policy.clone()),
            (Isolated, Reachable),
        );
        let gone = Stack::new(PRODUCTION, json!({})).from(policy.clone(), &[("P", "p")]);
        becomes(holding(arn, open), &gone, (Reachable, Isolated));
        let mut later = policy;
        later["P"]["Properties"][document] = json!({"Fn::ImportValue": "elsewhere"});
        becomes(
            holding(arn, Value::Null),
            &Stack::new(PRODUCTION, later),
            (Isolated, Undetermined),
        );
    }
    // Policies of the resources themselves.
    for (kind, id, arn, property, action) in [
        (
            "AWS::KMS::Key",
            "k1",
            "arn:aws:kms:us-east-1:222222222222:key/k1",
            "KeyPolicy",
            "kms:Decrypt",
        ),
        (
            "AWS::ECR::Repository",
            "team/orders",
            "arn:aws:ecr:us-east-1:222222222222:repository/team/orders",
            "RepositoryPolicyText",
            "ecr:BatchGetImage",
        ),
        (
            "AWS::DynamoDB::Table",
            "orders",
            "arn:aws:dynamodb:us-east-1:222222222222:table/orders",
            "ResourcePolicy",
            "dynamodb:GetItem",
        ),
        (
            "AWS::Events::EventBus",
            "orders",
            "arn:aws:events:us-east-1:222222222222:event-bus/orders",
            "Policy",
            "events:PutEvents",
        ),
        (
            "AWS::Backup::BackupVault",
            "orders",
            "arn:aws:backup:us-east-1:222222222222:backup-vault:orders",
            "AccessPolicy",
            "backup:CopyIntoBackupVault",
        ),
        (
            "AWS::Backup::LogicallyAirGappedBackupVault",
            "orders",
            "arn:aws:backup:us-east-1:222222222222:backup-vault:orders",
            "AccessPolicy",
            "backup:CopyIntoBackupVault",
        ),
        (
            "AWS::Logs::Destination",
            "orders",
            "arn:aws:logs:us-east-1:222222222222:destination:orders",
            "DestinationPolicy",
            "logs:PutSubscriptionFilter",
        ),
    ] {
        let declared = |principal: &str| {
            let policy = lets_in(principal, action, "*");
            let policy =
                if kind.ends_with("Table") { json!({"PolicyDocument": policy}) } else { policy };
            // The one whose policy is a text.
            let policy =
                if kind.ends_with("Destination") { json!(policy.to_string()) } else { policy };
            json!({"R": resource(kind, json!({property: policy}))})
        };
        let own = root(PRODUCTION);
        let lab = holding(arn, lets_in(&own, action, "*"));
        let stack = Stack::new(PRODUCTION, declared(&root(DEV))).from(declared(&own), &[("R", id)]);
        becomes(lab, &stack, (Isolated, Reachable));
        let lab = holding(arn, lets_in(&root(DEV), action, "*"));
        let gone = Stack::new(PRODUCTION, json!({})).from(declared(&root(DEV)), &[("R", id)]);
        becomes(lab, &gone, (Reachable, Isolated));
        becomes(services(), &Stack::new(PRODUCTION, declared(&root(DEV))), (Isolated, Reachable));
    }
}

/// A resource that a property gives by name is the one in the Region of the stack.
#[test]
fn a_name_means_the_resource_in_the_region_of_the_stack() {
    let open = lets_in(&root(DEV), "secretsmanager:GetSecretValue", "*");
    let elsewhere = format!("arn:aws:secretsmanager:eu-west-1:{PRODUCTION}:secret:pin-AbCdEf");
    let closed = lets_in(&root(PRODUCTION), "secretsmanager:GetSecretValue", "*");
    let policy = |content: &Value| json!({"P": resource("AWS::SecretsManager::ResourcePolicy", json!({"SecretId": "pin", "ResourcePolicy": content}))});
    let stack = Stack::new(PRODUCTION, policy(&closed));
    becomes(holding(&elsewhere, open.clone()), &stack, (Reachable, Reachable));
    let stack = Stack::new(PRODUCTION, policy(&open));
    becomes(services(), &stack, (Isolated, Reachable));
}

#[test]
fn buckets_and_their_public_access_blocks() {
    let open = |principal: &str| lets_in(principal, "s3:GetObject", "arn:aws:s3:::acme-ledger/*");
    let policy = |principal: &str| json!({"P": resource("AWS::S3::BucketPolicy", json!({"Bucket": "acme-ledger", "PolicyDocument": open(principal)}))});
    let own = format!("arn:aws:iam::{PRODUCTION}:role/ledger");
    let opens =
        Stack::new(PRODUCTION, policy(&root(DEV))).from(policy(&own), &[("P", "acme-ledger")]);
    becomes(Lab::new(), &opens, (Isolated, Reachable));
    // A bucket that the stack creates, with a name that AWS generates: its default block keeps the public out.
    let bucket = |block: Value| {
        json!({
            "B": resource("AWS::S3::Bucket", block),
            "P": resource("AWS::S3::BucketPolicy", json!({
                "Bucket": {"Ref": "B"},
                "PolicyDocument": lets_in("*", "s3:GetObject", "*")
            }))
        })
    };
    let free = json!({"PublicAccessBlockConfiguration": {"RestrictPublicBuckets": false}});
    becomes(Lab::new(), &Stack::new(PRODUCTION, bucket(json!({}))), (Isolated, Isolated));
    becomes(Lab::new(), &Stack::new(PRODUCTION, bucket(free.clone())), (Isolated, Reachable));
    // A block that the new template leaves out is removed.
    let shut = json!({"PublicAccessBlockConfiguration": {"RestrictPublicBuckets": true}});
    let lab = Lab::new();
    lab.edit(&format!("accounts/{PRODUCTION}/buckets.json"), |buckets| {
        buckets["buckets"][0]["policy"] =
            lets_in("*", "s3:GetObject", "arn:aws:s3:::acme-ledger/*");
        buckets["buckets"][0]["public_access_block"] = json!({"RestrictPublicBuckets": true});
    });
    let only = |block: Value| json!({"B": resource("AWS::S3::Bucket", block)});
    let stack = Stack::new(PRODUCTION, only(json!({}))).from(only(shut), &[("B", "acme-ledger")]);
    becomes(lab, &stack, (Isolated, Reachable));
    // Access control lists that are turned on are an assumption of the wall.
    let owned = |by: &str| only(json!({"OwnershipControls": {"Rules": [{"ObjectOwnership": by}]}}));
    let rests = |by: &str| {
        let stack =
            Stack::new(PRODUCTION, owned(by)).from(only(json!({})), &[("B", "acme-ledger")]);
        let outcome = review(Lab::new(), &stack);
        let row = |row: &&MatrixRow| row.from == "dev" && row.to == "production";
        let row = outcome.isolation.matrix.iter().find(row).expect("a wall");
        row.assumptions.iter().any(|one| one.kind == AssumptionKind::AccessLists)
    };
    assert!(rests("ObjectWriter") && !rests("BucketOwnerEnforced"));
    // An access control list is not judged.
    let listed = only(json!({"AccessControl": "PublicRead"}));
    becomes(Lab::new(), &Stack::new(PRODUCTION, listed), (Isolated, Undetermined));
}

#[test]
fn permissions_of_functions() {
    const FUNCTION: &str = "arn:aws:lambda:us-east-1:222222222222:function:orders";
    let permission = |principal: &str| {
        json!({"P": resource("AWS::Lambda::Permission", json!({
            "Action": "lambda:InvokeFunction", "FunctionName": "orders", "Principal": principal
        }))})
    };
    becomes(
        holding(FUNCTION, Value::Null),
        &Stack::new(PRODUCTION, permission(DEV)),
        (Isolated, Reachable),
    );
    let service = Stack::new(PRODUCTION, permission("sns.amazonaws.com"));
    becomes(holding(FUNCTION, Value::Null), &service, (Isolated, Isolated));
    let mut held = lets_in(&root(DEV), "lambda:InvokeFunction", FUNCTION);
    held["Statement"][0]["Sid"] = json!("app-P-1");
    let gone = Stack::new(PRODUCTION, json!({})).from(permission(DEV), &[("P", "app-P-1")]);
    becomes(holding(FUNCTION, held.clone()), &gone, (Reachable, Isolated));
    let changed =
        Stack::new(PRODUCTION, permission(PRODUCTION)).from(permission(DEV), &[("P", "app-P-1")]);
    becomes(holding(FUNCTION, held), &changed, (Reachable, Isolated));
}

#[test]
fn the_organization() {
    let open = settle_trusts(BUILDER);
    let deny = document(json!([{"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"}]));
    let policy = |targets: Value, content: &Value| {
        json!({"Deny": resource("AWS::Organizations::Policy", json!({
            "Name": "deny", "Type": "SERVICE_CONTROL_POLICY", "Content": content, "TargetIds": targets
        }))})
    };
    let management = super::lab::MANAGEMENT;
    let attached = Stack::new(management, policy(json!([DEV]), &deny));
    becomes(open, &attached, (Reachable, Isolated));
    let denied = || {
        let lab = settle_trusts(BUILDER);
        lab.organize(&[("p-deny", deny.clone(), &["ou-build"])], &[]);
        lab
    };
    let before = policy(json!(["ou-build"]), &deny);
    let physical: &[(&str, &str)] = &[("Deny", "p-deny")];
    let gone = Stack::new(management, json!({})).from(before.clone(), physical);
    becomes(denied(), &gone, (Isolated, Reachable));
    let loose = document(json!([{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]));
    let weakened =
        Stack::new(management, policy(json!(["ou-build"]), &loose)).from(before.clone(), physical);
    becomes(denied(), &weakened, (Isolated, Reachable));
    let detached = Stack::new(management, policy(json!([]), &deny)).from(before, physical);
    becomes(denied(), &detached, (Isolated, Reachable));
    // An account that moves out of the unit.
    let account = |parent: &str| json!({"Dev": resource("AWS::Organizations::Account", json!({"AccountName": "dev", "Email": "a@example.com", "ParentIds": [parent]}))});
    let moved =
        Stack::new(management, account("r-root")).from(account("ou-build"), &[("Dev", DEV)]);
    becomes(denied(), &moved, (Isolated, Reachable));
}

#[test]
fn types_that_are_not_judged_are_reported() {
    for (kind, properties, says) in [
        ("AWS::RAM::ResourceShare", json!({"Name": "x"}), "bears access that is not judged yet"),
        ("AWS::Lambda::LayerVersionPermission", json!({}), "bears access that is not judged yet"),
        ("AWS::Logs::LogGroup", json!({"ResourcePolicyDocument": {}}), "has a policy of a type"),
        ("AWS::CloudFormation::StackSet", json!({}), "runs a template or program"),
        ("Custom::Thing", json!({"ServiceToken": "x"}), "runs a template or program"),
        ("AWS::Serverless::Function", json!({}), "the transform of SAM alone"),
        ("Acme::Own::Thing", json!({}), "is of a type that is not known"),
    ] {
        let stack = Stack::new(PRODUCTION, json!({"R": resource(kind, properties.clone())}));
        let outcome = review(Lab::new(), &stack);
        assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Undetermined), "{kind}");
        let said = outcome.change.not_judged.join("\n");
        assert!(said.contains(says) && said.contains("app/R") && said.contains(kind), "{said}");
        // An unchanged resource is not reported.
        let declared = json!({"R": resource(kind, properties)});
        let same = Stack::new(PRODUCTION, declared.clone()).from(declared, &[("R", "r")]);
        becomes(Lab::new(), &same, (Isolated, Isolated));
    }
    for (kind, properties) in [
        ("AWS::Logs::LogGroup", json!({"LogGroupName": "x"})),
        ("AWS::EC2::VPC", json!({"CidrBlock": "10.0.0.0/16"})),
        ("AWS::CDK::Metadata", json!({"Analytics": "v2:deflate64:x"})),
        ("AWS::IAM::OIDCProvider", json!({"Url": "https://token.actions.githubusercontent.com"})),
    ] {
        let stack = Stack::new(PRODUCTION, json!({"R": resource(kind, properties)}));
        let outcome = review(Lab::new(), &stack);
        assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Isolated), "{kind}");
        assert_eq!(outcome.change.harmless, 1, "{kind}");
    }
}

/// A statement of an event bus's policy, in either form, on a bus of the stack and on the account's own.
#[test]
fn statements_of_event_buses() {
    const BUS: &str = "arn:aws:events:us-east-1:222222222222:event-bus/default";
    let written = |principal: &str| {
        json!({"StatementId": "dev", "Statement": {
            "Effect": "Allow", "Principal": {"AWS": principal}, "Action": "events:PutEvents", "Resource": BUS
        }})
    };
    let parts = json!({"StatementId": "dev", "Action": "events:PutEvents", "Principal": DEV});
    let of_others = json!({"StatementId": "dev", "Action": "events:PutEvents", "Principal": "*",
        "Condition": {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-others0000"}});
    let own = json!({"StatementId": "dev", "Action": "events:PutEvents", "Principal": "*", "EventBusName": {"Ref": "Bus"}});
    let policy = |properties: &Value| {
        json!({"P": resource("AWS::Events::EventBusPolicy", properties.clone()),
            "Bus": resource("AWS::Events::EventBus", json!({"Name": "orders"}))})
    };
    for (properties, verdict) in [
        (written(&root(DEV)), Reachable),
        (written(&root(PRODUCTION)), Isolated),
        (parts, Reachable),
        (of_others, Isolated),
        (own, Reachable),
        (json!({"StatementId": "dev", "Statement": "x"}), Undetermined),
    ] {
        let stack = Stack::new(PRODUCTION, policy(&properties));
        becomes(services(), &stack, (Isolated, verdict));
    }
    let open = written(&root(DEV));
    let mut stands = open["Statement"].clone();
    stands["Sid"] = json!("dev");
    let lab = holding(BUS, document(json!([stands])));
    let physical: &[(&str, &str)] = &[("P", "default|dev"), ("Bus", "orders")];
    let gone = Stack::new(PRODUCTION, json!({})).from(policy(&open), physical);
    becomes(lab, &gone, (Reachable, Isolated));
}

/// What SAM makes is known once it is processed: the file that shows it is taken as it is printed.
#[test]
fn templates_of_sam_are_given_as_processed() {
    let function = resource("AWS::Serverless::Function", json!({"Policies": [], "Handler": "x"}));
    let mut lab = Lab::new();
    add(&mut lab, &Stack::new(PRODUCTION, json!({"F": function})));
    lab.edit("app.json", |template| template["Transform"] = json!("AWS::Serverless-2016-10-31"));
    let outcome = lab.review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Undetermined));
    let said = outcome.change.not_judged.join("\n");
    assert!(
        said.contains("`app/F`") && said.contains("get-template --template-stage Processed"),
        "{said}"
    );
    for as_text in [false, true] {
        let role = a_role(json!({"AssumeRolePolicyDocument": trust(&root(DEV))}));
        let mut lab = Lab::new();
        add(&mut lab, &Stack::new(PRODUCTION, json!({"FRole": role})));
        lab.edit("app.json", |template| {
            let body = if as_text { json!(template.to_string()) } else { template.clone() };
            *template = json!({"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]});
        });
        let outcome = lab.review().expect("a review");
        assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Reachable));
    }
}

/// Without what is deployed, nothing is known of what the template drops or renames; what it opens, it opens.
#[test]
fn a_stack_without_deployed_state_is_undetermined() {
    let template =
        json!({"R": a_role(json!({"AssumeRolePolicyDocument": trust("ec2.amazonaws.com")}))});
    let with = |edit: fn(&mut StackRequest), template: &Value| {
        let mut lab = Lab::new();
        add(&mut lab, &Stack::new(PRODUCTION, template.clone()));
        lab.stacks.iter_mut().for_each(edit);
        lab.review().expect("a review")
    };
    let outcome = with(|stack| stack.is_new = false, &template);
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Undetermined));
    let said = outcome.change.not_judged.join("\n");
    assert!(said.contains("--deployed app=FILE") && said.contains("--new-stack=app"), "{said}");
    let outcome = with(|_| {}, &template);
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Isolated));
    let open = json!({"R": a_role(json!({"AssumeRolePolicyDocument": trust(&root(DEV))}))});
    let outcome = with(|stack| stack.is_new = false, &open);
    assert_eq!(wall(&outcome, "dev", "production").1, Reachable);
    // Without an account the review stops.
    let mut lab = Lab::new();
    add(&mut lab, &Stack::new(PRODUCTION, template));
    lab.stacks.iter_mut().for_each(|stack| stack.account = None);
    let refusal = lab.refusal();
    assert!(refusal.contains("--stack app=111111111111/REGION"), "{refusal}");
}

/// Twelve changes, each as a stack and as a plan, over each of three estates: both forms have one verdict.
#[test]
fn a_change_has_one_verdict_in_both_formats() {
    let principals = [root(DEV), BUILDER.to_owned(), root(PRODUCTION), "*".to_owned()];
    let arn = format!("arn:aws:iam::{PRODUCTION}:role/settle");
    let mut seen = std::collections::BTreeSet::new();
    for estate in 0..3_usize {
        let lab = || match estate {
            0 => Lab::new(),
            1 => settle_trusts(BUILDER),
            _ => settle_trusts(&root(DEV)),
        };
        let stands = [root(PRODUCTION), BUILDER.to_owned(), root(DEV)];
        let stands = &stands[estate];
        for principal in &principals {
            let queue = lets_in(principal, "sqs:SendMessage", "*");
            let url = format!("https://sqs.us-east-1.amazonaws.com/{PRODUCTION}/orders");
            let trusts = |principal: &str| json!({"AssumeRolePolicyDocument": trust(principal)});
            let before = json!({"name": "settle", "path": "/", "arn": arn, "assume_role_policy": trust(stands).to_string()});
            let mut after = before.clone();
            after["assume_role_policy"] = json!(trust(principal).to_string());
            let pairs: [(Stack, Change); 3] = [
                (
                    Stack::new(PRODUCTION, json!({"S": a_role(trusts(principal))}))
                        .from(json!({"S": a_role(trusts(stands))}), &[("S", "settle")]),
                    Change {
                        address: "aws_iam_role.settle",
                        actions: &["update"],
                        before: before.clone(),
                        after,
                        ..Change::default()
                    },
                ),
                (
                    Stack::new(
                        PRODUCTION,
                        json!({"N": a_role(json!({"RoleName": "new", "AssumeRolePolicyDocument": trust(principal)}))}),
                    ),
                    Change {
                        address: "aws_iam_role.new",
                        after: json!({"name": "new", "path": "/", "assume_role_policy": trust(principal).to_string()}),
                        unknown: json!({"arn": true, "unique_id": true}),
                        ..Change::default()
                    },
                ),
                (
                    Stack::new(
                        PRODUCTION,
                        json!({"Q": resource("AWS::SQS::QueuePolicy", json!({"Queues": [url], "PolicyDocument": queue}))}),
                    ),
                    Change {
                        address: "aws_sqs_queue_policy.q",
                        after: json!({"queue_url": url, "policy": queue.to_string()}),
                        ..Change::default()
                    },
                ),
            ];
            for (stack, change) in pairs {
                let place = format!("{estate} {principal} {}", change.address);
                let stack = review(lab(), &stack);
                let plan = lab().plan(&Plan::new(vec![change])).review().expect("a review");
                for from in ["dev", "$external", "$anonymous"] {
                    let verdict = wall(&stack, from, "production");
                    assert_eq!(verdict, wall(&plan, from, "production"), "{place} {from}");
                    seen.insert(format!("{verdict:?}"));
                }
            }
        }
    }
    assert!(seen.len() > 3, "{seen:?}");
}

/// A plan and a template of one pull request open a wall that neither opens alone.
#[test]
fn plans_and_templates_are_judged_together() {
    let walk = json!({"Walk": resource("AWS::IAM::Policy", json!({"PolicyName": "walk", "PolicyDocument": may_become_any(), "Roles": ["hop"]}))});
    let stack = Stack::new(TOOLS, walk);
    let settle = |principal: &str| json!({"name": "settle", "path": "/", "arn": format!("arn:aws:iam::{PRODUCTION}:role/settle"), "assume_role_policy": trust(principal).to_string()});
    let plan = Plan::new(vec![Change {
        address: "aws_iam_role.settle",
        actions: &["update"],
        before: settle(&root(PRODUCTION)),
        after: settle(HOP),
        ..Change::default()
    }]);
    becomes(Lab::new(), &stack, (Isolated, Isolated));
    let alone = Lab::new().plan(&plan).review().expect("a review");
    assert_eq!(wall(&alone, "dev", "production").1, Isolated);
    becomes(Lab::new().plan(&plan), &stack, (Isolated, Reachable));
}
