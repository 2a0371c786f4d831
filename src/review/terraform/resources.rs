//! Buckets, queues, keys and other resources with their policies.

use serde_json::Value as Json;

use super::function_permissions;
use super::overlay::Work;
use super::plan::Change;
use crate::access::{
    BACKUP_VAULT, BUCKET, CERTIFICATE_AUTHORITY, EVENT_BUS, FUNCTION, KEY, LOG_DESTINATION, QUEUE,
    REPOSITORY, ResourceType, SECRET, STREAM, TABLE, TOPIC, queue_arn,
};
use crate::review::arns;
use crate::review::change_set::{ApplyNotes, ApplyStep, NotJudged};
use crate::review::edit::{AccountEdit, PublicBlock, stale};
use crate::review::{AccountSnapshot, Resource};

/// A resource type that is in the model.
struct Row {
    /// Terraform's type.
    kind: &'static str,
    /// What it is, or what it belongs to.
    of: &'static ResourceType,
    /// The argument that names what it belongs to; empty for the resource itself.
    names: &'static str,
}

const ROWS: [Row; 27] = [
    Row { kind: "aws_s3_bucket", of: &BUCKET, names: "" },
    Row { kind: "aws_s3_bucket_policy", of: &BUCKET, names: "bucket" },
    Row { kind: "aws_s3_bucket_public_access_block", of: &BUCKET, names: "bucket" },
    Row { kind: OWNERSHIP_CONTROLS, of: &BUCKET, names: "bucket" },
    Row { kind: "aws_sqs_queue", of: &QUEUE, names: "" },
    Row { kind: "aws_sqs_queue_policy", of: &QUEUE, names: "queue_url" },
    Row { kind: "aws_kms_key", of: &KEY, names: "" },
    Row { kind: "aws_kms_key_policy", of: &KEY, names: "key_id" },
    Row { kind: "aws_secretsmanager_secret", of: &SECRET, names: "" },
    Row { kind: "aws_secretsmanager_secret_policy", of: &SECRET, names: "secret_arn" },
    Row { kind: "aws_sns_topic", of: &TOPIC, names: "" },
    Row { kind: "aws_sns_topic_policy", of: &TOPIC, names: "arn" },
    Row { kind: "aws_dynamodb_table", of: &TABLE, names: "" },
    Row { kind: "aws_dynamodb_resource_policy", of: &TABLE, names: "resource_arn" },
    Row { kind: "aws_ecr_repository", of: &REPOSITORY, names: "" },
    Row { kind: "aws_ecr_repository_policy", of: &REPOSITORY, names: "repository" },
    Row { kind: "aws_kinesis_stream", of: &STREAM, names: "" },
    Row { kind: "aws_kinesis_resource_policy", of: &STREAM, names: "resource_arn" },
    Row { kind: "aws_lambda_function", of: &FUNCTION, names: "" },
    Row { kind: "aws_kms_external_key", of: &KEY, names: "" },
    Row { kind: "aws_kms_replica_key", of: &KEY, names: "" },
    Row { kind: "aws_kms_replica_external_key", of: &KEY, names: "" },
    Row { kind: "aws_acmpca_certificate_authority", of: &CERTIFICATE_AUTHORITY, names: "" },
    Row { kind: "aws_acmpca_policy", of: &CERTIFICATE_AUTHORITY, names: "resource_arn" },
    Row { kind: "aws_backup_vault_policy", of: &BACKUP_VAULT, names: "backup_vault_name" },
    Row { kind: "aws_cloudwatch_event_bus_policy", of: &EVENT_BUS, names: "event_bus_name" },
    Row { kind: LOG_POLICY, of: &LOG_DESTINATION, names: "destination_name" },
];

const LOG_POLICY: &str = "aws_cloudwatch_log_destination_policy";

impl Row {
    /// The argument that holds the policy.
    fn policy(&self) -> &'static str {
        if self.kind == LOG_POLICY { "access_policy" } else { "policy" }
    }
}

/// The resource type that a policy is attached to, and the argument with the resource's name, for policies that name their
/// resource by its name in the account.
pub(super) fn put_on_by_name(kind: &str) -> Option<(&'static ResourceType, &'static str)> {
    let row = ROWS.iter().find(|row| row.kind == kind && !row.names.is_empty())?;
    let by_name = ["backup", "ecr", "events", "kms", "logs"].contains(&row.of.service);
    by_name.then_some((row.of, row.names))
}

