use super::*;
use crate::base::plain_path::is_plain;
use crate::edge::credential::CredentialSources;
use crate::edge::withheld::ForwardedHeaders;
use url::Url;

const TABLE: &str = concat!(
    r#"[
    {"upstream": "https://any.example", "path": "/", "audience": "any", "anonymous": true},
    {"upstream": "https://v1.example/base/", "path": "/v1/", "audience": "v1", "credentials": true},
    {"upstream": "https://deep.example", "path": "/v1/deep", "timeout_seconds": 300},
    {"upstream": "http://127.0.0.1:8788", "host": "API.example.com.", "audience": "host", "#,
    r#""shared_cache": true,
     "forwarded_headers": "pass", "credential_sources": "query:key, bearer"},
    {"upstream": "https://port.example", "host": "api.example.com:8443", "path": "/v1"},
    {"upstream": "https://idn.example", "host": "bücher.example"}
]"#
);

fn unreadable(fault: PathFault) -> Result<String, RouteFault> {
    Err(RouteFault::Unreadable(fault))
}

fn upstream(routes: &Routes, url: &str) -> Result<String, RouteFault> {
    match routes.resolve(url)? {
        Resolved::Reserved { path, .. } => Ok(format!("reserved {path}")),
        Resolved::Api { route, target } => Ok(route.upstream_url(&target, target.query)),
    }
}

fn table() -> Routes {
    Routes::parse(TABLE).unwrap()
}

fn alone() -> Routes {
    Routes::from_upstream("https://u.example/").unwrap()
}

#[test]
fn the_most_specific_route_serves() {
    for (url, to) in [
        ("https://h.example", "https://any.example/"),
        ("https://h.example?a", "https://any.example/?a"),
        ("https://h.example/v1", "https://v1.example/base/v1"),
        ("https://h.example/v1/x?y", "https://v1.example/base/v1/x?y"),
        ("https://h.example/v10", "https://any.example/v10"),
        ("https://h.example/v1/deep/er", "https://deep.example/v1/deep/er"),
        ("https://h.example/v1/deeper", "https://v1.example/base/v1/deeper"),
        ("https://api.example.com/v1", "http://127.0.0.1:8788/v1"),
        ("https://API.EXAMPLE.com.:9/v2", "http://127.0.0.1:8788/v2"),
        ("https://api.example.com:8443/v1/a", "https://port.example/v1/a"),
        ("https://api.example.com:8443/v2", "http://127.0.0.1:8788/v2"),
        ("https://xn--bcher-kva.example/", "https://idn.example/"),
        ("http://[::1]:8787/", "https://any.example/"),
    ] {
        assert_eq!(upstream(&table(), url).as_deref(), Ok(to), "{url}");
    }
}

