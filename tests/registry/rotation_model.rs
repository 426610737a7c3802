//! Random rotations against a small model of docs/lifecycle.md, "Rotation". `WAYLEAVE_SEED=<n>` replays a
//! run.
//!
//! The model does not know SQL, records, receipts or lists, only which tokens exist and when each one ends.

use std::collections::BTreeSet;

use crate::model::fresh_seed;
use crate::world::{DAY, World, how, new_token, rotate};
use wayleave::control::registry::command::{
    Answer, Command, Fault, Lifetime, NewToken, RevokeOld, Rotate, Supersede, TokenEdit, TokenState,
    TokenView,
};
use wayleave::formats::token::Serial;

const STEPS: u32 = 350;
const HOUR_MS: i64 = 3_600_000;

#[test]
fn random_rotations_agree_with_the_model() {
    let given = std::env::var("WAYLEAVE_SEED").ok().map(|seed| seed.parse().unwrap());
    let fresh = fresh_seed();
    let mut seen = BTreeSet::new();
    for seed in given.map_or_else(|| vec![1, 2, fresh], |seed| vec![seed]) {
        println!("WAYLEAVE_SEED={seed}");
        let (world, random) = (World::new(), fastrand::Rng::with_seed(seed));
        let mut run = Run { world, tokens: Vec::new(), random, seen: BTreeSet::new() };
        for step in 0..STEPS {
            let what = run.step();
            run.agrees(&format!("seed {seed}, step {step}: {what}"));
        }
        seen.append(&mut run.seen);
    }
    if given.is_none() {
        let all = [
            "Fields",
            "LeafDisabled",
            "MaxActiveTokens",
            "RotateInstead",
            "SuccessorUnused",
            "TokenProtected",
            "ended",
            "held",
            "rotated",
        ];
        let missing: Vec<_> = all.iter().filter(|name| !seen.contains(**name)).collect();
        assert!(missing.is_empty(), "the random rotations did not meet {missing:?}");
    }
}

#[derive(Clone, Debug)]
struct Token {
    serial: Serial,
    family: String,
    created: i64,
    expires: i64,
    ends: Option<i64>,
    disabled: bool,
    revoked: bool,
    protected: bool,
    first_use: Option<i64>,
    last_use: Option<i64>,
    predecessor: Option<Serial>,
    successor: Option<Serial>,
    plan: Option<(RevokeOld, i64)>,
    held: bool,
    look_at: Option<i64>,
}

impl Token {
    fn live(&self, now: i64) -> bool {
        !self.revoked && now < self.expires && self.ends.is_none_or(|at| now < at)
    }

    fn may_be_leaf(&self, now: i64) -> bool {
        !self.revoked && self.ends.is_none_or(|at| now < at || self.expires <= now)
    }

    fn active(&self, now: i64) -> bool {
        self.live(now) && !self.disabled
    }

    /// The planned end, given the successor's first use; and from when on it counts as held.
    fn planned(&self, first_use: Option<i64>) -> (Option<i64>, Option<i64>) {
        let Some((plan, begun)) = self.plan else { return (None, None) };
        match plan {
            RevokeOld::After { after_seconds, strict: true, .. } => {
                (Some(begun + after_seconds * 1_000), None)
            }
            RevokeOld::After { after_seconds, drain_seconds, .. } => {
                let at = begun + after_seconds * 1_000;
                (first_use.map(|f| at.max(f + drain_seconds * 1_000)), Some(at))
            }
            RevokeOld::FirstUse { drain_seconds, deadline_seconds, strict } => {
                let deadline = deadline_seconds.map(|seconds| begun + seconds * 1_000);
                let drained = first_use.map(|f| f + drain_seconds * 1_000);
                match (first_use, deadline) {
                    (None, Some(at)) if strict => (Some(at), None),
                    (Some(f), Some(at)) if strict || f <= at => (drained.map(|end| end.min(at)), Some(at)),
                    _ => (drained, deadline.filter(|_| !strict)),
                }
            }
            RevokeOld::Never | RevokeOld::Now => (None, None),
        }
    }
}

struct Run {
    world: World,
    tokens: Vec<Token>,
    random: fastrand::Rng,
    /// The situations that have occurred so far.
    seen: BTreeSet<&'static str>,
}

impl Run {
    fn now(&self) -> i64 {
        self.world.now.0
    }

    fn at(&mut self, serial: Serial) -> &mut Token {
        self.tokens.iter_mut().find(|token| token.serial == serial).unwrap()
    }

    fn family(&self, family: &str) -> impl Iterator<Item = &Token> {
        self.tokens.iter().rev().filter(move |token| token.family == family)
    }

