//! Where a property stands that is wrong. Values do not carry their places, so the literal that they came from is read once
//! more; what an expression makes of others is told at the expression.

use hcl::edit::Span;
use hcl::edit::expr::{Expression, ObjectKey};

use crate::diag::Loc;
use crate::resource_types::Segment;

/// The place of what is at `path` in an expression that stands at `at`: of the deepest part that is written out there.
pub(super) fn place(at: &Loc, path: &[Segment]) -> Loc {
    let span = at.span();
    let text = at.source().text().get(span.clone()).unwrap_or_default();
    let found = text.parse::<Expression>().ok().map(|expression| deepest(&expression, path));
    match found {
        Some(Some(inner)) => {
            Loc::new(at.source(), span.start + inner.start..span.start + inner.end)
        }
        _ => at.clone(),
    }
}

fn deepest(expression: &Expression, path: &[Segment]) -> Option<std::ops::Range<usize>> {
    let own = expression.span();
    let Some((first, rest)) = path.split_first() else { return own };
    let below = match (expression, first) {
        (Expression::Parenthesis(inner), _) => return deepest(inner.inner(), path),
        (Expression::Object(object), Segment::Name(name)) => {
            let found = object.iter().find(|(key, _)| key_name(key) == Some(name.as_str()));
            found.and_then(|(key, value)| match rest.is_empty() {
                // A property that is wrong itself is told at its name, and so is a value with what it is of.
                true => Some(key.span()?.start..value.expr().span()?.end),
                false => deepest(value.expr(), rest),
            })
        }
        (Expression::Array(array), Segment::Index(at)) => {
            array.get(*at).and_then(|element| deepest(element, rest))
        }
        _ => None,
    };
    below.or(own)
}

fn key_name(key: &ObjectKey) -> Option<&str> {
    match key {
        ObjectKey::Ident(name) => Some(name.as_str()),
        ObjectKey::Expression(Expression::Variable(name)) => Some(name.as_str()),
        ObjectKey::Expression(Expression::String(text)) => Some(text.value().as_str()),
        ObjectKey::Expression(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;

    #[test]
    fn the_deepest_literal_tells_the_place() {
        let source = Source::new("x", "  { A = { \"B\" = [1, 22] }, C = merge(x, { D = 1 }) }  ");
        let whole = Loc::new(&source, 2..source.text().len() - 2);
        let at = |path: &[Segment]| source.text()[place(&whole, path).span()].to_owned();
        let name = |name: &str| Segment::Name(name.to_owned());
        assert_eq!(at(&[name("A"), name("B"), Segment::Index(1)]), "22");
        assert_eq!(at(&[name("A"), name("B")]), "\"B\" = [1, 22]");
        assert_eq!(at(&[name("C"), name("D")]), "merge(x, { D = 1 })");
        assert_eq!(at(&[name("A"), name("Z")]), "{ \"B\" = [1, 22] }");
    }
}
