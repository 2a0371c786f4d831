//! From JSON to the typed document: every misplaced, missing or unknown element is reported at
//! its place, all in one pass.
//!
//! Sources: IAM User Guide, "Grammar of the IAM JSON policy language" and the page of each element;
//! Organizations User Guide, "SCP syntax" and "RCP syntax".

use crate::diag::{Diagnostic, Diagnostics, Loc, did_you_mean};

use super::document::{
    Condition, Document, Effect, Item, LanguageVersion, PrincipalType, Principals, Statement, Use,
};
use super::node::{JsonMember, JsonNode, NodeKind};
use super::operator::{Operator, TESTS};
use super::text::Text;

const TOP: [&str; 3] = ["Version", "Id", "Statement"];
const ELEMENTS: [&str; 10] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
    "Statement",
];

/// Services whose resource-based policies must say what they are about; with all others, what they are attached to is meant.
pub(crate) const NAMES_RESOURCE: [&str; 4] = ["kms", "s3", "sns", "sqs"];

/// Decodes a JSON value into a document for the given use; `found` holds what reading it found.
///
/// # Errors
/// Every finding, when one of them is an error.
pub fn document(
    node: JsonNode,
    role: &Use,
    diagnostics: Diagnostics,
) -> Result<(Document, Diagnostics), Diagnostics> {
    let mut decoder = Decoder { role, diagnostics };
    let document = decoder.document(node);
    let diagnostics = decoder.diagnostics;
    if diagnostics.has_errors() { Err(diagnostics) } else { Ok((document, diagnostics)) }
}

struct Decoder<'a> {
    role: &'a Use,
    diagnostics: Diagnostics,
}

/// The elements of one statement as they stand.
#[derive(Default)]
struct Elements {
    sid: Option<JsonMember>,
    effect: Option<JsonMember>,
    principal: Option<JsonMember>,
    not_principal: Option<JsonMember>,
    action: Option<JsonMember>,
    not_action: Option<JsonMember>,
    resource: Option<JsonMember>,
    not_resource: Option<JsonMember>,
    condition: Option<JsonMember>,
}

