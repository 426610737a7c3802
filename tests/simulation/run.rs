//! One world from its seed to its end: troubles, then a calm tail, then the final account.

use crate::edge::{Isolate, Outcome};
use crate::mutation::Mutated;
use crate::releases::NEWEST;
use crate::truth::{Ask, Judge, Moment, Status, Token, Violation};
use crate::world::{Counts, World};
use std::cell::Cell;
use std::rc::Rc;
use wayleave::control::registry::command::{Answer, Command, Fault, TokenState};
use wayleave::edge::freshness::Terms;
use wayleave::formats::record::{Record, kv_name};
use wayleave::formats::token::{Serial, UnverifiedToken};
use wayleave::http::problem::Code;

/// How long it is calm before everything must be right: the longest back-off of the outbox (5 min), a lost
/// alarm (2 min until it is set again) and the longest bound (5 min) are 12 min; one more in reserve.
const SETTLES_MS: i64 = 13 * 60_000;

#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub counts: Counts,
    pub violation: Option<Violation>,
    pub events: Vec<String>,
}

pub(crate) fn world(seed: u64, mutated: Option<Mutated>, is_watched: bool) -> Ended {
    let world = World::new(seed, mutated, is_watched);
    world.log(|| format!("{:?}", world.shape));
    world.spawn_operators();
    world.spawn_troubles();
    world.spawn_traffic();
    let stop = || world.is_over();
    let ends_at = world.shape.starts_at() + world.shape.lasts_ms;
    world.engine.run_until(ends_at, stop);
    world.calm();
    // An occasional call, as a monitored deployment has. Each sets a lost alarm again.
    for minutes in 0..SETTLES_MS / 60_000 {
        world.spawn_status_call(minutes * 60_000);
    }
    world.spawn_calm_traffic();
    world.engine.run_until(ends_at + SETTLES_MS, stop);
    let (tail, is_judged) = (Rc::clone(&world), Rc::new(Cell::new(false)));
    let judged = Rc::clone(&is_judged);
    world.engine.spawn(async move {
        tail.judge_calm().await;
        judged.set(true);
    });
    // An alarm may set itself again forever.
    world.engine.run_until(i64::MAX, || is_judged.get() || world.is_over());
    for isolate in world.all_isolates.borrow().iter() {
        world.judge_load(isolate);
        world.judge_hedges(isolate);
    }
    world.engine.clear();
    let ended =
        Ended { counts: world.counts.borrow().clone(), violation: world.violation(), events: world.events() };
    // Only the world holds isolates now; the requests that held them are gone.
    world.all_isolates.take();
    ended
}

impl World {
    /// Uses every isolate for a while, so that one with a list from before a restore reports it.
    fn spawn_calm_traffic(self: &Rc<Self>) {
        let isolates: Vec<Rc<Isolate>> = self.isolates.borrow().iter().flatten().cloned().collect();
        for isolate in isolates {
            let world = Rc::clone(self);
            self.engine.spawn(async move {
                // The registry must receive what only a location remembers, even at B = 300.
                for _ in 0..if world.truth.borrow().restores.count > 0 { 6 } else { 2 } {
                    world.engine.sleep(60_000).await;
                    let serials: Vec<Serial> = world.truth.borrow().tokens.keys().copied().collect();
                    if !serials.is_empty() {
                        world.spawn_request_at(&isolate, world.chance.one_of(&serials));
                    }
                }
            });
        }
    }

    fn spawn_status_call(self: &Rc<Self>, in_ms: i64) {
        let world = Rc::clone(self);
        self.engine.spawn(async move {
            world.engine.sleep(in_ms).await;
            let mut is_restoring = false;
            let look = |answer: &Answer| is_restoring = *answer == Answer::Refused(Fault::Restoring);
            world.admin(Command::Status, None, look).await;
            // A location may have reported the restore only now, and KV may lack the base of its list.
            if is_restoring {
                world.delete_broken_list();
            }
        });
    }

    /// Requests with each token at several isolates, allowed and not allowed ones; then checks of the
    /// registry and KV.
    async fn judge_calm(self: &Rc<Self>) {
        let tokens = self.judged_tokens();
        for token in &tokens {
            for _ in 0..6 {
                let isolate = self.any_isolate();
                let ask = self.draw_ask();
                if isolate.now(self).0 < token.expires_at {
                    self.judge_settled(&isolate, token, &ask).await;
                }
            }
        }
        self.judge_push().await;
        self.judge_used_up_quotas();
        // The process ends once more: acknowledged writes must be in the database.
        self.crash_registry(0);
        for token in &tokens {
            self.judge_kept(token).await;
        }
    }

    fn judged_tokens(&self) -> Vec<Token> {
        let truth = self.truth.borrow();
        let is_judged = |token: &&Token| !truth.unjudged.contains(&token.serial);
        truth.tokens.values().filter(is_judged).cloned().collect()
    }

