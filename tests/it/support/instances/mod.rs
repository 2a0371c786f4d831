//! Objects of AWS resource types, made from the bundled schemas: a valid one with as little as can be, and others that
//! differ from it in one property. The schemas are read and applied without Palisade's own code.

mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use proptest::test_runner::TestRunner;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Map, Value as Json, json};

/// How often an object is tried before its type counts as one of which none can be made.
const TRIES: u64 = 300;

/// How deep objects are made: types may hold themselves.
const DEPTH: usize = 12;

/// A type's schema, as it is bundled.
pub(crate) struct Schema {
    root: Json,
    validator: Validator,
    /// Paths that AWS sets: `A/B/*/C`.
    read_only: BTreeSet<String>,
}

/// The schemas of all types by name.
pub(crate) fn bundled() -> BTreeMap<String, Json> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/resource_types/data");
    let index = std::fs::read_to_string(data.join("index.txt")).expect("an index");
    let packed = std::fs::read(data.join("schemas.bin")).expect("schemas");
    let mut rest = packed.as_slice();
    let mut all = BTreeMap::new();
    for line in index.lines().filter(|line| !line.starts_with('#')) {
        let length = line.split(' ').nth(1).and_then(|bytes| bytes.parse().ok()).expect("a length");
        let (stream, after) = rest.split_at(length);
        rest = after;
        let mut text = String::new();
        flate2::read::GzDecoder::new(stream).read_to_string(&mut text).expect("unpacked");
        all.extend(serde_json::from_str::<BTreeMap<String, Json>>(&text).expect("schemas"));
    }
    all
}

fn validator(schema: &Json) -> Validator {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(PatternOptions::fancy_regex())
        .should_validate_formats(false)
        .offline()
        .build(schema)
        .expect("a schema")
}

impl Schema {
    pub(crate) fn new(root: Json) -> Self {
        let validator = validator(&root);
        let paths = root.get("readOnlyProperties").and_then(Json::as_array).into_iter().flatten();
        let paths = paths.filter_map(|path| path.as_str()?.strip_prefix("/properties/"));
        let read_only = paths.map(str::to_owned).collect();
        Self { root, validator, read_only }
    }

    /// An object with what is required and no more.
    pub(crate) fn minimal(&self) -> Option<Json> {
        (0..TRIES).find_map(|seed| {
            let mut maker = Maker::new(self, seed, 0.0);
            let object = maker.value(&self.root, "", 0)?;
            self.repaired(&mut maker, object)
        })
    }

    /// The object with another value of a property. `differs` says whether two values do.
    pub(crate) fn changed(
        &self,
        object: &Json,
        property: &str,
        differs: impl Fn(&Json, &Json) -> bool,
    ) -> Option<Json> {
        let node = self.root.get("properties")?.get(property)?;
        (0..TRIES / 4).find_map(|seed| {
            let mut maker = Maker::new(self, seed, 0.1 * (seed % 8) as f64);
            let value = maker.value(node, property, 1)?;
            let mut other = object.clone();
            if !differs(other.get(property).unwrap_or(&Json::Null), &value) {
                return None;
            }
            other[property] = value;
            self.validator.is_valid(&other).then_some(other)
        })
    }

    /// The object with what the validator finds to be missing.
    fn repaired(&self, maker: &mut Maker<'_>, mut object: Json) -> Option<Json> {
        for _ in 0..20 {
            let missing = self.missing(maker, &object)?;
            let Some((pointer, name)) = missing else { return Some(object) };
            let steps = pointer.split('/').filter(|step| !step.is_empty());
            let path: Vec<String> = steps
                .map(|s| if s.parse::<usize>().is_ok() { "*".to_owned() } else { s.to_owned() })
                .collect();
            let node = maker.node_at(&path)?;
            let node = node.get("properties")?.get(&name)?.clone();
            let below = path.iter().map(String::as_str).chain([name.as_str()]);
            let path = below.collect::<Vec<_>>().join("/");
            let value = maker.value(&node, &path, 1)?;
            object.pointer_mut(&pointer)?.as_object_mut()?.insert(name, value);
        }
        None
    }

    /// What has to be added, of which one choice is taken where there are several; nothing where the object is valid.
    fn missing(&self, maker: &mut Maker<'_>, object: &Json) -> Option<Option<(String, String)>> {
        match self.validator.iter_errors(object).next() {
            None => Some(None),
            Some(error) => asked_for(maker, &error).map(Some),
        }
    }
}

/// Where a property is missing, and which.
fn asked_for(maker: &mut Maker<'_>, error: &ValidationError<'_>) -> Option<(String, String)> {
    match error.kind() {
        Kind::Required { property } => {
            Some((error.instance_path().as_str().to_owned(), property.as_str()?.to_owned()))
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            let chosen = maker.rng.random_range(0..context.len());
            asked_for(maker, context.get(chosen)?.first()?)
        }
        _ => None,
    }
}

