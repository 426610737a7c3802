//! Calls that wait at the registry for a change: who is held, who is answered when, and with what.

use crate::world::{START, World, edit_label, holding, open_list, settings};
use base64::prelude::*;
use std::collections::BTreeSet;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{Answer, Call, Command, Fault, StatusWarning, Subscribe};
use wayleave::control::registry::{Reception, RegistrySettings, Ticket};
use wayleave::formats::holding::Holding;
use wayleave::formats::list::{Number, SerialStatus};
use wayleave::limits::{ANSWER_INTERVAL_MS, HELD_FULL_AGAIN_MS};

const WAIT_MS: u32 = 19_000;

fn call(isolate: u64, after: Option<Number>, wait_ms: u32) -> Subscribe {
    let holding = after.map(|number| Holding { isolate, ..holding(number, vec![]) });
    Subscribe { location: "FRA".into(), isolate, bound_seconds: 60, wait_ms, holding }
}

/// The number of the list, and when to come again.
fn pushed(reception: Reception) -> (Number, Option<u32>) {
    let Reception::Answered(Answer::Pushed { sealed, again_in_ms, .. }) = reception else {
        panic!("no list: {reception:?}")
    };
    let sealed = BASE64_STANDARD.decode(sealed).unwrap();
    (open_list(&sealed).number(), again_in_ms)
}

impl World {
    fn subscribe(&mut self, isolate: u64, after: Number) -> Reception {
        self.registry.subscribe(call(isolate, Some(after), WAIT_MS), self.now)
    }

    /// Holds a call of `isolate`, which must have to wait.
    fn held(&mut self, isolate: u64, after: Number) -> Ticket {
        match self.subscribe(isolate, after) {
            Reception::Waits { ticket, .. } => ticket,
            answered => panic!("not held: {answered:?}"),
        }
    }

    fn due_tickets(&mut self) -> Vec<Ticket> {
        let mut next = 0_u32;
        let mut random = || {
            next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            next
        };
        self.registry.due_calls(self.now, 50, &mut random)
    }
}

#[test]
fn a_call_waits_until_a_change_and_is_answered_with_a_list_that_contains_it() {
    let mut world = World::new();
    let serial = world.token().serial;
    let held = world.list().number();
    let Reception::Waits { ticket, for_ms } = world.subscribe(1, held) else { panic!("answered") };
    assert_eq!(for_ms, WAIT_MS);
    world.seconds_pass(3);
    assert_eq!(world.due_tickets(), [], "nothing changed");
    world.token();
    assert_eq!(world.due_tickets(), [], "a new token is on no list");
    world.revoke(serial);
    assert_eq!(world.due_tickets(), [ticket]);
    assert_eq!(world.due_tickets(), [], "it was named already");
    let Reception::Answered(Answer::Pushed { sealed, now, held_ms: 0, again_in_ms: None }) =
        world.registry.resume(ticket, 0, world.now)
    else {
        panic!("no list")
    };
    let list = open_list(&BASE64_STANDARD.decode(sealed).unwrap());
    assert_eq!((list.status(serial), now), (SerialStatus::Revoked, world.now));
    assert!(list.number() > held);
    assert_eq!(world.registry.resume(ticket, 0, world.now), Reception::Answered(Answer::Replaced));
}

#[test]
fn a_call_that_already_lacks_a_change_or_waits_for_nothing_is_answered_at_once() {
    let mut world = World::new();
    let serial = world.token().serial;
    let held = world.list().number();
    world.revoke(serial);
    assert!(pushed(world.subscribe(1, held)).0 > held);
    let newest = world.list().number();
    assert_eq!(pushed(world.registry.subscribe(call(2, Some(newest), 0), world.now)).0, newest);
    assert_eq!(pushed(world.registry.subscribe(call(3, None, WAIT_MS), world.now)).0, newest);
    // As an ordinary call it never waits.
    let answer = world.request(Call::Subscribe(call(4, Some(newest), WAIT_MS)));
    assert!(matches!(answer, Answer::Pushed { .. }), "{answer:?}");
}

#[test]
fn when_its_time_is_over_a_call_gets_a_list_made_anew() {
    let mut world = World::new();
    let held = world.list().number();
    let ticket = world.held(1, held);
    world.now = world.now.plus_ms(i64::from(WAIT_MS) - 1);
    let waits = Reception::Waits { ticket, for_ms: 1 };
    assert_eq!(world.registry.resume(ticket, WAIT_MS - 1, world.now), waits);
    world.now = world.now.plus_ms(1);
    let Reception::Answered(Answer::Pushed { sealed, held_ms, .. }) =
        world.registry.resume(ticket, 1, world.now)
    else {
        panic!("not answered")
    };
    assert_eq!(held_ms, WAIT_MS, "by timers alone");
    let list = open_list(&BASE64_STANDARD.decode(sealed).unwrap());
    assert_eq!(list.this_update(), world.now);
}

