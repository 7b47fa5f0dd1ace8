//! A row of the channel table as a line of text, both ways.

use core::fmt;
use core::str::SplitAsciiWhitespace;

use vigil_protocol::vocabulary::{Quantity, Unit};

use super::decimal::{self, Decimal};
use super::settings::{Calibration, Channel};
use crate::drivers::lift_inputs::LiftSensor;
use crate::drivers::nice3000::Point;
use crate::drivers::{Source, remote_io};
use crate::modbus::Table;

/// What is wrong with a line: the word that is missing or not understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TextError<'t> {
    /// The line ends where this is expected.
    Missing(&'static str),
    /// This word is not what is expected.
    Wrong {
        /// What is expected.
        want: &'static str,
        /// What is there.
        word: &'t str,
    },
}

/// The words of a line.
pub(super) struct Words<'t>(SplitAsciiWhitespace<'t>);

impl<'t> Words<'t> {
    pub(super) fn new(line: &'t str) -> Self {
        Self(line.split_ascii_whitespace())
    }

    pub(super) fn next(&mut self) -> Option<&'t str> {
        self.0.next()
    }

    /// The next word as `read` understands it.
    pub(super) fn take<T>(
        &mut self,
        want: &'static str,
        read: impl FnOnce(&'t str) -> Option<T>,
    ) -> Result<T, TextError<'t>> {
        let word = self.next().ok_or(TextError::Missing(want))?;
        read(word).ok_or(TextError::Wrong { want, word })
    }

    /// A whole number, decimal or 0x….
    pub(super) fn number<T: TryFrom<u32>>(&mut self, want: &'static str) -> Result<T, TextError<'t>> {
        self.take(want, |word| {
            let number = match word.strip_prefix("0x") {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => word.parse(),
            };
            number.ok().and_then(|number| T::try_from(number).ok())
        })
    }

    pub(super) fn decimal(&mut self, want: &'static str) -> Result<f64, TextError<'t>> {
        self.take(want, decimal::parse)
    }

    pub(super) fn end(&mut self) -> Result<(), TextError<'t>> {
        match self.next() {
            None => Ok(()),
            Some(word) => Err(TextError::Wrong {
                want: "end of line",
                word,
            }),
        }
    }
}

/// What a channel row looks like, for `help`.
pub(super) const USAGE: &str = "\
  DEVICE QUANTITY SOURCE every MS [dead N] [gain N] [offset N] [inverted] [debounce MS]
SOURCE:
  loop ADDRESS INPUT SHUNT_MILLIOHM LO HI UNIT    4-20 mA on an ADS1115
  transmitter PORT SLAVE                          Modbus pressure transmitter
  remote PORT SLAVE holding|input REGISTER current NANOAMPS LO HI UNIT
  remote PORT SLAVE holding|input REGISTER contact BIT
  nice3000 PORT SLAVE fault|speed|floor|load|door|mode|moving|direction
  input safety|lock|zone|inspection|alarm|presence
  temperature ADDRESS                             LM75 class";

/// Reads a row: everything behind the channel's number.
pub(super) fn parse<'t>(words: &mut Words<'t>) -> Result<Channel, TextError<'t>> {
    let device = words.number("device")?;
    let quantity = words.take("quantity", Quantity::from_key)?;
    let source = parse_source(words)?;
    words.take("every", |word| (word == "every").then_some(()))?;
    let mut channel = Channel::new(device, quantity, source, words.number("period, ms")?);
    while let Some(word) = words.next() {
        match word {
            "dead" => channel.dead_band = words.decimal("dead band")? as f32,
            "gain" => channel.calibration.gain = words.decimal("gain")?,
            "offset" => channel.calibration.offset = words.decimal("offset")?,
            "inverted" => channel.inverted = true,
            "debounce" => channel.debounce_ms = words.number("debounce, ms")?,
            word => {
                let want = "dead, gain, offset, inverted or debounce";
                return Err(TextError::Wrong { want, word });
            }
        }
    }
    Ok(channel)
}

