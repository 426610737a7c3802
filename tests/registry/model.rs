//! Random commands against a small model of the rules. `WAYLEAVE_SEED=<n>` replays a run.

use crate::world::{World, all, created, edit_label, idempotency, new_token, open_list, settings};
use std::collections::BTreeMap;
use wayleave::base::time::{UnixMillis, UnixSeconds};
use wayleave::control::registry::command::{
    Answer, Command, Fault, Lifetime, NewToken, TokenEdit, TokenFilter, TokenState,
};
use wayleave::formats::list::{Number, RevocationList, SerialStatus};
use wayleave::formats::record::Record;
use wayleave::formats::token::Serial;

const STEPS: u32 = 700;

#[test]
fn random_commands_agree_with_the_model() {
    let given = std::env::var("WAYLEAVE_SEED").ok().map(|seed| seed.parse().unwrap());
    let seeds = given.map_or_else(|| vec![1, fresh_seed()], |seed| vec![seed]);
    for seed in seeds {
        println!("WAYLEAVE_SEED={seed}");
        let mut run = Run::new(seed);
        for step in 0..STEPS {
            run.step(step);
        }
        run.settle();
    }
}

/// What the rules require of one token.
#[derive(Clone, Debug)]
struct Expected {
    label: String,
    version: u32,
    status: SerialStatus,
    protected: bool,
    expires_at: UnixSeconds,
    ends_at: Option<UnixMillis>,
    text: String,
}

impl Expected {
    fn end(&self) -> UnixMillis {
        let expires_at = self.expires_at.to_millis();
        self.ends_at.map_or(expires_at, |at| at.min(expires_at))
    }

    fn state(&self, now: UnixMillis) -> TokenState {
        match self.status {
            SerialStatus::Revoked => TokenState::Revoked,
            _ if now >= self.end() => TokenState::Expired,
            SerialStatus::Disabled => TokenState::Disabled,
            SerialStatus::Good | SerialStatus::Exhausted(_) => TokenState::Active,
        }
    }
}

