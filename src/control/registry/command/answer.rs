//! What the registry answers.

use super::admin_key::{AdminKeyView, SessionView};
use super::bulk::BulkStep;
use super::event::EventView;
use super::family::FamilyView;
use super::fault::Fault;
use super::licence::{LicenceView, OwnerOffView};
use super::notice::{NoticeKind, NoticeView};
use super::receipt::{KeyReceipt, Receipt};
use super::rotate::Rotated;
use super::signing_key::SigningKeyView;
use super::status::{ExpiriesView, ProbeView, StatusView};
use super::token::TokenView;
use super::token_filter::{SortKey, TokensTotal};
use crate::base::time::UnixMillis;
use crate::formats::token::{Claims, Serial};
use crate::formats::usage::meter::MeterChanges;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The sealed delta, and the registry's clock when it was read.
    List {
        /// The sealed bytes of KV's value, in base64.
        sealed: String,
        now: UnixMillis,
    },
    /// The sealed delta for an isolate that waited for a change, and the registry's clock when it was read.
    Pushed {
        /// The sealed bytes of KV's value, in base64.
        sealed: String,
        now: UnixMillis,
        /// How long the call was held at least, by timers: a clock that is set does not change it.
        held_ms: u32,
        /// The registry holds as many calls as it can: come again after this many milliseconds.
        again_in_ms: Option<u32>,
    },
    /// The sealed delta that a relay holds. The isolate's own clock tells its age, as for a copy from KV.
    Relayed {
        /// The sealed bytes of KV's value, in base64.
        sealed: String,
        /// The relay holds as many calls as it can: come again after this many milliseconds.
        again_in_ms: Option<u32>,
    },
    /// A later call of the same isolate took this one's place.
    Replaced,
    /// The sealed base; `None` when the registry no longer has it.
    Base {
        /// The sealed bytes of KV's value, in base64.
        sealed: Option<String>,
    },
    /// A report was accepted.
    Reported,
    /// The token that the family hands out to pages; `None` when it hands out none.
    CurrentToken(Option<Claims>),
    /// The current token of a family, for a job that copies it.
    FamilyToken {
        token: Box<TokenView>,
        text: String,
    },
    /// Uses or signs were accepted, or a sweep begins.
    Noted,
    /// Uses and counts were accepted. Which marks have changed.
    NotedMeters(MeterChanges),
    /// A token was rotated, now or by an earlier call with the same idempotency key.
    Rotated(Box<Rotated>),
    Family(Box<FamilyView>),
    /// The tokens of a family after an edit, each with its receipt.
    FamilyEdited(Vec<(TokenView, Receipt)>),
    /// Tokens were revoked, or in a dry run would be.
    RevokedInBulk(BulkStep<Receipt>),
    /// Tokens were disabled, enabled or given to another owner, or in a dry run would be.
    ChangedInBulk(BulkStep<Receipt>),
    /// Tokens were rotated, or in a dry run would be. Each serial comes with its successor.
    RotatedInBulk(BulkStep<(Serial, TokenView)>),
    /// The sealed record; `None` when the registry has no row for the serial.
    Record {
        /// The version and the sealed bytes in base64.
        sealed: Option<(u32, String)>,
    },
    /// A token was created, now or by an earlier call with the same idempotency key.
    Created {
        token: Box<TokenView>,
        text: String,
    },
    Token(Box<TokenView>),
    /// A token was edited.
    Edited {
        /// The token after the edit.
        token: Box<TokenView>,
        /// By when the edit holds everywhere.
        receipt: Receipt,
    },
    Revealed(String),
    /// A page of tokens.
    Tokens {
        /// At most `limit` items, in the order that was asked for.
        items: Vec<TokenView>,
        /// Call again with `below` set to this; `None` on the last page.
        next: Option<Serial>,
        /// And with `below_key` set to this.
        #[serde(default)] // the registry of the previous release does not say
        next_key: Option<SortKey>,
        /// How many there are, where that was asked for.
        #[serde(default)] // the registry of the previous release does not say
        total: Option<TokensTotal>,
    },
    /// A revocation, disabling, enabling or end was committed.
    Receipt(Receipt),
    /// A notice was made to try the receiver of webhooks, or is still pending.
    Notice(NoticeView),
    /// A licence was set, moved or taken back.
    Licence(LicenceView),
    /// A page of licences.
    Licences {
        /// At most `limit` items, newest first.
        items: Vec<LicenceView>,
        /// Call again with `below` set to this; `None` on the last page.
        next: Option<i64>,
    },
    /// An owner is switched off, now or since an earlier call.
    OwnerOff(OwnerOffView),
    OwnerSwitchedOn,
    /// A page of the owners who are switched off.
    OwnersOff {
        /// At most `limit` items, newest first.
        items: Vec<OwnerOffView>,
        /// Call again with `below` set to this; `None` on the last page.
        next: Option<i64>,
    },
    /// Where a token's latest change has arrived.
    Probe {
        probe: Box<ProbeView>,
        /// Whether a list was requested for it just now.
        begun: bool,
    },
    SigningKeys(Vec<SigningKeyView>),
    SigningKey(SigningKeyView),
    /// A signing key was retired, now or before.
    SigningKeyRetired(KeyReceipt),
    /// An admin key was created. Its text is shown once; a retry with the same idempotency key shows it
    /// again.
    AdminKeyCreated {
        key: AdminKeyView,
        /// The full admin key.
        text: String,
    },
    AdminKeys(Vec<AdminKeyView>),
    AdminKeyDeleted,
    /// A console session was opened.
    SessionOpened {
        /// The caller, and the end of the session.
        session: SessionView,
        /// The session's full text, which is the cookie's value.
        text: String,
    },
    Session(SessionView),
    SessionClosed,
    /// A page of audit events.
    Events {
        /// At most `limit` items, newest first.
        items: Vec<EventView>,
        /// Call again with `below` set to this; `None` on the last page.
        next: Option<i64>,
    },
    /// A page of notices.
    Notices {
        /// At most `limit` items, newest first.
        items: Vec<NoticeView>,
        /// Call again with `below` set to this; `None` on the last page.
        next: Option<i64>,
    },
    Status(Box<StatusView>),
    /// The registry's state, and the next ends of tokens.
    Metrics {
        status: Box<StatusView>,
        expiries: ExpiriesView,
        /// Notices per kind; kinds without any are left out.
        #[serde(default)] // the registry of the previous release does not send it
        notices: Vec<(NoticeKind, u64)>,
    },
    /// The caller is known and its role suffices.
    Authenticated,
    /// Nothing was changed. The fault says why.
    Refused(Fault),
}
