//! Regions of texts under a set of patterns, each with its shortest representative.
//!
//! The patterns run side by side as one lazily built automaton; each set of patterns that can
//! match together is one region. Which character comes next only matters where it is the next literal
//! of some pattern, so a state has few successors.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::variables::Piece;

/// One unit of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// This character.
    Char(char),
    /// Any text.
    Star,
    /// Any one character.
    One,
    /// Any text without a colon.
    StarInSegment,
    /// Any one character but a colon.
    OneInSegment,
}

/// How a pattern's text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `*` and `?` stand for themselves.
    Exact,
    /// They are wildcards.
    Like,
    /// They are wildcards that stay within the first five segments of an ARN.
    Arn,
}

/// A pattern over whole texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glob {
    units: Vec<Unit>,
    ignore_case: bool,
}

impl Glob {
    /// `*` and `?` as in `StringLike` and in resources.
    #[must_use]
    pub fn like(text: &str) -> Self {
        Self::of(&[Piece::Pattern(text.to_owned())], Shape::Like)
    }

    /// The text itself.
    #[must_use]
    pub fn exact(text: &str) -> Self {
        Self::of(&[Piece::Literal(text.to_owned())], Shape::Like)
    }

    /// As `ArnLike`: in the first five segments wildcards stay within their segment.
    #[must_use]
    pub fn arn(text: &str) -> Self {
        Self::of(&[Piece::Pattern(text.to_owned())], Shape::Arn)
    }

    /// A pattern whose variables have been filled in.
    #[must_use]
    pub fn of(pieces: &[Piece], shape: Shape) -> Self {
        let mut colons = 0;
        let mut units = Vec::new();
        for piece in pieces {
            let (text, wild) = match piece {
                Piece::Pattern(text) => (text, shape != Shape::Exact),
                Piece::Literal(text) => (text, false),
            };
            units.extend(text.chars().map(|c| {
                colons += usize::from(c == ':');
                let inside = shape == Shape::Arn && colons < 5;
                match c {
                    '*' if wild && inside => Unit::StarInSegment,
                    '?' if wild && inside => Unit::OneInSegment,
                    '*' if wild => Unit::Star,
                    '?' if wild => Unit::One,
                    c => Unit::Char(c),
                }
            }));
        }
        Self { units, ignore_case: false }
    }

    /// The same pattern, whatever the case of letters.
    #[must_use]
    pub fn ignoring_case(self) -> Self {
        Self { ignore_case: true, ..self }
    }

    /// Whether the pattern matches the whole text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let end = text.chars().fold(self.start(), |at, next| self.step(&at, next));
        self.accepts(&end)
    }

    /// Positions reachable from `at` without reading: past stars.
    fn close(&self, at: usize, into: &mut BTreeSet<usize>) {
        let mut at = at;
        while into.insert(at) {
            match self.units.get(at) {
                Some(Unit::Star | Unit::StarInSegment) => at += 1,
                _ => return,
            }
        }
    }

    fn start(&self) -> BTreeSet<usize> {
        let mut set = BTreeSet::new();
        self.close(0, &mut set);
        set
    }

    fn step(&self, from: &BTreeSet<usize>, given: char) -> BTreeSet<usize> {
        let mut next = BTreeSet::new();
        for at in from {
            let goes = match self.units.get(*at) {
                None => continue,
                Some(Unit::Char(c)) if self.ignore_case => c.eq_ignore_ascii_case(&given),
                Some(Unit::Char(c)) => *c == given,
                Some(Unit::Star | Unit::One) => true,
                Some(Unit::StarInSegment | Unit::OneInSegment) => given != ':',
            };
            if goes {
                let star = matches!(self.units.get(*at), Some(Unit::Star | Unit::StarInSegment));
                self.close(if star { *at } else { at + 1 }, &mut next);
            }
        }
        next
    }

    fn accepts(&self, at: &BTreeSet<usize>) -> bool {
        at.contains(&self.units.len())
    }

    /// Characters at which this state behaves unlike at any other.
    fn special(&self, at: &BTreeSet<usize>, into: &mut BTreeSet<char>) {
        for unit in at.iter().filter_map(|p| self.units.get(*p)) {
            match unit {
                Unit::Char(c) if self.ignore_case => {
                    into.insert(c.to_ascii_lowercase());
                    into.insert(c.to_ascii_uppercase());
                }
                Unit::Char(c) => {
                    into.insert(*c);
                }
                Unit::StarInSegment | Unit::OneInSegment => {
                    into.insert(':');
                }
                Unit::Star | Unit::One => {}
            }
        }
    }
}

/// Whether every text that `inner` matches is matched by one of `outer`. Says no when it cannot tell.
#[must_use]
pub fn covers(outer: &[Glob], inner: &Glob, cap: usize) -> bool {
    let mut all = vec![inner.clone()];
    all.extend(outer.iter().cloned());
    regions(&all, "", false, cap).is_ok_and(|representatives| {
        representatives
            .iter()
            .filter(|text| inner.matches(text))
            .all(|text| outer.iter().any(|glob| glob.matches(text)))
    })
}

