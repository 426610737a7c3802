//! Webhooks: pending with their notice, one under way at a time, retried for a day, given up, counted.

use crate::notices::{summary, told};
use crate::world::{World, idempotency, settings};
use base64::prelude::*;
use wayleave::base::database::Value;
use wayleave::base::time::UnixMillis;
use wayleave::control::registry::command::{
    Answer, Command, DeliveryState, NoticeFilter, StatusWarning, WebhookView,
};
use wayleave::control::registry::{Attempt, Post, RegistrySettings};
use wayleave::control::webhook::{Answered, Webhook, WebhookFault};

const LEASE_SECONDS: i64 = 15;
const OK: Answered = Answered::Status(200);

pub(crate) fn with_webhook() -> RegistrySettings {
    let secret = BASE64_STANDARD.encode([3; 32]);
    RegistrySettings {
        webhook: Some(Webhook::parse("https://hooks.example/", &secret).unwrap()),
        ..settings()
    }
}

impl World {
    fn with_receiver() -> Self {
        Self::with(with_webhook())
    }

    /// A revocation ten seconds ago, whose notice is due.
    fn news(&mut self) {
        let serial = self.token().serial;
        self.revoke(serial);
        self.seconds_pass(10);
        self.registry.due(self.now, 100);
    }

    fn post(&mut self) -> Post {
        self.registry.announce(self.now).unwrap()
    }

    fn sent(&mut self, attempt: Attempt, answered: Answered) {
        self.registry.sent(attempt, answered, 0, self.now);
    }

    /// The next alarm after KV has everything.
    fn webhook_alarm(&mut self) -> UnixMillis {
        for write in self.registry.due(self.now, 100) {
            self.registry.written(write.id, self.now);
        }
        self.registry.next_alarm_at(self.now).unwrap()
    }

    fn webhook(&mut self) -> WebhookView {
        self.status().webhook
    }

    /// State, attempts and fault of each delivery, oldest first.
    fn deliveries(&mut self) -> Vec<(DeliveryState, u32, Option<WebhookFault>)> {
        let (mut page, _) = self.notice_page(NoticeFilter { limit: 500, below: None });
        page.reverse();
        let deliveries = page.into_iter().filter_map(|notice| notice.delivery);
        deliveries.map(|delivery| (delivery.state, delivery.attempts, delivery.fault)).collect()
    }
}

fn header<'a>(post: &'a Post, name: &str) -> &'a str {
    post.request.headers.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str()).unwrap()
}

#[test]
fn a_webhook_that_is_taken_is_sent_once() {
    let mut world = World::with_receiver();
    world.news();
    let post = world.post();
    assert_eq!(header(&post, "webhook-id"), "ntc_1_1");
    assert_eq!(header(&post, "webhook-timestamp"), world.now.floor_seconds().0.to_string());
    assert!(header(&post, "webhook-signature").starts_with("v1,"));
    assert_eq!(post.request.url, "https://hooks.example/");
    let body = serde_json::from_str(&post.request.body).unwrap();
    assert_eq!(summary(&body), told("revoked", 0, &[1]));
    assert_eq!(world.registry.announce(world.now), None, "it is under way");
    assert_eq!(world.deliveries(), [(DeliveryState::Pending, 1, None)]);
    world.seconds_pass(1);
    world.sent(post.attempt, OK);
    let webhook = world.webhook();
    assert_eq!((webhook.pending, webhook.succeeded_at, webhook.failures), (0, Some(world.now), 0));
    assert_eq!(world.deliveries(), [(DeliveryState::Delivered, 1, None)]);
    world.seconds_pass(86_400);
    assert_eq!(world.registry.announce(world.now), None);
}

#[test]
fn a_receiver_is_tried_with_a_notice_that_says_nothing_one_at_a_time() {
    let mut world = World::with_receiver();
    let test = |world: &mut World| match world.ask(Command::TestWebhook) {
        Answer::Notice(notice) => notice,
        other => panic!("{other:?}"),
    };
    let made = test(&mut world);
    assert_eq!(made.delivery.as_ref().map(|delivery| delivery.state), Some(DeliveryState::Pending));
    assert_eq!(test(&mut world), made, "while it is pending there is no other");
    let post = world.post();
    assert_eq!(header(&post, "webhook-id"), made.id);
    let body: serde_json::Value = serde_json::from_str(&post.request.body).unwrap();
    assert_eq!(body["type"], "deployment.webhook_test");
    assert_eq!(body["data"], serde_json::json!({"tokens": []}));
    world.sent(post.attempt, Answered::Status(410));
    let refused = test(&mut world);
    assert_eq!(refused.delivery.unwrap().fault, Some(WebhookFault::Refused), "and it says what failed");
    world.seconds_pass(20);
    let post = world.post();
    world.sent(post.attempt, OK);
    let another = |world: &mut World| world.ask_idempotent(Command::TestWebhook, idempotency("k", "body"));
    let second = another(&mut world);
    assert!(matches!(&second, Answer::Notice(notice) if notice.id != made.id), "{second:?}");
    let post = world.post();
    world.sent(post.attempt, OK);
    assert_eq!(another(&mut world), second, "a retry makes no third");
    let actions = world.actions();
    assert!(actions.iter().any(|action| action == "webhook.tested"), "{actions:?}");
}

