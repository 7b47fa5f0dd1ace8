//! The slaves of one RS-485 line: bytes in, bytes out, time as an argument.

use serde::Serialize;

use super::fault::{SlaveCounts, SlaveFault, SlaveFaultKind};
use super::registers::{Exception, Registers, answer, writes};
use super::rtu::{Frame, Framer};
use crate::rng::Rng;

/// One slave. Its registers are set from outside; it knows of no equipment.
#[derive(Clone, Debug)]
struct Slave {
    unit: u8,
    turnaround_us: u64,
    /// None while it has failed.
    registers: Option<Registers>,
    faults: Vec<SlaveFault>,
    rng: Rng,
    busy_until_us: u64,
    counts: SlaveCounts,
}

/// Bytes that go out together.
#[derive(Clone, Debug)]
struct Chunk {
    due_us: u64,
    bytes: Vec<u8>,
}

/// What a line carried, besides the requests its slaves counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LineCounts {
    /// Sound requests to slaves that are not on the line.
    pub strangers: u64,
    /// Sound requests to everybody: nobody answers.
    pub broadcasts: u64,
    /// Bytes that belonged to no sound request.
    pub stray_bytes: u64,
}

/// The slaves of one line.
#[derive(Clone, Debug)]
pub struct Line {
    framer: Framer,
    slaves: Vec<Slave>,
    /// In the order of their times; of equal times, in the order they were made.
    outgoing: Vec<Chunk>,
    counts: LineCounts,
}

impl Line {
    /// A line without slaves, on which `silence_us` without a byte ends a frame.
    #[must_use]
    pub const fn new(silence_us: u64) -> Self {
        Self {
            framer: Framer::new(silence_us),
            slaves: Vec::new(),
            outgoing: Vec::new(),
            counts: LineCounts {
                strangers: 0,
                broadcasts: 0,
                stray_bytes: 0,
            },
        }
    }

    /// Adds a slave that answers `turnaround_us` after a request; `rng` decides which replies its faults hit. Its
    /// position.
    pub fn add(&mut self, unit: u8, turnaround_us: u64, rng: Rng) -> usize {
        self.slaves.push(Slave {
            unit,
            turnaround_us,
            registers: None,
            faults: Vec::new(),
            rng,
            busy_until_us: 0,
            counts: SlaveCounts::default(),
        });
        self.slaves.len() - 1
    }

    /// What the registers of the slave at `position` hold from now on; none when it has failed.
    pub fn set(&mut self, position: usize, registers: Option<Registers>) {
        if let Some(slave) = self.slaves.get_mut(position) {
            slave.registers = registers;
        }
    }

    /// Begins or ends a fault of the slave at `position`.
    pub fn turn(&mut self, position: usize, fault: &SlaveFault, on: bool) {
        let Some(slave) = self.slaves.get_mut(position) else {
            return;
        };
        if on {
            slave.faults.push(fault.clone());
        } else if let Some(at) = slave.faults.iter().position(|active| active == fault) {
            slave.faults.remove(at);
        }
    }

    /// Takes bytes heard at `now_us`, which never goes back.
    pub fn hear(&mut self, now_us: u64, bytes: &[u8]) {
        for frame in self.framer.hear(now_us, bytes) {
            self.take(now_us, &frame);
        }
    }

    /// When [`Line::speak`] has to be called next.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        let out = self.outgoing.first().map(|chunk| chunk.due_us);
        out.into_iter().chain(self.framer.due()).min()
    }

    /// The bytes that go out by `now_us`.
    pub fn speak(&mut self, now_us: u64) -> Vec<u8> {
        if let Some(frame) = self.framer.silence(now_us) {
            self.take(now_us, &frame);
        }
        let due = self.outgoing.partition_point(|chunk| chunk.due_us <= now_us);
        self.outgoing.drain(..due).flat_map(|chunk| chunk.bytes).collect()
    }

    /// The master is gone: what was under way either way is lost.
    pub fn disconnect(&mut self) {
        self.framer.clear();
        self.outgoing.clear();
        for slave in &mut self.slaves {
            slave.busy_until_us = 0;
        }
    }

    /// What became of the requests to the slave at `position`.
    #[must_use]
    pub fn slave_counts(&self, position: usize) -> SlaveCounts {
        self.slaves
            .get(position)
            .map(|slave| slave.counts)
            .unwrap_or_default()
    }

    /// What the line carried besides.
    #[must_use]
    pub const fn counts(&self) -> LineCounts {
        LineCounts {
            stray_bytes: self.framer.stray,
            ..self.counts
        }
    }

    fn take(&mut self, now_us: u64, frame: &Frame) {
        if frame.unit == 0 {
            self.counts.broadcasts += 1;
            return;
        }
        let Some(slave) = self.slaves.iter_mut().find(|slave| slave.unit == frame.unit) else {
            self.counts.strangers += 1;
            return;
        };
        for chunk in slave.take(now_us, &frame.pdu) {
            let after = self
                .outgoing
                .partition_point(|other| other.due_us <= chunk.due_us);
            self.outgoing.insert(after, chunk);
        }
    }
}

