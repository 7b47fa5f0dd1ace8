//! The console: 115200 8N1, whatever the board sends and receives it with.

use core::cell::{Cell, RefCell};
use core::fmt::{self, Write as _};

use critical_section::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::pipe::Pipe;

/// How a board sends: both wait for the line and must work with interrupts masked.
#[derive(Clone, Copy)]
pub struct Port {
    /// Sends a byte when there is room.
    pub put: fn(u8),
    /// Returns when the last byte is out.
    pub drain: fn(),
}

static PORT: Mutex<Cell<Option<Port>>> = Mutex::new(Cell::new(None));
static INPUT: Pipe<CriticalSectionRawMutex, 128> = Pipe::new();
static OUTPUT: Mutex<RefCell<()>> = Mutex::new(RefCell::new(()));

fn port() -> Option<Port> {
    critical_section::with(|cs| PORT.borrow(cs).get())
}

/// The console is on `port` from now on; before that nothing is said.
pub fn start(port: Port) {
    critical_section::with(|cs| PORT.borrow(cs).set(Some(port)));
}

/// A byte was typed. Nobody types so fast that one would not fit: it is dropped then.
pub fn received(byte: u8) {
    INPUT.try_write(&[byte]).unwrap_or(0);
}

/// The next byte typed.
pub(crate) async fn read() -> u8 {
    let mut byte = [0];
    INPUT.read(&mut byte).await;
    byte[0]
}

/// Writes, waiting for the line: 87 µs for each byte beyond those the port holds.
pub fn write(text: fmt::Arguments<'_>) {
    critical_section::with(|cs| {
        let _one_at_a_time = OUTPUT.borrow_ref_mut(cs);
        Out.write_fmt(text).unwrap_or(());
    });
}

/// As [`write`], whoever was writing; returns when it is out.
pub fn emergency(text: fmt::Arguments<'_>) {
    Out.write_fmt(text).unwrap_or(());
    if let Some(port) = port() {
        (port.drain)();
    }
}

/// For what writes line by line.
pub(crate) struct Out;

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Some(Port { put, .. }) = port() else {
            return Ok(());
        };
        for byte in text.bytes() {
            if byte == b'\n' {
                put(b'\r');
            }
            put(byte);
        }
        Ok(())
    }
}

/// A line on the console, with the uptime in front.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {
        $crate::console::write(format_args!(
            "[{:>8}] {}\n",
            $crate::wall::uptime().0,
            format_args!($($text)*)
        ))
    };
}
