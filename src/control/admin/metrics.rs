//! `GET /metrics`: the status as gauges and counters.
//!
//! Standards: OpenMetrics 1.0 (the text format; Prometheus reads it by its media type), Prometheus' naming rules: base units,
//! the unit in the name, counters end in `_total`.
//! Invariants: no label holds what a token's owner or a stranger wrote; series are bounded by states, kinds,
//! locations and 5,000 tokens; counters start at 0 with the registry's instance, as counters may, but for those of webhooks and
//! notices: most alarms make one and end the instance with it, and an increase that nobody scrapes rings no bell.
//! What it must not know: HTTP, SQL.
//! What a mistake costs: an alarm that does not ring.

use super::ids;
use super::probe_view::whole_seconds;
use super::status_view;
use crate::limits::MS_PER_SECOND;
use crate::registry::command::{ExpiriesView, NoticeKind, StatusView, StatusWarning};
use crate::time::UnixMillis;
use crate::usage::{self, Outcome};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt::Error;

/// Of the text.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The text; `None` when it cannot be written. `counting` is whether usage is counted, `totals` what was, if all shards said so.
#[must_use]
pub fn text(
    status: StatusView,
    expiries: ExpiriesView,
    notices: Vec<(NoticeKind, u64)>,
    counting: bool,
    totals: Option<usage::Counts>,
    now: UnixMillis,
) -> Option<String> {
    let mut registry = Registry::with_prefix("wayleave");
    registry.register_collector(Box::new(Snapshot { status, expiries, notices, counting, totals, now }));
    let mut text = String::new();
    encode(&mut text, &registry).ok().map(|()| text)
}

#[derive(Debug)]
struct Snapshot {
    status: StatusView,
    expiries: ExpiriesView,
    notices: Vec<(NoticeKind, u64)>,
    counting: bool,
    totals: Option<usage::Counts>,
    now: UnixMillis,
}

