//! First uses of watched tokens: which ones an isolate has seen, and which sender reports them until a shard
//! acknowledges them.
//!
//! Standard: docs/lifecycle.md, "First uses".
//! Invariants:
//! - An unacknowledged use is reported at most once every [`FIRST_USE_REPEAT_MS`].
//! - It has a sender for as long as the platform lets one run: first the request that saw it, and after that
//!   sender's end any later request.
//! - A later request also replaces a sender that is overdue, since that may have been cancelled.
//! - Memory is bounded.
//!
//! What it must not know: how a report is transmitted.
//! What a mistake costs: a first use that is never reported keeps a rotation's end held.

use super::sending::{Next, Sending};
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::formats::usage::report::Report;
use crate::formats::usage::shard_of;
use crate::formats::usage::token_use::TokenUse;
use crate::limits::{FIRST_USE_REPEAT_MS, FIRST_USES_HELD_MAX, USAGE_WAIT_MAX_MS};
use std::collections::BTreeMap;

/// The uses of watched tokens that an isolate has seen.
#[derive(Debug, Default)]
pub(super) struct FirstUses {
    held: BTreeMap<Serial, FirstUse>,
    /// Uses that the next sender must report.
    unsent: Vec<Serial>,
    /// Number of the last sender.
    senders: u64,
}

/// A use of a watched token.
#[derive(Clone, Copy, Debug)]
struct FirstUse {
    first_at: UnixMillis,
    last_at: UnixMillis,
    reported_at: Option<UnixMillis>,
    /// The sender that reports it, and until when that can run.
    sender: u64,
    sender_ends_at: UnixMillis,
    is_acknowledged: bool,
}

impl FirstUses {
    /// Notes that a watched token was admitted.
    pub(super) fn note(&mut self, serial: Serial, now: UnixMillis) {
        if self.held.len() >= FIRST_USES_HELD_MAX && !self.held.contains_key(&serial) {
            self.held.retain(|_, first_use| !first_use.is_acknowledged);
            // No room is left. The batch will contain this use as well, only later.
            if self.held.len() >= FIRST_USES_HELD_MAX {
                return;
            }
        }
        let next_sender = self.senders.saturating_add(1);
        let new = FirstUse {
            first_at: now,
            last_at: now,
            reported_at: None,
            sender: 0,
            sender_ends_at: now,
            is_acknowledged: false,
        };
        let first_use = self.held.entry(serial).or_insert(new);
        if first_use.is_acknowledged {
            return;
        }
        first_use.last_at = now;
        let is_overdue = first_use.is_due(now) && first_use.reported_at.is_some();
        if is_overdue || !first_use.has_sender(now) {
            (first_use.sender, first_use.sender_ends_at) = (next_sender, now.plus_ms(USAGE_WAIT_MAX_MS));
            self.unsent.push(serial);
        }
    }

    /// The uses that the caller must report, and its number as a sender.
    pub(super) fn take_unsent(&mut self) -> Option<(u64, Vec<Serial>)> {
        if self.unsent.is_empty() {
            return None;
        }
        self.senders = self.senders.saturating_add(1);
        Some((self.senders, std::mem::take(&mut self.unsent)))
    }

    /// What `sender`, which ends at `ends_at`, must do now. Removes from `serials` those that it need no
    /// longer report.
    pub(super) fn next(
        &mut self,
        isolate: u64,
        sender: u64,
        serials: &mut Vec<Serial>,
        ends_at: UnixMillis,
        now: UnixMillis,
    ) -> Option<Next> {
        let mut due: BTreeMap<u32, Vec<TokenUse>> = BTreeMap::new();
        let mut next_at: Option<UnixMillis> = None;
        serials.retain(|serial| {
            let Some(first_use) = self.held.get_mut(serial) else { return false };
            if first_use.is_acknowledged || first_use.sender != sender {
                return false;
            }
            if first_use.is_due(now) {
                first_use.reported_at = Some(now);
                let FirstUse { first_at, last_at, .. } = *first_use;
                due.entry(shard_of(*serial)).or_default().push(TokenUse {
                    serial: *serial,
                    first_at,
                    last_at,
                });
            }
            next_at = next_at.into_iter().chain(first_use.due_at()).min();
            true
        });
        if !due.is_empty() {
            let sending = |(shard, first_uses)| Sending {
                shard,
                report: Report { isolate, batch: None, first_uses },
                is_new: true,
            };
            return Some(Next::Send(due.into_iter().map(sending).collect()));
        }
        // One that is due again only after this sender's end is left to the next request.
        next_at.filter(|at| *at <= ends_at).map(|at| Next::Wait(at.since_ms(now)))
    }

    /// Notes that a shard has accepted these uses.
    pub(super) fn acknowledged(&mut self, uses: &[TokenUse]) {
        for told in uses {
            if let Some(first_use) = self.held.get_mut(&told.serial) {
                first_use.is_acknowledged = true;
            }
        }
    }
}

impl FirstUse {
    /// Whether the sender is still going to report it.
    fn has_sender(&self, now: UnixMillis) -> bool {
        let lives = (1..=USAGE_WAIT_MAX_MS).contains(&self.sender_ends_at.since_ms(now));
        lives && self.due_at().is_none_or(|at| at <= self.sender_ends_at)
    }

    /// When it is to be reported again; `None`: it never was.
    fn due_at(&self) -> Option<UnixMillis> {
        self.reported_at.map(|at| at.plus_ms(FIRST_USE_REPEAT_MS))
    }

    fn is_due(&self, now: UnixMillis) -> bool {
        // A report that seems to lie in the future, after the clock was set back, counts as long ago.
        self.reported_at.is_none_or(|at| !(0..FIRST_USE_REPEAT_MS).contains(&now.since_ms(at)))
    }
}
