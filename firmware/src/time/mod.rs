//! Time: what the node knows of it, and from whom.

mod civil;
mod clock;
pub mod sntp;

use vigil_protocol::time::UtcMillis;

pub use civil::Civil;
pub use clock::{BootId, Clock, ClockSource, Synced};

/// Milliseconds since this boot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Uptime(pub u64);

impl Uptime {
    /// `ms` later.
    #[must_use]
    pub const fn after_ms(self, ms: u32) -> Self {
        Self(self.0.saturating_add(ms as u64))
    }

    /// Milliseconds since `earlier`; 0 when that is later.
    #[must_use]
    pub const fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// As the clock of a [`crate::Session`], which knows what to add to it.
    #[must_use]
    pub const fn node_clock(self) -> UtcMillis {
        UtcMillis(if self.0 > i64::MAX as u64 {
            i64::MAX
        } else {
            self.0 as i64
        })
    }
}
