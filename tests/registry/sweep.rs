//! The daily sweep in virtual time: every kind of notice, its thresholds, its repetition, and an interrupted
//! sweep.

use crate::notices::told;
use crate::world::{DAY, START, World, as_usual, how, new_token, settings};
use std::collections::BTreeMap;
use wayleave::control::registry::command::{Answer, Call, Command, Lifetime, NewToken, RevokeOld, TokenView};
use wayleave::formats::key::KeyId;
use wayleave::formats::token::Serial;

impl World {
    /// Triggers cron and runs every alarm until the notices are made.
    fn cron(&mut self) {
        assert_eq!(self.request(Call::Sweep), Answer::Noted);
        self.alarms();
        self.seconds_pass(10);
        self.alarms();
        self.seconds_pass(-10);
    }

    /// Lets days pass, with a cron trigger at the end of each.
    fn days_with_cron(&mut self, days: i64) {
        for _ in 0..days {
            self.days_pass(1);
            self.cron();
        }
    }

    fn living(&mut self, days: i64) -> TokenView {
        let lifetime = Some(Lifetime::ExpiresIn(days * DAY));
        self.create(NewToken { lifetime, ..new_token("a") }).0
    }

    /// Day since the start, type and threshold of every notice about a token, except `unused`.
    fn told_of(&mut self, serial: Serial) -> Vec<(i64, String, u64)> {
        let mut found = Vec::new();
        for notice in self.notices() {
            let (kind, within_days, serials) = crate::notices::summary(&notice);
            let at = wayleave::base::time::parse_rfc3339(notice["timestamp"].as_str().unwrap()).unwrap();
            if serials.contains(&serial.0) && kind != "token.unused" {
                found.push(((at.0 - START.0 / 1_000) / DAY, kind["token.".len()..].to_owned(), within_days));
            }
        }
        found
    }
}

fn days(found: &[(i64, String, u64)], kind: &str) -> Vec<(i64, u64)> {
    found.iter().filter(|(_, of, _)| of == kind).map(|(day, _, within)| (*day, *within)).collect()
}

#[test]
fn ends_are_told_at_30_7_and_1_days_once_each_in_one_digest_for_each_threshold() {
    let mut world = World::new();
    let long = world.living(100).serial;
    let same = world.living(100).serial;
    let short = world.living(20).serial;
    let tiny = world.living(1).serial;
    let revoked = world.living(100).serial;
    world.revoke(revoked);
    // Lives end on whole seconds, and cron is not exact.
    world.seconds_pass(60);
    world.days_with_cron(101);
    assert_eq!(days(&world.told_of(long), "expiring"), [(70, 30), (93, 7), (99, 1)]);
    assert_eq!(
        days(&world.told_of(short), "expiring"),
        [(13, 7), (19, 1)],
        "30 days are more than half of its life"
    );
    assert_eq!((world.told_of(tiny), days(&world.told_of(revoked), "expiring")), (vec![], vec![]));
    let digests = world.told().into_iter().filter(|(kind, _, _)| kind == "token.expiring");
    let digests: Vec<_> = digests.map(|(_, within, serials)| (within, serials)).collect();
    let both = vec![long.0, same.0];
    assert_eq!(digests, [(7, vec![3]), (1, vec![3]), (30, both.clone()), (7, both.clone()), (1, both)]);
}

#[test]
fn each_kind_and_each_threshold_met_on_a_day_has_a_digest_of_its_own() {
    let mut world = World::new();
    let [week, day, other] = [20, 14, 20].map(|days| world.living(days).serial.0);
    let (revoked, rotated) = (world.token().serial, world.token().serial);
    world.seconds_pass(13 * DAY + 60);
    world.revoke(revoked);
    world.rotate(rotated, as_usual());
    world.cron();
    let mut told_now = world.told();
    told_now.sort();
    let expected = [
        told("expiring", 1, &[day]),
        told("expiring", 7, &[week, other]),
        told("revoked", 0, &[revoked.0]),
        told("rotated", 0, &[rotated.0]),
    ];
    assert_eq!(told_now, expected);
}

#[test]
fn an_end_that_an_operator_sets_or_moves_is_told_of_anew() {
    let mut world = World::new();
    let serial = world.living(300).serial;
    let end = |world: &mut World, day: i64| {
        let at = Some(START.plus_ms(day * DAY * 1_000));
        world.receipt(Command::EndToken { serial, at, force: true });
    };
    end(&mut world, 20);
    world.days_with_cron(14);
    assert_eq!(days(&world.told_of(serial), "expiring"), [(13, 7)]);
    let told = &world.notices()[0]["data"]["tokens"][0];
    assert_eq!(told["ends_at"], START.plus_ms(20 * DAY * 1_000).to_rfc3339(), "not what was signed");
    end(&mut world, 21);
    world.days_with_cron(1);
    assert_eq!(days(&world.told_of(serial), "expiring"), [(13, 7), (15, 7)]);
    world.receipt(Command::EndToken { serial, at: None, force: false });
    world.days_with_cron(10);
    assert_eq!(days(&world.told_of(serial), "expiring").len(), 2);
}

