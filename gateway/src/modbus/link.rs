//! What carries the requests: a TCP connection, a serial port, or a serial line behind a TCP connection.

use super::guard::{Fresh, Guarded};
use serde::Serialize;
use serial2_tokio::{CharSize, Parity, SerialPort, Settings, StopBits};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_modbus::client::{Context, rtu, tcp};
use tokio_modbus::slave::Slave;

/// Where the devices are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Modbus TCP, `host:port`.
    Tcp(String),
    /// Modbus RTU on a serial port.
    Serial(Serial),
    /// Modbus RTU through a serial server, `host:port`.
    RtuOverTcp(String),
}

/// A serial port and its settings; 8 data bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Serial {
    /// Device file.
    pub path: PathBuf,
    /// Bits per second.
    pub baud: u32,
    /// `none`, `even` or `odd`.
    pub parity: &'static str,
    /// 1 or 2.
    pub stop_bits: u8,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(at) => write!(f, "tcp {at}"),
            Self::RtuOverTcp(at) => write!(f, "rtu over tcp {at}"),
            Self::Serial(serial) => {
                let parity = serial.parity.get(..1).unwrap_or("n").to_uppercase();
                write!(
                    f,
                    "{} {} 8{parity}{}",
                    serial.path.display(),
                    serial.baud,
                    serial.stop_bits
                )
            }
        }
    }
}

/// Anything bytes go through.
trait Io: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug> Io for T {}

/// An open connection or port, before anything is asked over it.
#[derive(Debug)]
pub(super) struct Opened(Box<dyn Io>);

impl Link {
    /// Whether answers carry no number that ties them to their request.
    pub(super) const fn is_rtu(&self) -> bool {
        matches!(self, Self::Serial(_) | Self::RtuOverTcp(_))
    }

    /// The pause before a request that tells slaves a new frame begins: 3.5 characters, at least 2 ms (the times of
    /// operating systems are no better).
    pub(super) fn frame_gap(&self) -> Duration {
        match self {
            Self::Tcp(_) => Duration::ZERO,
            Self::RtuOverTcp(_) => Duration::from_millis(5),
            Self::Serial(serial) => {
                let bits = 9 + u64::from(serial.parity != "none") + u64::from(serial.stop_bits);
                Duration::from_micros(3_500_000 * bits / u64::from(serial.baud.max(1)))
                    .max(Duration::from_millis(2))
            }
        }
    }

    pub(super) async fn open(&self) -> std::io::Result<Opened> {
        Ok(Opened(match self {
            Self::Tcp(at) | Self::RtuOverTcp(at) => {
                let stream = TcpStream::connect(at.as_str()).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Self::Serial(serial) => {
                let port = SerialPort::open(&serial.path, |settings| configure(serial, settings))?;
                port.discard_buffers()?;
                Box::new(port)
            }
        }))
    }

    pub(super) fn attach(&self, opened: Opened, fresh: Fresh) -> Context {
        let guarded = Guarded::new(opened.0, fresh);
        // Every request names its own.
        let nobody = Slave(0);
        if self.is_rtu() {
            rtu::attach_slave(guarded, nobody)
        } else {
            tcp::attach_slave(guarded, nobody)
        }
    }
}

fn configure(serial: &Serial, mut settings: Settings) -> std::io::Result<Settings> {
    settings.set_raw();
    settings.set_baud_rate(serial.baud)?;
    settings.set_char_size(CharSize::Bits8);
    settings.set_parity(match serial.parity {
        "even" => Parity::Even,
        "odd" => Parity::Odd,
        _ => Parity::None,
    });
    settings.set_stop_bits(if serial.stop_bits == 2 {
        StopBits::Two
    } else {
        StopBits::One
    });
    Ok(settings)
}

impl Opened {
    /// Says nothing for `quiet` and throws away what comes; how much.
    pub(super) async fn drain(&mut self, quiet: Duration) -> std::io::Result<usize> {
        let until = Instant::now() + quiet;
        let (mut bytes, mut buffer) = (0, [0; 512]);
        while let Ok(read) = timeout_at(until, self.0.read(&mut buffer)).await {
            match read? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                count => bytes += count,
            }
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, Serial};
    use std::time::Duration;

    #[test]
    fn the_gap_between_frames_follows_the_speed_of_the_line() {
        let serial = |baud, parity| {
            Link::Serial(Serial {
                path: "/dev/ttyS0".into(),
                baud,
                parity,
                stop_bits: 1,
            })
        };
        assert_eq!(serial(1_200, "even").frame_gap(), Duration::from_micros(32_083));
        assert_eq!(serial(9_600, "none").frame_gap(), Duration::from_micros(3_645));
        assert_eq!(serial(115_200, "none").frame_gap(), Duration::from_millis(2));
        assert_eq!(serial(9_600, "even").to_string(), "/dev/ttyS0 9600 8E1");
        assert_eq!(Link::Tcp("h:502".into()).frame_gap(), Duration::ZERO);
    }
}
