//! Rate classes: how often a token may be used from one address, and from all addresses together.
//!
//! Standards: docs/http.md, "Rate classes"; RFC 6585 section 4 (429), RFC 9110 section 10.2.3
//! (`Retry-After`). The flow:
//! 1. A record names a class. After the gate has admitted a request,
//!    `RateClasses::standing` says whether the request
//!    must be counted first, and the [`Question`] says against which limits.
//! 2. The platform counts it.
//! 3. The request is decided again with the [`Fact`].
//!
//! Invariants: a request refused for another reason uses up nothing. One address cannot use up the token's
//! limit for all addresses. A class that this location does not know limits nothing, so that a deployment
//! that drops a class does not break pages.
//! What it must not know: requests, records, Workers.
//! What a mistake costs: a site's visitors are refused because of a scraper, or an upstream is unprotected.
//! No promise about revoked tokens rests on it: limits are per location and not exact.

mod client;
mod question;
mod standing;
mod window;

pub use client::{AddressesSeen, ClientAddress, client_address};
pub use question::{AskedLimit, Fact, Question, RateStanding};
pub use window::WindowCounter;
