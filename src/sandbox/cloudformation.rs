//! CloudFormation as far as stacks are looked at. No stack makes, changes or deletes anything here: one comes to be by
//! importing what stands already.
//!
//! Source: CloudFormation API Reference; CloudFormation User Guide, "Import AWS resources into a CloudFormation stack".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::clock::Instant;
use super::iam::model::{IdentityKind, identity_key};
use super::params::Params;
use super::state::{LOWER, SandboxState};
use super::wire::{Ctx, Refusal, Service};
use super::xml::Xml;

/// A stack, or one that a change set is to make.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Stack {
    arn: String,
    name: String,
    template: String,
    parameters: BTreeMap<String, String>,
    /// Type and physical id by logical id.
    resources: BTreeMap<String, (String, String)>,
    created: Instant,
    /// The change set that makes it, until it is executed.
    change_set: Option<String>,
}

/// Most resources that an answer lists.
const PAGE: usize = 100;

/// Serves one operation.
pub(crate) fn serve(ctx: &mut Ctx<'_>, operation: &str, params: &Params) -> Result<Xml, Refusal> {
    match operation {
        "CreateChangeSet" => create_change_set(ctx, params),
        "ExecuteChangeSet" => execute_change_set(ctx, params),
        "DescribeStacks" => describe_stacks(ctx, params),
        "GetTemplate" => {
            let stack = executed(ctx, params)?;
            Ok(Xml::new()
                .text("TemplateBody", &stack.template)
                .texts("StagesAvailable", ["Original", "Processed"]))
        }
        "ListStackResources" => list_resources(ctx, params),
        _ => Err(Refusal::not_emulated(Service::CloudFormation, operation)),
    }
}