    async fn judge_settled(self: &Rc<Self>, isolate: &Rc<Isolate>, token: &Token, ask: &Ask) {
        isolate.use_at(self.engine.now());
        let verified = UnverifiedToken::parse(&token.text).unwrap().verify(&self.ring).unwrap();
        let outcome = self.guard(isolate, verified, ask).await;
        isolate.use_at(self.engine.now());
        let at = Moment { ask, now: self.engine.now(), clock: isolate.now(self).0 };
        let is_settled = |answer| self.truth.borrow().is_settled(token, answer, at);
        let (said, is_right) = match &outcome {
            Outcome::Admitted(_) => {
                self.counts.borrow_mut().admissions += 1;
                ("admits", is_settled(None))
            }
            Outcome::Refused(Code::TokenExpired) => ("expired", at.now >= token.expires_at - 2_000),
            Outcome::Refused(code) => {
                *self.counts.borrow_mut().refusals.entry(code.code()).or_default() += 1;
                let is_used_up = *code == Code::QuotaExceeded && self.is_used_up(token.serial, at.clock);
                (code.code(), is_used_up || is_settled(Some(*code)))
            }
            Outcome::Undecided => ("cannot tell", false),
        };
        if !is_right {
            let right = token.standing(at.now);
            let text = format!("{} says {said} of {:?} for {ask:?}: {right:?}", isolate.name, token.serial);
            self.violated(Judge::Calm, text);
        }
    }

    async fn judge_kept(self: &Rc<Self>, token: &Token) {
        let (serial, state) = (token.serial, token.row);
        let mut found = None;
        self.admin(Command::GetToken(serial), None, |answer| found = Some(answer.clone())).await;
        // An ended token is shown as ended, whatever its state was.
        let is_retired = self.truth.borrow().once_retired.contains(&token.key_id.0);
        let may_have_ended = state.ends_at.is_some() || is_retired;
        let is_kept = matches!(&found, Some(Answer::Token(view)) if view.version == state.version
        && match state.status {
            _ if may_have_ended => true,
            Status::Revoked => view.state == TokenState::Revoked,
            Status::Disabled => matches!(view.state, TokenState::Disabled | TokenState::Expired),
            Status::Good => matches!(view.state, TokenState::Active | TokenState::Expired),
            Status::Unheard => false,
        });
        if state.status == Status::Unheard {
            return;
        }
        if !is_kept {
            self.violated(Judge::Lost, format!("{serial:?} should be {state:?}, the registry has {found:?}"));
        }
        let key = kv_name(serial, state.version);
        let dead = token.expires_at <= self.engine.now();
        if dead || self.truth.borrow().kv_lied_about(&key) {
            return;
        }
        let value = self.kv.borrow().newest(&key);
        let is_there = |value: &[u8]| {
            let value = self.as_read_by(NEWEST, &key, value);
            Record::open(&self.ring, serial, state.version, &value).is_some()
        };
        if !value.is_some_and(|value| is_there(&value)) {
            self.violated(Judge::Lost, format!("{key} is not in KV"));
        }
    }

    /// docs/bound.md, "Load": an isolate in use asks the registry for the list once in about 2L/3.
    fn judge_load(&self, isolate: &Isolate) {
        let calls = isolate.log.list_calls.borrow();
        self.counts.borrow_mut().registry_list_calls += calls.len() as u64;
        // While B is changed, a list ends by the smaller bound, and is refreshed as often as that requires.
        let bound_seconds = self.control.least_bound_seconds.get().min(isolate.terms.bound_seconds);
        let terms = Terms::from_bound(bound_seconds, self.shape.heartbeat_seconds > 0);
        let Some(used_since) = isolate.used_since.get() else { return };
        let used_ms = isolate.used_until.get() - used_since;
        // After an answer: 2L/3 minus a quarter (jitter), minus the age that a list may have when handed out,
        // but at least L/6 minus a quarter. Clocks that are off ask in each refresh.
        let remade_ms = (isolate.terms.bound_seconds * 1_000 / 30).max(1_000);
        let least_ms = terms.refresh_after_ms * 3 / 4;
        let is_far = isolate.skew_ms.get().abs() > 1_000;
        let soonest_ms = (terms.retry_ms * 3 / 4).min(least_ms);
        // If B is raised in the location first, no list stays usable for long enough: the next refresh
        // follows after an eighth of that time, minus a quarter.
        let left_ms = terms.usable_ms - remade_ms - 2_000;
        let is_never_enough =
            isolate.terms.bound_seconds > bound_seconds && left_ms < isolate.terms.usable_ms / 2;
        let apart_ms = match (is_far, is_never_enough) {
            (true, _) => least_ms,
            (_, true) => (left_ms / 8 * 3 / 4).max(soonest_ms),
            _ => (terms.next_source_ms * 3 / 4 - remade_ms - 2_000).max(least_ms),
        };
        let answered = calls.iter().filter(|call| call.answered).count() as i64;
        // A cancelled call is followed by another one.
        let cancelled = isolate.log.cancelled.get();
        let most = 2 + used_ms / apart_ms + cancelled;
        // Setting a clock ends a wait early. A refresh that slept continues besides the one begun at waking.
        let slept = isolate.asleep_until.get() > 0;
        let may_hurry = isolate.log.clock_set.get() || slept || cancelled > 0;
        let hurried = !may_hurry && calls.windows(2).any(|pair| pair[1].at - pair[0].at < soonest_ms - 1);
        if answered > most || hurried {
            let text = format!("{}: {answered} answers in {used_ms} ms, at most {most}", isolate.name);
            self.violated(Judge::Load, text);
        }
    }
}
