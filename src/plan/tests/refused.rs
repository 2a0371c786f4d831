//! What a plan refuses because AWS would, or because it was asked to.

use super::*;

#[test]
fn too_many_policies_on_a_target_are_refused() {
    let mut fixture = PlanFixture::new();
    // AWS's own is the eleventh.
    for n in 0..10 {
        let mut policy = scp(json!(["ou-ab12-11111111"]));
        policy["name"] = json!(format!("p{n}"));
        fixture.want(&format!("service_control_policy.p{n}"), policy, &[]);
    }
    let errors = fixture.plan().expect_err("refused");
    assert!(errors.to_string().contains("11 of 10 SCPs"), "{errors}");
}

#[test]
fn the_last_policy_of_a_target_is_not_detached() {
    let ids = ["ou-ab12-11111111", "ou-ab12-22222222"];
    let mut fixture = PlanFixture::new();
    fixture.org.complete.insert("service_control_policy");
    fixture.settled(
        "organizational_unit.prod",
        "Root/prod",
        json!({"name": "prod", "parent_id": "r-ab12", "id": ids[0], "tags": {}}),
        &[],
    );
    fixture.want("service_control_policy.lock", scp(json!([ids[1]])), &[]);
    fixture.record("service_control_policy.lock", "lock", scp(json!(ids)), &[]);
    fixture.live("service_control_policy.lock", "lock", scp(json!(ids)));
    let errors = fixture.plan().expect_err("refused").to_string();
    assert!(errors.contains("is the last SCP of `organizational_unit.prod`"), "{errors}");
    assert!(!errors.contains(ids[1]), "{errors}");
    // Where everything goes, a unit takes its own along; the other one is not managed, and stays.
    fixture.options.mode = Mode::Destroy;
    let errors = fixture.plan().expect_err("refused").to_string();
    assert_eq!(errors.matches("is the last SCP of").count(), 1, "{errors}");
    assert!(errors.contains(ids[1]), "{errors}");
    fixture.options.mode = Mode::Normal;
    // Another policy that takes its place is attached before this one is detached.
    let mut other = scp(json!([ids[0]]));
    other["name"] = json!("other");
    fixture.want("service_control_policy.other", other, &[]);
    fixture.plan().expect("a plan");
    fixture.estate.instances.remove(&address("service_control_policy.other"));
    // AWS's own is there, as it is unless somebody takes it away.
    let mut full = scp(json!(ids));
    full["name"] = json!("FullAWSAccess");
    fixture.live("service_control_policy.full", "FullAWSAccess", full);
    fixture.plan().expect("a plan");
}

#[test]
fn accounts_are_not_replaced() {
    let mut fixture = PlanFixture::new();
    let account = json!({"name": "a", "email": "a@acme.example", "id": "444444444444", "tags": {}});
    fixture.settled("account.a", "a@acme.example", account, &[]);
    fixture.plan().expect("a plan");
    fixture.options.replace.push("account.a".to_owned());
    let errors = fixture.plan().expect_err("refused");
    assert!(errors.to_string().contains("`account.a` cannot be replaced"), "{errors}");
}

#[test]
fn protected_objects_are_not_deleted() {
    let mut fixture = PlanFixture::new();
    fixture.settled(ROLE, "deploy", role("d"), &[]);
    fixture.estate.instances.get_mut(&address(ROLE)).expect("there").lifecycle.prevent_destroy =
        true;
    fixture.options.mode = Mode::Destroy;
    let errors = fixture.plan().expect_err("refused");
    assert!(errors.to_string().contains("protected"), "{errors}");
}

