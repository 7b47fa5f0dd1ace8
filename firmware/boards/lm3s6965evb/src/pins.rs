//! The input pins: dry contacts to ground, with the chip's pull-ups, and an interrupt at each edge.

use core::convert::Infallible;

use embedded_hal::digital::{ErrorType, InputPin};
use lm3s6965::{Interrupt, interrupt};
use vigil_board_common::sampling;

use crate::system::{Port, enable};

/// In the order of `LiftSensor::ALL`: safety circuit, door lock, door zone, inspection, alarm button, presence. The first
/// four are the push buttons of the evaluation board.
const PINS: [(Port, u32); 6] = [
    (Port::E, 1 << 0),
    (Port::E, 1 << 1),
    (Port::E, 1 << 2),
    (Port::E, 1 << 3),
    (Port::D, 1 << 4),
    (Port::D, 1 << 5),
];

/// An input, by its place in [`PINS`].
#[derive(Clone, Copy)]
pub(crate) struct Pin(u8);

/// All of them.
pub(crate) fn start() -> [Pin; 6] {
    for (port, pin) in PINS {
        port.input_with_edges(pin);
    }
    enable(Interrupt::GPIOD);
    enable(Interrupt::GPIOE);
    [0, 1, 2, 3, 4, 5].map(Pin)
}

impl ErrorType for Pin {
    type Error = Infallible;
}

impl InputPin for Pin {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        let (port, pin) = PINS[usize::from(self.0)];
        Ok(port.is_high(pin))
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        self.is_high().map(|high| !high)
    }
}

#[interrupt]
fn GPIOD() {
    Port::D.edges_seen();
    sampling::edge();
}

#[interrupt]
fn GPIOE() {
    Port::E.edges_seen();
    sampling::edge();
}
