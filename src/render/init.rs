//! What `palisade init` says.

use std::io::{self, Write};

use crate::engine::init::InitOutcome;

use super::style::{count, safe};

/// Writes what was checked and done.
///
/// # Errors
/// Those of the writer.
pub fn text(ready: &InitOutcome, out: &mut dyn Write) -> io::Result<()> {
    for package in &ready.fetched {
        let at = package.commit.as_ref().map(|commit| format!(" at {}", safe(commit)));
        writeln!(out, "fetched {}{}", safe(&package.source), at.unwrap_or_default())?;
    }
    let modules = match ready.modules {
        0 => String::new(),
        some => format!(", {}", count(some, "module", "modules")),
    };
    writeln!(out, "configuration: valid{modules}")?;
    writeln!(out, "state: {}", safe(&ready.location))?;
    if ready.unproved {
        writeln!(out, "the first apply proves that the server honours conditional writes")?;
    }
    if let Some(name) = &ready.renamed_from {
        writeln!(out, "the estate was called `{}` before", safe(name))?;
    }
    if let Some(migration) = &ready.migrated {
        let objects = count(migration.objects, "state object", "state objects");
        writeln!(out, "copied {objects} from {}, which stays as it is", safe(&migration.from))?;
    }
    writeln!(out, "ready: `palisade plan` shows what would change")
}
