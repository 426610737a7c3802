//! A registry with a clock, randomness and an owner, and short ways to call it.

use crate::contract;
use crate::deployment;
use crate::sqlite::Sqlite;
use base64::prelude::*;
use std::rc::Rc;
use wayleave::base::time::UnixMillis;
use wayleave::control::admin;
use wayleave::control::admin::{AdminRequest, Parsed, RequestBody};
use wayleave::control::registry::command::{
    AdminCall, Answer, AutoRotate, Call, Caller, Command, EventFilter, EventView, FamilyView, Fault,
    Idempotency, KeyReceipt, ListAskedBy, NewAdminKey, NewToken, Receipt, RevokeOld, Rotate, Rotated,
    SigningKeyView, StatusView, TokenEdit, TokenFilter, TokenView,
};
use wayleave::control::registry::{KvLists, Registry, RegistrySettings};
use wayleave::formats::admin_key::{AdminKey, Role};
use wayleave::formats::holding::{Holding, Took};
use wayleave::formats::key::{KeyId, KeyRing, sha256};
use wayleave::formats::list::{Delta, Number, OpenedBase, OpenedDelta, RevocationList};
use wayleave::formats::origin::{OriginRule, OriginRules};
use wayleave::formats::record::{Record, VersionedRecord};
use wayleave::formats::token::Serial;
use wayleave::formats::usage::token_use::TokenUse;
use zeroize::Zeroizing;

pub(crate) use crate::deployment::{ADMIN_KEY, START};

pub(crate) fn settings() -> RegistrySettings {
    deployment::settings("test", &["api"])
}

/// The first key was removed from the ring.
pub(crate) fn without_key_1() -> RegistrySettings {
    let ring = KeyRing::derive(&[(KeyId(2), Zeroizing::new(vec![2; 32]))], "test");
    RegistrySettings { ring, first_signing_key: KeyId(2), ..settings() }
}

/// The report of a location that has every key.
pub(crate) fn holding(number: Number, took: Vec<Took>) -> Holding {
    let keys = vec![KeyId(1), KeyId(2)];
    Holding { number, isolate: 1, isolates: 1, took, keys, retired: vec![], addresses: None }
}

