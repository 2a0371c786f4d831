//! A block of a resource type: its properties checked against the type's schema, and made canonical.

use super::canonical::canonical;
use super::place::place;
use super::tag_form::{settable_tags, why_not};
use super::{PROPERTIES, REGION, TAGS, region};
use crate::diag::{Diagnostic, Diagnostics};
use crate::resource_types::{PropertyStep, Segment, TypeSchema, check};
use crate::schema::body::Body;
use crate::schema::ownership::is_mark;
use crate::schema::pure_half::KindContext;
use crate::schema::read::Reader;
use crate::schema::tags::{self, TagKeys};
use crate::value::{Attrs, Value};

/// The attribute that holds tags.
const TAGS_ATTR: &str = TAGS.name;

pub(super) fn desired(
    ty: &TypeSchema,
    body: &Body,
    context: &KindContext,
) -> Result<(Attrs, Diagnostics), Diagnostics> {
    let mut reader = Reader::new(body);
    let mut attrs = properties(ty, &mut reader);
    let region = region::read(ty, &attrs, &mut reader, context);
    attrs.insert(REGION.to_owned(), region.into());
    let tag_property = ty.tag_property();
    let is_free = settable_tags(ty).is_some();
    if let Some(path) = &tag_property
        && is_free
        && attrs.contains_key(path.root())
        && path.is_top()
    {
        let at = place(body.loc_of(PROPERTIES), &[Segment::Name(path.root().to_owned())]);
        reader.diagnostics.push(
            Diagnostic::error(format!("`{}` stands beside `{PROPERTIES}`, not in it", path.root()))
                .at(at)
                .help(
                    "write `tags = { KEY = \"value\" }` in the block: they win over default tags",
                ),
        );
    }
    if is_free {
        let tags = tags::read(&mut reader, context, TagKeys::MindCase);
        let tags = taken(ty, tags, &mut reader);
        attrs.insert(TAGS_ATTR.to_owned(), tags);
    } else if body.get(TAGS_ATTR).is_some() {
        let (why, help) = match tag_property {
            None => ("has no tags", "remove `tags`"),
            Some(path) if !path.is_top() => {
                ("tags parts of its objects", "remove `tags`, and write the tags in `properties`")
            }
            Some(_) => (
                "settles its tags when it is created",
                "write them in `properties`, where no default tag joins them: another one would replace the object",
            ),
        };
        reader.error(TAGS_ATTR, format!("`{}` {why}", ty.name), help);
    }
    if let Some(gone) = &ty.lifecycle {
        let since = gone.date.as_ref().map(|date| format!(" (since {date})")).unwrap_or_default();
        reader.diagnostics.push(
            Diagnostic::warning(format!("AWS gives up `{}`: {}{since}", ty.name, gone.status))
                .at(body.loc.clone()),
        );
    }
    reader.diagnostics.with_warnings(attrs)
}

/// The tags that a type takes. Where its own rules exclude the ownership tags, the object goes without them: its identifier
/// tells it from others.
fn taken(ty: &TypeSchema, tags: Value, reader: &mut Reader<'_>) -> Value {
    let Some(map) = tags.as_map() else { return tags };
    if why_not(ty, map).is_none() {
        return tags;
    }
    let own = map.iter().filter(|(key, _)| !is_mark(key));
    let own: Attrs = own.map(|(key, value)| (key.clone(), value.clone())).collect();
    if let Some(why) = why_not(ty, &own) {
        reader.error(
            TAGS_ATTR,
            format!("`{}` does not take these tags: {why}", ty.name),
            "change them in the block: its tags override default tags",
        );
    }
    Value::Map(own)
}

/// The properties, and what is wrong with them.
fn properties(ty: &TypeSchema, reader: &mut Reader<'_>) -> Attrs {
    let given = reader.body.get(PROPERTIES);
    let value = given.map_or(&Value::Null, |given| &given.value);
    let map = match value.reveal() {
        Value::Map(map) => map.clone(),
        Value::Null => Attrs::new(),
        Value::Unknown(_) => {
            reader.error(
                PROPERTIES,
                format!("`{PROPERTIES}` must be known while planning"),
                "its values may be unknown, but not which properties there are",
            );
            return Attrs::new();
        }
        other => {
            reader.error(
                PROPERTIES,
                format!("`{PROPERTIES}` must be an object, not {}", other.type_name()),
                "write `properties = { NAME = value }`",
            );
            return Attrs::new();
        }
    };
    let whole = canonical(&Value::Map(map), Some(&ty.shape()));
    let at = reader.loc(PROPERTIES);
    let mut instance = Instance::default();
    let json = instance.json(&whole);
    for path in &instance.blocks {
        reader.diagnostics.push(
            Diagnostic::error(format!("`{}` is a whole object", last(path)))
                .at(place(&at, path))
                .help("name the attribute that is meant: `.id`, `.arn` or another one"),
        );
    }
    for path in read_only(ty, &whole) {
        reader.diagnostics.push(
            Diagnostic::error(format!("`{}` of `{}` cannot be set", last(&path), ty.name))
                .at(place(&at, &path))
                .detail("AWS sets it")
                .help("remove it"),
        );
    }
    for problem in check(ty, &json, &instance.unknown) {
        let hidden = instance.sensitive.iter().any(|path| problem.path.starts_with(path));
        let summary = if hidden {
            format!("`{}` does not fit its type", last(&problem.path))
        } else {
            problem.summary
        };
        let diagnostic = Diagnostic::error(summary).at(place(&at, &problem.path));
        let rule = format!("by the schema of `{}` of {}", ty.name, crate::resource_types::date());
        reader.diagnostics.push(diagnostic.detail(rule).help_opt(problem.help.filter(|_| !hidden)));
    }
    let mut attrs = whole.as_map().cloned().unwrap_or_default();
    // What is never read back is kept as a fingerprint alone.
    for path in &ty.write_only {
        if let Some(value) = attrs.get_mut(path.root()) {
            *value = hidden(std::mem::take(value), path.0.get(1..).unwrap_or_default());
        }
    }
    attrs
}

