//! Regular expressions in RE2's syntax, as in Terraform: linear time, no back references. Patterns
//! and texts are bounded.

use std::cell::RefCell;

use regex::{Captures, Regex, RegexBuilder};

use super::args::FunctionResult;
use super::function::{Call, Copes, Function};
use super::re2;
use crate::diag::Diagnostic;
use crate::value::Value;

/// Largest compiled pattern, in bytes.
const MAX_PROGRAM: usize = 1024 * 1024;
/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 64 * 1024;
/// Longest text that is searched.
const MAX_SEARCHED: usize = 4 * 1024 * 1024;
/// How many compiled patterns are kept at hand: a `for` uses one for all its elements.
const AT_HAND: usize = 16;

thread_local! {
    /// Patterns that were compiled last, the newest at the end.
    static COMPILED: RefCell<Vec<(String, Regex)>> = const { RefCell::new(Vec::new()) };
}

/// Whether a pattern need not be compiled again.
pub(super) fn is_at_hand(pattern: &str) -> bool {
    let pattern = pattern.strip_prefix('/').and_then(|p| p.strip_suffix('/')).unwrap_or(pattern);
    COMPILED.with_borrow(|known| known.iter().any(|(text, _)| text == pattern))
}

pub(super) const TABLE: &[Function] = &[
    Function {
        name: "regex",
        params: &["pattern", "text"],
        about: "The first match: the text, or a list of its groups, or an object of its named groups; an error without a match.",
        copes: Copes::NOTHING,
        run: |call| {
            let (pattern, text) = arguments(call)?;
            match pattern.captures(&text) {
                Some(captures) => Ok(matched(&pattern, &captures)),
                None => Err(call.fail("the pattern matches no part of the text").help(
                    "`can(regex(...))` tells whether a pattern matches, `try(regex(...), ...)` gives a default",
                )),
            }
        },
    },
    Function {
        name: "regexall",
        params: &["pattern", "text"],
        about: "Every match, each as `regex` gives it; an empty list without one.",
        copes: Copes::NOTHING,
        run: |call| {
            let (pattern, text) = arguments(call)?;
            Ok(pattern.captures_iter(&text).map(|captures| matched(&pattern, &captures)).collect())
        },
    },
];

fn arguments(call: &Call<'_>) -> Result<(Regex, String), Diagnostic> {
    let pattern = compile(call, 0, &call.text(0)?)?;
    let named = pattern.capture_names().flatten().count();
    if named > 0 && named + 1 < pattern.captures_len() {
        return Err(call
            .bad(0, "either all groups have names, or none")
            .help("`(?:...)` groups without capturing"));
    }
    let text = call.text(1)?;
    if text.len() > MAX_SEARCHED {
        return Err(call.bad(1, "the text is larger than 4 MiB"));
    }
    Ok((pattern, text))
}

fn compile(call: &Call<'_>, index: usize, pattern: &str) -> Result<Regex, Diagnostic> {
    let known = COMPILED.with_borrow(|known| {
        known.iter().find(|(text, _)| text == pattern).map(|(_, regex)| regex.clone())
    });
    if let Some(regex) = known {
        return Ok(regex);
    }
    let regex = compile_anew(call, index, pattern)?;
    COMPILED.with_borrow_mut(|known| {
        if known.len() >= AT_HAND {
            known.remove(0);
        }
        known.push((pattern.to_owned(), regex.clone()));
    });
    Ok(regex)
}

fn compile_anew(call: &Call<'_>, index: usize, pattern: &str) -> Result<Regex, Diagnostic> {
    if pattern.len() > MAX_PATTERN {
        let most = MAX_PATTERN / 1024;
        return Err(call.bad(index, format_args!("the pattern is longer than {most} KiB")));
    }
    let translated = re2::translate(pattern).map_err(|reason| {
        call.bad(index, format_args!("the regular expression is malformed: {reason}"))
    })?;
    RegexBuilder::new(&translated)
        .size_limit(MAX_PROGRAM)
        .dfa_size_limit(MAX_PROGRAM)
        .nest_limit(100)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => call.bad(
                index,
                "the regular expression is too large once its repetitions are unrolled",
            ),
            error => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim();
                let reason = last.strip_prefix("error: ").unwrap_or(last);
                call.bad(index, format_args!("the regular expression is malformed: {reason}"))
            }
        })
}

fn matched(pattern: &Regex, captures: &Captures<'_>) -> Value {
    if pattern.captures_len() == 1 {
        return captures.get(0).map(|m| m.as_str()).into();
    }
    if pattern.capture_names().flatten().next().is_some() {
        return Value::Map(
            pattern
                .capture_names()
                .flatten()
                .map(|name| (name.to_owned(), captures.name(name).map(|m| m.as_str()).into()))
                .collect(),
        );
    }
    captures.iter().skip(1).map(|group| Value::from(group.map(|m| m.as_str()))).collect()
}

/// Replaces every match of `pattern`.
pub(super) fn replace(
    call: &Call<'_>,
    text: &str,
    pattern: &str,
    replacement: &str,
) -> FunctionResult {
    let pattern = compile(call, 1, pattern)?;
    if text.len() > MAX_SEARCHED {
        return Err(call.bad(0, "the text is larger than 4 MiB"));
    }
    let mut result = String::with_capacity(text.len());
    let mut end = 0;
    for captures in pattern.captures_iter(text) {
        let Some(found) = captures.get(0) else { continue };
        result.push_str(text.get(end..found.start()).unwrap_or_default());
        captures.expand(replacement, &mut result);
        end = found.end();
        call.guard_text(result.len())?;
    }
    result.push_str(text.get(end..).unwrap_or_default());
    Ok(result.into())
}
