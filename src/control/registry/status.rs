//! `GET /status`: the registry's state and its pending writes (docs/http.md, "Status and metrics"). Answering
//! changes nothing.

use super::admin_keys;
use super::bases;
use super::command::{PropagationView, StatusView, StatusWarning};
use super::deliveries;
use super::meters;
use super::outbox;
use super::rate_use;
use super::row::StorageError;
use super::settings::RegistrySettings;
use super::state::State;
use super::sweep;
use crate::base::database::Database;
use crate::base::time::UnixMillis;
use crate::limits::{
    MS_PER_SECOND, REGISTRY_CALLS_PER_SECOND, RESTORED_WARNING_MS, WEBHOOK_GIVEN_UP_WARNING_MS,
    WEBHOOK_WARNING_MS,
};

/// Everything that storage knows. What only the instance knows is zero or empty here.
pub(super) fn view<D: Database>(
    database: &D,
    settings: &RegistrySettings,
    now: UnixMillis,
) -> Result<StatusView, StorageError> {
    let state = State::read(database)?;
    let base = bases::newest(database, state.list_number.epoch)?.number;
    // In storage, zero means never.
    let ever = |at: UnixMillis| Some(at).filter(|at| *at > UnixMillis(0));
    let (bootstrap_key_valid, admin_keys_without_end) = admin_keys::lasting(database, settings, now)?;
    let (outbox_pending, outbox_oldest_at) = outbox::backlog(database)?;
    Ok(StatusView {
        list_number: (state.list_number.epoch, state.list_number.n),
        changed_number: (state.list_number.epoch, state.changed),
        list_entries: 0,
        list_bytes: 0,
        base_number: (base.epoch, base.n),
        base_bytes: bases::newest_bytes(database)?,
        bound_seconds: settings.bound_seconds,
        guaranteed: settings.guaranteed,
        heartbeat_seconds: settings.heartbeat_seconds,
        published_at: ever(state.list_handed_at),
        traffic_at: ever(state.traffic_at),
        heard_at: ever(state.heard_at),
        reports_missing_since: state.reports_missing_since(now),
        restored_at: state.restored_at,
        propagation: PropagationView::default(),
        locations: Vec::new(),
        outbox_pending,
        outbox_oldest_at,
        outbox_failures: 0,
        tokens: [0; 4],
        tokens_naming_no_origin: 0,
        highest_serial: state.highest_serial,
        signing_key: state.signing_key,
        calls: [0; 5],
        calls_last_minute: 0,
        held_calls: 0,
        held_calls_max: u64::try_from(settings.held_calls_max).unwrap_or(u64::MAX),
        swept_at: sweep::ended_at(database)?,
        rate_classes_missing: rate_use::not_configured(database, &settings.rate_classes, now)?,
        rate_classes_of_isolates: rate_use::of_isolates(&settings.rate_classes),
        locations_without_addresses: Vec::new(),
        bootstrap_key_valid,
        admin_keys_without_end,
        has_quotas: meters::are_needed(database, now)?,
        webhook: deliveries::view(database, settings.webhook.is_some())?,
        warnings: Vec::new(),
    })
}

/// The warnings that apply, in a fixed order.
pub(super) fn warnings(status: &StatusView, now: UnixMillis) -> Vec<StatusWarning> {
    let is_loaded = status.calls_last_minute >= REGISTRY_CALLS_PER_SECOND * 60 / 2
        || status.held_calls > status.held_calls_max / 2;
    let bound_ms = status.bound_seconds * MS_PER_SECOND;
    let within = |at: Option<UnixMillis>, ms: i64| at.is_some_and(|at| now.since_ms(at) <= ms);
    let is_owed_for_long = status.outbox_oldest_at.is_some() && !within(status.outbox_oldest_at, bound_ms);
    let webhook = &status.webhook;
    let is_pending = webhook.configured && webhook.oldest_at.is_some();
    let is_untold = (is_pending && !within(webhook.oldest_at, WEBHOOK_WARNING_MS))
        || within(webhook.given_up_at, WEBHOOK_GIVEN_UP_WARNING_MS);
    let all = [
        (is_loaded, StatusWarning::RegistryLoad),
        (!status.guaranteed, StatusWarning::Unguaranteed),
        (is_owed_for_long, StatusWarning::KvUnwritten),
        (within(status.restored_at, RESTORED_WARNING_MS), StatusWarning::Restored),
        (is_untold, StatusWarning::WebhookUndelivered),
        (!status.rate_classes_missing.is_empty(), StatusWarning::RateClassMissing),
        (!status.locations_without_addresses.is_empty(), StatusWarning::ClientAddressMissing),
        (status.tokens_naming_no_origin > 0, StatusWarning::OriginsNotNamed),
        (status.reports_missing_since.is_some(), StatusWarning::ReportsMissing),
        (status.bootstrap_key_valid, StatusWarning::BootstrapKey),
        (status.admin_keys_without_end > 0, StatusWarning::AdminKeyWithoutEnd),
    ];
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, warning)| warning).collect()
}
