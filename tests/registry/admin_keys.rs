//! Roles; the first owner; creating and deleting admin keys.

use crate::world::{ADMIN_KEY, START, World, edit_label, new_token, settings};
use wayleave::base::database::Value;
use wayleave::base::time::UnixSeconds;
use wayleave::control::registry::RegistrySettings;
use wayleave::control::registry::command::{
    AdminKeyView, Answer, Call, Clash, Command, EventFilter, Fault, NewAdminKey, NewToken, StatusWarning,
    TokenEdit, TokenFilter,
};
use wayleave::formats::admin_key::{AdminKey, Role};
use wayleave::formats::key::sha256;
use wayleave::formats::token::Serial;

fn keys(world: &mut World) -> Vec<AdminKeyView> {
    match world.ask(Command::ListAdminKeys) {
        Answer::AdminKeys(keys) => keys,
        other => panic!("{other:?}"),
    }
}

fn new_key(role: Role) -> Command {
    Command::CreateAdminKey(NewAdminKey { label: "job".into(), role, expires_at: None })
}

#[test]
fn a_wrong_key_is_unauthorized_and_leaves_nothing() {
    let mut world = World::new();
    let before = world.database.dump();
    world.call_as("another-key-of-at-least-32-characters");
    assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);
    assert_eq!(world.database.dump(), before);
}

#[test]
fn the_first_use_of_admin_key_makes_the_first_owner_once() {
    let mut world = World::new();
    assert_eq!(world.ask(Command::Authenticate), Answer::Authenticated);
    assert_eq!(world.ask(Command::Authenticate), Answer::Authenticated);
    let expected = AdminKeyView {
        id: 1,
        label: "ADMIN_KEY".into(),
        role: Role::Owner,
        created_at: START,
        expires_at: None,
        last_used_at: Some(START),
    };
    assert_eq!(keys(&mut world), [expected]);
    let events = world.events();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].action.as_str(), events[0].actor.as_str()), ("admin_key.bootstrapped", "system"));
}

#[test]
fn a_deleted_admin_key_stays_dead_and_a_new_value_restores_access() {
    let mut world = World::new();
    let (_, owner) = world.admin_key(Role::Owner);
    assert_eq!(world.ask(Command::DeleteAdminKey(1)), Answer::AdminKeyDeleted);
    assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);
    world.restart(settings());
    assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);
    let new_value = "a-new-admin-key-of-at-least-32-chars";
    world.restart(RegistrySettings { bootstrap_sha256: Some(sha256(new_value.as_bytes())), ..settings() });
    assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);
    world.call_as(new_value);
    assert_eq!(world.ask(Command::Authenticate), Answer::Authenticated);
    world.call_as(&owner);
    assert_eq!(world.ask(Command::Authenticate), Answer::Authenticated);
    let bootstrapped = world.actions().iter().filter(|action| *action == "admin_key.bootstrapped").count();
    assert_eq!(bootstrapped, 2);
}

fn configured(key: &str) -> RegistrySettings {
    RegistrySettings { bootstrap_sha256: Some(sha256(key.as_bytes())), ..settings() }
}

#[test]
fn an_earlier_admin_key_does_not_call_and_is_no_owner() {
    let mut world = World::new();
    // It has the form of a minted key, which the admin API passes to the registry whether or not it is
    // configured.
    let minted = AdminKey::mint([5; 24], &settings().check_keys).as_str().to_owned();
    for earlier in [ADMIN_KEY.to_owned(), minted] {
        world.restart(configured(&earlier));
        world.call_as(&earlier);
        assert_eq!(world.ask(Command::Authenticate), Answer::Authenticated);
        let new_value = format!("{earlier}-replaced");
        world.restart(configured(&new_value));
        assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);
        world.call_as(&new_value);
        let listed = keys(&mut world);
        let new_id = listed.last().unwrap().id;
        assert!(listed.len() > 1, "what ADMIN_KEY was can be seen, and deleted");
        assert_eq!(
            world.fault(Command::DeleteAdminKey(new_id)),
            Fault::Conflict(Clash::LastOwner),
            "no other owner lives"
        );
        assert_eq!(world.ask(Command::DeleteAdminKey(listed[0].id)), Answer::AdminKeyDeleted);
    }
}

