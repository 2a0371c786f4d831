//! What a kind is stands in its own two files: nothing else says its name, and no part of it is forgotten.
//!
//! What does not compile without a part needs no test: both halves, the quotas, what repair needs, the
//! part in access, the form of its ARNs, and how it is read in bulk. Here stands what the compiler does
//! not see: that these parts fit each other, the docs and the examples.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use palisade::access::RESOURCE_TYPES;
use palisade::address::{ACCOUNT, CONFIG_KIND};
use palisade::iam::Limits;
use palisade::iam::catalogue::catalogue;
use palisade::schema::gates::gates;
use palisade::schema::{AccessPart, KindSchema, Measure, Quota, Repair, kinds, observed};

use palisade::value::Attrs;

use crate::support::bodies::context;

/// Where a word that is also a kind's name means something else: the file or folder, the words, and what
/// they mean there. What is no longer needed has to go.
const OTHER_MEANINGS: &[(&str, &[&str], &str)] = &[
    ("src/address.rs", &[ACCOUNT, CONFIG_KIND], "the constants for the words of the language"),
    ("src/iam/", &["organization"], "a part of a request, as messages call it"),
    ("src/isolation/report/power.rs", &["account"], "what a power is over, as its id says it"),
    ("src/render/events.rs", &["account"], "the noun that a count of accounts has"),
    ("src/render/event_lines.rs", &["account"], "the field of an event that names the account"),
    (
        "src/render/view.rs",
        &["account", "organization"],
        "the heading of what is in no account, and what a plan is limited to",
    ),
    ("src/sandbox/", &["account", "organization"], "parts of the ARNs and ids that AWS makes"),
];

/// Files above the language that ask whether something is of a kind that is also a word of the language.
const ASK_BY_CONSTANT: &[(&str, &str)] = &[
    ("src/address.rs", "the address of a config value has a form of its own"),
    ("src/engine/adopt.rs", "a config value has no block that could be written for it"),
    ("src/engine/promotion/entry.rs", "what a release carries is config values"),
    ("src/promotion/gate/parity.rs", "the gate compares config values"),
];

/// Layers that read the language: there the constants are its words.
const LANGUAGE: &[&str] = &["src/schema/", "src/config/", "src/graph/", "src/eval/"];

/// Where the two files of a kind stand.
const HALVES: [&str; 2] = ["src/schema/kinds", "src/provider/aws/kinds"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path, extension: &str, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).expect("readable") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            files(&path, extension, into);
        } else if path.extension().is_some_and(|e| e == extension) {
            let name = path.strip_prefix(root()).expect("below").display().to_string();
            into.insert(name, fs::read_to_string(&path).expect("readable"));
        }
    }
}

fn all(dir: &str, extension: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    files(&root().join(dir), extension, &mut found);
    found
}

/// The lines of a file that are neither a comment nor a test.
fn production(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_tests = false;
    let mut was_cfg = false;
    text.lines().enumerate().filter(move |(_, line)| {
        in_tests |= was_cfg && line.starts_with("mod ") && line.ends_with('{');
        was_cfg = line.trim() == "#[cfg(test)]";
        !in_tests && !line.trim_start().starts_with("//")
    })
}

fn is_test(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or_default();
    file.contains("/tests/") || name == "tests.rs" || name.ends_with("_tests.rs")
}

/// The names that the lines of a file say as a whole literal, or as the beginning of a label, each with its line. A key of JSON
/// (`"account": ...`) names none.
fn literals<'k>(text: &str, kinds: &[&'k str]) -> Vec<(usize, &'k str)> {
    let mut found = Vec::new();
    for (at, line) in production(text) {
        for kind in kinds {
            let literal = format!("\"{kind}\"");
            for (start, _) in line.match_indices(&literal) {
                let after = &line[start + literal.len()..];
                if !after.starts_with(':') {
                    found.push((at + 1, *kind));
                }
            }
            // The label of what is not managed: `"iam_role/{name}@{account}"`.
            if line.contains(&format!("\"{kind}/")) {
                found.push((at + 1, *kind));
            }
        }
    }
    found
}

