//! Soundness of the walls by fuzzing. Estates of several accounts are made from a seed; then random
//! and guided requests try to cross every wall that the analysis calls closed, and every open path
//! is walked. An attacker that got into an account in between uses its rights there, and goes on in what that leaves.
//! What a request is judged by is put together here, from the generated model alone, so
//! that the analysis's own reading of an estate is under test too.
//!
//! `PALISADE_SOUNDNESS=full` makes at least three million requests; `cargo test` a sample.

mod assumed;
mod attack;
mod estate;
mod judged;
mod moves;
pub(crate) mod random;
mod reading;

use std::collections::BTreeMap;

use palisade::iam::symbolic::Opening;
use palisade::iam::{Request, evaluate};
use palisade::isolation::WallVerdict;
use palisade::isolation::compare::{Comparison, compare, verdict};
use palisade::isolation::crossing::{PathStep, StepSource, StepTarget};
use palisade::isolation::paths::Origin;
use palisade::isolation::report::report;
use palisade::isolation::section::Proof;
use palisade::plan::access::model_after;

use attack::Attacker;
use estate::{ACCOUNTS, ENVIRONMENTS, Model};
use random::Random;
use reading::without_reading;

/// How much is done.
struct Budget {
    /// The seeds of the estates.
    seeds: std::ops::Range<u64>,
    /// Requests against every closed wall.
    tries: usize,
}

impl Budget {
    fn get() -> Self {
        match std::env::var("PALISADE_SOUNDNESS").as_deref() {
            Ok("full") => Self { seeds: 0..800, tries: 480 },
            // The one that a failure names.
            Ok(one) if one.starts_with("seed ") => {
                let seed = one.trim_start_matches("seed ").parse().expect("a number");
                Self { seeds: seed..seed + 1, tries: 480 }
            }
            Ok(number) => Self { seeds: 0..number.parse().expect("a number"), tries: 60 },
            _ => Self { seeds: 0..18, tries: 60 },
        }
    }

    /// Estates of tests that analyse each many times.
    fn analysed(&self) -> std::ops::Range<u64> {
        self.seeds.start..self.seeds.end.min(self.seeds.start + 200)
    }
}

/// What was done.
#[derive(Debug, Default)]
struct Tally {
    verdicts: BTreeMap<String, usize>,
    requests: usize,
    witnesses: usize,
    unmet: usize,
    mutants: usize,
}

fn pairs() -> Vec<(Origin, String)> {
    let mut pairs = Vec::new();
    for to in ENVIRONMENTS {
        let environments = ENVIRONMENTS.iter().filter(|from| *from != to);
        let from = environments.map(|from| Origin::Environment((*from).to_owned()));
        for origin in from.chain([Origin::Unassigned, Origin::External, Origin::Anonymous]) {
            pairs.push((origin, (*to).to_owned()));
        }
    }
    pairs
}

fn share(tally: &Tally, name: &str) -> f64 {
    let all: usize = tally.verdicts.values().sum();
    let some = tally.verdicts.get(name).copied().unwrap_or(0);
    f64::from(u32::try_from(some).unwrap()) / f64::from(u32::try_from(all).unwrap())
}

/// Every open step's witness is allowed by policies put together here; a step that asks something of
/// its surroundings is denied when that is not met, and one that asks nothing stays open whatever
/// they are.
fn walk(model: &Model, seed: u64, comparison: &Comparison<'_>, tally: &mut Tally) {
    for (step, edge) in &comparison.after.1.edges {
        let Some(policies) = model.policies(&step.source, &step.target) else {
            panic!("seed {seed}: {step:?} is not in the model");
        };
        for opening in &edge.openings {
            let told = |what: &str| format!("seed {seed}: {what}: {step:?}\n{opening:#?}");
            tally.witnesses += 1;
            let allowed = evaluate(&opening.witness, &policies).is_allowed();
            assert!(allowed, "{}", told("the witness is denied"));
            // That a session is begun from the console is no policy's condition.
            let stated = |key: &str| key != "sts:GetFederationToken";
            for requirement in opening.requirements.iter().filter(|r| stated(&r.key)) {
                let mut unmet = opening.witness.clone();
                match &requirement.unmet {
                    None => unmet.context.remove(&requirement.key),
                    Some(values) if values.len() == 1 => {
                        unmet.context.set(&requirement.key, values[0].as_str());
                    }
                    Some(values) => unmet.context.set(&requirement.key, values.clone()),
                }
                tally.unmet += 1;
                let allowed = evaluate(&unmet, &policies).is_allowed();
                assert!(!allowed, "{}", told(&format!("allowed without {}", requirement.text)));
            }
        }
    }
}

