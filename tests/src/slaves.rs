//! `vigil-sim slaves` as a process: the Modbus slaves of a scenario.

use crate::process::{Process, binary};
use serde_json::Value;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

const READY: Duration = Duration::from_secs(20);

/// Running slaves. Killed on drop.
#[derive(Debug)]
pub struct Slaves {
    process: Process,
}

impl Slaves {
    /// Starts the slaves of a built-in scenario or file, with further arguments (`--listen`, `--serial`, …).
    #[must_use]
    pub fn start(scenario: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(binary("vigil-sim"));
        command.args(["slaves", scenario, "--json"]).args(arguments);
        Self {
            process: Process::start("slaves", &mut command),
        }
    }

    /// Starts them on a free port; where.
    ///
    /// # Panics
    /// When they do not listen.
    #[must_use]
    pub fn listen(scenario: &str, arguments: &[&str]) -> (Self, SocketAddr) {
        let mut slaves = Self::start(scenario, &[&["--listen", "127.0.0.1:0"], arguments].concat());
        let at = slaves.news("ready", READY)["at"].as_str().map(str::parse);
        match at {
            Some(Ok(address)) => (slaves, address),
            other => panic!("no address to connect to: {other:?}"),
        }
    }

    /// Waits for the next news of this kind: `ready`, `connected`, `disconnected`, `began`, `fault`, `changed`, `ended`.
    ///
    /// # Panics
    /// When it does not come in time.
    pub fn news(&mut self, kind: &str, within: Duration) -> Value {
        let line = self.process.wait_for(&format!("\"news\":\"{kind}\""), within);
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))
    }

    /// Waits until the scenario is over; the report.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub fn finish(&mut self, within: Duration) -> Value {
        let line = self.process.wait_for("\"slaves\":", within);
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))
    }

    /// Ends them before their time; the report.
    ///
    /// # Panics
    /// When there is none.
    pub fn stop(&mut self) -> Value {
        let stopped = Command::new("kill")
            .arg("-TERM")
            .arg(self.process.id().to_string())
            .status();
        assert!(stopped.is_ok_and(|status| status.success()), "sending SIGTERM");
        self.finish(READY)
    }
}

/// What became of the requests to the slave with this id.
///
/// # Panics
/// When the report has no such slave.
#[must_use]
pub fn of<'r>(report: &'r Value, slave: &str) -> &'r Value {
    let mut slaves = report["slaves"].as_array().into_iter().flatten();
    let found = slaves.find(|own| own["slave"] == slave);
    found.unwrap_or_else(|| panic!("no slave {slave} in {report}"))
}
