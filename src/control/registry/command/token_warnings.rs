//! Warnings about a token for its owner: what may be a mistake, as codes.
//!
//! Standard: docs/lifecycle.md, "Life"; docs/http.md, "Warnings".
//! Invariants: a code is stable. Warnings change no decision. Those of [`of_settings`] are among those of
//! [`of`], as long as the settings stay.
//! What it must not know: HTTP, SQL.
//! What a mistake costs: a person takes a token for more restricted, or sooner ended, than it is.

use super::token::{TokenPolicy, TokenState, TokenView};
use crate::base::time::UnixMillis;
use crate::formats::origin::{MissingOrigin, OriginMode, RuleWarning};
use crate::formats::scope::ScopeMode;
use crate::limits::{MS_PER_SECOND, SECONDS_PER_DAY, UNUSED_NOTICE_MS};

/// The default lifetime is a year. That is not reported as long, since tokens should be rotated once a year
/// (docs/lifecycle.md, "Life").
pub const YEAR_SECONDS: i64 = 365 * SECONDS_PER_DAY;

pub const LONG_LIVED: &str = "long_lived";
pub const SCOPE_WITHOUT_ROUTE: &str = "scope_without_route";
pub const ROTATION_OVERDUE: &str = "rotation_overdue";
pub const UNUSED: &str = "unused";
pub const ENDS_THOUGH_PROTECTED: &str = "ends_though_protected";

/// Codes besides those for origin rules, in the order of answers.
const OF_OTHER_SETTINGS: [&str; 8] = [
    "report_mode",
    "scope_report_mode",
    SCOPE_WITHOUT_ROUTE,
    "missing_origin_allowed",
    LONG_LIVED,
    ROTATION_OVERDUE,
    UNUSED,
    ENDS_THOUGH_PROTECTED,
];

/// Every code that [`of`] can return, in the order of answers.
#[must_use]
pub fn codes() -> Vec<&'static str> {
    RuleWarning::ALL.into_iter().map(RuleWarning::code).chain(OF_OTHER_SETTINGS).collect()
}

/// The warnings about a token at `now`.
#[must_use]
pub fn of(view: &TokenView, now: UnixMillis) -> Vec<&'static str> {
    let life_seconds = view.expires_at.0.saturating_sub(view.created_at.ceil_seconds().0);
    let may_be_used = matches!(view.state, TokenState::Active | TokenState::Disabled);
    let idle_since = view.last_used_at.unwrap_or(view.created_at);
    let settled = of_settings(&view.policy, life_seconds);
    let holds = |code| match code {
        SCOPE_WITHOUT_ROUTE => view.scope_misses_routes,
        ROTATION_OVERDUE => may_be_used && now.since_ms(view.created_at) > YEAR_SECONDS * MS_PER_SECOND,
        UNUSED => may_be_used && now.since_ms(idle_since) >= UNUSED_NOTICE_MS,
        ENDS_THOUGH_PROTECTED => may_be_used && view.policy.protected && ends_without_time(view),
        code => settled.contains(&code),
    };
    codes().into_iter().filter(|code| holds(code)).collect()
}

/// The warnings that follow from a token's settings and its life alone, whatever the time and the routes.
#[must_use]
pub fn of_settings(policy: &TokenPolicy, life_seconds: i64) -> Vec<&'static str> {
    let rules = policy.origins.warnings().into_iter().map(RuleWarning::code);
    let others = [
        (policy.origin_mode == OriginMode::Report, "report_mode"),
        (policy.scope_mode == ScopeMode::Report, "scope_report_mode"),
        (policy.missing_origin == MissingOrigin::Allow, "missing_origin_allowed"),
        (life_seconds > YEAR_SECONDS, LONG_LIVED),
    ];
    rules.chain(others.into_iter().filter(|(holds, _)| *holds).map(|(_, code)| code)).collect()
}

/// Whether [`of_settings`] can return the code.
#[must_use]
pub fn is_of_settings(code: &str) -> bool {
    ![SCOPE_WITHOUT_ROUTE, ROTATION_OVERDUE, UNUSED, ENDS_THOUGH_PROTECTED].contains(&code)
}

/// Whether an end is set or planned that does not leave the token's pages their time. Protection prevents
/// such an end, but does not cancel one from before.
fn ends_without_time(view: &TokenView) -> bool {
    let auto = view.policy.auto_rotate.as_ref().map(|auto| auto.revoke_old);
    let plans = view.rotation.iter().map(|rotation| rotation.revoke_old).chain(auto);
    view.ends_at.is_some() || plans.into_iter().any(|plan| !plan.leaves_time())
}
