//! An SD card on SPI1.

use core::cell::RefCell;

use embassy_stm32::gpio::Output;
use embassy_stm32::mode::Blocking;
use embassy_stm32::spi::mode::Master;
use embassy_stm32::spi::{Config, Spi};
use embassy_stm32::time::Hertz;
use vigil_board_common::sd::CardPort;

/// The port with the pin that selects the card.
pub(crate) struct Wires {
    pub(crate) spi: RefCell<Spi<'static, Blocking, Master>>,
    pub(crate) select: RefCell<Output<'static>>,
}

impl CardPort for &Wires {
    fn speed(&self, hz: u32) {
        let mut config = Config::default();
        config.frequency = Hertz(hz);
        // Only a frequency that cannot be divided down to is refused: the card is slower then, and says nothing.
        self.spi.borrow_mut().set_config(&config).unwrap_or(());
    }

    fn select(&self, selected: bool) {
        if selected {
            self.select.borrow_mut().set_low();
        } else {
            self.select.borrow_mut().set_high();
        }
    }

    fn exchange(&self, byte: u8) -> u8 {
        let mut bytes = [byte];
        match self.spi.borrow_mut().blocking_transfer_in_place(&mut bytes) {
            Ok(()) => bytes[0],
            // As a card that does not drive the line.
            Err(_) => 0xff,
        }
    }
}
