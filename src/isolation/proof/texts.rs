//! What can be said of patterns by comparing texts: that one matches all of something, or that two match nothing
//! in common. Each answer is on the safe side: `false` says nothing.

use crate::iam::matching::{Pattern, Wildcards};
use crate::iam::symbolic::Space;
use crate::iam::{Item, LanguageVersion};

pub(super) fn lower(item: &Item) -> String {
    item.text.symbolic().to_ascii_lowercase()
}

/// The text before the first wildcard or variable.
pub(super) fn head(pattern: &str) -> &str {
    pattern.split(['*', '?', '$']).next().unwrap_or_default()
}

/// Whether a pattern is plain text and one star at its end, whose text starts the other pattern.
pub(super) fn spans(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').is_some_and(|plain| head(plain) == plain && text.starts_with(plain))
}

/// Whether a pattern surely matches everything of a space.
pub(super) fn covers(pattern: &str, space: &Space) -> bool {
    match space {
        Space::One(text) => {
            !pattern.contains("${")
                && Pattern::new(pattern, Wildcards::Active, LanguageVersion::V2008).matches_plain(text)
                // What crosses a colon is disputed.
                && (pattern == "*"
                    || spans(pattern, text)
                    || pattern == text
                    || field_by_field(pattern, text))
        }
        Space::Below(prefix) => pattern == "*" || spans(pattern, prefix),
        Space::Shaped(shape) => pattern == "*" || spans(pattern, head(shape)),
    }
}

/// Whether a pattern matches an ARN field by field, so that no wildcard crosses a colon between fields.
fn field_by_field(pattern: &str, text: &str) -> bool {
    let fields = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (patterns, texts) = (fields(pattern), fields(text));
    let matches = |(pattern, text): (&String, &String)| {
        Pattern::new(pattern, Wildcards::Active, LanguageVersion::V2008).matches_plain(text)
    };
    patterns.len() == texts.len() && patterns.iter().zip(&texts).all(matches)
}

/// The text after the last wildcard or variable.
fn tail(pattern: &str) -> &str {
    pattern.rsplit(['*', '?', '}']).next().unwrap_or_default()
}

/// Whether surely no text matches both patterns: they start, or end, unlike each other, or one is plain text that the
/// other does not match.
pub(super) fn apart(one: &str, other: &str) -> bool {
    let unlike =
        |a: &str, b: &str, is_part: fn(&str, &str) -> bool| !is_part(a, b) && !is_part(b, a);
    let misses = |plain: &str, pattern: &str| {
        head(plain) == plain
            && !pattern.contains("${")
            && !Pattern::new(pattern, Wildcards::Active, LanguageVersion::V2008)
                .matches_plain(plain)
    };
    unlike(head(one), head(other), |a, b| a.starts_with(b))
        || unlike(tail(one), tail(other), |a, b| a.ends_with(b))
        || misses(one, other)
        || misses(other, one)
}

/// Whether surely no text matches a pattern of each list.
pub(super) fn all_apart(some: &[String], others: &[String]) -> bool {
    some.iter().all(|one| others.iter().all(|other| apart(one, other)))
}

/// Whether every pattern surely matches nothing that none of `wide` matches.
pub(super) fn within(narrow: &[String], wide: &[String]) -> bool {
    narrow.iter().all(|text| wide.iter().any(|pattern| pattern == text || spans(pattern, text)))
}

/// Whether no pattern can match anything of the spaces.
pub(super) fn disjoint(patterns: &[String], spaces: &[Space]) -> bool {
    let misses = |pattern: &str, space: &Space| {
        let start = head(pattern);
        match space {
            Space::One(text) if pattern.contains("${") => !text.starts_with(start),
            Space::One(text) => !Pattern::new(pattern, Wildcards::Active, LanguageVersion::V2008)
                .matches_plain(text),
            Space::Below(prefix) => {
                !start.starts_with(prefix.as_str()) && !prefix.starts_with(start)
                    || (start == pattern
                        && !(start.starts_with(prefix.as_str()) && start.len() > prefix.len()))
            }
            Space::Shaped(shape) => apart(pattern, shape),
        }
    };
    patterns.iter().all(|pattern| spaces.iter().all(|space| misses(pattern, space)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_compared_carefully() {
        let one = Space::One("arn:aws:iam::1:role/x".to_owned());
        let below = Space::Below("arn:aws:s3:::b/".to_owned());
        assert!(covers("*", &below) && covers("arn:aws:s3:::b/*", &below));
        assert!(covers("arn:aws:s3:::b*", &below) && !covers("arn:aws:s3:::b/a*", &below));
        assert!(!covers("arn:*:s3:::b/*", &below), "a wildcard inside is not compared");
        assert!(covers("arn:aws:iam::*:role/x", &one), "no field is crossed");
        assert!(!covers("arn:aws:*:role/x", &one), "a wildcard that crosses fields is disputed");
        assert!(covers("arn:aws:iam::1:role/*", &one) && !covers("arn:aws:iam::2:role/*", &one));
        assert!(!covers("arn:aws:iam::${aws:PrincipalAccount}:role/*", &one));
        let disjoint_from = |pattern: &str, space: &Space| {
            disjoint(&[pattern.to_owned()], std::slice::from_ref(space))
        };
        assert!(
            disjoint_from("arn:aws:s3:::c/*", &below) && !disjoint_from("arn:aws:s3:::*", &below)
        );
        assert!(
            disjoint_from("arn:aws:s3:::b", &below) && !disjoint_from("arn:aws:s3:::b/k", &below)
        );
        assert!(disjoint_from("arn:aws:s3:::b/", &below), "what is below is longer");
        assert!(!disjoint_from("arn:aws:iam::${aws:PrincipalAccount}:role/x", &one));
        assert!(disjoint_from("arn:aws:s3:::${aws:PrincipalAccount}", &one));
    }

    #[test]
    fn patterns_without_a_common_text_are_known_by_their_ends() {
        assert!(apart("s3:getobject", "s3:putobject") && apart("s3:get*", "s3:put*"));
        assert!(apart("arn:aws:iam::*:role/a", "arn:aws:iam::*:role/b"));
        assert!(apart("s3:getobject", "s3:*acl") && apart("s3:*acl", "s3:getobject"));
        for (one, other) in
            [("s3:*", "s3:get*"), ("*", "x"), ("a*c", "ab*"), ("s3:getobject", "s3:getobject*")]
        {
            assert!(!apart(one, other) && !apart(other, one), "{one} {other}");
        }
        assert!(!apart("arn:aws:s3:::b/${aws:username}/x", "arn:aws:s3:::b/ann/*"));
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert!(within(&list(&["s3:get*", "s3:put"]), &list(&["s3:get*", "s3:p*"])));
        assert!(!within(&list(&["s3:*"]), &list(&["s3:get*"])));
    }
}
