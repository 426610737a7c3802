//! Tests of `edge/public_url`.

use super::*;
use crate::edge::route::{Resolved, Routes};

const BASE: &str = r#"[{"upstream": "http://u:8080/base/"}]"#;
const PLAIN: &str = r#"[{"upstream": "http://u:8080"}]"#;
const TOKEN: Option<&str> = Some("token=wlp_x");

/// The header's value after rewriting, in an answer to `GET https://gw.example/v1/a/b?q`.
fn passed(routes: &str, map: impl Fn(&PublicUrls) -> Option<String>, value: &str) -> String {
    let routes = Routes::parse(routes).unwrap();
    let Resolved::Api { route, target } = routes.resolve("https://gw.example/v1/a/b?q").unwrap() else {
        panic!("not forwarded")
    };
    let asked = route.upstream_url(&target, target.query);
    map(&PublicUrls::of(route, &target, &asked).unwrap()).unwrap_or_else(|| value.to_owned())
}

fn reference(routes: &str, token: Option<&str>, text: &str) -> String {
    passed(routes, |urls| urls.reference(text, token), text)
}

#[test]
fn the_upstreams_own_urls_become_the_gateways() {
    for (sent, seen) in [
        ("http://u:8080/base/echo?a=%7e#f", "https://gw.example/echo?a=%7e#f"),
        ("http://u:8080/base", "https://gw.example/"),
        ("HTTP://U:8080/base/%7Eann/", "https://gw.example/%7Eann/"),
        ("http://user:secret@u:8080/base/x", "https://gw.example/x"),
        ("//u:8080/base/x", "https://gw.example/x"),
        ("http:\\\\u:8080\\base\\x", "https://gw.example/x"),
        (" \thttp://u:8080/base/x ", "https://gw.example/x"),
        ("http://u:8080/base/../base/x", "https://gw.example/x"),
        ("/base/echo", "/echo"),
        ("/base/", "/"),
        ("/base?a", "/?a"),
        ("../c", "/v1/c"),
        ("c?d", "/v1/a/c?d"),
        // `//evil.example` at the start would be read as a host.
        ("/base//evil.example/x", "https://gw.example//evil.example/x"),
        ("http://u:8080/base//evil.example/x", "https://gw.example//evil.example/x"),
    ] {
        // A relative reference may stay unchanged if it resolves to the same URL on the caller's side.
        let got = reference(BASE, None, sent);
        let public = Url::parse("https://gw.example/v1/a/b?q").unwrap();
        assert_eq!(public.join(&got).unwrap(), public.join(seen).unwrap(), "{sent}");
        assert!(got == seen || got == sent, "{sent}: {got}");
        assert!(!got.contains("u:8080") && !got.contains("secret"), "{got}");
    }
}

#[test]
fn what_lies_outside_of_the_routes_path_keeps_its_path_and_shows_no_address() {
    for (sent, seen) in [
        ("http://u:8080/login?a", "https://gw.example/login?a"),
        ("http://u:8080/based/x", "https://gw.example/based/x"),
        ("http://u:8080/base/../admin", "https://gw.example/admin"),
        ("/login", "/login"),
    ] {
        assert_eq!(reference(BASE, None, sent), seen);
    }
}

#[test]
fn every_other_url_stays_as_it_came_and_gets_no_token() {
    for sent in [
        "http://u.evil.example:8080/base/x",
        "http://u:8080@evil.example/base/x",
        "http://u@evil.example/",
        "http://u:81/base/x",
        "http://u/base/x",
        "https://u:8080/base/x",
        "ftp://u:8080/base/x",
        "//evil.example/base/x",
        "/\\evil.example/x",
        "\\\\evil.example/x",
        "/\t/evil.example/x",
        "https://gw.example.evil.example/",
        "https://gw.example:8443/",
        "http://gw.example/",
        "javascript:alert(1)",
        "mailto:u:8080",
        "http://",
        "https://gw.example:99999/",
    ] {
        for routes in [BASE, PLAIN] {
            assert_eq!(reference(routes, TOKEN, sent), sent, "{routes}");
        }
    }
}

#[test]
fn without_a_path_of_the_upstreams_a_relative_reference_stays_byte_for_byte() {
    for sent in ["/elsewhere", "x y", "../%7e?\u{e4}", "?a", "#f", "", "./", "..;/x", "/a//b"] {
        assert_eq!(reference(PLAIN, None, sent), sent);
    }
}

