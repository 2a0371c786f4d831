//! One side of a stack: its template with what its resources are called in AWS, before or after the deployment.
//!
//! Claim: a name or ARN that is given as known is that of the resource. What stands and stays keeps its physical id; what is
//! new has the name that the template gives it, or a symbol that stands for the name that AWS will make up and that is
//! equal to nothing else.
//!
//! Source: CloudFormation Template Reference, "Return values" of each type; what changes by replacement: "Update requires"
//! of each property.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use super::deployed::PhysicalResource;
use super::evaluate::{References, TemplateEvaluator};
use super::template::Declaration;
use super::types::{TypeBearing, bearing};
use super::value::TemplateValue;
use crate::access::{
    BUCKET, FUNCTION, KEY, QUEUE, REPOSITORY, ResourceType, SECRET, STREAM, TABLE, TOPIC,
};
use crate::iam::Placeholder;
use crate::review::AccountSnapshot;

/// What becomes of a resource by the deployment.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Continuity {
    /// It is made.
    New,
    /// It stays.
    Stays,
    /// Another one takes its place.
    Replaced,
    /// That depends on what is not known.
    Unknown(String),
}

/// A resource in AWS.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StackEntity {
    /// What `Ref` gives.
    pub(super) reference: TemplateValue,
    /// Its name.
    pub(super) name: TemplateValue,
    /// Its ARN, or its id in the organization.
    pub(super) arn: TemplateValue,
}

/// One side of a stack.
pub(super) struct StackSide<'s> {
    pub(super) evaluator: TemplateEvaluator<'s>,
    /// What AWS calls the resources that stand; `None` where that is not known.
    pub(super) physical: Option<&'s BTreeMap<String, PhysicalResource>>,
    /// The side that stands, where this is the one after it.
    pub(super) deployed: Option<&'s StackSide<'s>>,
    /// Whether this is the side that stands.
    pub(super) stands: bool,
    /// The account as it is.
    pub(super) account: Option<&'s AccountSnapshot>,
    pub(super) continuities: RefCell<HashMap<String, Continuity>>,
}

/// The property that names a resource, and the others that replace it when they change.
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
        "AWS::Organizations::Policy" => ("", &["Type"]),
        "AWS::Organizations::OrganizationalUnit" => ("", &["ParentId"]),
        "AWS::Organizations::Account" => ("", &[]),
        "AWS::Lambda::Permission" => ("", PERMISSION),
        // What they put into others is compared piece by piece.
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

/// Properties of a Lambda permission: it is never changed.
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

/// What a type is that can have a policy of its own.
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
        _ => return None,
    })
}

