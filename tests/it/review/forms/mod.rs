//! Generated estates, each with a change of it, in Palisade's language, as a Terraform plan and as templates of stacks:
//! all three say the same of every wall and every path, with the same words, assumptions and causes.
//!
//! `PALISADE_FORMS=200 cargo test forms` looks at so many estates.

mod compare;
mod estate;
mod palisade;
mod stacks;
mod terraform;

use std::collections::{BTreeMap, BTreeSet};

use ::palisade::engine::review::{ReviewRequest, run};
use serde_json::Value;

use crate::soundness::random::Random;
use crate::support::cli::Program;
use estate::{ENVIRONMENTS, Estate};

/// One estate in all forms: what differs, and the verdicts.
fn judged(seed: u64, verdicts: &mut BTreeMap<String, usize>) -> Vec<String> {
    let random = &mut Random::new(seed);
    let before = Estate::generate(random);
    let after = before.changed(random);
    let program = Program::new(&palisade::hcl(&before));
    program.run(&["apply", "--auto-approve"]).code(0);
    program.run(&["review", "--dump", "dumps"]).code(0);
    let read = |name: &str| {
        let text = std::fs::read_to_string(program.path().join(name)).expect("dumped");
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    let ids = palisade::Ids::of(&program, &read("dumps/organization.json"));
    // The configuration has no management account: what lies there is looked at in no form.
    let management = program.path().join("dumps/accounts").join(&ids.management);
    std::fs::remove_dir_all(management).expect("it was dumped");

    let mut request = ReviewRequest {
        accounts: Some(program.path().join("dumps")),
        today: "2026-11-28".to_owned(),
        ..ReviewRequest::default()
    };
    for name in ENVIRONMENTS {
        let id = ids.of[name].parse().expect("an id");
        request.environments.insert(name.to_owned(), BTreeSet::from([id]));
    }
    let review = |request: &ReviewRequest| {
        let outcome =
            run(request).unwrap_or_else(|error| panic!("seed {seed}: {:?}", error.diagnostics()));
        assert_eq!(outcome.change.not_judged, Vec::<String>::new(), "seed {seed}");
        serde_json::to_value(&outcome.isolation).expect("JSON")
    };
    let plan = terraform::plan(&before, &after, &ids);
    program.write("plan.json", &plan.to_string());
    let terraform = review(&ReviewRequest {
        terraform_plans: vec![program.path().join("plan.json")],
        ..request.clone()
    });
    let stacks = stacks::write(&before, &after, &ids, program.path());
    let stacks = review(&ReviewRequest { stacks, ..request });
    let palisade = palisade::plan(&program, &after);

    let names = compare::names([&before, &after]);
    let said = |section: &Value| compare::said(section, &names);
    let own = said(&palisade["isolation"]);
    for row in own["matrix"].as_array().into_iter().flatten() {
        let word = format!("{} -> {}", row["before"], row["after"]);
        *verdicts.entry(word).or_default() += 1;
    }
    let mut told = Vec::new();
    for (form, section) in [("terraform", terraform), ("cloudformation", stacks)] {
        let mut different = Vec::new();
        compare::differences(&own, &said(&section), "", &mut different);
        told.extend(different.into_iter().map(|one| format!("seed {seed}, {form}: {one}")));
    }
    told
}

#[test]
fn one_change_has_the_same_verdicts_in_every_form() {
    let count = std::env::var("PALISADE_FORMS").ok().and_then(|n| n.parse().ok()).unwrap_or(8);
    let mut verdicts = BTreeMap::new();
    let told: Vec<String> = (0..count).flat_map(|seed| judged(seed, &mut verdicts)).collect();
    println!("{verdicts:#?}");
    assert!(told.is_empty(), "{} differ:\n{}", told.len(), told.join("\n"));
    assert!(verdicts.len() >= 3, "too few verdicts: {verdicts:#?}");
}
