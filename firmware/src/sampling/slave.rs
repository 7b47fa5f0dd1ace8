//! How the slaves of a bus do, and how long a dead one is left alone.

use crate::drivers::{Block, Bus, Fault};
use crate::time::Uptime;

/// Failures in a row after which a slave counts as dead.
const DEAD_AFTER: u32 = 3;
/// First and longest wait before a dead slave is asked again, ms.
const WAIT_MS: (u32, u32) = (1_000, 30_000);

/// What became of the readings of one slave, since boot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "the names say it; all are numbers of readings")]
pub struct SlaveCounters {
    pub good: u32,
    pub silent: u32,
    pub corrupt: u32,
    pub wrong_unit: u32,
    pub refused: u32,
    pub nack: u32,
    pub other: u32,
}

/// One slave: all that answers to one address of the bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slave {
    /// Where it is.
    pub bus: Bus,
    /// Modbus slave or I2C address; 0 for the input pins.
    pub address: u8,
    /// Since boot.
    pub counters: SlaveCounters,
    /// Failures since the last good reading.
    pub failures_in_row: u32,
    /// Not asked before.
    pub(super) not_before: Uptime,
}

impl SlaveCounters {
    /// All that failed.
    #[must_use]
    pub const fn failed(&self) -> u32 {
        let Self {
            good: _,
            silent,
            corrupt,
            wrong_unit,
            refused,
            nack,
            other,
        } = *self;
        silent
            .saturating_add(corrupt)
            .saturating_add(wrong_unit)
            .saturating_add(refused)
            .saturating_add(nack)
            .saturating_add(other)
    }

    const fn of(&mut self, fault: Fault) -> Option<&mut u32> {
        Some(match fault {
            Fault::Silent => &mut self.silent,
            Fault::Corrupt => &mut self.corrupt,
            Fault::WrongUnit => &mut self.wrong_unit,
            Fault::Refused => &mut self.refused,
            Fault::Nack => &mut self.nack,
            Fault::Identity | Fault::Bus => &mut self.other,
            Fault::NotTried => return None,
        })
    }
}

impl Slave {
    pub(super) const fn new(bus: Bus, address: u8) -> Self {
        Self {
            bus,
            address,
            counters: SlaveCounters {
                good: 0,
                silent: 0,
                corrupt: 0,
                wrong_unit: 0,
                refused: 0,
                nack: 0,
                other: 0,
            },
            failures_in_row: 0,
            not_before: Uptime(0),
        }
    }

    /// The address a block is read from.
    pub(super) const fn address_of(block: &Block) -> u8 {
        match block {
            Block::Registers(request) => request.unit(),
            Block::LoopCurrent { address, .. } | Block::Temperature { address } => *address,
            Block::Inputs => 0,
        }
    }

    /// Whether it is asked only when nobody else has to wait for it.
    #[must_use]
    pub const fn is_dead(&self) -> bool {
        self.failures_in_row >= DEAD_AFTER
    }

    pub(super) const fn on_good(&mut self) {
        self.counters.good = self.counters.good.saturating_add(1);
        self.failures_in_row = 0;
        self.not_before = Uptime(0);
    }

    /// `settle_ms`: how long a reply may still come after none came.
    pub(super) const fn on_fault(&mut self, now: Uptime, fault: Fault, settle_ms: u32) {
        let Some(counter) = self.counters.of(fault) else {
            self.not_before = now.after_ms(settle_ms / 4 + 1);
            return;
        };
        *counter = counter.saturating_add(1);
        self.failures_in_row = self.failures_in_row.saturating_add(1);
        let wait = if self.is_dead() {
            let (first, longest) = WAIT_MS;
            let doublings = self.failures_in_row - DEAD_AFTER;
            let wait = if doublings < 5 {
                first << doublings
            } else {
                longest
            };
            if wait > longest { longest } else { wait }
        } else if matches!(fault, Fault::Silent | Fault::WrongUnit) {
            settle_ms
        } else {
            0
        };
        self.not_before = now.after_ms(wait);
    }
}
