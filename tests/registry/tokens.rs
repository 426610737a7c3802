//! Issuing, cloning, editing, revealing.

use crate::deployment;
use crate::world::{START, World, all, as_usual, auto_rotate, edit_label, new_token, rules, settings};
use wayleave::base::database::Value;
use wayleave::base::time::UnixSeconds;
use wayleave::control::registry::RegistrySettings;
use wayleave::control::registry::command::{
    Answer, Clash, Command, Fault, Lifetime, NewToken, TokenEdit, TokenPolicy, TokenState, TokenView,
};
use wayleave::control::registry::command::{Quota, QuotaCounts};
use wayleave::formats::fingerprint::fingerprint;
use wayleave::formats::key::KeyId;
use wayleave::formats::origin::{MissingOrigin, OriginMode, RuleWarning};
use wayleave::formats::rate_class::ClassName;
use wayleave::formats::scope::{Methods, Scope, ScopeMode, ScopePaths};
use wayleave::formats::token::{Serial, UnverifiedToken};
use wayleave::formats::upstream_claims::UpstreamClaims;
use wayleave::formats::usage::period::Per;

const YEAR: i64 = 365 * 86_400;

pub(crate) fn several_audiences() -> RegistrySettings {
    crate::deployment::settings("test", &["api", "tiles"])
}

fn field(name: &str, code: &str) -> (String, String) {
    (name.to_owned(), code.to_owned())
}

#[test]
fn a_new_token_verifies_and_shows_what_it_was_given() {
    let mut world = World::new();
    let mut new = new_token("a site");
    new.settings.owner = Some(Some("ann".into()));
    new.settings.metadata = Some(Some("{\"plan\":\"gold\"}".into()));
    let (token, text) = world.create(new);
    let claims = UnverifiedToken::parse(&text).unwrap().verify(&settings().ring).unwrap().claims();
    assert_eq!((claims.serial, claims.key_id), (Serial(1), KeyId(1)));
    // 02:00:00.250 rounds up to 02:00:01, so that the life is never shorter than requested.
    assert_eq!(claims.expires_at, UnixSeconds(START.0 / 1000 + 1 + YEAR));
    let expected = TokenView {
        serial: Serial(1),
        family: token.family.clone(),
        fingerprint: fingerprint(&text),
        key_id: KeyId(1),
        state: TokenState::Active,
        policy: TokenPolicy {
            label: "a site".into(),
            owner: Some("ann".into()),
            external_id: None,
            metadata: Some("{\"plan\":\"gold\"}".into()),
            origins: rules(&["https://site.example"]),
            origin_mode: OriginMode::Enforce,
            missing_origin: MissingOrigin::Refuse,
            audiences: vec!["api".into()],
            rate: None,
            quota: None,
            methods: None,
            paths: None,
            scope_mode: ScopeMode::Enforce,
            claims: None,
            protected: false,
            distribute: false,
            auto_rotate: None,
        },
        is_current: true,
        version: 1,
        created_at: START,
        created_by: "ADMIN_KEY".into(),
        expires_at: claims.expires_at,
        ends_at: None,
        licensed_until: None,
        revoked_at: None,
        revoked_reason: None,
        effective_by: None,
        rotation_obstacle: None,
        predecessor: None,
        successor: None,
        rotation: None,
        quota_use: None,
        scope_misses_routes: false,
        first_used_at: None,
        last_used_at: None,
    };
    assert_eq!(token, expected);
    assert_eq!(world.get(Serial(1)), expected);
    assert_eq!(world.ask(Command::LookupToken(Serial(1))), Answer::Token(Box::new(expected)));
}

fn methods() -> Methods {
    Methods::parse(["GET", "POST"]).unwrap()
}

fn paths() -> ScopePaths {
    ScopePaths::parse(["/tiles/*", "/api/x"]).unwrap()
}

fn claims() -> UpstreamClaims {
    UpstreamClaims::of(&serde_json::json!({"plan": "free", "public_only": true})).unwrap()
}

