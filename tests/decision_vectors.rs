//! Decision vectors: the gate's decision on a token, a list, a record and a request at an instant. Each row
//! cites the rule that it shows, so that other implementations of the gate can be checked against it.

#![cfg(test)] // so clippy takes all of it for a test

#[path = "support/scope_rows.rs"]
mod scope_rows;
#[path = "support/vectors.rs"]
mod vectors;

use base64::prelude::*;
use serde_json::{Value, json};
use std::rc::Rc;
use wayleave::base::time::{UnixMillis, UnixSeconds};
use wayleave::edge::decide::{Asked, Known, OnUnknown, RecordFact, Unfit, decide};
use wayleave::edge::freshness::{Fetched, ListHolder, Terms};
use wayleave::formats::family::FamilyId;
use wayleave::formats::key::{KeyId, KeyRing, TagKey, parse_signing_keys};
use wayleave::formats::list::{Change, Delta, DeltaHead, Number, OpenedBase, OpenedDelta, SerialStatus};
use wayleave::formats::origin::OriginEvidence;
use wayleave::formats::record::{Record, VersionedRecord};
use wayleave::formats::scope::Scope;
use wayleave::formats::token::{Claims, Serial, UnverifiedToken, VerifiedToken};

const NOW: i64 = 1_800_000_000_000;
const EXPIRES_AT: i64 = 1_800_003_600;
const TWO_REASONS: &str =
    "order of the decision: expiry, list age, status, record, end, audience, origin, scope, quota";
const PROMISE_2: &str =
    "the bound: a list is usable while now < next_update - 2 s and now - this_update < B - 2 s";
const PROMISE_4: &str = "expiry is to the second and needs no store";
const STATUS: &str = "RFC 6960 section 2.2: good, revoked, unknown; disabled is ours";
const VERSION: &str = "a record below the version that the list names is never used";
const ENDS: &str = "an operator's earlier end is enforced by the gate itself";
const AUDIENCE: &str = "RFC 6750 section 3.1: insufficient_scope";
const ORIGIN: &str = "RFC 6454 section 7; see origins.json for every case";

fn ring() -> KeyRing {
    let secret = BASE64_STANDARD.encode([5; 32]);
    KeyRing::derive(&parse_signing_keys(&json!({ "1": secret, "2": secret }).to_string()).unwrap(), "vectors")
}

fn token(key_id: u8) -> VerifiedToken {
    let claims = Claims { key_id: KeyId(key_id), serial: Serial(7), expires_at: UnixSeconds(EXPIRES_AT) };
    UnverifiedToken::parse(&claims.mint(&ring()).unwrap()).unwrap().verify(&ring()).unwrap()
}

/// The base case, which is admitted. Each row overrides some of its members.
fn admitted() -> Value {
    json!({
        "now": NOW,
        "token": { "key_id": 1, "serial": 7, "expires_at": EXPIRES_AT },
        "bound_seconds": 60,
        "on_unknown": "refuse",
        "list": {
            "this_update": NOW - 1_000,
            "next_update": NOW + 59_000,
            "changes": [],
            "retired": [],
        },
        "record": {
            "version": 1,
            "sealed_by": 1,
            "key_id": 1,
            "expires_at": EXPIRES_AT,
            "ends_at": null,
            "audiences": ["maps"],
            "origins": ["https://app.example.com"],
            "origin_mode": "enforce",
            "missing_origin": "refuse",
        },
        "asked": {
            "audience": "maps",
            "credentials": false,
            "origin": "https://app.example.com",
            "referer": null,
            "sec_fetch_site": null,
            "method": "GET",
            "path": "/v1/tiles/1",
            "default_scope": {},
        },
    })
}

pub(crate) fn merge(into: &mut Value, changes: &Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (name, change) in changes {
                merge(into.entry(name.clone()).or_insert(Value::Null), change);
            }
        }
        (into, changes) => *into = changes.clone(),
    }
}

