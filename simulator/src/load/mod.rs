//! Load: many small boiler nodes over a few shared connections, cheap enough to leave the machine to broker and
//! gateway.
//!
//! Each node is a journaling Sparkplug node like any other (births, `seq`, `Journal/Seq`, resending); only the
//! connection is shared, so there are no wills, and messages are made from a formula instead of kept.

mod catalog;
mod connection;
mod histogram;
mod json;
mod node;
mod probe;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use catalog::catalog_toml;
pub use histogram::{Histogram, Percentiles};
pub use json::{JsonLoadOptions, JsonLoadReport, json_catalog_toml, run_json};
pub use probe::ProbeError;

use crate::mqtt::{Broker, BrokerError};

/// Nodes of one Sparkplug group. A group is served by one connection.
const GROUP: usize = 16;

/// How much load, and how.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Where to.
    pub broker: Broker,
    /// Nodes, each with one boiler of eight metrics.
    pub nodes: usize,
    /// Data messages a second, all nodes together.
    pub rate: f64,
    /// How long.
    pub duration: Duration,
    /// MQTT connections that share the nodes.
    pub connections: usize,
    /// Nodes keep a journal until acknowledged.
    pub journal: bool,
    /// How long to wait at the end for everything to be acknowledged.
    pub settle: Duration,
    /// `http://host:port` of the gateway: measures how long an overpressure takes to be a readable hazard.
    pub hazard_probe: Option<String>,
    /// Bearer token for it, where the API asks for one.
    pub token: Option<String>,
    /// Ends early.
    pub cancel: CancellationToken,
}

/// Counters of a running load.
#[derive(Debug, Default)]
pub struct LoadStats {
    /// Data messages sent for the first time.
    pub sent: AtomicU64,
    /// Data messages sent again.
    pub resent: AtomicU64,
    /// Data messages acknowledged.
    pub acked: AtomicU64,
    /// Data messages given up because a node held too many.
    pub dropped: AtomicU64,
    /// Rebirth requests.
    pub rebirths: AtomicU64,
    /// Connections made.
    pub connects: AtomicU64,
    /// Bytes written to sockets.
    pub bytes: AtomicU64,
}

/// What a load did.
#[derive(Clone, Debug, Serialize)]
pub struct LoadReport {
    /// Nodes.
    pub nodes: usize,
    /// Data messages a second asked for.
    pub asked_rate: f64,
    /// Data messages a second reached.
    pub rate: f64,
    /// Seconds the load took, without births and settling.
    pub seconds: f64,
    /// Data messages sent for the first time.
    pub sent: u64,
    /// Data messages acknowledged.
    pub acked: u64,
    /// Data messages sent again.
    pub resent: u64,
    /// Data messages given up.
    pub dropped: u64,
    /// Data messages neither acknowledged nor given up at the end.
    pub left: u64,
    /// Rebirth requests heard.
    pub rebirths: u64,
    /// Connections made.
    pub connects: u64,
    /// Bytes written.
    pub bytes: u64,
    /// From first sending to `Journal/Ack`, ms. The gateway bundles acknowledgements: this shows that, too.
    pub ack_ms: Percentiles,
    /// From the message that makes a hazard to the hazard in the API, ms.
    pub hazard_ms: Option<Percentiles>,
    /// What went wrong with the hazard probe.
    pub probe_problem: Option<String>,
}

/// Why a load did not begin.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The broker's address is not usable.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The probe's address is not usable.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The connection of a load that does not try again.
    #[error("load: {0}")]
    Connection(#[from] std::io::Error),
    /// The options make no sense together.
    #[error("load: {0}")]
    Options(&'static str),
}

/// Puts the load on, waits for everything to be acknowledged, reports. `stats` can be watched meanwhile.
///
/// # Errors
/// [`LoadError`]; a broker that is not there is waited for.
pub async fn run(options: LoadOptions, stats: Arc<LoadStats>) -> Result<LoadReport, LoadError> {
    if options.nodes == 0 || options.connections == 0 {
        return Err(LoadError::Options(
            "at least one node and one connection are needed",
        ));
    }
    if !(options.rate.is_finite() && options.rate > 0.0) {
        return Err(LoadError::Options("the rate has to be a number above 0"));
    }
    let probe = match &options.hazard_probe {
        Some(url) => Some(probe::Target::parse(url, options.token.clone())?),
        None => None,
    };
    let groups = options.nodes.div_ceil(GROUP);
    let connections = options.connections.min(groups);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..connections {
        tasks.spawn(connection::run(
            options.clone(),
            n,
            connections,
            Arc::clone(&stats),
        ));
    }
    let probing = CancellationToken::new();
    let prober = probe.map(|target| {
        let task = probe::run(
            options.broker.clone(),
            target,
            probing.clone(),
            options.cancel.clone(),
        );
        tokio::spawn(task)
    });
    let began = Instant::now();
    let (mut histogram, mut seconds, mut left) = (Histogram::default(), 0.0_f64, 0);
    while let Some(done) = tasks.join_next().await {
        let Ok(done) = done else { continue };
        histogram.merge(&done.ack);
        seconds = seconds.max(done.loaded.as_secs_f64());
        left += done.left;
        if began.elapsed() >= options.duration {
            probing.cancel();
        }
    }
    probing.cancel();
    let (mut hazard_ms, mut probe_problem) = (None, None);
    if let Some(prober) = prober {
        match prober.await {
            Ok((histogram, problem)) => {
                hazard_ms = Some(histogram.percentiles());
                probe_problem = problem;
            }
            Err(error) => probe_problem = Some(error.to_string()),
        }
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let sent = count(&stats.sent);
    Ok(LoadReport {
        nodes: options.nodes,
        asked_rate: options.rate,
        rate: if seconds > 0.0 { sent as f64 / seconds } else { 0.0 },
        seconds,
        sent,
        acked: count(&stats.acked),
        resent: count(&stats.resent),
        dropped: count(&stats.dropped),
        left,
        rebirths: count(&stats.rebirths),
        connects: count(&stats.connects),
        bytes: count(&stats.bytes),
        ack_ms: histogram.percentiles(),
        hazard_ms,
        probe_problem,
    })
}
