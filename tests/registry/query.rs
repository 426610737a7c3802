//! `GET /tokens`: filters, pages, search; `GET /events` and `GET /status`.

use crate::world::{START, World, all, edit_label, new_token, rules, settings};
use wayleave::base::time::UnixSeconds;
use wayleave::control::registry::RegistrySettings;
use wayleave::control::registry::command::{
    Answer, Command, EventFilter, Fault, Lifetime, NewToken, TokenEdit, TokenFilter, TokenState,
};
use wayleave::formats::admin_key::Role;
use wayleave::formats::key::{KeyId, KeyRing};
use wayleave::formats::origin::{Origin, OriginRules, TupleOrigin};
use wayleave::formats::token::{Claims, Serial};
use zeroize::Zeroizing;

fn q(text: &str) -> TokenFilter {
    TokenFilter { q: Some(text.into()), ..all() }
}

fn tuple(text: &str) -> TupleOrigin {
    match Origin::parse_header(text) {
        Some(Origin::Tuple(origin)) => origin,
        other => panic!("{other:?}"),
    }
}

fn labelled(label: &str, owner: Option<&str>, external_id: Option<&str>) -> NewToken {
    let mut new = new_token(label);
    new.settings.owner = Some(owner.map(str::to_owned));
    new.settings.external_id = Some(external_id.map(str::to_owned));
    new
}

/// Serials 1 to 4: active, disabled, revoked, expired (disabled before).
fn one_of_each(world: &mut World) {
    let short = NewToken { lifetime: Some(Lifetime::ExpiresIn(60)), ..new_token("a") };
    let [_, disabled, revoked] = [(); 3].map(|()| world.token().serial);
    let ended = world.create(short.clone()).0.serial;
    let revoked_and_ended = world.create(short).0.serial;
    world.receipt(Command::DisableToken(disabled));
    world.revoke(revoked);
    world.receipt(Command::DisableToken(ended));
    world.revoke(revoked_and_ended);
    world.seconds_pass(61);
}

#[test]
fn every_state_is_found_and_shown_alike() {
    let mut world = World::new();
    one_of_each(&mut world);
    // An operator's earlier end.
    world.token();
    world.database.one(&format!("UPDATE token SET ends_at = {} WHERE serial = 6 RETURNING 1", world.now.0));
    let sql = format!("UPDATE token_order SET by_end = {} WHERE of_serial = 6 RETURNING 1", world.now.0);
    world.database.one(&sql);
    let expected = [
        (TokenState::Active, vec![1]),
        (TokenState::Disabled, vec![2]),
        (TokenState::Revoked, vec![5, 3]),
        (TokenState::Expired, vec![6, 4]),
    ];
    let counts = world.status().tokens;
    for (at, (state, serials)) in expected.into_iter().enumerate() {
        assert_eq!(world.tokens(TokenFilter { state: Some(state), ..all() }).0, serials, "{state:?}");
        assert_eq!(counts[at], serials.len() as u64, "{state:?}");
        for serial in serials {
            assert_eq!(world.get(Serial(serial)).state, state, "{serial}");
        }
    }
    assert_eq!(world.tokens(all()).0, [6, 5, 4, 3, 2, 1]);
}

#[test]
fn pages_are_newest_first_and_end() {
    let mut world = World::new();
    for _ in 0..5 {
        world.token();
    }
    let page = |below: Option<u32>| TokenFilter { limit: 2, below: below.map(Serial), ..all() };
    assert_eq!(world.tokens(page(None)), (vec![5, 4], Some(Serial(4))));
    // A token issued between two pages shifts nothing.
    world.token();
    assert_eq!(world.tokens(page(Some(4))), (vec![3, 2], Some(Serial(2))));
    assert_eq!(world.tokens(page(Some(2))), (vec![1], None));
    assert_eq!(world.tokens(page(Some(1))), (vec![], None));
    assert_eq!(world.tokens(TokenFilter { limit: 6, ..all() }).1, None, "a full last page is the last");
}

