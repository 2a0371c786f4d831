//! Thousands of mutants of the corpus through the loader, the evaluator, the formatter and the policy
//! reader: what `fuzz/` does for hours, in seconds, and always the same ones. And through the readers of what lies in
//! a backend, and of dumps and Terraform plans: who writes these is not always the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use palisade::engine::EngineError;
use palisade::engine::review::{self, ReviewRequest, StackRequest, StateText, cloud_assembly};
use palisade::promotion::gate::approval;
use palisade::promotion::store;
use palisade::state::{Ledger, LocalStore, ScopeState};
use serde_json::json;

use crate::state::hostile::resealed;
use crate::support::cli::Program;
use crate::support::estates::{release, two_environments};
use crate::support::files::below;

#[path = "../../fuzz/properties.rs"]
mod properties;

/// No input of a few kilobytes takes longer, not even unoptimised on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Numbers that look like chance: splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n.max(1) as u64).expect("below usize")
    }

    /// A range of `text` on character boundaries.
    fn range(&mut self, text: &str, longest: usize) -> std::ops::Range<usize> {
        let start = text.floor_char_boundary(self.below(text.len() + 1));
        let end = text.floor_char_boundary((start + self.below(longest)).min(text.len()));
        start..end.max(start)
    }
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Texts below `dir` whose names end so, short enough to be mutated by the thousand.
fn corpus(dir: &Path, endings: &[&str], into: &mut Vec<String>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(dir).expect("a directory").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            corpus(&path, endings, into);
        } else if endings.iter().any(|e| path.to_string_lossy().ends_with(e))
            && let Ok(text) = fs::read_to_string(&path)
            && text.len() < 6_000
        {
            into.push(text);
        }
    }
}

/// The tokens of the fuzzers' dictionary: `"token"`, one a line.
fn dictionary() -> Vec<String> {
    let text = fs::read_to_string(top().join("fuzz/hcl.dict")).expect("the dictionary");
    let quoted = text.lines().filter_map(|l| l.trim().strip_prefix('"')?.strip_suffix('"'));
    quoted.map(|t| t.replace("\\\"", "\"").replace("\\x0a", "\n").replace("\\\\", "\\")).collect()
}

/// A seed with one to four changes.
fn mutant(dice: &mut Dice, seeds: &[String], tokens: &[String]) -> String {
    let mut text = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(4) {
        let range = dice.range(&text, 60);
        match dice.below(6) {
            0 => text.replace_range(range, ""),
            1 => {
                let copy = text[range.clone()].to_owned();
                text.insert_str(range.end, &copy);
            }
            2 => text.insert_str(range.start, &tokens[dice.below(tokens.len())]),
            3 => {
                let other = &seeds[dice.below(seeds.len())];
                let part = other[dice.range(other, 120)].to_owned();
                text.replace_range(range, &part);
            }
            4 => {
                let odd = ['\0', '"', '{', '}', '$', '%', '\\', '\n', '\u{feff}', 'ß', '9', '-'];
                let odd = odd[dice.below(odd.len())];
                text.insert(range.start, odd);
            }
            _ => text.truncate(range.end),
        }
    }
    text
}

