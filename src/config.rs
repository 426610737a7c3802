//! The configuration: every variable and secret, read once into a type that cannot be wrong.
//!
//! Standard: DESIGN section 9.
//! Invariants: a wrong value yields a [`ConfigError`] that names the variable and what was expected, never its value
//! (it may be a secret); a [`Config`] that exists is complete.
//! What it must not know: where variables come from; any other module's rules beyond calling their parsers.
//! What a mistake costs: a bound or host silently replaced by a default is a promise the operator did not make.

use crate::admin::{self, configuration_view::Configuration};
use crate::admin_key::{CONFIGURED_KEY_MIN_CHARS, ConfiguredKey};
use crate::credential::{CREDENTIAL_SOURCES_DEFAULT, CredentialSources};
use crate::freshness::Terms;
use crate::gate::OnUnknown;
use crate::headers;
use crate::key::{self, CheckKeys, KeyId, KeyRing};
use crate::limits::{self, CREDENTIAL_MAX_CHARS};
use crate::list;
use crate::origin::{APP_SCHEMES_DEFAULT, Origin, parse_app_schemes};
use crate::rate::RateClasses;
use crate::registry::RegistrySettings;
use crate::route::{Routes, ServedHost};
use crate::time::UnixMillis;
use crate::webhook::{SettingFault, Webhook};
use std::ops::RangeInclusive;

/// `CLIENT_IP_HEADER` when the operator says nothing: Cloudflare sets it, whatever the caller sent.
const CLIENT_IP_HEADER_DEFAULT: &str = "cf-connecting-ip";

/// Everything the operator decided.
#[derive(Debug)]
pub struct Config {
    /// The APIs behind, by host and path.
    pub routes: Routes,
    /// Every audience that a route names, at least one.
    pub audiences: Vec<String>,
    /// Where a request may carry its token.
    pub credential_sources: CredentialSources,
    /// The revocation bound B, 5 to 300.
    pub bound_seconds: i64,
    /// The times that follow from B.
    pub terms: Terms,
    /// How often KV's copy of the list is written anew while there is traffic; 0: KV is left out for lists.
    pub heartbeat_seconds: i64,
    /// Under which URL the location's cache keeps the delta: one that nobody else can mean. Deployments of one zone share
    /// that cache.
    pub location_cache_url: String,
    /// What this location calls itself where the platform does not say.
    pub location: Option<String>,
    /// Changed by the operator when the registry's storage was put back from a backup.
    pub restore_id: Option<String>,
    /// What to do when a location cannot know.
    pub on_unknown: OnUnknown,
    /// Hosts (with port, if any) that serve admin API and console only; empty: every host serves the admin API.
    pub control_hosts: Vec<ServedHost>,
    /// Schemes that origin rules may name beside http and https.
    pub app_schemes: Vec<String>,
    /// The longest life a token may be given, seconds.
    pub max_token_lifetime_seconds: i64,
    /// Days that a token stays in the registry after its `expires_at`.
    pub retention_days: i64,
    /// The rate classes that tokens can be of.
    pub rate_classes: RateClasses,
    /// The header, lower case, in which the proxy in front says where a request came from.
    pub client_ip_header: String,
    /// The signing keys.
    pub ring: KeyRing,
    /// Keys that recognise admin keys and family ids.
    pub check_keys: CheckKeys,
    /// `ADMIN_KEY`, when set.
    pub configured_key: Option<ConfiguredKey>,
    /// Who receives notices, when anybody does.
    pub webhook: Option<Webhook>,
    /// All that is no secret, as `GET /configuration` shows it.
    pub described: String,
}

/// A variable is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The variable.
    pub variable: &'static str,
    /// What was expected, and what to do.
    pub expected: String,
}

impl ConfigError {
    /// The line for the operator's log.
    #[must_use]
    pub fn message(&self) -> String {
        format!(
            "Wayleave does not start: {} is missing or wrong. Expected {}. Set it in wrangler.toml [vars] or with `wrangler secret put {}`, then deploy again.",
            self.variable, self.expected, self.variable
        )
    }
}

