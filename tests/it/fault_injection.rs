//! An estate with every managed kind lives through injected faults: new objects that are not visible
//! yet, throttling, lost answers, slow account creation. The program must converge in one apply each,
//! and the endpoint must hold what it holds under a clear sky.

use std::collections::BTreeSet;

use palisade::schema::kinds;

use crate::support::cli::Program;
use crate::support::endpoint::Endpoint;
use crate::support::estates::EVERY_KIND as ESTATE;

const STEPS: [(&str, &[&str]); 3] = [
    ("created", &["apply", "--auto-approve"]),
    ("changed", &["apply", "--auto-approve", "--var", "step=two"]),
    ("destroyed", &["destroy", "--auto-approve"]),
];

/// The whole life under these faults: what the endpoint holds after each step.
fn life(faults: &str) -> Vec<BTreeSet<String>> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let p = Program::new(ESTATE);
    let mut seen = Vec::new();
    for (step, args) in STEPS {
        let run = p
            .command(args)
            .env("PALISADE_SANDBOX_FAULTS", faults)
            .env("TOKEN", "hunter2")
            .output()
            .expect("the program starts");
        let err = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(run.status.success(), "{faults}: not {step}\n{err}");
        if step != "destroyed" {
            let plan: Vec<&str> =
                ["plan", "--detailed-exitcode"].iter().chain(&args[2..]).copied().collect();
            p.run(&plan).code(0);
        } else {
            assert_eq!(p.run(&["state", "list"]).code(0).out, "");
        }
        p.run(&["audit", "verify"]).code(0);
        seen.push(runtime.block_on(async {
            Endpoint::open(&p.path().join(".palisade/sandbox")).await.holds(&[]).await
        }));
    }
    seen
}

#[test]
fn the_estate_has_every_kind() {
    for kind in kinds().iter().map(|k| k.schema().kind) {
        // Config values stand in environments; policies that configure services go the way of the other policies.
        let elsewhere = matches!(kind, "config" | "organization_policy");
        assert!(elsewhere || ESTATE.contains(&format!("\n{kind} \"")), "no {kind}");
    }
}

#[test]
fn every_kind_lives_through_bad_weather() {
    let clear = life("");
    assert!(clear[0].len() > 15 && clear[0] != clear[1], "{clear:#?}");
    let accounts = ["account acme-dev ACTIVE in root", "account acme-live ACTIVE in root"];
    assert!(accounts.iter().all(|a| clear[2].contains(*a)) && clear[2].len() == 3, "{clear:#?}");
    for faults in [
        "seed=1 eventual=4",
        "seed=2 eventual=3 slow-accounts=6",
        "seed=3 throttle=20",
        "seed=4 eventual=3 throttle=10 slow-accounts=3 lose=3",
        "seed=5 eventual=5 throttle=15 slow-accounts=5 lose=5",
        "seed=6 lose=10",
    ] {
        assert_eq!(life(faults), clear, "{faults}");
    }
}

#[test]
fn weather_that_nobody_knows_is_refused() {
    let p = Program::new(ESTATE);
    let run = p.command(&["plan"]).env("PALISADE_SANDBOX_FAULTS", "rain=3").output().expect("runs");
    assert_eq!(run.status.code(), Some(1));
    let err = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(err.contains("`rain` is none of `seed`"), "{err}");
}
