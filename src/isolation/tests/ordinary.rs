//! Ordinary input is decided, however many patterns, keys and statements it has: what a bucket policy of an estate that
//! grew looks like, tags by which access is given, and the guardrails that AWS publishes as examples.

use super::hunt::{judge, scp, with};
use super::*;

const CI: &str = "arn:aws:iam::111111111111:role/ci";
const APP: &str = "arn:aws:iam::333333333333:role/app";

/// Dev's `ci` may do anything with objects.
fn dev() -> Fixture {
    Fixture::new().both(lambda("dev", "ci", allow("s3:*", "*")))
}

fn holding(all: Vec<Json>) -> SideObject {
    let policy = json!({"Version": "2012-10-17", "Statement": all});
    let attrs = json!({"bucket": "data", "policy": policy, "block_public_access": {}});
    object("s3_bucket", Some("production"), "data", attrs)
}

fn reads(who: &str, resources: &[String]) -> Json {
    json!({"Effect": "Allow", "Principal": {"AWS": who}, "Action": "s3:GetObject", "Resource": resources})
}

fn on(mut statement: Json, condition: Json) -> Json {
    statement["Condition"] = condition;
    statement
}

fn denies(resources: &[String]) -> Json {
    json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources})
}

/// Patterns of `count` teams, each with a star before the team's name.
fn teams(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("arn:aws:s3:::data/*/team-{n}/*")).collect()
}

#[test]
fn a_condition_of_many_patterns_is_met_by_a_value_of_one() {
    let many = |count: usize| (0..count).map(|n| format!("*p{n}*")).collect::<Vec<String>>();
    let listing = |condition: Json| {
        let own = json!({"Effect": "Allow", "Principal": {"AWS": CI}, "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::data"});
        dev().both(holding(vec![on(own, condition)]))
    };
    let assuming = |condition: Json| {
        let own = json!({"Principal": {"AWS": CI}, "Condition": condition});
        Fixture::new().both(lambda("dev", "ci", allow("sts:*", "*"))).both(role(
            "production",
            "deploy",
            trust(own),
            None,
        ))
    };
    let like = |key: &str, count: usize| json!({"StringLike": {key: many(count)}});
    let both = json!({"StringLike": {"sts:ExternalId": many(20), "sts:RoleSessionName": many(30)}});
    let elsewhere = json!({"StringLike": {"s3:prefix": many(20)}, "StringEquals": {"aws:PrincipalAccount": "444444444444"}});
    judge(vec![
        ("a prefix", listing(like("s3:prefix", 20)), "dev", "production", "reachable"),
        ("one of many", listing(like("s3:prefix", 100)), "dev", "production", "reachable"),
        ("an external id", assuming(like("sts:ExternalId", 20)), "dev", "production", "reachable"),
        ("two keys", assuming(both), "dev", "production", "reachable"),
        ("of another account", listing(elsewhere), "dev", "production", "isolated"),
    ]);
}

/// Ranges that have nothing in common, or lie within each other, leave nothing to search for.
#[test]
fn ranges_of_numbers_and_addresses_are_compared() {
    let all = ["arn:aws:s3:::data".to_owned(), "arn:aws:s3:::data/*".to_owned()];
    let read = |condition: Json| on(reads(CI, &all[1..]), condition);
    let but = |condition: Json| on(denies(&all), condition);
    let within = json!({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}});
    let beyond = json!({"NotIpAddress": {"aws:SourceIp": "192.0.0.0/16"}});
    let both = json!({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}, "NotIpAddress": {"aws:SourceIp": "192.0.0.0/16"}});
    let newer = json!({"IpAddress": {"aws:SourceIp": "2001:db8::/32"}});
    let older = |version: &str| json!({"NumericLessThan": {"s3:TlsVersion": version}});
    let contrary = json!({"NumericGreaterThan": {"s3:signatureAge": "10"}, "NumericLessThan": {"s3:signatureAge": "5"}});
    judge(vec![
        (
            "a range and not a wider one",
            dev().both(holding(vec![read(both)])),
            "dev",
            "production",
            "isolated",
        ),
        (
            "addresses of another family",
            dev().both(holding(vec![read(newer), but(beyond.clone())])),
            "dev",
            "production",
            "isolated",
        ),
        (
            "addresses that are let through",
            dev().both(holding(vec![read(within), but(beyond)])),
            "dev",
            "production",
            "conditional",
        ),
        (
            "a version that is refused",
            dev().both(holding(vec![read(older("1.2")), but(older("1.3"))])),
            "dev",
            "production",
            "isolated",
        ),
        (
            "numbers that exclude each other",
            dev().both(holding(vec![read(contrary)])),
            "dev",
            "production",
            "isolated",
        ),
    ]);
}

