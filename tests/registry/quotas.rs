//! Quotas in the registry: what shards tell, what the list says, and what a restore keeps. The way from a
//! request to the list is in tests/usage/quotas.rs.

use crate::world::{DAY, World, as_usual, edit_label, new_token, settings};
use std::collections::BTreeSet;
use wayleave::base::time::{UnixMillis, UnixSeconds};
use wayleave::control::registry::RegistrySettings;
use wayleave::control::registry::command::{Answer, Call, Command, NewToken, Quota, QuotaCounts, TokenEdit};
use wayleave::formats::list::{Number, SerialStatus};
use wayleave::formats::token::Serial;
use wayleave::formats::usage::meter::{Marks, MeterChanges, MeterReport, NO_MORE, PeriodUses};
use wayleave::formats::usage::period::Per;
use wayleave::formats::usage::shard_of;
use wayleave::limits::METERS_TOLD_MAX;

/// START is 2026-11-22.
const MIDNIGHT: UnixSeconds = UnixSeconds(1_795_392_000);

pub(crate) fn per_day(requests: u64) -> Quota {
    Quota { requests, per: Per::Day, counts: QuotaCounts::Token }
}

impl World {
    pub(crate) fn metered(&mut self, quota: Quota) -> Serial {
        let mut new = new_token("metered");
        new.settings.quota = Some(Some(quota));
        self.create(new).0.serial
    }

    /// The shard of `serial` tells what it counted today, and asks for the marks after `known`.
    pub(crate) fn told_by_shard(&mut self, counts: &[(Serial, u64)], known: Number) -> MeterChanges {
        let now = self.now;
        let of = |uses| PeriodUses {
            day: Per::Day.index(now),
            day_uses: uses,
            month: Per::Month.index(now),
            month_uses: uses,
        };
        let shard = counts.first().map_or(0, |(serial, _)| shard_of(*serial));
        let counts = counts.iter().map(|(serial, uses)| (*serial, of(*uses))).collect();
        let meters = Some(MeterReport { shard, known, counts });
        match self.request(Call::Uses { uses: vec![], counted_at: None, meters }) {
            Answer::NotedMeters(changes) => changes,
            other => panic!("{other:?}"),
        }
    }
}

const NOTHING: Number = Number { epoch: 0, n: 0 };

#[test]
fn a_shard_is_told_marks_once_and_none_of_tokens_without_a_quota() {
    let mut world = World::new();
    let plain = world.token().serial;
    assert_eq!(
        world.told_by_shard(&[], NOTHING),
        MeterChanges { known: Number { epoch: 1, n: 0 }, marks: vec![], more: false }
    );
    let (first, second) = (world.metered(per_day(10)), world.metered(per_day(100)));
    let day = |mark| Marks { day: Some(mark), month: None };
    let told = world.told_by_shard(&[], NOTHING);
    assert_eq!(told.marks, [(first, day(8)), (second, day(80))]);
    assert_eq!(world.told_by_shard(&[(first, 3), (plain, 9_999)], told.known).marks, []);
    assert_eq!(world.list().status(plain), SerialStatus::Good);
    assert_eq!(world.told_by_shard(&[(first, 8)], told.known).marks, [(first, day(10))]);
    let told = world.told_by_shard(&[(first, 10)], told.known);
    assert_eq!(told.marks, [(first, day(NO_MORE))]);
    // Of another shard nothing is told.
    let other = MeterReport { shard: 1, known: NOTHING, counts: vec![] };
    let call = Call::Uses { uses: vec![], counted_at: None, meters: Some(other) };
    assert!(matches!(world.request(call), Answer::NotedMeters(changes) if changes.marks.is_empty()));
    // An edit of something else changes no mark; taking the quota off takes the meter off.
    world.edit(second, edit_label("b"));
    assert_eq!(world.told_by_shard(&[], told.known).marks, []);
    world.edit(second, TokenEdit { quota: Some(None), ..TokenEdit::default() });
    let told = world.told_by_shard(&[], told.known);
    assert_eq!(told.marks, [(second, Marks::default())]);
    // Many come in parts, and each once.
    let many: BTreeSet<Serial> = (0..METERS_TOLD_MAX + 30).map(|_| world.metered(per_day(5))).collect();
    let part = world.told_by_shard(&[], told.known);
    assert!(part.more && part.marks.len() == METERS_TOLD_MAX as usize);
    let rest = world.told_by_shard(&[], part.known);
    assert!(!rest.more);
    let both: BTreeSet<Serial> = part.marks.iter().chain(&rest.marks).map(|(serial, _)| *serial).collect();
    assert_eq!((both, part.marks.len() + rest.marks.len()), (many.clone(), many.len()));
}

