//! Protection: what each call of the admin API does to a protected token, asked by an operator and by an
//! owner.
//!
//! Every operation of the table stands in [`cases`]: a new one does not pass without being judged here.

use crate::deployment;
use crate::vectors;
use crate::world::{DAY, START, World, new_token};
use serde_json::{Value, json};
use wayleave::control::admin::fault_problem;
use wayleave::control::admin::operations::OPERATIONS;
use wayleave::control::registry::RegistrySettings;
use wayleave::control::registry::command::{Answer, Command, TokenEdit, TokenState, TokenView};
use wayleave::formats::admin_key::Role;
use wayleave::formats::origin::{MissingOrigin, OriginMode};
use wayleave::formats::rate_class::RateClasses;
use wayleave::formats::record::Record;
use wayleave::formats::token::Serial;

/// The table for other implementations.
#[test]
fn the_cases_are_those_of_the_vectors() {
    let rows = OPERATIONS.iter().flat_map(|operation| {
        cases(operation.id).into_iter().map(|(standing, body, by_operator, by_owner)| {
            json!({
                "operation": operation.id, "token": standing.name(), "body": json_of(body),
                "by_operator": by_operator.name(), "by_owner": by_owner.name(),
            })
        })
    });
    vectors::check("protection.json", &rows.collect());
}

fn json_of(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

/// How the token stands when it is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Standing {
    /// Active, without predecessor or successor.
    Alone,
    /// Disabled by an owner.
    Disabled,
    /// With an end that an owner set.
    Ending,
    /// Rotated as usual; the successor was not used yet.
    Rotated,
    /// Rotated by an owner, with `strict`.
    RotatedStrictly,
    /// With `auto_rotate` by a plan that leaves pages their time.
    Automatic,
    /// With `auto_rotate` as only an owner can set it.
    AutomaticStrictly,
    /// The unused successor of another.
    Waiting,
    /// The successor of another, in use.
    InUse,
}

/// What comes of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    Done,
    /// `token_protected`: an owner may.
    OwnersOnly,
    /// `token_protected`: not while it is protected.
    ClearFirst,
    /// `forbidden`: the role itself does not suffice.
    Forbidden,
    /// A bulk call leaves it out, as `token_protected`.
    LeftOut,
}

impl Standing {
    fn name(self) -> &'static str {
        match self {
            Alone => "active",
            Disabled => "disabled",
            Ending => "active, an end is set",
            Rotated => "rotated, its successor waits",
            RotatedStrictly => "rotated with strict, its successor waits",
            Automatic => "rotates by itself",
            AutomaticStrictly => "rotates by itself, with strict and a short life",
            Waiting => "the unused successor of another",
            InUse => "the used successor of another",
        }
    }
}

impl Then {
    fn name(self) -> &'static str {
        match self {
            Done => "done",
            OwnersOnly => "token_protected owners_only",
            ClearFirst => "token_protected clear_protected_first",
            Forbidden => "forbidden role",
            LeftOut => "left out, token_protected",
        }
    }
}

use Standing::{
    Alone, Automatic, AutomaticStrictly, Disabled, Ending, InUse, Rotated, RotatedStrictly, Waiting,
};
use Then::{ClearFirst, Done, Forbidden, LeftOut, OwnersOnly};

