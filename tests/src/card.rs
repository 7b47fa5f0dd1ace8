//! A board's SD card as a file: read and written with the library's own code, for boards without power.

use crate::edge::now;
use crate::journals::JournalEnd;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use vigil_firmware::block_store::{BLOCK, BlockDevice, BlockStore, Region};
use vigil_firmware::flash::{CardFlash, Slots};
use vigil_firmware::provisioning::{Console, SETTINGS_BYTES, SETTINGS_VERSION, Settings};
use vigil_firmware::reading::{CodeText, Reading, Value, datatype};
use vigil_firmware::{Config, NodeDef, Place, Scratch, Session, Storage as _, health};
use vigil_protocol::time::UtcMillis;

/// The board's division of its card: the settings, then the journal.
const SETTINGS_BLOCKS: u32 = 16;
const JOURNAL_BLOCKS: u32 = 32_768;
/// More than any definition has.
const METRICS: usize = 64;
const DEVICES: usize = 8;
/// The board's largest message.
const MESSAGE: usize = 1_536;

/// A card in its reader.
#[derive(Debug)]
struct Card(File);

impl BlockDevice for Card {
    type Error = std::io::Error;

    fn read(&mut self, block: u32, bytes: &mut [u8; BLOCK]) -> Result<(), Self::Error> {
        self.0.read_exact_at(bytes, u64::from(block) * BLOCK as u64)
    }

    fn write(&mut self, block: u32, bytes: &[u8; BLOCK]) -> Result<(), Self::Error> {
        self.0.write_all_at(bytes, u64::from(block) * BLOCK as u64)
    }
}

fn region(card: &Path, first: u32) -> Region<Card> {
    let file = File::options().read(true).write(true).open(card);
    let device = Card(file.unwrap_or_else(|e| panic!("opening {}: {e}", card.display())));
    Region { device, first }
}

fn store(card: &Path) -> BlockStore<Region<Card>> {
    BlockStore::open(region(card, SETTINGS_BLOCKS), JOURNAL_BLOCKS).expect("a file is read")
}

/// What lies in the journal of the board that is `group/node`; nothing when it was never used. Also of a board that has
/// power: then as of now, if it is not writing.
///
/// # Panics
/// When the card cannot be read.
#[must_use]
pub fn journal(card: &Path, node: &str) -> Option<JournalEnd> {
    let mut store = store(card);
    let header = store.header().expect("a file is read")?;
    let bounds = store.bounds().expect("a file is read");
    let next = bounds.next.max(header.first);
    Some(JournalEnd {
        node: node.to_owned(),
        epoch: header.epoch,
        first: bounds.first.max(header.first).min(next),
        next,
        dropped: header.dropped,
    })
}

/// The Sparkplug payloads of all records still on the card, acknowledged or not, by their sequences: nothing is erased
/// before the ring comes round. Read without the store's own code.
///
/// # Panics
/// When the card cannot be read.
#[must_use]
pub fn records(card: &Path) -> BTreeMap<u64, Vec<u8>> {
    const SLOT_BLOCKS: u32 = 4;
    /// Magic, checksum, stamp, length, sequence, lowest sequence held; then whose message it is.
    const HEAD: usize = 32;
    const PLACE: usize = 2;
    let region = region(card, SETTINGS_BLOCKS + 2);
    let mut found = BTreeMap::new();
    let mut slot = [0; SLOT_BLOCKS as usize * BLOCK];
    for at in 0..JOURNAL_BLOCKS / SLOT_BLOCKS - 1 {
        let offset = u64::from(region.first + at * SLOT_BLOCKS) * BLOCK as u64;
        region
            .device
            .0
            .read_exact_at(&mut slot, offset)
            .expect("a file is read");
        let seq = slot.get(16..24).and_then(|bytes| bytes.try_into().ok());
        let length = slot.get(12..16).and_then(|bytes| bytes.try_into().ok());
        let (Some(seq), Some(length)) = (seq.map(u64::from_le_bytes), length.map(u32::from_le_bytes)) else {
            continue;
        };
        if let Some(payload) = slot.get(HEAD + PLACE..HEAD + length as usize)
            && slot.starts_with(b"VGR1")
        {
            found.insert(seq, payload.to_vec());
        }
    }
    found
}

/// Settings, as the console takes them.
///
/// # Panics
/// When it would refuse a line.
#[must_use]
pub fn settings(commands: &str) -> Settings {
    let mut console = Console::new(Settings::EMPTY);
    let mut said = String::new();
    for byte in commands.bytes().chain(*b"\n") {
        console.on_byte(byte, &mut said).expect("a string takes all");
    }
    assert!(!said.contains("error:"), "{said}");
    console.settings().clone()
}

/// Saves settings, as the board does.
///
/// # Panics
/// When they do not fit.
pub fn save(card: &Path, settings: &Settings) {
    let flash = CardFlash::new(region(card, 0), SETTINGS_BLOCKS);
    let mut slots = Slots::<_, 64>::new(flash, SETTINGS_VERSION).expect("a card has two slots");
    slots
        .save(settings, &mut [0; SETTINGS_BYTES])
        .expect("they fit the card");
}

/// How many of the two slots of the settings have a head: the one being written has none until it is whole.
///
/// # Panics
/// When the card cannot be read.
#[must_use]
pub fn settings_heads(card: &Path) -> usize {
    let mut region = region(card, 0);
    let mut block = [0; BLOCK];
    let mut has_head = |slot: u32| {
        region
            .read(slot * SETTINGS_BLOCKS / 2, &mut block)
            .expect("a file is read");
        block.starts_with(b"SV")
    };
    usize::from(has_head(0)) + usize::from(has_head(1))
}

/// Has the board with these settings take `readings` values of its first channel, none of them acknowledged: the
/// session and the journal are the board's, only faster. `value` says what the n-th shows, in the quantity's unit.
///
/// # Panics
/// When the journal does not take them, or not without giving up what the board has written: then the board's
/// definition of its node and the one here have grown apart.
pub fn measure(card: &Path, settings: &Settings, readings: u64, value: impl Fn(u64) -> f64) {
    let metrics = settings.metric_defs();
    let devices = settings.device_defs(&metrics);
    let def = NodeDef {
        group: &settings.group,
        node: &settings.node,
        properties: &[("Properties/Firmware", ""), ("Properties/Settings", "")],
        metrics: health::METRICS,
        devices: &devices,
    };
    let at = now();
    let session = Session::<_, METRICS, DEVICES>::open(def, Config::DEFAULT, store(card), at.0 as u64, at);
    let mut session = session.expect("the journal opens");
    let lost = session.journal().dropped();
    assert_eq!(lost, 0, "the board's node is defined otherwise than here");
    let mut scratch = Box::new(Scratch::<MESSAGE>::new());
    let datatype = datatype(settings.channels[0].quantity);
    for n in 0..readings {
        let taken = UtcMillis(at.0 - (readings - n) as i64);
        let mut text = CodeText::new();
        let reading = Reading::good(Value::Number(value(n)));
        let sample = reading.sample(0, datatype, taken, &mut text);
        let messages = session.report_all(taken, Place::Device(0), &[sample], &mut scratch);
        assert!(matches!(messages, Ok(1)), "reading {n}: {messages:?}");
    }
}

/// Has everything in the journal acknowledged.
///
/// # Panics
/// When it was never used.
pub fn acknowledge(card: &Path) {
    let mut store = store(card);
    let mut header = store
        .header()
        .expect("a file is read")
        .expect("it was used before");
    header.first = store.bounds().expect("a file is read").next;
    store.save_header(&header).expect("a file is written");
}