#[test]
fn one_that_fails_is_tried_again_under_the_same_id_with_growing_waits_for_a_day() {
    let mut world = World::with_receiver();
    world.news();
    let (owed_at, mut first, mut waits) = (world.now, None, Vec::new());
    let faults = [
        (Answered::Status(500), WebhookFault::Refused),
        (Answered::Status(302), WebhookFault::Redirected),
        (Answered::Late, WebhookFault::TimedOut),
        (Answered::Failed, WebhookFault::Unreachable),
    ];
    for (answered, fault) in faults.into_iter().cycle() {
        let post = world.post();
        let (id, body) = (header(&post, "webhook-id").to_owned(), post.request.body.clone());
        assert_eq!(first.get_or_insert((id.clone(), body.clone())), &(id, body));
        assert_eq!(header(&post, "webhook-timestamp"), world.now.floor_seconds().0.to_string());
        world.sent(post.attempt, answered);
        let webhook = world.webhook();
        assert_eq!((webhook.fault, webhook.failed_at), (Some(fault), Some(world.now)));
        if webhook.given_up > 0 {
            break;
        }
        assert_eq!((webhook.pending, webhook.oldest_at), (1, Some(owed_at)));
        let at = world.webhook_alarm();
        waits.push(at.since_ms(world.now) / 1_000);
        world.now = at.plus_ms(-1);
        assert_eq!(world.registry.announce(world.now), None);
        world.now = at;
    }
    assert_eq!(waits[..12], [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600]);
    let tried_for_ms = world.now.since_ms(owed_at);
    assert!((86_400_000..86_400_000 + 3_600_000).contains(&tried_for_ms), "{tried_for_ms}");
    let failures = u64::try_from(waits.len()).unwrap() + 1;
    let webhook = world.webhook();
    assert_eq!((webhook.pending, webhook.given_up, webhook.failures), (0, 1, failures));
    assert_eq!(webhook.given_up_at, Some(world.now));
    assert_eq!(world.deliveries()[0].0, DeliveryState::GivenUp);
    world.seconds_pass(86_400);
    assert_eq!(world.registry.announce(world.now), None, "it is over");
}

#[test]
fn one_is_under_way_at_a_time_and_the_next_does_not_ring_the_alarm_meanwhile() {
    let mut world = World::with_receiver();
    world.news();
    let first = world.post();
    world.news();
    assert_eq!(world.registry.announce(world.now), None);
    assert_eq!(world.webhook_alarm(), world.now.plus_ms(LEASE_SECONDS * 1_000 - 10_000));
    world.sent(first.attempt, OK);
    assert_eq!(world.webhook_alarm(), world.now);
    assert_eq!(header(&world.post(), "webhook-id"), "ntc_1_2");
}

#[test]
fn chance_adds_to_the_wait_so_that_many_are_not_tried_again_together() {
    let mut world = World::with_receiver();
    world.news();
    let post = world.post();
    world.registry.sent(post.attempt, Answered::Failed, u32::MAX, world.now);
    assert_eq!(world.webhook_alarm(), world.now.plus_ms(7_500));
}

#[test]
fn a_receiver_that_recovers_gets_everything_in_order() {
    let mut world = World::with_receiver();
    for _ in 0..3 {
        world.news();
        let post = world.post();
        world.sent(post.attempt, Answered::Failed);
    }
    world.seconds_pass(600);
    let mut ids = Vec::new();
    while let Some(post) = world.registry.announce(world.now) {
        ids.push(header(&post, "webhook-id").to_owned());
        world.sent(post.attempt, OK);
    }
    assert_eq!(ids, ["ntc_1_1", "ntc_1_2", "ntc_1_3"]);
}

/// The sending instance is gone and recorded nothing. The next one waits only for the lease.
#[test]
fn an_evicted_sender_leaves_nobody_stuck_and_the_id_stays() {
    let mut world = World::with_receiver();
    world.news();
    let lost = world.post();
    world.restart(with_webhook());
    assert_eq!(world.registry.announce(world.now), None);
    assert_eq!(world.webhook_alarm(), world.now.plus_ms(LEASE_SECONDS * 1_000));
    world.seconds_pass(LEASE_SECONDS);
    let again = world.post();
    assert_eq!(
        (header(&again, "webhook-id"), &again.request.body),
        (header(&lost, "webhook-id"), &lost.request.body)
    );
    assert_ne!(again.attempt, lost.attempt);
    assert_eq!(world.webhook().fault, Some(WebhookFault::Interrupted));
    // The first request's failure is reported late. It does not count for the second request.
    world.sent(lost.attempt, Answered::Failed);
    assert_eq!(world.registry.announce(world.now), None, "still under way");
    // A late success does count.
    world.sent(lost.attempt, OK);
    assert_eq!(world.deliveries(), [(DeliveryState::Delivered, 2, None)]);
    let taken_at = world.now;
    world.seconds_pass(5);
    world.sent(again.attempt, Answered::Late);
    world.sent(again.attempt, OK);
    assert_eq!(world.deliveries(), [(DeliveryState::Delivered, 2, None)]);
    let (page, _) = world.notice_page(NoticeFilter { limit: 1, below: None });
    assert_eq!(page[0].delivery.as_ref().map(|delivery| delivery.at), Some(taken_at));
}

