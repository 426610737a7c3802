//! A relay in front of the registry: what it asks the registry for, and what isolates get of it.

use crate::world::{World, holding, open_list, settings};
use base64::prelude::*;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{Answer, Call, Command, Fault, RelayCall, Subscribe};
use wayleave::control::registry::{Reception, Ticket};
use wayleave::control::relay::{CallId, Relay, RelaySettings, Step};
use wayleave::formats::holding::{AddressesArrive, Holding, Took};
use wayleave::formats::key::KeyId;
use wayleave::formats::list::{Number, SerialStatus};
use wayleave::limits::HELD_FULL_AGAIN_MS;

const WAIT_MS: u32 = 19_000;

/// A relay, and its calls that the registry holds.
struct Relayed {
    world: World,
    relay: Relay,
    held: Vec<(CallId, Ticket)>,
    /// Every call that it made.
    calls: Vec<RelayCall>,
    /// The registry cannot be reached.
    is_cut_off: bool,
}

impl Relayed {
    fn new() -> Self {
        Self::holding_at_most(2_000)
    }

    fn holding_at_most(held_calls_max: usize) -> Self {
        let ring = settings().ring;
        let relay = Relay::new(RelaySettings { ring, bound_seconds: 60, held_calls_max }, 77);
        Self { world: World::new(), relay, held: vec![], calls: vec![], is_cut_off: false }
    }

    fn now(&self) -> UnixMillis {
        self.world.now
    }

    /// Carries out what the relay wants, as far as it goes at this moment.
    fn go_on(&mut self) {
        let now = self.now();
        while let Some(step) = self.relay.next_step(now) {
            let Step::Call { id, call: Call::Relay(call), .. } = step else { continue };
            self.calls.push(call.clone());
            if self.is_cut_off {
                self.relay.answered(id, None, now);
                continue;
            }
            match self.world.registry.relay(call, now) {
                Reception::Answered(answer) => self.relay.answered(id, Some(answer), now),
                Reception::Waits { ticket, .. } => self.held.push((id, ticket)),
            }
        }
    }

    /// After a change: the registry answers the relay's call that waits.
    fn registry_wakes(&mut self) {
        let now = self.now();
        let due = self.world.registry.due_calls(now, 50, &mut || 0);
        for (id, ticket) in std::mem::take(&mut self.held) {
            match due.contains(&ticket).then(|| self.world.registry.resume(ticket, 0, now)) {
                Some(Reception::Answered(answer)) => self.relay.answered(id, Some(answer), now),
                _ => self.held.push((id, ticket)),
            }
        }
        self.go_on();
    }

    fn subscribe(&mut self, isolate: u64, after: Option<Number>, wait_ms: u32) -> Reception {
        let holding = after.map(|number| Holding { isolate, ..holding(number, vec![]) });
        let (location, bound_seconds) = ("FRA".into(), 60);
        let call = Subscribe { location, isolate, bound_seconds, wait_ms, holding };
        let reception = self.relay.subscribe(call, self.now());
        self.go_on();
        reception
    }

    fn ticket(&mut self, isolate: u64, after: Option<Number>, wait_ms: u32) -> Ticket {
        match self.subscribe(isolate, after, wait_ms) {
            Reception::Waits { ticket, .. } => ticket,
            answered => panic!("not held: {answered:?}"),
        }
    }

    /// The calls that the relay answers now.
    fn answers(&mut self) -> Vec<Answer> {
        let now = self.now();
        let due = self.relay.due_calls(now, 50, &mut || 0);
        let answers = due.into_iter().map(|ticket| match self.relay.resume(ticket, 0, now) {
            Reception::Answered(answer) => answer,
            waits @ Reception::Waits { .. } => panic!("{waits:?}"),
        });
        answers.collect()
    }

    fn asks(&self) -> usize {
        self.calls.iter().filter(|call| call.wait_ms == 0).count()
    }
}

fn list(answer: &Answer) -> wayleave::formats::list::RevocationList {
    let Answer::Relayed { sealed, .. } = answer else { panic!("no list: {answer:?}") };
    open_list(&BASE64_STANDARD.decode(sealed).unwrap())
}

const REFUSED: Answer = Answer::Refused(Fault::Internal);

