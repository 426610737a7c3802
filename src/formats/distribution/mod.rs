//! Distribution: which token of a family pages receive. It covers the value in KV and the response to a page.
//!
//! Standard: docs/formats.md, "Family name"; docs/lifecycle.md, "Distribution".
//! Invariants: KV and the registry only *name* a token. The gate checks list and record of the named token as
//! for any request. So even a very old copy hands out nothing that the gate would refuse.
//! What it must not know: HTTP, where a copy came from.
//! What a mistake costs: pages carry a token that has ended (false refuse). It cannot admit, because the
//! token is checked again when it is used.

use crate::base::time::UnixMillis;
use crate::formats::family::FamilyId;
use crate::formats::key::{KeyId, KeyRing};
use crate::formats::record::Record;
use crate::formats::seal;
use crate::formats::seal::Purpose;
use crate::formats::token::{Claims, VerifiedToken};
use crate::limits::{
    MS_PER_SECOND, REFRESH_MAX_SECONDS, REFRESH_MIN_SECONDS, REFRESH_ROTATING_SECONDS, REFRESHES_BEFORE_END,
};
use serde::Serialize;

/// The only format version of the body: the claims as JSON.
const FORMAT: u8 = 1;

/// The response to a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HandedOut {
    token: String,
    /// Whole seconds, rounded down, at least 1.
    expires_in: i64,
    /// When to ask again, in whole seconds; before `expires_in`, unless that is only a few seconds.
    refresh_after_seconds: i64,
}

/// The KV key that names a family's token.
#[must_use]
pub fn kv_name(family: &FamilyId) -> String {
    format!("family/{}", family.as_str())
}

/// Seals the value for KV. `None` when the ring lacks the signing key.
#[must_use]
pub fn seal(ring: &KeyRing, signing_key: KeyId, family: &FamilyId, named: Claims) -> Option<Vec<u8>> {
    let body = serde_json::to_vec(&named).ok()?;
    seal::seal(ring, Purpose::Record, signing_key, &kv_name(family), FORMAT, &body)
}

/// Opens a value read as this family's: the token named, and the key that sealed the value. `None` when it is
/// no such value or its format is unknown; treat it as absent.
#[must_use]
pub fn open(ring: &KeyRing, family: &FamilyId, value: &[u8]) -> Option<(Claims, KeyId)> {
    let opened = seal::open(ring, Purpose::Record, &kv_name(family), value)?;
    let named = serde_json::from_slice(opened.body).ok().filter(|_| opened.format == FORMAT)?;
    Some((named, opened.key_id))
}

/// The response for a token that the gate allows to hand out. `text` is the token itself.
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

/// Seconds until a page should ask again for a token that ends in `ends_in` seconds. `is_rotating`: the token
/// is a successor not yet known to be used, or it has a successor.
#[must_use]
pub fn refresh_after_seconds(ends_in: i64, is_rotating: bool) -> i64 {
    let longest = if is_rotating { REFRESH_ROTATING_SECONDS } else { REFRESH_MAX_SECONDS };
    (ends_in / REFRESHES_BEFORE_END).clamp(REFRESH_MIN_SECONDS, longest)
}

#[cfg(test)]
mod tests;
