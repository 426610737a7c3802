//! The accepted values of each variable, and what follows from them.

use super::*;
use crate::base::time::UnixMillis;
use crate::edge::decide::OnUnknown;
use crate::edge::plane::Plane;
use base64::prelude::*;
use std::collections::BTreeMap;

pub(super) fn read(changes: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let secret = BASE64_STANDARD.encode([7; 32]);
    let mut variables = BTreeMap::from([
        ("DEPLOYMENT".to_owned(), "test".to_owned()),
        ("UPSTREAM".to_owned(), "https://api.example.com".to_owned()),
        ("SIGNING_KEYS".to_owned(), format!("{{\"1\":\"{secret}\"}}")),
        ("CHECK_SECRET".to_owned(), secret),
    ]);
    for (name, value) in changes {
        variables.insert((*name).to_owned(), (*value).to_owned());
    }
    Config::read(|name| variables.get(name).cloned())
}

#[test]
fn what_is_described_holds_every_setting_and_no_secret() {
    let secret = BASE64_STANDARD.encode([7; 32]);
    let key = "an-admin-key-of-the-operators-own-making";
    let config = read(&[("ADMIN_KEY", key), ("CONTROL_HOSTS", "control.example:8443")]).unwrap();
    let described: serde_json::Value = serde_json::from_str(&config.described).unwrap();
    assert_eq!(described["deployment"], "test");
    assert_eq!(described["control_hosts"][0], "control.example:8443");
    assert_eq!(
        described["credential_sources"],
        serde_json::json!(["bearer", "header:x-api-key", "query:token", "websocket-protocol"])
    );
    assert_eq!(described["routes"][0]["upstream"], "https://api.example.com");
    assert!(described["routes"][0]["credential_sources"].is_null());
    let routes = "[{\"upstream\":\"https://a.example\",\"credential_sources\":\"bearer, header:X-Key\"}]";
    let config = read(&[("UPSTREAM", ""), ("ROUTES", routes)]).unwrap();
    let described: serde_json::Value = serde_json::from_str(&config.described).unwrap();
    let of_route = serde_json::json!(["bearer", "header:x-key"]);
    assert_eq!(described["routes"][0]["credential_sources"], of_route);
    for hidden in [secret.as_str(), key] {
        assert!(!config.described.contains(hidden));
    }
}

#[test]
fn refusals_are_kept_unless_it_is_said_otherwise() {
    let keeps = |text| read(&[("REFUSAL_TAIL", text)]).map(|config| config.edge.keeps_refusals);
    assert_eq!((keeps(""), keeps("on"), keeps("off")), (Ok(true), Ok(true), Ok(false)));
    assert!(keeps("no").is_err());
}

