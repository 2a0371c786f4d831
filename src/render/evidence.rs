//! What makes an answer evidence: of which estate it is, when it was found, by which version, and what was read
//! for it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::engine::side::AnswerBasis;
use crate::ids::Handle;

use super::style::{Style, Tone, safe};

/// An answer with what it stands on.
#[derive(Clone, Debug, Serialize)]
pub struct WithEvidence<'a, T> {
    /// The estate.
    pub estate: &'a str,
    /// When it was found, in UTC (RFC 3339).
    pub generated_at: &'a str,
    /// The version that found it.
    pub palisade_version: &'static str,
    /// What was read.
    pub read: Read<'a>,
    /// The answer.
    #[serde(flatten)]
    pub answer: &'a T,
}

/// What was read from AWS.
#[derive(Clone, Debug, Serialize)]
pub struct Read<'a> {
    /// Whether anything was.
    pub live: bool,
    /// Accounts that were.
    pub accounts: &'a [Handle],
    /// Accounts that exist and were not, and why.
    pub unread: &'a BTreeMap<Handle, String>,
}

impl<'a, T> WithEvidence<'a, T> {
    /// An answer, and what it stands on.
    #[must_use]
    pub fn of(basis: &'a AnswerBasis, answer: &'a T) -> Self {
        Self {
            estate: &basis.estate,
            generated_at: &basis.generated_at,
            palisade_version: env!("CARGO_PKG_VERSION"),
            read: Read { live: basis.live, accounts: &basis.accounts, unread: &basis.unread },
            answer,
        }
    }

    /// Writes what the answer stands on, in one line.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn head(&self, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let names =
            |all: Vec<&str>| if all.is_empty() { "none".to_owned() } else { all.join(", ") };
        let read = names(self.read.accounts.iter().map(Handle::as_str).collect());
        let mut line = format!(
            "Estate {}, {} by Palisade {}; accounts read: {read}",
            self.estate, self.generated_at, self.palisade_version
        );
        if !self.read.unread.is_empty() {
            let unread = self.read.unread.keys().map(Handle::as_str).collect();
            line.push_str(&format!("; not read: {}", names(unread)));
        }
        writeln!(out, "{}", style.paint(Tone::Dim, &style.fold(&safe(&line), 0)))
    }
}
