//! Config values: an environment's `config` blocks against their `config_schema`, one instance for each key and account.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hcl::edit::expr::{Expression, ObjectKey};
use regex::Regex;

use crate::address::CONFIG_KIND;
use crate::config::{Expr, RawBlock, RawNested};
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::body::evaluate_body;
use crate::eval::data::until_looked_up;
use crate::eval::environments::reference::schema_of;
use crate::eval::evaluator::Evaluator;
use crate::eval::expr::scope::suggest;
use crate::eval::expr::types::parse_type;
use crate::schema::{Body, Spanned};
use crate::value::Value;
use crate::value::convert::{Type, convert};

/// A `key` block of a `config_schema`.
pub(in crate::eval) struct KeySpec {
    ty: Type,
    default: Option<Spanned<Value>>,
    required: bool,
    pub(in crate::eval) secret: bool,
    kms_key: Option<Spanned<Value>>,
    allowed: Option<Vec<Value>>,
    pattern: Option<(Regex, String)>,
    min: Option<f64>,
    max: Option<f64>,
}

/// The keys of every `config_schema`, by its name.
pub(in crate::eval) type Schemas = BTreeMap<String, BTreeMap<String, KeySpec>>;

/// One value of an environment, before it is spread over the accounts.
pub(in crate::eval) struct Entry {
    pub(in crate::eval) schema: String,
    pub(in crate::eval) key: String,
    pub(in crate::eval) value: Value,
    pub(in crate::eval) secret: bool,
    /// The KMS key of a secret, where one is declared.
    pub(in crate::eval) kms_key: Option<Spanned<Value>>,
    pub(in crate::eval) loc: Loc,
    /// It is missing, or breaks its schema, which was reported: nothing more is to be said of it.
    pub(in crate::eval) is_refused: bool,
}

impl Entry {
    fn refused(schema: &str, key: &str, secret: bool, loc: Loc) -> Self {
        Self {
            schema: schema.to_owned(),
            key: key.to_owned(),
            value: Value::Null,
            secret,
            kms_key: None,
            loc,
            is_refused: true,
        }
    }
}

