//! The sinks as configured.

use super::RunError;
use super::broker::secret;
use crate::config::{Config, Webhook as Configured};
use crate::outbox::Destination;
use crate::sinks::http::{Client, Limits};
use crate::sinks::webhook::{Filter, Secret, Subscriber, Webhook};
use std::sync::Arc;

const HOUR_MS: i64 = 3_600_000;

/// What the engine has to know of those who are sent events.
pub(super) fn subscribers(config: &Config) -> Arc<[Subscriber]> {
    let base: Arc<str> = config.web.public_url.as_deref().unwrap_or_default().into();
    let subscriber = |webhook: &Configured| Subscriber {
        name: webhook.name.as_str().into(),
        filter: Filter {
            events: webhook.events.clone(),
            min_severity: webhook.min_severity,
            area_codes: webhook.area_codes.clone(),
            groups: webhook.groups.clone(),
        },
        base: Arc::clone(&base),
    };
    config.webhook.iter().map(subscriber).collect()
}

/// Where events are sent.
///
/// # Errors
/// A secret cannot be read, or TLS cannot be set up.
pub(super) fn destinations(config: &Config) -> Result<Vec<Destination>, RunError> {
    let destination = |webhook: &Configured| {
        let path = config.resolve(&webhook.secret_file);
        let secret = secret(&path)?;
        if secret.is_empty() {
            return Err(RunError::EmptySecret { path });
        }
        let bad_url = || RunError::SinkUrl {
            url: webhook.url.to_string(),
        };
        Ok(Destination {
            name: webhook.name.as_str().into(),
            webhook: Webhook {
                url: webhook.url.as_str().parse().map_err(|_| bad_url())?,
                secret: Secret::new(secret.as_bytes()),
                client: Client::new(webhook.allow_private, Limits::default()).map_err(RunError::Tls)?,
            },
            give_up_after_ms: i64::from(webhook.give_up_hours) * HOUR_MS,
        })
    };
    config.webhook.iter().map(destination).collect()
}

/// Where points are sent.
///
/// # Errors
/// The token cannot be read, or the client cannot be set up.
#[cfg(feature = "influx")]
pub(super) fn points(config: &Config) -> Result<Option<crate::outbox::PointsOptions>, RunError> {
    use crate::sinks::influx::{Influx, Server};
    let Some(influx) = &config.influx else {
        return Ok(None);
    };
    let token = influx
        .token_file
        .as_ref()
        .map(|file| secret(&config.resolve(file)));
    let server = Server {
        url: influx.url.clone(),
        org: influx.org.clone(),
        bucket: influx.bucket.clone(),
        token: token.transpose()?.unwrap_or_default(),
    };
    Ok(Some(crate::outbox::PointsOptions {
        influx: Influx::new(server)?,
        target: influx.url.origin().ascii_serialization(),
        batch_points: influx.batch_points,
        linger: std::time::Duration::from_millis(influx.linger_ms),
        backfill: influx.backfill,
    }))
}

/// A sink that is configured but not built in is an error, not silence.
#[cfg(not(feature = "influx"))]
pub(super) fn refuse_points(config: &Config) -> Result<(), RunError> {
    match &config.influx {
        Some(_) => Err(RunError::NoInflux),
        None => Ok(()),
    }
}
