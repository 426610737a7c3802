//! Vectors of the revocation list: bases and deltas as they are stored in KV, and values that a location must
//! refuse. `tests/vectors/lists.test.mjs` reads every row with Node's `crypto` and another implementation of
//! roaring bitmaps.

#![cfg(test)] // so clippy takes all of it for a test

#[path = "support/vectors.rs"]
mod vectors;

use base64::prelude::*;
use serde_json::{Value, json};
use wayleave::base::time::{UnixMillis, UnixSeconds};
use wayleave::formats::key::{KeyId, KeyRing, parse_signing_keys, sha256};
use wayleave::formats::list::{
    Base, Change, Delta, DeltaHead, KV_NAME, ListFault, Number, OpenedBase, SerialStatus, base_kv_name,
    seal_base,
};
use wayleave::formats::seal;
use wayleave::formats::seal::Purpose;
use wayleave::formats::token::Serial;

const DEPLOYMENT: &str = "vectors";
const NUMBER: Number = Number { epoch: 2, n: 1_000 };

fn signing_keys() -> Value {
    let second: Vec<u8> = (0..32).collect();
    json!({ "1": BASE64_STANDARD.encode([0x11; 32]), "2": BASE64_STANDARD.encode(second) })
}

fn ring(deployment: &str) -> KeyRing {
    KeyRing::derive(&parse_signing_keys(&signing_keys().to_string()).unwrap(), deployment)
}

fn change(serial: u32, status: SerialStatus, version: u32) -> Change {
    Change { serial: Serial(serial), status, version }
}

/// A base with array, bitmap and run containers of serials, and with versions of one bit, of several bits and
/// of a later epoch.
fn base() -> Base {
    let many = (100_000..110_000).map(|serial| change(serial * 2, SerialStatus::Revoked, 1));
    let run = (400_000..=470_000).map(|serial| change(serial, SerialStatus::Disabled, 1));
    let some = [
        change(7, SerialStatus::Revoked, 1),
        change(8, SerialStatus::Disabled, 3),
        change(9, SerialStatus::Good, 2),
        change(10, SerialStatus::Good, (1 << 20) | 5),
        change(u32::MAX, SerialStatus::Revoked, 2),
    ];
    Base::empty(2).fold(some.into_iter().chain(many).chain(run), [], NUMBER)
}

/// The base that precedes it.
fn earlier() -> Base {
    Base::empty(2).fold([change(7, SerialStatus::Revoked, 1)], [], Number { n: 900, ..NUMBER })
}

fn head() -> DeltaHead {
    DeltaHead {
        number: Number { n: 1_005, ..NUMBER },
        this_update: UnixMillis(1_795_312_800_250),
        next_update: UnixMillis(1_795_312_860_250),
        base: NUMBER,
        base_sha256: sha256(&base().body().unwrap()),
        since: 900,
        since_sha256: sha256(&earlier().body().unwrap()),
        changed: 1_003,
        highest_serial: Serial(500_000),
    }
}

fn delta() -> Delta {
    let changes = [
        change(8, SerialStatus::Good, 4),
        change(300, SerialStatus::Revoked, 1),
        change(70_000, SerialStatus::Disabled, 200),
    ];
    Delta::new(head(), changes, [KeyId(2), KeyId(200)])
}

/// 2026-11-23 and 2026-12-01, 00:00 UTC.
const ENDS: [i64; 2] = [1_795_392_000, 1_796_083_200];

fn used_up(serial: u32, until: i64, version: u32) -> Change {
    change(serial, SerialStatus::Exhausted(UnixSeconds(until)), version)
}

/// The base, and quotas that are used up.
fn base_with_quotas() -> Base {
    let [day, month] = ENDS;
    let of_a_day = (500_001..=500_020).map(|serial| used_up(serial, day, 1));
    base().fold([used_up(10, month, 5), used_up(11, day, 1)].into_iter().chain(of_a_day), [], NUMBER)
}

fn fault(fault: ListFault) -> Value {
    json!({ "outcome": "refused", "fault": format!("{fault:?}") })
}

