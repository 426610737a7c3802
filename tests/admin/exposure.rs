//! On which hosts the admin API answers, and that the operator is warned where it answers on all of them.

use super::answers::status;
use base64::prelude::*;
use std::collections::BTreeMap;
use wayleave::config::Config;
use wayleave::control::admin::with_warnings_of_host;
use wayleave::control::registry::command::{Answer, StatusWarning};

fn config(control_hosts: &str) -> Config {
    let secret = BASE64_STANDARD.encode([7; 32]);
    let variables = BTreeMap::from([
        ("DEPLOYMENT", "test".to_owned()),
        ("UPSTREAM", "https://api.example.com".to_owned()),
        ("SIGNING_KEYS", format!("{{\"1\":\"{secret}\"}}")),
        ("CHECK_SECRET", secret),
        ("CONTROL_HOSTS", control_hosts.to_owned()),
    ]);
    Config::read(|name| variables.get(name).cloned()).unwrap()
}

#[test]
fn the_admin_api_is_on_every_host_unless_one_is_set_apart_or_all_is_on_this_machine() {
    let shared = config("");
    let public = [
        "https://api.example/",
        "https://api.example:8443",
        "http://192.0.2.7/x?y",
        "http://localhost.example",
    ];
    for url in public {
        assert!(shared.admin_api_is_on_every_host(url), "{url}");
    }
    for url in ["http://localhost:8787/x", "http://127.0.0.1", "http://[::1]:1/", "https://a.localhost"] {
        assert!(!shared.admin_api_is_on_every_host(url), "{url}");
    }
    for url in public {
        assert!(!config("control.example").admin_api_is_on_every_host(url), "{url}");
    }
}

#[test]
fn a_status_and_its_metrics_say_so() {
    let of = |is_on_every_host| match with_warnings_of_host(
        Answer::Status(Box::new(status())),
        is_on_every_host,
    ) {
        Answer::Status(status) => status.warnings,
        other => panic!("{other:?}"),
    };
    let before = status().warnings;
    assert_eq!(of(false), before);
    assert_eq!(of(true), [before, vec![StatusWarning::AdminApiOnEveryHost]].concat());
    assert_eq!(with_warnings_of_host(Answer::Authenticated, true), Answer::Authenticated);
}
