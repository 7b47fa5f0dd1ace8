//! An SD card on SSI0, in its SPI mode; PD0 selects it.

use core::fmt;

use vigil_firmware::block_store::{BLOCK, BlockDevice};

use crate::regs::Reg;
use crate::system::{CLOCK_HZ, Port};

const CONTROL_0: Reg = Reg::at(0x4000_8000);
const CONTROL_1: Reg = Reg::at(0x4000_8004);
const DATA: Reg = Reg::at(0x4000_8008);
const STATUS: Reg = Reg::at(0x4000_800c);
const PRESCALE: Reg = Reg::at(0x4000_8010);

const EIGHT_BITS: u32 = 7;
const ENABLE: u32 = 1 << 1;
const RX_NOT_EMPTY: u32 = 1 << 2;
const SELECT: u32 = 1;

const GO_IDLE: u8 = 0;
const SEND_IF_COND: u8 = 8;
const SEND_STATUS: u8 = 13;
const SET_BLOCK_LEN: u8 = 16;
const READ_BLOCK: u8 = 17;
const WRITE_BLOCK: u8 = 24;
const APP_COMMAND: u8 = 55;
const READ_OCR: u8 = 58;
/// After [`APP_COMMAND`].
const SEND_OP_COND: u8 = 41;

const IDLE: u8 = 1;
const START: u8 = 0xfe;
/// Block addresses instead of byte addresses.
const HIGH_CAPACITY: u8 = 0x40;

/// Bytes waited for an answer to a command, for data, and for the end of a write: the last two are 100 and 250 ms at
/// 12.5 MHz.
const ANSWER: u32 = 16;
const DATA_PATIENCE: u32 = 160_000;
const WRITE_PATIENCE: u32 = 400_000;
/// Rounds of initialisation; a card may take a second.
const INIT_ROUNDS: u32 = 5_000;

/// What the card did not do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SdError {
    /// No card, or none that speaks SPI.
    Absent,
    /// It never became ready.
    NotReady,
    /// It refused this command with this answer.
    Refused { command: u8, answer: u8 },
    /// No data came.
    NoData,
    /// It did not take the data.
    NotTaken,
    /// It stayed busy.
    Busy,
}

impl fmt::Display for SdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no card answers"),
            Self::NotReady => f.write_str("it never became ready"),
            Self::Refused { command, answer } => write!(f, "it refused command {command} with {answer:#04x}"),
            Self::NoData => f.write_str("no data came"),
            Self::NotTaken => f.write_str("it did not take the data"),
            Self::Busy => f.write_str("it stayed busy"),
        }
    }
}

/// The card. Copies share it: each block is read or written in one go, by one task at a time.
#[derive(Clone, Copy)]
pub(crate) struct Sd {
    high_capacity: bool,
}

impl Sd {
    /// Wakes the card up. Pins PA2, PA4 and PA5, and PD0.
    pub(crate) fn start() -> Result<Self, SdError> {
        Port::A.to_peripheral(0b11_0100);
        Port::D.output_high(SELECT);
        speed(400_000);
        for _ in 0..10 {
            exchange(0xff);
        }
        let mut card = Sd { high_capacity: false };
        let found = selected(|| (0..10).any(|_| command(GO_IDLE, 0, 0x95) == IDLE));
        if !found {
            return Err(SdError::Absent);
        }
        let version_2 = selected(|| {
            let answer = command(SEND_IF_COND, 0x1aa, 0x87);
            rest_of_answer();
            answer == IDLE
        });
        let host = if version_2 { 1 << 30 } else { 0 };
        let ready = (0..INIT_ROUNDS).any(|_| {
            selected(|| command(APP_COMMAND, 0, 1));
            selected(|| command(SEND_OP_COND, host, 1)) == 0
        });
        if !ready {
            return Err(SdError::NotReady);
        }
        if version_2 {
            card.high_capacity = selected(|| {
                command(READ_OCR, 0, 1);
                rest_of_answer()[0] & HIGH_CAPACITY != 0
            });
        }
        if !card.high_capacity {
            selected(|| accepted(SET_BLOCK_LEN, BLOCK as u32))?;
        }
        speed(12_500_000);
        Ok(card)
    }

    const fn address(&self, block: u32) -> u32 {
        if self.high_capacity {
            block
        } else {
            block * BLOCK as u32
        }
    }
}

impl BlockDevice for Sd {
    type Error = SdError;

    fn read(&mut self, block: u32, bytes: &mut [u8; BLOCK]) -> Result<(), SdError> {
        selected(|| {
            accepted(READ_BLOCK, self.address(block))?;
            let begins = (0..DATA_PATIENCE)
                .map(|_| exchange(0xff))
                .find(|byte| *byte != 0xff);
            if begins != Some(START) {
                return Err(SdError::NoData);
            }
            for byte in bytes.iter_mut() {
                *byte = exchange(0xff);
            }
            // The card's own checksum; records have one of their own.
            exchange(0xff);
            exchange(0xff);
            Ok(())
        })
    }

    fn write(&mut self, block: u32, bytes: &[u8; BLOCK]) -> Result<(), SdError> {
        selected(|| {
            accepted(WRITE_BLOCK, self.address(block))?;
            exchange(0xff);
            exchange(START);
            for byte in bytes {
                exchange(*byte);
            }
            exchange(0xff);
            exchange(0xff);
            if exchange(0xff) & 0x1f != 0x05 {
                return Err(SdError::NotTaken);
            }
            if !(0..WRITE_PATIENCE).any(|_| exchange(0xff) == 0xff) {
                return Err(SdError::Busy);
            }
            Ok(())
        })?;
        // Whether it was programmed, not only received.
        selected(|| {
            let answer = command(SEND_STATUS, 0, 1);
            match (answer, exchange(0xff)) {
                (0, 0) => Ok(()),
                (0, answer) | (answer, _) => Err(SdError::Refused {
                    command: SEND_STATUS,
                    answer,
                }),
            }
        })
    }
}

fn speed(hz: u32) {
    CONTROL_1.write(0);
    CONTROL_0.write(EIGHT_BITS);
    // Even, at least 2; rounded to the slower side.
    PRESCALE.write((CLOCK_HZ.div_ceil(hz).next_multiple_of(2)).max(2));
    CONTROL_1.write(ENABLE);
}

fn exchange(byte: u8) -> u8 {
    DATA.write(byte.into());
    // Eight bits take 20 µs at most; the port needs nobody to go on.
    while STATUS.read() & RX_NOT_EMPTY == 0 {}
    DATA.read() as u8
}

/// With the card selected; it lets go of the line eight clocks after.
fn selected<R>(f: impl FnOnce() -> R) -> R {
    Port::D.low(SELECT);
    exchange(0xff);
    let result = f();
    Port::D.high(SELECT);
    exchange(0xff);
    result
}

/// Sends a command; its answer, 0xff when there is none. The checksum only counts before the SPI mode.
fn command(number: u8, argument: u32, crc: u8) -> u8 {
    exchange(0x40 | number);
    for byte in argument.to_be_bytes() {
        exchange(byte);
    }
    exchange(crc);
    (0..ANSWER)
        .map(|_| exchange(0xff))
        .find(|answer| answer & 0x80 == 0)
        .unwrap_or(0xff)
}

fn accepted(number: u8, argument: u32) -> Result<(), SdError> {
    match command(number, argument, 1) {
        0 => Ok(()),
        answer => Err(SdError::Refused {
            command: number,
            answer,
        }),
    }
}

fn rest_of_answer() -> [u8; 4] {
    [(); 4].map(|()| exchange(0xff))
}
