//! Looks up records and the tokens of families: in memory, KV and the registry.
//!
//! Standard: docs/bound.md, "Look-ups". `reach::Lookup` decides which source is asked when; this file only
//! transports.
//! Invariants: no borrow of the isolate's cells lasts over an await. A value that does not open counts as
//! absent.
//! What a mistake costs: a needless 503. It cannot admit: the gate checks everything again after the last
//! await.

use super::isolate::Isolate;
use super::registry_call::call;
use super::sources::{Bindings, KvValue, kv_ended, kv_value};
use super::{clock, crossing, entropy};
use crate::base::time::UnixMillis;
use crate::control::registry::command::{Answer, Call};
use crate::edge::decide::RecordFact;
use crate::edge::handout::FamilyFact;
use crate::edge::reach::{KvFound, Lookup, Step, UnderWay, first_of};
use crate::formats::distribution;
use crate::formats::family::FamilyId;
use crate::formats::record;
use crate::formats::record::{Record, VersionedRecord};
use crate::formats::token::{Claims, Serial};
use crate::limits::KV_READ_TIMEOUT_MS;
use base64::prelude::*;
use js_sys::Promise;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen_futures::JsFuture;
use worker::{Context, Env, console_warn};

/// For whom a value is looked up.
pub(super) struct Asker<'a> {
    pub isolate: &'a Rc<Isolate>,
    pub env: &'a Env,
    pub context: &'a Context,
    /// When its request began.
    pub began: UnixMillis,
    /// A read from KV that began with the request: the first one of the look-up for which it is.
    pub first_read: RefCell<Option<BegunRead>>,
}

/// A read from KV that the synchronous path began (`at_once.js`).
pub(super) struct BegunRead {
    pub name: String,
    /// KV's promise.
    pub reading: Promise,
    pub began: UnixMillis,
}

/// Something that is looked up: its name in KV, what the registry is asked, and how a value is taken.
trait Sought: Clone + 'static {
    type Found;
    fn kv_name(&self) -> String;
    fn call(&self) -> Call;
    /// What KV has; `None` when it may not be used.
    fn of_kv(&self, isolate: &Isolate, bytes: &[u8]) -> Option<Self::Found>;
    /// What the registry answered.
    fn of_registry(&self, isolate: &Isolate, answer: Answer) -> Self::Found;
}

/// The record of `serial`, at `version` or later.
pub(super) async fn record(asker: &Asker<'_>, serial: Serial, version: u32) -> RecordFact {
    let isolate = asker.isolate;
    let held = isolate.records.borrow_mut().get(serial);
    if let Some(held) = held.filter(|held| is_fit(isolate, serial, held) && held.version >= version) {
        return RecordFact::Known(held);
    }
    let began = asker.first_read.borrow().as_ref().map_or_else(clock::now, |read| read.began);
    let lookup = Lookup::of_record(asker.began, began);
    look_up(asker, SoughtRecord { serial, version }, lookup).await.unwrap_or(RecordFact::Unavailable)
}

/// The record of `serial` in memory, of any version.
pub(super) fn held_record(isolate: &Isolate, serial: Serial) -> RecordFact {
    isolate.records.borrow_mut().get(serial).map_or(RecordFact::NotRead, RecordFact::Known)
}

/// The token of a family: from the registry's recent answer, from KV, or from the registry. `outdated` is a
/// token that the gate refused; then only the registry can know a better one.
pub(super) async fn family(asker: &Asker<'_>, family: &FamilyId, outdated: Option<Claims>) -> FamilyFact {
    let now = clock::now();
    let held = asker.isolate.families.borrow_mut().get(family, now);
    if let Some(held) = held.filter(|held| outdated.is_none() || *held != outdated) {
        return held.map_or(FamilyFact::NamesNone, FamilyFact::Names);
    }
    let lookup = match outdated {
        None => Lookup::of_family(asker.began, now),
        Some(_) => Lookup::of_registry(asker.began, now),
    };
    look_up(asker, SoughtFamily(family.clone()), lookup).await.unwrap_or(FamilyFact::Unavailable)
}

