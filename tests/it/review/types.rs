//! Each type of Terraform's that bears access: a change of it opens or closes the wall from `dev` to `production`.

use palisade::isolation::WallVerdict::{Isolated, Reachable, Undetermined};
use serde_json::{Value, json};

use super::lab::{
    Change, DEV, Lab, PRODUCTION, Plan, TOOLS, allow, document, lets_in, role, root, trust, wall,
};

const BUILDER: &str = "arn:aws:iam::111111111111:role/builder";
const HOP: &str = "arn:aws:iam::333333333333:role/hop";

fn text(policy: Value) -> Value {
    Value::String(policy.to_string())
}

/// `settle` trusts that principal, instead of its own account.
fn settle_trusts(principal: &str) -> Lab {
    let lab = Lab::new();
    lab.edit_role(PRODUCTION, "settle", |settle| {
        settle["AssumeRolePolicyDocument"] = trust(principal)
    });
    lab
}

/// `settle` trusts `hop`, which lacks the right to become it.
fn hop_lacks_a_right() -> Lab {
    settle_trusts(HOP)
}

/// `settle` trusts `hop`, which has the right to become it.
fn hop_has_the_right() -> Lab {
    let lab = hop_lacks_a_right();
    lab.edit_role(TOOLS, "hop", |hop| {
        *hop = role(TOOLS, "hop", trust(BUILDER), may_become_any());
    });
    lab
}

fn may_become_any() -> Value {
    document(json!([allow("sts:AssumeRole", "*")]))
}

fn walk() -> Value {
    text(may_become_any())
}

#[track_caller]
fn opens(lab: Lab, changes: Vec<Change>) {
    let outcome = lab.plan(&Plan::new(changes)).review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Reachable), "{:#?}", outcome.change);
    assert_eq!(wall(&outcome, "production", "dev"), (Isolated, Isolated));
    assert!(outcome.isolation.broken() > 0);
}

#[track_caller]
fn closes(lab: Lab, changes: Vec<Change>) {
    let outcome = lab.plan(&Plan::new(changes)).review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Reachable, Isolated), "{:#?}", outcome.change);
    assert_eq!(outcome.isolation.broken(), 0);
}

