//! What a schema says of the value at a place: its type, its properties, whether the order of a list matters.

use std::collections::BTreeSet;
use std::ptr;

use serde_json::{Map, Value as Json};

use super::property_path::PropertyStep;

type Node = Map<String, Json>;

/// A JSON type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PropertyType {
    /// An object or map.
    Object,
    /// A list.
    Array,
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A truth value.
    Boolean,
}

/// Everything that a schema says of the value at a place: of each of its alternatives, where there are several.
#[derive(Clone, Debug)]
pub struct PropertyShape<'a> {
    root: &'a Node,
    nodes: Vec<&'a Node>,
}

impl<'a> PropertyShape<'a> {
    /// The shape of the object itself.
    pub(super) fn root(root: &'a Node) -> Self {
        let mut shape = Self { root, nodes: Vec::new() };
        shape.add_node(root);
        shape
    }

    fn of(root: &'a Node, schemas: impl IntoIterator<Item = &'a Json>) -> Option<Self> {
        let mut shape = Self { root, nodes: Vec::new() };
        let mut is_given = false;
        for schema in schemas {
            // `true` and `{}` say nothing of what may stand there.
            is_given |= schema.as_bool() != Some(false);
            if let Json::Object(node) = schema {
                shape.add_node(node);
            }
        }
        is_given.then_some(shape)
    }

    /// Adds a node with what it refers to and its alternatives, each once: schemas may refer to themselves.
    fn add_node(&mut self, node: &'a Node) {
        if self.nodes.iter().any(|known| ptr::eq(*known, node)) {
            return;
        }
        self.nodes.push(node);
        let target = node.get("$ref").and_then(Json::as_str).and_then(|to| self.referred(to));
        let several = ["allOf", "anyOf", "oneOf"].into_iter();
        let several = several.filter_map(|word| node.get(word)?.as_array()).flatten();
        let one = ["then", "else"].into_iter().filter_map(|word| node.get(word));
        let dependent = node.get("dependentSchemas").and_then(Json::as_object);
        let dependent = dependent.into_iter().flat_map(Node::values);
        for other in several.chain(one).chain(dependent).filter_map(Json::as_object).chain(target) {
            self.add_node(other);
        }
    }

