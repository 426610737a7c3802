//! Licences: tokens of a family, an owner or an external id end at a date. And owners who are switched off:
//! their tokens end now.
//!
//! Standard: docs/lifecycle.md, "Licences".
//! Invariants: a licence's end is part of each token's record, so the gate enforces it to the second, without
//! the registry. Then the registry revokes the token, for the reason `licence_ended`. While a licence has
//! ended, or an owner is switched off, no token is made, rotated or moved to it. A step is bounded, and one
//! transaction with its KV writes; the rest follows at the next alarm, at once.
//! What it must not know: HTTP; alarms. It says what is due.
//! What a mistake costs: a token outlives its licence (false accept), or ends before it (false refuse).

use super::command::{
    Clash, Fault, LicenceOf, LicenceView, OwnerOffView, SetLicence, SwitchOwnerOff, TokenPolicy,
};
use super::events::Event;
use super::families;
use super::licence_row as rows;
use super::licence_row::Licences;
use super::lifecycle::RevocationReason;
use super::policy::field_fault;
use super::promise::Promise;
use super::protection::Act;
use super::row::{Stop, StorageError};
use super::state::State;
use super::token_row::{COLUMNS, TokenRow, TokenStatus};
use super::tokens::event;
use super::transaction::Transaction;
use crate::base::database::{Columns, Database, Rows};
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::family::FamilyId;
use crate::formats::record::next_version;
use crate::formats::token::Serial;
use crate::limits::LICENCE_STEP_MAX;
use serde_json::json;

/// When a licence or a switched-off owner must be seen to next.
pub(super) fn next_due<D: Database>(
    database: &D,
    now: UnixMillis,
) -> Result<Option<UnixMillis>, StorageError> {
    let pending = "SELECT EXISTS (SELECT 1 FROM licence WHERE applied_to IS NOT NULL) \
                   OR EXISTS (SELECT 1 FROM owner_off WHERE applied_to IS NOT NULL)";
    if database.query_one(pending, &[], Columns::flag)? {
        return Ok(Some(now));
    }
    let sql = "SELECT MIN(licence_due_at) FROM token WHERE licence_due_at IS NOT NULL";
    Ok(database.query_one(sql, &[], Columns::optional_millis)?)
}

