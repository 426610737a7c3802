//! What holds for each command, as one table: the least role, what a retry with the same `Idempotency-Key`
//! gets, and whether the command waits for KV's lists after a start.
//!
//! Standard: docs/http.md, "Callers and roles", "Idempotency"; docs/lifecycle.md, "Protected tokens";
//! docs/bound.md, "Restore".
//! Invariants: every command is in the table (the match has no wildcard). The admin API documents the same
//! role (`Operation::least_role`; a test sends each operation through). Roles are a partial order, and
//! `role >= least` is the only comparison.
//! What it must not know: which keys exist.
//! What a mistake costs: a role that is too low lets a reader withdraw or reveal tokens (false accept). One
//! that is too high locks a job out. A command that should wait and does not gives out what the registry
//! before a restore already used.

use super::command::{BulkChange, Call, Command, NewToken, Rotate, TokenEdit};
use crate::formats::admin_key::Role;

/// What holds for a command, whatever its rule decides.
struct CommandTerms {
    least_role: Role,
    retry: Retry,
    start: Start,
}

/// What a retry of the command gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Retry {
    /// The stored result (`kept`).
    Stored,
    /// What the first one made: the rule itself finds it (`idempotency`).
    Made,
    /// A new answer: it only reads, or it is about a session.
    Anew,
}

/// Whether the command waits, after a start, until KV's lists were read. From a backup, the registry would
/// give out lists, serials and record versions that the lost registry already used. Revocations and reads do
/// not wait: a restore keeps revocations.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Waits,
    AtOnce,
}

fn terms(command: &Command) -> CommandTerms {
    use Retry::{Anew, Made, Stored};
    use Role::{Distributor, Operator, Owner, Viewer};
    use Start::{AtOnce, Waits};
    let (least_role, retry, start) = match command {
        Command::ActivateSigningKey(_) => (Owner, Stored, Waits),
        Command::Authenticate => (Viewer, Anew, AtOnce),
        // A probe writes: it makes a list.
        Command::BeginProbe(_) => (Operator, Stored, Waits),
        Command::ChangeTokens { change, .. } => {
            (Operator, Stored, if *change == BulkChange::Disable { AtOnce } else { Waits })
        }
        Command::CloseSession => (Viewer, Anew, Waits),
        Command::CreateAdminKey(_) => (Owner, Made, Waits),
        Command::CreateToken(new) => (role_to_create(new), Made, Waits),
        Command::DeleteAdminKey(_) => (Owner, Stored, Waits),
        Command::DisableToken(_) => (Operator, Stored, AtOnce),
        Command::EditFamily { edit, .. } | Command::EditToken { edit, .. } => {
            (role_to_edit(edit), Stored, Waits)
        }
        Command::EnableToken(_) => (Operator, Stored, Waits),
        Command::EndToken { .. } => (Operator, Stored, Waits),
        Command::GetFamily(_) => (Viewer, Anew, AtOnce),
        Command::GetFamilyToken(_) => (Distributor, Anew, Waits),
        Command::GetProbe(_) => (Viewer, Anew, AtOnce),
        Command::GetSession => (Viewer, Anew, Waits),
        Command::GetToken(_) => (Viewer, Anew, AtOnce),
        // The list shows who can do what.
        Command::ListAdminKeys => (Owner, Anew, AtOnce),
        Command::ListEvents(_) => (Viewer, Anew, AtOnce),
        Command::ListLicences(_) | Command::ListOwnersOff(_) => (Viewer, Anew, AtOnce),
        Command::ListNotices(_) => (Viewer, Anew, AtOnce),
        Command::ListSigningKeys => (Owner, Anew, AtOnce),
        Command::ListTokens(_) => (Viewer, Anew, AtOnce),
        Command::LookupFingerprint(_) | Command::LookupToken(_) => (Viewer, Anew, AtOnce),
        Command::Metrics => (Viewer, Anew, AtOnce),
        Command::OpenSession => (Viewer, Anew, Waits),
        Command::RetireSigningKey { .. } => (Owner, Stored, AtOnce),
        Command::RevealToken(_) => (Operator, Anew, AtOnce),
        Command::RevokeFamily { include_protected, .. } | Command::RevokeTokens { include_protected, .. } => {
            (with_protected(*include_protected), Stored, AtOnce)
        }
        Command::RevokeToken { .. } => (Operator, Stored, AtOnce),
        Command::RotateFamily { rotate, .. } | Command::RotateToken { rotate, .. } => {
            (role_to_rotate(rotate), Made, Waits)
        }
        Command::RotateTokens { rotate, .. } => (role_to_rotate(rotate), Stored, Waits),
        Command::SetLicence(set) => (with_protected(set.include_protected), Stored, Waits),
        Command::Status => (Viewer, Anew, AtOnce),
        Command::SwitchOwnerOff(switch) => (with_protected(switch.include_protected), Stored, AtOnce),
        Command::SwitchOwnerOn(_) => (Operator, Stored, Waits),
        Command::TestWebhook => (Operator, Stored, Waits),
    };
    CommandTerms { least_role, retry, start }
}

/// Only an owner may end protected tokens together with others.
fn with_protected(include_protected: bool) -> Role {
    if include_protected { Role::Owner } else { Role::Operator }
}

/// Only an owner may set the protection, since it stops operators. A clone may copy it.
fn role_to_create(new: &NewToken) -> Role {
    if new.settings.protected == Some(true) { Role::Owner } else { Role::Operator }
}

/// Only an owner may set or clear the protection.
fn role_to_edit(edit: &TokenEdit) -> Role {
    if edit.protected.is_some() { Role::Owner } else { Role::Operator }
}

/// Only an owner may change the protection in a rotation's overrides.
fn role_to_rotate(rotate: &Rotate) -> Role {
    role_to_edit(&rotate.overrides)
}

/// Whether a caller with `role` may use `command`.
pub(super) fn may(role: Role, command: &Command) -> bool {
    role >= terms(command).least_role
}

/// Whether results of `command` are stored in `kept` for a retry.
pub(super) fn stores_result(command: &Command) -> bool {
    terms(command).retry == Retry::Stored
}

/// Whether a call must wait, after a start, until KV's lists were read.
#[must_use]
pub fn waits_for_kv(call: &Call) -> bool {
    match call {
        Call::Admin(admin) => terms(&admin.command).start == Start::Waits,
        _ => true,
    }
}
