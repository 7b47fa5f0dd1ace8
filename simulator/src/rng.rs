//! A small seeded generator, so that a scenario is the same on every machine and every day.

/// SplitMix64 (Steele, Lea, Flood 2014): one word of state, full period, good enough for noise and traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// A generator for `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// An independent generator for a named part: adding a part to a scenario leaves the others' noise as it was.
    #[must_use]
    pub fn fork(&self, name: &str) -> Self {
        // FNV-1a over the name, mixed with the seed.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut mixed = Self::new(self.state ^ hash);
        Self::new(mixed.next_u64())
    }

    /// The next 64 random bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `[low, high)`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in `0..bound`; 0 when `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next_u64() % bound }
    }

    /// Bell-shaped noise with the given standard deviation (sum of four uniforms: bounded, no logarithm).
    pub fn noise(&mut self, deviation: f64) -> f64 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit() - 2.0;
        sum * deviation * 1.732
    }

    /// Time to the next event of a Poisson process, ms.
    pub fn exponential_ms(&mut self, mean_ms: f64) -> i64 {
        (-(1.0 - self.unit()).ln() * mean_ms) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn the_same_seed_gives_the_same_stream_and_another_seed_another() {
        let take = |seed| {
            let mut rng = Rng::new(seed);
            [rng.next_u64(), rng.next_u64(), rng.next_u64()]
        };
        assert_eq!(take(7), take(7));
        assert_ne!(take(7), take(8));
        // Reference output of SplitMix64 for seed 0.
        assert_eq!(Rng::new(0).next_u64(), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn a_fork_depends_on_seed_and_name_only() {
        let root = Rng::new(1);
        assert_eq!(root.fork("lift-1"), root.fork("lift-1"));
        assert_ne!(root.fork("lift-1"), root.fork("lift-2"));
    }

    #[test]
    fn numbers_stay_in_their_bounds() {
        let mut rng = Rng::new(3);
        for _ in 0..10_000 {
            assert!((0.0..1.0).contains(&rng.unit()));
            assert!((-2.0..5.0).contains(&rng.between(-2.0, 5.0)));
            assert!(rng.below(6) < 6);
            assert!(rng.exponential_ms(100.0) >= 0);
            assert!(rng.noise(1.0).abs() < 4.0);
        }
        assert_eq!(rng.below(0), 0);
    }
}