/// The names of all kinds, each with the name of its two files, as the registration has them.
fn registered() -> Vec<(&'static str, String)> {
    let text = fs::read_to_string(root().join("src/schema/kinds/mod.rs")).expect("readable");
    let table = text.split("$table! {").nth(1).expect("the registration");
    let table = table.split("pub(crate) use every_kind").next().expect("its end");
    let lines = table.lines().filter_map(|line| line.trim().strip_suffix("},"));
    let modules = lines.filter_map(|line| line.split_once("::{")).flat_map(|(module, halves)| {
        halves.split(',').map(|_| module.to_owned()).collect::<Vec<_>>()
    });
    let names = kinds().iter().map(|kind| kind.schema().kind);
    let names = names.chain(observed().iter().map(|kind| kind.kind));
    let all: Vec<_> = names.zip(modules).collect();
    assert_eq!(all.len(), kinds().len() + observed().len());
    all
}

#[test]
fn a_kind_is_named_in_its_own_two_files_alone() {
    let registered = registered();
    let names: Vec<&str> = registered.iter().map(|(name, _)| *name).collect();
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    for (file, text) in all("src", "rs").iter().filter(|(file, _)| !is_test(file)) {
        for (line, kind) in literals(text, &names) {
            let own = registered.iter().any(|(name, module)| {
                let [schema, aws] = HALVES.map(|half| format!("{half}/{module}.rs"));
                *name == kind && (*file == schema || *file == aws)
            });
            let other = OTHER_MEANINGS
                .iter()
                .find(|(place, words, _)| file.starts_with(place) && words.contains(&kind));
            match other {
                _ if own => {}
                Some((place, ..)) => {
                    used.insert((*place, kind));
                }
                None => wrong.push(format!("{file}:{line}: \"{kind}\"")),
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these lines know a kind by its name: let its declaration say what differs\n{}",
        wrong.join("\n")
    );
    for (place, words, why) in OTHER_MEANINGS {
        for word in *words {
            assert!(used.contains(&(*place, *word)), "{place} says no `{word}` ({why})");
        }
    }
}

/// What the registration declares is not seen by `cargo fmt`, which follows `mod` lines alone.
#[test]
fn files_of_kinds_are_formatted() {
    let files: Vec<String> = HALVES.iter().flat_map(|half| all(half, "rs").into_keys()).collect();
    let mut command = Command::new("rustfmt");
    command.current_dir(root()).args(["--check", "--edition", "2024"]).args(&files);
    // A toolchain without rustfmt builds and tests; `.ci/run` has one.
    let Ok(output) = command.output() else { return };
    assert!(
        output.status.success(),
        "run `cargo fmt -- {0}/*.rs {1}/*.rs`:\n{2}",
        HALVES[0],
        HALVES[1],
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn a_word_of_the_language_asks_for_no_kind_elsewhere() {
    let mut asking = BTreeSet::new();
    let files = all("src", "rs");
    for (file, text) in files.iter().filter(|(file, _)| !is_test(file)) {
        if LANGUAGE.iter().any(|place| file.starts_with(place)) {
            continue;
        }
        let asks = |line: &str| {
            line.contains("kind")
                && ["== ACCOUNT", "!= ACCOUNT", "== CONFIG_KIND", "!= CONFIG_KIND"]
                    .iter()
                    .any(|question| line.contains(question))
        };
        if production(text).any(|(_, line)| asks(line)) {
            asking.insert(file.as_str());
        }
    }
    let named: BTreeSet<&str> = ASK_BY_CONSTANT.iter().map(|(file, _)| *file).collect();
    assert_eq!(asking, named);
}

#[test]
fn the_search_finds_a_planted_name() {
    let found = |line: &str| literals(&format!("//! A file.\n{line}\n"), &["account", "s3_bucket"]);
    assert_eq!(found("    if object.kind == \"s3_bucket\" {"), [(2, "s3_bucket")]);
    assert_eq!(found("    \"account\" => 1,"), [(2, "account")]);
    assert_eq!(found("    format!(\"s3_bucket/{name}\")"), [(2, "s3_bucket")]);
    assert_eq!(found("    // \"account\""), []);
    assert_eq!(found("    json!({\"account\": 1})"), []);
    assert_eq!(found("    \"account.production\""), []);
    assert_eq!(found("#[cfg(test)]\nmod tests {\n    \"account\""), []);
    assert_eq!(found("#[cfg(test)]\nmod tests;\nconst A: &str = \"account\";"), [(4, "account")]);
}

/// What differs between gates stands in their declaration (`schema/gates.rs`) and their own file.
#[test]
fn a_gate_is_named_in_its_own_files_alone() {
    let names: Vec<&str> = gates().iter().map(|gate| gate.ty).collect();
    let mut wrong = Vec::new();
    for (file, text) in all("src", "rs").iter().filter(|(file, _)| !is_test(file)) {
        for (line, gate) in literals(text, &names) {
            let own = file == "src/schema/gates.rs"
                || file
                    .strip_prefix("src/promotion/gate/")
                    .is_some_and(|own| own.split(['/', '.']).next() == Some(gate));
            if !own {
                wrong.push(format!("{file}:{line}: \"{gate}\""));
            }
        }
    }
    assert!(wrong.is_empty(), "these lines know a gate by its name:\n{}", wrong.join("\n"));
}

/// Where a service whose resources carry policies is named, and why that is not a case of one type of resource.
const NAME_A_SERVICE: &[(&str, &str)] = &[
    ("src/access/resource.rs", "the table of types"),
    ("src/cli/commands/simulate.rs", "an example of a request, in a help text"),
    ("src/config/decode/settings.rs", "`backend \"s3\"`"),
    ("src/engine/state_bucket.rs", "the bucket of the state is a bucket"),
    ("src/iam/", "the policy language as each service has it"),
    ("src/isolation/crossing.rs", "a condition key that only S3 sends"),
    (
        "src/isolation/crossing/owner.rs",
        "what each service keeps for the owner, beside what policies say",
    ),
    ("src/provider/", "the clients of the SDK"),
    ("src/review/terraform/", "what Terraform calls the types, and how it writes their ARNs"),
    ("src/sandbox/", "the services of the emulation"),
    ("src/schema/blocks.rs", "`backend \"s3\"`"),
    ("src/schema/kinds/", "the declarations"),
    ("src/state/", "the bucket of the state is a bucket"),
];

#[test]
fn a_type_of_resource_is_a_case_nowhere() {
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    for (file, text) in all("src", "rs").iter().filter(|(file, _)| !is_test(file)) {
        for (at, line) in production(text) {
            for service in RESOURCE_TYPES.iter().map(|of| of.service) {
                let literal = format!("\"{service}\"");
                let named = line.contains(&literal) && !line.contains(&format!("{literal}:"));
                let in_text = line.contains("\"arn:") && line.contains(&format!(":{service}:"));
                if !named && !in_text {
                    continue;
                }
                match NAME_A_SERVICE.iter().find(|(place, _)| file.starts_with(place)) {
                    Some((place, _)) => {
                        used.insert(*place);
                    }
                    None => wrong.push(format!("{file}:{}: {}", at + 1, line.trim())),
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these lines know a type of resource by its service: let its row or its kind say what differs\n{}",
        wrong.join("\n")
    );
    let listed: BTreeSet<&str> = NAME_A_SERVICE.iter().map(|(place, _)| *place).collect();
    assert_eq!(listed, used, "places that name no service any more");
}

/// The quotas of `iam::Limits` and of the organization's `limits` block are those that kinds count.
#[test]
fn every_quota_can_be_raised_and_is_counted() {
    let schemas = || kinds().iter().map(|kind| kind.schema());
    let counted: BTreeSet<&str> =
        schemas().flat_map(|s| s.meaning.quotas).map(Quota::limit).collect();
    let organization =
        schemas().find(|s| s.meaning.access == AccessPart::Organization).expect("the organization");
    let limits = organization.block.nested("limits").expect("its limits").block;
    let raised: BTreeSet<&str> = limits.attrs.iter().map(|attr| attr.name).collect();
    assert_eq!(counted, raised);
    for limit in counted {
        assert!(Limits::default().get(limit).is_some(), "{limit} has no default");
    }
}

fn has_attribute(schema: &KindSchema, name: &str) -> bool {
    let listed = schema.computed.iter().any(|c| c.name == name)
        || schema.block.attr(name).is_some()
        || schema.block.nested(name).is_some();
    listed || schema.policies.iter().any(|p| p.trim_end_matches(".*") == name)
}

#[test]
fn the_parts_of_a_kind_fit_each_other() {
    for kind in kinds() {
        let schema = kind.schema();
        let name = schema.kind;
        let has = |attr: &str| assert!(has_attribute(schema, attr), "{name} has no `{attr}`");
        let policy = |attr: &str| assert!(schema.policies.contains(&attr), "{name}: {attr}");
        match schema.meaning.access {
            AccessPart::Guardrail { document, .. } => {
                policy(document);
                assert_eq!(schema.attachments, Some("targets"), "{name}");
            }
            AccessPart::ManagedPolicy { document } => policy(document),
            AccessPart::Principal { trust } => {
                trust.into_iter().for_each(policy);
                ["arn", "inline_policies", "managed_policies"].into_iter().for_each(has);
            }
            AccessPart::Resource(resource) => {
                policy(resource.policy);
                resource.public_access_block.into_iter().for_each(has);
                resource.encryption.into_iter().for_each(has);
                resource.global_name.into_iter().for_each(has);
                has("arn");
            }
            AccessPart::AccountSettings { public_access_block } => has(public_access_block),
            AccessPart::OrganizationalUnit | AccessPart::Account => {
                ["id", "parent"].into_iter().for_each(has);
            }
            AccessPart::Organization => {
                ["id", "root_id", "enabled_policy_types"].into_iter().for_each(has);
            }
            AccessPart::IdentityProvider | AccessPart::Group => has("arn"),
            // A kind that takes no part holds no policies.
            AccessPart::None => assert!(schema.policies.is_empty(), "{name}"),
        }
        let naming = schema.meaning.naming;
        for attr in naming.identity {
            assert!(schema.block.attr(attr).is_some(), "{name}: {attr}");
        }
        let defaults = naming.defaults.iter().map(|(attr, _)| *attr);
        for attr in naming.label.into_iter().chain(defaults) {
            assert!(naming.identity.contains(&attr), "{name}: {attr}");
        }
        for quota in schema.meaning.quotas {
            match quota {
                Quota::PerTarget { .. } => assert!(schema.attachments.is_some(), "{name}"),
                Quota::Depth { .. } => has("parent"),
                Quota::Size { measure, .. } => match measure {
                    Measure::Document(attr, _) => policy(attr),
                    Measure::Documents(attr, _) | Measure::Elements(attr) => has(attr),
                },
                Quota::PerAccount { .. } | Quota::Closures { .. } => {}
            }
        }
        let names_principals = match schema.meaning.access {
            AccessPart::Principal { trust } => trust.is_some(),
            AccessPart::Resource(_) => true,
            _ => false,
        };
        let rewrite = schema.meaning.rewrite_policy;
        assert_eq!(rewrite.is_some(), names_principals, "{name}: how its policy is written again");
        assert!(rewrite.is_none_or(|command| command.contains(" KEY ")), "{name}: {rewrite:?}");
        match schema.meaning.repair {
            Repair::Objects(actions) => {
                has("arn");
                actions.iter().for_each(|action| known(name, action));
            }
            Repair::Below { actions, .. } | Repair::Everywhere(actions) => {
                actions.iter().for_each(|action| known(name, action));
            }
            Repair::Nothing(why) => assert!(why.contains(' '), "{name} gives no reason"),
        }
    }
}

fn known(kind: &str, action: &str) {
    assert!(catalogue().find(action).is_some(), "{kind}: AWS knows no `{action}`");
}

/// The declared form of ARNs is that of the ARN which the kind computes.
#[test]
fn arns_have_the_form_that_is_declared() {
    for kind in kinds() {
        let schema = kind.schema();
        let Some(form) = schema.meaning.arn else { continue };
        let desired: Attrs = ["name", "bucket", "url"]
            .into_iter()
            .map(|name| (name.to_owned(), "/x".into()))
            .chain([("path".to_owned(), "/".into())])
            .collect();
        let computed = kind.computed(&desired, &context(schema.kind, "x", "333333333333"));
        let arn = computed.get("arn").and_then(|arn| arn.as_str()).expect(schema.kind);
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        assert_eq!(parts[2], form.service, "{arn}");
        assert!(parts[5].starts_with(form.resource), "{arn}");
    }
}

#[test]
fn every_kind_is_documented_and_used_in_an_example() {
    let docs = fs::read_to_string(root().join("docs/kinds.md")).expect("readable");
    let mut examples = all("examples", "hcl");
    examples.extend(all("modules", "hcl"));
    for kind in kinds() {
        let name = kind.schema().kind;
        assert!(docs.contains(&format!("\n## {name}\n")), "docs/kinds.md has no `{name}`");
        let block = format!("{name} \"");
        let used = examples
            .values()
            .flat_map(|text| text.lines())
            .any(|line| line.trim_start().starts_with(&block));
        assert!(used, "no example has a `{name}`");
    }
}