#[test]
fn each_filter_keeps_what_it_names_and_together_all_must_hold() {
    let both = vec!["api".to_owned(), "tiles".to_owned()];
    let mut world = World::with(RegistrySettings { audiences: both, ..settings() });
    let with = |audiences: &[&str], owner, external_id| {
        let mut new = labelled("a", owner, external_id);
        new.settings.audiences = Some(audiences.iter().map(|audience| (*audience).to_owned()).collect());
        new
    };
    let first = world.create(with(&["api"], Some("ann"), Some("c-1"))).0;
    world.create(with(&["tiles"], Some("ann"), Some("c-2")));
    world.create(with(&["api", "tiles"], Some("bob"), None));
    let owner = |owner: &str| TokenFilter { owner: Some(owner.into()), ..all() };
    let audience = |audience: &str| TokenFilter { audience: Some(audience.into()), ..all() };
    assert_eq!(world.tokens(owner("ann")).0, [2, 1]);
    assert_eq!(world.tokens(owner("an")).0, [0_u32; 0]);
    assert_eq!(world.tokens(TokenFilter { external_id: Some("c-2".into()), ..all() }).0, [2]);
    assert_eq!(world.tokens(audience("api")).0, [3, 1]);
    assert_eq!(world.tokens(audience("ap")).0, [0_u32; 0]);
    assert_eq!(world.tokens(TokenFilter { family: Some(first.family), ..all() }).0, [1]);
    assert_eq!(world.tokens(TokenFilter { key_id: Some(KeyId(1)), ..all() }).0, [3, 2, 1]);
    assert_eq!(world.tokens(TokenFilter { key_id: Some(KeyId(2)), ..all() }).0, [0_u32; 0]);
    assert_eq!(world.tokens(TokenFilter { audience: Some("tiles".into()), ..owner("bob") }).0, [3]);
    assert_eq!(world.tokens(TokenFilter { external_id: Some("c-2".into()), ..owner("bob") }).0, [0_u32; 0]);
}

#[test]
fn tokens_that_end_soon_are_active_ones() {
    let mut world = World::new();
    let ending = |seconds| NewToken { lifetime: Some(Lifetime::ExpiresIn(seconds)), ..new_token("a") };
    let [_, soon, late] = [60, 1_000, 5_000].map(|seconds| world.create(ending(seconds)).0.serial);
    let disabled = world.create(ending(1_000)).0.serial;
    world.receipt(Command::DisableToken(disabled));
    world.seconds_pass(61);
    let within = |seconds| TokenFilter { expiring_within_seconds: Some(seconds), ..all() };
    assert_eq!(world.tokens(within(2_000)).0, [soon.0]);
    assert_eq!(world.tokens(within(10_000)).0, [late.0, soon.0]);
    assert_eq!(world.tokens(within(0)).0, [0_u32; 0]);
    assert_eq!(world.tokens(within(i64::MAX)).0, [late.0, soon.0]);
}

#[test]
fn search_finds_the_hosts_in_rules() {
    let mut world = World::new();
    let mut with = |label: &str, origins: &[&str]| {
        let mut new = new_token(label);
        new.settings.origins = Some(rules(origins));
        world.create(new);
    };
    with("one", &["https://shop.example", "https://other.example"]);
    with("two", &["http://shop.example:8080"]);
    with("three", &["https://*.shop.example"]);
    with("shop.example in its label", &["https://elsewhere.example"]);
    let mut found = |text: &str| world.tokens(q(text)).0;
    assert_eq!(found("shop.example"), [4, 3, 2, 1]);
    assert_eq!(found("SHOP.example"), [4, 3, 2, 1]);
    assert_eq!(found("www.shop.example"), [3]);
    assert_eq!(found("*.shop.example"), [3]);
    assert_eq!(found("other.example"), [1]);
    assert_eq!(found("hop.example"), [4], "part of a label, and of no host");
}

