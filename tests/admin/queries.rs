//! Queries: filters, pages, cursors.

use super::support::{deployment, faults};
use wayleave::base::time::parse_rfc3339;
use wayleave::control::admin::cursors::{List, cursor, token_cursor};
use wayleave::control::registry::command::{
    Command, EventFilter, Sort, SortBy, SortKey, TokenFilter, TokenState,
};
use wayleave::formats::family::FamilyId;
use wayleave::formats::key::KeyId;
use wayleave::formats::origin::{Origin, TupleOrigin};
use wayleave::formats::token::Serial;
use wayleave::http::problem::Code;

fn origin(text: &str) -> TupleOrigin {
    match Origin::parse_header(text) {
        Some(Origin::Tuple(origin)) => origin,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_filter_reaches_the_command() {
    let deployment = deployment();
    let family = FamilyId::mint([4; wayleave::formats::family::RANDOM_BYTES], &deployment.check_keys.family)
        .as_str()
        .to_owned();
    let key = SortKey::Ends(77);
    let place = token_cursor(Serial(40), Some(&key));
    let path = format!(
        "/tokens?state=disabled&family={family}&owner=maps+team&external_id=c%2D17&audience=tiles&key_id=3\
         &rate=page&warning=report_mode&sort=-ends&total=true\
         &origin=HTTPS%3A%2F%2FExample.com%3A443&q=sh%C3%B6p\
         &expiring_within_seconds=60&unused_for_seconds=70&has_successor=false&limit=500\
         &cursor={place}"
    );
    let expected = TokenFilter {
        state: Some(TokenState::Disabled),
        family: Some(family),
        owner: Some("maps team".to_owned()),
        external_id: Some("c-17".to_owned()),
        audience: Some("tiles".to_owned()),
        key_id: Some(KeyId(3)),
        origin: Some(origin("https://example.com")),
        serial: None,
        q: Some("shöp".to_owned()),
        expiring_within_seconds: Some(60),
        unused_for_seconds: Some(70),
        has_successor: Some(false),
        serials: None,
        rate: Some("page".to_owned()),
        warning: Some("report_mode".to_owned()),
        sort: Sort { by: SortBy::Ends, ascending: false },
        wants_total: true,
        limit: 500,
        below: Some(Serial(40)),
        below_key: Some(key),
        until: None,
    };
    let command = deployment.command("GET", &path, "");
    assert_eq!(command, Command::ListTokens(expected));
    let crossed = serde_json::to_string(&command).unwrap();
    assert_eq!(serde_json::from_str::<Command>(&crossed).unwrap(), command);
    let other = crossed.replace("https://example.com", "null");
    assert!(serde_json::from_str::<Command>(&other).is_err(), "never a filter that is silently not there");
    let plain = TokenFilter { limit: 50, ..TokenFilter::default() };
    assert_eq!(deployment.command("GET", "/tokens", ""), Command::ListTokens(plain.clone()));
    assert_eq!(deployment.command("GET", "/tokens?", ""), Command::ListTokens(plain));
    let events = EventFilter { token: Some(Serial(3)), limit: 7, below: Some(9), ..EventFilter::default() };
    let path = format!("/events?token=tok_3&limit=7&cursor={}", cursor(List::Events, 9));
    assert_eq!(deployment.command("GET", &path, ""), Command::ListEvents(events));
    let searched = EventFilter {
        actor: Some("key_3 Ana Ruiz".to_owned()),
        action: Some("token.revoked".to_owned()),
        from: parse_rfc3339("2026-01-01T00:00:00Z"),
        to: parse_rfc3339("2026-02-01T00:00:00Z"),
        limit: 50,
        ..EventFilter::default()
    };
    let path = "/events?actor=key_3%20Ana+Ruiz&action=token.revoked&from=2026-01-01T00:00:00Z\
        &to=2026-02-01T00:00:00Z";
    assert_eq!(deployment.command("GET", path, ""), Command::ListEvents(searched));
}

#[test]
fn a_whole_token_is_searched_for_as_itself_and_not_as_text() {
    let deployment = deployment();
    let filter = |q: &str| match deployment.command("GET", &format!("/tokens?q={q}"), "") {
        Command::ListTokens(filter) => (filter.serial, filter.q),
        other => panic!("{other:?}"),
    };
    let token = deployment.token(8);
    assert_eq!(filter(&token), (Some(Serial(8)), None));
    assert_eq!(filter(&format!("+{token}%20")), (Some(Serial(8)), None));
    // A token whose tag does not verify names no serial.
    let forged = format!("{}AAAA", &token[..36]);
    assert_eq!(filter(&forged), (None, Some(forged.clone())));
    assert_eq!(filter("tok_8"), (None, Some("tok_8".to_owned())));
}

#[test]
fn every_wrong_parameter_is_named_in_a_400() {
    let deployment = deployment();
    let events_cursor = cursor(List::Events, 9);
    for (query, expected) in [
        ("state=gone", "state: unknown_value"),
        ("limit=0", "limit: out_of_range"),
        ("limit=501", "limit: out_of_range"),
        ("limit=99999999999999999999999", "limit: out_of_range"),
        ("limit=-1", "limit: wrong_type"),
        ("limit=1e2", "limit: wrong_type"),
        ("limit=", "limit: wrong_type"),
        ("key_id=256", "key_id: out_of_range"),
        ("origin=example.com", "origin: not_an_origin"),
        ("origin=null", "origin: not_an_origin"),
        ("family=fam_AAAAAAAAAAAAAAAAAAAAAAAAAAAA", "family: not_a_family_id"),
        ("cursor=abc", "cursor: not_a_cursor"),
        (&format!("cursor={events_cursor}"), "cursor: not_a_cursor"),
        ("owner=", "owner: empty"),
        ("q=%00", "q: control_character"),
        ("unused_for_seconds=-1", "unused_for_seconds: wrong_type"),
        ("has_successor=yes", "has_successor: wrong_type"),
        ("State=active", "State: unknown_field"),
        ("limit=1&limit=1", "limit: duplicate_field"),
        ("x=1&x=1", "x: duplicate_field"),
        ("q=%FF", "q: not_utf8"),
    ] {
        let problem = deployment.problem("GET", &format!("/tokens?{query}"), "");
        assert_eq!(
            (problem.code(), faults(&problem)),
            (Code::InvalidRequest, vec![expected.to_owned()]),
            "{query}"
        );
        assert_eq!(problem.into_reply().status, 400);
    }
    let problem = deployment.problem("GET", "/tokens?state=x&limit=0&page=2", "");
    assert_eq!(faults(&problem), ["page: unknown_field", "state: unknown_value", "limit: out_of_range"]);
}

#[test]
fn a_parameter_where_there_is_none_is_an_error() {
    let deployment = deployment();
    for (method, path) in
        [("GET", "/tokens/tok_1"), ("POST", "/tokens"), ("GET", "/status"), ("GET", "/tokens/tok_1/token")]
    {
        let problem = deployment.problem(method, &format!("{path}?force=true"), "");
        assert_eq!(
            (problem.code(), faults(&problem)),
            (Code::InvalidRequest, vec!["force: unknown_field".to_owned()]),
            "{path}"
        );
    }
}
