//! Texts that match a pattern of a schema.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;

/// How many elements a repetition gets beyond those that it asks for.
const MORE: usize = 8;

/// Texts that may match a pattern: what looks around is left out of it, so each has to be tried. None where the pattern is one
/// that no generator takes.
pub(super) fn candidates(
    pattern: &str,
    least: usize,
    runner: &mut TestRunner,
    count: usize,
) -> Vec<String> {
    let forms = [(true, 0), (true, least), (false, 0), (false, least)];
    let strategies = forms.into_iter().filter_map(|(ascii, least)| {
        string_regex(&Simplifier { pattern, at: 0, least, ascii }.simplified()).ok()
    });
    let mut all = Vec::new();
    for strategy in strategies {
        for _ in 0..count / 4 {
            all.extend(strategy.new_tree(runner).ok().map(|tree| tree.current()));
        }
    }
    all
}

/// Rewrites a pattern to what a generator takes: no anchors, no looking around, short repetitions, and plain letters.
struct Simplifier<'p> {
    pattern: &'p str,
    at: usize,
    /// As often as a repetition without an upper bound repeats at least.
    least: usize,
    ascii: bool,
}

impl Simplifier<'_> {
    fn peek(&self) -> Option<char> {
        self.pattern.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn simplified(mut self) -> String {
        let mut out = String::new();
        while let Some(c) = self.next() {
            match c {
                '^' | '$' => {}
                '.' => out.push_str("[a-z]"),
                '\\' => self.escape(&mut out, false),
                '[' => self.class(&mut out),
                '(' if self.looks_around() => self.skip_group(),
                '(' => {
                    out.push('(');
                    // What follows `(?` is no repetition.
                    if self.peek() == Some('?') {
                        self.at += 1;
                        out.push('?');
                    }
                }
                '*' => self.repetition(&mut out, 0, None),
                '+' => self.repetition(&mut out, 1, None),
                '{' => self.bounds(&mut out),
                other => out.push(other),
            }
        }
        out
    }

    fn looks_around(&self) -> bool {
        let rest = self.pattern.get(self.at..).unwrap_or_default();
        ["?=", "?!", "?<=", "?<!"].iter().any(|start| rest.starts_with(start))
    }

    fn skip_group(&mut self) {
        let mut depth = 1;
        let mut nothing = String::new();
        while depth > 0 {
            match self.next() {
                None => return,
                Some('\\') => {
                    self.next();
                }
                Some('[') => self.class(&mut nothing),
                Some('(') => depth += 1,
                Some(')') => depth -= 1,
                Some(_) => {}
            }
        }
    }

    fn escape(&mut self, out: &mut String, in_class: bool) {
        let Some(c) = self.next() else { return };
        let plain = |text: &str| if in_class { text.to_owned() } else { format!("[{text}]") };
        match c {
            'd' => out.push_str(&plain("0-9")),
            'w' => out.push_str(&plain("0-9A-Za-z_")),
            's' => out.push_str(&plain(" ")),
            'S' => out.push_str(&plain("!-~")),
            'z' | 'Z' | 'A' | 'b' | 'B' if !in_class => {}
            'p' | 'P' | 'u' | 'x' => {
                out.push('\\');
                out.push(c);
                if self.peek() == Some('{') {
                    while let Some(c) = self.next() {
                        out.push(c);
                        if c == '}' {
                            break;
                        }
                    }
                }
            }
            c => {
                out.push('\\');
                out.push(c);
            }
        }
    }

    fn class(&mut self, out: &mut String) {
        let mut inside = String::new();
        if self.peek() == Some('^') {
            self.at += 1;
            inside.push('^');
        }
        if self.peek() == Some(']') {
            self.at += 1;
            inside.push_str("\\]");
        }
        // Whether a range may begin with what came last, and whether one is being written.
        let (mut single, mut open) = (false, false);
        while let Some(c) = self.next() {
            let ends_range = open;
            open = false;
            match c {
                ']' => break,
                '-' if single
                    && !self.pattern.get(self.at..).is_some_and(|r| r.starts_with(']')) =>
                {
                    inside.push('-');
                    open = true;
                }
                '\\' => self.escape(&mut inside, true),
                // A class in a class, what would join two of them, and a `-` that is one.
                '[' | '&' | '~' | '-' => {
                    inside.push('\\');
                    inside.push(c);
                }
                c => inside.push(c),
            }
            single =
                !open && !ends_range && !inside.ends_with("0-9") && !inside.ends_with("A-Za-z_");
        }
        match self.ascii {
            true => out.push_str(&format!("[ -~&&[{inside}]]")),
            false => out.push_str(&format!("[{inside}]")),
        }
    }

    fn bounds(&mut self, out: &mut String) {
        let rest = self.pattern.get(self.at..).unwrap_or_default();
        let Some((inside, _)) = rest.split_once('}') else { return out.push_str("\\{") };
        let (low, high) = match inside.split_once(',') {
            Some((low, high)) => (low.parse(), high.parse().ok()),
            None => (inside.parse(), inside.parse().ok()),
        };
        let Ok(low) = low else { return out.push_str("\\{") };
        self.at += inside.len() + 1;
        self.repetition(out, low, high);
    }

    fn repetition(&mut self, out: &mut String, low: usize, high: Option<usize>) {
        let high = high.unwrap_or(usize::MAX);
        let low = low.max(self.least).min(high);
        out.push_str(&format!("{{{low},{}}}", high.min(low + MORE)));
        // Lazy or greedy, the language is the same.
        if self.peek() == Some('?') {
            self.at += 1;
        }
    }
}
