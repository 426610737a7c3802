//! Families as jobs see them, emergency stops, and bulk calls by filter.

use crate::world::{DAY, World, all, as_usual, edit_label, how, new_token};
use wayleave::control::registry::command::{
    Answer, Bulk, BulkChange, BulkCounts, BulkStep, Command, Fault, Receipt, RevokeOld, Rotate,
    SwitchOwnerOff, TokenEdit, TokenFilter, TokenState, TokenView,
};
use wayleave::formats::admin_key::Role;
use wayleave::formats::token::Serial;

fn owned_by(owner: &str) -> TokenFilter {
    TokenFilter { owner: Some(owner.into()), limit: 100, ..TokenFilter::default() }
}

fn matched<T>(step: &BulkStep<T>) -> Option<u64> {
    step.counts.map(|counts| counts.matched)
}

fn bulk(filter: TokenFilter) -> Bulk {
    Bulk { filter, dry_run: false, expect: None }
}

impl World {
    fn token_of(&mut self, owner: &str) -> TokenView {
        let mut new = new_token("a site");
        new.settings.owner = Some(Some(owner.into()));
        self.create(new).0
    }

    fn revoke_all(&mut self, bulk: Bulk, include_protected: bool) -> BulkStep<Receipt> {
        let command = Command::RevokeTokens {
            bulk: Box::new(bulk),
            reason: Some("leak".into()),
            owner_removed: false,
            include_protected,
        };
        match self.ask(command) {
            Answer::RevokedInBulk(step) => step,
            other => panic!("{other:?}"),
        }
    }

    /// Revokes in steps, and shows each.
    fn each_step(&mut self, filter: TokenFilter, mut show: impl FnMut(&mut Self, BulkStep<Receipt>)) {
        let mut place = filter;
        loop {
            let step = self.revoke_all(bulk(place.clone()), false);
            (place.below, place.until) = (step.next, step.until);
            show(self, step);
            if place.below.is_none() {
                return;
            }
        }
    }

    fn rotate_all(&mut self, bulk: Bulk, how: Rotate) -> BulkStep<(Serial, TokenView)> {
        match self.ask(Command::RotateTokens { bulk: Box::new(bulk), rotate: Box::new(how) }) {
            Answer::RotatedInBulk(step) => step,
            other => panic!("{other:?}"),
        }
    }

    fn change_all(&mut self, bulk: Bulk, change: BulkChange) -> BulkStep<Receipt> {
        match self.ask(Command::ChangeTokens { bulk: Box::new(bulk), change }) {
            Answer::ChangedInBulk(step) => step,
            other => panic!("{other:?}"),
        }
    }

    fn stop(&mut self, family: &str, include_protected: bool) -> Answer {
        self.ask(Command::RevokeFamily { family: family.to_owned(), reason: None, include_protected })
    }

    fn protect(&mut self, serial: Serial) {
        self.edit(serial, TokenEdit { protected: Some(true), ..TokenEdit::default() });
    }
}

fn skipped<T>(step: &BulkStep<T>) -> Vec<(u32, String)> {
    step.skipped.iter().map(|skipped| (skipped.serial.0, format!("{:?}", skipped.fault))).collect()
}

#[test]
fn an_emergency_stop_takes_the_last_active_token_too_and_names_what_it_leaves() {
    let mut world = World::new();
    let old = world.token();
    let new = world.rotate(old.serial, as_usual()).token;
    world.protect(new.serial);
    let Answer::RevokedInBulk(step) = world.stop(&old.family, false) else { panic!() };
    assert_eq!(step.done.iter().map(|receipt| receipt.serial).collect::<Vec<_>>(), [old.serial]);
    assert_eq!(step.done[0].reason.as_deref(), Some("family"));
    assert_eq!(skipped(&step), [(new.serial.0, "TokenProtected".into())]);

    let (_, operator) = world.admin_key(Role::Operator);
    let owner = std::mem::replace(&mut world.key, operator);
    assert_eq!(world.stop(&old.family, true), Answer::Refused(Fault::Forbidden), "an owner's to say");
    world.call_as(&owner);
    let Answer::RevokedInBulk(step) = world.stop(&old.family, true) else { panic!() };
    assert_eq!((step.done.len(), step.skipped.len()), (1, 0));
    assert_eq!(world.family(&old.family).current, None);
    let Answer::RevokedInBulk(again) = world.stop(&old.family, true) else { panic!() };
    assert_eq!((matched(&again), again.done.len()), (Some(0), 0), "a stop that is pressed twice has stopped");
}

