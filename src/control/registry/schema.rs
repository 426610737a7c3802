//! The registry's tables: numbered migrations, applied in order in one transaction.
//!
//! Standard: SQLite; the same text runs in a Durable Object and in native tests. No BEGIN, SAVEPOINT or PRAGMA, which a
//! Durable Object refuses; no arithmetic in SQL, since a Durable Object binds every number as a double.
//! Invariants: a migration is never edited once released, only followed by another; a database of a later release is
//! not touched.
//! What it must not know: rules.
//! What a mistake costs: a column lost in a migration is a policy or a revocation lost (false accept).

use super::row::StorageError;
use crate::database::Database;
use crate::database::migration::{self, Migration};

/// All migrations; the version of a database is how many of them it has had.
const MIGRATIONS: &[Migration] = &[
    FIRST,
    CONSOLE_SESSIONS,
    ROTATION,
    NOTICES,
    DISTRIBUTION,
    SWEEP,
    LOCATIONS,
    AUTO_ROTATION,
    RATES,
    NOTICE_COUNTS,
    GONE_SERIALS,
];

const FIRST: Migration = &[
    // One row: what the registry knows of itself. Times are Unix milliseconds unless the name says seconds.
    "CREATE TABLE registry (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        signing_key INTEGER NOT NULL,
        highest_serial INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        list_n INTEGER NOT NULL,
        list_next_update INTEGER NOT NULL,
        list_bound_seconds INTEGER NOT NULL,
        earlier_bound_seconds INTEGER NOT NULL,
        earlier_bound_until INTEGER NOT NULL,
        list_handed_at INTEGER NOT NULL,
        since_n INTEGER NOT NULL,
        changed_n INTEGER NOT NULL,
        changed_at INTEGER NOT NULL,
        traffic_at INTEGER NOT NULL,
        restore_id TEXT,
        unconfirmed_epoch INTEGER,
        unconfirmed_n INTEGER,
        restored_at INTEGER
    ) STRICT",
    // Signing keys that are refused for ever. `retired_second` is `retired_at` in whole seconds, rounded down. `resealed_to`
    // is the highest serial whose record was looked at for a new seal, NULL when all were.
    "CREATE TABLE retired_key (
        key_id INTEGER PRIMARY KEY,
        retired_at INTEGER NOT NULL,
        retired_second INTEGER NOT NULL,
        receipt TEXT NOT NULL,
        resealed_to INTEGER
    ) STRICT",
    // Bases of the revocation list: the newest, and the one before while it is still completed. Serials that ended before
    // `gone_until` (seconds) are not in it.
    "CREATE TABLE list_base (
        n INTEGER PRIMARY KEY,
        epoch INTEGER NOT NULL,
        sha256 BLOB NOT NULL,
        made_at INTEGER NOT NULL,
        gone_until INTEGER NOT NULL
    ) STRICT",
    "CREATE TABLE list_base_part (
        n INTEGER NOT NULL,
        part INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (n, part)
    ) STRICT, WITHOUT ROWID",
    // `listed_n` is the n of the first list that names the latest change, 0 without any; `changed_receipt` is the receipt
    // of that change, `receipt` that of the latest change of status (both JSON). `expires_at` in seconds, as signed.
    // `search` is label, owner and external id in lower case. `sealed_by` is the key that sealed the newest record.
    "CREATE TABLE token (
        serial INTEGER PRIMARY KEY,
        family TEXT NOT NULL,
        key_id INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        fingerprint TEXT NOT NULL,
        version INTEGER NOT NULL CHECK (version > 0),
        label TEXT NOT NULL,
        owner TEXT,
        external_id TEXT,
        metadata TEXT,
        origins TEXT NOT NULL,
        origin_mode TEXT NOT NULL,
        missing_origin TEXT NOT NULL,
        audiences TEXT NOT NULL,
        protected INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        created_by TEXT NOT NULL,
        ends_at INTEGER,
        status TEXT NOT NULL CHECK (status IN ('good', 'disabled', 'revoked')),
        receipt TEXT,
        published_at INTEGER,
        search TEXT NOT NULL,
        listed_n INTEGER NOT NULL DEFAULT 0,
        sealed_by INTEGER NOT NULL,
        changed_receipt TEXT
    ) STRICT",
    // Hosts of a token's origin rules, `*.` kept; '' for "any".
    "CREATE TABLE token_host (
        host TEXT NOT NULL,
        serial INTEGER NOT NULL,
        PRIMARY KEY (host, serial)
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX token_host_by_serial ON token_host (serial)",
    "CREATE INDEX token_by_family ON token (family)",
    "CREATE INDEX token_by_owner ON token (owner)",
    "CREATE INDEX token_by_external_id ON token (external_id)",
    "CREATE INDEX token_by_status ON token (status)",
    "CREATE INDEX token_by_expiry ON token (expires_at)",
    // What the revocation list names since a base; a delta costs what it names, not what exists.
    "CREATE INDEX token_listed ON token (listed_n, expires_at, serial, status, version) WHERE listed_n > 0",
    // Deleted keys stay as rows with `deleted_at`, so that a deleted ADMIN_KEY stays dead. `bootstrap` is 1 for a row that
    // ADMIN_KEY made: it lives only while ADMIN_KEY is still that text.
    "CREATE TABLE admin_key (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        sha256 TEXT NOT NULL UNIQUE,
        label TEXT NOT NULL,
        role TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        last_used_at INTEGER,
        deleted_at INTEGER,
        bootstrap INTEGER NOT NULL
    ) STRICT",
    // What an idempotency key made: a token or an admin key. `nonce` lets an admin key's text be shown again.
    "CREATE TABLE idempotency (
        admin_key INTEGER NOT NULL,
        key TEXT NOT NULL,
        request_sha256 TEXT NOT NULL,
        at INTEGER NOT NULL,
        made TEXT NOT NULL CHECK (made IN ('token', 'admin_key')),
        made_id INTEGER NOT NULL,
        nonce BLOB,
        PRIMARY KEY (admin_key, key)
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX idempotency_by_age ON idempotency (at)",
    // Append only.
    "CREATE TABLE event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        actor TEXT NOT NULL,
        action TEXT NOT NULL,
        serial INTEGER,
        family TEXT,
        before TEXT,
        after TEXT
    ) STRICT",
    "CREATE INDEX event_by_serial ON event (serial)",
    "CREATE INDEX event_by_family ON event (family)",
    // What KV is owed. AUTOINCREMENT: an id names one write for ever, so that confirming an old one cannot take a new
    // one of the same key away. A base has no value here, and neither has the list: it is made when it is written.
    // `resealed` is 1 for a record that only gets a new seal: no list waits for it.
    "CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        serial INTEGER,
        version INTEGER,
        base_epoch INTEGER,
        base_n INTEGER,
        expires_at INTEGER,
        value BLOB,
        owed_at INTEGER NOT NULL,
        due_at INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        resealed INTEGER NOT NULL DEFAULT 0
    ) STRICT",
    "CREATE INDEX outbox_by_due ON outbox (due_at)",
];

