//! `[[modbus]]`: connections and buses, and the devices on them.

use super::Config;
use super::files::read_utf8;
use crate::modbus::{DeviceSetup, LineSetup, Link, Serial};
use serde::{Serialize, Serializer};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use vigil_core::diagnostic::document::{Table, Value};
use vigil_core::diagnostic::{Diagnostic, Place, has_errors, suggestion};
use vigil_core::modbus::{RegisterMap, shipped_map, shipped_map_ids};
use vigil_protocol::sparkplug::check_id;

/// `[[modbus]]`: a serial bus, or devices reached over TCP.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModbusConnection {
    /// Name; its messages are filed under the node `group/name`.
    pub name: String,
    /// Group of that node.
    pub group: String,
    /// Where it is; `None` when each device says so itself.
    pub link: Option<Link>,
    /// Over TCP: the devices share one connection, as behind a gateway. Those of a serial line always do.
    pub shared: bool,
    /// How long connecting may take, ms.
    pub connect_ms: u64,
    /// How long nothing is said on a serial line after a request nobody answered, ms.
    pub quiet_ms: u64,
    /// How late an answer can come, ms.
    pub late_ms: u64,
    /// The devices.
    pub device: Vec<ModbusDevice>,
}

/// `[[modbus.device]]`: a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModbusDevice {
    /// Device id of its messages: what `device` of the equipment names.
    pub id: String,
    /// Where it is, if its connection does not say.
    pub link: Option<Link>,
    /// Unit address.
    pub unit: u8,
    /// What its registers mean.
    pub map: MapSource,
    /// How often it is polled, ms.
    pub period_ms: u64,
    /// How long it may take for an answer, ms.
    pub deadline_ms: u64,
}

/// Where a register map comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MapSource {
    /// A shipped one.
    Shipped(String),
    /// A file.
    Path(PathBuf),
}

impl Serialize for MapSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Shipped(id) => serializer.serialize_str(id),
            Self::Path(path) => serializer.collect_str(&path.display()),
        }
    }
}

const DEFAULT_GROUP: &str = "modbus";
const DEFAULT_PORT: u16 = 502;
const CONNECT_MS: u64 = 3_000;
const QUIET_MS: u64 = 200;
const LATE_MS: u64 = 10_000;
const PERIOD_MS: u64 = 1_000;
const DEADLINE_MS: u64 = 1_000;
const DAY_MS: i64 = 86_400_000;

/// The lines to poll, and what is worth knowing.
type Lines = (Vec<LineSetup>, Vec<Diagnostic>);

impl Config {
    /// Loads the register maps the devices name: what is to be polled. Warnings come beside it.
    ///
    /// # Errors
    /// Everything that is wrong with any of the maps.
    pub fn load_modbus(&self) -> Result<Lines, Vec<Diagnostic>> {
        let mut findings = Vec::new();
        let mut maps: HashMap<&MapSource, Option<Arc<RegisterMap>>> = HashMap::new();
        let mut lines = Vec::new();
        for connection in &self.modbus {
            let mut shared: Vec<DeviceSetup> = Vec::new();
            for device in &connection.device {
                let map = maps
                    .entry(&device.map)
                    .or_insert_with(|| load_map(&device.map, &self.base, &mut findings));
                let (Some(map), Some(link)) = (map, device.link.as_ref().or(connection.link.as_ref())) else {
                    continue;
                };
                let setup = device.setup(Arc::clone(map));
                if connection.shared {
                    shared.push(setup);
                } else {
                    lines.push(connection.line(link.clone(), vec![setup]));
                }
            }
            if let (Some(link), false) = (&connection.link, shared.is_empty()) {
                let line = connection.line(link.clone(), shared);
                findings.extend(line.crowded());
                lines.push(line);
            }
        }
        if has_errors(&findings) {
            Err(findings)
        } else {
            Ok((lines, findings))
        }
    }
}