#[test]
fn search_finds_names_in_any_case_ids_tokens_and_their_ends() {
    let mut world = World::new();
    let (first, text) = world.create(labelled("Müller GmbH", Some("Ann Ärmel"), Some("CUST-0007")));
    world.create(labelled("100% pure_sugar", None, None));
    world.create(labelled("tok_1 lookalike", None, None));
    for (query, serials) in [
        ("müller", vec![1]),
        ("MÜLLER GMBH", vec![1]),
        ("ärmel", vec![1]),
        ("cust-0007", vec![1]),
        ("  gmbh ", vec![1]),
        ("100%", vec![2]),
        ("pure_sugar", vec![2]),
        ("pure-sugar", vec![]),
        ("%", vec![2]),
        ("tok_2", vec![2]),
        ("tok_1", vec![3, 1]),
        ("tok_99999999999", vec![]),
        ("2", vec![]),
        (&text, vec![]),
        (&text[32..], vec![1]),
        (&text[33..], vec![]),
        (&text[..32], vec![]),
        ("", vec![3, 2, 1]),
        ("  ", vec![3, 2, 1]),
        // The end of one field and the start of the next do not match together.
        ("gmbhann", vec![]),
    ] {
        assert_eq!(world.tokens(q(query)).0, serials, "{query:?}");
    }
    assert_eq!(world.tokens(q(&"ü".repeat(1_000))).0, [0_u32; 0], "longer than LIKE allows");
    world.edit(first.serial, edit_label("Schmidt"));
    assert_eq!(world.tokens(q("müller")).0, [0_u32; 0]);
    assert_eq!(world.tokens(q("schmidt")).0, [1]);
}

