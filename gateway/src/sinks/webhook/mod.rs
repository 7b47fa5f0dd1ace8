//! Events as signed HTTP requests.
//!
//! ```text
//! POST <url>
//! Content-Type:     application/json
//! Idempotency-Key:  the same with every attempt at this event, and no other event's
//! Vigil-Event:      hazard.opened
//! Vigil-Timestamp:  seconds since 1970 at this attempt
//! Vigil-Signature:  v1=<hex of HMAC-SHA256(secret, timestamp + "." + body)>
//! ```
//! Any 2xx takes the event. 410 refuses it for good. Everything else, and no answer at all, is tried again.

mod notice;
mod sign;
mod subscriber;

pub use notice::{Body, EventAlarm, EventEquipment, EventGap, EventHazard, EventNode, KnownEquipment, Links};
pub use sign::{Secret, sign};
pub use subscriber::{About, EVENTS, Filter, Subscriber};

use super::http::Client;
use bytes::Bytes;
use hyper::Uri;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;
use vigil_protocol::time::UtcMillis;

/// How handing over an event ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What that means.
    pub verdict: Verdict,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// First bytes of the answer, or why there was none.
    pub said: String,
}

/// What to do with the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done.
    Taken,
    /// Never again.
    Gone,
    /// Again, not before this time if the other side said so.
    Later(Option<Duration>),
}

/// The other end of a subscription.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where.
    pub url: Uri,
    /// What the signature is made with.
    pub secret: Secret,
    /// How.
    pub client: Client,
}

impl Webhook {
    /// Hands over an event.
    pub async fn send(&self, event: &str, key: &str, body: &str, now: UtcMillis) -> Outcome {
        let timestamp = now.0.div_euclid(1_000);
        let signature = sign(&self.secret, timestamp, body.as_bytes());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [
            ("idempotency-key", key),
            ("vigil-event", event),
            ("vigil-timestamp", &timestamp.to_string()),
            ("vigil-signature", &signature),
        ] {
            // Hex digits, dots and small letters.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let body = Bytes::copy_from_slice(body.as_bytes());
        match self.client.post(&self.url, headers, body, now).await {
            Ok(answer) => {
                let verdict = match answer.status {
                    200..=299 => Verdict::Taken,
                    410 => Verdict::Gone,
                    _ => Verdict::Later(answer.retry_after),
                };
                let said = match answer.status {
                    300..=399 => format!("redirects are not followed; {}", answer.said),
                    _ => answer.said,
                };
                Outcome {
                    verdict,
                    status: Some(answer.status),
                    said,
                }
            }
            Err(error) => Outcome {
                verdict: Verdict::Later(None),
                status: None,
                said: error.to_string(),
            },
        }
    }
}