/// The type that sets the Object Ownership of a bucket.
const OWNERSHIP_CONTROLS: &str = "aws_s3_bucket_ownership_controls";

/// The service of what a type stands for, and its name's argument, where its ARN follows from its name, its Region
/// and its account.
pub(super) fn named_by(kind: &str) -> Option<(&'static ResourceType, &'static str)> {
    let row = ROWS.iter().find(|row| row.kind == kind && row.names.is_empty())?;
    match row.of.service {
        "lambda" => Some((row.of, "function_name")),
        "acm-pca" => Some((row.of, "id")),
        "dynamodb" | "ecr" | "kinesis" | "sns" | "sqs" => Some((row.of, "name")),
        _ => None,
    }
}

fn row(change: &Change) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.kind == change.r#type)
}

/// The account of what a policy or a permission is put on, where it is named by its ARN.
pub(super) fn account_of_holder(change: &Change) -> Option<String> {
    let attr = match row(change) {
        Some(row) if !row.names.is_empty() => row.names,
        None if change.r#type == function_permissions::PERMISSION => function_permissions::NAMES,
        _ => return None,
    };
    let holder = change.either(attr).filter(|named| named.starts_with("arn:"))?;
    let id = holder.split(':').nth(4)?;
    id.parse::<crate::ids::AccountId>().ok().map(|id| id.to_string())
}

/// The ARN of what a change is about, before it; `None` where that does not stand.
fn arn_before(row: &Row, change: &Change, account: &AccountSnapshot) -> Option<String> {
    let attr = match (row.names, row.of.service) {
        ("", "s3") => "bucket",
        ("", _) => return change.before("arn").map(str::to_owned),
        (names, _) => names,
    };
    arn_of(row, change.before(attr)?, change.either("region"), account)
}

/// The ARN of a resource that an argument gives by name, id, URL or ARN.
fn arn_of(
    row: &Row,
    named: &str,
    region: Option<&str>,
    account: &AccountSnapshot,
) -> Option<String> {
    if named.starts_with("arn:") {
        return Some(named.to_owned());
    }
    match row.of.service {
        "s3" => Some(format!("arn:{}:s3:::{named}", account.partition)),
        "sqs" => queue_arn(named, account.partition.as_str()),
        "kms" | "ecr" => arns::existing(row.of, named, region, account),
        // With a Region the ARN follows from the name; otherwise the account must have exactly one of that name.
        service @ ("backup" | "events" | "logs") => match region {
            Some(region) => Some(format!(
                "arn:{}:{service}:{region}:{}:{}{named}",
                account.partition, account.id, row.of.resource
            )),
            None => arns::existing(row.of, named, None, account),
        },
        _ => None,
    }
}

/// Labels the existing resource of a change, and adds it if only the plan knows it.
pub(super) fn prepare(change: &Change, account: &mut AccountSnapshot) {
    let Some(row) = row(change) else { return };
    let Some(arn) = arn_before(row, change, account) else { return };
    let policy = change.policy_before(row.policy());
    let is_policy = row.names.is_empty() || row.kind.ends_with("_policy");
    let is_block = row.kind == "aws_s3_bucket_public_access_block";
    let set = |name: &str| is_block && flag(&change.change.before, name);
    let policy_by_default = policy.clone().filter(|_| is_policy);
    let resource = account.resources.entry(arn).or_insert_with(|| Resource {
        policy: policy_by_default,
        restrict_public: set("restrict_public_buckets"),
        ownership: ownership(row, &change.change.before),
        ignores_public_lists: set("ignore_public_acls"),
        ..Resource::new(row.of)
    });
    if resource.label.is_empty() || is_policy {
        resource.label.clone_from(&change.address);
    }
    // A resource's own attribute may be a reading from before the plan; the separate resource is the wish.
    let saw = policy.filter(|_| row.kind.ends_with("_policy"));
    if saw.is_some_and(|saw| resource.policy.as_ref().is_none_or(|policy| !policy.agrees(&saw))) {
        account.mark_unread(stale(&change.address));
    }
}

/// The Object Ownership that a change sets.
fn ownership(row: &Row, side: &Json) -> Option<String> {
    let rule = side.get("rule").filter(|_| row.kind == OWNERSHIP_CONTROLS)?.get(0)?;
    rule.get("object_ownership")?.as_str().map(str::to_owned)
}

