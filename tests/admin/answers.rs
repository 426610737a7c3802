//! How the registry's answers become HTTP responses.

use super::support::{NOW, deployment, json};
use super::vectors;
use serde_json::{Value, json};
use wayleave::base::time::{UnixMillis, UnixSeconds};
use wayleave::control::admin::{Parsed, Rendering, UsageSeen, render};
use wayleave::control::registry::command::{
    AdminKeyView, Answer, AutoRotate, BlockingToken, Clash, DeliveryState, DeliveryView, EventView,
    ExpiriesView, ExpiryView, FamilyView, Fault, KeyReceipt, LocationView, NoticeKind, NoticeView, ProbeView,
    PropagationView, Receipt, RevokeOld, RotationView, SigningKeyState, SigningKeyView, StatusView,
    StatusWarning, TokenPolicy, TokenState, TokenView, TokensTotal, WebhookView,
};
use wayleave::control::registry::command::{Command, Quota, QuotaCounts, QuotaUse, SortKey};
use wayleave::control::webhook::WebhookFault;
use wayleave::formats::admin_key::Role;
use wayleave::formats::key::KeyId;
use wayleave::formats::origin::{MissingOrigin, OriginMode, OriginRules};
use wayleave::formats::rate_class::ClassName;
use wayleave::formats::scope::{Methods, ScopeMode};
use wayleave::formats::token::Serial;
use wayleave::formats::upstream_claims::UpstreamClaims;
use wayleave::formats::usage::outcome::{Counts, Outcome};
use wayleave::formats::usage::period::Per;
use wayleave::formats::usage::reading;
use wayleave::http::reply::Reply;

const DAY_MS: i64 = 86_400_000;

pub(crate) fn view() -> TokenView {
    TokenView {
        serial: Serial(7),
        family: "fam_x".to_owned(),
        fingerprint: "wlp_AQEAAAAM…12345678".to_owned(),
        key_id: KeyId(1),
        state: TokenState::Active,
        policy: TokenPolicy {
            label: "Shop".to_owned(),
            owner: None,
            external_id: Some("c-17".to_owned()),
            metadata: Some("{\"a\":1}".to_owned()),
            origins: OriginRules::parse(&json!(["https://example.com", "*.example.org"]), &[]).unwrap(),
            origin_mode: OriginMode::Enforce,
            missing_origin: MissingOrigin::Refuse,
            audiences: vec!["weather".to_owned()],
            rate: ClassName::parse("page"),
            quota: None,
            methods: Methods::parse(["GET"]).ok(),
            paths: None,
            scope_mode: ScopeMode::Enforce,
            claims: UpstreamClaims::of(&json!({"plan": "free"})).ok(),
            protected: false,
            distribute: false,
            auto_rotate: None,
        },
        is_current: true,
        version: 3,
        created_at: NOW.plus_ms(-DAY_MS),
        created_by: "key_1 ci".to_owned(),
        expires_at: NOW.plus_ms(30 * DAY_MS).floor_seconds(),
        ends_at: None,
        licensed_until: None,
        revoked_at: None,
        revoked_reason: None,
        effective_by: None,
        rotation_obstacle: None,
        predecessor: None,
        successor: None,
        rotation: None,
        quota_use: None,
        scope_misses_routes: false,
        first_used_at: None,
        last_used_at: None,
    }
}

fn with(policy: TokenPolicy) -> TokenView {
    TokenView { policy, ..view() }
}

fn receipt() -> Receipt {
    Receipt {
        serial: Serial(7),
        state: TokenState::Revoked,
        reason: Some("operator: leaked".to_owned()),
        revoked_at: Some(NOW),
        effective_by: UnixSeconds(1_795_313_046),
        bound_seconds: 60,
        guaranteed: true,
        list_number: (1, 42),
    }
}

pub(crate) fn rendered(answer: Answer) -> Reply {
    let response = render(answer, &Rendering::Answer, UsageSeen::Off, NOW);
    assert_eq!(response.header("cache-control"), Some("no-store"), "{response:?}");
    assert!(
        !response.headers.iter().any(|(name, _)| name.to_lowercase().starts_with("access-control")),
        "{response:?}"
    );
    response
}

pub(crate) fn body_of(response: &Reply) -> Value {
    json(response.body.as_deref().unwrap())
}

pub(crate) fn header<'a>(response: &'a Reply, name: &str) -> Option<&'a str> {
    response.header(name)
}

