//! Quotas, from requests at isolates to the list that refuses: what is let through beyond them, and when it
//! ends.

use crate::town::{BOUND_MS, Town, of_family, per_day, per_month};
use crate::world::{DAY, HOUR, START};
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{Answer, Command, EventFilter, NoticeFilter, NoticeKind};
use wayleave::formats::list::SerialStatus;
use wayleave::formats::token::Serial;

/// What docs/lifecycle.md, "Quotas" promises of counts while requests follow each other: they arrive within
/// half a minute. A second more for the shard to tell the registry.
const COUNTED_WITHIN_MS: i64 = 31_000;
/// When the last admissions are told, also when no request comes any more.
const TOLD_WITHIN_MS: i64 = 60_000;
/// START is at 02:00.
const MIDNIGHT: UnixMillis = UnixMillis(START.0 + 22 * HOUR);
/// Time between two rounds of requests.
const ROUND_MS: i64 = 200;

fn status(town: &mut Town, serial: Serial) -> SerialStatus {
    town.list().status(serial)
}

fn used_up(at: UnixMillis) -> SerialStatus {
    SerialStatus::Exhausted(at.floor_seconds())
}

/// Requests with `serial` until every isolate refuses it.
fn until_refused(town: &mut Town, serial: Serial, isolates: u64) {
    for _ in 0..5_000 {
        let before = town.refused;
        town.requests(serial, ROUND_MS);
        if town.refused - before == isolates {
            return;
        }
    }
    panic!("never refused");
}

#[test]
fn fifty_isolates_let_through_no_more_than_is_stated_and_refuse_nothing_before() {
    const ISOLATES: u64 = 50;
    const QUOTA: u64 = 20_000;
    let mut town = Town::of_isolates(ISOLATES);
    let serial = town.token(Some(per_day(QUOTA))).serial;
    while town.refused == 0 {
        town.requests(serial, ROUND_MS);
    }
    assert!(town.admitted >= QUOTA, "refused after {} of {QUOTA}", town.admitted);
    until_refused(&mut town, serial, ISOLATES);
    let beyond = town.admitted - QUOTA;
    let rounds = u64::try_from((COUNTED_WITHIN_MS + BOUND_MS) / ROUND_MS).unwrap();
    println!("50 isolates, {} requests a second: {beyond} beyond the quota", 1_000 / ROUND_MS * 50);
    assert!(beyond <= rounds * ISOLATES, "{beyond} beyond the quota, more than {}", rounds * ISOLATES);
    town.pass(TOLD_WITHIN_MS);
    assert_eq!(town.view(serial).quota_use.unwrap().used, town.admitted, "what went beyond it is shown");
    // It stays so until midnight, and not a second longer, although the registry is away by then.
    town.now = MIDNIGHT.plus_ms(-1_000);
    town.registry_is_away = true;
    let (admitted, refused) = (town.admitted, town.refused);
    town.requests(serial, 999);
    town.requests(serial, 1);
    assert_eq!((town.admitted, town.refused), (admitted, refused + 2 * ISOLATES), "before midnight");
    town.requests(serial, ROUND_MS);
    assert_eq!((town.admitted, town.refused), (admitted + ISOLATES, refused + 2 * ISOLATES), "at midnight");
    // The next day has a quota of its own.
    town.registry_is_away = false;
    let before = town.admitted - ISOLATES;
    until_refused(&mut town, serial, ISOLATES);
    let of_day = town.admitted - before;
    assert!(of_day >= QUOTA && of_day - QUOTA <= rounds * ISOLATES, "{of_day}");
    assert_eq!(status(&mut town, serial), used_up(MIDNIGHT.plus_ms(DAY)));
    let used = town.view(serial).quota_use.unwrap();
    assert!(used.exceeded && (QUOTA..=of_day).contains(&used.used), "{used:?}");
}

#[test]
fn a_quota_that_is_raised_or_taken_off_refuses_no_longer_than_the_bound() {
    let mut town = Town::of_isolates(3);
    let serial = town.token(Some(per_day(100))).serial;
    until_refused(&mut town, serial, 3);
    assert_eq!(status(&mut town, serial), used_up(MIDNIGHT));
    for quota in [Some(per_day(10_000)), None] {
        town.set_quota(serial, Some(per_day(100)));
        town.pass(1_000);
        assert_eq!(status(&mut town, serial), used_up(MIDNIGHT), "lowered again");
        town.set_quota(serial, quota);
        assert_eq!(status(&mut town, serial), SerialStatus::Good, "{quota:?}");
        town.pass(BOUND_MS);
        let refused = town.refused;
        town.requests(serial, 1_000);
        assert_eq!(town.refused, refused);
    }
    // A disabled token is refused as that, and its quota is still used up afterwards.
    town.set_quota(serial, Some(per_month(100)));
    town.ask(Command::DisableToken(serial));
    assert_eq!(status(&mut town, serial), SerialStatus::Disabled);
    town.ask(Command::EnableToken(serial));
    let SerialStatus::Exhausted(until) = status(&mut town, serial) else { panic!("enabled: not used up") };
    assert_eq!(until.to_rfc3339(), "2026-12-01T00:00:00Z");
}

