//! `vigil modbus`: is anybody there, what do the registers hold. Reads only.

mod probe;
mod read;
mod scan;
mod table;

use super::{complain, print, runtime};
use crate::config::{MapSource, host_and_port, load_map};
use crate::modbus::{Link, Serial, Session};
use clap::{Args, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use vigil_core::modbus::{Function, RegisterMap, shipped_map_ids};

/// Looks at Modbus devices on site, before they are configured. Nothing is ever written.
#[derive(Debug, Args)]
pub(super) struct ModbusArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Is anybody there, how fast does it answer, and which shipped register maps fit it?
    Probe(probe::ProbeArgs),
    /// What the registers hold, under every type and order; or the named values of a register map.
    Read(read::ReadArgs),
    /// Who is on the line, or which registers a device has.
    Scan(scan::ScanArgs),
    /// The shipped register maps; with an id, its text to copy and change.
    Maps {
        /// Id of a map.
        id: Option<String>,
    },
}

/// Where the device is.
#[derive(Debug, Args)]
struct Target {
    /// Modbus TCP.
    #[arg(long, value_name = "HOST[:PORT]", group = "where")]
    tcp: Option<String>,
    /// Modbus RTU on a serial port.
    #[arg(long, value_name = "PORT", group = "where")]
    serial: Option<PathBuf>,
    /// Modbus RTU through a serial server.
    #[arg(long, value_name = "HOST:PORT", group = "where")]
    rtu_over_tcp: Option<String>,
    /// Bits per second of the serial port.
    #[arg(long, default_value_t = 9_600, requires = "serial")]
    baud: u32,
    /// Parity of the serial port.
    #[arg(long, value_enum, default_value_t = ParityArg::None, requires = "serial")]
    parity: ParityArg,
    /// Stop bits of the serial port.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2), requires = "serial")]
    stop_bits: u8,
    /// How long an answer may take [default: 1s; for a scan of units 250ms].
    #[arg(long, value_parser = duration)]
    deadline: Option<Duration>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ParityArg {
    None,
    Even,
    Odd,
}

/// A function that reads, by number.
fn function(text: &str) -> Result<Function, String> {
    let code = text.parse().ok().and_then(Function::from_code);
    code.ok_or_else(|| "1 coils, 2 discrete inputs, 3 holding registers, 4 input registers".to_owned())
}

/// An address, decimal or hexadecimal.
fn address(text: &str) -> Result<u16, String> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| "0 to 65535, or 0x0 to 0xffff".to_owned())
}

/// `500ms`, `2s`.
fn duration(text: &str) -> Result<Duration, String> {
    let parse = |digits: &str, factor: u64| digits.trim().parse::<u64>().ok()?.checked_mul(factor);
    let ms = match text.strip_suffix("ms") {
        Some(digits) => parse(digits, 1),
        None => text.strip_suffix('s').and_then(|digits| parse(digits, 1_000)),
    };
    ms.filter(|ms| (1..=600_000).contains(ms))
        .map(Duration::from_millis)
        .ok_or_else(|| "such as 500ms or 2s, at most 600s".to_owned())
}

impl Target {
    fn link(&self) -> Result<Link, String> {
        let host = |text: &str, port| {
            host_and_port(text, port)
                .ok_or_else(|| format!("`{text}` is not HOST:PORT, such as 10.0.0.8:502"))
        };
        if let Some(tcp) = &self.tcp {
            return host(tcp, Some(502)).map(Link::Tcp);
        }
        if let Some(at) = &self.rtu_over_tcp {
            return host(at, None).map(Link::RtuOverTcp);
        }
        let Some(path) = &self.serial else {
            return Err(
                "where is the device? --tcp HOST, --serial PORT or --rtu-over-tcp HOST:PORT".to_owned(),
            );
        };
        Ok(Link::Serial(Serial {
            path: path.clone(),
            baud: self.baud,
            parity: match self.parity {
                ParityArg::None => "none",
                ParityArg::Even => "even",
                ParityArg::Odd => "odd",
            },
            stop_bits: self.stop_bits,
        }))
    }

    fn deadline(&self) -> Duration {
        self.deadline.unwrap_or(Duration::from_secs(1))
    }
}

/// Connecting takes longer than an answer: names are looked up, routes found.
fn session(link: &Link, deadline: Duration) -> Session {
    let connect = deadline.max(Duration::from_secs(3));
    Session::new(link.clone(), connect, deadline.min(Duration::from_millis(500)))
}

/// A shipped map by id, or a file.
fn named_map(name: &str) -> Result<Arc<RegisterMap>, String> {
    let source = if shipped_map_ids().any(|id| id == name) {
        MapSource::Shipped(name.to_owned())
    } else if Path::new(name).is_file() {
        MapSource::Path(name.into())
    } else {
        let shipped = shipped_map_ids().collect::<Vec<_>>().join(", ");
        return Err(format!(
            "`{name}` is neither a file nor a shipped register map ({shipped})"
        ));
    };
    let mut findings = Vec::new();
    let map = load_map(&source, Path::new(""), &mut findings);
    map.ok_or_else(|| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })
}

pub(super) fn main(args: &ModbusArgs) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let done = runtime.block_on(async {
        match &args.command {
            Command::Probe(args) => probe::run(args).await,
            Command::Read(args) => read::run(args).await,
            Command::Scan(args) => scan::run(args).await,
            Command::Maps { id } => maps(id.as_deref()),
        }
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("vigil: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn maps(id: Option<&str>) -> Result<bool, String> {
    if let Some(id) = id {
        let shipped = || shipped_map_ids().collect::<Vec<_>>().join(", ");
        let text = vigil_core::modbus::shipped_map_text(id);
        print(
            text.ok_or_else(|| format!("no shipped map is called `{id}`; there are {}", shipped()))?
                .trim_end(),
        );
        return Ok(true);
    }
    let mut table = table::Table::new(&["id", "values", "confidence", "title"]);
    for map in shipped_map_ids().filter_map(vigil_core::modbus::shipped_map) {
        table.row([
            map.id.to_string(),
            map.points.len().to_string(),
            map.confidence.key().to_owned(),
            map.title_en.to_string(),
        ]);
    }
    print(table.to_string().trim_end());
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::{address, duration, function};
    use std::time::Duration;

    #[test]
    fn arguments_are_read_as_people_write_them() {
        assert_eq!(
            (address("16"), address("0x10"), address("0XFFFF")),
            (Ok(16), Ok(16), Ok(0xffff))
        );
        assert!(address("65536").is_err() && address("x").is_err());
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        assert!(duration("5").is_err() && duration("0ms").is_err() && duration("601s").is_err());
        assert!(function("3").is_ok() && function("6").is_err());
    }
}
