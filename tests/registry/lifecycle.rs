//! Revoking, disabling and enabling tokens, and their receipts.

use crate::world::{START, World, all, new_token, settings};
use wayleave::base::time::UnixSeconds;
use wayleave::control::registry::RegistrySettings;
use wayleave::control::registry::command::{
    Answer, Bulk, Command, Fault, Lifetime, NewToken, Receipt, TokenEdit, TokenState,
};
use wayleave::formats::token::Serial;

fn revoke(serial: Serial, force: bool) -> Command {
    Command::RevokeToken { serial, reason: None, force }
}

fn protected(world: &mut World) -> Serial {
    let mut new = new_token("protected");
    new.settings.protected = Some(true);
    world.create(new).0.serial
}

#[test]
fn a_receipt_promises_the_bound_rounded_up_and_the_skew() {
    let mut world = World::new();
    let serial = world.token().serial;
    let list = world.list().number();
    let command = Command::RevokeToken { serial, reason: Some("leaked in a gist".into()), force: true };
    let receipt = world.receipt(command);
    let expected = Receipt {
        serial,
        state: TokenState::Revoked,
        reason: Some("operator: leaked in a gist".into()),
        revoked_at: Some(START),
        // 02:00:00.250 + 60 s, rounded up to 02:01:01, plus 2 s of skew.
        effective_by: UnixSeconds(START.0 / 1000 + 1 + 60 + 2),
        bound_seconds: 60,
        guaranteed: true,
        list_number: (list.epoch, list.n + 1),
    };
    assert_eq!(receipt, expected);
    let token = world.get(serial);
    assert_eq!(token.state, TokenState::Revoked);
    assert_eq!(token.revoked_at, Some(START));
    assert_eq!(token.revoked_reason, expected.reason);
    assert_eq!(token.effective_by, Some(expected.effective_by));
    let named = world.list();
    assert_eq!((named.number().epoch, named.number().n), expected.list_number);
    assert_eq!(named.status(serial), wayleave::formats::list::SerialStatus::Revoked);
}

#[test]
fn what_a_filter_revokes_keeps_that_for_a_reason() {
    let mut world = World::new();
    let serial = world.token().serial;
    let bulk = Box::new(Bulk { filter: all(), dry_run: false, expect: None });
    let reason = Some("the plan was closed".to_owned());
    let command = Command::RevokeTokens { bulk, reason, owner_removed: false, include_protected: false };
    let Answer::RevokedInBulk(step) = world.ask(command) else { panic!("not revoked") };
    let kept = Some("bulk: the plan was closed".to_owned());
    assert_eq!((step.done.len(), &step.done[0].reason), (1, &kept));
    assert_eq!(world.get(serial).revoked_reason, kept);
}

#[test]
fn revoking_again_gives_the_same_receipt_for_ever() {
    let mut world = World::new();
    let serial = world.token().serial;
    let receipt = world.revoke(serial);
    let before = world.database.dump();
    for seconds in [1, 59, 400 * 86_400] {
        world.seconds_pass(seconds);
        let again = Command::RevokeToken { serial, reason: Some("other".into()), force: false };
        assert_eq!(world.receipt(again), receipt);
    }
    world.restart(RegistrySettings { bound_seconds: 300, ..settings() });
    assert_eq!(world.receipt(revoke(serial, true)), receipt);
    let last_used = |dump: String| dump.split_once("event:").unwrap().1.to_owned();
    assert_eq!(last_used(world.database.dump()), last_used(before), "nothing but last_used_at");
}

#[test]
fn the_only_active_token_is_revoked_by_force_alone() {
    let mut world = World::new();
    let serial = world.token().serial;
    world.token();
    let before = world.database.dump();
    assert_eq!(world.fault(revoke(serial, false)), Fault::LastActiveToken);
    assert_eq!(world.database.dump(), before);
    // A disabled token does not count as active.
    world.receipt(Command::DisableToken(serial));
    assert_eq!(world.receipt(revoke(serial, false)).state, TokenState::Revoked);
}

#[test]
fn another_active_token_of_the_family_lifts_the_guard() {
    let mut world = World::new();
    let (serial, other) = (world.token().serial, world.token().serial);
    let same_family = "UPDATE token SET family = (SELECT MIN(family) FROM token) RETURNING 1";
    world.database.one(same_family);
    world.receipt(Command::DisableToken(other));
    assert_eq!(world.fault(revoke(serial, false)), Fault::LastActiveToken);
    world.receipt(Command::EnableToken(other));
    assert_eq!(world.receipt(revoke(serial, false)).state, TokenState::Revoked);
    assert_eq!(world.fault(revoke(other, false)), Fault::LastActiveToken);
}

