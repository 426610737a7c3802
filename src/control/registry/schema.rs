//! The registry's tables: numbered migrations, applied in order in one transaction.
//!
//! Standard: SQLite. The same text runs in a Durable Object and in native tests. A Durable Object refuses
//! BEGIN, SAVEPOINT and PRAGMA. It binds every number as a double, so there is no arithmetic in SQL.
//! Invariants: a released migration is never edited, only followed by another. A database written by a later
//! release is left alone.
//! What it must not know: rules.
//! What a mistake costs: a column lost in a migration is a policy or a revocation lost (false accept).

use super::row::StorageError;
use crate::base::database::Database;
use crate::base::database::migration;
use crate::base::database::migration::Migration;

/// All migrations. The version of a database is how many of them were applied.
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
    RETRIES,
    REPORTS,
    ADMIN_KEY_ENDS,
    LICENCES,
    FETCHES,
    QUOTAS,
    SCOPES,
    LIST_INDEX,
];

const FIRST: Migration = &[
    // One row: the registry's own state. Times are Unix milliseconds unless the name says seconds.
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
    // Signing keys that are refused permanently. `retired_second` is `retired_at` in whole seconds, rounded
    // down. `resealed_to` is the highest serial examined for resealing, NULL when all were.
    "CREATE TABLE retired_key (
        key_id INTEGER PRIMARY KEY,
        retired_at INTEGER NOT NULL,
        retired_second INTEGER NOT NULL,
        receipt TEXT NOT NULL,
        resealed_to INTEGER
    ) STRICT",
    // Bases of the revocation list: the newest, and the one before it while lists still complete it. A base
    // lacks the serials that ended by `gone_until` (seconds).
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
    // `listed_n` is the n of the first list that contains the latest change, 0 without a change.
    // `changed_receipt` is the receipt of that change, `receipt` that of the latest change of status (both
    // JSON). `expires_at` is in seconds, as signed. `search` is label, owner and external id in lower case.
    // `sealed_by` is the key that sealed the newest record.
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
    // Hosts of a token's origin rules, including `*.`; '' stands for "any".
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
    // For the changes that a list names since a base: making a delta costs as much as it names, not as many
    // tokens as exist.
    "CREATE INDEX token_listed ON token (listed_n, expires_at, serial, status, version) WHERE listed_n > 0",
    // A deleted key keeps its row with `deleted_at`, so that a deleted ADMIN_KEY stays dead. `bootstrap` is 1
    // for a row made from ADMIN_KEY: the key is valid only while ADMIN_KEY still has that text.
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
    // What was created under an idempotency key: a token or an admin key. From `nonce` an admin key's text
    // can be shown again.
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
    // Append-only.
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
    // Pending writes to KV. AUTOINCREMENT makes an id name one write forever, so confirming an old write
    // cannot remove a newer one of the same key. A base has no value here, and neither has the list: it is
    // made when it is written. `resealed` is 1 for a record that only gets a new seal; no list waits for it.
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
    // A console session: SHA-256 of its text (hex), the admin key that opened it, when it was opened, and
    // when it was used (to the minute).
    "CREATE TABLE session (
        sha256 TEXT PRIMARY KEY,
        admin_key INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        used_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX session_by_key ON session (admin_key)",
];

const ROTATION: Migration = &[
    // `predecessor` never changes; `successor` is cleared when the successor is revoked. `rotation` is the
    // plan for the token's end (JSON), `rotation_due_at` when to examine it next. `auto_rotate` holds the
    // settings of automatic rotation (JSON).
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
    // Queued notices, until a digest contains them. `facts` is a JSON object of additional members, or NULL.
    "CREATE TABLE notice_owed (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        within_days INTEGER NOT NULL,
        serial INTEGER NOT NULL,
        at INTEGER NOT NULL,
        facts TEXT
    ) STRICT",
    "CREATE INDEX notice_owed_by_kind ON notice_owed (kind, within_days, id)",
    // Digests. `body` is the webhook's body, `bytes` its length. AUTOINCREMENT: receivers remember ids
    // forever.
    "CREATE TABLE notice (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        epoch INTEGER NOT NULL,
        kind TEXT NOT NULL,
        at INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT",
    "CREATE INDEX notice_by_age ON notice (at)",
    // The delivery of a notice's webhook. `due_at` is when it is tried next; while `under_way`, when its
    // lease ends; afterwards, when it was delivered or given up.
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
    // One row: the state of the receiver. `failures` and `given_up` are totals.
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
    // `named` is 1 for the token last written (or pending) to KV as its family's.
    "ALTER TABLE token ADD COLUMN named INTEGER NOT NULL DEFAULT 0",
];

