//! What S3 asks of a bucket policy beside IAM's grammar: that each action acts on one of its statement's resources
//! ([`actions`]), and whether it is public ([`public`]).

pub mod actions;
pub mod public;
