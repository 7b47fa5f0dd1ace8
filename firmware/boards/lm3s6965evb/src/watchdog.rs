//! The watchdog's timer.

use lm3s6965::{Interrupt, interrupt};
use vigil_board_common::crash;
use vigil_board_common::watch::PATIENCE_S;
use vigil_firmware::health::ResetCause;

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

/// Starts counting: the first interrupt comes after [`PATIENCE_S`] without [`feed`]; as much again and the chip resets by
/// itself.
pub(crate) fn start() {
    LOCK.write(UNLOCK);
    TEST.set(STALL);
    LOAD.write(PATIENCE_S * CLOCK_HZ);
    CONTROL.set(INTERRUPT | RESET);
    enable(Interrupt::WATCHDOG_TIMER_0);
}

/// Begins to wait anew.
pub(crate) fn feed() {
    CLEAR.write(0);
}

/// A task did not check in.
pub(crate) fn late(task: &str) -> ! {
    crash::reset(ResetCause::Watchdog, format_args!("{task} did not check in"))
}

/// The executor itself hangs.
#[interrupt]
fn WATCHDOG_TIMER_0() {
    crash::reset(ResetCause::Watchdog, format_args!("a task does not return"));
}
