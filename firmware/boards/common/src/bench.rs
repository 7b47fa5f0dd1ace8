//! What a board does as long as nobody has told it anything else: one boiler with a pressure transmitter
//! and a pressure switch on the RS-485 line, and a broker at 10.0.2.100.

use heapless::{String, Vec};
use vigil_firmware::drivers::Source;
use vigil_firmware::provisioning::{Channel, Port, Settings};
use vigil_protocol::vocabulary::Quantity;

/// Position of the boiler among the devices.
const BOILER: u8 = 0;
/// RS-485 line, and the slaves on it.
const LINE: u8 = 0;
const TRANSMITTER: u8 = 1;

const CHANNELS: [Channel; 1] = [Channel::new(
    BOILER,
    Quantity::SteamPressure,
    Source::PressureTransmitter {
        port: LINE,
        slave: TRANSMITTER,
    },
    100,
)];

/// The settings, the node being called `node`.
#[inline(never)]
pub(crate) fn settings(node: &str) -> Settings {
    // All of these fit.
    fn text<const N: usize>(text: &str) -> String<N> {
        String::try_from(text).unwrap_or_default()
    }
    Settings {
        group: text("bench"),
        node: text(node),
        broker: text("10.0.2.100"),
        ports: [Port {
            baud: 115_200,
            reply_ms: 50,
        }; 2],
        devices: Vec::from_iter([text("boiler")]),
        channels: Vec::from_slice(&CHANNELS).unwrap_or_default(),
        ..Settings::EMPTY
    }
}
