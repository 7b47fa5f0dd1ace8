//! How long every list page and search takes with a province's data: server time over HTTP on loopback.
//!
//! `cargo run --release -p vigil-tests --bin desk-bench -- --data DIR`; build the gateway first
//! (`cargo build --release -p vigil-gateway`). An empty DIR is filled (1,000,000 hazards, 100,000 pieces of equipment);
//! one that is filled is used again. Every list of the API and every page is asked with every filter, and with every two
//! of them, in the names of people who see everything, a province, a county, a big site, a small one.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program of the tests")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a program of the tests fails by panicking"
)]

use clap::Parser;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use vigil_tests::desk::ask::{Facts, List, lists, pairs, percentile, query};
use vigil_tests::desk::fill::{Size, complete, fill};
use vigil_tests::desk::people::Asker;
use vigil_tests::process::{Process, binary};

#[derive(Parser)]
struct Args {
    /// Where the data are, or are to be.
    #[arg(long)]
    data: PathBuf,
    /// Hazards.
    #[arg(long, default_value_t = 1_000_000)]
    hazards: u64,
    /// Pieces of equipment.
    #[arg(long, default_value_t = 100_000)]
    equipment: usize,
    /// Users.
    #[arg(long, default_value_t = 5_000)]
    users: usize,
    /// Entries of the audit log.
    #[arg(long, default_value_t = 200_000)]
    deeds: usize,
    /// Alarms.
    #[arg(long, default_value_t = 50_000)]
    alarms: usize,
    /// Cases of supervision.
    #[arg(long, default_value_t = 10_000)]
    cases: usize,
    /// Days with records of duty.
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// Only fill.
    #[arg(long)]
    fill: bool,
    /// Times each question is asked; two at a time are asked twice.
    #[arg(long, default_value_t = 6)]
    times: usize,
    /// Only addresses that hold this.
    #[arg(long, default_value = "")]
    only: String,
    /// No pairs of filters.
    #[arg(long)]
    no_pairs: bool,
    /// What a page may take, ms, at the 95th percentile.
    #[arg(long, default_value_t = 200.0)]
    target_ms: f64,
    /// Rows of a table for BENCHMARKS.md on standard output.
    #[arg(long)]
    rows: bool,
}

/// A start with a million hazards, and a stop.
const START: Duration = Duration::from_secs(300);

/// How long the answers to one question took, ms.
#[derive(Default)]
struct Times {
    /// By question.
    questions: BTreeMap<String, Vec<f64>>,
    /// Questions that were refused, with the status.
    refused: BTreeMap<String, u16>,
}

fn main() -> ExitCode {
    let mut args = Args::parse();
    std::fs::create_dir_all(&args.data).expect("the directory can be made");
    args.data = args.data.canonicalize().expect("it is there");
    let askers = askers(&args);
    if args.fill {
        return ExitCode::SUCCESS;
    }
    let mut gateway = start(&args.data);
    let pid = gateway.process.id();
    eprintln!(
        "started in {:.1} s, {:.0} MiB",
        gateway.started_in.as_secs_f64(),
        mib(pid, "VmRSS")
    );
    let found = ask_all(&args, &gateway.base, &askers);
    let peak = mib(pid, "VmHWM");
    gateway.process.terminate(START);
    let held = report(&args, found);
    eprintln!("peak {peak:.0} MiB");
    if args.rows {
        println!(
            "| start to ready with it, resident memory | | {:.1} s, peak {peak:.0} MiB | held |",
            gateway.started_in.as_secs_f64()
        );
    }
    if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Those in whose names is asked, of data that are filled first if there are none.
fn askers(args: &Args) -> Vec<Asker> {
    let kept = args.data.join("askers.json");
    let size = Size {
        hazards: args.hazards,
        equipment: args.equipment,
        users: args.users,
        deeds: args.deeds,
        alarms: args.alarms,
        cases: args.cases,
        days: args.days,
        at_once: 10_000,
    };
    let say = |line: &str| eprintln!("{line}");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if let Ok(text) = std::fs::read_to_string(&kept) {
        runtime.block_on(complete(&args.data, &size, &say));
        return serde_json::from_str(&text).expect("what was kept");
    }
    let askers = runtime.block_on(fill(&args.data, &size, &say));
    std::fs::write(&kept, json!(askers).to_string()).expect("the directory can be written");
    askers
}

struct Gateway {
    process: Process,
    base: String,
    started_in: Duration,
}

fn start(data: &Path) -> Gateway {
    let config = data.join("vigil.toml");
    let text = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\nmqtt = \"127.0.0.1:0\"\n[store]\ndata = {:?}\n[retention]\nmax_gib = 0.0\n",
        data.display().to_string()
    );
    std::fs::write(&config, text).expect("the directory can be written");
    let mut command = Command::new(binary("vigil"));
    command.arg("run").arg("--config").arg(&config);
    let begun = Instant::now();
    let mut process = Process::start_logged("vigil", &mut command, &data.join("vigil.log"));
    let line = process.wait_for("http://", START);
    let at = line.find("http://").unwrap_or(0);
    let base = line[at..].trim().trim_end_matches('/').to_owned();
    let agent = agent();
    while agent
        .get(format!("{base}/readyz"))
        .call()
        .is_ok_and(|answer| answer.status() != 200)
    {
        assert!(begun.elapsed() < START, "not ready");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    Gateway {
        process,
        base,
        started_in: begun.elapsed(),
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(60)))
        .http_status_as_error(false)
        .max_redirects(0)
        .build();
    config.into()
}

