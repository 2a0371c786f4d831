//! The calls by which services tell what resources there are and which policies stand on them, over the objects that Cloud Control
//! has made: keys, secrets, queues, topics, functions, tables and repositories.
//!
//! Every list comes in pages of [`PAGE`], which each API may do whatever number was asked for.
//!
//! Source: each service's API Reference, `ListKeys` and `GetKeyPolicy` (KMS), `ListSecrets` and `GetResourcePolicy` (Secrets
//! Manager), `ListQueues` and `GetQueueAttributes` (SQS), `ListTopics` and `GetTopicAttributes` (SNS), `ListFunctions` and `GetPolicy`
//! (Lambda), `ListTables` and `GetResourcePolicy` (DynamoDB), `DescribeRepositories` and `GetRepositoryPolicy` (ECR).

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::cloudcontrol::objects;
use super::params::Params;
use super::wire::{Call, Ctx, Refusal, Service};
use super::xml::Xml;

/// How many entries a page of a list has.
const PAGE: usize = 10;

/// A page of a list, and the token that asks for the next one. A token is the number of entries before the page.
fn page<T>(all: Vec<T>, token: Option<&str>) -> (Vec<T>, Option<String>) {
    let from = token.and_then(|token| token.parse().ok()).unwrap_or(0);
    let next = (all.len() > from + PAGE).then(|| (from + PAGE).to_string());
    (all.into_iter().skip(from).take(PAGE).collect(), next)
}

/// A page of a list as JSON: the member with the entries, and the one with the token where there is another page.
fn paged(member: &str, all: Vec<Value>, token: Option<&str>, next: &str) -> Value {
    let (entries, token) = page(all, token);
    let mut answer = json!({ member: entries });
    if let (Some(token), Some(answer)) = (token, answer.as_object_mut()) {
        answer.insert(next.to_owned(), token.into());
    }
    answer
}

/// The API's name for a request to Lambda, whose operations are paths.
pub(crate) fn operation(call: &Call) -> &'static str {
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    match (call.method.as_str(), parts.as_slice()) {
        ("GET", [_, "functions"]) => "ListFunctions",
        ("GET", [_, "functions", _, "policy"]) => "GetPolicy",
        _ => "",
    }
}

/// The ARN that a request is about, for authorization.
pub(crate) fn resource(account: &str, call: &Call) -> String {
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let member = |name: &str| body.get(name).and_then(Value::as_str);
    let place = format!("{}:{account}", call.region);
    let named = match call.service {
        Service::Kms => member("KeyId").map(|id| {
            let id = id.rsplit_once(":key/").map_or(id, |(_, id)| id);
            format!("kms:{place}:key/{id}")
        }),
        Service::Ecr => member("repositoryName").map(|n| format!("ecr:{place}:repository/{n}")),
        Service::Sqs => member("QueueUrl")
            .and_then(|u| u.rsplit('/').next())
            .map(|n| format!("sqs:{place}:{n}")),
        Service::Lambda => function(call).map(|name| format!("lambda:{place}:function:{name}")),
        Service::SecretsManager => return member("SecretId").unwrap_or("*").to_owned(),
        Service::DynamoDb => return member("ResourceArn").unwrap_or("*").to_owned(),
        Service::Sns => {
            let params = Params::parse(&call.body);
            return params.get("TopicArn").unwrap_or("*").to_owned();
        }
        _ => None,
    };
    named.map_or_else(|| "*".to_owned(), |rest| format!("arn:aws:{rest}"))
}