#[test]
fn a_token_says_why_it_cannot_be_rotated_and_which_token_to_act_on() {
    let one = |serial| BlockingToken { serial: Serial(serial), last_used_at: None };
    let cases = [
        (None, json!({ "allowed": true, "reason": null })),
        (
            Some(Fault::SuccessorUnused { waiting: one(8), predecessor: one(7) }),
            json!({ "allowed": false, "reason": "successor_unused", "token": "tok_8" }),
        ),
        (
            Some(Fault::MaxActiveTokens { active: vec![one(8), one(7)] }),
            json!({ "allowed": false, "reason": "max_active_tokens", "token": "tok_7" }),
        ),
        (
            Some(Fault::RotateInstead { ended: false, instead: Some(Serial(8)) }),
            json!({ "allowed": false, "reason": "has_successor", "token": "tok_8" }),
        ),
        (
            Some(Fault::RotateInstead { ended: true, instead: None }),
            json!({ "allowed": false, "reason": "nothing_to_rotate" }),
        ),
        (Some(Fault::LeafDisabled { instead: None }), json!({ "allowed": false, "reason": "disabled" })),
        (Some(Fault::Fields(vec![])), json!({ "allowed": false, "reason": "invalid_request" })),
    ];
    for (obstacle, expected) in cases {
        let view = TokenView { rotation_obstacle: obstacle.map(Box::new), ..view() };
        assert_eq!(body_of(&rendered(Answer::Token(Box::new(view))))["can_rotate"], expected);
    }
}

fn warnings(view: TokenView) -> Value {
    body_of(&rendered(Answer::Token(Box::new(view))))["warnings"].clone()
}

#[test]
fn a_quota_is_shown_with_what_is_used_of_it() {
    let quota = Some(Quota { requests: 1_000, per: Per::Day, counts: QuotaCounts::Token });
    let period_ends_at = UnixSeconds(1_795_392_000);
    let quota_use = Some(QuotaUse { used: 1_020, period_ends_at, exceeded: true });
    let policy = TokenPolicy { quota, ..view().policy };
    let shown = body_of(&rendered(Answer::Token(Box::new(TokenView { quota_use, ..with(policy) }))));
    assert_eq!(shown["quota"], json!({ "requests": 1_000, "per": "day", "counts": "token" }));
    let used = json!({ "used": 1_020, "period_ends_at": "2026-11-23T00:00:00Z", "exceeded": true });
    assert_eq!(shown["quota_use"], used);
}

#[test]
fn a_token_is_shown_as_the_contract_has_it() {
    let response = rendered(Answer::Token(Box::new(view())));
    assert_eq!((response.status, header(&response, "etag")), (200, Some("\"3\"")));
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    let expected = json!({
        "id": "tok_7", "family": "fam_x", "label": "Shop", "owner": null, "external_id": "c-17",
        "metadata": {"a": 1},
        "fingerprint": "wlp_AQEAAAAM…12345678", "state": "active", "current": true, "version": 3,
        "can_rotate": { "allowed": true, "reason": null },
        "origins": ["https://example.com", "https://*.example.org"], "origin_mode": "enforce",
        "missing_origin": "refuse", "audiences": ["weather"], "rate": "page", "quota": null,
        "methods": ["GET"], "paths": null, "scope_mode": "enforce", "claims": {"plan": "free"},
        "protected": false, "distribute": false, "created_at": NOW.plus_ms(-DAY_MS).to_rfc3339(),
        "created_by": "key_1 ci", "expires_at": view().expires_at.to_rfc3339(), "warnings": [],
    });
    assert_eq!(body_of(&response), expected);
    let ended = TokenView {
        state: TokenState::Revoked,
        ends_at: Some(NOW),
        revoked_at: Some(NOW),
        revoked_reason: Some("operator: leaked".to_owned()),
        effective_by: Some(UnixSeconds(1_795_313_046)),
        ..view()
    };
    let shown = body_of(&rendered(Answer::Token(Box::new(ended))));
    assert_eq!(shown["state"], "revoked");
    assert_eq!(shown["effective_by"], UnixSeconds(1_795_313_046).to_rfc3339());
    assert_eq!(shown["revoked_reason"], "operator: leaked");
    assert_eq!(
        (&shown["revoked_at"], &shown["ends_at"]),
        (&json!(NOW.to_rfc3339()), &json!(NOW.to_rfc3339()))
    );
}

