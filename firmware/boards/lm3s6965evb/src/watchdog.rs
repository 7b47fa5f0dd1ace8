//! The watchdog: fed only while every task checks in.

use core::sync::atomic::{AtomicU32, Ordering};

use embassy_time::{Duration, Timer};
use lm3s6965::{Interrupt, interrupt};

use crate::crash::{self, Cause};
use crate::regs::Reg;
use crate::system::{CLOCK_HZ, enable};

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
/// Rounds a task may miss.
const ROUNDS: u32 = 40;

/// The tasks that must check in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Task {
    Link,
    Sampling,
}

impl Task {
    const ALL: [Task; 2] = [Task::Link, Task::Sampling];

    const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Sampling => "sampling",
        }
    }

    fn missed(self) -> &'static AtomicU32 {
        static MISSED: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
        &MISSED[self as usize]
    }

    /// It is alive.
    pub(crate) fn check_in(self) {
        self.missed().store(0, Ordering::Relaxed);
    }

    fn is_late(self) -> bool {
        self.missed().load(Ordering::Relaxed) > ROUNDS
    }
}

/// Starts counting: the executor must come to [`run`] soon.
pub(crate) fn start() {
    LOCK.write(UNLOCK);
    TEST.set(STALL);
    LOAD.write(PATIENCE_S * CLOCK_HZ);
    CONTROL.set(INTERRUPT | RESET);
    enable(Interrupt::WATCHDOG_TIMER_0);
}

/// Feeds it for ever, while no task is late.
pub(crate) async fn run() -> ! {
    loop {
        for task in Task::ALL {
            let missed = task.missed().fetch_add(1, Ordering::Relaxed);
            if missed > ROUNDS {
                crash::reset(Cause::Watchdog, format_args!("{} did not check in", task.name()));
            }
        }
        CLEAR.write(0);
        Timer::after(ROUND).await;
    }
}

/// The executor itself hangs.
#[interrupt]
fn WATCHDOG_TIMER_0() {
    let late = Task::ALL
        .into_iter()
        .find(|task| task.is_late())
        .map_or("a task", Task::name);
    crash::reset(Cause::Watchdog, format_args!("{late} does not return"));
}