#[test]
fn a_bucket_policy_of_ten_or_three_hundred_patterns_is_decided() {
    let all = ["arn:aws:s3:::data".to_owned(), "arn:aws:s3:::data/*".to_owned()];
    let elsewhere = json!({"StringEquals": {"aws:PrincipalAccount": "444444444444"}});
    for count in [10, 300] {
        let many = teams(count);
        // As many patterns as a policy of 20 KB holds beside as many denials.
        let half = teams(count.min(200));
        judge(vec![
            (
                "for the one who asks",
                dev().both(holding(vec![reads(CI, &many)])),
                "dev",
                "production",
                "reachable",
            ),
            (
                "for another one",
                dev().both(holding(vec![reads(APP, &many)])),
                "dev",
                "production",
                "isolated",
            ),
            (
                "of another account",
                dev().both(holding(vec![on(reads(CI, &many), elsewhere.clone())])),
                "dev",
                "production",
                "isolated",
            ),
            (
                "all taken back",
                dev().both(holding(vec![reads(CI, &many), denies(&all)])),
                "dev",
                "production",
                "isolated",
            ),
            (
                "each taken back",
                dev().both(holding(vec![reads(CI, &half), denies(&half)])),
                "dev",
                "production",
                "isolated",
            ),
            (
                "all but one taken back",
                dev().both(holding(vec![reads(CI, &half), denies(&half[..half.len() - 1])])),
                "dev",
                "production",
                "reachable",
            ),
            (
                "within a network",
                dev().both(holding(vec![on(
                    reads(CI, &many),
                    json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
                )])),
                "dev",
                "production",
                "conditional",
            ),
        ]);
        // One pattern more is a change, and is told as one.
        let mut more = teams(count - 1);
        more.push("arn:aws:s3:::data/*/ledger/*".to_owned());
        let section = dev()
            .both(holding(vec![reads(CI, &teams(count - 1))]))
            .then(holding(vec![reads(CI, &more)]))
            .analyse();
        let changes: Vec<_> = section.changes.iter().map(|change| change.change).collect();
        assert_eq!(changes, [PathChange::Widened], "{count}");
    }
}

/// Patterns with wildcards in their middle, on both sides: too many regions to list, and one object of each pair is seen.
#[test]
fn many_patterns_of_a_bucket_beside_many_of_a_role_are_decided() {
    let own = |count: usize| -> Vec<String> {
        (0..count).map(|n| format!("arn:aws:s3:::da*a/x/team{n}/*")).collect()
    };
    let lets: Vec<String> =
        (0..150).map(|n| format!("arn:aws:s3:::data/*/team{n}/*/part-{n}*")).collect();
    let estate = |first: usize| {
        let own: Vec<String> = own(first + 60).split_off(first);
        let ci = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": own}]});
        Fixture::new().both(lambda("dev", "ci", ci)).both(holding(vec![reads(CI, &lets)]))
    };
    let started = std::time::Instant::now();
    judge(vec![
        ("the first ones alike", estate(0), "dev", "production", "reachable"),
        ("the last one alone alike", estate(149), "dev", "production", "reachable"),
    ]);
    // Half a second where it is optimised; this is not, and others may run beside it.
    assert!(started.elapsed() < std::time::Duration::from_secs(120), "{:?}", started.elapsed());
}

