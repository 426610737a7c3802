//! What operators can ask of the registry: one [`Command`] per operation of the admin API that needs it.

use super::admin_key::NewAdminKey;
use super::bulk::{Bulk, BulkChange};
use super::event::EventFilter;
use super::licence::{ListPage, SetLicence, SwitchOwnerOff};
use super::notice::NoticeFilter;
use super::rotate::Rotate;
use super::token::{NewToken, TokenEdit};
use super::token_filter::TokenFilter;
use crate::base::time::UnixMillis;
use crate::formats::key::KeyId;
use crate::formats::token::Serial;
use serde::{Deserialize, Serialize};

/// What an operator can request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// `POST /tokens`: starts a new family.
    CreateToken(NewToken),
    /// `GET /tokens`: a page of tokens.
    ListTokens(TokenFilter),
    /// `GET /tokens/{id}`: settings and state of a token.
    GetToken(Serial),
    /// `GET /tokens/{id}/token`: shows the full token again; audited.
    RevealToken(Serial),
    /// `POST /tokens/lookup` with a token whose tag verified.
    LookupToken(Serial),
    /// `POST /tokens/lookup` with a fingerprint, which proves nothing.
    LookupFingerprint(String),
    /// `PATCH /tokens/{id}`: changes settings.
    EditToken {
        serial: Serial,
        /// The version in `If-Match`; `None` when the header was not sent.
        if_match: Option<u32>,
        edit: TokenEdit,
    },
    /// `POST /tokens/{id}/revoke`: revokes permanently.
    RevokeToken {
        serial: Serial,
        /// Free text, at most 200 characters.
        reason: Option<String>,
        /// Revoke even the family's only active token.
        force: bool,
    },
    /// `POST /tokens/{id}/rotate`: creates a successor.
    RotateToken {
        /// The token to rotate: its family's leaf.
        serial: Serial,
        rotate: Box<Rotate>,
    },
    /// `POST /families/{id}/rotate`: rotates the leaf.
    RotateFamily {
        /// The family's id, `fam_…`.
        family: String,
        rotate: Box<Rotate>,
    },
    /// `POST /tokens/rotate`: rotates every leaf that the filter finds.
    RotateTokens {
        /// Which tokens, and which step.
        bulk: Box<Bulk>,
        rotate: Box<Rotate>,
    },
    /// `GET /families/{id}`: a family and its newest tokens.
    GetFamily(String),
    /// `GET /families/{id}/token`: the current token's text.
    GetFamilyToken(String),
    /// `PATCH /families/{id}`: edits every unended token of the family.
    EditFamily {
        /// The family's id, `fam_…`.
        family: String,
        edit: TokenEdit,
    },
    /// `POST /families/{id}/revoke`: revokes every token of it.
    RevokeFamily {
        /// The family's id, `fam_…`.
        family: String,
        /// Free text, at most 200 characters.
        reason: Option<String>,
        /// Revoke protected tokens too.
        include_protected: bool,
    },
    /// `POST /tokens/disable`, `/tokens/enable`, `/tokens/change-owner`: changes one step of the tokens that
    /// a filter finds.
    ChangeTokens { bulk: Box<Bulk>, change: BulkChange },
    /// `POST /tokens/revoke`: one step of a bulk revocation.
    RevokeTokens {
        /// Which tokens, and which step.
        bulk: Box<Bulk>,
        /// Free text, at most 200 characters.
        reason: Option<String>,
        /// Whether the kind of the revocation is `owner_removed` instead of `bulk`.
        owner_removed: bool,
        /// Revoke protected tokens too.
        include_protected: bool,
    },
    /// `POST /tokens/{id}/disable`: refuses the token until it is enabled.
    DisableToken(Serial),
    /// `POST /tokens/{id}/enable`: admits the token again.
    EnableToken(Serial),
    /// `POST /tokens/{id}/end`: sets, moves or cancels an end.
    EndToken {
        serial: Serial,
        /// When it ends; `None` cancels an earlier end.
        at: Option<UnixMillis>,
        /// Allow it even if no other token of the family is active at that time.
        force: bool,
    },
    /// `POST /licences`: sets, moves or takes back the end of a licence.
    SetLicence(SetLicence),
    /// `GET /licences`: a page of licences.
    ListLicences(ListPage),
    /// `POST /owners/switch-off`: revokes an owner's tokens, and refuses new ones.
    SwitchOwnerOff(SwitchOwnerOff),
    /// `POST /owners/switch-on`: allows new tokens for an owner again.
    SwitchOwnerOn(String),
    /// `GET /owners`: a page of the owners who are switched off.
    ListOwnersOff(ListPage),
    /// `POST /tokens/{id}/probe`: publishes a list now.
    BeginProbe(Serial),
    /// `GET /tokens/{id}/probe`: the list of each location.
    GetProbe(Serial),
    /// `GET /signing-keys`: all keys, by id.
    ListSigningKeys,
    /// `POST /signing-keys/{id}/activate`: signs with this key.
    ActivateSigningKey(KeyId),
    /// `POST /signing-keys/{id}/retire`: refuses the key permanently.
    RetireSigningKey {
        key_id: KeyId,
        /// Retire it even if tokens signed with it are live.
        force: bool,
    },
    /// `GET /admin-keys`: all keys, without texts.
    ListAdminKeys,
    /// `POST /admin-keys`: creates a key.
    CreateAdminKey(NewAdminKey),
    /// `DELETE /admin-keys/{id}`: deletes the key with this number.
    DeleteAdminKey(u32),
    /// `POST /session`; the caller is a key.
    OpenSession,
    /// `GET /session`: who the caller is.
    GetSession,
    /// `DELETE /session`; the caller is a session.
    CloseSession,
    /// `GET /events`: a page of the audit log.
    ListEvents(EventFilter),
    /// `GET /notices`: a page of notices.
    ListNotices(NoticeFilter),
    /// Makes a notice that says nothing, to see whether the receiver of webhooks accepts it.
    TestWebhook,
    /// `GET /status`: the registry's state.
    Status,
    /// `GET /metrics`: the same for Prometheus.
    Metrics,
    /// `POST /origin-test` and other operations that need no data of the registry, only a known caller.
    Authenticate,
}
