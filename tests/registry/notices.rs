//! Notices: queued with their event, gathered, stored, read in pages, deleted.

use crate::world::{START, World, new_token, settings};
use serde_json::{Value, json};
use wayleave::base::database::{Database, Value as Sql};
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{Answer, Command, NoticeFilter, NoticeView};
use wayleave::formats::token::Serial;

impl World {
    /// Runs every alarm up to `now`: digests are made, KV accepts everything, there is no receiver of
    /// webhooks.
    pub(crate) fn alarms(&mut self) {
        while self.registry.next_alarm_at(self.now).is_some_and(|at| at <= self.now) {
            for write in self.registry.due(self.now, 100) {
                self.registry.written(write.id, self.now);
            }
            assert_eq!(self.registry.announce(self.now), None);
        }
    }

    /// A page of notices, newest first.
    pub(crate) fn notice_page(&mut self, filter: NoticeFilter) -> (Vec<NoticeView>, Option<i64>) {
        match self.ask(Command::ListNotices(filter)) {
            Answer::Notices { items, next } => (items, next),
            other => panic!("{other:?}"),
        }
    }

    /// All notices, oldest first, as in their webhooks.
    pub(crate) fn notices(&mut self) -> Vec<Value> {
        let (mut notices, mut below) = (Vec::new(), None);
        loop {
            let (items, next) = self.notice_page(NoticeFilter { limit: 500, below });
            notices.extend(items.iter().map(|notice| serde_json::from_str::<Value>(&notice.body).unwrap()));
            below = next;
            if below.is_none() {
                notices.reverse();
                return notices;
            }
        }
    }

    /// Type, threshold and tokens of each notice, oldest first.
    pub(crate) fn told(&mut self) -> Vec<(String, u64, Vec<u32>)> {
        self.notices().iter().map(summary).collect()
    }
}

/// Type, threshold (0: none) and tokens of a notice.
pub(crate) fn summary(notice: &Value) -> (String, u64, Vec<u32>) {
    let data = &notice["data"];
    let tokens = data["tokens"].as_array().unwrap().iter();
    let serials = tokens.map(|token| token["id"].as_str().unwrap()[4..].parse().unwrap()).collect();
    let within_days = data["within_days"].as_u64().unwrap_or(0);
    (notice["type"].as_str().unwrap().to_owned(), within_days, serials)
}

pub(crate) fn told(kind: &str, within_days: u64, serials: &[u32]) -> (String, u64, Vec<u32>) {
    (format!("token.{kind}"), within_days, serials.to_vec())
}

#[test]
fn a_revocation_is_told_ten_seconds_later_with_what_an_operator_needs() {
    let mut world = World::new();
    let mut new = new_token("Shop");
    new.settings.owner = Some(Some("web@shop.example".to_owned()));
    new.settings.external_id = Some(Some("c-17".to_owned()));
    let (token, text) = world.create(new);
    world.alarms();
    world.receipt(Command::RevokeToken { serial: token.serial, reason: Some("leaked".into()), force: true });
    world.seconds_pass(9);
    world.alarms();
    assert_eq!(world.notices(), Vec::<Value>::new());
    world.seconds_pass(1);
    world.alarms();
    let expected = json!({
        "type": "token.revoked",
        "timestamp": START.plus_ms(10_000).to_rfc3339(),
        "data": {"tokens": [{
            "id": "tok_1", "family": token.family, "label": "Shop", "owner": "web@shop.example",
            "external_id": "c-17", "audiences": ["api"], "expires_at": token.expires_at.to_rfc3339(),
            "last_used_at": null, "reason": "operator: leaked",
        }]},
    });
    let notices = world.notices();
    assert_eq!(notices, [expected]);
    assert!(!notices[0].to_string().contains(&text[8..30]), "nothing that works");
    let (page, _) = world.notice_page(NoticeFilter { limit: 1, below: None });
    assert_eq!((page[0].id.as_str(), &page[0].delivery), ("ntc_1_1", &None));
    // Nothing is sent twice, and repeating a revocation sends nothing.
    world.revoke(token.serial);
    world.seconds_pass(60);
    world.alarms();
    assert_eq!(world.notices().len(), 1);
}

