//! Distribution: KV names the token that a family hands out, whatever happens to the family.

use crate::world::{World, as_usual, how, new_token, settings};
use std::collections::BTreeMap;
use wayleave::control::registry::KvWrite;
use wayleave::control::registry::command::{
    Answer, Call, Command, Fault, Lifetime, NewToken, RevokeOld, TokenEdit, TokenState, TokenView,
};
use wayleave::formats::distribution;
use wayleave::formats::family::FamilyId;
use wayleave::formats::key::KeyId;
use wayleave::formats::token::{Claims, Serial};
use wayleave::limits::NOTHING_KV_SECONDS;

/// The values in KV under `family/…`.
type Kv = BTreeMap<String, Vec<u8>>;

fn distributed(label: &str) -> NewToken {
    let mut new = new_token(label);
    new.settings.distribute = Some(true);
    new
}

fn distribute(on: bool) -> TokenEdit {
    TokenEdit { distribute: Some(on), ..TokenEdit::default() }
}

fn family_id(family: &str) -> FamilyId {
    FamilyId::parse(family, &settings().check_keys.family).unwrap()
}

/// The token that KV names, and the key that sealed the value.
fn named(kv: &Kv, family: &str) -> Option<(Claims, KeyId)> {
    let family = family_id(family);
    distribution::open(&settings().ring, &family, kv.get(&distribution::kv_name(&family))?)
}

fn serial_in(kv: &Kv, family: &str) -> Option<Serial> {
    named(kv, family).map(|(claims, _)| claims.serial)
}

impl World {
    /// The due writes of families; KV accepts all of them.
    fn families_written(&mut self, kv: &mut Kv) -> Vec<KvWrite> {
        let mut written = Vec::new();
        loop {
            let due = self.registry.due(self.now, 50);
            if due.is_empty() {
                return written;
            }
            for write in due {
                self.registry.written(write.id, self.now);
                if write.key.starts_with("family/") {
                    kv.insert(write.key.clone(), write.value.clone());
                    written.push(write);
                }
            }
        }
    }

    fn given_out(&mut self, family: &str) -> Option<Claims> {
        match self.request(Call::CurrentToken { family: family.to_owned() }) {
            Answer::CurrentToken(claims) => claims,
            other => panic!("{other:?}"),
        }
    }

    fn family_token(&mut self, family: &str) -> Answer {
        self.ask(Command::GetFamilyToken(family.to_owned()))
    }
}

#[test]
fn kv_names_a_distributed_token_until_after_its_end_and_no_other() {
    let (mut world, mut kv) = (World::new(), Kv::new());
    let (view, _) = world.create(distributed("a"));
    let (plain, _) = world.create(new_token("b"));
    let written = world.families_written(&mut kv);
    assert_eq!(written.len(), 1);
    assert!(written[0].expiration.unwrap() > view.expires_at);
    let claims = Claims { key_id: view.key_id, serial: view.serial, expires_at: view.expires_at };
    assert_eq!(named(&kv, &view.family), Some((claims, KeyId(1))));
    assert_eq!((world.given_out(&view.family), world.given_out(&plain.family)), (Some(claims), None));
    assert_eq!(world.given_out("fam_of_nobody"), None);
}

#[test]
fn what_does_not_change_the_current_token_writes_nothing() {
    let (mut world, mut kv) = (World::new(), Kv::new());
    let (view, _) = world.create(distributed("a"));
    world.families_written(&mut kv);
    world.edit(view.serial, TokenEdit { label: Some("renamed".into()), ..TokenEdit::default() });
    world.edit(view.serial, distribute(true));
    world.used(view.serial);
    world.given_out(&view.family);
    assert_eq!(world.families_written(&mut kv), []);
}

