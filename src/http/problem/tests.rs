//! The table of codes, and the body of a problem.

use super::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

#[test]
fn every_dead_token_is_401_with_a_challenge() {
    for code in [
        Code::TokenMalformed,
        Code::TokenInvalid,
        Code::TokenExpired,
        Code::TokenRevoked,
        Code::TokenDisabled,
    ] {
        assert_eq!(code.status(), 401);
        assert!(Problem::from(code).challenge().unwrap().contains("error=\"invalid_token\""));
    }
    assert_eq!(Problem::from(Code::TokenMissing).challenge().unwrap(), "Bearer realm=\"wayleave\"");
    assert_eq!(Problem::from(Code::OriginNotAllowed).challenge(), None);
}

#[test]
fn codes_are_listed_once() {
    let names: BTreeSet<_> = Code::ALL.iter().map(|code| (code.code(), code.status())).collect();
    assert_eq!(names.len(), Code::ALL.len());
}

#[test]
fn texts_fit_a_quoted_string_and_html_as_they_are() {
    for code in Code::ALL {
        for text in [code.title(), code.detail()] {
            assert!(!text.contains(['"', '\\', '<', '>', '&']), "{}", code.code());
        }
    }
}

#[test]
fn a_body_has_the_members_of_rfc_9457() {
    let body =
        |problem: Problem| -> Value { serde_json::from_str(&problem.body::<u8>(&[], &Map::new())).unwrap() };
    let expired = body(Code::TokenExpired.into());
    assert_eq!(expired["type"], "/_wayleave/problems#token_expired");
    assert_eq!(expired["status"], 401);
    assert_eq!(expired["code"], "token_expired");
    assert!(expired.get("errors").is_none() && expired.get("reason").is_none());
    let reason = Reason::DotSegment;
    let dots = body(reason.into());
    assert_eq!((&dots["code"], &dots["status"]), (&json!("invalid_request"), &json!(400)));
    assert_eq!((&dots["reason"], &dots["detail"]), (&json!("dot_segment"), &json!(reason.detail())));
}
