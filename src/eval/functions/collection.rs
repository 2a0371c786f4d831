//! Lists, maps and objects. Most of these move elements about without looking at them, so that
//! unknown and sensitive elements stay what and where they are.

use std::collections::{BTreeMap, BTreeSet};

use super::args::FunctionResult;
use super::function::{Call, Copes, Function};
use crate::diag::did_you_mean;
use crate::value::convert::{convert, type_of, unify, unify_elements};
use crate::value::{Type, Value};

use unicode_segmentation::UnicodeSegmentation as _;

pub(super) const TABLE: &[Function] = &[
    Function {
        name: "alltrue",
        params: &["list"],
        about: "Whether all elements are true; true of an empty list.",
        copes: Copes::UNKNOWN,
        run: |call| truth(call, false),
    },
    Function {
        name: "anytrue",
        params: &["list"],
        about: "Whether any element is true; false of an empty list.",
        copes: Copes::UNKNOWN,
        run: |call| truth(call, true),
    },
    Function {
        name: "chunklist",
        params: &["list", "size"],
        about: "The list in pieces of at most this size.",
        copes: Copes::ALL,
        run: |call| call.shallow(chunklist),
    },
    Function {
        name: "coalesce",
        params: &["value", "values..."],
        about: "The first value that is neither null nor an empty string.",
        copes: Copes::ALL,
        run: coalesce,
    },
    Function {
        name: "coalescelist",
        params: &["list", "lists..."],
        about: "The first list that is not empty.",
        copes: Copes::ALL,
        run: coalescelist,
    },
    Function {
        name: "compact",
        params: &["list"],
        about: "The strings of the list that are neither null nor empty.",
        copes: Copes::NOTHING,
        run: compact,
    },
    Function {
        name: "concat",
        params: &["list", "lists..."],
        about: "The elements of all lists in one.",
        copes: Copes::ALL,
        run: |call| call.shallow(concat),
    },
    Function {
        name: "contains",
        params: &["list", "value"],
        about: "Whether the value is an element of the list or set.",
        copes: Copes::UNKNOWN,
        run: contains,
    },
    Function {
        name: "distinct",
        params: &["list"],
        about: "The list without repetitions, in order of first occurrence.",
        copes: Copes::NOTHING,
        run: |call| {
            let mut seen = BTreeSet::new();
            let mut list = unified(call, call.list(0)?)?;
            list.retain(|v| seen.insert(v.clone()));
            Ok(Value::list(list))
        },
    },
    Function {
        name: "element",
        params: &["list", "index"],
        about: "The element at the index, counted around: after the last comes the first, and -1 is the last.",
        copes: Copes::ALL,
        run: |call| call.shallow(element),
    },
    Function {
        name: "flatten",
        params: &["list"],
        about: "The elements of all lists in the list, to any depth.",
        copes: Copes::ALL,
        run: |call| call.shallow(flatten),
    },
    Function {
        name: "index",
        params: &["list", "value"],
        about: "The position of the value in the list; an error without one.",
        copes: Copes::UNKNOWN,
        run: index,
    },
    Function {
        name: "keys",
        params: &["map"],
        about: "The keys, sorted.",
        copes: Copes::ALL,
        run: |call| call.shallow(|call| Ok(call.map(0)?.keys().cloned().collect())),
    },
    Function {
        name: "length",
        params: &["value"],
        about: "How many elements a collection has, or characters a string.",
        copes: Copes::ALL,
        run: |call| call.shallow(length),
    },
    Function {
        name: "lookup",
        params: &["map", "key", "default?"],
        about: "The value under the key, or the default.",
        copes: Copes::ALL,
        run: lookup,
    },
    Function {
        name: "matchkeys",
        params: &["values", "keys", "search"],
        about: "The values whose key, at the same position, is among those searched for.",
        copes: Copes::NOTHING,
        run: matchkeys,
    },
    Function {
        name: "merge",
        params: &["maps..."],
        about: "One map of all entries; later maps win.",
        copes: Copes::ALL,
        run: |call| call.shallow(merge),
    },
    Function {
        name: "one",
        params: &["list"],
        about: "The only element, or null of an empty list; an error of a longer one.",
        copes: Copes::ALL,
        run: |call| call.shallow(one),
    },
    Function {
        name: "range",
        params: &["start_or_limit", "limit?", "step?"],
        about: "Numbers from a start (0) up to a limit, which is not reached, by a step (1).",
        copes: Copes::NOTHING,
        run: range,
    },
    Function {
        name: "reverse",
        params: &["list"],
        about: "The elements in reverse order.",
        copes: Copes::ALL,
        run: |call| call.shallow(|call| Ok(call.list(0)?.into_iter().rev().collect())),
    },
    Function {
        name: "slice",
        params: &["list", "start", "end"],
        about: "The elements from the start up to the end, which is not included.",
        copes: Copes::ALL,
        run: |call| call.shallow(slice),
    },
    Function {
        name: "sort",
        params: &["list"],
        about: "The strings in order of their characters' code points.",
        copes: Copes::UNKNOWN,
        run: |call| {
            if call.args.iter().any(Value::is_unknown) {
                return Ok(call.opaque());
            }
            // The order is open, the length is known.
            if call.args.iter().any(Value::has_unknown) {
                let element = call.opaque();
                return Ok(call.list(0)?.iter().map(|_| element.clone()).collect());
            }
            let mut list = call.strings(0)?;
            list.sort_unstable();
            Ok(list.into_iter().collect())
        },
    },
    Function {
        name: "transpose",
        params: &["map"],
        about: "A map of lists with keys and elements changed about.",
        copes: Copes::NOTHING,
        run: transpose,
    },
    Function {
        name: "values",
        params: &["map"],
        about: "The values, in order of their keys.",
        copes: Copes::ALL,
        run: |call| call.shallow(|call| Ok(call.map(0)?.values().cloned().collect())),
    },
    Function {
        name: "zipmap",
        params: &["keys", "values"],
        about: "A map of the keys to the values at the same positions.",
        copes: Copes::ALL,
        run: |call| call.shallow(zipmap),
    },
];

