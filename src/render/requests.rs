//! As whom a run asked AWS, what it asked by account and service, and which answers it waited for one after
//! another.

use std::io::{self, Write};
use std::time::Duration;

use unicode_width::UnicodeWidthStr as _;

use crate::diag::count;
use crate::engine::host::StatePrincipal;
use crate::plan::model::PlanPrincipals;
use crate::trace::{Timeline, WaitLink};

use super::principals;
use super::style::{Style, Tone, safe};

/// A pause of the program's own that is shorter is not worth a word.
const NOTEWORTHY: Duration = Duration::from_millis(5);

/// As whom a run works, so far as it knows.
#[derive(Clone, Debug, Default)]
pub struct RunPrincipals {
    /// In accounts; absent in a run that reaches none.
    pub accounts: Option<PlanPrincipals>,
    /// In the backend; absent in a run that uses no state.
    pub state: Option<StatePrincipal>,
}

/// Writes all three; principals alone where nothing was asked.
///
/// # Errors
/// Those of the writer.
pub fn write(
    timeline: &Timeline,
    principals: &RunPrincipals,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out)?;
    let accounts = principals.accounts.as_ref().and_then(principals::of_run);
    let state = principals.state.as_ref().map(principals::of_state);
    if accounts.is_none() && state.is_none() {
        writeln!(out, "Neither an account nor a state was used.")?;
    }
    for line in accounts.iter().chain(&state) {
        writeln!(out, "{}", style.fold(line, 0))?;
    }
    let usage = timeline.usage();
    if usage.is_empty() {
        return Ok(());
    }
    let mut rows =
        vec![["where", "service", "requests", "retries", "waited", "time"].map(str::to_owned)];
    rows.extend(usage.iter().map(|((account, service), usage)| {
        [
            safe(account).into_owned(),
            safe(service).into_owned(),
            usage.requests.to_string(),
            usage.retries.to_string(),
            seconds(usage.waited),
            seconds(usage.took),
        ]
    }));
    let asked = usize::try_from(usage.values().map(|u| u.requests).sum::<u64>()).unwrap_or(0);
    writeln!(out, "\n{}", style.paint(Tone::Heading, &count(asked, "request", "requests")))?;
    table(&rows, &[false, false, true, true, true, true], out)?;
    let chain = timeline.chain();
    let waited: Duration = chain.iter().map(|l| l.request.to.saturating_sub(l.request.from)).sum();
    let head = format!(
        "{} waited for one after another: {} of {}",
        count(chain.len(), "answer", "answers"),
        seconds(waited),
        seconds(timeline.elapsed())
    );
    writeln!(out, "\n{}", style.paint(Tone::Heading, &head))?;
    let mut rows = vec![["at", "where", "request", "took", ""].map(str::to_owned)];
    rows.extend(chain.iter().map(link));
    table(&rows, &[true, false, false, true, false], out)
}

fn link(link: &WaitLink) -> [String; 5] {
    let WaitLink { request, gap } = link;
    let work = (*gap >= NOTEWORTHY).then(|| format!("after {} of other work", seconds(*gap)));
    [
        seconds(request.from),
        safe(&request.account).into_owned(),
        safe(&format!("{}:{}", request.service, request.operation)).into_owned(),
        seconds(request.to.saturating_sub(request.from)),
        work.unwrap_or_default(),
    ]
}

fn seconds(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}

/// Columns in line, `numbers` aligned to the right.
fn table<const N: usize>(
    rows: &[[String; N]],
    numbers: &[bool; N],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    for row in rows {
        let mut line = String::new();
        for ((cell, width), number) in row.iter().zip(widths).zip(numbers) {
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            let (before, after) = if *number { (pad.as_str(), "") } else { ("", pad.as_str()) };
            line.extend(["  ", before, cell, after]);
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
