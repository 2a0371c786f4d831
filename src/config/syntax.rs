//! Parsing, with diagnostics that a person can act on.
//!
//! The parser (`hcl::edit`) stops at its first error and recurses over nesting, so the lexer goes
//! first: it refuses what nests too deep and explains brackets and quotes that do not match. What
//! the parser then refuses is explained from the text around its offset.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use hcl::edit::expr::Expression;
use hcl::edit::parser;
use hcl::edit::structure::Body;

use super::lex::{LexProblem, Lexed, Token, TokenKind, lex};
use super::literals;
use crate::diag::{Diagnostic, Loc, Source};

/// How deep brackets, blocks and interpolations may nest. The parser's own limit is 64, which also
/// counts operators and conditionals.
pub const MAX_NESTING: usize = 60;

/// Parses the text of a configuration file.
///
/// # Errors
/// The first syntax error, explained.
pub fn parse_body(source: &Arc<Source>) -> Result<Body, Diagnostic> {
    let lexed = check(source)?;
    let text = lexed.parsable(source.text());
    // The parser takes a byte order mark before a block alone. Three spaces keep the places behind it.
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => Cow::Owned(format!("   {rest}")),
        None => text,
    };
    let mut body = parser::parse_body(&text).map_err(|error| explain(source, &lexed, &error))?;
    literals::read_body(&mut body, source)?;
    Ok(body)
}

/// Parses one expression, as `--var`, `console` and test files give it.
///
/// # Errors
/// The first syntax error, explained.
pub fn parse_expression(source: &Arc<Source>) -> Result<Expression, Diagnostic> {
    let lexed = check(source)?;
    // The parser accepts no space around an expression.
    let text = source.text();
    let end = lexed.tokens.iter().rev().find(|t| !t.kind.is_blank()).map_or(0, |t| t.span.end);
    let trimmed = text.get(..end).unwrap_or(text);
    if trimmed.trim_start().len() < trimmed.len() {
        let at = trimmed.len() - trimmed.trim_start().len();
        // Ranges must stay those of `source`, so leading space is only a matter of advice.
        return Err(Diagnostic::error("the expression starts with a space")
            .at(Loc::new(source, 0..at))
            .help("remove the space"));
    }
    let mut expr = parser::parse_expr(&lexed.parsable(trimmed))
        .map_err(|error| explain(source, &lexed, &error))?;
    literals::read_expression(&mut expr, source)?;
    Ok(expr)
}

/// Parses a template: the text of a file for `templatefile`.
///
/// # Errors
/// The first syntax error, explained.
pub fn parse_template(source: &Arc<Source>) -> Result<hcl::edit::template::Template, Diagnostic> {
    // A template is text with interpolations: as the lexer sees a heredoc's content.
    let text = source.text();
    let depth = {
        let wrapped = format!("<<PALISADE_TEMPLATE_END\n{text}\nPALISADE_TEMPLATE_END");
        lex(&wrapped, MAX_NESTING).too_deep
    };
    if let Some(at) = depth {
        return Err(too_deep(source, at.saturating_sub("<<PALISADE_TEMPLATE_END\n".len())));
    }
    let mut template = parser::parse_template(text).map_err(|error| {
        let at = error.location().offset();
        let ended = |open: &Range<usize>| at == open.start || at >= text.trim_end().len();
        match open_directive(text).filter(ended) {
            Some(span) => Diagnostic::error("a template directive is not ended")
                .at(Loc::new(source, span))
                .detail("begins here")
                .help(DIRECTIVES_END),
            None => explain(source, &Lexed::default(), &error),
        }
    })?;
    literals::read_template(&mut template, source)?;
    Ok(template)
}

/// Advice where a directive is left open.
const DIRECTIVES_END: &str =
    "end `%{ if ... }` with `%{ endif }` and `%{ for ... }` with `%{ endfor }`";

/// The innermost `%{ if }` or `%{ for }` that nothing ends.
fn open_directive(text: &str) -> Option<Range<usize>> {
    let mut open = Vec::new();
    for (at, _) in text.match_indices("%{") {
        if text.get(..at).is_some_and(|before| before.ends_with('%')) {
            continue;
        }
        let inside = text.get(at + 2..).unwrap_or_default().trim_start_matches('~').trim_start();
        let word: String = inside.chars().take_while(char::is_ascii_alphabetic).collect();
        match word.as_str() {
            "if" | "for" => {
                let rest = text.get(at..).unwrap_or_default();
                let line = rest.lines().next().unwrap_or_default();
                open.push(at..at + line.find('}').map_or(line.len(), |end| end + 1));
            }
            "endif" | "endfor" => _ = open.pop(),
            _ => {}
        }
    }
    open.pop()
}