impl ModbusConnection {
    fn line(&self, link: Link, devices: Vec<DeviceSetup>) -> LineSetup {
        // Over a connection of its own a late answer cannot reach the next request: the connection is gone by then.
        let late_ms = if self.shared { self.late_ms } else { 0 };
        LineSetup {
            name: self.name.as_str().into(),
            node: format!("{}/{}", self.group, self.name).into(),
            link,
            shared: self.shared,
            connect: Duration::from_millis(self.connect_ms),
            quiet: Duration::from_millis(self.quiet_ms),
            late: Duration::from_millis(late_ms),
            devices,
        }
    }
}

impl LineSetup {
    /// A serial line whose bytes take longer than the periods of its devices allow.
    fn crowded(&self) -> Option<Diagnostic> {
        let Link::Serial(serial) = &self.link else {
            return None;
        };
        let load: f64 = self
            .devices
            .iter()
            .map(|device| {
                // A request of 8 bytes, an answer of 5 and the data, 11 bits each, and a pause of 3.5 characters.
                let bytes: u32 = device
                    .map
                    .blocks
                    .iter()
                    .map(|block| 20 + u32::from(block.data_bytes()))
                    .sum();
                f64::from(bytes) * 11.0 / f64::from(serial.baud) / device.period.as_secs_f64()
            })
            .sum();
        (load > 0.9).then(|| {
            let message = format!(
                "the bytes alone take {:.0} % of the time of `{}`: its devices cannot all be polled that often",
                load * 100.0,
                self.name
            );
            Place::whole(&serial.path.display().to_string())
                .warning(message)
                .help("longer periods, fewer values, or more baud")
        })
    }
}

impl ModbusDevice {
    fn setup(&self, map: Arc<RegisterMap>) -> DeviceSetup {
        DeviceSetup {
            id: self.id.as_str().into(),
            unit: self.unit,
            map,
            period: Duration::from_millis(self.period_ms),
            deadline: Duration::from_millis(self.deadline_ms),
        }
    }
}

/// Loads a register map; relative paths start at `base`. What is wrong with it goes to `findings`.
pub(crate) fn load_map(
    source: &MapSource,
    base: &Path,
    findings: &mut Vec<Diagnostic>,
) -> Option<Arc<RegisterMap>> {
    let (name, map) = match source {
        MapSource::Shipped(id) => (format!("shipped:{id}"), shipped_map(id)),
        MapSource::Path(path) => {
            let path = base.join(path);
            let name = path.display().to_string();
            let text = read_utf8(&path).map_err(|finding| findings.push(finding)).ok()?;
            let (map, found) = RegisterMap::parse(&name, &text);
            findings.extend(found);
            (name, map)
        }
    };
    let map = map?;
    let unverified = map.unverified();
    if unverified > 0 {
        let message = format!(
            "{unverified} of the {} values of this map are not verified",
            map.points.len()
        );
        let help = "compare them with the device (vigil modbus read --map …), then say `confidence = \"verified\"` in a copy";
        findings.push(Place::whole(&name).warning(message).help(help));
    }
    Some(Arc::new(map))
}

/// Reads `[[modbus]]`.
pub(super) fn read(value: &Value<'_, '_>, base: &Path) -> Vec<ModbusConnection> {
    let mut connections: Vec<ModbusConnection> = Vec::new();
    for table in value.tables("a Modbus connection").unwrap_or_default() {
        let Some(connection) = read_connection(&table, base) else {
            continue;
        };
        let same_node =
            |other: &&ModbusConnection| (&other.group, &other.name) == (&connection.group, &connection.name);
        if connections.iter().any(|other| same_node(&other)) {
            let place = table.key_place("name");
            table.report(place.error(format!("two Modbus connections are called `{}`", connection.name)));
        }
        let is_port = |link: &&Link| matches!(link, Link::Serial(_));
        let path = |link: &Link| match link {
            Link::Serial(serial) => Some(serial.path.clone()),
            Link::Tcp(_) | Link::RtuOverTcp(_) => None,
        };
        if let Some(port) = connection.link.as_ref().filter(is_port).and_then(path)
            && let Some(other) = connections
                .iter()
                .find(|other| other.link.as_ref().and_then(path).as_ref() == Some(&port))
        {
            let place = table.key_place("serial");
            let message = format!("`{}` is already the port of `{}`", port.display(), other.name);
            table.report(
                place
                    .error(message)
                    .help("all devices of a bus belong to one [[modbus]]"),
            );
        }
        connections.push(connection);
    }
    connections
}

