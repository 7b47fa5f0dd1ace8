//! Registers of the chip's peripherals.

use core::ptr;

/// One 32-bit register of a peripheral.
#[derive(Clone, Copy)]
pub(crate) struct Reg(usize);

impl Reg {
    /// The register at `address`, which must lie among the peripherals (data sheet, table 2-4): evaluated at compile
    /// time, so that a wrong address does not build. None of these peripherals can write memory by itself.
    pub(crate) const fn at(address: usize) -> Self {
        assert!(address >= 0x4000_0000 && address < 0x4010_0000 && address.is_multiple_of(4));
        Reg(address)
    }

    pub(crate) fn read(self) -> u32 {
        // SAFETY: `at` admits only aligned addresses of peripherals, which the chip maps always; without a clock the
        // bus faults, which ends in a reset and not in undefined behaviour.
        #[allow(unsafe_code, reason = "registers are memory")]
        unsafe {
            ptr::read_volatile(self.0 as *const u32)
        }
    }

    pub(crate) fn write(self, value: u32) {
        // SAFETY: as in `read`; no peripheral of this chip writes memory by itself.
        #[allow(unsafe_code, reason = "registers are memory")]
        unsafe {
            ptr::write_volatile(self.0 as *mut u32, value);
        }
    }

    pub(crate) fn set(self, bits: u32) {
        self.write(self.read() | bits);
    }

    pub(crate) fn clear(self, bits: u32) {
        self.write(self.read() & !bits);
    }
}