fn opened_delta(value: &[u8]) -> Value {
    match Delta::open(&ring(DEPLOYMENT), value) {
        Err(refused) => fault(refused),
        Ok(opened) => {
            let DeltaHead {
                number,
                this_update,
                next_update,
                base,
                base_sha256,
                since,
                since_sha256,
                changed,
                highest_serial,
            } = opened.delta.head;
            json!({
                "outcome": "opened",
                "sealed_by": opened.sealed_by.0,
                "number": [number.epoch, number.n],
                "this_update": this_update.0,
                "next_update": next_update.0,
                "base": [base.epoch, base.n],
                "base_sha256": hex::encode(base_sha256),
                "since": since,
                "since_sha256": hex::encode(since_sha256),
                "changed": changed,
                "highest_serial": highest_serial.0,
                "changes": opened.delta.changes().iter().map(said).collect::<Vec<_>>(),
                "retired": opened.delta.retired().iter().map(|id| id.0).collect::<Vec<_>>(),
            })
        }
    }
}

fn said(change: &Change) -> Value {
    let status = match change.status {
        SerialStatus::Exhausted(until) => format!("Exhausted until {}", until.0),
        status => format!("{status:?}"),
    };
    json!([change.serial.0, status, change.version])
}

fn opened_base(number: Number, value: &[u8]) -> Value {
    match OpenedBase::open(&ring(DEPLOYMENT), number, value) {
        Err(refused) => fault(refused),
        Ok(opened) => {
            let serials = [
                0,
                7,
                8,
                9,
                10,
                11,
                500_020,
                200_000,
                200_001,
                219_998,
                220_000,
                399_999,
                400_000,
                470_000,
                470_001,
                u32::MAX,
            ];
            let says = |serial: u32| {
                let (status, version) =
                    (opened.base.status(Serial(serial)), opened.base.record_version(Serial(serial)));
                said(&change(serial, status, version))
            };
            json!({
                "outcome": "opened",
                "sealed_by": value[1],
                "number": [opened.base.number().epoch, opened.base.number().n],
                "sha256": hex::encode(opened.sha256),
                "entries": opened.base.entries(),
                "says": serials.map(says),
            })
        }
    }
}

fn flipped(value: &[u8], bit: usize) -> Vec<u8> {
    let mut value = value.to_vec();
    value[bit / 8] ^= 0x80 >> (bit % 8);
    value
}

#[test]
fn deltas_are_what_the_vectors_say() {
    let ring = &ring(DEPLOYMENT);
    let good = delta().seal(ring, KeyId(1)).unwrap();
    let body = &good[2..good.len() - 16];
    let sealed =
        |format: u8, body: &[u8]| seal::seal(ring, Purpose::List, KeyId(1), KV_NAME, format, body).unwrap();
    let OpenedBase { base: empty, sha256: empty_sha256 } = OpenedBase::empty(2);
    let on_empty = DeltaHead {
        base: empty.number(),
        base_sha256: empty_sha256,
        since: 0,
        since_sha256: empty_sha256,
        ..head()
    };
    let exhausted = Delta::new(head(), [used_up(8, ENDS[0], 4), change(9, SerialStatus::Good, 2)], []);
    let exhausted = exhausted.seal(ring, KeyId(1)).unwrap();
    let nothing = Delta::new(on_empty, [], []);
    let other = Delta::new(head(), [], []).seal(&self::ring("another"), KeyId(1)).unwrap();
    let layout = "body: postcard, format 1; seal: format, key id, body, tag";
    let tag = "tag: leftmost 16 bytes of HMAC-SHA256 over key name, zero byte, format, key id, body";
    let rows = [
        ("changes since a base", good.clone(), layout),
        ("nothing changed, on the empty base", nothing.seal(ring, KeyId(2)).unwrap(), layout),
        ("a bit of the format flipped", flipped(&good, 7), tag),
        ("a bit of the key id flipped", flipped(&good, 14), tag),
        ("a bit of the number flipped", flipped(&good, 17), tag),
        ("a bit of the tag flipped", flipped(&good, good.len() * 8 - 1), tag),
        ("cut by a byte", good[..good.len() - 1].to_vec(), tag),
        ("nothing at all", Vec::new(), tag),
        ("another deployment's", other, "HKDF salt is the deployment's name"),
        (
            "a record in its place",
            seal::seal(ring, Purpose::Record, KeyId(1), KV_NAME, 1, body).unwrap(),
            "a key for each purpose",
        ),
        (
            "a base in its place",
            seal_base(ring, KeyId(1), NUMBER, &base().body().unwrap()).unwrap(),
            "the tag covers the key's name",
        ),
        (
            "a used up quota",
            exhausted.clone(),
            "format 2: status 3 is followed by the end of the period in seconds",
        ),
        (
            "format 2 without a used up quota",
            sealed(2, body),
            "format 2 is written where a quota is used up, and nowhere else",
        ),
        (
            "a used up quota in format 1",
            sealed(1, &exhausted[2..exhausted.len() - 16]),
            "format 1 has no status 3",
        ),
        ("an unknown format", sealed(3, body), "a format is read one release before it is written"),
        ("bytes left over", sealed(1, &[body, &[0]].concat()), "nothing follows the body"),
        ("cut and sealed anew", sealed(1, &body[..body.len() - 1]), "nothing of the body is missing"),
        (
            "sealed by a key that it retires",
            delta().seal(ring, KeyId(2)).unwrap(),
            "a list does not speak for itself against itself",
        ),
        (
            "since after its base",
            Delta::new(DeltaHead { since: 1_001, ..head() }, [], []).seal(ring, KeyId(1)).unwrap(),
            "since <= base <= number",
        ),
        (
            "one base under two hashes",
            Delta::new(DeltaHead { since: 1_000, ..head() }, [], []).seal(ring, KeyId(1)).unwrap(),
            "since = base exactly where their hashes are equal",
        ),
        (
            "two bases under one hash",
            Delta::new(DeltaHead { since_sha256: head().base_sha256, ..head() }, [], [])
                .seal(ring, KeyId(1))
                .unwrap(),
            "since = base exactly where their hashes are equal",
        ),
    ];
    let rows = rows.map(|(name, value, source)| {
        json!({
            "name": name,
            "value": BASE64_STANDARD.encode(&value),
            "expect": opened_delta(&value),
            "source": source,
        })
    });
    assert_eq!(rows.iter().filter(|row| row["expect"]["outcome"] == "opened").count(), 3);
    let bases = bases();
    vectors::check(
        "lists.json",
        &json!({ "deployment": DEPLOYMENT, "signing_keys": signing_keys(), "deltas": rows, "bases": bases }),
    );
}