fn list(case: &Value) -> ListHolder {
    let mut lists = ListHolder::default();
    let list = &case["list"];
    if list.is_null() {
        return lists;
    }
    let changes = list["changes"].as_array().unwrap().iter().map(|change| Change {
        serial: Serial(u32::try_from(change["serial"].as_u64().unwrap()).unwrap()),
        status: match change["status"].as_str().unwrap() {
            "good" => SerialStatus::Good,
            "disabled" => SerialStatus::Disabled,
            "exhausted" => SerialStatus::Exhausted(UnixSeconds(change["until"].as_i64().unwrap())),
            _ => SerialStatus::Revoked,
        },
        version: u32::try_from(change["version"].as_u64().unwrap()).unwrap(),
    });
    let retired = list["retired"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| KeyId(u8::try_from(id.as_u64().unwrap()).unwrap()));
    let this_update = UnixMillis(list["this_update"].as_i64().unwrap());
    let next_update = UnixMillis(list["next_update"].as_i64().unwrap());
    let number = Number { epoch: 1, n: 1 };
    let empty = OpenedBase::empty(1);
    let head = DeltaHead {
        number,
        this_update,
        next_update,
        base: empty.base.number(),
        base_sha256: empty.sha256,
        since: 0,
        since_sha256: empty.sha256,
        changed: 1,
        highest_serial: Serial(9),
    };
    let opened = OpenedDelta { delta: Delta::new(head, changes, retired), sealed_by: KeyId(1) };
    lists.refresh(&Terms::from_bound(60, true), this_update, 1).take(
        &mut lists,
        Fetched::Copy(Ok(opened)),
        this_update,
    );
    lists
}

fn record(case: &Value) -> RecordFact {
    let record = &case["record"];
    match record.as_str() {
        Some("no_such_token") => return RecordFact::NoSuchToken,
        Some("unavailable") => return RecordFact::Unavailable,
        Some("not_read") => return RecordFact::NotRead,
        _ => {}
    }
    // The record as KV would have it. Members that the table does not set are left out.
    let mut body = record.as_object().unwrap().clone();
    let family = FamilyId::mint([1; 13], &TagKey::derive(&[2; 32], "vectors", "family"));
    body.insert("family".to_owned(), json!(family));
    let version = serde_json::from_value(body.remove("version").unwrap()).unwrap();
    let sealed_by = serde_json::from_value(body.remove("sealed_by").unwrap()).unwrap();
    let record: Record = serde_json::from_value(body.into()).unwrap();
    RecordFact::Known(Rc::new(VersionedRecord { version, sealed_by, record }))
}

fn outcome(case: &Value) -> Value {
    let asked = &case["asked"];
    let evidence = OriginEvidence {
        origin: asked["origin"].as_str(),
        referer: asked["referer"].as_str(),
        sec_fetch_site: asked["sec_fetch_site"].as_str(),
        own_origin: "https://api.example.com",
    };
    let (audience, credentials) = (asked["audience"].as_str().unwrap(), asked["credentials"] == true);
    let default_scope: Scope = serde_json::from_value(asked["default_scope"].clone()).unwrap();
    let asked = Asked {
        audience,
        credentials,
        evidence,
        method: asked["method"].as_str().unwrap(),
        path: asked["path"].as_str().unwrap(),
        default_scope: &default_scope,
    };
    let terms = Terms::from_bound(case["bound_seconds"].as_i64().unwrap(), true);
    let on_unknown = if case["on_unknown"] == "admit" { OnUnknown::Admit } else { OnUnknown::Refuse };
    let key_id = u8::try_from(case["token"]["key_id"].as_u64().unwrap()).unwrap();
    let now = UnixMillis(case["now"].as_i64().unwrap());
    let (lists, record) = (list(case), record(case));
    let known = Known { lists: &lists, terms: &terms, on_unknown, record: &record, now };
    match decide(token(key_id), &known, &asked) {
        Ok(admission) => {
            let reported = admission.reported().map(|code| code.code());
            let named = admission.is_named();
            json!({ "admit": true, "ends_at": admission.ends_at().0, "reported": reported, "named": named })
        }
        Err(Unfit::Refused(problem)) => match problem.reason() {
            None => json!({ "refuse": problem.code().code() }),
            Some(reason) => json!({ "refuse": problem.code().code(), "reason": reason.name() }),
        },
        Err(Unfit::QuotaExceeded { retry_after_seconds }) => {
            json!({ "refuse": "quota_exceeded", "retry_after_seconds": retry_after_seconds })
        }
        Err(Unfit::NeedsRecord(version)) => json!({ "needs_record": version }),
    }
}

pub(crate) fn change(status: &str, version: u32) -> Value {
    json!({ "list": { "changes": [{ "serial": 7, "status": status, "version": version }] } })
}

