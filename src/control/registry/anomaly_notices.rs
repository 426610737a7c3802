//! Anomalies that usage shards found in their counts become notices. One that is reported again, because the
//! answer to its report was lost, makes no second notice. Tokens that no longer work get none.
//!
//! Standard: docs/lifecycle.md, "Anomalies".

use super::notice_rules::{self, DueNotice};
use super::notices::{self, QueuedNotice};
use super::row::Stop;
use super::sweep;
use super::token_row::TokenRow;
use super::transaction::Transaction;
use crate::base::database::Database;
use crate::control::registry::command::NoticeKind;
use crate::formats::usage::anomaly::{Anomaly, AnomalyKind};

impl<D: Database> Transaction<'_, D> {
    /// Takes a shard's anomalies. Skips tokens that are unknown or no longer work.
    pub(super) fn note_anomalies(&self, anomalies: &[Anomaly]) -> Result<(), Stop> {
        for anomaly in anomalies {
            let row = TokenRow::find(self.database, anomaly.serial)?;
            if row.is_some_and(|row| row.is_live(self.now)) {
                self.note_anomaly(anomaly)?;
            }
        }
        Ok(())
    }

    fn note_anomaly(&self, anomaly: &Anomaly) -> Result<(), Stop> {
        let (kind, about) = match &anomaly.kind {
            AnomalyKind::Spike { hour, .. } => (NoticeKind::UsageSpike, *hour),
            AnomalyKind::RefusedOrigins { day, .. } => (NoticeKind::RefusedOrigins, *day),
        };
        let due = DueNotice { kind, within_days: 0, about };
        let last = sweep::last_notice(self.database, anomaly.serial, kind)?;
        if !notice_rules::is_news(&due, last.as_ref(), self.now) {
            return Ok(());
        }
        let queued = QueuedNotice::of(kind, anomaly.serial);
        let queued = match &anomaly.kind {
            AnomalyKind::Spike { hour, requests, median } => {
                let queued = queued.with("hour", hour.floor_seconds().to_rfc3339());
                queued.with("requests", *requests).with("median", *median)
            }
            AnomalyKind::RefusedOrigins { day, origins } => {
                queued.with("day", day.floor_seconds().to_rfc3339()).with("origins", origins.clone())
            }
        };
        notices::queue(self.database, queued, self.now)?;
        Ok(sweep::store_last_notice(self.database, anomaly.serial, &due, self.now)?)
    }
}
