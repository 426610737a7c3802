//! Operators: create with retries, edit both ways, revoke, disable, enable, plan ends, retire the signing
//! key; and probe after each change.

use crate::settings;
use crate::shape::Trouble;
use crate::truth::{Judge, Policy, State, Status, Token, receipt_fault};
use crate::world::World;
use std::rc::Rc;
use wayleave::base::database::Value;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{
    Answer, Command, Idempotency, LicenceOf, LicenceView, Lifetime, NewToken, Receipt, SetLicence, TokenEdit,
    TokenView,
};
use wayleave::formats::key::KeyId;
use wayleave::formats::origin::{OriginRule, OriginRules};
use wayleave::formats::scope::Methods;
use wayleave::formats::token::Serial;
use wayleave::limits::CLOCK_SKEW_MS;

/// How often an operator tries a call that got no answer.
const TRIES_MAX: usize = 4;

impl World {
    pub(crate) fn spawn_operators(self: &Rc<Self>) {
        for _ in 0..self.shape.tokens {
            let world = Rc::clone(self);
            self.engine.spawn(async move { world.create().await });
        }
        if self.shape.rotates_keys {
            let in_ms = self.chance.within(0..=self.shape.lasts_ms);
            let world = Rc::clone(self);
            self.engine.spawn(async move {
                world.engine.sleep(in_ms).await;
                world.rotate_keys().await;
            });
        }
        for _ in 0..self.shape.changes {
            let in_ms = self.chance.within(0..=self.shape.lasts_ms);
            let world = Rc::clone(self);
            self.engine.spawn(async move {
                world.engine.sleep(in_ms).await;
                world.change().await;
                // Changes sometimes come in pairs: then a list is made just before the second.
                if world.chance.percent(50) {
                    world.engine.sleep(world.chance.within(0..=2_000)).await;
                    world.change().await;
                }
            });
        }
    }

    async fn change(self: &Rc<Self>) {
        let serials: Vec<Serial> = self.truth.borrow().tokens.keys().copied().collect();
        if serials.is_empty() || self.chance.percent(10) {
            return self.create().await;
        }
        let serial = self.chance.one_of(&serials);
        let state = self.truth.borrow().tokens[&serial].row;
        let revoke = Command::RevokeToken { serial, reason: None, force: true };
        let command = match (state.status, self.chance.index(10)) {
            (Status::Revoked, _) => revoke,
            (Status::Disabled, 0..=5) => Command::EnableToken(serial),
            (_, 0..=1) => revoke,
            (Status::Good, 2..=4) => Command::DisableToken(serial),
            (Status::Good, 5) => Command::EnableToken(serial),
            (_, 6) => {
                let in_ms = self.chance.within(-2_000..=self.shape.bound_seconds * 3_000);
                let at = self.chance.percent(70).then(|| UnixMillis(self.engine.now() + in_ms));
                match at.filter(|_| in_ms % 3 == 0) {
                    Some(at) if self.has_licences() => self.license(serial, at),
                    _ => Command::EndToken { serial, at, force: true },
                }
            }
            _ => return self.edit(serial).await,
        };
        self.command(serial, command, None).await;
    }

    /// A restored registry may not know of a licence whose end the list has carried out.
    fn has_licences(&self) -> bool {
        !self.shape.troubles.contains(&Trouble::Restore)
    }

    fn license(&self, serial: Serial, at: UnixMillis) -> Command {
        let family = self.truth.borrow().tokens[&serial].family.clone();
        let (of, ends_at) = (LicenceOf::Family(family), Some(at.ceil_seconds()));
        Command::SetLicence(SetLicence { of, ends_at, include_protected: false })
    }

    async fn edit(self: &Rc<Self>, serial: Serial) {
        let policy = self.draw_policy();
        let edit = policy.edit();
        self.command(serial, Command::EditToken { serial, if_match: None, edit }, Some(policy)).await;
    }

    async fn command(self: &Rc<Self>, serial: Serial, command: Command, policy: Option<Policy>) {
        for _ in 0..TRIES_MAX {
            let learn = |answer: &Answer| {
                self.learn_end(serial, &command, answer);
                self.learn(serial, answer, policy);
            };
            let told = self.admin(command.clone(), None, learn).await;
            if told {
                return;
            }
            self.engine.sleep(self.chance.within(100..=5_000)).await;
        }
    }

