//! Pattern matching of policies: wildcards, ARN segments, policy variables. Patterns are compiled
//! once; matching allocates only where a variable is substituted.
//!
//! Sources: IAM User Guide, "IAM JSON policy elements: Resource", "Policy elements: Variables and
//! tags", "Amazon Resource Name (ARN) condition operators".

use std::borrow::Cow;

use super::document::LanguageVersion;
use super::request::RequestFacts;
use super::three_valued::Tri;

/// One unit of a compiled pattern: a byte below 256, or one of the wildcards.
type Unit = u16;
/// Any run of characters.
const STAR: Unit = 256;
/// One character.
const ONE: Unit = 257;
const COLON: Unit = b':' as Unit;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Units(Vec<Unit>),
    /// `${key}` or `${key, 'default'}`; the key in lower case.
    Variable {
        key: String,
        default: Option<String>,
    },
}

/// Whether `*` and `?` are wildcards in a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wildcards {
    /// They match.
    Active,
    /// They stand for themselves.
    Literal,
}

/// A compiled text of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Repr);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Repr {
    /// No variables: the usual case, in one piece.
    Plain(Vec<Unit>),
    Mixed(Vec<Piece>),
}

impl Pattern {
    /// Compiles a text. Under version 2008-10-17 `${...}` stands for itself.
    #[must_use]
    pub fn new(text: &str, wildcards: Wildcards, version: LanguageVersion) -> Self {
        let active = wildcards == Wildcards::Active;
        // Bytewise is sound: an ASCII byte never stands inside a longer UTF-8 character.
        let unit = |byte: u8| match byte {
            b'*' if active => STAR,
            b'?' if active => ONE,
            byte => Unit::from(byte),
        };
        if version == LanguageVersion::V2008 || !text.contains("${") {
            return Self(Repr::Plain(text.bytes().map(unit).collect()));
        }
        let mut pieces = Vec::new();
        let mut units: Vec<Unit> = Vec::new();
        let mut rest = text;
        while let Some((before, inner, after)) = rest.split_once("${").and_then(|(before, tail)| {
            tail.split_once('}').map(|(inner, after)| (before, inner, after))
        }) {
            units.extend(before.bytes().map(unit));
            rest = after;
            match inner {
                // "${*}, ${?}, ${$}": special characters that are not wildcards.
                "*" | "?" | "$" => units.extend(inner.bytes().map(Unit::from)),
                _ => {
                    if !units.is_empty() {
                        pieces.push(Piece::Units(std::mem::take(&mut units)));
                    }
                    pieces.push(variable(inner));
                }
            }
        }
        units.extend(rest.bytes().map(unit));
        if pieces.is_empty() {
            return Self(Repr::Plain(units));
        }
        if !units.is_empty() {
            pieces.push(Piece::Units(units));
        }
        Self(Repr::Mixed(pieces))
    }

    /// Whether the pattern is nothing but stars.
    #[must_use]
    pub fn is_any(&self) -> bool {
        matches!(&self.0, Repr::Plain(u) if !u.is_empty() && u.iter().all(|x| *x == STAR))
    }

