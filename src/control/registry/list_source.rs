//! What the revocation list must name: which base, which changes since, under which number.
//!
//! Standard: DESIGN sections 4 and 5.
//! Invariants: state, clock and number are taken in one transaction, and the number is stored in it, before the list is
//! handed to anyone; so a list with a higher number contains every change committed before it. A serial leaves the list
//! at `expires_at` + B, when no clock within the bound can take its token for unexpired. The base before the newest is
//! completed until the newest has been out for a while.
//! What it must not know: who asks for the list, KV.
//! What a mistake costs: a serial that is not named is a revoked token that works again (false accept).

use super::bases::{self, StoredBase};
use super::database::Database;
use super::outbox;
use super::retired_keys;
use super::row::{Columns, StorageError, unsigned};
use super::settings::RegistrySettings;
use super::state::{self, State};
use super::token_row::Status;
use crate::limits::{BASE_OVERLAP_MAX_MS, BASE_OVERLAP_MIN_MS, MS_PER_SECOND};
use crate::list::{self, Change, Delta, DeltaHead, Number};
use crate::time::{UnixMillis, UnixSeconds};

/// A delta as it was handed out.
#[derive(Clone, Debug)]
pub(super) struct MadeList {
    pub(super) number: Number,
    pub(super) this_update: UnixMillis,
    pub(super) entries: usize,
    pub(super) sealed: Vec<u8>,
}

impl MadeList {
    /// Whether it may be handed out again at `now` to a caller whose bound is `bound_seconds`: lists are remade at most
    /// once in max(1 s, B/30), or after a change (then the caller holds none). A clock that went back makes a new one too.
    pub(super) fn is_current(&self, bound_seconds: i64, now: UnixMillis) -> bool {
        let interval_ms = (bound_seconds * MS_PER_SECOND / 30).max(MS_PER_SECOND);
        (0..interval_ms).contains(&now.since_ms(self.this_update))
    }
}

/// Makes the list of `now`, and first a new base when enough has changed. Call in a transaction, and hand the list out
/// only once that is committed.
pub(super) fn make<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<MadeList, StorageError> {
    let bound_seconds = settings.bound_seconds;
    let mut state = State::read(database)?;
    let mut base = bases::newest(database, state.list_number.epoch)?;
    if state.since < base.number.n && is_out_long_enough(database, &base, bound_seconds, now)? {
        complete_no_earlier(database, &mut state, &base, now)?;
    }
    let gone_until = gone_until(bound_seconds, now);
    let changes = changes_since(database, state.since, gone_until)?;
    // With one more base than two, the one before the last would be completed by nobody.
    if state.since == base.number.n && changes.len() > settings.fold_at_changes {
        let folded =
            bases::folded(database, &base, changes.iter().copied(), gone_until, state.next_list_number())?;
        base = bases::store(database, &folded, gone_until, now)?;
        outbox::owe_base(database, base.number, now)?;
    }
    let next_update = now.plus_ms(bound_seconds * MS_PER_SECOND);
    state.advance_list(database, next_update, bound_seconds, now)?;
    let head = DeltaHead {
        number: state.list_number,
        this_update: now,
        next_update,
        base: base.number,
        base_sha256: base.sha256,
        since: state.since,
        since_sha256: bases::up_to(database, state.since, state.list_number.epoch)?.sha256,
        changed: state.changed,
        highest_serial: state.highest_serial,
    };
    let entries = changes.len();
    let delta = Delta::new(head, changes, retired_keys::all(database)?);
    let sealed = delta.seal(&settings.ring, state.signing_key).ok_or(StorageError::MissingKey)?;
    Ok(MadeList { number: state.list_number, this_update: now, entries, sealed })
}

/// Serials whose tokens end by this second are no longer named at `now`: on the list while now < expires_at + B.
pub(super) fn gone_until(bound_seconds: i64, now: UnixMillis) -> UnixSeconds {
    now.plus_ms(-bound_seconds * MS_PER_SECOND).floor_seconds()
}

/// The state of every serial that changed since list `n` and has not ended.
pub(super) fn changes_since<D: Database>(
    database: &D,
    n: u64,
    gone_until: UnixSeconds,
) -> Result<Vec<Change>, StorageError> {
    // Named, since SQLite would count on few tokens having ended and walk through all that have not.
    let rows = database.query(
        "SELECT serial, status, version FROM token INDEXED BY token_listed \
         WHERE listed_n > ? AND listed_n > 0 AND expires_at > ?",
        &[unsigned(n), gone_until.into()],
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

/// Whether locations have had time to read the newest base, and KV has it; or KV has refused it for long.
fn is_out_long_enough<D: Database>(
    database: &D,
    base: &StoredBase,
    bound_seconds: i64,
    now: UnixMillis,
) -> Result<bool, StorageError> {
    let out_ms = now.since_ms(base.made_at);
    let overlap_ms = (2 * bound_seconds * MS_PER_SECOND).max(BASE_OVERLAP_MIN_MS);
    let is_written = !outbox::owes_base(database)?;
    Ok(out_ms >= BASE_OVERLAP_MAX_MS || (out_ms >= overlap_ms && is_written))
}

/// From now on lists complete the newest base alone.
pub(super) fn complete_no_earlier<D: Database>(
    database: &D,
    state: &mut State,
    base: &StoredBase,
    now: UnixMillis,
) -> Result<(), StorageError> {
    state.since = base.number.n;
    state::completes_since(database, state.since)?;
    for earlier in bases::forget_before(database, state.since)? {
        outbox::owe_end_of_base(database, earlier, now)?;
    }
    Ok(())
}
