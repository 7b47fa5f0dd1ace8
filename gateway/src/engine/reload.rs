//! Another catalog while the engine runs: the core starts anew from its snapshots, everything else stays.

use super::restore::{RestoreFailure, restore};
use super::run::{EngineFailure, Loop};
use std::sync::Arc;
use tokio::sync::oneshot;
use vigil_core::catalog::Catalog;
use vigil_core::{Pipeline, Settings};

/// What the core is to work by from now on.
pub(super) struct Reload {
    pub(super) catalog: Arc<Catalog>,
    pub(super) settings: Settings,
    pub(super) answer: oneshot::Sender<Result<(), ReloadError>>,
}

/// Why the core goes on as it did.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// Its state could not be read back.
    #[error("the configuration is not put in force: {0}")]
    Restore(#[from] RestoreFailure),
    /// The engine has ended.
    #[error("the engine has ended")]
    Gone,
}

impl Loop {
    /// Commits what is open with all snapshots, and starts the core from them under the new catalog: what a restart
    /// does, without losing a connection. Messages wait meanwhile.
    pub(super) async fn reload(&mut self, reload: Reload) -> Result<(), EngineFailure> {
        let Reload {
            catalog,
            settings,
            answer,
        } = reload;
        self.commit_everything().await?;
        let mut pipeline = Pipeline::new(catalog, settings);
        let restored = restore(&mut pipeline, &self.reader).await;
        let restored = restored.map(|restored| {
            self.shared.work_by(Arc::clone(pipeline.policy()));
            self.building.replace(pipeline, &restored);
        });
        // Another policy is in the database before anybody hears that it counts.
        self.commit_everything().await?;
        // Whoever asked may have gone away.
        drop(answer.send(restored.map_err(Into::into)));
        Ok(())
    }
}
