//! What the policy of the state's bucket keeps people from: records that anyone with write access could remove,
//! overwrite or give in another's name prove nothing.
//!
//! The policy is judged like any other, by what it decides for the one who may do anything else: an
//! administrator of the bucket's account. So a policy that was written by hand counts as well as that of
//! `palisade init --create-backend`, and one with the right names and a hole does not.

use std::sync::Arc;

use crate::config::Backend;
use crate::diag::Diagnostic;
use crate::iam::{
    Document, Effect, Item, Policies, Policy, Principal, Request, Statement, Text, Use, evaluate,
};
use crate::ids::Partition;
use crate::state::bootstrap;

use super::backend;
use super::open::Store;
use super::workspace::Workspace;

/// Ids that occur in no account.
const ACCOUNT: &str = "000000000000";
const CALLER: &str = "AIDAAAAAAAAAAAAAAAAAA";
const OTHER: &str = "AIDABBBBBBBBBBBBBBBBB";

/// When a warning is worth a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Say that the policy could not be read.
    Reported,
    /// Say nothing of a policy that could not be read.
    Skipped,
}

/// Warns where the policy lets records be removed, overwritten or forged.
pub(super) async fn warn(workspace: &Workspace, store: &Store, unreadable: Unreadable) {
    let Backend::S3 { bucket, prefix, region, endpoint_url, .. } = &store.backend else { return };
    let client = backend::s3_client(&store.backend, &store.connection).await;
    // Which condition keys a server other than AWS's knows, nobody can ask it.
    let is_aws = store.connection.sandbox.is_some()
        || endpoint_url.as_deref().or(store.connection.sdk.endpoint_url()).is_none();
    let help = match is_aws {
        true => {
            "`palisade init --create-backend` writes a policy that protects them; docs/state.md shows it"
        }
        false => {
            "docs/state.md shows a policy that does, if this server knows its condition keys; else let the pipeline alone write to the bucket"
        }
    };
    let warning = match bootstrap::bucket_policy(&client, bucket).await {
        Ok(policy) => {
            let region =
                region.clone().or_else(|| client.config().region().map(ToString::to_string));
            let partition = region.map_or(Partition::Aws, |region| Partition::of_region(&region));
            let open = holes(&partition.to_string(), bucket, prefix, policy.as_deref());
            if open.is_empty() {
                return;
            }
            Diagnostic::warning(format!(
                "the policy of the bucket `{bucket}` does not protect records"
            ))
            .detail(format!("An administrator of its account can {}.", open.join(", ")))
            .help(help)
        }
        Err(_) if unreadable == Unreadable::Skipped => return,
        Err(error) => Diagnostic::warning(format!(
            "whether the policy of the bucket `{bucket}` protects records is not known"
        ))
        .detail(error.diagnostic.summary.clone())
        .help(help),
    };
    workspace.host.diagnostics(&warning.into());
}

/// What the policy lets an administrator do to records.
fn holes(partition: &str, bucket: &str, prefix: &str, policy: Option<&str>) -> Vec<&'static str> {
    let document = policy.and_then(|text| {
        let read = Document::parse_text(&Text::from(text), Use::Resource("s3".to_owned()));
        read.ok().map(|(document, _)| document)
    });
    let policies = Policies {
        identity: vec![Arc::new(Policy::new("administrator", &everything()))],
        resource: document.map(|document| Arc::new(Policy::new(bucket, &document))),
        ..Policies::default()
    };
    let prefix = match prefix.trim_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    let principal = format!("arn:{partition}:iam::{ACCOUNT}:user/administrator");
    let lets = |action: &str, key: &str, conditions: &[(&str, &str)]| {
        let resource = format!("arn:{partition}:s3:::{bucket}/{prefix}{key}");
        let mut request = Request::new(Principal::Arn(principal.clone()), action, &resource);
        request.resource_account = Some(ACCOUNT.to_owned());
        let always = [
            ("aws:SecureTransport", "true"),
            ("s3:ObjectCreationOperation", "true"),
            ("aws:userid", CALLER),
        ];
        for (name, value) in always.iter().chain(conditions) {
            request.context.set(name, *value);
        }
        evaluate(&request, &policies).is_allowed()
    };
    let approval = format!("approvals/prod/{OTHER}/1.json");
    let records = [
        "releases/app/1.json",
        approval.as_str(),
        "audit/00000001.json",
        "environments/prod/moves/1.json",
    ];
    let removes = |action: &str| records.iter().any(|key| lets(action, key, &[]));
    let mut open = Vec::new();
    if removes("s3:DeleteObject") || removes("s3:DeleteObjectVersion") {
        open.push("remove them");
    }
    // A write that names the tag of what stands there overwrites it as well.
    let overwrites = |key: &&str| {
        let tagged = [("s3:if-match", "\"0\"")];
        lets("s3:PutObject", key, &[]) || lets("s3:PutObject", key, &tagged)
    };
    if records.iter().any(overwrites) {
        open.push("overwrite them");
    }
    if lets("s3:PutObject", &approval, &[("s3:if-none-match", "*")]) {
        open.push("approve in another's name");
    }
    open
}

fn everything() -> Document {
    let mut statement = Statement::new(Effect::Allow);
    statement.actions = vec![Item::new("*")];
    statement.resources = vec![Item::new("*")];
    Document::new([statement])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_init(prefix: &str, partition: &str, conditional: bool) -> String {
        bootstrap::policy(&bootstrap::Bucket {
            name: "acme-state".to_owned(),
            region: "eu-west-1".to_owned(),
            partition: partition.to_owned(),
            prefix: prefix.to_owned(),
            kms_key: None,
            require_conditional_writes: conditional,
            plain_http: false,
        })
        .to_string()
    }

    #[test]
    fn the_policy_that_init_writes_protects_records() {
        for (prefix, partition) in [("", "aws"), ("estates/acme/", "aws-cn")] {
            let policy = of_init(prefix, partition, true);
            assert!(holes(partition, "acme-state", prefix, Some(&policy)).is_empty(), "{prefix}");
        }
    }

    #[test]
    fn what_a_policy_leaves_open_is_named() {
        let all = ["remove them", "overwrite them", "approve in another's name"];
        assert_eq!(holes("aws", "acme-state", "", None), all);
        // That of another estate in the bucket lets nothing be written here, but removed.
        let elsewhere = of_init("other/", "aws", true);
        assert_eq!(holes("aws", "acme-state", "", Some(&elsewhere)), ["remove them"]);
        // Conditions alone keep nobody from overwriting.
        let mut conditional: serde_json::Value =
            serde_json::from_str(&of_init("", "aws", true)).expect("a policy");
        let statements = conditional["Statement"].as_array_mut().expect("statements");
        statements.retain(|statement| statement["Sid"] != "DenyOverwritingRecords");
        let conditional = conditional.to_string();
        assert_eq!(holes("aws", "acme-state", "", Some(&conditional)), ["overwrite them"]);
        let old = of_init("", "aws", false);
        assert_eq!(holes("aws", "acme-state", "", Some(&old)), ["overwrite them"]);
    }
}
