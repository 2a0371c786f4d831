//! Policy documents: from JSON text, objects and `statement` blocks to canonical values.

use super::body::{Body, NestedBody};
use super::oidc;
use super::policy_unknown::Placeholders;
use super::pure_half::KindContext;
use super::read::{Reader, concat, reference, scalar};
use super::sensitive::cannot_be_sensitive;
use super::{AccessPart, access_of};
use crate::address::ACCOUNT;
use crate::diag::{Diagnostic, Diagnostics, Loc, Source};
use crate::iam::json;
use crate::iam::node::{JsonMember, JsonNode, MAX_DEPTH, NodeKind};
use crate::iam::text::{Text, TextRun};
use crate::iam::{Document, Use, decode, validate};
use crate::value::{StringPart, Unknown, Value};

pub(super) fn node(kind: NodeKind, loc: &Loc) -> JsonNode {
    JsonNode { kind, loc: Some(loc.clone()) }
}

pub(super) fn text_node(text: impl Into<Text>, loc: &Loc) -> JsonNode {
    node(NodeKind::String(text.into()), loc)
}

pub(super) fn member(key: &str, value: JsonNode, loc: &Loc) -> JsonMember {
    JsonMember { key: key.to_owned(), key_loc: Some(loc.clone()), value }
}

/// The file that holds a document, where the expression is a plain `file("...")`, as diagnostics name it.
fn file_of(loc: &Loc) -> Option<String> {
    let expression = loc.source().text().get(loc.span())?.trim();
    let path = expression.strip_prefix("file(\"")?.strip_suffix("\")")?;
    let plain = !path.contains(['"', '\\', '$', '%']) && !path.starts_with('/');
    // Paths start at the root module, and diagnostics name files from there.
    plain.then(|| path.to_owned())
}

/// Builds documents from one block, and remembers what was unknown.
pub(super) struct Builder<'r, 'b> {
    reader: &'r mut Reader<'b>,
    context: &'r KindContext,
    pub(super) names: Placeholders,
    pub(super) hidden: bool,
}

impl<'r, 'b> Builder<'r, 'b> {
    pub(super) fn new(reader: &'r mut Reader<'b>, context: &'r KindContext) -> Self {
        Self { reader, context, names: Placeholders::default(), hidden: false }
    }

    pub(super) fn error(&mut self, loc: &Loc, summary: String) {
        self.report(Diagnostic::error(summary).at(loc.clone()));
    }

    pub(super) fn report(&mut self, found: Diagnostic) {
        self.reader.diagnostics.push(found);
    }

    /// Decodes and validates what was built; findings without a place get `loc`.
    pub(super) fn finish(mut self, built: &JsonNode, role: &Use, loc: &Loc) -> Option<Value> {
        let placed = |d: Diagnostic| if d.loc.is_some() { d } else { d.at(loc.clone()) };
        if self.refuses_arns_of_organizations(built, false, loc) {
            return None;
        }
        let (document, warnings) = match decode::document(built.clone(), role, Diagnostics::new()) {
            Ok(read) => read,
            Err(found) => {
                self.reader.diagnostics.extend(found.into_iter().map(placed));
                return None;
            }
        };
        let found = validate(&document, role, &self.context.limits);
        self.reader.diagnostics.extend(warnings.into_iter().chain(found).map(placed));
        if matches!(role, Use::Trust) {
            self.reader.diagnostics.extend(oidc::findings(&document).into_iter().map(placed));
        }
        Some(self.canonical(&document))
    }

