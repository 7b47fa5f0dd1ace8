//! The watchdog is fed only while every task checks in.

use core::sync::atomic::{AtomicBool, Ordering};

use embassy_time::{Duration, Timer};
use vigil_firmware::drivers::Bus;
use vigil_firmware::health::CheckIns;

use crate::wall;

/// A board must be able to wait this long for [`run`] to feed its watchdog, and not much longer.
pub const PATIENCE_S: u32 = 5;
/// Looks at the tasks this often.
const ROUND: Duration = Duration::from_millis(500);
/// Longest time between two check-ins of a task, ms: connecting may take fifteen seconds.
const LIMIT_MS: u32 = 20_000;

/// The tasks that must check in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Task {
    Link,
    Health,
    Line0,
    Line1,
    I2c,
    Pins,
}

impl Task {
    const ALL: [(&'static str, u32); 6] = [
        ("link", LIMIT_MS),
        ("health", LIMIT_MS),
        ("line 0", LIMIT_MS),
        ("line 1", LIMIT_MS),
        ("i2c", LIMIT_MS),
        ("pins", LIMIT_MS),
    ];

    /// The task that reads `bus`.
    pub(crate) const fn of(bus: Bus) -> Self {
        match bus {
            Bus::Rs485(0) => Self::Line0,
            Bus::Rs485(_) => Self::Line1,
            Bus::I2c => Self::I2c,
            Bus::Pins => Self::Pins,
        }
    }

    /// It is alive.
    pub(crate) fn check_in(self) {
        HEARD[self as usize].store(true, Ordering::Relaxed);
    }
}

/// Who has checked in since the last look.
static HEARD: [AtomicBool; Task::ALL.len()] = [const { AtomicBool::new(false) }; Task::ALL.len()];

/// Calls `feed` for ever while no task is late, and `late` with its name when one is; a board that does not work has
/// none that could be.
pub async fn run(works: bool, mut feed: impl FnMut(), late: fn(&str) -> !) -> ! {
    let mut tasks = CheckIns::new(Task::ALL, wall::uptime());
    loop {
        for (task, heard) in HEARD.iter().enumerate() {
            if heard.swap(false, Ordering::Relaxed) {
                tasks.check_in(task, wall::uptime());
            }
        }
        if let Some(name) = tasks.late(wall::uptime()).filter(|_| works) {
            late(name);
        }
        feed();
        Timer::after(ROUND).await;
    }
}
