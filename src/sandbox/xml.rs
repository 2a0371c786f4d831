//! XML as the query and REST protocols write it, and a reader for the few documents that S3 takes.

use std::fmt::Write as _;

/// A fragment under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Xml(String);

impl Xml {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn text(mut self, tag: &str, text: impl AsRef<str>) -> Self {
        let _ = write!(self.0, "<{tag}>{}</{tag}>", escape(text.as_ref()));
        self
    }

    pub(crate) fn opt(self, tag: &str, text: Option<impl AsRef<str>>) -> Self {
        match text {
            Some(text) => self.text(tag, text),
            None => self,
        }
    }

    pub(crate) fn num(self, tag: &str, number: impl std::fmt::Display) -> Self {
        self.text(tag, number.to_string())
    }

    pub(crate) fn node(mut self, tag: &str, inner: Self) -> Self {
        let _ = write!(self.0, "<{tag}>{}</{tag}>", inner.0);
        self
    }

    /// `<tag><member>..</member>..</tag>`, the query protocol's list.
    pub(crate) fn list(self, tag: &str, members: impl IntoIterator<Item = Self>) -> Self {
        let mut inner = Self::new();
        for member in members {
            inner = inner.node("member", member);
        }
        self.node(tag, inner)
    }

    /// A list of plain texts.
    pub(crate) fn texts<'a>(self, tag: &str, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut inner = Self::new();
        for text in texts {
            inner = inner.text("member", text);
        }
        self.node(tag, inner)
    }

    pub(crate) fn join(mut self, other: &Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// A whole document under `tag` in the name space `xmlns`.
    pub(crate) fn document(self, tag: &str, xmlns: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{tag} xmlns=\"{xmlns}\">{}</{tag}>",
            self.0
        )
    }
}

pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
    out
}

/// The text of every `<tag>` in a document, entities resolved. Enough for the flat documents of S3.
pub(crate) fn texts_of(document: &str, tag: &str) -> Vec<String> {
    inner_of(document, tag).into_iter().map(|raw| unescape(&raw)).collect()
}

/// The raw inside of every `<tag>` in a document.
pub(crate) fn inner_of(document: &str, tag: &str) -> Vec<String> {
    let (open, close) = (format!("<{tag}"), format!("</{tag}>"));
    let mut found = Vec::new();
    let mut rest = document;
    while let Some(at) = rest.find(&open) {
        let after = rest.get(at + open.len()..).unwrap_or_default();
        let Some(end_of_tag) = after.find('>') else { break };
        let head = after.get(..end_of_tag).unwrap_or_default();
        let body = after.get(end_of_tag + 1..).unwrap_or_default();
        if !head.is_empty() && !head.starts_with([' ', '/', '\n']) {
            rest = after; // a longer tag name
            continue;
        }
        if head.ends_with('/') {
            found.push(String::new());
            rest = body;
            continue;
        }
        let Some(end) = body.find(&close) else { break };
        found.push(body.get(..end).unwrap_or_default().to_owned());
        rest = body.get(end + close.len()..).unwrap_or_default();
    }
    found
}

/// The first `<tag>`'s text.
pub(crate) fn text_of(document: &str, tag: &str) -> Option<String> {
    texts_of(document, tag).into_iter().next()
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(rest.get(..at).unwrap_or_default());
        let after = rest.get(at + 1..).unwrap_or_default();
        let Some(end) = after.find(';') else {
            out.push('&');
            rest = after;
            continue;
        };
        let entity = after.get(..end).unwrap_or_default();
        let number = entity.strip_prefix('#').and_then(|n| match n.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => n.parse().ok(),
        });
        match (entity, number.and_then(char::from_u32)) {
            ("amp", _) => out.push('&'),
            ("lt", _) => out.push('<'),
            ("gt", _) => out.push('>'),
            ("quot", _) => out.push('"'),
            ("apos", _) => out.push('\''),
            (_, Some(c)) => out.push(c),
            _ => {
                out.push('&');
                rest = after;
                continue;
            }
        }
        rest = after.get(end + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_writing_and_reading() {
        let odd = "a & b < c > \"d\" 'e' ü \r";
        let xml = Xml::new().text("Key", odd).text("KeyMarker", "x").document("Doc", "urn:x");
        assert_eq!(text_of(&xml, "Key").as_deref(), Some(odd));
        assert_eq!(texts_of("<A/><A>1</A><AB>2</AB>", "A"), ["", "1"]);
        assert_eq!(text_of("<A>&#x41;&#66;&nope;&</A>", "A").as_deref(), Some("AB&nope;&"));
    }
}
