use super::*;
use crate::edge::family_holder::FamilyHolder;
use crate::formats::key::TagKey;
use crate::formats::token::{Serial, UnverifiedToken};
use crate::limits::FAMILY_HELD_MS;
use zeroize::Zeroizing;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn ring() -> KeyRing {
    KeyRing::derive(&[(KeyId(1), Zeroizing::new(vec![1; 32]))], "d")
}

fn family(byte: u8) -> FamilyId {
    FamilyId::mint([byte; 13], &TagKey::derive(&[2; 32], "d", "family"))
}

fn claims(lives_seconds: i64) -> Claims {
    let expires_at = NOW.floor_seconds().plus_seconds(lives_seconds);
    Claims { key_id: KeyId(1), serial: Serial(7), expires_at }
}

fn record(claims: Claims) -> Record {
    Record { key_id: claims.key_id, distribute: true, ..Record::of_test(claims.expires_at) }
}

/// `expires_in` and `refresh_after_seconds` of a token with this lifetime, its record changed by `change`.
fn times(lives_seconds: i64, change: impl FnOnce(&mut Record)) -> (i64, i64) {
    let text = claims(lives_seconds).mint(&ring()).unwrap();
    let token = UnverifiedToken::parse(&text).unwrap().verify(&ring()).unwrap();
    let mut record = record(token.claims());
    change(&mut record);
    let given = handed_out(text.clone(), token, &record, NOW);
    assert_eq!(given.token, text);
    (given.expires_in, given.refresh_after_seconds)
}

#[test]
fn a_value_opens_as_its_own_family_s_only() {
    let value = seal(&ring(), KeyId(1), &family(1), claims(60)).unwrap();
    assert_eq!(open(&ring(), &family(1), &value), Some((claims(60), KeyId(1))));
    assert_eq!(open(&ring(), &family(2), &value), None);
    assert_eq!(open(&ring(), &family(1), &value[..value.len() - 1]), None);
    assert_eq!(open(&ring(), &family(1), &[]), None);
    let of_format = |format| {
        let body = serde_json::to_vec(&claims(60)).unwrap();
        seal::seal(&ring(), Purpose::Record, KeyId(1), &kv_name(&family(1)), format, &body).unwrap()
    };
    assert!(open(&ring(), &family(1), &of_format(1)).is_some());
    assert_eq!(open(&ring(), &family(1), &of_format(2)), None);
    assert_eq!(seal(&ring(), KeyId(2), &family(1), claims(60)), None);
}

#[test]
fn a_page_asks_again_four_times_before_the_end_and_within_the_hour() {
    assert_eq!(times(365 * DAY, |_| {}), (365 * DAY, HOUR));
    assert_eq!(times(HOUR, |_| {}), (HOUR, HOUR / 4));
    assert_eq!(times(60, |_| {}), (60, 15));
    // Not more often than every 5 s, and not later than the end.
    assert_eq!(times(12, |_| {}), (12, 5));
    assert_eq!(times(3, |_| {}), (3, 3));
}

#[test]
fn the_soonest_end_counts() {
    let operator_s = |record: &mut Record| record.ends_at = Some(NOW.plus_ms(100_500));
    assert_eq!(times(DAY, operator_s), (100, 25));
    // A rotation's end does not end the token yet: it may be moved, held or cancelled.
    let rotation_s = |record: &mut Record| record.planned_end = Some(NOW.plus_ms(1_000_000));
    assert_eq!(times(DAY, rotation_s), (DAY, 250));
    let past = |record: &mut Record| record.planned_end = Some(NOW.plus_ms(-1));
    assert_eq!(times(DAY, past), (DAY, 5));
}

#[test]
fn while_a_rotation_is_under_way_a_page_asks_every_five_minutes() {
    assert_eq!(times(DAY, |record| record.watched = true), (DAY, 300));
    assert_eq!(times(DAY, |record| record.successor = Some(Serial(8))), (DAY, 300));
    assert_eq!(times(60, |record| record.watched = true), (60, 15));
}

#[test]
fn an_answer_is_held_for_some_seconds_by_a_clock_that_may_jump() {
    let mut holder = FamilyHolder::default();
    assert_eq!(holder.get(&family(1), NOW), None);
    holder.hold(family(1), None, NOW);
    holder.hold(family(2), Some(claims(60)), NOW);
    let last = NOW.plus_ms(FAMILY_HELD_MS - 1);
    assert_eq!(
        [holder.get(&family(1), last), holder.get(&family(2), last)],
        [Some(None), Some(Some(claims(60)))]
    );
    assert_eq!(holder.get(&family(1), NOW.plus_ms(FAMILY_HELD_MS)), None);
    assert_eq!(holder.get(&family(1), NOW.plus_ms(-1)), None);
}