struct Maker<'s> {
    schema: &'s Schema,
    rng: SmallRng,
    runner: TestRunner,
    /// How likely something is made that nobody asked for.
    richness: f64,
}

impl<'s> Maker<'s> {
    fn new(schema: &'s Schema, seed: u64, richness: f64) -> Self {
        let mut runner = TestRunner::deterministic();
        for _ in 0..seed {
            runner.new_rng();
        }
        Self { schema, rng: SmallRng::seed_from_u64(seed), runner, richness }
    }

    /// A node with what it refers to and with one of its alternatives.
    fn flat(&mut self, node: &Json) -> Map<String, Json> {
        let mut out = Map::new();
        let Some(node) = node.as_object() else { return out };
        for (word, told) in node {
            match word.as_str() {
                "$ref" => {
                    let target = told.as_str().and_then(|to| to.strip_prefix('#'));
                    let target = target.and_then(|to| self.schema.root.pointer(to)).cloned();
                    let inner = self.flat(&target.unwrap_or_default());
                    merge(&mut out, inner);
                }
                "allOf" => {
                    for one in told.as_array().into_iter().flatten() {
                        let inner = self.flat(one);
                        merge(&mut out, inner);
                    }
                }
                "anyOf" | "oneOf" => {
                    let all = told.as_array().map(Vec::as_slice).unwrap_or_default();
                    if !all.is_empty() {
                        let one = all[self.rng.random_range(0..all.len())].clone();
                        let inner = self.flat(&one);
                        merge(&mut out, inner);
                    }
                }
                _ => merge(&mut out, Map::from_iter([(word.clone(), told.clone())])),
            }
        }
        out
    }

    /// The node of a property's path.
    fn node_at(&mut self, path: &[String]) -> Option<Map<String, Json>> {
        let root = self.schema.root.clone();
        let mut node = self.flat(&root);
        for step in path {
            let below = match step.as_str() {
                "*" => node.get("items")?.clone(),
                name => node.get("properties")?.get(name)?.clone(),
            };
            node = self.flat(&below);
        }
        Some(node)
    }

    fn value(&mut self, node: &Json, path: &str, depth: usize) -> Option<Json> {
        if depth > DEPTH {
            return None;
        }
        let node = self.flat(node);
        if let Some(only) = node.get("const") {
            return Some(only.clone());
        }
        if let Some(all) = node.get("enum").and_then(Json::as_array) {
            return all.get(self.rng.random_range(0..all.len().max(1))).cloned();
        }
        let types: Vec<&str> = match node.get("type") {
            Some(Json::Array(all)) => all.iter().filter_map(Json::as_str).collect(),
            Some(one) => Vec::from_iter(one.as_str()),
            None if node.contains_key("properties") => vec!["object"],
            None if node.contains_key("items") => vec!["array"],
            None if node.contains_key("pattern") => vec!["string"],
            None => vec!["object"],
        };
        let types: Vec<&str> = types.into_iter().filter(|ty| *ty != "null").collect();
        match *types.get(self.rng.random_range(0..types.len().max(1)))? {
            "object" => self.object(&node, path, depth),
            "array" => self.array(&node, path, depth),
            "string" => self.string(&node),
            "boolean" => Some(self.rng.random::<bool>().into()),
            number => Some(self.number(&node, number == "integer")),
        }
    }

    fn object(&mut self, node: &Map<String, Json>, path: &str, depth: usize) -> Option<Json> {
        let none = Map::new();
        let properties = node.get("properties").and_then(Json::as_object).unwrap_or(&none);
        let below = |name: &str| match path.is_empty() {
            true => name.to_owned(),
            false => format!("{path}/{name}"),
        };
        let required = node.get("required").and_then(Json::as_array).into_iter().flatten();
        let mut names: BTreeSet<&str> = required.filter_map(Json::as_str).collect();
        let asked = |word: &str| node.get(word).and_then(Json::as_u64).unwrap_or(0) as usize;
        let spare = |name: &&str| !self.schema.read_only.contains(&below(name));
        let mut others: Vec<&str> = properties
            .keys()
            .map(String::as_str)
            .filter(|n| !names.contains(n))
            .filter(spare)
            .collect();
        if self.richness > 0.0 && !others.is_empty() && self.rng.random_bool(self.richness) {
            names.insert(others.remove(self.rng.random_range(0..others.len())));
        }
        while names.len() < asked("minProperties") && !others.is_empty() {
            names.insert(others.remove(self.rng.random_range(0..others.len())));
        }
        let mut object = Map::new();
        for name in names {
            let Some(inner) = properties.get(name) else {
                object.insert(name.to_owned(), "text".into());
                continue;
            };
            object.insert(name.to_owned(), self.value(inner, &below(name), depth + 1)?);
        }
        let patterns = node.get("patternProperties").and_then(Json::as_object);
        let pattern = patterns.and_then(|all| all.iter().next());
        let is_free = properties.is_empty();
        let wants_more = is_free && self.richness > 0.0 && self.rng.random_bool(self.richness);
        let target = asked("minProperties").max(usize::from(wants_more));
        for _ in 0..20 {
            if object.len() >= target {
                break;
            }
            let (name, value) = match pattern {
                Some((pattern, inner)) => {
                    let name =
                        self.string(&Map::from_iter([("pattern".to_owned(), json!(pattern))]))?;
                    (name.as_str()?.to_owned(), self.value(inner, &below("*"), depth + 1)?)
                }
                None => {
                    let inner = node.get("additionalProperties").filter(|told| told.is_object());
                    let name = format!("k{}", self.rng.random_range(0..1000));
                    let value = match inner {
                        Some(inner) => self.value(&inner.clone(), &below("*"), depth + 1)?,
                        None => "v".into(),
                    };
                    (name, value)
                }
            };
            object.insert(name, value);
        }
        Some(Json::Object(object))
    }

