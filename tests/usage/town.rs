//! Isolates, shards and a registry together: requests are counted, shards tell the registry, and isolates
//! hold lists of it. The platform is modelled; the rest is the real code.

use crate::deployment::{ADMIN_KEY, settings};
use crate::isolate::Isolate;
use crate::sqlite::Sqlite;
use crate::world::{START, Shards};
use base64::prelude::*;
use std::rc::Rc;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{
    AdminCall, Answer, Call, Caller, Command, Lifetime, ListAskedBy, NewToken, Quota, QuotaCounts, RevokeOld,
    Rotate, TokenEdit, TokenView,
};
use wayleave::control::registry::{KvLists, Registry};
use wayleave::edge::decide::may_be_used;
use wayleave::formats::key::sha256;
use wayleave::formats::list::{Delta, OpenedBase, RevocationList, SerialStatus};
use wayleave::formats::origin::OriginRules;
use wayleave::formats::token::Serial;
use wayleave::formats::usage::counted::Counted;
use wayleave::formats::usage::outcome::{Counts, Outcome};
use wayleave::formats::usage::period::Per;
use wayleave::formats::usage::report::{Batch, Report};
use wayleave::formats::usage::tally::Tally;
use wayleave::limits::SECONDS_PER_DAY;

/// B of the deployment.
pub(crate) const BOUND_MS: i64 = 60_000;
/// Longer than a shard keeps what it has not heard of.
const LIFE_SECONDS: i64 = 700 * SECONDS_PER_DAY;

/// An isolate, and the list that it holds until it is as old as the bound allows.
struct Located {
    isolate: Isolate,
    list: Option<Rc<RevocationList>>,
    list_until: UnixMillis,
}

pub(crate) struct Town {
    registry: Registry<Sqlite>,
    pub shards: Shards,
    isolates: Vec<Located>,
    pub now: UnixMillis,
    pub registry_is_away: bool,
    /// Answers of the registry to shards that are lost from now on.
    pub answers_lost: u32,
    /// Uses of a token that reach its shard while that tells the registry next.
    pub meanwhile: Option<(Serial, u64)>,
    /// Requests admitted, and refused for the quota.
    pub admitted: u64,
    pub refused: u64,
    entropy: u32,
}

impl Town {
    pub(crate) fn of_isolates(count: u64) -> Self {
        let isolates = (0..count).map(|number| Located {
            isolate: Isolate::new(number + 1),
            list: None,
            // So that their lists are of every age.
            list_until: START.plus_ms(i64::try_from(number * 1_171).unwrap() % BOUND_MS),
        });
        let mut registry = Registry::open(Sqlite::in_memory(), settings("test", &["api"])).unwrap();
        registry.compare(Some(&KvLists { delta: None, base: None }), START);
        Self {
            registry,
            shards: Shards::new(),
            isolates: isolates.collect(),
            now: START,
            registry_is_away: false,
            answers_lost: 0,
            meanwhile: None,
            admitted: 0,
            refused: 0,
            entropy: 0,
        }
    }

    pub(crate) fn ask(&mut self, command: Command) -> Answer {
        let caller = Caller::Key { sha256: hex::encode(sha256(ADMIN_KEY.as_bytes())) };
        self.handle(Call::Admin(Box::new(AdminCall { caller, command, idempotency: None })))
    }

    fn handle(&mut self, call: Call) -> Answer {
        let entropy = &mut self.entropy;
        self.registry.handle(call, self.now, &mut |buffer| {
            *entropy = entropy.wrapping_add(1);
            buffer.copy_from_slice(&sha256(&entropy.to_be_bytes())[..buffer.len()]);
        })
    }

