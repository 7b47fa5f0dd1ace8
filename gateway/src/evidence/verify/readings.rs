//! Whether the readings the events name are in the messages as received.

use super::{Holds, Report};
use crate::evidence::bundle::{
    Bundle, BundleError, CONTEXTS, ContextRecord, EQUIPMENT, EquipmentRecord, MESSAGES, MessageRecord,
};
use crate::evidence::export::evidence;
use crate::evidence::key::unhex;
use std::collections::BTreeMap;
use std::sync::Arc;
use vigil_core::Settings;
use vigil_core::catalog::{BoolEncoding, Channel, Equipment, Register};
use vigil_core::decode::{LogDecoder, LoggedMessage};
use vigil_core::hazard::{EvidenceReading, HazardEvent};
use vigil_core::output::DecodeContext;
use vigil_core::sample::{Reading, Sample};
use vigil_protocol::sparkplug::MessageType;
use vigil_protocol::vocabulary::{EquipmentClass, Quantity};

impl Report {
    /// What the events call evidence must stand in the messages as received.
    pub(super) fn readings(&mut self, bundle: &Bundle, events: &[HazardEvent]) {
        let read = || -> Result<Field, BundleError> {
            Ok(Field {
                messages: bundle
                    .lines::<MessageRecord>(MESSAGES)?
                    .into_iter()
                    .map(|message| (message.position, message))
                    .collect(),
                contexts: bundle.lines(CONTEXTS)?,
                equipment: bundle
                    .parts
                    .contains_key(EQUIPMENT)
                    .then(|| bundle.json(EQUIPMENT))
                    .transpose()?,
            })
        };
        let field = match read() {
            Ok(field) => field,
            Err(error) => return self.unreadable(&error),
        };
        let Some(mut decoder) = field.decoder() else {
            self.say(
                "readings",
                Holds::Unchecked,
                "设备已不在目录中，无法重新解读报文",
                "the equipment is in no catalog any more: the messages cannot be read again",
            );
            return;
        };
        let (mut same, mut missing) = (0_u32, 0_u32);
        for event in events {
            for reading in evidence(&event.kind) {
                match decoder.compare(&field, reading) {
                    Some(true) => same += 1,
                    Some(false) => {
                        let (seq, quantity, position) =
                            (event.seq, reading.quantity.key(), reading.position.0);
                        self.say(
                            "readings",
                            Holds::No,
                            format!("第 {seq} 号事件称 {quantity} 的读数出自第 {position} 号报文，报文中却没有：读数或报文被改动"),
                            format!("event {seq} takes {quantity} from message {position}, which does not say so: reading or message was edited"),
                        );
                    }
                    None => missing += 1,
                }
            }
        }
        if same > 0 {
            self.say(
                "readings",
                Holds::Yes,
                format!("{same} 个作为证据的读数与原始报文一致"),
                format!("{same} readings named as evidence are in the messages as received"),
            );
        }
        if missing > 0 {
            self.say(
                "readings",
                Holds::Unchecked,
                format!("{missing} 个读数没有可核对的报文（无数据，或报文已过保存期）"),
                format!(
                    "{missing} readings have no message to compare with (no data, or older than what is kept)"
                ),
            );
        }
    }
}

struct Field {
    messages: BTreeMap<u64, MessageRecord>,
    contexts: Vec<ContextRecord>,
    equipment: Option<EquipmentRecord>,
}

impl Field {
    fn decoder(&self) -> Option<Reader> {
        let record = self.equipment.as_ref()?;
        let channels: Option<Vec<Channel>> = record
            .channels
            .iter()
            .map(|(quantity, metric)| {
                let quantity = Quantity::from_key(quantity)?;
                Some(Channel {
                    quantity,
                    metric: metric.as_str().into(),
                    unit: quantity.unit(),
                    pressure: quantity.pressure_kind(),
                    // Compared is what was sent, before any scaling.
                    current_loop: None,
                    encoding: BoolEncoding::default(),
                    plausible: None,
                    interval_ms: 1,
                })
            })
            .collect();
        let equipment = Equipment {
            id: record.id.as_str().into(),
            name_zh: "".into(),
            name_en: "".into(),
            category: record.category.as_str().into(),
            class: EquipmentClass::from_category_code(record.category.parse().ok()?)?,
            register: Register::default(),
            node: record.node.as_str().into(),
            device: record.device.as_deref().map(Into::into),
            scheme: None,
            nameplate: Arc::default(),
            channels: channels?.into(),
            rules: Arc::default(),
        };
        let mut decoder = LogDecoder::new(&Settings::default());
        for context in &self.contexts {
            decoder.add_context(&DecodeContext {
                hash: context.hash,
                topic: context.topic.as_str().into(),
                payload: unhex(&context.payload)?.into(),
            });
        }
        Some(Reader { equipment, decoder })
    }
}

struct Reader {
    equipment: Equipment,
    decoder: LogDecoder,
}

impl Reader {
    /// Whether the message says what the evidence says; `None` if that cannot be told.
    fn compare(&mut self, field: &Field, reading: &EvidenceReading) -> Option<bool> {
        let wanted = match reading.reading {
            Reading::NoData(_) => return None,
            Reading::Code { raw, .. } => Said::Code(raw.as_str().to_owned()),
            Reading::Number(_) | Reading::Bool(_) => Said::Number(reading.raw?),
        };
        let message = field.messages.get(&reading.position.0)?;
        let channel = self.equipment.channel_of(reading.quantity)?;
        let payload = unhex(&message.payload)?;
        let kind = MessageType::ALL
            .into_iter()
            .find(|kind| kind.as_str() == message.kind)?;
        let samples = self.decoder.decode(
            &LoggedMessage {
                device: message.device.as_deref(),
                message: kind,
                source: message.source,
                context: message.context,
                payload: &payload,
                received: message.received,
            },
            &self.equipment,
        );
        let mut of_channel = samples.iter().filter(|sample| sample.channel == channel);
        Some(of_channel.any(|sample| wanted.is(sample)))
    }
}

enum Said {
    Number(f64),
    Code(String),
}

impl Said {
    fn is(&self, sample: &Sample) -> bool {
        match self {
            Self::Number(number) => sample.raw.map(f64::to_bits) == Some(number.to_bits()),
            Self::Code(code) => matches!(sample.reading, Reading::Code { raw, .. } if raw.as_str() == code),
        }
    }
}
