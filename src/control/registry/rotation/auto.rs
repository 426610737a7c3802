//! `auto_rotate`: the registry rotates a token by itself, a set time before its end.
//!
//! Standard: docs/lifecycle.md, "Automatic rotation".
//! Invariants: it is a rotation like any other, made by `system`, with the same obstacles. A family is
//! rotated at most once an hour. An unused leaf is superseded only if pages fetch their token (`distribute`),
//! because otherwise nothing could have deployed it. An obstacle is retried each hour and reported daily.
//! What it must not know: alarms. It says what is due.
//! What a mistake costs: a page's token ends without a renewal (false refuse), or a family is rotated again
//! and again.

use crate::base::database::{Database, Rows};
use crate::base::time::UnixMillis;
use crate::control::registry::command::{
    Clash, Fault, Lifetime, NoticeKind, Rotate, Supersede, TokenEdit, TokenState,
};
use crate::control::registry::notice_rules::DueNotice;
use crate::control::registry::notices;
use crate::control::registry::notices::QueuedNotice;
use crate::control::registry::row::{Stop, StorageError};
use crate::control::registry::token_row::TokenRow;
use crate::control::registry::transaction::Transaction;
use crate::control::registry::{families, sweep};
use crate::formats::token::Serial;
use crate::limits::{AUTO_ROTATE_INTERVAL_MS, MS_PER_SECOND, SECONDS_PER_DAY};

/// Makes tokens due now that lost their successor when its key was retired.
pub(in crate::control::registry) fn plan_released<D: Database>(
    database: &D,
    now: UnixMillis,
) -> Result<(), StorageError> {
    database.execute(
        "UPDATE token SET auto_rotate_at = ? WHERE auto_rotate IS NOT NULL AND successor IS NULL \
         AND auto_rotate_at IS NULL AND status <> 'revoked'",
        &[now.into()],
    )?;
    Ok(())
}

fn set_time<D: Database>(database: &D, serial: Serial, at: Option<UnixMillis>) -> Result<(), StorageError> {
    database.execute("UPDATE token SET auto_rotate_at = ? WHERE serial = ?", &[at.into(), serial.into()])?;
    Ok(())
}

/// The next token to examine, and when.
pub(in crate::control::registry) fn next<D: Database>(
    database: &D,
) -> Result<Option<(Serial, UnixMillis)>, StorageError> {
    Ok(database.query_optional(
        "SELECT serial, auto_rotate_at FROM token WHERE auto_rotate_at IS NOT NULL ORDER BY auto_rotate_at \
         LIMIT 1",
        &[],
        |columns| Ok((columns.serial()?, columns.millis()?)),
    )?)
}

impl<D: Database> Transaction<'_, D> {
    /// Rotates `serial` if it is due.
    pub(in crate::control::registry) fn auto_rotate(&mut self, serial: Serial) -> Result<(), Stop> {
        let row = self.token(serial)?;
        let state = row.state(self.now);
        let has_ended = state == TokenState::Revoked
            || (state == TokenState::Expired && self.now < row.expires_at.to_millis());
        let Some(auto) = row.policy.auto_rotate.clone().filter(|_| row.successor.is_none() && !has_ended)
        else {
            return Ok(set_time(self.database, serial, None)?);
        };
        let hour_ago = self.now.plus_ms(-AUTO_ROTATE_INTERVAL_MS);
        let again_at = self.now.plus_ms(AUTO_ROTATE_INTERVAL_MS);
        if state == TokenState::Disabled {
            return Ok(set_time(self.database, serial, Some(again_at))?);
        }
        if row.predecessor.is_some() && row.created_at > hour_ago {
            let at = row.created_at.plus_ms(AUTO_ROTATE_INTERVAL_MS).min(again_at);
            return Ok(set_time(self.database, serial, Some(at))?);
        }
        let how = Rotate {
            revoke_old: auto.revoke_old,
            lifetime: auto.expires_in.map(Lifetime::ExpiresIn),
            overrides: TokenEdit::default(),
            supersede: row.policy.distribute.then_some(Supersede::Successor),
            revoke_oldest: false,
            force: false,
        };
        self.rotate(serial, &how, None)?;
        Ok(set_time(self.database, serial, None)?)
    }

    /// Notes an obstacle to rotating `serial`: the next attempt follows in an hour. A notice is sent daily,
    /// unless the obstacle will disappear by itself because the other token's end is planned.
    pub(in crate::control::registry) fn put_off_auto_rotation(
        &mut self,
        serial: Serial,
        fault: &Fault,
    ) -> Result<(), Stop> {
        let row = self.token(serial)?;
        set_time(self.database, serial, Some(self.now.plus_ms(AUTO_ROTATE_INTERVAL_MS)))?;
        let reason = match fault {
            Fault::SuccessorUnused { .. } => "successor_unused",
            Fault::MaxActiveTokens { .. } if self.other_ends(&row)? => return Ok(()),
            Fault::MaxActiveTokens { .. } => "max_active_tokens",
            Fault::TokenProtected => "token_protected",
            Fault::Conflict(Clash::LicenceEnded) => "licence_ended",
            Fault::Conflict(Clash::OwnerSwitchedOff) => "owner_switched_off",
            _ => "not_possible",
        };
        let about = row.policy.auto_rotate.as_ref().map_or(self.now, |auto| row.auto_rotation_due(auto));
        let held = DueNotice { kind: NoticeKind::RotationHeld, within_days: 0, about };
        let last = sweep::last_notice(self.database, serial, held.kind)?;
        let is_recent = |at: UnixMillis| (0..DAY_MS).contains(&self.now.since_ms(at));
        if !last.is_some_and(|last| last.about == about && is_recent(last.at)) {
            let queued = QueuedNotice::of(held.kind, serial).with("held_since", about.to_rfc3339());
            notices::queue(self.database, queued.with("reason", reason), self.now)?;
            sweep::store_last_notice(self.database, serial, &held, self.now)?;
        }
        Ok(())
    }

    fn other_ends(&self, row: &TokenRow) -> Result<bool, Stop> {
        let live = families::live(self.database, row.family.as_str(), self.now)?;
        let others = live.iter().filter(|other| other.serial != row.serial);
        let ends = |other: &TokenRow| other.rotation.is_some_and(|plan| plan.planned_end.is_some());
        Ok(others.into_iter().any(ends))
    }
}

const DAY_MS: i64 = SECONDS_PER_DAY * MS_PER_SECOND;
