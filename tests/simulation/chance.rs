//! Every choice of a world flows from its one seed.

use fastrand::Rng;
use std::cell::RefCell;
use std::ops::RangeInclusive;

pub struct Chance(RefCell<Rng>);

impl Chance {
    pub fn of(seed: u64) -> Self {
        Self(RefCell::new(Rng::with_seed(seed)))
    }

    /// True in `percent` of a hundred cases.
    pub fn percent(&self, percent: u32) -> bool {
        self.0.borrow_mut().u32(0..100) < percent
    }

    pub fn within(&self, range: RangeInclusive<i64>) -> i64 {
        self.0.borrow_mut().i64(range)
    }

    /// Below `end`, which must not be 0.
    pub fn index(&self, end: usize) -> usize {
        self.0.borrow_mut().usize(0..end)
    }

    pub fn number(&self) -> u32 {
        self.0.borrow_mut().u32(..)
    }

    pub fn long(&self) -> u64 {
        self.0.borrow_mut().u64(..)
    }

    pub fn fill(&self, buffer: &mut [u8]) {
        self.0.borrow_mut().fill(buffer);
    }

    pub fn one_of<T: Copy>(&self, of: &[T]) -> T {
        of[self.index(of.len())]
    }
}