/// Serves one operation of a service that speaks JSON.
pub(crate) fn serve(ctx: &Ctx<'_>, call: &Call, body: &Value) -> Result<Value, Refusal> {
    let member = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let token = |name: &str| body.get(name).and_then(Value::as_str);
    match (call.service, call.operation.as_str()) {
        (Service::Kms, "ListKeys") => {
            let keys = objects(ctx, "AWS::KMS::Key")
                .into_iter()
                .map(|(id, key)| json!({ "KeyId": id, "KeyArn": text(key, "Arn") }));
            let mut answer = paged("Keys", keys.collect(), token("Marker"), "NextMarker");
            let truncated = answer.get("NextMarker").is_some();
            if let Some(answer) = answer.as_object_mut() {
                answer.insert("Truncated".to_owned(), truncated.into());
            }
            Ok(answer)
        }
        (Service::Kms, "GetKeyPolicy") => {
            let key = one(ctx, "AWS::KMS::Key", member("KeyId"))
                .ok_or_else(|| missing("NotFoundException", "key", member("KeyId")))?;
            let policy = policy(key.get("KeyPolicy")).unwrap_or_else(|| own_key_policy(ctx));
            Ok(json!({ "PolicyName": "default", "Policy": policy }))
        }
        (Service::SecretsManager, "ListSecrets") => {
            let secrets = objects(ctx, "AWS::SecretsManager::Secret").into_iter();
            let secrets =
                secrets.map(|(arn, secret)| json!({ "ARN": arn, "Name": text(secret, "Name") }));
            Ok(paged("SecretList", secrets.collect(), token("NextToken"), "NextToken"))
        }
        (Service::SecretsManager, "GetResourcePolicy") => {
            let id = member("SecretId");
            let secret = one(ctx, "AWS::SecretsManager::Secret", id)
                .ok_or_else(|| missing("ResourceNotFoundException", "secret", id))?;
            let name = text(secret, "Name").to_owned();
            let policies = objects(ctx, "AWS::SecretsManager::ResourcePolicy").into_iter();
            let mut own = policies
                .map(|(_, policy)| policy)
                .filter(|policy| [id, name.as_str()].contains(&text(policy, "SecretId")));
            let mut answer = json!({ "ARN": id, "Name": name });
            let policy = own.next().and_then(|own| policy(own.get("ResourcePolicy")));
            if let (Some(policy), Some(answer)) = (policy, answer.as_object_mut()) {
                answer.insert("ResourcePolicy".to_owned(), policy.into());
            }
            Ok(answer)
        }
        (Service::Sqs, "ListQueues") => {
            let urls = objects(ctx, "AWS::SQS::Queue").into_iter().map(|(url, _)| url.into());
            let mut answer = paged("QueueUrls", urls.collect(), token("NextToken"), "NextToken");
            // Nobody who asks for no number of queues is told that there are more.
            if let (None, Some(answer)) = (body.get("MaxResults"), answer.as_object_mut()) {
                answer.remove("NextToken");
            }
            Ok(answer)
        }
        (Service::Sqs, "GetQueueAttributes") => {
            let url = member("QueueUrl");
            one(ctx, "AWS::SQS::Queue", url)
                .ok_or_else(|| missing("QueueDoesNotExist", "queue", url))?;
            let own = one(ctx, "AWS::SQS::QueueInlinePolicy", url);
            let policy = own.and_then(|own| policy(own.get("PolicyDocument")));
            Ok(match policy {
                Some(policy) => json!({ "Attributes": { "Policy": policy } }),
                None => json!({}),
            })
        }
        (Service::Lambda, "ListFunctions") => {
            let functions = objects(ctx, "AWS::Lambda::Function").into_iter();
            let functions = functions.map(|(name, function)| {
                json!({ "FunctionName": name, "FunctionArn": text(function, "Arn") })
            });
            Ok(paged("Functions", functions.collect(), call.param("Marker"), "NextMarker"))
        }
        (Service::Lambda, "GetPolicy") => {
            let name = function(call).unwrap_or_default();
            let none = || missing("ResourceNotFoundException", "policy of function", &name);
            let arn = one(ctx, "AWS::Lambda::Function", &name).map(|of| text(of, "Arn"));
            let arn = arn.unwrap_or_default();
            let own = one(ctx, "AWS::Lambda::ResourcePolicy", arn);
            let own = own.and_then(|own| policy(own.get("PolicyDocument")));
            let policy = own.or_else(|| with_permissions(ctx, &name, arn));
            Ok(json!({ "Policy": policy.ok_or_else(none)? }))
        }
        (Service::DynamoDb, "ListTables") => {
            let names: Vec<String> = objects(ctx, "AWS::DynamoDB::Table")
                .into_iter()
                .map(|(name, _)| name.to_owned())
                .collect();
            // The token of this list is the last name of the page before.
            let after = token("ExclusiveStartTableName");
            let from = after.and_then(|last| Some(names.iter().position(|name| name == last)? + 1));
            let (names, next) = page(names, from.map(|from| from.to_string()).as_deref());
            let mut answer = json!({ "TableNames": names });
            if let (Some(_), Some(last), Some(answer)) =
                (next, names.last(), answer.as_object_mut())
            {
                answer.insert("LastEvaluatedTableName".to_owned(), last.as_str().into());
            }
            Ok(answer)
        }
        (Service::DynamoDb, "GetResourcePolicy") => {
            let arn = member("ResourceArn");
            let name = arn.rsplit('/').next().unwrap_or_default();
            let table = one(ctx, "AWS::DynamoDB::Table", name)
                .ok_or_else(|| missing("ResourceNotFoundException", "table", arn))?;
            let of = table.get("ResourcePolicy").and_then(|own| own.get("PolicyDocument"));
            let none = || missing("PolicyNotFoundException", "policy of table", arn);
            Ok(json!({ "Policy": policy(of).ok_or_else(none)?, "RevisionId": "1" }))
        }
        (Service::Ecr, "DescribeRepositories") => {
            let all = objects(ctx, "AWS::ECR::Repository").into_iter();
            let all = all.map(|(name, repository)| {
                json!({ "repositoryName": name, "repositoryArn": text(repository, "Arn") })
            });
            Ok(paged("repositories", all.collect(), token("nextToken"), "nextToken"))
        }
        (Service::Ecr, "GetRepositoryPolicy") => {
            let name = member("repositoryName");
            let repository = one(ctx, "AWS::ECR::Repository", name)
                .ok_or_else(|| missing("RepositoryNotFoundException", "repository", name))?;
            let none =
                || missing("RepositoryPolicyNotFoundException", "policy of repository", name);
            let policy = policy(repository.get("RepositoryPolicyText")).ok_or_else(none)?;
            Ok(json!({ "repositoryName": name, "policyText": policy }))
        }
        (service, operation) => Err(Refusal::not_emulated(service, operation)),
    }
}