impl Evaluator<'_> {
    /// Reads every `config_schema`.
    pub(in crate::eval) fn config_schemas(&self, errors: &mut Diagnostics) -> Schemas {
        let mut schemas = Schemas::new();
        for (name, block) in &self.config.root().config_schemas {
            if name == crate::eval::release::SCHEMA {
                errors.push(
                    Diagnostic::error("the schema name `release` is reserved")
                        .at(block.loc.clone())
                        .help("it is where the values of releases land; choose another name"),
                );
            }
            let scope = self.root_scope();
            let (schema, mut own) = (schema_of("config_schema"), Diagnostics::new());
            let body = evaluate_body(&scope, &Vec::new(), &block.body, schema, &mut own);
            errors.extend(until_looked_up(own, &body));
            let mut keys = BTreeMap::new();
            for nested in body.nested("key") {
                let Some(label) = nested.labels.first() else { continue };
                let ty = match written_type(block, &nested.body.loc) {
                    None => Ok(Type::String),
                    Some(expr) => parse_type(expr.source(), expr.node()),
                };
                let ty = match ty {
                    Ok(ty) => ty,
                    Err(more) => {
                        errors.extend(more);
                        continue;
                    }
                };
                let spec = key_spec(&nested.body, ty, errors);
                if keys.insert(label.value.clone(), spec).is_some() {
                    errors.push(
                        Diagnostic::error(format!("the key `{}` is declared twice", label.value))
                            .at(label.loc.clone()),
                    );
                }
            }
            schemas.insert(name.clone(), keys);
        }
        schemas
    }

    /// The values of one environment, checked against the schemas, defaults filled in.
    pub(in crate::eval) fn config_entries(
        &self,
        environment: &str,
        block: &RawBlock,
        body: &Body,
        schemas: &Schemas,
        errors: &mut Diagnostics,
    ) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut seen: BTreeMap<String, Loc> = BTreeMap::new();
        let environment_key = declared_key(body);
        for config in body.nested(CONFIG_KIND) {
            let Some(name) = config.labels.first() else { continue };
            if let Some(first) = seen.insert(name.value.clone(), name.loc.clone()) {
                errors.push(
                    Diagnostic::error(format!("`config \"{}\"` is given twice", name.value))
                        .at(name.loc.clone())
                        .related(first, "first here"),
                );
                continue;
            }
            let Some(keys) = schemas.get(&name.value) else {
                let known: Vec<&str> = schemas.keys().map(String::as_str).collect();
                errors.push(
                    Diagnostic::error(format!(
                        "there is no `config_schema` block `{}`",
                        name.value
                    ))
                    .at(name.loc.clone())
                    .help(suggest(&name.value, &known)),
                );
                continue;
            };
            let Some(values) = config.body.get("values") else { continue };
            let Some(map) = values.value.as_map() else {
                errors.push(
                    Diagnostic::error("the keys of config values must be known while planning")
                        .at(values.loc.clone())
                        .needing_value(),
                );
                continue;
            };
            let own_key = declared_key(&config.body);
            let key_of = |spec: &KeySpec| {
                let declared = own_key.as_ref().or(spec.kms_key.as_ref());
                declared.or(environment_key.as_ref()).filter(|_| spec.secret).cloned()
            };
            let hidden = matches!(values.value, Value::Sensitive(_));
            let expr = values_expr(block, &config.body.loc);
            for (key, value) in map {
                let loc = expr.and_then(|e| item_loc(e, key)).unwrap_or_else(|| values.loc.clone());
                let Some(spec) = keys.get(key) else {
                    let known: Vec<&str> = keys.keys().map(String::as_str).collect();
                    errors.push(
                        Diagnostic::error(format!(
                            "`config_schema.{}` has no key `{key}`",
                            name.value
                        ))
                        .at(loc)
                        .help(suggest(key, &known)),
                    );
                    continue;
                };
                if value.is_null() {
                    // As if it were not given.
                    continue;
                }
                let value = if hidden { value.clone().sensitive() } else { value.clone() };
                match spec.check(key, value, &loc) {
                    Ok(value) => entries.push(Entry {
                        schema: name.value.clone(),
                        key: key.clone(),
                        value,
                        secret: spec.secret,
                        kms_key: key_of(spec),
                        loc,
                        is_refused: false,
                    }),
                    Err(error) => {
                        errors.push(*error);
                        entries.push(Entry::refused(&name.value, key, spec.secret, loc));
                    }
                }
            }
            for (key, spec) in keys {
                if map.get(key).is_some_and(|v| !v.is_null()) {
                    continue;
                }
                match &spec.default {
                    Some(default) => entries.push(Entry {
                        schema: name.value.clone(),
                        key: key.clone(),
                        value: default.value.clone(),
                        secret: spec.secret,
                        kms_key: key_of(spec),
                        loc: values.loc.clone(),
                        is_refused: false,
                    }),
                    None if spec.required => {
                        errors.push(
                            Diagnostic::error(format!(
                                "`environment.{environment}` gives no value for the key `{key}` of `config_schema.{}`",
                                name.value
                            ))
                            .at(values.loc.clone())
                            .help("add the key, or give it a `default` in the schema"),
                        );
                        let loc = values.loc.clone();
                        entries.push(Entry::refused(&name.value, key, spec.secret, loc));
                    }
                    None => {}
                }
            }
        }
        entries
    }
}

fn declared_key(body: &Body) -> Option<Spanned<Value>> {
    body.get("kms_key_id").filter(|key| !key.value.is_null()).cloned()
}

/// The type written in the `key` block whose header stands at `loc`.
fn written_type<'b>(block: &'b RawBlock, loc: &Loc) -> Option<&'b Expr> {
    block.body.blocks.iter().find_map(|nested| match nested {
        RawNested::Block(key) if key.body.loc == *loc => key.body.get("type"),
        RawNested::Dynamic(dynamic) if dynamic.content.loc == *loc => dynamic.content.get("type"),
        _ => None,
    })
}

fn values_expr<'b>(block: &'b RawBlock, loc: &Loc) -> Option<&'b Expr> {
    block.body.blocks.iter().find_map(|nested| match nested {
        RawNested::Block(config) if config.body.loc == *loc => config.body.get("values"),
        RawNested::Dynamic(dynamic) if dynamic.content.loc == *loc => dynamic.content.get("values"),
        _ => None,
    })
}