/// Rows of tokens whose quota the list says to be used up.
fn with_a_used_up_quota() -> Vec<(&'static str, Value, Value, &'static str)> {
    const QUOTA: &str = "the list says until which second, so nothing newer is needed to admit again";
    let until = |ms: i64| {
        let at = json!({ "serial": 7, "status": "exhausted", "until": ms / 1_000, "version": 1 });
        json!({ "changes": [at] })
    };
    let day_ends = NOW + 60_000;
    let refused = json!("quota_exceeded: 60 s");
    vec![
        ("a quota that is used up", json!({ "list": until(day_ends) }), refused.clone(), QUOTA),
        (
            "a quota, a millisecond before the period ends",
            json!({ "list": until(NOW + 1_000), "now": NOW + 999 }),
            json!("quota_exceeded: 1 s"),
            QUOTA,
        ),
        ("a quota whose period ends now", json!({ "list": until(NOW) }), json!("admit"), QUOTA),
        (
            "a used up quota, for another audience",
            json!({ "list": until(day_ends), "asked": { "audience": "tiles" } }),
            json!("audience_mismatch"),
            TWO_REASONS,
        ),
        (
            "a used up quota, from elsewhere",
            json!({ "list": until(day_ends), "asked": { "origin": "https://evil.example" } }),
            json!("origin_not_allowed"),
            TWO_REASONS,
        ),
        (
            "a used up quota, from elsewhere, reported only",
            json!({
                "list": until(day_ends),
                "record": { "origin_mode": "report" },
                "asked": { "origin": "https://evil.example" },
            }),
            refused,
            TWO_REASONS,
        ),
        (
            "a used up quota, expired too",
            json!({ "list": until(EXPIRES_AT * 1_000 + 60_000), "now": EXPIRES_AT * 1_000 }),
            json!("token_expired"),
            TWO_REASONS,
        ),
        (
            "a used up quota, ended too",
            json!({ "list": until(day_ends), "record": { "ends_at": NOW } }),
            json!("token_revoked"),
            TWO_REASONS,
        ),
    ]
}

/// Rows of requests to a route with `credentials: true`.
fn to_a_route_that_takes_cookies() -> Vec<(&'static str, Value, Value, &'static str)> {
    const COOKIES: &str = "Fetch section 3.3: what Access-Control-Allow-Credentials opens is a visitor's, \
                           so only a site that a rule names gets it";
    let asked = |changes: Value| {
        let mut asked = json!({ "credentials": true });
        merge(&mut asked, &changes);
        asked
    };
    let evil = json!({ "origin": "https://evil.example" });
    vec![
        (
            "with cookies, from a site that a rule names",
            json!({ "asked": asked(json!({})) }),
            json!("admit, named"),
            COOKIES,
        ),
        (
            "with cookies, from a site that a wildcard names",
            json!({ "asked": asked(json!({})), "record": { "origins": ["https://*.example.com"] } }),
            json!("admit, named"),
            COOKIES,
        ),
        (
            "with cookies, by Referer",
            json!({ "asked": asked(json!({ "origin": null, "referer": "https://app.example.com/page" })) }),
            json!("admit, named"),
            COOKIES,
        ),
        (
            "with cookies, from elsewhere",
            json!({ "asked": asked(evil.clone()) }),
            json!("origin_not_allowed"),
            ORIGIN,
        ),
        (
            "with cookies, a token that works anywhere",
            json!({ "asked": asked(evil.clone()), "record": { "origins": "any" } }),
            json!("origin_not_allowed: origins_not_named"),
            COOKIES,
        ),
        (
            "with cookies, a token that works anywhere, from an origin that is null",
            json!({ "asked": asked(json!({ "origin": "null" })), "record": { "origins": "any" } }),
            json!("origin_not_allowed: origins_not_named"),
            COOKIES,
        ),
        (
            "with cookies, a token that only reports",
            json!({ "asked": asked(evil), "record": { "origin_mode": "report" } }),
            json!("origin_not_allowed: origins_not_named"),
            COOKIES,
        ),
        (
            "with cookies, a token that only reports, from a site that it names",
            json!({ "asked": asked(json!({})), "record": { "origin_mode": "report" } }),
            json!("origin_not_allowed: origins_not_named"),
            COOKIES,
        ),
        (
            "with cookies, an extension that no rule names",
            json!({
                "asked": asked(json!({ "origin": "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc" })),
                "record": { "origins": ["https://app.example.com", "moz-extension://*"] },
            }),
            json!("origin_not_allowed: origins_not_named"),
            COOKIES,
        ),
        (
            "with cookies, a token for every extension and nobody else, from nowhere, allowed",
            json!({
                "asked": asked(json!({ "origin": null })),
                "record": { "origins": ["moz-extension://*"], "missing_origin": "allow" },
            }),
            json!("origin_not_allowed: origins_not_named"),
            COOKIES,
        ),
        (
            "with cookies, from nowhere, allowed",
            json!({ "asked": asked(json!({ "origin": null })), "record": { "missing_origin": "allow" } }),
            json!("admit"),
            COOKIES,
        ),
        (
            "with cookies, for another audience",
            json!({ "asked": asked(json!({ "audience": "tiles" })), "record": { "origins": "any" } }),
            json!("audience_mismatch"),
            TWO_REASONS,
        ),
    ]
}

