//! Why the board was reset: written before the reset into RAM that survives it, read after.

use core::fmt::{self, Write as _};
use core::mem::MaybeUninit;
use core::panic::PanicInfo;
use core::ptr::{addr_of, addr_of_mut};

use cortex_m::peripheral::SCB;
use embassy_time::{Duration, Instant};
use heapless::String;

use crate::console;
use crate::stack::STACK;

/// Bytes kept of a panic message, with its place.
pub(crate) const MESSAGE: usize = 120;

/// What made the board start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// Power came, or the reset pin: nothing was written down.
    PowerOn,
    /// The program gave up.
    Panic,
    /// The processor could not go on.
    Fault,
    /// The stack outgrew its memory.
    StackOverflow,
    /// A task did not check in.
    Watchdog,
    /// Asked for.
    Command,
}

impl Cause {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::PowerOn => "power-on",
            Self::Panic => "panic",
            Self::Fault => "fault",
            Self::StackOverflow => "stack overflow",
            Self::Watchdog => "watchdog",
            Self::Command => "command",
        }
    }

    const fn code(self) -> u32 {
        match self {
            Self::PowerOn => 0,
            Self::Panic => 1,
            Self::Fault => 2,
            Self::StackOverflow => 3,
            Self::Watchdog => 4,
            Self::Command => 5,
        }
    }

    const fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Panic,
            2 => Self::Fault,
            3 => Self::StackOverflow,
            4 => Self::Watchdog,
            5 => Self::Command,
            _ => Self::PowerOn,
        }
    }
}

/// What is known of the last reset.
#[derive(Clone, Debug)]
pub(crate) struct Reset {
    pub(crate) cause: Cause,
    /// Panic message, fault address or the late tasks.
    pub(crate) message: String<MESSAGE>,
    /// Resets since power came.
    pub(crate) resets: u32,
    /// The last so many resets each came soon after start: see [`Reset::pause`].
    quick: u32,
}

/// A program that lived this long was not broken from the start.
const SETTLED: Duration = Duration::from_secs(60);
/// Longest pause between resets.
const LONGEST_PAUSE_S: u32 = 10;

impl Reset {
    /// How long to wait before going on: a program that cannot start must not hammer broker and card.
    pub(crate) fn pause(&self) -> Duration {
        Duration::from_secs(self.quick.saturating_sub(1).min(LONGEST_PAUSE_S).into())
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Record {
    magic: u32,
    cause: u32,
    resets: u32,
    quick: u32,
    len: u32,
    message: [u8; MESSAGE],
    check: u32,
}

/// Says that the record was written and not found there by chance.
const MAGIC: u32 = 0x5649_4731;

#[allow(unsafe_code, reason = "the section decides what survives")]
// SAFETY: the section holds plain data of this program only and is not initialised by anybody; reading it goes through
// `MaybeUninit` and a check.
#[unsafe(link_section = ".uninit.crash")]
static mut RECORD: MaybeUninit<Record> = MaybeUninit::uninit();

impl Record {
    fn check(&self) -> u32 {
        let words = [self.magic, self.cause, self.resets, self.quick, self.len];
        let bytes = self.message.iter().map(|byte| u32::from(*byte));
        words
            .into_iter()
            .chain(bytes)
            .fold(0x811c_9dc5, |hash, word| (hash ^ word).wrapping_mul(0x0100_0193))
    }

    fn load() -> Option<Self> {
        // SAFETY: one core, and whoever writes resets right after; any bit pattern is a valid `Record`.
        #[allow(unsafe_code, reason = "memory that nobody initialises")]
        let record = unsafe { addr_of!(RECORD).cast::<Record>().read_volatile() };
        (record.magic == MAGIC && record.check == record.check()).then_some(record)
    }

    fn store(self) {
        // SAFETY: as in `load`.
        #[allow(unsafe_code, reason = "memory that nobody initialises")]
        unsafe {
            addr_of_mut!(RECORD).cast::<Record>().write_volatile(self);
        }
    }
}

/// Reads what was written before the last reset and makes ready for the next. Call once, early.
pub(crate) fn take() -> Reset {
    let found = Record::load();
    let resets = found.map_or(0, |record| record.resets + 1);
    let quick = found.map_or(0, |record| record.quick);
    write(Cause::PowerOn, resets, quick, "");
    let (cause, message) = match &found {
        None => (Cause::PowerOn, String::new()),
        Some(record) => {
            let len = (record.len as usize).min(MESSAGE);
            let text = record.message.get(..len).unwrap_or(&[]);
            let text = core::str::from_utf8(text).unwrap_or("?");
            (
                Cause::from_code(record.cause),
                String::try_from(text).unwrap_or_default(),
            )
        }
    };
    Reset {
        cause,
        message,
        resets,
        quick,
    }
}

fn write(cause: Cause, resets: u32, quick: u32, message: &str) {
    let mut record = Record {
        magic: MAGIC,
        cause: cause.code(),
        resets,
        quick,
        len: message.len() as u32,
        message: [0; MESSAGE],
        check: 0,
    };
    if let Some(space) = record.message.get_mut(..message.len()) {
        space.copy_from_slice(message.as_bytes());
    }
    record.check = record.check();
    record.store();
}

/// Writes down why, and resets.
pub(crate) fn reset(cause: Cause, message: fmt::Arguments<'_>) -> ! {
    cortex_m::interrupt::disable();
    let mut text = Cut(String::new());
    text.write_fmt(message).unwrap_or(());
    let (resets, quick) = Record::load().map_or((0, 0), |record| (record.resets, record.quick));
    let uptime = Instant::now().duration_since(Instant::from_ticks(0));
    let quick = if uptime < SETTLED && cause != Cause::Command {
        quick + 1
    } else {
        0
    };
    write(cause, resets, quick, &text.0);
    console::emergency(format_args!(
        "\r\nreset: {}: {}\r\n",
        cause.text(),
        text.0.as_str()
    ));
    SCB::sys_reset()
}

/// Takes what fits and drops the rest.
struct Cut(String<MESSAGE>);

impl fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.0.push(c).is_err() {
                break;
            }
        }
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    match info.location() {
        Some(at) => reset(
            Cause::Panic,
            format_args!("{}:{}: {}", short(at.file()), at.line(), info.message()),
        ),
        None => reset(Cause::Panic, format_args!("{}", info.message())),
    }
}

/// The last two parts of a path.
fn short(path: &str) -> &str {
    let mut cuts = path.rmatch_indices('/');
    cuts.next();
    cuts.next().and_then(|(at, _)| path.get(at + 1..)).unwrap_or(path)
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

extern "C" fn fault(stack: usize) -> ! {
    if !(STACK.start..=STACK.end - FRAME).contains(&stack) {
        reset(Cause::StackOverflow, format_args!("stack pointer {stack:#010x}"));
    }
    // SAFETY: the whole frame lies within the stack's memory, aligned to 8 as the processor pushes it.
    #[allow(unsafe_code, reason = "what the processor pushed")]
    let (lr, pc) = unsafe { (*((stack + 20) as *const u32), *((stack + 24) as *const u32)) };
    // SAFETY: reading the configurable fault status has no effect.
    #[allow(unsafe_code, reason = "registers are memory")]
    let status = unsafe { (*SCB::PTR).cfsr.read() };
    reset(
        Cause::Fault,
        format_args!("pc {pc:#010x} lr {lr:#010x} cfsr {status:#010x}"),
    )
}