#[test]
fn of_a_token_that_has_ended_meanwhile_nothing_is_told() {
    let mut world = World::new();
    world.living(20);
    let serial = world.living(300).serial;
    let at = Some(START.plus_ms(20 * DAY * 1_000));
    world.receipt(Command::EndToken { serial, at, force: true });
    world.seconds_pass(21 * DAY);
    world.cron();
    assert_eq!(world.told(), []);
}

#[test]
fn a_rotation_and_its_successors_first_use_are_told_and_the_old_end_no_more() {
    let mut world = World::new();
    let old = world.living(40).serial;
    let new = world.rotate(old, as_usual()).token.serial;
    world.seconds_pass(60);
    world.used(new);
    world.days_with_cron(1);
    let notices = world.notices();
    let token = |kind: &str| {
        let notice = notices.iter().find(|notice| notice["type"] == kind).unwrap();
        notice["data"]["tokens"][0].clone()
    };
    let rotated = token("token.rotated");
    assert_eq!((&rotated["id"], &rotated["successor"]), (&"tok_1".into(), &"tok_2".into()));
    let used = token("token.first_use");
    assert_eq!((&used["id"], &used["predecessor"]), (&"tok_2".into(), &"tok_1".into()));
    let used_at = START.plus_ms(60_000).to_rfc3339();
    assert_eq!(
        (used["first_used_at"].as_str(), used["last_used_at"].as_str()),
        (Some(&*used_at), Some(&*used_at))
    );
    // A repeated report causes no notice.
    world.used(new);
    world.days_with_cron(7);
    let kinds: Vec<String> = world.told().into_iter().map(|(kind, _, _)| kind).collect();
    assert_eq!(kinds, ["token.rotated", "token.first_use", "token.revoked"], "its planned end came");
}

#[test]
fn a_predecessor_that_is_still_used_is_told_of_7_days_and_1_day_before_its_end() {
    let mut world = World::new();
    let old = world.living(365).serial;
    let after = RevokeOld::After { after_seconds: 20 * DAY, drain_seconds: DAY, strict: false };
    let new = world.rotate(old, how(after)).token.serial;
    let quiet = world.living(365).serial;
    let next = world.rotate(quiet, how(after)).token.serial;
    for day in 0..21 {
        world.used(new);
        world.used(next);
        if day < 20 {
            world.used(old);
        }
        if day < 5 {
            world.used(quiet);
        }
        world.days_with_cron(1);
    }
    assert_eq!(days(&world.told_of(old), "predecessor_still_used"), [(13, 7), (19, 1)]);
    assert_eq!(days(&world.told_of(quiet), "predecessor_still_used"), []);
    assert_eq!(days(&world.told_of(old), "expiring"), []);
    assert_eq!(days(&world.told_of(old), "revoked").len(), 1);
}

#[test]
fn a_held_rotation_is_told_of_at_once_and_then_daily_until_the_first_use() {
    let mut world = World::new();
    let old = world.living(365).serial;
    let new = world.rotate(old, as_usual()).token.serial;
    // The end is planned for day 7, and held.
    world.days_with_cron(11);
    let held = days(&world.told_of(old), "rotation_held");
    assert_eq!(held.iter().map(|(day, _)| *day).collect::<Vec<_>>(), [7, 8, 9, 10, 11]);
    let since = START.plus_ms(7 * DAY * 1_000).to_rfc3339();
    for notice in world.notices().iter().filter(|notice| notice["type"] == "token.rotation_held") {
        assert_eq!(notice["data"]["tokens"][0]["held_since"], since);
    }
    world.used(new);
    world.days_with_cron(3);
    assert_eq!(days(&world.told_of(old), "rotation_held").len(), 5);
    assert_eq!(days(&world.told_of(old), "revoked").len(), 1, "a day after the first use");
}

#[test]
fn a_token_that_nobody_uses_is_told_of_after_90_days_and_again_only_when_it_was_used_between() {
    let mut world = World::new();
    let serial = world.living(600).serial;
    let unused =
        |world: &mut World| world.told().iter().filter(|(kind, _, _)| kind == "token.unused").count();
    world.days_with_cron(89);
    assert_eq!(unused(&mut world), 0);
    world.days_with_cron(1);
    assert_eq!(unused(&mut world), 1);
    world.days_with_cron(30);
    assert_eq!(unused(&mut world), 1);
    world.used(serial);
    world.days_with_cron(89);
    assert_eq!(unused(&mut world), 0, "the first one was forgotten after 90 days");
    world.days_with_cron(1);
    assert_eq!(unused(&mut world), 1);
    let (disabled, revoked) = (world.living(600).serial, world.living(600).serial);
    world.receipt(Command::DisableToken(disabled));
    world.revoke(revoked);
    world.used(serial);
    world.days_with_cron(91);
    let (_, _, serials) = world.told().into_iter().rfind(|(kind, _, _)| kind == "token.unused").unwrap();
    assert_eq!(serials, [serial.0], "one that does not work is not told of");
}

