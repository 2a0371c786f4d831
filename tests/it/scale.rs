//! Work grows with what is declared, and no faster: counted, not timed.

use palisade::isolation::WallVerdict;
use palisade::isolation::compare::compare;
use palisade::plan::access::models;
use tempfile::TempDir;

#[path = "../../benches/generated/mod.rs"]
#[allow(dead_code, reason = "the benches use more of it")]
mod generated;

use generated::{Settled, Shape};

fn settled(accounts: usize) -> Settled {
    let dir = TempDir::new().expect("a directory");
    Shape { accounts, roles: 5, environments: 5 }.write(dir.path()).expect("written");
    Settled::of(&generated::configuration(dir.path()))
}

#[test]
fn the_analysis_asks_one_question_for_each_grant() {
    for accounts in [50, 100] {
        let settled = settled(accounts);
        let (plan, sides) = settled.plan();
        assert_eq!(plan.summary.no_op, settled.estate.instances.len(), "{:?}", plan.summary);
        let (before, after) = models(&settled.estate, &sides);
        let comparison = compare(&before, &after);
        let (_, result) = &comparison.after;
        assert_eq!(result.undecided.len(), 0);
        // A `deploy` and a `peer` in each account: no question about all pairs of accounts or roles.
        assert_eq!(result.edges.len() + result.closed.len(), 2 * accounts);
    }
}

#[test]
fn the_hole_among_a_hundred_accounts_is_found() {
    let settled = settled(100);
    let (_, sides) = settled.plan();
    let palisade::isolation::Analysis { section, .. } =
        palisade::plan::walls::analyse(&settled.estate, &sides, "2026-11-23").expect("rules");
    let summary = section.summary();
    // The last account's `peer` trusts the `reader` of the first one, in another environment.
    assert_eq!(summary.violations, 1, "{:#?}", section.violations);
    let open: Vec<_> = section
        .matrix
        .iter()
        .filter(|row| row.after == WallVerdict::Reachable)
        .map(|row| (row.from.clone(), row.to.clone()))
        .filter(|(from, _): &(String, String)| !from.starts_with('$'))
        .collect();
    assert_eq!(open, [("e00".into(), "e04".into())]);
}

#[test]
fn what_an_object_depends_on_does_not_grow_with_the_estate() {
    let widest = |accounts| {
        let estate = settled(accounts).estate;
        estate.instances.values().map(|i| i.depends_on.len()).max().expect("instances")
    };
    assert_eq!(widest(70), widest(140));
}
