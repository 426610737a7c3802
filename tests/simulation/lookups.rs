//! Looking up records: in memory, KV and the registry.
//!
//! Mirrors `platform/lookups.rs` await for await.

use crate::edge::Isolate;
use crate::mutation::Mutation;
use crate::releases::is_beyond;
use crate::sources::{Bytes, KvFailed};
use crate::world::World;
use base64::prelude::*;
use std::rc::Rc;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{Answer, Call as RegistryCall};
use wayleave::edge::decide::RecordFact;
use wayleave::edge::reach::{KvFound, Lookup, Step, UnderWay, first_of};
use wayleave::formats::record;
use wayleave::formats::record::VersionedRecord;
use wayleave::formats::token::Serial;
use wayleave::limits::KV_READ_TIMEOUT_MS;

enum Ended {
    Found(RecordFact),
    TryInBackground(Lookup),
    Nothing,
}

/// What ended of all that is under way.
enum Event {
    Kv(Result<Option<Bytes>, KvFailed>),
    Registry(Option<Answer>),
    Timer,
}

impl World {
    /// The record of `serial`, at `version` or later, for a request that began at `began`.
    pub(crate) async fn record(
        self: &Rc<Self>,
        isolate: &Rc<Isolate>,
        serial: Serial,
        version: u32,
        began: UnixMillis,
    ) -> RecordFact {
        let held = isolate.records.borrow_mut().get(serial);
        if let Some(held) = held.filter(|held| is_fit(isolate, serial, held) && held.version >= version) {
            return self.known(held);
        }
        let lookup = Lookup::of_record(began, isolate.now(self));
        match self.look_up(isolate, serial, version, lookup).await {
            Ended::Found(found) => found,
            Ended::Nothing => RecordFact::Unavailable,
            Ended::TryInBackground(lookup) => {
                let (world, at) = (Rc::clone(self), Rc::clone(isolate));
                self.in_background(isolate, async move {
                    world.look_up(&at, serial, version, lookup.in_background()).await;
                });
                RecordFact::Unavailable
            }
        }
    }

    async fn look_up(
        self: &Rc<Self>,
        isolate: &Rc<Isolate>,
        serial: Serial,
        version: u32,
        mut lookup: Lookup,
    ) -> Ended {
        let name = record::kv_name(serial, version);
        let mut under_way: UnderWay<'_, Event> = Vec::new();
        let mut is_kv_under_way = false;
        loop {
            self.mutate_reach(isolate);
            let step = lookup.next(&mut isolate.reach.borrow_mut(), isolate.now(self));
            self.count_hedge(isolate, step, is_kv_under_way);
            match step {
                Step::Kv { cache_ttl_seconds } => {
                    is_kv_under_way = true;
                    let read = self.kv_get(isolate, &name, cache_ttl_seconds, KV_READ_TIMEOUT_MS);
                    under_way.push(Box::pin(async { Event::Kv(read.await) }));
                    continue;
                }
                Step::Registry { timeout_ms } => {
                    let asked = RegistryCall::Record { serial, version };
                    let asked = self.registry_read(isolate, asked, timeout_ms);
                    under_way.push(Box::pin(async { Event::Registry(asked.await) }));
                    continue;
                }
                Step::Wait { at_most_ms } => {
                    if let Some(ms) = at_most_ms {
                        under_way.push(Box::pin(async move {
                            self.wait(isolate, ms.into()).await;
                            Event::Timer
                        }));
                    }
                }
                Step::TryInBackground => return Ended::TryInBackground(lookup),
                Step::End => return Ended::Nothing,
            }
            let ended = first_of(&mut under_way).await;
            is_kv_under_way &= !matches!(ended, Event::Kv(_));
            match ended {
                Event::Kv(Ok(Some(bytes))) => match self.hold(isolate, serial, version, &bytes) {
                    Some(known @ RecordFact::Known(_)) => return Ended::Found(known),
                    _ => lookup.kv_ended(KvFound::Nothing),
                },
                Event::Kv(Ok(None)) => lookup.kv_ended(KvFound::Nothing),
                Event::Kv(Err(KvFailed)) => lookup.kv_ended(KvFound::Failed),
                Event::Registry(Some(answer)) => {
                    return Ended::Found(self.record_of_registry(isolate, serial, version, answer));
                }
                Event::Registry(None) => lookup.registry_failed(),
                Event::Timer => {}
            }
        }
    }

    fn record_of_registry(
        self: &Rc<Self>,
        isolate: &Isolate,
        serial: Serial,
        version: u32,
        answer: Answer,
    ) -> RecordFact {
        match answer {
            Answer::Record { sealed: None } => RecordFact::NoSuchToken,
            Answer::Record { sealed: Some((given, sealed)) } => {
                let bytes = BASE64_STANDARD.decode(sealed).unwrap();
                if is_beyond(isolate, &bytes) {
                    self.judge_answer(isolate, &bytes);
                    if self.mutation() == Some(Mutation::LaterRecordTakenAsNone) {
                        return RecordFact::NoSuchToken;
                    }
                }
                let known = self.hold(isolate, serial, given, &bytes).unwrap_or(RecordFact::Unavailable);
                let is_of_use = given >= version && matches!(known, RecordFact::Known(_));
                if !is_of_use && !is_beyond(isolate, &bytes) {
                    self.excuse_restored(isolate);
                }
                known
            }
            _ => RecordFact::Unavailable,
        }
    }

    fn hold(&self, isolate: &Isolate, serial: Serial, version: u32, sealed: &[u8]) -> Option<RecordFact> {
        let opened = self.open_record(isolate, serial, version, sealed)?;
        if !is_fit(isolate, serial, &opened) {
            return Some(RecordFact::NotRead);
        }
        Some(self.known(isolate.records.borrow_mut().hold(serial, opened, sealed.len())))
    }
}

/// Whether the newest list allows `record`.
fn is_fit(isolate: &Isolate, serial: Serial, record: &VersionedRecord) -> bool {
    isolate.lists.borrow().newest().is_none_or(|list| list.allows(serial, record))
}
