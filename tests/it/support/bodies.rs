//! Evaluated blocks from HCL text, for tests of single kinds: literals only, with real places.
//!
//! `account("x", "123...")`-like references are written as bare traversals and come from a table.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl::edit::Span;
use hcl::edit::expr::{Expression, ObjectKey};
use hcl::edit::structure::{BlockLabel, Structure};
use palisade::address::{Placement, ResourceAddr};
use palisade::diag::{Loc, Source};
use palisade::iam::Limits;
use palisade::schema::{Body, KindContext, NestedBody, Spanned};
use palisade::value::{Number, Value};

/// What bare references such as `account.new` stand for.
pub(crate) type References = BTreeMap<String, Value>;

/// The first block of `text`: its kind, its label, its body.
pub(crate) fn block(text: &str, references: &References) -> (String, String, Body) {
    let source = Source::new("test.hcl", text);
    let body: hcl::edit::structure::Body = text.parse().expect("the test's HCL is valid");
    let first = body.blocks().next().expect("a block");
    let label = first.labels.first().map(|l| l.as_str().to_owned()).unwrap_or_default();
    let kind = first.ident.as_str().to_owned();
    (kind, label, read(&first.body, &source, header(first, &source), references))
}

fn header(block: &hcl::edit::structure::Block, source: &Arc<Source>) -> Loc {
    let start = block.ident.span().unwrap_or_default();
    let end = block.labels.last().and_then(|l| match l {
        BlockLabel::String(s) => s.span(),
        BlockLabel::Ident(i) => i.span(),
    });
    Loc::new(source, start.start..end.map_or(start.end, |e| e.end))
}

fn read(
    body: &hcl::edit::structure::Body,
    source: &Arc<Source>,
    loc: Loc,
    references: &References,
) -> Body {
    let mut out = Body { loc, attrs: palisade::value::Sorted::new(), blocks: Vec::new() };
    for structure in body {
        match structure {
            Structure::Attribute(attr) => {
                let loc = Loc::new(source, attr.value.span().unwrap_or_default());
                let value = as_evaluated(attr.key.as_str(), eval(&attr.value, references));
                if value != Value::Null {
                    out.attrs.insert(attr.key.as_str().to_owned(), Spanned { value, loc });
                }
            }
            Structure::Block(block) => {
                let labels = block
                    .labels
                    .iter()
                    .map(|label| {
                        let span = match label {
                            BlockLabel::String(s) => s.span(),
                            BlockLabel::Ident(i) => i.span(),
                        };
                        let loc = Loc::new(source, span.unwrap_or_default());
                        Spanned { value: label.as_str().to_owned(), loc }
                    })
                    .collect();
                out.blocks.push(NestedBody {
                    name: block.ident.as_str().to_owned(),
                    labels,
                    body: read(&block.body, source, header(block, source), references),
                });
            }
        }
    }
    out
}

/// A length of time reaches the kinds in seconds, as `eval` hands it on.
fn as_evaluated(attr: &str, value: Value) -> Value {
    match (attr, value.as_str().and_then(palisade::schema::duration::seconds)) {
        ("max_session_duration", Some(seconds)) => Value::int(seconds),
        _ => value,
    }
}

fn eval(expr: &Expression, references: &References) -> Value {
    match expr {
        Expression::Null(_) => Value::Null,
        Expression::Bool(b) => Value::Bool(*b.value()),
        Expression::Number(n) => {
            Number::parse(&n.value().to_string()).map(Value::Number).expect("finite")
        }
        Expression::String(s) => Value::String(s.to_string()),
        Expression::HeredocTemplate(t) => Value::String(t.template.to_string()),
        Expression::StringTemplate(t) => Value::String(t.to_string()),
        Expression::Array(items) => items.iter().map(|i| eval(i, references)).collect(),
        Expression::Object(object) => Value::Map(
            object
                .iter()
                .map(|(key, value)| {
                    let key = match key {
                        ObjectKey::Ident(i) => i.as_str().to_owned(),
                        ObjectKey::Expression(Expression::String(s)) => s.to_string(),
                        other => panic!("unsupported key {other:?}"),
                    };
                    (key, eval(value.expr(), references))
                })
                .collect(),
        ),
        other => {
            let text = other.to_string();
            references
                .get(text.trim())
                .cloned()
                .unwrap_or_else(|| panic!("no reference `{}`", text.trim()))
        }
    }
}

/// The context of an instance in account `id`.
pub(crate) fn context(kind: &str, name: &str, id: &str) -> KindContext {
    let mut address = ResourceAddr::new(kind, name);
    let schema = palisade::schema::kind(kind).expect("a kind").schema();
    if schema.home == palisade::schema::Home::Account {
        address.placement =
            Some(Placement { account: "production".parse().expect("handle"), environment: None });
    }
    KindContext {
        default_name: address.name.clone(),
        address,
        estate: "acme".to_owned(),
        account_id: id.into(),
        partition: palisade::ids::Partition::Aws,
        region: "eu-west-1".to_owned(),
        default_tags: BTreeMap::new(),
        ownership_tags: BTreeMap::from([
            ("palisade:address".to_owned(), format!("v1:{kind}.{name}").into()),
            ("palisade:name".to_owned(), format!("{kind}.{name}").into()),
        ]),
        limits: Limits::default(),
    }
}
