//! Start: every part in order, then the tasks.

use cortex_m_rt::entry;
use embassy_executor::{SpawnError, Spawner};
use embassy_net::{Runner, Stack, StackResources};
use embassy_time::{Delay, block_for};
use static_cell::{ConstStaticCell, StaticCell};
use vigil_board_common::link::{Buffer, Server};
use vigil_board_common::node::Node;
use vigil_board_common::provisioning::BLOCKS;
use vigil_board_common::sampling::{self, Reader, Sampling};
use vigil_board_common::sd::Sd;
use vigil_board_common::start::{self, JOURNAL_BLOCKS};
use vigil_board_common::{crash, executor, health, link, provisioning, say, stack, watch};
use vigil_firmware::block_store::{BlockStore, Region};
use vigil_firmware::drivers::rtc::Part;
use vigil_firmware::flash::CardFlash;
use vigil_firmware::health::{Remembered, ResetCause};
use vigil_firmware::modbus::Master;
use vigil_firmware::provisioning::{Console, Settings};

use crate::card::Ssi;
use crate::ethernet::Ethernet;
use crate::i2c::Bus;
use crate::rs485::Line;
use crate::{clock, console, pins, system, watchdog};

const NAME: &str = "lm3s6965evb";
/// What the node is called as long as nothing was saved.
const BENCH: &str = "lm3s6965";
const CLOCK_CHIP: Part = Part::Ds1338;
const FIRMWARE: &str = concat!("lm3s6965evb ", env!("CARGO_PKG_VERSION"));

/// Hardware address: locally administered.
const ADDRESS: [u8; 6] = [0x02, 0x56, 0x49, 0x47, 0, 1];

type Card = Region<Sd<Ssi>>;
type Store = BlockStore<Card>;
type Flash = CardFlash<Card>;
type BusReader = Reader<Line, Bus, pins::Pin>;

#[entry]
fn main() -> ! {
    stack::paint();
    system::start();
    console::start();
    let Some(core) = cortex_m::Peripherals::take() else {
        crash::reset(ResetCause::Panic, format_args!("started twice"));
    };
    clock::start(core.SYST);
    let (remembered, pause) = crash::take();
    say!("vigil {} on {NAME}", env!("CARGO_PKG_VERSION"));
    let Remembered {
        cause,
        resets,
        message,
    } = &remembered;
    say!("reset: {} {message} ({resets} since power-on)", cause.key());
    block_for(pause);
    watchdog::start();
    match prepare(remembered) {
        Err(why) => crash::reset(ResetCause::Panic, format_args!("start: {why}")),
        Ok(parts) => executor::run(|spawner| {
            if spawn(spawner, parts).is_err() {
                crash::reset(ResetCause::Panic, format_args!("start: a task was started twice"));
            }
        }),
    }
}

/// What the tasks work with.
struct Parts {
    flash: Flash,
    console: &'static mut Console,
    /// `None` when the settings do not say what to do: then there is only the console.
    work: Option<Work>,
}

/// What the tasks of a configured board work with.
struct Work {
    node: &'static Node<Store>,
    stack: Stack<'static>,
    runner: Runner<'static, &'static mut Ethernet>,
    server: Server,
    sampling: &'static Sampling,
    readers: [BusReader; 4],
    remembered: &'static Remembered,
}

#[inline(never)]
fn prepare(remembered: Remembered) -> Result<Parts, &'static str> {
    let mut i2c = Bus::start();
    start::set_clock(&mut i2c, CLOCK_CHIP);
    let card = Sd::start(Ssi::start()).map_err(|error| {
        say!("card: {error}");
        "no card"
    })?;
    let region = |first| Region { device: card, first };
    let flash = CardFlash::new(region(0), BLOCKS);
    let (settings, saved) = start::settings(flash.clone(), BENCH);
    Ok(Parts {
        flash,
        console: start::console(settings),
        work: work(region(BLOCKS), i2c, (settings, saved), remembered)?,
    })
}

