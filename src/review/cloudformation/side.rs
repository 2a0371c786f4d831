//! One side of a stack: its template with the names and ARNs of its resources, before or after the deployment.
//!
//! Claim: a known name or ARN is that of the resource. A resource that the deployment keeps has its physical id. A new one has
//! the name from the template, or a symbol for the name that AWS will generate, which is equal to nothing else.
//!
//! Source: CloudFormation Template Reference, "Return values" of each type, and "Update requires" of each property.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use super::deployed::PhysicalResource;
use super::evaluate::{Exports, References, TemplateEvaluator};
use super::template::{Declaration, NESTED};
use super::value::TemplateValue;
use crate::access::{
    BACKUP_VAULT, BUCKET, EVENT_BUS, FUNCTION, KEY, LOG_DESTINATION, QUEUE, REPOSITORY,
    ResourceType, SECRET, STREAM, TABLE, TOPIC,
};
use crate::iam::Placeholder;
use crate::resource_types::{TypeBearing, bearing};
use crate::review::AccountSnapshot;

/// What the deployment does with a resource.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Continuity {
    /// It is created.
    New,
    /// It is kept, changed or not.
    Stays,
    /// A new one replaces it.
    Replaced,
    /// That depends on an unknown value.
    Unknown(String),
}

/// A resource in AWS.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StackEntity {
    /// The value of `Ref`.
    pub(super) reference: TemplateValue,
    /// Its name.
    pub(super) name: TemplateValue,
    /// Its ARN, or its id in the organization.
    pub(super) arn: TemplateValue,
}

/// One side of a stack.
pub(super) struct StackSide<'s> {
    pub(super) evaluator: TemplateEvaluator<'s>,
    /// Physical ids of the deployed resources; `None` if unknown.
    pub(super) physical: Option<&'s BTreeMap<String, PhysicalResource>>,
    /// The deployed side, if this is the new one.
    pub(super) deployed: Option<&'s StackSide<'s>>,
    /// Whether this is the deployed side.
    pub(super) stands: bool,
    /// The account before the deployment.
    pub(super) account: Option<&'s AccountSnapshot>,
    /// The outputs of stacks within it, by their logical ids, as far as their templates are read.
    pub(super) nested: BTreeMap<&'s str, &'s Exports>,
    pub(super) continuities: RefCell<HashMap<String, Continuity>>,
}

