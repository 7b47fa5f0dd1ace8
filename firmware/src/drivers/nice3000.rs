//! Monarch NICE3000+ lift controller over RS-485: its monitoring registers. Its control words (0x6000 and on) cannot be
//! written: there is no request for it. Source of the map: ElevatorControl2, `NICE3000+_State.json`.

use core::fmt;

use serde::{Deserialize, Serialize};
use vigil_protocol::signal::{RegisterCodec, RegisterType};
use vigil_protocol::vocabulary::{CarDirection, NoData, Quantity, ServiceMode};

use crate::modbus::{MAX_WORDS, Master, ModbusError, Request, RequestError, Table};
use crate::reading::{Reading, Value};
use crate::time::Uptime;

/// Holding registers read here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Register {
    /// 0.001 m/s.
    Speed = 0x1010,
    /// 0.001 m/s; what the controller is recognised by.
    RatedSpeed = 0x1011,
    /// Floor.
    Floor = 0x1018,
    /// 0.1 %.
    Load = 0x101a,
    /// Inputs of the car-top board.
    CarTopInputs = 0x101b,
    /// Mode and state of the car.
    Status = 0x101d,
    /// 1 up, 2 down, 3 stopped.
    Direction = 0x3000,
    /// Number of the active fault; 0 none.
    Fault = 0x8000,
}

/// What a channel takes from the controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Point {
    /// Active fault.
    Fault,
    /// Car speed.
    Speed,
    /// Floor.
    Floor,
    /// Load.
    Load,
    /// Door closed.
    DoorClosed,
    /// Mode.
    Mode,
    /// Car runs.
    Moving,
    /// Direction.
    Direction,
}

/// A failed reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error<E> {
    /// The slave address cannot be.
    Request(RequestError),
    /// The line failed at this register.
    Modbus(Register, ModbusError<E>),
    /// The rated speed is not that of a lift: another part, or one that is not set up.
    Identity(u16),
}

/// First and last register of the block that holds the state of the car.
const STATE: (Register, Register) = (Register::Speed, Register::Status);
/// Rated speeds of lifts, mm/s: 0.1 to 10 m/s.
const RATED_SPEED: core::ops::RangeInclusive<u16> = 100..=10_000;

impl Point {
    /// Every point.
    pub const ALL: [Self; 8] = [
        Self::Fault,
        Self::Speed,
        Self::Floor,
        Self::Load,
        Self::DoorClosed,
        Self::Mode,
        Self::Moving,
        Self::Direction,
    ];

    /// The quantity it is.
    #[must_use]
    pub const fn quantity(self) -> Quantity {
        match self {
            Self::Fault => Quantity::FaultCode,
            Self::Speed => Quantity::CarSpeed,
            Self::Floor => Quantity::CarPosition,
            Self::Load => Quantity::CarLoad,
            Self::DoorClosed => Quantity::DoorClosed,
            Self::Mode => Quantity::ServiceMode,
            Self::Moving => Quantity::CarMoving,
            Self::Direction => Quantity::CarDirection,
        }
    }

    /// Its name on the console.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Speed => "speed",
            Self::Floor => "floor",
            Self::Load => "load",
            Self::DoorClosed => "door",
            Self::Mode => "mode",
            Self::Moving => "moving",
            Self::Direction => "direction",
        }
    }

    /// Its register.
    #[must_use]
    pub const fn register(self) -> Register {
        match self {
            Self::Fault => Register::Fault,
            Self::Speed => Register::Speed,
            Self::Floor => Register::Floor,
            Self::Load => Register::Load,
            Self::DoorClosed => Register::CarTopInputs,
            Self::Mode | Self::Moving => Register::Status,
            Self::Direction => Register::Direction,
        }
    }
}

/// The block that holds `point`. The fault and the direction are read alone: short frames, often.
///
/// # Errors
/// When `unit` cannot be asked.
pub const fn request(unit: u8, point: Point) -> Result<Request, RequestError> {
    let (first, last) = match point.register() {
        Register::Fault => (Register::Fault, Register::Fault),
        Register::Direction => (Register::Direction, Register::Direction),
        _ => STATE,
    };
    let count = last as u16 - first as u16 + 1;
    Request::new(unit, Table::Holding, first as u16, count as u8)
}