/// `None` when no source had it in time.
async fn look_up<S: Sought>(asker: &Asker<'_>, sought: S, lookup: Lookup) -> Option<S::Found> {
    let (isolate, bindings) = (asker.isolate, Bindings::of(asker.env));
    let ended = carry_out(isolate, &bindings, &sought, lookup, asker.first_read.take()).await;
    if let Ended::TryInBackground(lookup) = ended {
        let isolate = Rc::clone(isolate);
        asker.context.wait_until(async move {
            carry_out(&isolate, &bindings, &sought, lookup.in_background(), None).await;
        });
        return None;
    }
    ended.found()
}

enum Ended<F> {
    Found(F),
    TryInBackground(Lookup),
    Nothing,
}

impl<F> Ended<F> {
    fn found(self) -> Option<F> {
        if let Self::Found(found) = self { Some(found) } else { None }
    }
}

/// What ended of all that is under way.
enum Event {
    Kv(KvValue),
    Registry(Option<Answer>),
    Timer,
}

async fn carry_out<S: Sought>(
    isolate: &Isolate,
    bindings: &Bindings,
    sought: &S,
    mut lookup: Lookup,
    first_read: Option<BegunRead>,
) -> Ended<S::Found> {
    let name = sought.kv_name();
    // A list that came meanwhile may name a later version, under another name.
    let mut first_read = first_read.filter(|read| read.name == name);
    let mut under_way: UnderWay<'_, Event> = Vec::new();
    loop {
        // A statement of its own: a borrow in the head of `match` would last over the awaits.
        let step = lookup.next(&mut isolate.reach.borrow_mut(), clock::now());
        match step {
            Step::Kv { cache_ttl_seconds } => {
                let begun = first_read.take();
                let read = read_kv(isolate, bindings, &name, cache_ttl_seconds, begun);
                under_way.push(Box::pin(async { Event::Kv(read.await) }));
                continue;
            }
            Step::Registry { timeout_ms } => {
                let asked = ask_registry(isolate, bindings, sought.call(), timeout_ms);
                under_way.push(Box::pin(async { Event::Registry(asked.await) }));
                continue;
            }
            Step::Wait { at_most_ms } => {
                if let Some(ms) = at_most_ms {
                    let timer = JsFuture::from(crossing::sleep(ms));
                    under_way.push(Box::pin(async {
                        drop(timer.await);
                        Event::Timer
                    }));
                }
            }
            Step::TryInBackground => return Ended::TryInBackground(lookup),
            Step::End => return Ended::Nothing,
        }
        match first_of(&mut under_way).await {
            Event::Kv(KvValue::Bytes(bytes)) => match sought.of_kv(isolate, &bytes) {
                Some(found) => return Ended::Found(found),
                None => lookup.kv_ended(KvFound::Nothing),
            },
            Event::Kv(KvValue::None) => lookup.kv_ended(KvFound::Nothing),
            Event::Kv(KvValue::Failed) => lookup.kv_ended(KvFound::Failed),
            Event::Registry(Some(answer)) => return Ended::Found(sought.of_registry(isolate, answer)),
            Event::Registry(None) => lookup.registry_failed(),
            Event::Timer => {}
        }
    }
}

/// Goes on with the read that was begun, or begins one.
async fn read_kv(
    isolate: &Isolate,
    bindings: &Bindings,
    name: &str,
    cache_ttl_seconds: u32,
    begun: Option<BegunRead>,
) -> KvValue {
    let Some(BegunRead { reading, began, .. }) = begun else {
        return kv_value(isolate, &bindings.kv, name, cache_ttl_seconds, KV_READ_TIMEOUT_MS).await;
    };
    let waited_ms = u32::try_from(clock::now().since_ms(began)).unwrap_or(0);
    let left_ms = KV_READ_TIMEOUT_MS.saturating_sub(waited_ms).max(1);
    kv_ended(isolate, began, crossing::kv_read(&reading, name, left_ms)).await
}

/// What became of the call is noted.
async fn ask_registry(
    isolate: &Isolate,
    bindings: &Bindings,
    asked: Call,
    timeout_ms: u32,
) -> Option<Answer> {
    let asked_at = clock::now();
    let answer = call(&bindings.registry, &asked, timeout_ms).await;
    let now = clock::now();
    isolate.reach.borrow_mut().registry.ended(answer.is_some(), asked_at, now, entropy::number());
    answer
}

