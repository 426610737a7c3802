//! Data points for Workers Analytics Engine: the same counts, where the binding `ANALYTICS` exists.
//!
//! Standard: Cloudflare's Analytics Engine: at most 20 blobs, 20 doubles and one index of 96 bytes a point, and so many points
//! an invocation. It samples: good for graphs beside other data, no account. What is promised comes from the shards.
//! Invariants: a batch is written when it is first sent, never again; the heaviest counts go first when there are too many.
//! What it must not know: bindings.
//! What a mistake costs: a wrong graph.

use super::reporter::Sending;
use super::{Counts, Outcome};
use crate::limits::ANALYTICS_POINTS_MAX;
use crate::token::Serial;

/// One data point: how often an outcome was counted of a token at a location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The index, by which the engine samples, and the first blob: `tok_<serial>`, or `none` for requests that are no
    /// token's.
    pub token: String,
    /// The second blob. The third is the location.
    pub outcome: &'static str,
    /// The one double.
    pub count: u64,
}

/// The points of what is sent for the first time.
#[must_use]
pub fn points(sendings: &[Sending]) -> Vec<Point> {
    let mut points = Vec::new();
    let batches =
        sendings.iter().filter(|sending| sending.is_new).filter_map(|sending| sending.report.batch.as_ref());
    for batch in batches {
        points.extend(of_counts(None, &batch.others));
        points
            .extend(batch.tokens.iter().flat_map(|(serial, tally)| of_counts(Some(*serial), &tally.counts)));
    }
    points.sort_by(|a: &Point, b: &Point| b.count.cmp(&a.count).then_with(|| a.token.cmp(&b.token)));
    points.truncate(ANALYTICS_POINTS_MAX);
    points
}

fn of_counts(serial: Option<Serial>, counts: &Counts) -> impl Iterator<Item = Point> + '_ {
    let token = serial.map_or_else(|| "none".to_owned(), |serial| format!("tok_{}", serial.0));
    counts.iter().map(move |(outcome, count): (Outcome, u64)| Point {
        token: token.clone(),
        outcome: outcome.name(),
        count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixMillis;
    use crate::usage::{Counted, Reporter};

    #[test]
    fn the_heaviest_counts_of_a_new_batch_are_written_once() {
        let mut reporter = Reporter::new(1);
        for serial in 1..=40 {
            for _ in 0..serial {
                let counted =
                    Counted { serial: Some(Serial(serial)), ..Counted::of_nobody(Outcome::Admitted) };
                reporter.count(counted, UnixMillis(0));
            }
        }
        reporter.count(Counted::of_nobody(Outcome::Missing), UnixMillis(0));
        let written = points(&reporter.freeze(UnixMillis(5_000)));
        assert_eq!(written.len(), ANALYTICS_POINTS_MAX);
        assert_eq!(written[0], Point { token: "tok_40".into(), outcome: "admitted", count: 40 });
        assert_eq!(points(&reporter.freeze(UnixMillis(35_000))), []);
    }
}
