//! Signs from usage shards become notices, one for each.

use crate::world::World;
use serde_json::json;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{Answer, Call};
use wayleave::formats::token::Serial;
use wayleave::formats::usage::anomaly::{Anomaly, AnomalyKind};

impl World {
    fn seen(&mut self, serial: Serial, seen: AnomalyKind) {
        let signs = vec![Anomaly { serial, kind: seen }];
        assert_eq!(self.request(Call::Signs { signs }), Answer::Noted);
        self.seconds_pass(10);
        self.alarms();
    }
}

#[test]
fn a_spike_and_refused_origins_are_told_once_for_their_hour_and_day() {
    let mut world = World::new();
    let token = world.token();
    let (hour, day) = (UnixMillis(1_795_312_800_000), UnixMillis(1_795_305_600_000));
    let spike = |hour| AnomalyKind::Spike { hour, requests: 5_000, median: 300 };
    let refused = || AnomalyKind::RefusedOrigins { day, origins: vec!["https://new.example".to_owned()] };
    for _ in 0..2 {
        world.seen(token.serial, spike(hour));
        world.seen(token.serial, refused());
    }
    world.seen(token.serial, spike(hour.plus_ms(3_600_000)));
    let notices = world.notices();
    let kinds: Vec<_> = notices.iter().map(|notice| notice["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["token.usage_spike", "token.refused_origins", "token.usage_spike"]);
    let told = &notices[0]["data"]["tokens"][0];
    assert_eq!(
        (&told["hour"], &told["requests"], &told["median"]),
        (&json!("2026-11-22T02:00:00Z"), &json!(5_000), &json!(300))
    );
    let told = &notices[1]["data"]["tokens"][0];
    assert_eq!(
        (&told["day"], &told["origins"]),
        (&json!("2026-11-22T00:00:00Z"), &json!(["https://new.example"]))
    );
}

#[test]
fn of_a_token_that_works_no_more_or_never_was_nothing_is_told() {
    let mut world = World::new();
    let token = world.token();
    world.revoke(token.serial);
    world.seconds_pass(10);
    world.alarms();
    let before = world.notices();
    for serial in [token.serial, Serial(4_000)] {
        world.seen(serial, AnomalyKind::Spike { hour: UnixMillis(0), requests: 5_000, median: 0 });
    }
    assert_eq!(world.notices(), before);
}