const SWEEP: Migration = &[
    // One row. `after_serial` is the position of the sweep under way, NULL when there is none.
    "CREATE TABLE sweep (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        ended_at INTEGER,
        after_serial INTEGER
    ) STRICT",
    "INSERT INTO sweep (id) VALUES (1)",
    // The last notice of each kind about a token: which threshold, about which instant, and when.
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
    // The ids of the signing keys that each location has, one byte each, according to its last report.
    "CREATE TABLE location (
        id TEXT PRIMARY KEY,
        keys BLOB NOT NULL,
        told_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
];

const AUTO_ROTATION: Migration = &[
    // When to examine next whether to rotate the token automatically; NULL: not at all.
    "ALTER TABLE token ADD COLUMN auto_rotate_at INTEGER",
    "CREATE INDEX token_by_auto_rotation ON token (auto_rotate_at) WHERE auto_rotate_at IS NOT NULL",
    // For the nearest operators' ends, shown in metrics.
    "CREATE INDEX token_by_end ON token (ends_at) WHERE ends_at IS NOT NULL",
];

const RATES: Migration = &[
    "ALTER TABLE token ADD COLUMN rate TEXT",
    "CREATE INDEX token_by_rate ON token (rate, expires_at) WHERE rate IS NOT NULL",
];

const NOTICE_COUNTS: Migration = &[
    // Total of notices per kind; the notices themselves are deleted after 90 days.
    "CREATE TABLE notice_count (
        kind TEXT PRIMARY KEY,
        made INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    "INSERT INTO notice_count (kind, made) SELECT kind, COUNT(*) FROM notice GROUP BY kind",
];

const GONE_SERIALS: Migration = &[
    // Serials that the newest base may name and whose rows retention has deleted. The next base is made
    // without them.
    "CREATE TABLE gone_serial (serial INTEGER PRIMARY KEY) STRICT",
];

const RETRIES: Migration = &[
    // What an idempotency key made or did: a token; an admin key, whose `nonce` allows its text to be shown
    // again; or another call, which is answered again from `kept` (JSON).
    "CREATE TABLE idempotent_call (
        admin_key INTEGER NOT NULL,
        key TEXT NOT NULL,
        request_sha256 TEXT NOT NULL,
        at INTEGER NOT NULL,
        made TEXT NOT NULL CHECK (made IN ('token', 'admin_key', 'done')),
        made_id INTEGER NOT NULL,
        nonce BLOB,
        kept TEXT,
        PRIMARY KEY (admin_key, key)
    ) STRICT, WITHOUT ROWID",
    "INSERT INTO idempotent_call (admin_key, key, request_sha256, at, made, made_id, nonce) \
     SELECT admin_key, key, request_sha256, at, made, made_id, nonce FROM idempotency",
    "DROP TABLE idempotency",
    "CREATE INDEX idempotent_call_by_age ON idempotent_call (at)",
];

const REPORTS: Migration = &[
    // When a location last asked for a list or reported.
    "ALTER TABLE registry ADD COLUMN heard_at INTEGER NOT NULL DEFAULT 0",
    "UPDATE registry SET heard_at = traffic_at",
    // One row: what locations reported (JSON), so that it outlives the instance.
    "CREATE TABLE propagation (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        summary TEXT NOT NULL
    ) STRICT",
];

const ADMIN_KEY_ENDS: Migration = &[
    // The last threshold, in days, at which the key's end was reported.
    "ALTER TABLE admin_key ADD COLUMN noticed_within_days INTEGER",
];

const LICENCES: Migration = &[
    // `ends_at` is the earlier of an operator's end, `own_end`, and of a licence's, `licensed_until`.
    // `licence_due_at` is when to revoke the token because its licence has ended.
    "ALTER TABLE token ADD COLUMN own_end INTEGER",
    "UPDATE token SET own_end = ends_at WHERE ends_at IS NOT NULL",
    "ALTER TABLE token ADD COLUMN licensed_until INTEGER",
    "ALTER TABLE token ADD COLUMN licence_due_at INTEGER",
    "CREATE INDEX token_by_licence ON token (licence_due_at) WHERE licence_due_at IS NOT NULL",
    // `key` is the name in the form in which it is compared. `ends_at` (seconds) is NULL when the licence was
    // taken back. `applied_to` is the serial up to which tokens got this end, NULL when all did.
    "CREATE TABLE licence (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL CHECK (kind IN ('family', 'owner', 'external_id')),
        key TEXT NOT NULL,
        name TEXT NOT NULL,
        ends_at INTEGER,
        set_at INTEGER NOT NULL,
        set_by TEXT NOT NULL,
        applied_to INTEGER,
        UNIQUE (kind, key)
    ) STRICT",
    "CREATE INDEX licence_applied ON licence (applied_to) WHERE applied_to IS NOT NULL",
    // Owners who are switched off. `applied_to` is the serial up to which tokens were revoked, NULL when all
    // were.
    "CREATE TABLE owner_off (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        reason TEXT,
        off_at INTEGER NOT NULL,
        off_by TEXT NOT NULL,
        applied_to INTEGER
    ) STRICT",
    "CREATE INDEX owner_off_applied ON owner_off (applied_to) WHERE applied_to IS NOT NULL",
];

