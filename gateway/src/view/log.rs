//! From the message log back to readings.

use super::ViewError;
use super::series::Dot;
use crate::app::{App, StoredMessage};
use std::collections::{BTreeMap, BTreeSet};
use vigil_core::catalog::Equipment;
use vigil_core::decode::{LogDecoder, LoggedMessage};
use vigil_core::hash::ContentHash;
use vigil_core::sample::{ChannelIx, Sample};
use vigil_protocol::time::UtcMillis;

/// Messages read and decoded at once: bounds memory, and how long other tasks wait.
const PAGE: u32 = 2_000;
/// Messages of one answer: a device that sends every second, for somewhat more than a day.
const MOST: usize = 120_000;
/// Readings lie around the time their message is filed under: by so much they are looked for.
const MARGIN_MS: i64 = 600_000;

/// The readings of some channels, with what is known about how complete they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Readings {
    /// By channel, unordered.
    pub(super) dots: BTreeMap<ChannelIx, Vec<Dot>>,
    /// Messages read.
    pub(super) messages: usize,
    /// There were more than can be shown.
    pub(super) cut: bool,
}

/// Decodes the messages of one piece of equipment.
pub(super) struct Decoder<'a> {
    app: &'a App,
    equipment: &'a Equipment,
    channels: &'a [ChannelIx],
    decoder: LogDecoder,
    known: BTreeSet<ContentHash>,
    samples: Vec<Sample>,
    readings: Readings,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(app: &'a App, equipment: &'a Equipment, channels: &'a [ChannelIx]) -> Self {
        Self {
            app,
            equipment,
            channels,
            decoder: LogDecoder::new(&app.config.core),
            known: BTreeSet::new(),
            samples: Vec::new(),
            readings: Readings::default(),
        }
    }

    /// Takes messages in the order they were received or filed.
    pub(super) async fn take(&mut self, messages: &[StoredMessage]) -> Result<(), ViewError> {
        self.learn(messages).await?;
        for message in messages {
            let logged = LoggedMessage {
                device: message.entry.device.as_deref(),
                message: message.entry.message,
                context: message.entry.context,
                payload: &message.payload,
                received: message.entry.received,
            };
            self.samples.clear();
            self.decoder
                .decode_into(&logged, self.equipment, &mut self.samples);
            for sample in self
                .samples
                .iter()
                .filter(|sample| self.channels.contains(&sample.channel))
            {
                let dot = Dot::of(sample, message.entry.historical);
                self.readings.dots.entry(sample.channel).or_default().push(dot);
            }
        }
        self.readings.messages += messages.len();
        Ok(())
    }

    /// Fetches the births these messages refer to.
    async fn learn(&mut self, messages: &[StoredMessage]) -> Result<(), ViewError> {
        let mut order: Vec<_> = messages
            .iter()
            .filter_map(|message| message.entry.context)
            .collect();
        order.dedup();
        order.retain(|hash| self.known.insert(*hash));
        if order.is_empty() {
            return Ok(());
        }
        let contexts = self.app.store.contexts(&order.iter().copied().collect()).await?;
        for context in order.iter().filter_map(|hash| contexts.get(hash)) {
            self.decoder.add_context(context);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Readings {
        self.readings
    }
}

/// Reads what `channels` of `equipment` said around `from..=to`, from the log.
pub(super) async fn readings(
    app: &App,
    equipment: &Equipment,
    channels: &[ChannelIx],
    (from, to): (UtcMillis, UtcMillis),
) -> Result<Readings, ViewError> {
    let mut decoder = Decoder::new(app, equipment, channels);
    let range = (from.saturating_sub_ms(MARGIN_MS), to.saturating_add_ms(MARGIN_MS));
    let mut after = None;
    loop {
        let source = (&*equipment.node, equipment.device.as_deref());
        let (messages, end) = app.store.message_page(source, range, after, PAGE).await?;
        decoder.take(&messages).await?;
        if end.is_none() {
            break;
        }
        if decoder.readings.messages >= MOST {
            decoder.readings.cut = true;
            break;
        }
        after = end;
    }
    Ok(decoder.finish())
}
