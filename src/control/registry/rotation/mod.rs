//! Rotation: a token gets a successor with the same settings, and a plan for its own end.
//!
//! Standard: docs/lifecycle.md, "What prevents a rotation". The table lists what may prevent a rotation;
//! [`Transaction::obstacle`] implements it. "The other" is the family's other token that is active or
//! disabled, besides the leaf:
//!
//! | the leaf          | the other | request                | result                                       |
//! |-------------------|-----------|------------------------|----------------------------------------------|
//! | any but ended     | any       | `now`                  | both are revoked (`rotated`)                 |
//! | disabled          | any       |                        | `conflict`, naming the other                 |
//! | ended early       | any       |                        | `token_ended`, naming the other              |
//! | active or expired | none      |                        | rotated                                      |
//! | expired           | one       |                        | rotated; the other keeps its plan            |
//! | unused            | one       |                        | `successor_unused`, naming both              |
//! | unused            | one       | `supersede: successor` | leaf revoked; the new one succeeds the other |
//! | unused            | one       | `supersede: original`  | the other is revoked; rotated                |
//! | used              | one       |                        | `max_active_tokens`, naming both             |
//! | used              | one       | `revoke_oldest`        | the other is revoked; rotated                |
//!
//! `now` is refused if one of the two is protected. With `supersede: successor` the other keeps its plan.
//! `supersede: original` needs `force` if the other was used in the last day.
//!
//! Invariants: a family has at most two tokens that are active or disabled. The plan, the successor and all
//! revocations are one transaction. Without `strict` or `now`, nothing ends before the successor was seen in
//! use.
//! What it must not know: HTTP; how uses are counted.
//! What a mistake costs: pages that carry the old token break (false refuse); a compromised token goes on
//! working (false accept).

pub(super) mod auto;
mod ends;
mod uses;

pub(super) use ends::{is_due, next_due};
pub(super) use uses::wanted as uses_wanted;

use super::command::{
    BlockingToken, Fault, Idempotency, Lifetime, NoticeKind, Receipt, RevokeOld, Rotate, Rotated, Supersede,
    TokenPolicy, TokenState,
};
use super::families::{self, Relatives};
use super::idempotency::{self, MADE_IS_GONE, Made};
use super::lifecycle::RevocationReason;
use super::notices::{self, QueuedNotice};
use super::policy::field_fault;
use super::protection::Act;
use super::rotation_plan::RotationPlan;
use super::row::{Stop, StorageError};
use super::settings::RegistrySettings;
use super::state::State;
use super::token_row::TokenRow;
use super::tokens::event;
use super::transaction::Transaction;
use crate::base::database::Database;
use crate::base::time::UnixSeconds;
use crate::formats::record::next_version;
use crate::formats::token::Serial;
use crate::limits::{
    ORIGINAL_IN_USE_MS, ROTATE_AFTER_DEFAULT_SECONDS, ROTATE_DRAIN_DEFAULT_SECONDS,
    TOKEN_LIFETIME_MIN_SECONDS,
};
use serde_json::json;

/// What to do before the successor is made, and which token it succeeds.
enum Succession {
    /// Nothing; it succeeds the leaf.
    OfLeaf,
    /// Revoke these; it succeeds the leaf.
    AfterRevoking(Vec<TokenRow>, RevocationReason),
    /// Revoke the leaf; it succeeds the other.
    OfOther(Box<TokenRow>),
}

