//! Tokens: issue, clone, edit, reveal.
//!
//! Standard: docs/lifecycle.md, "Life"; docs/http.md, "Lookup and reveal".
//! Invariants: a serial is used once. The expiry is signed and never edited. Record and pending write are
//! stored in the transaction of the change, so an acknowledged change reaches KV. Every edit that changes
//! something raises `version`.
//! One number serves as `If-Match`, as the record's version and in the list, although an edited label alone
//! needs no new record. With a second number the two could diverge, and a record that looks current but is
//! not would admit wrongly.
//! What it must not know: HTTP, KV.
//! What a mistake costs: a token outlives its limit, or an outdated policy stays in force (false accept).

use super::command::{
    Clash, Fault, Idempotency, Lifetime, NewToken, Receipt, TokenEdit, TokenPolicy, TokenState,
};
use super::events::Event;
use super::idempotency::{self, MADE_IS_GONE, Made};
use super::notices;
use super::outbox;
use super::policy::field_fault;
use super::protection;
use super::row::{Stop, StorageError};
use super::state::State;
use super::token_row::{TokenRow, TokenStatus};
use super::transaction::Transaction;
use crate::base::database::Database;
use crate::base::time::UnixSeconds;
use crate::formats::family::{FamilyId, RANDOM_BYTES};
use crate::formats::fingerprint::fingerprint;
use crate::formats::record::next_version;
use crate::formats::token::{Claims, Serial};
use crate::limits::TOKEN_LIFETIME_MIN_SECONDS;
use serde_json::{Value as Json, json};