#[test]
fn a_path_that_no_route_serves_is_not_found() {
    let routes =
        Routes::parse(r#"[{"upstream": "https://u.example", "host": "a.example:443", "path": "/v1"}]"#)
            .unwrap();
    assert_eq!(upstream(&routes, "https://a.example/v1").as_deref(), Ok("https://u.example/v1"));
    for url in ["https://a.example/", "https://a.example/v2", "http://a.example/v1", "https://b.example/v1"] {
        assert_eq!(upstream(&routes, url), Err(RouteFault::NotFound), "{url}");
    }
}

#[test]
fn path_and_query_go_upstream_byte_for_byte() {
    for rest in [
        "/a%2fb%5C/%7e//c;d=1/.well-known/...?x=%41+b&&=;%zz?'\"",
        "/%zz/%/%2",
        "/\u{e4}?\u{e4}",
        "//evil.example/x",
        "/?",
        "/@evil.example",
        "/v1:80/",
        "/_wayleavex/",
        "/x/_wayleave/token",
    ] {
        let url = format!("https://h.example{rest}");
        assert_eq!(upstream(&alone(), &url), Ok(format!("https://u.example{rest}")), "{rest}");
    }
    assert_eq!(upstream(&alone(), "https://h.example/a?b#c?d").as_deref(), Ok("https://u.example/a?b"));
    assert_eq!(upstream(&alone(), "https://h.example#/a").as_deref(), Ok("https://u.example/"));
}

#[test]
fn paths_that_mean_two_things_are_refused() {
    use PathFault::{Backslash, ControlCharacter, DotSegment, EncodedRepeatedly};
    for (fault, paths) in [
        (ControlCharacter, ["/%00", "/a%00b", "/a%2500", "/a b", "/a\tb", "/a\u{7f}"].as_slice()),
        (Backslash, &["/a\\b", "/\\evil.example", "/a\\..\\b"]),
        (DotSegment, &["/.", "/..", "/a/./b", "/a/../b", "/%2e", "/a/%2E%2e/b", "/a/.%2e", "/a/%252e%252e"]),
        (DotSegment, &["/a/..%2Fb", "/a%2f..%2fb", "/a%5c..%5cb", "/..;/a", "/a/..;x=1/b", "/a/..%20/b"]),
        (DotSegment, &["/a/%20./b", "/a/..::$DATA/b", "/a/..%3fb", "/a%3f/../b", "/a/%c0%ae%c0%ae/b"]),
        (EncodedRepeatedly, &["/%25252525252E"]),
    ] {
        for path in paths {
            let url = format!("https://h.example{path}");
            assert_eq!(upstream(&alone(), &url), unreadable(fault), "{path}");
            assert_eq!(upstream(&table(), &url), unreadable(fault), "{path}");
        }
    }
}

#[test]
fn decoded_control_characters_are_refused_where_more_than_one_route_serves_the_host() {
    for code in (1..0x20).chain([0x7f]) {
        for path in [format!("/a%{code:02x}b"), format!("/a%25{code:02X}"), format!("/v1/x%{code:02x}")] {
            let url = format!("https://h.example{path}");
            assert_eq!(upstream(&table(), &url), unreadable(PathFault::ControlCharacter), "{path}");
            assert!(upstream(&alone(), &url).is_ok(), "{path}");
        }
    }
}

#[test]
fn encoded_separators_pass_where_both_readings_stay_in_one_route() {
    for path in
        ["/a%2Fb", "/a%2fb", "/a%5Cb", "/v1/projects/group%2Fproject/x", "/v1/a%2f", "/%2fa", "/v10%2fa"]
    {
        for routes in [table(), alone()] {
            assert!(upstream(&routes, &format!("https://h.example{path}")).is_ok(), "{path}");
        }
    }
    for path in ["/v1%2Fb", "/v1%2f", "/v1%5Cdeep/x", "/v1/deep%2fx", "/v1%2Fdeep", "/x%2f/v1%2f%2e"] {
        let url = format!("https://h.example{path}");
        assert!(upstream(&table(), &url).is_err(), "{path}");
    }
    let to = |path: &str| upstream(&table(), &format!("https://h.example{path}"));
    assert_eq!(to("/v1%2Fb"), unreadable(PathFault::EncodedSeparator));
    assert_eq!(to("/v1%5cdeep"), unreadable(PathFault::EncodedSeparator));
}

#[test]
fn a_spelling_that_would_reach_another_route_is_refused() {
    for path in [
        "/%761/x",
        "/v%31",
        "/%2576%31/x",
        "//v1/x",
        "/v1;a/x",
        "/v1//deep",
        "/v1/%64eep",
        "/V1",
        "/V1/x",
        "/v1/DEEP/x",
        "/v1/Deep",
        "/v1.",
        "/v1./x",
        "/v1../x",
        "/v1%20/x",
        "/v1+/../x",
        "/%20v1/x",
        "/v1%c2%a0/x",
        "/v1%3fx",
        "/index.php/v1/x",
        "/.php/v1",
        "/open%2fa.php/v1",
        "/open%c0%afa.php/v1",
        "/open;a.php/v1",
        "/open%c0%afa.cgi;x/v1",
        "/open%c0%afa%2ephp/v1",
        "/open%2fa%2ephp/v1",
        "/open%2fa.php%20/v1",
        "/open%ef%bc%8fa%c0%aephp/v1",
        "/(S(a%2fb))/v1",
        "/%28S(a%2fb))/v1",
        "/v1%23",
        "/v1%253Fx",
        "/v1::$DATA",
        "/v1:$i30:$INDEX_ALLOCATION/x",
        "/%c1%b61/x",
        "/%ef%bd%961/x",
        "/%u0076%u0031/x",
        "/v1/%uff44eep",
        "/v1/dee\u{ff50}",
        "/v1%c0%afdeep",
        "/v1/deep%u002fx",
        "//x/v1",
        "///x/v1/y",
        "/%2fx/v1",
        "//x//y/V1",
        "//x/y/v1",
        "//x%3f/v1",
        "//a%c0%afb/v1",
        "/;/x/v1",
        // A parameter that ends elsewhere for servers that know another notation.
        "/%3b%ef%bc%8fx/v1",
        "/v1/%3b%ef%bc%8fx/deep",
        "/%3b%c0%afx/v1",
        "/%3b%e0%80%afx/v1",
        "/%3b%u002fx/v1",
        "/%3b%uff0fx/v1",
        "/%253b%ef%bc%8fx/v1",
        "/%u003b%c0%afx/v1",
        "/%c0%bb%e0%80%afx/v1",
        "/%3a$%ef%bc%8fx/v1",
        "/;%c0%ef%bc%8f/v1",
        // Several segments that are no part of the address.
        "/a.php/(S(x))/v1",
        "/a.php/(S(x))/b.php/v1",
        // A script in a folder: its own path is what follows.
        "/public/index.php/v1",
        "/cgi-bin/App.CGI/v1/x",
        "/v1/x.php/v1/deep",
        "/a/%2ephp/v1",
        "/x/a.php/(S(x))/v1",
        "/x/a.php/v1/b.php/deep",
    ] {
        let url = format!("https://h.example{path}");
        assert!(matches!(upstream(&table(), &url), Err(RouteFault::Unreadable(_))), "{path}");
    }
    for path in [
        "/v1/%7e",
        "/v1//x",
        "/v1/x;a",
        "/%41",
        "/v1/\u{e4}",
        "/.well-known/x",
        "/A/B",
        "/v1/AbC",
        "//x",
        "//x/y/v2",
        "/v1/x.",
        "/v1/%zz",
        "/x/v1",
        "/x//v1",
        "/v1/%E4",
        "/v2/V1",
        "/v1/a:b",
        "/v1/%20",
        "/v1/...",
        "/v1/a%3Fb%23c",
        "/v1-Deep",
    ] {
        assert!(upstream(&table(), &format!("https://h.example{path}")).is_ok(), "{path}");
    }
}

/// A path costs as much as it has readings: these have thousands.
#[test]
fn a_path_with_more_readings_than_are_compared_is_refused() {
    let many = |segment: &str, count: usize| segment.repeat(count);
    for path in [
        format!("/{}/x", many("/.pl", 400)),
        format!("{}/x", many("/a.pl", 2_000)),
        format!("/{}", many("/a", 4_000)),
        format!("/%2f{}", many("/a", 17)),
        format!(
            "/%u0061%c1%a1%e0%81%a1%ef%bd%81%25u0061%25c1%25a1%25e0%2581%25a1%25ef%25bd%2581{}",
            many("/a", 9)
        ),
        format!("/%61{}", many("a", 8_192)),
    ] {
        for routes in [table(), alone()] {
            let fault = upstream(&routes, &format!("https://h.example{path}"));
            assert_eq!(fault, unreadable(PathFault::TooManyReadings), "{}", path.get(..60).unwrap_or(&path));
        }
    }
    for path in [
        format!("/{}", many("a", 100_000)),
        many("/a", 20_000),
        format!("/{}", many("/a", 16)),
        many("/a.pl", 5),
    ] {
        assert!(upstream(&alone(), &format!("https://h.example{path}")).is_ok());
    }
}

#[test]
fn look_alikes_of_unicode_are_the_letters_that_servers_take_them_for() {
    let routes = Routes::parse(
        r#"[{"upstream": "https://any.example"}, {"upstream": "https://kiosk.example", "path": "/kiosk"}]"#,
    )
    .unwrap();
    for path in [
        "/\u{212a}iosk",
        "/%e2%84%aaiosk/x",
        "/k%c4%b1osk",
        "/k%C4%B0osk",
        "/kio\u{17f}k/x",
        "/\u{ff2b}IOSK",
        "/KIOSK",
    ] {
        let url = format!("https://h.example{path}");
        assert_eq!(upstream(&routes, &url), unreadable(PathFault::TwoRoutes), "{path}");
    }
}

#[test]
fn the_reserved_prefix_is_never_forwarded() {
    for (path, rest) in [
        ("/_wayleave", ""),
        ("/_wayleave/", "/"),
        ("/_wayleave/token?a", "/token"),
        ("/_wayleave//token", "//token"),
        ("/_wayleave/%74oken", "/%74oken"),
    ] {
        for routes in [alone(), table()] {
            assert_eq!(
                upstream(&routes, &format!("https://h.example{path}")),
                Ok(format!("reserved {rest}")),
                "{path}"
            );
        }
    }
    for path in [
        "//_wayleave/token",
        "/%5Fwayleave/token",
        "/%5fwayleave",
        "/%255fwayleave/token",
        "/_WAYLEAVE/token",
        "/_Wayleave",
        "/_wayleave%2ftoken",
        "/_wayleave%5Ctoken",
        "/_wayleave;a/token",
        "/%2f_wayleave/token",
        "/;/_wayleave/token",
        "/_wayle%61ve/token",
        "/%2F%2F_wayLEAVE%2Ftoken",
        "/x/../_wayleave/token",
        "/./_wayleave/token",
        "//x/_wayleave/token",
        "/_wayleave./token",
        "/_wayleave%20/token",
        "/_wayleave%3ftoken",
        "/_wayleave%c0%aftoken",
        "/_wa\u{ff59}leave/token",
    ] {
        for routes in [alone(), table()] {
            let url = format!("https://h.example{path}");
            assert!(matches!(upstream(&routes, &url), Err(RouteFault::Unreadable(_))), "{path}");
        }
    }
    let reserved = upstream(&alone(), "https://h.example/_Wayleave/token");
    assert_eq!(reserved, unreadable(PathFault::Reserved));
}

#[test]
fn the_requests_own_origin_and_query_are_told() {
    let routes = alone();
    match routes.resolve("http://H.example:8787/_wayleave/token?x=1").unwrap() {
        Resolved::Reserved { path, query, own_origin } => {
            assert_eq!((path, query, own_origin), ("/token", Some("x=1"), "http://H.example:8787"));
        }
        Resolved::Api { .. } => panic!("forwarded"),
    }
}

#[test]
fn what_is_no_request_url_is_refused() {
    for url in [
        "",
        "/a",
        "ftp://h/a",
        "https://",
        "https:///a",
        "https://u@h/a",
        "https://h:x/",
        "https://h:99999/",
        "https://h%41/",
    ] {
        assert_eq!(upstream(&alone(), url), unreadable(PathFault::Host), "{url}");
    }
}

#[test]
fn audiences_are_listed_once() {
    assert_eq!(table().audiences(), ["any", "default", "host", "v1"]);
    assert_eq!(alone().audiences(), ["default"]);
}

#[test]
fn audiences_of_routes_that_take_cookies_are_known() {
    assert_eq!(table().credential_audiences(), ["v1"]);
    assert!(alone().credential_audiences().is_empty());
}

#[test]
fn a_routes_settings_are_as_written() {
    let routes = table();
    let by = |audience: &str| routes.iter().find(|route| route.audience() == audience).unwrap();
    assert!(by("any").is_anonymous() && !by("v1").is_anonymous());
    assert!(by("v1").allows_credentials() && !by("any").allows_credentials());
    assert!(by("host").is_shared_cache() && !by("v1").is_shared_cache());
    assert_eq!(by("v1").timeout_seconds(), 30);
    assert_eq!(by("v1").forwarded_headers(), ForwardedHeaders::Replace);
    assert_eq!(by("host").forwarded_headers(), ForwardedHeaders::Pass);
    assert!(routes.iter().any(|route| route.timeout_seconds() == 300));
    let sources = by("host").credential_sources().map(CredentialSources::listed);
    assert_eq!(sources, Some(vec!["bearer".to_owned(), "query:key".to_owned()]));
    assert_eq!(by("v1").credential_sources(), None);
    assert!(by("v1").scope().is_empty());
    let scoped = r#"[{"upstream": "https://u.example", "path": "/v1", "methods": ["POST", "GET"],
        "paths": ["/v1/x/", "/v1/*", "/*"]}]"#;
    let scoped = Routes::parse(scoped).unwrap();
    let scope = serde_json::to_value(scoped.iter().next().unwrap().scope()).unwrap();
    let expected = serde_json::json!({"methods": ["GET", "POST"], "paths": ["/v1/x", "/v1/*", "/*"]});
    assert_eq!(scope, expected);
}

