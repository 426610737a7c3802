//! What one isolate keeps between requests: configuration, list, records, counts. Plain data only.
//!
//! On Workers, a request must not await the IO of another one, and the IO of a cancelled request is lost. So
//! no promise, handle or lock is kept here, and no borrow of a cell is held across an await.
//!
//! What it must not know: HTTP, decisions.
//! What a mistake costs: a borrow held across an await panics every request of the isolate.

use super::{bindings, crossing, entropy};
use crate::config::exposure::ExposureCheck;
use crate::config::{Config, ConfigError};
use crate::edge::decide::OnUnknown;
use crate::edge::family_holder::FamilyHolder;
use crate::edge::freshness::{ListHolder, RelayName, Subscription};
use crate::edge::page_fetches::PageFetches;
use crate::edge::rate::{AddressesSeen, WindowCounter};
use crate::edge::reach::Reach;
use crate::edge::receive::TOKEN_PREFIX;
use crate::edge::record_holder::RecordHolder;
use crate::edge::withheld;
use crate::edge::withheld::ForwardedHeaders;
use crate::limits::RECORDS_HELD_MAX_BYTES;
use crate::usage::Reporter;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use worker::{Env, console_error, console_warn};

/// The state of one isolate.
pub(super) struct Isolate {
    pub config: Config,
    /// Names of the headers that the gateway reads, one a line.
    pub header_names: String,
    /// Drawn at random, so that the registry can distinguish isolates.
    pub number: u64,
    pub lists: RefCell<ListHolder>,
    /// The calls that wait at the registry for a change.
    pub subscription: RefCell<Subscription>,
    /// The relay of this isolate, chosen with its first call.
    pub relay: OnceCell<RelayName>,
    /// Which sources answer at present.
    pub reach: RefCell<Reach>,
    /// Records by the token's serial.
    pub records: RefCell<RecordHolder>,
    /// The registry's answers about families.
    pub families: RefCell<FamilyHolder>,
    /// Which pages fetched the token of their family.
    pub fetches: RefCell<PageFetches>,
    /// Number of records from KV that could not be opened.
    pub records_refused: Cell<u64>,
    /// Counts for rate limits, where no rate-limiting binding counts.
    pub rates: RefCell<WindowCounter>,
    /// Whether the requests so counted carried a caller's address.
    pub addresses: Cell<AddressesSeen>,
    /// Whether the log already warns that the admin API is on every host.
    exposure: RefCell<ExposureCheck>,
    /// The usage not yet reported. `None` where no usage shards are bound.
    pub usage: Option<RefCell<Reporter>>,
}

thread_local! {
    static ISOLATE: OnceCell<Result<Rc<Isolate>, ConfigError>> = const { OnceCell::new() };
}

/// Returns the isolate's state, if a request has created it.
pub(super) fn started() -> Option<Rc<Isolate>> {
    ISOLATE.with(|cell| cell.get().and_then(|isolate| isolate.clone().ok()))
}

/// Returns the isolate's state, which the first request creates.
///
/// # Errors
/// [`ConfigError`] when the configuration is wrong.
pub(super) fn of(env: &Env) -> Result<Rc<Isolate>, ConfigError> {
    ISOLATE.with(|cell| cell.get_or_init(|| Isolate::start(env).map(Rc::new)).clone())
}

impl Isolate {
    fn start(env: &Env) -> Result<Self, ConfigError> {
        let mut config = read_config(env)?;
        if let Some(push) = config.edge.push.as_mut().filter(|push| push.relays > 0)
            && bindings::relay(env).is_undefined()
        {
            console_warn!("RELAYS is set, but the binding RELAY is missing: isolates call the registry");
            push.relays = 0;
        }
        if config.edge.on_unknown == OnUnknown::Admit {
            console_warn!(
                "ON_UNKNOWN is admit: a location that does not know whether a token is revoked admits it, so \
                 the revocation bound is not guaranteed"
            );
        }
        let header_names = crate::edge::receive::header_names(&config.edge).join("\n");
        let lines = |policy| withheld::lines(policy, config.edge.headers_of_the_proxy());
        let [replaced, passed, scoped] =
            [ForwardedHeaders::Replace, ForwardedHeaders::Pass, ForwardedHeaders::PassWithScope].map(lines);
        crossing::prepare(&header_names, TOKEN_PREFIX, &replaced, &passed, &scoped);
        let number = entropy::long();
        let reach = Reach::of_bound(config.edge.terms.bound_seconds);
        Ok(Self {
            config,
            reach: RefCell::new(reach),
            header_names,
            number,
            lists: RefCell::new(ListHolder::of_isolate(number)),
            subscription: RefCell::default(),
            relay: OnceCell::new(),
            families: RefCell::default(),
            fetches: RefCell::default(),
            records: RefCell::new(RecordHolder::new(RECORDS_HELD_MAX_BYTES)),
            records_refused: Cell::new(0),
            rates: RefCell::default(),
            addresses: Cell::default(),
            exposure: RefCell::default(),
            usage: bindings::counts_usage(env).then(|| RefCell::new(Reporter::new(entropy::long()))),
        })
    }
}

impl Isolate {
    /// Logs once that the admin API answers on every public host, when a request to `url` shows it.
    pub(super) fn warn_of_exposure(&self, url: &str) {
        if self.exposure.borrow_mut().is_due(&self.config, url) {
            console_warn!(
                "CONTROL_HOSTS is not set: the admin API answers on every public host; set CONTROL_HOSTS to \
                 a host that only the admin API uses"
            );
        }
    }
}

/// Reads the configuration from the bindings in `env`. A fault is also logged.
pub(super) fn read_config(env: &Env) -> Result<Config, ConfigError> {
    let config = Config::read(|name| {
        let value = js_sys::Reflect::get(env.as_ref(), &JsValue::from_str(name)).ok()?;
        if value.is_undefined() || value.is_null() {
            return None;
        }
        // In `[vars]`, values without quotes arrive as numbers and booleans, and ROUTES as a table. Their
        // JSON text is what would have stood in the quotes.
        value.as_string().or_else(|| js_sys::JSON::stringify(&value).ok().map(String::from))
    });
    if let Err(error) = &config {
        console_error!("{}", error.message());
    }
    config
}
