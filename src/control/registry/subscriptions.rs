//! The calls of isolates that wait for a change of the list.
//!
//! Standard: docs/bound.md, "Push".
//! Invariants: the answer is a list made from committed state, and the platform's output gate holds it until
//! the list's number is durable. So a call is never answered before the change that it is answered with.
//! What it must not know: promises, timers.
//! What a mistake costs: a change arrives as late as it would without waiting calls.

use super::command::{Answer, Fault, RelayCall, Subscribe};
use super::restore::Trust;
use super::row::Stop;
use super::single_writer::Registry;
use crate::base::database::Database;
use crate::base::time::UnixMillis;
use crate::control::waiting::{Ticket, Wait};
use crate::formats::list::Number;
use crate::limits::{CLOCK_SKEW_MS, HELD_FULL_AGAIN_MS, MS_PER_SECOND, PUSH_MAX_SECONDS};
use base64::prelude::*;

/// What to do with a call that may wait.
#[derive(Clone, Debug, PartialEq)]
pub enum Reception {
    /// Send this answer to the caller.
    Answered(Answer),
    /// Hold the call until [`Registry::due_calls`] names it, but not longer than this; then pass it to
    /// [`Registry::resume`].
    Waits {
        ticket: Ticket,
        /// The longest wait, in milliseconds.
        for_ms: u32,
    },
}

impl<D: Database> Registry<D> {
    /// Takes a call that may wait for a change. The caller must have compared with KV before, as for a list.
    pub fn subscribe(&mut self, call: Subscribe, now: UnixMillis) -> Reception {
        self.load.count_list(now);
        if let Some(holding) = &call.holding {
            self.highest_reported = self.highest_reported.max(Some(holding.number));
        }
        self.try_subscribe(call, now).unwrap_or_else(|stop| Reception::Answered(self.refused(stop)))
    }

    /// Answers such a call without letting it wait.
    pub(super) fn answer_at_once(&mut self, call: Subscribe, now: UnixMillis) -> Result<Answer, Stop> {
        match self.try_subscribe(Subscribe { wait_ms: 0, ..call }, now)? {
            Reception::Answered(answer) => Ok(answer),
            // A call that may wait for nothing is answered.
            Reception::Waits { .. } => Ok(Answer::Replaced),
        }
    }

    fn try_subscribe(&mut self, call: Subscribe, now: UnixMillis) -> Result<Reception, Stop> {
        if self.trust == Trust::Restored {
            return Err(Fault::Restoring.into());
        }
        let Subscribe { location, isolate, bound_seconds, wait_ms, holding } = call;
        self.note_traffic(now)?;
        let after = holding.as_ref().map(|holding| holding.number);
        if let Some(holding) = holding {
            self.report(location, &holding, now)?;
        }
        // The report may have shown that the storage was restored from a backup.
        if self.trust == Trust::Restored {
            return Err(Fault::Restoring.into());
        }
        self.wait_for_change(isolate, after, bound_seconds, wait_ms, now)
    }

    /// Takes a relay's call, which may wait for a change like an isolate's, with the reports of the isolates
    /// behind it. The caller must have compared with KV before, as for a list.
    pub fn relay(&mut self, call: RelayCall, now: UnixMillis) -> Reception {
        self.load.count_list(now);
        self.highest_reported = self.highest_reported.max(call.highest);
        self.try_relay(call, now).unwrap_or_else(|stop| Reception::Answered(self.refused(stop)))
    }

    /// Answers a relay's call without letting it wait.
    pub(super) fn relay_at_once(&mut self, call: RelayCall, now: UnixMillis) -> Result<Answer, Stop> {
        self.highest_reported = self.highest_reported.max(call.highest);
        match self.try_relay(RelayCall { wait_ms: 0, ..call }, now)? {
            Reception::Answered(answer) => Ok(answer),
            Reception::Waits { .. } => Ok(Answer::Replaced),
        }
    }

