//! Reading: the counts of tokens, whichever rows contain them now.
//!
//! Invariants: minutes that were rolled up into their hour, or hours into their day, are returned in the step
//! in which they are stored, or in a coarser one. Nothing is returned twice.
//! What it must not know: which ranges make sense. A step finer than what is stored returns fewer counts.
//! What a mistake costs: an operator ends a token in the wrong belief that nobody uses it.

use super::rows::{self, ShardError};
use super::uses;
use crate::base::database::{Database, Rows};
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::formats::usage::heaviest::Heaviest;
use crate::formats::usage::outcome::Counts;
use crate::formats::usage::reading::{Range, Step, TokenReading};
use crate::formats::usage::token_use::TokenUse;
use std::collections::BTreeMap;

/// The usage of each token.
pub(super) fn usage<D: Database>(
    database: &D,
    serials: &[Serial],
    range: Range,
) -> Result<Vec<TokenReading>, ShardError> {
    serials.iter().map(|serial| usage_of(database, *serial, range)).collect()
}

/// The usage of one token.
pub(super) fn usage_of<D: Database>(
    database: &D,
    serial: Serial,
    range: Range,
) -> Result<TokenReading, ShardError> {
    let mut periods: BTreeMap<UnixMillis, Counts> = BTreeMap::new();
    let (mut allowed, mut refused) = (Heaviest::default(), Heaviest::default());
    // Once their minute is over, origins are kept by the day. So they are always returned for whole days.
    let days = Range::of(range.from, range.to, Step::Day);
    for step in [Step::Minute, Step::Hour, Step::Day] {
        for (at, tally) in rows::tallies(database, step, serial, days.from, days.to)? {
            allowed.merge(tally.allowed);
            refused.merge(tally.refused);
            let is_asked = step <= range.step && range.from <= at && at < range.to;
            if is_asked && !tally.counts.is_empty() {
                periods.entry(range.step.floor(at)).or_default().merge(&tally.counts);
            }
        }
    }
    Ok(TokenReading {
        serial,
        periods: periods.into_iter().collect(),
        allowed: allowed.sorted(),
        refused: refused.sorted(),
        uses: use_of(database, serial)?,
    })
}

/// First and last uses of those tokens that were ever used.
pub(super) fn uses<D: Database>(database: &D, serials: &[Serial]) -> Result<Vec<TokenUse>, ShardError> {
    let uses = serials.iter().map(|serial| use_of(database, *serial));
    uses.filter_map(Result::transpose).collect()
}

/// The first and last use of a token. The stored last use lags by some minutes; the minutes since then
/// contain the exact time.
fn use_of<D: Database>(database: &D, serial: Serial) -> Result<Option<TokenUse>, ShardError> {
    let sql = "SELECT serial, first_at, last_at FROM token WHERE serial = ?";
    let Some(mut found) = database.query_optional(sql, &[serial.into()], uses::read)? else {
        return Ok(None);
    };
    for (_, tally) in rows::tallies(database, Step::Minute, serial, found.last_at, UnixMillis(i64::MAX))? {
        if let Some((_, last_at)) = tally.used {
            found.last_at = found.last_at.max(last_at);
        }
    }
    Ok(Some(found))
}