#[test]
fn an_end_from_before_its_protection_is_a_warning_of_the_token() {
    let with_end = |policy| TokenView { expires_at: NOW.plus_ms(DAY_MS).floor_seconds(), ..with(policy) };
    let protected = || with_end(TokenPolicy { protected: true, ..view().policy });
    let planned = |revoke_old| {
        let rotation = RotationView { revoke_old, begun_at: NOW, planned_end: None, held_since: None };
        TokenView { rotation: Some(rotation), ..protected() }
    };
    let after = |drain_seconds, strict| RevokeOld::After { after_seconds: 0, drain_seconds, strict };
    let automatic = |revoke_old| {
        let auto = AutoRotate { before_expiry_seconds: 3_600, expires_in: None, revoke_old };
        with_end(TokenPolicy { auto_rotate: Some(auto), ..protected().policy })
    };
    for view in [
        TokenView { ends_at: Some(NOW.plus_ms(60_000)), ..protected() },
        planned(after(86_400, true)),
        planned(after(0, false)),
        automatic(after(86_400, true)),
    ] {
        let policy = TokenPolicy { protected: false, ..view.policy.clone() };
        let open = TokenView { policy, ..view.clone() };
        assert_eq!(warnings(view), json!(["ends_though_protected"]));
        assert_eq!(warnings(open), json!([]));
    }
    for view in [protected(), planned(after(86_400, false)), planned(RevokeOld::Never)] {
        assert_eq!(warnings(view), json!([]));
    }
}

#[test]
fn warnings_say_what_an_owner_should_know() {
    let year = 365 * DAY_MS;
    assert_eq!(
        warnings(with(TokenPolicy { origins: OriginRules::Any, ..view().policy })),
        json!(["origin_any"])
    );
    let http = OriginRules::parse(&json!(["http://example.com", "http://other.example"]), &[]).unwrap();
    assert_eq!(warnings(with(TokenPolicy { origins: http, ..view().policy })), json!(["http_origin"]));
    assert_eq!(
        warnings(with(TokenPolicy { origin_mode: OriginMode::Report, ..view().policy })),
        json!(["report_mode"])
    );
    assert_eq!(
        warnings(with(TokenPolicy { scope_mode: ScopeMode::Report, ..view().policy })),
        json!(["scope_report_mode"])
    );
    assert_eq!(warnings(TokenView { scope_misses_routes: true, ..view() }), json!(["scope_without_route"]));
    let allowed = with(TokenPolicy { missing_origin: MissingOrigin::Allow, ..view().policy });
    assert_eq!(warnings(allowed), json!(["missing_origin_allowed"]));
    let life = |ms: i64| TokenView { created_at: NOW, expires_at: NOW.plus_ms(ms).floor_seconds(), ..view() };
    assert_eq!(warnings(life(year)), json!([]));
    assert_eq!(warnings(life(year + 1_000)), json!(["long_lived"]));
    let aged = |ms: i64, state| TokenView {
        created_at: NOW.plus_ms(-ms),
        expires_at: NOW.plus_ms(-ms + year).floor_seconds(),
        last_used_at: Some(NOW.plus_ms(-90 * DAY_MS + 1)),
        state,
        ..view()
    };
    assert_eq!(warnings(aged(year, TokenState::Active)), json!([]));
    assert_eq!(warnings(aged(year + 1, TokenState::Active)), json!(["rotation_overdue"]));
    assert_eq!(warnings(aged(year + 1, TokenState::Revoked)), json!([]), "nobody need rotate what has ended");
    let idle = |made_ms: i64, last_used_at| TokenView {
        created_at: NOW.plus_ms(-made_ms),
        expires_at: NOW.plus_ms(DAY_MS).floor_seconds(),
        last_used_at,
        ..view()
    };
    assert_eq!(warnings(idle(90 * DAY_MS - 1, None)), json!([]));
    assert_eq!(warnings(idle(90 * DAY_MS, None)), json!(["unused"]));
    assert_eq!(warnings(idle(100 * DAY_MS, Some(NOW.plus_ms(-DAY_MS)))), json!([]));
    let used_once = idle(100 * DAY_MS, Some(NOW.plus_ms(-90 * DAY_MS)));
    assert_eq!(warnings(TokenView { state: TokenState::Disabled, ..used_once.clone() }), json!(["unused"]));
    assert_eq!(warnings(TokenView { state: TokenState::Revoked, ..used_once }), json!([]));
    let codes = wayleave::control::registry::command::token_warnings::codes();
    for warning in ["international_name", "loopback_https", "word_as_host", "unused"] {
        assert!(codes.contains(&warning));
    }
}

