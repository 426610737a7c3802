use super::*;
use crate::route::Routes;

fn route(json: &str) -> Routes {
    Routes::parse(&format!("[{{\"upstream\": \"https://u.example\"{json}}}]")).unwrap()
}

fn value<'a>(edits: &'a HeaderEdits<'_>, name: &str) -> Option<&'a str> {
    let mut values = edits.set.iter().filter(|(set, _)| *set == name).map(|(_, value)| value.as_ref());
    let value = values.next();
    assert_eq!(values.next(), None, "{name} is set twice");
    value
}

const ASKED: Preflight<'_> =
    Preflight { origin: Some("https://a.example"), method: Some("PUT"), headers: Some("authorization, x-a") };

#[test]
fn only_options_with_a_requested_method_is_a_preflight() {
    assert!(is_preflight("OPTIONS", Some("GET")));
    assert!(is_preflight("OPTIONS", Some("")));
    assert!(!is_preflight("OPTIONS", None));
    assert!(!is_preflight("GET", Some("GET")));
}

#[test]
fn a_preflight_is_reflected() {
    let routes = route("");
    let edits = preflight(routes.iter().next(), &ASKED).unwrap();
    assert_eq!(value(&edits, ALLOW_ORIGIN), Some("https://a.example"));
    assert_eq!(value(&edits, ALLOW_METHODS), Some("PUT"));
    assert_eq!(value(&edits, ALLOW_HEADERS), Some("authorization, x-a"));
    assert_eq!(value(&edits, MAX_AGE), Some("7200"));
    assert_eq!(value(&edits, ALLOW_CREDENTIALS), None);
    assert_eq!(value(&edits, VARY), Some(VARY_PREFLIGHT));
}

#[test]
fn a_preflight_reflects_only_legal_values() {
    let routes = route("");
    let route = routes.iter().next().unwrap();
    let asked = Preflight { method: Some("P\u{e4}T"), headers: Some("a\r\nb: c"), ..ASKED };
    let edits = preflight(Some(route), &asked).unwrap();
    assert_eq!(value(&edits, ALLOW_METHODS), None);
    assert_eq!(value(&edits, ALLOW_HEADERS), None);
    for origin in
        [None, Some(""), Some("*"), Some("https://a.example, https://b.example"), Some("https://\u{e4}")]
    {
        let edits = preflight(Some(route), &Preflight { origin, ..ASKED }).unwrap();
        assert_eq!(value(&edits, ALLOW_ORIGIN), None, "{origin:?}");
        assert_eq!(value(&edits, VARY), Some(VARY_PREFLIGHT));
    }
}

#[test]
fn anonymous_routes_keep_the_cors_of_the_upstream() {
    let routes = route(", \"anonymous\": true");
    let route = routes.iter().next().unwrap();
    assert_eq!(preflight(Some(route), &ASKED), None);
    let edits = admitted(route, Some("https://a.example"), None, &UpstreamHeaders::default());
    assert_eq!(edits.set, [(CACHE_CONTROL, Cow::Borrowed("private"))]);
    assert!(!edits.remove.contains(&ALLOW_ORIGIN));
    // A refusal is ours, not the upstream's.
    assert_eq!(value(&refused(Some(route), Some("null")), ALLOW_ORIGIN), Some("null"));
}

#[test]
fn the_upstreams_cors_is_replaced() {
    let routes = route("");
    let route = routes.iter().next().unwrap();
    let upstream = UpstreamHeaders {
        vary: Some("Accept-Encoding"),
        cache_control: Some("public, max-age=5"),
        expose_headers: Some("X-Total, retry-after"),
    };
    let edits = admitted(route, Some("https://a.example"), None, &upstream);
    assert_eq!(value(&edits, ALLOW_ORIGIN), Some("https://a.example"));
    assert_eq!(value(&edits, ALLOW_CREDENTIALS), None);
    assert_eq!(value(&edits, VARY), Some("Accept-Encoding, Origin"));
    assert_eq!(value(&edits, CACHE_CONTROL), Some("private, max-age=5"));
    assert_eq!(
        value(&edits, EXPOSE_HEADERS),
        Some("X-Total, retry-after, WWW-Authenticate, Sunset, Deprecation, Wayleave-Token-Expires")
    );
    for name in [ALLOW_ORIGIN, ALLOW_CREDENTIALS, "CDN-Cache-Control", "Surrogate-Control"] {
        assert!(edits.remove.contains(&name), "{name}");
    }
}

