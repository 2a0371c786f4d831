//! What a kind is stands in its own two files: nothing else says its name, and no part of it is forgotten.
//!
//! What does not compile without a part needs no test: both halves, the quotas, what repair needs, the
//! part in access, the form of its ARNs, and how it is read in bulk. Here stands what the compiler does
//! not see: that these parts fit each other, the docs and the examples.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use syn::visit::{self, Visit};

use palisade::access::RESOURCE_TYPES;
use palisade::address::{ACCOUNT, CONFIG_KIND};
use palisade::iam::Limits;
use palisade::iam::catalogue::catalogue;
use palisade::schema::gates::gates;
use palisade::schema::{
    AccessPart, BlockSchema, Home, KindSchema, Measure, Quota, Repair, kinds, observed,
};

use palisade::value::Attrs;

use crate::support::bodies::context;
use crate::support::names::{self, is_test_file as is_test, texts};

/// Where a word that is also a kind's name means something else: the file or folder, the words, and what
/// they mean there. What is no longer needed has to go.
const OTHER_MEANINGS: &[(&str, &[&str], &str)] = &[
    ("src/address.rs", &[ACCOUNT, CONFIG_KIND], "the constants for the words of the language"),
    ("src/fetch/git.rs", &["config"], "a command of git's"),
    ("src/iam/", &["organization"], "a part of a request, as messages call it"),
    ("src/isolation/report/power.rs", &["account"], "what a power is over, as its id says it"),
    ("src/render/events.rs", &["account"], "the noun that a count of accounts has"),
    ("src/provider/aws/profiles.rs", &["account"], "the name of the service Account Management"),
    ("src/render/event_lines.rs", &["account"], "the field of an event that names the account"),
    (
        "src/render/view.rs",
        &["account", "organization"],
        "the heading of what is in no account, and what a plan is limited to",
    ),
    ("src/sandbox/", &["account", "organization"], "parts of the ARNs and ids that AWS makes"),
];

/// Files that ask whether something is of a kind by a constant: that kind is also a word of the language.
const ASK_BY_CONSTANT: &[(&str, &str)] = &[
    ("src/address.rs", "the address of a config value has a form of its own"),
    ("src/config/decode/mod.rs", "`config` blocks stand inside of others, and make values"),
    ("src/config/decode/target.rs", "an address in a `moved` block, as people write it"),
    ("src/engine/adopt.rs", "a config value has no block that could be written for it"),
    ("src/engine/promotion/entry.rs", "what a release carries is config values"),
    ("src/eval/entries.rs", "`config` values are no instances of a block"),
    ("src/eval/environments/mod.rs", "the words `account` and `environment` of references"),
    ("src/eval/instances/attributes.rs", "the words `account` and `environment` of references"),
    ("src/eval/modules/scope.rs", "the word `account` of references"),
    ("src/graph/check.rs", "the word `account` of references"),
    ("src/graph/draw.rs", "config values are drawn as one node"),
    ("src/promotion/gate/parity.rs", "the gate compares config values"),
    ("src/render/fold/own_names.rs", "its own mark for an account's name, which has the same name"),
    ("src/review/terraform/resources.rs", "Terraform's types end so, of which a row has the name"),
    ("src/schema/policy.rs", "an account that stands where a principal is wanted"),
];

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

/// What a file asks that only one kind answers.
struct Questions<'k> {
    kinds: &'k [&'k str],
    /// Whether the file is a kind's own: there `KIND` alone is its name.
    own: bool,
    found: Vec<String>,
}

/// Calls that compare a text with another one, or with a part of it.
const COMPARES: [&str; 8] = [
    "starts_with",
    "ends_with",
    "contains",
    "strip_prefix",
    "strip_suffix",
    "eq",
    "ne",
    "eq_ignore_ascii_case",
];

