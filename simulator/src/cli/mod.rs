//! The command line.

mod load;
mod load_json;
mod provision;
mod run;
mod slaves;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use vigil_simulator::scenario::Scenario;

/// Simulated lifts and boilers that speak Sparkplug B to a broker, or Modbus RTU to a real node.
#[derive(Parser)]
#[command(name = "vigil-sim", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a scenario, then wait until everything measured is on the gateway's disk.
    Run(run::RunArgs),
    /// Put load on a broker and its gateway, and measure how long messages take to be on disk.
    Load(load::LoadArgs),
    /// Put JSON messages of many devices on a broker, as a mapping profile of its gateway reads them.
    LoadJson(load_json::LoadJsonArgs),
    /// Serve the Modbus RTU slaves of a scenario to a real node, in real time.
    Slaves(slaves::SlavesArgs),
    /// Set up a node through its console, or show how it is set up.
    Provision(provision::ProvisionArgs),
    /// Print the gateway catalog (TOML) of a scenario, or of the load site.
    Catalog(CatalogArgs),
    /// List the built-in scenarios.
    List,
}

#[derive(Args)]
struct CatalogArgs {
    /// A built-in scenario or a file.
    #[arg(required_unless_present_any = ["nodes", "devices"])]
    scenario: Option<String>,
    /// The load site with this many nodes instead.
    #[arg(long, conflicts_with = "scenario")]
    nodes: Option<usize>,
    /// The site of `load-json` with this many devices instead.
    #[arg(long, conflicts_with_all = ["scenario", "nodes"])]
    devices: Option<usize>,
}

/// How to reach the broker.
#[derive(Args)]
struct BrokerArgs {
    /// Address of the broker.
    #[arg(long, default_value = "mqtt://127.0.0.1:1883")]
    broker: String,
    /// User name.
    #[arg(long)]
    username: Option<String>,
    /// File with the password.
    #[arg(long, requires = "username")]
    password_file: Option<std::path::PathBuf>,
}

impl BrokerArgs {
    fn password(&self) -> anyhow::Result<Option<String>> {
        let Some(path) = &self.password_file else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("reading the password {}", path.display()))?;
        Ok(Some(text.trim_end().to_owned()))
    }
}

impl Cli {
    pub(crate) fn execute(self) -> anyhow::Result<ExitCode> {
        let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .init();
        match self.command {
            Command::Run(args) => run::execute(args),
            Command::Load(args) => load::execute(args),
            Command::LoadJson(args) => load_json::execute(args),
            Command::Slaves(args) => slaves::execute(args),
            Command::Provision(args) => provision::execute(&args),
            Command::Catalog(args) => {
                let text = match (args.nodes, args.devices, args.scenario) {
                    (Some(nodes), _, _) => vigil_simulator::load::catalog_toml(nodes),
                    (None, Some(devices), _) => vigil_simulator::load::json_catalog_toml(devices),
                    (None, None, Some(scenario)) => find(&scenario)?.catalog_toml(),
                    (None, None, None) => String::new(),
                };
                print(&text)?;
                Ok(ExitCode::SUCCESS)
            }
            Command::List => {
                for name in Scenario::builtin_names() {
                    print(&format!("{name:<10} {}\n", Scenario::builtin(name)?.title))?;
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// A scenario file, or a built-in one.
fn find(name: &str) -> anyhow::Result<Scenario> {
    let path = Path::new(name);
    Ok(if path.is_file() {
        Scenario::load(path)?
    } else {
        Scenario::builtin(name)?
    })
}

/// A token that is cancelled by the first Ctrl-C or SIGTERM.
fn interrupted() -> CancellationToken {
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    tokio::spawn(async move {
        let interrupted = tokio::signal::ctrl_c();
        let told = match signal(SignalKind::terminate()) {
            Ok(mut terminated) => tokio::select! {
                told = interrupted => told.is_ok(),
                told = terminated.recv() => told.is_some(),
            },
            Err(_) => interrupted.await.is_ok(),
        };
        if told {
            token.cancel();
        }
    });
    cancel
}

/// Results go to the standard output, all through here.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("writing to the standard output")
}

/// Errors go to the standard error, all through here.
pub(crate) fn complain(text: &str) {
    // Nowhere is left to report a failure to.
    let _written = writeln!(std::io::stderr(), "error: {text}").is_ok();
}
