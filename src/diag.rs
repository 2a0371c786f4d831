//! Diagnostics: what went wrong, where in which file, and what to do about it.
//!
//! Everything that can be wrong in a user's input becomes a [`Diagnostic`]; passes collect
//! many of them in [`Diagnostics`] so that one run reports as much as possible. The library
//! never prints: the command line renders diagnostics at the edge.
//!
//! House style: the summary is lower case, has no final full stop, puts user input in
//! backticks and never names a Rust type; advice goes into `help`.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{LabeledSpan, MietteError, SourceCode, SourceSpan, SpanContents};

/// A text that diagnostics point into: a configuration file, a policy document, a state object.
#[derive(PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// Wraps `text` under the `name` that users see (a path relative to where they stand).
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into() })
    }

    /// The display name, usually a relative path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// One-based line and column (in characters) of a byte offset; clamps to the end of the text.
    #[must_use]
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = self.text.get(..end).unwrap_or_default();
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

/// Everything in a text of values but their names, each character of one byte.
fn without_values(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let hide = |text: &str, out: &mut String| {
        for c in text.chars() {
            if c.is_whitespace() {
                out.push(c);
            } else {
                out.extend(std::iter::repeat_n('*', c.len_utf8()));
            }
        }
    };
    for line in text.split_inclusive('\n') {
        let name = line.find('=').map_or(0, |at| at + 1);
        out.push_str(line.get(..name).unwrap_or_default());
        hide(line.get(name..).unwrap_or_default(), &mut out);
    }
    out
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({}, {} bytes)", self.name, self.text.len())
    }
}

/// A byte range in a [`Source`].
#[derive(Clone, PartialEq, Eq)]
pub struct Loc {
    source: Arc<Source>,
    span: Range<usize>,
}

impl Loc {
    /// Points at `span` (bytes) in `source`; the range is clamped to the text.
    #[must_use]
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        let len = source.text.len();
        let start = span.start.min(len);
        Self { source: Arc::clone(source), span: start..span.end.clamp(start, len) }
    }

    /// The whole of a source's first character: for findings about a file rather than a place in it.
    #[must_use]
    pub fn whole(source: &Arc<Source>) -> Self {
        Self::new(source, 0..0)
    }

    /// The source that this points into.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The byte range.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The same place in a text in which names alone can be read, and no value.
    #[must_use]
    pub fn without_values(self) -> Self {
        let source = Source::new(self.source.name.clone(), without_values(&self.source.text));
        Self { source, span: self.span }
    }

    /// The place of `text` in a list that is written out here with it as a literal; else this place.
    #[must_use]
    pub fn of_element(&self, text: &str) -> Self {
        let literal = format!("\"{text}\"");
        let all = self.source.text.get(self.span.clone()).unwrap_or_default();
        let is_list = all.starts_with('[') && !text.contains(['"', '\\', '\n', '$', '%']);
        let found = all.match_indices(&literal).find(|(at, _)| {
            let line = all.get(..*at).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
            // Not in a comment; a `#` in an element before it costs no more than the exact place.
            !line.contains('#') && !line.contains("//")
        });
        match found.filter(|_| is_list) {
            Some((at, _)) => {
                let start = self.span.start + at;
                Self { source: Arc::clone(&self.source), span: start..start + literal.len() }
            }
            None => self.clone(),
        }
    }

    /// Display name of the file.
    #[must_use]
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// One-based line of the start.
    #[must_use]
    pub fn line(&self) -> usize {
        self.source.position(self.span.start).0
    }

    /// One-based column, in characters, of the start.
    #[must_use]
    pub fn column(&self) -> usize {
        self.source.position(self.span.start).1
    }
}

impl fmt::Debug for Loc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// `file:line`, as plans and reports print it.
impl fmt::Display for Loc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file(), self.line())
    }
}

/// Whether a diagnostic stops the command.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The command goes on.
    Warning,
    /// The command stops at the end of the pass that found it.
    Error,
}

impl Severity {
    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One finding about the user's input or the world, with its place and advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// One line, lower case, no full stop.
    pub summary: String,
    /// Why, in a sentence or two; shown beside the underlined range, or below the summary.
    pub detail: Option<String>,
    /// The offending range.
    pub loc: Option<Loc>,
    /// What to do next.
    pub help: Option<String>,
    /// Other places that matter, each with a short label.
    pub related: Vec<(Loc, String)>,
    /// Whether nothing is wrong but that a value is not known yet, which has to be known here.
    pub needs_value: bool,
    /// Whether it is wrong whatever values are: a name that does not exist. `try` and `can` pass it on.
    pub is_certain: bool,
}

impl Diagnostic {
    /// Marks that nothing is wrong but that a value is not known yet.
    #[must_use]
    pub fn needing_value(self) -> Self {
        Self { needs_value: true, ..self }
    }

    /// Marks what is wrong whatever values are.
    #[must_use]
    pub fn certain(self) -> Self {
        Self { is_certain: true, ..self }
    }

