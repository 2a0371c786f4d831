//! Config values, kept as SSM parameters `/ESTATE/ENVIRONMENT/SCHEMA/KEY`.
//!
//! No block of this kind is written by hand: the evaluator makes one from every entry of an
//! environment's `config` block.

use crate::address::CONFIG_KIND;
use crate::diag::Diagnostics;
use crate::iam::Limits;
use crate::schema::access::AccessPart;
use crate::schema::block_schema::{Attr, BlockSchema, Ty};
use crate::schema::body::Body;
use crate::schema::kind_schema::{Category, Computed, Home, KindSchema, RecoveryMethod};
use crate::schema::meaning::{ArnForm, Meaning, Naming, Repair};
use crate::schema::pure_half::{KindContext, ManagedKind};
use crate::schema::read::{Reader, arn, assigned, concat, scalar, str_attr};
use crate::schema::tags::{self, TAGS, TagKeys};
use crate::value::{Attrs, Value};

/// Its name.
pub(in crate::schema) const KIND: &str = CONFIG_KIND;

/// The pure half.
pub(in crate::schema) struct Config;

static SCHEMA: KindSchema = KindSchema {
    kind: KIND,
    what: "a config value",
    block: BlockSchema {
        attrs: &[
            Attr::required("environment", Ty::String, "Name of the environment."),
            Attr::required("schema", Ty::String, "Name of the `config` block."),
            Attr::required("key", Ty::String, "Key, which may hold slashes."),
            Attr::required("value", Ty::Any, "The value, or a reference to a secret."),
            Attr::optional("secret", Ty::Bool, "Whether it is stored encrypted."),
            Attr::optional("kms_key_id", Ty::String, "The KMS key of a secret."),
            TAGS,
        ],
        blocks: &[],
    },
    // `name` and `type` follow from these.
    computed: &[
        Computed { name: "arn", doc: "The parameter's ARN." },
        Computed { name: "version", doc: "The parameter's version." },
    ],
    // Bulk reads show no tags, and the estate's own path is its alone: what stands there is taken over.
    adopts: true,
    also_replaces: &["name"],
    derived: &["type"],
    left_out: &["allowed_pattern", "data_type", "description", "policies", "tier"],
    resource_types: &["AWS::SSM::Parameter"],
    stands_for: &[(
        "ssm_parameter",
        "parameters are the values of `config` blocks in an `environment`; `data \"ssm_parameter\"` reads others",
    )],
    source: "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html",
    ..KindSchema::of(
        Category::Config,
        Home::Account,
        RecoveryMethod::Tags,
        Meaning {
            access: AccessPart::None,
            quotas: &[],
            repair: Repair::Below {
                service: "ssm",
                resource: "parameter/",
                actions: &["ssm:GetParametersByPath", "ssm:PutParameter"],
                // Values come without their keys and types.
                unscoped: &["ssm:DescribeParameters"],
            },
            naming: Naming::NONE,
            rewrite_policy: None,
            arn: Some(ArnForm { service: "ssm", resource: "parameter/" }),
        },
    )
};

/// Bytes of a parameter's value: an advanced parameter's limit.
const MOST_BYTES: usize = Limits::AWS.parameter_size;
/// Bytes that a standard parameter holds.
const STANDARD_BYTES: usize = Limits::AWS.standard_parameter_size;

/// What SSM refuses in a parameter's name (`PutParameter`, `Name`).
fn name_problem(name: &str) -> Option<String> {
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-/".contains(&b)) {
        return Some("a parameter's name holds letters, digits and `_.-/` alone".to_owned());
    }
    if name.len() > 1_011 {
        return Some("a parameter's name has at most 1,011 characters".to_owned());
    }
    let levels: Vec<&str> = name.split('/').skip(1).collect();
    if levels.len() > 15 {
        return Some("a parameter's name has at most 15 levels".to_owned());
    }
    if levels.iter().any(|level| level.is_empty()) {
        return Some("no level of a parameter's name can be empty".to_owned());
    }
    let first = levels.first().map(|level| level.to_ascii_lowercase()).unwrap_or_default();
    if first.starts_with("aws") || first.starts_with("ssm") {
        return Some(format!(
            "a parameter's name cannot begin with `aws` or `ssm`, and the estate is named `{}`",
            levels.first().unwrap_or(&"")
        ));
    }
    None
}

