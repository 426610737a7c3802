//! Distribution: which token of a family is given to pages, as KV names it and as a page gets it.
//!
//! Standard: DESIGN section 4 (`family/<id>`), section 7 (`GET /_wayleave/families/{family}/token`).
//! Invariants: KV and registry only *name* a token; the gate looks at list and record of what they name as it does for any
//! request, so that a copy however old hands out nothing that the gate would refuse.
//! What it must not know: HTTP, where a copy came from.
//! What a mistake costs: pages that carry a token which has ended (false refuse). It cannot admit: what is handed out is
//! judged again when it is used.

mod holder;

pub use holder::{FamilyHolder, Held};

use crate::family::FamilyId;
use crate::key::{KeyId, KeyRing};
use crate::limits::{
    MS_PER_SECOND, REFRESH_MAX_SECONDS, REFRESH_MIN_SECONDS, REFRESH_ROTATING_SECONDS, REFRESHES_BEFORE_END,
};
use crate::record::Record;
use crate::seal::{self, Purpose};
use crate::time::UnixMillis;
use crate::token::{Claims, VerifiedToken};
use serde::Serialize;

/// The only body format: the claims, as JSON.
const FORMAT: u8 = 1;

/// What a page gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HandedOut {
    token: String,
    /// Whole seconds, rounded down, at least 1.
    expires_in: i64,
    /// When to ask again, in whole seconds: before `expires_in`, unless that is a few seconds only.
    refresh_after_seconds: i64,
}

/// The KV key that names a family's token.
#[must_use]
pub fn kv_name(family: &FamilyId) -> String {
    format!("family/{}", family.as_str())
}

/// The value for KV. `None` when the ring lacks the signing key.
#[must_use]
pub fn seal(ring: &KeyRing, signing_key: KeyId, family: &FamilyId, named: Claims) -> Option<Vec<u8>> {
    let body = serde_json::to_vec(&named).ok()?;
    seal::seal(ring, Purpose::Record, signing_key, &kv_name(family), FORMAT, &body)
}

/// The token that a value read as this family's names, and the key that sealed it. `None`: it is no such value, or in a
/// format not known here; treated as absent.
#[must_use]
pub fn open(ring: &KeyRing, family: &FamilyId, value: &[u8]) -> Option<(Claims, KeyId)> {
    let opened = seal::open(ring, Purpose::Record, &kv_name(family), value).ok()?;
    let named = serde_json::from_slice(opened.body).ok().filter(|_| opened.format == FORMAT)?;
    Some((named, opened.key_id))
}

/// What a page gets of a token that the gate lets it have. `text` is the token's.
#[must_use]
pub fn handed_out(text: String, token: VerifiedToken, record: &Record, now: UnixMillis) -> HandedOut {
    let issued_end = token.claims().expires_at.to_millis();
    let end = record.ends_at.map_or(issued_end, |at| at.min(issued_end));
    let seconds_to = |at: UnixMillis| at.since_ms(now).max(0) / MS_PER_SECOND;
    let expires_in = seconds_to(end).max(1);
    let soonest_end = record.planned_end.map_or(end, |at| at.min(end));
    let is_rotating = record.watched || record.successor.is_some();
    let refresh_after_seconds = refresh_after_seconds(seconds_to(soonest_end), is_rotating).min(expires_in);
    HandedOut { token: text, expires_in, refresh_after_seconds }
}

/// When to ask again for a token that ends in `ends_in` seconds. `is_rotating`: it is a successor that nobody is known to
/// have used, or one that has a successor.
#[must_use]
pub fn refresh_after_seconds(ends_in: i64, is_rotating: bool) -> i64 {
    let longest = if is_rotating { REFRESH_ROTATING_SECONDS } else { REFRESH_MAX_SECONDS };
    (ends_in / REFRESHES_BEFORE_END).clamp(REFRESH_MIN_SECONDS, longest)
}

#[cfg(test)]
mod tests;
