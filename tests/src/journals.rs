//! What the nodes' journals say at the end: how many messages each node ever kept.

use std::path::Path;
use vigil_firmware::Storage as _;
use vigil_simulator::node::{FileLimits, FileStorage};

/// The journal of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEnd {
    /// `group/node`
    pub node: String,
    /// Drawn when the journal was made.
    pub epoch: u64,
    /// Lowest sequence not acknowledged yet; `next` when all are.
    pub first: u64,
    /// One above the highest sequence ever given.
    pub next: u64,
    /// Messages given up by the node.
    pub dropped: u64,
}

/// The journals below `dir`, one per node, in the order of names. Only of nodes that have ended.
///
/// # Panics
/// When one cannot be read.
#[must_use]
pub fn journals(dir: &Path, group: &str) -> Vec<JournalEnd> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("listing {}: {e}", dir.display()));
    let mut found: Vec<JournalEnd> = entries
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.is_dir())
        .map(|path| {
            let mut storage = FileStorage::open(&path, FileLimits::default()).expect("a journal opens");
            let header = storage
                .header()
                .expect("a journal's header")
                .expect("a journal that was used has one");
            let bounds = storage.bounds().expect("bounds");
            let name = path
                .file_name()
                .expect("a directory has a name")
                .to_string_lossy();
            JournalEnd {
                node: format!("{group}/{name}"),
                epoch: header.epoch,
                first: bounds.first.max(header.first),
                next: bounds.next,
                dropped: header.dropped,
            }
        })
        .collect();
    found.sort_by(|a, b| a.node.cmp(&b.node));
    found
}