#[test]
fn what_a_plan_names_must_be_there_when_it_is_through() {
    let ghost = "arn:aws:iam::222222222222:role/ghost";
    let naming = |boundary: &str, principal: &str| {
        let mut role = role("d");
        role["permissions_boundary"] = boundary.into();
        role["assume_role_policy"]["Statement"][0]["Principal"]["AWS"] = json!([principal]);
        role
    };
    let policy = "arn:aws:iam::222222222222:policy/limit";
    let mut fixture = PlanFixture::new();
    fixture.want(ROLE, naming(policy, ghost), &[]);
    // Nothing is known of an account that was not read to the end.
    fixture.plan().expect("a plan");
    let dev = fixture.accounts.get_mut(&handle("dev")).expect("dev");
    dev.complete.extend(["iam_role", "iam_policy"]);
    let found = fixture.plan().expect_err("both are missing");
    let summaries: Vec<String> = found.iter().map(|d| d.summary.clone()).collect();
    assert_eq!(
        summaries,
        [
            format!("`permissions_boundary` of `{ROLE}` names `{policy}`, which does not exist"),
            format!("`assume_role_policy` of `{ROLE}` names `{ghost}`, which does not exist"),
        ]
    );
    // One is there and the other comes with the plan.
    fixture.live("iam_policy.limit@dev", "/limit", json!({"name": "limit", "arn": policy}));
    fixture.want("iam_role.ghost@dev", role("g"), &[]).computed = attrs(json!({"arn": ghost}));
    fixture.plan().expect("a plan");
    // Elsewhere it is for AWS to say, and patterns name nothing in particular.
    for other in ["arn:aws:iam::999999999999:role/x", "arn:aws:iam::aws:policy/x", "222222222222"] {
        let mut fixture = PlanFixture::new();
        let dev = fixture.accounts.get_mut(&handle("dev")).expect("dev");
        dev.complete.extend(["iam_role", "iam_policy"]);
        fixture.want(ROLE, naming(other, other), &[]);
        fixture.plan().expect(other);
    }
}

#[test]
fn quotas_are_counted_where_they_are_used_up() {
    let mut fixture = PlanFixture::new();
    let limits = "{\"roles_per_account\": 1, \"organizational_unit_depth\": 2}";
    let limits = attrs(serde_json::from_str(limits).expect("json"));
    let organization = fixture.want("organization.acme", json!({}), &[]);
    let spanned = |value: &Value| crate::schema::Spanned { value: value.clone(), loc: loc() };
    organization.body.blocks.push(crate::schema::NestedBody {
        name: "limits".to_owned(),
        labels: Vec::new(),
        body: Body {
            loc: loc(),
            attrs: limits.iter().map(|(k, v)| (k.clone(), spanned(v))).collect(),
            blocks: Vec::new(),
        },
    });
    fixture.settled(ROLE, "deploy", role("d"), &[]);
    let plan = fixture.plan().expect("one of one");
    let roles = plan.limits.iter().find(|l| l.limit == "roles_per_account").expect("counted");
    assert_eq!((roles.target.as_str(), roles.used, roles.allowed), ("account.dev", 1, 1));
    fixture
        .want("iam_role.other@dev", role("o"), &[])
        .desired
        .insert("name".to_owned(), "o".into());
    let unit = |name: &str, parent: &str| json!({"name": name, "parent": parent, "tags": {}});
    fixture.settled(
        "organizational_unit.a",
        "root/a",
        {
            let mut a = unit("a", "root");
            a["id"] = "ou-a".into();
            a
        },
        &[],
    );
    fixture.settled(
        "organizational_unit.b",
        "ou-a/b",
        {
            let mut b = unit("b", "ou-a");
            b["id"] = "ou-b".into();
            b
        },
        &[],
    );
    fixture.want("organizational_unit.c", unit("c", "ou-b"), &[]);
    let found = fixture.plan().expect_err("two of one, three of two");
    let summaries: Vec<&str> = found.iter().map(|d| d.summary.as_str()).collect();
    assert_eq!(summaries, ["account.dev: 2 of 1 roles", "organizational_unit.c: 3 of 2 levels"]);
}

#[test]
fn what_is_settled_for_good_is_refused_and_named() {
    let account = |email: &str| json!({"id": "222222222222", "name": "dev", "email": email, "parent": "root", "tags": {}});
    let mut fixture = PlanFixture::new();
    fixture.settled("account.dev", "dev@acme.example", account("dev@acme.example"), &[]);
    fixture.plan().expect("nothing differs");
    fixture.want("account.dev", account("dev@acme.example"), &[]).desired =
        attrs(account("other@acme.example"));
    let found = fixture.plan().expect_err("refused");
    let summaries: Vec<&str> = found.iter().map(|d| d.summary.as_str()).collect();
    assert_eq!(summaries, ["`email` of `account.dev` cannot change"]);
    let email = found.iter().next().expect("one");
    let is = "it is \"dev@acme.example\", not \"other@acme.example\"";
    assert_eq!(email.detail.as_deref(), Some(is));
    let help = email.help.as_deref();
    assert!(help.is_some_and(|h| h.contains("start-primary-email-update")), "{email:?}");
}

