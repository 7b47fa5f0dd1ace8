//! What a reload puts in force, in order: the core first, then whoever works by its catalog.

use super::router;
use crate::app::App;
use crate::evidence;
use crate::http;
use crate::modbus::ModbusPoller;
use crate::mqtt::{Mappings, Topics};
use crate::reload::{self, Answer, ConfigSource, ReloadFailure, Reloaded};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use vigil_core::catalog::Catalog;

/// Everything that works by the configuration and can change while it does.
pub(super) struct Reloading {
    pub(super) source: Option<ConfigSource>,
    pub(super) app: App,
    /// Who reads the log by the catalog.
    pub(super) watched: watch::Sender<Arc<Catalog>>,
    pub(super) poller: ModbusPoller,
    pub(super) mappings: Mappings,
    pub(super) topics: Topics,
    pub(super) site: http::Site,
}

impl Reloading {
    /// Reloads whenever it is asked to, until nobody can ask any more.
    pub(super) async fn run(mut self, mut asked: mpsc::Receiver<Answer>) {
        while let Some(answer) = asked.recv().await {
            let result = match self.source.clone() {
                Some(source) => self.once(source).await,
                None => Err(ReloadFailure::Never),
            };
            // Whoever asked may have gone away.
            drop(answer.send(result));
        }
    }

    async fn once(&mut self, source: ConfigSource) -> Result<Reloaded, ReloadFailure> {
        let loaded = tokio::task::spawn_blocking(move || source.load());
        let loaded = loaded.await.map_err(|_| ReloadFailure::Never)??;
        let app = &mut self.app;
        let desk = loaded.desk;
        let (mut config, next_start) = reload::merged(&app.config, &loaded.config);
        config.core.policy = Arc::clone(&desk.hazards);
        let catalog = Arc::new(loaded.catalog);
        evidence::remember_packs(&app.desk, &catalog).await?;
        app.engine
            .reload(Arc::clone(&catalog), config.core.clone())
            .await?;
        self.poller.reconcile(loaded.polled).await;
        self.topics.changed(&self.mappings.replace(loaded.profiles));
        // Before the pages show what is new: whose it is.
        if let Err(error) = app.people.follow(&catalog).await {
            tracing::error!(%error, "whose the equipment is was not noted; lists of units may lack the newest");
        }
        let reloaded = Reloaded::of(&catalog, &desk, loaded.warnings, next_start);
        app.rules.replace(desk);
        (app.catalog, app.config) = (catalog, Arc::new(config));
        self.watched.send_replace(Arc::clone(&app.catalog));
        self.site.replace(router(app.clone()));
        tracing::info!(
            equipment = reloaded.equipment,
            rules = reloaded.rules,
            next_start = ?reloaded.next_start,
            "configuration reloaded"
        );
        Ok(reloaded)
    }
}
