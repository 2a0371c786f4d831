//! How a command ends whose use case moved releases.

use crate::engine::promotion::{ReleaseMove, ended_well};
use crate::render::promotion::ending;

use super::context::Context;
use super::error::Exit;

/// Says how a finished move ended.
///
/// # Errors
/// The release is not verified where it moved.
pub fn moved(done: &ReleaseMove, context: &Context) -> Result<(), Exit> {
    match ending(done) {
        Ok(line) => context.say(&line),
        Err(diagnostic) if diagnostic.is_error() => return Err(diagnostic.into()),
        Err(warning) => context.tell([&warning]),
    }
    Ok(())
}

/// The end of an apply that brought releases into their first environments. Those that ended well the
/// host has heard of already.
///
/// # Errors
/// A release did not stay where it moved.
pub fn entered(moves: &[ReleaseMove]) -> Result<(), Exit> {
    let failed = moves.iter().find(|done| !ended_well(done));
    match failed.map(ending) {
        Some(Err(diagnostic)) => Err(diagnostic.into()),
        Some(Ok(_)) | None => Ok(()),
    }
}
