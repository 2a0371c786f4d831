//! Regions of texts under a set of patterns, each with its shortest representative.
//!
//! The patterns run side by side as one lazily built automaton; each set of patterns that can
//! match together is one region. Which character comes next only matters where it is the next literal
//! of some pattern, so a state has few successors.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hashbrown::HashSet;

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
    /// They are wildcards that stay within their segment.
    Segments,
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

    /// A pattern none of whose wildcards spans a colon.
    #[must_use]
    pub fn shaped(text: &str) -> Self {
        Self::of(&[Piece::Pattern(text.to_owned())], Shape::Segments)
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
                let inside = shape == Shape::Segments || shape == Shape::Arn && colons < 5;
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

    /// Whether it begins with a wildcard for any text, so that it is never over before the text ends.
    pub(super) fn begins_open(&self) -> bool {
        matches!(self.units.first(), Some(Unit::Star | Unit::StarInSegment))
    }

    /// How many units it has.
    pub(super) fn length(&self) -> usize {
        self.units.len()
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
            self.advance(*at, given, &mut next);
        }
        next
    }

    /// Where one position goes.
    fn advance(&self, at: usize, given: char, next: &mut BTreeSet<usize>) {
        let goes = match self.units.get(at) {
            None => return,
            Some(Unit::Char(c)) if self.ignore_case => c.eq_ignore_ascii_case(&given),
            Some(Unit::Char(c)) => *c == given,
            Some(Unit::Star | Unit::One) => true,
            Some(Unit::StarInSegment | Unit::OneInSegment) => given != ':',
        };
        if goes {
            let star = matches!(self.units.get(at), Some(Unit::Star | Unit::StarInSegment));
            self.close(if star { at } else { at + 1 }, next);
        }
    }

    /// Positions without those before the last one of a star: what follows there is matched from the star too, so that they
    /// tell no texts apart.
    fn alive<'p>(&self, positions: &'p BTreeSet<usize>) -> impl Iterator<Item = &'p usize> {
        let star = positions.iter().rev().find(|at| self.units.get(**at) == Some(&Unit::Star));
        positions.range(star.copied().unwrap_or_default()..)
    }

    fn accepts(&self, at: &BTreeSet<usize>) -> bool {
        at.contains(&self.units.len())
    }

    /// Characters at which this state behaves unlike at any other.
    fn special(&self, at: usize, into: &mut BTreeSet<char>) {
        match self.units.get(at) {
            Some(Unit::Char(c)) if self.ignore_case => {
                into.insert(c.to_ascii_lowercase());
                into.insert(c.to_ascii_uppercase());
            }
            Some(Unit::Char(c)) => {
                into.insert(*c);
            }
            Some(Unit::StarInSegment | Unit::OneInSegment) => {
                into.insert(':');
            }
            Some(Unit::Star | Unit::One) | None => {}
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

/// A text that two patterns match, where there is one.
pub(super) fn common(one: &Glob, other: &Glob) -> Option<String> {
    let width = other.units.len() + 1;
    let end = (one.units.len() + 1) * width - 1;
    // By where both patterns are, from where that was come to, and by which character.
    let mut from: Vec<Option<(usize, Option<char>)>> = vec![None; end + 1];
    let mut stack = vec![0];
    while let Some(state) = stack.pop() {
        if state == end {
            break;
        }
        let (at, beside) = (one.units.get(state / width), other.units.get(state % width));
        let is_star = |unit: Option<&Unit>| matches!(unit, Some(Unit::Star | Unit::StarInSegment));
        let mut go = |next: usize, given: Option<char>| {
            if next != 0 && from.get(next).is_some_and(Option::is_none) {
                if let Some(place) = from.get_mut(next) {
                    *place = Some((state, given));
                }
                stack.push(next);
            }
        };
        if is_star(at) {
            go(state + width, None);
        }
        if is_star(beside) {
            go(state + 1, None);
        }
        let (Some(at), Some(beside)) = (at, beside) else { continue };
        let given = match (at, beside) {
            (Unit::Char(c), _) | (_, Unit::Char(c)) => *c,
            _ => 'x',
        };
        let takes = |unit: &Unit| match unit {
            Unit::Char(c) => *c == given,
            Unit::Star | Unit::One => true,
            Unit::StarInSegment | Unit::OneInSegment => given != ':',
        };
        if takes(at) && takes(beside) {
            let step = |unit: &Unit, by: usize| if is_star(Some(unit)) { 0 } else { by };
            go(state + step(at, width) + step(beside, 1), Some(given));
        }
    }
    let (mut state, mut text) = (end, Vec::new());
    while state != 0 {
        let (before, given) = (*from.get(state)?)?;
        text.extend(given);
        state = before;
    }
    Some(text.into_iter().rev().collect())
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
    let mut start = start(globs);
    for given in prefix.chars() {
        start = after(globs, &start, given);
    }
    explore(globs, start, prefix, more, None, cap)
}

/// One representative for every set of `globs` that can match together a text that `shape` matches.
///
/// # Errors
/// [`TooMany`] when the automaton has more than `cap` states.
pub fn regions_within(globs: &[Glob], shape: &Glob, cap: usize) -> Result<Vec<String>, TooMany> {
    let all: Vec<Glob> = globs.iter().chain([shape]).cloned().collect();
    let last = u32::try_from(globs.len()).map_err(|_| TooMany)?;
    explore(&all, start(&all), "", false, Some(last), cap)
}

fn start(globs: &[Glob]) -> State {
    let each = (0..).zip(globs);
    let alive = |(number, glob): (u32, &Glob)| -> State {
        glob.alive(&glob.start()).map(|at| (number, *at)).collect()
    };
    each.flat_map(alive).collect()
}

/// The regions that can be come to from a state, after this text; of one pattern alone where one is given by number.
fn explore(
    globs: &[Glob],
    start: State,
    prefix: &str,
    more: bool,
    within: Option<u32>,
    cap: usize,
) -> Result<Vec<String>, TooMany> {
    let mut found: BTreeMap<Vec<u32>, String> = BTreeMap::new();
    // The prefix itself is no candidate where more must follow; its state may come again.
    let mut seen = if more { HashSet::new() } else { HashSet::from([start.clone()]) };
    let mut queue = VecDeque::from([(start, String::new())]);
    while let Some((state, text)) = queue.pop_front() {
        let live = || {
            state.iter().filter_map(|(number, at)| Some((*number, globs.get(index(*number))?, *at)))
        };
        if !(more && text.is_empty()) {
            let accepting = live().filter(|(_, glob, at)| *at == glob.units.len());
            let matching: Vec<u32> = accepting.map(|(number, ..)| number).collect();
            if within.is_none_or(|one| matching.contains(&one)) {
                found.entry(matching).or_insert_with(|| format!("{prefix}{text}"));
            }
        }
        let mut special = BTreeSet::new();
        for (_, glob, at) in live() {
            glob.special(at, &mut special);
        }
        // One character stands for all that nothing singles out.
        let ordinary = "xyzabcdefghijklmnopqrstuvw0123456789-_."
            .chars()
            .chain('!'..='~')
            .chain('\u{a1}'..='\u{ff}')
            .find(|c| !special.contains(c));
        for given in special.iter().copied().chain(ordinary) {
            let next = after(globs, &state, given);
            let is_lost = |one| !next.iter().any(|(number, _)| *number == one);
            if within.is_some_and(is_lost) || seen.contains(&next) {
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

/// Where all patterns are: the positions that are still alive, each with the number of its pattern, in order. Most
/// patterns die early, so that a state is short however many patterns there are.
type State = Vec<(u32, usize)>;

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn after(globs: &[Glob], state: &State, given: char) -> State {
    let mut next = State::with_capacity(state.len());
    let mut of_one: BTreeSet<usize> = BTreeSet::new();
    for own in state.chunk_by(|(one, _), (other, _)| one == other) {
        let Some((number, _)) = own.first() else { continue };
        let Some(glob) = globs.get(index(*number)) else { continue };
        of_one.clear();
        own.iter().for_each(|(_, at)| glob.advance(*at, given, &mut of_one));
        next.extend(glob.alive(&of_one).map(|at| (*number, *at)));
    }
    next
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
    fn two_patterns_have_a_text_in_common_or_none() {
        for (one, other, has) in [
            ("", "", true),
            ("*", "", true),
            ("a", "", false),
            ("bar-*-data/x/team1/*", "bar-prod-data/*/team1/*/part-*", true),
            ("bar-*-data/x/team1/*", "bar-prod-data/*/team1/*/part-?", true),
            ("bar-*-data/x/team1", "bar-prod-data/*/team2", false),
            ("*a*b", "b*a*", true),
            ("a?c", "ab*d", false),
            ("??", "*", true),
            ("??", "abc*", false),
        ] {
            let (one, other) = (Glob::like(one), Glob::like(other));
            let found = common(&one, &other);
            assert_eq!(found.is_some(), has, "{one:?} {other:?}");
            let matches = |text: String| one.matches(&text) && other.matches(&text);
            assert!(found.is_none_or(matches), "{one:?} {other:?}");
        }
        assert_eq!(common(&Glob::arn("arn:aws:s3:*"), &Glob::like("arn:aws:s3:a:b")), None);
    }

    #[test]
    fn a_shape_binds() {
        let shape = Glob::shaped("arn:aws:ec2:*:1:image/*");
        let globs = ["*", "arn:aws:ec2:*:2:*", "arn:aws:ec2:us-*:*:image/a*"].map(Glob::like);
        let found = regions_within(&globs, &shape, 10_000).expect("small");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|text| text.matches(':').count() == 5 && shape.matches(text)));
        assert_eq!(found.iter().filter(|text| globs[2].matches(text)).count(), 1);
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
