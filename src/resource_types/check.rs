//! What is wrong with an object by its type's schema, in words and each at its place.
//!
//! The schemas are a little stricter than AWS itself in places (the packager adds patterns and enumerations), so a finding names
//! the rule. What is not known yet breaks no rule: neither it itself, nor an alternative that depends on it.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::paths::LocationSegment;
use serde_json::Value as Json;

use super::property_path::PropertyStep;
use super::resource_type::TypeSchema;
use super::shape::PropertyShape;
use crate::diag::did_you_mean;

/// Something that a schema does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaViolation {
    /// Where: names, and numbers of elements.
    pub path: Vec<Segment>,
    /// What is wrong there.
    pub summary: String,
    /// What to write in its place.
    pub help: Option<String>,
}

/// One step of the path to a problem.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// A property, or the key of a map.
    Name(String),
    /// The number of an element, from zero.
    Index(usize),
}

impl Segment {
    /// The step of a property's path on which it stands.
    #[must_use]
    pub fn step(&self) -> PropertyStep {
        match self {
            Self::Name(name) => PropertyStep::Name(name.clone()),
            Self::Index(_) => PropertyStep::Each,
        }
    }
}

/// What is wrong with an object. `unknown` lists what is not known yet, wherever something stands in its place.
#[must_use]
pub fn check(kind: &TypeSchema, object: &Json, unknown: &[Vec<Segment>]) -> Vec<SchemaViolation> {
    let Ok(validator) = kind.validator() else { return Vec::new() };
    let checker = Checker { kind, unknown };
    let mut problems = Vec::new();
    for error in validator.iter_errors(object) {
        for problem in checker.problems(&error) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems
}

struct Checker<'a> {
    kind: &'a TypeSchema,
    unknown: &'a [Vec<Segment>],
}

/// As many choices as a message lists.
const LISTED: usize = 12;

