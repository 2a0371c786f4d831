//! Sets of actions: known ones one by one, unknown ones as bounds.

use super::{ActionId, index};

/// A fixed-size set of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bits {
    words: Vec<u64>,
    len: u32,
}

impl Bits {
    /// An empty set of numbers below `len`.
    #[must_use]
    pub fn new(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len: index(len) }
    }

    /// Adds a number; ignored beyond the size.
    pub fn set(&mut self, n: u32) {
        if let (true, Some(word)) = (n < self.len, self.words.get_mut(n as usize / 64)) {
            *word |= 1 << (n % 64);
        }
    }

    /// Whether it holds a number.
    #[must_use]
    pub fn contains(&self, n: u32) -> bool {
        self.words.get(n as usize / 64).is_some_and(|word| word >> (n % 64) & 1 == 1)
    }

    /// Adds every number below the size.
    pub fn fill(&mut self) {
        for n in 0..self.len {
            self.set(n);
        }
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// How many it holds.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len).filter(|n| self.contains(*n))
    }

    fn zip(&self, other: &Self, op: impl Fn(u64, u64) -> u64) -> Self {
        let words = self
            .words
            .iter()
            .enumerate()
            .map(|(at, word)| op(*word, other.words.get(at).copied().unwrap_or(0)))
            .collect();
        Self { words, len: self.len }
    }
}

/// A set of actions: known ones exactly, unknown ones as bounds from both sides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionSet {
    pub(super) known: Bits,
    /// Services that the set may hold unknown actions of; the last bit is all unknown services.
    pub(super) unknown_may: Bits,
    /// Services that the set holds every unknown action of.
    pub(super) unknown_must: Bits,
}

impl ActionSet {
    /// Whether it holds a known action.
    #[must_use]
    pub fn contains(&self, id: ActionId) -> bool {
        self.known.contains(id.0)
    }

    /// The known actions.
    #[must_use]
    pub fn known(&self) -> &Bits {
        &self.known
    }

    /// Adds a known action.
    pub fn insert(&mut self, id: ActionId) {
        self.known.set(id.0);
    }

    /// Services (by number; the count of services stands for all unknown ones) that the set may
    /// hold unknown actions of.
    #[must_use]
    pub fn unknown_may(&self) -> &Bits {
        &self.unknown_may
    }

    /// Services that the set holds every unknown action of.
    #[must_use]
    pub fn unknown_must(&self) -> &Bits {
        &self.unknown_must
    }

    /// Whether it surely holds no action at all.
    #[must_use]
    pub fn is_surely_empty(&self) -> bool {
        self.known.is_empty() && self.unknown_may.is_empty()
    }

    /// Actions in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    /// Actions in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    /// Actions in this one and not in the other. What is unknown leaves only when it surely goes,
    /// and surely stays only when it cannot go.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self {
            known: self.known.zip(&other.known, |a, b| a & !b),
            unknown_may: self.unknown_may.zip(&other.unknown_must, |a, b| a & !b),
            unknown_must: self.unknown_must.zip(&other.unknown_may, |a, b| a & !b),
        }
    }

    fn zip(&self, other: &Self, op: impl Fn(u64, u64) -> u64 + Copy) -> Self {
        Self {
            known: self.known.zip(&other.known, op),
            unknown_may: self.unknown_may.zip(&other.unknown_may, op),
            unknown_must: self.unknown_must.zip(&other.unknown_must, op),
        }
    }
}