pub(in crate::eval) fn item_loc(expr: &Expr, key: &str) -> Option<Loc> {
    let Expression::Object(object) = expr.node() else { return None };
    object.iter().find_map(|(k, v)| {
        let same = match k {
            ObjectKey::Ident(ident) => ident.as_str() == key,
            ObjectKey::Expression(expr) => expr.as_str() == Some(key),
        };
        same.then(|| expr.loc_of(v.expr()))
    })
}

fn key_spec(body: &Body, ty: Type, errors: &mut Diagnostics) -> KeySpec {
    let flag = |name: &str| body.get(name).and_then(|v| v.value.as_bool());
    let number = |name: &str| match body.get(name).map(|v| v.value.reveal()) {
        Some(Value::Number(n)) => Some(n.as_f64()),
        _ => None,
    };
    let pattern = body.get("pattern").and_then(|given| {
        let text = given.value.as_str()?;
        match Regex::new(&format!("^(?:{text})$")) {
            Ok(regex) => Some((regex, text.to_owned())),
            Err(error) => {
                errors.push(
                    Diagnostic::error(format!("`{text}` is no regular expression"))
                        .at(given.loc.clone())
                        .detail(error.to_string()),
                );
                None
            }
        }
    });
    let mut spec = KeySpec {
        ty,
        default: None,
        required: flag("required").unwrap_or_else(|| body.get("default").is_none()),
        secret: flag("secret").unwrap_or(false),
        kms_key: declared_key(body),
        allowed: body
            .get("allowed")
            .and_then(|v| v.value.elements())
            .map(|all| all.into_iter().cloned().collect()),
        pattern,
        min: number("min"),
        max: number("max"),
    };
    if let Some(allowed) = spec.allowed.take() {
        let converted = allowed.into_iter().map(|v| convert(v, &spec.ty));
        match converted.collect::<Result<Vec<_>, _>>() {
            Ok(allowed) => spec.allowed = Some(allowed),
            Err(error) => errors.push(
                Diagnostic::error(format!(
                    "an allowed value does not fit the type: {}",
                    error.message
                ))
                .at(body.loc_of("allowed").clone()),
            ),
        }
    }
    if let Some(default) = body.get("default") {
        match spec.check("default", default.value.clone(), &default.loc) {
            Ok(value) => spec.default = Some(Spanned { value, loc: default.loc.clone() }),
            Err(error) => errors.push(*error),
        }
    }
    spec
}

