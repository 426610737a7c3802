//! `GET /status`: everything besides the counts.

use crate::world::{START, World, edit_label, holding, settings};
use wayleave::base::database::{Database, Value};
use wayleave::control::registry::RegistrySettings;
use wayleave::control::registry::command::{Call, Command, StatusWarning, TokenEdit};
use wayleave::formats::holding::AddressesArrive;
use wayleave::formats::holding::{Holding, Took};
use wayleave::formats::list::Number;
use wayleave::formats::rate_class::{ClassName, RateClasses};
use wayleave::formats::token::Serial;
use wayleave::limits::{COUNTS_KEPT_FROM_TOKENS, COUNTS_KEPT_MS};

/// All warnings but that of the key of `ADMIN_KEY`, with which these tests call.
fn warnings(world: &mut World) -> Vec<StatusWarning> {
    besides(world.status().warnings)
}

fn besides(mut warnings: Vec<StatusWarning>) -> Vec<StatusWarning> {
    assert_eq!(warnings.pop(), Some(StatusWarning::BootstrapKey));
    warnings
}

#[test]
fn propagation_and_locations_are_those_reported() {
    let mut world = World::with(RegistrySettings { heartbeat_seconds: 10, ..settings() });
    let status = world.status();
    assert_eq!((status.traffic_at, status.published_at, status.locations.len()), (None, None, 0));
    assert_eq!((status.heartbeat_seconds, status.bound_seconds, status.base_number), (10, 60, (1, 0)));
    let serial = world.token().serial;
    let n = world.revoke(serial).list_number.1;
    world.registry.due(world.now, 10);
    world.seconds_pass(7);
    let holding = holding(Number { epoch: 1, n }, vec![Took { after: 0, changed: n, ago_ms: 4_000 }]);
    world.request(Call::Report { location: "FRA".into(), holding });
    let status = world.status();
    assert_eq!(status.propagation.samples, 1);
    assert_eq!((status.propagation.p50_ms, status.propagation.max_ms), (Some(3_000), Some(3_000)));
    assert_eq!((status.locations.len(), status.traffic_at), (1, Some(world.now)));
    assert_eq!(status.published_at, Some(START));
    world.seconds_pass(3_601);
    assert_eq!(world.status().locations.len(), 0, "silent for an hour");
}

#[test]
fn load_is_that_of_the_last_minute_and_half_of_it_is_a_warning() {
    let mut world = World::new();
    let record = Call::Record { serial: Serial(9), version: 1 };
    for _ in 0..29_998 {
        world.request(record.clone());
    }
    let status = world.status();
    assert_eq!((status.calls_last_minute, besides(status.warnings)), (29_999, vec![]));
    assert_eq!(warnings(&mut world), [StatusWarning::RegistryLoad]);
    world.seconds_pass(60);
    let status = world.status();
    assert_eq!((status.calls_last_minute, besides(status.warnings)), (1, vec![]));
}

#[test]
fn what_an_operator_should_look_at_is_a_warning() {
    let mut world = World::with(RegistrySettings { guaranteed: false, ..settings() });
    assert_eq!(warnings(&mut world), [StatusWarning::Unguaranteed]);
    let mut world = World::new();
    world.token();
    world.seconds_pass(60);
    assert_eq!(warnings(&mut world), []);
    world.seconds_pass(1);
    assert_eq!(warnings(&mut world), [StatusWarning::KvUnwritten]);
    world.database.one(&format!("UPDATE registry SET restored_at = {} RETURNING 1", START.0));
    assert_eq!(warnings(&mut world), [StatusWarning::KvUnwritten, StatusWarning::Restored]);
    world.seconds_pass(7 * 86_400);
    assert_eq!(warnings(&mut world), [StatusWarning::KvUnwritten]);
}

