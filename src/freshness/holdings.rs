//! What a location tells the registry of the lists and keys it holds: that there is traffic, how quickly changes arrived,
//! which signing keys it has, and which it knows to be retired.
//!
//! Standard: DESIGN section 5 ("the registry also learns which list number each location holds").
//! Invariants: no request waits for a report; one that is lost is made up for by the next; what is kept is bounded. Only
//! lists from beyond the location count, and only after one that could still be used: a list that ran out while nobody
//! came says nothing of how long a change took.
//! What it must not know: how a report is sent, tokens.
//! What a mistake costs: a wrong figure on a dashboard, a heartbeat that stops; the bound does not rest on it.

use crate::key::KeyId;
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
    /// The signing keys that the location has; an earlier release does not say.
    #[serde(default)]
    pub keys: Vec<KeyId>,
    /// The signing keys that the list held retires: a registry put back from a backup may have lost that.
    #[serde(default)]
    pub retired: Vec<KeyId>,
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
pub(super) struct Holdings {
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

    /// The registry gave a list that shows it to lack what `held` knows: it is told at once.
    pub(super) fn registry_is_behind(&mut self, held: Number) {
        self.newest = Some(held);
        self.is_news = true;
        self.reported_at = None;
    }

    /// The list and the changes to report at `now`, if that is due: within a few seconds of a change, else once a minute.
    pub(super) fn due(&self, now: UnixMillis) -> Option<(Number, Vec<Took>)> {
        let number = self.newest.filter(|_| self.is_news)?;
        let interval_ms = if self.took.is_empty() { REPORT_INTERVAL_MS } else { REPORT_CHANGE_INTERVAL_MS };
        // A clock that was set back counts as long ago.
        let is_early = self.reported_at.is_some_and(|at| (0..interval_ms).contains(&now.since_ms(at)));
        if is_early {
            return None;
        }
        let took =
            self.took.iter().map(|&(after, changed, at)| Took { after, changed, ago_ms: now.since_ms(at) });
        Some((number, took.collect()))
    }

    /// A report was begun at `now`: what it held counts as told, so that a registry that is slow is not told twice.
    pub(super) fn reported(&mut self, now: UnixMillis) {
        *self = Self { reported_at: Some(now), newest: self.newest, ..Self::default() };
    }
}
