//! The RS-485 line on UART1, for Modbus RTU. The transceiver turns itself around.

use core::convert::Infallible;

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::pipe::Pipe;
use embassy_time::{Duration, Timer};
use embedded_io_async::{ErrorType, Read, Write};
use lm3s6965::{Interrupt, interrupt};

use crate::system::{Port, enable};
use crate::uart::Uart;

static UART: Uart = Uart::at(0x4000_d000);
static RECEIVED: Pipe<CriticalSectionRawMutex, 256> = Pipe::new();

/// How often the end of sending is looked for: about one character.
const LOOK: Duration = Duration::from_micros(500);

/// The line; there is one.
pub(crate) struct Line;

impl Line {
    /// Pins PD2 and PD3.
    pub(crate) fn start(baud: u32) -> Self {
        Port::D.to_peripheral(0b1100);
        UART.start(baud);
        enable(Interrupt::UART1);
        Line
    }
}

impl ErrorType for Line {
    type Error = Infallible;
}

impl Read for Line {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        Ok(RECEIVED.read(buf).await)
    }
}

impl Write for Line {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        let sent = buf.iter().take_while(|byte| UART.try_put(**byte)).count();
        if sent == 0 {
            Timer::after(LOOK).await;
        }
        Ok(sent)
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        while UART.is_busy() {
            Timer::after(LOOK).await;
        }
        Ok(())
    }
}

#[interrupt]
fn UART1() {
    UART.received(|byte| {
        // More than any reply: a line that chatters. The checksum shows what is missing.
        RECEIVED.try_write(&[byte]).unwrap_or(0);
    });
}
