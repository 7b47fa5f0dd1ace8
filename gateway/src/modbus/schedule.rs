//! When a device is polled: on a grid of its own, so that not all come at once.

use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Schedule {
    period: Duration,
    next: Instant,
}

impl Schedule {
    /// The first poll comes within one period, at a moment that follows from the name: the same after every start, and
    /// different from that of others.
    pub(super) fn new(name: &str, period: Duration, now: Instant) -> Self {
        // FNV-1a, and its bits mixed: names differ by their last digits.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mixed = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let period = period.max(Duration::from_millis(1));
        let micros = u64::try_from(period.as_micros()).unwrap_or(u64::MAX);
        let phase = Duration::from_micros(((u128::from(mixed) * u128::from(micros)) >> 32) as u64);
        Self {
            period,
            next: now + phase,
        }
    }

    pub(super) const fn due(&self) -> Instant {
        self.next
    }

    /// The poll that was due has been dealt with; how many whole periods had no poll. They are not made up for: a poll
    /// that is late follows at once, but never two of them.
    pub(super) fn done(&mut self, now: Instant) -> u64 {
        self.next += self.period;
        let behind = now.saturating_duration_since(self.next);
        let missed = behind.as_nanos() / self.period.as_nanos();
        self.next += self.period * u32::try_from(missed).unwrap_or(u32::MAX);
        u64::try_from(missed).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;
    use std::time::Duration;
    use tokio::time::Instant;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn devices_are_spread_over_the_period() {
        let now = Instant::now();
        let mut slots = [0; 10];
        for n in 0..500 {
            let due = Schedule::new(&format!("site/plc-{n}"), SECOND, now).due() - now;
            assert!(due < SECOND);
            slots[due.as_millis() as usize / 100] += 1;
        }
        assert!(slots.iter().all(|count| (25..=80).contains(count)), "{slots:?}");
    }

    #[test]
    fn a_late_poll_keeps_the_grid_and_missed_periods_are_counted_not_made_up() {
        let start = Instant::now();
        let mut schedule = Schedule::new("a", SECOND, start);
        let first = schedule.due();
        assert_eq!(schedule.done(first + SECOND / 10), 0);
        assert_eq!(schedule.due(), first + SECOND);
        // Took 1.3 periods: the next is late, and comes at once.
        assert_eq!(schedule.done(first + SECOND * 23 / 10), 0);
        assert_eq!(schedule.due(), first + 2 * SECOND);
        // Five periods without a poll.
        assert_eq!(schedule.done(first + SECOND * 85 / 10), 5);
        assert_eq!(schedule.due(), first + 8 * SECOND);
    }
}