/// The ARN that a request is about, for authorization.
pub(crate) fn resource(account: &str, region: &str, params: &Params) -> String {
    match params.get("StackName") {
        Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
        Some(name) => format!("arn:aws:cloudformation:{region}:{account}:stack/{name}/*"),
        None => "*".to_owned(),
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationError", message)
}

fn key(ctx: &Ctx<'_>, name: &str) -> String {
    format!("{}/{}/{name}", ctx.caller.account, ctx.region)
}

fn named<'s>(ctx: &'s Ctx<'_>, name: &str) -> Result<&'s Stack, Refusal> {
    let absent = || invalid(format!("Stack with id {name} does not exist"));
    let short = match name.strip_prefix("arn:") {
        Some(rest) => rest.split('/').nth(1).unwrap_or_default(),
        None => name,
    };
    let stack = ctx.state.stacks.get(&key(ctx, short)).ok_or_else(absent)?;
    let is_it = !name.starts_with("arn:") || stack.arn == name;
    if is_it { Ok(stack) } else { Err(absent()) }
}

/// A stack that has a template: not one that is under review only.
fn executed<'s>(ctx: &'s Ctx<'_>, params: &Params) -> Result<&'s Stack, Refusal> {
    let name = params.need("StackName")?;
    let stack = named(ctx, name)?;
    match stack.change_set {
        None => Ok(stack),
        Some(_) => Err(invalid(format!("Stack with id {name} does not exist"))),
    }
}

fn create_change_set(ctx: &mut Ctx<'_>, params: &Params) -> Result<Xml, Refusal> {
    if params.get("ChangeSetType") != Some("IMPORT") {
        return Err(Refusal::new(
            501,
            "NotImplemented",
            "the sandbox makes stacks by importing alone: give ChangeSetType IMPORT",
        ));
    }
    let name = params.need("StackName")?.to_owned();
    let change_set = params.need("ChangeSetName")?.to_owned();
    let template = params.need("TemplateBody")?.to_owned();
    let parsed: Value = serde_json::from_str(&template).map_err(|_| {
        invalid("Template format error: the sandbox reads templates in JSON alone.")
    })?;
    if ctx.state.stacks.get(&key(ctx, &name)).is_some() {
        return Err(Refusal::new(
            501,
            "NotImplemented",
            "the sandbox imports nothing into a stack that stands",
        ));
    }
    let mut resources = BTreeMap::new();
    for n in 1.. {
        let of = |member: &str| params.get(&format!("ResourcesToImport.member.{n}.{member}"));
        let Some(logical) = of("LogicalResourceId") else { break };
        let kind = of("ResourceType").unwrap_or_default();
        let physical = of("ResourceIdentifier.entry.1.value").unwrap_or_default();
        let declared = parsed.get("Resources").and_then(|all| all.get(logical));
        if declared.and_then(|one| one.get("Type")).and_then(Value::as_str) != Some(kind) {
            return Err(invalid(format!(
                "Resource {logical} of type {kind} is not in the template"
            )));
        }
        if declared.is_none_or(|one| one.get("DeletionPolicy").is_none()) {
            return Err(invalid(format!(
                "Resources to import must have a DeletionPolicy attribute specified in the template: {logical}"
            )));
        }
        if !stands(ctx.state, &ctx.caller.account, kind, physical)? {
            return Err(invalid(format!("{kind} {physical} does not exist")));
        }
        resources.insert(logical.to_owned(), (kind.to_owned(), physical.to_owned()));
    }
    let all = parsed.get("Resources").and_then(Value::as_object).map_or(0, serde_json::Map::len);
    if resources.is_empty() || resources.len() != all {
        return Err(invalid(
            "As part of the import operation, you cannot modify or add [Resources]: every resource of a new stack is to be imported",
        ));
    }
    let mut parameters = BTreeMap::new();
    for n in 1.. {
        let of = |member: &str| params.get(&format!("Parameters.member.{n}.{member}"));
        let Some(name) = of("ParameterKey") else { break };
        let value = of("ParameterValue").unwrap_or_default();
        parameters.insert(name.to_owned(), value.to_owned());
    }
    let (account, region) = (ctx.caller.account.clone(), ctx.region.to_owned());
    let mut arn = |what: &str, name: &str| {
        let id = ctx.state.mint(what, &format!("{account}/{region}/{name}"), LOWER, 32);
        format!("arn:aws:cloudformation:{region}:{account}:{what}/{name}/{id}")
    };
    let (stack, set) = (arn("stack", &name), arn("changeSet", &change_set));
    let row = Stack {
        arn: stack.clone(),
        name: name.clone(),
        template,
        parameters,
        resources,
        created: ctx.now,
        change_set: Some(set.clone()),
    };
    let key = key(ctx, &name);
    ctx.state.stacks.insert(key, row);
    Ok(Xml::new().text("Id", set).text("StackId", stack))
}

/// Whether what is to be imported is there.
fn stands(state: &SandboxState, account: &str, kind: &str, id: &str) -> Result<bool, Refusal> {
    let identity = |kind| state.identities.get(&identity_key(account, kind, id)).is_some();
    Ok(match kind {
        "AWS::IAM::Role" => identity(IdentityKind::Role),
        "AWS::IAM::User" => identity(IdentityKind::User),
        "AWS::S3::Bucket" => state.buckets.get(id).is_some(),
        "AWS::CloudFormation::Stack" => {
            let name = id.split('/').nth(1).unwrap_or_default();
            let all = state.stacks.scan(&format!("{account}/"));
            all.into_iter().any(|(_, stack)| stack.name == name && stack.arn == id)
        }
        _ => {
            return Err(Refusal::new(
                501,
                "NotImplemented",
                format!("the sandbox imports no {kind} into a stack"),
            ));
        }
    })
}

fn execute_change_set(ctx: &mut Ctx<'_>, params: &Params) -> Result<Xml, Refusal> {
    let set = params.need("ChangeSetName")?;
    let name = match params.get("StackName") {
        Some(name) => Some(named(ctx, name)?.name.clone()),
        None => {
            let prefix = format!("{}/{}/", ctx.caller.account, ctx.region);
            let mut all = ctx.state.stacks.scan(&prefix);
            all.find(|(_, stack)| stack.change_set.as_deref() == Some(set))
                .map(|(_, s)| s.name.clone())
        }
    };
    let absent =
        || Refusal::new(404, "ChangeSetNotFound", format!("ChangeSet [{set}] does not exist"));
    let key = key(ctx, &name.ok_or_else(absent)?);
    let stack = ctx.state.stacks.get_mut(&key).ok_or_else(absent)?;
    let is_it = stack
        .change_set
        .as_ref()
        .is_some_and(|own| own == set || own.split('/').nth(1) == Some(set));
    if !is_it {
        return Err(absent());
    }
    stack.change_set = None;
    Ok(Xml::new())
}

fn describe_stacks(ctx: &Ctx<'_>, params: &Params) -> Result<Xml, Refusal> {
    let stacks = match params.get("StackName") {
        Some(name) => vec![named(ctx, name)?.clone()],
        None => {
            let prefix = format!("{}/{}/", ctx.caller.account, ctx.region);
            ctx.state.stacks.scan(&prefix).map(|(_, stack)| stack.clone()).collect()
        }
    };
    let described = stacks.iter().map(|stack| {
        let pairs = stack
            .parameters
            .iter()
            .map(|(key, value)| Xml::new().text("ParameterKey", key).text("ParameterValue", value));
        let status = match stack.change_set {
            Some(_) => "REVIEW_IN_PROGRESS",
            None => "IMPORT_COMPLETE",
        };
        Xml::new()
            .text("StackId", &stack.arn)
            .text("StackName", &stack.name)
            .text("CreationTime", stack.created.iso())
            .text("StackStatus", status)
            .list("Parameters", pairs)
    });
    Ok(Xml::new().list("Stacks", described))
}

fn list_resources(ctx: &Ctx<'_>, params: &Params) -> Result<Xml, Refusal> {
    let stack = executed(ctx, params)?;
    let after = params.get("NextToken").unwrap_or_default();
    let mut rest = stack.resources.iter().filter(|(logical, _)| logical.as_str() > after);
    let page: Vec<_> = rest.by_ref().take(PAGE).collect();
    let more = rest.next().is_some();
    let next = page.last().filter(|_| more).map(|(logical, _)| logical.as_str());
    let listed = page.iter().map(|(logical, (kind, physical))| {
        Xml::new()
            .text("LogicalResourceId", logical)
            .text("PhysicalResourceId", physical)
            .text("ResourceType", kind)
            .text("LastUpdatedTimestamp", stack.created.iso())
            .text("ResourceStatus", "IMPORT_COMPLETE")
    });
    Ok(Xml::new().list("StackResourceSummaries", listed).opt("NextToken", next))
}