    /// Notes that the state in the answer was committed.
    fn learn(self: &Rc<Self>, serial: Serial, answer: &Answer, policy: Option<Policy>) {
        let Some(was) = self.truth.borrow().tokens.get(&serial).map(|token| token.row) else { return };
        let (receipt, policy) = match answer {
            // Its licence's end revoked it. Truth knows that end.
            Answer::Receipt(receipt) if receipt.reason.as_deref() == Some("licence_ended") => return,
            Answer::Receipt(receipt) => (receipt, was.policy),
            Answer::Licence(licence) => return self.learn_licence(serial, licence),
            Answer::Edited { receipt, .. } => (receipt, policy.unwrap_or(was.policy)),
            _ => return,
        };
        let (status, version, ends_at) = self.row(serial);
        if (status, version) == (was.status, was.version) {
            return;
        }
        let mut truth = self.truth.borrow_mut();
        if version != was.version && truth.tokens[&serial].has_had(version) {
            // A registry that does not know that it was restored gives a version twice.
            truth.unjudged.insert(serial);
        }
        drop(truth);
        self.learn_state(serial, receipt, State { holds_from: 0, status, policy, ends_at, version });
    }

    /// Notes the end that an operator has set, or the licence's, and compares the row's with what follows.
    fn learn_end(&self, serial: Serial, command: &Command, answer: &Answer) {
        let is_licence = match (command, answer) {
            (Command::EndToken { .. }, Answer::Receipt(_)) => false,
            (Command::SetLicence(_), Answer::Licence(_)) => true,
            _ => return,
        };
        let mut truth = self.truth.borrow_mut();
        let may_have_ended = !truth.is_live(serial, self.engine.now() + CLOCK_SKEW_MS);
        let Some(token) = truth.tokens.get_mut(&serial) else { return };
        let (_, version, ends_at) = self.row(serial);
        // A licence changes nothing in a token that has ended by the registry's clock.
        if is_licence && may_have_ended && version == token.row.version {
            return;
        }
        match command {
            Command::SetLicence(set) => token.licensed_until = set.ends_at.map(|at| at.to_millis().0),
            Command::EndToken { at, .. } => token.own_end = at.map(|at| at.0),
            _ => {}
        }
        let expected = token.end();
        drop(truth);
        // A restore may have undone an end of which nobody is told.
        if self.has_licences() && ends_at != expected {
            self.violated(Judge::End, format!("{serial:?} ends at {ends_at:?}, not at {expected:?}"));
        }
    }

    fn learn_licence(self: &Rc<Self>, serial: Serial, licence: &LicenceView) {
        let (was, ends_at) = {
            let token = &self.truth.borrow().tokens[&serial];
            (token.row, token.end())
        };
        let (status, version, _) = self.row(serial);
        let Some(effective_by) = licence.effective_by.filter(|_| version != was.version) else { return };
        self.log(|| format!("committed: {serial:?} is licensed until {ends_at:?}"));
        let holds_from = effective_by.0 * 1_000;
        let mut truth = self.truth.borrow_mut();
        truth.licensed.insert(serial);
        let state = State { holds_from, status, policy: was.policy, ends_at, version };
        truth.tokens.get_mut(&serial).unwrap().learn(state);
        drop(truth);
        let mut counts = self.counts.borrow_mut();
        (counts.changes, counts.licences) = (counts.changes + 1, counts.licences + 1);
        drop(counts);
        self.spawn_probes(serial, holds_from - self.engine.now());
    }

    /// The row's state.
    fn row(&self, serial: Serial) -> (Status, u32, Option<i64>) {
        let column = |name: &str| {
            let database = self.control.database();
            database.one(&format!("SELECT {name} FROM token WHERE serial = {}", serial.0))
        };
        let status = match column("status") {
            Value::Text(text) if text == "good" => Status::Good,
            Value::Text(text) if text == "disabled" => Status::Disabled,
            Value::Text(text) if text == "revoked" => Status::Revoked,
            other => panic!("{other:?} is no status"),
        };
        let Value::Integer(version) = column("version") else { panic!("a version is a number") };
        let ends_at = if let Value::Integer(at) = column("ends_at") { Some(at) } else { None };
        (status, u32::try_from(version).unwrap(), ends_at)
    }

    /// Makes the other key sign and retires the first, which ends all tokens issued so far.
    async fn rotate_keys(self: &Rc<Self>) {
        let commands = [
            Command::ActivateSigningKey(KeyId(2)),
            Command::RetireSigningKey { key_id: KeyId(1), force: true },
        ];
        for command in commands {
            for _ in 0..TRIES_MAX {
                if self.admin(command.clone(), None, |answer| self.learn_retirement(answer)).await {
                    break;
                }
                self.engine.sleep(self.chance.within(100..=5_000)).await;
            }
            self.engine.sleep(self.chance.within(0..=10_000)).await;
        }
    }

    fn learn_retirement(self: &Rc<Self>, answer: &Answer) {
        let Answer::SigningKeyRetired(receipt) = answer else { return };
        self.log(|| format!("committed: {receipt:?}"));
        let bound_ms = receipt.bound_seconds * 1_000;
        let mut truth = self.truth.borrow_mut();
        truth.once_retired.insert(receipt.key_id.0);
        if truth.retired.contains_key(&receipt.key_id.0) {
            return;
        }
        truth.retired.insert(receipt.key_id.0, self.engine.now() + bound_ms);
        let serials: Vec<Serial> = truth.tokens.keys().copied().collect();
        drop(truth);
        for serial in serials {
            self.spawn_probes(serial, bound_ms);
        }
    }

