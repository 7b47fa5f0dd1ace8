//! Start: every part in order, then the tasks.

use cortex_m_rt::entry;
use embassy_executor::{SpawnError, Spawner};
use embassy_futures::block_on;
use embassy_net::{Config as NetConfig, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_time::{Instant, block_for};
use heapless::Vec;
use static_cell::{ConstStaticCell, StaticCell};
use vigil_firmware::block_store::{BlockStore, Region};
use vigil_firmware::drivers::rtc::{self, Part};
use vigil_firmware::health::{Remembered, ResetCause};
use vigil_firmware::provisioning::{Address, Console, MAX_CHANNELS, MAX_DEVICES, Network, Settings};
use vigil_firmware::{Config, DeviceDef, MetricDef, NodeDef, Scratch, Session};

use crate::console::say;
use crate::ethernet::Ethernet;
use crate::i2c::Bus;
use crate::link::{Buffer, Server};
use crate::node::{MESSAGE, Node};
use crate::sd::Sd;
use crate::{
    bench, clock, console, crash, executor, health, link, provisioning, sampling, stack, system, wall,
    watchdog,
};

/// Hardware address: locally administered.
const ADDRESS: [u8; 6] = [0x02, 0x56, 0x49, 0x47, 0, 1];

type Store = BlockStore<Region<Sd>>;

/// Blocks of the card that the journal may use: 16 MB, eight thousand messages.
const JOURNAL_BLOCKS: u32 = 32_768;

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
    say!("vigil {} on lm3s6965evb", env!("CARGO_PKG_VERSION"));
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
    card: Sd,
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
    line: sampling::Line,
    remembered: &'static Remembered,
}

/// Each part in a function of its own, not inlined: large values pass through their stacks one after the other.
#[inline(never)]
fn prepare(remembered: Remembered) -> Result<Parts, &'static str> {
    // The bus never makes anybody wait for an event.
    match block_on(rtc::read(&mut Bus::start(), Part::Ds1338)) {
        Ok(utc) => wall::set(utc),
        Err(error) => say!("clock: {error}"),
    }
    let card = Sd::start().map_err(|error| {
        say!("card: {error}");
        "no card"
    })?;
    let settings = settings(card);
    let work = match server(settings) {
        Ok(server) => Some(work(card, settings, server, remembered)?),
        Err(why) => {
            say!("settings: {why}; doing nothing");
            None
        }
    };
    Ok(Parts {
        card,
        console: console_of(settings),
        work,
    })
}

/// Where the settings say that the broker is, when they can be used.
#[inline(never)]
fn server(settings: &'static Settings) -> Result<Server, &'static str> {
    if let Err(error) = settings.check() {
        say!("settings: {error}");
        return Err("they cannot be used");
    }
    Ok(Server {
        address: settings
            .broker
            .parse()
            .map_err(|_| "the broker is not an IPv4 address")?,
        port: settings.broker_port,
        client: &settings.node,
        user: &settings.user,
        password: &settings.password.0,
    })
}

#[inline(never)]
fn work(
    card: Sd,
    settings: &'static Settings,
    server: Server,
    remembered: Remembered,
) -> Result<Work, &'static str> {
    static REMEMBERED: StaticCell<Remembered> = StaticCell::new();
    let node = node(card, settings)?;
    let (stack, runner) = network(node, settings.network);
    Ok(Work {
        node,
        stack,
        runner,
        server,
        line: sampling::line(settings),
        remembered: REMEMBERED.init(remembered),
    })
}

fn spawn(spawner: Spawner, parts: Parts) -> Result<(), SpawnError> {
    static BUFFER: ConstStaticCell<Buffer> = ConstStaticCell::new(Buffer::new());
    spawner.spawn(console_task(parts.console, parts.card)?);
    spawner.spawn(watchdog_task(parts.work.is_some())?);
    if let Some(work) = parts.work {
        spawner.spawn(net_task(work.runner)?);
        spawner.spawn(link_task(work.node, work.stack, work.server, BUFFER.take())?);
        spawner.spawn(sampling_task(work.node, work.line)?);
        spawner.spawn(health_task(work.node, work.remembered)?);
    }
    Ok(())
}

