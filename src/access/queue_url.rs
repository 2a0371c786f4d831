//! Queues by their URLs.

use super::QUEUE;

/// The ARN of a queue from its URL: `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`, or with the host `REGION.queue.amazonaws.com`
/// of older endpoints (Amazon SQS Developer Guide, API version 2009-02-01, "Endpoints"). The name may be a symbol, which
/// contains slashes.
#[must_use]
pub fn queue_arn(url: &str, partition: &str) -> Option<String> {
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
            assert_eq!(queue_arn(url, "aws").as_deref(), arn, "{url}");
        }
    }
}