impl StackSide<'_> {
    /// How reports call a resource.
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

    /// Whether a resource is there: `None` where its condition is not known.
    pub(super) fn is_there(&self, resource: Declaration<'_>) -> Result<bool, String> {
        let Some(condition) = resource.node.get("Condition") else { return Ok(true) };
        let Some(name) = condition.as_text() else { return Ok(true) };
        match self.evaluator.condition(name, condition.line, self) {
            TemplateValue::Bool(holds) => Ok(holds),
            TemplateValue::Unknown(unknown) => Err(unknown.why),
            _ => Err(format!("the condition `{name}` is not known")),
        }
    }

    /// What becomes of a resource of this side, which is the one after the deployment.
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
            // Which properties of other types replace it is not in the model.
            let same = standing.properties(was) == self.properties(resource);
            return match same {
                true => Continuity::Stays,
                false => Continuity::Unknown(format!(
                    "whether `{}` is replaced is not known",
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
                    "whether `{}` is replaced depends on `{property}`, and {}",
                    self.address(resource.id),
                    unknown.why
                ));
            }
            return Continuity::Replaced;
        }
        Continuity::Stays
    }

    /// All properties, but for tags.
    pub(super) fn properties(&self, resource: Declaration<'_>) -> BTreeMap<String, TemplateValue> {
        let all = resource.node.get("Properties").map_or(&[][..], |node| node.members());
        let all = all.iter().filter(|member| member.key != "Tags");
        all.map(|member| (member.key.clone(), self.evaluator.value(&member.value, self))).collect()
    }

    /// The physical id of what stands and stays; `None` where it is not known or is yet to be made.
    fn physical_id(&self, resource: Declaration<'_>) -> Option<&str> {
        let side = match self.stands {
            true => self,
            false => self.deployed.filter(|_| self.continuity(resource) == Continuity::Stays)?,
        };
        side.physical?.get(resource.id).map(|physical| physical.id.as_str())
    }

    /// Whether AWS makes it by this deployment.
    fn is_new(&self, resource: Declaration<'_>) -> bool {
        !self.stands && matches!(self.continuity(resource), Continuity::New | Continuity::Replaced)
    }

    /// A value that AWS gives to something new, the same wherever it is named.
    pub(super) fn symbol(&self, resource: Declaration<'_>, attribute: &str) -> TemplateValue {
        TemplateValue::Text(
            Placeholder::new(format!("{}.{attribute}", self.address(resource.id))).to_string(),
        )
    }

    /// A value that AWS has given, or will give, and that cannot be told.
    fn untold(&self, resource: Declaration<'_>, attribute: &str) -> TemplateValue {
        let address = self.address(resource.id);
        let why = match self.continuity_or_stays(resource) {
            Continuity::Unknown(why) => why,
            _ => format!("`{address}.{attribute}` is a value of AWS's that no file tells"),
        };
        TemplateValue::unknown(why)
    }

    fn continuity_or_stays(&self, resource: Declaration<'_>) -> Continuity {
        if self.stands { Continuity::Stays } else { self.continuity(resource) }
    }

    fn made_or_untold(&self, resource: Declaration<'_>, attribute: &str) -> TemplateValue {
        match self.is_new(resource) {
            true => self.symbol(resource, attribute),
            false => self.untold(resource, attribute),
        }
    }

    /// The name of a resource: that which it has, or the template gives, or AWS will make up.
    fn name(
        &self,
        resource: Declaration<'_>,
        property: &str,
        physical: Option<&str>,
    ) -> TemplateValue {
        if let Some(name) = physical {
            return TemplateValue::text(name);
        }
        let named = match property {
            "" => TemplateValue::Absent,
            property => self.property(resource, property),
        };
        match named {
            TemplateValue::Absent | TemplateValue::Null => {
                self.made_or_untold(resource, if property.is_empty() { "Id" } else { property })
            }
            named => named,
        }
    }

    /// What a resource is in AWS.
    pub(super) fn entity(&self, resource: Declaration<'_>) -> StackEntity {
        let place = self.evaluator.place;
        let (partition, id) = (&place.partition, &place.account);
        let physical = self.physical_id(resource);
        let property = naming(resource.kind).map_or("", |(name, _)| name);
        let global =
            |rest: String| TemplateValue::Text(format!("arn:{partition}:iam::{id}:{rest}"));
        // The ARN of something of IAM: an account knows those that stand.
        let of_iam = |what: &str| {
            let name = self.name(resource, property, physical);
            let known = self.account.and_then(|account| {
                let name = name.as_text()?;
                Some(match what {
                    "role" => account.roles.get(name)?.arn.clone(),
                    "user" => account.users.get(name)?.arn.clone(),
                    _ => account.groups.get(name)?.arn.clone(),
                })
            });
            let arn = match (known.filter(|_| !self.is_new(resource)), &name) {
                (Some(arn), _) => TemplateValue::Text(arn),
                (None, TemplateValue::Text(name)) => match self.property(resource, "Path") {
                    TemplateValue::Absent | TemplateValue::Null => global(format!("{what}/{name}")),
                    TemplateValue::Text(path) => global(format!("{what}{path}{name}")),
                    other => other,
                },
                (None, other) => (*other).clone(),
            };
            StackEntity { reference: name.clone(), name, arn }
        };
        let regional = |name: &TemplateValue, of: &ResourceType, rest: &str| match (
            name,
            &place.region,
        ) {
            (TemplateValue::Text(name), Some(region)) => {
                let (service, resource) = (of.service, of.resource);
                TemplateValue::Text(format!(
                    "arn:{partition}:{service}:{region}:{id}:{resource}{name}{rest}"
                ))
            }
            (TemplateValue::Text(_), None) => TemplateValue::unknown(format!(
                "the Region of the stack `{}` is not known: give it with `--stack {}={id}/REGION`",
                place.label, place.label
            )),
            (other, _) => other.clone(),
        };
        let last = |arn: &str| arn.rsplit([':', '/']).next().unwrap_or_default().to_owned();
        match resource.kind {
            "AWS::IAM::Role" => of_iam("role"),
            "AWS::IAM::User" => of_iam("user"),
            "AWS::IAM::Group" => of_iam("group"),
            "AWS::IAM::ManagedPolicy" => {
                let arn = match physical {
                    Some(arn) => TemplateValue::text(arn),
                    None => {
                        let name = self.name(resource, property, None);
                        match (name, self.property(resource, "Path")) {
                            (
                                TemplateValue::Text(name),
                                TemplateValue::Absent | TemplateValue::Null,
                            ) => global(format!("policy/{name}")),
                            (TemplateValue::Text(name), TemplateValue::Text(path)) => {
                                global(format!("policy{path}{name}"))
                            }
                            (TemplateValue::Text(_), other) | (other, _) => other,
                        }
                    }
                };
                StackEntity { reference: arn.clone(), name: arn.clone(), arn }
            }
            "AWS::IAM::OIDCProvider" | "AWS::IAM::SAMLProvider" => {
                let arn = match (physical, self.property(resource, property)) {
                    (Some(arn), _) => TemplateValue::text(arn),
                    (None, TemplateValue::Text(url)) if property == "Url" => {
                        let host = url.strip_prefix("https://").unwrap_or(&url);
                        global(format!("oidc-provider/{}", host.trim_end_matches('/')))
                    }
                    (None, TemplateValue::Text(name)) => global(format!("saml-provider/{name}")),
                    (None, TemplateValue::Absent | TemplateValue::Null) => {
                        self.made_or_untold(resource, "Arn")
                    }
                    (None, other) => other,
                };
                StackEntity { reference: arn.clone(), name: arn.clone(), arn }
            }
            "AWS::S3::Bucket" => {
                let name = self.name(resource, property, physical);
                let arn = match &name {
                    TemplateValue::Text(name) => {
                        TemplateValue::Text(format!("arn:{partition}:s3:::{name}"))
                    }
                    other => (*other).clone(),
                };
                StackEntity { reference: name.clone(), name, arn }
            }
            "AWS::SQS::Queue" => {
                // https://sqs.REGION.amazonaws.com/ACCOUNT/NAME
                let name = physical.map(last);
                let name = self.name(resource, property, name.as_deref());
                let arn = regional(&name, &QUEUE, "");
                let url = match (physical, &name, &place.region) {
                    (Some(url), ..) => TemplateValue::text(url),
                    (None, TemplateValue::Text(name), Some(region)) => TemplateValue::Text(
                        format!("https://sqs.{region}.amazonaws.com/{id}/{name}"),
                    ),
                    _ => arn.clone(),
                };
                StackEntity { reference: url, name, arn }
            }
            "AWS::SNS::Topic" => {
                let name = physical.map(last);
                let name = self.name(resource, property, name.as_deref());
                let arn = physical.map_or_else(|| regional(&name, &TOPIC, ""), TemplateValue::text);
                StackEntity { reference: arn.clone(), name, arn }
            }
            "AWS::SecretsManager::Secret" => {
                let name = self.name(resource, property, None);
                // AWS adds six characters to the name.
                let random = || match self.made_or_untold(resource, "Id") {
                    TemplateValue::Text(symbol) => regional(&name, &SECRET, &format!("-{symbol}")),
                    other => other,
                };
                let arn = physical.map_or_else(random, TemplateValue::text);
                StackEntity { reference: arn.clone(), name, arn }
            }
            "AWS::Lambda::Alias" => {
                let function = self.property(resource, "FunctionName");
                let name = self.property(resource, "Name");
                let arn = match (physical, &function, &name) {
                    (Some(arn), ..) => TemplateValue::text(arn),
                    (None, TemplateValue::Text(function), TemplateValue::Text(alias)) => {
                        let function = function.rsplit(':').next().unwrap_or_default();
                        regional(&TemplateValue::text(function), &FUNCTION, &format!(":{alias}"))
                    }
                    _ => self.untold(resource, "Ref"),
                };
                StackEntity { reference: arn.clone(), name, arn }
            }
            kind => match resource_type(kind) {
                Some(of) => {
                    // A physical id may be the ARN where a template was made by a later version of the type.
                    let name = physical
                        .map(|id| if id.starts_with("arn:") { last(id) } else { id.to_owned() });
                    let name = self.name(resource, property, name.as_deref());
                    StackEntity { arn: regional(&name, of, ""), reference: name.clone(), name }
                }
                None => {
                    let reference = match (physical, bearing(kind)) {
                        (Some(id), _) => TemplateValue::text(id),
                        (None, TypeBearing::Runs | TypeBearing::Unknown) => {
                            self.untold(resource, "Ref")
                        }
                        (None, _) => self.made_or_untold(resource, "Ref"),
                    };
                    StackEntity { name: reference.clone(), arn: reference.clone(), reference }
                }
            },
        }
    }
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
            | ("AWS::Organizations::Policy" | "AWS::Organizations::OrganizationalUnit", "Id")
            | ("AWS::Organizations::Account", "AccountId") => self.entity(resource).arn,
            ("AWS::SNS::Topic", "TopicName")
            | ("AWS::SQS::Queue", "QueueName")
            | ("AWS::KMS::Key", "KeyId") => self.entity(resource).name,
            ("AWS::SQS::Queue", "QueueUrl") => self.entity(resource).reference,
            (kind, "Arn")
                if resource_type(kind).is_some()
                    || kind.starts_with("AWS::IAM::") && kind != "AWS::IAM::InstanceProfile" =>
            {
                self.entity(resource).arn
            }
            (_, "RoleId") if is_role && !self.is_new(resource) => {
                let entity = self.entity(resource);
                let name = entity.name.as_text();
                let id = self
                    .account
                    .zip(name)
                    .and_then(|(account, name)| account.roles.get(name)?.unique_id.clone());
                id.map_or_else(|| self.untold(resource, attribute), TemplateValue::Text)
            }
            (kind, attribute) => {
                // What AWS makes up for something new is equal to nothing that stands. Other attributes may repeat what
                // was given, and a custom resource returns what it likes.
                let ends = ["Arn", "ARN", "Id", "ID", "RoleId", "S3CanonicalUserId"];
                let is_made_up = ends.iter().any(|end| attribute.ends_with(end));
                match bearing(kind) {
                    TypeBearing::Runs | TypeBearing::Unknown => self.untold(resource, attribute),
                    _ if is_made_up => self.made_or_untold(resource, attribute),
                    _ => self.untold(resource, attribute),
                }
            }
        }
    }
}

/// What a property is where it is not written.
fn default_of(property: &str) -> TemplateValue {
    match property {
        "Path" => TemplateValue::text("/"),
        _ => TemplateValue::Absent,
    }
}
