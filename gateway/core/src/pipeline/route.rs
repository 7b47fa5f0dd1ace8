//! From a topic to a node and a device.

use super::Pipeline;
use crate::field::{self, Source};
use crate::host::{Incoming, OddityKey};
use crate::input::{FieldMessage, Message, Position};
use crate::output::{DeadLetter, LogEntry, Output, Outputs};
use std::fmt::Display;
use std::sync::Arc;
use vigil_protocol::sparkplug::{MessageType, PayloadView, Topic, check_id};

/// Nodes outside the catalog that are kept; more are logged only.
const MAX_STRANGE_NODES: usize = 10_000;
/// Longest payload looked at.
const MAX_PAYLOAD: usize = 1 << 20;
/// Longest topic quoted in a dead letter, in bytes.
const MAX_TOPIC: usize = 512;

/// Where a data topic leads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    node: u32,
    /// In the node's list of devices.
    at: u32,
    message: MessageType,
}

impl Pipeline {
    pub(super) fn on_message(&mut self, message: &Message<'_>, position: Position, out: &mut Outputs) {
        if let (Some(route), false) = (self.routes.get(message.topic).copied(), message.retained) {
            let device = self.nodes[route.node as usize].devices[route.at as usize]
                .id
                .clone();
            let at = Some(route.at as usize);
            self.on_node_message(
                route.node,
                route.message,
                device.as_deref(),
                at,
                message,
                position,
                out,
            );
            return;
        }
        let (kind, group, node, device) = match Topic::parse(message.topic) {
            Ok(Topic::State { .. }) => return,
            Ok(Topic::Node { message, group, node }) => (message, group, node, None),
            Ok(Topic::Device {
                message,
                group,
                node,
                device,
            }) => (message, group, node, Some(device)),
            Err(error) => {
                self.counts.bad_topics += 1;
                self.globals_dirty = true;
                self.dead_letter(message.topic, position, &error, out);
                return;
            }
        };
        if matches!(kind, MessageType::NCmd | MessageType::DCmd) {
            self.counts.commands_seen += 1;
            return;
        }
        let key = format!("{group}/{node}");
        let known = self.by_key.get(key.as_str()).copied();
        if message.retained {
            // A copy from the broker's store says nothing about now.
            self.counts.retained += 1;
            if let Some(ix) = known {
                self.nodes[ix as usize].note(OddityKey::RetainedData, self.now);
            }
            return;
        }
        let ix = match known {
            Some(ix) => ix,
            None => match self.admit(&key, device, kind, message, position, out) {
                Some(ix) => ix,
                None => return,
            },
        };
        let at = self.on_node_message(ix, kind, device, None, message, position, out);
        if let (Some(at), MessageType::NData | MessageType::DData) = (at, kind)
            && self.nodes[ix as usize].devices[at].equipment.is_some()
        {
            self.routes.insert(
                message.topic.into(),
                Route {
                    node: ix,
                    at: at as u32,
                    message: kind,
                },
            );
        }
    }

    /// A node nobody knows yet: kept from its first decodable message on, if there is room.
    fn admit(
        &mut self,
        key: &str,
        device: Option<&str>,
        kind: MessageType,
        message: &Message<'_>,
        position: Position,
        out: &mut Outputs,
    ) -> Option<u32> {
        let view = match readable(message.payload) {
            Ok(view) => view,
            Err(refused) => {
                self.counts.undecodable += 1;
                self.dead_letter(message.topic, position, &refused.reason, out);
                return None;
            }
        };
        if self.is_crowded() {
            self.counts.unregistered_overflow += 1;
            out.push(Output::Log(LogEntry {
                position,
                node: key.into(),
                device: device.map(Arc::from),
                message: kind,
                source: Source::Sparkplug,
                journal: None,
                published: view.timestamp,
                received: self.now,
                historical: false,
                context: None,
            }));
            return None;
        }
        Some(self.add_node(key.into(), false))
    }

    /// There are as many nodes outside the catalog as are kept.
    fn is_crowded(&self) -> bool {
        let strange = self.nodes.len() - self.catalog.by_binding.len().min(self.nodes.len());
        strange >= MAX_STRANGE_NODES
    }

