//! Many Modbus TCP devices polled by one `vigil run`: is every period kept, is every value right, what does it cost?
//!
//! `cargo run --release -p vigil-tests --bin modbus-bench -- --devices 500 --silent 50`; build the gateway first
//! (`cargo build --release -p vigil-gateway`). The devices are in this process, each on a port of its own on loopback;
//! every value they give says whose it is, which it is, and when it was read. At the end the gateway's log is read back
//! and every value in it is judged.
#![allow(clippy::print_stdout, reason = "a program of the tests")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a program of the tests fails by panicking"
)]

use clap::Parser;
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Row as _};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::atomic::Ordering;
use std::time::Duration;
use vigil_core::modbus::{ImageView, RegisterMap};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{EquipmentClass, Quantity, QuantityKind};
use vigil_tests::modbus::{Framing, Manner, Slaves, VALUES, judge, map, map_text};
use vigil_tests::process::{Process, binary};

#[derive(Parser)]
struct Args {
    /// Devices, of 30 values each.
    #[arg(long, default_value_t = 500)]
    devices: usize,
    /// So many of them are dead: they take connections and never answer.
    #[arg(long, default_value_t = 0)]
    silent: usize,
    /// So many of them answer late.
    #[arg(long, default_value_t = 0)]
    late: usize,
    /// How late, ms.
    #[arg(long, default_value_t = 5_000)]
    late_ms: u64,
    /// Period of each device, ms.
    #[arg(long, default_value_t = 1_000)]
    period_ms: u64,
    /// How long to measure.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How long to wait before.
    #[arg(long, default_value_t = 10)]
    warm_up: u64,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Nobody has to reach the end of a stop that long.
const STOP: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if runtime.block_on(run(&args)) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run(args: &Args) -> bool {
    let late = Manner::Late(Duration::from_millis(args.late_ms));
    // Spread over the others, as misfortune is.
    let odd = args.silent + args.late;
    let manner = |slave: usize| {
        let nth = |slave: usize| slave * odd / args.devices.max(1);
        match nth(slave + 1) - nth(slave) {
            0 => Manner::Prompt,
            _ if nth(slave) < args.silent => Manner::Silent,
            _ => late,
        }
    };
    let manners: Vec<Manner> = (0..args.devices).map(manner).collect();
    let slaves = Slaves::start(Framing::Tcp, manners.clone()).await;
    let dir = tempfile::tempdir().expect("a directory");
    configure(dir.path(), args, &slaves);

    let mut command = Command::new(binary("vigil"));
    command
        .arg("run")
        .arg("--config")
        .arg(dir.path().join("vigil.toml"));
    let log = dir.path().join("log");
    let mut gateway = tokio::task::spawn_blocking(move || {
        let mut gateway = Process::start_logged("vigil", &mut command, &log);
        gateway.wait_for("http://", Duration::from_secs(60));
        gateway
    })
    .await
    .expect("it starts");
    let pid = gateway.id();
    tokio::time::sleep(Duration::from_secs(args.warm_up)).await;
    let (from, cpu) = (now(), cpu_ms(pid));
    tokio::time::sleep(Duration::from_secs(args.seconds)).await;
    let (to, cpu) = (now(), cpu_ms(pid) - cpu);
    let (rss, peak) = (kib(pid, "VmRSS"), kib(pid, "VmHWM"));
    let others = slaves.counts().others.load(Ordering::Relaxed);
    tokio::task::spawn_blocking(move || gateway.terminate(STOP))
        .await
        .expect("it stops");

    let found = read_back(&dir.path().join("data/vigil.db"), from, to).await;
    let seconds = (to.0 - from.0) as f64 / 1_000.0;
    let mut prompt = Kept::default();
    let (mut right_of_others, mut wrong) = (0, Vec::new());
    for (slave, manner) in manners.iter().enumerate() {
        let device = found.get(&(slave as u16)).cloned().unwrap_or_default();
        wrong.extend(device.wrong.iter().cloned());
        if *manner == Manner::Prompt {
            prompt.add(&device, from, to, args.period_ms);
        } else {
            right_of_others += device.right;
        }
    }
    let per_core = cpu as f64 / seconds / 10.0;
    let ok = wrong.is_empty() && prompt.missed == 0 && right_of_others == 0 && others == 0;
    let report = json!({
        "devices": args.devices, "silent": args.silent, "late": args.late, "late_ms": args.late_ms, "period_ms": args.period_ms,
        "seconds": seconds, "polls": prompt.polls, "values": prompt.values, "missing": prompt.missing,
        "periods_missed": prompt.missed, "longest_gap_ms": prompt.longest, "gap_p99_ms": prompt.p99(),
        "wrong": wrong.len(), "values_of_silent_and_late": right_of_others, "writes": others,
        "cpu_percent": per_core, "rss_mib": rss as f64 / 1_024.0, "peak_mib": peak as f64 / 1_024.0, "held": ok,
    });
    if args.json {
        println!("{report}");
    } else {
        println!("{report:#}");
    }
    for line in wrong.iter().take(20) {
        println!("wrong: {line}");
    }
    ok
}

/// How well the prompt devices' periods were kept.
#[derive(Default)]
struct Kept {
    polls: u64,
    values: u64,
    missing: u64,
    missed: u64,
    longest: i64,
    gaps: Vec<i64>,
}

impl Kept {
    fn add(&mut self, device: &Device, from: UtcMillis, to: UtcMillis, period_ms: u64) {
        self.polls += device.polls.len() as u64;
        self.values += device.right;
        self.missing += device.missing;
        let period = period_ms as i64;
        // A period without a poll in it: two polls are further apart than that period and half of the next.
        let bounds = [from.0]
            .into_iter()
            .chain(device.polls.iter().copied())
            .chain([to.0]);
        let bounds: Vec<i64> = bounds.collect();
        for (at, pair) in bounds.windows(2).enumerate() {
            let gap = pair[1] - pair[0];
            self.missed += ((gap - period / 2).max(0) / period) as u64;
            if at > 0 && at + 2 < bounds.len() {
                self.longest = self.longest.max(gap);
                self.gaps.push(gap);
            }
        }
    }

