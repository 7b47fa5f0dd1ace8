//! How much of the stack was ever used.

use core::ops::Range;

/// The RAM that is the stack, as in memory.x.
pub(crate) const STACK: Range<usize> = 0x2000_0000..0x2000_4000;
/// What unused stack is painted with.
const PAINT: u32 = 0x7061_696e;
/// Left alone below the stack pointer: the frames of whoever paints.
const MARGIN: usize = 256;
const WORD: usize = size_of::<u32>();

/// Paints what is not in use now. Before that nothing can be said.
pub(crate) fn paint() {
    let top = cortex_m::register::msp::read() as usize;
    for address in (STACK.start..top.saturating_sub(MARGIN)).step_by(WORD) {
        // SAFETY: memory of the stack, aligned, below everything that is in use: nothing refers to it.
        #[allow(unsafe_code, reason = "memory that is nobody's")]
        unsafe {
            (address as *mut u32).write_volatile(PAINT);
        }
    }
}

/// Most bytes ever in use since [`paint`].
pub(crate) fn used() -> usize {
    let painted = STACK.step_by(WORD).take_while(|address| {
        // SAFETY: memory of the stack, aligned; any value is a valid word.
        #[allow(unsafe_code, reason = "memory of others, only looked at")]
        let word = unsafe { (*address as *const u32).read_volatile() };
        word == PAINT
    });
    STACK.len() - painted.count() * WORD
}
