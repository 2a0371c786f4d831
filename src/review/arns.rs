//! ARNs of resources that a plan or a template gives by name or URL.

use super::AccountSnapshot;
use crate::access::{ResourceType, SECRET};

/// The ARN of the one resource of a type with that name in an account, and in a Region if that is known; `None` if there is
/// none, or more than one.
pub(super) fn existing(
    of: &ResourceType,
    name: &str,
    region: Option<&str>,
    account: &AccountSnapshot,
) -> Option<String> {
    let is_it = |arn: &&String| {
        let mut parts = arn.splitn(6, ':').skip(2);
        let (service, place) = (parts.next(), parts.next());
        let rest = parts.nth(1).and_then(|rest| rest.strip_prefix(of.resource));
        service == Some(of.service)
            && region.is_none_or(|region| place == Some(region))
            && rest.is_some_and(|rest| rest == name || is_secret_of(of, rest, name))
    };
    let mut all = account.resources.keys().filter(is_it);
    let one = all.next()?;
    all.next().is_none().then(|| one.clone())
}

/// The ARN of a secret ends with its name, a hyphen and six characters (Secrets Manager User Guide, "What's in a Secrets Manager
/// secret?").
fn is_secret_of(of: &ResourceType, rest: &str, name: &str) -> bool {
    *of == SECRET
        && rest.len() == name.len() + 7
        && rest.strip_prefix(name).is_some_and(|end| end.starts_with('-'))
}
