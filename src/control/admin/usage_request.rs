//! The query of `GET /tokens/{id}/usage`.
//!
//! Standard: docs/lifecycle.md, "What is kept".
//! Invariants: a range that is no longer kept at the requested step is refused, never reported as zeros.
//! What it must not know: HTTP, what was counted.
//! What a mistake costs: someone takes "no longer known" for "not used".

use super::admin_problem::AdminProblem;
use super::fields::{Field, Shape};
use super::input::Input;
use super::kinds::{Choice, Instant};
use crate::base::time::UnixSeconds;
use crate::formats::usage::reading::{Range, Step};
use crate::limits::{USAGE_DAYS_KEPT_MS, USAGE_HOURS_KEPT_MS, USAGE_MINUTES_KEPT_MS};

static FROM: Field<Instant> = Field {
    name: "from",
    about: "Start of the range. Default, by step: an hour, a day or 30 days before `to`.",
    kind: Instant,
};
static TO: Field<Instant> = Field { name: "to", about: "End of the range; default now.", kind: Instant };
static STEP: Field<Choice<Step>> = Field {
    name: "step",
    about: "Length of a step; default hour. Minutes are kept for 2 hours, hours for 31 days, days for 400 \
        days.",
    kind: Choice(&[("minute", Step::Minute), ("hour", Step::Hour), ("day", Step::Day)]),
};

/// The query of `GET /tokens/{id}/usage`
pub(super) static USAGE: Shape = Shape { required: &[], optional: &[&FROM, &TO, &STEP], refused: &[] };

/// Reads the requested range.
pub(super) fn range(input: &Input<'_>) -> Result<Range, AdminProblem> {
    let now = input.context.now;
    let mut query = input.query(&USAGE);
    let step = query.take(&STEP).unwrap_or(Step::Hour);
    let to = query.take(&TO).map_or(now, UnixSeconds::to_millis).min(now);
    let from = query.take(&FROM).map_or_else(|| to.plus_ms(-usual_ms(step)), UnixSeconds::to_millis);
    if step.floor(from) < step.floor(now.plus_ms(-kept_ms(step))) {
        query.faults.add(
            "from",
            "out_of_range",
            "minutes are kept for 2 hours, hours for 31 days, days for 400 days",
        );
    } else if from >= to {
        query.faults.add("from", "out_of_range", "an instant before `to`, and before now");
    }
    query.finish_query(Range::of(from, to, step))
}

fn usual_ms(step: Step) -> i64 {
    match step {
        Step::Minute => Step::Hour.ms(),
        Step::Hour => Step::Day.ms(),
        Step::Day => 30 * Step::Day.ms(),
    }
}

fn kept_ms(step: Step) -> i64 {
    match step {
        Step::Minute => USAGE_MINUTES_KEPT_MS,
        Step::Hour => USAGE_HOURS_KEPT_MS,
        Step::Day => USAGE_DAYS_KEPT_MS,
    }
}

/// The default ranges must lie within what is kept.
const _: () = assert!(Step::Hour.ms() <= USAGE_MINUTES_KEPT_MS && Step::Day.ms() <= USAGE_HOURS_KEPT_MS);
