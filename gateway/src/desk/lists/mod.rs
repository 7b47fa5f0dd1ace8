//! The four lists (四个清单): live pages of them, files of them made in the background, frozen copies.
//!
//! ```text
//! hazards, events, register ─► rows (one state of the database, 200 at a time) ─► page, API
//!                                        └► work (one job at a time) ─► spool ─► xlsx, csv, json ─► file │ frozen copy
//! ```
//! Nothing of this changes a record: a list is a view, and a frozen copy is a file with a number and a hash.

mod error;
mod filter;
mod jobs;
mod risk;
mod rows;
mod snapshots;
mod spool;
mod supervision;
mod work;

pub use error::ListError;
pub use filter::{ListCursor, ListFilter};
pub(in crate::desk) use filter::{after, begin_of};
pub use jobs::{Asked, Format, Job, JobKind, JobState, ask, cancel, file_of, job, jobs};
pub use rows::{ListPage, ListReader, ListRow};
pub use snapshots::{
    Checked, Snapshot, SnapshotCursor, SnapshotFilter, check, identify, named, snapshot, snapshots,
};
pub use work::{every_job, next_job};

use super::Rules;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Notify;
use vigil_core::lists::FourLists;

/// The lists as configured, and where their files lie; cheap to clone.
#[derive(Clone, Debug)]
pub struct Lists(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rules: Rules,
    dir: PathBuf,
    wake: Notify,
}

impl Lists {
    /// Lists whose files lie below `dir`.
    #[must_use]
    pub fn new(rules: Rules, dir: PathBuf) -> Self {
        Self(Arc::new(Inner {
            rules,
            dir,
            wake: Notify::new(),
        }))
    }

    /// Names, columns, numbers.
    #[must_use]
    pub fn spec(&self) -> Arc<FourLists> {
        self.0.rules.lists()
    }

    /// Files made on request, and what is on its way.
    fn made(&self) -> PathBuf {
        self.0.dir.join("made")
    }

    /// Frozen copies.
    fn frozen(&self) -> PathBuf {
        self.0.dir.join("frozen")
    }

    /// There is something to do.
    fn wake(&self) {
        self.0.wake.notify_one();
    }

    async fn woken(&self) {
        self.0.wake.notified().await;
    }
}

/// A file of the data directory, with the name it is given to people under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is called; no path is made of it.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// What it is.
    pub format: Format,
}

fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> ListError {
    let path = path.to_owned();
    move |source| ListError::File { path, source }
}
