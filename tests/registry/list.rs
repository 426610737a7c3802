//! What the list names, its number, and when it is made again.

use crate::world::{START, World, edit_label, new_token, settings};
use wayleave::base::database::Value;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::RegistrySettings;
use wayleave::control::registry::command::{Call, Command, Lifetime, ListAskedBy, NewToken};
use wayleave::formats::list::{Number, SerialStatus};
use wayleave::formats::token::Serial;

#[test]
fn the_list_names_what_is_not_simply_good() {
    let mut world = World::new();
    let [good, revoked, disabled, edited, both, enabled] = [(); 6].map(|()| world.token().serial);
    world.revoke(revoked);
    world.receipt(Command::DisableToken(disabled));
    world.edit(edited, edit_label("b"));
    world.edit(both, edit_label("b"));
    world.edit(both, edit_label("c"));
    world.revoke(both);
    world.receipt(Command::DisableToken(enabled));
    world.receipt(Command::EnableToken(enabled));
    let list = world.list();
    let says = |serial| (list.status(serial), list.record_version(serial));
    assert_eq!(says(good), (SerialStatus::Good, 1));
    assert_eq!(says(revoked), (SerialStatus::Revoked, 1));
    assert_eq!(says(disabled), (SerialStatus::Disabled, 1));
    assert_eq!(says(edited), (SerialStatus::Good, 2));
    assert_eq!(says(both), (SerialStatus::Revoked, 3));
    assert_eq!(says(enabled), (SerialStatus::Good, 1));
    // A token enabled again is named too: a base may list it as disabled.
    assert_eq!(list.delta().changes().len(), 5);
    assert_eq!(list.delta().head.highest_serial, Serial(6));
    assert_eq!((list.this_update(), list.next_update()), (START, START.plus_ms(60_000)));
}

#[test]
fn a_serial_leaves_the_list_at_its_end_and_the_bound() {
    let mut world = World::new();
    let token = world.create(NewToken { lifetime: Some(Lifetime::ExpiresIn(60)), ..new_token("a") }).0;
    world.revoke(token.serial);
    let leaves = token.expires_at.plus_seconds(60).to_millis();
    world.now = leaves.plus_ms(-1);
    assert_eq!(world.list().status(token.serial), SerialStatus::Revoked);
    world.now = leaves;
    world.seconds_pass(3);
    assert_eq!(world.list().delta().changes().len(), 0);
}

#[test]
fn a_list_is_made_anew_after_a_change_and_when_it_is_old_and_not_before() {
    let mut world = World::new();
    let serial = world.token().serial;
    let first = world.list().number();
    assert_eq!(first, Number { epoch: 1, n: 1 });
    // B/30 = 2 s.
    world.now = world.now.plus_ms(1_999);
    assert_eq!(world.list().number(), first);
    world.now = world.now.plus_ms(1);
    assert_eq!(world.list().number().n, 2);
    assert_eq!(world.list().number().n, 2);
    world.revoke(serial);
    assert_eq!(world.list().number().n, 3);
    // Reading changes nothing.
    world.get(serial);
    assert_eq!(world.list().number().n, 3);
    // A clock that is set back neither keeps an old list for longer nor lowers the number.
    world.now = UnixMillis(world.now.0 - 5_000);
    assert_eq!((world.list().number().n, world.list().this_update()), (4, world.now));
}

#[test]
fn a_short_bound_makes_lists_at_most_once_a_second() {
    let mut world = World::with(RegistrySettings { bound_seconds: 5, ..settings() });
    let first = world.list().number().n;
    world.now = world.now.plus_ms(999);
    assert_eq!(world.list().number().n, first);
    world.now = world.now.plus_ms(1);
    assert_eq!(world.list().number().n, first + 1);
}

#[test]
fn the_number_is_stored_before_the_list_is_given_and_never_given_again() {
    let mut world = World::new();
    for _ in 0..3 {
        let given = world.list().number().n;
        let stored = world.database.one("SELECT list_n FROM registry");
        assert_eq!(stored, Value::Integer(i64::try_from(given).unwrap()));
        world.restart(settings());
        assert_eq!(world.list().number().n, given + 1);
    }
    // A list whose number cannot be stored is not handed out.
    world.seconds_pass(3);
    world.database.fail_after(2);
    let answer = world.request(Call::List { bound_seconds: 60, asked_by: ListAskedBy::Unnamed });
    assert!(format!("{answer:?}").contains("Internal"), "{answer:?}");
}

#[test]
fn the_list_costs_what_it_names() {
    let world = World::new();
    let sql = "SELECT serial, status, version FROM token INDEXED BY token_listed \
               WHERE listed_n > ? AND listed_n > 0 AND expires_at > ?";
    let plan = world.database.plan(sql);
    assert!(plan.contains("COVERING INDEX token_listed (listed_n>?"), "{plan}");
}