/// Serves one operation of SNS.
pub(crate) fn topics(ctx: &Ctx<'_>, operation: &str, params: &Params) -> Result<Xml, Refusal> {
    match operation {
        "ListTopics" => {
            let all = objects(ctx, "AWS::SNS::Topic").into_iter().map(|(arn, _)| arn).collect();
            let (topics, next) = page(all, params.get("NextToken"));
            let answer = Xml::new()
                .list("Topics", topics.into_iter().map(|arn| Xml::new().text("TopicArn", arn)));
            Ok(match next {
                Some(next) => answer.text("NextToken", &next),
                None => answer,
            })
        }
        "GetTopicAttributes" => {
            let arn = params.need("TopicArn")?;
            one(ctx, "AWS::SNS::Topic", arn)
                .ok_or_else(|| Refusal::new(404, "NotFound", "Topic does not exist"))?;
            let own = one(ctx, "AWS::SNS::TopicInlinePolicy", arn);
            let policy = own.and_then(|own| policy(own.get("PolicyDocument")));
            let policy = policy.unwrap_or_else(|| own_topic_policy(ctx, arn));
            let entry = |key: &str, value: &str| Xml::new().text("key", key).text("value", value);
            let entries = [entry("Policy", &policy), entry("TopicArn", arn)];
            let attributes =
                entries.into_iter().fold(Xml::new(), |all, one| all.node("entry", one));
            Ok(Xml::new().node("Attributes", attributes))
        }
        _ => Err(Refusal::not_emulated(Service::Sns, operation)),
    }
}

