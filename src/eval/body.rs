//! Bodies of blocks: attributes evaluated and converted to their declared types, `dynamic` blocks expanded.

use hcl::edit::expr::Expression;

use crate::config::{Dynamic, Expr, RawBlock, RawBody, RawNested};
use crate::diag::{Diagnostic, Diagnostics, Loc, did_you_mean, with_article};
use crate::eval::expr::for_expr::entries;
use crate::eval::expr::unmark;
use crate::eval::modules::scope::ModuleScope;
use crate::schema::blocks::nested_schema;
use crate::schema::{BlockSchema, Body, Nested, NestedBody, SensitiveTexts, Spanned, Ty};
use crate::value::convert::text_of;
use crate::value::convert::{Type, convert};
use crate::value::{Attrs, Sorted, Value};

/// How many blocks one `dynamic` may make.
const MAX_DYNAMIC: usize = 10_000;

/// Names that a body sees besides its module's.
pub(in crate::eval) type Names<'a> = Vec<(&'a str, &'a Value)>;

/// Evaluates a body against its schema; what is wrong goes to `errors`.
pub(in crate::eval) fn evaluate_body(
    scope: &ModuleScope<'_, '_>,
    names: &Names<'_>,
    raw: &RawBody,
    schema: &BlockSchema,
    errors: &mut Diagnostics,
) -> Body {
    let mut body = Body { loc: raw.loc.clone(), attrs: Sorted::new(), blocks: Vec::new() };
    for (name, attr) in &raw.attrs {
        let declared = schema.attr(name);
        let ty = declared.map_or(Ty::Any, |a| a.ty);
        if ty == Ty::Raw {
            continue;
        }
        match evaluate_attr(scope, names, &attr.value, ty) {
            Ok(Value::Null) => {
                if declared.is_some_and(|a| a.required) {
                    errors.push(
                        Diagnostic::error(format!("`{name}` must not be null"))
                            .at(attr.value.loc())
                            .help("the block needs it"),
                    );
                }
            }
            Ok(value) => {
                let value =
                    if declared.is_some_and(|a| a.sensitive) { value.sensitive() } else { value };
                body.attrs.insert(name.clone(), Spanned { value, loc: attr.value.loc() });
            }
            Err(more) => errors.extend(more),
        }
    }
    for nested in &raw.blocks {
        match nested {
            RawNested::Block(block) => {
                let inner = schema.nested(&block.ty).and_then(|n| inner_schema(n, block));
                body.blocks.push(NestedBody {
                    name: block.ty.clone(),
                    labels: block.labels.clone(),
                    body: evaluate_body(scope, names, &block.body, inner.unwrap_or(&EMPTY), errors),
                });
            }
            RawNested::Dynamic(dynamic) => {
                if let Err(more) = expand(scope, names, dynamic, schema, &mut body.blocks, errors) {
                    errors.extend(more);
                }
            }
        }
    }
    for nested in schema.blocks {
        let count = body.nested(nested.name).count();
        let made = raw.blocks.iter().find_map(|b| match b {
            RawNested::Dynamic(d) if d.ty.value == nested.name => Some(d.loc.clone()),
            _ => None,
        });
        // What is written out has been counted by the loader; here it is what `dynamic` made.
        if let Some(loc) = made
            && (count < nested.min || (nested.max > 0 && count > nested.max))
        {
            let bound = if count < nested.min {
                format!("at least {}", nested.min)
            } else {
                format!("at most {}", nested.max)
            };
            errors.push(
                Diagnostic::error(format!(
                    "this makes {count} `{}` blocks, but there must be {bound}",
                    nested.name
                ))
                .at(loc),
            );
        }
    }
    body
}

static EMPTY: BlockSchema = BlockSchema { attrs: &[], blocks: &[] };

