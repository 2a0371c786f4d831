//! What a resource of a template adds to others: policies, attachments, memberships, statements.
//!
//! Both sides of a stack are split into pieces. A piece that both sides have stays as it is in AWS, so unknown parts of it do
//! not matter. A piece of the deployed side alone is deleted, and one of the new side alone is created.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::side::{StackSide, resource_type};
use super::template::Declaration;
use super::value::TemplateValue;
use crate::access::{
    BUCKET, EVENT_BUS, FUNCTION, Permission, QUEUE, ResourceType, SECRET, STREAM, TOPIC,
    bus_statement, queue_arn,
};
use crate::iam::Placeholder;
use crate::review::AccountSnapshot;
use crate::review::arns;
use crate::review::edit::{AccountEdit, PolicyHolder, PublicBlock};

/// One piece.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum StackPiece {
    /// An inline policy.
    Inline { holder: PolicyHolder, name: String, document: TemplateValue },
    /// A managed policy that is attached.
    Attached { holder: PolicyHolder, arn: String },
    /// A user in a group.
    Member { user: String, group: String },
    /// The policy of a resource.
    Policy { arn: String, of: &'static ResourceType, document: TemplateValue },
    /// The public access block of a bucket.
    BlockPublic { arn: String, block: PublicBlock },
    /// The Object Ownership of a bucket.
    Ownership { arn: String, ownership: Option<String> },
    /// A statement of the policy of a function or an event bus.
    Statement {
        arn: String,
        of: &'static ResourceType,
        sid: String,
        parts: Vec<(&'static str, TemplateValue)>,
    },
}

/// The pieces of a resource, and which of them are unknown and why.
#[derive(Debug, Default)]
pub(super) struct StackPieces {
    pub(super) all: Vec<StackPiece>,
    pub(super) unclear: Vec<String>,
}

impl StackPiece {
    /// Whether both are the same policy, setting or statement, whatever its content.
    pub(super) fn has_the_place_of(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Inline { holder, name, .. },
                Self::Inline { holder: other, name: other_name, .. },
            ) => holder == other && name == other_name,
            (Self::Policy { arn, .. }, Self::Policy { arn: other, .. })
            | (Self::Ownership { arn, .. }, Self::Ownership { arn: other, .. })
            | (Self::BlockPublic { arn, .. }, Self::BlockPublic { arn: other, .. }) => arn == other,
            (
                Self::Statement { arn, sid, .. },
                Self::Statement { arn: other, sid: other_sid, .. },
            ) => arn == other && sid == other_sid,
            _ => self == other,
        }
    }

    /// The edit that deletes it.
    pub(super) fn gone(&self, address: &str) -> AccountEdit {
        match self.clone() {
            Self::Inline { holder, name, .. } => AccountEdit::DropInline { holder, name },
            Self::Attached { holder, arn } => AccountEdit::Detach { holder, arn },
            Self::Member { user, group } => AccountEdit::Leave { user, group },
            Self::Policy { arn, .. } => AccountEdit::DropResourcePolicy { arn },
            Self::BlockPublic { arn, .. } => AccountEdit::BlockPublic {
                arn,
                of: &BUCKET,
                label: address.to_owned(),
                block: PublicBlock::default(),
            },
            Self::Ownership { arn, .. } => AccountEdit::SetOwnership {
                arn,
                of: &BUCKET,
                label: address.to_owned(),
                ownership: None,
            },
            Self::Statement { arn, sid, .. } => AccountEdit::DropStatement { arn, sid },
        }
    }

    /// The edit that creates it.
    pub(super) fn put(&self, address: &str, account: &AccountSnapshot) -> Option<AccountEdit> {
        let address = address.to_owned();
        Some(match self.clone() {
            Self::Inline { holder, name, document } => {
                let content = document.policy(&address)?;
                AccountEdit::PutInline { holder, name, content, address }
            }
            Self::Attached { holder, arn } => AccountEdit::Attach { holder, arn, address },
            Self::Member { user, group } => AccountEdit::Join { user, group, address },
            Self::Policy { arn, of, document } => {
                let policy = document.policy(&address);
                AccountEdit::PutResourcePolicy { arn, of, label: address, policy, relabel: true }
            }
            Self::BlockPublic { arn, block } => {
                AccountEdit::BlockPublic { arn, of: &BUCKET, label: address, block }
            }
            Self::Ownership { arn, ownership } => {
                AccountEdit::SetOwnership { arn, of: &BUCKET, label: address, ownership }
            }
            Self::Statement { arn, of, sid, parts } => {
                let statement = match of.name == EVENT_BUS.name {
                    true => statement_of_bus(&parts, &sid, &arn),
                    false => statement(&parts, &sid, &arn, account),
                };
                let statement = statement.map_err(|why| format!("`{address}`: {why}"));
                AccountEdit::PutStatement { arn, of, label: address, sid, statement }
            }
        })
    }
}

