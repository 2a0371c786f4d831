//! A lexer for HCL that loses nothing: its tokens, joined, are the text.
//!
//! The formatter works on it. The parser is run only after it, because the lexer never recurses:
//! it measures how deep brackets and templates nest, and it knows where a bracket that is never
//! closed was opened. A quoted string or a heredoc is one token, interpolations included.

use std::borrow::Cow;
use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A name or keyword.
    Ident,
    /// A number.
    Number,
    /// A quoted string with its quotes and everything interpolated in it.
    Str,
    /// `<<EOT` up to and including its closing delimiter.
    Heredoc,
    /// An operator or bracket.
    Punct,
    /// `# ...` or `// ...` without its line end.
    LineComment,
    /// `/* ... */`.
    BlockComment,
    /// A line end, `\n` or `\r\n`.
    Newline,
    /// Spaces and tabs.
    Space,
    /// A character that HCL does not know.
    Bad,
}

impl TokenKind {
    /// Whether it says nothing: space, line ends and comments.
    pub(crate) fn is_blank(self) -> bool {
        matches!(self, Self::Space | Self::Newline | Self::LineComment | Self::BlockComment)
    }
}

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Range<usize>,
}

/// A mistake that can be told without parsing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LexProblem {
    /// A bracket, quote, template or heredoc that is never closed. `suspect` is the opening of a
    /// brace inside it whose closing brace stands suspiciously far left.
    Unclosed { open: Range<usize>, suspect: Option<usize> },
    /// A closing bracket that does not fit the one that is open.
    Mismatched { open: Range<usize>, close: usize },
    /// A closing bracket where none is open.
    Unopened { close: usize },
    /// A line end inside a quoted string.
    NewlineInString { open: usize, at: usize },
    /// `/*` without `*/`.
    UnclosedComment { open: usize },
    /// `<<` and something that is no delimiter followed by a line end.
    BadHeredoc { open: Range<usize> },
}

/// The tokens of a text and what was noticed on the way.
#[derive(Debug, Default)]
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    pub(crate) problems: Vec<LexProblem>,
    /// How deep brackets and interpolations nest.
    pub(crate) depth: usize,
    /// Where the limit passed to [`lex`] is first exceeded.
    pub(crate) too_deep: Option<usize>,
    /// Opening and closing delimiters of heredocs with a line that begins with the delimiter and
    /// goes on. The heredoc does not end there, but the parser believes so.
    renamed: Vec<(Range<usize>, Range<usize>)>,
}

impl Lexed {
    /// The text as the parser may see it, byte for byte in the same places: where a heredoc holds a
    /// line that begins with its delimiter, the heredoc gets another delimiter of the same length.
    pub(crate) fn parsable<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut changed = Cow::Borrowed(text);
        for (open, close) in &self.renamed {
            let length = open.len();
            let free = (b'A'..=b'Z').chain(b'a'..=b'z').map(|b| char::from(b).to_string()).find(
                |letter| {
                    let name = letter.repeat(length);
                    !text
                        .get(open.end..close.start)
                        .unwrap_or_default()
                        .lines()
                        .any(|line| line.trim_start().starts_with(&name))
                },
            );
            let Some(name) = free.map(|letter| letter.repeat(length)) else { continue };
            for range in [open, close] {
                if changed.get(range.clone()).is_some() {
                    changed.to_mut().replace_range(range.clone(), &name);
                }
            }
        }
        changed
    }
}

/// A line's start and indentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Line {
    start: usize,
    indent: usize,
}

#[derive(Debug)]
enum Frame {
    Bracket {
        open: u8,
        at: usize,
        line: Line,
    },
    Interpolation {
        at: usize,
    },
    Quote {
        at: usize,
    },
    /// `begun`: a line of it begins with the delimiter and goes on.
    Heredoc {
        delimiter: Range<usize>,
        at: usize,
        begun: bool,
    },
}

impl Frame {
    fn is_code(&self) -> bool {
        matches!(self, Self::Bracket { .. } | Self::Interpolation { .. })
    }
}