#[test]
fn the_gateways_origin_is_described_as_browsers_write_it() {
    let described = |changes: &[(&str, &str)]| -> serde_json::Value {
        serde_json::from_str(&read(changes).unwrap().described).unwrap()
    };
    let unset = described(&[]);
    assert_eq!((&unset["gateway_origin"], unset["plane"].as_str()), (&serde_json::Value::Null, Some("both")));
    for (text, origin) in [
        ("https://api.example", "https://api.example"),
        ("https://API.example:443/", "https://api.example"),
        ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
        ("http://[::1]:8787", "http://[::1]:8787"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ] {
        let described = described(&[("GATEWAY_ORIGIN", text), ("PLANE", "control")]);
        assert_eq!(
            (described["gateway_origin"].as_str(), described["plane"].as_str()),
            (Some(origin), Some("control"))
        );
    }
}

#[test]
fn the_console_has_an_origin_of_its_own() {
    let alone = read(&[("CONTROL_HOSTS", "control.example")]).unwrap();
    assert!(alone.edge.has_console("https://control.example"));
    assert!(!alone.edge.has_console("https://api.example"));
    assert!(!alone.edge.has_console("http://localhost:8787"));
    let shared = read(&[]).unwrap();
    for origin in ["http://localhost:8787", "http://127.0.0.1", "http://[::1]:1", "https://a.localhost"] {
        assert!(shared.edge.has_console(origin), "{origin}");
    }
    for origin in
        ["https://api.example", "http://localhost.example", "http://1.127.0.0.1.example", "null", ""]
    {
        assert!(!shared.edge.has_console(origin), "{origin}");
    }
}

#[test]
fn a_service_of_one_plane_has_nothing_of_the_other_whatever_host_is_asked_for() {
    let control = ["https://control.example", "http://control.example:8788"];
    let loopback = ["http://localhost:8788", "http://127.0.0.1", "http://[::1]:1"];
    let others = ["https://api.example", "null", ""];
    let hosts = [("CONTROL_HOSTS", "control.example"), ("CONTROL_HOSTS", "")];
    for (control_hosts, origin) in hosts
        .iter()
        .flat_map(|hosts| control.iter().chain(&loopback).chain(&others).map(move |origin| (*hosts, *origin)))
    {
        let service = |plane| read(&[control_hosts, ("PLANE", plane)]).unwrap();
        let (both, data, alone) = (service("both"), service("data"), service("control"));
        assert!(!data.edge.has_admin_api(origin) && !data.edge.has_console(origin), "{origin}");
        assert!(!data.admin_context(origin, UnixMillis(0)).has_sessions, "{origin}");
        assert!(!alone.edge.has_apis(origin), "{origin}");
        // A service with one plane serves that plane where a service with both would.
        assert_eq!(data.edge.has_apis(origin), both.edge.has_apis(origin), "{origin}");
        assert_eq!(alone.edge.has_admin_api(origin), both.edge.has_admin_api(origin), "{origin}");
        assert_eq!(alone.edge.has_console(origin), both.edge.has_console(origin), "{origin}");
    }
    let both = read(&[("CONTROL_HOSTS", "control.example")]).unwrap();
    assert!(both.edge.has_admin_api(control[0]) && !both.edge.has_apis(control[0]));
    assert!(both.edge.has_apis(others[0]) && !both.edge.has_admin_api(others[0]));
}

#[test]
fn the_least_configuration_has_the_promised_defaults() {
    let config = read(&[]).unwrap();
    assert_eq!(config.edge.terms.bound_seconds, 60);
    let push = config.edge.push.unwrap();
    assert_eq!((push.line_ms, push.silent_wait_ms), (20_000, 400));
    assert_eq!(config.edge.on_unknown, OnUnknown::Refuse);
    assert!(config.guaranteed());
    assert_eq!(config.app_schemes.len(), 5);
    assert!(config.edge.control_hosts.is_empty() && config.configured_key.is_none());
    assert_eq!((config.edge.plane, config.edge.client_scheme_header), (Plane::Both, None));
}

#[test]
fn push_can_be_switched_off() {
    let off = read(&[("PUSH_SECONDS", "0")]).unwrap();
    assert_eq!(off.edge.push, None);
    let described: serde_json::Value = serde_json::from_str(&off.described).unwrap();
    assert_eq!(
        (described["push_seconds"].as_i64(), described["silent_wait_ms"].as_i64()),
        (Some(0), Some(0))
    );
    // Then KV's copy is what locations read, so it is written more often.
    assert_eq!((off.heartbeat_seconds, read(&[]).unwrap().heartbeat_seconds), (10, 20));
    assert_eq!(read(&[("HEARTBEAT_SECONDS", "10")]).unwrap().heartbeat_seconds, 10);
    let on = read(&[("PUSH_SECONDS", "25"), ("SILENT_WAIT_MS", "0")]).unwrap();
    let described: serde_json::Value = serde_json::from_str(&on.described).unwrap();
    assert_eq!(
        (described["push_seconds"].as_i64(), described["silent_wait_ms"].as_i64()),
        (Some(25), Some(0))
    );
}

#[test]
fn relays_serve_only_where_changes_are_pushed() {
    let relays = |variables: &[(&str, &str)]| {
        let config = read(variables).unwrap();
        let described: serde_json::Value = serde_json::from_str(&config.described).unwrap();
        described["relays"].as_i64()
    };
    assert_eq!(relays(&[]), Some(0));
    assert_eq!(relays(&[("RELAYS", "3")]), Some(3));
    assert_eq!(relays(&[("RELAYS", "3"), ("PUSH_SECONDS", "0")]), Some(0));
    assert_eq!(relays(&[("RELAYS", "3"), ("REVOCATION_BOUND_SECONDS", "15")]), Some(3));
    assert_eq!(relays(&[("RELAYS", "3"), ("REVOCATION_BOUND_SECONDS", "14")]), Some(0));
}

#[test]
fn every_wrong_value_names_its_variable_and_never_shows_it() {
    let wrong = [
        ("DEPLOYMENT", ""),
        ("DEPLOYMENT", "Pro duction"),
        ("ROUTES", "[]"),
        ("UPSTREAM", "api.example.com"),
        ("REVOCATION_BOUND_SECONDS", "4"),
        ("REVOCATION_BOUND_SECONDS", "301"),
        ("REVOCATION_BOUND_SECONDS", "60s"),
        ("PUSH_SECONDS", "26"),
        ("PUSH_SECONDS", "-1"),
        ("SILENT_WAIT_MS", "2001"),
        ("RELAYS", "21"),
        ("ON_UNKNOWN", "Admit"),
        ("CONTROL_HOSTS", "a/b"),
        ("CREDENTIAL_SOURCES", "cookie"),
        ("APP_SCHEMES", "https"),
        ("MAX_TOKEN_LIFETIME", "59"),
        ("DEFAULT_TOKEN_LIFETIME", "59"),
        ("DEFAULT_TOKEN_LIFETIME", "63072001"),
        ("DEFAULT_TOKEN_LIFETIME", "1 year"),
        ("RETENTION_DAYS", "0"),
        ("METRICS_TOKENS_MAX", "-1"),
        ("METRICS_TOKENS_MAX", "5001"),
        ("METRICS_TOKENS_MAX", "many"),
        ("SIGNING_KEYS", "hunter2"),
        ("CHECK_SECRET", "hunter2"),
        ("ADMIN_KEY", "hunter2"),
        ("ADMIN_KEY", &"hunter2".repeat(40)),
        ("CONTROL_HOSTS", "*.example.com"),
        ("CONTROL_HOSTS", ","),
        ("WEBHOOK_URL", "http://hooks.example/hunter2"),
        ("WEBHOOK_SECRET", "hunter2"),
        ("RATES", "hunter2"),
        ("CLIENT_IP_HEADER", "hunter2: 1"),
        ("CLIENT_IP_HEADER", "Wayleave_Client-hunter2"),
        ("CLIENT_SCHEME_HEADER", "Wayleave_Scheme-hunter2"),
        ("CLIENT_SCHEME_HEADER", "hunter2: https"),
        ("PLANE", "hunter2"),
        ("UPSTREAM", "http://*.hunter2"),
        ("CONTROL_HOSTS", "control.example;hunter2"),
        ("CONTROL_HOSTS", "hunter2:0"),
        ("GATEWAY_ORIGIN", "hunter2"),
        ("GATEWAY_ORIGIN", "ftp://hunter2"),
        ("GATEWAY_ORIGIN", "https://hunter2/v1"),
        ("GATEWAY_ORIGIN", "https://a@hunter2"),
        ("GATEWAY_ORIGIN", "https://*.hunter2"),
        ("CLIENT_IP_HEADER", "Cookie"),
        ("CLIENT_IP_HEADER", "Authorization"),
        ("CLIENT_IP_HEADER", "X-Api-Key"),
        ("CLIENT_IP_HEADER", "Origin"),
        ("CLIENT_IP_HEADER", "Forwarded"),
        ("CLIENT_IP_HEADER", "Sec-Fetch-Site"),
        ("CLIENT_SCHEME_HEADER", "Host"),
        ("CLIENT_SCHEME_HEADER", "X-Api-Key"),
        ("CLIENT_SCHEME_HEADER", "cf-connecting-ip"),
        ("CREDENTIAL_SOURCES", "header:Content-Type"),
        ("CREDENTIAL_SOURCES", "header:Accept"),
        ("CREDENTIAL_SOURCES", "header:Connection"),
        ("CREDENTIAL_SOURCES", "header:Access-Control-Request-Headers"),
        ("CREDENTIAL_SOURCES", "bearer, header:User-Agent"),
    ];
    for (variable, value) in wrong {
        let mut changes = vec![(variable, value)];
        if variable == "ROUTES" {
            changes.push(("UPSTREAM", ""));
        }
        let error = read(&changes).expect_err(variable);
        assert_eq!(error.variable, variable);
        assert!(error.message().contains(variable));
        assert!(!error.message().contains("hunter2"));
    }
}

#[test]
fn a_webhook_has_a_url_and_a_secret() {
    let url = ("WEBHOOK_URL", "https://hooks.example/wayleave");
    let text = BASE64_STANDARD.encode([7; 24]);
    let secret = ("WEBHOOK_SECRET", text.as_str());
    assert!(read(&[]).unwrap().webhook.is_none());
    assert!(read(&[secret]).unwrap().webhook.is_none(), "nobody receives anything");
    assert_eq!(read(&[url]).unwrap_err().variable, "WEBHOOK_SECRET");
    assert!(read(&[url, secret]).unwrap().registry_settings().webhook.is_some());
}

#[test]
fn routes_and_upstream_exclude_each_other() {
    assert_eq!(
        read(&[("ROUTES", "[{\"upstream\":\"https://a.example\"}]")]).unwrap_err().variable,
        "UPSTREAM"
    );
    assert_eq!(read(&[("UPSTREAM", "")]).unwrap_err().variable, "ROUTES");
}

#[test]
fn a_token_lives_by_default_as_long_as_its_routes_and_the_longest_life_allow() {
    let of = |changes: &[(&str, &str)]| read(changes).map(|config| config.default_token_lifetime_seconds);
    assert_eq!(of(&[]).unwrap(), 365 * 86_400);
    assert_eq!(of(&[("DEFAULT_TOKEN_LIFETIME", "600")]).unwrap(), 600);
    assert_eq!(of(&[("MAX_TOKEN_LIFETIME", "1000")]).unwrap(), 1_000, "a year would be too long");
    let both = [("MAX_TOKEN_LIFETIME", "1000"), ("DEFAULT_TOKEN_LIFETIME", "1001")];
    assert_eq!(read(&both).unwrap_err().variable, "DEFAULT_TOKEN_LIFETIME");
    let route = |path: &str, audience: &str, more: &str| {
        format!(r#"{{"upstream":"https://a.example","path":"{path}","audience":"{audience}"{more}}}"#)
    };
    let routes = [
        route("/1", "a", r#","token_lifetime_seconds":900"#),
        route("/2", "a", r#","token_lifetime_seconds":600"#),
        route("/3", "a", ""),
        route("/4", "b", ""),
    ];
    let routes = format!("[{}]", routes.join(","));
    let with =
        |longest| read(&[("UPSTREAM", ""), ("ROUTES", routes.as_str()), ("MAX_TOKEN_LIFETIME", longest)]);
    let settings = with("900").unwrap().registry_settings();
    assert_eq!(settings.token_lifetimes, [("a".to_owned(), 600)].into());
    assert_eq!(with("899").unwrap_err().variable, "ROUTES");
}

#[test]
fn a_control_host_is_the_host_of_no_route() {
    let with = |host: &str, control: &str| {
        let routes = format!("[{{\"upstream\":\"https://a.example\",\"host\":\"{host}\"}}]");
        read(&[("UPSTREAM", ""), ("ROUTES", &routes), ("CONTROL_HOSTS", control)])
    };
    for (host, control) in [
        ("api.example", "api.example"),
        ("API.example.", "control.example, api.example"),
        ("api.example:8443", "api.example"),
        ("api.example:8443", "api.example:8443"),
    ] {
        assert_eq!(with(host, control).unwrap_err().variable, "CONTROL_HOSTS", "{host} {control}");
    }
    for (host, control) in [("api.example", "api.example:8443"), ("api.example:443", "api.example:8443")] {
        assert!(with(host, control).is_ok(), "{host} {control}");
    }
}

#[test]
fn a_service_of_one_plane_shares_no_host_with_the_admin_api() {
    for apart in [("PLANE", "control"), ("PLANE", "data")] {
        assert!(!read(&[apart]).unwrap().admin_api_is_on_every_host("https://api.example/"), "{apart:?}");
    }
}
