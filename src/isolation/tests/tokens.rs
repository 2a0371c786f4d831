//! Identity providers: who administers what issues a provider's tokens, or writes the bucket that holds its keys, is
//! everybody that a trust policy lets in through it.

use super::escalation::{LOW, document, foothold, may};
use super::hunt::judge;
use super::power::{ASSUME, statements};
use super::*;

/// Tokens are what the service says that issues them, or whoever writes the bucket that holds the keys.
#[test]
fn whoever_issues_tokens_is_whom_they_name() {
    let federated = |provider: &str| {
        let issuer = provider.split_once(":oidc-provider/").map_or(provider, |(_, issuer)| issuer);
        trust(
            json!({"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": provider},
            "Condition": {"StringEquals": {format!("{issuer}:sub"): "ops"}}}),
        )
    };
    let arn =
        |account: &str, name: &str| format!("arn:aws:iam::{}:oidc-provider/{name}", id_of(account));
    let by = |right: &str, provider: &str| {
        foothold(document(vec![may(right, "*")]), federated(provider))
    };
    let dual_stack = arn("shared", "oidc-eks.eu-west-1.api.aws/id/AB");
    let users = arn("shared", "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AB");
    let keys = |account: &str| arn(account, "keys.s3.eu-west-1.amazonaws.com/cluster");
    let bucket = |account: &str| {
        object(
            "s3_bucket",
            Some(account),
            "keys",
            json!({"bucket": "keys", "policy": null, "block_public_access": {}}),
        )
    };
    let lets_in = |action: &str| {
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action,
            "Principal": {"AWS": LOW}, "Resource": "arn:aws:s3:::keys/*"}]});
        let mut bucket = bucket("shared");
        bucket.attrs.insert("policy".to_owned(), crate::value::Value::from_json(&policy));
        bucket
    };
    // Production's own role lets in who signs with keys in dev's bucket.
    let ours = |account: &str| {
        let pod = role("production", "pod", federated(&keys("production")), None);
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[ASSUME])))
            .both(pod)
            .both(bucket(account))
    };
    let case = |name, fixture, expected| (name, fixture, "dev", "production", expected);
    judge(vec![
        case("a cluster of both stacks", by("eks:CreateAccessEntry", &dual_stack), "reachable"),
        case(
            "a cluster of both stacks, by a reader",
            by("eks:DescribeCluster", &dual_stack),
            "isolated",
        ),
        case("a pool of users", by("cognito-idp:AdminSetUserPassword", &users), "reachable"),
        case("a pool of users, by a reader", by("cognito-idp:ListUsers", &users), "isolated"),
        case(
            "a pool in GovCloud",
            by("cognito-identity:UpdateIdentityPool", "cognito-identity-us-gov.amazonaws.com"),
            "reachable",
        ),
        case(
            "keys in a bucket",
            by("s3:PutObject", &keys("shared")).both(bucket("shared")),
            "reachable",
        ),
        case(
            "keys in a bucket, by a reader",
            by("s3:GetObject", &keys("shared")).both(bucket("shared")),
            "isolated",
        ),
        case(
            "keys in a bucket that lets in whose own policies say nothing of it",
            by("iam:GetRole", &keys("shared")).both(lets_in("s3:PutObject")),
            "reachable",
        ),
        case(
            "keys in a bucket that lets such a one read",
            by("iam:GetRole", &keys("shared")).both(lets_in("s3:GetObject")),
            "isolated",
        ),
        case("keys in a bucket of the origin's own", ours("dev"), "reachable"),
        case("keys in a bucket of nobody's", ours("production"), "isolated"),
    ]);
}

/// Who administers a cluster, or a pool of identities, is whom it vouches for, whatever the trust asks of `sub`.
#[test]
fn clusters_and_pools_vouch_for_whom_their_administrators_like() {
    let federated = |provider: &str, condition: Json| {
        trust(
            json!({"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": provider}, "Condition": condition}),
        )
    };
    let cluster = || {
        federated(
            "arn:aws:iam::222222222222:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF",
            json!({"StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF:sub": "system:serviceaccount:ops:ferry"}}),
        )
    };
    let pool = || {
        federated(
            "cognito-identity.amazonaws.com",
            json!({"StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:pool"}}),
        )
    };
    let dev_to = |low: Vec<Json>, trust: Json| foothold(document(low), trust);
    judge(vec![
        (
            "an access entry",
            dev_to(vec![may("eks:CreateAccessEntry", "*")], cluster()),
            "dev",
            "production",
            "reachable",
        ),
        (
            "reading the cluster",
            dev_to(vec![may("eks:DescribeCluster", "*")], cluster()),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a token of the pool",
            dev_to(vec![may("cognito-identity:GetOpenIdTokenForDeveloperIdentity", "*")], pool()),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a pool, of a cluster's role",
            dev_to(vec![may("cognito-identity:*", "*")], cluster()),
            "dev",
            "production",
            "isolated",
        ),
    ]);
}
