//! What is told of the run itself, on standard error: `-v`, `-vv` and `PALISADE_LOG`.
//!
//! Palisade's own events and no others: what the SDK tells of its requests may hold their bodies, and
//! with them secrets ([`crate::trace`]).

use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::fmt::time::uptime;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::diag::Diagnostic;
use crate::trace::{REQUESTS, Timeline, is_own};

use super::error::Exit;
use super::output;

/// Begins to tell, where anything is asked for. With `-v` the requests of the run are collected, too.
///
/// # Errors
/// `PALISADE_LOG` cannot be read.
pub(super) fn install(verbose: u8, directives: Option<&str>) -> Result<Option<Timeline>, Exit> {
    let told = match (directives, verbose) {
        (Some(text), _) => text.parse::<Targets>().map_err(|why| unreadable(text, &why))?,
        (None, 0) => return Ok(None),
        (None, 1) => Targets::new().with_default(LevelFilter::INFO),
        (None, 2) => Targets::new().with_default(LevelFilter::DEBUG),
        (None, _) => Targets::new().with_default(LevelFilter::TRACE),
    };
    let lines = fmt::layer()
        .with_writer(output::stderr)
        .with_ansi(false)
        .with_timer(uptime())
        .with_span_events(FmtSpan::CLOSE)
        .with_filter(told.and(filter_fn(|of| is_own(of.target()))));
    let timeline = (verbose > 0).then(Timeline::default);
    let collecting = timeline.clone().map(|timeline| {
        timeline.with_filter(filter_fn(|of| of.is_event() && of.target() == REQUESTS))
    });
    // A process tells of one run; where another subscriber is there already, that one is told.
    let _ = tracing_subscriber::registry().with(lines).with(collecting).try_init();
    Ok(timeline)
}

fn unreadable(text: &str, why: &impl std::fmt::Display) -> Exit {
    Diagnostic::error(format!("`PALISADE_LOG` cannot be read: {why}"))
        .detail(format!("it is `{text}`"))
        .help("as in `PALISADE_LOG=debug`, or `PALISADE_LOG=palisade::request=debug,palisade=info`")
        .into()
}