impl Checker<'_> {
    /// What an error of the validator's means, unless something that is not known yet may mend it.
    fn problems(&self, error: &ValidationError<'_>) -> Vec<SchemaViolation> {
        let path = segments(error);
        let is_unknown = self.unknown.iter().any(|at| path.starts_with(at));
        let holds_unknown = self.unknown.iter().any(|at| at.starts_with(&path));
        let whatever = matches!(
            error.kind(),
            Kind::Required { .. }
                | Kind::AdditionalProperties { .. }
                | Kind::Type { .. }
                | Kind::MinItems { .. }
                | Kind::MaxItems { .. }
        );
        if is_unknown || holds_unknown && !whatever {
            return Vec::new();
        }
        let shape = self.kind.shape().at(&steps(&path));
        let value = error.instance().as_ref();
        let one = |summary: String, help: Option<String>| {
            vec![SchemaViolation { path: path.clone(), summary, help }]
        };
        match error.kind() {
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                self.alternatives(context, path)
            }
            Kind::AdditionalProperties { unexpected } => {
                let names = shape.as_ref().map(PropertyShape::names).unwrap_or_default();
                let of = self.subject(&path);
                let unknown = unexpected.iter().map(|name| {
                    let mut path = path.clone();
                    path.push(Segment::Name(name.clone()));
                    let help = did_you_mean(name, names.iter().copied())
                        .or_else(|| listed("it has", &names));
                    SchemaViolation {
                        path,
                        summary: format!("{of} has no property `{name}`"),
                        help,
                    }
                });
                unknown.collect()
            }
            Kind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                one(format!("{} needs `{name}`", self.subject(&path)), None)
            }
            Kind::Type { kind } => {
                one(format!("it must be {}, not {}", type_words(kind), shown_value(value)), None)
            }
            Kind::Enum { options } => {
                let options: Vec<&str> =
                    options.as_array().into_iter().flatten().filter_map(Json::as_str).collect();
                let near =
                    value.as_str().and_then(|text| did_you_mean(text, options.iter().copied()));
                one(
                    format!("{} is none of the values that can stand here", shown_value(value)),
                    near.or_else(|| listed("write", &options)),
                )
            }
            Kind::Pattern { pattern } => {
                one(format!("{} does not match `{pattern}`", shown_value(value)), None)
            }
            Kind::MinLength { limit } => one(length(value, "at least", *limit), None),
            Kind::MaxLength { limit } => one(length(value, "at most", *limit), None),
            Kind::MinItems { limit } => one(count(value, "at least", *limit), None),
            Kind::MaxItems { limit } => one(count(value, "at most", *limit), None),
            Kind::Minimum { limit } => {
                one(format!("{} is too small: at least {limit}", shown_value(value)), None)
            }
            Kind::Maximum { limit } => {
                one(format!("{} is too large: at most {limit}", shown_value(value)), None)
            }
            Kind::UniqueItems => one("an element stands in the list twice".to_owned(), None),
            Kind::OneOfMultipleValid { .. } => one(
                "what is given belongs to more than one alternative of which only one can be given"
                    .to_owned(),
                None,
            ),
            Kind::Not { schema } => one(excluded(schema), None),
            _ => one(error.to_string(), None),
        }
    }

    /// Of several alternatives of which none holds: what they ask for where that is all, else what is wrong with the one
    /// that fits best, which is the one that fails deepest in the object and in the fewest places.
    fn alternatives(
        &self,
        context: &[Vec<ValidationError<'static>>],
        path: Vec<Segment>,
    ) -> Vec<SchemaViolation> {
        let required = |errors: &Vec<ValidationError<'static>>| match errors.as_slice() {
            [error] => match error.kind() {
                Kind::Required { property } if segments(error) == path => {
                    property.as_str().map(|name| format!("`{name}`"))
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(names) = context.iter().map(required).collect::<Option<Vec<String>>>() {
            let mut names = names;
            names.dedup();
            let summary = format!("{} needs one of {}", self.subject(&path), names.join(", "));
            return vec![SchemaViolation { path, summary, help: None }];
        }
        let depth = |errors: &Vec<ValidationError<'static>>| {
            let deepest =
                errors.iter().map(|error| segments(error).len()).min().unwrap_or_default();
            (deepest, std::cmp::Reverse(errors.len()))
        };
        let best = context.iter().max_by_key(|errors| depth(errors));
        best.into_iter().flatten().flat_map(|error| self.problems(error)).collect()
    }

    fn subject(&self, path: &[Segment]) -> String {
        let name = path.iter().rev().find_map(|segment| match segment {
            Segment::Name(name) => Some(name),
            Segment::Index(_) => None,
        });
        match (name, path.last()) {
            (Some(name), Some(Segment::Index(at))) => format!("element {at} of `{name}`"),
            (Some(name), _) => format!("`{name}`"),
            _ => format!("`{}`", self.kind.name),
        }
    }
}

fn segments(error: &ValidationError<'_>) -> Vec<Segment> {
    let all = error.instance_path().segments();
    all.map(|segment| match segment {
        LocationSegment::Property(name) => Segment::Name(name.into_owned()),
        LocationSegment::Index(at) => Segment::Index(at),
    })
    .collect()
}

/// The path of a property on which something stands.
fn steps(path: &[Segment]) -> Vec<PropertyStep> {
    path.iter().map(Segment::step).collect()
}

fn listed<'n>(before: &str, names: impl IntoIterator<Item = &'n &'n str>) -> Option<String> {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    let fits = !names.is_empty() && names.len() <= LISTED;
    fits.then(|| format!("{before} {}", names.join(", ")))
}

/// What stands there, for a message: a short text as it is.
fn shown_value(value: &Json) -> String {
    match value {
        Json::String(text) if text.chars().count() <= 60 => format!("`{text}`"),
        Json::String(_) => "the text".to_owned(),
        Json::Number(number) => format!("`{number}`"),
        Json::Bool(is) => format!("`{is}`"),
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
        Json::Null => "nothing".to_owned(),
    }
}

fn type_words(kind: &TypeKind) -> String {
    let word = |name: String| match name.as_str() {
        "object" => "an object",
        "array" => "a list",
        "string" => "a string",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        _ => "null",
    };
    match kind {
        TypeKind::Single(one) => word(one.to_string()).to_owned(),
        TypeKind::Multiple(set) => {
            let all: Vec<&str> = set.iter().map(|one| word(one.to_string())).collect();
            all.join(" or ")
        }
    }
}

