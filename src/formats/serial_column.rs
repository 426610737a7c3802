//! A serial as a column of SQLite, the same in the registry and in the usage shards.
//!
//! Invariants: a column that is no serial is an error, never a default.

use crate::base::database::{Columns, ReadError, Value};
use crate::formats::token::Serial;

impl Columns {
    pub(crate) fn serial(&mut self) -> Result<Serial, ReadError> {
        self.number().map(Serial)
    }

    pub(crate) fn optional_serial(&mut self) -> Result<Option<Serial>, ReadError> {
        Ok(self.optional_number()?.map(Serial))
    }
}

impl From<Serial> for Value {
    fn from(serial: Serial) -> Self {
        Self::Integer(serial.0.into())
    }
}
