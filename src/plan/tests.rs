//! The planner against estates, states and readings made by hand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::model::{Action, DriftStatus, OperationKind, Plan, StateBasis};
use super::{ComputeOptions, Input, Live, Mode, Reading, compute};
use crate::address::ResourceAddr;
use crate::diag::{Diagnostics, Loc, Source};
use crate::eval::estate::{Account, Estate, Instance, Lifecycle};
use crate::live::Index;
use crate::provider::{Inventory, LiveObject};
use crate::schema::{Body, kinds};
use crate::state::model::{ResourceState, Resources};
use crate::value::{Attrs, Sorted, Unknown, Value};

mod refused;

fn attrs(json: Json) -> Attrs {
    Value::from_json(&json).as_map().expect("an object").clone()
}

fn loc() -> Loc {
    Loc::whole(&Source::new("main.hcl", "x"))
}

fn address(text: &str) -> ResourceAddr {
    text.parse().expect(text)
}

fn handle(text: &str) -> crate::ids::Handle {
    text.parse().expect("a handle")
}

/// A fixture under construction: what is configured, recorded and live.
struct PlanFixture {
    estate: Estate,
    prior: Resources,
    org: Inventory,
    accounts: BTreeMap<crate::ids::Handle, Inventory>,
    options: ComputeOptions,
}

impl PlanFixture {
    fn new() -> Self {
        let mut fixture = Self {
            estate: Estate { name: "acme".to_owned(), ..Estate::default() },
            prior: Resources::new(),
            org: Inventory::default(),
            accounts: BTreeMap::new(),
            options: ComputeOptions::default(),
        };
        for name in ["dev", "production"] {
            fixture.estate.accounts.insert(
                handle(name),
                Account {
                    handle: handle(name),
                    address: ResourceAddr::new("account", name),
                    id: Some(
                        if name == "dev" { "222222222222" } else { "333333333333" }
                            .parse()
                            .expect("id"),
                    ),
                    name: name.to_owned(),
                    access_role: None,
                    read_role: None,
                    endpoint_url: None,
                    region: None,
                    environments: [name.to_owned()].into(),
                    loc: loc(),
                },
            );
            fixture.accounts.insert(handle(name), Inventory::default());
        }
        fixture
    }

    fn want(&mut self, at: &str, desired: Json, depends_on: &[&str]) -> &mut Instance {
        let address = address(at);
        self.estate.instances.entry(address.clone()).or_insert(Instance {
            address,
            loc: loc(),
            body: Body { loc: loc(), attrs: Sorted::new(), blocks: Vec::new() },
            desired: attrs(desired),
            computed: Attrs::new(),
            depends_on: depends_on.iter().map(|a| self::address(a)).collect(),
            lifecycle: Lifecycle::default(),
            environments: BTreeSet::new(),
        })
    }

    fn record(&mut self, at: &str, key: &str, recorded: Json, depends_on: &[&str]) {
        let address = address(at);
        let state = ResourceState {
            kind: address.kind.clone(),
            key: key.to_owned(),
            attrs: recorded.as_object().expect("an object").clone().into_iter().collect(),
            depends_on: depends_on.iter().map(|a| self::address(a)).collect(),
            environments: BTreeSet::new(),
            meta: Default::default(),
        };
        self.prior.insert(address, state);
    }

    fn live(&mut self, at: &str, key: &str, live: Json) {
        let address = address(at);
        let kind = kinds::kind(&address.kind).expect("a kind").schema().kind;
        let inventory = match address.account() {
            Some(account) => self.accounts.get_mut(account).expect("an account"),
            None => &mut self.org,
        };
        inventory.objects.insert((kind, key.to_owned()), LiveObject::new(kind, key, attrs(live)));
    }

    /// Configured, recorded and live alike.
    fn settled(&mut self, at: &str, key: &str, json: Json, depends_on: &[&str]) {
        self.want(at, json.clone(), depends_on);
        self.record(at, key, json.clone(), depends_on);
        self.live(at, key, json);
    }

