//! Old and new code side by side: isolates of an earlier release besides new ones, even in one location, and
//! a registry that is a release behind or ahead of them.
//!
//! An earlier release is this code without later additions. A later release is this code that also reads
//! [`LATER`], which is today's body under a later format number; its registry may write that. Formats are
//! read one release before they are written, so an earlier release usually reads [`LATER`]. One that does
//! not is two releases behind, or was rolled back too far, and must treat the registry's values as absent.
//! It does not read format 2 either: of the list, which says that quotas are used up, and of records with a
//! scope or claims. It must refuse those tokens.

use crate::edge::Isolate;
use crate::mutation::Mutation;
use crate::world::World;
use base64::prelude::*;
use std::borrow::Cow;
use std::rc::Rc;
use wayleave::control::registry::command::{Answer, Call};
use wayleave::formats::list::{
    Change, Delta, KV_NAME, ListFault, OpenedBase, OpenedDelta, SerialStatus, base_kv_name,
};
use wayleave::formats::record;
use wayleave::formats::record::{Record, VersionedRecord};
use wayleave::formats::scope::Scope;
use wayleave::formats::seal;
use wayleave::formats::seal::Purpose;
use wayleave::formats::token::Serial;

/// The format that every release reads.
const FIRST: u8 = 1;
/// What is added to a format for a later one of the same body, unknown to this release's code.
pub(crate) const LATER: u8 = 64;

/// What an isolate's code supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    pub reports: Reports,
    /// Requests bases from the registry that KV does not have.
    pub asks_for_bases: bool,
    /// Uses the location's cache.
    pub has_cache: bool,
    /// Reads [`LATER`].
    reads_later: bool,
    /// Keeps a call open at the registry.
    pub subscribes: bool,
}

/// What it reports to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reports {
    Nothing,
    /// The list held, but neither its keys nor the retired ones.
    ListAlone,
    Everything,
}

pub(crate) const NEWEST: Release = Release {
    reports: Reports::Everything,
    asks_for_bases: true,
    has_cache: true,
    reads_later: true,
    subscribes: true,
};

/// The values that the registry writes in [`LATER`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WrittenLater {
    delta: bool,
    base: bool,
    record: bool,
}

impl World {
    /// A rolling deployment: each isolate changes at a time of its own, at both ends; some never run the
    /// earlier release.
    pub(crate) fn run_earlier_locations(self: &Rc<Self>, first: usize, for_ms: i64) {
        let release = Release {
            reports: self.chance.one_of(&[Reports::Nothing, Reports::ListAlone, Reports::Everything]),
            asks_for_bases: self.chance.percent(60),
            has_cache: self.chance.percent(50),
            reads_later: self.chance.percent(50),
            subscribes: false,
        };
        let share = self.chance.one_of(&[50, 100]);
        self.log(|| format!("{release:?} for {share} % of some locations"));
        for (location, isolates) in self.shape.isolates.iter().enumerate() {
            if location == first || self.chance.percent(30) {
                (0..*isolates)
                    .filter(|_| self.chance.percent(share))
                    .for_each(|at| self.run_earlier_at(location, at, release, for_ms));
            }
        }
        if self.chance.percent(60) {
            self.write_later(for_ms);
        }
    }

    fn run_earlier_at(self: &Rc<Self>, location: usize, at: usize, release: Release, for_ms: i64) {
        let rolls_ms = || self.chance.within(0..=(for_ms / 4).min(60_000));
        let (in_ms, lasts_ms) = (rolls_ms(), for_ms + rolls_ms());
        let world = Rc::clone(self);
        self.engine.spawn(async move {
            for (ms, release) in [(in_ms, release), (lasts_ms, NEWEST)] {
                world.engine.sleep(ms).await;
                if !world.weather.calm.get() {
                    world.deploy_release(location, at, release);
                }
            }
        });
    }

