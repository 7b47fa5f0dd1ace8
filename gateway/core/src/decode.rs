//! From logged messages back to samples: for trends and evidence, long after the pipeline went on.

use crate::catalog::Equipment;
use crate::field::translate::Translation;
use crate::field::{self, Source};
use crate::hash::ContentHash;
use crate::host::birth::Birth;
use crate::host::intake::{Intake, Lens};
use crate::host::table::Table;
use crate::normalize::MessageTime;
use crate::output::DecodeContext;
use crate::sample::Sample;
use crate::settings::Settings;
use std::collections::HashMap;
use std::sync::Arc;
use vigil_protocol::sparkplug::{MessageType, PayloadView, Topic};
use vigil_protocol::time::UtcMillis;

/// A row of the message log, as far as its meaning goes.
#[derive(Clone, Copy, Debug)]
pub struct LoggedMessage<'a> {
    /// Device id, `None` for node messages.
    pub device: Option<&'a str>,
    /// Kind of message.
    pub message: MessageType,
    /// What its bytes are.
    pub source: Source,
    /// The birth, profile or map it was logged under.
    pub context: Option<ContentHash>,
    /// The bytes as received.
    pub payload: &'a [u8],
    /// Arrival.
    pub received: UtcMillis,
}

/// Reads logged messages of one node. Give it the births first ([`LogDecoder::add_context`]).
///
/// The same code as in the pipeline reads the same samples, with the catalog of today: a channel entered later
/// shows its past.
#[derive(Debug, Default)]
pub struct LogDecoder {
    skew_ms: i64,
    contexts: HashMap<ContentHash, Arc<[u8]>>,
    /// Latest birth added per device: for messages that were logged before their birth was known.
    latest: HashMap<Option<String>, ContentHash>,
    tables: HashMap<(ContentHash, Arc<str>), Arc<Table>>,
    /// The table of the last message: most messages share it with the one before.
    last: Option<(ContentHash, Arc<str>, Arc<Table>)>,
    intake: Intake,
    /// Profiles and maps of messages that are not Sparkplug's; `None`: cannot be read any more.
    fields: HashMap<ContentHash, Option<field::Restored>>,
    restorer: field::Restorer,
    translation: Translation,
}

impl LogDecoder {
    /// A decoder that knows no births.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            skew_ms: settings.clock_skew_ms,
            ..Self::default()
        }
    }

    /// A birth that messages may refer to. Add them in the order received.
    pub fn add_context(&mut self, context: &DecodeContext) {
        if field::is_field(context) {
            self.fields
                .insert(context.hash, self.restorer.restore(context).ok());
            return;
        }
        let device = match Topic::parse(&context.topic) {
            Ok(Topic::Device { device, .. }) => Some(device.to_owned()),
            _ => None,
        };
        self.latest.insert(device, context.hash);
        self.contexts.insert(context.hash, context.payload.clone());
    }

    /// What a logged message says about `equipment`, by source time; empty if it is of another device or cannot
    /// be read.
    pub fn decode(&mut self, logged: &LoggedMessage<'_>, equipment: &Equipment) -> Vec<Sample> {
        let mut samples = Vec::new();
        self.decode_into(logged, equipment, &mut samples);
        samples
    }

    /// As [`Self::decode`], appended to `samples`.
    pub fn decode_into(
        &mut self,
        logged: &LoggedMessage<'_>,
        equipment: &Equipment,
        samples: &mut Vec<Sample>,
    ) {
        if logged.source != Source::Sparkplug {
            self.decode_field(logged, equipment, samples);
            return;
        }
        use MessageType::{DBirth, DData, NBirth, NData};
        let birth = matches!(logged.message, NBirth | DBirth);
        if logged.device != equipment.device.as_deref() || !(birth || matches!(logged.message, NData | DData))
        {
            return;
        }
        let Ok(view) = PayloadView::parse(logged.payload) else {
            return;
        };
        let table = self.table(logged, equipment, birth.then_some(&view));
        let time = MessageTime {
            now: logged.received,
            payload: view.timestamp,
            skew_ms: self.skew_ms,
            birth,
        };
        self.intake.read(
            &view,
            &Lens {
                equipment: Some(equipment),
                table: Some(&table),
                time,
            },
        );
        let from = samples.len();
        samples.extend_from_slice(&self.intake.historical);
        samples.extend_from_slice(&self.intake.live);
        if !self.intake.historical.is_empty() && !self.intake.live.is_empty() {
            samples[from..].sort_by_key(|sample| sample.at);
        }
    }

    fn decode_field(&mut self, logged: &LoggedMessage<'_>, equipment: &Equipment, samples: &mut Vec<Sample>) {
        let Some(Some(restored)) = logged.context.and_then(|hash| self.fields.get(&hash)) else {
            return;
        };
        let decoder = &*restored.decoder;
        let read = self.translation.read(
            decoder,
            &restored.topic,
            logged.payload,
            logged.received,
            self.skew_ms,
        );
        if read.is_err() {
            return;
        }
        let from = samples.len();
        for part in self.translation.parts() {
            if part.device.as_deref().or(logged.device) != equipment.device.as_deref() {
                continue;
            }
            let Ok(view) = PayloadView::parse(self.translation.payload(part)) else {
                continue;
            };
            let time = MessageTime {
                now: logged.received,
                payload: None,
                skew_ms: self.skew_ms,
                birth: false,
            };
            let lens = Lens {
                equipment: Some(equipment),
                table: None,
                time,
            };
            self.intake.read(&view, &lens);
            samples.extend_from_slice(&self.intake.historical);
            samples.extend_from_slice(&self.intake.live);
        }
        samples[from..].sort_by_key(|sample| sample.at);
    }

    fn table(
        &mut self,
        logged: &LoggedMessage<'_>,
        equipment: &Equipment,
        birth: Option<&PayloadView<'_>>,
    ) -> Arc<Table> {
        let known = |hash: &ContentHash| self.contexts.contains_key(hash);
        let latest = || self.latest.get(&logged.device.map(str::to_owned)).copied();
        let Some(hash) = logged
            .context
            .filter(known)
            .or_else(|| if birth.is_none() { latest() } else { None })
        else {
            // A birth declares itself; anything else is read by its names.
            return Arc::new(Table::of_equipment(equipment, birth.map(Birth::read).as_ref()));
        };
        if let Some((last, id, table)) = &self.last
            && *last == hash
            && *id == equipment.id
        {
            return table.clone();
        }
        let table = self
            .tables
            .entry((hash, equipment.id.clone()))
            .or_insert_with(|| {
                let view = self
                    .contexts
                    .get(&hash)
                    .and_then(|payload| PayloadView::parse(payload).ok());
                Arc::new(Table::of_equipment(
                    equipment,
                    view.as_ref().map(Birth::read).as_ref(),
                ))
            })
            .clone();
        self.last = Some((hash, equipment.id.clone(), table.clone()));
        table
    }
}