impl Config {
    /// Reads every variable through `variable`, which gives `None` for one that is not set. An empty text counts as not
    /// set, so that a template may list every name.
    ///
    /// # Errors
    /// The first [`ConfigError`].
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let variables = Variables(|name: &str| variable(name).filter(|text| !text.trim().is_empty()));
        let deployment = variables.deployment()?;
        let bound_seconds = variables.number(
            "REVOCATION_BOUND_SECONDS",
            limits::REVOCATION_BOUND_DEFAULT_SECONDS,
            limits::REVOCATION_BOUND_MIN_SECONDS..=limits::REVOCATION_BOUND_MAX_SECONDS,
        )?;
        let heartbeat_seconds = variables.number(
            "HEARTBEAT_SECONDS",
            limits::HEARTBEAT_DEFAULT_SECONDS,
            0..=limits::HEARTBEAT_MAX_SECONDS,
        )?;
        let routes = variables.routes()?;
        let mut config = Self {
            audiences: routes.audiences().into_iter().map(str::to_owned).collect(),
            routes,
            credential_sources: variables.credential_sources()?,
            bound_seconds,
            terms: Terms::from_bound(bound_seconds, heartbeat_seconds > 0),
            heartbeat_seconds,
            location_cache_url: format!("https://wayleave.invalid/{deployment}/{}", list::KV_NAME),
            location: variables.name("LOCATION")?,
            restore_id: variables.name("RESTORE_ID")?,
            on_unknown: variables.on_unknown()?,
            control_hosts: variables.control_hosts()?,
            app_schemes: variables.app_schemes()?,
            max_token_lifetime_seconds: variables.number(
                "MAX_TOKEN_LIFETIME",
                limits::MAX_TOKEN_LIFETIME_DEFAULT_SECONDS,
                limits::TOKEN_LIFETIME_MIN_SECONDS..=limits::MAX_TOKEN_LIFETIME_MAX_SECONDS,
            )?,
            retention_days: variables.number("RETENTION_DAYS", limits::RETENTION_DEFAULT_DAYS, 1..=36_500)?,
            rate_classes: variables.rate_classes()?,
            client_ip_header: variables.client_ip_header()?,
            ring: variables.ring(&deployment)?,
            check_keys: variables.check_keys(&deployment)?,
            configured_key: variables.configured_key()?,
            webhook: variables.webhook()?,
            described: String::new(),
        };
        config.described = Configuration::of(&config, &deployment).to_json();
        Ok(config)
    }

    /// The registry's part.
    #[must_use]
    pub fn registry_settings(&self) -> RegistrySettings {
        RegistrySettings {
            ring: self.ring.clone(),
            check_keys: self.check_keys.clone(),
            // Parsing refused an empty ring.
            first_signing_key: self.ring.ids().next().unwrap_or(KeyId(0)),
            bound_seconds: self.bound_seconds,
            heartbeat_seconds: if self.terms.kv { self.heartbeat_seconds } else { 0 },
            fold_at_changes: limits::FOLD_AT_CHANGES,
            restore_id: self.restore_id.clone(),
            guaranteed: self.guaranteed(),
            max_token_lifetime_seconds: self.max_token_lifetime_seconds,
            retention_days: self.retention_days,
            audiences: self.audiences.clone(),
            rate_classes: self.rate_classes.clone(),
            bootstrap_sha256: self.configured_key.as_ref().map(ConfiguredKey::sha256),
            webhook: self.webhook.clone(),
        }
    }

    /// What admin requests are judged by. `own_origin` is the origin that the request was sent to.
    #[must_use]
    pub fn admin_context<'a>(&'a self, own_origin: &'a str, now: UnixMillis) -> admin::Context<'a> {
        admin::Context {
            check_keys: &self.check_keys,
            key_ring: &self.ring,
            configured_key: self.configured_key.as_ref(),
            app_schemes: &self.app_schemes,
            audiences: &self.audiences,
            rate_classes: &self.rate_classes,
            max_token_lifetime_seconds: self.max_token_lifetime_seconds,
            own_origin,
            configuration: &self.described,
            has_sessions: self.has_console(own_origin),
            now,
        }
    }

    /// Whether console and sessions are at this origin (`scheme://host[:port]`): on control hosts; where there are none, only
    /// on loopback, since elsewhere upstream content would share the console's origin.
    #[must_use]
    pub fn has_console(&self, own_origin: &str) -> bool {
        if self.control_hosts.is_empty() {
            return matches!(Origin::parse_header(own_origin), Ok(Origin::Tuple(origin)) if origin.is_loopback());
        }
        self.control_hosts.iter().any(|host| host.serves_origin(own_origin))
    }

    /// Whether receipts may promise the bound.
    #[must_use]
    pub fn guaranteed(&self) -> bool {
        self.on_unknown == OnUnknown::Refuse
    }
}

