//! The isolate's side of the call that waits at the registry for a change, and the judge of how soon changes
//! arrive when nothing fails.
//!
//! Mirrors `platform/push.rs` await for await.

use crate::edge::{Isolate, Outcome};
use crate::mutation::Mutation;
use crate::truth::Judge;
use crate::world::World;
use base64::prelude::*;
use std::cell::Cell;
use std::rc::Rc;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{Answer, Call, Command, Subscribe};
use wayleave::edge::decide as gate;
use wayleave::edge::freshness::{Fetched, Heard, Keep, LineId, NextCall, PushTerms, Way};
use wayleave::edge::reach::State;
use wayleave::formats::list::{ListFault, OpenedDelta};
use wayleave::formats::token::{Serial, UnverifiedToken};
use wayleave::limits::LIST_WAIT_POLL_MS;

/// The platform ends the background work of a request this long after its response.
const BACKGROUND_MAX_MS: i64 = 30_000;
/// A change is known to isolates in use this long after its acknowledgement: one answer a second, and twice
/// the way to the registry and back.
const KNOWN_WITHIN_MS: i64 = 2_000;
/// How long isolates are in use before that is judged: lines of before have ended, rests are over.
const WARMS_UP_MS: i64 = 60_000;

impl World {
    /// Makes memory hold the newest list that is available in time, and keeps a line to the registry open.
    pub(crate) async fn list_kept_up(self: &Rc<Self>, isolate: &Rc<Isolate>) {
        self.list(isolate).await;
        if self.keep_up(isolate).await {
            self.list(isolate).await;
        }
    }

    async fn keep_up(self: &Rc<Self>, isolate: &Rc<Isolate>) -> bool {
        let Some(push) = isolate.push else { return false };
        let mut waited = false;
        loop {
            let now = isolate.now(self);
            if isolate.reach.borrow().registry.state(now) == State::Rests {
                return waited;
            }
            let age_ms = isolate.lists.borrow().usable_age_ms(&isolate.terms, now);
            let keep = isolate.subscription.borrow_mut().keep(&push, age_ms, now);
            match keep {
                Keep::Nothing => return waited,
                Keep::Open(line) => {
                    self.open_line(isolate, push, line);
                    return waited;
                }
                Keep::OpenAndWait(line) => self.open_line(isolate, push, line),
                Keep::Wait => {
                    waited = true;
                    self.wait(isolate, LIST_WAIT_POLL_MS.into()).await;
                }
            }
        }
    }

    /// `waitUntil`, which the platform may cancel at any time, and which it ends after a while.
    fn open_line(self: &Rc<Self>, isolate: &Rc<Isolate>, push: PushTerms, line: LineId) {
        let (world, at) = (Rc::clone(self), Rc::clone(isolate));
        let is_calling = Rc::new(Cell::new(false));
        let calling = Rc::clone(&is_calling);
        let task = self.engine.spawn(async move { world.hold_line(&at, push, line, &calling).await });
        if self.misfortune(self.shape.cancelled) {
            return self.cut_off(isolate, task, self.chance.within(0..=BACKGROUND_MAX_MS));
        }
        let (world, at) = (Rc::clone(self), Rc::clone(isolate));
        let slept_at = isolate.asleep_until.get();
        self.engine.spawn(async move {
            world.engine.sleep(BACKGROUND_MAX_MS).await;
            world.engine.cancel(task);
            // What it reads after its last call, such as a base, may be cut off.
            let was_undisturbed = at.asleep_until.get() == slept_at && !at.log.clock_set.get();
            if is_calling.get() && was_undisturbed {
                world.violated(Judge::Push, format!("{} keeps a call beyond its request", at.name));
            }
        });
    }