#[test]
fn an_admin_key_that_comes_back_lives_again_unless_it_was_deleted() {
    let mut world = World::new();
    world.ask(Command::Authenticate);
    world.restart(RegistrySettings { bootstrap_sha256: None, ..settings() });
    assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);
    world.restart(settings());
    assert_eq!(world.ask(Command::Authenticate), Answer::Authenticated);
    assert_eq!(keys(&mut world).len(), 1, "it is the same key");
    let new_value = "a-new-admin-key-of-at-least-32-chars";
    world.restart(configured(new_value));
    world.call_as(new_value);
    assert_eq!(world.ask(Command::DeleteAdminKey(1)), Answer::AdminKeyDeleted);
    world.restart(settings());
    world.call_as(ADMIN_KEY);
    assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);
}

#[test]
fn a_made_key_lives_on_whatever_admin_key_is() {
    let mut world = World::new();
    let (_, owner) = world.admin_key(Role::Owner);
    world.call_as(&owner);
    world.restart(RegistrySettings { bootstrap_sha256: None, ..settings() });
    assert_eq!(world.ask(Command::DeleteAdminKey(1)), Answer::AdminKeyDeleted);
    assert_eq!(world.fault(Command::DeleteAdminKey(2)), Fault::Conflict(Clash::LastOwner));
}

#[test]
fn a_made_key_works_and_only_its_sha256_is_stored() {
    let mut world = World::new();
    let (id, text) = world.admin_key(Role::Operator);
    assert!(AdminKey::parse(&text, &settings().check_keys).is_some());
    assert!(!world.database.dump().contains(&text));
    let (_, other) = world.admin_key(Role::Operator);
    assert_ne!(text, other);
    world.call_as(&text);
    assert_eq!(world.create(new_token("a")).0.created_by, "operator");
    assert_eq!(world.events().last().unwrap().actor, format!("key_{id} operator"));
}

#[test]
fn each_role_may_do_what_it_may_and_nothing_else() {
    let mut world = World::new();
    let token = world.token();
    let serial = token.serial;
    let protected = |protected| TokenEdit { protected: Some(protected), ..TokenEdit::default() };
    let edit = |edit| Command::EditToken { serial, if_match: None, edit };
    let new = |protected| {
        let mut new = new_token("a");
        new.settings.protected = protected;
        Command::CreateToken(new)
    };
    let commands = [
        (Role::Viewer, Command::Authenticate),
        (Role::Viewer, Command::GetToken(serial)),
        (Role::Viewer, Command::ListEvents(EventFilter { limit: 1, ..EventFilter::default() })),
        (Role::Viewer, Command::ListTokens(TokenFilter { limit: 1, ..TokenFilter::default() })),
        (Role::Viewer, Command::LookupToken(serial)),
        (Role::Viewer, Command::LookupFingerprint(token.fingerprint)),
        (Role::Viewer, Command::Status),
        (Role::Operator, new(None)),
        (Role::Operator, new(Some(false))),
        (Role::Operator, Command::CreateToken(NewToken { clone_of: Some(serial), ..NewToken::default() })),
        (Role::Operator, Command::RevealToken(serial)),
        (Role::Operator, edit(edit_label("b"))),
        (Role::Operator, Command::DisableToken(serial)),
        (Role::Operator, Command::EnableToken(serial)),
        (Role::Owner, new(Some(true))),
        (Role::Owner, edit(protected(true))),
        (Role::Owner, edit(protected(false))),
        (Role::Owner, new_key(Role::Viewer)),
        (Role::Owner, Command::ListAdminKeys),
        (Role::Operator, Command::RevokeToken { serial, reason: None, force: true }),
        (Role::Owner, Command::DeleteAdminKey(1)),
    ];
    let texts: Vec<(Role, String)> = Role::ALL.map(|role| (role, world.admin_key(role).1)).into();
    // Lower roles call first, so that what they must not delete still exists for the others.
    for (least, command) in &commands {
        let mut answered = 0;
        for (role, text) in &texts {
            world.call_as(text);
            let before = world.database.dump();
            match world.ask(command.clone()) {
                Answer::Refused(Fault::Forbidden) => {
                    let suffices = *role >= *least;
                    assert!(!suffices, "{role:?} was refused {command:?}");
                    let tokens = |dump: &str| dump.split_once("token:").unwrap().1.to_owned();
                    assert_eq!(tokens(&world.database.dump()), tokens(&before));
                }
                Answer::Refused(other) => panic!("{role:?} {command:?}: {other:?}"),
                _ => {
                    assert!(*role >= *least, "{role:?} did {command:?}");
                    answered += 1;
                }
            }
        }
        assert!(answered > 0, "{command:?}");
    }
}

