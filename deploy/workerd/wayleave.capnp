# Wayleave on one machine: one workerd process, no other service.
#
#   control  owns the registry and the usage shards, and serves the admin API and the console; guards no API.
#   edge     guards the API; has no admin API and no console. For a second one, with its own isolate, copy its
#            line and its socket.
#   kv       the replicated store that both read, stored in the same folder as the registry.
#
# The plane of a service (PLANE) is a constant here. So neither a request nor a setting can move the admin API
# to the edge. All other values come from the environment, which deploy/workerd/start reads from two files
# (see README.md). A variable that is not set has the default of wrangler.toml.

using Workerd = import "/workerd/workerd.capnp";

const wayleave :Workerd.Config = (
  services = [
    ( name = "control",
      worker = (
        modules = .modules,
        compatibilityDate = "2026-11-01", # that of wrangler.toml
        compatibilityFlags = .flags,
        bindings = .controlBindings,
        # The uniqueKey determines the names of their files: with another key they start empty.
        durableObjectNamespaces = [
          (className = "Registry", uniqueKey = "wayleave-registry", enableSql = true),
          (className = "Usage", uniqueKey = "wayleave-usage", enableSql = true),
          (className = "Relay", uniqueKey = "wayleave-relay", enableSql = true),
        ],
        durableObjectStorage = (localDisk = "storage"),
      ) ),
    ( name = "edge",
      worker = (
        modules = .modules,
        compatibilityDate = "2026-11-01",
        compatibilityFlags = .flags,
        bindings = .edgeBindings,
      ) ),
    ( name = "kv",
      worker = (
        modules = [(name = "kv.js", esModule = embed "kv.js")],
        compatibilityDate = "2026-11-01",
        bindings = [(name = "NAMESPACE", durableObjectNamespace = "Namespace")],
        durableObjectNamespaces = [(className = "Namespace", uniqueKey = "wayleave-kv", enableSql = true)],
        durableObjectStorage = (localDisk = "storage"),
      ) ),
    # The upstreams: any address, including this machine.
    ( name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true)) ),
    # The path is given when workerd starts: --directory-path storage=…
    ( name = "storage", disk = (writable = true) ),
  ],
  # workerd's `forwardedProtoHeader` is not used (src/edge/plane.rs says why); CLIENT_SCHEME_HEADER replaces
  # it.
  sockets = [
    (name = "edge", address = "127.0.0.1:8787", http = (), service = "edge"),
    (name = "control", address = "127.0.0.1:8788", http = (), service = "control"),
  ],
);

# Those of wrangler.toml.
const flags :List(Text) = ["enable_request_signal", "no_request_signal_passthrough"];

const modules :List(Workerd.Worker.Module) = [
  (name = "worker.js", esModule = embed "worker.js"),
  (name = "index.js", esModule = embed "../../build/index.js"),
  (name = "index_bg.wasm", wasm = embed "../../build/index_bg.wasm"),
];