fn too_deep(source: &Arc<Source>, at: usize) -> Diagnostic {
    Diagnostic::error(format!("brackets nest more than {MAX_NESTING} deep"))
        .at(Loc::new(source, at..at + 1))
        .help("move inner parts into `locals`, or into a module")
}

/// Refuses what the parser must not see.
fn check(source: &Arc<Source>) -> Result<Lexed, Diagnostic> {
    let lexed = lex(source.text(), MAX_NESTING);
    if let Some(at) = lexed.too_deep {
        return Err(too_deep(source, at));
    }
    let first = lexed.problems.iter().min_by_key(|p| match p {
        // A string that is not closed on its line makes everything after it look wrong.
        LexProblem::NewlineInString { open, .. } => (0, *open),
        LexProblem::UnclosedComment { open } => (0, *open),
        LexProblem::BadHeredoc { open } => (1, open.start),
        LexProblem::Mismatched { close, .. } | LexProblem::Unopened { close } => (1, *close),
        LexProblem::Unclosed { .. } => (2, 0),
    });
    match first {
        // The parser has better words where it stops earlier, at a plain slip.
        Some(problem) => match parser::parse_body(&lexed.parsable(source.text())) {
            // "unexpected token" is what it says when it has gone back to the start of a block.
            Err(error)
                if error.location().offset() < problem_start(problem)
                    && error.message() != "unexpected token" =>
            {
                Err(explain(source, &lexed, &error))
            }
            _ => Err(explain_problem(source, problem)),
        },
        None => Ok(lexed),
    }
}

/// From where on the parser's own error is only a consequence of the problem.
fn problem_start(problem: &LexProblem) -> usize {
    match problem {
        LexProblem::NewlineInString { open, .. } | LexProblem::UnclosedComment { open } => *open,
        LexProblem::Unclosed { open, .. } | LexProblem::BadHeredoc { open } => open.start,
        LexProblem::Mismatched { open, .. } => open.start,
        LexProblem::Unopened { close } => *close,
    }
}

fn explain_problem(source: &Arc<Source>, problem: &LexProblem) -> Diagnostic {
    let loc = |span: Range<usize>| Loc::new(source, span);
    let text = |span: &Range<usize>| source.text().get(span.clone()).unwrap_or_default();
    match problem {
        LexProblem::Unclosed { open, suspect } => {
            let what = text(open);
            let diagnostic = Diagnostic::error(format!("`{what}` is never closed"));
            if what.starts_with("<<") {
                let delimiter = what.trim_start_matches(['<', '-']);
                return diagnostic
                    .at(loc(open.clone()))
                    .help(format!("end the text with a line that holds only `{delimiter}`"));
            }
            let closing = closing(what);
            match suspect {
                Some(at) => diagnostic
                    .at(loc(*at..at + 1))
                    .detail("by its indentation this is the one that is not closed")
                    .help(format!("add the missing `{closing}`")),
                None => diagnostic
                    .at(loc(open.clone()))
                    .detail("opened here")
                    .help(format!("add the missing `{closing}`")),
            }
        }
        LexProblem::Mismatched { open, close } => {
            let (opened, closed) = (text(open), text(&(*close..close + 1)));
            Diagnostic::error(format!("`{opened}` is closed by `{closed}`"))
                .at(loc(*close..close + 1))
                .detail(format!("expected `{}`", closing(opened)))
                .related(loc(open.clone()), "opened here")
                .help(format!(
                    "close what was opened with `{opened}` with `{}` first",
                    closing(opened)
                ))
        }
        LexProblem::Unopened { close } => {
            let closed = text(&(*close..close + 1));
            Diagnostic::error(format!("`{closed}` closes nothing"))
                .at(loc(*close..close + 1))
                .detail("no bracket is open here")
                .help("remove it, or add the opening bracket that it belongs to")
        }
        LexProblem::NewlineInString { open, at } => {
            Diagnostic::error("a quoted string ends at the end of its line")
                .at(loc(*open..*at))
                .detail("the closing `\"` is missing")
                .help("add `\"`; for text of several lines write `\\n` or a heredoc (`<<-EOT`)")
        }
        LexProblem::UnclosedComment { open } => Diagnostic::error("a comment is never closed")
            .at(loc(*open..open + 2))
            .detail("opened here")
            .help("end it with `*/`, or start each of its lines with `#`"),
        LexProblem::BadHeredoc { open } => {
            Diagnostic::error("`<<` must be followed by a delimiter")
                .at(loc(open.clone()))
                .detail("a name, and then the end of the line")
                .help("write `<<-EOT`, the text on lines of its own, and `EOT` on the last line")
        }
    }
}

