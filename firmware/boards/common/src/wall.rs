//! The node's clock: what the RTC said at start, or the number of the boot, and the uptime since.

use core::cell::Cell;

use critical_section::Mutex;
use embassy_time::{Duration, Instant};
use vigil_firmware::time::{BootId, Uptime};
use vigil_protocol::time::UtcMillis;

/// UTC when the processor started, ms; a stamp of the boot while it is not known.
static STARTED: Mutex<Cell<i64>> = Mutex::new(Cell::new(0));

/// Since the processor started.
pub fn uptime() -> Uptime {
    Uptime(Instant::now().as_millis())
}

/// What the node's clock shows.
pub fn now() -> UtcMillis {
    let started = critical_section::with(|cs| STARTED.borrow(cs).get());
    UtcMillis(started + Instant::now().as_millis() as i64)
}

/// What it showed, or will show, at this time since boot.
pub fn at(uptime: Uptime) -> UtcMillis {
    let started = critical_section::with(|cs| STARTED.borrow(cs).get());
    UtcMillis(started.saturating_add(i64::try_from(uptime.0).unwrap_or(i64::MAX)))
}

/// Whether the RTC has said what time it is.
pub fn is_known() -> bool {
    BootId::of_stamp(now()).is_none()
}

/// Nobody has: readings are stamped with the boot and the uptime, until the session learns the time.
pub(crate) fn count_from(boot: BootId) {
    let started = boot.stamp(Uptime(0));
    critical_section::with(|cs| STARTED.borrow(cs).set(started.0));
}

/// The clock shows `utc` now.
pub fn set(utc: UtcMillis) {
    let started = utc.0 - Instant::now().as_millis() as i64;
    critical_section::with(|cs| STARTED.borrow(cs).set(started));
}

/// When the clock will show `at`; now, if it does already.
pub fn instant(at: UtcMillis) -> Instant {
    let wait = u64::try_from(at.since(now())).unwrap_or(0);
    Instant::now() + Duration::from_millis(wait)
}