impl<D: Database> Transaction<'_, D> {
    /// Rotates a token. A retry returns the same successor, in its current state.
    pub(super) fn rotate(
        &mut self,
        serial: Serial,
        rotate: &Rotate,
        idempotency: Option<&Idempotency>,
    ) -> Result<Rotated, Stop> {
        let actor = self.actor.key_id();
        if let Some(idempotency) = idempotency
            && let Some(made) = idempotency::find(self.database, actor, idempotency, self.now)?
        {
            let Made::Token(serial) = made else { return Err(Fault::IdempotencyConflict.into()) };
            return self.rotated(serial);
        }
        let token = self.token(serial)?;
        let leaf = self.leaf_of(&token)?;
        let successor = self.make_successor(leaf, rotate)?;
        if let Some(idempotency) = idempotency {
            idempotency::keep(self.database, actor, idempotency, &Made::Token(successor), self.now)?;
        }
        self.rotated(successor)
    }

    /// Rotates the leaf of a family.
    pub(super) fn rotate_family(
        &mut self,
        family: &str,
        rotate: &Rotate,
        idempotency: Option<&Idempotency>,
    ) -> Result<Rotated, Stop> {
        let leaf = families::leaf(self.database, family, self.now)?;
        let any = match leaf {
            Some(leaf) => leaf.serial,
            None => families::newest(self.database, family)?.ok_or(Fault::NotFound)?,
        };
        self.rotate(any, rotate, idempotency)
    }

    /// The row, if it is its family's leaf; otherwise the refusal that names the leaf.
    fn leaf_of(&self, token: &TokenRow) -> Result<TokenRow, Stop> {
        match families::leaf(self.database, token.family.as_str(), self.now)? {
            Some(leaf) if leaf.serial == token.serial => Ok(leaf),
            leaf => Err(self.rotate_instead(token, leaf.map(|leaf| leaf.serial)).into()),
        }
    }

    fn rotate_instead(&self, token: &TokenRow, leaf: Option<Serial>) -> Fault {
        let ended = matches!(token.state(self.now), TokenState::Revoked | TokenState::Expired);
        Fault::RotateInstead { ended, instead: leaf }
    }

    /// Checks whether anything prevents the rotation of `leaf`; writes nothing.
    pub(super) fn obstacle_to(&self, leaf: &TokenRow, rotate: &Rotate) -> Result<(), Stop> {
        self.checked(leaf, rotate, None).map(|_| ())
    }

    /// What a rotation of `row` by the default plan would be refused for; `None`: nothing. It asks the same
    /// table as the rotation itself.
    pub(super) fn rotation_obstacle(
        &self,
        row: &TokenRow,
        relatives: &Relatives,
    ) -> Result<Option<Fault>, StorageError> {
        let leaf = relatives.leaf(row);
        if leaf != Some(row.serial) {
            return Ok(Some(self.rotate_instead(row, leaf)));
        }
        match self.checked(row, &Rotate::default(), Some(relatives)) {
            Ok(_) => Ok(None),
            Err(Stop::Fault(fault)) => Ok(Some(fault)),
            Err(Stop::Storage(error)) => Err(error),
        }
    }

    /// Whether anything prevents the rotation of `leaf`. `relatives`: those of the leaf, where they were read
    /// and the rotation overrides no setting.
    fn checked(
        &self,
        leaf: &TokenRow,
        rotate: &Rotate,
        relatives: Option<&Relatives>,
    ) -> Result<(Succession, TokenPolicy, UnixSeconds), Stop> {
        fits(leaf, &rotate.revoke_old)?;
        let live = match relatives {
            Some(relatives) => relatives.live(leaf).to_vec(),
            None => families::live(self.database, leaf.family.as_str(), self.now)?,
        };
        let succession = self.obstacle(leaf, live, rotate)?;
        let policy = leaf.policy.cloned(rotate.overrides.clone(), self.settings);
        let lifetime = rotate.lifetime.unwrap_or_else(|| same_life(leaf, self.settings));
        match (policy, self.new_end(lifetime)) {
            (Ok(policy), Ok(expires_at)) => {
                self.may_do(leaf, Act::rotation(&rotate.revoke_old))?;
                self.may_carry_protection(leaf, &policy)?;
                if self.new_end(same_life(leaf, self.settings)).is_ok_and(|same| expires_at < same) {
                    self.may_do(leaf, Act::ShortenLife)?;
                }
                self.may_license_successor(leaf, &policy, relatives.map(|relatives| &relatives.licences))?;
                Ok((succession, policy, expires_at))
            }
            (policy, end) => {
                let faults = policy.err().into_iter().flatten().chain(end.err());
                Err(Fault::Fields(faults.collect()).into())
            }
        }
    }

    fn make_successor(&mut self, leaf: TokenRow, rotate: &Rotate) -> Result<Serial, Stop> {
        let (succession, policy, expires_at) = self.checked(&leaf, rotate, None)?;
        let family = leaf.family.clone();
        match succession {
            Succession::OfLeaf => {
                let (row, _) = self.issue(policy, expires_at, Some((family, leaf.serial)))?;
                self.succeed(leaf, &row, Some(rotate.revoke_old))?;
                Ok(row.serial)
            }
            Succession::AfterRevoking(rows, reason) => {
                for row in rows {
                    self.withdraw(row, reason, None)?;
                }
                let (row, _) = self.issue(policy, expires_at, Some((family, leaf.serial)))?;
                // Read again: it may be among those revoked.
                let leaf = self.token(leaf.serial)?;
                self.succeed(leaf, &row, Some(rotate.revoke_old))?;
                Ok(row.serial)
            }
            Succession::OfOther(other) => {
                self.withdraw_superseded(leaf)?;
                let (row, _) = self.issue(policy, expires_at, Some((family, other.serial)))?;
                self.succeed(*other, &row, None)?;
                Ok(row.serial)
            }
        }
    }

    /// Implements the table above.
    fn obstacle(&self, leaf: &TokenRow, live: Vec<TokenRow>, rotate: &Rotate) -> Result<Succession, Stop> {
        let state = leaf.state(self.now);
        let (itself, others): (Vec<_>, Vec<_>) = live.into_iter().partition(|row| row.serial == leaf.serial);
        let other = others.first().map(|other| other.serial);
        let ended_early = state == TokenState::Expired && self.now < leaf.expires_at.to_millis();
        if ended_early {
            return Err(Fault::RotateInstead { ended: true, instead: other }.into());
        }
        if rotate.revoke_old == RevokeOld::Now {
            // Oldest first. Otherwise revoking a successor would plan the predecessor's end anew before that
            // is revoked too.
            let all: Vec<_> = others.into_iter().rev().chain(itself).collect();
            return Ok(Succession::AfterRevoking(self.all_may_end(all)?, RevocationReason::Rotated));
        }
        let is_used = leaf.first_used_at.is_some();
        match (state, others.as_slice()) {
            (TokenState::Disabled | TokenState::Revoked, _) => {
                Err(Fault::LeafDisabled { instead: other }.into())
            }
            (TokenState::Active | TokenState::Expired, []) | (TokenState::Expired, [_]) => {
                Ok(Succession::OfLeaf)
            }
            (TokenState::Active, [only]) if !is_used => self.unused_leaf(leaf, only, rotate),
            (TokenState::Active | TokenState::Expired, _) if rotate.revoke_oldest => {
                Ok(Succession::AfterRevoking(self.all_may_end(others)?, RevocationReason::Rotated))
            }
            (TokenState::Active | TokenState::Expired, _) => {
                let active = itself.iter().chain(&others).map(blocking).collect();
                Err(Fault::MaxActiveTokens { active }.into())
            }
        }
    }

    fn unused_leaf(&self, leaf: &TokenRow, other: &TokenRow, rotate: &Rotate) -> Result<Succession, Stop> {
        let in_use = other.last_used_at.is_some_and(|at| self.now.since_ms(at) < ORIGINAL_IN_USE_MS);
        match rotate.supersede {
            Some(Supersede::Successor) => {
                self.may_do(leaf, Act::GiveUp)?;
                Ok(Succession::OfOther(Box::new(other.clone())))
            }
            Some(Supersede::Original) if rotate.force || !in_use => Ok(Succession::AfterRevoking(
                self.all_may_end(vec![other.clone()])?,
                RevocationReason::Superseded,
            )),
            Some(Supersede::Original) | None => {
                Err(Fault::SuccessorUnused { waiting: blocking(leaf), predecessor: blocking(other) }.into())
            }
        }
    }

    /// Returns the rows if the caller may end each of them.
    fn all_may_end(&self, rows: Vec<TokenRow>) -> Result<Vec<TokenRow>, Fault> {
        rows.iter().try_for_each(|row| self.may_do(row, Act::End))?;
        Ok(rows)
    }

    /// Makes `new` the successor of `old`, with a plan for the end of `old`. Without one, `old` keeps its
    /// present plan.
    fn succeed(
        &mut self,
        mut old: TokenRow,
        new: &TokenRow,
        revoke_old: Option<RevokeOld>,
    ) -> Result<(), Stop> {
        old.successor = Some(new.serial);
        let is_live = old.is_live(self.now);
        match revoke_old {
            Some(revoke_old) if is_live => {
                old.rotation = Some(RotationPlan {
                    revoke_old,
                    begun_at: self.now,
                    planned_end: None,
                    held_since: None,
                });
            }
            Some(_) => old.rotation = None,
            None => {}
        }
        let plan = revoke_old.or(old.rotation.map(|plan| plan.revoke_old)).unwrap_or(RevokeOld::Never);
        self.audit_rotation(&old, new, plan)?;
        self.replan(old)
    }

    fn audit_rotation(&self, old: &TokenRow, new: &TokenRow, revoke_old: RevokeOld) -> Result<(), Stop> {
        let mut after = serde_json::to_value(revoke_old).unwrap_or_default();
        if let Some(fields) = after.as_object_mut() {
            fields.insert("successor".to_owned(), format!("tok_{}", new.serial.0).into());
        }
        self.audit(event("token.rotated", old, None, Some(after)))?;
        let queued = QueuedNotice::of(NoticeKind::Rotated, old.serial)
            .with("successor", format!("tok_{}", new.serial.0));
        notices::queue(self.database, queued, self.now)?;
        let mut made = new.policy.difference(Some(&old.policy));
        if let Some(fields) = made.as_object_mut() {
            fields.insert("predecessor".to_owned(), format!("tok_{}", old.serial.0).into());
            fields.insert("expires_at".to_owned(), new.expires_at.to_rfc3339().into());
        }
        self.audit(event("token.created", new, None, Some(made)))
    }

    /// Recomputes when the plan of `row` ends it, and writes row and record.
    pub(super) fn replan(&mut self, mut row: TokenRow) -> Result<(), Stop> {
        if !row.is_live(self.now) {
            return Ok(row.update_ends(self.database, None)?);
        }
        let first_use = families::first_use_after(self.database, &row)?;
        let mut due_at = None;
        if let Some(plan) = &mut row.rotation {
            plan.planned_end = plan.end(first_use);
            if plan.planned_end.is_some_and(|at| at > self.now) {
                plan.held_since = None;
            }
            due_at = plan.planned_end.or(plan.held_from().filter(|_| plan.held_since.is_none()));
        }
        let state = State::read(self.database)?;
        let version = next_version(row.version, state.list_number.epoch);
        row.version = version.unwrap_or(row.version);
        row.update_ends(self.database, due_at)?;
        self.tell_who_is_behind(&row)?;
        if version.is_none() {
            // After a million edits the record keeps its outdated planned end. The plan is carried out all
            // the same.
            return Ok(());
        }
        self.publish_record(&row, &state)?;
        let receipt = self.receipt(&row, &state);
        Ok(self.record_token_change(&receipt)?)
    }

    /// Makes the predecessor of `row` current again, and cancels the end planned for it.
    pub(super) fn release_predecessor(&mut self, row: &TokenRow) -> Result<(), Stop> {
        let Some(serial) = row.predecessor else { return Ok(()) };
        let Some(mut predecessor) = TokenRow::find(self.database, serial)? else { return Ok(()) };
        if predecessor.successor != Some(row.serial) {
            return Ok(());
        }
        let plan = predecessor.rotation.take();
        predecessor.successor = None;
        predecessor.update_auto_rotation(self.database)?;
        if plan.is_some() && predecessor.is_live(self.now) {
            let before =
                json!({ "planned_end": plan.and_then(|plan| plan.planned_end).map(|at| at.to_rfc3339()) });
            self.audit(event("token.rotation_cancelled", &predecessor, Some(before), None))?;
        }
        self.replan(predecessor)
    }

    /// The result of a rotation, in its current state.
    fn rotated(&self, successor: Serial) -> Result<Rotated, Stop> {
        // It can be gone only if tokens are kept for less than a week after their end.
        let row = TokenRow::find(self.database, successor)?.ok_or(MADE_IS_GONE)?;
        // The key that signed it may have been retired and removed from the ring since.
        let text = row.text(self.settings)?.ok_or(MADE_IS_GONE)?;
        let predecessor = match row.predecessor {
            Some(serial) => TokenRow::find(self.database, serial)?,
            None => None,
        };
        let receipts = self.revoked_with(&row)?;
        Ok(Rotated {
            token: *self.shown(&row)?,
            text,
            predecessor: predecessor.map(|row| self.shown(&row)).transpose()?.map(|shown| *shown),
            receipts,
        })
    }

    /// Receipts of the family's tokens that were revoked in the transaction that made `row`, newest first.
    /// Each transaction reads the clock once, so equal times identify it. Two rotations of a family in the
    /// same millisecond show each other's receipts as well, which are valid too.
    fn revoked_with(&self, row: &TokenRow) -> Result<Vec<Receipt>, StorageError> {
        let family = families::newest_first(self.database, row.family.as_str())?;
        let receipts = family.into_iter().filter(|other| other.serial < row.serial);
        let receipts = receipts.filter_map(|other| other.revocation());
        Ok(receipts.filter(|receipt| receipt.revoked_at == Some(row.created_at)).collect())
    }
}

