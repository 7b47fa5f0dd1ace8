//! Messages after birth: live, again, and about the node itself.

use core::fmt::Write as _;

use vigil_protocol::journal::{METRIC_DROPPED, METRIC_FIRST, METRIC_SEQ};
use vigil_protocol::sparkplug::{
    EncodeError, Encoder, MessageType, Metric, MetricValue, MetricView, PayloadView, Topic, WireValue,
};
use vigil_protocol::time::UtcMillis;

use super::clock::Told;
use super::flow::Emit;
use super::report::RECORD_HEAD;
use super::{Place, Qos, Scratch, Session, alias};
use crate::held::SampleQuality;
use crate::storage::Storage;

/// Seconds since the session first looked at its clock; told when there is nothing else to tell.
pub(crate) const METRIC_UPTIME: &str = "Node Info/Uptime";

impl<S: Storage, const METRICS: usize, const DEVICES: usize> Session<'_, S, METRICS, DEVICES> {
    /// The next number of the session's message counter.
    pub(crate) const fn take_seq(&mut self) -> u8 {
        let seq = self.seq;
        self.seq = seq.wrapping_add(1);
        seq
    }

    pub(crate) fn set_topic<const N: usize>(
        &self,
        place: Place,
        node: MessageType,
        device: MessageType,
        scratch: &mut Scratch<N>,
    ) {
        let (group, edge) = (self.def.group, self.def.node);
        let id = match place {
            Place::Node => None,
            Place::Device(n) => self.def.devices.get(usize::from(n)).map(|def| def.id),
        };
        let topic = match id {
            None => Topic::Node {
                message: node,
                group,
                node: edge,
            },
            Some(id) => Topic::Device {
                message: device,
                group,
                node: edge,
                device: id,
            },
        };
        scratch.topic.clear();
        // Its length was checked with the definition.
        write!(scratch.topic, "{topic}").unwrap_or(());
    }

    /// The oldest message not sent yet, as it was journaled.
    pub(crate) fn live<const N: usize>(&mut self, now: UtcMillis, scratch: &mut Scratch<N>) -> Option<Emit> {
        let seq = self.journal.window().to_send()?;
        self.journal.window().on_sent(seq);
        let read = self.journal.read(seq, &mut scratch.payload);
        let record = match read {
            Ok(Some(len)) => Place::from_record(&scratch.payload)
                .filter(|_| len >= RECORD_HEAD)
                .map(|p| (p, len)),
            Ok(None) => return None,
            Err(_) => None,
        };
        let emit = match record {
            None => self.placeholder(now, seq, scratch)?,
            // Taken before the time was known: written anew with the time it stands for.
            Some((_, len)) if self.is_stamped_otherwise(now, scratch.payload.get(..len)?) => {
                let (record, payload) = (&mut scratch.record, &scratch.payload);
                record.get_mut(..len)?.copy_from_slice(payload.get(..len)?);
                match self.again(now, len, false, scratch) {
                    None => self.placeholder(now, seq, scratch)?,
                    Some((place, end)) => {
                        self.set_topic(place, MessageType::NData, MessageType::DData, scratch);
                        Emit::Publish {
                            start: 0,
                            end,
                            qos: Qos::AtMostOnce,
                            journal_seq: self.config.journal.then_some(seq),
                            historical: false,
                        }
                    }
                }
            }
            Some((place, len)) => {
                let counter = self.take_seq();
                let tail = scratch.payload.get_mut(len..)?;
                let mut encoder = Encoder::new(tail);
                encoder.seq(counter).ok()?;
                let end = len + encoder.finish();
                self.set_topic(place, MessageType::NData, MessageType::DData, scratch);
                Emit::Publish {
                    start: RECORD_HEAD,
                    end,
                    qos: Qos::AtMostOnce,
                    journal_seq: self.config.journal.then_some(seq),
                    historical: false,
                }
            }
        };
        if self.config.journal {
            self.awaiting_ack.get_or_insert(now);
        } else if self.journal.forget_below(seq + 1).is_err() {
            self.counters.storage_faults += 1;
        }
        self.counters.data += 1;
        Some(emit)
    }

    /// The lowest message to be sent again, marked historical.
    pub(crate) fn historical<const N: usize>(
        &mut self,
        now: UtcMillis,
        scratch: &mut Scratch<N>,
    ) -> Option<Emit> {
        if self.history.is_empty() {
            return None;
        }
        let interval = i64::from(self.config.history_interval_ms);
        if now.since(self.history_refilled) >= interval || now < self.history_refilled {
            self.history_refilled = now;
            self.history_tokens = self.config.history_burst.max(1);
        }
        self.history_tokens = self.history_tokens.checked_sub(1)?;
        self.history.forget_below(self.journal.first());
        let seq = self.history.take()?;
        let place = match self.journal.read(seq, &mut scratch.record) {
            Ok(Some(len)) => self.again(now, len, true, scratch),
            Ok(None) => return None,
            Err(_) => None,
        };
        self.awaiting_ack = Some(now);
        self.counters.resent += 1;
        let Some((place, end)) = place else {
            return self.placeholder(now, seq, scratch);
        };
        self.set_topic(place, MessageType::NData, MessageType::DData, scratch);
        Some(Emit::Publish {
            start: 0,
            end,
            qos: Qos::AtMostOnce,
            journal_seq: Some(seq),
            historical: true,
        })
    }

    /// Encodes the record in `scratch.record` anew, all its metrics historical or none, with the times its stamps stand
    /// for. `None` when it cannot be read.
    fn again<const N: usize>(
        &mut self,
        now: UtcMillis,
        len: usize,
        historical: bool,
        scratch: &mut Scratch<N>,
    ) -> Option<(Place, usize)> {
        let record = scratch.record.get(..len)?;
        let place = Place::from_record(record)?;
        let payload = PayloadView::parse(record.get(RECORD_HEAD..)?).ok()?;
        let mut encoder = Encoder::new(&mut scratch.payload);
        encoder.timestamp(self.utc(now)).ok()?;
        let mut first = true;
        for metric in payload.metrics() {
            let mut metric = copy(&metric.ok()?)?;
            metric.historical |= historical;
            match metric.timestamp.map(|stamp| self.told(now, stamp)) {
                None | Some(Told::Stamp(_)) => {}
                Some(Told::Corrected(time)) => {
                    metric.timestamp = Some(time);
                    // Once a message: its `Journal/Seq` comes first.
                    metric.time_corrected = first;
                }
                Some(Told::Unknown) => {
                    metric.timestamp = Some(self.utc(now));
                    metric.historical = true;
                    metric.quality = Some(SampleQuality::Stale.code());
                }
            }
            first = false;
            encoder.metric(&metric).ok()?;
        }
        // Taken only now: a record that cannot be encoded must not leave a gap in the counter.
        encoder.seq(self.seq).ok()?;
        self.take_seq();
        Some((place, encoder.finish()))
    }

    /// A message with nothing but its journal sequence, in place of a record that cannot be read: the gateway need
    /// not wait for it, and the loss is counted.
    fn placeholder<const N: usize>(
        &mut self,
        now: UtcMillis,
        seq: u64,
        scratch: &mut Scratch<N>,
    ) -> Option<Emit> {
        if self.journal.on_unreadable().is_err() {
            self.counters.storage_faults += 1;
        }
        self.status_due = true;
        let metric = self.node_metric(METRIC_SEQ, alias::NODE_SEQ, MetricValue::UInt64(seq));
        let at = self.utc(now);
        let end = self.node_data(at, &[metric.at(at).historical()], scratch).ok()?;
        Some(Emit::Publish {
            start: 0,
            end,
            qos: Qos::AtMostOnce,
            journal_seq: Some(seq),
            historical: true,
        })
    }

    /// Changes of the journal's own state.
    pub(crate) fn status<const N: usize>(
        &mut self,
        now: UtcMillis,
        scratch: &mut Scratch<N>,
    ) -> Option<Emit> {
        if !self.config.journal || !(self.status_due || self.journal.dropped() != self.told_dropped) {
            return None;
        }
        if now.since(self.status_told) < i64::from(self.config.status_interval_ms) && now >= self.status_told
        {
            return None;
        }
        self.status_told = now;
        self.status_due = false;
        self.told_dropped = self.journal.dropped();
        let at = self.utc(now);
        let first = MetricValue::UInt64(self.journal.first());
        let dropped = MetricValue::UInt64(self.journal.dropped());
        let metrics = [
            self.node_metric(METRIC_FIRST, alias::FIRST, first).at(at),
            self.node_metric(METRIC_DROPPED, alias::DROPPED, dropped).at(at),
        ];
        let end = self.node_data(at, &metrics, scratch).ok()?;
        Some(Emit::live(end))
    }

    /// A sign of life from a node that has had nothing to say.
    pub(crate) fn heartbeat<const N: usize>(
        &mut self,
        now: UtcMillis,
        scratch: &mut Scratch<N>,
    ) -> Option<Emit> {
        let interval = i64::from(self.config.heartbeat_ms);
        if interval == 0 || now.since(self.last_publish) < interval {
            return None;
        }
        let at = self.utc(now);
        let uptime = MetricValue::Int64(self.uptime_s(now));
        let metric = self.node_metric(METRIC_UPTIME, alias::UPTIME, uptime).at(at);
        let end = self.node_data(at, &[metric], scratch).ok()?;
        Some(Emit::live(end))
    }

    pub(crate) fn uptime_s(&self, now: UtcMillis) -> i64 {
        self.started.map_or(0, |started| now.since(started) / 1_000)
    }

    fn node_metric<'m>(&self, name: &'m str, alias: u64, value: MetricValue<'m>) -> Metric<'m> {
        match self.alias(alias) {
            Some(alias) => Metric::aliased(alias, value),
            None => Metric::named(name, value).untyped(),
        }
    }

    fn node_data<const N: usize>(
        &mut self,
        at: UtcMillis,
        metrics: &[Metric<'_>],
        scratch: &mut Scratch<N>,
    ) -> Result<usize, EncodeError> {
        let counter = self.take_seq();
        let mut encoder = Encoder::new(&mut scratch.payload);
        encoder.timestamp(at)?;
        for metric in metrics {
            encoder.metric(metric)?;
        }
        encoder.seq(counter)?;
        let end = encoder.finish();
        self.set_topic(Place::Node, MessageType::NData, MessageType::DData, scratch);
        Ok(end)
    }
}

/// A metric as it was, to be encoded again; `None` for values this node never writes.
fn copy<'a>(view: &MetricView<'a>) -> Option<Metric<'a>> {
    let value = match view.wire {
        // Without a datatype these encode to the very same bytes, whatever the type was.
        WireValue::Int(v) => MetricValue::UInt32(v),
        WireValue::Long(v) => MetricValue::UInt64(v),
        WireValue::Float(v) => MetricValue::Float(v),
        WireValue::Double(v) => MetricValue::Double(v),
        WireValue::Bool(v) => MetricValue::Bool(v),
        WireValue::Str(v) => MetricValue::Str(v),
        WireValue::Absent if view.is_null => MetricValue::Null(vigil_protocol::sparkplug::DataType::Unknown),
        _ => return None,
    };
    Some(Metric {
        name: view.name,
        alias: view.alias,
        timestamp: view.timestamp,
        send_datatype: false,
        historical: view.is_historical,
        quality: view.quality(),
        unit: None,
        time_corrected: false,
        value,
    })
}
