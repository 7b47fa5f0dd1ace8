//! An SD card in its SPI mode.

use core::fmt;

use vigil_firmware::block_store::{BLOCK, BlockDevice};

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

/// The wires to the card: SPI mode 0, most significant bit first. Copies share them.
pub trait CardPort: Clone {
    /// Sets the clock, Hz, or the next slower one there is.
    fn speed(&self, hz: u32);
    /// Selects the card, by a low level, or lets go of it.
    fn select(&self, selected: bool);
    /// Sends a byte; the one received meanwhile.
    fn exchange(&self, byte: u8) -> u8;
}

/// What the card did not do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SdError {
    /// No card, or none that speaks SPI.
    Absent,
    /// It never became ready.
    NotReady,
    /// It refused this command with this answer.
    Refused {
        /// Its number.
        command: u8,
        /// Its R1, or the second byte of R2.
        answer: u8,
    },
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
pub struct Sd<P> {
    port: P,
    high_capacity: bool,
}

impl<P: CardPort> Sd<P> {
    /// Wakes the card up.
    ///
    /// # Errors
    /// [`SdError`]
    pub fn start(port: P) -> Result<Self, SdError> {
        let mut card = Sd {
            port,
            high_capacity: false,
        };
        card.port.select(false);
        card.port.speed(400_000);
        for _ in 0..10 {
            card.exchange(0xff);
        }
        let found = card.selected(|| (0..10).any(|_| card.command(GO_IDLE, 0, 0x95) == IDLE));
        if !found {
            return Err(SdError::Absent);
        }
        let version_2 = card.selected(|| {
            let answer = card.command(SEND_IF_COND, 0x1aa, 0x87);
            card.rest_of_answer();
            answer == IDLE
        });
        let host = if version_2 { 1 << 30 } else { 0 };
        let ready = (0..INIT_ROUNDS).any(|_| {
            card.selected(|| card.command(APP_COMMAND, 0, 1));
            card.selected(|| card.command(SEND_OP_COND, host, 1)) == 0
        });
        if !ready {
            return Err(SdError::NotReady);
        }
        if version_2 {
            card.high_capacity = card.selected(|| {
                card.command(READ_OCR, 0, 1);
                card.rest_of_answer()[0] & HIGH_CAPACITY != 0
            });
        }
        if !card.high_capacity {
            card.selected(|| card.accepted(SET_BLOCK_LEN, BLOCK as u32))?;
        }
        card.port.speed(12_500_000);
        Ok(card)
    }

    const fn address(&self, block: u32) -> u32 {
        if self.high_capacity {
            block
        } else {
            block * BLOCK as u32
        }
    }

    fn exchange(&self, byte: u8) -> u8 {
        self.port.exchange(byte)
    }

    /// With the card selected; it lets go of the line eight clocks after.
    fn selected<R>(&self, f: impl FnOnce() -> R) -> R {
        self.port.select(true);
        self.exchange(0xff);
        let result = f();
        self.port.select(false);
        self.exchange(0xff);
        result
    }

    /// Sends a command; its answer, 0xff when there is none. The checksum only counts before the SPI mode.
    fn command(&self, number: u8, argument: u32, crc: u8) -> u8 {
        self.exchange(0x40 | number);
        for byte in argument.to_be_bytes() {
            self.exchange(byte);
        }
        self.exchange(crc);
        (0..ANSWER)
            .map(|_| self.exchange(0xff))
            .find(|answer| answer & 0x80 == 0)
            .unwrap_or(0xff)
    }

    fn accepted(&self, number: u8, argument: u32) -> Result<(), SdError> {
        match self.command(number, argument, 1) {
            0 => Ok(()),
            answer => Err(SdError::Refused {
                command: number,
                answer,
            }),
        }
    }

    fn rest_of_answer(&self) -> [u8; 4] {
        [(); 4].map(|()| self.exchange(0xff))
    }
}

impl<P: CardPort> BlockDevice for Sd<P> {
    type Error = SdError;

    fn read(&mut self, block: u32, bytes: &mut [u8; BLOCK]) -> Result<(), SdError> {
        self.selected(|| {
            self.accepted(READ_BLOCK, self.address(block))?;
            let begins = (0..DATA_PATIENCE)
                .map(|_| self.exchange(0xff))
                .find(|byte| *byte != 0xff);
            if begins != Some(START) {
                return Err(SdError::NoData);
            }
            for byte in bytes.iter_mut() {
                *byte = self.exchange(0xff);
            }
            // The card's own checksum; records have one of their own.
            self.exchange(0xff);
            self.exchange(0xff);
            Ok(())
        })
    }

    fn write(&mut self, block: u32, bytes: &[u8; BLOCK]) -> Result<(), SdError> {
        self.selected(|| {
            self.accepted(WRITE_BLOCK, self.address(block))?;
            self.exchange(0xff);
            self.exchange(START);
            for byte in bytes {
                self.exchange(*byte);
            }
            self.exchange(0xff);
            self.exchange(0xff);
            if self.exchange(0xff) & 0x1f != 0x05 {
                return Err(SdError::NotTaken);
            }
            if !(0..WRITE_PATIENCE).any(|_| self.exchange(0xff) == 0xff) {
                return Err(SdError::Busy);
            }
            Ok(())
        })?;
        // Whether it was programmed, not only received.
        self.selected(|| {
            let answer = self.command(SEND_STATUS, 0, 1);
            match (answer, self.exchange(0xff)) {
                (0, 0) => Ok(()),
                (0, answer) | (answer, _) => Err(SdError::Refused {
                    command: SEND_STATUS,
                    answer,
                }),
            }
        })
    }
}
