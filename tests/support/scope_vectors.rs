//! Request vectors of scopes and claims: which paths lie in which scope, and what the upstream is sent.

use serde_json::{Value, json};
use wayleave::edge::scope;
use wayleave::formats::scope::{Scope, ScopePaths};
use wayleave::formats::upstream_claims::UpstreamClaims;

const SCOPE: &str = "every reading of the path lies in the scope, but for what stands for another route";

/// Paths of a scope, paths of requests that lie in it, and paths that do not.
const SCOPES: [(&[&str], &[&str], &[&str]); 5] = [
    (
        &["/v1/tiles/*", "/v1/style"],
        &["/v1/tiles", "/v1/tiles/", "/v1/tiles/a/b", "/v1/tiles/a%2fb", "/v1/tiles/a;b", "/v1/style/"],
        &[
            "/v1",
            "/v1/tilesets",
            "/v1/Tiles/a",
            "/v1/tile%73/a",
            "/v1//tiles/a",
            "//v1/tiles/a",
            "/v1/tiles;a",
            "/v1/tiles%2fa",
            "/v1/tiles%3fa",
            "/v1/tiles/..",
            "/v1/tiles/..%2f",
            "/v1/tiles/..;/a",
            "/v1/tiles/%252e%252e/a",
            "/v1/tiles/%0d",
            "/v1/style/a",
            "/v1/style;a",
            "/v1/style//",
            "/v1/style.",
        ],
    ),
    (&["/*"], &["/", "/x", "//x", "/x;y/%2f", "/a.php/x"], &["/x/..", "/%2e/x", "/x%00"]),
    (&["/"], &["/"], &["/x", "//", "/;x", "/%2f"]),
    (
        &["/index.php/v1/*"],
        &["/index.php/v1/x", "/index.php/v1/y.php/z"],
        &["/index.php/v2", "/v1/x", "/INDEX.php/v1/x", "/x/index.php/v1", "/index.php;/v1/x", "/index.php"],
    ),
    (
        &["/pub/*"],
        &["/pub/a.php/x", "/pub/(S(a))/x"],
        &["/pub.php/x", "/(S(a))/pub/x", "/x.php/pub/y", "/pub/a%2Fb.php/x", "/pub;.php/x"],
    ),
];

pub(crate) fn scopes() -> Vec<Value> {
    let rows = SCOPES.iter().flat_map(|(listed, inside, outside)| {
        let scope = Scope { paths: ScopePaths::parse(listed.iter().copied()).ok(), ..Scope::default() };
        let said = inside.iter().map(|path| (path, true)).chain(outside.iter().map(|path| (path, false)));
        let rows = said.map(move |(path, said)| {
            let admitted = scope::admits(&scope, &Scope::default(), "GET", path);
            assert_eq!(admitted, said, "{path} in {listed:?}");
            json!({ "paths": listed, "path": path, "source": SCOPE, "expect": { "in_scope": admitted } })
        });
        rows.collect::<Vec<_>>()
    });
    rows.collect()
}

pub(crate) fn claims() -> Vec<Value> {
    let large = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
    let (fits, too_long) = (large(1_024), large(1_025));
    let rows = [
        ("", r#"{"plan":"free","public_only":true}"#),
        ("", r#"{ "b" : [1.0, "x", false], "a" : -0, "c": 1e-7 }"#),
        ("", r#"{"\u20ac":"\r\n","1":0.1,"\ud83d\ude00":1e3,"\ufb33":"\u000f\"\\"}"#),
        ("", r#"{"a":[]}"#),
        ("", "{}"),
        ("", r#"{"a":9007199254740991,"b":123456.789,"c":5e-324}"#),
        ("", &fits),
        ("too_long", &too_long),
        ("wrong_type", "[]"),
        ("wrong_type", "\"{}\""),
        ("claim_type", r#"{"a":null}"#),
        ("claim_type", r#"{"a":{"b":1}}"#),
        ("claim_type", r#"{"a":[[1]]}"#),
        ("claim_type", r#"{"a":[null]}"#),
        ("claim_number", r#"{"a":9007199254740992}"#),
        ("claim_number", r#"{"a":[-1e300]}"#),
    ];
    let rows = rows.into_iter().map(|(said, given)| {
        let value = wayleave::base::json::parse(given).unwrap();
        let expect = match UpstreamClaims::of(&value) {
            Ok(claims) => json!({ "text": claims.text(), "header": claims.header() }),
            Err(error) => json!({ "fault": error.code() }),
        };
        assert_eq!(expect["fault"].as_str().unwrap_or_default(), said, "{given}");
        json!({ "claims": given, "expect": expect })
    });
    rows.collect()
}
