//! What connections that are slow or say nothing cost the others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

use axum::Router;
use axum::routing::get;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vigil_gateway::http::{Limits, serve};

/// Only reached when something is broken.
const DEADLINE: Duration = Duration::from_secs(30);

struct Server {
    address: SocketAddr,
    stopping: CancellationToken,
    task: JoinHandle<()>,
}

async fn server(limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stopping = CancellationToken::new();
    let router = Router::new().route("/", get(|| async { "here" }));
    let task = tokio::spawn(serve(
        listener,
        vigil_gateway::http::Site::new(router),
        limits,
        stopping.clone(),
    ));
    Server {
        address,
        stopping,
        task,
    }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn ask(&self) -> String {
        let mut stream = self.connect().await;
        let asked = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(asked).await.unwrap();
        rest(&mut stream).await
    }

    async fn stop(self) {
        self.stopping.cancel();
        in_time(self.task).await.unwrap();
    }
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("in time")
}

/// Everything that comes until the other side ends the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // Being cut off is an end, too.
    drop(in_time(stream.read_to_end(&mut answer)).await);
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn two_hundred_connections_that_say_nothing_keep_nobody_from_an_answer_and_are_ended() {
    let limits = Limits {
        head: Duration::from_millis(500),
        ..Limits::default()
    };
    let server = server(limits).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(server.connect().await);
    }
    assert!(server.ask().await.ends_with("here"));
    for stream in &mut idle {
        rest(stream).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_head_that_trickles_in_is_cut_off() {
    let limits = Limits {
        head: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = server(limits).await;
    let (mut reader, mut writer) = server.connect().await.into_split();
    let began = Instant::now();
    let trickle = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        writer.write_all(b"GET / HTTP/1.1\r\n").await?;
        loop {
            ticks.tick().await;
            writer.write_all(b"X-Slow: 1\r\n").await?;
        }
        #[allow(unreachable_code, reason = "gives the block its type")]
        std::io::Result::Ok(())
    });
    let mut answer = Vec::new();
    drop(in_time(reader.read_to_end(&mut answer)).await);
    assert!(began.elapsed() >= limits.head, "not before its time");
    assert!(!String::from_utf8_lossy(&answer).contains("here"));
    trickle.abort();
    server.stop().await;
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_until_another_ends() {
    let limits = Limits {
        head: DEADLINE,
        connections: 2,
    };
    let server = server(limits).await;
    let first = server.connect().await;
    let second = server.connect().await;
    let mut waiting = Box::pin(server.ask());
    let soon = tokio::time::timeout(Duration::from_millis(200), waiting.as_mut()).await;
    assert!(soon.is_err(), "there is no slot");
    drop(first);
    assert!(waiting.await.ends_with("here"));
    drop(second);
    server.stop().await;
}

#[tokio::test]
async fn a_stop_ends_idle_connections_at_once() {
    let limits = Limits {
        head: DEADLINE * 2,
        ..Limits::default()
    };
    let server = server(limits).await;
    let mut kept = server.connect().await;
    kept.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    in_time(kept.read_exact(&mut first)).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    server.stop().await;
}
