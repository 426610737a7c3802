//! The refused requests that an isolate keeps for its next batch to one shard.
//!
//! Standard: docs/lifecycle.md, "The tail of refusals".
//! Invariants: it never holds more than its limits. Those alike are one entry. When it is full, a token that
//! has none yet takes the place of another token's second or later entry, so a flood with some tokens does
//! not hide the refusals of others.
//! What it must not know: why a request was refused, when the batch is sent.
//! What a mistake costs: an operator does not see why a page is refused, or an isolate runs out of memory.

use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::formats::usage::outcome::Outcome;
use crate::formats::usage::refusal::{Refusal, RefusedRequest};
use crate::limits::{REFUSALS_HELD_MAX, REFUSALS_OF_NOBODY_HELD_MAX, REFUSALS_OF_TOKEN_HELD_MAX};

/// Refusals since the last batch, in the order in which their kind was first seen.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    held: Vec<Refusal>,
}

impl Refusals {
    /// Keeps one, if there is room. Returns whether it is unlike those that are held.
    pub(super) fn note(
        &mut self,
        serial: Option<Serial>,
        outcome: Outcome,
        request: RefusedRequest,
        now: UnixMillis,
    ) -> bool {
        let RefusedRequest { site, method, path, location } = request;
        let (site, outcome) = (site.map(|site| site.to_string()), outcome.number());
        let alike =
            |held: &&mut Refusal| held.serial == serial && held.outcome == outcome && held.site == site;
        if let Some(held) = self.held.iter_mut().find(alike) {
            (held.method, held.path, held.location, held.at) = (method, path, location, now);
            held.requests = held.requests.saturating_add(1);
            return false;
        }
        let has_room = self.makes_room(serial);
        if has_room {
            self.held.push(Refusal { serial, outcome, site, method, path, location, at: now, requests: 1 });
        }
        has_room
    }

    pub(super) fn take(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.held)
    }

    /// Whether there is room for one more of this token. Where there is none, but the token has none yet,
    /// the last entry of the token with the most makes place.
    fn makes_room(&mut self, serial: Option<Serial>) -> bool {
        let most = if serial.is_some() { REFUSALS_OF_TOKEN_HELD_MAX } else { REFUSALS_OF_NOBODY_HELD_MAX };
        let of_token = self.count_of(serial);
        if of_token >= most {
            return false;
        }
        if self.held.len() < REFUSALS_HELD_MAX {
            return true;
        }
        if of_token > 0 {
            return false;
        }
        let counted = self.held.iter().enumerate().map(|(at, held)| (self.count_of(held.serial), at));
        match counted.max() {
            Some((count, at)) if count > 1 => {
                self.held.remove(at);
                true
            }
            _ => false,
        }
    }

    fn count_of(&self, serial: Option<Serial>) -> usize {
        self.held.iter().filter(|held| held.serial == serial).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::origin::Origin;

    fn request(site: &str, path: &str) -> RefusedRequest {
        RefusedRequest::of("GET", path, Origin::parse_header(site))
    }

    #[test]
    fn those_alike_are_one_with_the_last_path_and_time() {
        let mut refusals = Refusals::default();
        let mut note = |serial, outcome, site, path, at| {
            refusals.note(Some(Serial(serial)), outcome, request(site, path), UnixMillis(at))
        };
        assert!(note(1, Outcome::OriginNotAllowed, "https://a.example", "/one", 1));
        assert!(!note(1, Outcome::OriginNotAllowed, "https://a.example", "/two", 2));
        assert!(note(1, Outcome::RateLimited, "https://a.example", "/", 3));
        assert!(note(1, Outcome::OriginNotAllowed, "https://b.example", "/", 4));
        assert!(note(2, Outcome::OriginNotAllowed, "https://a.example", "/", 5));
        let held = refusals.take();
        assert_eq!(held.len(), 4);
        assert_eq!((held[0].path.as_str(), held[0].at, held[0].requests), ("/two", UnixMillis(2), 2));
        assert_eq!(held[0].site.as_deref(), Some("https://a.example"));
        assert_eq!(refusals.take(), []);
    }

    #[test]
    fn a_flood_with_some_tokens_neither_grows_nor_hides_the_others() {
        let mut refusals = Refusals::default();
        let flood = |refusals: &mut Refusals, serial: Option<u32>| {
            for number in 0..1_000 {
                let site = format!("https://{number}.example");
                let serial = serial.map(Serial);
                refusals.note(serial, Outcome::OriginNotAllowed, request(&site, "/"), UnixMillis(0));
            }
        };
        flood(&mut refusals, None);
        for serial in 100..150 {
            flood(&mut refusals, Some(serial));
        }
        assert_eq!(refusals.held.len(), REFUSALS_HELD_MAX);
        let other = request("https://mine.example", "/");
        assert!(refusals.note(Some(Serial(7)), Outcome::OriginNotAllowed, other, UnixMillis(0)));
        assert_eq!(refusals.held.len(), REFUSALS_HELD_MAX);
        assert_eq!(refusals.count_of(Some(Serial(7))), 1);
        assert!((100..150).all(|serial| refusals.count_of(Some(Serial(serial))) >= 1));
        assert!((1..=REFUSALS_OF_NOBODY_HELD_MAX).contains(&refusals.count_of(None)));
    }
}
