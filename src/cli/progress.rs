//! Progress on standard error: spinners and a bar on a terminal, plain lines in a log.
//!
//! One [`Progress`] owns the draw target of a command, so that nothing else writes between its
//! lines; what must be said meanwhile goes through [`Progress::say`]. Whatever is drawn is
//! [`output::quiet`].

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::render::inert::inert;

use super::output;

/// Shows progress.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    bars: Option<MultiProgress>,
}

impl Progress {
    /// Drawn when `animate`, else written as plain lines.
    pub(super) fn new(animate: bool) -> Self {
        let bars = animate
            .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(12)));
        Self { bars }
    }

    /// Begins something that may take a while.
    pub(super) fn begin(&self, what: &str) -> ProgressItem {
        let Some(bars) = &self.bars else {
            output::say(what);
            return ProgressItem { bar: None };
        };
        let bar = bars.add(ProgressBar::new_spinner());
        bar.set_style(spinner());
        bar.set_message(output::quiet(what));
        bar.enable_steady_tick(Duration::from_millis(120));
        ProgressItem { bar: Some(bar) }
    }

    /// A bar over a number of operations.
    pub(super) fn bar(&self, length: usize, what: &str) -> ProgressItem {
        let Some(bars) = &self.bars else { return ProgressItem { bar: None } };
        let bar = bars.add(ProgressBar::new(length as u64));
        bar.set_style(gauge());
        bar.set_message(output::quiet(what));
        bar.enable_steady_tick(Duration::from_millis(250));
        ProgressItem { bar: Some(bar) }
    }

    /// A line of `render` that stays, above whatever is drawn.
    pub(super) fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => {
                let _ = bars.println(inert(line, true));
            }
            None => output::say_painted(line),
        }
    }

    /// Removes whatever is drawn.
    pub(super) fn clear(&self) {
        if let Some(bars) = &self.bars {
            let _ = bars.clear();
        }
    }
}

/// One thing in progress; gone from the screen when it is dropped.
#[derive(Debug)]
pub(super) struct ProgressItem {
    bar: Option<ProgressBar>,
}

impl ProgressItem {
    /// One more of a bar's operations is through.
    pub(super) fn tick(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Says what is going on now.
    pub(super) fn now(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(output::quiet(what));
        }
    }
}

impl Drop for ProgressItem {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn gauge() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30.green/dim} {pos}/{len} {elapsed:.dim} {wide_msg}")
        .map(|s| s.progress_chars("━━─"))
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