    fn array(&mut self, node: &Map<String, Json>, path: &str, depth: usize) -> Option<Json> {
        let asked = |word: &str| node.get(word).and_then(Json::as_u64).map(|n| n as usize);
        let least = asked("minItems").unwrap_or(0);
        let more = self.richness > 0.0 && self.rng.random_bool(self.richness);
        let count = (least + usize::from(more)).min(asked("maxItems").unwrap_or(usize::MAX));
        let items = node.get("items").cloned().unwrap_or_else(|| json!({"type": "string"}));
        let unique = node.get("uniqueItems").and_then(Json::as_bool) == Some(true);
        let mut all: Vec<Json> = Vec::new();
        for _ in 0..count * 10 {
            if all.len() >= count {
                break;
            }
            let one = self.value(&items, &format!("{path}/*"), depth + 1)?;
            if !unique || !all.contains(&one) {
                all.push(one);
            }
        }
        (all.len() >= count).then_some(Json::Array(all))
    }

    fn string(&mut self, node: &Map<String, Json>) -> Option<Json> {
        let asked = |word: &str| node.get(word).and_then(Json::as_u64).map(|n| n as usize);
        let (least, most) = (asked("minLength").unwrap_or(0), asked("maxLength"));
        let Some(pattern) = node.get("pattern").and_then(Json::as_str) else {
            let letters = (0..least.max(6)).map(|_| self.rng.random_range(b'a'..=b'z') as char);
            let text: String = letters.collect();
            return Some(text.chars().take(most.unwrap_or(usize::MAX)).collect::<String>().into());
        };
        let mut all = text::candidates(pattern, least, &mut self.runner, 48);
        let cut = |text: String| match most {
            Some(most) => text.chars().take(most).collect(),
            None => text,
        };
        all = all.into_iter().map(cut).collect();
        // Shorter ones are easier to read, but an empty one says little.
        all.sort_by_key(|text| (text.is_empty(), text.len()));
        let words = ["type", "pattern", "minLength", "maxLength", "allOf"];
        let own = node.iter().filter(|(word, _)| words.contains(&word.as_str()));
        let validator =
            validator(&Json::Object(own.map(|(w, t)| (w.clone(), t.clone())).collect()));
        let fit: Vec<String> =
            all.into_iter().filter(|text| validator.is_valid(&json!(text))).take(6).collect();
        let chosen = self.rng.random_range(0..fit.len().max(1));
        fit.into_iter().nth(chosen).map(Json::from)
    }

    fn number(&mut self, node: &Map<String, Json>, whole: bool) -> Json {
        let told = |word: &str| node.get(word).and_then(Json::as_f64);
        let low = told("minimum").or_else(|| told("exclusiveMinimum").map(|low| low + 1.0));
        let high = told("maximum").or_else(|| told("exclusiveMaximum").map(|high| high - 1.0));
        let low = low.unwrap_or_else(|| high.map_or(1.0, |high| high.min(1.0)));
        let high = high.unwrap_or(low + 100.0).min(low + 100.0);
        let number = low + (self.rng.random_range(0.0..=1.0) * (high - low)).floor();
        let step = told("multipleOf").unwrap_or(1.0);
        let number = (number / step).ceil() * step;
        match whole || number.fract() == 0.0 {
            true => json!(number as i64),
            false => json!(number),
        }
    }
}

/// What two nodes say together.
fn merge(into: &mut Map<String, Json>, other: Map<String, Json>) {
    for (word, told) in other {
        match (word.as_str(), into.get_mut(&word)) {
            ("properties" | "patternProperties", Some(Json::Object(all))) => {
                for (name, node) in told.as_object().cloned().unwrap_or_default() {
                    let known = all.remove(&name);
                    let both = match known {
                        Some(known) if known != node => json!({"allOf": [known, node]}),
                        _ => node,
                    };
                    all.insert(name, both);
                }
            }
            ("required", Some(Json::Array(all))) => {
                all.extend(told.as_array().into_iter().flatten().cloned());
            }
            ("enum", Some(Json::Array(all))) => {
                all.retain(|one| told.as_array().is_none_or(|other| other.contains(one)));
            }
            _ => {
                into.insert(word, told);
            }
        }
    }
}
