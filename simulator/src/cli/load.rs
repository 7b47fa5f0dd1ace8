//! `vigil-sim load`

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use vigil_simulator::load::{LoadOptions, LoadReport, LoadStats, Percentiles, run};
use vigil_simulator::mqtt::Broker;

use super::{BrokerArgs, interrupted, print};

#[derive(Args)]
pub(super) struct LoadArgs {
    #[command(flatten)]
    broker: BrokerArgs,
    /// Nodes, each with one boiler of eight metrics.
    #[arg(long, default_value_t = 100)]
    nodes: usize,
    /// Data messages a second, all nodes together.
    #[arg(long, default_value_t = 1_000.0)]
    rate: f64,
    /// How long, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// MQTT connections that share the nodes.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Ordinary Sparkplug nodes: nothing is kept, resent or acknowledged.
    #[arg(long)]
    no_journal: bool,
    /// Seconds to wait at the end for everything to be acknowledged.
    #[arg(long, default_value_t = 60)]
    settle: u64,
    /// Address of the gateway (http://host:port): measure how long an overpressure takes to be a readable hazard.
    #[arg(long)]
    hazard_probe: Option<String>,
    /// File with a token for it.
    #[arg(long, requires = "hazard_probe")]
    token_file: Option<PathBuf>,
    /// Report as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(args: LoadArgs) -> anyhow::Result<ExitCode> {
    let mut broker = Broker::parse(&args.broker.broker)?;
    if let Some(user) = &args.broker.username {
        broker.credentials = Some((user.clone(), args.broker.password()?.unwrap_or_default()));
    }
    let token = args.token_file.as_ref().map(|path| {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading the token {}", path.display()))?;
        anyhow::Ok(text.trim().to_owned())
    });
    let token = token.transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let options = LoadOptions {
            broker,
            nodes: args.nodes,
            rate: args.rate,
            duration: Duration::from_secs(args.seconds),
            connections: args.connections,
            journal: !args.no_journal,
            settle: Duration::from_secs(if args.no_journal { 0 } else { args.settle }),
            hazard_probe: args.hazard_probe.clone(),
            token,
            cancel: interrupted(),
        };
        let stats = Arc::new(LoadStats::default());
        let bar = (!args.json).then(|| tokio::spawn(show(args.seconds, Arc::clone(&stats))));
        let report = run(options, stats).await;
        if let Some(bar) = bar {
            bar.abort();
        }
        anyhow::Ok(report?)
    })?;
    if args.json {
        print(&(serde_json::to_string_pretty(&report)? + "\n"))?;
    } else {
        print(&text(&report, !args.no_journal))?;
    }
    let settled = args.no_journal || (report.left == 0 && report.dropped == 0);
    Ok(if settled {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Draws the progress until it is stopped.
async fn show(seconds: u64, stats: Arc<LoadStats>) -> anyhow::Result<()> {
    let bar = ProgressBar::new(seconds);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} s  {msg}")?);
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    let mut before = 0;
    loop {
        tick.tick().await;
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let sent = count(&stats.sent);
        bar.set_position(bar.elapsed().as_secs().min(seconds));
        bar.set_message(format!(
            "{} sent ({} /s), {} acknowledged, {} resent",
            sent,
            (sent - before) * 4,
            count(&stats.acked),
            count(&stats.resent)
        ));
        before = sent;
    }
}

fn text(report: &LoadReport, journal: bool) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| writeln!(text, "{name:<22}{value}").unwrap_or(());
    line("nodes", report.nodes.to_string());
    line(
        "rate",
        format!(
            "{:.0} /s of {:.0} /s asked, {:.1} s",
            report.rate, report.asked_rate, report.seconds
        ),
    );
    line("sent", report.sent.to_string());
    if journal {
        line("acknowledged", report.acked.to_string());
        line("resent", report.resent.to_string());
        line("dropped", report.dropped.to_string());
        line("left", report.left.to_string());
    }
    line("rebirth requests", report.rebirths.to_string());
    line("connections made", report.connects.to_string());
    line("bytes", report.bytes.to_string());
    if journal {
        line("publish to ack", percentiles(&report.ack_ms));
    }
    if let Some(hazard) = &report.hazard_ms {
        line("publish to hazard", percentiles(hazard));
    }
    if let Some(problem) = &report.probe_problem {
        line("hazard probe", problem.clone());
    }
    text
}

fn percentiles(p: &Percentiles) -> String {
    format!(
        "p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, max {:.1} ms ({} values)",
        p.p50, p.p90, p.p99, p.p999, p.max, p.count
    )
}