impl<D: Database> Transaction<'_, D> {
    /// Issues a token, the first of a family. A retry returns the same one, in its current state.
    pub(super) fn create_token(
        &mut self,
        new: NewToken,
        idempotency: Option<&Idempotency>,
    ) -> Result<(TokenRow, String), Stop> {
        if let Some(idempotency) = idempotency
            && let Some(made) = idempotency::find(self.database, self.actor.key_id(), idempotency, self.now)?
        {
            let Made::Token(serial) = made else { return Err(Fault::IdempotencyConflict.into()) };
            // It can be gone only if tokens are kept for less than a week after their end.
            let row = TokenRow::find(self.database, serial)?.ok_or(MADE_IS_GONE)?;
            // The key that signed it may have been retired and removed from the ring since.
            let text = row.text(self.settings)?.ok_or(MADE_IS_GONE)?;
            return Ok((row, text));
        }
        let (policy, expires_at) = self.new_policy(new)?;
        let (row, text) = self.issue(policy, expires_at, None)?;
        if let Some(idempotency) = idempotency {
            idempotency::keep(
                self.database,
                self.actor.key_id(),
                idempotency,
                &Made::Token(row.serial),
                self.now,
            )?;
        }
        let mut after = row.policy.difference(None);
        set(&mut after, "expires_at", row.expires_at.to_rfc3339().into());
        self.audit(event("token.created", &row, None, Some(after)))?;
        Ok((row, text))
    }

    /// The policy and end of the new token, or all faulty fields.
    fn new_policy(&self, new: NewToken) -> Result<(TokenPolicy, UnixSeconds), Stop> {
        let policy = match new.clone_of {
            None => TokenPolicy::new(new.settings, self.settings),
            Some(serial) => match TokenRow::find(self.database, serial)? {
                Some(row) if row.state(self.now) == TokenState::Active => {
                    let policy = row
                        .policy
                        .cloned(new.settings, self.settings)
                        .and_then(TokenPolicy::without_public_suffix_rules);
                    if let Ok(policy) = &policy {
                        self.may_carry_protection(&row, policy)?;
                    }
                    policy
                }
                _ => Err(vec![field_fault("clone_of", "not_valid", "the id of a token that is active")]),
            },
        };
        // With a policy that is refused, any life does for naming the other faults.
        let audiences = policy.as_ref().map_or(&[][..], |policy| &policy.audiences);
        let by_default = Lifetime::ExpiresIn(self.settings.default_lifetime_seconds(audiences));
        match (policy, self.new_end(new.lifetime.unwrap_or(by_default))) {
            (Ok(policy), Ok(expires_at)) => {
                self.licence_for(None, &policy)?;
                Ok((policy, expires_at))
            }
            (policy, end) => {
                let faults = policy.err().into_iter().flatten().chain(end.err());
                Err(Fault::Fields(faults.collect()).into())
            }
        }
    }

    /// Checks the settings of a token that gets its protection from `original`. Then what an owner decided
    /// for `original` applies to the new token too.
    pub(super) fn may_carry_protection(
        &self,
        original: &TokenRow,
        policy: &TokenPolicy,
    ) -> Result<(), Fault> {
        if !(original.policy.protected && policy.protected) {
            return Ok(());
        }
        let acts = protection::changes(&original.policy, policy, original.life_seconds());
        acts.into_iter().try_for_each(|act| self.may_do_to_protected(act))
    }

    pub(super) fn new_end(&self, lifetime: Lifetime) -> Result<UnixSeconds, super::command::FieldFault> {
        let longest = self.settings.max_token_lifetime_seconds;
        let lives = TOKEN_LIFETIME_MIN_SECONDS..=longest;
        // The end is the first whole second at which the requested life is over.
        let start = self.now.ceil_seconds();
        let (field, seconds) = match lifetime {
            Lifetime::ExpiresIn(seconds) => ("expires_in", seconds),
            Lifetime::ExpiresAt(at) => ("expires_at", at.0.saturating_sub(start.0)),
        };
        if lives.contains(&seconds) {
            Ok(start.plus_seconds(seconds))
        } else {
            let detail = "a life from 60 seconds to MAX_TOKEN_LIFETIME of this deployment";
            Err(field_fault(field, "out_of_range", detail))
        }
    }

    /// Issues a token, either of a new family or as the successor of a token of `family`.
    pub(super) fn issue(
        &mut self,
        policy: TokenPolicy,
        expires_at: UnixSeconds,
        family: Option<(FamilyId, Serial)>,
    ) -> Result<(TokenRow, String), Stop> {
        let mut state = State::read(self.database)?;
        let serial = state.next_serial(self.database)?.ok_or(Fault::Conflict(Clash::SerialsUsedUp))?;
        let claims = Claims { key_id: state.signing_key, serial, expires_at };
        let text = claims.mint(&self.settings.ring).ok_or(StorageError::MissingKey)?;
        let (family, predecessor) = match family {
            Some((family, predecessor)) => (family, Some(predecessor)),
            None => (self.new_family(), None),
        };
        let licensed_until = self.licence_for(Some(&family), &policy)?;
        let mut row = TokenRow {
            serial,
            family,
            key_id: state.signing_key,
            expires_at,
            fingerprint: fingerprint(&text),
            version: 1,
            policy,
            created_at: self.now,
            created_by: self.actor.label().to_owned(),
            ends_at: None,
            own_end: None,
            licensed_until,
            status: TokenStatus::Good,
            receipt: None,
            published_at: None,
            sealed_by: state.signing_key,
            changed_receipt: None,
            predecessor,
            successor: None,
            rotation: None,
            first_used_at: None,
            last_used_at: None,
            key_receipt: None,
            quota_use: None,
        };
        row.combine_ends();
        row.insert(self.database)?;
        self.publish_record(&row, &state)?;
        if row.policy.quota.is_some() || predecessor.is_some() {
            self.settle_quotas(&row.family)?;
        }
        Ok((row, text))
    }

    fn new_family(&mut self) -> FamilyId {
        let mut random = [0; RANDOM_BYTES];
        (self.entropy)(&mut random);
        FamilyId::mint(random, &self.settings.check_keys.family)
    }

    /// Changes settings. An edit that changes nothing keeps the version, and its receipt is valid all the
    /// same.
    pub(super) fn edit_token(
        &mut self,
        serial: Serial,
        if_match: Option<u32>,
        edit: TokenEdit,
    ) -> Result<(TokenRow, Receipt), Stop> {
        let row = self.token(serial)?;
        if if_match.is_some_and(|version| version != row.version) {
            return Err(Fault::PreconditionFailed.into());
        }
        let before = row.policy.clone();
        let mut row = self.judged_edit(row, edit)?;
        let state = State::read(self.database)?;
        let receipt = self.receipt(&row, &state);
        if row.policy == before {
            return Ok((row, receipt));
        }
        row.version = next_version(row.version, state.list_number.epoch)
            .ok_or(Fault::Conflict(Clash::VersionsUsedUp))?;
        row.update_policy(self.database)?;
        row.update_licence(self.database)?;
        self.publish_record(&row, &state)?;
        self.record_token_change(&receipt)?;
        let (was, is) = (before.difference(Some(&row.policy)), row.policy.difference(Some(&before)));
        self.audit(event("token.edited", &row, Some(was), Some(is)))?;
        if row.policy.quota != before.quota {
            notices::forget_quota(self.database, serial)?;
            self.settle_quotas(&row.family)?;
            row = self.token(serial)?;
        }
        Ok((row, receipt))
    }

    /// The row as the edit would leave it, or what prevents the edit. Writes nothing.
    pub(super) fn judged_edit(&self, mut row: TokenRow, edit: TokenEdit) -> Result<TokenRow, Stop> {
        if matches!(row.state(self.now), TokenState::Revoked | TokenState::Expired) {
            return Err(Fault::TokenEnded.into());
        }
        let before = row.policy.clone();
        row.policy = before.edited(edit, self.settings).map_err(Fault::Fields)?;
        if before.protected {
            for act in protection::changes(&before, &row.policy, row.life_seconds()) {
                self.may_do_to_protected(act)?;
            }
        }
        self.relicense_edited(&mut row, &before)?;
        Ok(row)
    }

    /// Makes record and list pending writes. The list names the version of an edited token, and the highest
    /// serial.
    pub(super) fn publish_record(&mut self, row: &TokenRow, state: &State) -> Result<(), Stop> {
        self.touched.insert(row.serial);
        let sealed = row.sealed_record(self.settings, state.signing_key)?;
        outbox::queue_record(self.database, row, sealed, self.now)?;
        Ok(self.renew_list()?)
    }

    /// Returns the token's text, in whatever state it is, and audits that. Without its key, removed from the
    /// ring after its retirement, the text cannot be rebuilt.
    pub(super) fn reveal_token(&mut self, serial: Serial) -> Result<String, Stop> {
        let row = self.token(serial)?;
        let text = row.text(self.settings)?.ok_or(Fault::TextGone)?;
        self.audit(event("token.revealed", &row, None, None))?;
        Ok(text)
    }
}

/// An audit event about a token.
pub(super) fn event<'a>(
    action: &'static str,
    row: &'a TokenRow,
    before: Option<Json>,
    after: Option<Json>,
) -> Event<'a> {
    Event { action, token: Some(row.serial), family: Some(row.family.as_str()), before, after }
}

fn set(object: &mut Json, name: &str, value: Json) {
    match object.as_object_mut() {
        Some(fields) => {
            fields.insert(name.to_owned(), value);
        }
        None => *object = json!({ name: value }),
    }
}
