//! From the message log back to readings.

use super::ViewError;
use super::series::Dot;
use crate::app::{App, StoredMessage};
use std::collections::{BTreeMap, BTreeSet};
use vigil_core::catalog::Equipment;
use vigil_core::decode::{LogDecoder, LoggedMessage};
use vigil_core::field::Source;
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
                source: message.entry.source,
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

    /// Takes what is filed under a source, as far as can be shown.
    async fn take_all(
        &mut self,
        source: (&str, Option<&str>),
        range: (UtcMillis, UtcMillis),
    ) -> Result<(), ViewError> {
        let mut after = None;
        loop {
            let (messages, end) = self.app.store.message_page(source, range, after, PAGE).await?;
            self.take(&messages).await?;
            if end.is_none() {
                return Ok(());
            }
            if self.readings.messages >= MOST {
                self.readings.cut = true;
                return Ok(());
            }
            after = end;
        }
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

/// Whether messages of the node itself may be about its devices: Sparkplug's never are.
pub(super) async fn speaks_for_others(app: &App, node: &str) -> Result<bool, ViewError> {
    let node = node.to_owned();
    let source = app
        .engine
        .query(move |pipeline| pipeline.source_of(&node))
        .await?;
    Ok(source.is_some_and(|source| source != Source::Sparkplug))
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
    let own = (&*equipment.node, equipment.device.as_deref());
    decoder.take_all(own, range).await?;
    if own.1.is_some() && speaks_for_others(app, own.0).await? {
        decoder.take_all((own.0, None), range).await?;
    }
    Ok(decoder.finish())
}
