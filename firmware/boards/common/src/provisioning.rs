//! The settings on the card, and the console that changes them.

use vigil_firmware::block_store::Region;
use vigil_firmware::drivers::Block;
use vigil_firmware::flash::{CardFlash, CardFlashError, SlotError, Slots};
use vigil_firmware::health::ResetCause;
use vigil_firmware::provisioning::{Console, SETTINGS_VERSION, Settings, Task};
use vigil_firmware::reading::Reading;
use vigil_protocol::vocabulary::NoData;

use crate::console::{self, Out};
use crate::crash;
use crate::sampling;
use crate::sd::{Sd, SdError};

/// Blocks of the card in front of the journal: two slots of four kilobytes.
pub(crate) const BLOCKS: u32 = 16;
/// Room for settings on their way to and from the card: less than the library allows for, because it is on the stack;
/// with all channels and the longest texts they take 1.9 KB. Larger ones are refused when they are saved.
const BYTES: usize = 2_048;
/// Bytes written at once.
const CHUNK: usize = 64;

type Error = SlotError<CardFlashError<SdError>>;

fn slots(card: Sd) -> Result<Slots<CardFlash<Region<Sd>>, CHUNK>, Error> {
    let region = Region {
        device: card,
        first: 0,
    };
    Slots::new(CardFlash::new(region, BLOCKS), SETTINGS_VERSION)
}

/// What was saved last; `None` when nothing was.
#[inline(never)]
pub(crate) fn load(card: Sd) -> Result<Option<Settings>, Error> {
    slots(card)?.load(&mut [0; BYTES])
}

#[inline(never)]
fn save(card: Sd, settings: &Settings) -> Result<(), Error> {
    slots(card)?.save(settings, &mut [0; BYTES])
}

/// Listens to the console for ever.
pub(crate) async fn run(console: &mut Console, card: Sd) -> ! {
    // The console's own output cannot fail.
    console.greet(&mut Out).unwrap_or(());
    loop {
        let byte = console::read().await;
        match console.on_byte(byte, &mut Out).unwrap_or(None) {
            None => {}
            Some(Task::Save) => {
                let saved = save(card, console.settings());
                console.on_saved(saved, &mut Out).unwrap_or(());
            }
            Some(Task::Test(channel)) => {
                let reading = test(console.settings(), channel).await;
                console.on_tested(channel, &reading, &mut Out).unwrap_or(());
            }
            Some(Task::Reboot) => crash::reset(ResetCause::Requested, format_args!("console")),
        }
    }
}

/// Reads a channel of the settings being edited, in between those that are sampled.
async fn test(settings: &Settings, channel: u8) -> Reading {
    let Some(channel) = settings.channels.get(usize::from(channel)) else {
        return Reading::NoData(NoData::Config);
    };
    match channel.source.block() {
        Ok(Block::Registers(request)) => sampling::read_once(request, *channel).await,
        // This board has none of these.
        Ok(Block::LoopCurrent { .. } | Block::Temperature { .. } | Block::Inputs) => {
            Reading::NoData(NoData::NotConnected)
        }
        Err(_) => Reading::NoData(NoData::Config),
    }
}
