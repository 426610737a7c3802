//! When a token was used, as usage shards report it and isolates report first uses.

use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use serde::{Deserialize, Serialize};

/// A usage shard's report about one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUse {
    pub serial: Serial,
    /// The earliest known admission.
    pub first_at: UnixMillis,
    /// The latest known admission.
    pub last_at: UnixMillis,
}