    /// Reports principals that are ARNs of AWS Organizations, which nobody knows yet: AWS would refuse them while the
    /// plan is carried out. `is_principal`: whether the node is of an element that says whom a statement is about.
    fn refuses_arns_of_organizations(
        &mut self,
        node: &JsonNode,
        is_principal: bool,
        loc: &Loc,
    ) -> bool {
        match &node.kind {
            // Each of them is reported, not the first alone.
            NodeKind::Object(members) => {
                let mut found = false;
                for member in members {
                    let is_principal = is_principal || is_principal_element(&member.key);
                    found |= self.refuses_arns_of_organizations(&member.value, is_principal, loc);
                }
                found
            }
            NodeKind::Array(items) => {
                let mut found = false;
                for item in items {
                    found |= self.refuses_arns_of_organizations(item, is_principal, loc);
                }
                found
            }
            NodeKind::String(text) if is_principal => {
                let parts = text.parts();
                let [TextRun::Placeholder(placeholder)] = parts.as_slice() else { return false };
                let name = placeholder.name().to_owned();
                let Some(object) = self.names.arn_in_organization(&name) else { return false };
                let help = match access_of(&object.kind).is_some_and(AccessPart::is_account) {
                    true => format!("write `{object}` itself, or its `id`"),
                    false => {
                        "name accounts, or everyone (`*`) under a condition on `aws:PrincipalOrgID`"
                            .to_owned()
                    }
                };
                let found = Diagnostic::error(format!("`{name}` is no principal"))
                    .at(node.loc.clone().unwrap_or_else(|| loc.clone()))
                    .detail("it is the ARN of an object of AWS Organizations")
                    .help(help);
                self.report(found);
                true
            }
            _ => false,
        }
    }

    fn canonical(&mut self, document: &Document) -> Value {
        let value = self.names.value(&document.to_json());
        if self.hidden { value.sensitive() } else { value }
    }

    /// A document given as JSON text or as an object.
    pub(super) fn given(
        mut self,
        value: &Value,
        role: &Use,
        loc: &Loc,
        attr: &str,
    ) -> Option<Value> {
        self.hidden = value.has_sensitive();
        if self.hidden && hides_principals(value, false) {
            self.report(cannot_be_sensitive(attr, PRINCIPALS_ARE_SHOWN, loc.clone()));
            return None;
        }
        match value.reveal() {
            Value::String(text) if !self.hidden => {
                // The text has lines of its own, which the finding shows.
                let file = file_of(loc);
                let from_file = file.is_some();
                let name = file.unwrap_or_else(|| format!("{loc} ({attr})"));
                let source = Source::new(name, text.as_str());
                let mut diagnostics = Diagnostics::new();
                match json::parse(&source, 0..text.len(), &mut diagnostics) {
                    Ok(built) => {
                        self.reader.diagnostics.extend(diagnostics);
                        self.finish(&built, role, loc)
                    }
                    Err(error) => {
                        self.reader.diagnostics.extend(diagnostics);
                        self.reader.diagnostics.push(match from_file {
                            true => error.related(loc.clone(), "read here"),
                            false => error,
                        });
                        None
                    }
                }
            }
            Value::String(_) | Value::Unknown(_) => {
                if let Value::Unknown(unknown) = value.reveal()
                    && unknown.parts.is_empty()
                {
                    return Some(value.clone());
                }
                let text = self.names.text(value)?;
                let mut diagnostics = Diagnostics::new();
                match json::parse_text(&text, &mut diagnostics) {
                    // A text is sensitive as a whole, whatever part of it is.
                    Ok(built) if self.hidden && names_principals(&built) => {
                        self.report(
                            cannot_be_sensitive(attr, PRINCIPALS_ARE_SHOWN, loc.clone()).help(
                                "write the document in blocks, or as an object, in which the secret part alone is sensitive, or take the mark off with `nonsensitive(...)`",
                            ),
                        );
                        None
                    }
                    Ok(built) => self.finish(&built, role, loc),
                    // What is wrong would quote the text.
                    Err(_) if self.hidden => {
                        self.reader.diagnostics.push(
                            Diagnostic::error(format!("`{attr}` is not valid JSON"))
                                .at(loc.clone())
                                .help("its text is sensitive and not shown"),
                        );
                        None
                    }
                    Err(error) => {
                        self.reader.diagnostics.push(error.at(loc.clone()));
                        None
                    }
                }
            }
            Value::Map(_) => {
                let built = self.tree(value, loc, 0)?;
                self.finish(&built, role, loc)
            }
            other => {
                let kind = other.type_name();
                self.error(loc, format!("`{attr}` must be JSON text or an object, not {kind}"));
                None
            }
        }
    }