/// The policy that permissions make of a function that has none written for it; `None` without any.
fn with_permissions(ctx: &Ctx<'_>, name: &str, arn: &str) -> Option<String> {
    let all = objects(ctx, "AWS::Lambda::Permission").into_iter();
    let own = all.filter(|(_, permission)| [name, arn].contains(&text(permission, "FunctionName")));
    let statements: Vec<Value> = own.map(|(_, permission)| granted(permission, arn)).collect();
    let policy = json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements });
    (!statements.is_empty()).then(|| policy.to_string())
}

/// The statement that Lambda makes of a permission (Lambda Developer Guide, "Viewing resource-based IAM policies in Lambda").
fn granted(permission: &Value, arn: &str) -> Value {
    let principal = match text(permission, "Principal") {
        "*" => json!("*"),
        service if service.ends_with(".amazonaws.com") => json!({ "Service": service }),
        account if account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()) => {
            json!({ "AWS": format!("arn:aws:iam::{account}:root") })
        }
        other => json!({ "AWS": other }),
    };
    let equal: serde_json::Map<String, Value> = [
        ("AWS:SourceAccount", "SourceAccount"),
        ("aws:PrincipalOrgID", "PrincipalOrgID"),
        ("lambda:FunctionUrlAuthType", "FunctionUrlAuthType"),
        ("lambda:EventSourceToken", "EventSourceToken"),
    ]
    .into_iter()
    .filter_map(|(key, property)| Some((key.to_owned(), permission.get(property)?.clone())))
    .collect();
    let mut conditions = serde_json::Map::new();
    if !equal.is_empty() {
        conditions.insert("StringEquals".to_owned(), equal.into());
    }
    if let Some(source) = permission.get("SourceArn") {
        conditions.insert("ArnLike".to_owned(), json!({ "AWS:SourceArn": source }));
    }
    json!({
        "Sid": text(permission, "Id"), "Effect": "Allow", "Principal": principal,
        "Action": text(permission, "Action"), "Resource": arn, "Condition": conditions,
    })
}

/// The name of the function that a request to Lambda is about.
fn function(call: &Call) -> Option<String> {
    let name = call.path.trim_matches('/').split('/').nth(2)?;
    Some(percent_decode_str(name).decode_utf8_lossy().into_owned())
}

fn one<'c>(ctx: &'c Ctx<'_>, ty: &str, id: &str) -> Option<&'c Value> {
    objects(ctx, ty).into_iter().find(|(key, _)| *key == id).map(|(_, object)| object)
}

fn text<'v>(object: &'v Value, member: &str) -> &'v str {
    object.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// A policy as services tell it: a text.
fn policy(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        document => Some(document.to_string()),
    }
}

/// What a key has that was made without a policy (KMS Developer Guide, "Default key policy").
fn own_key_policy(ctx: &Ctx<'_>) -> String {
    let root = format!("arn:aws:iam::{}:root", ctx.caller.account);
    let statement = json!({
        "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": { "AWS": root },
        "Action": "kms:*", "Resource": "*",
    });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// The policy of a topic that was created without one (SNS Developer Guide, "Example cases for Amazon SNS access control").
fn own_topic_policy(ctx: &Ctx<'_>, arn: &str) -> String {
    let statement = json!({
        "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": { "AWS": "*" },
        "Action": [
            "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission",
            "SNS:DeleteTopic", "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish",
        ],
        "Resource": arn,
        "Condition": { "StringEquals": { "AWS:SourceOwner": ctx.caller.account } },
    });
    json!({ "Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement] })
        .to_string()
}

fn missing(code: &'static str, what: &str, name: &str) -> Refusal {
    Refusal::new(400, code, format!("The {what} {name} was not found."))
}
