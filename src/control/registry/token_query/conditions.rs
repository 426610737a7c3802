//! Which tokens a filter keeps: SQL conditions over `token`, and what only the row itself can tell.
//!
//! Invariants: a `+` before a column keeps SQLite from searching by that column's index, whose order is not
//! that of the list: the way is chosen in `ways`.

use super::question::{Only, Question};
use super::sought::{OF_FINGERPRINT, Text, fingerprint_parameters};
use crate::base::database::{Database, Rows, Value, json};
use crate::base::time::UnixMillis;
use crate::control::registry::command::token_warnings::{
    self, ENDS_THOUGH_PROTECTED, ROTATION_OVERDUE, SCOPE_WITHOUT_ROUTE, UNUSED, YEAR_SECONDS,
};
use crate::control::registry::command::{TokenFilter, TokenState};
use crate::control::registry::origin_index;
use crate::control::registry::retired_keys::key_retired;
use crate::control::registry::row::StorageError;
use crate::control::registry::token_index::{self, fill};
use crate::control::registry::token_row::TokenRow;
use crate::formats::fingerprint::Sought;
use crate::formats::origin::{OriginRules, TupleOrigin};
use crate::limits::{MAX_TOKEN_LIFETIME_MAX_SECONDS, MS_PER_SECOND, UNUSED_NOTICE_MS};

/// Conditions that must all hold, and their parameters.
pub(super) struct Conditions {
    pub(super) clauses: Vec<&'static str>,
    pub(super) parameters: Vec<Value>,
    now: UnixMillis,
    /// Whether any signing key was retired: without one, no row needs to be asked.
    pub(super) keys_are_retired: bool,
    facets_are_filled: bool,
    /// Whether a row must be looked at as well.
    must_look: bool,
}

impl Conditions {
    pub(super) fn of<D: Database>(database: &D, question: Question<'_>) -> Result<Self, StorageError> {
        let mut all = Self::none(database, question.now)?;
        match question.only {
            Only::All => {}
            Only::NotEnded => all.not_ended(),
            Only::Active => all.in_state(TokenState::Active),
            Only::Disabled => all.in_state(TokenState::Disabled),
            Only::ActiveLeaves => {
                all.in_state(TokenState::Active);
                all.and("successor IS NULL", []);
            }
        }
        all.filtered(question.filter)?;
        Ok(all)
    }

    /// The condition of a fingerprint alone.
    pub(super) fn of_fingerprint<D: Database>(
        database: &D,
        question: Question<'_>,
        sought: &Sought,
    ) -> Result<Self, StorageError> {
        let mut all = Self::none(database, question.now)?;
        all.and(OF_FINGERPRINT, fingerprint_parameters(sought));
        Ok(all)
    }