    fn tree(&mut self, value: &Value, loc: &Loc, depth: usize) -> Option<JsonNode> {
        if depth > MAX_DEPTH {
            self.error(loc, format!("the policy is nested more than {} levels deep", MAX_DEPTH));
            return None;
        }
        let kind = match value.reveal() {
            Value::Null => NodeKind::Null,
            Value::Bool(b) => NodeKind::Bool(*b),
            Value::Number(number) => NodeKind::Number(number.to_string()),
            Value::Map(map) => NodeKind::Object(
                map.iter()
                    .filter(|(_, v)| !v.is_null())
                    .filter_map(|(k, v)| Some(member(k, self.tree(v, loc, depth + 1)?, loc)))
                    .collect(),
            ),
            Value::List(_) | Value::Set(_) => NodeKind::Array(
                value
                    .elements()
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|v| self.tree(v, loc, depth + 1))
                    .collect(),
            ),
            Value::Block(_) => NodeKind::String(self.names.text(&principal(value, self.context)?)?),
            other => match self.names.text(other) {
                Some(text) => NodeKind::String(text),
                None => {
                    let kind = other.type_name();
                    self.error(loc, format!("a policy cannot hold a {kind}"));
                    return None;
                }
            },
        };
        Some(node(kind, loc))
    }

    /// Reports that an argument is sensitive which says who is let in: walls, findings and evidence name them.
    /// Whether it is.
    pub(super) fn refuses_sensitive(&mut self, body: &Body, attr: &str) -> bool {
        let sensitive = body.get(attr).filter(|given| given.value.has_sensitive());
        if let Some(given) = sensitive {
            self.report(cannot_be_sensitive(attr, PRINCIPALS_ARE_SHOWN, given.loc.clone()));
        }
        sensitive.is_some()
    }

    pub(super) fn list(
        &mut self,
        body: &Body,
        attr: &str,
        element: impl Fn(&Value, &KindContext) -> Option<Value>,
    ) -> Option<(JsonNode, Loc)> {
        let given = body.get(attr)?;
        let loc = given.loc.clone();
        self.hidden |= given.value.has_sensitive();
        let values: Vec<&Value> = match given.value.reveal() {
            Value::List(_) | Value::Set(_) => given.value.elements().unwrap_or_default(),
            Value::Null => return None,
            _ => vec![&given.value],
        };
        let takes_variables = VARIABLES_IN.contains(&attr);
        let mut nodes = Vec::new();
        for value in values {
            let value = if takes_variables { &with_variables(value) } else { value };
            match element(value, self.context).and_then(|v| self.names.text(&v)) {
                Some(text) => {
                    let place = text.known().map_or_else(|| loc.clone(), |t| loc.of_element(t));
                    nodes.push(text_node(text, &place));
                }
                None => {
                    let kind = value.type_name();
                    self.error(
                        &loc,
                        format!("`{attr}` must be a list of strings, and holds a {kind}"),
                    );
                }
            }
        }
        Some((node(NodeKind::Array(nodes), &loc), loc))
    }

    pub(super) fn string(&mut self, body: &Body, attr: &str) -> Option<(Text, Loc)> {
        let given = body.get(attr).filter(|given| !given.value.is_null())?;
        self.hidden |= given.value.has_sensitive();
        match self.names.text(&given.value) {
            Some(text) => Some((text, given.loc.clone())),
            None => {
                let (kind, loc) = (given.value.type_name(), given.loc.clone());
                self.error(&loc, format!("`{attr}` must be a string, not {kind}"));
                None
            }
        }
    }

    /// The members of `Condition`: operator -> key -> values.
    pub(super) fn conditions(
        &mut self,
        body: &Body,
        extra: Vec<(&str, Text, JsonNode)>,
    ) -> Option<JsonNode> {
        let mut operators: Vec<(String, Vec<JsonMember>, Loc)> = Vec::new();
        let mut add = |operator: String, key: &Text, values: JsonNode, op_loc: &Loc, loc: &Loc| {
            let entry = member(&key.symbolic(), values, loc);
            match operators.iter_mut().find(|(name, ..)| *name == operator) {
                Some((_, members, _)) => members.push(entry),
                None => operators.push((operator, vec![entry], op_loc.clone())),
            }
        };
        for (operator, key, values) in extra {
            let loc = values.loc.clone().unwrap_or_else(|| body.loc.clone());
            add(operator.to_owned(), &key, values, &loc, &loc);
        }
        for block in body.nested("condition") {
            let operator = self.string(&block.body, "test");
            let key = self.string(&block.body, "variable");
            let values = self.list(&block.body, "values", |v, _| scalar(v));
            let (Some((operator, op_loc)), Some((key, key_loc)), Some((values, _))) =
                (operator, key, values)
            else {
                continue;
            };
            add(operator.symbolic().into_owned(), &key, values, &op_loc, &key_loc);
        }
        let loc = operators.first().map(|(_, _, loc)| loc.clone())?;
        let members = operators
            .into_iter()
            .map(|(name, members, loc)| member(&name, node(NodeKind::Object(members), &loc), &loc))
            .collect();
        Some(node(NodeKind::Object(members), &loc))
    }

    fn principals(&mut self, body: &Body, block_name: &str) -> Option<JsonNode> {
        let mut types: Vec<JsonMember> = Vec::new();
        let mut everyone = None;
        for block in body.nested(block_name) {
            self.refuses_sensitive(&block.body, "identifiers");
            let Some((kind, loc)) = self.string(&block.body, "type") else { continue };
            let Some((values, _)) = self.list(&block.body, "identifiers", principal) else {
                continue;
            };
            match kind.known() {
                Some("*") => {
                    if !is_everyone(&values) {
                        self.report(
                            Diagnostic::error("`type = \"*\"` is everyone, and `identifiers` names somebody")
                                .at(block.body.loc_of("identifiers").clone())
                                .help("write `identifiers = [\"*\"]`, or the type of these identifiers: `AWS`, `Service`, `Federated`"),
                        );
                    }
                    everyone = Some(text_node("*", &loc));
                }
                // Several blocks of one type are one list, as in Terraform's documents.
                Some(kind) => match types.iter_mut().find(|m| m.key == kind) {
                    Some(first) => {
                        if let (NodeKind::Array(all), NodeKind::Array(more)) =
                            (&mut first.value.kind, values.kind)
                        {
                            all.extend(more);
                        }
                    }
                    None => types.push(member(kind, values, &loc)),
                },
                None => {
                    self.error(&loc, "a principal's type cannot be unknown until apply".to_owned())
                }
            }
        }
        let loc = types.first().and_then(|m| m.key_loc.clone());
        everyone.or_else(|| loc.map(|loc| node(NodeKind::Object(types), &loc)))
    }

    /// Reports what a `statement` block lacks in the words in which it is written; what JSON calls its elements is
    /// no help here. Whether it is complete.
    fn is_complete(&mut self, body: &Body, role: &Use) -> bool {
        let given = |name: &str| body.get(name).is_some_and(|v| !v.value.is_null());
        let has = |name: &str| body.nested(name).next().is_some();
        let mut found = Vec::new();
        for (positive, negative) in [("actions", "not_actions"), ("resources", "not_resources")] {
            if given(positive) && given(negative) {
                let both = format!("a statement cannot have both `{positive}` and `{negative}`");
                found.push(
                    Diagnostic::error(both)
                        .at(body.loc_of(negative).clone())
                        .related(body.loc_of(positive).clone(), "the other one")
                        .help("write two statements"),
                );
            }
        }
        if !given("actions") && !given("not_actions") {
            found.push(
                Diagnostic::error("the statement has no `actions`")
                    .at(body.loc.clone())
                    .help("add them, such as `actions = [\"ec2:DescribeInstances\"]`"),
            );
        }
        let lacks_principals = role.has_principal()
            && *role != Use::Rcp
            && !has("principals")
            && !has("not_principals");
        if lacks_principals {
            found.push(
                Diagnostic::error(format!("a statement of {} needs a `principals` block", role.named()))
                    .at(body.loc.clone())
                    .help(
                        "say whom it is about:\nprincipals {\n  type        = \"AWS\"\n  identifiers = [account.dev]\n}",
                    ),
            );
        }
        let is_complete = found.is_empty();
        self.reader.diagnostics.extend(found);
        is_complete
    }

    /// Reports what a statement says twice: two conditions of one test and key. A value holds one of them only.
    fn refuse_twice(&mut self, statement: &JsonNode) {
        let NodeKind::Object(members) = &statement.kind else { return };
        for (at, member) in members.iter().enumerate() {
            if members.iter().take(at).any(|earlier| earlier.key.eq_ignore_ascii_case(&member.key))
            {
                let loc = member.key_loc.clone().unwrap_or_else(|| self.reader.body.loc.clone());
                self.report(
                    Diagnostic::error(format!(
                        "two blocks of the statement are about `{}`",
                        member.key
                    ))
                    .at(loc)
                    .help("put the values of both into one block: any of them may match"),
                );
            }
            self.refuse_twice(&member.value);
        }
    }

    /// A `statement` block; `None` where it is not complete, which was reported.
    fn statement(&mut self, block: &NestedBody, role: &Use) -> Option<JsonNode> {
        let body = &block.body;
        if !self.is_complete(body, role) {
            return None;
        }
        let mut members = Vec::new();
        if let Some(label) = block.labels.first() {
            members.push(member("Sid", text_node(sid(&label.value), &label.loc), &label.loc));
        }
        let (effect, loc) = self.string(body, "effect").unwrap_or_else(|| {
            let usual = if matches!(role, Use::Scp | Use::Rcp) { "Deny" } else { "Allow" };
            (Text::from(usual), body.loc.clone())
        });
        members.push(member("Effect", text_node(effect, &loc), &loc));
        for (key, block_name) in [("Principal", "principals"), ("NotPrincipal", "not_principals")] {
            if let Some(principals) = self.principals(body, block_name) {
                let loc = principals.loc.clone().unwrap_or_else(|| body.loc.clone());
                members.push(member(key, principals, &loc));
            }
        }
        // A resource control policy speaks of everybody and cannot say anything else.
        if *role == Use::Rcp && !members.iter().any(|m| m.key == "Principal") {
            members.push(member("Principal", text_node("*", &body.loc), &body.loc));
        }
        for (key, attr) in [
            ("Action", "actions"),
            ("NotAction", "not_actions"),
            ("Resource", "resources"),
            ("NotResource", "not_resources"),
        ] {
            if let Some((values, loc)) = self.list(body, attr, resource) {
                members.push(member(key, values, &loc));
            }
        }
        if let Some(conditions) = self.conditions(body, Vec::new()) {
            members.push(member("Condition", conditions, &body.loc));
        }
        Some(node(NodeKind::Object(members), &body.loc))
    }
}

