//! The configuration as `GET /configuration` shows it.
//!
//! It is filled here because it shows settings of both planes.
//! Invariants: no secret is read, except that a webhook's URL is shown as its origin.

use super::settings::Config;
use crate::control::admin::configuration_view::{Configuration, RateClassView, RouteView};
use crate::control::webhook::Webhook;
use crate::edge::credential::CredentialSources;
use crate::edge::route::Route;
use crate::formats::rate_class::{Class, ClassName};
use crate::limits::MS_PER_SECOND;

pub(super) fn describe(config: &Config, deployment: &str) -> Configuration {
    let edge = &config.edge;
    Configuration {
        deployment: deployment.to_owned(),
        revocation_bound_seconds: edge.terms.bound_seconds,
        heartbeat_seconds: config.heartbeat_seconds,
        push_seconds: edge.push.map_or(0, |push| push.line_ms / MS_PER_SECOND),
        silent_wait_ms: edge.push.map_or(0, |push| push.silent_wait_ms),
        relays: edge.push.map_or(0, |push| push.relays),
        on_unknown: edge.on_unknown.as_str(),
        plane: edge.plane.as_str(),
        gateway_origin: config.gateway_origin.clone(),
        control_hosts: edge.control_hosts.iter().map(ToString::to_string).collect(),
        credential_sources: edge.credential_sources.listed(),
        app_schemes: config.app_schemes.clone(),
        max_token_lifetime_seconds: config.max_token_lifetime_seconds,
        default_token_lifetime_seconds: config.default_token_lifetime_seconds,
        retention_days: config.retention_days,
        metrics_tokens_max: config.metrics_tokens_max,
        audiences: config.audiences.clone(),
        webhook_origin: config.webhook.as_ref().map(Webhook::origin),
        location: config.location.clone(),
        refusal_tail: edge.keeps_refusals,
        rate_classes: edge.rate_classes.iter().map(rate_class).collect(),
        routes: edge.routes.iter().map(route).collect(),
    }
}

fn rate_class((name, class): (&ClassName, &Class)) -> RateClassView {
    RateClassView {
        name: name.as_str().to_owned(),
        requests: class.requests,
        token_requests: class.token_requests,
        per_seconds: class.per_seconds,
        counted_by: class.counted_by,
    }
}

fn route(route: &Route) -> RouteView {
    RouteView {
        host: route.host().map(ToString::to_string),
        path: route.path().to_owned(),
        upstream: route.upstream().to_owned(),
        audience: route.audience().to_owned(),
        anonymous: route.is_anonymous(),
        credentials: route.allows_credentials(),
        shared_cache: route.is_shared_cache(),
        forwarded_headers: route.forwarded_headers().as_str(),
        timeout_seconds: route.timeout_seconds(),
        token_lifetime_seconds: route.token_lifetime_seconds(),
        credential_sources: route.credential_sources().map(CredentialSources::listed),
        methods: route.scope().methods.map(|methods| methods.iter().collect()),
        paths: route.scope().paths.clone().map(Vec::from),
    }
}
