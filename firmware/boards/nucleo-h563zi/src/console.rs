//! The console on USART3, which the board's ST-LINK shows as a serial port over USB.

use embassy_stm32::interrupt::typelevel::{Handler, Interrupt as _, USART3};
use embassy_stm32::mode::Blocking;
use embassy_stm32::pac;
use embassy_stm32::usart::Uart;
use vigil_board_common::console::{self, Port};

/// Takes over the port that `uart` has set up.
pub(crate) fn start(uart: Uart<'static, Blocking>) {
    // Dropped, it would be switched off.
    static UART: static_cell::StaticCell<Uart<'static, Blocking>> = static_cell::StaticCell::new();
    UART.init(uart);
    pac::USART3.cr1().modify(|control| control.set_rxneie(true));
    #[allow(
        unsafe_code,
        reason = "unmasking can break code that relies on masks; there is none"
    )]
    // SAFETY: the handler below shares state with the rest only through a pipe that is made for it.
    unsafe {
        USART3::enable();
    }
    console::start(Port {
        put: |byte| {
            while !pac::USART3.isr().read().txe() {}
            pac::USART3.tdr().write(|data| data.set_dr(byte.into()));
        },
        drain: || while !pac::USART3.isr().read().tc() {},
    });
}

/// In the port's interrupt: everything received; of what came too fast the rest.
pub(crate) struct Received;

impl Handler<USART3> for Received {
    #[allow(unsafe_code, reason = "the trait has it")]
    // SAFETY: called in its interrupt only, as `bind_interrupts` makes sure; it reads registers and fills a pipe.
    unsafe fn on_interrupt() {
        let port = pac::USART3;
        port.icr().write(|clear| {
            clear.set_ore(true);
            clear.set_fe(true);
            clear.set_ne(true);
        });
        while port.isr().read().rxne() {
            console::received(port.rdr().read().dr() as u8);
        }
    }
}