#[test]
fn what_was_made_has_a_place_and_its_text() {
    let created = rendered(Answer::Created { token: Box::new(view()), text: "wlp_text".to_owned() });
    assert_eq!(created.status, 201);
    assert_eq!(header(&created, "location"), Some("/_wayleave/api/tokens/tok_7"));
    assert_eq!(header(&created, "etag"), Some("\"3\""));
    let body = body_of(&created);
    assert_eq!((&body["id"], &body["token"]), (&json!("tok_7"), &json!("wlp_text")));

    let revealed = rendered(Answer::Revealed("wlp_text".to_owned()));
    assert_eq!((revealed.status, body_of(&revealed)), (200, json!({"token": "wlp_text"})));

    let key = key_view();
    let created = rendered(Answer::AdminKeyCreated { key, text: "wla_text".to_owned() });
    assert_eq!(
        (created.status, header(&created, "location")),
        (201, Some("/_wayleave/api/admin-keys/key_4"))
    );
    assert_eq!(
        body_of(&created),
        json!({
            "id": "key_4", "label": "ci", "role": "operator", "created_at": NOW.to_rfc3339(),
            "expires_at": null, "last_used_at": null, "key": "wla_text",
        })
    );
}

fn key_view() -> AdminKeyView {
    AdminKeyView {
        id: 4,
        label: "ci".to_owned(),
        role: Role::Operator,
        created_at: NOW,
        expires_at: None,
        last_used_at: None,
    }
}

#[test]
fn a_family_shows_its_two_active_and_the_last_three_revoked() {
    let token = |serial, state| TokenView { serial: Serial(serial), state, ..view() };
    let tokens = vec![
        token(9, TokenState::Active),
        token(8, TokenState::Revoked),
        token(7, TokenState::Disabled),
        token(6, TokenState::Revoked),
        token(5, TokenState::Expired),
        token(4, TokenState::Revoked),
        token(3, TokenState::Revoked),
    ];
    let family = FamilyView {
        family: "fam_x".to_owned(),
        current: Some(Serial(9)),
        tokens,
        total: 120,
        fetches: vec![],
    };
    let body = body_of(&rendered(Answer::Family(Box::new(family))));
    assert_eq!(
        (&body["id"], &body["current"], &body["total"]),
        (&json!("fam_x"), &json!("tok_9"), &json!(120))
    );
    assert_eq!(body["active"], json!(["tok_9", "tok_7"]));
    assert_eq!(body["revoked"], json!(["tok_8", "tok_6", "tok_4"]));
    assert_eq!(body["tokens"].as_array().unwrap().len(), 7);
}

#[test]
fn a_receipt_stands_alone_and_beside_an_edited_token() {
    let expected = json!({
        "id": "tok_7", "state": "revoked", "reason": "operator: leaked", "revoked_at": NOW.to_rfc3339(),
        "effective_by": UnixSeconds(1_795_313_046).to_rfc3339(), "bound_seconds": 60, "guaranteed": true,
        "list_number": [1, 42],
    });
    assert_eq!(body_of(&rendered(Answer::Receipt(receipt()))), expected);
    let edited = rendered(Answer::Edited { token: Box::new(view()), receipt: receipt() });
    assert_eq!(header(&edited, "etag"), Some("\"3\""));
    let body = body_of(&edited);
    assert_eq!((&body["receipt"], &body["label"]), (&expected, &json!("Shop")));
}

