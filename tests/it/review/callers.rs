//! What services do whatever policies say, and what requests carry: who calls KMS and SQS, who does so unsigned, and by
//! what else a policy may know somebody.

use palisade::isolation::WallVerdict::{self, Conditional, Isolated, Reachable, Undetermined};
use serde_json::{Value, json};

use super::lab::{DEV, Lab, PRODUCTION, TOOLS, allow, document, root, wall};

const QUEUE: &str = "arn:aws:sqs:us-east-1:222222222222:orders";
const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/k1";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:222222222222:secret:pin-AbCdEf";
const BUCKET: &str = "arn:aws:s3:::acme-ledger/*";

fn builder() -> String {
    format!("arn:aws:iam::{DEV}:role/builder")
}

fn lets(principal: Value, actions: Value, condition: Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*", "Condition": condition})
}

/// Dumps in which one resource of production has this policy.
fn holding(arn: &str, policy: Value) -> Lab {
    let lab = Lab::new();
    if arn == BUCKET {
        lab.edit(&format!("accounts/{PRODUCTION}/buckets.json"), |dump| {
            dump["buckets"][0]["policy"] = policy;
        });
    } else {
        lab.edit(&format!("accounts/{PRODUCTION}/resource-policies.json"), |dump| {
            let all = dump["resources"].as_array_mut().expect("a list");
            all.iter_mut().find(|r| r["arn"] == arn).expect("the resource")["policy"] = policy;
        });
    }
    lab
}

