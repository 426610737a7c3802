//! `GET /metrics`: the status as gauges and counters.
//!
//! Standards: OpenMetrics 1.0 (the text format, which Prometheus recognises by its media type); Prometheus
//! naming rules: base units, the unit in the name, counters end in `_total`.
//! Invariants:
//! - No label contains text that an operator or an anonymous caller wrote. The number of series is bounded by
//!   states, kinds, locations and `METRICS_TOKENS_MAX`.
//! - Counters restart at 0 with the registry's instance, as counters may. Those of webhooks and notices are
//!   stored: most notices are made in a Durable Object alarm, after which the instance often ends. An
//!   increase in memory would be lost before Prometheus reads it, and no alert would be raised.
//!
//! What it must not know: HTTP, SQL.
//! What a mistake costs: an alert is not raised.

use super::ids;
use super::probe_view::whole_seconds;
use super::status_view;
use crate::base::time::UnixMillis;
use crate::control::registry::command::{ExpiriesView, NoticeKind, StatusView, StatusWarning};
use crate::formats::usage::outcome::{Counts, Outcome};
use crate::limits::MS_PER_SECOND;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt::Error;

/// Media type of the text.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Formats the metrics; `None` when they cannot be written. `counting` says whether usage is counted.
/// `totals` is what was counted, if all shards answered.
#[must_use]
pub fn text(
    status: StatusView,
    expiries: ExpiriesView,
    notices: Vec<(NoticeKind, u64)>,
    counting: bool,
    totals: Option<Counts>,
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
    totals: Option<Counts>,
    now: UnixMillis,
}

