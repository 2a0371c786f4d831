//! Edits of the state: each is asked for by a plain request, answers with what it did, writes under the
//! leases of its scopes, and stands in the audit log. AWS is never touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use palisade::engine::adopt::{self, AdoptPlace, AdoptRequest};
use palisade::engine::edit_state::forget::{self, ForgetRequest};
use palisade::engine::edit_state::push::{self, PushRequest};
use palisade::engine::edit_state::rename::{self, RenameRequest};
use palisade::engine::edit_state::rollback::{self, StateRollbackRequest};
use palisade::engine::edit_state::unlock::{self, UnlockRequest};
use palisade::engine::host::Event;
use palisade::engine::init::{self, InitRequest, MigrationSource};
use palisade::engine::open::{self, Store};
use palisade::engine::{EngineError, Variables, Workspace, apply, inspect_state, plan};
use palisade::plan::model::Action;
use palisade::state::{Terms, errored};

use crate::support::estates::two_environments;
use crate::support::host::TestHost;
use crate::support::stage::{Stage, apply_request, plan_request};

const DEV: &str = "acct-dev";

fn estate(label: &str) -> String {
    two_environments(&format!(
        r#"iam_role "{label}" {{
  count    = 2
  name     = "app-${{count.index}}"
  accounts = [account.dev]
  trust {{
    services = ["ec2.amazonaws.com"]
  }}
}}
"#
    ))
}

async fn applied() -> Stage {
    let stage = Stage::new(&estate("r")).await;
    let workspace = stage.workspace(&Arc::new(TestHost::default()));
    let outcome = apply::run(&workspace, &apply_request()).await.expect("applied");
    assert!(outcome.summary.expect("there was work").is_success());
    stage
}

async fn store(workspace: &Workspace) -> Store {
    open::configured(workspace).await.expect("a backend")
}

async fn serial(workspace: &Workspace) -> u64 {
    let snapshot = inspect_state::snapshot(workspace).await.expect("a state");
    snapshot.scopes[DEV].value.serial
}

/// The roles that the state holds.
async fn recorded(workspace: &Workspace) -> BTreeSet<String> {
    let objects = inspect_state::objects(workspace, &[]).await.expect("a state");
    let roles = objects.keys().filter(|address| address.kind == "iam_role");
    roles.map(ToString::to_string).collect()
}

/// How often the audit log has each action; its chain holds.
async fn records(workspace: &Workspace) -> BTreeMap<String, usize> {
    let verification = inspect_state::verify_audit_log(workspace, None).await.expect("readable");
    assert!(verification.problems.is_empty(), "{:?}", verification.problems);
    let mut actions = BTreeMap::new();
    for record in store(workspace).await.ledger.audit_records().await.expect("readable") {
        *actions.entry(record.event.action).or_default() += 1;
    }
    actions
}

fn roles(label: &str) -> BTreeSet<String> {
    (0..2).map(|n| format!("iam_role.{label}[{n}]@dev")).collect()
}

#[tokio::test]
async fn a_renamed_block_is_the_same_objects_under_another_address() {
    let stage = applied().await;
    let host = Arc::new(TestHost::default());
    let workspace = stage.workspace(&host);
    let rename = |from: &str, to: &str| RenameRequest {
        from: from.to_owned(),
        to: to.to_owned(),
        lock_timeout: Duration::ZERO,
    };
    for (from, to, why) in [
        ("iam_role.x", "iam_role.s", "the state holds nothing at `iam_role.x`"),
        ("iam_role.r", "iam_policy.s", "cannot become"),
        ("iam_role.r[0]", "iam_role.r[1]", "already holds"),
    ] {
        let refused = rename::run(&workspace, &rename(from, to)).await.expect_err(why);
        let text = refused.diagnostics().expect("a reason").to_string();
        assert!(text.contains(why), "{text}");
    }
    let moved = rename::run(&workspace, &rename("iam_role.r", "iam_role.s")).await.expect("moved");
    let named = |(from, to): (&_, &_)| -> (String, String) {
        (ToString::to_string(from), ToString::to_string(to))
    };
    let expected: BTreeSet<(String, String)> = roles("r").into_iter().zip(roles("s")).collect();
    assert_eq!(moved.iter().map(named).collect::<BTreeSet<_>>(), expected);
    assert_eq!(recorded(&workspace).await, roles("s"));
    assert_eq!(records(&workspace).await["state_moved"], 1);

    // Under the new name in the configuration they are the same objects; their tags name the old address.
    stage.write("main.hcl", &estate("s"));
    let outcome = plan::run(&workspace, &plan_request()).await.expect("a plan");
    let changes = &outcome.plan.summary;
    assert_eq!((changes.create, changes.replace, changes.delete, changes.adopt), (0, 0, 0, 0));
    assert_eq!(changes.update, 2, "{changes:?}");
    assert!(host.questions().is_empty() && host.shown().is_empty(), "an edit asks nothing");
}

