//! What the registry is asked and what it answers: the one vocabulary on both sides of the Durable Object's door.
//!
//! Standard: DESIGN sections 7 and 8 give the fields; times inside are milliseconds or seconds by type.
//! Invariants: a [`Command`] is already well formed (the admin API parsed every field); whether it is *allowed* is the
//! registry's to say. No HTTP status, header or JSON problem appears here.
//! What it must not know: HTTP, Workers, SQL.
//! What a mistake costs: a field lost on this crossing is a policy that silently is not enforced (false accept).

pub use super::notice_view::{
    DeliveryState, DeliveryView, NoticeFilter, NoticeKind, NoticeView, WebhookView,
};
pub use super::rotation::words::{
    AutoRotate, Bulk, BulkStep, FamilyView, RevokeOld, Rotate, Rotated, RotationView, Skipped, Standing,
    Supersede, TokenUse,
};
pub use super::self_view::{
    ExpiriesView, ExpiryView, KeyReceipt, LocationView, ProbeView, PropagationView, SigningKeyState,
    SigningKeyView, StatusView, StatusWarning,
};
use crate::admin_key::Role;
use crate::freshness::Holding;
use crate::key::KeyId;
use crate::list::Number;
use crate::origin::{MissingOrigin, OriginMode, OriginRules, TupleOrigin};
use crate::rate::ClassName;
use crate::time::{UnixMillis, UnixSeconds};
use crate::token::{Claims, Serial};
use crate::usage::sign::Sign;
use serde::{Deserialize, Serialize};

/// One call through the Durable Object's door.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// A location asks for the newest delta.
    List {
        /// The caller's own bound B, seconds: a list that is of use to it may have to be younger than the registry's B says.
        bound_seconds: i64,
    },
    /// A location asks for a base that KV does not have.
    Base {
        /// Its number.
        number: Number,
    },
    /// A location tells which list it holds.
    Report {
        /// What it calls itself.
        location: String,
        /// The list held, and how changes arrived.
        holding: Holding,
    },
    /// A location asks for a record that KV does not have, at this version or a later one.
    Record {
        /// The token's number.
        serial: Serial,
        /// The version that the list names; 1 for a token never edited.
        version: u32,
    },
    /// A location asks which token of a family pages are given.
    CurrentToken {
        /// `fam_…`
        family: String,
    },
    /// A usage shard tells what it saw in its counts.
    Signs {
        /// Each may have been told before.
        signs: Vec<Sign>,
    },
    /// A usage shard tells which tokens were used.
    Uses {
        /// Each token once.
        uses: Vec<TokenUse>,
    },
    /// It is time for the daily sweep.
    Sweep,
    /// An operator's call.
    Admin(Box<AdminCall>),
}

/// An operator's call: who asks, what for, and how a retry of it is recognised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdminCall {
    /// Who asks.
    pub caller: Caller,
    /// What is asked.
    pub command: Command,
    /// Present when the caller sent an `Idempotency-Key` with a create.
    pub idempotency: Option<Idempotency>,
}

/// Who asks: what was presented, as the hex SHA-256 of its text. The text itself never crosses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caller {
    /// An admin key.
    Key {
        /// Of its text.
        sha256: String,
    },
    /// A console session that an admin key opened.
    Session {
        /// Of its text.
        sha256: String,
    },
}

/// How a retry is recognised: the caller's key, and what the request said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Idempotency {
    /// The `Idempotency-Key` header.
    pub key: String,
    /// SHA-256 of method, path and body, hex: another request under the same key is a conflict.
    pub request_sha256: String,
}

