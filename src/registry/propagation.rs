//! What locations report: which list each holds, and how long changes took to reach them.
//!
//! Standard: DESIGN section 5, last paragraph.
//! Invariants: bounded; kept in memory alone, since it is told anew within a minute and a row written for each report would
//! cost more than it tells.
//! What it must not know: tokens, HTTP.
//! What a mistake costs: a wrong figure on a dashboard; the bound does not rest on it.

use super::command::{LocationView, PropagationView};
use crate::freshness::Holding;
use crate::limits::{LOCATIONS_MAX, MS_PER_SECOND, PROPAGATION_PARTS, PROPAGATION_SAMPLES_MAX};
use crate::list::Number;
use crate::time::UnixMillis;
use std::collections::{BTreeMap, VecDeque};

/// Since the instance started.
#[derive(Debug, Default)]
pub(super) struct Propagation {
    /// By what the location calls itself.
    locations: BTreeMap<String, (Number, UnixMillis)>,
    /// Changes: the n of the first list that names each, and when it was committed. Ascending.
    commits: VecDeque<(u64, UnixMillis)>,
    /// How long a change took to reach a location, milliseconds; the newest last.
    samples: VecDeque<i64>,
}

impl Propagation {
    /// A change was committed at `now`; the list `n` names it first.
    pub(super) fn committed(&mut self, n: u64, now: UnixMillis) {
        // Of several in one list the first is the one that waited longest.
        if self.commits.back().is_none_or(|(newest, _)| *newest < n) {
            push(&mut self.commits, (n, now));
        }
    }

    /// A location's report, taken at `now`.
    pub(super) fn reported(&mut self, location: String, holding: &Holding, now: UnixMillis) {
        for took in &holding.took {
            let at = now.plus_ms(-took.ago_ms.max(0));
            let arrived = self.commits.iter().filter(|(n, _)| took.after < *n && *n <= took.changed);
            // Clocks differ: a change cannot arrive before it was made.
            let samples: Vec<i64> = arrived.map(|(_, committed)| at.since_ms(*committed).max(0)).collect();
            for sample in samples {
                push(&mut self.samples, sample);
            }
        }
        self.locations.insert(location, (holding.number, now));
        if self.locations.len() > LOCATIONS_MAX {
            let longest_silent = self.locations.iter().min_by_key(|(_, (_, at))| *at);
            if let Some(location) = longest_silent.map(|(location, _)| location.clone()) {
                self.locations.remove(&location);
            }
        }
    }

    /// Locations, by name, that reported since `since`.
    pub(super) fn locations(&self, since: UnixMillis) -> Vec<LocationView> {
        let heard = self.locations.iter().filter(|(_, (_, at))| *at >= since);
        heard
            .map(|(id, (number, at))| LocationView {
                id: id.clone(),
                list_number: (number.epoch, number.n),
                at: *at,
            })
            .collect()
    }

    /// The measured propagation, counted in parts of the bound.
    pub(super) fn view(&self, bound_seconds: i64) -> PropagationView {
        let mut sorted: Vec<i64> = self.samples.iter().copied().collect();
        sorted.sort_unstable();
        let quantile =
            |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).max(1) - 1).copied();
        PropagationView {
            samples: u64::try_from(sorted.len()).unwrap_or(u64::MAX),
            p50_ms: quantile(50),
            p99_ms: quantile(99),
            max_ms: sorted.last().copied(),
            histogram: histogram(&sorted, bound_seconds),
        }
    }
}

/// How many took at most so long: equal parts of the bound, then all that took longer. Empty without samples.
fn histogram(samples: &[i64], bound_seconds: i64) -> Vec<(Option<i64>, u64)> {
    if samples.is_empty() {
        return Vec::new();
    }
    let bound_ms = bound_seconds.saturating_mul(MS_PER_SECOND);
    let edges = (1..=i64::from(PROPAGATION_PARTS)).map(|part| bound_ms * part / i64::from(PROPAGATION_PARTS));
    let mut below = 0;
    let mut counts = Vec::new();
    for edge in edges.map(Some).chain([None]) {
        let up_to = samples.iter().filter(|sample| edge.is_none_or(|edge| **sample <= edge)).count();
        counts.push((edge, u64::try_from(up_to - below).unwrap_or(u64::MAX)));
        below = up_to;
    }
    counts
}

/// Adds to a ring that keeps the newest.
fn push<T>(ring: &mut VecDeque<T>, item: T) {
    if ring.len() >= PROPAGATION_SAMPLES_MAX {
        ring.pop_front();
    }
    ring.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::freshness::Took;

    fn holding(took: &[(u64, u64, i64)]) -> Holding {
        let took = took.iter().map(|&(after, changed, ago_ms)| Took { after, changed, ago_ms });
        Holding { number: Number { epoch: 1, n: 9 }, took: took.collect(), keys: vec![], retired: vec![] }
    }

    #[test]
    fn a_sample_is_the_time_from_commit_to_arrival_of_each_change() {
        let mut propagation = Propagation::default();
        for (n, at) in [(3, 1_000), (3, 1_500), (5, 2_000), (8, 9_000)] {
            propagation.committed(n, UnixMillis(at));
        }
        propagation.reported("FRA".into(), &holding(&[(2, 5, 1_000)]), UnixMillis(11_000));
        let view = propagation.view(60);
        assert_eq!((view.samples, view.p50_ms, view.max_ms), (2, Some(8_000), Some(9_000)));
        // Its clock is ahead: nothing arrives before it was made.
        propagation.reported("FRA".into(), &holding(&[(5, 8, 5_000)]), UnixMillis(12_000));
        let view = propagation.view(8);
        assert_eq!(view.samples, 3);
        let counted: Vec<_> = view.histogram.iter().filter(|(_, count)| *count > 0).collect();
        // 0 s, 8 s and, beyond a bound of 8 s, 9 s.
        assert_eq!(counted, [&(Some(400), 1), &(Some(8_000), 1), &(None, 1)]);
        assert_eq!(view.histogram.len(), 21);
        assert_eq!(Propagation::default().view(60).histogram, []);
        assert_eq!(propagation.locations(UnixMillis(12_000)).len(), 1);
        assert!(propagation.locations(UnixMillis(12_001)).is_empty());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut propagation = Propagation::default();
        for n in 0..5_000 {
            propagation.committed(n, UnixMillis(0));
            propagation.reported(
                format!("L{n}"),
                &holding(&[(0, u64::MAX, 0)]),
                UnixMillis(i64::try_from(n).unwrap()),
            );
        }
        assert_eq!(propagation.commits.len(), PROPAGATION_SAMPLES_MAX);
        assert_eq!(propagation.samples.len(), PROPAGATION_SAMPLES_MAX);
        assert_eq!(propagation.locations.len(), LOCATIONS_MAX);
        assert_eq!(propagation.locations.values().map(|(_, at)| at.0).min(), Some(4_000));
    }
}