struct Variables<F>(F);

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    fn deployment(&self) -> Result<String, ConfigError> {
        let is_name = |text: &str| {
            text.len() <= 64
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        match (self.0)("DEPLOYMENT") {
            Some(text) if is_name(&text) => Ok(text),
            _ => wrong(
                "DEPLOYMENT",
                "a name of 1 to 64 characters a-z, 0-9 and -, such as production; tokens of one deployment never work in another",
            ),
        }
    }

    /// A name of the operator's choice, which reports and audit show.
    fn name(&self, variable: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(text) = (self.0)(variable) else { return Ok(None) };
        if text.len() <= 64 && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Some(text))
        } else {
            wrong(variable, "1 to 64 visible ASCII characters, or nothing")
        }
    }

    fn routes(&self) -> Result<Routes, ConfigError> {
        match ((self.0)("ROUTES"), (self.0)("UPSTREAM")) {
            (Some(json), None) => Routes::parse(&json)
                .map_err(|fault| ConfigError { variable: "ROUTES", expected: fault.to_string() }),
            (None, Some(url)) => Routes::from_upstream(&url)
                .map_err(|fault| ConfigError { variable: "UPSTREAM", expected: fault.to_string() }),
            (Some(_), Some(_)) => wrong("UPSTREAM", "either ROUTES or UPSTREAM, not both"),
            (None, None) => {
                wrong("ROUTES", "a JSON array of routes, or UPSTREAM with the URL of the only API behind")
            }
        }
    }

    fn credential_sources(&self) -> Result<CredentialSources, ConfigError> {
        let text = (self.0)("CREDENTIAL_SOURCES").unwrap_or_else(|| CREDENTIAL_SOURCES_DEFAULT.to_owned());
        CredentialSources::parse(&text)
            .map_err(|fault| ConfigError { variable: "CREDENTIAL_SOURCES", expected: fault.to_string() })
    }

    fn on_unknown(&self) -> Result<OnUnknown, ConfigError> {
        match (self.0)("ON_UNKNOWN").as_deref() {
            None | Some("refuse") => Ok(OnUnknown::Refuse),
            Some("admit") => Ok(OnUnknown::Admit),
            Some(_) => wrong("ON_UNKNOWN", "refuse (the bound is guaranteed) or admit (it is not)"),
        }
    }

    fn control_hosts(&self) -> Result<Vec<ServedHost>, ConfigError> {
        let Some(text) = (self.0)("CONTROL_HOSTS") else { return Ok(Vec::new()) };
        let hosts = text.split(',').map(str::trim).filter(|host| !host.is_empty());
        match hosts.map(ServedHost::parse).collect::<Option<Vec<_>>>() {
            // A comma alone names no host; to take it for "not set" would open the admin API everywhere.
            Some(hosts) if !hosts.is_empty() => Ok(hosts),
            _ => wrong(
                "CONTROL_HOSTS",
                "host names separated by commas, each with its port if only that one is meant",
            ),
        }
    }

    fn app_schemes(&self) -> Result<Vec<String>, ConfigError> {
        let text = (self.0)("APP_SCHEMES").unwrap_or_else(|| APP_SCHEMES_DEFAULT.to_owned());
        parse_app_schemes(&text)
            .map_err(|fault| ConfigError { variable: "APP_SCHEMES", expected: fault.expected().to_owned() })
    }

    fn rate_classes(&self) -> Result<RateClasses, ConfigError> {
        let Some(text) = (self.0)("RATES") else { return Ok(RateClasses::default()) };
        RateClasses::parse(&text, |binding| (self.0)(binding).is_some())
            .map_err(|fault| ConfigError { variable: "RATES", expected: fault.to_string() })
    }

    fn client_ip_header(&self) -> Result<String, ConfigError> {
        match (self.0)("CLIENT_IP_HEADER") {
            None => Ok(CLIENT_IP_HEADER_DEFAULT.to_owned()),
            Some(name) if headers::is_name(&name) => Ok(name.to_ascii_lowercase()),
            Some(_) => wrong(
                "CLIENT_IP_HEADER",
                "the name of a header that the proxy in front sets to the caller's address, such as X-Real-IP",
            ),
        }
    }

    fn ring(&self, deployment: &str) -> Result<KeyRing, ConfigError> {
        let json = (self.0)("SIGNING_KEYS").unwrap_or_default();
        match key::parse_signing_keys(&json) {
            Ok(secrets) => Ok(KeyRing::derive(&secrets, deployment)),
            Err(fault) => wrong("SIGNING_KEYS", fault.expected()),
        }
    }

    fn check_keys(&self, deployment: &str) -> Result<CheckKeys, ConfigError> {
        let text = (self.0)("CHECK_SECRET").unwrap_or_default();
        match key::parse_secret(&text) {
            Ok(secret) => Ok(CheckKeys::derive(&secret, deployment)),
            Err(fault) => wrong("CHECK_SECRET", fault.expected()),
        }
    }

    fn configured_key(&self) -> Result<Option<ConfiguredKey>, ConfigError> {
        let Some(text) = (self.0)("ADMIN_KEY") else { return Ok(None) };
        // A longer one would never be looked at when it is presented.
        match ConfiguredKey::new(&text).filter(|_| text.len() <= CREDENTIAL_MAX_CHARS) {
            Some(key) => Ok(Some(key)),
            None => Err(ConfigError {
                variable: "ADMIN_KEY",
                expected: format!(
                    "{CONFIGURED_KEY_MIN_CHARS} to {CREDENTIAL_MAX_CHARS} visible ASCII characters: openssl rand -hex 32"
                ),
            }),
        }
    }

    /// Without a URL nothing is sent, and the secret may wait for one.
    fn webhook(&self) -> Result<Option<Webhook>, ConfigError> {
        let (url, secret) = ((self.0)("WEBHOOK_URL"), (self.0)("WEBHOOK_SECRET"));
        if url.is_none() && secret.is_none() {
            return Ok(None);
        }
        // Read with a URL that is right, so that a wrong secret stops the Worker before there is one.
        let waiting_url = "https://localhost".to_owned();
        let is_wanted = url.is_some();
        match Webhook::parse(&url.unwrap_or(waiting_url), &secret.unwrap_or_default()) {
            Ok(webhook) => Ok(is_wanted.then_some(webhook)),
            Err(fault @ SettingFault::Url) => wrong("WEBHOOK_URL", fault.expected()),
            Err(fault @ SettingFault::Secret) => wrong("WEBHOOK_SECRET", fault.expected()),
        }
    }

    fn number(
        &self,
        variable: &'static str,
        default: i64,
        range: RangeInclusive<i64>,
    ) -> Result<i64, ConfigError> {
        match (self.0)(variable) {
            None => Ok(default),
            Some(text) => match text.trim().parse::<i64>() {
                Ok(number) if range.contains(&number) => Ok(number),
                _ => Err(ConfigError {
                    variable,
                    expected: format!("a whole number from {} to {}", range.start(), range.end()),
                }),
            },
        }
    }
}