    /// Makes one call after the other until the line's time is over.
    async fn hold_line(
        self: &Rc<Self>,
        isolate: &Rc<Isolate>,
        push: PushTerms,
        line: LineId,
        is_calling: &Cell<bool>,
    ) {
        let mut has_failed = false;
        loop {
            let (asked_at, restores) = (isolate.now(self), self.truth.borrow().restores.count);
            let clock_is_off = isolate.lists.borrow().clock_is_off();
            let way = isolate.subscription.borrow_mut().way(&push, clock_is_off, asked_at);
            if way != Way::Relay && isolate.reach.borrow().registry.state(asked_at) != State::Free {
                isolate.subscription.borrow_mut().ask_at_once(line);
            }
            let next = isolate.subscription.borrow_mut().next_call(line, &push, asked_at);
            let Some(next) = next else { return self.report_at_end(isolate, has_failed).await };
            if way != Way::Relay {
                isolate.reach.borrow_mut().registry.may_ask(asked_at);
            }
            is_calling.set(true);
            let began = self.engine.now();
            let answer = self.ask(isolate, next, way, asked_at).await;
            is_calling.set(false);
            if way != Way::Relay {
                self.held_call_ended(isolate, answer.is_some(), asked_at, began);
            }
            let heard = match answer {
                Some(Answer::Pushed { sealed, now, held_ms, again_in_ms }) => {
                    let bytes: Option<Rc<[u8]>> = BASE64_STANDARD.decode(sealed).ok().map(Into::into);
                    let read = bytes
                        .as_deref()
                        .map_or(Err(ListFault::Misshapen), |bytes| self.open_delta(isolate, bytes));
                    self.judge_given(isolate, bytes.as_deref(), &read);
                    let pushed = Fetched::Pushed { read, registry_now: now, asked_at, held_ms };
                    self.take_pushed(isolate, pushed, bytes, restores).await;
                    again_in_ms.map_or(Heard::List, |in_ms| Heard::ComeAgain { in_ms })
                }
                Some(Answer::Relayed { sealed, again_in_ms }) => {
                    let bytes: Option<Rc<[u8]>> = BASE64_STANDARD.decode(sealed).ok().map(Into::into);
                    let read = bytes
                        .as_deref()
                        .map_or(Err(ListFault::Misshapen), |bytes| self.open_delta(isolate, bytes));
                    self.judge_given(isolate, bytes.as_deref(), &read);
                    let relayed = self.relayed(isolate, read);
                    self.take_pushed(isolate, relayed, bytes, restores).await;
                    again_in_ms.map_or(Heard::List, |in_ms| Heard::ComeAgain { in_ms })
                }
                Some(Answer::Replaced) => Heard::Replaced,
                answer => {
                    let mut lists = isolate.lists.borrow_mut();
                    lists.report_lost();
                    lists.push_failed(&isolate.terms, isolate.now(self), self.chance.number());
                    if answer.is_none() && way == Way::Relay { Heard::NoRelay } else { Heard::Failed }
                }
            };
            let (now, random) = (isolate.now(self), self.chance.number());
            isolate.subscription.borrow_mut().heard(line, heard, now, random);
            has_failed = heard == Heard::Failed;
        }
    }

    /// Notes what became of a call that the registry held.
    fn held_call_ended(&self, isolate: &Isolate, was_answered: bool, asked_at: UnixMillis, began: i64) {
        let (now, random) = (isolate.now(self), self.chance.number());
        if !was_answered && isolate.reach.borrow().registry.state(now) != State::Free {
            isolate.log.registry_failed_at.set(self.engine.now());
            self.note_read(isolate, false, began);
        }
        isolate.reach.borrow_mut().registry.held_call_ended(was_answered, asked_at, now, random);
        if was_answered {
            isolate.log.registry_away_since.set(None);
        }
    }

    /// Reports a change that the last call of a line brought.
    async fn report_at_end(self: &Rc<Self>, isolate: &Rc<Isolate>, has_failed: bool) {
        let now = isolate.now(self);
        let holding = isolate.lists.borrow().last_report(self.ring.ids(), now);
        let Some(mut holding) = holding.filter(|_| !has_failed) else { return };
        if self.mutation() == Some(Mutation::RetirementsNotTold) {
            holding.retired.clear();
        }
        isolate.lists.borrow_mut().reported(now);
        let report = Call::Report { location: isolate.location.to_string(), holding };
        self.send_report(isolate, report, now).await;
    }

    /// Makes one call, to the relay or to the registry.
    async fn ask(
        self: &Rc<Self>,
        isolate: &Rc<Isolate>,
        next: NextCall,
        way: Way,
        asked_at: UnixMillis,
    ) -> Option<Answer> {
        let is_report = way != Way::Compare;
        let holding = isolate.lists.borrow().holding(self.ring.ids(), asked_at);
        let mut holding = holding.filter(|_| is_report);
        if self.mutation() == Some(Mutation::RetirementsNotTold) {
            holding.iter_mut().for_each(|holding| holding.retired.clear());
        }
        if is_report {
            isolate.lists.borrow_mut().reported(asked_at);
        }
        let call = Subscribe {
            location: isolate.location.to_string(),
            isolate: isolate.number,
            bound_seconds: isolate.terms.bound_seconds,
            wait_ms: if is_report { next.wait_ms } else { 0 },
            holding,
        };
        match way {
            Way::Relay => self.relay_call(isolate, Call::Subscribe(call), next.timeout_ms.into()).await,
            Way::Registry | Way::Compare => self.push_call(isolate, call, next.timeout_ms.into()).await,
        }
    }

    fn relayed(&self, isolate: &Isolate, read: Result<OpenedDelta, ListFault>) -> Fetched {
        match (self.mutation(), read) {
            // As if the registry had made it just now.
            (Some(Mutation::RelayTellsAge), Ok(mut opened)) => {
                let (now, head) = (isolate.now(self), &mut opened.delta.head);
                head.next_update = now.plus_ms(head.next_update.since_ms(head.this_update));
                head.this_update = now;
                Fetched::Registry { read: Ok(opened), registry_now: now, asked_at: now }
            }
            (_, read) => Fetched::Copy(read),
        }
    }

