//! Measured values in: by exception, into the journal.

use vigil_protocol::journal::{METRIC_BOOT, METRIC_SEQ};
use vigil_protocol::sparkplug::{Encoder, Metric, MetricValue};
use vigil_protocol::time::UtcMillis;

use super::{Phase, Place, Presence, ReportError, Scratch, Session};
use crate::definition::MetricDef;
use crate::held::{Held, Sample};
use crate::journal::JournalError;
use crate::storage::Storage;

/// Bytes in front of each record that say whose message it is.
pub(crate) const RECORD_HEAD: usize = 2;
/// [`RECORD_HEAD`] of the node's own messages.
const NODE: u16 = u16::MAX;

impl Place {
    pub(crate) const fn to_record(self) -> [u8; RECORD_HEAD] {
        match self {
            Place::Node => NODE.to_le_bytes(),
            Place::Device(n) => n.to_le_bytes(),
        }
    }

    pub(crate) fn from_record(record: &[u8]) -> Option<Self> {
        let head = record.first_chunk::<RECORD_HEAD>()?;
        Some(match u16::from_le_bytes(*head) {
            NODE => Place::Node,
            n => Place::Device(n),
        })
    }
}

/// Largest record for a buffer: resending adds a flag to each metric and the sequence number to the message. Without a
/// `time`, also the time itself, and that there was none: the shortest metric becomes four times as long, and a bit.
const fn record_limit(buffer: usize, time: bool) -> usize {
    if time {
        (buffer / 5 * 4).saturating_sub(16)
    } else {
        (buffer / 5).saturating_sub(32)
    }
}