    fn plan(&self) -> Result<Plan, Diagnostics> {
        let live = Live {
            organization: Reading::Read(Index::new(self.org.clone())),
            accounts: self
                .accounts
                .iter()
                .map(|(h, i)| (h.clone(), Reading::Read(Index::new(i.clone()))))
                .collect(),
            founder: None,
            refreshed: true,
            shared: Vec::new(),
        };
        compute(Input {
            estate: &self.estate,
            configuration_digest: "sha256:0",
            prior: &self.prior,
            basis: &StateBasis::default(),
            live: &live,
            options: &self.options,
            generated_at: "2026-11-23T10:00:00Z",
        })
    }
}

fn action(plan: &Plan, at: &str) -> Action {
    plan.change(&address(at)).unwrap_or_else(|| panic!("{at} is not in the plan")).action
}

/// Position of an operation in the plan's order; and a check that the order respects the graph.
fn position(plan: &Plan, op: OperationKind, at: &str) -> usize {
    for operation in &plan.operations {
        assert!(operation.after.iter().all(|before| *before < operation.id));
    }
    plan.operations
        .iter()
        .position(|o| o.op == op && o.address == address(at))
        .unwrap_or_else(|| panic!("no {op:?} of {at} in {:#?}", plan.operations))
}

fn precedes(plan: &Plan, first: (OperationKind, &str), then: (OperationKind, &str)) {
    let id = |(op, at)| plan.operations[position(plan, op, at)].id;
    let (first, then) = (id(first), id(then));
    let mut reached = BTreeSet::from([then]);
    for operation in plan.operations.iter().rev() {
        if reached.contains(&operation.id) {
            reached.extend(&operation.after);
        }
    }
    assert!(reached.contains(&first), "{first} does not precede {then}: {:#?}", plan.operations);
}

