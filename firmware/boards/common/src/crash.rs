//! Why the board was reset: written before the reset into RAM that survives it, read after.

use core::fmt;
use core::mem::MaybeUninit;
use core::panic::PanicInfo;
use core::ptr::{addr_of, addr_of_mut};

use cortex_m::peripheral::SCB;
use embassy_time::{Duration, Instant};
use vigil_firmware::health::{REMEMBERED_BYTES, Remembered, ResetCause};

use crate::{console, stack};

/// A program that lived this long was not broken from the start.
const SETTLED: Duration = Duration::from_secs(60);
/// Longest pause between resets.
const LONGEST_PAUSE_S: u32 = 10;

/// What is kept over a reset.
#[repr(C)]
#[derive(Clone, Copy)]
struct Kept {
    remembered: [u8; REMEMBERED_BYTES],
    /// The last so many resets each came soon after start.
    quick: u32,
}

#[allow(unsafe_code, reason = "the section decides what survives")]
// SAFETY: the section holds plain data of this program only and is not initialised by anybody; reading it goes through
// `MaybeUninit` and a check.
#[unsafe(link_section = ".uninit.crash")]
static mut KEPT: MaybeUninit<Kept> = MaybeUninit::uninit();

/// What is there, checked; noise after power came.
fn load() -> Option<(Remembered, u32)> {
    // SAFETY: one core, and whoever writes resets right after; any bit pattern is a valid `Kept`.
    #[allow(unsafe_code, reason = "memory that nobody initialises")]
    let kept = unsafe { addr_of!(KEPT).cast::<Kept>().read_volatile() };
    Remembered::decode(&kept.remembered).map(|remembered| (remembered, kept.quick))
}

fn store(remembered: &Remembered, quick: u32) {
    let kept = Kept {
        remembered: remembered.encode(),
        quick,
    };
    // SAFETY: as in `load`.
    #[allow(unsafe_code, reason = "memory that nobody initialises")]
    unsafe {
        addr_of_mut!(KEPT).cast::<Kept>().write_volatile(kept);
    }
}

/// Reads what was written before the last reset and makes ready for the next; with it, how long to wait before going
/// on: a program that cannot start must not hammer broker and card. Call once, early.
#[must_use]
pub fn take() -> (Remembered, Duration) {
    let (mut remembered, quick) = load().unwrap_or_default();
    // A reset that nobody writes down was the pin's; the count goes on.
    let next = Remembered {
        resets: remembered.resets + 1,
        ..Remembered::default()
    };
    store(&next, quick);
    if remembered.cause == ResetCause::Power {
        remembered.message.clear();
    }
    let pause = quick.saturating_sub(1).min(LONGEST_PAUSE_S);
    (remembered, Duration::from_secs(pause.into()))
}

/// Writes down why, and resets.
pub fn reset(cause: ResetCause, message: fmt::Arguments<'_>) -> ! {
    cortex_m::interrupt::disable();
    let (before, quick) = load().unwrap_or_default();
    let uptime = Instant::now().duration_since(Instant::from_ticks(0));
    let failed = !matches!(cause, ResetCause::Requested | ResetCause::Settings);
    let quick = if failed && uptime < SETTLED { quick + 1 } else { 0 };
    let remembered = Remembered::new(cause, before.resets, message);
    store(&remembered, quick);
    console::emergency(format_args!("\nreset: {}: {message}\n", cause.key()));
    SCB::sys_reset()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    match info.location() {
        // Line 0: an image without places in it, to be small.
        Some(at) if at.line() > 0 => reset(
            ResetCause::Panic,
            format_args!("{}:{}: {}", short(at.file()), at.line(), info.message()),
        ),
        _ => reset(ResetCause::Panic, format_args!("{}", info.message())),
    }
}

/// The last two parts of a path.
fn short(path: &str) -> &str {
    let mut cuts = (0..path.len()).rev().filter(|at| path.as_bytes()[*at] == b'/');
    cuts.next();
    cuts.next().and_then(|at| path.get(at + 1..)).unwrap_or(path)
}

/// The stack may be what is broken: the handler gets a new one, and the old pointer to look at.
#[allow(
    unsafe_code,
    reason = "the processor finds it by its name, with a stack pointer of no use"
)]
// SAFETY: never returns, and takes nothing from the stack it found.
#[unsafe(export_name = "HardFault")]
#[unsafe(naked)]
extern "C" fn hard_fault() -> ! {
    core::arch::naked_asm!(
        "mrs r0, msp",
        "ldr r1, =_stack_start",
        "mov sp, r1",
        "b {fault}",
        ".ltorg",
        fault = sym fault,
    )
}

/// Words of an exception frame: r0-r3, r12, lr, pc, xpsr.
const FRAME: usize = 32;

extern "C" fn fault(pointer: usize) -> ! {
    let stack = stack::range();
    if !(stack.start..=stack.end - FRAME).contains(&pointer) {
        reset(
            ResetCause::Fault,
            format_args!("stack overflow, sp {pointer:#010x}"),
        );
    }
    // SAFETY: the whole frame lies within the stack's memory, aligned to 8 as the processor pushes it.
    #[allow(unsafe_code, reason = "what the processor pushed")]
    let (lr, pc) = unsafe { (*((pointer + 20) as *const u32), *((pointer + 24) as *const u32)) };
    // SAFETY: reading the configurable fault status has no effect.
    #[allow(unsafe_code, reason = "registers are memory")]
    let status = unsafe { (*SCB::PTR).cfsr.read() };
    reset(
        ResetCause::Fault,
        format_args!("pc {pc:#010x} lr {lr:#010x} cfsr {status:#010x}"),
    )
}
