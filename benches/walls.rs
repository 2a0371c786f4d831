//! How fast a plan and its isolation section are made: for the five-environment example, and for
//! estates stamped from one module in two sizes, so that growth shows. The analysis of the example
//! is to stay below 50 ms. [`scale`](scale.rs) does 1,000 accounts once.

#![allow(
    missing_docs,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the criterion macros make public functions; a bench stops at the first surprise"
)]

#[allow(dead_code, reason = "other benches use more of it")]
mod generated;

use std::hint::black_box;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use generated::{Settled, Shape};
use palisade::config::Configuration;
use palisade::plan::walls;

fn stages(c: &mut Criterion, name: &str, configuration: &Configuration) {
    let settled = Settled::of(configuration);
    let (_, sides) = settled.plan();
    let mut group = c.benchmark_group(name);
    group.sample_size(10);
    let id = |stage: &str| BenchmarkId::new(stage, settled.estate.instances.len());
    group.bench_function(id("evaluate"), |b| {
        b.iter(|| generated::estate(black_box(configuration), &settled.known));
    });
    group.bench_function(id("plan"), |b| b.iter(|| settled.plan()));
    group.bench_function(id("isolation"), |b| {
        b.iter(|| walls::analyse(&settled.estate, black_box(&sides), "2026-11-23"));
    });
    group.finish();
}

fn walls(c: &mut Criterion) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/five-environments");
    stages(c, "five-environments", &generated::configuration(&example));
    for accounts in [20, 80] {
        let dir = tempfile::tempdir().expect("a directory");
        Shape { accounts, roles: 20, environments: 4 }.write(dir.path()).expect("written");
        stages(c, "stamped", &generated::configuration(dir.path()));
    }
}

criterion_group!(benches, walls);
criterion_main!(benches);