/// The property with a resource's name, and the other properties whose change replaces the resource.
pub(super) fn naming(kind: &str) -> Option<(&'static str, &'static [&'static str])> {
    Some(match kind {
        "AWS::IAM::Role" => ("RoleName", &["Path"]),
        "AWS::IAM::User" => ("UserName", &[]),
        "AWS::IAM::Group" => ("GroupName", &[]),
        "AWS::IAM::ManagedPolicy" => ("ManagedPolicyName", &["Path", "Description"]),
        "AWS::IAM::OIDCProvider" => ("Url", &[]),
        "AWS::IAM::SAMLProvider" => ("Name", &[]),
        "AWS::IAM::InstanceProfile" => ("InstanceProfileName", &["Path"]),
        "AWS::S3::Bucket" => ("BucketName", &["BucketNamePrefix", "BucketNamespace"]),
        "AWS::SQS::Queue" => ("QueueName", &["FifoQueue"]),
        "AWS::SNS::Topic" => ("TopicName", &["FifoTopic"]),
        "AWS::KMS::Key" => ("", &["KeySpec", "KeyUsage", "MultiRegion"]),
        "AWS::SecretsManager::Secret" => ("Name", &[]),
        "AWS::Lambda::Function" => ("FunctionName", &["PackageType"]),
        "AWS::Lambda::Alias" => ("Name", &["FunctionName"]),
        "AWS::DynamoDB::Table" => ("TableName", &["ImportSourceSpecification"]),
        "AWS::ECR::Repository" => ("RepositoryName", &["EncryptionConfiguration"]),
        "AWS::Kinesis::Stream" => ("Name", &[]),
        "AWS::Events::EventBus" => ("Name", &["EventSourceName"]),
        "AWS::Backup::BackupVault" => ("BackupVaultName", &["EncryptionKeyArn"]),
        "AWS::Backup::LogicallyAirGappedBackupVault" => {
            ("BackupVaultName", &["EncryptionKeyArn", "MaxRetentionDays", "MinRetentionDays"])
        }
        "AWS::Logs::Destination" => ("DestinationName", &[]),
        "AWS::Events::EventBusPolicy" => ("", &["EventBusName", "StatementId"]),
        "AWS::Organizations::Policy" => ("", &["Type"]),
        "AWS::Organizations::OrganizationalUnit" => ("", &["ParentId"]),
        "AWS::Organizations::Account" => ("", &[]),
        "AWS::Lambda::Permission" => ("", PERMISSION),
        // They only add pieces to other resources, which are compared one by one.
        "AWS::IAM::GroupPolicy"
        | "AWS::IAM::Policy"
        | "AWS::IAM::RolePolicy"
        | "AWS::IAM::UserPolicy"
        | "AWS::IAM::UserToGroupAddition"
        | "AWS::Kinesis::ResourcePolicy"
        | "AWS::S3::BucketPolicy"
        | "AWS::SNS::TopicInlinePolicy"
        | "AWS::SNS::TopicPolicy"
        | "AWS::SQS::QueueInlinePolicy"
        | "AWS::SQS::QueuePolicy"
        | "AWS::SecretsManager::ResourcePolicy" => ("", &[]),
        _ => return None,
    })
}

/// Properties of a Lambda permission: a change of any of them replaces it.
const PERMISSION: &[&str] = &[
    "Action",
    "EventSourceToken",
    "FunctionName",
    "FunctionUrlAuthType",
    "InvokedViaFunctionUrl",
    "Principal",
    "PrincipalOrgID",
    "SourceAccount",
    "SourceArn",
];

/// The resource type of the model, for types with a policy of their own.
pub(super) fn resource_type(kind: &str) -> Option<&'static ResourceType> {
    Some(match kind {
        "AWS::S3::Bucket" => &BUCKET,
        "AWS::SQS::Queue" => &QUEUE,
        "AWS::SNS::Topic" => &TOPIC,
        "AWS::KMS::Key" => &KEY,
        "AWS::SecretsManager::Secret" => &SECRET,
        "AWS::Lambda::Function" => &FUNCTION,
        "AWS::DynamoDB::Table" => &TABLE,
        "AWS::ECR::Repository" => &REPOSITORY,
        "AWS::Kinesis::Stream" => &STREAM,
        "AWS::Events::EventBus" => &EVENT_BUS,
        "AWS::Backup::BackupVault" | "AWS::Backup::LogicallyAirGappedBackupVault" => &BACKUP_VAULT,
        "AWS::Logs::Destination" => &LOG_DESTINATION,
        _ => return None,
    })
}

