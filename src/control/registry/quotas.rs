//! Quotas: what shards count is compared with what tokens may use, and the list says which are used up.
//!
//! Standard: docs/lifecycle.md, "Quotas".
//! Invariants: counts, marks, the standing of every token of the family, the change of the list, its audit
//! and its notice are one transaction. A token is refused only after its shard counted as many admitted
//! requests as its quota allows, and never longer than until its period ends.
//! What it must not know: how requests are counted, how the list reaches locations.
//! What a mistake costs: a copied token empties a quota (false accept), or a customer's pages are refused
//! (false refuse).

use super::command::{NoticeKind, Quota};
use super::events;
use super::families;
use super::meters::{self, Meter, Standing};
use super::notice_rules::{self, DueNotice};
use super::notices::{self, QueuedNotice};
use super::quota_marks::{self, Member, Stage};
use super::row::Stop;
use super::state::State;
use super::sweep;
use super::token_row::TokenRow;
use super::tokens::event;
use super::transaction::Transaction;
use crate::base::database::Database;
use crate::base::time::{UnixMillis, UnixSeconds};
use crate::formats::family::FamilyId;
use crate::formats::list::Number;
use crate::formats::usage::meter::{MeterChanges, MeterReport};
use crate::formats::usage::period::Per;
use crate::limits::{CLOCK_SKEW_MS, METERS_TOLD_MAX};
use serde_json::json;
use std::collections::BTreeMap;

impl<D: Database> Transaction<'_, D> {
    /// Takes a shard's counts. Returns the marks that have changed since it last asked.
    pub(super) fn note_meters(&mut self, report: &MeterReport) -> Result<MeterChanges, Stop> {
        let mut families = BTreeMap::new();
        for (serial, uses) in &report.counts {
            if meters::count(self.database, *serial, *uses)?
                && let Some(row) = TokenRow::find(self.database, *serial)?
            {
                families.insert(row.family.as_str().to_owned(), row.family);
            }
        }
        for family in families.values() {
            self.settle_quotas(family)?;
        }
        let epoch = State::read(self.database)?.list_number.epoch;
        let after = if report.known.epoch == epoch { report.known.n } else { 0 };
        let changes = meters::changes_after(self.database, report.shard, after, METERS_TOLD_MAX)?;
        Ok(MeterChanges {
            known: Number { epoch, n: changes.last().map_or(after, |(changed, ..)| *changed) },
            more: u32::try_from(changes.len()).is_ok_and(|count| count >= METERS_TOLD_MAX),
            marks: changes.into_iter().map(|(_, serial, marks)| (serial, marks)).collect(),
        })
    }

    /// Compares what the tokens of a family have used with their quotas, and sets the marks for their shards.
    pub(super) fn settle_quotas(&mut self, family: &FamilyId) -> Result<(), Stop> {
        let mut tokens = Vec::new();
        for row in families::newest_first(self.database, family.as_str())? {
            let meter = meters::find(self.database, row.serial)?;
            let is_live = row.is_live(self.now);
            let quota = row.policy.quota.filter(|_| is_live);
            let uses = meter.map(|meter| meter.uses).unwrap_or_default();
            tokens.push((row, meter, Member { quota, is_live, uses }));
        }
        let members: Vec<Member> = tokens.iter().map(|(_, _, member)| *member).collect();
        let at = self.counted_at(&members);
        for (row, meter, member) in tokens {
            let may_count = meter.is_some() || member.is_live || self.was_used_in_this_month(&row);
            let marks = quota_marks::marks(&members, &member, at);
            if may_count && marks != meter.map(|meter| meter.marks).unwrap_or_default() {
                meters::set_marks(self.database, row.serial, marks)?;
            }
            self.settle_quota(&row, meter, &members, &member, at)?;
        }
        Ok(())
    }

    /// The time by which counts are judged. A shard's clock may be ahead: a day that it has begun to count
    /// has begun.
    fn counted_at(&self, members: &[Member]) -> UnixMillis {
        let days = members.iter().map(|member| Per::Day.begin(member.uses.day).to_millis());
        days.filter(|at| at.since_ms(self.now) <= CLOCK_SKEW_MS).fold(self.now, UnixMillis::max)
    }

    /// Whether a token that has ended can have uses in a period that is not over.
    fn was_used_in_this_month(&self, row: &TokenRow) -> bool {
        let began_at = Per::Month.begin(Per::Month.index(self.now)).to_millis();
        row.last_used_at.is_some_and(|at| at >= began_at)
    }

    fn settle_quota(
        &mut self,
        row: &TokenRow,
        meter: Option<Meter>,
        members: &[Member],
        member: &Member,
        at: UnixMillis,
    ) -> Result<(), Stop> {
        let was = meter.map(|meter| meter.standing).unwrap_or_default();
        // One that has ended is refused for that.
        if !member.is_live {
            return Ok(());
        }
        let Some(quota) = member.quota else {
            return if was == Standing::default() {
                Ok(())
            } else {
                self.stands(row, was, Standing::default())
            };
        };
        let used = quota_marks::used(members, member, &quota, at);
        let used_until = quota.per.end(quota.per.index(at));
        let stage = quota.stage(used);
        let exhausted_until = (stage == Stage::Exceeded).then_some(used_until);
        let is = Standing { used, used_until, exhausted_until };
        if was.refused_until(self.now) != exhausted_until && exhausted_until.is_some() {
            let after = json!({ "used": used, "quota": quota, "until": used_until.to_rfc3339() });
            let exceeded = event("token.quota_exceeded", row, None, Some(after));
            events::append(self.database, self.now, events::SYSTEM, exceeded)?;
        }
        self.notice_of(row, &quota, stage, used, used_until)?;
        if was == is { Ok(()) } else { self.stands(row, was, is) }
    }

    /// Stores the standing; the next list says it if it changes what is refused.
    fn stands(&mut self, row: &TokenRow, was: Standing, is: Standing) -> Result<(), Stop> {
        meters::set_standing(self.database, row.serial, is)?;
        if was.refused_until(self.now) != is.refused_until(self.now) {
            let receipt = self.receipt(row, &State::read(self.database)?);
            self.record_token_change(&receipt)?;
        }
        Ok(())
    }

    /// Queues the notice of a stage, once for each period and quota.
    fn notice_of(
        &self,
        row: &TokenRow,
        quota: &Quota,
        stage: Stage,
        used: u64,
        until: UnixSeconds,
    ) -> Result<(), Stop> {
        let kind = match stage {
            Stage::Below => return Ok(()),
            Stage::Near => NoticeKind::QuotaNear,
            Stage::Exceeded => NoticeKind::QuotaExceeded,
        };
        let due = DueNotice { kind, within_days: 0, about: until.to_millis() };
        let last = sweep::last_notice(self.database, row.serial, kind)?;
        if !notice_rules::is_news(&due, last.as_ref(), self.now) {
            return Ok(());
        }
        let queued = QueuedNotice::of(kind, row.serial).with("quota", json!(quota));
        let queued = queued.with("used", used).with("period_ends_at", until.to_rfc3339());
        notices::queue(self.database, queued, self.now)?;
        Ok(sweep::store_last_notice(self.database, row.serial, &due, self.now)?)
    }
}
