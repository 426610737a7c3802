//! A sender: what one request sends after its response, step by step, and for how long it may run.
//!
//! Standard: Cloudflare ends what runs after a response at 30 s.
//! Invariants: a sender starts no send later than [`USAGE_WAIT_MAX_MS`] after its request, so that the
//! platform does not interrupt it. A sender that another request has replaced does nothing more.
//! What it must not know: timers, how a report is transmitted.
//! What a mistake costs: counts or first uses wait for a next request, which may never come.

use super::reporter::Reporter;
use super::sending::Next;
use crate::base::time::UnixMillis;
use crate::formats::token::Serial;
use crate::limits::USAGE_WAIT_MAX_MS;

/// One request's responsibility to send. Made by [`Reporter::plan`].
#[derive(Debug)]
pub struct Sender {
    task: SenderTask,
    ends_at: UnixMillis,
}

#[derive(Debug)]
enum SenderTask {
    /// Send the counts when the lease says so, unless another request has taken the lease over.
    Counts { lease: u64 },
    /// The counts were sent. Send what no shard accepted once more, if there is time and no other request is
    /// about to send.
    CountsSent,
    /// Report first uses until they are acknowledged.
    FirstUses { sender: u64, serials: Vec<Serial> },
}

impl Reporter {
    /// The senders that the request just counted must run, in parallel; nearly always none.
    pub fn plan(&mut self, now: UnixMillis) -> Vec<Sender> {
        let mut senders = Vec::new();
        if let Some((sender, serials)) = self.take_unsent_first_uses() {
            senders.push(Sender::of_first_uses(sender, serials, now));
        }
        if let Some(lease) = self.lease(now) {
            senders.push(Sender::of_counts(lease, now));
        }
        senders
    }
}

impl Sender {
    fn of_counts(lease: u64, now: UnixMillis) -> Self {
        Self { task: SenderTask::Counts { lease }, ends_at: now.plus_ms(USAGE_WAIT_MAX_MS) }
    }

    fn of_first_uses(sender: u64, serials: Vec<Serial>, now: UnixMillis) -> Self {
        Self { task: SenderTask::FirstUses { sender, serials }, ends_at: now.plus_ms(USAGE_WAIT_MAX_MS) }
    }

    /// Whether it reports first uses; otherwise it reports counts.
    #[cfg(test)]
    pub(super) fn reports_first_uses(&self) -> bool {
        matches!(self.task, SenderTask::FirstUses { .. })
    }

    /// What to do now; `None`: the sender has finished.
    pub fn next(&mut self, reporter: &mut Reporter, now: UnixMillis) -> Option<Next> {
        let ends_at = self.ends_at;
        match &mut self.task {
            SenderTask::Counts { lease } => {
                let next = reporter.next_of_lease(*lease, now)?;
                if matches!(next, Next::Send(_)) {
                    self.task = SenderTask::CountsSent;
                }
                Some(next)
            }
            SenderTask::CountsSent => {
                let lease = reporter.lease_again(ends_at, now)?;
                self.task = SenderTask::Counts { lease };
                reporter.next_of_lease(lease, now)
            }
            SenderTask::FirstUses { sender, serials } => {
                reporter.next_of_first_uses(*sender, serials, ends_at, now)
            }
        }
    }
}