impl StackSide<'_> {
    /// The name of a resource in reports.
    pub(super) fn address(&self, id: &str) -> String {
        format!("{}/{id}", self.evaluator.place.label)
    }

    /// A property's value.
    pub(super) fn property(&self, resource: Declaration<'_>, name: &str) -> TemplateValue {
        match resource.property(name) {
            Some(node) => self.evaluator.value(node, self),
            None => TemplateValue::Absent,
        }
    }

    /// Whether a resource exists on this side.
    ///
    /// # Errors
    /// Why its condition is unknown.
    pub(super) fn is_there(&self, resource: Declaration<'_>) -> Result<bool, String> {
        let Some(condition) = resource.node.get("Condition") else { return Ok(true) };
        let Some(name) = condition.as_text() else { return Ok(true) };
        match self.evaluator.condition(name, condition.line, self) {
            TemplateValue::Bool(holds) => Ok(holds),
            TemplateValue::Unknown(unknown) => Err(unknown.why),
            _ => Err(format!("the condition `{name}` is not known")),
        }
    }

    /// What the deployment does with a resource of this side, the new one.
    pub(super) fn continuity(&self, resource: Declaration<'_>) -> Continuity {
        if let Some(continuity) = self.continuities.borrow().get(resource.id) {
            return continuity.clone();
        }
        let continuity = self.find_continuity(resource);
        self.continuities.borrow_mut().insert(resource.id.to_owned(), continuity.clone());
        continuity
    }

    fn find_continuity(&self, resource: Declaration<'_>) -> Continuity {
        let Some(standing) = self.deployed else { return Continuity::New };
        let Some(was) = standing.evaluator.template.resource(resource.id) else {
            return Continuity::New;
        };
        match standing.is_there(was) {
            Ok(true) => {}
            Ok(false) => return Continuity::New,
            Err(why) => return Continuity::Unknown(why),
        }
        if was.kind != resource.kind {
            return Continuity::Replaced;
        }
        let Some((name, others)) = naming(resource.kind) else {
            // The model does not know which properties replace a resource of another type.
            let same = standing.properties(was) == self.properties(resource);
            return match same {
                true => Continuity::Stays,
                false => Continuity::Unknown(format!(
                    "it is not known whether `{}` is replaced",
                    self.address(resource.id)
                )),
            };
        };
        for property in std::iter::once(&name).chain(others).filter(|name| !name.is_empty()) {
            let (one, other) =
                (standing.property(was, property), self.property(resource, property));
            if one == other
                || (one.is_absent() && other == default_of(property))
                || (other.is_absent() && one == default_of(property))
            {
                continue;
            }
            if let Some(unknown) = one.first_unknown().or(other.first_unknown()) {
                return Continuity::Unknown(format!(
                    "whether `{}` is replaced depends on `{property}`: {}",
                    self.address(resource.id),
                    unknown.why
                ));
            }
            return Continuity::Replaced;
        }
        Continuity::Stays
    }

    /// All properties except tags.
    pub(super) fn properties(&self, resource: Declaration<'_>) -> BTreeMap<String, TemplateValue> {
        let all = resource.node.get("Properties").map_or(&[][..], |node| node.members());
        let all = all.iter().filter(|member| member.key != "Tags");
        all.map(|member| (member.key.clone(), self.evaluator.value(&member.value, self))).collect()
    }

    /// The physical id of a resource that the deployment keeps; `None` if unknown, or if the resource is new.
    fn physical_id(&self, resource: Declaration<'_>) -> Option<&str> {
        let side = match self.stands {
            true => self,
            false => self.deployed.filter(|_| self.continuity(resource) == Continuity::Stays)?,
        };
        side.physical?.get(resource.id).map(|physical| physical.id.as_str())
    }

    /// Whether this deployment creates it.
    fn is_new(&self, resource: Declaration<'_>) -> bool {
        !self.stands && matches!(self.continuity(resource), Continuity::New | Continuity::Replaced)
    }

    /// A symbol for a value that AWS will assign to a new resource, the same at each reference.
    pub(super) fn symbol(&self, resource: Declaration<'_>, attribute: &str) -> TemplateValue {
        TemplateValue::Text(
            Placeholder::new(format!("{}.{attribute}", self.address(resource.id))).to_string(),
        )
    }

    /// The unknown value of an attribute that AWS assigns, or may assign.
    fn unknown_attribute(&self, resource: Declaration<'_>, attribute: &str) -> TemplateValue {
        let address = self.address(resource.id);
        let why = match self.continuity_or_stays(resource) {
            Continuity::Unknown(why) => why,
            _ => format!("the value of `{address}.{attribute}` is not in the given files"),
        };
        TemplateValue::unknown(why)
    }

    fn continuity_or_stays(&self, resource: Declaration<'_>) -> Continuity {
        if self.stands { Continuity::Stays } else { self.continuity(resource) }
    }

    /// An attribute that AWS assigns: a symbol for a new resource, otherwise unknown.
    fn assigned_by_aws(&self, resource: Declaration<'_>, attribute: &str) -> TemplateValue {
        match self.is_new(resource) {
            true => self.symbol(resource, attribute),
            false => self.unknown_attribute(resource, attribute),
        }
    }

    /// The name of a resource: its physical name, or the name from the template, or one that AWS assigns.
    fn name(&self, resource: Declaration<'_>, physical: Option<&str>) -> TemplateValue {
        if let Some(name) = physical {
            return TemplateValue::text(name);
        }
        let property = naming(resource.kind).map_or("", |(name, _)| name);
        let named = match property {
            "" => TemplateValue::Absent,
            property => self.property(resource, property),
        };
        match named {
            TemplateValue::Absent | TemplateValue::Null => {
                self.assigned_by_aws(resource, if property.is_empty() { "Id" } else { property })
            }
            named => named,
        }
    }

    /// The name, ARN and reference of a resource in AWS.
    pub(super) fn entity(&self, resource: Declaration<'_>) -> StackEntity {
        let physical = self.physical_id(resource);
        match resource.kind {
            "AWS::IAM::Role" => self.principal(resource, "role", physical),
            "AWS::IAM::User" => self.principal(resource, "user", physical),
            "AWS::IAM::Group" => self.principal(resource, "group", physical),
            "AWS::IAM::ManagedPolicy" => StackEntity::with_arn(match physical {
                Some(arn) => TemplateValue::text(arn),
                None => self.path_arn(resource, "policy", self.name(resource, None)),
            }),
            "AWS::IAM::OIDCProvider" | "AWS::IAM::SAMLProvider" => {
                StackEntity::with_arn(match physical {
                    Some(arn) => TemplateValue::text(arn),
                    None => self.identity_provider_arn(resource),
                })
            }
            "AWS::S3::Bucket" => {
                let name = self.name(resource, physical);
                let arn = match &name {
                    TemplateValue::Text(name) => TemplateValue::Text(format!(
                        "arn:{}:s3:::{name}",
                        self.evaluator.place.partition
                    )),
                    other => (*other).clone(),
                };
                StackEntity { reference: name.clone(), name, arn }
            }
            "AWS::SQS::Queue" => self.queue(resource, physical),
            "AWS::SNS::Topic" => {
                let name = self.name(resource, physical.map(last_part));
                let arn = match physical {
                    Some(arn) => TemplateValue::text(arn),
                    None => self.regional_arn(&TOPIC, &name, ""),
                };
                StackEntity { reference: arn.clone(), name, arn }
            }
            "AWS::SecretsManager::Secret" => {
                let name = self.name(resource, None);
                let arn = match physical {
                    Some(arn) => TemplateValue::text(arn),
                    // AWS appends six characters to the name.
                    None => match self.assigned_by_aws(resource, "Id") {
                        TemplateValue::Text(symbol) => {
                            self.regional_arn(&SECRET, &name, &format!("-{symbol}"))
                        }
                        other => other,
                    },
                };
                StackEntity { reference: arn.clone(), name, arn }
            }
            "AWS::Lambda::Alias" => self.alias(resource, physical),
            kind => match resource_type(kind) {
                Some(of) => {
                    // In some versions of a type, the physical id is the ARN.
                    let name =
                        physical.map(|id| if id.starts_with("arn:") { last_part(id) } else { id });
                    let name = self.name(resource, name);
                    let arn = self.regional_arn(of, &name, "");
                    StackEntity { reference: name.clone(), name, arn }
                }
                None => StackEntity::with_arn(match (physical, bearing(kind)) {
                    (Some(id), _) => TemplateValue::text(id),
                    (None, TypeBearing::Runs | TypeBearing::Unknown) => {
                        self.unknown_attribute(resource, "Ref")
                    }
                    (None, _) => self.assigned_by_aws(resource, "Ref"),
                }),
            },
        }
    }

    /// A role, user or group. The dump has the ARNs of existing ones, paths included.
    fn principal(
        &self,
        resource: Declaration<'_>,
        kind: &str,
        physical: Option<&str>,
    ) -> StackEntity {
        let name = self.name(resource, physical);
        let dumped = self.account.filter(|_| !self.is_new(resource)).and_then(|account| {
            let name = name.as_text()?;
            Some(match kind {
                "role" => account.roles.get(name)?.arn.clone(),
                "user" => account.users.get(name)?.arn.clone(),
                _ => account.groups.get(name)?.arn.clone(),
            })
        });
        let arn = match dumped {
            Some(arn) => TemplateValue::Text(arn),
            None => self.path_arn(resource, kind, name.clone()),
        };
        StackEntity { reference: name.clone(), name, arn }
    }

    fn queue(&self, resource: Declaration<'_>, physical: Option<&str>) -> StackEntity {
        let place = self.evaluator.place;
        // The physical id is the URL.
        let name = self.name(resource, physical.map(last_part));
        let arn = self.regional_arn(&QUEUE, &name, "");
        let url = match (physical, &name, &place.region) {
            (Some(url), ..) => TemplateValue::text(url),
            (None, TemplateValue::Text(name), Some(region)) => TemplateValue::Text(format!(
                "https://sqs.{region}.amazonaws.com/{}/{name}",
                place.account
            )),
            _ => arn.clone(),
        };
        StackEntity { reference: url, name, arn }
    }

    fn alias(&self, resource: Declaration<'_>, physical: Option<&str>) -> StackEntity {
        let function = self.property(resource, "FunctionName");
        let name = self.property(resource, "Name");
        let arn = match (physical, &function, &name) {
            (Some(arn), ..) => TemplateValue::text(arn),
            (None, TemplateValue::Text(function), TemplateValue::Text(alias)) => {
                let function = function.rsplit(':').next().unwrap_or_default();
                let function = TemplateValue::text(function);
                self.regional_arn(&FUNCTION, &function, &format!(":{alias}"))
            }
            _ => self.unknown_attribute(resource, "Ref"),
        };
        StackEntity { reference: arn.clone(), name, arn }
    }

    fn identity_provider_arn(&self, resource: Declaration<'_>) -> TemplateValue {
        let property = naming(resource.kind).map_or("", |(name, _)| name);
        match self.property(resource, property) {
            TemplateValue::Text(url) if property == "Url" => {
                let host = url.strip_prefix("https://").unwrap_or(&url);
                self.iam_arn(&format!("oidc-provider/{}", host.trim_end_matches('/')))
            }
            TemplateValue::Text(name) => self.iam_arn(&format!("saml-provider/{name}")),
            TemplateValue::Absent | TemplateValue::Null => self.assigned_by_aws(resource, "Arn"),
            other => other,
        }
    }

    fn iam_arn(&self, rest: &str) -> TemplateValue {
        let place = self.evaluator.place;
        TemplateValue::Text(format!("arn:{}:iam::{}:{rest}", place.partition, place.account))
    }

    /// The ARN of an IAM object, from its path and name.
    fn path_arn(
        &self,
        resource: Declaration<'_>,
        kind: &str,
        name: TemplateValue,
    ) -> TemplateValue {
        match (name, self.property(resource, "Path")) {
            (TemplateValue::Text(name), TemplateValue::Absent | TemplateValue::Null) => {
                self.iam_arn(&format!("{kind}/{name}"))
            }
            (TemplateValue::Text(name), TemplateValue::Text(path)) => {
                self.iam_arn(&format!("{kind}{path}{name}"))
            }
            (TemplateValue::Text(_), other) | (other, _) => other,
        }
    }

    /// The ARN of a resource in the Region of the stack.
    fn regional_arn(&self, of: &ResourceType, name: &TemplateValue, rest: &str) -> TemplateValue {
        let place = self.evaluator.place;
        match (name, &place.region) {
            (TemplateValue::Text(name), Some(region)) => TemplateValue::Text(format!(
                "arn:{}:{}:{region}:{}:{}{name}{rest}",
                place.partition, of.service, place.account, of.resource
            )),
            (TemplateValue::Text(_), None) => TemplateValue::unknown(format!(
                "the Region of the stack `{label}` is not known: set it with `--stack {label}={}/REGION`",
                place.account,
                label = place.label
            )),
            (other, _) => other.clone(),
        }
    }
}