#[test]
fn lists_have_items_and_a_cursor_that_is_taken_again() {
    let page = body_of(&rendered(Answer::Tokens {
        items: vec![view(), view()],
        next: Some(Serial(7)),
        next_key: Some(SortKey::Label("Shop".to_owned())),
        total: None,
    }));
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let cursor = page["next_cursor"].as_str().unwrap();
    let again = deployment().command("GET", &format!("/tokens?sort=label&cursor={cursor}"), "");
    let place = "below: Some(Serial(7)), below_key: Some(Label(\"Shop\"))";
    assert!(format!("{again:?}").contains(place), "{again:?}");
    let last = body_of(&rendered(Answer::Tokens {
        items: vec![],
        next: None,
        next_key: None,
        total: Some(TokensTotal { count: 9, is_exact: false }),
    }));
    assert_eq!(last, json!({"items": [], "next_cursor": null, "total": {"count": 9, "exact": false}}));

    let event = EventView {
        id: 9,
        at: NOW,
        actor: "key_1 ci".to_owned(),
        action: "token.edited".to_owned(),
        token: Some(Serial(7)),
        label: Some("Town map".to_owned()),
        family: None,
        before: Some("{\"label\":\"a\"}".to_owned()),
        after: None,
    };
    let page = body_of(&rendered(Answer::Events { items: vec![event], next: Some(9) }));
    assert_eq!(
        page["items"][0],
        json!({
            "id": 9, "at": NOW.to_rfc3339(), "actor": "key_1 ci", "action": "token.edited", "token": "tok_7",
            "label": "Town map", "family": null, "before": {"label": "a"}, "after": null,
        })
    );
    let again =
        deployment().command("GET", &format!("/events?cursor={}", page["next_cursor"].as_str().unwrap()), "");
    assert!(format!("{again:?}").contains("below: Some(9)"), "{again:?}");
    let keys = body_of(&rendered(Answer::AdminKeys(vec![key_view()])));
    assert_eq!((&keys["items"][0]["id"], &keys["next_cursor"]), (&json!("key_4"), &Value::Null));
}

