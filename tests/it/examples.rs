//! Walks every estate of `examples/` and every module's `example/` through its whole life in the
//! sandbox: validate, plan, apply, no change, a change, drift and its repair, destroy. What is left is
//! read from the endpoint.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support;
use crate::support::endpoint::Endpoint;

mod meddle;

use meddle::Trace;

/// An estate and what the walk needs to know of it.
struct Estate {
    /// Its directory.
    dir: &'static str,
    /// Estates that come before it in the same sandbox, and stay.
    before: &'static [&'static str],
    /// Ids of emulated accounts in it.
    emulated: &'static [&'static str],
    /// A change: in this file, this text becomes that.
    change: (&'static str, &'static str, &'static str),
}

const ESTATES: &[Estate] = &[
    Estate {
        dir: "examples/five-environments",
        before: &[],
        emulated: &["000000000000"],
        change: ("environments.hcl", "\"replicas\"          = 12", "\"replicas\"          = 14"),
    },
    Estate {
        dir: "examples/shared-dev-account/by-hand",
        before: &[],
        emulated: &[],
        change: ("main.hcl", ":s3:::acme-*\"", ":s3:::acme-data-*\""),
    },
    Estate {
        dir: "examples/shared-dev-account",
        before: &["examples/shared-dev-account/by-hand"],
        emulated: &[],
        change: ("main.hcl", "\"s3:GetObject\", \"s3:ListBucket\"", "\"s3:GetObject\""),
    },
    Estate {
        dir: "examples/shared-dev-account/split",
        before: &["examples/shared-dev-account/by-hand", "examples/shared-dev-account"],
        emulated: &[],
        change: ("main.hcl", "\"ecs:DescribeServices\", ", ""),
    },
    Estate {
        dir: "modules/audit-role/example",
        before: &[],
        emulated: &[],
        change: ("main.hcl", "[\"auditors/*\"]", "[\"auditors/senior\"]"),
    },
    Estate {
        dir: "modules/baseline/example",
        before: &[],
        emulated: &[],
        change: ("main.hcl", "minimum_length = 20", "minimum_length = 24"),
    },
    Estate {
        dir: "modules/data-perimeter/example",
        before: &[],
        emulated: &[],
        change: ("main.hcl", "github_owners    = [\"acme\"]", "github_owners    = []"),
    },
    Estate {
        dir: "modules/deploy-role/example",
        before: &[],
        emulated: &[],
        change: ("main.hcl", "\"ecs:UpdateService\"]", "\"ecs:RunTask\"]"),
    },
];

/// A copy of the examples and modules, and a sandbox.
pub(crate) struct Walk {
    root: tempfile::TempDir,
    enforces: std::cell::Cell<bool>,
}

struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Walk {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for name in ["examples", "modules"] {
            copy(&repository().join(name), &root.path().join(name));
        }
        Self { root, enforces: std::cell::Cell::new(false) }
    }

    /// From now on every call is judged by the policies in the sandbox.
    pub(crate) fn enforce(&self) {
        self.enforces.set(true);
    }

    pub(crate) fn path(&self, dir: &str) -> PathBuf {
        self.root.path().join(dir)
    }

    fn run(&self, dir: &str, args: &[&str]) -> Outcome {
        let output = Command::new(env!("CARGO_BIN_EXE_palisade"))
            .args(args)
            .current_dir(self.path(dir))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root.path())
            .env("PALISADE_SANDBOX", self.path("sandbox"))
            .env("PALISADE_SANDBOX_ENFORCE", if self.enforces.get() { "1" } else { "0" })
            .env("NO_COLOR", "1")
            .env("CI", "1")
            .output()
            .unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command that has to end with `code`; its standard output.
    pub(crate) fn expect(&self, dir: &str, args: &[&str], code: i32) -> String {
        self.ended(dir, args, code).stdout
    }

    /// The same; its standard error.
    pub(crate) fn says(&self, dir: &str, args: &[&str], code: i32) -> String {
        self.ended(dir, args, code).stderr
    }

    fn ended(&self, dir: &str, args: &[&str], code: i32) -> Outcome {
        let outcome = self.run(dir, args);
        assert_eq!(
            outcome.code,
            code,
            "palisade {} in {dir}\n{}\n{}",
            args.join(" "),
            outcome.stdout,
            outcome.stderr
        );
        outcome
    }

    fn edit(&self, dir: &str, (file, from, to): (&str, &str, &str)) {
        let path = self.path(dir).join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} of {dir} does not hold `{from}`");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_name().to_str() {
            Some(".palisade") => {}
            _ if entry.path().is_dir() => copy(&entry.path(), &target),
            _ => {
                std::fs::copy(entry.path(), target).unwrap();
            }
        }
    }
}

