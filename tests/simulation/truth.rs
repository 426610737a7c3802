//! What was committed, when, and what that makes right: the reference against which admissions and refusals are judged.

use crate::settings;
use std::collections::{BTreeMap, BTreeSet};
use wayleave::problem::Code;
use wayleave::registry::command::Receipt;
use wayleave::token::Serial;

/// Where a request comes from and what for.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    pub site: usize,
    pub audience: usize,
}

impl Ask {
    pub fn site(&self) -> &'static str {
        settings::SITES[self.site]
    }

    pub fn audience(&self) -> &'static str {
        settings::AUDIENCES[self.audience]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Good,
    Disabled,
    Revoked,
}

/// Sites and audiences as sets of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub sites: usize,
    pub audiences: usize,
}

impl Policy {
    pub fn has_site(self, ask: &Ask) -> bool {
        self.sites & (1 << ask.site) != 0
    }

    pub fn has_audience(self, ask: &Ask) -> bool {
        self.audiences & (1 << ask.audience) != 0
    }

    fn allows(self, ask: &Ask) -> bool {
        self.has_site(ask) && self.has_audience(ask)
    }
}

/// One committed state of a token.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// No location goes by an earlier state from then on, in true time: its commit + the B that its receipt promises.
    pub holds_from: i64,
    pub status: Status,
    pub policy: Policy,
    pub version: u32,
}

#[derive(Clone, Debug)]
pub struct Token {
    pub serial: Serial,
    pub text: String,
    /// True milliseconds.
    pub expires_at: i64,
    /// Oldest first, at least one.
    pub states: Vec<State>,
}

impl Token {
    pub fn now(&self) -> State {
        *self.states.last().unwrap()
    }

    /// States by which a location may still go at `now`: the newest that must hold by then, and all later ones.
    fn standing(&self, now: i64) -> &[State] {
        let newest = self.states.iter().rposition(|state| state.holds_from <= now).unwrap_or(0);
        &self.states[newest..]
    }
}

/// Which judge speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// Admitted although revoked or disabled, B after that was committed.
    Revocation,
    /// Admitted by settings that were edited away, B after that.
    Edit,
    /// A token that was never issued, or one that has ended, was admitted.
    Forged,
    /// Refused although nothing that was ever true by then says so.
    FalseRefusal,
    /// 503 although a source had what was needed.
    NeedlessUnknown,
    /// In the calm tail something good is refused, or anything is answered otherwise than the registry's state says.
    Calm,
    /// An acknowledged write is gone, or never reached KV.
    Lost,
    /// A list number held went back.
    NumberBack,
    /// More calls to the registry than the arithmetic allows.
    Load,
    /// A receipt promises less or more than the rule says.
    Receipt,
    /// A request was not answered in its time.
    Stuck,
}

#[derive(Clone, Debug)]
pub struct Violation {
    pub judge: Judge,
    pub text: String,
}

#[derive(Default)]
pub struct Truth {
    pub tokens: BTreeMap<Serial, Token>,
    /// Keys of which KV said "written" and lost the write, or that were altered or rolled back by hand.
    kv_lied_about: BTreeSet<String>,
}

impl Truth {
    pub fn expires_at(&self, serial: Serial) -> Option<i64> {
        self.tokens.get(&serial).map(|token| token.expires_at)
    }

    pub fn lost_by_kv(&mut self, key: &str) {
        self.kv_lied_about.insert(key.to_owned());
    }

    pub fn kv_lied_about(&self, key: &str) -> bool {
        self.kv_lied_about.contains(key)
    }

    /// What is wrong with admitting `ask` at `now`, if anything.
    pub fn admission(&self, serial: Serial, ask: &Ask, now: i64, clock_off_ms: i64) -> Option<Judge> {
        let Some(token) = self.tokens.get(&serial) else { return Some(Judge::Forged) };
        if now + clock_off_ms >= token.expires_at {
            return Some(Judge::Forged);
        }
        let standing = token.standing(now);
        if standing.iter().all(|state| state.status != Status::Good) {
            return Some(Judge::Revocation);
        }
        // List and record may show two states, but none that had to be gone.
        standing.iter().all(|state| !state.policy.allows(ask)).then_some(Judge::Edit)
    }

    /// Whether refusing with `code` at `now` has a reason.
    pub fn refusal(&self, serial: Serial, ask: &Ask, code: Code, now: i64, clock_off_ms: i64) -> bool {
        let Some(token) = self.tokens.get(&serial) else { return code == Code::TokenInvalid };
        let mut standing = token.standing(now).iter();
        match code {
            Code::TokenRevoked => standing.any(|state| state.status == Status::Revoked),
            Code::TokenDisabled => standing.any(|state| state.status == Status::Disabled),
            Code::OriginNotAllowed => standing.any(|state| !state.policy.has_site(ask)),
            Code::AudienceMismatch => standing.any(|state| !state.policy.has_audience(ask)),
            Code::TokenExpired => now + clock_off_ms >= token.expires_at,
            _ => false,
        }
    }

    /// The one right answer when nothing has changed for long: `None` is admission.
    pub fn settled(token: &Token, ask: &Ask) -> Option<Code> {
        let state = token.now();
        match state.status {
            Status::Revoked => Some(Code::TokenRevoked),
            Status::Disabled => Some(Code::TokenDisabled),
            Status::Good if !state.policy.has_audience(ask) => Some(Code::AudienceMismatch),
            Status::Good if !state.policy.has_site(ask) => Some(Code::OriginNotAllowed),
            Status::Good => None,
        }
    }
}

/// What is wrong with a receipt of a change committed at true time `at`, by a registry with B of `bound_seconds`.
pub fn receipt_fault(receipt: &Receipt, at: i64, bound_seconds: i64) -> Option<&'static str> {
    let bounded = at + receipt.bound_seconds * 1_000;
    let effective_by = receipt.effective_by.0 * 1_000;
    if receipt.bound_seconds < bound_seconds || receipt.bound_seconds > 300 {
        return Some("its bound is not the one in force, nor a larger one still running out");
    }
    if effective_by < bounded {
        return Some("effective_by is earlier than the bound, in true time");
    }
    // Clock 1 s, rounding 1 s, skew 2 s.
    (effective_by > bounded + 4_000).then_some("effective_by is later than clocks and rounding explain")
}
