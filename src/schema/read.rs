//! Reads an evaluated block: types, defaults, references, and a finding at the place of whatever is wrong.

use super::body::Body;
use super::duration;
use super::pure_half::KindContext;
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::value::{Attrs, BlockRef, StringPart, Unknown, Value};

/// Reads one block and collects what is wrong with it.
pub(super) struct Reader<'a> {
    /// The block.
    pub(super) body: &'a Body,
    /// What was found so far.
    pub(super) diagnostics: Diagnostics,
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a Body) -> Self {
        Self { body, diagnostics: Diagnostics::new() }
    }

    /// Where an attribute's value stands, else the block's header.
    pub(super) fn loc(&self, name: &str) -> Loc {
        self.body.loc_of(name).clone()
    }

    /// Adds an error at an attribute.
    pub(super) fn error(
        &mut self,
        name: &str,
        summary: impl Into<String>,
        help: impl Into<String>,
    ) {
        let help = help.into();
        self.diagnostics.push(
            Diagnostic::error(summary)
                .at(self.loc(name))
                .help_opt(Some(help).filter(|h| !h.is_empty())),
        );
    }

    fn wrong_type(&mut self, name: &str, wanted: &str, value: &Value) {
        let summary = format!("`{name}` must be {wanted}, not {}", value.type_name());
        self.error(name, summary, "");
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.body.get(name).map(|v| &v.value).filter(|v| !v.is_null())
    }

    /// A string, which may be unknown or sensitive.
    pub(super) fn string(&mut self, name: &str) -> Option<Value> {
        let value = self.value(name)?;
        match scalar(value) {
            Some(text) => Some(text),
            None => {
                self.wrong_type(name, "a string", value);
                None
            }
        }
    }

    /// A string that must be known while planning.
    pub(super) fn known(&mut self, name: &str) -> Option<String> {
        let value = self.string(name)?;
        match value.reveal() {
            Value::String(text) => Some(text.clone()),
            _ => {
                self.error(
                    name,
                    format!("`{name}` must be known while planning"),
                    "it depends on a value that AWS assigns during apply",
                );
                None
            }
        }
    }

    /// A truth value that must be known while planning.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        match value.reveal() {
            Value::Bool(b) => Some(*b),
            Value::String(s) if s == "true" => Some(true),
            Value::String(s) if s == "false" => Some(false),
            other => {
                self.wrong_type(name, "true or false", other);
                None
            }
        }
    }

    /// Switches under an argument of the type [`super::block_schema::Ty::Flags`].
    pub(super) fn switches(&mut self, name: &str, names: &[&str]) -> Option<Value> {
        match self.value(name)?.reveal() {
            switches @ Value::Map(_) => Some(switches.clone()),
            _ => self.flag(name).map(|on| flags(names, on)),
        }
    }

    /// A whole number within bounds.
    pub(super) fn int(&mut self, name: &str, bounds: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let value = self.value(name)?;
        let int = value.as_i64().or_else(|| value.as_str().and_then(|s| s.parse().ok()));
        match int {
            Some(int) if bounds.contains(&int) => Some(int),
            Some(int) => {
                let (low, high) = bounds.into_inner();
                self.error(name, format!("`{name}` is {int}, but must be {low} to {high}"), "");
                None
            }
            None => {
                self.wrong_type(name, "a whole number", value);
                None
            }
        }
    }

    /// A length of time in seconds, within bounds.
    pub(super) fn duration(
        &mut self,
        name: &str,
        bounds: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        let value = self.value(name)?;
        let (low, high) = bounds.clone().into_inner();
        let range = format!("write {} to {}", duration::text(low), duration::text(high));
        match value.reveal().as_i64() {
            Some(seconds) if bounds.contains(&seconds) => Some(seconds),
            Some(seconds) => {
                // Seconds that are told in hours would not be known again as the value that is sensitive.
                let told = match value.has_sensitive() {
                    true => "(sensitive)".to_owned(),
                    false => duration::text(seconds),
                };
                self.error(name, format!("`{name}` is {told}, which AWS does not allow"), range);
                None
            }
            None => {
                let text = format!("`{name}` is no length of time: {}", value.type_name());
                self.error(name, text, range);
                None
            }
        }
    }

    /// The elements of a list or set. A list that is unknown as a whole cannot be planned with.
    pub(super) fn elements(&mut self, name: &str) -> Option<Vec<&'a Value>> {
        let value = self.value(name)?;
        if let Some(elements) = value.elements() {
            return Some(elements);
        }
        match value.reveal() {
            Value::Unknown(_) => self.error(
                name,
                format!("`{name}` must be known while planning"),
                "its elements may be unknown, but how many there are cannot be",
            ),
            // One element without brackets: Terraform refuses it, and so would a reader be surprised.
            _ => self.wrong_type(name, "a list", value),
        }
        None
    }

    /// A canonical set: each element read by `element`, sorted, without duplicates.
    pub(super) fn set(
        &mut self,
        name: &str,
        mut element: impl FnMut(&mut Self, &'a Value) -> Option<Value>,
    ) -> Option<Value> {
        let elements = self.elements(name)?;
        let read: Vec<Value> =
            elements.into_iter().filter_map(|value| element(self, value)).collect();
        Some(sorted(read))
    }

    /// A canonical set of strings that `rule` accepts; `rule` says what is wrong with one.
    pub(super) fn strings(
        &mut self,
        name: &str,
        rule: impl Fn(&str) -> Option<String>,
    ) -> Option<Value> {
        self.set(name, |reader, value| {
            let Some(text) = scalar(value) else {
                reader.wrong_type(name, "a list of strings", value);
                return None;
            };
            if let Some(problem) = text.as_str().and_then(&rule) {
                reader.error(name, problem, "");
            }
            Some(text)
        })
    }

    /// The object's name: the attribute, else its label, and its key under `for_each` or `count`.
    pub(super) fn name(&mut self, attr: &str, context: &KindContext) -> Value {
        if let Some(name) = self.string(attr) {
            return name;
        }
        Value::String(context.default_name.clone())
    }

    /// Checks a known text against a rule; the finding stands at the attribute.
    pub(super) fn check(&mut self, name: &str, value: &Value, rule: &TextRule) {
        let Some(text) = value.as_str() else { return };
        let count = text.chars().count();
        if count < rule.min || count > rule.max || !text.chars().all(rule.allowed) {
            let shown: String = text.chars().take(80).collect();
            let summary = if count > rule.max {
                format!("`{name}` has {count} characters, but AWS allows {}", rule.max)
            } else {
                format!("`{shown}` is no valid {}", rule.what)
            };
            self.error(name, summary, format!("it must be {}", rule.says));
        }
    }
}

