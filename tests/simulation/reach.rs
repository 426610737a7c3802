//! The judges of how often an isolate asks a registry that does not answer, and of the calls that it makes
//! because KV is slow.

use crate::edge::Isolate;
use crate::mutation::Mutation;
use crate::truth::Judge;
use crate::world::World;
use wayleave::edge::reach::{Health, RestTerms, State, Step};
use wayleave::limits::{HEDGE_REFILL_MS, HEDGES_MAX, SOURCE_REST_MIN_MS};

impl World {
    pub(crate) fn mutate_reach(&self, isolate: &Isolate) {
        let (mut reach, now) = (isolate.reach.borrow_mut(), isolate.now(self));
        match self.mutation() {
            Some(Mutation::RestForgotten) => {
                reach.registry = Health::new(RestTerms::registry(isolate.terms.bound_seconds));
            }
            Some(Mutation::RestNeverEnds) if isolate.log.registry_away_since.get().is_some() => {
                reach.registry.ended(false, now, now, u32::MAX);
            }
            _ => {}
        }
        // A trial that is cut off counts as failed.
        if reach.registry.state(now) == State::TrialDue && self.shape.cancelled > 0 {
            isolate.log.registry_failed_at.set(self.engine.now());
        }
    }

    /// A read from the registry begins: not sooner than the shortest rest after one that failed.
    pub(crate) fn judge_rest(&self, isolate: &Isolate, now: i64) {
        let may_hurry = isolate.log.clock_set.get() || isolate.asleep_until.get() > 0;
        let least_ms = SOURCE_REST_MIN_MS * 3 / 4 - 1;
        let is_early = isolate.log.registry_away_since.get().is_some_and(|at| now - at < least_ms);
        if is_early && !may_hurry {
            let text = format!("{} asks the registry again without a rest", isolate.name);
            self.violated(Judge::Load, text);
        }
    }

    /// A read from the registry that began at `began` has ended.
    pub(crate) fn note_read(&self, isolate: &Isolate, was_answered: bool, began: i64) {
        let away = &isolate.log.registry_away_since;
        // Of reads that were under way together, the first that failed begins the rest.
        if was_answered {
            away.set(None);
        } else if away.get().is_none_or(|at| began >= at) {
            away.set(Some(self.engine.now()));
        }
    }

    /// `beside_kv`: a read from KV is under way.
    pub(crate) fn count_hedge(&self, isolate: &Isolate, step: Step, beside_kv: bool) {
        // While KV rests or is tried the registry is asked for want of KV.
        let is_kv_free = isolate.reach.borrow().kv.state(isolate.now(self)) == State::Free;
        if beside_kv && is_kv_free && matches!(step, Step::Registry { .. }) {
            isolate.log.hedged.set(isolate.log.hedged.get() + 1);
        }
    }

    pub(crate) fn judge_hedges(&self, isolate: &Isolate) {
        let Some(used_since) = isolate.used_since.get().filter(|_| !isolate.log.clock_set.get()) else {
            return;
        };
        let used_ms = isolate.used_until.get() - used_since;
        let most = i64::from(HEDGES_MAX) + used_ms / HEDGE_REFILL_MS + 1;
        let hedged = isolate.log.hedged.get();
        if hedged > most {
            let text = format!("{}: {hedged} look-ups asked beside KV, at most {most}", isolate.name);
            self.violated(Judge::Load, text);
        }
    }
}
