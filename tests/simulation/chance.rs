//! Randomness: every choice in a world follows from its one seed.

use fastrand::Rng;
use std::cell::RefCell;
use std::ops::RangeInclusive;

pub(crate) struct Chance(RefCell<Rng>);

impl Chance {
    pub(crate) fn of(seed: u64) -> Self {
        Self(RefCell::new(Rng::with_seed(seed)))
    }

    /// True in `percent` percent of cases.
    pub(crate) fn percent(&self, percent: u32) -> bool {
        self.0.borrow_mut().u32(0..100) < percent
    }

    pub(crate) fn within(&self, range: RangeInclusive<i64>) -> i64 {
        self.0.borrow_mut().i64(range)
    }

    /// A number below `end`, which must not be 0.
    pub(crate) fn index(&self, end: usize) -> usize {
        self.0.borrow_mut().usize(0..end)
    }

    pub(crate) fn number(&self) -> u32 {
        self.0.borrow_mut().u32(..)
    }

    pub(crate) fn long(&self) -> u64 {
        self.0.borrow_mut().u64(..)
    }

    pub(crate) fn fill(&self, buffer: &mut [u8]) {
        self.0.borrow_mut().fill(buffer);
    }

    pub(crate) fn one_of<T: Copy>(&self, of: &[T]) -> T {
        of[self.index(of.len())]
    }
}