    fn none<D: Database>(database: &D, now: UnixMillis) -> Result<Self, StorageError> {
        let keys_are_retired = database.yields("SELECT 1 FROM retired_key LIMIT 1", &[])?;
        Ok(Self {
            clauses: Vec::new(),
            parameters: Vec::new(),
            now,
            keys_are_retired,
            facets_are_filled: fill::filled(database)?.facets,
            must_look: false,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.clauses.is_empty() && !self.must_look
    }

    /// Whether SQL alone decides.
    pub(super) fn is_exact(&self) -> bool {
        !self.must_look
    }

    /// What SQL cannot decide: whether the rules admit an origin, and whether a warning holds.
    pub(super) fn hold_for(&self, row: &TokenRow, question: Question<'_>) -> bool {
        let Question { filter, settings, now, .. } = question;
        if !self.must_look {
            return true;
        }
        let has = |code: &String| {
            token_warnings::of(&row.view(false, None, settings, now), now).contains(&code.as_str())
        };
        filter.origin.as_ref().is_none_or(|origin| admits(&row.policy.origins, origin))
            && filter.warning.as_ref().is_none_or(has)
    }

    fn and(&mut self, clause: &'static str, parameters: impl IntoIterator<Item = Value>) {
        self.clauses.push(clause);
        self.parameters.extend(parameters);
    }

    fn filtered(&mut self, filter: &TokenFilter) -> Result<(), StorageError> {
        if let Some(state) = filter.state {
            self.in_state(state);
        }
        self.named(filter)?;
        if let Some(seconds) = filter.expiring_within_seconds {
            self.in_state(TokenState::Active);
            let until = self.now.plus_ms(seconds_of(seconds) * MS_PER_SECOND);
            self.and("(+expires_at <= ? OR +ends_at <= ?)", [until.floor_seconds().into(), until.into()]);
        }
        if let Some(seconds) = filter.unused_for_seconds {
            self.idle_since(self.now.plus_ms(-seconds_of(seconds) * MS_PER_SECOND));
        }
        match filter.has_successor {
            Some(true) => self.and("successor IS NOT NULL", []),
            Some(false) => self.and("successor IS NULL", []),
            None => {}
        }
        if let Some(origin) = &filter.origin {
            // The index knows hosts, not schemes and ports.
            let clause = "EXISTS (SELECT 1 FROM token_host WHERE token_host.serial = token.serial \
                          AND host IN (SELECT value FROM json_each(?)))";
            self.and(clause, [json(&origin_index::places(origin))?]);
            self.must_look = true;
        }
        if let Some(code) = filter.warning.as_deref() {
            self.warned_of(code);
        }
        if let Some(serial) = filter.serial {
            self.and("serial = ?", [serial.into()]);
        }
        if let Some(newest) = filter.until {
            self.and("serial <= ?", [newest.into()]);
        }
        if let Some(serials) = &filter.serials {
            let serials: Vec<u32> = serials.iter().map(|serial| serial.0).collect();
            self.and("serial IN (SELECT value FROM json_each(?))", [json(&serials)?]);
        }
        if let Some(text) = Text::of(filter.q.as_deref()) {
            let (clause, parameters) = text.condition()?;
            self.and(clause, parameters);
        }
        Ok(())
    }

    /// Filters by one value of a setting.
    fn named(&mut self, filter: &TokenFilter) -> Result<(), StorageError> {
        let text = |text: &String| [Value::from(text.as_str())];
        if let Some(family) = &filter.family {
            self.and("family = ?", text(family));
        }
        if let Some(owner) = &filter.owner {
            self.and("owner = ?", text(owner));
        }
        if let Some(external_id) = &filter.external_id {
            self.and("external_id = ?", text(external_id));
        }
        if let Some(rate) = &filter.rate {
            self.and("+rate = ?", text(rate));
        }
        if let Some(audience) = &filter.audience {
            self.and("EXISTS (SELECT 1 FROM json_each(audiences) WHERE value = ?)", text(audience));
        }
        if let Some(key_id) = filter.key_id {
            self.and("key_id = ?", [u32::from(key_id.0).into()]);
        }
        Ok(())
    }

    /// The same rule as [`TokenRow::state`] in SQL; a test compares the two.
    fn in_state(&mut self, state: TokenState) {
        let time = self.time();
        match state {
            TokenState::Revoked if self.keys_are_retired => {
                self.and(concat!("(status = 'revoked' OR ", key_retired!(), ")"), []);
                return;
            }
            TokenState::Revoked => return self.and("status = 'revoked'", []),
            TokenState::Expired => {
                self.and("+status <> 'revoked' AND (+expires_at <= ? OR +ends_at <= ?)", time);
            }
            TokenState::Disabled => self
                .and("status = 'disabled' AND +expires_at > ? AND (+ends_at IS NULL OR +ends_at > ?)", time),
            // Most tokens are: its index would find them all.
            TokenState::Active => {
                self.and("+status = 'good' AND +expires_at > ? AND (+ends_at IS NULL OR +ends_at > ?)", time);
            }
        }
        self.key_not_retired();
    }

    fn not_ended(&mut self) {
        let time = self.time();
        self.and("+status <> 'revoked' AND +expires_at > ? AND (+ends_at IS NULL OR +ends_at > ?)", time);
        self.key_not_retired();
    }

    fn key_not_retired(&mut self) {
        if self.keys_are_retired {
            self.and(concat!("NOT ", key_retired!()), []);
        }
    }

    fn time(&self) -> [Value; 2] {
        [self.now.floor_seconds().into(), self.now.into()]
    }

    /// Without a use since then. A token younger than that was not unused for so long.
    fn idle_since(&mut self, since: UnixMillis) {
        self.not_ended();
        self.and("COALESCE(last_used_at, created_at) <= ?", [since.into()]);
    }

    /// Has this warning. What follows from settings is in the index, where that is filled; what depends on
    /// routes or plans, [`Self::hold_for`] decides.
    fn warned_of(&mut self, code: &str) {
        match code {
            UNUSED => self.idle_since(self.now.plus_ms(-UNUSED_NOTICE_MS)),
            ROTATION_OVERDUE => {
                self.not_ended();
                let since = self.now.plus_ms(-YEAR_SECONDS * MS_PER_SECOND);
                self.and("created_at < ?", [since.into()]);
            }
            SCOPE_WITHOUT_ROUTE => {
                self.and("paths IS NOT NULL", []);
                self.must_look = true;
            }
            ENDS_THOUGH_PROTECTED => {
                self.not_ended();
                self.and("protected = 1", []);
                self.must_look = true;
            }
            _ if self.facets_are_filled => {
                let clause = "EXISTS (SELECT 1 FROM token_facet WHERE facet = ? AND facet_value = ? \
                              AND of_serial = token.serial)";
                self.and(clause, [token_index::WARNING.into(), code.into()]);
            }
            _ => self.must_look = true,
        }
    }
}

/// No token ends later than this. A larger number could not be passed through JavaScript.
pub(super) fn seconds_of(seconds: i64) -> i64 {
    seconds.clamp(0, MAX_TOKEN_LIFETIME_MAX_SECONDS)
}

fn admits(rules: &OriginRules, origin: &TupleOrigin) -> bool {
    match rules {
        OriginRules::Any => true,
        OriginRules::Rules(rules) => rules.iter().any(|rule| rule.matches(origin)),
    }
}
