//! What to do next.

use core::fmt::Write as _;

use vigil_protocol::sparkplug::{MessageType, Topic};
use vigil_protocol::time::UtcMillis;

use super::{Action, Phase, Place, Publish, Qos, Scratch, Session};
use crate::storage::Storage;

/// A session that lasted this long was a success: the next wait is short again.
const SETTLED_MS: i64 = 10_000;

/// An action whose topic and payload lie in the scratch buffers.
pub(crate) enum Emit {
    Connect {
        end: usize,
    },
    Subscribe,
    Publish {
        start: usize,
        end: usize,
        qos: Qos,
        journal_seq: Option<u64>,
        historical: bool,
    },
    Disconnect,
}

impl Emit {
    /// An ordinary message at the start of the payload buffer.
    pub(crate) const fn live(end: usize) -> Self {
        Emit::Publish {
            start: 0,
            end,
            qos: Qos::AtMostOnce,
            journal_seq: None,
            historical: false,
        }
    }
}

impl<S: Storage, const METRICS: usize, const DEVICES: usize> Session<'_, S, METRICS, DEVICES> {
    /// The next thing to do, if there is one now. Call until `None`; then again after anything happened, and at
    /// [`Session::next_wake`]. `now` is the node's own clock.
    pub fn poll<'b, const N: usize>(
        &mut self,
        now: UtcMillis,
        scratch: &'b mut Scratch<N>,
    ) -> Option<Action<'b>> {
        self.started.get_or_insert(now);
        let emit = self.step(now, scratch)?;
        let topic = scratch.topic.as_str();
        Some(match emit {
            Emit::Connect { end } => Action::Connect {
                server: self.server,
                clean_session: true,
                will: Publish {
                    topic,
                    payload: scratch.payload.get(..end).unwrap_or(&[]),
                    qos: Qos::AtLeastOnce,
                    retain: false,
                    journal_seq: None,
                    historical: false,
                },
            },
            Emit::Subscribe => Action::Subscribe {
                topic,
                qos: Qos::AtLeastOnce,
            },
            Emit::Publish {
                start,
                end,
                qos,
                journal_seq,
                historical,
            } => {
                self.last_publish = now;
                Action::Publish(Publish {
                    topic,
                    payload: scratch.payload.get(start..end).unwrap_or(&[]),
                    qos,
                    retain: false,
                    journal_seq,
                    historical,
                })
            }
            Emit::Disconnect => Action::Disconnect,
        })
    }

    /// When to poll again if nothing happens before. `None`: only when something happens.
    #[must_use]
    pub fn next_wake(&self) -> Option<UtcMillis> {
        let online = || {
            let history = (!self.history.is_empty()).then(|| {
                let wait = if self.history_tokens > 0 {
                    0
                } else {
                    self.config.history_interval_ms
                };
                self.history_refilled.saturating_add_ms(wait.into())
            });
            let status = (self.config.journal
                && (self.status_due || self.journal.dropped() != self.told_dropped))
                .then(|| {
                    self.status_told
                        .saturating_add_ms(self.config.status_interval_ms.into())
                });
            let heartbeat = (self.config.heartbeat_ms > 0).then(|| {
                self.last_publish
                    .saturating_add_ms(self.config.heartbeat_ms.into())
            });
            [history, status, heartbeat, self.ack_deadline()]
                .into_iter()
                .flatten()
                .min()
        };
        match self.phase {
            Phase::Waiting { until } => Some(until),
            Phase::Online => online(),
            _ => None,
        }
    }

    /// Connected, with the will of the last [`Action::Connect`].
    pub fn on_connected(&mut self, now: UtcMillis) {
        if self.phase != Phase::Connecting {
            return;
        }
        self.counters.connects += 1;
        self.last_publish = now;
        self.connected_at = now;
        self.phase = if self.stopping {
            Phase::Leaving(0)
        } else {
            Phase::Subscribing(0)
        };
    }

    /// The connection is gone, or could not be made.
    pub fn on_disconnected(&mut self, now: UtcMillis) {
        let was_up = !matches!(self.phase, Phase::Connecting | Phase::Waiting { .. });
        if was_up && now.since(self.connected_at) >= SETTLED_MS {
            self.backoff.reset();
        }
        for device in &mut self.devices {
            device.announced = false;
        }
        self.history.clear();
        self.awaiting_ack = None;
        self.phase = match self.phase {
            Phase::Failed(failure) => Phase::Failed(failure),
            _ if self.stopping => Phase::Stopped,
            Phase::Waiting { until } => Phase::Waiting { until },
            _ => Phase::Waiting {
                until: now.saturating_add_ms(self.backoff.next_wait_ms().into()),
            },
        };
    }

    /// Leave: publish the death certificate, disconnect, stay away.
    pub fn stop(&mut self) {
        self.stopping = true;
        self.phase = match self.phase {
            Phase::Subscribing(_) | Phase::AwaitingHost | Phase::Birthing(_) | Phase::Online => {
                Phase::Leaving(0)
            }
            Phase::Waiting { .. } => Phase::Stopped,
            other => other,
        };
    }

    fn step<const N: usize>(&mut self, now: UtcMillis, scratch: &mut Scratch<N>) -> Option<Emit> {
        match self.phase {
            Phase::Waiting { until } if now >= until => {
                let (bd_seq, saved) = self.journal.next_bd_seq();
                self.counters.storage_faults += u32::from(saved.is_err());
                self.bd_seq = bd_seq;
                self.phase = Phase::Connecting;
                let end = self.node_death(now, scratch)?;
                Some(Emit::Connect { end })
            }
            Phase::Subscribing(0) => {
                self.set_topic(Place::Node, MessageType::NCmd, MessageType::DCmd, scratch);
                if self.config.primary_host.is_some() {
                    self.phase = Phase::Subscribing(1);
                } else {
                    self.begin_birth();
                }
                Some(Emit::Subscribe)
            }
            Phase::Subscribing(_) => {
                let host = self.config.primary_host.unwrap_or("");
                scratch.topic.clear();
                write!(scratch.topic, "{}", Topic::State { host }).unwrap_or(());
                self.phase = Phase::AwaitingHost;
                Some(Emit::Subscribe)
            }
            Phase::Birthing(step) => self.birth(now, step, scratch),
            Phase::Online => self.online(now, scratch),
            Phase::Leaving(0) => {
                self.phase = Phase::Leaving(1);
                let end = self.node_death(now, scratch)?;
                Some(Emit::Publish {
                    start: 0,
                    end,
                    qos: Qos::AtLeastOnce,
                    journal_seq: None,
                    historical: false,
                })
            }
            Phase::Leaving(_) => {
                self.phase = Phase::Left;
                Some(Emit::Disconnect)
            }
            Phase::Waiting { .. }
            | Phase::Connecting
            | Phase::AwaitingHost
            | Phase::Left
            | Phase::Stopped
            | Phase::Failed(_) => None,
        }
    }

    /// Live data before history, always: history waits for its pace.
    fn online<const N: usize>(&mut self, now: UtcMillis, scratch: &mut Scratch<N>) -> Option<Emit> {
        if let Some(emit) = self.presence(now, scratch) {
            return Some(emit);
        }
        if !matches!(self.phase, Phase::Online) {
            return None;
        }
        self.check_ack(now);
        if let Some(emit) = self.live(now, scratch) {
            return Some(emit);
        }
        if let Some(emit) = self.status(now, scratch) {
            return Some(emit);
        }
        if let Some(emit) = self.historical(now, scratch) {
            return Some(emit);
        }
        self.heartbeat(now, scratch)
    }

    /// When what was sent should have been acknowledged. Not while history is still going out.
    fn ack_deadline(&self) -> Option<UtcMillis> {
        if !self.config.journal || !self.history.is_empty() {
            return None;
        }
        let wait = i64::from(self.config.ack_timeout_ms) << self.ack_timeouts_in_row.min(5);
        self.awaiting_ack.map(|since| since.saturating_add_ms(wait))
    }

    fn check_ack(&mut self, now: UtcMillis) {
        if self.ack_deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        let first = self.journal.first();
        let sent = self.journal.window().to_send().unwrap_or(self.journal.next());
        if first < sent {
            self.history.add(first, sent - 1);
            self.awaiting_ack = Some(now);
            self.ack_timeouts_in_row = self.ack_timeouts_in_row.saturating_add(1);
            self.counters.ack_timeouts += 1;
        } else {
            self.awaiting_ack = None;
        }
    }
}
