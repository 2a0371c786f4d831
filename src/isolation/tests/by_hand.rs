//! Models made by hand: no plan, no configuration, no AWS. What a source has to write down, and that every type of
//! resource is judged alike.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::super::WallVerdict;
use super::super::compare::{compare, verdict};
use super::super::deputy::indirect_paths;
use super::super::paths::Origin;
use super::super::section::Grade;
use crate::access::{
    AccessModel, AccountFacts, BACKUP_VAULT, BUCKET, CERTIFICATE_AUTHORITY, Coverage, EVENT_BUS,
    FUNCTION, Facts, Guardrails, KEY, LOG_DESTINATION, NamedPolicy, Organization, Permissions,
    PolicyType, PrincipalKind, PrincipalNode, QUEUE, REPOSITORY, ResourceNode, ResourcePolicy,
    ResourceType, SECRET, STREAM, TABLE, TOPIC,
};
use crate::iam::{Document, Use};
use crate::ids::{Handle, Partition};

pub(super) mod issuers;
mod leaving;
mod managing;
pub(super) mod running;
mod unread;

const DEV: &str = "111111111111";
const PRODUCTION: &str = "222222222222";
const SHARED: &str = "333333333333";

fn handle(name: &str) -> Handle {
    name.parse().expect("a handle")
}

fn account(name: &str, id: &str) -> AccountFacts {
    AccountFacts {
        handle: handle(name),
        id: id.to_owned(),
        partition: Partition::Aws,
        environments: BTreeSet::from([name.to_owned()]),
        parent: None,
        emulated: false,
        coverage: Coverage::Read,
    }
}

fn document(policy: &Json, role: Use) -> Document {
    Document::from_json(policy, role).expect("a policy").0
}

fn statement(statement: Json) -> Json {
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// A role as `aws iam get-account-authorization-details` lists it.
fn role(dumped: &Json) -> PrincipalNode {
    let arn = dumped["Arn"].as_str().expect("an ARN").to_owned();
    let id = arn.split(':').nth(4).expect("an account");
    let account = handle(match id {
        DEV => "dev",
        SHARED => "shared",
        _ => "production",
    });
    let trust = document(&dumped["AssumeRolePolicyDocument"], Use::Trust);
    let trust = NamedPolicy::new(&arn, "trust", trust);
    let inline = dumped["RolePolicyList"].as_array().cloned().unwrap_or_default();
    let label = arn.clone();
    let permissions = move || Permissions {
        identity: inline
            .iter()
            .map(|policy| {
                let document = document(&policy["PolicyDocument"], Use::Identity);
                NamedPolicy::new(&label, policy["PolicyName"].as_str().unwrap_or(""), document)
            })
            .collect(),
        ..Permissions::default()
    };
    let label = arn.clone();
    let mut role = PrincipalNode::new(arn, account, PrincipalKind::Role, label, permissions);
    role.trust = Some(trust);
    role
}

/// Dev's role `ci`, which may do everything.
fn ci() -> PrincipalNode {
    ci_with("*")
}

fn ci_with(action: &str) -> PrincipalNode {
    role(&json!({
        "RoleName": "ci",
        "Arn": "arn:aws:iam::111111111111:role/ci",
        "AssumeRolePolicyDocument": statement(json!({"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": "ec2.amazonaws.com"}})),
        "RolePolicyList": [{"PolicyName": "all", "PolicyDocument":
            statement(json!({"Effect": "Allow", "Action": action, "Resource": "*"}))}],
    }))
}

fn deploy(trusted: &str) -> PrincipalNode {
    role(&json!({
        "RoleName": "deploy",
        "Arn": "arn:aws:iam::222222222222:role/deploy",
        "AssumeRolePolicyDocument": statement(json!({"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": trusted}})),
        "RolePolicyList": [],
    }))
}

fn facts(principals: Vec<PrincipalNode>) -> Facts {
    Facts {
        live: true,
        accounts: vec![account("dev", DEV), account("production", PRODUCTION)],
        principals: principals.into_iter().map(Into::into).collect(),
        ..Facts::default()
    }
}

