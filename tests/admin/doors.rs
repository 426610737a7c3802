//! Authentication, authorisation and routing of admin requests: key, path, method, preconditions.

use super::support::{deployment, faults, status};
use wayleave::control::admin::operation::ID;
use wayleave::control::admin::operations::OPERATIONS;
use wayleave::control::admin::{OPENAPI_JSON, Parsed, RequestBody, parse};
use wayleave::control::registry::command::{Caller, Command, NoticeFilter};
use wayleave::formats::admin_key::{AdminKey, ConfiguredKey};
use wayleave::formats::family::{FamilyId, RANDOM_BYTES};
use wayleave::formats::key::{CheckKeys, KeyId, sha256};
use wayleave::http::problem::Code;

const TOKENS: &str = "/_wayleave/api/tokens";

#[test]
fn only_a_bearer_key_of_this_deployment_gets_in() {
    let deployment = deployment();
    let elsewhere = AdminKey::mint([2; 24], &CheckKeys::derive(&[1; 32], "staging"));
    let good = deployment.bearer.clone();
    let key = good.strip_prefix("Bearer ").unwrap();
    let wrong = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some(key.to_owned()),
        Some(format!("Basic {key}")),
        Some(format!("Bearer {}", elsewhere.as_str())),
        Some(format!("Bearer {}", deployment.token(1))),
        Some(format!("{good}, {good}")),
        Some(format!("{good}x")),
        Some(format!("Bearer {}", "a".repeat(10_000))),
    ];
    for authorization in wrong {
        let mut request = deployment.request("GET", TOKENS, b"");
        request.authorization = authorization.as_deref();
        let response = deployment.parse(&request).unwrap_err().into_reply();
        assert_eq!(response.status, 401, "{authorization:?}");
        let challenge = response.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer realm=\"wayleave-admin\""), "{challenge:?}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
    }
    let lower = good.replacen("Bearer", "bearer", 1);
    let mut request = deployment.request("GET", TOKENS, b"");
    request.authorization = Some(&lower);
    assert!(deployment.parse(&request).is_ok(), "RFC 9110: schemes are case-insensitive");
}

#[test]
fn the_registry_gets_the_digest_of_the_key() {
    let deployment = deployment();
    let key = deployment.bearer.strip_prefix("Bearer ").unwrap();
    let call = deployment.call("GET", "/tokens", "").unwrap();
    let sha256 = hex::encode(sha256(key.as_bytes()));
    assert_eq!(call.caller, Caller::Key { sha256 });
}

#[test]
fn the_configured_key_gets_in_where_there_is_one() {
    let deployment = deployment();
    let configured = ConfiguredKey::new("a-key-of-the-operators-own-making").unwrap();
    let mut request = deployment.request("GET", TOKENS, b"");
    request.authorization = Some("Bearer a-key-of-the-operators-own-making");
    assert!(deployment.parse(&request).is_err());
    let context =
        wayleave::control::admin::Context { configured_key: Some(&configured), ..deployment.context() };
    assert!(parse(&request, &context).is_ok());
}

#[test]
fn a_key_is_asked_for_before_anything_else_is_judged() {
    let deployment = deployment();
    for (method, path) in
        [("GET", "/nowhere"), ("PUT", "/tokens"), ("POST", "/tokens"), ("OPTIONS", "/tokens")]
    {
        let path = format!("/_wayleave/api{path}");
        let mut request = deployment.request(method, &path, b"{");
        request.authorization = None;
        assert_eq!(status(deployment.parse(&request).unwrap_err()), 401, "{method} {path}");
    }
}

#[test]
fn the_document_is_public_and_is_the_file() {
    let deployment = deployment();
    let mut request = deployment.request("GET", "/_wayleave/api/openapi.json", b"");
    request.authorization = None;
    match deployment.parse(&request).unwrap() {
        Parsed::Answered(response) => {
            assert_eq!((response.status, response.body.as_deref()), (200, Some(OPENAPI_JSON)));
            assert!(
                !response.headers.iter().any(|(name, _)| name.to_lowercase().starts_with("access-control"))
            );
        }
        Parsed::Ask(call, _) => panic!("{call:?}"),
    }
}