    fn try_relay(&mut self, call: RelayCall, now: UnixMillis) -> Result<Reception, Stop> {
        if self.trust == Trust::Restored {
            return Err(Fault::Restoring.into());
        }
        let RelayCall { relay, bound_seconds, wait_ms, after, highest, reports } = call;
        self.note_traffic(now)?;
        for (location, holding) in reports {
            self.report(location, &holding, now)?;
        }
        if let Some(highest) = highest {
            self.suspect_restore(highest)?;
        }
        if self.trust == Trust::Restored {
            return Err(Fault::Restoring.into());
        }
        self.wait_for_change(relay, after, bound_seconds, wait_ms, now)
    }

    fn wait_for_change(
        &mut self,
        isolate: u64,
        after: Option<Number>,
        bound_seconds: i64,
        wait_ms: u32,
        now: UnixMillis,
    ) -> Result<Reception, Stop> {
        // The list ends by the smaller bound. The next one must arrive in time.
        let longest_ms = (self.settings.bound_seconds * MS_PER_SECOND - CLOCK_SKEW_MS) / 3;
        let wait_ms = i64::from(wait_ms).min(longest_ms).min(PUSH_MAX_SECONDS * MS_PER_SECOND);
        let wait = self.waiting.take(isolate, after, bound_seconds, wait_ms, now);
        if matches!(wait, Wait::Full) {
            let answer = self.list_pushed(bound_seconds, 0, Some(HELD_FULL_AGAIN_MS), now)?;
            return Ok(Reception::Answered(answer));
        }
        self.reception(wait, now)
    }

    /// Looks at a held call again: it was woken, or its time is over. `timed_ms`: how long it was held if its
    /// timer ran out, else 0.
    pub fn resume(&mut self, ticket: Ticket, timed_ms: u32, now: UnixMillis) -> Reception {
        if self.trust == Trust::Restored {
            let held = self.waiting.remove(ticket);
            return Reception::Answered(held.map_or(Answer::Replaced, |_| Answer::Refused(Fault::Restoring)));
        }
        let wait = self.waiting.look_again(ticket, timed_ms, now);
        self.reception(wait, now).unwrap_or_else(|stop| Reception::Answered(self.refused(stop)))
    }

    fn reception(&mut self, wait: Wait, now: UnixMillis) -> Result<Reception, Stop> {
        Ok(match wait {
            Wait::For(ticket, for_ms) => Reception::Waits { ticket, for_ms },
            Wait::Over { isolate, after, bound_seconds, held_ms } => {
                // At a small bound the list is renewed once a second, which must not delay a change.
                if after.is_some_and(|after| self.waiting.lacks(after)) {
                    self.waiting.note_answered(isolate, now);
                }
                Reception::Answered(self.list_pushed(bound_seconds, held_ms, None, now)?)
            }
            Wait::Full | Wait::Replaced => Reception::Answered(Answer::Replaced),
        })
    }

    /// The calls to pass to [`Self::resume`] now: up to `limit` of those that lack a change, in random order,
    /// and those that were replaced. Call it after each commit until it names none, and serve others in
    /// between.
    pub fn due_calls(
        &mut self,
        now: UnixMillis,
        limit: usize,
        random: &mut dyn FnMut() -> u32,
    ) -> Vec<Ticket> {
        self.waiting.due(now, limit, random)
    }

    /// How many calls are held.
    #[must_use]
    pub fn held_calls(&self) -> usize {
        self.waiting.held()
    }

    /// Frees the place of a call whose caller is gone.
    pub fn hung_up(&mut self, ticket: Ticket) {
        self.waiting.remove(ticket);
    }

    /// The newest list, for an isolate that waited for it.
    fn list_pushed(
        &mut self,
        bound_seconds: i64,
        held_ms: u32,
        again_in_ms: Option<u32>,
        now: UnixMillis,
    ) -> Result<Answer, Stop> {
        let bound_seconds = bound_seconds.min(self.settings.bound_seconds);
        let sealed = BASE64_STANDARD.encode(&self.newest_list(bound_seconds, now)?.sealed);
        Ok(Answer::Pushed { sealed, now, held_ms, again_in_ms })
    }
}
