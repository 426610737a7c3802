//! What reaches the registry: one [`Call`] per call of its Durable Object.

use super::commands::Command;
use crate::base::time::UnixMillis;
use crate::formats::holding::Holding;
use crate::formats::list::Number;
use crate::formats::page_fetch::PageFetch;
use crate::formats::token::Serial;
use crate::formats::usage::anomaly::Anomaly;
use crate::formats::usage::meter::MeterReport;
use crate::formats::usage::token_use::TokenUse;
use serde::{Deserialize, Serialize};

/// One call to the Durable Object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Call {
    /// A location requests the newest delta.
    List {
        /// The caller's own bound B in seconds: it may need a younger list than the registry's B requires.
        bound_seconds: i64,
        #[serde(default)] // an isolate of the previous release does not say
        asked_by: ListAskedBy,
    },
    /// An isolate requests the newest delta as soon as it contains a change that the isolate lacks.
    Subscribe(Subscribe),
    /// A relay requests the newest delta for the isolates behind it.
    Relay(RelayCall),
    /// A location requests a base that KV does not have.
    Base {
        /// The number that the delta names.
        number: Number,
    },
    /// A location reports which list it holds.
    Report {
        /// The location's own name.
        location: String,
        holding: Holding,
    },
    /// A location requests a record that KV does not have, at this version or a later one.
    Record {
        serial: Serial,
        /// The version that the list names; 1 for a token that was never edited.
        version: u32,
    },
    /// A location asks which token a family hands out to pages.
    CurrentToken {
        /// The family's id, `fam_…`.
        family: String,
    },
    /// A usage shard reports signs: anomalies in its counts.
    Signs {
        /// Signs may be repetitions of earlier ones.
        signs: Vec<Anomaly>,
    },
    /// A usage shard reports which tokens were used, and that there is traffic.
    Uses {
        /// At most one entry per token.
        uses: Vec<TokenUse>,
        /// When the shard last counted a request that needed the revocation list, if it has to say so.
        #[serde(default)] // a shard of the previous release does not say
        counted_at: Option<UnixMillis>,
        /// Counts of metered tokens, and which marks the shard knows.
        #[serde(default)] // a shard of the previous release has none
        meters: Option<MeterReport>,
    },
    /// An isolate tells which pages fetched the token of their family.
    PageFetches {
        /// At most [`crate::limits::PAGE_FETCHES_SENT_MAX`].
        fetches: Vec<PageFetch>,
    },
    /// Cron triggers the daily sweep.
    Sweep,
    /// A call of the admin API.
    Admin(Box<AdminCall>),
}

/// Who asks for a list, and for what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum ListAskedBy {
    /// An isolate, for a request about a token. It does not say which isolate it is.
    #[default]
    Unnamed,
    /// An isolate, for a request about a token.
    Isolate {
        /// The location's own name.
        location: String,
        /// The isolate's number, drawn at random.
        isolate: u64,
        /// The list that it holds; `None` without one.
        held: Option<Number>,
    },
    /// An isolate, for `/_wayleave/health`: no sign of traffic.
    Health,
}

/// A call that may wait at the registry for a change. It is also the report of what the isolate holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscribe {
    /// The location's own name.
    pub location: String,
    /// The isolate's number, drawn at random.
    pub isolate: u64,
    /// The isolate's own bound B in seconds.
    pub bound_seconds: i64,
    /// How long to wait for a change; 0: not at all.
    pub wait_ms: u32,
    /// The list that the isolate holds; `None` without one.
    pub holding: Option<Holding>,
}

/// A relay's call: like an isolate's, with the reports of all isolates behind the relay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelayCall {
    /// The relay's number, drawn at random.
    pub relay: u64,
    /// The relay's own bound B in seconds.
    pub bound_seconds: i64,
    /// How long to wait for a change; 0: not at all.
    pub wait_ms: u32,
    /// The number of the list that the relay holds.
    pub after: Option<Number>,
    /// The highest number of a list that the relay or an isolate behind it holds.
    pub highest: Option<Number>,
    /// What each location holds, by its own name.
    pub reports: Vec<(String, Holding)>,
}

/// An operator's call: the caller, the command, and how a retry is recognised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdminCall {
    pub caller: Caller,
    pub command: Command,
    /// Present when the caller sent an `Idempotency-Key` with a create request.
    pub idempotency: Option<Idempotency>,
}

/// The caller, by the hex SHA-256 of the credential presented. The credential itself is never sent here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caller {
    Key {
        /// Hex SHA-256 of the key's text.
        sha256: String,
    },
    /// A console session that an admin key opened.
    Session {
        /// Hex SHA-256 of the session's text.
        sha256: String,
    },
}

/// How a retry is recognised: the caller's idempotency key, and a hash of the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Idempotency {
    /// Value of the header `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of method, path and body, hex. A different request with the same key is a conflict.
    pub request_sha256: String,
}