/// One who asks.
struct Client<'c> {
    agent: ureq::Agent,
    base: &'c str,
    token: &'c str,
}

impl Client<'_> {
    /// Status, body, and how long it took to the last byte.
    fn get(&self, path: &str) -> (u16, String, f64) {
        let begun = Instant::now();
        let mut answer = self
            .agent
            .get(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .call()
            .unwrap_or_else(|error| panic!("GET {path}: {error}"));
        let body = answer.body_mut().with_config().limit(64 << 20).read_to_string();
        let body = body.unwrap_or_else(|error| panic!("GET {path}: {error}"));
        (
            answer.status().as_u16(),
            body,
            begun.elapsed().as_secs_f64() * 1_000.0,
        )
    }

    fn json(&self, path: &str) -> Value {
        let (status, body, _) = self.get(path);
        assert_eq!(status, 200, "GET {path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }
}

/// Times by list.
type Found = BTreeMap<String, Times>;

fn ask_all(args: &Args, base: &str, askers: &[Asker]) -> Found {
    let clients: Vec<(&str, Client<'_>)> = askers
        .iter()
        .map(|asker| {
            let client = Client {
                agent: agent(),
                base,
                token: &asker.token,
            };
            (asker.sight.as_str(), client)
        })
        .collect();
    let unit = |sight: &str| {
        let (_, client) = clients.iter().find(|(known, _)| *known == sight)?;
        client.json("/api/v1/account")["unit"].as_str().map(str::to_owned)
    };
    let facts = Facts {
        units: ["big-site", "small-site"].into_iter().filter_map(unit).collect(),
        now: jiff::Timestamp::now(),
    };
    let description = clients[0].1.json("/api/v1/openapi.json");
    let lists = lists(&description, &vigil_gateway::web::routes(), &facts);
    let mut found = Found::new();
    for list in lists.iter().filter(|list| list.path.contains(&args.only)) {
        let times = found.entry(list.path.clone()).or_default();
        for (sight, client) in &clients {
            ask(args, list, sight, client, times);
        }
        eprintln!("{}: {} questions", list.path, times.questions.len());
    }
    found
}

fn ask(args: &Args, list: &List, sight: &str, client: &Client<'_>, times: &mut Times) {
    let mut timed = |query: &str, often: usize| {
        let path = format!("{}{query}", list.path);
        for _ in 0..often {
            let (status, body, ms) = client.get(&path);
            if status != 200 {
                assert!(status < 500, "GET {path} as {sight}: {status} {body}");
                times.refused.insert(format!("{sight}: {path}"), status);
                return false;
            }
            times
                .questions
                .entry(format!("{sight}: {path}"))
                .or_default()
                .push(ms);
        }
        true
    };
    if !timed("", args.times) {
        return;
    }
    let good: Vec<_> = list
        .filters
        .iter()
        .filter(|filter| timed(&query(&[filter]), args.times))
        .collect();
    if !args.no_pairs && list.path.starts_with("/api/") && matches!(sight, "all" | "county" | "big-site") {
        for [one, other] in pairs(list) {
            if good.contains(&one) && good.contains(&other) {
                timed(&query(&[one, other]), 2);
            }
        }
    }
    let Some(paging) = &list.pages else { return };
    let mut next = client.json(&list.path)["next"].clone();
    for _ in 0..10 {
        let cursor = match &next {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return,
        };
        let query = format!("?{paging}={}", vigil_tests::desk::ask::encoded(&cursor));
        timed(&query, 1);
        next = client.json(&format!("{}{query}", list.path))["next"].clone();
    }
}

/// Says what was found; whether every list keeps the target.
fn report(args: &Args, found: Found) -> bool {
    let mut held = true;
    let mut slow: Vec<(f64, String)> = Vec::new();
    println!("| list | questions | p50 ms | p95 ms | p99 ms | slowest ms | |");
    println!("|---|---|---|---|---|---|---|");
    for (path, times) in found {
        let mut all: Vec<f64> = times.questions.values().flatten().copied().collect();
        if all.is_empty() {
            continue;
        }
        all.sort_by(f64::total_cmp);
        let (p50, p95, p99) = (
            percentile(&all, 50.0),
            percentile(&all, 95.0),
            percentile(&all, 99.0),
        );
        let good = p95 < args.target_ms;
        held &= good;
        println!(
            "| `{path}` | {} | {p50:.1} | {p95:.1} | {p99:.1} | {:.1} | {} |",
            times.questions.len(),
            all.last().copied().unwrap_or(0.0),
            if good { "held" } else { "missed" }
        );
        for (question, mut each) in times.questions {
            each.sort_by(f64::total_cmp);
            slow.push((percentile(&each, 50.0), question));
        }
        let unknown = times
            .refused
            .iter()
            .filter(|(_, status)| !matches!(status, 401 | 403 | 404));
        for (question, status) in unknown {
            eprintln!("   {status}: {question}");
        }
    }
    slow.sort_by(|one, other| other.0.total_cmp(&one.0));
    let over = slow.iter().filter(|(ms, _)| *ms >= args.target_ms).count();
    println!(
        "\n{over} of {} questions take {:.0} ms or more (median of their answers); the slowest:",
        slow.len(),
        args.target_ms
    );
    for (ms, question) in slow.iter().take(25) {
        println!("  {ms:8.1} ms  {question}");
    }
    held
}

/// A value of `/proc/PID/status`, MiB.
fn mib(pid: u32, field: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text
        .lines()
        .find(|line| line.starts_with(field))
        .unwrap_or_default();
    let kib: f64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0.0);
    kib / 1_024.0
}
