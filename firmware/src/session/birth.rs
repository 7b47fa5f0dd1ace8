//! Birth and death certificates.

use heapless::Vec;
use vigil_protocol::journal::{
    METRIC_BDSEQ, METRIC_BOOT, METRIC_DROPPED, METRIC_EPOCH, METRIC_FIRST, METRIC_NEXT, METRIC_REBIRTH,
    METRIC_SEQ, METRIC_TIME,
};
use vigil_protocol::sparkplug::{DataType, EncodeError, Encoder, MessageType, Metric, MetricValue};
use vigil_protocol::time::UtcMillis;

use super::data::METRIC_UPTIME;
use super::flow::Emit;
use super::{Failure, Phase, Place, Presence, Qos, Scratch, Session, alias};
use crate::storage::Storage;

impl<S: Storage, const METRICS: usize, const DEVICES: usize> Session<'_, S, METRICS, DEVICES> {
    /// Starts the birth sequence. What is in the journal by now will follow as history; the births carry the present.
    pub(crate) fn begin_birth(&mut self) {
        self.phase = Phase::Birthing(0);
        self.history.clear();
        self.awaiting_ack = None;
        self.ack_timeouts_in_row = 0;
        for device in &mut self.devices {
            device.announced = false;
        }
        let (first, next) = (self.journal.first(), self.journal.next());
        if !self.config.journal {
            if self.journal.forget_below(next).is_err() {
                self.counters.storage_faults += 1;
            }
        } else if first < next {
            self.history.add(first, next - 1);
            self.journal.window().on_sent(next - 1);
        }
    }

    /// The certificate `step` of the birth sequence.
    pub(crate) fn birth<const N: usize>(
        &mut self,
        now: UtcMillis,
        step: u16,
        scratch: &mut Scratch<N>,
    ) -> Option<Emit> {
        let encoded = match step {
            0 => self.node_birth(now, scratch),
            n => self.device_birth(now, n - 1, scratch),
        };
        match encoded {
            Ok(end) => {
                self.phase = if usize::from(step) < self.def.devices.len() {
                    Phase::Birthing(step + 1)
                } else {
                    Phase::Online
                };
                self.counters.births += 1;
                Some(Emit::live(end))
            }
            Err(EncodeError::BufferFull { needed, have }) => {
                self.phase = Phase::Failed(Failure::BirthTooLong { needed, have });
                None
            }
        }
    }

    /// Whatever the host believes of devices and is no longer so.
    pub(crate) fn presence<const N: usize>(
        &mut self,
        now: UtcMillis,
        scratch: &mut Scratch<N>,
    ) -> Option<Emit> {
        let changed = self.devices.iter().position(|device| match device.presence {
            Presence::Unknown => false,
            Presence::Up => !device.announced,
            Presence::Down => device.announced,
        })?;
        let n = changed as u16;
        if self.devices.get(changed)?.announced {
            return self.device_death(now, n, scratch);
        }
        match self.device_birth(now, n, scratch) {
            Ok(end) => {
                self.counters.births += 1;
                Some(Emit::live(end))
            }
            Err(EncodeError::BufferFull { needed, have }) => {
                self.phase = Phase::Failed(Failure::BirthTooLong { needed, have });
                None
            }
        }
    }

    /// The death certificate of the node: the will, and what is published before leaving.
    pub(crate) fn node_death<const N: usize>(
        &self,
        now: UtcMillis,
        scratch: &mut Scratch<N>,
    ) -> Option<usize> {
        self.set_topic(Place::Node, MessageType::NDeath, MessageType::DDeath, scratch);
        let at = self.utc(now);
        let bd_seq = Metric::named(METRIC_BDSEQ, MetricValue::Int64(self.bd_seq.into()));
        let mut encoder = Encoder::new(&mut scratch.payload);
        encoder.timestamp(at).ok()?.metric(&bd_seq.at(at)).ok()?;
        Some(encoder.finish())
    }

    fn node_birth<const N: usize>(
        &mut self,
        now: UtcMillis,
        scratch: &mut Scratch<N>,
    ) -> Result<usize, EncodeError> {
        self.seq = 0;
        let counter = self.take_seq();
        self.set_topic(Place::Node, MessageType::NBirth, MessageType::DBirth, scratch);
        let at = self.utc(now);
        let mut encoder = Encoder::new(&mut scratch.payload);
        encoder.timestamp(at)?;
        self.metrics(&mut encoder, Place::Node, at, false)?;
        let next = self.journal.window().to_send().unwrap_or(self.journal.next());
        let mut session = Vec::<(&str, Option<u64>, MetricValue<'_>), 10>::new();
        let mut add = |name, alias, value| session.push((name, alias, value)).unwrap_or(());
        add(
            METRIC_BDSEQ,
            self.alias(alias::BDSEQ),
            MetricValue::Int64(self.bd_seq.into()),
        );
        add(METRIC_REBIRTH, None, MetricValue::Bool(false));
        if self.config.accept_time {
            add(METRIC_TIME, self.alias(alias::TIME), MetricValue::DateTime(at));
        }
        add(
            METRIC_UPTIME,
            self.alias(alias::UPTIME),
            MetricValue::Int64(self.uptime_s(now)),
        );
        if self.config.journal {
            add(
                METRIC_EPOCH,
                self.alias(alias::EPOCH),
                MetricValue::UInt64(self.journal.epoch()),
            );
            add(
                METRIC_FIRST,
                self.alias(alias::FIRST),
                MetricValue::UInt64(self.journal.first()),
            );
            add(METRIC_NEXT, self.alias_of_next(), MetricValue::UInt64(next));
            add(
                METRIC_BOOT,
                self.alias_of_boot(Place::Node),
                MetricValue::Bool(self.is_booted(Place::Node)),
            );
            add(
                METRIC_DROPPED,
                self.alias(alias::DROPPED),
                MetricValue::UInt64(self.journal.dropped()),
            );
            add(
                METRIC_SEQ,
                self.alias(alias::NODE_SEQ),
                MetricValue::Null(DataType::UInt64),
            );
        }
        for (name, alias, value) in &session {
            let mut metric = Metric::named(name, *value).at(at);
            metric.alias = *alias;
            encoder.metric(&metric)?;
        }
        for (n, (name, text)) in self.def.properties.iter().enumerate() {
            let mut metric = Metric::named(name, MetricValue::Str(text)).at(at);
            metric.alias = self.alias(alias::PROPERTIES + n as u64);
            encoder.metric(&metric)?;
        }
        encoder.seq(counter)?;
        let end = encoder.finish();
        self.told_dropped = self.journal.dropped();
        self.status_due = false;
        if !self.config.journal {
            self.mark_sent(0, self.def.metrics.len());
        }
        Ok(end)
    }

    fn device_birth<const N: usize>(
        &mut self,
        now: UtcMillis,
        device: u16,
        scratch: &mut Scratch<N>,
    ) -> Result<usize, EncodeError> {
        let place = Place::Device(device);
        let counter = self.take_seq();
        self.set_topic(place, MessageType::NBirth, MessageType::DBirth, scratch);
        let at = self.utc(now);
        let stale = self
            .devices
            .get(usize::from(device))
            .is_some_and(|state| state.presence == Presence::Down);
        let mut encoder = Encoder::new(&mut scratch.payload);
        encoder.timestamp(at)?;
        self.metrics(&mut encoder, place, at, stale)?;
        if self.config.journal {
            let mut metric = Metric::named(METRIC_SEQ, MetricValue::Null(DataType::UInt64)).at(at);
            metric.alias = self.alias_of_seq(place);
            encoder.metric(&metric)?;
            let booted = MetricValue::Bool(self.is_booted(place));
            let mut metric = Metric::named(METRIC_BOOT, booted).at(at);
            metric.alias = self.alias_of_boot(place);
            encoder.metric(&metric)?;
        }
        encoder.seq(counter)?;
        let end = encoder.finish();
        if let Some(state) = self.devices.get_mut(usize::from(device)) {
            state.announced = true;
        }
        if !self.config.journal
            && let Some((base, defs)) = self.place(place)
        {
            self.mark_sent(base, defs.len());
        }
        Ok(end)
    }

    fn device_death<const N: usize>(
        &mut self,
        now: UtcMillis,
        device: u16,
        scratch: &mut Scratch<N>,
    ) -> Option<Emit> {
        let counter = self.take_seq();
        self.set_topic(
            Place::Device(device),
            MessageType::NDeath,
            MessageType::DDeath,
            scratch,
        );
        let mut encoder = Encoder::new(&mut scratch.payload);
        encoder.timestamp(self.utc(now)).ok()?.seq(counter).ok()?;
        let end = encoder.finish();
        self.devices.get_mut(usize::from(device))?.announced = false;
        Some(Emit::Publish {
            start: 0,
            end,
            qos: Qos::AtMostOnce,
            journal_seq: None,
            historical: false,
        })
    }

    /// Every metric of a place with its present value, oldest first; what was never measured last, as null.
    fn metrics(
        &self,
        encoder: &mut Encoder<'_>,
        place: Place,
        at: UtcMillis,
        stale: bool,
    ) -> Result<(), EncodeError> {
        let Some((base, defs)) = self.place(place) else {
            return Ok(());
        };
        let time = |n: usize| self.slots.get(base + n).and_then(|slot| slot.at).unwrap_or(at);
        let mut order = (0..defs.len()).collect::<Vec<usize, METRICS>>();
        order.sort_unstable_by_key(|n| (time(*n), *n));
        for n in order {
            if let (Some(slot), Some(def)) = (self.slots.get(base + n), defs.get(n)) {
                let stale = stale && !slot.is_unknown();
                encoder.metric(&slot.birth(def, self.alias_of_slot(base + n), time(n), stale))?;
            }
        }
        Ok(())
    }
}
