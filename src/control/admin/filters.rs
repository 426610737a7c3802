//! Filters and pages: the queries of `GET /tokens`, `GET /events` and `GET /notices`.
//!
//! Standard: docs/http.md, "Lists and cursors".
//! Invariants: a filter that cannot be read is an error that names it. If it were ignored, the list would
//! contain more than requested.
//! What it must not know: HTTP; which tokens exist.
//! What a mistake costs: someone revokes tokens that the filter should have excluded.

use super::admin_problem::AdminProblem;
use super::context::Context;
use super::cursors::{List, parse_cursor, parse_token_cursor};
use super::fields::{Faults, Field, Kind, Members, Shape};
use super::filter_kinds::{TokenIds, WarningCode};
use super::input::Input;
use super::kinds::{
    Choice, FamilyIdKind, Flag, HEADER_TEXT, HeaderText, Instant, OriginText, TEXT, Text, TokenIdKind,
    WholeNumber,
};
use super::policy_kinds::AUDIENCE;
use crate::control::registry::command::{
    Command, EventFilter, NoticeFilter, Sort, SortBy, SortKey, TokenFilter, TokenState,
};
use crate::formats::key::KeyId;
use crate::formats::token::{Serial, UnverifiedToken};
use crate::limits;
use serde_json::{Map, Value, json};

static STATE: Field<Choice<TokenState>> = Field {
    name: "state",
    about: "Only tokens in this state.",
    kind: Choice(&[
        ("active", TokenState::Active),
        ("disabled", TokenState::Disabled),
        ("revoked", TokenState::Revoked),
        ("expired", TokenState::Expired),
    ]),
};
static FAMILY: Field<FamilyIdKind> = Field { name: "family", about: "Only this family.", kind: FamilyIdKind };
static BY_OWNER: Field<Text> =
    Field { name: "owner", about: "Only tokens of exactly this owner.", kind: TEXT };
static BY_EXTERNAL_ID: Field<HeaderText> =
    Field { name: "external_id", about: "Only tokens with exactly this external id.", kind: HEADER_TEXT };
static BY_AUDIENCE: Field<HeaderText> =
    Field { name: "audience", about: "Only tokens for this audience.", kind: AUDIENCE };
static KEY_ID: Field<WholeNumber> = Field {
    name: "key_id",
    about: "Only tokens signed with this key.",
    kind: WholeNumber { min: 0, max: u8::MAX as i64 },
};
static BY_RATE: Field<HeaderText> =
    Field { name: "rate", about: "Only tokens of this rate class.", kind: HEADER_TEXT };
static BY_WARNING: Field<WarningCode> =
    Field { name: "warning", about: "Only tokens that have this warning.", kind: WarningCode };
static ORIGIN: Field<OriginText> =
    Field { name: "origin", about: "Only tokens whose rules admit this origin.", kind: OriginText };
static Q: Field<Text> = Field {
    name: "q",
    about: "Text in label, owner or external id; or a host in the rules; or an id, a whole token, a \
        fingerprint, or a token's first 12 or last 8 characters.",
    kind: TEXT,
};
static EXPIRING_WITHIN_SECONDS: Field<WholeNumber> = Field {
    name: "expiring_within_seconds",
    about: "Only active tokens that end within this many seconds.",
    kind: WholeNumber { min: 0, max: limits::MAX_TOKEN_LIFETIME_MAX_SECONDS },
};
static UNUSED_FOR_SECONDS: Field<WholeNumber> = Field {
    name: "unused_for_seconds",
    about: "Only tokens that have not ended and were not used for this many seconds, accurate to some \
        minutes.",
    kind: WholeNumber { min: 0, max: limits::MAX_TOKEN_LIFETIME_MAX_SECONDS },
};
static HAS_SUCCESSOR: Field<Flag> = Field {
    name: "has_successor",
    about: "Only tokens that have a successor, or that have none.",
    kind: Flag,
};
static LIMIT: Field<WholeNumber> = Field {
    name: "limit",
    about: "Maximum number of items on the page; default 50.",
    kind: WholeNumber { min: 1, max: limits::PAGE_LIMIT_MAX as i64 },
};
static SORT: Field<Choice<Sort>> = Field {
    name: "sort",
    about: "The order; with - the other way round. -created is the default. used is by the hour of the last \
        use, and never comes before any.",
    kind: Choice(&[
        ("-created", Sort { by: SortBy::Created, ascending: false }),
        ("created", Sort { by: SortBy::Created, ascending: true }),
        ("label", Sort { by: SortBy::Label, ascending: true }),
        ("-label", Sort { by: SortBy::Label, ascending: false }),
        ("owner", Sort { by: SortBy::Owner, ascending: true }),
        ("-owner", Sort { by: SortBy::Owner, ascending: false }),
        ("ends", Sort { by: SortBy::Ends, ascending: true }),
        ("-ends", Sort { by: SortBy::Ends, ascending: false }),
        ("used", Sort { by: SortBy::Used, ascending: true }),
        ("-used", Sort { by: SortBy::Used, ascending: false }),
    ]),
};
static TOTAL: Field<Flag> = Field {
    name: "total",
    about: "Whether the answer says how many tokens match, counted up to a limit.",
    kind: Flag,
};
static IDS: Field<TokenIds> =
    Field { name: "ids", about: "Only these tokens, at most 1,000.", kind: TokenIds };