#[test]
fn an_isolate_is_answered_at_most_once_a_second_however_many_edits_there_are() {
    let mut world = World::new();
    let serial = world.token().serial;
    let (mut after, mut answers) = (world.list().number(), 0);
    let end = world.now.plus_ms(10_000);
    // The call that is held, and when its timer ends.
    let mut held: Option<(Ticket, UnixMillis)> = None;
    while world.now < end {
        world.edit(serial, edit_label(&world.now.0.to_string()));
        let is_woken = !world.due_tickets().is_empty();
        let reception = match held {
            None => world.subscribe(1, after),
            Some((ticket, ends_at)) if is_woken || ends_at <= world.now => {
                world.registry.resume(ticket, 0, world.now)
            }
            Some((ticket, _)) => Reception::Waits { ticket, for_ms: 1_000 },
        };
        match reception {
            Reception::Waits { ticket, for_ms } => {
                let ends_at = held.map_or(world.now.plus_ms(for_ms.into()), |(_, ends_at)| ends_at);
                held = Some((ticket, ends_at));
                assert!(i64::from(for_ms) <= ANSWER_INTERVAL_MS, "{for_ms}");
            }
            answered => (after, held, answers) = (pushed(answered).0, None, answers + 1),
        }
        world.now = world.now.plus_ms(10);
    }
    assert!((9..=11).contains(&answers), "{answers} answers in ten seconds");
}

#[test]
fn a_change_soon_after_an_answer_does_not_wait_and_a_third_one_does() {
    let mut world = World::new();
    let serial = world.token().serial;
    let mut after = world.list().number();
    let mut edit_and_ask = |world: &mut World, text: &str| {
        world.edit(serial, edit_label(text));
        world.now = world.now.plus_ms(100);
        let reception = world.subscribe(1, after);
        if let Reception::Answered(_) = reception {
            after = pushed(reception).0;
            return None;
        }
        let Reception::Waits { for_ms, .. } = reception else { panic!() };
        Some(for_ms)
    };
    assert_eq!(edit_and_ask(&mut world, "a"), None);
    assert_eq!(edit_and_ask(&mut world, "b"), None);
    assert_eq!(edit_and_ask(&mut world, "c"), Some(800), "a second after the first");
    world.now = world.now.plus_ms(10_000);
    assert_eq!(edit_and_ask(&mut world, "d"), None);
    assert_eq!(edit_and_ask(&mut world, "e"), None, "what it did not use for ten seconds is two answers");
    assert_eq!(edit_and_ask(&mut world, "f"), Some(800));
    // The clock is set back: nothing waits for what it used in the future.
    world.now = world.now.plus_ms(-3_600_000);
    assert_eq!(edit_and_ask(&mut world, "g"), None);
}

#[test]
fn answers_that_only_renew_the_list_do_not_use_up_the_share() {
    let mut world = World::with(RegistrySettings { bound_seconds: 5, ..settings() });
    let serial = world.token().serial;
    let mut after = world.list().number();
    for change in 0..5 {
        // At B = 5 a call is answered each second.
        for _ in 0..4 {
            let ticket = world.held(1, after);
            world.now = world.now.plus_ms(1_000);
            after = pushed(world.registry.resume(ticket, 1_000, world.now)).0;
        }
        let ticket = world.held(1, after);
        world.now = world.now.plus_ms(100);
        world.edit(serial, edit_label(&change.to_string()));
        assert_eq!(world.due_tickets(), [ticket]);
        after = pushed(world.registry.resume(ticket, 0, world.now)).0;
    }
}

#[test]
fn an_isolate_has_one_place_and_its_later_call_takes_it() {
    let mut world = World::with(RegistrySettings { held_calls_max: 1, ..settings() });
    let held = world.list().number();
    let first = world.held(1, held);
    let second = world.held(1, held);
    assert_eq!(world.due_tickets(), [first]);
    assert_eq!(world.registry.resume(first, 0, world.now), Reception::Answered(Answer::Replaced));
    assert!(matches!(world.registry.resume(second, 0, world.now), Reception::Waits { .. }));
}

#[test]
fn beyond_the_limit_a_call_is_answered_at_once_with_when_to_come_again() {
    let mut world = World::with(RegistrySettings { held_calls_max: 2, ..settings() });
    let held = world.list().number();
    let first = world.held(1, held);
    world.held(2, held);
    assert_eq!(pushed(world.subscribe(3, held)), (held, Some(HELD_FULL_AGAIN_MS)));
    world.registry.hung_up(first);
    world.held(3, held);
    assert_eq!(pushed(world.subscribe(1, held)).1, Some(HELD_FULL_AGAIN_MS));
    // A change frees all places, a second after the last answer.
    world.seconds_pass(1);
    let serial = world.token().serial;
    world.revoke(serial);
    for ticket in world.due_tickets() {
        pushed(world.registry.resume(ticket, 0, world.now));
    }
    world.seconds_pass(1);
    let newest = world.list().number();
    world.held(1, newest);
}

