//! Load: how often the registry is called. Kept in memory only, and bounded.
//!
//! Standard: docs/bound.md, "Load".

use super::command::Call;
use crate::base::time::UnixMillis;
use std::collections::VecDeque;

/// Seconds that are counted one by one.
const WINDOW_SECONDS: i64 = 60;

/// Calls since the instance started.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// By kind: list, record, admin, base, report.
    totals: [u64; 5],
    /// Each second of the last minute with its calls, ascending.
    seconds: VecDeque<(i64, u64)>,
}

impl Load {
    /// Counts a call at `now`.
    pub(super) fn count(&mut self, call: &Call, now: UnixMillis) {
        let [list, record, admin, base, report] = &mut self.totals;
        let total = match call {
            Call::List { .. } | Call::Subscribe(_) | Call::Relay(_) => list,
            Call::Record { .. } | Call::CurrentToken { .. } => record,
            Call::Admin(_) => admin,
            Call::Base { .. } => base,
            // Uses and signs are a shard's reports. What pages fetched, and cron's sweep, count as one too.
            Call::Report { .. }
            | Call::Uses { .. }
            | Call::Signs { .. }
            | Call::PageFetches { .. }
            | Call::Sweep => report,
        };
        *total = total.saturating_add(1);
        self.count_in_second(now);
    }

    /// Counts a call for a list that may wait.
    pub(super) fn count_list(&mut self, now: UnixMillis) {
        let [list, ..] = &mut self.totals;
        *list = list.saturating_add(1);
        self.count_in_second(now);
    }

    fn count_in_second(&mut self, now: UnixMillis) {
        let second = now.floor_seconds().0;
        // After a clock was set back, seconds that lie ahead are useless.
        self.seconds.retain(|(at, _)| is_in_window(*at, second));
        match self.seconds.back_mut() {
            Some((at, calls)) if *at == second => *calls = calls.saturating_add(1),
            _ => self.seconds.push_back((second, 1)),
        }
    }

    /// Calls by kind: list, record, admin, base, report.
    pub(super) fn totals(&self) -> [u64; 5] {
        self.totals
    }

    /// Calls in the minute before `now`.
    pub(super) fn last_minute(&self, now: UnixMillis) -> u64 {
        let second = now.floor_seconds().0;
        let recent = self.seconds.iter().filter(|(at, _)| is_in_window(*at, second));
        recent.map(|(_, calls)| *calls).sum()
    }
}

fn is_in_window(at: i64, second: i64) -> bool {
    (0..WINDOW_SECONDS).contains(&second.saturating_sub(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::token::Serial;

    #[test]
    fn a_minute_is_counted_second_by_second_and_forgotten() {
        let mut load = Load::default();
        let call = Call::Record { serial: Serial(1), version: 1 };
        for second in 0..200 {
            for _ in 0..3 {
                load.count(&call, UnixMillis(second * 1_000 + 999));
            }
        }
        assert_eq!(load.totals(), [0, 600, 0, 0, 0]);
        assert_eq!(load.last_minute(UnixMillis(199_999)), 180);
        assert_eq!(load.last_minute(UnixMillis(229_000)), 90);
        assert_eq!(load.last_minute(UnixMillis(259_000)), 0);
        assert_eq!(load.seconds.len(), 60);
        load.count(&call, UnixMillis(10_000));
        assert_eq!(load.last_minute(UnixMillis(10_000)), 1);
    }
}
