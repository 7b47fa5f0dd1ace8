//! The only place where the gateway reads the time.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::time::Instant;
use vigil_protocol::time::UtcMillis;

/// Where the time comes from; cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    /// The machine's.
    System,
    /// Starts at a given time and runs so many times faster than real: a story in a hurry.
    Scaled {
        start: UtcMillis,
        since: Instant,
        factor: u32,
    },
    /// Moves when told.
    Manual(watch::Sender<UtcMillis>),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Source::System))
    }

    /// A clock that shows `start` now and runs `factor` times as fast as real time.
    #[must_use]
    pub fn scaled(start: UtcMillis, factor: u32) -> Self {
        Self(Arc::new(Source::Scaled {
            start,
            since: Instant::now(),
            factor: factor.max(1),
        }))
    }

    /// A clock that shows `start` until it is set.
    #[must_use]
    pub fn manual(start: UtcMillis) -> Self {
        Self(Arc::new(Source::Manual(watch::Sender::new(start))))
    }

    /// Sets a manual clock; others cannot be set.
    pub fn set(&self, now: UtcMillis) {
        if let Source::Manual(time) = &*self.0 {
            time.send_replace(now);
        }
    }

    /// Wall-clock time. It may jump back: who needs order takes the larger of this and the last one.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the clock adapter")]
    pub fn now(&self) -> UtcMillis {
        match &*self.0 {
            Source::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                UtcMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Source::Scaled { start, since, factor } => {
                let real = i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX);
                start.saturating_add_ms(real.saturating_mul(i64::from(*factor)) / 1_000)
            }
            Source::Manual(time) => *time.borrow(),
        }
    }

    /// Resolves when the clock shows `at` or later (checked at least every minute of real time, so
    /// that a clock set forward is noticed).
    pub async fn reach(&self, at: UtcMillis) {
        loop {
            let left = at.since(self.now());
            if left <= 0 {
                return;
            }
            match &*self.0 {
                Source::System => tokio::time::sleep(wait(left, 1)).await,
                Source::Scaled { factor, .. } => tokio::time::sleep(wait(left, *factor)).await,
                Source::Manual(time) => {
                    // The sender is `self`: it cannot be gone.
                    drop(time.subscribe().wait_for(|now| *now >= at).await);
                }
            }
        }
    }
}

fn wait(left_ms: i64, factor: u32) -> Duration {
    let micros = u64::try_from(left_ms).unwrap_or(0).saturating_mul(1_000) / u64::from(factor);
    Duration::from_micros(micros.max(100)).min(Duration::from_secs(60))
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use vigil_protocol::time::UtcMillis;

    #[tokio::test]
    async fn a_manual_clock_wakes_those_who_wait_for_a_time() {
        let clock = Clock::manual(UtcMillis(1_000));
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.reach(UtcMillis(2_000)).await;
                clock.now()
            }
        });
        clock.set(UtcMillis(1_500));
        clock.set(UtcMillis(2_500));
        assert_eq!(waiting.await.unwrap(), UtcMillis(2_500));
    }

    #[tokio::test]
    async fn a_scaled_clock_runs_faster() {
        let clock = Clock::scaled(UtcMillis(0), 1_000_000);
        clock.reach(UtcMillis(60_000)).await;
        assert!(clock.now() >= UtcMillis(60_000));
    }
}
