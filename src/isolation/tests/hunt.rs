//! Estates by hand, each with the verdict that AWS's documentation gives it: one idea a line, told by
//! its name. What was once called closed and is not stands here for ever.

use super::*;

mod chains;

const CI: &str = "arn:aws:iam::111111111111:role/ci";
const DEPLOY: &str = "arn:aws:iam::333333333333:role/deploy";

/// Dev's `ci` may do anything.
fn dev() -> Fixture {
    Fixture::new().both(lambda("dev", "ci", allow("*", "*")))
}

/// Production's role under a trust policy of one statement.
fn trusting(statement: Json) -> SideObject {
    role("production", "deploy", trust(statement), None)
}

/// Production's role under several statements, as they stand.
fn trusting_all(statements: Json) -> SideObject {
    role("production", "deploy", json!({"Version": "2012-10-17", "Statement": statements}), None)
}

fn bucket(policy: Json, block: Json) -> SideObject {
    object(
        "s3_bucket",
        Some("production"),
        "data",
        json!({"bucket": "data", "policy": policy, "block_public_access": block}),
    )
}

/// A bucket of production whose policy has these statements.
fn holding(statements: Json) -> SideObject {
    bucket(json!({"Version": "2012-10-17", "Statement": statements}), json!({}))
}

fn reads(more: Json) -> Json {
    let statement = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::data/*"});
    super::altered(statement, &more)
}

fn identity(statements: Json) -> SideObject {
    lambda("dev", "ci", json!({"Version": "2012-10-17", "Statement": statements}))
}

pub(super) fn scp(name: &str, account: &str, statement: Json) -> SideObject {
    let content = json!({"Version": "2012-10-17", "Statement": [statement]});
    let attrs = json!({"targets": [id_of(account)], "content": content});
    object("service_control_policy", None, name, attrs)
}

pub(super) fn user(account: &str, name: &str, identity: Json) -> SideObject {
    object(
        "iam_user",
        Some(account),
        name,
        json!({"name": name, "path": "/", "arn": format!("arn:aws:iam::{}:user/{name}", id_of(account)),
               "inline_policies": {"main": identity}, "managed_policies": [], "groups": [],
               "permissions_boundary": null, "tags": {}}),
    )
}

pub(super) fn with(mut object: SideObject, attr: &str, value: Json) -> SideObject {
    object.attrs.insert(attr.to_owned(), Value::from_json(&value));
    object
}

/// Judges every case and tells all that are wrong.
pub(super) fn judge(cases: Vec<(&str, Fixture, &str, &str, &str)>) {
    let wrong: Vec<String> = cases
        .into_iter()
        .filter_map(|(name, fixture, from, to, expected)| {
            let Analysis { section, paths, .. } =
                analyse(&fixture.estate, &fixture.sides(), DAY).expect("rules are right");
            let untold = paths.iter().find(|path| {
                let asks = path.verdict == WallVerdict::Conditional;
                let by_request = matches!(path.grade, Grade::Request | Grade::Power);
                asks && by_request && path.conditions.is_empty()
            });
            assert!(untold.is_none(), "{name}: conditional, and nothing is asked: {untold:?}");
            let found = after(&section, from, to);
            (found != expected)
                .then(|| format!("{name}: {from} -> {to} is {found}, not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn trust_policies() {
    let named = |role: &str| json!({"Principal": {"AWS": format!("arn:aws:iam::111111111111:role/{role}")}});
    let root = |more: Json| {
        let mut statement = json!({"Principal": {"AWS": "arn:aws:iam::111111111111:root"}});
        if more.is_object() {
            statement["Condition"] = more;
        }
        statement
    };
    let anyone = |more: Json| json!({"Principal": {"AWS": "*"}, "Condition": more});
    judge(vec![
        ("a role by name", dev().both(trusting(named("ci"))), "dev", "production", "reachable"),
        ("a role that is not there", dev().both(trusting(named("gone"))), "dev", "production", "isolated"),
        ("a bare account id is its root", dev().both(trusting(json!({"Principal": {"AWS": "111111111111"}}))), "dev", "production", "reachable"),
        ("a session by name", dev().both(trusting(json!({"Principal": {"AWS": "arn:aws:sts::111111111111:assumed-role/ci/release"}}))), "dev", "production", "reachable"),
        ("a session of a role with a path",
            Fixture::new().both(with(lambda("dev", "ci", allow("*", "*")), "arn", json!("arn:aws:iam::111111111111:role/team/ci")))
                .both(trusting(json!({"Principal": {"AWS": "arn:aws:sts::111111111111:assumed-role/ci/release"}}))),
            "dev", "production", "reachable"),
        ("a session of somebody outside", dev().both(trusting(json!({"Principal": {"AWS": "arn:aws:sts::555555555555:assumed-role/tool/run"}}))), "$external", "production", "reachable"),
        ("a role whose name differs in case alone from a condition's", dev().both(trusting(root(json!({"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/CI"}})))), "dev", "production", "isolated"),
        ("keys of conditions in another case", dev().both(trusting(root(json!({"StringEquals": {"AWS:principalARN": CI}})))), "dev", "production", "reachable"),
        ("an action in another case", dev().both(trusting(json!({"Principal": {"AWS": CI}, "Action": "STS:assumerole"}))), "dev", "production", "reachable"),
        ("an action with a question mark", dev().both(trusting(json!({"Principal": {"AWS": CI}, "Action": "sts:?ssumeRol?"}))), "dev", "production", "reachable"),
        ("sts:TagSession alone lets nobody in", dev().both(trusting(json!({"Principal": {"AWS": CI}, "Action": "sts:TagSession"}))), "dev", "production", "isolated"),
        ("NotAction that leaves AssumeRole", dev().both(trusting_all(json!([{"Effect": "Allow", "Principal": {"AWS": CI}, "NotAction": "sts:TagSession"}]))), "dev", "production", "reachable"),
        ("NotAction that takes AssumeRole out", dev().both(trusting_all(json!([{"Effect": "Allow", "Principal": {"AWS": CI}, "NotAction": "sts:Assume*"}]))), "dev", "production", "isolated"),
        ("everyone of another organization", dev().both(trusting(anyone(json!({"StringEquals": {"aws:PrincipalOrgID": "o-partner0000"}})))), "$external", "production", "conditional"),
        ("everyone of another organization is nobody of dev", dev().both(trusting(anyone(json!({"StringEquals": {"aws:PrincipalOrgID": "o-partner0000"}})))), "dev", "production", "isolated"),
        ("everyone of some organizations by pattern", dev().both(trusting(anyone(json!({"StringLike": {"aws:PrincipalOrgID": "o-p*"}})))), "$external", "production", "reachable"),
        ("everyone of a unit of another organization", dev().both(trusting(anyone(json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-partner0000/r-cd34/*"}})))), "$external", "production", "conditional"),
        ("everyone all of whose units are ours", dev().both(trusting(anyone(json!({"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-aaaaaaaaaa/r-ab12/*"}})))), "$external", "production", "reachable"),
        ("everyone who has units, all of them ours", dev().both(trusting(anyone(json!({"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-aaaaaaaaaa/r-ab12/*"}, "Null": {"aws:PrincipalOrgPaths": "false"}})))), "$external", "production", "isolated"),
        ("everyone of a unit of ours", dev().both(trusting(anyone(json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-aaaaaaaaaa/r-ab12/*"}})))), "$external", "production", "isolated"),
        ("everyone of our organization, for dev", dev().both(trusting(anyone(json!({"StringEquals": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}})))), "dev", "production", "reachable"),
        ("everyone of our organization, for others", dev().both(trusting(anyone(json!({"StringEquals": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}})))), "$external", "production", "isolated"),
        ("everyone outside our organization", dev().both(trusting(anyone(json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}})))), "$external", "production", "reachable"),
        ("everyone of an account outside, by condition", dev().both(trusting(anyone(json!({"StringEquals": {"aws:PrincipalAccount": "555555555555"}})))), "$external", "production", "reachable"),
        ("everyone of dev's account, by condition, for others", dev().both(trusting(anyone(json!({"StringEquals": {"aws:PrincipalAccount": "111111111111"}})))), "$external", "production", "isolated"),
        ("roles of an account outside, by their ARN's pattern", dev().both(trusting(anyone(json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::555555555555:role/deploy-*"}})))), "$external", "production", "conditional"),
        ("roles of dev, by their ARN's pattern, for others", dev().both(trusting(anyone(json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/*"}})))), "$external", "production", "isolated"),
        ("one role of a partner's account", dev().both(trusting(json!({"Principal": {"AWS": "arn:aws:iam::555555555555:root"}, "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::555555555555:role/partner-*"}}}))), "$external", "production", "conditional"),
        ("one user of a partner's account", dev().both(trusting(json!({"Principal": {"AWS": "555555555555"}, "Condition": {"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::555555555555:user/ops/bob"}}}))), "$external", "production", "conditional"),
        ("a partner's account whose role would be dev's", dev().both(trusting(json!({"Principal": {"AWS": "555555555555"}, "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/*"}}}))), "$external", "production", "isolated"),
        ("a named role outside, by its organization", dev().both(trusting(json!({"Principal": {"AWS": "arn:aws:iam::555555555555:role/tool"}, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-partner0000"}}}))), "$external", "production", "conditional"),
        ("a named role outside cannot be of ours", dev().both(trusting(json!({"Principal": {"AWS": "arn:aws:iam::555555555555:role/tool"}, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}}}))), "$external", "production", "isolated"),
        ("an external id is the caller's to say", dev().both(trusting(root(json!({"StringEquals": {"sts:ExternalId": "x-1"}})))), "dev", "production", "reachable"),
        ("NotPrincipal, which a trust policy may not hold", dev().both(trusting_all(json!([{"Effect": "Allow", "NotPrincipal": {"AWS": "arn:aws:iam::111111111111:role/else"}, "Action": "sts:AssumeRole"}]))), "dev", "production", "undetermined"),
        ("a negated operator on a missing key", dev().both(trusting(root(json!({"StringNotEquals": {"aws:PrincipalTag/team": "web"}})))), "dev", "production", "reachable"),
        ("a positive operator on a tag that is not there", dev().both(trusting(root(json!({"StringEquals": {"aws:PrincipalTag/team": "web"}})))), "dev", "production", "isolated"),
        ("IfExists on a tag that is not there", dev().both(trusting(root(json!({"StringEqualsIfExists": {"aws:PrincipalTag/team": "web"}})))), "dev", "production", "reachable"),
        ("ForAllValues on a missing key", dev().both(trusting(root(json!({"ForAllValues:StringEquals": {"aws:PrincipalTag/team": "web"}})))), "dev", "production", "reachable"),
        ("ForAllValues on what the caller may leave out", dev().both(trusting(root(json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}})))), "dev", "production", "reachable"),
        ("a tag in letters beyond ASCII",
            Fixture::new().both(with(lambda("dev", "ci", allow("*", "*")), "tags", json!({"équipe": "données"})))
                .both(trusting(root(json!({"StringEquals": {"aws:PrincipalTag/équipe": "données"}})))),
            "dev", "production", "reachable"),
        ("a session tag in letters beyond ASCII",
            Fixture::new().both(role("dev", "ci", trust(json!({"Principal": {"Service": "lambda.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]})), Some(allow("*", "*"))))
                .both(trusting(root(json!({"StringEquals": {"aws:PrincipalTag/team": "données"}})))),
            "dev", "production", "conditional"),
        ("a session tag that the trust lets anybody set by NotAction",
            Fixture::new().both(role("dev", "ci", json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "NotAction": "sts:AssumeRoleWithSAML"}]}), Some(allow("*", "*"))))
                .both(trusting(root(json!({"StringEquals": {"aws:PrincipalTag/team": "data"}})))),
            "dev", "production", "conditional"),
        ("a date that has yet to come", dev().both(trusting(root(json!({"DateGreaterThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}})))), "dev", "production", "conditional"),
        ("a variable under the new version", dev().both(trusting(root(json!({"StringEquals": {"sts:RoleSessionName": "${aws:PrincipalAccount}"}})))), "dev", "production", "reachable"),
        ("a variable without value", dev().both(trusting(root(json!({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}})))), "dev", "production", "isolated"),
        ("the same under the old version is text",
            dev().both(role("production", "deploy", json!({"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": CI}, "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}}]}), None)),
            "dev", "production", "reachable"),
        ("conditions that exclude each other", dev().both(trusting(root(json!({"StringEquals": {"aws:PrincipalAccount": "222222222222"}})))), "dev", "production", "isolated"),
        ("a user", Fixture::new().both(user("dev", "bob", allow("sts:AssumeRole", "*"))).both(trusting(root(Json::Null))), "dev", "production", "reachable"),
        ("a user by its name as session name", Fixture::new().both(user("dev", "bob", allow("sts:AssumeRole", "*"))).both(trusting(root(json!({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}})))), "dev", "production", "reachable"),
    ]);
}

#[test]
fn identity_providers() {
    let provider = "arn:aws:iam::333333333333:oidc-provider/token.actions.githubusercontent.com";
    let oidc = |more: Json| {
        let mut statement = json!({"Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity"});
        if more.is_object() {
            statement["Condition"] = more;
        }
        Fixture::new().both(trusting(statement))
    };
    let sub = "token.actions.githubusercontent.com:sub";
    let aud = "token.actions.githubusercontent.com:aud";
    let saml = "arn:aws:iam::333333333333:saml-provider/corp";
    judge(vec![
        ("no condition at all", oidc(Json::Null), "$external", "production", "reachable"),
        ("an audience alone: whoever runs a workflow may ask for it", oidc(json!({"StringEquals": {(aud): "sts.amazonaws.com"}})), "$external", "production", "reachable"),
        ("a subject", oidc(json!({"StringLike": {(sub): "repo:acme/*"}})), "$external", "production", "conditional"),
        ("a subject that must not be", oidc(json!({"StringNotLike": {(sub): "repo:evil/*"}})), "$external", "production", "conditional"),
        ("a subject if it exists", oidc(json!({"StringLikeIfExists": {(sub): "repo:acme/*"}})), "$external", "production", "conditional"),
        ("two subjects at once", oidc(json!({"StringEquals": {(sub): "a"}, "StringLike": {(sub): "b*"}})), "$external", "production", "isolated"),
        ("AssumeRole does not take a token", Fixture::new().both(trusting(json!({"Principal": {"Federated": provider}, "Action": "sts:AssumeRole"}))), "$external", "production", "isolated"),
        ("SAML", Fixture::new().both(trusting(json!({"Principal": {"Federated": saml}, "Action": "sts:AssumeRoleWithSAML", "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}}))), "$external", "production", "conditional"),
        ("everyone by web identity", Fixture::new().both(trusting(json!({"Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity"}))), "$external", "production", "reachable"),
        ("everyone by SAML", Fixture::new().both(trusting(json!({"Principal": "*", "Action": "sts:AssumeRoleWithSAML"}))), "$external", "production", "reachable"),
        ("everyone by any way, of our organization", Fixture::new().both(trusting(json!({"Principal": "*", "Action": "sts:*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}}}))), "$external", "production", "isolated"),
        ("a token gives nobody of dev a way", oidc(Json::Null), "dev", "production", "isolated"),
        ("a chain from outside through dev", Fixture::new()
            .both(role("dev", "ci", trust(json!({"Principal": {"Federated": "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"}, "Action": "sts:AssumeRoleWithWebIdentity"})), Some(allow("sts:AssumeRole", DEPLOY))))
            .both(trusting(json!({"Principal": {"AWS": CI}}))), "$external", "production", "reachable"),
    ]);
}

#[test]
fn bucket_policies() {
    let ci = |more: Json| {
        let mut statement = reads(json!({"Principal": {"AWS": CI}}));
        for (key, value) in more.as_object().expect("an object") {
            statement[key] = value.clone();
        }
        json!([statement])
    };
    let block = |policy: Json| {
        bucket(
            json!({"Version": "2012-10-17", "Statement": policy}),
            json!({"restrict_public_buckets": true}),
        )
    };
    judge(vec![
        ("a role by name", dev().both(holding(ci(json!({})))), "dev", "production", "reachable"),
        ("keys beyond ASCII", dev().both(holding(ci(json!({"Resource": "arn:aws:s3:::data/données/*"})))), "dev", "production", "reachable"),
        ("a deny that leaves keys beyond ASCII",
            dev().both(holding(json!([reads(json!({"Principal": {"AWS": CI}})), {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "NotResource": "arn:aws:s3:::data/données/é?.csv"}]))),
            "dev", "production", "reachable"),
        ("a deny of everything by Resource and NotResource",
            dev().both(holding(json!([reads(json!({"Principal": {"AWS": CI}})), {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "NotResource": "arn:aws:s3:::data/a*"},
                {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::data/a*"}]))),
            "dev", "production", "isolated"),
        ("an identity that is about other buckets", Fixture::new().both(lambda("dev", "ci", allow("s3:*", "arn:aws:s3:::other/*"))).both(holding(ci(json!({})))), "dev", "production", "isolated"),
        ("an identity by NotResource", Fixture::new().both(identity(json!([{"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::secret/*"}]))).both(holding(ci(json!({})))), "dev", "production", "reachable"),
        ("an identity by NotAction", Fixture::new().both(identity(json!([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]))).both(holding(ci(json!({})))), "dev", "production", "reachable"),
        ("a session by name", dev().both(holding(ci(json!({"Principal": {"AWS": "arn:aws:sts::111111111111:assumed-role/ci/i-0abc"}})))), "dev", "production", "reachable"),
        ("a canonical user is somebody", dev().both(holding(ci(json!({"Principal": {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}})))), "dev", "production", "undetermined"),
        ("a federated user of dev", Fixture::new().both(user("dev", "bob", allow("*", "*"))).both(holding(ci(json!({"Principal": {"AWS": "arn:aws:sts::111111111111:federated-user/bob"}})))), "dev", "production", "reachable"),
        ("everybody", dev().both(holding(json!([reads(json!({}))]))), "$anonymous", "production", "reachable"),
        ("strangers, beside an account of an emulator", dev().account("local", "000000000000").both(holding(json!([reads(json!({}))]))), "$external", "production", "reachable"),
        ("everybody, by the wild card in a list", dev().both(holding(json!([reads(json!({"Principal": {"AWS": ["*"]}}))]))), "$anonymous", "production", "reachable"),
        ("everybody, where public buckets are restricted", dev().both(block(json!([reads(json!({}))]))), "$anonymous", "production", "isolated"),
        ("everybody, where the account restricts public buckets",
            dev().both(holding(json!([reads(json!({}))]))).both(object("account_baseline", Some("production"), "baseline", json!({"s3_block_public_access": {"restrict_public_buckets": true}}))),
            "$anonymous", "production", "isolated"),
        ("everybody, where another account restricts its own",
            dev().both(holding(json!([reads(json!({}))]))).both(object("account_baseline", Some("dev"), "baseline", json!({"s3_block_public_access": {"restrict_public_buckets": true}}))),
            "$anonymous", "production", "reachable"),
        ("the same for dev", dev().both(block(json!([reads(json!({}))]))), "dev", "production", "isolated"),
        ("a bucket that is not public is not restricted", dev().both(block(ci(json!({})))), "dev", "production", "reachable"),
        ("a public statement restricts its neighbour too", dev().both(block(json!([reads(json!({})), reads(json!({"Principal": {"AWS": CI}}))]))), "dev", "production", "isolated"),
        ("fixed networks are not public", dev().both(block(json!([reads(json!({"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}))]))), "$anonymous", "production", "conditional"),
        ("a fixed endpoint's account is not public", dev().both(block(json!([reads(json!({"Condition": {"StringEquals": {"aws:VpceAccount": "111111111111"}}}))]))), "dev", "production", "conditional"),
        ("everyone of an account outside, by condition", dev().both(holding(json!([reads(json!({"Condition": {"StringEquals": {"aws:PrincipalAccount": "555555555555"}}}))]))), "$external", "production", "reachable"),
        ("everyone of another organization", dev().both(holding(json!([reads(json!({"Condition": {"StringEquals": {"aws:PrincipalOrgID": ["o-aaaaaaaaaa", "o-partner0000"]}}}))]))), "$external", "production", "conditional"),
        ("an origin access identity", dev().both(holding(ci(json!({"Principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1ABCDEFG"}})))), "dev", "production", "isolated"),
        ("a service with its source", dev().both(holding(ci(json!({"Principal": {"Service": "cloudtrail.amazonaws.com"}, "Condition": {"StringEquals": {"aws:SourceAccount": "333333333333"}}})))), "dev", "production", "isolated"),
        ("NotPrincipal with Allow", dev().both(holding(json!([reads(json!({"Principal": null, "NotPrincipal": {"AWS": "arn:aws:iam::111111111111:role/else"}}))]))), "dev", "production", "reachable"),
        ("NotPrincipal with Deny spares who is listed with its account", dev().both(holding(json!([reads(json!({"Principal": {"AWS": CI}})), reads(json!({"Effect": "Deny", "Principal": null, "NotPrincipal": {"AWS": [CI, "arn:aws:iam::111111111111:root"]}}))]))), "dev", "production", "reachable"),
        ("NotPrincipal with Deny hits who is not listed", dev().both(holding(json!([reads(json!({"Principal": {"AWS": CI}})), reads(json!({"Effect": "Deny", "Principal": null, "NotPrincipal": {"AWS": ["arn:aws:iam::333333333333:root"]}}))]))), "dev", "production", "isolated"),
        ("a prefix that a variable gives", dev().both(holding(ci(json!({"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::data", "Condition": {"StringLike": {"s3:prefix": "home/${aws:PrincipalAccount}/*"}}})))), "dev", "production", "reachable"),
        ("a key that a variable gives", dev().both(holding(ci(json!({"Resource": "arn:aws:s3:::data/${aws:PrincipalAccount}/*"})))), "dev", "production", "reachable"),
        ("a key that a variable gives under the old version", dev().both(bucket(json!({"Version": "2008-10-17", "Statement": [reads(json!({"Principal": {"AWS": CI}, "Resource": "arn:aws:s3:::data/${aws:username}/*"}))]}), json!({}))), "dev", "production", "reachable"),
        ("a transport that the caller chooses", dev().both(holding(json!([reads(json!({"Principal": {"AWS": CI}})), {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]))), "dev", "production", "reachable"),
        ("headers of a request", dev().both(holding(ci(json!({"Action": "s3:PutObject", "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}})))), "dev", "production", "reachable"),
        ("tags of the object", dev().both(holding(ci(json!({"Condition": {"StringEquals": {"s3:ExistingObjectTag/class": "open"}}})))), "dev", "production", "conditional"),
        // S3 answers whoever is of another account with 405, though the policy would let it.
        ("its policy, changed from elsewhere", Fixture::new().both(lambda("dev", "ci", allow("s3:PutBucketPolicy", "*"))).both(holding(ci(json!({"Action": "s3:PutBucketPolicy", "Resource": "arn:aws:s3:::data"})))), "dev", "production", "isolated"),
        ("an action written in capitals", dev().both(holding(ci(json!({"Action": "S3:GETOBJECT"})))), "dev", "production", "reachable"),
        ("an action that nobody has heard of", dev().both(holding(ci(json!({"Action": "s3:SummonObject"})))), "dev", "production", "reachable"),
        ("only the root user is denied", dev().both(holding(json!([reads(json!({"Principal": {"AWS": "111111111111"}})), reads(json!({"Effect": "Deny", "Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalType": "Account"}}}))]))), "dev", "production", "reachable"),
        ("ARNs in the account's place", dev().both(holding(json!([reads(json!({"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::1*:role/ci"}}}))]))), "dev", "production", "reachable"),
        ("StringEquals takes no wild card", dev().both(holding(json!([reads(json!({"Condition": {"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci"}}}))]))), "dev", "production", "isolated"),
    ]);
}

#[test]
fn guardrails_and_boundaries() {
    // Whoever may leave the organization has power over its guardrails, so this one may not.
    let open = || {
        Fixture::new()
            .both(lambda("dev", "ci", allow("sts:*", "*")))
            .both(trusting(json!({"Principal": {"AWS": CI}})))
    };
    let deny = |more: Json| {
        let statement = json!({"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"});
        super::altered(statement, &more)
    };
    let policy = |name: &str, statements: Json| {
        object(
            "iam_policy",
            Some("dev"),
            name,
            json!({"name": name, "arn": format!("arn:aws:iam::111111111111:policy/{name}"),
            "content": {"Version": "2012-10-17", "Statement": statements}}),
        )
    };
    let bounded = |statements: Json| {
        Fixture::new().both(policy("edge", statements)).both(with(
            lambda("dev", "ci", allow("*", "*")),
            "permissions_boundary",
            json!("arn:aws:iam::111111111111:policy/edge"),
        ))
    };
    judge(vec![
        ("an SCP that denies", open().both(scp("no", "dev", deny(json!({})))), "dev", "production", "isolated"),
        ("an SCP on another account", open().both(scp("no", "shared", deny(json!({})))), "dev", "production", "reachable"),
        ("an SCP by NotAction", open().both(scp("no", "dev", deny(json!({"Action": null, "NotAction": ["s3:*"]})))), "dev", "production", "isolated"),
        ("an SCP by NotAction that spares it", open().both(scp("no", "dev", deny(json!({"Action": null, "NotAction": ["sts:*"]})))), "dev", "production", "reachable"),
        ("an SCP by NotResource", open().both(scp("no", "dev", deny(json!({"Resource": null, "NotResource": "arn:aws:iam::111111111111:role/*"})))), "dev", "production", "isolated"),
        ("an SCP about resources elsewhere", open().both(scp("no", "dev", deny(json!({"Resource": "arn:aws:iam::222222222222:role/*"})))), "dev", "production", "reachable"),
        ("an SCP with an exempt principal", open().both(scp("no", "dev", deny(json!({"Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci"}}})))), "dev", "production", "reachable"),
        ("an SCP under a condition of the surroundings", open().both(scp("no", "dev", deny(json!({"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}})))), "dev", "production", "conditional"),
        ("an SCP that is about the regions of the caller", open().both(scp("no", "dev", deny(json!({"Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-central-1"}}})))), "dev", "production", "reachable"),
        ("an RCP that denies strangers", open().both(object("resource_control_policy", None, "perimeter", json!({"targets": ["333333333333"], "content": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "333333333333"}}}]}}))), "dev", "production", "isolated"),
        ("an RCP that lets the organization through", open().both(object("resource_control_policy", None, "perimeter", json!({"targets": ["r-ab12"], "content": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Resource": "*", "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}}}]}}))), "dev", "production", "reachable"),
        ("a boundary that allows nothing of it", bounded(json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}])).both(trusting(json!({"Principal": {"AWS": CI}}))), "dev", "production", "isolated"),
        ("a boundary and everybody: across accounts it counts", bounded(json!([{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}])).both(holding(json!([reads(json!({"Condition": {"StringEquals": {"aws:PrincipalArn": CI}}}))]))), "dev", "production", "isolated"),
        ("within an account it does not: a chain by everybody and an ARN",
            bounded(json!([{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]))
                .both(role("dev", "hop", trust(json!({"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalArn": CI}}})), Some(allow("sts:AssumeRole", "*"))))
                .both(trusting(json!({"Principal": {"AWS": "arn:aws:iam::111111111111:role/hop"}}))),
            "dev", "production", "reachable"),
        ("an SCP of which nothing can be read denies nothing",
            {
                let mut unknown = scp("allow-list", "dev", json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}));
                unknown.attrs.insert("content".to_owned(), Value::Unknown(Unknown::default()));
                let mut fixture = open();
                for side in [&mut fixture.before, &mut fixture.after] {
                    for object in side.iter_mut().filter(|o| o.key == "FullAWSAccess") {
                        object.attrs.insert("targets".to_owned(), Value::from_json(&json!(["r-ab12", "222222222222", "333333333333"])));
                    }
                }
                fixture.both(unknown)
            },
            "dev", "production", "reachable"),
    ]);
}

#[test]
fn what_cannot_be_read_is_never_closed() {
    let unread = |mut fixture: Fixture, account: &str| {
        fixture.unread.insert(handle(account), "access denied".to_owned());
        fixture
    };
    let unknown = |mut object: SideObject, attr: &str| {
        object.attrs.insert(attr.to_owned(), Value::Unknown(Unknown::default()));
        object
    };
    let lets_in_shared =
        |principal: &str| dev().both(trusting(json!({"Principal": {"AWS": principal}})));
    judge(vec![
        ("a trust policy", dev().both(unknown(trusting(json!({"Principal": {"AWS": CI}})), "assume_role_policy")), "dev", "production", "undetermined"),
        ("a bucket's policy", dev().both(unknown(holding(json!([reads(json!({}))])), "policy")), "dev", "production", "undetermined"),
        ("a bucket's policy, for strangers", dev().both(unknown(holding(json!([reads(json!({}))])), "policy")), "$anonymous", "production", "undetermined"),
        ("not the other way", dev().both(unknown(holding(json!([reads(json!({}))])), "policy")), "production", "dev", "isolated"),
        ("an account between, by its root", unread(lets_in_shared("222222222222"), "shared"), "dev", "production", "undetermined"),
        ("an account between, by a role that nobody manages", unread(lets_in_shared("arn:aws:iam::222222222222:role/ops"), "shared"), "dev", "production", "undetermined"),
        ("an account between, by everybody of the organization", unread(dev().both(trusting(json!({"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}}}))), "shared"), "$external", "production", "undetermined"),
        ("an account between that nobody lets in", unread(dev().both(trusting(json!({"Principal": {"AWS": "333333333333"}}))), "shared"), "dev", "production", "isolated"),
        ("an account between, two steps from the end", unread(
            dev().account("far", "444444444444")
                .both(with(role("far", "relay", trust(json!({"Principal": {"AWS": "222222222222"}})), Some(allow("sts:AssumeRole", "*"))), "arn", json!("arn:aws:iam::444444444444:role/relay")))
                .both(trusting(json!({"Principal": {"AWS": "arn:aws:iam::444444444444:role/relay"}}))), "shared"),
            "dev", "production", "undetermined"),
        ("a policy of who asks", Fixture::new().both(with(lambda("dev", "ci", allow("s3:*", "*")), "managed_policies", json!(["arn:aws:iam::111111111111:policy/unknown"]))).both(trusting(json!({"Principal": {"AWS": CI}}))), "dev", "production", "undetermined"),
    ]);
}

#[test]
fn moves_of_the_plan() {
    let unit = |id: &str, name: &str| {
        object(
            "organizational_unit",
            None,
            name,
            json!({"id": id, "parent": "r-ab12", "name": name}),
        )
    };
    let full = |target: &str| {
        object(
            "service_control_policy",
            None,
            &format!("Full-{target}"),
            json!({"targets": [target], "content": allow("*", "*")}),
        )
    };
    let account = |parent: Json| {
        let mut object =
            object("account", None, "dev", json!({"id": "111111111111", "parent": "r-ab12"}));
        object.address = Some(crate::address::ResourceAddr::new("account", "dev"));
        object.attrs.insert("parent".to_owned(), Value::from_json(&parent));
        object
    };
    let no_assume = || {
        object(
            "service_control_policy",
            None,
            "no",
            json!({"targets": ["ou-ab12-sandbox1"], "content": {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sts:*", "Resource": "*"}]}}),
        )
    };
    let held = || {
        Fixture::new()
            .both(lambda("dev", "ci", allow("sts:*", "*")))
            .both(unit("ou-ab12-sandbox1", "sandbox"))
            .both(full("ou-ab12-sandbox1"))
            .both(no_assume())
            .both(unit("ou-ab12-workload", "workload"))
            .both(full("ou-ab12-workload"))
            .both(trusting(json!({"Principal": {"AWS": CI}})))
    };
    let paths = |pattern: &str| {
        dev().both(trusting(json!({"Principal": "*", "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": pattern}}})))
    };
    let planned = || {
        let mut moved = account(json!("x"));
        let address = crate::address::ResourceAddr::new("organizational_unit", "new");
        moved
            .attrs
            .insert("parent".to_owned(), Value::Unknown(Unknown::attr(address.clone(), "id")));
        let mut planned = unit("x", "new");
        planned.address = Some(address.clone());
        planned.attrs.insert("id".to_owned(), Value::Unknown(Unknown::attr(address, "id")));
        (moved, planned)
    };
    let into_new = |pattern: &str| {
        let (moved, planned) = planned();
        paths(pattern).then(planned).then(moved)
    };
    judge(vec![
        (
            "into a unit that holds it",
            held().then(account(json!("ou-ab12-sandbox1"))),
            "dev",
            "production",
            "isolated",
        ),
        (
            "out of a unit that held it",
            {
                let mut fixture = held();
                fixture.before.retain(|o| !(o.kind == "account" && o.key == "dev"));
                fixture.before.push(account(json!("ou-ab12-sandbox1")));
                fixture.then(account(json!("ou-ab12-workload")))
            },
            "dev",
            "production",
            "reachable",
        ),
        (
            "into a unit that is let in",
            paths("o-aaaaaaaaaa/r-ab12/ou-ab12-workload/*")
                .both(unit("ou-ab12-workload", "workload"))
                .both(full("ou-ab12-workload"))
                .then(account(json!("ou-ab12-workload"))),
            "dev",
            "production",
            "reachable",
        ),
        (
            "into a unit that is still to come, where any unit is let in",
            into_new("o-aaaaaaaaaa/r-ab12/ou-*"),
            "dev",
            "production",
            "undetermined",
        ),
        (
            "into a unit that is still to come, where another unit is let in",
            into_new("o-aaaaaaaaaa/r-ab12/ou-ab12-workload/*"),
            "dev",
            "production",
            "isolated",
        ),
        (
            "a trust that names a role which this plan creates",
            Fixture::new().both(trusting(json!({"Principal": {"AWS": CI}}))).then(lambda(
                "dev",
                "ci",
                allow("*", "*"),
            )),
            "dev",
            "production",
            "reachable",
        ),
    ]);
}
