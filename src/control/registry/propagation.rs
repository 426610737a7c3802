//! What locations report: the list that each isolate holds, and how long changes took to arrive. Kept in
//! memory and bounded. A summary is stored now and then (`propagation_kept.rs`): storing each report would
//! cost more than it is worth.
//!
//! Standard: docs/bound.md, "Reports".

use super::command::{LocationView, PropagationView};
use crate::base::time::UnixMillis;
use crate::formats::holding::AddressesArrive;
use crate::formats::holding::Holding;
use crate::formats::list::Number;
use crate::limits::{
    COMMITS_KEPT, ISOLATE_HEARD_LATELY_MS, ISOLATES_MAX, LOCATION_SHOWN_MS, MS_PER_SECOND, PROPAGATION_PARTS,
    PROPAGATION_SAMPLES_MAX, REPORTS_KEPT_INTERVAL_MS, SAMPLES_KEPT_INTERVAL_MS,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// The newest reports, and what they measured.
#[derive(Debug, Default)]
pub(super) struct Propagation {
    /// The last reports, by the location's own name and the isolate's number.
    isolates: BTreeMap<(String, u64), LastReport>,
    /// The newest changes, ascending by list number.
    commits: VecDeque<Commit>,
    /// Milliseconds that changes took to arrive at a location, newest last.
    samples: VecDeque<i64>,
    /// When a summary was last stored, and what is not in it.
    kept_at: Option<UnixMillis>,
    has_unkept_reports: bool,
    has_unkept_samples: bool,
}

/// What is stored of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Summary {
    samples: Vec<i64>,
    /// The newest changes, for [`Propagation::took_ms`].
    commits: Vec<Commit>,
    /// By location and isolate.
    reports: Vec<(String, u64, LastReport)>,
}

/// A change that was committed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Commit {
    /// The n of the first list that names it.
    n: u64,
    at: UnixMillis,
    /// When it last arrived at an isolate.
    arrived_at: Option<UnixMillis>,
}

/// The last report of an isolate.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct LastReport {
    number: Number,
    /// For how many isolates it speaks.
    isolates: u32,
    at: UnixMillis,
    /// The last statement about addresses; most reports contain none.
    addresses: Option<AddressesArrive>,
}

impl Propagation {
    pub(super) fn of(summary: Summary) -> Self {
        let Summary { samples, commits, reports } = summary;
        Self {
            isolates: reports.into_iter().map(|(id, isolate, report)| ((id, isolate), report)).collect(),
            commits: commits.into(),
            samples: samples.into(),
            ..Self::default()
        }
    }

    /// The summary to store now; `None` when that is not due. It counts as stored.
    pub(super) fn take_unkept(&mut self, now: UnixMillis) -> Option<Summary> {
        if !self.has_unkept_reports {
            return None;
        }
        let interval_ms =
            if self.has_unkept_samples { SAMPLES_KEPT_INTERVAL_MS } else { REPORTS_KEPT_INTERVAL_MS };
        // A time ahead of now means that the clock was set back.
        if self.kept_at.is_some_and(|at| (0..interval_ms).contains(&now.since_ms(at))) {
            return None;
        }
        (self.kept_at, self.has_unkept_reports, self.has_unkept_samples) = (Some(now), false, false);
        let shown = self.reports_since(now.plus_ms(-LOCATION_SHOWN_MS));
        let reports = shown.map(|((id, isolate), report)| (id.clone(), *isolate, *report)).collect();
        let skipped = self.commits.len().saturating_sub(COMMITS_KEPT);
        let commits = self.commits.iter().skip(skipped).copied().collect();
        Some(Summary { samples: self.samples.iter().copied().collect(), commits, reports })
    }

    /// Notes that a change was committed at `now`, and that list `n` is the first to contain it.
    pub(super) fn committed(&mut self, n: u64, now: UnixMillis) {
        // Of several changes in one list the first waited longest.
        if self.commits.back().is_none_or(|newest| newest.n < n) {
            push(&mut self.commits, Commit { n, at: now, arrived_at: None });
        }
    }

