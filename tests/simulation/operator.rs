//! Operators: creates with retries, edits both ways, revocations, disabling and enabling; and probes after each.

use crate::settings;
use crate::truth::{Judge, Policy, State, Status, Token, receipt_fault};
use crate::world::World;
use std::rc::Rc;
use wayleave::origin::{OriginRule, OriginRules};
use wayleave::registry::command::{
    Answer, Command, Idempotency, Lifetime, NewToken, Receipt, TokenEdit, TokenState, TokenView,
};
use wayleave::token::Serial;

/// How often an operator tries a call whose answer did not come.
const TRIES_MAX: usize = 4;

impl World {
    pub fn spawn_operators(self: &Rc<Self>) {
        for _ in 0..self.shape.tokens {
            let world = Rc::clone(self);
            self.engine.spawn(async move { world.create().await });
        }
        for _ in 0..self.shape.changes {
            let in_ms = self.chance.within(0..=self.shape.lasts_ms);
            let world = Rc::clone(self);
            self.engine.spawn(async move {
                world.engine.sleep(in_ms).await;
                world.change().await;
                // Changes come in pairs at times: a list is then made just before the second.
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
        let state = self.truth.borrow().tokens[&serial].now();
        let revoke = Command::RevokeToken { serial, reason: None, force: true };
        let command = match (state.status, self.chance.index(10)) {
            (Status::Revoked, _) => revoke,
            (Status::Disabled, 0..=5) => Command::EnableToken(serial),
            (_, 0..=1) => revoke,
            (Status::Good, 2..=4) => Command::DisableToken(serial),
            (Status::Good, 5) => Command::EnableToken(serial),
            _ => return self.edit(serial).await,
        };
        self.command(serial, command, None).await;
    }

    async fn edit(self: &Rc<Self>, serial: Serial) {
        let policy = self.draw_policy();
        let edit = policy.edit();
        self.command(serial, Command::EditToken { serial, if_match: None, edit }, Some(policy)).await;
    }

    async fn command(self: &Rc<Self>, serial: Serial, command: Command, policy: Option<Policy>) {
        for _ in 0..TRIES_MAX {
            let told = self.admin(command.clone(), None, |answer| self.learn(serial, answer, policy)).await;
            if told {
                return;
            }
            self.engine.sleep(self.chance.within(100..=5_000)).await;
        }
    }

    /// The answer's state is committed now.
    fn learn(self: &Rc<Self>, serial: Serial, answer: &Answer, policy: Option<Policy>) {
        let was = self.truth.borrow().tokens[&serial].now();
        let (receipt, status, policy, version) = match answer {
            Answer::Receipt(receipt) => (receipt, status(receipt.state), was.policy, was.version),
            Answer::Edited { token, receipt } => {
                (receipt, was.status, policy.unwrap_or(was.policy), token.version)
            }
            _ => return,
        };
        let is_change = (status, version) != (was.status, was.version);
        if receipt.state == TokenState::Expired || !is_change {
            return;
        }
        self.learn_state(serial, receipt, State { holds_from: 0, status, policy, version });
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
        truth.tokens.get_mut(&serial).unwrap().states.push(State { holds_from, ..state });
        drop(truth);
        self.spawn_probes(serial, receipt.bound_seconds * 1_000);
    }

    /// One token, however often the answer is lost: each try has the same idempotency key.
    pub async fn create(self: &Rc<Self>) {
        let policy = self.draw_policy();
        let lasts_s = self.shape.lasts_ms / 1_000;
        let short = self.shape.short_lives && self.chance.percent(60);
        let lifetime = short.then(|| Lifetime::ExpiresIn(self.chance.within(60..=60 + lasts_s)));
        let settings = TokenEdit { label: Some("a site".into()), ..policy.edit() };
        let command = Command::CreateToken(NewToken { lifetime, settings, clone_of: None });
        let key = format!("{:x}", self.chance.long());
        let mut made: Option<Serial> = None;
        for _ in 0..TRIES_MAX {
            let idempotency = Some(Idempotency { key: key.clone(), request_sha256: "same".into() });
            let learn = |answer: &Answer| {
                let Answer::Created { token, text } = answer else { return };
                match made {
                    None => self.learn_token(token, text, policy),
                    Some(serial) if serial != token.serial => {
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
        let state = State { holds_from: at, status: Status::Good, policy, version: view.version };
        let token = Token {
            serial: view.serial,
            text: text.to_owned(),
            expires_at: view.expires_at.0 * 1_000,
            states: vec![state],
        };
        self.log(|| format!("created: {token:?}"));
        if self.truth.borrow_mut().tokens.insert(view.serial, token).is_some() {
            self.violated(Judge::Lost, format!("{:?} was used twice", view.serial));
        }
        self.spawn_probes(view.serial, 5_000);
    }

    fn draw_policy(&self) -> Policy {
        let some = |of: usize| 1 + self.chance.index((1 << of) - 1);
        Policy { sites: some(settings::SITES.len()), audiences: some(settings::AUDIENCES.len()) }
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
            ..TokenEdit::default()
        }
    }
}

fn status(state: TokenState) -> Status {
    match state {
        TokenState::Revoked => Status::Revoked,
        TokenState::Disabled => Status::Disabled,
        TokenState::Active | TokenState::Expired => Status::Good,
    }
}
