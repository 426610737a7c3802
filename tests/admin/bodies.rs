//! Bodies: syntax, types, and every wrong field in one answer.

use super::support::{deployment, faults};
use serde_json::json;
use wayleave::base::time::UnixSeconds;
use wayleave::control::admin::operations::OPERATIONS;
use wayleave::control::registry::command::{
    AutoRotate, Command, Lifetime, NewAdminKey, NewToken, RevokeOld, TokenEdit,
};
use wayleave::control::registry::command::{Quota, QuotaCounts};
use wayleave::formats::admin_key::Role;
use wayleave::formats::family::FamilyId;
use wayleave::formats::origin::{MissingOrigin, OriginMode, OriginRules};
use wayleave::formats::rate_class::ClassName;
use wayleave::formats::scope::{Methods, ScopeMode, ScopePaths};
use wayleave::formats::token::Serial;
use wayleave::formats::upstream_claims::UpstreamClaims;
use wayleave::formats::usage::period::Per;
use wayleave::http::problem::Code;

#[test]
fn every_setting_reaches_the_command() {
    let mut deployment = deployment();
    deployment.audiences = vec!["tiles".to_owned(), "weather".to_owned()];
    let deployment = deployment;
    let body = concat!(
        r#"{"label":" Shop ","owner":"maps team","external_id":"c-17","metadata":{"a":[1,null]},
        "origins":["https://example.com"],"origin_mode":"report","missing_origin":"allow","#,
        r#""audiences":["tiles","weather"],
        "rate":"page","quota":{"requests":1000,"per":"day","counts":"family"},
        "protected":true,"distribute":true,
        "methods":["POST","GET"],"paths":["/v1/tiles/","/v1/*"],"scope_mode":"report",
        "claims":{"public_only":true,"plan":"free"},"#,
        r#""auto_rotate":{"before_expiry_seconds":86400},"expires_in":3600}"#
    );
    let Command::CreateToken(NewToken { clone_of, lifetime, settings }) =
        deployment.command("POST", "/tokens", body)
    else {
        panic!();
    };
    assert_eq!((clone_of, lifetime), (None, Some(Lifetime::ExpiresIn(3_600))));
    let origins = OriginRules::parse(&serde_json::json!(["https://example.com"]), &[]).unwrap();
    let expected = TokenEdit {
        label: Some("Shop".to_owned()),
        owner: Some(Some("maps team".to_owned())),
        external_id: Some(Some("c-17".to_owned())),
        metadata: Some(Some("{\"a\":[1,null]}".to_owned())),
        origins: Some(origins),
        origin_mode: Some(OriginMode::Report),
        missing_origin: Some(MissingOrigin::Allow),
        audiences: Some(vec!["tiles".to_owned(), "weather".to_owned()]),
        rate: Some(ClassName::parse("page")),
        quota: Some(Some(Quota { requests: 1_000, per: Per::Day, counts: QuotaCounts::Family })),
        methods: Some(Methods::parse(["GET", "POST"]).ok()),
        paths: Some(ScopePaths::parse(["/v1/tiles", "/v1/*"]).ok()),
        scope_mode: Some(ScopeMode::Report),
        claims: Some(UpstreamClaims::of(&serde_json::json!({"plan": "free", "public_only": true})).ok()),
        protected: Some(true),
        distribute: Some(true),
        auto_rotate: Some(Some(AutoRotate {
            before_expiry_seconds: 86_400,
            expires_in: None,
            revoke_old: RevokeOld::After { after_seconds: 604_800, drain_seconds: 86_400, strict: false },
        })),
    };
    assert_eq!(settings, expected);
    let edited = deployment.command("PATCH", "/tokens/tok_9", r#"{"owner":null,"origins":"any"}"#);
    let edit = TokenEdit { owner: Some(None), origins: Some(OriginRules::Any), ..TokenEdit::default() };
    assert_eq!(edited, Command::EditToken { serial: Serial(9), if_match: None, edit });
}

/// A setting that the registry has and a request does not could not be set.
#[test]
fn every_setting_of_the_registry_is_a_field_of_the_requests() {
    let settings = serde_json::to_value(TokenEdit::default()).unwrap();
    for id in ["createToken", "editToken", "editFamily", "rotateToken", "rotateFamily"] {
        let operation = OPERATIONS.iter().find(|operation| operation.id == id).unwrap();
        for name in settings.as_object().unwrap().keys() {
            assert!(operation.body.unwrap().find(name).is_some(), "{id} has no field {name}");
        }
    }
}

#[test]
fn what_may_be_left_out() {
    let deployment = deployment();
    let Command::CreateToken(token) = deployment.command("POST", "/tokens", r#"{"clone_of":"tok_5"}"#) else {
        panic!()
    };
    assert_eq!(token, NewToken { clone_of: Some(Serial(5)), ..NewToken::default() });
    let Command::CreateToken(token) =
        deployment.command("POST", "/tokens", r#"{"label":"x","origins":"any"}"#)
    else {
        panic!();
    };
    assert_eq!(token.settings.audiences, Some(vec!["weather".to_owned()]), "the deployment's only one");
    assert_eq!(token.lifetime, None);
    assert_eq!(
        faults(&deployment.problem("POST", "/tokens", "{}")),
        ["label: required", "origins: required"]
    );

    let several = ["weather".to_owned(), "maps".to_owned()];
    let context = wayleave::control::admin::Context { audiences: &several, ..deployment.context() };
    let request = deployment.request("POST", "/_wayleave/api/tokens", br#"{"label":"x","origins":"any"}"#);
    let problem = wayleave::control::admin::parse(&request, &context).unwrap_err();
    assert_eq!(faults(&problem), ["audiences: required"]);
}

#[test]
fn one_answer_names_everything_that_is_wrong() {
    let deployment = deployment();
    let body = concat!(
        r#"{"lable":"x","label":7,"origins":["https://a.example","*","https://b.example/path",5,"*.com"],
        "origin_mode":"off","missing_origin":true,"audiences":["weather","weather","","moon"],"#,
        r#""metadata":[],"protected":"yes",
        "rate":"gold","quota":{"requests":0,"per":"year","at":"UTC"},
        "expires_in":59,"expires_at":"tomorrow","distribute":1,
        "methods":["GET","get",1],"paths":"/v1","scope_mode":"off","claims":["free"],
        "auto_rotate":{"before_expiry_seconds":1,"revoke_old":{"when":"first_use","strict":true}},"#,
        r#""external_id":"é"}"#
    );
    let problem = deployment.problem("POST", "/tokens", body);
    assert_eq!(problem.code(), Code::InvalidFields);
    let named = faults(&problem);
    for expected in [
        "lable: unknown_field",
        "distribute: wrong_type",
        "auto_rotate.before_expiry_seconds: out_of_range",
        "auto_rotate.revoke_old.strict: needs_deadline",
        "label: wrong_type",
        "quota.requests: out_of_range",
        "quota.per: unknown_value",
        "quota.at: unknown_field",
        "origins[3]: wrong_type",
        "origins[4]: public_suffix_rule",
        "origin_mode: unknown_value",
        "missing_origin: wrong_type",
        "audiences[1]: duplicate",
        "audiences[2]: empty",
        "audiences[3]: unknown_audience",
        "metadata: wrong_type",
        "protected: wrong_type",
        "rate: rate_class_not_configured",
        "expires_in: out_of_range",
        "expires_at: not_rfc3339",
        "expires_in: conflicting_fields",
        "expires_at: conflicting_fields",
        "external_id: not_ascii",
        "methods[2]: wrong_type",
        "paths: wrong_type",
        "scope_mode: unknown_value",
        "claims: wrong_type",
    ] {
        assert!(named.contains(&expected.to_owned()), "{expected} is not in {named:?}");
    }
    for at in ["origins[1]: ", "origins[2]: "] {
        assert!(named.iter().any(|fault| fault.starts_with(at)), "{at} is not in {named:?}");
    }
    assert!(!named.iter().any(|fault| fault.starts_with("origins[0]")), "{named:?}");
    assert_eq!(named.len(), 29, "{named:?}");
}

/// Wherever settings are taken: at creation, in an edit, in a rotation.
#[test]
fn a_wrong_scope_or_claim_is_named_item_by_item() {
    let deployment = deployment();
    let long = format!("/{}", "a".repeat(256));
    let many: Vec<String> = (0..51).map(|at| format!("/{at}")).collect();
    let large = "x".repeat(1_024 - r#"{"a":""}"#.len() + 1);
    let cases = [
        (json!({"methods": []}), vec!["methods: empty_list"]),
        (json!({"methods": "GET"}), vec!["methods: wrong_type"]),
        (json!({"methods": {"GET": true}}), vec!["methods: wrong_type"]),
        (
            json!({"methods": ["get", "POST", "POST", "*", "CONNECT", "TRACE", "GET, PUT", " GET", ""]}),
            vec![
                "methods[0]: unknown_method",
                "methods[2]: duplicate",
                "methods[3]: unknown_method",
                "methods[4]: unknown_method",
                "methods[5]: unknown_method",
                "methods[6]: unknown_method",
                "methods[7]: unknown_method",
                "methods[8]: unknown_method",
            ],
        ),
        (json!({"paths": []}), vec!["paths: empty_list"]),
        (json!({"paths": ["/a", null, 1]}), vec!["paths[1]: wrong_type", "paths[2]: wrong_type"]),
        (json!({"paths": many}), vec!["paths: too_many"]),
        (
            json!({"paths": [
                "/ok/*", "ok", "", "/a/../b", "/a/..", "/a%2Fb", "/a%2e%2e/b", "/a/*/b", "/a*", "/*/",
                "/a//b", "/a;b", "/a?b=c", "/a b", "/_wayleave/api", "/ok/*", "/x", "/x/", long,
                "https://a.example/x",
            ]}),
            vec![
                "paths[1]: path_slash",
                "paths[2]: path_slash",
                "paths[3]: path_not_plain",
                "paths[4]: path_not_plain",
                "paths[5]: path_not_plain",
                "paths[6]: path_not_plain",
                "paths[7]: path_wildcard",
                "paths[8]: path_wildcard",
                "paths[9]: path_wildcard",
                "paths[10]: path_not_plain",
                "paths[11]: path_not_plain",
                "paths[12]: path_not_plain",
                "paths[13]: path_not_plain",
                "paths[14]: path_reserved",
                "paths[15]: duplicate",
                "paths[17]: duplicate",
                "paths[18]: too_long",
                "paths[19]: path_slash",
            ],
        ),
        (json!({"scope_mode": null}), vec!["scope_mode: wrong_type"]),
        (json!({"claims": "{}"}), vec!["claims: wrong_type"]),
        (json!({"claims": {"a": {"b": 1}}}), vec!["claims: claim_type"]),
        (json!({"claims": {"a": null}}), vec!["claims: claim_type"]),
        (json!({"claims": {"a": [["b"]]}}), vec!["claims: claim_type"]),
        (json!({"claims": {"a": 9_007_199_254_740_993_u64}}), vec!["claims: claim_number"]),
        (json!({"claims": {"a": large}}), vec!["claims: too_long"]),
        (json!({"claims": {"a": "\u{200b}"}}), vec!["claims: invisible_character"]),
    ];
    for (body, expected) in cases {
        for (method, path) in [("PATCH", "/tokens/tok_1"), ("POST", "/tokens/tok_1/rotate")] {
            let problem = deployment.problem(method, path, &body.to_string());
            assert_eq!((problem.code(), faults(&problem)), (Code::InvalidFields, names(&expected)), "{body}");
        }
    }
    let twice = deployment.problem("PATCH", "/tokens/tok_1", r#"{"claims":{"a":1,"\u0061":2}}"#);
    assert_eq!(twice.code(), Code::InvalidRequest);
}

fn names(expected: &[&str]) -> Vec<String> {
    expected.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn an_answer_holds_no_value_of_the_request() {
    let deployment = deployment();
    let body = concat!(
        r#"{"label":["s3cret-value"],"origins":["s3cret value"],"#,
        r#""owner":"\u0007s3cret","expires_at":"s3cret"}"#
    );
    let response = deployment.problem("POST", "/tokens", body).into_reply();
    assert_eq!(response.status, 422);
    assert!(!response.body.unwrap().contains("s3cret"));
}

#[test]
fn some_faults_have_a_code_of_their_own() {
    let deployment = deployment();
    let rule = deployment.problem("POST", "/tokens", r#"{"label":"x","origins":["*.co.uk"]}"#);
    assert_eq!(
        (rule.code(), faults(&rule)),
        (Code::PublicSuffixRule, vec!["origins[0]: public_suffix_rule".to_owned()])
    );
    for body in [r#"{"expires_at":"2030-01-01T00:00:00Z"}"#, r#"{"expires_in":null,"expires_at":1}"#] {
        let problem = deployment.problem("PATCH", "/tokens/tok_1", body);
        assert_eq!(problem.code(), Code::ExpiryImmutable, "{body}");
        assert_eq!(problem.into_reply().status, 422);
    }
    let mixed = deployment.problem("PATCH", "/tokens/tok_1", r#"{"expires_in":60,"label":""}"#);
    assert_eq!(mixed.code(), Code::InvalidFields);
    assert_eq!(faults(&mixed), ["expires_in: expiry_immutable", "label: empty"]);
}

#[test]
fn a_wildcard_that_lets_strangers_in_is_refused_wherever_rules_are_taken() {
    let deployment = deployment();
    let family = FamilyId::mint([4; 13], &deployment.check_keys.family);
    let family = format!("/families/{}", family.as_str());
    let rules = r#""origins":["https://example.com","https://*.amazonaws.com"]"#;
    for (method, path) in [
        ("POST", "/tokens"),
        ("PATCH", "/tokens/tok_1"),
        ("PATCH", family.as_str()),
        ("POST", "/tokens/tok_1/rotate"),
        ("POST", &format!("{family}/rotate")),
        ("POST", "/origin-test"),
    ] {
        let label = if path == "/tokens" { r#""label":"x","# } else { "" };
        let problem = deployment.problem(method, path, &format!("{{{label}{rules}}}"));
        let expected = (Code::PublicSuffixRule, vec!["origins[1]: public_suffix_rule".to_owned()]);
        assert_eq!((problem.code(), faults(&problem)), expected, "{method} {path}");
    }
}

#[test]
fn texts_are_one_line_of_at_most_200_characters() {
    let deployment = deployment();
    let label = |text: &str| {
        let body = serde_json::json!({"label": text}).to_string();
        deployment.call("PATCH", "/tokens/tok_1", &body).map_err(|problem| faults(&problem))
    };
    assert!(label(&"ü".repeat(200)).is_ok());
    assert_eq!(label(&"ü".repeat(201)), Err(vec!["label: too_long".to_owned()]));
    assert_eq!(label(" \u{a0} "), Err(vec!["label: empty".to_owned()]));
}

#[test]
fn texts_that_people_read_hold_nothing_that_cannot_be_seen() {
    let deployment = deployment();
    let fault = |method: &str, path: &str, body: &serde_json::Value| {
        deployment.call(method, path, &body.to_string()).map_err(|problem| faults(&problem)).err()
    };
    for (text, code) in UNSEEN {
        let said = |field: &str| Some(vec![format!("{field}: {code}")]);
        for field in ["label", "owner"] {
            let body = serde_json::json!({ field: text });
            assert_eq!(fault("PATCH", "/tokens/tok_1", &body), said(field), "{text:?}");
        }
        let reason = serde_json::json!({"reason": text});
        assert_eq!(fault("POST", "/tokens/tok_1/revoke", &reason), said("reason"), "{text:?}");
        let key = serde_json::json!({"label": text, "role": "viewer"});
        assert_eq!(fault("POST", "/admin-keys", &key), said("label"), "{text:?}");
        let label = serde_json::json!({"label": text});
        assert_eq!(fault("POST", "/tokens/tok_1/rotate", &label), said("label"), "{text:?}");
        let search = url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        for name in ["q", "owner"] {
            let problem = deployment.problem("GET", &format!("/tokens?{name}={search}"), "");
            assert_eq!(faults(&problem), [format!("{name}: {code}")], "{text:?}");
        }
        let external_id = fault("PATCH", "/tokens/tok_1", &serde_json::json!({"external_id": text}));
        assert_eq!(external_id, said("external_id"), "{text:?}");
    }
    for text in
        ["Café ☕", "❤️ Herz", "東京　支店", "क्षेत्र", "مرحبا", "a\u{301}", "⠓⠑⠇⠇⠕", "👍🏽", "\u{a0}x\u{2003}y"]
    {
        assert_eq!(fault("PATCH", "/tokens/tok_1", &serde_json::json!({"label": text})), None, "{text:?}");
    }
}

#[test]
fn metadata_holds_nothing_that_cannot_be_seen_at_any_depth() {
    let deployment = deployment();
    let fault = |metadata: serde_json::Value| {
        let body = serde_json::json!({ "metadata": metadata }).to_string();
        deployment.call("PATCH", "/tokens/tok_1", &body).map_err(|problem| faults(&problem)).err()
    };
    let said = |code: &str| Some(vec![format!("metadata: {code}")]);
    assert_eq!(fault(serde_json::json!({"plan": "gold\u{202e}dlog"})), said("direction_character"));
    assert_eq!(fault(serde_json::json!({"pl\u{200b}an": 1})), said("invisible_character"));
    assert_eq!(fault(serde_json::json!({"a": [{"b": ["\u{e0041}"]}]})), said("invisible_character"));
    assert_eq!(fault(serde_json::json!({"a": "\u{9b}31m"})), said("control_character"));
    assert_eq!(fault(serde_json::json!({"a": "b\u{2028}c"})), said("control_character"));
    // JSON writes these as visible escapes; and programs may need values that are not readable text.
    assert_eq!(fault(serde_json::json!({"note": "two\nlines\tand \u{1b}", "empty": "", "space": " "})), None);
    assert_eq!(fault(serde_json::json!({"name": "❤️ Café"})), None);
}

/// Text that is refused, and the code of its fault.
const UNSEEN: [(&str, &str); 32] = [
    ("a\nb", "control_character"),
    ("a\u{0}", "control_character"),
    ("a\u{85}b", "control_character"),
    ("a\u{9b}31m", "control_character"),
    ("a\u{2028}b", "control_character"),
    ("a\u{2029}b", "control_character"),
    ("a\u{202e}b", "direction_character"),
    ("a\u{2066}b", "direction_character"),
    ("a\u{2069}b", "direction_character"),
    ("a\u{200e}b", "direction_character"),
    ("\u{200f}", "direction_character"),
    ("a\u{61c}b", "direction_character"),
    ("\u{200b}", "invisible_character"),
    ("a\u{200b}", "invisible_character"),
    ("a\u{200c}b", "invisible_character"),
    ("a\u{200d}b", "invisible_character"),
    ("a\u{2060}b", "invisible_character"),
    ("a\u{ad}b", "invisible_character"),
    ("\u{feff}a", "invisible_character"),
    ("\u{e0001}\u{e0041}", "invisible_character"),
    ("a\u{fff9}b\u{fffa}c\u{fffb}", "invisible_character"),
    ("\u{fe0f}", "invisible_character"),
    ("a\u{fe0f}", "invisible_character"),
    ("a\u{e0100}", "invisible_character"),
    ("\u{3164}", "invisible_character"),
    ("\u{115f}\u{1160}", "invisible_character"),
    ("\u{ffa0}", "invisible_character"),
    ("\u{2800}", "invisible_character"),
    ("a\u{34f}b", "invisible_character"),
    ("\u{1d159}", "invisible_character"),
    ("\u{301}", "empty"),
    (" \u{a0}\u{3000}\u{2003} ", "empty"),
];

#[test]
fn bounds_hold_at_both_ends() {
    let audience = |n: usize| format!("a{n}");
    let mut deployment = deployment();
    deployment.audiences = (0..30).map(audience).collect();
    // A clone takes its audience from its original.
    let create = |fields: &str| {
        let body = format!("{{\"clone_of\":\"tok_1\",\"label\":\"x\",\"origins\":\"any\",{fields}}}");
        deployment.call("POST", "/tokens", &body).map(|_| ()).map_err(|problem| faults(&problem))
    };
    let refused = |fault: &str| Err(vec![fault.to_owned()]);
    assert_eq!(create("\"expires_in\":60"), Ok(()));
    assert_eq!(create("\"expires_in\":63072000"), Ok(()));
    assert_eq!(create("\"expires_in\":63072001"), refused("expires_in: out_of_range"));
    assert_eq!(create("\"expires_in\":-1"), refused("expires_in: out_of_range"));
    assert_eq!(create("\"expires_in\":99999999999999999999"), refused("expires_in: wrong_type"));
    assert_eq!(create("\"expires_in\":18446744073709551615"), refused("expires_in: out_of_range"));
    assert_eq!(create("\"expires_in\":60.0"), refused("expires_in: wrong_type"));
    assert_eq!(create("\"expires_in\":\"60\""), refused("expires_in: wrong_type"));
    assert_eq!(create("\"expires_in\":null"), refused("expires_in: wrong_type"));
    let clone = deployment.problem("POST", "/tokens", r#"{"clone_of":"5"}"#);
    assert_eq!(faults(&clone), ["clone_of: not_a_token_id"]);
    assert_eq!(create("\"rate\":7"), refused("rate: wrong_type"));
    let metadata = |bytes: usize| format!("\"metadata\":{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    assert_eq!(create(&metadata(4_096)), Ok(()));
    assert_eq!(create(&metadata(4_097)), refused("metadata: too_long"));
    let audiences = |count: usize| serde_json::json!((0..count).map(audience).collect::<Vec<_>>());
    assert_eq!(create(&format!("\"audiences\":{}", audiences(20))), Ok(()));
    assert_eq!(create(&format!("\"audiences\":{}", audiences(21))), refused("audiences: too_many"));
    assert_eq!(create("\"audiences\":[]"), refused("audiences: empty_list"));
    let at = r#""expires_at":"2027-06-01T00:00:00.9+02:00""#;
    let body = format!("{{\"label\":\"x\",\"origins\":\"any\",\"audiences\":[\"a0\"],{at}}}");
    let Command::CreateToken(token) = deployment.command("POST", "/tokens", &body) else { panic!() };
    assert_eq!(token.lifetime, Some(Lifetime::ExpiresAt(UnixSeconds(1_811_800_800))));
}

#[test]
fn broken_bodies_are_400_and_say_how() {
    let deployment = deployment();
    let fault = |body: &[u8]| {
        let problem =
            deployment.parse(&deployment.request("POST", "/_wayleave/api/tokens", body)).unwrap_err();
        assert_eq!(problem.code(), Code::InvalidRequest, "{body:?}");
        faults(&problem).join(" ")
    };
    for body in [
        "{",
        "{}{}",
        "{\"a\":1,}",
        "nul",
        "{'a':1}",
        "\u{feff}{}",
        "{\"a\":01}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":1e999}",
    ] {
        assert_eq!(fault(body.as_bytes()), "body: not_json", "{body}");
    }
    assert_eq!(fault(format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000)).as_bytes()), "body: not_json");
    for body in ["[]", "null", "7", "\"x\"", "true"] {
        assert_eq!(fault(body.as_bytes()), "body: not_an_object", "{body}");
    }
    assert_eq!(fault(b"{\"label\":\"\xff\"}"), "body: not_utf8");
    assert_eq!(fault(br#"{"label":"a","label":"b"}"#), "label: duplicate_field");
    assert_eq!(fault(br#"{"metadata":{"deep":[{"x":1,"x":1}]}}"#), "x: duplicate_field");
}

#[test]
fn a_body_is_json_by_its_content_type() {
    let deployment = deployment();
    let read = |content_type: Option<&str>, path: &str, body: &[u8]| {
        let mut request = deployment.request("POST", path, body);
        request.content_type = content_type;
        deployment.parse(&request).map(|_| ()).map_err(|problem| problem.code())
    };
    let (tokens, body) = ("/_wayleave/api/tokens", br#"{"label":"x","origins":"any"}"#.as_slice());
    for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""]
    {
        assert_eq!(read(Some(good), tokens, body), Ok(()), "{good}");
    }
    for wrong in [
        "text/plain",
        "application/json; charset=latin1",
        "application/jsonx",
        "application/json, text/html",
        "",
    ] {
        assert_eq!(read(Some(wrong), tokens, body), Err(Code::UnsupportedMediaType), "{wrong}");
    }
    assert_eq!(read(None, tokens, body), Err(Code::UnsupportedMediaType));
    assert_eq!(read(None, "/_wayleave/api/tokens/tok_1/disable", b""), Ok(()), "no body needs no type");
    assert_eq!(read(None, "/_wayleave/api/tokens/lookup", b""), Err(Code::UnsupportedMediaType));
}

#[test]
fn a_clone_is_made_of_an_id_or_a_whole_token() {
    let deployment = deployment();
    let clone = |text: &str| {
        let body = serde_json::json!({ "clone_of": text }).to_string();
        deployment.call("POST", "/tokens", &body).map(|call| call.command).map_err(|problem| faults(&problem))
    };
    let of_12 = Command::CreateToken(NewToken { clone_of: Some(Serial(12)), ..NewToken::default() });
    let text = deployment.token(12);
    for good in [text.clone(), format!(" {text}\n"), "tok_12".to_owned()] {
        assert_eq!(clone(&good), Ok(of_12.clone()), "{good}");
    }
    let last = if text.ends_with('A') { "B" } else { "A" };
    let fingerprint = format!("{}…{}", &text[..12], &text[32..]);
    for wrong in [format!("{}{last}", &text[..39]), text[..39].to_owned(), format!("{text}A"), fingerprint] {
        assert_eq!(clone(&wrong), Err(vec!["clone_of: not_a_token".to_owned()]), "{wrong}");
    }
    for wrong in [" tok_12", "12", "", &text[4..], &text.to_uppercase()] {
        assert_eq!(clone(wrong), Err(vec!["clone_of: not_a_token_id".to_owned()]), "{wrong}");
    }
}

/// What the schema cannot say.
#[test]
fn a_licence_is_for_exactly_one_family_owner_or_external_id_whose_name_can_be_read() {
    let deployment = deployment();
    let asked = |path: &str, fields: &str| {
        let body = format!("{{{fields}}}");
        deployment.call("POST", path, &body).map(|_| ()).map_err(|problem| faults(&problem))
    };
    let licence = |fields: &str| asked("/licences", &format!("{fields}\"ends_at\":null"));
    assert_eq!(licence(r#""owner":"Ann","#), Ok(()));
    let refused = |faults: &[&str]| Err(faults.iter().map(|fault| (*fault).to_owned()).collect::<Vec<_>>());
    assert_eq!(licence(""), refused(&["family: required"]));
    let two = ["owner: conflicting_fields", "external_id: conflicting_fields"];
    assert_eq!(licence(r#""owner":"Ann","external_id":"c-1","#), refused(&two));
    assert_eq!(licence(r#""family":"fam_x","#), refused(&["family: not_a_family_id"]));
    assert_eq!(licence(r#""owner":"Ann","owner":"Bob","#), refused(&["owner: duplicate_field"]));
    for (name, code) in [
        ("A\\u200bnn", "invisible_character"),
        ("Ann\\u00ad", "invisible_character"),
        ("\\ufeffAnn", "invisible_character"),
        ("A\\u202enn", "direction_character"),
        ("Ann\\n\\u0007", "control_character"),
        (" \\u3000", "empty"),
    ] {
        let fault = format!("owner: {code}");
        let owner = format!("\"owner\":\"{name}\"");
        assert_eq!(licence(&format!("{owner},")), refused(&[&fault]), "{name}");
        for path in ["/owners/switch-off", "/owners/switch-on"] {
            assert_eq!(asked(path, &owner), refused(&[&fault]), "{path} {name}");
        }
    }
}

#[test]
fn a_lookup_asks_only_for_tokens_of_ours() {
    let deployment = deployment();
    let lookup = |text: &str| {
        let body = serde_json::json!({ "token": text }).to_string();
        deployment
            .call("POST", "/tokens/lookup", &body)
            .map(|call| call.command)
            .map_err(|problem| problem.code())
    };
    let good = deployment.token(12);
    assert_eq!(lookup(&good), Ok(Command::LookupToken(Serial(12))));
    assert_eq!(
        lookup(&format!(" {good}\n")),
        Ok(Command::LookupToken(Serial(12))),
        "pasted with its line end"
    );
    let last = if good.ends_with('A') { "B" } else { "A" };
    assert_eq!(lookup(&format!("{}{last}", &good[..39])), Err(Code::NotFound));
    for shown in [
        format!("{}…{}", &good[..12], &good[32..]),
        format!("{}...{}", &good[..12], &good[32..]),
        format!("{}…{}", &good[..8], &good[32..]),
        good[..12].to_owned(),
    ] {
        assert_eq!(lookup(&format!(" {shown} ")), Ok(Command::LookupFingerprint(shown)));
    }
    for around in [
        format!("Bearer {good}"),
        format!("authorization: bearer {good}\r\n"),
        format!("curl -H 'Authorization: Bearer {good}' https://api.example"),
        format!("https://api.example/map?style=2&token={good}&x=1"),
        format!("https://api.example/{good}/map"),
    ] {
        assert_eq!(lookup(&around), Ok(Command::LookupToken(Serial(12))), "{around}");
    }
    let head = good[..12].to_owned();
    for short in [good[..39].to_owned(), good[..13].to_owned(), format!("Bearer {}…", &good[..20])] {
        assert_eq!(lookup(&short), Ok(Command::LookupFingerprint(head.clone())), "{short}");
    }
    let shown = format!("{}…{}", &good[..12], &good[32..]);
    assert_eq!(lookup(&format!("the token {shown}, if you please")), Ok(Command::LookupFingerprint(shown)));
    assert_eq!(lookup(&good[..8]), Err(Code::InvalidFields));
    assert_eq!(lookup(&good[..11]), Err(Code::InvalidFields));
    assert_eq!(lookup(&good[32..]), Err(Code::InvalidFields));
    assert_eq!(lookup("wlp_x"), Err(Code::InvalidFields));
    assert_eq!(lookup(&"w".repeat(10_000)), Err(Code::InvalidFields));
}

#[test]
fn an_admin_key_needs_a_label_and_a_role() {
    let deployment = deployment();
    let key = |label: &str, role, expires_at| {
        Command::CreateAdminKey(NewAdminKey { label: label.to_owned(), role, expires_at })
    };
    assert_eq!(
        deployment.command(
            "POST",
            "/admin-keys",
            r#"{"label":"ci","role":"operator","expires_at":"2027-01-01T00:00:00Z"}"#
        ),
        key("ci", Role::Operator, Some(UnixSeconds(1_798_761_600)))
    );
    for role in Role::ALL {
        let body = format!("{{\"label\":\"x\",\"role\":\"{}\",\"expires_at\":null}}", role.as_str());
        assert_eq!(deployment.command("POST", "/admin-keys", &body), key("x", role, None));
    }
    let problem = deployment.problem("POST", "/admin-keys", r#"{"role":"root","key":"wla_"}"#);
    assert_eq!(faults(&problem), ["key: unknown_field", "label: required", "role: unknown_value"]);
}

#[test]
fn a_revocation_takes_a_reason_and_force_and_nothing_else() {
    let deployment = deployment();
    let command = deployment.command("POST", "/tokens/tok_3/revoke", r#"{"reason":"leaked","force":true}"#);
    assert_eq!(
        command,
        Command::RevokeToken { serial: Serial(3), reason: Some("leaked".to_owned()), force: true }
    );
    let problem = deployment.problem("POST", "/tokens/tok_3/revoke", r#"{"forced":true,"force":1}"#);
    assert_eq!(faults(&problem), ["forced: unknown_field", "force: wrong_type"]);
    for path in ["/tokens/tok_3/disable", "/tokens/tok_3/enable"] {
        assert_eq!(faults(&deployment.problem("POST", path, r#"{"reason":"x"}"#)), ["reason: unknown_field"]);
    }
}
