//! A real VictoriaMetrics on loopback: takes points by the InfluxDB v2 API, and tells what it has.

use crate::place::Place;
use crate::process::{Process, free_port};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// A running server; killed on drop.
#[derive(Debug)]
pub struct Victoria {
    process: Process,
    port: u16,
    dir: PathBuf,
    agent: ureq::Agent,
}

/// What a series has: value by time, in milliseconds.
pub type Points = BTreeMap<i64, Vec<f64>>;

const START: Duration = Duration::from_secs(30);

impl Victoria {
    /// Starts a server on a free port with its data in `place`.
    ///
    /// # Panics
    /// When it is not installed (`tests/run.sh --install`) or does not start.
    #[must_use]
    pub fn start_in(place: &Place) -> Self {
        let (port, dir) = (free_port(), place.dir("victoria"));
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .build();
        let mut server = Self {
            process: spawn(port, &dir),
            port,
            dir,
            agent: config.into(),
        };
        server.ready();
        server
    }

    fn ready(&mut self) {
        let deadline = Instant::now() + START;
        while !self.ask("/health").is_ok_and(|said| said == "OK") {
            assert!(
                Instant::now() < deadline,
                "VictoriaMetrics: {}",
                self.process.said()
            );
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Asks it to stop and waits for it; what it has taken is on its disk then.
    pub fn stop(&mut self) {
        self.process.terminate(START);
    }

    /// Starts it again on the same port and data.
    pub fn start_again(&mut self) {
        self.process = spawn(self.port, &self.dir);
        self.ready();
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn ask(&self, path: &str) -> Result<String, String> {
        let mut response = self
            .agent
            .get(format!("{}{path}", self.url()))
            .call()
            .map_err(|e| e.to_string())?;
        response
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_string()
            .map_err(|e| e.to_string())
    }

    /// Series a query gives now.
    ///
    /// # Panics
    /// When it does not answer, or does not understand the query.
    #[must_use]
    pub fn query(&self, query: &str) -> Vec<Value> {
        let url = format!("{}/api/v1/query", self.url());
        let mut response = self
            .agent
            .get(url)
            .query("query", query)
            .call()
            .unwrap_or_else(|e| panic!("{query}: {e}"));
        let text = response.body_mut().read_to_string().unwrap_or_default();
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{query}: {e}: {text}"));
        assert_eq!(answer["status"], "success", "{query}: {text}");
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// Everything it has under a name, by the other labels as JSON.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn export(&self, name: &str) -> BTreeMap<String, Points> {
        self.ask("/internal/force_flush").expect("it answers");
        let text = self
            .ask(&format!("/api/v1/export?match[]={name}&start=0"))
            .expect("it answers");
        let mut series = BTreeMap::new();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            let mut labels = line["metric"].clone();
            labels.as_object_mut().expect("labels").remove("__name__");
            let points: &mut Points = series.entry(labels.to_string()).or_default();
            let list = |key: &str| line[key].as_array().cloned().unwrap_or_default();
            for (at, value) in list("timestamps").iter().zip(list("values")) {
                let at = at.as_i64().expect("milliseconds");
                points
                    .entry(at)
                    .or_default()
                    .push(value.as_f64().expect("a number"));
            }
        }
        series
    }
}

fn spawn(port: u16, dir: &std::path::Path) -> Process {
    let mut command = Command::new("victoria-metrics");
    command
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .arg(format!("-storageDataPath={}", dir.join("data").display()))
        .args(["-retentionPeriod=100y", "-memory.allowedBytes=134217728"])
        // A point that comes again under its time is the same point, as in InfluxDB.
        .arg("-dedup.minScrapeInterval=1ms")
        // Queries see what has just come.
        .arg("-search.latencyOffset=0s");
    Process::start_logged("victoria-metrics", &mut command, &dir.join("victoria.log"))
}