    /// Takes a location's report at `now`.
    pub(super) fn reported(&mut self, location: String, holding: &Holding, now: UnixMillis) {
        for took in &holding.took {
            let at = now.plus_ms(-took.ago_ms.max(0));
            let is_in = |commit: &&mut Commit| took.after < commit.n && commit.n <= took.changed;
            for commit in self.commits.iter_mut().filter(is_in) {
                commit.arrived_at = commit.arrived_at.max(Some(at));
                // Clocks differ: a change cannot arrive before it was made.
                push(&mut self.samples, at.since_ms(commit.at).max(0));
                self.has_unkept_samples = true;
            }
        }
        let Holding { isolate, number, isolates, addresses, .. } = *holding;
        self.heard((location, isolate), number, isolates, addresses, now);
    }

    /// Notes that an isolate, which speaks for `isolates`, holds list `number` at `now`.
    pub(super) fn heard(
        &mut self,
        isolate: (String, u64),
        number: Number,
        isolates: u32,
        addresses: Option<AddressesArrive>,
        now: UnixMillis,
    ) {
        self.has_unkept_reports = true;
        let before = self.isolates.get(&isolate).and_then(|report| report.addresses);
        let addresses = addresses.or(before);
        self.isolates.insert(isolate, LastReport { number, isolates, at: now, addresses });
        if self.isolates.len() > ISOLATES_MAX {
            let longest_silent = self.isolates.iter().min_by_key(|(_, report)| report.at);
            if let Some(isolate) = longest_silent.map(|(isolate, _)| isolate.clone()) {
                self.isolates.remove(&isolate);
            }
        }
    }

    /// Locations that reported since `since`, by name. A location has the lowest number of all its isolates
    /// that were heard from lately; of those that were not, only the last one counts. `change`: the list that
    /// counts as held when an isolate has it or a later one.
    pub(super) fn locations(
        &self,
        since: UnixMillis,
        change: (u32, u64),
        now: UnixMillis,
    ) -> Vec<LocationView> {
        let lately = now.plus_ms(-ISOLATE_HEARD_LATELY_MS);
        let mut views: Vec<LocationView> = Vec::new();
        for ((id, _), report) in self.reports_since(since) {
            let list_number = (report.number.epoch, report.number.n);
            let isolates = report.isolates;
            let isolates_holding = if list_number >= change { isolates } else { 0 };
            let id = id.clone();
            let own = LocationView { id, list_number, at: report.at, isolates, isolates_holding };
            match views.last_mut().filter(|view| view.id == own.id) {
                None => views.push(own),
                Some(view) if view.at >= lately && report.at >= lately => {
                    view.list_number = view.list_number.min(list_number);
                    view.at = view.at.max(report.at);
                    view.isolates = view.isolates.saturating_add(isolates);
                    view.isolates_holding = view.isolates_holding.saturating_add(isolates_holding);
                }
                Some(view) if report.at > view.at => *view = own,
                Some(_) => {}
            }
        }
        views
    }

    /// Of those, the names of the ones in which no request shows an address.
    pub(super) fn without_addresses(&self, since: UnixMillis) -> Vec<String> {
        let mut locations: BTreeMap<&str, AddressesArrive> = BTreeMap::new();
        for ((id, _), report) in self.reports_since(since) {
            match report.addresses {
                Some(AddressesArrive::Yes) => {
                    locations.insert(id, AddressesArrive::Yes);
                }
                Some(AddressesArrive::Never) => {
                    locations.entry(id).or_insert(AddressesArrive::Never);
                }
                None => {}
            }
        }
        let without = locations.into_iter().filter(|(_, arrive)| *arrive == AddressesArrive::Never);
        without.map(|(id, _)| id.to_owned()).collect()
    }

