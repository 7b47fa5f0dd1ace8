//! Deaths of nodes and devices, and devices that did not come back.

use super::oddity::OddityKey;
use super::receive::{Applied, Incoming, message_time};
use super::{Host, Node};
use crate::equipment::Moment;
use vigil_protocol::journal::METRIC_BDSEQ;
use vigil_protocol::sparkplug::{DataType, PayloadView};

/// What a node's death certificate has to do with its birth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Match {
    /// It is this session's, or nobody can tell.
    Current,
    /// It is of no session that is known; it counts all the same.
    Odd,
    /// It is an earlier session's will, late.
    Stale,
}

impl Node {
    pub(super) fn receive_node_death(&mut self, host: &mut Host<'_>, incoming: &Incoming<'_>) {
        let print = super::recent::fingerprint("", incoming.payload);
        if !self.online && self.deaths > 0 && self.death == print {
            self.repeat(host);
            return;
        }
        self.log(host, incoming, Some(0), None, false);
        self.give_up_all(host);
        match self.match_death(bd_seq_of(&incoming.view)) {
            Match::Stale => {
                self.note(OddityKey::StaleWill, host.now);
                self.on_due(host);
                return;
            }
            Match::Odd => self.note(OddityKey::DeathMatchesNoBirth, host.now),
            Match::Current => {}
        }
        self.death = print;
        self.deaths = self.deaths.saturating_add(1);
        if self.online || self.since.is_none() {
            self.online = false;
            self.since = Some(host.now);
        }
        self.reborn_due = None;
        if self.rebirth.on_death(host.now) {
            self.note(OddityKey::SilentAfterRebirth, host.now);
        }
        // A will is written when the node connects: its time says nothing about the death.
        let now = host.now;
        let moment = Moment {
            position: incoming.position,
            received: now,
            published: now,
            historical: false,
        };
        for at in 0..self.devices.len() {
            self.devices[at].born = false;
            self.set_device_online(host, at, false, &moment);
        }
        self.on_due(host);
    }

    fn match_death(&self, death: Option<u64>) -> Match {
        let (Some(birth), Some(death)) = (self.bd_seq, death) else {
            return Match::Current;
        };
        if birth == death {
            return Match::Current;
        }
        match birth.wrapping_sub(death) & 0xFF {
            1..128 if self.online => Match::Stale,
            _ => Match::Odd,
        }
    }

    pub(super) fn apply_device_death(&mut self, host: &mut Host<'_>, applied: &Applied<'_>) {
        let Some(at) = applied.at else { return };
        let published = message_time(host, &applied.view, false).published(false);
        let moment = Moment {
            position: applied.position,
            received: host.now,
            published,
            historical: false,
        };
        self.devices[at].born = false;
        self.set_device_online(host, at, false, &moment);
    }

    /// Devices that were not born again in time after their node was.
    pub(super) fn give_up_unborn(&mut self, host: &mut Host<'_>) {
        self.reborn_due = None;
        let Some(position) = self.position else { return };
        let moment = Moment {
            position,
            received: host.now,
            published: host.now,
            historical: false,
        };
        for at in 1..self.devices.len() {
            let device = &self.devices[at];
            let silent = device
                .last_heard
                .is_none_or(|at| host.now.since(at) >= super::REBORN_WITHIN_MS);
            if device.online && !device.born && silent {
                self.note(OddityKey::DeviceNotReborn, host.now);
                self.set_device_online(host, at, false, &moment);
            }
        }
    }
}

/// The session a death certificate is of. Some send it without datatype.
fn bd_seq_of(view: &PayloadView<'_>) -> Option<u64> {
    view.metrics()
        .flatten()
        .filter(|metric| metric.name == Some(METRIC_BDSEQ))
        .filter_map(|metric| metric.value(Some(DataType::UInt64)).ok()?.as_u64())
        .last()
}