fn read_connection(table: &Table<'_, '_>, base: &Path) -> Option<ModbusConnection> {
    let name = table.require("name").and_then(|v| read_id(&v, "connection"));
    let group = table
        .get("group")
        .map_or(Some(DEFAULT_GROUP.to_owned()), |v| read_id(&v, "group"));
    let (tcp, serial, rtu) = (table.get("tcp"), table.get("serial"), table.get("rtu_over_tcp"));
    let given: Vec<_> = [&tcp, &serial, &rtu].into_iter().flatten().collect();
    if let [first, second, ..] = given[..] {
        let message = format!("`{}` and `{}` contradict each other", first.key(), second.key());
        second.error(
            message,
            Some("a connection is one of tcp, serial and rtu_over_tcp".into()),
        );
    }
    for key in ["baud", "parity", "stop_bits"] {
        if serial.is_none()
            && let Some(value) = table.get(key)
        {
            value.error(
                format!("`{key}` is for a serial port"),
                Some("serial = \"/dev/ttyUSB0\"".into()),
            );
        }
    }
    let has_link = !given.is_empty();
    // Read whatever else is there, so that its keys are known.
    let port = serial
        .as_ref()
        .map(|path| read_serial(table, path).map(Link::Serial));
    let link = match (tcp, port, rtu) {
        (Some(at), ..) => read_host(&at, Some(DEFAULT_PORT)).map(Link::Tcp),
        (_, Some(port), _) => port,
        (.., Some(at)) => read_host(&at, None).map(Link::RtuOverTcp),
        (None, None, None) => None,
    };
    let is_rtu = table.has("serial") || table.has("rtu_over_tcp");
    let shared = table.get("shared");
    if let (Some(shared), true) = (&shared, is_rtu || !has_link) {
        let why = if is_rtu {
            "the devices of a serial line always share it"
        } else {
            "there is no `tcp` to share"
        };
        shared.error(
            format!("`shared` is for devices behind one `tcp` address: {why}"),
            None,
        );
    }
    let shared = shared.and_then(|v| v.bool()).unwrap_or(false) || is_rtu;
    let ms = |key, default: u64| read_ms(table, key, 1..=DAY_MS).unwrap_or(default);
    let quiet = table.get("quiet");
    let late = table.get("late");
    for value in [&quiet, &late].into_iter().flatten() {
        if !shared {
            let help = "for serial lines, and for `shared` connections";
            value.error(
                format!("`{}` has no meaning here", value.key()),
                Some(help.into()),
            );
        }
    }
    let (period, deadline) = (ms("period", PERIOD_MS), ms("deadline", DEADLINE_MS));
    let defaults = Defaults {
        period,
        deadline,
        is_rtu,
        has_link,
        base,
    };
    let devices = table.require("device").and_then(|v| v.tables("a Modbus device"));
    let device = read_devices(devices.as_deref().unwrap_or_default(), &defaults);
    let connection = ModbusConnection {
        name: name?,
        group: group?,
        link,
        shared,
        connect_ms: ms("connect", CONNECT_MS),
        quiet_ms: ms("quiet", QUIET_MS),
        late_ms: ms("late", LATE_MS),
        device,
    };
    table.finish();
    Some(connection)
}

/// What holds for the devices of a connection that do not say otherwise.
#[derive(Debug)]
struct Defaults<'p> {
    period: u64,
    deadline: u64,
    is_rtu: bool,
    has_link: bool,
    base: &'p Path,
}