#[test]
fn the_gate_decides_as_the_vectors_say() {
    let elsewhere = json!({ "asked": { "origin": "https://evil.example" } });
    let cases: Vec<(&str, Value, Value, &str)> = vec![
        ("all is well", json!({}), json!("admit"), TWO_REASONS),
        (
            "a millisecond before its expiry",
            json!({
                "now": EXPIRES_AT * 1000 - 1,
                "list": { "this_update": EXPIRES_AT * 1000 - 2, "next_update": EXPIRES_AT * 1000 + 60_000 },
            }),
            json!("admit"),
            PROMISE_4,
        ),
        ("at its expiry", json!({ "now": EXPIRES_AT * 1000 }), json!("token_expired"), PROMISE_4),
        (
            "expired, and revoked too",
            json!({ "now": EXPIRES_AT * 1000, "list": change("revoked", 1)["list"] }),
            json!("token_expired"),
            TWO_REASONS,
        ),
        (
            "a list of B - 2 s less a millisecond",
            json!({ "list": { "this_update": NOW - 57_999, "next_update": NOW + 2_001 } }),
            json!("admit"),
            PROMISE_2,
        ),
        (
            "a list of B - 2 s",
            json!({ "list": { "this_update": NOW - 58_000, "next_update": NOW + 2_000 } }),
            json!("revocation_status_unknown"),
            PROMISE_2,
        ),
        (
            "a list made under a smaller bound, 2 s and a millisecond before its next_update",
            json!({
                "bound_seconds": 300,
                "list": { "this_update": NOW - 57_999, "next_update": NOW + 2_001 },
            }),
            json!("admit"),
            PROMISE_2,
        ),
        (
            "a list made under a smaller bound, 2 s before its next_update",
            json!({
                "bound_seconds": 300,
                "list": { "this_update": NOW - 58_000, "next_update": NOW + 2_000 },
            }),
            json!("revocation_status_unknown"),
            PROMISE_2,
        ),
        (
            "a list at its next_update",
            json!({ "bound_seconds": 300, "list": { "this_update": NOW - 60_000, "next_update": NOW } }),
            json!("revocation_status_unknown"),
            PROMISE_2,
        ),
        (
            "a bound that was lowered",
            json!({
                "bound_seconds": 5,
                "list": { "this_update": NOW - 3_000, "next_update": NOW + 57_000 },
            }),
            json!("revocation_status_unknown"),
            PROMISE_2,
        ),
        ("no list", json!({ "list": null }), json!("revocation_status_unknown"), PROMISE_2),
        (
            "no list, ON_UNKNOWN admit",
            json!({ "list": null, "on_unknown": "admit" }),
            json!("admit"),
            "ON_UNKNOWN = admit: the operator's choice, without guarantee",
        ),
        (
            "an old list that names it, ON_UNKNOWN admit",
            json!({
                "on_unknown": "admit",
                "list": {
                    "this_update": NOW - 9_000_000, "next_update": NOW - 8_000_000,
                    "changes": [{ "serial": 7, "status": "revoked", "version": 1 }],
                },
            }),
            json!("token_revoked"),
            "ON_UNKNOWN = admit still refuses whatever the newest list held names",
        ),
        ("revoked", change("revoked", 1), json!("token_revoked"), STATUS),
        ("disabled", change("disabled", 1), json!("token_disabled"), STATUS),
        ("enabled again", change("good", 1), json!("admit"), STATUS),
        (
            "another serial is revoked",
            json!({ "list": { "changes": [{ "serial": 8, "status": "revoked", "version": 1 }] } }),
            json!("admit"),
            STATUS,
        ),
        (
            "revoked, and from elsewhere",
            json!({ "list": change("revoked", 1)["list"], "asked": elsewhere["asked"] }),
            json!("token_revoked"),
            TWO_REASONS,
        ),
        (
            "its key is retired",
            json!({ "list": { "retired": [1] } }),
            json!("token_invalid"),
            "a retired key's tokens die within the bound",
        ),
        (
            "another key is retired",
            json!({ "list": { "retired": [2] } }),
            json!("admit"),
            "a retired key's tokens die within the bound",
        ),
        (
            "its record was sealed by a retired key",
            json!({ "list": { "retired": [2] }, "record": { "sealed_by": 2 } }),
            json!("needs_record:1"),
            "a record sealed by a retired key is not used",
        ),
        (
            "its record is of a later epoch than the list",
            json!({ "record": { "version": (1 << 20) | 1 } }),
            json!("needs_record:1"),
            "a restored registry's record has settings older than a list of the lost time names",
        ),
        ("the record is older than the list names", change("good", 2), json!("needs_record:2"), VERSION),
        (
            "the record is newer than the list names",
            json!({ "list": change("good", 2)["list"], "record": { "version": 3 } }),
            json!("admit"),
            VERSION,
        ),
        ("the record was not read", json!({ "record": "not_read" }), json!("needs_record:1"), VERSION),
        (
            "the record cannot be had",
            json!({ "record": "unavailable" }),
            json!("revocation_status_unknown"),
            "or the record cannot be had from anywhere",
        ),
        (
            "no such token",
            json!({ "record": "no_such_token" }),
            json!("token_invalid"),
            "a verified serial for which the registry has no row",
        ),
        (
            "the record is of another expiry",
            json!({ "record": { "expires_at": EXPIRES_AT + 1 } }),
            json!("token_invalid"),
            "key id and expires_at must equal the token's",
        ),
        (
            "the record is of another key",
            json!({ "record": { "key_id": 2 } }),
            json!("token_invalid"),
            "key id and expires_at must equal the token's",
        ),
        (
            "a millisecond before its earlier end",
            json!({ "record": { "ends_at": NOW + 1 } }),
            json!("admit"),
            ENDS,
        ),
        ("at its earlier end", json!({ "record": { "ends_at": NOW } }), json!("token_revoked"), ENDS),
        (
            "for another audience",
            json!({ "asked": { "audience": "tiles" } }),
            json!("audience_mismatch"),
            AUDIENCE,
        ),
        (
            "for another audience, and from elsewhere",
            json!({ "asked": { "audience": "tiles", "origin": "https://evil.example" } }),
            json!("audience_mismatch"),
            TWO_REASONS,
        ),
        ("from elsewhere", elsewhere.clone(), json!("origin_not_allowed"), ORIGIN),
        (
            "from elsewhere, reported only",
            json!({ "record": { "origin_mode": "report" }, "asked": elsewhere["asked"] }),
            json!("admit"),
            "origin_mode report admits, and says what enforcing would have refused",
        ),
        ("from nowhere", json!({ "asked": { "origin": null } }), json!("origin_missing"), ORIGIN),
        (
            "from nowhere, allowed",
            json!({ "record": { "missing_origin": "allow" }, "asked": { "origin": null } }),
            json!("admit"),
            ORIGIN,
        ),
        (
            "from nowhere, allowed, but a browser hid it",
            json!({
                "record": { "missing_origin": "allow" },
                "asked": { "origin": null, "sec_fetch_site": "cross-site" },
            }),
            json!("origin_missing"),
            "Fetch Metadata: a browser that says cross-site hid the referrer",
        ),
        (
            "from anywhere",
            json!({ "record": { "origins": "any" }, "asked": elsewhere["asked"] }),
            json!("admit"),
            "origins any: nothing about origins is evaluated",
        ),
    ];
    let mut rows = Vec::new();
    let cases = cases.into_iter().chain(to_a_route_that_takes_cookies()).chain(with_a_used_up_quota());
    let cases = cases.map(|(name, changes, said, source)| (name.to_owned(), changes, said, source));
    for (name, changes, said, source) in cases.chain(scope_rows::all()) {
        let mut case = admitted();
        merge(&mut case, &changes);
        let expect = outcome(&case);
        // The row holds the expected result in short, written by hand. The file holds the gate's full result.
        let brief = match (&expect["refuse"], &expect["needs_record"]) {
            (Value::String(code), _) => match expect["reason"].as_str() {
                None if code == "quota_exceeded" => {
                    json!(format!("{code}: {} s", expect["retry_after_seconds"]))
                }
                None => json!(code),
                Some(reason) => json!(format!("{code}: {reason}")),
            },
            (_, Value::Number(version)) => json!(format!("needs_record:{version}")),
            _ if case["asked"]["credentials"] == true && expect["named"] == true => json!("admit, named"),
            _ if case["record"]["scope_mode"] == "report" && !expect["reported"].is_null() => {
                json!(format!("admit, reported {}", expect["reported"].as_str().unwrap()))
            }
            _ => json!("admit"),
        };
        assert_eq!(brief, said, "{name}");
        rows.push(json!({ "name": name, "source": source, "given": case, "expect": expect }));
    }
    vectors::check("decisions.json", &Value::Array(rows));
}
