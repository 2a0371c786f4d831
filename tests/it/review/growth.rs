//! The work of a review grows with the accounts and with what the plan touches, and no faster: counted, not timed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use palisade::engine::review::{ReviewOutcome, ReviewRequest, run};
use palisade::isolation::WallVerdict;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::lab::{Change, MANAGEMENT, Plan, allow, document, role, root, trust};

const ENVIRONMENTS: usize = 4;
const ROLES: usize = 6;

fn id(account: usize) -> String {
    format!("{}", 100_000_000_000 + account)
}

fn arn(account: usize, role: usize) -> String {
    format!("arn:aws:iam::{}:role/app-{role}", id(account))
}

/// Accounts in four environments. In each, the first role may assume the second one of the next account, which lets it in.
fn dump(account: usize, accounts: usize) -> Value {
    let (next, last) = ((account + 1) % accounts, (account + accounts - 1) % accounts);
    let roles = (0..ROLES).map(|number| {
        let data = format!("arn:aws:s3:::data-{}-{number}", id(account));
        let mut own = vec![allow("s3:GetObject", &format!("{data}/*"))];
        if number == 0 {
            own.push(allow("sts:AssumeRole", &arn(next, 1)));
        }
        let lets_in =
            if number == 1 { trust(&arn(last, 0)) } else { trust("lambda.amazonaws.com") };
        role(&id(account), &format!("app-{number}"), lets_in, document(json!(own)))
    });
    let roles: Vec<Value> = roles.collect();
    json!({"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles, "Policies": []})
}

/// A review of so many accounts and changes; each lets the root of another account into a role.
fn review(accounts: usize, changes: usize) -> ReviewOutcome {
    let dir = TempDir::new().expect("a folder");
    let write = |name: &str, content: &Value| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content.to_string()).expect("written");
    };
    for account in 0..accounts {
        let folder = format!("accounts/{}", id(account));
        let details = format!("{folder}/account-authorization-details.json");
        write(&details, &dump(account, accounts));
        let none = json!({"account_public_access_block": null, "buckets": []});
        write(&format!("{folder}/buckets.json"), &none);
        write(&format!("{folder}/resource-policies.json"), &json!({"resources": []}));
    }
    let members: Vec<Value> =
        (0..accounts).map(|account| json!({"id": id(account), "parent": "r-exam"})).collect();
    let organization = json!({
        "organization": {"id": "o-exampleorg", "management_account": MANAGEMENT},
        "root": {"id": "r-exam", "policy_types": []},
        "units": [], "accounts": members, "scps": [], "rcps": [],
    });
    write("organization.json", &organization);
    let changed = (0..changes).map(|change| {
        let (account, number) = (change % accounts, 2 + change % (ROLES - 2));
        let values = |lets_in: Value| {
            json!({
                "arn": arn(account, number), "name": format!("app-{number}"), "path": "/",
                "assume_role_policy": lets_in.to_string(),
            })
        };
        Change {
            address: Box::leak(format!("aws_iam_role.app{change}").into_boxed_str()),
            provider: "aws",
            actions: &["update"],
            before: values(trust("lambda.amazonaws.com")),
            after: values(trust(&root(&id((account + 1) % accounts)))),
            ..Change::default()
        }
    });
    write("plan.json", &Plan::new(changed.collect()).json());
    let mut environments: BTreeMap<String, _> = BTreeMap::new();
    for account in 0..accounts {
        let own = environments
            .entry(format!("e{}", account % ENVIRONMENTS))
            .or_insert_with(BTreeSet::new);
        own.insert(id(account).parse().expect("an id"));
    }
    let request = ReviewRequest {
        accounts: Some(dir.path().to_owned()),
        terraform_plans: vec![dir.path().join("plan.json")],
        environments,
        today: "2026-11-23".to_owned(),
        ..ReviewRequest::default()
    };
    run(&request).expect("a review")
}

#[test]
fn questions_grow_with_accounts_and_changes_and_no_faster() {
    let asked = |accounts, changes| {
        let outcome = review(accounts, changes);
        assert_eq!(outcome.change.judged, changes);
        let row = outcome.isolation.matrix.iter().find(|row| row.from == "e0" && row.to == "e1");
        assert_eq!(row.expect("a wall").before, WallVerdict::Reachable);
        outcome.questions
    };
    // What does not double with all else (each environment, the management account) is a few questions.
    const FEW: usize = 16;
    let accounts = [16, 32, 64].map(|accounts| asked(accounts, 8));
    assert!(accounts[2] - accounts[1] <= 2 * (accounts[1] - accounts[0]) + FEW, "{accounts:?}");
    let changes = [8, 16, 32].map(|changes| asked(64, changes));
    assert!(changes[2] - changes[1] <= 2 * (changes[1] - changes[0]) + FEW, "{changes:?}");
    assert!(accounts[2] < 64 * 64, "none for each pair of accounts: {accounts:?}");
}