fn role(description: &str) -> Json {
    json!({"name": "deploy", "path": "/", "description": description, "tags": {}, "max_session_duration": 3600,
           "assume_role_policy": {"Version": "2012-10-17", "Statement": [
               {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::222222222222:root", "arn:aws:iam::444444444444:role/x"]}, "Action": ["sts:AssumeRole"]}]},
           "inline_policies": {}, "managed_policies": [], "permissions_boundary": null})
}

fn scp(targets: Json) -> Json {
    json!({"name": "lock", "description": "", "tags": {}, "targets": targets,
           "content": {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]}})
}

const ROLE: &str = "iam_role.deploy@dev";

#[test]
fn what_matches_is_no_change() {
    let mut fixture = PlanFixture::new();
    fixture.settled(ROLE, "deploy", role("d"), &[]);
    let plan = fixture.plan().expect("a plan");
    assert_eq!(action(&plan, ROLE), Action::NoOp);
    assert!(!plan.has_changes());
    assert!(plan.drift.is_empty());
}

#[test]
fn a_policy_that_only_looks_different_is_no_change() {
    let mut fixture = PlanFixture::new();
    fixture.settled(ROLE, "deploy", role("d"), &[]);
    let mut other = role("d");
    other["assume_role_policy"] = json!({"Version": "2012-10-17", "Statement":
        {"Effect": "Allow", "Action": "STS:assumerole", "Principal": {"AWS": ["arn:aws:iam::444444444444:role/x", "222222222222"]}}});
    fixture.live(ROLE, "deploy", other);
    let plan = fixture.plan().expect("a plan");
    assert_eq!(action(&plan, ROLE), Action::NoOp);
    assert!(plan.drift.is_empty(), "{:?}", plan.drift);
}

#[test]
fn one_removed_principal_is_one_line() {
    let mut fixture = PlanFixture::new();
    fixture.settled(ROLE, "deploy", role("d"), &[]);
    let wanted = &mut fixture.estate.instances.get_mut(&address(ROLE)).expect("there").desired;
    wanted.extend(attrs(json!({"assume_role_policy": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"}, "Action": "sts:AssumeRole"}]}})));
    let plan = fixture.plan().expect("a plan");
    let change = plan.change(&address(ROLE)).expect("in the plan");
    assert_eq!(change.action, Action::Update);
    assert_eq!(change.changed, ["$.assume_role_policy"]);
    let lines: Vec<&String> = change.policy_diff.iter().flat_map(|p| &p.lines).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with('-') && lines[0].contains("role/x"), "{lines:?}");
}

#[test]
fn an_object_that_is_gone_is_created_again_and_told_as_drift() {
    let mut fixture = PlanFixture::new();
    fixture.want(ROLE, role("d"), &[]);
    fixture.record(ROLE, "deploy", role("d"), &[]);
    let plan = fixture.plan().expect("a plan");
    assert_eq!(action(&plan, ROLE), Action::Create);
    assert_eq!(plan.drift[0].status, DriftStatus::Missing);
}

#[test]
fn an_object_of_somebody_else_is_not_taken_over_silently() {
    let mut fixture = PlanFixture::new();
    fixture.want(ROLE, role("d"), &[]);
    fixture.live(ROLE, "deploy", role("other"));
    let errors = fixture.plan().expect_err("refused");
    assert!(errors.to_string().contains("exists already"), "{errors}");
}

#[test]
fn an_object_with_our_ownership_tag_is_recovered() {
    let mut fixture = PlanFixture::new();
    let mut tagged = role("d");
    tagged["tags"] = json!({"palisade:address": "v1:ABC"});
    fixture.want(ROLE, tagged.clone(), &[]);
    fixture.live(ROLE, "deploy", tagged);
    let plan = fixture.plan().expect("a plan");
    assert_eq!(action(&plan, ROLE), Action::Adopt);
    assert_eq!(plan.operations.len(), 1);
}

#[test]
fn unmanaged_objects_are_seen_once() {
    let mut fixture = PlanFixture::new();
    fixture.settled(ROLE, "deploy", role("d"), &[]);
    fixture.live("iam_role.x@production", "by-hand", role("x"));
    let plan = fixture.plan().expect("a plan");
    let seen: Vec<&str> = plan.drift.iter().map(|d| d.address.as_str()).collect();
    assert_eq!(seen, ["iam_role/by-hand@production"]);
}

#[test]
fn dependants_go_first_when_things_are_deleted() {
    let mut fixture = PlanFixture::new();
    fixture.record(
        "organizational_unit.prod",
        "r-ab12/prod",
        json!({"id": "ou-ab12-11111111", "name": "prod"}),
        &[],
    );
    fixture.live(
        "organizational_unit.prod",
        "r-ab12/prod",
        json!({"id": "ou-ab12-11111111", "name": "prod"}),
    );
    fixture.record(
        "service_control_policy.lock",
        "lock",
        scp(json!(["ou-ab12-11111111"])),
        &["organizational_unit.prod"],
    );
    fixture.live("service_control_policy.lock", "lock", scp(json!(["ou-ab12-11111111"])));
    let plan = fixture.plan().expect("a plan");
    precedes(
        &plan,
        (OperationKind::Detach, "service_control_policy.lock"),
        (OperationKind::Delete, "service_control_policy.lock"),
    );
    precedes(
        &plan,
        (OperationKind::Delete, "service_control_policy.lock"),
        (OperationKind::Delete, "organizational_unit.prod"),
    );
}

#[test]
fn a_guardrail_moves_without_a_gap() {
    let mut fixture = PlanFixture::new();
    fixture.want(
        "service_control_policy.new",
        {
            let mut new = scp(json!(["ou-ab12-11111111"]));
            new["name"] = json!("new");
            new
        },
        &[],
    );
    fixture.record("service_control_policy.old", "lock", scp(json!(["ou-ab12-11111111"])), &[]);
    fixture.live("service_control_policy.old", "lock", scp(json!(["ou-ab12-11111111"])));
    let plan = fixture.plan().expect("a plan");
    precedes(
        &plan,
        (OperationKind::Attach, "service_control_policy.new"),
        (OperationKind::Detach, "service_control_policy.old"),
    );
    assert!(plan.diagnostics.is_empty());
}

/// AWS moves no unit, and deletes none that holds something.
#[test]
fn a_unit_is_made_anew_only_when_nothing_hangs_on_it() {
    let mut fixture = PlanFixture::new();
    let (unit, other, old) = ("organizational_unit.a", "organizational_unit.b", "ou-ab12-11111111");
    let at = |name: &str, parent: &str, id: &str| json!({"name": name, "parent": parent, "id": id, "tags": {}});
    let account = |parent: &str| json!({"name": "a", "email": "a@acme.example", "id": "444444444444", "parent": parent, "tags": {}});
    fixture.settled(other, "root/b", at("b", "root", "ou-ab12-22222222"), &[]);
    fixture.want(unit, at("a", "ou-ab12-22222222", old), &[]);
    fixture.record(unit, "root/a", at("a", "root", old), &[]);
    fixture.live(unit, "root/a", at("a", "root", old));
    fixture.want("account.a", account(old), &[unit]);
    fixture.record("account.a", "a@acme.example", account(old), &[unit]);
    fixture.live("account.a", "a@acme.example", account(old));
    let errors = fixture.plan().expect_err("refused").to_string();
    assert!(errors.contains("cannot be replaced: `account.a` would be left behind"), "{errors}");
    // It is empty once the account has left.
    let moved = fixture.estate.instances.get_mut(&address("account.a")).expect("there");
    moved.desired.insert("parent".to_owned(), "ou-ab12-22222222".into());
    moved.depends_on = BTreeSet::from([address(other)]);
    let plan = fixture.plan().expect("a plan");
    assert_eq!(
        (action(&plan, unit), action(&plan, "account.a")),
        (Action::Replace, Action::Update)
    );
    precedes(&plan, (OperationKind::Move, "account.a"), (OperationKind::Delete, unit));
}

#[test]
fn an_account_that_stays_leaves_its_unit_though_the_organization_is_forgotten_already() {
    let mut fixture = PlanFixture::new();
    fixture.options.mode = Mode::Destroy;
    let (unit, id) = ("organizational_unit.a", "ou-ab12-11111111");
    let json = json!({"name": "a", "parent": "root", "id": id, "tags": {}});
    fixture.record(unit, "root/a", json.clone(), &[]);
    fixture.live(unit, "root/a", json);
    let json = json!({"name": "a", "email": "a@acme.example", "id": "444444444444", "parent": id, "tags": {}});
    fixture.record("account.a", "a@acme.example", json.clone(), &[unit]);
    fixture.live("account.a", "a@acme.example", json);
    fixture.live("organization.acme", "organization", json!({"id": "o-ab12", "root_id": "r-ab12"}));
    let plan = fixture.plan().expect("a plan");
    precedes(&plan, (OperationKind::Move, "account.a"), (OperationKind::Delete, unit));
    let change = plan.resource_changes.iter().find(|c| c.display == "account.a").expect("planned");
    assert_eq!(change.changed, ["$.parent"]);
    let why = change.reason.as_deref().expect("a reason");
    assert!(
        why.contains("moves to the organization's root, because `organizational_unit.a`"),
        "{why}"
    );
}

#[test]
fn an_account_that_is_new_is_waited_for_by_what_lives_in_it() {
    let mut fixture = PlanFixture::new();
    fixture.want(
        "account.dev",
        json!({"name": "dev", "email": "dev@acme.example", "parent_id": "r-ab12", "tags": {}}),
        &[],
    );
    fixture.want(ROLE, role("d"), &[]);
    let plan = fixture.plan().expect("a plan");
    precedes(&plan, (OperationKind::Create, "account.dev"), (OperationKind::Wait, "account.dev"));
    precedes(&plan, (OperationKind::Wait, "account.dev"), (OperationKind::Create, ROLE));
}

#[test]
fn an_unknown_target_is_attached_when_it_exists() {
    let mut fixture = PlanFixture::new();
    let unit = address("organizational_unit.new");
    fixture.want(
        "organizational_unit.new",
        json!({"name": "new", "parent_id": "r-ab12", "tags": {}}),
        &[],
    );
    let policy =
        fixture.want("service_control_policy.lock", scp(json!([])), &["organizational_unit.new"]);
    let id = Value::Unknown(Unknown::attr(unit.clone(), "id"));
    policy.desired.insert("targets".to_owned(), Value::list(vec![id]));
    let plan = fixture.plan().expect("a plan");
    let attach =
        &plan.operations[position(&plan, OperationKind::Attach, "service_control_policy.lock")];
    assert_eq!(attach.target, Some(super::model::OperationTarget::IdOf(unit)));
    precedes(
        &plan,
        (OperationKind::Create, "organizational_unit.new"),
        (OperationKind::Attach, "service_control_policy.lock"),
    );
    assert_eq!(plan.limits[0].used, 2, "the policy and AWS's own");
}

#[test]
fn a_moved_block_renames_and_changes_nothing_else() {
    let mut fixture = PlanFixture::new();
    fixture.want(ROLE, role("d"), &[]);
    fixture.record("iam_role.old@dev", "deploy", role("d"), &[]);
    fixture.live(ROLE, "deploy", role("d"));
    let spanned = |text: &str| crate::schema::Spanned { value: text.to_owned(), loc: loc() };
    fixture.estate.moved.push(crate::eval::estate::MovedBlock {
        from: spanned("iam_role.old"),
        to: spanned("iam_role.deploy"),
    });
    let plan = fixture.plan().expect("a plan");
    let ops: Vec<OperationKind> = plan.operations.iter().map(|o| o.op).collect();
    assert_eq!(ops, [OperationKind::Rename]);
    assert_eq!(plan.resource_changes[0].previous_address, Some(address("iam_role.old@dev")));
}

#[test]
fn selection_brings_along_what_is_needed_and_nothing_else() {
    let mut fixture = PlanFixture::new();
    let mut boundary = json!({"name": "boundary", "path": "/", "description": "", "tags": {}});
    boundary["policy"] = json!({"Version": "2012-10-17", "Statement": []});
    fixture.want("iam_policy.boundary@dev", boundary, &[]);
    fixture.want(ROLE, role("d"), &["iam_policy.boundary@dev"]);
    fixture.want("iam_role.other@production", role("o"), &[]);
    fixture.options.selection.targets = vec!["iam_role.deploy".to_owned()];
    let plan = fixture.plan().expect("a plan");
    let planned: Vec<String> = plan.resource_changes.iter().map(|c| c.display.clone()).collect();
    assert_eq!(planned, ["iam_policy.boundary@dev", ROLE]);
    fixture.options.selection.targets = vec!["iam_role.deplyo".to_owned()];
    let errors = fixture.plan().expect_err("refused");
    assert!(errors.to_string().contains("iam_role.deplyo"), "{errors}");
}

#[test]
fn equal_inputs_give_equal_plans_and_a_digest_that_ignores_the_date() {
    let mut fixture = PlanFixture::new();
    fixture.want(ROLE, role("d"), &[]);
    fixture.want("iam_role.b@production", role("b"), &[]);
    let (a, b) = (fixture.plan().expect("a plan"), fixture.plan().expect("a plan"));
    assert_eq!(serde_json::to_string(&a).expect("json"), serde_json::to_string(&b).expect("json"));
    assert!(a.digest.starts_with("sha256:"));
}

#[test]
fn refresh_only_touches_nothing() {
    let mut fixture = PlanFixture::new();
    fixture.settled(ROLE, "deploy", role("d"), &[]);
    fixture.live(ROLE, "deploy", role("changed by hand"));
    fixture.options.mode = Mode::RefreshOnly;
    let plan = fixture.plan().expect("a plan");
    let ops: Vec<OperationKind> = plan.operations.iter().map(|o| o.op).collect();
    assert_eq!(ops, [OperationKind::Adopt]);
    assert_eq!(plan.drift[0].changed, ["$.description"]);
}

#[test]
fn ten_thousand_objects_plan_in_one_pass() {
    let mut fixture = PlanFixture::new();
    for n in 0..10_000 {
        let mut role = role("d");
        role["name"] = json!(format!("r{n}"));
        fixture.want(&format!("iam_role.r{n}@dev"), role, &[]);
    }
    assert_eq!(fixture.plan().expect("a plan").operations.len(), 10_000);
}

#[test]
fn the_organization_comes_before_what_lives_in_it() {
    let mut fixture = PlanFixture::new();
    fixture.want(
        "organization.acme",
        json!({"enabled_policy_types": ["SERVICE_CONTROL_POLICY"]}),
        &[],
    );
    fixture.want("organizational_unit.a", json!({"name": "a", "parent": "root", "tags": {}}), &[]);
    fixture.want("service_control_policy.lock", scp(json!(["root"])), &[]);
    let plan = fixture.plan().expect("a plan");
    for at in ["organizational_unit.a", "service_control_policy.lock"] {
        precedes(&plan, (OperationKind::Create, "organization.acme"), (OperationKind::Create, at));
    }
}

#[test]
fn a_removed_block_names_an_instance_a_block_or_a_module() {
    let inside = "module.base[\"dev\"].iam_role.deploy@dev";
    for (removed, at, forgotten) in [
        (ROLE, ROLE, true),
        ("iam_role.deploy", ROLE, true),
        ("module.base", inside, true),
        ("module.base[\"dev\"]", inside, true),
        ("module.base[\"production\"]", inside, false),
        ("module.bas", inside, false),
        ("iam_role.dep", ROLE, false),
    ] {
        let mut fixture = PlanFixture::new();
        fixture.record(at, "deploy", role("d"), &[]);
        fixture.live(at, "deploy", role("d"));
        let value = removed.to_owned();
        fixture.estate.removed.push(crate::schema::Spanned { value, loc: loc() });
        let plan = fixture.plan().expect("a plan");
        let wanted = if forgotten { Action::Forget } else { Action::Delete };
        assert_eq!(action(&plan, at), wanted, "{removed}");
    }
}

#[test]
fn what_another_estate_has_made_is_known_to_an_estate_without_a_state_alone() {
    let mut fixture = PlanFixture::new();
    let unit = "organizational_unit.work";
    let tagged = |lineage: &str| {
        let tags = crate::schema::ownership::tags(&address(unit), Some(lineage));
        let tags: BTreeMap<_, _> = tags.iter().map(|(k, v)| (k, v.to_json())).collect();
        json!({"name": "work", "parent": "root", "tags": tags})
    };
    fixture.want(unit, tagged("b"), &[]);
    fixture.live(unit, "root/work", tagged("a"));
    let live = Live {
        organization: Reading::Read(Index::new(fixture.org.clone())),
        accounts: BTreeMap::new(),
        refreshed: true,
        founder: None,
        shared: Vec::new(),
    };
    let found = |lineage: &str| {
        let found = crate::live::adoptions(&fixture.estate, &fixture.prior, &live, lineage);
        found.contains_key(&address(unit))
    };
    assert!(found(""), "its state may be lost");
    assert!(!found("b"), "a plan with a state refuses it, so nothing is known by it");
}