/// Whether any element is `wanted`; nulls count as false.
fn truth(call: &Call<'_>, wanted: bool) -> FunctionResult {
    let mut unknown = call.arg(0).is_unknown();
    let mut decided = false;
    if !unknown {
        for (position, value) in call.list(0)?.into_iter().enumerate() {
            match convert(value, &Type::Bool) {
                Ok(Value::Unknown(_)) => unknown = true,
                Ok(value) => decided |= value.as_bool().unwrap_or(false) == wanted,
                Err(error) => return Err(call.bad(0, format_args!("`$[{position}]`: {error}"))),
            }
        }
    }
    Ok(match (decided, unknown) {
        (true, _) => wanted.into(),
        (false, true) => call.opaque(),
        (false, false) => (!wanted).into(),
    })
}

/// The elements of a list, of one type where they have one.
pub(super) fn alike(list: Vec<Value>) -> Vec<Value> {
    unify_elements(list.clone()).unwrap_or(list)
}

fn chunklist(call: &Call<'_>) -> FunctionResult {
    let list = unify_elements(call.list(0)?).map_err(|error| call.bad(0, error))?;
    let size = call.int(1)?;
    let size = usize::try_from(size).map_err(|_| call.bad(1, "the size must not be negative"))?;
    if list.is_empty() {
        return Ok(Value::list(Vec::new()));
    }
    if size == 0 {
        return Ok(Value::list(vec![Value::list(list)]));
    }
    Ok(list.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect())
}

