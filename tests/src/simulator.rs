//! `vigil-sim run` as a process: the whole site, whose power can be cut.

use crate::place::Place;
use crate::process::{Process, binary};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A site to run.
#[derive(Clone, Debug)]
pub struct SiteOptions {
    /// Built-in scenario, or a file.
    pub scenario: String,
    /// Simulated seconds it is played on after its end.
    pub longer: u32,
    /// Broker the nodes connect to.
    pub broker: String,
    /// Simulated seconds a second, or `max`.
    pub speed: String,
    /// Seconds to wait at the end for everything to be acknowledged.
    pub settle: u32,
}

/// A running site. Killed on drop.
#[derive(Debug)]
pub struct Site {
    process: Process,
    options: SiteOptions,
    journals: PathBuf,
    report: PathBuf,
    log: PathBuf,
}

impl Site {
    /// Starts the site with its journals in `place`.
    #[must_use]
    pub fn start(place: &Place, options: SiteOptions) -> Self {
        let dir = place.dir("site");
        let (journals, report, log) = (
            dir.join("journals"),
            dir.join("report.json"),
            dir.join("site.log"),
        );
        let process = spawn(&options, &journals, &report, &log, false);
        Self {
            process,
            options,
            journals,
            report,
            log,
        }
    }

    /// kill -9: every node loses power at once.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Power is back: the site goes on where it was, with what the journals hold.
    pub fn start_again(&mut self) {
        self.process = spawn(&self.options, &self.journals, &self.report, &self.log, true);
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Whether the process runs.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Waits until the scenario is over and everything measured is acknowledged; the report.
    ///
    /// # Panics
    /// When that does not happen in time, or not everything was acknowledged.
    pub fn finish(&mut self, within: Duration) -> Value {
        let status = self.process.wait(within);
        let text = std::fs::read_to_string(&self.report).unwrap_or_default();
        assert!(
            status.success(),
            "vigil-sim ended with {status}: {text}\n{}",
            self.process.said()
        );
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("the site's report: {e}: {text}"))
    }

    /// Where the journals are.
    #[must_use]
    pub fn journals(&self) -> &Path {
        &self.journals
    }
}

fn spawn(options: &SiteOptions, journals: &Path, report: &Path, log: &Path, resume: bool) -> Process {
    let mut command = Command::new(binary("vigil-sim"));
    command
        .args([
            "run",
            &options.scenario,
            "--json",
            "--broker",
            &options.broker,
            "--speed",
            &options.speed,
        ])
        .args(["--longer", &options.longer.to_string()])
        .args(["--settle", &options.settle.to_string(), "--journal-dir"])
        .arg(journals);
    if resume {
        command.arg("--resume");
    }
    Process::start_to_file("site", &mut command, report, log)
}