/// The previous release went from the newest token to the oldest, and kept its steps for retries.
#[test]
fn a_step_of_the_previous_release_is_followed_by_what_it_left() {
    let step = |text: &str| Answer::RevokedInBulk(serde_json::from_str(text).unwrap());
    let place = |step: Answer| {
        let cursor = body_of(&rendered(step))["next_cursor"].as_str().unwrap().to_owned();
        let body = json!({ "filter": { "owner": "Ann" }, "cursor": cursor }).to_string();
        match deployment().command("POST", "/tokens/revoke", &body) {
            Command::RevokeTokens { bulk, .. } => (bulk.filter.below, bulk.filter.until),
            other => panic!("{other:?}"),
        }
    };
    let old = step(r#"{"done": [], "skipped": [], "next": 151}"#);
    assert_eq!(place(old), (None, Some(Serial(151))));
    let new = step(r#"{"done": [], "skipped": [], "next": 151, "until": 250}"#);
    assert_eq!(place(new), (Some(Serial(151)), Some(Serial(250))));
}

#[test]
fn a_deletion_has_no_body() {
    let response = rendered(Answer::AdminKeyDeleted);
    assert_eq!((response.status, response.body.as_deref()), (204, None));
}

#[test]
fn status_is_shown_by_name() {
    let body = body_of(&rendered(Answer::Status(Box::new(status()))));
    let expected = json!({
        "list": {"number": [1, 42], "entries": 3, "bytes": 120, "base": {"number": [1, 30], "bytes": 7_000}},
        "bound": {"seconds": 60, "guaranteed": true},
        "heartbeat": {
            "seconds": 10, "published_at": NOW.plus_ms(-4_000).to_rfc3339(),
            "traffic_at": NOW.plus_ms(-60_000).to_rfc3339(),
            "heard_at": NOW.plus_ms(-120_000).to_rfc3339(),
        },
        "outbox": {"pending": 1, "oldest_at": "1970-01-01T00:00:00.000Z", "failures": 2},
        "propagation": {"samples": 9, "p50_ms": 8_500, "p99_ms": 20_000, "max_ms": null,
            "histogram": [{"up_to_ms": 9_000, "count": 9}, {"up_to_ms": null, "count": 0}]},
        "locations": [{
            "id": "FR\"A", "list_number": [1, 41], "at": NOW.plus_ms(-59_999).to_rfc3339(), "age_seconds": 59,
            "isolates": 3, "isolates_holding": 2,
        }],
        "tokens": {"active": 1, "disabled": 2, "revoked": 3, "expired": 4},
        "tokens_naming_no_origin": 4,
        "highest_serial": 10, "signing_key": 1,
        "calls": {"list": 5, "record": 6, "admin": 7, "base": 8, "report": 9},
        "load": {
            "calls_per_second": 567.83, "limit_per_second": 1_000, "share": 0.56,
            "held_calls": 1_200, "held_calls_limit": 2_000,
        },
        "usage": {"counting": false},
        "restored_at": null,
        "swept_at": NOW.plus_ms(-3_600_000).to_rfc3339(),
        "rate_classes": {"missing": ["gold"], "counted_by_isolates": ["page"], "without_addresses": ["FRA"]},
        "webhook": {
            "configured": true, "pending": 3, "oldest_at": NOW.plus_ms(-7_000).to_rfc3339(),
            "failures": 11, "given_up": 2, "given_up_at": "1970-01-01T00:00:00.000Z",
            "succeeded_at": NOW.plus_ms(-9_000).to_rfc3339(),
            "failed_at": NOW.to_rfc3339(), "error": "timed_out",
        },
        "warnings": ["registry_load", "kv_unwritten"],
    });
    assert_eq!(body, expected);
}

pub(crate) fn status() -> StatusView {
    StatusView {
        list_number: (1, 42),
        changed_number: (1, 42),
        list_entries: 3,
        list_bytes: 120,
        base_number: (1, 30),
        base_bytes: 7_000,
        bound_seconds: 60,
        guaranteed: true,
        heartbeat_seconds: 10,
        published_at: Some(NOW.plus_ms(-4_000)),
        traffic_at: Some(NOW.plus_ms(-60_000)),
        heard_at: Some(NOW.plus_ms(-120_000)),
        reports_missing_since: None,
        bootstrap_key_valid: false,
        admin_keys_without_end: 0,
        has_quotas: false,
        restored_at: None,
        propagation: PropagationView {
            samples: 9,
            p50_ms: Some(8_500),
            p99_ms: Some(20_000),
            max_ms: None,
            histogram: vec![(Some(9_000), 9), (None, 0)],
        },
        locations: vec![LocationView {
            // No airport has such a name, but the variable LOCATION may contain it.
            id: "FR\"A".to_owned(),
            list_number: (1, 41),
            at: NOW.plus_ms(-59_999),
            isolates: 3,
            isolates_holding: 2,
        }],
        outbox_pending: 1,
        outbox_oldest_at: Some(UnixMillis(0)),
        outbox_failures: 2,
        tokens: [1, 2, 3, 4],
        tokens_naming_no_origin: 4,
        highest_serial: Serial(10),
        signing_key: KeyId(1),
        calls: [5, 6, 7, 8, 9],
        calls_last_minute: 34_070,
        held_calls: 1_200,
        held_calls_max: 2_000,
        swept_at: Some(NOW.plus_ms(-3_600_000)),
        rate_classes_missing: vec![ClassName::parse("gold").unwrap()],
        rate_classes_of_isolates: vec![ClassName::parse("page").unwrap()],
        locations_without_addresses: vec!["FRA".to_owned()],
        webhook: WebhookView {
            configured: true,
            pending: 3,
            oldest_at: Some(NOW.plus_ms(-7_000)),
            failures: 11,
            given_up: 2,
            given_up_at: Some(UnixMillis(0)),
            succeeded_at: Some(NOW.plus_ms(-9_000)),
            failed_at: Some(NOW),
            fault: Some(WebhookFault::TimedOut),
        },
        warnings: vec![StatusWarning::RegistryLoad, StatusWarning::KvUnwritten],
    }
}

#[test]
fn a_notice_is_the_webhooks_body_and_what_became_of_it() {
    let body = r#"{"type":"token.revoked","timestamp":"2026-11-22T02:00:00.000Z","data":{"tokens":[]}}"#;
    let notice = |delivery| NoticeView { id: "ntc_1_2".to_owned(), body: body.to_owned(), delivery };
    let delivery = DeliveryView {
        state: DeliveryState::GivenUp,
        attempts: 31,
        fault: Some(WebhookFault::Redirected),
        at: NOW,
    };
    let expected = |delivery: Value| {
        json!({
            "id": "ntc_1_2", "type": "token.revoked", "timestamp": "2026-11-22T02:00:00.000Z",
            "data": {"tokens": []}, "delivery": delivery,
        })
    };
    let page = rendered(Answer::Notices { items: vec![notice(Some(delivery)), notice(None)], next: None });
    let given_up =
        json!({"state": "given_up", "attempts": 31, "error": "redirected", "at": NOW.to_rfc3339()});
    assert_eq!(
        body_of(&page),
        json!({"items": [expected(given_up), expected(Value::Null)], "next_cursor": null})
    );
}

#[test]
fn a_probe_is_a_receipt_with_locations() {
    let probe = ProbeView {
        receipt: receipt(),
        probe_list_number: (1, 43),
        took_ms: Some(312),
        locations: vec![LocationView {
            id: "FRA".to_owned(),
            list_number: (1, 43),
            at: NOW.plus_ms(500),
            isolates: 2,
            isolates_holding: 2,
        }],
        is_idle: false,
    };
    for (begun, status) in [(true, 202), (false, 200)] {
        let response = rendered(Answer::Probe { probe: Box::new(probe.clone()), begun });
        let expected = json!({
            "id": "tok_7", "state": "revoked", "reason": "operator: leaked", "revoked_at": NOW.to_rfc3339(),
            "effective_by": UnixSeconds(1_795_313_046).to_rfc3339(), "bound_seconds": 60, "guaranteed": true,
            "list_number": [1, 42], "probe_list_number": [1, 43], "took_ms": 312, "idle": false,
            "locations": [{
                "id": "FRA", "list_number": [1, 43], "at": NOW.plus_ms(500).to_rfc3339(), "age_seconds": 0,
                "isolates": 2, "isolates_holding": 2,
            }],
        });
        assert_eq!((response.status, body_of(&response)), (status, expected));
    }
}

#[test]
fn signing_keys_are_shown_without_their_secrets() {
    let key = SigningKeyView {
        id: KeyId(2),
        state: SigningKeyState::Retired,
        in_ring: false,
        live_tokens: 0,
        missing_at: vec!["FRA".into()],
        retired_at: Some(NOW),
        effective_by: Some(UnixSeconds(1_795_313_046)),
    };
    let expected = json!({
        "id": 2, "state": "retired", "in_ring": false, "live_tokens": 0, "missing_at": ["FRA"],
        "retired_at": NOW.to_rfc3339(), "effective_by": UnixSeconds(1_795_313_046).to_rfc3339(),
    });
    assert_eq!(body_of(&rendered(Answer::SigningKey(key.clone()))), expected);
    let page = body_of(&rendered(Answer::SigningKeys(vec![key])));
    assert_eq!(page, json!({"items": [expected], "next_cursor": null}));
    let receipt = KeyReceipt {
        key_id: KeyId(2),
        retired_at: NOW,
        effective_by: UnixSeconds(1_795_313_046),
        bound_seconds: 60,
        guaranteed: true,
        list_number: (1, 42),
    };
    let expected = json!({
        "id": 2, "state": "retired", "retired_at": NOW.to_rfc3339(), "bound_seconds": 60, "guaranteed": true,
        "effective_by": UnixSeconds(1_795_313_046).to_rfc3339(), "list_number": [1, 42],
    });
    assert_eq!(body_of(&rendered(Answer::SigningKeyRetired(receipt))), expected);
}

#[test]
fn a_key_that_locations_lack_is_a_conflict_that_names_them() {
    let missing_at = vec!["AMS".into(), "FRA".into()];
    let body = body_of(&rendered(Answer::Refused(Fault::KeyMissing { missing_at })));
    let seen = (&body["status"], &body["code"], &body["missing_at"]);
    assert_eq!(seen, (&json!(409), &json!("conflict"), &json!(["AMS", "FRA"])));
}

#[test]
fn a_key_in_use_is_a_conflict_that_counts() {
    let body = body_of(&rendered(Answer::Refused(Fault::KeyInUse { live_tokens: 17 })));
    let seen = (&body["status"], &body["code"], &body["live_tokens"]);
    assert_eq!(seen, (&json!(409), &json!("conflict"), &json!(17)));
    assert_eq!(body["reason"], "key_in_use");
    let other = body_of(&rendered(Answer::Refused(Fault::Conflict(Clash::KeySigns))));
    assert_eq!((&other["reason"], other.get("live_tokens")), (&json!("key_signs"), None));
    assert_ne!(other["detail"], body["detail"]);
}

/// Keeps the text of the metrics, and the numbers that tests/vectors/metrics.test.mjs must read from it with
/// an independent parser.
#[test]
fn metrics_are_those_of_the_status() {
    let expiries = ExpiriesView {
        nearest: vec![
            ExpiryView { serial: Serial(7), family: "fam_x".to_owned(), at: UnixSeconds(1_795_400_000) },
            ExpiryView { serial: Serial(3), family: "fam_y".to_owned(), at: UnixSeconds(1_795_500_000) },
        ],
        within: [1, 2, 3, 9],
        fetched: vec![("fam_x".to_owned(), UnixSeconds(1_795_300_000))],
        fetched_in_all: 5,
        unfetched: 2,
        shown_max: 2,
    };
    let mut counted = Counts::default();
    counted.add(Outcome::Admitted, 11);
    counted.add(Outcome::OriginNotAllowed, 12);
    let seen = UsageSeen::Asked(vec![Some(reading::ShardAnswer::Totals(counted))]);
    let metrics = |status, seen| {
        let notices = vec![(NoticeKind::RefusedOrigins, 4), (NoticeKind::Revoked, 17)];
        let answer = Answer::Metrics { status: Box::new(status), expiries: expiries.clone(), notices };
        render(answer, &Rendering::Metrics, seen, NOW)
    };
    let response = metrics(status(), seen);
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((response.status, header(&response, "content-type")), (200, Some(media_type)));
    let text = response.body.as_deref().unwrap();
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    vectors::check("metrics.json", &json!({"text": text.lines().collect::<Vec<_>>()}));
    let idle = StatusView { published_at: None, traffic_at: None, ..status() };
    let text = metrics(idle, UsageSeen::Off).body.unwrap();
    assert!(!text.contains("_published_age") && !text.contains("traffic_age"), "no age of what never was");
    assert_eq!(render(Answer::Reported, &Rendering::Metrics, UsageSeen::Off, NOW).status, 500);
    assert_eq!(
        render(Answer::Refused(Fault::Forbidden), &Rendering::Metrics, UsageSeen::Off, NOW).status,
        403
    );
}

#[test]
fn answers_that_nobody_asked_for_are_internal() {
    for answer in [
        Answer::Authenticated,
        Answer::Record { sealed: None },
        Answer::List { sealed: String::new(), now: NOW },
    ] {
        assert_eq!(rendered(answer).status, 500);
    }
}

#[test]
fn an_origin_test_is_answered_only_to_the_known() {
    let deployment = deployment();
    let verdict = |body: &str| {
        let request = deployment.request("POST", "/_wayleave/api/origin-test", body.as_bytes());
        let Ok(Parsed::Ask(_, rendering)) = deployment.parse(&request) else { panic!("{body}") };
        let refused = render(Answer::Refused(Fault::Unauthorized), &rendering, UsageSeen::Off, NOW);
        assert_eq!(refused.status, 401);
        assert_eq!(render(Answer::AdminKeyDeleted, &rendering, UsageSeen::Off, NOW).status, 500);
        body_of(&render(Answer::Authenticated, &rendering, UsageSeen::Off, NOW))
    };
    assert_eq!(
        verdict(r#"{"origins":["*.example.com"],"origin":"https://a.example.com"}"#),
        json!({
            "allowed": true, "rule": "https://*.example.com", "warnings": [],
            "rules": [{"rule": "https://*.example.com", "warnings": []}],
        })
    );
    let refused =
        verdict(r#"{"origins":["http://example.com"],"origin":"https://example.com.evil.example"}"#);
    assert_eq!(refused["code"], "origin_not_allowed");
    assert_eq!(refused["rules"], json!([{"rule": "http://example.com", "warnings": ["http_origin"]}]));
    let international = verdict(r#"{"origins":["*.bücher.example"]}"#)["rules"][0].clone();
    assert_eq!(international["rule"], "https://*.xn--bcher-kva.example");
    assert_eq!(international["unicode"], "https://*.bücher.example");
    assert_eq!(verdict(r#"{"origins":"any"}"#)["rules"], json!([]));
    let referer = verdict(r#"{"origins":["https://example.com"],"referer":"https://example.com/page?x"}"#);
    assert_eq!(referer["allowed"], true);
    let own = verdict(r#"{"origins":["https://gateway.example"],"sec_fetch_site":"same-origin"}"#);
    assert_eq!(own["allowed"], true, "the gateway's own origin");
    assert_eq!(verdict(r#"{"origins":["https://example.com"]}"#)["code"], "origin_missing");
    let problem = deployment.problem("POST", "/origin-test", r#"{"origin":5}"#);
    assert_eq!(super::support::faults(&problem), ["origins: required", "origin: wrong_type"]);
}
