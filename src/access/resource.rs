//! Resources with a policy of their own, trust policies of roles apart. All are one type; what differs between
//! buckets, keys, queues and others stands in a row of [`RESOURCE_TYPES`].

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::NamedPolicy;
use crate::iam::eval::rcp_services;
use crate::iam::symbolic::Space;
use crate::ids::{Handle, Partition};

/// What the analysis knows of a type of resource that carries a policy.
///
/// Source: Service Authorization Reference, the pages of each service.
#[derive(Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// Its CloudFormation name, which is what people search for.
    pub name: &'static str,
    /// Resources of it, as reports call them.
    pub plural: &'static str,
    /// The name space of its ARNs and the prefix of its actions.
    pub service: &'static str,
    /// What its ARN's last part starts with, where other types of the service have ARNs of their own.
    pub resource: &'static str,
    /// What separates its ARN from those of what lies in it (`/` before an object's key).
    pub contents: Option<&'static str>,
    /// Actions that change its policy, or what the policy is worth.
    pub policy_actions: &'static [&'static str],
    /// Those of them by which somebody lets others in.
    pub letting_in: &'static [&'static str],
    /// Actions that carry data into it.
    pub writes: &'static [&'static str],
    /// Actions that carry data out of it.
    pub reads: &'static [&'static str],
    /// Whether identities of its own account need its policy's permission beside their own. Judged by
    /// [`crate::iam::evaluate`]; here for readers, and kept equal by a test.
    pub policy_required: bool,
    /// The policy that AWS gives to a new resource; `None` if it has none.
    pub policy_by_default: Option<DefaultPolicy>,
    /// What else lets others into it, beside its policy, that no source reads; as reports list it.
    pub also_opened_by: Option<&'static str>,
    /// Actions, in lower case, that its service refuses to identities of other accounts, whatever policies say.
    pub of_the_owner: &'static [&'static str],
    /// Actions that change what it runs and that its policy permits to other accounts, as AWS says.
    pub code_for_others: &'static [&'static str],
    /// The condition key by which every request for it tells the account that it is in.
    pub owner_key: Option<&'static str>,
    /// The condition key, in lower case, by which every request for it tells the account that calls.
    pub caller_key: Option<&'static str>,
    /// The family of condition keys that hold its tags, beside `aws:ResourceTag`.
    pub tag_keys: Option<&'static str>,
    /// What the Service Authorization Reference calls it and what lies in it, where actions on the one never act on the
    /// other.
    pub levels: Option<(&'static str, &'static str)>,
    /// What reading and writing takes of the key under which it encrypts.
    pub key_actions: Option<(&'static str, &'static str)>,
    /// The AWS managed key that encrypts by default, which other accounts cannot use.
    pub own_key: Option<&'static str>,
    /// The only actions that its service answers without a signature; empty where that does not depend on the action.
    pub unsigned_actions: &'static [&'static str],
    /// Condition keys, in lower case, that tell of a request's signature: those that nobody signed lack them.
    pub signature_keys: &'static [&'static str],
}

/// The policy that AWS gives to a new resource.
#[derive(Debug, PartialEq, Eq)]
pub struct DefaultPolicy {
    /// The actions that it permits.
    pub actions: &'static [&'static str],
    /// The condition key that limits it to the identities of the account. `None` if it names the account instead, whose identities
    /// then need policies of their own.
    pub caller: Option<&'static str>,
}

impl DefaultPolicy {
    /// Its document for a resource of an account.
    #[must_use]
    pub fn document(&self, partition: Partition, account: &str) -> Json {
        let statement = match self.caller {
            None => json!({
                "Effect": "Allow", "Principal": {"AWS": format!("arn:{partition}:iam::{account}:root")},
                "Action": self.actions, "Resource": "*",
            }),
            Some(key) => json!({
                "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": self.actions, "Resource": "*",
                "Condition": {"StringEquals": {key: account}},
            }),
        };
        json!({"Version": "2012-10-17", "Statement": [statement]})
    }
}

