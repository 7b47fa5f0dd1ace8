//! A PL011 UART.

use crate::regs::Reg;
use crate::system::CLOCK_HZ;

const FR_RX_EMPTY: u32 = 1 << 4;
const FR_TX_FULL: u32 = 1 << 5;
const FR_BUSY: u32 = 1 << 3;
const LCRH_FIFO: u32 = 1 << 4;
const LCRH_8_BITS: u32 = 3 << 5;
const CTL_ENABLE: u32 = 1;
const CTL_TX: u32 = 1 << 8;
const CTL_RX: u32 = 1 << 9;
const INT_RX: u32 = 1 << 4;
const INT_RX_TIMEOUT: u32 = 1 << 6;
/// Framing, parity, break or overrun, beside a received byte.
const DR_ERRORS: u32 = 0xf << 8;

pub(crate) struct Uart {
    data: Reg,
    flags: Reg,
    baud_integer: Reg,
    baud_fraction: Reg,
    line: Reg,
    control: Reg,
    mask: Reg,
    clear: Reg,
}

impl Uart {
    pub(crate) const fn at(base: usize) -> Self {
        Uart {
            data: Reg::at(base),
            flags: Reg::at(base + 0x18),
            baud_integer: Reg::at(base + 0x24),
            baud_fraction: Reg::at(base + 0x28),
            line: Reg::at(base + 0x2c),
            control: Reg::at(base + 0x30),
            mask: Reg::at(base + 0x38),
            clear: Reg::at(base + 0x44),
        }
    }

    /// Sends and receives at `baud` bits per second, 8N1, with an interrupt for what is received.
    pub(crate) fn start(&self, baud: u32) {
        self.control.write(0);
        // In 64ths of the divisor, rounded.
        let divisor = (CLOCK_HZ * 8 / baud).div_ceil(2);
        self.baud_integer.write(divisor / 64);
        self.baud_fraction.write(divisor % 64);
        self.line.write(LCRH_8_BITS | LCRH_FIFO);
        self.mask.write(INT_RX | INT_RX_TIMEOUT);
        self.control.write(CTL_ENABLE | CTL_TX | CTL_RX);
    }

    /// Sends a byte when there is room.
    pub(crate) fn try_put(&self, byte: u8) -> bool {
        let room = self.flags.read() & FR_TX_FULL == 0;
        if room {
            self.data.write(byte.into());
        }
        room
    }

    /// Sends a byte, waiting for room.
    pub(crate) fn put(&self, byte: u8) {
        while !self.try_put(byte) {}
    }

    /// Whether something is still on its way out.
    pub(crate) fn is_busy(&self) -> bool {
        self.flags.read() & FR_BUSY != 0
    }

    /// In its interrupt: everything received without error; a byte with one is left out, and the checksum of the
    /// frame shows it.
    pub(crate) fn received(&self, mut take: impl FnMut(u8)) {
        self.clear.write(INT_RX | INT_RX_TIMEOUT);
        while self.flags.read() & FR_RX_EMPTY == 0 {
            let data = self.data.read();
            if data & DR_ERRORS == 0 {
                take(data as u8);
            }
        }
    }
}
