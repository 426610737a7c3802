//! What a registry built wrong makes of its lists; only under a mutation.

use crate::control::Instance;
use crate::mutation::Mutation;
use crate::world::World;
use data_encoding::BASE64;
use std::cell::RefCell;
use std::collections::BTreeMap;
use wayleave::key::{KeyId, sha256};
use wayleave::list::{Base, Change, Delta, DeltaHead, KV_NAME, Number, OpenedBase, base_kv_name, seal_base};
use wayleave::registry::KvWrite;
use wayleave::registry::command::{Answer, Request};
use wayleave::registry::database::Database;

#[derive(Default)]
pub struct Altered {
    /// The delta whose content is handed out again and again, and since when.
    restamped: RefCell<Option<(i64, Delta)>>,
    /// The true number of a base, by the one it is handed out under.
    bases: RefCell<BTreeMap<Number, Number>>,
}

impl Altered {
    /// The request as the registry must hear it.
    pub fn request(&self, request: Request) -> Request {
        match request {
            Request::Base { number } => {
                Request::Base { number: self.bases.borrow().get(&number).copied().unwrap_or(number) }
            }
            other => other,
        }
    }
}

impl Instance {
    /// `asked`: the base that was asked for, by its true number.
    pub fn altered_answer(&self, world: &World, asked: Option<Number>, answer: Answer) -> Answer {
        let text =
            |bytes: Option<Vec<u8>>, sealed: String| bytes.map_or(sealed, |bytes| BASE64.encode(&bytes));
        let bytes = |sealed: &str| BASE64.decode(sealed.as_bytes()).unwrap();
        match (world.mutation(), asked, answer) {
            (Some(_), _, Answer::List { sealed, now }) => {
                let sealed = text(self.altered_delta(world, &bytes(&sealed)), sealed);
                Answer::List { sealed, now }
            }
            (Some(_), Some(number), Answer::Base { sealed: Some(sealed) }) => Answer::Base {
                sealed: Some(text(altered_base_value(world, number, &bytes(&sealed)), sealed)),
            },
            (Some(Mutation::RecordsForgotten), _, Answer::Record { .. }) if world.chance.percent(20) => {
                Answer::Record { sealed: None }
            }
            (_, _, answer) => answer,
        }
    }

    /// What a mutated retention takes before a call is answered.
    pub fn sweep(&self, world: &World) {
        if world.mutation() == Some(Mutation::RetentionFromRevocation) {
            let revoked = "DELETE FROM token WHERE status = 'revoked'";
            self.database.query(revoked, &[]).unwrap();
        }
    }

    pub fn altered_write(&self, world: &World, write: KvWrite) -> KvWrite {
        if world.mutation().is_none() {
            return write;
        }
        if write.key == KV_NAME {
            let value = self.altered_delta(world, &write.value).unwrap_or_else(|| write.value.clone());
            return KvWrite { value, ..write };
        }
        let number = write.key.strip_prefix("list/base/").and_then(|number| number.split_once('.'));
        let Some((epoch, n)) = number else { return write };
        let number = Number { epoch: epoch.parse().unwrap(), n: n.parse().unwrap() };
        let value = altered_base_value(world, number, &write.value).unwrap_or_else(|| write.value.clone());
        KvWrite { key: base_kv_name(number_as_handed_out(world, number)), value, ..write }
    }

    fn altered_delta(&self, world: &World, sealed: &[u8]) -> Option<Vec<u8>> {
        let opened = Delta::open(&world.ring, sealed).unwrap();
        let delta = match world.mutation()? {
            Mutation::Restamped => self.restamped(world, opened.delta),
            Mutation::LeavesListEarly => leaves_early(world, &opened.delta),
            Mutation::RetiredKeysForgotten => {
                Delta::new(opened.delta.head, opened.delta.changes().iter().copied(), [])
            }
            Mutation::OverlapForgotten => self.newest_base_alone(world, opened.delta),
            Mutation::VersionsNotFolded | Mutation::EpochNotRaised => {
                self.over_altered_base(world, opened.delta)
            }
            _ => return None,
        };
        delta.seal(&world.ring, opened.sealed_by)
    }