/// What SSM refuses in a value.
fn value_problem(text: &str) -> Option<(String, &'static str)> {
    if text.is_empty() {
        return Some((
            "the value is empty, which a parameter cannot be".to_owned(),
            "leave the key out, or agree on a word that means nothing, such as `none`",
        ));
    }
    if text.contains("{{") {
        return Some((
            "the value holds `{{`, which SSM reads as a reference to another parameter".to_owned(),
            "write the braces apart, or encode the value: `base64encode(...)`",
        ));
    }
    (text.len() > MOST_BYTES).then(|| {
        (
            format!("the value has {} bytes, but SSM allows {MOST_BYTES}", text.len()),
            "split it over several keys, or keep it in a bucket and put its place here",
        )
    })
}

/// The parameter's type and canonical value.
fn value(reader: &mut Reader<'_>, secret: bool) -> (&'static str, Value) {
    let Some(given) = reader.body.get("value") else {
        reader.error("value", "the config value is missing", "");
        return ("String", Value::Null);
    };
    let problem = |reader: &mut Reader<'_>, text: &str| {
        if let Some((problem, help)) = value_problem(text) {
            reader.error("value", problem, help);
        }
    };
    let hidden = given.value.has_sensitive();
    let (kind, value) = match given.value.reveal() {
        Value::Secret(reference) => return ("SecureString", Value::Secret(reference.clone())),
        Value::List(_) | Value::Set(_) if !secret => {
            let mut items = Vec::new();
            for item in given.value.elements().unwrap_or_default() {
                match scalar(item) {
                    Some(item) => {
                        match item.as_str() {
                            Some("") => reader.error("value", "an item of the list is empty", "SSM cannot tell it from no item"),
                            Some(text) if text.contains(',') => reader.error(
                                "value",
                                format!("the list's item `{text}` holds a comma"),
                                "SSM separates the items of a list by commas: use a string with another separator",
                            ),
                            _ => {}
                        }
                        items.push(if let Value::Sensitive(inner) = item { *inner } else { item });
                    }
                    None => reader.error(
                        "value",
                        format!(
                            "an item of the list is a {}, but must be a string",
                            item.type_name()
                        ),
                        "use `jsonencode` for nested values",
                    ),
                }
            }
            let joined: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            problem(reader, &joined.join(","));
            ("StringList", Value::list(items))
        }
        Value::Null => {
            reader.error(
                "value",
                "the config value is null",
                "leave the key out, or give it a value",
            );
            ("String", Value::Null)
        }
        other => match scalar(other) {
            Some(text) => {
                if let Some(text) = text.as_str() {
                    problem(reader, text);
                }
                ("String", text)
            }
            None if other.has_unknown() => {
                ("String", Value::Unknown(crate::value::Unknown::opaque(other.unknowns())))
            }
            None if matches!(other, Value::Map(_) | Value::List(_) | Value::Set(_)) => {
                let text = other.to_json().to_string();
                problem(reader, &text);
                ("String", text.into())
            }
            None => {
                reader.error(
                    "value",
                    format!("a config value cannot be a {}", other.type_name()),
                    "",
                );
                ("String", Value::Null)
            }
        },
    };
    if secret {
        return ("SecureString", value.sensitive());
    }
    (kind, if hidden { value.sensitive() } else { value })
}

/// Bytes of a list as SSM keeps it, its items joined by commas; 0 for what is no list.
fn length_of_list(value: &Value) -> usize {
    let Some(items) = value.elements() else { return 0 };
    let bytes: usize = items.iter().filter_map(|item| item.as_str()).map(str::len).sum();
    bytes + items.len().saturating_sub(1)
}