/// A deployment whose isolates count for the classes `names`.
fn with_classes(names: &[&str]) -> RegistrySettings {
    let classes: Vec<String> =
        names.iter().map(|name| format!(r#""{name}":{{"requests":9,"per_seconds":60}}"#)).collect();
    let rate_classes = RateClasses::parse(&format!("{{{}}}", classes.join(",")), |_| false).unwrap();
    RegistrySettings { rate_classes, ..settings() }
}

#[test]
fn a_rate_class_that_does_not_limit_as_it_says_is_a_warning() {
    let mut world = World::with(with_classes(&["app", "page"]));
    let names = |names: &[&str]| -> Vec<ClassName> {
        names.iter().filter_map(|name| ClassName::parse(name)).collect()
    };
    let of = |name| TokenEdit { rate: Some(ClassName::parse(name)), ..edit_label(name) };
    for name in ["app", "page", "page"] {
        let serial = world.token().serial;
        world.edit(serial, of(name));
    }
    world.registry.due(world.now, 100);
    let status = world.status();
    assert_eq!(
        (status.rate_classes_missing, status.rate_classes_of_isolates),
        (vec![], names(&["app", "page"]))
    );
    assert!(!status.warnings.contains(&StatusWarning::RateClassMissing));
    // A deployment drops both, and another one adds a class that no token has.
    world.restart(with_classes(&["other"]));
    let status = world.status();
    assert_eq!(status.rate_classes_missing, names(&["app", "page"]));
    assert!(status.warnings.contains(&StatusWarning::RateClassMissing));
    world.restart(with_classes(&["page"]));
    assert_eq!(world.status().rate_classes_missing, names(&["app"]));
    world.seconds_pass(366 * 86_400);
    assert_eq!(world.status().rate_classes_missing, [], "that token has ended");
}

#[test]
fn many_tokens_are_counted_once_a_minute_and_few_each_time() {
    let mut world = World::new();
    let serial = world.token().serial;
    assert_eq!(world.status().tokens, [1, 0, 0, 0]);
    world.revoke(serial);
    assert_eq!(world.status().tokens, [0, 0, 1, 0]);
    let Value::Text(columns) = world.database.one(
        "SELECT GROUP_CONCAT(name) FROM pragma_table_info('token') WHERE name NOT IN ('serial', 'status')",
    ) else {
        panic!("the table has columns");
    };
    let many = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM numbers LIMIT \
         {COUNTS_KEPT_FROM_TOKENS}) \
         INSERT INTO token (serial, status, {columns}) SELECT n, 'good', {columns} FROM numbers, token \
         WHERE serial = 1"
    );
    world.database.query(&many, &[]).unwrap();
    let counted = [COUNTS_KEPT_FROM_TOKENS, 0, 1, 0];
    assert_eq!(world.status().tokens, counted);
    world.receipt(Command::DisableToken(Serial(100)));
    world.now = world.now.plus_ms(COUNTS_KEPT_MS - 1);
    assert_eq!(world.status().tokens, counted);
    world.now = world.now.plus_ms(1);
    assert_eq!(world.status().tokens, [COUNTS_KEPT_FROM_TOKENS - 1, 1, 1, 0]);
}

/// All callers without an address share the limit that each of them was to have.
#[test]
fn a_location_in_which_no_request_shows_an_address_is_a_warning() {
    let mut world = World::new();
    let tell = |world: &mut World, location: &str, addresses| {
        let holding = Holding { addresses, ..holding(Number { epoch: 1, n: 0 }, vec![]) };
        world.request(Call::Report { location: location.into(), holding });
    };
    tell(&mut world, "AMS", Some(AddressesArrive::Yes));
    tell(&mut world, "FRA", None);
    assert_eq!(warnings(&mut world), []);
    tell(&mut world, "FRA", Some(AddressesArrive::Never));
    // An isolate that has seen few, or an earlier release, says nothing: the last word holds.
    tell(&mut world, "FRA", None);
    let status = world.status();
    assert_eq!(status.locations_without_addresses, ["FRA"]);
    assert_eq!(besides(status.warnings), [StatusWarning::ClientAddressMissing]);
    tell(&mut world, "FRA", Some(AddressesArrive::Yes));
    assert_eq!(warnings(&mut world), []);
    tell(&mut world, "FRA", Some(AddressesArrive::Never));
    world.seconds_pass(3_601);
    assert_eq!(world.status().locations_without_addresses, Vec::<String>::new(), "silent for an hour");
}

