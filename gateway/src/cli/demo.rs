//! `vigil demo`: gateway, broker and a simulated site in one process; nothing to install or configure.
//!
//! ```text
//! stage: data directory, catalog, gateway, broker ─► site (simulator) ─► gateway ─► feed: each hazard as it opens
//! cast: register, users ──────┘                                                    └► verdict: register = truth?
//! ```

mod cast;
mod feed;
mod stage;
mod verdict;

use super::{complain, print, runtime, stop_signal};
use crate::config::Language;
use crate::telemetry::{self, LogFormat};
use anyhow::Context as _;
use cast::Cast;
use clap::Args;
use feed::Feed;
use indicatif::{ProgressBar, ProgressStyle};
use stage::Stage;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use verdict::Verdict;
use vigil_simulator::run::{Progress, RunOptions, Speed};
use vigil_simulator::scenario::Scenario;

/// Arguments of `vigil demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Tell the story at speed, compare the register with the ground truth, and end: 0 = equal, 1 = not.
    #[arg(long)]
    once: bool,
    /// With --once: the comparison for programs.
    #[arg(long, requires = "once")]
    json: bool,
    /// Another story: the name of a built-in scenario, or a file.
    #[arg(long, value_name = "NAME|FILE", default_value = "story")]
    scenario: String,
    /// Simulated seconds a second, or `max`; without it 1, with --once `max`.
    #[arg(long)]
    speed: Option<Speed>,
    /// Language of what is printed.
    #[arg(long, value_enum, default_value = "zh")]
    lang: Lang,
    /// Use this MQTT broker instead of the embedded one, such as mqtt://127.0.0.1:1883.
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
    /// Keep the data here; without it they are thrown away at the end.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where pages and API listen; without it port 8080, or any other when that is taken.
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Lang {
    Zh,
    En,
}

/// How long the gateway may take to acknowledge everything, and then to become quiet.
const SETTLE: Duration = Duration::from_secs(60);
const QUIET: Duration = Duration::from_secs(20);
/// How long the gateway may take to stop.
const STOP: Duration = Duration::from_secs(10);
/// After the story the lifts and boilers go on, so that there is something to look at. Ten years.
const EPILOGUE_MS: i64 = 10 * 365 * 86_400_000;