fn closing(open: &str) -> &'static str {
    match open {
        "(" => ")",
        "[" => "]",
        "\"" => "\"",
        _ => "}",
    }
}

/// The parser's error in better words.
fn explain(source: &Arc<Source>, lexed: &Lexed, error: &parser::Error) -> Diagnostic {
    let text = source.text();
    let mut at = error.location().offset();
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let message = error.message();
    if message.contains("object value assignment") {
        // The parser has already taken the character that it did not want.
        at = text.get(..at).and_then(|t| t.char_indices().next_back()).map_or(at, |(i, _)| i);
    }
    let place = ErrorPlace::new(text, lexed, at);
    if message.contains("redefined attribute") || message.contains("redefined object key") {
        return redefined(source, lexed, at);
    }
    if message.contains("nesting depth") || message.contains("chained binary operators") {
        let limit = if message.contains("nesting") {
            "expressions and blocks nest more than 64 deep"
        } else {
            "an expression chains more than 128 operators"
        };
        return Diagnostic::error(limit)
            .at(Loc::new(source, at..place.end()))
            .help("move parts of it into `locals`");
    }
    if let Some(diagnostic) = policy_variable(source, at) {
        return diagnostic;
    }
    if let Some(number) = place.number() {
        let written = text.get(number.clone()).unwrap_or_default();
        return Diagnostic::error(format!("`{written}` is no number"))
            .at(Loc::new(source, number))
            .help("numbers are written as `12`, `0.5` or `1e6`, and none is larger than 1.7e308");
    }
    let (summary, help) = place.advice(message);
    Diagnostic::error(summary)
        .at(Loc::new(source, at..place.end()))
        .detail(expectation(message))
        .help_opt(help)
}

/// `expected ...` of the parser's message, without what only the parser's author understands.
fn expectation(message: &str) -> String {
    let text = message.split_once("expected ").map_or("not expected here", |(_, rest)| rest);
    if message.starts_with("invalid expression") {
        return "expected a value".to_owned();
    }
    match text {
        "unexpected token" | "not expected here" => "not expected here".to_owned(),
        rest => format!(
            "expected {}",
            rest.replace("newline or eof", "the end of the line")
                .replace("`\n`", "the end of the line")
                .replace("`\\n`", "the end of the line")
                .replace("newline", "the end of the line")
                .replace("identifier", "a name")
                .replace('\n', "the end of the line")
        ),
    }
}

/// The place of a syntax error, seen through its tokens.
struct ErrorPlace<'a> {
    text: &'a str,
    /// Tokens that are neither space nor comment, around the error.
    before: Vec<&'a Token>,
    here: Option<&'a Token>,
    at: usize,
}

impl<'a> ErrorPlace<'a> {
    fn new(text: &'a str, lexed: &'a Lexed, at: usize) -> Self {
        let split = lexed.tokens.partition_point(|t| t.span.end <= at);
        let solid = |t: &&Token| t.kind == TokenKind::Newline || !t.kind.is_blank();
        let before: Vec<&Token> =
            lexed.tokens.iter().take(split).rev().filter(solid).take(3).collect();
        Self { text, before, here: lexed.tokens.iter().skip(split).find(solid), at }
    }

