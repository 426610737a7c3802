//! `GET /tokens/{id}/usage`, the traffic of old and new tokens in a family, and outcomes in the metrics.

use super::answers::{status, view};
use super::support::{NOW, deployment, faults, json};
use serde_json::{Value, json};
use wayleave::base::time::UnixMillis;
use wayleave::control::admin::{Parsed, Rendering, UsageSeen, render, usage_calls};
use wayleave::control::registry::command::{
    Answer, Command, ExpiriesView, FamilyView, TokenState, TokenView,
};
use wayleave::formats::token::Serial;
use wayleave::formats::usage::heaviest::Weighed;
use wayleave::formats::usage::outcome::{Counts, Outcome};
use wayleave::formats::usage::reading;
use wayleave::formats::usage::reading::{Range, ShardCall, Step, TokenReading};
use wayleave::formats::usage::token_use::TokenUse;
use wayleave::limits::USAGE_SHARDS;

const HOUR: i64 = 3_600_000;

fn range_of(query: &str) -> Range {
    let deployment = deployment();
    let path = format!("/_wayleave/api/tokens/tok_7/usage{query}");
    match deployment.parse(&deployment.request("GET", &path, b"")).unwrap() {
        Parsed::Ask(call, Rendering::Usage(range)) => {
            assert_eq!(call.command, Command::GetToken(Serial(7)));
            range
        }
        other => panic!("{other:?}"),
    }
}

fn refused(query: &str) -> Vec<String> {
    faults(&deployment().problem("GET", &format!("/tokens/tok_7/usage{query}"), ""))
}

/// The instant this many milliseconds before now, in RFC 3339.
fn ago(ms: i64) -> String {
    NOW.plus_ms(-ms).floor_seconds().to_rfc3339()
}

#[test]
fn a_range_is_a_day_by_the_hour_unless_said_otherwise() {
    assert_eq!(range_of(""), Range::of(NOW.plus_ms(-24 * HOUR), NOW, Step::Hour));
    assert_eq!(range_of("?step=minute"), Range::of(NOW.plus_ms(-HOUR), NOW, Step::Minute));
    assert_eq!(range_of("?step=day"), Range::of(NOW.plus_ms(-30 * 24 * HOUR), NOW, Step::Day));
    let query = format!("?from={}&to={}", ago(50 * HOUR), ago(26 * HOUR));
    assert_eq!(range_of(&query), Range::of(NOW.plus_ms(-50 * HOUR), NOW.plus_ms(-26 * HOUR), Step::Hour));
    assert_eq!(
        range_of(&format!("?to={}", ago(-HOUR))).to,
        range_of("").to,
        "nothing is known of the future"
    );
}

#[test]
fn what_is_no_longer_kept_is_refused_and_not_told_as_zeros() {
    for (step, kept_ms) in [("minute", 2 * HOUR), ("hour", 31 * 24 * HOUR), ("day", 400 * 24 * HOUR)] {
        let query = |ms: i64| format!("?step={step}&from={}", ago(ms));
        range_of(&query(kept_ms));
        assert_eq!(refused(&query(kept_ms + 24 * HOUR)), ["from: out_of_range"], "{step}");
    }
    assert_eq!(refused(&format!("?from={}&to={}", ago(HOUR), ago(2 * HOUR))), ["from: out_of_range"]);
    assert_eq!(refused(&format!("?from={}", ago(-HOUR))), ["from: out_of_range"]);
    assert_eq!(refused("?step=week&since=1"), ["since: unknown_field", "step: unknown_value"]);
}

fn counts(of: &[(Outcome, u64)]) -> Counts {
    let mut counts = Counts::default();
    for (outcome, count) in of {
        counts.add(*outcome, *count);
    }
    counts
}

fn usage(serial: u32) -> TokenReading {
    let weighed = |key: &str, count, over| Weighed { key: key.to_owned(), count, over };
    TokenReading {
        serial: Serial(serial),
        periods: vec![
            (UnixMillis(HOUR), counts(&[(Outcome::Admitted, 5), (Outcome::ReportedOriginNotAllowed, 2)])),
            (UnixMillis(3 * HOUR), counts(&[(Outcome::OriginMissing, 3), (Outcome::UpstreamTimeout, 1)])),
        ],
        allowed: vec![weighed("https://a.example", 5, 1)],
        refused: vec![weighed("null", 2, 0)],
        uses: Some(TokenUse { serial: Serial(serial), first_at: UnixMillis(1), last_at: UnixMillis(HOUR) }),
    }
}