    pub(crate) fn token(&mut self, quota: Option<Quota>) -> TokenView {
        let settings = TokenEdit {
            label: Some("site".into()),
            origins: Some(OriginRules::Any),
            audiences: Some(vec!["api".into()]),
            quota: Some(quota),
            ..TokenEdit::default()
        };
        let lifetime = Some(Lifetime::ExpiresIn(LIFE_SECONDS));
        match self.ask(Command::CreateToken(NewToken { settings, lifetime, ..NewToken::default() })) {
            Answer::Created { token, .. } => *token,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn rotated(&mut self, serial: Serial) -> Serial {
        let rotate = Rotate {
            revoke_old: RevokeOld::Never,
            lifetime: None,
            overrides: TokenEdit::default(),
            supersede: None,
            revoke_oldest: false,
            force: false,
        };
        match self.ask(Command::RotateToken { serial, rotate: Box::new(rotate) }) {
            Answer::Rotated(rotated) => rotated.token.serial,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn set_quota(&mut self, serial: Serial, quota: Option<Quota>) {
        let edit = TokenEdit { quota: Some(quota), ..TokenEdit::default() };
        let answer = self.ask(Command::EditToken { serial, if_match: None, edit });
        assert!(matches!(answer, Answer::Edited { .. }), "{answer:?}");
    }

    pub(crate) fn view(&mut self, serial: Serial) -> TokenView {
        match self.ask(Command::GetToken(serial)) {
            Answer::Token(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    /// The newest list that the registry would give out.
    pub(crate) fn list(&mut self) -> Rc<RevocationList> {
        let asked_by = ListAskedBy::Health;
        let Answer::List { sealed, .. } = self.handle(Call::List { bound_seconds: 60, asked_by }) else {
            panic!("no list")
        };
        let ring = settings("test", &["api"]).ring;
        let opened = Delta::open(&ring, &BASE64_STANDARD.decode(sealed).unwrap()).unwrap();
        let base = Rc::new(OpenedBase::empty(opened.delta.head.base.epoch));
        Rc::new(RevocationList::of(base, opened).unwrap())
    }

    /// One request with `serial` at each isolate. Then time passes.
    pub(crate) fn requests(&mut self, serial: Serial, then_ms: i64) {
        for at in 0..self.isolates.len() {
            self.request(at, serial);
        }
        self.pass(then_ms);
    }

    fn request(&mut self, at: usize, serial: Serial) {
        let now = self.now;
        if !self.registry_is_away && self.isolates[at].list_until <= now {
            let list = self.list();
            let located = &mut self.isolates[at];
            (located.list, located.list_until) = (Some(list), now.plus_ms(BOUND_MS));
        }
        let located = &mut self.isolates[at];
        let until = match located.list.as_ref().map(|list| list.status(serial)) {
            Some(SerialStatus::Exhausted(until)) => Some(until),
            _ => None,
        };
        let outcome = match may_be_used(until, now) {
            Ok(()) => Outcome::Admitted,
            Err(_) => Outcome::QuotaExceeded,
        };
        self.admitted += u64::from(outcome == Outcome::Admitted);
        self.refused += u64::from(outcome != Outcome::Admitted);
        let counted =
            Counted { serial: Some(serial), outcome, origin: None, is_watched: false, refused: None };
        located.isolate.ask(counted, now);
    }

    /// Senders and shards do what is due in the next `ms`.
    pub(crate) fn pass(&mut self, ms: i64) {
        const STEP_MS: i64 = 1_000;
        let until = self.now.plus_ms(ms);
        while self.now < until {
            self.now = until.min(self.now.plus_ms(STEP_MS));
            self.run();
        }
    }

    fn run(&mut self) {
        let now = self.now;
        for located in &mut self.isolates {
            located.isolate.run(now, |sendings| {
                for sending in sendings {
                    self.shards.take(sending.shard, &sending.report, now);
                }
                sendings.to_vec()
            });
        }
        for shard in 0..wayleave::limits::USAGE_SHARDS {
            self.shard_tells(shard);
        }
    }

    /// The registry's alarm, long enough after the last notice.
    pub(crate) fn make_digests(&mut self) {
        for _ in 0..10 {
            self.now = self.now.plus_ms(11_000);
            self.registry.due(self.now, 100);
        }
    }

    /// As `platform/usage_object.rs` does on an alarm.
    fn shard_tells(&mut self, number: u32) {
        let now = self.now;
        for _ in 0..100 {
            let shard = self.shards.of(number);
            if shard.next_alarm_at(now).is_none_or(|at| at > now) {
                return;
            }
            shard.sweep(now);
            let uses = shard.uses_due(now);
            let counted_at = shard.traffic_due(!uses.is_empty(), now);
            let asks = !uses.is_empty() || counted_at.is_some();
            let meters = shard.meters_due(asks, now);
            assert!(meters.as_ref().is_none_or(|report| report.shard == number));
            if !asks && meters.is_none() {
                continue;
            }
            if let Some((serial, uses)) = self.meanwhile.take() {
                self.shards.take(number, &batch_of(serial, uses, now), now);
            }
            let call = Call::Uses { uses: uses.clone(), counted_at, meters: meters.clone() };
            let answer = if self.registry_is_away { None } else { Some(self.handle(call)) };
            let is_lost = self.answers_lost > 0;
            self.answers_lost = self.answers_lost.saturating_sub(1);
            let shard = self.shards.of(number);
            match answer.filter(|_| !is_lost) {
                Some(Answer::NotedMeters(changes)) => {
                    shard.uses_reported(&uses, counted_at, now);
                    shard.meters_taken(&meters.unwrap(), &changes, now);
                }
                Some(Answer::Noted) => shard.uses_reported(&uses, counted_at, now),
                None => shard.report_failed(now),
                Some(other) => panic!("{other:?}"),
            }
        }
        panic!("shard {number} never comes to rest");
    }
}

/// A batch of an isolate that is no other.
fn batch_of(serial: Serial, uses: u64, at: UnixMillis) -> Report {
    let mut tally = Tally { used: Some((at, at)), ..Tally::default() };
    tally.counts.add(Outcome::Admitted, uses);
    let tokens = vec![(serial, tally)];
    let batch =
        Some(Batch { sequence: 1, began_at: at, tokens, others: Counts::default(), refusals: Vec::new() });
    Report { isolate: 9_999, batch, first_uses: Vec::new() }
}

pub(crate) fn per_day(requests: u64) -> Quota {
    Quota { requests, per: Per::Day, counts: QuotaCounts::Token }
}

pub(crate) fn per_month(requests: u64) -> Quota {
    Quota { per: Per::Month, ..per_day(requests) }
}

pub(crate) fn of_family(requests: u64) -> Quota {
    Quota { counts: QuotaCounts::Family, ..per_day(requests) }
}