type Case = (Standing, &'static str, Then, Then);

const HARMLESS: (Then, Then) = (Done, Done);
const FOR_OWNERS: (Then, Then) = (OwnersOnly, Done);
const FOR_NOBODY: (Then, Then) = (ClearFirst, ClearFirst);
const FOR_THE_ROLE: (Then, Then) = (Forbidden, Done);

fn all(standing: Standing, (operator, owner): (Then, Then), bodies: &[&'static str]) -> Vec<Case> {
    bodies.iter().map(|body| (standing, *body, operator, owner)).collect()
}

/// What an edit is asked for: of a token, of a family, of the successor in a rotation, of a clone.
fn settings() -> Vec<Case> {
    let harmless = [
        r#"{"label":"b"}"#,
        r#"{"owner":"somebody"}"#,
        r#"{"metadata":{"a":1}}"#,
        // What it has already.
        r#"{"origins":["https://site.example"],"origin_mode":"enforce","audiences":["api"],"rate":null}"#,
        r#"{"quota":null}"#,
        r#"{"methods":null,"paths":null,"scope_mode":"enforce","claims":null}"#,
        r#"{"auto_rotate":null}"#,
        r#"{"auto_rotate":{"before_expiry_seconds":3600}}"#,
        concat!(
            r#"{"auto_rotate":{"before_expiry_seconds":3600,"expires_in":31536000,"#,
            r#""revoke_old":{"when":"never"}}}"#
        ),
    ];
    let for_owners = [
        r#"{"origins":["https://other.example"]}"#,
        r#"{"origins":["https://site.example","https://other.example"]}"#,
        r#"{"origins":"any"}"#,
        r#"{"origin_mode":"report"}"#,
        r#"{"missing_origin":"allow"}"#,
        r#"{"audiences":["other"]}"#,
        r#"{"audiences":["api","other"]}"#,
        r#"{"rate":"page"}"#,
        r#"{"quota":{"requests":10,"per":"month"}}"#,
        r#"{"external_id":"another-customer"}"#,
        r#"{"methods":["GET"]}"#,
        r#"{"paths":["/api/*"]}"#,
        r#"{"scope_mode":"report"}"#,
        r#"{"claims":{"plan":"gold"}}"#,
        r#"{"distribute":true}"#,
        r#"{"auto_rotate":{"before_expiry_seconds":3600,"expires_in":60}}"#,
        concat!(
            r#"{"auto_rotate":{"before_expiry_seconds":3600,"#,
            r#""revoke_old":{"when":"after","after_seconds":0,"strict":true}}}"#
        ),
        concat!(
            r#"{"auto_rotate":{"before_expiry_seconds":3600,"#,
            r#""revoke_old":{"when":"first_use","drain_seconds":0}}}"#
        ),
    ];
    let taken_back = [r#"{"auto_rotate":null}"#, r#"{"auto_rotate":{"before_expiry_seconds":7200}}"#];
    [
        all(Alone, HARMLESS, &harmless),
        all(Alone, FOR_OWNERS, &for_owners),
        all(Alone, FOR_THE_ROLE, &[r#"{"protected":false}"#, r#"{"protected":true}"#]),
        all(Automatic, HARMLESS, &taken_back),
        // What an owner alone could set, an owner alone takes back.
        all(AutomaticStrictly, FOR_OWNERS, &taken_back),
        all(AutomaticStrictly, HARMLESS, &[r#"{"label":"b"}"#]),
    ]
    .concat()
}

/// Every way to rotate a token.
fn rotations() -> Vec<Case> {
    let harmless = [
        "{}",
        r#"{"revoke_old":{"when":"after","after_seconds":0}}"#,
        r#"{"revoke_old":{"when":"first_use"}}"#,
        r#"{"revoke_old":{"when":"first_use","drain_seconds":172800}}"#,
        r#"{"revoke_old":{"when":"never"}}"#,
        r#"{"expires_in":31536000}"#,
        r#"{"expires_in":34536000}"#,
    ];
    let for_owners = [
        r#"{"revoke_old":{"when":"after","after_seconds":0,"strict":true}}"#,
        r#"{"revoke_old":{"when":"after","after_seconds":604800,"strict":true}}"#,
        r#"{"revoke_old":{"when":"after","after_seconds":0,"drain_seconds":0}}"#,
        r#"{"revoke_old":{"when":"first_use","drain_seconds":0}}"#,
        r#"{"revoke_old":{"when":"first_use","drain_seconds":3600}}"#,
        r#"{"revoke_old":{"when":"first_use","deadline_seconds":3600}}"#,
        r#"{"revoke_old":{"when":"first_use","deadline_seconds":604800}}"#,
        r#"{"revoke_old":{"when":"first_use","deadline_seconds":604800,"strict":true}}"#,
        r#"{"expires_in":60}"#,
    ];
    [
        all(Alone, HARMLESS, &harmless),
        all(Alone, FOR_OWNERS, &for_owners),
        all(Alone, FOR_NOBODY, &[r#"{"revoke_old":{"when":"now"}}"#]),
        all(Waiting, FOR_OWNERS, &[r#"{"supersede":"successor"}"#]),
        all(
            Waiting,
            FOR_NOBODY,
            &[r#"{"supersede":"original"}"#, r#"{"supersede":"original","force":true}"#],
        ),
        all(InUse, FOR_NOBODY, &[r#"{"revoke_oldest":true}"#]),
    ]
    .concat()
}

/// The same of a bulk call: what stands in the way of one token leaves it out.
fn in_bulk(rotations: Vec<Case>) -> Vec<Case> {
    let left_out = |then| if matches!(then, OwnersOnly | ClearFirst) { LeftOut } else { then };
    let rotations = rotations.into_iter();
    rotations
        .map(|(standing, body, operator, owner)| (standing, body, left_out(operator), left_out(owner)))
        .collect()
}

fn cases(operation: &str) -> Vec<Case> {
    match operation {
        // Of no token in particular.
        "createSession" | "getSession" | "deleteSession" | "listTokens" | "lookupToken" | "testOrigin"
        | "listEvents" | "listNotices" | "testWebhook" | "getConfiguration" | "getStatus" | "getMetrics"
        | "getOpenApi" | "getUsage" | "listRefusals" => vec![],
        "getToken" | "revealToken" | "getTokenUsage" | "probeToken" | "getTokenProbe" | "getFamily"
        | "getFamilyToken" => all(Alone, HARMLESS, &["{}"]),
        // For owners whatever they are done to.
        "listAdminKeys" | "createAdminKey" | "deleteAdminKey" | "listSigningKeys" | "activateSigningKey"
        | "retireSigningKey" => vec![],
        // Of no token in particular: `licences::protected_tokens_are_ended_by_an_owner_alone_who_says_so`.
        "setLicence" | "listLicences" | "switchOwnerOff" | "switchOwnerOn" | "listSwitchedOffOwners" => {
            vec![]
        }
        // A clone is another token: of one that carries the protection on, nothing else may differ.
        "createToken" => {
            let of_settings = settings().into_iter();
            let differing = of_settings.filter(|(_, body, ..)| !body.contains("protected"));
            let unprotected =
                [r#"{"protected":false}"#, r#"{"protected":false,"origins":"any","expires_in":60}"#];
            [
                differing.collect(),
                all(Alone, HARMLESS, &["{}", r#"{"expires_in":60}"#]),
                all(Alone, HARMLESS, &unprotected),
                all(Alone, FOR_THE_ROLE, &[r#"{"protected":true}"#]),
            ]
            .concat()
        }
        "editToken" => settings(),
        "editFamily" => [settings(), all(Rotated, FOR_OWNERS, &[r#"{"origins":"any"}"#])].concat(),
        "rotateToken" | "rotateFamily" => [rotations(), settings()].concat(),
        "rotateTokens" => in_bulk(rotations()),
        "revokeToken" => all(Alone, FOR_NOBODY, &[r#"{"force":true}"#]),
        "disableToken" => all(Alone, FOR_NOBODY, &["{}"]),
        "enableToken" => [all(Disabled, FOR_OWNERS, &["{}"]), all(Alone, HARMLESS, &["{}"])].concat(),
        "endToken" => {
            const SOON: &str = r#"{"at":"2026-11-29T02:00:00Z","force":true}"#;
            const LATER: &str = r#"{"at":"2027-02-22T02:00:00Z"}"#;
            const OFF: &str = r#"{"at":null}"#;
            [
                all(Alone, FOR_NOBODY, &[SOON]),
                all(Alone, HARMLESS, &[OFF]),
                all(Ending, FOR_NOBODY, &[SOON]),
                all(Ending, FOR_OWNERS, &[LATER, OFF]),
                all(Rotated, HARMLESS, &[OFF]),
                all(Rotated, FOR_NOBODY, &[LATER]),
                all(RotatedStrictly, FOR_OWNERS, &[OFF]),
            ]
            .concat()
        }
        "disableTokens" => all(Alone, (LeftOut, LeftOut), &["{}"]),
        "enableTokens" => [all(Disabled, (LeftOut, Done), &["{}"]), all(Alone, HARMLESS, &["{}"])].concat(),
        "changeOwner" => all(Alone, HARMLESS, &[r#"{"owner":"b"}"#, r#"{"owner":null}"#]),
        "revokeFamily" | "revokeTokens" => [
            all(Alone, (LeftOut, LeftOut), &["{}"]),
            all(Alone, FOR_THE_ROLE, &[r#"{"include_protected":true}"#]),
        ]
        .concat(),
        other => panic!("{other}: say here what it does to a protected token"),
    }
}

fn settings_of_two_apis() -> RegistrySettings {
    let rate_classes =
        RateClasses::parse(r#"{"page":{"requests":300,"per_seconds":60}}"#, |_| false).unwrap();
    RegistrySettings { rate_classes, ..deployment::settings("test", &["api", "other"]) }
}

/// A world with a protected token that stands so, and the key of an operator.
fn world(standing: Standing) -> (World, TokenView, String) {
    let mut world = World::with(settings_of_two_apis());
    let (_, operator) = world.admin_key(Role::Operator);
    let mut new = new_token("a");
    if standing == Waiting || standing == InUse {
        new.settings.protected = Some(true);
    }
    let first = world.create(new).0;
    let at = START.floor_seconds().plus_seconds(60 * DAY).to_millis();
    let rotate = |world: &mut World, body: &str| {
        let command = world.request_command("POST", &format!("/tokens/tok_{}/rotate", first.serial.0), body);
        match world.ask(command) {
            Answer::Rotated(made) => made.token.serial,
            other => panic!("{other:?}"),
        }
    };
    let serial = match standing {
        Waiting | InUse => {
            let leaf = rotate(&mut world, "{}");
            if standing == InUse {
                world.used(leaf);
            }
            leaf
        }
        Alone => first.serial,
        Automatic | AutomaticStrictly => {
            let strict = concat!(
                r#"{"auto_rotate":{"before_expiry_seconds":3600,"expires_in":86400,"#,
                r#""revoke_old":{"when":"after","strict":true}}}"#
            );
            let usual = r#"{"auto_rotate":{"before_expiry_seconds":3600}}"#;
            let body = if standing == Automatic { usual } else { strict };
            let path = format!("/tokens/tok_{}", first.serial.0);
            let command = world.request_command("PATCH", &path, body);
            assert!(matches!(world.ask(command), Answer::Edited { .. }));
            first.serial
        }
        Disabled => world.receipt(Command::DisableToken(first.serial)).serial,
        Ending => {
            world.receipt(Command::EndToken { serial: first.serial, at: Some(at), force: true });
            first.serial
        }
        Rotated | RotatedStrictly => {
            let strict = r#"{"revoke_old":{"when":"after","after_seconds":604800,"strict":true}}"#;
            rotate(&mut world, if standing == Rotated { "{}" } else { strict });
            first.serial
        }
    };
    let protect = TokenEdit { protected: Some(true), ..TokenEdit::default() };
    let view = world.edit(serial, protect).0;
    (world, view, operator)
}

/// The request of a case, as path and body.
fn request(operation: &str, path: &str, token: &TokenView, body: &str) -> (String, String) {
    let path = path
        .replace("/tokens/{id}", &format!("/tokens/tok_{}", token.serial.0))
        .replace("/families/{id}", &format!("/families/{}", token.family));
    let mut fields = json_of(body);
    let id = format!("tok_{}", token.serial.0);
    match operation {
        "createToken" => fields["clone_of"] = id.into(),
        "revokeTokens" | "rotateTokens" | "disableTokens" | "enableTokens" | "changeOwner" => {
            fields["filter"] = json!({ "q": id });
        }
        _ => {}
    }
    let is_read = operation.starts_with("get") || operation == "revealToken";
    (path, if is_read { String::new() } else { fields.to_string() })
}

fn what_came(answer: &Answer) -> Then {
    match answer {
        Answer::RevokedInBulk(step) | Answer::ChangedInBulk(step) if !step.skipped.is_empty() => {
            for left in &step.skipped {
                assert_eq!(fault_problem((*left.fault).clone()).code().code(), "token_protected", "{left:?}");
            }
            assert!(step.done.is_empty());
            LeftOut
        }
        Answer::RotatedInBulk(step) if !step.skipped.is_empty() => {
            for left in &step.skipped {
                assert_eq!(fault_problem((*left.fault).clone()).code().code(), "token_protected", "{left:?}");
            }
            assert!(step.done.is_empty());
            LeftOut
        }
        Answer::Refused(fault) => match format!("{fault:?}").as_str() {
            "Forbidden" => Forbidden,
            "OwnersOnly" => OwnersOnly,
            "TokenProtected" => ClearFirst,
            other => panic!("refused for another reason: {other}"),
        },
        _ => Done,
    }
}

/// Whom it admits, as its record says it to every location.
fn reach(world: &mut World, serial: Serial) -> Record {
    let record = world.record(serial).unwrap().record;
    Record { watched: false, successor: None, planned_end: None, ..record }
}

#[test]
fn each_call_does_to_a_protected_token_what_the_table_says() {
    let mut wrong = Vec::new();
    for operation in OPERATIONS.iter() {
        for (standing, body, by_operator, by_owner) in cases(operation.id) {
            for (role, expected) in [(Role::Operator, by_operator), (Role::Owner, by_owner)] {
                let (mut world, token, operator) = world(standing);
                let (path, body) = request(operation.id, operation.path, &token, body);
                let command = world.request_command(operation.method, &path, &body);
                let (before, family) = (reach(&mut world, token.serial), world.family(&token.family));
                let key = if role == Role::Operator { operator } else { world.key.clone() };
                world.call_as(&key);
                let came = what_came(&world.ask(command));
                let what = format!("{} {body} of one that is {standing:?}, by an {role:?}", operation.id);
                if came != expected {
                    wrong.push(format!("{what}: {came:?}, expected {expected:?}"));
                    continue;
                }
                if came != Done {
                    assert_eq!(world.family(&token.family), family, "{what}: something was changed");
                }
                if role == Role::Operator {
                    assert_eq!(reach(&mut world, token.serial), before, "{what}");
                    an_operator_cannot_have_it_ended(world, &token, &what);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

/// Whatever plan is requested: an operator who causes the successor's first use himself has not ended the
/// token a day later.
fn an_operator_cannot_have_it_ended(mut world: World, token: &TokenView, what: &str) {
    let newest = world.family(&token.family).tokens[0].serial;
    if newest != token.serial {
        world.used(newest);
    }
    world.seconds_pass(DAY - 1);
    world.alarms();
    let state = world.get(token.serial).state;
    assert!(matches!(state, TokenState::Active | TokenState::Disabled), "{what}: {state:?}");
    assert_eq!(state, token.state, "{what}");
}

/// What is not protected is an operator's, all of it.
#[test]
fn what_is_not_protected_is_an_operators() {
    let mut world = World::with(settings_of_two_apis());
    let TokenView { serial, family, .. } = world.token();
    let (_, operator) = world.admin_key(Role::Operator);
    world.call_as(&operator);
    for body in [r#"{"origins":"any"}"#, r#"{"origin_mode":"report","missing_origin":"allow","rate":"page"}"#]
    {
        let command = world.request_command("PATCH", &format!("/tokens/tok_{}", serial.0), body);
        assert!(matches!(world.ask(command), Answer::Edited { .. }), "{body}");
    }
    let record = world.record(serial).unwrap().record;
    assert_eq!((record.origin_mode, record.missing_origin), (OriginMode::Report, MissingOrigin::Allow));
    for body in [r#"{"expires_in":60}"#, r#"{"revoke_old":{"when":"now"}}"#] {
        let leaf = world.family(&family).tokens[0].serial;
        world.used(leaf);
        let all = format!(r#"{},"revoke_oldest":true}}"#, body.strip_suffix('}').unwrap());
        let command = world.request_command("POST", &format!("/tokens/tok_{}/rotate", leaf.0), &all);
        assert!(matches!(world.ask(command), Answer::Rotated(_)), "{body}");
    }
}