#[tokio::test]
async fn a_forgotten_object_stays_in_aws_and_can_be_adopted() {
    let stage = applied().await;
    let workspace = stage.workspace(&Arc::new(TestHost::default()));
    let forget = |address: &str| ForgetRequest {
        addresses: vec![address.to_owned()],
        lock_timeout: Duration::ZERO,
    };
    let refused = forget::run(&workspace, &forget("iam_role.q")).await;
    assert!(matches!(refused, Err(EngineError::Failed(_))), "{refused:?}");
    let gone = forget::run(&workspace, &forget("iam_role.r[1]")).await.expect("forgotten");
    assert_eq!(gone.len(), 1);
    assert_eq!(recorded(&workspace).await, BTreeSet::from(["iam_role.r[0]@dev".to_owned()]));
    assert_eq!(stage.roles("acme-dev").await.len(), 2, "AWS has both");
    assert_eq!(records(&workspace).await["state_removed"], 1);

    // Once the configuration knows nothing of it, it is one of those that can be adopted.
    stage.write("main.hcl", &estate("r").replace("count    = 2", "count    = 1"));
    let request = AdoptRequest {
        place: AdoptPlace::Account("dev".to_owned()),
        kinds: vec!["iam_role".to_owned()],
        types: Vec::new(),
        variables: Variables::default(),
    };
    let found = adopt::run(&workspace, &request).await.expect("read").objects;
    let keys: Vec<&str> = found.iter().map(|object| object.key.as_str()).collect();
    assert!(keys.contains(&"app-1") && !keys.contains(&"app-0"), "{keys:?}");
    for (account, kind) in [("prod", "iam_role"), ("dev", "account")] {
        let (account, kinds) = (account.to_owned(), vec![kind.to_owned()]);
        let place = AdoptPlace::Account(account);
        let wrong =
            AdoptRequest { place, kinds, types: Vec::new(), variables: Variables::default() };
        assert!(matches!(adopt::run(&workspace, &wrong).await, Err(EngineError::Failed(_))));
    }
}

#[tokio::test]
async fn a_rollback_asks_writes_the_old_state_as_a_new_serial_and_says_what_follows() {
    let stage = applied().await;
    let host = Arc::new(TestHost::default());
    let workspace = stage.workspace(&host);
    let before = serial(&workspace).await;
    let forget =
        ForgetRequest { addresses: vec!["iam_role.r".to_owned()], lock_timeout: Duration::ZERO };
    forget::run(&workspace, &forget).await.expect("forgotten");
    assert!(recorded(&workspace).await.is_empty());

    let back =
        StateRollbackRequest { scope: DEV.to_owned(), to: before, lock_timeout: Duration::ZERO };
    let no = Arc::new(TestHost::refusing());
    let refused = rollback::run(&stage.workspace(&no), &back).await;
    assert!(matches!(refused, Err(EngineError::Failed(_))), "a no");
    assert_eq!(no.questions().len(), 1);
    assert!(recorded(&workspace).await.is_empty(), "a no changes nothing");

    let outcome = rollback::run(&workspace, &back).await.expect("rolled back");
    assert!(outcome.serial > before + 1, "serials only rise: {}", outcome.serial);
    assert_eq!(outcome.serial, serial(&workspace).await);
    assert_eq!(recorded(&workspace).await, roles("r"));
    let follows = outcome.follows.expect("a plan");
    assert!(!follows.plan.has_changes(), "the state is that of AWS again");
    let heard = host.events().into_iter().any(
        |event| matches!(event, Event::StateRolledBack { to, serial, .. } if to == before && serial == outcome.serial),
    );
    assert!(heard);
    let question = host.questions();
    assert!(question.iter().any(|q| q.contains("RollBackState")), "{question:?}");
    assert_eq!(records(&workspace).await["state_rolled_back"], 1);

    // What follows is not part of the rollback: without a configuration that can be planned, the
    // state goes back nevertheless.
    stage.write("wrong.hcl", "iam_role \"z\" {\n  accounts = [account.nowhere]\n}\n");
    let outcome = rollback::run(&workspace, &back).await.expect("rolled back");
    assert!(matches!(outcome.follows, Err(EngineError::Failed(_))));
    let none = StateRollbackRequest { to: 999, ..back };
    assert!(rollback::run(&workspace, &none).await.is_err());
}

