//! Alive, ready, and the numbers behind it.

use super::params::NoParams;
use super::problem::{ApiError, Problem};
use crate::app::App;
use crate::people::Access;
use crate::view::{self, Readiness, ViewError};
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::people::Sight;

/// The process is alive.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alive {
    /// Always `alive`.
    status: &'static str,
    /// Version of the gateway.
    version: &'static str,
}

/// Whether the process is alive. Restart it when this does not answer.
#[utoipa::path(
    get, path = "/healthz", tag = "operation", operation_id = "alive",
    responses((status = 200, description = "It is.", body = Alive)),
)]
pub(super) async fn healthz() -> Json<Alive> {
    Json(Alive {
        status: "alive",
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Whether the gateway takes messages and can keep them; says what is wrong when not.
#[utoipa::path(
    get, path = "/readyz", tag = "operation", operation_id = "ready",
    responses(
        (status = 200, description = "It is.", body = Readiness),
        (status = 503, description = "It is not; `checks` says why.", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(super) async fn readyz(
    State(app): State<App>,
    access: Access,
    NoParams: NoParams,
) -> Result<Json<Readiness>, ApiError> {
    let mut readiness = Readiness::of(&app);
    // Why not, is for people who are known here.
    let told = access.signed_in() || !app.people.closed();
    if !told {
        readiness.checks.clear();
    }
    match (readiness.ready, told) {
        (true, _) => Ok(Json(readiness)),
        (false, true) => Err(ApiError::unavailable("not_ready", readiness.wrong()).checks(readiness.checks)),
        (false, false) => Err(ApiError::unavailable(
            "not_ready",
            "the gateway is not ready; sign in to see why",
        )),
    }
}

/// What is counted, in the Prometheus text format.
#[utoipa::path(
    get, path = "/metrics", tag = "operation", operation_id = "metrics",
    responses(
        (status = 200, description = "The metrics.", body = String, content_type = "text/plain"),
        (status = 503, description = "The store cannot be read.", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(super) async fn metrics(
    State(app): State<App>,
    NoParams: NoParams,
) -> Result<impl IntoResponse, ApiError> {
    let overview = app
        .store
        .overview(&Sight::Everything)
        .await
        .map_err(ViewError::from)?;
    let size = app.store.size().await.map_err(ViewError::from)?;
    let gauge = |name, help, labels: &[(&str, &str)], value: u64| {
        app.metrics
            .gauge(name, help, labels)
            .set(i64::try_from(value).unwrap_or(i64::MAX));
    };
    for (severity, (hazards, alarms)) in ["S1", "S2", "S3", "S4"]
        .iter()
        .zip(overview.open_hazards.iter().zip(overview.alarms))
    {
        let labels = [("severity", *severity)];
        gauge(
            "vigil_hazards_open",
            "Suspected and confirmed hazards.",
            &labels,
            *hazards,
        );
        gauge(
            "vigil_alarms_standing",
            "Standing alarms about equipment.",
            &labels,
            alarms,
        );
    }
    gauge(
        "vigil_hazards_suspected",
        "Hazards nobody has confirmed or rejected.",
        &[],
        overview.suspected,
    );
    gauge(
        "vigil_monitoring_alarms",
        "Standing alarms about our ability to see.",
        &[],
        overview.monitoring_gaps,
    );
    gauge("vigil_gaps_open", "Gaps that last.", &[], overview.open_gaps);
    gauge(
        "vigil_unregistered_devices",
        "Devices that send but are in no catalog.",
        &[],
        overview.unregistered,
    );
    sinks(&app).await?;
    gauge(
        "vigil_store_used_bytes",
        "Bytes of the database in use.",
        &[],
        size.used,
    );
    gauge(
        "vigil_store_file_bytes",
        "Bytes of the database file.",
        &[],
        size.file,
    );
    gauge(
        "vigil_ready",
        "1 while /readyz says so.",
        &[],
        u64::from(Readiness::of(&app).ready),
    );
    let uptime_ms = app.clock.now().since(app.started).max(0);
    gauge(
        "vigil_uptime_seconds",
        "Time since the start.",
        &[],
        uptime_ms as u64 / 1_000,
    );
    if let Some(resident) = resident_bytes() {
        gauge("vigil_process_resident_bytes", "Memory in use.", &[], resident);
    }
    gauge(
        "vigil_build_info",
        "The version, as a label.",
        &[("version", env!("CARGO_PKG_VERSION"))],
        1,
    );
    Ok((
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        app.metrics.render(),
    ))
}

/// What waits for the sinks, and how far they are behind.
async fn sinks(app: &App) -> Result<(), ApiError> {
    let sinks = view::sinks(app).await?.sinks;
    for sink in &sinks {
        let labels = [("sink", sink.name.as_str())];
        let gauge = |name, help, value: u64| {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            app.metrics.gauge(name, help, &labels).set(value);
        };
        gauge(
            "vigil_sink_up",
            "1 while a sink takes what it is sent.",
            u64::from(sink.failing_since.is_none() && !sink.held),
        );
        gauge("vigil_outbox_pending", "Entries that wait.", sink.pending);
        gauge("vigil_outbox_dead", "Entries given up or refused.", sink.dead);
        let now = app.clock.now();
        let waits = sink.pending_since.map_or(0, |since| now.since(since.0).max(0));
        gauge(
            "vigil_outbox_oldest_seconds",
            "Age of the oldest entry that waits.",
            waits as u64 / 1_000,
        );
        if let (Some(positions), Some(seconds)) = (sink.lag_positions, sink.lag_s) {
            gauge(
                "vigil_sink_lag_positions",
                "Positions of the log a sink has not had.",
                positions,
            );
            gauge(
                "vigil_sink_lag_seconds",
                "Time since the oldest message arrived that a sink has not had.",
                seconds as u64,
            );
        }
    }
    Ok(())
}

/// Memory of the process, where the system says.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}
