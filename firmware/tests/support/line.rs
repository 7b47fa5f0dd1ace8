//! A serial line in virtual time: nothing waits, everything happens in order.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by several test files, each of which uses a part"
)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use embedded_hal_async::delay::DelayNs;
use embedded_io_async::{ErrorType, Read, Write};
use vigil_firmware::time::Uptime;

/// Virtual time, and when something happens next.
#[derive(Clone, Default)]
pub struct Clock {
    now_us: Rc<Cell<u64>>,
    next_us: Rc<Cell<Option<u64>>>,
}

impl Clock {
    pub fn now_us(&self) -> u64 {
        self.now_us.get()
    }

    pub fn uptime(&self) -> Uptime {
        Uptime(self.now_us() / 1_000)
    }

    pub fn advance_ms(&self, ms: u64) {
        self.now_us.set(self.now_us() + ms * 1_000);
    }

    fn wake_at(&self, at: u64) {
        let next = self.next_us.get().map_or(at, |next| next.min(at));
        self.next_us.set(Some(next));
    }

    /// Runs a future to its end, jumping from event to event.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            self.next_us.set(None);
            if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
                return done;
            }
            let next = self
                .next_us
                .get()
                .unwrap_or_else(|| panic!("nothing will ever happen"));
            self.now_us.set(next.max(self.now_us()));
        }
    }
}

/// Delays of the virtual clock.
#[derive(Clone)]
pub struct Delay(pub Clock);

impl DelayNs for Delay {
    async fn delay_ns(&mut self, ns: u32) {
        let until = self.0.now_us() + u64::from(ns).div_ceil(1_000);
        poll_fn(|_| {
            if self.0.now_us() >= until {
                return Poll::Ready(());
            }
            self.0.wake_at(until);
            Poll::Pending
        })
        .await;
    }
}

type Slave = Box<dyn FnMut(&[u8]) -> Vec<(u64, Vec<u8>)>>;

/// The line: what is written goes to the slaves, what they answer arrives after the µs they say.
pub struct Line {
    clock: Clock,
    slave: Slave,
    arriving: VecDeque<(u64, u8)>,
    pub sent: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl Line {
    pub fn new(clock: &Clock, slave: impl FnMut(&[u8]) -> Vec<(u64, Vec<u8>)> + 'static) -> Self {
        Self {
            clock: clock.clone(),
            slave: Box::new(slave),
            arriving: VecDeque::new(),
            sent: Rc::default(),
        }
    }

    /// Bytes that arrive without being asked for.
    pub fn noise(mut self, after_us: u64, bytes: &[u8]) -> Self {
        let at = self.clock.now_us() + after_us;
        self.arriving.extend(bytes.iter().map(|byte| (at, *byte)));
        self
    }
}

impl ErrorType for Line {
    type Error = Infallible;
}

impl Read for Line {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|_| {
            let now = self.clock.now_us();
            let ready = self.arriving.iter().take_while(|(at, _)| *at <= now).count();
            if ready == 0 {
                if let Some((at, _)) = self.arriving.front() {
                    self.clock.wake_at(*at);
                }
                return Poll::Pending;
            }
            let count = ready.min(buf.len());
            for (space, (_, byte)) in buf.iter_mut().zip(self.arriving.drain(..count)) {
                *space = byte;
            }
            Poll::Ready(Ok(count))
        })
        .await
    }
}

impl Write for Line {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.sent.borrow_mut().push(bytes.to_vec());
        let now = self.clock.now_us();
        for (after, bytes) in (self.slave)(bytes) {
            self.arriving
                .extend(bytes.into_iter().map(|byte| (now + after, byte)));
        }
        self.arriving.make_contiguous().sort_by_key(|(at, _)| *at);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// CRC-16/MODBUS, bit by bit from the specification.
pub fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0xffff_u16;
    for byte in bytes {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc >>= 1;
            if carry == 1 {
                crc ^= 0xa001;
            }
        }
    }
    crc
}

/// `bytes` and their CRC.
pub fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut frame = bytes.to_vec();
    frame.extend(crc16(bytes).to_le_bytes());
    frame
}

/// The reply of `unit` with these words.
pub fn words(unit: u8, function: u8, words: &[u16]) -> Vec<u8> {
    let mut bytes = vec![unit, function, 2 * words.len() as u8];
    bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    framed(&bytes)
}