    /// The reports since `since`, by the name of the location.
    fn reports_since(&self, since: UnixMillis) -> impl Iterator<Item = (&(String, u64), &LastReport)> {
        self.isolates.iter().filter(move |(_, report)| report.at >= since)
    }

    /// Milliseconds from the commit of the change that list `n` was the first to name, until it last arrived
    /// at an isolate; `None` while no isolate has reported it.
    pub(super) fn took_ms(&self, n: u64) -> Option<i64> {
        let commit = self.commits.iter().find(|commit| commit.n == n)?;
        commit.arrived_at.map(|at| at.since_ms(commit.at).max(0))
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

/// The number of samples up to each edge and above the edge before: equal parts of the bound, then everything
/// beyond it. Empty without samples.
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

/// Appends to a ring that keeps the newest items.
fn push<T>(ring: &mut VecDeque<T>, item: T) {
    if ring.len() >= PROPAGATION_SAMPLES_MAX {
        ring.pop_front();
    }
    ring.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::holding::Took;

    fn holding(took: &[(u64, u64, i64)]) -> Holding {
        let took = took.iter().map(|&(after, changed, ago_ms)| Took { after, changed, ago_ms });
        let number = Number { epoch: 1, n: 9 };
        let took = took.collect();
        let (keys, retired) = (vec![], vec![]);
        Holding { number, isolate: 1, isolates: 1, took, keys, retired, addresses: None }
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
        // The location's clock is ahead: nothing arrives before it was made.
        propagation.reported("FRA".into(), &holding(&[(5, 8, 5_000)]), UnixMillis(12_000));
        let view = propagation.view(8);
        assert_eq!(view.samples, 3);
        let counted: Vec<_> = view.histogram.iter().filter(|(_, count)| *count > 0).collect();
        // 0 s, 8 s and, beyond a bound of 8 s, 9 s.
        assert_eq!(counted, [&(Some(400), 1), &(Some(8_000), 1), &(None, 1)]);
        assert_eq!(view.histogram.len(), 21);
        assert_eq!(Propagation::default().view(60).histogram, []);
        let since = |at| propagation.locations(UnixMillis(at), (1, 1), UnixMillis(at));
        assert_eq!((since(12_000).len(), since(12_001).len()), (1, 0));
        // The second change arrived 8 s after its commit, the fourth as soon as it was made.
        assert_eq!((propagation.took_ms(5), propagation.took_ms(8)), (Some(8_000), Some(0)));
        assert_eq!(propagation.took_ms(9), None);
    }

    #[test]
    fn a_location_holds_what_the_last_of_its_isolates_holds() {
        let mut propagation = Propagation::default();
        let mut report = |isolate, n, at| {
            let number = Number { epoch: 1, n };
            let holding = Holding { number, isolate, ..holding(&[]) };
            propagation.reported("FRA".into(), &holding, UnixMillis(at));
            let now = UnixMillis(at);
            let views = propagation.locations(UnixMillis(0), (1, 9), now);
            views
                .iter()
                .map(|view| (view.list_number.1, view.isolates, view.isolates_holding, view.at.0))
                .collect::<Vec<_>>()
        };
        assert_eq!(report(1, 7, 0), [(7, 1, 0, 0)]);
        assert_eq!(report(2, 9, 10_000), [(7, 2, 1, 10_000)], "one of them still has the older list");
        assert_eq!(report(1, 8, 20_000), [(8, 2, 1, 20_000)]);
        assert_eq!(report(1, 9, 30_000), [(9, 2, 2, 30_000)]);
        assert_eq!(report(3, 5, 40_000), [(5, 3, 2, 40_000)]);
        // One that has been silent for longer may be gone.
        assert_eq!(report(2, 10, 116_000), [(10, 1, 1, 116_000)]);
        assert_eq!(report(3, 10, 117_000), [(10, 2, 2, 117_000)]);
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
        assert_eq!(propagation.isolates.len(), ISOLATES_MAX);
        assert_eq!(propagation.isolates.values().map(|report| report.at.0).min(), Some(1_000));
    }
}
