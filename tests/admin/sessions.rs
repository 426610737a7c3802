//! Console sessions in the admin API: the cookie, the page that sends it, and signing in.

use super::support::{Deployment, deployment, faults, json};
use wayleave::control::admin::{
    AdminProblem, AdminRequest, Context, Parsed, RequestBody, UsageSeen, delay_ms, parse, render, wants_body,
};
use wayleave::control::registry::command::{AdminCall, Answer, Caller, Command, SessionView};
use wayleave::formats::admin_key::{AdminKey, Role};
use wayleave::formats::key::CheckKeys;
use wayleave::formats::session::SessionText;
use wayleave::http::problem::{Code, Reason};
use wayleave::http::reply::Reply;

const TOKENS: &str = "/_wayleave/api/tokens";
const SESSION: &str = "/_wayleave/api/session";
const OWN: &str = "https://gateway.example";

fn cookie(deployment: &Deployment) -> String {
    let session = SessionText::mint([4; 16], &deployment.check_keys.session);
    session.set_cookie().split(';').next().unwrap().to_owned()
}

/// A request of the console: no `Authorization`, but a cookie and the headers that a browser adds about the
/// page.
fn of_console<'a>(
    deployment: &'a Deployment,
    method: &'a str,
    path: &'a str,
    cookie: &'a str,
) -> AdminRequest<'a> {
    AdminRequest {
        authorization: None,
        cookie: Some(cookie),
        origin: Some(OWN),
        sec_fetch_site: Some("same-origin"),
        ..deployment.request(method, path, b"")
    }
}

fn call(request: &AdminRequest<'_>, context: &Context<'_>) -> Result<AdminCall, AdminProblem> {
    match parse(request, context)? {
        Parsed::Ask(call, _) => Ok(*call),
        Parsed::Answered(reply) => panic!("{reply:?}"),
    }
}

#[test]
fn a_session_calls_by_its_digest() {
    let deployment = deployment();
    let cookie = cookie(&deployment);
    let request = of_console(&deployment, "GET", TOKENS, &cookie);
    let text = cookie.split_once('=').unwrap().1;
    let sha256 = hex::encode(wayleave::formats::key::sha256(text.as_bytes()));
    assert_eq!(call(&request, &deployment.context()).unwrap().caller, Caller::Session { sha256 });
}

#[test]
fn a_made_up_session_and_one_of_another_deployment_are_refused_here() {
    let deployment = deployment();
    let elsewhere = SessionText::mint([4; 16], &CheckKeys::derive(&[1; 32], "staging").session);
    let text = elsewhere.as_str();
    for cookie in ["", "__Host-wayleave=", &format!("__Host-wayleave={text}"), &format!("wayleave={text}")] {
        let request = of_console(&deployment, "GET", TOKENS, cookie);
        assert_eq!(call(&request, &deployment.context()).unwrap_err().code(), Code::Unauthorized, "{cookie}");
    }
}

#[test]
fn a_session_counts_only_where_the_console_has_its_origin_for_itself() {
    let deployment = deployment();
    let cookie = cookie(&deployment);
    let shared = Context { has_sessions: false, ..deployment.context() };
    let request = of_console(&deployment, "GET", TOKENS, &cookie);
    assert_eq!(call(&request, &shared).unwrap_err().code(), Code::Unauthorized);
    let body = b"{\"key\":\"x\"}";
    let sign_in = AdminRequest {
        content_type: Some("application/json"),
        body: RequestBody::Bytes(body),
        ..of_console(&deployment, "POST", SESSION, "")
    };
    let problem = call(&sign_in, &shared).unwrap_err();
    assert_eq!(
        (problem.code(), faults(&problem)),
        (Code::Forbidden, vec!["Host: no_console_here".to_owned()])
    );
    assert_eq!(problem.problem.reason(), Some(Reason::NoConsoleHere));
    assert!(!wants_body(&sign_in, &shared));
}

#[test]
fn only_the_consoles_own_pages_send_a_session() {
    let deployment = deployment();
    let cookie = cookie(&deployment);
    let context = deployment.context();
    let allowed = |method, origin, sec_fetch_site| {
        let disable = "/_wayleave/api/tokens/tok_1/disable";
        let path = if method == "GET" { TOKENS } else { disable };
        let request =
            AdminRequest { origin, sec_fetch_site, ..of_console(&deployment, method, path, &cookie) };
        match call(&request, &context) {
            Ok(_) => true,
            Err(problem) => {
                assert_eq!(problem.code(), Code::Forbidden);
                assert_eq!(problem.errors[0].code, "cross_origin");
                assert_eq!(problem.problem.reason(), Some(Reason::CrossOrigin));
                let reply = problem.into_reply();
                let body = json(reply.body.as_deref().unwrap());
                assert!(!body["detail"].as_str().unwrap().contains("higher role"), "{body}");
                // Not `insufficient_scope` (RFC 6750): that would ask the caller for a key with more rights.
                assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"wayleave-admin\""));
                false
            }
        }
    };
    let evil = Some("https://evil.example");
    for method in ["GET", "POST"] {
        assert!(allowed(method, Some(OWN), Some("same-origin")));
        for site in ["cross-site", "same-site", "none", "same-origin, same-origin", ""] {
            assert!(!allowed(method, Some(OWN), Some(site)), "{method} {site}");
        }
        // A browser that is too old to send Sec-Fetch-Site.
        assert!(allowed(method, Some(OWN), None));
        assert!(!allowed(method, evil, None));
        assert!(!allowed(method, Some("null"), None));
        assert!(!allowed(method, Some("http://gateway.example"), None));
    }
    assert!(allowed("GET", None, None));
    assert!(!allowed("POST", None, None));
    assert!(allowed("GET", None, Some("same-origin")));
}