impl ResourceType {
    /// A type of which nothing is said but what every row says.
    const PLAIN: Self = Self {
        name: "",
        plural: "",
        service: "",
        resource: "",
        contents: None,
        policy_actions: &[],
        letting_in: &[],
        writes: &[],
        reads: &[],
        policy_required: false,
        policy_by_default: None,
        also_opened_by: None,
        of_the_owner: &[],
        code_for_others: &[],
        owner_key: None,
        caller_key: None,
        tag_keys: None,
        levels: None,
        key_actions: None,
        own_key: None,
        unsigned_actions: &[],
        signature_keys: &[],
    };
}

/// S3 general purpose buckets. Only identities of the bucket's own account may change its policy
/// (S3 API Reference, `PutBucketPolicy`): others get 405, whatever policies say.
pub static BUCKET: ResourceType = ResourceType {
    name: "AWS::S3::Bucket",
    plural: "buckets",
    service: "s3",
    resource: "",
    contents: Some("/"),
    policy_actions: &[
        "s3:DeleteBucketPolicy",
        "s3:PutBucketAcl",
        "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
    ],
    letting_in: &["s3:PutBucketPolicy"],
    writes: &["s3:PutObject"],
    reads: &["s3:GetObject"],
    also_opened_by: Some("access control lists of buckets and objects"),
    // S3 API Reference, `PutBucketPolicy`, `GetBucketPolicy`, `DeleteBucketPolicy` (405).
    of_the_owner: &["s3:deletebucketpolicy", "s3:getbucketpolicy", "s3:putbucketpolicy"],
    // Service Authorization Reference, "Condition keys for Amazon S3": the owner of what is asked for.
    owner_key: Some("s3:ResourceAccount"),
    tag_keys: Some("s3:BucketTag"),
    levels: Some(("bucket", "object")),
    // S3 User Guide, "Using server-side encryption with AWS KMS keys".
    key_actions: Some(("kms:Decrypt", "kms:GenerateDataKey")),
    // S3 API Reference, "Amazon S3 Signature Version 4 Authentication Specific Policy Keys": those of authenticated requests.
    // What `s3:authType` is for a form that nobody signed is not said.
    signature_keys: &["s3:signatureage", "s3:signatureversion"],
    ..ResourceType::PLAIN
};

/// KMS keys: "no AWS principal has any permissions to a KMS key unless that permission is provided explicitly"
/// (KMS Developer Guide, "Key policies in AWS KMS").
pub static KEY: ResourceType = ResourceType {
    name: "AWS::KMS::Key",
    plural: "KMS keys",
    service: "kms",
    resource: "key/",
    policy_actions: &["kms:CreateGrant", "kms:PutKeyPolicy"],
    writes: &["kms:Encrypt", "kms:GenerateDataKey"],
    reads: &["kms:Decrypt"],
    policy_required: true,
    // KMS Developer Guide, "Default key policy".
    policy_by_default: Some(DefaultPolicy { actions: &["kms:*"], caller: None }),
    also_opened_by: Some("grants of KMS keys"),
    // KMS API Reference, the operations that say "Cross-account use: No".
    of_the_owner: &[
        "kms:cancelkeydeletion",
        "kms:createalias",
        "kms:deletealias",
        "kms:deleteimportedkeymaterial",
        "kms:disablekey",
        "kms:disablekeyrotation",
        "kms:enablekey",
        "kms:enablekeyrotation",
        "kms:getkeylastusage",
        "kms:getkeypolicy",
        "kms:getparametersforimport",
        "kms:importkeymaterial",
        "kms:listkeypolicies",
        "kms:listkeyrotations",
        "kms:listresourcetags",
        "kms:putkeypolicy",
        "kms:replicatekey",
        "kms:rotatekeyondemand",
        "kms:schedulekeydeletion",
        "kms:tagresource",
        "kms:untagresource",
        "kms:updatealias",
        "kms:updatekeydescription",
        "kms:updateprimaryregion",
    ],
    // KMS Developer Guide, "AWS KMS condition keys", `kms:CallerAccount`.
    caller_key: Some("kms:calleraccount"),
    ..ResourceType::PLAIN
};

