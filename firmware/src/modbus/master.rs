//! One request on the line at a time.

use core::fmt;
use core::pin::pin;

use embassy_futures::select::{Either, select};
use embedded_hal_async::delay::DelayNs;
use embedded_io_async::{Read, Write};
use heapless::Vec;

use super::frame::{REPLY_BYTES, Reply, encode_request, find_reply};
use super::request::{MAX_WORDS, Request};
use crate::time::Uptime;

/// Room for a reply and as much noise.
const RECEIVE_BYTES: usize = 2 * REPLY_BYTES;
/// Slaves whose late replies are watched for at the same time.
const OWING: usize = 16;

/// How long the line waits for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// Silence that ends a frame, µs: 3.5 characters.
    pub silence_us: u32,
    /// From the request's last byte to the reply's last byte, ms.
    pub reply_ms: u32,
    /// How long after that a slow slave's reply may still come, ms: it is not asked anything before.
    pub late_ms: u32,
}

impl Timing {
    /// For a line of `baud`, characters of 11 bits. Above 19 200 baud the silence is 1.75 ms (Modbus over serial line
    /// V1.02, 2.5.1.1). The reply may take `reply_ms`.
    #[must_use]
    pub const fn at_baud(baud: u32, reply_ms: u32) -> Self {
        let silence_us = if baud == 0 || baud > 19_200 {
            1_750
        } else {
            38_500_000 / baud
        };
        Self {
            silence_us,
            reply_ms,
            late_ms: 500,
        }
    }
}

/// Why a request gave no words. `E` is the port's error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModbusError<E> {
    /// Nothing was received.
    Silence,
    /// Bytes were received, none of which answer the request.
    NoReply {
        /// How many.
        received: usize,
    },
    /// The reply was damaged.
    BadCrc,
    /// Another unit answered.
    WrongUnit(u8),
    /// The slave refused with this code.
    Exception(u8),
    /// The line never fell silent: nothing was sent.
    Chatter,
    /// The slave did not answer in time before, and its reply may still come: nothing was sent.
    Owing,
    /// The port failed.
    Port(E),
}

/// Master of one RS-485 line.
///
/// The port's `read` must lose no bytes when it is dropped before it is ready (interrupt-driven ports with a buffer
/// do not), and its `flush` must return when the last byte is on the wire, with the driver-enable line released.
#[derive(Debug)]
pub struct Master<P, D> {
    port: P,
    delay: D,
    timing: Timing,
    /// Units that did not answer, and until when they still might.
    owing: Vec<(u8, Uptime), OWING>,
    received: [u8; RECEIVE_BYTES],
}

impl<P: Read + Write, D: DelayNs> Master<P, D> {
    /// Takes the line.
    pub const fn new(port: P, delay: D, timing: Timing) -> Self {
        Self {
            port,
            delay,
            timing,
            owing: Vec::new(),
            received: [0; RECEIVE_BYTES],
        }
    }

    /// Reads the registers of `request`; as many words as it asks for. Takes at most the silence, the sending and
    /// [`Timing::reply_ms`].
    ///
    /// A reply that comes too late is never read as the answer to a later request: what is in the buffer when a
    /// request starts is thrown away, and a slave that did not answer is left alone for [`Timing::late_ms`].
    ///
    /// # Errors
    /// [`ModbusError`]
    pub async fn read<'w>(
        &mut self,
        now: Uptime,
        request: &Request,
        words: &'w mut [u16; MAX_WORDS],
    ) -> Result<&'w [u16], ModbusError<P::Error>> {
        let unit = request.unit();
        self.owing.retain(|(_, until)| *until > now);
        if self.owing.iter().any(|(owing, _)| *owing == unit) {
            return Err(ModbusError::Owing);
        }
        self.fall_silent().await?;
        self.port
            .write_all(&encode_request(request))
            .await
            .map_err(ModbusError::Port)?;
        self.port.flush().await.map_err(ModbusError::Port)?;
        let len = self.receive(request).await?;
        match find_reply(request, self.received.get(..len).unwrap_or(&[])) {
            Reply::Words(bytes) => {
                let count = bytes.len() / 2;
                let words = words.get_mut(..count).unwrap_or(&mut []);
                for (word, pair) in words.iter_mut().zip(bytes.chunks_exact(2)) {
                    *word = u16::from_be_bytes([pair[0], pair[1]]);
                }
                Ok(words)
            }
            Reply::Exception(code) => Err(ModbusError::Exception(code)),
            // It has answered: nothing more is to come.
            Reply::BadCrc => Err(ModbusError::BadCrc),
            Reply::OtherUnit(other) => {
                self.owe(now, unit);
                Err(ModbusError::WrongUnit(other))
            }
            Reply::None => {
                self.owe(now, unit);
                Err(match len {
                    0 => ModbusError::Silence,
                    received => ModbusError::NoReply { received },
                })
            }
        }
    }

    fn owe(&mut self, now: Uptime, unit: u8) {
        let until = now.after_ms(self.timing.reply_ms.saturating_add(self.timing.late_ms));
        if self.owing.is_full() {
            self.owing.remove(0);
        }
        self.owing.push((unit, until)).unwrap_or(());
    }

    /// Throws away what is received until nothing is for the time that ends a frame.
    async fn fall_silent(&mut self) -> Result<(), ModbusError<P::Error>> {
        for _ in 0..RECEIVE_BYTES {
            let read = self.port.read(&mut self.received);
            match select(read, self.delay.delay_us(self.timing.silence_us)).await {
                Either::Second(()) => return Ok(()),
                Either::First(Ok(0)) => break,
                Either::First(Ok(_)) => {}
                Either::First(Err(error)) => return Err(ModbusError::Port(error)),
            }
        }
        Err(ModbusError::Chatter)
    }

    /// Receives until the reply is there or its time is over; how many bytes.
    async fn receive(&mut self, request: &Request) -> Result<usize, ModbusError<P::Error>> {
        let mut deadline = pin!(self.delay.delay_ms(self.timing.reply_ms));
        let mut len = 0;
        loop {
            if len == self.received.len() {
                // Noise: the newer half may still begin with the reply.
                self.received.copy_within(REPLY_BYTES.., 0);
                len -= REPLY_BYTES;
            }
            let space = self.received.get_mut(len..).unwrap_or(&mut []);
            match select(self.port.read(space), deadline.as_mut()).await {
                Either::Second(()) | Either::First(Ok(0)) => return Ok(len),
                Either::First(Err(error)) => return Err(ModbusError::Port(error)),
                Either::First(Ok(count)) => len += count,
            }
            let received = self.received.get(..len).unwrap_or(&[]);
            if matches!(
                find_reply(request, received),
                Reply::Words(_) | Reply::Exception(_)
            ) {
                return Ok(len);
            }
        }
    }
}

impl<E: fmt::Debug> fmt::Display for ModbusError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence => f.write_str("no reply in time"),
            Self::NoReply { received } => write!(f, "{received} bytes received, no reply among them"),
            Self::BadCrc => f.write_str("reply with a wrong CRC"),
            Self::WrongUnit(unit) => write!(f, "unit {unit} answered instead"),
            Self::Exception(code) => write!(f, "refused with exception {code}"),
            Self::Chatter => f.write_str("the line never fell silent"),
            Self::Owing => f.write_str("not asked: an earlier reply may still come"),
            Self::Port(error) => write!(f, "the port failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for ModbusError<E> {}