#[test]
fn a_quota_counts_what_was_used_before_it_was_set() {
    let mut town = Town::of_isolates(2);
    let serial = town.token(None).serial;
    for _ in 0..400 {
        town.requests(serial, ROUND_MS);
    }
    town.pass(60_000);
    assert_eq!(town.view(serial).quota_use, None);
    // Hours later, when minutes were rolled up.
    town.now = town.now.plus_ms(5 * HOUR);
    town.pass(1);
    town.set_quota(serial, Some(per_month(700)));
    town.requests(serial, ROUND_MS);
    town.pass(31_000);
    assert!(matches!(status(&mut town, serial), SerialStatus::Exhausted(_)));
    let used = town.view(serial).quota_use.unwrap();
    assert!(used.exceeded && (800..=802).contains(&used.used), "{used:?}");
    // It was as much on this day, and nothing tomorrow.
    town.set_quota(serial, Some(per_day(900)));
    assert_eq!(status(&mut town, serial), SerialStatus::Good);
    // What is used is told every ten minutes of use, also below 80 %.
    town.pass(600_000);
    town.requests(serial, ROUND_MS);
    town.pass(31_000);
    let used = town.view(serial).quota_use.unwrap();
    assert_eq!((used.used, used.exceeded), (804, false));
    town.now = MIDNIGHT;
    let used = town.view(serial).quota_use.unwrap();
    assert_eq!((used.used, used.exceeded), (0, false));
}

#[test]
fn the_tokens_of_a_family_in_two_shards_are_added_up() {
    let mut town = Town::of_isolates(4);
    let first = town.token(Some(of_family(2_000))).serial;
    // The successor is in the next block of serials, and so in another shard.
    while town.token(None).serial < Serial(wayleave::limits::USAGE_SHARD_BLOCK_SERIALS) {}
    let second = town.rotated(first);
    assert_ne!(wayleave::formats::usage::shard_of(first), wayleave::formats::usage::shard_of(second));
    // The old one is used three times as often.
    while town.refused == 0 {
        for serial in [first, first, first, second] {
            town.requests(serial, ROUND_MS);
        }
    }
    assert!(town.admitted >= 2_000, "refused after {}", town.admitted);
    assert!(town.admitted <= 2_000 + 4 * 5 * 92, "{}", town.admitted);
    for serial in [first, second] {
        assert_eq!(status(&mut town, serial), used_up(MIDNIGHT));
        assert!(town.view(serial).quota_use.unwrap().used >= 2_000);
    }
    // A quota of its own counts the token alone, and its successor starts anew.
    let own = town.token(Some(per_day(50))).serial;
    until_refused(&mut town, own, 4);
    let successor = town.rotated(own);
    town.pass(31_000);
    assert_eq!(status(&mut town, own), used_up(MIDNIGHT));
    assert_eq!(status(&mut town, successor), SerialStatus::Good);
    assert_eq!(town.view(successor).policy.quota, Some(per_day(50)));
}

#[test]
fn counts_that_the_registry_did_not_get_or_answer_come_again_and_count_once() {
    let mut town = Town::of_isolates(2);
    let serial = town.token(Some(per_day(1_000))).serial;
    town.requests(serial, ROUND_MS);
    town.pass(31_000);
    assert_eq!(town.view(serial).quota_use.unwrap().used, 2);
    town.answers_lost = 7;
    town.registry_is_away = true;
    for _ in 0..550 {
        town.requests(serial, ROUND_MS);
    }
    town.pass(31_000);
    assert_eq!(town.view(serial).quota_use.unwrap().used, 2);
    town.registry_is_away = false;
    for _ in 0..200 {
        town.pass(1_000);
    }
    assert_eq!(status(&mut town, serial), used_up(MIDNIGHT));
    assert_eq!(town.view(serial).quota_use.unwrap().used, town.admitted);
}

#[test]
fn a_mark_that_is_reached_while_the_shard_tells_is_told_at_once_too() {
    let mut town = Town::of_isolates(1);
    let serial = town.token(Some(per_day(1_000))).serial;
    town.requests(serial, ROUND_MS);
    town.pass(61_000);
    assert_eq!(town.view(serial).quota_use.unwrap().used, 1);
    town.requests(serial, ROUND_MS);
    town.meanwhile = Some((serial, 900));
    while town.meanwhile.is_some() {
        town.pass(1_000);
    }
    town.pass(2_000);
    assert!(town.view(serial).quota_use.unwrap().used > 900, "{:?}", town.view(serial).quota_use);
}