#[test]
fn usage_is_shown_by_outcome_and_origin() {
    let range = Range { from: UnixMillis(0), to: UnixMillis(4 * HOUR), step: Step::Hour };
    let answer = Answer::Token(Box::new(view()));
    let calls = usage_calls(&answer, &Rendering::Usage(range), NOW);
    assert_eq!(calls, [(0, ShardCall::Read { serials: vec![Serial(7)], range })]);

    let seen = UsageSeen::Asked(vec![Some(reading::ShardAnswer::Usage(vec![usage(7)]))]);
    let reply = render(answer.clone(), &Rendering::Usage(range), seen, NOW);
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")));
    let shown = json(reply.body.as_deref().unwrap());
    assert_eq!(
        (&shown["id"], &shown["counting"], &shown["from"], &shown["to"], &shown["step"]),
        (
            &json!("tok_7"),
            &json!(true),
            &json!("1970-01-01T00:00:00Z"),
            &json!("1970-01-01T04:00:00Z"),
            &json!("hour")
        )
    );
    let totals = &shown["totals"];
    assert_eq!((&totals["requests"], &totals["admitted"]), (&json!(10), &json!(7)));
    let reported = json!({"origin_missing": 0, "origin_not_allowed": 2, "scope_mismatch": 0});
    assert_eq!(totals["reported"], reported);
    assert_eq!(
        (&totals["refused"]["origin_missing"], &totals["refused"]["token_revoked"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(totals["upstream"], json!({"upstream_unreachable": 0, "upstream_timeout": 1}));
    let at: Vec<_> = shown["periods"].as_array().unwrap().iter().map(|period| &period["at"]).collect();
    assert_eq!(at, ["1970-01-01T01:00:00Z", "1970-01-01T03:00:00Z"]);
    assert_eq!(shown["periods"][0]["admitted"], 7);
    assert_eq!(
        shown["origins"]["allowed"],
        json!([{"origin": "https://a.example", "requests": 5, "at_least": 4}])
    );
    assert_eq!(shown["origins"]["refused"][0]["origin"], "null");
    assert_eq!(shown["last_used_at"], "1970-01-01T01:00:00.000Z");

    // A shard that does not answer must not be read as zero.
    let silent = UsageSeen::Asked(vec![None]);
    assert_eq!(render(answer.clone(), &Rendering::Usage(range), silent, NOW).status, 503);
    let off = render(answer, &Rendering::Usage(range), UsageSeen::Off, NOW);
    let off = json(off.body.as_deref().unwrap());
    assert_eq!(
        (&off["counting"], &off["totals"]["requests"], &off["first_used_at"]),
        (&json!(false), &json!(0), &Value::Null)
    );
}

#[test]
fn a_family_shows_old_and_new_side_by_side() {
    let token = |serial: u32, state| TokenView { serial: Serial(serial), state, ..view() };
    let revoked = TokenState::Revoked;
    let family = Answer::Family(Box::new(FamilyView {
        family: "fam_x".to_owned(),
        current: Some(Serial(273)),
        tokens: vec![
            token(273, TokenState::Active),
            token(9, TokenState::Active),
            token(8, revoked),
            token(7, revoked),
            token(6, revoked),
            token(5, revoked),
        ],
        total: 6,
        fetches: vec![],
    }));
    let calls = usage_calls(&family, &Rendering::Answer, NOW);
    let serials: Vec<Vec<u32>> = calls
        .iter()
        .map(|(_, call)| match call {
            ShardCall::Read { serials, range } => {
                assert_eq!((range.step, range.to), (Step::Hour, Step::Hour.floor(NOW.plus_ms(HOUR))));
                serials.iter().map(|serial| serial.0).collect()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(serials, [vec![9, 8, 7, 6], vec![273]], "by shard; not what ended before the last three");
    let answers = serials
        .iter()
        .map(|shard| Some(reading::ShardAnswer::Usage(shard.iter().map(|serial| usage(*serial)).collect())));
    let seen = UsageSeen::Asked(answers.collect());
    let shown = json(render(family.clone(), &Rendering::Answer, seen, NOW).body.as_deref().unwrap());
    let ids: Vec<_> = shown["traffic"].as_array().unwrap().iter().map(|token| &token["id"]).collect();
    assert_eq!(ids, ["tok_273", "tok_9", "tok_8", "tok_7", "tok_6"]);
    assert_eq!(
        (&shown["traffic"][1]["admitted"], &shown["traffic"][1]["origins"]["allowed"][0]["origin"]),
        (&json!(7), &json!("https://a.example"))
    );
    // The family is shown even so.
    let shown =
        json(render(family, &Rendering::Answer, UsageSeen::Asked(vec![None]), NOW).body.as_deref().unwrap());
    assert_eq!((&shown["traffic"], &shown["total"]), (&Value::Null, &json!(6)));
}

#[test]
fn metrics_have_outcomes_when_every_shard_told_them() {
    let answer =
        Answer::Metrics { status: Box::new(status()), expiries: ExpiriesView::default(), notices: vec![] };
    let calls = usage_calls(&answer, &Rendering::Metrics, NOW);
    assert_eq!(calls.len(), USAGE_SHARDS as usize);
    let text = |seen| render(answer.clone(), &Rendering::Metrics, seen, NOW).body.unwrap();
    let each = Some(reading::ShardAnswer::Totals(counts(&[(Outcome::Admitted, 2), (Outcome::Missing, 1)])));
    let all = text(UsageSeen::Asked(vec![each.clone(); USAGE_SHARDS as usize]));
    for line in [
        "wayleave_requests_total{outcome=\"admitted\"} 16",
        "wayleave_requests_total{outcome=\"token_missing\"} 8",
        "wayleave_requests_total{outcome=\"token_revoked\"} 0",
        "wayleave_usage_counting 1",
    ] {
        assert!(all.lines().any(|found| found == line), "{line} in {all}");
    }
    let one_is_silent = text(UsageSeen::Asked(vec![each, None]));
    assert!(!one_is_silent.contains("wayleave_requests_total"), "a sum that falls looks like a restart");
    assert!(text(UsageSeen::Off).contains("wayleave_usage_counting 0"));
}