    /// A new error.
    #[must_use]
    pub fn error(summary: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            summary: summary.into(),
            detail: None,
            loc: None,
            help: None,
            related: Vec::new(),
            needs_value: false,
            is_certain: false,
        }
    }

    /// A new warning.
    #[must_use]
    pub fn warning(summary: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(summary) }
    }

    /// The same as a warning.
    #[must_use]
    pub fn into_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// Underlines `loc`.
    #[must_use]
    pub fn at(mut self, loc: Loc) -> Self {
        self.loc = Some(loc);
        self
    }

    /// Underlines `loc` where there is one.
    #[must_use]
    pub fn at_opt(mut self, loc: Option<Loc>) -> Self {
        self.loc = loc;
        self
    }

    /// Adds the reason.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds advice where there is some.
    #[must_use]
    pub fn help_opt(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// Points at another place that matters.
    #[must_use]
    pub fn related(mut self, loc: Loc, label: impl Into<String>) -> Self {
        self.related.push((loc, label.into()));
        self
    }

    /// The same with no value in its excerpt ([`Loc::without_values`]).
    #[must_use]
    pub fn without_values(mut self) -> Self {
        self.loc = self.loc.map(Loc::without_values);
        self
    }

    /// Whether this is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)?;
        match (&self.loc, &self.detail) {
            (None, Some(detail)) => write!(f, "\n{detail}"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

impl miette::Diagnostic for Diagnostic {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.loc.as_ref().map(|loc| loc as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let loc = self.loc.as_ref()?;
        let main = LabeledSpan::new_primary_with_span(self.detail.clone(), loc.span());
        let same_file = self
            .related
            .iter()
            .filter(|(at, _)| Arc::ptr_eq(at.source(), loc.source()))
            .map(|(at, label)| LabeledSpan::new_with_span(Some(label.clone()), at.span()));
        Some(Box::new(std::iter::once(main).chain(same_file)))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        None
    }
}

impl SourceCode for Loc {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let inner = self.source.text.read_span(span, before, after)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.source.name.clone(),
            inner.data(),
            *inner.span(),
            inner.line(),
            inner.column(),
            inner.line_count(),
        )))
    }
}

/// Findings collected over a pass, in the order in which they were found.
#[derive(Clone, Default)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
    /// Which of them have the same summary and start, so that adding stays cheap.
    alike: HashMap<(String, usize), Vec<usize>>,
}

impl PartialEq for Diagnostics {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl Eq for Diagnostics {}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all.fmt(f)
    }
}

impl Diagnostics {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; an identical one is kept once.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let start = diagnostic.loc.as_ref().map_or(0, |loc| loc.span.start);
        let alike = self.alike.entry((diagnostic.summary.clone(), start)).or_default();
        if !alike.iter().any(|index| self.all.get(*index) == Some(&diagnostic)) {
            alike.push(self.all.len());
            self.all.push(diagnostic);
        }
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in other {
            self.push(diagnostic);
        }
    }

    /// Whether any is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.all.iter().any(Diagnostic::is_error)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// All, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.all.iter()
    }

    /// Those that touch no place of `told`, where something was found already.
    #[must_use]
    pub fn elsewhere_than(self, told: &Self) -> Self {
        let places: Vec<&Loc> = told.iter().filter_map(|d| d.loc.as_ref()).collect();
        let touches = |loc: &Loc| {
            places.iter().any(|place| {
                place.file() == loc.file()
                    && place.span().start <= loc.span().end
                    && loc.span().start <= place.span().end
            })
        };
        self.into_iter().filter(|d| !d.loc.as_ref().is_some_and(touches)).collect()
    }

    /// The value beside the warnings when no error was found, else all findings.
    ///
    /// # Errors
    /// The collected findings, when at least one is an error.
    pub fn with_warnings<T>(self, value: T) -> Result<(T, Self), Self> {
        if self.has_errors() { Err(self) } else { Ok((value, self)) }
    }

    /// `Ok(value)` when no error was found, else all findings.
    ///
    /// # Errors
    /// The collected findings, when at least one is an error.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.has_errors() { Err(self) } else { Ok(value) }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        [diagnostic].into_iter().collect()
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(iter: I) -> Self {
        let mut all = Self::new();
        all.extend(iter);
        all
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.all.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// Longest name for which others are looked for, in bytes: what a comparison takes grows with the square.
const LONGEST_NAME: usize = 256;
/// Most names that one is compared with.
const MOST_NAMES: usize = 4_096;

/// "did you mean `x`?" for the candidate nearest to what was typed, when one is near enough.
#[must_use]
pub fn did_you_mean<'a>(
    typed: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    if typed.len() > LONGEST_NAME {
        return None;
    }
    candidates
        .into_iter()
        .take(MOST_NAMES)
        .filter(|candidate| candidate.len() <= LONGEST_NAME)
        .map(|candidate| (strsim::jaro_winkler(typed, candidate), candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}

/// `1 object`, `2 objects`.
#[must_use]
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A name of the language behind its article: ``a `trust` ``, ``an `assert` ``.
#[must_use]
pub fn with_article(name: &str) -> String {
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} `{name}`")
}

/// From the top of each file to its end, whatever found them; those of no place come last.
#[must_use]
pub fn by_place<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> Vec<&'a Diagnostic> {
    let place = |d: &Diagnostic| d.loc.as_ref().map(|l| (l.file().to_owned(), l.span().start));
    let mut all: Vec<&Diagnostic> = diagnostics.into_iter().collect();
    all.sort_by_cached_key(|d| (d.loc.is_none(), place(d)));
    all
}