#[test]
fn one_call_at_the_registry_serves_all_that_wait_at_the_relay() {
    let mut relayed = Relayed::new();
    let serial = relayed.world.token().serial;
    let after = relayed.world.list().number();
    for isolate in 1..=5 {
        relayed.ticket(isolate, Some(after), WAIT_MS);
    }
    assert_eq!((relayed.relay.held_calls(), relayed.held.len()), (5, 1));
    relayed.world.revoke(serial);
    relayed.registry_wakes();
    let answers = relayed.answers();
    assert_eq!(answers.len(), 5);
    for answer in &answers {
        assert_eq!(list(answer).status(serial), SerialStatus::Revoked);
    }
    assert_eq!(relayed.relay.held_calls(), 0);
}

#[test]
fn a_relay_without_calls_makes_none() {
    let mut relayed = Relayed::new();
    let after = relayed.world.list().number();
    let ticket = relayed.ticket(1, Some(after), WAIT_MS);
    relayed.relay.hung_up(ticket);
    relayed.held.clear();
    let made = relayed.calls.len();
    for _ in 0..600 {
        relayed.world.seconds_pass(1);
        relayed.go_on();
    }
    // What it had not told yet of the isolate, and then nothing more.
    assert!(relayed.calls[made..].iter().all(|call| call.wait_ms == 0));
    assert!(relayed.calls.len() - made <= 75 / 15 + 1, "{:?}", relayed.calls.len() - made);
}

#[test]
fn a_call_for_the_list_of_this_moment_asks_the_registry_once_for_all_who_ask_within_a_second() {
    let mut relayed = Relayed::new();
    let serial = relayed.world.token().serial;
    let after = relayed.world.list().number();
    relayed.ticket(1, Some(after), 0);
    assert_eq!((relayed.answers().len(), relayed.asks()), (1, 1));
    relayed.world.now = relayed.now().plus_ms(1_000);
    let young = relayed.subscribe(2, Some(after), 0);
    assert!(matches!(young, Reception::Answered(Answer::Relayed { .. })), "{young:?}");
    assert_eq!(relayed.asks(), 1);
    // The registry's push is lost.
    relayed.world.revoke(serial);
    relayed.world.now = relayed.now().plus_ms(1);
    relayed.ticket(3, Some(after), 0);
    let answers = relayed.answers();
    assert_eq!((list(&answers[0]).status(serial), relayed.asks()), (SerialStatus::Revoked, 2));
}

#[test]
fn a_call_whose_time_is_over_gets_a_list_of_this_second() {
    let mut relayed = Relayed::new();
    let after = relayed.world.list().number();
    let ticket = relayed.ticket(1, Some(after), WAIT_MS);
    relayed.world.now = relayed.now().plus_ms(WAIT_MS.into());
    let now = relayed.now();
    let asks = relayed.relay.resume(ticket, WAIT_MS, now);
    assert!(matches!(asks, Reception::Waits { .. }), "{asks:?}");
    relayed.go_on();
    let answers = relayed.answers();
    assert_eq!(list(&answers[0]).this_update(), now);
}

#[test]
fn nobody_gets_a_list_that_is_older_than_its_own() {
    let mut relayed = Relayed::new();
    let serial = relayed.world.token().serial;
    let first = relayed.world.list().number();
    relayed.ticket(1, Some(first), 0);
    assert_eq!(relayed.answers().len(), 1);
    // Isolate 2 heard of a change from elsewhere.
    relayed.world.revoke(serial);
    let newer = relayed.world.list().number();
    relayed.world.now = relayed.now().plus_ms(1);
    relayed.ticket(2, Some(newer), 0);
    assert_eq!(list(&relayed.answers()[0]).number(), newer, "although the relay's list was fresh");
    // A list that the registry never gave: its storage was put back. It says so, and so does the relay.
    let unknown = Number { n: newer.n + 50, ..newer };
    relayed.world.now = relayed.now().plus_ms(1);
    relayed.ticket(3, Some(unknown), 0);
    assert_eq!(relayed.answers(), [REFUSED]);
    assert_eq!(relayed.world.request(Call::Sweep), Answer::Refused(Fault::Restoring));
}