    pub(super) fn on_field(&mut self, message: &FieldMessage<'_>, position: Position, out: &mut Outputs) {
        let known = self.by_key.get(message.node).copied();
        if message.retained {
            // A copy from the broker's store says nothing about now.
            self.counts.retained += 1;
            if let Some(ix) = known {
                self.nodes[ix as usize].note(OddityKey::RetainedData, self.now);
            }
            return;
        }
        if known.is_some_and(|ix| {
            let node = &self.nodes[ix as usize];
            node.position.is_some_and(|seen| position <= seen)
        }) {
            // Fed again after a restart; the snapshot already holds it.
            return;
        }
        let mut translation = std::mem::take(&mut self.translation);
        let read = well_named(message).and_then(|()| {
            if message.payload.len() > MAX_PAYLOAD {
                return Err(format!(
                    "oversized: {} bytes, at most {MAX_PAYLOAD} are read",
                    message.payload.len()
                ));
            }
            let skew_ms = self.settings.clock_skew_ms;
            translation.read(message.decoder, message.topic, message.payload, self.now, skew_ms)
        });
        match read {
            Ok(()) => {
                let ix = match known {
                    None if self.is_crowded() => None,
                    None => Some(self.add_node(message.node.into(), false)),
                    known => known,
                };
                match ix {
                    Some(ix) => self.with_node(ix, self.now, out, |node, host| {
                        node.on_field(host, message, &translation, position);
                    }),
                    None => {
                        self.counts.unregistered_overflow += 1;
                        let context = field::context_of(message.decoder, message.topic);
                        out.push(Output::Log(LogEntry {
                            position,
                            node: message.node.into(),
                            device: message.device.map(Arc::from),
                            message: field::kind_of(message),
                            source: message.decoder.source(),
                            journal: None,
                            published: translation.newest(),
                            received: self.now,
                            historical: false,
                            context: Some(context.hash),
                        }));
                        out.push(Output::Context(context));
                    }
                }
            }
            Err(reason) => {
                self.dead_letter(message.topic, position, &reason, out);
                match known {
                    Some(ix) => {
                        self.with_node(ix, self.now, out, |node, host| node.on_unreadable_field(host))
                    }
                    None => self.counts.undecodable += 1,
                }
            }
        }
        self.translation = translation;
    }

    /// A message of a node that is kept. Returns where the device is in its list.
    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of a topic, and a message; made once, used once"
    )]
    fn on_node_message(
        &mut self,
        ix: u32,
        kind: MessageType,
        device: Option<&str>,
        at: Option<usize>,
        message: &Message<'_>,
        position: Position,
        out: &mut Outputs,
    ) -> Option<usize> {
        let node = &self.nodes[ix as usize];
        if node.position.is_some_and(|seen| position <= seen) {
            // Fed again after a restart; the snapshot already holds it.
            return None;
        }
        match readable(message.payload) {
            Ok(view) => {
                let (topic, payload) = (message.topic, message.payload);
                let incoming = Incoming {
                    message: kind,
                    device,
                    at,
                    topic,
                    payload,
                    view,
                    position,
                };
                self.with_node(ix, self.now, out, |node, host| node.on_message(host, &incoming));
                at.or_else(|| self.nodes[ix as usize].find(device))
            }
            Err(refused) => {
                self.dead_letter(message.topic, position, &refused.reason, out);
                self.with_node(ix, self.now, out, |node, host| {
                    node.on_unreadable(host, refused.oddity);
                });
                None
            }
        }
    }

    fn dead_letter(&mut self, topic: &str, position: Position, reason: &dyn Display, out: &mut Outputs) {
        let mut end = topic.len().min(MAX_TOPIC);
        while !topic.is_char_boundary(end) {
            end -= 1;
        }
        out.push(Output::DeadLetter(DeadLetter {
            position,
            topic: topic[..end].into(),
            reason: reason.to_string(),
            received: self.now,
        }));
    }
}

/// Whether the ids a message is filed under can be: they come from configuration and topics.
fn well_named(message: &FieldMessage<'_>) -> Result<(), String> {
    let (group, node) = message
        .node
        .split_once('/')
        .ok_or_else(|| format!("`{}` is no group/node", message.node))?;
    for (what, id) in [
        ("group", Some(group)),
        ("node", Some(node)),
        ("device", message.device),
    ] {
        if let Some(id) = id {
            check_id(id).map_err(|error| format!("`{id}` cannot be a {what} id: {error}"))?;
        }
    }
    Ok(())
}

/// Why a payload is not looked at.
struct Refused {
    oddity: OddityKey,
    reason: String,
}

#[inline]
fn readable(payload: &[u8]) -> Result<PayloadView<'_>, Refused> {
    if payload.len() > MAX_PAYLOAD {
        let reason = format!(
            "oversized: {} bytes, at most {MAX_PAYLOAD} are read",
            payload.len()
        );
        return Err(Refused {
            oddity: OddityKey::Oversized,
            reason,
        });
    }
    let view = PayloadView::parse(payload).map_err(|error| Refused {
        oddity: OddityKey::Undecodable,
        reason: error.to_string(),
    })?;
    if view.is_compressed() {
        let algorithm = view.compression_algorithm().unwrap_or("unnamed");
        let reason = format!("compressed payload ({algorithm}): switch compression off at the node");
        return Err(Refused {
            oddity: OddityKey::Compressed,
            reason,
        });
    }
    Ok(view)
}
