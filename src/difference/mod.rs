//! What differs between two sets of canonical attributes, by meaning. A plan is made by it, and an apply looks by it
//! whether what was planned still holds.

pub(crate) mod policies;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::iam::{self, ChangeKind};
use crate::schema::KindSchema;
use crate::state::{Fingerprinter, fingerprint};
use crate::value::{AttrPath, Attrs, Value};

/// The differences of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// Paths that differ, in order.
    pub changed: Vec<AttrPath>,
    /// For policy documents among them, the statements that differ.
    pub policies: Vec<PolicyChange>,
}

/// One changed statement of a policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyChange {
    /// Which document.
    pub path: String,
    /// The statement's sid, or its index in brackets.
    pub statement: String,
    /// How the statement changes.
    pub change: ChangeKind,
    /// The differences, one a line: `- principal arn:...`.
    pub lines: Vec<String>,
    /// Whether it permits more than before; null where that is not certain.
    pub widens: Option<bool>,
}

impl Difference {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }
}

/// By what hidden values are compared with what was applied.
#[derive(Clone, Debug, Default)]
pub struct SecretComparison {
    /// Makes fingerprints of sensitive values; absent where its key was not read.
    pub prints: Option<Fingerprinter>,
    /// What the sources of secrets hold now, by reference. A source that nobody asked is not among them.
    pub sources: BTreeMap<String, SecretText>,
    /// Versions of the SSM parameters that secrets come from, by reference (`ssm:/path`). One that
    /// was not asked, or did not answer, is not among them.
    pub versions: BTreeMap<String, i64>,
}

/// A secret in the open, for a comparison: it shows nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(pub String);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

/// What is known of values that AWS does not show.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoredValues<'a> {
    /// What state recorded of the object.
    pub attrs: Option<&'a Attrs>,
    /// By what they are compared.
    pub secrets: Option<&'a SecretComparison>,
}

impl StoredValues<'_> {
    /// Whether a hidden value is still the one that was applied: the same reference to the same
    /// value, and the same version of the object that holds it.
    fn holds(self, attr: &str, wanted: &Value, live: &Attrs) -> bool {
        let Some(recorded) = self.attrs else { return false };
        let Some(fingerprint) = recorded.get(attr).and_then(Value::as_map) else { return false };
        let same = match wanted.reveal() {
            Value::Secret(reference) => {
                fingerprint.get("reference").and_then(Value::as_str) == Some(reference)
            }
            _ => fingerprint.contains_key("fingerprint"),
        };
        let version = live.get("version") == recorded.get("version");
        same && version && !self.is_renewed(attr, wanted) && self.moved(attr, wanted).is_none()
    }

    /// From which version to which the source of a secret has moved since it was applied. `None`
    /// where it stands, and where either version is not known: a state of an earlier Palisade
    /// records none.
    #[must_use]
    pub(crate) fn moved(self, attr: &str, wanted: &Value) -> Option<(i64, i64)> {
        let Value::Secret(reference) = wanted.reveal() else { return None };
        let applied = self.attrs?.get(attr)?.as_map()?;
        let same = applied.get("reference").and_then(Value::as_str) == Some(reference);
        let then = applied.get("version")?.as_i64()?;
        let now = *self.secrets?.versions.get(reference)?;
        (same && then != now).then_some((then, now))
    }

    /// Why hidden values among what differs are to be written again, for people.
    #[must_use]
    pub fn reason(self, after: &Attrs, changed: &[AttrPath]) -> Option<String> {
        changed.iter().filter_map(AttrPath::root).find_map(|name| {
            let wanted = after.get(name)?;
            match (wanted.reveal(), self.moved(name, wanted)) {
                (Value::Secret(reference), Some((then, now))) => Some(moved(reference, then, now)),
                _ => self
                    .is_renewed(name, wanted)
                    .then(|| "its secret has another value than was applied".to_owned()),
            }
        })
    }

    /// Whether a hidden value is another one now than was applied, as far as it can be told: of the
    /// same source, or given in the open to this run.
    #[must_use]
    pub fn is_renewed(self, attr: &str, wanted: &Value) -> bool {
        let applied = self.attrs.and_then(|attrs| attrs.get(attr)?.as_map());
        let (Some(applied), Some(secrets)) = (applied, self.secrets) else { return false };
        let recorded = applied.get("fingerprint").and_then(Value::as_str);
        let (Some(prints), Some(recorded)) = (&secrets.prints, recorded) else { return false };
        match (wanted, wanted.reveal()) {
            (_, Value::Secret(reference)) => {
                let same = applied.get("reference").and_then(Value::as_str) == Some(reference);
                let now = secrets.sources.get(reference).filter(|_| same);
                now.is_some_and(|now| !prints.is_of(recorded, &now.0))
            }
            (Value::Sensitive(inner), _) if !wanted.has_unknown() => {
                !prints.is_of(recorded, &fingerprint::text_of(inner))
            }
            _ => false,
        }
    }
}

