//! What numbers of 512 bits cost: the time that an evaluation full of arithmetic takes, the time that its arithmetic alone
//! takes, and the time of the same arithmetic with numbers of the processor. The difference of the last two, as a share of
//! the first, is what evaluation loses; the bound is 5 % for a configuration, in which numbers stand among blocks. The first two
//! rows hold nothing but arithmetic, and show what it costs at most.
//!
//! ```text
//! cargo bench --bench numbers
//! ```

#![allow(
    missing_docs,
    clippy::panic,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a program for people that stops at the first surprise"
)]

#[allow(dead_code, reason = "other benches use more of it")]
mod generated;

use std::hint::black_box;
use std::time::Instant;

use palisade::eval::NothingKnown;
use palisade::value::Number;

/// The program's own.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many elements each list has.
const COUNT: i64 = 1_000;
/// How often each is measured; the fastest counts, for others use the machine as well.
const ROUNDS: usize = 30;

const WHOLE: &str = "output \"all\" {\n  value = [for n in range(1000) : n * 3 + 1 - n]\n}\n";
const FRACTIONS: &str =
    "output \"all\" {\n  value = [for n in range(1000) : n * 0.1 + 0.25 - n]\n}\n";
/// A thousand roles, each with a fraction of an hour to compute.
const ROLES: &str = r#"
account "one" {
  id = "222222222222"
}

iam_role "job" {
  for_each             = { for n in range(1000) : tostring(n) => n }
  accounts             = [account.one]
  name                 = "job-${each.key}"
  max_session_duration = floor((each.value * 0.001 + 1.25) * 3600)

  trust {
    services = ["lambda.amazonaws.com"]
  }

  statement "Objects" {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:aws:s3:::acme-jobs/${each.key}/*"]
  }
}
"#;

fn main() {
    let int = |n: i64| Number::Int(n);
    measure(
        "whole numbers",
        WHOLE,
        || {
            for n in 0..COUNT {
                let n = black_box(int(n));
                let tripled = n.times(&int(3)).expect("in range");
                black_box(tripled.plus(&int(1)).and_then(|sum| sum.minus(&n)).expect("in range"));
            }
        },
        || {
            for n in 0..COUNT {
                let n = black_box(n);
                black_box(n.checked_mul(3).and_then(|p| p.checked_add(1)?.checked_sub(n)));
            }
        },
    );
    let tenth = Number::parse("0.1").expect("a number");
    let quarter = Number::parse("0.25").expect("a number");
    measure(
        "fractions",
        FRACTIONS,
        || {
            for n in 0..COUNT {
                let n = black_box(int(n));
                let part = n.times(&tenth).expect("in range");
                black_box(part.plus(&quarter).and_then(|sum| sum.minus(&n)).expect("in range"));
            }
        },
        || {
            for n in 0..COUNT {
                let n = black_box(n as f64);
                black_box(n * 0.1 + 0.25 - n);
            }
        },
    );
    let thousandth = Number::parse("0.001").expect("a number");
    let quarters = Number::parse("1.25").expect("a number");
    measure(
        "a thousand roles",
        ROLES,
        || {
            for n in 0..COUNT {
                let n = black_box(int(n));
                let hours = n.times(&thousandth).and_then(|part| part.plus(&quarters));
                let seconds = hours.and_then(|hours| hours.times(&int(3600))).expect("in range");
                black_box(seconds.floor().expect("in range"));
            }
        },
        || {
            for n in 0..COUNT {
                let n = black_box(n as f64);
                black_box(((n * 0.001 + 1.25) * 3600.0).floor());
            }
        },
    );
}

fn measure(name: &str, blocks: &str, ours: impl Fn(), plain: impl Fn()) {
    let dir = tempfile::tempdir().expect("a directory");
    let text = format!("palisade {{\n  name = \"numbers\"\n}}\n\n{blocks}");
    std::fs::write(dir.path().join("main.hcl"), text).expect("written");
    let configuration = generated::configuration(dir.path());
    let evaluation = fastest(|| {
        black_box(generated::estate(&configuration, &NothingKnown));
    });
    let (ours, plain) = (fastest(ours), fastest(plain));
    println!(
        "{name:<16} evaluation {:>9.1} us, arithmetic {:>8.1} us, the processor's {:>8.1} us: {:>5.1} %",
        evaluation * 1e6,
        ours * 1e6,
        plain * 1e6,
        (ours - plain) / evaluation * 100.0
    );
}

/// Seconds of the fastest round.
fn fastest(work: impl Fn()) -> f64 {
    let round = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}