/// What was saved; the bench's when nothing was, and nothing when that cannot be read.
#[inline(never)]
fn settings(card: Sd) -> &'static Settings {
    static SETTINGS: StaticCell<Settings> = StaticCell::new();
    SETTINGS.init_with(|| match provisioning::load(card) {
        Ok(Some(settings)) => settings,
        Ok(None) => {
            say!("settings: NOT CONFIGURED; the bench's are used");
            bench::settings()
        }
        Err(error) => {
            say!("settings: {error}");
            Settings::EMPTY
        }
    })
}

#[inline(never)]
fn console_of(settings: &Settings) -> &'static mut Console {
    static CONSOLE: StaticCell<Console> = StaticCell::new();
    CONSOLE.init_with(|| Console::new(settings.clone()))
}

/// The session on the journal on the card.
#[inline(never)]
fn node(card: Sd, settings: &'static Settings) -> Result<&'static Node<Store>, &'static str> {
    static NODE: StaticCell<Node<Store>> = StaticCell::new();
    static SCRATCH: ConstStaticCell<Scratch<MESSAGE>> = ConstStaticCell::new(Scratch::new());
    let store = store(card)?;
    let now = wall::now();
    let definition = definition(settings);
    let edge = Session::open(definition, Config::DEFAULT, store, now.0 as u64, now)
        .map_err(|_| "the session cannot be opened")?;
    let node = NODE.init_with(|| Node::new(edge, SCRATCH.take()));
    node.with(|edge| {
        let journal = edge.journal();
        let (held, next, epoch) = (journal.pending(), journal.next(), journal.epoch());
        say!("journal: {held} of {next} held, epoch {epoch:x}");
    });
    Ok(node)
}

#[inline(never)]
fn store(card: Sd) -> Result<Store, &'static str> {
    let journal = Region {
        device: card,
        first: provisioning::BLOCKS,
    };
    BlockStore::open(journal, JOURNAL_BLOCKS).map_err(|_| "the card cannot be read")
}

#[inline(never)]
fn network(node: &Node<Store>, network: Network) -> (Stack<'static>, Runner<'static, &'static mut Ethernet>) {
    static ETHERNET: StaticCell<Ethernet> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<2>> = StaticCell::new();
    // Differs from start to start: a TCP port used again at once would meet the old connection.
    let next = node.with(|edge| edge.journal().next());
    let seed = wall::now().0 as u64 ^ next.rotate_left(32) ^ Instant::now().as_ticks();
    let config = match network {
        Network::Dhcp => NetConfig::dhcpv4(Default::default()),
        Network::Static(Address { ip, prefix, gateway }) => NetConfig::ipv4_static(StaticConfigV4 {
            address: Ipv4Cidr::new(ip.into(), prefix.min(32)),
            gateway: Some(gateway.into()),
            dns_servers: Vec::new(),
        }),
    };
    embassy_net::new(
        ETHERNET.init_with(|| Ethernet::start(ADDRESS)),
        config,
        RESOURCES.init(StackResources::new()),
        seed,
    )
}

/// The node as the settings say.
#[inline(never)]
fn definition(settings: &'static Settings) -> NodeDef<'static> {
    static METRICS: StaticCell<Vec<MetricDef<'static>, MAX_CHANNELS>> = StaticCell::new();
    static DEVICES: StaticCell<Vec<DeviceDef<'static>, MAX_DEVICES>> = StaticCell::new();
    let metrics = &*METRICS.init_with(|| settings.metric_defs());
    NodeDef {
        group: &settings.group,
        node: &settings.node,
        properties: &[(
            "Properties/Firmware",
            concat!("lm3s6965evb ", env!("CARGO_PKG_VERSION")),
        )],
        metrics: vigil_firmware::health::METRICS,
        devices: DEVICES.init_with(|| settings.device_defs(metrics)),
    }
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

#[embassy_executor::task]
async fn sampling_task(node: &'static Node<Store>, line: sampling::Line) -> ! {
    sampling::run(node, line).await
}

#[embassy_executor::task]
async fn health_task(node: &'static Node<Store>, remembered: &'static Remembered) -> ! {
    health::run(node, remembered).await
}

#[embassy_executor::task]
async fn watchdog_task(works: bool) -> ! {
    watchdog::run(works).await
}

#[embassy_executor::task]
async fn console_task(console: &'static mut Console, card: Sd) -> ! {
    provisioning::run(console, card).await
}
