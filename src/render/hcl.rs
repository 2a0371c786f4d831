//! Configuration for objects that exist: what `palisade adopt` writes.
//!
//! Driven by the kinds' own declarations: an attribute of the live object is written where the
//! block has an argument or a nested block for it, and left to the reader as a comment where not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::engine::adopt::Adoptable;
use crate::engine::adopt_types::AdoptedResource;
use crate::plan::model::Unread;
use crate::schema::{Attr, BlockSchema, Ty};
use crate::value::{Attrs, Value};

use super::style::safe;
use super::value::quoted;

/// What could not be read and may hold more, a line each.
#[must_use]
pub fn unread(adoptable: &Adoptable) -> Vec<String> {
    let line = |part: &Unread| {
        let (kinds, reason) = (part.kinds.join(", "), part.reason.replace('\n', " "));
        safe(&format!("not read in `{}`: {kinds} ({reason})", part.account)).into_owned()
    };
    adoptable.unread.iter().map(line).collect()
}

/// How blocks name each other, by the ids that AWS gave them.
type References = BTreeMap<String, String>;

/// One block and its `import` block for each object, in order; labels are made unique, also among those that the
/// configuration has already: the same role in another account is another block.
#[must_use]
pub fn blocks(adoptable: &Adoptable) -> String {
    let mut labels: BTreeSet<(String, String)> = adoptable.declared.clone();
    let mut references = adoptable.blocks.clone();
    let mut labelled = Vec::new();
    for object in &adoptable.objects {
        let schema = object.kind.schema();
        let name = schema.meaning.naming.label.and_then(|name| object.attrs.get(name)?.as_str());
        let base = label(name.unwrap_or(&object.key));
        let suffix = adoptable.account.as_deref().unwrap_or("other");
        let numbered = (2..).map(|number| format!("{base}_{suffix}_{number}"));
        let mut names = [base.clone(), format!("{base}_{suffix}")].into_iter().chain(numbered);
        let is_free = |label: &String| labels.insert((schema.kind.to_owned(), label.clone()));
        let label = names.find(is_free).unwrap_or(base);
        if let (None, Some(id)) =
            (&adoptable.account, object.attrs.get("id").and_then(Value::as_str))
        {
            references.insert(id.to_owned(), format!("{}.{label}", schema.kind));
        }
        labelled.push((object, label));
    }
    let mut out: String = unread(adoptable).iter().map(|line| format!("# {line}\n")).collect();
    for (object, label) in labelled {
        let schema = object.kind.schema();
        if !out.is_empty() {
            out.push('\n');
        }
        if let Some(resource) = &object.resource {
            let account = adoptable.account.as_deref().unwrap_or_default();
            resource_block(schema.kind, &label, account, resource, &mut out);
            let to = format!("resource[{}].{label}.at[{}]", quoted(schema.kind), quoted(account));
            let id = quoted(&object.key);
            let _ = writeln!(out, "\nimport {{\n  to = {to}\n  id = {id}\n}}");
            continue;
        }
        let attrs: BTreeMap<String, Json> = object
            .attrs
            .iter()
            .filter(|(name, _)| !schema.computed.iter().any(|c| c.name == name.as_str()))
            .map(|(name, value)| (name.clone(), value.to_json()))
            .collect();
        let _ = writeln!(out, "{} \"{label}\" {{", schema.kind);
        if let Some(account) = &adoptable.account {
            let _ = writeln!(out, "  accounts = [account.{account}]");
        }
        body(&schema.block, &attrs, 1, &references, &mut out);
        out.push_str("}\n");
        // What there is once in its place is found without an `import`.
        if schema.adopts {
            continue;
        }
        let at = adoptable.account.as_ref().map(|account| format!("@{account}"));
        // Names of units are unique below their parent alone, and the id of an account says more than its address.
        let id = object.attrs.get("id").and_then(Value::as_str);
        let id = id.filter(|_| adoptable.account.is_none()).unwrap_or(&object.key);
        let _ = writeln!(
            out,
            "\nimport {{\n  to = {}\n  id = {}\n}}",
            quoted(&format!("{}.{label}{}", schema.kind, at.unwrap_or_default())),
            quoted(id)
        );
    }
    out
}

