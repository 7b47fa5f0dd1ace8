//! What every request needs.

// What `view`, `api` and `web` need of the store and the engine they take from here.
pub use crate::desk::attachments::{self, AttachmentError};
pub use crate::engine::KeepError;
pub use crate::engine::{ActError, Acted, EngineGone, Health, ServerEvent};
pub use crate::evidence::{ExportError, export, heads};
pub use crate::reload::{LoadError, ReloadFailure};
pub use crate::store::{
    AlarmCursor, AlarmFilter, Desk, DeskWrite, HazardCursor, HazardFilter, HazardOrder, HourCounts,
    OpenHazards, OutboxChange, OutboxFilter, OutboxRow, OutboxState, RollupRow, SinkGap, StoreError,
    StoredMessage, Which,
};

use crate::clock::Clock;
use crate::config::Config;
use crate::desk::Rules;
use crate::desk::lists::Lists;
use crate::engine::EngineHandle;
use crate::evidence::{SigningKey, Sources};
use crate::metrics::Registry;
use crate::outbox::Board;
use crate::people::People;
use crate::reload::ReloadHandle;
use crate::secrets::AdminToken;
use crate::store::Reader;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use vigil_core::catalog::Catalog;
use vigil_protocol::time::UtcMillis;

/// The gateway as seen by the API and the pages; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// Asks and acts.
    pub engine: EngineHandle,
    /// Reads what is stored.
    pub store: Reader,
    /// What people write: registers, users, cases.
    pub desk: Desk,
    /// Who may come in, who is in, what was done.
    pub people: People,
    /// Where attachments lie.
    pub attachments: Arc<Path>,
    /// The four lists, and where their files lie.
    pub lists: Lists,
    /// Signs evidence.
    pub evidence: SigningKey,
    /// What is watched.
    pub catalog: Arc<Catalog>,
    /// The rules of the desk in force.
    pub rules: Rules,
    /// How the gateway is set up.
    pub config: Arc<Config>,
    /// What a client must show to change anything.
    pub token: Arc<AdminToken>,
    /// When the gateway started.
    pub started: UtcMillis,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Registry>,
    /// Reads the configuration again.
    pub reload: ReloadHandle,
    /// How the sinks are.
    pub sinks: Board,
    /// Cancelled when the gateway stops: long answers (event streams) end then.
    pub stopping: CancellationToken,
}

impl App {
    /// What a bundle of evidence is made from.
    #[must_use]
    pub fn evidence_sources(&self) -> Sources<'_> {
        Sources {
            store: &self.store,
            desk: &self.desk,
            catalog: &self.catalog,
            key: &self.evidence,
            attachments: &self.attachments,
        }
    }
}