pub(crate) struct World {
    pub registry: Registry<Sqlite>,
    pub database: Sqlite,
    /// Those that the registry was opened with.
    pub settings: RegistrySettings,
    pub now: UnixMillis,
    /// The admin key or session that calls.
    pub key: String,
    entropy: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: RegistrySettings) -> Self {
        Self::over(Sqlite::in_memory(), settings)
    }

    pub(crate) fn over(database: Sqlite, settings: RegistrySettings) -> Self {
        let registry = opened(&database, settings.clone());
        Self { registry, database, settings, now: START, key: ADMIN_KEY.to_owned(), entropy: 0 }
    }

    /// The process ends and starts again over the same database.
    pub(crate) fn restart(&mut self, settings: RegistrySettings) {
        self.settings = settings.clone();
        self.registry = opened(&self.database, settings);
    }

    pub(crate) fn seconds_pass(&mut self, seconds: i64) {
        self.now = self.now.plus_ms(seconds * 1_000);
    }

    pub(crate) fn request(&mut self, request: Call) -> Answer {
        let entropy = &mut self.entropy;
        self.registry.handle(request, self.now, &mut |buffer| {
            for byte in buffer {
                // Every byte differs from all others, but is the same in every test run.
                *entropy += 1;
                *byte = sha256(&entropy.to_be_bytes())[0];
            }
        })
    }

    pub(crate) fn ask(&mut self, command: Command) -> Answer {
        let foretold = match &command {
            Command::RotateToken { serial, rotate } if **rotate == Rotate::default() => {
                self.obstacle_shown(*serial)
            }
            _ => None,
        };
        let answer = self.ask_idempotent(command, None);
        match (foretold, &answer) {
            (None, _) | (_, Answer::Refused(Fault::Forbidden)) => {}
            (Some(None), answer) => assert!(matches!(answer, Answer::Rotated(_)), "{answer:?}"),
            (Some(Some(obstacle)), answer) => assert_eq!(*answer, Answer::Refused(obstacle)),
        }
        answer
    }

    /// What the token's view says of a rotation by the default plan; the outer `None`: it was not shown.
    fn obstacle_shown(&mut self, serial: Serial) -> Option<Option<Fault>> {
        match self.ask_idempotent(Command::GetToken(serial), None) {
            Answer::Token(token) => Some(token.rotation_obstacle.map(|obstacle| *obstacle)),
            _ => None,
        }
    }

    pub(crate) fn ask_idempotent(&mut self, command: Command, idempotency: Option<Idempotency>) -> Answer {
        let sha256 = hex::encode(sha256(self.key.as_bytes()));
        let caller = match self.key.starts_with("wls_") {
            true => Caller::Session { sha256 },
            false => Caller::Key { sha256 },
        };
        let asked = command.clone();
        let answer = self.request(Call::Admin(Box::new(AdminCall { caller, command, idempotency })));
        if let Answer::Refused(fault) = &answer {
            contract::holds(&asked, fault);
        }
        answer
    }

    pub(crate) fn fault(&mut self, command: Command) -> Fault {
        match self.ask(command) {
            Answer::Refused(fault) => fault,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// Field and code of every field fault.
    pub(crate) fn field_faults(&mut self, command: Command) -> Vec<(String, String)> {
        match self.fault(command) {
            Fault::Fields(faults) => faults.into_iter().map(|fault| (fault.field, fault.code)).collect(),
            other => panic!("not fields: {other:?}"),
        }
    }

    pub(crate) fn create(&mut self, new: NewToken) -> (TokenView, String) {
        created(self.ask(Command::CreateToken(new)))
    }

    /// A token with only the required fields.
    pub(crate) fn token(&mut self) -> TokenView {
        self.create(new_token("a site")).0
    }

    pub(crate) fn get(&mut self, serial: Serial) -> TokenView {
        match self.ask(Command::GetToken(serial)) {
            Answer::Token(token) => *token,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn edit(&mut self, serial: Serial, edit: TokenEdit) -> (TokenView, Receipt) {
        match self.ask(Command::EditToken { serial, if_match: None, edit }) {
            Answer::Edited { token, receipt } => (*token, receipt),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn receipt(&mut self, command: Command) -> Receipt {
        match self.ask(command) {
            Answer::Receipt(receipt) => receipt,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn rotate(&mut self, serial: Serial, how: Rotate) -> Rotated {
        match self.ask(rotate(serial, how)) {
            Answer::Rotated(made) => *made,
            other => panic!("{other:?}"),
        }
    }

    /// A usage shard reports that the token was used just now.
    pub(crate) fn used(&mut self, serial: Serial) {
        let told = TokenUse { serial, first_at: self.now, last_at: self.now };
        assert_eq!(
            self.request(Call::Uses { uses: vec![told], counted_at: None, meters: None }),
            Answer::Noted
        );
    }

    pub(crate) fn family(&mut self, family: &str) -> FamilyView {
        match self.ask(Command::GetFamily(family.to_owned())) {
            Answer::Family(family) => *family,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn revoke(&mut self, serial: Serial) -> Receipt {
        self.receipt(Command::RevokeToken { serial, reason: None, force: true })
    }

    pub(crate) fn retire(&mut self, key_id: KeyId) -> KeyReceipt {
        match self.ask(Command::RetireSigningKey { key_id, force: true }) {
            Answer::SigningKeyRetired(receipt) => receipt,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn activate(&mut self, key_id: KeyId) -> SigningKeyView {
        match self.ask(Command::ActivateSigningKey(key_id)) {
            Answer::SigningKey(view) => view,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn tokens(&mut self, filter: TokenFilter) -> (Vec<u32>, Option<Serial>) {
        match self.ask(Command::ListTokens(filter)) {
            Answer::Tokens { items, next, .. } => (items.iter().map(|token| token.serial.0).collect(), next),
            other => panic!("{other:?}"),
        }
    }

    /// Every event, oldest first.
    pub(crate) fn events(&mut self) -> Vec<EventView> {
        let filter = EventFilter { limit: 500, ..EventFilter::default() };
        match self.ask(Command::ListEvents(filter)) {
            Answer::Events { mut items, .. } => {
                items.reverse();
                items
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn actions(&mut self) -> Vec<String> {
        self.events().into_iter().map(|event| event.action).collect()
    }

    pub(crate) fn status(&mut self) -> StatusView {
        match self.ask(Command::Status) {
            Answer::Status(status) => *status,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn list(&mut self) -> RevocationList {
        match self.request(Call::List { bound_seconds: 300, asked_by: ListAskedBy::Unnamed }) {
            Answer::List { sealed, now } => {
                assert_eq!(now, self.now);
                let delta = open_delta(&BASE64_STANDARD.decode(sealed).unwrap());
                let base = self.base(delta.delta.head.base);
                RevocationList::of(Rc::new(base), delta).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    /// The base `number`, as a location receives it.
    pub(crate) fn base(&mut self, number: Number) -> OpenedBase {
        if number.n == 0 {
            return OpenedBase::empty(number.epoch);
        }
        match self.request(Call::Base { number }) {
            Answer::Base { sealed: Some(sealed) } => {
                OpenedBase::open(&settings().ring, number, &BASE64_STANDARD.decode(sealed).unwrap()).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn record(&mut self, serial: Serial) -> Option<VersionedRecord> {
        match self.request(Call::Record { serial, version: 1 }) {
            Answer::Record { sealed } => sealed.map(|(version, sealed)| {
                let value = BASE64_STANDARD.decode(sealed).unwrap();
                Record::open(&settings().ring, serial, version, &value).unwrap()
            }),
            other => panic!("{other:?}"),
        }
    }

    /// Creates an admin key and returns its number and text.
    pub(crate) fn admin_key(&mut self, role: Role) -> (u32, String) {
        let new = NewAdminKey { label: role.as_str().to_owned(), role, expires_at: None };
        match self.ask(Command::CreateAdminKey(new)) {
            Answer::AdminKeyCreated { key, text } => (key.id, text),
            other => panic!("{other:?}"),
        }
    }

    /// The command that the admin API parses from a request. `path` may have a query.
    pub(crate) fn request_command(&self, method: &str, path: &str, body: &str) -> Command {
        let settings = &self.settings;
        let bearer = format!("Bearer {}", AdminKey::mint([1; 24], &settings.check_keys).as_str());
        let context = admin::Context {
            check_keys: &settings.check_keys,
            key_ring: &settings.ring,
            configured_key: None,
            app_schemes: &[],
            audiences: &settings.audiences,
            rate_classes: &settings.rate_classes,
            max_token_lifetime_seconds: settings.max_token_lifetime_seconds,
            own_origin: "https://gateway.example",
            configuration: "{}",
            keeps_refusals: true,
            has_sessions: true,
            now: self.now,
        };
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let request = AdminRequest {
            method,
            path: &format!("{}{path}", admin::API_PATH),
            query,
            authorization: Some(&bearer),
            cookie: None,
            origin: Some("https://gateway.example"),
            sec_fetch_site: None,
            content_type: (!body.is_empty()).then_some("application/json"),
            if_match: None,
            idempotency_key: None,
            body: RequestBody::Bytes(body.as_bytes()),
        };
        match admin::parse(&request, &context) {
            Ok(Parsed::Ask(call, _)) => call.command,
            other => panic!("{method} {path}: {other:?}"),
        }
    }

    /// Uses `key` from now on, which may also be the text of a session.
    pub(crate) fn call_as(&mut self, key: &str) {
        key.clone_into(&mut self.key);
    }
}

/// A registry whose KV is empty.
pub(crate) fn opened(database: &Sqlite, settings: RegistrySettings) -> Registry<Sqlite> {
    let mut registry = Registry::open(database.clone(), settings).unwrap();
    registry.compare(Some(&KvLists { delta: None, base: None }), START);
    registry
}

pub(crate) fn open_delta(value: &[u8]) -> OpenedDelta {
    Delta::open(&settings().ring, value).unwrap()
}

/// A list that rests on the empty base.
pub(crate) fn open_list(value: &[u8]) -> RevocationList {
    RevocationList::of(Rc::new(OpenedBase::empty(1)), open_delta(value)).unwrap()
}

pub(crate) fn created(answer: Answer) -> (TokenView, String) {
    match answer {
        Answer::Created { token, text } => (*token, text),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn rules(texts: &[&str]) -> OriginRules {
    OriginRules::Rules(texts.iter().map(|text| OriginRule::parse(text, &[]).unwrap().0).collect())
}

pub(crate) fn new_token(label: &str) -> NewToken {
    let origins = Some(rules(&["https://site.example"]));
    let audiences = Some(vec!["api".to_owned()]);
    NewToken {
        settings: TokenEdit { label: Some(label.into()), origins, audiences, ..TokenEdit::default() },
        ..NewToken::default()
    }
}

/// The default rotation: after 7 days.
pub(crate) fn as_usual() -> Rotate {
    how(RevokeOld::After { after_seconds: 7 * DAY, drain_seconds: DAY, strict: false })
}

pub(crate) fn how(revoke_old: RevokeOld) -> Rotate {
    Rotate {
        revoke_old,
        lifetime: None,
        overrides: TokenEdit::default(),
        supersede: None,
        revoke_oldest: false,
        force: false,
    }
}

pub(crate) fn rotate(serial: Serial, how: Rotate) -> Command {
    Command::RotateToken { serial, rotate: Box::new(how) }
}

pub(crate) fn auto_rotate() -> AutoRotate {
    AutoRotate { before_expiry_seconds: DAY, expires_in: None, revoke_old: RevokeOld::Never }
}

/// In seconds.
pub(crate) const DAY: i64 = 86_400;

pub(crate) fn edit_label(label: &str) -> TokenEdit {
    TokenEdit { label: Some(label.into()), ..TokenEdit::default() }
}

pub(crate) fn all() -> TokenFilter {
    TokenFilter { limit: 500, ..TokenFilter::default() }
}

pub(crate) fn idempotency(key: &str, request: &str) -> Option<Idempotency> {
    Some(Idempotency { key: key.into(), request_sha256: hex::encode(sha256(request.as_bytes())) })
}