#[test]
fn a_late_or_repeated_count_changes_nothing() {
    let mut world = World::new();
    let serial = world.metered(per_day(10));
    world.told_by_shard(&[(serial, 10)], NOTHING);
    let list = world.list();
    assert_eq!(list.status(serial), SerialStatus::Exhausted(MIDNIGHT));
    let changed = list.delta().head.changed;
    for uses in [10, 3, 11] {
        world.told_by_shard(&[(serial, uses)], NOTHING);
        assert_eq!(world.list().delta().head.changed, changed, "{uses}");
    }
    // A count of yesterday that comes after midnight does not refuse today.
    let yesterday = world.now;
    world.now = MIDNIGHT.to_millis().plus_ms(5);
    assert_eq!(world.list().status(serial), SerialStatus::Good);
    let late = PeriodUses { day: Per::Day.index(yesterday), day_uses: 5_000, ..PeriodUses::default() };
    let meters = Some(MeterReport { shard: 0, known: NOTHING, counts: vec![(serial, late)] });
    world.request(Call::Uses { uses: vec![], counted_at: None, meters });
    assert_eq!(world.list().status(serial), SerialStatus::Good);
    assert_eq!(world.get(serial).quota_use.unwrap().used, 0);
    assert_eq!(world.actions().iter().filter(|action| *action == "token.quota_exceeded").count(), 1);
}

#[test]
fn many_used_up_quotas_go_into_the_base_and_leave_it_with_their_period() {
    let settings = RegistrySettings { fold_at_changes: 20, ..settings() };
    let mut world = World::with(settings);
    let serials: Vec<Serial> = (0..50).map(|_| world.metered(per_day(10))).collect();
    let plain = world.list().delta().changes().len();
    assert_eq!(plain, 0);
    let counts: Vec<(Serial, u64)> = serials.iter().map(|serial| (*serial, 10)).collect();
    world.told_by_shard(&counts, NOTHING);
    let folded = world.list().delta().head.base;
    assert!(folded.n > 0, "no base was made");
    let base = world.base(folded);
    assert!(serials.iter().all(|serial| base.base.status(*serial) == SerialStatus::Exhausted(MIDNIGHT)));
    // One is raised: the delta says so.
    let raised = serials[7];
    world.edit(raised, TokenEdit { quota: Some(Some(per_day(1_000))), ..TokenEdit::default() });
    let list = world.list();
    assert_eq!(list.status(raised), SerialStatus::Good);
    assert_eq!(list.status(serials[8]), SerialStatus::Exhausted(MIDNIGHT));
    // The next base is made on the next day.
    world.now = MIDNIGHT.to_millis().plus_ms(3 * 3_600_000);
    world.list();
    for serial in &serials[10..40] {
        world.edit(*serial, edit_label("b"));
    }
    let list = world.list();
    assert!(list.delta().head.base > folded, "no second base");
    let base = world.base(list.delta().head.base);
    assert!(serials.iter().all(|serial| base.base.status(*serial) == SerialStatus::Good));
    assert_eq!(base.base.entries(), 31);
}

#[test]
fn a_rotation_carries_the_quota_on_and_a_revoked_predecessor_counts_for_its_family() {
    let mut world = World::new();
    let family_quota = Quota { counts: QuotaCounts::Family, ..per_day(100) };
    let old = world.metered(family_quota);
    world.used(old);
    world.told_by_shard(&[(old, 70)], NOTHING);
    let rotated = world.rotate(old, as_usual()).token;
    assert_eq!(rotated.policy.quota, Some(family_quota));
    assert_eq!(rotated.quota_use.unwrap().used, 70);
    let new = rotated.serial;
    world.told_by_shard(&[(new, 12)], NOTHING);
    world.revoke(old);
    world.told_by_shard(&[(new, 29)], NOTHING);
    assert_eq!(world.list().status(new), SerialStatus::Good);
    world.told_by_shard(&[(new, 30)], NOTHING);
    assert_eq!(world.list().status(new), SerialStatus::Exhausted(MIDNIGHT));
    assert_eq!(world.list().status(old), SerialStatus::Revoked);
    // A family's edit raises both at once, and a clone begins anew.
    let raise =
        TokenEdit { quota: Some(Some(Quota { requests: 200, ..family_quota })), ..TokenEdit::default() };
    let family = rotated.family;
    assert!(matches!(world.ask(Command::EditFamily { family, edit: raise }), Answer::FamilyEdited(_)));
    assert_eq!(world.list().status(new), SerialStatus::Good);
    let clone = world.create(NewToken { clone_of: Some(new), ..NewToken::default() }).0;
    assert_eq!((clone.policy.quota.unwrap().requests, clone.quota_use.unwrap().used), (200, 0));
}

#[test]
fn a_month_is_a_calendar_month() {
    let mut world = World::new();
    let serial = world.metered(Quota { per: Per::Month, ..per_day(10) });
    world.told_by_shard(&[(serial, 10)], NOTHING);
    let SerialStatus::Exhausted(until) = world.list().status(serial) else { panic!("not used up") };
    assert_eq!(until.to_rfc3339(), "2026-12-01T00:00:00Z");
    world.now = UnixMillis(until.to_millis().0 - 1);
    assert_eq!(world.list().status(serial), SerialStatus::Exhausted(until));
    // The next list that is made does not name it any more.
    world.now = until.to_millis().plus_ms(5_000);
    assert_eq!(world.list().status(serial), SerialStatus::Good);
    world.seconds_pass(40 * DAY);
    assert_eq!(world.get(serial).quota_use.unwrap().period_ends_at.to_rfc3339(), "2027-02-01T00:00:00Z");
}
