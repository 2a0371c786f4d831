//! What proofs rest on: whatever no assumption of a closed wall names can be there and opens nothing.

use std::collections::{BTreeMap, BTreeSet};

use palisade::access::{
    AccessLists, AccessModel, KEY, NamedPolicy, POLICY_BEARING_TYPES, QUEUE, ResourceNode,
    ResourcePolicy, ResourceTags, SECRET,
};
use palisade::iam::{Document, Use};
use palisade::isolation::WallVerdict;
use palisade::isolation::compare::{Comparison, compare, verdict};
use palisade::isolation::section::{AssumptionKind, MatrixRow};
use palisade::plan::access::model_after;
use palisade::plan::walls::analyse;
use serde_json::json;

use super::estate::{ENVIRONMENTS, Identity, Model, id_of};
use super::random::Random;
use super::{Budget, pairs};

const TODAY: &str = "2026-11-28";

/// The rows of the matrix, by both ends.
fn rows(model: &Model) -> BTreeMap<(String, String), MatrixRow> {
    let (estate, sides) = model.read();
    let analysis = analyse(&estate, &sides, TODAY).expect("no rules to be wrong");
    let rows = analysis.section.matrix.into_iter();
    rows.map(|row| ((row.from.clone(), row.to.clone()), row)).collect()
}

fn objects(row: &MatrixRow, kind: AssumptionKind) -> BTreeSet<&str> {
    let listed = row.assumptions.iter().filter(|assumption| assumption.kind == kind);
    listed.flat_map(|assumption| &assumption.objects).map(String::as_str).collect()
}

/// An RCP over services of which no policy is read.
fn bounded(model: &Model, random: &mut Random) -> Model {
    let mut model = model.clone();
    for _ in 0..1 + random.below(3) {
        let action = *random.of(&["sqs:*", "kms:*", "secretsmanager:*", "sqs:SendMessage", "*"]);
        model.add_resource_control(action, random);
    }
    model
}

/// The estate with a resource in an account whose policy permits everybody everything.
fn with_open(
    model: &Model,
    kind: &'static palisade::access::ResourceType,
    to: &str,
) -> AccessModel {
    let (estate, sides) = model.read();
    let mut access = model_after(&estate, &sides);
    let id = id_of(to);
    let arn = format!("arn:aws:{}:eu-west-1:{id}:{}thing", kind.service, kind.resource);
    let open = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
        "Action": "*", "Resource": "*"}]});
    let role = Use::Resource(kind.service.to_owned());
    let (document, _) = Document::from_json(&open, role).expect("a policy");
    let resource = ResourceNode {
        kind,
        arn: arn.clone(),
        account: to.parse().expect("a handle"),
        label: arn.clone(),
        location: None,
        policy: ResourcePolicy::Document(NamedPolicy::new(&arn, "policy", document)),
        restrict_public: false,
        access_lists: AccessLists::Off,
        key: None,
        tags: ResourceTags::Unknown,
    };
    access.resources.insert(arn, resource);
    access
}

fn judged(comparison: &Comparison<'_>) -> BTreeMap<(String, String), WallVerdict> {
    let (access, result) = &comparison.after;
    let all = pairs().into_iter();
    all.map(|pair| ((pair.0.name().to_owned(), pair.1.clone()), verdict(access, result, &pair).0))
        .collect()
}

#[test]
fn a_resource_of_a_type_that_no_assumption_names_opens_nothing() {
    let (mut bounding, mut opened) = (0, 0);
    for seed in Budget::get().analysed() {
        let random = &mut Random::new(seed ^ 0xa55e);
        let model = bounded(&Model::generate(seed), random);
        let rows = rows(&model);
        for to in ENVIRONMENTS {
            for kind in [&KEY, &QUEUE, &SECRET] {
                let access = with_open(&model, kind, to);
                let comparison = compare(&access, &access);
                for ((from, _), now) in judged(&comparison).iter().filter(|((_, end), _)| end == to)
                {
                    let row = &rows[&(from.clone(), (*to).to_owned())];
                    // The judge lets an unsigned request by where the service would refuse it.
                    let takes = POLICY_BEARING_TYPES
                        .iter()
                        .any(|t| t.name == kind.name && t.takes_unsigned);
                    if row.after != WallVerdict::Isolated || (from == "$anonymous" && !takes) {
                        continue;
                    }
                    if objects(row, AssumptionKind::ResourcePolicies).contains(kind.name) {
                        opened += usize::from(*now != WallVerdict::Isolated);
                        continue;
                    }
                    bounding += 1;
                    let told = format!("seed {seed}: {from} -> {to} by {}", kind.name);
                    assert_eq!(*now, WallVerdict::Isolated, "{told}\n{row:#?}\n{}", model.told());
                }
            }
        }
    }
    println!("{bounding} resources that guardrails close, {opened} that an assumption named");
    let many = Budget::get().analysed().count() > 1;
    assert!(!many || bounding > 20 && opened > 20, "{bounding} and {opened}");
}

/// The estate where each role trusts these principals too.
fn trusting(model: &Model, also: impl Fn(&Identity, &Identity) -> bool) -> Model {
    let mut more = model.clone();
    for (at, role) in model.identities.iter().enumerate() {
        let others = model.identities.iter().filter(|other| also(role, other));
        let others: Vec<&String> = others.map(|other| &other.arn).collect();
        let Some(trust) = more.identities[at].trust.as_mut() else { continue };
        trust["Statement"].as_array_mut().expect("statements").push(json!({"Effect": "Allow",
            "Action": "sts:AssumeRole", "Principal": {"AWS": others}}));
    }
    more
}

/// Every role's code does what its account's principals say: each may be that role.
#[test]
fn code_that_no_assumption_names_opens_nothing() {
    let (mut quiet, mut named) = (0, 0);
    for seed in Budget::get().analysed() {
        // A role that trusts itself is not for services alone, so that its sessions are of one kind throughout.
        let model = trusting(&Model::generate(seed), |role, other| role.arn == other.arn);
        let rows = rows(&model);
        let talking =
            trusting(&model, |role, other| role.account == other.account && role.arn != other.arn);
        let (estate, sides) = talking.read();
        let access = model_after(&estate, &sides);
        let comparison = compare(&access, &access);
        for (pair, now) in judged(&comparison) {
            let row = &rows[&pair];
            if row.after != WallVerdict::Isolated {
                continue;
            }
            if !objects(row, AssumptionKind::RunningCode).is_empty() {
                named += usize::from(now != WallVerdict::Isolated);
                continue;
            }
            quiet += 1;
            let told = format!("seed {seed}: {pair:?} by code");
            assert_eq!(now, WallVerdict::Isolated, "{told}\n{row:#?}\n{}", model.told());
        }
    }
    println!("{quiet} walls that no code opens, {named} that an assumption named");
    let many = Budget::get().analysed().count() > 1;
    assert!(!many || quiet > 20 && named > 0, "{quiet} and {named}");
}