fn inner_schema(nested: &'static Nested, block: &RawBlock) -> Option<&'static BlockSchema> {
    nested_schema(nested, block.labels.first().map(|l| l.value.as_str()))
}

fn expand(
    scope: &ModuleScope<'_, '_>,
    names: &Names<'_>,
    dynamic: &Dynamic,
    schema: &BlockSchema,
    blocks: &mut Vec<NestedBody>,
    errors: &mut Diagnostics,
) -> Result<(), Diagnostics> {
    let nested = schema.nested(&dynamic.ty.value);
    let (collection, hidden) = unmark(scope.evaluate(&dynamic.for_each, names)?);
    let at = dynamic.for_each.loc();
    if collection.is_unknown() {
        return Err(Diagnostic::error("`for_each` of a dynamic block is not known until apply")
            .at(at)
            .help("how many blocks there are must be known while planning; what they hold need not be")
            .needing_value()
            .into());
    }
    let Some(entries) = entries(&collection) else {
        return Err(Diagnostic::error(format!(
            "`for_each` takes a list, set or object, not a {}",
            collection.type_name()
        ))
        .at(at)
        .help(if collection.is_null() {
            "use `[]` for no blocks"
        } else {
            "one block is made for each element"
        })
        .into());
    };
    if entries.len() > MAX_DYNAMIC {
        return Err(Diagnostic::error(format!(
            "this makes {} blocks, more than {MAX_DYNAMIC}",
            entries.len()
        ))
        .at(at)
        .into());
    }
    for (key, value) in entries {
        let value = if hidden { value.clone().sensitive() } else { value.clone() };
        let iterator =
            Value::Map(Attrs::from([("key".to_owned(), key), ("value".to_owned(), value)]));
        let mut inner = names.clone();
        inner.push((dynamic.iterator.value.as_str(), &iterator));
        let labels = match &dynamic.labels {
            None => Vec::new(),
            Some(expr) => dynamic_labels(scope, &inner, expr)?,
        };
        let wanted = nested.map_or(0, |n| n.labels.len());
        let optional = nested.map_or(0, |n| n.labels.iter().filter(|l| l.ends_with('?')).count());
        if labels.len() > wanted || labels.len() < wanted - optional {
            let loc = dynamic.labels.as_ref().map_or_else(|| dynamic.loc.clone(), Expr::loc);
            return Err(Diagnostic::error(format!(
                "{} block takes {wanted} labels, not {}",
                with_article(&dynamic.ty.value),
                labels.len()
            ))
            .at(loc)
            .help("give them as `labels = [...]` beside `for_each`")
            .into());
        }
        let label = labels.first().map(|l| l.value.as_str());
        let inner_schema = nested.and_then(|n| nested_schema(n, label)).unwrap_or(&EMPTY);
        let body = evaluate_body(scope, &inner, &dynamic.content, inner_schema, errors);
        blocks.push(NestedBody { name: dynamic.ty.value.clone(), labels, body });
    }
    Ok(())
}

fn dynamic_labels(
    scope: &ModuleScope<'_, '_>,
    names: &Names<'_>,
    expr: &Expr,
) -> Result<Vec<Spanned<String>>, Diagnostics> {
    let value = scope.evaluate(expr, names)?;
    let error = |summary: String| {
        Err(Diagnostics::from(
            Diagnostic::error(summary).at(expr.loc()).help("labels are a list of strings"),
        ))
    };
    let Value::List(list) = value else {
        let wrong = error(format!("`labels` must be a list, not a {}", value.type_name()));
        return if value.is_unknown() { wrong.map_err(needing_value) } else { wrong };
    };
    let mut labels = Vec::new();
    for item in list {
        match text_of(&item) {
            Some(text) => labels.push(Spanned { value: text, loc: expr.loc() }),
            None if item.is_unknown() => {
                return error("a label is not known until apply".to_owned()).map_err(needing_value);
            }
            None => return error(format!("a label must be a string, not a {}", item.type_name())),
        }
    }
    Ok(labels)
}

fn needing_value(errors: Diagnostics) -> Diagnostics {
    errors.into_iter().map(Diagnostic::needing_value).collect()
}

/// Evaluates one attribute and converts it to its declared type.
pub(in crate::eval) fn evaluate_attr(
    scope: &ModuleScope<'_, '_>,
    names: &[(&str, &Value)],
    expr: &Expr,
    ty: Ty,
) -> Result<Value, Diagnostics> {
    let value = scope.evaluate(expr, names)?;
    let secrets = SensitiveTexts::of(&value);
    coerce(value, &ty, expr, Some(expr.node()), &expr.loc())
        .map_err(|errors| secrets.taken_out(errors))
}

/// Converts a value to an attribute's type; errors stand at the element that does not fit.
fn coerce(
    value: Value,
    ty: &Ty,
    expr: &Expr,
    node: Option<&Expression>,
    loc: &Loc,
) -> Result<Value, Diagnostics> {
    let (value, hidden) = unmark(value);
    let error = |summary: String, help: Option<String>| {
        Err(Diagnostics::from(Diagnostic::error(summary).at(loc.clone()).help_opt(help)))
    };
    if matches!(value, Value::Null | Value::Unknown(_)) {
        return Ok(if hidden { value.sensitive() } else { value });
    }
    let items = |list: Vec<Value>, inner: &Ty| -> Result<Vec<Value>, Diagnostics> {
        let nodes: Vec<&Expression> = match node {
            Some(Expression::Array(array)) if array.len() == list.len() => array.iter().collect(),
            _ => Vec::new(),
        };
        let mut done = Vec::with_capacity(list.len());
        let mut errors = Diagnostics::new();
        for (index, item) in list.into_iter().enumerate() {
            let node = nodes.get(index).copied();
            let at = node.map_or_else(|| loc.clone(), |n| expr.loc_of(n));
            if item.is_null() {
                errors.push(Diagnostic::error("an element is null").at(at));
                continue;
            }
            match coerce(item, inner, expr, node, &at) {
                Ok(item) => done.push(item),
                Err(more) => errors.extend(more),
            }
        }
        errors.into_result(done)
    };
    let result = match (ty, value) {
        (Ty::Any | Ty::Raw, value) => value,
        (Ty::Policy, value @ (Value::String(_) | Value::Map(_))) => value,
        (Ty::Duration, value @ Value::Number(_)) => value,
        // The text is read here and nowhere else: every reader of the attribute gets seconds.
        (Ty::Duration, Value::String(text)) => match crate::schema::duration::seconds(&text) {
            Some(seconds) => seconds.into(),
            None => {
                return error(
                    format!("`{text}` is no length of time"),
                    Some("write \"90s\", \"1h30m\", \"7d\", or a number of seconds".to_owned()),
                );
            }
        },
        (Ty::Flags(names), Value::Map(map)) => {
            let mut switches: Attrs =
                names.iter().map(|name| ((*name).to_owned(), Value::Bool(false))).collect();
            for (key, item) in map {
                let at = object_item(node, &key).map_or_else(|| loc.clone(), |n| expr.loc_of(n));
                if !names.contains(&key.as_str()) {
                    let help = did_you_mean(&key, names.iter().copied())
                        .unwrap_or_else(|| format!("there are {}", names.join(", ")));
                    return Err(Diagnostic::error(format!("there is no switch `{key}`"))
                        .at(at)
                        .help(help)
                        .into());
                }
                switches.insert(key, coerce(item, &Ty::Bool, expr, None, &at)?);
            }
            Value::Map(switches)
        }
        (Ty::Flags(_), value) => return coerce(value, &Ty::Bool, expr, node, loc),
        (Ty::String | Ty::Bool | Ty::Number, Value::Block(block)) => {
            return error(
                format!("this must be {}, not the block `{}`", described(ty), block.address),
                Some("name one of its attributes, such as `.arn`, `.id` or `.name`".to_owned()),
            );
        }
        (Ty::String | Ty::Bool | Ty::Number, value) => {
            let wanted = match ty {
                Ty::String => Type::String,
                Ty::Bool => Type::Bool,
                _ => Type::Number,
            };
            match convert(value, &wanted) {
                Ok(value) => value,
                Err(e) => return error(e.message, e.help),
            }
        }
        (Ty::List(inner), Value::List(list)) => Value::list(items(list.into_inner(), inner)?),
        (Ty::List(inner), Value::Set(set)) => Value::list(items(set.into_iter().collect(), inner)?),
        (Ty::Set(inner), Value::List(list)) => {
            Value::Set(items(list.into_inner(), inner)?.into_iter().collect())
        }
        (Ty::Set(inner), Value::Set(set)) => {
            Value::Set(items(set.into_iter().collect(), inner)?.into_iter().collect())
        }
        // All instances of a multiplied block.
        (Ty::List(inner @ Ty::Ref { .. }) | Ty::Set(inner @ Ty::Ref { .. }), Value::Map(map))
            if map.values().all(|v| matches!(v, Value::Block(_))) =>
        {
            let all = items(map.into_iter().map(|(_, v)| v).collect(), inner)?;
            if matches!(ty, Ty::Set(_)) {
                Value::Set(all.into_iter().collect())
            } else {
                Value::list(all)
            }
        }
        (Ty::List(_) | Ty::Set(_), other) => {
            let text = expr.loc_at(loc.span());
            let written = text.source().text().get(text.span()).unwrap_or_default();
            let help = (!written.is_empty() && written.len() < 60 && !written.contains('\n'))
                .then(|| format!("write `[{written}]`"));
            return error(format!("this must be a list, not {}", a(&other)), help);
        }
        (Ty::Map(inner), Value::Map(map)) => {
            let mut done = Attrs::new();
            let mut errors = Diagnostics::new();
            for (key, item) in map {
                let at = object_item(node, &key).map_or_else(|| loc.clone(), |n| expr.loc_of(n));
                match coerce(item, inner, expr, object_item(node, &key), &at) {
                    Ok(item) => {
                        done.insert(key, item);
                    }
                    Err(more) => errors.extend(more),
                }
            }
            Value::Map(errors.into_result(done)?)
        }
        (Ty::Ref { kinds, .. }, Value::Block(block))
            if kinds.contains(&block.address.kind.as_str()) =>
        {
            Value::Block(block)
        }
        (Ty::Ref { text: true, .. }, value @ Value::String(_)) => value,
        (Ty::Ref { kinds, text }, other) => {
            let several = matches!(&other, Value::Map(m) if m.values().all(|v| matches!(v, Value::Block(_))))
                || matches!(&other, Value::List(l) if l.iter().all(|v| matches!(v, Value::Block(_))));
            let help = if several {
                Some("the block has several instances: name one by its key, `[\"...\"]`".to_owned())
            } else {
                kinds.first().map(|k| {
                    let or = if *text { ", or a text" } else { "" };
                    format!("as in `{k}.example`{or}")
                })
            };
            return error(format!("this must be {}, not {}", described(ty), a(&other)), help);
        }
        (_, other) => {
            return error(format!("this must be {}, not {}", described(ty), a(&other)), None);
        }
    };
    Ok(if hidden { result.sensitive() } else { result })
}

fn object_item<'n>(node: Option<&'n Expression>, key: &str) -> Option<&'n Expression> {
    let Some(Expression::Object(object)) = node else { return None };
    object
        .iter()
        .find(|(k, _)| match k {
            hcl::edit::expr::ObjectKey::Ident(ident) => ident.as_str() == key,
            hcl::edit::expr::ObjectKey::Expression(expr) => expr.as_str() == Some(key),
        })
        .map(|(_, v)| v.expr())
}

