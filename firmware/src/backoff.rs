//! How long to wait before the next attempt to connect.

/// Doubling wait with jitter, so that a thousand nodes do not come back in the same millisecond.
#[derive(Clone, Debug)]
pub struct Backoff {
    min_ms: u32,
    max_ms: u32,
    next_ms: u32,
    /// Xorshift state; never 0.
    noise: u32,
}

impl Backoff {
    /// From `min_ms` doubling to `max_ms`. `seed` makes nodes differ; derive it from the node's id.
    #[must_use]
    pub const fn new(min_ms: u32, max_ms: u32, seed: u64) -> Self {
        let noise = (seed ^ (seed >> 32)) as u32;
        Self {
            min_ms,
            max_ms,
            next_ms: min_ms,
            noise: if noise == 0 { 0x9e37_79b9 } else { noise },
        }
    }

    /// The wait before the next attempt, ms: between half and all of the current step; the step then doubles.
    pub const fn next_wait_ms(&mut self) -> u32 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 17;
        self.noise ^= self.noise << 5;
        let step = self.next_ms;
        let doubled = step.saturating_mul(2);
        self.next_ms = if doubled < self.max_ms {
            doubled
        } else {
            self.max_ms
        };
        let half = step / 2;
        half + self.noise % (step - half + 1)
    }

    /// An attempt succeeded: the next wait is short again.
    pub const fn reset(&mut self) {
        self.next_ms = self.min_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;

    #[test]
    fn waits_double_up_to_the_limit_and_stay_between_half_and_all_of_it() {
        let mut backoff = Backoff::new(200, 30_000, 42);
        for step in [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000] {
            let wait = backoff.next_wait_ms();
            assert!((step / 2..=step).contains(&wait), "{wait} at step {step}");
        }
        backoff.reset();
        assert!(backoff.next_wait_ms() <= 200);
    }

    #[test]
    fn two_nodes_do_not_wait_in_step() {
        let waits = |seed| {
            let mut backoff = Backoff::new(1_000, 30_000, seed);
            [(); 4].map(|()| backoff.next_wait_ms())
        };
        assert_ne!(waits(1), waits(2));
    }

    #[test]
    fn a_zero_wait_stays_zero() {
        let mut backoff = Backoff::new(0, 0, 0);
        assert_eq!(backoff.next_wait_ms(), 0);
    }
}
