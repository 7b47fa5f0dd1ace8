//! How much of the stack was ever used.

use core::ops::Range;
use core::ptr::addr_of;

// SAFETY: every board's memory.x defines both, as addresses of nothing else.
#[allow(unsafe_code, reason = "the linker knows")]
unsafe extern "C" {
    static _stack_start: u32;
    static _stack_end: u32;
}

/// The RAM that is the stack. It lies below everything else, so that one that grows too far leaves the RAM and faults.
pub(crate) fn range() -> Range<usize> {
    addr_of!(_stack_end) as usize..addr_of!(_stack_start) as usize
}

/// What unused stack is painted with.
const PAINT: u32 = 0x7061_696e;
/// Left alone below the stack pointer: the frames of whoever paints.
const MARGIN: usize = 256;
const WORD: usize = size_of::<u32>();

/// Paints what is not in use now. Before that nothing can be said.
pub fn paint() {
    let top = cortex_m::register::msp::read() as usize;
    for address in (range().start..top.saturating_sub(MARGIN)).step_by(WORD) {
        // SAFETY: memory of the stack, aligned, below everything that is in use: nothing refers to it.
        #[allow(unsafe_code, reason = "memory that is nobody's")]
        unsafe {
            (address as *mut u32).write_volatile(PAINT);
        }
    }
}

/// Most bytes ever in use since [`paint`].
#[must_use]
pub fn used() -> usize {
    let painted = range().step_by(WORD).take_while(|address| {
        // SAFETY: memory of the stack, aligned; any value is a valid word.
        #[allow(unsafe_code, reason = "memory of others, only looked at")]
        let word = unsafe { (*address as *const u32).read_volatile() };
        word == PAINT
    });
    range().len() - painted.count() * WORD
}