    /// The registry's release begins to write later formats, and may be rolled back.
    fn write_later(self: &Rc<Self>, for_ms: i64) {
        let which = 1 + self.chance.index(7);
        let written = WrittenLater { delta: which & 1 > 0, base: which & 2 > 0, record: which & 4 > 0 };
        let in_ms = self.chance.within(0..=for_ms / 2);
        let is_taken_back = self.chance.percent(50);
        let world = Rc::clone(self);
        self.engine.spawn(async move {
            world.engine.sleep(in_ms).await;
            if !world.weather.calm.get() {
                world.registry_writes(written);
            }
            if is_taken_back {
                world.engine.sleep(for_ms - in_ms).await;
                world.registry_writes(WrittenLater::default());
            }
        });
    }

    /// A deployment of the registry, which restarts it.
    fn registry_writes(&self, written: WrittenLater) {
        self.log(|| format!("registry: writes {LATER} for {written:?}"));
        self.control.written_later.set(written);
        if !self.weather.calm.get() {
            self.crash_registry(50);
        }
    }

    /// A deployment that has not reached the registry yet, or was rolled back there.
    pub(crate) fn run_earlier_registry(self: &Rc<Self>, for_ms: i64) {
        self.control.is_earlier_release.set(true);
        self.crash_registry(50);
        let world = Rc::clone(self);
        self.engine.spawn(async move {
            world.engine.sleep(for_ms).await;
            if !world.weather.calm.get() {
                world.control.is_earlier_release.set(false);
                world.crash_registry(50);
            }
        });
    }

    fn deploy_release(&self, location: usize, at: usize, release: Release) {
        let isolate = self.start_isolate(location, release);
        self.log(|| format!("{}: starts as {release:?}", isolate.name));
        self.counts.borrow_mut().earlier_isolates += u64::from(release != NEWEST);
        self.isolates.borrow_mut()[location][at] = isolate;
    }

    /// The deployment reaches all isolates.
    pub(crate) fn end_earlier_locations(&self) {
        for (location, isolates) in self.shape.isolates.iter().enumerate() {
            for at in 0..*isolates {
                let release = self.isolates.borrow()[location][at].release;
                if release != NEWEST {
                    self.deploy_release(location, at, NEWEST);
                }
            }
        }
    }

    /// A value in the format that the registry's release writes.
    pub(crate) fn as_written(&self, name: &str, value: Vec<u8>) -> Vec<u8> {
        let written = self.control.written_later.get();
        let is_later = match name {
            KV_NAME => written.delta,
            _ if name.starts_with("list/base/") => written.base,
            _ => written.record,
        };
        if !is_later || self.control.is_earlier_release.get() {
            return value;
        }
        let format = value.first().map_or(LATER, |format| format.saturating_add(LATER));
        self.renumbered(name, &value, format).unwrap_or(value)
    }

    /// The answer as an isolate that sent `request` receives it.
    pub(crate) fn answer_as_written(&self, request: &Call, answer: Answer) -> Answer {
        let text = |name: &str, sealed: String| {
            let value = BASE64_STANDARD.decode(sealed).unwrap();
            BASE64_STANDARD.encode(self.as_written(name, value))
        };
        match (request, answer) {
            (_, Answer::List { sealed, now }) => Answer::List { sealed: text(KV_NAME, sealed), now },
            (_, Answer::Pushed { sealed, now, held_ms, again_in_ms }) => {
                Answer::Pushed { sealed: text(KV_NAME, sealed), now, held_ms, again_in_ms }
            }
            (Call::Base { number }, Answer::Base { sealed: Some(sealed) }) => {
                Answer::Base { sealed: Some(text(&base_kv_name(*number), sealed)) }
            }
            (Call::Record { serial, .. }, Answer::Record { sealed: Some((version, sealed)) }) => {
                let name = record::kv_name(*serial, version);
                Answer::Record { sealed: Some((version, text(&name, sealed))) }
            }
            (_, answer) => answer,
        }
    }