#[test]
fn a_rotation_names_the_successor_and_what_undoes_it_the_predecessor() {
    let (mut world, mut kv) = (World::new(), Kv::new());
    let (old, _) = world.create(distributed("a"));
    let family = old.family.clone();
    let new = world.rotate(old.serial, as_usual()).token;
    world.families_written(&mut kv);
    assert_eq!(serial_in(&kv, &family), Some(new.serial));

    world.ask(Command::DisableToken(new.serial));
    world.families_written(&mut kv);
    assert_eq!(serial_in(&kv, &family), Some(old.serial));

    world.ask(Command::EnableToken(new.serial));
    world.families_written(&mut kv);
    assert_eq!(serial_in(&kv, &family), Some(new.serial));

    world.revoke(new.serial);
    world.families_written(&mut kv);
    assert_eq!(serial_in(&kv, &family), Some(old.serial));
}

#[test]
fn nothing_to_give_out_writes_nothing_over_the_name() {
    type Undo = fn(&mut World, &TokenView);
    let ways: [Undo; 4] = [
        |world, view| drop(world.revoke(view.serial)),
        |world, view| drop(world.ask(Command::DisableToken(view.serial))),
        |world, view| drop(world.edit(view.serial, distribute(false))),
        |world, view| {
            let stop =
                Command::RevokeFamily { family: view.family.clone(), reason: None, include_protected: false };
            drop(world.ask(stop));
        },
    ];
    for way in ways {
        let (mut world, mut kv) = (World::new(), Kv::new());
        let (view, _) = world.create(distributed("a"));
        world.families_written(&mut kv);
        way(&mut world, &view);
        let written = world.families_written(&mut kv);
        assert_eq!(written.iter().map(|write| write.value.len()).collect::<Vec<_>>(), [0]);
        assert!(written[0].expiration.unwrap() >= world.now.floor_seconds().plus_seconds(NOTHING_KV_SECONDS));
        assert_eq!((serial_in(&kv, &view.family), world.given_out(&view.family)), (None, None));
    }
}

#[test]
fn switching_it_on_again_names_it_again() {
    let (mut world, mut kv) = (World::new(), Kv::new());
    let (view, _) = world.create(new_token("a"));
    for on in [true, false, true] {
        world.edit(view.serial, distribute(on));
        world.families_written(&mut kv);
        assert_eq!(serial_in(&kv, &view.family), on.then_some(view.serial));
    }
}

#[test]
fn a_write_that_a_newer_one_overtook_does_not_take_it_away() {
    let (mut world, mut kv) = (World::new(), Kv::new());
    let (old, _) = world.create(distributed("a"));
    let due = world.registry.due(world.now, 50);
    let first = due.iter().find(|write| write.key.starts_with("family/")).unwrap();
    let new = world.rotate(old.serial, how(RevokeOld::Now)).token;
    // Confirmed only now. The other write failed meanwhile and is retried.
    world.registry.written(first.id, world.now);
    assert_eq!(world.families_written(&mut kv).len(), 1);
    assert_eq!(serial_in(&kv, &old.family), Some(new.serial));
}

#[test]
fn an_end_by_the_clock_alone_is_the_registry_s_to_say() {
    let (mut world, mut kv) = (World::new(), Kv::new());
    let short = NewToken { lifetime: Some(Lifetime::ExpiresIn(60)), ..distributed("a") };
    let (view, _) = world.create(short);
    world.families_written(&mut kv);
    world.seconds_pass(61);
    assert_eq!(world.given_out(&view.family), None);
    assert_eq!(world.families_written(&mut kv), []);
}

#[test]
fn a_retired_key_s_name_gets_a_new_seal_and_its_token_is_given_out_no_more() {
    let (mut world, mut kv) = (World::new(), Kv::new());
    let (old, _) = world.create(distributed("of the first key"));
    world.families_written(&mut kv);
    world.activate(KeyId(2));
    let (new, _) = world.create(distributed("of the second key"));
    world.activate(KeyId(1));
    // Sealed by the first key, although the token is signed with the second.
    world.edit(new.serial, distribute(false));
    world.edit(new.serial, distribute(true));
    world.families_written(&mut kv);
    assert_eq!(named(&kv, &new.family).unwrap().1, KeyId(1));
    world.activate(KeyId(2));
    world.retire(KeyId(1));
    world.families_written(&mut kv);
    assert_eq!(named(&kv, &new.family).unwrap().1, KeyId(2));
    assert_eq!(world.given_out(&new.family).unwrap().serial, new.serial);
    assert_eq!(world.given_out(&old.family), None);
}

