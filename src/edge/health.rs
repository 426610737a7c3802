//! `GET /_wayleave/health`: whether this location could admit a request now.
//!
//! Standard: docs/http.md, "Health".
//! Invariants: the status is 200 only while the list held may be used, or `ON_UNKNOWN` is `admit`. The age is
//! that of the newest list held, even if it is too old.
//! What it must not know: HTTP except the status; how the list was read.
//! What a mistake costs: a location that refuses everything looks healthy.

use crate::base::time::UnixMillis;
use crate::edge::decide::OnUnknown;
use crate::edge::freshness::ListHolder;
use crate::edge::settings::EdgeSettings;
use crate::http::reply::Reply;
use crate::limits::MS_PER_SECOND;
use serde::Serialize;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    list_number: Option<(u32, u64)>,
    list_age_seconds: Option<i64>,
    bound_seconds: i64,
    on_unknown: &'static str,
    /// Lists and records that this isolate read and refused: altered, older, or of another deployment.
    lists_refused: u64,
    records_refused: u64,
    /// Responses of the registry that showed this location's clock to be off by more than 2 s.
    clock_faults: u64,
}

/// The response at `now`, after a refresh of the list if one was due.
#[must_use]
pub fn reply(settings: &EdgeSettings, lists: &ListHolder, records_refused: u64, now: UnixMillis) -> Reply {
    let newest = lists.newest();
    let usable = lists.usable(&settings.terms, now).is_some();
    let (status, code) = match (usable, settings.on_unknown) {
        (true, _) => ("ok", 200),
        (false, OnUnknown::Admit) => ("unguaranteed", 200),
        (false, OnUnknown::Refuse) => ("refusing", 503),
    };
    let health = Health {
        status,
        list_number: newest.as_ref().map(|list| (list.number().epoch, list.number().n)),
        list_age_seconds: lists.age_ms(now).map(|age_ms| age_ms.max(0) / MS_PER_SECOND),
        bound_seconds: settings.terms.bound_seconds,
        on_unknown: settings.on_unknown.as_str(),
        lists_refused: lists.refused,
        records_refused,
        clock_faults: lists.clock_faults,
    };
    let reply = Reply::json(code, &health);
    if code == 503 { reply.with("Retry-After", "2") } else { reply }
}
