//! One node of the load: a few numbers, from which every message can be made again.

use std::collections::VecDeque;

use vigil_protocol::journal::{
    METRIC_ACK, METRIC_BDSEQ, METRIC_DROPPED, METRIC_EPOCH, METRIC_FIRST, METRIC_REBIRTH, METRIC_RESEND,
    METRIC_RESEND_TO, METRIC_SEQ,
};
use vigil_protocol::sparkplug::{DataType, EncodeError, Encoder, Metric, MetricValue, PayloadView, Value};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::Quantity;

/// Messages a node keeps until they are acknowledged.
const CAPACITY: usize = 20_000;

/// Metrics of the boiler, in the order of their aliases.
pub(super) const METRICS: [Quantity; 8] = [
    Quantity::SteamPressure,
    Quantity::DrumLevel,
    Quantity::SteamFlow,
    Quantity::ExhaustTemperature,
    Quantity::FeedWaterTemperature,
    Quantity::BurnerFiring,
    Quantity::FlameDetected,
    Quantity::FeedPumpRunning,
];
const ALIAS_EPOCH: u64 = 1;
const ALIAS_FIRST: u64 = 2;
const ALIAS_DROPPED: u64 = 3;
const ALIAS_SEQ: u64 = 4;
const ALIAS_METRICS: u64 = 5;

/// A message not acknowledged: when it was measured, and when first sent, microseconds of the run.
#[derive(Clone, Copy, Debug)]
struct Unacked {
    at: UtcMillis,
    sent_us: u64,
}

/// What an NCMD asks of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) rebirth: bool,
    pub(super) epoch: Option<u64>,
    pub(super) ack: Option<u64>,
    pub(super) resend: Option<(u64, u64)>,
}

#[derive(Debug)]
pub(super) struct LoadNode {
    /// Position among all nodes; decides its values.
    pub(super) index: usize,
    pub(super) birth_topic: String,
    pub(super) device_birth_topic: String,
    pub(super) data_topic: String,
    seq: u8,
    /// Lowest journal sequence held.
    first: u64,
    unacked: VecDeque<Unacked>,
    pub(super) dropped: u64,
    /// To be sent again: from, to, inclusive.
    pub(super) again: Option<(u64, u64)>,
    /// When an acknowledgement last helped, or everything was sent again.
    pub(super) progress_us: u64,
}

impl Asked {
    /// `None` when it is no readable payload.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let mut asked = Self::default();
        let (mut from, mut to) = (None, None);
        for metric in PayloadView::parse(payload).ok()?.metrics().flatten() {
            let number = || {
                metric
                    .value(Some(DataType::UInt64))
                    .ok()
                    .and_then(|value| value.as_u64())
            };
            match metric.name {
                Some(METRIC_REBIRTH) => {
                    let value = metric.value(Some(DataType::Boolean));
                    asked.rebirth |= matches!(value, Ok(Value::Bool(true)));
                }
                Some(METRIC_EPOCH) => asked.epoch = number(),
                Some(METRIC_ACK) => asked.ack = number(),
                Some(METRIC_RESEND) => from = number(),
                Some(METRIC_RESEND_TO) => to = number(),
                _ => {}
            }
        }
        asked.resend = from.map(|from| (from, to.unwrap_or(from)));
        Some(asked)
    }
}

impl LoadNode {
    pub(super) fn new(index: usize, group: &str, node: &str, device: &str) -> Self {
        Self {
            index,
            birth_topic: format!("spBv1.0/{group}/NBIRTH/{node}"),
            device_birth_topic: format!("spBv1.0/{group}/DBIRTH/{node}/{device}"),
            data_topic: format!("spBv1.0/{group}/DDATA/{node}/{device}"),
            seq: 0,
            first: 0,
            unacked: VecDeque::new(),
            dropped: 0,
            again: None,
            progress_us: 0,
        }
    }

    pub(super) fn next(&self) -> u64 {
        self.first + self.unacked.len() as u64
    }

    pub(super) fn left(&self) -> u64 {
        self.unacked.len() as u64
    }

    const fn take_seq(&mut self) -> u8 {
        let seq = self.seq;
        self.seq = seq.wrapping_add(1);
        seq
    }

