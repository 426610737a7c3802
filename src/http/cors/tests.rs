use super::*;
use crate::edge::route::{Route, Routes};
use crate::formats::origin::Origin;
use std::iter;

fn route(json: &str) -> Routes {
    Routes::parse(&format!("[{{\"upstream\": \"https://u.example\"{json}}}]")).unwrap()
}

fn value<'a>(edits: &'a HeaderEdits<'_>, name: &str) -> Option<&'a str> {
    let mut values = edits.set.iter().filter(|(set, _)| *set == name).map(|(_, value)| value.as_ref());
    let value = values.next();
    assert_eq!(values.next(), None, "{name} is set twice");
    value
}

/// A page whose origin no rule of the token names.
fn page(origin: &str) -> RequestingPage<'_> {
    RequestingPage { origin: Some(origin), is_named: false }
}

fn named(origin: &str) -> RequestingPage<'_> {
    RequestingPage { is_named: true, ..page(origin) }
}

const NOBODY: RequestingPage<'_> = RequestingPage { origin: None, is_named: false };

const ASKED: Preflight<'_> = Preflight {
    origin: Some("https://a.example"),
    can_be_named: true,
    method: Some("PUT"),
    headers: Some("authorization, x-a"),
};

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
    let edits = preflight(routes.iter().next().map(Route::cors), &ASKED).unwrap();
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
    let route = routes.iter().next().unwrap().cors();
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
    let route = routes.iter().next().unwrap().cors();
    assert_eq!(preflight(Some(route), &ASKED), None);
    let edits = admitted(route, page("https://a.example"), iter::empty(), &UpstreamHeaders::default());
    // The upstream's `Cross-Origin-Resource-Policy` is kept too.
    assert_eq!(edits.set, [(CACHE_CONTROL, Cow::Borrowed("private"))]);
    assert!(!edits.remove.contains(&ALLOW_ORIGIN));
    // A refusal comes from the gateway, so the gateway's CORS applies.
    assert_eq!(value(&refused(Some(route), page("null")), ALLOW_ORIGIN), Some("null"));
}

#[test]
fn the_upstreams_cors_is_replaced() {
    let routes = route("");
    let route = routes.iter().next().unwrap().cors();
    let upstream = UpstreamHeaders {
        vary: Some("Accept-Encoding"),
        cache_control: Some("public, max-age=5"),
        expose_headers: Some("X-Total, retry-after"),
    };
    let edits = admitted(route, page("https://a.example"), iter::empty(), &upstream);
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
    let edits =
        admitted(routes.iter().next().unwrap().cors(), NOBODY, iter::empty(), &UpstreamHeaders::default());
    assert_eq!(value(&edits, ALLOW_ORIGIN), None);
    assert_eq!(value(&edits, VARY), Some("Origin"));
    assert!(edits.remove.contains(&ALLOW_ORIGIN));
    let edits = refused(None, NOBODY);
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
    let route = routes.iter().next().unwrap().cors();
    let upstream = UpstreamHeaders { vary: Some("Accept, authorization"), ..UpstreamHeaders::default() };
    let edits = admitted(route, NOBODY, ["authorization"].into_iter(), &upstream);
    assert_eq!(value(&edits, VARY), Some("Accept, authorization, Origin"));
    let edits = admitted(route, NOBODY, ["x-api-key"].into_iter(), &upstream);
    assert_eq!(value(&edits, VARY), Some("Accept, authorization, Origin, x-api-key"));
}

#[test]
fn an_anonymous_answer_varies_by_every_place_of_a_credential() {
    let routes = route(", \"anonymous\": true, \"shared_cache\": true");
    let upstream = UpstreamHeaders { vary: Some("Accept"), ..UpstreamHeaders::default() };
    let places = ["authorization", "x-api-key"].into_iter();
    let edits = admitted(routes.iter().next().unwrap().cors(), NOBODY, places, &upstream);
    assert_eq!(value(&edits, VARY), Some("Accept, authorization, x-api-key"));
}

#[test]
fn credentials_are_allowed_to_an_origin_that_a_rule_names_alone() {
    let routes = route(", \"credentials\": true");
    let route = routes.iter().next().unwrap().cors();
    let origin = "https://a.example";
    let answers = |page| {
        [admitted(route, page, iter::empty(), &UpstreamHeaders::default()), refused(Some(route), page)]
    };
    for edits in answers(named(origin)) {
        assert_eq!(value(&edits, ALLOW_CREDENTIALS), Some("true"));
    }
    for unnamed in [page(origin), page("null"), NOBODY] {
        for edits in answers(unnamed) {
            assert_eq!(value(&edits, ALLOW_CREDENTIALS), None, "{unnamed:?}");
            assert_eq!(value(&edits, ALLOW_ORIGIN), unnamed.origin, "it can still be read without cookies");
        }
    }
    for routes in [super::tests::route(""), super::tests::route(", \"anonymous\": true")] {
        let edits = refused(routes.iter().next().map(Route::cors), named(origin));
        assert_eq!(value(&edits, ALLOW_CREDENTIALS), None, "not where the route takes none");
    }
}

#[test]
fn a_preflight_allows_cookies_to_what_could_be_named() {
    let routes = route(", \"credentials\": true");
    let allowed = |origin| {
        let can_be_named = Origin::can_be_named(origin);
        let asked = Preflight { origin: Some(origin), can_be_named, ..ASKED };
        let edits = preflight(routes.iter().next().map(Route::cors), &asked).unwrap();
        assert_eq!(value(&edits, ALLOW_ORIGIN), Some(origin));
        value(&edits, ALLOW_CREDENTIALS).is_some()
    };
    for origin in ["https://a.example", "http://localhost:3000", "capacitor://localhost"] {
        assert!(allowed(origin), "{origin}");
    }
    for origin in ["null", "file://", "about:blank", "a.example", "https://a.example/path"] {
        assert!(!allowed(origin), "{origin}");
    }
}

#[test]
fn the_gate_says_who_embeds_a_guarded_answer_and_the_upstream_who_an_anonymous_one() {
    let says = |json: &str, page| {
        let routes = route(json);
        let edits =
            admitted(routes.iter().next().unwrap().cors(), page, iter::empty(), &UpstreamHeaders::default());
        value(&edits, RESOURCE_POLICY).map(str::to_owned)
    };
    for page in [NOBODY, page("https://a.example"), named("https://a.example")] {
        assert_eq!(says("", page).as_deref(), Some("cross-origin"));
        assert_eq!(says(", \"anonymous\": true", page), None);
    }
}

#[test]
fn a_shared_cache_route_keeps_the_upstreams_caching() {
    let routes = route(", \"shared_cache\": true");
    let upstream =
        UpstreamHeaders { cache_control: Some("public, s-maxage=60"), ..UpstreamHeaders::default() };
    let edits =
        admitted(routes.iter().next().unwrap().cors(), page("https://a.example"), iter::empty(), &upstream);
    assert_eq!(value(&edits, CACHE_CONTROL), None);
    assert!(!edits.remove.contains(&"CDN-Cache-Control"));
    assert_eq!(value(&edits, VARY), Some("Origin"));
}

#[test]
fn a_refusal_can_be_read_by_the_page() {
    let edits = refused(None, page("https://a.example"));
    assert_eq!(value(&edits, CACHE_CONTROL), Some("no-store"));
    assert_eq!(value(&edits, ALLOW_ORIGIN), Some("https://a.example"));
    assert_eq!(value(&edits, EXPOSE_HEADERS), Some(EXPOSED));
    assert_eq!(value(&edits, VARY), Some("Origin"));
}
