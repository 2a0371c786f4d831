//! The names of AWS's managed policies. They tell a slip of the pen from a policy that exists; AWS adds policies,
//! so that a name that is not here is no proof.
//!
//! Source: AWS Managed Policy Reference Guide, by way of `data/managed-policy-names.txt`, whose first line has the date.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::diag::did_you_mean;

static DATA: &str = include_str!("data/managed-policy-names.txt");

/// Path and name of each: `service-role/AWSLambdaRole`.
static NAMES: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| DATA.lines().filter(|line| !line.starts_with('#')).collect());

/// What is wrong with the ARN of an AWS-managed policy that the list lacks: "did you mean", or nothing to offer.
/// `None` where the list has it, where it is a policy of an account's own, and in other partitions than `aws`,
/// from which the list comes.
#[must_use]
pub fn unknown(arn: &str) -> Option<Option<String>> {
    let path = arn.strip_prefix("arn:aws:iam::aws:policy/")?;
    if NAMES.contains(path) {
        return None;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    // Most slips leave the path out.
    let elsewhere = NAMES.iter().find(|known| known.rsplit('/').next() == Some(name));
    let near = elsewhere.map(|known| format!("did you mean `{known}`?"));
    Some(near.or_else(|| did_you_mean(path, NAMES.iter().copied())))
}

/// The day of the list.
#[must_use]
pub fn as_of() -> &'static str {
    let head = DATA.lines().next().unwrap_or_default();
    head.split("as of ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_told_from_policies() {
        assert!(NAMES.len() > 1_500, "{}", NAMES.len());
        let unknown = |name: &str| unknown(&format!("arn:aws:iam::aws:policy/{name}"));
        assert_eq!(unknown("ReadOnlyAccess"), None);
        assert_eq!(unknown("service-role/AWSLambdaBasicExecutionRole"), None);
        for (slip, meant) in [
            ("ReadOnlyAcces", "ReadOnlyAccess"),
            ("AWSLambdaBasicExecutionRole", "service-role/AWSLambdaBasicExecutionRole"),
        ] {
            assert_eq!(unknown(slip), Some(Some(format!("did you mean `{meant}`?"))));
        }
        assert_eq!(super::unknown("arn:aws:iam::111122223333:policy/x"), None);
        assert!(as_of().len() == 10 && as_of().starts_with("20"), "{}", as_of());
    }
}