pub(super) fn main(args: &DemoArgs) -> ExitCode {
    // What happens is told on the standard output; the log only says what is wrong.
    telemetry::init(LogFormat::Text, Some("warn,mqtt5=error,rumqttc=error"));
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    match runtime.block_on(play(args)) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("vigil demo: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn play(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let scenario = find(&args.scenario)?;
    let speed = args
        .speed
        .unwrap_or(if args.once { Speed::Max } else { Speed::Times(1.0) });
    let language = match args.lang {
        Lang::Zh => Language::Zh,
        Lang::En => Language::En,
    };
    let stage = Stage::set(&scenario, speed, args, language).await?;
    // A run nobody looks at needs nobody who signs in.
    let cast = match args.once {
        true => None,
        false => Some(Cast::enter(&stage, &scenario.site).await?),
    };
    let feed = Feed::start(&stage, if args.json { None } else { Some(language) });
    if !args.json {
        introduce(&stage, &scenario, args);
    }
    if let Some(cast) = cast {
        print(&cast.told(language));
    }
    let played = if args.once {
        once(&stage, scenario, speed, args, feed).await
    } else {
        live(&stage, scenario, speed, language, feed).await
    };
    let stopped = stage.strike(STOP).await;
    let code = played?;
    stopped.context("stopping the gateway")?;
    Ok(code)
}

/// The story at speed, then the comparison.
async fn once(
    stage: &Stage,
    scenario: Scenario,
    speed: Speed,
    args: &DemoArgs,
    mut feed: Feed,
) -> anyhow::Result<ExitCode> {
    let truth = scenario.truth.clone();
    let title = scenario.title.clone();
    let nodes: Vec<String> = scenario
        .site
        .nodes
        .iter()
        .map(|node| format!("{}/{}", scenario.site.group, node.id))
        .collect();
    let (bar, progress) = progress_bar(scenario.duration_ms);
    let mut options = site(stage, speed);
    options.progress = Some(progress);
    let report = tokio::select! {
        report = vigil_simulator::run::run(scenario, options) => report.context("running the site")?,
        signal = stop_signal() => anyhow::bail!("interrupted by {signal}"),
    };
    bar.finish_and_clear();
    let quiet = feed
        .wait_until_offline(&stage.running.engine, &nodes, QUIET)
        .await;
    let verdict = Verdict::of(stage, &title, &truth, Some(report), quiet).await?;
    print(&if args.json {
        verdict.to_json().to_string()
    } else {
        verdict.table(stage)
    });
    Ok(if verdict.ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The story as it happens, the comparison, and then ordinary life until Ctrl-C.
async fn live(
    stage: &Stage,
    mut scenario: Scenario,
    speed: Speed,
    language: Language,
    feed: Feed,
) -> anyhow::Result<ExitCode> {
    let truth = scenario.truth.clone();
    let title = scenario.title.clone();
    let story_ms = scenario.duration_ms;
    if !speed.is_faster() {
        scenario.duration_ms = story_ms.saturating_add(EPILOGUE_MS);
    }
    let (told, mut reached) = watch::channel(0_i64);
    let mut options = site(stage, speed);
    let cancel = CancellationToken::new();
    options.cancel = cancel.clone();
    options.progress = Some(Arc::new(move |progress: &Progress| {
        told.send_replace(progress.now_ms);
    }));
    let settings = &stage.running.app.config.core;
    let late_ms = settings
        .ack_interval_ms
        .saturating_add(settings.reorder_timeout_ms)
        .unsigned_abs();
    let site = tokio::spawn(vigil_simulator::run::run(scenario, options));
    let compare = async {
        // An error means that the site has ended: nothing comes any more either.
        drop(reached.wait_for(|now_ms| *now_ms >= story_ms).await);
        tokio::time::sleep(Duration::from_millis(late_ms)).await;
        let verdict = Verdict::of(stage, &title, &truth, None, true).await?;
        print(&verdict.table(stage));
        print(match language {
            Language::Zh => "故事讲完了，现场照常运行；Ctrl-C 结束。",
            Language::En => "The story is told, life on the site goes on; Ctrl-C to end.",
        });
        anyhow::Ok(())
    };
    let signal = stop_signal();
    tokio::pin!(signal);
    let outcome = tokio::select! {
        outcome = compare => Some(outcome),
        _ = &mut signal => None,
    };
    if let Some(Ok(())) = outcome {
        signal.await;
    }
    cancel.cancel();
    site.await
        .context("the site ended in a way it never should")?
        .context("running the site")?;
    drop(feed);
    outcome.unwrap_or(Ok(()))?;
    Ok(ExitCode::SUCCESS)
}

fn site(stage: &Stage, speed: Speed) -> RunOptions {
    let mut options = RunOptions::new(stage.broker.clone());
    options.speed = speed;
    options.settle = SETTLE;
    options
}

fn find(name: &str) -> anyhow::Result<Scenario> {
    let path = Path::new(name);
    Ok(if path.is_file() {
        Scenario::load(path)?
    } else {
        Scenario::builtin(name)?
    })
}

fn introduce(stage: &Stage, scenario: &Scenario, args: &DemoArgs) {
    let site = &scenario.site;
    let data = stage.data.display();
    print(&match args.lang {
        Lang::Zh => format!(
            "守望演示：{}个节点、{}台设备；剧本：{}\n页面：http://{}/\n数据：{data}（令牌在 admin.token）\n",
            site.nodes.len(),
            site.equipment.len(),
            scenario.title,
            stage.running.http_addr,
        ),
        Lang::En => format!(
            "Vigil demo: {} nodes, {} pieces of equipment; story: {}\npage: http://{}/\ndata: {data} (token in admin.token)\n",
            site.nodes.len(),
            site.equipment.len(),
            scenario.title,
            stage.running.http_addr,
        ),
    });
}

type ShowProgress = Arc<dyn Fn(&Progress) + Send + Sync>;

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(duration_ms: i64) -> (ProgressBar, ShowProgress) {
    let bar = ProgressBar::new(duration_ms.unsigned_abs() / 1_000);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} s  {msg}") {
        bar.set_style(style);
    }
    let shown = bar.clone();
    let show = move |progress: &Progress| {
        shown.set_position(progress.now_ms.unsigned_abs() / 1_000);
        shown.set_message(format!(
            "{}/{} nodes, {} sent, {} acknowledged",
            progress.online, progress.nodes, progress.data, progress.acked
        ));
    };
    (bar, Arc::new(show))
}