/// A wait longer than the old token's whole life is taken for a mistake, such as milliseconds given as
/// seconds.
fn fits(leaf: &TokenRow, revoke_old: &RevokeOld) -> Result<(), Fault> {
    let life_seconds = leaf.expires_at.0.saturating_sub(leaf.created_at.floor_seconds().0);
    let (after, drain, deadline) = match *revoke_old {
        RevokeOld::After { after_seconds, drain_seconds, .. } => {
            (Some(after_seconds), Some(drain_seconds), None)
        }
        RevokeOld::FirstUse { drain_seconds, deadline_seconds, .. } => {
            (None, Some(drain_seconds), deadline_seconds)
        }
        RevokeOld::Never | RevokeOld::Now => (None, None, None),
    };
    // The defaults suit every life: an end planned after the token's own end simply has no effect.
    let waits = [
        ("revoke_old.after_seconds", after.filter(|seconds| *seconds != ROTATE_AFTER_DEFAULT_SECONDS)),
        ("revoke_old.drain_seconds", drain.filter(|seconds| *seconds != ROTATE_DRAIN_DEFAULT_SECONDS)),
        ("revoke_old.deadline_seconds", deadline),
    ];
    let too_long =
        waits.into_iter().filter(|(_, seconds)| seconds.is_some_and(|seconds| seconds > life_seconds));
    let detail = "not longer than the life of the token that is rotated";
    let faults: Vec<_> = too_long.map(|(field, _)| field_fault(field, "out_of_range", detail)).collect();
    if faults.is_empty() { Ok(()) } else { Err(Fault::Fields(faults)) }
}

/// The lifetime that the predecessor was given, limited to what the deployment allows now.
fn same_life(leaf: &TokenRow, settings: &RegistrySettings) -> Lifetime {
    let longest = settings.max_token_lifetime_seconds.max(TOKEN_LIFETIME_MIN_SECONDS);
    Lifetime::ExpiresIn(leaf.life_seconds().clamp(TOKEN_LIFETIME_MIN_SECONDS, longest))
}

fn blocking(row: &TokenRow) -> BlockingToken {
    BlockingToken { serial: row.serial, last_used_at: row.last_used_at }
}
