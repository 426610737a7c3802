//! Data points for Workers Analytics Engine: the same counts, if the binding `ANALYTICS` exists.
//!
//! Standard: Cloudflare's Analytics Engine allows at most 20 blobs, 20 doubles and one index of 96 bytes per
//! data point, and a limited number of data points per invocation. It samples, so it is good for graphs but
//! not for exact figures; those come from the shards. A batch is written when it is first sent, and never
//! again. If there are too many data points, the highest counts are written.

use super::sending::Sending;
use crate::formats::token::Serial;
use crate::formats::usage::outcome::{Counts, Outcome};
use crate::limits::ANALYTICS_POINTS_MAX;

/// One data point: how often an outcome was counted for a token at a location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The index by which the engine samples, and the first blob: `tok_<serial>`, or `none` for requests
    /// without a token of this deployment.
    pub token: String,
    /// The second blob. The third is the location.
    pub outcome: &'static str,
    /// Number of requests: the data point's only double.
    pub count: u64,
}

/// The data points of everything that is sent for the first time.
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
    use crate::base::time::UnixMillis;
    use crate::formats::usage::counted::Counted;
    use crate::usage::Reporter;

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
