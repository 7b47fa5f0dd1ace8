//! The parts of the start that are the same on every board. Each is a function of its own, not inlined: large values
//! pass through their stacks one after the other.

use embassy_net::{Config as NetConfig, Ipv4Cidr, StaticConfigV4};
use embassy_time::Instant;
use embedded_hal_async::i2c::I2c;
use embedded_storage::nor_flash::NorFlash;
use heapless::Vec;
use static_cell::{ConstStaticCell, StaticCell};
use vigil_firmware::drivers::rtc::{self, Part};
use vigil_firmware::provisioning::{Address, Console, MAX_CHANNELS, MAX_DEVICES, Network, Settings};
use vigil_firmware::sampling::TableError;
use vigil_firmware::time::BootId;
use vigil_firmware::{Config, DeviceDef, MetricDef, NodeDef, OpenError, Scratch, Session, Storage};

use crate::link::Server;
use crate::node::{MESSAGE, Node};
use crate::sampling::Sampling;
use crate::{bench, provisioning, say, wall};

/// Blocks of a card that the journal may use: 16 MB, eight thousand messages.
pub const JOURNAL_BLOCKS: u32 = 32_768;

/// Sets the clock from the RTC on the I2C bus. Nothing else runs meanwhile.
pub fn set_clock<I: I2c>(i2c: &mut I, part: Part) {
    match embassy_futures::block_on(rtc::read(i2c, part)) {
        Ok(utc) => wall::set(utc),
        Err(error) => say!("clock: {error}"),
    }
}

/// What was saved; the bench's, its node called `bench`, when nothing was, and nothing when that cannot be read. With it,
/// whether it was saved.
#[inline(never)]
pub fn settings<F: NorFlash>(flash: F, bench: &str) -> (&'static Settings, bool) {
    static SETTINGS: StaticCell<Settings> = StaticCell::new();
    let mut saved = true;
    let settings = SETTINGS.init_with(|| match provisioning::load(flash) {
        Ok(Some(settings)) => settings,
        Ok(None) => {
            saved = false;
            say!("settings: NOT CONFIGURED; the bench's are used");
            bench::settings(bench)
        }
        Err(error) => {
            say!("settings: {error}");
            nothing()
        }
    });
    (settings, saved)
}

#[inline(never)]
const fn nothing() -> Settings {
    Settings::EMPTY
}

/// The console that edits a copy of `settings`.
#[inline(never)]
pub fn console(settings: &Settings) -> &'static mut Console {
    static CONSOLE: StaticCell<Console> = StaticCell::new();
    CONSOLE.init_with(|| Console::new(settings.clone()))
}

/// Where the settings say that the broker is, when they can be used.
#[inline(never)]
pub fn server(settings: &'static Settings) -> Option<Server> {
    if let Err(error) = settings.check() {
        say!("settings: {error}; doing nothing");
        return None;
    }
    let Ok(address) = settings.broker.parse() else {
        say!("settings: the broker is not an IPv4 address; doing nothing");
        return None;
    };
    Some(Server {
        address,
        port: settings.broker_port,
        client: &settings.node,
        user: &settings.user,
        password: &settings.password.0,
    })
}

/// The schedule of the channel table.
#[inline(never)]
pub fn sampling(settings: &'static Settings) -> Option<&'static Sampling> {
    static SAMPLING: StaticCell<Result<Sampling, TableError>> = StaticCell::new();
    match SAMPLING.init_with(|| Sampling::new(settings)) {
        Ok(sampling) => Some(sampling),
        Err(error) => {
            say!("settings: {error}; doing nothing");
            None
        }
    }
}

/// The session on its journal, in `place`; its birth says which `firmware` it is and whether its settings were `saved`.
/// `None` when the settings define none: then there is only the console to
/// mend them.
///
/// # Errors
/// When the journal's medium fails.
#[inline(never)]
pub fn node<S: Storage>(
    place: &'static StaticCell<Node<S>>,
    mut store: S,
    settings: &'static Settings,
    firmware: &'static str,
    saved: bool,
) -> Result<Option<&'static Node<S>>, &'static str> {
    static SCRATCH: ConstStaticCell<Scratch<MESSAGE>> = ConstStaticCell::new(Scratch::new());
    static PROPERTIES: StaticCell<[(&str, &str); 2]> = StaticCell::new();
    let failed = "the journal cannot be opened";
    if !wall::is_known() {
        // Another number than that of any boot whose readings the journal holds: it has grown since, or holds none.
        let next = store.bounds().map_err(|_| failed)?.next;
        wall::count_from(BootId(next as u8));
    }
    let properties = PROPERTIES.init([
        ("Properties/Firmware", firmware),
        (
            "Properties/Settings",
            if saved { "saved" } else { "NOT CONFIGURED" },
        ),
    ]);
    let now = wall::now();
    let definition = definition(settings, properties);
    let edge = match Session::open(definition, Config::DEFAULT, store, now.0 as u64, now) {
        Ok(edge) => edge,
        Err(OpenError::Definition(error)) => {
            say!("settings: {error}; doing nothing");
            return Ok(None);
        }
        Err(OpenError::Storage(_)) => return Err(failed),
    };
    let node = place.init_with(|| Node::new(edge, SCRATCH.take()));
    node.with(|edge| {
        let journal = edge.journal();
        let (held, next, epoch) = (journal.pending(), journal.next(), journal.epoch());
        say!("journal: {held} of {next} held, epoch {epoch:x}");
    });
    Ok(Some(node))
}

/// How the network is set up, and a seed for it that differs from start to start: a TCP port used again at once would
/// meet the old connection.
#[inline(never)]
pub fn network<S: Storage>(node: &Node<S>, settings: &Settings) -> (NetConfig, u64) {
    let next = node.with(|edge| edge.journal().next());
    let seed = wall::now().0 as u64 ^ next.rotate_left(32) ^ Instant::now().as_ticks();
    let config = match settings.network {
        Network::Dhcp => NetConfig::dhcpv4(Default::default()),
        Network::Static(Address { ip, prefix, gateway }) => NetConfig::ipv4_static(StaticConfigV4 {
            address: Ipv4Cidr::new(ip.into(), prefix.min(32)),
            gateway: Some(gateway.into()),
            dns_servers: Vec::new(),
        }),
    };
    (config, seed)
}

/// The node as the settings say.
#[inline(never)]
fn definition(
    settings: &'static Settings,
    properties: &'static [(&'static str, &'static str)],
) -> NodeDef<'static> {
    static METRICS: StaticCell<Vec<MetricDef<'static>, MAX_CHANNELS>> = StaticCell::new();
    static DEVICES: StaticCell<Vec<DeviceDef<'static>, MAX_DEVICES>> = StaticCell::new();
    let metrics = &*METRICS.init_with(|| settings.metric_defs());
    NodeDef {
        group: &settings.group,
        node: &settings.node,
        properties,
        metrics: vigil_firmware::health::METRICS,
        devices: DEVICES.init_with(|| settings.device_defs(metrics)),
    }
}