#[test]
fn eight_tags_are_decided() {
    let tags = |family: &str, prefix: &str| -> Json {
        let all =
            (0..8).map(|n| (format!("{family}/k{n}"), json!([format!("{prefix}{n}"), "any"])));
        json!({"StringEquals": all.collect::<serde_json::Map<String, Json>>()})
    };
    let each = |who: &str| -> Vec<Json> {
        let one = |n: usize| {
            let key = format!("s3:ExistingObjectTag/k{n}");
            on(
                reads(who, &["arn:aws:s3:::data/*".to_owned()]),
                json!({"StringEquals": {key: ["a", "b", "c"]}}),
            )
        };
        (0..8).map(one).collect()
    };
    let objects = || reads(CI, &["arn:aws:s3:::data/*".to_owned()]);
    let tagged = |value: &str| {
        let all = (0..8).map(|n| (format!("k{n}"), json!(format!("{value}{n}"))));
        let role = with(
            lambda("dev", "ci", allow("s3:*", "*")),
            "tags",
            json!(all.collect::<serde_json::Map<String, Json>>()),
        );
        Fixture::new().both(role)
    };
    let session = |with_tags: bool| {
        let actions = if with_tags {
            json!(["sts:AssumeRole", "sts:TagSession"])
        } else {
            json!("sts:AssumeRole")
        };
        let trust = json!({"Version": "2012-10-17", "Statement": [on(
            json!({"Effect": "Allow", "Principal": {"AWS": CI}, "Action": actions}), tags("aws:RequestTag", "v"))]});
        Fixture::new().both(lambda("dev", "ci", allow("sts:*", "*"))).both(role(
            "production",
            "deploy",
            trust,
            None,
        ))
    };
    judge(vec![
        (
            "of the caller, which bears them",
            tagged("v").both(holding(vec![on(objects(), tags("aws:PrincipalTag", "v"))])),
            "dev",
            "production",
            "reachable",
        ),
        (
            "of the caller, which bears others",
            tagged("w").both(holding(vec![on(objects(), tags("aws:PrincipalTag", "v"))])),
            "dev",
            "production",
            "isolated",
        ),
        (
            "of an object, all of them",
            dev().both(holding(vec![on(objects(), tags("s3:ExistingObjectTag", "v"))])),
            "dev",
            "production",
            "conditional",
        ),
        (
            "of an object, one of them",
            dev().both(holding(each(CI))),
            "dev",
            "production",
            "conditional",
        ),
        (
            "of an object, for another one",
            dev().both(holding(each(APP))),
            "dev",
            "production",
            "isolated",
        ),
        ("of a session, which may be given", session(true), "dev", "production", "reachable"),
        ("of a session, which may not", session(false), "dev", "production", "isolated"),
    ]);
}

#[test]
fn twenty_statements_over_names_of_buckets_are_decided() {
    let role = |last: &str| {
        let mut all: Vec<Json> = (0..20)
            .map(|n| {
                json!({"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"],
                "Resource": [format!("arn:aws:s3:::beta-?{n}-*"), format!("arn:aws:s3:::acme-*-{n}/*")]})
            })
            .collect();
        all.push(json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": last}));
        Fixture::new().both(lambda("dev", "ci", json!({"Version": "2012-10-17", "Statement": all})))
    };
    let bucket = |name: &str| {
        let policy = json!({"Version": "2012-10-17", "Statement": [reads(CI, &[format!("arn:aws:s3:::{name}/*")])]});
        let attrs = json!({"bucket": name, "policy": policy, "block_public_access": {}});
        object("s3_bucket", Some("production"), name, attrs)
    };
    judge(vec![
        (
            "one of them",
            role("arn:aws:s3:::none").both(bucket("acme-eu-7")),
            "dev",
            "production",
            "reachable",
        ),
        (
            "the last one",
            role("arn:aws:s3:::*-ledger/*").both(bucket("ledger-of-ledger")),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a name that only a key completes",
            role("arn:aws:s3:::none").both(bucket("ledger")),
            "dev",
            "production",
            "isolated",
        ),
    ]);
}

/// The conditions of AWS's network perimeter for resources: whoever comes neither from the network nor through a
/// service, but for some parties and what is tagged as excepted.
///
/// Source: IAM User Guide, "Establish permissions guardrails using data perimeters", "Network perimeter".
fn network_perimeter() -> Json {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Network", "Effect": "Deny", "Principal": "*", "Resource": "*",
         "Action": ["s3:*", "sqs:*", "kms:*", "secretsmanager:*", "sts:AssumeRole", "sts:SetContext"],
         "Condition": {
            "NotIpAddressIfExists": {"aws:SourceIp": ["192.0.2.0/24", "198.51.100.0/24"]},
            "StringNotEqualsIfExists": {
                "aws:SourceVpc": ["vpc-0123456789abcdef0", "vpc-0123456789abcdef1"],
                "aws:PrincipalTag/perimeter:network": "excepted",
                "aws:PrincipalAccount": ["127311923021", "555555555555"],
                "aws:ResourceTag/perimeter:network": "excepted"},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false", "aws:ViaAWSService": "false"},
            "ArnNotLikeIfExists": {"aws:PrincipalArn": ["arn:aws:iam::*:role/aws:ec2-infrastructure"]}}},
        {"Sid": "Region", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
         "Condition": {
            "StringEquals": {"aws:SourceVpc": "vpc-0123456789abcdef0"},
            "StringNotEqualsIfExists": {"aws:RequestedRegion": "eu-west-1"}}}]})
}

