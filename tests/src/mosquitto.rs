//! A real Mosquitto 2 on loopback.

use crate::place::Place;
use crate::process::{Process, free_port};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A running broker; killed on drop.
#[derive(Debug)]
pub struct Mosquitto {
    process: Process,
    port: u16,
    dir: PathBuf,
    _temporary: Option<TempDir>,
}

impl Mosquitto {
    /// Starts a broker on a free port.
    ///
    /// # Panics
    /// When Mosquitto is not installed (`tests/run.sh --install`) or does not start.
    #[must_use]
    pub fn start() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        Self::start_with(dir.path().to_owned(), Some(dir))
    }

    /// As [`Mosquitto::start`], with its log in `place`.
    #[must_use]
    pub fn start_in(place: &Place) -> Self {
        Self::start_with(place.dir("mosquitto"), None)
    }

    fn start_with(dir: PathBuf, temporary: Option<TempDir>) -> Self {
        let port = free_port();
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 1000\nmax_queued_messages 100000\n\
             persistence false\nset_tcp_nodelay true\nlog_dest stderr\nlog_type error\nlog_type warning\nlog_type notice\nlog_type information\nconnection_messages true\n"
        );
        std::fs::write(dir.join("mosquitto.conf"), config).expect("its directory is writable");
        let process = spawn(&dir);
        let mut broker = Self {
            process,
            port,
            dir,
            _temporary: temporary,
        };
        broker.ready();
        broker
    }

    fn ready(&mut self) {
        self.process.wait_for("running", Duration::from_secs(20));
    }

    /// kill -9 and start again on the same port.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        self.start_again();
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same port.
    pub fn start_again(&mut self) {
        self.process = spawn(&self.dir);
        self.ready();
    }

    /// `mqtt://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn spawn(dir: &Path) -> Process {
    let program = [
        "/usr/sbin/mosquitto",
        "/usr/local/sbin/mosquitto",
        "/opt/homebrew/sbin/mosquitto",
    ]
    .iter()
    .map(PathBuf::from)
    .find(|p| p.exists())
    .unwrap_or_else(|| PathBuf::from("mosquitto"));
    let log = dir.join("mosquitto.log");
    Process::start_logged(
        "mosquitto",
        Command::new(program).arg("-c").arg(dir.join("mosquitto.conf")),
        &log,
    )
}
