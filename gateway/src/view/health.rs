//! Whether the gateway itself is well.

use super::time::Time;
use crate::app::App;
use serde::Serialize;
use utoipa::ToSchema;

/// Whether the gateway takes messages and can keep them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Readiness {
    /// Everything below is as it should be.
    pub ready: bool,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// Last committed position of the log.
    pub position: u64,
    /// When the last batch was committed.
    pub last_commit: Option<Time>,
    /// Messages waiting to be handled.
    pub queue_depth: u64,
    /// The database is near its size limit.
    pub above_watermark: bool,
}

/// One thing that must be as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Check {
    /// `engine`, `store` or `mqtt`.
    pub name: &'static str,
    /// As it should be.
    pub ok: bool,
    /// What is wrong.
    pub detail: Option<String>,
}

impl Readiness {
    /// How the gateway is now; costs next to nothing.
    #[must_use]
    pub fn of(app: &App) -> Self {
        let health = app.engine.health();
        let check = |name, detail: Option<String>| Check {
            name,
            ok: detail.is_none(),
            detail,
        };
        // `ready` also says whether the engine runs: what is left when neither store nor MQTT is the reason.
        let stopped = !health.ready && health.store_error.is_none() && health.mqtt_connected;
        let checks = vec![
            check(
                "engine",
                (stopped || app.stopping.is_cancelled())
                    .then(|| "the gateway is stopping or has failed".to_owned()),
            ),
            check(
                "store",
                health
                    .store_error
                    .map(|error| format!("batches cannot be committed: {error}")),
            ),
            check(
                "mqtt",
                (!health.mqtt_connected)
                    .then(|| "there is no session with the broker; messages wait there".to_owned()),
            ),
        ];
        Self {
            ready: checks.iter().all(|check| check.ok),
            checks,
            position: health.position.0,
            last_commit: health.last_commit.map(Time),
            queue_depth: health.queue_depth as u64,
            above_watermark: health.above_watermark,
        }
    }

    /// What is wrong, in one line; empty when nothing is.
    #[must_use]
    pub fn wrong(&self) -> String {
        let wrong = self
            .checks
            .iter()
            .filter_map(|check| Some(format!("{}: {}", check.name, check.detail.as_deref()?)));
        wrong.collect::<Vec<_>>().join("; ")
    }
}
