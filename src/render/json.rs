//! JSON output: keys sorted, two spaces, one final newline, as files of the state are written.

pub use crate::state::json::{sorted, write_sorted as write};
