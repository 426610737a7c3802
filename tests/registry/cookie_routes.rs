//! Tokens for routes to which pages may send cookies (`credentials` in `ROUTES`): each names the sites that
//! may use it.

use crate::world::{World, as_usual, edit_label, new_token, rotate, rules, settings};
use wayleave::control::registry::RegistrySettings;
use wayleave::control::registry::command::{Command, NewToken, Rotate, StatusWarning, TokenEdit};
use wayleave::formats::origin::{OriginMode, OriginRules};
use wayleave::formats::token::Serial;

/// Audiences `api` and `cookies`, the latter of a route that takes cookies.
fn with_cookies() -> RegistrySettings {
    RegistrySettings { credential_audiences: vec!["cookies".into()], ..before() }
}

/// The same deployment before that route took any.
fn before() -> RegistrySettings {
    RegistrySettings { audiences: vec!["api".into(), "cookies".into()], ..settings() }
}

fn audiences(names: &[&str]) -> TokenEdit {
    TokenEdit {
        audiences: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..TokenEdit::default()
    }
}

fn origins(origins: OriginRules) -> TokenEdit {
    TokenEdit { origins: Some(origins), ..TokenEdit::default() }
}

fn mode(mode: OriginMode) -> TokenEdit {
    TokenEdit { origin_mode: Some(mode), ..TokenEdit::default() }
}

fn token(names: &[&str], allowed: OriginRules, origin_mode: OriginMode) -> NewToken {
    let mut new = new_token("a site");
    new.settings = TokenEdit {
        audiences: audiences(names).audiences,
        origins: Some(allowed),
        origin_mode: Some(origin_mode),
        ..new.settings
    };
    new
}

fn site() -> OriginRules {
    rules(&["https://site.example"])
}

/// Every Firefox extension, and nobody else.
fn extensions() -> OriginRules {
    OriginRules::parse(&serde_json::json!(["moz-extension://*"]), &["moz-extension".to_owned()]).unwrap()
}

fn fault(field: &str) -> (String, String) {
    (field.to_owned(), "needs_origins".to_owned())
}

const ENFORCE: OriginMode = OriginMode::Enforce;
const REPORT: OriginMode = OriginMode::Report;

#[test]
fn a_new_token_names_its_origins_and_enforces_them() {
    let mut world = World::with(with_cookies());
    let mut faults =
        |names: &[&str], allowed, mode| world.field_faults(Command::CreateToken(token(names, allowed, mode)));
    assert_eq!(faults(&["cookies"], OriginRules::Any, ENFORCE), [fault("origins")]);
    assert_eq!(faults(&["cookies"], site(), REPORT), [fault("origin_mode")]);
    assert_eq!(
        faults(&["api", "cookies"], OriginRules::Any, REPORT),
        [fault("origins"), fault("origin_mode")]
    );
    assert_eq!(faults(&["cookies"], extensions(), ENFORCE), [fault("origins")]);
    world.create(token(&["cookies"], site(), ENFORCE));
    world.create(token(&["api"], OriginRules::Any, REPORT));
}

#[test]
fn an_edit_cannot_take_that_away() {
    let mut world = World::with(with_cookies());
    let named = world.create(token(&["cookies"], site(), ENFORCE)).0;
    let open = world.create(token(&["api"], OriginRules::Any, ENFORCE)).0;
    let mut faults = |serial, edit| world.field_faults(Command::EditToken { serial, if_match: None, edit });
    assert_eq!(faults(named.serial, origins(OriginRules::Any)), [fault("origins")]);
    assert_eq!(faults(named.serial, mode(REPORT)), [fault("origin_mode")]);
    assert_eq!(faults(open.serial, audiences(&["cookies"])), [fault("origins")]);
    let family = Command::EditFamily { family: named.family.clone(), edit: mode(REPORT) };
    assert_eq!(world.field_faults(family), [fault("origin_mode")]);
    world.edit(named.serial, TokenEdit { origin_mode: Some(REPORT), ..audiences(&["api"]) });
    world.edit(open.serial, TokenEdit { origins: Some(site()), ..audiences(&["cookies"]) });
}

#[test]
fn a_token_of_before_can_be_renamed_and_mended_but_not_carried_on() {
    let mut world = World::with(before());
    let old = world.create(token(&["cookies"], OriginRules::Any, ENFORCE)).0;
    assert_eq!(world.status().tokens_naming_no_origin, 0);
    world.restart(with_cookies());
    world.edit(old.serial, edit_label("renamed"));

    let clone = NewToken { clone_of: Some(old.serial), ..NewToken::default() };
    assert_eq!(world.field_faults(Command::CreateToken(clone)), [fault("origins")]);
    assert_eq!(world.field_faults(rotate(old.serial, as_usual())), [fault("origins")]);
    assert_eq!(world.tokens(crate::world::all()).0, [1], "nothing was made");

    world.rotate(old.serial, Rotate { overrides: origins(site()), ..as_usual() });
    assert_eq!(world.get(Serial(2)).policy.origins, site());
    world.edit(old.serial, audiences(&["api"]));
}

#[test]
fn status_counts_and_warns_of_those_that_their_route_refuses_now() {
    let mut world = World::with(before());
    for (names, allowed, mode) in [
        (["cookies"], OriginRules::Any, ENFORCE),
        (["cookies"], site(), REPORT),
        (["cookies"], extensions(), ENFORCE),
        (["cookies"], site(), ENFORCE),
        (["api"], OriginRules::Any, REPORT),
    ] {
        world.create(token(&names, allowed, mode));
    }
    assert_eq!(world.status().tokens_naming_no_origin, 0);
    world.restart(with_cookies());
    let status = world.status();
    assert_eq!(status.tokens_naming_no_origin, 3);
    assert!(status.warnings.contains(&StatusWarning::OriginsNotNamed));
    world.edit(Serial(1), origins(site()));
    world.revoke(Serial(2));
    world.edit(Serial(3), audiences(&["api"]));
    let status = world.status();
    assert_eq!(status.tokens_naming_no_origin, 0);
    assert!(!status.warnings.contains(&StatusWarning::OriginsNotNamed));
}