fn coalesce(call: &Call<'_>) -> FunctionResult {
    let Some(common) = unify(call.args.iter().map(type_of)) else {
        return Err(call.fail("all values must have one type"));
    };
    let mut sensitive = false;
    for (index, value) in call.args.iter().enumerate() {
        if value.is_unknown() {
            let result = match value.reveal() {
                // Known pieces mean that it is a string that is not empty.
                Value::Unknown(unknown) if !unknown.parts.is_empty() => value.reveal().clone(),
                _ => call.opaque(),
            };
            sensitive |= value.has_sensitive();
            return Ok(if sensitive { result.sensitive() } else { result });
        }
        sensitive |= matches!(value, Value::Sensitive(_));
        if value.is_null() || value.as_str().is_some_and(str::is_empty) {
            continue;
        }
        if matches!(value.reveal(), Value::Block(_)) {
            return Ok(value.clone());
        }
        let value = convert(value.clone(), &common).map_err(|error| call.bad(index, error))?;
        return Ok(if sensitive { value.sensitive() } else { value });
    }
    Err(call.fail("every value is null or an empty string"))
}

fn coalescelist(call: &Call<'_>) -> FunctionResult {
    let wrong = call.args.iter().enumerate().find(|(_, value)| {
        !matches!(value.reveal(), Value::List(_) | Value::Null | Value::Unknown(_))
    });
    if let Some((index, value)) = wrong {
        return Err(call.not(index, "a list", value));
    }
    for value in &call.args {
        if value.is_unknown() {
            return Ok(call.opaque());
        }
        if value.elements().is_some_and(|elements| !elements.is_empty()) {
            return Ok(value.clone());
        }
    }
    Err(call.fail("every list is empty"))
}

fn compact(call: &Call<'_>) -> FunctionResult {
    let Value::List(list) = call.typed(0, &Type::list(Type::String))? else {
        return Err(call.not(0, "a list of strings", call.arg(0)));
    };
    Ok(list.into_iter().filter(|v| v.as_str().is_some_and(|text| !text.is_empty())).collect())
}

fn concat(call: &Call<'_>) -> FunctionResult {
    let mut all = Vec::new();
    for index in 0..call.args.len() {
        refuse_set(call, index)?;
        all.extend(call.list(index)?);
        call.guard_elements(all.len())?;
    }
    Ok(Value::list(all))
}

fn refuse_set(call: &Call<'_>, index: usize) -> Result<(), crate::diag::Diagnostic> {
    match call.arg(index).reveal() {
        Value::Set(_) => {
            Err(call.bad(index, "a set has no order").help("`tolist(...)` gives it one"))
        }
        _ => Ok(()),
    }
}

/// Elements as one type where they have one, so that `1` and `"1"` compare equal.
fn unified(call: &Call<'_>, list: Vec<Value>) -> Result<Vec<Value>, crate::diag::Diagnostic> {
    match unify_elements(list.clone()) {
        Ok(unified) => Ok(unified),
        // Elements of different shape are different anyway.
        Err(_) if call.function.name == "distinct" => Ok(list),
        Err(error) => Err(call.bad(0, error)),
    }
}

fn contains(call: &Call<'_>) -> FunctionResult {
    if call.args.iter().any(Value::is_unknown) {
        return Ok(call.opaque());
    }
    let (list, wanted) = (call.list(0)?, call.arg(1));
    if wanted.is_null() {
        let help = "`anytrue([for x in list : x == null])` tells whether one is null";
        return Err(call.bad(1, "the value must not be null").help(help));
    }
    if !wanted.has_unknown() && list.contains(wanted) {
        return Ok(true.into());
    }
    let open = wanted.has_unknown() || list.iter().any(Value::has_unknown);
    if open { Ok(call.opaque()) } else { Ok(false.into()) }
}

fn element(call: &Call<'_>) -> FunctionResult {
    refuse_set(call, 0)?;
    let list = call.list(0)?;
    let index = call.int(1)?;
    let Ok(count) = i64::try_from(list.len()) else { return Ok(Value::Null) };
    if count == 0 {
        return Err(call.bad(0, "an empty list has no element"));
    }
    let index = usize::try_from(index.rem_euclid(count)).unwrap_or(0);
    Ok(list.into_iter().nth(index).unwrap_or_default())
}