/// What an operator can ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// `POST /tokens`: starts a family.
    CreateToken(NewToken),
    /// `GET /tokens`
    ListTokens(TokenFilter),
    /// `GET /tokens/{id}`
    GetToken(Serial),
    /// `GET /tokens/{id}/token`: the full token again; audited.
    RevealToken(Serial),
    /// `POST /tokens/lookup` of a token whose tag verified.
    LookupToken(Serial),
    /// `PATCH /tokens/{id}`
    EditToken {
        /// The token's number.
        serial: Serial,
        /// The version that `If-Match` names; `None` when the header was not sent.
        if_match: Option<u32>,
        /// What changes.
        edit: TokenEdit,
    },
    /// `POST /tokens/{id}/revoke`
    RevokeToken {
        /// The token's number.
        serial: Serial,
        /// Free text.
        reason: Option<String>,
        /// Also when it is the family's only active token.
        force: bool,
    },
    /// `POST /tokens/{id}/rotate`
    RotateToken {
        /// The token's number.
        serial: Serial,
        /// How.
        rotate: Box<Rotate>,
    },
    /// `POST /families/{id}/rotate`: of the leaf.
    RotateFamily {
        /// `fam_…`
        family: String,
        /// How.
        rotate: Box<Rotate>,
    },
    /// `POST /tokens/rotate`: of every leaf that the filter finds.
    RotateTokens {
        /// Which, and which step.
        bulk: Box<Bulk>,
        /// How.
        rotate: Box<Rotate>,
    },
    /// `GET /families/{id}`
    GetFamily(String),
    /// `GET /families/{id}/token`
    GetFamilyToken(String),
    /// `PATCH /families/{id}`: of every token of it that has not ended.
    EditFamily {
        /// `fam_…`
        family: String,
        /// What changes.
        edit: TokenEdit,
    },
    /// `POST /families/{id}/revoke`
    RevokeFamily {
        /// `fam_…`
        family: String,
        /// Free text.
        reason: Option<String>,
        /// Protected ones too.
        include_protected: bool,
    },
    /// `POST /tokens/revoke`
    RevokeTokens {
        /// Which, and which step.
        bulk: Box<Bulk>,
        /// Free text.
        reason: Option<String>,
        /// The reason's kind is that their owner has left; else that they were revoked in bulk.
        owner_removed: bool,
        /// Protected ones too.
        include_protected: bool,
    },
    /// `POST /tokens/{id}/disable`
    DisableToken(Serial),
    /// `POST /tokens/{id}/enable`
    EnableToken(Serial),
    /// `POST /tokens/{id}/end`
    EndToken {
        /// The token's number.
        serial: Serial,
        /// When it ends; `None` cancels an end set before.
        at: Option<UnixMillis>,
        /// Also when it is the family's only token that is active until then.
        force: bool,
    },
    /// `POST /tokens/{id}/probe`
    BeginProbe(Serial),
    /// `GET /tokens/{id}/probe`
    GetProbe(Serial),
    /// `GET /signing-keys`
    ListSigningKeys,
    /// `POST /signing-keys/{id}/activate`
    ActivateSigningKey(KeyId),
    /// `POST /signing-keys/{id}/retire`
    RetireSigningKey {
        /// The key.
        key_id: KeyId,
        /// Also when tokens under it are live.
        force: bool,
    },
    /// `GET /admin-keys`
    ListAdminKeys,
    /// `POST /admin-keys`
    CreateAdminKey(NewAdminKey),
    /// `DELETE /admin-keys/{id}`
    DeleteAdminKey(u32),
    /// `POST /session`: the caller is a key.
    OpenSession,
    /// `GET /session`: who calls.
    GetSession,
    /// `DELETE /session`: the caller is a session.
    CloseSession,
    /// `GET /events`
    ListEvents(EventFilter),
    /// `GET /notices`
    ListNotices(NoticeFilter),
    /// `GET /status`
    Status,
    /// `GET /metrics`
    Metrics,
    /// `POST /origin-test` and other calls answered without the registry's data, once the caller is known.
    Authenticate,
}

/// The fields of `POST /tokens`. `None` means "not given": the clone's value, else the default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewToken {
    /// The valid token whose every setting is copied.
    pub clone_of: Option<Serial>,
    /// When it ends; `None` is the default life.
    pub lifetime: Option<Lifetime>,
    /// All other settings that were given.
    pub settings: TokenEdit,
}

