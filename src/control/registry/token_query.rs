//! `GET /tokens`: every filter as SQL, newest first, in pages.
//!
//! Standard: docs/http.md, "Lists and cursors".
//! Invariants: SQL text is constant and parameters are bound. A state is the one that [`TokenRow::state`]
//! computes.
//! `audience`, `key_id` and `q` scan the rows that the other filters leave; all other filters have an index.
//! A search without a result took 94 ms over 50,000 tokens on a busy 2-core machine.
//! LIKE is not used: a Durable Object limits its patterns to 50 bytes.
//! What it must not know: how a page's cursor is written.
//! What a mistake costs: a token that nobody finds is a token that nobody revokes (false accept, in the end).

use super::command::{TokenFilter, TokenState};
use super::origin_index;
use super::retired_keys::key_retired;
use super::row::StorageError;
use super::token_row::{COLUMNS, TokenRow};
use crate::base::database::{Columns, Database, Rows, Value, json};
use crate::base::time::UnixMillis;
use crate::formats::fingerprint::Sought;
use crate::formats::origin::{OriginRules, TupleOrigin};
use crate::formats::token::Serial;
use crate::limits::{MAX_TOKEN_LIFETIME_MAX_SECONDS, MS_PER_SECOND, PAGE_LIMIT_MAX};

/// Which of the tokens found are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Only {
    All,
    /// Tokens that are active or disabled.
    NotEnded,
    /// Tokens that are active and have no successor.
    ActiveLeaves,
}

/// The number of tokens that the filter finds, from its position on.
pub(super) fn count<D: Database>(
    database: &D,
    filter: &TokenFilter,
    only: Only,
    now: UnixMillis,
) -> Result<u64, StorageError> {
    // For an origin, the index of hosts returns a few rows too many, so rows must be examined.
    if filter.origin.is_some() {
        let mut place = TokenFilter { limit: PAGE_LIMIT_MAX, ..filter.clone() };
        let mut count = 0_u64;
        loop {
            let (found, next) = rows(database, &place, only, now)?;
            count = count.saturating_add(u64::try_from(found.len()).unwrap_or(u64::MAX));
            if next.is_none() {
                return Ok(count);
            }
            place.below = next;
        }
    }
    conditions(filter, only, now)?.count(database, filter.below)
}

/// A page of rows, newest first, and where the next page starts.
pub(super) fn rows<D: Database>(
    database: &D,
    filter: &TokenFilter,
    only: Only,
    now: UnixMillis,
) -> Result<(Vec<TokenRow>, Option<Serial>), StorageError> {
    let conditions = conditions(filter, only, now)?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX).max(1);
    let mut below = filter.below;
    let mut found: Vec<TokenRow> = Vec::new();
    // The index knows hosts, not schemes and ports, so for an origin it returns a few rows too many. Read on
    // until the page is full and one further row shows that another page follows.
    loop {
        let rows = conditions.rows(database, below, limit.saturating_add(1))?;
        below = rows.last().map(|row| row.serial);
        let exhausted = rows.len() <= limit;
        found.extend(
            rows.into_iter().filter(|row| {
                filter.origin.as_ref().is_none_or(|origin| admits(&row.policy.origins, origin))
            }),
        );
        if exhausted || found.len() > limit {
            break;
        }
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|row| row.serial);
    Ok((found, next))
}

/// Conditions that must all hold, and their parameters.
#[derive(Default)]
struct Conditions {
    clauses: Vec<&'static str>,
    parameters: Vec<Value>,
}

impl Conditions {
    fn and(&mut self, clause: &'static str, parameters: impl IntoIterator<Item = Value>) {
        self.clauses.push(clause);
        self.parameters.extend(parameters);
    }

    fn rows<D: Database>(
        &self,
        database: &D,
        below: Option<Serial>,
        limit: usize,
    ) -> Result<Vec<TokenRow>, StorageError> {
        let (condition, mut parameters) = self.below(below);
        parameters.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        let sql = format!("SELECT {COLUMNS} FROM token WHERE {condition} ORDER BY serial DESC LIMIT ?");
        Ok(database.query_all(&sql, &parameters, TokenRow::read)?)
    }

    fn count<D: Database>(&self, database: &D, below: Option<Serial>) -> Result<u64, StorageError> {
        let (condition, parameters) = self.below(below);
        let sql = format!("SELECT COUNT(*) FROM token WHERE {condition}");
        Ok(database.query_one(&sql, &parameters, Columns::number)?)
    }

    fn below(&self, below: Option<Serial>) -> (String, Vec<Value>) {
        let mut clauses = self.clauses.clone();
        let mut parameters = self.parameters.clone();
        if let Some(serial) = below {
            clauses.push("serial < ?");
            parameters.push(serial.into());
        }
        let condition = if clauses.is_empty() { "TRUE".to_owned() } else { clauses.join(" AND ") };
        (condition, parameters)
    }
}