fn statement(
    parts: &[(&'static str, TemplateValue)],
    sid: &str,
    arn: &str,
    account: &AccountSnapshot,
) -> Result<Json, String> {
    if let Some(unknown) = parts.iter().find_map(|(_, value)| value.first_unknown()) {
        return Err(unknown.why.clone());
    }
    let value = |name: &str| parts.iter().find(|(part, _)| *part == name).map(|(_, value)| value);
    let text = |name: &str| value(name).and_then(TemplateValue::as_text);
    let permission = Permission {
        action: text("Action").unwrap_or_default(),
        principal: text("Principal").unwrap_or_default(),
        equals: &[
            ("aws:SourceAccount", text("SourceAccount")),
            ("aws:PrincipalOrgID", text("PrincipalOrgID")),
            ("lambda:EventSourceToken", text("EventSourceToken")),
            ("lambda:FunctionUrlAuthType", text("FunctionUrlAuthType")),
        ],
        source_arn: text("SourceArn"),
        through_url: value("InvokedViaFunctionUrl").and_then(TemplateValue::as_bool) == Some(true),
    };
    Ok(permission.statement(sid, arn, account.partition))
}

fn statement_of_bus(
    parts: &[(&'static str, TemplateValue)],
    sid: &str,
    arn: &str,
) -> Result<Json, String> {
    let mut values = BTreeMap::new();
    for (name, value) in parts {
        values.insert(*name, value.to_json().map_err(|unknown| unknown.why)?);
    }
    bus_statement(&values, sid, arn)
}

/// What a permission is made of.
const PARTS: [&str; 8] = [
    "Action",
    "EventSourceToken",
    "FunctionUrlAuthType",
    "InvokedViaFunctionUrl",
    "Principal",
    "PrincipalOrgID",
    "SourceAccount",
    "SourceArn",
];

/// The pieces of a resource of one side.
pub(super) fn pieces(side: &StackSide<'_>, resource: Declaration<'_>) -> StackPieces {
    let mut pieces = StackPieces::default();
    let reader = Reader { side, resource, address: side.address(resource.id) };
    match resource.kind {
        "AWS::IAM::Role" => reader.holder(PolicyHolder::Role, &mut pieces),
        "AWS::IAM::User" => {
            reader.holder(PolicyHolder::User, &mut pieces);
            let user = reader.own_name(&mut pieces);
            for group in reader.texts("Groups", "the groups", &mut pieces) {
                pieces.all.extend(user.clone().map(|user| StackPiece::Member { user, group }));
            }
        }
        "AWS::IAM::Group" => reader.holder(PolicyHolder::Group, &mut pieces),
        "AWS::IAM::UserToGroupAddition" => {
            let group = reader.text("GroupName", "the group", &mut pieces);
            for user in reader.texts("Users", "the users", &mut pieces) {
                pieces.all.extend(group.clone().map(|group| StackPiece::Member { user, group }));
            }
        }
        "AWS::IAM::Policy" => {
            let name = reader.policy_name(&mut pieces);
            let document = reader.property("PolicyDocument");
            for holder in reader.holders(&mut pieces) {
                let (name, document) = (name.clone(), document.clone());
                pieces.all.push(StackPiece::Inline { holder, name, document });
            }
        }
        "AWS::IAM::RolePolicy" => reader.single(PolicyHolder::Role, "RoleName", &mut pieces),
        "AWS::IAM::UserPolicy" => reader.single(PolicyHolder::User, "UserName", &mut pieces),
        "AWS::IAM::GroupPolicy" => reader.single(PolicyHolder::Group, "GroupName", &mut pieces),
        "AWS::IAM::ManagedPolicy" => {
            let Some(arn) = reader.known(side.entity(resource).arn, "the name", &mut pieces) else {
                return pieces;
            };
            for holder in reader.holders(&mut pieces) {
                pieces.all.push(StackPiece::Attached { holder, arn: arn.clone() });
            }
        }
        "AWS::S3::Bucket" => reader.bucket(&mut pieces),
        "AWS::S3::BucketPolicy" => {
            reader.policy(&BUCKET, &["Bucket"], "PolicyDocument", &mut pieces)
        }
        "AWS::SQS::QueuePolicy" => {
            reader.policy(&QUEUE, &["Queues"], "PolicyDocument", &mut pieces)
        }
        "AWS::SQS::QueueInlinePolicy" => {
            reader.policy(&QUEUE, &["Queue"], "PolicyDocument", &mut pieces);
        }
        "AWS::SNS::TopicPolicy" => {
            reader.policy(&TOPIC, &["Topics"], "PolicyDocument", &mut pieces)
        }
        "AWS::SNS::TopicInlinePolicy" => {
            reader.policy(&TOPIC, &["TopicArn"], "PolicyDocument", &mut pieces);
        }
        "AWS::SecretsManager::ResourcePolicy" => {
            reader.policy(&SECRET, &["SecretId"], "ResourcePolicy", &mut pieces);
        }
        "AWS::Kinesis::ResourcePolicy" => {
            reader.policy(&STREAM, &["ResourceArn"], "ResourcePolicy", &mut pieces);
        }
        "AWS::KMS::Key" => reader.inner_policy("KeyPolicy", None, &mut pieces),
        "AWS::ECR::Repository" => reader.inner_policy("RepositoryPolicyText", None, &mut pieces),
        "AWS::DynamoDB::Table" => {
            reader.inner_policy("ResourcePolicy", Some("PolicyDocument"), &mut pieces);
            let stream = reader.property("StreamSpecification");
            if stream.get("ResourcePolicy").is_some() {
                pieces.unclear.push(format!(
                    "the resource policy of the stream of `{}` is not judged yet",
                    reader.address
                ));
            }
        }
        "AWS::Events::EventBus" => reader.inner_policy("Policy", None, &mut pieces),
        "AWS::Backup::BackupVault" | "AWS::Backup::LogicallyAirGappedBackupVault" => {
            reader.inner_policy("AccessPolicy", None, &mut pieces);
        }
        "AWS::Logs::Destination" => reader.inner_policy("DestinationPolicy", None, &mut pieces),
        "AWS::Events::EventBusPolicy" => reader.bus_permission(&mut pieces),
        "AWS::Lambda::Permission" => reader.permission(&mut pieces),
        _ => {}
    }
    pieces
}

struct Reader<'r, 's> {
    side: &'r StackSide<'s>,
    resource: Declaration<'r>,
    address: String,
}

impl Reader<'_, '_> {
    fn property(&self, name: &str) -> TemplateValue {
        self.side.property(self.resource, name)
    }

    fn says(&self, what: &str, why: &str) -> String {
        format!("cannot determine {what} of `{}`: {why}", self.address)
    }

    /// A string; an unknown one is reported.
    fn known(&self, value: TemplateValue, what: &str, pieces: &mut StackPieces) -> Option<String> {
        match value {
            TemplateValue::Text(text) => Some(text),
            TemplateValue::Unknown(unknown) => {
                pieces.unclear.push(self.says(what, &unknown.why));
                None
            }
            _ => None,
        }
    }

    fn text(&self, name: &str, what: &str, pieces: &mut StackPieces) -> Option<String> {
        self.known(self.property(name), what, pieces)
    }

    fn texts(&self, name: &str, what: &str, pieces: &mut StackPieces) -> Vec<String> {
        let value = self.property(name);
        let all = value.elements().into_iter().cloned();
        all.filter_map(|one| self.known(one, what, pieces)).collect()
    }

    fn own_name(&self, pieces: &mut StackPieces) -> Option<String> {
        self.known(self.side.entity(self.resource).name, "the name", pieces)
    }

    fn policy_name(&self, pieces: &mut StackPieces) -> String {
        let name = self.text("PolicyName", "the policy name", pieces);
        name.unwrap_or_else(|| Placeholder::new(format!("{}.PolicyName", self.address)).to_string())
    }

    /// The principals that a policy is attached to.
    fn holders(&self, pieces: &mut StackPieces) -> Vec<PolicyHolder> {
        let what = "the roles, users or groups";
        let mut holders = Vec::new();
        holders.extend(self.texts("Roles", what, pieces).into_iter().map(PolicyHolder::Role));
        holders.extend(self.texts("Users", what, pieces).into_iter().map(PolicyHolder::User));
        holders.extend(self.texts("Groups", what, pieces).into_iter().map(PolicyHolder::Group));
        holders
    }

    /// `AWS::IAM::RolePolicy`, `UserPolicy` and `GroupPolicy`.
    fn single(&self, holder: fn(String) -> PolicyHolder, property: &str, pieces: &mut StackPieces) {
        let Some(held) = self.text(property, "the roles, users or groups", pieces) else { return };
        let name = self.policy_name(pieces);
        let document = self.property("PolicyDocument");
        pieces.all.push(StackPiece::Inline { holder: holder(held), name, document });
    }

    /// The policies that a role, user or group declares itself.
    fn holder(&self, holder: fn(String) -> PolicyHolder, pieces: &mut StackPieces) {
        let Some(own) = self.own_name(pieces) else { return };
        let policies = self.property("Policies");
        for policy in policies.elements() {
            if let TemplateValue::Unknown(unknown) = policy {
                pieces.unclear.push(self.says("the policies", &unknown.why));
                continue;
            }
            let name = policy.get("PolicyName").unwrap_or(&TemplateValue::Absent).clone();
            let Some(name) = self.known(name, "the policy name", pieces) else {
                continue;
            };
            let document = policy.get("PolicyDocument").unwrap_or(&TemplateValue::Absent).clone();
            pieces.all.push(StackPiece::Inline { holder: holder(own.clone()), name, document });
        }
        let arns = self.property("ManagedPolicyArns");
        for (at, arn) in arns.elements().into_iter().enumerate() {
            let arn = match arn {
                TemplateValue::Text(arn) => arn.clone(),
                // An unknown ARN becomes a symbol, so that what the policy permits counts as unknown.
                TemplateValue::Unknown(unknown) => {
                    let symbol =
                        format!("{}.ManagedPolicyArns[{at}] ({})", self.address, unknown.why);
                    Placeholder::new(symbol).to_string()
                }
                _ => continue,
            };
            pieces.all.push(StackPiece::Attached { holder: holder(own.clone()), arn });
        }
    }

    /// The settings of a bucket.
    fn bucket(&self, pieces: &mut StackPieces) {
        let arn = self.known(self.side.entity(self.resource).arn, "the name", pieces);
        let block = self.property("PublicAccessBlockConfiguration");
        let mut is_on = |name: &str| match block.get(name).unwrap_or(&TemplateValue::Absent) {
            TemplateValue::Absent | TemplateValue::Null => Some(false),
            value => {
                if let Some(unknown) = value.first_unknown() {
                    pieces.unclear.push(self.says("the public access block", &unknown.why));
                }
                value.as_bool()
            }
        };
        let block = match &block {
            TemplateValue::Absent | TemplateValue::Null => None,
            _ => is_on("RestrictPublicBuckets").map(|restricts| PublicBlock {
                restricts,
                // Unknown counts as off: access control lists then let in the public.
                ignores_lists: is_on("IgnorePublicAcls").unwrap_or(false),
            }),
        };
        let controls = self.property("OwnershipControls");
        let ownership = match &controls {
            TemplateValue::Absent | TemplateValue::Null => None,
            controls => {
                let rule =
                    controls.get("Rules").and_then(|rules| rules.elements().into_iter().next());
                let of_rule = rule.and_then(|rule| rule.get("ObjectOwnership"));
                Some(of_rule.and_then(TemplateValue::as_text).map(str::to_owned))
            }
        };
        let Some(arn) = arn else { return };
        let ownership =
            ownership.map(|ownership| StackPiece::Ownership { arn: arn.clone(), ownership });
        let block = block.map(|block| StackPiece::BlockPublic { arn, block });
        pieces.all.extend(block.into_iter().chain(ownership));
    }

    /// A policy that is attached to other resources.
    fn policy(
        &self,
        of: &'static ResourceType,
        names: &[&str],
        document: &str,
        pieces: &mut StackPieces,
    ) {
        let document = self.property(document);
        for name in names {
            for named in self.texts(name, "the target", pieces) {
                match self.arn_of(of, &named) {
                    Some(arn) => {
                        pieces.all.push(StackPiece::Policy { arn, of, document: document.clone() })
                    }
                    None => {
                        pieces.unclear.push(self.says(
                            "the target",
                            "no resource with that name is known in the account",
                        ));
                    }
                }
            }
        }
    }

    /// The ARN of a resource that a property gives by name, URL or ARN.
    fn arn_of(&self, of: &ResourceType, named: &str) -> Option<String> {
        let place = self.side.evaluator.place;
        let partition = &place.partition;
        if named.starts_with("arn:") {
            return Some(named.to_owned());
        }
        match of.service {
            "s3" => Some(format!("arn:{partition}:s3:::{named}")),
            "sqs" => queue_arn(named, partition),
            _ => arns::existing(of, named, place.region.as_deref(), self.side.account?),
        }
    }

    /// A policy that is a property of the resource itself.
    fn inner_policy(&self, property: &str, inner: Option<&str>, pieces: &mut StackPieces) {
        let Some(of) = resource_type(self.resource.kind) else { return };
        let document = match (self.property(property), inner) {
            (TemplateValue::Map(members), Some(inner)) => {
                members.get(inner).cloned().unwrap_or(TemplateValue::Absent)
            }
            (whole, _) => whole,
        };
        if document.is_absent() {
            return;
        }
        let arn = self.known(self.side.entity(self.resource).arn, "the name", pieces);
        pieces.all.extend(arn.map(|arn| StackPiece::Policy { arn, of, document }));
    }

    fn permission(&self, pieces: &mut StackPieces) {
        let what = "the function";
        let Some(named) = self.text("FunctionName", what, pieces) else { return };
        let place = self.side.evaluator.place;
        let arn = match (named.starts_with("arn:"), &place.region) {
            (true, _) => named,
            (false, Some(region)) => {
                let name = named.rsplit_once(":function:").map_or(named.as_str(), |(_, name)| name);
                format!("arn:{}:lambda:{region}:{}:function:{name}", place.partition, place.account)
            }
            (false, None) => {
                pieces.unclear.push(self.says(what, "the Region of its stack is not known"));
                return;
            }
        };
        let id = self.side.entity(self.resource).reference;
        let sid = match &id {
            // The physical id may have the function before it.
            TemplateValue::Text(id) => id.rsplit('|').next().unwrap_or_default().to_owned(),
            _ => Placeholder::new(format!("{}.Id", self.address)).to_string(),
        };
        let parts = PARTS.into_iter().map(|part| (part, self.property(part)));
        let parts = parts.filter(|(_, value)| !value.is_absent()).collect();
        pieces.all.push(StackPiece::Statement { arn, of: &FUNCTION, sid, parts });
    }

    /// A statement of an event bus's policy; of the account's own bus where none is named.
    fn bus_permission(&self, pieces: &mut StackPieces) {
        let what = "the event bus";
        let named = match self.property("EventBusName") {
            TemplateValue::Absent | TemplateValue::Null => "default".to_owned(),
            named => match self.known(named, what, pieces) {
                Some(named) => named,
                None => return,
            },
        };
        let place = self.side.evaluator.place;
        let arn = match (named.starts_with("arn:"), &place.region) {
            (true, _) => named,
            (false, Some(region)) => {
                let (partition, account) = (&place.partition, &place.account);
                format!("arn:{partition}:events:{region}:{account}:event-bus/{named}")
            }
            (false, None) => {
                pieces.unclear.push(self.says(what, "the Region of its stack is not known"));
                return;
            }
        };
        let Some(sid) = self.text("StatementId", "the name of the statement", pieces) else {
            return;
        };
        let parts = ["Action", "Condition", "Principal", "Statement"];
        let parts = parts.into_iter().map(|part| (part, self.property(part)));
        let parts = parts.filter(|(_, value)| !value.is_absent()).collect();
        pieces.all.push(StackPiece::Statement { arn, of: &EVENT_BUS, sid, parts });
    }
}