    fn str(&self, token: Option<&Token>) -> &'a str {
        token.and_then(|t| self.text.get(t.span.clone())).unwrap_or_default()
    }

    fn back(&self, index: usize) -> &'a str {
        self.str(self.before.get(index).copied())
    }

    /// End of the range to underline: the token at the error, on one line.
    fn end(&self) -> usize {
        let token_end = match self.here {
            Some(t) if t.kind != TokenKind::Newline && t.span.contains(&self.at) => {
                if t.kind == TokenKind::Str || t.kind == TokenKind::Heredoc {
                    self.at + 1
                } else {
                    t.span.end
                }
            }
            _ => self.at + 1,
        };
        let mut end = token_end.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        end
    }

    /// The number in the middle of which the parser gave up.
    fn number(&self) -> Option<Range<usize>> {
        let token = self.here.filter(|t| t.span.start < self.at)?;
        self.str(Some(token)).starts_with(|c: char| c.is_ascii_digit()).then(|| token.span.clone())
    }

    fn advice(&self, message: &str) -> (String, Option<String>) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let next = rest.chars().next();
        let here = match self.here {
            Some(t) if t.kind == TokenKind::Newline => "end of the line",
            Some(t) if t.kind == TokenKind::Str => "string",
            Some(t) if t.kind == TokenKind::Heredoc => "heredoc",
            some => self.str(some),
        };
        let quoted = match here {
            "" => "end of the file".to_owned(),
            "end of the line" | "string" | "heredoc" => here.to_owned(),
            other => format!("`{other}`"),
        };
        let some = |summary: &str, help: &str| (summary.to_owned(), Some(help.to_owned()));
        if next == Some('\'') {
            return some("strings are written in double quotes", "write `\"...\"`, not `'...'`");
        }
        if next == Some('“') || next == Some('”') {
            return some(
                "strings are written in straight double quotes",
                "replace the curly quotes by `\"`",
            );
        }
        if next == Some(';') {
            return some("`;` separates nothing here", "put each argument on a line of its own");
        }
        if message.contains("escape sequence") || message.contains("hex code") {
            return some(
                "a backslash must be followed by a known escape",
                "write `\\\\` for a backslash; `\\n`, `\\r`, `\\t`, `\\\"`, `\\uXXXX` and \
                 `\\UXXXXXXXX` are known",
            );
        }
        if message.contains("heredoc end delimiter") {
            return some(
                "a heredoc is not ended",
                "end it with a line that holds only its delimiter",
            );
        }
        if message.contains("invalid structure") {
            return match here {
                ":" => some("arguments are set with `=`, not `:`", "write `name = value`"),
                "." => some(
                    "an argument's name holds no dots",
                    "nested values are set in a block or an object: `name = { key = value }`",
                ),
                "[" | "(" => some(
                    "an argument's name stands alone before its `=`",
                    "write `name = value`, or `name { ... }` for a block",
                ),
                "end of the line" | "" => {
                    let name = self.back(0);
                    (
                        format!("`{name}` stands alone"),
                        Some(format!("write `{name} = value`, or `{name} {{ ... }}` for a block")),
                    )
                }
                _ => (
                    format!("unexpected {quoted} after `{}`", self.back(0)),
                    Some("write `name = value`, or `name \"label\" { ... }` for a block".into()),
                ),
            };
        }
        if self.starts_line() && message.contains("block body") {
            if self.here.is_some_and(|t| t.kind == TokenKind::Str) {
                return some(
                    "an argument's name is not quoted",
                    "write `name = value`; quoted keys belong in an object: `tags = { \"key\" = 1 }`",
                );
            }
            return (
                format!("unexpected {quoted} at the start of a line"),
                Some(
                    "in a block each line starts with the name of an argument or block".to_owned(),
                ),
            );
        }
        if message.contains("block body") {
            return some(
                "a block on one line holds at most one argument",
                "put the opening brace at the end of the line and each argument on its own",
            );
        }
        if message.contains("expected `{`") || (message == "unexpected token" && here == "=") {
            if here == "=" {
                return some(
                    "a block has no `=` before its brace",
                    "write `name \"label\" { ... }`; an argument has no labels",
                );
            }
            let next_solid = rest.trim_start().chars().next();
            if here == "end of the line" && next_solid != Some('{') {
                let (value, name) = (self.back(0), self.back(1));
                return (
                    format!("`=` or `{{` is missing after `{name}`"),
                    Some(format!(
                        "write `{name} = {value}` for an argument, `{name} {value} {{` for a block"
                    )),
                );
            }
            return some(
                "a block's `{` stands on the line of its name",
                "write `name \"label\" {` on one line",
            );
        }
        if message.contains("newline or eof") || message.contains("newline") {
            return self.after_value(here, &quoted);
        }
        if message.contains("object value assignment") {
            return (
                format!("unexpected {quoted} in an object"),
                Some("write `key = value`, one to a line or separated by commas".to_owned()),
            );
        }
        if message.starts_with("invalid expression") {
            return match here {
                "end of the line" | "" => (
                    format!("a value is missing after `{}`", self.back(0)),
                    Some("write the value on the same line, or in parentheses".to_owned()),
                ),
                "=" if self.back(0) == "=" || self.back(0) == "!" || self.back(0) == "==" => {
                    some("`===` is no operator", "write `==`")
                }
                "<" | ">" if self.back(0) == "<" || self.back(0) == ">" => {
                    some("shifts are no operators here", "remove one of them")
                }
                _ => (format!("unexpected {quoted} where a value should be"), None),
            };
        }
        if message.contains("expected `]`") || message.contains("expected `)`") {
            return (
                format!("unexpected {quoted} in a list"),
                Some("separate elements with commas".to_owned()),
            );
        }
        if message.contains("expected `}`") {
            return (
                format!("unexpected {quoted} before `}}`"),
                Some(
                    "separate entries with commas or new lines; in a string, `$${` is a literal `${`"
                        .to_owned(),
                ),
            );
        }
        if message.contains("endif") || message.contains("endfor") {
            return some("a template directive is not ended", DIRECTIVES_END);
        }
        if self.here.is_some_and(|t| t.kind == TokenKind::Str) && self.starts_line() {
            return some(
                "an argument's name is not quoted",
                "write `name = value`; quoted keys belong in an object: `tags = { \"key\" = 1 }`",
            );
        }
        (format!("unexpected {quoted}"), None)
    }

    fn starts_line(&self) -> bool {
        self.before.first().is_none_or(|t| t.kind == TokenKind::Newline || self.str(Some(t)) == "{")
    }

    fn after_value(&self, here: &str, quoted: &str) -> (String, Option<String>) {
        let help = match here {
            "," => "arguments of a block are not separated by commas: remove it",
            ":" => "in an object a key and its value stand in braces: `{ key = value }`",
            "{" => "a block's name is followed by `{` directly; an object follows `=`",
            "=" => "put each argument on a line of its own",
            "}" => "put the closing brace on a line of its own",
            "+" => "join strings with a template: `\"${a}${b}\"`",
            "and" | "or" => "write `&&` or `||`",
            "string" => "join strings with a template: `\"${a}${b}\"`",
            _ => "put each argument on a line of its own; text is written in quotes",
        };
        (format!("unexpected {quoted} after a value"), Some(help.to_owned()))
    }
}

