//! What is wrong between a slave and its master.

use serde::Serialize;

/// A fault of a slave's replies. It lasts from its `at` to its `until`.
#[derive(Clone, Debug, PartialEq)]
pub struct SlaveFault {
    /// What happens to a reply.
    pub kind: SlaveFaultKind,
    /// To which part of the replies, 0..=1; which ones is random, but the same in every run.
    pub share: f64,
}

/// What happens to a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlaveFaultKind {
    /// It comes this much too late, ms; until then the slave hears nothing.
    Late {
        /// Delay, ms.
        delay_ms: u32,
    },
    /// Its CRC is wrong.
    BadCrc,
    /// It bears the next slave's address, with a CRC that fits.
    WrongUnit,
    /// It does not come.
    Silent,
    /// Noise goes before it, without a pause.
    Noise,
    /// Its bytes come one by one with this pause between them, ms.
    Slow {
        /// Pause, ms.
        gap_ms: u32,
    },
    /// The slave refuses with this exception code.
    Exception {
        /// Code.
        code: u8,
    },
}

impl SlaveFault {
    /// Whether a master that knows its trade gets no value at all while it lasts.
    #[must_use]
    pub fn cuts_off(&self) -> bool {
        self.share >= 1.0 && !matches!(self.kind, SlaveFaultKind::Noise | SlaveFaultKind::Slow { .. })
    }
}

/// What became of the requests to one slave. `heard` is the sum of all below it but `missed` and `writes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SlaveCounts {
    /// Sound requests to it.
    pub heard: u64,
    /// Answered as they should be: values.
    pub answered: u64,
    /// Answered as they should be: refused, because the request was wrong or the instrument has failed.
    pub refused: u64,
    /// Answered too late, by a fault.
    pub late: u64,
    /// Answered with a wrong CRC, by a fault.
    pub bad_crc: u64,
    /// Answered with another address, by a fault.
    pub wrong_unit: u64,
    /// Not answered, by a fault.
    pub silent: u64,
    /// Answered after noise, by a fault.
    pub noise: u64,
    /// Answered byte by byte, by a fault.
    pub slow: u64,
    /// Refused, by a fault.
    pub exception: u64,
    /// Sound requests that came while it was busy with an answer: not heard.
    pub missed: u64,
    /// Requests that would have written to it, heard or missed. There are to be none.
    pub writes: u64,
}

impl SlaveCounts {
    pub(super) const fn of(&mut self, kind: SlaveFaultKind) -> &mut u64 {
        match kind {
            SlaveFaultKind::Late { .. } => &mut self.late,
            SlaveFaultKind::BadCrc => &mut self.bad_crc,
            SlaveFaultKind::WrongUnit => &mut self.wrong_unit,
            SlaveFaultKind::Silent => &mut self.silent,
            SlaveFaultKind::Noise => &mut self.noise,
            SlaveFaultKind::Slow { .. } => &mut self.slow,
            SlaveFaultKind::Exception { .. } => &mut self.exception,
        }
    }
}
