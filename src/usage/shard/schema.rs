//! A usage shard's tables. As in the registry, SQL does no arithmetic, and a migration is never edited.

use crate::base::database::migration::Migration;

/// All migrations, oldest first.
pub(super) const MIGRATIONS: &[Migration] = &[FIRST, METERS, REFUSALS];

const FIRST: Migration = &[
    // A single row. `totals` counts by outcome since the shard began. `told_at` is when the registry last
    // accepted uses. `swept_at` and `pruned_at` are when minutes and hours were last processed.
    "CREATE TABLE shard (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        totals BLOB NOT NULL,
        told_at INTEGER NOT NULL,
        swept_at INTEGER NOT NULL,
        pruned_at INTEGER NOT NULL
    ) STRICT",
    // Isolates that reported lately, and the last batch number accepted from each.
    "CREATE TABLE reporter (
        isolate BLOB PRIMARY KEY,
        sequence INTEGER NOT NULL,
        at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    // Counts of a token in a step: 0 minute, 1 hour, 2 day. `at` is the index of the step since 1970. Serial
    // 0 stands for all requests that the shard counts.
    "CREATE TABLE tally (
        step INTEGER NOT NULL,
        serial INTEGER NOT NULL,
        at INTEGER NOT NULL,
        tally BLOB NOT NULL,
        PRIMARY KEY (step, serial, at)
    ) STRICT, WITHOUT ROWID",
    // When a token was used. `last_at` lags behind the tallies by some minutes. `told_last_at` is the last
    // use that the registry knows. `owed` is 1 while a report to the registry is pending.
    "CREATE TABLE token (
        serial INTEGER PRIMARY KEY,
        first_at INTEGER NOT NULL,
        last_at INTEGER NOT NULL,
        told_last_at INTEGER,
        owed INTEGER NOT NULL
    ) STRICT",
    "CREATE INDEX token_owed ON token (serial) WHERE owed = 1",
];

const METERS: Migration = &[
    // Tokens whose uses the registry wants to know. A mark is a count at which it is told at once, NULL where
    // it does not ask. `day` and `month` are the periods that are counted. `told_at` is when it last accepted
    // counts; `owed` is 1 while a report is pending.
    "CREATE TABLE metered (
        serial INTEGER PRIMARY KEY,
        day_mark INTEGER,
        month_mark INTEGER,
        day INTEGER NOT NULL,
        day_uses INTEGER NOT NULL,
        month INTEGER NOT NULL,
        month_uses INTEGER NOT NULL,
        told_at INTEGER NOT NULL,
        owed INTEGER NOT NULL
    ) STRICT",
    "CREATE INDEX metered_owed ON metered (serial) WHERE owed = 1",
    // The last change of marks that the shard knows.
    "ALTER TABLE shard ADD COLUMN meters_epoch INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE shard ADD COLUMN meters_n INTEGER NOT NULL DEFAULT 0",
];

const REFUSALS: Migration = &[
    // Some refused requests. `position` ascends with time: milliseconds since 1970 times 512, plus a number.
    // Serial 0: without a token of this deployment. `outcome` is its number. `requests`: how many were alike.
    "CREATE TABLE refusal (
        position INTEGER PRIMARY KEY,
        serial INTEGER NOT NULL,
        outcome INTEGER NOT NULL,
        site TEXT,
        method TEXT NOT NULL,
        path TEXT NOT NULL,
        location TEXT NOT NULL,
        requests INTEGER NOT NULL
    ) STRICT",
    "CREATE INDEX refusal_serial ON refusal (serial, position)",
];