impl StackEntity {
    /// A resource whose reference is its ARN or id.
    fn with_arn(arn: TemplateValue) -> Self {
        Self { reference: arn.clone(), name: arn.clone(), arn }
    }
}

/// The last part of an ARN or URL.
fn last_part(text: &str) -> &str {
    text.rsplit([':', '/']).next().unwrap_or_default()
}

impl References for StackSide<'_> {
    fn reference(&self, resource: Declaration<'_>) -> TemplateValue {
        self.entity(resource).reference
    }

    fn attribute(&self, resource: Declaration<'_>, attribute: &str) -> TemplateValue {
        let is_role = resource.kind == "AWS::IAM::Role";
        match (resource.kind, attribute) {
            ("AWS::IAM::ManagedPolicy", "PolicyArn")
            | ("AWS::SNS::Topic", "TopicArn")
            | ("AWS::SecretsManager::Secret", "Id")
            | (_, "BackupVaultArn")
            | ("AWS::Organizations::Policy" | "AWS::Organizations::OrganizationalUnit", "Id")
            | ("AWS::Organizations::Account", "AccountId") => self.entity(resource).arn,
            ("AWS::SNS::Topic", "TopicName")
            | ("AWS::Events::EventBus", "Name")
            | (_, "BackupVaultName")
            | ("AWS::SQS::Queue", "QueueName")
            | ("AWS::KMS::Key", "KeyId") => self.entity(resource).name,
            ("AWS::SQS::Queue", "QueueUrl") => self.entity(resource).reference,
            (kind, "Arn")
                if resource_type(kind).is_some()
                    || kind.starts_with("AWS::IAM::") && kind != "AWS::IAM::InstanceProfile" =>
            {
                self.entity(resource).arn
            }
            (NESTED, attribute) => {
                let output = attribute.strip_prefix("Outputs.");
                match output.zip(self.nested.get(resource.id)) {
                    Some((name, outputs)) => outputs.get(name).cloned().unwrap_or_else(|| {
                        let address = self.address(resource.id);
                        TemplateValue::unknown(format!("`{address}` has no output `{name}`"))
                    }),
                    None => self.unknown_attribute(resource, attribute),
                }
            }
            (_, "RoleId") if is_role && !self.is_new(resource) => {
                let entity = self.entity(resource);
                let name = entity.name.as_text();
                let id = self
                    .account
                    .zip(name)
                    .and_then(|(account, name)| account.roles.get(name)?.unique_id.clone());
                id.map_or_else(|| self.unknown_attribute(resource, attribute), TemplateValue::Text)
            }
            (kind, attribute) => {
                // What AWS generates for a new resource is equal to no existing value. Other attributes may repeat
                // given values, and a custom resource may return anything.
                let ends = ["Arn", "ARN", "Id", "ID", "RoleId", "S3CanonicalUserId"];
                let is_made_up = ends.iter().any(|end| attribute.ends_with(end));
                match bearing(kind) {
                    TypeBearing::Runs | TypeBearing::Unknown => {
                        self.unknown_attribute(resource, attribute)
                    }
                    _ if is_made_up => self.assigned_by_aws(resource, attribute),
                    _ => self.unknown_attribute(resource, attribute),
                }
            }
        }
    }
}

/// The default of a property.
fn default_of(property: &str) -> TemplateValue {
    match property {
        "Path" => TemplateValue::text("/"),
        _ => TemplateValue::Absent,
    }
}