#[test]
fn an_operator_may_clone_a_protected_token() {
    let mut world = World::new();
    let mut new = new_token("a");
    new.settings.protected = Some(true);
    let serial = world.create(new).0.serial;
    let (_, operator) = world.admin_key(Role::Operator);
    world.call_as(&operator);
    assert!(world.create(NewToken { clone_of: Some(serial), ..NewToken::default() }).0.policy.protected);
}

#[test]
fn the_last_owner_is_not_deleted() {
    let mut world = World::new();
    let (operator, _) = world.admin_key(Role::Operator);
    assert_eq!(world.fault(Command::DeleteAdminKey(1)), Fault::Conflict(Clash::LastOwner));
    // One that has expired does not count.
    let expires_at = Some(START.floor_seconds().plus_seconds(60));
    let brief = NewAdminKey { label: "brief".into(), role: Role::Owner, expires_at };
    world.ask(Command::CreateAdminKey(brief));
    world.seconds_pass(60);
    assert_eq!(world.fault(Command::DeleteAdminKey(1)), Fault::Conflict(Clash::LastOwner));
    assert_eq!(world.ask(Command::DeleteAdminKey(operator)), Answer::AdminKeyDeleted);
    assert_eq!(world.fault(Command::DeleteAdminKey(operator)), Fault::NotFound);
    assert_eq!(world.fault(Command::DeleteAdminKey(99)), Fault::NotFound);
    let (_, second) = world.admin_key(Role::Owner);
    world.call_as(&second);
    assert_eq!(world.ask(Command::DeleteAdminKey(1)), Answer::AdminKeyDeleted);
}

#[test]
fn a_key_ends_when_it_should() {
    let mut world = World::new();
    let expires_at = START.floor_seconds().plus_seconds(60);
    let with = |expires_at| {
        Command::CreateAdminKey(NewAdminKey {
            label: "b".into(),
            role: Role::Viewer,
            expires_at: Some(expires_at),
        })
    };
    let past = [("expires_at".to_owned(), "out_of_range".to_owned())];
    assert_eq!(world.field_faults(with(START.floor_seconds())), past);
    let Answer::AdminKeyCreated { text, key } = world.ask(with(expires_at)) else { panic!() };
    assert_eq!(key.expires_at, Some(expires_at));
    world.call_as(&text);
    world.now = expires_at.to_millis().plus_ms(-1);
    assert_eq!(world.ask(Command::Authenticate), Answer::Authenticated);
    world.now = expires_at.to_millis();
    assert_eq!(world.fault(Command::Authenticate), Fault::Unauthorized);
    world.call_as(ADMIN_KEY);
    assert_eq!(keys(&mut world).len(), 2, "people can see why the job stopped");
}

#[test]
fn last_use_is_written_at_most_once_a_minute_and_for_refused_calls_too() {
    let mut world = World::new();
    world.ask(Command::Authenticate);
    let mut used_after = |ms| {
        world.now = START.plus_ms(ms);
        assert_eq!(world.fault(Command::GetToken(Serial(9))), Fault::NotFound);
        world.database.one("SELECT last_used_at FROM admin_key")
    };
    assert_eq!(used_after(59_999), Value::Integer(START.0));
    assert_eq!(used_after(60_000), Value::Integer(START.0 + 60_000));
}

#[test]
fn creating_and_deleting_is_audited() {
    let mut world = World::new();
    let (id, _) = world.admin_key(Role::Viewer);
    world.ask(Command::DeleteAdminKey(id));
    let events = world.events();
    let expected = r#"{"expires_at":"2027-02-20T02:00:01Z","id":2,"label":"viewer","role":"viewer"}"#;
    let expected = Some(expected.to_owned());
    assert_eq!(events[1].action, "admin_key.created");
    assert_eq!((&events[1].before, &events[1].after), (&None, &expected));
    assert_eq!(events[2].action, "admin_key.deleted");
    assert_eq!((&events[2].before, &events[2].after), (&expected, &None));
}