/// Each setting, and none has its default. It names all, so that a new one is not forgotten.
pub(crate) fn every_setting() -> TokenEdit {
    TokenEdit {
        label: Some("a shop".into()),
        owner: Some(Some("ann".into())),
        external_id: Some(Some("c-17".into())),
        metadata: Some(Some("{}".into())),
        origins: Some(rules(&["https://shop.example"])),
        origin_mode: Some(OriginMode::Report),
        missing_origin: Some(MissingOrigin::Allow),
        audiences: Some(vec!["tiles".into(), "api".into()]),
        rate: Some(ClassName::parse("page")),
        quota: Some(Some(Quota { requests: 1_000, per: Per::Day, counts: QuotaCounts::Family })),
        methods: Some(Some(methods())),
        paths: Some(Some(paths())),
        scope_mode: Some(ScopeMode::Report),
        claims: Some(Some(claims())),
        protected: Some(true),
        distribute: Some(true),
        auto_rotate: Some(Some(auto_rotate())),
    }
}

/// Compares by name, so that a new setting does not pass before it is given here.
#[test]
fn every_setting_is_stored_and_shown() {
    let mut world = World::with(several_audiences());
    let edit = every_setting();
    let made = world.create(NewToken { settings: edit.clone(), ..NewToken::default() }).0;
    let plain = world.create(new_token("a site")).0;
    let edited = world.edit(plain.serial, edit.clone()).0;
    let json = |of: &TokenView| serde_json::to_value(of).unwrap();
    let [made, edited] = [made, edited].map(|token| json(&world.get(token.serial)));
    for (name, given) in serde_json::to_value(edit).unwrap().as_object().unwrap() {
        // A setting that can be cleared is encoded as a list of one.
        let given = given
            .as_array()
            .filter(|_| name != "origins" && name != "audiences")
            .map_or(given, |one| &one[0]);
        assert_ne!(&json(&plain)[name], given, "{name} is the default: the test shows nothing");
        assert_eq!((&made[name], &edited[name]), (given, given), "{name}");
    }
}

#[test]
fn serials_and_families_are_each_their_own() {
    let mut world = World::new();
    let (first, second) = (world.token(), world.token());
    assert_eq!((first.serial, second.serial), (Serial(1), Serial(2)));
    assert_ne!(first.family, second.family);
}

#[test]
fn what_must_be_given_is_named_all_at_once() {
    // The deployment's only audience is not a default here, because the admin API fills it in.
    let mut world = World::new();
    let new = NewToken { lifetime: Some(Lifetime::ExpiresIn(59)), ..NewToken::default() };
    let expected = [
        field("label", "required"),
        field("origins", "required"),
        field("audiences", "required"),
        field("expires_in", "out_of_range"),
    ];
    assert_eq!(world.field_faults(Command::CreateToken(new)), expected);
    assert_eq!(world.tokens(all()).0, [0_u32; 0]);
}

#[test]
fn audiences_are_those_of_the_deployment() {
    let mut world = World::with(several_audiences());
    let with = |audiences: &[&str]| {
        let mut new = new_token("a");
        new.settings.audiences = Some(audiences.iter().map(|audience| (*audience).to_owned()).collect());
        new
    };
    assert_eq!(
        world.field_faults(Command::CreateToken(with(&["api", "maps"]))),
        [field("audiences[1]", "unknown_audience")]
    );
    assert_eq!(world.field_faults(Command::CreateToken(with(&[]))), [field("audiences", "required")]);
    assert_eq!(world.create(with(&["tiles", "api", "tiles"])).0.policy.audiences, ["tiles", "api"]);
    let edit = TokenEdit { audiences: Some(vec!["maps".into()]), ..TokenEdit::default() };
    let edit = Command::EditToken { serial: Serial(1), if_match: None, edit };
    assert_eq!(world.field_faults(edit), [field("audiences[0]", "unknown_audience")]);
}