#[test]
fn every_operation_of_the_table_is_routed_to_itself() {
    let deployment = deployment();
    let family = FamilyId::mint([4; RANDOM_BYTES], &deployment.check_keys.family).as_str().to_owned();
    for operation in OPERATIONS.iter().filter(|operation| operation.least_role.is_some()) {
        let id = match operation.path.split('/').nth(1) {
            Some("tokens") => "tok_7",
            Some("signing-keys") => "7",
            Some("families") => &family,
            _ => "key_7",
        };
        let path = operation.path.replace(ID, id);
        // Each operation refuses this body in its own way, or has none. So the answer shows which operation
        // read the body.
        let unknown = format!("{{\"nothing of {}\":1}}", operation.id);
        let body = if operation.body.is_some() { unknown.as_str() } else { "" };
        match deployment.call(operation.method, &path, body) {
            Ok(call) => assert!(body.is_empty(), "{}: {call:?}", operation.id),
            Err(problem) => {
                let named = format!("nothing of {}: unknown_field", operation.id);
                assert!(faults(&problem).contains(&named), "{}: {problem:?}", operation.id);
            }
        }
        let head = if operation.method == "GET" { deployment.call("HEAD", &path, "").is_ok() } else { true };
        assert!(head, "HEAD {path}");
    }
}

#[test]
fn commands_are_those_of_their_paths() {
    let deployment = deployment();
    let serial = wayleave::formats::token::Serial(7);
    for (method, path, command) in [
        ("GET", "/tokens/tok_7", Command::GetToken(serial)),
        ("GET", "/tokens/tok_7/token", Command::RevealToken(serial)),
        ("POST", "/tokens/tok_7/disable", Command::DisableToken(serial)),
        ("POST", "/tokens/tok_7/enable", Command::EnableToken(serial)),
        ("POST", "/tokens/tok_7/revoke", Command::RevokeToken { serial, reason: None, force: false }),
        ("GET", "/admin-keys", Command::ListAdminKeys),
        ("DELETE", "/admin-keys/key_7", Command::DeleteAdminKey(7)),
        ("GET", "/notices", Command::ListNotices(NoticeFilter { limit: 20, below: None })),
        ("POST", "/notices/test", Command::TestWebhook),
        ("GET", "/status", Command::Status),
        ("GET", "/metrics", Command::Metrics),
        ("POST", "/tokens/tok_7/probe", Command::BeginProbe(serial)),
        ("GET", "/tokens/tok_7/probe", Command::GetProbe(serial)),
        ("GET", "/signing-keys", Command::ListSigningKeys),
        ("POST", "/signing-keys/7/activate", Command::ActivateSigningKey(KeyId(7))),
        ("POST", "/signing-keys/7/retire", Command::RetireSigningKey { key_id: KeyId(7), force: false }),
    ] {
        assert_eq!(deployment.command(method, path, ""), command, "{method} {path}");
    }
}

