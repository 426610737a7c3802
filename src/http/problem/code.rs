//! What the table says of a code.

use super::table::Code;

/// Seconds to wait when the list or the registry is unavailable: the list is refreshed once a second at most.
const RETRY_AFTER_SECONDS: u32 = 2;

impl Code {
    /// The stable code, for programs to compare.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.entry().code
    }

    /// The HTTP status, 4xx or 5xx.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.entry().status
    }

    /// A short name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.entry().title
    }

    /// What happened, to what, and what to do next.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        self.entry().detail
    }

    /// Seconds for `Retry-After`. `None` where waiting does not help.
    #[must_use]
    pub const fn retry_after_seconds(self) -> Option<u32> {
        match self {
            Self::RevocationStatusUnknown | Self::RegistryUnavailable => Some(RETRY_AFTER_SECONDS),
            _ => None,
        }
    }
}