#[test]
fn what_comes_together_is_one_notice_and_five_thousand_are_ten() {
    let mut world = World::new();
    for _ in 0..1_201 {
        let serial = world.token().serial;
        world.revoke(serial);
    }
    world.seconds_pass(10);
    let mut turns = 0;
    while world.registry.next_alarm_at(world.now).is_some_and(|at| at <= world.now) {
        for write in world.registry.due(world.now, 1_000) {
            world.registry.written(write.id, world.now);
        }
        turns += 1;
    }
    let told = world.told();
    let sizes: Vec<usize> = told.iter().map(|(_, _, serials)| serials.len()).collect();
    assert_eq!(sizes, [500, 500, 201]);
    let mut serials: Vec<u32> = told.into_iter().flat_map(|(_, _, serials)| serials).collect();
    serials.sort_unstable();
    assert_eq!(serials, (1..=1_201).collect::<Vec<_>>(), "each once");
    assert!(turns < 12, "one digest a turn: {turns}");
}

#[test]
fn a_digest_of_long_texts_ends_before_its_row_is_too_long() {
    let mut world = World::new();
    let long = "\u{1f512}".repeat(200);
    for _ in 0..700 {
        let mut new = new_token(&long);
        new.settings.owner = Some(Some(long.clone()));
        new.settings.external_id = Some(Some("\"".repeat(200)));
        let serial = world.create(new).0.serial;
        world.revoke(serial);
    }
    world.seconds_pass(10);
    world.alarms();
    let told = world.told();
    assert_eq!(told.iter().map(|(_, _, serials)| serials.len()).sum::<usize>(), 700);
    let mut below = None;
    loop {
        let (page, next) = world.notice_page(NoticeFilter { limit: 500, below });
        let bytes: usize = page.iter().map(|notice| notice.body.len()).sum();
        assert!(page.len() == 1 || bytes <= 1_048_576, "{bytes}");
        // The tokens, and some text around them.
        assert!(page.iter().all(|notice| notice.body.len() < 1_048_576 + 200));
        below = next;
        if below.is_none() {
            break;
        }
    }
}

#[test]
fn what_is_owed_of_a_token_that_has_left_holds_nothing_up_and_is_not_told() {
    let mut world = World::new();
    let tokens = [world.token().serial, world.token().serial, world.token().serial];
    let leaves = |world: &World, serial: Serial| {
        world.database.one(&format!("DELETE FROM token WHERE serial = {} RETURNING 1", serial.0));
    };
    world.revoke(tokens[0]);
    world.revoke(tokens[1]);
    world.alarms();
    leaves(&world, tokens[0]);
    world.seconds_pass(10);
    world.alarms();
    assert_eq!(world.told(), [told("revoked", 0, &[2])]);
    world.revoke(tokens[2]);
    world.alarms();
    leaves(&world, tokens[2]);
    world.seconds_pass(10);
    world.alarms();
    assert_eq!(world.told(), [told("revoked", 0, &[2])], "a notice of nothing is none");
    assert_eq!(world.registry.take_log(), Vec::<String>::new());
}

#[test]
fn notices_are_pages_and_forgotten_after_90_days() {
    let mut world = World::new();
    for _ in 0..5 {
        let serial = world.token().serial;
        world.revoke(serial);
        world.seconds_pass(10);
        world.alarms();
    }
    let ids = |page: Vec<NoticeView>| page.into_iter().map(|notice| notice.id).collect::<Vec<_>>();
    let (page, next) = world.notice_page(NoticeFilter { limit: 2, below: None });
    assert_eq!((ids(page), next), (vec!["ntc_1_5".to_owned(), "ntc_1_4".to_owned()], Some(4)));
    let (page, next) = world.notice_page(NoticeFilter { limit: 3, below: next });
    assert_eq!((page.len(), next), (3, None));
    world.now = START.plus_ms(90 * 86_400_000 + 20_000);
    world.registry.due(world.now, 1);
    let (page, _) = world.notice_page(NoticeFilter { limit: 9, below: None });
    assert_eq!(ids(page), ["ntc_1_5", "ntc_1_4", "ntc_1_3"]);
}