fn bases() -> Vec<Value> {
    let ring = &ring(DEPLOYMENT);
    let body = base().body().unwrap();
    let good = seal_base(ring, KeyId(1), NUMBER, &body).unwrap();
    let next = Number { n: 1_001, ..NUMBER };
    let quotas = base_with_quotas().body().unwrap();
    let sealed = |format: u8, body: &[u8]| {
        seal::seal(ring, Purpose::List, KeyId(1), &base_kv_name(NUMBER), format, body).unwrap()
    };
    let rows = [
        ("arrays, a bitmap, a run", NUMBER, good.clone(), "roaring format specification, portable"),
        (
            "the same sealed by another key",
            NUMBER,
            seal_base(ring, KeyId(2), NUMBER, &body).unwrap(),
            "the SHA-256 is that of the body",
        ),
        ("read under another number", next, good.clone(), "the tag covers the key's name"),
        (
            "sealed under another number",
            next,
            seal_base(ring, KeyId(1), next, &body).unwrap(),
            "the number inside counts too",
        ),
        (
            "quotas that are used up",
            NUMBER,
            seal_base(ring, KeyId(1), NUMBER, &quotas).unwrap(),
            "format 2: the groups follow the versions",
        ),
        (
            "used up quotas in format 1",
            NUMBER,
            sealed(1, &quotas),
            "nothing follows the last field of format 1",
        ),
        ("format 2 without used up quotas", NUMBER, sealed(2, &body), "format 2 has at least one group"),
        (
            "used up quotas cut by a byte",
            NUMBER,
            sealed(2, &quotas[..quotas.len() - 1]),
            "nothing of the body is missing",
        ),
        ("a base of an unknown format", NUMBER, sealed(3, &body), "formats 1 and 2 are read"),
        ("a bit of a bitmap flipped", NUMBER, flipped(&good, good.len() * 4), "tag"),
    ];
    rows.map(|(name, number, value, source)| {
        json!({
            "name": name,
            "key": base_kv_name(number),
            "value": BASE64_STANDARD.encode(&value),
            "expect": opened_base(number, &value),
            "source": source,
        })
    })
    .to_vec()
}
