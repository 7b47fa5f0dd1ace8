//! The broker: our own, or that of somebody else.

use super::RunError;
use crate::config::{BrokerMode, Config};
use crate::engine::EngineHandle;
use crate::mqtt::{BrokerOptions, BrokerUser, Connection, EmbeddedBroker, Endpoint, Handover};
use std::path::Path;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Tells the engine whether there is a session, and once the embedded broker that it may let others in.
pub(super) async fn watch_connection(
    mut status: watch::Receiver<Connection>,
    engine: EngineHandle,
    heard: CancellationToken,
) {
    loop {
        let up = status.borrow_and_update().up;
        if up {
            heard.cancel();
        }
        engine.set_mqtt_connected(up);
        if status.changed().await.is_err() {
            engine.set_mqtt_connected(false);
            return;
        }
    }
}

/// The broker in this process, if it is to run.
pub(super) async fn embedded(
    config: &Config,
    handover: Handover,
) -> Result<Option<EmbeddedBroker>, RunError> {
    if config.broker.mode != BrokerMode::Embedded {
        return Ok(None);
    }
    let users = config
        .broker
        .user
        .iter()
        .map(|user| {
            let password = secret(&config.resolve(&user.password_file))?;
            Ok(BrokerUser {
                name: user.name.clone(),
                password,
            })
        })
        .collect::<Result<_, RunError>>()?;
    let options = BrokerOptions {
        listen: config.listen.mqtt,
        users,
        own_topic: format!("spBv1.0/STATE/{}", config.broker.host_id),
        handover: Some(handover),
    };
    Ok(Some(EmbeddedBroker::start(options).await?))
}

/// Where the broker of somebody else is.
pub(super) fn external(config: &Config) -> Result<Endpoint, RunError> {
    let url = config.broker.url.clone().unwrap_or_default();
    let bad = || RunError::BrokerUrl { url: url.clone() };
    let (scheme, rest) = url.split_once("://").ok_or_else(bad)?;
    let (tls, default_port) = match scheme {
        "mqtt" | "tcp" => (None, 1883),
        "mqtts" | "ssl" => (Some(rumqttc::TlsConfiguration::default()), 8883),
        _ => return Err(bad()),
    };
    let address = rest.trim_end_matches('/');
    let (host, port) = match address.rsplit_once(':') {
        // A colon inside the brackets of an IPv6 address is not the one before a port.
        Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| bad())?),
        _ => (address, default_port),
    };
    if host.is_empty() {
        return Err(bad());
    }
    let credentials = match (&config.broker.username, &config.broker.password_file) {
        (Some(user), Some(file)) => Some((user.clone(), secret(&config.resolve(file))?)),
        (Some(user), None) => Some((user.clone(), String::new())),
        (None, _) => None,
    };
    Ok(Endpoint {
        host: host.to_owned(),
        port,
        tls,
        credentials,
    })
}

/// The first line of a file.
pub(super) fn secret(path: &Path) -> Result<String, RunError> {
    std::fs::read_to_string(path)
        .map(|text| text.lines().next().unwrap_or_default().trim_end().to_owned())
        .map_err(|source| RunError::Password {
            path: path.to_owned(),
            source,
        })
}
