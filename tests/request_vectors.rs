//! Request vectors: to which route a path belongs, whether it lies in a scope, and where a request carries
//! its credential, or why it is refused for any of these; and what the upstream is sent of claims. Other
//! implementations of the gateway's parsing can be checked against them;
//! `tests/vectors/requests.test.mjs` is one.

#![cfg(test)] // so clippy takes all of it for a test

#[path = "support/scope_vectors.rs"]
mod scope_vectors;
#[path = "support/vectors.rs"]
mod vectors;

use base64::prelude::*;
use serde_json::{Value, json};
use wayleave::base::headers::Headers;
use wayleave::base::time::{UnixMillis, UnixSeconds};
use wayleave::config::Config;
use wayleave::edge::credential::{Carriers, Credential, Place};
use wayleave::edge::receive as gateway;
use wayleave::edge::receive::Received;
use wayleave::edge::request_facts::RequestFacts;
use wayleave::edge::route::Resolved;
use wayleave::formats::key::KeyId;
use wayleave::formats::token::{Claims, Serial};
use wayleave::http::reply::Reply;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
const HOST: &str = "https://api.example";

fn config(routes: &Value, sources: &str) -> Config {
    let secret = BASE64_STANDARD.encode([5; 32]);
    Config::read(|name| match name {
        "DEPLOYMENT" => Some("vectors".to_owned()),
        "ROUTES" => Some(routes.to_string()),
        "CREDENTIAL_SOURCES" => Some(sources.to_owned()),
        "SIGNING_KEYS" => Some(json!({ "1": secret }).to_string()),
        "CHECK_SECRET" => Some(secret.clone()),
        _ => None,
    })
    .unwrap()
}

/// A token that verifies under that configuration.
fn token(config: &Config) -> String {
    let claims = Claims { key_id: KeyId(1), serial: Serial(7), expires_at: UnixSeconds(1_800_003_600) };
    claims.mint(&config.edge.ring).unwrap()
}

fn refusal(reply: &Reply) -> Value {
    let body: Value = serde_json::from_str(reply.body.as_deref().unwrap()).unwrap();
    let mut refused = json!({ "status": reply.status, "code": body["code"] });
    for member in ["reason", "places"] {
        if !body[member].is_null() {
            refused[member] = body[member].clone();
        }
    }
    json!({ "refuse": refused })
}

// Paths.

fn routes() -> Value {
    json!([
        { "host": "api.example", "path": "/", "upstream": "https://any.example" },
        { "host": "api.example", "path": "/v1", "upstream": "https://v1.example/base" },
        { "host": "api.example", "path": "/v1/kiosk", "upstream": "https://kiosk.example" },
        { "host": "alone.example", "path": "/", "upstream": "https://alone.example" },
        { "host": "part.example:443", "path": "/api", "upstream": "https://part.example" },
    ])
}

fn path_outcome(config: &Config, url: &str) -> Value {
    match config.edge.routes.resolve(url) {
        Ok(Resolved::Reserved { path, .. }) => json!({ "own": path }),
        Ok(Resolved::Api { route, target }) => {
            json!({ "route": route.path(), "upstream_url": route.upstream_url(&target, target.query) })
        }
        Err(_) => {
            let facts =
                RequestFacts { method: "GET", url, headers: Headers::read("", ""), token_headers: "" };
            match gateway::receive(&config.edge, &facts, NOW) {
                Received::Reply(reply) => refusal(&reply),
                other => panic!("{url}: {other:?}"),
            }
        }
    }
}

/// The expected result as written in a row: the route's path, `own`, or the reason of a refusal.
fn brief_of_path(expect: &Value) -> String {
    let told = [&expect["route"], &expect["refuse"]["reason"], &expect["refuse"]["code"]];
    match told.into_iter().find_map(Value::as_str) {
        Some("") => "/".to_owned(),
        Some(text) => text.to_owned(),
        None => "own".to_owned(),
    }
}

const EAGER: &str = "a path whose eager reading belongs to another route than its plain reading is 400";
const PLAIN: &str = "routes: host, then the longest path, by whole segments";
const RESERVED: &str = "the reserved prefix is never forwarded, in whatever spelling";
const DOTS: &str = "a path with a dot segment in any decoding is 400";
const CONTROLS: &str =
    "decoded control characters are 400 where more than one route serves the host, NUL everywhere";
const SEPARATORS: &str = "an encoded slash passes where the decoded path stays in the same route";

