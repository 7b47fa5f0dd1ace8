//! Catalog, rules, profiles, maps and the desk's rules replaced while the gateway runs.
//!
//! The configuration is read and checked as at a start. If anything is wrong with it, what runs goes on running. If
//! not, the core starts anew from its snapshots (see [`crate::engine::EngineHandle::reload`]) while connections,
//! broker and database stay as they are. What cannot change without them is named and waits for the next start.

use crate::config::Config;
use crate::engine::ReloadError;
use crate::evidence::HeadError;
use crate::modbus::LineSetup;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::sync::{mpsc, oneshot};
use vigil_core::catalog::Catalog;
use vigil_core::desk::DeskRules;
use vigil_core::diagnostic::{Diagnostic, Level, has_errors};
use vigil_core::json::Profiles;

/// Where a configuration comes from: a file, and what the command line says over it.
#[derive(Clone, Debug, Default)]
pub struct ConfigSource {
    /// The file; without one `vigil.toml` if it is there, else the defaults.
    pub path: Option<PathBuf>,
    /// Data directory.
    pub data: Option<PathBuf>,
    /// Where pages and API listen.
    pub http: Option<SocketAddr>,
    /// Where the embedded broker listens.
    pub mqtt: Option<SocketAddr>,
}

/// A configuration that may be run.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// What is watched.
    pub catalog: Catalog,
    /// What is polled.
    pub polled: Vec<LineSetup>,
    /// Who reads third parties' JSON.
    pub profiles: Profiles,
    /// Names, deadlines and levels of the desk.
    pub desk: DeskRules,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

/// Why a configuration may not be run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// What is wrong with the files, all of it.
    #[error("the configuration has {} errors", .0.len())]
    Files(Vec<Diagnostic>),
    /// What is wrong with the command line.
    #[error("{0}")]
    Arguments(String),
}

impl ConfigSource {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// [`LoadError`] has everything that is wrong.
    pub fn load(&self) -> Result<Loaded, LoadError> {
        let (mut config, mut findings) = Config::examine(self.path.as_deref());
        // With a wrong configuration only what is wrong in the other files themselves is worth saying.
        let config_ok = !has_errors(&findings);
        let mut found = |more: Vec<Diagnostic>| {
            let wanted = more.into_iter();
            findings.extend(wanted.filter(|finding| config_ok || finding.level == Level::Error));
        };
        let catalog = taken(config.load_catalog(), &mut found);
        let polled = taken(config.load_modbus(), &mut found);
        let profiles = taken(config.load_profiles(), &mut found);
        let desk = taken(config.load_desk(), &mut found);
        let (Some(catalog), Some(polled), Some(profiles), Some(desk), false) =
            (catalog, polled, profiles, desk, has_errors(&findings))
        else {
            return Err(LoadError::Files(findings));
        };
        let mut warnings: Vec<String> = findings.iter().map(Diagnostic::to_string).collect();
        if let Some(data) = &self.data {
            // From the command line: relative to where the command was given.
            config.store.data = std::path::absolute(data).unwrap_or_else(|_| data.clone());
        }
        warnings.extend(
            config
                .listen_on(self.http, self.mqtt)
                .map_err(LoadError::Arguments)?,
        );
        Ok(Loaded {
            config,
            catalog,
            polled,
            profiles,
            desk,
            warnings,
        })
    }
}

/// What could be loaded; what was found about it goes to `found`.
fn taken<T>(
    loaded: Result<(T, Vec<Diagnostic>), Vec<Diagnostic>>,
    found: &mut impl FnMut(Vec<Diagnostic>),
) -> Option<T> {
    match loaded {
        Ok((value, warnings)) => {
            found(warnings);
            Some(value)
        }
        Err(findings) => {
            found(findings);
            None
        }
    }
}

/// What is in force now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// Pieces of equipment.
    pub equipment: usize,
    /// Rules over all equipment.
    pub rules: usize,
    /// Packs, as `id version`.
    pub packs: Vec<String>,
    /// The city's own files of the desk's rules.
    pub desk: Vec<&'static str>,
    /// What is worth knowing about the files.
    pub warnings: Vec<String>,
    /// Sections that changed and count from the next start only.
    pub next_start: Vec<&'static str>,
}

/// Why what runs goes on running as it did.
#[derive(Debug, thiserror::Error)]
pub enum ReloadFailure {
    /// The files.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The rule packs could not be kept.
    #[error(transparent)]
    Packs(#[from] HeadError),
    /// The core.
    #[error(transparent)]
    Engine(#[from] ReloadError),
    /// It was not started from files, or is stopping.
    #[error("this gateway cannot reload: it was not started from a configuration, or it is stopping")]
    Never,
}

pub(crate) type Answer = oneshot::Sender<Result<Reloaded, ReloadFailure>>;

/// Asks for a reload; cheap to clone.
#[derive(Clone, Debug)]
pub struct ReloadHandle(mpsc::Sender<Answer>);

impl ReloadHandle {
    /// A handle, and what it asks.
    #[must_use]
    pub(crate) fn new() -> (Self, mpsc::Receiver<Answer>) {
        let (to, from) = mpsc::channel(1);
        (Self(to), from)
    }

    /// A handle whose gateway cannot reload.
    #[must_use]
    pub fn never() -> Self {
        Self::new().0
    }

    /// Reads the files again and puts them in force; resolves when they are.
    ///
    /// # Errors
    /// [`ReloadFailure`]: nothing has changed then.
    pub async fn reload(&self) -> Result<Reloaded, ReloadFailure> {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.map_err(|_| ReloadFailure::Never)?;
        answered.await.map_err(|_| ReloadFailure::Never)?
    }
}

/// The configuration to run with: what is new, except where only a start can change it.
pub(crate) fn merged(running: &Config, new: &Config) -> (Config, Vec<&'static str>) {
    let mut next_start = Vec::new();
    let mut config = new.clone();
    if config.listen != running.listen {
        next_start.push("listen");
        config.listen = running.listen.clone();
    }
    if config.broker != running.broker {
        next_start.push("broker");
        config.broker = running.broker.clone();
    }
    if config.store != running.store {
        next_start.push("store");
        config.store = running.store.clone();
    }
    if config.retention != running.retention {
        next_start.push("retention");
        config.retention = running.retention.clone();
    }
    (config, next_start)
}

impl Reloaded {
    pub(crate) fn of(
        catalog: &Catalog,
        desk: &DeskRules,
        warnings: Vec<String>,
        next_start: Vec<&'static str>,
    ) -> Self {
        Self {
            equipment: catalog.equipment.len(),
            rules: catalog
                .equipment
                .iter()
                .map(|equipment| equipment.rules.len())
                .sum(),
            packs: catalog
                .packs
                .iter()
                .map(|pack| format!("{} {}", pack.id, pack.version))
                .collect(),
            desk: desk.own.clone(),
            warnings,
            next_start,
        }
    }
}
