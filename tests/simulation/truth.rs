//! What was committed, when, and what is therefore right: the reference for judging admissions and refusals.

use crate::restoration::Restores;
use crate::settings;
use std::collections::{BTreeMap, BTreeSet};
use wayleave::control::registry::command::Receipt;
use wayleave::formats::key::KeyId;
use wayleave::formats::token::Serial;
use wayleave::http::problem::Code;
use wayleave::limits::CLOCK_SKEW_MS;

/// A request's origin, audience and method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub site: usize,
    pub audience: usize,
    pub writes: bool,
}

impl Ask {
    pub(crate) fn site(&self) -> &'static str {
        settings::SITES[self.site]
    }

    pub(crate) fn audience(&self) -> &'static str {
        settings::AUDIENCES[self.audience]
    }

    pub(crate) fn method(&self) -> &'static str {
        if self.writes { "POST" } else { "GET" }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Good,
    Disabled,
    Revoked,
    /// A restored registry does not know the token.
    Unheard,
}

/// Sites and audiences as bit sets, and the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub sites: usize,
    pub audiences: usize,
    /// Its scope has no method but GET. Otherwise it has none.
    pub reads_only: bool,
}

impl Policy {
    pub(crate) fn has_site(self, ask: &Ask) -> bool {
        self.sites & (1 << ask.site) != 0
    }

    pub(crate) fn has_audience(self, ask: &Ask) -> bool {
        self.audiences & (1 << ask.audience) != 0
    }

    pub(crate) fn has_method(self, ask: &Ask) -> bool {
        !(self.reads_only && ask.writes)
    }

    pub(crate) fn allows(self, ask: &Ask) -> bool {
        self.has_site(ask) && self.has_audience(ask) && self.has_method(ask)
    }
}

/// One committed state of a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    /// From this true time on no location may apply an earlier state: the commit plus the B that the receipt
    /// promises.
    pub holds_from: i64,
    pub status: Status,
    pub policy: Policy,
    /// An end set by the operator, in true milliseconds.
    pub ends_at: Option<i64>,
    pub version: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub serial: Serial,
    pub family: String,
    pub text: String,
    pub key_id: KeyId,
    /// In true milliseconds.
    pub expires_at: i64,
    /// Oldest first, at least one.
    pub states: Vec<State>,
    /// The state in the registry's row.
    pub row: State,
    /// The end that an operator has set, and the end of its licence.
    pub own_end: Option<i64>,
    pub licensed_until: Option<i64>,
    /// Records from a lost period with versions above the row's. A location that still has one may apply it.
    pub lost: Vec<State>,
}

impl Token {
    /// The end that its record must have: the licence's counts if the token would live longer.
    pub(crate) fn end(&self) -> Option<i64> {
        let licence = self.licensed_until.filter(|at| *at < self.expires_at);
        self.own_end.into_iter().chain(licence).min()
    }

    pub(crate) fn learn(&mut self, state: State) {
        if state.version != self.row.version {
            self.lost.clear();
        }
        self.row = state;
        self.states.push(state);
        let lost = self.lost.iter().map(|lost| State { holds_from: i64::MAX, status: state.status, ..*lost });
        self.states.extend(lost);
    }

    /// The states of all records with this version or a later one.
    pub(crate) fn records_from(&self, version: u32) -> Vec<State> {
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

    /// Whether any record, even from a lost period, had this version or a later one.
    pub(crate) fn has_had(&self, version: u32) -> bool {
        self.states.iter().any(|state| state.version >= version)
    }

    /// The states that a location may still apply at `now`: the newest that must hold by then, and all later
    /// ones.
    pub(crate) fn standing(&self, now: i64) -> &[State] {
        let newest = self.states.iter().rposition(|state| state.holds_from <= now).unwrap_or(0);
        &self.states[newest..]
    }
}

impl State {
    fn has_ended(&self, clock: i64) -> bool {
        self.ends_at.is_some_and(|at| clock >= at)
    }

    /// The answer by this state alone when a clock shows `clock`. `None` means admission.
    fn answer(&self, ask: &Ask, clock: i64) -> Option<Code> {
        match self.status {
            Status::Unheard => Some(Code::TokenInvalid),
            Status::Revoked => Some(Code::TokenRevoked),
            Status::Disabled => Some(Code::TokenDisabled),
            Status::Good if self.has_ended(clock) => Some(Code::TokenRevoked),
            Status::Good if !self.policy.has_audience(ask) => Some(Code::AudienceMismatch),
            Status::Good if !self.policy.has_site(ask) => Some(Code::OriginNotAllowed),
            Status::Good if !self.policy.has_method(ask) => Some(Code::ScopeMismatch),
            Status::Good => None,
        }
    }
}

/// A request's content and time, for a verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment<'a> {
    pub ask: &'a Ask,
    /// True time.
    pub now: i64,
    /// The time that the location's clock shows.
    pub clock: i64,
}

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judge {
    /// Admitted B after its revocation or disabling was committed.
    Revocation,
    /// Admitted under settings that were edited away, B after that.
    Edit,
    /// Admitted after its planned end, B after that was set.
    End,
    /// Admitted although its signing key was retired, B after that.
    RetiredKey,
    /// Admitted although it was never issued, or has ended.
    Forged,
    /// Admitted B after its quota was committed to be used up, or used up for long and not committed.
    Quota,
    /// Refused although no state until then says so.
    FalseRefusal,
    /// 503 although a source had what was needed.
    NeedlessUnknown,
    /// In the calm tail, something good was refused, or an answer differs from the registry's state.
    Calm,
    /// An acknowledged write is lost, or never reached KV.
    Lost,
    /// The number of a list held decreased.
    NumberBack,
    /// More calls to the registry than the arithmetic allows.
    Load,
    /// A receipt promises less or more than the rule says.
    Receipt,
    /// A request was not answered in its time.
    Stuck,
    /// Without faults, a change had not arrived at an isolate in use, or a quiet one admitted against it.
    Push,
}

