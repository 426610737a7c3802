// The part of the admin API's responses that the console reads. docs/openapi.json describes all of it.

export type Role = 'distributor' | 'viewer' | 'operator' | 'owner';
export type State = 'active' | 'disabled' | 'revoked' | 'expired';

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  /** Distinguishes the causes of one code; `detail` is its text. */
  reason?: string;
  errors?: { field: string; code: string; detail: string }[];
  live_tokens?: number;
  missing_at?: string[];
  matched?: number;
  /** With the reasons successor_unused and max_active_tokens: the tokens that prevent the action. */
  waiting?: Used;
  predecessor?: Used;
  active?: Used[];
  rotate_instead?: string | null;
}

export interface Used {
  id: string;
  last_used_at: string | null;
}

export interface Session {
  admin_key: string;
  label: string;
  role: Role;
  /** Whether the key is that of ADMIN_KEY. */
  bootstrap: boolean;
  ends_at: string | null;
  idle_seconds: number;
}

export interface Token {
  id: string;
  family: string;
  label: string;
  owner: string | null;
  external_id: string | null;
  metadata: Record<string, unknown> | null;
  fingerprint: string;
  state: State;
  current: boolean;
  version: number;
  origins: 'any' | string[];
  origin_mode: 'enforce' | 'report';
  missing_origin: 'refuse' | 'allow';
  audiences: string[];
  rate: string | null;
  quota: { requests: number; per: 'day' | 'month'; counts: 'token' | 'family' } | null;
  quota_use?: { used: number; period_ends_at: string; exceeded: boolean };
  methods: string[] | null;
  paths: string[] | null;
  scope_mode: 'enforce' | 'report';
  claims: Record<string, unknown> | null;
  protected: boolean;
  created_at: string;
  created_by: string;
  expires_at: string;
  ends_at?: string;
  licensed_until?: string;
  revoked_at?: string;
  revoked_reason?: string;
  effective_by?: string;
  can_rotate: { allowed: boolean; reason: string | null; token?: string };
  predecessor?: string;
  successor?: string;
  rotation?: Rotation;
  distribute?: boolean;
  auto_rotate?: { before_expiry_seconds: number; expires_in?: number; revoke_old?: RevokeOld };
  first_used_at?: string;
  last_used_at?: string;
  warnings: string[];
}

export interface RevokeOld {
  when: 'after' | 'first_use' | 'never' | 'now';
  after_seconds?: number;
  drain_seconds?: number;
  deadline_seconds?: number;
  strict?: boolean;
}

export interface Rotation {
  revoke_old: RevokeOld;
  begun_at: string;
  planned_end: string | null;
  held_since: string | null;
}

export interface Family {
  id: string;
  current: string | null;
  active: string[];
  revoked: string[];
  tokens: Token[];
  total: number;
  traffic?: TokenTraffic[] | null;
  last_fetched_at: string | null;
  consumers: { by: string; token: string; at: string }[];
}

export interface OriginCount {
  origin: string;
  requests: number;
  at_least: number;
}

export interface UsageCounts {
  requests: number;
  admitted: number;
  reported: Record<string, number>;
  refused: Record<string, number>;
  upstream: Record<string, number>;
  /** In the usage of all tokens: requests on anonymous routes, and refusals without a token. */
  anonymous?: number;
  refused_without_token?: Record<string, number>;
}

export interface TokenTraffic extends UsageCounts {
  id: string;
  origins: { allowed: OriginCount[]; refused: OriginCount[] };
  last_used_at: string | null;
}

export interface AllUsage {
  counting: boolean;
  from: string;
  to: string;
  step: 'minute' | 'hour' | 'day';
  totals: UsageCounts;
  periods: (UsageCounts & { at: string })[];
  refused_sites: (OriginCount & { token: string })[];
}

export interface Refusal {
  at: string;
  code: string;
  token: string | null;
  site: string | null;
  method: string;
  path: string;
  location: string;
  requests: number;
}

export interface RefusalPage extends Page<Refusal> {
  keeping: boolean;
  kept_seconds: number;
}

export interface TokenUsage {
  id: string;
  counting: boolean;
  from: string;
  to: string;
  step: 'minute' | 'hour' | 'day';
  totals: UsageCounts;
  periods: (UsageCounts & { at: string })[];
  origins: { allowed: OriginCount[]; refused: OriginCount[] };
  first_used_at?: string;
  last_used_at?: string;
}

export interface Notice {
  id: string;
  type: string;
  timestamp: string;
  data: {
    tokens: { id: string; label: string }[];
    admin_keys?: { id: string; label: string }[];
    within_days?: number;
    since?: string;
  };
  delivery: {
    state: 'pending' | 'delivered' | 'given_up';
    attempts: number;
    error: string | null;
    at: string;
  } | null;
}

