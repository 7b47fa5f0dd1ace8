//! Completeness: how many messages of a node exist, and what became of them.

use crate::output::{NodeHour, Output, Outputs};
use crate::status::Totals;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

const HOUR_MS: i64 = 3_600_000;
/// Counts reach the store at the latest after this time.
const FLUSH_MS: i64 = 60_000;

/// Totals, and what of them was not reported yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) totals: Totals,
    /// Totals at the last report.
    #[serde(skip_serializing_if = "is_zero")]
    reported: Totals,
    /// Hour the unreported ones belong to.
    hour: UtcMillis,
    /// When they are reported at the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    flush: Option<UtcMillis>,
}

impl Counts {
    /// Adds to the totals; counts of an earlier hour are reported first.
    #[inline]
    pub(crate) fn add(
        &mut self,
        node: &Arc<str>,
        now: UtcMillis,
        out: &mut Outputs,
        change: impl FnOnce(&mut Totals),
    ) {
        if self.flush.is_none() {
            self.flush = Some(now.saturating_add_ms(FLUSH_MS));
            self.hour = hour_of(now);
        } else if now.since(self.hour) >= HOUR_MS {
            self.report(node, out);
            self.flush = Some(now.saturating_add_ms(FLUSH_MS));
            self.hour = hour_of(now);
        }
        change(&mut self.totals);
    }

    /// Reports if it is time to.
    pub(crate) fn on_due(&mut self, node: &Arc<str>, now: UtcMillis, out: &mut Outputs) {
        if self.flush.is_some_and(|flush| flush <= now) {
            self.report(node, out);
        }
    }

    pub(crate) fn deadline(&self) -> Option<UtcMillis> {
        self.flush
    }

    fn report(&mut self, node: &Arc<str>, out: &mut Outputs) {
        self.flush = None;
        let (total, before) = (&self.totals, &self.reported);
        out.push(Output::NodeHour(NodeHour {
            node: node.clone(),
            hour: self.hour,
            expected: total.expected - before.expected,
            received: total.received - before.received,
            late: total.late - before.late,
            dropped: total.dropped - before.dropped,
            duplicate: total.duplicate - before.duplicate,
        }));
        self.reported = self.totals;
    }
}

fn is_zero(totals: &Totals) -> bool {
    *totals == Totals::default()
}

fn hour_of(at: UtcMillis) -> UtcMillis {
    UtcMillis(at.0.div_euclid(HOUR_MS) * HOUR_MS)
}

#[cfg(test)]
mod tests {
    use super::{Counts, HOUR_MS};
    use crate::output::Output;
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn counts_are_reported_after_a_minute_and_when_the_hour_turns() {
        let node = "g/n".into();
        let (mut counts, mut out) = (Counts::default(), Vec::new());
        for at in [
            HOUR_MS - 70_000,
            HOUR_MS - 20_000,
            HOUR_MS - 1,
            HOUR_MS,
            HOUR_MS + 1,
        ] {
            counts.on_due(&node, UtcMillis(at), &mut out);
            counts.add(&node, UtcMillis(at), &mut out, |totals| totals.received += 1);
        }
        counts.on_due(&node, UtcMillis(2 * HOUR_MS), &mut out);
        let reported: Vec<_> = out
            .iter()
            .map(|output| match output {
                Output::NodeHour(hour) => (hour.hour.0, hour.received),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(reported, [(0, 2), (0, 1), (HOUR_MS, 2)]);
        assert_eq!(counts.deadline(), None);
    }
}