/// More states than the cap: the regions cannot be enumerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// One representative for every set of `globs` that can match together a text of the form
/// `prefix` followed by anything (by at least one character, where `more` is true).
///
/// # Errors
/// [`TooMany`] when the automaton has more than `cap` states.
pub fn regions(
    globs: &[Glob],
    prefix: &str,
    more: bool,
    cap: usize,
) -> Result<Vec<String>, TooMany> {
    let mut start: Vec<BTreeSet<usize>> = globs.iter().map(Glob::start).collect();
    for given in prefix.chars() {
        for (glob, at) in globs.iter().zip(&mut start) {
            *at = glob.step(at, given);
        }
    }
    let mut found: BTreeMap<Vec<bool>, String> = BTreeMap::new();
    // The prefix itself is no candidate where more must follow; its state may come again.
    let mut seen = if more { BTreeSet::new() } else { BTreeSet::from([start.clone()]) };
    let mut queue = VecDeque::from([(start, String::new())]);
    while let Some((state, text)) = queue.pop_front() {
        if !(more && text.is_empty()) {
            let vector = globs.iter().zip(&state).map(|(g, at)| g.accepts(at)).collect();
            found.entry(vector).or_insert_with(|| format!("{prefix}{text}"));
        }
        let mut special = BTreeSet::new();
        for (glob, at) in globs.iter().zip(&state) {
            glob.special(at, &mut special);
        }
        // One character stands for all that nothing singles out.
        let ordinary = "xyzabcdefghijklmnopqrstuvw0123456789-_."
            .chars()
            .chain('!'..='~')
            .chain('\u{a1}'..='\u{ff}')
            .find(|c| !special.contains(c));
        for given in special.iter().copied().chain(ordinary) {
            let next: Vec<BTreeSet<usize>> =
                globs.iter().zip(&state).map(|(g, at)| g.step(at, given)).collect();
            if seen.contains(&next) {
                continue;
            }
            if seen.len() >= cap {
                return Err(TooMany);
            }
            seen.insert(next.clone());
            let mut longer = text.clone();
            longer.push(given);
            queue.push_back((next, longer));
        }
    }
    Ok(found.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(globs: &[Glob]) -> Vec<String> {
        regions(globs, "", false, 10_000).expect("small")
    }

    #[test]
    fn every_combination_that_can_happen_has_a_representative() {
        let found = all(&[Glob::like("a*"), Glob::like("*b")]);
        assert_eq!(found.len(), 4);
        assert!(found.contains(&"ab".to_owned()) && found.contains(&"a".to_owned()));
        assert_eq!(all(&[Glob::exact("a"), Glob::exact("b")]).len(), 3);
        assert_eq!(all(&[Glob::like("*")]), [""]);
    }

    #[test]
    fn a_prefix_binds() {
        let globs = [Glob::like("arn:aws:s3:::data/exports/*"), Glob::like("arn:aws:s3:::data")];
        let found = regions(&globs, "arn:aws:s3:::data/", true, 10_000).expect("small");
        assert_eq!(found, ["arn:aws:s3:::data/e", "arn:aws:s3:::data/exports/"]);
        let all = regions(&[Glob::like("data/*")], "data/", true, 10_000).expect("small");
        assert_eq!(all, ["data/x"]);
    }

    #[test]
    fn wildcards_of_arns_stay_in_their_segment() {
        let globs = [Glob::arn("arn:aws:iam::*:role/x"), Glob::like("arn:aws:iam::*:role/x")];
        let found = all(&globs);
        assert!(found.iter().any(|t| t.matches(':').count() > 5), "{found:?}");
    }

    #[test]
    fn case_is_ignored_where_asked() {
        let globs = [Glob::exact("Ab").ignoring_case(), Glob::exact("Ab")];
        assert_eq!(all(&globs).len(), 3);
    }

    /// Texts of policies are not ASCII alone: keys of objects, tags, and what stands for an id that is
    /// unknown until apply.
    #[test]
    fn characters_are_whole() {
        let globs =
            [Glob::like("b/donn\u{e9}es/?"), Glob::like("b/\u{27e8}account.a.id\u{27e9}/*")];
        let found = regions(&globs, "b/", true, 10_000).expect("small");
        assert!(found.iter().any(|text| globs[0].matches(text)), "{found:?}");
        assert!(found.iter().any(|text| globs[1].matches(text)), "{found:?}");
        assert!(globs[0].matches("b/donn\u{e9}es/\u{20ac}"));
    }

    #[test]
    fn a_cap_is_told() {
        let globs: Vec<Glob> = (0..20).map(|n| Glob::like(&format!("*{n}*"))).collect();
        assert_eq!(regions(&globs, "", false, 1_000), Err(TooMany));
    }
}
