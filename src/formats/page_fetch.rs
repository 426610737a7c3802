//! What an isolate tells the registry of a page that fetched the token of its family.
//!
//! Standard: JSON (RFC 8259) between isolates and the registry of one deployment.

use super::token::Serial;
use crate::base::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// A page fetched its family's token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageFetch {
    /// The family's id, `fam_…`.
    pub family: String,
    /// The token that the page got.
    pub serial: Serial,
    /// The page's origin.
    pub origin: String,
    pub at: UnixMillis,
}
