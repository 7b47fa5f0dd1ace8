//! One request, one connection, one answer, all of it bounded.
//!
//! The connection is made to the very address that was looked at, so that a name cannot show one address to the
//! check and another to the connection. Nothing is followed: an answer that points elsewhere is an answer.

use super::address::is_public;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use vigil_protocol::time::UtcMillis;

/// What a request may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until a connection stands, for each address tried.
    pub connect: Duration,
    /// Until the head of the answer is there, all in all.
    pub answer: Duration,
    /// Bytes of the answer's body that are read; the rest is not waited for.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(15),
            body: 1_024,
        }
    }
}

/// Longest pause a server may ask for: it may have meant well, but people wait.
const LONGEST_WISH: Duration = Duration::from_secs(3_600);

/// A client; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    tls: Arc<ClientConfig>,
    allow_private: bool,
    limits: Limits,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// How long to wait before asking again, if it says so.
    pub retry_after: Option<Duration>,
    /// The first bytes of the body as text.
    pub said: String,
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be used.
    #[error("{url:?} is not the address of an HTTP server")]
    Url {
        /// As given.
        url: String,
    },
    /// The name is not known.
    #[error("cannot resolve {host}: {cause}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        cause: String,
    },
    /// The name leads to addresses that are not allowed.
    #[error(
        "{host} is {found}: private, loopback and link-local addresses are refused unless `allow_private = true`"
    )]
    Private {
        /// The name.
        host: String,
        /// Its addresses.
        found: String,
    },
    /// Nobody listens there, or TLS fails.
    #[error("cannot connect to {address}: {cause}")]
    Connect {
        /// The last address tried.
        address: SocketAddr,
        /// Why.
        cause: String,
    },
    /// The connection ended, or no HTTP came.
    #[error("no answer: {cause}")]
    Broken {
        /// Why.
        cause: String,
    },
    /// It took too long. The request may have been taken all the same.
    #[error("no answer within {} s", .after.as_secs_f32())]
    Timeout {
        /// The limit.
        after: Duration,
    },
}

