//! The console on UART0: 115200 8N1. It only speaks so far.

use core::cell::RefCell;
use core::fmt::{self, Write as _};

use critical_section::Mutex;

use crate::system::Port;
use crate::uart::Uart;

static UART: Uart = Uart::at(0x4000_c000);
static OUTPUT: Mutex<RefCell<()>> = Mutex::new(RefCell::new(()));

/// Pins PA0 and PA1.
pub(crate) fn start() {
    Port::A.to_peripheral(0b11);
    UART.start(115_200);
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

struct Out;

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            UART.put(byte);
        }
        Ok(())
    }
}

/// A line on the console, with the uptime in front.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::console::write(format_args!(
            "[{:>8}] {}\r\n",
            embassy_time::Instant::now().as_millis(),
            format_args!($($text)*)
        ))
    };
}
pub(crate) use say;
