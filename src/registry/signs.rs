//! Signs: what usage shards saw in their counts becomes notices.
//!
//! Standard: DESIGN section 8, `usage_spike` and `refused_origins`.
//! Invariants: a sign that is told again, since its answer was lost, is one notice; a token that works no more has none.
//! What it must not know: how signs are found.
//! What a mistake costs: an operator who learns to ignore notices.

use super::call::Call;
use super::database::Database;
use super::notice_rules::{self, Finding};
use super::notices::{self, Owed};
use super::row::Stop;
use super::sweep;
use super::token_row::TokenRow;
use crate::registry::command::NoticeKind;
use crate::usage::sign::{Seen, Sign};

impl<D: Database> Call<'_, D> {
    /// Takes what a shard saw. Tokens that are not known are passed over.
    pub(super) fn note_signs(&self, signs: &[Sign]) -> Result<(), Stop> {
        for sign in signs {
            let row = TokenRow::find(self.database, sign.serial)?;
            if row.is_some_and(|row| row.is_live(self.now)) {
                self.note_sign(sign)?;
            }
        }
        Ok(())
    }

    fn note_sign(&self, sign: &Sign) -> Result<(), Stop> {
        let (kind, about) = match &sign.seen {
            Seen::Spike { hour, .. } => (NoticeKind::UsageSpike, *hour),
            Seen::RefusedOrigins { day, .. } => (NoticeKind::RefusedOrigins, *day),
        };
        let finding = Finding { kind, within_days: 0, about };
        let told = sweep::told(self.database, sign.serial, kind)?;
        if !notice_rules::is_news(&finding, told.as_ref(), self.now) {
            return Ok(());
        }
        let owed = Owed::of(kind, sign.serial);
        let owed = match &sign.seen {
            Seen::Spike { hour, requests, median } => {
                let owed = owed.with("hour", hour.floor_seconds().to_rfc3339());
                owed.with("requests", *requests).with("median", *median)
            }
            Seen::RefusedOrigins { day, origins } => {
                owed.with("day", day.floor_seconds().to_rfc3339()).with("origins", origins.clone())
            }
        };
        notices::owe(self.database, owed, self.now)?;
        Ok(sweep::note_told(self.database, sign.serial, &finding, self.now)?)
    }
}
