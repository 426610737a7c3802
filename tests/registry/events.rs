//! `GET /events`: by actor, action and time, in bounded steps.

use crate::world::World;
use wayleave::control::registry::command::{Answer, Command, EventFilter};
use wayleave::formats::admin_key::Role;
use wayleave::limits::EVENTS_SEARCHED_MAX;

#[test]
fn events_are_found_by_actor_action_and_time_and_name_their_tokens() {
    let mut world = World::new();
    let owner = world.key.clone();
    let (first, second) = (world.token(), world.token());
    world.seconds_pass(60);
    let revoked_at = world.now.floor_seconds();
    world.revoke(first.serial);
    world.seconds_pass(60);
    world.admin_key(Role::Operator);
    let all = world.events();
    let found = |world: &mut World, filter: EventFilter| -> Vec<i64> {
        let expected = all.iter().filter(|event| {
            filter.actor.as_ref().is_none_or(|actor| *actor == event.actor)
                && filter.action.as_ref().is_none_or(|action| *action == event.action)
                && filter.from.is_none_or(|from| event.at >= from.to_millis())
                && filter.to.is_none_or(|to| event.at < to.to_millis())
        });
        let mut expected: Vec<_> = expected.map(|event| event.id).collect();
        expected.reverse();
        let Answer::Events { items, next } =
            world.ask(Command::ListEvents(EventFilter { limit: 50, ..filter }))
        else {
            panic!("no events");
        };
        let ids: Vec<_> = items.iter().map(|event| event.id).collect();
        assert_eq!((&ids, next), (&expected, None));
        ids
    };
    let none = EventFilter::default;
    let by = |actor: &str| EventFilter { actor: Some(actor.to_owned()), ..none() };
    let of = |action: &str| EventFilter { action: Some(action.to_owned()), ..none() };
    let actor = all.last().unwrap().actor.clone();
    assert!(!found(&mut world, by(&actor)).is_empty());
    assert!(found(&mut world, by("key_")).is_empty(), "not a part of a name");
    assert_eq!(found(&mut world, of("token.created")).len(), 2);
    assert_eq!(found(&mut world, of("token.revoked")).len(), 1);
    let from = EventFilter { from: Some(revoked_at), ..none() };
    assert!(found(&mut world, from.clone()).len() < all.len());
    let during = EventFilter { to: Some(revoked_at.plus_seconds(30)), ..from };
    assert_eq!(found(&mut world, during).len(), 1);
    world.call_as(&owner);
    let labels: Vec<_> = world.events().into_iter().filter_map(|event| event.label).collect();
    let [first, second] = [first, second].map(|token| token.policy.label);
    assert_eq!(labels, [first.clone(), second, first]);
}

/// A filter without an index reads so many events, and says where to read on.
#[test]
fn a_rare_event_is_searched_for_in_bounded_steps() {
    let mut world = World::new();
    world.token();
    let count = EVENTS_SEARCHED_MAX * 2;
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         INSERT INTO event (at, actor, action, serial) \
         SELECT 1, 'system', 'token.first_used', 1 FROM n RETURNING id"
    );
    world.database.one(&sql);
    let mut filter =
        EventFilter { action: Some("token.created".to_owned()), limit: 50, ..EventFilter::default() };
    let mut pages = Vec::new();
    loop {
        let Answer::Events { items, next } = world.ask(Command::ListEvents(filter.clone())) else {
            panic!("no events");
        };
        pages.push(items.len());
        if next.is_none() {
            break;
        }
        filter.below = next;
    }
    assert_eq!(pages, [0, 0, 1]);
}
