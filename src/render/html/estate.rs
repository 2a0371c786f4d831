//! The declared estate, drawn: units hold accounts, accounts hold environments, edges lead from one to the next.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::engine::declared_estate::{
    DeclaredAccount, DeclaredEdge, DeclaredEnvironment, DeclaredEstate,
};

use super::super::style::count;
use super::text;

/// Draws it. The drawing is made of lists, so that a screen reader reads it as what it is.
///
/// # Errors
/// Those of the writer.
pub(super) fn draw(estate: &DeclaredEstate, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<h3>Units, accounts and the environments in them</h3>")?;
    unit(estate, None, &mut BTreeSet::new(), out)?;
    if estate.environments.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>Promotion edges and current releases</h3>")?;
    if estate.edges.is_empty() {
        writeln!(out, "<p>No edge is declared.</p><ul class=\"boxes\">")?;
        for environment in &estate.environments {
            write!(out, "<li>")?;
            stands(environment, out)?;
            writeln!(out, "</li>")?;
        }
        return writeln!(out, "</ul>");
    }
    let find = |name: &str| estate.environments.iter().find(|e| e.name == name);
    for chain in chains(estate) {
        writeln!(out, "<ul class=\"flow\">")?;
        for (at, edge) in chain.iter().enumerate() {
            if at == 0 {
                stop(find(&edge.from), &edge.from, out)?;
            }
            let releases: Vec<&str> = edge.releases.iter().map(String::as_str).collect();
            let label = format!(
                "{}: {} through {}",
                edge.name,
                releases.join(", "),
                count(edge.gates, "gate", "gates")
            );
            writeln!(
                out,
                "<li class=\"edge\"><span class=\"arrow\" aria-hidden=\"true\">&#8594;</span> <span class=\"dim\">{}</span></li>",
                text(&label)
            )?;
            stop(find(&edge.to), &edge.to, out)?;
        }
        writeln!(out, "</ul>")?;
    }
    Ok(())
}

/// Every edge once, in chains: one goes on where exactly one edge enters an environment and one leaves it.
fn chains(estate: &DeclaredEstate) -> Vec<Vec<&DeclaredEdge>> {
    let place = |name: &str| estate.environments.iter().position(|e| e.name == name);
    let mut edges: Vec<&DeclaredEdge> = estate.edges.iter().collect();
    edges.sort_by_key(|edge| (place(&edge.from), place(&edge.to)));
    let is_passed = |name: &str| {
        let number = |is: &dyn Fn(&DeclaredEdge) -> bool| edges.iter().filter(|e| is(e)).count();
        number(&|edge| edge.from == name) == 1 && number(&|edge| edge.to == name) == 1
    };
    // What begins a chain comes first; a circle, which no valid configuration has, begins anywhere.
    let (begin, inner): (Vec<_>, Vec<_>) = edges.iter().partition(|edge| !is_passed(&edge.from));
    let mut drawn: BTreeSet<&str> = BTreeSet::new();
    let mut chains = Vec::new();
    for first in begin.into_iter().chain(inner) {
        let mut chain: Vec<&DeclaredEdge> = Vec::new();
        let mut next: Option<&DeclaredEdge> = Some(first);
        while let Some(edge) = next
            && drawn.insert(&edge.name)
        {
            chain.push(edge);
            next = edges.iter().copied().find(|e| e.from == edge.to && is_passed(&e.from));
        }
        if !chain.is_empty() {
            chains.push(chain);
        }
    }
    chains
}

/// One end of an edge.
fn stop(
    environment: Option<&DeclaredEnvironment>,
    name: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(out, "<li>")?;
    match environment {
        Some(environment) => stands(environment, out)?,
        None => write!(out, "{}", text(name))?,
    }
    writeln!(out, "</li>")
}

/// One unit with what is in it; `None` is the root, and what stands in no unit.
fn unit(
    estate: &DeclaredEstate,
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
    let accounts: Vec<&DeclaredAccount> =
        estate.accounts.iter().filter(|account| account.unit.as_deref() == of).collect();
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
    for (name, parent) in &estate.units {
        // A unit cannot be above itself; a drawing of hostile data ends all the same.
        if parent.as_deref() == of && above.insert(name.clone()) {
            unit(estate, Some(name), above, out)?;
        }
    }
    writeln!(out, "</div>")
}

fn stands(environment: &DeclaredEnvironment, out: &mut dyn Write) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// `a -> b -> c` is drawn with `b` once; where the way parts, each way has its own line.
    #[test]
    fn promotions_are_drawn_as_chains() {
        let environment = |name: &str| DeclaredEnvironment {
            name: name.to_owned(),
            releases: Vec::new(),
            hold: None,
        };
        let edge = |from: &str, to: &str| DeclaredEdge {
            name: format!("to_{to}"),
            from: from.to_owned(),
            to: to.to_owned(),
            releases: ["shop".to_owned()].into(),
            gates: 2,
        };
        let drawn = |edges: Vec<DeclaredEdge>| {
            let estate = DeclaredEstate {
                environments: ["a", "b", "c", "d"].map(environment).to_vec(),
                edges,
                ..DeclaredEstate::default()
            };
            let mut out = Vec::new();
            draw(&estate, &mut out).expect("bytes");
            let page = String::from_utf8(out).expect("UTF-8");
            let chains: Vec<Vec<String>> = page
                .split("<ul class=\"flow\">")
                .skip(1)
                .map(|chain| {
                    let boxes = chain.split("<div class=\"box\"><strong>").skip(1);
                    boxes.map(|b| b.split_once('<').expect("an end").0.to_owned()).collect()
                })
                .collect();
            chains
        };
        assert_eq!(
            drawn(vec![edge("b", "c"), edge("a", "b"), edge("c", "d")]),
            [["a", "b", "c", "d"]]
        );
        assert_eq!(
            drawn(vec![edge("a", "b"), edge("b", "c"), edge("b", "d")]),
            [["a", "b"], ["b", "c"], ["b", "d"]]
        );
    }
}