    /// A value as code of `release` sees it. Today's code knows only today's formats, and an earlier release
    /// only the first.
    pub(crate) fn as_read_by<'a>(&self, release: Release, name: &str, value: &'a [u8]) -> Cow<'a, [u8]> {
        let format = value.first().copied().unwrap_or(FIRST);
        let seen = match release.reads_later {
            true => format.checked_sub(LATER),
            false => (FIRST + 1..LATER).contains(&format).then_some(format.saturating_add(LATER)),
        };
        seen.and_then(|seen| self.renumbered(name, value, seen)).map_or(Cow::Borrowed(value), Cow::Owned)
    }

    fn renumbered(&self, name: &str, value: &[u8], format: u8) -> Option<Vec<u8>> {
        let purpose = purpose_of(name);
        let opened = seal::open(&self.ring, purpose, name, value)?;
        seal::seal(&self.ring, purpose, opened.key_id, name, format, opened.body)
    }

    pub(crate) fn open_delta(&self, isolate: &Isolate, value: &[u8]) -> Result<OpenedDelta, ListFault> {
        let read = Delta::open(&self.ring, &self.as_read_by(isolate.release, KV_NAME, value));
        if self.mutation() == Some(Mutation::UsedUpQuotasIgnored) {
            return read.map(without_used_up_quotas);
        }
        if self.mutation() != Some(Mutation::LaterListTakenAsEmpty) || !is_beyond(isolate, value) {
            return read;
        }
        let mut opened = Delta::open(&self.ring, &self.as_read_by(NEWEST, KV_NAME, value))?;
        opened.delta = Delta::new(opened.delta.head, [], []);
        Ok(opened)
    }

    pub(crate) fn open_base(
        &self,
        isolate: &Isolate,
        number: wayleave::formats::list::Number,
        value: &[u8],
    ) -> Result<OpenedBase, ListFault> {
        let name = base_kv_name(number);
        OpenedBase::open(&self.ring, number, &self.as_read_by(isolate.release, &name, value))
    }

    pub(crate) fn open_record(
        &self,
        isolate: &Isolate,
        serial: Serial,
        version: u32,
        value: &[u8],
    ) -> Option<VersionedRecord> {
        let name = record::kv_name(serial, version);
        let ignores = self.mutation() == Some(Mutation::LaterFieldsIgnored) && is_beyond(isolate, value);
        let forgets = self.mutation() == Some(Mutation::EarlierIgnoresScopes) && is_beyond(isolate, value);
        let release = if ignores || forgets { NEWEST } else { isolate.release };
        let mut opened = Record::open(&self.ring, serial, version, &self.as_read_by(release, &name, value))?;
        if forgets {
            opened.record.scope = Scope::default();
        }
        if ignores {
            // As if the later format had added the end.
            opened.record.ends_at = None;
        }
        Some(opened)
    }

    /// Notes whether `isolate` can read the registry's answer. An answer in an unknown format counts as none.
    pub(crate) fn judge_answer(&self, isolate: &Isolate, value: &[u8]) {
        if is_beyond(isolate, value) {
            self.log(|| format!("{}: that is a later format", isolate.name));
            self.counts.borrow_mut().beyond += 1;
            isolate.log.registry_failed_at.set(self.engine.now());
        }
    }
}

fn without_used_up_quotas(mut opened: OpenedDelta) -> OpenedDelta {
    let admitted = |change: &Change| match change.status {
        SerialStatus::Exhausted(_) => Change { status: SerialStatus::Good, ..*change },
        _ => *change,
    };
    let changes: Vec<Change> = opened.delta.changes().iter().map(admitted).collect();
    opened.delta = Delta::new(opened.delta.head, changes, opened.delta.retired().to_vec());
    opened
}

/// Whether `value` has a format that the isolate's release does not read.
pub(crate) fn is_beyond(isolate: &Isolate, value: &[u8]) -> bool {
    value.first().is_some_and(|format| *format > FIRST) && !isolate.release.reads_later
}

/// The purpose of the key that seals values with this name.
pub(crate) fn purpose_of(name: &str) -> Purpose {
    if name.starts_with("list/") { Purpose::List } else { Purpose::Record }
}