/// SQS queues.
pub static QUEUE: ResourceType = ResourceType {
    name: "AWS::SQS::Queue",
    plural: "SQS queues",
    service: "sqs",
    resource: "",
    policy_actions: &["sqs:AddPermission", "sqs:RemovePermission", "sqs:SetQueueAttributes"],
    writes: &["sqs:SendMessage"],
    reads: &["sqs:ReceiveMessage"],
    // SQS Developer Guide, "Limitations of Amazon SQS custom policies".
    of_the_owner: &[
        "sqs:addpermission",
        "sqs:cancelmessagemovetask",
        "sqs:createqueue",
        "sqs:deletequeue",
        "sqs:listmessagemovetasks",
        "sqs:listqueues",
        "sqs:listqueuetags",
        "sqs:removepermission",
        "sqs:setqueueattributes",
        "sqs:startmessagemovetask",
        "sqs:tagqueue",
        "sqs:untagqueue",
    ],
    ..ResourceType::PLAIN
};

/// Secrets of Secrets Manager.
pub static SECRET: ResourceType = ResourceType {
    name: "AWS::SecretsManager::Secret",
    plural: "secrets",
    service: "secretsmanager",
    resource: "secret:",
    policy_actions: &["secretsmanager:DeleteResourcePolicy", "secretsmanager:PutResourcePolicy"],
    writes: &["secretsmanager:PutSecretValue"],
    reads: &["secretsmanager:GetSecretValue"],
    // Secrets Manager User Guide, "Secret encryption and decryption in AWS Secrets Manager", "Access AWS Secrets Manager secrets
    // from a different account".
    key_actions: Some(("kms:Decrypt", "kms:GenerateDataKey")),
    own_key: Some("aws/secretsmanager"),
    ..ResourceType::PLAIN
};

/// SNS topics. Everybody's default is a policy that lets in whom `aws:SourceOwner` calls the owner: it tells the account
/// that calls (SNS Developer Guide, "Example cases for Amazon SNS access control", "`aws:SourceAccount` versus
/// `aws:SourceOwner`").
pub static TOPIC: ResourceType = ResourceType {
    name: "AWS::SNS::Topic",
    plural: "SNS topics",
    service: "sns",
    resource: "",
    policy_actions: &["sns:AddPermission", "sns:RemovePermission", "sns:SetTopicAttributes"],
    writes: &["sns:Publish"],
    reads: &["sns:Subscribe"],
    // SNS Developer Guide, "Amazon SNS API permissions: Actions and resources reference", "Valid Amazon SNS policy
    // actions": a topic's policy cannot name these.
    of_the_owner: &[
        "sns:createtopic",
        "sns:listtopics",
        "sns:tagresource",
        "sns:unsubscribe",
        "sns:untagresource",
    ],
    // SNS Developer Guide, "Example cases for Amazon SNS access control": the policy of a topic that was created without one.
    policy_by_default: Some(DefaultPolicy {
        actions: &[
            "sns:AddPermission",
            "sns:DeleteTopic",
            "sns:GetTopicAttributes",
            "sns:ListSubscriptionsByTopic",
            "sns:Publish",
            "sns:RemovePermission",
            "sns:SetTopicAttributes",
            "sns:Subscribe",
        ],
        caller: Some("AWS:SourceOwner"),
    }),
    caller_key: Some("aws:sourceowner"),
    ..ResourceType::PLAIN
};

