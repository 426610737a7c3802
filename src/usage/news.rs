//! News: what an operator may be waiting to see, so that the isolate sends its counts earlier than usual. A
//! refusal unlike the others, the first admission after it, and the first request with a token that is newer
//! than all that this isolate has counted.
//!
//! Standard: docs/lifecycle.md, "From isolate to shard".
//! Invariants: early sends are earned by time, so they cost a bounded share of the usual ones, however many
//! requests are refused. Memory is bounded.
//! What it must not know: when the usual send is due, how it is sent.
//! What a mistake costs: the shards get more calls than they can serve, or somebody who has just repaired a
//! page waits half a minute to see it.

use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::limits::{QUICK_SEND_EARNED_MS, QUICK_SENDS_MAX, REFUSED_TOKENS_HELD_MAX};
use std::collections::BTreeSet;

/// Whether an isolate has news, and whether it may send them early.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Tokens that were refused, and not admitted since.
    refused: BTreeSet<Serial>,
    /// The highest serial counted: tokens that are made later have higher ones.
    newest: Option<Serial>,
    /// From when on all early sends are earned. One sent puts it off.
    full_at: Option<UnixMillis>,
    is_pending: bool,
}

impl News {
    /// A request was refused unlike the others since the last batch.
    pub(super) fn refused(&mut self, serial: Option<Serial>, now: UnixMillis) {
        if let Some(serial) = serial {
            if self.refused.len() >= REFUSED_TOKENS_HELD_MAX {
                self.refused.clear();
            }
            self.refused.insert(serial);
        }
        self.note(now);
    }

    /// A token was admitted that was not counted since the last batch.
    pub(super) fn admitted(&mut self, serial: Option<Serial>, now: UnixMillis) {
        let Some(serial) = serial else { return };
        // The first one of an isolate is sent early anyway.
        let is_newer = self.newest.is_some_and(|newest| serial > newest);
        self.newest = self.newest.max(Some(serial));
        if self.refused.remove(&serial) || is_newer {
            self.note(now);
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        self.is_pending
    }

    /// Everything was sent.
    pub(super) fn told(&mut self) {
        self.is_pending = false;
    }

    /// Spends an early send, if one is left.
    fn note(&mut self, now: UnixMillis) {
        if self.is_pending {
            return;
        }
        // A clock that was set back must not delay news for longer than all of them take to earn.
        let latest = now.plus_ms(QUICK_SENDS_MAX * QUICK_SEND_EARNED_MS);
        let full_at = self.full_at.map_or(now, |at| at.max(now).min(latest));
        let spent_at = full_at.plus_ms(QUICK_SEND_EARNED_MS);
        self.is_pending = spent_at <= latest;
        self.full_at = Some(if self.is_pending { spent_at } else { full_at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> UnixMillis {
        UnixMillis(1_795_312_800_000 + ms)
    }

    #[test]
    fn a_new_token_is_news_and_one_that_works_again() {
        let mut news = News::default();
        let mut told = |is_admitted: bool, serial: u32, seconds: i64| {
            match is_admitted {
                true => news.admitted(Some(Serial(serial)), at(seconds * 1_000)),
                false => news.refused(Some(Serial(serial)), at(seconds * 1_000)),
            }
            let is_pending = news.is_pending();
            news.told();
            is_pending
        };
        assert!(!told(true, 7, 0), "the first one");
        assert!(told(true, 8, 600), "it was made later");
        assert!(!told(true, 7, 1_200));
        assert!(told(false, 7, 1_800));
        assert!(told(true, 7, 1_801), "the page works again");
        assert!(!told(true, 7, 1_802));
    }

    #[test]
    fn early_sends_are_earned_by_time() {
        let mut news = News::default();
        let mut early = 0;
        for second in 0..3_600 {
            news.refused(None, at(second * 1_000));
            early += i64::from(news.is_pending());
            news.told();
        }
        assert_eq!(early, QUICK_SENDS_MAX + 3_599_000 / QUICK_SEND_EARNED_MS);
        // The clock is set back by a day.
        news.refused(None, at(-86_400_000));
        assert!(!news.is_pending());
        news.refused(None, at(-86_400_000 + QUICK_SEND_EARNED_MS));
        assert!(news.is_pending());
    }
}