/// The same for identities: nobody from elsewhere, and no service on behalf of others.
fn identity_perimeter() -> Json {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Identities", "Effect": "Deny", "Principal": "*", "Resource": "*",
         "Action": ["s3:*", "sqs:*", "kms:*", "secretsmanager:*", "sts:AssumeRole", "sts:SetContext"],
         "Condition": {
            "StringNotEqualsIfExists": {
                "aws:PrincipalOrgID": "o-aaaaaaaaaa",
                "aws:PrincipalAccount": ["127311923021", "555555555555"],
                "aws:ResourceTag/perimeter:identity": "excepted"},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}},
        {"Sid": "Deputies", "Effect": "Deny", "Principal": "*", "Resource": "*",
         "Action": ["s3:*", "sqs:*", "kms:*", "secretsmanager:*", "sts:*"],
         "Condition": {
            "StringNotEqualsIfExists": {
                "aws:SourceOrgID": "o-aaaaaaaaaa", "aws:SourceAccount": ["555555555555"],
                "aws:ResourceTag/perimeter:identity": "excepted"},
            "Null": {"aws:SourceAccount": "false"},
            "Bool": {"aws:PrincipalIsAWSService": "true"}}}]})
}

/// The same for what may be reached, as a service control policy.
fn resource_perimeter() -> Json {
    json!({"Sid": "Resources", "Effect": "Deny", "Action": "*",
        "NotResource": ["arn:aws:iam::aws:policy/*", "arn:aws:ssm:*::document/*", "arn:aws:ssm:*::parameter/*",
            "arn:aws:imagebuilder:*:aws:image/*", "arn:aws:ec2:*:aws:prefix-list/*", "arn:aws:lambda:*:017000801446:layer:*",
            "arn:aws:s3:::elasticbeanstalk-samples-*/*", "arn:aws:s3:::jumpstart-cache-prod-*", "arn:aws:s3:::aws-neptune-notebook*"],
        "Condition": {"StringNotEqualsIfExists": {"aws:ResourceOrgID": "o-aaaaaaaaaa", "ec2:Owner": "amazon",
            "aws:PrincipalTag/perimeter:resource": "excepted"}}})
}

fn rcp(name: &str, content: Json) -> SideObject {
    object(
        "resource_control_policy",
        None,
        name,
        json!({"targets": ["r-ab12"], "content": content}),
    )
}

#[test]
fn the_perimeters_of_aws_are_decided() {
    let open = || dev().both(holding(vec![reads(CI, &["arn:aws:s3:::data/*".to_owned()])]));
    let public = || {
        let mut statement = reads(CI, &["arn:aws:s3:::data/*".to_owned()]);
        statement["Principal"] = json!("*");
        dev().both(holding(vec![statement]))
    };
    let network = || rcp("network", network_perimeter());
    let identity = || rcp("identity", identity_perimeter());
    let perimeter = |fixture: Fixture| {
        fixture.both(network()).both(identity()).both(scp("resource", "dev", resource_perimeter()))
    };
    judge(vec![
        (
            "the network's, for a role of ours",
            open().both(network()),
            "dev",
            "production",
            "conditional",
        ),
        (
            "the network's, for anybody",
            public().both(network()),
            "$anonymous",
            "production",
            "conditional",
        ),
        (
            "the identities', for a role of ours",
            open().both(identity()),
            "dev",
            "production",
            "reachable",
        ),
        (
            "the identities', for anybody",
            public().both(identity()),
            "$anonymous",
            "production",
            "conditional",
        ),
        (
            "the resources', for a role of ours",
            open().both(scp("resource", "dev", resource_perimeter())),
            "dev",
            "production",
            "reachable",
        ),
        ("all of them, for a role of ours", perimeter(open()), "dev", "production", "conditional"),
        (
            "all of them, where nothing is granted",
            perimeter(dev()),
            "dev",
            "production",
            "isolated",
        ),
        ("all of them, for the other way", perimeter(open()), "production", "dev", "isolated"),
    ]);

    // No wall of such an estate is left open to doubt, whoever is on its other side.
    for fixture in [perimeter(open()), perimeter(public()), perimeter(dev())] {
        let section = fixture.analyse();
        let doubtful = section.matrix.iter().filter(|r| r.after == WallVerdict::Undetermined);
        assert_eq!(doubtful.count(), 0, "{:#?}", section.matrix);
    }
}

