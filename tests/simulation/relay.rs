//! Relays: their shell, the way to them, and the judge of what they answer.
//!
//! Mirrors `platform/relay_object.rs` await for await.

use crate::edge::Isolate;
use crate::held::HeldCalls;
use crate::mutation::Mutation;
use crate::releases::NEWEST;
use crate::truth::Judge;
use crate::world::World;
use base64::prelude::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{Answer, Call, Fault};
use wayleave::control::registry::{Reception, Ticket};
use wayleave::control::relay::{Relay, RelaySettings, Step};
use wayleave::formats::list::{Delta, KV_NAME, Number};
use wayleave::limits::{MS_PER_SECOND, REGISTRY_READ_TIMEOUT_MS, WAKE_BATCH_MAX};

/// How long a call to a relay or its answer is on its way: it is near.
const NEAR_MS: std::ops::RangeInclusive<i64> = 1..=15;

/// One process of a relay's object.
pub(crate) struct RelayInstance {
    relay: RefCell<Relay>,
    held: HeldCalls,
    /// The location at which it is.
    at: usize,
    bound_seconds: i64,
    /// Its clock minus true time.
    skew_ms: i64,
    dead: Cell<bool>,
    waking: Cell<bool>,
    /// The last answers, for mutations, and when the first of them was given.
    given: RefCell<Option<(i64, Answer)>>,
}

impl RelayInstance {
    fn now(&self, world: &World) -> UnixMillis {
        UnixMillis(world.engine.now() + self.skew_ms)
    }
}

impl World {
    pub(crate) fn start_relay(&self, at: usize) -> Rc<RelayInstance> {
        let bound_seconds = self.control.bound_seconds.get();
        let settings = RelaySettings {
            ring: self.ring.clone(),
            bound_seconds,
            held_calls_max: self.shape.held_calls_max,
        };
        Rc::new(RelayInstance {
            relay: RefCell::new(Relay::new(settings, self.chance.long())),
            held: HeldCalls::default(),
            at,
            bound_seconds,
            skew_ms: self.draw_skew(),
            dead: Cell::new(false),
            waking: Cell::new(false),
            given: RefCell::default(),
        })
    }

    /// The process of a relay ends. The next call starts another, which knows nothing.
    pub(crate) fn crash_relay(&self, at: usize) {
        let Some(relay) = self.relays.borrow().get(at).cloned() else { return };
        relay.dead.set(true);
        self.log(|| format!("relay {at}: ended"));
        self.hang_up(&relay.held);
        let next = self.start_relay(at);
        self.relays.borrow_mut()[at] = next;
    }

    /// Each location has as many, or several share one.
    fn relay_of(&self, isolate: &Isolate) -> usize {
        let (relays, locations) = (self.shape.relays, self.shape.isolates.len());
        match relays / locations {
            0 | 1 => isolate.location % relays,
            each => isolate.location * each + usize::try_from(isolate.number).unwrap() % each,
        }
    }