impl<'k> Questions<'k> {
    fn new(kinds: &'k [&'k str]) -> Self {
        Self { kinds, own: false, found: Vec::new() }
    }

    fn all(mut self, syntax: &syn::File) -> Vec<String> {
        self.visit_file(syntax);
        self.found
    }

    /// Whether a path names the constant that holds a kind's name.
    fn is_constant(&self, path: &syn::Path) -> bool {
        if self.own && path.is_ident("KIND") {
            return false;
        }
        let last = path.segments.last().map(|segment| segment.ident.to_string());
        last.is_some_and(|last| ["KIND", "ACCOUNT", "CONFIG_KIND"].contains(&last.as_str()))
    }

    fn asks_by_constant(&mut self, how: &str) {
        self.found.push(format!("a constant in {how}"));
    }

    /// One side of a comparison.
    fn side(&mut self, side: &syn::Expr) {
        match side {
            syn::Expr::Path(path) if self.is_constant(&path.path) => {
                self.asks_by_constant("a comparison");
            }
            syn::Expr::Field(field) => {
                let is_what = matches!(&field.member, syn::Member::Named(name) if name == "what");
                if is_what {
                    self.found.push("`what`, which people read, in a comparison".to_owned());
                }
            }
            syn::Expr::Reference(of) => self.side(&of.expr),
            syn::Expr::Paren(of) => self.side(&of.expr),
            syn::Expr::Unary(of) => self.side(&of.expr),
            _ => {}
        }
    }

    /// A part of a kind's name where a kind is compared with it.
    fn part(&mut self, receiver: &syn::Expr, argument: &syn::Expr) {
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = argument else {
            return;
        };
        let text = text.value().to_lowercase();
        let is_part = text.len() > 2 && self.kinds.iter().any(|kind| kind.contains(text.as_str()));
        if is_part && Mentions::kind(receiver) {
            self.found.push(format!("a part of a kind's name: {text:?}"));
        }
    }

    /// What stands in a macro: `matches!(x, A | B)` has a pattern, and `concat!` makes one text of several.
    fn inside(&mut self, call: &syn::Macro) {
        let name = call.path.segments.last().map(|segment| segment.ident.to_string());
        let name = name.unwrap_or_default();
        let all = |input: syn::parse::ParseStream<'_>| {
            syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated(input)
        };
        let pattern = |input: syn::parse::ParseStream<'_>| {
            let of: syn::Expr = input.parse()?;
            input.parse::<syn::Token![,]>()?;
            let pattern = syn::Pat::parse_multi_with_leading_vert(input)?;
            let guard = match input.parse::<Option<syn::Token![if]>>()? {
                Some(_) => Some(input.parse::<syn::Expr>()?),
                None => None,
            };
            input.parse::<Option<syn::Token![,]>>()?;
            Ok((of, pattern, guard))
        };
        if name == "matches" {
            if let Ok((of, pattern, guard)) = call.parse_body_with(pattern) {
                self.visit_expr(&of);
                self.visit_pat(&pattern);
                guard.iter().for_each(|guard| self.visit_expr(guard));
            }
            return;
        }
        let Ok(arguments) = call.parse_body_with(all) else { return };
        if name == "concat" {
            let text = |of: &syn::Expr| match of {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => text.value(),
                _ => "?".to_owned(),
            };
            let whole: String = arguments.iter().map(text).collect();
            if self.kinds.contains(&whole.as_str()) {
                self.found.push(format!("a kind's name in parts: {whole:?}"));
            }
        }
        arguments.iter().for_each(|argument| self.visit_expr(argument));
    }
}

/// Whether an expression reads something that is called a kind.
struct Mentions(bool);

impl Mentions {
    fn kind(of: &syn::Expr) -> bool {
        let mut mentions = Self(false);
        mentions.visit_expr(of);
        mentions.0
    }
}

impl<'a> Visit<'a> for Mentions {
    fn visit_ident(&mut self, ident: &'a syn::Ident) {
        self.0 |= ident == "kind" || ident == "what";
    }
}