    /// One call that may wait. It may be lost on its way there or back, and be answered late.
    async fn push_call(
        self: &Rc<Self>,
        isolate: &Isolate,
        call: Subscribe,
        timeout_ms: i64,
    ) -> Option<Answer> {
        let began = self.engine.now();
        self.counts.borrow_mut().registry_calls += 1;
        self.counts.borrow_mut().subscriptions += 1;
        let slow = self.misfortune(self.shape.registry_slow) || self.weather.slow.get() > 0;
        let way_ms = || self.chance.within(if slow { 100..=3_000 } else { self.shape.registry_ms() });
        let (there_ms, back_ms) = (way_ms(), way_ms());
        let lost = self.misfortune(self.shape.registry_fails);
        self.wait(isolate, there_ms).await;
        let location = isolate.location;
        let is_away =
            || self.weather.registry_down.get() > 0 || self.weather.registry_away[location].get() > 0;
        let answer = match is_away() {
            true => None,
            false => self.registry_answers(&[isolate], Call::Subscribe(call)).await,
        };
        let took_ms = self.engine.now() + back_ms - began;
        let answer = answer.filter(|_| !lost && !is_away() && took_ms <= timeout_ms);
        let ended = match (&answer, self.chance.percent(50)) {
            (Some(_), _) => began + took_ms,
            (None, true) => self.engine.now(),
            (None, false) => began + timeout_ms,
        };
        self.wait(isolate, ended - self.engine.now()).await;
        self.log(|| {
            let got = if answer.is_some() { "an answer" } else { "no answer" };
            format!("{}: {got} to a call that waited", isolate.name)
        });
        answer
    }

    /// Revokes a token when nothing fails. Isolates in use must know of it in time; one that was quiet must
    /// refuse its first request.
    pub(crate) async fn judge_push(self: &Rc<Self>) {
        let is_judged = |isolate: &&Rc<Isolate>| isolate.push.is_some();
        let isolates: Vec<Rc<Isolate>> =
            self.isolates.borrow().iter().flatten().filter(is_judged).cloned().collect();
        // Beyond the limit an isolate comes again after some seconds.
        if isolates.is_empty() || isolates.len() > self.shape.held_calls_max.min(24) {
            return;
        }
        let (busy, quiet): (Vec<_>, Vec<_>) = isolates.into_iter().partition(|_| self.chance.percent(60));
        let Some(serial) = self.lasting_token().await else { return };
        let end = self.engine.now() + WARMS_UP_MS;
        while self.engine.now() < end {
            for isolate in &busy {
                self.spawn_request_at(isolate, serial);
            }
            // A line of five seconds is not kept by a request in ten.
            let most_ms = 8_000.min(self.shape.push_seconds * 400);
            self.engine.sleep(self.chance.within(500..=most_ms)).await;
        }
        let mut revoked = false;
        let revoke = Command::RevokeToken { serial, reason: None, force: true };
        let learn = |answer: &Answer| revoked = matches!(answer, Answer::Receipt(_));
        self.admin(revoke, None, learn).await;
        if !revoked {
            return;
        }
        self.engine.sleep(KNOWN_WITHIN_MS).await;
        // Without a wait, the first request of an isolate whose line has just ended may still be admitted.
        if self.shape.silent_wait_ms > 0 {
            for isolate in busy.iter().chain(&quiet) {
                self.judge_known(isolate, serial).await;
            }
        }
    }

    /// A new token that does not end soon: only such a one makes a request ask for the list.
    async fn lasting_token(self: &Rc<Self>) -> Option<Serial> {
        for _ in 0..10 {
            self.create().await;
            let truth = self.truth.borrow();
            let newest = truth.tokens.values().next_back()?;
            if newest.expires_at > self.engine.now() + 3 * WARMS_UP_MS {
                return Some(newest.serial);
            }
        }
        None
    }

    async fn judge_known(self: &Rc<Self>, isolate: &Rc<Isolate>, serial: Serial) {
        let text = self.truth.borrow().tokens[&serial].text.clone();
        let token = UnverifiedToken::parse(&text).unwrap().verify(&self.ring).unwrap();
        if gate::has_expired(&token.claims(), isolate.now(self)) {
            return;
        }
        isolate.use_at(self.engine.now());
        let ask = self.draw_ask();
        if let Outcome::Admitted(_) = self.guard(isolate, token, &ask).await {
            let text =
                format!("{} admits {serial:?} {KNOWN_WITHIN_MS} ms after its revocation", isolate.name);
            self.violated(Judge::Push, text);
        }
        isolate.use_at(self.engine.now());
    }
}