    fn restamped(&self, world: &World, fresh: Delta) -> Delta {
        let now = world.engine.now();
        let mut kept = self.altered.restamped.borrow_mut();
        let (_, delta) = match kept.take().filter(|(made, _)| now - made < 60_000) {
            Some((made, mut old)) => {
                let DeltaHead { base, base_sha256, since, since_sha256, .. } = old.head;
                old.head = DeltaHead { base, base_sha256, since, since_sha256, ..fresh.head };
                kept.insert((made, old))
            }
            None => kept.insert((now, fresh)),
        };
        delta.clone()
    }

    /// Says that it completes the base before the newest, yet names only what changed since the newest.
    fn newest_base_alone(&self, world: &World, delta: Delta) -> Delta {
        let Some(opened) = self.base(world, delta.head.base) else { return delta };
        let is_new = |change: &&Change| {
            let serial = change.serial;
            opened.base.status(serial) != change.status
                || opened.base.record_version(serial) != change.version
        };
        let changes: Vec<Change> = delta.changes().iter().filter(is_new).copied().collect();
        Delta::new(delta.head, changes, delta.retired().iter().copied())
    }

    fn over_altered_base(&self, world: &World, mut delta: Delta) -> Delta {
        let newest = delta.head.base;
        let since = Number { n: delta.head.since, ..newest };
        delta.head.base = number_as_handed_out(world, newest);
        delta.head.number = number_as_handed_out(world, delta.head.number);
        self.altered.bases.borrow_mut().insert(delta.head.base, newest);
        let altered = |number, unaltered| {
            let base = self.base(world, number).and_then(|opened| altered_base(world, opened.base));
            base.and_then(|base| base.body()).map_or(unaltered, |body| sha256(&body))
        };
        delta.head.base_sha256 = altered(newest, delta.head.base_sha256);
        delta.head.since_sha256 = altered(since, delta.head.since_sha256);
        delta
    }

    /// The stored base; none when it is the empty one.
    fn base(&self, world: &World, number: Number) -> Option<OpenedBase> {
        let entropy = &mut |_: &mut [u8]| {};
        let answer = self.registry.borrow_mut().handle(Request::Base { number }, self.now(world), entropy);
        let Answer::Base { sealed: Some(sealed) } = answer else { return None };
        OpenedBase::open(&world.ring, number, &BASE64.decode(sealed.as_bytes()).unwrap()).ok()
    }
}

/// Serials whose tokens end within 45 s are named no longer.
fn leaves_early(world: &World, delta: &Delta) -> Delta {
    let truth = world.truth.borrow();
    let stays = |change: &&Change| {
        truth.expires_at(change.serial).is_none_or(|at| at - 45_000 >= delta.head.this_update.0)
    };
    let changes: Vec<Change> = delta.changes().iter().filter(stays).copied().collect();
    Delta::new(delta.head, changes, delta.retired().iter().copied())
}

fn altered_base_value(world: &World, number: Number, sealed: &[u8]) -> Option<Vec<u8>> {
    let opened = OpenedBase::open(&world.ring, number, sealed).ok()?;
    let base = altered_base(world, opened.base)?;
    seal_base(&world.ring, KeyId(sealed[1]), base.number(), &base.body()?)
}

fn altered_base(world: &World, base: Base) -> Option<Base> {
    let number = number_as_handed_out(world, base.number());
    let unversioned: Vec<Change> = match world.mutation()? {
        Mutation::VersionsNotFolded => {
            base.serials().map(|serial| Change { serial, status: base.status(serial), version: 1 }).collect()
        }
        Mutation::EpochNotRaised => Vec::new(),
        _ => return None,
    };
    Some(base.fold(unversioned, [], number))
}

fn number_as_handed_out(world: &World, number: Number) -> Number {
    match world.mutation() {
        Some(Mutation::EpochNotRaised) => Number { epoch: 1, ..number },
        _ => number,
    }
}
