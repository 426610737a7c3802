//! Which notices a token is due for: the rules of the daily sweep, as functions of plain values.
//!
//! Standard: docs/lifecycle.md, "Notices".
//!
//! Each rule is about a token that works:
//! - `expiring`: it has no successor and ends within 30, 7 or 1 days. Sent again at the next threshold, or
//!   when its end was moved.
//! - `predecessor_still_used`: it has a successor, was used since that was made and within the last 7 days,
//!   and ends within 7 or 1 days. Sent again likewise.
//! - `rotation_held`: it is kept beyond its rotation's end, because the successor is not in use. Sent again a
//!   day later.
//! - `successor_unfetched`: a job or page that fetched it has not fetched its successor, and that was made
//!   two days ago, or it ends within 7 or 1 days. Sent once for the two days, and again at each threshold. An
//!   end less than two days ahead is told as soon as it is known: no sweep need come before it.
//! - `unused`: its last use (or its creation, if it was never used) is at least 90 days ago. Sent again after
//!   it was used in between.
//!
//! Invariants: if several thresholds are met at once, only the nearest is sent. A threshold longer than half
//! of the life concerned is skipped; otherwise a token of 8 days would be announced when it is made.
//! What it must not know: storage, how a notice is delivered.
//! What a mistake costs: a site goes dark unannounced, or an operator learns to ignore notices.

use super::command::NoticeKind;
use crate::base::time::UnixMillis;
use crate::limits::{
    HELD_NOTICE_INTERVAL_MS, MS_PER_SECOND, SAME_END_MS, SECONDS_PER_DAY, STILL_USED_WITHIN_MS,
    UNFETCHED_NOTICE_MS, UNUSED_NOTICE_MS,
};

/// Days before its end at which a token without a successor causes a notice, nearest first.
const EXPIRING_DAYS: [u32; 3] = [1, 7, 30];
/// Days before its end at which a predecessor still in use causes a notice, nearest first.
const STILL_USED_DAYS: [u32; 2] = [1, 7];

/// What the sweep knows about a token that works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Subject {
    pub(super) created_at: UnixMillis,
    /// When the token ends if nothing is done: by its signature, by an operator or by a rotation.
    pub(super) end: UnixMillis,
    /// When its successor was made.
    pub(super) succeeded_at: Option<UnixMillis>,
    /// Since when the end planned by its rotation is held.
    pub(super) held_since: Option<UnixMillis>,
    pub(super) last_used_at: Option<UnixMillis>,
    /// How many jobs and pages have fetched an earlier token of its family than its successor.
    pub(super) consumers_behind: u32,
}

/// A rule that applies to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DueNotice {
    pub(super) kind: NoticeKind,
    /// The threshold that was met, in days; 0 for a kind without thresholds.
    pub(super) within_days: u32,
    /// The instant that the notice is about. A different instant makes it a new notice.
    pub(super) about: UnixMillis,
}

/// The last notice of a kind about a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastNotice {
    pub(super) within_days: u32,
    pub(super) about: UnixMillis,
    pub(super) at: UnixMillis,
}