/// Paths are made of open steps, and their verdict is that of the steps.
fn paths_hold(model: &Model, comparison: &Comparison<'_>, seed: u64) {
    let edges = &comparison.after.1.edges;
    let free = |openings: &[Opening]| openings.iter().any(|o| o.requirements.is_empty());
    for path in &comparison.after.1.paths {
        let steps: Vec<&PathStep> = path.chain.iter().chain([&path.last]).collect();
        assert!(steps.iter().all(|s| edges.contains_key(*s)), "seed {seed}: {path:?}");
        // Whoever begins a session may choose what tags it bears.
        let passed = |before: &PathStep, asked: &Opening| {
            let policies = model.policies(&before.source, &before.target).expect("in the model");
            edges[before].openings.iter().filter(|o| o.requirements.is_empty()).any(|begun| {
                let mut request = begun.witness.clone();
                let all = asked.requirements.iter().all(|requirement| {
                    let key = requirement.key.to_ascii_lowercase();
                    let value = asked.witness.context.get(&key).and_then(|v| v.values().first());
                    let tag = key.strip_prefix("aws:principaltag/").zip(value);
                    let Some((tag, value)) = tag else { return false };
                    request.context.set(&format!("aws:RequestTag/{tag}"), value.as_str());
                    request.context.set("aws:TagKeys", vec![tag.to_owned()]);
                    true
                });
                let tagging = Request { action: "sts:TagSession".to_owned(), ..request.clone() };
                all && [request, tagging].iter().all(|one| evaluate(one, &policies).is_allowed())
            })
        };
        let by_step = |at: usize| {
            let openings = &edges[steps[at]].openings;
            free(openings) || at > 0 && openings.iter().any(|asked| passed(steps[at - 1], asked))
        };
        let all_free = steps.iter().all(|s| free(&edges[*s].openings));
        assert!(path.unconditional || !all_free, "seed {seed}: {path:?}");
        assert!(!path.unconditional || (0..steps.len()).all(by_step), "seed {seed}: {path:?}");
        for pair in steps.windows(2) {
            let StepTarget::Role(role) = &pair[0].target else { panic!("seed {seed}: {path:?}") };
            assert_eq!(pair[1].source, StepSource::Principal(role.clone()), "seed {seed}");
        }
    }
}