impl<D: Database> Transaction<'_, D> {
    /// Until when a token of this family with these settings may work; `family` is `None` for a new one.
    ///
    /// # Errors
    /// The clash when no such token may be made or rotated now.
    pub(super) fn licence_for(
        &self,
        family: Option<&FamilyId>,
        policy: &TokenPolicy,
    ) -> Result<Option<UnixMillis>, Stop> {
        let family = family.map_or("", FamilyId::as_str);
        self.licence_among(&Licences::of(self.database, [(family, policy)])?, family, policy)
    }

    /// The same, by licences that were read.
    fn licence_among(
        &self,
        licences: &Licences,
        family: &str,
        policy: &TokenPolicy,
    ) -> Result<Option<UnixMillis>, Stop> {
        if licences.has_switched_off(policy) {
            return Err(Fault::Conflict(Clash::OwnerSwitchedOff).into());
        }
        match licences.end_for(family, policy) {
            Some(at) if at <= self.now => Err(Fault::Conflict(Clash::LicenceEnded).into()),
            end => Ok(end),
        }
    }

    /// Gives an edited token the licence of its settings. What only an owner may do to its end, only an owner
    /// may do in this way.
    pub(super) fn relicense_edited(&self, row: &mut TokenRow, before: &TokenPolicy) -> Result<(), Stop> {
        if (&before.owner, &before.external_id) == (&row.policy.owner, &row.policy.external_id) {
            return Ok(());
        }
        let was = row.licensed_until;
        row.licensed_until = self.licence_for(Some(&row.family), &row.policy)?;
        row.combine_ends();
        match changed_end(was, row.licensed_until) {
            Some(Changed::Earlier) if before.protected => Ok(self.may_do_to_protected(Act::End)?),
            Some(Changed::Later) if before.protected => Ok(self.may_do_to_protected(Act::Prolong)?),
            _ => Ok(()),
        }
    }

    /// The same for a successor of `leaf` with the settings `policy`, which is to be issued. `known`: the
    /// licences of both, where they were read.
    pub(super) fn may_license_successor(
        &self,
        leaf: &TokenRow,
        policy: &TokenPolicy,
        known: Option<&Licences>,
    ) -> Result<(), Stop> {
        let family = leaf.family.as_str();
        let read;
        let licences = match known {
            Some(licences) => licences,
            None => {
                read = Licences::of(self.database, [(family, policy), (family, &leaf.policy)])?;
                &read
            }
        };
        let end = self.licence_among(licences, family, policy)?;
        let was = licences.end_for(family, &leaf.policy);
        match changed_end(was, end) {
            Some(Changed::Earlier) => Ok(self.may_do(leaf, Act::ShortenLife)?),
            Some(Changed::Later) => Ok(self.may_do(leaf, Act::Prolong)?),
            None => Ok(()),
        }
    }

    /// Sets, moves or takes back the end of a licence.
    pub(super) fn set_licence(&mut self, set: SetLicence) -> Result<LicenceView, Stop> {
        if set.ends_at.is_some_and(|at| at.to_millis() <= self.now) {
            let detail = "an instant in the future; to end tokens now, revoke them or switch their owner off";
            return Err(Fault::Fields(vec![field_fault("ends_at", "out_of_range", detail)]).into());
        }
        if let LicenceOf::Family(family) = &set.of
            && families::newest(self.database, family)?.is_none()
        {
            return Err(Fault::NotFound.into());
        }
        let was = rows::find(self.database, &set.of)?.and_then(|licence| licence.ends_at);
        if was.is_none() && set.ends_at.is_none() {
            return Err(Fault::NotFound.into());
        }
        if !set.include_protected && rows::has_protected(self.database, &set.of, self.now)? {
            return Err(Fault::TokenProtected.into());
        }
        let licence = LicenceView {
            id: 0,
            of: set.of,
            ends_at: set.ends_at,
            set_at: self.now,
            set_by: self.actor.label().to_owned(),
            pending: true,
            effective_by: None,
        };
        let licence = rows::store(self.database, &licence)?;
        let shown =
            |at: Option<UnixSeconds>| json!({ "of": licence.of, "ends_at": at.map(UnixSeconds::to_rfc3339) });
        let family = match &licence.of {
            LicenceOf::Family(family) => Some(family.as_str()),
            LicenceOf::Owner(_) | LicenceOf::ExternalId(_) => None,
        };
        let action = if licence.ends_at.is_some() { "licence.set" } else { "licence.taken_back" };
        let (before, after) = (was.map(|at| shown(Some(at))), Some(shown(licence.ends_at)));
        self.audit(Event { action, family, before, after, ..Event::default() })?;
        let pending = self.apply_licence(&licence, Serial(0))?;
        Ok(LicenceView { pending, effective_by: self.effective_by(pending)?, ..licence })
    }

    /// Switches an owner off. Repeating it changes nothing.
    pub(super) fn switch_owner_off(&mut self, switch: SwitchOwnerOff) -> Result<OwnerOffView, Stop> {
        if let Some(owner) = rows::owner_off(self.database, &switch.owner)? {
            return Ok(owner);
        }
        let of = LicenceOf::Owner(switch.owner.clone());
        if !switch.include_protected && rows::has_protected(self.database, &of, self.now)? {
            return Err(Fault::TokenProtected.into());
        }
        let owner = OwnerOffView {
            id: 0,
            owner: switch.owner,
            reason: switch.reason,
            off_at: self.now,
            off_by: self.actor.label().to_owned(),
            pending: true,
            effective_by: None,
        };
        let owner = rows::store_owner(self.database, &owner)?;
        let after = Some(json!({ "owner": owner.owner, "reason": owner.reason }));
        self.audit(Event { action: "owner.switched_off", after, ..Event::default() })?;
        let pending = self.revoke_of_owner(&owner, Serial(0))?;
        Ok(OwnerOffView { pending, effective_by: self.effective_by(pending)?, ..owner })
    }

    /// Switches an owner on again: new tokens can be made. What was revoked stays revoked.
    pub(super) fn switch_owner_on(&mut self, owner: &str) -> Result<(), Stop> {
        let off = rows::owner_off(self.database, owner)?.ok_or(Fault::NotFound)?;
        rows::forget_owner(self.database, off.id)?;
        let before = Some(json!({ "owner": off.owner, "reason": off.reason }));
        self.audit(Event { action: "owner.switched_on", before, ..Event::default() })
    }

    fn effective_by(&self, pending: bool) -> Result<Option<UnixSeconds>, Stop> {
        let state = State::read(self.database)?;
        Ok((!pending).then(|| Promise::of(self.settings, &state, self.now).effective_by))
    }

    /// One step of what is due: licences that have ended, then what earlier calls left.
    pub(super) fn see_to_licences(&mut self) -> Result<(), Stop> {
        let sql = format!(
            "SELECT {COLUMNS} FROM token WHERE licence_due_at <= ? ORDER BY licence_due_at, serial LIMIT ?"
        );
        let limit = LICENCE_STEP_MAX.into();
        for row in self.database.query_all(&sql, &[self.now.into(), limit], TokenRow::read)? {
            self.end_of_licence(row.serial)?;
        }
        if let Some((licence, after)) = rows::next_licence(self.database)? {
            self.apply_licence(&licence, after)?;
        }
        if let Some((owner, after)) = rows::next_owner(self.database)? {
            self.revoke_of_owner(&owner, after)?;
        }
        Ok(())
    }

    /// Revokes a token that its licence has ended. (The gate has refused it since then.)
    fn end_of_licence(&mut self, serial: Serial) -> Result<(), Stop> {
        // Read again: an earlier revocation in this step may have changed its plan.
        let row = self.token(serial)?;
        let is_ended_by_it = row.status != TokenStatus::Revoked
            && row.key_end().is_none()
            && row.licensed_until.is_some_and(|at| at <= self.now && row.end() == at);
        if is_ended_by_it {
            self.withdraw(row, RevocationReason::LicenceEnded, None)?;
        }
        let sql = "UPDATE token SET licence_due_at = NULL WHERE serial = ?";
        self.database.execute(sql, &[serial.into()]).map_err(StorageError::from)?;
        Ok(())
    }

    /// Gives the next tokens the licence's end. Returns whether more are left.
    fn apply_licence(&mut self, licence: &LicenceView, after: Serial) -> Result<bool, Stop> {
        let tokens = rows::tokens_of(self.database, &licence.of, after, self.now)?;
        let to = last_of_full_step(&tokens);
        for row in tokens {
            self.relicense(row.serial)?;
        }
        rows::licence_applied(self.database, licence.id, to)?;
        Ok(to.is_some())
    }

    /// Revokes the next tokens of an owner who is switched off. Returns whether more are left.
    fn revoke_of_owner(&mut self, owner: &OwnerOffView, after: Serial) -> Result<bool, Stop> {
        let of = LicenceOf::Owner(owner.owner.clone());
        let tokens = rows::tokens_of(self.database, &of, after, self.now)?;
        let to = last_of_full_step(&tokens);
        for row in tokens {
            // Read again: an earlier revocation in this step may have changed its plan.
            let row = self.token(row.serial)?;
            self.withdraw(row, RevocationReason::OwnerRemoved, owner.reason.as_deref())?;
        }
        rows::owner_applied(self.database, owner.id, to)?;
        Ok(to.is_some())
    }

    /// Gives a token the earliest end of its licences, in a new version of its record. If that end has passed
    /// meanwhile, the token is revoked.
    fn relicense(&mut self, serial: Serial) -> Result<(), Stop> {
        let mut row = self.token(serial)?;
        let family = row.family.as_str();
        let end = Licences::of(self.database, [(family, &row.policy)])?.end_for(family, &row.policy);
        if end.is_some_and(|at| at <= self.now) {
            self.withdraw(row, RevocationReason::LicenceEnded, None)?;
            return Ok(());
        }
        if end == row.licensed_until {
            return Ok(());
        }
        let (was, had) = (row.ends_at, row.licensed_until);
        row.licensed_until = end;
        row.combine_ends();
        let state = State::read(self.database)?;
        // After a million edits the record keeps its outdated end. A licence is carried out all the same.
        let version = next_version(row.version, state.list_number.epoch);
        if row.ends_at != was
            && let Some(version) = version
        {
            row.version = version;
            self.publish_record(&row, &state)?;
            let receipt = self.receipt(&row, &state);
            row.update_licence(self.database)?;
            self.record_token_change(&receipt)?;
        } else {
            row.update_licence(self.database)?;
        }
        let shown = |at: Option<UnixMillis>| json!({ "licensed_until": at.map(UnixMillis::to_rfc3339) });
        self.audit(event("token.licensed", &row, Some(shown(had)), Some(shown(end))))
    }
}

/// The last serial of a step that may not be the last; `None` when it is.
fn last_of_full_step(tokens: &[TokenRow]) -> Option<Serial> {
    let is_full = tokens.len() >= usize::try_from(LICENCE_STEP_MAX).unwrap_or(usize::MAX);
    tokens.last().filter(|_| is_full).map(|row| row.serial)
}

/// How the end of a licence changes.
enum Changed {
    Earlier,
    Later,
}

/// `None` is no end at all.
fn changed_end(was: Option<UnixMillis>, is: Option<UnixMillis>) -> Option<Changed> {
    match (was, is) {
        (was, is) if was == is => None,
        (Some(was), Some(is)) if is > was => Some(Changed::Later),
        (Some(_), None) => Some(Changed::Later),
        _ => Some(Changed::Earlier),
    }
}