#[test]
fn all_who_wait_are_woken_in_batches_in_random_order_and_get_the_same_list() {
    let mut world = World::new();
    let serial = world.token().serial;
    let held = world.list().number();
    let tickets: Vec<Ticket> = (0..120).map(|isolate| world.held(isolate, held)).collect();
    world.revoke(serial);
    let batches: Vec<Vec<Ticket>> =
        std::iter::from_fn(|| Some(world.due_tickets()).filter(|due| !due.is_empty())).collect();
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20]);
    let mut order: Vec<Ticket> = batches.into_iter().flatten().collect();
    assert_ne!(order, tickets, "not those first who came first");
    let numbers: BTreeSet<Number> =
        order.iter().map(|ticket| pushed(world.registry.resume(*ticket, 0, world.now)).0).collect();
    assert_eq!(numbers.len(), 1);
    order.sort_unstable();
    assert_eq!(order, tickets);
}

#[test]
fn what_a_call_holds_is_a_report_of_the_isolate() {
    let mut world = World::new();
    let serial = world.token().serial;
    let held = world.list().number();
    world.held(1, held);
    world.seconds_pass(1);
    world.revoke(serial);
    let newest = world.list().number();
    world.held(2, newest);
    let probe = |world: &mut World| match world.ask(Command::GetProbe(serial)) {
        Answer::Probe { probe, .. } => probe.locations,
        other => panic!("{other:?}"),
    };
    let reported = probe(&mut world);
    assert_eq!(
        (reported[0].list_number, reported[0].isolates),
        ((held.epoch, held.n), 2),
        "one has the older list"
    );
    world.held(1, newest);
    assert_eq!(probe(&mut world)[0].list_number, (newest.epoch, newest.n));
}

#[test]
fn a_number_that_was_never_given_shows_that_the_storage_is_old_and_nobody_waits_on() {
    let mut world = World::new();
    let held = world.list().number();
    let ticket = world.held(1, held);
    let refused = Reception::Answered(Answer::Refused(Fault::Restoring));
    assert_eq!(world.subscribe(2, Number { n: held.n + 1, ..held }), refused);
    assert_eq!(world.registry.resume(ticket, 0, world.now), refused);
    assert_eq!(world.subscribe(1, held), refused);
}

#[test]
fn a_clock_that_was_set_back_ends_a_wait_instead_of_prolonging_it() {
    let mut world = World::new();
    let held = world.list().number();
    let ticket = world.held(1, held);
    world.now = UnixMillis(START.0 - 3_600_000);
    assert_eq!(world.due_tickets(), [ticket]);
    assert!(matches!(
        world.registry.resume(ticket, 0, world.now),
        Reception::Answered(Answer::Pushed { .. })
    ));
}

#[test]
fn a_held_call_keeps_the_heartbeat_going_and_sets_no_alarm_of_its_own() {
    let mut world = World::with(RegistrySettings { heartbeat_seconds: 0, ..settings() });
    let held = world.list().number();
    world.held(1, held);
    assert_eq!(world.registry.next_alarm_at(world.now).filter(|at| at.since_ms(world.now) < 3_600_000), None);
}

#[test]
fn a_third_change_within_a_second_is_pushed_when_that_second_is_over() {
    let mut world = World::new();
    let serial = world.token().serial;
    let held = world.list().number();
    let first = world.held(1, held);
    world.revoke(serial);
    assert_eq!(world.due_tickets(), [first]);
    let (after, _) = pushed(world.registry.resume(first, 0, world.now));
    let at_once = world.held(1, after);
    let another = world.token().serial;
    world.revoke(another);
    let (after, _) = pushed(world.registry.resume(at_once, 0, world.now));
    world.now = world.now.plus_ms(100);
    let second = world.held(1, after);
    world.now = world.now.plus_ms(100);
    let other = world.token().serial;
    world.revoke(other);
    // It is woken, looks again by itself after the rest of the second, and is not woken again meanwhile.
    assert_eq!(world.due_tickets(), [second]);
    let waits = Reception::Waits { ticket: second, for_ms: 800 };
    assert_eq!(world.registry.resume(second, 0, world.now), waits);
    assert_eq!(world.due_tickets(), []);
    world.now = world.now.plus_ms(800);
    assert!(pushed(world.registry.resume(second, 0, world.now)).0 > after);
}

#[test]
fn a_call_waits_no_longer_than_the_registrys_own_bound_allows() {
    let mut world = World::with(RegistrySettings { bound_seconds: 5, ..settings() });
    let held = world.list().number();
    let reception = world.subscribe(1, held);
    assert!(matches!(reception, Reception::Waits { for_ms: 1_000, .. }), "{reception:?}");
}

#[test]
fn more_than_half_of_the_calls_that_may_wait_are_a_warning() {
    let mut world = World::with(RegistrySettings { held_calls_max: 4, ..settings() });
    let held = world.list().number();
    for isolate in 1..=2 {
        world.held(isolate, held);
    }
    let warnings = vec![StatusWarning::BootstrapKey];
    assert_eq!((world.status().held_calls, world.status().warnings), (2, warnings));
    world.held(3, held);
    let status = world.status();
    assert_eq!((status.held_calls, status.held_calls_max), (3, 4));
    assert_eq!(status.warnings, [StatusWarning::RegistryLoad, StatusWarning::BootstrapKey]);
}
