//! Child processes that say when they are ready and die with the test.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// A running child. Killed on drop.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    tail: VecDeque<String>,
    name: String,
}

impl Process {
    /// Starts `command`; its output lines (both streams) can be waited for.
    #[must_use]
    pub fn start(name: &str, command: &mut Command) -> Self {
        Self::spawn(name, command.stdin(Stdio::null()).stdout(Stdio::piped()), None)
    }

    /// As [`Process::start`], and every line also goes to `log`, behind what is there.
    #[must_use]
    pub fn start_logged(name: &str, command: &mut Command, log: &Path) -> Self {
        Self::spawn(
            name,
            command.stdin(Stdio::null()).stdout(Stdio::piped()),
            Some(log),
        )
    }

    /// As [`Process::start_logged`], for a program that is spoken to: [`Process::say`].
    #[must_use]
    pub fn start_talking(name: &str, command: &mut Command, log: &Path) -> Self {
        Self::spawn(
            name,
            command.stdin(Stdio::piped()).stdout(Stdio::piped()),
            Some(log),
        )
    }

    /// As [`Process::start_logged`], with the standard output as it is in the file `out`; only the lines of the
    /// standard error can be waited for.
    ///
    /// # Panics
    /// When `out` cannot be made.
    #[must_use]
    pub fn start_to_file(name: &str, command: &mut Command, out: &Path, log: &Path) -> Self {
        let file = File::create(out).unwrap_or_else(|e| panic!("making {}: {e}", out.display()));
        Self::spawn(name, command.stdin(Stdio::null()).stdout(file), Some(log))
    }

    fn spawn(name: &str, command: &mut Command, log: Option<&Path>) -> Self {
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("starting {name}: {e}"));
        let log = log.map(|path| {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .unwrap_or_else(|e| panic!("opening {}: {e}", path.display()))
        });
        // Bounded: when nobody waits for lines the reader drops them, so the child never blocks.
        let (send, lines) = sync_channel(10_000);
        if let Some(stdout) = child.stdout.take() {
            follow(
                stdout,
                send.clone(),
                log.as_ref().and_then(|log| log.try_clone().ok()),
            );
        }
        if let Some(stderr) = child.stderr.take() {
            follow(stderr, send, log);
        }
        Self {
            input: child.stdin.take(),
            child,
            lines,
            tail: VecDeque::new(),
            name: name.to_owned(),
        }
    }

    /// A line to its standard input.
    ///
    /// # Panics
    /// When it was not started with [`Process::start_talking`], or does not listen any more.
    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("a process that is spoken to");
        let sent = input.write_all(format!("{line}\n").as_bytes());
        if let Err(error) = sent.and_then(|()| input.flush()) {
            panic!("saying {line:?} to {}: {error}", self.name);
        }
    }

    /// Whether it is still running.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The first output line that contains `wanted`.
    ///
    /// # Panics
    /// When it does not come in time or the process ends; prints what it said.
    pub fn wait_for(&mut self, wanted: &str, within: Duration) -> String {
        let deadline = Instant::now() + within;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    self.keep(line.clone());
                    if line.contains(wanted) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    let said = self.said();
                    panic!(
                        "{} did not say {wanted:?} within {within:?}; it said:\n{said}",
                        self.name
                    )
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let said = self.said();
                    panic!("{} ended without saying {wanted:?}; it said:\n{said}", self.name)
                }
            }
        }
    }

    /// Everything said so far, at most 60 lines.
    pub fn said(&mut self) -> String {
        while let Ok(line) = self.lines.try_recv() {
            self.keep(line);
        }
        self.tail.iter().map(|line| format!("  {line}\n")).collect()
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// kill -9, and wait until it is gone.
    pub fn kill(&mut self) {
        let _gone_already = self.child.kill();
        self.child.wait().expect("a started child can be waited for");
    }

    /// SIGTERM, then wait.
    ///
    /// # Panics
    /// When it does not stop in time.
    pub fn terminate(&mut self, within: Duration) -> ExitStatus {
        let sent = Command::new("kill")
            .arg("-TERM")
            .arg(self.id().to_string())
            .status();
        assert!(
            sent.is_ok_and(|s| s.success()),
            "sending SIGTERM to {}",
            self.name
        );
        self.wait(within)
    }

    /// Waits for the end at most so long; whether it came.
    pub fn ends_within(&mut self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.keep(line),
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }

    fn keep(&mut self, line: String) {
        if self.tail.len() == 60 {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn wait(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            // Both output streams close when the process ends: that is the event waited for.
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.keep(line),
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().expect("waitable"),
                Err(RecvTimeoutError::Timeout) => {
                    let said = self.said();
                    panic!("{} did not stop within {within:?}:\n{said}", self.name)
                }
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = self.said();
            let mut err = std::io::stderr().lock();
            let _best_effort =
                std::io::Write::write_all(&mut err, format!("--- {} said:\n{said}", self.name).as_bytes());
        }
        self.kill();
    }
}

fn follow(stream: impl Read + Send + 'static, lines: SyncSender<String>, mut log: Option<File>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some(log) = &mut log {
                let _best_effort = log.write_all(format!("{line}\n").as_bytes());
            }
            let _dropped_when_nobody_waits = lines.try_send(line);
        }
    });
}

/// A binary of this workspace, built beside the tests.
///
/// # Panics
/// When it is not built: `cargo build --workspace --bins` first.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let mut dir = std::env::current_exe().expect("a test knows its own path");
    dir.pop();
    if dir.ends_with("deps") {
        dir.pop();
    }
    let path = dir.join(name);
    assert!(
        path.exists(),
        "{} is not built; run `cargo build --workspace --bins` first",
        path.display()
    );
    path
}

/// A port that was free a moment ago, for programs that cannot take port 0.
///
/// # Panics
/// When loopback has no free port.
#[must_use]
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("bound").port()
}
