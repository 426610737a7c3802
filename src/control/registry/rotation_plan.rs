//! The plan for a predecessor's end: pure, a function of when the successor was first used.
//!
//! Standard: DESIGN section 8, "rotate", as this table. T: the set time; D: the deadline; f: the successor's first use.
//!
//! | `when`                  | not used yet           | used at f                          |
//! |-------------------------|------------------------|------------------------------------|
//! | `after`, `strict`       | ends at T              | ends at T                          |
//! | `after`                 | no end; held from T on | at T, at f + drain at the earliest |
//! | `first_use`             | no end                 | at f + drain                       |
//! | `first_use` D           | no end; held from D on| f ≤ D: at f + drain, at D at the latest; f > D: at f + drain |
//! | `first_use` D, `strict` | ends at D             | at f + drain, at D at the latest  |
//! | `never`                 | no end                | no end                            |
//!
//! (`now` needs no plan: it is a revocation.) Of `after` DESIGN says that the token ends at T when the successor was used by
//! then. A site that deploys an hour before T would break every page that a cache still holds, so the drain is kept then too.
//! Invariants: without `strict` there is no end before a first use; a first use that is told late never makes an end earlier
//! than it would have been.
//! What it must not know: which tokens exist, who ends them.
//! What a mistake costs: pages that still carry the old token break (false refuse).

use super::words::{RevokeOld, RotationView};
use crate::limits::MS_PER_SECOND;
use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// What a rotation planned for the predecessor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::registry) struct Plan {
    pub(in crate::registry) revoke_old: RevokeOld,
    pub(in crate::registry) begun_at: UnixMillis,
    /// When the predecessor ends, as far as the first use is known: [`Plan::end`] as it was when that was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::registry) planned_end: Option<UnixMillis>,
    /// Since when the end is held: its time came, and the successor was not in use, or did not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::registry) held_since: Option<UnixMillis>,
}

impl Plan {
    /// When the predecessor is to end, given the successor's first use; `None`: not until that comes, or not at all.
    pub(in crate::registry) fn end(&self, first_use: Option<UnixMillis>) -> Option<UnixMillis> {
        let from_begin = |seconds: i64| self.begun_at.plus_ms(seconds.saturating_mul(MS_PER_SECOND));
        let drained = |seconds: i64| first_use.map(|at| at.plus_ms(seconds.saturating_mul(MS_PER_SECOND)));
        match self.revoke_old {
            RevokeOld::After { after_seconds, strict: true, .. } => Some(from_begin(after_seconds)),
            RevokeOld::After { after_seconds, drain_seconds, strict: false } => {
                let at = from_begin(after_seconds);
                drained(drain_seconds).map(|drained| drained.max(at))
            }
            RevokeOld::FirstUse { drain_seconds, deadline_seconds, strict } => {
                let deadline = deadline_seconds.map(from_begin);
                match (drained(drain_seconds), deadline) {
                    (None, deadline) => deadline.filter(|_| strict),
                    (Some(end), Some(deadline)) if strict || first_use <= Some(deadline) => {
                        Some(end.min(deadline))
                    }
                    (Some(end), _) => Some(end),
                }
            }
            RevokeOld::Never | RevokeOld::Now => None,
        }
    }

    /// As the API shows it.
    pub(in crate::registry) fn view(&self) -> RotationView {
        RotationView {
            revoke_old: self.revoke_old,
            begun_at: self.begun_at,
            planned_end: self.planned_end,
            held_since: self.held_since,
        }
    }

    /// When an end that waits for a first use counts as held; `None`: it never does.
    pub(in crate::registry) fn held_from(&self) -> Option<UnixMillis> {
        let seconds = match self.revoke_old {
            RevokeOld::After { after_seconds, strict: false, .. } => after_seconds,
            RevokeOld::FirstUse { deadline_seconds: Some(deadline), strict: false, .. } => deadline,
            _ => return None,
        };
        Some(self.begun_at.plus_ms(seconds.saturating_mul(MS_PER_SECOND)))
    }

    /// Whether the end comes whether the successor works or not.
    pub(in crate::registry) fn is_strict(&self) -> bool {
        matches!(
            self.revoke_old,
            RevokeOld::After { strict: true, .. } | RevokeOld::FirstUse { strict: true, .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGUN: UnixMillis = UnixMillis(1_000_000);

    fn plan(revoke_old: RevokeOld) -> Plan {
        Plan { revoke_old, begun_at: BEGUN, planned_end: None, held_since: None }
    }

    fn at(seconds: i64) -> Option<UnixMillis> {
        Some(BEGUN.plus_ms(seconds * 1_000))
    }

    /// The table above, cell by cell.
    #[test]
    fn the_end_follows_from_when_the_successor_was_first_used() {
        let after = |strict| plan(RevokeOld::After { after_seconds: 100, drain_seconds: 30, strict });
        let first_use = |deadline_seconds, strict| {
            plan(RevokeOld::FirstUse { drain_seconds: 30, deadline_seconds, strict })
        };
        let cases = [
            (after(true), None, at(100)),
            (after(true), at(10), at(100)),
            (after(true), at(150), at(100)),
            (after(false), None, None),
            (after(false), at(70), at(100)),
            (after(false), at(71), at(101)),
            (after(false), at(101), at(131)),
            (first_use(None, false), None, None),
            (first_use(None, false), at(5), at(35)),
            (first_use(Some(50), false), None, None),
            (first_use(Some(50), false), at(5), at(35)),
            (first_use(Some(50), false), at(40), at(50)),
            (first_use(Some(50), false), at(51), at(81)),
            (first_use(Some(50), true), None, at(50)),
            (first_use(Some(50), true), at(40), at(50)),
            (first_use(Some(50), true), at(51), at(50)),
            (plan(RevokeOld::Never), at(5), None),
        ];
        for (plan, first_use, expected) in cases {
            assert_eq!(plan.end(first_use), expected, "{plan:?} used at {first_use:?}");
        }
    }

    #[test]
    fn without_strict_there_is_no_end_before_a_first_use() {
        let plans = [
            RevokeOld::After { after_seconds: 0, drain_seconds: 0, strict: false },
            RevokeOld::FirstUse { drain_seconds: 0, deadline_seconds: Some(0), strict: false },
            RevokeOld::FirstUse { drain_seconds: 0, deadline_seconds: None, strict: false },
        ];
        for revoke_old in plans {
            assert_eq!(plan(revoke_old).end(None), None, "{revoke_old:?}");
            assert!(!plan(revoke_old).is_strict());
        }
    }

    #[test]
    fn an_end_is_held_from_the_time_that_was_set() {
        let after = RevokeOld::After { after_seconds: 100, drain_seconds: 30, strict: false };
        assert_eq!(plan(after).held_from(), at(100));
        let deadline = RevokeOld::FirstUse { drain_seconds: 30, deadline_seconds: Some(50), strict: false };
        assert_eq!(plan(deadline).held_from(), at(50));
        let open = RevokeOld::FirstUse { drain_seconds: 30, deadline_seconds: None, strict: false };
        assert_eq!(plan(open).held_from(), None);
        assert_eq!(plan(RevokeOld::Never).held_from(), None);
    }
}
