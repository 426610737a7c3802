//! How a registry with a deliberate error alters its lists and answers. Used under a mutation only.

use crate::control::Instance;
use crate::mutation::Mutation;
use crate::world::World;
use base64::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use wayleave::base::database::Database;
use wayleave::control::registry::KvWrite;
use wayleave::control::registry::command::{Answer, Call};
use wayleave::formats::key::{KeyId, sha256};
use wayleave::formats::list::{
    Base, Change, Delta, DeltaHead, KV_NAME, Number, OpenedBase, base_kv_name, seal_base,
};

#[derive(Default)]
pub(crate) struct Altered {
    /// The delta whose content is handed out again and again, and since when.
    restamped: RefCell<Option<(i64, Delta)>>,
    /// The last list that was pushed.
    pushed: RefCell<Option<Answer>>,
    /// The true number of each base, by the number under which it is handed out.
    bases: RefCell<BTreeMap<Number, Number>>,
}

impl Altered {
    /// Translates a request for the registry.
    pub(crate) fn request(&self, request: Call) -> Call {
        match request {
            Call::Base { number } => {
                Call::Base { number: self.bases.borrow().get(&number).copied().unwrap_or(number) }
            }
            other => other,
        }
    }
}

impl Instance {
    /// `asked`: the true number of the base requested.
    pub(crate) fn altered_answer(&self, world: &World, asked: Option<Number>, answer: Answer) -> Answer {
        let text = |bytes: Option<Vec<u8>>, sealed: String| {
            bytes.map_or(sealed, |bytes| BASE64_STANDARD.encode(&bytes))
        };
        let bytes = |sealed: &str| BASE64_STANDARD.decode(sealed).unwrap();
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

    /// Alters the answer to a call that waited.
    pub(crate) fn altered_push(&self, world: &World, answer: Answer) -> Answer {
        let Answer::Pushed { sealed, now, held_ms, again_in_ms } = answer else { return answer };
        let bytes = BASE64_STANDARD.decode(&sealed).unwrap();
        let altered = world.mutation().and_then(|_| self.altered_delta(world, &bytes));
        let sealed = altered.map_or(sealed, |bytes| BASE64_STANDARD.encode(bytes));
        let answer = Answer::Pushed { sealed, now, held_ms, again_in_ms };
        match world.mutation() {
            // Always the list before.
            Some(Mutation::OlderListPushed) => {
                self.altered.pushed.replace(Some(answer.clone())).unwrap_or(answer)
            }
            _ => answer,
        }
    }

    /// Deletes what a mutated retention deletes before a call is answered.
    pub(crate) fn sweep(&self, world: &World) {
        if world.mutation() == Some(Mutation::RetentionFromRevocation) {
            let revoked = "DELETE FROM token WHERE status = 'revoked'";
            self.database.query(revoked, &[]).unwrap();
        }
    }

    pub(crate) fn altered_write(&self, world: &World, write: KvWrite) -> KvWrite {
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

    /// Makes a delta claim to complete the base before the newest, while it names only what changed since the
    /// newest.
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

    /// The stored base; `None` for the empty one.
    fn base(&self, world: &World, number: Number) -> Option<OpenedBase> {
        let entropy = &mut |_: &mut [u8]| {};
        let answer = self.registry.borrow_mut().handle(Call::Base { number }, self.now(world), entropy);
        let Answer::Base { sealed: Some(sealed) } = answer else { return None };
        OpenedBase::open(&world.ring, number, &BASE64_STANDARD.decode(sealed).unwrap()).ok()
    }
}

/// Drops serials whose tokens end within 45 s.
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
