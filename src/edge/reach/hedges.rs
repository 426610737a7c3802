//! How many look-ups of an isolate may ask the registry because KV is slow.
//!
//! A token bucket. It bounds what the registry gets beyond the calls that KV's failures bring in any case.

use crate::base::time::UnixMillis;
use crate::limits::{HEDGE_REFILL_MS, HEDGES_MAX};

/// The tokens of one isolate.
#[derive(Debug, Default)]
pub struct Hedges {
    spent: u32,
    /// Since when the next token refills.
    since: Option<UnixMillis>,
}

impl Hedges {
    /// Takes a token, if there is one at `now`.
    pub fn take(&mut self, now: UnixMillis) -> bool {
        let passed_ms = self.since.map_or(0, |since| now.since_ms(since));
        // A clock that was set back begins anew.
        let refilled = u32::try_from(passed_ms / HEDGE_REFILL_MS).unwrap_or(0);
        self.spent = self.spent.saturating_sub(refilled);
        let is_new = self.spent == 0 || passed_ms < 0;
        self.since = match self.since {
            Some(since) if !is_new => Some(since.plus_ms(i64::from(refilled) * HEDGE_REFILL_MS)),
            _ => Some(now),
        };
        let may = self.spent < HEDGES_MAX;
        self.spent += u32::from(may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(hedges: &mut Hedges, from_ms: i64, to_ms: i64) -> usize {
        (from_ms..to_ms).step_by(10).filter(|ms| hedges.take(UnixMillis(*ms))).count()
    }

    #[test]
    fn a_few_at_once_then_one_in_five_seconds() {
        let mut hedges = Hedges::default();
        assert_eq!(taken(&mut hedges, 0, 5_000), 4);
        assert_eq!(taken(&mut hedges, 5_000, 65_000), 12);
        assert_eq!(taken(&mut hedges, 300_000, 301_000), 4, "never more than at first");
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nothing_for_long() {
        let mut hedges = Hedges::default();
        assert_eq!(taken(&mut hedges, 3_600_000, 3_601_000), 4);
        assert_eq!(taken(&mut hedges, 0, 20_000), 3);
    }
}
