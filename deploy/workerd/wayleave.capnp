# Wayleave on one machine: one workerd process, no other service.
#
#   control  owns the registry and the usage shards, and serves the admin API; it proxies nothing (CONTROL_HOSTS).
#   edge     guards the API. For another one, with an isolate of its own, copy its line and its socket.
#   kv       the replicated store that both read, kept in the same folder as the registry.
#
# Every value comes from the environment: deploy/workerd/start reads it from two files (README.md beside this one). A variable
# that is not set has the default that wrangler.toml names.

using Workerd = import "/workerd/workerd.capnp";

const wayleave :Workerd.Config = (
  services = [
    ( name = "control",
      worker = (
        modules = .modules,
        compatibilityDate = "2026-11-01", # that of wrangler.toml
        bindings = .bindings,
        # The uniqueKey names their files: with another one they are empty.
        durableObjectNamespaces = [
          (className = "Registry", uniqueKey = "wayleave-registry", enableSql = true),
          (className = "Usage", uniqueKey = "wayleave-usage", enableSql = true),
        ],
        durableObjectStorage = (localDisk = "storage"),
      ) ),
    ( name = "edge", worker = (modules = .modules, compatibilityDate = "2026-11-01", bindings = .bindings) ),
    ( name = "kv",
      worker = (
        modules = [(name = "kv.js", esModule = embed "kv.js")],
        compatibilityDate = "2026-11-01",
        bindings = [(name = "NAMESPACE", durableObjectNamespace = "Namespace")],
        durableObjectNamespaces = [(className = "Namespace", uniqueKey = "wayleave-kv", enableSql = true)],
        durableObjectStorage = (localDisk = "storage"),
      ) ),
    # The upstreams: anywhere, this machine included.
    ( name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true)) ),
    # Its path is given when workerd is started: --directory-path storage=…
    ( name = "storage", disk = (writable = true) ),
  ],
  sockets = [
    (name = "edge", address = "127.0.0.1:8787", http = (), service = "edge"),
    (name = "control", address = "127.0.0.1:8788", http = (), service = "control"),
  ],
);

const modules :List(Workerd.Worker.Module) = [
  (name = "index.js", esModule = embed "../../build/index.js"),
  (name = "index_bg.wasm", wasm = embed "../../build/index_bg.wasm"),
];

const bindings :List(Workerd.Worker.Binding) = [
  (name = "KV", kvNamespace = "kv"),
  (name = "REGISTRY", durableObjectNamespace = (className = "Registry", serviceName = "control")),
  (name = "USAGE", durableObjectNamespace = (className = "Usage", serviceName = "control")),
  (name = "SIGNING_KEYS", fromEnvironment = "SIGNING_KEYS"),
  (name = "CHECK_SECRET", fromEnvironment = "CHECK_SECRET"),
  (name = "ADMIN_KEY", fromEnvironment = "ADMIN_KEY"),
  (name = "WEBHOOK_SECRET", fromEnvironment = "WEBHOOK_SECRET"),
  (name = "DEPLOYMENT", fromEnvironment = "DEPLOYMENT"),
  (name = "UPSTREAM", fromEnvironment = "UPSTREAM"),
  (name = "ROUTES", fromEnvironment = "ROUTES"),
  (name = "REVOCATION_BOUND_SECONDS", fromEnvironment = "REVOCATION_BOUND_SECONDS"),
  (name = "HEARTBEAT_SECONDS", fromEnvironment = "HEARTBEAT_SECONDS"),
  (name = "LOCATION", fromEnvironment = "LOCATION"),
  (name = "RESTORE_ID", fromEnvironment = "RESTORE_ID"),
  (name = "ON_UNKNOWN", fromEnvironment = "ON_UNKNOWN"),
  (name = "CONTROL_HOSTS", fromEnvironment = "CONTROL_HOSTS"),
  (name = "CREDENTIAL_SOURCES", fromEnvironment = "CREDENTIAL_SOURCES"),
  (name = "APP_SCHEMES", fromEnvironment = "APP_SCHEMES"),
  (name = "MAX_TOKEN_LIFETIME", fromEnvironment = "MAX_TOKEN_LIFETIME"),
  (name = "RETENTION_DAYS", fromEnvironment = "RETENTION_DAYS"),
  (name = "RATES", fromEnvironment = "RATES"),
  (name = "CLIENT_IP_HEADER", fromEnvironment = "CLIENT_IP_HEADER"),
  (name = "WEBHOOK_URL", fromEnvironment = "WEBHOOK_URL"),
];