#[track_caller]
fn leaves_open(lab: Lab, changes: Vec<Change>) {
    let outcome = lab.plan(&Plan::new(changes)).review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production").1, Undetermined, "{:#?}", outcome.change);
    assert!(outcome.isolation.broken() > 0, "an undetermined wall blocks");
}

fn role_after(name: &str, trust: Value) -> Value {
    json!({"name": name, "path": "/", "assume_role_policy": trust.to_string(), "permissions_boundary": null})
}

#[test]
fn roles_made_changed_and_gone() {
    opens(
        Lab::new(),
        vec![Change {
            address: "aws_iam_role.new",
            after: role_after("new", trust(&root(DEV))),
            unknown: json!({"arn": true, "inline_policy": true, "managed_policy_arns": true}),
            ..Change::default()
        }],
    );
    let settle = |trust: Value| {
        json!({
            "name": "settle", "path": "/", "arn": format!("arn:aws:iam::{PRODUCTION}:role/settle"), "assume_role_policy": trust.to_string()
        })
    };
    opens(
        Lab::new(),
        vec![Change {
            address: "aws_iam_role.settle",
            actions: &["update"],
            before: settle(trust(&root(PRODUCTION))),
            after: settle(trust(BUILDER)),
            ..Change::default()
        }],
    );
    let open = || settle_trusts(BUILDER);
    closes(
        open(),
        vec![Change {
            address: "aws_iam_role.settle",
            actions: &["delete"],
            before: settle(trust(BUILDER)),
            ..Change::default()
        }],
    );
    // Forgotten, moved and unchanged objects stay in AWS.
    for actions in [&["forget"][..], &["no-op"]] {
        let outcome = open()
            .plan(&Plan::new(vec![Change {
                address: "aws_iam_role.settle",
                actions,
                before: settle(trust(BUILDER)),
                after: settle(trust(BUILDER)),
                ..Change::default()
            }]))
            .review()
            .expect("a review");
        assert_eq!(wall(&outcome, "dev", "production"), (Reachable, Reachable), "{actions:?}");
        assert_eq!(outcome.isolation.changes.len(), 0);
    }
}

/// A role that is replaced is another one: trusts that name it hold the old one's id, unless the plan writes them.
#[test]
fn a_replaced_role_is_another_one() {
    let builder = |name: &str| {
        json!({
            "name": name, "path": "/", "arn": BUILDER, "unique_id": "AROABUILDER", "assume_role_policy": trust("ec2.amazonaws.com").to_string()
        })
    };
    let replaced = || {
        let mut after = role_after("builder", trust("ec2.amazonaws.com"));
        after["path"] = json!("/");
        vec![
            Change {
                address: "aws_iam_role.builder",
                provider: "aws.dev",
                actions: &["delete", "create"],
                before: builder("builder"),
                after,
                unknown: json!({"arn": true, "unique_id": true, "inline_policy": true, "managed_policy_arns": true}),
                ..Change::default()
            },
            Change {
                address: "aws_iam_role_policy.work",
                provider: "aws.dev",
                after: json!({"name": "work", "role": "builder", "policy": walk()}),
                ..Change::default()
            },
        ]
    };
    let open = || settle_trusts(BUILDER);
    closes(open(), replaced());
    let mut written = replaced();
    let settle = |sid: &str| {
        let mut document = trust(BUILDER);
        document["Statement"][0]["Sid"] = json!(sid);
        json!({"name": "settle", "path": "/", "arn": format!("arn:aws:iam::{PRODUCTION}:role/settle"), "assume_role_policy": document.to_string()})
    };
    written.push(Change {
        address: "aws_iam_role.settle",
        actions: &["update"],
        before: settle("Old"),
        after: settle("New"),
        ..Change::default()
    });
    let outcome = open().plan(&Plan::new(written)).review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Reachable, Reachable));
}

