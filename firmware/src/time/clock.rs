//! The node's clock: unknown at first, then better and better.

use vigil_protocol::time::UtcMillis;

use super::Uptime;

/// Tells the boots of one node apart for as long as its journal holds records of them: count it up, or draw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BootId(pub u8);

/// Who said what time it is, from the least to the most believed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ClockSource {
    /// The clock chip: it drifts by minutes a year, and somebody once set it.
    Rtc,
    /// `Node Control/Time`: late by the way the message took.
    Gateway,
    /// SNTP.
    Sntp,
}

/// What a clock that was set changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Synced {
    /// The time is known for the first time since boot.
    First,
    /// The clock was moved by this much, ms.
    Moved(i64),
    /// A better source was heard not long ago: nothing changed.
    Ignored,
}

/// The node's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    boot: BootId,
    /// What to add to the uptime, who said so, and when.
    known: Option<(i64, ClockSource, Uptime)>,
}

/// A source is trusted over lesser ones for this long, ms.
const TRUST_MS: u64 = 6 * 3_600_000;
/// Stamps below are no times: bits 32–39 are the boot, the lower ones its uptime, ms. 2^40 ms is in 2004.
const KNOWN: i64 = 1 << 40;

impl BootId {
    /// The stamp of a reading taken before the time is known. Uptimes above 49 days count as 49 days.
    #[must_use]
    pub const fn stamp(self, uptime: Uptime) -> UtcMillis {
        let ms = if uptime.0 > u32::MAX as u64 {
            u32::MAX as u64
        } else {
            uptime.0
        };
        UtcMillis((self.0 as i64) << 32 | ms as i64)
    }

    /// The boot and its uptime of such a stamp; `None` for a time.
    #[must_use]
    pub const fn of_stamp(stamp: UtcMillis) -> Option<(Self, Uptime)> {
        if stamp.0 < 0 || stamp.0 >= KNOWN {
            return None;
        }
        Some((
            Self((stamp.0 >> 32) as u8),
            Uptime((stamp.0 & u32::MAX as i64) as u64),
        ))
    }
}

impl Clock {
    /// A clock that knows nothing but which boot this is.
    #[must_use]
    pub const fn new(boot: BootId) -> Self {
        Self { boot, known: None }
    }

    /// This boot.
    #[must_use]
    pub const fn boot(&self) -> BootId {
        self.boot
    }

    /// Who said the time; `None` while it is not known.
    #[must_use]
    pub fn source(&self) -> Option<ClockSource> {
        self.known.map(|(_, source, _)| source)
    }

    /// What to stamp a reading taken at `now` with: the time, or boot and uptime.
    #[must_use]
    pub const fn stamp(&self, now: Uptime) -> UtcMillis {
        match self.known {
            Some((offset, ..)) => now.node_clock().saturating_add_ms(offset),
            None => self.boot.stamp(now),
        }
    }

    /// `source` says that it is `utc` at `now`.
    pub fn on_time(&mut self, now: Uptime, utc: UtcMillis, source: ClockSource) -> Synced {
        let offset = utc.since(now.node_clock());
        let result = match self.known {
            None => Synced::First,
            Some((_, better, at)) if better > source && now.since_ms(at) < TRUST_MS => {
                return Synced::Ignored;
            }
            Some((old, ..)) => Synced::Moved(offset - old),
        };
        self.known = Some((offset, source, now));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_before_the_time_is_known_gives_back_boot_and_uptime_and_no_time_looks_like_one() {
        for (boot, ms) in [(0, 0), (7, 12_345), (255, u64::from(u32::MAX))] {
            let stamp = BootId(boot).stamp(Uptime(ms));
            assert_eq!(BootId::of_stamp(stamp), Some((BootId(boot), Uptime(ms))));
        }
        assert_eq!(BootId::of_stamp(UtcMillis(1_700_000_000_000)), None);
        assert_eq!(BootId::of_stamp(UtcMillis(-1)), None);
    }

    #[test]
    fn a_lesser_source_does_not_move_the_clock_while_a_better_one_is_fresh() {
        let utc = UtcMillis(1_700_000_000_000);
        let mut clock = Clock::new(BootId(3));
        assert_eq!(clock.stamp(Uptime(9)), UtcMillis(3 << 32 | 9));
        assert_eq!(clock.on_time(Uptime(1_000), utc, ClockSource::Rtc), Synced::First);
        assert_eq!(clock.stamp(Uptime(1_500)), UtcMillis(1_700_000_000_500));
        let later = utc.saturating_add_ms(2_000);
        assert_eq!(
            clock.on_time(Uptime(2_000), later, ClockSource::Sntp),
            Synced::Moved(1_000)
        );
        assert_eq!(
            clock.on_time(Uptime(3_000), utc, ClockSource::Gateway),
            Synced::Ignored
        );
        assert_eq!(clock.stamp(Uptime(3_000)), UtcMillis(1_700_000_003_000));
        let much_later = Uptime(3_000 + TRUST_MS);
        assert_eq!(
            clock.on_time(much_later, later, ClockSource::Gateway),
            Synced::Moved(later.0 - much_later.0 as i64 - 1_700_000_000_000)
        );
    }
}