export interface Receipt {
  id: string;
  state: State;
  reason: string | null;
  revoked_at: string | null;
  effective_by: string;
  bound_seconds: number;
  guaranteed: boolean;
  list_number: ListNumber;
}

export type ListNumber = [epoch: number, n: number];

export interface Location {
  id: string;
  list_number: ListNumber;
  /** Isolates that reported in the last minute. */
  isolates: number;
  /** How many of these hold the change. */
  isolates_holding: number;
  at: string;
}

export interface Probe extends Receipt {
  probe_list_number: ListNumber;
  /** Milliseconds from the commit until the change last arrived at an isolate. */
  took_ms: number | null;
  locations: Location[];
  idle: boolean;
}

export interface OriginTest {
  allowed: boolean;
  rule?: string;
  code?: 'origin_missing' | 'origin_not_allowed';
  warnings: string[];
  rules: { rule: string; unicode?: string; warnings: string[] }[];
}

export interface Event {
  id: number;
  at: string;
  actor: string;
  action: string;
  token: string | null;
  /** The token's present label. */
  label: string | null;
  family: string | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

export interface Licence {
  family?: string;
  owner?: string;
  external_id?: string;
  ends_at: string | null;
  set_at: string;
  set_by: string;
  pending: boolean;
  effective_by?: string;
}

export interface SwitchedOffOwner {
  owner: string;
  reason: string | null;
  switched_off_at: string;
  switched_off_by: string;
  pending: boolean;
  effective_by?: string;
}

export interface SigningKey {
  id: number;
  state: 'signing' | 'verifying' | 'retired';
  in_ring: boolean;
  live_tokens: number;
  missing_at: string[];
  retired_at: string | null;
  effective_by: string | null;
}

export interface AdminKey {
  id: string;
  label: string;
  role: Role;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface TokenPage extends Page<Token> {
  total?: { count: number; exact: boolean };
}

/** One step of a bulk call. `rotated` instead of `receipts` where tokens are rotated. */
export interface BulkStep {
  /** The counts are in the first step only. */
  matched?: number;
  protected?: number;
  used_lately?: number;
  receipts?: Receipt[];
  rotated?: { id: string; successor: Token }[];
  skipped: { id: string; code: string; reason?: string }[];
  next_cursor: string | null;
}

export interface Status {
  list: { number: ListNumber; entries: number; bytes: number; base: { number: ListNumber; bytes: number } };
  bound: { seconds: number; guaranteed: boolean };
  heartbeat: {
    seconds: number;
    published_at: string | null;
    traffic_at: string | null;
    heard_at: string | null;
  };
  outbox: { pending: number; oldest_at: string | null; failures: number };
  propagation: {
    samples: number;
    p50_ms: number | null;
    p99_ms: number | null;
    max_ms: number | null;
    histogram: { up_to_ms: number | null; count: number }[];
  };
  locations: Location[];
  tokens: Record<State, number>;
  highest_serial: number;
  signing_key: number;
  rate_classes: { missing: string[]; counted_by_isolates: string[]; without_addresses: string[] };
  load: {
    calls_per_second: number;
    limit_per_second: number;
    share: number;
    held_calls: number;
    held_calls_limit: number;
  };
  usage: { counting: boolean };
  restored_at: string | null;
  webhook: {
    configured: boolean;
    pending: number;
    oldest_at: string | null;
    failures: number;
    given_up: number;
    given_up_at: string | null;
    succeeded_at: string | null;
    failed_at: string | null;
    error: string | null;
  };
  warnings: string[];
}

export interface Configuration {
  deployment: string;
  revocation_bound_seconds: number;
  heartbeat_seconds: number;
  push_seconds: number;
  silent_wait_ms: number;
  relays: number;
  on_unknown: 'refuse' | 'admit';
  plane: 'both' | 'control';
  gateway_origin: string | null;
  control_hosts: string[];
  credential_sources: string[];
  app_schemes: string[];
  max_token_lifetime_seconds: number;
  default_token_lifetime_seconds: number;
  retention_days: number;
  refusal_tail: boolean;
  metrics_tokens_max: number;
  audiences: string[];
  webhook_origin: string | null;
  rate_classes: {
    name: string;
    requests: number;
    token_requests: number | null;
    per_seconds: number;
    counted_by: 'binding' | 'isolate';
  }[];
  location: string | null;
  routes: {
    host: string | null;
    path: string;
    upstream: string;
    audience: string;
    anonymous: boolean;
    credentials: boolean;
    shared_cache: boolean;
    forwarded_headers: 'replace' | 'pass';
    timeout_seconds: number;
    token_lifetime_seconds: number | null;
    credential_sources: string[] | null;
    methods: string[] | null;
    paths: string[] | null;
  }[];
}