    fn step(&mut self) -> String {
        self.world.now = self.world.now.plus_ms(1);
        let choice = self.random.u32(0..100);
        if self.tokens.is_empty() || choice < 5 {
            let life = *self.random.choice(&[3_600, 5 * DAY, 60 * DAY, 365 * DAY]).unwrap();
            let new = NewToken { lifetime: Some(Lifetime::ExpiresIn(life)), ..new_token("a") };
            let made = self.world.create(new).0;
            self.add(&made, None);
            return "create".into();
        }
        // Mostly one of the newest: leaves and their predecessors.
        let newest = if self.random.u32(0..4) == 0 { self.tokens.len() } else { self.tokens.len().min(5) };
        let token = self.tokens[self.tokens.len() - 1 - self.random.usize(0..newest)].clone();
        let serial = token.serial;
        match choice {
            5..35 => self.rotate(&token),
            35..55 if token.active(self.now()) => {
                self.world.used(serial);
                let now = self.now();
                let is_first = token.first_use.is_none();
                let token = self.at(serial);
                token.first_use.get_or_insert(now);
                // The registry stores the last use with a resolution of five minutes.
                if token.last_use.is_none_or(|at| now - at >= 300_000) {
                    token.last_use = Some(now);
                }
                if is_first {
                    self.plan_older(serial);
                }
                format!("use {serial:?}")
            }
            55..62 => {
                let force = self.random.bool();
                let answer = self.world.ask(Command::RevokeToken { serial, reason: None, force });
                let others = self
                    .family(&token.family)
                    .any(|other| other.serial != serial && other.active(self.now()));
                let may = token.live(self.now()) && !token.protected && (force || token.disabled || others);
                assert_eq!(
                    matches!(answer, Answer::Receipt(_)),
                    may || token.revoked,
                    "{answer:?} {token:?}"
                );
                if may {
                    self.revoke(serial);
                }
                format!("revoke {serial:?}")
            }
            62..68 => {
                let answer = self.world.ask(Command::DisableToken(serial));
                if matches!(answer, Answer::Receipt(_)) {
                    self.at(serial).disabled = true;
                }
                format!("disable {serial:?}")
            }
            68..75 => {
                if matches!(self.world.ask(Command::EnableToken(serial)), Answer::Receipt(_)) {
                    self.at(serial).disabled = false;
                }
                format!("enable {serial:?}")
            }
            75..79 => {
                let at =
                    self.random.bool().then(|| self.world.now.plus_ms(self.random.i64(1..100 * HOUR_MS)));
                let command = Command::EndToken { serial, at, force: true };
                if matches!(self.world.ask(command), Answer::Receipt(_)) {
                    let token = self.at(serial);
                    (token.ends, token.plan, token.look_at) = (at.map(|at| at.0), None, None);
                }
                format!("end {serial:?} at {at:?}")
            }
            79..81 => {
                let edit = TokenEdit { protected: Some(!token.protected), ..TokenEdit::default() };
                let command = Command::EditToken { serial, if_match: None, edit };
                if matches!(self.world.ask(command), Answer::Edited { .. }) {
                    self.at(serial).protected = !token.protected;
                }
                format!("protect {serial:?}")
            }
            _ => {
                let ms = *self.random.choice(&[1_000, HOUR_MS, 9 * HOUR_MS, 40 * HOUR_MS]).unwrap();
                self.pass(ms);
                format!("{ms} ms pass")
            }
        }
    }

    fn rotate(&mut self, token: &Token) -> String {
        let wait = |random: &mut fastrand::Rng| *random.choice(&[0, 1_800, DAY, 7 * DAY]).unwrap();
        let strict = self.random.u32(0..4) == 0;
        let drain_seconds = wait(&mut self.random);
        let revoke_old = match self.random.u32(0..10) {
            0..=3 => RevokeOld::After { after_seconds: wait(&mut self.random), drain_seconds, strict },
            4..=5 => RevokeOld::FirstUse { drain_seconds, deadline_seconds: None, strict: false },
            6..=7 => {
                RevokeOld::FirstUse { drain_seconds, deadline_seconds: Some(wait(&mut self.random)), strict }
            }
            8 => RevokeOld::Never,
            _ => RevokeOld::Now,
        };
        let asked = Rotate {
            supersede: *self
                .random
                .choice(&[None, Some(Supersede::Successor), Some(Supersede::Original)])
                .unwrap(),
            revoke_oldest: self.random.bool(),
            force: self.random.bool(),
            ..how(revoke_old)
        };
        let what = format!("rotate {:?} {asked:?}", token.serial);
        let expected = self.expected(token, &asked);
        let answer = self.world.ask(rotate(token.serial, asked.clone()));
        let made = match (answer, expected) {
            (Answer::Rotated(made), Ok(())) => made,
            (Answer::Refused(fault), Err(name)) => {
                assert!(format!("{fault:?}").starts_with(name), "{what}: {fault:?}, the model says {name}");
                self.seen.insert(name);
                return what;
            }
            (answer, expected) => {
                panic!("{what}: {answer:?}, the model says {expected:?}\n{:#?}", self.tokens)
            }
        };
        self.seen.insert("rotated");
        let now = self.now();
        let live: Vec<_> = self.family(&token.family).filter(|other| other.live(now)).cloned().collect();
        let other = live.iter().find(|other| other.serial != token.serial).map(|other| other.serial);
        let is_live = token.live(now);
        let mut keeps_plan = false;
        let mut base = token.serial;
        if revoke_old == RevokeOld::Now {
            for token in live.iter().rev() {
                self.revoke(token.serial);
            }
        } else if let (Some(other), true) = (other, is_live) {
            if token.first_use.is_none() && asked.supersede == Some(Supersede::Successor) {
                self.at(token.serial).revoked = true;
                (base, keeps_plan) = (other, true);
            } else {
                self.revoke(other);
            }
        }
        assert_eq!(made.token.policy.protected, token.protected, "{what}: the leaf's settings");
        self.add(&made.token, Some(base));
        let base_token = self.at(base);
        base_token.successor = Some(made.token.serial);
        if !keeps_plan {
            base_token.plan = base_token.live(now).then_some((revoke_old, now));
            base_token.held = false;
        }
        self.plan(base);
        what
    }

