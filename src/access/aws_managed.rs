//! What some managed policies of AWS's permit, for accounts in which no principal has them yet: those that give most, and
//! those that delegations name most. Of every other one it is not known.
//!
//! Source: AWS Managed Policy Reference Guide, by way of `src/iam/data/managed-policies.txt`, whose first line has the date.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::NamedPolicy;
use crate::iam::{Document, Text, Use};
use crate::ids::Partition;

static DATA: &str = include_str!("../iam/data/managed-policies.txt");

/// Path and name of each policy of the data, and the policy.
static POLICIES: LazyLock<BTreeMap<&str, NamedPolicy>> = LazyLock::new(|| {
    let lines = DATA.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(arn, text)| read(arn, text))
        .collect()
});

fn read(arn: &'static str, text: &str) -> Option<(&'static str, NamedPolicy)> {
    let (document, _) = Document::parse_text(&Text::from(text), Use::Identity).ok()?;
    let (_, path) = arn.split_once(":policy/")?;
    Some((path, NamedPolicy::new(path, "content", document)))
}

/// The policy of that ARN, where it is known.
pub(super) fn find(arn: &str) -> Option<NamedPolicy> {
    let partition = Partition::of_arn(arn)?;
    POLICIES.get(arn.strip_prefix(&prefix(partition))?).cloned()
}

/// All of them in a partition, by ARN.
pub(super) fn all(partition: Partition) -> impl Iterator<Item = String> {
    POLICIES.keys().map(move |path| format!("{}{path}", prefix(partition)))
}

/// What the ARNs of AWS's managed policies begin with.
pub(super) fn prefix(partition: Partition) -> String {
    format!("arn:{partition}:iam::aws:policy/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_data_is_a_policy() {
        let lines = DATA.lines().filter(|line| !line.starts_with('#')).count();
        assert!(lines > 5 && POLICIES.len() == lines, "{:?}", POLICIES.keys());
        let found = |arn: &str| find(arn).is_some();
        assert!(found("arn:aws-us-gov:iam::aws:policy/IAMFullAccess"));
        assert!(!found("arn:aws:iam::aws:policy/AmazonSNSFullAccess"));
        assert!(!found("arn:aws:iam::111111111111:policy/IAMFullAccess"));
    }
}
