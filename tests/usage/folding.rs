//! Many isolates report through a network that loses, duplicates and reorders messages. The totals are exact.

use crate::chance::chance;
use crate::world::{DAY, START, Shards, days, settle, sum};
use std::collections::BTreeMap;
use wayleave::base::time::UnixMillis;
use wayleave::formats::origin::Origin;
use wayleave::formats::token::Serial;
use wayleave::formats::usage::counted::Counted;
use wayleave::formats::usage::outcome::{Counts, Outcome};
use wayleave::limits::{USAGE_SHARD_BLOCK_SERIALS, USAGE_SHARDS};
use wayleave::usage::{Reporter, Sending};

const ISOLATES: u64 = 50;
const REQUESTS_EACH: u32 = 20_000;
const TOKENS: u32 = 200;
/// Far enough that the tokens use all shards.
const SERIALS_APART: u32 = USAGE_SHARD_BLOCK_SERIALS / 4;

const OUTCOMES: [Outcome; 6] = [
    Outcome::Admitted,
    Outcome::ReportedOriginNotAllowed,
    Outcome::OriginNotAllowed,
    Outcome::OriginMissing,
    Outcome::Revoked,
    Outcome::Malformed,
];

/// A message in transit: a report to a shard, or its acknowledgement.
enum Message {
    To(usize, Sending),
    Back(usize, Sending),
}

/// Messages in transit, by arrival time.
#[derive(Default)]
struct Network(BTreeMap<(i64, u64), Message>, u64);

impl Network {
    /// A third of the messages is lost, a third arrives twice. Each takes up to two minutes.
    fn send(&mut self, random: &mut fastrand::Rng, at: i64, message: impl Fn() -> Message) {
        for _ in 0..random.u32(0..3) {
            self.1 += 1;
            self.0.insert((at + random.i64(0..120_000), self.1), message());
        }
    }

    fn arrived(&mut self, by: i64) -> Option<Message> {
        let (key, _) = self.0.first_key_value().filter(|((at, _), _)| *at <= by)?;
        let key = *key;
        self.0.remove(&key)
    }
}

fn carry(
    network: &mut Network,
    random: &mut fastrand::Rng,
    isolates: &mut [Reporter],
    shards: &mut Shards,
    at: i64,
) {
    while let Some(message) = network.arrived(at) {
        match message {
            Message::To(isolate, sending) => {
                shards.take(sending.shard, &sending.report, UnixMillis(at));
                network.send(random, at, || Message::Back(isolate, sending.clone()));
            }
            Message::Back(isolate, sending) => isolates[isolate].acknowledged(&sending),
        }
    }
}

#[test]
fn a_million_usage_counts_from_fifty_isolates_fold_into_right_totals() {
    let mut random = chance();
    let mut shards = Shards::new();
    let mut isolates: Vec<_> = (0..ISOLATES).map(|_| Reporter::new(random.u64(..))).collect();
    let mut network = Network::default();
    let mut truth: BTreeMap<u32, Counts> = BTreeMap::new();
    let mut from: BTreeMap<(u32, String), u64> = BTreeMap::new();
    let mut everything = Counts::default();
    let origins: Vec<_> = (0..60).map(|number| format!("https://site-{number}.example")).collect();

    let mut at = START.0;
    for _ in 0..20 {
        for isolate in &mut isolates {
            for _ in 0..REQUESTS_EACH / 20 {
                let now = UnixMillis(at + random.i64(0..30_000));
                let outcome = OUTCOMES[random.usize(0..OUTCOMES.len())];
                let serial = 1 + SERIALS_APART * random.u32(0..TOKENS).min(random.u32(0..TOKENS));
                everything.add(outcome, 1);
                if outcome == Outcome::Malformed {
                    isolate.count(Counted::of_nobody(outcome), now);
                    continue;
                }
                // Most tokens have few sites; one has more than are kept.
                let sites = if serial == 1 { origins.len() } else { 8 };
                let origin = &origins[random.usize(0..sites).min(random.usize(0..sites))];
                truth.entry(serial).or_default().add(outcome, 1);
                if outcome == Outcome::Admitted {
                    *from.entry((serial, origin.clone())).or_default() += 1;
                }
                let origin = Origin::parse_header(origin);
                isolate.count(
                    Counted {
                        serial: Some(Serial(serial)),
                        outcome,
                        origin,
                        is_watched: false,
                        refused: None,
                    },
                    now,
                );
            }
        }
        at += 30_000;
        for (number, isolate) in isolates.iter_mut().enumerate() {
            for sending in isolate.freeze(UnixMillis(at)) {
                network.send(&mut random, at, || Message::To(number, sending.clone()));
            }
        }
        carry(&mut network, &mut random, &mut isolates, &mut shards, at);
    }
    // No more requests arrive. Every batch is repeated until it is acknowledged, well before it would be
    // given up.
    for _ in 0..36 {
        at += 30_000;
        for (number, isolate) in isolates.iter_mut().enumerate() {
            for sending in isolate.freeze(UnixMillis(at)) {
                network.send(&mut random, at, || Message::To(number, sending.clone()));
            }
        }
        carry(&mut network, &mut random, &mut isolates, &mut shards, at);
    }
    assert!(isolates.iter_mut().all(|isolate| isolate.freeze(UnixMillis(at)).is_empty()), "all acknowledged");

    let check = |shards: &mut Shards, when: &str| {
        for (serial, counts) in &truth {
            let usage = shards.usage(*serial, days(START, 2), UnixMillis(at));
            let sorted = |counts: &Counts| counts.iter().collect::<Vec<_>>();
            assert_eq!(sorted(&sum(&usage)), sorted(counts), "token {serial} {when}");
            for weighed in &usage.allowed {
                let true_count = from[&(*serial, weighed.key.clone())];
                assert!((weighed.count - weighed.over..=weighed.count).contains(&true_count), "{weighed:?}");
                assert!(*serial == 1 || weighed.over == 0, "{weighed:?} of token {serial}");
            }
        }
        let totals = shards.totals();
        assert_eq!(totals.iter().collect::<Vec<_>>(), everything.iter().collect::<Vec<_>>(), "{when}");
        assert_eq!(totals.requests(), ISOLATES * u64::from(REQUESTS_EACH));
    };
    check(&mut shards, "in minutes");
    for shard in 0..USAGE_SHARDS {
        settle(shards.of(shard), UnixMillis(at + DAY));
    }
    check(&mut shards, "in hours");
}