const CONSOLE_SESSIONS: Migration = &[
    // A console session: SHA-256 of its text (hex), the admin key that opened it, when it was opened and, to the minute, used.
    "CREATE TABLE session (
        sha256 TEXT PRIMARY KEY,
        admin_key INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        used_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX session_by_key ON session (admin_key)",
];

const ROTATION: Migration = &[
    // `predecessor` never changes; `successor` goes when that is revoked. `rotation` is the plan for the token's end (JSON),
    // `rotation_due_at` when it must be looked at next. Settings of the registry's own rotations in `auto_rotate` (JSON).
    "ALTER TABLE token ADD COLUMN predecessor INTEGER",
    "ALTER TABLE token ADD COLUMN successor INTEGER",
    "ALTER TABLE token ADD COLUMN rotation TEXT",
    "ALTER TABLE token ADD COLUMN rotation_due_at INTEGER",
    "ALTER TABLE token ADD COLUMN distribute INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE token ADD COLUMN auto_rotate TEXT",
    "ALTER TABLE token ADD COLUMN first_used_at INTEGER",
    "ALTER TABLE token ADD COLUMN last_used_at INTEGER",
    "CREATE INDEX token_by_rotation ON token (rotation_due_at) WHERE rotation_due_at IS NOT NULL",
];

