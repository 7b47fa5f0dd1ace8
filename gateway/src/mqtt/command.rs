//! Commands to nodes as Sparkplug NCMD messages.

use vigil_core::output::{Command, CommandKind};
use vigil_protocol::journal::{
    METRIC_ACK, METRIC_EPOCH, METRIC_REBIRTH, METRIC_RESEND, METRIC_RESEND_TO, METRIC_TIME,
};
use vigil_protocol::sparkplug::{EncodeError, Encoder, Metric, MetricValue};
use vigil_protocol::sparkplug::{MessageType, Topic};
use vigil_protocol::time::UtcMillis;

/// Topic and payload of a command.
///
/// Every metric carries its datatype although the specification says it should not: without it
/// pysparkplug's network thread dies and the Tahu JavaScript client does nothing.
///
/// # Errors
/// Never for the commands there are: the buffer holds the longest.
pub fn encode(command: &Command, now: UtcMillis) -> Result<(String, Vec<u8>), EncodeError> {
    let topic = Topic::Node {
        message: MessageType::NCmd,
        group: &command.group,
        node: &command.node,
    }
    .to_string();
    let number = |name, value| Metric::named(name, MetricValue::UInt64(value)).at(now).typed();
    let mut buffer = [0_u8; 256];
    let mut encoder = Encoder::new(&mut buffer);
    encoder.timestamp(now)?;
    match command.kind {
        CommandKind::Rebirth => {
            encoder.metric(
                &Metric::named(METRIC_REBIRTH, MetricValue::Bool(true))
                    .at(now)
                    .typed(),
            )?;
        }
        CommandKind::Time => {
            encoder.metric(
                &Metric::named(METRIC_TIME, MetricValue::DateTime(now))
                    .at(now)
                    .typed(),
            )?;
        }
        CommandKind::JournalAck { epoch, seq } => {
            encoder
                .metric(&number(METRIC_EPOCH, epoch))?
                .metric(&number(METRIC_ACK, seq))?;
        }
        CommandKind::JournalResend { epoch, from, to } => {
            encoder
                .metric(&number(METRIC_EPOCH, epoch))?
                .metric(&number(METRIC_RESEND, from))?
                .metric(&number(METRIC_RESEND_TO, to))?;
        }
    }
    Ok((topic, encoder.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::encode;
    use vigil_core::output::{Command, CommandKind};
    use vigil_protocol::sparkplug::{PayloadView, Value};
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn every_command_names_its_metrics_with_datatype_and_value() {
        let cases: [(CommandKind, &[(&str, u64)]); 4] = [
            (CommandKind::Time, &[("Node Control/Time", 5)]),
            (CommandKind::Rebirth, &[("Node Control/Rebirth", 1)]),
            (
                CommandKind::JournalAck {
                    epoch: u64::MAX,
                    seq: 7,
                },
                &[("Journal/Epoch", u64::MAX), ("Journal/Ack", 7)],
            ),
            (
                CommandKind::JournalResend {
                    epoch: 3,
                    from: 8,
                    to: u64::MAX - 1,
                },
                &[
                    ("Journal/Epoch", 3),
                    ("Journal/Resend", 8),
                    ("Journal/ResendTo", u64::MAX - 1),
                ],
            ),
        ];
        for (kind, wanted) in cases {
            let command = Command {
                group: "g".into(),
                node: "n".into(),
                kind,
            };
            let (topic, payload) = encode(&command, UtcMillis(5)).unwrap();
            assert_eq!(topic, "spBv1.0/g/NCMD/n");
            let metrics: Vec<_> = PayloadView::parse(&payload)
                .unwrap()
                .metrics()
                .map(Result::unwrap)
                .collect();
            let read: Vec<_> = metrics
                .iter()
                .map(|metric| {
                    assert!(metric.datatype.is_some());
                    let value = metric.value(None).unwrap();
                    (
                        metric.name.unwrap(),
                        match value {
                            Value::DateTime(at) => at.0 as u64,
                            _ => value.as_u64().unwrap_or(u64::from(value.as_bool() == Some(true))),
                        },
                    )
                })
                .collect();
            assert_eq!(read, wanted);
        }
    }
}
