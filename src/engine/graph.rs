//! A configuration drawn: what depends on what, or which environments releases move through. Asks nobody.

use crate::graph;

use super::error::EngineError;
use super::load;
use super::workspace::{Variables, Workspace};

pub use crate::graph::{GraphDrawing, GraphFormat, check, check_beyond};

/// What is asked.
#[derive(Clone, Debug)]
pub struct GraphRequest {
    /// Values for variables.
    pub variables: Variables,
    /// What is drawn.
    pub drawing: GraphDrawing,
    /// In which language.
    pub format: GraphFormat,
}

/// Draws; the outcome is a text of the language that is asked for.
///
/// # Errors
/// The configuration is wrong.
pub fn run(workspace: &Workspace, request: &GraphRequest) -> Result<String, EngineError> {
    let configuration = load::configuration(workspace, &request.variables)?;
    let graph = graph::build(&configuration)?;
    Ok(graph::draw(&configuration, &graph, request.drawing, request.format))
}
