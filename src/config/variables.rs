//! Reads every variable and secret once, and checks it.
//!
//! Standard: docs/configuration.md.
//! Invariants: a wrong value yields a [`ConfigError`] that names the variable and what was expected, never
//! its value, which may be a secret.
//! What it must not know: where variables come from; the rules of other modules, whose parsers it calls.
//! What a mistake costs: a bound or host is silently replaced by a default, so the deployment does not do
//! what its operator set.

use super::description;
use super::settings::Config;
use crate::base::headers;
use crate::control::webhook::{SettingFault, Webhook};
use crate::edge::credential::{self, CREDENTIAL_SOURCES_DEFAULT, CredentialSources};
use crate::edge::decide::OnUnknown;
use crate::edge::freshness::{PushTerms, Terms};
use crate::edge::plane::Plane;
use crate::edge::route::{Route, Routes, ServedHost};
use crate::edge::settings::EdgeSettings;
use crate::formats::admin_key::{CONFIGURED_KEY_MIN_CHARS, ConfiguredKey};
use crate::formats::key;
use crate::formats::key::{CheckKeys, KeyRing};
use crate::formats::list;
use crate::formats::origin::{APP_SCHEMES_DEFAULT, APP_SCHEMES_EXPECTED, parse_app_schemes};
use crate::formats::rate_class::RateClasses;
use crate::limits::{self, CREDENTIAL_MAX_CHARS};
use std::ops::RangeInclusive;
use url::Url;

/// The default of `CLIENT_IP_HEADER`. Cloudflare sets this header and replaces whatever the caller sent.
const CLIENT_IP_HEADER_DEFAULT: &str = "cf-connecting-ip";

/// A variable that is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Name of the variable as it is set.
    pub variable: &'static str,
    /// What was expected, and what to do.
    pub expected: String,
}

impl ConfigError {
    /// The line to write to the operator's log.
    #[must_use]
    pub fn message(&self) -> String {
        format!(
            "Wayleave does not start: {0} is missing or wrong. Expected {1}. On Cloudflare it is set in \
             wrangler.toml [vars] or with `wrangler secret put {0}`, in workerd in the file `settings` or \
             `secrets`.",
            self.variable, self.expected
        )
    }
}