/// `${aws:username}` is a policy variable, which HCL takes for an interpolation.
fn policy_variable(source: &Arc<Source>, at: usize) -> Option<Diagnostic> {
    let text = source.text();
    let open = text.get(..at)?.rfind("${")?;
    let inside = text.get(open + 2..)?;
    let end = inside.find(['}', '"', '\n'])?;
    let name = inside.get(..end)?;
    let (prefix, rest) = name.split_once(':')?;
    let word = |t: &str| {
        !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./*".contains(&b))
    };
    let rest = rest.split(',').next().unwrap_or_default();
    if at > open + 2 + end || !word(prefix) || !word(rest) {
        return None;
    }
    Some(
        Diagnostic::error(format!("`${{{name}}}` is read as an expression of the configuration"))
            .at(Loc::new(source, open..open + 2 + end + 1))
            .detail("an IAM policy variable must be escaped")
            .help(format!("write `$${{{name}}}` or `&{{{name}}}`")),
    )
}

/// Two arguments of one name in one body.
fn redefined(source: &Arc<Source>, lexed: &Lexed, at: usize) -> Diagnostic {
    let tokens = &lexed.tokens;
    let index = tokens.partition_point(|t| t.span.end <= at);
    let text = |t: &Token| source.text().get(t.span.clone()).unwrap_or_default();
    let Some(second) = tokens.get(index) else {
        return Diagnostic::error("an argument is set twice").at(Loc::new(source, at..at + 1));
    };
    let name = text(second);
    // Walk back on the same level to the first of that name.
    let mut level = 0_usize;
    let mut first = None;
    for (i, token) in tokens.iter().enumerate().take(index).rev() {
        match text(token) {
            "}" | "]" | ")" if token.kind == TokenKind::Punct => level += 1,
            "{" | "[" | "(" if token.kind == TokenKind::Punct => {
                if level == 0 {
                    break;
                }
                level -= 1;
            }
            word if level == 0 && token.kind == TokenKind::Ident && word == name => {
                let next = tokens.iter().skip(i + 1).find(|t| t.kind != TokenKind::Space);
                if next.is_some_and(|t| text(t) == "=") {
                    first = Some(token.span.clone());
                }
            }
            _ => {}
        }
    }
    let mut diagnostic = Diagnostic::error(format!("`{name}` is set twice"))
        .at(Loc::new(source, second.span.clone()))
        .detail("set again here")
        .help("keep one of them");
    if let Some(first) = first {
        diagnostic = diagnostic.related(Loc::new(source, first), "first set here");
    }
    diagnostic
}