    /// What a JSON pointer in a fragment refers to: `#/definitions/Tag`.
    fn referred(&self, to: &str) -> Option<&'a Node> {
        let mut at: Option<&'a Json> = None;
        for step in to.strip_prefix("#/")?.split('/') {
            let name = step.replace("~1", "/").replace("~0", "~");
            at = match at {
                None => Some(self.root.get(&name)?),
                Some(Json::Array(items)) => Some(items.get(name.parse::<usize>().ok()?)?),
                Some(other) => Some(other.get(&name)?),
            };
        }
        at?.as_object()
    }

    fn words(&self, word: &'static str) -> impl Iterator<Item = &'a Json> + '_ {
        self.nodes.iter().filter_map(move |node| node.get(word))
    }

    /// The shape of a property or of a map's value; `None` where none of that name can stand there.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<Self> {
        let named = self.words("properties").filter_map(|all| all.get(name));
        Self::of(self.root, named).or_else(|| self.value_of_map())
    }

    /// The shape of a map's values: of properties whose names are free.
    #[must_use]
    pub fn value_of_map(&self) -> Option<Self> {
        let patterns = self.words("patternProperties").filter_map(Json::as_object);
        let others = self.words("additionalProperties").filter(|schema| schema.is_object());
        Self::of(self.root, patterns.flat_map(Node::values).chain(others))
    }

    /// The shape of a list's elements.
    #[must_use]
    pub fn element(&self) -> Option<Self> {
        let first = self.words("prefixItems").filter_map(Json::as_array).flatten();
        Self::of(self.root, self.words("items").chain(first))
    }

    /// The shape one step below.
    #[must_use]
    pub fn step(&self, step: &PropertyStep) -> Option<Self> {
        match step {
            PropertyStep::Name(name) => self.property(name),
            PropertyStep::Each => self.element().or_else(|| self.value_of_map()),
        }
    }

    /// The shape at a path below.
    #[must_use]
    pub fn at(&self, path: &[PropertyStep]) -> Option<Self> {
        path.iter().try_fold(self.clone(), |shape, step| shape.step(step))
    }

    /// The names of the properties that can stand there.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&'a str> {
        let all = self.words("properties").filter_map(Json::as_object);
        all.flat_map(Node::keys).map(String::as_str).collect()
    }

    /// The properties that are asked for whichever alternative is taken.
    #[must_use]
    pub fn required(&self) -> BTreeSet<&'a str> {
        let mut always: Vec<&'a Node> = self.nodes.first().copied().into_iter().collect();
        let mut at = 0;
        while let Some(node) = always.get(at).copied() {
            at += 1;
            let target = node.get("$ref").and_then(Json::as_str).and_then(|to| self.referred(to));
            let all = node.get("allOf").and_then(Json::as_array).into_iter().flatten();
            for other in all.filter_map(Json::as_object).chain(target) {
                if !always.iter().any(|known| ptr::eq(*known, other)) {
                    always.push(other);
                }
            }
        }
        let names = always.into_iter().filter_map(|node| node.get("required")?.as_array());
        names.flatten().filter_map(Json::as_str).collect()
    }

    /// The properties that some alternative or dependency asks for.
    #[must_use]
    pub fn asked_for(&self) -> BTreeSet<&'a str> {
        let always = self.words("required").filter_map(Json::as_array).flatten();
        let dependent = self.words("dependentRequired").filter_map(Json::as_object);
        let dependent = dependent.flat_map(Node::values).filter_map(Json::as_array).flatten();
        always.chain(dependent).filter_map(Json::as_str).collect()
    }

    /// The types that a value may have; none where the schema says nothing of it.
    #[must_use]
    pub fn types(&self) -> BTreeSet<PropertyType> {
        let names = self.words("type").flat_map(|told| match told {
            Json::Array(several) => several.iter().filter_map(Json::as_str).collect(),
            one => Vec::from_iter(one.as_str()),
        });
        let told: BTreeSet<PropertyType> = names.filter_map(type_named).collect();
        let has = |word: &'static str| self.words(word).next().is_some();
        match told.is_empty() {
            true if has("properties") || has("patternProperties") => [PropertyType::Object].into(),
            true if has("items") => [PropertyType::Array].into(),
            _ => told,
        }
    }

    /// Whether a text there holds JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.words("format").any(|format| format.as_str() == Some("json"))
    }

    /// Whether the order of a list's elements means nothing.
    #[must_use]
    pub fn is_unordered(&self) -> bool {
        self.words("insertionOrder").any(|told| told.as_bool() == Some(false))
    }

    /// Whether a list holds each element once.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        self.words("uniqueItems").any(|told| told.as_bool() == Some(true))
    }

    /// The texts that can stand there alone, where the schema lists them.
    #[must_use]
    pub fn choices(&self) -> Vec<&'a str> {
        self.words("enum").filter_map(Json::as_array).flatten().filter_map(Json::as_str).collect()
    }
}

fn type_named(name: &str) -> Option<PropertyType> {
    Some(match name {
        "object" => PropertyType::Object,
        "array" => PropertyType::Array,
        "string" => PropertyType::String,
        "integer" => PropertyType::Integer,
        "number" => PropertyType::Number,
        "boolean" => PropertyType::Boolean,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_what_all_alternatives_say() {
        let schema = serde_json::json!({
            "properties": {
                "Rules": {"type": "array", "insertionOrder": false, "items": {"$ref": "#/definitions/Rule"}},
                "Labels": {"type": "object", "patternProperties": {"^a": {"type": "string"}}},
            },
            "definitions": {
                "Rule": {
                    "type": "object",
                    "properties": {"Id": {"type": "string"}, "Nested": {"$ref": "#/definitions/Rule"}},
                    "required": ["Id"],
                    "oneOf": [{"properties": {"A": {"type": "integer"}}}, {"properties": {"B": {"enum": ["x", "y"]}}}],
                },
            },
        });
        let root = schema.as_object().unwrap();
        let shape = PropertyShape::root(root);
        let rules = shape.property("Rules").unwrap();
        assert!(rules.is_unordered() && !rules.is_unique());
        let rule = rules.element().unwrap();
        assert_eq!(Vec::from_iter(rule.names()), ["A", "B", "Id", "Nested"]);
        assert_eq!(Vec::from_iter(rule.required()), ["Id"]);
        let deep = rule.property("Nested").unwrap().property("Nested").unwrap();
        assert_eq!(deep.property("A").unwrap().types(), [PropertyType::Integer].into());
        assert_eq!(deep.property("B").unwrap().choices(), ["x", "y"]);
        let labels = shape.property("Labels").unwrap();
        assert_eq!(labels.property("any").unwrap().types(), [PropertyType::String].into());
        assert!(labels.element().is_none() && rule.property("C").is_none());
    }
}