/// Paths on the host that several routes serve, grouped by result and reason.
const PATHS: [(&str, &str, &[&str]); 16] = [
    (
        "/",
        PLAIN,
        &[
            "",
            "/",
            "/x",
            "/v10",
            "/V2/x",
            "/x/v1",
            "/%76",
            "/.well-known/x",
            "/x?/v1",
            "/a'b",
            "/\u{e4}",
            "/%E4",
        ],
    ),
    (
        "/",
        EAGER,
        &[
            "//x",
            "//x/y/v2",
            "/x;/v1",
            "/x%3f/v1",
            "/%zz",
            "/x.",
            "/x%20",
            "/...",
            "/v1-kiosk",
            "/v1.json",
            "/v1+",
            "/index.php/x",
            "/x.php",
            "/v1.php/x",
            "/(S(a))/x",
            "/(x)/v1",
        ],
    ),
    ("/", SEPARATORS, &["/a%2Fb", "/a%2fv1", "/a%5Cb", "/a%252fb"]),
    ("/v1", PLAIN, &["/v1", "/v1/", "/v1/x?y=%zz", "/v1/AbC", "/v1/kiosks", "/v1/x/kiosk"]),
    ("/v1", SEPARATORS, &["/v1/projects/group%2Fproject", "/v1/a%2fb%5cc", "/v1/a%3Fb%23c"]),
    ("/v1", EAGER, &["/v1//x", "/v1/x;a=b", "/v1/x.", "/v1/%20", "/v1/a:b", "/v1/x::$DATA"]),
    ("/v1/kiosk", PLAIN, &["/v1/kiosk", "/v1/kiosk/X", "/v1/kiosk/%4B"]),
    (
        "path_of_two_routes",
        EAGER,
        &[
            "/V1",
            "/V1/x",
            "/v1/Kiosk",
            "/v1/KIOSK/x",
            "/%76%31",
            "/%2576%2531/x",
            "//v1/x",
            "/v1//kiosk",
            "/v1;a=b/x",
            "/;/v1",
            "/v1./x",
            "/v1%20/x",
            "/%20v1",
            "/v1%c2%a0/x",
            "/v1%3fx",
            "/v1%23",
            "/v1::$DATA",
            "/v1/kiosk:$i30:$INDEX_ALLOCATION/x",
            "/%u0076%u0031/x",
            "/%c1%b61/x",
            "/%ef%bd%961/x",
            "/v1/%e2%84%aaiosk",
            "/v1/k%c4%b1osk",
            "/v1/k%c4%b0osk",
            "/v1/kio%c5%bfk",
            "/v1/\u{212a}iosk",
            "//x/v1",
            "///x/v1/y",
            "//x//y/V1",
            "//x/y/v1",
            "//x%3f/v1",
            "/v1%c0%afkiosk",
            "/v1%ef%bc%8fkiosk/x",
            "/v1%u002fkiosk",
            "/v1%f0%80%80%afkiosk",
            "/%fc%80%80%80%81%b61",
            "/;%3fx/v1",
            "/;%2523x/v1/x",
            "/v1/;a=%3f/kiosk",
            "/v1/:$%3fx/kiosk",
            "//%3fx/v1",
            "/index.php/v1",
            "/%69ndex.PHP/V1/x",
            "/v1/app.fcgi/kiosk",
            "/(S(a))/v1/x",
            "/(A(a)F(b))/v1",
            "/%3b%ef%bc%8fx/v1",
            "/v1/%3b%c0%afx/kiosk",
            "/%3b%u002fx/v1",
            "/public/index.php/v1",
            "/x/a.php/(S(x))/v1",
            "/x/a.php/v1/b.php/kiosk",
            "/v1/app.cgi/v1/kiosk",
        ],
    ),
    (
        "encoded_separator",
        SEPARATORS,
        &[
            "/v1%2fx",
            "/v1%2F",
            "/v1%5ckiosk",
            "/v1/kiosk%2fx",
            "/%2fv1",
            "/%2fx/v1",
            "/v1%2fkiosk",
            "/;%2fx/v1",
            "/v1/;a%5cb/kiosk",
        ],
    ),
    (
        "dot_segment",
        DOTS,
        &[
            "/..",
            "/.",
            "/a/../b",
            "/a/./b",
            "/%2e",
            "/a/%2E%2e/b",
            "/a/.%2e",
            "/a/%252e%252e",
            "/a/..%2fb",
            "/a%2f..%2fb",
            "/a%5c..",
            "/..;/a",
            "/a/..;x=1/b",
            "/a/..%20/b",
            "/a/..%3fb",
            "/a%3f/../b",
            "/a/%c0%ae%c0%ae/b",
            "/a/..::$DATA",
            "/x/../_wayleave/token",
        ],
    ),
    (
        "control_character",
        CONTROLS,
        &["/a%00", "/a%2500b", "/a%09b", "/a%0d%0ab", "/a%1f", "/a%7F", "/v1/x%0a", "/a b", "/a\u{7f}"],
    ),
    ("backslash", "a raw backslash is 400", &["/a\\b", "/\\v1", "/a\\..\\b"]),
    ("encoded_repeatedly", "a path that is percent-encoded again and again is 400", &["/%25252525252e"]),
    (
        "too_many_readings",
        "a path that servers may read in too many ways is 400",
        &["//a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", "/a.php/b.php/c.pl/d.cgi/e.fcgi/x"],
    ),
    (
        "own",
        RESERVED,
        &["/_wayleave", "/_wayleave/", "/_wayleave/token?a", "/_wayleave//token", "/_wayleave/%74oken"],
    ),
    (
        "reserved_path",
        RESERVED,
        &[
            "//_wayleave/token",
            "/%5Fwayleave",
            "/%255fwayleave/token",
            "/_WAYLEAVE/token",
            "/_Wayleave",
            "/_wayleave%2ftoken",
            "/_wayleave;a/x",
            "/%2f_wayleave/token",
            "/;/_wayleave/token",
            "/_wayle%61ve",
            "/_wayleave./token",
            "/_wayleave%20/x",
            "/_wayleave%3fx",
            "//x/_wayleave/token",
            "/_wa%ef%bd%99leave/token",
            "/;%2fx/_wayleave/token",
            "/index.php/_wayleave/token",
        ],
    ),
];