#[derive(Clone, Copy)]
struct SoughtRecord {
    serial: Serial,
    version: u32,
}

impl Sought for SoughtRecord {
    type Found = RecordFact;

    fn kv_name(&self) -> String {
        record::kv_name(self.serial, self.version)
    }

    fn call(&self) -> Call {
        Call::Record { serial: self.serial, version: self.version }
    }

    fn of_kv(&self, isolate: &Isolate, bytes: &[u8]) -> Option<RecordFact> {
        hold(isolate, self.serial, self.version, bytes).filter(|found| matches!(found, RecordFact::Known(_)))
    }

    fn of_registry(&self, isolate: &Isolate, answer: Answer) -> RecordFact {
        match answer {
            Answer::Record { sealed: None } => RecordFact::NoSuchToken,
            Answer::Record { sealed: Some((version, sealed)) } => BASE64_STANDARD
                .decode(sealed)
                .ok()
                .and_then(|bytes| hold(isolate, self.serial, version, &bytes))
                .unwrap_or(RecordFact::Unavailable),
            _ => RecordFact::Unavailable,
        }
    }
}

#[derive(Clone)]
struct SoughtFamily(FamilyId);

impl Sought for SoughtFamily {
    type Found = FamilyFact;

    fn kv_name(&self) -> String {
        distribution::kv_name(&self.0)
    }

    fn call(&self) -> Call {
        Call::CurrentToken { family: self.0.as_str().to_owned() }
    }

    fn of_kv(&self, isolate: &Isolate, bytes: &[u8]) -> Option<FamilyFact> {
        let (named, sealed_by) = distribution::open(&isolate.config.edge.ring, &self.0, bytes)?;
        let newest = isolate.lists.borrow().newest();
        newest.is_none_or(|list| !list.retires(sealed_by)).then_some(FamilyFact::Names(named))
    }

    fn of_registry(&self, isolate: &Isolate, answer: Answer) -> FamilyFact {
        let Answer::CurrentToken(named) = answer else { return FamilyFact::Unavailable };
        isolate.families.borrow_mut().hold(self.0.clone(), named, clock::now());
        named.map_or(FamilyFact::NamesNone, FamilyFact::Names)
    }
}

/// Opens a record and keeps it, unless memory already holds a later version.
fn hold(isolate: &Isolate, serial: Serial, version: u32, sealed: &[u8]) -> Option<RecordFact> {
    let Some(opened) = Record::open(&isolate.config.edge.ring, serial, version, sealed) else {
        isolate.records_refused.set(isolate.records_refused.get().saturating_add(1));
        console_warn!("the record {} is not valid and is not used", record::kv_name(serial, version));
        return None;
    };
    Some(hold_opened(isolate, serial, opened, sealed.len()).map_or(RecordFact::NotRead, RecordFact::Known))
}

/// Keeps what the first read of the synchronous path found. `false`, and nothing is noted, where it may not
/// be used: then the asynchronous path takes the same read, and says so.
pub(super) fn hold_first(isolate: &Isolate, serial: Serial, version: u32, sealed: &[u8]) -> bool {
    Record::open(&isolate.config.edge.ring, serial, version, sealed)
        .is_some_and(|opened| hold_opened(isolate, serial, opened, sealed.len()).is_some())
}

/// `None` where the key that sealed it was retired since, or a list names a later version: it must be read
/// again.
fn hold_opened(
    isolate: &Isolate,
    serial: Serial,
    opened: VersionedRecord,
    bytes: usize,
) -> Option<Rc<VersionedRecord>> {
    is_fit(isolate, serial, &opened).then(|| isolate.records.borrow_mut().hold(serial, opened, bytes))
}

/// Whether the newest list allows `record`.
fn is_fit(isolate: &Isolate, serial: Serial, record: &VersionedRecord) -> bool {
    isolate.lists.borrow().newest().is_none_or(|list| list.allows(serial, record))
}