    /// The pattern with its variables filled in; `None` when one has no value.
    fn resolve<'a>(&'a self, facts: &mut RequestFacts<'_>) -> Option<Cow<'a, [Unit]>> {
        let pieces = match &self.0 {
            Repr::Plain(units) => return Some(Cow::Borrowed(units)),
            Repr::Mixed(pieces) => pieces,
        };
        let mut out = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Units(units) => out.extend_from_slice(units),
                Piece::Variable { key, default } => {
                    // A value is substituted as text: a `*` in it is no wildcard.
                    let Some(value) = facts.variable(key).or(default.as_deref()) else {
                        facts.note_unresolved();
                        return None;
                    };
                    out.extend(value.bytes().map(Unit::from));
                }
            }
        }
        Some(Cow::Owned(out))
    }

    /// Whether the pattern matches the whole text.
    #[must_use]
    pub fn matches(&self, text: &str, facts: &mut RequestFacts<'_>) -> bool {
        self.resolve(facts).is_some_and(|units| glob(&units, text.as_bytes()))
    }

    /// As [`Pattern::matches`], ignoring ASCII case.
    #[must_use]
    pub fn matches_ignoring_case(&self, text: &str, facts: &mut RequestFacts<'_>) -> bool {
        let Some(units) = self.resolve(facts) else { return false };
        let lower: Vec<Unit> = units
            .iter()
            .map(|u| u8::try_from(*u).map_or(*u, |b| Unit::from(b.to_ascii_lowercase())))
            .collect();
        glob(&lower, text.to_ascii_lowercase().as_bytes())
    }

    /// Whether the pattern matches a text that is in lower case already, without variables.
    #[must_use]
    pub fn matches_plain(&self, text: &str) -> bool {
        match &self.0 {
            Repr::Plain(units) => glob(units, text.as_bytes()),
            Repr::Mixed(_) => false,
        }
    }

    /// Splits at the colons of the policy's own text, into at most six segments.
    fn segments(pieces: &[Piece]) -> Vec<Self> {
        let mut out: Vec<Vec<Piece>> = vec![Vec::new()];
        for piece in pieces {
            match piece {
                Piece::Variable { .. } => {
                    if let Some(last) = out.last_mut() {
                        last.push(piece.clone());
                    }
                }
                Piece::Units(units) => {
                    let mut rest = units.as_slice();
                    loop {
                        let cut = rest.iter().position(|u| *u == COLON).filter(|_| out.len() < 6);
                        let (head, tail) = rest.split_at(cut.unwrap_or(rest.len()));
                        if let (false, Some(last)) = (head.is_empty(), out.last_mut()) {
                            last.push(Piece::Units(head.to_vec()));
                        }
                        if cut.is_none() {
                            break;
                        }
                        out.push(Vec::new());
                        rest = tail.get(1..).unwrap_or_default();
                    }
                }
            }
        }
        out.into_iter()
            .map(|mut pieces| match pieces.as_mut_slice() {
                [] => Self(Repr::Plain(Vec::new())),
                [Piece::Units(units)] => Self(Repr::Plain(std::mem::take(units))),
                _ => Self(Repr::Mixed(pieces)),
            })
            .collect()
    }

    fn ends_with_star(&self) -> bool {
        match &self.0 {
            Repr::Plain(units) => units.last() == Some(&STAR),
            Repr::Mixed(pieces) => {
                matches!(pieces.last(), Some(Piece::Units(u)) if u.last() == Some(&STAR))
            }
        }
    }
}

fn variable(inner: &str) -> Piece {
    let (key, default) = match inner.split_once(',') {
        Some((key, default)) => {
            let text = default.trim();
            let text = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).unwrap_or(text);
            (key, Some(text.to_owned()))
        }
        None => (inner, None),
    };
    Piece::Variable { key: key.trim().to_ascii_lowercase(), default }
}

/// Bytes of the UTF-8 character that starts with `first`.
fn width(first: u8) -> usize {
    match first {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    }
}

/// Whether the units match the whole text. Quadratic at worst, without recursion.
fn glob(pattern: &[Unit], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(&byte) = text.get(t) {
        match pattern.get(p) {
            Some(&STAR) => {
                p += 1;
                retry = Some((p, t));
                if p == pattern.len() {
                    return true;
                }
            }
            Some(&ONE) => {
                p += 1;
                t += width(byte);
            }
            Some(&unit) if unit == Unit::from(byte) => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after, at)) => {
                    p = after;
                    t = at + 1;
                    retry = Some((after, t));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|unit| *unit == STAR)
}

/// A resource pattern with the fields that it leaves out: "When you specify an incomplete ARN (one with fewer than the
/// standard six fields) in an identity-based policy, AWS automatically completes the ARN by adding wildcard characters
/// (`*`) to all missing fields" (IAM User Guide, "IAM identifiers"). Resource policies with such ARNs are refused where
/// they are written.
#[must_use]
pub fn completed(text: &str) -> Cow<'_, str> {
    const FIELDS: usize = 6;
    if !text.starts_with("arn:") {
        return Cow::Borrowed(text);
    }
    // Colons of variables separate nothing.
    let mut depth = 0_usize;
    let mut fields = 1;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => fields += 1,
            _ => {}
        }
    }
    match FIELDS.checked_sub(fields) {
        None | Some(0) => Cow::Borrowed(text),
        Some(missing) => Cow::Owned(format!("{text}{}", ":*".repeat(missing))),
    }
}