#[test]
fn a_relay_cut_off_asks_twice_then_refuses_all_and_others_for_a_while() {
    let mut relayed = Relayed::new();
    let after = relayed.world.list().number();
    relayed.ticket(1, Some(after), WAIT_MS);
    relayed.ticket(2, Some(after), WAIT_MS);
    relayed.is_cut_off = true;
    relayed.world.now = relayed.now().plus_ms(2_000);
    let made = relayed.calls.len();
    relayed.ticket(3, Some(after), 0);
    assert_eq!(relayed.calls.len() - made, 2, "at once, and once more");
    assert_eq!(relayed.answers(), [REFUSED, REFUSED, REFUSED]);
    assert_eq!(relayed.subscribe(4, Some(after), 0), Reception::Answered(REFUSED));
    assert_eq!(relayed.calls.len() - made, 2);
    // After a second it tries again.
    relayed.is_cut_off = false;
    relayed.world.now = relayed.now().plus_ms(1_000);
    relayed.ticket(4, Some(after), 0);
    assert_eq!(relayed.answers().len(), 1);
    let waits = relayed.subscribe(5, Some(after), WAIT_MS);
    assert!(matches!(waits, Reception::Waits { .. }), "{waits:?}");
}

#[test]
fn a_list_from_before_a_pause_brings_nobody_a_change() {
    let mut relayed = Relayed::new();
    let serial = relayed.world.token().serial;
    let after = relayed.world.list().number();
    relayed.world.revoke(serial);
    relayed.ticket(1, Some(after), 0);
    assert_eq!(relayed.answers().len(), 1);
    let brings = relayed.subscribe(2, Some(after), WAIT_MS);
    assert!(matches!(brings, Reception::Answered(_)), "{brings:?}");
    relayed.world.seconds_pass(30);
    relayed.ticket(3, Some(after), WAIT_MS);
    assert_eq!(list(&relayed.answers()[0]).this_update(), relayed.now());
}

#[test]
fn beyond_the_limit_an_isolate_gets_the_list_and_when_to_come_again() {
    let mut relayed = Relayed::holding_at_most(1);
    let after = relayed.world.list().number();
    relayed.ticket(1, Some(after), WAIT_MS);
    let beyond = relayed.subscribe(2, Some(after), WAIT_MS);
    let Reception::Answered(Answer::Relayed { again_in_ms, .. }) = beyond else { panic!("{beyond:?}") };
    assert_eq!((again_in_ms, relayed.relay.held_calls()), (Some(HELD_FULL_AGAIN_MS), 1));
}

#[test]
fn the_registry_learns_of_each_location_what_the_last_of_its_isolates_holds() {
    let mut relayed = Relayed::new();
    let serial = relayed.world.token().serial;
    let before = relayed.world.list().number();
    let revoked = relayed.world.revoke(serial).list_number;
    let newest = relayed.world.list().number();
    let took = Took { after: before.n, changed: revoked.1, ago_ms: 100 };
    relayed.world.now = relayed.now().plus_ms(300);
    let (now, keys) = (relayed.now(), vec![KeyId(1)]);
    let addresses = Some(AddressesArrive::Yes);
    let quick = Holding { isolate: 4, keys, addresses, ..holding(newest, vec![took]) };
    relayed.relay.report("FRA".into(), quick, now);
    let slow = Holding { isolate: 5, ..holding(before, vec![]) };
    relayed.relay.report("FRA".into(), slow, now);
    relayed.relay.report("OSL".into(), Holding { isolate: 6, ..holding(newest, vec![]) }, now);
    relayed.world.now = now.plus_ms(50);
    relayed.go_on();
    let told = &relayed.calls[0];
    assert_eq!(told.highest, Some(newest));
    let [(_, of_fra), (_, of_osl)] = &told.reports[..] else { panic!("{told:?}") };
    assert_eq!((of_fra.number, of_fra.isolates, &of_fra.keys[..]), (before, 2, &[KeyId(1)][..]));
    assert_eq!((of_osl.number, of_osl.isolates), (newest, 1));
    assert_eq!((of_fra.took[0].ago_ms, of_fra.addresses), (150, addresses), "as long as it was kept");
    let Answer::Probe { probe, .. } = relayed.world.ask(Command::GetProbe(serial)) else { panic!() };
    let seen: Vec<_> = probe.locations.iter().map(|at| (&at.id[..], at.list_number.1, at.isolates)).collect();
    assert_eq!(seen, [("FRA", before.n, 2), ("OSL", newest.n, 1)]);
    assert_eq!(probe.took_ms, Some(200));
}
