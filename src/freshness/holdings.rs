//! What a location tells the registry of the lists it holds: that there is traffic, and how quickly changes arrived.
//!
//! Standard: DESIGN section 5 ("the registry also learns which list number each location holds").
//! Invariants: no request waits for a report; one that is lost is made up for by the next; what is kept is bounded. Only
//! lists from beyond the location count, and only after one that could still be used: a list that ran out while nobody
//! came says nothing of how long a change took.
//! What it must not know: how a report is sent, tokens.
//! What a mistake costs: a wrong figure on a dashboard, a heartbeat that stops; the bound does not rest on it.

use crate::limits::{REPORT_CHANGE_INTERVAL_MS, REPORT_INTERVAL_MS, REPORT_TOOK_MAX};
use crate::list::{Number, RevocationList};
use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// What is reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The list held.
    pub number: Number,
    /// Changes that arrived since the last report.
    pub took: Vec<Took>,
}

/// Changes that arrived together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Took {
    /// The n of the newest change known before.
    pub after: u64,
    /// The n of the newest change known then.
    pub changed: u64,
    /// How long before the report that was, milliseconds.
    pub ago_ms: i64,
}

/// What is still to be reported.
#[derive(Debug, Default)]
pub struct Holdings {
    reported_at: Option<UnixMillis>,
    newest: Option<Number>,
    is_news: bool,
    /// After which change, which change, when.
    took: Vec<(u64, u64, UnixMillis)>,
}

impl Holdings {
    /// A list from beyond this location replaces `before`, the one that was usable until now.
    pub(super) fn took(&mut self, before: Option<&RevocationList>, list: &RevocationList, now: UnixMillis) {
        self.newest = Some(list.number());
        self.is_news = true;
        let changed = list.delta().head.changed;
        let Some(after) = before.map(|before| before.delta().head.changed) else { return };
        if after < changed && self.took.len() < REPORT_TOOK_MAX {
            self.took.push((after, changed, now));
        }
    }

    /// The registry gave a list older than `held`: it is told at once.
    pub(super) fn registry_is_behind(&mut self, held: Number) {
        self.newest = Some(held);
        self.is_news = true;
        self.reported_at = None;
    }

    /// The report that is due at `now`, if any: within a few seconds of a change, else once a minute.
    #[must_use]
    pub fn due(&self, now: UnixMillis) -> Option<Holding> {
        let number = self.newest.filter(|_| self.is_news)?;
        let interval_ms = if self.took.is_empty() { REPORT_INTERVAL_MS } else { REPORT_CHANGE_INTERVAL_MS };
        // A clock that was set back counts as long ago.
        let is_early = self.reported_at.is_some_and(|at| (0..interval_ms).contains(&now.since_ms(at)));
        if is_early {
            return None;
        }
        let took =
            self.took.iter().map(|&(after, changed, at)| Took { after, changed, ago_ms: now.since_ms(at) });
        Some(Holding { number, took: took.collect() })
    }

    /// A report was begun at `now`: what it held counts as told, so that a registry that is slow is not told twice.
    pub fn reported(&mut self, now: UnixMillis) {
        *self = Self { reported_at: Some(now), newest: self.newest, ..Self::default() };
    }
}
