//! Which resources stand for all.
//!
//! Claim: whatever resource is allowed on a side of a question, so is one of the texts that stand for all. The argument:
//!
//! - Usually the patterns of all statements cut texts into regions ([`super::globs`]), and one text of each region stands
//!   for it: statements look at a resource through their patterns alone. Then what is gained and lost is exact too.
//! - Where that makes too many regions, each side is cut by itself, and the `Allow` patterns of a document one by one.
//!   That is enough, because more matching `Allow` statements never allow less: of a layer that allows a request one
//!   statement suffices, and of that statement one pattern. So a resource that is allowed is so by one pattern of the
//!   document or by none; the region of that pattern, cut by whatever is not of that document and by all patterns that a
//!   `Deny` or a `NotResource` has, holds it, and the text that stands for the region matches all that it matches there.
//!   Should that text match further patterns of the document, the judge sees that, and what it allows is true.
//! - What is gained and lost is then not complete, for a text that is new may lie in a region with one that is not.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::globs::{Glob, Shape, TooMany, common, regions, regions_within};
use super::question::{Caps, Question, Space, statements};
use super::variables::PolicyVariables;
use crate::iam::document::{Document, Effect, Item};
use crate::iam::matching::completed;

/// Texts that stand for all resources.
pub(super) struct ResourceTexts {
    /// The texts.
    pub(super) texts: Vec<String>,
    /// Whether they also stand for all of what the sides treat unlike.
    pub(super) complete: bool,
}

impl ResourceTexts {
    /// The texts for a question on both sides.
    ///
    /// # Errors
    /// [`TooMany`] where even single patterns make too many regions.
    pub(super) fn of(
        sides: &[&Question<'_>],
        variables: &PolicyVariables,
        caps: Caps,
    ) -> Result<Self, TooMany> {
        let globs = resource_globs(sides, variables);
        let spaces: Vec<Space> = sides.iter().flat_map(|side| side.resources.clone()).collect();
        if let Ok(texts) = cut(&spaces, &globs, bounded(&globs, caps)) {
            return Ok(Self { texts, complete: true });
        }
        let mut texts = BTreeSet::new();
        for side in sides {
            let mut left = Parted::MOST;
            texts.extend(Parted::of(side, variables).texts(&side.resources, caps, &mut left)?);
        }
        let alike = match sides {
            [one, other] => one.documents == other.documents,
            _ => false,
        };
        Ok(Self { texts: texts.into_iter().collect(), complete: alike })
    }
}

/// The patterns of one side: those of `Allow` statements by document, and all others.
struct Parted {
    /// Of each document its patterns, each in all of its readings.
    allowing: Vec<Vec<Vec<Glob>>>,
    others: Vec<Glob>,
}

impl Parted {
    /// Most combinations of single patterns that are looked at, a hopeless one for ten: to find that there are too many
    /// regions takes as long as to list a great many.
    const MOST: usize = 2_000;
    const HOPELESS: usize = 9;

    fn of(side: &Question<'_>, variables: &PolicyVariables) -> Self {
        let mut parted = Self { allowing: Vec::new(), others: Vec::new() };
        for document in &side.documents {
            let mut own: Vec<Vec<Glob>> = Vec::new();
            for statement in &document.statements {
                if statement.effect == Effect::Allow {
                    own.extend(statement.resources.iter().map(|item| readings(item, variables)));
                } else {
                    let items = statement.resources.iter();
                    parted.others.extend(items.flat_map(|item| readings(item, variables)));
                }
                let items = statement.not_resources.iter();
                parted.others.extend(items.flat_map(|item| readings(item, variables)));
            }
            own.sort();
            own.dedup();
            parted.allowing.push(own);
        }
        parted
    }