/// Why nothing that says who is let in can be sensitive.
const PRINCIPALS_ARE_SHOWN: &str = "whom a policy lets in is shown";

/// The elements of a statement that say whom it is about.
fn is_principal_element(key: &str) -> bool {
    ["Principal", "NotPrincipal"].iter().any(|element| key.eq_ignore_ascii_case(element))
}

/// Whether a document given as an object holds a sensitive principal. `inside`: whether it stands in something sensitive.
fn hides_principals(value: &Value, inside: bool) -> bool {
    let inside = inside || matches!(value, Value::Sensitive(_));
    match value.reveal() {
        Value::Map(map) => map.iter().any(|(key, value)| match is_principal_element(key) {
            true => value.as_str() != Some("*") && (inside || value.has_sensitive()),
            false => hides_principals(value, inside),
        }),
        Value::List(_) | Value::Set(_) => {
            let elements = value.elements().unwrap_or_default();
            elements.into_iter().any(|element| hides_principals(element, inside))
        }
        _ => false,
    }
}

/// Whether a document says whom it is about, otherwise than with a bare `*`.
fn names_principals(document: &JsonNode) -> bool {
    let is_everyone =
        |node: &JsonNode| matches!(&node.kind, NodeKind::String(text) if text.known() == Some("*"));
    match &document.kind {
        NodeKind::Object(members) => {
            members.iter().any(|member| match is_principal_element(&member.key) {
                true => !is_everyone(&member.value),
                false => names_principals(&member.value),
            })
        }
        NodeKind::Array(items) => items.iter().any(names_principals),
        _ => false,
    }
}