/// The rules that apply to a token.
pub(super) fn due_notices(subject: &Subject, now: UnixMillis) -> Vec<DueNotice> {
    [
        expiring(subject, now),
        still_used(subject, now),
        held(subject),
        unused(subject, now),
        unfetched(subject, now),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether a due notice must be sent, given the last notice of its kind.
pub(super) fn is_news(due: &DueNotice, last: Option<&LastNotice>, now: UnixMillis) -> bool {
    let Some(last) = last else { return true };
    let since_ms = now.since_ms(last.at);
    if due.kind == NoticeKind::SuccessorUnfetched && due.within_days == 0 {
        // Whatever was sent since the successor was made has said so.
        return last.at < due.about;
    }
    due.about != last.about
        || due.within_days < last.within_days
        // A clock that was set back must not suppress the notice.
        || (due.kind == NoticeKind::RotationHeld && !(0..HELD_NOTICE_INTERVAL_MS).contains(&since_ms))
}

/// Whether a token that works was unused for so long that somebody should ask what it is for.
pub(super) fn is_unused(created_at: UnixMillis, last_used_at: Option<UnixMillis>, now: UnixMillis) -> bool {
    now.since_ms(last_used_at.unwrap_or(created_at)) >= UNUSED_NOTICE_MS
}

fn expiring(subject: &Subject, now: UnixMillis) -> Option<DueNotice> {
    if subject.succeeded_at.is_some() {
        return None;
    }
    let within_days = nearest(&EXPIRING_DAYS, subject.created_at, subject.end, now)?;
    Some(DueNotice { kind: NoticeKind::Expiring, within_days, about: subject.end })
}

fn still_used(subject: &Subject, now: UnixMillis) -> Option<DueNotice> {
    let succeeded_at = subject.succeeded_at?;
    let last_used_at = subject.last_used_at.filter(|at| *at > succeeded_at)?;
    if now.since_ms(last_used_at) > STILL_USED_WITHIN_MS {
        return None;
    }
    // Here the life concerned is the time in which both tokens work.
    let within_days = nearest(&STILL_USED_DAYS, succeeded_at, subject.end, now)?;
    Some(DueNotice { kind: NoticeKind::PredecessorStillUsed, within_days, about: subject.end })
}

fn held(subject: &Subject) -> Option<DueNotice> {
    let about = subject.held_since?;
    Some(DueNotice { kind: NoticeKind::RotationHeld, within_days: 0, about })
}

fn unused(subject: &Subject, now: UnixMillis) -> Option<DueNotice> {
    let about = subject.last_used_at.unwrap_or(subject.created_at);
    let holds = is_unused(subject.created_at, subject.last_used_at, now);
    holds.then_some(DueNotice { kind: NoticeKind::Unused, within_days: 0, about })
}

fn unfetched(subject: &Subject, now: UnixMillis) -> Option<DueNotice> {
    let succeeded_at = subject.succeeded_at.filter(|_| subject.consumers_behind > 0)?;
    let kind = NoticeKind::SuccessorUnfetched;
    if let Some(within_days) = nearest(&STILL_USED_DAYS, succeeded_at, subject.end, now) {
        return Some(DueNotice { kind, within_days, about: subject.end });
    }
    let holds = now.since_ms(succeeded_at) >= UNFETCHED_NOTICE_MS;
    holds.then_some(DueNotice { kind, within_days: 0, about: succeeded_at })
}

/// The notice of an end that has become known and lies less than two days ahead, where somebody has not
/// fetched the successor.
pub(super) fn unfetched_at_once(end: UnixMillis, now: UnixMillis) -> Option<DueNotice> {
    let left_ms = end.since_ms(now);
    let within_days = if left_ms <= SECONDS_PER_DAY * MS_PER_SECOND { 1 } else { 2 };
    let due = DueNotice { kind: NoticeKind::SuccessorUnfetched, within_days, about: end };
    (1..UNFETCHED_NOTICE_MS).contains(&left_ms).then_some(due)
}

/// Whether `last` was about this end of a token whose successor was made at `succeeded_at`.
pub(super) fn is_same_end(last: &LastNotice, succeeded_at: UnixMillis, end: UnixMillis) -> bool {
    last.within_days > 0 && last.at >= succeeded_at && last.about.since_ms(end).abs() < SAME_END_MS
}

/// The nearest of `thresholds` (days, ascending) that is met at `now`. Thresholds longer than half of the
/// time from `from` to `end` are skipped.
fn nearest(thresholds: &[u32], from: UnixMillis, end: UnixMillis, now: UnixMillis) -> Option<u32> {
    let ms = |days: u32| i64::from(days) * SECONDS_PER_DAY * MS_PER_SECOND;
    let half_ms = end.since_ms(from) / 2;
    thresholds.iter().copied().find(|days| end.since_ms(now) <= ms(*days) && ms(*days) <= half_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = SECONDS_PER_DAY * MS_PER_SECOND;

    fn day(day: i64) -> UnixMillis {
        UnixMillis(day * DAY_MS)
    }

    /// Made on day 0, ends on day 365, used yesterday.
    fn subject(now: UnixMillis) -> Subject {
        Subject {
            created_at: day(0),
            end: day(365),
            succeeded_at: None,
            held_since: None,
            last_used_at: Some(now.plus_ms(-DAY_MS)),
            consumers_behind: 0,
        }
    }

    fn found(subject: &Subject, now: UnixMillis) -> Vec<(NoticeKind, u32)> {
        due_notices(subject, now).into_iter().map(|due| (due.kind, due.within_days)).collect()
    }

    #[test]
    fn an_end_without_a_successor_is_told_at_30_7_and_1_days() {
        use NoticeKind::Expiring;
        for (at, expected) in [
            (day(335).plus_ms(-1), vec![]),
            (day(335), vec![(Expiring, 30)]),
            (day(358).plus_ms(-1), vec![(Expiring, 30)]),
            (day(358), vec![(Expiring, 7)]),
            (day(364), vec![(Expiring, 1)]),
            (day(365).plus_ms(-1), vec![(Expiring, 1)]),
        ] {
            assert_eq!(found(&subject(at), at), expected, "{at:?}");
            assert_eq!(found(&Subject { succeeded_at: Some(day(300)), ..subject(at) }, at).len(), {
                // With a successor the token is a predecessor that is still used.
                usize::from(at >= day(358))
            });
        }
    }

    #[test]
    fn thresholds_longer_than_half_a_life_are_skipped() {
        // Lives in days, and the thresholds that cause notices in each.
        for (life, expected) in
            [(365, vec![30, 7, 1]), (60, vec![30, 7, 1]), (59, vec![7, 1]), (14, vec![7, 1])]
                .into_iter()
                .chain([(13, vec![1]), (2, vec![1]), (1, vec![])])
        {
            let mut days_seen = Vec::new();
            for hour in 0..life * 24 {
                let now = day(0).plus_ms(hour * 3_600_000);
                let found = found(&Subject { end: day(life), ..subject(now) }, now);
                let days = found.first().map(|(_, days)| *days);
                if days.is_some() && days_seen.last() != days.as_ref() {
                    days_seen.extend(days);
                }
            }
            assert_eq!(days_seen, expected, "{life} days");
        }
    }

    #[test]
    fn a_predecessor_is_still_used_only_by_uses_after_its_successor_was_made() {
        use NoticeKind::PredecessorStillUsed;
        let now = day(114);
        let with = |last_used_at: Option<UnixMillis>| Subject {
            end: day(115),
            succeeded_at: Some(day(100)),
            last_used_at,
            ..subject(now)
        };
        assert_eq!(found(&with(Some(day(113))), now), [(PredecessorStillUsed, 1)]);
        assert_eq!(found(&with(Some(day(107))), now), [(PredecessorStillUsed, 1)]);
        assert_eq!(found(&with(Some(day(107).plus_ms(-1))), now), [], "a week of silence");
        let soon = day(108);
        assert_eq!(found(&with(Some(day(107))), soon), [(PredecessorStillUsed, 7)]);
        assert_eq!(found(&with(Some(day(100))), soon), [], "before the successor was there");
        assert_eq!(found(&with(None), day(80)), []);
        // The two tokens overlap for two days, and nobody has used this one since the overlap began.
        let short = Subject { end: day(102), ..with(Some(day(100))) };
        assert_eq!(found(&short, day(101)), []);
        assert_eq!(
            found(&Subject { last_used_at: Some(day(100).plus_ms(1)), ..short }, day(101)),
            [(PredecessorStillUsed, 1)]
        );
        // A rotation with the default overlap of 7 days is not announced as it is made.
        let overlap = |at| Subject { end: day(107), succeeded_at: Some(day(100)), ..subject(at) };
        assert_eq!(found(&overlap(day(102)), day(102)), []);
        assert_eq!(found(&overlap(day(106)), day(106)), [(PredecessorStillUsed, 1)]);
    }

    #[test]
    fn a_token_is_unused_90_days_after_its_last_use_or_its_making() {
        let unused = |last_used_at, now| found(&Subject { last_used_at, ..subject(now) }, now);
        assert_eq!(unused(None, day(90).plus_ms(-1)), []);
        assert_eq!(unused(None, day(90)), [(NoticeKind::Unused, 0)]);
        assert_eq!(unused(Some(day(50)), day(139)), []);
        assert_eq!(unused(Some(day(50)), day(140)), [(NoticeKind::Unused, 0)]);
    }

    #[test]
    fn each_threshold_is_news_once_and_a_held_end_every_day() {
        let due = |kind, within_days, about| DueNotice { kind, within_days, about };
        let last = LastNotice { within_days: 7, about: day(365), at: day(358) };
        let expiring = |days, end| due(NoticeKind::Expiring, days, end);
        assert!(is_news(&expiring(30, day(365)), None, day(335)));
        assert!(!is_news(&expiring(7, day(365)), Some(&last), day(359)));
        assert!(!is_news(&expiring(30, day(365)), Some(&last), day(359)), "a clock that was set back");
        assert!(is_news(&expiring(1, day(365)), Some(&last), day(364)));
        assert!(is_news(&expiring(7, day(366)), Some(&last), day(359)), "its end was moved");
        let held = due(NoticeKind::RotationHeld, 0, day(10));
        let last = LastNotice { within_days: 0, about: day(10), at: day(10) };
        for (now, news) in
            [(day(10), false), (day(10).plus_ms(19 * 3_600_000), false), (day(11), true), (day(9), true)]
        {
            assert_eq!(is_news(&held, Some(&last), now), news, "{now:?}");
        }
        let unused = |about| due(NoticeKind::Unused, 0, about);
        let last = LastNotice { within_days: 0, about: day(50), at: day(140) };
        assert!(!is_news(&unused(day(50)), Some(&last), day(300)));
        assert!(is_news(&unused(day(200)), Some(&last), day(290)), "used in between");
    }

    #[test]
    fn an_end_under_two_days_ahead_is_told_at_once_and_the_two_days_not_after_it() {
        let due = |hours: i64| {
            let due = unfetched_at_once(day(100).plus_ms(hours * 3_600_000), day(100));
            due.map(|due| due.within_days)
        };
        assert_eq!([0, 1, 24, 25, 47, 48].map(due), [None, Some(1), Some(1), Some(2), Some(2), None]);
        let told = LastNotice { within_days: 1, about: day(101), at: day(100) };
        assert!(is_same_end(&told, day(90), day(101).plus_ms(-3_599_999)));
        assert!(!is_same_end(&told, day(90), day(101).plus_ms(-3_600_000)));
        assert!(!is_same_end(&told, day(100).plus_ms(1), day(101)), "about an earlier successor");
        assert!(!is_same_end(&LastNotice { within_days: 0, ..told }, day(90), day(101)));
        let made = |about| DueNotice { kind: NoticeKind::SuccessorUnfetched, within_days: 0, about };
        assert!(!is_news(&made(day(99)), Some(&told), day(101)));
        assert!(is_news(&made(day(100).plus_ms(1)), Some(&told), day(102)), "another successor");
    }
}