#[test]
fn no_request_crosses_a_closed_wall_and_every_open_path_can_be_walked() {
    let budget = Budget::get();
    let mut tally = Tally::default();
    for seed in budget.seeds.clone() {
        let model = Model::generate(seed);
        let (estate, sides) = model.read();
        let access = model_after(&estate, &sides);
        let comparison = compare(&access, &access);
        walk(&model, seed, &comparison, &mut tally);
        paths_hold(&model, &comparison, seed);
        assert!(comparison.changes.is_empty(), "seed {seed}: nothing changed");
        let mut random = Random::new(seed ^ 0x5eed);
        let section = report(&[], &comparison, "2026-11-23").section;
        for pair in pairs() {
            let (found, _) = verdict(&access, &comparison.after.1, &pair);
            let of_pair = |p: &&Proof| p.from == pair.0.name() && p.to == pair.1;
            let proof = section.proofs.iter().find(of_pair);
            let unverified = proof.is_some_and(|proof| proof.verified != Some(true));
            assert!(!unverified, "seed {seed}: {pair:?} is called isolated without a proof");
            let name = serde_json::to_value(found).unwrap().as_str().unwrap().to_owned();
            *tally.verdicts.entry(name).or_default() += 1;
            if found == WallVerdict::Isolated {
                let mut attacker = Attacker::new(&model, &pair.0);
                let crossing = attacker.attack(&pair.1, budget.tries, &mut random);
                tally.requests += attacker.requests;
                assert!(
                    crossing.is_none(),
                    "seed {seed}: {} -> {} is called isolated:\n{crossing:#?}\n{}",
                    pair.0.name(),
                    pair.1,
                    model.told()
                );
            }
        }
    }
    println!("{tally:#?}");
    for name in ["isolated", "reachable", "conditional"] {
        assert!(share(&tally, name) >= 0.15, "too few {name}: {tally:#?}");
    }
    assert!(share(&tally, "undetermined") <= 0.005, "{tally:#?}");
    assert!(
        std::env::var("PALISADE_SOUNDNESS").as_deref() != Ok("full") || tally.requests >= 3_000_000,
        "{tally:?}"
    );
}

/// One edited statement that opens a path flips the verdict, every time.
#[test]
fn every_seeded_hole_is_found() {
    let mut tally = Tally::default();
    for seed in Budget::get().analysed() {
        let model = Model::generate(seed);
        let (estate, sides) = model.read();
        let access = model_after(&estate, &sides);
        let closed = compare(&access, &access);
        let mut random = Random::new(seed ^ 0xb0de);
        for pair in pairs() {
            let Origin::Environment(from) = &pair.0 else { continue };
            if verdict(&access, &closed.after.1, &pair).0 != WallVerdict::Isolated {
                continue;
            }
            let Some(mutant) = model.open(from, &pair.1, &mut random) else { continue };
            let (estate, sides) = mutant.read();
            let opened = model_after(&estate, &sides);
            let comparison = compare(&access, &opened);
            let (found, _) = verdict(&opened, &comparison.after.1, &pair);
            assert!(found >= WallVerdict::Conditional, "seed {seed}: {pair:?} is still {found:?}");
            assert!(!comparison.changes.is_empty(), "seed {seed}: {pair:?} changed nothing");
            tally.mutants += 1;
        }
    }
    println!("{} mutants", tally.mutants);
    assert!(tally.mutants >= 15, "only {} mutants", tally.mutants);
}

/// Where an account is not read, nothing that it could let through is called closed: what the analysis
/// then calls isolated is isolated when everything is seen.
#[test]
fn what_nobody_reads_is_never_called_closed() {
    let (mut unsure, mut closed) = (0, 0);
    // Each estate is looked at once for every account.
    for seed in Budget::get().analysed() {
        let model = Model::generate(seed);
        let (estate, sides) = model.read();
        let seen = model_after(&estate, &sides);
        let whole = compare(&seen, &seen);
        let mut random = Random::new(seed ^ 0x0dd);
        for (account, ..) in ACCOUNTS {
            let mut partly = sides.clone();
            let managed: Vec<String> = sides
                .after
                .objects
                .iter()
                .map(|o| o.key.clone())
                .filter(|_| random.percent(50))
                .collect();
            without_reading(&mut partly, account, |object| managed.contains(&object.key));
            let access = model_after(&estate, &partly);
            let part = compare(&access, &access);
            for pair in pairs() {
                let truth = verdict(&seen, &whole.after.1, &pair).0;
                match verdict(&access, &part.after.1, &pair).0 {
                    WallVerdict::Isolated => {
                        let told =
                            format!("seed {seed}: {pair:?} without {account}\n{}", model.told());
                        assert_eq!(truth, WallVerdict::Isolated, "{told}");
                        closed += 1;
                    }
                    _ if truth == WallVerdict::Isolated => unsure += 1,
                    _ => {}
                }
            }
        }
    }
    println!("{closed} stay closed, {unsure} can no longer be told");
    assert!(closed > 0 && unsure > 0, "{closed} and {unsure}");
}
