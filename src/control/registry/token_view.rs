//! How the registry shows a token: its row, with what only other tables and the clock can tell.
//!
//! What it must not know: HTTP, who asks.

use super::command::{Fault, QuotaUse, TokenPolicy, TokenView};
use super::settings::RegistrySettings;
use super::token_row::{TokenRow, TokenStatus};
use crate::base::time::UnixMillis;
use crate::formats::fingerprint;
use crate::formats::scope::misses_routes;

impl TokenRow {
    fn scope_misses_routes(&self, settings: &RegistrySettings) -> bool {
        let TokenPolicy { paths, audiences, .. } = &self.policy;
        paths.as_ref().is_some_and(|paths| misses_routes(paths, &settings.served_paths, audiences))
    }

    /// What is used of its quota in the period that contains `now`.
    fn quota_use_at(&self, now: UnixMillis) -> Option<QuotaUse> {
        let per = self.policy.quota?.per;
        let period_ends_at = per.end(per.index(now));
        let known = self.quota_use.filter(|(_, until, _)| *until == period_ends_at);
        let (used, exceeded) = known.map_or((0, false), |(used, _, exhausted)| (used, exhausted.is_some()));
        Some(QuotaUse { used, period_ends_at, exceeded })
    }

    /// The token as callers see it. [`Transaction::shown`] knows what else it takes.
    ///
    /// [`Transaction::shown`]: super::transaction::Transaction::shown
    pub(super) fn view(
        &self,
        is_current: bool,
        obstacle: Option<Fault>,
        settings: &RegistrySettings,
        now: UnixMillis,
    ) -> TokenView {
        let disabling = || self.receipt.clone().filter(|_| self.status == TokenStatus::Disabled);
        let withdrawal = self.revocation().or_else(disabling);
        TokenView {
            serial: self.serial,
            family: self.family.as_str().to_owned(),
            fingerprint: fingerprint::renewed(self.key_id, self.serial, &self.fingerprint),
            key_id: self.key_id,
            state: self.state(now),
            is_current,
            version: self.version,
            policy: self.policy.clone(),
            created_at: self.created_at,
            created_by: self.created_by.clone(),
            expires_at: self.expires_at,
            ends_at: self.ends_at,
            licensed_until: self.licensed_until,
            revoked_at: withdrawal.as_ref().and_then(|receipt| receipt.revoked_at),
            revoked_reason: withdrawal.as_ref().and_then(|receipt| receipt.reason.clone()),
            effective_by: withdrawal.map(|receipt| receipt.effective_by),
            rotation_obstacle: obstacle.map(Box::new),
            predecessor: self.predecessor,
            successor: self.successor,
            rotation: self.rotation.map(|plan| plan.view()),
            quota_use: self.quota_use_at(now),
            scope_misses_routes: self.scope_misses_routes(settings),
            first_used_at: self.first_used_at,
            last_used_at: self.last_used_at,
        }
    }
}
