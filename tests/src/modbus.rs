//! Modbus slaves whose every value says whose it is, which it is, and when it was read: a value taken for another one
//! is found out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use vigil_core::field::{FieldDecoder as _, FieldValue};
use vigil_core::modbus::{ImageView, RegisterMap};
use vigil_gateway::clock::Clock;
use vigil_protocol::time::UtcMillis;

/// Values of a slave: the first half from register 0 on, the second from 200 on, two registers each.
pub const VALUES: u16 = 30;
const SECOND_HALF: u16 = 200;
/// A tick of the time in a value, ms.
const TICK_MS: i64 = 4;
/// What clocks of one machine may differ by when they are read in two places.
const SLACK_MS: i64 = 12;

/// How a slave answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// At once.
    Prompt,
    /// So late, with the values of the time it was asked; also when it has been asked something else since.
    Late(Duration),
    /// Not at all.
    Silent,
}

/// Slaves, each with a port of its own. They end when this is dropped.
#[derive(Debug)]
pub struct Slaves {
    /// Where each of them is.
    pub at: Vec<SocketAddr>,
    manners: watch::Sender<Vec<Manner>>,
    counts: Arc<Counts>,
    tasks: Vec<JoinHandle<()>>,
}

/// What they have been asked.
#[derive(Debug, Default)]
pub struct Counts {
    /// Requests that read.
    pub reads: AtomicU64,
    /// Other requests: none of them is the gateway's to make.
    pub others: AtomicU64,
    /// Connections taken.
    pub connections: AtomicU64,
}

/// How requests are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Modbus TCP. A late answer carries the newest transaction number, as those of pymodbus do.
    Tcp,
    /// RTU.
    Rtu,
}

impl Slaves {
    /// One slave for each manner.
    ///
    /// # Panics
    /// When loopback has no free ports.
    pub async fn start(framing: Framing, manners: Vec<Manner>) -> Self {
        let count = manners.len();
        let (manners, seen) = watch::channel(manners);
        let counts = Arc::new(Counts::default());
        let (mut at, mut tasks) = (Vec::new(), Vec::new());
        for slave in 0..count {
            let listener = TcpListener::bind("127.0.0.1:0")
                .await
                .expect("loopback has a free port");
            at.push(listener.local_addr().expect("bound"));
            let (seen, counts) = (seen.clone(), Arc::clone(&counts));
            tasks.push(tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    counts.connections.fetch_add(1, Ordering::Relaxed);
                    stream.set_nodelay(true).unwrap_or(());
                    tokio::spawn(serve(
                        stream,
                        framing,
                        vec![slave as u16],
                        seen.clone(),
                        Arc::clone(&counts),
                    ));
                }
            }));
        }
        Self {
            at,
            manners,
            counts,
            tasks,
        }
    }

    /// Slaves of one RTU line, with the addresses from 1 on.
    #[must_use]
    pub fn on_line(line: impl AsyncRead + AsyncWrite + Send + 'static, manners: Vec<Manner>) -> Self {
        let slaves = (0..manners.len() as u16).collect();
        let (manners, seen) = watch::channel(manners);
        let counts = Arc::new(Counts::default());
        let task = tokio::spawn(serve(line, Framing::Rtu, slaves, seen, Arc::clone(&counts)));
        Self {
            at: Vec::new(),
            manners,
            counts,
            tasks: vec![task],
        }
    }

    /// From now on a slave answers so.
    pub fn behave(&self, slave: usize, manner: Manner) {
        self.manners.send_modify(|manners| manners[slave] = manner);
    }

    /// What they have been asked.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

