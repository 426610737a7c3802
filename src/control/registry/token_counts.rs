//! How many tokens are in which state or end soon, and how many a route refuses for naming no origin, for
//! `/status` and `/metrics`.
//!
//! Invariants: of few tokens the counts are those of now; of many they are at most a minute old, of a
//! million ten, since counting walks through the table, and the registry does nothing else meanwhile.
//! Kept in memory alone.
//! What it must not know: who asks.
//! What a mistake costs: a wrong figure on a dashboard.

use super::command::TokenState;
use super::expiries;
use super::retired_keys::key_retired;
use super::row::StorageError;
use super::settings::RegistrySettings;
use super::token_row::TokenStatus;
use crate::base::database::{Database, Rows, json};
use crate::base::time::UnixMillis;
use crate::limits::{COUNTS_KEPT_FROM_TOKENS, COUNTS_KEPT_LONGER_PER_TOKENS, COUNTS_KEPT_MS};

/// Number of tokens that are active, disabled, revoked and expired, in this order.
pub(super) type TokensByState = [u64; 4];

/// The counts, and when they were taken.
#[derive(Debug, Default)]
pub(super) struct TokenCounts {
    at: Option<UnixMillis>,
    by_state: TokensByState,
    naming_no_origin: u64,
    ends_at: Option<UnixMillis>,
    ending_within: [u64; 4],
}

impl TokenCounts {
    /// TokensByState again, unless there are many tokens and the last count is recent.
    pub(super) fn refresh<D: Database>(
        &mut self,
        database: &D,
        settings: &RegistrySettings,
        now: UnixMillis,
    ) -> Result<(), StorageError> {
        if !self.are_kept(self.at, now) {
            self.by_state = count_by_state(database, now)?;
            self.naming_no_origin = count_naming_no_origin(database, &settings.credential_audiences, now)?;
            self.at = Some(now);
        }
        Ok(())
    }

    /// Likewise for [`Self::ending_within`], after [`Self::refresh`].
    pub(super) fn refresh_ends<D: Database>(
        &mut self,
        database: &D,
        now: UnixMillis,
    ) -> Result<(), StorageError> {
        if !self.are_kept(self.ends_at, now) {
            self.ending_within = expiries::counts(database, now)?;
            self.ends_at = Some(now);
        }
        Ok(())
    }

    fn are_kept(&self, counted_at: Option<UnixMillis>, now: UnixMillis) -> bool {
        let tokens = self.by_state.iter().sum::<u64>();
        let times_longer = i64::try_from(tokens / COUNTS_KEPT_LONGER_PER_TOKENS).unwrap_or_default().max(1);
        let kept_ms = COUNTS_KEPT_MS.saturating_mul(times_longer);
        tokens >= COUNTS_KEPT_FROM_TOKENS
            && counted_at.is_some_and(|at| (0..kept_ms).contains(&now.since_ms(at)))
    }

    /// How many tokens without a successor ended soon at the last count (`expiries::counts`).
    pub(super) fn ending_within(&self) -> [u64; 4] {
        self.ending_within
    }

    /// Number of tokens by state, at the last count.
    pub(super) fn by_state(&self) -> TokensByState {
        self.by_state
    }

    /// Number of tokens, at the last count, that name no origin and are for audiences of routes to which
    /// pages may send cookies.
    pub(super) fn naming_no_origin(&self) -> u64 {
        self.naming_no_origin
    }
}

/// Such tokens were saved before their routes took cookies. New ones are refused.
fn count_naming_no_origin<D: Database>(
    database: &D,
    credential_audiences: &[String],
    now: UnixMillis,
) -> Result<u64, StorageError> {
    if credential_audiences.is_empty() {
        return Ok(0);
    }
    let naming_no_origin = database.query_one(
        concat!(
            // The third names no origin either: only rules for every installation of an extension.
            "SELECT COUNT(*) FROM token WHERE (origins = '\"any\"' OR origin_mode = '\"report\"' ",
            "OR (instr(origins, '://*\"') > 0 AND NOT EXISTS ",
            "(SELECT 1 FROM json_each(token.origins) WHERE substr(value, -4) <> '://*'))) ",
            "AND status <> 'revoked' AND expires_at > ? AND (ends_at IS NULL OR ends_at > ?) AND NOT ",
            key_retired!(),
            // One parameter for all audiences: a Durable Object takes at most 100, and there are up to 100.
            " AND EXISTS (SELECT 1 FROM json_each(token.audiences) ",
            "WHERE value IN (SELECT value FROM json_each(?)))"
        ),
        &[now.floor_seconds().into(), now.into(), json(&credential_audiences)?],
        |columns| columns.number(),
    )?;
    Ok(naming_no_origin)
}

fn count_by_state<D: Database>(database: &D, now: UnixMillis) -> Result<TokensByState, StorageError> {
    let rows = database.query_all(
        concat!(
            "SELECT status, (expires_at <= ? OR (ends_at IS NOT NULL AND ends_at <= ?)) AS ended, ",
            key_retired!(),
            " AS key_retired, COUNT(*) FROM token GROUP BY status, ended, key_retired"
        ),
        &[now.floor_seconds().into(), now.into()],
        |columns| {
            let status = TokenStatus::read(columns)?;
            Ok((status, columns.flag()?, columns.flag()?, columns.number::<u64>()?))
        },
    )?;
    let mut counts = [0_u64; 4];
    let [active, disabled, revoked, expired] = &mut counts;
    for (status, ended, key_retired, count) in rows {
        let state = match status {
            TokenStatus::Revoked => TokenState::Revoked,
            _ if key_retired => TokenState::Revoked,
            _ if ended => TokenState::Expired,
            TokenStatus::Disabled => TokenState::Disabled,
            TokenStatus::Good => TokenState::Active,
        };
        let slot = match state {
            TokenState::Active => &mut *active,
            TokenState::Disabled => &mut *disabled,
            TokenState::Revoked => &mut *revoked,
            TokenState::Expired => &mut *expired,
        };
        *slot = slot.saturating_add(count);
    }
    Ok(counts)
}
