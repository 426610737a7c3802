//! The counter: what one isolate counts for one shard between two batches.
//!
//! Invariants: it never holds more than its limits, however many tokens and origins occur. What finds no room
//! is counted for the deployment as a whole. Counting allocates memory only for a token or an origin that is
//! new.
//! What it must not know: when it is sent, what was sent before.
//! What a mistake costs: an isolate runs out of memory, and every request in it fails (false refuse).

use super::refusals::Refusals;
use crate::base::time::UnixMillis;
use crate::formats::origin::Origin;
use crate::formats::token::Serial;
use crate::formats::usage::counted::Counted;
use crate::formats::usage::heaviest::Heaviest;
use crate::formats::usage::outcome::{Counts, Outcome};
use crate::formats::usage::report::Batch;
use crate::formats::usage::tally::{Tally, widest};
use crate::limits::{USAGE_ORIGINS_HELD_MAX, USAGE_TOKENS_HELD_MAX};
use std::collections::BTreeMap;

/// The counts since the last batch.
#[derive(Debug, Default)]
pub(super) struct Counter {
    tokens: BTreeMap<Serial, TokenCounter>,
    others: Counts,
    origins: usize,
    refusals: Refusals,
    began_at: Option<UnixMillis>,
}

/// What a request showed for the first time since the last batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Novelty {
    /// A refusal unlike the others.
    pub is_new_refusal: bool,
    /// A token that was not counted.
    pub is_new_token: bool,
}

#[derive(Debug, Default)]
struct TokenCounter {
    counts: Counts,
    allowed: Heaviest<Origin>,
    refused: Heaviest<Origin>,
    used: Option<(UnixMillis, UnixMillis)>,
}

impl Counter {
    /// Counts a request. Returns what is new in it since the last batch.
    pub(super) fn count(&mut self, counted: Counted, now: UnixMillis) -> Novelty {
        let Counted { serial, outcome, origin, refused, .. } = counted;
        self.began_at.get_or_insert(now);
        let has_room = self.tokens.len() < USAGE_TOKENS_HELD_MAX;
        let is_new_refusal =
            refused.is_some_and(|request| self.refusals.note(serial, outcome, *request, now));
        let novelty = Novelty { is_new_refusal, is_new_token: false };
        let Some(serial) = serial else {
            self.others.add(outcome, 1);
            return novelty;
        };
        if !has_room && !self.tokens.contains_key(&serial) {
            self.others.add(outcome, 1);
            self.others.add(Outcome::Unattributed, 1);
            return novelty;
        }
        let held = self.tokens.entry(serial).or_default();
        let is_new_token = held.counts.is_empty();
        held.counts.add(outcome, 1);
        if outcome.is_use() {
            held.used = widest(held.used, Some((now, now)));
        }
        let origins = match outcome {
            _ if outcome.is_refusal_by_origin() => &mut held.refused,
            Outcome::Admitted => &mut held.allowed,
            _ => return Novelty { is_new_token, ..novelty },
        };
        if let Some(origin) = origin
            && origins.count(origin, self.origins < USAGE_ORIGINS_HELD_MAX)
        {
            self.origins += 1;
        }
        Novelty { is_new_token, ..novelty }
    }

    /// Counts `count` requests whose details are lost.
    pub(super) fn count_lost(&mut self, count: u64, now: UnixMillis) {
        self.began_at.get_or_insert(now);
        self.others.add(Outcome::Lost, count);
    }

    /// Returns all counts as the batch with this number, and resets the counter. `None` when there is nothing
    /// to send.
    pub(super) fn take(&mut self, sequence: u64) -> Option<Batch> {
        let began_at = self.began_at?;
        let Self { tokens, others, mut refusals, .. } = std::mem::take(self);
        let tokens = tokens.into_iter().map(|(serial, held)| (serial, held.into_tally())).collect();
        Some(Batch { sequence, began_at, tokens, others, refusals: refusals.take() })
    }
}

impl TokenCounter {
    fn into_tally(self) -> Tally {
        let text = |origin: Origin| origin.to_string();
        Tally {
            counts: self.counts,
            allowed: self.allowed.map(text),
            refused: self.refused.map(text),
            used: self.used,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Option<Origin> {
        Origin::parse_header(text)
    }

    fn counted(serial: u32, outcome: Outcome, from: &str) -> Counted {
        Counted {
            serial: Some(Serial(serial)),
            outcome,
            origin: origin(from),
            is_watched: false,
            refused: None,
        }
    }

    #[test]
    fn a_token_is_counted_by_outcome_origin_and_time() {
        let mut counter = Counter::default();
        for (at, outcome, from) in [
            (5, Outcome::Admitted, "https://a.example"),
            (6, Outcome::ReportedOriginNotAllowed, "https://b.example"),
            (7, Outcome::OriginNotAllowed, "null"),
            (8, Outcome::Revoked, "https://a.example"),
        ] {
            counter.count(counted(1, outcome, from), UnixMillis(at));
        }
        counter.count(Counted::of_nobody(Outcome::Malformed), UnixMillis(9));
        let batch = counter.take(1).unwrap();
        assert_eq!((batch.began_at, batch.others.get(Outcome::Malformed)), (UnixMillis(5), 1));
        let [(Serial(1), tally)] = &batch.tokens[..] else { panic!("{batch:?}") };
        assert_eq!(tally.counts.requests(), 4);
        // A refusal is not a use. An admission in report mode is one, and its origin is among the refused.
        assert_eq!(tally.used, Some((UnixMillis(5), UnixMillis(6))));
        let keys = |heaviest: &Heaviest<String>| {
            heaviest.clone().sorted().into_iter().map(|weighed| weighed.key).collect::<Vec<_>>()
        };
        assert_eq!(keys(&tally.allowed), ["https://a.example"]);
        assert_eq!(keys(&tally.refused), ["https://b.example", "null"]);
        assert_eq!(counter.take(2), None);
    }

    #[test]
    fn what_finds_no_room_is_counted_for_the_deployment() {
        let mut counter = Counter::default();
        let many = u32::try_from(USAGE_TOKENS_HELD_MAX).unwrap();
        for serial in 0..many + 10 {
            for number in 0..5 {
                let from = format!("https://{number}.example");
                counter.count(counted(serial, Outcome::Admitted, &from), UnixMillis(0));
            }
        }
        assert_eq!((counter.tokens.len(), counter.origins), (USAGE_TOKENS_HELD_MAX, USAGE_ORIGINS_HELD_MAX));
        let Batch { tokens, others, .. } = counter.take(1).unwrap();
        assert_eq!([others.get(Outcome::Unattributed), others.get(Outcome::Admitted)], [50, 50]);
        let counted: u64 = tokens.iter().map(|(_, tally)| tally.counts.requests()).sum();
        assert_eq!(counted + others.requests(), u64::from(many + 10) * 5);
        let origins: usize = tokens.iter().map(|(_, tally)| tally.allowed.len()).sum();
        assert_eq!(origins, USAGE_ORIGINS_HELD_MAX);
    }
}
