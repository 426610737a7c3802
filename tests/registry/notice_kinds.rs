//! Every kind of notice, caused by real events, in each of the places that docs/lifecycle.md, "Notices"
//! names: `GET /notices`, `/metrics`, and a webhook.

use crate::webhooks::with_webhook;
use crate::world::{DAY, START, World, as_usual, how, new_token};
use serde_json::Value;
use std::collections::BTreeMap;
use wayleave::control::registry::command::{
    Answer, Call, Command, DeliveryState, Lifetime, NewToken, NoticeFilter, NoticeKind, RevokeOld,
};
use wayleave::control::webhook::Answered;
use wayleave::formats::admin_key::Role;
use wayleave::formats::list::Number;
use wayleave::formats::token::Serial;
use wayleave::formats::usage::anomaly::{Anomaly, AnomalyKind};

impl World {
    fn made(&mut self, days: i64) -> Serial {
        let lifetime = Some(Lifetime::ExpiresIn(days * DAY));
        self.create(NewToken { lifetime, ..new_token("a") }).0.serial
    }

    /// Does everything due within the next ten seconds; returns the kinds of the delivered webhooks.
    fn kinds_sent(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        for seconds in [0, 10] {
            self.seconds_pass(seconds);
            while self.registry.next_alarm_at(self.now).is_some_and(|at| at <= self.now) {
                for write in self.registry.due(self.now, 100) {
                    self.registry.written(write.id, self.now);
                }
                while let Some(post) = self.registry.announce(self.now) {
                    let body: Value = serde_json::from_str(&post.request.body).unwrap();
                    sent.push(body["type"].as_str().unwrap().split_once('.').unwrap().1.to_owned());
                    self.registry.sent(post.attempt, Answered::Status(204), 0, self.now);
                }
            }
        }
        self.seconds_pass(-10);
        sent
    }

    /// The notices counted in `/metrics`.
    fn counted(&mut self) -> BTreeMap<String, u64> {
        match self.ask(Command::Metrics) {
            Answer::Metrics { notices, .. } => {
                notices.into_iter().map(|(kind, made)| (kind.as_str().to_owned(), made)).collect()
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn each_is_read_counted_and_sent() {
    let mut world = World::with(with_webhook());
    let quiet = world.made(100);
    let held = world.made(365);
    let successor = world.rotate(held, as_usual()).token.serial;
    let drained = world.made(365);
    let family = world.get(drained).family;
    assert!(matches!(world.ask(Command::GetFamilyToken(family)), Answer::FamilyToken { .. }));
    let after = RevokeOld::After { after_seconds: 20 * DAY, drain_seconds: DAY, strict: false };
    let fresh = world.rotate(drained, how(after)).token.serial;
    world.admin_key(Role::Operator);
    let hour = START;
    let signs = vec![
        Anomaly { serial: quiet, kind: AnomalyKind::Spike { hour, requests: 5_000, median: 300 } },
        Anomaly {
            serial: quiet,
            kind: AnomalyKind::RefusedOrigins { day: hour, origins: vec!["https://x.example".into()] },
        },
    ];
    assert_eq!(world.request(Call::Signs { signs }), Answer::Noted);
    world.seconds_pass(60);
    // Requests are counted, and no location was ever heard.
    let counted_at = Some(world.now);
    assert_eq!(world.request(Call::Uses { uses: vec![], counted_at, meters: None }), Answer::Noted);
    let metered = world.metered(crate::quotas::per_day(10));
    world.told_by_shard(&[(metered, 8)], Number { epoch: 0, n: 0 });
    world.told_by_shard(&[(metered, 10)], Number { epoch: 0, n: 0 });
    assert!(matches!(world.ask(Command::TestWebhook), Answer::Notice(_)));
    let mut sent = BTreeMap::<String, u64>::new();
    // `unused` is sent after 90 days; then the first notices are deleted.
    for day in 0..=90 {
        if day == 8 {
            world.used(successor);
        }
        if day < 20 {
            world.used(drained);
            world.used(fresh);
        }
        assert_eq!(world.request(Call::Sweep), Answer::Noted);
        let kinds = world.kinds_sent();
        let (page, _) = world.notice_page(NoticeFilter { limit: 500, below: None });
        for kind in kinds {
            let event_type = format!("\"type\":\"{}\"", NoticeKind::parse(&kind).unwrap().event_type());
            let read = page.iter().find(|notice| notice.body.contains(&event_type));
            let state = read.and_then(|notice| notice.delivery.as_ref()).map(|delivery| delivery.state);
            assert_eq!(state, Some(DeliveryState::Delivered), "{kind} on day {day}");
            *sent.entry(kind).or_default() += 1;
        }
        world.seconds_pass(DAY);
    }
    for kind in NoticeKind::ALL {
        assert!(sent.contains_key(kind.as_str()), "{kind:?}: {sent:?}");
    }
    assert_eq!(world.counted(), sent);
    // Notices are deleted, but their counts remain.
    world.seconds_pass(91 * DAY);
    world.registry.due(world.now, 1);
    assert!(world.counted().iter().all(|(kind, made)| *made >= sent[kind]));
}
