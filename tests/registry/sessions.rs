//! Console sessions: they have at most the role and the lifetime of the admin key that opened them.

use crate::world::{World, settings};
use wayleave::base::database::Value;
use wayleave::base::time::UnixSeconds;
use wayleave::control::registry::RegistrySettings;
use wayleave::control::registry::command::{Answer, Command, Fault, NewAdminKey, SessionView};
use wayleave::formats::admin_key::Role;
use wayleave::formats::key::sha256;
use wayleave::formats::session::SessionText;
use wayleave::limits::{SESSION_IDLE_MS, SESSION_MAX_MS, SESSIONS_PER_KEY_MAX};

fn opened(world: &mut World) -> (SessionView, String) {
    match world.ask(Command::OpenSession) {
        Answer::SessionOpened { session, text } => (session, text),
        other => panic!("{other:?}"),
    }
}

/// A world in which the caller uses a session of a key with `role`; returns the key's number.
fn signed_in(role: Role) -> (World, u32) {
    let mut world = World::new();
    let (id, key) = world.admin_key(role);
    world.call_as(&key);
    let (_, text) = opened(&mut world);
    world.call_as(&text);
    (world, id)
}

#[test]
fn a_session_says_who_and_until_when_and_only_its_digest_is_stored() {
    let mut world = World::new();
    let (id, key) = world.admin_key(Role::Operator);
    world.call_as(&key);
    let (session, text) = opened(&mut world);
    let ends_at = Some(world.now.plus_ms(SESSION_MAX_MS));
    let expected = SessionView {
        admin_key: id,
        label: "operator".into(),
        role: Role::Operator,
        bootstrap: false,
        ends_at,
    };
    assert_eq!(session, expected);
    assert!(SessionText::parse(&text, &settings().check_keys.session).is_some());
    assert!(!world.database.dump().contains(&text));
    world.call_as(&text);
    assert_eq!(world.ask(Command::GetSession), Answer::Session(expected));
    world.call_as(crate::world::ADMIN_KEY);
    let Answer::Session(bootstrap) = world.ask(Command::GetSession) else { panic!("no session") };
    assert!(bootstrap.bootstrap, "the key of ADMIN_KEY is known as that");
    // An owner's to see.
    assert_eq!(world.actions().last().map(String::as_str), Some("session.opened"));
}

#[test]
fn a_session_may_what_its_key_may() {
    let (mut world, _) = signed_in(Role::Viewer);
    assert_eq!(world.ask(Command::Authenticate), Answer::Authenticated);
    assert_eq!(world.fault(Command::ListAdminKeys), Fault::Forbidden);
    // It cannot open another session either, which would outlive it.
    assert_eq!(world.fault(Command::OpenSession), Fault::Forbidden);
}

#[test]
fn a_distributor_has_no_console() {
    let mut world = World::new();
    let (_, key) = world.admin_key(Role::Distributor);
    world.call_as(&key);
    assert_eq!(world.fault(Command::OpenSession), Fault::Forbidden);
}

#[test]
fn signing_out_ends_this_session_alone() {
    let (mut world, _) = signed_in(Role::Owner);
    let first = world.key.clone();
    world.call_as(crate::world::ADMIN_KEY);
    let (_, second) = opened(&mut world);
    world.call_as(&first);
    assert_eq!(world.ask(Command::CloseSession), Answer::SessionClosed);
    assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);
    world.call_as(&second);
    assert_eq!(world.ask(Command::Authenticate), Answer::Authenticated);
    assert_eq!(world.actions().last().map(String::as_str), Some("session.closed"));
}

#[test]
fn a_session_ends_with_its_key_deleted() {
    let (mut world, id) = signed_in(Role::Viewer);
    let session = world.key.clone();
    world.call_as(crate::world::ADMIN_KEY);
    assert_eq!(world.ask(Command::DeleteAdminKey(id)), Answer::AdminKeyDeleted);
    world.call_as(&session);
    assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);
}

#[test]
fn a_session_ends_with_its_key_expired() {
    let mut world = World::new();
    let expires_at = Some(UnixSeconds(world.now.floor_seconds().0 + 60));
    let new = NewAdminKey { label: "job".into(), role: Role::Viewer, expires_at };
    let Answer::AdminKeyCreated { text, .. } = world.ask(Command::CreateAdminKey(new)) else { panic!() };
    world.call_as(&text);
    let (session, text) = opened(&mut world);
    assert_eq!(session.ends_at, expires_at.map(UnixSeconds::to_millis));
    world.call_as(&text);
    world.seconds_pass(59);
    assert_eq!(world.ask(Command::Authenticate), Answer::Authenticated);
    world.seconds_pass(1);
    assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);
}

#[test]
fn a_session_ends_with_admin_key_replaced() {
    let mut world = World::new();
    let (_, text) = opened(&mut world);
    let new_value = sha256(b"a-new-admin-key-of-at-least-32-chars");
    world.restart(RegistrySettings { bootstrap_sha256: Some(new_value), ..settings() });
    world.call_as(&text);
    assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);
}

#[test]
fn a_session_ends_after_an_hour_without_a_call_and_half_a_day_with_calls() {
    let (mut world, _) = signed_in(Role::Viewer);
    let opened_at = world.now;
    world.now = opened_at.plus_ms(SESSION_IDLE_MS - 1);
    assert_eq!(world.ask(Command::Authenticate), Answer::Authenticated);
    while world.now.since_ms(opened_at) + SESSION_IDLE_MS / 2 < SESSION_MAX_MS {
        world.now = world.now.plus_ms(SESSION_IDLE_MS / 2);
        assert_eq!(world.ask(Command::Authenticate), Answer::Authenticated);
    }
    world.now = opened_at.plus_ms(SESSION_MAX_MS);
    assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);

    let (mut world, _) = signed_in(Role::Viewer);
    world.now = world.now.plus_ms(SESSION_IDLE_MS);
    assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);
}

#[test]
fn the_oldest_sessions_of_a_key_give_way_and_ended_ones_leave() {
    let mut world = World::new();
    let mut texts = Vec::new();
    for _ in 0..=SESSIONS_PER_KEY_MAX {
        texts.push(opened(&mut world).1);
        world.seconds_pass(1);
    }
    let alive = |world: &mut World, text: &str| {
        world.call_as(text);
        matches!(world.ask(Command::Authenticate), Answer::Authenticated)
    };
    assert!(!alive(&mut world, &texts[0]));
    assert!(texts[1..].iter().all(|text| alive(&mut world, text)));
    world.now = world.now.plus_ms(SESSION_MAX_MS);
    world.call_as(crate::world::ADMIN_KEY);
    opened(&mut world);
    assert_eq!(world.database.one("SELECT COUNT(*) FROM session"), Value::Integer(1));
}

#[test]
fn a_made_up_session_is_unknown_and_leaves_nothing() {
    let mut world = World::new();
    let before = world.database.dump();
    world.call_as("wls_made-up");
    assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);
    assert_eq!(world.database.dump(), before);
}
