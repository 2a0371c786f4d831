//! Colours, and text that is safe to print on a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style as Ansi};

pub use crate::diag::count;

/// How text output looks. Decided once, at the edge; renderers only obey it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences may be written.
    pub color: bool,
    /// Whether lines end at the terminal's edge. Those of a file or a pipe do not, and can be searched.
    pub terminal: bool,
    /// Columns of the terminal; used for prose and tables, never to break a value.
    pub width: usize,
}

impl Style {
    /// No colours, 100 columns: files, pipes, CI logs, tests.
    #[must_use]
    pub const fn plain() -> Self {
        Self { color: false, terminal: false, width: 100 }
    }

    /// Colours, for a terminal of `width` columns.
    #[must_use]
    pub const fn terminal(width: usize) -> Self {
        Self { color: true, terminal: true, width }
    }

    /// A sentence that begins at column `indent`, folded at the terminal's edge so that what follows
    /// stands below its beginning. Files and pipes get one line, which can be searched.
    #[must_use]
    pub fn fold(&self, text: &str, indent: usize) -> String {
        let left = self.width.saturating_sub(indent + 1);
        if !self.terminal || left < 20 {
            return text.to_owned();
        }
        wrap(text, left).join(&format!("\n{}", " ".repeat(indent)))
    }

    /// `text` in a tone.
    #[must_use]
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.color || tone == Tone::Plain || text.is_empty() {
            return text.to_owned();
        }
        let style = tone.ansi();
        format!("{}{text}{}", style.render(), style.render_reset())
    }
}

/// What a piece of text means; each renderer shows it in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// Of less interest.
    Dim,
    /// A name that the eye should find.
    Bold,
    /// A section's title.
    Heading,
    /// Something appears.
    Add,
    /// Something goes.
    Remove,
    /// Something changes.
    Change,
    /// Something goes and comes again.
    Replace,
    /// Something is taken over, or dropped from state.
    Adopt,
    /// Attention.
    Warn,
    /// Wrong.
    Bad,
    /// Right.
    Good,
}

impl Tone {
    fn ansi(self) -> Ansi {
        let color = |c: AnsiColor| c.on_default();
        match self {
            Self::Plain => Ansi::new(),
            Self::Dim => Ansi::new().dimmed(),
            Self::Bold => Ansi::new().bold(),
            Self::Heading => Ansi::new().bold().underline(),
            Self::Add | Self::Good => color(AnsiColor::Green),
            Self::Remove => color(AnsiColor::Red),
            Self::Bad => color(AnsiColor::Red).bold(),
            Self::Change => color(AnsiColor::Yellow),
            Self::Warn => color(AnsiColor::Yellow).bold(),
            Self::Replace => color(AnsiColor::Magenta),
            Self::Adopt => color(AnsiColor::Cyan),
        }
    }

    /// The class in HTML.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Dim => "dim",
            Self::Bold => "bold",
            Self::Heading => "heading",
            Self::Add => "add",
            Self::Good => "good",
            Self::Remove => "remove",
            Self::Bad => "bad",
            Self::Change => "change",
            Self::Warn => "warn",
            Self::Replace => "replace",
            Self::Adopt => "adopt",
        }
    }
}

/// `text` without anything that could steer a terminal, begin a line, reorder what is read, or hide in it: control
/// characters, other line ends, bidirectional overrides and what has no width are shown as escapes (joiners apart,
/// which scripts and emoji need). Names in a plan come from AWS and
/// from other people's configuration. An id that AWS has yet to assign, `⟨account.dev.id⟩` where
/// policies are compared, is written as configuration writes it: `${account.dev.id}`.
#[must_use]
pub fn safe(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_unsafe(c) || matches!(c, '⟨' | '⟩')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '⟨' => out.push_str("${"),
            '⟩' => out.push('}'),
            c if is_unsafe(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// As [`safe`], for text of several lines: they stay lines.
#[must_use]
pub fn safe_lines(text: &str) -> String {
    text.split('\n').map(safe).collect::<Vec<_>>().join("\n")
}

/// Whether a character may steer a terminal, begin a line, reorder what is read, or hide in it.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A time to the second, in UTC (RFC 3339).
#[must_use]
pub fn time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Columns that `text` takes on a terminal.
#[must_use]
pub fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// `text` and as many spaces as make it `width` columns wide.
#[must_use]
pub fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Prose in lines of at most `width` columns, broken at spaces; a longer word stands alone.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let words = text.trim_start_matches(' ');
    let (indent, words) = text.split_at(text.len() - words.len());
    let mut lines: Vec<String> = Vec::new();
    for word in words.split(' ') {
        let is_first = lines.is_empty();
        match lines.last_mut().filter(|line| columns(line) + 1 + columns(word) <= width) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            // Of two spaces at the end of a line none begins the next one.
            None if word.is_empty() && !is_first => {}
            None if is_first => lines.push(format!("{indent}{word}")),
            None => lines.push(word.to_owned()),
        }
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_reaches_the_terminal_as_a_command() {
        assert_eq!(safe("plain ünï 日本"), "plain ünï 日本");
        assert_eq!(safe("a\u{1b}[31mb\u{7}\u{202e}c\nd"), "a\\u{1b}[31mb\\u{7}\\u{202e}c\\nd");
        // Other ends of lines, and what has no width.
        assert_eq!(safe("a\u{2028}b\u{200b}c\u{e0041}d"), "a\\u{2028}b\\u{200b}c\\u{e0041}d");
        assert_eq!(safe("क्\u{200d}ष"), "क्\u{200d}ष");
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(safe_lines("\na\u{1b}[2J\n\nb\rc\n"), "\na\\u{1b}[2J\n\nb\\rc\n");
    }

    #[test]
    fn prose_breaks_at_spaces_and_nowhere_else() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a-very-long-word b", 4), ["a-very-long-word", "b"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("one  two  three", 5), ["one", "two", "three"]);
        assert_eq!(wrap("one  two", 8), ["one  two"]);
        assert_eq!(wrap("    a-very-long-word", 8), ["    a-very-long-word"]);
    }

    #[test]
    fn plain_style_writes_no_escapes() {
        assert_eq!(Style::plain().paint(Tone::Bad, "x"), "x");
        assert!(Style::terminal(80).paint(Tone::Bad, "x").contains('\u{1b}'));
    }
}