impl Decoder<'_> {
    fn error(&mut self, summary: impl Into<String>, loc: &Option<Loc>) {
        self.diagnostics.push(Diagnostic::error(summary).at_opt(loc.clone()));
    }

    fn push(&mut self, diagnostic: Diagnostic, loc: &Option<Loc>) {
        self.diagnostics.push(diagnostic.at_opt(loc.clone()));
    }

    /// A short place for findings about a whole object: its opening bracket in JSON; a block's
    /// header is short already.
    fn opening(loc: &Option<Loc>) -> Option<Loc> {
        loc.as_ref().map(opening)
    }

    fn unknown_key(&mut self, what: &str, key: &JsonMember, known: &[&str]) {
        let loose = known.iter().find(|k| k.eq_ignore_ascii_case(&key.key));
        let help = loose
            .map(|k| format!("did you mean `{k}`?"))
            .or_else(|| did_you_mean(&key.key, known.iter().copied()));
        self.push(
            Diagnostic::error(format!("unknown {what} `{}`", key.key)).help_opt(help),
            &key.key_loc,
        );
    }

    fn document(&mut self, node: JsonNode) -> Document {
        let mut document = Document { version: None, id: None, statements: Vec::new() };
        let NodeKind::Object(members) = node.kind else {
            self.error(
                format!("a policy must be an object, not {}", node.kind.describe()),
                &node.loc,
            );
            return document;
        };
        let version_given = members.iter().any(|m| m.key == "Version");
        let mut has_statement = false;
        for member in members {
            match member.key.as_str() {
                "Version" => document.version = self.version(&member.value),
                "Id" => document.id = self.known_string(&member.value, "`Id`"),
                "Statement" => {
                    has_statement = true;
                    document.statements = self.statements(member.value);
                }
                _ => self.unknown_key("policy element", &member, &TOP),
            }
        }
        let top = Self::opening(&node.loc);
        if !has_statement {
            self.error("the policy has no `Statement`", &top);
        }
        match self.role {
            Use::Scp | Use::Rcp
                if !version_given || document.version == Some(LanguageVersion::V2008) =>
            {
                let name = self.role.named();
                self.push(
                    Diagnostic::error(format!("{name} must have `Version`"))
                        .help("add `\"Version\": \"2012-10-17\"`"),
                    &top,
                );
            }
            _ => {}
        }
        document
    }

    fn version(&mut self, node: &JsonNode) -> Option<LanguageVersion> {
        let text = self.known_string(node, "`Version`")?;
        match text.as_str() {
            "2012-10-17" => Some(LanguageVersion::V2012),
            "2008-10-17" => Some(LanguageVersion::V2008),
            _ => {
                self.push(
                    Diagnostic::error(format!("unknown policy version `{text}`")).help(
                        "write `2012-10-17`: it is the language's version, not a date of yours",
                    ),
                    &node.loc,
                );
                None
            }
        }
    }

    fn known_string(&mut self, node: &JsonNode, what: &str) -> Option<String> {
        match &node.kind {
            NodeKind::String(text) => match text.known() {
                Some(text) => Some(text.to_owned()),
                None => {
                    self.error(format!("{what} cannot be unknown until apply"), &node.loc);
                    None
                }
            },
            other => {
                let summary = format!("{what} must be a string, not {}", other.describe());
                self.error(summary, &node.loc);
                None
            }
        }
    }

    fn statements(&mut self, node: JsonNode) -> Vec<Statement> {
        match node.kind {
            NodeKind::Object(members) => self.statement(node.loc, members).into_iter().collect(),
            NodeKind::Array(items) => {
                if items.is_empty() {
                    self.error("the policy has no statement", &node.loc);
                }
                let mut statements = Vec::new();
                for item in items {
                    if let NodeKind::Object(members) = item.kind {
                        statements.extend(self.statement(item.loc, members));
                    } else {
                        let summary =
                            format!("a statement must be an object, not {}", item.kind.describe());
                        self.error(summary, &item.loc);
                    }
                }
                statements
            }
            other => {
                let summary =
                    format!("`Statement` must be an object or a list, not {}", other.describe());
                self.error(summary, &node.loc);
                Vec::new()
            }
        }
    }

    fn statement(&mut self, loc: Option<Loc>, members: Vec<JsonMember>) -> Option<Statement> {
        let mut found = Elements::default();
        for member in members {
            let slot = match member.key.as_str() {
                "Sid" => &mut found.sid,
                "Effect" => &mut found.effect,
                "Principal" => &mut found.principal,
                "NotPrincipal" => &mut found.not_principal,
                "Action" => &mut found.action,
                "NotAction" => &mut found.not_action,
                "Resource" => &mut found.resource,
                "NotResource" => &mut found.not_resource,
                "Condition" => &mut found.condition,
                _ => {
                    let known: Vec<&str> =
                        ELEMENTS.into_iter().filter(|e| *e != "Statement").collect();
                    self.unknown_key("statement element", &member, &known);
                    continue;
                }
            };
            *slot = Some(member);
        }
        let place = Self::opening(&loc);
        self.presence(&found, &place);
        let effect = self.effect(found.effect.as_ref(), &place);
        let mut statement = Statement::new(effect.unwrap_or(Effect::Deny));
        statement.loc = loc;
        statement.sid = found.sid.and_then(|m| self.known_string(&m.value, "`Sid`"));
        statement.principals = found.principal.and_then(|m| self.principals(m));
        statement.not_principals = found.not_principal.and_then(|m| self.principals(m));
        statement.actions = self.strings(found.action);
        statement.not_actions = self.strings(found.not_action);
        statement.resources = self.strings(found.resource);
        statement.not_resources = self.strings(found.not_resource);
        if let Some(member) = found.condition {
            statement.conditions = self.conditions(member.value);
        }
        effect.map(|_| statement)
    }

    fn effect(&mut self, member: Option<&JsonMember>, place: &Option<Loc>) -> Option<Effect> {
        let Some(member) = member else {
            self.push(
                Diagnostic::error("the statement has no `Effect`").help("add `Allow` or `Deny`"),
                place,
            );
            return None;
        };
        let text = self.known_string(&member.value, "`Effect`")?;
        let effect = match text.as_str() {
            "Allow" => Effect::Allow,
            "Deny" => Effect::Deny,
            _ => {
                let help = did_you_mean(&text, ["Allow", "Deny"])
                    .unwrap_or_else(|| "write `Allow` or `Deny`, in exactly this case".to_owned());
                self.push(
                    Diagnostic::error(format!("unknown effect `{text}`")).help(help),
                    &member.value.loc,
                );
                return None;
            }
        };
        if *self.role == Use::Rcp && effect == Effect::Allow {
            self.push(
                Diagnostic::error("a resource control policy can only deny")
                    .detail("`Allow` is reserved to AWS's own RCPFullAWSAccess"),
                &member.value.loc,
            );
        }
        Some(effect)
    }

    /// Which elements this kind of policy must have and cannot have.
    fn presence(&mut self, found: &Elements, place: &Option<Loc>) {
        let name = self.role.named();
        let pairs = [
            ("Principal", &found.principal, "NotPrincipal", &found.not_principal),
            ("Action", &found.action, "NotAction", &found.not_action),
            ("Resource", &found.resource, "NotResource", &found.not_resource),
        ];
        for (positive, a, negative, b) in pairs {
            if let (Some(a), Some(b)) = (a, b) {
                let mut diagnostic = Diagnostic::error(format!(
                    "a statement cannot have both `{positive}` and `{negative}`"
                ));
                if let Some(loc) = &a.key_loc {
                    diagnostic = diagnostic.related(loc.clone(), "the other one");
                }
                self.push(diagnostic, &b.key_loc);
            }
        }
        for member in [&found.principal, &found.not_principal].into_iter().flatten() {
            if !self.role.has_principal() {
                let why = match self.role {
                    Use::Scp => "it binds every principal of the accounts below its target",
                    _ => "its principal is whoever it is attached to",
                };
                let summary = format!("{name} cannot have `{}`", member.key);
                self.push(Diagnostic::error(summary).detail(why), &member.key_loc);
            }
        }
        if self.role.has_principal() && found.principal.is_none() && found.not_principal.is_none() {
            self.error(format!("a statement of {name} must have `Principal`"), place);
        }
        if found.action.is_none() && found.not_action.is_none() {
            self.error("the statement has no `Action`", place);
        }
        let resource = found.resource.as_ref().or(found.not_resource.as_ref());
        match self.role {
            Use::Trust => {
                if let Some(member) = resource {
                    let summary = format!("a trust policy cannot have `{}`", member.key);
                    self.push(
                        Diagnostic::error(summary).detail("its resource is the role it belongs to"),
                        &member.key_loc,
                    );
                }
            }
            // ECR repository policies and the like apply to what they are attached to.
            Use::Resource(service) if !NAMES_RESOURCE.contains(&service.as_str()) => {}
            _ if resource.is_none() => self.error("the statement has no `Resource`", place),
            _ => {}
        }
        // "You cannot use the NotPrincipal element in an IAM identity-based policy nor in an IAM role
        // trust policy" (IAM User Guide, NotPrincipal).
        if let (Use::Trust, Some(member)) = (self.role, &found.not_principal) {
            self.error("a trust policy cannot have `NotPrincipal`", &member.key_loc);
        }
        if *self.role == Use::Rcp {
            for member in [&found.not_principal, &found.not_action].into_iter().flatten() {
                let summary = format!("a resource control policy cannot have `{}`", member.key);
                self.error(summary, &member.key_loc);
            }
        }
    }

    fn strings(&mut self, member: Option<JsonMember>) -> Vec<Item> {
        let Some(member) = member else { return Vec::new() };
        if matches!(&member.value.kind, NodeKind::Array(a) if a.is_empty()) {
            self.error(format!("`{}` is empty", member.key), &member.value.loc);
        }
        self.list(member.value, false, || format!("`{}`", member.key))
    }

    /// A string or a list of strings; with `scalars`, numbers and booleans as their text too.
    fn list(&mut self, node: JsonNode, scalars: bool, what: impl Fn() -> String) -> Vec<Item> {
        let nodes = match node.kind {
            NodeKind::Array(items) => items,
            kind => vec![JsonNode { kind, loc: node.loc }],
        };
        let mut out = Vec::with_capacity(nodes.len());
        for node in nodes {
            let text = match node.kind {
                NodeKind::String(text) => text,
                NodeKind::Bool(b) if scalars => Text::from(b.to_string()),
                NodeKind::Number(n) if scalars => Text::from(n),
                other => {
                    let summary = format!(
                        "{} must be a string or a list of strings, not {}",
                        what(),
                        other.describe()
                    );
                    self.error(summary, &node.loc);
                    continue;
                }
            };
            out.push(Item { text, loc: node.loc });
        }
        out
    }

    fn principals(&mut self, member: JsonMember) -> Option<Principals> {
        let node = member.value;
        let only_all = *self.role == Use::Rcp;
        let parsed = match node.kind {
            NodeKind::String(ref text) if text.known() == Some("*") => Principals::All,
            NodeKind::String(text) => {
                let help = format!("write `{{\"AWS\": \"{text}\"}}`");
                self.push(
                    Diagnostic::error(format!("malformed principal `{text}`"))
                        .detail("a string can only be `*`; other principals are named by type")
                        .help(help),
                    &node.loc,
                );
                return None;
            }
            NodeKind::Object(members) => {
                if members.is_empty() {
                    self.error(format!("`{}` is empty", member.key), &node.loc);
                }
                let mut map = std::collections::BTreeMap::new();
                for by_type in members {
                    let Some(kind) = PrincipalType::parse(&by_type.key) else {
                        let known = PrincipalType::ALL.map(PrincipalType::as_str);
                        self.unknown_key("principal type", &by_type, &known);
                        continue;
                    };
                    if matches!(&by_type.value.kind, NodeKind::Array(a) if a.is_empty()) {
                        self.error(format!("`{}` is empty", by_type.key), &by_type.value.loc);
                    }
                    let items = self.list(by_type.value, false, || {
                        format!("the principal of type `{}`", by_type.key)
                    });
                    map.insert(kind, items);
                }
                Principals::ByType(map)
            }
            other => {
                let summary = format!(
                    "`{}` must be `*` or an object by type, not {}",
                    member.key,
                    other.describe()
                );
                self.error(summary, &node.loc);
                return None;
            }
        };
        if only_all && !(parsed.is_everyone() && parsed.items().count() <= 1) {
            self.push(
                Diagnostic::error("a resource control policy must name the principal `*`")
                    .help("write `\"Principal\": \"*\"` and choose principals by conditions"),
                &node.loc,
            );
        }
        Some(parsed)
    }

    fn conditions(&mut self, node: JsonNode) -> Vec<Condition> {
        let NodeKind::Object(operators) = node.kind else {
            let summary = format!("`Condition` must be an object, not {}", node.kind.describe());
            self.error(summary, &node.loc);
            return Vec::new();
        };
        let mut out = Vec::new();
        for by_operator in operators {
            let Some((operator, exact)) = Operator::parse(&by_operator.key) else {
                self.unknown_operator(&by_operator);
                continue;
            };
            if !exact {
                self.push(
                    Diagnostic::warning(format!(
                        "condition operator `{}` is in unusual case",
                        by_operator.key
                    ))
                    .help(format!("write `{operator}`")),
                    &by_operator.key_loc,
                );
            }
            let NodeKind::Object(keys) = by_operator.value.kind else {
                let summary = format!(
                    "`{}` must be an object of keys and values, not {}",
                    by_operator.key,
                    by_operator.value.kind.describe()
                );
                self.error(summary, &by_operator.value.loc);
                continue;
            };
            if keys.is_empty() {
                let summary = format!("condition operator `{}` has no key", by_operator.key);
                self.error(summary, &by_operator.value.loc);
            }
            for key in keys {
                out.push(self.condition(operator, key));
            }
        }
        out
    }

    fn condition(&mut self, operator: Operator, key: JsonMember) -> Condition {
        if key.key.is_empty() || key.key.chars().any(char::is_whitespace) {
            self.error(format!("malformed condition key `{}`", key.key), &key.key_loc);
        }
        if matches!(&key.value.kind, NodeKind::Array(items) if items.is_empty()) {
            self.push(
                Diagnostic::warning(format!("condition key `{}` has no values", key.key)).detail(
                    if operator.test.negated() {
                        "a negated operator without values always holds"
                    } else {
                        "without values it never holds"
                    },
                ),
                &key.value.loc,
            );
        }
        let values = self.list(key.value, true, || format!("condition key `{}`", key.key));
        Condition { operator, key: key.key, values, loc: key.key_loc }
    }

    fn unknown_operator(&mut self, member: &JsonMember) {
        let typed = &member.key;
        let (prefix, stem) = match typed.split_once(':') {
            Some((prefix, stem)) => (Some(prefix), stem),
            None => (None, typed.as_str()),
        };
        let prefixes = ["ForAllValues", "ForAnyValue"];
        let help = match prefix {
            Some(p) if !prefixes.contains(&p) => did_you_mean(p, prefixes),
            _ if stem.eq_ignore_ascii_case("NullIfExists") => {
                Some("`Null` cannot have `IfExists`".to_owned())
            }
            _ => did_you_mean(stem, TESTS.iter().map(|(name, _)| *name)),
        };
        self.push(
            Diagnostic::error(format!("unknown condition operator `{typed}`")).help_opt(help),
            &member.key_loc,
        );
    }
}

