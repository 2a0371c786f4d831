//! Policies by meaning: a normal form in which differences that AWS ignores vanish.
//!
//! Vanish: a string against a list of one, the order and repetition of lists and statements, the
//! case of actions and condition keys, an account id against its root's ARN, `"*"` against
//! `{"AWS": "*"}`, `ArnEquals` against `ArnLike` (they behave identically), the case of booleans,
//! `10.0.0.1` against `10.0.0.1/32`, an absent version against `2008-10-17`. The sid and id stay:
//! they are what people and reports call a statement by.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::document::{
    Condition, Document, Effect, LanguageVersion, PrincipalType, Principals, Statement,
};
use super::operator::{Operator, Test};
use super::text::Text;
use crate::ids::Partition;

/// A statement in normal form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NormalStatement {
    /// `Sid`; empty is absent.
    pub sid: Option<String>,
    /// `Effect`.
    pub effect: Effect,
    /// `Principal`.
    pub principals: Option<BTreeSet<(PrincipalType, Text)>>,
    /// `NotPrincipal`.
    pub not_principals: Option<BTreeSet<(PrincipalType, Text)>>,
    /// `Action`, in lower case.
    pub actions: BTreeSet<Text>,
    /// `NotAction`, in lower case.
    pub not_actions: BTreeSet<Text>,
    /// `Resource`.
    pub resources: BTreeSet<Text>,
    /// `NotResource`.
    pub not_resources: BTreeSet<Text>,
    /// `Condition`: operator, key in lower case, values.
    pub conditions: BTreeSet<(Operator, String, BTreeSet<Text>)>,
}

/// A document in normal form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NormalDocument {
    /// The version in force.
    pub version: LanguageVersion,
    /// `Id`; empty is absent.
    pub id: Option<String>,
    /// The statements.
    pub statements: BTreeSet<NormalStatement>,
}

/// The normal form of a document.
#[must_use]
pub fn normalize(document: &Document) -> NormalDocument {
    NormalDocument {
        version: document.version(),
        id: document.id.clone().filter(|id| !id.is_empty()),
        statements: document.statements.iter().map(normalize_statement).collect(),
    }
}

/// Whether two documents mean the same.
#[must_use]
pub fn semantic_eq(a: &Document, b: &Document) -> bool {
    normalize(a) == normalize(b)
}

/// `sha256:` and the hexadecimal digest of the normal form: equal for documents that mean the same,
/// stable between runs and versions.
#[must_use]
pub fn digest(document: &Document) -> String {
    let normal = normalize(document);
    let mut hash = Sha256::new();
    let mut feed = |tag: &str, text: &str| {
        hash.update(format!("{tag}{}:", text.len()));
        hash.update(text);
    };
    feed("V", normal.version.as_str());
    feed("I", normal.id.as_deref().unwrap_or_default());
    for statement in &normal.statements {
        feed("S", statement.sid.as_deref().unwrap_or_default());
        feed("E", statement.effect.as_str());
        for (tag, set) in [("P", &statement.principals), ("NP", &statement.not_principals)] {
            for (kind, text) in set.iter().flatten() {
                feed(tag, kind.as_str());
                feed(tag, &text.symbolic());
            }
        }
        for (tag, set) in [
            ("A", &statement.actions),
            ("NA", &statement.not_actions),
            ("R", &statement.resources),
            ("NR", &statement.not_resources),
        ] {
            for text in set {
                feed(tag, &text.symbolic());
            }
        }
        for (operator, key, values) in &statement.conditions {
            feed("O", &operator.to_string());
            feed("K", key);
            for value in values {
                feed("W", &value.symbolic());
            }
        }
    }
    let bytes = hash.finalize();
    let mut out = String::from("sha256:");
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// The normal form of a statement.
#[must_use]
pub fn normalize_statement(statement: &Statement) -> NormalStatement {
    let texts = |items: &[super::document::Item]| items.iter().map(|i| i.text.clone()).collect();
    let lower = |items: &[super::document::Item]| {
        items.iter().map(|i| i.text.map_literals(str::to_ascii_lowercase)).collect()
    };
    NormalStatement {
        sid: statement.sid.clone().filter(|sid| !sid.is_empty()),
        effect: statement.effect,
        principals: statement.principals.as_ref().map(normalize_principals),
        not_principals: statement.not_principals.as_ref().map(normalize_principals),
        actions: lower(&statement.actions),
        not_actions: lower(&statement.not_actions),
        resources: texts(&statement.resources),
        not_resources: texts(&statement.not_resources),
        conditions: statement.conditions.iter().map(normalize_condition).collect(),
    }
}

/// Principals as a set; everybody is `AWS *`.
#[must_use]
pub fn normalize_principals(principals: &Principals) -> BTreeSet<(PrincipalType, Text)> {
    match principals {
        Principals::All => BTreeSet::from([(PrincipalType::Aws, Text::from("*"))]),
        Principals::ByType(_) => principals
            .items()
            .map(|(kind, item)| (kind, normalize_principal(kind, &item.text)))
            .collect(),
    }
}

fn normalize_principal(kind: PrincipalType, text: &Text) -> Text {
    use super::text::TextRun;
    match kind {
        // The account's id is the short form of its root's ARN (IAM User Guide, "AWS JSON policy
        // elements: Principal", "AWS account principals"). The short form does not name the partition, which
        // is that of the resource, so the long form is written without it too.
        PrincipalType::Aws => {
            if let Some(partition) = partition_of_root(&text.symbolic()) {
                let head = format!("arn:{partition}:");
                return text.map_literals(|part| part.replacen(&head, "arn:aws:", 1));
            }
            let account = match text.known() {
                Some(id) => id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()),
                None => {
                    matches!(text.parts().as_slice(), [TextRun::Placeholder(p)] if p.is_account_id())
                }
            };
            if !account {
                return text.clone();
            }
            Text::from_parts(
                std::iter::once(TextRun::Literal("arn:aws:iam::".to_owned()))
                    .chain(text.parts())
                    .chain([TextRun::Literal(":root".to_owned())]),
            )
        }
        PrincipalType::Service => text.map_literals(str::to_ascii_lowercase),
        PrincipalType::CanonicalUser | PrincipalType::Federated => text.clone(),
    }
}

