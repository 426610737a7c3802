//! An isolate in virtual time: its reporter, and the senders of its requests, each woken at the time it asked
//! for.

use wayleave::base::time::UnixMillis;
use wayleave::formats::usage::counted::Counted;
use wayleave::limits::USAGE_SEND_TIMEOUT_MS;
use wayleave::usage::{Next, Reporter, Sender, Sending};

pub(crate) struct Isolate {
    pub reporter: Reporter,
    /// The senders, each with the time of its next wake-up.
    senders: Vec<(UnixMillis, Sender)>,
}

impl Isolate {
    pub(crate) fn new(number: u64) -> Self {
        Self { reporter: Reporter::new(number), senders: Vec::new() }
    }

    /// Counts a request. Returns how many senders it got.
    pub(crate) fn ask(&mut self, counted: Counted, now: UnixMillis) -> usize {
        self.reporter.count(counted, now);
        let senders = self.reporter.plan(now);
        let count = senders.len();
        self.senders.extend(senders.into_iter().map(|sender| (now, sender)));
        count
    }

    /// Cancels the last `count` senders that began, as the platform may.
    pub(crate) fn cancel(&mut self, count: usize) {
        self.senders.truncate(self.senders.len() - count);
    }

    /// When the next sender must be woken.
    pub(crate) fn wakes_at(&self) -> Option<UnixMillis> {
        self.senders.iter().map(|(at, _)| *at).min()
    }

    /// Wakes every sender that is due. `carry` gets what one sender sends together, and returns those that
    /// were acknowledged. A sender without an answer waits for its time limit.
    pub(crate) fn run(&mut self, now: UnixMillis, mut carry: impl FnMut(&[Sending]) -> Vec<Sending>) {
        while let Some(due) = self.senders.iter().position(|(at, _)| *at <= now) {
            let (_, mut sender) = self.senders.remove(due);
            match sender.next(&mut self.reporter, now) {
                None => {}
                Some(Next::Wait(ms)) => {
                    assert!(ms > 0, "a wait of {ms} ms would never end");
                    self.senders.push((now.plus_ms(ms), sender));
                }
                Some(Next::Send(sendings)) => {
                    let acknowledged = carry(&sendings);
                    for sending in &acknowledged {
                        self.reporter.acknowledged(sending);
                    }
                    let is_answered = acknowledged.len() == sendings.len();
                    let took_ms = if is_answered { 0 } else { i64::from(USAGE_SEND_TIMEOUT_MS) };
                    self.senders.push((now.plus_ms(took_ms), sender));
                }
            }
        }
    }
}
