//! Clock and power of the chip, pins, interrupts.

use cortex_m::peripheral::NVIC;
use lm3s6965::Interrupt;

use crate::regs::Reg;

/// The processor and all peripherals run at this, Hz.
pub(crate) const CLOCK_HZ: u32 = 50_000_000;

const RIS: Reg = Reg::at(0x400F_E050);
const RCC: Reg = Reg::at(0x400F_E060);
const RCGC0: Reg = Reg::at(0x400F_E100);
const RCGC1: Reg = Reg::at(0x400F_E104);
const RCGC2: Reg = Reg::at(0x400F_E108);

const RCC_MOSCDIS: u32 = 1;
const RCC_OSCSRC: u32 = 3 << 4;
const RCC_XTAL: u32 = 0xf << 6;
const RCC_XTAL_8_MHZ: u32 = 0xe << 6;
const RCC_BYPASS: u32 = 1 << 11;
const RCC_PWRDN: u32 = 1 << 13;
const RCC_USESYSDIV: u32 = 1 << 22;
const RCC_SYSDIV: u32 = 0xf << 23;
/// 200 MHz divided by four.
const RCC_SYSDIV_4: u32 = 3 << 23;
const RIS_PLL_LOCKED: u32 = 1 << 6;

/// 50 MHz from the 8 MHz crystal, and every peripheral used is given its clock.
pub(crate) fn start() {
    let base = (RCC.read() | RCC_BYPASS) & !RCC_USESYSDIV;
    RCC.write(base);
    let crystal = base & !(RCC_MOSCDIS | RCC_OSCSRC | RCC_XTAL) | RCC_XTAL_8_MHZ;
    RCC.write(crystal);
    RCC.write(crystal & !RCC_PWRDN);
    let divided = crystal & !(RCC_PWRDN | RCC_SYSDIV) | RCC_SYSDIV_4 | RCC_USESYSDIV;
    RCC.write(divided);
    // Locks within half a millisecond; without a crystal there is no Ethernet either, and nothing to go on for.
    while RIS.read() & RIS_PLL_LOCKED == 0 {}
    RCC.write(divided & !RCC_BYPASS);
    // Watchdog; UART0 to 2, SSI0, I2C0, timer 0; GPIO A, B, D to G, and the Ethernet MAC and PHY.
    RCGC0.set(1 << 3);
    RCGC1.set(0b111 | 1 << 4 | 1 << 12 | 1 << 16);
    RCGC2.set(0b111_1011 | 1 << 28 | 1 << 30);
    // The clock reaches them a few cycles later.
    cortex_m::asm::delay(16);
}

/// A GPIO port.
#[derive(Clone, Copy)]
pub(crate) struct Port {
    data: Reg,
    direction: Reg,
    both_edges: Reg,
    mask: Reg,
    clear: Reg,
    alternate: Reg,
    open_drain: Reg,
    pull_up: Reg,
    digital: Reg,
}

impl Port {
    pub(crate) const A: Port = Port::at(0x4000_4000);
    pub(crate) const B: Port = Port::at(0x4000_5000);
    pub(crate) const D: Port = Port::at(0x4000_7000);
    pub(crate) const E: Port = Port::at(0x4002_4000);
    pub(crate) const F: Port = Port::at(0x4002_5000);
    pub(crate) const G: Port = Port::at(0x4002_6000);

    const fn at(base: usize) -> Self {
        Port {
            // All eight pins in the address mask.
            data: Reg::at(base + 0x3fc),
            direction: Reg::at(base + 0x400),
            both_edges: Reg::at(base + 0x408),
            mask: Reg::at(base + 0x410),
            clear: Reg::at(base + 0x41c),
            alternate: Reg::at(base + 0x420),
            open_drain: Reg::at(base + 0x50c),
            pull_up: Reg::at(base + 0x510),
            digital: Reg::at(base + 0x51c),
        }
    }

    /// Gives pins to the peripheral wired to them.
    pub(crate) fn to_peripheral(self, pins: u32) {
        self.alternate.set(pins);
        self.digital.set(pins);
    }

    /// Open-drain with pull-up, for I2C.
    pub(crate) fn open_drain(self, pins: u32) {
        self.open_drain.set(pins);
        self.pull_up.set(pins);
    }

    /// Makes pins outputs, high.
    pub(crate) fn output_high(self, pins: u32) {
        self.data.set(pins);
        self.direction.set(pins);
        self.digital.set(pins);
        // Once more: in QEMU a pin that is no output yet keeps nothing.
        self.data.set(pins);
    }

    /// Makes pins inputs with pull-up and an interrupt at each edge.
    pub(crate) fn input_with_edges(self, pins: u32) {
        self.direction.clear(pins);
        self.pull_up.set(pins);
        self.digital.set(pins);
        self.both_edges.set(pins);
        self.clear.write(pins);
        self.mask.set(pins);
    }

    /// In its interrupt: the next edge interrupts again.
    pub(crate) fn edges_seen(self) {
        self.clear.write(0xff);
    }

    pub(crate) fn is_high(self, pins: u32) -> bool {
        self.data.read() & pins != 0
    }

    pub(crate) fn high(self, pins: u32) {
        self.data.set(pins);
    }

    pub(crate) fn low(self, pins: u32) {
        self.data.clear(pins);
    }
}

/// Lets an interrupt through; its handler must exist.
pub(crate) fn enable(interrupt: Interrupt) {
    #[allow(
        unsafe_code,
        reason = "unmasking can break code that relies on masks; there is none"
    )]
    // SAFETY: handlers share state with the rest only through critical sections, atomics and wakers, none of which an
    // interrupt can break.
    unsafe {
        NVIC::unmask(interrupt);
    }
}