/// Whether a text of a `Resource` element is no ARN, or an incomplete one that leaves its service open: AWS refuses to
/// store it, and does not say what it would match.
#[must_use]
pub fn is_malformed(text: &str) -> bool {
    let any = !text.is_empty() && text.bytes().all(|b| b == b'*');
    let open_service = || text.split(':').nth(2).is_none_or(|service| service.contains(['*', '?']));
    let is_incomplete = || matches!(completed(text), Cow::Owned(_));
    !any && (!text.starts_with("arn:") || (is_incomplete() && open_service()))
}

/// A compiled ARN pattern of a `Resource` element or an `Arn` condition.
#[derive(Clone, Debug)]
pub struct ArnPattern {
    any: bool,
    /// The text of a `Resource` element as it stands, where that [`is_malformed`].
    malformed: Option<Pattern>,
    /// A `Resource` element as it was before it was completed: how far its last star reaches is not agreed on.
    incomplete: Option<Box<Self>>,
    segments: Segments,
    /// A star at the end of one of the first five segments: some sources let it run over colons.
    crossing: bool,
    /// A variable before the fifth colon, where AWS documents none.
    early_variable: bool,
}

#[derive(Clone, Debug)]
enum Segments {
    /// Without variables: the whole text; it is split where it is matched.
    Plain(Vec<Unit>),
    Mixed(Vec<Pattern>),
}

/// At most six segments of a plain pattern.
fn split(units: &[Unit]) -> impl Iterator<Item = &[Unit]> {
    units.splitn(6, |unit| *unit == COLON)
}

impl ArnPattern {
    /// Compiles an ARN pattern.
    #[must_use]
    pub fn new(text: &str, version: LanguageVersion) -> Self {
        let whole = Pattern::new(text, Wildcards::Active, version);
        let any = whole.is_any();
        match whole.0 {
            Repr::Plain(units) => {
                let crossing = split(&units).take(5).any(|s| s.last() == Some(&STAR));
                let segments = Segments::Plain(units);
                Self {
                    any,
                    malformed: None,
                    incomplete: None,
                    crossing,
                    early_variable: false,
                    segments,
                }
            }
            Repr::Mixed(pieces) => {
                let segments = Pattern::segments(&pieces);
                let early = || segments.iter().take(5);
                Self {
                    any,
                    malformed: None,
                    incomplete: None,
                    crossing: early().any(Pattern::ends_with_star),
                    early_variable: early().any(|s| matches!(s.0, Repr::Mixed(_))),
                    segments: Segments::Mixed(segments),
                }
            }
        }
    }

    /// Compiles an element of `Resource` or `NotResource`.
    #[must_use]
    pub fn resource(text: &str, version: LanguageVersion) -> Self {
        let whole = completed(text);
        let is_incomplete = matches!(whole, Cow::Owned(_));
        let compiled = Self::new(&whole, version);
        let malformed = is_malformed(text).then(|| Pattern::new(text, Wildcards::Active, version));
        let incomplete = is_incomplete.then(|| Box::new(Self::new(text, version)));
        Self { malformed, incomplete, ..compiled }
    }