/// What a text must look like.
pub(super) struct TextRule {
    /// What it is: "role name".
    pub(super) what: &'static str,
    /// Fewest characters.
    pub(super) min: usize,
    /// Most characters.
    pub(super) max: usize,
    /// Which characters.
    pub(super) allowed: fn(char) -> bool,
    /// The rule in words.
    pub(super) says: &'static str,
}

/// Characters of IAM names: `[\w+=,.@-]`.
pub(super) fn iam_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

/// Characters of IAM descriptions: `[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]`.
pub(super) fn description_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}')
}

/// Paths of roles and policies that AWS alone makes (IAM User Guide, "Create a service-linked role"; IAM Identity Center User
/// Guide, "Referencing permission sets in resource policies").
const RESERVED: [&str; 2] = ["/aws-service-role/", "/aws-reserved/"];

/// An IAM path: `/`, or printable characters between slashes, at most 512.
pub(super) const PATH: TextRule = TextRule {
    what: "path",
    min: 1,
    max: 512,
    allowed: |c| matches!(c, '!'..='~'),
    says: "`/`, or begin and end with a slash and hold no spaces",
};

impl Reader<'_> {
    /// An IAM path, `/` by default.
    pub(super) fn path(&mut self) -> Value {
        let path = self.string("path").unwrap_or_else(|| "/".into());
        self.check("path", &path, &PATH);
        if let Some(text) = path.as_str()
            && let Some(reserved) = RESERVED.iter().find(|prefix| {
                text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            })
        {
            self.error(
                "path",
                format!("the path `{reserved}` is reserved to AWS"),
                "AWS makes what stands there: services their own roles, and Identity Center those of permission sets",
            );
        }
        if let Some(text) = path.as_str()
            && !(text.starts_with('/') && text.ends_with('/'))
        {
            let suggestion = format!("/{}/", text.trim_matches('/'));
            self.error(
                "path",
                format!("the path `{text}` must begin and end with a slash"),
                format!("write `{suggestion}`"),
            );
        }
        path
    }

    /// An optional description; empty is absent.
    pub(super) fn description(&mut self, rule: &TextRule) -> Value {
        let description = self.string("description").unwrap_or_default();
        self.check("description", &description, rule);
        if description.as_str() == Some("") { Value::Null } else { description }
    }
}

