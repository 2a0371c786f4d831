//! Requests judged against policy documents, as IAM would: a case a line. Needs no configuration and asks nobody.

use crate::iam;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct SimulationRequest<'a> {
    /// The case, an object of JSON: the request, and the policies that bear on it.
    pub case: &'a str,
    /// Whether every statement that was looked at is to be named, with why it matches or does not.
    pub explain: bool,
}

/// Judges a case. The answer is a line of JSON as the case is, without its line break; what is wrong with the case
/// is an answer too.
#[must_use]
pub fn run(request: SimulationRequest<'_>) -> String {
    iam::simulate_line(request.case, request.explain)
}