#[test]
fn a_job_gets_the_current_token_whether_pages_do_or_not_and_leaves_no_trace() {
    let mut world = World::new();
    let (old, text) = world.create(new_token("a"));
    let events = world.events().len();
    match world.family_token(&old.family) {
        Answer::FamilyToken { token, text: given } => {
            assert_eq!((token.serial, given), (old.serial, text));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.events().len(), events);
    let made = world.rotate(old.serial, as_usual());
    match world.family_token(&old.family) {
        Answer::FamilyToken { token, text } => {
            assert_eq!((token.serial, text), (made.token.serial, made.text));
        }
        other => panic!("{other:?}"),
    }
    world.revoke(made.token.serial);
    world.revoke(old.serial);
    assert_eq!(world.family_token(&old.family), Answer::Refused(Fault::NoCurrentToken));
    assert_eq!(world.family_token("fam_of_nobody"), Answer::Refused(Fault::NotFound));
}

/// Random commands on a few families. After each one, KV (which accepts everything) names what the registry
/// hands out.
#[test]
fn whatever_is_done_kv_names_what_is_given_out() {
    let seed = std::env::var("WAYLEAVE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("WAYLEAVE_SEED={seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    for _ in 0..30 {
        let (mut world, mut kv) = (World::new(), Kv::new());
        let families: Vec<String> = (0..3)
            .map(|n| world.create(if n == 0 { new_token("a") } else { distributed("a") }).0.family)
            .collect();
        for _ in 0..40 {
            let family = &families[chance.usize(..families.len())];
            let tokens = world.family(family).tokens;
            let serial = tokens[chance.usize(..tokens.len())].serial;
            let revoke_old = match chance.u8(..3) {
                0 => RevokeOld::Now,
                1 => RevokeOld::Never,
                _ => RevokeOld::FirstUse { drain_seconds: 3_600, deadline_seconds: None, strict: false },
            };
            let command = match chance.u8(..10) {
                0..=2 => Command::RotateFamily { family: family.clone(), rotate: Box::new(how(revoke_old)) },
                3 => Command::RevokeToken { serial, reason: None, force: chance.bool() },
                4 => Command::DisableToken(serial),
                5 => Command::EnableToken(serial),
                6 => Command::EditToken { serial, if_match: None, edit: distribute(chance.bool()) },
                7 => Command::EditFamily { family: family.clone(), edit: distribute(chance.bool()) },
                _ => {
                    if tokens.iter().any(|token| token.serial == serial && token.state == TokenState::Active)
                    {
                        world.used(serial);
                    }
                    world.seconds_pass(chance.i64(0..200_000));
                    Command::GetFamily(family.clone())
                }
            };
            world.ask(command);
            world.families_written(&mut kv);
            for family in &families {
                let given = world.given_out(family).map(|claims| claims.serial);
                assert_eq!(serial_in(&kv, family), given, "WAYLEAVE_SEED={seed}");
            }
        }
    }
}

#[test]
fn a_retired_key_of_the_named_token_makes_kv_name_the_one_that_works() {
    let mut world = World::new();
    let mut kv = Kv::new();
    let old = world.create(distributed("a")).0;
    world.activate(KeyId(2));
    let new = world.rotate(old.serial, as_usual()).token;
    world.families_written(&mut kv);
    assert_eq!(serial_in(&kv, &old.family), Some(new.serial));
    world.activate(KeyId(1));
    world.retire(KeyId(2));
    world.families_written(&mut kv);
    assert_eq!(serial_in(&kv, &old.family), Some(old.serial));
}
