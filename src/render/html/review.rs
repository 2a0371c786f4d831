//! A review of another tool's change as a page.

use std::io::{self, Write};

use super::super::isolation::html as walls;
use super::super::isolation::view;
use super::super::review::{basis, lists, sentence, tone};
use super::super::style::Tone;
use super::super::verdict::path_lines;
use super::{banner, close, exceptions, head, navigation, open, prose, table_of_paths, text, word};
use crate::engine::review::ReviewOutcome;

/// Writes the page.
///
/// # Errors
/// Those of the writer.
pub fn page(outcome: &ReviewOutcome, out: &mut dyn Write) -> io::Result<()> {
    let section = &outcome.isolation;
    let tone = tone(outcome);
    let title = format!("Palisade review of {}", section.environments.join(", "));
    head(&title, out)?;
    let made = format!(
        "Judged on {} by Palisade {}. {}",
        text(&outcome.today),
        env!("CARGO_PKG_VERSION"),
        text(&basis(outcome))
    );
    banner(&title, word(tone, tone == Tone::Bad), &sentence(outcome), tone, &made, out)?;
    let mut parts = vec![("verdict", "Verdict"), ("walls", "Isolation"), ("limits", "Limits")];
    if !section.exceptions.is_empty() {
        parts.insert(2, ("exceptions", "Exceptions"));
    }
    navigation(&parts, out)?;
    open("verdict", "Verdict", out)?;
    for (class, paths) in path_lines::classes(section, &[]) {
        table_of_paths(class, &paths, out)?;
    }
    close(out)?;
    open("walls", "Isolation", out)?;
    walls::section(section, &[], None, out)?;
    close(out)?;
    if !section.exceptions.is_empty() {
        exceptions(&section.exceptions, out)?;
    }
    open("limits", "Limits", out)?;
    for (heading, all) in lists(outcome) {
        writeln!(out, "<h3 class=\"warn\">{}</h3><ul>", text(heading))?;
        for one in all {
            writeln!(out, "<li>{}</li>", prose(one))?;
        }
        writeln!(out, "</ul>")?;
    }
    let unread = view::unread(section.basis.as_ref()).map(|text| format!("Not read: {text}."));
    let known: Vec<String> = unread.into_iter().chain(view::assumptions(&section.matrix)).collect();
    if !known.is_empty() {
        writeln!(out, "<ul>")?;
        for one in known {
            writeln!(out, "<li>{}</li>", prose(&one))?;
        }
        writeln!(out, "</ul>")?;
    }
    close(out)?;
    writeln!(out, "</main></body></html>")
}
