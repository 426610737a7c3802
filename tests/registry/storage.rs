//! Migrations, state across restarts, and failures in the middle of a call.

use crate::sqlite::Sqlite;
use crate::world::{World, edit_label, idempotency, new_token, settings};
use wayleave::base::database::{Database, Value};
use wayleave::control::registry::command::{Answer, Call, Command, Fault, NewAdminKey};
use wayleave::control::registry::{Registry, RegistrySettings, StorageError};
use wayleave::formats::admin_key::Role;
use wayleave::formats::key::{KeyId, KeyRing};
use wayleave::formats::scope::{Scope, ScopeMode};
use wayleave::formats::token::Serial;
use zeroize::Zeroizing;

#[test]
fn an_empty_database_is_migrated_once() {
    let mut world = World::new();
    assert_eq!(world.database.one("SELECT COUNT(*) FROM schema_version"), Value::Integer(1));
    world.token();
    let before = world.database.dump();
    world.restart(settings());
    assert_eq!(world.database.dump(), before);
    assert_eq!(world.token().serial, Serial(2));
}

#[test]
fn a_migration_that_fails_anywhere_leaves_nothing_and_is_made_the_next_time() {
    let Value::Integer(version) = World::new().database.one("SELECT version FROM schema_version") else {
        panic!()
    };
    let current = format!("schema_version: [[Integer({version})]]");
    for statements in 0.. {
        let database = Sqlite::in_memory();
        database.fail_after(statements);
        let opened = Registry::open(database.clone(), settings());
        if database.fault_pending() {
            assert!(opened.is_ok() && statements > 10, "{statements}");
            break;
        }
        assert!(matches!(opened, Err(StorageError::Database(_))), "{statements}");
        let dump = database.dump();
        assert!(dump.is_empty() || dump.contains(&current), "{statements}: {dump}");
        World::over(database, settings()).token();
    }
}

#[test]
fn a_database_of_a_later_release_is_not_touched() {
    let world = World::new();
    world.database.one("UPDATE schema_version SET version = version + 1 RETURNING 1");
    let before = world.database.dump();
    let opened = Registry::open(world.database.clone(), settings());
    assert_eq!(opened.err(), Some(StorageError::NewerSchema));
    assert_eq!(world.database.dump(), before);
}

/// As the release before scopes left it: the columns of the last migration are missing.
#[test]
fn a_database_of_the_release_before_keeps_its_tokens() {
    let mut world = World::new();
    let token = world.token();
    let added = [
        "DROP INDEX token_by_successor",
        "DROP TABLE token_order",
        "DROP TABLE token_facet",
        "DROP TABLE token_search",
        "DROP TABLE index_fill",
        "ALTER TABLE token DROP COLUMN methods",
        "ALTER TABLE token DROP COLUMN paths",
        "ALTER TABLE token DROP COLUMN scope_mode",
        "ALTER TABLE token DROP COLUMN claims",
        "ALTER TABLE token DROP COLUMN quota",
        "ALTER TABLE registry DROP COLUMN meter_n",
        "DROP TABLE meter",
        "DROP TABLE fetch",
        "DROP INDEX token_by_licence",
        "ALTER TABLE token DROP COLUMN own_end",
        "ALTER TABLE token DROP COLUMN licensed_until",
        "ALTER TABLE token DROP COLUMN licence_due_at",
        "DROP TABLE licence",
        "DROP TABLE owner_off",
        "ALTER TABLE admin_key DROP COLUMN noticed_within_days",
    ];
    for statement in added {
        world.database.query(statement, &[]).unwrap();
    }
    world.database.one("UPDATE schema_version SET version = version - 6 RETURNING 1");
    world.restart(settings());
    assert_eq!(world.get(token.serial), token);
    assert_eq!(world.record(token.serial).unwrap().record.scope, Scope::default());
    let (edited, _) = world.edit(token.serial, edit_label("b"));
    assert_eq!((edited.policy.scope_mode, edited.policy.claims), (ScopeMode::Enforce, None));
}

