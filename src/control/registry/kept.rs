//! What is stored of a command with an idempotency key, so that a retry gets the same answer without being
//! carried out again.
//!
//! Standard: the `Idempotency-Key` header (IETF draft), which names PATCH beside POST.
//! Invariants: the entry is stored in the transaction of the change. No token's or admin key's text is
//! stored. A retry gets the original receipts; tokens are shown in their current state, as for a create.
//! What it must not know: HTTP, how anything is done.
//! What a mistake costs: an edit is made a second time and overwrites what somebody else has changed
//! meanwhile.

use super::command::{Answer, BulkStep, Command, KeyReceipt, LicenceView, NoticeView, OwnerOffView, Receipt};
use crate::formats::key::KeyId;
use crate::formats::token::Serial;
use serde::{Deserialize, Serialize};

/// What the command did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Kept {
    /// A token was edited.
    Edited(Serial, Receipt),
    /// The tokens of a family were edited.
    FamilyEdited(Vec<(Serial, Receipt)>),
    /// A token was revoked, disabled or enabled, or its end was set.
    Receipt(Receipt),
    /// Tokens were revoked by a bulk call: their receipts.
    Revoked(BulkStep<Receipt>),
    /// Tokens were disabled, enabled or given to another owner: their receipts.
    Changed(BulkStep<Receipt>),
    /// Tokens were rotated: each with its successor.
    Rotated(BulkStep<(Serial, Serial)>),
    /// A probe of a token was begun.
    Probed(Serial),
    /// A signing key was activated.
    KeyActivated(KeyId),
    /// A signing key was retired.
    KeyRetired(KeyReceipt),
    /// An admin key was deleted.
    AdminKeyDeleted,
    /// A licence was set, moved or taken back.
    Licence(LicenceView),
    /// A notice was made to try the receiver of webhooks.
    Notice(NoticeView),
    /// An owner was switched off.
    OwnerOff(OwnerOffView),
    /// An owner was switched on.
    OwnerOn,
}

impl Kept {
    pub(super) fn of(command: &Command, answer: &Answer) -> Option<Self> {
        match (command, answer) {
            (_, Answer::Edited { token, receipt }) => Some(Self::Edited(token.serial, receipt.clone())),
            (_, Answer::FamilyEdited(edited)) => {
                let kept = edited.iter().map(|(token, receipt)| (token.serial, receipt.clone()));
                Some(Self::FamilyEdited(kept.collect()))
            }
            (_, Answer::Receipt(receipt)) => Some(Self::Receipt(receipt.clone())),
            (_, Answer::RevokedInBulk(step)) => Some(Self::Revoked(step.clone())),
            (_, Answer::ChangedInBulk(step)) => Some(Self::Changed(step.clone())),
            (_, Answer::RotatedInBulk(step)) => {
                let made = step.done.iter().map(|(serial, successor)| (*serial, successor.serial));
                Some(Self::Rotated(step.with(made.collect())))
            }
            (Command::BeginProbe(serial), Answer::Probe { .. }) => Some(Self::Probed(*serial)),
            (_, Answer::SigningKey(key)) => Some(Self::KeyActivated(key.id)),
            (_, Answer::SigningKeyRetired(receipt)) => Some(Self::KeyRetired(receipt.clone())),
            (_, Answer::Licence(licence)) => Some(Self::Licence(licence.clone())),
            (_, Answer::Notice(notice)) => Some(Self::Notice(notice.clone())),
            (_, Answer::OwnerOff(owner)) => Some(Self::OwnerOff(owner.clone())),
            (_, Answer::OwnerSwitchedOn) => Some(Self::OwnerOn),
            (_, Answer::AdminKeyDeleted) => Some(Self::AdminKeyDeleted),
            _ => None,
        }
    }
}