    fn learn_state(self: &Rc<Self>, serial: Serial, receipt: &Receipt, state: State) {
        let at = self.engine.now();
        let holds_from = at + receipt.bound_seconds * 1_000;
        self.log(|| format!("committed: {serial:?} is {state:?}, B promised {}", receipt.bound_seconds));
        if let Some(fault) = receipt_fault(receipt, at, self.control.bound_seconds.get()) {
            self.violated(Judge::Receipt, format!("{receipt:?} at {at}: {fault}"));
        }
        self.counts.borrow_mut().changes += 1;
        let mut truth = self.truth.borrow_mut();
        truth.tokens.get_mut(&serial).unwrap().learn(State { holds_from, ..state });
        drop(truth);
        self.spawn_probes(serial, receipt.bound_seconds * 1_000);
    }

    /// Creates one token, however often the answer is lost: each attempt has the same idempotency key.
    pub(crate) async fn create(self: &Rc<Self>) {
        let policy = self.draw_policy();
        let lasts_s = self.shape.lasts_ms / 1_000;
        let short = self.shape.short_lives && self.chance.percent(60);
        let lifetime = short.then(|| Lifetime::ExpiresIn(self.chance.within(60..=60 + lasts_s)));
        let quota = self.next_quota();
        let settings = TokenEdit { label: Some("a site".into()), quota: Some(quota), ..policy.edit() };
        let command = Command::CreateToken(NewToken { lifetime, settings, clone_of: None });
        let key = format!("{:x}", self.chance.long());
        let mut made: Option<Serial> = None;
        let restores = self.truth.borrow().restores.count;
        let was_restored = || self.truth.borrow().restores.count > restores;
        for _ in 0..TRIES_MAX {
            let idempotency = Some(Idempotency { key: key.clone(), request_sha256: "same".into() });
            let learn = |answer: &Answer| {
                let Answer::Created { token, text } = answer else { return };
                match made {
                    None => {
                        self.learn_quota(token.serial, quota);
                        self.learn_token(token, text, policy);
                    }
                    Some(serial) if serial != token.serial && !was_restored() => {
                        self.violated(Judge::Lost, format!("a retry of {serial:?} made {:?}", token.serial));
                    }
                    Some(_) => {}
                }
                made = Some(token.serial);
            };
            if self.admin(command.clone(), idempotency, learn).await {
                return;
            }
            self.engine.sleep(self.chance.within(100..=5_000)).await;
        }
    }

    fn learn_token(self: &Rc<Self>, view: &TokenView, text: &str, policy: Policy) {
        let at = self.engine.now();
        let state =
            State { holds_from: at, status: Status::Good, policy, ends_at: None, version: view.version };
        let token = Token {
            serial: view.serial,
            family: view.family.clone(),
            text: text.to_owned(),
            key_id: view.key_id,
            expires_at: view.expires_at.0 * 1_000,
            states: vec![state],
            row: state,
            own_end: None,
            licensed_until: None,
            lost: Vec::new(),
        };
        self.log(|| format!("created: {token:?}"));
        let mut truth = self.truth.borrow_mut();
        let is_second = truth.tokens.insert(view.serial, token).is_some();
        if is_second && truth.restores.is_unnoticed {
            truth.unjudged.insert(view.serial);
        } else if is_second {
            self.violated(Judge::Lost, format!("{:?} was used twice", view.serial));
        }
        drop(truth);
        self.spawn_probes(view.serial, 5_000);
    }

    fn draw_policy(&self) -> Policy {
        let some = |of: usize| 1 + self.chance.index((1 << of) - 1);
        let (sites, audiences) = (some(settings::SITES.len()), some(settings::AUDIENCES.len()));
        Policy { sites, audiences, reads_only: self.chance.percent(30) }
    }
}

impl Policy {
    fn edit(self) -> TokenEdit {
        let chosen = |bits: usize, of: &[&str]| -> Vec<String> {
            let has = |(at, _): &(usize, &&str)| bits & (1 << at) != 0;
            of.iter().enumerate().filter(has).map(|(_, text)| (*text).to_owned()).collect()
        };
        let sites = chosen(self.sites, &settings::SITES);
        let rules = sites.iter().map(|site| OriginRule::parse(site, &[]).unwrap().0).collect();
        TokenEdit {
            origins: Some(OriginRules::Rules(rules)),
            audiences: Some(chosen(self.audiences, &settings::AUDIENCES)),
            methods: Some(self.reads_only.then(|| Methods::parse(["GET"]).unwrap())),
            ..TokenEdit::default()
        }
    }
}
