//! From the typed document back to JSON.

use serde_json::{Map, Value, json};

use super::document::{Document, Item, Principals, Statement};
use super::text::{Text, TextRun};

impl Document {
    /// The document as canonical JSON: elements under their AWS names, a list of one element as a
    /// string, everything else in the order of the document. A part unknown until apply appears as
    /// its symbol `⟨name⟩`; see [`Document::to_text`] for the exact text.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut top = Map::new();
        if let Some(version) = self.version {
            top.insert("Version".to_owned(), json!(version.as_str()));
        }
        if let Some(id) = &self.id {
            top.insert("Id".to_owned(), json!(id));
        }
        let statements = self.statements.iter().map(statement).collect();
        top.insert("Statement".to_owned(), Value::Array(statements));
        Value::Object(top)
    }

    /// The document without white space between its tokens: what is sent to AWS and measured.
    #[must_use]
    pub fn minified(&self) -> String {
        self.to_json().to_string()
    }

    /// The document as people read it: two spaces of indentation.
    #[must_use]
    pub fn pretty(&self) -> String {
        format!("{:#}", self.to_json())
    }

    /// The minified text with its unknown parts kept as placeholders.
    #[must_use]
    pub fn to_text(&self) -> Text {
        let minified = self.minified();
        let mut parts = Vec::new();
        let mut rest = minified.as_str();
        // Names stand in the JSON with its escapes: `account.x["a"].id`.
        let escape = |name: &str| {
            let quoted = json!(name).to_string();
            let inner = quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"'));
            inner.unwrap_or(&quoted).to_owned()
        };
        let known: std::collections::BTreeMap<String, String> =
            self.unknowns().into_iter().map(|name| (escape(&name), name)).collect();
        while let Some((before, after)) = rest.split_once('\u{27e8}') {
            let (name, tail) = after.split_once('\u{27e9}').unwrap_or((after, ""));
            parts.push(TextRun::Literal(before.to_owned()));
            if let Some(name) = known.get(name) {
                parts.push(TextRun::Placeholder(super::text::Placeholder::new(name.as_str())));
            } else {
                parts.push(TextRun::Literal(format!("\u{27e8}{name}\u{27e9}")));
            }
            rest = tail;
        }
        parts.push(TextRun::Literal(rest.to_owned()));
        Text::from_parts(parts)
    }
}

fn list(items: &[Item]) -> Value {
    match items {
        [only] => json!(only.text.to_string()),
        many => many.iter().map(|item| json!(item.text.to_string())).collect(),
    }
}

fn principals(principals: &Principals) -> Value {
    match principals {
        Principals::All => json!("*"),
        Principals::ByType(map) => Value::Object(
            map.iter().map(|(kind, items)| (kind.as_str().to_owned(), list(items))).collect(),
        ),
    }
}

fn statement(statement: &Statement) -> Value {
    let mut out = Map::new();
    if let Some(sid) = &statement.sid {
        out.insert("Sid".to_owned(), json!(sid));
    }
    out.insert("Effect".to_owned(), json!(statement.effect.as_str()));
    for (name, value) in
        [("Principal", &statement.principals), ("NotPrincipal", &statement.not_principals)]
    {
        if let Some(value) = value {
            out.insert(name.to_owned(), principals(value));
        }
    }
    for (name, items) in [
        ("Action", &statement.actions),
        ("NotAction", &statement.not_actions),
        ("Resource", &statement.resources),
        ("NotResource", &statement.not_resources),
    ] {
        if !items.is_empty() {
            out.insert(name.to_owned(), list(items));
        }
    }
    if !statement.conditions.is_empty() {
        let mut operators = Map::new();
        for condition in &statement.conditions {
            let keys = operators
                .entry(condition.operator.to_string())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(keys) = keys {
                keys.insert(condition.key.clone(), list(&condition.values));
            }
        }
        out.insert("Condition".to_owned(), Value::Object(operators));
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::super::document::Use;
    use super::*;

    #[test]
    fn a_document_survives_its_json() {
        let value = json!({"Version": "2012-10-17", "Id": "x", "Statement": [
            {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": ["1", "2"], "Service": "s.amazonaws.com"},
             "Action": "s3:Get*", "Resource": ["a", "b"],
             "Condition": {"StringEquals": {"aws:a": "x", "aws:b": ["y", "z"]}, "Bool": {"aws:c": "true"}}},
            {"Effect": "Deny", "NotPrincipal": {"AWS": "1"}, "NotAction": ["x:y", "z:w"], "NotResource": "*"}]});
        let (document, _) = Document::from_json(&value, Use::Resource("s3".into())).expect("valid");
        assert_eq!(document.to_json(), value);
    }

    #[test]
    fn unknown_parts_survive_as_placeholders() {
        let text = Text::from_parts([
            TextRun::Literal(
                r#"{"Statement":[{"Action":"a:b","Effect":"Allow","Resource":"arn:aws:iam::"#
                    .into(),
            ),
            TextRun::Placeholder(super::super::text::Placeholder::new("account.a[\"k\"].id")),
            TextRun::Literal(r#":role/x"}],"Version":"2012-10-17"}"#.into()),
        ]);
        let (document, _) = Document::parse_text(&text, Use::Identity).expect("valid");
        assert!(!document.is_known());
        assert_eq!(document.unknowns(), ["account.a[\"k\"].id"]);
        let (again, _) = Document::parse_text(&document.to_text(), Use::Identity).expect("valid");
        assert_eq!(again, document);
    }
}
