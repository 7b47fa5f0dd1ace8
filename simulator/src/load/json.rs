//! Load of another kind: JSON messages of many devices, `{"id": …, "ts": …, "values": {…}}`, as a profile of the
//! gateway reads them.
//!
//! At QoS 0 a message is sent and forgotten. At QoS 1 each connection keeps a window of messages that the broker has
//! not acknowledged yet, and sends no more than that ahead.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::catalog::boiler;
use super::connection::{dial, expect_accepted};
use super::wire::{self, Incoming};
use super::{LoadError, LoadStats};
use crate::mqtt::Broker;
use crate::node::Clock;

/// Devices of one site, which share a topic.
const SITE: usize = 50;
/// Pace of sending.
const TICK: Duration = Duration::from_millis(4);
/// Bytes gathered before a write.
const CHUNK: usize = 32 * 1_024;

/// How much load, and how.
#[derive(Clone, Debug)]
pub struct JsonLoadOptions {
    /// Where to.
    pub broker: Broker,
    /// Devices, each a boiler of eight values.
    pub devices: usize,
    /// Messages a second, all devices together.
    pub rate: f64,
    /// How long.
    pub duration: Duration,
    /// MQTT connections that share the sites.
    pub connections: usize,
    /// QoS 1 with so many messages ahead of their acknowledgements on each connection; 0 = QoS 0.
    pub window: usize,
    /// How long to wait at the end for acknowledgements.
    pub settle: Duration,
    /// Ends early.
    pub cancel: CancellationToken,
}

/// What a load did.
#[derive(Clone, Debug, Serialize)]
pub struct JsonLoadReport {
    /// Devices.
    pub devices: usize,
    /// Connections.
    pub connections: usize,
    /// QoS.
    pub qos: u8,
    /// Messages a second asked for.
    pub asked_rate: f64,
    /// Messages a second reached.
    pub rate: f64,
    /// Seconds the load took, without settling.
    pub seconds: f64,
    /// Messages sent.
    pub sent: u64,
    /// Messages acknowledged (QoS 1).
    pub acked: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// Catalog (TOML) for the load with this many devices: one steam boiler each.
#[must_use]
pub fn json_catalog_toml(devices: usize) -> String {
    let mut text = String::with_capacity(devices * 700);
    for device in 0..devices {
        let id = format!("json-{device:05}");
        boiler(&mut text, &id, &site(device / SITE), "json", &device_id(device));
    }
    text
}

fn site(site: usize) -> String {
    format!("load-{site:04}")
}

fn device_id(device: usize) -> String {
    format!("d{device:05}")
}

/// Puts the load on and reports. `stats` can be watched meanwhile.
///
/// # Errors
/// [`LoadError`]: options that make no sense, a broker that is not there or goes away.
pub async fn run_json(options: JsonLoadOptions, stats: Arc<LoadStats>) -> Result<JsonLoadReport, LoadError> {
    if options.devices == 0 || options.connections == 0 {
        return Err(LoadError::Options(
            "at least one device and one connection are needed",
        ));
    }
    if !(options.rate.is_finite() && options.rate > 0.0) {
        return Err(LoadError::Options("the rate has to be a number above 0"));
    }
    let connections = options.connections.min(options.devices.div_ceil(SITE));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..connections {
        let share = Share::new(options.clone(), n, connections, Arc::clone(&stats));
        tasks.spawn(share.run());
    }
    let mut seconds = 0.0_f64;
    while let Some(done) = tasks.join_next().await {
        let loaded = done.map_err(|_| LoadError::Options("a connection ended unexpectedly"))??;
        seconds = seconds.max(loaded.as_secs_f64());
    }
    let sent = stats.sent.load(Ordering::Relaxed);
    Ok(JsonLoadReport {
        devices: options.devices,
        connections,
        qos: u8::from(options.window > 0),
        asked_rate: options.rate,
        rate: if seconds > 0.0 { sent as f64 / seconds } else { 0.0 },
        seconds,
        sent,
        acked: stats.acked.load(Ordering::Relaxed),
        bytes: stats.bytes.load(Ordering::Relaxed),
    })
}

/// One connection and the devices on it.
struct Share {
    options: JsonLoadOptions,
    stats: Arc<LoadStats>,
    clock: Clock,
    client_id: String,
    devices: Vec<(String, String)>,
    rate: f64,
    sent: u64,
    unacknowledged: usize,
}

impl Share {
    fn new(options: JsonLoadOptions, n: usize, connections: usize, stats: Arc<LoadStats>) -> Self {
        let devices: Vec<_> = (0..options.devices)
            .filter(|device| device / SITE % connections == n)
            .map(|device| {
                (
                    format!("vigil/{}/telemetry", site(device / SITE)),
                    device_id(device),
                )
            })
            .collect();
        Self {
            rate: options.rate * devices.len() as f64 / options.devices as f64,
            client_id: format!("vigil-sim-json-{n}"),
            clock: Clock::system(),
            devices,
            stats,
            options,
            sent: 0,
            unacknowledged: 0,
        }
    }

