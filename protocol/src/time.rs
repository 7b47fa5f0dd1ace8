//! The one time type. Time is an argument everywhere; nothing in this crate reads a clock.

/// Milliseconds since 1970-01-01T00:00:00Z. Negative before 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(transparent)
)]
pub struct UtcMillis(pub i64);

impl UtcMillis {
    /// The instant `ms` milliseconds after 1970-01-01T00:00:00Z.
    pub const fn new(ms: i64) -> Self {
        Self(ms)
    }

    /// This instant moved `ms` milliseconds later, or to the end of the range.
    pub const fn saturating_add_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This instant moved `ms` milliseconds earlier, or to the start of the range.
    pub const fn saturating_sub_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// Milliseconds from `earlier` to this instant; negative when `earlier` is later. Saturates.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::UtcMillis;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(UtcMillis(i64::MAX).saturating_add_ms(1), UtcMillis(i64::MAX));
        assert_eq!(UtcMillis(i64::MIN).saturating_sub_ms(1), UtcMillis(i64::MIN));
        assert_eq!(UtcMillis(i64::MAX).since(UtcMillis(-1)), i64::MAX);
        assert_eq!(UtcMillis(5).since(UtcMillis(8)), -3);
    }
}