#[inline(never)]
fn work(
    journal: Card,
    i2c: Bus,
    (settings, saved): (&'static Settings, bool),
    remembered: Remembered,
) -> Result<Option<Work>, &'static str> {
    static NODE: StaticCell<Node<Store>> = StaticCell::new();
    static REMEMBERED: StaticCell<Remembered> = StaticCell::new();
    let Some(server) = start::server(settings) else {
        return Ok(None);
    };
    let Some(node) = start::node(&NODE, store(journal)?, settings, FIRMWARE, saved)? else {
        return Ok(None);
    };
    let Some(sampling) = start::sampling(settings) else {
        return Ok(None);
    };
    let (stack, runner) = network(node, settings);
    Ok(Some(Work {
        node,
        stack,
        runner,
        server,
        sampling,
        readers: readers(settings, i2c),
        remembered: REMEMBERED.init(remembered),
    }))
}

#[inline(never)]
fn store(journal: Card) -> Result<Store, &'static str> {
    BlockStore::open(journal, JOURNAL_BLOCKS).map_err(|_| "the card cannot be read")
}

#[inline(never)]
fn readers(settings: &Settings, i2c: Bus) -> [BusReader; 4] {
    static LINE_0: StaticCell<Master<Line, Delay>> = StaticCell::new();
    static LINE_1: StaticCell<Master<Line, Delay>> = StaticCell::new();
    [
        Reader::Line(
            0,
            LINE_0.init_with(|| sampling::master(settings, 0, Line::start_0)),
        ),
        Reader::Line(
            1,
            LINE_1.init_with(|| sampling::master(settings, 1, Line::start_1)),
        ),
        Reader::I2c(i2c, CLOCK_CHIP),
        Reader::Pins(pins::start()),
    ]
}

#[inline(never)]
fn network(
    node: &Node<Store>,
    settings: &Settings,
) -> (Stack<'static>, Runner<'static, &'static mut Ethernet>) {
    static ETHERNET: StaticCell<Ethernet> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<2>> = StaticCell::new();
    let (config, seed) = start::network(node, settings);
    embassy_net::new(
        ETHERNET.init_with(|| Ethernet::start(ADDRESS)),
        config,
        RESOURCES.init(StackResources::new()),
        seed,
    )
}

fn spawn(spawner: Spawner, parts: Parts) -> Result<(), SpawnError> {
    static BUFFER: ConstStaticCell<Buffer> = ConstStaticCell::new(Buffer::new());
    spawner.spawn(console_task(parts.console, parts.flash)?);
    spawner.spawn(watchdog_task(parts.work.is_some())?);
    if let Some(work) = parts.work {
        spawner.spawn(net_task(work.runner)?);
        spawner.spawn(link_task(work.node, work.stack, work.server, BUFFER.take())?);
        for reader in work.readers {
            spawner.spawn(sampling_task(work.node, work.sampling, reader)?);
        }
        spawner.spawn(health_task(work.node, work.remembered)?);
    }
    Ok(())
}

#[embassy_executor::task]
async fn net_task(mut runner: Runner<'static, &'static mut Ethernet>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn link_task(
    node: &'static Node<Store>,
    stack: Stack<'static>,
    server: Server,
    buffer: &'static mut Buffer,
) -> ! {
    link::run(node, stack, server, buffer).await
}

#[embassy_executor::task(pool_size = 4)]
async fn sampling_task(node: &'static Node<Store>, sampling: &'static Sampling, reader: BusReader) -> ! {
    sampling::run(node, sampling, reader).await
}

#[embassy_executor::task]
async fn health_task(node: &'static Node<Store>, remembered: &'static Remembered) -> ! {
    health::run(node, remembered, || Some(stack::used() as u32)).await
}

#[embassy_executor::task]
async fn watchdog_task(works: bool) -> ! {
    watch::run(works, watchdog::feed, watchdog::late).await
}

#[embassy_executor::task]
async fn console_task(console: &'static mut Console, flash: Flash) -> ! {
    provisioning::run(console, flash, crash::reset).await
}
