//! Rotation: a token gets a successor with the same settings, and a plan for its own end.
//!
//! Standard: DESIGN section 8. What stands in the way of a rotation, as a table ([`Call::obstacle`] is its text in Rust);
//! "the other" is the token of the family beside the leaf that is active or disabled:
//!
//! | the leaf          | the other | asked                  | then                                                       |
//! |-------------------|-----------|------------------------|------------------------------------------------------------|
//! | any but ended     | any       | `now`                  | both are revoked (`rotated`), protected ones refuse        |
//! | disabled          | any       |                        | `conflict`, naming the other                               |
//! | ended early       | any       |                        | `token_ended`, naming the other                            |
//! | active or expired | none      |                        | rotated                                                    |
//! | expired           | one       |                        | rotated; the other keeps its plan                          |
//! | unused            | one       |                        | `successor_unused`, naming both                            |
//! | unused            | one       | `supersede: successor` | the leaf is revoked; the new one succeeds the other, whose plan stays |
//! | unused            | one       | `supersede: original`  | the other is revoked, unless used in the last day without `force`; rotated |
//! | used              | one       |                        | `max_active_tokens`, naming both                           |
//! | used              | one       | `revoke_oldest`        | the other is revoked; rotated                              |
//!
//! Invariants: a family has at most two tokens that are active or disabled; the plan, the successor and what is revoked are
//! one transaction; without `strict` or `now` nothing ends before the successor was seen in use.
//! What it must not know: HTTP; how uses are counted.
//! What a mistake costs: pages that carry the old token break (false refuse); a compromised token that goes on working
//! (false accept).

pub(super) mod auto;
mod ends;
mod plan;
mod uses;
pub(super) mod words;

pub(super) use ends::{is_due, next_due};
pub(super) use plan::Plan;
pub(super) use uses::wanted as uses_wanted;

use super::call::Call;
use super::command::{
    Fault, Idempotency, Lifetime, NoticeKind, Receipt, RevokeOld, Rotate, Rotated, Standing, Supersede,
    TokenState,
};
use super::database::Database;
use super::families;
use super::idempotency::{self, Made};
use super::lifecycle::Reason;
use super::notices::{self, Owed};
use super::policy::{Policy, field_fault};
use super::row::{Stop, StorageError};
use super::state::State;
use super::token_row::TokenRow;
use super::tokens::event;
use crate::limits::{
    ORIGINAL_IN_USE_MS, ROTATE_AFTER_DEFAULT_SECONDS, ROTATE_DRAIN_DEFAULT_SECONDS,
    TOKEN_LIFETIME_MIN_SECONDS,
};
use crate::record::next_version;
use crate::time::UnixSeconds;
use crate::token::Serial;
use serde_json::json;

/// What is done before the successor is made, and whom it succeeds.
enum Step {
    /// It succeeds the leaf.
    Go,
    /// These are revoked first; it succeeds the leaf.
    Revoke(Vec<TokenRow>, Reason),
    /// The leaf is revoked first; it succeeds the other.
    SupersedeLeaf(Box<TokenRow>),
}