/// Every attempt of a day ends with the process. The delivery is given up all the same.
#[test]
fn one_whose_senders_all_die_is_given_up_after_a_day() {
    let mut world = World::with_receiver();
    world.news();
    while world.registry.announce(world.now).is_some() {
        world.restart(with_webhook());
        world.seconds_pass(3_600);
    }
    let webhook = world.webhook();
    assert_eq!((webhook.given_up, webhook.pending, webhook.failures), (1, 0, 24));
}

#[test]
fn a_webhook_and_its_notice_are_one_transaction_wherever_the_process_dies() {
    for statements in 0.. {
        let mut world = World::with_receiver();
        let serial = world.token().serial;
        world.revoke(serial);
        world.seconds_pass(10);
        world.database.kill_after(statements);
        world.registry.due(world.now, 100);
        let begun = world.registry.announce(world.now);
        if let Some(post) = begun {
            world.sent(post.attempt, OK);
        }
        let survived = world.database.fault_pending();
        world.database.recover();
        world.restart(with_webhook());
        world.seconds_pass(60);
        world.registry.due(world.now, 100);
        let mut ids = Vec::new();
        while let Some(post) = world.registry.announce(world.now) {
            ids.push(header(&post, "webhook-id").to_owned());
            world.sent(post.attempt, OK);
        }
        assert!(ids.iter().all(|id| id == "ntc_1_1") && ids.len() <= 1, "{statements}: {ids:?}");
        let webhook = world.webhook();
        assert_eq!((webhook.pending, world.deliveries().len()), (0, 1), "{statements}");
        assert_eq!(world.deliveries()[0].0, DeliveryState::Delivered, "{statements}");
        if survived {
            assert!(statements > 15 && ids.is_empty());
            break;
        }
    }
}

#[test]
fn without_a_receiver_nothing_is_owed_and_what_was_waits_for_one() {
    let mut world = World::new();
    world.news();
    world.alarms();
    assert_eq!((world.webhook().configured, world.webhook().pending), (false, 0));
    world.restart(with_webhook());
    assert_eq!(world.registry.announce(world.now), None, "what was told before is not told again");
    world.news();
    let post = world.post();
    world.sent(post.attempt, Answered::Failed);
    world.restart(settings());
    world.seconds_pass(7_200);
    assert_eq!(world.registry.announce(world.now), None);
    assert!(
        !world.status().warnings.contains(&StatusWarning::WebhookUndelivered),
        "that is what was asked for"
    );
    world.restart(with_webhook());
    let again = world.post();
    assert_eq!(header(&again, "webhook-id"), header(&post, "webhook-id"));
}

#[test]
fn a_webhook_goes_with_its_notice_after_90_days() {
    let mut world = World::with_receiver();
    world.news();
    let post = world.post();
    world.sent(post.attempt, OK);
    // The receiver is removed while a webhook is pending, for longer than notices are kept.
    world.news();
    world.restart(settings());
    world.seconds_pass(91 * 86_400);
    world.registry.due(world.now, 1);
    world.restart(with_webhook());
    assert_eq!(world.registry.announce(world.now), None);
    assert_eq!(world.registry.take_log(), Vec::<String>::new());
    assert_eq!(world.database.one("SELECT COUNT(*) FROM webhook_delivery"), Value::Integer(0));
    assert_eq!(world.webhook().pending, 0);
    world.news();
    assert_eq!(header(&world.post(), "webhook-id"), "ntc_1_3");
}

#[test]
fn what_nobody_takes_is_a_warning() {
    let mut world = World::with_receiver();
    world.news();
    let post = world.post();
    let warns = |world: &mut World| world.status().warnings.contains(&StatusWarning::WebhookUndelivered);
    world.sent(post.attempt, Answered::Failed);
    world.seconds_pass(3_600);
    assert!(!warns(&mut world));
    world.seconds_pass(1);
    assert!(warns(&mut world));
    world.seconds_pass(86_400);
    let post = world.post();
    world.sent(post.attempt, Answered::Failed);
    assert_eq!(world.webhook().given_up, 1);
    world.seconds_pass(7 * 86_400);
    assert!(warns(&mut world));
    world.seconds_pass(1);
    assert!(!warns(&mut world));
}

#[test]
fn a_clock_that_was_set_back_does_not_put_a_webhook_off() {
    let mut world = World::with_receiver();
    world.news();
    let post = world.post();
    world.sent(post.attempt, Answered::Failed);
    world.seconds_pass(-30 * 86_400);
    let again = world.post();
    assert_eq!(again.request.body, post.request.body);
    // A clock that was set back does not keep a request under way either.
    world.seconds_pass(-30 * 86_400);
    assert_ne!(world.post().attempt, again.attempt);
}