#[test]
fn the_key_that_signs_is_state_and_must_be_in_the_ring() {
    let mut world = World::new();
    world.restart(RegistrySettings { first_signing_key: KeyId(2), ..settings() });
    assert_eq!(world.token().key_id, KeyId(1));
    let only_2 = KeyRing::derive(&[(KeyId(2), Zeroizing::new(vec![2; 32]))], "test");
    let lacking = RegistrySettings { ring: only_2, first_signing_key: KeyId(2), ..settings() };
    let opened = Registry::open(world.database.clone(), lacking);
    assert_eq!(opened.err(), Some(StorageError::MissingKey));
    assert_eq!(
        World::with(RegistrySettings { first_signing_key: KeyId(2), ..settings() }).token().key_id,
        KeyId(2)
    );
}

#[test]
fn a_call_that_fails_at_any_statement_leaves_nothing() {
    let serial = Serial(1);
    let new_key = NewAdminKey { label: "job".into(), role: Role::Viewer, expires_at: None };
    for command in [
        Command::CreateToken(new_token("b")),
        Command::EditToken { serial, if_match: None, edit: edit_label("b") },
        Command::RevealToken(serial),
        Command::RevokeToken { serial, reason: None, force: true },
        Command::DisableToken(serial),
        Command::EnableToken(Serial(2)),
        Command::CreateAdminKey(new_key),
        Command::DeleteAdminKey(2),
    ] {
        let mut faults = 0;
        for statements in 0.. {
            let mut world = World::new();
            world.token();
            let disabled = world.token().serial;
            world.receipt(Command::DisableToken(disabled));
            world.admin_key(Role::Viewer);
            let list = world.list().number();
            let before = world.database.dump();
            world.database.fail_after(statements);
            let answer = world.ask_idempotent(command.clone(), idempotency("k", "body"));
            if world.database.fault_pending() {
                assert!(!matches!(answer, Answer::Refused(_)), "{command:?}: {answer:?}");
                assert_ne!(world.database.dump(), before, "{command:?}");
                break;
            }
            assert_eq!(answer, Answer::Refused(Fault::Internal), "{command:?} {statements}");
            assert_eq!(world.database.dump(), before, "{command:?} {statements}");
            assert_eq!(world.registry.take_log(), ["registry storage failed: disk I/O error"]);
            assert_eq!(world.list().number(), list, "no list is made anew for what did not happen");
            faults += 1;
        }
        assert!(faults >= 4, "{command:?}: {faults}");
    }
}

#[test]
fn a_row_that_was_tampered_with_is_an_error_and_no_default() {
    for damage in ["origins = '[]'", "origin_mode = '\"lax\"'", "key_id = 300", "audiences = '{}'"] {
        let mut world = World::new();
        let serial = world.token().serial;
        world.database.one(&format!("UPDATE token SET {damage} RETURNING 1"));
        let answer = world.ask(Command::GetToken(serial));
        assert_eq!(answer, Answer::Refused(Fault::Internal), "{damage}");
        assert_eq!(world.request(Call::Record { serial, version: 1 }), Answer::Refused(Fault::Internal));
    }
}

/// Every write is inside a transaction, so that it can be undone.
#[test]
fn nothing_is_written_outside_a_transaction() {
    let mut world = World::new();
    world.token();
    world.list();
    world.record(Serial(1));
    world.edit(Serial(1), edit_label("b"));
    world.revoke(Serial(1));
    for write in world.registry.due(world.now, 10) {
        world.registry.failed(write.id, world.now);
        world.registry.written(write.id, world.now);
    }
    world.registry.next_alarm_at(world.now);
    let statements = world.database.take_statements();
    assert!(statements.len() > 40);
    for (sql, in_transaction) in statements {
        assert!(in_transaction || sql.starts_with("SELECT"), "{sql}");
    }
}

/// The registry is the same on all platforms: nothing in it is compiled for one platform only.
#[test]
fn the_registry_has_no_platform() {
    let mut folders =
        vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/control/registry"))];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    assert!(files.len() > 40);
    for path in files {
        let source = std::fs::read_to_string(&path).unwrap();
        let source = source.replace("#[cfg(test)]", "");
        assert!(!source.contains("cfg(") && !source.contains("worker::"), "{}", path.display());
    }
}

#[test]
fn refusals_are_rolled_back_with_all_they_wrote() {
    let world = World::new();
    let before = world.database.dump();
    let refused: Result<(), wayleave::base::database::DatabaseError> =
        world.database.transaction(|database| {
            database.query("UPDATE registry SET highest_serial = 7", &[])?;
            Err(wayleave::base::database::DatabaseError("refused".into()))
        });
    assert!(refused.is_err());
    assert_eq!(world.database.dump(), before);
}
