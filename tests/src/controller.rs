//! The simulator's NICE3000+ on a TCP port, whose fault code a test sets at a moment of its own.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use vigil_simulator::rng::Rng;
use vigil_simulator::slave::{Line, Registers};

const FAULT: u16 = 0x8000;
const UNIT: u8 = 1;
/// Of a line at 115 200 baud, and how soon the controller answers.
const SILENCE_US: u64 = 1_750;
const TURNAROUND_US: u64 = 1_000;
/// Looks this often whether something is to be said.
const LOOK: Duration = Duration::from_micros(500);

/// The controller; its thread ends with the process.
#[derive(Debug)]
pub struct Controller {
    port: u16,
    fault: Arc<Mutex<u16>>,
}

impl Controller {
    /// Unit 1 on a free port, without a fault.
    ///
    /// # Panics
    /// When loopback has no free port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("bound").port();
        let fault = Arc::new(Mutex::new(0));
        let shared = Arc::clone(&fault);
        std::thread::spawn(move || {
            for line in listener.incoming().flatten() {
                // A line that ends is a board without power.
                serve(line, &shared).unwrap_or(());
            }
        });
        Self { port, fault }
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Shows this fault from now on.
    ///
    /// # Panics
    /// When its thread has panicked.
    pub fn show(&self, fault: u16) {
        *self.fault.lock().expect("not poisoned") = fault;
    }
}

fn serve(mut stream: TcpStream, fault: &Mutex<u16>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LOOK))?;
    let began = Instant::now();
    let mut line = Line::new(SILENCE_US);
    let controller = line.add(UNIT, TURNAROUND_US, Rng::new(1));
    let mut chunk = [0; 256];
    loop {
        let heard = match stream.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => 0,
            Err(error) => return Err(error),
        };
        let now_us = began.elapsed().as_micros() as u64;
        let shown = *fault.lock().expect("not poisoned");
        line.set(
            controller,
            Some(Registers {
                holding: BTreeMap::from([(FAULT, shown)]),
                input: BTreeMap::new(),
            }),
        );
        if heard > 0 {
            line.hear(now_us, &chunk[..heard]);
        }
        stream.write_all(&line.speak(now_us))?;
    }
}