/// Whole URLs, by result and reason as in [`PATHS`].
const URLS: [(&str, &str, &[&str]); 5] = [
    ("/", CONTROLS, &["https://alone.example/a%0ab", "https://alone.example/a%7f"]),
    ("/", SEPARATORS, &["https://alone.example/v1%2fkiosk", "https://alone.example/%2fV1"]),
    (
        "/api",
        PLAIN,
        &["https://part.example/api/x", "https://PART.example./api", "https://part.example:443/api"],
    ),
    ("path_of_two_routes", EAGER, &["https://part.example/API", "https://part.example/%61pi/x"]),
    (
        "host_unreadable",
        "the host of a request is a name or an address",
        &["https://a%41.example/", "https://u@api.example/", "https:///x"],
    ),
];

fn paths() -> Vec<Value> {
    let config = config(&routes(), "bearer");
    let on_host = PATHS.iter().flat_map(|(said, source, paths)| {
        paths.iter().map(move |path| (*said, *source, format!("{HOST}{path}")))
    });
    let whole = URLS
        .iter()
        .flat_map(|(said, source, urls)| urls.iter().map(move |url| (*said, *source, (*url).to_owned())));
    let rows = on_host.chain(whole).map(|(said, source, url)| {
        let expect = path_outcome(&config, &url);
        assert_eq!(brief_of_path(&expect), said, "{url}");
        json!({ "url": url, "source": source, "expect": expect })
    });
    rows.collect()
}

// Credentials.

/// The headers that the platform would read, and the names of the others that hold a token.
fn read(config: &Config, sent: &Value) -> (String, String, String) {
    let sent = sent.as_object().unwrap();
    let names = gateway::header_names(&config.edge);
    let line =
        |name: &&str| sent.get(*name).map_or(String::new(), |value| format!("={}", value.as_str().unwrap()));
    let lines: Vec<String> = names.iter().map(line).collect();
    let is_other = |name: &str, value: &Value| {
        !names.contains(&name) && value.as_str().unwrap().contains(gateway::TOKEN_PREFIX)
    };
    let others: Vec<&str> =
        sent.iter().filter(|(name, value)| is_other(name, value)).map(|(name, _)| name.as_str()).collect();
    (names.join("\n"), lines.join("\n"), others.join(","))
}

fn credential_outcome(config: &Config, headers: &Value, query: Option<&str>) -> Value {
    let (names, lines, others) = read(config, headers);
    let url = query.map_or(format!("{HOST}/x"), |query| format!("{HOST}/x?{query}"));
    let facts = RequestFacts {
        method: "GET",
        url: &url,
        headers: Headers::read(&names, &lines),
        token_headers: &others,
    };
    match gateway::receive(&config.edge, &facts, NOW) {
        Received::Onward(_) => json!({ "anonymous": true }),
        Received::Refused(reply, _) => refusal(&reply),
        Received::Guarded(_) => {
            let carriers = Carriers { headers: &facts.headers, others: &others, query };
            let found = config.edge.credential_sources.find(&carriers).unwrap().unwrap();
            presented(&found, &facts.headers, query)
        }
        other => panic!("{other:?}"),
    }
}