    async fn run(mut self) -> io::Result<Duration> {
        let (mut reader, mut writer) = dial(&self.options.broker).await?;
        let mut out = Vec::with_capacity(2 * CHUNK);
        wire::connect(
            &mut out,
            &self.client_id,
            self.options.broker.credentials.as_ref(),
        );
        writer.write_all(&out).await?;
        let mut rest = Vec::new();
        expect_accepted(&mut reader, &mut rest).await?;
        self.stats.connects.fetch_add(1, Ordering::Relaxed);
        let (acked, mut acks) = mpsc::channel(1_024);
        let reading = tokio::spawn(read(reader, rest, acked));
        let began = Instant::now();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let end = began + self.options.duration;
        while Instant::now() < end && !self.options.cancel.is_cancelled() {
            out.clear();
            tokio::select! {
                count = acks.recv() => self.acknowledged(count)?,
                _ = tick.tick() => {}
            }
            let due = (began.elapsed().as_secs_f64() * self.rate) as u64;
            while self.sent < due && self.may_send() {
                self.message(&mut out);
                if out.len() >= CHUNK {
                    self.write(&mut writer, &mut out).await?;
                    // A window that has filled up empties while this task waits for nothing else.
                    while let Ok(count) = acks.try_recv() {
                        self.acknowledged(Some(count))?;
                    }
                }
            }
            self.write(&mut writer, &mut out).await?;
        }
        let loaded = began.elapsed();
        let settled = Instant::now() + self.options.settle;
        while self.unacknowledged > 0 && Instant::now() < settled {
            if let Ok(count) = tokio::time::timeout_at(settled, acks.recv()).await {
                self.acknowledged(count)?;
            }
        }
        out.clear();
        wire::disconnect(&mut out);
        writer.write_all(&out).await?;
        reading.abort();
        Ok(loaded)
    }

    fn may_send(&self) -> bool {
        self.options.window == 0 || self.unacknowledged < self.options.window
    }

    fn acknowledged(&mut self, count: Option<usize>) -> io::Result<()> {
        let closed = || io::Error::new(io::ErrorKind::ConnectionReset, "the broker closed");
        let count = count.ok_or_else(closed)?;
        self.unacknowledged = self.unacknowledged.saturating_sub(count);
        self.stats.acked.fetch_add(count as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Appends the next message.
    fn message(&mut self, out: &mut Vec<u8>) {
        let turn = self.sent;
        let at = (turn as usize) % self.devices.len();
        let (topic, device) = &self.devices[at];
        let wave = ((turn / self.devices.len() as u64) % 100) as f64;
        let mut payload = String::with_capacity(320);
        // Writing to a string cannot fail.
        write!(
            payload,
            "{{\"id\":\"{device}\",\"ts\":{},\"values\":{{\"steam_pressure\":{:.4},\"steam_temperature\":{:.2},\
             \"steam_flow\":{:.1},\"drum_level\":{:.2},\"feed_water_temperature\":{:.2},\"exhaust_temperature\":{:.1},\
             \"burner_firing\":true,\"feed_pump_running\":{}}}}}",
            self.clock.now().0,
            0.8 + wave / 1_000.0,
            170.0 + wave / 10.0,
            1_500.0 + wave,
            wave / 10.0 - 5.0,
            104.0 + wave / 50.0,
            160.0 + wave / 5.0,
            turn.is_multiple_of(2),
        )
        .unwrap_or(());
        if self.options.window > 0 {
            self.unacknowledged += 1;
            // Windows are far smaller than the numbers there are.
            wire::publish_surely(out, topic, (turn % 60_000) as u16 + 1, payload.as_bytes());
        } else {
            wire::publish(out, topic, payload.as_bytes());
        }
        self.sent += 1;
        self.stats.sent.fetch_add(1, Ordering::Relaxed);
    }

    async fn write(&self, writer: &mut tokio::net::tcp::OwnedWriteHalf, out: &mut Vec<u8>) -> io::Result<()> {
        if !out.is_empty() {
            writer.write_all(out).await?;
            self.stats.bytes.fetch_add(out.len() as u64, Ordering::Relaxed);
            out.clear();
        }
        Ok(())
    }
}

/// Counts acknowledgements until the connection ends.
async fn read(mut reader: OwnedReadHalf, mut bytes: Vec<u8>, to: mpsc::Sender<usize>) {
    loop {
        let (mut at, mut count) = (0, 0);
        while let Ok(Some((incoming, length))) = wire::parse(&bytes[at..]) {
            count += usize::from(incoming == Incoming::PubAck);
            at += length;
        }
        bytes.drain(..at);
        if count > 0 && to.send(count).await.is_err() {
            return;
        }
        match reader.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::json_catalog_toml;

    #[test]
    fn the_catalog_has_a_boiler_for_every_device() {
        let catalog: toml::Table = toml::from_str(&json_catalog_toml(60)).unwrap();
        let equipment = catalog["equipment"].as_array().unwrap();
        assert_eq!(equipment.len(), 60);
        assert_eq!(equipment[55]["node"].as_str(), Some("load-0001/json"));
        assert_eq!(equipment[55]["device"].as_str(), Some("d00055"));
    }
}