    /// The node's birth certificate; restarts the message counter.
    pub(super) fn node_birth(
        &mut self,
        buf: &mut [u8],
        at: UtcMillis,
        epoch: Option<u64>,
    ) -> Result<usize, EncodeError> {
        self.seq = 0;
        let counter = self.take_seq();
        let mut encoder = Encoder::new(buf);
        encoder.timestamp(at)?;
        encoder.metric(&Metric::named(METRIC_BDSEQ, MetricValue::Int64(0)).at(at))?;
        encoder.metric(&Metric::named(METRIC_REBIRTH, MetricValue::Bool(false)).at(at))?;
        if let Some(epoch) = epoch {
            let number = |name, alias, value| {
                Metric::named(name, MetricValue::UInt64(value))
                    .at(at)
                    .with_alias(alias)
            };
            encoder.metric(&number(METRIC_EPOCH, ALIAS_EPOCH, epoch))?;
            encoder.metric(&number(METRIC_FIRST, ALIAS_FIRST, self.first))?;
            encoder.metric(&number(METRIC_DROPPED, ALIAS_DROPPED, self.dropped))?;
        }
        encoder.seq(counter)?;
        Ok(encoder.finish())
    }

    /// The boiler's.
    pub(super) fn device_birth(
        &mut self,
        buf: &mut [u8],
        at: UtcMillis,
        journal: bool,
    ) -> Result<usize, EncodeError> {
        let counter = self.take_seq();
        let mut encoder = Encoder::new(buf);
        encoder.timestamp(at)?;
        let values = values(self.index, self.next());
        for (n, (quantity, value)) in METRICS.iter().zip(values).enumerate() {
            let mut metric = Metric::named(quantity.metric(), value)
                .at(at)
                .with_alias(ALIAS_METRICS + n as u64);
            let unit = quantity.unit().symbol();
            metric.unit = (!unit.is_empty()).then_some(unit);
            encoder.metric(&metric)?;
        }
        if journal {
            let null = MetricValue::Null(DataType::UInt64);
            encoder.metric(&Metric::named(METRIC_SEQ, null).at(at).with_alias(ALIAS_SEQ))?;
        }
        encoder.seq(counter)?;
        Ok(encoder.finish())
    }

    /// A new data message.
    pub(super) fn data(
        &mut self,
        buf: &mut [u8],
        at: UtcMillis,
        now_us: u64,
        journal: bool,
    ) -> Result<usize, EncodeError> {
        if !journal {
            self.first += 1;
            return self.message(buf, None, self.first, at, at);
        }
        let seq = self.next();
        if self.unacked.is_empty() {
            self.progress_us = now_us;
        }
        if self.unacked.len() == CAPACITY {
            self.unacked.pop_front();
            self.first += 1;
            self.dropped += 1;
        }
        self.unacked.push_back(Unacked { at, sent_us: now_us });
        self.message(buf, Some((seq, false)), seq, at, at)
    }

    /// The next message to be sent again, marked historical; `None` when there is none.
    pub(super) fn data_again(
        &mut self,
        buf: &mut [u8],
        now: UtcMillis,
    ) -> Option<Result<usize, EncodeError>> {
        let (from, to) = self.again?;
        let seq = from.max(self.first);
        if seq > to || seq >= self.next() {
            self.again = None;
            return None;
        }
        self.again = (seq < to).then_some((seq + 1, to));
        let at = self.unacked.get((seq - self.first) as usize)?.at;
        Some(self.message(buf, Some((seq, true)), seq, at, now))
    }

    fn message(
        &mut self,
        buf: &mut [u8],
        journal: Option<(u64, bool)>,
        step: u64,
        at: UtcMillis,
        published: UtcMillis,
    ) -> Result<usize, EncodeError> {
        let counter = self.take_seq();
        let historical = journal.is_some_and(|(_, historical)| historical);
        let mut encoder = Encoder::new(buf);
        encoder.timestamp(published)?;
        let mut put = |mut metric: Metric<'_>| {
            metric.historical = historical;
            encoder.metric(&metric.at(at)).map(|_| ())
        };
        if let Some((seq, _)) = journal {
            put(Metric::aliased(ALIAS_SEQ, MetricValue::UInt64(seq)))?;
        }
        for (n, value) in values(self.index, step).into_iter().enumerate() {
            put(Metric::aliased(ALIAS_METRICS + n as u64, value))?;
        }
        encoder.seq(counter)?;
        Ok(encoder.finish())
    }

    /// Everything up to `seq` is on disk. Calls `freed` with the time each was first sent.
    pub(super) fn on_ack(&mut self, seq: u64, now_us: u64, mut freed: impl FnMut(u64)) -> u64 {
        let mut count = 0;
        while self.first <= seq
            && let Some(unacked) = self.unacked.pop_front()
        {
            freed(unacked.sent_us);
            self.first += 1;
            count += 1;
        }
        if count > 0 {
            self.progress_us = now_us;
        }
        count
    }

    /// Asks for `from..=to` again, as far as it is held.
    pub(super) fn send_again(&mut self, from: u64, to: u64) {
        let Some(last) = self.next().checked_sub(1) else {
            return;
        };
        let (from, to) = (from.max(self.first), to.min(last));
        if from <= to {
            let both = self.again.map_or((from, to), |(a, b)| (a.min(from), b.max(to)));
            self.again = Some(both);
        }
    }
}

