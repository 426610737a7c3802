//! What a decision needs, for benches: a token, its record, and a list that may be used.

use std::rc::Rc;
use wayleave::base::time::{UnixMillis, UnixSeconds};
use wayleave::edge::decide::{Asked, RecordFact};
use wayleave::edge::freshness::{Fetched, ListHolder, Terms};
use wayleave::formats::family::FamilyId;
use wayleave::formats::key::{KeyId, KeyRing, TagKey};
use wayleave::formats::list::{Delta, OpenedBase};
use wayleave::formats::origin::OriginEvidence;
use wayleave::formats::record::{Record, VersionedRecord};
use wayleave::formats::scope::Scope;
use wayleave::formats::token::{Claims, Serial};

use crate::population::{NUMBER, Population, ring};

pub(crate) const NOW: UnixMillis = UnixMillis(1_795_312_801_000);
const AUDIENCE: &str = "maps";
const EXPIRES_AT: UnixSeconds = UnixSeconds(1_800_000_000);
const BOUND_SECONDS: i64 = 60;

/// The text of a token with this serial.
pub(crate) fn token_text(ring: &KeyRing, serial: u32) -> String {
    let claims = Claims { key_id: KeyId(1), serial: Serial(serial), expires_at: EXPIRES_AT };
    claims.mint(ring).unwrap()
}

/// A record with so many rules, of which the last one names the page's site by a wildcard.
pub(crate) fn record(rules: usize) -> RecordFact {
    let mut origins: Vec<String> = (1..rules).map(|at| format!("https://site-{at}.example.org")).collect();
    origins.push("https://*.example.com".to_owned());
    let record: Record = serde_json::from_value(serde_json::json!({
        "key_id": 1,
        "expires_at": EXPIRES_AT.0,
        "family": FamilyId::mint([1; 13], &TagKey::derive(&[2; 32], "growth", "family")),
        "audiences": [AUDIENCE],
        "origins": origins,
        "origin_mode": "enforce",
        "missing_origin": "refuse",
    }))
    .unwrap();
    RecordFact::Known(Rc::new(VersionedRecord { version: 2, sealed_by: KeyId(1), record }))
}

/// A route without a default scope.
pub(crate) const NO_SCOPE: Scope = Scope { methods: None, paths: None };

/// What a page asks for on a route with this default scope.
pub(crate) fn asked(default_scope: &Scope) -> Asked<'_> {
    let evidence = evidence();
    Asked {
        audience: AUDIENCE,
        credentials: false,
        evidence,
        method: "GET",
        path: "/v1/tiles/7/65/42.json",
        default_scope,
    }
}

/// Where the page's request comes from.
pub(crate) fn evidence() -> OriginEvidence<'static> {
    OriginEvidence {
        origin: Some("https://app.example.com"),
        referer: Some("https://app.example.com/"),
        sec_fetch_site: Some("cross-site"),
        own_origin: "https://api.example.com",
    }
}

pub(crate) fn terms() -> Terms {
    Terms::from_bound(BOUND_SECONDS, true)
}

/// An isolate that holds the list of this population.
pub(crate) fn holder(population: Population) -> ListHolder {
    let mut lists = ListHolder::default();
    let ring = ring();
    let mut run = lists.refresh(&terms(), NOW, 1);
    let delta = Delta::open(&ring, &population.sealed_delta()).unwrap();
    run.take(&mut lists, Fetched::Copy(Ok(delta)), NOW);
    run.next(&mut lists, NOW);
    let base = OpenedBase::open(&ring, NUMBER, &population.sealed_base()).unwrap();
    run.take(&mut lists, Fetched::Base(Ok(base)), NOW);
    assert!(lists.usable(&terms(), NOW).is_some(), "it holds no list");
    lists
}