const FETCHES: Migration = &[
    // The last fetch of a family's token by an admin key (`key_<n>`) or by pages of an origin, to ten
    // minutes.
    "CREATE TABLE fetch (
        family TEXT NOT NULL,
        consumer TEXT NOT NULL,
        is_page INTEGER NOT NULL,
        serial INTEGER NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (family, consumer)
    ) STRICT, WITHOUT ROWID",
];

const QUOTAS: Migration = &[
    // The quota (JSON).
    "ALTER TABLE token ADD COLUMN quota TEXT",
    // The number of the newest change of a meter's marks.
    "ALTER TABLE registry ADD COLUMN meter_n INTEGER NOT NULL DEFAULT 0",
    // A token whose uses a quota needs: of its own or of its family. `changed` numbers the changes of its
    // marks: the counts at which its shard tells at once, NULL where none are asked for. `day` and `month`
    // are the periods of the counts. `used` is what counts against its own quota, in the period that ends at
    // `used_until` (seconds). It is refused until `exhausted_until` (seconds).
    "CREATE TABLE meter (
        serial INTEGER PRIMARY KEY,
        shard INTEGER NOT NULL,
        changed INTEGER NOT NULL,
        day_mark INTEGER,
        month_mark INTEGER,
        day INTEGER NOT NULL,
        day_uses INTEGER NOT NULL,
        month INTEGER NOT NULL,
        month_uses INTEGER NOT NULL,
        used INTEGER NOT NULL,
        used_until INTEGER NOT NULL,
        exhausted_until INTEGER
    ) STRICT",
    "CREATE INDEX meter_by_change ON meter (shard, changed)",
];

const SCOPES: Migration = &[
    // `methods` and `paths` are JSON lists, `claims` canonical JSON text; NULL: not set.
    "ALTER TABLE token ADD COLUMN methods TEXT",
    "ALTER TABLE token ADD COLUMN paths TEXT",
    "ALTER TABLE token ADD COLUMN scope_mode TEXT NOT NULL DEFAULT '\"enforce\"'",
    "ALTER TABLE token ADD COLUMN claims TEXT",
];

const LIST_INDEX: Migration = &[
    // What the list of tokens is sorted, filtered and searched by (`token_index`). All of it is derived from
    // `token`. Tables of their own, so that this migration takes no longer with a million tokens: they are
    // filled afterwards, in steps.
    // `by_end` is the earlier of both ends; `by_use` is the hour of the last use, 0 without one.
    "CREATE TABLE token_order (
        of_serial INTEGER PRIMARY KEY,
        by_label TEXT NOT NULL COLLATE NOCASE,
        by_owner TEXT NOT NULL COLLATE NOCASE,
        by_end INTEGER NOT NULL,
        by_use INTEGER NOT NULL,
        by_key INTEGER NOT NULL
    ) STRICT",
    "CREATE INDEX token_order_label ON token_order (by_label, of_serial)",
    "CREATE INDEX token_order_owner ON token_order (by_owner, of_serial)",
    "CREATE INDEX token_order_end ON token_order (by_end, of_serial)",
    "CREATE INDEX token_order_use ON token_order (by_use, of_serial)",
    "CREATE INDEX token_order_key ON token_order (by_key, of_serial)",
    // Values of which a token has several: its audiences, its warnings.
    "CREATE TABLE token_facet (
        facet TEXT NOT NULL,
        facet_value TEXT NOT NULL,
        of_serial INTEGER NOT NULL,
        PRIMARY KEY (facet, facet_value, of_serial)
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX token_facet_serial ON token_facet (of_serial)",
    // Rotations under way are few. To make this index reads the table once.
    "CREATE INDEX token_by_successor ON token (serial) WHERE successor IS NOT NULL",
    // Every three characters in a row of label, owner, external id and the token's last 8 characters.
    "CREATE VIRTUAL TABLE token_search USING fts5 (
        searched, content='', contentless_delete=1, detail=none, tokenize='trigram case_sensitive 1'
    )",
    // One row: the position of the filling of these tables, NULL when it has ended; whether every token has
    // been put in; and the number of the rules by which its warnings were found.
    "CREATE TABLE index_fill (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        after_serial INTEGER,
        is_filled INTEGER NOT NULL,
        warnings_by INTEGER NOT NULL
    ) STRICT",
    "INSERT INTO index_fill (id, after_serial, is_filled, warnings_by) VALUES (1, 0, 0, 0)",
];

/// Brings the database to this release's version.
///
/// # Errors
/// [`StorageError::Database`] when SQLite fails, [`StorageError::NewerSchema`] when a later release wrote the
/// database.
pub(super) fn migrate<D: Database>(database: &D) -> Result<(), StorageError> {
    Ok(migration::migrate(database, MIGRATIONS)?)
}