/// The organization of what is asked for stands for its id, in guardrails and in trust.
#[test]
fn an_organization_may_be_named_by_a_variable() {
    for id in ["o-aaaaaaaaaa", "${aws:ResourceOrgID}"] {
        let perimeter = || {
            let statement = json!({"Effect": "Deny", "Principal": "*", "Action": ["s3:*", "sts:AssumeRole"], "Resource": "*",
                "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": id}, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}});
            rcp("identity", json!({"Version": "2012-10-17", "Statement": [statement]}))
        };
        let public = || {
            let mut statement = reads(CI, &["arn:aws:s3:::data/*".to_owned()]);
            statement["Principal"] = json!("*");
            dev().both(holding(vec![statement])).both(perimeter())
        };
        let others = || {
            let not_ours = json!({"Principal": "*", "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": id}}});
            Fixture::new().both(lambda("dev", "ci", allow("sts:*", "*"))).both(role(
                "production",
                "deploy",
                trust(not_ours),
                None,
            ))
        };
        judge(vec![
            ("those from elsewhere", public(), "$external", "production", "isolated"),
            ("those who do not sign", public(), "$anonymous", "production", "isolated"),
            ("ours", public(), "dev", "production", "reachable"),
            ("a role for others alone", others(), "dev", "production", "isolated"),
        ]);
    }
}

/// Two of AWS's examples of service control policies together: regions with exceptions, and users from elsewhere.
///
/// Source: `aws-samples/service-control-policy-examples` at 35a50b0 (MIT-0), "Deny access to AWS based on the requested
/// AWS region" and "Deny use of IAM user credentials from unexpected networks".
#[test]
fn two_guardrails_of_aws_are_decided_together() {
    let regions = json!({"Effect": "Deny", "Resource": "*",
        "NotAction": ["a4b:*", "acm:*", "aws-marketplace-management:*", "aws-marketplace:*", "aws-portal:*", "budgets:*", "ce:*",
            "chime:*", "cloudfront:*", "config:*", "cur:*", "directconnect:*", "ec2:DescribeRegions", "ec2:DescribeTransitGateways",
            "ec2:DescribeVpnGateways", "fms:*", "globalaccelerator:*", "health:*", "iam:*", "importexport:*", "kms:*",
            "mobileanalytics:*", "networkmanager:*", "organizations:*", "pricing:*", "route53:*", "route53domains:*",
            "route53-recovery-cluster:*", "route53-recovery-control-config:*", "route53-recovery-readiness:*",
            "s3:GetAccountPublic*", "s3:ListAllMyBuckets", "s3:ListMultiRegionAccessPoints", "s3:PutAccountPublic*", "shield:*",
            "sts:*", "support:*", "trustedadvisor:*", "waf-regional:*", "waf:*", "wafv2:*", "wellarchitected:*"],
        "Condition": {
            "StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]},
            "ArnNotLike": {"aws:PrincipalARN": "arn:aws:iam::*:role/privileged"}}});
    let users = json!({"Sid": "Network", "Effect": "Deny", "Resource": "*",
        "NotAction": ["es:ES*", "dax:GetItem", "dax:BatchGetItem", "dax:Query", "dax:Scan", "dax:PutItem", "dax:UpdateItem",
            "dax:DeleteItem", "dax:BatchWriteItem", "dax:ConditionCheckItem", "neptune-db:*", "kafka-cluster:*",
            "elasticfilesystem:client*", "rds-db:connect"],
        "Condition": {
            "BoolIfExists": {"aws:ViaAWSService": "false"},
            "NotIpAddressIfExists": {"aws:SourceIp": ["192.0.2.0/24"]},
            "StringNotEqualsIfExists": {"aws:SourceVpc": ["vpc-0123456789abcdef0"]},
            "ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::*:user/*"]}}});
    let bound = |fixture: Fixture| {
        fixture.both(scp("regions", "dev", regions.clone())).both(scp(
            "users",
            "dev",
            users.clone(),
        ))
    };
    let assumes = || json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*", "sts:*"], "Resource": "*"}]});
    let by_role = || {
        Fixture::new()
            .both(lambda("dev", "ci", assumes()))
            .both(holding(vec![reads(CI, &["arn:aws:s3:::data/*".to_owned()])]))
    };
    let ann = "arn:aws:iam::111111111111:user/ann";
    let by_user = || {
        Fixture::new()
            .both(super::hunt::user("dev", "ann", assumes()))
            .both(holding(vec![reads(ann, &["arn:aws:s3:::data/*".to_owned()])]))
    };
    let to_role = || {
        let trust = trust(json!({"Principal": {"AWS": "111111111111"}}));
        Fixture::new().both(lambda("dev", "ci", assumes())).both(role(
            "production",
            "deploy",
            trust,
            None,
        ))
    };
    judge(vec![
        ("a role", bound(by_role()), "dev", "production", "reachable"),
        ("a user", bound(by_user()), "dev", "production", "conditional"),
        ("a role that is assumed", bound(to_role()), "dev", "production", "reachable"),
        ("nothing granted", bound(dev()), "dev", "production", "isolated"),
    ]);
}