const controlBindings :List(Workerd.Worker.Binding) = [
  (name = "PLANE", text = "control"),
  (name = "KV", kvNamespace = "kv"),
  (name = "REGISTRY", durableObjectNamespace = (className = "Registry", serviceName = "control")),
  (name = "USAGE", durableObjectNamespace = (className = "Usage", serviceName = "control")),
  (name = "RELAY", durableObjectNamespace = (className = "Relay", serviceName = "control")),
  (name = "SIGNING_KEYS", fromEnvironment = "SIGNING_KEYS"),
  (name = "CHECK_SECRET", fromEnvironment = "CHECK_SECRET"),
  (name = "ADMIN_KEY", fromEnvironment = "ADMIN_KEY"),
  (name = "WEBHOOK_SECRET", fromEnvironment = "WEBHOOK_SECRET"),
  (name = "DEPLOYMENT", fromEnvironment = "DEPLOYMENT"),
  (name = "UPSTREAM", fromEnvironment = "UPSTREAM"),
  (name = "ROUTES", fromEnvironment = "ROUTES"),
  (name = "REVOCATION_BOUND_SECONDS", fromEnvironment = "REVOCATION_BOUND_SECONDS"),
  (name = "HEARTBEAT_SECONDS", fromEnvironment = "HEARTBEAT_SECONDS"),
  (name = "PUSH_SECONDS", fromEnvironment = "PUSH_SECONDS"),
  (name = "SILENT_WAIT_MS", fromEnvironment = "SILENT_WAIT_MS"),
  (name = "RELAYS", fromEnvironment = "RELAYS"),
  (name = "LOCATION", fromEnvironment = "LOCATION"),
  (name = "RESTORE_ID", fromEnvironment = "RESTORE_ID"),
  (name = "ON_UNKNOWN", fromEnvironment = "ON_UNKNOWN"),
  (name = "CONTROL_HOSTS", fromEnvironment = "CONTROL_HOSTS"),
  (name = "GATEWAY_ORIGIN", fromEnvironment = "GATEWAY_ORIGIN"),
  (name = "CREDENTIAL_SOURCES", fromEnvironment = "CREDENTIAL_SOURCES"),
  (name = "APP_SCHEMES", fromEnvironment = "APP_SCHEMES"),
  (name = "MAX_TOKEN_LIFETIME", fromEnvironment = "MAX_TOKEN_LIFETIME"),
  (name = "DEFAULT_TOKEN_LIFETIME", fromEnvironment = "DEFAULT_TOKEN_LIFETIME"),
  (name = "RETENTION_DAYS", fromEnvironment = "RETENTION_DAYS"),
  (name = "REFUSAL_TAIL", fromEnvironment = "REFUSAL_TAIL"),
  (name = "METRICS_TOKENS_MAX", fromEnvironment = "METRICS_TOKENS_MAX"),
  (name = "RATES", fromEnvironment = "RATES"),
  (name = "CLIENT_IP_HEADER", fromEnvironment = "CLIENT_IP_HEADER"),
  (name = "CLIENT_SCHEME_HEADER", fromEnvironment = "CLIENT_SCHEME_HEADER"),
  (name = "WEBHOOK_URL", fromEnvironment = "WEBHOOK_URL"),
];

# Without the variables that only the registry and the admin API use: the service that the public can call has
# no admin key and no webhook secret.
const edgeBindings :List(Workerd.Worker.Binding) = [
  (name = "PLANE", text = "data"),
  (name = "KV", kvNamespace = "kv"),
  (name = "REGISTRY", durableObjectNamespace = (className = "Registry", serviceName = "control")),
  (name = "USAGE", durableObjectNamespace = (className = "Usage", serviceName = "control")),
  (name = "RELAY", durableObjectNamespace = (className = "Relay", serviceName = "control")),
  (name = "SIGNING_KEYS", fromEnvironment = "SIGNING_KEYS"),
  (name = "CHECK_SECRET", fromEnvironment = "CHECK_SECRET"),
  (name = "DEPLOYMENT", fromEnvironment = "DEPLOYMENT"),
  (name = "UPSTREAM", fromEnvironment = "UPSTREAM"),
  (name = "ROUTES", fromEnvironment = "ROUTES"),
  (name = "REVOCATION_BOUND_SECONDS", fromEnvironment = "REVOCATION_BOUND_SECONDS"),
  (name = "HEARTBEAT_SECONDS", fromEnvironment = "HEARTBEAT_SECONDS"),
  (name = "PUSH_SECONDS", fromEnvironment = "PUSH_SECONDS"),
  (name = "SILENT_WAIT_MS", fromEnvironment = "SILENT_WAIT_MS"),
  (name = "RELAYS", fromEnvironment = "RELAYS"),
  (name = "LOCATION", fromEnvironment = "LOCATION"),
  (name = "ON_UNKNOWN", fromEnvironment = "ON_UNKNOWN"),
  (name = "CONTROL_HOSTS", fromEnvironment = "CONTROL_HOSTS"),
  (name = "CREDENTIAL_SOURCES", fromEnvironment = "CREDENTIAL_SOURCES"),
  (name = "APP_SCHEMES", fromEnvironment = "APP_SCHEMES"),
  (name = "REFUSAL_TAIL", fromEnvironment = "REFUSAL_TAIL"),
  (name = "RATES", fromEnvironment = "RATES"),
  (name = "CLIENT_IP_HEADER", fromEnvironment = "CLIENT_IP_HEADER"),
  (name = "CLIENT_SCHEME_HEADER", fromEnvironment = "CLIENT_SCHEME_HEADER"),
];
