//! One pass over the metrics of a message: samples, journal number, and what was odd.

use super::birth::is_true;
use super::oddity::{Oddities, OddityKey};
use super::table::{Conflict, Declaration, Scale, Table, Target, scale_of, special};
use crate::catalog::Equipment;
use crate::normalize::{MessageTime, normalize};
use crate::sample::{ChannelIx, Reading, Sample};
use vigil_protocol::sparkplug::{DataType, MetricView, PayloadView};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{NoData, Uncertain};

/// What one message said. Its vectors are reused from message to message.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    /// Live samples, by source time.
    pub(crate) live: Vec<Sample>,
    /// Samples flagged historical, by source time.
    pub(crate) historical: Vec<Sample>,
    /// Some metric is flagged historical.
    pub(crate) any_historical: bool,
    /// Some metric other than the journal's own is not.
    pub(crate) any_live: bool,
    pub(crate) journal_seq: Option<u64>,
    pub(crate) journal_first: Option<u64>,
    pub(crate) journal_dropped: Option<u64>,
    /// The first journaled message of its device since the node was powered up.
    pub(crate) booted: bool,
    pub(crate) notes: Notes,
}

/// Numbers of odd metrics in one message.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Notes {
    any: bool,
    pub(crate) unknown_alias: u32,
    undeclared: u32,
    datatype_changed: u32,
    wrong_type: u32,
    unsupported: u32,
    not_finite: u32,
    bad_metric: u32,
    clock_skew: u32,
    no_timestamp: u32,
    unknown_unit: u32,
    wrong_unit: u32,
    /// Source minus arrival of the first metric not believed, ms.
    pub(crate) clock_offset: Option<i64>,
}

/// How to read a message.
#[derive(Clone, Copy)]
pub(crate) struct Lens<'a> {
    pub(crate) equipment: Option<&'a Equipment>,
    pub(crate) table: Option<&'a Table>,
    pub(crate) time: MessageTime,
}

impl Intake {
    /// Replaces what was read before.
    pub(crate) fn read(&mut self, payload: &PayloadView<'_>, lens: &Lens<'_>) {
        self.live.clear();
        self.historical.clear();
        (self.any_historical, self.any_live) = (false, false);
        (self.journal_seq, self.journal_first, self.journal_dropped) = (None, None, None);
        self.booted = false;
        self.notes = Notes::default();
        for metric in payload.metrics() {
            match metric {
                Ok(metric) => self.metric(&metric, lens),
                Err(_) => self.note(|notes| &mut notes.bad_metric),
            }
        }
        // Rules see one equipment's readings in the order they were measured.
        for samples in [&mut self.live, &mut self.historical] {
            if !samples.is_sorted_by_key(|sample| sample.at) {
                samples.sort_by_key(|sample| sample.at);
            }
        }
    }

    /// True if everything in it was measured earlier.
    pub(crate) fn is_historical(&self) -> bool {
        self.any_historical && !self.any_live
    }

    #[inline]
    fn metric(&mut self, metric: &MetricView<'_>, lens: &Lens<'_>) {
        let Some((target, datatype)) = self.resolve(metric, lens) else {
            self.note(|notes| &mut notes.unknown_alias);
            self.any_historical |= metric.is_historical;
            self.any_live |= !metric.is_historical;
            return;
        };
        let journal = match target {
            Target::JournalSeq => Some(&mut self.journal_seq),
            Target::JournalFirst => Some(&mut self.journal_first),
            Target::JournalDropped => Some(&mut self.journal_dropped),
            Target::JournalBoot => {
                self.booted |= is_true(metric);
                return;
            }
            _ => None,
        };
        if let Some(slot) = journal {
            *slot = metric
                .value(datatype.or(Some(DataType::UInt64)))
                .ok()
                .and_then(|value| value.as_u64());
            return;
        }
        self.any_historical |= metric.is_historical;
        self.any_live |= !metric.is_historical;
        if let (Target::Channel(ix), Some(equipment)) = (target, lens.equipment) {
            self.sample(metric, equipment, ix, datatype, lens);
        }
    }

    #[inline]
    fn resolve(&mut self, metric: &MetricView<'_>, lens: &Lens<'_>) -> Option<(Target, Option<DataType>)> {
        if let Some(name) = metric.name.filter(|name| !name.is_empty()) {
            if let Some(target) = special(name) {
                return Some((target, None));
            }
            let Some(ix) = lens
                .equipment
                .and_then(|equipment| equipment.channel_of_metric(name))
            else {
                return Some((Target::Other(u16::MAX), None));
            };
            let declaration = lens.table.and_then(|table| table.channel(ix));
            if !lens.time.birth && declaration.is_some_and(|declaration| !declaration.declared) {
                self.note(|notes| &mut notes.undeclared);
            }
            return Some((
                Target::Channel(ix),
                declaration.and_then(|declaration| declaration.datatype),
            ));
        }
        lens.table?.resolve(metric.alias?)
    }