impl ManagedKind for Config {
    fn schema(&self) -> &'static KindSchema {
        &SCHEMA
    }

    fn desired(
        &self,
        body: &Body,
        context: &KindContext,
    ) -> Result<(Attrs, Diagnostics), Diagnostics> {
        let mut reader = Reader::new(body);
        let mut name = format!("/{}", context.estate);
        for part in ["environment", "schema", "key"] {
            name.push('/');
            name.push_str(&reader.known(part).unwrap_or_default());
        }
        if let Some(problem) = name_problem(&name) {
            reader.error("key", format!("`{name}` is no valid parameter name"), problem);
        }
        let secret = reader.flag("secret").unwrap_or(false);
        let (kind, value) = value(&mut reader, secret);
        let key = reader.string("kms_key_id").filter(|key| !key.is_null());
        let tags = tags::read(&mut reader, context, TagKeys::MindCase);
        // A longer value makes the parameter an advanced one, for good and at a price.
        let advanced = value.as_str().is_some_and(|text| text.len() > STANDARD_BYTES)
            || length_of_list(&value) > STANDARD_BYTES;
        let mut attrs = Attrs::from([
            ("name".to_owned(), name.into()),
            ("type".to_owned(), kind.into()),
            ("value".to_owned(), value),
            ("tags".to_owned(), tags),
        ]);
        if advanced {
            attrs.insert("tier".to_owned(), "Advanced".into());
        }
        if let Some(key) = key.filter(|_| secret) {
            attrs.insert("kms_key_id".to_owned(), key);
        }
        reader.diagnostics.with_warnings(attrs)
    }

    fn computed(&self, desired: &Attrs, context: &KindContext) -> Attrs {
        let name = desired.get("name").unwrap_or(&Value::Null);
        Attrs::from([
            (
                "arn".to_owned(),
                concat([&arn(context, "ssm", &context.region, &[&"parameter".into(), name])]),
            ),
            ("version".to_owned(), assigned(context, "version")),
        ])
    }

    /// SSM tells tags of one parameter at a time, so a bulk read does not see them: they are compared
    /// with what was recorded, not with what is live. One whose type changes may be made anew, and is born with them.
    fn reconcile(
        &self,
        mut desired: Attrs,
        live: &Attrs,
        recorded: &Attrs,
        _meta: &Attrs,
    ) -> Attrs {
        let stays = live.get("type") == desired.get("type");
        if stays && !live.contains_key("tags") && recorded.get("tags") == desired.get("tags") {
            desired.remove("tags");
        }
        desired
    }

    /// The API reference knows no change of type (`HierarchyTypeMismatchException`), but Parameter Store takes it
    /// together with `Overwrite` (terraform-provider-aws, `TestAccSSMParameter_updateType`, run against AWS). An apply
    /// tries that first.
    fn caution(&self, before: &Attrs, after: &Attrs) -> Option<String> {
        let (was, is) = (str_attr(before, "type")?, str_attr(after, "type")?);
        if was == is {
            return None;
        }
        let history = match (was, is) {
            (_, "SecureString") => {
                "; its earlier versions stay in its history unencrypted, so give it a new secret"
            }
            _ => "",
        };
        Some(format!(
            "its type changes in place{history}; if AWS refuses that, it is deleted and made again by the next call, and cannot be read in between (about a second)"
        ))
    }

    fn natural_key(&self, attrs: &Attrs) -> Option<String> {
        str_attr(attrs, "name").map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssm_refuses() {
        assert_eq!(name_problem("/acme/production/app/db/multi_az"), None);
        let deep = format!("/{}", ["a"; 16].join("/"));
        for bad in ["/aws/x", "/SSM-x/y", "/acme//x", "/acme/x y", "/acme/p\u{e4}", deep.as_str()] {
            assert!(name_problem(bad).is_some(), "{bad}");
        }
        assert_eq!(value_problem("x"), None);
        assert!(value_problem("").is_some());
        assert!(value_problem("{{ssm:x}}").is_some());
        assert_eq!(value_problem(&"x".repeat(MOST_BYTES)), None);
        assert!(value_problem(&"x".repeat(MOST_BYTES + 1)).is_some());
    }
}
