//! The query of `GET /tokens/{id}/usage`.
//!
//! Standard: DESIGN section 7.
//! Invariants: what is no longer kept in the step that is asked for is refused, never told as zeros.
//! What it must not know: HTTP, what was counted.
//! What a mistake costs: somebody takes "no longer known" for "not used".

use super::AdminProblem;
use super::fields::{Field, Shape};
use super::kinds::{Choice, Instant};
use super::operation::Input;
use crate::limits::{USAGE_DAYS_KEPT_MS, USAGE_HOURS_KEPT_MS, USAGE_MINUTES_KEPT_MS};
use crate::time::UnixSeconds;
use crate::usage::reading::{Range, Step};

static FROM: Field<Instant> = Field {
    name: "from",
    about: "The beginning; when not given, an hour, a day or 30 days before `to`, by the step.",
    kind: Instant,
};
static TO: Field<Instant> = Field { name: "to", about: "The end; now when not given.", kind: Instant };
static STEP: Field<Choice<Step>> = Field {
    name: "step",
    about: "How finely: minutes are kept for 2 hours, hours (the default) for 31 days, days for 400.",
    kind: Choice(&[("minute", Step::Minute), ("hour", Step::Hour), ("day", Step::Day)]),
};

/// The query.
pub static USAGE: Shape = Shape { required: &[], optional: &[&FROM, &TO, &STEP], refused: &[] };

/// Reads the range that is asked for.
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
            "minutes are kept for 2 hours, hours for 31 days, days for 400",
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

/// What is asked for when nothing is given must be kept.
const _: () = assert!(Step::Hour.ms() <= USAGE_MINUTES_KEPT_MS && Step::Day.ms() <= USAGE_HOURS_KEPT_MS);
