//! Points to a server with the InfluxDB v2 API: InfluxDB itself, VictoriaMetrics and others.
//!
//! ```text
//! <quantity>,class=…,equipment=…,group=…[,area=…][,unit=…] value=…,quality=…i[,fault=…i] <milliseconds>
//! ```
//! - **measurement**: the key of the quantity, such as `steam_pressure`.
//! - **tags**: `equipment` (id), `class` (`lift`, `steam_boiler` …), `group` (Sparkplug group), `area` (the register's
//!   `area_code`, if there is one), `unit` (of `value`; quantities without a unit have none).
//! - **value**: a float in the canonical unit; contacts are 0 or 1; of a code its number, if it is one (`E05` is 5).
//!   Missing when there is none, when it is bad, and when it is not finite: a hole is a hole and never 0.
//! - **quality**: Sparkplug's 192 good, 0 bad or missing, 500 stale.
//! - **fault** (of `fault_code` only): 1 while the code means a fault, known or not, else 0.
//!
//! Texts are never sent: VictoriaMetrics would turn them into the number 0. There a series is called
//! `<quantity>_value`, `<quantity>_quality`, `fault_code_fault`. The same reading gives the same line whenever it is
//! sent, so that sending it again changes nothing.

mod line;

pub use line::{Lines, Tags};

use super::http::{Client as Http, Limits};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::Uri;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use influxdb2::api::write::TimestampPrecision;
use influxdb2::{Client, ClientBuilder, RequestError};
use std::io::Write as _;
use std::time::Duration;
use url::Url;
use vigil_protocol::time::UtcMillis;

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);
/// Until a request is answered, all in all: a busy server may take its time over a full batch.
const ANSWER: Duration = Duration::from_secs(30);
/// Characters of an answer that are kept.
const SAID: usize = 512;

/// Where points go.
#[derive(Clone, Debug)]
pub struct Server {
    /// Address.
    pub url: Url,
    /// Organization.
    pub org: String,
    /// Bucket.
    pub bucket: String,
    /// Token; empty: none is sent.
    pub token: String,
}

/// How writing lines ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server has them.
    Taken,
    /// The server will not take these lines, or not so many at once.
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// Not now.
    Later {
        /// HTTP status, if there was an answer.
        status: Option<u16>,
        /// What it said, or why it said nothing.
        said: String,
        /// How long it wants to be left alone, if it says so.
        after: Option<Duration>,
    },
}

/// A sink of points could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InfluxError {
    /// The client.
    #[error("cannot set up the client for {url}: {cause}")]
    Client {
        /// Address.
        url: Url,
        /// Why.
        cause: String,
    },
}

/// Writes lines to one bucket.
///
/// influxdb2 does the writing, with bodies that are compressed here: its own compression works on streams of its
/// points, whose batches it would cut itself. What it does not tell is `Retry-After`; when a server says that it
/// is asked too much, it is asked for that alone, with an empty request ([`Influx::wish`]).
#[derive(Clone, Debug)]
pub struct Influx {
    client: Client,
    server: Server,
    wish: Http,
    wish_url: Uri,
}

impl Influx {
    /// For this server.
    ///
    /// # Errors
    /// TLS cannot be set up, or the address cannot be used.
    pub fn new(server: Server) -> Result<Self, InfluxError> {
        let failed = |cause: String| InfluxError::Client {
            url: server.url.clone(),
            cause,
        };
        let headers = [(reqwest::header::CONTENT_ENCODING, "gzip")];
        let headers = headers.map(|(name, value)| (name, reqwest::header::HeaderValue::from_static(value)));
        let builder = reqwest::Client::builder()
            .default_headers(headers.into_iter().collect())
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .http1_only();
        let client = ClientBuilder::with_builder(builder, server.url.as_str(), &server.org, &server.token)
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let limits = Limits {
            answer: CONNECT,
            body: 0,
            ..Limits::default()
        };
        let wish = Http::new(true, limits).map_err(|error| failed(error.to_string()))?;
        let mut url = server.url.clone();
        url.set_path("/api/v2/write");
        url.query_pairs_mut()
            .append_pair("bucket", &server.bucket)
            .append_pair("org", &server.org)
            .append_pair("precision", "ms");
        let wish_url = url
            .as_str()
            .parse()
            .map_err(|_| failed("not an address".to_owned()))?;
        Ok(Self {
            client,
            server,
            wish,
            wish_url,
        })
    }

    /// Writes whole lines in one request; `now` is for servers that name a point in time.
    pub async fn write(&self, lines: Bytes, now: UtcMillis) -> Verdict {
        // Milliseconds of work: not on a thread that others wait for.
        let body = match tokio::task::spawn_blocking(move || gzip(&lines)).await {
            Ok(Ok(body)) => body,
            Ok(Err(error)) => return unanswered(error.to_string()),
            Err(error) => return unanswered(error.to_string()),
        };
        let written = self
            .client
            .write_line_protocol_with_precision(
                &self.server.org,
                &self.server.bucket,
                body,
                TimestampPrecision::Milliseconds,
            )
            .await;
        match written {
            Ok(()) => Verdict::Taken,
            Err(RequestError::Http { status, text }) => self.judge(status.as_u16(), &text, now).await,
            Err(error) => unanswered(chain(&error)),
        }
    }

    async fn judge(&self, status: u16, text: &str, now: UtcMillis) -> Verdict {
        let said: String = text.trim().chars().take(SAID).collect();
        match status {
            200..=299 => Verdict::Taken,
            400 | 413 | 422 => Verdict::Refused { status, said },
            _ => {
                let after = if matches!(status, 429 | 503) {
                    self.wish(now).await
                } else {
                    None
                };
                Verdict::Later {
                    status: Some(status),
                    said,
                    after,
                }
            }
        }
    }

    /// How long the server wants to be left alone, asked with a request that writes nothing.
    async fn wish(&self, now: UtcMillis) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        if let Ok(token) = HeaderValue::from_str(&format!("Token {}", self.server.token))
            && !self.server.token.is_empty()
        {
            headers.insert(AUTHORIZATION, token);
        }
        let answer = self
            .wish
            .post(&self.wish_url, headers, Bytes::new(), now)
            .await
            .ok()?;
        answer.retry_after
    }
}

fn unanswered(said: String) -> Verdict {
    Verdict::Later {
        status: None,
        said,
        after: None,
    }
}

/// An error with all its causes: the outermost alone says little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text.chars().take(SAID).collect()
}

fn gzip(lines: &[u8]) -> std::io::Result<Vec<u8>> {
    // The fastest level: lines of one site repeat themselves so much that better ones gain little.
    let mut encoder = GzEncoder::new(Vec::with_capacity(lines.len() / 8), Compression::fast());
    encoder.write_all(lines)?;
    encoder.finish()
}