fn a(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Block(block) => format!("the block `{}`", block.address),
        other => {
            let name = other.type_name();
            let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
            format!("{article} {name}")
        }
    }
}

/// A type with its article.
fn described(ty: &Ty) -> String {
    match ty {
        Ty::String => "a string".to_owned(),
        Ty::Bool => "true or false".to_owned(),
        Ty::Flags(names) => format!("true, false, or an object of {}", names.join(", ")),
        Ty::Number => "a number".to_owned(),
        Ty::Duration => "a length of time, such as \"1h\"".to_owned(),
        Ty::List(_) => "a list".to_owned(),
        Ty::Set(_) => "a list of distinct elements".to_owned(),
        Ty::Map(_) => "an object".to_owned(),
        Ty::Policy => "a policy document, as JSON text or an object".to_owned(),
        Ty::Ref { kinds, .. } => {
            let kinds: Vec<String> = kinds.iter().map(|k| format!("`{k}`")).collect();
            let vowel = kinds
                .first()
                .is_some_and(|k| ["`a", "`e", "`i", "`o", "`u"].iter().any(|v| k.starts_with(v)));
            format!(
                "a reference to {} {} block",
                if vowel { "an" } else { "a" },
                kinds.join(" or ")
            )
        }
        Ty::Any | Ty::Raw => "a value".to_owned(),
    }
}
