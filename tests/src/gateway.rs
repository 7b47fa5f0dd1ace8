//! `vigil run` as a process: started, killed, asked to stop, started again on the same data.

use crate::http::Api;
use crate::place::Place;
use crate::process::{Process, binary, free_port};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// How a gateway is set up.
#[derive(Clone, Debug, Default)]
pub struct GatewayOptions {
    /// Catalog (TOML); none is an empty catalog.
    pub catalog: Option<String>,
    /// External broker; the embedded one without.
    pub broker: Option<String>,
    /// More keys of `[broker]`.
    pub broker_keys: String,
    /// More of the configuration file, whole sections; not `[listen]`, `[broker]`, `[store]`.
    pub config: String,
    /// Name of its directory in the place; `gateway` without.
    pub name: Option<String>,
    /// Data directory; one below its own directory without.
    pub data: Option<PathBuf>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
}

/// A running gateway. Killed on drop.
#[derive(Debug)]
pub struct Gateway {
    process: Process,
    name: String,
    config: PathBuf,
    data: PathBuf,
    log: PathBuf,
    env: Vec<(String, String)>,
    http: String,
    mqtt: Option<u16>,
    /// Time from starting the process to the first good `/readyz`.
    pub started_in: Duration,
}

/// Long enough for a busy machine, short enough for a test.
const START: Duration = Duration::from_secs(30);

impl GatewayOptions {
    /// With this catalog and the embedded broker.
    #[must_use]
    pub fn with_catalog(catalog: String) -> Self {
        Self {
            catalog: Some(catalog),
            ..Self::default()
        }
    }

    /// On this broker instead of the embedded one.
    #[must_use]
    pub fn on(mut self, broker: &str) -> Self {
        self.broker = Some(broker.to_owned());
        self
    }
}

impl Gateway {
    /// Starts it with its files in `place` and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    #[must_use]
    pub fn start(place: &Place, options: GatewayOptions) -> Self {
        let name = options.name.clone().unwrap_or_else(|| "gateway".to_owned());
        let dir = place.dir(&name);
        let data = options.data.clone().unwrap_or_else(|| dir.join("data"));
        // The embedded broker keeps its port over restarts: the nodes come back to it.
        let mqtt = options.broker.is_none().then(free_port);
        let mut text = String::new();
        if let Some(catalog) = &options.catalog {
            std::fs::write(dir.join("site.toml"), catalog).expect("the place is writable");
            text.push_str("catalog = [\"site.toml\"]\n");
        }
        writeln!(text, "[listen]\nhttp = \"127.0.0.1:0\"").expect("text");
        match (&options.broker, mqtt) {
            (Some(url), _) => {
                writeln!(
                    text,
                    "[broker]\nmode = \"external\"\nurl = \"{url}\"\n{}",
                    options.broker_keys
                )
            }
            (None, port) => writeln!(text, "mqtt = \"127.0.0.1:{}\"", port.unwrap_or(0)),
        }
        .expect("text");
        writeln!(
            text,
            "[store]\ndata = {:?}\n{}",
            data.display().to_string(),
            options.config
        )
        .expect("text");
        let config = dir.join("vigil.toml");
        std::fs::write(&config, text).expect("the place is writable");
        let log = dir.join("gateway.log");
        let process = spawn(&name, &config, &log, &options.env);
        let mut gateway = Self {
            process,
            name,
            config,
            data,
            log,
            env: options.env,
            http: String::new(),
            mqtt,
            started_in: Duration::ZERO,
        };
        gateway.ready(Instant::now());
        gateway
    }

    /// Runs `vigil run` with the configuration of this one, as a second process, until it ends.
    ///
    /// # Panics
    /// When it does not end.
    pub fn second(&self) -> (ExitStatus, String) {
        let mut process = spawn(
            &format!("{}-second", self.name),
            &self.config,
            &self.log,
            &self.env,
        );
        let status = process.wait(START);
        (status, process.said())
    }

    fn ready(&mut self, since: Instant) {
        let line = self.process.wait_for(READY, START);
        self.http = address(&line).unwrap_or_else(|| panic!("no address in {line:?}"));
        // The ports are open; the session with the broker follows within moments.
        let deadline = Instant::now() + START;
        loop {
            let (status, body) = self.api().get_text("/readyz");
            if status == 200 || status == 404 {
                break;
            }
            assert!(Instant::now() < deadline, "not ready: {status} {body}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        self.started_in = since.elapsed();
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same data after [`Gateway::kill`] or [`Gateway::terminate`].
    pub fn start_again(&mut self) {
        let since = Instant::now();
        self.process = spawn(&self.name, &self.config, &self.log, &self.env);
        self.ready(since);
    }

    /// Starts it and kills it after `pause`, whatever it is doing by then.
    pub fn start_and_kill(&mut self, pause: Duration) {
        self.process = spawn(&self.name, &self.config, &self.log, &self.env);
        let _ended_by_itself = self.process.ends_within(pause);
        self.process.kill();
    }

    /// SIGTERM; how it ended and how long that took.
    pub fn terminate(&mut self) -> (ExitStatus, Duration) {
        let since = Instant::now();
        let status = self.process.terminate(START);
        (status, since.elapsed())
    }

    /// Whether the process runs.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// The process, to wait for lines of its log.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Everything logged so far, over all restarts.
    ///
    /// # Panics
    /// When there is no log.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a gateway logs")
    }

    /// Its interface, without a token.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(&self.http)
    }

    /// Its interface, with the admin token.
    ///
    /// # Panics
    /// When there is no token file.
    #[must_use]
    pub fn admin(&self) -> Api {
        let token = std::fs::read_to_string(self.token_file()).expect("the first start made the token file");
        self.api().with_token(token.trim())
    }

    /// `http://127.0.0.1:port`
    #[must_use]
    pub fn http(&self) -> &str {
        &self.http
    }

    /// Address of the embedded broker.
    ///
    /// # Panics
    /// When it uses another broker.
    #[must_use]
    pub fn broker(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.mqtt.expect("an embedded broker"))
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data.join("vigil.db")
    }

    /// The file with the admin token.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.data.join("admin.token")
    }

    /// Its configuration file.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }
}

/// What the gateway says when it can be used; the line has its address.
const READY: &str = "http://";

fn spawn(name: &str, config: &Path, log: &Path, env: &[(String, String)]) -> Process {
    let mut command = Command::new(binary("vigil"));
    command.arg("run").arg("--config").arg(config);
    command.envs(env.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    Process::start_logged(name, &mut command, log)
}

/// `http://127.0.0.1:port` in a line.
fn address(line: &str) -> Option<String> {
    let rest = line.get(line.find("http://")?..)?;
    let end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || ":/.[]".contains(c)))
        .unwrap_or(rest.len());
    Some(rest[..end].trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn the_address_is_found_in_the_line_that_says_it() {
        for line in [
            "ready at http://127.0.0.1:41/",
            "http=http://127.0.0.1:41 mqtt=x",
            "\"http://127.0.0.1:41\"",
        ] {
            assert_eq!(address(line).as_deref(), Some("http://127.0.0.1:41"), "{line}");
        }
        assert_eq!(address("nothing"), None);
    }
}