/// That the source of a secret has moved, as a sentence.
#[must_use]
pub(crate) fn moved(reference: &str, then: i64, now: i64) -> String {
    format!("the source {reference} moved from version {then} to {now}")
}

/// Compares what is with what is wanted. Only attributes in `after` count: what AWS computes is no
/// difference. Absent and null are the same.
#[must_use]
pub fn difference(
    schema: &KindSchema,
    before: &Attrs,
    after: &Attrs,
    recorded: StoredValues<'_>,
) -> Difference {
    let mut found = Difference::default();
    for (name, wanted) in after {
        let is = before.get(name).unwrap_or(&Value::Null);
        let hidden = match wanted.reveal() {
            Value::Secret(_) => true,
            _ => matches!(wanted, Value::Sensitive(_)) && is.is_null() && !wanted.is_null(),
        };
        if hidden {
            if !recorded.holds(name, wanted, before) {
                found.changed.push(AttrPath::attr(name));
            }
            continue;
        }
        let recorded = StoredPart {
            value: recorded.attrs.and_then(|attrs| attrs.get(name)),
            secrets: recorded.secrets,
        };
        compare(schema, &mut vec![name], (is, wanted), recorded, &mut found);
    }
    found
}

/// What is recorded of a part of an attribute.
#[derive(Clone, Copy)]
struct StoredPart<'a> {
    value: Option<&'a Value>,
    secrets: Option<&'a SecretComparison>,
}

impl StoredPart<'_> {
    fn at(self, key: &str) -> Self {
        Self { value: self.value.and_then(|value| value.as_map()?.get(key)), ..self }
    }

    fn element(self, at: usize) -> Self {
        let element = self.value.and_then(Value::elements);
        Self { value: element.and_then(|all| all.get(at).copied()), ..self }
    }

    /// Whether a part that AWS does not show is still what was applied.
    fn holds(self, wanted: &Value) -> bool {
        let Some(applied) = self.value.and_then(Value::as_map) else { return false };
        let Some(print) = applied.get("fingerprint").and_then(Value::as_str) else { return false };
        let prints = self.secrets.and_then(|secrets| secrets.prints.as_ref());
        prints.is_none_or(|prints| prints.is_of(print, &fingerprint::text_of(wanted)))
    }
}

fn compare<'a>(
    schema: &KindSchema,
    path: &mut Vec<&'a str>,
    (before, after): (&'a Value, &'a Value),
    recorded: StoredPart<'a>,
    into: &mut Difference,
) {
    let (is, wanted) = (before.reveal(), after.reveal());
    if same(is, wanted) {
        return;
    }
    let is_hidden = is.is_null() && matches!(after, Value::Sensitive(_)) && !after.has_unknown();
    if is_hidden && recorded.holds(wanted) {
        return;
    }
    if policies::is_policy(schema.policies, path) {
        compare_policies(path, is, wanted, into);
        return;
    }
    let none = &Value::Null;
    match (is, wanted) {
        (Value::Map(a), Value::Map(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                path.push(key);
                let both = (a.get(key).unwrap_or(none), b.get(key).unwrap_or(none));
                compare(schema, path, both, recorded.at(key), into);
                path.pop();
            }
        }
        (Value::Null, Value::Map(map)) | (Value::Map(map), Value::Null) if !map.is_empty() => {
            for (key, value) in map {
                path.push(key);
                let both = if wanted.is_null() { (value, none) } else { (none, value) };
                compare(schema, path, both, recorded.at(key), into);
                path.pop();
            }
        }
        // A list differs as a whole, but for what of its elements AWS does not show.
        (Value::List(a), Value::List(b)) if a.len() == b.len() && holds_sensitive(wanted) => {
            let mut inside = Difference::default();
            for (at, both) in a.iter().zip(b.iter()).enumerate() {
                compare(schema, path, both, recorded.element(at), &mut inside);
            }
            if !inside.changed.is_empty() {
                into.changed.push(attr_path(path));
            }
        }
        _ => into.changed.push(attr_path(path)),
    }
}