#[test]
fn with_an_admin_key_the_page_does_not_matter_and_the_cookie_is_not_looked_at() {
    let deployment = deployment();
    let request = AdminRequest {
        authorization: Some(&deployment.bearer),
        sec_fetch_site: Some("cross-site"),
        ..of_console(&deployment, "GET", TOKENS, "__Host-wayleave=made-up")
    };
    assert!(matches!(call(&request, &deployment.context()).unwrap().caller, Caller::Key { .. }));
}

#[test]
fn signing_in_takes_the_key_of_the_body() {
    let deployment = deployment();
    let key = deployment.bearer.strip_prefix("Bearer ").unwrap();
    let sign_in = |body: &str, origin| {
        let request = AdminRequest {
            authorization: None,
            content_type: Some("application/json"),
            origin,
            body: RequestBody::Bytes(body.as_bytes()),
            ..deployment.request("POST", SESSION, b"")
        };
        assert_eq!(wants_body(&request, &deployment.context()), origin == Some(OWN));
        let result = call(&request, &deployment.context());
        let reply = result.as_ref().err().cloned().map_or(Reply::empty(204), AdminProblem::into_reply);
        (result, delay_ms(&request, &reply))
    };
    let (result, delay) = sign_in(&format!("{{\"key\":\" {key}\\n\"}}"), Some(OWN));
    let sha256 = hex::encode(wayleave::formats::key::sha256(key.as_bytes()));
    let expected =
        AdminCall { caller: Caller::Key { sha256 }, command: Command::OpenSession, idempotency: None };
    assert_eq!((result.unwrap(), delay), (expected, 0));

    let elsewhere = AdminKey::mint([2; 24], &CheckKeys::derive(&[1; 32], "staging"));
    for wrong in ["x", elsewhere.as_str(), &"a".repeat(250)] {
        let (result, delay) = sign_in(&format!("{{\"key\":\"{wrong}\"}}"), Some(OWN));
        assert_eq!(result.unwrap_err().code(), Code::Unauthorized, "{wrong}");
        assert_eq!(delay, 1_000, "{wrong}");
    }
    let (result, delay) = sign_in("{}", Some(OWN));
    assert_eq!((faults(&result.unwrap_err()), delay), (vec!["key: required".to_owned()], 0));
    let (result, _) = sign_in(&format!("{{\"key\":\"{key}\"}}"), Some("https://evil.example"));
    assert_eq!(faults(&result.unwrap_err()), ["Origin: cross_origin"]);
    let (result, _) = sign_in(&format!("{{\"key\":\"{key}\"}}"), None);
    assert_eq!(faults(&result.unwrap_err()), ["Origin: cross_origin"]);
}

#[test]
fn the_answers_set_and_take_back_the_cookie() {
    let view = SessionView {
        admin_key: 7,
        label: "job".into(),
        role: Role::Viewer,
        bootstrap: false,
        ends_at: None,
    };
    let text = SessionText::mint([4; 16], &deployment().check_keys.session).as_str().to_owned();
    let rendering = match deployment().parse(&deployment().request("GET", SESSION, b"")).unwrap() {
        Parsed::Ask(_, rendering) => rendering,
        other => panic!("{other:?}"),
    };
    let now = super::support::NOW;
    let opened = render(
        Answer::SessionOpened { session: view.clone(), text: text.clone() },
        &rendering,
        UsageSeen::Off,
        now,
    );
    assert_eq!(opened.status, 201);
    assert!(opened.header("Set-Cookie").unwrap().contains(&text));
    let body = opened.body.unwrap();
    assert!(!body.contains(&text));
    assert_eq!(
        body,
        concat!(
            r#"{"admin_key":"key_7","label":"job","role":"viewer","bootstrap":false,"ends_at":null,"#,
            r#""idle_seconds":3600}"#
        )
    );
    assert_eq!(render(Answer::Session(view), &rendering, UsageSeen::Off, now).body, Some(body));
    let closed = render(Answer::SessionClosed, &rendering, UsageSeen::Off, now);
    assert!(closed.header("Set-Cookie").unwrap().contains("Max-Age=0"));
}
