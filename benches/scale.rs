//! One run over an estate of 1,000 accounts with 100 roles each: how long each stage takes, and
//! the most memory that the process ever held.
//!
//! ```text
//! cargo bench --bench scale -- [ACCOUNTS [ROLES [ENVIRONMENTS]]]
//! ```

#![allow(
    missing_docs,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a program for people that stops at the first surprise"
)]

mod generated;

use std::time::Instant;

use generated::Shape;
use palisade::eval::NothingKnown;
use palisade::isolation;
use palisade::plan::model::StateBasis;
use palisade::plan::{Input, Options, prepare, seal};
use palisade::render::{self, Format, Style};

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let number = |at: usize, otherwise: usize| numbers.get(at).copied().unwrap_or(otherwise);
    let shape =
        Shape { accounts: number(0, 1_000), roles: number(1, 100), environments: number(2, 20) };
    println!("{shape:?}");
    let dir = tempfile::tempdir().expect("a directory");
    shape.write(dir.path()).expect("written");

    let configuration = stage("load", || generated::configuration(dir.path()));
    let first =
        stage("evaluate, nothing known", || generated::estate(&configuration, &NothingKnown));
    let known = generated::assigned(&first);
    drop(first);
    let estate = stage("evaluate, ids known", || generated::estate(&configuration, &known));
    println!("    {} managed objects", estate.instances.len());
    let (live, prior) = stage("(make up AWS and state)", || generated::settled(&estate));
    let options = Options::default();
    let (mut plan, sides) = stage("plan", || {
        prepare(Input {
            estate: &estate,
            configuration_digest: "sha256:0",
            prior: &prior,
            basis: &StateBasis::default(),
            live: &live,
            options: &options,
            generated_at: "2026-11-23T10:00:00Z",
        })
        .unwrap_or_else(|errors| panic!("{errors:?}"))
    });
    println!("    {:?}", plan.summary);
    let (section, summary) = stage("isolation, cold", || {
        isolation::analyse(&estate, &sides, "2026-11-23").unwrap_or_else(|e| panic!("{e:?}"))
    });
    println!("    {summary:?}, {} walls", section.matrix.len());
    plan.isolation = section;
    stage("seal", || seal(&mut plan, "sha256:0"));
    for (name, format) in [("render as text", Format::Text), ("render as JSON", Format::Json)] {
        stage(name, || {
            render::plan(&plan, format, true, &Style::plain(), &mut std::io::sink())
                .expect("a sink takes everything");
        });
    }
}

fn stage<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let made = work();
    println!(
        "{name:<28} {:>8.2} s   peak {:>6} MB",
        start.elapsed().as_secs_f64(),
        peak().unwrap_or_default() / 1024
    );
    made
}

/// The most memory that this process ever held, in KiB (`VmHWM`, proc_pid_status(5)).
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}