fn presented(credential: &Credential<'_>, headers: &Headers<'_>, query: Option<&str>) -> Value {
    let mut seen = json!({ "credential": credential.text() });
    match credential.place() {
        Place::Header(name) => seen["header_cut"] = json!(name),
        Place::Query { .. } => seen["query_left"] = json!(credential.strip_query(query.unwrap())),
        Place::Protocols => seen["protocols_left"] = json!(credential.strip_protocols(headers).unwrap()),
    }
    seen
}

fn brief_of_credential(expect: &Value) -> String {
    let told = [&expect["refuse"]["reason"], &expect["refuse"]["code"]];
    match told.into_iter().find_map(Value::as_str) {
        Some(text) => text.to_owned(),
        None if expect["anonymous"] == true => "anonymous".to_owned(),
        None => "credential".to_owned(),
    }
}

const ONE: &str = "exactly one credential; a listed place that is present presents one";
const NEVER: &str = "a value that holds wlp_ is never ignored, and never reaches an upstream";
const UNLISTED: &str = "a place that is not listed is the upstream's own, but for a token in a default place";
const PROTOCOLS: &str = "new WebSocket(url, [\"wayleave\", token])";
/// The placeholder for the token in the rows below.
const T: &str = "§";
const DEFAULT: &str = "bearer, header:X-Api-Key, query:token, websocket-protocol";

type Row = (&'static str, &'static str, &'static str, Value, Option<&'static str>);

