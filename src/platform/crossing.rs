//! Typed declarations of the functions in `crossing.js`; that file describes them.
//!
//! A JavaScript exception that passes through WebAssembly frames would leave their promises unsettled
//! forever. So every function is either `async` there (and rejects) or `catch` here.
//! What a mistake costs: a header is lost, or not removed, on its way upstream.

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use worker::web_sys::{Request, Response};

#[wasm_bindgen(raw_module = "./crossing.js")]
extern "C" {
    /// Says which headers [`read_request`] reads (`names`, one a line), which marker it looks for in the
    /// others, and what is withheld, as `withheld::lines` returns it: for routes that replace forwarded
    /// headers, for routes that pass them on, and there for requests that were compared with a scope.
    pub fn prepare(names: &str, marker: &str, replaced: &str, passed: &str, scoped: &str);

    /// Method, URL, the names of other headers that hold the marker, and the headers read, as lines.
    #[wasm_bindgen(js_name = readRequest, catch)]
    pub fn read_request(request: &Request) -> Result<String, JsValue>;

    /// The headers in `names`, as lines.
    #[wasm_bindgen(js_name = readHeaders, catch)]
    pub fn read_headers(request: &Request, names: &str) -> Result<String, JsValue>;

    /// Returns the status and the values of the headers in `names`, as lines.
    #[wasm_bindgen(js_name = readResponse, catch)]
    pub fn read_response(response: &Response, names: &str) -> Result<String, JsValue>;

    /// The `Set-Cookie` values of the answer, one a line.
    #[wasm_bindgen(js_name = setCookies, catch)]
    pub fn set_cookies(response: &Response) -> Result<String, JsValue>;

    /// Sends the request on. `forwarded_headers`: "replace", "pass" or "scope". Resolves to the answer, or to
    /// null after `timeout_ms`.
    pub fn forward(
        request: &Request,
        url: &str,
        forwarded_headers: &str,
        remove: &str,
        set: &str,
        timeout_ms: u32,
    ) -> Promise;

    /// The answer with edited headers. If cookies are given, they replace the answer's own.
    #[wasm_bindgen(catch)]
    pub fn decorate(
        response: &Response,
        remove: &str,
        set: &str,
        cookies: Option<&str>,
    ) -> Result<Response, JsValue>;

    /// Makes a response. `set` holds names and values, one a line.
    #[wasm_bindgen(catch)]
    pub fn reply(status: u16, set: &str, body: Option<&str>) -> Result<Response, JsValue>;

    /// Resolves to the bytes, to null (absent) or to undefined (failed or late).
    #[wasm_bindgen(js_name = kvGet)]
    pub fn kv_get(kv: &JsValue, key: &str, cache_ttl_seconds: u32, timeout_ms: u32) -> Promise;

    /// The same of a read that was begun already: `reading` is KV's promise.
    #[wasm_bindgen(js_name = kvRead)]
    pub fn kv_read(reading: &Promise, key: &str, timeout_ms: u32) -> Promise;

    /// Writes a value that lasts until `expiration` (Unix seconds; 0 means forever). Resolves to whether KV
    /// accepted it in time.
    #[wasm_bindgen(js_name = kvPut)]
    pub fn kv_put(kv: &JsValue, key: &str, bytes: &Uint8Array, expiration: f64, timeout_ms: u32) -> Promise;

    /// Resolves to the bytes, or to undefined.
    #[wasm_bindgen(js_name = locationGet)]
    pub fn location_get(url: &str, timeout_ms: u32) -> Promise;

    /// Resolves after the write succeeded, failed or timed out.
    #[wasm_bindgen(js_name = locationPut)]
    pub fn location_put(url: &str, bytes: &Uint8Array, max_age_seconds: u32, timeout_ms: u32) -> Promise;

    /// The platform's name for this location.
    #[wasm_bindgen(js_name = locationName, catch)]
    pub fn location_name(request: &Request) -> Result<Option<String>, JsValue>;

    /// Where the request came from: continent, country and longitude, one a line.
    #[wasm_bindgen(js_name = placeOf, catch)]
    pub fn place_of(request: &Request) -> Result<String, JsValue>;

    /// Resolves to a Durable Object's answer as text, or to undefined (failed or late).
    #[wasm_bindgen(js_name = objectCall)]
    pub fn object_call(
        namespace: &JsValue,
        name: &str,
        body: &str,
        timeout_ms: u32,
        hint: Option<&str>,
    ) -> Promise;

    /// Writes a data point to Analytics Engine.
    #[wasm_bindgen(js_name = writeDataPoint, catch)]
    pub fn write_data_point(dataset: &JsValue, index: &str, blobs: &str, double: f64) -> Result<(), JsValue>;

    /// Resolves to the body as bytes, or to null when it is longer than `limit` bytes.
    #[wasm_bindgen(js_name = readBody)]
    pub fn read_body(request: &Request, limit: u32) -> Promise;

    /// Posts a webhook. Resolves to the response's status, 0 (late) or -1 (no response).
    #[wasm_bindgen(js_name = postWebhook)]
    pub fn post_webhook(url: &str, headers: &str, body: &str, timeout_ms: u32, limit: u32) -> Promise;

    /// Counts a request for `key`. Resolves to whether it is within the limit, or to undefined (failed or
    /// late).
    #[wasm_bindgen(js_name = rateLimit)]
    pub fn rate_limit(limiter: &JsValue, key: &str, timeout_ms: u32) -> Promise;

    /// Runs the body in one synchronous transaction of the object's storage.
    #[wasm_bindgen(js_name = transactionSync, catch)]
    pub fn transaction_sync(
        storage: &JsValue,
        body: &mut dyn FnMut() -> Result<(), JsValue>,
    ) -> Result<(), JsValue>;

    /// Returns every row of a statement, each as an array.
    #[wasm_bindgen(js_name = sqlRows, catch)]
    pub fn sql_rows(storage: &JsValue, statement: &str, parameters: &Array) -> Result<Array, JsValue>;

    /// Resolves to "woken" when `woken` does, to "over" after `ms` milliseconds, or to "gone" when the caller
    /// of `request` is gone.
    pub fn held(request: &Request, woken: &Promise, ms: u32) -> Promise;

    /// Resolves after `ms` milliseconds.
    pub fn sleep(ms: u32) -> Promise;
}
