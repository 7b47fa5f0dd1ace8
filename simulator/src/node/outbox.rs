//! Messages between session and socket, where the link's misfortunes happen.

use std::collections::VecDeque;

use crate::mqtt::{Connection, QoS, SendError};

/// A message on its way.
#[derive(Clone, Debug)]
struct Message {
    topic: String,
    payload: Vec<u8>,
    qos: QoS,
}

/// Hands messages to the connection in order, twice or swapped when told so.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Message>,
    /// Overtaken by the next data message.
    held: Option<Message>,
    pub(super) duplicate: bool,
    pub(super) reorder: bool,
}

impl Outbox {
    /// Takes a message. Only data is duplicated and swapped: births and deaths order themselves by it.
    pub(super) fn push(&mut self, topic: &str, payload: &[u8], qos: QoS, data: bool) {
        let message = Message {
            topic: topic.to_owned(),
            payload: payload.to_vec(),
            qos,
        };
        if !data {
            self.release();
            self.waiting.push_back(message);
            return;
        }
        if self.reorder && self.held.is_none() {
            self.held = Some(message);
            return;
        }
        if self.duplicate {
            self.waiting.push_back(message.clone());
        }
        self.waiting.push_back(message);
        self.release();
    }

    /// Nothing more will overtake what is held.
    pub(super) fn release(&mut self) {
        if let Some(held) = self.held.take() {
            if self.duplicate {
                self.waiting.push_back(held.clone());
            }
            self.waiting.push_back(held);
        }
    }

    pub(super) const fn holds(&self) -> bool {
        self.held.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Hands over as much as the connection takes; how many messages.
    pub(super) fn flush(&mut self, connection: Option<&Connection>) -> u64 {
        let mut sent = 0;
        while let Some(message) = self.waiting.front() {
            let taken = match connection {
                Some(connection) => connection.publish(&message.topic, &message.payload, message.qos),
                None => Err(SendError::Closed),
            };
            match taken {
                Ok(()) => sent += 1,
                Err(SendError::Full) => break,
                // Lost with its connection; the journal knows what has to be sent again.
                Err(SendError::Closed) => {}
            }
            self.waiting.pop_front();
        }
        sent
    }

    /// The connection is gone, and with it what was on its way.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.held = None;
    }
}
