//! A Modbus server that others have written: pymodbus, as it comes from PyPI.

use crate::process::free_port;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The interpreter that has pymodbus.
///
/// # Panics
/// When it is not installed.
#[must_use]
pub fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers/pymodbus/bin/python");
    assert!(
        python.exists(),
        "{} is missing; run `tests/run.sh --install`",
        python.display()
    );
    python
}

/// A server with units 1 to 3, which have holding registers 0 to 299. Killed on drop.
#[derive(Debug)]
pub struct Server {
    child: Child,
    tell: ChildStdin,
    said: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    /// Modbus TCP, on a free port.
    #[must_use]
    pub fn tcp() -> Self {
        Self::on("tcp", free_port())
    }

    /// RTU over TCP, on a free port.
    #[must_use]
    pub fn rtu() -> Self {
        Self::on("rtu", free_port())
    }

    /// On this port, as one that has been there before.
    #[must_use]
    pub fn on(kind: &str, port: u16) -> Self {
        Self::start(kind, &port.to_string(), port)
    }

    /// RTU on a serial port.
    #[must_use]
    pub fn serial(path: &Path) -> Self {
        Self::start("serial", &path.display().to_string(), 0)
    }

    fn start(kind: &str, at: &str, port: u16) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/pymodbus_server.py");
        let mut child = Command::new(python())
            .arg(script)
            .args([kind, at])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("starting pymodbus: {e}"));
        let (Some(tell), Some(said)) = (child.stdin.take(), child.stdout.take()) else {
            panic!("both are piped");
        };
        let mut server = Self {
            child,
            tell,
            said: BufReader::new(said),
            port,
        };
        server.hears("ready");
        server
    }

    fn hears(&mut self, word: &str) {
        let mut line = String::new();
        let read = self.said.read_line(&mut line);
        assert!(read.is_ok() && line.trim() == word, "pymodbus said {line:?}");
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Changes it; see `peers/pymodbus_server.py`.
    ///
    /// # Panics
    /// When it does not listen any more.
    pub fn change(&mut self, order: &Value) {
        writeln!(self.tell, "{order}").expect("it listens");
        self.hears("ok");
    }

    /// Sets registers of a unit, from an address on.
    pub fn set(&mut self, unit: u8, address: u16, words: &[u16]) {
        let words = (address..)
            .zip(words)
            .map(|(at, word)| (at.to_string(), json!(word)));
        let words: serde_json::Map<String, Value> = words.collect();
        self.change(&json!({ "unit": unit, "set": words }));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A pseudo-terminal between a gateway and whoever connects it to a TCP port. Ends on drop.
#[derive(Debug)]
pub struct Terminal {
    /// The near end.
    pub path: PathBuf,
    relay: Child,
}

impl Terminal {
    /// Its far end connects to this port on loopback.
    ///
    /// # Panics
    /// When there is no Python.
    #[must_use]
    pub fn to_port(port: u16) -> Self {
        Self::start(&port.to_string())
    }

    /// Its far end is a pseudo-terminal too: a cable. The path of that end comes second.
    #[must_use]
    pub fn cable() -> (Self, PathBuf) {
        let mut near = Self::start("cable");
        let both = near.path.display().to_string();
        let (one, other) = both.split_once(' ').unwrap_or((&both, ""));
        near.path = PathBuf::from(one);
        (near, other.into())
    }

    fn start(far: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/pty_relay.py");
        let mut relay = Command::new("python3")
            .arg(script)
            .arg(far)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("starting python3: {e}"));
        let mut path = String::new();
        if let Some(said) = relay.stdout.take() {
            let read = BufReader::new(said).read_line(&mut path);
            assert!(read.is_ok(), "the relay says where it is");
        }
        Self {
            path: path.trim().into(),
            relay,
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _gone_already = self.relay.kill();
        let _reaped = self.relay.wait();
    }
}