/// Directories below `dir` that hold configuration files.
fn configurations(dir: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            configurations(&path, found);
        } else if path.extension().is_some_and(|e| e == "hcl") {
            let dir = path.parent().unwrap().strip_prefix(repository()).unwrap();
            found.insert(dir.to_str().unwrap().to_owned());
        }
    }
}

#[test]
fn every_example_and_module_is_walked() {
    let mut found = BTreeSet::new();
    configurations(&repository().join("examples"), &mut found);
    configurations(&repository().join("modules"), &mut found);
    let walked: BTreeSet<String> = ESTATES.iter().map(|e| e.dir.to_owned()).collect();
    let missing: Vec<_> = found
        .iter()
        // A module is walked through its example, and documented beside it.
        .filter(|dir| !walked.contains(*dir) && !walked.contains(&format!("{dir}/example")))
        .collect();
    assert!(missing.is_empty(), "nobody walks {missing:?}");
    for dir in found.iter().filter(|d| !d.ends_with("/example")) {
        let documented = repository().join(dir).join("README.md").is_file()
            || repository().join(dir).join("../README.md").is_file();
        assert!(documented, "{dir} has no README.md");
    }
}

#[test]
fn every_estate_evaluates_offline() {
    for estate in ESTATES {
        let loaded = palisade::config::load(&repository().join(estate.dir), &Default::default());
        assert!(loaded.diagnostics.is_empty(), "{}: {}", estate.dir, loaded.diagnostics);
        let evaluated = palisade::eval::evaluate_configuration(
            &loaded.configuration,
            &palisade::eval::NothingKnown,
        )
        .unwrap_or_else(|errors| panic!("{}: {errors}", estate.dir));
        let failed: Vec<_> = evaluated.checks.iter().map(|c| format!("{c:?}")).collect();
        assert!(!evaluated.instances.is_empty(), "{failed:?}");
    }
}