/// A boiler in steady operation: values that move and stay within every limit.
fn values(index: usize, step: u64) -> [MetricValue<'static>; 8] {
    // A triangle wave, its phase by the node: -1 to 1.
    let phase = (step + index as u64 * 7) % 40;
    let wave = (phase as f64 - 20.0).abs() / 10.0 - 1.0;
    [
        MetricValue::Double(1.0 + 0.05 * wave),
        MetricValue::Double(12.0 * wave),
        MetricValue::Double(1_500.0 + 100.0 * wave),
        MetricValue::Double(150.0 + 5.0 * wave),
        MetricValue::Double(85.0 + wave),
        MetricValue::Bool(true),
        MetricValue::Bool(true),
        MetricValue::Bool(phase < 20),
    ]
}

/// A data message of a boiler at this pressure, measured at `at`: for the hazard probe.
pub(super) fn pressure(buf: &mut [u8], seq: u8, pressure: f64, at: UtcMillis) -> Result<usize, EncodeError> {
    let mut encoder = Encoder::new(buf);
    encoder.timestamp(at)?;
    encoder.metric(&Metric::aliased(ALIAS_METRICS, MetricValue::Double(pressure)).at(at))?;
    encoder.seq(seq)?;
    Ok(encoder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: UtcMillis = UtcMillis(1_700_000_000_000);

    fn journal_seq(payload: &[u8]) -> (u64, bool) {
        let payload = PayloadView::parse(payload).unwrap();
        let metric = payload
            .metrics()
            .map(Result::unwrap)
            .find(|metric| metric.alias == Some(ALIAS_SEQ))
            .unwrap();
        (
            metric.value(Some(DataType::UInt64)).unwrap().as_u64().unwrap(),
            metric.is_historical,
        )
    }

    #[test]
    fn a_message_sent_again_carries_the_same_values_and_says_that_it_is_old() {
        let mut node = LoadNode::new(3, "g", "n", "d");
        let (mut live, mut again) = ([0; 512], [0; 512]);
        let mut live_len = 0;
        for _ in 0..5 {
            live_len = node.data(&mut live, AT, 0, true).unwrap();
        }
        let live = &live[..live_len];
        let mut freed = 0;
        assert_eq!(node.on_ack(2, 7, |_| freed += 1), 3);
        assert_eq!((freed, node.left(), node.next()), (3, 2, 5));
        node.send_again(0, 100);
        let len = node.data_again(&mut again, AT).unwrap().unwrap();
        assert_eq!(journal_seq(&again[..len]), (3, true));
        let len = node.data_again(&mut again, AT).unwrap().unwrap();
        assert_eq!(journal_seq(&again[..len]), (4, true));
        assert_eq!(journal_seq(live), (4, false));
        assert!(node.data_again(&mut again, AT).is_none());
        let pressure = |payload: &[u8]| {
            let payload = PayloadView::parse(payload).unwrap();
            payload
                .metrics()
                .nth(1)
                .unwrap()
                .unwrap()
                .value(Some(DataType::Double))
                .unwrap()
                .as_f64()
        };
        assert_eq!(pressure(&again[..len]), pressure(live));
    }

    #[test]
    fn a_full_journal_drops_the_oldest_and_counts_it() {
        let mut node = LoadNode::new(0, "g", "n", "d");
        let mut buf = [0; 512];
        for _ in 0..CAPACITY + 3 {
            node.data(&mut buf, AT, 0, true).unwrap();
        }
        assert_eq!((node.first, node.dropped, node.left()), (3, 3, CAPACITY as u64));
    }

    #[test]
    fn commands_are_read_as_the_gateway_writes_them() {
        let mut buf = [0; 256];
        let mut encoder = Encoder::new(&mut buf);
        for (name, value) in [
            (METRIC_EPOCH, 9),
            (METRIC_ACK, 5),
            (METRIC_RESEND, 7),
            (METRIC_RESEND_TO, 8),
        ] {
            encoder
                .metric(&Metric::named(name, MetricValue::UInt64(value)))
                .unwrap();
        }
        encoder
            .metric(&Metric::named(METRIC_REBIRTH, MetricValue::Bool(true)))
            .unwrap();
        let asked = Asked::read(encoder.as_bytes()).unwrap();
        assert_eq!(
            asked,
            Asked {
                rebirth: true,
                epoch: Some(9),
                ack: Some(5),
                resend: Some((7, 8))
            }
        );
        assert_eq!(Asked::read(&[0xff]), None);
    }
}