#[test]
fn a_policy_in_use_is_replaced_under_another_name_alone() {
    let arn = |name: &str| format!("arn:aws:iam::222222222222:policy/{name}");
    let policy = |name: &str, description: &str| {
        json!({"name": name, "path": "/", "description": description, "tags": {}, "arn": arn(name),
               "content": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}})
    };
    let at = "iam_policy.limit@dev";
    let bounded = |name: &str| {
        let mut role = role("d");
        role["permissions_boundary"] = json!(arn(name));
        role
    };
    let mut fixture = PlanFixture::new();
    fixture
        .want(at, policy("limit", "new"), &[])
        .computed
        .insert("arn".to_owned(), arn("limit").into());
    fixture.record(at, "/limit", policy("limit", "old"), &[]);
    fixture.live(at, "/limit", policy("limit", "old"));
    fixture.settled(ROLE, "deploy", bounded("limit"), &[at]);
    let errors = fixture.plan().expect_err("refused").to_string();
    assert!(
        errors.contains(
            "`iam_policy.limit@dev` cannot be replaced while `iam_role.deploy@dev` has it"
        ),
        "{errors}"
    );
    fixture.estate.instances.clear();
    fixture
        .want(at, policy("other", "new"), &[])
        .computed
        .insert("arn".to_owned(), arn("other").into());
    fixture.want(ROLE, bounded("other"), &[at]);
    let plan = fixture.plan().expect("a plan");
    precedes(&plan, (OperationKind::Create, at), (OperationKind::Update, ROLE));
    precedes(&plan, (OperationKind::Update, ROLE), (OperationKind::Delete, at));
}

#[test]
fn a_unit_is_not_deleted_around_a_closed_account() {
    let (unit, id) = ("organizational_unit.a", "ou-ab12-11111111");
    let mut fixture = PlanFixture::new();
    let account = |parent: &str| json!({"name": "a", "email": "a@acme.example", "id": "444444444444", "parent": parent, "tags": {}});
    fixture.record(
        unit,
        "root/a",
        json!({"name": "a", "parent": "root", "id": id, "tags": {}}),
        &[],
    );
    fixture.live(unit, "root/a", json!({"name": "a", "parent": "root", "id": id, "tags": {}}));
    for (parent, refused) in [(id, true), ("root", false)] {
        fixture.record("account.a", "a@acme.example", account(parent), &[unit]);
        fixture.live("account.a", "a@acme.example", account(parent));
        let recorded = fixture.prior.get_mut(&address("account.a")).expect("recorded");
        recorded.meta = serde_json::from_value(json!({"on_destroy": "close"})).expect("an object");
        match fixture.plan() {
            Ok(plan) => {
                assert!(!refused);
                let change = plan.change(&address("account.a")).expect("planned");
                assert!(change.reason.as_deref().is_some_and(|r| r.contains("90 days")));
            }
            Err(errors) => {
                assert!(refused, "{errors}");
                assert!(errors.to_string().contains("`account.a` stays in it, closed"), "{errors}");
            }
        }
    }
}

#[test]
fn an_account_that_goes_to_the_root_by_default_is_warned_of() {
    let at = |parent: &str| json!({"name": "a", "email": "a@acme.example", "id": "444444444444", "parent": parent, "tags": {}});
    let mut fixture = PlanFixture::new();
    fixture.want("account.a", at("root"), &[]);
    fixture.record("account.a", "a@acme.example", at("ou-ab12-11111111"), &[]);
    fixture.live("account.a", "a@acme.example", at("ou-ab12-11111111"));
    let plan = fixture.plan().expect("a plan");
    let warned = &plan.diagnostics[0];
    assert!(
        warned.summary.contains("`account.a` moves from `ou-ab12-11111111` to the root"),
        "{warned:?}"
    );
    // Said by the block, it is meant.
    let instance = fixture.estate.instances.get_mut(&address("account.a")).expect("it");
    instance
        .body
        .attrs
        .insert("parent".to_owned(), crate::schema::Spanned { value: "root".into(), loc: loc() });
    assert_eq!(fixture.plan().expect("a plan").diagnostics, []);
}