/// When a new token ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Lifetime {
    /// Seconds from the commit.
    ExpiresIn(i64),
    /// An instant.
    ExpiresAt(UnixSeconds),
}

/// Settings that were given. The outer `None` leaves a setting as it is; an inner `None` clears it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenEdit {
    /// What people call it. Required at creation unless cloned.
    pub label: Option<String>,
    /// Who to ask.
    #[serde(default, with = "given")]
    pub owner: Option<Option<String>>,
    /// The operator's own id for the customer; goes upstream as `Wayleave-External-Id`.
    #[serde(default, with = "given")]
    pub external_id: Option<Option<String>>,
    /// A JSON object as text.
    #[serde(default, with = "given")]
    pub metadata: Option<Option<String>>,
    /// Where it works. Required at creation unless cloned.
    pub origins: Option<OriginRules>,
    /// Whether a refusal by origin is enforced or only counted.
    pub origin_mode: Option<OriginMode>,
    /// What a request without any origin gets.
    pub missing_origin: Option<MissingOrigin>,
    /// What it is for. Required at creation unless cloned: the admin API fills in the deployment's only one.
    pub audiences: Option<Vec<String>>,
    /// Its rate class.
    #[serde(default, with = "given")]
    pub rate: Option<Option<ClassName>>,
    /// Refuses revoke, disable and bulk.
    pub protected: Option<bool>,
    /// Whether pages on its sites may fetch the family's current token.
    #[serde(default)]
    pub distribute: Option<bool>,
    /// That the registry rotates it by itself.
    #[serde(default, with = "given")]
    pub auto_rotate: Option<Option<AutoRotate>>,
}

/// `Some(None)` crosses as JSON null and an outer `None` as an absent field.
mod given {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        // Absent is written as [], given as [value]: serde_json has no third state beside null.
        value.as_slice().serialize(to)
    }

    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Ok(Vec::<Option<T>>::deserialize(from)?.into_iter().next())
    }
}

/// Filters and page of `GET /tokens`. All given ones must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenFilter {
    /// Only tokens in this state at the time of the call.
    pub state: Option<TokenState>,
    /// Only this family.
    pub family: Option<String>,
    /// Exact owner.
    pub owner: Option<String>,
    /// Exact external id.
    pub external_id: Option<String>,
    /// Tokens for this audience.
    pub audience: Option<String>,
    /// Tokens under this signing key.
    pub key_id: Option<KeyId>,
    /// Tokens whose rules admit this origin.
    #[serde(default, with = "origin_text")]
    pub origin: Option<TupleOrigin>,
    /// Only this token: whoever asks had its whole text, which verified and is stored nowhere.
    pub serial: Option<Serial>,
    /// Text in label, owner or external id; or an id, or a token's last 8 characters.
    pub q: Option<String>,
    /// Active tokens that end within so many seconds.
    pub expiring_within_seconds: Option<i64>,
    /// Tokens that have not ended and were not used for so many seconds, as far as is known.
    #[serde(default)]
    pub unused_for_seconds: Option<i64>,
    /// Tokens that have a successor, or that have none.
    #[serde(default)]
    pub has_successor: Option<bool>,
    /// Items on the page, 1 to `PAGE_LIMIT_MAX`.
    pub limit: u32,
    /// Only tokens below this serial (newest first).
    pub below: Option<Serial>,
}

/// An origin crosses as its text.
mod origin_text {
    use crate::origin::{Origin, TupleOrigin};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(origin: &Option<TupleOrigin>, to: S) -> Result<S::Ok, S::Error> {
        origin.as_ref().map(TupleOrigin::to_string).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<TupleOrigin>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        match Origin::parse_header(&text) {
            Ok(Origin::Tuple(origin)) => Ok(Some(origin)),
            _ => Err(D::Error::custom("not an origin")),
        }
    }
}

