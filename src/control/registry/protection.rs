//! Protection: who may do what to a protected token, as one table.
//!
//! The rule: only an owner may do what could break the pages that use a protected token, or open it to
//! others. Ending it immediately takes an owner two steps: clear `protected`, then end it. This guards
//! against slips.
//!
//! | action                                                                       | who may do it        |
//! |------------------------------------------------------------------------------|----------------------|
//! | show its text; probe; edit label, owner, metadata                            | an operator          |
//! | rotate by a plan that waits for the successor's use, then leaves pages a day | an operator          |
//! | set or clear `auto_rotate` with such a plan; cancel a waiting plan           | an operator          |
//! | rotate, or set or clear `auto_rotate`, by another plan (`strict`, …)         | an owner             |
//! | give the successor a shorter life                                            | an owner             |
//! | `supersede: successor`: give up the unused successor                         | an owner             |
//! | edit origins, scope, modes, audiences, rate, quota, external id, claims, …   | an owner             |
//! | give the successor other values of these                                     | an owner             |
//! | enable it; postpone or cancel an end that was set, or another kind of plan   | an owner             |
//! | edit `protected` itself (`command_terms`)                                    | an owner             |
//! | revoke it in a bulk call that includes protected tokens                      | an owner             |
//! | revoke, disable, end earlier; `now`, `revoke_oldest`, `supersede: original`  | nobody until cleared |
//!
//! A successor of a protected token is protected, and so is a clone, unless the request says otherwise. An
//! unprotected clone is another token, which no page carries.
//! Why a plan must leave a day: whoever rotates gets the new text, and can cause its first use.
//!
//! Invariants: every setting is judged (the pattern in [`changes`] has no wildcard). Nothing here restricts a
//! token that is not protected.
//! What it must not know: SQL, HTTP.
//! What a mistake costs: a page breaks although its token was protected (false refuse), or a protected token
//! works from everywhere (false accept).

use super::command::{Fault, RevokeOld, TokenPolicy};
use super::token_row::TokenRow;
use super::transaction::Transaction;
use crate::base::database::Database;
use crate::formats::admin_key::Role;

/// An action on a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Change label, owner or metadata. The gate does not read them, and no upstream receives them.
    Describe,
    /// Rotate it now or automatically, by a plan that leaves its pages enough time.
    Rotate,
    /// Rotate it now or automatically, by any other plan.
    RotateFirmly,
    /// Give its successor a shorter life than it had itself.
    ShortenLife,
    /// Replace it by another token as an unused successor.
    GiveUp,
    /// Change which requests it admits, or what it tells the upstream.
    Reach,
    /// Prolong or enable it, against an owner's earlier decision.
    Prolong,
    /// Cancel a rotation's waiting plan, so that the token stays valid.
    Keep,
    /// Set or clear its protection.
    Protect,
    /// Revoke or disable it, or end it earlier.
    End,
}

/// Who may do an action on a protected token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// Every caller who may give the command.
    Anyones,
    /// Only an owner may make the change.
    Owners,
    /// Nobody while the token is protected.
    NobodysYet,
}

impl Act {
    const fn whose(self) -> Whose {
        match self {
            Self::Describe | Self::Rotate | Self::Keep => Whose::Anyones,
            Self::RotateFirmly
            | Self::ShortenLife
            | Self::GiveUp
            | Self::Reach
            | Self::Prolong
            | Self::Protect => Whose::Owners,
            Self::End => Whose::NobodysYet,
        }
    }

    /// The action of rotating by this plan.
    pub(super) const fn rotation(plan: &RevokeOld) -> Self {
        if plan.leaves_time() { Self::Rotate } else { Self::RotateFirmly }
    }
}

/// The actions that change a token's settings from `before` to `after`, or give its successor those of
/// `after`. `life_seconds` is the token's life.
pub(super) fn changes(before: &TokenPolicy, after: &TokenPolicy, life_seconds: i64) -> Vec<Act> {
    let TokenPolicy {
        label: _,
        owner: _,
        metadata: _,
        external_id,
        origins,
        origin_mode,
        missing_origin,
        audiences,
        rate,
        quota,
        methods,
        paths,
        scope_mode,
        claims,
        protected,
        distribute,
        auto_rotate,
    } = before;
    let reaches = (external_id, origins, origin_mode, missing_origin, audiences, rate, quota, distribute)
        != (
            &after.external_id,
            &after.origins,
            &after.origin_mode,
            &after.missing_origin,
            &after.audiences,
            &after.rate,
            &after.quota,
            &after.distribute,
        )
        || (methods, paths, scope_mode, claims)
            != (&after.methods, &after.paths, &after.scope_mode, &after.claims);
    // Both what is set and what is taken back: an owner's decision is not an operator's to undo.
    let changed = [auto_rotate, &after.auto_rotate].map(|auto| auto.as_ref());
    let changed = changed.into_iter().flatten().filter(|_| *auto_rotate != after.auto_rotate);
    let of_rotation = changed.flat_map(|auto| {
        let shortens = auto.expires_in.is_some_and(|seconds| seconds < life_seconds);
        [Some(Act::rotation(&auto.revoke_old)), shortens.then_some(Act::ShortenLife)]
    });
    let acts = [reaches.then_some(Act::Reach), (*protected != after.protected).then_some(Act::Protect)];
    acts.into_iter().chain(of_rotation).flatten().chain((before != after).then_some(Act::Describe)).collect()
}

impl<D: Database> Transaction<'_, D> {
    /// Checks whether the caller may do this to `row`.
    ///
    /// # Errors
    /// [`Fault::OwnersOnly`], [`Fault::TokenProtected`].
    pub(super) fn may_do(&self, row: &TokenRow, act: Act) -> Result<(), Fault> {
        if row.policy.protected { self.may_do_to_protected(act) } else { Ok(()) }
    }

    /// Checks whether the caller may do this to a protected token.
    ///
    /// # Errors
    /// Same as [`Self::may_do`].
    pub(super) fn may_do_to_protected(&self, act: Act) -> Result<(), Fault> {
        match act.whose() {
            Whose::Anyones => Ok(()),
            Whose::Owners if self.actor.role() == Role::Owner => Ok(()),
            Whose::Owners => Err(Fault::OwnersOnly),
            Whose::NobodysYet => Err(Fault::TokenProtected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ROTATE_DRAIN_DEFAULT_SECONDS;

    const DAY: i64 = ROTATE_DRAIN_DEFAULT_SECONDS;

    #[test]
    fn a_plan_leaves_time_when_it_waits_and_pages_have_a_day_from_the_first_use() {
        let after = |drain_seconds, strict| RevokeOld::After { after_seconds: 0, drain_seconds, strict };
        let first_use = |drain_seconds, deadline_seconds, strict| RevokeOld::FirstUse {
            drain_seconds,
            deadline_seconds,
            strict,
        };
        for plan in [after(DAY, false), first_use(DAY, None, false), RevokeOld::Never] {
            assert_eq!(Act::rotation(&plan), Act::Rotate, "{plan:?}");
        }
        for plan in [
            after(DAY, true),
            after(DAY - 1, false),
            first_use(DAY - 1, None, false),
            first_use(DAY, Some(30 * DAY), false),
            first_use(DAY, Some(30 * DAY), true),
            RevokeOld::Now,
        ] {
            assert_eq!(Act::rotation(&plan), Act::RotateFirmly, "{plan:?}");
        }
    }
}