#[test]
fn an_audience_that_was_dropped_stops_a_clone_but_not_an_edit() {
    let mut world = World::with(several_audiences());
    let mut new = new_token("a");
    new.settings.audiences = Some(vec!["tiles".into()]);
    let token = world.create(new).0;
    world.restart(settings());
    assert_eq!(world.edit(token.serial, edit_label("b")).0.policy.audiences, ["tiles"]);
    let clone = NewToken { clone_of: Some(token.serial), ..NewToken::default() };
    assert_eq!(
        world.field_faults(Command::CreateToken(clone.clone())),
        [field("audiences[0]", "unknown_audience")]
    );
    let settings = TokenEdit { audiences: Some(vec!["api".into()]), ..TokenEdit::default() };
    assert_eq!(world.create(NewToken { settings, ..clone }).0.policy.audiences, ["api"]);
}

#[test]
fn a_rule_that_would_be_refused_today_goes_on_where_it_was_saved_and_stops_a_clone() {
    let mut world = World::new();
    let mut new = new_token("a");
    new.settings.origins = Some(rules(&["shop.example"]));
    let token = world.create(new).0;
    // As a release saved it whose Public Suffix List did not know the suffixes below the name.
    let old = r#"["https://shop.example","https://*.amazonaws.com"]"#;
    world.database.one(&format!("UPDATE token SET origins = '{old}' WHERE serial = 1 RETURNING 1"));
    let shown = world.edit(token.serial, edit_label("b")).0;
    assert_eq!(serde_json::to_string(&shown.policy.origins).unwrap(), old);
    let codes: Vec<_> = shown.policy.origins.warnings().into_iter().map(RuleWarning::code).collect();
    assert_eq!(codes, ["public_suffix_rule"]);
    assert_eq!(world.record(token.serial).unwrap().record.origins, shown.policy.origins);

    let clone = NewToken { clone_of: Some(token.serial), ..NewToken::default() };
    let refused = [field("origins[1]", "public_suffix_rule")];
    assert_eq!(world.field_faults(Command::CreateToken(clone.clone())), refused);
    let settings = TokenEdit { origins: Some(rules(&["shop.example"])), ..TokenEdit::default() };
    assert_eq!(world.create(NewToken { settings, ..clone }).0.policy.origins, rules(&["shop.example"]));

    // Or a leaked token could not be replaced, and auto_rotate would let it run out.
    let successor = world.rotate(token.serial, as_usual()).token;
    assert_eq!(successor.policy.origins, shown.policy.origins);
}

#[test]
fn a_life_that_nobody_chose_is_the_shortest_default_of_its_routes_or_that_of_the_deployment() {
    let lifetimes = [("fast", 600), ("slow", 9_000), ("too long", 99_999)];
    let mut world = World::with(RegistrySettings {
        max_token_lifetime_seconds: 10_000,
        default_token_lifetime_seconds: 5_000,
        token_lifetimes: lifetimes.map(|(audience, seconds)| (audience.to_owned(), seconds)).into(),
        ..deployment::settings("test", &["api", "fast", "slow", "too long"])
    });
    let start = START.ceil_seconds();
    let with = |audiences: &[&str]| {
        let mut new = new_token("a");
        new.settings.audiences = Some(audiences.iter().map(|audience| (*audience).to_owned()).collect());
        new
    };
    for (audiences, seconds) in [
        (&["api"][..], 5_000),
        (&["fast"], 600),
        (&["slow"], 9_000),
        (&["slow", "fast", "api"], 600),
        (&["api", "slow"], 9_000),
        (&["too long"], 10_000),
    ] {
        let token = world.create(with(audiences)).0;
        assert_eq!(token.expires_at.0 - start.0, seconds, "{audiences:?}");
        let clone = NewToken { clone_of: Some(token.serial), ..NewToken::default() };
        assert_eq!(world.create(clone).0.expires_at.0 - start.0, seconds, "a clone for {audiences:?}");
    }
    let chosen = NewToken { lifetime: Some(Lifetime::ExpiresIn(7_000)), ..with(&["fast"]) };
    let chosen = world.create(chosen).0;
    assert_eq!(chosen.expires_at.0 - start.0, 7_000);
    // A successor lives as long as its predecessor was given.
    let successor = world.rotate(chosen.serial, as_usual()).token;
    assert_eq!(successor.expires_at.0 - start.0, 7_000);
}

