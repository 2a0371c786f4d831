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

/// What was answered.
#[derive(Clone, Debug)]
pub struct SimulationOutcome {
    /// A line of JSON as the case is, without its line break.
    pub answer: String,
    /// Why the case cannot be judged; the answer says it too.
    pub error: Option<String>,
}

/// Judges a case. What is wrong with the case is an answer too.
#[must_use]
pub fn run(request: SimulationRequest<'_>) -> SimulationOutcome {
    let (answer, error) = iam::simulate_case(request.case, request.explain);
    SimulationOutcome { answer, error }
}