/// A token's state as the API shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenState {
    /// Admitted where its rules say.
    Active,
    /// Refused until it is enabled again.
    Disabled,
    /// Refused for ever.
    Revoked,
    /// `expires_at` or `ends_at` has passed.
    Expired,
}

/// The fields of `POST /admin-keys`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewAdminKey {
    /// What people call it.
    pub label: String,
    /// What it may do.
    pub role: Role,
    /// When it ends; `None` is never.
    pub expires_at: Option<UnixSeconds>,
}

/// Filters and page of `GET /events`, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EventFilter {
    /// Only events of this token.
    pub token: Option<Serial>,
    /// Only events of this family.
    pub family: Option<String>,
    /// Items on the page, 1 to `PAGE_LIMIT_MAX`.
    pub limit: u32,
    /// Only events below this number.
    pub below: Option<i64>,
}

/// What the registry says back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The sealed delta, and the registry's clock when it was read.
    List {
        /// Sealed bytes, base64.
        sealed: String,
        /// The registry's clock.
        now: UnixMillis,
    },
    /// The sealed base; `None` when the registry no longer has it.
    Base {
        /// Sealed bytes, base64.
        sealed: Option<String>,
    },
    /// A report was taken.
    Reported,
    /// The token of a family that pages are given; `None`: none is.
    CurrentToken(Option<Claims>),
    /// The current token of a family, for a job that copies it.
    FamilyToken {
        /// The token as the API shows it.
        token: Box<TokenView>,
        /// Its full text.
        text: String,
    },
    /// Uses were taken, or a sweep begins.
    Noted,
    /// A token was rotated, now or by an earlier call with the same idempotency key.
    Rotated(Box<Rotated>),
    /// A family.
    Family(Box<FamilyView>),
    /// The tokens of a family after an edit, each with its receipt.
    FamilyEdited(Vec<(TokenView, Receipt)>),
    /// Tokens were revoked, or would be.
    RevokedInBulk(BulkStep<Receipt>),
    /// Tokens were rotated, or would be: each with its successor.
    RotatedInBulk(BulkStep<(Serial, TokenView)>),
    /// The sealed record; `None` when the registry has no row for the serial.
    Record {
        /// Sealed bytes, base64, with the version they are.
        sealed: Option<(u32, String)>,
    },
    /// A token was made, now or by an earlier call with the same idempotency key.
    Created {
        /// The token as the API shows it.
        token: Box<TokenView>,
        /// Its full text.
        text: String,
    },
    /// One token.
    Token(Box<TokenView>),
    /// One token after an edit, with the receipt for it.
    Edited {
        /// The token as it now is.
        token: Box<TokenView>,
        /// When the edit holds everywhere.
        receipt: Receipt,
    },
    /// A token's full text.
    Revealed(String),
    /// A page of tokens.
    Tokens {
        /// Newest first.
        items: Vec<TokenView>,
        /// Ask again with `below` this; `None` on the last page.
        next: Option<Serial>,
    },
    /// A revocation, disabling or enabling was committed.
    Receipt(Receipt),
    /// What is known of where a token's latest change has arrived.
    Probe {
        /// The token's latest change, and the locations.
        probe: Box<ProbeView>,
        /// A list was published for it just now.
        begun: bool,
    },
    /// All signing keys.
    SigningKeys(Vec<SigningKeyView>),
    /// One signing key.
    SigningKey(SigningKeyView),
    /// A signing key was retired, now or before.
    SigningKeyRetired(KeyReceipt),
    /// An admin key was made; shown once (a retry under the same idempotency key shows it again).
    AdminKeyCreated {
        /// The key as the API shows it.
        key: AdminKeyView,
        /// Its full text.
        text: String,
    },
    /// All admin keys.
    AdminKeys(Vec<AdminKeyView>),
    /// The admin key is gone.
    AdminKeyDeleted,
    /// A console session was opened.
    SessionOpened {
        /// Who, and until when.
        session: SessionView,
        /// Its full text: the cookie's value.
        text: String,
    },
    /// Who calls.
    Session(SessionView),
    /// The console session is over.
    SessionClosed,
    /// A page of audit events.
    Events {
        /// Newest first.
        items: Vec<EventView>,
        /// Ask again with `below` this; `None` on the last page.
        next: Option<i64>,
    },
    /// A page of notices.
    Notices {
        /// Newest first.
        items: Vec<NoticeView>,
        /// Ask again with `below` this; `None` on the last page.
        next: Option<i64>,
    },
    /// The registry's state.
    Status(Box<StatusView>),
    /// The registry's state, and which tokens end next.
    Metrics {
        /// The state.
        status: Box<StatusView>,
        /// The ends.
        expiries: ExpiriesView,
        /// How many notices of each kind were made; kinds of which there was none are left out.
        #[serde(default)] // a registry of the release before does not say
        notices: Vec<(NoticeKind, u64)>,
    },
    /// The caller is known and its role suffices.
    Authenticated,
    /// Nothing was changed, and why.
    Refused(Fault),
}

