//! The functions of `crossing.js`, typed. See that file for what each does.
//!
//! Invariants: an exception that ran through WebAssembly frames would leave their promises for ever unsettled, so every
//! function is either `async` there (it rejects) or `catch` here.
//! What it must not know: anything of Wayleave. What a mistake costs: a header lost or left on its way upstream.

use worker::js_sys::{Array, Promise, Uint8Array};
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;
use worker::web_sys::{Request, Response};

#[wasm_bindgen(module = "/src/platform/crossing.js")]
extern "C" {
    /// Method, URL and the headers in `names` (a line each), as lines.
    #[wasm_bindgen(js_name = readRequest, catch)]
    pub fn read_request(request: &Request, names: &str) -> Result<String, JsValue>;

    /// Status and the headers in `names`, as lines.
    #[wasm_bindgen(js_name = readResponse, catch)]
    pub fn read_response(response: &Response, names: &str) -> Result<String, JsValue>;

    /// Sends the request on; resolves to the answer, or to null when `timeout_ms` ran out.
    pub fn forward(
        request: &Request,
        url: &str,
        prefix: &str,
        remove: &str,
        set: &str,
        timeout_ms: u32,
    ) -> Promise;

    /// The answer with edited headers.
    #[wasm_bindgen(catch)]
    pub fn decorate(response: &Response, remove: &str, set: &str) -> Result<Response, JsValue>;

    /// An answer of our own.
    #[wasm_bindgen(catch)]
    pub fn reply(status: u16, set: &str, body: Option<&str>) -> Result<Response, JsValue>;

    /// Bytes, null (absent) or undefined (failed or late).
    #[wasm_bindgen(js_name = kvGet)]
    pub fn kv_get(kv: &JsValue, key: &str, cache_ttl_seconds: u32, timeout_ms: u32) -> Promise;

    /// Writes until `expiration` (Unix seconds; 0 is for ever); resolves to whether KV took it in time.
    #[wasm_bindgen(js_name = kvPut)]
    pub fn kv_put(kv: &JsValue, key: &str, bytes: &Uint8Array, expiration: f64, timeout_ms: u32) -> Promise;

    /// Bytes, or undefined.
    #[wasm_bindgen(js_name = locationGet)]
    pub fn location_get(url: &str, timeout_ms: u32) -> Promise;

    /// Resolves when the cache has taken them, or has not, or is late.
    #[wasm_bindgen(js_name = locationPut)]
    pub fn location_put(url: &str, bytes: &Uint8Array, max_age_seconds: u32, timeout_ms: u32) -> Promise;

    /// What the platform calls this location.
    #[wasm_bindgen(js_name = locationName, catch)]
    pub fn location_name(request: &Request) -> Result<Option<String>, JsValue>;

    /// The answer of a Durable Object as text, or undefined (failed or late).
    #[wasm_bindgen(js_name = objectCall)]
    pub fn object_call(namespace: &JsValue, name: &str, body: &str, timeout_ms: u32) -> Promise;

    /// Writes a data point to Analytics Engine.
    #[wasm_bindgen(js_name = writeDataPoint, catch)]
    pub fn write_data_point(dataset: &JsValue, index: &str, blobs: &str, double: f64) -> Result<(), JsValue>;

    /// The body as bytes, or null above `limit`.
    #[wasm_bindgen(js_name = readBody)]
    pub fn read_body(request: &Request, limit: u32) -> Promise;

    /// Posts a webhook; the answer's status, 0 (late) or -1 (nobody there).
    #[wasm_bindgen(js_name = postWebhook)]
    pub fn post_webhook(url: &str, headers: &str, body: &str, timeout_ms: u32, limit: u32) -> Promise;

    /// Whether one more request for `key` is within a rate limiter's limit, or undefined (failed or late).
    #[wasm_bindgen(js_name = rateLimit)]
    pub fn rate_limit(limiter: &JsValue, key: &str, timeout_ms: u32) -> Promise;

    /// Runs the body in one synchronous transaction of the object's storage.
    #[wasm_bindgen(js_name = transactionSync, catch)]
    pub fn transaction_sync(
        storage: &JsValue,
        body: &mut dyn FnMut() -> Result<(), JsValue>,
    ) -> Result<(), JsValue>;

    /// Every row of a statement, each an array.
    #[wasm_bindgen(js_name = sqlRows, catch)]
    pub fn sql_rows(storage: &JsValue, statement: &str, parameters: &Array) -> Result<Array, JsValue>;

    /// Resolves after `ms` milliseconds.
    pub fn sleep(ms: u32) -> Promise;
}