/// The condition that a token has a fingerprint: what its first 12 characters name, then its first and last 8
/// characters. A row made by an earlier release stores only 8 and 8.
macro_rules! of_fingerprint {
    () => {
        "((? IS NULL OR (serial = ? AND key_id = ?)) AND substr(fingerprint, 1, 8) = ? \
         AND (? IS NULL OR substr(fingerprint, -8) = ?))"
    };
}
fn conditions(filter: &TokenFilter, only: Only, now: UnixMillis) -> Result<Conditions, StorageError> {
    let mut all = Conditions::default();
    match only {
        Only::All => {}
        Only::NotEnded => not_ended(&mut all, now),
        Only::ActiveLeaves => {
            in_state(&mut all, TokenState::Active, now);
            all.and("successor IS NULL", []);
        }
    }
    let text = |text: &String| [Value::from(text.as_str())];
    if let Some(state) = filter.state {
        in_state(&mut all, state, now);
    }
    if let Some(family) = &filter.family {
        all.and("family = ?", text(family));
    }
    if let Some(owner) = &filter.owner {
        all.and("owner = ?", text(owner));
    }
    if let Some(external_id) = &filter.external_id {
        all.and("external_id = ?", text(external_id));
    }
    if let Some(audience) = &filter.audience {
        all.and("EXISTS (SELECT 1 FROM json_each(audiences) WHERE value = ?)", text(audience));
    }
    if let Some(key_id) = filter.key_id {
        all.and("key_id = ?", [u32::from(key_id.0).into()]);
    }
    if let Some(seconds) = filter.expiring_within_seconds {
        in_state(&mut all, TokenState::Active, now);
        // No token ends later than this. A larger number could not be passed through JavaScript.
        let seconds = seconds.clamp(0, MAX_TOKEN_LIFETIME_MAX_SECONDS);
        let until = now.plus_ms(seconds * MS_PER_SECOND);
        all.and("(expires_at <= ? OR ends_at <= ?)", [until.floor_seconds().into(), until.into()]);
    }
    if let Some(seconds) = filter.unused_for_seconds {
        not_ended(&mut all, now);
        let since = now.plus_ms(-(seconds.clamp(0, MAX_TOKEN_LIFETIME_MAX_SECONDS) * MS_PER_SECOND));
        // A token younger than that was not unused for so long.
        all.and("COALESCE(last_used_at, created_at) <= ?", [since.into()]);
    }
    match filter.has_successor {
        Some(true) => all.and("successor IS NOT NULL", []),
        Some(false) => all.and("successor IS NULL", []),
        None => {}
    }
    if let Some(origin) = &filter.origin {
        let clause =
            "serial IN (SELECT serial FROM token_host WHERE host IN (SELECT value FROM json_each(?)))";
        all.and(clause, [json(&origin_index::places(origin))?]);
    }
    if let Some(serial) = filter.serial {
        all.and("serial = ?", [serial.into()]);
    }
    if let Some(q) = filter.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) {
        matching(&mut all, q);
    }
    Ok(all)
}

/// The same rule as [`TokenRow::state`] in SQL; a test compares the two.
fn in_state(all: &mut Conditions, state: TokenState, now: UnixMillis) {
    let time = || [Value::from(now.floor_seconds()), now.into()];
    match state {
        TokenState::Revoked => all.and(concat!("(status = 'revoked' OR ", key_retired!(), ")"), []),
        TokenState::Expired => {
            all.and("status <> 'revoked' AND (expires_at <= ? OR ends_at <= ?)", time());
            all.and(NOT_KEY_RETIRED, []);
        }
        TokenState::Disabled => {
            all.and("status = 'disabled' AND expires_at > ? AND (ends_at IS NULL OR ends_at > ?)", time());
            all.and(NOT_KEY_RETIRED, []);
        }
        TokenState::Active => {
            all.and("status = 'good' AND expires_at > ? AND (ends_at IS NULL OR ends_at > ?)", time());
            all.and(NOT_KEY_RETIRED, []);
        }
    }
}

fn not_ended(all: &mut Conditions, now: UnixMillis) {
    let time = [Value::from(now.floor_seconds()), now.into()];
    all.and("status <> 'revoked' AND expires_at > ? AND (ends_at IS NULL OR ends_at > ?)", time);
    all.and(NOT_KEY_RETIRED, []);
}

const NOT_KEY_RETIRED: &str = concat!("NOT ", key_retired!());

/// Matches what an operator may paste: an id, a fingerprint or a part of one, or part of a name.
fn matching(all: &mut Conditions, q: &str) {
    let name = Value::from(q.to_lowercase());
    if let Some(sought) = Sought::parse(q) {
        let parameters = [name].into_iter().chain(fingerprint_parameters(&sought));
        return all.and(concat!("(instr(search, ?) > 0 OR ", of_fingerprint!(), ")"), parameters);
    }
    let id = q.strip_prefix("tok_").and_then(|digits| digits.parse::<u32>().ok()).map(Serial);
    all.and(
        "(instr(search, ?) > 0 OR serial = ? OR substr(fingerprint, -8) = ?)",
        [name, id.into(), q.into()],
    );
}

fn fingerprint_parameters(sought: &Sought) -> [Value; 6] {
    let (key_id, serial) = sought.named.unzip();
    let key_id = key_id.map(|key_id| u32::from(key_id.0));
    let end = sought.end.as_deref();
    [serial.into(), serial.into(), key_id.into(), sought.start.as_str().into(), end.into(), end.into()]
}

/// The newest token with this fingerprint; `None` when there is none.
pub(super) fn of_fingerprint<D: Database>(
    database: &D,
    sought: &Sought,
) -> Result<Option<TokenRow>, StorageError> {
    if let Some((_, serial)) = sought.named {
        // Without a scan of the table.
        let row = TokenRow::find(database, serial)?;
        return Ok(row.filter(|row| sought.is_of(row.key_id, row.serial, &row.fingerprint)));
    }
    let mut conditions = Conditions::default();
    conditions.and(of_fingerprint!(), fingerprint_parameters(sought));
    Ok(conditions.rows(database, None, 1)?.pop())
}

fn admits(rules: &OriginRules, origin: &TupleOrigin) -> bool {
    match rules {
        OriginRules::Any => true,
        OriginRules::Rules(rules) => rules.iter().any(|rule| rule.matches(origin)),
    }
}
