//! `GET /refusals` and `GET /usage`: which shards are asked, and their answers in one list.

use super::answers::view;
use super::support::{NOW, deployment, faults, json};
use serde_json::{Value, json};
use wayleave::control::admin::refusal_page::RefusalPage;
use wayleave::control::admin::{Context, Parsed, Rendering, UsageSeen, parse, render, usage_calls};
use wayleave::control::registry::command::{Answer, Command};
use wayleave::formats::token::Serial;
use wayleave::formats::usage::EVERY_TOKEN;
use wayleave::formats::usage::heaviest::Weighed;
use wayleave::formats::usage::outcome::{Counts, Outcome};
use wayleave::formats::usage::reading::{Range, ShardAnswer, ShardCall, Step, TokenReading};
use wayleave::formats::usage::refusal::{KeptRefusal, Refusal, RefusalsAsked};
use wayleave::formats::usage::tally::site_of_token;
use wayleave::limits::USAGE_SHARDS;

fn asked(query: &str, keeps: bool) -> (Command, RefusalPage) {
    let deployment = deployment();
    let path = format!("/_wayleave/api/refusals{query}");
    let context = Context { keeps_refusals: keeps, ..deployment.context() };
    match parse(&deployment.request("GET", &path, b""), &context).unwrap() {
        Parsed::Ask(call, Rendering::Refusals(page)) => (call.command, page),
        other => panic!("{other:?}"),
    }
}

fn kept(serial: Option<u32>, position: i64) -> KeptRefusal {
    let refusal = Refusal {
        serial: serial.map(Serial),
        outcome: Outcome::OriginNotAllowed.number(),
        site: Some("https://mine.example".into()),
        method: "GET".into(),
        path: "/tiles/1".into(),
        location: "FRA".into(),
        at: NOW,
        requests: 3,
    };
    KeptRefusal { position, refusal }
}

fn shown(page: RefusalPage, answer: Answer, answers: Vec<Option<ShardAnswer>>) -> (u16, Value) {
    let reply = render(answer, &Rendering::Refusals(page), UsageSeen::Asked(answers), NOW);
    (reply.status, json(reply.body.as_deref().unwrap()))
}

#[test]
fn for_a_token_its_shard_is_asked_and_for_the_others_all_are() {
    let (command, page) = asked("?token=tok_256&limit=7", true);
    assert_eq!(command, Command::GetToken(Serial(256)));
    let calls = |answer, page| usage_calls(&answer, &Rendering::Refusals(page), NOW);
    let call = RefusalsAsked { serial: Some(Serial(256)), site: None, below: None, limit: 8 };
    assert_eq!(calls(Answer::Token(Box::new(view())), page), [(1, ShardCall::Refusals(call))]);
    let (command, page) = asked("?site=https://Mine.example:443", true);
    assert_eq!((command, page.site.as_deref()), (Command::Authenticate, Some("https://mine.example")));
    assert_eq!(calls(Answer::Authenticated, page).len(), USAGE_SHARDS as usize);
    for (query, fault) in [
        ("?token=7", "token: not_a_token_id"),
        ("?site=mine.example/x", "site: not_an_origin"),
        ("?limit=0", "limit: out_of_range"),
        ("?cursor=x", "cursor: not_a_cursor"),
        ("?code=x", "code: unknown_field"),
    ] {
        assert_eq!(faults(&deployment().problem("GET", &format!("/refusals{query}"), "")), [fault]);
    }
}

