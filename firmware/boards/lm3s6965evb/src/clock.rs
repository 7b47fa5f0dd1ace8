//! Time: the 24-bit SysTick counts freely for `now`, a one-shot timer wakes.
//!
//! A periodic tick loses ticks in an emulator that is busy, and time then runs slow.

use core::cell::{Cell, RefCell};
use core::task::Waker;

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{SCB, SYST};
use cortex_m_rt::exception;
use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::{Driver, TICK_HZ, time_driver_impl};
use embassy_time_queue_utils::Queue;
use lm3s6965::{Interrupt, interrupt};

use crate::regs::Reg;
use crate::system::{CLOCK_HZ, enable};

/// SysTick counts down from here to 0.
const RELOAD: u32 = 0x00ff_ffff;
const CYCLES_PER_TICK: u64 = CLOCK_HZ as u64 / TICK_HZ;
/// Longest one-shot; the alarm is set again when it ends early.
const LONGEST_CYCLES: u64 = u32::MAX as u64;

const TIMER_CFG: Reg = Reg::at(0x4003_0000);
const TIMER_MODE: Reg = Reg::at(0x4003_0004);
const TIMER_CONTROL: Reg = Reg::at(0x4003_000c);
const TIMER_MASK: Reg = Reg::at(0x4003_0018);
const TIMER_CLEAR: Reg = Reg::at(0x4003_0024);
const TIMER_LOAD: Reg = Reg::at(0x4003_0028);
const ONE_SHOT: u32 = 1;
const TIMEOUT: u32 = 1;

struct Clock {
    /// Wraps of SysTick that its exception has counted.
    wraps: Mutex<Cell<u64>>,
    /// The last time told, cycles: time never runs backwards, whatever the counters say.
    last: Mutex<Cell<u64>>,
    queue: Mutex<RefCell<Queue>>,
}

time_driver_impl!(static CLOCK: Clock = Clock {
    wraps: Mutex::new(Cell::new(0)),
    last: Mutex::new(Cell::new(0)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

/// Starts counting.
pub(crate) fn start(mut systick: SYST) {
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(RELOAD);
    systick.clear_current();
    systick.enable_interrupt();
    systick.enable_counter();
    TIMER_CONTROL.write(0);
    TIMER_CFG.write(0);
    TIMER_MODE.write(ONE_SHOT);
    TIMER_MASK.write(TIMEOUT);
    enable(Interrupt::TIMER_0A);
}

impl Clock {
    fn cycles(&self, cs: CriticalSection<'_>) -> u64 {
        let (count, wrapped) = loop {
            // 0 is read both before a wrap is pending and after: it says nothing.
            let before = SYST::get_current();
            let wrapped = SCB::is_pendst_pending();
            let after = SYST::get_current();
            if before != 0 && after != 0 && after <= before {
                break (before, wrapped);
            }
            if !is_running() {
                return 0;
            }
        };
        let wraps = self.wraps.borrow(cs).get() + u64::from(wrapped);
        let cycles = wraps * (u64::from(RELOAD) + 1) + u64::from(RELOAD - count);
        let last = self.last.borrow(cs);
        last.set(last.get().max(cycles));
        last.get()
    }

    /// Wakes what is due and sets the timer for what comes next.
    fn arm(&self, cs: CriticalSection<'_>) {
        let mut queue = self.queue.borrow(cs).borrow_mut();
        let mut now = self.cycles(cs);
        let mut next = queue.next_expiration(now / CYCLES_PER_TICK);
        loop {
            if next == u64::MAX {
                TIMER_CONTROL.write(0);
                return;
            }
            let due = next.saturating_mul(CYCLES_PER_TICK);
            if due > now {
                TIMER_CONTROL.write(0);
                TIMER_LOAD.write((due - now).min(LONGEST_CYCLES) as u32);
                TIMER_CONTROL.write(1);
                return;
            }
            now = self.cycles(cs);
            next = queue.next_expiration(now / CYCLES_PER_TICK);
        }
    }
}

/// Before `start` time stands at 0.
fn is_running() -> bool {
    // CTRL.ENABLE, read without owning the peripheral.
    // SAFETY: reading CTRL clears COUNTFLAG only, which nobody uses.
    #[allow(unsafe_code, reason = "registers are memory")]
    unsafe {
        (*SYST::PTR).csr.read() & 1 != 0
    }
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        critical_section::with(|cs| self.cycles(cs) / CYCLES_PER_TICK)
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            if self.queue.borrow(cs).borrow_mut().schedule_wake(at, waker) {
                self.arm(cs);
            }
        });
    }
}

#[exception]
fn SysTick() {
    critical_section::with(|cs| {
        let wraps = CLOCK.wraps.borrow(cs);
        wraps.set(wraps.get() + 1);
    });
}

#[interrupt]
fn TIMER_0A() {
    TIMER_CLEAR.write(TIMEOUT);
    critical_section::with(|cs| CLOCK.arm(cs));
}