/// The result, its reason, the sources, the headers, and the query. `§` is the token.
fn requests() -> Vec<Row> {
    let mut rows: Vec<Row> = vec![
        ("anonymous", ONE, DEFAULT, json!({}), None),
        ("anonymous", ONE, DEFAULT, json!({"cookie": "a=1"}), Some("a=1&wlp=_")),
        ("credential", ONE, DEFAULT, json!({"authorization": "Bearer §"}), Some("a=1")),
        ("credential", ONE, DEFAULT, json!({"authorization": "bEARER   §"}), None),
        ("credential", ONE, DEFAULT, json!({"x-api-key": "§"}), None),
        ("credential", ONE, DEFAULT, json!({}), Some("a=%7e&t%6fken=§&&b=token=y")),
        ("credential", ONE, DEFAULT, json!({}), Some("token=§")),
        ("another_kind", ONE, DEFAULT, json!({"authorization": "Basic dTpw"}), None),
        ("another_kind", ONE, DEFAULT, json!({"authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"}), None),
        ("another_kind", ONE, DEFAULT, json!({"x-api-key": ""}), None),
        ("another_kind", ONE, DEFAULT, json!({}), Some("token")),
        ("another_kind", ONE, DEFAULT, json!({"x-api-key": "WLP_"}), None),
        ("token_malformed", ONE, DEFAULT, json!({"x-api-key": "§="}), None),
        ("two_places", ONE, DEFAULT, json!({"authorization": "Bearer §", "x-api-key": "§"}), None),
        ("two_places", ONE, DEFAULT, json!({"authorization": "Basic dTpw"}), Some("token=§")),
        ("two_places", ONE, DEFAULT, json!({"x-api-key": "§"}), Some("token")),
        ("twice", ONE, DEFAULT, json!({"x-api-key": "§, §"}), None),
        ("twice", ONE, DEFAULT, json!({"authorization": "Bearer §, Basic dTpw"}), None),
        ("twice", ONE, DEFAULT, json!({}), Some("token=§&a=1&%74oken=")),
        (
            "anonymous",
            UNLISTED,
            "query:key",
            json!({"authorization": "Bearer eyJ", "x-api-key": "a, b"}),
            Some("token=1&token=2"),
        ),
        (
            "credential",
            UNLISTED,
            "query:key",
            json!({"authorization": "Bearer eyJ"}),
            Some("token=own&key=§"),
        ),
        ("credential", UNLISTED, "query:key", json!({"authorization": "Bearer §"}), None),
        ("credential", UNLISTED, "bearer", json!({}), Some("token=§&a=1")),
        ("two_places", UNLISTED, "bearer", json!({"authorization": "Bearer §"}), Some("token=§")),
        ("credential", UNLISTED, "bearer", json!({"authorization": "Bearer §"}), Some("token=own")),
        ("misplaced", UNLISTED, "bearer", json!({}), Some("key=§")),
        ("token_malformed", NEVER, DEFAULT, json!({"authorization": "Bearer (§)"}), None),
        ("token_malformed", NEVER, DEFAULT, json!({"authorization": "Token token=§"}), None),
        ("token_malformed", NEVER, DEFAULT, json!({}), Some("token=Bearer%20§")),
        (
            "anonymous",
            NEVER,
            DEFAULT,
            json!({"referer": "https://a.example/?token=§", "host": "wlp_a.example"}),
            None,
        ),
        (
            "anonymous",
            NEVER,
            DEFAULT,
            json!({"cookie": "wlp_seen=1", "origin": "https://wlp_a.example"}),
            None,
        ),
        ("misplaced", NEVER, DEFAULT, json!({"cookie": "a=1; token=§"}), None),
        ("misplaced", NEVER, DEFAULT, json!({"cookie": "a=1; §=1"}), None),
        ("misplaced", NEVER, DEFAULT, json!({"cookie": "§"}), None),
        ("credential", PROTOCOLS, DEFAULT, json!({"sec-websocket-protocol": "wayleave, §"}), Some("a=1")),
        ("credential", PROTOCOLS, DEFAULT, json!({"sec-websocket-protocol": "chat,wayleave,§,mqtt"}), None),
        ("credential", PROTOCOLS, "bearer", json!({"sec-websocket-protocol": "wayleave, §"}), None),
        ("anonymous", PROTOCOLS, DEFAULT, json!({"sec-websocket-protocol": "chat, mqtt"}), None),
        ("anonymous", PROTOCOLS, "bearer", json!({"sec-websocket-protocol": "wayleave, mqtt"}), None),
        ("another_kind", PROTOCOLS, DEFAULT, json!({"sec-websocket-protocol": "wayleave, mqtt"}), None),
        ("misplaced", PROTOCOLS, DEFAULT, json!({"sec-websocket-protocol": "mqtt, §"}), None),
        ("twice", PROTOCOLS, DEFAULT, json!({"sec-websocket-protocol": "wayleave, §, §"}), None),
        (
            "two_places",
            PROTOCOLS,
            DEFAULT,
            json!({"sec-websocket-protocol": "wayleave, §", "x-api-key": "§"}),
            None,
        ),
    ];
    for query in [
        "Token=§",
        "TOKEN=§",
        "token[]=§",
        "a=1;token=§",
        ";token=§",
        "t=Bearer%20§",
        "§",
        "§=1",
        "a[§]=1",
        "x=%77lp_x",
        "x=wlp%5fx",
        "%77%6c%70%5F=",
        "next=https%3A%2F%2Fh%2F%3Ftoken%3D§",
        "a=%zz&b=(§)",
    ] {
        rows.push(("misplaced", NEVER, DEFAULT, json!({}), Some(query)));
        rows.push(("two_places", NEVER, DEFAULT, json!({"authorization": "Bearer §"}), Some(query)));
    }
    for name in
        ["x_api_key", "x-auth-token", "proxy-authorization", "user-agent", "wayleave-token", "if-none-match"]
    {
        rows.push(("misplaced", NEVER, DEFAULT, json!({ name: "a (§)" }), None));
        rows.push(("two_places", NEVER, DEFAULT, json!({ name: "§", "x-api-key": "§" }), None));
    }
    rows
}

fn credentials() -> Vec<Value> {
    let routes = json!([{ "upstream": "https://any.example", "anonymous": true }]);
    let rows = requests().into_iter().map(|(said, source, sources, headers, query)| {
        let config = config(&routes, sources);
        let token = token(&config);
        let headers: Value = serde_json::from_str(&headers.to_string().replace(T, &token)).unwrap();
        let query = query.map(|query| query.replace(T, &token));
        let expect = credential_outcome(&config, &headers, query.as_deref());
        assert_eq!(brief_of_credential(&expect), said, "{sources}: {headers} {query:?}");
        json!({
            "credential_sources": sources,
            "headers": headers,
            "query": query,
            "source": source,
            "expect": expect,
        })
    });
    rows.collect()
}

#[test]
fn requests_are_read_as_the_vectors_say() {
    let rows = json!({
        "about": "Made by tests/request_vectors.rs; read anew by tests/vectors/requests.test.mjs. \
                  Header names are lower case; the token is good. \
                  Without a credential the route is anonymous.",
        "routes": routes(),
        "paths": paths(),
        "scopes": scope_vectors::scopes(),
        "claims": scope_vectors::claims(),
        "credentials": credentials(),
    });
    vectors::check("requests.json", &rows);
}