/// Feeds `count` mutants, `PALISADE_MUTANTS` times as many of a row of their own where that is a number;
/// names the one that takes too long or panics.
fn feed(count: usize, seeds: Vec<String>, property: impl Fn(&str) + Send + 'static) {
    let times = std::env::var("PALISADE_MUTANTS").ok().and_then(|n| n.parse().ok());
    let (count, first) = times.map_or((count, 1), |n: usize| (count * n, n as u64));
    let tokens = dictionary();
    assert!(seeds.len() > 2 && tokens.len() > 10, "{} seeds, {} tokens", seeds.len(), tokens.len());
    let (told, hear) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let mut dice = Dice(first);
        for _ in 0..count {
            let text = mutant(&mut dice, &seeds, &tokens);
            told.send(text.clone()).expect("somebody listens");
            property(&text);
        }
    });
    let mut last = String::new();
    loop {
        match hear.recv_timeout(PATIENCE) {
            Ok(text) => last = text,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("it takes for ever:\n{last}"),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    assert!(worker.join().is_ok(), "a mutant breaks it:\n{last}");
}

#[test]
fn no_mutant_of_a_configuration_breaks_anything() {
    let mut seeds = Vec::new();
    for dir in ["tests/bad", "examples", "modules"] {
        corpus(&top().join(dir), &[".hcl"], &mut seeds);
    }
    feed(4_000, seeds, properties::configuration);
}

#[test]
fn no_mutant_of_a_policy_breaks_anything() {
    let mut seeds = Vec::new();
    corpus(&top().join("examples"), &[".json", ".json.tftpl"], &mut seeds);
    seeds.extend([
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":["111122223333","arn:aws:iam::444455556666:role/x"],"Service":"ec2.amazonaws.com"},"Action":["s3:Get*","s3:PutObject"],"Resource":"arn:aws:s3:::b/${aws:username}/*","Condition":{"StringLike":{"aws:PrincipalTag/team":["a*","b"]},"Bool":{"aws:SecureTransport":"true"}}}]}"#.to_owned(),
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotPrincipal":{"AWS":"*"},"NotAction":"iam:*","NotResource":["*"],"Condition":{"ForAllValues:StringEqualsIfExists":{"aws:TagKeys":[]},"NumericLessThan":{"s3:max-keys":10},"IpAddress":{"aws:SourceIp":["10.0.0.0/8","2001:db8::/32"]},"Null":{"aws:MultiFactorAuthAge":true}}}}"#.to_owned(),
        r#"{"Version":"2008-10-17","Id":"x","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"token.actions.githubusercontent.com:sub":"repo:acme/app:ref:refs/heads/main"},"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}}}]}"#.to_owned(),
    ]);
    feed(12_000, seeds, properties::policy);
}

/// Everything that an estate keeps: states, locks, a journal that was left, outputs, the audit log, releases, moves,
/// approvals, keys.
fn estate() -> Program {
    let gate = "  gate \"approval\" \"board\" {\n    count = 1\n  }\n";
    let role = "iam_role \"web\" {\n  environments = [environment.dev]\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n}\noutput \"web\" {\n  value = iam_role.web.at[\"dev\"].arn\n}\n";
    let p = Program::new(&two_environments(&format!("{}{role}", release(gate))));
    p.run(&["apply", "--auto-approve"]).code(0);
    let mut bea = p.command(&["approve", "to_production", "--auto-approve"]);
    bea.env("PALISADE_SANDBOX_AS", "bea");
    assert!(bea.status().expect("started").success());
    p.run(&["promote", "to_production", "--auto-approve"]).code(0);
    // The next apply dies with an announced change.
    for point in 0..60 {
        let mut cut = p.command(&["apply", "--auto-approve", "--var", "image=v2"]);
        cut.env("PALISADE_SANDBOX_CUT", point.to_string());
        cut.output().expect("started");
        if below(&backend(&p)).iter().any(|file| file.to_string_lossy().contains("/journal/")) {
            return p;
        }
    }
    panic!("no apply left a journal");
}

fn backend(p: &Program) -> PathBuf {
    p.path().join(".palisade/sandbox/palisade-state")
}

/// Every reader of a backend, once. What each finds is its own affair: it ends, and does not panic.
async fn read_all(ledger: &Ledger, digest: &str) {
    let scopes = ["org", "acct-dev", "acct-production"].map(str::to_owned);
    let _ = ledger.read_all().await;
    let _ = ledger.read_journals(&scopes.clone().into()).await;
    let _ = ledger.check_audit(None).await;
    let _ = ledger.existing_fingerprinter().await;
    for scope in &scopes {
        let _ = ledger.read_lock(scope).await;
        let _ = ledger.history(scope, 20).await;
    }
    let _ = store::list_releases(ledger).await;
    let _ = approval::all(ledger).await;
    let _ = approval::latest_approvals(ledger, "to_production", digest).await;
    for environment in store::list_environments(ledger).await.unwrap_or_default() {
        let _ = store::read(ledger, &environment).await;
        let _ = store::moves(ledger, &environment).await;
    }
}

#[test]
fn no_mutant_of_what_a_backend_holds_breaks_its_readers() {
    let p = estate();
    let dir = backend(&p);
    let files: Vec<PathBuf> = below(&dir)
        .into_iter()
        .filter(|file| !file.to_string_lossy().contains("/.versions/"))
        .filter(|file| file.extension().is_some_and(|e| e == "json"))
        .collect();
    let texts: Vec<String> =
        files.iter().map(|file| fs::read_to_string(file).expect("text")).collect();
    let kinds = [
        "/journal/",
        "state.json",
        "lock.json",
        "/audit/",
        "/moves/",
        "promotion.json",
        "/approvals/",
        "/releases/",
        "palisade.json",
        "/keys/",
        "outputs.json",
    ];
    for kind in kinds {
        let found = files.iter().position(|file| file.to_string_lossy().contains(kind));
        let at = found.unwrap_or_else(|| panic!("the estate holds no `{kind}`: {files:#?}"));
        let (file, whole) = (files[at].clone(), texts[at].clone());
        let digest = files.iter().find(|file| file.to_string_lossy().contains("/approvals/"));
        let digest = digest.and_then(|file| file.iter().rev().nth(2)).expect("a digest");
        let digest = digest.to_string_lossy().into_owned();
        let ledger = Ledger::new(Arc::new(LocalStore::new(&dir)));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (target, sealed) = (file.clone(), kind == "state.json");
        let property = move |text: &str| {
            let _ = ScopeState::open("acct-dev", text.as_bytes());
            fs::write(&target, text).expect("written");
            runtime.block_on(read_all(&ledger, &digest));
            // A forger makes the checksum right.
            if sealed && text.split('"').count() > 4 {
                fs::write(&target, resealed(text)).expect("written");
                runtime.block_on(read_all(&ledger, &digest));
            }
        };
        // More of the kind itself than of what is pasted into it.
        let mut seeds = vec![whole.clone(); 8];
        seeds.extend(texts.iter().cloned());
        feed(60, seeds, property);
        fs::write(file, whole).expect("written");
    }
    p.run(&["audit", "verify"]).code(0);
}

#[test]
fn no_mutant_of_a_dump_a_plan_or_a_template_breaks_a_review() {
    let from = top().join("examples/review");
    let dir = tempfile::tempdir().expect("a directory");
    let files: Vec<PathBuf> = below(&from)
        .into_iter()
        .filter(|file| file.extension().is_some_and(|e| e == "json" || e == "yaml"))
        .collect();
    assert!(files.len() > 8, "{files:?}");
    let copies: Vec<(PathBuf, String)> = files
        .iter()
        .map(|file| {
            let copy = dir.path().join(file.strip_prefix(&from).expect("below"));
            fs::create_dir_all(copy.parent().expect("a folder")).expect("made");
            let text = fs::read_to_string(file).expect("text");
            fs::write(&copy, &text).expect("written");
            (copy, text)
        })
        .collect();
    let more = beside_the_example(dir.path());
    let copies: Vec<(PathBuf, String)> = copies.into_iter().chain(more).collect();
    let release = StackRequest {
        name: "release".to_owned(),
        template: dir.path().join("stack/template.yaml"),
        parameter_files: vec![dir.path().join("stack/parameters.json")],
        deployed: vec![dir.path().join("stack/deployed")],
        ..StackRequest::default()
    };
    let mut request = ReviewRequest {
        accounts: Some(dir.path().join("dumps")),
        terraform_plans: vec![dir.path().join("plan.json")],
        configurations: vec![dir.path().join("tf")],
        stacks: vec![release],
        policy: Some((dir.path().join("deny-assume-role.json"), vec!["111111111111".to_owned()])),
        today: "2026-11-28".to_owned(),
        ..ReviewRequest::default()
    };
    let folder = dir.path().join("cdk.out");
    let state = dir.path().join("own.tfstate");
    let all_stacks = move |request: &ReviewRequest| {
        let mut request = request.clone();
        let text = fs::read_to_string(&state).expect("text");
        request.terraform_states = vec![StateText { name: "own.tfstate".to_owned(), text }];
        let new = |stack: StackRequest| StackRequest { is_new: true, ..stack };
        request.stacks.extend(cloud_assembly(&folder)?.into_iter().map(new));
        Ok::<_, EngineError>(request)
    };
    for (name, id) in [("dev", "111111111111"), ("production", "222222222222")] {
        let ids = request.environments.entry(name.to_owned()).or_default();
        ids.insert(id.parse().expect("an id"));
    }
    let whole = all_stacks(&request).expect("a folder of the CDK's");
    review::run(&whole).expect("it is whole");
    let all: Vec<String> = copies.iter().map(|(_, text)| text.clone()).collect();
    for (file, whole) in copies {
        let (target, request) = (file.clone(), request.clone());
        let all_stacks = all_stacks.clone();
        let mut seeds = vec![whole.clone(); 4];
        seeds.extend(all.iter().cloned());
        feed(80, seeds, move |text| {
            fs::write(&target, text).expect("written");
            let _ = all_stacks(&request).map(|request| review::run(&request));
        });
        fs::write(file, whole).expect("written");
    }
}

/// The property that `fuzz/run review` feeds. The test above feeds more files, and fewer mutants into each.
#[test]
fn any_file_of_a_review_is_judged_or_refused() {
    let mut seeds = Vec::new();
    corpus(&top().join("examples/review"), &[".json", ".yaml"], &mut seeds);
    feed(20, seeds, properties::review);
}

/// Files that a review reads and the example has none of: lists of policies, why something was not read, what a plan was
/// written as, and a folder of the CDK's with a stack within a stack.
fn beside_the_example(dir: &Path) -> Vec<(PathBuf, String)> {
    let own = json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sqs:SendMessage", "Resource": "*"}]});
    let stack = json!({
        "type": "aws:cloudformation:stack", "environment": "aws://222222222222/eu-west-1",
        "properties": {"templateFile": "App.template.json", "stackName": "app"}
    });
    let inner = json!({"Inner": {
        "Type": "AWS::CloudFormation::Stack", "Properties": {"Parameters": {"Trusted": "111111111111"}},
        "Metadata": {"aws:asset:path": "Inner.nested.template.json"}
    }});
    let role = json!({"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {
        "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": {"Ref": "Trusted"}}}
    }}}});
    let aws = "provider[\"registry.terraform.io/hashicorp/aws\"].live";
    let instance = |attributes: serde_json::Value| json!([{"index_key": "a", "attributes": attributes, "sensitive_attributes": [[{"type": "get_attr", "value": "tags"}]]}]);
    let files = [
        (
            "own.tfstate",
            json!({"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "5d1c", "resources": [
                {"mode": "managed", "module": "module.m[\"x\"]", "type": "aws_iam_role", "name": "r", "provider": aws, "instances": instance(json!({
                    "arn": "arn:aws:iam::444444444444:role/r", "name": "r", "path": "/", "unique_id": "AROAR", "assume_role_policy": own.to_string(),
                    "inline_policy": [{"name": "p", "policy": own.to_string()}], "managed_policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
                }))},
                {"mode": "managed", "type": "aws_s3_bucket_policy", "name": "b", "provider": aws, "instances": instance(json!({"bucket": "b", "policy": own.to_string()}))}
            ]}),
        ),
        (
            "dumps/accounts/222222222222/resource-policies.json",
            json!({"resources": [
                {"arn": "arn:aws:sqs:eu-west-1:222222222222:orders", "policy": own}
            ]}),
        ),
        (
            "dumps/accounts/333333333333/unread.json",
            json!({"unread": ["sts:AssumeRole was refused"]}),
        ),
        ("cdk.out/manifest.json", json!({"version": "36.0.0", "artifacts": {"App": stack}})),
        ("cdk.out/App.template.json", json!({"Resources": inner})),
        (
            "cdk.out/Inner.nested.template.json",
            json!({
                "Parameters": {"Trusted": {"Type": "String"}}, "Resources": role,
                "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}}
            }),
        ),
    ];
    let tf = "resource \"aws_iam_role\" \"release\" {\n  name = \"release\"\n  assume_role_policy = jsonencode({\n    Version = \"2012-10-17\"\n    Statement = [{ Effect = \"Allow\", Action = \"sts:AssumeRole\", Principal = { AWS = aws_iam_role.other.arn } }]\n  })\n}\n";
    let texts = files.into_iter().map(|(name, value)| (name, value.to_string()));
    let texts = texts.chain([("tf/main.tf", tf.to_owned())]);
    let written = texts.map(|(name, text)| {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, &text).expect("written");
        (path, text)
    });
    written.collect()
}
