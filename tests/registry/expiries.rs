//! `GET /metrics`: which tokens end next without a successor, and how many.

use crate::world::{DAY, START, World, as_usual, new_token, settings};
use wayleave::control::registry::RegistrySettings;
use wayleave::control::registry::command::{Answer, Command, ExpiriesView, Lifetime, NewToken};
use wayleave::formats::key::KeyId;
use wayleave::formats::token::Serial;

impl World {
    pub(crate) fn expiries(&mut self) -> ExpiriesView {
        match self.ask(Command::Metrics) {
            Answer::Metrics { expiries, status, .. } => {
                assert_eq!(*status, self.status_with_its_calls(&status));
                expiries
            }
            other => panic!("{other:?}"),
        }
    }

    /// The status without the calls that were counted meanwhile.
    fn status_with_its_calls(
        &mut self,
        of: &wayleave::control::registry::command::StatusView,
    ) -> wayleave::control::registry::command::StatusView {
        let mut status = self.status();
        status.calls = of.calls;
        status.calls_last_minute = of.calls_last_minute;
        status
    }

    fn ends_in(&mut self, days: i64) -> Serial {
        let lifetime = Some(Lifetime::ExpiresIn(days * DAY));
        self.create(NewToken { lifetime, ..new_token("a") }).0.serial
    }
}

fn serials(expiries: &ExpiriesView) -> Vec<u32> {
    expiries.nearest.iter().map(|expiry| expiry.serial.0).collect()
}

#[test]
fn the_nearest_come_first_and_those_that_need_no_successor_are_left_out() {
    let mut world = World::new();
    let far = world.ends_in(300);
    let near = world.ends_in(5);
    let succeeded = world.ends_in(4);
    let successor = world.rotate(succeeded, as_usual()).token.serial;
    let revoked = world.ends_in(3);
    world.revoke(revoked);
    let disabled = world.ends_in(3);
    world.receipt(Command::DisableToken(disabled));
    let early = world.ends_in(200);
    let at = START.plus_ms(20 * DAY * 1_000);
    world.receipt(Command::EndToken { serial: early, at: Some(at), force: true });
    let expiries = world.expiries();
    assert_eq!(serials(&expiries), [successor.0, near.0, early.0, far.0]);
    assert_eq!(expiries.nearest[2].at, at.floor_seconds(), "an operator's end counts");
    assert_eq!(expiries.within, [0, 2, 3, 4]);
    world.seconds_pass(4 * DAY + 60);
    let expiries = world.expiries();
    assert_eq!((serials(&expiries), expiries.within), (vec![near.0, early.0, far.0], [1, 1, 2, 3]));
    world.activate(KeyId(2));
    world.retire(KeyId(1));
    assert_eq!(world.expiries(), ExpiriesView { shown_max: 1_000, ..ExpiriesView::default() });
}

#[test]
fn as_many_are_named_as_the_setting_says_and_all_are_counted() {
    let mut world = World::new();
    world.ends_in(9);
    // Inserts rows directly, which is faster than issuing tokens.
    world.database.one(
        "INSERT INTO token (serial, family, key_id, expires_at, fingerprint, version, label, metadata, \
         origins, origin_mode, missing_origin, audiences, protected, created_at, created_by, status, \
         sealed_by, search) \
         WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 6001) \
         SELECT n, family, key_id, expires_at + n, fingerprint, version, label, metadata, origins, \
         origin_mode, missing_origin, audiences, protected, created_at, created_by, status, sealed_by, \
         search FROM token, n \
         WHERE serial = 1 RETURNING 1",
    );
    let expiries = world.expiries();
    assert_eq!(serials(&expiries), (1..=1_000).collect::<Vec<_>>());
    assert_eq!((expiries.within, expiries.shown_max), ([0, 0, 6_001, 6_001], 1_000));
    world.restart(RegistrySettings { metrics_tokens_max: 0, ..settings() });
    let expiries = world.expiries();
    assert_eq!((serials(&expiries), expiries.within), (vec![], [0, 0, 6_001, 6_001]));
    let plan = world.database.plan(
        "SELECT serial, family, expires_at FROM token WHERE expires_at > ? AND ends_at IS NULL \
         ORDER BY expires_at LIMIT ?",
    );
    assert!(plan.contains("token_by_expiry") && !plan.contains("TEMP B-TREE"), "{plan}");
}
