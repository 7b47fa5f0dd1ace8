//! The input pins: dry contacts to ground, with the chip's pull-ups, and an interrupt at each edge.

use core::convert::Infallible;

use embassy_stm32::exti::{ExtiInput, TriggerEdge};
use embassy_stm32::gpio::Pull;
use embassy_stm32::interrupt::typelevel::{self, Handler, Interrupt};
use embassy_stm32::mode::Blocking;
use embassy_stm32::{Peri, pac, peripherals};
use embedded_hal::digital::{ErrorType, InputPin};
use vigil_board_common::sampling;

/// The lines of the interrupt controller that belong to them.
const LINES: u32 = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8;

/// An input.
pub(crate) struct Pin(ExtiInput<'static, Blocking>);

/// The pins, and the lines of the interrupt controller.
pub(crate) struct Wires {
    pub(crate) safety_circuit: (Peri<'static, peripherals::PE2>, Peri<'static, peripherals::EXTI2>),
    pub(crate) door_lock: (Peri<'static, peripherals::PE3>, Peri<'static, peripherals::EXTI3>),
    pub(crate) door_zone: (Peri<'static, peripherals::PE4>, Peri<'static, peripherals::EXTI4>),
    pub(crate) inspection: (Peri<'static, peripherals::PE5>, Peri<'static, peripherals::EXTI5>),
    pub(crate) alarm_button: (Peri<'static, peripherals::PE6>, Peri<'static, peripherals::EXTI6>),
    pub(crate) presence: (Peri<'static, peripherals::PF8>, Peri<'static, peripherals::EXTI8>),
}

/// In the order of `LiftSensor::ALL`.
pub(crate) fn start(wires: Wires) -> [Pin; 6] {
    macro_rules! inputs {
        ($($wire:ident)*) => {
            [$({
                let (pin, line) = wires.$wire;
                Pin(ExtiInput::new_blocking(pin, line, Pull::Up, TriggerEdge::Any))
            }),*]
        };
    }
    let pins = inputs!(safety_circuit door_lock door_zone inspection alarm_button presence);
    #[allow(
        unsafe_code,
        reason = "unmasking can break code that relies on masks; there is none"
    )]
    // SAFETY: the handler shares state with the rest only through a signal that is made for it.
    unsafe {
        typelevel::EXTI2::enable();
        typelevel::EXTI3::enable();
        typelevel::EXTI4::enable();
        typelevel::EXTI5::enable();
        typelevel::EXTI6::enable();
        typelevel::EXTI8::enable();
    }
    pins
}

impl ErrorType for Pin {
    type Error = Infallible;
}

impl InputPin for Pin {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        Ok(self.0.is_high())
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        Ok(self.0.is_low())
    }
}

/// In the interrupt of any of them.
pub(crate) struct Edge;

impl<I: Interrupt> Handler<I> for Edge {
    #[allow(unsafe_code, reason = "the trait has it")]
    // SAFETY: called in its interrupts only, as `bind_interrupts` makes sure; it clears flags and signals.
    unsafe fn on_interrupt() {
        pac::EXTI.rpr(0).write(|pending| pending.0 = LINES);
        pac::EXTI.fpr(0).write(|pending| pending.0 = LINES);
        sampling::edge();
    }
}