impl Slave {
    fn take(&mut self, now_us: u64, pdu: &[u8]) -> Vec<Chunk> {
        let function = pdu.first().copied().unwrap_or(0);
        self.counts.writes += u64::from(writes(function));
        if now_us < self.busy_until_us {
            self.counts.missed += 1;
            return Vec::new();
        }
        self.counts.heard += 1;
        let fault = self.fault();
        let mut reply = Frame {
            unit: self.unit,
            pdu: match (answer(self.registers.as_ref(), pdu), fault) {
                (_, Some(SlaveFaultKind::Exception { code })) => refusal(function, Exception(code)),
                (Ok(pdu), _) => pdu,
                (Err(exception), _) => refusal(function, exception),
            },
        };
        match fault {
            Some(kind) => *self.counts.of(kind) += 1,
            None if reply.pdu[0] == function => self.counts.answered += 1,
            None => self.counts.refused += 1,
        }
        if fault == Some(SlaveFaultKind::WrongUnit) {
            reply.unit = self.unit % 247 + 1;
        }
        let due_us = now_us + self.turnaround_us;
        let chunks = self.spoil(due_us, reply.bytes(), fault);
        self.busy_until_us = chunks.last().map_or(now_us, |chunk| chunk.due_us);
        chunks
    }

    /// The fault that hits the next reply. Every fault draws for every reply, so that one ending does not change what
    /// another hits.
    fn fault(&mut self) -> Option<SlaveFaultKind> {
        let mut hit = None;
        for fault in &self.faults {
            if self.rng.unit() < fault.share {
                hit = hit.or(Some(fault.kind));
            }
        }
        hit
    }

    fn spoil(&mut self, due_us: u64, mut bytes: Vec<u8>, fault: Option<SlaveFaultKind>) -> Vec<Chunk> {
        match fault {
            Some(SlaveFaultKind::Silent) => Vec::new(),
            Some(SlaveFaultKind::Slow { gap_ms }) => {
                let gap_us = u64::from(gap_ms) * 1_000;
                let times = (0..).map(|n| due_us + n * gap_us);
                let chunks = times.zip(bytes).map(|(due_us, byte)| Chunk {
                    due_us,
                    bytes: vec![byte],
                });
                chunks.collect()
            }
            Some(SlaveFaultKind::Late { delay_ms }) => vec![Chunk {
                due_us: due_us + u64::from(delay_ms) * 1_000,
                bytes,
            }],
            Some(SlaveFaultKind::BadCrc) => {
                if let Some(last) = bytes.last_mut() {
                    *last ^= 1 << self.rng.below(8);
                }
                vec![Chunk { due_us, bytes }]
            }
            Some(SlaveFaultKind::Noise) => {
                let mut noise: Vec<u8> = (0..=self.rng.below(6))
                    .map(|_| self.rng.next_u64() as u8)
                    .collect();
                noise.extend(bytes);
                vec![Chunk { due_us, bytes: noise }]
            }
            Some(SlaveFaultKind::WrongUnit | SlaveFaultKind::Exception { .. }) | None => {
                vec![Chunk { due_us, bytes }]
            }
        }
    }
}

fn refusal(function: u8, exception: Exception) -> Vec<u8> {
    vec![function | 0x80, exception.0]
}

#[cfg(test)]
mod tests;