fn flatten(call: &Call<'_>) -> FunctionResult {
    let mut stack: Vec<Value> = call.list(0)?;
    stack.reverse();
    let mut flat = Vec::new();
    let mut sensitive = false;
    while let Some(value) = stack.pop() {
        match value {
            Value::List(list) => stack.extend(list.into_iter().rev()),
            Value::Set(set) => stack.extend(set.into_iter().rev()),
            // What may yet be a list leaves the whole length open.
            Value::Unknown(unknown) if unknown.parts.is_empty() => return Ok(call.opaque()),
            Value::Sensitive(inner) if matches!(*inner, Value::List(_) | Value::Set(_)) => {
                sensitive = true;
                stack.push(*inner);
            }
            other => flat.push(other),
        }
    }
    let flat = Value::list(flat);
    Ok(if sensitive { flat.sensitive() } else { flat })
}

fn index(call: &Call<'_>) -> FunctionResult {
    if call.args.iter().any(Value::is_unknown) {
        return Ok(call.opaque());
    }
    let list = match call.arg(0) {
        Value::List(list) => list,
        other => return Err(call.not(0, "a list", other)),
    };
    let wanted = call.arg(1);
    // An unknown element before the first equal one may turn out to be it.
    let open = |v: &Value| wanted.has_unknown() || v.has_unknown();
    match list.iter().position(|v| open(v) || v == wanted) {
        Some(position) if list.get(position).is_some_and(open) => Ok(call.opaque()),
        Some(position) => Ok(Value::int(i64::try_from(position).unwrap_or(i64::MAX))),
        None => Err(call
            .bad(1, "the list has no such element")
            .help("`contains(list, value)` tells whether it has")),
    }
}

