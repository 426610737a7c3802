//! Lifecycle: revoking, disabling, enabling, and what stands against each.
//!
//! Standard: DESIGN section 8, section 5 "The receipt"; RFC 6960 for the states.
//! Invariants: a revocation is final; a change of status and the list owed for it are one transaction; a receipt's
//! `effective_by` is never earlier than any location stops admitting.
//! What it must not know: HTTP, how the list travels.
//! What a mistake costs: a receipt that promises too early, or a withdrawal that is acknowledged and not listed
//! (false accept); a guard that fails lets one click break every page of a family (false refuse).

use super::call::Call;
use super::command::{Fault, NoticeKind, Receipt, TokenState};
use super::database::{Database, Value};
use super::notices::{self, Owed};
use super::promise::Promise;
use super::retired_keys::key_retired;
use super::row::{Columns, Stop, StorageError};
use super::state::State;
use super::token_row::{Status, TokenRow};
use super::tokens::event;
use crate::time::UnixMillis;
use crate::token::Serial;
use serde_json::json;

/// Why a token was revoked (DESIGN section 8). A retired key's tokens have theirs in `token_row`, a restore's in `restore`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// An operator revoked it.
    Operator,
    /// A rotation ended it.
    Rotated,
    /// A rotation gave it up for another.
    Superseded,
    /// With its family.
    Family,
    /// With others that a filter found.
    Bulk,
    /// With others of somebody who has left.
    OwnerRemoved,
}

impl Reason {
    const fn code(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Rotated => "rotated",
            Self::Superseded => "superseded",
            Self::Family => "family",
            Self::Bulk => "bulk",
            Self::OwnerRemoved => "owner_removed",
        }
    }

    fn with(self, text: Option<&str>) -> String {
        match text {
            Some(text) => format!("{}: {text}", self.code()),
            None => self.code().to_owned(),
        }
    }
}

impl<D: Database> Call<'_, D> {
    /// Revokes for ever; again, the same receipt.
    pub(super) fn revoke(
        &mut self,
        serial: Serial,
        text: Option<&str>,
        force: bool,
    ) -> Result<Receipt, Stop> {
        let row = self.token(serial)?;
        if let Some(receipt) = row.revocation() {
            return Ok(receipt);
        }
        let state = row.state(self.now);
        if state == TokenState::Expired {
            return Err(Fault::TokenEnded.into());
        }
        if row.policy.protected {
            return Err(Fault::TokenProtected.into());
        }
        if state == TokenState::Active && !force && self.others_active_at(&row, self.now)? == 0 {
            return Err(Fault::LastActiveToken.into());
        }
        self.withdraw(row, Reason::Operator, text)
    }

    /// Revokes a token whatever stands against it; the one that it had succeeded is the one to copy again.
    pub(super) fn withdraw(
        &mut self,
        row: TokenRow,
        reason: Reason,
        text: Option<&str>,
    ) -> Result<Receipt, Stop> {
        let row = TokenRow { rotation: None, ..row };
        let receipt =
            self.change_status(row.clone(), Status::Revoked, Some(reason.with(text)), "token.revoked")?;
        row.update_ends(self.database, None)?;
        self.release_predecessor(&row)?;
        Ok(receipt)
    }

    /// Revokes an unused successor whose place another takes: what was planned for its predecessor stays.
    pub(super) fn withdraw_superseded(&mut self, row: TokenRow) -> Result<Receipt, Stop> {
        let reason = Some(Reason::Superseded.with(None));
        self.change_status(row, Status::Revoked, reason, "token.revoked")
    }

    /// Disables until enabled again; again, the same receipt.
    pub(super) fn disable(&mut self, serial: Serial) -> Result<Receipt, Stop> {
        let row = self.token(serial)?;
        self.must_not_have_ended(&row)?;
        if let (Status::Disabled, Some(receipt)) = (row.status, &row.receipt) {
            return Ok(receipt.clone());
        }
        if row.policy.protected {
            return Err(Fault::TokenProtected.into());
        }
        self.change_status(row, Status::Disabled, None, "token.disabled")
    }

    /// Enables. Of a token that is not disabled nothing changes, and the receipt is true all the same.
    pub(super) fn enable(&mut self, serial: Serial) -> Result<Receipt, Stop> {
        let row = self.token(serial)?;
        self.must_not_have_ended(&row)?;
        if row.status == Status::Good {
            let state = State::read(self.database)?;
            return Ok(row.receipt.clone().unwrap_or_else(|| self.receipt(&row, &state)));
        }
        self.change_status(row, Status::Good, None, "token.enabled")
    }

    pub(super) fn must_not_have_ended(&self, row: &TokenRow) -> Result<(), Fault> {
        match row.state(self.now) {
            TokenState::Revoked | TokenState::Expired => Err(Fault::TokenEnded),
            TokenState::Active | TokenState::Disabled => Ok(()),
        }
    }

    /// Tokens of the family beside `row` that are active and will still be so at `at`, if nothing is done to them.
    pub(super) fn others_active_at(&self, row: &TokenRow, at: UnixMillis) -> Result<i64, StorageError> {
        let rows = self.database.query(
            concat!(
                "SELECT COUNT(*) FROM token WHERE family = ? AND serial <> ? AND status = 'good' AND expires_at > ? \
                 AND (ends_at IS NULL OR ends_at > ?) AND NOT ",
                key_retired!()
            ),
            &[
                Value::from(row.family.as_str()),
                row.serial.into(),
                at.floor_seconds().into(),
                at.into(),
            ],
        )?;
        Columns::of(rows.into_iter().next().ok_or(StorageError::Unreadable)?).integer()
    }

    fn change_status(
        &mut self,
        mut row: TokenRow,
        status: Status,
        reason: Option<String>,
        action: &'static str,
    ) -> Result<Receipt, Stop> {
        let was = row.state(self.now);
        row.status = status;
        let receipt = Receipt {
            revoked_at: (status == Status::Revoked).then_some(self.now),
            reason: reason.clone(),
            ..self.receipt(&row, &State::read(self.database)?)
        };
        row.receipt = Some(receipt.clone());
        row.update_status(self.database)?;
        self.list_names(&receipt)?;
        if let (Status::Revoked, Some(reason)) = (status, &reason) {
            let owed = Owed::of(NoticeKind::Revoked, row.serial).with("reason", reason.as_str());
            notices::owe(self.database, owed, self.now)?;
        }
        let mut after = json!({ "state": receipt.state });
        if let (Some(reason), Some(fields)) = (reason, after.as_object_mut()) {
            fields.insert("reason".to_owned(), reason.into());
        }
        self.audit(event(action, &row, Some(json!({ "state": was })), Some(after)))?;
        Ok(receipt)
    }

    /// The receipt of a change of `row` committed now.
    pub(super) fn receipt(&self, row: &TokenRow, state: &State) -> Receipt {
        row.receipt_of(Promise::of(self.settings, state, self.now), self.now)
    }
}