#[test]
fn a_wrong_table_says_where() {
    for (json, place) in [
        ("", ""),
        ("{}", ""),
        ("[]", ""),
        ("[1]", "[0]"),
        ("[{}]", "[0].upstream"),
        (r#"[{"upstream": 1}]"#, "[0].upstream"),
        (r#"[{"upstream": "https://u.example", "legacy": {}}]"#, "[0].legacy"),
        (r#"[{"upstream": "https://u.example"}, {"upstream": "https://v.example"}]"#, "[1].path"),
        (
            concat!(
                r#"[{"upstream": "https://u.example", "path": "/a"}, "#,
                r#"{"upstream": "https://v.example", "path": "/a/"}]"#
            ),
            "[1].path",
        ),
        (
            concat!(
                r#"[{"upstream": "https://u.example", "path": "/a"}, "#,
                r#"{"upstream": "https://v.example", "path": "/A"}]"#
            ),
            "[1].path",
        ),
        (r#"[{"upstream": "https://u.example", "anonymous": true, "credentials": true}]"#, "[0].credentials"),
        (r#"[{"upstream": "https://u.example", "anonymous": 1}]"#, "[0].anonymous"),
        (r#"[{"upstream": "https://u.example", "audience": ""}]"#, "[0].audience"),
        (r#"[{"upstream": "https://u.example", "audience": "a\nb"}]"#, "[0].audience"),
    ] {
        assert_eq!(Routes::parse(json).unwrap_err().place, place, "{json}");
    }
    for (field, values) in [
        ("host", ["\"\"", "\"a/b\"", "\"https://a\"", "\"a:x\"", "\"u@a\"", "\"*.a\"", "null"].as_slice()),
        (
            "path",
            &[
                "\"a\"",
                "\"\"",
                "\"//\"",
                "\"/a?b\"",
                "\"/a/../b\"",
                "\"/%61\"",
                "\"/_wayleave/x\"",
                "\"/_Wayleave\"",
                "\"/v1.\"",
                "\"/a./b\"",
                "\"/a:$b\"",
            ],
        ),
        (
            "methods",
            &["[]", "null", "\"GET\"", "[\"get\"]", "[\"GET\",\"GET\"]", "[\"TRACE\"]", "[1]", "[\"*\"]"],
        ),
        (
            "paths",
            &[
                "[]",
                "null",
                "\"/x\"",
                "[1]",
                "[\"x\"]",
                "[\"/x\",\"/x/\"]",
                "[\"/x/../y\"]",
                "[\"/x%2Fy\"]",
                "[\"/x/*/y\"]",
                "[\"/x*\"]",
                "[\"/_wayleave/*\"]",
            ],
        ),
        ("forwarded_headers", &["true", "\"\"", "\"Pass\"", "null"]),
        ("timeout_seconds", &["0", "301", "-1", "1.5", "\"30\""]),
        ("token_lifetime_seconds", &["0", "59", "631152001", "-1", "60.5", "\"60\"", "null"]),
        (
            "credential_sources",
            &["\"\"", "null", "[]", "\"cookie\"", "\"bearer,bearer\"", "\"header:Cookie\""],
        ),
    ] {
        for value in values {
            let json = format!("[{{\"upstream\": \"https://u.example\", \"{field}\": {value}}}]");
            assert_eq!(Routes::parse(&json).unwrap_err().place, format!("[0].{field}"), "{json}");
        }
    }
    for (fields, place) in [
        // Without a token there is no scope: the request would be forwarded.
        (r#""anonymous": true, "methods": ["GET"]"#, "[0].methods"),
        (r#""anonymous": true, "paths": ["/x"]"#, "[0].paths"),
        (r#""path": "/v1", "paths": ["/v1/x", "/v2/*"]"#, "[0].paths"),
        (r#""path": "/v1", "paths": ["/V1/x"]"#, "[0].paths"),
        (r#""path": "/v1", "paths": ["/v10"]"#, "[0].paths"),
        (r#""path": "/v1", "paths": ["/"]"#, "[0].paths"),
    ] {
        let json = format!("[{{\"upstream\": \"https://u.example\", {fields}}}]");
        assert_eq!(Routes::parse(&json).unwrap_err().place, place, "{json}");
    }
    for url in [
        "",
        "u.example",
        "/a",
        "ftp://u.example",
        "https:u.example",
        "https://u.example?a",
        "https://u.example#a",
        "https://x@u.example",
        "https://u.example/a b",
        "https://",
        "https://u.example?",
    ] {
        assert!(Routes::from_upstream(url).is_err(), "{url}");
    }
}

/// For each path that is let through, the URL standard's parser keeps the segments that routes are compared
/// with. So matching the path as sent equals matching the parsed path.
#[test]
fn a_plain_path_is_what_the_url_parser_makes_of_it() {
    for byte in 0x20..0x7f_u8 {
        for path in
            [format!("/a{}b", byte as char), format!("/{}", byte as char), format!("/a/{}/b", byte as char)]
        {
            if is_plain(&path) {
                assert_eq!(Url::parse(&format!("https://h{path}")).unwrap().path(), path);
            }
        }
    }
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    let twice = r#"[{"upstream": "https://u.example", "anonymous": false, "anonymous": true}]"#;
    assert!(Routes::parse(twice).is_err());
}
