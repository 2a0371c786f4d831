//! One resource type: what its schema says of the object as a whole.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde::Deserialize;
use serde_json::Value as Json;

use super::property_path::{PropertyPath, PropertyStep};
use super::shape::PropertyShape;

/// What Cloud Control can do with objects of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Handler {
    /// Make one.
    Create,
    /// Read one.
    Read,
    /// Change one in place.
    Update,
    /// Delete one.
    Delete,
    /// List all.
    List,
}

/// Which handlers a type has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handlers(u8);

impl Handlers {
    /// Those that these letters stand for: the first of each handler's name.
    #[must_use]
    pub(super) fn of(letters: &str) -> Self {
        let all = [
            ('c', Handler::Create),
            ('r', Handler::Read),
            ('u', Handler::Update),
            ('d', Handler::Delete),
            ('l', Handler::List),
        ];
        let found = all.iter().filter(|(letter, _)| letters.contains(*letter));
        Self(found.fold(0, |bits, (_, handler)| bits | 1 << *handler as u8))
    }

    /// Whether it has one.
    #[must_use]
    pub fn has(self, handler: Handler) -> bool {
        self.0 & 1 << handler as u8 != 0
    }

    /// Whether objects can be managed at all: made, read and deleted.
    #[must_use]
    pub fn can_be_managed(self) -> bool {
        [Handler::Create, Handler::Read, Handler::Delete].into_iter().all(|h| self.has(h))
    }
}

/// What the schema says of one handler.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HandlerDetails {
    /// The actions that it calls, on some branch: an upper bound.
    pub permissions: Vec<String>,
    /// Minutes after which it gives up; AWS's default is 120.
    pub timeout_in_minutes: Option<u32>,
    /// What a list asks for: properties of the objects' parent, as a schema.
    pub handler_schema: Option<Json>,
}

/// How objects are tagged.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tagging {
    /// Whether they can be.
    pub taggable: bool,
    /// Whether they are from their creation on.
    pub tag_on_create: Option<bool>,
    /// Whether tags can change in place.
    pub tag_updatable: Option<bool>,
    /// The property that holds the tags.
    tag_property: Option<PropertyPath>,
    /// The actions that tagging calls.
    pub permissions: Vec<String>,
}

/// In which order an object is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replacement {
    /// The new one comes first: what CloudFormation does where a schema says nothing.
    #[default]
    CreateThenDelete,
    /// The old one goes first: both cannot exist at once.
    DeleteThenCreate,
}

/// That AWS gives up a type, or has.
#[derive(Clone, Debug, Deserialize)]
pub struct Retirement {
    /// `sunset`, `shutdown` or `maintenance`.
    pub status: String,
    /// From which day on.
    pub date: Option<String>,
}

/// A resource type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeSchema {
    /// Its name: `AWS::Logs::LogGroup`.
    #[serde(rename = "typeName")]
    pub name: String,
    /// The properties that tell one object from all others, in the order in which Cloud Control joins them.
    #[serde(rename = "primaryIdentifier", default)]
    pub identifier: Vec<PropertyPath>,
    /// Other sets of properties that do.
    #[serde(default)]
    pub additional_identifiers: Vec<Vec<PropertyPath>>,
    /// What AWS sets.
    #[serde(rename = "readOnlyProperties", default)]
    pub read_only: Vec<PropertyPath>,
    /// What changes only by replacing the object.
    #[serde(rename = "createOnlyProperties", default)]
    pub create_only: Vec<PropertyPath>,
    /// What AWS decides about, change by change: in place, or by replacing the object.
    #[serde(rename = "conditionalCreateOnlyProperties", default)]
    pub may_replace: Vec<PropertyPath>,
    /// What is never read back.
    #[serde(rename = "writeOnlyProperties", default)]
    pub write_only: Vec<PropertyPath>,
    /// What AWS advises against.
    #[serde(rename = "deprecatedProperties", default)]
    pub deprecated: Vec<PropertyPath>,
    /// How AWS rewrites what it is given, in JSONata, by path.
    #[serde(rename = "propertyTransform", default)]
    transforms: BTreeMap<String, String>,
    /// In which order an object is replaced.
    #[serde(rename = "replacementStrategy", default)]
    pub replacement: Replacement,
    /// That AWS gives the type up.
    #[serde(default)]
    pub lifecycle: Option<Retirement>,
    /// What each handler says of itself.
    #[serde(default)]
    pub handlers: BTreeMap<Handler, HandlerDetails>,
    /// How objects are tagged.
    #[serde(default)]
    pub tagging: Tagging,
    /// The schema of the object, with everything that it refers to.
    #[serde(flatten)]
    schema: serde_json::Map<String, Json>,
    #[serde(skip)]
    validator: OnceLock<Result<ValidatorOf, String>>,
}

