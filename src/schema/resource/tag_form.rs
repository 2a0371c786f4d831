//! Tags as a type takes them, and whether it takes them at all: some allow fewer characters than AWS does elsewhere.

use serde_json::{Map, Value as Json};

use crate::resource_types::{PropertyPath, Segment, TypeSchema, check};
use crate::value::Attrs;

/// Tags in the form of the type: a list of keys and values, or a map.
#[must_use]
pub fn tags_json(ty: &TypeSchema, tags: &Attrs) -> Json {
    let texts = tags.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
    let path = ty.tag_property().filter(PropertyPath::is_top);
    let Some(element) = path.and_then(|path| ty.shape().at(&path.0)?.element()) else {
        return Json::Object(texts.map(|(key, value)| (key.to_owned(), value.into())).collect());
    };
    let names = element.names();
    let each = texts.map(|(key, value)| {
        let mut tag = Map::new();
        tag.insert("Key".to_owned(), key.into());
        tag.insert("Value".to_owned(), value.into());
        // Auto Scaling groups hand tags on to what they launch.
        if names.contains("PropagateAtLaunch") {
            tag.insert("PropagateAtLaunch".to_owned(), true.into());
        }
        Json::Object(tag)
    });
    Json::Array(each.collect())
}

/// The property of the tags that a block's `tags` say. `None` where another default tag would replace the object, where tags are
/// never read back, so that nothing tells whether they are there, and where they belong to a part of the object.
#[must_use]
pub fn settable_tags(ty: &TypeSchema) -> Option<PropertyPath> {
    let path = ty.tag_property().filter(PropertyPath::is_top)?;
    let listed = |paths: &[PropertyPath]| paths.iter().any(|other| other.covers(&path.0));
    (!listed(&ty.create_only) && !listed(&ty.write_only)).then_some(path)
}

/// Why a type does not take tags; nothing where it does.
pub(super) fn why_not(ty: &TypeSchema, tags: &Attrs) -> Option<String> {
    let path = ty.tag_property().filter(PropertyPath::is_top)?;
    let object = Json::Object(Map::from_iter([(path.root().to_owned(), tags_json(ty, tags))]));
    let is_about_tags = |at: &[Segment]| at.first() == Some(&Segment::Name(path.root().to_owned()));
    let mut problems = check(ty, &object, &[]).into_iter();
    problems.find(|problem| is_about_tags(&problem.path)).map(|problem| problem.summary)
}
