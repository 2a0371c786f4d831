//! ARNs of resources that a plan or a template gives by name or URL.

use super::AccountSnapshot;
use crate::access::{QUEUE, ResourceType, SECRET};

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

/// The ARN of a queue from its URL: `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`, or with the host `REGION.queue.amazonaws.com`
/// of older endpoints (Amazon SQS Developer Guide, API version 2009-02-01, "Endpoints"). The name may be a symbol, which
/// contains slashes.
pub(super) fn queue(url: &str, partition: &str) -> Option<String> {
    let mut parts = url.strip_prefix("https://")?.splitn(3, '/');
    let (host, account, name) = (parts.next()?, parts.next()?, parts.next()?);
    let labels: Vec<&str> = host.split('.').collect();
    let region = match labels.as_slice() {
        [service, region, ..] if *service == QUEUE.service => *region,
        [region, "queue", ..] => *region,
        ["queue", ..] => "us-east-1",
        _ => return None,
    };
    Some(format!("arn:{partition}:{}:{region}:{account}:{name}", QUEUE.service))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_queue_has_its_region_and_account() {
        for (url, arn) in [
            (
                "https://sqs.eu-west-1.amazonaws.com/222222222222/orders",
                Some("arn:aws:sqs:eu-west-1:222222222222:orders"),
            ),
            (
                "https://eu-west-1.queue.amazonaws.com/222222222222/orders",
                Some("arn:aws:sqs:eu-west-1:222222222222:orders"),
            ),
            (
                "https://queue.amazonaws.com/222222222222/orders",
                Some("arn:aws:sqs:us-east-1:222222222222:orders"),
            ),
            ("https://sqs.eu-west-1.amazonaws.com/orders", None),
            ("https://example.com/222222222222/orders", None),
            ("orders", None),
        ] {
            assert_eq!(queue(url, "aws").as_deref(), arn, "{url}");
        }
    }
}
