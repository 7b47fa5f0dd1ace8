//! Store and forward: nothing leaves the journal before the gateway has it on disk, or before it is counted as
//! dropped.

use core::fmt;

use vigil_protocol::journal::SendWindow;

use crate::storage::{AppendError, Header, Storage, StorageFault};

/// The journal of one node over its [`Storage`].
///
/// Sequences `first..next` are held. Everything below `first` was acknowledged or is counted in `dropped`.
#[derive(Clone, Debug)]
pub struct Journal<S> {
    storage: S,
    header: Header,
    window: SendWindow,
    /// One above the last record found when the store was opened: records from here on were made since.
    opened_at: u64,
}

/// What an acknowledgement did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acked {
    /// Freed this many records.
    Freed(u64),
    /// Speaks of another epoch, or of nothing still held.
    Nothing,
    /// Speaks of sequences this node does not remember having used: the medium broke its promise and lost its end. A
    /// new epoch has begun, so that new records are not taken for the lost ones; the node must give birth again.
    /// Found out only while fewer new records have been made than were lost: no replacement for a durable medium.
    NewEpoch,
}

/// Why a record was not journaled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JournalError<E> {
    /// The record does not fit, and nothing can be freed for it.
    NoRoom,
    /// The medium failed.
    Medium(E),
}

impl<S: Storage> Journal<S> {
    /// Opens a store; a store never used gets `epoch`, which must differ from every earlier one of this node
    /// (random, or the time of formatting).
    ///
    /// Records written under another `layout` name metrics by aliases that no longer mean the same: they are given up
    /// and counted as dropped.
    ///
    /// # Errors
    /// When the medium fails.
    pub fn open(mut storage: S, epoch: u64, layout: u64) -> Result<Self, S::Error> {
        let fresh = Header {
            epoch,
            layout,
            dropped: 0,
            first: 0,
            bd_seq: None,
        };
        let mut header = match storage.header()? {
            Some(header) => header,
            None => {
                storage.save_header(&fresh)?;
                fresh
            }
        };
        let bounds = storage.bounds()?;
        let next = bounds.next.max(header.first);
        let mut first = bounds.first.max(header.first).min(next);
        if header.layout != layout {
            header.dropped += next - first;
            header.layout = layout;
            header.first = next;
            first = next;
            storage.save_header(&header)?;
        }
        storage.free_below(first)?;
        Ok(Self {
            storage,
            header,
            window: window(first, next),
            opened_at: next,
        })
    }

