//! Speaks the console of a node: sends commands one by one and waits for each answer.
//!
//! An answer is any number of lines and then one that begins with `ok` or `error:`. Whatever a node logs in between
//! is passed on and means nothing.

use std::fs::OpenOptions;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use thiserror::Error;

/// Where a node's console is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `tcp:HOST:PORT`, such as a QEMU `-serial tcp:…,server` or a serial server.
    Tcp(String),
    /// A serial port, set up already (`stty -F PORT 115200 raw -echo`).
    Serial(PathBuf),
}

/// What went wrong, and at what.
#[derive(Debug, Error)]
pub enum ProvisionError {
    /// The console cannot be reached.
    #[error("opening the console {target:?}")]
    Open {
        /// Where.
        target: Target,
        /// Why.
        source: io::Error,
    },
    /// A command could not be sent.
    #[error("sending `{command}` to the node")]
    Send {
        /// Which, without its secret.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// The node did not answer a command in time, or hung up.
    #[error("the node did not answer `{command}`")]
    NoAnswer {
        /// Which, without its secret.
        command: String,
    },
    /// The node refused a command.
    #[error("the node refused `{command}`: {reason}")]
    Refused {
        /// Which, without its secret.
        command: String,
        /// What it said.
        reason: String,
    },
}

/// An open console.
pub struct Console {
    out: Box<dyn Write + Send>,
    lines: Receiver<String>,
    patience: Duration,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("tcp:") {
            Some(address)
                if address
                    .rsplit_once(':')
                    .is_some_and(|(_, port)| port.parse::<u16>().is_ok()) =>
            {
                Ok(Self::Tcp(address.to_owned()))
            }
            Some(address) => Err(format!("`{address}` is not HOST:PORT")),
            None => Ok(Self::Serial(PathBuf::from(text))),
        }
    }
}

impl Console {
    /// Opens a console; `patience` is the longest wait for an answer.
    ///
    /// # Errors
    /// [`ProvisionError::Open`]
    pub fn open(target: &Target, patience: Duration) -> Result<Self, ProvisionError> {
        let open = |source| ProvisionError::Open {
            target: target.clone(),
            source,
        };
        let (input, out): (Box<dyn Read + Send>, Box<dyn Write + Send>) = match target {
            Target::Tcp(address) => {
                let stream = TcpStream::connect(address).map_err(open)?;
                stream.set_nodelay(true).map_err(open)?;
                (Box::new(stream.try_clone().map_err(open)?), Box::new(stream))
            }
            Target::Serial(path) => {
                let port = OpenOptions::new()
                    .read(true)
                    .write(true)
                    .open(path)
                    .map_err(open)?;
                (Box::new(port.try_clone().map_err(open)?), Box::new(port))
            }
        };
        // The node waits when its lines are not read.
        let (send, lines) = sync_channel(256);
        // Ends when the node hangs up, or nobody listens any more.
        thread::spawn(move || {
            let mut input = BufReader::new(input);
            let mut line = Vec::new();
            while input.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(&line).trim().to_owned();
                line.clear();
                if send.send(text).is_err() {
                    break;
                }
            }
        });
        Ok(Self { out, lines, patience })
    }

    /// Sends one command; the lines of its answer, without the last one.
    ///
    /// # Errors
    /// [`ProvisionError`]; no error names a secret.
    pub fn command(&mut self, command: &str) -> Result<Vec<String>, ProvisionError> {
        let shown = || public(command);
        // What the node said before it was asked is no answer.
        while self.lines.try_recv().is_ok() {}
        // A blank line in front ends whatever the node had heard before.
        let text = format!("\n{command}\n");
        self.out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush())
            .map_err(|source| ProvisionError::Send {
                command: shown(),
                source,
            })?;
        let mut answer = Vec::new();
        loop {
            match self.lines.recv_timeout(self.patience) {
                Ok(line) if line == "ok" || line.starts_with("ok,") => return Ok(answer),
                Ok(line) => match line.strip_prefix("error:") {
                    Some(reason) => {
                        return Err(ProvisionError::Refused {
                            command: shown(),
                            reason: reason.trim().to_owned(),
                        });
                    }
                    None => answer.push(line),
                },
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Err(ProvisionError::NoAnswer { command: shown() });
                }
            }
        }
    }

    /// Sends the commands of a script: one a line, blank lines and lines that begin with `#` are left out. How many.
    ///
    /// # Errors
    /// The first [`ProvisionError`]; what follows it was not sent.
    pub fn script(&mut self, script: &str) -> Result<usize, ProvisionError> {
        let commands = script.lines().map(str::trim);
        let mut count = 0;
        for command in commands.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            self.command(command)?;
            count += 1;
        }
        Ok(count)
    }
}

/// A command as it may be shown.
fn public(command: &str) -> String {
    let mut words = command.split_whitespace();
    match (words.next(), words.next()) {
        (Some("set"), Some("password")) => "set password …".to_owned(),
        _ => command.to_owned(),
    }
}