#[test]
fn other_paths_are_not_found_and_other_methods_are_told_which() {
    let deployment = deployment();
    for path in [
        "",
        "/",
        "/token",
        "/tokens/",
        "/tokens/tok_7/",
        "/tokens/tok_07",
        "/tokens/7",
        "/tokens/tok_7/turn",
        "/families/fam_AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "/tokens//token",
        "/tokens/a/b/token",
        "/sessions",
        "/signing-keys/7",
        "/signing-keys/07/retire",
        "/signing-keys/256/retire",
        "/admin-keys/tok_1",
        "/tokens/tok_7%2Ftoken",
    ] {
        for method in ["GET", "DELETE"] {
            let problem = deployment.problem(method, path, "");
            let known_path = matches!(
                path,
                "/families/fam_AAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                    | "/tokens/tok_07"
                    | "/tokens/7"
                    | "/tokens/tok_7%2Ftoken"
            );
            let posted_path = path.starts_with("/signing-keys/") && path.ends_with("/retire");
            let expected = match (method, path) {
                ("DELETE", _) if known_path => Code::MethodNotAllowed,
                _ if posted_path => Code::MethodNotAllowed,
                ("GET", "/admin-keys/tok_1") => Code::MethodNotAllowed,
                _ => Code::NotFound,
            };
            assert_eq!(problem.code(), expected, "{method} {path}");
        }
    }
    for path in ["/signing-keys/07/retire", "/signing-keys/256/activate", "/signing-keys/key_1/retire"] {
        assert_eq!(deployment.problem("POST", path, "").code(), Code::NotFound, "{path}");
    }
    assert_eq!(
        deployment.parse(&deployment.request("GET", "/_wayleave/other", b"")).unwrap_err().code(),
        Code::NotFound
    );
    let allow = |path: &str| {
        let response = deployment.problem("PUT", path, "").into_reply();
        assert_eq!(response.status, 405);
        response.header("allow").unwrap().to_owned()
    };
    assert_eq!(allow("/tokens"), "POST, GET, HEAD");
    assert_eq!(allow("/tokens/tok_1"), "GET, PATCH, HEAD");
    assert_eq!(allow("/admin-keys/key_1"), "DELETE");
}

#[test]
fn if_match_is_one_strong_tag_or_a_star() {
    let deployment = deployment();
    let read = |value: &str| {
        let mut request = deployment.request("PATCH", "/_wayleave/api/tokens/tok_7", b"{\"label\":\"x\"}");
        request.if_match = Some(value);
        deployment.parse(&request).map(|parsed| match parsed {
            Parsed::Ask(call, _) => match call.command {
                Command::EditToken { if_match, .. } => if_match,
                other => panic!("{other:?}"),
            },
            Parsed::Answered(response) => panic!("{response:?}"),
        })
    };
    assert_eq!(read("\"3\""), Ok(Some(3)));
    assert_eq!(read("*"), Ok(None));
    // No version is 0, so these entity tags match nothing and the registry answers 412.
    for other in ["\"03\"", "\"abc\"", "\"\"", "\"4294967296\""] {
        assert_eq!(read(other), Ok(Some(0)), "{other}");
    }
    for (value, code) in [
        ("W/\"3\"", "weak_etag"),
        ("\"3\", \"4\"", "several_etags"),
        ("3", "not_an_etag"),
        ("\"3", "not_an_etag"),
        ("", "not_an_etag"),
    ] {
        let problem = read(value).unwrap_err();
        assert_eq!(
            (problem.code(), faults(&problem)),
            (Code::InvalidRequest, vec![format!("If-Match: {code}")]),
            "{value}"
        );
    }
    let mut request = deployment.request("POST", "/_wayleave/api/tokens/tok_7/revoke", b"");
    request.if_match = Some("\"3\"");
    assert_eq!(faults(&deployment.parse(&request).unwrap_err()), ["If-Match: not_supported_here"]);
}

