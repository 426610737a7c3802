//! What a location reports to the registry about its list and its keys: that it has traffic, how quickly
//! changes arrived, which signing keys it has, and which of them its list retires.
//!
//! Standard: docs/bound.md, "Reports".
//! Invariants: no request waits for a report; the next report makes up for a lost one; the memory used is
//! bounded. Every list with a change is reported within seconds. How long the change took is measured only
//! when its list came from outside this location and replaced one that was still usable. Otherwise the
//! measured time would include a period without traffic.
//! What it must not know: how a report is sent, tokens.
//! What a mistake costs: a wrong figure on a dashboard, or a heartbeat that stops. The bound does not rest on
//! it.

use crate::base::time::UnixMillis;
use crate::formats::holding::Took;
use crate::formats::list::{Number, RevocationList};
use crate::limits::{REPORT_CHANGE_INTERVAL_MS, REPORT_INTERVAL_MS, REPORT_TOOK_MAX};

/// What is still to be reported.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    reported_at: Option<UnixMillis>,
    newest: Option<Number>,
    is_news: bool,
    /// The `changed` of the newest list, and of the newest one that was reported.
    changed: u64,
    reported_changed: u64,
    /// For each arrival: `changed` before, `changed` after, and the time.
    took: Vec<(u64, u64, UnixMillis)>,
    /// Until then a caller waits to report changes.
    waits_until: Option<UnixMillis>,
}

impl Holdings {
    /// Records that a list from outside this location replaced `before`, the list that was usable until now.
    pub(super) fn took(&mut self, before: Option<&RevocationList>, list: &RevocationList, now: UnixMillis) {
        self.newest = Some(list.number());
        self.is_news = true;
        let changed = list.delta().head.changed;
        self.changed = changed;
        let Some(after) = before.map(|before| before.delta().head.changed) else { return };
        if after < changed && self.took.len() < REPORT_TOOK_MAX {
            self.took.push((after, changed, now));
        }
    }

    /// Records that a list was taken which another isolate of this location had brought. It is reported only
    /// if it contains a change: then the registry must learn that this isolate has it too.
    pub(super) fn shared(&mut self, list: &RevocationList) {
        self.newest = Some(list.number());
        self.changed = list.delta().head.changed;
        self.is_news |= self.brings_change();
    }

    /// Makes a report due at once: the registry returned a list that lacks something which `held` contains.
    pub(super) fn registry_is_behind(&mut self, held: Number) {
        self.newest = Some(held);
        self.is_news = true;
        self.reported_at = None;
    }

    /// The list number and the arrivals to report at `now`, if a report is due: within seconds of a change,
    /// otherwise once a minute.
    pub(super) fn due(&self, now: UnixMillis) -> Option<(Number, Vec<Took>)> {
        let number = self.newest.filter(|_| self.is_news)?;
        let interval_ms = if self.brings_change() { REPORT_CHANGE_INTERVAL_MS } else { REPORT_INTERVAL_MS };
        // A time ahead of now means that the clock was set back; it counts as long ago.
        let is_early = self.reported_at.is_some_and(|at| (0..interval_ms).contains(&now.since_ms(at)));
        if is_early {
            return None;
        }
        Some((number, self.arrivals(now)))
    }

    /// The list number and the arrivals to report, if the newest list has a change that no report has named.
    pub(super) fn unreported_change(&self, now: UnixMillis) -> Option<(Number, Vec<Took>)> {
        let number = self.newest.filter(|_| self.is_news && self.brings_change())?;
        Some((number, self.arrivals(now)))
    }

    /// Whether the newest list has a change that no report has named.
    fn brings_change(&self) -> bool {
        self.changed != self.reported_changed
    }

    /// The arrivals since the last report.
    pub(super) fn arrivals(&self, now: UnixMillis) -> Vec<Took> {
        let took = self.took.iter();
        took.map(|&(after, changed, at)| Took { after, changed, ago_ms: now.since_ms(at) }).collect()
    }

    /// In how many milliseconds the caller is to report; `None`: not at all. Changes that came right after a
    /// report are waited for by one caller, since no other may come. A list without a change can wait for the
    /// next one: it is worth no timer.
    pub(super) fn report_in_ms(&mut self, now: UnixMillis) -> Option<i64> {
        if self.due(now).is_some() {
            return Some(0);
        }
        let reported_at = self.reported_at.filter(|_| self.is_news && self.brings_change())?;
        let is_waited_for = self
            .waits_until
            .is_some_and(|until| (1..=REPORT_CHANGE_INTERVAL_MS).contains(&until.since_ms(now)));
        let due_at = reported_at.plus_ms(REPORT_CHANGE_INTERVAL_MS);
        if is_waited_for {
            return None;
        }
        self.waits_until = Some(due_at);
        Some(due_at.since_ms(now))
    }

    /// A report was begun at `now`: what it held counts as reported, so that a slow registry does not
    /// get it twice.
    pub(super) fn reported(&mut self, now: UnixMillis) {
        let (newest, changed) = (self.newest, self.changed);
        *self =
            Self { reported_at: Some(now), newest, changed, reported_changed: changed, ..Self::default() };
    }

    /// Records that the last report did not arrive: what is held is reported again.
    pub(super) fn lost(&mut self) {
        (self.is_news, self.reported_changed) = (self.newest.is_some(), 0);
    }
}
