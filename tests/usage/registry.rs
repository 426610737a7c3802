//! A registry with a token and its unused successor.

use crate::deployment::{ADMIN_KEY, settings};
use crate::sqlite::Sqlite;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::Registry;
use wayleave::control::registry::command::{
    AdminCall, Answer, Call, Caller, Command, NewToken, RevokeOld, Rotate, TokenEdit, TokenView,
};
use wayleave::formats::key::sha256;
use wayleave::formats::origin::OriginRules;
use wayleave::formats::token::Serial;
use wayleave::formats::usage::token_use::TokenUse;

pub(crate) struct Successor {
    registry: Registry<Sqlite>,
    pub serial: Serial,
}

impl Successor {
    pub(crate) fn made_at(now: UnixMillis) -> Self {
        let registry = Registry::open(Sqlite::in_memory(), settings("test", &["api"])).unwrap();
        let mut made = Self { registry, serial: Serial(0) };
        let settings = TokenEdit {
            label: Some("site".into()),
            origins: Some(OriginRules::Any),
            audiences: Some(vec!["api".into()]),
            ..TokenEdit::default()
        };
        let new = NewToken { settings, ..NewToken::default() };
        let Answer::Created { token, .. } = made.ask(Command::CreateToken(new), now) else {
            panic!("no token")
        };
        let rotate = Rotate {
            revoke_old: RevokeOld::FirstUse { drain_seconds: 86_400, deadline_seconds: None, strict: false },
            lifetime: None,
            overrides: TokenEdit::default(),
            supersede: None,
            revoke_oldest: false,
            force: false,
        };
        let rotate = Command::RotateToken { serial: token.serial, rotate: Box::new(rotate) };
        let Answer::Rotated(rotated) = made.ask(rotate, now) else { panic!("not rotated") };
        made.serial = rotated.token.serial;
        made
    }

    /// Delivers a usage shard's report to the registry. Only the answer may be lost.
    pub(crate) fn told(&mut self, uses: &[TokenUse], now: UnixMillis) {
        let answer = self.handle(Call::Uses { uses: uses.to_vec(), counted_at: None, meters: None }, now);
        assert_eq!(answer, Answer::Noted);
    }

    pub(crate) fn view(&mut self, now: UnixMillis) -> TokenView {
        let Answer::Token(view) = self.ask(Command::GetToken(self.serial), now) else { panic!("no token") };
        *view
    }

    fn ask(&mut self, command: Command, now: UnixMillis) -> Answer {
        let caller = Caller::Key { sha256: hex::encode(sha256(ADMIN_KEY.as_bytes())) };
        self.handle(Call::Admin(Box::new(AdminCall { caller, command, idempotency: None })), now)
    }

    fn handle(&mut self, request: Call, now: UnixMillis) -> Answer {
        self.registry.handle(request, now, &mut |buffer| buffer.fill(7))
    }
}