impl Config {
    /// Reads every variable through `variable`, which returns `None` for one that is not set. An empty text
    /// counts as not set, so that a template may list every name.
    ///
    /// # Errors
    /// [`ConfigError`] for the first variable that is missing or wrong.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let variables = Variables(|name: &str| variable(name).filter(|text| !text.trim().is_empty()));
        let deployment = variables.deployment()?;
        let bound_seconds = variables.number(
            "REVOCATION_BOUND_SECONDS",
            limits::REVOCATION_BOUND_DEFAULT_SECONDS,
            limits::REVOCATION_BOUND_MIN_SECONDS..=limits::REVOCATION_BOUND_MAX_SECONDS,
        )?;
        let push_seconds =
            variables.number("PUSH_SECONDS", limits::PUSH_DEFAULT_SECONDS, 0..=limits::PUSH_MAX_SECONDS)?;
        let heartbeat_seconds = variables.heartbeat_seconds(push_seconds > 0)?;
        let terms = Terms::from_bound(bound_seconds, heartbeat_seconds > 0);
        let routes = variables.routes()?;
        let audiences = routes.audiences().into_iter().map(str::to_owned).collect();
        let plane = variables.plane()?;
        let credential_sources = variables.credential_sources()?;
        let location = variables.name("LOCATION")?;
        let restore_id = variables.name("RESTORE_ID")?;
        let on_unknown = variables.on_unknown()?;
        let control_hosts = variables.control_hosts()?;
        let gateway_origin = variables.gateway_origin()?;
        let app_schemes = variables.app_schemes()?;
        let max_token_lifetime_seconds = variables.max_token_lifetime_seconds()?;
        let default_token_lifetime_seconds =
            variables.default_token_lifetime_seconds(max_token_lifetime_seconds)?;
        let retention_days =
            variables.number("RETENTION_DAYS", limits::RETENTION_DEFAULT_DAYS, 1..=36_500)?;
        let metrics_tokens_max = variables.metrics_tokens_max()?;
        let rate_classes = variables.rate_classes()?;
        let client_ip_header = variables.client_ip_header()?;
        let client_scheme_header = variables.client_scheme_header()?;
        let ring = variables.ring(&deployment)?;
        let check_keys = variables.check_keys(&deployment)?;
        let edge = EdgeSettings {
            routes,
            plane,
            control_hosts,
            credential_sources,
            terms,
            push: variables.push(&terms, push_seconds)?,
            on_unknown,
            rate_classes,
            client_ip_header,
            client_scheme_header,
            keeps_refusals: variables.keeps_refusals()?,
            ring,
            family_key: check_keys.family.clone(),
        };
        let mut config = Self {
            edge,
            audiences,
            heartbeat_seconds,
            location_cache_url: format!("https://wayleave.invalid/{deployment}/{}", list::KV_NAME),
            location,
            restore_id,
            gateway_origin,
            app_schemes,
            max_token_lifetime_seconds,
            default_token_lifetime_seconds,
            retention_days,
            metrics_tokens_max,
            check_keys,
            configured_key: variables.configured_key()?,
            webhook: variables.webhook()?,
            described: String::new(),
        };
        config.must_not_clash()?;
        config.described = description::describe(&config, &deployment).to_json();
        Ok(config)
    }

    /// Checks that no two settings use one header or one host for two purposes, and that no route's tokens
    /// live longer than any may.
    fn must_not_clash(&self) -> Result<(), ConfigError> {
        let edge = &self.edge;
        let of_routes = edge.routes.iter().filter_map(Route::credential_sources);
        let sources: Vec<_> = [&edge.credential_sources].into_iter().chain(of_routes).collect();
        let holds_tokens = |name: &String| sources.iter().any(|source| source.header_names().contains(name));
        let scheme_header = edge.client_scheme_header.as_ref();
        if holds_tokens(&edge.client_ip_header) {
            return wrong("CLIENT_IP_HEADER", "a header that cannot hold a token");
        }
        if scheme_header.is_some_and(|name| holds_tokens(name) || *name == edge.client_ip_header) {
            let expected = "a header that is not CLIENT_IP_HEADER and cannot hold a token";
            return wrong("CLIENT_SCHEME_HEADER", expected);
        }
        let longest = self.max_token_lifetime_seconds;
        if edge.routes.iter().filter_map(Route::token_lifetime_seconds).any(|seconds| seconds > longest) {
            return wrong("ROUTES", "a token_lifetime_seconds of at most MAX_TOKEN_LIFETIME");
        }
        let is_control = |host: &ServedHost| edge.control_hosts.iter().any(|control| control.covers(host));
        if edge.routes.iter().filter_map(Route::host).any(is_control) {
            let expected = "hosts that no route of ROUTES has: a control host serves no API";
            return wrong("CONTROL_HOSTS", expected);
        }
        Ok(())
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
                "a name of 1 to 64 characters a-z, 0-9 and -, such as production; tokens of one deployment \
                 never work in another",
            ),
        }
    }

    fn metrics_tokens_max(&self) -> Result<i64, ConfigError> {
        self.number("METRICS_TOKENS_MAX", limits::METRICS_TOKENS_DEFAULT, 0..=limits::METRICS_TOKENS_LIMIT)
    }

    fn heartbeat_seconds(&self, is_pushed: bool) -> Result<i64, ConfigError> {
        let default_seconds = if is_pushed {
            limits::HEARTBEAT_PUSH_DEFAULT_SECONDS
        } else {
            limits::HEARTBEAT_DEFAULT_SECONDS
        };
        self.number("HEARTBEAT_SECONDS", default_seconds, 0..=limits::HEARTBEAT_MAX_SECONDS)
    }

    /// The durations of calls that wait at the registry; `None` without push.
    fn push(&self, terms: &Terms, push_seconds: i64) -> Result<Option<PushTerms>, ConfigError> {
        let silent_wait_ms =
            self.number("SILENT_WAIT_MS", limits::SILENT_WAIT_DEFAULT_MS, 0..=limits::SILENT_WAIT_MAX_MS)?;
        let relays = self.number("RELAYS", 0, 0..=limits::RELAYS_MAX)?;
        let relays = u32::try_from(relays).unwrap_or(0);
        let push = PushTerms::of(terms, push_seconds, silent_wait_ms);
        Ok(push.map(|push| push.with_relays(terms, relays)))
    }

    /// Reads a name that the operator chooses and that reports and audit show.
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
                wrong("ROUTES", "a JSON array of routes, or UPSTREAM with the URL of the only API")
            }
        }
    }

    fn plane(&self) -> Result<Plane, ConfigError> {
        let Some(text) = (self.0)("PLANE") else { return Ok(Plane::default()) };
        match Plane::parse(&text) {
            Some(plane) => Ok(plane),
            None => {
                wrong("PLANE", "data (only the guarded APIs), control (only admin API and console) or both")
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

    fn keeps_refusals(&self) -> Result<bool, ConfigError> {
        match (self.0)("REFUSAL_TAIL").as_deref() {
            None | Some("on") => Ok(true),
            Some("off") => Ok(false),
            Some(_) => {
                wrong("REFUSAL_TAIL", "on (recent refusals are kept for a week) or off (they are not)")
            }
        }
    }

    fn control_hosts(&self) -> Result<Vec<ServedHost>, ConfigError> {
        let Some(text) = (self.0)("CONTROL_HOSTS") else { return Ok(Vec::new()) };
        let hosts = text.split(',').map(str::trim).filter(|host| !host.is_empty());
        match hosts.map(ServedHost::parse).collect::<Option<Vec<_>>>() {
            // A lone comma names no host. Reading it as "not set" would open the admin API on every host.
            Some(hosts) if !hosts.is_empty() => Ok(hosts),
            _ => wrong(
                "CONTROL_HOSTS",
                "host names separated by commas, each with a port if only that port is meant",
            ),
        }
    }

    /// Without the port that is the scheme's default.
    fn gateway_origin(&self) -> Result<Option<String>, ConfigError> {
        let Some(text) = (self.0)("GATEWAY_ORIGIN") else { return Ok(None) };
        let parts = text.strip_suffix('/').unwrap_or(&text).split_once("://");
        let host = parts.filter(|(scheme, _)| matches!(*scheme, "https" | "http"));
        let host = host.and_then(|(scheme, host)| Some((scheme, ServedHost::parse(host)?)));
        match host.and_then(|(scheme, host)| Url::parse(&format!("{scheme}://{host}")).ok()) {
            Some(url) => Ok(Some(url.origin().ascii_serialization())),
            None => wrong(
                "GATEWAY_ORIGIN",
                "the scheme and host, with a port if there is one, at which callers reach the guarded APIs: \
                 https://api.example.com",
            ),
        }
    }

    fn app_schemes(&self) -> Result<Vec<String>, ConfigError> {
        let text = (self.0)("APP_SCHEMES").unwrap_or_else(|| APP_SCHEMES_DEFAULT.to_owned());
        match parse_app_schemes(&text) {
            Some(schemes) => Ok(schemes),
            None => wrong("APP_SCHEMES", APP_SCHEMES_EXPECTED),
        }
    }

    fn rate_classes(&self) -> Result<RateClasses, ConfigError> {
        let Some(text) = (self.0)("RATES") else { return Ok(RateClasses::default()) };
        RateClasses::parse(&text, |binding| (self.0)(binding).is_some())
            .map_err(|fault| ConfigError { variable: "RATES", expected: fault.to_string() })
    }

    /// Reads the name of a header that the proxy in front sets. Returned in lower case.
    fn header_name(&self, variable: &'static str, set_to: &str) -> Result<Option<String>, ConfigError> {
        match (self.0)(variable) {
            None => Ok(None),
            Some(name) if headers::is_name(&name) && !credential::is_taken(&name.to_ascii_lowercase()) => {
                Ok(Some(name.to_ascii_lowercase()))
            }
            Some(_) => {
                let holds = "and that callers do not send";
                wrong(
                    variable,
                    &format!("the name of a header that the proxy in front sets {set_to}, {holds}"),
                )
            }
        }
    }

    fn max_token_lifetime_seconds(&self) -> Result<i64, ConfigError> {
        self.number(
            "MAX_TOKEN_LIFETIME",
            limits::MAX_TOKEN_LIFETIME_DEFAULT_SECONDS,
            limits::TOKEN_LIFETIME_MIN_SECONDS..=limits::MAX_TOKEN_LIFETIME_MAX_SECONDS,
        )
    }

    /// At most the longest life. Without one that is set: a year, or the longest life if that is shorter.
    fn default_token_lifetime_seconds(&self, longest: i64) -> Result<i64, ConfigError> {
        let default = limits::TOKEN_LIFETIME_DEFAULT_SECONDS.min(longest);
        self.number("DEFAULT_TOKEN_LIFETIME", default, limits::TOKEN_LIFETIME_MIN_SECONDS..=longest)
    }

    fn client_ip_header(&self) -> Result<String, ConfigError> {
        let name = self.header_name("CLIENT_IP_HEADER", "to the caller's address, such as X-Real-IP")?;
        Ok(name.unwrap_or_else(|| CLIENT_IP_HEADER_DEFAULT.to_owned()))
    }

    fn client_scheme_header(&self) -> Result<Option<String>, ConfigError> {
        let set_to = "to the scheme that the caller used, https or http, such as X-Forwarded-Proto";
        self.header_name("CLIENT_SCHEME_HEADER", set_to)
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
        // A longer key could not be used: a credential of that length is never read.
        match ConfiguredKey::new(&text).filter(|_| text.len() <= CREDENTIAL_MAX_CHARS) {
            Some(key) => Ok(Some(key)),
            None => Err(ConfigError {
                variable: "ADMIN_KEY",
                expected: format!(
                    "{CONFIGURED_KEY_MIN_CHARS} to {CREDENTIAL_MAX_CHARS} visible ASCII characters: openssl \
                     rand -hex 32"
                ),
            }),
        }
    }

    /// Reads the webhook. Without a URL nothing is sent, and the secret may be set before the URL is.
    fn webhook(&self) -> Result<Option<Webhook>, ConfigError> {
        let (url, secret) = ((self.0)("WEBHOOK_URL"), (self.0)("WEBHOOK_SECRET"));
        if url.is_none() && secret.is_none() {
            return Ok(None);
        }
        // The secret is checked with a valid placeholder URL, so that a wrong secret stops the Worker even
        // before a URL is set.
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
