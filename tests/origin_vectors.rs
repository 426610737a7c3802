//! Test vectors of origins, rules and decisions: `tests/vectors/origins.json`.
//!
//! The tables below are written by hand, with their expected results. The code turns them into the file,
//! which other languages can run: `tests/vectors/origins.test.mjs` decides each row independently with Node's
//! `URL`. `REGENERATE=1 cargo test --test origin_vectors` writes the file; otherwise the file must equal what
//! the code generates.

#![cfg(test)] // so clippy takes all of it for a test

#[path = "support/origin_rules.rs"]
mod origin_rules;
#[path = "support/vectors.rs"]
mod vectors;

use origin_rules::{
    CONTRACT, FETCH_NO_ORIGIN, FETCH_NULL, FIELD_LINES, FIREFOX_ID, IDNA, LOOPBACK, METADATA, MISTAKE, N,
    POLICY, PREFIX, REFERER, RFC_CASE, RFC_HEADER, RFC_OPAQUE, RULES, RuleRow, SHARED, SUFFIX, URL_DOT,
    URL_HOST, URL_PORT, WARNED,
};
use serde_json::{Value, json};
use wayleave::formats::origin::{
    APP_SCHEMES_DEFAULT, MissingOrigin, OriginAllowed, OriginEvidence, OriginOutcome, OriginRefusal,
    OriginRule, OriginRules, OriginSource, RuleError, RuleWarning, decide, parse_app_schemes,
};

const OWN: &str = "https://api.example.net";

/// The source; rules, separated by spaces, or `any`; `allow` or `refuse` for a missing origin; `Origin`;
/// `Referer`; `Sec-Fetch-Site`; and the outcome in short.
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
fn rules_are_warned_of_as_written_in_the_table() {
    for &(text, expected) in WARNED {
        let schemes = [app_schemes(), vec!["safari-web-extension".to_owned()]].concat();
        let (rule, warnings) = OriginRule::parse(text, &schemes).unwrap();
        let codes: Vec<_> = warnings.into_iter().map(RuleWarning::code).collect();
        assert_eq!(codes, expected.split_whitespace().collect::<Vec<_>>(), "{text:?}");
        let stored = OriginRule::parse_stored(&rule.to_string()).unwrap();
        assert_eq!(
            stored.warnings().into_iter().map(RuleWarning::code).collect::<Vec<_>>(),
            codes,
            "{text:?}"
        );
    }
    // Every warning has a case, except the one about a whole list and the one about rules that can no longer
    // be saved.
    let missing = RuleWarning::ALL.into_iter().filter(|warning| {
        !WARNED.iter().any(|(_, codes)| codes.split(' ').any(|code| code == warning.code()))
    });
    assert_eq!(missing.collect::<Vec<_>>(), [RuleWarning::OriginAny, RuleWarning::PublicSuffix]);
    let old = OriginRule::parse_stored("https://*.amazonaws.com").unwrap();
    assert_eq!(old.warnings(), [RuleWarning::PublicSuffix]);
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
        "about": "Made by tests/origin_vectors.rs; checked against Node's URL by \
                  tests/vectors/origins.test.mjs.",
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
        OriginOutcome::Allowed(OriginAllowed::EveryInstallation(index)) => {
            json!({"allowed": true, "because": "every_installation", "rule": index})
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
        OriginOutcome::Allowed(OriginAllowed::EveryInstallation(index)) => {
            format!("every installation {index}")
        }
        OriginOutcome::Allowed(OriginAllowed::MissingAllowed) => "missing allowed".to_owned(),
        OriginOutcome::Refused(OriginRefusal::NotAllowed) => "not allowed".to_owned(),
        OriginOutcome::Refused(OriginRefusal::Missing { hidden_by_browser: true }) => "hidden".to_owned(),
        OriginOutcome::Refused(OriginRefusal::Missing { hidden_by_browser: false }) => "missing".to_owned(),
    }
}

fn decide_row(
    &(_, rules, missing, origin, referer, sec_fetch_site, _): &DecisionRow,
) -> wayleave::formats::origin::OriginDecision {
    let json = if rules == "any" { json!("any") } else { json!(rules.split(' ').collect::<Vec<_>>()) };
    let rules = OriginRules::parse(&json, &app_schemes()).unwrap();
    let missing = if missing == "allow" { MissingOrigin::Allow } else { MissingOrigin::Refuse };
    decide(&rules, missing, &OriginEvidence { origin, referer, sec_fetch_site, own_origin: OWN })
}

