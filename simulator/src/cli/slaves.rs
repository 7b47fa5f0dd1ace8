//! `vigil-sim slaves`

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use vigil_simulator::run::Speed;
use vigil_simulator::slave::{OnSlaveNews, Port, ServeOptions, SlaveNews, SlavesReport, serve};

use super::{complain, find, interrupted, print};

/// Serves the Modbus RTU slaves of a scenario ([[site.slave]]): transmitters, remote I/O and lift controllers whose
/// registers follow the same plant models as `run`. They answer functions 3 and 4 only; anything else is refused, and
/// what would have written is counted.
#[derive(Args)]
#[command(after_help = "\
Simulated time begins with the first request that a slave understands, so that a board may take its time to boot.
The faults of the scenario (slave_late, slave_bad_crc, slave_wrong_unit, slave_silent, slave_noise, slave_slow,
slave_exception) hit the same replies in every run, and the report counts each of them.

Under QEMU:   vigil-sim slaves wired --listen 127.0.0.1:5020
              qemu-system-arm … -serial tcp:127.0.0.1:5020,nodelay=on,reconnect=1
By hand:      mbpoll -m rtu -b 9600 -P none -a 2 -t 4 -0 -r 2 -c 3 /dev/ttyUSB0    (after --serial on the other end)")]
pub(super) struct SlavesArgs {
    /// A built-in scenario with slaves (`wired`, `bench`) or a file.
    scenario: String,
    /// Listen here for the master, raw RTU bytes over TCP; port 0 takes a free one. Once for each line of the
    /// scenario, in their order.
    #[arg(long, value_name = "ADDRESS:PORT", required_unless_present = "serial")]
    listen: Vec<SocketAddr>,
    /// Serial port or pseudo-terminal to the master, 8N1. Once for each line of the scenario, in their order.
    #[arg(long, value_name = "PATH", conflicts_with = "listen")]
    serial: Vec<PathBuf>,
    /// Bits per second of the serial ports.
    #[arg(long, default_value_t = 9_600, requires = "serial")]
    baud: u32,
    /// Simulated seconds a second. Durations that rules count shrink with it.
    #[arg(long, default_value = "1")]
    speed: Speed,
    /// Begin simulated time at once, not with the first request.
    #[arg(long)]
    at_once: bool,
    /// Seconds to go on answering after the end of the scenario.
    #[arg(long, default_value_t = 0)]
    linger: u64,
    /// News and report as JSON, one object a line.
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(args: SlavesArgs) -> anyhow::Result<ExitCode> {
    let scenario = find(&args.scenario)?;
    let Speed::Times(speed) = args.speed else {
        anyhow::bail!("slaves answer in real time: --speed needs a number");
    };
    let baud = args.baud;
    let listen = args.listen.into_iter().map(Port::Listen);
    let serial = args.serial.into_iter().map(|path| Port::Serial { path, baud });
    let ports = listen.chain(serial).collect();
    let json = args.json;
    let news = move |news: &SlaveNews| {
        let line = if json {
            serde_json::to_string(news).unwrap_or_default()
        } else {
            said(news)
        };
        if let Err(error) = print(&(line + "\n")) {
            complain(&format!("{error:#}"));
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let options = ServeOptions {
            ports,
            speed,
            at_once: args.at_once,
            linger: Duration::from_secs(args.linger),
            cancel: interrupted(),
            news: Some(Arc::new(news) as OnSlaveNews),
        };
        serve(scenario, options).await
    })?;
    if json {
        print(&(serde_json::to_string(&report)? + "\n"))?;
    } else {
        print(&table(&report))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn said(news: &SlaveNews) -> String {
    match news {
        SlaveNews::Ready { line, at } => format!("line {line}: {at}"),
        SlaveNews::Connected { line } => format!("line {line}: connected"),
        SlaveNews::Disconnected { line } => format!("line {line}: disconnected"),
        SlaveNews::Began { .. } => "simulated time begins".to_owned(),
        SlaveNews::Fault {
            at_ms,
            slave,
            what,
            on,
            ..
        } => {
            let turn = if *on { "begins" } else { "ends" };
            format!("{:>7.2} s  {slave}: {what} {turn}", seconds(*at_ms))
        }
        SlaveNews::Changed {
            at_ms,
            slave,
            register,
            value,
            ..
        } => format!(
            "{:>7.2} s  {slave}: register {register:#06x} = {value}",
            seconds(*at_ms)
        ),
        SlaveNews::Ended { .. } => "the scenario is over".to_owned(),
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

fn table(report: &SlavesReport) -> String {
    let mut text = String::new();
    let names = [
        "heard", "answered", "refused", "late", "crc", "unit", "silent", "noise", "slow", "exc", "missed",
        "writes",
    ];
    // Writing to a string cannot fail.
    let mut line = |first: &str, cells: &[String]| {
        write!(text, "{first:<28}").unwrap_or(());
        cells
            .iter()
            .for_each(|cell| write!(text, "{cell:>9}").unwrap_or(()));
        text.push('\n');
    };
    line("slave", &names.map(str::to_owned));
    for slave in &report.slaves {
        let c = slave.counts;
        let counts = [
            c.heard,
            c.answered,
            c.refused,
            c.late,
            c.bad_crc,
            c.wrong_unit,
            c.silent,
            c.noise,
            c.slow,
            c.exception,
            c.missed,
            c.writes,
        ];
        let name = format!("{} ({}/{})", slave.slave, slave.line, slave.unit);
        line(&name, &counts.map(|count| count.to_string()));
    }
    for line in &report.lines {
        let c = line.counts;
        writeln!(
            text,
            "line {}: {} connection(s), {} request(s) to others, {} to everybody, {} stray byte(s)",
            line.line, line.connects, c.strangers, c.broadcasts, c.stray_bytes
        )
        .unwrap_or(());
    }
    for must in &report.truth.must {
        let severity = must.severity.as_deref().unwrap_or("any severity");
        writeln!(
            text,
            "must open: {} {} ({severity}): {}",
            must.equipment, must.rule, must.why
        )
        .unwrap_or(());
    }
    for pattern in &report.truth.must_not {
        writeln!(
            text,
            "must not open: {} {}: {}",
            pattern.equipment, pattern.rule, pattern.why
        )
        .unwrap_or(());
    }
    let state = if report.finished {
        "to its end"
    } else {
        "interrupted"
    };
    writeln!(
        text,
        "{}: {:.1} s served, {state}",
        report.scenario,
        seconds(report.simulated_ms)
    )
    .unwrap_or(());
    text
}
