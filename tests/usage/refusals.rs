//! The tail of refusals, from isolates to what is read, and the counts of all tokens together.

use crate::world::{DAY, HOUR, MINUTE, START, Shards, settle};
use wayleave::base::time::UnixMillis;
use wayleave::formats::origin::Origin;
use wayleave::formats::token::Serial;
use wayleave::formats::usage::counted::Counted;
use wayleave::formats::usage::outcome::{Counts, Outcome};
use wayleave::formats::usage::reading::{Range, ShardAnswer, ShardCall, Step};
use wayleave::formats::usage::refusal::{KeptRefusal, Refusal, RefusalsAsked, RefusedRequest};
use wayleave::formats::usage::report::{Batch, Report};
use wayleave::formats::usage::tally::token_and_site;
use wayleave::limits::{
    REFUSALS_FURTHER_STORED_MAX, REFUSALS_KEPT_MS, REFUSALS_OF_TOKEN_KEPT, REFUSALS_OF_TOKEN_STORED_MAX,
    REFUSALS_TOKENS_STORED_MAX,
};
use wayleave::usage::Reporter;

fn refused(serial: Option<u32>, outcome: Outcome, site: &str, path: &str) -> Counted {
    let site = Origin::parse_header(site);
    let origin = if outcome.is_refusal_by_origin() { site.clone() } else { None };
    let refused = Some(Box::new(RefusedRequest::of("GET", path, site)));
    Counted { serial: serial.map(Serial), outcome, origin, is_watched: false, refused }
}

fn refusal(serial: u32, site: u32, at: UnixMillis) -> Refusal {
    Refusal {
        serial: Some(Serial(serial)),
        outcome: Outcome::OriginNotAllowed.number(),
        site: Some(format!("https://{site}.example")),
        method: "GET".into(),
        path: "/".into(),
        location: "here".into(),
        at,
        requests: 1,
    }
}

fn reported(isolate: u64, refusals: Vec<Refusal>, at: UnixMillis) -> Report {
    let others = Counts::default();
    let batch = Batch { sequence: 1, began_at: at, tokens: Vec::new(), others, refusals };
    Report { isolate, batch: Some(batch), first_uses: Vec::new() }
}

const ALL: RefusalsAsked = RefusalsAsked { serial: None, site: None, below: None, limit: 100_000 };

