//! The kinds of values that say how a token is rotated.
//!
//! Standard: docs/lifecycle.md, "Plans", "Automatic rotation".
//! Invariants: a field that has no meaning under the given `when` is a fault, because its sender expects an
//! effect.
//! What it must not know: which tokens exist, and whether they may be rotated.
//! What a mistake costs: an old token ends sooner than intended (false refuse).

use super::context::Context;
use super::fields::{Faults, Kind};
use super::kinds::{Choice, Flag, TokenLifetime, WholeNumber};
use crate::control::registry::command::{AutoRotate, RevokeOld};
use crate::limits::{self, ROTATE_AFTER_DEFAULT_SECONDS, ROTATE_DRAIN_DEFAULT_SECONDS};
use serde_json::{Map, Value, json};

/// `{when, …}`: when the predecessor ends.
pub(super) struct RevokeOldKind;

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    After,
    FirstUse,
    Never,
    Now,
}

const WHEN: Choice<When> = Choice(&[
    ("after", When::After),
    ("first_use", When::FirstUse),
    ("never", When::Never),
    ("now", When::Now),
]);

impl When {
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::After => &["when", "after_seconds", "drain_seconds", "strict"],
            Self::FirstUse => &["when", "drain_seconds", "deadline_seconds", "strict"],
            Self::Never | Self::Now => &["when"],
        }
    }
}

/// A waiting time in a rotation, in seconds: from 0 to the longest lifetime.
const WAIT: WholeNumber = WholeNumber { min: 0, max: limits::MAX_TOKEN_LIFETIME_MAX_SECONDS };

impl Kind for RevokeOldKind {
    type Value = RevokeOld;

    fn read(&self, value: &Value, at: &str, context: &Context<'_>, faults: &mut Faults) -> Option<RevokeOld> {
        let Some(members) = value.as_object() else {
            faults.add(at, "wrong_type", "an object with when and the fields that belong to it");
            return None;
        };
        let Some(when) = members.get("when") else {
            faults.add(&format!("{at}.when"), "required", "this field must be given");
            return None;
        };
        let when = WHEN.read(when, &format!("{at}.when"), context, faults)?;
        let unknown: Vec<_> = members.keys().filter(|name| !when.fields().contains(&name.as_str())).collect();
        for name in &unknown {
            faults.add(&format!("{at}.{name}"), "unknown_field", "no such field here");
        }
        let mut wait = |name: &str, default| wait(members, name, at, default, context, faults);
        let (after, drain, deadline) = (
            wait("after_seconds", Some(ROTATE_AFTER_DEFAULT_SECONDS))?,
            wait("drain_seconds", Some(ROTATE_DRAIN_DEFAULT_SECONDS))?,
            wait("deadline_seconds", None)?,
        );
        let strict = match members.get("strict") {
            Some(strict) => Flag.read(strict, &format!("{at}.strict"), context, faults)?,
            None => false,
        };
        if when == When::FirstUse && strict && deadline.is_none() {
            let detail = "strict needs deadline_seconds, the time by which the token ends";
            faults.add(&format!("{at}.strict"), "needs_deadline", detail);
            return None;
        }
        unknown.is_empty().then_some(match when {
            When::After => RevokeOld::After {
                after_seconds: after.unwrap_or(ROTATE_AFTER_DEFAULT_SECONDS),
                drain_seconds: drain.unwrap_or(ROTATE_DRAIN_DEFAULT_SECONDS),
                strict,
            },
            When::FirstUse => RevokeOld::FirstUse {
                drain_seconds: drain.unwrap_or(ROTATE_DRAIN_DEFAULT_SECONDS),
                deadline_seconds: deadline,
                strict,
            },
            When::Never => RevokeOld::Never,
            When::Now => RevokeOld::Now,
        })
    }

    fn schema(&self) -> Value {
        let wait = WAIT.schema();
        let of = |when: &str, properties: Value| {
            let mut all = json!({"when": {"const": when}});
            if let (Some(all), Value::Object(more)) = (all.as_object_mut(), properties) {
                all.extend(more);
            }
            json!({"type": "object", "required": ["when"], "properties": all, "additionalProperties": false})
        };
        let strict = json!({"type": "boolean"});
        json!({"oneOf": [
            of("after", json!({"after_seconds": wait, "drain_seconds": wait, "strict": strict})),
            of("first_use", json!({"drain_seconds": wait, "deadline_seconds": wait, "strict": strict})),
            of("never", json!({})),
            of("now", json!({})),
        ]})
    }
}

/// The outer `None` means that a fault was reported.
fn wait(
    members: &Map<String, Value>,
    name: &str,
    at: &str,
    default: Option<i64>,
    context: &Context<'_>,
    faults: &mut Faults,
) -> Option<Option<i64>> {
    match members.get(name) {
        Some(value) => WAIT.read(value, &format!("{at}.{name}"), context, faults).map(Some),
        None => Some(default),
    }
}

/// `{before_expiry_seconds, expires_in?, revoke_old?}`: settings of automatic rotation.
pub(super) struct AutoRotateKind;

/// At least an hour, because the registry rotates a family at most once an hour.
const BEFORE_EXPIRY: WholeNumber = WholeNumber { min: 3_600, max: limits::MAX_TOKEN_LIFETIME_MAX_SECONDS };

impl Kind for AutoRotateKind {
    type Value = AutoRotate;

    fn read(
        &self,
        value: &Value,
        at: &str,
        context: &Context<'_>,
        faults: &mut Faults,
    ) -> Option<AutoRotate> {
        let Some(members) = value.as_object() else {
            faults.add(at, "wrong_type", "an object with before_expiry_seconds, or null");
            return None;
        };
        let known = ["before_expiry_seconds", "expires_in", "revoke_old"];
        let unknown: Vec<_> = members.keys().filter(|name| !known.contains(&name.as_str())).collect();
        for name in &unknown {
            faults.add(&format!("{at}.{name}"), "unknown_field", "no such field here");
        }
        let place = |name: &str| format!("{at}.{name}");
        let before = match members.get("before_expiry_seconds") {
            Some(value) => BEFORE_EXPIRY.read(value, &place("before_expiry_seconds"), context, faults),
            None => {
                faults.add(&place("before_expiry_seconds"), "required", "this field must be given");
                None
            }
        };
        let expires_in = match members.get("expires_in") {
            Some(value) => Some(TokenLifetime.read(value, &place("expires_in"), context, faults)?),
            None => None,
        };
        let revoke_old = match members.get("revoke_old") {
            Some(value) => RevokeOldKind.read(value, &place("revoke_old"), context, faults)?,
            None => RevokeOld::default(),
        };
        if revoke_old == RevokeOld::Now {
            faults.add(
                &place("revoke_old"),
                "not_now",
                "after, first_use or never: now is only for rotations by hand",
            );
            return None;
        }
        let auto_rotate = AutoRotate { before_expiry_seconds: before?, expires_in, revoke_old };
        unknown.is_empty().then_some(auto_rotate)
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object", "required": ["before_expiry_seconds"], "additionalProperties": false,
            "properties": {
                "before_expiry_seconds": BEFORE_EXPIRY.schema(),
                "expires_in": TokenLifetime.schema(),
                "revoke_old": RevokeOldKind.schema(),
            },
        })
    }
}