/// A series' labels: names and values.
type Labels<const N: usize> = [(&'static str, String); N];

impl Collector for Snapshot {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> Result<(), Error> {
        let (status, to) = (&self.status, &mut to);
        let age = |at: UnixMillis| whole_seconds(self.now.since_ms(at));
        let load = status_view::load(status.calls_last_minute);

        gauges(
            to,
            "tokens",
            "Tokens by state",
            status.tokens.into_iter().zip(STATES).map(|(count, state)| (label("state", state), count)),
        )?;
        self.expiries(to)?;
        gauge(to, "highest_serial", "The highest serial issued", status.highest_serial.0)?;
        gauge(to, "signing_key", "The key id that signs", u32::from(status.signing_key.0))?;
        gauge(to, "bound_seconds", "The revocation bound", status.bound_seconds)?;
        gauge(to, "guaranteed", "1, or 0 under ON_UNKNOWN = admit", u32::from(status.guaranteed))?;

        gauge(to, "list_epoch", "Epoch of the newest revocation list", status.list_number.0)?;
        gauge(to, "list_number", "Number of the newest revocation list", status.list_number.1)?;
        gauge(to, "list_entries", "Serials that the newest delta names", status.list_entries)?;
        gauge(to, "list_bytes", "Size of the newest delta", status.list_bytes)?;
        gauge(to, "list_base_number", "Number of the base that it rests on", status.base_number.1)?;
        gauge(to, "list_base_bytes", "Size of that base", status.base_bytes)?;
        // Without a first time there is no age, and a gauge that is not there says so.
        optional(
            to,
            "list_published_age_seconds",
            "Since a list was last given to KV",
            status.published_at.map(age),
        )?;
        optional(
            to,
            "traffic_age_seconds",
            "Since a location last gave a sign of traffic",
            status.traffic_at.map(age),
        )?;
        gauge(to, "heartbeat_seconds", "Time between heartbeats; 0 is never", status.heartbeat_seconds)?;

        gauge(to, "outbox_pending", "Writes owed to KV", status.outbox_pending)?;
        let oldest = status.outbox_oldest_at.map_or(0, age);
        gauge(to, "outbox_oldest_age_seconds", "Since the oldest of them was owed; 0 when none is", oldest)?;
        counter(to, "outbox_failures", "Writes to KV that failed", status.outbox_failures)?;

        let measured = &status.propagation;
        gauge(to, "propagation_samples", "Measured arrivals of changes that are kept", measured.samples)?;
        optional(
            to,
            "propagation_p50_seconds",
            "Half of the changes took no longer from commit to arrival",
            measured.p50_ms.map(seconds),
        )?;
        optional(to, "propagation_p99_seconds", "99 of 100 took no longer", measured.p99_ms.map(seconds))?;
        optional(to, "propagation_max_seconds", "The longest", measured.max_ms.map(seconds))?;
        let held =
            status.locations.iter().map(|location| (label("location", &location.id), location.list_number.1));
        gauges(to, "location_list_number", "Number of the list that a location said to hold", held)?;
        let told =
            status.locations.iter().map(|location| (label("location", &location.id), age(location.at)));
        gauges(to, "location_age_seconds", "Since a location said so", told)?;

        counters(
            to,
            "registry_calls",
            "Calls to the registry by kind",
            status.calls.into_iter().zip(KINDS).map(|(count, kind)| (label("kind", kind), count)),
        )?;
        gauge(
            to,
            "registry_calls_per_second",
            "Calls to the registry over the last minute",
            load.calls_per_second,
        )?;
        gauge(to, "registry_load_ratio", "The part of what the registry carries that is used", load.share)?;
        optional(
            to,
            "sweep_age_seconds",
            "Since the last daily sweep for notices ended",
            status.swept_at.map(age),
        )?;
        counters(
            to,
            "notices",
            "Notices by kind, each of up to 500 tokens",
            NoticeKind::ALL.into_iter().map(|kind| (label("kind", kind.as_str()), self.notices_of(kind))),
        )?;
        let webhook = &status.webhook;
        gauge(to, "webhook_pending", "Webhooks still to be taken", webhook.pending)?;
        let oldest = webhook.oldest_at.map_or(0, age);
        gauge(to, "webhook_oldest_age_seconds", "Since the oldest of them was owed; 0 when none is", oldest)?;
        counter(to, "webhook_failures", "Webhook requests that failed", webhook.failures)?;
        counter(to, "webhook_given_up", "Webhooks given up after a day", webhook.given_up)?;
        optional(
            to,
            "webhook_success_age_seconds",
            "Since the receiver last took a webhook",
            webhook.succeeded_at.map(age),
        )?;
        gauge(to, "usage_counting", "1, or 0 where no usage shards are bound", u32::from(self.counting))?;
        // Without one shard's part the sum would fall, and that looks like a counter that began anew.
        if let Some(totals) = &self.totals {
            counters(
                to,
                "requests",
                "Requests by outcome, as isolates have reported them; upstream_*, unattributed and lost count some again",
                Outcome::ALL
                    .into_iter()
                    .map(|outcome| (label("outcome", outcome.name()), totals.get(outcome))),
            )?;
        }
        gauges(
            to,
            "warning",
            "1 while it stands",
            StatusWarning::ALL.into_iter().map(|warning| {
                (label("warning", warning.code()), u32::from(status.warnings.contains(&warning)))
            }),
        )
    }
}

impl Snapshot {
    fn notices_of(&self, kind: NoticeKind) -> u64 {
        self.notices.iter().find(|(of, _)| *of == kind).map_or(0, |(_, made)| *made)
    }

    /// So that Prometheus can alert: `wayleave_token_expiry_timestamp_seconds - time() < 7 * 86400`. A label is an id: what a
    /// token's owner wrote would make series without end, and `GET /tokens/{id}` has it.
    fn expiries(&self, to: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let nearest = self.expiries.nearest.iter().map(|expiry| {
            let labels = [("id", ids::token_id(expiry.serial)), ("family", expiry.family.clone())];
            (labels, expiry.at.0)
        });
        gauges(
            to,
            "token_expiry_timestamp_seconds",
            "When a token without a successor ends; the 5,000 nearest",
            nearest,
        )?;
        let [day, week, month, all] = self.expiries.within;
        let within = [("1d", day), ("7d", week), ("30d", month)];
        gauges(
            to,
            "tokens_expiring",
            "Active tokens without a successor that end within so long",
            within.into_iter().map(|(within, count)| (label("within", within), count)),
        )?;
        gauge(to, "tokens_without_successor", "Active tokens without a successor", all)
    }
}

/// In the order of [`StatusView::tokens`].
const STATES: [&str; 4] = ["active", "disabled", "revoked", "expired"];
/// In the order of [`StatusView::calls`].
const KINDS: [&str; 5] = ["list", "record", "admin", "base", "report"];

fn label(name: &'static str, value: &str) -> Labels<1> {
    [(name, value.to_owned())]
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn seconds(ms: i64) -> f64 {
    ms as f64 / MS_PER_SECOND as f64
}

fn gauge(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: impl EncodeGaugeValue,
) -> Result<(), Error> {
    ConstGauge::new(value).encode(to.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn optional(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: Option<impl EncodeGaugeValue>,
) -> Result<(), Error> {
    value.map_or(Ok(()), |value| gauge(to, name, help, value))
}

fn gauges<const N: usize>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    series: impl Iterator<Item = (Labels<N>, impl EncodeGaugeValue)>,
) -> Result<(), Error> {
    let mut family = to.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (label, value) in series {
        ConstGauge::new(value).encode(family.encode_family(&label)?)?;
    }
    Ok(())
}

fn counter(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Result<(), Error> {
    ConstCounter::new(value).encode(to.encode_descriptor(name, help, None, MetricType::Counter)?)
}

fn counters(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    series: impl Iterator<Item = (Labels<1>, u64)>,
) -> Result<(), Error> {
    let mut family = to.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (label, value) in series {
        ConstCounter::new(value).encode(family.encode_family(&label)?)?;
    }
    Ok(())
}
