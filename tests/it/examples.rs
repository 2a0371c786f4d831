//! Walks every estate of `examples/` and every module's `example/` through its whole life in the
//! sandbox: validate, plan, apply, no change, a change, destroy. Plans are snapshots.

use std::collections::BTreeSet;
use std::path::Path;

/// An estate and what the walk needs to know of it.
struct Estate {
    /// Its directory.
    dir: &'static str,
    /// Estates that come before it in the same sandbox, and stay.
    before: &'static [&'static str],
    /// A change: in this file, this text becomes that.
    change: (&'static str, &'static str, &'static str),
}

const ESTATES: &[Estate] = &[
    Estate {
        dir: "examples/five-environments",
        before: &[],
        change: ("environments.hcl", "\"replicas\"          = 12", "\"replicas\"          = 14"),
    },
    Estate {
        dir: "examples/shared-dev-account/by-hand",
        before: &[],
        change: ("main.hcl", "arn:aws:s3:::acme-*", "arn:aws:s3:::acme-data-*"),
    },
    Estate {
        dir: "examples/shared-dev-account",
        before: &["examples/shared-dev-account/by-hand"],
        change: ("main.hcl", "\"s3:GetObject\", \"s3:ListBucket\"", "\"s3:GetObject\""),
    },
    Estate {
        dir: "examples/shared-dev-account/split",
        before: &["examples/shared-dev-account/by-hand", "examples/shared-dev-account"],
        change: ("main.hcl", "\"ecs:DescribeServices\", ", ""),
    },
    Estate {
        dir: "modules/audit-role/example",
        before: &[],
        change: ("main.hcl", "[\"auditors/*\"]", "[\"auditors/senior\"]"),
    },
    Estate {
        dir: "modules/baseline/example",
        before: &[],
        change: ("main.hcl", "minimum_length = 20", "minimum_length = 24"),
    },
    Estate {
        dir: "modules/data-perimeter/example",
        before: &[],
        change: ("main.hcl", "github_owners    = [\"acme\"]", "github_owners    = []"),
    },
    Estate {
        dir: "modules/deploy-role/example",
        before: &[],
        change: ("main.hcl", "\"ecs:UpdateService\"]", "\"ecs:RunTask\"]"),
    },
];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
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