#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub judge: Judge,
    pub text: String,
}

#[derive(Default)]
pub(crate) struct Truth {
    pub tokens: BTreeMap<Serial, Token>,
    /// Retired signing keys, and from when on each retirement holds.
    pub retired: BTreeMap<u8, i64>,
    /// Retired keys, including those whose retirement may have been lost.
    pub once_retired: BTreeSet<u8>,
    /// Keys of which KV confirmed and then lost a write, or that were altered or rolled back.
    kv_lied_about: BTreeSet<String>,
    /// Tokens for which nobody knows what is right.
    pub unjudged: BTreeSet<Serial>,
    /// Tokens that have had a licence.
    pub licensed: BTreeSet<Serial>,
    pub restores: Restores,
}

impl Truth {
    pub(crate) fn expires_at(&self, serial: Serial) -> Option<i64> {
        self.tokens.get(&serial).map(|token| token.expires_at)
    }

    /// Whether the registry's row says that the token may be used; not of one of which nobody knows.
    pub(crate) fn is_live(&self, serial: Serial, now: i64) -> bool {
        let Some(token) = self.tokens.get(&serial).filter(|_| !self.unjudged.contains(&serial)) else {
            return false;
        };
        matches!(token.row.status, Status::Good | Status::Disabled)
            && token.row.ends_at.is_none_or(|at| at > now)
            && token.expires_at > now
            && !self.once_retired.contains(&token.key_id.0)
    }

    pub(crate) fn lost_by_kv(&mut self, key: &str) {
        self.kv_lied_about.insert(key.to_owned());
    }

    pub(crate) fn kv_lied_about(&self, key: &str) -> bool {
        self.kv_lied_about.contains(key)
    }

    /// What is wrong with admitting `serial`, if anything.
    pub(crate) fn admission(&self, serial: Serial, at: Moment<'_>) -> Option<Judge> {
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
        // List and record may show two different states, but none that must no longer be applied.
        let standing = token.standing(at.now);
        if standing.iter().all(|state| state.status != Status::Good) {
            Some(Judge::Revocation)
        } else if standing.iter().all(|state| state.has_ended(at.clock)) {
            // The record may show a state that the list does not know yet: disabled since, and its end moved.
            Some(Judge::End)
        } else {
            standing.iter().all(|state| !state.policy.allows(at.ask)).then_some(Judge::Edit)
        }
    }

    /// Whether there is a reason for refusing with `code`.
    pub(crate) fn refusal(&self, serial: Serial, code: Code, at: Moment<'_>) -> bool {
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
                let clock = self.end_seen_at(serial, at);
                standing.any(|state| state.status == Status::Revoked || state.has_ended(clock))
            }
            Code::TokenDisabled => standing.any(|state| state.status == Status::Disabled),
            Code::OriginNotAllowed => standing.any(|state| !state.policy.has_site(at.ask)),
            Code::AudienceMismatch => standing.any(|state| !state.policy.has_audience(at.ask)),
            Code::ScopeMismatch => standing.any(|state| !state.policy.has_method(at.ask)),
            _ => false,
        }
    }

    /// The latest time at which somebody may see the token's end: the registry carries a licence's end out by
    /// its own clock, which may be ahead of true time, and of a location's.
    fn end_seen_at(&self, serial: Serial, at: Moment<'_>) -> i64 {
        if self.licensed.contains(&serial) { at.clock.max(at.now) + CLOCK_SKEW_MS } else { at.clock }
    }

    /// Whether `answer` (`None` is admission) is right when nothing has changed for long. More than one
    /// answer can be right only if a location may have seen a change that a restored registry does not know.
    pub(crate) fn is_settled(&self, token: &Token, answer: Option<Code>, at: Moment<'_>) -> bool {
        let key_id = token.key_id.0;
        if self.retired.contains_key(&key_id) {
            return answer == Some(Code::TokenInvalid);
        }
        let is_unheard = token.row.status == Status::Unheard && answer == Some(Code::TokenInvalid);
        // A licence's end revokes, whatever the token's state.
        let is_licensed = self.licensed.contains(&token.serial) && answer == Some(Code::TokenRevoked);
        let clock = self.end_seen_at(token.serial, at);
        let has_lost_licence =
            is_licensed && token.standing(at.now).iter().any(|state| state.has_ended(clock));
        has_lost_licence
            || is_unheard
            || token.standing(at.now).iter().any(|state| state.answer(at.ask, at.clock) == answer)
    }
}

/// What is wrong with a receipt for a change committed at true time `at`, by a registry whose B is
/// `bound_seconds`.
pub(crate) fn receipt_fault(receipt: &Receipt, at: i64, bound_seconds: i64) -> Option<&'static str> {
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
