//! The problem for each fault of the registry: the one place that gives them codes and reasons.
//!
//! Standard: RFC 9457.

use super::admin_problem::AdminProblem;
use super::fields::code_of;
use super::ids;
use super::problem_members::{BlockingTokenJson, ProblemMembers};
use crate::control::registry::command::{Clash, Fault};
use crate::formats::token::Serial;
use crate::http::problem::{Code, Problem, Reason};

/// The problem for a fault of the registry.
#[must_use]
pub fn fault_problem(fault: Fault) -> AdminProblem {
    let with =
        |problem: Problem, members| AdminProblem { members: Box::new(members), ..AdminProblem::of(problem) };
    let none = ProblemMembers::default();
    match fault {
        Fault::Unauthorized => AdminProblem::of(Code::Unauthorized),
        Fault::Forbidden => AdminProblem::of(Reason::Role),
        Fault::NotFound => AdminProblem::of(Reason::NoSuchId),
        Fault::KeyNotInRing => AdminProblem::of(Reason::KeyNotInRing),
        Fault::NoCurrentToken => AdminProblem::of(Reason::NoCurrentToken),
        Fault::PreconditionFailed => AdminProblem::of(Code::PreconditionFailed),
        Fault::IdempotencyConflict => AdminProblem::of(Code::IdempotencyConflict),
        Fault::LastActiveToken => AdminProblem::of(Code::LastActiveToken),
        Fault::TokenProtected => AdminProblem::of(Reason::ClearFirst),
        Fault::OwnersOnly => AdminProblem::of(Reason::OwnersOnly),
        Fault::TokenEnded => AdminProblem::of(Reason::Ended),
        Fault::FamilyEnded => AdminProblem::of(Reason::FamilyEnded),
        Fault::TextGone => AdminProblem::of(Reason::TextGone),
        Fault::Conflict(clash) => AdminProblem::of(clash_reason(clash)),
        Fault::KeyInUse { live_tokens } => {
            with(Reason::KeyInUse.into(), ProblemMembers { live_tokens: Some(live_tokens), ..none })
        }
        Fault::KeyMissing { missing_at } => {
            with(Reason::KeyMissing.into(), ProblemMembers { missing_at: Some(missing_at), ..none })
        }
        Fault::UnexpectedCount { matched } => {
            with(Reason::UnexpectedCount.into(), ProblemMembers { matched: Some(matched), ..none })
        }
        Fault::SuccessorUnused { waiting, predecessor } => {
            let (waiting, predecessor) = (Some(waiting.into()), Some(predecessor.into()));
            with(Code::SuccessorUnused.into(), ProblemMembers { waiting, predecessor, ..none })
        }
        Fault::MaxActiveTokens { active } => {
            let active = Some(active.into_iter().map(BlockingTokenJson::from).collect());
            with(Code::MaxActiveTokens.into(), ProblemMembers { active, ..none })
        }
        Fault::LeafDisabled { instead } => with(Reason::LeafDisabled.into(), rotate_instead(instead)),
        Fault::RotateInstead { ended, instead } => {
            let reason = match (ended, instead) {
                (false, _) => Reason::HasSuccessor,
                (true, Some(_)) => Reason::RotateAnother,
                (true, None) => Reason::NothingToRotate,
            };
            with(reason.into(), rotate_instead(instead))
        }
        Fault::Fields(faults) => AdminProblem::fields(code_of(&faults), faults),
        Fault::Internal => AdminProblem::of(Code::Internal),
        Fault::Restoring => AdminProblem::of(Reason::Restoring),
    }
}

const fn clash_reason(clash: Clash) -> Reason {
    match clash {
        Clash::LastOwner => Reason::LastOwner,
        Clash::KeySigns => Reason::KeySigns,
        Clash::KeyRetired => Reason::KeyRetired,
        Clash::MadeIsGone => Reason::MadeIsGone,
        Clash::SerialsUsedUp => Reason::SerialsUsedUp,
        Clash::VersionsUsedUp => Reason::VersionsUsedUp,
        Clash::LicenceEnded => Reason::LicenceEnded,
        Clash::OwnerSwitchedOff => Reason::OwnerSwitchedOff,
        Clash::NoWebhook => Reason::NoWebhook,
    }
}

fn rotate_instead(instead: Option<Serial>) -> ProblemMembers {
    ProblemMembers { rotate_instead: Some(instead.map(ids::token_id)), ..ProblemMembers::default() }
}
