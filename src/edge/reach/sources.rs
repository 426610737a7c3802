//! What an isolate knows of KV and of the registry.

use super::health::{Health, RestTerms, State};
use super::hedges::Hedges;
use crate::base::time::UnixMillis;

/// What an isolate knows of its sources.
#[derive(Debug)]
pub struct Reach {
    pub registry: Health,
    pub kv: Health,
    pub hedges: Hedges,
}

impl Reach {
    /// Of an isolate that has asked nobody yet.
    #[must_use]
    pub fn of_bound(bound_seconds: i64) -> Self {
        Self {
            registry: Health::new(RestTerms::registry(bound_seconds)),
            kv: Health::new(RestTerms::KV),
            hedges: Hedges::default(),
        }
    }

    /// Whether a look-up that KV has not answered yet may ask the registry too. If so, it counts as done.
    pub(super) fn hedge(&mut self, now: UnixMillis) -> bool {
        self.registry.state(now) == State::Free && self.hedges.take(now)
    }
}
