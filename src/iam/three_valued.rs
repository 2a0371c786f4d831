//! Answers where AWS's texts leave a question open: true, false, or disputed.

/// An answer under both readings of what AWS's sources leave open: `may` under the widest, `must`
/// under the narrowest. `must` implies `may`; they differ only where a line is disputed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tri {
    /// True under the reading that matches most.
    pub may: bool,
    /// True under every reading.
    pub must: bool,
}

impl Tri {
    /// Certainly true.
    pub const YES: Self = Self { may: true, must: true };
    /// Certainly false.
    pub const NO: Self = Self { may: false, must: false };
    /// Disputed.
    pub const DISPUTED: Self = Self { may: true, must: false };

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { may: self.may && other.may, must: self.must && other.must }
    }

    /// Either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { may: self.may || other.may, must: self.must || other.must }
    }

    /// The opposite.
    #[must_use]
    pub fn negate(self) -> Self {
        Self { may: !self.must, must: !self.may }
    }
}

impl From<bool> for Tri {
    fn from(value: bool) -> Self {
        if value { Self::YES } else { Self::NO }
    }
}
