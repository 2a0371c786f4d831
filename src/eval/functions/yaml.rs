//! YAML. Documents are read into values under a budget of nodes, so that aliases which multiply
//! ("a billion laughs") end in an error and not in all memory.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess, Visitor};

use super::args::FunctionResult;
use super::encoding::MAX_DECODED;
use super::function::{Call, Copes, Function};
use super::yaml_text::{key as key_text, scalar};
use crate::diag::Diagnostic;
use crate::value::convert::MAX_DEPTH;
use crate::value::{Number, Value};

/// Most nodes of one document, aliases expanded.
const MAX_NODES: usize = 200_000;
/// Deepest nesting of brackets, strings included: the parser's time grows with its square.
const MAX_BRACKETS: usize = 500;

pub(super) const TABLE: &[Function] = &[
    Function {
        name: "yamldecode",
        params: &["text"],
        about: "The value that the YAML document holds.",
        copes: Copes::NOTHING,
        run: yamldecode,
    },
    Function {
        name: "yamlencode",
        params: &["value"],
        about: "The value as YAML, in block style, keys sorted.",
        copes: Copes::NOTHING,
        run: |call| {
            let mut out = String::new();
            write(call, call.arg(0), &mut out, 0, 0)?;
            if out.starts_with('\n') {
                out.remove(0);
            }
            if !out.ends_with('\n') {
                out.push('\n');
            }
            // A plain scalar that is a whole document ends with a mark.
            if matches!(call.arg(0).reveal(), Value::Null | Value::Bool(_) | Value::Number(_)) {
                out.push_str("...\n");
            }
            Ok(out.into())
        },
    },
];

fn yamldecode(call: &Call<'_>) -> FunctionResult {
    let text = call.text(0)?;
    if text.len() > MAX_DECODED {
        return Err(call.bad(0, "the text is larger than 8 MiB"));
    }
    if brackets(&text) > MAX_BRACKETS {
        return Err(call.bad(0, format_args!("brackets nest deeper than {MAX_BRACKETS} levels")));
    }
    let budget = Cell::new(MAX_NODES);
    let reader = serde_yaml_ng::Deserializer::from_str(&text);
    Node { budget: &budget, depth: 0 }
        .deserialize(reader)
        .map_err(|error| call.bad(0, format_args!("the YAML is not usable: {error}")))
}

/// How deep brackets nest, wherever they stand.
fn brackets(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[derive(Clone, Copy)]
struct Node<'b> {
    budget: &'b Cell<usize>,
    depth: usize,
}

impl Node<'_> {
    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        let left = self.budget.get();
        if left == 0 {
            return Err(E::custom(format!("it has more than {MAX_NODES} nodes")));
        }
        self.budget.set(left - 1);
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format!("it nests deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Value, E> {
        Ok(Value::int(int))
    }

    fn visit_u64<E>(self, int: u64) -> Result<Value, E> {
        Ok(Number::whole(int.into()).map_or(Value::Null, Value::Number))
    }

    fn visit_i128<E: serde::de::Error>(self, int: i128) -> Result<Value, E> {
        Ok(Number::whole(int.into()).map_or(Value::Null, Value::Number))
    }

    fn visit_u128<E: serde::de::Error>(self, int: u128) -> Result<Value, E> {
        Ok(Number::whole(int.into()).map_or(Value::Null, Value::Number))
    }

    fn visit_f64<E: serde::de::Error>(self, float: f64) -> Result<Value, E> {
        // Read again from the digits that the double was written with.
        Number::parse(&float.to_string())
            .map(Value::Number)
            .ok_or_else(|| E::custom("there are no infinite numbers in the language"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(self.below()?)? {
            list.push(value);
        }
        Ok(Value::list(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = BTreeMap::new();
        let mut merged = BTreeMap::new();
        while let Some(key) = access.next_key_seed(self.below()?)? {
            let value = access.next_value_seed(self.below()?)?;
            let key = match key {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(b) => b.to_string(),
                _ => return Err(A::Error::custom("keys must be strings, numbers or bools")),
            };
            match (key.as_str(), value) {
                ("<<", Value::Map(base)) => merge(&mut merged, base),
                ("<<", Value::List(bases)) => {
                    for base in bases {
                        match base {
                            Value::Map(base) => merge(&mut merged, base),
                            _ => return Err(A::Error::custom("`<<` takes mappings")),
                        }
                    }
                }
                (_, value) => {
                    if map.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format!("the key `{key}` is given twice")));
                    }
                }
            }
        }
        merge(&mut map, merged);
        Ok(Value::Map(map.into()))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        let (tag, _) = access.variant::<String>()?;
        Err(A::Error::custom(format!("the tag `!{}` is not known", tag.trim_start_matches('!'))))
    }
}

/// What is there already wins, as YAML's merge keys want it.
fn merge(map: &mut BTreeMap<String, Value>, base: impl IntoIterator<Item = (String, Value)>) {
    for (key, value) in base {
        map.entry(key).or_insert(value);
    }
}

/// Writes a value after a key or a dash. Sequences in mappings are not indented, as Terraform has it.
fn write(
    call: &Call<'_>,
    value: &Value,
    out: &mut String,
    indent: usize,
    depth: usize,
) -> Result<(), Diagnostic> {
    if depth > MAX_DEPTH {
        return Err(call.bad(0, format_args!("the value nests deeper than {MAX_DEPTH} levels")));
    }
    call.guard_text(out.len())?;
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => scalar(text, out, indent),
        Value::Map(map) if map.is_empty() => out.push_str("{}"),
        Value::Map(map) => {
            for (key, value) in map {
                line(out, indent);
                key_text(key, out);
                out.push(':');
                let nested = match value {
                    Value::List(list) => !list.is_empty(),
                    Value::Set(set) => !set.is_empty(),
                    Value::Map(map) => !map.is_empty(),
                    _ => false,
                };
                if !nested {
                    out.push(' ');
                }
                let inner = if matches!(value, Value::Map(_) | Value::String(_)) {
                    indent + 2
                } else {
                    indent
                };
                write(call, value, out, inner, depth + 1)?;
            }
        }
        Value::List(list) => sequence(call, list.iter(), out, indent, depth)?,
        Value::Set(set) => sequence(call, set.iter(), out, indent, depth)?,
        Value::Sensitive(inner) => write(call, inner, out, indent, depth)?,
        Value::Block(_) | Value::Secret(_) | Value::Unknown(_) => {
            return Err(call.not(0, "plain data", value));
        }
    }
    Ok(())
}

fn sequence<'v>(
    call: &Call<'_>,
    elements: impl ExactSizeIterator<Item = &'v Value>,
    out: &mut String,
    indent: usize,
    depth: usize,
) -> Result<(), Diagnostic> {
    if elements.len() == 0 {
        out.push_str("[]");
        return Ok(());
    }
    for element in elements {
        line(out, indent);
        out.push_str("- ");
        write(call, element, out, indent + 2, depth + 1)?;
    }
    Ok(())
}

/// A new line, unless a dash has just opened one.
fn line(out: &mut String, indent: usize) {
    if out.ends_with("- ") {
        return;
    }
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out.extend(std::iter::repeat_n(' ', indent));
}