#[test]
fn a_family_is_edited_as_one() {
    let mut world = World::new();
    let old = world.token();
    let new = world.rotate(old.serial, as_usual()).token;
    let edit = Command::EditFamily { family: old.family.clone(), edit: edit_label("renamed") };
    let Answer::FamilyEdited(edited) = world.ask(edit) else { panic!() };
    let labels: Vec<_> =
        edited.iter().map(|(token, _)| (token.serial, token.policy.label.as_str())).collect();
    assert_eq!(labels, [(new.serial, "renamed"), (old.serial, "renamed")]);
    assert!(edited.iter().all(|(_, receipt)| receipt.bound_seconds == 60));
    world.revoke(old.serial);
    let edit = Command::EditFamily { family: old.family, edit: edit_label("again") };
    let Answer::FamilyEdited(edited) = world.ask(edit) else { panic!() };
    assert_eq!(edited.len(), 1, "what has ended stays as it is");
}

#[test]
fn a_dry_run_counts_and_changes_nothing_and_its_count_is_a_condition() {
    let mut world = World::new();
    let (first, second) = (world.token_of("ann"), world.token_of("ann"));
    world.token_of("bob");
    world.protect(second.serial);
    let before = world.database.dump();
    let dry = world.revoke_all(Bulk { dry_run: true, ..bulk(owned_by("ann")) }, false);
    assert_eq!((matched(&dry), dry.done.len(), dry.next), (Some(2), 0, None));
    assert_eq!(skipped(&dry), [(second.serial.0, "TokenProtected".into())]);
    assert_eq!(world.database.dump(), before);
    world.token_of("ann");
    let expecting = Bulk { expect: Some(2), ..bulk(owned_by("ann")) };
    let command = Command::RevokeTokens {
        bulk: Box::new(expecting),
        reason: None,
        owner_removed: false,
        include_protected: false,
    };
    assert_eq!(world.fault(command), Fault::UnexpectedCount { matched: 3 });
    let done = world.revoke_all(Bulk { expect: Some(3), ..bulk(owned_by("ann")) }, false);
    assert_eq!(done.done.len(), 2);
    assert_eq!(world.get(first.serial).revoked_reason.as_deref(), Some("bulk: leak"));
    assert_eq!(world.get(second.serial).state, TokenState::Active);
}

/// A Durable Object takes some 50 µs for a statement: they limit how many tokens are revoked in a second.
#[test]
fn a_bulk_revocation_takes_three_statements_for_each_token() {
    let mut world = World::new();
    for _ in 0..100 {
        world.token_of("ann");
    }
    world.database.take_statements();
    let step = world.revoke_all(bulk(TokenFilter { limit: 100, ..owned_by("ann") }), false);
    assert_eq!(step.done.len(), 100);
    let statements = world.database.take_statements().len();
    assert!((300..330).contains(&statements), "{statements} statements for 100 tokens");
}

#[test]
fn a_bulk_revocation_goes_in_bounded_steps_and_meets_each_token_once() {
    let mut world = World::new();
    let serials: Vec<_> = (0..250).map(|_| world.token_of("ann").serial).collect();
    world.protect(serials[10]);
    let (mut steps, mut receipts) = (0, Vec::new());
    world.each_step(TokenFilter { limit: 100, ..owned_by("ann") }, |world, step| {
        assert!(step.done.len() <= 100);
        assert_eq!(matched(&step), (steps == 0).then_some(250), "counted once");
        receipts.extend(step.done.iter().map(|receipt| receipt.serial));
        steps += 1;
        // What is made meanwhile was not counted.
        world.token_of("ann");
    });
    let expected: Vec<_> = serials.iter().copied().filter(|serial| *serial != serials[10]).collect();
    assert_eq!((steps, receipts), (3, expected));
    let list = world.list();
    assert!(
        serials
            .iter()
            .enumerate()
            .all(|(index, serial)| (list.status(*serial) == wayleave::formats::list::SerialStatus::Revoked)
                == (index != 10))
    );
}