/// Either kind of connection.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Client {
    /// A client that trusts the certificates the system trusts.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(allow_private: bool, limits: Limits) -> Result<Self, rustls::Error> {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!(%error, "a trusted certificate of the system cannot be read");
        }
        let mut roots = RootCertStore::empty();
        let (trusted, _) = roots.add_parsable_certificates(found.certs);
        tracing::debug!(trusted, "trusted certificates of the system");
        Self::trusting(roots, allow_private, limits)
    }

    /// A client that trusts these certificates.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn trusting(
        roots: RootCertStore,
        allow_private: bool,
        limits: Limits,
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: Arc::new(tls),
            allow_private,
            limits,
        })
    }

    /// Posts `body` with `headers` and reads the answer; `now` is for servers that name a point in time.
    ///
    /// # Errors
    /// There was no answer. Unless the connection failed, the other side may have taken the request.
    pub async fn post(
        &self,
        url: &Uri,
        headers: HeaderMap,
        body: Bytes,
        now: UtcMillis,
    ) -> Result<Answer, HttpError> {
        let after = self.limits.answer;
        let deadline = Instant::now() + after;
        // Dropped with this future: a connection never outlives its request.
        let mut connection = JoinSet::new();
        let response = timeout_at(deadline, self.ask(url, headers, body, &mut connection))
            .await
            .map_err(|_| HttpError::Timeout { after })??;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| wish(value.to_str().ok()?, now));
        // The head says whether it was taken: a body that comes late, too long or not whole changes nothing.
        let read = deadline.max(Instant::now() + Duration::from_secs(1));
        let said = said(response.into_body(), self.limits.body, read).await;
        Ok(Answer {
            status,
            retry_after,
            said,
        })
    }

    async fn ask(
        &self,
        url: &Uri,
        headers: HeaderMap,
        body: Bytes,
        connection: &mut JoinSet<()>,
    ) -> Result<Response<Incoming>, HttpError> {
        let bad_url = || HttpError::Url { url: url.to_string() };
        let authority = url.authority().ok_or_else(bad_url)?;
        let stream = self.connect(url).await?;
        let broken = |error: hyper::Error| {
            let cause = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), |inner| format!("{error}: {inner}"));
            HttpError::Broken { cause }
        };
        let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        connection.spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "a connection to a subscriber ended");
            }
        });
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let is_empty = body.is_empty();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .body(Full::new(body))
            .map_err(|_| bad_url())?;
        *request.headers_mut() = headers;
        // Without a user, which has no place in the address.
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        request
            .headers_mut()
            .insert(HOST, HeaderValue::from_str(host).map_err(|_| bad_url())?);
        request.headers_mut().insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("vigil/", env!("CARGO_PKG_VERSION"))),
        );
        request
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
        if is_empty {
            // Left out otherwise, and some servers insist.
            request
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        sender.send_request(request).await.map_err(broken)
    }

    /// A connection to the first address that is allowed and answers.
    async fn connect(&self, url: &Uri) -> Result<Box<dyn Stream>, HttpError> {
        let bad_url = || HttpError::Url { url: url.to_string() };
        let tls = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(bad_url()),
        };
        let host = url.host().ok_or_else(bad_url)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let mut last = None;
        for address in self.addresses(bare, port).await? {
            let failed = |cause: String| HttpError::Connect { address, cause };
            let attempt = async {
                let stream = TcpStream::connect(address)
                    .await
                    .map_err(|error| failed(error.to_string()))?;
                drop(stream.set_nodelay(true));
                if !tls {
                    return Ok(Box::new(stream) as Box<dyn Stream>);
                }
                let name =
                    ServerName::try_from(bare.to_owned()).map_err(|error| failed(error.to_string()))?;
                let stream = TlsConnector::from(Arc::clone(&self.tls))
                    .connect(name, stream)
                    .await
                    .map_err(|error| failed(format!("TLS: {error}")))?;
                Ok(Box::new(stream) as Box<dyn Stream>)
            };
            match timeout(self.limits.connect, attempt).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = Some(error),
                Err(_) => last = Some(failed(format!("not within {:?}", self.limits.connect))),
            }
        }
        Err(last.unwrap_or_else(bad_url))
    }

    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, HttpError> {
        let unknown = |cause: String| HttpError::Resolve {
            host: host.to_owned(),
            cause,
        };
        let found: Vec<_> = lookup_host((host, port))
            .await
            .map_err(|error| unknown(error.to_string()))?
            .collect();
        if found.is_empty() {
            return Err(unknown("the name has no address".to_owned()));
        }
        let allowed: Vec<_> = found
            .iter()
            .copied()
            .filter(|address| self.allow_private || is_public(address.ip()))
            .collect();
        if allowed.is_empty() {
            let found: Vec<_> = found.iter().map(|address| address.ip().to_string()).collect();
            return Err(HttpError::Private {
                host: host.to_owned(),
                found: found.join(", "),
            });
        }
        Ok(allowed)
    }
}

/// The first bytes of a body as text, as far as they come in time.
async fn said(mut body: Incoming, limit: usize, deadline: Instant) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < limit {
        match timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    bytes.extend_from_slice(data.get(..limit - bytes.len()).unwrap_or(data));
                }
            }
            Ok(Some(Err(_)) | None) | Err(_) => break,
        }
    }
    // A character cut at the end is no fault of the other side.
    String::from_utf8_lossy(&bytes)
        .trim_end_matches('\u{fffd}')
        .trim()
        .replace(|c: char| c.is_control() && c != '\n', " ")
}

/// `Retry-After`: seconds, or a point in time.
fn wish(text: &str, now: UtcMillis) -> Option<Duration> {
    let text = text.trim();
    let wished = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond();
            Duration::from_millis(u64::try_from(at.saturating_sub(now.0)).unwrap_or(0))
        }
    };
    Some(wished.min(LONGEST_WISH))
}

#[cfg(test)]
mod tests {
    use super::wish;
    use std::time::Duration;
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn a_server_may_wish_seconds_or_a_time_and_not_more_than_an_hour() {
        let now = UtcMillis(1_795_420_800_000);
        for (text, seconds) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("99999999", Some(3_600)),
            ("Mon, 23 Nov 2026 08:00:30 GMT", Some(30)),
            ("Mon, 23 Nov 2026 07:00:00 GMT", Some(0)),
            ("soon", None),
            ("-3", None),
        ] {
            assert_eq!(wish(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