#[tokio::test]
async fn a_saved_state_is_pushed_once() {
    let stage = applied().await;
    let workspace = stage.workspace(&Arc::new(TestHost::default()));
    let ledger = store(&workspace).await.ledger;
    let basis = ledger.read_scope(DEV).await.expect("read").expect("there");
    // As an apply leaves it that has forgotten the roles and could not write that down.
    let mut state = basis.value.clone();
    state.resources.clear();
    let location = ledger.store().location();
    let file = errored::save(stage.dir.path(), &location, Some(&basis), &state).expect("saved");
    let push = PushRequest { file, lock_timeout: Duration::ZERO };
    let pushed = push::run(&workspace, &push).await.expect("pushed");
    assert_eq!((pushed.scope.as_str(), pushed.serial), (DEV, basis.value.serial + 1));
    assert!(recorded(&workspace).await.is_empty());
    assert_eq!(stage.roles("acme-dev").await.len(), 2, "AWS is as it was");
    assert_eq!(records(&workspace).await["state_pushed"], 1);

    let again = push::run(&workspace, &push).await;
    assert!(matches!(again, Err(EngineError::Stale(_))), "{again:?}");
    let none = PushRequest { file: stage.dir.path().join("main.hcl"), ..push };
    assert!(matches!(push::run(&workspace, &none).await, Err(EngineError::Failed(_))));
}

#[tokio::test]
async fn a_lock_is_shown_before_it_is_broken_and_stands_after_a_no() {
    let stage = applied().await;
    let host = Arc::new(TestHost::default());
    let workspace = stage.workspace(&host);
    let all = UnlockRequest::default();
    assert!(unlock::run(&workspace, &all).await.expect("nothing to do").is_empty());

    let opened = store(&workspace).await;
    let mut holder = opened.holder(&workspace, "apply").await;
    holder.who = "arn:aws:iam::111111111111:user/other".to_owned();
    let floors = BTreeMap::from([(DEV.to_owned(), 0)]);
    let (terms, timeout) = (Terms::default(), Duration::ZERO);
    let held = opened.ledger.acquire_all(&floors, &holder, terms, timeout, |_, _| {}).await;
    held.expect("taken");

    let forget =
        ForgetRequest { addresses: vec!["iam_role.r".to_owned()], lock_timeout: Duration::ZERO };
    let locked = forget::run(&workspace, &forget).await;
    assert!(matches!(locked, Err(EngineError::Locked(_))), "{locked:?}");

    let no = Arc::new(TestHost::refusing());
    let refused = unlock::run(&stage.workspace(&no), &all).await;
    assert!(matches!(refused, Err(EngineError::Failed(_))), "{refused:?}");
    assert_eq!((no.shown(), no.questions()), (vec![DEV.to_owned()], vec!["BreakLocks".to_owned()]));
    assert!(matches!(forget::run(&workspace, &forget).await, Err(EngineError::Locked(_))));

    let named = UnlockRequest { scopes: vec![DEV.to_owned(), "org".to_owned()] };
    assert_eq!(unlock::run(&workspace, &named).await.expect("broken"), [DEV]);
    let free = |event: &Event| matches!(event, Event::NotLocked { scope } if scope == "org");
    assert!(host.events().iter().any(free), "what is not locked is named");
    forget::run(&workspace, &forget).await.expect("the lock is gone");
    assert_eq!(records(&workspace).await["unlocked"], 1);
    let outside = UnlockRequest { scopes: vec!["../x".to_owned()] };
    assert!(matches!(unlock::run(&workspace, &outside).await, Err(EngineError::Failed(_))));
}