/// The revocation of a successor changes what a filter says of its predecessor.
#[test]
fn a_bulk_revocation_meets_what_the_filter_found_when_it_began_and_nothing_else() {
    for (has_successor, expected) in [(Some(true), &[1][..]), (Some(false), &[3]), (None, &[1, 3])] {
        let mut world = World::new();
        let old = world.token_of("ann");
        world.token_of("bob");
        world.rotate(old.serial, as_usual());
        let filter = TokenFilter { limit: 1, has_successor, ..owned_by("ann") };
        let dry = world.revoke_all(Bulk { dry_run: true, ..bulk(filter.clone()) }, false);
        let mut revoked = Vec::new();
        world.each_step(filter, |_, step| revoked.extend(step.done.iter().map(|receipt| receipt.serial.0)));
        assert_eq!(revoked, expected, "{has_successor:?}");
        assert_eq!(matched(&dry), Some(u64::try_from(expected.len()).unwrap()));
    }
}

#[test]
fn a_bulk_rotation_rotates_active_leaves_and_says_why_it_left_out_others() {
    let mut world = World::new();
    let (plain, waiting, disabled) = (world.token_of("ann"), world.token_of("ann"), world.token_of("ann"));
    let successor = world.rotate(waiting.serial, as_usual()).token;
    world.receipt(Command::DisableToken(disabled.serial));
    let dry = world.rotate_all(Bulk { dry_run: true, ..bulk(owned_by("ann")) }, as_usual());
    assert_eq!(matched(&dry), Some(2), "active, without a successor");
    assert_eq!(dry.skipped.iter().map(|skipped| skipped.serial).collect::<Vec<_>>(), [successor.serial]);
    let step = world.rotate_all(bulk(owned_by("ann")), as_usual());
    assert_eq!(step.done.len(), 1);
    let (rotated, made) = &step.done[0];
    assert_eq!((*rotated, made.predecessor), (plain.serial, Some(plain.serial)));
    assert!(matches!(*step.skipped[0].fault, Fault::SuccessorUnused { .. }));
    // The answer was lost: repeating the call creates nothing twice.
    let again = world.rotate_all(bulk(owned_by("ann")), as_usual());
    assert_eq!((again.done.len(), again.skipped.len()), (0, 2));
    // Everything that somebody had is compromised.
    let now = world.rotate_all(bulk(owned_by("ann")), how(RevokeOld::Now));
    assert_eq!(now.done.len(), 2);
    assert_eq!(world.get(plain.serial).state, TokenState::Revoked);
}

#[test]
fn filters_find_what_is_unused_and_what_has_a_successor() {
    let mut world = World::new();
    let (used, unused) = (world.token(), world.token());
    world.seconds_pass(10 * DAY);
    world.used(used.serial);
    let young = world.token();
    world.seconds_pass(DAY);
    let found = |world: &mut World, filter| world.tokens(filter).0;
    let of = |seconds| TokenFilter { unused_for_seconds: Some(seconds), ..all() };
    assert_eq!(found(&mut world, of(2 * DAY)), [unused.serial.0]);
    assert_eq!(found(&mut world, of(DAY)), [young.serial.0, unused.serial.0, used.serial.0]);
    world.rotate(unused.serial, as_usual());
    let with = |has| TokenFilter { has_successor: Some(has), ..all() };
    assert_eq!(found(&mut world, with(true)), [unused.serial.0]);
    assert_eq!(found(&mut world, with(false)), [4, young.serial.0, used.serial.0]);
}

#[test]
fn what_somebody_had_who_has_left_is_revoked_for_that_reason() {
    let mut world = World::new();
    let token = world.token_of("ann");
    let others = world.token_of("bob");
    let ann = Box::new(bulk(owned_by("ann")));
    world.ask(Command::RevokeTokens {
        bulk: ann,
        reason: None,
        owner_removed: true,
        include_protected: false,
    });
    assert_eq!(world.get(token.serial).revoked_reason.as_deref(), Some("owner_removed"));
    assert_eq!(world.get(others.serial).state, TokenState::Active);
}