    /// What the table of rotations requires.
    fn expected(&self, token: &Token, asked: &Rotate) -> Result<(), &'static str> {
        let now = self.now();
        let leaf = self.family(&token.family).find(|token| token.may_be_leaf(now));
        if leaf.is_none_or(|leaf| leaf.serial != token.serial) {
            return Err("RotateInstead");
        }
        let life = token.expires / 1_000 - token.created / 1_000;
        let too_long = |seconds: i64, default: i64| seconds > life && seconds != default;
        let is_too_long = match asked.revoke_old {
            RevokeOld::After { after_seconds, drain_seconds, .. } => {
                too_long(after_seconds, 7 * DAY) || too_long(drain_seconds, DAY)
            }
            RevokeOld::FirstUse { drain_seconds, deadline_seconds, .. } => {
                too_long(drain_seconds, DAY) || deadline_seconds.is_some_and(|seconds| too_long(seconds, 0))
            }
            RevokeOld::Never | RevokeOld::Now => false,
        };
        if is_too_long {
            return Err("Fields");
        }
        if now < token.expires && token.ends.is_some_and(|at| at <= now) {
            return Err("RotateInstead");
        }
        let live: Vec<_> = self.family(&token.family).filter(|other| other.live(now)).collect();
        if asked.revoke_old == RevokeOld::Now {
            return if live.iter().any(|token| token.protected) { Err("TokenProtected") } else { Ok(()) };
        }
        if token.live(now) && token.disabled {
            return Err("LeafDisabled");
        }
        let Some(other) = live.iter().find(|other| other.serial != token.serial) else { return Ok(()) };
        if !token.live(now) {
            return Ok(());
        }
        let unprotected = if other.protected { Err("TokenProtected") } else { Ok(()) };
        if token.first_use.is_none() {
            let in_use = other.last_use.is_some_and(|at| now - at < DAY * 1_000);
            return match asked.supersede {
                Some(Supersede::Successor) => Ok(()),
                Some(Supersede::Original) if asked.force || !in_use => unprotected,
                _ => Err("SuccessorUnused"),
            };
        }
        if asked.revoke_oldest { unprotected } else { Err("MaxActiveTokens") }
    }

    fn add(&mut self, made: &TokenView, predecessor: Option<Serial>) {
        let created = self.now();
        self.tokens.push(Token {
            serial: made.serial,
            family: made.family.clone(),
            created,
            expires: made.expires_at.0 * 1_000,
            ends: None,
            disabled: false,
            revoked: false,
            protected: made.policy.protected,
            first_use: None,
            last_use: None,
            predecessor,
            successor: None,
            plan: None,
            held: false,
            look_at: None,
        });
    }

    fn revoke(&mut self, serial: Serial) {
        let token = self.at(serial);
        (token.revoked, token.plan, token.look_at) = (true, None, None);
        let Some(predecessor) = token.predecessor else { return };
        if self.at(predecessor).successor == Some(serial) {
            let predecessor = self.at(predecessor);
            (predecessor.successor, predecessor.plan, predecessor.look_at) = (None, None, None);
        }
    }

    fn plan_older(&mut self, serial: Serial) {
        let family = self.at(serial).family.clone();
        let older = self.family(&family).filter(|token| token.serial < serial && token.plan.is_some());
        for older in older.map(|token| token.serial).collect::<Vec<_>>() {
            self.plan(older);
        }
    }

    fn first_use_after(&self, token: &Token) -> Option<i64> {
        let from = token.successor.unwrap_or(token.serial);
        let later = self
            .family(&token.family)
            .filter(|later| later.serial > token.serial && later.serial >= from && !later.revoked);
        later.filter_map(|later| later.first_use).min()
    }

    fn plan(&mut self, serial: Serial) {
        let now = self.now();
        let token = self.at(serial).clone();
        let first_use = self.first_use_after(&token);
        let token = self.at(serial);
        let (end, held_from) = token.planned(first_use);
        token.held &= end.is_none_or(|at| at <= now);
        token.look_at = end.or(held_from.filter(|_| !token.held)).filter(|_| token.live(now));
    }

    /// Lets time pass and carries out ends when they are due.
    fn pass(&mut self, ms: i64) {
        let until = self.now() + ms;
        // An overdue end is carried out when somebody looks.
        while let Some((at, serial)) = self
            .tokens
            .iter()
            .filter_map(|token| Some((token.look_at?.max(self.now()), token.serial)))
            .filter(|(at, _)| *at <= until)
            .min()
        {
            self.ring(at);
            let token = self.at(serial).clone();
            if !token.live(at) {
                self.at(serial).look_at = None;
                continue;
            }
            let (end, _) = token.planned(self.first_use_after(&token));
            let others = self
                .family(&token.family)
                .any(|other| other.serial != serial && other.active(at) && other.first_use.is_some());
            let strict = matches!(
                token.plan,
                Some((RevokeOld::After { strict: true, .. } | RevokeOld::FirstUse { strict: true, .. }, _))
            );
            if end.is_some_and(|end| end <= at) && (strict || token.disabled || others) {
                self.seen.insert("ended");
                self.revoke(serial);
            } else {
                self.seen.insert("held");
                let token = self.at(serial);
                (token.held, token.look_at) = (true, end.map(|_| at + HOUR_MS));
            }
        }
        self.ring(until);
    }

    /// Runs the registry's alarm whenever it is due, until `until`.
    fn ring(&mut self, until: i64) {
        let world = &mut self.world;
        for _ in 0..10_000 {
            let Some(due) = world.registry.next_alarm_at(world.now).filter(|at| at.0 <= until) else { break };
            world.now = world.now.max(due);
            for write in world.registry.due(world.now, 50) {
                world.registry.written(write.id, world.now);
            }
        }
        world.now.0 = until;
    }

    /// Checks that the registry agrees with the model about each token, and checks the invariants.
    fn agrees(&mut self, what: &str) {
        // Ends that are due at this instant are carried out first.
        self.pass(0);
        let now = self.now();
        for token in self.tokens.clone() {
            let shown = self.world.get(token.serial);
            let expected = match (token.revoked, token.live(now), token.disabled) {
                (true, ..) => TokenState::Revoked,
                (_, false, _) => TokenState::Expired,
                (_, _, true) => TokenState::Disabled,
                _ => TokenState::Active,
            };
            assert_eq!(shown.state, expected, "{what}\n{token:?}\n{shown:?}");
            assert_eq!(
                (shown.predecessor, shown.first_used_at.map(|at| at.0)),
                (token.predecessor, token.first_use),
                "{what}"
            );
            if token.live(now) {
                assert_eq!(shown.successor, token.successor, "{what}\n{token:?}");
                assert_eq!(shown.rotation.is_some(), token.plan.is_some(), "{what}\n{token:?}");
            }
            if token.revoked {
                assert!(shown.revoked_reason.is_some(), "{what}: every revocation keeps its reason");
            }
        }
        let families: BTreeSet<_> = self.tokens.iter().map(|token| token.family.clone()).collect();
        for family in families {
            let live = self.family(&family).filter(|token| token.live(now)).count();
            assert!(live <= 2, "{what}: {live} live tokens in {family}");
            let current = self.family(&family).find(|token| token.active(now)).map(|token| token.serial);
            assert_eq!(self.world.family(&family).current, current, "{what}");
            for serial in self.family(&family).map(|token| token.serial).collect::<Vec<_>>() {
                assert_eq!(self.world.get(serial).is_current, Some(serial) == current, "{what}");
            }
        }
    }
}

/// The refusals in the model have the registry's names.
#[test]
fn the_model_names_faults_as_they_are() {
    let names = [
        (format!("{:?}", Fault::RotateInstead { ended: false, instead: None }), "RotateInstead"),
        (format!("{:?}", Fault::LeafDisabled { instead: None }), "LeafDisabled"),
        (format!("{:?}", Fault::Fields(Vec::new())), "Fields"),
        (format!("{:?}", Fault::TokenProtected), "TokenProtected"),
        (format!("{:?}", Fault::MaxActiveTokens { active: Vec::new() }), "MaxActiveTokens"),
    ];
    for (shown, name) in names {
        assert!(shown.starts_with(name), "{shown}");
    }
}