/// Arguments of statements in which IAM puts values in place of variables, such as `${aws:username}`
/// (IAM User Guide, "IAM policy elements: Variables and tags").
const VARIABLES_IN: [&str; 4] = ["identifiers", "not_resources", "resources", "values"];

/// A value with IAM's variables as IAM writes them. In HCL `${` begins an expression, so that statements may write
/// `&{aws:username}`, as in Terraform's `aws_iam_policy_document`.
fn with_variables(value: &Value) -> Value {
    let written = |text: &str| text.replace("&{", "${");
    match value {
        Value::String(text) => Value::String(written(text)),
        Value::Unknown(unknown) if !unknown.parts.is_empty() => {
            let parts = unknown.parts.iter().map(|part| match part {
                StringPart::Text(text) => StringPart::Text(written(text)),
                StringPart::Ref(reference) => StringPart::Ref(reference.clone()),
            });
            Value::Unknown(Unknown::string(parts))
        }
        Value::Sensitive(inner) => with_variables(inner).sensitive(),
        other => other.clone(),
    }
}

/// Whether identifiers name nobody but everyone.
fn is_everyone(identifiers: &JsonNode) -> bool {
    let NodeKind::Array(all) = &identifiers.kind else { return false };
    all.iter().all(|one| matches!(&one.kind, NodeKind::String(text) if text.known() == Some("*")))
}