    /// A `Resource` element against the request's resource.
    ///
    /// "You can use wildcard characters within the individual segments of an ARN ... If the `*`
    /// wildcard is the last character of a resource ARN segment, it can expand to match beyond the
    /// colon boundaries" (IAM User Guide, Resource). Elsewhere AWS says that it cannot: disputed.
    ///
    /// An ARN with fewer than six fields is completed in an identity policy; of other kinds, where `completes` is
    /// false, AWS does not say that, and refuses most of them: disputed too.
    #[must_use]
    pub fn matches_resource(
        &self,
        resource: &str,
        completes: bool,
        facts: &mut RequestFacts<'_>,
    ) -> Tri {
        if self.any {
            return Tri::YES;
        }
        if resource == "*" {
            return Tri::NO;
        }
        if let Some(pattern) = &self.malformed {
            let completed = self.incomplete.is_some() && self.by_segments(resource, facts);
            let matches = completed || pattern.matches(resource, facts);
            return if matches { Tri::DISPUTED } else { Tri::NO };
        }
        if self.by_segments(resource, facts) {
            // AWS documents variables for the resource part alone.
            let unsaid = self.incomplete.is_some() && !completes;
            return if self.early_variable || unsaid { Tri::DISPUTED } else { Tri::YES };
        }
        let wide = self.incomplete.as_deref().unwrap_or(self);
        if wide.crossing && wide.across(resource, facts) { Tri::DISPUTED } else { Tri::NO }
    }

    /// An `Arn` condition: each of the six components is compared by itself, with its own wildcards
    /// (IAM User Guide, "ARN condition operators").
    #[must_use]
    pub fn matches_condition(&self, value: &str, facts: &mut RequestFacts<'_>) -> Tri {
        if self.by_segments(value, facts) {
            Tri::YES
        } else if self.any {
            // A lone star has no six components: engines differ on it.
            Tri::DISPUTED
        } else {
            Tri::NO
        }
    }

    fn by_segments(&self, text: &str, facts: &mut RequestFacts<'_>) -> bool {
        let mut parts = text.splitn(6, ':');
        match &self.segments {
            Segments::Plain(units) => {
                let mut count = 0;
                split(units).all(|segment| {
                    count += 1;
                    parts.next().is_some_and(|part| glob(segment, part.as_bytes()))
                }) && count == 6
            }
            Segments::Mixed(segments) => {
                segments.len() == 6
                    && segments.iter().all(|segment| {
                        parts.next().is_some_and(|part| segment.matches(part, facts))
                    })
            }
        }
    }

    /// The segments with their variables filled in; `None` when one has no value.
    fn resolved<'a>(&'a self, facts: &mut RequestFacts<'_>) -> Option<Vec<Cow<'a, [Unit]>>> {
        match &self.segments {
            Segments::Plain(units) => Some(split(units).map(Cow::Borrowed).collect()),
            Segments::Mixed(segments) => segments.iter().map(|s| s.resolve(facts)).collect(),
        }
    }

    /// The wide reading: a star at a segment's end runs over colons, others do not (but for those
    /// of the resource part, whose colons are its own).
    fn across(&self, text: &str, facts: &mut RequestFacts<'_>) -> bool {
        /// A star that stops at a colon.
        const BOUND: Unit = 258;
        let mut units: Vec<Unit> = Vec::new();
        let Some(segments) = self.resolved(facts) else { return false };
        for (index, resolved) in segments.iter().enumerate() {
            if index > 0 {
                units.push(COLON);
            }
            let last = resolved.len().saturating_sub(1);
            units.extend(resolved.iter().enumerate().map(|(at, unit)| match *unit {
                STAR if index < 5 && at < last => BOUND,
                unit => unit,
            }));
        }
        // Greedy backtracking is not exact with two kinds of star: run all alternatives at once.
        let mut now = vec![false; units.len() + 1];
        if let Some(first) = now.first_mut() {
            *first = true;
        }
        let is_star = |unit: Option<&Unit>| matches!(unit, Some(&STAR | &BOUND));
        let close = |set: &mut Vec<bool>| {
            for at in 0..units.len() {
                let passes = set.get(at) == Some(&true) && is_star(units.get(at));
                if let (true, Some(next)) = (passes, set.get_mut(at + 1)) {
                    *next = true;
                }
            }
        };
        close(&mut now);
        for c in text.chars() {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer).as_bytes();
            let mut next = vec![false; units.len() + 1];
            let mut set = |at: usize| {
                if let Some(slot) = next.get_mut(at) {
                    *slot = true;
                }
            };
            for (at, _) in now.iter().enumerate().filter(|(_, on)| **on) {
                match units.get(at) {
                    Some(&STAR) => set(at),
                    Some(&BOUND) if c != ':' => set(at),
                    Some(&ONE) if c != ':' => set(at + 1),
                    Some(_) => {
                        let literal = units.get(at..at + bytes.len());
                        if literal
                            .is_some_and(|l| l.iter().zip(bytes).all(|(u, b)| *u == Unit::from(*b)))
                        {
                            set(at + bytes.len());
                        }
                    }
                    None => {}
                }
            }
            close(&mut next);
            now = next;
        }
        now.last() == Some(&true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::RequestContext;
    use super::*;

    fn facts(context: &RequestContext) -> RequestFacts<'_> {
        RequestFacts::new(context, Vec::new())
    }