#[test]
fn a_turn_forgets_a_hundred_notices_at_most() {
    let mut world = World::new();
    let many = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 250) \
                INSERT INTO notice (epoch, kind, at, bytes, body) SELECT 1, 'revoked', 0, 2, '{}' FROM \
                number RETURNING id";
    world.database.query(many, &[]).unwrap();
    let mut left = Vec::new();
    for _ in 0..4 {
        left.push(world.database.one("SELECT COUNT(*) FROM notice"));
        world.registry.due(world.now, 1);
    }
    assert_eq!(left, [250, 150, 50, 0].map(Sql::Integer));
}

/// A notice is queued together with its revocation and made once, wherever the process dies.
#[test]
fn a_notice_survives_a_kill_at_every_statement_and_is_made_once() {
    for statements in 0.. {
        let mut world = World::new();
        let serial = world.token().serial;
        world.alarms();
        world.database.kill_after(statements);
        let answer = world.ask(Command::RevokeToken { serial, reason: None, force: true });
        world.seconds_pass(10);
        world.registry.due(world.now, 100);
        let survived = world.database.fault_pending();
        world.database.recover();
        world.restart(settings());
        world.seconds_pass(60);
        world.alarms();
        let is_revoked = world.get(serial).revoked_at.is_some();
        let expected = if is_revoked { vec![told("revoked", 0, &[1])] } else { vec![] };
        assert_eq!(world.told(), expected, "{statements}");
        assert!(is_revoked || matches!(answer, Answer::Refused(_)), "{statements}");
        if survived {
            assert!(statements > 20);
            break;
        }
    }
}

#[test]
fn an_error_of_a_notice_does_not_hold_up_a_list() {
    let mut world = World::new();
    let serial = world.token().serial;
    world.revoke(serial);
    world.database.one("UPDATE notice_owed SET kind = 'gossip' RETURNING 1");
    world.seconds_pass(10);
    let writes = world.registry.due(world.now, 9);
    assert_eq!(
        writes.iter().map(|write| write.key.as_str()).collect::<Vec<_>>(),
        ["list/delta", "token/1/1"]
    );
    assert_eq!(world.registry.take_log().len(), 1, "it is in the log");
    for write in writes {
        world.registry.written(write.id, world.now);
    }
    // It is retried, but only after a pause.
    assert_eq!(world.registry.next_alarm_at(world.now), Some(world.now.plus_ms(60_000)));
    world.registry.due(world.now.plus_ms(59_999), 9);
    assert_eq!(world.registry.take_log(), Vec::<String>::new());
    world.database.one("UPDATE notice_owed SET kind = 'revoked' RETURNING 1");
    world.seconds_pass(60);
    world.alarms();
    assert_eq!(world.told(), [told("revoked", 0, &[1])]);
}

#[test]
fn a_clock_that_was_set_back_does_not_put_a_notice_off() {
    let mut world = World::new();
    let serial = world.token().serial;
    world.revoke(serial);
    world.alarms();
    world.now = UnixMillis(START.0 - 86_400_000);
    let at = world.registry.next_alarm_at(world.now).unwrap();
    assert!(at.since_ms(world.now) <= 10_000, "{at:?}");
    world.now = at;
    world.registry.due(world.now, 1);
    assert_eq!(world.told(), [told("revoked", 0, &[serial.0])]);
    assert_eq!(serial, Serial(1));
}