fn asked(shards: &mut Shards, asked: &RefusalsAsked, now: UnixMillis) -> Vec<KeptRefusal> {
    match shards.of(0).handle(&ShardCall::Refusals(asked.clone()), now) {
        ShardAnswer::Refusals(kept) => kept,
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn what_isolates_refuse_is_read_newest_first_by_token_and_by_site() {
    let (mut shards, mut isolate) = (Shards::new(), Reporter::new(8));
    let at = |ms| START.plus_ms(ms);
    let mine = "https://mine.example";
    for (ms, counted) in [
        (1, refused(Some(1), Outcome::OriginNotAllowed, mine, "/tiles/1")),
        (2, refused(Some(1), Outcome::OriginNotAllowed, mine, "/tiles/2")),
        (3, refused(Some(2), Outcome::Expired, mine, "/tiles/3")),
        (3, refused(None, Outcome::Missing, "https://other.example", "/tiles/4")),
    ] {
        isolate.count(counted, at(ms));
    }
    for sending in isolate.freeze(at(10)) {
        // A batch that arrives twice counts once.
        for _ in 0..2 {
            shards.take(sending.shard, &sending.report, at(20));
        }
    }
    let read = |shards: &mut Shards, filter: RefusalsAsked| -> Vec<_> {
        let of = |kept: KeptRefusal| {
            let Refusal { serial, outcome, path, at, requests, .. } = kept.refusal;
            (serial.map(|serial| serial.0), Outcome::of_number(outcome).unwrap().name(), path, at.0, requests)
        };
        asked(shards, &filter, at(30)).into_iter().map(of).collect()
    };
    let one = (Some(1), "origin_not_allowed", "/tiles/2".to_owned(), START.0 + 2, 2);
    let two = (Some(2), "token_expired", "/tiles/3".to_owned(), START.0 + 3, 1);
    let nobody = (None, "token_missing", "/tiles/4".to_owned(), START.0 + 3, 1);
    assert_eq!(read(&mut shards, ALL), [nobody, two.clone(), one.clone()]);
    assert_eq!(
        read(&mut shards, RefusalsAsked { serial: Some(Serial(1)), ..ALL }),
        std::slice::from_ref(&one)
    );
    let of_site = RefusalsAsked { site: Some(mine.to_owned()), ..ALL };
    assert_eq!(read(&mut shards, of_site.clone()), [two.clone(), one.clone()]);
    // Page by page.
    let first = asked(&mut shards, &RefusalsAsked { limit: 1, ..of_site.clone() }, at(30));
    let below = Some(first[0].position);
    assert_eq!(read(&mut shards, RefusalsAsked { limit: 1, below, ..of_site }), [one]);
}

#[test]
fn a_flood_with_some_tokens_stores_a_bounded_number_and_hides_no_other_token() {
    let (mut shards, now) = (Shards::new(), START.plus_ms(1_000));
    // Many locations, all in one minute.
    for isolate in 0..100 {
        let flood = (1..=200).flat_map(|serial| {
            (0..5).map(move |site| refusal(serial, site, START.plus_ms(i64::from(serial))))
        });
        shards.take(0, &reported(isolate, flood.collect(), START), now);
    }
    shards.take(0, &reported(900, vec![refusal(250, 7, START)], START), now);
    let of = |serial| RefusalsAsked { serial: Some(Serial(serial)), ..ALL };
    assert_eq!(asked(&mut shards, &of(250), now).len(), 1);
    let all = asked(&mut shards, &ALL, now).len();
    let most = REFUSALS_TOKENS_STORED_MAX + REFUSALS_FURTHER_STORED_MAX as usize;
    assert!((200..=most).contains(&all), "{all}");
    assert!(asked(&mut shards, &of(1), now).len() <= REFUSALS_OF_TOKEN_STORED_MAX as usize);
    // The next minute has its own room.
    let later = START.plus_ms(MINUTE);
    shards.take(0, &reported(901, vec![refusal(1, 9, later)], later), later);
    assert_eq!(asked(&mut shards, &of(1), later)[0].refusal.site.as_deref(), Some("https://9.example"));
}

#[test]
fn of_a_token_the_newest_are_kept_and_after_a_week_none() {
    let mut shards = Shards::new();
    let kept = i64::from(REFUSALS_OF_TOKEN_KEPT);
    for minute in 0..kept + 20 {
        let now = START.plus_ms(minute * MINUTE);
        let number = u32::try_from(minute).unwrap();
        shards.take(0, &reported(u64::from(number), vec![refusal(1, number, now)], now), now);
    }
    let now = START.plus_ms((kept + 20) * MINUTE);
    let found = asked(&mut shards, &ALL, now);
    assert_eq!(found.len(), usize::try_from(kept).unwrap());
    assert_eq!(found.last().unwrap().refusal.at, START.plus_ms(20 * MINUTE));
    let gone = now.plus_ms(REFUSALS_KEPT_MS);
    assert_eq!(asked(&mut shards, &ALL, gone), [], "not shown, even before the rows are deleted");
    settle(shards.of(0), gone.plus_ms(2 * DAY));
    assert_eq!(asked(&mut shards, &ALL, now), [], "the rows are deleted");
}

#[test]
fn a_report_of_an_earlier_release_is_read() {
    let earlier = r#"{"isolate":7,
        "batch":{"sequence":1,"began_at":1795312800000,"tokens":[],"others":[[14,3]]},
        "first_uses":[]}"#;
    let report: Report = serde_json::from_str(earlier).unwrap();
    assert_eq!(report.batch.as_ref().unwrap().refusals, []);
    // A location that refuses nothing sends what an earlier release reads.
    assert!(!serde_json::to_string(&report).unwrap().contains("refusals"));
}

#[test]
fn all_tokens_together_are_counted_by_outcome_with_the_sites_refused_most() {
    let (mut shards, mut isolate) = (Shards::new(), Reporter::new(8));
    for serial in 1..=300 {
        isolate.count(refused(Some(serial), Outcome::RateLimited, "", "/"), START);
    }
    for _ in 0..7 {
        isolate.count(refused(Some(9), Outcome::OriginNotAllowed, "https://mine.example", "/"), START);
    }
    isolate.count(refused(None, Outcome::Malformed, "", "/"), START);
    for sending in isolate.freeze(START.plus_ms(1)) {
        shards.take(sending.shard, &sending.report, START.plus_ms(1));
    }
    // Also when minutes have become hours, and those days.
    for (now, step) in
        [(START, Step::Minute), (START.plus_ms(4 * HOUR), Step::Hour), (START.plus_ms(40 * DAY), Step::Day)]
    {
        let range = Range::of(START, START.plus_ms(1), step);
        let (mut counts, mut sites) = (Counts::default(), Vec::new());
        for (shard, call) in ShardCall::reads_of_all(range) {
            settle(shards.of(shard), now);
            let ShardAnswer::Usage(readings) = shards.of(shard).handle(&call, now) else {
                panic!("no usage")
            };
            for reading in readings {
                reading.periods.iter().for_each(|(_, of)| counts.merge(of));
                sites.extend(reading.refused);
            }
        }
        let of =
            [Outcome::RateLimited, Outcome::OriginNotAllowed, Outcome::Malformed].map(|of| counts.get(of));
        assert_eq!((counts.requests(), of), (308, [300, 7, 1]), "{step:?}");
        let sites: Vec<_> =
            sites.iter().map(|site| (token_and_site(&site.key).unwrap(), site.count)).collect();
        assert_eq!(sites, [((Serial(9), "https://mine.example"), 7)]);
    }
}
