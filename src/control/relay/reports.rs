//! What the isolates behind a relay report, and what the relay tells the registry of it: one report for
//! each location.
//!
//! Invariants: a location's report names the lowest number that one of its isolates holds, of those heard
//! from lately, and how many they are. It names only keys that all of them have, and every key that one of
//! them knows to be retired. The memory used is bounded.
//! What a mistake costs: a probe confirms a location too early, or a restored registry learns late what it
//! lost.

use crate::base::time::UnixMillis;
use crate::formats::holding::{AddressesArrive, Holding, Took};
use crate::formats::list::Number;
use crate::limits::{
    ISOLATE_HEARD_LATELY_MS, RELAY_ISOLATES_MAX, RELAY_REPORT_MAX_MS, RELAY_REPORT_MIN_MS, RELAY_SAMPLES,
};
use std::collections::BTreeMap;

/// The reports of isolates, by the name of their location.
#[derive(Debug, Default)]
pub(super) struct Reports {
    locations: BTreeMap<String, Location>,
    /// The highest number that an isolate holds.
    highest: Option<Number>,
    told_at: Option<UnixMillis>,
}

#[derive(Debug, Default)]
struct Location {
    /// The last report of each isolate, and when it came.
    isolates: BTreeMap<u64, (Holding, UnixMillis)>,
    /// Changes that arrived, and when that was reported: of some isolates, evenly chosen.
    took: Vec<(Took, UnixMillis)>,
    /// The last arrival of the others.
    last_took: Option<(Took, UnixMillis)>,
    is_news: bool,
    /// The number told last, and when.
    told_number: Option<Number>,
    told_at: Option<UnixMillis>,
}

impl Reports {
    /// Takes the report of an isolate at `now`.
    pub(super) fn take(&mut self, location: String, mut holding: Holding, now: UnixMillis) {
        self.highest = self.highest.max(Some(holding.number));
        let known: usize = self.locations.values().map(|location| location.isolates.len()).sum();
        if known >= RELAY_ISOLATES_MAX {
            self.forget_longest_silent();
        }
        let location = self.locations.entry(location).or_default();
        let one_in = 1 + u64::try_from(location.isolates.len()).unwrap_or(0) / RELAY_SAMPLES;
        let mut took = std::mem::take(&mut holding.took).into_iter().map(|took| (took, now));
        let retired_before = location.isolates.get(&holding.isolate).map(|(before, _)| &before.retired);
        let is_retired =
            retired_before.map_or(!holding.retired.is_empty(), |before| *before != holding.retired);
        let is_lower = location.told_number.is_some_and(|told| holding.number < told);
        location.is_news |= took.len() > 0 || is_retired || is_lower;
        if holding.isolate.is_multiple_of(one_in) {
            location.took.extend(took);
        } else {
            location.last_took = took.next_back().or(location.last_took);
        }
        location.isolates.insert(holding.isolate, (holding, now));
    }

    fn forget_longest_silent(&mut self) {
        let isolates = self.locations.iter().flat_map(|(name, location)| {
            location.isolates.iter().map(move |(isolate, (_, at))| (*at, name, *isolate))
        });
        let Some((_, name, isolate)) = isolates.min() else { return };
        let name = name.clone();
        if let Some(location) = self.locations.get_mut(&name) {
            location.isolates.remove(&isolate);
        }
    }

    /// The highest number of a list that an isolate reported.
    pub(super) fn highest(&self) -> Option<Number> {
        self.highest
    }

    /// In how many milliseconds the next report is due, if there is news; 0: now.
    pub(super) fn due_in_ms(&self, now: UnixMillis) -> Option<i64> {
        let is_due = self.locations.values().any(|location| location.is_due(RELAY_REPORT_MAX_MS, now));
        let told_at = self.told_at.filter(|at| (0..RELAY_REPORT_MIN_MS).contains(&now.since_ms(*at)));
        is_due.then(|| told_at.map_or(0, |at| at.plus_ms(RELAY_REPORT_MIN_MS).since_ms(now)))
    }

    /// The reports for the registry, each under the relay's number, and forgets isolates not heard from
    /// lately.
    pub(super) fn told(&mut self, relay: u64, now: UnixMillis) -> Vec<(String, Holding)> {
        if self.due_in_ms(now) != Some(0) {
            return Vec::new();
        }
        self.told_at = Some(now);
        for location in self.locations.values_mut() {
            let is_heard = |at: UnixMillis| (0..=ISOLATE_HEARD_LATELY_MS).contains(&now.since_ms(at));
            location.isolates.retain(|_, (_, at)| is_heard(*at));
        }
        self.locations.retain(|_, location| !location.isolates.is_empty());
        let due =
            self.locations.iter_mut().filter(|(_, location)| location.is_due(RELAY_REPORT_MAX_MS / 2, now));
        due.filter_map(|(name, location)| Some((name.clone(), location.told(relay, now)?))).collect()
    }

    /// The last reports did not arrive: all locations are told of again.
    pub(super) fn lost(&mut self) {
        self.locations.values_mut().for_each(|location| location.is_news = true);
    }
}

impl Location {
    /// Whether it has news, or was told of so long ago.
    fn is_due(&self, after_ms: i64, now: UnixMillis) -> bool {
        let is_told = |at: UnixMillis| (0..after_ms).contains(&now.since_ms(at));
        self.is_news || !self.told_at.is_some_and(is_told)
    }

    fn told(&mut self, relay: u64, now: UnixMillis) -> Option<Holding> {
        let holdings = || self.isolates.values().map(|(holding, _)| holding);
        let lowest = holdings().min_by_key(|holding| holding.number)?;
        let has_all = |key: &&_| holdings().all(|holding| holding.keys.contains(key));
        let keys = lowest.keys.iter().filter(has_all).copied().collect();
        let mut retired: Vec<_> = holdings().flat_map(|holding| &holding.retired).copied().collect();
        retired.sort_unstable();
        retired.dedup();
        let arrive = |what| holdings().any(|holding| holding.addresses == Some(what));
        let addresses = [AddressesArrive::Yes, AddressesArrive::Never].into_iter().find(|what| arrive(*what));
        let (number, isolates) = (lowest.number, u32::try_from(self.isolates.len()).unwrap_or(u32::MAX));
        let took = self.took.drain(..).chain(self.last_took.take());
        // They arrived so much earlier than the isolate said, by the time for which the report was kept.
        let later = |(took, at): (Took, UnixMillis)| Took {
            ago_ms: took.ago_ms.saturating_add(now.since_ms(at).max(0)),
            ..took
        };
        let took = took.map(later).collect();
        (self.is_news, self.told_number, self.told_at) = (false, Some(number), Some(now));
        Some(Holding { number, isolate: relay, isolates, took, keys, retired, addresses })
    }
}
