//! `vigil run`.

use super::{complain, print, runtime};
use crate::reload::{ConfigSource, LoadError, Loaded, ReloadFailure, ReloadHandle};
use crate::run::{RunOptions, Running, start};
use crate::telemetry::{self, LogFormat};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// A stop takes no longer than this plus a few seconds, whatever state the store is in.
const STOP: Duration = Duration::from_secs(20);

/// Arguments of `vigil run`; they override the file.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Configuration file; without it `vigil.toml` if there is one, else the defaults.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory of the database and the admin token.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where pages and API listen; port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Where the embedded broker listens; port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS")]
    mqtt: Option<SocketAddr>,
    /// Log as JSON lines.
    #[arg(long)]
    log_json: bool,
}

pub(super) fn main(args: RunArgs) -> ExitCode {
    super::arena::share_one();
    telemetry::init(
        if args.log_json {
            LogFormat::Json
        } else {
            LogFormat::Text
        },
        None,
    );
    let source = ConfigSource {
        path: args.config,
        data: args.data,
        http: args.http,
        mqtt: args.mqtt,
    };
    let Loaded {
        config,
        catalog,
        polled,
        profiles,
        desk,
        warnings,
    } = match source.load() {
        Ok(loaded) => loaded,
        Err(LoadError::Files(findings)) => return refuse(&findings),
        Err(LoadError::Arguments(error)) => {
            complain(&format!("vigil: {error}"));
            return ExitCode::FAILURE;
        }
    };
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    runtime.block_on(async {
        let options = RunOptions {
            polled,
            source: Some(source),
            profiles,
            desk,
            ..RunOptions::default()
        };
        match start(config, catalog, options).await {
            Ok(running) => until_stopped(running).await,
            Err(error) => {
                complain(&format!("vigil: {error}"));
                ExitCode::FAILURE
            }
        }
    })
}

async fn until_stopped(mut running: Running) -> ExitCode {
    print(&format!("pages and API: http://{}/", running.http_addr));
    if let Some(address) = running.mqtt_addr {
        print(&format!("MQTT broker:   mqtt://{address}"));
    }
    let made = if running.token_is_new { " (made now)" } else { "" };
    print(&format!(
        "admin token:   in {}{made}",
        running.app.token.path().display()
    ));
    tokio::spawn(reload_on_hangup(running.app.reload.clone()));
    tokio::select! {
        failure = running.failed() => {
            complain(&format!("vigil: {failure}"));
            ExitCode::FAILURE
        }
        signal = stop_signal() => {
            tracing::info!(signal, "stopping");
            match running.shutdown(STOP).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    complain(&format!("vigil: {error}"));
                    ExitCode::FAILURE
                }
            }
        }
    }
}

/// Reads the configuration again whenever SIGHUP comes; what is wrong with it is said, and changes nothing.
#[cfg(unix)]
async fn reload_on_hangup(handle: ReloadHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => {
            tracing::warn!(%error, "SIGHUP will not reload the configuration");
            return;
        }
    };
    while hangup.recv().await.is_some() {
        match handle.reload().await {
            Ok(reloaded) => reloaded
                .warnings
                .iter()
                .for_each(|warning| tracing::warn!("{warning}")),
            Err(ReloadFailure::Load(LoadError::Files(findings))) => {
                findings.iter().for_each(|finding| tracing::error!("{finding}"));
                tracing::error!("the configuration is wrong; what was in force stays in force");
            }
            Err(error) => tracing::error!(%error, "not reloaded; what was in force stays in force"),
        }
    }
}

#[cfg(not(unix))]
async fn reload_on_hangup(_: ReloadHandle) {}

/// Resolves at Ctrl-C or SIGTERM.
pub(super) async fn stop_signal() -> &'static str {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = tokio::signal::ctrl_c() => "Ctrl-C",
            };
        }
    }
    drop(tokio::signal::ctrl_c().await);
    "Ctrl-C"
}

fn refuse(findings: &[vigil_core::diagnostic::Diagnostic]) -> ExitCode {
    for finding in findings {
        complain(&finding.to_string());
    }
    complain("vigil: not started; see `vigil check`");
    ExitCode::FAILURE
}