#[test]
fn what_is_put_into_roles_users_and_groups() {
    let tools = "aws.tools";
    opens(
        hop_lacks_a_right(),
        vec![Change {
            address: "aws_iam_role_policy.walk",
            provider: tools,
            after: json!({"name": "walk", "role": "hop", "policy": walk()}),
            ..Change::default()
        }],
    );
    opens(
        hop_lacks_a_right(),
        vec![Change {
            address: "aws_iam_role_policy_attachment.walk",
            provider: tools,
            after: json!({"role": "hop", "policy_arn": format!("arn:aws:iam::{TOOLS}:policy/walk")}),
            ..Change::default()
        }],
    );
    opens(
        hop_lacks_a_right(),
        vec![Change {
            address: "aws_iam_policy_attachment.walk",
            provider: tools,
            after: json!({"name": "walk", "roles": ["hop"], "users": [], "groups": [], "policy_arn": format!("arn:aws:iam::{TOOLS}:policy/walk")}),
            ..Change::default()
        }],
    );
    opens(
        hop_lacks_a_right(),
        vec![Change {
            address: "aws_iam_role_policy_attachments_exclusive.hop",
            provider: tools,
            after: json!({"role_name": "hop", "policy_arns": [format!("arn:aws:iam::{TOOLS}:policy/walk")]}),
            ..Change::default()
        }],
    );
    closes(
        hop_has_the_right(),
        vec![Change {
            address: "aws_iam_role_policies_exclusive.hop",
            provider: tools,
            after: json!({"role_name": "hop", "policy_names": []}),
            ..Change::default()
        }],
    );
    // The block is gone, so the provider is: the dump that holds this very policy tells the account.
    closes(
        hop_has_the_right(),
        vec![Change {
            address: "aws_iam_role_policy.work",
            actions: &["delete"],
            before: json!({"name": "work", "role": "hop", "policy": walk()}),
            ..Change::default()
        }],
    );
    // A policy that the plan makes, attached by reference.
    opens(
        hop_lacks_a_right(),
        vec![
            Change {
                address: "aws_iam_policy.made",
                provider: tools,
                after: json!({"name": "made", "path": "/", "policy": walk()}),
                unknown: json!({"arn": true}),
                ..Change::default()
            },
            Change {
                address: "aws_iam_role_policy_attachment.made",
                provider: tools,
                after: json!({"role": "hop"}),
                unknown: json!({"policy_arn": true}),
                expressions: json!({"policy_arn": {"references": ["aws_iam_policy.made.arn", "aws_iam_policy.made"]}}),
                ..Change::default()
            },
        ],
    );
    // Users and groups: `settle` trusts `ann`.
    let ann = || {
        let mut lab = settle_trusts(&format!("arn:aws:iam::{TOOLS}:user/ann"));
        lab.environments = vec![("dev", TOOLS), ("production", PRODUCTION)];
        lab
    };
    opens(
        ann(),
        vec![Change {
            address: "aws_iam_user_policy.walk",
            provider: tools,
            after: json!({"name": "walk", "user": "ann", "policy": walk()}),
            ..Change::default()
        }],
    );
    opens(
        ann(),
        vec![Change {
            address: "aws_iam_user_policy_attachment.walk",
            provider: tools,
            after: json!({"user": "ann", "policy_arn": format!("arn:aws:iam::{TOOLS}:policy/walk")}),
            ..Change::default()
        }],
    );
    let in_crew = |membership: Change| {
        vec![
            Change {
                address: "aws_iam_group_policy.walk",
                provider: tools,
                after: json!({"name": "walk", "group": "crew", "policy": walk()}),
                ..Change::default()
            },
            membership,
        ]
    };
    opens(
        ann(),
        in_crew(Change {
            address: "aws_iam_user_group_membership.ann",
            provider: tools,
            after: json!({"user": "ann", "groups": ["crew"]}),
            ..Change::default()
        }),
    );
    opens(
        ann(),
        in_crew(Change {
            address: "aws_iam_group_membership.crew",
            provider: tools,
            after: json!({"name": "crew", "group": "crew", "users": ["ann"]}),
            ..Change::default()
        }),
    );
    opens(
        ann(),
        vec![
            Change {
                address: "aws_iam_group_policy_attachment.walk",
                provider: tools,
                after: json!({"group": "crew", "policy_arn": format!("arn:aws:iam::{TOOLS}:policy/walk")}),
                ..Change::default()
            },
            Change {
                address: "aws_iam_user_group_membership.ann",
                provider: tools,
                after: json!({"user": "ann", "groups": ["crew"]}),
                ..Change::default()
            },
        ],
    );
}

#[test]
fn boundaries_and_managed_policies() {
    let fence = format!("arn:aws:iam::{TOOLS}:policy/fence");
    let hop = |boundary: Value| {
        json!({
            "name": "hop", "path": "/", "arn": HOP, "assume_role_policy": trust(BUILDER).to_string(), "permissions_boundary": boundary
        })
    };
    let fenced = hop_has_the_right();
    fenced.edit_role(TOOLS, "hop", |hop| {
        hop["PermissionsBoundary"] =
            json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": fence});
    });
    opens(
        fenced,
        vec![Change {
            address: "aws_iam_role.hop",
            provider: "aws.tools",
            actions: &["update"],
            before: hop(json!(fence)),
            after: hop(Value::Null),
            ..Change::default()
        }],
    );
    closes(
        hop_has_the_right(),
        vec![Change {
            address: "aws_iam_role.hop",
            provider: "aws.tools",
            actions: &["update"],
            before: hop(Value::Null),
            after: hop(json!(fence)),
            ..Change::default()
        }],
    );
    let walks = || {
        let lab = hop_lacks_a_right();
        lab.edit_role(TOOLS, "hop", |hop| {
            hop["AttachedManagedPolicies"] = json!([{"PolicyName": "fence", "PolicyArn": format!("arn:aws:iam::{TOOLS}:policy/fence")}]);
        });
        lab
    };
    let policy = |content: Value| json!({"name": "fence", "path": "/", "arn": format!("arn:aws:iam::{TOOLS}:policy/fence"), "policy": content});
    opens(
        walks(),
        vec![Change {
            address: "aws_iam_policy.fence",
            provider: "aws.tools",
            actions: &["update"],
            before: policy(text(document(json!([allow("s3:*", "*")])))),
            after: policy(walk()),
            ..Change::default()
        }],
    );
}

