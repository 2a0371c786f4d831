//! The change as templates: a stack in each account, and one in the management account.

use std::collections::BTreeMap;
use std::path::Path;

use palisade::engine::review::StackRequest;
use serde_json::{Value, json};

use super::estate::{ACCOUNTS, Control, Estate, MANAGED};
use super::palisade::Ids;

/// The stack in the management account.
const ORGANIZATION: &str = "organization";

/// Resources by logical id, each with what AWS calls it.
type Resources = BTreeMap<String, (Value, Option<String>)>;

/// Writes templates, and what is deployed, below a folder.
pub(super) fn write(before: &Estate, after: &Estate, ids: &Ids, dir: &Path) -> Vec<StackRequest> {
    let accounts = ACCOUNTS.iter().map(|(name, _)| (*name, ids.of[*name].as_str()));
    let mut requests = Vec::new();
    for (name, id) in accounts.chain([(ORGANIZATION, ids.management.as_str())]) {
        let side = |estate| match name {
            ORGANIZATION => of_organization(estate, ids),
            account => of_account(estate, account, ids),
        };
        let (was, is) = (side(before), side(after));
        let template = |all: &Resources| {
            let nothing =
                ("Handle".to_owned(), json!({"Type": "AWS::CloudFormation::WaitConditionHandle"}));
            let all = all.iter().map(|(id, (resource, _))| (id.clone(), resource.clone()));
            let all: serde_json::Map<String, Value> = all.chain([nothing]).collect();
            json!({"Resources": all})
        };
        let arn = format!("arn:aws:cloudformation:us-east-1:{id}:stack/{name}/1");
        let resources: Vec<Value> = was
            .iter()
            .filter_map(|(logical, (_, physical))| {
                Some(json!({
                    "StackId": arn, "LogicalResourceId": logical, "PhysicalResourceId": physical.as_ref()?,
                    "ResourceStatus": "CREATE_COMPLETE"
                }))
            })
            .collect();
        let deployed = dir.join(format!("{name}-deployed"));
        std::fs::create_dir_all(&deployed).expect("made");
        let put =
            |path: &Path, value: &Value| std::fs::write(path, value.to_string()).expect("written");
        put(&deployed.join("template.json"), &json!({"TemplateBody": template(&was)}));
        put(&deployed.join("resources.json"), &json!({"StackResources": resources}));
        put(
            &deployed.join("stack.json"),
            &json!({"Stacks": [{"StackId": arn, "StackName": name, "Parameters": []}]}),
        );
        let new = dir.join(format!("{name}.json"));
        put(&new, &template(&is));
        requests.push(StackRequest {
            name: name.to_owned(),
            template: new,
            account: Some(id.parse().expect("an id")),
            region: Some("us-east-1".to_owned()),
            deployed: vec![deployed],
            ..StackRequest::default()
        });
    }
    requests
}

/// `r0`: `RoleR0`.
pub(super) fn logical(of: &str, name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    format!("{of}{}", letters.collect::<String>().to_uppercase())
}

fn of_account(estate: &Estate, account: &str, ids: &Ids) -> Resources {
    let mut all = Resources::new();
    let mut put = |id: String, kind: &str, properties: Value, physical: &str| {
        let resource = json!({"Type": kind, "Properties": properties});
        all.insert(id, (resource, Some(physical.to_owned())));
    };
    let managed = "Shared";
    let policy = json!({"ManagedPolicyName": MANAGED, "PolicyDocument": ids.policy(&estate.managed[account])});
    put(managed.to_owned(), "AWS::IAM::ManagedPolicy", policy, &ids.managed(account));
    for role in estate.roles.iter().filter(|role| role.account == account) {
        let mut properties = json!({
            "RoleName": role.name, "AssumeRolePolicyDocument": ids.policy(&role.trust)
        });
        let inline = role.inline.iter();
        let inline: Vec<Value> = inline
            .map(|(name, policy)| json!({"PolicyName": name, "PolicyDocument": ids.policy(policy)}))
            .collect();
        if !inline.is_empty() {
            properties["Policies"] = json!(inline);
        }
        if role.attached {
            properties["ManagedPolicyArns"] = json!([{"Ref": managed}]);
        }
        if role.bounded {
            properties["PermissionsBoundary"] = json!(ids.managed(account));
        }
        if !role.tags.is_empty() {
            let tags = role.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
            properties["Tags"] = json!(tags.collect::<Vec<_>>());
        }
        put(logical("Role", &role.name), "AWS::IAM::Role", properties, &role.name);
    }
    for bucket in estate.buckets.iter().filter(|bucket| bucket.account == account) {
        let name = bucket.name();
        let mut properties = json!({"BucketName": name});
        if bucket.blocked {
            properties["PublicAccessBlockConfiguration"] = json!({
                "BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true
            });
        }
        put("Bucket".to_owned(), "AWS::S3::Bucket", properties, &name);
        if let Some(policy) = &bucket.policy {
            let properties =
                json!({"Bucket": {"Ref": "Bucket"}, "PolicyDocument": ids.policy(policy)});
            put("BucketPolicy".to_owned(), "AWS::S3::BucketPolicy", properties, &name);
        }
    }
    all
}

fn of_organization(estate: &Estate, ids: &Ids) -> Resources {
    let mut all = Resources::new();
    for Control { name, on_resources, content, targets } in &estate.controls {
        let kind = if *on_resources { "RESOURCE_CONTROL_POLICY" } else { "SERVICE_CONTROL_POLICY" };
        let targets: Vec<&String> = targets.iter().map(|target| &ids.of[*target]).collect();
        let resource = json!({"Type": "AWS::Organizations::Policy", "Properties": {
            "Name": name, "Type": kind, "Content": ids.policy(content), "TargetIds": targets
        }});
        all.insert(logical("Policy", name), (resource, ids.of.get(name).cloned()));
    }
    for (account, unit) in &estate.parents {
        let resource = json!({"Type": "AWS::Organizations::Account", "Properties": {
            "AccountName": account, "Email": format!("{account}@acme.example"), "ParentIds": [ids.of[*unit]]
        }});
        all.insert(logical("Account", account), (resource, Some(ids.of[*account].clone())));
    }
    all
}