static CURSOR: Field<Cursor<(Serial, Option<SortKey>)>> =
    Field { name: "cursor", about: "next_cursor of the previous page.", kind: Cursor(parse_token_cursor) };

/// The filters, together with the other fields of a request.
macro_rules! filters_and {
    ($($other:expr),*) => {
        &[
            &STATE,
            &FAMILY,
            &BY_OWNER,
            &BY_EXTERNAL_ID,
            &BY_AUDIENCE,
            &KEY_ID,
            &BY_RATE,
            &BY_WARNING,
            &ORIGIN,
            &Q,
            &EXPIRING_WITHIN_SECONDS,
            &UNUSED_FOR_SECONDS,
            &HAS_SUCCESSOR,
            $($other),*
        ]
    };
}

/// The query of `GET /tokens`
pub(super) static TOKENS: Shape =
    Shape { required: &[], optional: filters_and!(&SORT, &TOTAL, &LIMIT, &CURSOR), refused: &[] };

/// The filters alone, as in bulk calls.
pub(super) static FILTER: Shape = Shape { required: &[], optional: filters_and!(&IDS), refused: &[] };

/// The filters of `GET /tokens` as an object with at least one member.
pub(super) struct FilterKind;

impl Kind for FilterKind {
    type Value = TokenFilter;

    fn read(
        &self,
        value: &Value,
        at: &str,
        context: &Context<'_>,
        faults: &mut Faults,
    ) -> Option<TokenFilter> {
        let Some(members) = value.as_object() else {
            faults.add(at, "wrong_type", "an object with filters of GET /tokens");
            return None;
        };
        if members.is_empty() {
            faults.add(at, "empty_filter", "at least one filter: this call never acts on all tokens");
            return None;
        }
        let mut members = Members::new(members, &FILTER, context);
        let serials = members.take(&IDS);
        let filter = TokenFilter { serials, ..filter(&mut members, context) };
        let is_whole = members.faults.is_empty();
        faults.nest(at, members.faults);
        is_whole.then_some(filter)
    }

    fn schema(&self) -> Value {
        let properties: Map<String, Value> =
            FILTER.fields().map(|field| (field.name().to_owned(), field.schema())).collect();
        json!({
            "type": "object", "minProperties": 1, "properties": properties, "additionalProperties": false,
        })
    }
}

/// Reads the query of `GET /tokens`.
pub(super) fn tokens(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut query = input.query(&TOKENS);
    let filter = filter(&mut query, input.context);
    let (below, below_key) = query.take(&CURSOR).unzip();
    let filter = TokenFilter {
        sort: query.take(&SORT).unwrap_or_default(),
        wants_total: query.take(&TOTAL).unwrap_or(false),
        limit: page_limit(&mut query),
        below,
        below_key: below_key.flatten(),
        ..filter
    };
    Ok(Command::ListTokens(query.finish_query(filter)?))
}

/// Reads the filters, without the page.
pub(super) fn filter(query: &mut Members<'_>, context: &Context<'_>) -> TokenFilter {
    let (serial, q) = match query.take(&Q) {
        Some(text) => searched(text, context),
        None => (None, None),
    };
    TokenFilter {
        state: query.take(&STATE),
        family: query.take(&FAMILY),
        owner: query.take(&BY_OWNER),
        external_id: query.take(&BY_EXTERNAL_ID),
        audience: query.take(&BY_AUDIENCE),
        key_id: query.take(&KEY_ID).and_then(|id| u8::try_from(id).ok()).map(KeyId),
        rate: query.take(&BY_RATE),
        warning: query.take(&BY_WARNING),
        origin: query.take(&ORIGIN),
        serial,
        q,
        expiring_within_seconds: query.take(&EXPIRING_WITHIN_SECONDS),
        unused_for_seconds: query.take(&UNUSED_FOR_SECONDS),
        has_successor: query.take(&HAS_SUCCESSOR),
        ..TokenFilter::default()
    }
}