struct ValidatorOf(Validator);

impl fmt::Debug for ValidatorOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValidatorOf")
    }
}

/// What of the schema is about the object's value.
const ABOUT_VALUES: [&str; 14] = [
    "properties",
    "definitions",
    "required",
    "additionalProperties",
    "patternProperties",
    "oneOf",
    "anyOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
];

impl TypeSchema {
    /// The shape of its objects.
    #[must_use]
    pub fn shape(&self) -> PropertyShape<'_> {
        PropertyShape::root(&self.schema)
    }

    /// The property that holds tags: a list of keys and values, or a map, as its shape says. `None` where objects have none.
    #[must_use]
    pub fn tag_property(&self) -> Option<PropertyPath> {
        if !self.tagging.taggable {
            return None;
        }
        let told = self.tagging.tag_property.clone();
        let usual = || PropertyPath(vec![PropertyStep::Name("Tags".to_owned())]);
        let path = told.unwrap_or_else(usual);
        self.shape().at(&path.0).is_some().then_some(path)
    }

    /// The properties of a parent that a list of the objects asks for; none where all objects can be listed.
    #[must_use]
    pub fn needed_for_lists(&self) -> Vec<&str> {
        let list = self.handlers.get(&Handler::List);
        let Some(asked) = list.and_then(|list| list.handler_schema.as_ref()) else {
            return Vec::new();
        };
        let own = names(asked.get("required"));
        let alternatives = ["oneOf", "anyOf"].iter().filter_map(|word| asked.get(word)?.as_array());
        let others = alternatives.flatten().flat_map(|one| names(one.get("required")));
        let mut all: Vec<&str> = own.into_iter().chain(others).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// How AWS rewrites what is given at a path, in JSONata.
    #[must_use]
    pub fn transform(&self, path: &PropertyPath) -> Option<&str> {
        let found =
            self.transforms.iter().find(|(at, _)| PropertyPath::from((*at).clone()) == *path);
        found.map(|(_, text)| text.as_str())
    }

    /// The validator of its objects.
    ///
    /// # Errors
    /// The schema is none that can be checked, which a test finds.
    pub(super) fn validator(&self) -> Result<&Validator, &str> {
        let made = self.validator.get_or_init(|| {
            let about = |key: &str| ABOUT_VALUES.contains(&key);
            let schema = self.schema.iter().filter(|(key, _)| about(key));
            let schema: serde_json::Map<String, Json> =
                schema.map(|(key, value)| (key.clone(), value.clone())).collect();
            validator(&Json::Object(schema)).map(ValidatorOf).map_err(|error| error.to_string())
        });
        made.as_ref().map(|made| &made.0).map_err(String::as_str)
    }
}

/// The texts of a list.
fn names(list: Option<&Json>) -> Vec<&str> {
    list.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect()
}

/// Patterns with lookaround are among them, so an engine that knows it reads them all.
fn validator(schema: &Json) -> Result<Validator, ValidationError<'static>> {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(PatternOptions::fancy_regex())
        .should_validate_formats(false)
        .offline()
        .build(schema)
}
