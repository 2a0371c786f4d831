//! A block of a resource type: its properties checked against the type's schema, and made canonical.

use super::canonical::canonical;
use super::place::place;
use super::{PROPERTIES, REGION, TAGS, region};
use crate::diag::{Diagnostic, Diagnostics};
use crate::resource_types::{PropertyStep, Segment, TypeSchema, check};
use crate::schema::body::Body;
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
    // Where tags are settled with the object, another default tag would replace it; where they are never read back, nothing
    // tells whether they are there.
    let is_free = tag_property.as_ref().is_some_and(|path| {
        let listed = |paths: &[crate::resource_types::PropertyPath]| {
            paths.iter().any(|other| other.covers(&path.0))
        };
        !listed(&ty.create_only) && !listed(&ty.write_only)
    });
    if let Some(path) = &tag_property
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
        attrs.insert(TAGS_ATTR.to_owned(), tags);
    } else if body.get(TAGS_ATTR).is_some() {
        let (why, help) = match tag_property {
            None => ("has no tags", "remove `tags`"),
            Some(_) => (
                "settles its tags when it is created",
                "remove `tags`: another default tag would replace the object",
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
    for path in ty.write_only.iter().filter(|path| path.is_top()) {
        if let Some(value) = attrs.get_mut(path.root()) {
            *value = std::mem::take(value).sensitive();
        }
    }
    attrs
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
