//! What every request needs.

// What `view`, `api` and `web` need of the store and the engine they take from here.
pub use crate::desk::attachments::{self, AttachmentError};
pub use crate::engine::{ActError, Acted, EngineGone, Health, ServerEvent};
pub use crate::reload::{LoadError, ReloadFailure};
pub use crate::store::{
    AlarmFilter, Desk, DeskWrite, HazardCursor, HazardFilter, HourCounts, OpenHazards, RollupRow, StoreError,
    StoredMessage,
};

use crate::clock::Clock;
use crate::config::Config;
use crate::engine::EngineHandle;
use crate::metrics::Registry;
use crate::reload::ReloadHandle;
use crate::secrets::AdminToken;
use crate::store::Reader;
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
    /// What is watched.
    pub catalog: Arc<Catalog>,
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
    /// Cancelled when the gateway stops: long answers (event streams) end then.
    pub stopping: CancellationToken,
}
