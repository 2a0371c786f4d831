//! Objects that move from one scope to another (`moved` of an account), cut off at every request:
//! each is recorded in one of the two, always.

use std::collections::BTreeMap;

use palisade::address::ResourceAddr;
use palisade::plan::model::{Action, Operation, OperationKind, Plan, ScopeBasis, StateBasis};
use palisade::state::{Snapshot, Terms};

use super::estate::{Lab, change, estate, plan};

/// Everything of account `dev` goes to the handle `renamed`.
fn moving(lab: &Lab, snapshot: &Snapshot) -> Plan {
    let mut plan = plan(&[], &Snapshot::default(), &lab.aws);
    let scopes = snapshot.versions().into_iter();
    plan.state = StateBasis {
        lineage: snapshot.lineage.clone(),
        scopes: scopes.map(|(n, (serial, etag))| (n, ScopeBasis { serial, etag })).collect(),
    };
    for (from, record) in snapshot.resources() {
        if from.account().is_none_or(|a| a.as_str() != "dev") {
            continue;
        }
        let to: ResourceAddr = from.canonical().replace("@dev", "@renamed").parse().unwrap();
        let mut moved = change(&to, Action::NoOp, Some(record.key), None, None, vec![], &[]);
        moved.previous_address = Some(from);
        plan.operations.push(Operation {
            id: plan.operations.len() as u32 + 1,
            op: OperationKind::Rename,
            address: to,
            scope: "acct-renamed".into(),
            after: vec![],
            target: None,
            interim: false,
        });
        plan.resource_changes.push(moved);
    }
    plan
}

/// How often each object is recorded.
fn recorded(snapshot: &Snapshot) -> BTreeMap<(String, String, String), usize> {
    let mut count = BTreeMap::new();
    for (address, record) in snapshot.resources() {
        let place = match address.account().map(|a| a.as_str().to_owned()) {
            Some(handle) if handle == "renamed" => "dev".to_owned(),
            handle => handle.unwrap_or_default(),
        };
        *count.entry((place, record.kind, record.key)).or_default() += 1;
    }
    count
}

#[tokio::test]
async fn an_account_that_moves_is_whole_wherever_it_is_cut_off() {
    let mut point = 0;
    let mut halves = 0;
    loop {
        let terms = Terms { request_timeout: std::time::Duration::ZERO, ..Terms::default() };
        let lab = Lab { terms, ..Lab::new() };
        lab.converge("base", &estate(3)).await;
        let before = recorded(&lab.snapshot().await);
        lab.power.cut_at(Some(point));
        let next = moving(&lab, &lab.snapshot().await);
        let ended = tokio::select! {
            biased;
            () = lab.power.cut.notified() => false,
            summary = lab.apply("cut", &[], &next) => {
                assert!(summary.unwrap().is_success());
                true
            }
        };
        lab.power.cut_at(None);
        if !ended {
            let cut = lab.snapshot().await;
            let twice = recorded(&cut).values().filter(|n| **n == 2).count();
            assert!(recorded(&cut).len() == before.len(), "lost at point {point}");
            halves += usize::from(twice > 0);
            for scope in ["acct-dev", "acct-renamed", "walls"] {
                lab.ledger.unlock(scope).await.unwrap();
            }
            lab.recover("recovery").await.unwrap();
            let whole = lab.snapshot().await;
            assert!(whole.interrupted.is_empty(), "point {point}");
            assert_eq!(recorded(&whole), before, "point {point}");
            let rest = moving(&lab, &whole);
            assert!(lab.apply("rest", &[], &rest).await.unwrap().is_success(), "point {point}");
        }
        let end = lab.snapshot().await;
        assert_eq!(recorded(&end), before, "point {point}");
        let (old, new) = (&end.scopes["acct-dev"].value, &end.scopes["acct-renamed"].value);
        assert!(old.resources.is_empty() && new.resources.len() == 4, "point {point}");
        assert_eq!(old.moved_to.as_deref(), Some("acct-renamed"), "point {point}");
        assert_eq!(new.moved_from.as_deref(), Some("acct-dev"), "point {point}");
        if ended {
            break;
        }
        point += 1;
    }
    assert!(point > 20 && halves > 1, "{point} points, {halves} with half a move");
}
