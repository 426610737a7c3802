//! The operation table of the admin API documents what the registry does: the admin API parses a request for
//! each operation and passes it to the registry.

use crate::world::{
    World, as_usual, edit_label, holding, idempotency, new_token, rotate, settings, without_key_1,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::LazyLock;
use wayleave::base::time::UnixSeconds;
use wayleave::control::admin::operation::{ID, Operation};
use wayleave::control::admin::operations::OPERATIONS;
use wayleave::control::admin::{OPENAPI_JSON, fault_problem};
use wayleave::control::registry::command::{
    Answer, BlockingToken, Bulk, BulkChange, Call, Clash, Command, Fault, LicenceOf, Lifetime, NewAdminKey,
    NewToken, RevokeOld, Rotate, SetLicence, Sort, SortBy, Supersede, SwitchOwnerOff, TokenEdit, TokenFilter,
    TokenState,
};
use wayleave::formats::admin_key::{AdminKey, Role};
use wayleave::formats::holding::Holding;
use wayleave::formats::key::KeyId;
use wayleave::formats::list::Number;
use wayleave::formats::origin::OriginRules;
use wayleave::formats::token::Serial;
use wayleave::http::problem::Code;

/// Every fault with which a command may be refused, besides those that all may have. Each refusal in each
/// test of the registry is compared with it, including the random ones ([`World::ask_idempotent`]).
fn possible(command: &Command) -> Vec<Fault> {
    use Fault::{
        FamilyEnded, IdempotencyConflict, KeyInUse, KeyMissing, KeyNotInRing, LastActiveToken,
        NoCurrentToken, NotFound, OwnersOnly, PreconditionFailed, TextGone, TokenEnded, TokenProtected,
    };
    let instead = |ended| Fault::RotateInstead { ended, instead: None };
    let nobody = BlockingToken { serial: Serial(0), last_used_at: None };
    let fields = Fault::Fields(Vec::new());
    let clash = Fault::Conflict;
    let licences = [clash(Clash::LicenceEnded), clash(Clash::OwnerSwitchedOff)];
    let [ended, off] = licences;
    let (versions, serials) = (clash(Clash::VersionsUsedUp), clash(Clash::SerialsUsedUp));
    let own = match command {
        Command::Authenticate
        | Command::CloseSession
        | Command::GetSession
        | Command::OpenSession
        | Command::ListAdminKeys
        | Command::ListEvents(_)
        | Command::ListLicences(_)
        | Command::ListNotices(_)
        | Command::ListOwnersOff(_)
        | Command::ListSigningKeys
        | Command::Metrics
        | Command::Status => return vec![],
        Command::GetFamily(_)
        | Command::GetProbe(_)
        | Command::GetToken(_)
        | Command::ListTokens(_)
        | Command::LookupFingerprint(_)
        | Command::LookupToken(_) => return vec![NotFound],
        Command::GetFamilyToken(_) => return vec![NotFound, NoCurrentToken],
        Command::RevealToken(_) => return vec![NotFound, TextGone],
        Command::BeginProbe(_) | Command::RevokeFamily { .. } => vec![NotFound],
        Command::CreateAdminKey(_) => vec![fields],
        Command::CreateToken(_) => vec![fields, OwnersOnly, serials, ended, off],
        Command::EditToken { .. } => vec![
            NotFound,
            PreconditionFailed,
            TokenEnded,
            TokenProtected,
            OwnersOnly,
            fields,
            versions,
            ended,
            off,
        ],
        Command::SetLicence(_) => vec![fields, NotFound, TokenProtected],
        Command::SwitchOwnerOff(_) => vec![TokenProtected],
        Command::SwitchOwnerOn(_) => vec![NotFound],
        Command::TestWebhook => vec![clash(Clash::NoWebhook)],
        Command::RotateToken { .. } | Command::RotateFamily { .. } => vec![
            NotFound,
            TokenProtected,
            OwnersOnly,
            Fault::SuccessorUnused { waiting: nobody, predecessor: nobody },
            Fault::MaxActiveTokens { active: Vec::new() },
            Fault::LeafDisabled { instead: None },
            instead(true),
            instead(false),
            fields,
            serials,
            ended,
            off,
        ],
        Command::EditFamily { .. } => {
            vec![NotFound, FamilyEnded, TokenProtected, OwnersOnly, fields, versions, ended, off]
        }
        Command::RevokeTokens { .. } | Command::ChangeTokens { .. } => {
            vec![Fault::UnexpectedCount { matched: 0 }]
        }
        // A serial is not to be had: nothing stands against that before the first is made.
        Command::RotateTokens { .. } => vec![Fault::UnexpectedCount { matched: 0 }, serials],
        Command::RevokeToken { .. } => vec![NotFound, TokenEnded, TokenProtected, LastActiveToken],
        Command::DisableToken(_) => vec![NotFound, TokenEnded, TokenProtected],
        Command::EnableToken(_) => vec![NotFound, TokenEnded, OwnersOnly],
        Command::EndToken { .. } => {
            vec![NotFound, TokenEnded, TokenProtected, OwnersOnly, LastActiveToken, fields, versions]
        }
        Command::ActivateSigningKey(_) => {
            vec![KeyNotInRing, clash(Clash::KeyRetired), KeyMissing { missing_at: vec![] }]
        }
        Command::DeleteAdminKey(_) => vec![NotFound, clash(Clash::LastOwner)],
        Command::RetireSigningKey { .. } => {
            vec![KeyNotInRing, clash(Clash::KeySigns), KeyInUse { live_tokens: 1 }]
        }
    };
    // Whatever changes something can be tried again.
    [own, vec![IdempotencyConflict, clash(Clash::MadeIsGone)]].concat()
}

/// Fails when `fault` is not listed for `command`.
pub(crate) fn holds(command: &Command, fault: &Fault) {
    let always = [Fault::Unauthorized, Fault::Forbidden, Fault::Internal, Fault::Restoring];
    let listed = possible(command).into_iter().chain(always).any(|possible| name(&possible) == name(fault));
    assert!(listed, "{command:?} was refused with {fault:?}: list it here and in the operation table");
    is_documented(fault);
}

/// Fails when the problem of `fault` says something that the document does not describe.
fn is_documented(fault: &Fault) {
    let body = fault_problem(fault.clone()).into_reply().body.unwrap();
    let problem: Value = serde_json::from_str(&body).unwrap();
    let schema = &DOCUMENT["components"]["schemas"]["Problem"]["properties"];
    for (member, value) in problem.as_object().unwrap() {
        assert!(schema.get(member).is_some(), "{member} of {fault:?} is not in docs/openapi.json");
        if let Some(listed) = schema[member]["enum"].as_array() {
            assert!(listed.contains(value), "{member} {value} of {fault:?} is not in docs/openapi.json");
        }
    }
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(OPENAPI_JSON).unwrap());

/// Name of the variant; of a clash, with what.
fn name(of: &impl Debug) -> String {
    let text = format!("{of:?}");
    if text.starts_with("Conflict(") {
        return text;
    }
    text.split(|char: char| !char.is_alphanumeric()).next().unwrap().to_owned()
}

/// A valid request for the operation, as path and body, for any token or key. It uses nothing reserved to
/// owners.
fn sample(operation: &Operation, family: &str, token: &str) -> (String, String) {
    let path = operation
        .path
        .replace("/tokens/{id}", "/tokens/tok_1")
        .replace("/families/{id}", &format!("/families/{family}"))
        .replace("/signing-keys/{id}", "/signing-keys/2");
    let path = path.replace("{id}", "key_1");
    let body = match operation.id {
        "createToken" => r#"{"label":"a","origins":"any"}"#.to_owned(),
        "editToken" | "editFamily" => r#"{"label":"b"}"#.to_owned(),
        "lookupToken" => format!(r#"{{"token":"{token}"}}"#),
        "endToken" => r#"{"at":null}"#.to_owned(),
        "revokeTokens" | "rotateTokens" | "disableTokens" | "enableTokens" => {
            r#"{"filter":{"q":"a"}}"#.to_owned()
        }
        "changeOwner" => r#"{"filter":{"q":"a"},"owner":null}"#.to_owned(),
        "revokeToken" => r#"{"force":true}"#.to_owned(),
        "testOrigin" => r#"{"origins":"any","origin":"https://a.example"}"#.to_owned(),
        "createSession" => {
            let key = AdminKey::mint([1; 24], &settings().check_keys);
            format!(r#"{{"key":"{}"}}"#, key.as_str())
        }
        "createAdminKey" => r#"{"label":"a","role":"viewer"}"#.to_owned(),
        "setLicence" => r#"{"owner":"a","ends_at":"2030-01-01T00:00:00Z"}"#.to_owned(),
        "switchOwnerOff" | "switchOwnerOn" => r#"{"owner":"a"}"#.to_owned(),
        _ => String::new(),
    };
    (path, body)
}

#[test]
fn each_operation_needs_the_role_that_it_documents() {
    for operation in &OPERATIONS {
        let Some(least) = operation.least_role else { continue };
        for role in Role::ALL {
            let mut world = World::with(crate::webhooks::with_webhook());
            let (view, token) = world.create(crate::world::new_token("a"));
            let (path, body) = sample(operation, &view.family, &token);
            let command = world.request_command(operation.method, &path, &body);
            if operation.id == "switchOwnerOn" {
                world.ask(world.request_command("POST", "/owners/switch-off", &body));
            }
            // So that key_1 is not the last owner's key.
            world.admin_key(Role::Owner);
            let (_, key) = world.admin_key(role);
            world.call_as(&key);
            let answer = world.ask(command);
            if role >= least {
                assert!(!matches!(answer, Answer::Refused(_)), "{} as {role:?}: {answer:?}", operation.id);
            } else {
                assert_eq!(answer, Answer::Refused(Fault::Forbidden), "{} as {role:?}", operation.id);
            }
        }
    }
}

/// The codes with which the admin API itself may answer, without asking the registry.
fn at_the_door(operation: &Operation) -> BTreeSet<Code> {
    let mut codes = BTreeSet::new();
    // The sample of refusals names no token, and so the registry is not asked for one.
    if operation.path.contains(ID) || ["lookupToken", "listRefusals"].contains(&operation.id) {
        codes.insert(Code::NotFound);
    }
    let Some(body) = operation.body else { return codes };
    if body.find("origins").is_some() {
        codes.insert(Code::PublicSuffixRule);
    }
    if body.refused.iter().any(|refused| refused.code == Code::ExpiryImmutable.code()) {
        codes.insert(Code::ExpiryImmutable);
    }
    codes
}

#[test]
fn each_operation_documents_the_problems_that_it_has_and_no_other() {
    let mut world = World::new();
    let (view, token) = world.create(new_token("a"));
    for operation in OPERATIONS.iter().filter(|operation| operation.least_role.is_some()) {
        let (path, body) = sample(operation, &view.family, &token);
        let command = world.request_command(operation.method, &path, &body);
        let mut expected = at_the_door(operation);
        expected.extend(possible(&command).into_iter().map(|fault| match fault {
            // As the registry returns it, with a fault that has no code of its own.
            Fault::Fields(_) => Code::InvalidFields,
            other => fault_problem(other).code(),
        }));
        // Every operation with a body may return it.
        let wrong_fields = expected.remove(&Code::InvalidFields);
        assert!(!wrong_fields || operation.body.is_some(), "{}", operation.id);
        let documented: BTreeSet<Code> = operation.problems.iter().copied().collect();
        assert_eq!(documented, expected, "{}", operation.id);
        assert_eq!(documented.len(), operation.problems.len(), "{} names one twice", operation.id);
    }
}

/// Every fault in the table occurs.
#[test]
fn each_fault_that_is_listed_happens() {
    let mut world = World::new();
    let mut seen = BTreeSet::new();
    let mut refused = |world: &mut World, command: Command, key: Option<(&str, &str)>| {
        let idempotency = key.and_then(|(key, request)| idempotency(key, request));
        match world.ask_idempotent(command.clone(), idempotency) {
            Answer::Refused(fault) => seen.insert((name(&command), name(&fault))),
            other => panic!("{command:?}: {other:?}"),
        };
    };
    let nowhere = Serial(99);
    let edit = |serial, if_match, edit| Command::EditToken { serial, if_match, edit };
    let revoke = |serial, force| Command::RevokeToken { serial, reason: None, force };
    let end = |serial, at, force| Command::EndToken { serial, at, force };
    let retire = |key_id| Command::RetireSigningKey { key_id, force: false };
    for command in [
        Command::GetToken(nowhere),
        Command::LookupToken(nowhere),
        Command::LookupFingerprint("wlp_AQEAAAPn…12345678".to_owned()),
        Command::RevealToken(nowhere),
        edit(nowhere, None, edit_label("b")),
        revoke(nowhere, true),
        Command::DisableToken(nowhere),
        Command::EnableToken(nowhere),
        end(nowhere, None, true),
        Command::BeginProbe(nowhere),
        Command::GetProbe(nowhere),
        Command::ActivateSigningKey(KeyId(9)),
        retire(KeyId(9)),
        retire(KeyId(1)),
        Command::DeleteAdminKey(99),
        Command::DeleteAdminKey(1),
        Command::CreateToken(NewToken::default()),
    ] {
        refused(&mut world, command, None);
    }

    let token = world.token().serial;
    let audiences = Some(vec!["unknown".to_owned()]);
    refused(&mut world, edit(token, Some(9), edit_label("b")), None);
    refused(&mut world, edit(token, None, TokenEdit { audiences, ..TokenEdit::default() }), None);
    refused(&mut world, revoke(token, false), None);
    let (now, soon) = (Some(world.now), Some(world.now.plus_ms(30_000)));
    refused(&mut world, end(token, soon, false), None);
    refused(&mut world, end(token, now, true), None);
    world.edit(token, TokenEdit { protected: Some(true), ..TokenEdit::default() });
    refused(&mut world, revoke(token, true), None);
    refused(&mut world, Command::DisableToken(token), None);
    refused(&mut world, end(token, soon, true), None);

    let short = NewToken { lifetime: Some(Lifetime::ExpiresIn(60)), ..new_token("short") };
    let ended = world.create(short).0.serial;
    world.seconds_pass(61);
    for command in [
        edit(ended, None, edit_label("b")),
        revoke(ended, true),
        Command::DisableToken(ended),
        Command::EnableToken(ended),
        end(ended, None, true),
    ] {
        refused(&mut world, command, None);
    }

    let key = |expires_at| {
        Command::CreateAdminKey(NewAdminKey { label: "job".into(), role: Role::Viewer, expires_at })
    };
    refused(&mut world, key(Some(UnixSeconds(0))), None);
    let made = world.ask_idempotent(key(None), idempotency("k", "body"));
    let Answer::AdminKeyCreated { key: view, .. } = made else { panic!("{made:?}") };
    refused(&mut world, key(None), Some(("k", "another")));
    refused(&mut world, Command::CreateToken(new_token("a")), Some(("k", "another")));
    world.ask(Command::DeleteAdminKey(view.id));
    refused(&mut world, key(None), Some(("k", "body")));

    licensed(&mut world, &mut refused);
    families(&mut world, &mut refused);
    retries(&mut world, &mut refused);
    protected(&mut world, &mut refused);

    // A location of an earlier release.
    let holding = Holding { keys: vec![], ..holding(Number { epoch: 1, n: 0 }, vec![]) };
    world.request(Call::Report { location: "FRA".into(), holding });
    refused(&mut world, Command::ActivateSigningKey(KeyId(2)), None);
    world.seconds_pass(2 * 3_600);

    // Numbers that are used up.
    world.database.one("UPDATE token SET version = 4294967295 WHERE serial = 1 RETURNING 1");
    refused(&mut world, edit(token, None, edit_label("b")), None);
    world.database.one("UPDATE token SET protected = 0 WHERE serial = 1 RETURNING 1");
    let soon = Some(world.now.plus_ms(30_000));
    refused(&mut world, end(token, soon, true), None);
    world.database.one("UPDATE registry SET highest_serial = 4294967295 RETURNING 1");
    refused(&mut world, Command::CreateToken(new_token("a")), None);
    refused(&mut world, rotate(token, as_usual()), None);
    let family = world.get(token).family;
    let edit_it = Command::EditFamily { family: family.clone(), edit: edit_label("c") };
    world.database.one("UPDATE token SET version = 4294967295 WHERE serial = 1 RETURNING 1");
    refused(&mut world, edit_it, None);
    refused(&mut world, Command::RotateFamily { family, rotate: Box::new(as_usual()) }, None);
    let all = Box::new(Bulk { filter: only_active(), dry_run: false, expect: None });
    refused(&mut world, Command::RotateTokens { bulk: all, rotate: Box::new(as_usual()) }, None);

    world.ask(Command::ActivateSigningKey(KeyId(2)));
    refused(&mut world, retire(KeyId(1)), None);
    world.ask(Command::RetireSigningKey { key_id: KeyId(1), force: true });
    refused(&mut world, Command::ActivateSigningKey(KeyId(1)), None);
    world.restart(without_key_1());
    refused(&mut world, Command::RevealToken(token), None);

    // With every key again.
    let mut world = World::new();
    let (view, text) = world.create(new_token("a"));
    let mut listed = BTreeSet::new();
    for operation in OPERATIONS.iter().filter(|operation| operation.least_role.is_some()) {
        let (path, body) = sample(operation, &view.family, &text);
        let command = world.request_command(operation.method, &path, &body);
        listed.extend(possible(&command).iter().map(|fault| (name(&command), name(fault))));
    }
    // The other command that lookupToken becomes.
    let lookup = Command::LookupFingerprint(view.fingerprint);
    listed.extend(possible(&lookup).iter().map(|fault| (name(&lookup), name(fault))));
    assert_eq!(seen, listed);
}

/// What licences and owners who are switched off prevent.
fn licensed(world: &mut World, refused: &mut Refused<'_>) {
    let set = |of, ends_at| Command::SetLicence(SetLicence { of, ends_at, include_protected: false });
    let named = |name: &str| LicenceOf::Owner(name.to_owned());
    let owned = |name: &str| TokenEdit { owner: Some(Some(name.to_owned())), ..TokenEdit::default() };
    let switch =
        |name: &str| SwitchOwnerOff { owner: name.to_owned(), reason: None, include_protected: false };
    refused(world, set(named("nobody"), None), None);
    refused(world, set(named("nobody"), Some(UnixSeconds(0))), None);
    refused(world, Command::SwitchOwnerOn("nobody".to_owned()), None);
    refused(world, Command::TestWebhook, None);
    let soon = Some(world.now.ceil_seconds().plus_seconds(1));
    world.ask(set(named("ended"), soon));
    world.ask(Command::SwitchOwnerOff(switch("off")));
    world.seconds_pass(2);
    let token = world.token();
    for name in ["ended", "off"] {
        let overrides = owned(name);
        let mut new = new_token("a");
        new.settings.owner = overrides.owner.clone();
        let rotate = Box::new(Rotate { overrides: overrides.clone(), ..as_usual() });
        let (serial, family) = (token.serial, token.family.clone());
        refused(world, Command::CreateToken(new), None);
        refused(world, Command::EditToken { serial, if_match: None, edit: overrides.clone() }, None);
        refused(world, Command::EditFamily { family: family.clone(), edit: overrides }, None);
        refused(world, Command::RotateToken { serial, rotate: rotate.clone() }, None);
        refused(world, Command::RotateFamily { family, rotate }, None);
    }
    let later = Some(world.now.ceil_seconds().plus_seconds(9));
    world.ask(set(named("later"), later));
    world.edit(token.serial, TokenEdit { protected: Some(true), ..owned("protected") });
    refused(world, set(named("protected"), later), None);
    refused(world, Command::SwitchOwnerOff(switch("protected")), None);
    let (serial, edit) = (token.serial, owned("later"));
    let (_, operator) = world.admin_key(Role::Operator);
    let owner = std::mem::replace(&mut world.key, operator);
    refused(world, Command::EditToken { serial, if_match: None, edit: edit.clone() }, None);
    refused(world, Command::EditFamily { family: token.family, edit }, None);
    world.key = owner;
}

fn only_active() -> TokenFilter {
    TokenFilter { state: Some(TokenState::Active), limit: 10, ..TokenFilter::default() }
}

/// Under an idempotency key that was used for something else, and under one of which nothing is left to show.
fn retries(world: &mut World, refused: &mut Refused<'_>) {
    world.ask_idempotent(Command::CreateToken(new_token("a")), idempotency("taken", "first"));
    for (key, made, kept) in [("token gone", "token", "NULL"), ("unreadable", "done", "'{}'")] {
        let sha256 = idempotency(key, "body").unwrap().request_sha256;
        world.database.one(&format!(
            "INSERT INTO idempotent_call (admin_key, key, request_sha256, at, made, made_id, kept) \
             VALUES (1, '{key}', '{sha256}', {}, '{made}', 99999, {kept}) RETURNING 1",
            world.now.0
        ));
    }
    let (view, text) = world.create(new_token("a"));
    for operation in OPERATIONS.iter().filter(|operation| operation.idempotent_by_key) {
        let (path, body) = sample(operation, &view.family, &text);
        let command = world.request_command(operation.method, &path, &body);
        let faults = possible(&command);
        if !faults.contains(&Fault::IdempotencyConflict) {
            assert!(
                matches!(command, Command::LookupToken(_) | Command::Authenticate),
                "{command:?} changes something"
            );
            continue;
        }
        refused(world, command.clone(), Some(("taken", "another")));
        let makes_a_token = matches!(
            command,
            Command::CreateToken(_) | Command::RotateToken { .. } | Command::RotateFamily { .. }
        );
        if !matches!(command, Command::CreateAdminKey(_)) {
            let key = if makes_a_token { "token gone" } else { "unreadable" };
            refused(world, command, Some((key, "body")));
        }
    }
}

/// What an owner alone may do to a protected token.
fn protected(world: &mut World, refused: &mut Refused<'_>) {
    let mut new = new_token("a");
    new.settings.protected = Some(true);
    let (view, _) = world.create(new);
    let serial = view.serial;
    world.database.one(
        "UPDATE token SET status = 'disabled' WHERE serial = (SELECT MAX(serial) FROM token) RETURNING 1",
    );
    let (_, operator) = world.admin_key(Role::Operator);
    let owner = world.key.clone();
    world.call_as(&operator);
    refused(world, Command::EnableToken(serial), None);
    world.database.one(
        "UPDATE token SET status = 'good', ends_at = expires_at * 1000 - 1, own_end = expires_at * 1000 - 1 \
        WHERE status = 'disabled' RETURNING 1",
    );
    let any = TokenEdit { origins: Some(OriginRules::Any), ..TokenEdit::default() };
    for command in [
        Command::CreateToken(NewToken {
            clone_of: Some(serial),
            settings: any.clone(),
            ..NewToken::default()
        }),
        Command::EditToken { serial, if_match: None, edit: any.clone() },
        Command::EditFamily { family: view.family.clone(), edit: any.clone() },
        Command::EndToken { serial, at: None, force: false },
        rotate(serial, Rotate { overrides: any.clone(), ..as_usual() }),
        Command::RotateFamily {
            family: view.family,
            rotate: Box::new(Rotate { overrides: any, ..as_usual() }),
        },
    ] {
        refused(world, command, None);
    }
    world.call_as(&owner);
    world.database.one("DELETE FROM token WHERE serial = (SELECT MAX(serial) FROM token) RETURNING 1");
}

type Refused<'a> = dyn FnMut(&mut World, Command, Option<(&str, &str)>) + 'a;

/// The refusals of rotations and families.
fn families(world: &mut World, refused: &mut Refused<'_>) {
    let nowhere = "fam_nowhere".to_owned();
    let of_family = |family: &str, how: Rotate| Command::RotateFamily {
        family: family.to_owned(),
        rotate: Box::new(how),
    };
    let edit = |family: &str, edit| Command::EditFamily { family: family.to_owned(), edit };
    let sort = Sort { by: SortBy::Label, ascending: true };
    let gone = TokenFilter { sort, below: Some(Serial(99)), ..TokenFilter::default() };
    refused(world, Command::ListTokens(gone), None);
    refused(world, Command::GetFamily(nowhere.clone()), None);
    refused(world, Command::GetFamilyToken(nowhere.clone()), None);
    let include_protected = false;
    refused(world, Command::RevokeFamily { family: nowhere.clone(), reason: None, include_protected }, None);
    refused(world, rotate(Serial(99), as_usual()), None);
    refused(world, of_family(&nowhere, as_usual()), None);
    refused(world, edit(&nowhere, edit_label("b")), None);
    let wrong = Some(vec!["unknown".to_owned()]);
    for command in [
        Command::RevokeTokens {
            bulk: Box::new(Bulk { filter: only_active(), dry_run: false, expect: Some(77) }),
            reason: None,
            owner_removed: false,
            include_protected,
        },
        Command::RotateTokens {
            bulk: Box::new(Bulk { filter: only_active(), dry_run: false, expect: Some(77) }),
            rotate: Box::new(as_usual()),
        },
        Command::ChangeTokens {
            bulk: Box::new(Bulk { filter: only_active(), dry_run: false, expect: Some(77) }),
            change: BulkChange::Disable,
        },
    ] {
        refused(world, command, None);
    }
    let both = |serial: Serial, family: &str, how: &Rotate| {
        [rotate(serial, how.clone()), of_family(family, how.clone())]
    };

    macro_rules! refuse_both {
        ($world:expr, $serial:expr, $family:expr, $how:expr, $key:expr) => {
            for command in both($serial, $family, $how) {
                refused($world, command, $key);
            }
        };
    }

    let first = world.token();
    let bad =
        Rotate { overrides: TokenEdit { audiences: wrong.clone(), ..TokenEdit::default() }, ..as_usual() };
    refuse_both!(world, first.serial, &first.family, &bad, None);
    let made = world.ask_idempotent(rotate(first.serial, as_usual()), idempotency("r", "body"));
    let Answer::Rotated(made) = made else { panic!("{made:?}") };
    let (leaf, family) = (made.token.serial, first.family.as_str());
    refuse_both!(world, leaf, family, &as_usual(), Some(("r", "another")));
    refuse_both!(world, leaf, family, &as_usual(), None);
    world.used(leaf);
    refuse_both!(world, leaf, family, &as_usual(), None);
    world.edit(leaf, TokenEdit { protected: Some(true), ..TokenEdit::default() });
    let now = Rotate { revoke_old: RevokeOld::Now, ..as_usual() };
    refuse_both!(world, leaf, family, &now, None);
    world.edit(leaf, TokenEdit { protected: Some(false), ..TokenEdit::default() });
    world.receipt(Command::DisableToken(leaf));
    refuse_both!(world, leaf, family, &as_usual(), None);
    let bad = edit(family, TokenEdit { audiences: wrong, ..TokenEdit::default() });
    refused(world, bad, None);
    let stop = Command::RevokeFamily { family: family.to_owned(), reason: None, include_protected };
    assert!(matches!(world.ask(stop), Answer::RevokedInBulk(_)));
    refuse_both!(world, leaf, family, &as_usual(), None);
    refused(world, Command::GetFamilyToken(family.to_owned()), None);
    refused(world, edit(family, edit_label("b")), None);
    let given_up = Rotate { supersede: Some(Supersede::Original), ..as_usual() };
    refuse_both!(world, leaf, family, &given_up, None);
}