impl KeySpec {
    /// Converts and checks one value.
    fn check(&self, key: &str, value: Value, loc: &Loc) -> Result<Value, Box<Diagnostic>> {
        let error = |summary: String, help: String| {
            Err(Box::new(Diagnostic::error(summary).at(loc.clone()).help(help)))
        };
        match (self.secret, &value) {
            (_, Value::Secret(_)) if self.secret => return Ok(value),
            (false, Value::Secret(_)) => {
                return error(
                    format!("the key `{key}` is not declared as a secret"),
                    "write `secret = true` in its `key` block".to_owned(),
                );
            }
            (true, Value::Sensitive(_) | Value::Unknown(_)) => {}
            (true, _) => {
                let summary =
                    format!("the key `{key}` is a secret, but its value is written in the open");
                return Err(Box::new(
                    Diagnostic::error(summary)
                        .at(loc.clone().without_values())
                        .help("use `secret(\"env:NAME\")`, or a sensitive variable"),
                ));
            }
            (false, Value::Sensitive(_)) => {
                return error(
                    format!(
                        "the value of `{key}` is sensitive, but the key is not declared as a secret"
                    ),
                    "write `secret = true` in its `key` block: it is then stored encrypted"
                        .to_owned(),
                );
            }
            (false, _) => {}
        }
        let hidden = matches!(value, Value::Sensitive(_));
        let value = convert(value, &self.ty).or_else(|e| {
            let message =
                if hidden { format!("it must be {}", self.ty.described()) } else { e.message };
            error(
                format!("the value of `{key}` does not fit its type: {message}"),
                e.help.unwrap_or_else(|| format!("it must be {}", self.ty.described())),
            )
        })?;
        if value.has_unknown() {
            return Ok(value);
        }
        let plain = value.reveal();
        if let Some(allowed) = &self.allowed
            && !allowed.contains(plain)
        {
            let choices: Vec<String> = allowed.iter().map(|v| v.to_json().to_string()).collect();
            return error(
                format!("the value of `{key}` is not one of those allowed"),
                format!("allowed are {}", choices.join(", ")),
            );
        }
        if let (Some((regex, text)), Value::String(given)) = (&self.pattern, plain)
            && !regex.is_match(given)
        {
            return error(
                format!("the value of `{key}` does not match its pattern"),
                format!("it must match `{text}` as a whole"),
            );
        }
        #[expect(clippy::cast_precision_loss, reason = "lengths are small")]
        let size = match plain {
            Value::Number(number) => Some((number.as_f64(), "")),
            Value::String(text) => Some((text.chars().count() as f64, " characters")),
            Value::List(list) => Some((list.len() as f64, " elements")),
            Value::Set(set) => Some((set.len() as f64, " elements")),
            Value::Map(map) => Some((map.len() as f64, " elements")),
            _ => None,
        };
        if let Some((size, unit)) = size {
            if let Some(min) = self.min.filter(|min| size < *min) {
                return error(
                    format!("the value of `{key}` is too small"),
                    format!("at least {min}{unit}"),
                );
            }
            if let Some(max) = self.max.filter(|max| size > *max) {
                return error(
                    format!("the value of `{key}` is too large"),
                    format!("at most {max}{unit}"),
                );
            }
        }
        Ok(value)
    }
}

/// Parity: an environment that is `like` another has the same keys, and other values only where
/// `allowed_differences` names them. Values of secrets differ by nature.
pub(in crate::eval) fn parity(
    environment: &crate::eval::estate::Environment,
    own: &[Entry],
    model: &[Entry],
    errors: &mut Diagnostics,
) {
    let Some(like) = &environment.like else { return };
    let refused: BTreeSet<String> = own
        .iter()
        .chain(model)
        .filter(|e| e.is_refused)
        .map(|e| format!("{}/{}", e.schema, e.key))
        .collect();
    let index = |entries: &[Entry]| -> BTreeMap<String, Arc<(Value, bool, Loc)>> {
        entries
            .iter()
            .map(|e| {
                let of = Arc::new((e.value.clone(), e.secret, e.loc.clone()));
                (format!("{}/{}", e.schema, e.key), of)
            })
            .collect()
    };
    let allowed = |path: &str| {
        refused.contains(path)
            || environment.allowed_differences.iter().any(|a| match a.strip_suffix('*') {
                Some(prefix) => path.starts_with(prefix),
                None => a == path,
            })
    };
    let (own, model) = (index(own), index(model));
    let name = &environment.name;
    let at = environment.body.loc_of("like");
    for (path, theirs) in &model {
        match own.get(path) {
            _ if allowed(path) => {}
            None => errors.push(
                Diagnostic::error(format!(
                    "`environment.{name}` has no value for `{path}`, but `environment.{like}` has"
                ))
                .at(at.clone())
                .related(theirs.2.clone(), "given here")
                .help("give it, or name it in `allowed_differences`"),
            ),
            Some(ours) if ours.1 || theirs.1 || ours.0.has_unknown() || theirs.0.has_unknown() => {}
            Some(ours) if ours.0 != theirs.0 => errors.push(
                Diagnostic::error(format!(
                    "`{path}` differs between `environment.{name}` and `environment.{like}`"
                ))
                .at(ours.2.clone())
                .related(theirs.2.clone(), "the other value")
                .help(format!("name `{path}` in `allowed_differences` of `environment.{name}`")),
            ),
            Some(_) => {}
        }
    }
    for (path, ours) in &own {
        if !model.contains_key(path) && !allowed(path) {
            errors.push(
                Diagnostic::error(format!(
                    "`environment.{like}` has no value for `{path}`, but `environment.{name}` has"
                ))
                .at(ours.2.clone())
                .help("give it there too, or name it in `allowed_differences`"),
            );
        }
    }
}
