//! Sets.

use std::collections::BTreeSet;

use super::args::{FunctionResult, MAX_ELEMENTS};
use super::function::{Call, Copes, Function};
use crate::diag::Diagnostic;
use crate::value::Value;
use crate::value::convert::unify_elements;

pub(super) const TABLE: &[Function] = &[
    Function {
        name: "setintersection",
        params: &["set", "sets..."],
        about: "The elements that are in all sets.",
        copes: Copes::NOTHING,
        run: |call| {
            let mut sets = sets(call)?.into_iter();
            let first = sets.next().unwrap_or_default();
            Ok(Value::set(sets.fold(first, |a, b| a.intersection(&b).cloned().collect())))
        },
    },
    Function {
        name: "setproduct",
        params: &["set", "sets..."],
        about: "Every combination of one element of each; a list when all arguments are lists.",
        copes: Copes::UNKNOWN,
        run: setproduct,
    },
    Function {
        name: "setsubtract",
        params: &["set", "other"],
        about: "The elements that are not in the other set.",
        copes: Copes::NOTHING,
        run: |call| {
            let mut sets = sets(call)?.into_iter();
            let first = sets.next().unwrap_or_default();
            Ok(Value::set(sets.fold(first, |a, b| a.difference(&b).cloned().collect())))
        },
    },
    Function {
        name: "setunion",
        params: &["set", "sets..."],
        about: "The elements that are in any of the sets.",
        copes: Copes::UNKNOWN,
        run: |call| {
            if call.args.iter().any(Value::is_unknown) {
                return Ok(call.opaque());
            }
            Ok(Value::Set(sets(call)?.into_iter().flatten().collect()))
        },
    },
];

/// The arguments as sets whose elements have one type.
fn sets(call: &Call<'_>) -> Result<Vec<BTreeSet<Value>>, Diagnostic> {
    let mut lengths = Vec::new();
    let mut all = Vec::new();
    for index in 0..call.args.len() {
        let list = call.list(index)?;
        lengths.push(list.len());
        all.extend(list);
    }
    let all = unify_elements(all)
        .map_err(|_| call.fail("the elements of all sets must have one type"))?;
    let mut rest = all.into_iter();
    Ok(lengths.into_iter().map(|length| rest.by_ref().take(length).collect()).collect())
}

fn setproduct(call: &Call<'_>) -> FunctionResult {
    if call.args.len() < 2 {
        return Err(call.fail("at least two sets are needed"));
    }
    // Elements may be unknown, unless a set might hold one twice.
    let open = |v: &Value| v.is_unknown() || matches!(v, Value::Set(_)) && v.has_unknown();
    if call.args.iter().any(open) {
        return Ok(call.opaque());
    }
    let mut lists = Vec::new();
    let mut count = 1_usize;
    for index in 0..call.args.len() {
        let list = super::collection::alike(call.list(index)?);
        count = count.saturating_mul(list.len());
        lists.push(list);
    }
    if count.saturating_mul(lists.len()) > MAX_ELEMENTS {
        return Err(call.fail(format_args!(
            "there are {count} combinations, and the result may have {MAX_ELEMENTS} elements"
        )));
    }
    let ordered = call.args.iter().all(|v| matches!(v, Value::List(_)));
    let mut product: Vec<Vec<Value>> = vec![Vec::new()];
    for list in lists {
        product = product
            .into_iter()
            .flat_map(|head| {
                list.iter().map(move |value| {
                    let mut row = head.clone();
                    row.push(value.clone());
                    row
                })
            })
            .collect();
    }
    let rows = product.into_iter().map(Value::list);
    Ok(if ordered { rows.collect() } else { Value::Set(rows.collect()) })
}
