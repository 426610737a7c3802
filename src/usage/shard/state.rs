//! What a shard has in memory beside its database.

use super::rows::ShardError;
use crate::base::database::Database;
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::formats::usage::anomaly::Anomaly;
use crate::formats::usage::reading::Step;
use std::collections::BTreeMap;

#[derive(Debug)]
pub struct Shard<D: Database> {
    pub(super) database: D,
    /// Whether a first use, or a count that reached a mark, waits to be reported.
    pub(super) is_urgent: bool,
    /// Whether one came since the present report was made: that report does not carry it.
    pub(super) is_urgent_anew: bool,
    /// The registry has more changes of marks than its last answer carried.
    pub(super) marks_left: bool,
    /// The newest time at which a request was counted that needed the revocation list, until the registry
    /// has been told. Lost with the instance; the next batch brings a later one.
    pub(super) counted_at: Option<UnixMillis>,
    /// Set while the registry does not answer: the time of the next attempt, and how many milliseconds it was
    /// put off.
    pub(super) retry: Option<(UnixMillis, i64)>,
    /// The walk through the rows that is in progress.
    pub(super) walk: Option<Walk>,
    /// After a storage error, the time until which the shard starts nothing by itself.
    pub(super) backs_off_until: Option<UnixMillis>,
    /// The search for anomalies that is in progress.
    pub(super) search: Option<AnomalySearch>,
    /// Anomalies that the registry has not accepted yet.
    pub(super) anomalies: Vec<Anomaly>,
    /// How many refusals were stored in this minute.
    pub(super) refusal_room: RefusalRoom,
    pub(super) log: Vec<String>,
}

/// The refusals that were stored in a minute. Begins anew with each instance.
#[derive(Debug, Default)]
pub(super) struct RefusalRoom {
    /// Start of the minute.
    pub(super) minute: Option<UnixMillis>,
    pub(super) of_token: BTreeMap<Serial, u32>,
    /// Those that were not the first of their token.
    pub(super) further: u32,
}

/// A walk through all rows, one step length after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    pub(super) began_at: UnixMillis,
    /// When days were last processed.
    pub(super) pruned_at: UnixMillis,
    /// The last step length of this walk: days once a day, otherwise minutes.
    pub(super) last: Step,
    pub(super) step: Step,
    /// The last row processed: token, and index of the step.
    pub(super) reached: (Serial, i64),
}

/// A search for anomalies through the tokens that were used in an hour.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnomalySearch {
    pub(super) hour: UnixMillis,
    /// The last token examined.
    pub(super) reached: Serial,
}

impl<D: Database> Shard<D> {
    /// Texts of storage errors since the last call, for the log.
    pub fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// Storage failed: try again in a few seconds, not in every turn.
    pub(super) fn back_off(&mut self, error: &ShardError, now: UnixMillis) {
        self.log.push(error.to_string());
        self.backs_off_until = Some(now.plus_ms(crate::limits::USAGE_RETRY_MIN_MS));
    }
}