fn resource(kind: &'static ResourceType, arn: &str, policy: Option<&Json>) -> ResourceNode {
    let policy = match policy {
        None => ResourcePolicy::Absent,
        Some(json) => {
            let used = Use::Resource(kind.service.to_owned());
            ResourcePolicy::Document(NamedPolicy::new(arn, "policy", document(json, used)))
        }
    };
    ResourceNode {
        tags: crate::access::ResourceTags::Unknown,
        kind,
        arn: arn.to_owned(),
        account: handle("production"),
        label: arn.to_owned(),
        location: None,
        policy,
        restrict_public: false,
        access_lists: crate::access::AccessLists::Off,
        key: None,
    }
}

pub(super) fn into_production(model: &AccessModel) -> WallVerdict {
    wall(model, &Origin::Environment("dev".to_owned()))
}

fn wall(model: &AccessModel, from: &Origin) -> WallVerdict {
    let before = AccessModel::new(Facts::default());
    let compared = compare(&before, model);
    verdict(model, &compared.after.1, &(from.clone(), "production".to_owned())).0
}

#[test]
fn dumped_accounts_get_verdicts() {
    let open = facts(vec![ci(), deploy("arn:aws:iam::111111111111:role/ci")]);
    assert_eq!(into_production(&AccessModel::new(open)), WallVerdict::Reachable);
    let closed = facts(vec![ci(), deploy("arn:aws:iam::111111111111:role/other")]);
    assert_eq!(into_production(&AccessModel::new(closed)), WallVerdict::Isolated);
    let mut partly = facts(vec![ci()]);
    partly.accounts[1].coverage = Coverage::Unread("access denied".to_owned());
    assert_eq!(into_production(&AccessModel::new(partly)), WallVerdict::Undetermined);
    let mut absent = facts(vec![ci()]);
    absent.accounts[1].coverage = Coverage::Absent;
    assert_eq!(into_production(&AccessModel::new(absent)), WallVerdict::Isolated);
}

#[test]
fn guardrails_bind_the_accounts_below_them() {
    let deny = statement(json!({"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"}));
    let verdict_with = |target: &str| {
        // With every right it might leave the organization, and its guardrails with it.
        let ci = ci_with("sts:AssumeRole");
        let mut facts = facts(vec![ci, deploy("arn:aws:iam::111111111111:role/ci")]);
        for account in &mut facts.accounts {
            account.parent = Some(format!("ou-{}", account.handle));
        }
        facts.organization = Some(Organization {
            id: "o-aaaaaaaaaa".to_owned(),
            root: "r-ab12".to_owned(),
            management_account: "999999999999".to_owned(),
            ..Organization::default()
        });
        let policy = NamedPolicy::new("p-1", "content", document(&deny, Use::Scp));
        facts.guardrails = Guardrails {
            parents: ["ou-dev", "ou-production"]
                .map(|unit| (unit.to_owned(), "r-ab12".to_owned()))
                .into(),
            attached: [((PolicyType::ServiceControl, target.to_owned()), vec![policy])].into(),
            bare: BTreeSet::new(),
            enabled: None,
            complete: false,
        };
        let model = AccessModel::new(facts);
        assert_eq!(model.guardrail("p-1"), Some(PolicyType::ServiceControl));
        assert_eq!(model.guardrail("arn:aws:iam::111111111111:role/ci"), None, "it grants");
        into_production(&model)
    };
    assert_eq!(verdict_with("ou-dev"), WallVerdict::Isolated);
    assert_eq!(verdict_with("r-ab12"), WallVerdict::Isolated);
    assert_eq!(verdict_with("ou-production"), WallVerdict::Reachable);
}