fn key_until(expires_at: Option<UnixSeconds>) -> Command {
    Command::CreateAdminKey(NewAdminKey { label: "job".into(), role: Role::Operator, expires_at })
}

#[test]
fn an_admin_key_lives_90_days_and_at_most_a_year() {
    const DAY: i64 = 86_400;
    let mut world = World::new();
    let start = world.now.ceil_seconds();
    for (asked, days) in [(None, 90), (Some(1), 1), (Some(365), 365)] {
        let asked = asked.map(|days| start.plus_seconds(days * DAY));
        let Answer::AdminKeyCreated { key, .. } = world.ask(key_until(asked)) else { panic!("{days}") };
        assert_eq!(key.expires_at, Some(start.plus_seconds(days * DAY)));
    }
    for seconds in [i64::MIN, -1, 365 * DAY + 1, i64::MAX] {
        let at = UnixSeconds(start.0.saturating_add(seconds));
        let refused = vec![("expires_at".to_owned(), "out_of_range".to_owned())];
        assert_eq!(world.field_faults(key_until(Some(at))), refused, "{seconds}");
    }
}

#[test]
fn a_key_that_ends_soon_is_reported_once_for_each_threshold() {
    const DAY: i64 = 86_400;
    let mut world = World::new();
    let start = world.now.ceil_seconds();
    let key = |world: &mut World, days: i64| match world.ask(key_until(Some(start.plus_seconds(days * DAY))))
    {
        Answer::AdminKeyCreated { key, .. } => key.id,
        other => panic!("{other:?}"),
    };
    let (long, short, deleted) = (key(&mut world, 90), key(&mut world, 10), key(&mut world, 90));
    world.ask(Command::DeleteAdminKey(deleted));
    let mut told = Vec::new();
    for day in 0..=95 {
        world.now = START.plus_ms((day * DAY + 1) * 1_000);
        assert_eq!(world.request(Call::Sweep), Answer::Noted);
        world.alarms();
        let notices = world.notices();
        for notice in notices.iter().filter(|notice| notice["type"] == "deployment.admin_key_expiring") {
            let keys = notice["data"]["admin_keys"].as_array().unwrap();
            assert_eq!(notice["data"]["tokens"], serde_json::json!([]));
            let ids: Vec<_> = keys.iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect();
            assert!(keys.iter().all(|key| key["label"] == "job" && key.get("role").is_none()));
            let one = (notice["data"]["within_days"].as_u64().unwrap(), ids);
            if !told.iter().any(|(_, known)| *known == one) {
                told.push((day, one));
            }
        }
    }
    let id = |id: u32| vec![format!("key_{id}")];
    // A threshold of more than half of a life is skipped.
    let expected = [(9, (1, id(short))), (60, (30, id(long))), (83, (7, id(long))), (89, (1, id(long)))];
    assert_eq!(told, expected);
    let counted = world.notices();
    let of_keys = |notice: &&serde_json::Value| notice["type"] == "deployment.admin_key_expiring";
    // Notices are kept for 90 days, so all four are still there.
    assert_eq!(counted.iter().filter(of_keys).count(), 4);
}

#[test]
fn the_status_warns_of_keys_without_end_until_they_are_replaced() {
    let mut world = World::new();
    assert_eq!(world.status().warnings, [StatusWarning::BootstrapKey]);
    let (id, owner) = world.admin_key(Role::Owner);
    assert_eq!(world.status().warnings, [StatusWarning::BootstrapKey], "it is still valid");
    // As an earlier release made it.
    world.database.one(&format!("UPDATE admin_key SET expires_at = NULL WHERE id = {id} RETURNING 1"));
    world.call_as(&owner);
    world.ask(Command::DeleteAdminKey(1));
    assert_eq!(world.status().warnings, [StatusWarning::AdminKeyWithoutEnd]);
    let (_, next) = world.admin_key(Role::Owner);
    world.call_as(&next);
    world.ask(Command::DeleteAdminKey(id));
    assert_eq!(world.status().warnings, []);
}

#[test]
fn a_value_that_admin_key_no_longer_has_is_no_warning() {
    let mut world = World::new();
    let (_, owner) = world.admin_key(Role::Owner);
    assert_eq!(world.status().warnings, [StatusWarning::BootstrapKey]);
    world.restart(RegistrySettings { bootstrap_sha256: None, ..settings() });
    world.call_as(&owner);
    assert_eq!(world.status().warnings, []);
}