    /// The epoch of all sequences.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.header.epoch
    }

    /// Lowest sequence held.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.window.first()
    }

    /// Sequence the next record will get.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.window.next()
    }

    /// Records held.
    #[must_use]
    pub const fn pending(&self) -> u64 {
        self.window.pending()
    }

    /// Records given up without acknowledgement, since the store was formatted.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.header.dropped
    }

    /// The store, for inspection.
    pub const fn storage(&self) -> &S {
        &self.storage
    }

    /// Ends the journal and gives the store back.
    pub fn into_storage(self) -> S {
        self.storage
    }

    /// Which of the held records this session has sent.
    pub(crate) const fn window(&mut self) -> &mut SendWindow {
        &mut self.window
    }

    /// Stores the record that [`Journal::next`] was announced for. Makes room by dropping the oldest.
    ///
    /// # Errors
    /// [`JournalError`]; the record was not stored and its sequence stays free.
    pub fn append(&mut self, record: &[u8]) -> Result<u64, JournalError<S::Error>> {
        loop {
            let seq = self.window.next();
            match self.storage.append(seq, record) {
                Ok(()) => {
                    self.window.assign();
                    return Ok(seq);
                }
                Err(AppendError::Full) => self.drop_oldest()?,
                Err(AppendError::TooLong) => return Err(JournalError::NoRoom),
                Err(AppendError::Medium(error)) => return Err(JournalError::Medium(error)),
            }
        }
    }

    /// Reads a held record; `None` when it is not held.
    ///
    /// # Errors
    /// [`StorageFault`]
    pub fn read(&mut self, seq: u64, buf: &mut [u8]) -> Result<Option<usize>, StorageFault<S::Error>> {
        if seq < self.window.first() || seq >= self.window.next() {
            return Ok(None);
        }
        self.storage.read(seq, buf)
    }

    /// The gateway has everything up to `seq` of `epoch` on disk.
    ///
    /// # Errors
    /// When the medium fails to free; the records then count as free until the next restart.
    pub fn on_ack(&mut self, epoch: u64, seq: u64) -> Result<Acked, S::Error> {
        if epoch != self.header.epoch {
            return Ok(Acked::Nothing);
        }
        if seq >= self.window.next() {
            return self.begin_epoch();
        }
        match self.window.on_ack(seq) {
            None => Ok(Acked::Nothing),
            Some((from, to)) => {
                self.storage.free_below(to + 1)?;
                Ok(Acked::Freed(to - from + 1))
            }
        }
    }

    /// Frees everything below `seq` without an acknowledgement and without counting it: for nodes that keep no
    /// journal and use the store as a queue.
    pub(crate) fn forget_below(&mut self, seq: u64) -> Result<(), S::Error> {
        match seq.checked_sub(1).and_then(|through| self.window.on_ack(through)) {
            None => Ok(()),
            Some((_, to)) => self.storage.free_below(to + 1),
        }
    }

    /// A held record turned out to be unreadable: it is counted as dropped.
    pub(crate) fn on_unreadable(&mut self) -> Result<(), S::Error> {
        self.header.dropped += 1;
        self.storage.save_header(&self.header)
    }

    /// `bdSeq` for the next connection: one above the last, 255 wraps to 0; saved before it is used.
    ///
    /// # Errors
    /// When the medium fails; the number is valid, and may be used again after a reset.
    pub fn next_bd_seq(&mut self) -> (u8, Result<(), S::Error>) {
        let bd_seq = self.header.bd_seq.map_or(0, |last| last.wrapping_add(1));
        self.header.bd_seq = Some(bd_seq);
        let saved = self.storage.save_header(&self.header);
        (bd_seq, saved)
    }

    /// The header is saved before anything is freed: a power cut between the two counts no record twice and none
    /// never.
    fn drop_oldest(&mut self) -> Result<(), JournalError<S::Error>> {
        let end = self.storage.oldest_unit_end().ok_or(JournalError::NoRoom)?;
        let end = end.min(self.window.next());
        if end <= self.window.first() {
            return Err(JournalError::NoRoom);
        }
        let header = Header {
            dropped: self.header.dropped + (end - self.window.first()),
            first: end,
            ..self.header
        };
        self.storage.save_header(&header).map_err(JournalError::Medium)?;
        self.header = header;
        self.window.on_drop_oldest(end - self.window.first());
        self.storage.free_below(end).map_err(JournalError::Medium)
    }

    /// Records found at opening are covered by the acknowledgement; those made since are not, whatever their numbers.
    fn begin_epoch(&mut self) -> Result<Acked, S::Error> {
        let first = self.opened_at.clamp(self.window.first(), self.window.next());
        let header = Header {
            epoch: self.header.epoch.wrapping_add(1),
            first,
            ..self.header
        };
        self.storage.save_header(&header)?;
        self.header = header;
        self.window = window(first, self.window.next());
        self.storage.free_below(first)?;
        Ok(Acked::NewEpoch)
    }
}

fn window(first: u64, next: u64) -> SendWindow {
    SendWindow::restore(first, next, 0).unwrap_or(SendWindow::new(next))
}

impl<E: fmt::Debug> fmt::Display for JournalError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom => f.write_str("journaling a message: no room, and nothing to free"),
            Self::Medium(error) => write!(f, "journaling a message: the medium failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for JournalError<E> {}
