//! `vigil-sim provision`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use vigil_simulator::provision::{Console, Target};

use super::print;

#[derive(Args)]
pub(super) struct ProvisionArgs {
    /// The node's console: `tcp:HOST:PORT`, or a serial port set up with stty.
    target: Target,
    /// File with the node's settings, as its console takes and shows them; without, they are only shown.
    settings: Option<PathBuf>,
    /// File with the MQTT password.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// Keep what the node has, and change only what the file says.
    #[arg(long)]
    keep: bool,
    /// Read every channel before saving, and say what it shows.
    #[arg(long)]
    test: bool,
    /// Restart the node with the new settings.
    #[arg(long)]
    reboot: bool,
    /// Seconds to wait for an answer.
    #[arg(long, default_value_t = 10)]
    patience: u64,
}

pub(super) fn execute(args: &ProvisionArgs) -> anyhow::Result<ExitCode> {
    let read =
        |path: &PathBuf| std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()));
    let script = args.settings.as_ref().map(read).transpose()?;
    let password = args.password_file.as_ref().map(read).transpose()?;
    let mut console = Console::open(&args.target, Duration::from_secs(args.patience))?;
    if let Some(script) = &script {
        if !args.keep {
            console.command("clear")?;
        }
        console.script(script)?;
    }
    if let Some(password) = &password {
        console.command(&format!("set password {}", password.trim_end()))?;
    }
    let shown = console.command("show")?;
    if args.test {
        let channels = shown.iter().filter(|line| line.starts_with("set channel"));
        for channel in 0..channels.count() {
            for line in console.command(&format!("test {channel}"))? {
                print(&format!("{line}\n"))?;
            }
        }
    }
    if script.is_some() || password.is_some() {
        console.command("save")?;
    }
    for line in console.command("show")? {
        print(&format!("{line}\n"))?;
    }
    if args.reboot {
        console.command("reboot")?;
    }
    Ok(ExitCode::SUCCESS)
}