/// Old and new code side by side.
#[test]
fn a_report_of_an_earlier_release_says_nothing_of_addresses() {
    let text = r#"{"number":{"epoch":1,"n":3},"took":[]}"#;
    let holding: Holding = serde_json::from_str(text).unwrap();
    assert_eq!(holding.addresses, None);
    let never = Holding { addresses: Some(AddressesArrive::Never), ..holding };
    let text = serde_json::to_string(&never).unwrap();
    assert!(text.ends_with(r#""addresses":"never"}"#), "{text}");
}

/// The platform evicts an instance after a minute of calm.
#[test]
fn what_was_reported_outlives_the_instance() {
    let mut world = World::new();
    let serials = [(); 3].map(|()| world.token().serial);
    let mut before = 0;
    for (isolate, serial) in (1..).zip(serials) {
        let n = world.revoke(serial).list_number.1;
        world.list();
        world.seconds_pass(6);
        let took =
            vec![Took { after: before, changed: n, ago_ms: 5_000 - 500 * i64::try_from(isolate).unwrap() }];
        let holding = Holding { isolate, ..holding(Number { epoch: 1, n }, took) };
        world.request(Call::Report { location: "FRA".into(), holding });
        before = n;
    }
    let known = world.status();
    assert_eq!((known.propagation.samples, known.locations.len()), (3, 1));
    let rows = world.database.one("SELECT COUNT(*) FROM propagation");
    world.restart(settings());
    let kept = world.status();
    assert_eq!((kept.propagation, kept.locations), (known.propagation, known.locations));
    assert_eq!(rows, Value::Integer(1));
    // The newest change can be measured still, although another instance committed it.
    let serial = world.token().serial;
    let n = world.revoke(serial).list_number.1;
    world.list();
    world.restart(settings());
    world.seconds_pass(2);
    let took = vec![Took { after: before, changed: n, ago_ms: 1_000 }];
    world.request(Call::Report { location: "FRA".into(), holding: holding(Number { epoch: 1, n }, took) });
    assert_eq!(world.status().propagation.samples, 4);
}

/// Each report would cost a row otherwise.
#[test]
fn reports_are_stored_once_a_minute_and_soon_after_a_change() {
    let mut world = World::new();
    let serial = world.token().serial;
    let number = world.list().number();
    let told = |world: &mut World, took: Vec<Took>, number| {
        let before = world.database.one("SELECT summary FROM propagation UNION ALL SELECT '' LIMIT 1");
        world.request(Call::Report { location: "FRA".into(), holding: holding(number, took) });
        world.database.one("SELECT summary FROM propagation UNION ALL SELECT '' LIMIT 1") != before
    };
    assert!(told(&mut world, vec![], number));
    let mut stored = 0;
    for _ in 0..60 {
        world.seconds_pass(10);
        stored += u32::from(told(&mut world, vec![], number));
    }
    assert_eq!(stored, 10);
    let n = world.revoke(serial).list_number.1;
    world.list();
    world.seconds_pass(5);
    let took = || vec![Took { after: 0, changed: n, ago_ms: 0 }];
    assert!(told(&mut world, took(), Number { n, ..number }));
    world.seconds_pass(4);
    assert!(!told(&mut world, took(), Number { n, ..number }));
    // The alarm that writes to KV stores what no later report does.
    world.seconds_pass(60);
    let before = world.database.one("SELECT summary FROM propagation");
    world.registry.due(world.now, 10);
    assert_ne!(world.database.one("SELECT summary FROM propagation"), before);
}
