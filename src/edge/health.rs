//! `GET /_wayleave/health`: whether this location could admit a request now.
//!
//! Standard: DESIGN section 7.
//! Invariants: 200 only while the list held may be used, or `ON_UNKNOWN` is `admit`; the age is that of the newest list
//! held, however old.
//! What it must not know: HTTP beyond the status; how the list was read.
//! What a mistake costs: a location that refuses everything looks well.

use crate::config::Config;
use crate::freshness::ListHolder;
use crate::gate::OnUnknown;
use crate::limits::MS_PER_SECOND;
use crate::reply::Reply;
use crate::time::UnixMillis;
use serde::Serialize;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    list_number: Option<(u32, u64)>,
    list_age_seconds: Option<i64>,
    bound_seconds: i64,
    on_unknown: &'static str,
    /// Lists and records that this isolate read and did not take: altered, older, of another deployment.
    lists_refused: u64,
    records_refused: u64,
    /// Answers of the registry that showed this location's clock to be off by more than 2 s.
    clock_faults: u64,
}

/// The answer at `now`, after the list was looked for.
#[must_use]
pub fn reply(config: &Config, lists: &ListHolder, records_refused: u64, now: UnixMillis) -> Reply {
    let newest = lists.newest();
    let usable = lists.usable(&config.terms, now).is_some();
    let (status, code) = match (usable, config.on_unknown) {
        (true, _) => ("ok", 200),
        (false, OnUnknown::Admit) => ("unguaranteed", 200),
        (false, OnUnknown::Refuse) => ("refusing", 503),
    };
    let health = Health {
        status,
        list_number: newest.as_ref().map(|list| (list.number().epoch, list.number().n)),
        list_age_seconds: lists.age_ms(now).map(|age_ms| age_ms.max(0) / MS_PER_SECOND),
        bound_seconds: config.bound_seconds,
        on_unknown: match config.on_unknown {
            OnUnknown::Refuse => "refuse",
            OnUnknown::Admit => "admit",
        },
        lists_refused: lists.refused,
        records_refused,
        clock_faults: lists.clock_faults,
    };
    let reply = Reply::json(code, &health);
    if code == 503 { reply.with("Retry-After", "2") } else { reply }
}
