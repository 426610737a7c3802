//! One look-up of a record, or of a family's token, that memory lacks: which source is asked next, and what
//! is waited for.
//!
//! Standard: docs/bound.md, "Look-ups": KV, then KV without its old copy, then the registry; the registry
//! also when KV is slow, for some look-ups.
//! Invariants: a look-up always ends. No request waits for a source that is known to be away: the trial is
//! made in the background.
//! What a mistake costs: a slow request or a needless 503. It cannot admit.

use super::health::State;
use super::sources::Reach;
use crate::base::time::UnixMillis;
use crate::limits::{
    FAMILY_KV_CACHE_TTL_SECONDS, HEDGE_AFTER_MS, KV_CACHE_TTL_MIN_SECONDS, RECORD_KV_CACHE_TTL_SECONDS,
    REGISTRY_READ_TIMEOUT_MIN_MS, REGISTRY_READ_TIMEOUT_MS,
};

/// A record of one version never changes, so its copy may be old. But KV keeps "there is none" for as long,
/// and a value with a seal that is no longer accepted. So a second read does without an old copy, and
/// replaces it.
const RECORD_READS: &[u32] = &[RECORD_KV_CACHE_TTL_SECONDS, KV_CACHE_TTL_MIN_SECONDS];
const FAMILY_READS: &[u32] = &[FAMILY_KV_CACHE_TTL_SECONDS];

/// What to do next. The value that is looked for ends a look-up, from whatever source it comes; so does any
/// answer of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Begin a read from KV, then call [`Lookup::next`] again.
    Kv { cache_ttl_seconds: u32 },
    /// Begin a call to the registry, then call [`Lookup::next`] again.
    Registry { timeout_ms: u32 },
    /// Wait until something that was begun ends, but at most this long.
    Wait { at_most_ms: Option<u32> },
    /// End without a value. Make a look-up [`Lookup::in_background`], so that the next request finds it.
    TryInBackground,
    /// End without a value.
    End,
}

/// What a read from KV found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvFound {
    /// No value that may be used.
    Nothing,
    /// It failed, or did not answer in time.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    NotYet,
    UnderWay,
    Over,
}

/// The first read of a look-up of a record. Until it ends, or its patience does, nothing else is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstRead {
    /// `cacheTtl` of the read from KV, in seconds.
    pub cache_ttl_seconds: u32,
    /// After this the registry may be asked too, in milliseconds.
    pub patience_ms: u32,
}

impl FirstRead {
    /// `None` where KV did not answer last: then the look-up decides what to do.
    #[must_use]
    pub fn of_record(reach: &Reach, now: UnixMillis) -> Option<Self> {
        let &cache_ttl_seconds = RECORD_READS.first()?;
        let patience_ms = u32::try_from(HEDGE_AFTER_MS).ok()?;
        (reach.kv.state(now) == State::Free).then_some(Self { cache_ttl_seconds, patience_ms })
    }
}

/// One look-up of a record or of a family.
#[derive(Debug)]
pub struct Lookup {
    /// When the request began for which this is.
    request_began: UnixMillis,
    began: UnixMillis,
    is_background: bool,
    /// `cacheTtl` of the reads from KV, and of those that are left.
    all_kv_reads: &'static [u32],
    kv_reads: &'static [u32],
    is_kv_under_way: bool,
    registry: Asked,
    may_hedge: bool,
    /// A trial of KV is due, for which no request waits.
    wants_trial: bool,
}

impl Lookup {
    /// Of a record, for a request that began at `request_began`.
    #[must_use]
    pub fn of_record(request_began: UnixMillis, now: UnixMillis) -> Self {
        Self::new(RECORD_READS, request_began, now)
    }

    /// Of a family's token.
    #[must_use]
    pub fn of_family(request_began: UnixMillis, now: UnixMillis) -> Self {
        Self::new(FAMILY_READS, request_began, now)
    }

    /// Of what only the registry can know.
    #[must_use]
    pub fn of_registry(request_began: UnixMillis, now: UnixMillis) -> Self {
        Self::new(&[], request_began, now)
    }

    fn new(kv_reads: &'static [u32], request_began: UnixMillis, now: UnixMillis) -> Self {
        Self {
            request_began,
            began: now,
            is_background: false,
            all_kv_reads: kv_reads,
            kv_reads,
            is_kv_under_way: false,
            registry: Asked::NotYet,
            may_hedge: true,
            wants_trial: false,
        }
    }

