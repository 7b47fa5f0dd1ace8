//! Latencies in logarithmic buckets: an error of at most 1/64, any number of values, a fixed size.

use serde::Serialize;

/// Buckets per doubling.
const SUB: u64 = 64;
/// Enough for more than an hour in microseconds.
const BUCKETS: usize = 28 * SUB as usize;

/// Counts of microseconds.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

/// Values below which so much of all lies, ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Values counted.
    pub count: u64,
    /// Half.
    pub p50: f64,
    /// 90 %.
    pub p90: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
    /// All.
    pub max: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
            max: 0,
        }
    }
}

/// Values below `2 * SUB` have a bucket each; above, each doubling has `SUB`.
fn bucket(micros: u64) -> usize {
    if micros < 2 * SUB {
        return micros as usize;
    }
    let doublings = u64::from(micros.ilog2() - (2 * SUB).ilog2() + 1);
    let bucket = doublings * SUB + (micros >> doublings);
    (bucket as usize).min(BUCKETS - 1)
}

/// Largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * SUB {
        return bucket;
    }
    let doublings = bucket / SUB - 1;
    ((bucket % SUB + SUB + 1) << doublings) - 1
}

impl Histogram {
    /// Counts one value.
    pub fn add(&mut self, micros: u64) {
        self.counts[bucket(micros)] += 1;
        self.total += 1;
        self.max = self.max.max(micros);
    }

    /// Counts everything the other one has.
    pub fn merge(&mut self, other: &Self) {
        for (own, other) in self.counts.iter_mut().zip(&other.counts) {
            *own += other;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// The value below which `part` (0–1) of all lies, microseconds.
    #[must_use]
    pub fn quantile(&self, part: f64) -> u64 {
        let rank = (part * self.total as f64).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank && *count > 0 {
                return upper(bucket).min(self.max);
            }
        }
        self.max
    }

    /// The usual ones.
    #[must_use]
    pub fn percentiles(&self) -> Percentiles {
        let ms = |part| self.quantile(part) as f64 / 1_000.0;
        Percentiles {
            count: self.total,
            p50: ms(0.5),
            p90: ms(0.9),
            p99: ms(0.99),
            p999: ms(0.999),
            max: self.max as f64 / 1_000.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_value_lies_in_its_bucket_within_one_part_in_64(micros in 0_u64..4_000_000_000) {
            let top = upper(bucket(micros));
            prop_assert!(top >= micros);
            prop_assert!(top - micros <= micros / SUB, "{} for {}", top, micros);
            prop_assert!(bucket(micros) == 0 || upper(bucket(micros) - 1) < micros);
        }
    }

    #[test]
    fn percentiles_of_a_thousand_values_are_where_they_have_to_be() {
        let mut histogram = Histogram::default();
        for n in 1..=1_000 {
            histogram.add(n * 1_000);
        }
        let found = histogram.percentiles();
        let near = |value: f64, wanted: f64| {
            assert!((value - wanted).abs() <= wanted / 50.0, "{value} is not {wanted}")
        };
        near(found.p50, 500.0);
        near(found.p90, 900.0);
        near(found.p99, 990.0);
        near(found.max, 1_000.0);
        assert_eq!(found.count, 1_000);
        assert_eq!(Histogram::default().percentiles(), Percentiles::default());
    }
}
