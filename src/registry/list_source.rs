//! What the revocation list must name, and its number.
//!
//! Standard: DESIGN sections 4 (`list/delta`, here without a base) and 5.
//! Invariants: state, clock and number are taken in one transaction, and the number is stored in it, before the list is
//! handed to anyone; so a list with a higher number contains every change committed before it. A serial leaves the list
//! at `expires_at` + B, when no clock within the bound can take its token for unexpired.
//! What it must not know: who asks for the list, KV.
//! What a mistake costs: a serial that is not named is a revoked token that works again (false accept).

use super::database::Database;
use super::row::{Columns, StorageError};
use super::settings::RegistrySettings;
use super::state::State;
use super::token_row::Status;
use crate::limits::MS_PER_SECOND;
use crate::list::{self, Change, Number, RevocationList};
use crate::time::UnixMillis;

/// A list as it was handed out.
#[derive(Clone, Debug)]
pub(super) struct MadeList {
    pub(super) number: Number,
    pub(super) this_update: UnixMillis,
    pub(super) entries: usize,
    pub(super) sealed: Vec<u8>,
}

impl MadeList {
    /// Whether it may be handed out again at `now`: lists are remade at most once in max(1 s, B/30), or after a change
    /// (then the caller holds none). A clock that went back makes a new one too.
    pub(super) fn is_current(&self, bound_seconds: i64, now: UnixMillis) -> bool {
        let interval_ms = (bound_seconds * MS_PER_SECOND / 30).max(MS_PER_SECOND);
        (0..interval_ms).contains(&now.since_ms(self.this_update))
    }
}

/// Makes the list of `now`. Call in a transaction, and hand the list out only once that is committed.
pub(super) fn make<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<MadeList, StorageError> {
    let mut state = State::read(database)?;
    let bound_seconds = settings.bound_seconds;
    let next_update = now.plus_ms(bound_seconds * MS_PER_SECOND);
    state.advance_list(database, next_update, bound_seconds, now)?;
    let changes = changes(database, bound_seconds, now)?;
    let entries = changes.len();
    // No key can be retired yet.
    let list = RevocationList::new(state.list_number, now, next_update, changes, [], state.highest_serial);
    let sealed = list.seal(&settings.ring, state.signing_key).ok_or(StorageError::MissingKey)?;
    Ok(MadeList { number: state.list_number, this_update: now, entries, sealed })
}

fn changes<D: Database>(
    database: &D,
    bound_seconds: i64,
    now: UnixMillis,
) -> Result<Vec<Change>, StorageError> {
    // On the list while now < expires_at + B.
    let gone_until = now.plus_ms(-bound_seconds * MS_PER_SECOND).floor_seconds();
    let rows = database.query(
        "SELECT serial, status, version FROM token WHERE expires_at > ? AND (status <> 'good' OR version > 1)",
        &[gone_until.into()],
    )?;
    rows.into_iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let serial = columns.serial()?;
            let status = match Status::parse(&columns.text()?)? {
                Status::Good => list::Status::Good,
                Status::Disabled => list::Status::Disabled,
                Status::Revoked => list::Status::Revoked,
            };
            Ok(Change { serial, status, version: columns.number()? })
        })
        .collect()
}
