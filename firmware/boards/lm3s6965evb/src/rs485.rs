//! The RS-485 lines on UART1 and UART2, for Modbus RTU. The transceivers turn themselves around.

use core::convert::Infallible;

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::pipe::Pipe;
use embassy_time::{Duration, Timer};
use embedded_io_async::{ErrorType, Read, Write};
use lm3s6965::{Interrupt, interrupt};

use crate::system::{Port, enable};
use crate::uart::Uart;

static UARTS: [Uart; 2] = [Uart::at(0x4000_d000), Uart::at(0x4000_e000)];
/// More than any reply.
static RECEIVED: [Pipe<CriticalSectionRawMutex, 128>; 2] = [const { Pipe::new() }; 2];

/// How often the end of sending is looked for: about one character.
const LOOK: Duration = Duration::from_micros(500);

/// A line.
pub(crate) struct Line(usize);

impl Line {
    /// Line 0 on PD2 and PD3.
    pub(crate) fn start_0(baud: u32) -> Self {
        Port::D.to_peripheral(0b1100);
        enable(Interrupt::UART1);
        Line(0).start(baud)
    }

    /// Line 1 on PG0 and PG1.
    pub(crate) fn start_1(baud: u32) -> Self {
        Port::G.to_peripheral(0b11);
        enable(Interrupt::UART2);
        Line(1).start(baud)
    }

    fn start(self, baud: u32) -> Self {
        UARTS[self.0].start(baud);
        self
    }
}

impl ErrorType for Line {
    type Error = Infallible;
}

impl Read for Line {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        Ok(RECEIVED[self.0].read(buf).await)
    }
}

impl Write for Line {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        let sent = buf
            .iter()
            .take_while(|byte| UARTS[self.0].try_put(**byte))
            .count();
        if sent == 0 {
            Timer::after(LOOK).await;
        }
        Ok(sent)
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        while UARTS[self.0].is_busy() {
            Timer::after(LOOK).await;
        }
        Ok(())
    }
}

/// What does not fit comes from a line that chatters: the checksum shows that something is missing.
fn received(line: usize) {
    UARTS[line].received(|byte| {
        RECEIVED[line].try_write(&[byte]).unwrap_or(0);
    });
}

#[interrupt]
fn UART1() {
    received(0);
}

#[interrupt]
fn UART2() {
    received(1);
}
