//! Every kind of notice, caused as in life, in each of the places that DESIGN section 8 names: `GET /notices`, `/metrics`,
//! and a webhook.

use crate::webhooks::with_webhook;
use crate::world::{DAY, START, World, as_usual, how, new_token};
use serde_json::Value;
use std::collections::BTreeMap;
use wayleave::registry::command::{
    Answer, Command, DeliveryState, Lifetime, NewToken, NoticeFilter, NoticeKind, Request, RevokeOld,
};
use wayleave::token::Serial;
use wayleave::usage::sign::{Seen, Sign};
use wayleave::webhook::Answered;

impl World {
    fn made(&mut self, days: i64) -> Serial {
        let lifetime = Some(Lifetime::ExpiresIn(days * DAY));
        self.create(NewToken { lifetime, ..new_token("a") }).0.serial
    }

    /// Everything that is due until ten seconds from now; gives the kinds of the webhooks that were taken.
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
                    sent.push(body["type"].as_str().unwrap()["token.".len()..].to_owned());
                    self.registry.sent(post.attempt, Answered::Status(204), 0, self.now);
                }
            }
        }
        self.seconds_pass(-10);
        sent
    }

    /// What `/metrics` says of notices.
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
    let after = RevokeOld::After { after_seconds: 20 * DAY, drain_seconds: DAY, strict: false };
    let fresh = world.rotate(drained, how(after)).token.serial;
    let hour = START;
    let signs = vec![
        Sign { serial: quiet, seen: Seen::Spike { hour, requests: 5_000, median: 300 } },
        Sign {
            serial: quiet,
            seen: Seen::RefusedOrigins { day: hour, origins: vec!["https://x.example".into()] },
        },
    ];
    assert_eq!(world.request(Request::Signs { signs }), Answer::Noted);
    world.seconds_pass(60);
    let mut sent = BTreeMap::<String, u64>::new();
    // `unused` comes after 90 days, and then the first notices are forgotten.
    for day in 0..=90 {
        if day == 8 {
            world.used(successor);
        }
        if day < 20 {
            world.used(drained);
            world.used(fresh);
        }
        assert_eq!(world.request(Request::Sweep), Answer::Noted);
        let kinds = world.kinds_sent();
        let (page, _) = world.notice_page(NoticeFilter { limit: 500, below: None });
        for kind in kinds {
            let event_type = format!("\"type\":\"token.{kind}\"");
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
    // Notices are forgotten; what was counted is not.
    world.seconds_pass(91 * DAY);
    world.registry.due(world.now, 1);
    assert!(world.counted().iter().all(|(kind, made)| *made >= sent[kind]));
}