/// What `point` reads in its block.
#[must_use]
pub fn convert(words: &[u16], point: Point) -> Reading {
    let first = match point.register() {
        Register::Fault | Register::Direction => point.register(),
        _ => STATE.0,
    };
    let at = usize::from(point.register() as u16 - first as u16);
    let Some(word) = words.get(at).copied() else {
        return Reading::NoData(NoData::Comm);
    };
    let code = |code: u8| Reading::good(Value::Code(code.into()));
    match point {
        Point::Fault => Reading::good(Value::Fault(word)),
        Point::Speed => scaled(word, 0.001),
        Point::Floor => Reading::good(Value::Code((word as i16).into())),
        Point::Load => scaled(word, 0.1),
        // Bit 4: close limit 1.
        Point::DoorClosed => Reading::good(Value::Flag(word >> 4 & 1 == 1)),
        Point::Mode => code(mode(word >> 4 & 0xf).code()),
        Point::Moving => match word >> 8 & 0xf {
            5 => Reading::good(Value::Flag(true)),
            0..=4 | 6 => Reading::good(Value::Flag(false)),
            _ => Reading::NoData(NoData::Device),
        },
        Point::Direction => match word {
            1 => code(CarDirection::Up.code()),
            2 => code(CarDirection::Down.code()),
            3 => code(CarDirection::Stopped.code()),
            _ => Reading::NoData(NoData::Device),
        },
    }
}

fn scaled(word: u16, scale: f64) -> Reading {
    match RegisterCodec::scaled(RegisterType::I16, scale).decode(&[word]) {
        Ok(value) => Reading::good(Value::Number(value)),
        Err(_) => Reading::NoData(NoData::Config),
    }
}

/// Bits 4–7 of the status word. Whatever may carry passengers under automatic control is normal service.
const fn mode(state: u16) -> ServiceMode {
    match state {
        0 => ServiceMode::Inspection,
        3 => ServiceMode::FireRecall,
        4 => ServiceMode::Firefighter,
        // Micro-levelling, attendant, automatic, parking, re-levelling, checking the main floor, VIP.
        2 | 6 | 7 | 9 | 10 | 14 | 15 => ServiceMode::Normal,
        // Learning the shaft, fault, locked, motor tuning, keypad.
        1 | 5 | 8 | 12 | 13 => ServiceMode::OutOfService,
        // 11, levelling at inspection speed, says neither.
        _ => ServiceMode::Unknown,
    }
}

/// Reads the block that holds `point`, and converts it.
///
/// # Errors
/// [`Error`]
pub async fn read<P, D>(
    master: &mut Master<P, D>,
    now: Uptime,
    unit: u8,
    point: Point,
) -> Result<Reading, Error<P::Error>>
where
    P: embedded_io_async::Read + embedded_io_async::Write,
    D: embedded_hal_async::delay::DelayNs,
{
    let request = request(unit, point).map_err(Error::Request)?;
    let mut words = [0; MAX_WORDS];
    let words = master
        .read(now, &request, &mut words)
        .await
        .map_err(|error| Error::Modbus(point.register(), error))?;
    Ok(convert(words, point))
}

/// Whether a lift controller that is set up answers. The part has no identity register; its rated speed will do.
///
/// # Errors
/// [`Error`]
pub async fn identify<P, D>(master: &mut Master<P, D>, now: Uptime, unit: u8) -> Result<(), Error<P::Error>>
where
    P: embedded_io_async::Read + embedded_io_async::Write,
    D: embedded_hal_async::delay::DelayNs,
{
    let request =
        Request::new(unit, Table::Holding, Register::RatedSpeed as u16, 1).map_err(Error::Request)?;
    let mut words = [0; MAX_WORDS];
    let words = master
        .read(now, &request, &mut words)
        .await
        .map_err(|error| Error::Modbus(Register::RatedSpeed, error))?;
    match words {
        [speed, ..] if RATED_SPEED.contains(speed) => Ok(()),
        words => Err(Error::Identity(words.first().copied().unwrap_or(0))),
    }
}

impl<E: fmt::Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => write!(f, "NICE3000+: {error}"),
            Self::Modbus(register, error) => {
                write!(
                    f,
                    "NICE3000+ register {register:?} ({:#06x}): {error}",
                    *register as u16
                )
            }
            Self::Identity(speed) => {
                write!(f, "NICE3000+ register RatedSpeed: {speed} mm/s is no lift's")
            }
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}