/// The opening bracket of a JSON object or list; any other place as it is.
pub(super) fn opening(loc: &Loc) -> Loc {
    let span = loc.span();
    let text = loc.source().text().get(span.clone()).unwrap_or_default();
    let end = if text.starts_with(['{', '[']) { span.start + 1 } else { span.end };
    Loc::new(loc.source(), span.start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;

    fn errors(role: Use, text: &str) -> Vec<(usize, String)> {
        match Document::parse(&Source::new("p.json", text), 0, role) {
            Ok((_, found)) | Err(found) => found
                .iter()
                .map(|d| (d.loc.as_ref().map_or(0, Loc::line), d.summary.clone()))
                .collect(),
        }
    }

    #[test]
    fn everything_wrong_is_reported_together_with_its_line() {
        let text = r#"{
"Version": "2012-10-18",
"Statements": [],
"Statement": [{
"Efect": "Allow",
"Effect": "allow",
"Principal": "*",
"Action": 5,
"Resource": [],
"Condition": {
"StringEqual": {"aws:x": "a"},
"Bool": "true"
}}]}"#;
        assert_eq!(
            errors(Use::Identity, text),
            [
                (2, "unknown policy version `2012-10-18`".to_owned()),
                (3, "unknown policy element `Statements`".to_owned()),
                (5, "unknown statement element `Efect`".to_owned()),
                (7, "an identity policy cannot have `Principal`".to_owned()),
                (6, "unknown effect `allow`".to_owned()),
                (8, "`Action` must be a string or a list of strings, not a number".to_owned()),
                (9, "`Resource` is empty".to_owned()),
                (11, "unknown condition operator `StringEqual`".to_owned()),
                (12, "`Bool` must be an object of keys and values, not a string".to_owned()),
            ]
        );
    }

    #[test]
    fn each_use_has_its_own_elements() {
        let allow = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
        assert!(errors(Use::Scp, allow).is_empty());
        assert!(errors(Use::Identity, allow).is_empty());
        assert_eq!(errors(Use::Rcp, allow).len(), 2);
        assert_eq!(errors(Use::Trust, allow).len(), 2);
        assert_eq!(errors(Use::Resource("s3".into()), allow).len(), 1);
        let rcp = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}}"#;
        assert!(errors(Use::Rcp, rcp).is_empty());
        assert_eq!(errors(Use::Scp, rcp).len(), 1);
        let narrow = rcp.replace(r#""*","Action"#, r#"{"AWS":"111122223333"},"Action"#);
        assert_eq!(errors(Use::Rcp, &narrow).len(), 1);
    }

    #[test]
    fn hostile_shapes_are_errors() {
        for text in ["null", "[]", "\"x\"", "{}", r#"{"Statement":null}"#, r#"{"Statement":[[]]}"#]
        {
            assert!(Document::parse(&Source::new("p", text), 0, Use::Identity).is_err(), "{text}");
        }
    }
}
