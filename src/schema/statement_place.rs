//! Where a statement of a policy stands in the block of an object: the way back from what its blocks and attributes
//! were made into.

use super::body::{Body, NestedBody};
use super::policy::sid;
use super::trust;
use crate::diag::Loc;

/// Where a statement stands: `part` names the policy of the object (`trust`, an inline policy, or its own),
/// `statement` is its sid, or its number where it has none.
#[must_use]
pub fn statement_place<'b>(body: &'b Body, part: &str, statement: &str) -> Option<&'b Loc> {
    if matches!(part, "trust" | "assume_role_policy") {
        let of = |number: usize| trust::places(body).get(number).copied();
        let only = || {
            let mut blocks = body.nested("trust").map(|block| &block.body.loc);
            blocks.next().filter(|_| blocks.next().is_none())
        };
        return statement
            .parse()
            .ok()
            .and_then(of)
            .or_else(only)
            .or_else(|| attribute(body, "assume_role_policy"));
    }
    let inline = body.nested("inline_policy").find(|b| label(b) == Some(part));
    if let Some(inline) = inline {
        let statements: Vec<&NestedBody> = inline.body.nested("statement").collect();
        return named(&statements, statement).or(Some(&inline.body.loc));
    }
    let statements: Vec<&NestedBody> = body.nested("statement").collect();
    named(&statements, statement)
        .or_else(|| ["policy", "content"].iter().find_map(|name| attribute(body, name)))
}

fn named<'b>(blocks: &[&'b NestedBody], statement: &str) -> Option<&'b Loc> {
    let by_sid = blocks.iter().find(|b| label(b).is_some_and(|label| sid(label) == statement));
    let by_number = || blocks.get(statement.parse::<usize>().ok()?);
    by_sid.or_else(by_number).map(|b| &b.body.loc)
}

fn label(block: &NestedBody) -> Option<&str> {
    block.labels.first().map(|label| label.value.as_str())
}

fn attribute<'b>(body: &'b Body, name: &str) -> Option<&'b Loc> {
    body.get(name).map(|attribute| &attribute.loc)
}
