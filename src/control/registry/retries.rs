//! A command that arrives again with the same idempotency key is answered again, and not carried out again.
//!
//! Standard: docs/http.md, "Idempotency".
//! Invariants: the result is stored in the transaction of the change. A retry gets the original receipts;
//! tokens are shown in their current state, as for a create.
//! What it must not know: HTTP, how anything is done.
//! What a mistake costs: an edit is made a second time and overwrites what somebody else has changed
//! meanwhile.

use super::command::{Answer, Command, Fault, Idempotency, TokenView};
use super::command_terms::stores_result;
use super::idempotency::{self, MADE_IS_GONE, Made};
use super::kept::Kept;
use super::row::{Stop, StorageError};
use super::token_row::TokenRow;
use super::transaction::Transaction;
use crate::base::database::Database;
use crate::formats::token::Serial;

impl<D: Database> Transaction<'_, D> {
    /// Carries out `command`, or answers a retry of a command that was carried out before. The caller's role
    /// was already checked.
    pub(super) fn run(
        &mut self,
        command: Command,
        idempotency: Option<&Idempotency>,
    ) -> Result<Answer, Stop> {
        let Some(idempotency) = idempotency.filter(|_| stores_result(&command)) else {
            return self.apply(command, idempotency);
        };
        let actor = self.actor.key_id();
        if let Some(made) = idempotency::find(self.database, actor, idempotency, self.now)? {
            let Made::Done(kept) = made else { return Err(Fault::IdempotencyConflict.into()) };
            return self.answer_again(*kept);
        }
        let answer = self.apply(command.clone(), None)?;
        if let Some(kept) = Kept::of(&command, &answer) {
            idempotency::keep(self.database, actor, idempotency, &Made::Done(Box::new(kept)), self.now)?;
        }
        Ok(answer)
    }

    fn answer_again(&self, kept: Kept) -> Result<Answer, Stop> {
        Ok(match kept {
            Kept::Edited(serial, receipt) => Answer::Edited { token: self.kept_token(serial)?, receipt },
            Kept::FamilyEdited(edited) => {
                let shown = edited.into_iter();
                let shown = shown.map(|(serial, receipt)| Ok((*self.kept_token(serial)?, receipt)));
                Answer::FamilyEdited(shown.collect::<Result<_, Stop>>()?)
            }
            Kept::Receipt(receipt) => Answer::Receipt(receipt),
            Kept::Revoked(step) => Answer::RevokedInBulk(step),
            Kept::Changed(step) => Answer::ChangedInBulk(step),
            Kept::Rotated(step) => {
                let made = step.done.iter();
                let made = made.map(|(serial, successor)| Ok((*serial, *self.kept_token(*successor)?)));
                Answer::RotatedInBulk(step.with(made.collect::<Result<_, Stop>>()?))
            }
            Kept::Probed(serial) => Answer::Probe { probe: Box::new(self.probe(serial)?), begun: true },
            Kept::KeyActivated(key_id) => {
                let key = self.signing_keys()?.into_iter().find(|key| key.id == key_id);
                Answer::SigningKey(key.ok_or(StorageError::Unreadable)?)
            }
            Kept::KeyRetired(receipt) => Answer::SigningKeyRetired(receipt),
            Kept::Licence(licence) => Answer::Licence(licence),
            Kept::Notice(notice) => Answer::Notice(notice),
            Kept::OwnerOff(owner) => Answer::OwnerOff(owner),
            Kept::OwnerOn => Answer::OwnerSwitchedOn,
            Kept::AdminKeyDeleted => Answer::AdminKeyDeleted,
        })
    }

    /// A token in its current state. It can be gone only if tokens are kept for less than a week after their
    /// end.
    fn kept_token(&self, serial: Serial) -> Result<Box<TokenView>, Stop> {
        let row = TokenRow::find(self.database, serial)?.ok_or(MADE_IS_GONE)?;
        self.shown(&row)
    }
}
