//! Load: how often the registry is called.
//!
//! Standard: DESIGN section 5 ("`/status` shows the share used and warns at 50 %").
//! Invariants: bounded; kept in memory alone, since the instance started.
//! What it must not know: what is asked.
//! What a mistake costs: a wrong figure on a dashboard.

use super::command::Request;
use crate::time::UnixMillis;
use std::collections::VecDeque;

/// Seconds that are counted one by one.
const WINDOW_SECONDS: i64 = 60;

/// Calls since the instance started.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// By kind: list, record, admin, base, report.
    totals: [u64; 5],
    /// Second and calls in it, of the last minute; ascending.
    seconds: VecDeque<(i64, u64)>,
}

impl Load {
    /// A call came at `now`.
    pub(super) fn count(&mut self, request: &Request, now: UnixMillis) {
        let [list, record, admin, base, report] = &mut self.totals;
        let total = match request {
            Request::List { .. } => list,
            Request::Record { .. } | Request::CurrentToken { .. } => record,
            Request::Admin(_) => admin,
            Request::Base { .. } => base,
            // A shard's telling is a report too: of uses. Cron's is one of the time.
            Request::Report { .. } | Request::Uses { .. } | Request::Signs { .. } | Request::Sweep => report,
        };
        *total = total.saturating_add(1);
        let second = now.floor_seconds().0;
        // A clock that was set back has no use for what lies ahead.
        self.seconds.retain(|(at, _)| is_in_window(*at, second));
        match self.seconds.back_mut() {
            Some((at, calls)) if *at == second => *calls = calls.saturating_add(1),
            _ => self.seconds.push_back((second, 1)),
        }
    }

    /// Calls by kind.
    pub(super) fn totals(&self) -> [u64; 5] {
        self.totals
    }

    /// Calls in the minute up to `now`.
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
    use crate::token::Serial;

    #[test]
    fn a_minute_is_counted_second_by_second_and_forgotten() {
        let mut load = Load::default();
        let request = Request::Record { serial: Serial(1), version: 1 };
        for second in 0..200 {
            for _ in 0..3 {
                load.count(&request, UnixMillis(second * 1_000 + 999));
            }
        }
        assert_eq!(load.totals(), [0, 600, 0, 0, 0]);
        assert_eq!(load.last_minute(UnixMillis(199_999)), 180);
        assert_eq!(load.last_minute(UnixMillis(229_000)), 90);
        assert_eq!(load.last_minute(UnixMillis(259_000)), 0);
        assert_eq!(load.seconds.len(), 60);
        // The clock is set back.
        load.count(&request, UnixMillis(10_000));
        assert_eq!(load.last_minute(UnixMillis(10_000)), 1);
    }
}
