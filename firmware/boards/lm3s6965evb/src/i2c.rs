//! The I2C master of bus 0: 100 kHz, on PB2 and PB3.

use embedded_hal::i2c::{ErrorKind, ErrorType, NoAcknowledgeSource, Operation};
use embedded_hal_async::i2c::I2c;

use crate::regs::Reg;
use crate::system::{CLOCK_HZ, Port};

const ADDRESS: Reg = Reg::at(0x4002_0000);
const CONTROL: Reg = Reg::at(0x4002_0004);
const DATA: Reg = Reg::at(0x4002_0008);
const PERIOD: Reg = Reg::at(0x4002_000c);
const MODE: Reg = Reg::at(0x4002_0020);

const RUN: u32 = 1;
const START: u32 = 1 << 1;
const STOP: u32 = 1 << 2;
const ACK: u32 = 1 << 3;
const BUSY: u32 = 1;
const ERROR: u32 = 1 << 1;
const ADDRESS_NACK: u32 = 1 << 2;
const DATA_NACK: u32 = 1 << 3;
const ARBITRATION_LOST: u32 = 1 << 4;
const MASTER: u32 = 1 << 4;
const SPEED_HZ: u32 = 100_000;
/// A byte takes 90 µs; a slave that stretches the clock longer than this is stuck.
const PATIENCE: u32 = CLOCK_HZ / 100;

/// The bus; there is one.
pub(crate) struct Bus;

impl Bus {
    pub(crate) fn start() -> Self {
        Port::B.to_peripheral(0b1100);
        Port::B.open_drain(0b1000);
        MODE.write(MASTER);
        // One SCL period is 20 of these.
        PERIOD.write(CLOCK_HZ / (20 * SPEED_HZ) - 1);
        Bus
    }

    fn step(&mut self, command: u32) -> Result<(), ErrorKind> {
        CONTROL.write(command);
        let mut patience = PATIENCE;
        let status = loop {
            let status = CONTROL.read();
            if status & BUSY == 0 {
                break status;
            }
            patience -= 1;
            if patience == 0 {
                return Err(ErrorKind::Bus);
            }
        };
        if status & ERROR == 0 {
            return Ok(());
        }
        // The bus is still ours unless it was taken away.
        if status & ARBITRATION_LOST != 0 {
            return Err(ErrorKind::ArbitrationLoss);
        }
        CONTROL.write(STOP);
        Err(ErrorKind::NoAcknowledge(match status {
            s if s & ADDRESS_NACK != 0 => NoAcknowledgeSource::Address,
            s if s & DATA_NACK != 0 => NoAcknowledgeSource::Data,
            _ => NoAcknowledgeSource::Unknown,
        }))
    }

    fn write_bytes(&mut self, address: u8, bytes: &[u8]) -> Result<(), ErrorKind> {
        ADDRESS.write(u32::from(address) << 1);
        for (n, byte) in bytes.iter().enumerate() {
            DATA.write((*byte).into());
            let start = if n == 0 { START } else { 0 };
            let stop = if n + 1 == bytes.len() { STOP } else { 0 };
            self.step(RUN | start | stop)?;
        }
        Ok(())
    }

    fn read_bytes(&mut self, address: u8, bytes: &mut [u8]) -> Result<(), ErrorKind> {
        ADDRESS.write(u32::from(address) << 1 | 1);
        let len = bytes.len();
        for (n, byte) in bytes.iter_mut().enumerate() {
            let start = if n == 0 { START } else { 0 };
            let end = if n + 1 == len { STOP } else { ACK };
            self.step(RUN | start | end)?;
            *byte = DATA.read() as u8;
        }
        Ok(())
    }
}

impl ErrorType for Bus {
    type Error = ErrorKind;
}

/// Waits for the bus: 90 µs a byte. Each operation ends with a stop instead of a repeated start, which QEMU does not know; no slave on this board loses
/// its register pointer by it.
impl I2c for Bus {
    async fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        operations.iter_mut().try_for_each(|operation| match operation {
            Operation::Read(bytes) => self.read_bytes(address, bytes),
            Operation::Write(bytes) => self.write_bytes(address, bytes),
        })
    }
}
