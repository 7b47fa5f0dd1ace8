//! The independent watchdog, with a clock of its own.

use embassy_stm32::peripherals::IWDG;
use embassy_stm32::wdg::IndependentWatchdog;
use embassy_stm32::{Peri, pac};
use vigil_board_common::crash;
use vigil_board_common::watch::PATIENCE_S;
use vigil_firmware::health::{Message, Remembered, ResetCause};

/// Starts counting: the chip resets after twice [`PATIENCE_S`] without being fed.
pub(crate) fn start(peripheral: Peri<'static, IWDG>) -> IndependentWatchdog<'static, IWDG> {
    let mut watchdog = IndependentWatchdog::new(peripheral, 2 * PATIENCE_S * 1_000_000);
    watchdog.unleash();
    watchdog
}

/// What was remembered; that the watchdog bit is known to the chip only.
pub(crate) fn bitten(remembered: Remembered) -> Remembered {
    let bit = pac::RCC.rsr().read().iwdgrstf();
    pac::RCC.rsr().write(|flags| flags.set_rmvf(true));
    if !bit || remembered.cause != ResetCause::Power {
        return remembered;
    }
    Remembered {
        cause: ResetCause::Watchdog,
        message: Message::try_from("a task does not return").unwrap_or_default(),
        ..remembered
    }
}

/// A task did not check in.
pub(crate) fn late(task: &str) -> ! {
    crash::reset(ResetCause::Watchdog, format_args!("{task} did not check in"))
}
