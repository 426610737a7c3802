//! A usage shard's tables.
//!
//! Standard: SQLite, with the registry's rules: no arithmetic in SQL, migrations are never edited.
//! Invariants: as in `database::migration`.
//! What it must not know: how rows are folded.
//! What a mistake costs: counts and first uses lost.

use crate::database::migration::Migration;

/// All migrations.
pub(super) const MIGRATIONS: &[Migration] = &[FIRST];

const FIRST: Migration = &[
    // One row. `totals` is what was counted since the shard began, by outcome; `told_at` is when the registry last took uses;
    // `swept_at` and `pruned_at` are when minutes and hours were last gone through.
    "CREATE TABLE shard (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        totals BLOB NOT NULL,
        told_at INTEGER NOT NULL,
        swept_at INTEGER NOT NULL,
        pruned_at INTEGER NOT NULL
    ) STRICT",
    // Isolates that reported lately, and the last number taken of each.
    "CREATE TABLE reporter (
        isolate BLOB PRIMARY KEY,
        sequence INTEGER NOT NULL,
        at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    // What was counted of a token in a step: 0 minute, 1 hour, 2 day. `at` is the number of the step since 1970.
    "CREATE TABLE tally (
        step INTEGER NOT NULL,
        serial INTEGER NOT NULL,
        at INTEGER NOT NULL,
        tally BLOB NOT NULL,
        PRIMARY KEY (step, serial, at)
    ) STRICT, WITHOUT ROWID",
    // When a token was used. `last_at` lags the tallies by some minutes; `told_last_at` is what the registry has of it;
    // `owed` is 1 while it has to be told.
    "CREATE TABLE token (
        serial INTEGER PRIMARY KEY,
        first_at INTEGER NOT NULL,
        last_at INTEGER NOT NULL,
        told_last_at INTEGER,
        owed INTEGER NOT NULL
    ) STRICT",
    "CREATE INDEX token_owed ON token (serial) WHERE owed = 1",
];