/// The labels of a series: names and values.
type Labels<const N: usize> = [(&'static str, String); N];

impl Collector for Snapshot {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> Result<(), Error> {
        let to = &mut to;
        self.tokens(to)?;
        self.list(to)?;
        self.outbox(to)?;
        self.propagation(to)?;
        self.calls(to)?;
        self.notices_and_webhooks(to)?;
        self.usage(to)?;
        self.warnings(to)
    }
}

impl Snapshot {
    fn tokens(&self, to: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let status = &self.status;
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
        gauge(to, "guaranteed", "1, or 0 under ON_UNKNOWN = admit", u32::from(status.guaranteed))
    }

    fn list(&self, to: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let status = &self.status;
        gauge(to, "list_epoch", "Epoch of the newest revocation list", status.list_number.0)?;
        gauge(to, "list_number", "Number of the newest revocation list", status.list_number.1)?;
        gauge(to, "list_entries", "Serials that the newest delta names", status.list_entries)?;
        gauge(to, "list_bytes", "Size of the newest delta", status.list_bytes)?;
        gauge(to, "list_base_number", "Number of the base that it completes", status.base_number.1)?;
        gauge(to, "list_base_bytes", "Size of that base", status.base_bytes)?;
        // Without a first time there is no age, so the gauge is absent.
        optional(
            to,
            "list_published_age_seconds",
            "Since a list was last written to KV",
            status.published_at.map(|at| self.age_seconds(at)),
        )?;
        optional(
            to,
            "traffic_age_seconds",
            "Since the last sign of traffic",
            status.traffic_at.map(|at| self.age_seconds(at)),
        )?;
        optional(
            to,
            "heard_age_seconds",
            "Since a location last asked for a list or reported",
            status.heard_at.map(|at| self.age_seconds(at)),
        )?;
        gauge(to, "heartbeat_seconds", "Time between heartbeats; 0 means never", status.heartbeat_seconds)
    }

    fn outbox(&self, to: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let status = &self.status;
        gauge(to, "outbox_pending", "Pending writes to KV", status.outbox_pending)?;
        let oldest = status.outbox_oldest_at.map_or(0, |at| self.age_seconds(at));
        gauge(to, "outbox_oldest_age_seconds", "Since the oldest of them became due; 0: none", oldest)?;
        counter(to, "outbox_failures", "Writes to KV that failed", status.outbox_failures)
    }

    fn propagation(&self, to: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let status = &self.status;
        let measured = &status.propagation;
        gauge(to, "propagation_samples", "Samples of measured propagation that are kept", measured.samples)?;
        optional(
            to,
            "propagation_p50_seconds",
            "Median time from the commit of a change to its arrival",
            measured.p50_ms.map(seconds),
        )?;
        optional(to, "propagation_p99_seconds", "The 99th percentile", measured.p99_ms.map(seconds))?;
        optional(to, "propagation_max_seconds", "The maximum", measured.max_ms.map(seconds))?;
        let held =
            status.locations.iter().map(|location| (label("location", &location.id), location.list_number.1));
        gauges(to, "location_list_number", "Number of the list that a location reported", held)?;
        let told = status
            .locations
            .iter()
            .map(|location| (label("location", &location.id), self.age_seconds(location.at)));
        gauges(to, "location_age_seconds", "Since that report of the location", told)
    }

    fn calls(&self, to: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let status = &self.status;
        let load = status_view::load(status);
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
        gauge(to, "registry_load_ratio", "Share of the registry's capacity that is used", load.share)?;
        gauge(to, "registry_held_calls", "Calls that wait at the registry for a change", load.held_calls)
    }

    fn notices_and_webhooks(&self, to: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let status = &self.status;
        optional(
            to,
            "sweep_age_seconds",
            "Since the last daily sweep for notices ended",
            status.swept_at.map(|at| self.age_seconds(at)),
        )?;
        counters(
            to,
            "notices",
            "Notices by kind, each of up to 500 tokens",
            NoticeKind::ALL.into_iter().map(|kind| (label("kind", kind.as_str()), self.notices_of(kind))),
        )?;
        let webhook = &status.webhook;
        gauge(to, "webhook_pending", "Webhooks that are not yet delivered", webhook.pending)?;
        let oldest = webhook.oldest_at.map_or(0, |at| self.age_seconds(at));
        gauge(to, "webhook_oldest_age_seconds", "Since the oldest of them became due; 0: none", oldest)?;
        counter(to, "webhook_failures", "Webhook requests that failed", webhook.failures)?;
        counter(to, "webhook_given_up", "Webhooks given up after a day", webhook.given_up)?;
        optional(
            to,
            "webhook_success_age_seconds",
            "Since the receiver last accepted a webhook",
            webhook.succeeded_at.map(|at| self.age_seconds(at)),
        )
    }

    fn usage(&self, to: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        gauge(to, "usage_counting", "1, or 0 where no usage shards are bound", u32::from(self.counting))?;
        // If one shard is missing, the sum would fall, which looks like a counter that was reset.
        if let Some(totals) = &self.totals {
            counters(
                to,
                "requests",
                "Requests by outcome, as isolates have reported them; upstream_*, unattributed and lost \
                 count some again",
                Outcome::ALL
                    .into_iter()
                    .map(|outcome| (label("outcome", outcome.name()), totals.get(outcome))),
            )?;
        }
        Ok(())
    }

    fn warnings(&self, to: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let status = &self.status;
        gauges(
            to,
            "warning",
            "1 while the warning applies",
            StatusWarning::ALL.into_iter().map(|warning| {
                (label("warning", warning.code()), u32::from(status.warnings.contains(&warning)))
            }),
        )
    }

    /// Whole seconds since `at`.
    fn age_seconds(&self, at: UnixMillis) -> i64 {
        whole_seconds(self.now.since_ms(at))
    }

    fn notices_of(&self, kind: NoticeKind) -> u64 {
        self.notices.iter().find(|(of, _)| *of == kind).map_or(0, |(_, made)| *made)
    }

    /// Writes each token's expiry, so that Prometheus can alert on
    /// `wayleave_token_expiry_timestamp_seconds - time() < 7 * 86400`. The only label is the id: text that an
    /// operator wrote would make the number of series unbounded, and `GET /tokens/{id}` shows it.
    fn expiries(&self, to: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let nearest = self.expiries.nearest.iter().map(|expiry| {
            let labels = [("id", ids::token_id(expiry.serial)), ("family", expiry.family.clone())];
            (labels, expiry.at.0)
        });
        gauges(
            to,
            "token_expiry_timestamp_seconds",
            "When a token without a successor ends; the nearest, as many as METRICS_TOKENS_MAX says",
            nearest,
        )?;
        let [day, week, month, all] = self.expiries.within;
        let within = [("1d", day), ("7d", week), ("30d", month)];
        gauges(
            to,
            "tokens_expiring",
            "Active tokens without a successor that end within this time",
            within.into_iter().map(|(within, count)| (label("within", within), count)),
        )?;
        gauge(to, "tokens_without_successor", "Active tokens without a successor", all)?;
        let fetched = self.expiries.fetched.iter();
        gauges(
            to,
            "family_last_fetch_timestamp_seconds",
            "When a job or page last fetched the token of a family, within ten minutes; the latest, as many \
             as METRICS_TOKENS_MAX says",
            fetched.map(|(family, at)| (label("family", family), at.0)),
        )?;
        gauge(
            to,
            "families_successor_unfetched",
            "Families of which a job or page fetched a token lately, but not its successor",
            self.expiries.unfetched,
        )?;
        gauge(to, "metrics_tokens_max", "The setting METRICS_TOKENS_MAX", self.expiries.shown_max)?;
        let left_out =
            |in_all: u64, shown: usize| in_all.saturating_sub(u64::try_from(shown).unwrap_or(in_all));
        gauges(
            to,
            "metrics_series_left_out",
            "Series that METRICS_TOKENS_MAX keeps out of these metrics; 0: none",
            [
                (
                    label("metric", "token_expiry_timestamp_seconds"),
                    left_out(all, self.expiries.nearest.len()),
                ),
                (
                    label("metric", "family_last_fetch_timestamp_seconds"),
                    left_out(self.expiries.fetched_in_all, self.expiries.fetched.len()),
                ),
            ]
            .into_iter(),
        )
    }
}

/// Same order as [`StatusView::tokens`].
const STATES: [&str; 4] = ["active", "disabled", "revoked", "expired"];
/// Same order as [`StatusView::calls`].
const KINDS: [&str; 5] = ["list", "record", "admin", "base", "report"];

fn label(name: &'static str, value: &str) -> Labels<1> {
    [(name, value.to_owned())]
}

// Exact: far below 2^52.
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