fn flag(side: &Json, attr: &str) -> bool {
    side.get(attr).and_then(Json::as_bool).unwrap_or(false)
}

/// Carries one step of one change out.
pub(super) fn take(
    work: &Work<'_>,
    step: ApplyStep,
    change: &Change,
    account: &mut AccountSnapshot,
    notes: &mut ApplyNotes,
) {
    if change.r#type == "aws_s3_account_public_access_block" {
        match step {
            ApplyStep::Remove if change.removes() => {
                account.restrict_public = false;
                account.ignores_public_lists = false;
            }
            ApplyStep::Hold if change.writes() => {
                account.restrict_public = flag(&change.change.after, "restrict_public_buckets");
                account.ignores_public_lists = flag(&change.change.after, "ignore_public_acls");
            }
            _ => {}
        }
        return;
    }
    let Some(row) = row(change) else { return };
    match step {
        ApplyStep::Remove if change.removes() => {
            let Some(arn) = arn_before(row, change, account) else { return };
            let edit = match row.names {
                "" => AccountEdit::DropResource { arn },
                _ if row.kind.ends_with("_policy") => AccountEdit::DropResourcePolicy { arn },
                _ if !account.resources.contains_key(&arn) => return,
                _ => setting(row, change, &Json::Null, arn),
            };
            edit.carry_out(account, notes);
        }
        ApplyStep::Hold if change.writes() && row.names.is_empty() => {
            hold(work, row, change, account, notes)
        }
        ApplyStep::Fill if change.writes() && !row.names.is_empty() => {
            fill(work, row, change, account, notes)
        }
        _ => {}
    }
}

fn hold(
    work: &Work<'_>,
    row: &Row,
    change: &Change,
    account: &mut AccountSnapshot,
    notes: &mut ApplyNotes,
) {
    let Some(entity) = work.entity(change).cloned() else { return };
    let is_new = change.does("create");
    let (arn, label) = (entity.arn, change.address.clone());
    // What a state holds may be older than the defaults of a new one.
    let has_defaults = is_new && !work.is_a_state();
    AccountEdit::PutResource { arn: arn.clone(), of: row.of, label, is_new: has_defaults }
        .carry_out(account, notes);
    // Unless the configuration sets it, the attribute is a reading of what a separate resource puts there.
    if work.accounts.is_set(change, row.policy()) && (is_new || change.differs(row.policy())) {
        put_policy(work, row, change, arn, false).carry_out(account, notes);
    }
}

fn put_policy(
    work: &Work<'_>,
    row: &Row,
    change: &Change,
    arn: String,
    relabel: bool,
) -> AccountEdit {
    let policy = work.policy(change, row.policy());
    AccountEdit::PutResourcePolicy {
        arn,
        of: row.of,
        label: change.address.clone(),
        policy,
        relabel,
    }
}

/// The edit of a bucket's setting for one side of a change.
fn setting(row: &Row, change: &Change, side: &Json, arn: String) -> AccountEdit {
    let (of, label) = (row.of, change.address.clone());
    if row.kind == OWNERSHIP_CONTROLS {
        return AccountEdit::SetOwnership { arn, of, label, ownership: ownership(row, side) };
    }
    let block = PublicBlock {
        restricts: flag(side, "restrict_public_buckets"),
        ignores_lists: flag(side, "ignore_public_acls"),
    };
    AccountEdit::BlockPublic { arn, of, label, block }
}

fn fill(
    work: &Work<'_>,
    row: &Row,
    change: &Change,
    account: &mut AccountSnapshot,
    notes: &mut ApplyNotes,
) {
    let region = work.accounts.region(change);
    let by_name =
        change.after(row.names).and_then(|named| arn_of(row, named, region.as_deref(), account));
    let arn = by_name.or_else(|| work.named(change, row.names).map(|entity| entity.arn));
    let Some(arn) = arn.filter(|arn| arn.starts_with("arn:")) else {
        let why = format!("what `{}` is put on is known after apply", change.address);
        notes.not_judged.push(NotJudged { account: Some(account.id.clone()), why });
        return;
    };
    let edit = match row.kind.ends_with("_policy") {
        true if change.does("create") || change.differs(row.policy()) => {
            put_policy(work, row, change, arn, true)
        }
        true => return,
        false => setting(row, change, &change.change.after, arn),
    };
    edit.carry_out(account, notes);
}
