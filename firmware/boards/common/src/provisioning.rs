//! The settings on the board's card or flash, and the console that changes them.

use core::fmt;

use embedded_storage::nor_flash::NorFlash;
use vigil_firmware::flash::{SlotError, Slots};
use vigil_firmware::health::ResetCause;
use vigil_firmware::provisioning::{Console, SETTINGS_VERSION, Settings, Task};
use vigil_firmware::reading::Reading;
use vigil_protocol::vocabulary::NoData;

use crate::console::{self, Out};
use crate::sampling;

/// Blocks of a card in front of the journal: two slots of four kilobytes.
pub const BLOCKS: u32 = 16;
/// Room for settings on their way to and from the card: less than the library allows for, because it is on the stack;
/// with all channels and the longest texts they take 1.9 KB. Larger ones are refused when they are saved.
const BYTES: usize = 2_048;
/// Bytes written at once.
const CHUNK: usize = 64;

fn slots<F: NorFlash>(flash: F) -> Result<Slots<F, CHUNK>, SlotError<F::Error>> {
    Slots::new(flash, SETTINGS_VERSION)
}

/// What was saved last; `None` when nothing was.
#[inline(never)]
pub(crate) fn load<F: NorFlash>(flash: F) -> Result<Option<Settings>, SlotError<F::Error>> {
    slots(flash)?.load(&mut [0; BYTES])
}

#[inline(never)]
fn save<F: NorFlash>(flash: F, settings: &Settings) -> Result<(), SlotError<F::Error>> {
    slots(flash)?.save(settings, &mut [0; BYTES])
}

/// Listens to the console for ever; settings are saved on `flash`.
pub async fn run<F: NorFlash + Clone>(
    console: &mut Console,
    flash: F,
    reset: fn(ResetCause, fmt::Arguments<'_>) -> !,
) -> ! {
    // The console's own output cannot fail.
    console.greet(&mut Out).unwrap_or(());
    loop {
        let byte = console::read().await;
        match console.on_byte(byte, &mut Out).unwrap_or(None) {
            None => {}
            Some(Task::Save) => {
                let saved = save(flash.clone(), console.settings());
                console.on_saved(saved, &mut Out).unwrap_or(());
            }
            Some(Task::Test(channel)) => {
                let reading = test(console.settings(), channel).await;
                console.on_tested(channel, &reading, &mut Out).unwrap_or(());
            }
            Some(Task::Clock(utc)) => {
                let set = sampling::set_clock(utc).await;
                console.on_clock_set(set, &mut Out).unwrap_or(());
            }
            Some(Task::Reboot) => reset(ResetCause::Requested, format_args!("console")),
        }
    }
}

/// Reads a channel of the settings being edited, in between those that are sampled.
async fn test(settings: &Settings, channel: u8) -> Reading {
    let Some(channel) = settings.channels.get(usize::from(channel)) else {
        return Reading::NoData(NoData::Config);
    };
    if channel.source.check(channel.quantity).is_err() {
        return Reading::NoData(NoData::Config);
    }
    sampling::read_once(*channel).await
}