#[test]
fn without_an_origin_nothing_is_allowed_but_the_answer_varies() {
    let routes = route("");
    let edits = admitted(routes.iter().next().unwrap(), None, None, &UpstreamHeaders::default());
    assert_eq!(value(&edits, ALLOW_ORIGIN), None);
    assert_eq!(value(&edits, VARY), Some("Origin"));
    assert!(edits.remove.contains(&ALLOW_ORIGIN));
    let edits = refused(None, None);
    assert_eq!(edits.set, [(CACHE_CONTROL, Cow::Borrowed("no-store")), (VARY, Cow::Borrowed("Origin"))]);
}

#[test]
fn vary_is_merged_once() {
    for (from, to) in [
        (None, Some("Origin")),
        (Some(" "), Some("Origin")),
        (Some("origin"), None),
        (Some("Accept, ORIGIN"), None),
        (Some("*"), None),
        (Some("X-Origin"), Some("X-Origin, Origin")),
    ] {
        assert_eq!(vary(from, [ORIGIN].into_iter()).as_deref(), to, "{from:?}");
    }
}

#[test]
fn an_answer_varies_by_the_header_that_held_the_token() {
    let routes = route("");
    let route = routes.iter().next().unwrap();
    let upstream = UpstreamHeaders { vary: Some("Accept, authorization"), ..UpstreamHeaders::default() };
    let edits = admitted(route, None, Some("authorization"), &upstream);
    assert_eq!(value(&edits, VARY), Some("Accept, authorization, Origin"));
    let edits = admitted(route, None, Some("x-api-key"), &upstream);
    assert_eq!(value(&edits, VARY), Some("Accept, authorization, Origin, x-api-key"));
}

#[test]
fn credentials_are_allowed_by_the_route_alone() {
    let routes = route(", \"credentials\": true");
    let route = routes.iter().next().unwrap();
    let origin = Some("https://a.example");
    for edits in [
        preflight(Some(route), &ASKED).unwrap(),
        admitted(route, origin, None, &UpstreamHeaders::default()),
        refused(Some(route), origin),
    ] {
        assert_eq!(value(&edits, ALLOW_CREDENTIALS), Some("true"));
    }
    assert_eq!(value(&admitted(route, None, None, &UpstreamHeaders::default()), ALLOW_CREDENTIALS), None);
}

#[test]
fn a_shared_cache_route_keeps_the_upstreams_caching() {
    let routes = route(", \"shared_cache\": true");
    let upstream =
        UpstreamHeaders { cache_control: Some("public, s-maxage=60"), ..UpstreamHeaders::default() };
    let edits = admitted(routes.iter().next().unwrap(), Some("https://a.example"), None, &upstream);
    assert_eq!(value(&edits, CACHE_CONTROL), None);
    assert!(!edits.remove.contains(&"CDN-Cache-Control"));
    assert_eq!(value(&edits, VARY), Some("Origin"));
}

#[test]
fn a_refusal_can_be_read_by_the_page() {
    let edits = refused(None, Some("https://a.example"));
    assert_eq!(value(&edits, CACHE_CONTROL), Some("no-store"));
    assert_eq!(value(&edits, ALLOW_ORIGIN), Some("https://a.example"));
    assert_eq!(value(&edits, EXPOSE_HEADERS), Some(EXPOSED));
    assert_eq!(value(&edits, VARY), Some("Origin"));
}
