//! The console on UART0: 115200 8N1.

use core::cell::RefCell;
use core::fmt::{self, Write as _};

use critical_section::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::pipe::Pipe;
use lm3s6965::{Interrupt, interrupt};

use crate::system::{Port, enable};
use crate::uart::Uart;

static UART: Uart = Uart::at(0x4000_c000);
static INPUT: Pipe<CriticalSectionRawMutex, 128> = Pipe::new();
static OUTPUT: Mutex<RefCell<()>> = Mutex::new(RefCell::new(()));

/// Pins PA0 and PA1.
pub(crate) fn start() {
    Port::A.to_peripheral(0b11);
    UART.start(115_200);
    enable(Interrupt::UART0);
}

/// The next byte typed.
pub(crate) async fn read() -> u8 {
    let mut byte = [0];
    INPUT.read(&mut byte).await;
    byte[0]
}

/// Writes, waiting for the line: 87 µs for each byte beyond the sixteen of the FIFO.
pub(crate) fn write(text: fmt::Arguments<'_>) {
    critical_section::with(|cs| {
        let _one_at_a_time = OUTPUT.borrow_ref_mut(cs);
        Out.write_fmt(text).unwrap_or(());
    });
}

/// As [`write`], whoever was writing.
pub(crate) fn emergency(text: fmt::Arguments<'_>) {
    Out.write_fmt(text).unwrap_or(());
    while UART.is_busy() {}
}

/// For what writes line by line.
pub(crate) struct Out;

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                UART.put(b'\r');
            }
            UART.put(byte);
        }
        Ok(())
    }
}

/// A line on the console, with the uptime in front.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::console::write(format_args!(
            "[{:>8}] {}\n",
            embassy_time::Instant::now().as_millis(),
            format_args!($($text)*)
        ))
    };
}
pub(crate) use say;

#[interrupt]
fn UART0() {
    UART.received(|byte| {
        // Nobody types that fast: what does not fit is dropped.
        INPUT.try_write(&[byte]).unwrap_or(0);
    });
}