#[test]
fn an_idempotency_key_names_one_request() {
    let deployment = deployment();
    let read = |path: &str, key: &str, body: &str| {
        let mut request = deployment.request("POST", path, body.as_bytes());
        request.idempotency_key = Some(key);
        deployment.parse(&request).map(|parsed| match parsed {
            Parsed::Ask(call, _) => call.idempotency,
            Parsed::Answered(response) => panic!("{response:?}"),
        })
    };
    let body = r#"{"label":"x","origins":"any"}"#;
    let first = read(TOKENS, "k", body).unwrap().unwrap();
    assert_eq!(first.key, "k");
    assert_eq!(Some(first.clone()), read(TOKENS, "k", body).unwrap());
    let other = read(TOKENS, "k", r#"{"label":"y","origins":"any"}"#).unwrap().unwrap();
    assert_ne!(first.request_sha256, other.request_sha256);
    assert!(read(TOKENS, &"k".repeat(200), body).is_ok());
    for wrong in ["", " ", "a b", "é", "k\u{7f}", &"k".repeat(201)] {
        assert_eq!(
            faults(&read(TOKENS, wrong, body).unwrap_err()),
            ["Idempotency-Key: malformed"],
            "{wrong}"
        );
    }
    assert!(read("/_wayleave/api/tokens/tok_1/revoke", "k", "{}").unwrap().is_some());
    assert!(read("/_wayleave/api/admin-keys", "k", r#"{"label":"x","role":"viewer"}"#).unwrap().is_some());
}

/// Ignoring the header would break its promise. So each call that changes something either honours it or
/// refuses it by name.
#[test]
fn each_call_that_changes_something_takes_an_idempotency_key_or_refuses_it_by_name() {
    let deployment = deployment();
    let mut refusing = Vec::new();
    for operation in OPERATIONS.iter().filter(|operation| operation.least_role.is_some()) {
        let family = FamilyId::mint([1; 13], &deployment.check_keys.family);
        let path = operation
            .path
            .replace("/families/{id}", &format!("/families/{}", family.as_str()))
            .replace("/signing-keys/{id}", "/signing-keys/1")
            .replace("/admin-keys/{id}", "/admin-keys/key_1")
            .replace("{id}", "tok_1");
        let body = match operation.id {
            "createSession" => format!(r#"{{"key":"{}"}}"#, deployment.bearer.trim_start_matches("Bearer ")),
            "createToken" => r#"{"label":"x","origins":"any"}"#.to_owned(),
            "createAdminKey" => r#"{"label":"x","role":"viewer"}"#.to_owned(),
            "lookupToken" => format!(r#"{{"token":"{}"}}"#, deployment.token(1)),
            "testOrigin" => r#"{"origins":"any"}"#.to_owned(),
            "endToken" => r#"{"at":null}"#.to_owned(),
            "setLicence" => r#"{"owner":"a","ends_at":null}"#.to_owned(),
            "switchOwnerOff" | "switchOwnerOn" => r#"{"owner":"a"}"#.to_owned(),
            "revokeTokens" | "rotateTokens" | "disableTokens" | "enableTokens" => {
                r#"{"filter":{"q":"a"}}"#.to_owned()
            }
            "changeOwner" => r#"{"filter":{"q":"a"},"owner":"b"}"#.to_owned(),
            _ => String::new(),
        };
        let path = format!("/_wayleave/api{path}");
        let mut request = deployment.request(operation.method, &path, body.as_bytes());
        request.idempotency_key = Some("k");
        match deployment.parse(&request) {
            Ok(Parsed::Ask(call, _)) if operation.method == "GET" => assert_eq!(call.idempotency, None),
            Ok(Parsed::Ask(call, _)) => assert_eq!(call.idempotency.unwrap().key, "k", "{}", operation.id),
            Ok(Parsed::Answered(reply)) => panic!("{}: {reply:?}", operation.id),
            Err(problem) => {
                assert_eq!(faults(&problem), ["Idempotency-Key: not_supported_here"], "{}", operation.id);
                refusing.push(operation.id);
            }
        }
    }
    assert_eq!(refusing, ["createSession", "deleteSession"]);
}

#[test]
fn a_body_that_was_cut_is_too_large() {
    let deployment = deployment();
    let mut request = deployment.request("POST", TOKENS, b"");
    request.body = RequestBody::TooLarge;
    assert_eq!(status(deployment.parse(&request).unwrap_err()), 413);
    let long = format!("{{\"label\":\"{}\"}}", "x".repeat(64 * 1024));
    assert_eq!(deployment.problem("POST", "/tokens", &long).code(), Code::PayloadTooLarge);
}
