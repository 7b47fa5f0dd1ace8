//! The watchdog: fed only while every task checks in.

use core::sync::atomic::{AtomicBool, Ordering};

use embassy_time::{Duration, Timer};
use lm3s6965::{Interrupt, interrupt};
use vigil_firmware::health::{CheckIns, ResetCause};

use crate::regs::Reg;
use crate::system::{CLOCK_HZ, enable};
use crate::{crash, wall};

const LOAD: Reg = Reg::at(0x4000_0000);
const CONTROL: Reg = Reg::at(0x4000_0008);
const CLEAR: Reg = Reg::at(0x4000_000c);
const TEST: Reg = Reg::at(0x4000_0418);
const LOCK: Reg = Reg::at(0x4000_0c00);
const UNLOCK: u32 = 0x1acc_e551;
const INTERRUPT: u32 = 1;
const RESET: u32 = 1 << 1;
/// Stands still while a debugger does.
const STALL: u32 = 1 << 8;

/// Time for the first interrupt; as much again and the chip resets by itself.
const PATIENCE_S: u32 = 5;
/// Looks at the tasks this often.
const ROUND: Duration = Duration::from_millis(500);
/// Longest time between two check-ins of a task, ms: connecting may take fifteen seconds.
const LIMIT_MS: u32 = 20_000;

/// The tasks that must check in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Task {
    Link,
    Sampling,
    Health,
}

impl Task {
    const ALL: [(&'static str, u32); 3] = [("link", LIMIT_MS), ("sampling", LIMIT_MS), ("health", LIMIT_MS)];

    /// It is alive.
    pub(crate) fn check_in(self) {
        HEARD[self as usize].store(true, Ordering::Relaxed);
    }
}

/// Who has checked in since the last look.
static HEARD: [AtomicBool; Task::ALL.len()] = [const { AtomicBool::new(false) }; Task::ALL.len()];

/// Starts counting: the executor must come to [`run`] soon.
pub(crate) fn start() {
    LOCK.write(UNLOCK);
    TEST.set(STALL);
    LOAD.write(PATIENCE_S * CLOCK_HZ);
    CONTROL.set(INTERRUPT | RESET);
    enable(Interrupt::WATCHDOG_TIMER_0);
}

/// Feeds it for ever, while no task is late; a board that does not work has none that could be.
pub(crate) async fn run(works: bool) -> ! {
    let mut tasks = CheckIns::new(Task::ALL, wall::uptime());
    loop {
        for (task, heard) in HEARD.iter().enumerate() {
            if heard.swap(false, Ordering::Relaxed) {
                tasks.check_in(task, wall::uptime());
            }
        }
        if let Some(late) = tasks.late(wall::uptime()).filter(|_| works) {
            crash::reset(ResetCause::Watchdog, format_args!("{late} did not check in"));
        }
        CLEAR.write(0);
        Timer::after(ROUND).await;
    }
}

/// The executor itself hangs.
#[interrupt]
fn WATCHDOG_TIMER_0() {
    crash::reset(ResetCause::Watchdog, format_args!("a task does not return"));
}