#[test]
fn many_are_disabled_and_enabled_again_and_what_is_left_out_is_named() {
    let mut world = World::new();
    let (first, second, protected) = (world.token_of("ann"), world.token_of("ann"), world.token_of("ann"));
    let other = world.token_of("bob");
    world.protect(protected.serial);
    world.used(first.serial);
    let before = world.database.dump();
    let dry = world.change_all(Bulk { dry_run: true, ..bulk(owned_by("ann")) }, BulkChange::Disable);
    let counts = BulkCounts { matched: 3, protected: 1, used_lately: 1 };
    assert_eq!((dry.counts, dry.done.len()), (Some(counts), 0));
    assert_eq!(skipped(&dry), [(protected.serial.0, "TokenProtected".into())]);
    assert_eq!(world.database.dump(), before);
    let done = world.change_all(Bulk { expect: Some(3), ..bulk(owned_by("ann")) }, BulkChange::Disable);
    assert_eq!(
        done.done.iter().map(|receipt| receipt.serial).collect::<Vec<_>>(),
        [first.serial, second.serial]
    );
    let state = |world: &mut World, token: &TokenView| world.get(token.serial).state;
    assert_eq!(state(&mut world, &first), TokenState::Disabled);
    assert_eq!(
        (state(&mut world, &protected), state(&mut world, &other)),
        (TokenState::Active, TokenState::Active)
    );
    let again = world.change_all(bulk(owned_by("ann")), BulkChange::Disable);
    assert_eq!((matched(&again), again.done.len()), (Some(1), 0), "only what is active is found");
    let enabled = world.change_all(bulk(owned_by("ann")), BulkChange::Enable);
    assert_eq!((matched(&enabled), enabled.done.len()), (Some(2), 2));
    assert_eq!(state(&mut world, &second), TokenState::Active);
}

#[test]
fn many_get_another_owner_by_their_ids_and_by_a_filter() {
    let mut world = World::new();
    let tokens = [world.token_of("ann"), world.token_of("ann"), world.token_of("ann")];
    world.revoke(tokens[2].serial);
    let ids = TokenFilter {
        serials: Some(vec![tokens[0].serial, tokens[2].serial, Serial(99)]),
        limit: 100,
        ..TokenFilter::default()
    };
    let to = |owner: &str| BulkChange::Owner(Some(owner.into()));
    let step = world.change_all(bulk(ids.clone()), to("bob"));
    assert_eq!((matched(&step), step.done.len()), (Some(1), 1), "what has ended stays as it is");
    assert_eq!(world.get(tokens[0].serial).policy.owner.as_deref(), Some("bob"));
    assert_eq!(world.get(tokens[2].serial).policy.owner.as_deref(), Some("ann"));
    let version = world.get(tokens[0].serial).version;
    world.change_all(bulk(ids), to("bob"));
    assert_eq!(world.get(tokens[0].serial).version, version, "said twice, done once");
    world.change_all(bulk(owned_by("ann")), BulkChange::Owner(None));
    assert_eq!(world.get(tokens[1].serial).policy.owner, None);
    assert_eq!(world.tokens(owned_by("bob")).0, [1]);
}

/// The owner of a licence that has ended, or who was switched off, gets no token.
#[test]
fn tokens_that_may_not_change_their_owner_are_named_and_stay() {
    let mut world = World::new();
    let token = world.token_of("ann");
    let off = SwitchOwnerOff { owner: "bob".into(), reason: None, include_protected: false };
    assert!(matches!(world.ask(Command::SwitchOwnerOff(off)), Answer::OwnerOff(_)));
    for dry_run in [true, false] {
        let step = world
            .change_all(Bulk { dry_run, ..bulk(owned_by("ann")) }, BulkChange::Owner(Some("Bob".into())));
        assert_eq!(skipped(&step), [(token.serial.0, "Conflict(OwnerSwitchedOff)".into())]);
    }
    assert_eq!(world.get(token.serial), token);
}
