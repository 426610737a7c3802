//! Test vectors of origins, rules and decisions: `tests/vectors/origins.json`.
//!
//! The tables below are written by hand, expectations too. The file is what the code makes of them, in a form that
//! other languages can run: `tests/vectors/origins.test.mjs` decides each row anew, independently, on Node's `URL`.
//! `REGENERATE=1 cargo test --test origin_vectors` writes the file; without it the file must be as the code says.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot go on fails

#[path = "support/vectors.rs"]
mod vectors;

use serde_json::{Value, json};
use wayleave::origin::{
    APP_SCHEMES_DEFAULT, MissingOrigin, OriginAllowed, OriginEvidence, OriginOutcome, OriginRefusal,
    OriginRule, OriginRules, OriginSource, RuleError, decide, parse_app_schemes,
};

const OWN: &str = "https://api.example.net";

/// Source, rule as typed, canonical text or `!` and the code of its error.
type RuleRow = (&'static str, &'static str, &'static str);

/// Source, rules (separated by spaces, or `any`), `allow` or `refuse` for a missing origin, `Origin`, `Referer`,
/// `Sec-Fetch-Site`, the outcome in short.
type DecisionRow = (
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    Option<&'static str>,
    &'static str,
);

#[test]
fn rules_are_read_as_written_in_the_table() {
    for &(source, text, expected) in RULES {
        let read = match OriginRule::parse(text, &app_schemes()) {
            Ok((rule, _)) => rule.to_string(),
            Err(error) => format!("!{}", error.code()),
        };
        assert_eq!(read, expected, "{text:?} ({source})");
    }
}

#[test]
fn requests_are_decided_as_written_in_the_table() {
    for row in DECISIONS {
        let (source, rules, _, origin, referer, site, expected) = *row;
        assert_eq!(outcome_in_short(row), expected, "{rules}: {origin:?} {referer:?} {site:?} ({source})");
    }
}

#[test]
fn the_file_is_what_the_code_says() {
    let file = json!({
        "about": "Made by tests/origin_vectors.rs; checked against Node's URL by tests/vectors/origins.test.mjs.",
        "rules": RULES.iter().map(rule_vector).collect::<Vec<_>>(),
        "decisions": DECISIONS.iter().map(decision_vector).collect::<Vec<_>>(),
    });
    vectors::check("origins.json", &file);
}

fn rule_vector(&(source, text, _): &RuleRow) -> Value {
    let expect = match OriginRule::parse(text, &app_schemes()) {
        Ok((rule, warnings)) => json!({
            "canonical": rule.to_string(),
            "unicode": rule.to_unicode(),
            "warnings": warnings.iter().map(|warning| warning.code()).collect::<Vec<_>>(),
        }),
        Err(error) => {
            json!({"code": error.code(), "needs_public_suffix_list": error == RuleError::PublicSuffix})
        }
    };
    json!({"source": source, "rule": text, "app_schemes": app_schemes(), "expect": expect})
}

fn decision_vector(row: &DecisionRow) -> Value {
    let (source, rules, missing, origin, referer, sec_fetch_site, _) = *row;
    let decision = decide_row(row);
    let mut expect = match decision.outcome {
        OriginOutcome::Allowed(OriginAllowed::Any) => json!({"allowed": true, "because": "any"}),
        OriginOutcome::Allowed(OriginAllowed::Rule(index)) => {
            json!({"allowed": true, "because": "rule", "rule": index})
        }
        OriginOutcome::Allowed(OriginAllowed::MissingAllowed) => {
            json!({"allowed": true, "because": "missing_allowed"})
        }
        OriginOutcome::Refused(refusal) => json!({
            "allowed": false,
            "code": refusal.code(),
            "hidden_by_browser": refusal == OriginRefusal::Missing { hidden_by_browser: true },
        }),
    };
    let from = match decision.seen.from {
        OriginSource::Origin => "origin",
        OriginSource::Referer => "referer",
        OriginSource::None => "none",
    };
    expect["seen"] = json!({"from": from, "origin": decision.seen.origin.map(|origin| origin.to_string())});
    json!({
        "source": source,
        "rules": if rules == "any" { json!("any") } else { json!(rules.split(' ').collect::<Vec<_>>()) },
        "app_schemes": app_schemes(),
        "missing_origin": missing,
        "request": {"origin": origin, "referer": referer, "sec_fetch_site": sec_fetch_site, "own": OWN},
        "expect": expect,
    })
}

fn outcome_in_short(row: &DecisionRow) -> String {
    match decide_row(row).outcome {
        OriginOutcome::Allowed(OriginAllowed::Any) => "any".to_owned(),
        OriginOutcome::Allowed(OriginAllowed::Rule(index)) => format!("rule {index}"),
        OriginOutcome::Allowed(OriginAllowed::MissingAllowed) => "missing allowed".to_owned(),
        OriginOutcome::Refused(OriginRefusal::NotAllowed) => "not allowed".to_owned(),
        OriginOutcome::Refused(OriginRefusal::Missing { hidden_by_browser: true }) => "hidden".to_owned(),
        OriginOutcome::Refused(OriginRefusal::Missing { hidden_by_browser: false }) => "missing".to_owned(),
    }
}

fn decide_row(
    &(_, rules, missing, origin, referer, sec_fetch_site, _): &DecisionRow,
) -> wayleave::origin::OriginDecision {
    let json = if rules == "any" { json!("any") } else { json!(rules.split(' ').collect::<Vec<_>>()) };
    let rules = OriginRules::parse(&json, &app_schemes()).unwrap();
    let missing = if missing == "allow" { MissingOrigin::Allow } else { MissingOrigin::Refuse };
    decide(&rules, missing, &OriginEvidence { origin, referer, sec_fetch_site, own_origin: OWN })
}

fn app_schemes() -> Vec<String> {
    parse_app_schemes(APP_SCHEMES_DEFAULT).unwrap()
}

const CONTRACT: &str = "Wayleave contract: origin rules";
const RFC_CASE: &str = "RFC 6454 section 4, step 5: the host in lower case";
const RFC_HEADER: &str = "RFC 6454 section 7.1: serialized-origin, without path, query or userinfo";
const RFC_OPAQUE: &str = "RFC 6454 section 6.2: an origin that is not a tuple is null";
const URL_HOST: &str = "URL standard section 3.5: host parsing";
const URL_PORT: &str = "URL standard section 4.2: default ports are not serialised";
const URL_DOT: &str = "URL standard section 3.1: example.com and example.com. are different hosts; Wayleave contract: one final dot is removed";
const IDNA: &str = "UTS #46, as the URL standard section 3.3 uses it";
const PSL: &str = "publicsuffix.org: the list and its algorithm";
const SUFFIX: &str = "github.com/expressjs/cors issue 412: a suffix without a dot";
const PREFIX: &str = "CVE-2026-37737: an unanchored pattern";
const FETCH_NO_ORIGIN: &str = "Fetch standard, append a request Origin header: none on a no-CORS GET";
const FETCH_NULL: &str =
    "Fetch standard, append a request Origin header: null under no-referrer and after cross-origin redirects";
const METADATA: &str = "Fetch Metadata section 2.4: Sec-Fetch-Site";
const REFERER: &str = "RFC 9110 section 10.1.3: Referer";
const POLICY: &str = "Referrer Policy section 3: no-referrer, strict-origin-when-cross-origin";
const FIELD_LINES: &str = "RFC 9110 section 5.2: field lines of one name are combined with a comma";
const LOOPBACK: &str = "Secure Contexts section 3.1: loopback";
const N: Option<&str> = None;

#[rustfmt::skip]
const RULES: &[RuleRow] = &[
    (CONTRACT, "example.com", "https://example.com"),
    (CONTRACT, "https://example.com", "https://example.com"),
    (CONTRACT, "http://example.com", "http://example.com"),
    (CONTRACT, "*.example.com", "https://*.example.com"),
    (CONTRACT, "http://*.example.com:8080", "http://*.example.com:8080"),
    (CONTRACT, "example.com:8443", "https://example.com:8443"),
    (CONTRACT, "example.com:*", "https://example.com:*"),
    (CONTRACT, "*.example.com:*", "https://*.example.com:*"),
    (CONTRACT, "intranet", "https://intranet"),
    (CONTRACT, "my_host.example.com", "https://my_host.example.com"),
    (URL_PORT, "https://example.com:443", "https://example.com"),
    (URL_PORT, "http://example.com:80", "http://example.com"),
    (URL_PORT, "https://example.com:80", "https://example.com:80"),
    (URL_PORT, "http://example.com:443", "http://example.com:443"),
    (RFC_CASE, "HTTPS://Example.COM", "https://example.com"),
    (RFC_CASE, "*.EXAMPLE.com", "https://*.example.com"),
    (URL_DOT, "example.com.", "https://example.com"),
    (URL_DOT, "*.example.com.:8443", "https://*.example.com:8443"),
    (URL_DOT, "example.com..", "!rule_host"),
    (URL_DOT, ".", "!rule_host"),
    (LOOPBACK, "http://localhost:3000", "http://localhost:3000"),
    (LOOPBACK, "http://127.0.0.1", "http://127.0.0.1"),
    (LOOPBACK, "http://[::1]:5173", "http://[::1]:5173"),
    (LOOPBACK, "http://*.localhost:*", "http://*.localhost:*"),
    (LOOPBACK, "localhost", "https://localhost"),
    (URL_HOST, "192.0.2.1", "https://192.0.2.1"),
    (URL_HOST, "http://0x7f.1", "http://127.0.0.1"),
    (URL_HOST, "256.1.1.1", "!rule_host"),
    (URL_HOST, "[2001:DB8:0:0::1]:8443", "https://[2001:db8::1]:8443"),
    (URL_HOST, "2001:db8::1", "!rule_host"),
    (URL_HOST, "[::1", "!rule_host"),
    (URL_HOST, "[::1]x", "!rule_host"),
    (URL_HOST, "[not-v6]", "!rule_host"),
    (URL_HOST, "exa mple.com", "!rule_host"),
    (URL_HOST, " example.com", "!rule_host"),
    (URL_HOST, "example.com\t", "!rule_host"),
    (URL_HOST, "ex%61mple.com", "!rule_host"),
    (URL_HOST, "exa<mple.com", "!rule_host"),
    (URL_HOST, "a,b", "!rule_host"),
    (URL_HOST, "a..example.com", "!rule_host"),
    (URL_HOST, "https://", "!rule_host"),
    (URL_HOST, ":8080", "!rule_host"),
    (IDNA, "Bücher.example", "https://xn--bcher-kva.example"),
    (IDNA, "*.xn--bcher-kva.example", "https://*.xn--bcher-kva.example"),
    (IDNA, "http://\u{441}\u{430}\u{439}\u{442}.example:8080", "http://xn--80aswg.example:8080"),
    (IDNA, "faß.example", "https://xn--fa-hia.example"),
    (IDNA, "example\u{3002}com", "https://example.com"),
    (IDNA, "\u{ff45}xample.com", "https://example.com"),
    (IDNA, "xn--a.example", "!rule_host"),
    (PSL, "*.com", "!public_suffix_rule"),
    (PSL, "*.com:86", "!public_suffix_rule"),
    (PSL, "*.co.uk", "!public_suffix_rule"),
    (PSL, "*.github.io", "!public_suffix_rule"),
    (PSL, "*.pages.dev", "!public_suffix_rule"),
    (PSL, "*.vercel.app", "!public_suffix_rule"),
    (PSL, "*.netlify.app", "!public_suffix_rule"),
    (PSL, "http://*.GitHub.IO.", "!public_suffix_rule"),
    (PSL, "*.kawasaki.jp", "!public_suffix_rule"),
    (PSL, "*.corp", "!public_suffix_rule"),
    (PSL, "*.公司.cn", "!public_suffix_rule"),
    (PSL, "*.owner.github.io", "https://*.owner.github.io"),
    (PSL, "*.example.co.uk", "https://*.example.co.uk"),
    (PSL, "owner.pages.dev", "https://owner.pages.dev"),
    (PSL, "github.io", "https://github.io"),
    (CONTRACT, "*", "!rule_wildcard"),
    (CONTRACT, "https://*", "!rule_wildcard"),
    (CONTRACT, "*example.com", "!rule_wildcard"),
    (CONTRACT, "project-*.vercel.app", "!rule_wildcard"),
    (CONTRACT, "a.*.example.com", "!rule_wildcard"),
    (CONTRACT, "*.*.example.com", "!rule_wildcard"),
    (CONTRACT, "*.192.0.2.1", "!rule_wildcard"),
    (CONTRACT, "*.[::1]", "!rule_wildcard"),
    (CONTRACT, "*.", "!rule_host"),
    (CONTRACT, "example.com:80*", "!rule_port"),
    (CONTRACT, "example.com:", "!rule_port"),
    (CONTRACT, "example.com:0", "!rule_port"),
    (CONTRACT, "example.com:0443", "!rule_port"),
    (CONTRACT, "example.com:+443", "!rule_port"),
    (CONTRACT, "example.com:65536", "!rule_port"),
    (CONTRACT, "example.com:443:8443", "!rule_host"),
    (CONTRACT, "javascript:alert", "!rule_port"),
    (CONTRACT, "https://example.com/", "!rule_path"),
    (CONTRACT, "example.com/app", "!rule_path"),
    (CONTRACT, "example.com?a", "!rule_path"),
    (CONTRACT, "example.com#a", "!rule_path"),
    (CONTRACT, "//example.com", "!rule_path"),
    (CONTRACT, "example.com\\a", "!rule_path"),
    (CONTRACT, "user@example.com", "!rule_userinfo"),
    (CONTRACT, "https://good.example:x@evil.example", "!rule_userinfo"),
    (CONTRACT, "null", "!rule_null"),
    (CONTRACT, "", "!rule_empty"),
    (CONTRACT, "ftp://example.com", "!rule_scheme"),
    (CONTRACT, "file://example.com", "!rule_scheme"),
    (CONTRACT, "://example.com", "!rule_scheme"),
    (CONTRACT, "*://example.com", "!rule_scheme"),
    (CONTRACT, "wss://example.com", "!rule_scheme"),
    (CONTRACT, "electron://app", "!rule_scheme"),
    (CONTRACT, "capacitor://localhost", "capacitor://localhost"),
    (CONTRACT, "tauri://localhost:1420", "tauri://localhost:1420"),
    (
        CONTRACT,
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    ),
    (CONTRACT, "chrome-extension://*", "!rule_wildcard"),
    (CONTRACT, "capacitor://*.localhost", "!rule_app_wildcard"),
    (CONTRACT, "ionic://localhost:*", "!rule_app_wildcard"),
];

#[rustfmt::skip]
const DECISIONS: &[DecisionRow] = &[
    // Exact tuples.
    (CONTRACT, "example.com", "refuse", Some("https://example.com"), N, N, "rule 0"),
    (CONTRACT, "a.example example.com", "refuse", Some("https://example.com"), N, N, "rule 1"),
    (CONTRACT, "example.com", "refuse", Some("http://example.com"), N, N, "not allowed"),
    (CONTRACT, "http://example.com", "refuse", Some("https://example.com"), N, N, "not allowed"),
    (CONTRACT, "example.com", "refuse", Some("https://www.example.com"), N, N, "not allowed"),
    (CONTRACT, "www.example.com", "refuse", Some("https://example.com"), N, N, "not allowed"),
    (CONTRACT, "any", "refuse", Some("https://evil.example"), N, N, "any"),
    (CONTRACT, "any", "refuse", Some("null"), N, N, "any"),
    (CONTRACT, "any", "refuse", N, N, Some("cross-site"), "any"),
    // Text that looks like the rule.
    (SUFFIX, "example.com", "refuse", Some("https://evil-example.com"), N, N, "not allowed"),
    (SUFFIX, "*.example.com", "refuse", Some("https://evilexample.com"), N, N, "not allowed"),
    (PREFIX, "example.com", "refuse", Some("https://example.com.evil.com"), N, N, "not allowed"),
    (PREFIX, "*.example.com", "refuse", Some("https://a.example.com.evil.com"), N, N, "not allowed"),
    (PREFIX, "http://localhost", "refuse", Some("http://localhost.evil.com"), N, N, "not allowed"),
    (PREFIX, "example.com", "refuse", Some("https://exampleXcom"), N, N, "not allowed"),
    // Wildcards.
    (CONTRACT, "*.example.com", "refuse", Some("https://a.example.com"), N, N, "rule 0"),
    (CONTRACT, "*.example.com", "refuse", Some("https://a.b.example.com"), N, N, "rule 0"),
    (CONTRACT, "*.example.com", "refuse", Some("https://example.com"), N, N, "not allowed"),
    (CONTRACT, "*.example.com", "refuse", Some("https://.example.com"), N, N, "not allowed"),
    (CONTRACT, "*.example.com", "refuse", Some("https://*.example.com"), N, N, "not allowed"),
    (CONTRACT, "*.example.com", "refuse", Some("http://a.example.com"), N, N, "not allowed"),
    (CONTRACT, "*.example.com", "refuse", Some("https://a.example.com:8443"), N, N, "not allowed"),
    // Ports.
    (URL_PORT, "example.com", "refuse", Some("https://example.com:443"), N, N, "rule 0"),
    (URL_PORT, "example.com:443", "refuse", Some("https://example.com"), N, N, "rule 0"),
    (URL_PORT, "http://example.com:80", "refuse", Some("http://example.com"), N, N, "rule 0"),
    (URL_PORT, "example.com", "refuse", Some("https://example.com:80"), N, N, "not allowed"),
    (CONTRACT, "example.com", "refuse", Some("https://example.com:8443"), N, N, "not allowed"),
    (CONTRACT, "example.com:8443", "refuse", Some("https://example.com:8443"), N, N, "rule 0"),
    (CONTRACT, "example.com:8443", "refuse", Some("https://example.com"), N, N, "not allowed"),
    (CONTRACT, "example.com:*", "refuse", Some("https://example.com:1"), N, N, "rule 0"),
    (CONTRACT, "example.com:*", "refuse", Some("https://example.com"), N, N, "rule 0"),
    (CONTRACT, "*.example.com:*", "refuse", Some("https://a.example.com:65535"), N, N, "rule 0"),
    (URL_PORT, "example.com:*", "refuse", Some("https://example.com:65536"), N, N, "not allowed"),
    // Spellings of one host.
    (RFC_CASE, "example.com", "refuse", Some("HTTPS://EXAMPLE.com"), N, N, "rule 0"),
    (RFC_CASE, "capacitor://LocalHost", "refuse", Some("capacitor://localhost"), N, N, "rule 0"),
    (URL_DOT, "example.com", "refuse", Some("https://example.com."), N, N, "rule 0"),
    (URL_DOT, "example.com.", "refuse", Some("https://example.com"), N, N, "rule 0"),
    (URL_DOT, "*.example.com", "refuse", Some("https://a.example.com.:443"), N, N, "rule 0"),
    (URL_DOT, "example.com", "refuse", Some("https://example.com.."), N, N, "not allowed"),
    (IDNA, "bücher.example", "refuse", Some("https://xn--bcher-kva.example"), N, N, "rule 0"),
    (IDNA, "*.bücher.example", "refuse", Some("https://a.xn--bcher-kva.example"), N, N, "rule 0"),
    (IDNA, "bücher.example", "refuse", Some("https://bücher.example"), N, N, "not allowed"),
    (IDNA, "apple.example", "refuse", Some("https://xn--pple-43d.example"), N, N, "not allowed"),
    (IDNA, "*.example.com", "refuse", Some("https://xn--a.example.com"), N, N, "not allowed"),
    (URL_HOST, "192.0.2.1", "refuse", Some("https://192.0.2.1"), N, N, "rule 0"),
    (URL_HOST, "[2001:db8::1]", "refuse", Some("https://[2001:db8:0:0:0:0:0:1]"), N, N, "rule 0"),
    (URL_HOST, "http://[::1]:5173", "refuse", Some("http://[::1]:5173"), N, N, "rule 0"),
    (URL_HOST, "http://[::1]", "refuse", Some("http://[::1"), N, N, "not allowed"),
    (URL_HOST, "http://127.0.0.1", "refuse", Some("http://2130706433"), N, N, "rule 0"),
    (URL_HOST, "http://127.0.0.1", "refuse", Some("http://127.0.0.1.evil.com"), N, N, "not allowed"),
    (LOOPBACK, "http://localhost:3000", "refuse", Some("http://localhost:3000"), N, N, "rule 0"),
    (LOOPBACK, "http://localhost:3000", "refuse", Some("http://127.0.0.1:3000"), N, N, "not allowed"),
    (LOOPBACK, "localhost:3000", "refuse", Some("http://localhost:3000"), N, N, "not allowed"),
    // What is not one serialised origin; a good Referer does not help.
    (RFC_OPAQUE, "example.com", "refuse", Some("null"), N, N, "not allowed"),
    (RFC_OPAQUE, "example.com", "allow", Some("null"), N, N, "not allowed"),
    (FETCH_NULL, "example.com", "refuse", Some("null"), Some("https://example.com/"), N, "not allowed"),
    (FETCH_NULL, "example.com", "refuse", Some("null"), N, Some("same-origin"), "not allowed"),
    (RFC_OPAQUE, "example.com", "refuse", Some("NULL"), Some("https://example.com/"), N, "not allowed"),
    (RFC_HEADER, "example.com", "allow", Some(""), Some("https://example.com/"), N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://example.com/"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://example.com/a"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://example.com?a"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://example.com#a"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://good@example.com"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://example.com:x@evil.com"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://@example.com"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://evil.com\\@example.com"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("example.com"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("//example.com"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https:example.com"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https:\\\\example.com"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https:///example.com"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://ex%61mple.com"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://example.com:"), N, N, "rule 0"),
    (RFC_HEADER, "example.com", "refuse", Some("https://example.com:0443"), N, N, "rule 0"),
    (RFC_HEADER, "example.com", "refuse", Some(" https://example.com"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://example.com "), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://exa\tmple.com"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("*"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("file://"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("data:text/html,x"), N, N, "not allowed"),
    (FIELD_LINES, "example.com", "refuse", Some("https://example.com, https://example.com"), N, N, "not allowed"),
    (FIELD_LINES, "example.com", "refuse", Some("https://example.com,https://evil.com"), N, N, "not allowed"),
    (FIELD_LINES, "example.com", "refuse", Some("https://evil.com https://example.com"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://evil.com"), Some("https://example.com/"), N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://example.com"), Some("https://evil.com/"), Some("cross-site"), "rule 0"),
    // Apps.
    (CONTRACT, "capacitor://localhost", "refuse", Some("capacitor://localhost"), N, N, "rule 0"),
    (CONTRACT, "ionic://localhost", "refuse", Some("capacitor://localhost"), N, N, "not allowed"),
    (CONTRACT, "http://localhost", "refuse", Some("capacitor://localhost"), N, N, "not allowed"),
    (CONTRACT, "tauri://localhost", "refuse", Some("tauri://localhost:1420"), N, N, "not allowed"),
    (CONTRACT, "chrome-extension://abcdefghijklmnopabcdefghijklmnop", "refuse", Some("chrome-extension://abcdefghijklmnopabcdefghijklmnop"), N, N, "rule 0"),
    (CONTRACT, "chrome-extension://abcdefghijklmnopabcdefghijklmnop", "refuse", Some("chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba"), N, N, "not allowed"),
    (CONTRACT, "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc", "refuse", Some("moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc"), N, N, "rule 0"),
    // Referer, when Origin is absent.
    (FETCH_NO_ORIGIN, "example.com", "refuse", N, Some("https://example.com/page?q=1"), Some("cross-site"), "rule 0"),
    (POLICY, "example.com", "refuse", N, Some("https://example.com/"), N, "rule 0"),
    (REFERER, "example.com", "refuse", N, Some("https://example.com"), N, "rule 0"),
    (REFERER, "example.com", "refuse", N, Some("https://evil.com/?https://example.com/"), N, "not allowed"),
    (REFERER, "example.com", "refuse", N, Some("https://evil.com/https://example.com/"), N, "not allowed"),
    (REFERER, "example.com", "refuse", N, Some("https://example.com.evil.com/"), N, "not allowed"),
    (REFERER, "example.com", "refuse", N, Some("https://a@example.com/"), N, "not allowed"),
    (REFERER, "example.com", "refuse", N, Some("https://@example.com/"), N, "not allowed"),
    (REFERER, "example.com", "refuse", N, Some("https://example.com:x@evil.com/"), N, "not allowed"),
    (REFERER, "example.com", "refuse", N, Some("https://example.com/@evil.com"), N, "rule 0"),
    (URL_HOST, "example.com", "refuse", N, Some("https://evil.com\\@example.com/"), N, "not allowed"),
    (REFERER, "example.com", "refuse", N, Some("https://example.com:8443/"), N, "not allowed"),
    (REFERER, "http://example.com", "refuse", N, Some("https://example.com/"), N, "not allowed"),
    (FIELD_LINES, "example.com", "refuse", N, Some("https://example.com/, https://evil.com/"), N, "not allowed"),
    (REFERER, "example.com", "refuse", N, Some("/page"), N, "not allowed"),
    (REFERER, "example.com", "allow", N, Some(""), N, "not allowed"),
    (REFERER, "example.com", "allow", N, Some("about:blank"), N, "not allowed"),
    (REFERER, "*.bücher.example", "refuse", N, Some("https://a.xn--bcher-kva.example./x"), N, "rule 0"),
    // Neither.
    (CONTRACT, "example.com", "refuse", N, N, N, "missing"),
    (CONTRACT, "example.com", "allow", N, N, N, "missing allowed"),
    (METADATA, "example.com", "allow", N, N, Some("none"), "missing allowed"),
    (METADATA, "example.com", "refuse", N, N, Some("none"), "missing"),
    (POLICY, "example.com", "refuse", N, N, Some("cross-site"), "hidden"),
    (POLICY, "example.com", "allow", N, N, Some("cross-site"), "hidden"),
    (POLICY, "example.com", "allow", N, N, Some("same-site"), "hidden"),
    (METADATA, "example.com", "allow", N, N, Some("Cross-Site"), "missing"),
    (METADATA, "example.com", "allow", N, N, Some(""), "missing"),
    (METADATA, "example.com", "allow", N, N, Some("none, cross-site"), "missing"),
    (METADATA, "api.example.net", "refuse", N, N, Some("same-origin"), "rule 0"),
    (METADATA, "example.com", "refuse", N, N, Some("same-origin"), "not allowed"),
    (METADATA, "example.com", "allow", N, N, Some("same-origin"), "not allowed"),
];