struct Run {
    world: World,
    tokens: BTreeMap<Serial, Expected>,
    /// Idempotency key and label of each create, and the token it made.
    creates: Vec<(String, String, Serial)>,
    newest: Number,
    kv: BTreeMap<String, Vec<u8>>,
    random: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut world = World::new();
        world.ask(Command::Authenticate);
        let newest = world.list().number();
        Self {
            world,
            tokens: BTreeMap::new(),
            creates: Vec::new(),
            newest,
            kv: BTreeMap::new(),
            random: seed,
        }
    }

    /// SplitMix64.
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A serial, mostly one that exists.
    fn any_serial(&mut self) -> Serial {
        let highest = self.tokens.len() as u64;
        Serial(u32::try_from(self.below(highest + 1) + 1).unwrap())
    }

    fn step(&mut self, step: u32) {
        match self.below(100) {
            0..=14 => self.create(step),
            15..=19 => self.retry(),
            20..=34 => self.edit(step),
            35..=44 => self.revoke(),
            45..=54 => self.disable(),
            55..=64 => self.enable(),
            65..=69 => self.look(),
            70..=76 => self.end(),
            77..=80 => self.list(),
            81..=87 => self.publish(),
            88..=90 => self.world.restart(settings()),
            91..=93 => self.fault(),
            _ => {
                let ms = self.below(40_000);
                self.world.now = self.world.now.plus_ms(i64::try_from(ms).unwrap());
            }
        }
    }

    fn create(&mut self, step: u32) {
        let label = format!("token {step}");
        let seconds = 60 + i64::try_from(self.below(600)).unwrap();
        let clone = self.chance(30).then(|| self.any_serial());
        let mut new = match clone {
            None => new_token(&label),
            Some(serial) => NewToken { clone_of: Some(serial), settings: edit_label(&label), lifetime: None },
        };
        new.lifetime = Some(Lifetime::ExpiresIn(seconds));
        let protected = self.chance(20);
        new.settings.protected = protected.then_some(true);
        let key = format!("key {step}");
        let answer = self.world.ask_idempotent(Command::CreateToken(new), idempotency(&key, &label));
        let now = self.world.now;
        let source = clone
            .map(|serial| self.tokens.get(&serial).filter(|token| token.state(now) == TokenState::Active));
        if source.is_some_and(|source| source.is_none()) {
            assert!(matches!(answer, Answer::Refused(Fault::Fields(_))), "{answer:?}");
            return;
        }
        let copied = source.flatten().is_some_and(|source| source.protected);
        let (token, text) = created(answer);
        assert_eq!(token.serial.0 as usize, self.tokens.len() + 1, "serials count up without gaps");
        let expected = Expected {
            label: label.clone(),
            version: 1,
            ends_at: None,
            status: SerialStatus::Good,
            protected: protected || copied,
            expires_at: now.ceil_seconds().plus_seconds(seconds),
            text,
        };
        self.tokens.insert(token.serial, expected);
        self.creates.push((key, label, token.serial));
        self.agrees(token.serial);
    }

    /// A client that lost the answer asks again. The settings it sends are ignored.
    fn retry(&mut self) {
        if self.creates.is_empty() {
            return;
        }
        let at = usize::try_from(self.below(self.creates.len() as u64)).unwrap();
        let (key, label, serial) = self.creates[at].clone();
        let command = Command::CreateToken(new_token(&label));
        let (token, text) = created(self.world.ask_idempotent(command.clone(), idempotency(&key, &label)));
        assert_eq!((token.serial, &text), (serial, &self.tokens[&serial].text));
        let conflict = self.world.ask_idempotent(command, idempotency(&key, "another"));
        assert_eq!(conflict, Answer::Refused(Fault::IdempotencyConflict));
    }

    fn edit(&mut self, step: u32) {
        let serial = self.any_serial();
        let label = if self.chance(20) { self.label_of(serial) } else { format!("edited {step}") };
        let protected = self.chance(30).then_some(step.is_multiple_of(2));
        let if_match = self.chance(50).then(|| u32::try_from(self.below(4)).unwrap());
        let edit = TokenEdit { protected, ..edit_label(&label) };
        let answer = self.world.ask(Command::EditToken { serial, if_match, edit });
        let now = self.world.now;
        let Some(token) = self.tokens.get_mut(&serial) else { return refused(&answer, &Fault::NotFound) };
        if if_match.is_some_and(|version| version != token.version) {
            return refused(&answer, &Fault::PreconditionFailed);
        }
        if matches!(token.state(now), TokenState::Revoked | TokenState::Expired) {
            return refused(&answer, &Fault::TokenEnded);
        }
        let changes = token.label != label || protected.is_some_and(|protected| protected != token.protected);
        token.version += u32::from(changes);
        token.label = label;
        token.protected = protected.unwrap_or(token.protected);
        assert!(matches!(answer, Answer::Edited { .. }), "{answer:?}");
        self.agrees(serial);
    }

    fn label_of(&self, serial: Serial) -> String {
        self.tokens.get(&serial).map_or_else(|| "none".into(), |token| token.label.clone())
    }

    fn revoke(&mut self) {
        let serial = self.any_serial();
        let force = self.chance(70);
        let answer = self.world.ask(Command::RevokeToken { serial, reason: None, force });
        let now = self.world.now;
        let Some(token) = self.tokens.get_mut(&serial) else { return refused(&answer, &Fault::NotFound) };
        match token.state(now) {
            TokenState::Expired => return refused(&answer, &Fault::TokenEnded),
            TokenState::Revoked => {}
            _ if token.protected => return refused(&answer, &Fault::TokenProtected),
            // Every family has one token.
            TokenState::Active if !force => return refused(&answer, &Fault::LastActiveToken),
            _ => token.status = SerialStatus::Revoked,
        }
        self.acknowledged(&answer, TokenState::Revoked);
        self.agrees(serial);
    }

    fn end(&mut self) {
        let serial = self.any_serial();
        let force = self.chance(70);
        let in_ms = i64::try_from(self.below(720_000)).unwrap() - 20_000;
        let now = self.world.now;
        let at = (!self.chance(25)).then(|| now.plus_ms(in_ms));
        let answer = self.world.ask(Command::EndToken { serial, at, force });
        let Some(token) = self.tokens.get_mut(&serial) else { return refused(&answer, &Fault::NotFound) };
        let state = token.state(now);
        if matches!(state, TokenState::Revoked | TokenState::Expired) {
            return refused(&answer, &Fault::TokenEnded);
        }
        if at.is_some_and(|at| at <= now || at > token.expires_at.to_millis()) {
            return assert!(matches!(answer, Answer::Refused(Fault::Fields(_))), "{answer:?}");
        }
        let is_earlier = at.is_some_and(|at| at < token.end());
        match (is_earlier, token.protected, state) {
            (true, true, _) => return refused(&answer, &Fault::TokenProtected),
            (true, _, TokenState::Active) if !force => return refused(&answer, &Fault::LastActiveToken),
            _ => {}
        }
        let changes = at != token.ends_at;
        token.ends_at = at;
        token.version += u32::from(changes);
        if changes {
            self.acknowledged(&answer, state);
        }
        self.agrees(serial);
    }

    fn disable(&mut self) {
        let serial = self.any_serial();
        let answer = self.world.ask(Command::DisableToken(serial));
        let now = self.world.now;
        let Some(token) = self.tokens.get_mut(&serial) else { return refused(&answer, &Fault::NotFound) };
        match token.state(now) {
            TokenState::Expired | TokenState::Revoked => return refused(&answer, &Fault::TokenEnded),
            TokenState::Active if token.protected => return refused(&answer, &Fault::TokenProtected),
            _ => token.status = SerialStatus::Disabled,
        }
        self.acknowledged(&answer, TokenState::Disabled);
        self.agrees(serial);
    }

    fn enable(&mut self) {
        let serial = self.any_serial();
        let answer = self.world.ask(Command::EnableToken(serial));
        let now = self.world.now;
        let Some(token) = self.tokens.get_mut(&serial) else { return refused(&answer, &Fault::NotFound) };
        if matches!(token.state(now), TokenState::Revoked | TokenState::Expired) {
            return refused(&answer, &Fault::TokenEnded);
        }
        if token.status == SerialStatus::Good {
            // Nothing changes, so no list needs to follow.
            assert!(matches!(answer, Answer::Receipt(_)), "{answer:?}");
        } else {
            token.status = SerialStatus::Good;
            self.acknowledged(&answer, TokenState::Active);
        }
        self.agrees(serial);
    }

    /// The receipt's promise: the list with its number, which is handed out next or already was, contains the
    /// change.
    fn acknowledged(&mut self, answer: &Answer, state: TokenState) {
        let Answer::Receipt(receipt) = answer else { panic!("{answer:?}") };
        assert_eq!(receipt.state, state);
        self.list();
        assert!(receipt.list_number <= (self.newest.epoch, self.newest.n), "{receipt:?}");
        let latest = self.world.now.plus_ms(60_000).ceil_seconds().plus_seconds(2);
        assert!(receipt.effective_by <= latest);
    }

    fn agrees(&mut self, serial: Serial) {
        let view = self.world.get(serial);
        let token = &self.tokens[&serial];
        assert_eq!(view.policy.label, token.label);
        assert_eq!(
            (view.version, view.policy.protected, view.expires_at),
            (token.version, token.protected, token.expires_at)
        );
        assert_eq!((view.state, view.ends_at), (token.state(self.world.now), token.ends_at));
    }

    fn look(&mut self) {
        let states = [TokenState::Active, TokenState::Disabled, TokenState::Revoked, TokenState::Expired];
        let counts = self.world.status().tokens;
        for (state, count) in states.into_iter().zip(counts) {
            let found = self.world.tokens(TokenFilter { state: Some(state), ..all() }).0;
            let now = self.world.now;
            let expected: Vec<u32> = self
                .tokens
                .iter()
                .rev()
                .filter(|(_, token)| token.state(now) == state)
                .map(|(serial, _)| serial.0)
                .collect();
            assert_eq!(count, expected.len() as u64);
            assert_eq!(found, expected[..expected.len().min(500)]);
        }
    }

    fn list(&mut self) {
        let list = self.world.list();
        assert!(list.number() >= self.newest);
        self.newest = list.number();
        self.is_right(&list);
    }

    /// The list states of every unexpired token what the model states.
    fn is_right(&self, list: &RevocationList) {
        for (serial, token) in &self.tokens {
            if self.world.now < token.expires_at.to_millis() {
                assert_eq!(list.status(*serial), token.status, "{serial:?}");
                assert_eq!(list.record_version(*serial), token.version, "{serial:?}");
            }
        }
    }

    /// KV accepts some due writes and loses others; some confirmations are lost.
    fn publish(&mut self) {
        for write in self.world.registry.due(self.world.now, 20) {
            match self.below(10) {
                0..=1 => self.world.registry.failed(write.id, self.world.now),
                2 => {
                    self.kv.insert(write.key, write.value);
                }
                _ => {
                    self.kv.insert(write.key, write.value);
                    self.world.registry.written(write.id, self.world.now);
                }
            }
        }
    }

    /// Storage fails somewhere in a call: nothing is changed.
    fn fault(&mut self) {
        let serial = self.any_serial();
        let (before, after) = (self.world.database.dump(), self.below(14));
        self.world.database.fail_after(u32::try_from(after).unwrap());
        let answer = self.world.ask(Command::EditToken { serial, if_match: None, edit: edit_label("never") });
        if self.world.database.fault_pending() {
            // The call ended before the fault.
            if let (Answer::Edited { token, .. }, Some(expected)) = (&answer, self.tokens.get_mut(&serial)) {
                expected.version = token.version;
                expected.label = "never".into();
            }
            return;
        }
        assert_eq!(answer, Answer::Refused(Fault::Internal));
        let tokens = |dump: &str| dump.split_once("outbox:").unwrap().1.to_owned();
        assert_eq!(tokens(&self.world.database.dump()), tokens(&before));
    }

    /// When KV works again, it ends up with what the registry has.
    fn settle(&mut self) {
        let end = self.world.now.plus_ms(1_000_000);
        while let Some(at) = self.world.registry.next_alarm_at(self.world.now).filter(|at| *at < end) {
            self.world.now = self.world.now.max(at);
            for write in self.world.registry.due(self.world.now, 20) {
                self.kv.insert(write.key, write.value);
                self.world.registry.written(write.id, self.world.now);
            }
        }
        let now = self.world.now;
        self.is_right(&open_list(&self.kv["list/delta"]));
        for (serial, token) in self.tokens.iter().filter(|(_, token)| now < token.expires_at.to_millis()) {
            let value = &self.kv[&format!("token/{}/{}", serial.0, token.version)];
            let opened = Record::open(&settings().ring, *serial, token.version, value).unwrap();
            assert_eq!(opened.record.ends_at, token.ends_at);
        }
        assert!(self.tokens.len() > 40, "{} tokens", self.tokens.len());
    }
}

fn refused(answer: &Answer, fault: &Fault) {
    assert_eq!(answer, &Answer::Refused(fault.clone()));
}

/// A different seed in every run.
pub(crate) fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) % 1_000_000_000
}
