//! An HTTP server that does what it is told, right or wrong, and remembers what it was asked.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests; not every test file uses all of them"
)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub target: String,
    pub headers: BTreeMap<String, String>,
    /// Uncompressed.
    pub body: String,
    /// As it came.
    pub raw: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What it does.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Status, further headers, body.
    Say(u16, Vec<(&'static str, String)>, String),
    /// Says nothing and keeps the connection.
    Hang,
    /// Closes without a word.
    Close,
    /// Says half of a head, and closes.
    HalfAHead,
    /// Says this status and half of the body it announces, and closes.
    HalfABody(u16),
    /// Says this status and then a body without end.
    Endless(u16),
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self::Say(status, Vec::new(), format!("status {status}"))
    }

    pub fn retry_after(status: u16, seconds: &str) -> Self {
        Self::Say(
            status,
            vec![("Retry-After", seconds.to_owned())],
            "later".to_owned(),
        )
    }
}

type Judge = Box<dyn FnMut(&Asked) -> Answer + Send>;

/// The server; gone when dropped.
pub struct FakeServer {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    judge: Arc<Mutex<Judge>>,
    task: JoinHandle<()>,
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeServer {
    pub async fn start(judge: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), judge).await
    }

    pub async fn start_at(at: SocketAddr, judge: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let judge: Arc<Mutex<Judge>> = Arc::new(Mutex::new(Box::new(judge)));
        let task = tokio::spawn(serve(listener, Arc::clone(&asked), Arc::clone(&judge)));
        Self {
            address,
            asked,
            judge,
            task,
        }
    }

    /// From now on it behaves like this.
    pub fn behave(&self, judge: impl FnMut(&Asked) -> Answer + Send + 'static) {
        *self.judge.lock().unwrap() = Box::new(judge);
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(listener: TcpListener, asked: Arc<Mutex<Vec<Asked>>>, judge: Arc<Mutex<Judge>>) {
    // Connections end with the server.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            continue;
        };
        let (asked, judge) = (Arc::clone(&asked), Arc::clone(&judge));
        connections.spawn(async move {
            while let Some(request) = read(&mut stream).await {
                let answer = (*judge.lock().unwrap())(&request);
                asked.lock().unwrap().push(request);
                if !say(&mut stream, answer).await {
                    break;
                }
            }
        });
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let target = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head_end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let raw = bytes[head_end..].to_vec();
    let body = match headers.get("content-encoding").map(String::as_str) {
        Some("gzip") => {
            let mut text = String::new();
            flate2::read::GzDecoder::new(&raw[..])
                .read_to_string(&mut text)
                .unwrap();
            text
        }
        _ => String::from_utf8(raw.clone()).unwrap(),
    };
    Some(Asked {
        target,
        headers,
        body,
        raw,
    })
}

/// Whether the connection may go on.
async fn say(stream: &mut TcpStream, answer: Answer) -> bool {
    let head =
        |status: u16, length: usize| format!("HTTP/1.1 {status} Whatever\r\nContent-Length: {length}\r\n");
    let text = match answer {
        Answer::Say(status, headers, body) => {
            let body = if status == 204 { String::new() } else { body };
            let mut text = head(status, body.len());
            for (name, value) in headers {
                text += &format!("{name}: {value}\r\n");
            }
            let text = format!("{text}\r\n{body}");
            return stream.write_all(text.as_bytes()).await.is_ok();
        }
        Answer::Hang => std::future::pending().await,
        Answer::Close => String::new(),
        Answer::HalfAHead => "HTTP/1.1 200 OK\r\nConte".to_owned(),
        Answer::HalfABody(status) => format!("{}\r\nhalf", head(status, 1_000)),
        Answer::Endless(status) => {
            let text = format!("{}\r\n", head(status, usize::MAX / 4));
            let mut going = stream.write_all(text.as_bytes()).await.is_ok();
            while going {
                going = stream.write_all(&[b'x'; 4_096]).await.is_ok();
            }
            return false;
        }
    };
    // The other side may have gone already.
    drop(stream.write_all(text.as_bytes()).await);
    drop(stream.shutdown().await);
    false
}