/// The partition of an ARN that names an account's root.
fn partition_of_root(arn: &str) -> Option<Partition> {
    let mut parts = arn.splitn(6, ':').skip(2);
    let names = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    matches!(names, ["iam", "", _, "root"]).then(|| Partition::of_arn(arn)).flatten()
}

fn normalize_condition(condition: &Condition) -> (Operator, String, BTreeSet<Text>) {
    let operator = Operator { test: condition.operator.test.canonical(), ..condition.operator };
    let values = condition
        .values
        .iter()
        .map(|item| match operator.test {
            Test::Bool | Test::Null => item.text.map_literals(str::to_ascii_lowercase),
            Test::IpAddress | Test::NotIpAddress => match item.text.known() {
                Some(text) => Text::from(normalize_cidr(text)),
                None => item.text.clone(),
            },
            _ => item.text.clone(),
        })
        .collect();
    (operator, condition.key.to_ascii_lowercase(), values)
}

fn normalize_cidr(text: &str) -> String {
    if let Ok(net) = text.parse::<ipnet::IpNet>() {
        return net.trunc().to_string();
    }
    match text.parse::<std::net::IpAddr>() {
        Ok(address) => ipnet::IpNet::from(address).to_string(),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::Use;
    use super::*;
    use serde_json::{Value, json};

    fn read(value: &Value) -> Document {
        Document::from_json(value, Use::Resource("ecr".into())).expect("valid").0
    }

    #[test]
    fn differences_without_meaning_vanish() {
        let base = json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": ["111122223333", "arn:aws:iam::111122223333:role/x"]},
             "Action": ["s3:GetObject", "s3:PutObject"], "Resource": ["arn:aws:s3:::b/*"],
             "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:x"}, "Bool": {"aws:SecureTransport": "true"},
                           "IpAddress": {"aws:SourceIp": "10.0.0.1"}}},
            {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}]});
        let same = json!({"Statement": [
            {"Effect": "Deny", "Principal": {"AWS": ["*"]}, "Action": ["S3:*"], "Resource": ["*"]},
            {"Sid": "a", "Effect": "Allow",
             "Principal": {"AWS": ["arn:aws:iam::111122223333:role/x", "arn:aws:iam::111122223333:root"]},
             "Action": ["s3:putobject", "s3:GetObject", "S3:GETOBJECT"], "Resource": "arn:aws:s3:::b/*",
             "Condition": {"IpAddress": {"AWS:SourceIP": ["10.0.0.1/32"]}, "Bool": {"aws:securetransport": [true]},
                           "ArnEquals": {"aws:PrincipalARN": ["arn:x"]}}}], "Version": "2012-10-17"});
        assert!(semantic_eq(&read(&base), &read(&same)));
        assert_eq!(digest(&read(&base)), digest(&read(&same)));
    }

    #[test]
    fn an_account_is_its_root_in_every_partition() {
        let with = |principal: &str| {
            read(
                &json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*",
                "Resource": "*", "Principal": {"AWS": principal}}]}),
            )
        };
        for partition in Partition::ALL {
            let root = with(&format!("arn:{partition}:iam::111122223333:root"));
            assert!(semantic_eq(&with("111122223333"), &root), "{partition}");
            assert!(!semantic_eq(&with("111122223334"), &root), "{partition}");
        }
        let (china, here) =
            ("arn:aws-cn:iam::111122223333:role/x", "arn:aws:iam::111122223333:role/x");
        assert!(!semantic_eq(&with(china), &with(here)));
    }

    #[test]
    fn differences_with_meaning_stay() {
        let base = json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:Get*",
             "Resource": "arn:aws:s3:::b/*", "Condition": {"StringEquals": {"aws:x": "a"}}}]});
        let text = base.to_string();
        for (from, to) in [
            ("2012-10-17", "2008-10-17"),
            ("Allow", "Deny"),
            ("111122223333", "arn:aws:iam::111122223333:role/x"),
            ("s3:Get*", "s3:Put*"),
            ("b/*", "B/*"),
            ("\"Resource\"", "\"NotResource\""),
            ("StringEquals", "StringLike"),
            ("StringEquals", "StringEqualsIfExists"),
            ("aws:x", "aws:y"),
            (":\"a\"}", ":\"A\"}"),
            ("\"Sid\":\"a\"", "\"Sid\":\"b\""),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            let changed: Value = serde_json::from_str(&changed).expect("json");
            assert!(!semantic_eq(&read(&base), &read(&changed)), "{from} -> {to}");
            assert_ne!(digest(&read(&base)), digest(&read(&changed)), "{from} -> {to}");
        }
    }
}