/// A block of an AWS resource type.
fn resource_block(
    ty: &str,
    label: &str,
    account: &str,
    resource: &AdoptedResource,
    out: &mut String,
) {
    let _ = writeln!(out, "resource {} \"{label}\" {{", quoted(ty));
    let _ = writeln!(out, "  accounts = [account.{account}]");
    if !resource.unread.is_empty() {
        let names = resource.unread.join(", ");
        let _ = writeln!(
            out,
            "  # AWS does not return {names}: write what the object was created with"
        );
    }
    let whole = |attrs: &Attrs| expression(&Value::Map(attrs.clone()).to_json(), 1);
    let _ = writeln!(out, "  properties = {}", whole(&resource.properties));
    let own = resource.tags.iter().filter(|(key, _)| !key.starts_with("palisade:"));
    let own: Attrs = own.map(|(key, value)| (key.clone(), value.clone())).collect();
    if !own.is_empty() {
        let _ = writeln!(out, "  tags = {}", whole(&own));
    }
    out.push_str("}\n");
}

/// A label that HCL takes, close to the object's name.
fn label(key: &str) -> String {
    let last = key.rsplit('/').find(|part| !part.is_empty()).unwrap_or(key);
    let mut label: String =
        last.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    if !label.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        label.insert(0, '_');
    }
    label
}

fn body(
    schema: &BlockSchema,
    attrs: &BTreeMap<String, Json>,
    depth: usize,
    references: &References,
    out: &mut String,
) {
    let indent = "  ".repeat(depth);
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut nested = String::new();
    let mut unknown = Vec::new();
    for (name, value) in attrs {
        let says_so = schema.attr(name).is_some_and(|attr| attr.says_empty) && value.is_array();
        if is_nothing(value) && !says_so {
            continue;
        }
        if let Some(attr) = schema.attr(name)
            && let Some(text) = literal(attr, value, depth, references)
        {
            lines.push((name.clone(), text));
        } else if !block(schema, name, value, depth, references, &mut nested)
            && (schema.attr(name).is_some() || !value.is_string())
        {
            unknown.push(name.clone());
        }
    }
    let width = lines.iter().map(|(n, t)| if t.contains('\n') { 0 } else { n.len() }).max();
    for (name, text) in &lines {
        let width = if text.contains('\n') { 0 } else { width.unwrap_or(0) };
        let _ = writeln!(out, "{indent}{} = {text}", super::style::pad(name, width));
    }
    out.push_str(&nested);
    for name in unknown {
        let _ = writeln!(out, "{indent}# {} is not written here: see the plan", safe(&name));
    }
}

/// A nested block for a map: `encryption`, or `inline_policy "x"` for each entry of `inline_policies`.
fn block(
    schema: &BlockSchema,
    name: &str,
    value: &Json,
    depth: usize,
    references: &References,
    out: &mut String,
) -> bool {
    let Some(map) = value.as_object() else { return false };
    let indent = "  ".repeat(depth);
    let singular = match name.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => name.trim_end_matches('s').to_owned(),
    };
    let entries = |map: &serde_json::Map<String, Json>| -> BTreeMap<String, Json> {
        map.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    if let Some(nested) = schema.nested(name).filter(|n| n.labels.is_empty()) {
        let _ = writeln!(out, "{indent}{name} {{");
        body(nested.block, &entries(map), depth + 1, references, out);
        let _ = writeln!(out, "{indent}}}");
        return true;
    }
    let Some(nested) = schema.nested(&singular).filter(|n| n.labels.len() == 1) else {
        return false;
    };
    let document = nested.block.attrs.iter().find(|a| matches!(a.ty, Ty::Policy));
    for (label, value) in map {
        let _ = writeln!(out, "{indent}{singular} {} {{", quoted(label));
        match (document, value.as_object()) {
            (Some(attr), _) => {
                let only = BTreeMap::from([(attr.name.to_owned(), value.clone())]);
                body(nested.block, &only, depth + 1, references, out);
            }
            (None, Some(inner)) => body(nested.block, &entries(inner), depth + 1, references, out),
            (None, None) => {}
        }
        let _ = writeln!(out, "{indent}}}");
    }
    true
}

