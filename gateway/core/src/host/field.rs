//! Messages that are not Sparkplug's: no births, no sequence numbers; who is heard is alive, who does not answer a
//! poll is not.

use super::intake::Lens;
use super::oddity::OddityKey;
use super::recent::fingerprint;
use super::{Host, Node};
use crate::equipment::Moment;
use crate::field::translate::{Part, Translation};
use crate::field::{self, Source};
use crate::input::{FieldMessage, Position};
use crate::normalize::MessageTime;
use crate::output::{LogEntry, Output};
use vigil_protocol::sparkplug::PayloadView;

impl Node {
    /// A message of the field that can be read and was not seen at this position before.
    pub(crate) fn on_field(
        &mut self,
        host: &mut Host<'_>,
        message: &FieldMessage<'_>,
        translation: &Translation,
        position: Position,
    ) {
        self.source = message.decoder.source();
        let parts = translation.parts();
        // A broker may send it again. Only what says when it was measured can be told from the next one like it.
        if self.source == Source::Json && !parts.is_empty() && parts.iter().all(|part| part.timed) {
            let print = fingerprint(message.topic, message.payload);
            if self.recent.is_repeat(print) {
                self.repeat(host);
                return;
            }
        }
        self.dirty = true;
        let at = self
            .find(message.device)
            .or_else(|| self.add_device(host, message.device));
        self.log_field(host, message, translation, position, at);
        let heard = parts.is_empty() || parts.iter().any(|part| !part.silent);
        self.counts.add(&self.key, host.now, host.out, |totals| {
            totals.expected += 1;
            totals.received += u64::from(heard);
        });
        for part in parts {
            let at = match &part.device {
                None => at,
                Some(device) => self
                    .find(Some(device))
                    .or_else(|| self.add_device(host, Some(device))),
            };
            if let Some(at) = at {
                self.apply_part(host, at, part, translation.payload(part), position);
            }
        }
        if heard {
            self.set_online(host.now);
        } else if self.devices.iter().all(|device| !device.online) && self.online {
            self.online = false;
            self.since = Some(host.now);
        }
        self.on_due(host);
    }

    /// A message arrived that cannot be read. It is not logged, so it changes nothing but counts.
    pub(crate) fn on_unreadable_field(&mut self, host: &mut Host<'_>) {
        self.undecodable = self.undecodable.saturating_add(1);
        self.note(OddityKey::Undecodable, host.now);
        self.finish_unlogged(host);
    }

    fn log_field(
        &mut self,
        host: &mut Host<'_>,
        message: &FieldMessage<'_>,
        translation: &Translation,
        position: Position,
        at: Option<usize>,
    ) {
        self.position = Some(position);
        self.last_heard = Some(host.now);
        let meaning = fingerprint(message.topic, &message.decoder.hash().0);
        let known = match at {
            Some(at) => {
                let device = &self.devices[at];
                device.context.filter(|_| device.meaning == meaning)
            }
            // Of several devices, or of none that is kept.
            None => self
                .field_context
                .as_deref()
                .filter(|(known, _)| *known == meaning)
                .map(|(_, hash)| *hash),
        };
        let context = known.unwrap_or_else(|| {
            let context = field::context_of(message.decoder, message.topic);
            let hash = context.hash;
            host.out.push(Output::Context(context));
            hash
        });
        if at.is_none() {
            self.field_context = Some(Box::new((meaning, context)));
        }
        let device = match at.map(|at| &mut self.devices[at]) {
            Some(device) => {
                device.last_heard = Some(host.now);
                device.context = Some(context);
                device.meaning = meaning;
                device.id.clone()
            }
            None => message.device.map(Into::into),
        };
        let historical = translation.parts().iter().any(|part| part.historical);
        host.out.push(Output::Log(LogEntry {
            position,
            node: self.key.clone(),
            device,
            message: field::kind_of(message),
            source: self.source,
            journal: None,
            published: translation.newest(),
            received: host.now,
            historical,
            context: Some(context),
        }));
    }

    /// What the message says of one device.
    fn apply_part(
        &mut self,
        host: &mut Host<'_>,
        at: usize,
        part: &Part,
        payload: &[u8],
        position: Position,
    ) {
        let time = time_of(host, part);
        let moment = Moment {
            position,
            received: host.now,
            published: time.published(false),
            historical: false,
        };
        if part.silent {
            self.devices[at].born = false;
            self.set_device_online(host, at, false, &moment);
            return;
        }
        let Ok(view) = PayloadView::parse(payload) else {
            return;
        };
        let device = &mut self.devices[at];
        device.last_heard = Some(host.now);
        device.metrics = device.metrics.max(part.metrics);
        let Some(ix) = device.equipment else {
            device.born = true;
            device.online = true;
            self.list_unregistered(host, at, &view, false);
            return;
        };
        let mut intake = std::mem::take(host.intake);
        intake.read(
            &view,
            &Lens {
                equipment: host.catalog.equipment.get(ix.0 as usize),
                table: None,
                // A reading without a time of its own has none.
                time: MessageTime {
                    payload: None,
                    ..time
                },
            },
        );
        intake.notes.record(&mut self.oddities, host.now);
        self.clock_offset_ms = intake.notes.clock_offset.or(self.clock_offset_ms);
        self.devices[at].born = true;
        self.set_device_online(host, at, true, &moment);
        if !intake.historical.is_empty() {
            let late = Moment {
                historical: true,
                published: time.published(true),
                ..moment
            };
            host.tell(ix, |state, equipment, out| {
                state.on_samples(equipment, &late, &intake.historical, out)
            });
        }
        if !intake.live.is_empty() {
            host.tell(ix, |state, equipment, out| {
                state.on_samples(equipment, &moment, &intake.live, out)
            });
        } else if intake.historical.is_empty() {
            host.tell(ix, |state, equipment, out| {
                state.on_heard(equipment, &moment, out)
            });
        }
        *host.intake = intake;
    }
}

fn time_of(host: &Host<'_>, part: &Part) -> MessageTime {
    MessageTime {
        now: host.now,
        payload: part.newest,
        skew_ms: host.settings.clock_skew_ms,
        birth: false,
    }
}
