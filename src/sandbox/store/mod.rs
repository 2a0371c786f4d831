//! What the emulation remembers and how it is kept on disk.

pub(crate) mod log;
pub(crate) mod table;

/// One change: table, key, and the row or null for "removed".
pub(crate) type Change = (String, String, serde_json::Value);
