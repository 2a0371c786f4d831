//! What `palisade who-can` says.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::isolation::WallVerdict;
use crate::isolation::who::{WhoCan, WhoCanEntry};

use super::isolation::text::rows;
use super::isolation::view::{Row, hops, request};
use super::style::{Style, Tone, columns, count, safe};

/// Writes who can, then how many cannot; `what` names the side in the heading.
///
/// # Errors
/// Those of the writer.
pub fn text(found: &WhoCan, what: &str, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let title = format!("Who can call {} on {}", safe(&found.action), safe(&found.resource));
    writeln!(out, "{}", style.paint(Tone::Heading, &style.fold(&title, 2)))?;
    let owner =
        found.owner.as_ref().map(|o| format!(", in the account {}", safe(o))).unwrap_or_default();
    writeln!(out, "{}", style.paint(Tone::Dim, &format!("{what}{owner}")))?;
    for (verdict, title, tone) in [
        (WallVerdict::Reachable, "Can", Tone::Bad),
        (WallVerdict::Conditional, "Can, under conditions", Tone::Warn),
        (WallVerdict::Undetermined, "Not decided", Tone::Warn),
    ] {
        let holders: Vec<&WhoCanEntry> =
            found.principals.iter().filter(|h| h.verdict == verdict).collect();
        if holders.is_empty() {
            continue;
        }
        writeln!(out, "\n  {}", style.paint(tone, title))?;
        for holder in holders {
            entry(holder, style, out)?;
        }
    }
    let cannot = found.principals.iter().filter(|h| h.verdict == WallVerdict::Isolated).count();
    // Of one provider several entries may stand: one a way in.
    let can = found.principals.iter().filter(|h| h.verdict > WallVerdict::Undetermined);
    let can = can.map(|h| h.principal.as_str()).collect::<BTreeSet<_>>().len();
    writeln!(out)?;
    for note in &found.notes {
        writeln!(
            out,
            "{}",
            style.paint(Tone::Dim, &style.fold(&format!("Note: {}.", safe(note)), 2))
        )?;
    }
    let summary = format!("{} can, {cannot} cannot.", count(can, "principal", "principals"));
    writeln!(out, "{}", style.paint(Tone::Bold, &summary))
}

fn entry(holder: &WhoCanEntry, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let place = match (&holder.account, holder.environments.is_empty()) {
        (Some(account), true) => safe(account).into_owned(),
        (Some(account), false) => {
            let environments: Vec<&str> = holder.environments.iter().map(String::as_str).collect();
            if environments == [account.as_str()] {
                safe(account).into_owned()
            } else {
                format!("{} ({})", safe(account), safe(&environments.join(", ")))
            }
        }
        (None, _) => "outside the estate".to_owned(),
    };
    let managed = match (&holder.account, holder.managed) {
        (Some(_), false) => style.paint(Tone::Warn, "  not managed"),
        _ => String::new(),
    };
    let name = safe(&holder.principal);
    let taken = 4 + columns(&name) + 2 + columns(&place) + "  not managed".len();
    let gap = if style.terminal && taken > style.width { "\n      " } else { "  " };
    writeln!(
        out,
        "    {}{gap}{}{managed}",
        style.paint(Tone::Bold, &name),
        style.paint(Tone::Dim, &place),
    )?;
    let conditions = holder.conditions.iter().map(|condition| Row::new("only if", condition));
    let all: Vec<Row> = conditions
        .chain(hops(&holder.via))
        .chain(holder.witness.iter().flat_map(request))
        .chain(holder.why_undetermined.iter().map(|why| Row::new("because", why)))
        .collect();
    rows(&all, 8, style, out)
}