#[test]
fn buckets_queues_keys_and_secrets() {
    let bucket = |policy: Value| json!({"bucket": "acme-ledger", "id": "acme-ledger", "policy": policy.to_string()});
    let own = lets_in(
        &format!("arn:aws:iam::{PRODUCTION}:role/ledger"),
        "s3:GetObject",
        "arn:aws:s3:::acme-ledger/*",
    );
    let open = lets_in(&root(DEV), "s3:GetObject", "arn:aws:s3:::acme-ledger/*");
    opens(
        Lab::new(),
        vec![Change {
            address: "aws_s3_bucket_policy.ledger",
            actions: &["update"],
            before: bucket(own),
            after: bucket(open.clone()),
            ..Change::default()
        }],
    );
    let opened = || {
        let lab = Lab::new();
        lab.edit(&format!("accounts/{PRODUCTION}/buckets.json"), |buckets| {
            buckets["buckets"][0]["policy"] = open.clone()
        });
        lab
    };
    closes(
        opened(),
        vec![Change {
            address: "aws_s3_bucket_policy.ledger",
            actions: &["delete"],
            before: bucket(open.clone()),
            ..Change::default()
        }],
    );
    closes(
        opened(),
        vec![Change {
            address: "aws_s3_bucket.ledger",
            actions: &["delete"],
            before: json!({"bucket": "acme-ledger", "arn": "arn:aws:s3:::acme-ledger"}),
            ..Change::default()
        }],
    );
    let queue = format!("https://sqs.us-east-1.amazonaws.com/{PRODUCTION}/orders");
    opens(
        Lab::new(),
        vec![Change {
            address: "aws_sqs_queue_policy.orders",
            after: json!({"queue_url": queue, "policy": lets_in(&root(DEV), "sqs:SendMessage", "*").to_string()}),
            ..Change::default()
        }],
    );
    opens(
        Lab::new(),
        vec![Change {
            address: "aws_sqs_queue.new",
            after: json!({"name": "new", "policy": lets_in(&root(DEV), "sqs:ReceiveMessage", "*").to_string()}),
            unknown: json!({"arn": true, "url": true}),
            ..Change::default()
        }],
    );
    opens(
        Lab::new(),
        vec![Change {
            address: "aws_kms_key_policy.k",
            after: json!({"key_id": "k1", "policy": lets_in(&root(DEV), "kms:Decrypt", "*").to_string()}),
            ..Change::default()
        }],
    );
    opens(
        Lab::new(),
        vec![Change {
            address: "aws_kms_key.new",
            after: json!({"policy": lets_in(&root(DEV), "kms:Decrypt", "*").to_string()}),
            unknown: json!({"arn": true, "key_id": true}),
            ..Change::default()
        }],
    );
    opens(
        Lab::new(),
        vec![Change {
            address: "aws_secretsmanager_secret_policy.pin",
            after: json!({
                "secret_arn": format!("arn:aws:secretsmanager:us-east-1:{PRODUCTION}:secret:pin-AbCdEf"),
                "policy": lets_in(&root(DEV), "secretsmanager:GetSecretValue", "*").to_string()
            }),
            ..Change::default()
        }],
    );
    opens(
        Lab::new(),
        vec![Change {
            address: "aws_secretsmanager_secret.new",
            after: json!({"name": "new", "policy": lets_in(&root(DEV), "secretsmanager:GetSecretValue", "*").to_string()}),
            unknown: json!({"arn": true, "id": true}),
            ..Change::default()
        }],
    );
}

