//! How long an overpressure takes to be a hazard one can read: published over MQTT, polled over HTTP.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vigil_protocol::time::UtcMillis;

use super::catalog::{OVERPRESSURE, OVERPRESSURE_MS, PROBE_GROUP, PROBES, probe_id};
use super::connection::{dial, expect_accepted};
use super::histogram::Histogram;
use super::node::{LoadNode, pressure};
use super::wire;
use crate::mqtt::Broker;
use crate::node::Clock;

/// Between two probes.
const EVERY: Duration = Duration::from_millis(125);
/// Between two polls; the resolution of what is measured.
const POLL: Duration = Duration::from_millis(1);
/// A hazard that is not there by now will not come.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer read.
const MAX_ANSWER: usize = 1 << 20;

/// An address that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("hazard probe address `{0}`: http://host:port is needed")]
pub struct ProbeError(String);

/// The API to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    host: String,
    port: u16,
    token: Option<String>,
}

impl Target {
    pub(super) fn parse(url: &str, token: Option<String>) -> Result<Self, ProbeError> {
        let wrong = || ProbeError(url.to_owned());
        let address = url
            .strip_prefix("http://")
            .ok_or_else(wrong)?
            .trim_end_matches('/');
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "80"));
        let port = port.parse().map_err(|_| wrong())?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || host.contains('/') {
            return Err(wrong());
        }
        Ok(Self { host, port, token })
    }
}

/// Probes until `done`; latencies, and what went wrong first.
pub(super) async fn run(
    broker: Broker,
    target: Target,
    done: CancellationToken,
    cancel: CancellationToken,
) -> (Histogram, Option<String>) {
    let mut histogram = Histogram::default();
    let probing = probe(&broker, &target, &mut histogram);
    let problem = tokio::select! {
        ended = probing => ended.err().map(|error| error.to_string()),
        () = done.cancelled() => None,
        () = cancel.cancelled() => None,
    };
    (histogram, problem)
}

async fn probe(broker: &Broker, target: &Target, histogram: &mut Histogram) -> io::Result<()> {
    let clock = Clock::system();
    let (mut reader, mut writer) = dial(broker).await?;
    let mut out = Vec::new();
    wire::connect(&mut out, "vigil-sim-probe", broker.credentials.as_ref());
    writer.write_all(&out).await?;
    expect_accepted(&mut reader, &mut Vec::new()).await?;
    let mut http = Http { target, stream: None };
    let mut tick = tokio::time::interval(EVERY);
    for probe in 0..PROBES {
        tick.tick().await;
        let id = probe_id(probe);
        if http.has_hazard(&id).await? {
            // From an earlier run against the same database.
            continue;
        }
        out.clear();
        begin(&mut out, probe, clock.now())?;
        writer.write_all(&out).await?;
        let mut buf = [0; 256];
        let len = pressure(&mut buf, 3, OVERPRESSURE, clock.now())
            .map_err(|error| io::Error::other(error.to_string()))?;
        out.clear();
        wire::publish(&mut out, &data_topic(probe), &buf[..len]);
        let published = Instant::now();
        writer.write_all(&out).await?;
        while !http.has_hazard(&id).await? {
            if published.elapsed() > PATIENCE {
                return Err(io::Error::other(format!(
                    "no hazard of {id} {} s after its overpressure",
                    PATIENCE.as_secs()
                )));
            }
            tokio::time::sleep(POLL).await;
        }
        histogram.add(published.elapsed().as_micros() as u64);
    }
    Ok(())
}

fn data_topic(probe: usize) -> String {
    format!("spBv1.0/{PROBE_GROUP}/DDATA/p{probe:03}/boiler")
}