fn length(call: &Call<'_>) -> FunctionResult {
    let count = match call.arg(0) {
        Value::String(text) => text.graphemes(true).count(),
        Value::List(list) => list.len(),
        // Unknown elements may turn out to be the same.
        Value::Set(set) if set.len() > 1 && set.iter().any(Value::has_unknown) => {
            return Ok(call.opaque());
        }
        Value::Set(set) => set.len(),
        Value::Map(map) => map.len(),
        other => return Err(call.not(0, "a string, list, set, map or object", other)),
    };
    Ok(Value::int(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// The default may be null, unknown or sensitive; it is not looked at unless it is needed.
fn lookup(call: &Call<'_>) -> FunctionResult {
    let (map, key) = (call.arg(0), call.arg(1));
    if map.is_unknown() || key.is_unknown() {
        return Ok(call.opaque());
    }
    let marked = [map, key].iter().any(|v| matches!(v, Value::Sensitive(_)));
    let hidden = matches!(key, Value::Sensitive(_));
    let plain = Call {
        args: call.args.iter().take(2).map(|v| v.reveal().clone()).collect(),
        ..call.clone()
    };
    let key = plain.text(1)?;
    let mut entries = plain.map(0)?;
    let value = match entries.remove(&key) {
        Some(value) => value,
        None if call.has(2) => call.arg(2).clone(),
        None if hidden => return Err(call.bad(1, "the map has no such key")),
        None => {
            return Err(call
                .bad(1, format_args!("the map has no key `{key}`"))
                .help_opt(did_you_mean(&key, entries.keys().map(String::as_str)))
                .detail("a third argument gives a default"));
        }
    };
    Ok(if marked { value.sensitive() } else { value })
}

fn matchkeys(call: &Call<'_>) -> FunctionResult {
    let values = unify_elements(call.list(0)?).map_err(|error| call.bad(0, error))?;
    let (keys, search) = (call.list(1)?, call.list(2)?);
    if values.len() != keys.len() {
        return Err(
            call.bad(1, format_args!("there are {} values and {} keys", values.len(), keys.len()))
        );
    }
    let count = keys.len();
    let all = unify_elements(keys.into_iter().chain(search).collect())
        .map_err(|_| call.bad(2, "the keys and those searched for must have one type"))?;
    let (keys, search) = all.split_at_checked(count).unwrap_or((&all, &[]));
    let search: BTreeSet<&Value> = search.iter().collect();
    Ok(values
        .into_iter()
        .zip(keys)
        .filter(|(_, key)| search.contains(key))
        .map(|(v, _)| v)
        .collect())
}

fn merge(call: &Call<'_>) -> FunctionResult {
    let mut all = BTreeMap::new();
    for index in 0..call.args.len() {
        if !call.arg(index).is_null() {
            all.extend(call.map(index)?);
        }
    }
    Ok(Value::Map(all.into()))
}

fn one(call: &Call<'_>) -> FunctionResult {
    let list = call.list(0)?;
    if list.len() > 1 {
        return Err(call
            .bad(0, format_args!("at most one element is allowed, and there are {}", list.len())));
    }
    Ok(list.into_iter().next().unwrap_or_default())
}

fn range(call: &Call<'_>) -> FunctionResult {
    const MOST: usize = 65_536;
    let (start, limit) = if call.has(1) {
        (call.number(0)?, call.number(1)?)
    } else {
        (crate::value::Number::Int(0), call.number(0)?)
    };
    let down = limit < start;
    let step = match call.has(2) {
        true => call.number(2)?,
        false => crate::value::Number::Int(if down { -1 } else { 1 }),
    };
    let wrong = match step.cmp(&crate::value::Number::Int(0)) {
        std::cmp::Ordering::Equal if limit != start => Some("the step must not be zero"),
        std::cmp::Ordering::Less if !down && limit != start => {
            Some("the step must be positive, since the limit is larger than the start")
        }
        std::cmp::Ordering::Greater if down => {
            Some("the step must be negative, since the limit is smaller than the start")
        }
        _ => None,
    };
    if let Some(message) = wrong {
        return Err(call.bad(2, message));
    }
    let mut numbers = Vec::new();
    let mut current = start;
    while if down { current > limit } else { current < limit } {
        if numbers.len() == MOST {
            return Err(call.fail(format_args!("a range has at most {MOST} numbers")));
        }
        let next = current.plus(&step);
        numbers.push(Value::Number(current));
        match next {
            Some(next) => current = next,
            None => break,
        }
    }
    Ok(Value::list(numbers))
}

fn slice(call: &Call<'_>) -> FunctionResult {
    refuse_set(call, 0)?;
    let list = call.list(0)?;
    let (start, end) = (call.int(1)?, call.int(2)?);
    let count = list.len();
    let position = |index: usize, value: i64| {
        usize::try_from(value).ok().filter(|v| *v <= count).ok_or_else(|| {
            call.bad(index, format_args!("{value} is not from 0 to {count}, the list's length"))
        })
    };
    let (start, end) = (position(1, start)?, position(2, end)?);
    if end < start {
        return Err(call.bad(2, format_args!("the end {end} is before the start {start}")));
    }
    Ok(list.into_iter().skip(start).take(end - start).collect())
}

fn transpose(call: &Call<'_>) -> FunctionResult {
    let Value::Map(map) = call.typed(0, &Type::map(Type::list(Type::String)))? else {
        return Err(call.not(0, "a map of lists of strings", call.arg(0)));
    };
    let mut turned: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (key, list) in map {
        for element in list.elements().unwrap_or_default() {
            let Some(text) = element.as_str() else {
                return Err(call.bad(0, format_args!("`$.{key}`: null is not a string")));
            };
            turned.entry(text.to_owned()).or_default().push(key.as_str().into());
        }
    }
    Ok(Value::Map(turned.into_iter().map(|(k, v)| (k, Value::list(v))).collect()))
}

fn zipmap(call: &Call<'_>) -> FunctionResult {
    if call.list(0)?.iter().any(Value::has_unknown) {
        return Ok(call.opaque());
    }
    let sensitive = call.list(0)?.iter().any(Value::has_sensitive);
    let keys = Call {
        args: vec![crate::value::convert::unmark_deep(call.arg(0).clone())],
        ..call.clone()
    }
    .strings(0)?;
    refuse_set(call, 1)?;
    let values = call.list(1)?;
    if keys.len() != values.len() {
        return Err(
            call.bad(1, format_args!("there are {} keys and {} values", keys.len(), values.len()))
        );
    }
    let map = Value::Map(keys.into_iter().zip(values).collect());
    Ok(if sensitive { map.sensitive() } else { map })
}