#[tokio::test]
async fn an_edit_and_a_repair_hold_their_leases_on_the_terms_of_the_workspace() {
    let stage = applied().await;
    let mut workspace = stage.workspace(&Arc::new(TestHost::default()));
    let lasted = async |workspace: &Workspace| {
        let lock = store(workspace).await.ledger.read_lock(DEV).await.expect("read");
        let lock = lock.expect("a lock that was given back");
        lock.expires_at.duration_since(lock.acquired_at).as_secs()
    };
    let before = serial(&workspace).await;
    workspace.terms = Terms { length: Duration::from_secs(77), ..Terms::default() };
    let forget =
        ForgetRequest { addresses: vec!["iam_role.r".to_owned()], lock_timeout: Duration::ZERO };
    forget::run(&workspace, &forget).await.expect("forgotten");
    assert_eq!(lasted(&workspace).await, 77);

    workspace.terms.length = Duration::from_secs(78);
    let back =
        StateRollbackRequest { scope: DEV.to_owned(), to: before, lock_timeout: Duration::ZERO };
    rollback::run(&workspace, &back).await.expect("rolled back");
    assert_eq!(lasted(&workspace).await, 78);
}

#[tokio::test]
async fn a_host_hears_as_whom_the_state_is_used_and_who_that_is_only_if_it_wants_to_know() {
    let stage = applied().await;
    let callers = async |host: TestHost| -> Vec<Option<String>> {
        let host = Arc::new(host);
        inspect_state::snapshot(&stage.workspace(&host)).await.expect("a state");
        let events = host.events().into_iter();
        events
            .filter_map(|event| match event {
                Event::StatePrincipal(principal) => Some(principal.caller),
                _ => None,
            })
            .collect()
    };
    assert_eq!(callers(TestHost::default()).await, [None]);
    let named = callers(TestHost::naming_the_caller()).await;
    let last = named.last().cloned().flatten().expect("it was asked for");
    assert!(last.starts_with("arn:aws:iam::"), "{last}");
}

#[tokio::test]
async fn a_state_moves_to_another_backend_whole() {
    let stage = applied().await;
    let host = Arc::new(TestHost::default());
    let workspace = stage.workspace(&host);
    let objects = recorded(&workspace).await;
    let elsewhere = estate("r").replace(
        "palisade {\n",
        "palisade {\n  backend \"s3\" {\n    bucket = \"acme-state\"\n    region = \"eu-west-1\"\n  }\n",
    );
    stage.write("main.hcl", &elsewhere);
    // Nothing is made that was not asked for.
    let missing = init::run(&workspace, &InitRequest::default()).await;
    assert!(matches!(missing, Err(EngineError::Failed(_))), "{missing:?}");
    let request = InitRequest {
        create_backend: true,
        migrate: Some(MigrationSource::DefaultDirectory),
        ..InitRequest::default()
    };
    let ready = init::run(&workspace, &request).await.expect("ready");
    assert!(ready.location.contains("acme-state"), "{}", ready.location);
    assert!(ready.migrated.is_some_and(|migration| migration.objects > 3));
    let made = |event: &Event| matches!(event, Event::BackendReady { bucket: Some(b) } if b == "acme-state");
    assert!(host.events().iter().any(made));
    assert_eq!(recorded(&workspace).await, objects);
    let outcome = plan::run(&workspace, &plan_request()).await.expect("a plan");
    let created = outcome.plan.resource_changes.iter().filter(|c| c.action == Action::Create);
    assert_eq!(created.count(), 0, "the state is the same");
    let twice = init::run(&workspace, &request).await;
    assert!(matches!(twice, Err(EngineError::Failed(_))), "it holds a state already: {twice:?}");
}
