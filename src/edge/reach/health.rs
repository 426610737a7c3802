//! What an isolate knows of one source: whether it answers, and when it may be asked again.
//!
//! After a call that failed the source rests. Then one call is its trial. An answer, of whatever call, ends
//! all this.

use crate::base::time::UnixMillis;
use crate::limits::{
    KV_REST_MAX_MS, KV_TRIAL_MS, REGISTRY_REST_MAX_MS, REGISTRY_REST_MS_PER_SECOND_OF_BOUND,
    REGISTRY_TRIAL_MS, SOURCE_KNOWN_MS, SOURCE_REST_MIN_MS,
};

/// How long a source rests, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestTerms {
    /// The longest rest, jitter included.
    pub max_ms: i64,
    /// A trial whose end nobody tells is over after this.
    pub trial_ms: i64,
}

impl RestTerms {
    /// How long KV rests.
    pub const KV: Self = Self { max_ms: KV_REST_MAX_MS, trial_ms: KV_TRIAL_MS };

    /// The registry's, for a location with this bound.
    #[must_use]
    pub const fn registry(bound_seconds: i64) -> Self {
        let max_ms = bound_seconds * REGISTRY_REST_MS_PER_SECOND_OF_BOUND;
        let max_ms = if max_ms < REGISTRY_REST_MAX_MS { max_ms } else { REGISTRY_REST_MAX_MS };
        Self { max_ms, trial_ms: REGISTRY_TRIAL_MS }
    }
}

/// Whether a source may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Ask it. It answered last, or nothing is known of it.
    Free,
    /// It did not answer last. Its rest is over: one call may try.
    TrialDue,
    /// It did not answer last, and rests or is being tried.
    Rests,
}

/// What an isolate knows of one source.
#[derive(Debug)]
pub struct Health {
    terms: RestTerms,
    /// Failures since the last answer.
    failures: u32,
    failed_at: Option<UnixMillis>,
    rests_until: Option<UnixMillis>,
}

impl Health {
    /// Of a source that was not asked yet.
    #[must_use]
    pub fn new(terms: RestTerms) -> Self {
        Self { terms, failures: 0, failed_at: None, rests_until: None }
    }

    /// Whether the source may be asked at `now`.
    #[must_use]
    pub fn state(&self, now: UnixMillis) -> State {
        let Some(rest_ms) = self.rests_until.map(|until| until.since_ms(now)) else { return State::Free };
        // A rest that seems longer than any: the clock was set back.
        if rest_ms > self.terms.max_ms.max(self.terms.trial_ms) || rest_ms <= -SOURCE_KNOWN_MS {
            return State::Free;
        }
        if rest_ms > 0 { State::Rests } else { State::TrialDue }
    }

    /// Whether the caller may ask now. A caller that may ask a source whose rest is over makes its trial.
    pub fn may_ask(&mut self, now: UnixMillis) -> bool {
        let state = self.state(now);
        if state == State::TrialDue {
            self.rests_until = Some(now.plus_ms(self.terms.trial_ms));
        }
        state != State::Rests
    }

    /// The same for a call that the registry held. It may break because the registry is started anew, which
    /// says nothing of the next call. So it counts as a failure only when the registry was away already.
    pub fn held_call_ended(
        &mut self,
        was_answered: bool,
        asked_at: UnixMillis,
        now: UnixMillis,
        random: u32,
    ) {
        if was_answered || self.state(now) != State::Free {
            self.ended(was_answered, asked_at, now, random);
        }
    }

