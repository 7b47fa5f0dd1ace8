//! `vigil-sim run`

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use vigil_simulator::run::{OnProgress, Progress, RunOptions, RunReport, Speed, run};

use super::{BrokerArgs, find, interrupted, print};

#[derive(Args)]
pub(super) struct RunArgs {
    /// A built-in scenario (see `list`) or a file.
    scenario: String,
    #[command(flatten)]
    broker: BrokerArgs,
    /// Simulated seconds a second, or `max`.
    #[arg(long, default_value = "1")]
    speed: Speed,
    /// Play on for so many simulated seconds after the scenario's end.
    #[arg(long, default_value_t = 0)]
    longer: u32,
    /// Keep the journals here; in memory without.
    #[arg(long)]
    journal_dir: Option<PathBuf>,
    /// Go on where a killed run with the same scenario and --journal-dir stopped.
    #[arg(long, requires = "journal_dir")]
    resume: bool,
    /// Ordinary Sparkplug nodes, without a journal.
    #[arg(long)]
    no_journal: bool,
    /// Seconds to wait at the end for everything to be acknowledged.
    #[arg(long, default_value_t = 30)]
    settle: u64,
    /// Report as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(args: RunArgs) -> anyhow::Result<ExitCode> {
    let scenario = find(&args.scenario)?.longer(args.longer.saturating_mul(1_000));
    let bar = ProgressBar::new(scenario.duration_ms.unsigned_abs() / 1_000);
    bar.set_style(ProgressStyle::with_template(
        "{bar:30} {pos}/{len} s  {msg}  {elapsed}",
    )?);
    let shown = bar.clone();
    let show = move |progress: &Progress| {
        shown.set_position(progress.now_ms.unsigned_abs() / 1_000);
        shown.set_message(format!(
            "{}/{} nodes online, {} sent, {} acknowledged, {} waiting",
            progress.online, progress.nodes, progress.data, progress.acked, progress.pending
        ));
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let mut options = RunOptions::new(args.broker.broker.clone());
        options.username = args.broker.username.clone();
        options.password = args.broker.password()?;
        options.speed = args.speed;
        options.journal_dir = args.journal_dir.clone();
        options.journal = !args.no_journal;
        options.resume = args.resume;
        options.settle = Duration::from_secs(args.settle);
        options.cancel = interrupted();
        options.progress = (!args.json).then(|| Arc::new(show) as OnProgress);
        anyhow::Ok(run(scenario, options).await?)
    })?;
    bar.finish_and_clear();
    if args.json {
        print(&(serde_json::to_string_pretty(&report)? + "\n"))?;
    } else {
        print(&table(&report))?;
    }
    let ok = report.cancelled || report.settled || args.no_journal;
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn table(report: &RunReport) -> String {
    let mut text = String::new();
    let mut line = |cells: [String; 8]| {
        let [
            node,
            published,
            acked,
            resent,
            dropped,
            pending,
            connects,
            rebirths,
        ] = cells;
        // Writing to a string cannot fail.
        writeln!(
            text,
            "{node:<24}{published:>10}{acked:>10}{resent:>10}{dropped:>10}{pending:>10}{connects:>10}{rebirths:>10}"
        )
        .unwrap_or(());
    };
    line(
        [
            "node",
            "published",
            "acked",
            "resent",
            "dropped",
            "left",
            "connects",
            "rebirths",
        ]
        .map(str::to_owned),
    );
    for node in &report.nodes {
        line([
            node.node.clone(),
            node.published.to_string(),
            node.acked.to_string(),
            node.resent.to_string(),
            node.dropped.to_string(),
            node.pending.to_string(),
            node.connects.to_string(),
            node.rebirths.to_string(),
        ]);
    }
    for node in &report.nodes {
        for problem in &node.problems {
            writeln!(text, "{}: {problem}", node.node).unwrap_or(());
        }
    }
    let state = match (report.cancelled, report.settled) {
        (true, _) => "interrupted",
        (false, true) => "everything measured is on the gateway's disk",
        (false, false) => "NOT everything was acknowledged",
    };
    let (simulated, elapsed) = (report.simulated_ms as f64 / 1e3, report.elapsed_ms as f64 / 1e3);
    writeln!(
        text,
        "{}: {simulated:.0} s in {elapsed:.1} s; {state}",
        report.scenario
    )
    .unwrap_or(());
    text
}
