//! Retried create requests: lost answers, restarts, different requests with the same key.

use crate::world::{World, all, as_usual, created, edit_label, idempotency, new_token, settings};
use wayleave::base::database::Value;
use wayleave::control::registry::RegistrySettings;
use wayleave::control::registry::command::{
    Answer, Bulk, BulkChange, Clash, Command, Fault, Lifetime, NewAdminKey, NewToken, TokenFilter,
    TokenState, TokenView,
};
use wayleave::formats::admin_key::Role;
use wayleave::formats::key::KeyId;
use wayleave::formats::token::Serial;

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
    // In its current state.
    let (token, text) = created(first);
    world.edit(token.serial, edit_label("b"));
    world.revoke(token.serial);
    let (again, same_text) = created(world.ask_idempotent(create("a"), idempotency("k", "body")));
    assert_eq!((again.policy.label.as_str(), again.state, same_text), ("b", TokenState::Revoked, text));
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
    assert_eq!(
        again,
        Answer::Refused(Fault::Conflict(Clash::MadeIsGone)),
        "a deleted key is not shown again"
    );
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
    assert_eq!(
        world.ask_idempotent(command, idempotency("k", "body")),
        Answer::Refused(Fault::Conflict(Clash::MadeIsGone))
    );
}

/// The answer is lost at every statement in turn. The retry always ends with exactly one token.
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

/// What a retry must not do a second time: somebody else has changed the token meanwhile.
#[test]
fn a_retried_change_is_answered_again_and_not_made_again() {
    let mut world = World::new();
    let TokenView { serial, family, .. } = world.token();
    let edit = |label: &str| Command::EditToken { serial, if_match: Some(1), edit: edit_label(label) };
    let first = world.ask_idempotent(edit("mine"), idempotency("k", "edit"));
    let Answer::Edited { token, receipt } = first else { panic!("{first:?}") };
    assert_eq!((token.version, token.policy.label.as_str()), (2, "mine"));
    world.edit(serial, edit_label("somebody else's"));
    world.seconds_pass(100);
    let events = world.events().len();
    // Without the key its If-Match would not fit any more; with it the retry succeeds, and changes nothing.
    let again = world.ask_idempotent(edit("mine"), idempotency("k", "edit"));
    let Answer::Edited { token, receipt: same } = again else { panic!("{again:?}") };
    assert_eq!((token.version, token.policy.label.as_str(), same), (3, "somebody else's", receipt));
    assert_eq!(world.events().len(), events);
    let conflict = Answer::Refused(Fault::IdempotencyConflict);
    assert_eq!(world.ask_idempotent(edit("other"), idempotency("k", "another edit")), conflict);

    let disable = Command::DisableToken(serial);
    let disabled = world.ask_idempotent(disable.clone(), idempotency("d", "disable"));
    world.receipt(Command::EnableToken(serial));
    assert_eq!(world.ask_idempotent(disable, idempotency("d", "disable")), disabled);
    assert_eq!(world.get(serial).state, TokenState::Active, "it was enabled since");

    let edit = Command::EditFamily { family, edit: edit_label("family") };
    let edited = world.ask_idempotent(edit.clone(), idempotency("f", "family"));
    assert!(matches!(&edited, Answer::FamilyEdited(edited) if edited.len() == 1));
    assert_eq!(world.ask_idempotent(edit, idempotency("f", "family")), edited);
}

/// A bulk call's first step has no cursor: sent again, it would go on with the next tokens.
#[test]
fn a_retried_step_of_a_bulk_call_takes_no_further_tokens() {
    let mut world = World::new();
    for _ in 0..4 {
        world.token();
    }
    let bulk = || Box::new(Bulk { filter: TokenFilter { limit: 2, ..all() }, dry_run: false, expect: None });
    let rotate = || Command::RotateTokens { bulk: bulk(), rotate: Box::new(as_usual()) };
    let rotated = world.ask_idempotent(rotate(), idempotency("r", "rotate"));
    assert_eq!(world.ask_idempotent(rotate(), idempotency("r", "rotate")), rotated);
    assert_eq!(count(&world, "token"), Value::Integer(6));
    let revoke = || Command::RevokeTokens {
        bulk: bulk(),
        reason: None,
        owner_removed: false,
        include_protected: false,
    };
    let revoked = world.ask_idempotent(revoke(), idempotency("v", "revoke"));
    assert_eq!(world.ask_idempotent(revoke(), idempotency("v", "revoke")), revoked);
    let Answer::RevokedInBulk(step) = revoked else { panic!("{revoked:?}") };
    assert_eq!(step.done.len(), 2);
    assert_eq!(count(&world, "token WHERE status = 'revoked'"), Value::Integer(2));
    let Value::Text(kept) = world.database.one("SELECT GROUP_CONCAT(kept) FROM idempotent_call") else {
        panic!()
    };
    assert!(kept.contains("effective_by"), "{kept}");
    assert!(
        !kept.contains("wlp_") && !kept.contains("label"),
        "neither texts nor settings of tokens are kept: {kept}"
    );
}

/// Every call that changes something: if it is sent twice under one key, the second leaves the state
/// unchanged and gets the same answer.
#[test]
fn every_change_can_be_sent_again() {
    let mut world = World::new();
    let mut tokens: Vec<Serial> = (0..6).map(|_| world.token().serial).collect();
    let mut next = || tokens.pop().unwrap();
    let (admin_key, _) = world.admin_key(Role::Viewer);
    let end = |serial| Command::EndToken { serial, at: Some(world.now.plus_ms(60_000)), force: true };
    let commands = [
        Command::RevokeToken { serial: next(), reason: None, force: true },
        Command::EnableToken(next()),
        end(next()),
        Command::BeginProbe(next()),
        Command::RotateToken { serial: next(), rotate: Box::new(as_usual()) },
        Command::RevokeFamily { family: world.get(next()).family, reason: None, include_protected: false },
        Command::ChangeTokens {
            bulk: Box::new(Bulk { filter: all(), dry_run: false, expect: None }),
            change: BulkChange::Owner(Some("bob".into())),
        },
        Command::DeleteAdminKey(admin_key),
        Command::ActivateSigningKey(KeyId(2)),
        Command::RetireSigningKey { key_id: KeyId(1), force: true },
    ];
    for command in commands {
        let what = format!("{command:?}");
        let first = world.ask_idempotent(command.clone(), idempotency(&what, "body"));
        assert!(!matches!(first, Answer::Refused(_)), "{what}: {first:?}");
        let before = world.database.dump();
        assert_eq!(world.ask_idempotent(command, idempotency(&what, "body")), first, "{what}");
        assert_eq!(world.database.dump(), before, "{what}");
    }
}
