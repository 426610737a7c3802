//! Lifecycle: revoking, disabling and enabling tokens, and the guards against each.
//!
//! Standard: docs/lifecycle.md, "Revoking and disabling"; docs/bound.md, "Receipts"; RFC 6960 for the states.
//! Invariants: a revocation is final. A change of status and the pending write of the list are one
//! transaction. Every location stops admitting by a receipt's `effective_by`.
//! What it must not know: HTTP, how the list reaches locations.
//! What a mistake costs: a receipt promises too early, or an acknowledged revocation is not listed (false
//! accept). A missing guard lets one click break every page of a family (false refuse).

use super::command::{Fault, NoticeKind, Receipt, TokenState};
use super::notices::{self, QueuedNotice};
use super::promise::Promise;
use super::protection::Act;
use super::retired_keys::key_retired;
use super::row::{Stop, StorageError};
use super::state::State;
use super::token_row::{TokenRow, TokenStatus};
use super::tokens::event;
use super::transaction::Transaction;
use crate::base::database::{Columns, Database, Rows};
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use serde_json::json;

/// Why a token was revoked (docs/lifecycle.md, "Revoking and disabling"). Two more kinds are defined
/// elsewhere: that of a retired key in `token_row`, and that of a restore in `restore`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RevocationReason {
    /// By an operator, for this token alone.
    Operator,
    /// A rotation ended it.
    Rotated,
    /// A rotation replaced it by another token.
    Superseded,
    /// Together with its family.
    Family,
    /// In a bulk call.
    Bulk,
    /// In a bulk call, because its owner has left; or because its owner was switched off.
    OwnerRemoved,
    /// Its licence has ended.
    LicenceEnded,
}

impl RevocationReason {
    /// Of a bulk call; `owner_removed`: because the tokens' owner has left.
    pub(super) const fn of_bulk(owner_removed: bool) -> Self {
        if owner_removed { Self::OwnerRemoved } else { Self::Bulk }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Rotated => "rotated",
            Self::Superseded => "superseded",
            Self::Family => "family",
            Self::Bulk => "bulk",
            Self::OwnerRemoved => "owner_removed",
            Self::LicenceEnded => "licence_ended",
        }
    }

    fn with(self, text: Option<&str>) -> String {
        match text {
            Some(text) => format!("{}: {text}", self.code()),
            None => self.code().to_owned(),
        }
    }
}

