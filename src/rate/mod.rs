//! Rate classes: how often a token may be used from one address, and from all of them together.
//!
//! Standards: DESIGN section 9; RFC 6585 section 4 (429), RFC 9110 section 10.2.3 (`Retry-After`).
//! The flow: a record names a class; once the gate has admitted a request, [`RateClasses::standing`] says whether somebody must
//! count it first, and the [`Question`] what; the platform has it counted, and the request is decided anew with the [`Fact`].
//! Invariants: a request that is refused for another reason spends nothing; one address cannot spend what a token has for
//! all; a class that this location does not know limits nothing, since a deploy that drops one must not break pages.
//! What it must not know: requests, records, Workers.
//! What a mistake costs: a site's visitors refused for what a scraper did, or an upstream without protection. No promise about
//! revoked tokens rests on it: limits are per location and not exact.

mod class;
mod client;
mod question;
mod window;

pub use class::{Class, ClassName, CountedBy, RateClasses, RatesFault};
pub use client::ClientAddress;
pub use question::{AskedLimit, Fact, Question, Standing};
pub use window::WindowCounter;