    fn p99(&self) -> i64 {
        let mut gaps = self.gaps.clone();
        gaps.sort_unstable();
        gaps.get(gaps.len() * 99 / 100).copied().unwrap_or(0)
    }
}

/// What the log has of a device.
#[derive(Clone, Default)]
struct Device {
    /// Times of the polls.
    polls: Vec<i64>,
    right: u64,
    missing: u64,
    wrong: Vec<String>,
}

async fn read_back(database: &Path, from: UtcMillis, to: UtcMillis) -> BTreeMap<u16, Device> {
    let mut database = SqliteConnectOptions::new()
        .filename(database)
        .connect()
        .await
        .expect("the database opens");
    let rows = sqlx::query(
        "SELECT d.name, m.payload, m.received FROM messages m JOIN devices d ON d.id = m.device_id \
         WHERE m.source = 2 ORDER BY m.position",
    )
    .fetch_all(&mut database)
    .await
    .expect("the log can be read");
    let map: RegisterMap = map();
    let mut found: BTreeMap<u16, Device> = BTreeMap::new();
    for row in rows {
        let (name, payload, received): (String, Vec<u8>, i64) = (row.get(0), row.get(1), row.get(2));
        let slave = name
            .strip_prefix("plc-")
            .and_then(|number| number.parse().ok())
            .expect("one of ours");
        let device = found.entry(slave).or_default();
        let verdict = judge(&map, slave, &payload, UtcMillis(received));
        // Wrong is wrong whenever it was.
        device.wrong.extend(verdict.wrong);
        let at = ImageView::parse(&payload).expect("a poll").at;
        if (from.0..to.0).contains(&at.0) {
            device.polls.push(at.0);
            device.right += verdict.right;
            device.missing += verdict.missing;
        }
    }
    found
}

/// Every device is a piece of equipment with as many channels as a boiler has numbers; there are no rules, whose alarms
/// would be what is measured.
fn configure(dir: &Path, args: &Args, slaves: &Slaves) {
    let mut config =
        "catalog = [\"site.toml\"]\nrules = []\n[listen]\nhttp = \"127.0.0.1:0\"\nmqtt = \"127.0.0.1:0\"\n\
                      [store]\ndata = \"data\"\n[[modbus]]\nname = \"plant\"\n"
            .to_owned();
    writeln!(config, "period = \"{}ms\"", args.period_ms).expect("text");
    let quantities: Vec<&Quantity> = Quantity::ALL
        .iter()
        .filter(|quantity| quantity.fits(EquipmentClass::SteamBoiler))
        .filter(|quantity| matches!(quantity.kind(), QuantityKind::Analog | QuantityKind::Counter))
        .take(VALUES.into())
        .collect();
    let mut site = String::new();
    for (slave, at) in slaves.at.iter().enumerate() {
        writeln!(
            config,
            "[[modbus.device]]\nid = \"plc-{slave}\"\ntcp = \"{at}\"\nmap = \"honest.toml\""
        )
        .expect("text");
        writeln!(
            site,
            "[[equipment]]\nid = \"boiler-{slave}\"\nname = \"b\"\ncategory = \"1100\"\nnode = \"modbus/plant\"\ndevice = \"plc-{slave}\""
        )
        .expect("text");
        for (index, quantity) in quantities.iter().enumerate() {
            writeln!(
                site,
                "[[equipment.channel]]\nquantity = \"{quantity}\"\nmetric = \"v{index}\"\nplausible = [0, 1e10]\ninterval = \"1s\""
            )
            .expect("text");
        }
    }
    for (name, text) in [
        ("vigil.toml", config),
        ("site.toml", site),
        ("honest.toml", map_text()),
    ] {
        std::fs::write(dir.join(name), text).expect("written");
    }
}

fn now() -> UtcMillis {
    vigil_gateway::clock::Clock::system().now()
}

/// User and system time of a process so far.
fn cpu_ms(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    // The 12th and 13th field after the name, in hundredths of a second.
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|field| field.parse::<u64>().ok())
            .unwrap_or(0)
    };
    (ticks(11) + ticks(12)) * 10
}

fn kib(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}
