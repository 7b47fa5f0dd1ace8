//! How long to wait after a failure.

use super::Pauses;
use std::time::Duration;

/// The pause after `failures` failures in a row: doubles from the first to the longest, and is shortened by a
/// random part of up to half, so that many gateways do not come back to a server in the same moment.
pub(super) fn pause(pauses: Pauses, failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(20);
    let whole = pauses.first.saturating_mul(1 << doublings).min(pauses.longest);
    whole.mul_f64(1.0 - random() / 2.0)
}

/// Between 0 and 1; without randomness in the system the middle.
fn random() -> f64 {
    getrandom::u32().map_or(0.5, |bits| f64::from(bits) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Pauses, pause};
    use std::time::Duration;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_never_cut_by_more_than_half() {
        let pauses = Pauses {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
        };
        for (failures, whole) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1_000_000, 60)] {
            let whole = Duration::from_secs(whole);
            for _ in 0..20 {
                let pause = pause(pauses, failures);
                assert!(pause >= whole / 2 && pause <= whole, "{failures}: {pause:?}");
            }
        }
    }
}
