//! What the revocation list contains: which base, which changes since, under which number.
//!
//! Standard: docs/formats.md, "Revocation list"; docs/bound.md, "The publisher".
//! Invariants: state, clock and number are taken in one transaction. It also stores the number, before the
//! list is handed out. So a list with a higher number contains every change committed before it. A serial
//! leaves the list at `expires_at` + B, when no clock within the bound can still consider its token
//! unexpired. Lists complete the base before the newest until the newest has been available for some time.
//! What it must not know: who asks for the list, KV.
//! What a mistake costs: a serial that is missing lets a revoked token work again (false accept).

use super::bases::{self, StoredBase};
use super::outbox;
use super::retired_keys;
use super::row::StorageError;
use super::settings::RegistrySettings;
use super::state::{self, State};
use super::token_row::TokenStatus;
use crate::base::database::{Database, Rows, unsigned};
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::list;
use crate::formats::list::{Change, Delta, DeltaHead, Number};
use crate::limits::{BASE_OVERLAP_MAX_MS, BASE_OVERLAP_MIN_MS, MS_PER_SECOND};

/// A delta that was made, as handed out.
#[derive(Clone, Debug)]
pub(super) struct MadeList {
    pub(super) number: Number,
    pub(super) this_update: UnixMillis,
    pub(super) entries: usize,
    pub(super) sealed: Vec<u8>,
}

impl MadeList {
    /// Whether the list may be handed out again at `now` to a caller whose bound is `bound_seconds`. A list
    /// is remade once it is older than max(1 s, B/30); after a change the caller keeps none. If the clock was
    /// set back, a new list is made as well.
    pub(super) fn is_current(&self, bound_seconds: i64, now: UnixMillis) -> bool {
        let interval_ms = (bound_seconds * MS_PER_SECOND / 30).max(MS_PER_SECOND);
        (0..interval_ms).contains(&now.since_ms(self.this_update))
    }
}

/// Makes the list as of `now`, and before it a new base when enough has changed. Call it in a transaction,
/// and hand the list out only after the commit.
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
    let changes = changes_since(database, state.since, gone_until, now)?;
    // Fold only while lists complete one base: with three bases, no list would complete the oldest.
    if state.since == base.number.n && changes.len() > settings.fold_at_changes {
        let folded =
            bases::folded(database, &base, changes.iter().copied(), gone_until, state.next_list_number())?;
        let folded = folded.without_ended_periods(now.floor_seconds());
        base = bases::store(database, &folded, gone_until, now)?;
        outbox::queue_base(database, base.number, now)?;
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

/// Tokens that ended by this second are no longer on the list at `now`: a serial stays while now < expires_at
/// + B.
pub(super) fn gone_until(bound_seconds: i64, now: UnixMillis) -> UnixSeconds {
    now.plus_ms(-bound_seconds * MS_PER_SECOND).floor_seconds()
}

/// The state of every serial that changed since list `n` and whose token has not ended. A quota whose period
/// is over at `now` is not used up any more.
pub(super) fn changes_since<D: Database>(
    database: &D,
    n: u64,
    gone_until: UnixSeconds,
    now: UnixMillis,
) -> Result<Vec<Change>, StorageError> {
    // The index is named because SQLite would expect few ended tokens, and read all that have not ended.
    Ok(database.query_all(
        "SELECT token.serial, status, version, exhausted_until FROM token INDEXED BY token_listed \
         LEFT JOIN meter ON meter.serial = token.serial \
         WHERE listed_n > ? AND listed_n > 0 AND expires_at > ?",
        &[unsigned(n), gone_until.into()],
        |columns| {
            let (serial, status) = (columns.serial()?, TokenStatus::read(columns)?);
            let version = columns.number()?;
            let used_up_until = columns.optional_seconds()?.filter(|until| until.to_millis() > now);
            let status = match (status, used_up_until) {
                (TokenStatus::Good, None) => list::SerialStatus::Good,
                (TokenStatus::Good, Some(until)) => list::SerialStatus::Exhausted(until),
                (TokenStatus::Disabled, _) => list::SerialStatus::Disabled,
                (TokenStatus::Revoked, _) => list::SerialStatus::Revoked,
            };
            Ok(Change { serial, status, version })
        },
    )?)
}

/// Whether locations had enough time to read the newest base and KV has it, or KV has refused it for too
/// long.
fn is_out_long_enough<D: Database>(
    database: &D,
    base: &StoredBase,
    bound_seconds: i64,
    now: UnixMillis,
) -> Result<bool, StorageError> {
    let out_ms = now.since_ms(base.made_at);
    let overlap_ms = (2 * bound_seconds * MS_PER_SECOND).max(BASE_OVERLAP_MIN_MS);
    let is_written = !outbox::has_pending_base(database)?;
    Ok(out_ms >= BASE_OVERLAP_MAX_MS || (out_ms >= overlap_ms && is_written))
}

/// From now on lists complete the newest base only.
pub(super) fn complete_no_earlier<D: Database>(
    database: &D,
    state: &mut State,
    base: &StoredBase,
    now: UnixMillis,
) -> Result<(), StorageError> {
    state.since = base.number.n;
    state::completes_since(database, state.since)?;
    for earlier in bases::forget_before(database, state.since)? {
        outbox::queue_base_removal(database, earlier, now)?;
    }
    Ok(())
}
