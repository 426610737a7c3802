//! The data plane: what happens to a request. It only reads.
//!
//! In the order in which a request meets them: `receive` (with `route` and `credential`), `freshness` (the
//! list), `reach` (sources) and `record_holder`, `decide`, `rate`, `forward`, `answer`. Wayleave's own
//! endpoints are `handout`, `self_test` and `health`.

pub mod answer;
mod counting;
pub mod credential;
pub mod decide;
pub mod family_holder;
pub mod forward;
pub mod freshness;
pub mod handout;
pub mod health;
pub mod orders;
pub mod page_fetches;
pub mod plane;
mod presented;
mod public_url;
pub mod rate;
pub mod reach;
pub mod receive;
pub mod record_holder;
mod refusal;
pub mod request_facts;
pub mod route;
pub mod scope;
pub mod self_test;
pub mod settings;
pub mod withheld;