/// Lambda functions; their versions and aliases have policies of their own. Of unsigned requests only those to a function's URL are answered,
/// and only where its authorization is `NONE` (Lambda Developer Guide, "Control access to Lambda function URLs").
pub static FUNCTION: ResourceType = ResourceType {
    name: "AWS::Lambda::Function",
    plural: "Lambda functions",
    service: "lambda",
    resource: "function:",
    policy_actions: &["lambda:AddPermission", "lambda:RemovePermission"],
    writes: &["lambda:InvokeFunction", "lambda:UpdateFunctionCode"],
    reads: &["lambda:GetFunction", "lambda:InvokeFunction"],
    // Lambda Developer Guide, "Granting Lambda function access to other accounts"; of `UpdateFunctionConfiguration` it says
    // neither.
    code_for_others: &["lambda:UpdateFunctionCode"],
    unsigned_actions: &["lambda:InvokeFunctionUrl"],
    ..ResourceType::PLAIN
};

/// DynamoDB tables, with their indexes and streams.
pub static TABLE: ResourceType = ResourceType {
    name: "AWS::DynamoDB::Table",
    plural: "DynamoDB tables",
    service: "dynamodb",
    resource: "table/",
    contents: Some("/"),
    policy_actions: &["dynamodb:DeleteResourcePolicy", "dynamodb:PutResourcePolicy"],
    writes: &["dynamodb:BatchWriteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
    reads: &[
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:GetRecords",
        "dynamodb:Query",
        "dynamodb:Scan",
    ],
    // DynamoDB Developer Guide, "DynamoDB API operations supported by resource-based policies", the column on
    // cross-account support.
    of_the_owner: &[
        "dynamodb:createbackup",
        "dynamodb:createglobaltable",
        "dynamodb:createtable",
        "dynamodb:createtablereplica",
        "dynamodb:deleteresourcepolicy",
        "dynamodb:deletetablereplica",
        "dynamodb:describecontinuousbackups",
        "dynamodb:describecontributorinsights",
        "dynamodb:describekinesisstreamingdestination",
        "dynamodb:describetablereplicaautoscaling",
        "dynamodb:describetimetolive",
        "dynamodb:disablekinesisstreamingdestination",
        "dynamodb:enablekinesisstreamingdestination",
        "dynamodb:exporttabletopointintime",
        "dynamodb:getresourcepolicy",
        "dynamodb:importtable",
        "dynamodb:partiqldelete",
        "dynamodb:partiqlinsert",
        "dynamodb:partiqlselect",
        "dynamodb:partiqlupdate",
        "dynamodb:putresourcepolicy",
        "dynamodb:restoretabletopointintime",
        "dynamodb:updatecontinuousbackups",
        "dynamodb:updatecontributorinsights",
        "dynamodb:updateglobaltable",
        "dynamodb:updatekinesisstreamingdestination",
        "dynamodb:updatetablereplicaautoscaling",
        "dynamodb:updatetimetolive",
    ],
    ..ResourceType::PLAIN
};

/// Repositories of ECR.
pub static REPOSITORY: ResourceType = ResourceType {
    name: "AWS::ECR::Repository",
    plural: "ECR repositories",
    service: "ecr",
    resource: "repository/",
    policy_actions: &["ecr:DeleteRepositoryPolicy", "ecr:SetRepositoryPolicy"],
    writes: &["ecr:PutImage"],
    reads: &["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    also_opened_by: Some("registry policies of ECR"),
    ..ResourceType::PLAIN
};

/// Data streams of Kinesis. Their consumers have policies of their own.
pub static STREAM: ResourceType = ResourceType {
    name: "AWS::Kinesis::Stream",
    plural: "Kinesis streams",
    service: "kinesis",
    resource: "stream/",
    policy_actions: &["kinesis:DeleteResourcePolicy", "kinesis:PutResourcePolicy"],
    writes: &["kinesis:PutRecord", "kinesis:PutRecords"],
    reads: &["kinesis:GetRecords", "kinesis:SubscribeToShard"],
    // Kinesis API Reference, `PutResourcePolicy`, `DeleteResourcePolicy`, `GetResourcePolicy`: the caller has to "belong to
    // the owner's account".
    of_the_owner: &[
        "kinesis:deleteresourcepolicy",
        "kinesis:getresourcepolicy",
        "kinesis:putresourcepolicy",
    ],
    ..ResourceType::PLAIN
};

/// Event buses of EventBridge. Events leave a bus through rules, which have ARNs of their own.
pub static EVENT_BUS: ResourceType = ResourceType {
    name: "AWS::Events::EventBus",
    plural: "event buses",
    service: "events",
    resource: "event-bus/",
    policy_actions: &["events:PutPermission", "events:RemovePermission"],
    writes: &["events:PutEvents"],
    ..ResourceType::PLAIN
};

/// Vaults of AWS Backup. Recovery points in them have ARNs of the services that they come from.
pub static BACKUP_VAULT: ResourceType = ResourceType {
    name: "AWS::Backup::BackupVault",
    plural: "backup vaults",
    service: "backup",
    resource: "backup-vault:",
    policy_actions: &["backup:DeleteBackupVaultAccessPolicy", "backup:PutBackupVaultAccessPolicy"],
    writes: &["backup:CopyIntoBackupVault"],
    ..ResourceType::PLAIN
};

/// Certificate authorities of AWS Private CA.
pub static CERTIFICATE_AUTHORITY: ResourceType = ResourceType {
    name: "AWS::ACMPCA::CertificateAuthority",
    plural: "certificate authorities",
    service: "acm-pca",
    resource: "certificate-authority/",
    policy_actions: &["acm-pca:DeletePolicy", "acm-pca:PutPolicy"],
    writes: &["acm-pca:IssueCertificate"],
    reads: &["acm-pca:GetCertificate"],
    ..ResourceType::PLAIN
};

/// Destinations to which other accounts send logs (CloudWatch Logs User Guide, "Cross-account cross-Region log data
/// sharing using subscriptions").
pub static LOG_DESTINATION: ResourceType = ResourceType {
    name: "AWS::Logs::Destination",
    plural: "log destinations",
    service: "logs",
    resource: "destination:",
    policy_actions: &["logs:PutDestinationPolicy"],
    writes: &["logs:PutSubscriptionFilter"],
    ..ResourceType::PLAIN
};

/// What the state lies in, where it lies in AWS.
pub static STATE_STORE: &ResourceType = &BUCKET;

/// Every type that the analysis can judge. A source need not know all of them.
pub static RESOURCE_TYPES: [&ResourceType; 13] = [
    &BACKUP_VAULT,
    &BUCKET,
    &CERTIFICATE_AUTHORITY,
    &EVENT_BUS,
    &FUNCTION,
    &KEY,
    &LOG_DESTINATION,
    &QUEUE,
    &REPOSITORY,
    &SECRET,
    &STREAM,
    &TABLE,
    &TOPIC,
];

/// A type of resource that can carry a policy of its own, whether the analysis can judge that or not.
#[derive(Debug, PartialEq, Eq)]
pub struct PolicyBearing {
    /// Its CloudFormation name; that of what it belongs to, and what it is, where CloudFormation has no type of its own for it.
    pub name: &'static str,
    /// The prefix of the actions that its policy speaks of.
    pub service: &'static str,
    /// Whether the service answers unsigned requests where the policy permits them.
    pub takes_unsigned: bool,
}

const fn signed(name: &'static str, service: &'static str) -> PolicyBearing {
    PolicyBearing { name, service, takes_unsigned: false }
}

const fn unsigned(name: &'static str, service: &'static str) -> PolicyBearing {
    PolicyBearing { name, service, takes_unsigned: true }
}

/// Types that let others in by a policy of their own, those that hold data or power most often first: rows show the first ones by name.
/// Versions and aliases of functions come last, whose policies say little beside those of the functions.
///
/// Source: IAM User Guide, "AWS services that work with IAM", the column on resource-based policies; whether
/// unsigned requests are answered, by each service's own guide (SQS: "Anonymous", API Gateway and Lambda
/// function URLs: authorization `NONE`, EFS: "anonymous access", OpenSearch: "open" domains).
pub static POLICY_BEARING_TYPES: [PolicyBearing; 31] = [
    signed("AWS::KMS::Key", "kms"),
    signed("AWS::SecretsManager::Secret", "secretsmanager"),
    unsigned("AWS::SQS::Queue", "sqs"),
    unsigned("AWS::SNS::Topic", "sns"),
    unsigned("AWS::Lambda::Function", "lambda"),
    signed("AWS::DynamoDB::Table", "dynamodb"),
    unsigned("AWS::S3::Bucket", "s3"),
    signed("AWS::ECR::Repository", "ecr"),
    unsigned("AWS::S3::AccessPoint", "s3"),
    signed("AWS::Events::EventBus", "events"),
    signed("AWS::Backup::BackupVault", "backup"),
    unsigned("AWS::ApiGateway::RestApi", "execute-api"),
    unsigned("AWS::EFS::FileSystem", "elasticfilesystem"),
    unsigned("AWS::OpenSearchService::Domain", "es"),
    signed("AWS::Kinesis::Stream", "kinesis"),
    signed("AWS::Glue::Database", "glue"),
    signed("AWS::CodeArtifact::Repository", "codeartifact"),
    signed("AWS::S3Express::DirectoryBucket", "s3express"),
    signed("AWS::Logs::Destination", "logs"),
    signed("AWS::ACMPCA::CertificateAuthority", "acm-pca"),
    signed("AWS::CloudTrail::EventDataStore", "cloudtrail"),
    signed("AWS::CodeBuild::Project", "codebuild"),
    signed("AWS::EventSchemas::Registry", "schemas"),
    signed("AWS::RedshiftServerless::Namespace", "redshift-serverless"),
    signed("AWS::SES::EmailIdentity", "ses"),
    signed("AWS::SSM::Parameter", "ssm"),
    signed("AWS::SSMIncidents::ResponsePlan", "ssm-incidents"),
    unsigned("AWS::VpcLattice::Service", "vpc-lattice-svcs"),
    signed("AWS::DynamoDB::Table stream", "dynamodb"),
    unsigned("AWS::Lambda::Alias", "lambda"),
    unsigned("AWS::Lambda::Version", "lambda"),
];

impl ResourceType {
    /// The type of the resource that an ARN names, or in which that lies.
    #[must_use]
    pub fn of_arn(arn: &str) -> Option<&'static Self> {
        let mut parts = arn.splitn(6, ':');
        let (service, rest) = (parts.nth(2)?, parts.nth(2)?);
        RESOURCE_TYPES.into_iter().find(|t| t.service == service && rest.starts_with(t.resource))
    }

    /// The type of that CloudFormation name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        RESOURCE_TYPES.into_iter().find(|t| t.name == name)
    }

    /// The type whose resources carry the policies of a service, named by its ARN name space.
    #[must_use]
    pub fn of_service(service: &str) -> Option<&'static Self> {
        RESOURCE_TYPES.into_iter().find(|t| t.service == service)
    }

    /// The ARN of the resource of that name, for a type whose ARNs hold neither a region nor an account.
    #[must_use]
    pub fn global_arn(&self, partition: Partition, name: &str) -> String {
        format!("arn:{partition}:{}:::{}{name}", self.service, self.resource)
    }

    /// Whether its service answers unsigned requests where the policy permits them.
    #[must_use]
    pub fn takes_unsigned(&self) -> bool {
        POLICY_BEARING_TYPES
            .iter()
            .any(|bearing| bearing.name == self.name && bearing.takes_unsigned)
    }

    /// Whether resource control policies bear on it.
    #[must_use]
    pub fn is_under_resource_control(&self) -> bool {
        rcp_services().contains(self.service)
    }

    /// The actions that a policy of such a resource can speak of.
    #[must_use]
    pub fn actions(&self) -> Space {
        Space::Below(format!("{}:", self.service))
    }

    /// The ARNs that a policy of such a resource can speak of: its own, and those of what lies in it.
    #[must_use]
    pub fn spaces(&self, arn: &str) -> Vec<Space> {
        let contents = self.contents.map(|separator| Space::Below(format!("{arn}{separator}")));
        std::iter::once(Space::One(arn.to_owned())).chain(contents).collect()
    }

    /// The resource in which the named one lies: the bucket of an object; itself where nothing lies in anything.
    #[must_use]
    pub fn holder<'a>(&self, arn: &'a str) -> &'a str {
        self.contents.and_then(|separator| arn.split(separator).next()).unwrap_or(arn)
    }
}

