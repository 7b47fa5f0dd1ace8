//! Why the gateway does not run.

use crate::engine::{EngineFailure, RestoreFailure};
use crate::evidence::{HeadError, KeyError};
use crate::mqtt::BrokerError;
use crate::secrets::SecretError;
use crate::store::StoreError;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the gateway did not start, or did not stop in order.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The data directory cannot be made.
    #[error("cannot make the data directory {path}: {source}")]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The admin token.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The key that signs evidence.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The rule packs in force could not be kept.
    #[error(transparent)]
    Packs(#[from] HeadError),
    /// A password file.
    #[error("cannot read the password file {path}: {source}")]
    Password {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The last run's state.
    #[error(transparent)]
    Restore(#[from] RestoreFailure),
    /// The embedded broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The external broker's address.
    #[error("`broker.url` is {url:?}; it must be mqtt://host[:port] or mqtts://host[:port]")]
    BrokerUrl {
        /// As configured.
        url: String,
    },
    /// The HTTP port.
    #[error("cannot listen on {address} for HTTP: {source}")]
    Http {
        /// Where.
        address: SocketAddr,
        /// Cause.
        source: std::io::Error,
    },
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineFailure),
    /// The secret of a webhook.
    #[error("the secret file {path} is empty: a signature made with nothing proves nothing")]
    EmptySecret {
        /// The file.
        path: PathBuf,
    },
    /// The address of a sink.
    #[error("{url:?} cannot be used as an address")]
    SinkUrl {
        /// As configured.
        url: String,
    },
    /// TLS towards the sinks.
    #[error("cannot set up TLS: {0}")]
    Tls(rustls::Error),
    /// The sink of points.
    #[cfg(feature = "influx")]
    #[error(transparent)]
    Influx(#[from] crate::sinks::influx::InfluxError),
    /// The sink of points is not built in.
    #[cfg(not(feature = "influx"))]
    #[error("[influx] is configured, but this vigil is built without the feature `influx`")]
    NoInflux,
}

/// Why a gateway does not run any more although nobody stopped it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineFailure),
    /// Something without which it would look alive and be deaf.
    #[error("{part} ended unexpectedly; the log may say why")]
    Part {
        /// Which.
        part: &'static str,
    },
}