/// Why the registry did nothing. A closed list: the admin API gives each its code and text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The admin key is unknown, deleted, expired, or an earlier value of `ADMIN_KEY`.
    Unauthorized,
    /// The role may not do this.
    Forbidden,
    /// No such token, admin key, signing key or family.
    NotFound,
    /// `If-Match` names an older version.
    PreconditionFailed,
    /// The idempotency key was used for another request.
    IdempotencyConflict,
    /// The family's only active token is not revoked without `force`.
    LastActiveToken,
    /// Protected tokens are not revoked or disabled.
    TokenProtected,
    /// The token is revoked or has ended.
    TokenEnded,
    /// The leaf was never used and its predecessor still works: `supersede` says which of the two to give up.
    SuccessorUnused {
        /// The leaf, which waits to be deployed.
        waiting: Standing,
        /// The token that works meanwhile.
        predecessor: Standing,
    },
    /// The leaf is in use, and its predecessor still works: a family has two at most.
    MaxActiveTokens {
        /// The two, newest first.
        active: Vec<Standing>,
    },
    /// Not this token can be rotated, but that one.
    RotateInstead {
        /// It is revoked or has ended; else it is disabled, or no leaf.
        ended: bool,
        /// What to rotate; `None`: nothing of this family, clone one instead.
        instead: Option<Serial>,
    },
    /// The filter finds another number of tokens than was expected.
    UnexpectedCount {
        /// How many it finds.
        matched: u64,
    },
    /// The last owner's key cannot be deleted, nor the key that signs retired; or another clash with the present state.
    Conflict,
    /// Tokens under the signing key are live: it is not retired without `force`.
    KeyInUse {
        /// How many.
        live_tokens: u64,
    },
    /// A signing key is activated only once every location that told in the last hour has it.
    KeyMissing {
        /// The locations that lack it.
        missing_at: Vec<String>,
    },
    /// Fields that only the registry can judge.
    Fields(Vec<FieldFault>),
    /// The registry was put back from a backup and has not read KV's lists yet: nothing is answered.
    Restoring,
    /// Storage failed; nothing was changed.
    Internal,
}

/// One field that cannot be taken, and why. `code` and `detail` are constant texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldFault {
    /// Name of the field, with the index in an array: `origins[2]`.
    pub field: String,
    /// Stable: `required`, `unknown_field`, `out_of_range`, …
    pub code: String,
    /// What is expected.
    pub detail: String,
}

