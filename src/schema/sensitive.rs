//! What is wrong with a block is told without its sensitive values. A kind reads and checks what it is given whatever
//! it is; the messages in which that stands are cleared of it here, in one place for all kinds.

use super::body::Body;
use super::pure_half::{KindContext, ManagedKind};
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::value::{Attrs, Value};

/// What stands in a message in place of a sensitive value.
const HIDDEN: &str = "(sensitive)";

/// Values below this many characters stand within other words by accident: they are hidden as whole words alone.
const SHORT: usize = 4;

/// [`ManagedKind::desired`], whose findings hold no sensitive value of the block.
///
/// # Errors
/// Those of [`ManagedKind::desired`], and a sensitive value in what names the object.
pub fn desired(
    kind: &dyn ManagedKind,
    body: &Body,
    context: &KindContext,
) -> Result<(Attrs, Diagnostics), Diagnostics> {
    let done = kind.desired(body, context);
    let secrets = SensitiveTexts::of_block(body);
    if secrets.0.is_empty() {
        return done;
    }
    match done {
        Ok((attrs, mut warnings)) => {
            warnings.extend(sensitive_names(kind, body, &attrs, context));
            secrets.taken_out(warnings).with_warnings(attrs)
        }
        Err(errors) => Err(secrets.taken_out(errors)),
    }
}

/// That an attribute is sensitive of which AWS makes the object's name or ARN. Both are shown wherever the object is:
/// in plans, in the state, in policies that name it, in answers and in evidence.
fn sensitive_names(
    kind: &dyn ManagedKind,
    body: &Body,
    desired: &Attrs,
    context: &KindContext,
) -> Diagnostics {
    let names = |attrs: &Attrs| (kind.natural_key(attrs), kind.computed(attrs, context));
    let own = names(desired);
    let is_in_name = |attr: &str| {
        let mut other = desired.clone();
        other.insert(attr.to_owned(), "\u{e000}".into());
        names(&other) != own
    };
    let sensitive = body.attrs.iter().filter(|(_, given)| given.value.has_sensitive());
    let named = sensitive.filter(|(attr, _)| desired.contains_key(attr) && is_in_name(attr));
    named
        .map(|(attr, given)| {
            cannot_be_sensitive(attr, "the object's name and ARN are shown", given.loc.clone())
        })
        .collect()
}

/// That a value cannot be sensitive because it is `shown`.
pub(super) fn cannot_be_sensitive(attr: &str, shown: &str, loc: Loc) -> Diagnostic {
    Diagnostic::error(format!("`{attr}` is sensitive, but {shown} in plans and evidence"))
        .at(loc.without_values())
        .help("use a value that may be shown, or take the mark off with `nonsensitive(...)`")
}

/// The texts and numbers in sensitive values.
#[derive(Default)]
pub struct SensitiveTexts(Vec<String>);

impl SensitiveTexts {
    /// Those of one value.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let mut texts = Self::default();
        texts.add(value);
        texts
    }

    /// Those of a block and of the blocks in it.
    #[must_use]
    pub fn of_block(body: &Body) -> Self {
        let mut texts = Self::default();
        texts.add_block(body);
        texts
    }

    fn add_block(&mut self, body: &Body) {
        body.attrs.values().for_each(|attr| self.add(&attr.value));
        body.blocks.iter().for_each(|block| self.add_block(&block.body));
    }

    fn add(&mut self, value: &Value) {
        value.visit(&mut |value| {
            let Value::Sensitive(inner) = value else { return };
            inner.visit(&mut |leaf| match leaf {
                Value::String(text) if !text.is_empty() => self.0.push(text.clone()),
                Value::Number(_) => self.0.push(leaf.to_json().to_string()),
                _ => {}
            });
        });
    }

    /// Findings in whose texts and excerpts none of them stands.
    #[must_use]
    pub fn taken_out(mut self, findings: Diagnostics) -> Diagnostics {
        if self.0.is_empty() {
            return findings;
        }
        // The longest first: one may be a part of another.
        self.0.sort_by_key(|text| std::cmp::Reverse(text.len()));
        findings.into_iter().map(|finding| cleared(finding, &self.0)).collect()
    }

    /// A text in which none of them stands.
    #[must_use]
    pub fn hidden_in(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| hide(&text, secret))
    }
}

fn cleared(mut finding: Diagnostic, secrets: &[String]) -> Diagnostic {
    let clear = |text: &mut String| {
        for secret in secrets {
            *text = hide(text, secret);
        }
    };
    clear(&mut finding.summary);
    finding.detail.as_mut().into_iter().chain(finding.help.as_mut()).for_each(clear);
    // A document that is sensitive is no excerpt either.
    let is_secret = |source: &str| secrets.iter().any(|secret| secret.contains(source));
    finding.loc = finding.loc.filter(|loc| !is_secret(loc.source().text()));
    finding.related.retain(|(loc, _)| !is_secret(loc.source().text()));
    finding.related.iter_mut().for_each(|(_, label)| clear(label));
    finding
}

/// `text` with every occurrence of the secret hidden.
fn hide(text: &str, secret: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let is_short = secret.chars().count() < SHORT;
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for (start, found) in text.match_indices(secret) {
        let (before, after) = (text.get(..start), text.get(start + found.len()..));
        let joined = before.and_then(|b| b.chars().next_back()).is_some_and(is_word)
            || after.and_then(|a| a.chars().next()).is_some_and(is_word);
        if is_short && joined {
            continue;
        }
        out.push_str(text.get(end..start).unwrap_or_default());
        out.push_str(HIDDEN);
        end = start + found.len();
    }
    out.push_str(text.get(end..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_are_hidden_as_whole_words() {
        assert_eq!(hide("`5` is not 1 to 50", "5"), "`(sensitive)` is not 1 to 50");
        assert_eq!(hide("bad name hunter2x", "hunter2"), "bad name (sensitive)x");
    }
}
