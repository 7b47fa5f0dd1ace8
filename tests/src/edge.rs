//! A hand-made Sparkplug edge node: does what it is told, right or wrong.

use crate::mqtt::Peer;
use std::time::{SystemTime, UNIX_EPOCH};
use vigil_protocol::sparkplug::{Encoder, Metric, MetricValue};
use vigil_protocol::time::UtcMillis;

/// An edge node without a journal.
pub struct Edge {
    /// Its connection.
    pub peer: Peer,
    group: String,
    node: String,
    seq: u8,
    buffer: Vec<u8>,
}

/// The machine's clock.
#[must_use]
pub fn now() -> UtcMillis {
    #[allow(clippy::disallowed_methods, reason = "a node has a clock")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMillis(since.as_millis() as i64)
}

impl Edge {
    /// Connects; hears its own commands.
    #[must_use]
    pub fn connect(url: &str, group: &str, node: &str) -> Self {
        let commands = format!("spBv1.0/{group}/NCMD/{node}");
        let peer = Peer::connect(url, &format!("edge-{group}-{node}"), &[&commands]);
        Self {
            peer,
            group: group.to_owned(),
            node: node.to_owned(),
            seq: 0,
            buffer: vec![0; 4 << 20],
        }
    }

    /// The topic of a message of this node, or of a device of it.
    #[must_use]
    pub fn topic(&self, kind: &str, device: Option<&str>) -> String {
        match device {
            Some(device) => format!("spBv1.0/{}/{kind}/{}/{device}", self.group, self.node),
            None => format!("spBv1.0/{}/{kind}/{}", self.group, self.node),
        }
    }

    /// NBIRTH with bdSeq 0 and these metrics.
    pub fn born(&mut self, metrics: &[Metric<'_>]) {
        self.seq = 0;
        let bd_seq = Metric::named("bdSeq", MetricValue::UInt64(0)).typed().at(now());
        let metrics = [&[bd_seq], metrics].concat();
        self.send("NBIRTH", None, now(), &metrics);
    }

    /// Any message with these metrics and the next sequence number; its payload.
    ///
    /// # Panics
    /// When they do not fit 4 MiB.
    pub fn send(
        &mut self,
        kind: &str,
        device: Option<&str>,
        at: UtcMillis,
        metrics: &[Metric<'_>],
    ) -> Vec<u8> {
        let seq = self.seq;
        self.seq = self.seq.wrapping_add(1);
        let mut encoder = Encoder::new(&mut self.buffer);
        encoder.timestamp(at).expect("room");
        for metric in metrics {
            encoder.metric(metric).expect("room");
        }
        encoder.seq(seq).expect("room");
        let payload = encoder.as_bytes().to_vec();
        self.peer.say(&self.topic(kind, device), payload.clone());
        payload
    }
}