/// An argument's value as HCL; `None` where the argument cannot take it.
fn literal(attr: &Attr, value: &Json, depth: usize, references: &References) -> Option<String> {
    let named = |id: &Json| references.get(id.as_str()?).cloned();
    match (attr.ty, value) {
        (Ty::Ref { .. }, id) if named(id).is_some() => named(id),
        (Ty::List(Ty::Ref { .. }) | Ty::Set(Ty::Ref { .. }), Json::Array(ids)) => {
            let texts = ids.iter().map(|id| named(id).unwrap_or_else(|| expression(id, depth)));
            Some(format!("[{}]", texts.collect::<Vec<_>>().join(", ")))
        }
        (Ty::Policy, document) if document.is_object() => {
            Some(format!("jsonencode({})", expression(document, depth)))
        }
        (Ty::Duration, Json::Number(seconds)) => Some(quoted(&format!("{seconds}s"))),
        // Several switches in AWS; one word here for all of them or none.
        (Ty::Flags(_), Json::Object(flags)) => {
            let on = flags.values().filter(|v| **v == Json::Bool(true)).count();
            if on == flags.len() {
                Some("true".to_owned())
            } else if on == 0 {
                Some("false".to_owned())
            } else {
                Some(expression(value, depth))
            }
        }
        (Ty::Map(_), Json::Object(map)) => {
            let own: serde_json::Map<String, Json> = map
                .iter()
                .filter(|(k, _)| !k.starts_with("palisade:"))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            Some(expression(&Json::Object(own), depth))
        }
        (Ty::String | Ty::Ref { .. }, Json::String(_))
        | (Ty::Bool, Json::Bool(_))
        | (Ty::Number, Json::Number(_))
        | (Ty::List(_) | Ty::Set(_), Json::Array(_))
        | (Ty::Any, _) => Some(expression(value, depth)),
        _ => None,
    }
}

fn expression(value: &Json, depth: usize) -> String {
    let indent = "  ".repeat(depth + 1);
    let close = "  ".repeat(depth);
    match value {
        Json::String(text) => quoted(text),
        Json::Array(items) if items.iter().all(|i| !i.is_object() && !i.is_array()) => {
            let texts: Vec<String> = items.iter().map(|i| expression(i, depth)).collect();
            let line = format!("[{}]", texts.join(", "));
            if line.len() <= 90 || texts.len() == 1 {
                return line;
            }
            let lines: Vec<String> = texts.iter().map(|t| format!("{indent}{t},\n")).collect();
            format!("[\n{}{close}]", lines.concat())
        }
        Json::Array(items) => {
            let lines: Vec<String> =
                items.iter().map(|i| format!("{indent}{},\n", expression(i, depth + 1))).collect();
            format!("[\n{}{close}]", lines.concat())
        }
        Json::Object(map) if map.is_empty() => "{}".to_owned(),
        Json::Object(map) => {
            let key = |k: &str| {
                let plain = !k.is_empty()
                    && k.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && k.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                if plain { k.to_owned() } else { quoted(k) }
            };
            let width = map.keys().map(|k| super::style::columns(&key(k))).max().unwrap_or(0);
            let lines: Vec<String> = map
                .iter()
                .map(|(k, v)| {
                    let name = super::style::pad(&key(k), width);
                    format!("{indent}{name} = {}\n", expression(v, depth + 1))
                })
                .collect();
            format!("{{\n{}{close}}}", lines.concat())
        }
        other => other.to_string(),
    }
}

fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.keys().all(|k| k.starts_with("palisade:")),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::adopt::AdoptableObject;
    use crate::schema::kinds;

    #[test]
    fn a_role_becomes_a_block_and_an_import() {
        let attrs: Attrs = serde_json::json!({
            "name": "ci.deploy", "path": "/", "description": "", "max_session_duration": 3600,
            "assume_role_policy": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com"]}, "Action": ["sts:AssumeRole"]}]},
            "inline_policies": {"a b": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::x/${aws:username}/*"]}]}},
            "managed_policies": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            "arn": "arn:aws:iam::111111111111:role/ci.deploy", "unique_id": "AROAX",
            "tags": {"team": "a"}
        })
        .as_object()
        .expect("an object")
        .iter()
        .map(|(k, v)| (k.clone(), Value::from_json(v)))
        .collect();
        let kind = kinds::kind("iam_role").expect("known");
        let object = AdoptableObject { kind, key: "ci.deploy".to_owned(), attrs, resource: None };
        let declared = BTreeSet::new();
        let adoptable = Adoptable {
            objects: vec![object.clone(), object],
            account: Some("dev".to_owned()),
            declared,
            blocks: BTreeMap::new(),
            left_out: Vec::new(),
            unread: Vec::new(),
        };
        let text = blocks(&adoptable);
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/render"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("adopt.hcl", text));
    }
}
