//! The registry's refusals as problems: code, reason, and the further members of each.

use super::answers::{body_of, header, rendered};
use super::support::{NOW, json};
use super::vectors;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use wayleave::control::admin::OPENAPI_JSON;
use wayleave::control::registry::command::{Answer, BlockingToken, Clash, Fault, FieldFault};
use wayleave::formats::token::Serial;
use wayleave::http::problem::{Code, Problem, Reason};

/// A fault; the status, code and reason of its problem; and the further members of that problem.
type Row = (Fault, u16, &'static str, Option<&'static str>, &'static [&'static str]);

/// All faults of the registry.
fn faults() -> Vec<Row> {
    let fault = |code: &str| FieldFault {
        field: "origins[0]".to_owned(),
        code: code.to_owned(),
        detail: "d".to_owned(),
    };
    let standing = || BlockingToken { serial: Serial(7), last_used_at: Some(NOW) };
    let instead = |ended, instead| Fault::RotateInstead { ended, instead };
    let (waiting, predecessor) = (standing(), standing());
    let rest: [Row; 8] = [
        (Fault::KeyInUse { live_tokens: 3 }, 409, "conflict", Some("key_in_use"), &["live_tokens"]),
        (
            Fault::KeyMissing { missing_at: vec!["FRA".into()] },
            409,
            "conflict",
            Some("key_missing"),
            &["missing_at"],
        ),
        (Fault::UnexpectedCount { matched: 5 }, 409, "conflict", Some("unexpected_count"), &["matched"]),
        (Fault::LeafDisabled { instead: None }, 409, "conflict", Some("disabled"), &["rotate_instead"]),
        (instead(false, Some(Serial(7))), 409, "conflict", Some("has_successor"), &["rotate_instead"]),
        (instead(true, Some(Serial(7))), 409, "token_ended", Some("rotate_another"), &["rotate_instead"]),
        (instead(true, None), 409, "token_ended", Some("nothing_to_rotate"), &["rotate_instead"]),
        (Fault::MaxActiveTokens { active: vec![standing()] }, 409, "max_active_tokens", None, &["active"]),
    ];
    let unused = Fault::SuccessorUnused { waiting, predecessor };
    let mut all: Vec<Row> = vec![
        (Fault::Unauthorized, 401, "unauthorized", None, &[]),
        (Fault::Forbidden, 403, "forbidden", Some("role"), &[]),
        (Fault::NotFound, 404, "not_found", Some("no_such_id"), &[]),
        (Fault::KeyNotInRing, 404, "not_found", Some("key_not_in_ring"), &[]),
        (Fault::NoCurrentToken, 404, "not_found", Some("no_current_token"), &[]),
        (Fault::PreconditionFailed, 412, "precondition_failed", None, &[]),
        (Fault::IdempotencyConflict, 409, "idempotency_conflict", None, &[]),
        (Fault::LastActiveToken, 409, "last_active_token", None, &[]),
        (Fault::TokenProtected, 409, "token_protected", Some("clear_protected_first"), &[]),
        (Fault::OwnersOnly, 409, "token_protected", Some("owners_only"), &[]),
        (Fault::TokenEnded, 409, "token_ended", Some("ended"), &[]),
        (Fault::FamilyEnded, 409, "token_ended", Some("family_ended"), &[]),
        (Fault::TextGone, 409, "token_ended", Some("text_gone"), &[]),
        (unused, 409, "successor_unused", None, &["predecessor", "waiting"]),
        (Fault::Conflict(Clash::LastOwner), 409, "conflict", Some("last_owner"), &[]),
        (Fault::Conflict(Clash::KeySigns), 409, "conflict", Some("key_signs"), &[]),
        (Fault::Conflict(Clash::KeyRetired), 409, "conflict", Some("key_retired"), &[]),
        (Fault::Conflict(Clash::MadeIsGone), 409, "conflict", Some("made_is_gone"), &[]),
        (Fault::Conflict(Clash::SerialsUsedUp), 409, "conflict", Some("serials_used_up"), &[]),
        (Fault::Conflict(Clash::VersionsUsedUp), 409, "conflict", Some("versions_used_up"), &[]),
        (Fault::Fields(vec![fault("x")]), 422, "invalid_request", None, &[]),
        (Fault::Fields(vec![fault("public_suffix_rule")]), 422, "public_suffix_rule", None, &[]),
        (Fault::Internal, 500, "internal", None, &[]),
        (Fault::Restoring, 503, "registry_unavailable", Some("restoring"), &[]),
    ];
    all.extend(rest);
    all
}

#[test]
fn every_fault_has_its_problem_and_every_cause_its_reason() {
    let document: Value = json(OPENAPI_JSON);
    let documented = &document["components"]["schemas"]["Problem"]["properties"];
    let of_rfc_9457 = ["type", "title", "status", "detail", "code", "reason", "errors"];
    for (fault, status, code, reason, members) in faults() {
        let response = rendered(Answer::Refused(fault.clone()));
        let body = body_of(&response);
        assert_eq!((response.status, &body["code"]), (status, &json!(code)), "{fault:?}");
        assert_eq!(body.get("reason").and_then(Value::as_str), reason, "{fault:?}");
        assert_eq!(header(&response, "content-type"), Some("application/problem+json"));
        assert_eq!(header(&response, "www-authenticate").is_some(), matches!(status, 401 | 403));
        assert_eq!(body.get("errors").is_some(), status == 422);
        let names = body.as_object().unwrap().keys().map(String::as_str);
        let own: Vec<_> = names.clone().filter(|name| !of_rfc_9457.contains(name)).collect();
        assert_eq!(own, members, "{fault:?}");
        for name in names {
            assert!(documented.get(name).is_some(), "{name} of {fault:?} is not in docs/openapi.json");
        }
    }
}

/// Every member of a problem that the document describes occurs in some problem.
#[test]
fn every_documented_member_of_a_problem_is_one_that_problems_have() {
    let document: Value = json(OPENAPI_JSON);
    let documented = document["components"]["schemas"]["Problem"]["properties"].as_object().unwrap();
    let seen: BTreeSet<String> = faults()
        .into_iter()
        .flat_map(|(fault, ..)| body_of(&rendered(Answer::Refused(fault))).as_object().unwrap().clone())
        .map(|(name, _)| name)
        .collect();
    // `places` occurs only in problems of the guarded APIs.
    let missing: Vec<_> =
        documented.keys().filter(|name| !seen.contains(*name) && *name != "places").collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The table of problems for other implementations: the exact text of each code and reason.
#[test]
fn problems_are_those_of_the_vectors() {
    let challenge = |problem: Problem| problem.challenge();
    let reasons = |code| -> Vec<Value> {
        let reasons = Reason::ALL.into_iter().filter(|reason| reason.code() == code);
        let row = |reason: Reason| {
            let own = challenge(reason.into()).filter(|own| Some(own) != challenge(code.into()).as_ref());
            let mut row = json!({"reason": reason.name(), "detail": reason.detail()});
            if let Some(own) = own {
                row["challenge"] = own.into();
            }
            row
        };
        reasons.map(row).collect()
    };
    let rows: Vec<Value> = Code::ALL
        .into_iter()
        .map(|code| {
            json!({
                "code": code.code(), "status": code.status(), "title": code.title(), "detail": code.detail(),
                "challenge": challenge(code.into()), "retry_after_seconds": code.retry_after_seconds(),
                "reasons": reasons(code),
            })
        })
        .collect();
    vectors::check("problems.json", &json!(rows));
}
