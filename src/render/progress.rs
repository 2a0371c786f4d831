//! Progress on standard error: spinners and a bar on a terminal, plain lines in a log.
//!
//! One [`Progress`] owns the draw target of a command, so that nothing else writes between its
//! lines; what must be said meanwhile goes through [`Progress::say`].

use std::io::Write as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::inert::inert;

/// Shows progress.
#[derive(Clone, Debug)]
pub struct Progress {
    bars: Option<MultiProgress>,
}

impl Progress {
    /// Drawn when `animate`, else written as plain lines.
    #[must_use]
    pub fn new(animate: bool) -> Self {
        let bars = animate
            .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(12)));
        Self { bars }
    }

    /// Begins something that may take a while.
    #[must_use]
    pub fn begin(&self, what: &str) -> ProgressItem {
        let Some(bars) = &self.bars else {
            let _ = writeln!(std::io::stderr(), "{what}");
            return ProgressItem { bar: None };
        };
        let bar = bars.add(ProgressBar::new_spinner());
        bar.set_style(spinner());
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        ProgressItem { bar: Some(bar) }
    }

    /// A bar over a number of operations.
    #[must_use]
    pub fn bar(&self, length: usize, what: &str) -> ProgressItem {
        let Some(bars) = &self.bars else { return ProgressItem { bar: None } };
        let bar = bars.add(ProgressBar::new(length as u64));
        bar.set_style(gauge());
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(250));
        ProgressItem { bar: Some(bar) }
    }

    /// A line that stays, above whatever is drawn.
    pub fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => {
                let _ = bars.println(inert(line, true));
            }
            None => {
                let _ = writeln!(std::io::stderr(), "{}", inert(line, true));
            }
        }
    }

    /// Removes whatever is drawn.
    pub fn clear(&self) {
        if let Some(bars) = &self.bars {
            let _ = bars.clear();
        }
    }
}

/// One thing in progress; gone from the screen when it is dropped.
#[derive(Debug)]
pub struct ProgressItem {
    bar: Option<ProgressBar>,
}

impl ProgressItem {
    /// It is done.
    pub fn done(self) {
        drop(self);
    }

    /// One more of a bar's operations is through.
    pub fn tick(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Says what is going on now.
    pub fn now(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
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
