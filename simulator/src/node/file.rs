//! A journal in files: segments of checksummed records, oldest deleted first.
//!
//! A record is length, CRC-32, sequence, bytes; a mark with the length `u32::MAX` says that everything below its
//! sequence is free. Opening cuts what was torn off the newest segment; damage inside an older one leaves its readable
//! part, and the rest is reported as damaged, record by record.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use vigil_firmware::{AppendError, Bounds, Header, Storage, StorageFault};

use super::crc::crc32;

/// Length, checksum, sequence.
const HEAD: usize = 16;
/// Length of a mark.
const FREED: u32 = u32::MAX;
const HEADER_FILE: &str = "header";
const HEADER_LEN: usize = 4 * 8 + 2 + 4;

/// Size and durability of a [`FileStorage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLimits {
    /// Bytes after which a new segment is begun.
    pub segment_bytes: u64,
    /// Bytes of all segments together; at least two segments.
    pub max_bytes: u64,
    /// Ask the disk to have each record before going on. Without it a record survives the process, not the machine.
    pub sync: bool,
}

/// Journal files in a directory of their own.
#[derive(Debug)]
pub struct FileStorage {
    dir: PathBuf,
    limits: FileLimits,
    segments: VecDeque<Segment>,
    /// Where each held record is; `None`: damaged.
    index: VecDeque<Option<Place>>,
    next: u64,
}

#[derive(Debug)]
struct Segment {
    /// Sequence of its first record.
    base: u64,
    path: PathBuf,
    file: File,
    len: u64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    segment: u64,
    offset: u64,
    len: u32,
}

/// What was attempted on which file.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}: {source}", path.display())]
pub struct FileError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError { doing, path, source }
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 20,
            max_bytes: 64 << 20,
            sync: false,
        }
    }
}

impl FileStorage {
    /// Opens the journal in `dir`, which is made when it is not there.
    ///
    /// # Errors
    /// When a file cannot be read, cut or made.
    pub fn open(dir: &Path, limits: FileLimits) -> Result<Self, FileError> {
        fs::create_dir_all(dir).map_err(failed("making", dir))?;
        let mut bases = Vec::new();
        for entry in fs::read_dir(dir).map_err(failed("listing", dir))? {
            let path = entry.map_err(failed("listing", dir))?.path();
            let base = path
                .file_stem()
                .and_then(|stem| u64::from_str_radix(stem.to_str()?, 16).ok());
            if let (Some(base), true) = (base, path.extension().is_some_and(|ext| ext == "seg")) {
                bases.push((base, path));
            }
        }
        bases.sort_unstable();
        let mut storage = Self {
            dir: dir.to_owned(),
            limits,
            segments: VecDeque::new(),
            index: VecDeque::new(),
            next: 0,
        };
        let newest = bases.len().saturating_sub(1);
        for (n, (base, path)) in bases.into_iter().enumerate() {
            storage.load(base, path, n == newest)?;
        }
        Ok(storage)
    }

    fn first(&self) -> u64 {
        self.next - self.index.len() as u64
    }