/// A principal: an account stands for its root, a role for its ARN.
pub(super) fn principal(value: &Value, context: &KindContext) -> Option<Value> {
    let account = |id: &Value| {
        let head = Value::String(format!("arn:{}:iam::", context.partition));
        concat([&head, id, &":root".into()])
    };
    match value.reveal() {
        Value::Block(block) if block.address.kind == ACCOUNT => {
            Some(account(&reference(value, "id")?))
        }
        Value::Block(_) => reference(value, "arn"),
        Value::String(text) if text.parse::<crate::ids::AccountId>().is_ok() => {
            Some(account(&text.as_str().into()))
        }
        _ => scalar(value),
    }
}

/// A resource or action: text, or a block that stands for its ARN.
fn resource(value: &Value, _context: &KindContext) -> Option<Value> {
    reference(value, "arn")
}

/// A label as a `Sid`, which holds letters and digits alone: `deny_leave` -> `DenyLeave`.
pub(super) fn sid(label: &str) -> String {
    if label.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return label.to_owned();
    }
    let mut out = String::new();
    for word in label.split(|c: char| !c.is_ascii_alphanumeric()) {
        let mut chars = word.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(chars.as_str());
    }
    out
}

/// The `Statement` element of several statements.
pub(super) fn whole(statements: Vec<JsonNode>, loc: &Loc) -> JsonNode {
    let members = vec![
        member("Version", text_node("2012-10-17", loc), loc),
        member("Statement", node(NodeKind::Array(statements), loc), loc),
    ];
    node(NodeKind::Object(members), loc)
}

/// The document of a block: its attribute `attr`, or its `statement` blocks; `None` when it has
/// neither, or when it is wrong (which was reported).
pub(super) fn document(
    reader: &mut Reader<'_>,
    attr: &str,
    role: &Use,
    context: &KindContext,
) -> Option<Value> {
    let body = reader.body;
    body_document(reader, body, attr, role, context)
}

/// As [`document`], for a block inside the block that `reader` reads.
pub(super) fn body_document(
    reader: &mut Reader<'_>,
    body: &Body,
    attr: &str,
    role: &Use,
    context: &KindContext,
) -> Option<Value> {
    let given = body.get(attr).filter(|v| !v.value.is_null());
    let statements: Vec<&NestedBody> = body.nested("statement").collect();
    match (given, statements.as_slice()) {
        (Some(given), [first, ..]) => {
            reader.diagnostics.push(exclude_each_other(attr, &given.loc, "statement", first));
            None
        }
        (Some(given), []) => {
            Builder::new(reader, context).given(&given.value, role, &given.loc, attr)
        }
        (None, []) => None,
        (None, statements) => of_statements(reader, statements, role, &body.loc, context),
    }
}