fn read_devices(tables: &[Table<'_, '_>], defaults: &Defaults<'_>) -> Vec<ModbusDevice> {
    let mut devices: Vec<ModbusDevice> = Vec::new();
    for table in tables {
        let id = table.require("id").and_then(|v| read_id(&v, "device"));
        if let Some(id) = &id
            && devices.iter().any(|other| other.id == *id)
        {
            let place = table.key_place("id");
            table.report(place.error(format!("two devices of this connection are called `{id}`")));
        }
        let tcp = table.get("tcp");
        match &tcp {
            Some(tcp) if defaults.has_link => {
                tcp.error(
                    "the connection already says where its devices are",
                    Some("one of them".into()),
                );
            }
            None if !defaults.has_link => {
                let help = "tcp = \"host:502\" here or in [[modbus]], or serial, or rtu_over_tcp there";
                table.error("nothing says where this device is", Some(help.into()));
            }
            _ => {}
        }
        let link = tcp.and_then(|v| read_host(&v, Some(DEFAULT_PORT))).map(Link::Tcp);
        let units = if defaults.is_rtu { 1..=247 } else { 0..=255 };
        let unit = match table.get("unit") {
            Some(value) => value.whole(units),
            None => Some(1),
        };
        let map = table.require("map").and_then(|v| read_map(&v, defaults.base));
        let period_ms = read_ms(table, "period", 10..=DAY_MS).unwrap_or(defaults.period);
        let deadline_ms = read_ms(table, "deadline", 1..=60_000).unwrap_or(defaults.deadline);
        table.finish();
        let (Some(id), Some(unit), Some(map)) = (id, unit, map) else {
            continue;
        };
        devices.push(ModbusDevice {
            id,
            link,
            unit: unit as u8,
            map,
            period_ms,
            deadline_ms,
        });
    }
    devices
}

fn read_id(value: &Value<'_, '_>, what: &str) -> Option<String> {
    let text = value.text()?;
    if let Err(error) = check_id(text) {
        value.error(format!("`{text}` is not a {what} id: {error}"), None);
        return None;
    }
    Some(text.to_owned())
}

fn read_ms(table: &Table<'_, '_>, key: &'static str, range: std::ops::RangeInclusive<i64>) -> Option<u64> {
    let value = table.get(key)?;
    let ms = value.duration_ms()?;
    if !range.contains(&ms) {
        let message = format!("`{key}` must be between {} and {} ms", range.start(), range.end());
        value.error(message, None);
        return None;
    }
    u64::try_from(ms).ok()
}

/// `host:port`; over Modbus TCP the port may be left out.
fn read_host(value: &Value<'_, '_>, port: Option<u16>) -> Option<String> {
    let text = value.text()?;
    let found = host_and_port(text, port);
    if found.is_none() {
        let help = "host and port, such as \"10.0.0.8:502\"";
        value.error(
            format!("`{text}` is not the address of a device"),
            Some(help.into()),
        );
    }
    found
}

