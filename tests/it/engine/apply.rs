//! A plan, an apply, an apply that is stopped, and one whose process dies.

use std::collections::BTreeSet;
use std::sync::Arc;

use palisade::apply;
use palisade::engine::host::Event;
use palisade::engine::{EngineError, apply as applying, plan};
use palisade::plan::model::Action;
use palisade::sandbox::{FaultAction, Faults, Hook, Phase, RequestInfo};
use tokio::sync::Notify;

use crate::support::estates::two_environments;
use crate::support::host::TestHost;
use crate::support::stage::{Stage, apply_request, plan_request};

const ROLES: usize = 8;

fn estate() -> String {
    two_environments(&format!(
        r#"iam_role "r" {{
  count    = {ROLES}
  name     = "app-${{count.index}}"
  accounts = [account.dev]
  trust {{
    services = ["ec2.amazonaws.com"]
  }}
}}
output "first" {{
  value = iam_role.r[0].arn
}}
"#
    ))
}

fn all_roles() -> BTreeSet<String> {
    (0..ROLES).map(|n| format!("app-{n}")).collect()
}

#[tokio::test]
async fn a_plan_is_data_and_changes_nothing() {
    let stage = Stage::new(&estate()).await;
    let host = Arc::new(TestHost::default());
    let outcome = plan::run(&stage.workspace(&host), &plan_request()).await.expect("a plan");
    let created = outcome.plan.resource_changes.iter().filter(|c| c.action == Action::Create);
    assert!(created.count() > ROLES, "accounts and roles are planned");
    assert!(host.questions().is_empty() && host.shown().is_empty(), "a plan asks nothing");
    assert!(stage.roles("acme-dev").await.is_empty());
    let again = plan::run(&stage.workspace(&host), &plan_request()).await.expect("a plan");
    assert_eq!(again.plan.digest, outcome.plan.digest, "and it takes no lock");
}

#[tokio::test]
async fn an_apply_shows_its_plan_asks_and_makes_what_the_endpoint_then_holds() {
    let stage = Stage::new(&estate()).await;
    let no = Arc::new(TestHost::refusing());
    let refused = applying::run(&stage.workspace(&no), &apply_request()).await;
    assert!(matches!(refused, Err(EngineError::Failed(_))), "{refused:?}");
    assert_eq!((no.shown().len(), no.questions().as_slice()), (1, &["Apply".to_owned()][..]));
    assert!(stage.roles("acme-dev").await.is_empty(), "a no changes nothing");

    let host = Arc::new(TestHost::default());
    let outcome = applying::run(&stage.workspace(&host), &apply_request()).await.expect("applied");
    assert_eq!(
        host.shown(),
        std::slice::from_ref(&outcome.plan.digest),
        "the plan that is carried out is shown"
    );
    assert!(outcome.summary.expect("there was work").is_success());
    assert_eq!(stage.roles("acme-dev").await, all_roles());
    let ends = host.events().iter().filter(|e| matches!(e, Event::Applied(_))).count();
    assert_eq!(ends, 1);

    let again = applying::run(&stage.workspace(&host), &apply_request()).await.expect("applied");
    assert!(again.summary.is_none() && !again.plan.has_changes(), "nothing is left to do");
    assert_eq!(host.questions().len(), 1, "and nothing is asked");
}

#[tokio::test]
async fn an_apply_that_is_stopped_finishes_what_is_in_flight_and_the_next_one_the_rest() {
    let stage = Stage::new(&estate()).await;
    // The first role is made: stop.
    let host = Arc::new(TestHost::stopping(
        |event| matches!(event, Event::Apply(apply::ApplyEvent::Succeeded(done)) if done.address.kind == "iam_role"),
    ));
    let mut one_at_a_time = apply_request();
    one_at_a_time.approval.parallelism = 1;
    let stopped = applying::run(&stage.workspace(&host), &one_at_a_time).await;
    assert!(matches!(stopped, Err(EngineError::Interrupted)), "{stopped:?}");
    let made = stage.roles("acme-dev").await;
    assert!(!made.is_empty() && made.len() < ROLES, "some and not all: {made:?}");
    let summary = host
        .events()
        .into_iter()
        .find_map(|event| match event {
            Event::Applied(summary) => Some(summary),
            _ => None,
        })
        .expect("the end is told");
    assert!(summary.interrupted && !summary.skipped.is_empty());

    let next = Arc::new(TestHost::default());
    let rest = applying::run(&stage.workspace(&next), &apply_request()).await.expect("applied");
    assert!(rest.summary.expect("there was work").is_success());
    assert_eq!(stage.roles("acme-dev").await, all_roles());
    let recovered = next.events().iter().any(|e| matches!(e, Event::Recovered { .. }));
    assert!(!recovered, "a run that was stopped leaves nothing to recover");
}

