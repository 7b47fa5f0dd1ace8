//! Runs the tasks and sleeps when there is nothing to do.
//!
//! Embassy's own executor for Cortex-M sleeps with WFE, which QEMU takes for a yield: it would burn a host core.

use core::sync::atomic::{AtomicBool, Ordering};

use embassy_executor::{Spawner, raw};
use static_cell::StaticCell;

static WOKEN: AtomicBool = AtomicBool::new(false);

/// Called by embassy when a task can go on, from tasks and interrupts.
#[allow(unsafe_code, reason = "embassy finds it by its name")]
// SAFETY: the name and signature are those that embassy-executor declares.
#[unsafe(export_name = "__pender")]
fn pender(_context: *mut ()) {
    WOKEN.store(true, Ordering::Release);
}

/// Runs what `init` spawns, for ever.
pub fn run(init: impl FnOnce(Spawner)) -> ! {
    static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
    let executor: &'static raw::Executor = EXECUTOR.init(raw::Executor::new(core::ptr::null_mut()));
    init(executor.spawner());
    loop {
        // SAFETY: called from here only, and not from within a task.
        #[allow(unsafe_code, reason = "must not be re-entered, and is not")]
        unsafe {
            executor.poll();
        }
        // Between the look and the sleep no interrupt may slip in; WFI wakes on a masked one all the same.
        cortex_m::interrupt::free(|_| {
            if !WOKEN.swap(false, Ordering::Acquire) {
                cortex_m::asm::wfi();
            }
        });
    }
}
