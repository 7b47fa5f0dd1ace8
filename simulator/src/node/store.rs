//! The journal of a simulated node: files, or memory.

use std::path::PathBuf;

use vigil_firmware::{AppendError, Bounds, Header, Storage, StorageFault};

use super::file::{FileError, FileLimits, FileStorage};
use super::memory::MemoryStorage;

/// Where a node keeps its journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalPlace {
    /// In a directory of its own. A power cut closes the files and opens them again.
    Directory(PathBuf, FileLimits),
    /// In memory, this many bytes. A power cut leaves it as flash would be left.
    Memory(usize),
}

/// Either kind.
#[derive(Debug)]
pub(super) enum Store {
    File(FileStorage),
    Memory(MemoryStorage),
}

impl JournalPlace {
    /// Opens it; `kept` is what a power cut left of a memory journal.
    pub(super) fn open(&self, kept: Option<Store>) -> Result<Store, FileError> {
        match (self, kept) {
            (Self::Directory(dir, limits), _) => FileStorage::open(dir, *limits).map(Store::File),
            (Self::Memory(_), Some(store)) => Ok(store),
            (Self::Memory(bytes), None) => Ok(Store::Memory(MemoryStorage::new(*bytes))),
        }
    }
}

/// A medium that never fails has an error of any type.
fn never<T>(error: std::convert::Infallible) -> T {
    match error {}
}

impl Storage for Store {
    type Error = FileError;

    fn header(&mut self) -> Result<Option<Header>, FileError> {
        match self {
            Self::File(store) => store.header(),
            Self::Memory(store) => store.header().map_err(never),
        }
    }

    fn save_header(&mut self, header: &Header) -> Result<(), FileError> {
        match self {
            Self::File(store) => store.save_header(header),
            Self::Memory(store) => store.save_header(header).map_err(never),
        }
    }

    fn bounds(&mut self) -> Result<Bounds, FileError> {
        match self {
            Self::File(store) => store.bounds(),
            Self::Memory(store) => store.bounds().map_err(never),
        }
    }

    fn append(&mut self, seq: u64, record: &[u8]) -> Result<(), AppendError<FileError>> {
        match self {
            Self::File(store) => store.append(seq, record),
            Self::Memory(store) => store.append(seq, record).map_err(|error| match error {
                AppendError::Full => AppendError::Full,
                AppendError::TooLong => AppendError::TooLong,
                AppendError::Medium(error) => never(error),
            }),
        }
    }

    fn read(&mut self, seq: u64, buf: &mut [u8]) -> Result<Option<usize>, StorageFault<FileError>> {
        match self {
            Self::File(store) => store.read(seq, buf),
            Self::Memory(store) => store.read(seq, buf).map_err(|error| match error {
                StorageFault::Damaged => StorageFault::Damaged,
                StorageFault::TooLong => StorageFault::TooLong,
                StorageFault::Medium(error) => never(error),
            }),
        }
    }

    fn free_below(&mut self, seq: u64) -> Result<(), FileError> {
        match self {
            Self::File(store) => store.free_below(seq),
            Self::Memory(store) => store.free_below(seq).map_err(never),
        }
    }

    fn oldest_unit_end(&self) -> Option<u64> {
        match self {
            Self::File(store) => store.oldest_unit_end(),
            Self::Memory(store) => store.oldest_unit_end(),
        }
    }
}