fn holds_sensitive(value: &Value) -> bool {
    let mut holds = false;
    value.visit(&mut |part| holds |= matches!(part, Value::Sensitive(_)));
    holds
}

/// The statements that differ between two policy documents at a path; none where one is no document.
#[must_use]
pub(crate) fn between_policies(path: &str, before: &Value, after: &Value) -> Vec<PolicyChange> {
    match (policies::document(before), policies::document(after)) {
        (Some(is), Some(wanted)) => policy_changes(path, &is, &wanted),
        _ => Vec::new(),
    }
}

fn policy_changes(path: &str, is: &iam::Document, wanted: &iam::Document) -> Vec<PolicyChange> {
    iam::diff(is, wanted)
        .into_iter()
        .map(|change| PolicyChange {
            path: path.to_owned(),
            statement: change.statement,
            change: change.change,
            lines: change.details,
            widens: change.widens,
        })
        .collect()
}

fn compare_policies(path: &[&str], before: &Value, after: &Value, found: &mut Difference) {
    let documents = (policies::document(before), policies::document(after));
    if let (Some(is), Some(wanted)) = &documents
        && iam::semantic_eq(is, wanted)
    {
        return;
    }
    found.changed.push(attr_path(path));
    let empty = iam::Document::new([]);
    let (is, wanted) = match &documents {
        (None, None) => return,
        (is, wanted) => (is.as_ref().unwrap_or(&empty), wanted.as_ref().unwrap_or(&empty)),
    };
    found.policies.extend(policy_changes(&attr_path(path).to_string(), is, wanted));
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        // An unknown is never the same as anything: it may turn out to be anything.
        (Value::Unknown(_), _) | (_, Value::Unknown(_)) => false,
        (Value::Null, Value::Map(map)) | (Value::Map(map), Value::Null) => map.is_empty(),
        (Value::Null, Value::List(list)) | (Value::List(list), Value::Null) => list.is_empty(),
        _ if a.has_unknown() || b.has_unknown() => false,
        _ => a == b || a.to_json() == b.to_json(),
    }
}

fn attr_path(path: &[&str]) -> AttrPath {
    path.iter().fold(AttrPath::default(), |at, step| at.key(*step))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    /// What `secret("ssm:/x")` has moved from and to, as recorded and at version 4 now.
    fn moved(recorded: Json) -> Option<(i64, i64)> {
        let attrs = Attrs::from([("value".to_owned(), Value::from_json(&recorded))]);
        let versions = BTreeMap::from([("ssm:/x".to_owned(), 4)]);
        let secrets = SecretComparison { versions, ..SecretComparison::default() };
        let recorded = StoredValues { attrs: Some(&attrs), secrets: Some(&secrets) };
        recorded.moved("value", &Value::Secret("ssm:/x".to_owned()).sensitive())
    }

    #[test]
    fn only_a_version_that_was_recorded_of_the_same_source_can_have_moved() {
        let of = |reference: &str, version: Json| {
            moved(json!({"fingerprint": "f", "reference": reference, "version": version}))
        };
        assert_eq!(of("ssm:/x", json!(3)), Some((3, 4)));
        // A parameter that was deleted and made again begins anew.
        assert_eq!(of("ssm:/x", json!(9)), Some((9, 4)));
        assert_eq!(of("ssm:/x", json!(4)), None);
        assert_eq!(of("ssm:/y", json!(3)), None);
        assert_eq!(moved(json!({"fingerprint": "f", "reference": "ssm:/x"})), None);
        assert_eq!(moved(json!("in the open")), None);
    }
}
