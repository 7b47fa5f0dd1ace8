//! A Modbus RTU pressure transmitter on a TCP port, for QEMU to connect a serial line to.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What it shows.
#[derive(Clone, Copy, Debug)]
pub enum Shows {
    /// This and this plus one in turn, kPa: each reading is a change.
    Kilopascal(u16),
    /// 1, 2, 3 … Pa: no two readings are equal, and each can be told from the others.
    Count,
    /// The last value of the count.
    Still,
}

/// Unit codes of the transmitter.
const KILOPASCAL: u16 = 1;
const PASCAL: u16 = 2;
/// A master that has taken a value asks for the next within its period of 100 ms; one that has given up waits for more
/// than half a second.
const TAKEN: Duration = Duration::from_millis(400);

#[derive(Debug)]
struct State {
    shows: Shows,
    toggle: bool,
    count: u16,
    connections: u32,
    /// Values of the count, and the connection and time each was asked for.
    counted: BTreeMap<u16, (u32, Instant)>,
}

/// The transmitter; its thread ends with the process.
#[derive(Debug)]
pub struct Transmitter {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Transmitter {
    /// Unit 1, on a free port, showing this.
    ///
    /// # Panics
    /// When loopback has no free port.
    #[must_use]
    pub fn start(shows: Shows) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("bound").port();
        let state = Arc::new(Mutex::new(State {
            shows,
            toggle: false,
            count: 0,
            connections: 0,
            counted: BTreeMap::new(),
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for line in listener.incoming().flatten() {
                shared.lock().expect("not poisoned").connections += 1;
                // A line that ends is a board without power; the next one is the board with it again.
                serve(line, &shared).unwrap_or(());
            }
        });
        Self { port, state }
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Shows something else from now on.
    ///
    /// # Panics
    /// When its thread has panicked.
    pub fn show(&self, shows: Shows) {
        self.state.lock().expect("not poisoned").shows = shows;
    }

    /// The highest value of the count shown so far.
    ///
    /// # Panics
    /// When its thread has panicked.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.state.lock().expect("not poisoned").count
    }

    /// Values of the count that were surely taken: the same connection asked again after them, and soon. The others may
    /// have been on the way when the power failed, or come too late for the master, who then leaves a slave alone for
    /// longer.
    ///
    /// # Panics
    /// When its thread has panicked.
    #[must_use]
    pub fn surely_taken(&self) -> Vec<u16> {
        let state = self.state.lock().expect("not poisoned");
        let counted = &state.counted;
        let asked_again = |value: u16, connection: u32, at: Instant| {
            let next = counted.get(&(value + 1));
            next.is_some_and(|(other, then)| *other == connection && then.duration_since(at) < TAKEN)
        };
        counted
            .iter()
            .filter(|(value, (connection, at))| asked_again(**value, *connection, *at))
            .map(|(value, _)| *value)
            .collect()
    }
}

fn serve(mut line: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    line.set_nodelay(true)?;
    let mut received = Vec::new();
    let mut chunk = [0; 256];
    loop {
        let count = line.read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        received.extend_from_slice(&chunk[..count]);
        while received.len() >= 8 {
            let request: Vec<u8> = received.drain(..8).collect();
            if crc(&request[..6]) != request[6..] || request[0] != 1 || request[1] != 3 {
                received.clear();
                break;
            }
            let first = u16::from_be_bytes([request[2], request[3]]);
            let count = u16::from_be_bytes([request[4], request[5]]);
            let (unit, value) = state.lock().expect("not poisoned").next();
            let registers = [(2, unit), (3, 0), (4, value)];
            let mut reply = vec![request[0], request[1], (count * 2) as u8];
            for address in first..first + count {
                let held = registers.iter().find(|(register, _)| *register == address);
                reply.extend(held.map_or(0, |(_, value)| *value).to_be_bytes());
            }
            reply.extend(crc(&reply));
            line.write_all(&reply)?;
        }
    }
}

impl State {
    fn next(&mut self) -> (u16, u16) {
        match self.shows {
            Shows::Kilopascal(value) => {
                self.toggle = !self.toggle;
                (KILOPASCAL, value + u16::from(self.toggle))
            }
            Shows::Count => {
                self.count += 1;
                self.counted
                    .insert(self.count, (self.connections, Instant::now()));
                (PASCAL, self.count)
            }
            Shows::Still => (PASCAL, self.count),
        }
    }
}

/// Low byte first.
fn crc(bytes: &[u8]) -> [u8; 2] {
    let mut crc = 0xffff_u16;
    for byte in bytes {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xa001 } else { crc >> 1 };
        }
    }
    crc.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::crc;

    #[test]
    fn the_checksum_is_that_of_the_specification() {
        // Read holding register 0 of unit 1, two registers.
        assert_eq!(crc(&[1, 3, 0, 0, 0, 2]), [0xc4, 0x0b]);
    }
}