    /// One call of an isolate to its relay.
    pub(crate) async fn relay_call(
        self: &Rc<Self>,
        isolate: &Isolate,
        call: Call,
        timeout_ms: i64,
    ) -> Option<Answer> {
        let began = self.engine.now();
        self.counts.borrow_mut().relay_calls += 1;
        let slow = self.misfortune(self.shape.registry_slow) || self.weather.slow.get() > 0;
        let way_ms = || self.chance.within(if slow { 100..=3_000 } else { NEAR_MS });
        let (there_ms, back_ms) = (way_ms(), way_ms());
        let lost = self.misfortune(self.shape.registry_fails);
        self.wait(isolate, there_ms).await;
        let at = self.relay_of(isolate);
        let relay = Rc::clone(&self.relays.borrow()[at]);
        let is_away =
            || self.weather.relays_away.get() > 0 || self.weather.registry_away[isolate.location].get() > 0;
        let answer = match is_away() {
            true => None,
            false => self.relay_answers_until(&relay, call, began + timeout_ms).await,
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
            let got = match &answer {
                Some(Answer::Relayed { .. }) => "a list".into(),
                other => format!("{other:?}"),
            };
            format!("{}: got {got} of relay {at}", isolate.name)
        });
        answer
    }

    /// The caller looks away after its time limit, while the relay may still hold the call.
    async fn relay_answers_until(
        self: &Rc<Self>,
        relay: &Rc<RelayInstance>,
        call: Call,
        late_at: i64,
    ) -> Option<Answer> {
        let (answer, caller) = (Rc::new(RefCell::new(None)), self.engine.current());
        let (world, relay, given) = (Rc::clone(self), Rc::clone(relay), Rc::clone(&answer));
        self.engine.spawn(async move {
            given.replace(Some(world.relay_answers(&relay, call).await));
            world.engine.wake(caller);
        });
        while answer.borrow().is_none() && self.engine.now() < late_at {
            self.engine.sleep_or_wake(late_at - self.engine.now()).await;
        }
        answer.take().flatten()
    }

    async fn relay_answers(self: &Rc<Self>, relay: &Rc<RelayInstance>, call: Call) -> Option<Answer> {
        let call = match call {
            Call::Subscribe(call) => call,
            Call::Report { location, holding } => {
                let answer = relay.relay.borrow_mut().report(location, holding, relay.now(self));
                self.relay_goes_on(relay);
                return Some(answer);
            }
            _ => return Some(Answer::Refused(Fault::Internal)),
        };
        let after = call.holding.as_ref().map(|holding| holding.number);
        let mut reception = relay.relay.borrow_mut().subscribe(call, relay.now(self));
        while let Reception::Waits { ticket, for_ms } = reception {
            let place = Place { world: self, relay, ticket };
            relay.held.0.borrow_mut().insert(ticket, self.engine.current());
            self.relay_goes_on(relay);
            let timed_ms = if self.engine.sleep_or_wake(for_ms.into()).await { 0 } else { for_ms };
            if relay.dead.get() {
                return None;
            }
            place.leave();
            reception = relay.relay.borrow_mut().resume(ticket, timed_ms, relay.now(self));
        }
        self.relay_goes_on(relay);
        let Reception::Answered(answer) = reception else { return None };
        let answer = self.mutated_relayed(relay, answer);
        self.judge_relayed(relay, after, &answer);
        Some(match answer {
            Answer::Relayed { sealed, again_in_ms } => {
                let value = self.as_written(KV_NAME, BASE64_STANDARD.decode(sealed).unwrap());
                Answer::Relayed { sealed: BASE64_STANDARD.encode(value), again_in_ms }
            }
            answer => answer,
        })
    }

    /// Relays run the newest code, and read what it writes.
    fn as_relays_read(&self, answer: Answer) -> Answer {
        let Answer::Pushed { sealed, now, held_ms, again_in_ms } = answer else { return answer };
        let value = BASE64_STANDARD.decode(sealed).unwrap();
        let sealed = BASE64_STANDARD.encode(self.as_read_by(NEWEST, KV_NAME, &value));
        Answer::Pushed { sealed, now, held_ms, again_in_ms }
    }

    /// Wakes the calls that are due, and makes the calls to the registry that the relay wants.
    fn relay_goes_on(self: &Rc<Self>, relay: &Rc<RelayInstance>) {
        if relay.dead.get() {
            return;
        }
        self.relay_wakes(relay);
        loop {
            let step = relay.relay.borrow_mut().next_step(relay.now(self));
            let Some(step) = step else { return };
            let (world, relay) = (Rc::clone(self), Rc::clone(relay));
            self.engine.spawn(async move {
                match step {
                    Step::Call { id, call, timeout_ms } => {
                        let answer = world.call_of_relay(&relay, call, timeout_ms.into()).await;
                        relay.relay.borrow_mut().answered(id, answer, relay.now(&world));
                    }
                    Step::LookIn(ms) => world.engine.sleep(ms.into()).await,
                }
                world.relay_goes_on(&relay);
            });
        }
    }

    fn relay_wakes(self: &Rc<Self>, relay: &Rc<RelayInstance>) {
        if relay.waking.replace(true) {
            return;
        }
        let (world, relay) = (Rc::clone(self), Rc::clone(relay));
        self.engine.spawn(async move {
            loop {
                let random = &mut || world.chance.number();
                let due = relay.relay.borrow_mut().due_calls(relay.now(&world), WAKE_BATCH_MAX, random);
                if due.is_empty() {
                    relay.waking.set(false);
                    return;
                }
                world.engine.sleep(0).await;
                for ticket in due {
                    if let Some(task) = relay.held.0.borrow_mut().remove(&ticket) {
                        world.engine.wake(task);
                    }
                }
            }
        });
    }

    /// One call of a relay to the registry. It may be lost on its way there or back, and be answered late.
    async fn call_of_relay(
        self: &Rc<Self>,
        relay: &RelayInstance,
        call: Call,
        timeout_ms: i64,
    ) -> Option<Answer> {
        let began = self.engine.now();
        self.counts.borrow_mut().registry_calls += 1;
        let slow = self.misfortune(self.shape.registry_slow) || self.weather.slow.get() > 0;
        let way_ms = || self.chance.within(if slow { 100..=3_000 } else { self.shape.registry_ms() });
        let (there_ms, back_ms) = (way_ms(), way_ms());
        let lost = self.misfortune(self.shape.registry_fails);
        self.engine.sleep(there_ms).await;
        let is_away = || {
            self.weather.registry_down.get() > 0
                || self.weather.registry_away[relay.at % self.weather.registry_away.len()].get() > 0
        };
        let may_hear_old = self.counts.borrow().superseded > 0;
        let isolates = self.isolates.borrow().iter().flatten().filter(|_| may_hear_old).cloned().collect();
        let behind: Vec<Rc<Isolate>> = isolates;
        let answer = match is_away() {
            true => None,
            false => self.registry_answers(&behind, call).await,
        };
        let took_ms = self.engine.now() + back_ms - began;
        let answer = answer.filter(|_| !lost && !is_away() && took_ms <= timeout_ms);
        let ended = if answer.is_some() { began + took_ms } else { began + timeout_ms };
        let answer = answer.map(|answer| self.as_relays_read(answer));
        self.engine.sleep((ended - self.engine.now()).max(0)).await;
        self.log(|| match &answer {
            Some(Answer::Pushed { .. }) => format!("relay {}: got a list", relay.at),
            other => format!("relay {}: got {other:?}", relay.at),
        });
        answer
    }

    fn mutated_relayed(&self, relay: &RelayInstance, answer: Answer) -> Answer {
        let now = self.engine.now();
        let mut given = relay.given.borrow_mut();
        match (self.mutation(), &answer) {
            (Some(Mutation::RelayGivesOlderList), Answer::Relayed { .. }) => {
                given.replace((now, answer.clone())).map_or(answer, |(_, before)| before)
            }
            (Some(Mutation::RelayServesPastAge | Mutation::RelayTellsAge), Answer::Relayed { .. }) => {
                let keeps_ms = self.shape.bound_seconds * 2 * MS_PER_SECOND;
                let kept = given.take().filter(|(since, _)| now - since < keeps_ms).unwrap_or((now, answer));
                given.insert(kept).1.clone()
            }
            _ => answer,
        }
    }

    /// A relay's list is not older than the isolate's, nor than the times of waiting, asking and travelling.
    fn judge_relayed(&self, relay: &RelayInstance, after: Option<Number>, answer: &Answer) {
        let Answer::Relayed { sealed, .. } = answer else { return };
        // The mutation is to be seen by what it makes isolates admit.
        if self.mutation() == Some(Mutation::RelayTellsAge) {
            return;
        }
        let opened = Delta::open(&self.ring, &BASE64_STANDARD.decode(sealed).unwrap()).unwrap();
        let head = opened.delta.head;
        if Some(head.number) < after {
            let text = format!("a relay gives {} to an isolate that holds {after:?}", head.number);
            self.violated(Judge::Push, text);
        }
        let bound_ms = relay.bound_seconds * MS_PER_SECOND;
        let travels_ms = i64::from(REGISTRY_READ_TIMEOUT_MS) + 2_000;
        let most_ms = bound_ms / 3 + (bound_ms / 30).max(1_000) + travels_ms;
        let age_ms = self.engine.now() - head.this_update.0;
        if age_ms > most_ms {
            let text = format!("a relay gives a list of {age_ms} ms ago, at most {most_ms}");
            self.violated(Judge::Push, text);
        }
    }
}

/// The place of a held call. A caller that is cut off leaves it.
struct Place<'a> {
    world: &'a World,
    relay: &'a RelayInstance,
    ticket: Ticket,
}

impl Place<'_> {
    /// The call goes on.
    fn leave(self) {
        self.relay.held.0.borrow_mut().remove(&self.ticket);
        std::mem::forget(self);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.relay.held.0.borrow_mut().remove(&self.ticket);
        if self.world.chance.percent(50)
            && let Ok(mut relay) = self.relay.relay.try_borrow_mut()
        {
            relay.hung_up(self.ticket);
        }
    }
}