impl<D: Database> Call<'_, D> {
    /// Rotates a token; for a retry gives the same successor again, as it now is.
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
        let leaf = families::leaf(self.database, family)?;
        let any = match leaf {
            Some(leaf) => leaf.serial,
            None => families::newest(self.database, family)?.ok_or(Fault::NotFound)?,
        };
        self.rotate(any, rotate, idempotency)
    }

    /// The row itself, when it is its family's leaf.
    fn leaf_of(&self, token: &TokenRow) -> Result<TokenRow, Stop> {
        let ended = matches!(token.state(self.now), TokenState::Revoked | TokenState::Expired);
        match families::leaf(self.database, token.family.as_str())? {
            Some(leaf) if leaf.serial == token.serial => Ok(leaf),
            leaf => Err(Fault::RotateInstead { ended, instead: leaf.map(|leaf| leaf.serial) }.into()),
        }
    }

    /// Whether anything stands against rotating `leaf`; writes nothing.
    pub(super) fn obstacle_to(&self, leaf: &TokenRow, rotate: &Rotate) -> Result<(), Stop> {
        self.checked(leaf, rotate).map(|_| ())
    }

    fn checked(&self, leaf: &TokenRow, rotate: &Rotate) -> Result<(Step, Policy, UnixSeconds), Stop> {
        fits(leaf, &rotate.revoke_old)?;
        let step = self.obstacle(leaf, rotate)?;
        let policy = leaf.policy.cloned(rotate.overrides.clone(), &self.settings.audiences);
        let lifetime = rotate.lifetime.unwrap_or_else(|| same_life(leaf, self.settings));
        match (policy, self.new_end(Some(lifetime))) {
            (Ok(policy), Ok(expires_at)) => Ok((step, policy, expires_at)),
            (policy, end) => {
                let faults = policy.err().into_iter().flatten().chain(end.err());
                Err(Fault::Fields(faults.collect()).into())
            }
        }
    }

    fn make_successor(&mut self, leaf: TokenRow, rotate: &Rotate) -> Result<Serial, Stop> {
        let (step, policy, expires_at) = self.checked(&leaf, rotate)?;
        let family = leaf.family.clone();
        match step {
            Step::Go => {
                let (row, _) = self.issue(policy, expires_at, Some((family, leaf.serial)))?;
                self.succeed(leaf, &row, Some(rotate.revoke_old))?;
                Ok(row.serial)
            }
            Step::Revoke(rows, reason) => {
                for row in rows {
                    self.withdraw(row, reason, None)?;
                }
                let (row, _) = self.issue(policy, expires_at, Some((family, leaf.serial)))?;
                // As it is now: it may be among the revoked.
                let leaf = self.token(leaf.serial)?;
                self.succeed(leaf, &row, Some(rotate.revoke_old))?;
                Ok(row.serial)
            }
            Step::SupersedeLeaf(other) => {
                self.withdraw_superseded(leaf)?;
                let (row, _) = self.issue(policy, expires_at, Some((family, other.serial)))?;
                self.succeed(*other, &row, None)?;
                Ok(row.serial)
            }
        }
    }

    /// The table above.
    fn obstacle(&self, leaf: &TokenRow, rotate: &Rotate) -> Result<Step, Stop> {
        let state = leaf.state(self.now);
        let live = families::live(self.database, leaf.family.as_str(), self.now)?;
        let (itself, others): (Vec<_>, Vec<_>) = live.into_iter().partition(|row| row.serial == leaf.serial);
        let other = others.first().map(|other| other.serial);
        let ended_early = state == TokenState::Expired && self.now < leaf.expires_at.to_millis();
        if ended_early {
            return Err(Fault::RotateInstead { ended: true, instead: other }.into());
        }
        if rotate.revoke_old == RevokeOld::Now {
            // Oldest first: one whose successor has gone would else be planned anew in between.
            let all: Vec<_> = others.into_iter().rev().chain(itself).collect();
            return Ok(Step::Revoke(unprotected(all)?, Reason::Rotated));
        }
        let is_used = leaf.first_used_at.is_some();
        match (state, others.as_slice()) {
            (TokenState::Disabled | TokenState::Revoked, _) => {
                Err(Fault::RotateInstead { ended: false, instead: other }.into())
            }
            (TokenState::Active | TokenState::Expired, []) | (TokenState::Expired, [_]) => Ok(Step::Go),
            (TokenState::Active, [only]) if !is_used => self.unused_leaf(leaf, only, rotate),
            (TokenState::Active | TokenState::Expired, _) if rotate.revoke_oldest => {
                Ok(Step::Revoke(unprotected(others)?, Reason::Rotated))
            }
            (TokenState::Active | TokenState::Expired, _) => {
                let active = itself.iter().chain(&others).map(standing).collect();
                Err(Fault::MaxActiveTokens { active }.into())
            }
        }
    }

    fn unused_leaf(&self, leaf: &TokenRow, other: &TokenRow, rotate: &Rotate) -> Result<Step, Stop> {
        let in_use = other.last_used_at.is_some_and(|at| self.now.since_ms(at) < ORIGINAL_IN_USE_MS);
        match rotate.supersede {
            Some(Supersede::Successor) => Ok(Step::SupersedeLeaf(Box::new(other.clone()))),
            Some(Supersede::Original) if rotate.force || !in_use => {
                Ok(Step::Revoke(unprotected(vec![other.clone()])?, Reason::Superseded))
            }
            Some(Supersede::Original) | None => {
                Err(Fault::SuccessorUnused { waiting: standing(leaf), predecessor: standing(other) }.into())
            }
        }
    }

    /// Makes `new` the successor of `old`, with a plan for the end of `old`; without one, `old` keeps the plan it has.
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
                old.rotation =
                    Some(Plan { revoke_old, begun_at: self.now, planned_end: None, held_since: None });
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
        let owed =
            Owed::of(NoticeKind::Rotated, old.serial).with("successor", format!("tok_{}", new.serial.0));
        notices::owe(self.database, owed, self.now)?;
        let mut made = new.policy.difference(Some(&old.policy));
        if let Some(fields) = made.as_object_mut() {
            fields.insert("predecessor".to_owned(), format!("tok_{}", old.serial.0).into());
            fields.insert("expires_at".to_owned(), new.expires_at.to_rfc3339().into());
        }
        self.audit(event("token.created", new, None, Some(made)))
    }

    /// Works out anew when the plan of `row` ends it, and writes row and record.
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
        let Some(version) = next_version(row.version, state.list_number.epoch) else {
            // Edited a million times: the record goes on without this notice, and the plan is carried out all the same.
            return Ok(row.update_ends(self.database, due_at)?);
        };
        row.version = version;
        row.update_ends(self.database, due_at)?;
        self.publish_record(&row, &state)?;
        let receipt = self.receipt(&row, &state);
        Ok(self.list_names(&receipt)?)
    }

    /// The one that `row`, now revoked, had succeeded is again the one to copy: what was planned for its end is off.
    pub(super) fn release_predecessor(&mut self, row: &TokenRow) -> Result<(), Stop> {
        let Some(serial) = row.predecessor else { return Ok(()) };
        let Some(mut predecessor) = TokenRow::find(self.database, serial)? else { return Ok(()) };
        if predecessor.successor != Some(row.serial) {
            return Ok(());
        }
        let plan = predecessor.rotation.take();
        predecessor.successor = None;
        auto::plan(self.database, &predecessor)?;
        if plan.is_some() && predecessor.is_live(self.now) {
            let before =
                json!({ "planned_end": plan.and_then(|plan| plan.planned_end).map(|at| at.to_rfc3339()) });
            self.audit(event("token.rotation_cancelled", &predecessor, Some(before), None))?;
        }
        self.replan(predecessor)
    }

    /// What a rotation made, as it now is.
    fn rotated(&self, successor: Serial) -> Result<Rotated, Stop> {
        // Gone already only when tokens are kept for less than a week after their end.
        let row = TokenRow::find(self.database, successor)?.ok_or(Fault::Conflict)?;
        // Its key may be gone from the ring since, retired.
        let text = row.text(self.settings)?.ok_or(Fault::Conflict)?;
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

    /// Receipts of the tokens of the family that were revoked in the transaction that made `row`, newest first: the clock
    /// is read once in each. (Two rotations of a family in one millisecond show each other's, which are true all the same.)
    fn revoked_with(&self, row: &TokenRow) -> Result<Vec<Receipt>, StorageError> {
        let family = families::newest_first(self.database, row.family.as_str())?;
        let receipts = family.into_iter().filter(|other| other.serial < row.serial);
        let receipts = receipts.filter_map(|other| other.revocation());
        Ok(receipts.filter(|receipt| receipt.revoked_at == Some(row.created_at)).collect())
    }
}

/// A wait that is longer than the old token's whole life can mean nothing: a typing error, in seconds or milliseconds.
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
    // The defaults suit every life: an end that is planned after the token's own is simply that one.
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

/// The life that the predecessor was given, as far as the deployment still allows it.
fn same_life(leaf: &TokenRow, settings: &super::RegistrySettings) -> Lifetime {
    let life_seconds = leaf.expires_at.0.saturating_sub(leaf.created_at.ceil_seconds().0);
    let longest = settings.max_token_lifetime_seconds.max(TOKEN_LIFETIME_MIN_SECONDS);
    Lifetime::ExpiresIn(life_seconds.clamp(TOKEN_LIFETIME_MIN_SECONDS, longest))
}

fn unprotected(rows: Vec<TokenRow>) -> Result<Vec<TokenRow>, Fault> {
    if rows.iter().any(|row| row.policy.protected) { Err(Fault::TokenProtected) } else { Ok(rows) }
}

fn standing(row: &TokenRow) -> Standing {
    Standing { serial: row.serial, last_used_at: row.last_used_at }
}
