//! Retries of a create: answers lost, restarts, other requests under the same key.

use crate::world::{World, created, edit_label, idempotency, new_token, settings};
use wayleave::admin_key::Role;
use wayleave::registry::RegistrySettings;
use wayleave::registry::command::{Answer, Command, Fault, Lifetime, NewAdminKey, NewToken, TokenState};
use wayleave::registry::database::Value;

const WEEK_SECONDS: i64 = 7 * 86_400;

fn create(label: &str) -> Command {
    Command::CreateToken(new_token(label))
}

fn create_key() -> Command {
    Command::CreateAdminKey(NewAdminKey { label: "job".into(), role: Role::Operator, expires_at: None })
}

fn count(world: &World, table: &str) -> Value {
    world.database.one(&format!("SELECT COUNT(*) FROM {table}"))
}

#[test]
fn a_retry_gives_the_same_token_even_after_a_restart() {
    let mut world = World::new();
    let first = world.ask_idempotent(create("a"), idempotency("k", "body"));
    let before = world.database.dump();
    assert_eq!(world.ask_idempotent(create("a"), idempotency("k", "body")), first);
    world.restart(settings());
    assert_eq!(world.ask_idempotent(create("a"), idempotency("k", "body")), first);
    assert_eq!(world.database.dump(), before);
    // As it now is.
    let (token, text) = created(first);
    world.edit(token.serial, edit_label("b"));
    world.revoke(token.serial);
    let (again, same_text) = created(world.ask_idempotent(create("a"), idempotency("k", "body")));
    assert_eq!((again.label.as_str(), again.state, same_text), ("b", TokenState::Revoked, text));
}

#[test]
fn without_a_key_or_under_another_each_create_makes_one() {
    let mut world = World::new();
    world.ask_idempotent(create("a"), idempotency("k", "body"));
    world.ask_idempotent(create("a"), idempotency("l", "body"));
    world.ask_idempotent(create("a"), None);
    world.ask_idempotent(create("a"), None);
    assert_eq!(count(&world, "token"), Value::Integer(4));
}

#[test]
fn another_request_under_the_same_key_is_a_conflict() {
    let mut world = World::new();
    world.ask_idempotent(create("a"), idempotency("k", "body"));
    let conflict = Answer::Refused(Fault::IdempotencyConflict);
    assert_eq!(world.ask_idempotent(create("b"), idempotency("k", "other")), conflict);
    assert_eq!(world.ask_idempotent(create_key(), idempotency("k", "other")), conflict);
    assert_eq!(world.ask_idempotent(create_key(), idempotency("k", "body")), conflict);
    world.ask_idempotent(create_key(), idempotency("l", "key"));
    assert_eq!(world.ask_idempotent(create("a"), idempotency("l", "key")), conflict);
    assert_eq!(count(&world, "token"), Value::Integer(1));
    assert_eq!(count(&world, "admin_key"), Value::Integer(2));
}

#[test]
fn keys_of_two_callers_do_not_meet() {
    let mut world = World::new();
    let (_, operator) = world.admin_key(Role::Operator);
    let first = created(world.ask_idempotent(create("a"), idempotency("k", "body"))).0;
    world.call_as(&operator);
    let second = created(world.ask_idempotent(create("b"), idempotency("k", "other"))).0;
    assert_ne!(first.serial, second.serial);
}

#[test]
fn a_refused_create_takes_no_key() {
    let mut world = World::new();
    let refused = world.ask_idempotent(Command::CreateToken(NewToken::default()), idempotency("k", "body"));
    assert!(matches!(refused, Answer::Refused(Fault::Fields(_))));
    created(world.ask_idempotent(create("a"), idempotency("k", "fixed")));
}

#[test]
fn keys_are_kept_for_seven_days() {
    let mut world = World::new();
    let first = created(world.ask_idempotent(create("a"), idempotency("k", "body"))).0;
    world.seconds_pass(WEEK_SECONDS);
    let again = created(world.ask_idempotent(create("a"), idempotency("k", "body"))).0;
    assert_eq!(again.serial, first.serial);
    world.seconds_pass(1);
    let anew = created(world.ask_idempotent(create("a"), idempotency("k", "body"))).0;
    assert_ne!(anew.serial, first.serial);
}

#[test]
fn a_retried_admin_key_is_the_same_key_and_stored_nowhere() {
    let mut world = World::new();
    let first = world.ask_idempotent(create_key(), idempotency("k", "body"));
    world.restart(settings());
    assert_eq!(world.ask_idempotent(create_key(), idempotency("k", "body")), first);
    assert_eq!(count(&world, "admin_key"), Value::Integer(2));
    let Answer::AdminKeyCreated { key, text } = first else { panic!() };
    assert!(!world.database.dump().contains(&text));
    world.ask(Command::DeleteAdminKey(key.id));
    let again = world.ask_idempotent(create_key(), idempotency("k", "body"));
    assert_eq!(again, Answer::Refused(Fault::Conflict), "a deleted key is not shown again");
}

#[test]
fn a_token_that_retention_took_is_not_made_twice() {
    let mut world = World::with(RegistrySettings { retention_days: 1, ..settings() });
    let short = NewToken { lifetime: Some(Lifetime::ExpiresIn(60)), ..new_token("a") };
    let command = Command::CreateToken(short);
    world.ask_idempotent(command.clone(), idempotency("k", "body"));
    world.seconds_pass(2 * 86_400);
    world.registry.due(world.now, 10);
    assert_eq!(count(&world, "token"), Value::Integer(0));
    assert_eq!(world.ask_idempotent(command, idempotency("k", "body")), Answer::Refused(Fault::Conflict));
}

/// The answer is lost at every statement in turn; the retry always ends with exactly one token.
#[test]
fn a_create_that_dies_at_any_statement_is_made_once_by_its_retry() {
    let mut survived = 0;
    for statements in 0.. {
        let mut world = World::new();
        world.ask(Command::Authenticate);
        world.database.fail_after(statements);
        let answer = world.ask_idempotent(create("a"), idempotency("k", "body"));
        let failed = answer == Answer::Refused(Fault::Internal);
        let done = world.database.fault_pending();
        let expected = if failed { 0 } else { 1 };
        assert_eq!(count(&world, "token"), Value::Integer(expected), "{statements}");
        created(world.ask_idempotent(create("a"), idempotency("k", "body")));
        assert_eq!(count(&world, "token"), Value::Integer(1), "{statements}");
        survived += 1;
        if done {
            break;
        }
    }
    assert!(survived > 8, "{survived} statements");
}