/// That a document is given as a whole, and in blocks too.
pub(super) fn exclude_each_other(
    attr: &str,
    whole: &Loc,
    block_name: &str,
    first: &NestedBody,
) -> Diagnostic {
    Diagnostic::error(format!("`{attr}` and `{block_name}` blocks exclude each other"))
        .at(first.body.loc.clone())
        .related(whole.clone(), "the whole document")
}

/// The document that statement blocks make.
pub(super) fn of_statements(
    reader: &mut Reader<'_>,
    statements: &[&NestedBody],
    role: &Use,
    loc: &Loc,
    context: &KindContext,
) -> Option<Value> {
    let mut builder = Builder::new(reader, context);
    let nodes: Vec<JsonNode> =
        statements.iter().filter_map(|block| builder.statement(block, role)).collect();
    let is_whole = nodes.len() == statements.len();
    // What is wrong with the others is reported too.
    if nodes.is_empty() {
        return None;
    }
    builder.finish(&whole(nodes, loc), role, loc).filter(|_| is_whole)
}

/// The document that the `statement` blocks of a body make, as a value. What it is for is not known yet, so
/// whoever uses it judges it.
///
/// # Errors
/// What is wrong with the statements themselves.
pub fn document_of_statements(body: &Body, context: &KindContext) -> Result<Value, Diagnostics> {
    let mut reader = Reader::new(body);
    let mut builder = Builder::new(&mut reader, context);
    let statements: Vec<JsonNode> = body
        .nested("statement")
        .filter_map(|block| builder.statement(block, &Use::Identity))
        .collect();
    for statement in &statements {
        builder.refuse_twice(statement);
    }
    let document = builder.names.value(&plain(&whole(statements, &body.loc)));
    let document = if builder.hidden { document.sensitive() } else { document };
    reader.diagnostics.into_result(document)
}

/// A tree without its places.
fn plain(node: &JsonNode) -> serde_json::Value {
    match &node.kind {
        NodeKind::Null => serde_json::Value::Null,
        NodeKind::Bool(b) => (*b).into(),
        NodeKind::Number(text) => serde_json::from_str(text).unwrap_or_default(),
        NodeKind::String(text) => text.symbolic().into(),
        NodeKind::Array(items) => items.iter().map(plain).collect(),
        NodeKind::Object(members) => {
            members.iter().map(|m| (m.key.clone(), plain(&m.value))).collect()
        }
    }
}

/// The size of a canonical document as AWS counts it.
pub(super) fn size(document: &Value, role: &Use) -> usize {
    Document::from_json(&filled(document), role.clone())
        .map_or(0, |(document, _)| crate::iam::validate::measured_size(&document, role))
}

/// A document with twelve digits for whatever is unknown.
fn filled(document: &Value) -> serde_json::Value {
    match document.reveal() {
        Value::Unknown(unknown) => unknown
            .parts
            .iter()
            .map(|part| match part {
                StringPart::Text(text) => text.as_str(),
                StringPart::Ref(_) => "000000000000",
            })
            .collect::<String>()
            .into(),
        Value::List(list) => list.iter().map(filled).collect(),
        Value::Map(map) => serde_json::Value::Object(
            map.iter().map(|(key, value)| (key.clone(), filled(value))).collect(),
        ),
        other => other.to_json(),
    }
}

/// The canonical form of a document that AWS returned: what Palisade would have written, or the
/// bare JSON where it is none that Palisade would write.
#[must_use]
pub fn canonical(text: &str, role: Use) -> Value {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(text) else {
        return Value::String(text.to_owned());
    };
    match Document::from_json(&json, role) {
        Ok((document, _)) => Value::from_json(&document.to_json()),
        Err(_) => Value::from_json(&json),
    }
}