    fn plain(pattern: &str, text: &str) -> bool {
        let context = RequestContext::default();
        Pattern::new(pattern, Wildcards::Active, LanguageVersion::V2012)
            .matches(text, &mut facts(&context))
    }

    #[test]
    fn wildcards_match_the_whole_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*", "abc", true),
            ("a*c", "abbbc", true),
            ("a*c", "abcd", false),
            ("?", "", false),
            ("?", "a", true),
            ("?", "\u{e9}", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbxx", false),
            ("${*}", "*", true),
            ("${*}", "a", false),
            ("a${$}b${?}", "a$b?", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(plain(pattern, text), expected, "{pattern} {text}");
        }
        let hostile = "*a".repeat(200);
        assert!(!plain(&hostile, &"a".repeat(199)));
    }

    #[test]
    fn arn_segments() {
        let context = RequestContext::default();
        for (pattern, text, expected) in [
            ("*", "arn:aws:s3:::b", Tri::YES),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k:with:colons", Tri::YES),
            ("arn:aws:iam::*:role/x", "arn:aws:iam::111122223333:role/x", Tri::YES),
            ("arn:aws:iam::*:role/x", "arn:aws:iam::111122223333:role/y", Tri::NO),
            ("arn:aws:s3*", "arn:aws:s3:::b", Tri::DISPUTED),
            ("arn:aws", "arn:aws:s3:::b", Tri::DISPUTED),
            ("arn:aws:s3", "arn:aws:s3:::b", Tri::YES),
            ("arn:aws:s3::", "arn:aws:s3:::b", Tri::YES),
            ("arn:aws:sqs", "arn:aws:s3:::b", Tri::NO),
            ("arn:aws:sns:eu-west-1", "arn:aws:sns:eu-west-1:111122223333:t", Tri::YES),
            ("arn:aws:sns:us-east-1", "arn:aws:sns:eu-west-1:111122223333:t", Tri::NO),
            ("arn:aws:sns:*", "arn:aws:sns:eu-west-1:111122223333:t", Tri::YES),
            ("arn:aws:sns:*:*:*:t", "arn:aws:sns:eu-west-1:111122223333:t", Tri::NO),
            ("arn:aws:sns:*:t", "arn:aws:sns:eu-west-1:111122223333:t", Tri::DISPUTED),
            ("arn:aws:sns:*x:t", "arn:aws:sns:eu-west-1:111122223333:t", Tri::NO),
            ("*:s3:::b", "arn:aws:s3:::b", Tri::DISPUTED),
            ("a*", "arn:aws:s3:::b", Tri::DISPUTED),
            ("s3:b", "arn:aws:s3:::b", Tri::NO),
            ("arn:aws:s3:::b", "*", Tri::NO),
            ("arn:aws:s3:::b", "not an arn", Tri::NO),
        ] {
            let compiled = ArnPattern::resource(pattern, LanguageVersion::V2012);
            assert_eq!(
                compiled.matches_resource(text, true, &mut facts(&context)),
                expected,
                "{pattern} {text}"
            );
        }
        let incomplete = ArnPattern::resource("arn:aws:sns", LanguageVersion::V2012);
        let queue = "arn:aws:sns:eu-west-1:111122223333:t";
        assert_eq!(incomplete.matches_resource(queue, true, &mut facts(&context)), Tri::YES);
        assert_eq!(incomplete.matches_resource(queue, false, &mut facts(&context)), Tri::DISPUTED);
    }
}