const NOTICES: Migration = &[
    // What is to be told of a token, until a digest takes it. `facts` is a JSON object of members of its own, or NULL.
    "CREATE TABLE notice_owed (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        within_days INTEGER NOT NULL,
        serial INTEGER NOT NULL,
        at INTEGER NOT NULL,
        facts TEXT
    ) STRICT",
    "CREATE INDEX notice_owed_by_kind ON notice_owed (kind, within_days, id)",
    // Digests. `body` is the webhook's, `bytes` its length. AUTOINCREMENT: a receiver knows an id for ever.
    "CREATE TABLE notice (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        epoch INTEGER NOT NULL,
        kind TEXT NOT NULL,
        at INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT",
    "CREATE INDEX notice_by_age ON notice (at)",
    // What became of a notice's webhook. `due_at` is when it is tried next, while `under_way` when its lease ends, and once
    // it is delivered or given up when that was.
    "CREATE TABLE webhook_delivery (
        notice INTEGER PRIMARY KEY,
        state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'given_up')),
        owed_at INTEGER NOT NULL,
        due_at INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        under_way INTEGER NOT NULL,
        fault TEXT
    ) STRICT",
    "CREATE INDEX webhook_delivery_by_due ON webhook_delivery (under_way, due_at) WHERE state = 'pending'",
    // One row: how the receiver does. `failures` and `given_up` count for ever.
    "CREATE TABLE webhook (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        failures INTEGER NOT NULL,
        given_up INTEGER NOT NULL,
        given_up_at INTEGER,
        succeeded_at INTEGER,
        failed_at INTEGER,
        fault TEXT
    ) STRICT",
    "INSERT INTO webhook (id, failures, given_up) VALUES (1, 0, 0)",
];

const DISTRIBUTION: Migration = &[
    // `named` is 1 for the token that KV was last owed as its family's.
    "ALTER TABLE token ADD COLUMN named INTEGER NOT NULL DEFAULT 0",
];

const SWEEP: Migration = &[
    // One row. `after_serial` is how far the sweep that is under way got, NULL when none is.
    "CREATE TABLE sweep (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        ended_at INTEGER,
        after_serial INTEGER
    ) STRICT",
    "INSERT INTO sweep (id) VALUES (1)",
    // What the sweep last told of a token: which threshold, about what, when.
    "CREATE TABLE noticed (
        serial INTEGER NOT NULL,
        kind TEXT NOT NULL,
        within_days INTEGER NOT NULL,
        about INTEGER NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (serial, kind)
    ) STRICT, WITHOUT ROWID",
];

const LOCATIONS: Migration = &[
    // The ids of the signing keys that each location has, a byte each, as it last told.
    "CREATE TABLE location (
        id TEXT PRIMARY KEY,
        keys BLOB NOT NULL,
        told_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
];

const AUTO_ROTATION: Migration = &[
    // When the registry looks next at whether to rotate the token by itself; NULL: it need not.
    "ALTER TABLE token ADD COLUMN auto_rotate_at INTEGER",
    "CREATE INDEX token_by_auto_rotation ON token (auto_rotate_at) WHERE auto_rotate_at IS NOT NULL",
    // The nearest operators' ends, for metrics.
    "CREATE INDEX token_by_end ON token (ends_at) WHERE ends_at IS NOT NULL",
];

const RATES: Migration = &[
    // The name of the token's rate class.
    "ALTER TABLE token ADD COLUMN rate TEXT",
    "CREATE INDEX token_by_rate ON token (rate, expires_at) WHERE rate IS NOT NULL",
];

const NOTICE_COUNTS: Migration = &[
    // How many notices of a kind were made, ever: a notice itself goes after 90 days.
    "CREATE TABLE notice_count (
        kind TEXT PRIMARY KEY,
        made INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    "INSERT INTO notice_count (kind, made) SELECT kind, COUNT(*) FROM notice GROUP BY kind",
];

const GONE_SERIALS: Migration = &[
    // Serials that the newest base may name and whose rows retention took: the next base is made without them.
    "CREATE TABLE gone_serial (serial INTEGER PRIMARY KEY) STRICT",
];

/// Brings the database to this release's version.
///
/// # Errors
/// [`StorageError::Database`] when SQLite refuses, [`StorageError::NewerSchema`] when a later release wrote it.
pub(super) fn migrate<D: Database>(database: &D) -> Result<(), StorageError> {
    Ok(migration::migrate(database, MIGRATIONS)?)
}