#[test]
fn protected_tokens_are_neither_revoked_nor_disabled() {
    let mut world = World::new();
    let serial = protected(&mut world);
    assert_eq!(world.fault(revoke(serial, true)), Fault::TokenProtected);
    assert_eq!(world.fault(Command::DisableToken(serial)), Fault::TokenProtected);
    world.edit(serial, TokenEdit { protected: Some(false), ..TokenEdit::default() });
    let disabled = world.receipt(Command::DisableToken(serial));
    world.edit(serial, TokenEdit { protected: Some(true), ..TokenEdit::default() });
    assert_eq!(world.receipt(Command::DisableToken(serial)), disabled, "it already is");
    assert_eq!(world.receipt(Command::EnableToken(serial)).state, TokenState::Active);
}

#[test]
fn disabling_is_undone_by_enabling_and_both_are_idempotent() {
    let mut world = World::new();
    let serial = world.token().serial;
    let disabled = world.receipt(Command::DisableToken(serial));
    assert_eq!((disabled.state, disabled.revoked_at), (TokenState::Disabled, None));
    let token = world.get(serial);
    assert_eq!((token.state, token.effective_by), (TokenState::Disabled, Some(disabled.effective_by)));
    world.seconds_pass(5);
    assert_eq!(world.receipt(Command::DisableToken(serial)), disabled);
    let enabled = world.receipt(Command::EnableToken(serial));
    assert_eq!(enabled.state, TokenState::Active);
    assert_eq!(enabled.effective_by, disabled.effective_by.plus_seconds(5));
    world.seconds_pass(5);
    assert_eq!(world.receipt(Command::EnableToken(serial)), enabled);
    let token = world.get(serial);
    assert_eq!((token.state, token.effective_by), (TokenState::Active, None));
    assert_eq!(world.actions()[1..], ["token.created", "token.disabled", "token.enabled"]);
}

#[test]
fn enabling_what_was_never_disabled_changes_nothing() {
    let mut world = World::new();
    let serial = world.token().serial;
    let before = world.database.dump();
    assert_eq!(world.receipt(Command::EnableToken(serial)).state, TokenState::Active);
    assert_eq!(world.database.dump(), before);
}

#[test]
fn what_has_ended_is_not_changed_any_more() {
    let mut world = World::new();
    let revoked = world.token().serial;
    let ended = world.create(NewToken { lifetime: Some(Lifetime::ExpiresIn(60)), ..new_token("a") }).0;
    world.revoke(revoked);
    // To the millisecond: still active just before, ended at expires_at.
    world.now = ended.expires_at.to_millis().plus_ms(-1);
    assert_eq!(world.get(ended.serial).state, TokenState::Active);
    world.now = ended.expires_at.to_millis();
    assert_eq!(world.get(ended.serial).state, TokenState::Expired);
    for serial in [revoked, ended.serial] {
        assert_eq!(world.fault(Command::DisableToken(serial)), Fault::TokenEnded);
        assert_eq!(world.fault(Command::EnableToken(serial)), Fault::TokenEnded);
    }
    assert_eq!(world.fault(revoke(ended.serial, true)), Fault::TokenEnded);
    for command in
        [revoke(Serial(9), true), Command::DisableToken(Serial(9)), Command::EnableToken(Serial(9))]
    {
        assert_eq!(world.fault(command), Fault::NotFound);
    }
}

#[test]
fn without_the_guarantee_a_receipt_says_so() {
    let mut world = World::with(RegistrySettings { guaranteed: false, bound_seconds: 5, ..settings() });
    let serial = world.token().serial;
    let receipt = world.revoke(serial);
    assert!(!receipt.guaranteed);
    assert_eq!((receipt.bound_seconds, receipt.effective_by), (5, UnixSeconds(START.0 / 1000 + 1 + 5 + 2)));
}

#[test]
fn a_lowered_bound_is_promised_only_once_the_lists_of_the_old_one_have_ended() {
    let with = |bound_seconds| RegistrySettings { bound_seconds, ..settings() };
    let mut world = World::with(with(300));
    let serial = world.token().serial;
    world.list();
    world.seconds_pass(10);
    world.restart(with(20));
    assert_eq!(world.receipt(Command::DisableToken(serial)).bound_seconds, 300);
    // Neither a list under the new bound nor another restart makes it forget the old one.
    world.list();
    world.restart(with(20));
    world.seconds_pass(289);
    assert_eq!(world.receipt(Command::EnableToken(serial)).bound_seconds, 300);
    world.seconds_pass(1);
    world.list();
    assert_eq!(world.receipt(Command::DisableToken(serial)).bound_seconds, 20);
}
