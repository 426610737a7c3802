//! What one isolate keeps between requests: configuration, the list, records, counts. Plain data only.
//!
//! On Workers one request's IO must not be awaited by another, and a cancelled request takes its IO with it: so no
//! promise, handle or lock is kept here, and no borrow of a cell outlives a synchronous stretch.
//! What it must not know: HTTP, decisions.
//! What a mistake costs: a borrow across an await panics every request of the isolate.

use super::{entropy, usage};
use crate::config::{Config, ConfigError};
use crate::distribution::FamilyHolder;
use crate::freshness::ListHolder;
use crate::gate::OnUnknown;
use crate::limits::RECORDS_HELD_MAX_BYTES;
use crate::rate::WindowCounter;
use crate::record_holder::RecordHolder;
use crate::usage::Reporter;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use worker::wasm_bindgen::JsValue;
use worker::{Env, console_error, console_warn};

/// The isolate's state.
pub struct Isolate {
    /// The configuration.
    pub config: Config,
    /// Names of the headers that the gateway reads, a line each.
    pub header_names: String,
    /// The revocation list.
    pub lists: RefCell<ListHolder>,
    /// Records by serial.
    pub records: RefCell<RecordHolder>,
    /// What the registry said of families.
    pub families: RefCell<FamilyHolder>,
    /// Records from KV that did not open.
    pub records_refused: Cell<u64>,
    /// Requests counted for the limits of tokens, where no binding counts them.
    pub rates: RefCell<WindowCounter>,
    /// What is counted; `None` where no usage shards are bound.
    pub usage: Option<RefCell<Reporter>>,
}

thread_local! {
    static ISOLATE: OnceCell<Result<Rc<Isolate>, ConfigError>> = const { OnceCell::new() };
}

/// The isolate's state, made at its first request; or what is wrong with the configuration.
pub fn of(env: &Env) -> Result<Rc<Isolate>, ConfigError> {
    ISOLATE.with(|cell| cell.get_or_init(|| Isolate::start(env).map(Rc::new)).clone())
}

impl Isolate {
    fn start(env: &Env) -> Result<Self, ConfigError> {
        let config = read_config(env)?;
        if config.on_unknown == OnUnknown::Admit {
            console_warn!(
                "ON_UNKNOWN is admit: a location that cannot know whether a token is revoked lets it through; the revocation bound is not guaranteed"
            );
        }
        let header_names = crate::gateway::header_names(&config).join("\n");
        Ok(Self {
            config,
            header_names,
            lists: RefCell::default(),
            families: RefCell::default(),
            records: RefCell::new(RecordHolder::new(RECORDS_HELD_MAX_BYTES)),
            records_refused: Cell::new(0),
            rates: RefCell::default(),
            usage: usage::is_on(env).then(|| RefCell::new(Reporter::new(entropy::long()))),
        })
    }
}

/// Reads the configuration from the bindings of `env`; a wrong one is said in the log.
pub fn read_config(env: &Env) -> Result<Config, ConfigError> {
    let config = Config::read(|name| {
        let value = worker::js_sys::Reflect::get(env.as_ref(), &JsValue::from_str(name)).ok()?;
        if value.is_undefined() || value.is_null() {
            return None;
        }
        // Unquoted in `[vars]`, numbers and booleans arrive as such, and ROUTES as a table: JSON's text of each is what
        // would have stood in the quotes.
        value.as_string().or_else(|| worker::js_sys::JSON::stringify(&value).ok().map(String::from))
    });
    if let Err(error) = &config {
        console_error!("{}", error.message());
    }
    config
}