/// A value of which what is at a path below is sensitive.
fn hidden(value: Value, path: &[PropertyStep]) -> Value {
    let Some((step, below)) = path.split_first() else {
        return if value.is_null() { value } else { value.sensitive() };
    };
    match (value, step) {
        (Value::Map(mut map), PropertyStep::Name(name)) => {
            if let Some(inside) = map.get_mut(name) {
                *inside = hidden(std::mem::take(inside), below);
            }
            Value::Map(map)
        }
        (Value::Map(map), PropertyStep::Each) => Value::Map(
            map.into_iter().map(|(name, inside)| (name, hidden(inside, below))).collect(),
        ),
        (Value::List(list), PropertyStep::Each) => {
            Value::list(list.iter().map(|inside| hidden(inside.clone(), below)).collect())
        }
        (value, _) => value,
    }
}

fn last(path: &[Segment]) -> String {
    match path.last() {
        Some(Segment::Name(name)) => name.clone(),
        Some(Segment::Index(at)) => format!("element {at}"),
        None => PROPERTIES.to_owned(),
    }
}

/// The paths of what AWS alone sets and the block gives.
fn read_only(ty: &TypeSchema, whole: &Value) -> Vec<Vec<Segment>> {
    let mut found = Vec::new();
    let mut stack = vec![(Vec::<Segment>::new(), whole)];
    while let Some((path, value)) = stack.pop() {
        let steps: Vec<PropertyStep> = path.iter().map(Segment::step).collect();
        if !steps.is_empty()
            && ty.read_only.iter().any(|path| path.0.len() == steps.len() && path.covers(&steps))
        {
            found.push(path);
            continue;
        }
        let below = |segment: Segment| path.iter().cloned().chain([segment]).collect::<Vec<_>>();
        match value.reveal() {
            Value::Map(map) => stack.extend(
                map.iter().rev().map(|(name, value)| (below(Segment::Name(name.clone())), value)),
            ),
            Value::List(list) => stack.extend(
                list.iter().enumerate().rev().map(|(at, value)| (below(Segment::Index(at)), value)),
            ),
            _ => {}
        }
    }
    found
}

/// Properties as JSON, and what cannot stand in it: what is not known yet, what is sensitive, and references to whole objects.
#[derive(Default)]
struct Instance {
    unknown: Vec<Vec<Segment>>,
    sensitive: Vec<Vec<Segment>>,
    blocks: Vec<Vec<Segment>>,
    path: Vec<Segment>,
}

impl Instance {
    fn json(&mut self, value: &Value) -> serde_json::Value {
        match value {
            Value::Sensitive(inner) => {
                self.sensitive.push(self.path.clone());
                self.json(inner)
            }
            Value::Unknown(_) | Value::Secret(_) => {
                self.unknown.push(self.path.clone());
                serde_json::Value::Null
            }
            Value::Block(_) => {
                self.unknown.push(self.path.clone());
                self.blocks.push(self.path.clone());
                serde_json::Value::Null
            }
            Value::Map(map) => {
                let inside = map.iter().map(|(name, value)| {
                    let json = self.below(Segment::Name(name.clone()), value);
                    (name.clone(), json)
                });
                serde_json::Value::Object(inside.collect())
            }
            Value::List(list) => {
                let inside = list
                    .iter()
                    .enumerate()
                    .map(|(at, value)| self.below(Segment::Index(at), value));
                serde_json::Value::Array(inside.collect())
            }
            other => other.to_json(),
        }
    }

    fn below(&mut self, segment: Segment, value: &Value) -> serde_json::Value {
        self.path.push(segment);
        let json = self.json(value);
        self.path.pop();
        json
    }
}
