//! The console on UART0.

use lm3s6965::{Interrupt, interrupt};
use vigil_board_common::console::{self, Port as Output};

use crate::system::{Port, enable};
use crate::uart::Uart;

static UART: Uart = Uart::at(0x4000_c000);

/// Pins PA0 and PA1.
pub(crate) fn start() {
    Port::A.to_peripheral(0b11);
    UART.start(115_200);
    enable(Interrupt::UART0);
    console::start(Output {
        put: |byte| UART.put(byte),
        drain: || while UART.is_busy() {},
    });
}

#[interrupt]
fn UART0() {
    UART.received(console::received);
}