/// `host:port` with the port filled in.
pub(crate) fn host_and_port(text: &str, port: Option<u16>) -> Option<String> {
    let (host, given) = match text.rsplit_once(':') {
        // A colon inside the brackets of an IPv6 address is not the one before a port.
        Some((host, given)) if !given.contains(']') => (host, Some(given)),
        _ => (text, None),
    };
    let port = match given {
        Some(given) => given.parse().ok().filter(|port| *port != 0)?,
        None => port?,
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@');
    (!host.is_empty() && !host.contains(odd)).then(|| format!("{host}:{port}"))
}

fn read_serial(table: &Table<'_, '_>, path: &Value<'_, '_>) -> Option<Serial> {
    const PARITIES: &[(&str, &str)] = &[("none", "none"), ("even", "even"), ("odd", "odd")];
    let baud = table
        .get("baud")
        .map_or(Some(9_600), |v| v.whole(300..=4_000_000));
    let parity = table.get("parity").map_or(Some("none"), |v| v.choice(PARITIES));
    let stop_bits = table.get("stop_bits").map_or(Some(1), |v| v.whole(1..=2));
    Some(Serial {
        path: path.text()?.into(),
        baud: u32::try_from(baud?).ok()?,
        parity: parity?,
        stop_bits: stop_bits? as u8,
    })
}

/// The id of a shipped map, or a file.
fn read_map(value: &Value<'_, '_>, base: &Path) -> Option<MapSource> {
    let text = value.text()?;
    if shipped_map_ids().any(|id| id == text) {
        return Some(MapSource::Shipped(text.to_owned()));
    }
    let path = PathBuf::from(text);
    if base.join(&path).is_file() {
        return Some(MapSource::Path(path));
    }
    let looks_like_a_file =
        path.extension().is_some_and(|extension| extension == "toml") || text.contains('/');
    let help = if looks_like_a_file {
        Some(format!("looked for {}", base.join(&path).display()))
    } else {
        suggestion(text, shipped_map_ids())
    };
    value.error(
        format!("`{text}` is neither a shipped register map nor a file"),
        help,
    );
    None
}

#[cfg(test)]
mod tests {
    use super::host_and_port;
    use crate::config::Config;
    use std::path::Path;
    use std::time::Duration;

    #[test]
    fn devices_of_a_serial_line_share_it_and_those_over_tcp_have_one_each() {
        let devices = "[[modbus.device]]\nid = \"a\"\nunit = 7\nmap = \"monarch-nice3000plus\"\nperiod = \"5s\"\n\
                       [[modbus.device]]\nid = \"b\"\nmap = \"generic-pressure-transmitter\"\n";
        let shape = |keys: &str| {
            let text = format!("[[modbus]]\nname = \"x\"\n{keys}\n{devices}");
            let (config, _) = Config::parse("t", &text, Path::new("")).unwrap();
            let (lines, findings) = config.load_modbus().unwrap();
            assert_eq!(findings, []);
            lines
                .iter()
                .map(|line| (line.link.to_string(), line.devices.len(), line.late.as_secs()))
                .collect::<Vec<_>>()
        };
        let tcp = || ("tcp 10.0.0.8:502".to_owned(), 1, 0);
        assert_eq!(shape("tcp = \"10.0.0.8\""), [tcp(), tcp()]);
        let shared = ("tcp 10.0.0.8:502".to_owned(), 2, 10);
        assert_eq!(shape("tcp = \"10.0.0.8\"\nshared = true"), [shared]);
        let rtu = ("rtu over tcp h:4001".to_owned(), 2, 3);
        assert_eq!(shape("rtu_over_tcp = \"h:4001\"\nlate = \"3s\""), [rtu]);
        let serial = ("/dev/ttyS1 19200 8E2".to_owned(), 2, 10);
        let keys = "serial = \"/dev/ttyS1\"\nbaud = 19200\nparity = \"even\"\nstop_bits = 2";
        assert_eq!(shape(keys), [serial]);
    }

    #[test]
    fn a_device_takes_its_times_from_its_connection_or_says_them() {
        let text = "[[modbus]]\nname = \"x\"\nperiod = \"2s\"\ndeadline = \"300ms\"\n\
                    [[modbus.device]]\nid = \"a\"\ntcp = \"h\"\nmap = \"monarch-nice3000plus\"\n\
                    [[modbus.device]]\nid = \"b\"\ntcp = \"i:1502\"\nmap = \"monarch-nice3000plus\"\nperiod = \"500ms\"\n";
        let (config, _) = Config::parse("t", text, Path::new("")).unwrap();
        let (lines, _) = config.load_modbus().unwrap();
        let times: Vec<_> = lines
            .iter()
            .map(|line| {
                (
                    line.link.to_string(),
                    line.devices[0].period,
                    line.devices[0].deadline,
                )
            })
            .collect();
        let ms = Duration::from_millis;
        assert_eq!(
            times,
            [
                ("tcp h:502".to_owned(), ms(2_000), ms(300)),
                ("tcp i:1502".to_owned(), ms(500), ms(300))
            ]
        );
        assert!(
            std::sync::Arc::ptr_eq(&lines[0].devices[0].map, &lines[1].devices[0].map),
            "read once"
        );
    }

    #[test]
    fn addresses_are_host_and_port() {
        let cases = [
            ("10.0.0.8", Some("10.0.0.8:502")),
            ("10.0.0.8:1502", Some("10.0.0.8:1502")),
            ("[::1]", Some("[::1]:502")),
            ("[::1]:1502", Some("[::1]:1502")),
            ("plc.example.org", Some("plc.example.org:502")),
            (":502", None),
            ("host:0", None),
            ("host:x", None),
            ("tcp://host:502", None),
            ("a b", None),
        ];
        for (text, expected) in cases {
            assert_eq!(host_and_port(text, Some(502)).as_deref(), expected, "{text}");
        }
        assert_eq!(host_and_port("host", None), None);
    }
}
