//! What counts against each quota of a family, and the counts at which shards are to tell: functions of plain
//! values.
//!
//! Standard: docs/lifecycle.md, "Quotas".
//! Invariants: a threshold (80 % or 100 % of a quota) cannot be reached without some token of the family
//! reaching its mark. For a token's own quota the mark is the threshold. For a family's, what is left to the
//! threshold is divided among its tokens: if each stays below its share, their sum stays below the threshold.
//! So a token costs two messages in a period, and a family of k tokens about k × ln(quota).
//! What it must not know: storage, who tells.
//! What a mistake costs: a quota that is used up is noticed late (false accept).

use super::command::{Quota, QuotaCounts};
use crate::base::time::UnixMillis;
use crate::formats::usage::meter::{Marks, NO_MORE, PeriodUses};
use crate::formats::usage::period::Per;

/// A token of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Its quota, while it is active or disabled. One that has ended keeps its uses, and needs no quota.
    pub(super) quota: Option<Quota>,
    pub(super) is_live: bool,
    pub(super) uses: PeriodUses,
}

/// How far a quota is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Below,
    Near,
    Exceeded,
}

impl Quota {
    /// 80 %, rounded up, and all of it.
    fn thresholds(&self) -> [u64; 2] {
        // A fifth is taken off: 5 × a quota could be too large.
        [self.requests.saturating_sub(self.requests / 5), self.requests]
    }

    pub(super) fn stage(&self, used: u64) -> Stage {
        let [near, all] = self.thresholds();
        match used {
            _ if used >= all => Stage::Exceeded,
            _ if used >= near => Stage::Near,
            _ => Stage::Below,
        }
    }

    fn next_threshold(&self, used: u64) -> Option<u64> {
        self.thresholds().into_iter().find(|threshold| *threshold > used)
    }
}

/// What counts against the quota of the member at `at`, in the period that contains `now`.
pub(super) fn used(members: &[Member], at: &Member, quota: &Quota, now: UnixMillis) -> u64 {
    let index = quota.per.index(now);
    match quota.counts {
        QuotaCounts::Token => at.uses.in_period(quota.per, index),
        QuotaCounts::Family => sum(members, quota.per, index),
    }
}

fn sum(members: &[Member], per: Per, index: i64) -> u64 {
    members.iter().fold(0, |sum: u64, member| sum.saturating_add(member.uses.in_period(per, index)))
}

/// The marks of a member.
pub(super) fn marks(members: &[Member], of: &Member, now: UnixMillis) -> Marks {
    Marks { day: mark(members, of, Per::Day, now), month: mark(members, of, Per::Month, now) }
}

fn mark(members: &[Member], of: &Member, per: Per, now: UnixMillis) -> Option<u64> {
    let index = per.index(now);
    let uses = of.uses.in_period(per, index);
    let is_of = |quota: &Quota, counts| quota.per == per && quota.counts == counts;
    let own = of.quota.filter(|quota| is_of(quota, QuotaCounts::Token));
    let shared = || members.iter().filter_map(|one| one.quota).filter(|one| is_of(one, QuotaCounts::Family));
    if own.is_none() && shared().next().is_none() {
        return None;
    }
    let sum = sum(members, per, index);
    let sharing = members.iter().filter(|one| one.is_live || one.uses.in_period(per, index) > 0).count();
    let sharing = u64::try_from(sharing).unwrap_or(u64::MAX).max(1);
    let own = own.and_then(|quota| quota.next_threshold(uses));
    let shared = shared().filter_map(|quota| quota.next_threshold(sum));
    let shared = shared.map(|threshold| uses.saturating_add((threshold - sum).div_ceil(sharing)));
    Some(shared.chain(own).min().unwrap_or(NO_MORE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_312_800_000);

    fn quota(requests: u64, counts: QuotaCounts) -> Quota {
        Quota { requests, per: Per::Day, counts }
    }

    fn member(quota: Option<Quota>, day_uses: u64) -> Member {
        let uses = PeriodUses { day: Per::Day.index(NOW), day_uses, ..PeriodUses::default() };
        Member { quota, is_live: true, uses }
    }

    #[test]
    fn a_tokens_own_marks_are_80_and_100_percent_and_then_none() {
        let mark = |requests, uses| {
            let one = member(Some(quota(requests, QuotaCounts::Token)), uses);
            marks(&[one], &one, NOW)
        };
        for (requests, uses, day) in [
            (1_000, 0, 800),
            (1_000, 799, 800),
            (1_000, 800, 1_000),
            (1_000, 1_000, NO_MORE),
            (1, 0, 1),
            (7, 0, 6),
        ] {
            assert_eq!(mark(requests, uses), Marks { day: Some(day), month: None }, "{requests} {uses}");
        }
        let without = member(None, 5);
        assert_eq!(marks(&[without], &without, NOW), Marks::default());
        let of_yesterday = Member {
            uses: PeriodUses { day: 1, day_uses: 900, ..without.uses },
            ..member(Some(quota(1_000, QuotaCounts::Token)), 0)
        };
        assert_eq!(marks(&[of_yesterday], &of_yesterday, NOW).day, Some(800));
        let stage = |used| quota(10, QuotaCounts::Token).stage(used);
        assert_eq!([7, 8, 9, 10].map(stage), [Stage::Below, Stage::Near, Stage::Near, Stage::Exceeded]);
    }

    #[test]
    fn a_family_cannot_reach_its_threshold_below_every_mark() {
        let quota_of_family = quota(1_000, QuotaCounts::Family);
        let family = Some(quota_of_family);
        for uses in [[0, 0, 0], [799, 0, 0], [300, 300, 198], [333, 333, 333], [1, 0, 998]] {
            let members = uses.map(|uses| member(family, uses));
            let sum: u64 = uses.iter().sum();
            let threshold = if sum < 800 { 800 } else { 1_000 };
            let below: u64 = members.iter().map(|one| marks(&members, one, NOW).day.unwrap() - 1).sum();
            assert!(below < threshold, "{uses:?}: {below}");
            assert!(members.iter().all(|one| marks(&members, one, NOW).day > Some(one.uses.day_uses)));
        }
        // One whose quota was taken off, or that has ended, still counts for the others.
        let members = [member(family, 10), Member { is_live: false, ..member(None, 700) }];
        assert_eq!(used(&members, &members[0], &quota_of_family, NOW), 710);
        assert_eq!(marks(&members, &members[1], NOW).day, Some(745));
        assert_eq!(used(&members, &members[0], &quota(1, QuotaCounts::Token), NOW), 10);
    }
}
