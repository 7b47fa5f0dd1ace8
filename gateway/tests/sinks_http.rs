//! The client of the webhooks over TLS: it talks to whom it should, and to nobody else. The certificates in
//! `data/tls` belong to nobody; their authority's key was thrown away.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod harness;

use bytes::Bytes;
use harness::*;
use hyper::header::HeaderMap;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use vigil_gateway::sinks::http::{Answer, Client, HttpError, Limits};
use vigil_protocol::time::UtcMillis;

const CA: &[u8] = include_bytes!("data/tls/ca.pem");
const CERTIFICATE: &[u8] = include_bytes!("data/tls/server.pem");
const KEY: &[u8] = include_bytes!("data/tls/server.key");

/// A server that says "hello" to everybody over TLS; its port.
async fn server() -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()],
            PrivateKeyDer::from_pem_slice(KEY).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust us hangs up.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut asked = vec![0; 4_096];
                let _n = stream.read(&mut asked).await.unwrap();
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
                stream.write_all(answer).await.unwrap();
            });
        }
    });
    port
}

async fn ask(host: &str, port: u16, trusts: bool, allow_private: bool) -> Result<Answer, HttpError> {
    let mut roots = RootCertStore::empty();
    if trusts {
        roots.add(CertificateDer::from_pem_slice(CA).unwrap()).unwrap();
    }
    let limits = Limits {
        answer: Duration::from_secs(20),
        ..Limits::default()
    };
    let client = Client::trusting(roots, allow_private, limits).unwrap();
    let url = format!("https://{host}:{port}/").parse().unwrap();
    let body = Bytes::from_static(b"{}");
    within(
        "the answer",
        client.post(&url, HeaderMap::new(), body, UtcMillis(T0)),
    )
    .await
}

#[tokio::test]
async fn a_server_is_believed_when_somebody_trusted_vouches_for_its_name() {
    let port = server().await;
    let answer = ask("localhost", port, true, true).await.unwrap();
    assert_eq!((answer.status, answer.said.as_str()), (200, "hello"));
    for (host, trusts) in [("localhost", false), ("127.0.0.1", true)] {
        let error = ask(host, port, trusts, true).await.unwrap_err();
        assert!(
            error.to_string().contains("TLS: invalid peer certificate"),
            "{error}"
        );
    }
    let error = ask("localhost", port, true, false).await.unwrap_err();
    assert!(matches!(error, HttpError::Private { .. }), "{error}");
}

#[tokio::test]
async fn what_is_no_server_is_an_error_that_says_what_was_tried() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let error = ask("127.0.0.1", port, true, true).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")),
        "{error}"
    );
    let error = ask("nobody.invalid", port, true, true).await.unwrap_err();
    assert!(
        error.to_string().starts_with("cannot resolve nobody.invalid: "),
        "{error}"
    );
}
