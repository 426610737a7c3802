//! The plan for a predecessor's end: a pure function of the successor's first use.
//!
//! Standard: docs/lifecycle.md, "Plans", as this table. T: the set time; D: the deadline; f: the successor's
//! first use.
//!
//! | `when`                  | not used yet           | used at f                      |
//! |-------------------------|------------------------|--------------------------------|
//! | `after`, `strict`       | ends at T              | ends at T                      |
//! | `after`                 | no end; held from T on | the later of T and f + drain   |
//! | `first_use`             | no end                 | f + drain                      |
//! | `first_use` D           | no end; held from D on | f + drain; if f ≤ D, at most D |
//! | `first_use` D, `strict` | ends at D              | the earlier of f + drain and D |
//! | `never`                 | no end                 | no end                         |
//!
//! `now` needs no plan: it is a revocation. For `after`, the first design let the token end at T when the
//! successor was used by then. Here the drain is kept as well: otherwise a site that deploys an hour before T
//! would break every page that a cache still holds.
//! Invariants: without `strict` there is no end before a first use. A first use that is reported late never
//! makes an end earlier than it would have been.
//! What it must not know: which tokens exist, who ends them.
//! What a mistake costs: pages that still carry the old token break (false refuse).

use super::command::{RevokeOld, RotationView};
use crate::base::time::UnixMillis;
use crate::limits::MS_PER_SECOND;
use serde::{Deserialize, Serialize};

/// The end that a rotation planned for the predecessor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RotationPlan {
    pub(super) revoke_old: RevokeOld,
    pub(super) begun_at: UnixMillis,
    /// [`RotationPlan::end`] as last computed: when the predecessor ends, as far as the first use is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) planned_end: Option<UnixMillis>,
    /// Since when the end is held: its time came, and the successor was not in use or did not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) held_since: Option<UnixMillis>,
}

impl RotationPlan {
    /// When the predecessor ends, given the successor's first use. `None`: not before a first use, or never.
    pub(super) fn end(&self, first_use: Option<UnixMillis>) -> Option<UnixMillis> {
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

    pub(super) fn view(&self) -> RotationView {
        RotationView {
            revoke_old: self.revoke_old,
            begun_at: self.begun_at,
            planned_end: self.planned_end,
            held_since: self.held_since,
        }
    }

    /// From when on an end that waits for a first use counts as held; `None`: never.
    pub(super) fn held_from(&self) -> Option<UnixMillis> {
        let seconds = match self.revoke_old {
            RevokeOld::After { after_seconds, strict: false, .. } => after_seconds,
            RevokeOld::FirstUse { deadline_seconds: Some(deadline), strict: false, .. } => deadline,
            _ => return None,
        };
        Some(self.begun_at.plus_ms(seconds.saturating_mul(MS_PER_SECOND)))
    }

    /// Whether the end comes even if the successor does not work.
    pub(super) fn is_strict(&self) -> bool {
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

    fn plan(revoke_old: RevokeOld) -> RotationPlan {
        RotationPlan { revoke_old, begun_at: BEGUN, planned_end: None, held_since: None }
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