/// A plan without the lineages of other estates, which are random UUIDs, and without what hashes of messages
/// with such a UUID identify in code scanning.
fn without_lineages(plan: &str) -> String {
    const SHAPE: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    let is_uuid = |text: &str| {
        let matches = |(c, shape): (char, char)| match shape {
            'x' => c.is_ascii_hexdigit(),
            other => c == other,
        };
        text.len() == SHAPE.len() && text.chars().zip(SHAPE.chars()).all(matches)
    };
    let mut out = String::new();
    for line in plan.lines() {
        let is_hash = line.contains("\"primaryLocationLineHash\"")
            || (line.contains("\"palisade/v1\"") && !line.contains("\"P-"));
        if let (true, Some((name, _))) = (is_hash, line.split_once(": ")) {
            out.push_str(&format!("{name}: \"HASH\"\n"));
            continue;
        }
        let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        let mut line = line.to_owned();
        for uuid in words.filter(|word| is_uuid(word)).map(str::to_owned).collect::<Vec<_>>() {
            line = line.replace(&uuid, "LINEAGE");
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// A plan as its reader sees it is kept in `snapshots/plans/`; a change there is read, not waved
/// through. What it says of the walls is left out: that has snapshots of its own.
fn kept(dir: &str, step: &str, suffix: &str, plan: &str) {
    let mut plan = support::undated(plan);
    if suffix == "txt"
        && let Some(start) = plan.find("\nIsolation  ").or_else(|| plan.find("\nIsolation\n"))
    {
        let end = ["\nLimits\n", "\nPlan:", "\nNo changes."];
        let end = end.iter().filter_map(|e| plan[start..].find(e)).min().unwrap();
        plan.replace_range(start..start + end, "\n(Isolation)\n");
    }
    // An estate's lineage is random.
    let mut marks = plan.split("\"v2:");
    let mut shown = marks.next().unwrap_or_default().to_owned();
    for mark in marks {
        let rest = mark.split_once(':').filter(|_| !mark.starts_with('$')).map(|(_, rest)| rest);
        shown += &rest.map_or(format!("\"v2:{mark}"), |rest| format!("\"v2:LINEAGE:{rest}"));
    }
    let plan = without_lineages(&shown);
    let name = dir.trim_start_matches("examples/").trim_end_matches("/example").replace('/', "-");
    let name = format!("{name}.{step}.{suffix}");
    support::snapshots("plans").bind(|| insta::assert_snapshot!(name, plan));
}

/// A plan with changes, kept in every format.
fn planned(walk: &Walk, dir: &str, step: &str, more: &[&str]) -> String {
    let files = [("markdown", "md"), ("sarif", "sarif"), ("html", "html"), ("json", "json")]
        .map(|(format, suffix)| (format, suffix, walk.path(&format!("{step}.{suffix}"))));
    let outputs =
        files.iter().map(|(format, _, file)| format!("--output={format}={}", file.display()));
    let args = ["plan", "--detailed-exitcode"].iter().chain(more).map(|arg| (*arg).to_owned());
    let args: Vec<String> = args.chain(outputs).collect();
    let text = walk.expect(dir, &args.iter().map(String::as_str).collect::<Vec<_>>(), 2);
    for (_, suffix, file) in &files {
        let text = std::fs::read_to_string(file).expect("the run has left it");
        match *suffix {
            // Long forms are kept by what a reader sees of them first.
            "json" => kept(dir, step, suffix, &support::outline::outline(&text)),
            "html" => kept(dir, step, suffix, &support::page::visible(&text)),
            _ => kept(dir, step, suffix, &text),
        }
    }
    kept(dir, step, "txt", &text);
    text
}

fn walk(dir: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let estate = ESTATES.iter().find(|e| e.dir == dir).unwrap();
    let walk = Walk::new();
    for before in estate.before {
        walk.expect(before, &["apply", "--auto-approve"], 0);
    }
    walk.expect(dir, &["validate"], 0);
    walk.expect(dir, &["fmt", "--check"], 0);
    let first = planned(&walk, dir, "1-create", &[]);
    assert!(first.lines().count() <= 250, "the first plan of {dir}: {}", first.lines().count());
    walk.expect(dir, &["apply", "--auto-approve"], 0);
    walk.expect(dir, &["plan", "--detailed-exitcode"], 0);
    walk.edit(dir, estate.change);
    planned(&walk, dir, "2-change", &[]);
    walk.expect(dir, &["apply", "--auto-approve"], 0);
    walk.expect(dir, &["plan", "--detailed-exitcode"], 0);
    let report = walk.expect(dir, &["report"], 0);
    kept(dir, "2-change-report", "html", &support::page::visible(&report));

    let traces = runtime.block_on(async {
        let endpoint = Endpoint::open(&walk.path("sandbox")).await;
        meddle::meddle(&endpoint).await
    });
    let drift = walk.expect(dir, &["drift", "--managed-only", "--json"], 2);
    let drift: serde_json::Value = serde_json::from_str(&drift).unwrap();
    let drifted = drift["drift"].as_array().unwrap();
    let kinds: BTreeSet<&str> = drifted.iter().map(|d| d["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, traces.iter().map(Trace::kind).collect(), "{traces:#?}\n{drift}");
    assert_eq!(drifted.len(), traces.len(), "{traces:#?}\n{drift}");
    planned(&walk, dir, "3-drift", &[]);
    walk.expect(dir, &["apply", "--auto-approve"], 0);
    walk.expect(dir, &["plan", "--detailed-exitcode"], 0);
    walk.expect(dir, &["drift", "--managed-only"], 0);

    planned(&walk, dir, "4-destroy", &["--destroy"]);
    let left = runtime.block_on(async {
        let endpoint = Endpoint::open(&walk.path("sandbox")).await;
        for trace in &traces {
            trace.assert_undone(&endpoint).await;
        }
        walk.expect(dir, &["destroy", "--auto-approve"], 0);
        endpoint.holds(estate.emulated).await
    });
    assert_eq!(walk.expect(dir, &["state", "list"], 0).trim(), "");
    let retained =
        |line: &String| line.starts_with("account ") && line.ends_with(" ACTIVE in root");
    let more: Vec<_> = left.iter().filter(|line| !retained(line)).collect();
    assert!(more.is_empty(), "{dir} leaves {more:#?}");
    assert!(!left.is_empty(), "accounts are retained");
}

macro_rules! walks {
    ($($name:ident: $dir:literal;)*) => {
        $(
            #[test]
            fn $name() {
                walk($dir);
            }
        )*

        #[test]
        fn every_estate_has_its_test() {
            let named: BTreeSet<&str> = [$($dir),*].into();
            assert_eq!(named, ESTATES.iter().map(|e| e.dir).collect());
        }
    };
}

walks! {
    five_environments: "examples/five-environments";
    shared_dev_account_by_hand: "examples/shared-dev-account/by-hand";
    shared_dev_account: "examples/shared-dev-account";
    shared_dev_account_split: "examples/shared-dev-account/split";
    module_audit_role: "modules/audit-role/example";
    module_baseline: "modules/baseline/example";
    module_data_perimeter: "modules/data-perimeter/example";
    module_deploy_role: "modules/deploy-role/example";
}