    #[inline]
    fn sample(
        &mut self,
        metric: &MetricView<'_>,
        equipment: &Equipment,
        ix: ChannelIx,
        declared: Option<DataType>,
        lens: &Lens<'_>,
    ) {
        let Some(channel) = equipment.channels.get(usize::from(ix.0)) else {
            return;
        };
        if let (Some(sent), Some(declared)) = (metric.datatype, declared)
            && sent != declared.code()
            && sent != 0
        {
            self.note(|notes| &mut notes.datatype_changed);
        }
        let (mut reported, mut scale) = (None, None);
        if metric.properties.is_some() {
            reported = metric.quality();
            scale = metric.unit().map(|unit| scale_of(channel, Some(unit)));
        }
        let scale = scale.unwrap_or_else(|| {
            lens.table.and_then(|table| table.channel(ix)).map_or_else(
                || scale_of(channel, None),
                |declaration: &Declaration| declaration.scale,
            )
        });
        let normal = normalize(
            channel,
            equipment.scheme.as_deref(),
            &scale,
            metric.value(declared),
            reported,
        );
        let (at, doubt) = lens.time.source(metric.timestamp, metric.is_historical);
        let mut quality = normal.quality;
        if let Some(doubt) = doubt {
            self.doubt(doubt, metric.timestamp.or(lens.time.payload), lens.time.now);
            if quality.is_good() {
                quality = vigil_protocol::vocabulary::Quality::Uncertain(doubt);
            }
        }
        if let Reading::NoData(reason) = normal.reading {
            self.missing(reason, &scale);
        }
        let sample = Sample {
            channel: ix,
            at,
            reading: normal.reading,
            raw: normal.raw,
            quality,
        };
        if metric.is_historical {
            self.historical.push(sample)
        } else {
            self.live.push(sample)
        }
    }

    fn note(&mut self, which: impl FnOnce(&mut Notes) -> &mut u32) {
        self.notes.any = true;
        *which(&mut self.notes) += 1;
    }

    fn doubt(&mut self, doubt: Uncertain, sent: Option<UtcMillis>, now: UtcMillis) {
        if doubt == Uncertain::NoTimestamp {
            self.note(|notes| &mut notes.no_timestamp);
        } else {
            self.note(|notes| &mut notes.clock_skew);
            self.notes.clock_offset = self.notes.clock_offset.or(sent.map(|sent| sent.since(now)));
        }
    }

    fn missing(&mut self, reason: NoData, scale: &Scale) {
        match (reason, scale) {
            (NoData::WrongType, _) => self.note(|notes| &mut notes.wrong_type),
            (NoData::UnsupportedType, _) => self.note(|notes| &mut notes.unsupported),
            (NoData::NotFinite, _) => self.note(|notes| &mut notes.not_finite),
            (NoData::Config, Scale::Conflict(Conflict::Unknown)) => {
                self.note(|notes| &mut notes.unknown_unit)
            }
            (NoData::Config, Scale::Conflict(Conflict::OtherDimension)) => {
                self.note(|notes| &mut notes.wrong_unit);
            }
            _ => {}
        }
    }
}

impl Notes {
    /// Adds what was odd to the node's list.
    pub(crate) fn record(&self, oddities: &mut Oddities, now: UtcMillis) {
        if !self.any {
            return;
        }
        for (key, count) in [
            (OddityKey::UnknownAlias, self.unknown_alias),
            (OddityKey::UndeclaredMetric, self.undeclared),
            (OddityKey::DatatypeChanged, self.datatype_changed),
            (OddityKey::WrongType, self.wrong_type),
            (OddityKey::UnsupportedType, self.unsupported),
            (OddityKey::NotFinite, self.not_finite),
            (OddityKey::BadMetric, self.bad_metric),
            (OddityKey::ClockSkew, self.clock_skew),
            (OddityKey::NoTimestamp, self.no_timestamp),
            (OddityKey::UnknownUnit, self.unknown_unit),
            (OddityKey::WrongUnit, self.wrong_unit),
        ] {
            oddities.note_many(key, count, now);
        }
    }
}
