//! What was committed, when, and what that makes right: the reference against which admissions and refusals are judged.

use crate::restoration::Restores;
use crate::settings;
use std::collections::{BTreeMap, BTreeSet};
use wayleave::key::KeyId;
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
    /// A restored registry has never heard of it.
    Unheard,
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
    /// The operator's end, true milliseconds.
    pub ends_at: Option<i64>,
    pub version: u32,
}

#[derive(Clone, Debug)]
pub struct Token {
    pub serial: Serial,
    pub text: String,
    pub key_id: KeyId,
    /// True milliseconds.
    pub expires_at: i64,
    /// Oldest first, at least one.
    pub states: Vec<State>,
    /// As the registry has it.
    pub row: State,
    /// What records of a lost time say, of versions above the row's: whoever still has one may go by it.
    pub lost: Vec<State>,
}

impl Token {
    pub fn learn(&mut self, state: State) {
        if state.version != self.row.version {
            self.lost.clear();
        }
        self.row = state;
        self.states.push(state);
        let lost = self.lost.iter().map(|lost| State { holds_from: i64::MAX, status: state.status, ..*lost });
        self.states.extend(lost);
    }

    /// What records of this version or a later one say.
    pub fn records_from(&self, version: u32) -> Vec<State> {
        let mut records: Vec<State> = Vec::new();
        for state in self.states.iter().filter(|state| state.version >= version) {
            let is_same = |other: &State| {
                (other.version, other.policy, other.ends_at) == (state.version, state.policy, state.ends_at)
            };
            if !records.iter().any(is_same) {
                records.push(*state);
            }
        }
        records
    }

    /// Whether some record, perhaps of a lost time, was of this version or a later one.
    pub fn has_had(&self, version: u32) -> bool {
        self.states.iter().any(|state| state.version >= version)
    }

    /// States by which a location may still go at `now`: the newest that must hold by then, and all later ones.
    pub fn standing(&self, now: i64) -> &[State] {
        let newest = self.states.iter().rposition(|state| state.holds_from <= now).unwrap_or(0);
        &self.states[newest..]
    }
}

impl State {
    fn has_ended(&self, clock: i64) -> bool {
        self.ends_at.is_some_and(|at| clock >= at)
    }

    /// The answer by this state alone, when a clock shows `clock`: `None` is admission.
    fn answer(&self, ask: &Ask, clock: i64) -> Option<Code> {
        match self.status {
            Status::Unheard => Some(Code::TokenInvalid),
            Status::Revoked => Some(Code::TokenRevoked),
            Status::Disabled => Some(Code::TokenDisabled),
            Status::Good if self.has_ended(clock) => Some(Code::TokenRevoked),
            Status::Good if !self.policy.has_audience(ask) => Some(Code::AudienceMismatch),
            Status::Good if !self.policy.has_site(ask) => Some(Code::OriginNotAllowed),
            Status::Good => None,
        }
    }
}

/// When who asks what, for a judgement.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    pub ask: &'a Ask,
    /// True time.
    pub now: i64,
    /// What the location's clock shows.
    pub clock: i64,
}

/// Which judge speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// Admitted although revoked or disabled, B after that was committed.
    Revocation,
    /// Admitted by settings that were edited away, B after that.
    Edit,
    /// Admitted after its planned end, B after that was set.
    End,
    /// Admitted although the key that signed it was retired, B after that.
    RetiredKey,
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
    /// Signing keys that were retired, and from when on that holds.
    pub retired: BTreeMap<u8, i64>,
    /// Those whose retirement may have been lost since, too.
    pub once_retired: BTreeSet<u8>,
    /// Keys of which KV said "written" and lost the write, or that were altered or rolled back by hand.
    kv_lied_about: BTreeSet<String>,
    /// Nobody knows what is right of them.
    pub unjudged: BTreeSet<Serial>,
    pub restores: Restores,
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

    /// What is wrong with admitting `serial`, if anything.
    pub fn admission(&self, serial: Serial, at: Moment<'_>) -> Option<Judge> {
        if self.unjudged.contains(&serial) {
            return None;
        }
        let Some(token) = self.tokens.get(&serial) else { return Some(Judge::Forged) };
        if at.clock >= token.expires_at {
            return Some(Judge::Forged);
        }
        if self.retired.get(&token.key_id.0).is_some_and(|holds_from| *holds_from <= at.now) {
            return Some(Judge::RetiredKey);
        }
        // List and record may show two states, but none that had to be gone.
        let standing = token.standing(at.now);
        if standing.iter().all(|state| state.status != Status::Good) {
            Some(Judge::Revocation)
        } else if standing.iter().all(|state| state.has_ended(at.clock)) {
            // The record may be of a state that the list does not know yet: disabled since, and its end moved.
            Some(Judge::End)
        } else {
            standing.iter().all(|state| !state.policy.allows(at.ask)).then_some(Judge::Edit)
        }
    }

    /// Whether refusing with `code` has a reason.
    pub fn refusal(&self, serial: Serial, code: Code, at: Moment<'_>) -> bool {
        if self.unjudged.contains(&serial) {
            return true;
        }
        let Some(token) = self.tokens.get(&serial) else { return code == Code::TokenInvalid };
        let mut standing = token.standing(at.now).iter();
        match code {
            Code::TokenExpired => at.clock >= token.expires_at,
            Code::TokenInvalid => {
                self.once_retired.contains(&token.key_id.0)
                    || token.row.status == Status::Unheard
                    || standing.any(|state| state.status == Status::Unheard)
            }
            Code::TokenRevoked => {
                standing.any(|state| state.status == Status::Revoked || state.has_ended(at.clock))
            }
            Code::TokenDisabled => standing.any(|state| state.status == Status::Disabled),
            Code::OriginNotAllowed => standing.any(|state| !state.policy.has_site(at.ask)),
            Code::AudienceMismatch => standing.any(|state| !state.policy.has_audience(at.ask)),
            _ => false,
        }
    }

    /// Whether `answer` (`None` is admission) is right when nothing has changed for long. There is more than one right
    /// answer only where a restored registry knows of no change that a location may have seen.
    pub fn is_settled(&self, token: &Token, answer: Option<Code>, at: Moment<'_>) -> bool {
        let key_id = token.key_id.0;
        if self.retired.contains_key(&key_id) {
            return answer == Some(Code::TokenInvalid);
        }
        let is_unheard = token.row.status == Status::Unheard && answer == Some(Code::TokenInvalid);
        is_unheard || token.standing(at.now).iter().any(|state| state.answer(at.ask, at.clock) == answer)
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