/// `GET /tokens?q=<a whole token>`, from the request to the page.
#[test]
fn a_whole_token_finds_itself_and_no_token_that_is_named_after_it() {
    let mut world = World::new();
    let (first, text) = world.create(new_token("a"));
    world.create(labelled("clone of tok_1", Some("tok_1"), None));
    let mut found = |q: &str| {
        let command = world.request_command("GET", &format!("/tokens?q={q}"), "");
        match world.ask(command) {
            Answer::Tokens { items, .. } => items.iter().map(|token| token.serial).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(found(&text), [first.serial]);
    assert_eq!(found(&text.replace("wlp_AQEA", "wlp_AQIA")), []);
    let elsewhere = KeyRing::derive(&[(KeyId(1), Zeroizing::new(vec![7; 32]))], "other");
    let claims = Claims { key_id: KeyId(1), serial: Serial(1), expires_at: UnixSeconds(2_000_000_000) };
    assert_eq!(found(&claims.mint(&elsewhere).unwrap()), []);
    let both = TokenFilter { serial: Some(first.serial), ..q("clone") };
    assert_eq!(world.tokens(both).0, [0_u32; 0], "all filters must hold");
}

#[test]
fn an_origin_finds_the_tokens_that_would_admit_it() {
    let mut world = World::new();
    let mut with = |origins| {
        let mut new = new_token("a");
        new.settings.origins = Some(origins);
        world.create(new);
    };
    with(OriginRules::Any);
    with(rules(&["shop.example"]));
    with(rules(&["*.shop.example", "other.example"]));
    with(rules(&["www.shop.example:8443", "http://localhost:*"]));
    with(rules(&["https://[2001:db8::1]:8443", "192.0.2.1"]));
    let extensions = ["moz-extension".to_owned()];
    with(OriginRules::parse(&serde_json::json!(["moz-extension://*"]), &extensions).unwrap());
    let mut at = |origin: &str| world.tokens(TokenFilter { origin: Some(tuple(origin)), ..all() }).0;
    assert_eq!(at("https://shop.example"), [2, 1]);
    assert_eq!(at("https://www.shop.example"), [3, 1]);
    assert_eq!(at("https://a.b.shop.example"), [3, 1]);
    assert_eq!(at("https://www.shop.example:8443"), [4, 1]);
    assert_eq!(at("http://shop.example"), [1]);
    assert_eq!(at("http://localhost:3000"), [4, 1]);
    assert_eq!(at("https://[2001:db8::1]:8443"), [5, 1]);
    assert_eq!(at("https://192.0.2.1"), [5, 1]);
    assert_eq!(at("moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc"), [6, 1]);
    assert_eq!(at("https://2c127fa4-62c7-7e4f-90e5-472b45eecfdc"), [1]);
    assert_eq!(at("https://evilshop.example"), [1]);
    assert_eq!(at("https://[2001:db8::1]"), [1]);
    // The index follows an edit.
    world.edit(Serial(2), TokenEdit { origins: Some(rules(&["moved.example"])), ..TokenEdit::default() });
    let mut at = |origin: &str| world.tokens(TokenFilter { origin: Some(tuple(origin)), ..all() }).0;
    assert_eq!(at("https://shop.example"), [1]);
    assert_eq!(at("https://moved.example"), [2, 1]);
}

#[test]
fn a_page_by_origin_is_full_although_sql_lets_a_few_too_many_through() {
    let mut world = World::new();
    for at in 0..40 {
        // The host is the same but the port is not: only the rules themselves distinguish them.
        let rule = if at % 10 == 0 { "site.example:8443" } else { "site.example" };
        let mut new = new_token("a");
        new.settings.origins = Some(rules(&[rule]));
        world.create(new);
    }
    let page = |below: Option<u32>| TokenFilter {
        origin: Some(tuple("https://site.example:8443")),
        limit: 2,
        below: below.map(Serial),
        ..all()
    };
    assert_eq!(world.tokens(page(None)), (vec![31, 21], Some(Serial(21))));
    assert_eq!(world.tokens(page(Some(21))), (vec![11, 1], None));
}

#[test]
fn filters_use_their_indices() {
    let world = World::new();
    for (condition, index) in [
        ("family = ?", "token_by_family"),
        ("owner = ?", "token_by_owner"),
        ("external_id = ?", "token_by_external_id"),
        ("status = 'revoked'", "token_by_status"),
        ("serial < ?", "PRIMARY KEY"),
    ] {
        let plan = world
            .database
            .plan(&format!("SELECT label FROM token WHERE {condition} ORDER BY serial DESC LIMIT ?"));
        assert!(plan.contains(index), "{condition}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{condition} sorts: {plan}");
    }
}

#[test]
fn events_are_newest_first_by_pages_and_by_token_and_family() {
    let mut world = World::new();
    let (first, second) = (world.token(), world.token());
    world.revoke(first.serial);
    let mut page = |filter| match world.ask(Command::ListEvents(filter)) {
        Answer::Events { items, next } => (items.iter().map(|event| event.id).collect::<Vec<_>>(), next),
        other => panic!("{other:?}"),
    };
    let limit = |limit| EventFilter { limit, ..EventFilter::default() };
    assert_eq!(page(limit(3)), (vec![4, 3, 2], Some(2)));
    assert_eq!(page(EventFilter { below: Some(2), ..limit(3) }), (vec![1], None));
    assert_eq!(page(EventFilter { below: Some(i64::MAX), ..limit(1) }), (vec![4], Some(4)));
    assert_eq!(page(EventFilter { token: Some(first.serial), ..limit(9) }), (vec![4, 2], None));
    assert_eq!(page(EventFilter { family: Some(second.family), ..limit(9) }), (vec![3], None));
    assert_eq!(page(EventFilter { token: Some(Serial(9)), ..limit(9) }), (vec![], None));
}

/// Only an owner may call `GET /admin-keys`, or see audit events about admin keys, sessions and signing keys.
#[test]
fn events_of_no_token_are_for_owners_alone() {
    let mut world = World::new();
    let owner = world.key.clone();
    let first = world.token();
    let keys: Vec<_> = [Role::Viewer, Role::Operator].map(|role| world.admin_key(role).1).into();
    world.activate(KeyId(2));
    assert!(matches!(world.ask(Command::OpenSession), Answer::SessionOpened { .. }));
    let second = world.token();
    let all = world.events();
    let actions =
        |world: &mut World| -> Vec<String> { world.events().into_iter().map(|event| event.action).collect() };
    let of_tokens = ["token.created", "token.created"];
    assert!(all.iter().any(|event| event.action == "admin_key.created"), "{all:?}");
    for key in &keys {
        world.call_as(key);
        assert_eq!(actions(&mut world), of_tokens);
        // Page by page: what is left out does not make a page short, nor end the list.
        let page = |world: &mut World, below| match world.ask(Command::ListEvents(EventFilter {
            limit: 1,
            below,
            ..EventFilter::default()
        })) {
            Answer::Events { items, next } => {
                (items.iter().map(|event| event.token).collect::<Vec<_>>(), next)
            }
            other => panic!("{other:?}"),
        };
        let (items, next) = page(&mut world, None);
        assert_eq!(items, [Some(second.serial)]);
        assert_eq!(page(&mut world, next), (vec![Some(first.serial)], None));
        let of_one = EventFilter { token: Some(first.serial), limit: 9, ..EventFilter::default() };
        let Answer::Events { items, .. } = world.ask(Command::ListEvents(of_one)) else { panic!() };
        assert_eq!(items.len(), 1);
        let told = format!("{:?}", world.events());
        assert!(!told.contains("admin_key") && !told.contains("role"), "{told}");
    }
    world.call_as(&owner);
    assert_eq!(world.events(), all);
}

#[test]
fn the_status_says_what_is_held_and_owed() {
    let mut world = World::new();
    let serial = world.token().serial;
    world.revoke(serial);
    world.list();
    world.record(serial);
    let status = world.status();
    assert_eq!(status.list_number, (1, 1));
    assert_eq!((status.list_entries, status.highest_serial, status.signing_key), (1, Serial(1), KeyId(1)));
    assert!(status.list_bytes > 20, "{}", status.list_bytes);
    assert_eq!((status.outbox_pending, status.outbox_oldest_at), (2, Some(START)));
    assert_eq!((status.tokens, status.calls, status.outbox_failures), ([0, 0, 1, 0], [1, 1, 3, 0, 0], 0));
    for write in world.registry.due(world.now, 10) {
        world.registry.failed(write.id, world.now);
    }
    assert_eq!(world.status().outbox_failures, 2);
}

/// An earlier release stored the first 8 and the last 8 characters.
#[test]
fn a_token_is_found_by_whatever_was_ever_shown_of_it() {
    let mut world = World::new();
    let texts: Vec<_> = (1..=3).map(|_| world.create(new_token("a")).1).collect();
    let text = &texts[1];
    let earlier = format!("{}…{}", &text[..8], &text[32..]);
    world.database.one(&format!("UPDATE token SET fingerprint = '{earlier}' WHERE serial = 2 RETURNING 1"));
    let shown = format!("{}…{}", &text[..12], &text[32..]);
    assert_eq!(world.get(Serial(2)).fingerprint, shown);
    let dotted = shown.replace('…', "...");
    for sought in [&shown, &dotted, &earlier, &text[..12].to_owned()] {
        let Answer::Token(found) = world.ask(Command::LookupFingerprint(sought.clone())) else {
            panic!("{sought}");
        };
        assert_eq!(found.serial, Serial(2), "{sought}");
        assert_eq!(world.tokens(q(sought)).0, vec![2], "{sought}");
    }
    assert_eq!(world.tokens(q(&text[32..])).0, vec![2]);
    // Parts of two tokens are neither's.
    for mixed in [
        format!("{}…{}", &texts[0][..12], &text[32..]),
        format!("{}…{}", &texts[0][..8], "AAAAAAAA"),
        format!("wlp_AQIAAAAC…{}", &text[32..]),
        format!("wlp_AQIA…{}", &text[32..]),
        "wlp_AQEAAAAE".to_owned(),
    ] {
        assert_eq!(world.fault(Command::LookupFingerprint(mixed.clone())), Fault::NotFound, "{mixed}");
        assert_eq!(world.tokens(q(&mixed)).0, Vec::<u32>::new(), "{mixed}");
    }
    assert_eq!(world.fault(Command::LookupFingerprint("tok_2".to_owned())), Fault::NotFound);
    // A label may quote a fingerprint.
    let quoting = world.create(new_token(&format!("in place of {shown}"))).0.serial;
    assert_eq!(world.tokens(q(&shown)).0, vec![quoting.0, 2]);
}