#[test]
fn a_life_is_from_a_minute_to_the_maximum() {
    let mut world = World::with(RegistrySettings { max_token_lifetime_seconds: 1_000, ..settings() });
    let start = START.ceil_seconds();
    let mut create = |lifetime| world.ask(Command::CreateToken(NewToken { lifetime, ..new_token("a") }));
    let end = |answer| match answer {
        Answer::Created { token, .. } => Ok(token.expires_at.0 - start.0),
        Answer::Refused(Fault::Fields(faults)) => Err(faults[0].field.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(end(create(None)), Ok(1_000), "the default is at most the maximum");
    for seconds in [60, 1_000] {
        assert_eq!(end(create(Some(Lifetime::ExpiresIn(seconds)))), Ok(seconds));
        assert_eq!(end(create(Some(Lifetime::ExpiresAt(start.plus_seconds(seconds))))), Ok(seconds));
    }
    for seconds in [i64::MIN, -1, 0, 59, 1_001, i64::MAX] {
        assert_eq!(end(create(Some(Lifetime::ExpiresIn(seconds)))), Err("expires_in".into()));
        let at = start.plus_seconds(seconds);
        assert_eq!(end(create(Some(Lifetime::ExpiresAt(at)))), Err("expires_at".into()), "{at:?}");
    }
}

#[test]
fn a_clone_copies_every_setting_and_given_fields_win() {
    let mut world = World::with(several_audiences());
    let first = world.create(NewToken { settings: every_setting(), ..NewToken::default() }).0;
    let clone = world.create(NewToken { clone_of: Some(first.serial), ..NewToken::default() }).0;
    let same = TokenView {
        serial: clone.serial,
        family: clone.family.clone(),
        fingerprint: clone.fingerprint.clone(),
        ..first.clone()
    };
    assert_eq!(clone, same);
    assert_ne!(clone.family, first.family);
    let settings = TokenEdit { owner: Some(None), ..edit_label("second") };
    let second = world.create(NewToken { clone_of: Some(first.serial), settings, ..NewToken::default() }).0;
    assert_eq!((second.policy.label.as_str(), second.policy.owner), ("second", None));
    assert_eq!(second.policy.external_id.as_deref(), Some("c-17"));
}

#[test]
fn only_an_active_token_is_cloned() {
    let mut world = World::new();
    let (disabled, revoked, short) = (world.token(), world.token(), {
        world.create(NewToken { lifetime: Some(Lifetime::ExpiresIn(60)), ..new_token("short") }).0
    });
    world.receipt(Command::DisableToken(disabled.serial));
    world.revoke(revoked.serial);
    world.seconds_pass(61);
    for serial in [disabled.serial, revoked.serial, short.serial, Serial(99)] {
        let clone = NewToken { clone_of: Some(serial), ..NewToken::default() };
        assert_eq!(world.field_faults(Command::CreateToken(clone)), [field("clone_of", "not_valid")]);
    }
}

#[test]
fn an_edit_raises_the_version_and_a_stale_if_match_changes_nothing() {
    let mut world = World::new();
    let serial = world.token().serial;
    let edit = |if_match, label| Command::EditToken { serial, if_match, edit: edit_label(label) };
    let Answer::Edited { token, .. } = world.ask(edit(Some(1), "b")) else { panic!() };
    assert_eq!((token.version, token.policy.label.as_str()), (2, "b"));
    let before = world.database.dump();
    assert_eq!(world.fault(edit(Some(1), "c")), Fault::PreconditionFailed);
    assert_eq!(world.fault(edit(Some(3), "c")), Fault::PreconditionFailed);
    assert_eq!(world.database.dump(), before);
    let Answer::Edited { token, .. } = world.ask(edit(None, "d")) else { panic!() };
    assert_eq!(token.version, 3);
}

#[test]
fn an_edit_that_changes_nothing_raises_nothing() {
    let mut world = World::new();
    let serial = world.token().serial;
    let before = world.database.dump();
    let (token, receipt) = world.edit(serial, edit_label("a site"));
    assert_eq!(token.version, 1);
    assert_eq!(receipt.state, TokenState::Active);
    assert_eq!(world.database.dump(), before);
}

#[test]
fn every_setting_can_be_edited_and_cleared_and_the_record_follows() {
    let mut world = World::with(several_audiences());
    let mut new = new_token("a");
    new.settings.audiences = Some(vec!["api".into()]);
    new.settings.owner = Some(Some("ann".into()));
    let serial = world.create(new).0.serial;
    let everything = TokenEdit {
        label: Some("b".into()),
        owner: Some(None),
        external_id: Some(Some("x".into())),
        metadata: Some(Some("{\"a\":1}".into())),
        origins: Some(rules(&["*.other.example", "http://localhost:*"])),
        origin_mode: Some(OriginMode::Report),
        missing_origin: Some(MissingOrigin::Allow),
        audiences: Some(vec!["tiles".into()]),
        rate: Some(ClassName::parse("page")),
        quota: Some(Some(Quota { requests: 1_000, per: Per::Day, counts: QuotaCounts::Family })),
        methods: Some(Some(methods())),
        paths: Some(Some(paths())),
        scope_mode: Some(ScopeMode::Report),
        claims: Some(Some(claims())),
        protected: Some(true),
        distribute: Some(true),
        auto_rotate: Some(Some(auto_rotate())),
    };
    let (token, _) = world.edit(serial, everything);
    assert_eq!((token.policy.label.as_str(), token.policy.owner.as_ref()), ("b", None));
    assert!(token.policy.protected);
    assert_eq!(world.get(serial), token);
    let record = world.record(serial).unwrap();
    assert_eq!(record.version, 2);
    assert_eq!(record.record.origins, rules(&["*.other.example", "http://localhost:*"]));
    assert_eq!(
        (record.record.origin_mode, record.record.missing_origin),
        (OriginMode::Report, MissingOrigin::Allow)
    );
    assert_eq!(record.record.audiences, ["tiles"]);
    assert_eq!(
        (&record.record.rate, &token.policy.rate),
        (&ClassName::parse("page"), &ClassName::parse("page"))
    );
    assert_eq!(record.record.scope, Scope { methods: Some(methods()), paths: Some(paths()) });
    assert_eq!((record.record.scope_mode, &record.record.claims), (ScopeMode::Report, &Some(claims())));
    assert_eq!(record.record.external_id.as_deref(), Some("x"));
    assert_eq!((record.record.key_id, record.record.expires_at), (token.key_id, token.expires_at));
    assert_eq!(record.record.family.as_str(), token.family);
    let (token, _) = world.edit(serial, TokenEdit { rate: Some(None), ..TokenEdit::default() });
    assert_eq!((token.policy.rate, world.record(serial).unwrap().record.rate), (None, None));
}

#[test]
fn what_has_ended_is_not_edited_and_what_is_not_there_not_found() {
    let mut world = World::new();
    let (revoked, disabled) = (world.token().serial, world.token().serial);
    world.revoke(revoked);
    world.receipt(Command::DisableToken(disabled));
    let edit = |serial| Command::EditToken { serial, if_match: None, edit: edit_label("b") };
    assert_eq!(world.fault(edit(revoked)), Fault::TokenEnded);
    assert_eq!(world.fault(edit(Serial(99))), Fault::NotFound);
    assert_eq!(world.fault(Command::GetToken(Serial(99))), Fault::NotFound);
    assert_eq!(world.fault(Command::LookupToken(Serial(99))), Fault::NotFound);
    assert_eq!(world.fault(Command::RevealToken(Serial(99))), Fault::NotFound);
    assert_eq!(world.edit(disabled, edit_label("b")).0.state, TokenState::Disabled);
    world.seconds_pass(YEAR + 1);
    assert_eq!(world.fault(edit(disabled)), Fault::TokenEnded);
}

#[test]
fn a_token_is_revealed_in_any_state_and_stored_nowhere() {
    let mut world = World::new();
    let (token, text) = world.create(new_token("a"));
    assert_eq!(world.ask(Command::RevealToken(token.serial)), Answer::Revealed(text.clone()));
    world.revoke(token.serial);
    assert_eq!(world.ask(Command::RevealToken(token.serial)), Answer::Revealed(text.clone()));
    assert!(!world.database.dump().contains(&text));
    assert_eq!(world.actions()[1..], ["token.created", "token.revealed", "token.revoked", "token.revealed"]);
}

#[test]
fn the_audit_shows_what_changed_and_only_that() {
    let mut world = World::new();
    let serial = world.token().serial;
    world.edit(serial, TokenEdit { owner: Some(Some("ann".into())), ..edit_label("b") });
    let events = world.events();
    let (created, edited) = (&events[1], &events[2]);
    assert_eq!((created.actor.as_str(), created.token), ("key_1 ADMIN_KEY", Some(serial)));
    assert_eq!(created.family.as_ref(), Some(&world.get(serial).family));
    let json = |text: &Option<String>| -> serde_json::Value {
        serde_json::from_str(text.as_ref().unwrap()).unwrap()
    };
    assert_eq!(created.before, None);
    assert_eq!(json(&created.after)["origins"], serde_json::json!(["https://site.example"]));
    assert_eq!(json(&created.after)["expires_at"], "2027-11-22T02:00:01Z");
    assert_eq!(json(&edited.before), serde_json::json!({ "label": "a site", "owner": null }));
    assert_eq!(json(&edited.after), serde_json::json!({ "label": "b", "owner": "ann" }));
    let TokenEdit { methods, paths, claims, quota, .. } = every_setting();
    world.edit(serial, TokenEdit { methods, paths, claims, quota, ..TokenEdit::default() });
    world.edit(serial, TokenEdit { quota: Some(None), ..TokenEdit::default() });
    let events = world.events();
    let (restricted, unlimited) = (&events[3], &events[4]);
    let none = serde_json::json!({ "methods": null, "paths": null, "claims": null, "quota": null });
    assert_eq!(json(&restricted.before), none);
    let quota = serde_json::json!({ "requests": 1_000, "per": "day", "counts": "family" });
    let given = serde_json::json!({
        "methods": ["GET", "POST"],
        "paths": ["/tiles/*", "/api/x"],
        "claims": r#"{"plan":"free","public_only":true}"#,
        "quota": quota,
    });
    assert_eq!(json(&restricted.after), given);
    assert_eq!(json(&unlimited.before), serde_json::json!({ "quota": quota }));
    assert_eq!(json(&unlimited.after), serde_json::json!({ "quota": null }));
}

#[test]
fn when_serials_run_out_nothing_is_issued() {
    let mut world = World::new();
    world.database.one("UPDATE registry SET highest_serial = 4294967295 RETURNING 1");
    assert_eq!(world.fault(Command::CreateToken(new_token("a"))), Fault::Conflict(Clash::SerialsUsedUp));
    assert_eq!(world.database.one("SELECT COUNT(*) FROM token"), Value::Integer(0));
}

#[test]
fn a_path_that_reaches_no_route_of_the_audiences_is_shown_with_the_token() {
    let mut world = World::with(several_audiences());
    let given = |audience: &str, paths: &[&str]| {
        let mut new = new_token("a site");
        new.settings.audiences = Some(vec![audience.into()]);
        new.settings.paths = Some(ScopePaths::parse(paths.iter().copied()).ok());
        new
    };
    let cases: [(&str, &[&str], bool); 6] = [
        ("api", &["/api/x"], false),
        ("api", &["/*"], false),
        ("api", &["/tiles/x"], true),
        ("tiles", &["/tiles/x"], false),
        ("tiles", &["/tiles/x", "/tilez/*"], true),
        ("api", &[], false),
    ];
    for (audience, paths, misses) in cases {
        let made = world.create(given(audience, paths)).0;
        assert_eq!(made.scope_misses_routes, misses, "{paths:?} for {audience}");
        assert_eq!(world.get(made.serial).scope_misses_routes, misses);
    }
}