fn parse_source<'t>(words: &mut Words<'t>) -> Result<Source, TextError<'t>> {
    let want = "loop, transmitter, remote, nice3000, input or temperature";
    let kind = words.next().ok_or(TextError::Missing("source"))?;
    Ok(match kind {
        "loop" => Source::CurrentLoop {
            address: words.number("address")?,
            input: words.number("input")?,
            shunt_milliohm: words.number("shunt, mOhm")?,
            lo: words.decimal("value at 4 mA")?,
            hi: words.decimal("value at 20 mA")?,
            unit: words.take("unit", Unit::from_key)?,
        },
        "transmitter" => Source::PressureTransmitter {
            port: words.number("port")?,
            slave: words.number("slave")?,
        },
        "remote" => Source::RemoteIo {
            port: words.number("port")?,
            slave: words.number("slave")?,
            register: remote_io::Register {
                table: words.take("holding or input", |word| match word {
                    "holding" => Some(Table::Holding),
                    "input" => Some(Table::Input),
                    _ => None,
                })?,
                address: words.number("register")?,
            },
            signal: match words.next() {
                Some("contact") => remote_io::Signal::Contact(words.number("bit")?),
                Some("current") => remote_io::Signal::Current {
                    nanoamps: words.number("nA per count")?,
                    lo: words.decimal("value at 4 mA")?,
                    hi: words.decimal("value at 20 mA")?,
                    unit: words.take("unit", Unit::from_key)?,
                },
                Some(word) => {
                    let want = "current or contact";
                    return Err(TextError::Wrong { want, word });
                }
                None => return Err(TextError::Missing("current or contact")),
            },
        },
        "nice3000" => Source::Nice3000 {
            port: words.number("port")?,
            slave: words.number("slave")?,
            point: words.take("point", |word| {
                Point::ALL.into_iter().find(|point| point.key() == word)
            })?,
        },
        "input" => Source::LiftInput(words.take("sensor", |word| {
            LiftSensor::ALL.into_iter().find(|sensor| sensor.key() == word)
        })?),
        "temperature" => Source::Temperature {
            address: words.number("address")?,
        },
        word => return Err(TextError::Wrong { want, word }),
    })
}

/// A row as [`parse`] reads it.
pub(super) struct Row<'c>(pub(super) &'c Channel);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channel = self.0;
        write!(f, "{} {} ", channel.device, channel.quantity)?;
        match channel.source {
            Source::CurrentLoop {
                address,
                input,
                shunt_milliohm,
                lo,
                hi,
                unit,
            } => {
                write!(f, "loop {address:#04x} {input} {shunt_milliohm} ")?;
                write!(f, "{} {} {unit}", Decimal(lo), Decimal(hi))?;
            }
            Source::PressureTransmitter { port, slave } => write!(f, "transmitter {port} {slave}")?,
            Source::RemoteIo {
                port,
                slave,
                register,
                signal,
            } => {
                let table = match register.table {
                    Table::Holding => "holding",
                    Table::Input => "input",
                };
                write!(f, "remote {port} {slave} {table} {:#06x} ", register.address)?;
                match signal {
                    remote_io::Signal::Contact(bit) => write!(f, "contact {bit}")?,
                    remote_io::Signal::Current {
                        nanoamps,
                        lo,
                        hi,
                        unit,
                    } => write!(f, "current {nanoamps} {} {} {unit}", Decimal(lo), Decimal(hi))?,
                }
            }
            Source::Nice3000 { port, slave, point } => write!(f, "nice3000 {port} {slave} {}", point.key())?,
            Source::LiftInput(sensor) => write!(f, "input {}", sensor.key())?,
            Source::Temperature { address } => write!(f, "temperature {address:#04x}")?,
        }
        write!(f, " every {}", channel.period_ms)?;
        if channel.dead_band != 0.0 {
            // What was written as a decimal was rounded to a float of seven digits.
            let rounded = (f64::from(channel.dead_band) * 1e6 + 0.5) as i64 as f64 / 1e6;
            write!(f, " dead {}", Decimal(rounded))?;
        }
        let Calibration { gain, offset } = channel.calibration;
        if gain != 1.0 {
            write!(f, " gain {}", Decimal(gain))?;
        }
        if offset != 0.0 {
            write!(f, " offset {}", Decimal(offset))?;
        }
        if channel.inverted {
            f.write_str(" inverted")?;
        }
        if channel.debounce_ms != 0 {
            write!(f, " debounce {}", channel.debounce_ms)?;
        }
        Ok(())
    }
}

impl fmt::Display for TextError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(want) => write!(f, "{want} expected at the end"),
            Self::Wrong { want, word } => write!(f, "{want} expected, not \"{word}\""),
        }
    }
}

impl core::error::Error for TextError<'_> {}
