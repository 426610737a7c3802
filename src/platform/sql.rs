//! `Database` over a Durable Object's SQLite.
//!
//! `transactionSync` undoes what its body wrote when the body throws, and no await can occur inside it. A
//! Durable Object does not allow SQL `BEGIN` and `SAVEPOINT`.

use super::crossing;
use crate::base::database::{Database, DatabaseError, Row, Value};
use js_sys::{Array, ArrayBuffer, Number, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

/// A Durable Object's storage.
pub(super) struct ObjectDatabase(JsValue);

impl ObjectDatabase {
    /// Wraps the storage of the Durable Object with this state.
    pub(super) fn new(state: &worker::State) -> Self {
        Self(state.storage().as_raw().into())
    }
}

impl Database for ObjectDatabase {
    fn query(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        let bound: Array = parameters.iter().map(to_js).collect();
        let rows = crossing::sql_rows(&self.0, sql, &bound).map_err(|error| refused(&error))?;
        rows.iter().map(|row| Array::from(&row).iter().map(|value| from_js(&value)).collect()).collect()
    }

    fn transaction<T, E: From<DatabaseError>>(
        &self,
        body: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut body = Some(body);
        let mut outcome = None;
        let committed = crossing::transaction_sync(&self.0, &mut || {
            let result = body.take().map(|body| body(self));
            let undo = !matches!(result, Some(Ok(_)));
            outcome = result;
            if undo { Err(JsValue::from_str("undone: the transaction's body refused")) } else { Ok(()) }
        });
        match (outcome, committed) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (_, Err(error)) => Err(refused(&error).into()),
            (None, Ok(())) => Err(DatabaseError("the transaction did not run".to_owned()).into()),
        }
    }
}

// Exact: beyond ±2^53 is refused by `database`'s contract.
fn to_js(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        Value::Integer(number) => JsValue::from_f64(*number as f64),
        Value::Text(text) => JsValue::from_str(text),
        Value::Blob(bytes) => Uint8Array::from(bytes.as_slice()).into(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a safe integer by the check before")]
fn from_js(value: &JsValue) -> Result<Value, DatabaseError> {
    if value.is_null() || value.is_undefined() {
        return Ok(Value::Null);
    }
    if let Some(text) = value.as_string() {
        return Ok(Value::Text(text));
    }
    if let Some(number) = value.as_f64() {
        return if Number::is_safe_integer(value) {
            Ok(Value::Integer(number as i64))
        } else {
            Err(DatabaseError("a column holds a number that is not a safe integer".to_owned()))
        };
    }
    match value.dyn_ref::<ArrayBuffer>() {
        Some(buffer) => Ok(Value::Blob(Uint8Array::new(buffer).to_vec())),
        None => Err(DatabaseError("a column holds a value of an unknown type".to_owned())),
    }
}

fn refused(error: &JsValue) -> DatabaseError {
    let text = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    DatabaseError(text.or_else(|| error.as_string()).unwrap_or_else(|| "unknown error".to_owned()))
}