    /// Records what became of a call that began at `asked_at`. `random` spreads the trials of many isolates.
    pub fn ended(&mut self, was_answered: bool, asked_at: UnixMillis, now: UnixMillis, random: u32) {
        if was_answered {
            (self.failures, self.failed_at, self.rests_until) = (0, None, None);
            return;
        }
        // Of calls that were under way at the same time, the first that failed says all.
        let is_known = self.failed_at.is_some_and(|at| asked_at < at && at <= now);
        if is_known {
            return;
        }
        if self.state(now) == State::Free {
            self.failures = 0;
        }
        let most_ms = self.terms.max_ms * 4 / 5;
        let rest_ms = SOURCE_REST_MIN_MS.saturating_mul(1 << self.failures.min(10)).min(most_ms);
        self.failures = self.failures.saturating_add(1);
        self.failed_at = Some(now);
        // Jitter: between three quarters and five quarters.
        let spread_ms = (rest_ms / 2).saturating_mul(i64::from(random)) / i64::from(u32::MAX);
        self.rests_until = Some(now.plus_ms(rest_ms * 3 / 4 + spread_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: u32 = u32::MAX / 2 + 1;

    fn at(ms: i64) -> UnixMillis {
        UnixMillis(1_000_000 + ms)
    }

    fn registry() -> Health {
        Health::new(RestTerms::registry(60))
    }

    /// How long the registry rests after each of ten trials that fail at once.
    fn rests(mut health: Health, random: u32) -> Vec<i64> {
        let mut now = 0;
        let mut rests = vec![];
        for _ in 0..10 {
            assert!(health.may_ask(at(now)));
            health.ended(false, at(now), at(now), random);
            let began = now;
            while health.state(at(now)) == State::Rests {
                now += 10;
            }
            rests.push(now - began);
        }
        rests
    }

    #[test]
    fn a_source_that_failed_rests_and_then_one_call_tries() {
        let mut health = registry();
        assert!(health.may_ask(at(0)) && health.may_ask(at(0)), "any number while it is well");
        health.ended(false, at(0), at(4_000), MIDDLE);
        assert!(!health.may_ask(at(4_000)) && !health.may_ask(at(4_248)));
        assert_eq!(health.state(at(4_250)), State::TrialDue);
        assert!(health.may_ask(at(4_250)));
        assert!(!health.may_ask(at(4_251)), "one call alone");
        health.ended(true, at(4_250), at(4_400), MIDDLE);
        assert_eq!(health.state(at(4_400)), State::Free);
    }

    #[test]
    fn rests_double_up_to_the_longest_which_is_shorter_for_a_small_bound() {
        let (least, most) = (rests(registry(), 0), rests(registry(), u32::MAX));
        assert_eq!(least, [190, 380, 750, 1_500, 3_000, 6_000, 9_600, 9_600, 9_600, 9_600]);
        assert_eq!(most, [320, 630, 1_250, 2_500, 5_000, 10_000, 16_000, 16_000, 16_000, 16_000]);
        let small = rests(Health::new(RestTerms::registry(5)), u32::MAX);
        assert_eq!(small, [320, 630, 1_250, 2_500, 4_000, 4_000, 4_000, 4_000, 4_000, 4_000]);
        assert_eq!(RestTerms::registry(300).max_ms, 16_000);
    }

    #[test]
    fn calls_that_were_under_way_together_count_once() {
        let mut health = registry();
        for asked_ms in 0..50 {
            health.ended(false, at(asked_ms), at(4_000 + asked_ms), MIDDLE);
        }
        assert_eq!(health.state(at(4_250)), State::TrialDue);
        // An answer to one of them is an answer all the same.
        health.ended(true, at(40), at(4_100), MIDDLE);
        assert_eq!(health.state(at(4_100)), State::Free);
    }

    #[test]
    fn a_trial_that_nobody_ends_is_followed_by_another() {
        let mut health = registry();
        health.ended(false, at(0), at(0), MIDDLE);
        assert!(health.may_ask(at(250)));
        assert!(!health.may_ask(at(4_749)));
        assert!(health.may_ask(at(4_750)), "its request is gone");
    }

    #[test]
    fn after_some_time_without_calls_nothing_is_known_and_rests_begin_anew() {
        let mut health = registry();
        for ms in [0, 1_000, 2_000] {
            health.ended(false, at(ms), at(ms), MIDDLE);
        }
        assert_eq!(health.state(at(2_999 + SOURCE_KNOWN_MS - 1)), State::TrialDue);
        let later = 3_000 + SOURCE_KNOWN_MS;
        assert_eq!(health.state(at(later)), State::Free);
        health.held_call_ended(false, at(0), at(later), MIDDLE);
        assert_eq!(health.state(at(later)), State::Free);
        health.ended(false, at(later), at(later), MIDDLE);
        assert_eq!(health.state(at(later + 249)), State::TrialDue);
    }

    #[test]
    fn a_held_call_that_breaks_tells_nothing_of_a_registry_that_answered_last() {
        let mut health = registry();
        health.held_call_ended(false, at(0), at(9_000), MIDDLE);
        assert_eq!(health.state(at(9_000)), State::Free);
        health.ended(false, at(9_000), at(9_000), MIDDLE);
        health.held_call_ended(false, at(9_300), at(9_400), MIDDLE);
        assert_eq!(health.state(at(9_850)), State::Rests, "it was the trial");
        health.held_call_ended(true, at(0), at(9_900), MIDDLE);
        assert_eq!(health.state(at(9_900)), State::Free);
    }

    #[test]
    fn a_clock_that_is_set_back_ends_a_rest() {
        let mut health = registry();
        health.ended(false, at(0), at(0), MIDDLE);
        assert_eq!(health.state(at(-60_000)), State::Free);
    }
}