impl Drop for Slaves {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The register of a slave when it is asked at a time.
fn register(slave: u16, address: u16, at: UtcMillis) -> u16 {
    let index = match address {
        ..SECOND_HALF => address / 2,
        _ => VALUES / 2 + (address - SECOND_HALF) / 2,
    };
    if address.is_multiple_of(2) {
        slave * 64 + index
    } else {
        tick(at)
    }
}

fn tick(at: UtcMillis) -> u16 {
    (at.0 / TICK_MS) as u16
}

/// The map of such a slave.
///
/// # Panics
/// Never: it is right.
#[must_use]
pub fn map_text() -> String {
    let value = |index: u16| {
        let half = VALUES / 2;
        let address = if index < half {
            2 * index
        } else {
            SECOND_HALF + 2 * (index - half)
        };
        format!("[[value]]\nmetric = \"v{index}\"\naddress = {address}\ntype = \"u32\"\n")
    };
    let head = "id = \"honest\"\nconfidence = \"verified\"\n[defaults]\nfunction = 3\n".to_owned();
    (0..VALUES).fold(head, |text, index| text + &value(index))
}

/// [`map_text`], read.
///
/// # Panics
/// Never: it is right.
#[must_use]
pub fn map() -> RegisterMap {
    let (map, findings) = RegisterMap::parse("honest.toml", &map_text());
    map.unwrap_or_else(|| panic!("{findings:#?}"))
}

/// What a poll said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Values that are what they say.
    pub right: u64,
    /// Values that are missing, with a reason.
    pub missing: u64,
    /// Values that are another slave's, another register's, or of another time.
    pub wrong: Vec<String>,
}

/// Judges the poll of a slave that was taken in at `received`.
///
/// # Panics
/// When it is no poll.
#[must_use]
pub fn judge(map: &RegisterMap, slave: u16, payload: &[u8], received: UtcMillis) -> Verdict {
    let mut verdict = Verdict::default();
    let at = ImageView::parse(payload).expect("a poll").at;
    let first = tick(UtcMillis(at.0 - SLACK_MS));
    let window = ((received.0 - at.0 + 2 * SLACK_MS) / TICK_MS) as u16;
    let mut index = 0;
    map.decode("", payload, &mut |reading| {
        match reading.value {
            FieldValue::Number(number) => {
                let (what, when) = ((number as u64 >> 16) as u16, number as u64 as u16);
                if what == slave * 64 + index && when.wrapping_sub(first) <= window {
                    verdict.right += 1;
                } else {
                    verdict.wrong.push(format!(
                        "slave {slave} {}: slave {} value {}, {} ms after the window began",
                        reading.metric,
                        what / 64,
                        what % 64,
                        i64::from(when.wrapping_sub(first) as i16) * TICK_MS,
                    ));
                }
            }
            FieldValue::NoData(_) => verdict.missing += 1,
            FieldValue::Bool(_) | FieldValue::Text(_) => {
                verdict.wrong.push(format!("{}: no number", reading.metric))
            }
        }
        index += 1;
    })
    .expect("decodes");
    verdict
}

/// A reply to be sent at a time.
struct Reply {
    due: Instant,
    transaction: u16,
    unit: u8,
    pdu: Vec<u8>,
}

async fn serve(
    line: impl AsyncRead + AsyncWrite + Send + 'static,
    framing: Framing,
    slaves: Vec<u16>,
    manners: watch::Receiver<Vec<Manner>>,
    counts: Arc<Counts>,
) {
    let clock = Clock::system();
    let (mut read, mut write) = tokio::io::split(line);
    let (replies, mut to_send) = mpsc::channel::<Reply>(1_000);
    let (newest, mut newest_seen) = watch::channel(0_u16);
    let speak = async move {
        let mut waiting: Vec<Reply> = Vec::new();
        loop {
            waiting.sort_by_key(|reply| reply.due);
            let due = waiting.first().map(|reply| reply.due);
            let next = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                reply = to_send.recv() => match reply {
                    Some(reply) => waiting.push(reply),
                    None => return,
                },
                () = next => {
                    let reply = waiting.remove(0);
                    let transaction = match *newest_seen.borrow_and_update() {
                        newest if framing == Framing::Tcp => newest,
                        _ => reply.transaction,
                    };
                    if write.write_all(&frame(framing, transaction, reply.unit, &reply.pdu)).await.is_err() {
                        return;
                    }
                }
            }
        }
    };
    let hear = async move {
        let mut received = Vec::new();
        let mut chunk = [0; 512];
        loop {
            match read.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(count) => received.extend_from_slice(&chunk[..count]),
            }
            while let Some((transaction, unit, pdu)) = take_request(framing, &mut received) {
                newest.send_replace(transaction);
                let slave = match framing {
                    // A listener of its own: whatever the unit.
                    Framing::Tcp => slaves.first(),
                    Framing::Rtu if slaves.len() == 1 => slaves.first(),
                    Framing::Rtu => slaves.get(usize::from(unit).wrapping_sub(1)),
                };
                let Some(slave) = slave.copied() else {
                    continue;
                };
                let is_read = pdu.len() == 5 && pdu[0] == 3;
                let count = if is_read { &counts.reads } else { &counts.others };
                count.fetch_add(1, Ordering::Relaxed);
                let position = slaves.iter().position(|own| *own == slave).unwrap_or(0);
                let manner = {
                    let manners = manners.borrow();
                    let index = if slaves.len() == 1 {
                        usize::from(slave)
                    } else {
                        position
                    };
                    manners.get(index).copied().unwrap_or(Manner::Silent)
                };
                let due = match manner {
                    Manner::Prompt => Instant::now(),
                    Manner::Late(by) => Instant::now() + by,
                    Manner::Silent => continue,
                };
                let reply = Reply {
                    due,
                    transaction,
                    unit,
                    pdu: answer(slave, &pdu, clock.now()),
                };
                if replies.send(reply).await.is_err() {
                    return;
                }
            }
        }
    };
    tokio::select! {
        () = speak => {}
        () = hear => {}
    }
}

