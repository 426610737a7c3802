//! Rows of decision vectors: tokens, or routes, that say which methods and paths they are good for. Scopes
//! and claims of request vectors are in `scope_vectors.rs`.

use crate::{change, merge};
use serde_json::{Value, json};

const SCOPE: &str = "RFC 6750 section 3.1: insufficient_scope, without saying what would suffice";
const METHODS: &str = "RFC 9110 section 9: methods are case-sensitive, and HEAD is GET without content";
const READINGS: &str = "a path lies in a scope only if it does however a server may read it";

/// Name, what differs from the base case, what is expected, and why.
type Row = (String, Value, Value, &'static str);

pub(crate) fn all() -> Vec<Row> {
    [methods(), paths(), defaults(), in_report_mode()].concat()
}

fn row(name: &str, scope: &Value, asked: &Value, said: &str, source: &'static str) -> Row {
    (name.to_owned(), json!({ "record": { "scope": scope }, "asked": asked }), json!(said), source)
}

fn methods() -> Vec<Row> {
    let rows = [
        (json!(["GET"]), "GET", "admit"),
        (json!(["GET"]), "HEAD", "admit"),
        (json!(["HEAD"]), "HEAD", "admit"),
        (json!(["HEAD"]), "GET", "scope_mismatch"),
        (json!(["GET"]), "POST", "scope_mismatch"),
        (json!(["GET"]), "DELETE", "scope_mismatch"),
        (json!(["GET"]), "OPTIONS", "scope_mismatch"),
        (json!(["GET"]), "get", "scope_mismatch"),
        (json!(["GET"]), "GETX", "scope_mismatch"),
        (json!(["GET"]), "", "scope_mismatch"),
        (json!(["POST"]), "HEAD", "scope_mismatch"),
        (json!(["POST", "OPTIONS"]), "OPTIONS", "admit"),
        (json!(["GET", "PATCH"]), "PATCH", "admit"),
    ];
    let rows = rows.into_iter().map(|(methods, method, said)| {
        let name = format!("{method:?} where the token is good for {methods}");
        row(&name, &json!({ "methods": methods }), &json!({ "method": method }), said, METHODS)
    });
    rows.collect()
}

fn paths() -> Vec<Row> {
    let of = |path: &str, place: &str, said| {
        row(&format!("{path} {place} the scope"), &tiles(), &json!({ "path": path }), said, READINGS)
    };
    let inside = INSIDE.iter().map(|path| of(path, "in", "admit"));
    inside.chain(OUTSIDE.iter().map(|path| of(path, "out of", "scope_mismatch"))).collect()
}

fn tiles() -> Value {
    json!({ "paths": ["/v1/tiles/*", "/v1/style"] })
}

fn reads() -> Value {
    json!({ "methods": ["GET"] })
}

fn writes() -> Value {
    json!({ "methods": ["POST"] })
}

fn by_default(method: &str) -> Value {
    json!({ "method": method, "default_scope": { "methods": ["GET"] } })
}

fn post() -> Value {
    json!({ "method": "POST" })
}

fn elsewhere(mut asked: Value) -> Value {
    merge(&mut asked, &json!({ "origin": "https://evil.example" }));
    asked
}

fn defaults() -> Vec<Row> {
    let (refused, kept) = ("scope_mismatch", "admit");
    let mixed = json!({ "methods": ["GET"], "paths": ["/v2/*"] });
    let other_audience = json!({ "method": "POST", "audience": "tiles" });
    vec![
        row(
            "a route's default, broken by a token that says nothing",
            &json!({}),
            &by_default("POST"),
            refused,
            SCOPE,
        ),
        row("a route's default, kept", &json!({}), &by_default("HEAD"), kept, SCOPE),
        row("a token's own methods in place of the route's", &writes(), &by_default("POST"), kept, SCOPE),
        row("a token's own methods without the route's", &writes(), &by_default("GET"), refused, SCOPE),
        row("a route's methods beside the token's paths", &tiles(), &by_default("POST"), refused, SCOPE),
        row("the method is right and the path is not", &mixed, &json!({}), refused, SCOPE),
        row(
            "out of the scope, and from elsewhere",
            &reads(),
            &elsewhere(post()),
            "origin_not_allowed",
            SCOPE,
        ),
        row(
            "out of the scope, and for another audience",
            &reads(),
            &other_audience,
            "audience_mismatch",
            SCOPE,
        ),
    ]
}

fn in_report_mode() -> Vec<Row> {
    let report = |name: &str, scope: Value, asked: Value, said: &str| -> Row {
        let record = json!({ "scope": scope, "scope_mode": "report" });
        (name.to_owned(), json!({ "record": record, "asked": asked }), json!(said), SCOPE)
    };
    let seen = "admit, reported scope_mismatch";
    let both = json!({
        "record": { "scope": reads(), "scope_mode": "report", "origin_mode": "report" },
        "asked": elsewhere(post()),
    });
    let revoked = json!({
        "list": change("revoked", 1)["list"], "record": { "scope": reads() }, "asked": post(),
    });
    let cookies =
        json!({ "record": { "scope": reads() }, "asked": { "method": "POST", "credentials": true } });
    vec![
        report("out of the scope, reported only", reads(), post(), seen),
        report("out of a route's default, reported only", json!({}), by_default("PUT"), seen),
        report("in the scope, reported only", reads(), json!({}), "admit"),
        report(
            "out of the scope, reported only, from elsewhere",
            reads(),
            elsewhere(post()),
            "origin_not_allowed",
        ),
        (
            "out of the scope and from elsewhere, both reported only".to_owned(),
            both,
            json!("admit, reported origin_not_allowed"),
            SCOPE,
        ),
        ("out of the scope, and revoked".to_owned(), revoked, json!("token_revoked"), SCOPE),
        (
            "with cookies, out of the scope, from a site that a rule names".to_owned(),
            cookies,
            json!("scope_mismatch"),
            SCOPE,
        ),
    ]
}

/// Paths in the scope `/v1/tiles/*`, `/v1/style`, however they are read.
const INSIDE: [&str; 11] = [
    "/v1/tiles",
    "/v1/tiles/",
    "/v1/tiles/9/1/2.png",
    "/v1/tiles/A%20b",
    "/v1/tiles/a%2Fb",
    "/v1/tiles//9",
    "/v1/tiles/9;v=1",
    "/v1/tiles/x.php/y",
    "/v1/tiles/%E4",
    "/v1/style",
    "/v1/style/",
];

/// Paths that some server, or all, read as one out of that scope.
const OUTSIDE: [&str; 44] = [
    "/",
    "",
    "/v1",
    "/v1/",
    "/v1/tilesets",
    "/v1/tiles-admin",
    "/v1/admin",
    "/v2/tiles/1",
    "/x/v1/tiles/1",
    "/V1/tiles/1",
    "/v1/Tiles/1",
    "/v1/%74iles/1",
    "/v1/t%69les",
    "//v1/tiles/1",
    "/v1//tiles/1",
    "//x/v1/tiles/1",
    "/v1/tiles%2F1",
    "/v1%2ftiles/1",
    "/v1/tiles%5c1",
    "/v1/tiles\\1",
    "/v1/tiles;a/1",
    "/v1/tiles;/../admin",
    "/v1/tiles./1",
    "/v1/tiles%20/1",
    "/v1/tiles%3fx/1",
    "/v1/tiles%23",
    "/v1/tiles/..",
    "/v1/tiles/../admin",
    "/v1/tiles/./1",
    "/v1/tiles/..%2fadmin",
    "/v1/tiles/%2e%2e/admin",
    "/v1/tiles/%252e%252e/admin",
    "/v1/tiles/..;/admin",
    "/v1/tiles/%c0%ae%c0%ae/admin",
    "/v1/tiles/%00",
    "/v1/tiles/1%0a",
    "/v1/tiles/a%2fb.php/c",
    "/v1/ti%ef%bd%8ces/1",
    "/v1/style/x",
    "/v1/style;a",
    "/v1/style%2f",
    "/v1/style.",
    "/v1/style//",
    "/v1/STYLE",
];
