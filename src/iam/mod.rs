//! IAM policy documents: parsing, meaning, evaluation. Pure: no AWS calls.