fn length(value: &Json, bound: &str, limit: u64) -> String {
    let characters = value.as_str().unwrap_or_default().chars().count();
    format!("the text has {characters} characters, but must have {bound} {limit}")
}

fn count(value: &Json, bound: &str, limit: u64) -> String {
    let elements = value.as_array().map(Vec::len).unwrap_or_default();
    format!("the list has {elements} elements, but must have {bound} {limit}")
}

/// A rule about properties that exclude each other.
fn excluded(schema: &Json) -> String {
    let alternatives = schema.get("anyOf").and_then(Json::as_array).into_iter().flatten();
    let names = |one: &Json| -> Vec<String> {
        let required = one.get("required").and_then(Json::as_array).into_iter().flatten();
        required.filter_map(Json::as_str).map(|name| format!("`{name}`")).collect()
    };
    let pairs: Vec<String> =
        alternatives.map(|one| names(one).join(" and ")).filter(|pair| !pair.is_empty()).collect();
    match pairs.is_empty() {
        true => "what is given cannot stand here".to_owned(),
        false => format!("{} cannot be given together", pairs.join(", or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    fn problems(kind: &str, object: &Json, unknown: &[Vec<Segment>]) -> Vec<String> {
        let kind = find(kind).and_then(|entry| entry.load()).unwrap();
        let said = check(kind, object, unknown).into_iter().map(|problem| {
            let path: Vec<String> = problem
                .path
                .iter()
                .map(|s| match s {
                    Segment::Name(name) => name.clone(),
                    Segment::Index(at) => at.to_string(),
                })
                .collect();
            let help = problem.help.map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{}: {}{help}", path.join("."), problem.summary)
        });
        said.collect()
    }

    #[test]
    fn each_problem_is_told_at_its_place() {
        let object = serde_json::json!({
            "LogGroupName": "a b", "RetentionInDays": 91, "RetentionDays": 3, "LogGroupClass": "STANDART",
            "Tags": [{"Key": "a", "Value": "b"}, {"Key": ""}],
        });
        assert_eq!(
            problems("AWS::Logs::LogGroup", &object, &[]),
            [
                r"LogGroupClass: `STANDART` is none of the values that can stand here (did you mean `STANDARD`?)",
                r"LogGroupName: `a b` does not match `^[.\-_/#A-Za-z0-9]{1,512}\z`",
                r"RetentionInDays: `91` is none of the values that can stand here",
                r"Tags.1: element 1 of `Tags` needs `Value`",
                r"Tags.1.Key: the text has 0 characters, but must have at least 1",
                r"RetentionDays: `AWS::Logs::LogGroup` has no property `RetentionDays` (did you mean `RetentionInDays`?)",
            ]
        );
    }

    #[test]
    fn alternatives_are_told_by_what_they_ask_for() {
        let certificate = serde_json::json!({"DistributionConfig": {
            "Enabled": true, "DefaultCacheBehavior": {"TargetOriginId": "a", "ViewerProtocolPolicy": "https-only"},
            "Origins": [{"Id": "a", "DomainName": "a.example.com"}],
            "ViewerCertificate": {"MinimumProtocolVersion": "TLSv1.2_2021"},
        }});
        assert_eq!(
            problems("AWS::CloudFront::Distribution", &certificate, &[]),
            [
                r"DistributionConfig.ViewerCertificate: `ViewerCertificate` needs one of `AcmCertificateArn`, `CloudFrontDefaultCertificate`, `IamCertificateId`",
            ]
        );
        let notification = serde_json::json!({"Budget": {"TimeUnit": "MONTHLY"}});
        assert_eq!(
            problems("AWS::Budgets::Budget", &notification, &[]),
            [r"Budget: `Budget` needs `BudgetType`",]
        );
    }

    #[test]
    fn what_is_not_known_yet_breaks_no_rule() {
        let object = serde_json::json!({"LogGroupName": "", "RetentionInDays": 0});
        let name = |name: &str| vec![Segment::Name(name.to_owned())];
        let unknown = [name("LogGroupName"), name("RetentionInDays")];
        assert_eq!(problems("AWS::Logs::LogGroup", &object, &unknown), Vec::<String>::new());
        assert_eq!(problems("AWS::Logs::LogGroup", &object, &[]).len(), 3);
    }
}