/// One token as the API shows it, without its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenView {
    /// The token's number.
    pub serial: Serial,
    /// `fam_…`
    pub family: String,
    /// What people call it.
    pub label: String,
    /// Who to ask.
    pub owner: Option<String>,
    /// The operator's own id for the customer.
    pub external_id: Option<String>,
    /// A JSON object as text.
    pub metadata: Option<String>,
    /// First 8 and last 8 characters.
    pub fingerprint: String,
    /// The signing key it was issued under.
    pub key_id: KeyId,
    /// State at the time of the call.
    pub state: TokenState,
    /// It is the one of its family to copy and to give out.
    pub is_current: bool,
    /// Version of its record, from 1.
    pub version: u32,
    /// Where it works.
    pub origins: OriginRules,
    /// Enforced or only counted.
    pub origin_mode: OriginMode,
    /// What a request without any origin gets.
    pub missing_origin: MissingOrigin,
    /// What it is for.
    pub audiences: Vec<String>,
    /// Its rate class.
    pub rate: Option<ClassName>,
    /// Refuses revoke and disable.
    pub protected: bool,
    /// Pages on its sites may fetch the family's current token.
    pub distribute: bool,
    /// That the registry rotates it by itself.
    pub auto_rotate: Option<AutoRotate>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Label of the admin key that made it.
    pub created_by: String,
    /// When it ends, as signed into it.
    pub expires_at: UnixSeconds,
    /// An operator's earlier end.
    pub ends_at: Option<UnixMillis>,
    /// When its revocation was committed.
    pub revoked_at: Option<UnixMillis>,
    /// Kind and free text: `operator: leaked in a gist`.
    pub revoked_reason: Option<String>,
    /// When its latest revocation or disabling holds everywhere.
    pub effective_by: Option<UnixSeconds>,
    /// The token that it succeeded.
    pub predecessor: Option<Serial>,
    /// The token that succeeded it and is not revoked.
    pub successor: Option<Serial>,
    /// What a rotation planned for its end.
    pub rotation: Option<RotationView>,
    /// Its first use known.
    pub first_used_at: Option<UnixMillis>,
    /// Its latest use known, to some minutes.
    pub last_used_at: Option<UnixMillis>,
}

/// What was committed, and by when it holds everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The token's number.
    pub serial: Serial,
    /// Its state after the change.
    pub state: TokenState,
    /// Kind and free text of a revocation.
    pub reason: Option<String>,
    /// When a revocation was committed.
    pub revoked_at: Option<UnixMillis>,
    /// No location admits against the change after this.
    pub effective_by: UnixSeconds,
    /// The bound that it was computed from.
    pub bound_seconds: i64,
    /// False under `ON_UNKNOWN = "admit"`.
    pub guaranteed: bool,
    /// Lists with this number or a later one name the change: epoch and n.
    pub list_number: (u32, u64),
}

/// An admin key as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdminKeyView {
    /// Its number.
    pub id: u32,
    /// What people call it.
    pub label: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it ends.
    pub expires_at: Option<UnixSeconds>,
    /// Last call with it, to the minute (a write per call would cost more than it tells).
    pub last_used_at: Option<UnixMillis>,
}

/// Who calls, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// The admin key's number.
    pub admin_key: u32,
    /// The admin key's label.
    pub label: String,
    /// What it may do.
    pub role: Role,
    /// When this ends at the latest; `None` for a key that does not end.
    pub ends_at: Option<UnixMillis>,
}

/// One audit event. Never deleted or changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    /// Its number, ascending.
    pub id: i64,
    /// When.
    pub at: UnixMillis,
    /// Who: `key_<n> <label>`, or `system`.
    pub actor: String,
    /// What: `token.created`, `token.revealed`, `token.edited`, `token.revoked`, `token.disabled`, `token.enabled`,
    /// `token.end_set`, `token.end_cancelled`, `token.rotated`, `token.rotation_held`, `token.rotation_cancelled`,
    /// `token.first_used`, `token.restored`, `signing_key.activated`, `signing_key.retired`,
    /// `registry.restored`, `admin_key.created`, `admin_key.deleted`, `admin_key.bootstrapped`, `session.opened`,
    /// `session.closed`.
    pub action: String,
    /// The token concerned.
    pub token: Option<Serial>,
    /// The family concerned.
    pub family: Option<String>,
    /// What it was before: a JSON object as text, only fields that changed.
    pub before: Option<String>,
    /// What it is after, likewise.
    pub after: Option<String>,
}
