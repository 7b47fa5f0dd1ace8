//! A journal in memory: for load, and for nodes whose flash need not outlive the process.

use std::collections::VecDeque;
use std::convert::Infallible;

use vigil_firmware::{AppendError, Bounds, Header, Storage, StorageFault};

/// Records in memory, up to a number of bytes.
#[derive(Clone, Debug)]
pub struct MemoryStorage {
    header: Option<Header>,
    records: VecDeque<Box<[u8]>>,
    next: u64,
    bytes: usize,
    max_bytes: usize,
}

impl MemoryStorage {
    /// An empty store for `max_bytes` of records.
    #[must_use]
    pub const fn new(max_bytes: usize) -> Self {
        Self {
            header: None,
            records: VecDeque::new(),
            next: 0,
            bytes: 0,
            max_bytes,
        }
    }

    fn first(&self) -> u64 {
        self.next - self.records.len() as u64
    }
}

impl Storage for MemoryStorage {
    type Error = Infallible;

    fn header(&mut self) -> Result<Option<Header>, Infallible> {
        Ok(self.header)
    }

    fn save_header(&mut self, header: &Header) -> Result<(), Infallible> {
        self.header = Some(*header);
        Ok(())
    }

    fn bounds(&mut self) -> Result<Bounds, Infallible> {
        Ok(Bounds {
            first: self.first(),
            next: self.next,
        })
    }

    fn append(&mut self, seq: u64, record: &[u8]) -> Result<(), AppendError<Infallible>> {
        if record.len() > self.max_bytes {
            return Err(AppendError::TooLong);
        }
        if self.bytes + record.len() > self.max_bytes {
            return Err(AppendError::Full);
        }
        self.bytes += record.len();
        self.records.push_back(record.into());
        self.next = seq + 1;
        Ok(())
    }

    fn read(&mut self, seq: u64, buf: &mut [u8]) -> Result<Option<usize>, StorageFault<Infallible>> {
        let at = seq.checked_sub(self.first());
        let Some(record) = at.and_then(|at| self.records.get(at as usize)) else {
            return Ok(None);
        };
        buf.get_mut(..record.len())
            .ok_or(StorageFault::TooLong)?
            .copy_from_slice(record);
        Ok(Some(record.len()))
    }

    fn free_below(&mut self, seq: u64) -> Result<(), Infallible> {
        while self.first() < seq
            && let Some(record) = self.records.pop_front()
        {
            self.bytes -= record.len();
        }
        if self.records.is_empty() {
            self.next = self.next.max(seq);
        }
        Ok(())
    }

    fn oldest_unit_end(&self) -> Option<u64> {
        // A few at a time: the header is saved for each unit dropped.
        (!self.records.is_empty()).then(|| self.first() + (self.records.len() as u64 / 16).max(1))
    }
}
