//! `vigil replay`: the message log through the core again.

use super::{ended, print};
use crate::config::{Config, PackSource};
use crate::replay::{Difference, ReplayError, Replayed, difference, replay};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Arguments of `vigil replay`.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The database, such as `vigil-data/vigil.db`. A running gateway is not disturbed.
    #[arg(value_name = "DB")]
    database: PathBuf,
    /// Configuration that names the catalog and the rules in force; without it `vigil.toml`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Other rules: folders or files. Prints what they would change.
    #[arg(long, value_name = "DIR|FILE", num_args = 1..)]
    rules: Vec<PathBuf>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

pub(super) fn main(args: &ReplayArgs) -> ExitCode {
    ended(run(args), |()| ExitCode::SUCCESS)
}

async fn run(args: &ReplayArgs) -> Result<(), Vec<String>> {
    let told = |findings: Vec<vigil_core::diagnostic::Diagnostic>| {
        findings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let failed = |error: ReplayError| vec![format!("vigil: {error}")];
    let (config, _) = Config::load(args.config.as_deref()).map_err(told)?;
    let (catalog, _) = config.load_catalog().map_err(told)?;
    let old = replay(&args.database, Arc::new(catalog), &config.core)
        .await
        .map_err(failed)?;
    if args.rules.is_empty() {
        print(&if args.json {
            old.to_json().to_string()
        } else {
            old.to_string()
        });
        return Ok(());
    }
    // Named on the command line: relative to where the command was given, not to the file.
    let packs = args.rules.iter().map(|path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        PackSource::Path(path)
    });
    let other = Config {
        rules: packs.collect(),
        ..config
    };
    let (catalog, _) = other.load_catalog().map_err(told)?;
    let new: Replayed = replay(&args.database, Arc::new(catalog), &other.core)
        .await
        .map_err(failed)?;
    let difference: Difference = difference(old, new);
    print(&if args.json {
        difference.to_json().to_string()
    } else {
        difference.to_string()
    });
    Ok(())
}