#[test]
fn the_tokens_of_a_retired_key_are_told_of_at_once() {
    let mut world = World::new();
    let (lost, ended) = (world.token().serial, world.living(1).serial);
    let revoked = world.token().serial;
    world.revoke(revoked);
    world.days_with_cron(2);
    world.activate(KeyId(2));
    let kept = world.token().serial;
    world.retire(KeyId(1));
    world.alarms();
    world.seconds_pass(10);
    world.alarms();
    assert!(world.told().contains(&told("revoked", 0, &[lost.0])), "before any cron");
    world.days_with_cron(2);
    let mut reasons = BTreeMap::new();
    for notice in world.notices().into_iter().filter(|notice| notice["type"] == "token.revoked") {
        for token in notice["data"]["tokens"].as_array().unwrap() {
            let id = token["id"].as_str().unwrap().to_owned();
            assert!(reasons.insert(id, token["reason"].as_str().unwrap().to_owned()).is_none(), "once each");
        }
    }
    let expected = [(lost, "key_retired"), (revoked, "operator")];
    assert_eq!(
        reasons,
        expected.map(|(serial, reason)| (format!("tok_{}", serial.0), reason.to_owned())).into()
    );
    assert!(![ended, kept].iter().any(|serial| reasons.contains_key(&format!("tok_{}", serial.0))));
}

#[test]
fn five_hundred_go_into_one_digest_and_no_step_looks_at_more_than_a_thousand() {
    let mut world = World::new();
    for _ in 0..2_345 {
        world.living(30);
    }
    world.seconds_pass(60);
    world.days_pass(23);
    world.alarms();
    let mut steps = 0;
    world.request(Call::Sweep);
    while world.registry.next_alarm_at(world.now).is_some_and(|at| at <= world.now) {
        world.registry.due(world.now, 50);
        steps += 1;
        // Another cron trigger fires while the sweep is under way.
        world.request(Call::Sweep);
    }
    assert_eq!(steps, 3, "two full steps and a rest");
    world.seconds_pass(10);
    world.alarms();
    let digests =
        world.told().into_iter().filter(|(kind, within, _)| kind == "token.expiring" && *within == 7);
    let sizes: Vec<usize> = digests.map(|(_, _, serials)| serials.len()).collect();
    assert_eq!(sizes, [500, 500, 500, 500, 345]);
}

/// Wherever the process dies, exactly one notice is sent for each end.
#[test]
fn a_sweep_that_is_cut_off_goes_on_and_tells_nothing_twice() {
    for statements in 0.. {
        let mut world = World::new();
        for _ in 0..3 {
            world.living(20);
        }
        world.days_pass(13);
        world.alarms();
        world.database.kill_after(statements);
        world.request(Call::Sweep);
        world.registry.due(world.now, 50);
        let survived = world.database.fault_pending();
        world.database.recover();
        world.restart(settings());
        world.cron();
        world.days_with_cron(1);
        assert_eq!(world.told(), [told("expiring", 7, &[1, 2, 3])], "{statements}");
        if survived {
            assert!(statements > 20);
            break;
        }
    }
}

#[test]
fn without_cron_a_sweep_begins_by_itself_and_with_it_never() {
    let mut world = World::new();
    assert_eq!(world.registry.next_alarm_at(world.now), None, "without tokens there is nothing to sweep");
    world.living(20);
    world.alarms();
    assert_eq!(world.registry.next_alarm_at(world.now), Some(START.plus_ms(26 * 3_600_000)));
    world.days_pass(15);
    assert_eq!(world.told(), [told("expiring", 7, &[1])]);
    // Two triggers in a row start one sweep.
    world.cron();
    let ended_at = world.now;
    assert_eq!(world.status().swept_at, Some(ended_at));
    world.seconds_pass(60);
    world.request(Call::Sweep);
    assert_eq!(world.registry.next_alarm_at(world.now), Some(ended_at.plus_ms(26 * 3_600_000)));
    // A clock that was set back neither delays the sweep nor prevents cron from beginning one.
    world.seconds_pass(-400 * DAY);
    let at = world.registry.next_alarm_at(world.now).unwrap();
    assert!(at.since_ms(world.now) <= 26 * 3_600_000);
    world.request(Call::Sweep);
    assert_eq!(world.registry.next_alarm_at(world.now), Some(world.now));
}

#[test]
fn what_was_told_goes_with_its_token() {
    let mut world = World::new();
    world.living(20);
    world.days_with_cron(20);
    let rows = |world: &World| world.database.one("SELECT COUNT(*) FROM noticed");
    assert_eq!(rows(&world), wayleave::base::database::Value::Integer(1));
    world.days_pass(401);
    assert_eq!(rows(&world), wayleave::base::database::Value::Integer(0));
}
