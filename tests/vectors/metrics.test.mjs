// Reads GET /metrics with another implementation (parse-prometheus-text-format). tests/admin/answers.rs makes
// the text.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import parse from 'parse-prometheus-text-format';

const { text } = JSON.parse(readFileSync(new URL('metrics.json', import.meta.url), 'utf8'));
const families = parse(`${text.join('\n')}\n`);

/** Name and labels of each sample, with its value. */
const samples = Object.fromEntries(
  families.flatMap(({ name, metrics }) =>
    metrics.map(({ value, labels = {} }) => {
      const shown = Object.entries(labels).map(([label, text]) => `${label}=${text}`);
      return [[name, ...shown].join(' '), Number(value)];
    }),
  ),
);

const OUTCOMES = [
  'admitted',
  'reported_origin_missing',
  'reported_origin_not_allowed',
  'token_expired',
  'token_revoked',
  'token_disabled',
  'origin_missing',
  'origin_not_allowed',
  'audience_mismatch',
  'rate_limited',
  'revocation_status_unknown',
  'upstream_unreachable',
  'upstream_timeout',
  'anonymous',
  'token_missing',
  'token_malformed',
  'token_invalid',
  'credential_conflict',
  'unattributed',
  'lost',
  'quota_exceeded',
  'scope_mismatch',
  'reported_scope_mismatch',
];
const NOTICES = [
  'expiring',
  'predecessor_still_used',
  'rotation_held',
  'first_use',
  'rotated',
  'revoked',
  'unused',
  'usage_spike',
  'refused_origins',
  'quota_near',
  'quota_exceeded',
  'reports_missing',
  'admin_key_expiring',
  'successor_unfetched',
  'webhook_test',
];
const told = { refused_origins: 4, revoked: 17 };
const counted = { admitted: 11, origin_not_allowed: 12 };

test('every sample is there, with its value', () => {
  assert.deepEqual(samples, {
    'wayleave_tokens state=active': 1,
    'wayleave_tokens state=disabled': 2,
    'wayleave_tokens state=revoked': 3,
    'wayleave_tokens state=expired': 4,
    'wayleave_token_expiry_timestamp_seconds id=tok_7 family=fam_x': 1_795_400_000,
    'wayleave_token_expiry_timestamp_seconds id=tok_3 family=fam_y': 1_795_500_000,
    'wayleave_tokens_expiring within=1d': 1,
    'wayleave_tokens_expiring within=7d': 2,
    'wayleave_tokens_expiring within=30d': 3,
    wayleave_tokens_without_successor: 9,
    wayleave_metrics_tokens_max: 2,
    'wayleave_metrics_series_left_out metric=family_last_fetch_timestamp_seconds': 4,
    'wayleave_metrics_series_left_out metric=token_expiry_timestamp_seconds': 7,
    'wayleave_family_last_fetch_timestamp_seconds family=fam_x': 1_795_300_000,
    wayleave_families_successor_unfetched: 2,
    wayleave_highest_serial: 10,
    wayleave_signing_key: 1,
    wayleave_bound_seconds: 60,
    wayleave_guaranteed: 1,
    wayleave_list_epoch: 1,
    wayleave_list_number: 42,
    wayleave_list_entries: 3,
    wayleave_list_bytes: 120,
    wayleave_list_base_number: 30,
    wayleave_list_base_bytes: 7_000,
    wayleave_list_published_age_seconds: 4,
    wayleave_traffic_age_seconds: 60,
    wayleave_heard_age_seconds: 120,
    wayleave_heartbeat_seconds: 10,
    wayleave_outbox_pending: 1,
    wayleave_outbox_oldest_age_seconds: 1_795_312_984,
    wayleave_outbox_failures_total: 2,
    wayleave_propagation_samples: 9,
    wayleave_propagation_p50_seconds: 8.5,
    wayleave_propagation_p99_seconds: 20,
    'wayleave_location_list_number location=FR"A': 41,
    'wayleave_location_age_seconds location=FR"A': 59,
    'wayleave_registry_calls_total kind=list': 5,
    'wayleave_registry_calls_total kind=record': 6,
    'wayleave_registry_calls_total kind=admin': 7,
    'wayleave_registry_calls_total kind=base': 8,
    'wayleave_registry_calls_total kind=report': 9,
    wayleave_registry_calls_per_second: 567.83,
    wayleave_registry_load_ratio: 0.56,
    wayleave_registry_held_calls: 1_200,
    wayleave_sweep_age_seconds: 3_600,
    ...Object.fromEntries(NOTICES.map((kind) => [`wayleave_notices_total kind=${kind}`, told[kind] ?? 0])),
    wayleave_webhook_pending: 3,
    wayleave_webhook_oldest_age_seconds: 7,
    wayleave_webhook_failures_total: 11,
    wayleave_webhook_given_up_total: 2,
    wayleave_webhook_success_age_seconds: 9,
    wayleave_usage_counting: 1,
    ...Object.fromEntries(
      OUTCOMES.map((outcome) => [`wayleave_requests_total outcome=${outcome}`, counted[outcome] ?? 0]),
    ),
    'wayleave_warning warning=registry_load': 1,
    'wayleave_warning warning=unguaranteed': 0,
    'wayleave_warning warning=kv_unwritten': 1,
    'wayleave_warning warning=restored': 0,
    'wayleave_warning warning=webhook_undelivered': 0,
    'wayleave_warning warning=rate_class_missing': 0,
    'wayleave_warning warning=origins_not_named': 0,
    'wayleave_warning warning=client_address_missing': 0,
    'wayleave_warning warning=admin_api_on_every_host': 0,
    'wayleave_warning warning=reports_missing': 0,
    'wayleave_warning warning=bootstrap_key': 0,
    'wayleave_warning warning=admin_key_without_end': 0,
    'wayleave_warning warning=quotas_not_counted': 0,
  });
});

test('every family is named once, described and typed', () => {
  const lines = (word) =>
    text.filter((line) => line.startsWith(`# ${word} `)).map((line) => line.split(' ')[2]);
  assert.deepEqual(lines('HELP'), lines('TYPE'));
  assert.equal(new Set(lines('TYPE')).size, lines('TYPE').length);
  assert.equal(text.at(-1), '# EOF');
});
