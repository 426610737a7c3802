//! Which pages fetched the token of their family: noted off the request's path, and told to the registry now
//! and then.
//!
//! Standard: docs/lifecycle.md, "Last fetches".
//! Invariants: the same page's origin, family and token are noted at most once in ten minutes. Memory is
//! bounded. What is told can be lost: it only informs.
//! What it must not know: how it is sent; Workers.
//! What a mistake costs: an operator believes that nobody fetched a successor, or that somebody did.

use crate::base::time::UnixMillis;
use crate::formats::page_fetch::PageFetch;
use crate::formats::token::Serial;
use crate::limits::{
    FETCH_INTERVAL_MS, PAGE_FETCHES_HELD_MAX, PAGE_FETCHES_SENDER_MS, PAGE_FETCHES_SENT_MAX,
};
use std::collections::BTreeMap;

/// What an isolate noted lately, and what it has yet to tell.
#[derive(Debug, Default)]
pub struct PageFetches {
    /// The token last noted for a family and origin, and when.
    noted: BTreeMap<(String, String), (Serial, UnixMillis)>,
    unsent: Vec<PageFetch>,
    /// Until when the request that is to send them can run.
    sender_ends_at: Option<UnixMillis>,
}

impl PageFetches {
    /// Notes a fetch. Returns whether the caller must send what [`Self::take`] gives, after a short wait for
    /// others.
    pub fn note(&mut self, fetch: PageFetch, now: UnixMillis) -> bool {
        let is_recent = |at: UnixMillis| (0..FETCH_INTERVAL_MS).contains(&now.since_ms(at));
        let of = (fetch.family.clone(), fetch.origin.clone());
        if self.noted.get(&of).is_some_and(|(serial, at)| *serial == fetch.serial && is_recent(*at)) {
            return false;
        }
        if self.noted.len() >= PAGE_FETCHES_HELD_MAX {
            self.noted.retain(|_, (_, at)| is_recent(*at));
        }
        if self.noted.len() < PAGE_FETCHES_HELD_MAX && self.unsent.len() < PAGE_FETCHES_SENT_MAX {
            self.noted.insert(of, (fetch.serial, now));
            self.unsent.push(fetch);
        } else if self.unsent.is_empty() {
            return false;
        }
        let runs = |at: UnixMillis| (1..=PAGE_FETCHES_SENDER_MS).contains(&at.since_ms(now));
        if self.sender_ends_at.is_some_and(runs) {
            return false;
        }
        self.sender_ends_at = Some(now.plus_ms(PAGE_FETCHES_SENDER_MS));
        true
    }

    /// What is to be sent now.
    pub fn take(&mut self) -> Vec<PageFetch> {
        self.sender_ends_at = None;
        std::mem::take(&mut self.unsent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(family: u32, serial: u32, at: i64) -> PageFetch {
        PageFetch {
            family: format!("fam_{family}"),
            serial: Serial(serial),
            origin: "https://a.example".to_owned(),
            at: UnixMillis(at),
        }
    }

    #[test]
    fn the_same_fetch_is_told_once_in_ten_minutes_and_another_token_at_once() {
        let mut fetches = PageFetches::default();
        let note = |fetches: &mut PageFetches, serial, at| {
            let sends = fetches.note(fetch(1, serial, at), UnixMillis(at));
            (sends, fetches.take().len())
        };
        assert_eq!(note(&mut fetches, 1, 0), (true, 1));
        assert_eq!(note(&mut fetches, 1, FETCH_INTERVAL_MS - 1), (false, 0));
        assert_eq!(note(&mut fetches, 2, FETCH_INTERVAL_MS - 1), (true, 1));
        assert_eq!(note(&mut fetches, 2, 2 * FETCH_INTERVAL_MS - 2), (false, 0));
        assert_eq!(note(&mut fetches, 2, 2 * FETCH_INTERVAL_MS - 1), (true, 1));
        // After the clock was set back.
        assert_eq!(note(&mut fetches, 2, 0), (true, 1));
    }

    #[test]
    fn one_request_sends_for_all_and_another_takes_over_when_it_was_cancelled() {
        let mut fetches = PageFetches::default();
        assert!(fetches.note(fetch(1, 1, 0), UnixMillis(0)));
        assert!(!fetches.note(fetch(2, 2, 0), UnixMillis(PAGE_FETCHES_SENDER_MS - 1)));
        assert!(fetches.note(fetch(3, 3, 0), UnixMillis(PAGE_FETCHES_SENDER_MS)));
        assert_eq!(fetches.take().len(), 3);
        assert_eq!(fetches.take().len(), 0);
    }

    #[test]
    fn another_takes_over_also_when_no_more_can_be_noted() {
        let mut fetches = PageFetches::default();
        for family in 0..1_000 {
            fetches.note(fetch(family, 1, 0), UnixMillis(0));
        }
        assert!(fetches.note(fetch(2_000, 1, 0), UnixMillis(PAGE_FETCHES_SENDER_MS)));
        assert_eq!(fetches.take().len(), PAGE_FETCHES_SENT_MAX);
    }

    #[test]
    fn memory_is_bounded() {
        let mut fetches = PageFetches::default();
        for family in 0..20_000 {
            fetches.note(fetch(family, family, 0), UnixMillis(0));
            if family % 50 == 0 {
                assert!(fetches.take().len() <= PAGE_FETCHES_SENT_MAX);
            }
        }
        assert_eq!(fetches.noted.len(), PAGE_FETCHES_HELD_MAX);
        assert!(fetches.note(fetch(1, 99_999, 0), UnixMillis(FETCH_INTERVAL_MS)), "old ones make room");
    }
}