fn app_schemes() -> Vec<String> {
    parse_app_schemes(APP_SCHEMES_DEFAULT).unwrap()
}

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
    // Text that resembles the rule.
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
    // Values that are not one serialised origin. A matching Referer does not help.
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
    (FIELD_LINES, "example.com", "refuse", Some("https://example.com, https://example.com"), N, N,
         "not allowed"),
    (FIELD_LINES, "example.com", "refuse", Some("https://example.com,https://evil.com"), N, N, "not allowed"),
    (FIELD_LINES, "example.com", "refuse", Some("https://evil.com https://example.com"), N, N, "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://evil.com"), Some("https://example.com/"), N,
         "not allowed"),
    (RFC_HEADER, "example.com", "refuse", Some("https://example.com"), Some("https://evil.com/"),
         Some("cross-site"), "rule 0"),
    // Apps.
    (CONTRACT, "capacitor://localhost", "refuse", Some("capacitor://localhost"), N, N, "rule 0"),
    (CONTRACT, "ionic://localhost", "refuse", Some("capacitor://localhost"), N, N, "not allowed"),
    (CONTRACT, "http://localhost", "refuse", Some("capacitor://localhost"), N, N, "not allowed"),
    (CONTRACT, "tauri://localhost", "refuse", Some("tauri://localhost:1420"), N, N, "not allowed"),
    (CONTRACT, "chrome-extension://abcdefghijklmnopabcdefghijklmnop", "refuse",
         Some("chrome-extension://abcdefghijklmnopabcdefghijklmnop"), N, N, "rule 0"),
    (CONTRACT, "chrome-extension://abcdefghijklmnopabcdefghijklmnop", "refuse",
         Some("chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba"), N, N, "not allowed"),
    (CONTRACT, "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc", "refuse",
         Some("moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc"), N, N, "rule 0"),
    (FIREFOX_ID, "moz-extension://*", "refuse", Some("moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc"),
         N, N, "every installation 0"),
    (FIREFOX_ID, "moz-extension://*", "refuse", Some("moz-extension://2C127FA4-62C7-7E4F-90E5-472B45EECFDC"),
         N, N, "every installation 0"),
    (FIREFOX_ID, "moz-extension://*", "refuse", N,
         Some("moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc/popup.html"), N, "every installation 0"),
    (FIREFOX_ID, "moz-extension://*", "refuse",
         Some("moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc:443"), N, N, "not allowed"),
    (FIREFOX_ID, "moz-extension://*", "refuse",
         Some("moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc.evil.com"), N, N, "not allowed"),
    (FIREFOX_ID, "moz-extension://*", "refuse", Some("moz-extension://evil"), N, N, "not allowed"),
    (FIREFOX_ID, "moz-extension://*", "refuse", Some("moz-extension://*"), N, N, "not allowed"),
    (FIREFOX_ID, "moz-extension://*", "refuse", Some("chrome-extension://abcdefghijklmnopabcdefghijklmnop"),
         N, N, "not allowed"),
    (FIREFOX_ID, "moz-extension://*", "refuse", Some("https://evil.com"), N, N, "not allowed"),
    (FIREFOX_ID, "moz-extension://*", "refuse", Some("null"), N, N, "not allowed"),
    (FIREFOX_ID, "moz-extension://*", "refuse", N, N, N, "missing"),
    (FIREFOX_ID, "example.com moz-extension://*", "refuse",
         Some("moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc"), N, N, "every installation 1"),
    // Rules that cause a warning are enforced as well.
    (MISTAKE, "https://any", "refuse", Some("https://evil.com"), N, N, "not allowed"),
    (SHARED, "*.nip.io", "refuse", Some("https://evil.203-0-113-9.nip.io"), N, N, "rule 0"),
    // Referer, where Origin is absent.
    (FETCH_NO_ORIGIN, "example.com", "refuse", N, Some("https://example.com/page?q=1"), Some("cross-site"),
         "rule 0"),
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
    (FIELD_LINES, "example.com", "refuse", N, Some("https://example.com/, https://evil.com/"), N,
         "not allowed"),
    (REFERER, "example.com", "refuse", N, Some("/page"), N, "not allowed"),
    (REFERER, "example.com", "allow", N, Some(""), N, "not allowed"),
    (REFERER, "example.com", "allow", N, Some("about:blank"), N, "not allowed"),
    (REFERER, "*.bücher.example", "refuse", N, Some("https://a.xn--bcher-kva.example./x"), N, "rule 0"),
    // Neither Origin nor Referer.
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
