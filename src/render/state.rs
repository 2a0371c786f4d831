//! State for people: `state list`, `state show`, `state history`, and the locks that `state unlock` breaks.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value as Json, json};

use crate::address::ResourceAddr;
use crate::engine::host::BreakableLock;
use crate::state::Snapshot;
use crate::state::history::HistoryEntry;
use crate::state::model::{ResourceState, Resources};

use super::lines::{self, Sign};
use super::style::{Style, Tone, count, pad, safe, time};

/// How much of a plan's digest is shown: its algorithm and twelve digits, which tell plans apart.
const DIGEST_SHOWN: usize = "sha256:".len() + 12;

/// Objects by their addresses, for tools.
fn by_address(resources: &Resources) -> BTreeMap<String, &ResourceState> {
    resources.iter().map(|(address, resource)| (address.canonical(), resource)).collect()
}

/// Writes every object as JSON, with the state's lineage.
///
/// # Errors
/// Those of the writer.
pub fn json(lineage: &str, resources: &Resources, out: &mut dyn Write) -> io::Result<()> {
    let state = json!({"lineage": lineage, "resources": by_address(resources)});
    super::json::write(&state, out)
}

/// Writes the addresses as JSON.
///
/// # Errors
/// Those of the writer.
pub fn list_json(resources: &Resources, out: &mut dyn Write) -> io::Result<()> {
    let all: Vec<String> = resources.keys().map(ResourceAddr::canonical).collect();
    super::json::write(&all, out)
}

/// Writes objects as JSON.
///
/// # Errors
/// Those of the writer.
pub fn objects_json(resources: &Resources, out: &mut dyn Write) -> io::Result<()> {
    super::json::write(&by_address(resources), out)
}

/// Writes the states of scopes as JSON, as they are kept.
///
/// # Errors
/// Those of the writer.
pub fn scopes_json(snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    let scopes: BTreeMap<&String, _> =
        snapshot.scopes.iter().map(|(name, scope)| (name, &scope.value)).collect();
    super::json::write(&json!({"lineage": snapshot.lineage, "scopes": scopes}), out)
}

/// One address a line.
///
/// # Errors
/// Those of the writer.
pub fn list(resources: &Resources, out: &mut dyn Write) -> io::Result<()> {
    for address in resources.keys() {
        writeln!(out, "{}", safe(&address.to_string()))?;
    }
    Ok(())
}

/// Every object, one below the other.
///
/// # Errors
/// Those of the writer.
pub fn objects(resources: &Resources, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for (index, (address, resource)) in resources.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        show(address, resource, style, out)?;
    }
    Ok(())
}

/// One object: its key, its attributes, what it depends on.
///
/// # Errors
/// Those of the writer.
fn show(
    address: &ResourceAddr,
    resource: &ResourceState,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}", style.paint(Tone::Bold, &safe(&address.to_string())))?;
    writeln!(out, "  {} {}", style.paint(Tone::Dim, "# in AWS:"), safe(&resource.key))?;
    if !resource.environments.is_empty() {
        let all: Vec<&str> = resource.environments.iter().map(String::as_str).collect();
        writeln!(out, "  {} {}", style.paint(Tone::Dim, "# environments:"), safe(&all.join(", ")))?;
    }
    for dependency in &resource.depends_on {
        let text = format!("# depends on {}", safe(&dependency.to_string()));
        writeln!(out, "  {}", style.paint(Tone::Dim, &text))?;
    }
    for attrs in [json!(resource.attrs), json!(resource.meta)] {
        for line in lines::between(None, Some(&attrs)) {
            let indent = " ".repeat(2 + line.depth * 4);
            let text = if line.sign == Sign::None {
                style.paint(Tone::Dim, &line.text)
            } else {
                line.text
            };
            writeln!(out, "{}", format!("{indent}{text}").trim_end())?;
        }
    }
    Ok(())
}

/// Versions of the state of scopes, newest first.
///
/// # Errors
/// Those of the writer.
pub fn history(
    versions: &BTreeMap<String, Vec<HistoryEntry>>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (scope, entries) in versions {
        writeln!(out, "{}", style.paint(Tone::Bold, scope))?;
        for entry in entries {
            match &entry.state {
                Ok(state) => {
                    let plan = state.stamp.plan.as_deref().unwrap_or_default();
                    let plan: String = plan.chars().take(DIGEST_SHOWN).collect();
                    let plan = if plan.is_empty() { plan } else { format!("  {}", safe(&plan)) };
                    writeln!(
                        out,
                        "  {:>5}  {}  {}  {}  {}{plan}",
                        state.serial,
                        time(state.stamp.at),
                        pad(&count(state.resources, "object", "objects"), 12),
                        safe(&state.stamp.operation),
                        safe(&state.stamp.by),
                    )?;
                }
                Err(reason) => writeln!(out, "      ?  unreadable: {}", safe(reason))?,
            }
        }
    }
    Ok(())
}

/// The same for tools.
///
/// # Errors
/// Those of the writer.
pub fn history_json(
    versions: &BTreeMap<String, Vec<HistoryEntry>>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let version = |entry: &HistoryEntry| {
        let stored = entry.stored_at.map(time);
        match &entry.state {
            Ok(state) => json!({
                "version": entry.version, "stored_at": stored, "size": entry.size,
                "serial": state.serial, "resources": state.resources, "stamp": state.stamp,
            }),
            Err(reason) => json!({
                "version": entry.version, "stored_at": stored, "size": entry.size, "error": reason,
            }),
        }
    };
    let all = versions.iter().map(|(scope, entries)| {
        let entries: Json = entries.iter().map(version).collect();
        (scope.clone(), entries)
    });
    super::json::write(&Json::Object(all.collect()), out)
}

/// A lock that is about to be broken, in one line.
#[must_use]
pub fn lock(lock: &BreakableLock) -> String {
    let scope = &lock.scope;
    match &lock.lock {
        Ok(lock) => format!(
            "`{scope}` is locked by {} on {} (process {}) for `{}` since {}, until {}",
            safe(&lock.holder.who),
            safe(&lock.holder.host),
            lock.holder.pid,
            safe(&lock.holder.operation),
            lock.acquired_at.strftime("%H:%M:%SZ"),
            lock.expires_at.strftime("%H:%M:%SZ"),
        ),
        Err(why) => format!("the lock of `{scope}` cannot be used: {}", safe(why)),
    }
}