#[test]
fn the_shards_answers_are_one_list_whose_pages_have_each_refusal_once() {
    let all: Vec<Vec<KeptRefusal>> =
        (0..USAGE_SHARDS).map(|shard| (0..5).map(|n| kept(Some(shard), 100 - n)).collect()).collect();
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let (_, page) = asked(&format!("?limit=7{cursor}"), true);
        let answers = usage_calls(&Answer::Authenticated, &Rendering::Refusals(page.clone()), NOW)
            .into_iter()
            .map(|(shard, call)| {
                let ShardCall::Refusals(RefusalsAsked { below, limit, .. }) = call else {
                    panic!("{call:?}")
                };
                let of = all[shard as usize].iter();
                let of = of.filter(|kept| below.is_none_or(|below| kept.position < below)).cloned();
                Some(ShardAnswer::Refusals(of.take(limit as usize).collect()))
            });
        let (status, shown) = shown(page, Answer::Authenticated, answers.collect());
        assert_eq!((status, &shown["keeping"], &shown["kept_seconds"]), (200, &json!(true), &json!(604_800)));
        seen.extend(shown["items"].as_array().unwrap().iter().map(|item| item["token"].clone()));
        match shown["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5 * USAGE_SHARDS as usize);
    // The newest of each shard come first.
    assert_eq!(seen[..8], (0..8).rev().map(|shard| json!(format!("tok_{shard}"))).collect::<Vec<_>>());
}

#[test]
fn a_refusal_is_shown_by_its_code_and_an_answer_that_is_missing_is_an_error() {
    let (_, page) = asked("", true);
    let silent = vec![None; USAGE_SHARDS as usize];
    assert_eq!(shown(page.clone(), Answer::Authenticated, silent).0, 503);
    let (_, found) =
        shown(page, Answer::Authenticated, vec![Some(ShardAnswer::Refusals(vec![kept(None, 1)]))]);
    assert_eq!(
        found["items"][0],
        json!({
            "at": NOW.to_rfc3339(),
            "code": "origin_not_allowed",
            "token": null,
            "site": "https://mine.example",
            "method": "GET",
            "path": "/tiles/1",
            "location": "FRA",
            "requests": 3,
        })
    );
}

#[test]
fn where_none_are_kept_no_shard_is_asked_and_the_answer_says_so() {
    let (_, page) = asked("", false);
    assert!(usage_calls(&Answer::Authenticated, &Rendering::Refusals(page.clone()), NOW).is_empty());
    let (status, shown) = shown(page, Answer::Authenticated, vec![]);
    assert_eq!((status, &shown["keeping"], &shown["items"]), (200, &json!(false), &json!([])));
}

#[test]
fn all_tokens_are_counted_in_one_call_to_each_shard_and_every_outcome_has_its_name() {
    let deployment = deployment();
    let request = deployment.request("GET", "/_wayleave/api/usage?step=hour", b"");
    let Parsed::Ask(call, rendering) = deployment.parse(&request).unwrap() else { panic!("answered") };
    assert_eq!(call.command, Command::Authenticate);
    let range = Range::of(NOW.plus_ms(-Step::Day.ms()), NOW, Step::Hour);
    let calls = usage_calls(&Answer::Authenticated, &rendering, NOW);
    let read = ShardCall::Read { serials: vec![EVERY_TOKEN], range };
    assert_eq!(calls, (0..USAGE_SHARDS).map(|shard| (shard, read.clone())).collect::<Vec<_>>());

    let mut counts = Counts::default();
    for outcome in Outcome::ALL {
        counts.add(outcome, 1 + u64::from(outcome.number()));
    }
    let site = Weighed { key: site_of_token(Serial(7), "https://mine.example"), count: 5, over: 1 };
    let reading = TokenReading {
        serial: EVERY_TOKEN,
        periods: vec![(Step::Hour.floor(NOW), counts)],
        allowed: vec![],
        refused: vec![site],
        uses: None,
    };
    let answers = vec![Some(ShardAnswer::Usage(vec![reading])); 2];
    let reply = render(Answer::Authenticated, &rendering, UsageSeen::Asked(answers), NOW);
    let shown = json(reply.body.as_deref().unwrap());
    let totals = &shown["totals"];
    for outcome in Outcome::ALL {
        let places = [&totals["refused"], &totals["refused_without_token"], &totals["upstream"], totals];
        let found = places.iter().find_map(|place| place[outcome.name()].as_u64());
        let reported = outcome.name().strip_prefix("reported_").map(|name| totals["reported"][name].as_u64());
        let expected = 2 * (1 + u64::from(outcome.number()));
        match outcome {
            // All admissions, as in the usage of a token.
            Outcome::Admitted => assert_eq!(found, Some(2 * (1 + 2 + 3 + 23 + 14))),
            // How counts were lost is in the metrics.
            Outcome::Lost | Outcome::Unattributed => assert_eq!(found, None),
            outcome => assert_eq!(reported.unwrap_or(found), Some(expected), "{}", outcome.name()),
        }
    }
    assert_eq!(shown["periods"].as_array().unwrap().len(), 1);
    assert_eq!(
        shown["refused_sites"][0],
        json!({"token": "tok_7", "origin": "https://mine.example", "requests": 5, "at_least": 4})
    );
    let silent = UsageSeen::Asked(vec![None]);
    assert_eq!(render(Answer::Authenticated, &rendering, silent, NOW).status, 503);
}
