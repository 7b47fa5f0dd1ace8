//! The SD card's wires: SSI0, and PD0 selects it.

use vigil_board_common::sd::CardPort;

use crate::regs::Reg;
use crate::system::{CLOCK_HZ, Port};

const CONTROL_0: Reg = Reg::at(0x4000_8000);
const CONTROL_1: Reg = Reg::at(0x4000_8004);
const DATA: Reg = Reg::at(0x4000_8008);
const STATUS: Reg = Reg::at(0x4000_800c);
const PRESCALE: Reg = Reg::at(0x4000_8010);

const EIGHT_BITS: u32 = 7;
const ENABLE: u32 = 1 << 1;
const RX_NOT_EMPTY: u32 = 1 << 2;
const SELECT: u32 = 1;

/// The port; there is one.
#[derive(Clone, Copy)]
pub(crate) struct Ssi;

impl Ssi {
    /// Pins PA2, PA4 and PA5, and PD0.
    pub(crate) fn start() -> Self {
        Port::A.to_peripheral(0b11_0100);
        Port::D.output_high(SELECT);
        Ssi
    }
}

impl CardPort for Ssi {
    fn speed(&self, hz: u32) {
        CONTROL_1.write(0);
        CONTROL_0.write(EIGHT_BITS);
        // Even, at least 2; rounded to the slower side.
        PRESCALE.write((CLOCK_HZ.div_ceil(hz).next_multiple_of(2)).max(2));
        CONTROL_1.write(ENABLE);
    }

    fn select(&self, selected: bool) {
        if selected {
            Port::D.low(SELECT);
        } else {
            Port::D.high(SELECT);
        }
    }

    fn exchange(&self, byte: u8) -> u8 {
        DATA.write(byte.into());
        // Eight bits take 20 µs at most; the port needs nobody to go on.
        while STATUS.read() & RX_NOT_EMPTY == 0 {}
        DATA.read() as u8
    }
}