#[test]
fn uses_that_come_while_the_shard_tells_of_a_used_up_quota_are_told_after_it() {
    let mut town = Town::of_isolates(1);
    let serial = town.token(Some(per_day(3))).serial;
    town.requests(serial, ROUND_MS);
    town.pass(61_000);
    town.requests(serial, ROUND_MS);
    town.requests(serial, ROUND_MS);
    town.meanwhile = Some((serial, 50));
    while town.meanwhile.is_some() {
        town.pass(1_000);
    }
    assert_eq!(status(&mut town, serial), used_up(MIDNIGHT));
    town.pass(TOLD_WITHIN_MS);
    assert_eq!(town.view(serial).quota_use.unwrap().used, 53);
}

/// Else a shard with much traffic would tell the registry of every batch.
#[test]
fn uses_that_come_while_the_shard_tells_of_a_quota_that_is_not_used_up_wait_for_their_turn() {
    let mut town = Town::of_isolates(1);
    let serial = town.token(Some(per_day(1_000))).serial;
    let used = |town: &mut Town| town.view(serial).quota_use.unwrap().used;
    town.requests(serial, ROUND_MS);
    town.pass(11 * TOLD_WITHIN_MS);
    town.requests(serial, ROUND_MS);
    town.meanwhile = Some((serial, 50));
    while town.meanwhile.is_some() {
        town.pass(1_000);
    }
    assert_eq!(used(&mut town), 2);
    town.pass(5 * TOLD_WITHIN_MS);
    assert_eq!(used(&mut town), 2);
    town.pass(6 * TOLD_WITHIN_MS);
    town.requests(serial, ROUND_MS);
    town.pass(TOLD_WITHIN_MS);
    assert_eq!(used(&mut town), 53);
}

#[test]
fn a_token_that_rested_for_more_than_a_year_has_its_quota_still() {
    let mut town = Town::of_isolates(1);
    let [resting, other] = [Some(per_day(50)), None].map(|quota| town.token(quota).serial);
    town.requests(resting, ROUND_MS);
    town.pass(61_000);
    for _ in 0..41 {
        town.now = town.now.plus_ms(10 * DAY);
        town.requests(other, ROUND_MS);
        town.pass(61_000);
    }
    until_refused(&mut town, resting, 1);
}

#[test]
fn an_operator_hears_of_80_and_100_percent_once_a_period() {
    let mut town = Town::of_isolates(1);
    let serial = town.token(Some(per_day(1_000))).serial;
    let kinds = |town: &mut Town| {
        let Answer::Metrics { notices, .. } = town.ask(Command::Metrics) else { panic!("no metrics") };
        notices
    };
    until_refused(&mut town, serial, 1);
    town.pass(31_000);
    town.make_digests();
    let listed = |town: &mut Town| {
        let filter = NoticeFilter { limit: 100, below: None };
        let Answer::Notices { items, .. } = town.ask(Command::ListNotices(filter)) else { panic!("none") };
        let of_quota = items.into_iter().filter(|item| item.body.contains("token.quota_"));
        of_quota.map(|item| item.body).collect::<Vec<_>>()
    };
    let told = listed(&mut town);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains(r#""type":"token.quota_exceeded""#) && told[0].contains(r#""requests":1000"#));
    assert!(told[0].contains(r#""period_ends_at":"2026-11-23T00:00:00Z""#), "{}", told[0]);
    assert!(told[1].contains(r#""type":"token.quota_near""#), "{}", told[1]);
    let counted = kinds(&mut town);
    let of = |wanted| counted.iter().find(|(kind, _)| *kind == wanted).map(|(_, count)| *count);
    assert_eq!((of(NoticeKind::QuotaNear), of(NoticeKind::QuotaExceeded)), (Some(1), Some(1)));
    // Another quota is another matter, and so is the next day.
    town.set_quota(serial, Some(per_day(2_000)));
    town.pass(BOUND_MS);
    until_refused(&mut town, serial, 1);
    town.make_digests();
    assert_eq!(listed(&mut town).len(), 4);
    town.now = MIDNIGHT;
    until_refused(&mut town, serial, 1);
    town.make_digests();
    assert_eq!(listed(&mut town).len(), 6);
    let filter = EventFilter { token: Some(serial), limit: 100, ..EventFilter::default() };
    let Answer::Events { items, .. } = town.ask(Command::ListEvents(filter)) else { panic!("no events") };
    let exceeded = items.iter().filter(|event| event.action == "token.quota_exceeded");
    assert_eq!(exceeded.count(), 3);
}