#[test]
fn blocks_of_public_access() {
    let public = document(
        json!([{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-ledger/*"}]),
    );
    let blocked = |of_account: bool| {
        let lab = Lab::new();
        lab.edit(&format!("accounts/{PRODUCTION}/buckets.json"), |dump| {
            dump["buckets"][0]["policy"] = public.clone();
            let block = json!({"restrict_public_buckets": true, "block_public_policy": true, "block_public_acls": true, "ignore_public_acls": true});
            if of_account { dump["account_public_access_block"] = block } else { dump["buckets"][0]["public_access_block"] = block }
        });
        lab
    };
    let block = |on: bool| json!({"bucket": "acme-ledger", "id": "acme-ledger", "restrict_public_buckets": on});
    let of_account = |on: bool| json!({"account_id": PRODUCTION, "restrict_public_buckets": on});
    opens(
        blocked(false),
        vec![Change {
            address: "aws_s3_bucket_public_access_block.ledger",
            actions: &["delete"],
            before: block(true),
            ..Change::default()
        }],
    );
    opens(
        blocked(true),
        vec![Change {
            address: "aws_s3_account_public_access_block.all",
            actions: &["update"],
            before: of_account(true),
            after: of_account(false),
            ..Change::default()
        }],
    );
    let outcome = blocked(false)
        .plan(&Plan::new(vec![Change {
            address: "aws_s3_bucket_public_access_block.ledger",
            actions: &["update"],
            before: block(true),
            after: block(false),
            ..Change::default()
        }]))
        .review()
        .expect("a review");
    assert_eq!(wall(&outcome, "$anonymous", "production"), (Isolated, Reachable));
}

#[test]
fn the_organizations_guardrails() {
    let deny =
        |action: &str| document(json!([{"Effect": "Deny", "Action": action, "Resource": "*"}]));
    let trusted = |scps: &[(&str, Value, &[&str])], rcps: &[(&str, Value, &[&str])]| {
        let lab = settle_trusts(BUILDER);
        lab.organize(scps, rcps);
        lab
    };
    let scp = |content: Value| json!({"id": "p-stay", "name": "stay", "type": "SERVICE_CONTROL_POLICY", "content": content.to_string()});
    opens(
        trusted(&[("p-stay", deny("sts:AssumeRole"), &[DEV])], &[]),
        vec![Change {
            address: "aws_organizations_policy.stay",
            provider: "aws",
            actions: &["update"],
            before: scp(deny("sts:AssumeRole")),
            after: scp(deny("ec2:RunInstances")),
            ..Change::default()
        }],
    );
    opens(
        trusted(&[("p-stay", deny("sts:AssumeRole"), &[DEV])], &[]),
        vec![Change {
            address: "aws_organizations_policy_attachment.stay",
            actions: &["delete"],
            before: json!({"policy_id": "p-stay", "target_id": DEV}),
            ..Change::default()
        }],
    );
    opens(
        trusted(&[("p-stay", deny("sts:AssumeRole"), &["ou-build"])], &[]),
        vec![Change {
            address: "aws_organizations_account.dev",
            provider: "aws",
            actions: &["update"],
            before: json!({"id": DEV, "name": "dev", "parent_id": "ou-build"}),
            after: json!({"id": DEV, "name": "dev", "parent_id": "r-root"}),
            ..Change::default()
        }],
    );
    closes(
        trusted(&[("p-stay", deny("sts:AssumeRole"), &[])], &[]),
        vec![Change {
            address: "aws_organizations_policy_attachment.stay",
            provider: "aws",
            after: json!({"policy_id": "p-stay", "target_id": "ou-build"}),
            ..Change::default()
        }],
    );
    let outside = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:PrincipalAccount": PRODUCTION}}}
    ]});
    opens(
        trusted(&[], &[("p-hold", outside, &[PRODUCTION])]),
        vec![Change {
            address: "aws_organizations_policy_attachment.hold",
            actions: &["delete"],
            before: json!({"policy_id": "p-hold", "target_id": PRODUCTION}),
            ..Change::default()
        }],
    );
    // What a policy will deny is not known: no path that it may deny is called reachable.
    let outcome = trusted(&[("p-stay", deny("sts:AssumeRole"), &[DEV])], &[])
        .plan(&Plan::new(vec![Change {
            address: "aws_organizations_policy.stay",
            provider: "aws",
            actions: &["update"],
            before: scp(deny("sts:AssumeRole")),
            after: json!({"id": "p-stay", "name": "stay", "type": "SERVICE_CONTROL_POLICY"}),
            unknown: json!({"content": true}),
            ..Change::default()
        }]))
        .review()
        .expect("a review");
    assert_eq!(
        wall(&outcome, "dev", "production"),
        (Isolated, palisade::isolation::WallVerdict::Conditional)
    );
    assert!(
        outcome
            .change
            .guardrails_unknown
            .iter()
            .any(|doubt| doubt.contains("aws_organizations_policy.stay"))
    );
}

#[test]
fn what_is_unknown_or_not_understood_is_never_isolated() {
    let unknown_trust = |after: Value| Change {
        address: "aws_iam_role.new",
        after,
        unknown: json!({"arn": true, "assume_role_policy": true}),
        ..Change::default()
    };
    leaves_open(Lab::new(), vec![unknown_trust(json!({"name": "new", "path": "/"}))]);
    leaves_open(
        Lab::new(),
        vec![Change {
            address: "aws_s3_bucket_policy.new",
            after: json!({}),
            unknown: json!({"bucket": true, "policy": true}),
            expressions: json!({"bucket": {"references": ["var.bucket"]}}),
            ..Change::default()
        }],
    );
    leaves_open(
        hop_lacks_a_right(),
        vec![Change {
            address: "aws_iam_role_policy_attachment.made",
            provider: "aws.tools",
            after: json!({"role": "hop"}),
            unknown: json!({"policy_arn": true}),
            expressions: json!({"policy_arn": {"references": ["module.x.arn", "module.x"]}}),
            ..Change::default()
        }],
    );
    // A type that bears access and is not judged, one that runs templates, one that nobody knows, another provider's.
    for address in
        ["aws_acmpca_permission.p", "aws_cloudformation_stack.s", "aws_type_of_tomorrow.t"]
    {
        leaves_open(
            Lab::new(),
            vec![Change { address, after: json!({"name": "x"}), ..Change::default() }],
        );
    }
    let foreign = Plan::new(vec![Change {
        address: "aws_vpc.v",
        after: json!({"name": "x"}),
        ..Change::default()
    }])
    .with(|plan| {
        plan["resource_changes"][0]["provider_name"] = json!("registry.terraform.io/acme/own")
    });
    let outcome = Lab::new().plan(&foreign).review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production").1, Undetermined);
    // A provisioner may do anything, whatever it hangs on.
    let program = Plan::new(vec![Change {
        address: "aws_vpc.v",
        after: json!({"cidr_block": "10.0.0.0/16"}),
        ..Change::default()
    }])
    .with(|plan| {
        plan["configuration"]["root_module"]["resources"][0]["provisioners"] =
            json!([{"type": "local-exec"}])
    });
    let outcome = Lab::new().plan(&program).review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production").1, Undetermined);
}

#[test]
fn what_bears_no_access_changes_no_wall() {
    let outcome = Lab::new().plan(&Plan::new(vec![
        Change { address: "aws_vpc.v", provider: "aws", after: json!({"cidr_block": "10.0.0.0/16"}), ..Change::default() },
        Change { address: "aws_sns_topic.t", after: json!({"name": "t"}), unknown: json!({"arn": true, "policy": true}), ..Change::default() },
        Change {
            address: "aws_iam_role.settle", actions: &["update"],
            before: json!({"name": "settle", "arn": format!("arn:aws:iam::{PRODUCTION}:role/settle"), "assume_role_policy": trust(&root(PRODUCTION)).to_string(), "tags": {}}),
            after: json!({"name": "settle", "arn": format!("arn:aws:iam::{PRODUCTION}:role/settle"), "assume_role_policy": trust(&root(PRODUCTION)).to_string(), "tags": {"team": "a"}}),
            ..Change::default()
        },
    ])).review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Isolated));
    assert_eq!((outcome.change.judged, outcome.change.harmless), (2, 1));
    assert_eq!(outcome.change.not_judged, Vec::<String>::new());
    assert_eq!(outcome.isolation.broken(), 0);
}
