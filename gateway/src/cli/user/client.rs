//! Asks the gateway on this machine over its API, with the admin token.

use axum::body::Body;
use hyper::client::conn::http1::handshake;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HOST, IF_MATCH};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpStream;

/// An answer must be there within this time.
const PATIENCE: Duration = Duration::from_secs(30);
/// Largest answer, bytes.
const MOST: usize = 8 << 20;

/// Why the gateway gave no answer, or refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("cannot read its token {path}: {source}")]
    Token { path: PathBuf, source: std::io::Error },
    #[error("no connection to {address}: {source}; say where it is with --http")]
    Connect {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("{address} does not speak HTTP as expected: {detail}")]
    Http { address: SocketAddr, detail: String },
    #[error("no answer from {0} in 30 s")]
    Slow(SocketAddr),
    #[error("{detail} ({status})")]
    Refused { status: StatusCode, detail: String },
}

/// The gateway that runs.
pub(super) struct Client {
    address: SocketAddr,
    token: String,
}

/// The admin token of the gateway that runs.
pub(super) fn token(path: &Path) -> Result<String, ClientError> {
    let text = std::fs::read_to_string(path).map_err(|source| ClientError::Token {
        path: path.to_owned(),
        source,
    })?;
    Ok(text.trim().to_owned())
}

impl Client {
    pub(super) fn new(address: SocketAddr, token: String) -> Self {
        // Who listens everywhere also listens here.
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self {
            address: SocketAddr::new(ip, address.port()),
            token,
        }
    }

    /// Sends a request; gives the body of the answer and its `ETag`.
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        version: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(Value, Option<String>), ClientError> {
        let asked = self.ask(method, path, version, body);
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(ClientError::Slow(self.address)),
        }
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        version: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(Value, Option<String>), ClientError> {
        let address = self.address;
        let odd = |detail: String| ClientError::Http { address, detail };
        let stream = TcpStream::connect(address)
            .await
            .map_err(|source| ClientError::Connect { address, source })?;
        let (mut sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| odd(error.to_string()))?;
        let connection = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, address.to_string())
            .header(AUTHORIZATION, format!("Bearer {}", self.token));
        if let Some(version) = version {
            request = request.header(IF_MATCH, version);
        }
        let request = match body {
            Some(body) => request
                .header(CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        let request = request.map_err(|error| odd(error.to_string()))?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| odd(error.to_string()))?;
        let status = answer.status();
        let version = answer.headers().get(ETAG).and_then(|value| value.to_str().ok());
        let version = version.map(str::to_owned);
        let bytes = axum::body::to_bytes(Body::new(answer.into_body()), MOST)
            .await
            .map_err(|error| odd(error.to_string()))?;
        drop(sender);
        connection.abort();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() {
            Ok((body, version))
        } else {
            let detail = body["detail"].as_str().unwrap_or("it refused").to_owned();
            Err(ClientError::Refused { status, detail })
        }
    }
}