    /// The same for nobody, after [`Step::TryInBackground`]: it makes the trials that are due, and no read
    /// that was made already.
    #[must_use]
    pub fn in_background(self) -> Self {
        let kv_reads = if self.wants_trial { self.all_kv_reads } else { &[] };
        Self { is_background: true, kv_reads, ..Self::new(self.all_kv_reads, self.request_began, self.began) }
    }

    /// What to do next.
    pub fn next(&mut self, reach: &mut Reach, now: UnixMillis) -> Step {
        if let Some(step) = self.next_of_kv(reach, now) {
            return step;
        }
        match self.registry {
            Asked::UnderWay => Step::Wait { at_most_ms: None },
            Asked::Over if self.is_kv_under_way => Step::Wait { at_most_ms: None },
            Asked::Over => Step::End,
            Asked::NotYet if self.is_kv_under_way => self.hedge(reach, now),
            Asked::NotYet => self.ask_registry(reach, now),
        }
    }

    /// Begins the next read from KV, if one is left and KV may be asked.
    fn next_of_kv(&mut self, reach: &mut Reach, now: UnixMillis) -> Option<Step> {
        if self.is_kv_under_way {
            return None;
        }
        let (&cache_ttl_seconds, later) = self.kv_reads.split_first()?;
        let is_waited_for = !self.is_background && reach.registry.state(now) != State::Free;
        if reach.kv.state(now) == State::TrialDue && is_waited_for {
            self.wants_trial = true;
            self.kv_reads = &[];
            return None;
        }
        if !reach.kv.may_ask(now) {
            self.kv_reads = &[];
            return None;
        }
        self.kv_reads = later;
        self.is_kv_under_way = true;
        Some(Step::Kv { cache_ttl_seconds })
    }

    /// While KV is slow. While it is tried, the registry is asked at once.
    fn hedge(&mut self, reach: &mut Reach, now: UnixMillis) -> Step {
        if reach.kv.state(now) != State::Free && reach.registry.state(now) == State::Free {
            return self.ask_registry(reach, now);
        }
        let left_ms = HEDGE_AFTER_MS - now.since_ms(self.began);
        if self.may_hedge && (1..=HEDGE_AFTER_MS).contains(&left_ms) {
            return Step::Wait { at_most_ms: u32::try_from(left_ms).ok() };
        }
        if self.may_hedge && reach.hedge(now) {
            return self.ask_registry(reach, now);
        }
        self.may_hedge = false;
        Step::Wait { at_most_ms: None }
    }

    fn ask_registry(&mut self, reach: &mut Reach, now: UnixMillis) -> Step {
        self.registry = Asked::Over;
        if reach.registry.state(now) == State::TrialDue && !self.is_background {
            return Step::TryInBackground;
        }
        if !reach.registry.may_ask(now) {
            return if self.wants_trial { Step::TryInBackground } else { Step::End };
        }
        self.registry = Asked::UnderWay;
        Step::Registry { timeout_ms: self.registry_timeout_ms(now) }
    }

    /// What is left of the time that a request may wait for the registry in all.
    fn registry_timeout_ms(&self, now: UnixMillis) -> u32 {
        let waited_ms = if self.is_background { 0 } else { now.since_ms(self.request_began).max(0) };
        let most_ms = i64::from(REGISTRY_READ_TIMEOUT_MS);
        let left_ms = (most_ms - waited_ms).clamp(REGISTRY_READ_TIMEOUT_MIN_MS, most_ms);
        u32::try_from(left_ms).unwrap_or(REGISTRY_READ_TIMEOUT_MS)
    }

    /// The read from KV ended without the value. Another one is made only when KV answered.
    pub fn kv_ended(&mut self, found: KvFound) {
        self.is_kv_under_way = false;
        if found == KvFound::Failed {
            self.kv_reads = &[];
        }
    }