fn wrong<T>(variable: &'static str, expected: &str) -> Result<T, ConfigError> {
    Err(ConfigError { variable, expected: expected.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn read(changes: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let secret = data_encoding::BASE64.encode(&[7; 32]);
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
        let secret = data_encoding::BASE64.encode(&[7; 32]);
        let key = "an-admin-key-of-the-operators-own-making";
        let config = read(&[("ADMIN_KEY", key), ("CONTROL_HOSTS", "control.example:8443")]).unwrap();
        let described: serde_json::Value = serde_json::from_str(&config.described).unwrap();
        assert_eq!(described["deployment"], "test");
        assert_eq!(described["control_hosts"][0], "control.example:8443");
        assert_eq!(
            described["credential_sources"],
            serde_json::json!(["bearer", "header:x-api-key", "query:token"])
        );
        assert_eq!(described["routes"][0]["upstream"], "https://api.example.com");
        for hidden in [secret.as_str(), key] {
            assert!(!config.described.contains(hidden));
        }
    }

    #[test]
    fn the_console_has_an_origin_of_its_own() {
        let alone = read(&[("CONTROL_HOSTS", "control.example")]).unwrap();
        assert!(alone.has_console("https://control.example"));
        assert!(!alone.has_console("https://api.example"));
        assert!(!alone.has_console("http://localhost:8787"));
        let shared = read(&[]).unwrap();
        for origin in ["http://localhost:8787", "http://127.0.0.1", "http://[::1]:1", "https://a.localhost"] {
            assert!(shared.has_console(origin), "{origin}");
        }
        for origin in
            ["https://api.example", "http://localhost.example", "http://1.127.0.0.1.example", "null", ""]
        {
            assert!(!shared.has_console(origin), "{origin}");
        }
    }

    #[test]
    fn the_least_configuration_has_the_promised_defaults() {
        let config = read(&[]).unwrap();
        assert_eq!(config.bound_seconds, 60);
        assert_eq!(config.on_unknown, OnUnknown::Refuse);
        assert!(config.guaranteed());
        assert_eq!(config.app_schemes.len(), 5);
        assert!(config.control_hosts.is_empty() && config.configured_key.is_none());
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
            ("ON_UNKNOWN", "Admit"),
            ("CONTROL_HOSTS", "a/b"),
            ("CREDENTIAL_SOURCES", "cookie"),
            ("APP_SCHEMES", "https"),
            ("MAX_TOKEN_LIFETIME", "59"),
            ("RETENTION_DAYS", "0"),
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
        let text = data_encoding::BASE64.encode(&[7; 24]);
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
}