/// Births, and the pressure that has been too high for long enough by the time of the next message.
fn begin(out: &mut Vec<u8>, probe: usize, now: UtcMillis) -> io::Result<()> {
    let too_long = |error: vigil_protocol::sparkplug::EncodeError| io::Error::other(error.to_string());
    let mut node = LoadNode::new(probe, PROBE_GROUP, &format!("p{probe:03}"), "boiler");
    let before = now.saturating_sub_ms(OVERPRESSURE_MS + 1_000);
    let mut buf = [0; 1_024];
    let len = node.node_birth(&mut buf, before, None).map_err(too_long)?;
    wire::publish(out, &node.birth_topic, &buf[..len]);
    let len = node.device_birth(&mut buf, before, false).map_err(too_long)?;
    wire::publish(out, &node.device_birth_topic, &buf[..len]);
    let len =
        pressure(&mut buf, 2, OVERPRESSURE, now.saturating_sub_ms(OVERPRESSURE_MS)).map_err(too_long)?;
    wire::publish(out, &data_topic(probe), &buf[..len]);
    Ok(())
}

/// As much HTTP/1.1 as the probe needs, over one connection.
struct Http<'a> {
    target: &'a Target,
    stream: Option<TcpStream>,
}

impl Http<'_> {
    async fn has_hazard(&mut self, equipment: &str) -> io::Result<bool> {
        let path = format!("/api/v1/hazards?equipment={equipment}");
        let body = match self.get(&path).await {
            Ok(body) => body,
            Err(_) => {
                // The server may close an idle connection at any time: once more on a new one.
                self.stream = None;
                self.get(&path).await?
            }
        };
        Ok(body.windows(3).any(|part| part == b"HZ-"))
    }

    async fn get(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let target = self.target;
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect((target.host.as_str(), target.port)).await?;
                stream.set_nodelay(true)?;
                self.stream.insert(stream)
            }
        };
        let token = target
            .token
            .as_ref()
            .map(|token| format!("Authorization: Bearer {token}\r\n"))
            .unwrap_or_default();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\n{token}Accept: application/json\r\n\r\n",
            target.host
        );
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::with_capacity(4_096);
        loop {
            if let Some((status, body)) = answer(&bytes)? {
                return match status {
                    200 => Ok(body.to_vec()),
                    _ => Err(io::Error::other(format!("GET {path}: status {status}"))),
                };
            }
            if bytes.len() > MAX_ANSWER || stream.read_buf(&mut bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Status and body once the answer is complete. A chunked body is given as it came: it is only searched.
fn answer(bytes: &[u8]) -> io::Result<Option<(u16, &[u8])>> {
    let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| io::ErrorKind::InvalidData)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or(io::ErrorKind::InvalidData)?;
    let body = &bytes[end + 4..];
    let header = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    if header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        return Ok(body.ends_with(b"0\r\n\r\n").then_some((status, body)));
    }
    let len = header("content-length")
        .and_then(|len| len.parse::<usize>().ok())
        .unwrap_or(0);
    Ok(body.get(..len).map(|body| (status, body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_when_complete() {
        let full = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nHZ-1";
        for cut in 0..full.len() {
            assert!(answer(&full[..cut]).unwrap().is_none(), "{cut}");
        }
        assert_eq!(answer(full).unwrap(), Some((200, &b"HZ-1"[..])));
        let chunked = b"HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        assert_eq!(answer(chunked).unwrap().map(|(status, _)| status), Some(404));
        assert!(answer(b"nonsense\r\n\r\n").is_err());
    }

    #[test]
    fn probe_addresses_are_read() {
        let target = |host: &str, port| {
            Ok(Target {
                host: host.into(),
                port,
                token: None,
            })
        };
        assert_eq!(
            Target::parse("http://127.0.0.1:8080/", None),
            target("127.0.0.1", 8080)
        );
        assert_eq!(Target::parse("http://gateway", None), target("gateway", 80));
        for wrong in ["https://x:1", "x:1", "http://x:y", "http://:1"] {
            assert!(Target::parse(wrong, None).is_err(), "{wrong}");
        }
    }
}
