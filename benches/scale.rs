//! One run over an estate of 1,000 accounts with 100 roles each, or over the configuration in a
//! directory: how long each stage takes, and the most memory that the process held in it.
//!
//! ```text
//! cargo bench --bench scale -- [ACCOUNTS [ROLES [ENVIRONMENTS]]] [DIRECTORY]
//! ```

#![allow(
    missing_docs,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a program for people that stops at the first surprise"
)]

#[allow(dead_code, reason = "other benches use more of it")]
mod generated;

use std::path::PathBuf;
use std::time::Instant;

use generated::{Settled, Shape};
use palisade::eval::NothingKnown;
use palisade::isolation::Analysis;
use palisade::plan::seal;
use palisade::plan::walls;
use palisade::render::{self, Detail, Format, Style};

/// The program's own.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let number = |at: usize, otherwise: usize| numbers.get(at).copied().unwrap_or(otherwise);
    let shape =
        Shape { accounts: number(0, 1_000), roles: number(1, 100), environments: number(2, 20) };
    let given = std::env::args().skip(1).map(PathBuf::from).find(|path| path.is_dir());
    let dir = given.clone().unwrap_or_else(|| {
        println!("{shape:?}");
        let dir = std::env::temp_dir().join(format!("palisade-scale-{}", std::process::id()));
        shape.write(&dir).expect("written");
        dir
    });
    let configuration = stage("load", || generated::configuration(&dir));
    if given.is_none() {
        std::fs::remove_dir_all(&dir).expect("removed");
    }
    stage("evaluate", || generated::estate(&configuration, &NothingKnown));
    let settled = stage("(make up AWS and state)", || Settled::of(&configuration));
    println!("    {} managed objects", settled.estate.instances.len());
    let (mut plan, sides) = stage("plan", || settled.plan());
    println!("    {:?}", plan.summary);
    let Analysis { section, .. } = stage("isolation, cold", || {
        walls::analyse(&settled.estate, &sides, "2026-11-23").unwrap_or_else(|e| panic!("{e:?}"))
    });
    println!("    {:?}, {} walls", section.summary(), section.matrix.len());
    if given.is_none() {
        let changed = generated::one_trust_changed(sides.clone());
        let Analysis { section, .. } = stage("isolation, one policy changed", || {
            walls::analyse(&settled.estate, &changed, "2026-11-23")
                .unwrap_or_else(|e| panic!("{e:?}"))
        });
        println!("    {:?}", section.summary());
    }
    plan.isolation = section;
    stage("seal", || seal(&mut plan, "sha256:0"));
    for (name, format) in [("render as text", Format::Text), ("render as JSON", Format::Json)] {
        stage(name, || {
            render::plan(&plan, format, Detail::default(), &Style::plain(), &mut std::io::sink())
                .expect("a sink takes everything");
        });
    }
}

fn stage<T>(name: &str, work: impl FnOnce() -> T) -> T {
    forget_peak();
    let (start, before) = (Instant::now(), cpu().unwrap_or_default());
    let made = work();
    println!(
        "{name:<28} {:>8.2} s   {:>8.2} s of CPU   peak {:>6} MB",
        start.elapsed().as_secs_f64(),
        cpu().unwrap_or_default() - before,
        peak().unwrap_or_default() / 1024
    );
    made
}

/// Seconds of processor time that this process has used (`utime` and `stime` of proc_pid_stat(5),
/// in hundredths).
fn cpu() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<f64> =
        stat.rsplit(')').next()?.split(' ').filter_map(|f| f.parse().ok()).collect();
    Some((fields.get(10)? + fields.get(11)?) / 100.0)
}

/// Begins a new measurement of [`peak`] (proc_pid_clear_refs(5); Linux alone).
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that this process held since, in KiB (`VmHWM`, proc_pid_status(5)).
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}
