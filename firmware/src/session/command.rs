//! What the gateway and the primary host say.

use vigil_protocol::journal::{
    METRIC_ACK, METRIC_EPOCH, METRIC_REBIRTH, METRIC_RESEND, METRIC_RESEND_TO, METRIC_TIME,
};
use vigil_protocol::sparkplug::{DataType, HostState, MessageType, MetricView, PayloadView, Topic, Value};
use vigil_protocol::time::UtcMillis;

use super::{Heard, Phase, Session, alias};
use crate::journal::Acked;
use crate::storage::Storage;

/// The commands of one NCMD. Journal commands only mean something together with their epoch.
#[derive(Default)]
struct Commands {
    rebirth: bool,
    epoch: Option<u64>,
    ack: Option<u64>,
    resend: Option<u64>,
    resend_to: Option<u64>,
    time: Option<UtcMillis>,
    unknown: bool,
}

impl<S: Storage, const METRICS: usize, const DEVICES: usize> Session<'_, S, METRICS, DEVICES> {
    /// A message arrived on a subscribed topic. Whatever it is, it cannot do more than its `Heard` says.
    pub fn on_message(&mut self, now: UtcMillis, topic: &str, payload: &[u8]) -> Heard {
        let heard = match Topic::parse(topic) {
            Ok(Topic::Node {
                message: MessageType::NCmd,
                group,
                node,
            }) if group == self.def.group && node == self.def.node => self.on_command(now, payload),
            Ok(Topic::State { host }) if self.config.primary_host == Some(host) => {
                self.on_host_state(payload)
            }
            _ => Heard {
                ignored: true,
                ..Heard::default()
            },
        };
        self.counters.commands_ignored += u32::from(heard.ignored);
        heard
    }

    fn on_command(&mut self, now: UtcMillis, payload: &[u8]) -> Heard {
        let mut heard = Heard::default();
        let Ok(payload) = PayloadView::parse(payload) else {
            heard.ignored = true;
            return heard;
        };
        let mut commands = Commands::default();
        for metric in payload.metrics() {
            match metric {
                Ok(metric) => commands.add(&metric),
                Err(_) => commands.unknown = true,
            }
        }
        heard.ignored = commands.unknown;
        if let Some(time) = commands.time {
            if self.config.accept_time {
                self.set_clock(now, time);
                heard.time = true;
            } else {
                heard.ignored = true;
            }
        }
        let born = matches!(self.phase, Phase::Birthing(_) | Phase::Online);
        let mut again = commands.rebirth && born;
        self.counters.rebirth_requests += u32::from(commands.rebirth);
        heard.rebirth = again;
        if self.config.journal
            && let Some(epoch) = commands.epoch
        {
            if let Some(seq) = commands.ack {
                again |= self.on_ack(now, epoch, seq, &mut heard);
            }
            if let (Some(from), true) = (commands.resend, epoch == self.journal.epoch()) {
                heard.resend = self.on_resend(from, commands.resend_to.unwrap_or(from));
            }
        }
        if again && born {
            self.begin_birth();
        }
        heard
    }

    /// True when the node must give birth again.
    fn on_ack(&mut self, now: UtcMillis, epoch: u64, seq: u64, heard: &mut Heard) -> bool {
        match self.journal.on_ack(epoch, seq) {
            Err(_) => self.counters.storage_faults += 1,
            Ok(Acked::Nothing) => {}
            Ok(Acked::NewEpoch) => return true,
            Ok(Acked::Freed(count)) => {
                heard.freed = count;
                self.counters.acked += count;
                self.ack_timeouts_in_row = 0;
                let first = self.journal.first();
                self.history.forget_below(first);
                let sent = self.journal.window().to_send().unwrap_or(self.journal.next());
                self.awaiting_ack = (first < sent).then_some(now);
            }
        }
        false
    }

    /// Sends again what is held of the range; for what is not, says what is held.
    fn on_resend(&mut self, from: u64, to: u64) -> Option<(u64, u64)> {
        if from < self.journal.first() {
            self.status_due = true;
        }
        let (from, to) = self.journal.window().on_resend(from, to)?;
        // What was not sent at all yet is on its way.
        let to = match self.journal.window().to_send() {
            Some(unsent) if unsent <= from => return None,
            Some(unsent) => to.min(unsent - 1),
            None => to,
        };
        self.history.add(from, to);
        Some((from, to))
    }

    fn on_host_state(&mut self, payload: &[u8]) -> Heard {
        let mut heard = Heard::default();
        let Ok(state) = HostState::parse(payload) else {
            heard.ignored = true;
            return heard;
        };
        if self.host_seen.is_some_and(|seen| state.timestamp < seen) {
            heard.ignored = true;
            return heard;
        }
        self.host_seen = Some(state.timestamp);
        heard.host = Some(state.online);
        match (self.phase, state.online) {
            (Phase::AwaitingHost, true) => self.begin_birth(),
            (Phase::Birthing(_) | Phase::Online, false) => self.leave_server(),
            // Not born here: only worth leaving when there is another server to try.
            (Phase::AwaitingHost, false) if self.config.servers > 1 => self.leave_server(),
            _ => {}
        }
        heard
    }

    fn leave_server(&mut self) {
        self.server = (self.server + 1) % self.config.servers.max(1);
        // Another server's host has its own clock and history.
        self.host_seen = None;
        self.phase = Phase::Leaving(0);
    }
}

impl Commands {
    fn add(&mut self, metric: &MetricView<'_>) {
        let name = match (metric.name, metric.alias) {
            (Some(name), _) if !name.is_empty() => name,
            (_, Some(alias::TIME)) => METRIC_TIME,
            (_, Some(alias::EPOCH)) => METRIC_EPOCH,
            _ => "",
        };
        let number = || {
            metric
                .value(Some(DataType::UInt64))
                .ok()
                .and_then(|value| value.as_u64())
        };
        let known = match name {
            METRIC_REBIRTH => {
                let value = metric
                    .value(Some(DataType::Boolean))
                    .ok()
                    .and_then(|value| value.as_bool());
                self.rebirth |= value == Some(true);
                value.is_some()
            }
            METRIC_EPOCH => store(&mut self.epoch, number()),
            METRIC_ACK => store(&mut self.ack, number()),
            METRIC_RESEND => store(&mut self.resend, number()),
            METRIC_RESEND_TO => store(&mut self.resend_to, number()),
            METRIC_TIME => {
                let time = match metric.value(Some(DataType::DateTime)) {
                    Ok(Value::DateTime(time)) => Some(time),
                    Ok(value) => value.as_i64().map(UtcMillis),
                    Err(_) => None,
                };
                store(&mut self.time, time)
            }
            _ => false,
        };
        self.unknown |= !known;
    }
}

fn store<T>(to: &mut Option<T>, value: Option<T>) -> bool {
    let known = value.is_some();
    if known {
        *to = value;
    }
    known
}