#[tokio::test]
async fn an_apply_that_dies_is_recovered_by_the_next_one_before_anything_else() {
    let stage = Stage::new(&estate()).await;
    // A role is made, and its answer never comes.
    let dead = Arc::new(Notify::new());
    let told = Arc::clone(&dead);
    let hook: Hook = Arc::new(move |info: &RequestInfo, phase| {
        if info.operation == "CreateRole" && phase == Phase::After {
            told.notify_one();
            return FaultAction::Halt;
        }
        FaultAction::Continue
    });
    stage.sandbox.set_faults(Faults { hook: Some(hook), ..Faults::default() }).await;
    let workspace = stage.workspace_of_a_dead_process(&Arc::new(TestHost::default()));
    let request = apply_request();
    tokio::select! {
        ended = applying::run(&workspace, &request) => panic!("it did not die: {ended:?}"),
        () = dead.notified() => {}
    }
    stage.sandbox.set_faults(Faults::default()).await;
    stage.sandbox.resume();
    let orphans = stage.roles("acme-dev").await;
    assert!(!orphans.is_empty(), "roles were made that no state knows");

    // To a plan it is as if they were recorded.
    let reader = Arc::new(TestHost::default());
    let seen = plan::run(&stage.workspace(&reader), &plan_request()).await.expect("a plan");
    assert!(!seen.inputs.interrupted.is_empty());
    plan::warn(&stage.workspace(&reader), &seen.inputs, &seen.plan);
    assert!(reader.diagnostics_text().contains("was interrupted"), "{}", reader.diagnostics_text());
    let planned: BTreeSet<String> = seen
        .plan
        .resource_changes
        .iter()
        .filter(|c| c.action == Action::Create && c.address.kind == "iam_role")
        .map(|c| c.address.to_string())
        .collect();
    assert_eq!(planned.len(), ROLES - orphans.len(), "what is there is not planned: {planned:?}");

    let host = Arc::new(TestHost::default());
    let outcome = applying::run(&stage.workspace(&host), &apply_request()).await.expect("applied");
    assert!(outcome.summary.is_none_or(|summary| summary.is_success()));
    let adopted = host.events().iter().filter(|e| matches!(e, Event::Adopted(_))).count();
    assert!(adopted >= orphans.len(), "{adopted} of {} orphans were adopted", orphans.len());
    let first = host.events().iter().position(|e| matches!(e, Event::Recovered { .. }));
    let begun = host
        .events()
        .iter()
        .position(|e| matches!(e, Event::Apply(apply::ApplyEvent::Begun { .. })));
    assert!(first.is_some() && begun.is_none_or(|begun| first < Some(begun)), "recovery is first");
    assert_eq!(stage.roles("acme-dev").await, all_roles(), "each is there once");
}

/// An emulator may lack an operation; AWS has it, and who answers so in its place is no reason to go on without
/// the organization.
#[tokio::test]
async fn an_organization_that_aws_itself_does_not_implement_is_a_failure() {
    let stage = Stage::new(&two_environments("")).await;
    let host = Arc::new(TestHost::default());
    applying::run(&stage.workspace(&host), &apply_request()).await.expect("applied");
    for (status, code) in [(501, "NotImplemented"), (400, "UnknownOperationException")] {
        let hook: Hook = Arc::new(move |info: &RequestInfo, phase| {
            if phase == Phase::Before && info.operation == "DescribeOrganization" {
                let message = "not here".to_owned();
                return FaultAction::Fail { status, code: code.into(), message };
            }
            FaultAction::Continue
        });
        stage.sandbox.set_faults(Faults { hook: Some(hook), ..Faults::default() }).await;
        let planned = plan::run(&stage.workspace(&host), &plan_request()).await;
        let Err(refused) = planned else { panic!("{code}: a plan without the organization") };
        let text = format!("{refused:?}");
        assert!(text.contains("cannot read the organization"), "{code}: {text}");
        assert!(!text.contains("emulator"), "{code}: {text}");
    }
}
