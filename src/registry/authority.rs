//! Authority: which role each command needs, as one table.
//!
//! Standard: DESIGN section 7, "Roles".
//! Invariants: every command stands in the table (the match has no wildcard), and the admin API documents the same role
//! (`Operation::least_role`; a test sends each operation through); roles are a partial order, so
//! `role >= least` is the only test.
//! What it must not know: which keys exist.
//! What a mistake costs: a role too low lets a reader withdraw or reveal (false accept); too high locks a job out.

use super::command::{Command, NewToken, Rotate, TokenEdit};
use crate::admin_key::Role;

/// Whether a caller with `role` may ask for `command`.
pub(super) fn may(role: Role, command: &Command) -> bool {
    role >= least_role(command)
}

fn least_role(command: &Command) -> Role {
    match command {
        Command::Authenticate
        | Command::CloseSession
        | Command::GetFamily(_)
        | Command::GetProbe(_)
        | Command::GetSession
        | Command::GetToken(_)
        | Command::ListEvents(_)
        | Command::ListNotices(_)
        | Command::ListTokens(_)
        | Command::LookupToken(_)
        | Command::OpenSession
        | Command::Metrics
        | Command::Status => Role::Viewer,

        // Setting the protection is the owner's, since it is what stops operators; a clone may carry it on.
        Command::CreateToken(NewToken { settings: TokenEdit { protected: Some(true), .. }, .. })
        | Command::EditFamily { edit: TokenEdit { protected: Some(_), .. }, .. }
        | Command::EditToken { edit: TokenEdit { protected: Some(_), .. }, .. }
        | Command::RevokeFamily { include_protected: true, .. }
        | Command::RevokeTokens { include_protected: true, .. } => Role::Owner,

        Command::RotateFamily { rotate, .. }
        | Command::RotateToken { rotate, .. }
        | Command::RotateTokens { rotate, .. } => role_to_rotate(rotate),

        Command::GetFamilyToken(_) => Role::Distributor,

        // A probe writes: it makes a list.
        Command::BeginProbe(_)
        | Command::CreateToken(_)
        | Command::DisableToken(_)
        | Command::EditFamily { .. }
        | Command::EditToken { .. }
        | Command::EnableToken(_)
        | Command::EndToken { .. }
        | Command::RevealToken(_)
        | Command::RevokeFamily { .. }
        | Command::RevokeToken { .. }
        | Command::RevokeTokens { .. } => Role::Operator,

        // Seeing them too: they say who could do what.
        Command::CreateAdminKey(_) | Command::DeleteAdminKey(_) | Command::ListAdminKeys => Role::Owner,

        Command::ActivateSigningKey(_) | Command::ListSigningKeys | Command::RetireSigningKey { .. } => {
            Role::Owner
        }
    }
}

/// A successor whose protection differs from what a rotation carries on is the owner's to make.
fn role_to_rotate(rotate: &Rotate) -> Role {
    if rotate.overrides.protected.is_some() { Role::Owner } else { Role::Operator }
}