/// What is known of a resource's policy.
#[derive(Clone, Debug, Default)]
pub enum ResourcePolicy {
    /// It has none.
    #[default]
    Absent,
    /// It has one that could not be read as a policy: whom that lets in is not known.
    Unreadable,
    /// It has this one.
    Document(NamedPolicy),
}

/// What policies see of a resource's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ResourceTags {
    /// It is not known what tags it has, or whether they count.
    #[default]
    Unknown,
    /// None: its service does not show them to policies.
    Hidden,
    /// These and no others, each with its value where that is known.
    Known(BTreeMap<String, Option<String>>),
}

/// What is known of the access control lists of a bucket and its objects, which grant access in addition to its policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLists {
    /// They grant nothing: they are turned off, or the service has none.
    #[default]
    Off,
    /// They may grant access to accounts. Public grants are ignored.
    NamedAccounts,
    /// They may grant access to anybody.
    Anybody,
}

impl AccessLists {
    /// The value of Object Ownership that turns access control lists off, which a new bucket has (S3 User Guide, "Controlling
    /// ownership of objects and disabling ACLs for your bucket").
    pub const OWNER_ENFORCED: &'static str = "BucketOwnerEnforced";

    /// What follows from the Object Ownership of a bucket, if known, and from whether the bucket or its account ignores public
    /// lists (S3 User Guide, "Blocking public access to your Amazon S3 storage", `IgnorePublicAcls`).
    #[must_use]
    pub fn of(ownership: Option<&str>, ignores_public: bool) -> Self {
        match (ownership, ignores_public) {
            (Some(Self::OWNER_ENFORCED), _) => Self::Off,
            (_, true) => Self::NamedAccounts,
            (_, false) => Self::Anybody,
        }
    }
}