fn judge(cases: Vec<(&str, Lab, &str, WallVerdict)>) {
    let wrong: Vec<String> = cases
        .into_iter()
        .filter_map(|(name, lab, from, expected)| {
            let outcome = lab.review().expect("a review");
            let found = wall(&outcome, from, "production").1;
            (found != expected).then(|| format!("{name}: {from} is {found:?}, not {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// SQS Developer Guide, "Limitations of Amazon SQS custom policies"; KMS API Reference, "Cross-account use".
#[test]
fn what_a_service_refuses_to_other_accounts_is_no_way_in() {
    let one = |arn: &str, action: &str| {
        holding(arn, document(json!([lets(json!({"AWS": builder()}), json!(action), json!({}))])))
    };
    judge(vec![
        ("its attributes", one(QUEUE, "sqs:SetQueueAttributes"), "dev", Isolated),
        ("its deletion", one(QUEUE, "sqs:DeleteQueue"), "dev", Isolated),
        ("its tags", one(QUEUE, "sqs:ListQueueTags"), "dev", Isolated),
        ("a move of its messages", one(QUEUE, "SQS:StartMessageMoveTask"), "dev", Isolated),
        ("its messages, all of them", one(QUEUE, "sqs:PurgeQueue"), "dev", Reachable),
        ("a message", one(QUEUE, "sqs:SendMessage"), "dev", Reachable),
        ("a key's policy", one(KEY, "kms:PutKeyPolicy"), "dev", Isolated),
        ("a key's deletion", one(KEY, "kms:ScheduleKeyDeletion"), "dev", Isolated),
        ("a replica of a key", one(KEY, "kms:ReplicateKey"), "dev", Isolated),
        ("a grant", one(KEY, "kms:CreateGrant"), "dev", Reachable),
        ("a signature", one(KEY, "kms:Sign"), "dev", Reachable),
        ("a secret's policy", one(SECRET, "secretsmanager:PutResourcePolicy"), "dev", Reachable),
    ]);
}

/// KMS Developer Guide, "AWS KMS condition keys", `kms:CallerAccount`: the policy of every AWS managed key asks for it.
#[test]
fn kms_knows_the_account_of_its_caller() {
    let key = |caller: &str, more: Value| {
        let mut condition = json!({"StringEquals": {"kms:CallerAccount": caller}});
        for (key, value) in more.as_object().expect("an object") {
            condition["StringEquals"][key] = value.clone();
        }
        let used =
            lets(json!({"AWS": "*"}), json!(["kms:Decrypt", "kms:GenerateDataKey*"]), condition);
        holding(KEY, document(json!([used])))
    };
    let via = || json!({"kms:ViaService": "s3.us-east-1.amazonaws.com"});
    let all = ["dev", "$external", "$anonymous"];
    let managed = all.map(|from| ("an AWS managed key", key(PRODUCTION, via()), from, Isolated));
    let own =
        all.map(|from| ("a key for its own account", key(PRODUCTION, json!({})), from, Isolated));
    let elsewhere = lets(
        json!({"AWS": "*"}),
        json!("kms:Decrypt"),
        json!({"StringNotEquals": {"kms:CallerAccount": [DEV, PRODUCTION]}}),
    );
    let elsewhere = || holding(KEY, document(json!([elsewhere.clone()])));
    let mut cases = vec![
        ("a key for dev", key(DEV, json!({})), "dev", Reachable),
        ("a key for dev by way of a service", key(DEV, via()), "dev", Conditional),
        ("a key for dev, to strangers", key(DEV, json!({})), "$external", Isolated),
        ("a key for others", elsewhere(), "dev", Isolated),
        ("a key for others, to strangers", elsewhere(), "$external", Reachable),
    ];
    cases.extend(managed);
    cases.extend(own);
    judge(cases);
}

/// KMS and Secrets Manager answer no unsigned request; SQS and S3 do.
#[test]
fn only_some_services_answer_unsigned_requests() {
    let open = |arn: &str, action: &str| {
        holding(arn, document(json!([lets(json!("*"), json!(action), json!({}))])))
    };
    let bucket = document(json!([
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": BUCKET}
    ]));
    judge(vec![
        ("a key", open(KEY, "kms:Decrypt"), "$anonymous", Isolated),
        ("a key, signed", open(KEY, "kms:Decrypt"), "$external", Reachable),
        ("a secret", open(SECRET, "secretsmanager:GetSecretValue"), "$anonymous", Isolated),
        ("a secret, signed", open(SECRET, "secretsmanager:GetSecretValue"), "$external", Reachable),
        ("a queue", open(QUEUE, "sqs:SendMessage"), "$anonymous", Reachable),
        ("a bucket", holding(BUCKET, bucket), "$anonymous", Reachable),
    ]);
}

/// IAM User Guide, "AWS global condition context keys": an unsigned request carries `anonymous` as account and id, and
/// no `aws:PrincipalIsAWSService`.
#[test]
fn an_unsigned_request_says_that_it_is_one() {
    let denied = |condition: Value| {
        let all = json!([
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": BUCKET},
            {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": BUCKET, "Condition": condition},
        ]);
        holding(BUCKET, document(all))
    };
    let no_account = || denied(json!({"Null": {"aws:PrincipalAccount": "true"}}));
    let anonymous = || denied(json!({"StringEquals": {"aws:PrincipalAccount": "anonymous"}}));
    let by_id = || denied(json!({"StringEquals": {"aws:userid": "anonymous"}}));
    let ours = || denied(json!({"StringNotEquals": {"aws:PrincipalAccount": [DEV, PRODUCTION]}}));
    let perimeter = |operator: &str| {
        let mut condition =
            json!({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-exampleorgid"}});
        condition[operator] = json!({"aws:PrincipalIsAWSService": "false"});
        denied(condition)
    };
    judge(vec![
        ("no account", no_account(), "$anonymous", Reachable),
        ("no account, signed", no_account(), "dev", Reachable),
        ("an anonymous account", anonymous(), "$anonymous", Isolated),
        ("an anonymous account, signed", anonymous(), "dev", Reachable),
        ("an anonymous id", by_id(), "$anonymous", Isolated),
        ("an anonymous id, signed", by_id(), "dev", Reachable),
        ("accounts of ours", ours(), "$anonymous", Isolated),
        ("accounts of ours, signed", ours(), "dev", Reachable),
        ("no service", perimeter("Bool"), "$anonymous", Reachable),
        ("no service, or none told", perimeter("BoolIfExists"), "$anonymous", Isolated),
        ("no service, signed", perimeter("Bool"), "$external", Isolated),
    ]);
}

/// `AssumeRoleWithWebIdentity` takes no signature, so that its request says nothing of services either.
#[test]
fn an_assertion_is_no_signed_request() {
    let asserted = |operator: &str, value: &str| {
        let lab = Lab::new();
        lab.edit_role(PRODUCTION, "settle", |settle| {
            settle["AssumeRolePolicyDocument"] = document(json!([{
                "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {"Federated": format!("arn:aws:iam::{PRODUCTION}:oidc-provider/issuer.example")},
                "Condition": {"StringEquals": {"issuer.example:sub": "one"}},
            }]));
        });
        let shut = json!({
            "Effect": "Deny", "Principal": "*", "Action": "sts:*", "Resource": "*",
            "Condition": {operator: {"aws:PrincipalIsAWSService": value}},
        });
        lab.organize(&[], &[("p-shut", document(json!([shut])), &["r-root"])]);
        lab
    };
    judge(vec![
        ("no service", asserted("Bool", "false"), "$external", Conditional),
        ("no service, or none told", asserted("BoolIfExists", "false"), "$external", Isolated),
        ("a service", asserted("Bool", "true"), "$external", Conditional),
        ("none told", asserted("Null", "true"), "$external", Isolated),
    ]);
}

/// Policies show the unique id of a principal (IAM User Guide, "Unique identifiers"): of one that exists, it is that one.
#[test]
fn a_unique_id_names_the_principal_that_has_it() {
    let bucket = |id: &str, condition: Value| {
        holding(
            BUCKET,
            document(json!([
                {"Effect": "Allow", "Principal": {"AWS": id}, "Action": "s3:GetObject", "Resource": BUCKET, "Condition": condition}
            ])),
        )
    };
    let trust = |id: &str| {
        let lab = Lab::new();
        lab.edit_role(PRODUCTION, "settle", |settle| {
            settle["AssumeRolePolicyDocument"] = document(json!([
                {"Effect": "Allow", "Principal": {"AWS": id}, "Action": "sts:AssumeRole"}
            ]));
        });
        lab
    };
    let session = |id: &str| json!({"StringLike": {"aws:userid": id}});
    judge(vec![
        ("of a role, by a bucket", bucket("AROABUILDER", json!({})), "dev", Reachable),
        ("of a role, by a trust", trust("AROABUILDER"), "dev", Reachable),
        (
            "with a session of it",
            bucket("AROABUILDER", session("AROABUILDER:i-*")),
            "dev",
            Reachable,
        ),
        (
            // Only EC2 begins its sessions, and calls them like machines.
            "with a session of another name",
            bucket("AROABUILDER", session("AROABUILDER:run-*")),
            "dev",
            Isolated,
        ),
        (
            "with a session of another",
            bucket("AROABUILDER", session("AROAOTHER:*")),
            "dev",
            Isolated,
        ),
        ("of one that is gone", bucket("AROAGONE", json!({})), "dev", Isolated),
        ("of one that is gone, by a trust", trust("AROAGONE"), "$external", Isolated),
    ]);
}

/// A boundary that no dump holds bounds nobody knows what.
#[test]
fn an_unread_boundary_leaves_a_witness_in_doubt() {
    let bounded = |boundary: &str, policy: Value| {
        let lab = holding(BUCKET, policy);
        lab.edit_role(DEV, "builder", |builder| {
            builder["PermissionsBoundary"] = json!({
                "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary
            });
        });
        lab
    };
    let reads = |who: &str| {
        document(
            json!([{"Effect": "Allow", "Principal": {"AWS": who}, "Action": "s3:GetObject", "Resource": BUCKET}]),
        )
    };
    let own = format!("arn:aws:iam::{DEV}:policy/fence");
    let of_aws = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess";
    judge(vec![
        ("of its account", bounded(&own, reads(&builder())), "dev", Undetermined),
        ("of AWS", bounded(of_aws, reads(&root(DEV))), "dev", Undetermined),
        (
            "a policy that lets in nobody of dev",
            bounded(&own, reads(&root(PRODUCTION))),
            "dev",
            Isolated,
        ),
        ("another one without a boundary", holding(BUCKET, reads(&builder())), "dev", Reachable),
    ]);
}

/// CloudFront Developer Guide, "Restrict access to an Amazon S3 origin": who asks the distribution reads.
#[test]
fn a_distribution_is_a_deputy() {
    use palisade::isolation::section::FindingKind::ConfusedDeputy;
    let identity = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity EH1HDMB1FH2TC";
    let reads = |who: Value| {
        document(
            json!([{"Effect": "Allow", "Principal": who, "Action": "s3:GetObject", "Resource": BUCKET}]),
        )
    };
    let found = |who: Value| {
        let outcome = holding(BUCKET, reads(who)).review().expect("a review");
        assert_eq!(wall(&outcome, "dev", "production").1, Isolated);
        let deputies = outcome.isolation.findings.iter().filter(|f| f.kind == ConfusedDeputy);
        deputies.map(|f| f.text.clone()).collect::<Vec<_>>()
    };
    let told = found(json!({"AWS": identity}));
    assert!(told.len() == 1 && told[0].contains("distribution"), "{told:?}");
    assert_eq!(found(json!({"Service": "cloudfront.amazonaws.com"})).len(), 1);
    assert_eq!(found(json!({"AWS": root(PRODUCTION)})), Vec::<String>::new());
}

/// STS API Reference, `GetSessionToken`; IAM User Guide, "Compare AWS STS credentials".
#[test]
fn a_user_may_call_as_a_session_of_its_own() {
    let lab = |statements: Value, condition: Value| {
        let lab = Lab::new();
        lab.edit(&format!("accounts/{TOOLS}/account-authorization-details.json"), |details| {
            let inline = |statements: Value| json!([{"PolicyName": "p", "PolicyDocument": document(statements)}]);
            details["RoleDetailList"][0]["RolePolicyList"] =
                inline(json!([allow("iam:CreateAccessKey", "*")]));
            details["UserDetailList"][0]["UserPolicyList"] = inline(statements);
        });
        lab.edit_role(PRODUCTION, "settle", |settle| {
            let ann = format!("arn:aws:iam::{TOOLS}:user/ann");
            let mut trust = lets(json!({"AWS": ann}), json!("sts:AssumeRole"), condition);
            trust.as_object_mut().expect("an object").remove("Resource");
            settle["AssumeRolePolicyDocument"] = document(json!([trust]));
        });
        lab
    };
    let is_there = || json!({"Null": {"aws:TokenIssueTime": "false"}});
    let all = || json!([allow("sts:*", "*")]);
    let none = json!([
        allow("sts:*", "*"),
        {"Effect": "Deny", "Action": "sts:GetSessionToken", "Resource": "*"}
    ]);
    let second = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    judge(vec![
        ("a session", lab(all(), is_there()), "dev", Reachable),
        ("no session", lab(none, is_there()), "dev", Conditional),
        ("a second factor", lab(all(), second), "dev", Conditional),
    ]);
}
