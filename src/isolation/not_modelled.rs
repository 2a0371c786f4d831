//! What the analysis does not look at, so that no verdict is taken for more than it says.
//!
//! What concerns resources with a policy follows from their table ([`RESOURCE_TYPES`]) and from what the model's
//! source lists: a row that is added there, or a source that reads a further type, changes what is said here.

use crate::access::{AccessModel, Coverage, KEY, RESOURCE_TYPES, ResourceType};

/// Ways of access that no row of a table stands for.
const GENERAL: [&str; 8] = [
    "bucket notifications and other event subscriptions",
    "bucket replication",
    "code and machines that already run under a role",
    "delegated administrators of the organization",
    "identity center",
    "network paths",
    "shares of AWS RAM",
    "who stands behind an identity of OIDC or SAML",
];

/// Services whose resources carry no policies but the trust policies of roles.
const WITHOUT_POLICIES: [&str; 3] = ["iam", "organizations", "sts"];

/// The types whose policies the model's source lists whole.
fn listed(model: &AccessModel) -> impl Iterator<Item = &'static ResourceType> {
    RESOURCE_TYPES.into_iter().filter(|of| model.lists_everywhere(of.name))
}

/// What the analysis does not look at in a model; every plan lists it.
#[must_use]
pub fn not_modelled(model: &AccessModel) -> Vec<String> {
    let read: Vec<&str> =
        std::iter::once("roles' trust").chain(listed(model).map(|of| of.plural)).collect();
    let policies = match read.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    };
    // Where policies are read, and grants of every key.
    let read = model.accounts.values().filter(|account| account.coverage == Coverage::Read);
    let grants = model.lists_everywhere(KEY.name)
        && read.map(|account| &account.handle).all(|account| !model.lacks_grants(account));
    let beside = RESOURCE_TYPES.into_iter().filter(|of| of.name != KEY.name || !grants);
    let beside = beside.filter_map(|of| of.also_opened_by);
    let mut all: Vec<String> = GENERAL.into_iter().chain(beside).map(str::to_owned).collect();
    all.push(format!("resource policies other than {policies}"));
    all.sort();
    all
}

/// Whether every policy on resources of a service is looked at.
pub(super) fn knows_policies_of(model: &AccessModel, service: &str) -> bool {
    let service = service.to_ascii_lowercase();
    WITHOUT_POLICIES.contains(&service.as_str()) || listed(model).any(|of| of.service == service)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{BUCKET, Facts, KEY};

    #[test]
    fn what_a_source_lists_is_looked_at() {
        let model = |listed: &[&'static ResourceType]| {
            let listed_types = listed.iter().map(|of| of.name).collect();
            AccessModel::new(Facts { listed_types, ..Facts::default() })
        };
        let policies = |model: &AccessModel| {
            let all = not_modelled(model);
            all.into_iter().find(|line| line.starts_with("resource policies")).expect("a line")
        };
        let buckets = model(&[&BUCKET]);
        assert_eq!(policies(&buckets), "resource policies other than roles' trust and buckets");
        assert!(knows_policies_of(&buckets, "S3") && !knows_policies_of(&buckets, "kms"));
        let keys = model(&[&BUCKET, &KEY]);
        let said = "resource policies other than roles' trust, buckets and KMS keys";
        assert_eq!(policies(&keys), said);
        assert!(knows_policies_of(&keys, "kms") && knows_policies_of(&keys, "iam"));
        assert!(!knows_policies_of(&keys, "sqs"));
        assert_eq!(policies(&model(&[])), "resource policies other than roles' trust");
    }
}