impl<D: Database> Transaction<'_, D> {
    /// Revokes permanently. Idempotent: repeating it returns the first receipt.
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
        self.may_do(&row, Act::End)?;
        if state == TokenState::Active && !force && self.others_active_at(&row, self.now)? == 0 {
            return Err(Fault::LastActiveToken.into());
        }
        self.withdraw(row, RevocationReason::Operator, text)
    }

    /// Revokes without guards. The predecessor of the token becomes current again.
    pub(super) fn withdraw(
        &mut self,
        row: TokenRow,
        reason: RevocationReason,
        text: Option<&str>,
    ) -> Result<Receipt, Stop> {
        let row = TokenRow { rotation: None, ..row };
        let reason = Some(reason.with(text));
        let receipt = self.change_status(row.clone(), TokenStatus::Revoked, reason, "token.revoked")?;
        self.release_predecessor(&row)?;
        Ok(receipt)
    }

    /// Revokes an unused successor that another one replaces. Its predecessor's planned end stays.
    pub(super) fn withdraw_superseded(&mut self, row: TokenRow) -> Result<Receipt, Stop> {
        let reason = Some(RevocationReason::Superseded.with(None));
        self.change_status(row, TokenStatus::Revoked, reason, "token.revoked")
    }

    /// Disables until enabled again. Idempotent: repeating it returns the first receipt.
    pub(super) fn disable(&mut self, serial: Serial) -> Result<Receipt, Stop> {
        let row = self.token(serial)?;
        self.must_not_have_ended(&row)?;
        if let (TokenStatus::Disabled, Some(receipt)) = (row.status, &row.receipt) {
            return Ok(receipt.clone());
        }
        self.may_do(&row, Act::End)?;
        self.change_status(row, TokenStatus::Disabled, None, "token.disabled")
    }

    /// Enables. If the token is not disabled, nothing changes, and the receipt is valid all the same.
    pub(super) fn enable(&mut self, serial: Serial) -> Result<Receipt, Stop> {
        let row = self.token(serial)?;
        self.must_not_have_ended(&row)?;
        if row.status == TokenStatus::Good {
            let state = State::read(self.database)?;
            return Ok(row.receipt.clone().unwrap_or_else(|| self.receipt(&row, &state)));
        }
        self.may_do(&row, Act::Prolong)?;
        self.change_status(row, TokenStatus::Good, None, "token.enabled")
    }

    pub(super) fn must_not_have_ended(&self, row: &TokenRow) -> Result<(), Fault> {
        match row.state(self.now) {
            TokenState::Revoked | TokenState::Expired => Err(Fault::TokenEnded),
            TokenState::Active | TokenState::Disabled => Ok(()),
        }
    }

    /// The number of other tokens of the family that are active and still will be at `at`.
    pub(super) fn others_active_at(&self, row: &TokenRow, at: UnixMillis) -> Result<i64, StorageError> {
        Ok(self.database.query_one(
            concat!(
                "SELECT COUNT(*) FROM token WHERE family = ? AND serial <> ? AND status = 'good' \
                 AND expires_at > ? AND (ends_at IS NULL OR ends_at > ?) AND NOT ",
                key_retired!()
            ),
            &[row.family.as_str().into(), row.serial.into(), at.floor_seconds().into(), at.into()],
            Columns::integer,
        )?)
    }

    /// Whether another token of the family is active and was used: pages have it.
    pub(super) fn another_is_in_use(&self, row: &TokenRow) -> Result<bool, StorageError> {
        Ok(self.database.yields(
            concat!(
                "SELECT 1 FROM token WHERE family = ? AND serial <> ? AND status = 'good' \
                 AND first_used_at IS NOT NULL \
                 AND expires_at > ? AND (ends_at IS NULL OR ends_at > ?) AND NOT ",
                key_retired!()
            ),
            &[
                row.family.as_str().into(),
                row.serial.into(),
                self.now.floor_seconds().into(),
                self.now.into(),
            ],
        )?)
    }

    fn change_status(
        &mut self,
        mut row: TokenRow,
        status: TokenStatus,
        reason: Option<String>,
        action: &'static str,
    ) -> Result<Receipt, Stop> {
        let was = row.state(self.now);
        row.status = status;
        let receipt = Receipt {
            revoked_at: (status == TokenStatus::Revoked).then_some(self.now),
            reason: reason.clone(),
            ..row.receipt_of(self.promise()?, self.now)
        };
        row.receipt = Some(receipt.clone());
        let n = self.list_token(row.serial)?;
        row.update_listed_status(self.database, &receipt, n)?;
        if let (TokenStatus::Revoked, Some(reason)) = (status, &reason) {
            let queued = QueuedNotice::of(NoticeKind::Revoked, row.serial).with("reason", reason.as_str());
            notices::queue(self.database, queued, self.now)?;
        }
        let mut after = json!({ "state": receipt.state });
        if let (Some(reason), Some(fields)) = (reason, after.as_object_mut()) {
            fields.insert("reason".to_owned(), reason.into());
        }
        self.audit(event(action, &row, Some(json!({ "state": was })), Some(after)))?;
        Ok(receipt)
    }

    /// The receipt of a change of `row` that is committed now.
    pub(super) fn receipt(&self, row: &TokenRow, state: &State) -> Receipt {
        row.receipt_of(Promise::of(self.settings, state, self.now), self.now)
    }
}