    /// The texts, once as many documents as need be are taken apart, the one of most patterns first.
    fn texts(
        &self,
        spaces: &[Space],
        caps: Caps,
        left: &mut usize,
    ) -> Result<BTreeSet<String>, TooMany> {
        *left = left.checked_sub(1).ok_or(TooMany)?;
        let all = self.allowing.iter().flatten().flatten().chain(&self.others);
        let mut globs: Vec<Glob> = all.cloned().collect();
        globs.sort();
        globs.dedup();
        if let Ok(texts) = cut(spaces, &globs, bounded(&globs, caps)) {
            return Ok(texts.into_iter().collect());
        }
        *left = left.checked_sub(Self::HOPELESS).ok_or(TooMany)?;
        let largest = self.allowing.iter().enumerate().max_by_key(|(_, own)| own.len());
        let (at, own) = largest.filter(|(_, own)| own.len() > 1).ok_or(TooMany)?;
        let mut found = BTreeSet::new();
        for pattern in own.iter().map(Some).chain([None]) {
            let mut allowing = self.allowing.clone();
            if let Some(own) = allowing.get_mut(at) {
                *own = pattern.cloned().into_iter().collect();
            }
            let part = Self { allowing, others: self.others.clone() };
            found.extend(part.texts(spaces, caps, left)?);
        }
        Ok(found)
    }
}

/// Bounds for that many patterns: of many patterns that live long, states are large, and soon there is no end of them.
fn bounded(globs: &[Glob], caps: Caps) -> Caps {
    const FEW: usize = 4;
    const LEAST: usize = 500;
    let states = caps.states.saturating_mul(FEW) / globs.len().max(FEW);
    Caps { states: states.max(LEAST).min(caps.states), ..caps }
}

/// A pattern as policies may be read: variables filled in, as it stands and as AWS completes it, within segments and
/// across.
fn readings(item: &Item, variables: &PolicyVariables) -> Vec<Glob> {
    let text = item.text.symbolic();
    let whole = completed(&text);
    let texts = [Some(whole.as_ref()), (whole != text).then_some(text.as_ref())];
    let filled = texts.into_iter().flatten().map(|text| variables.fill(text));
    let patterns: Vec<_> = filled.flat_map(|filled| filled.patterns).collect();
    let both = |p: Vec<_>| [Glob::of(&p, Shape::Like), Glob::of(&p, Shape::Arn)];
    let mut globs: Vec<Glob> = patterns.into_iter().flat_map(both).collect();
    globs.sort();
    globs.dedup();
    globs
}

fn resource_globs(sides: &[&Question<'_>], variables: &PolicyVariables) -> Vec<Glob> {
    let items = statements(sides).flat_map(|s| s.resources.iter().chain(&s.not_resources));
    let mut globs: Vec<Glob> = items.flat_map(|item| readings(item, variables)).collect();
    globs.sort();
    globs.dedup();
    globs
}

/// Resources that patterns of two documents have in common: what one layer allows by one of many patterns and another layer
/// by another one.
fn shared_resources(sides: &[&Question<'_>], variables: &PolicyVariables) -> BTreeSet<String> {
    const PAIRS: usize = 20_000;
    const FOUND: usize = 64;
    let patterns = |document: &Document| -> Vec<Glob> {
        let allowing = document.statements.iter().filter(|s| s.effect == Effect::Allow);
        let items = allowing.flat_map(|s| &s.resources);
        let texts = items.map(|item| completed(&item.text.symbolic()).into_owned());
        let filled = texts.flat_map(|text| variables.fill(&text).patterns);
        filled.map(|pieces| Glob::of(&pieces, Shape::Like)).collect()
    };
    let documents = sides.iter().flat_map(|side| side.documents.iter());
    let all: Vec<Vec<Glob>> = documents.map(|document| patterns(document)).collect();
    let mut found = BTreeSet::new();
    let mut left = PAIRS;
    for (at, own) in all.iter().enumerate() {
        for other in all.iter().skip(at + 1).filter(|other| other.len().max(own.len()) > 1) {
            // Lists in the same order are the likeliest to speak of the same things.
            for distance in 0..own.len().max(other.len()) {
                for (n, one) in own.iter().enumerate() {
                    let around = BTreeSet::from([Some(n + distance), n.checked_sub(distance)]);
                    for near in around.into_iter().flatten().filter_map(|near| other.get(near)) {
                        if left == 0 || found.len() >= FOUND {
                            return found;
                        }
                        left -= 1;
                        found.extend(common(one, near));
                    }
                }
            }
        }
    }
    found
}

/// A few resources for every pattern by itself, and for two of them.
pub(super) fn some_resources(
    sides: &[&Question<'_>],
    variables: &PolicyVariables,
    caps: Caps,
) -> BTreeSet<String> {
    const PATTERNS: usize = 512;
    let is_asked = |text: &String| {
        sides.iter().flat_map(|side| &side.resources).any(|space| space.contains(text))
    };
    let shared = shared_resources(sides, variables).into_iter();
    let mut found: BTreeSet<String> = shared.filter(is_asked).collect();
    for glob in resource_globs(sides, variables).into_iter().take(PATTERNS) {
        for space in sides.iter().flat_map(|side| &side.resources) {
            match space {
                Space::One(text) => {
                    found.insert(text.clone());
                }
                Space::Below(prefix) => {
                    let own = regions(std::slice::from_ref(&glob), prefix, true, caps.states);
                    found.extend(own.into_iter().flatten());
                }
                Space::Shaped(pattern) => {
                    let shape = Glob::shaped(pattern);
                    let own = regions_within(std::slice::from_ref(&glob), &shape, caps.states);
                    found.extend(own.into_iter().flatten());
                }
            }
        }
    }
    found
}

/// Spaces and what cuts them, with the most states.
type Cutting = (Vec<Space>, Vec<Glob>, usize);

thread_local! {
    /// Regions of many patterns: the same ones are asked for on both sides of a plan, for each cause, and by each principal.
    static CUT: RefCell<BTreeMap<Cutting, Result<Vec<String>, TooMany>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Fewer patterns are cut faster than they are looked up, and more results than that take more room than they save time.
const REMEMBERED: (usize, usize) = (8, 64);

/// A text for every region of the spaces.
pub(super) fn cut(spaces: &[Space], globs: &[Glob], caps: Caps) -> Result<Vec<String>, TooMany> {
    let (patterns, results) = REMEMBERED;
    if globs.len() < patterns {
        return cut_anew(spaces, globs, caps);
    }
    let key = (spaces.to_vec(), globs.to_vec(), caps.states);
    if let Some(known) = CUT.with_borrow(|known| known.get(&key).cloned()) {
        return known;
    }
    let found = cut_anew(spaces, globs, caps);
    CUT.with_borrow_mut(|known| {
        if known.len() >= results {
            known.clear();
        }
        known.insert(key, found.clone());
    });
    found
}

fn cut_anew(spaces: &[Space], globs: &[Glob], caps: Caps) -> Result<Vec<String>, TooMany> {
    let mut all = Vec::new();
    for space in spaces {
        match space {
            Space::One(text) => all.push(text.clone()),
            Space::Below(prefix) => all.extend(regions(globs, prefix, true, caps.states)?),
            Space::Shaped(pattern) => {
                all.extend(regions_within(globs, &Glob::shaped(pattern), caps.states)?);
            }
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}