fn answer(slave: u16, pdu: &[u8], at: UtcMillis) -> Vec<u8> {
    let &[3, high, low, _, count] = pdu else {
        return vec![pdu.first().copied().unwrap_or(0) | 0x80, 1];
    };
    let start = u16::from_be_bytes([high, low]);
    let words =
        (start..start + u16::from(count)).flat_map(|address| register(slave, address, at).to_be_bytes());
    [3, count * 2].into_iter().chain(words).collect()
}

fn take_request(framing: Framing, received: &mut Vec<u8>) -> Option<(u16, u8, Vec<u8>)> {
    match framing {
        Framing::Tcp => {
            let length = usize::from(u16::from_be_bytes([*received.get(4)?, *received.get(5)?]));
            if received.len() < 6 + length {
                return None;
            }
            let frame: Vec<u8> = received.drain(..6 + length).collect();
            Some((
                u16::from_be_bytes([frame[0], frame[1]]),
                frame[6],
                frame[7..].to_vec(),
            ))
        }
        Framing::Rtu => {
            while received.len() >= 8 {
                if crc(&received[..6]) == received[6..8] {
                    let frame: Vec<u8> = received.drain(..8).collect();
                    return Some((0, frame[0], frame[1..6].to_vec()));
                }
                received.remove(0);
            }
            None
        }
    }
}

fn frame(framing: Framing, transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    match framing {
        Framing::Tcp => {
            let mut frame = transaction.to_be_bytes().to_vec();
            frame.extend([0, 0]);
            frame.extend((pdu.len() as u16 + 1).to_be_bytes());
            frame.push(unit);
            frame.extend(pdu);
            frame
        }
        Framing::Rtu => {
            let mut frame = vec![unit];
            frame.extend(pdu);
            frame.extend(crc(&frame));
            frame
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

/// A master that does what libraries do by themselves: after a time-out it asks the next thing over the same line. The
/// words it takes for the answer to its second question.
///
/// # Panics
/// When the slave does not answer at all.
pub async fn careless_master(at: SocketAddr, framing: Framing, patience: Duration) -> Vec<u16> {
    let mut stream = TcpStream::connect(at).await.expect("listens");
    let ask = |transaction: u16, start: u8| frame(framing, transaction, 1, &[3, 0, start, 0, 2]);
    stream.write_all(&ask(1, 0)).await.expect("sent");
    let mut buffer = [0; 64];
    let first = tokio::time::timeout(patience, stream.read(&mut buffer)).await;
    assert!(first.is_err(), "late enough");
    stream.write_all(&ask(2, 4)).await.expect("sent");
    let count = stream.read(&mut buffer).await.expect("answered");
    let data = match framing {
        Framing::Tcp => {
            assert_eq!(buffer[..2], [0, 2], "with the number of the second question");
            &buffer[9..count]
        }
        Framing::Rtu => &buffer[3..count - 2],
    };
    data.chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect()
}
