//! Texts of a policy that may hold parts unknown until apply, such as the id of an account that
//! does not exist yet.

use std::fmt;

/// A part of a policy text whose value is not known yet, under the name of what will give it
/// (`account.production.id`). Two placeholders of one name stand for the same value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Placeholder(String);

impl Placeholder {
    /// A placeholder for the value that `name` refers to.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Whether this is an account's id, by its name: `account.NAME.id`, in a module or not.
    #[must_use]
    pub fn is_account_id(&self) -> bool {
        is_account_reference(&self.0)
    }

    /// What will give the value.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// What evaluation works on in its place: the same for equal placeholders, and a text that begins as the value will.
    #[must_use]
    pub fn symbol(&self) -> String {
        format!("{}{self}", known_start(&self.0))
    }
}

impl fmt::Display for Placeholder {
    /// In brackets that no valid policy can hold (IAM refuses characters above U+00FF), so that a
    /// placeholder never reads like a literal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\u{27e8}{}\u{27e9}", self.0)
    }
}

/// What AWS's ids of users and roles begin with (IAM User Guide, "IAM identifiers", "Unique identifiers"): a policy may ask
/// for that alone.
fn known_start(name: &str) -> &'static str {
    match name.strip_suffix(".unique_id") {
        Some(object) if object.contains("user.") => "AIDA",
        Some(_) => "AROA",
        None => "",
    }
}

fn is_account_reference(name: &str) -> bool {
    name.ends_with(".id") && (name.starts_with("account.") || name.contains(".account."))
}

/// Whether a symbolic text (see [`Text::symbolic`]) is an account's id and nothing else.
#[must_use]
pub fn is_symbolic_account(text: &str) -> bool {
    text.strip_prefix('\u{27e8}')
        .and_then(|rest| rest.strip_suffix('\u{27e9}'))
        .is_some_and(|name| !name.contains('\u{27e8}') && is_account_reference(name))
}

/// A run of a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextRun {
    /// Known characters.
    Literal(String),
    /// A value that apply will fill in.
    Placeholder(Placeholder),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Known(String),
    // At least one placeholder; literals neither empty nor adjacent, so that equality is meaning.
    Mixed(Vec<TextRun>),
}

/// A string of a policy: literal parts and placeholders. Nearly always one literal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Repr);

impl Text {
    /// Joins parts; adjacent literals become one.
    #[must_use]
    pub fn from_parts(parts: impl IntoIterator<Item = TextRun>) -> Self {
        let mut joined: Vec<TextRun> = Vec::new();
        for part in parts {
            match (joined.last_mut(), part) {
                (_, TextRun::Literal(text)) if text.is_empty() => {}
                (Some(TextRun::Literal(before)), TextRun::Literal(text)) => before.push_str(&text),
                (_, part) => joined.push(part),
            }
        }
        match joined.as_mut_slice() {
            [] => Self::from(""),
            [TextRun::Literal(text)] => Self(Repr::Known(std::mem::take(text))),
            _ => Self(Repr::Mixed(joined)),
        }
    }

    /// A text that is one placeholder.
    #[must_use]
    pub fn placeholder(name: impl Into<String>) -> Self {
        Self(Repr::Mixed(vec![TextRun::Placeholder(Placeholder::new(name))]))
    }

    /// The whole text when it is known.
    #[must_use]
    pub fn known(&self) -> Option<&str> {
        match &self.0 {
            Repr::Known(text) => Some(text),
            Repr::Mixed(_) => None,
        }
    }

    /// The whole text when it is known, without a copy.
    #[must_use]
    pub fn into_known(self) -> Option<String> {
        match self.0 {
            Repr::Known(text) => Some(text),
            Repr::Mixed(_) => None,
        }
    }

    /// The text with `digits` for the ids of accounts that are not made yet; `None` where it is known, or where anything
    /// else is unknown.
    #[must_use]
    pub fn with_account_ids(&self, digits: &str) -> Option<String> {
        if self.is_known() {
            return None;
        }
        let parts = self.parts().into_iter().map(|run| match run {
            TextRun::Literal(text) => Some(text),
            TextRun::Placeholder(placeholder) => {
                placeholder.is_account_id().then(|| digits.to_owned())
            }
        });
        parts.collect()
    }

    /// Whether no part is a placeholder.
    #[must_use]
    pub fn is_known(&self) -> bool {
        matches!(self.0, Repr::Known(_))
    }

    /// The parts in order.
    #[must_use]
    pub fn parts(&self) -> Vec<TextRun> {
        match &self.0 {
            Repr::Known(text) => vec![TextRun::Literal(text.clone())],
            Repr::Mixed(parts) => parts.clone(),
        }
    }

    /// The placeholders, in order of appearance.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        let parts: &[TextRun] = match &self.0 {
            Repr::Known(_) => &[],
            Repr::Mixed(parts) => parts,
        };
        parts.iter().filter_map(|part| match part {
            TextRun::Placeholder(placeholder) => Some(placeholder),
            TextRun::Literal(_) => None,
        })
    }

    /// The text with each placeholder written as its symbol `⟨name⟩`: what evaluation works on, so
    /// that an account without an id yet still compares equal to itself and to nothing else.
    #[must_use]
    pub fn symbolic(&self) -> std::borrow::Cow<'_, str> {
        match &self.0 {
            Repr::Known(text) => std::borrow::Cow::Borrowed(text),
            Repr::Mixed(parts) => {
                let parts = parts.iter().map(|part| match part {
                    TextRun::Literal(text) => text.clone(),
                    TextRun::Placeholder(placeholder) => placeholder.symbol(),
                });
                std::borrow::Cow::Owned(parts.collect())
            }
        }
    }

    /// The same text with its literal parts changed by `change`.
    #[must_use]
    pub fn map_literals(&self, mut change: impl FnMut(&str) -> String) -> Self {
        match &self.0 {
            Repr::Known(text) => Self(Repr::Known(change(text))),
            Repr::Mixed(parts) => Self::from_parts(parts.iter().map(|part| match part {
                TextRun::Literal(text) => TextRun::Literal(change(text)),
                placeholder @ TextRun::Placeholder(_) => placeholder.clone(),
            })),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Repr::Known(text.to_owned()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Repr::Known(text))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Known(text) => f.write_str(text),
            Repr::Mixed(parts) => parts.iter().try_for_each(|part| match part {
                TextRun::Literal(text) => f.write_str(text),
                TextRun::Placeholder(placeholder) => placeholder.fmt(f),
            }),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_placeholders_compare_equal_and_differ_from_their_spelling() {
        let arn = |name: &str| {
            Text::from_parts([
                TextRun::Literal("arn:aws:iam::".into()),
                TextRun::Placeholder(Placeholder::new(name)),
                TextRun::Literal(":ro".into()),
                TextRun::Literal("ot".into()),
            ])
        };
        assert_eq!(arn("account.a.id"), arn("account.a.id"));
        assert_ne!(arn("account.a.id"), arn("account.b.id"));
        assert_eq!(arn("x").to_string(), "arn:aws:iam::\u{27e8}x\u{27e9}:root");
        assert_ne!(arn("x"), Text::from(arn("x").to_string()));
        assert_eq!(Text::from_parts([TextRun::Literal("a".into())]), Text::from("a"));
    }
}
