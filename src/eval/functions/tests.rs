//! Every function by its documented examples, its errors, and what it does with unknown and
//! sensitive values.