impl<'d, S: Storage, const METRICS: usize, const DEVICES: usize> Session<'d, S, METRICS, DEVICES> {
    /// Takes what was measured at one place, in chronological order. What changed (or all of it, when nothing was
    /// said for [`super::Config::heartbeat_ms`]) becomes one message or more, in the journal when this returns.
    /// Returns how many. A device that reports is alive.
    ///
    /// # Errors
    /// [`ReportError`]; with anything but `Journal` nothing was taken.
    pub fn report<const N: usize>(
        &mut self,
        now: UtcMillis,
        place: Place,
        samples: &[Sample<'_>],
        scratch: &mut Scratch<N>,
    ) -> Result<u16, ReportError<S::Error>> {
        let all = self.is_heartbeat_due(place, samples);
        self.take(now, place, samples, all, scratch)
    }

    /// As [`Session::report`], with every sample sent, changed or not: for callers that decide themselves what is
    /// worth a message.
    ///
    /// # Errors
    /// As [`Session::report`].
    pub fn report_all<const N: usize>(
        &mut self,
        now: UtcMillis,
        place: Place,
        samples: &[Sample<'_>],
        scratch: &mut Scratch<N>,
    ) -> Result<u16, ReportError<S::Error>> {
        self.take(now, place, samples, true, scratch)
    }

    fn take<const N: usize>(
        &mut self,
        now: UtcMillis,
        place: Place,
        samples: &[Sample<'_>],
        all: bool,
        scratch: &mut Scratch<N>,
    ) -> Result<u16, ReportError<S::Error>> {
        let (base, defs) = self.place(place).ok_or(ReportError::UnknownDevice)?;
        for sample in samples {
            check(defs, sample)?;
        }
        if let Place::Device(n) = place
            && let Some(device) = self.devices.get_mut(usize::from(n))
        {
            device.presence = Presence::Up;
        }
        let mut messages = 0;
        let mut rest = samples;
        while !rest.is_empty() {
            let (taken, journaled) = self.message(now, place, base, defs, rest, all, scratch)?;
            messages += u16::from(journaled);
            rest = rest.get(taken..).unwrap_or(&[]);
        }
        Ok(messages)
    }

    /// The device at `device` no longer answers. Its values are not confirmed any more.
    pub fn device_lost(&mut self, device: u16) {
        let Some(state) = self.devices.get_mut(usize::from(device)) else {
            return;
        };
        state.presence = Presence::Down;
        let base = usize::from(state.base);
        let count = self
            .def
            .devices
            .get(usize::from(device))
            .map_or(0, |def| def.metrics.len());
        self.forget_sent(base, count);
    }

    fn is_heartbeat_due(&self, place: Place, samples: &[Sample<'_>]) -> bool {
        let said = match place {
            Place::Node => self.node_said,
            Place::Device(n) => self.devices.get(usize::from(n)).and_then(|device| device.said),
        };
        match (said, samples.last()) {
            (Some(said), Some(last)) => {
                self.config.heartbeat_ms > 0 && last.at.since(said) >= i64::from(self.config.heartbeat_ms)
            }
            _ => false,
        }
    }

    /// Takes as many samples as fit one message; how many, and whether there was a message at all.
    #[allow(
        clippy::too_many_arguments,
        reason = "one caller; a struct would only rename them"
    )]
    fn message<const N: usize>(
        &mut self,
        now: UtcMillis,
        place: Place,
        base: usize,
        defs: &'d [MetricDef<'d>],
        samples: &[Sample<'_>],
        all: bool,
        scratch: &mut Scratch<N>,
    ) -> Result<(usize, bool), ReportError<S::Error>> {
        // Without a journal, and nobody to send to, values are only held for the next birth.
        let keep = self.config.journal || matches!(self.phase, Phase::Birthing(_) | Phase::Online);
        let limit = record_limit(N, self.is_time_known(now));
        let space = scratch
            .record
            .get_mut(RECORD_HEAD..limit)
            .ok_or(ReportError::BufferTooSmall)?;
        let mut encoder = Encoder::new(space);
        let too_small = |_| ReportError::BufferTooSmall;
        encoder.timestamp(self.utc(now)).map_err(too_small)?;
        if self.config.journal
            && let Some(first) = samples.first()
        {
            let seq = MetricValue::UInt64(self.journal.next());
            let metric = match self.alias_of_seq(place) {
                Some(alias) => Metric::aliased(alias, seq),
                None => Metric::named(METRIC_SEQ, seq).untyped(),
            };
            encoder.metric(&metric.at(first.at)).map_err(too_small)?;
            if self.is_booted(place) {
                let boot = MetricValue::Bool(true);
                let metric = match self.alias_of_boot(place) {
                    Some(alias) => Metric::aliased(alias, boot),
                    None => Metric::named(METRIC_BOOT, boot).untyped(),
                };
                encoder.metric(&metric.at(first.at)).map_err(too_small)?;
            }
        }
        let (mut taken, mut sent) = (0, 0);
        for sample in samples {
            let at = base + usize::from(sample.metric);
            let alias = self.alias_of_slot(at);
            let (Some(slot), Some(def)) = (self.slots.get_mut(at), defs.get(usize::from(sample.metric)))
            else {
                break;
            };
            slot.value = Held::keep(&sample.value).unwrap_or(Held::Null);
            slot.quality = sample.quality;
            slot.at = Some(sample.at);
            if all || slot.is_news(def.deadband) {
                if encoder.metric(&slot.data(def, alias, sample.at)).is_err() {
                    if sent == 0 {
                        return Err(ReportError::BufferTooSmall);
                    }
                    break;
                }
                sent += 1;
                if keep {
                    slot.sent = Some((slot.value.as_sent(), slot.quality));
                }
            }
            taken += 1;
        }
        let len = RECORD_HEAD + encoder.finish();
        if sent == 0 || !keep {
            return Ok((taken, false));
        }
        if let Some(head) = scratch.record.first_chunk_mut::<RECORD_HEAD>() {
            *head = place.to_record();
        }
        if let Err(error) = self.journal.append(scratch.record.get(..len).unwrap_or(&[])) {
            for sample in samples.iter().take(taken) {
                if let Some(slot) = self.slots.get_mut(base + usize::from(sample.metric)) {
                    slot.sent = None;
                }
            }
            if matches!(error, JournalError::Medium(_)) {
                self.counters.storage_faults += 1;
            }
            return Err(ReportError::Journal(error));
        }
        let said = samples.get(taken - 1).map(|sample| sample.at);
        match place {
            Place::Node => (self.node_said, self.node_booted) = (said, false),
            Place::Device(n) => {
                if let Some(device) = self.devices.get_mut(usize::from(n)) {
                    (device.said, device.booted) = (said, false);
                }
            }
        }
        Ok((taken, true))
    }
}

fn check<E>(defs: &[MetricDef<'_>], sample: &Sample<'_>) -> Result<(), ReportError<E>> {
    let metric = sample.metric;
    let def = defs
        .get(usize::from(metric))
        .ok_or(ReportError::UnknownMetric { metric })?;
    let given = sample.value.datatype();
    if given != def.datatype && !matches!(sample.value, MetricValue::Null(_)) {
        return Err(ReportError::WrongType {
            metric,
            defined: def.datatype,
            given,
        });
    }
    Held::keep(&sample.value).map_err(|_| ReportError::TextTooLong { metric })?;
    Ok(())
}