#[test]
fn a_redirect_that_stays_gets_its_token_back() {
    for (sent, seen) in [
        ("/base/echo", "/echo?token=wlp_x"),
        ("/base/echo?a=%7e&b#f", "/echo?a=%7e&b&token=wlp_x#f"),
        ("/base/echo?", "/echo?token=wlp_x"),
        ("http://u:8080/base/echo", "https://gw.example/echo?token=wlp_x"),
        // An upstream that builds its URLs from X-Forwarded-Host.
        ("https://gw.example/base/echo", "https://gw.example/base/echo?token=wlp_x"),
        ("https://GW.example:443/x?a", "https://gw.example/x?a&token=wlp_x"),
        ("//gw.example/x", "https://gw.example/x?token=wlp_x"),
        // The URL has a token already; a request with two tokens is refused.
        ("/base/echo?token=its-own", "/echo?token=its-own"),
        ("/base/echo?t%6Fken=its-own", "/echo?t%6Fken=its-own"),
        ("/base//evil.example/x", "https://gw.example//evil.example/x?token=wlp_x"),
    ] {
        assert_eq!(reference(BASE, TOKEN, sent), seen);
    }
}

#[test]
fn a_refresh_is_mapped_as_browsers_read_it() {
    for (sent, seen) in [
        ("5; url=http://u:8080/base/x", "5; url=https://gw.example/x?token=wlp_x"),
        ("0;URL='/base/x' ", "0;URL='/x?token=wlp_x' "),
        ("0.5,/base/x", "0.5,/x?token=wlp_x"),
        (".; url=http://u:8080/base/x", ".; url=https://gw.example/x?token=wlp_x"),
        ("0 http://u:8080/base/x", "0 https://gw.example/x?token=wlp_x"),
        (" 3 ; Url = \"/base/x\"; more", " 3 ; Url = \"/x?token=wlp_x\"; more"),
        ("0; /base/url", "0; /url?token=wlp_x"),
        ("5", "5"),
        ("5;", "5;"),
        ("5; url=", "5; url="),
        ("5; url=http://evil.example/", "5; url=http://evil.example/"),
        ("soon; url=/base/x", "soon; url=/base/x"),
    ] {
        assert_eq!(passed(BASE, |urls| urls.refresh(sent, TOKEN), sent), seen);
    }
}

#[test]
fn links_are_mapped_each_by_itself() {
    for (sent, seen) in [
        (
            "<http://u:8080/base/?page=2>; rel=\"next\", </base/s.css>; rel=preload; as=style",
            "<https://gw.example/?page=2>; rel=\"next\", </s.css>; rel=preload; as=style",
        ),
        (
            "<https://cdn.example/a>; title=\"<http://u:8080/base/> \\\"x\"; rel=x, \
                 <http://u:8080/base/b>",
            "<https://cdn.example/a>; title=\"<http://u:8080/base/> \\\"x\"; rel=x, \
                 <https://gw.example/b>",
        ),
        (
            "<x>; rel=describes; Anchor = \"http://u:8080/base/doc\"",
            "<x>; rel=describes; Anchor = \"https://gw.example/doc\"",
        ),
        ("<http://evil.example/>; rel=next", "<http://evil.example/>; rel=next"),
        ("<http://u:8080/base/x", "<http://u:8080/base/x"),
        ("<a>; title=\"never ends <http://u:8080/base/x>", "<a>; title=\"never ends <http://u:8080/base/x>"),
        ("", ""),
    ] {
        assert_eq!(passed(BASE, |urls| urls.links(sent), sent), seen);
    }
}

#[test]
fn whatever_is_mapped_leads_to_the_gateway_and_whatever_has_the_token_too() {
    let public = Url::parse("https://gw.example/v1/a/b?q").unwrap();
    let heads = [
        "http://u:8080",
        "//u:8080",
        "http://",
        "https://gw.example",
        "//",
        "/\\",
        "\\",
        "",
        "http:",
        "https:/",
    ];
    let hosts =
        ["u:8080", "u:8080@evil.example", "evil.example", "u:80", "gw.example", "", "u:8080.evil.example"];
    let tails = [
        "/base",
        "/base/x",
        "/base//evil.example",
        "//evil.example",
        "/\\evil.example",
        "/base/\t/evil.example",
        "@evil.example",
        "?a",
        "",
    ];
    let pairs = heads.iter().flat_map(|head| hosts.map(|host| format!("{head}{host}")));
    for sent in pairs.flat_map(|start| tails.map(|tail| format!("{start}{tail}"))) {
        let got = reference(BASE, TOKEN, &sent);
        if got != sent {
            assert_eq!(public.join(&got).unwrap().origin(), public.origin(), "{sent}: {got}");
        } else {
            assert!(!got.contains("wlp_x"));
        }
    }
}
