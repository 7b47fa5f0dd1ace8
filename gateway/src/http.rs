//! The HTTP server: connections, and what a slow or idle one may cost.
//!
//! `axum::serve` waits for a request head for ever and takes any number of connections; a few hundred clients that
//! say nothing would then keep people from their pages.

use crate::people::gate::Peer;
use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What connections may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A request head must be complete within this time, and an idle connection ask again.
    pub head: Duration,
    /// Open connections, event streams included; others wait until one ends.
    pub connections: usize,
}

impl Default for Limits {
    /// More connections than people looking at one site, fewer than the file descriptors a process gets by default.
    fn default() -> Self {
        Self {
            head: Duration::from_secs(20),
            connections: 512,
        }
    }
}

/// What answers requests; may be replaced while it does.
#[derive(Clone, Debug)]
pub struct Site(Arc<RwLock<Router>>);

impl Site {
    /// Answers by `router`.
    #[must_use]
    pub fn new(router: Router) -> Self {
        Self(Arc::new(RwLock::new(router)))
    }

    /// From now on `router` answers; requests under way are finished by the old one.
    pub fn replace(&self, router: Router) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = router;
    }

    fn router(&self) -> Router {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers requests until `stopping`; then those under way are finished.
pub async fn serve(mut listener: TcpListener, site: Site, limits: Limits, stopping: CancellationToken) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    loop {
        let accepted = async {
            // Never closed: there is always a slot to come.
            let slot = Arc::clone(&slots).acquire_owned().await.ok();
            // Waits and tries again by itself when there are no file descriptors left.
            let (stream, peer) = axum::serve::Listener::accept(&mut listener).await;
            (slot, stream, peer)
        };
        let (slot, stream, peer) = tokio::select! {
            accepted = accepted => accepted,
            () = stopping.cancelled() => break,
        };
        connections.spawn(connection(
            (stream, peer),
            site.clone(),
            limits.head,
            slot,
            stopping.clone(),
        ));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(
    (stream, peer): (TcpStream, SocketAddr),
    site: Site,
    head: Duration,
    slot: Option<OwnedSemaphorePermit>,
    stopping: CancellationToken,
) {
    // An answer in two parts would otherwise wait for the other side's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let answer = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        TowerToHyperService::new(site.router()).call(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .serve_connection(TokioIo::new(stream), answer);
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stopping.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended");
    }
    drop(slot);
}
