//! Kinds that Palisade reads and does not manage: they hold power in an account, so the analysis needs
//! them, and drift shows them.

use super::access::AccessPart;
use super::meaning::ArnForm;

/// A kind without blocks.
#[derive(Clone, Copy, Debug)]
pub struct Observed {
    /// Its name: `iam_user`.
    pub kind: &'static str,
    /// The part that its objects play in who may do what.
    pub access: AccessPart,
    /// The form of their ARNs, where policies name them.
    pub arn: Option<ArnForm>,
}