    /// The call to the registry was not answered.
    pub fn registry_failed(&mut self) {
        self.registry = Asked::Over;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{HEDGE_REFILL_MS, HEDGES_MAX};

    const MIDDLE: u32 = u32::MAX / 2 + 1;
    const LONG: Step = Step::Kv { cache_ttl_seconds: 86_400 };
    const SHORT: Step = Step::Kv { cache_ttl_seconds: 30 };
    const REGISTRY: Step = Step::Registry { timeout_ms: 4_000 };
    const WAIT: Step = Step::Wait { at_most_ms: None };
    const UNTIL_HEDGE: Step = Step::Wait { at_most_ms: Some(200) };

    fn at(ms: i64) -> UnixMillis {
        UnixMillis(1_000_000 + ms)
    }

    fn record(ms: i64) -> Lookup {
        Lookup::of_record(at(ms), at(ms))
    }

    fn reach() -> Reach {
        Reach::of_bound(60)
    }

    /// A registry that failed at 0: it rests for 250 ms.
    fn registry_failed() -> Reach {
        let mut reach = reach();
        reach.registry.ended(false, at(0), at(0), MIDDLE);
        reach
    }

    /// KV that failed at 0.
    fn kv_failed() -> Reach {
        let mut reach = reach();
        reach.kv.ended(false, at(0), at(0), MIDDLE);
        reach
    }

    #[test]
    fn kv_first_then_kv_without_its_old_copy_then_the_registry() {
        let (mut reach, mut lookup) = (reach(), record(0));
        assert_eq!([lookup.next(&mut reach, at(0)), lookup.next(&mut reach, at(0))], [LONG, UNTIL_HEDGE]);
        lookup.kv_ended(KvFound::Nothing);
        assert_eq!(lookup.next(&mut reach, at(5)), SHORT);
        lookup.kv_ended(KvFound::Nothing);
        assert_eq!(lookup.next(&mut reach, at(10)), Step::Registry { timeout_ms: 3_990 });
        assert_eq!(lookup.next(&mut reach, at(10)), WAIT);
        lookup.registry_failed();
        assert_eq!(lookup.next(&mut reach, at(4_010)), Step::End);
    }

    #[test]
    fn the_first_read_is_the_look_ups_own_and_there_is_none_where_kv_did_not_answer_last() {
        let first = FirstRead { cache_ttl_seconds: 86_400, patience_ms: 200 };
        assert_eq!(FirstRead::of_record(&reach(), at(0)), Some(first));
        let (mut reach, mut lookup) = (reach(), record(0));
        assert_eq!([lookup.next(&mut reach, at(0)), lookup.next(&mut reach, at(0))], [LONG, UNTIL_HEDGE]);
        assert_eq!(FirstRead::of_record(&kv_failed(), at(1)), None);
        // Handed over when its patience is over, it goes on with the registry.
        let mut lookup = record(0);
        let steps = [lookup.next(&mut reach, at(200)), lookup.next(&mut reach, at(200))];
        assert_eq!(steps, [LONG, Step::Registry { timeout_ms: 3_800 }]);
    }

    #[test]
    fn a_familys_token_is_read_from_kv_once_and_what_only_the_registry_knows_not_at_all() {
        let (mut reach, mut lookup) = (reach(), Lookup::of_family(at(0), at(0)));
        assert_eq!(lookup.next(&mut reach, at(0)), SHORT);
        lookup.kv_ended(KvFound::Nothing);
        assert_eq!(lookup.next(&mut reach, at(0)), REGISTRY);
        assert_eq!(Lookup::of_registry(at(0), at(0)).next(&mut reach, at(0)), REGISTRY);
    }

    #[test]
    fn a_read_that_failed_is_not_made_again() {
        let (mut reach, mut lookup) = (reach(), record(0));
        assert_eq!(lookup.next(&mut reach, at(0)), LONG);
        lookup.kv_ended(KvFound::Failed);
        assert_eq!(lookup.next(&mut reach, at(0)), REGISTRY);
    }

    #[test]
    fn while_kv_is_slow_the_registry_is_asked_too_and_kv_is_still_waited_for() {
        let (mut reach, mut lookup) = (reach(), record(0));
        assert_eq!(lookup.next(&mut reach, at(0)), LONG);
        assert_eq!(lookup.next(&mut reach, at(150)), Step::Wait { at_most_ms: Some(50) });
        assert_eq!(lookup.next(&mut reach, at(200)), Step::Registry { timeout_ms: 3_800 });
        assert_eq!(lookup.next(&mut reach, at(200)), WAIT);
        lookup.registry_failed();
        assert_eq!(lookup.next(&mut reach, at(400)), WAIT, "KV may still answer");
        lookup.kv_ended(KvFound::Failed);
        assert_eq!(lookup.next(&mut reach, at(1_000)), Step::End);
    }

    #[test]
    fn look_ups_that_ask_the_registry_too_are_few() {
        let mut reach = reach();
        let mut hedged = 0;
        let (look_ups, every_ms) = (1_000, 10);
        for number in 0..look_ups {
            let (mut lookup, began) = (record(number * every_ms), number * every_ms);
            assert_eq!(lookup.next(&mut reach, at(began)), LONG);
            hedged += u32::from(lookup.next(&mut reach, at(began + 200)) != WAIT);
        }
        let passed_ms = look_ups * every_ms;
        assert_eq!(hedged, HEDGES_MAX + u32::try_from(passed_ms / HEDGE_REFILL_MS - 1).unwrap());
    }

    #[test]
    fn while_kv_rests_the_registry_is_asked_alone_and_beside_its_trial_at_once() {
        let mut reach = kv_failed();
        for _ in 0..100 {
            assert_eq!(record(100).next(&mut reach, at(100)), REGISTRY);
        }
        let mut lookup = record(300);
        assert_eq!([lookup.next(&mut reach, at(300)), lookup.next(&mut reach, at(300))], [LONG, REGISTRY]);
        assert_eq!(record(301).next(&mut reach, at(301)), REGISTRY, "one trial is enough");
    }

    #[test]
    fn while_the_registry_rests_only_kv_is_asked() {
        let (mut reach, mut lookup) = (registry_failed(), record(100));
        assert_eq!(lookup.next(&mut reach, at(100)), LONG);
        assert_eq!(lookup.next(&mut reach, at(240)), Step::Wait { at_most_ms: Some(60) });
        assert_eq!(lookup.next(&mut reach, at(300)), WAIT, "no call beside KV to a registry that is away");
        lookup.kv_ended(KvFound::Nothing);
        assert_eq!(lookup.next(&mut reach, at(301)), SHORT);
        let mut lookup = Lookup::of_registry(at(100), at(100));
        assert_eq!(lookup.next(&mut reach, at(100)), Step::End);
    }

    #[test]
    fn no_request_waits_for_a_trial_of_the_registry() {
        let mut reach = registry_failed();
        let mut lookup = record(300);
        assert_eq!(lookup.next(&mut reach, at(300)), LONG);
        lookup.kv_ended(KvFound::Nothing);
        assert_eq!(lookup.next(&mut reach, at(300)), SHORT);
        lookup.kv_ended(KvFound::Nothing);
        assert_eq!(lookup.next(&mut reach, at(300)), Step::TryInBackground);
        let mut trial = lookup.in_background();
        assert_eq!(trial.next(&mut reach, at(300)), REGISTRY, "KV was asked already");
        let mut beside = Lookup::of_registry(at(301), at(301));
        assert_eq!(beside.next(&mut reach, at(301)), Step::End, "one trial is enough");
        assert_eq!(beside.in_background().next(&mut reach, at(301)), Step::End);
    }

    #[test]
    fn while_both_are_away_a_request_asks_neither_and_one_in_the_background_tries() {
        let mut reach = kv_failed();
        reach.registry.ended(false, at(0), at(0), MIDDLE);
        assert_eq!(record(100).next(&mut reach, at(100)), Step::End);
        let mut lookup = record(300);
        assert_eq!(lookup.next(&mut reach, at(300)), Step::TryInBackground);
        let mut trial = lookup.in_background();
        assert_eq!(trial.next(&mut reach, at(300)), LONG);
        trial.kv_ended(KvFound::Failed);
        assert_eq!(trial.next(&mut reach, at(1_300)), REGISTRY);
        assert_eq!(record(1_301).next(&mut reach, at(1_301)), Step::End);
    }

    #[test]
    fn all_that_a_request_waits_for_the_registry_is_one_time_limit() {
        let mut reach = reach();
        let mut lookup = Lookup::of_registry(at(0), at(3_000));
        assert_eq!(lookup.next(&mut reach, at(3_000)), Step::Registry { timeout_ms: 1_000 });
        let mut late = Lookup::of_registry(at(0), at(9_000));
        assert_eq!(late.next(&mut reach, at(9_000)), Step::Registry { timeout_ms: 500 });
        let mut set_back = Lookup::of_registry(at(9_000), at(0));
        assert_eq!(set_back.next(&mut reach, at(0)), REGISTRY);
    }
}