/// A resource that can have a policy of its own.
#[derive(Clone, Debug)]
pub struct ResourceNode {
    /// What it is.
    pub kind: &'static ResourceType,
    /// Its ARN.
    pub arn: String,
    /// Its account.
    pub account: Handle,
    /// How reports call it: an address, or kind and key when unmanaged.
    pub label: String,
    /// Where it is declared.
    pub location: Option<String>,
    /// Its policy.
    pub policy: ResourcePolicy,
    /// Whether public policies are cut down to the account (`RestrictPublicBuckets` of S3).
    pub restrict_public: bool,
    /// Its access control lists, which no source reads.
    pub access_lists: AccessLists,
    /// The KMS key under which it encrypts by default.
    pub key: Option<String>,
    /// Its tags, by which policies may tell it from others.
    pub tags: ResourceTags,
}

impl ResourceNode {
    /// Its policy, where it has one that could be read.
    #[must_use]
    pub fn document(&self) -> Option<&NamedPolicy> {
        match &self.policy {
            ResourcePolicy::Document(policy) => Some(policy),
            ResourcePolicy::Absent | ResourcePolicy::Unreadable => None,
        }
    }

    /// Whether it has a policy that could not be read.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(self.policy, ResourcePolicy::Unreadable)
    }

    /// Whether it has a policy, readable or not.
    #[must_use]
    pub fn has_policy(&self) -> bool {
        !matches!(self.policy, ResourcePolicy::Absent)
    }
}
