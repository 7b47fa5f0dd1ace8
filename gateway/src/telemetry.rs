//! Logging set-up.

use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// How the log is written to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What is logged unless `VIGIL_LOG` says otherwise. The broker and the database are told to be brief:
/// every connection of a large site would be a line.
const DEFAULT_FILTER: &str = "info,mqtt5=warn,sqlx=warn,rumqttc=warn,tokio_modbus=off";

/// Starts logging for the process; a second call changes nothing.
pub fn init(format: LogFormat, filter: Option<&str>) {
    let from_env = std::env::var("VIGIL_LOG").ok();
    let wanted = from_env.as_deref().or(filter).unwrap_or(DEFAULT_FILTER);
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was already started");
    }
}