static EVENT_TOKEN: Field<TokenIdKind> =
    Field { name: "token", about: "Only events of this token.", kind: TokenIdKind };
static ACTOR: Field<Text> = Field {
    name: "actor",
    about: "Only events by this actor, exactly as `actor` in events shows it.",
    kind: TEXT,
};
static ACTION: Field<HeaderText> =
    Field { name: "action", about: "Only events of this kind, such as token.revoked.", kind: HEADER_TEXT };
static FROM: Field<Instant> =
    Field { name: "from", about: "Only events at this time or later.", kind: Instant };
static TO: Field<Instant> = Field { name: "to", about: "Only events before this time.", kind: Instant };
static EVENT_CURSOR: Field<Cursor<i64>> = Field {
    name: "cursor",
    about: "next_cursor of the previous page.",
    kind: Cursor(|text| parse_cursor(List::Events, text)),
};

/// The query of `GET /events`
pub(super) static EVENTS: Shape = Shape {
    required: &[],
    optional: &[&EVENT_TOKEN, &FAMILY, &ACTOR, &ACTION, &FROM, &TO, &LIMIT, &EVENT_CURSOR],
    refused: &[],
};

/// Reads the query of `GET /events`.
pub(super) fn events(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut query = input.query(&EVENTS);
    let filter = EventFilter {
        token: query.take(&EVENT_TOKEN),
        family: query.take(&FAMILY),
        actor: query.take(&ACTOR),
        action: query.take(&ACTION),
        from: query.take(&FROM),
        to: query.take(&TO),
        limit: page_limit(&mut query),
        below: query.take(&EVENT_CURSOR),
    };
    Ok(Command::ListEvents(query.finish_query(filter)?))
}

static NOTICE_LIMIT: Field<WholeNumber> = Field {
    name: "limit",
    about: "Maximum number of items on the page; default 20. A page of long notices has fewer.",
    kind: WholeNumber { min: 1, max: limits::PAGE_LIMIT_MAX as i64 },
};
static NOTICE_CURSOR: Field<Cursor<i64>> = Field {
    name: "cursor",
    about: "next_cursor of the previous page.",
    kind: Cursor(|text| parse_cursor(List::Notices, text)),
};

/// The query of `GET /notices`
pub(super) static NOTICES: Shape =
    Shape { required: &[], optional: &[&NOTICE_LIMIT, &NOTICE_CURSOR], refused: &[] };

/// Reads the query of `GET /notices`.
pub(super) fn notices(input: &Input<'_>) -> Result<Command, AdminProblem> {
    let mut query = input.query(&NOTICES);
    let limit = query.take(&NOTICE_LIMIT).and_then(|limit| u32::try_from(limit).ok());
    let filter = NoticeFilter {
        limit: limit.unwrap_or(limits::NOTICES_PAGE_LIMIT_DEFAULT),
        below: query.take(&NOTICE_CURSOR),
    };
    Ok(Command::ListNotices(query.finish_query(filter)?))
}

/// Interprets `q`. A whole token that verifies selects exactly that token. Anything else is searched as text,
/// including a token that this deployment did not issue.
fn searched(text: String, context: &Context<'_>) -> (Option<Serial>, Option<String>) {
    let token = UnverifiedToken::parse(&text);
    match token.and_then(|token| token.verify(context.key_ring)) {
        Some(token) => (Some(token.claims().serial), None),
        None => (None, Some(text)),
    }
}

/// The page size that a query requests, in items.
fn page_limit(query: &mut Members<'_>) -> u32 {
    query.take(&LIMIT).and_then(|limit| u32::try_from(limit).ok()).unwrap_or(limits::PAGE_LIMIT_DEFAULT)
}

/// The kind of a cursor, by what reads its place.
pub(super) struct Cursor<P>(pub(super) fn(&str) -> Option<P>);

impl<P> Kind for Cursor<P> {
    type Value = P;

    fn read(&self, value: &Value, at: &str, _: &Context<'_>, faults: &mut Faults) -> Option<P> {
        let place = value.as_str().and_then(self.0);
        if place.is_none() {
            faults.add(at, "not_a_cursor", "next_cursor of the previous page, unchanged");
        }
        place
    }

    fn schema(&self) -> Value {
        json!({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"})
    }
}