impl<'a> Visit<'a> for Questions<'_> {
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if !names::is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_expr_binary(&mut self, binary: &'a syn::ExprBinary) {
        if matches!(binary.op, syn::BinOp::Eq(_) | syn::BinOp::Ne(_)) {
            self.side(&binary.left);
            self.side(&binary.right);
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        if COMPARES.iter().any(|name| call.method == name) {
            for argument in &call.args {
                self.side(argument);
                self.part(&call.receiver, argument);
            }
            self.side(&call.receiver);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_pat(&mut self, pattern: &'a syn::Pat) {
        match pattern {
            syn::Pat::Ident(of)
                if ["KIND", "ACCOUNT", "CONFIG_KIND"].iter().any(|name| of.ident == name) =>
            {
                self.asks_by_constant("a pattern");
            }
            syn::Pat::Path(of) if self.is_constant(&of.path) => self.asks_by_constant("a pattern"),
            _ => {}
        }
        visit::visit_pat(self, pattern);
    }

    fn visit_lit_str(&mut self, literal: &'a syn::LitStr) {
        let text = literal.value();
        // An address: the words of the language stand in many messages.
        let named = self.kinds.iter().filter(|kind| kind.contains('_'));
        if let Some(kind) = named.into_iter().find(|kind| {
            text.strip_prefix(**kind).is_some_and(|rest| rest.starts_with(['.', '/', ' ']))
        }) {
            self.found.push(format!("an address of a kind: {kind:?}"));
        }
    }

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        self.inside(call);
    }

    /// Documentation is a literal, too.
    fn visit_attribute(&mut self, _: &'a syn::Attribute) {}
}

#[test]
fn a_kind_is_asked_for_by_its_constant_where_it_is_a_word_alone() {
    let registered = registered();
    let names: Vec<&str> = registered.iter().map(|(name, _)| *name).collect();
    let mut asking = BTreeSet::new();
    let mut wrong = Vec::new();
    for (file, text) in texts("src").iter().filter(|(file, _)| !is_test(file)) {
        let syntax = syn::parse_file(text).expect("Rust");
        // `KIND` in one of the two files of a kind is its own name.
        let is_half = HALVES.iter().any(|half| file.starts_with(half));
        let questions = Questions { own: is_half, ..Questions::new(&names) };
        for question in questions.all(&syntax) {
            match ASK_BY_CONSTANT.iter().find(|(place, _)| place == file) {
                Some((place, _)) => {
                    asking.insert(*place);
                }
                None => wrong.push(format!("{file}: {question}")),
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "let the declaration of the kind say what differs\n{}",
        wrong.join("\n")
    );
    let named: BTreeSet<&str> = ASK_BY_CONSTANT.iter().map(|(file, _)| *file).collect();
    assert_eq!(asking, named);
}

#[test]
fn every_way_to_ask_for_a_kind_is_found() {
    let kinds = ["account", "iam_role", "config"];
    for asks in [
        "object.kind == ACCOUNT",
        "iam_role::KIND == object.kind",
        "object.kind\n    ==\n    ACCOUNT",
        "kind.eq(ACCOUNT)",
        "matches!(kind, iam_role::KIND | other::KIND)",
        "matches!(kind, ACCOUNT | CONFIG_KIND if x)",
        "if let ACCOUNT = kind {}",
        "match kind { ACCOUNT => 1, _ => 2 }",
        "match kind { address::ACCOUNT => 1, _ => 2 }",
        "assert!(kind == ACCOUNT)",
        "kind.starts_with(\"iam_\")",
        "schema.kind.contains(\"role\")",
        "kind.eq_ignore_ascii_case(\"IAM_ROLE\")",
        "format!(\"iam_role.{name}\")",
        "concat!(\"iam_\", \"role\")",
        "schema.what == \"an IAM role\"",
    ] {
        let syntax = syn::parse_file(&format!("fn f() {{ {asks}; }}")).expect("Rust");
        assert!(!Questions::new(&kinds).all(&syntax).is_empty(), "{asks}");
    }
    for asks_not in [
        "Ty::Ref { kinds: &[iam_role::KIND] }",
        "let address = ResourceAddr::new(ACCOUNT, name)",
        "name.starts_with(\"iam_\")",
        "format!(\"account.{name}\")",
        "kind == other.kind",
    ] {
        let syntax = syn::parse_file(&format!("fn f() {{ {asks_not}; }}")).expect("Rust");
        assert_eq!(Questions::new(&kinds).all(&syntax), [""; 0], "{asks_not}");
    }
}

/// Attributes of one kind that are common words: one that stands for the attribute is not told from one that does not.
const COMMON: &[&str] = &[
    "alias",
    "algorithm",
    "aws",
    "bucket",
    "encryption",
    "environment",
    "key",
    "limits",
    "parent",
    "policy",
    "provider",
    "schema",
    "secret",
    "services",
    "state",
    "trust",
    "type",
    "url",
    "value",
    "version",
];

/// Where an attribute that one kind alone has is also a word of something else.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("src/config/", "settings of the provider and of backends, which the language has"),
    ("src/eval/", "settings of the provider and of accounts, which the language has"),
    ("src/iam/", "the inputs of AWS's policy simulator"),
    (
        "src/provider/aws/",
        "users and groups have attributes of roles, an emulated account has an endpoint",
    ),
    ("src/render/fold/own_names.rs", "what AWS assigns, whatever the kind"),
    ("src/access/resource.rs", "what AWS's ARNs begin with"),
    ("src/review/terraform/", "Terraform's names"),
    ("src/sandbox/", "AWS's names"),
    ("src/schema/", "the language"),
];

/// The attributes that only one pair of files declares, each with the name of its files.
fn attributes_of_one_kind() -> BTreeMap<&'static str, String> {
    fn inside(block: &BlockSchema, into: &mut BTreeSet<&'static str>) {
        into.extend(block.attrs.iter().map(|attr| attr.name));
        for nested in block.blocks {
            into.insert(nested.name);
            inside(nested.block, into);
        }
    }
    let registered: BTreeMap<&str, String> = registered().into_iter().collect();
    let mut by_name: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for kind in kinds() {
        let schema = kind.schema();
        let mut names = BTreeSet::new();
        inside(&schema.block, &mut names);
        names.extend(schema.computed.iter().map(|computed| computed.name));
        names.extend(schema.policies.iter().map(|name| name.trim_end_matches(".*")));
        for name in names {
            by_name.entry(name).or_default().insert(registered[schema.kind].clone());
        }
    }
    let single = by_name.into_iter().filter(|(_, files)| files.len() == 1);
    single.map(|(name, files)| (name, files.into_iter().next().expect("one"))).collect()
}

#[test]
fn an_attribute_of_one_kind_is_named_in_its_own_two_files_alone() {
    let own = attributes_of_one_kind();
    let words: Vec<&str> = own.keys().copied().filter(|name| !COMMON.contains(name)).collect();
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    for (file, text) in all("src", "rs").iter().filter(|(file, _)| !is_test(file)) {
        for (line, word) in literals(text, &words) {
            let module = &own[word];
            if HALVES.iter().any(|half| *file == format!("{half}/{module}.rs")) {
                continue;
            }
            match OTHER_WORDS.iter().find(|(at, _)| file.starts_with(at)) {
                Some((place, _)) => {
                    used.insert(*place);
                }
                None => wrong.push(format!("{file}:{line}: \"{word}\" of {module}")),
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these lines know a kind by its attribute: let its declaration name the attribute\n{}",
        wrong.join("\n")
    );
    let listed: BTreeSet<&str> = OTHER_WORDS.iter().map(|(place, _)| *place).collect();
    assert_eq!(listed, used, "places that say none of these words any more");
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
    ("src/access/statements.rs", "condition keys of what AWS makes of a permission of a function"),
    ("src/cli/commands/simulate.rs", "an example of a request, in a help text"),
    ("src/cli/host.rs", "events of `--json`, which are counted"),
    ("src/cli/terraform.rs", "an argument of Terraform's"),
    ("src/config/decode/settings.rs", "`backend \"s3\"`"),
    ("src/engine/permissions/", "what the state's bucket, keys and sources of secrets take"),
    ("src/engine/state_bucket.rs", "the bucket of the state is a bucket"),
    ("src/iam/", "the policy language as each service has it"),
    ("src/isolation/issuers.rs", "issuers of tokens whose keys lie at an address of S3"),
    ("src/provider/", "the clients of the SDK"),
    ("src/render/permissions.rs", "the condition key of a key that one service uses"),
    ("src/render/isolation/view.rs", "condition keys by which somebody is told from others"),
    ("src/review/cloudformation/", "how CloudFormation names resources, and their ARNs"),
    ("src/review/terraform/", "what Terraform calls the types, and how it writes their ARNs"),
    ("src/sandbox/", "the services of the emulation"),
    ("src/schema/blocks.rs", "`backend \"s3\"`"),
    ("src/schema/kinds/", "the declarations"),
    ("src/schema/resource/access.rs", "the declarations of resource types"),
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
                // An action, or a condition key: `"s3:GetObject"`.
                let action = format!("\"{service}:");
                let of_action = line.contains(&action) && !line.contains(&format!("{action}//"));
                if !named && !in_text && !of_action {
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
        schemas().find(|s| s.meaning.access.is_organization()).expect("the organization");
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
        let texts = [name, schema.what, schema.source];
        assert!(texts.iter().all(|text| !text.is_empty()), "{schema:?}");
        assert!(!schema.block.attrs.is_empty() && !schema.computed.is_empty(), "{name}");
        // Whatever lives in the organization comes after it.
        let is_below =
            schema.home == Home::Organization && !schema.meaning.access.is_organization();
        assert_eq!(is_below, !schema.after.is_empty(), "{name}: what comes first");
        let has = |attr: &str| assert!(has_attribute(schema, attr), "{name} has no `{attr}`");
        let policy = |attr: &str| assert!(schema.policies.contains(&attr), "{name}: {attr}");
        match schema.meaning.access {
            AccessPart::Guardrail { document, .. } => {
                policy(document);
                assert_eq!(schema.attachments, Some("targets"), "{name}");
            }
            AccessPart::ManagedPolicy { document } => policy(document),
            AccessPart::Principal(of) => {
                of.trust.into_iter().for_each(policy);
                let all = [of.policies.inline, of.policies.attached, of.boundary, of.unique_id];
                ["arn"].into_iter().chain(all).chain(of.groups).for_each(has);
            }
            AccessPart::Resource(resource) => {
                resource.policy.into_iter().for_each(policy);
                resource.public_access_block.into_iter().for_each(has);
                resource.encryption.into_iter().for_each(|encryption| has(encryption.attr));
                resource.global_name.into_iter().for_each(has);
                resource.tags_count.into_iter().for_each(has);
                has("arn");
            }
            AccessPart::AccountSettings { public_access_block } => has(public_access_block),
            AccessPart::OrganizationalUnit { parent } => ["id", parent].into_iter().for_each(has),
            AccessPart::Account(of) => {
                ["id", of.parent].into_iter().for_each(has);
                of.known_with_organization.iter().for_each(|attr| has(attr));
                assert_eq!(schema.moves, Some(of.parent), "{name}");
            }
            AccessPart::Organization(of) => {
                let all = [of.root, of.management_account, of.policy_types, of.trusted_services];
                ["id", of.protected, of.limits].into_iter().chain(all).for_each(has);
            }
            AccessPart::Group(of) => ["arn", of.inline, of.attached].into_iter().for_each(has),
            AccessPart::IdentityProvider => has("arn"),
            AccessPart::PolicyOf(_) | AccessPart::StatementOf(_) | AccessPart::Unjudged(_) => {
                panic!("{name}: a part of resource types alone")
            }
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
                Quota::Depth { parent, .. } => has(parent),
                Quota::Size { measure, .. } => match measure {
                    Measure::Document(attr, _) => policy(attr),
                    Measure::Documents(attr, _) | Measure::Elements(attr) => has(attr),
                },
                Quota::PerAccount { .. } | Quota::Closures { .. } => {}
            }
        }
        let names_principals = match schema.meaning.access {
            AccessPart::Principal(of) => of.trust.is_some(),
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