    /// Reads one segment into the index.
    fn load(&mut self, base: u64, path: PathBuf, newest: bool) -> Result<(), FileError> {
        let mut file = open_options().open(&path).map_err(failed("opening", &path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed("reading", &path))?;
        // A gap before this segment was either never used (a jump while empty) or is a damaged end.
        while self.next < base && !self.index.is_empty() {
            self.index.push_back(None);
            self.next += 1;
        }
        self.next = self.next.max(base);
        let mut at = 0;
        while let Some((record, seq, end)) = parse(&bytes, at) {
            match record {
                None => self.free_index(seq),
                Some(len) if seq == self.next => {
                    self.index.push_back(Some(Place {
                        segment: base,
                        offset: (at + HEAD) as u64,
                        len,
                    }));
                    self.next = seq + 1;
                }
                Some(_) => break,
            }
            at = end;
        }
        let mut len = bytes.len() as u64;
        if newest && (at as u64) < len {
            len = at as u64;
            file.set_len(len)
                .map_err(failed("cutting the torn end of", &path))?;
        }
        self.segments.push_back(Segment {
            base,
            path,
            file,
            len,
        });
        Ok(())
    }

    fn free_index(&mut self, seq: u64) {
        while self.first() < seq && self.index.pop_front().is_some() {}
        if self.index.is_empty() {
            self.next = self.next.max(seq);
        }
    }

    fn write(&mut self, len: u32, seq: u64, bytes: &[u8]) -> Result<u64, FileError> {
        let Some(segment) = self.segments.back_mut() else {
            return Ok(0);
        };
        let seq = seq.to_le_bytes();
        let mut record = Vec::with_capacity(HEAD + bytes.len());
        record.extend_from_slice(&len.to_le_bytes());
        record.extend_from_slice(&crc32(&[&len.to_le_bytes(), &seq, bytes]).to_le_bytes());
        record.extend_from_slice(&seq);
        record.extend_from_slice(bytes);
        let offset = segment.len;
        segment
            .file
            .seek(SeekFrom::Start(offset))
            .map_err(failed("seeking in", &segment.path))?;
        segment
            .file
            .write_all(&record)
            .map_err(failed("appending to", &segment.path))?;
        if self.limits.sync {
            segment
                .file
                .sync_data()
                .map_err(failed("syncing", &segment.path))?;
        }
        segment.len += record.len() as u64;
        Ok(offset + HEAD as u64)
    }

    fn begin_segment(&mut self, base: u64) -> Result<(), FileError> {
        let path = self.dir.join(format!("{base:016x}.seg"));
        let file = open_options()
            .truncate(true)
            .open(&path)
            .map_err(failed("making", &path))?;
        // The same base again: the segment had no record yet, or only a torn one.
        self.segments.retain(|segment| segment.base != base);
        self.segments.push_back(Segment {
            base,
            path,
            file,
            len: 0,
        });
        Ok(())
    }

    fn total(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len).sum()
    }
}

fn open_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    options
}

/// The record at `at`: its length (`None` for a mark), its sequence, and where it ends. `None` when it is not whole.
fn parse(bytes: &[u8], at: usize) -> Option<(Option<u32>, u64, usize)> {
    let head = bytes.get(at..at + HEAD)?;
    let len = u32::from_le_bytes(*head.first_chunk()?);
    let crc = u32::from_le_bytes(*head.get(4..)?.first_chunk()?);
    let seq = head.get(8..)?;
    let end = if len == FREED {
        at + HEAD
    } else {
        at + HEAD + len as usize
    };
    let body = bytes.get(at + HEAD..end)?;
    let whole = crc32(&[&len.to_le_bytes(), seq, body]) == crc;
    whole.then_some((
        (len != FREED).then_some(len),
        u64::from_le_bytes(*seq.first_chunk()?),
        end,
    ))
}

impl Storage for FileStorage {
    type Error = FileError;

    fn header(&mut self) -> Result<Option<Header>, FileError> {
        let path = self.dir.join(HEADER_FILE);
        match fs::read(&path) {
            Ok(bytes) => match decode_header(&bytes) {
                Some(header) => Ok(Some(header)),
                None => Err(failed("reading", &path)(io::Error::other(
                    "the journal's header is damaged",
                ))),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("reading", &path)(error)),
        }
    }

    fn save_header(&mut self, header: &Header) -> Result<(), FileError> {
        let path = self.dir.join(HEADER_FILE);
        let next = self.dir.join("header.new");
        let mut file = File::create(&next).map_err(failed("making", &next))?;
        file.write_all(&encode_header(header))
            .map_err(failed("writing", &next))?;
        if self.limits.sync {
            file.sync_all().map_err(failed("syncing", &next))?;
        }
        fs::rename(&next, &path).map_err(failed("replacing", &path))?;
        if self.limits.sync {
            let dir = File::open(&self.dir).map_err(failed("opening", &self.dir))?;
            dir.sync_all().map_err(failed("syncing", &self.dir))?;
        }
        Ok(())
    }

