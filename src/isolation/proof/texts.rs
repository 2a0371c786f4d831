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
        // A prefix is text, whatever characters it has; of one that looks like a pattern nothing is said.
        Space::Below(prefix) => {
            pattern == "*"
                || spans(pattern, prefix)
                || (head(prefix) == prefix && takes_in(pattern, &format!("{prefix}*")))
        }
        Space::Shaped(shape) => {
            pattern == "*" || spans(pattern, head(shape)) || takes_in(pattern, shape)
        }
    }
}

/// Whether every text that one pattern matches is surely matched by another: its own wildcards, and the variables of the
/// narrow one, are met by stars of the wide one, and all else by the same text. Of ARNs this holds field by field, and the
/// narrow one has no wildcard before its last field, as it is disputed what that would take in.
fn takes_in(wide: &str, narrow: &str) -> bool {
    const FIELDS: usize = 6;
    if wide.contains("${") {
        return false;
    }
    let Some(narrow) = with_stars(narrow) else { return false };
    if !wide.starts_with("arn:") && !narrow.starts_with("arn:") {
        return stars_meet(wide, &narrow);
    }
    let fields = |text: &str| text.splitn(FIELDS, ':').map(str::to_owned).collect::<Vec<_>>();
    let (wides, narrows) = (fields(wide), fields(&narrow));
    wides.len() == FIELDS
        && narrows.len() == FIELDS
        && narrows.iter().take(FIELDS - 1).all(|field| head(field) == field)
        && wides.iter().zip(&narrows).all(|(wide, narrow)| stars_meet(wide, narrow))
}

/// A pattern with a star for each of its variables, which takes in no less; `None` where a variable does not end.
fn with_stars(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        let (_, after) = after.split_once('}')?;
        out.extend([before, "*"]);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// Whether a pattern matches another one read as a text whose stars only a star takes.
fn stars_meet(wide: &str, narrow: &str) -> bool {
    let (wide, narrow): (Vec<char>, Vec<char>) = (wide.chars().collect(), narrow.chars().collect());
    // Which beginnings of the narrow one the wide one takes so far.
    let mut taken = vec![false; narrow.len() + 1];
    if let Some(first) = taken.first_mut() {
        *first = true;
    }
    for unit in wide {
        let mut next = vec![false; taken.len()];
        let mut reached = false;
        for at in 0..taken.len() {
            let here = taken.get(at) == Some(&true);
            let before = at.checked_sub(1).filter(|before| taken.get(*before) == Some(&true));
            let text = at.checked_sub(1).and_then(|before| narrow.get(before));
            reached |= here;
            let takes = match unit {
                '*' => reached,
                '?' => before.is_some() && text.is_some_and(|c| *c != '*'),
                plain => before.is_some() && text == Some(&plain),
            };
            if let Some(slot) = next.get_mut(at) {
                *slot = takes;
            }
        }
        taken = next;
    }
    taken.last() == Some(&true)
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
    let takes = |pattern: &String, text: &String| {
        pattern == text || spans(pattern, text) || takes_in(pattern, text)
    };
    narrow.iter().all(|text| wide.iter().any(|pattern| takes(pattern, text)))
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
        assert!(covers("arn:*:s3:::b/*", &below), "field by field");
        assert!(covers("arn:aws:s3:::*b*", &below) && covers("arn:aws:s3:::*/*", &below));
        assert!(!covers("arn:aws:s3:::*b", &below) && !covers("arn:aws:s3:::*/a*", &below));
        assert!(!covers("arn:aws:*b/*", &below), "a wildcard that crosses fields is disputed");
        let odd = Space::Below("arn:aws:s3:::b*/".to_owned());
        assert!(!covers("arn:aws:s3:::b?/*", &odd), "of a prefix like a pattern nothing is said");
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
        for (narrow, wide, expected) in [
            ("arn:aws:s3:::a-prod-x/*", "arn:aws:s3:::*-prod-*/*", true),
            ("arn:aws:s3:::*-prod-x/*", "arn:aws:s3:::*-prod-*", true),
            ("arn:aws:s3:::*-x/*", "arn:aws:s3:::*-prod-*", false),
            ("arn:aws:s3:::a*/k", "arn:aws:s3:::a?/*", false),
            ("arn:aws:s3:::a?/k", "arn:aws:s3:::a*/*", true),
            ("arn:aws:s3:::a/${aws:username}/k", "arn:aws:s3:::*/*/k", true),
            ("arn:aws:s3:::a/${aws:username}/k", "arn:aws:s3:::a/?/k", false),
            ("arn:aws:s3:::a/x", "arn:aws:s3:::${aws:username}/x", false),
            // A star that ends an early field may cross colons, and the wide one does not surely follow.
            ("arn:aws:sqs:*:1:q", "arn:aws:sqs:*:1:*", false),
            ("arn:aws:sqs:eu-west-1:1:q", "arn:aws:sqs:*:1:*q*", true),
            ("s3:getobject", "s3:*object", true),
            ("s3:get*", "s3:*object", false),
        ] {
            assert_eq!(within(&list(&[narrow]), &list(&[wide])), expected, "{narrow} {wide}");
        }
    }
}