/// A string, number or truth value as a string; unknowns and marks pass.
pub(super) fn scalar(value: &Value) -> Option<Value> {
    match value {
        Value::String(_) | Value::Unknown(_) => Some(value.clone()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(b) => Some(b.to_string().into()),
        Value::Sensitive(inner) => scalar(inner).map(Value::sensitive),
        _ => None,
    }
}

/// An attribute of a referenced block: its value, or that it is unknown until apply.
pub(super) fn attr_of(block: &BlockRef, attr: &str) -> Value {
    match block.attrs.get(attr) {
        Some(value) if !value.is_null() => value.clone(),
        _ => Value::Unknown(Unknown::attr(block.address.clone(), attr)),
    }
}

/// A reference's attribute, or the text that stands in its place.
pub(super) fn reference(value: &Value, attr: &str) -> Option<Value> {
    match value.reveal() {
        Value::Block(block) => Some(attr_of(block, attr)),
        _ => scalar(value),
    }
}

/// A sorted list without duplicates.
pub(super) fn sorted(mut values: Vec<Value>) -> Value {
    values.sort();
    values.dedup();
    Value::list(values)
}

/// Strings and unknowns joined into one text.
pub(super) fn concat<'v>(pieces: impl IntoIterator<Item = &'v Value>) -> Value {
    let mut parts = Vec::new();
    let mut opaque: Vec<&Unknown> = Vec::new();
    let mut hidden = false;
    for piece in pieces {
        hidden |= matches!(piece, Value::Sensitive(_));
        match piece.reveal() {
            Value::String(text) => parts.push(StringPart::Text(text.clone())),
            Value::Unknown(unknown) if unknown.parts.is_empty() => opaque.push(unknown),
            Value::Unknown(unknown) => parts.extend(unknown.parts.iter().cloned()),
            _ => {}
        }
    }
    let joined = Unknown::string(parts);
    let value = if opaque.is_empty() {
        match joined.parts.as_slice() {
            [] => Value::String(String::new()),
            [StringPart::Text(text)] => Value::String(text.clone()),
            _ => Value::Unknown(joined),
        }
    } else {
        opaque.push(&joined);
        Value::Unknown(Unknown::opaque(opaque))
    };
    if hidden { value.sensitive() } else { value }
}

/// An ARN in the object's account: `arn:PARTITION:SERVICE:REGION:ACCOUNT:` and the resource.
pub(super) fn arn(
    context: &KindContext,
    service: &str,
    region: &str,
    resource: &[&Value],
) -> Value {
    let head = Value::String(format!("arn:{}:{service}:{region}:", context.partition));
    let colon = Value::from(":");
    concat([&head, &context.account_id, &colon].into_iter().chain(resource.iter().copied()))
}

/// Unknown until apply: an attribute of the object itself.
pub(super) fn assigned(context: &KindContext, attr: &str) -> Value {
    Value::Unknown(Unknown::attr(context.address.clone(), attr))
}

/// A known string attribute.
pub(super) fn str_attr<'a>(attrs: &'a Attrs, name: &str) -> Option<&'a str> {
    attrs.get(name).and_then(Value::as_str)
}

/// What the block itself puts into lists that others may add to, for `declared` among the facts of state.
pub(super) fn declared<'n>(lists: impl IntoIterator<Item = (&'n str, Value)>) -> (String, Value) {
    let map = lists.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    ("declared".to_owned(), Value::Map(map))
}

/// The map of named flags.
pub(super) fn flags(names: &[&str], on: bool) -> Value {
    let map: Attrs = names.iter().map(|name| ((*name).to_owned(), on.into())).collect();
    Value::Map(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::ResourceAddr;

    #[test]
    fn pieces_join_and_keep_what_is_known() {
        let unknown = Value::Unknown(Unknown::attr(ResourceAddr::new("account", "new"), "id"));
        let joined = concat([&"arn:aws:iam::".into(), &unknown, &":root".into()]);
        let Value::Unknown(joined) = joined else { panic!("{joined:?}") };
        assert_eq!(joined.to_string(), "arn:aws:iam::${account.new.id}:root");
        assert_eq!(concat([&"a".into(), &"b".into()]), "ab".into());
        let opaque = Value::Unknown(Unknown::default());
        assert!(concat([&"a".into(), &opaque]).is_unknown());
        assert!(concat([&"a".into(), &Value::from("b").sensitive()]).has_sensitive());
    }
}