    fn bounds(&mut self) -> Result<Bounds, FileError> {
        Ok(Bounds {
            first: self.first(),
            next: self.next,
        })
    }

    fn append(&mut self, seq: u64, record: &[u8]) -> Result<(), AppendError<FileError>> {
        let len = (HEAD + record.len()) as u64;
        if len > self.limits.segment_bytes {
            return Err(AppendError::TooLong);
        }
        let full = self
            .segments
            .back()
            .is_none_or(|newest| newest.len + len > self.limits.segment_bytes);
        if self.total() + len > self.limits.max_bytes && self.segments.len() > 1 {
            return Err(AppendError::Full);
        }
        if full || seq != self.next {
            self.begin_segment(seq).map_err(AppendError::Medium)?;
        }
        let offset = self
            .write(record.len() as u32, seq, record)
            .map_err(AppendError::Medium)?;
        let segment = self.segments.back().map_or(seq, |segment| segment.base);
        self.index.push_back(Some(Place {
            segment,
            offset,
            len: record.len() as u32,
        }));
        self.next = seq + 1;
        Ok(())
    }

    fn read(&mut self, seq: u64, buf: &mut [u8]) -> Result<Option<usize>, StorageFault<FileError>> {
        let Some(place) = seq
            .checked_sub(self.first())
            .and_then(|at| self.index.get(at as usize))
        else {
            return Ok(None);
        };
        let place = place.ok_or(StorageFault::Damaged)?;
        let len = place.len as usize;
        let to = buf.get_mut(..len).ok_or(StorageFault::TooLong)?;
        let segment = self
            .segments
            .iter_mut()
            .find(|segment| segment.base == place.segment);
        let segment = segment.ok_or(StorageFault::Damaged)?;
        let read = segment
            .file
            .seek(SeekFrom::Start(place.offset))
            .and_then(|_| segment.file.read_exact(to))
            .map_err(failed("reading", &segment.path));
        read.map_err(StorageFault::Medium)?;
        Ok(Some(len))
    }

    fn free_below(&mut self, seq: u64) -> Result<(), FileError> {
        if seq <= self.first() {
            return Ok(());
        }
        self.free_index(seq);
        self.write(FREED, seq, &[])?;
        while let Some(next) = self.segments.get(1)
            && next.base <= seq
            && let Some(oldest) = self.segments.pop_front()
        {
            fs::remove_file(&oldest.path).map_err(failed("deleting", &oldest.path))?;
        }
        Ok(())
    }

    fn oldest_unit_end(&self) -> Option<u64> {
        self.segments.get(1).map(|next| next.base)
    }
}

fn encode_header(header: &Header) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_LEN);
    for number in [header.epoch, header.layout, header.dropped, header.first] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&header.bd_seq.map_or(u16::MAX, u16::from).to_le_bytes());
    let crc = crc32(&[&bytes]);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode_header(bytes: &[u8]) -> Option<Header> {
    let body = bytes
        .get(..HEADER_LEN - 4)
        .filter(|_| bytes.len() == HEADER_LEN)?;
    let crc = u32::from_le_bytes(*bytes.get(HEADER_LEN - 4..)?.first_chunk()?);
    if crc32(&[body]) != crc {
        return None;
    }
    let number = |n: usize| Some(u64::from_le_bytes(*body.get(n * 8..)?.first_chunk()?));
    let bd_seq = u16::from_le_bytes(*body.get(32..)?.first_chunk()?);
    Some(Header {
        epoch: number(0)?,
        layout: number(1)?,
        dropped: number(2)?,
        first: number(3)?,
        bd_seq: u8::try_from(bd_seq).ok(),
    })
}

#[cfg(test)]
mod tests;
