//! Who issues the tokens that a role's trust takes: whoever writes the keys that they are checked with, wherever these lie (AWS
//! blog and amazon-eks-pod-identity-webhook, "Self-hosted Kubernetes setup": an issuer whose documents lie in a bucket).

use super::*;

const CI: &str = "arn:aws:iam::111111111111:role/ci";
const LOW: &str = "arn:aws:iam::333333333333:role/low";
const KEYS: &str = "arn:aws:s3:::bar-keys";
const ISSUER: &str = "bar-keys.s3.eu-west-1.amazonaws.com";

fn trusting(arn: &str, trust: Json, own: &Json) -> PrincipalNode {
    role(&json!({
        "Arn": arn,
        "AssumeRolePolicyDocument": statement(trust),
        "RolePolicyList": [{"PolicyName": "main", "PolicyDocument": statement(own.clone())}],
    }))
}

fn may(action: &str, resource: &str) -> Json {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

/// A trust for a subject of the issuer's tokens, of an account's provider.
fn by_token(account: &str, more: &Json) -> Json {
    let mut condition = json!({"StringEquals": {format!("{ISSUER}:sub"): "x"}});
    for (operator, of) in more.as_object().into_iter().flatten() {
        condition[operator] = of.clone();
    }
    json!({"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition,
        "Principal": {"Federated": format!("arn:aws:iam::{account}:oidc-provider/{ISSUER}")}})
}

fn low(own: &Json) -> PrincipalNode {
    let trust = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": CI}});
    trusting(LOW, trust, own)
}

/// Production's `deploy` lets in the issuer's tokens; the keys lie in an account's bucket, whose policy lets somebody do something.
fn estate(at: &str, lets: Option<(&str, &str)>, more: &Json, others: Vec<PrincipalNode>) -> Facts {
    let deploy = "arn:aws:iam::222222222222:role/deploy";
    let deploy = trusting(deploy, by_token(PRODUCTION, more), &may("s3:ListAllMyBuckets", "*"));
    let mut facts = facts(others);
    facts.principals.push(deploy.into());
    facts.accounts.push(account("shared", SHARED));
    let policy = lets.map(|(whom, action)| {
        statement(json!({"Effect": "Allow", "Principal": {"AWS": whom}, "Action": action,
            "Resource": format!("{KEYS}/*")}))
    });
    let keys = resource(&BUCKET, KEYS, policy.as_ref());
    facts.resources = vec![ResourceNode { account: handle(at), ..keys }];
    facts
}

/// Dev's `ci` writes the keys by leave of the bucket's policy.
pub(in super::super) fn keys_that_dev_writes() -> Facts {
    estate("shared", Some((CI, "s3:PutObject")), &json!({}), vec![ci_with("s3:*")])
}

#[test]
fn who_writes_the_keys_is_whoever_a_token_lets_in() {
    use WallVerdict::{Conditional, Isolated, Reachable};
    let none = json!({});
    let shared = |lets: Option<(&str, &str)>, others: Vec<PrincipalNode>| {
        estate("shared", lets, &none, others)
    };
    let put = Some((CI, "s3:PutObject"));
    let hop = "arn:aws:iam::333333333333:role/hop";
    let behind = |lets| {
        let hop_ = trusting(hop, by_token(SHARED, &none), &may("sts:AssumeRole", "*"));
        let mut facts = estate("shared", lets, &none, vec![ci_with("s3:*"), hop_]);
        facts.principals.retain(|one| !one.arn.contains("deploy"));
        facts.principals.push(deploy(hop).into());
        facts
    };
    let network = json!({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}});
    let in_low = |action: &str, resource: &str| {
        shared(None, vec![ci_with("sts:AssumeRole"), low(&may(action, resource))])
    };
    let cases = [
        ("by the bucket's policy", keys_that_dev_writes(), Reachable),
        ("its own side", shared(put, vec![ci_with("sqs:*")]), Isolated),
        ("reading", shared(Some((CI, "s3:GetObject")), vec![ci_with("s3:*")]), Isolated),
        ("another condition", estate("shared", put, &network, vec![ci_with("s3:*")]), Conditional),
        ("from the bucket's account", in_low("s3:PutObject", "*"), Reachable),
        ("another bucket", in_low("s3:PutObject", "arn:aws:s3:::other/*"), Isolated),
        ("by writing the policy", in_low("s3:PutBucketPolicy", "*"), Reachable),
        ("reading there", in_low("s3:GetObject", "*"), Isolated),
        ("permitted on the way", in_low("iam:PutRolePolicy", LOW), Reachable),
        ("for a role in between", behind(put), Reachable),
        ("for a role in between, reading", behind(Some((CI, "s3:GetObject"))), Isolated),
        // Who holds the bucket says what the tokens claim.
        ("at home", estate("dev", None, &none, vec![ci_with("s3:*")]), Reachable),
        (
            "at home, from a network",
            estate("dev", None, &network, vec![ci_with("s3:*")]),
            Conditional,
        ),
    ];
    for (name, facts, right) in cases {
        let model = AccessModel::new(facts);
        assert_eq!(into_production(&model), right, "{name}");
        let outside = wall(&model, &Origin::External);
        let right = if name.ends_with("between") { outside } else { WallVerdict::Conditional };
        assert_eq!(outside, right, "{name}, from outside: what a subject is, others say");
    }
}
