//! The estate as a picture: units hold accounts, accounts hold environments, edges lead from one to the next.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::engine::declared_estate::{
    DeclaredEstate, PicturedAccount, PicturedEdge, PicturedEnvironment,
};

use super::super::style::count;
use super::text;

/// Writes the picture. It is made of lists, so that a screen reader reads it as what it is.
///
/// # Errors
/// Those of the writer.
pub(super) fn estate(picture: &DeclaredEstate, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<h3>Units, accounts and the environments in them</h3>")?;
    unit(picture, None, &mut BTreeSet::new(), out)?;
    if picture.environments.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>Promotion edges, and what stands where</h3>")?;
    if picture.edges.is_empty() {
        writeln!(out, "<p>No edge is declared.</p><ul class=\"boxes\">")?;
        for environment in &picture.environments {
            write!(out, "<li>")?;
            stands(environment, out)?;
            writeln!(out, "</li>")?;
        }
        return writeln!(out, "</ul>");
    }
    let place = |name: &str| picture.environments.iter().position(|e| e.name == name);
    let mut edges: Vec<&PicturedEdge> = picture.edges.iter().collect();
    edges.sort_by_key(|edge| (place(&edge.from), place(&edge.to)));
    for edge in edges {
        writeln!(out, "<ul class=\"flow\">")?;
        let find = |name: &str| picture.environments.iter().find(|e| e.name == name);
        let releases: Vec<&str> = edge.releases.iter().map(String::as_str).collect();
        let label = format!(
            "{}: {} along {}",
            edge.name,
            releases.join(", "),
            count(edge.gates, "gate", "gates")
        );
        for (name, is_first) in [(&edge.from, true), (&edge.to, false)] {
            write!(out, "<li>")?;
            match find(name) {
                Some(environment) => stands(environment, out)?,
                None => write!(out, "{}", text(name))?,
            }
            writeln!(out, "</li>")?;
            if is_first {
                writeln!(
                    out,
                    "<li><span class=\"arrow\" aria-hidden=\"true\">&#8594;</span> <span class=\"dim\">{}</span></li>",
                    text(&label)
                )?;
            }
        }
        writeln!(out, "</ul>")?;
    }
    Ok(())
}

/// One unit with what is in it; `None` is the root, and what stands in no unit.
fn unit(
    picture: &DeclaredEstate,
    of: Option<&str>,
    above: &mut BTreeSet<String>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let title = of.unwrap_or("root, and outside the organization");
    writeln!(
        out,
        "<div class=\"unit\" role=\"group\" aria-label=\"{}\"><strong>{}</strong>",
        text(title),
        text(title)
    )?;
    let accounts: Vec<&PicturedAccount> =
        picture.accounts.iter().filter(|account| account.unit.as_deref() == of).collect();
    if !accounts.is_empty() {
        writeln!(out, "<ul class=\"boxes\">")?;
        for account in accounts {
            let class = if account.emulated { "box emulated" } else { "box" };
            let id = match (&account.id, account.emulated) {
                (_, true) => "emulated",
                (Some(id), false) => id.as_str(),
                (None, false) => "id known after apply",
            };
            write!(
                out,
                "<li class=\"{class}\"><strong>{}</strong> <span class=\"dim\">{}</span>",
                text(&account.handle),
                text(id)
            )?;
            for environment in &account.environments {
                write!(out, "<br><span class=\"chip\">{}</span>", text(environment))?;
            }
            writeln!(out, "</li>")?;
        }
        writeln!(out, "</ul>")?;
    }
    for (name, parent) in &picture.units {
        // A unit cannot be above itself; a picture of hostile data ends all the same.
        if parent.as_deref() == of && above.insert(name.clone()) {
            unit(picture, Some(name), above, out)?;
        }
    }
    writeln!(out, "</div>")
}

fn stands(environment: &PicturedEnvironment, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<div class=\"box\"><strong>{}</strong>", text(&environment.name))?;
    if environment.releases.is_empty() {
        write!(out, "<br><span class=\"dim\">no release</span>")?;
    }
    for release in &environment.releases {
        let (class, word) = match release.verified {
            true => ("good", "verified"),
            false => ("warn", "not verified"),
        };
        write!(
            out,
            "<br>{} <code>{}</code> <span class=\"{class}\">{word}</span>",
            text(&release.name),
            text(&release.digest)
        )?;
    }
    if let Some(why) = &environment.hold {
        write!(out, "<br><span class=\"bad\">held: {}</span>", text(why))?;
    }
    write!(out, "</div>")
}