/// Splits `text` into tokens; brackets nested deeper than `limit` are noted.
pub(crate) fn lex(text: &str, limit: usize) -> Lexed {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        at: 0,
        stack: Vec::new(),
        literal_from: None,
        suspects: Vec::new(),
        line: Line::default(),
        line_known_to: 0,
        limit,
        out: Lexed::default(),
    };
    lexer.run();
    lexer.out
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Frame>,
    /// Start of the outermost string or heredoc that is open.
    literal_from: Option<usize>,
    /// Openings of braces whose closing brace is indented less than the line of the opening.
    suspects: Vec<usize>,
    line: Line,
    /// Up to where the text has been searched for line ends.
    line_known_to: usize,
    limit: usize,
    out: Lexed,
}

impl Lexer<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn starts(&self, what: &str) -> bool {
        self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(what.as_bytes()))
    }

    fn run(&mut self) {
        while self.at < self.bytes.len() {
            match self.stack.last() {
                Some(Frame::Quote { .. }) => self.in_quote(),
                Some(Frame::Heredoc { .. }) => self.in_heredoc(),
                _ => self.in_code(),
            }
        }
        if let Some(from) = self.literal_from.take() {
            self.emit(TokenKind::Str, from);
        }
        let suspect = self.suspects.first().copied();
        for frame in self.stack.drain(..).rev() {
            let (open, suspect) = match frame {
                Frame::Bracket { at, open: b'{', .. } => {
                    (at..at + 1, suspect.filter(|suspect| *suspect > at))
                }
                Frame::Bracket { at, .. } | Frame::Quote { at } => (at..at + 1, None),
                Frame::Interpolation { at } => (at..at + 2, None),
                Frame::Heredoc { at, delimiter, .. } => (at..delimiter.end, None),
            };
            self.out.problems.push(LexProblem::Unclosed { open, suspect });
        }
    }

    fn emit(&mut self, kind: TokenKind, from: usize) {
        if self.literal_from.is_none() && from < self.at {
            self.out.tokens.push(Token { kind, span: from..self.at });
        }
    }

    fn push(&mut self, frame: Frame) {
        let at = self.at;
        self.stack.push(frame);
        let depth = self.stack.iter().filter(|f| f.is_code()).count().min(self.limit + 1);
        self.out.depth = self.out.depth.max(depth);
        if depth > self.limit && self.out.too_deep.is_none() {
            self.out.too_deep = Some(at);
            // Nothing after this matters: the text is refused.
            self.emit(TokenKind::Bad, at);
            self.at = self.bytes.len();
            self.stack.clear();
            self.literal_from = None;
        }
    }

    fn take_while(&mut self, test: impl Fn(u8) -> bool) {
        while self.at < self.bytes.len() && test(self.byte(self.at)) {
            self.at += 1;
        }
    }

    fn in_code(&mut self) {
        let from = self.at;
        let byte = self.byte(from);
        match byte {
            b' ' | b'\t' => {
                self.take_while(|b| b == b' ' || b == b'\t');
                self.emit(TokenKind::Space, from);
            }
            b'\n' => {
                self.at += 1;
                self.emit(TokenKind::Newline, from);
            }
            b'\r' if self.byte(from + 1) == b'\n' => {
                self.at += 2;
                self.emit(TokenKind::Newline, from);
            }
            b'#' => self.line_comment(from),
            b'/' if self.starts("//") => self.line_comment(from),
            b'/' if self.starts("/*") => {
                match self.text.get(from + 2..).and_then(|rest| rest.find("*/")) {
                    Some(length) => self.at = from + 2 + length + 2,
                    None => {
                        self.out.problems.push(LexProblem::UnclosedComment { open: from });
                        self.at = self.bytes.len();
                    }
                }
                self.emit(TokenKind::BlockComment, from);
            }
            b'"' => {
                self.literal_from.get_or_insert(from);
                self.at += 1;
                self.push(Frame::Quote { at: from });
            }
            b'<' if self.starts("<<") => self.heredoc_start(from),
            b'(' | b'[' | b'{' => {
                let line = self.line_of(from);
                self.push(Frame::Bracket { open: byte, at: from, line });
                if self.out.too_deep.is_none() {
                    self.at += 1;
                    self.emit(TokenKind::Punct, from);
                }
            }
            b')' | b']' | b'}' => self.close(from, byte),
            b'0'..=b'9' => {
                self.number();
                self.emit(TokenKind::Number, from);
            }
            b if is_name_start(b) => {
                self.take_while(is_name_continue);
                self.emit(TokenKind::Ident, from);
            }
            _ => self.operator(from, byte),
        }
    }

    fn operator(&mut self, from: usize, byte: u8) {
        const OPERATORS: [&str; 9] = ["...", "==", "!=", "<=", ">=", "&&", "||", "=>", "::"];
        if let Some(operator) = OPERATORS.iter().find(|op| self.starts(op)) {
            self.at += operator.len();
            self.emit(TokenKind::Punct, from);
            return;
        }
        self.at += 1;
        let known = b"=+-*/%<>!?:,.&|".contains(&byte);
        self.emit(if known { TokenKind::Punct } else { TokenKind::Bad }, from);
    }

    fn number(&mut self) {
        self.take_while(|b| b.is_ascii_digit());
        if self.byte(self.at) == b'.' && self.byte(self.at + 1).is_ascii_digit() {
            self.at += 1;
            self.take_while(|b| b.is_ascii_digit());
        }
        if matches!(self.byte(self.at), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(self.at + 1), b'+' | b'-'));
            if self.byte(self.at + 1 + sign).is_ascii_digit() {
                self.at += 1 + sign;
                self.take_while(|b| b.is_ascii_digit());
            }
        }
    }

    fn line_comment(&mut self, from: usize) {
        self.take_while(|b| b != b'\n');
        if self.at > from && self.byte(self.at - 1) == b'\r' {
            self.at -= 1;
        }
        self.emit(TokenKind::LineComment, from);
    }

    fn close(&mut self, from: usize, byte: u8) {
        let opening = match byte {
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        match self.stack.last() {
            Some(Frame::Bracket { open, at, line }) if *open == opening => {
                let (at, line) = (*at, *line);
                self.note_suspect(at, line, from);
                self.stack.pop();
            }
            Some(Frame::Interpolation { .. }) if byte == b'}' => {
                self.stack.pop();
            }
            Some(Frame::Bracket { at, .. }) => {
                let open = *at..*at + 1;
                self.out.problems.push(LexProblem::Mismatched { open, close: from });
                // Go on as if the inner one had been closed, when an outer one fits.
                let fits = self
                    .stack
                    .iter()
                    .rposition(|f| matches!(f, Frame::Bracket { open, .. } if *open == opening));
                if let Some(index) = fits
                    && self.stack.iter().skip(index).all(Frame::is_code)
                {
                    self.stack.truncate(index);
                }
            }
            Some(Frame::Interpolation { at }) => {
                let open = *at..*at + 2;
                self.out.problems.push(LexProblem::Mismatched { open, close: from });
            }
            _ => self.out.problems.push(LexProblem::Unopened { close: from }),
        }
        self.at += 1;
        self.emit(TokenKind::Punct, from);
    }

    fn note_suspect(&mut self, open: usize, opened: Line, close: usize) {
        let closed = self.line_of(close);
        if opened.start != closed.start
            && closed.start + closed.indent == close
            && closed.indent < opened.indent
        {
            self.suspects.push(open);
        }
    }

    /// The line that holds `at`, which never goes back.
    fn line_of(&mut self, at: usize) -> Line {
        let rest = self.bytes.get(self.line_known_to..at).unwrap_or_default();
        if self.line_known_to == 0 || rest.contains(&b'\n') {
            let start = rest.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
            let start = self.line_known_to + start;
            let line = self.bytes.get(start..).unwrap_or_default();
            let indent = line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            self.line = Line { start, indent };
        }
        self.line_known_to = self.line_known_to.max(at);
        self.line
    }

    fn in_quote(&mut self) {
        let byte = self.byte(self.at);
        if self.starts("$${") || self.starts("%%{") {
            self.at += 3;
        } else if self.starts("${") || self.starts("%{") {
            let at = self.at;
            self.push(Frame::Interpolation { at });
            self.at = (self.at + 2).min(self.bytes.len());
        } else if byte == b'\\' && self.byte(self.at + 1) != b'\n' {
            self.at = (self.at + 2).min(self.bytes.len());
        } else if byte == b'"' {
            self.at += 1;
            self.end_literal(TokenKind::Str);
        } else if byte == b'\n' {
            if let Some(Frame::Quote { at: open }) = self.stack.last() {
                let problem = LexProblem::NewlineInString { open: *open, at: self.at };
                self.out.problems.push(problem);
            }
            self.end_literal(TokenKind::Str);
        } else {
            self.at += 1;
        }
    }

    fn end_literal(&mut self, kind: TokenKind) {
        self.stack.pop();
        if self.stack.iter().all(Frame::is_code)
            && let Some(from) = self.literal_from.take()
        {
            self.emit(kind, from);
        }
    }

    fn heredoc_start(&mut self, from: usize) {
        let mut at = from + 2;
        if self.byte(at) == b'-' {
            at += 1;
        }
        let name = at;
        while is_name_continue(self.byte(at)) {
            at += 1;
        }
        let delimiter = name..at;
        if self.byte(at) == b'\r' {
            at += 1;
        }
        if delimiter.is_empty() || self.byte(at) != b'\n' {
            self.at = from + 2;
            let open = from..at.max(from + 2);
            self.out.problems.push(LexProblem::BadHeredoc { open });
            self.emit(TokenKind::Punct, from);
            return;
        }
        self.literal_from.get_or_insert(from);
        self.at = at + 1;
        self.stack.push(Frame::Heredoc { delimiter, at: from, begun: false });
        self.heredoc_end();
    }

    /// At the start of a line of a heredoc: ends it when the line is its delimiter, and nothing else.
    fn heredoc_end(&mut self) {
        let Some(Frame::Heredoc { delimiter, begun, .. }) = self.stack.last_mut() else { return };
        let name = self.bytes.get(delimiter.clone()).unwrap_or_default();
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let indent = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let rest = rest.get(indent..).unwrap_or_default();
        let Some(after) = rest.strip_prefix(name) else { return };
        let line = after.split(|b| *b == b'\n').next().unwrap_or_default();
        if line.iter().all(u8::is_ascii_whitespace) {
            self.at += indent + name.len();
            if *begun {
                let close = self.at - name.len()..self.at;
                self.out.renamed.push((delimiter.clone(), close));
            }
            self.end_literal(TokenKind::Heredoc);
        } else if !after.first().is_some_and(|b| is_name_continue(*b)) {
            *begun = true;
        }
    }

    fn in_heredoc(&mut self) {
        if self.starts("$${") || self.starts("%%{") {
            self.at += 3;
        } else if self.starts("${") || self.starts("%{") {
            let at = self.at;
            self.push(Frame::Interpolation { at });
            self.at = (self.at + 2).min(self.bytes.len());
        } else if self.byte(self.at) == b'\n' {
            self.at += 1;
            self.heredoc_end();
        } else {
            self.at += 1;
        }
    }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

pub(crate) fn is_name_continue(byte: u8) -> bool {
    is_name_start(byte) || byte.is_ascii_digit() || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(TokenKind, &str)> {
        let lexed = lex(text, 50);
        lexed.tokens.iter().map(|t| (t.kind, &text[t.span.clone()])).collect()
    }

    #[test]
    fn tokens_join_to_the_text() {
        for text in [
            "a = \"x${b[\"k\"]}y\" # c\n",
            "x \"y\" {\n  z = <<-EOT\n  ${a}\n  EOT\n}\r\n",
            "a = <<EOT\nEOT\nb = 1.5e3 /* c */\n",
            "é = [1, 2]...\n'",
            "a = \"open\nb = 2\n",
            "((",
        ] {
            let joined: String = kinds(text).iter().map(|(_, t)| *t).collect();
            assert_eq!(joined, text);
        }
    }

    #[test]
    fn strings_and_heredocs_are_one_token() {
        assert!(kinds("a = \"x${f(\"}\")}\"").contains(&(TokenKind::Str, "\"x${f(\"}\")}\"")));
        let heredoc = "<<E\na ${\"E\"} E\nEE\n E";
        assert_eq!(kinds(&format!("{heredoc}\n"))[0], (TokenKind::Heredoc, heredoc));
    }

    #[test]
    fn what_is_never_closed_is_found() {
        let problems = lex("a {\n  b {\n}\n", 50).problems;
        assert_eq!(problems, [LexProblem::Unclosed { open: 2..3, suspect: Some(8) }]);
        assert_eq!(lex("}", 50).problems, [LexProblem::Unopened { close: 0 }]);
        assert_eq!(lex("a = [1}", 50).problems[0], LexProblem::Mismatched { open: 4..5, close: 6 });
    }

    #[test]
    fn depth_is_measured_without_recursion() {
        let lexed = lex(&"(".repeat(100_000), 50);
        assert_eq!(lexed.too_deep, Some(50));
        let lexed = lex(&"\"${".repeat(100_000), 50);
        assert!(lexed.too_deep.is_some());
    }
}