/// The same estate in each partition has the same walls.
#[test]
fn every_partition_is_judged_alike() {
    let account_role = |name: &str, trusted: &Json, statements: &Json| {
        json!({
            "Arn": format!("arn:aws:iam::{PRODUCTION}:role/{name}"),
            "AssumeRolePolicyDocument": statement(json!({"Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"AWS": trusted}})),
            "RolePolicyList": [{"PolicyName": "main", "PolicyDocument": {"Version": "2012-10-17",
                "Statement": statements}}],
        })
    };
    let none = json!([{"Effect": "Deny", "Action": "*", "Resource": "*"}]);
    let trusts = [
        (json!("arn:aws:iam::111111111111:role/ci"), WallVerdict::Reachable),
        (json!("arn:aws:sts::111111111111:assumed-role/ci/nightly"), WallVerdict::Reachable),
        (json!("arn:aws:iam::111111111111:root"), WallVerdict::Reachable),
        (json!("111111111111"), WallVerdict::Reachable),
        (json!("*"), WallVerdict::Reachable),
        (json!("arn:aws:iam::111111111111:role/other"), WallVerdict::Isolated),
        (json!("arn:aws:iam::111111111111:user/ci"), WallVerdict::Isolated),
    ];
    for partition in Partition::ALL {
        let model = |roles: &[Json]| {
            let mut facts =
                facts(roles.iter().map(|dumped| role(&inside(partition, dumped))).collect());
            facts.accounts.iter_mut().for_each(|account| account.partition = partition);
            AccessModel::new(facts)
        };
        let ci = json!({
            "Arn": "arn:aws:iam::111111111111:role/ci",
            "AssumeRolePolicyDocument": statement(json!({"Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"Service": "ec2.amazonaws.com"}})),
            "RolePolicyList": [{"PolicyName": "assume", "PolicyDocument":
                statement(json!({"Effect": "Allow", "Action": "sts:AssumeRole",
                    "Resource": "arn:aws:iam::*:role/*"}))}],
        });
        for (trusted, verdict) in &trusts {
            let model = model(&[ci.clone(), account_role("deploy", trusted, &none)]);
            assert_eq!(into_production(&model), *verdict, "{partition}: {trusted}");
            let outside = Origin::External;
            let anybody =
                if *trusted == json!("*") { WallVerdict::Reachable } else { WallVerdict::Isolated };
            assert_eq!(wall(&model, &outside), anybody, "{partition}: {trusted}");
        }
    }
}

/// The same text with the ARNs of a partition.
fn inside(partition: Partition, json: &Json) -> Json {
    let text = json.to_string().replace("arn:aws:", &format!("arn:{partition}:"));
    serde_json::from_str(&text).expect("still JSON")
}

/// An account in between, in each partition: dev's `ci` enters its `hub`, which has no step into production of its
/// own, but these rights.
#[test]
fn power_in_between_is_judged_alike_in_every_partition() {
    let hub = "arn:aws:iam::333333333333:role/hub";
    let bridge = "arn:aws:iam::333333333333:role/bridge";
    let root = "arn:aws:iam::333333333333:root";
    let on = |actions: &[&str], resource: &str| json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    let given = |mut statement: Json, operator: &str, key: &str, value: &str| {
        statement["Condition"] = json!({operator: {key: value}});
        statement
    };
    let pass = on(&["iam:PassRole"], bridge);
    let function = |account: &str| format!("arn:aws:lambda:*:{account}:function:*");
    let attach = |policy: &str| {
        given(on(&["iam:AttachRolePolicy"], hub), "ArnLike", "iam:PolicyARN", policy)
    };
    let create = |name: &str, bound: &str| {
        let role = format!("arn:aws:iam::333333333333:role/{name}");
        let create = on(&["iam:CreateRole"], &role);
        let permit = on(&["iam:PutRolePolicy"], "arn:aws:iam::333333333333:role/made-*");
        json!([given(create, "ArnLike", "iam:PermissionsBoundary", bound), permit])
    };
    let task = |name: &str| {
        let task = format!("arn:aws:iam::aws:policy/root-task/{name}");
        let assume = on(&["sts:AssumeRoot"], "arn:aws:iam::222222222222:root");
        json!([given(assume, "ArnEquals", "sts:TaskPolicyArn", &task)])
    };
    let cases = [
        // It writes its own policy, rewrites the trust of `bridge`, or passes that one to Lambda.
        ("own policy", bridge, json!([on(&["iam:PutRolePolicy"], hub)]), true),
        (
            "another's policy",
            bridge,
            json!([on(&["iam:PutRolePolicy"], "arn:aws:iam::333333333333:role/x")]),
            false,
        ),
        ("AWS's policy", bridge, json!([attach("arn:aws:iam::aws:policy/*")]), true),
        ("no such policy", bridge, json!([attach("arn:aws:iam::333333333333:policy/*")]), false),
        ("trust", bridge, json!([on(&["iam:UpdateAssumeRolePolicy"], bridge)]), true),
        ("passed", bridge, json!([pass, on(&["lambda:CreateFunction"], &function(SHARED))]), true),
        ("not started", bridge, json!([pass]), false),
        ("code", bridge, json!([on(&["lambda:UpdateFunctionCode"], &function(SHARED))]), true),
        ("made", root, create("made-*", "arn:aws:iam::aws:policy/*"), true),
        ("not permitted", root, create("other-*", "arn:aws:iam::aws:policy/*"), false),
        ("root", bridge, task("S3UnlockBucketPolicy"), true),
        ("looking", bridge, task("IAMAuditRootUserCredentials"), false),
    ];
    for partition in Partition::ALL {
        for (name, trusted, rights, is_open) in &cases {
            let role_of = |arn: &str, principal: &Json, statements: &Json| {
                role(&inside(
                    partition,
                    &json!({
                        "Arn": arn,
                        "AssumeRolePolicyDocument": statement(json!({"Effect": "Allow",
                            "Action": "sts:AssumeRole", "Principal": principal})),
                        "RolePolicyList": [{"PolicyName": "main", "PolicyDocument":
                            {"Version": "2012-10-17", "Statement": statements}}],
                    }),
                ))
            };
            let service = |name: &str| json!({"Service": format!("{name}.amazonaws.com")});
            let ci = "arn:aws:iam::111111111111:role/ci";
            let deploy = "arn:aws:iam::222222222222:role/deploy";
            let nothing = json!([{"Effect": "Deny", "Action": "*", "Resource": "*"}]);
            let mut facts = facts(vec![
                role_of(ci, &service("ec2"), &json!([on(&["sts:AssumeRole"], hub)])),
                role_of(hub, &json!({"AWS": ci}), rights),
                role_of(bridge, &service("lambda"), &json!([on(&["sts:AssumeRole"], deploy)])),
                role_of(deploy, &json!({"AWS": trusted}), &nothing),
            ]);
            facts
                .accounts
                .push(AccountFacts { environments: BTreeSet::new(), ..account("shared", SHARED) });
            facts.accounts.iter_mut().for_each(|account| account.partition = partition);
            facts.organization = Some(Organization {
                id: "o-aaaaaaaaaa".to_owned(),
                root: "r-ab12".to_owned(),
                management_account: if rights.to_string().contains("AssumeRoot") {
                    SHARED.to_owned()
                } else {
                    "999999999999".to_owned()
                },
                ..Organization::default()
            });
            let verdict = into_production(&AccessModel::new(facts));
            let right = if *is_open { WallVerdict::Reachable } else { WallVerdict::Isolated };
            assert_eq!(verdict, right, "{partition}: {name}");
        }
    }
}

/// What a service may be talked into is judged by the ARNs of the partition that it serves.
#[test]
fn deputies_are_judged_alike_in_every_partition() {
    for partition in Partition::ALL {
        let found = |source: &str| {
            let policy = statement(json!({"Effect": "Allow", "Action": "s3:PutObject",
                "Principal": {"Service": "logging.s3.amazonaws.com"},
                "Resource": "arn:aws:s3:::data/*",
                "Condition": {"ArnLike": {"aws:SourceArn": source}}}));
            let mut facts = facts(Vec::new());
            facts.accounts.iter_mut().for_each(|account| account.partition = partition);
            let arn = format!("arn:{partition}:s3:::data");
            facts.resources = vec![resource(&BUCKET, &arn, Some(&inside(partition, &policy)))];
            let model = AccessModel::new(facts);
            let before = AccessModel::new(Facts::default());
            let compared = compare(&before, &model);
            indirect_paths(&model, &compared.after.1).len()
        };
        assert_eq!(found("arn:aws:sns:*:*:*"), 1, "{partition}");
        assert_eq!(found("arn:aws:sns:*:222222222222:*"), 0, "{partition}");
    }
}

/// A bucket, a key, a queue and the others are one case.
#[test]
fn every_type_of_resource_is_judged_alike() {
    let cases: [(&ResourceType, &str); 13] = [
        (&BACKUP_VAULT, "arn:aws:backup:eu-west-1:222222222222:backup-vault:orders"),
        (
            &CERTIFICATE_AUTHORITY,
            "arn:aws:acm-pca:eu-west-1:222222222222:certificate-authority/1234",
        ),
        (&EVENT_BUS, "arn:aws:events:eu-west-1:222222222222:event-bus/orders"),
        (&LOG_DESTINATION, "arn:aws:logs:eu-west-1:222222222222:destination:orders"),
        (&BUCKET, "arn:aws:s3:::data"),
        (&KEY, "arn:aws:kms:eu-west-1:222222222222:key/1234"),
        (&QUEUE, "arn:aws:sqs:eu-west-1:222222222222:jobs"),
        (&SECRET, "arn:aws:secretsmanager:eu-west-1:222222222222:secret:db-AbCdEf"),
        (&TOPIC, "arn:aws:sns:eu-west-1:222222222222:orders"),
        (&FUNCTION, "arn:aws:lambda:eu-west-1:222222222222:function:orders"),
        (&TABLE, "arn:aws:dynamodb:eu-west-1:222222222222:table/orders"),
        (&REPOSITORY, "arn:aws:ecr:eu-west-1:222222222222:repository/team/orders"),
        (&STREAM, "arn:aws:kinesis:eu-west-1:222222222222:stream/orders"),
    ];
    assert_eq!(cases.len(), crate::access::RESOURCE_TYPES.len(), "a row without a case");
    for (kind, arn) in cases {
        let policy = |principal: &str, action: &str| {
            statement(json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action,
                "Resource": [arn, format!("{arn}/*")]}))
        };
        let judged = |policy: Option<&Json>| {
            let mut facts = facts(vec![ci()]);
            facts.resources = vec![resource(kind, arn, policy)];
            into_production(&AccessModel::new(facts))
        };
        let ci = "arn:aws:iam::111111111111:role/ci";
        for action in kind.reads.iter().chain(kind.writes) {
            assert_eq!(judged(Some(&policy(ci, action))), WallVerdict::Reachable, "{action}");
        }
        // Data of its owner reaches whoever reads it.
        if let Some(read) = kind.reads.first() {
            let mut shared = facts(vec![self::ci()]);
            shared.resources = vec![resource(kind, arn, Some(&policy(ci, read)))];
            let model = AccessModel::new(shared);
            let before = AccessModel::new(Facts::default());
            let compared = compare(&before, &model);
            let data = indirect_paths(&model, &compared.after.1);
            let data: Vec<_> = data.keys().filter(|path| path.grade == Grade::DataPath).collect();
            assert_eq!(data.len(), 1, "{arn}: {data:?}");
            assert_eq!((data[0].to.as_str(), data[0].resource.as_str()), ("dev", arn));
        }
        let other = "arn:aws:iam::111111111111:role/other";
        for action in kind.reads.iter().chain(kind.writes) {
            assert_eq!(judged(Some(&policy(other, action))), WallVerdict::Isolated, "{action}");
        }
        assert_eq!(judged(Some(&policy(ci, "ec2:RunInstances"))), WallVerdict::Isolated, "{arn}");
        assert_eq!(judged(None), WallVerdict::Isolated, "{arn}");
        let mut facts = facts(vec![self::ci()]);
        let policy = ResourcePolicy::Unreadable;
        facts.resources = vec![ResourceNode { policy, ..resource(kind, arn, None) }];
        assert_eq!(into_production(&AccessModel::new(facts)), WallVerdict::Undetermined, "{arn}");
    }
}
